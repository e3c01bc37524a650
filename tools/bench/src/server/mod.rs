//! The servers under test behind one trait: start, stop, kill, ports, accounts, files.
//! Each runs from an empty folder on the disk of the build, on free loopback ports.

mod accounts;
pub(crate) mod cyrus;
pub(crate) mod dovecot;
pub(crate) mod koi;
pub(crate) mod process;
pub(crate) mod processors;
pub(crate) mod subscriptions;

use std::net::TcpListener;
use std::path::Path;

use crate::failure::{Outcome, fail};

/// The password of every account.
pub(crate) const PASSWORD: &str = "correct-horse-4711";
/// The domain of every account.
pub(crate) const DOMAIN: &str = "example.org";

/// Where a server listens, on 127.0.0.1.
#[derive(Clone, Copy)]
pub(crate) struct Ports {
    /// IMAP in clear text.
    pub(crate) imap: u16,
    /// IMAP over implicit TLS.
    pub(crate) imaps: u16,
    /// LMTP.
    pub(crate) lmtp: u16,
    /// Submission over implicit TLS, where the server has it.
    pub(crate) submissions: Option<u16>,
    /// HTTPS, where the server has JMAP.
    pub(crate) https: Option<u16>,
    /// DMAP, where the server has it.
    pub(crate) dmap: Option<u16>,
}

/// Whether a server keeps an index for searches.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Index {
    /// As it is installed.
    Usual,
    On,
    Off,
}

/// A mail server that can be measured.
pub(crate) trait Server {
    /// The column it fills: `koi`, or the name of a peer.
    fn name(&self) -> &'static str;
    /// Its version, one line.
    fn version(&self) -> Outcome<String>;
    /// Removes all data and starts with `accounts` accounts, `user(0)` to `user(accounts - 1)`.
    fn start_empty(&mut self, accounts: u32) -> Outcome<()>;
    /// Starts on the data that is there; returns when logins are served.
    fn start(&mut self) -> Outcome<()>;
    /// Restarts it as it is fastest to fill (true), or as it is measured (false).
    fn restart_for_filling(&mut self, _filling: bool) -> Outcome<()> {
        Ok(())
    }
    /// Whether it keeps a search index when it is started next.
    fn index(&mut self, index: Index);
    /// Builds the search index of account 0 and waits for it.
    fn build_index(&self) -> Outcome<()>;
    /// Stops it cleanly and waits until its last process is gone.
    fn stop(&mut self) -> Outcome<()>;
    /// Kills every process at once (SIGKILL).
    fn kill(&mut self) -> Outcome<()>;
    /// Where it listens.
    fn ports(&self) -> Ports;
    /// The folder that holds the mail and whatever else grows with it.
    fn data(&self) -> &Path;
    /// The process whose descendants are the server; 0 when it is not running.
    fn process(&self) -> u32;
    /// The program with subcommands for its files, where there is one.
    fn program(&self) -> Option<&Path> {
        None
    }
}

/// The name of account `number`.
pub(crate) fn user(number: u32) -> String {
    format!("u{number}@{DOMAIN}")
}

/// A base B, `from` or above, for which B + 24, 25, 143, 443, 465, 587 and 993 are free.
pub(crate) fn free_base(from: u16) -> Outcome<u16> {
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let mut bases = (from..from + 5_000).step_by(1_200);
    match bases.find(|base| [24, 25, 143, 443, 465, 587, 993].iter().all(|offset| free(base + offset))) {
        Some(base) => Ok(base),
        None => fail(format!("no free loopback ports above {from}")),
    }
}
