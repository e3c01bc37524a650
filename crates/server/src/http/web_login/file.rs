//! Web logins over a restart: what is open when the server ends is written to a file, and taken from it when
//! it starts again. The file is gone before anybody is let in by it, so that who logs out stays logged out
//! whatever happens; after a crash there is none, and pages log in again.
//!
//! It holds nothing that lets anybody in: hashes of cookies, and of what a login was checked with. Must not:
//! make anything wait or fail; a file that cannot be used is no file.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use koi_sessions::Login;
use koi_types::{AccessSet, AccountId, Address, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{Hash, Kept, LOGINS_MAX, WebLogins};
use crate::folder::{make_names_durable, write_private};
use crate::password::{KeptProof, Proven};
use crate::problem::Problem;

/// One of this form; another is not read.
const VERSION: u32 = 1;
/// More than [`LOGINS_MAX`] take with the longest addresses.
const FILE_OCTETS_MAX: u64 = 96 * 1024 * 1024;

#[derive(Serialize, Deserialize)]
struct Written {
    version: u32,
    logins: Vec<Line>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    /// Of the cookie's secret.
    hash: String,
    account: u32,
    address: String,
    access: u32,
    client: Option<Box<str>>,
    /// Of what it was checked with.
    proof: String,
    app_password: Option<u32>,
    /// When it was used last, in milliseconds since 1970.
    used: i64,
}

impl WebLogins {
    /// Writes what is open, for the next start.
    pub(in crate::http) fn write(&self, file: &Path) -> Result<(), Problem> {
        let (now, at) = (Instant::now(), crate::clock::now());
        let logins: Vec<Line> =
            self.logins.lock().iter().map(|(hash, kept)| line(hash, kept, now, at)).collect();
        if logins.is_empty() {
            return Ok(());
        }
        let text = serde_json::to_string(&Written { version: VERSION, logins });
        let text = text.map_err(|error| Problem::new(error.to_string(), "report this as a bug"))?;
        write_private(file, &text)
    }
    /// Takes what was open when the server ended; from now on there is no file.
    pub(in crate::http) fn take(&self, file: &Path) -> Result<(), Problem> {
        let open = match File::open(file) {
            Ok(open) => open,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(Problem::file("open", file)(error)),
        };
        let mut text = String::new();
        let read = open.take(FILE_OCTETS_MAX).read_to_string(&mut text);
        std::fs::remove_file(file).map_err(Problem::file("remove", file))?;
        make_names_durable(file)?;
        read.map_err(Problem::file("read", file))?;
        let remedy = "nothing: pages log in again";
        let written: Written = serde_json::from_str(&text)
            .map_err(|error| Problem::new(format!("{}: {error}", file.display()), remedy))?;
        if written.version != VERSION {
            let what = format!("{} has version {}", file.display(), written.version);
            return Err(Problem::new(what, remedy));
        }
        let (now, at) = (Instant::now(), crate::clock::now());
        let taken = written.logins.iter().take(LOGINS_MAX).filter_map(|line| read_line(line, now, at));
        self.logins.lock().extend(taken);
        Ok(())
    }
}

fn line(hash: &Hash, kept: &Kept, now: Instant, at: Timestamp) -> Line {
    let Login { account, address, access, app_password } = &kept.proven.login;
    let KeptProof { digest, app_password: number } = kept.proven.keep();
    let ago = i64::try_from(now.saturating_duration_since(kept.used).as_millis()).unwrap_or(i64::MAX);
    Line {
        hash: URL_SAFE_NO_PAD.encode(hash),
        account: account.0,
        address: address.to_string(),
        access: access.bits(),
        client: app_password.clone(),
        proof: URL_SAFE_NO_PAD.encode(digest),
        app_password: number,
        used: at.0.saturating_sub(ago),
    }
}

/// Nothing where it cannot be read.
fn read_line(line: &Line, now: Instant, at: Timestamp) -> Option<(Hash, Kept)> {
    let octets = |text: &str| URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok();
    let login = Login {
        account: AccountId(line.account),
        address: Address::parse(&line.address)?,
        access: AccessSet::from_bits(line.access),
        app_password: line.client.clone(),
    };
    let proof = KeptProof { digest: octets(&line.proof)?, app_password: line.app_password };
    // A clock that was set back makes nobody older than he is.
    let ago = u64::try_from(at.0.saturating_sub(line.used)).unwrap_or(0);
    let used = now.checked_sub(Duration::from_millis(ago))?;
    Some((
        octets(&line.hash)?,
        Kept { proven: Proven::kept(login, proof), used, open: watch::Sender::new(()) },
    ))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn logins() -> WebLogins {
        WebLogins::new(Duration::from_secs(100))
    }

    #[test]
    fn what_is_open_is_open_after_a_restart_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("web-logins");
        let (before, now) = (logins(), Instant::now());
        let ago = |secs| now.checked_sub(Duration::from_secs(secs)).unwrap();
        let cookie = before.log_in(Proven::for_tests(AccountId(7)), ago(60));
        let old = before.log_in(Proven::for_tests(AccountId(8)), ago(101));
        let out = before.log_in(Proven::for_tests(AccountId(7)), now);
        before.log_out(&out);
        let ticket = before.ticket(Proven::for_tests(AccountId(7)), now);
        before.write(&file).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.contains(&cookie) && text.contains("test@example.org"), "{text}");

        let after = logins();
        after.take(&file).unwrap();
        assert!(!file.exists());
        let found = after.find(&cookie, now).unwrap();
        assert_eq!(found.proven.login, Proven::for_tests(AccountId(7)).login);
        assert!(after.find(&old, now).is_none() && after.find(&out, now).is_none());
        assert!(after.redeem(&ticket, now).is_none());
        // It has not been used since before the restart.
        let again = logins();
        before.write(&file).unwrap();
        again.take(&file).unwrap();
        assert!(again.find(&cookie, now + Duration::from_secs(45)).is_none());
        // There is nothing for the next.
        let next = logins();
        next.take(&file).unwrap();
        assert!(next.find(&cookie, now).is_none());
        next.write(&file).unwrap();
        assert!(!file.exists(), "nobody is logged in");
    }

    #[test]
    fn a_file_that_cannot_be_used_is_none_and_goes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("web-logins");
        for text in ["", "nonsense", "{\"version\":2,\"logins\":[]}", "{\"version\":1,\"logins\":[{}]}"] {
            std::fs::write(&file, text).unwrap();
            assert!(logins().take(&file).is_err(), "{text}");
            assert!(!file.exists(), "{text}");
        }
        // A line that is no login is left out.
        let line = "{\"hash\":\"x\",\"account\":1,\"address\":\"no address\",\"access\":1,\"client\":null,\
                    \"proof\":\"\",\"app_password\":null,\"used\":1}";
        std::fs::write(&file, format!("{{\"version\":1,\"logins\":[{line}]}}")).unwrap();
        let logins = logins();
        logins.take(&file).unwrap();
        assert!(logins.logins.lock().is_empty());
    }
}
