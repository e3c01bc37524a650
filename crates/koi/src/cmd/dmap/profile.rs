//! The profile folder: for each account the server it is on, and the wallet.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use koi_dmap_client::{WALLET_OCTETS_MAX, Wallet};
use koi_server::{Problem, folder};
use koi_types::Address;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use crate::cli::dmap::Who;

/// The port of DMAP; no other is assigned.
pub(super) const PORT: u16 = 9933;
/// Octets of a file with a password.
const PASSWORD_OCTETS_MAX: u64 = 4096;

/// Where an account's server is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) ca: Option<PathBuf>,
}

/// One account's part of the profile folder. Nobody else has it while this is there.
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) address: Address,
    folder: PathBuf,
    pub(super) server: Server,
    _lock: File,
}

impl Profile {
    /// The account's folder, made if it is not there.
    pub(super) fn open(who: &Who) -> Result<Self, Problem> {
        let root = match &who.profile {
            Some(folder) => folder.clone(),
            None => default_folder()?,
        };
        let address = match &who.account {
            Some(address) => address.clone(),
            None => only_account(&root)?,
        };
        let folder = root.join(address.to_string().replace('/', "%2F"));
        let server_file = folder.join("server.json");
        let remembered = match std::fs::read(&server_file) {
            Ok(octets) => Some(serde_json::from_slice(&octets).map_err(|error| {
                Problem::new(format!("{}: {error}", server_file.display()), "log in again with --server")
            })?),
            Err(_) => None,
        };
        let server = server(who, remembered, &address)?;
        folder::make_private(&root)?;
        folder::make_private(&folder)?;
        let lock_file = folder.join("lock");
        let lock = File::options().create(true).append(true).open(&lock_file);
        let lock = lock.map_err(Problem::file("create", &lock_file))?;
        flock(&lock, FlockOperation::LockExclusive)
            .map_err(|error| Problem::file("lock", &lock_file)(error.into()))?;
        Ok(Self { address, folder, server, _lock: lock })
    }

    pub(super) fn wallet(&self) -> Result<Wallet, Problem> {
        let file = self.folder.join("wallet");
        match read_text(&file, WALLET_OCTETS_MAX as u64) {
            Ok(text) => {
                Wallet::parse(&text).map_err(|error| super::problem(error.into())).map_err(|mut problem| {
                    problem.what = format!("{}: {}", file.display(), problem.what).into();
                    problem
                })
            }
            Err(_) if !file.exists() => Ok(Wallet::default()),
            Err(problem) => Err(problem),
        }
    }
    pub(super) fn save(&self, wallet: &Wallet) -> Result<(), Problem> {
        folder::write_private(&self.folder.join("wallet"), &wallet.text())
    }
    pub(super) fn remember(&self) -> Result<(), Problem> {
        let text = serde_json::to_string(&self.server).map_err(|error| {
            Problem::new(format!("cannot write the profile: {error}"), "report this as a bug")
        })?;
        folder::write_private(&self.folder.join("server.json"), &format!("{text}\n"))
    }
}

/// The first line of a file, without its end.
pub(super) fn first_line(file: &Path) -> Result<String, Problem> {
    let text = read_text(file, PASSWORD_OCTETS_MAX)?;
    let line = text.lines().next().unwrap_or_default().to_owned();
    match line.is_empty() {
        true => Err(Problem::usage(format!("{}: the first line is empty", file.display()), "write it there")),
        false => Ok(line),
    }
}

fn read_text(file: &Path, octets_max: u64) -> Result<String, Problem> {
    let mut text = String::new();
    let opened = File::open(file).map_err(Problem::file("open", file))?;
    opened.take(octets_max + 1).read_to_string(&mut text).map_err(Problem::file("read", file))?;
    match text.len() as u64 > octets_max {
        true => Err(Problem::new(format!("{}: too large", file.display()), "give another file")),
        false => Ok(text),
    }
}

fn server(who: &Who, remembered: Option<Server>, address: &Address) -> Result<Server, Problem> {
    let mut server = match (&who.server, remembered) {
        (Some(text), _) => {
            let (host, port) = host_and_port(text)?;
            Server { host, port, ca: None }
        }
        (None, Some(server)) => server,
        (None, None) => {
            let what = format!("no server is known for {address}");
            return Err(Problem::usage(what, format!("koi dmap login {address} --server HOST:PORT")));
        }
    };
    if let Some(ca) = &who.ca {
        server.ca = Some(super::super::absolute(ca)?);
    }
    Ok(server)
}

/// `HOST`, `HOST:PORT` or `[ADDRESS]:PORT`.
fn host_and_port(text: &str) -> Result<(String, u16), Problem> {
    let wrong =
        || Problem::usage(format!("`{text}` is not HOST or HOST:PORT"), "write mail.example.org:9933");
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if host.ends_with(']') || !host.contains(':') => {
            (host, port.parse().map_err(|_| wrong())?)
        }
        _ => (text, PORT),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() { Err(wrong()) } else { Ok((host.to_owned(), port)) }
}

fn only_account(root: &Path) -> Result<Address, Problem> {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let known: Vec<Address> = names.filter_map(|name| Address::parse(&name.replace("%2F", "/"))).collect();
    match known.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(Problem::usage("no account is known yet", "koi dmap login USER@DOMAIN --server HOST:PORT")),
        several => {
            let names: Vec<String> = several.iter().map(ToString::to_string).collect();
            Err(Problem::usage(format!("which account: {}?", names.join(", ")), "name it with --account"))
        }
    }
}

fn default_folder() -> Result<PathBuf, Problem> {
    if let Some(folder) = std::env::var_os("KOI_DMAP_PROFILE") {
        return Ok(folder.into());
    }
    let of = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = of("XDG_DATA_HOME").or_else(|| of("HOME").map(|home| home.join(".local/share")));
    let missing = || Problem::usage("neither XDG_DATA_HOME nor HOME is set", "name a folder with --profile");
    data.map(|data| data.join("koi-dmap")).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        for (text, host, port) in [
            ("mail.example.org", "mail.example.org", 9933),
            ("localhost:19933", "localhost", 19933),
            ("[::1]:19933", "::1", 19933),
            ("::1", "::1", 9933),
        ] {
            assert_eq!(host_and_port(text).unwrap(), (host.to_owned(), port), "{text}");
        }
        for text in ["", ":1", "a:b", "a:70000"] {
            assert!(host_and_port(text).is_err(), "{text}");
        }
    }
}
