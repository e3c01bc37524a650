//! Section `dns`, and of `dmtp` what goes out.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{count, secs};
use crate::config::raw::Raw;

/// Section `dns`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DnsConfig {
    /// Empty: those of the system.
    pub servers: Vec<SocketAddr>,
    /// Signatures are verified here.
    pub dnssec: bool,
    /// Instead of the root's keys that are built in.
    pub trust_anchor_file: Option<PathBuf>,
}

/// What of section `dmtp` is about other servers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CourierConfig {
    pub sends: bool,
    /// Where other servers listen.
    pub port: u16,
    pub private: bool,
    /// Instead of the certificates the system trusts.
    pub ca_file: Option<PathBuf>,
    pub connect: Duration,
    pub reply: Duration,
    pub connections_max: usize,
    pub connections_per_domain_max: usize,
    /// Before the first repetition; doubled with each further one.
    pub retry: Duration,
    pub give_up: Duration,
}

pub(super) fn dns(raw: &Raw, base: &Path) -> DnsConfig {
    DnsConfig {
        servers: raw.addresses("dns.servers"),
        dnssec: raw.switch("dns.dnssec"),
        trust_anchor_file: raw.text("dns.trust_anchor_file").map(|file| base.join(file)),
    }
}

pub(super) fn courier(raw: &Raw, base: &Path) -> CourierConfig {
    CourierConfig {
        sends: raw.switch("dmtp.send"),
        port: u16::try_from(raw.number("dmtp.port")).unwrap_or(u16::MAX),
        private: raw.switch("dmtp.private"),
        ca_file: raw.text("dmtp.ca_file").map(|file| base.join(file)),
        connect: secs(raw, "dmtp.connect_secs"),
        reply: secs(raw, "dmtp.reply_secs"),
        connections_max: count(raw, "dmtp.connections_max"),
        connections_per_domain_max: count(raw, "dmtp.connections_per_domain_max"),
        retry: secs(raw, "dmtp.retry_secs"),
        give_up: Duration::from_secs(raw.number("dmtp.give_up_hours").saturating_mul(3600)),
    }
}
