//! What the DNS says of a domain: its management record, the hosts that take its mail, their addresses.
//!
//! A record that should be signed and is not rightly so is never used; whether one was signed is kept with
//! it. Must not: believe a record because it was found once.

use std::net::{IpAddr, SocketAddr};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ProtocolConfig, ResolveHosts, ResolverConfig,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::dnssec::Proof;
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

/// A management record as it was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FoundRecord {
    pub(crate) record: ManagementRecord,
    /// The DNS has signed it.
    pub(crate) is_validated: bool,
    pub(crate) ttl_secs: u32,
}

/// Asks the DNS.
pub(crate) struct Resolver(TokioResolver);

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
        let options = builder.options_mut();
        options.validate = config.dnssec;
        options.use_hosts_file = ResolveHosts::Never;
        options.edns0 = true;
        builder.build().map(Self).map_err(failed)
    }

    /// The management record of a domain; nothing when it has none.
    pub(crate) async fn record(&self, domain: &str) -> Result<Option<FoundRecord>, MailError> {
        let name = absolute(&format!("{RECORD_LABEL}.{domain}"));
        let records = self.lookup(&name, RecordType::TXT).await?;
        let texts: Vec<(&Record, String)> =
            records.iter().filter_map(|one| Some((one, text(one)?))).collect();
        let [(found, text)] = texts.as_slice() else {
            if texts.is_empty() {
                return Ok(None);
            }
            return Err(wrong(domain, "there is more than one"));
        };
        let record = ManagementRecord::parse(text).map_err(|error| wrong(domain, &error.to_string()))?;
        let is_validated = found.proof == Proof::Secure;
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
        let records = self.lookup(&absolute(domain), RecordType::MX).await?;
        let mut exchanges: Vec<(u16, String)> = records
            .iter()
            .filter_map(|one| match &one.data {
                RData::MX(mx) => Some((mx.preference, mx.exchange.to_ascii())),
                _ => None,
            })
            .collect();
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
        let mut all = Vec::new();
        for kind in [RecordType::AAAA, RecordType::A] {
            let records = self.lookup(&absolute(host), kind).await?;
            all.extend(records.iter().filter_map(|one| match &one.data {
                RData::A(address) => Some(IpAddr::V4(address.0)),
                RData::AAAA(address) => Some(IpAddr::V6(address.0)),
                _ => None,
            }));
        }
        all.truncate(ADDRESSES_MAX);
        Ok(all)
    }

    /// None where there is none; an error when that cannot be known.
    async fn lookup(&self, name: &str, kind: RecordType) -> Result<Vec<Record>, MailError> {
        let found = match self.0.lookup(name, kind).await {
            Ok(found) => found,
            Err(error) if error.is_no_records_found() => return Ok(Vec::new()),
            Err(error) => {
                let text = format!("the DNS does not answer for {}", name.trim_end_matches('.'));
                return Err(MailError::new(ErrorKind::Unavailable, text).context(error));
            }
        };
        let records: Vec<Record> =
            found.answers().iter().filter(|one| one.record_type() == kind).cloned().collect();
        if records.iter().any(|one| one.proof == Proof::Bogus) {
            let text = format!("what the DNS says of {} is not signed rightly", name.trim_end_matches('.'));
            let error = MailError::new(ErrorKind::Unavailable, text).because(Cause::SignetInvalid);
            return Err(error.context("or the servers asked hand no signatures on: see dns.dnssec"));
        }
        Ok(records)
    }
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
