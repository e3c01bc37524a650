//! What the DNS says of a domain: its management record, the hosts that take its mail, their addresses.
//!
//! A record that should be signed and is not rightly so is never used; whether one was signed is kept with
//! it. Where the servers asked hand no signatures on, nothing is used, and the administrator is told so
//! (docs/decisions/0012). Must not: believe a record because it was found once.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ProtocolConfig, ResolveHosts, ResolverConfig,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::dnssec::{Proof, TrustAnchors};
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use koi_dime::ManagementRecord;
use koi_dime::record::{RECORD_LABEL, RECORD_OCTETS_MAX};
use koi_types::{Cause, ErrorKind, MailError};

use crate::config::DnsConfig;
use crate::problem::Problem;

/// Hosts of one domain that are tried.
const HOSTS_MAX: usize = 8;
/// Addresses of one host that are tried.
const ADDRESSES_MAX: usize = 8;
/// Whether signatures are handed on is looked at again no sooner.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// What an administrator is told when they are not.
const NO_SIGNATURES: &str = "the DNS servers that are asked do not hand signatures on (or the clock is \
    wrong): no other organisation can be looked up; let dns.servers name one that does, such as an unbound \
    on this machine, or set dns.dnssec to false, and nothing counts as signed";

/// A management record as it was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FoundRecord {
    pub(crate) record: ManagementRecord,
    /// The DNS has signed it.
    pub(crate) is_validated: bool,
    pub(crate) ttl_secs: u32,
}

/// Asks the DNS.
pub(crate) struct Resolver {
    dns: TokioResolver,
    /// Signatures are verified.
    verifies: bool,
    /// When the root's were looked for last.
    looked: tokio::sync::Mutex<Option<Instant>>,
    /// They were not there.
    misses: AtomicBool,
}

/// What was found for a name.
struct Found {
    records: Vec<Record>,
    /// All of it is signed, also what led from one name to another.
    is_validated: bool,
}

impl Resolver {
    /// Inside the runtime.
    pub(crate) fn new(config: &DnsConfig) -> Result<Self, Problem> {
        let failed = |error: NetError| {
            let what = format!("names cannot be looked up: {error}");
            Problem::new(what, "check /etc/resolv.conf, or set dns.servers")
        };
        let mut builder = if config.servers.is_empty() {
            TokioResolver::builder_tokio().map_err(failed)?
        } else {
            let servers = config.servers.iter().map(server).collect();
            let all = ResolverConfig::from_name_servers(servers);
            TokioResolver::builder_with_config(all, TokioRuntimeProvider::default())
        };
        if let Some(file) = config.trust_anchor_file.as_deref().filter(|_| config.dnssec) {
            builder = builder.with_trust_anchor(Arc::new(anchors(file)?));
        }
        let options = builder.options_mut();
        options.validate = config.dnssec;
        options.use_hosts_file = ResolveHosts::Never;
        options.edns0 = true;
        let dns = builder.build().map_err(failed)?;
        let (looked, misses) = (tokio::sync::Mutex::default(), AtomicBool::default());
        Ok(Self { dns, verifies: config.dnssec, looked, misses })
    }

    /// Whether signatures are not handed on, which those of the root show: they are there whatever else is.
    pub(crate) async fn misses_signatures(&self) -> bool {
        if !self.verifies {
            return false;
        }
        let mut looked = self.looked.lock().await;
        if looked.is_none_or(|at| at.elapsed() >= LOOK_AGAIN) {
            // What was kept from before says nothing of the servers now.
            self.dns.clear_cache();
            match self.dns.lookup(".", RecordType::SOA).await {
                Ok(found) => self.sees(found.answers().iter().any(|one| one.proof == Proof::Secure)),
                Err(error) if is_bogus(&error) => self.sees(false),
                // Who does not answer hands nothing on, and takes nothing away.
                Err(_) => {}
            }
            *looked = Some(Instant::now());
        }
        self.misses.load(Ordering::Relaxed)
    }

    /// What an administrator should know.
    pub(crate) fn trouble(&self) -> Option<&'static str> {
        self.misses.load(Ordering::Relaxed).then_some(NO_SIGNATURES)
    }

    /// Signatures are there, or not: told when it is news.
    fn sees(&self, signatures: bool) {
        let missed = self.misses.swap(!signatures, Ordering::Relaxed);
        match (missed, signatures) {
            (false, false) => tracing::warn!("{NO_SIGNATURES}"),
            (true, true) => tracing::info!("the DNS servers that are asked hand signatures on again"),
            _ => {}
        }
    }

    /// The management record of a domain; nothing when it has none.
    pub(crate) async fn record(&self, domain: &str) -> Result<Option<FoundRecord>, MailError> {
        let name = absolute(&format!("{RECORD_LABEL}.{domain}"));
        let Found { records, is_validated } = self.lookup(&name, RecordType::TXT).await?;
        let texts: Vec<(&Record, String)> =
            records.iter().filter_map(|one| Some((one, text(one)?))).collect();
        let [(found, text)] = texts.as_slice() else {
            if texts.is_empty() {
                return Ok(None);
            }
            return Err(wrong(domain, "there is more than one"));
        };
        let record = ManagementRecord::parse(text).map_err(|error| wrong(domain, &error.to_string()))?;
        Ok(Some(FoundRecord { record, is_validated, ttl_secs: found.ttl }))
    }

    /// Where a domain takes mail, the best first: what its record says, else its MX, else the domain.
    pub(crate) async fn hosts(
        &self,
        domain: &str,
        record: &ManagementRecord,
    ) -> Result<Vec<String>, MailError> {
        if !record.deliver.is_empty() {
            return Ok(record.deliver.iter().take(HOSTS_MAX).cloned().collect());
        }
        let Found { records, .. } = self.lookup(&absolute(domain), RecordType::MX).await?;
        let mut exchanges: Vec<(u16, String)> = records
            .iter()
            .filter_map(|one| match &one.data {
                RData::MX(mx) => Some((mx.preference, mx.exchange.to_ascii())),
                _ => None,
            })
            .collect();
        // RFC 7505 §3: it takes none, and so it will be.
        if let [(_, only)] = exchanges.as_slice()
            && only == "."
        {
            let text = format!("{domain} takes no mail, as its null MX says");
            return Err(MailError::new(ErrorKind::InvalidInput, text));
        }
        exchanges.sort();
        let mut hosts: Vec<String> = exchanges
            .into_iter()
            .map(|(_, host)| host.trim_end_matches('.').to_ascii_lowercase())
            .filter(|host| !host.is_empty())
            .take(HOSTS_MAX)
            .collect();
        if hosts.is_empty() {
            hosts.push(domain.to_owned());
        }
        Ok(hosts)
    }

    /// The addresses of a host, of both families.
    pub(crate) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, MailError> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        let (mut all, mut failed) = (Vec::new(), None);
        for kind in [RecordType::AAAA, RecordType::A] {
            let records = match self.lookup(&absolute(host), kind).await {
                Ok(Found { records, .. }) => records,
                // Some servers answer for one family only.
                Err(error) => {
                    failed = Some(error);
                    continue;
                }
            };
            all.extend(records.iter().filter_map(|one| match &one.data {
                RData::A(address) => Some(IpAddr::V4(address.0)),
                RData::AAAA(address) => Some(IpAddr::V6(address.0)),
                _ => None,
            }));
        }
        all.truncate(ADDRESSES_MAX);
        failed.filter(|_| all.is_empty()).map_or(Ok(all), Err)
    }

    /// None where there is none; an error when that cannot be known.
    async fn lookup(&self, name: &str, kind: RecordType) -> Result<Found, MailError> {
        let found = match self.dns.lookup(name, kind).await {
            Ok(found) => found,
            Err(error) if is_nothing(&error) => {
                return Ok(Found { records: Vec::new(), is_validated: false });
            }
            Err(error) if is_bogus(&error) => return Err(self.not_verified(name).await),
            Err(error) => {
                let text = format!("the DNS does not answer for {}", name.trim_end_matches('.'));
                return Err(MailError::new(ErrorKind::Unavailable, text).context(error));
            }
        };
        let is_signature = |one: &&Record| one.record_type() == RecordType::RRSIG;
        let answers: Vec<&Record> = found.answers().iter().filter(|one| !is_signature(one)).collect();
        if answers.iter().any(|one| one.proof == Proof::Bogus) {
            return Err(self.not_verified(name).await);
        }
        let is_validated = !answers.is_empty() && answers.iter().all(|one| one.proof == Proof::Secure);
        if is_validated {
            self.sees(true);
        }
        let records = answers.into_iter().filter(|one| one.record_type() == kind).cloned().collect();
        Ok(Found { records, is_validated })
    }

    /// Either nobody can be asked now, or somebody has written what nobody may use.
    async fn not_verified(&self, name: &str) -> MailError {
        if self.misses_signatures().await {
            return MailError::new(ErrorKind::Unavailable, NO_SIGNATURES);
        }
        let text = format!("what the DNS says of {} is not signed rightly", name.trim_end_matches('.'));
        MailError::new(ErrorKind::Unavailable, text).because(Cause::SignetInvalid)
    }
}

/// There is no such record, as far as that can be known.
fn is_nothing(error: &NetError) -> bool {
    // Denied by too much hashing to be verified: as in a zone that is not signed.
    let is_unsigned = matches!(error, NetError::Dns(DnsError::Nsec { proof: Proof::Insecure, .. }));
    is_unsigned || error.is_no_records_found()
}

fn is_bogus(error: &NetError) -> bool {
    matches!(error, NetError::Dns(DnsError::DnssecBogus | DnsError::Nsec { .. }))
}

/// The keys of a file.
fn anchors(file: &Path) -> Result<TrustAnchors, Problem> {
    let unreadable = |error: &dyn std::fmt::Display| {
        let what = format!("cannot read the keys of dns.trust_anchor_file {}: {error}", file.display());
        Problem::usage(what, "write DNSKEY records as in a zone file: `. IN DNSKEY 257 3 8 AwEAAa...`")
    };
    TrustAnchors::from_file(file).map_err(|error| unreadable(&error))
}

fn server(address: &SocketAddr) -> NameServerConfig {
    let connections = [ProtocolConfig::Udp, ProtocolConfig::Tcp].map(|protocol| {
        let mut connection = ConnectionConfig::new(protocol);
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.to_vec())
}

fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

/// Its strings one after the other, if it looks like a management record: others may stand beside it.
fn text(record: &Record) -> Option<String> {
    let RData::TXT(txt) = &record.data else { return None };
    let octets: usize = txt.txt_data.iter().map(|string| string.len()).sum();
    if octets > RECORD_OCTETS_MAX {
        return None;
    }
    let text = String::from_utf8(txt.txt_data.concat()).ok()?;
    let lower = text.to_ascii_lowercase();
    (lower.contains("pok=") || lower.contains("primary=")).then_some(text)
}

fn wrong(domain: &str, why: &str) -> MailError {
    let text = format!("the management record of {domain} is no good: {why}");
    MailError::new(ErrorKind::Unavailable, text).because(Cause::SignetInvalid)
}
