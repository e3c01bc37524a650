//! The keys of this server's organisations, one for each domain: made when the folder is set up, kept
//! encrypted in it (docs/decisions/0010-organisation-keys.md, docs/DIME.md).
//!
//! `dmap/DOMAIN.key` is the encrypted key, `dmap/DOMAIN.signet` its public half, which `koi dns` reads
//! without any secret, and `dmap/secret` (or `dmap.secret_file`) what the keys are encrypted with. A key that
//! was there is never replaced: users' signets and other servers hang on it.

use std::path::{Path, PathBuf};

use koi_dime::armor::{self, Label};
use koi_dime::key::{Holder, PrivateKeys};
use koi_dime::signet::Detail;
use koi_dime::stacie::RealmKey;
use koi_dime::{NoRandomness, OrgSignet, Organisation, Random, Secret};
use koi_proto::dmap::id::{base64url_decode, base64url_encode};
use zeroize::Zeroizing;

use crate::config::Config;
use crate::folder::write_private;
use crate::problem::Problem;

/// Octets of a file that is read here, as text.
const FILE_OCTETS_MAX: u64 = 512 * 1024;
/// Of the host that offers DMAP.
const MAIL_ACCESS_HOST: u8 = 206;

/// Random octets of the system.
#[derive(Clone, Copy, Debug)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&mut self, octets: &mut [u8]) -> Result<(), NoRandomness> {
        getrandom::fill(octets).map_err(|_| NoRandomness)
    }
}

/// Where the files are.
#[derive(Clone, Debug)]
struct Files {
    folder: PathBuf,
    secret: PathBuf,
}

impl Files {
    fn of(config: &Config) -> Self {
        let folder = config.data.join("dmap");
        let secret = config.dmap_secret_file.clone().unwrap_or_else(|| folder.join("secret"));
        Self { folder, secret }
    }
    fn key(&self, domain: &str) -> PathBuf {
        self.folder.join(format!("{}.key", file_name(domain)))
    }
    fn signet(&self, domain: &str) -> PathBuf {
        self.folder.join(format!("{}.signet", file_name(domain)))
    }
    fn has_keys(&self) -> bool {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries.into_iter().any(|entry| entry.path().extension().is_some_and(|it| it == "key"))
    }
}

/// The organisations of all domains; what is missing is made.
pub fn open(config: &Config) -> Result<Vec<Organisation>, Problem> {
    let files = Files::of(config);
    crate::folder::make_private(&files.folder)?;
    let secret = secret(&files)?;
    config.domains.iter().map(|domain| organisation(config, &files, &secret, domain)).collect()
}

/// The organisation of a domain, where its key was made before.
pub fn existing(config: &Config, domain: &str) -> Result<Option<Organisation>, Problem> {
    let files = Files::of(config);
    if read(&files.key(domain))?.is_none() {
        return Ok(None);
    }
    organisation(config, &files, &secret(&files)?, domain).map(Some)
}

/// The public half of a domain's key; nothing before it was made.
pub fn signet(config: &Config, domain: &str) -> Result<Option<OrgSignet>, Problem> {
    let file = Files::of(config).signet(domain);
    let Some(text) = read(&file)? else { return Ok(None) };
    parse_signet(&file, &text).map(Some)
}

fn parse_signet(file: &Path, text: &str) -> Result<OrgSignet, Problem> {
    let object =
        armor::decode(text, koi_dime::signet::SIGNET_OCTETS_MAX).map_err(|error| damaged(file, &error))?;
    OrgSignet::parse(&object.octets).map_err(|error| damaged(file, &error))
}

/// What the keys are encrypted with; made with the first of them.
fn secret(files: &Files) -> Result<Secret<64>, Problem> {
    if let Some(text) = read(&files.secret)? {
        let octets = base64url_decode(text.trim().as_bytes()).map(Zeroizing::new);
        let secret = octets.ok().and_then(|octets| Secret::from_slice(&octets));
        return secret.ok_or_else(|| damaged(&files.secret, &"not 64 octets in base64url"));
    }
    if files.has_keys() {
        let what = format!(
            "{} is missing, and the organisations' keys in {} cannot be opened without it",
            files.secret.display(),
            files.folder.display()
        );
        let remedy = "restore it from the backup, or set dmap.secret_file to where it is now; new keys would \
                      make every signet and every encrypted message of these domains worthless";
        return Err(Problem::new(what, remedy));
    }
    let secret = Secret::random(&mut SystemRandom).map_err(no_randomness)?;
    let text = Zeroizing::new(format!("{}\n", base64url_encode(secret.expose())));
    write_private(&files.secret, &text)?;
    Ok(secret)
}

fn organisation(
    config: &Config,
    files: &Files,
    secret: &Secret<64>,
    domain: &str,
) -> Result<Organisation, Problem> {
    let (key_file, signet_file) = (files.key(domain), files.signet(domain));
    let realm = RealmKey::of_site(secret, &format!("organisation {domain}"));
    let known = read(&signet_file)?.map(|text| parse_signet(&signet_file, &text)).transpose()?;
    let keys = match read(&key_file)? {
        Some(text) => {
            let object = armor::decode(&text, 1024).map_err(|error| damaged(&key_file, &error))?;
            PrivateKeys::decrypt(Holder::Organisation, &object.octets, &realm)
                .map_err(|error| damaged(&key_file, &error))?
        }
        None if known.is_some() => {
            let what =
                format!("{} is missing, though {} is there", key_file.display(), signet_file.display());
            return Err(Problem::new(what, "restore the key from the backup; it cannot be made again"));
        }
        None => make(&key_file, &realm)?,
    };
    let details = [Detail::text(MAIL_ACCESS_HOST, &config.hostname)];
    let organisation = Organisation::new(domain, keys, &details).map_err(|error| {
        Problem::usage(format!("{domain}: {error}"), "check server.domains and server.hostname")
    })?;
    if known.as_ref().is_some_and(|known| known.primary() != organisation.signet().primary()) {
        let what = format!("{} is not the signet of {}", signet_file.display(), key_file.display());
        return Err(Problem::new(what, "restore both from the same backup"));
    }
    // Its details follow the configuration.
    if known.as_ref() != Some(organisation.signet()) {
        let text = armor::encode(Label::OrgSignet, &organisation.signet().object());
        write_private(&signet_file, &text)?;
    }
    Ok(organisation)
}

fn make(file: &Path, realm: &RealmKey) -> Result<PrivateKeys, Problem> {
    let keys = PrivateKeys::generate(Holder::Organisation, &mut SystemRandom).map_err(no_randomness)?;
    let shard = Secret::<16>::random(&mut SystemRandom).map_err(no_randomness)?;
    let object = keys.encrypt(realm, shard.expose()).map_err(|error| damaged(file, &error))?;
    write_private(file, &armor::encode(Label::EncryptedOrgKey, &object))?;
    Ok(keys)
}

/// `None` when it is not there.
fn read(file: &Path) -> Result<Option<Zeroizing<String>>, Problem> {
    match std::fs::metadata(file) {
        Ok(facts) if facts.len() > FILE_OCTETS_MAX => Err(damaged(file, &"it is far too large")),
        Ok(_) => {
            std::fs::read_to_string(file).map(|text| Some(text.into())).map_err(Problem::file("read", file))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Problem::file("read", file)(error)),
    }
}

fn damaged(file: &Path, error: &dyn std::fmt::Display) -> Problem {
    let what = format!("{}: {error}", file.display());
    Problem::new(what, "restore dmap/ of the data folder and the secret (dmap.secret_file) from one backup")
}

fn no_randomness(error: NoRandomness) -> Problem {
    Problem::new(error, "no key can be made here")
}

/// A domain as a name of a file: what else than letters, digits, hyphens and inner dots is in it becomes
/// `%XX`.
fn file_name(domain: &str) -> String {
    let plain = |(at, octet): (usize, u8)| match octet {
        b'.' if at == 0 => "%2E".to_owned(),
        b'.' | b'-' | b'_' | b'a'..=b'z' | b'0'..=b'9' => char::from(octet).to_string(),
        other => format!("%{other:02X}"),
    };
    domain.bytes().enumerate().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::config::{raw, resolve};

    fn config(folder: &Path, more: &str) -> Config {
        let text = format!(
            "[server]\nhostname='mail.example.org'\ndomains=['example.org', 'b\u{fc}ro/..']\ndata='{}'\n\
             [listen]\nlmtp=['127.0.0.1:10024']\n{more}",
            folder.display()
        );
        resolve::resolve(&raw::parse(Path::new("koi.toml"), &text).unwrap()).unwrap()
    }

    fn whole(config: &Config) -> Vec<OrgSignet> {
        open(config).unwrap().iter().map(|organisation| organisation.signet().clone()).collect()
    }

    #[test]
    fn made_once_and_opened_ever_after() {
        let outer = tempfile::tempdir().unwrap();
        let config = config(outer.path(), "");
        assert_eq!(signet(&config, "example.org").unwrap(), None);
        let first = whole(&config);
        assert_ne!(first[0].primary(), first[1].primary());
        assert_eq!(first[0].mail_access_host(), Some("mail.example.org"));
        assert_eq!(whole(&config), first);
        assert_eq!(signet(&config, "example.org").unwrap().as_ref(), first.first());
        for name in ["secret", "example.org.key", "example.org.signet", "b%C3%BCro%2F...key"] {
            let mode = std::fs::metadata(outer.path().join("dmap").join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        // The public half is made again of the private one.
        std::fs::remove_file(outer.path().join("dmap/example.org.signet")).unwrap();
        assert_eq!(whole(&config), first);
    }

    #[test]
    fn nothing_in_the_folder_opens_without_the_secret() {
        let outer = tempfile::tempdir().unwrap();
        let elsewhere = outer.path().join("elsewhere");
        std::fs::create_dir(&elsewhere).unwrap();
        let data = outer.path().join("data");
        let config = config(&data, &format!("[dmap]\nsecret_file='{}/koi'\n", elsewhere.display()));
        let keys = open(&config).unwrap();
        let seeds = keys.iter().map(|key| key.signing().seed().expose().to_vec());
        let scalars = keys.iter().map(|key| key.decryption().scalar().expose().to_vec());
        let secrets: Vec<Vec<u8>> = seeds.chain(scalars).collect();
        for entry in std::fs::read_dir(data.join("dmap")).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            let object = armor::decode(&text, 1 << 20).unwrap().octets;
            assert!(secrets.iter().all(|secret| !object.windows(32).any(|window| window == secret)));
        }
        std::fs::rename(elsewhere.join("koi"), elsewhere.join("gone")).unwrap();
        let problem = open(&config).unwrap_err();
        assert!(
            problem.what.contains("koi is missing") && problem.remedy.contains("dmap.secret_file"),
            "{problem}"
        );
        assert!(!elsewhere.join("koi").exists(), "no new one is made");
        // Another secret opens nothing.
        let other = base64url_encode(&[7; 64]);
        std::fs::write(elsewhere.join("koi"), other).unwrap();
        let problem = open(&config).unwrap_err();
        assert!(problem.what.contains("encrypted with another realm key"), "{problem}");
        std::fs::write(elsewhere.join("koi"), "abc").unwrap();
        assert!(open(&config).unwrap_err().what.contains("not 64 octets"));
    }

    #[test]
    fn a_key_that_was_lost_is_not_replaced() {
        let outer = tempfile::tempdir().unwrap();
        let config = config(outer.path(), "");
        open(&config).unwrap();
        let key = outer.path().join("dmap/example.org.key");
        let kept = std::fs::read_to_string(&key).unwrap();
        std::fs::remove_file(&key).unwrap();
        assert!(open(&config).unwrap_err().what.contains("example.org.key is missing"));
        assert!(!key.exists());
        let signet = outer.path().join("dmap/example.org.signet");
        std::fs::rename(outer.path().join("dmap/b%C3%BCro%2F...signet"), &signet).unwrap();
        std::fs::write(&key, kept).unwrap();
        assert!(open(&config).unwrap_err().what.contains("is not the signet of"));
    }
}
