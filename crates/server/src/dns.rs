//! The DNS records a domain needs so that mail comes and clients find their server (RFC 6186 §3, RFC 8314
//! §5.1, RFC 8620 §2.2), and the management record of D/MIME (docs/DIME.md), as lines of a zone file. What is
//! not offered is not announced.

use std::net::SocketAddr;

use koi_dime::ManagementRecord;
use koi_dime::record::{RECORD_LABEL, sign_certificate};

use crate::config::Config;
use crate::problem::Problem;
use crate::{organisation, tls};

/// Who has a copy keeps it so long.
const TTL_SECS: u32 = 3600;
/// Where other servers deliver; MX cannot name another.
const SMTP_PORT: u16 = 25;

/// One record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// With the dot at its end, as all names here.
    pub name: String,
    pub kind: &'static str,
    pub data: String,
}

/// A service that clients look for by SRV.
struct Wanted<'a> {
    service: &'static str,
    addresses: &'a [SocketAddr],
    /// TLS from the first octet comes before STARTTLS (RFC 8314 §5.1).
    priority: u16,
}

/// The management record of one domain; nothing before its organisation has a key. Where others could not
/// know the certificate to be good, the organisation's key says so.
pub fn management_record(config: &Config, domain: &str) -> Result<Option<ManagementRecord>, Problem> {
    let Some(signet) = organisation::signet(config, domain)? else { return Ok(None) };
    let mut record = ManagementRecord::new(*signet.primary());
    let Some(files) = config.tls.as_ref().filter(|_| !config.listen.dmtp.is_empty()) else {
        return Ok(Some(record));
    };
    record.deliver.push(config.hostname.trim_end_matches('.').to_ascii_lowercase());
    let own = tls::own_certificate(files)?;
    if !own.is_trusted(&config.hostname)
        && let Some(organisation) = organisation::existing(config, domain)?
    {
        record.tls.push(sign_certificate(organisation.signing(), &own.der));
    }
    Ok(Some(record))
}

/// The records of one domain, with its management record, once there is one.
#[must_use]
pub fn records(config: &Config, domain: &str, organisation: Option<&ManagementRecord>) -> Vec<Record> {
    let listen = &config.listen;
    let (host, domain) = (absolute(&config.hostname), absolute(domain));
    let mut records = Vec::new();
    let mut add = |name: String, kind, data| records.push(Record { name, kind, data });
    if listen.smtp.iter().any(|address| address.port() == SMTP_PORT) {
        add(domain.clone(), "MX", format!("10 {host}"));
    }
    let has_tls = config.tls.is_some();
    let starttls = |addresses: &'static str| if has_tls { addresses } else { "" };
    let wanted = [
        Wanted { service: "_imaps", addresses: &listen.imaps, priority: 0 },
        Wanted { service: starttls("_imap"), addresses: &listen.imap, priority: 10 },
        Wanted { service: "_submissions", addresses: &listen.submissions, priority: 0 },
        Wanted { service: starttls("_submission"), addresses: &listen.submission, priority: 10 },
        Wanted { service: "_jmap", addresses: &listen.https, priority: 0 },
        Wanted { service: "_autodiscover", addresses: &listen.https, priority: 0 },
    ];
    for Wanted { service, addresses, priority } in wanted {
        if let Some(address) = addresses.first().filter(|_| !service.is_empty()) {
            let name = format!("{service}._tcp.{domain}");
            add(name, "SRV", format!("{priority} 1 {} {host}", address.port()));
        }
    }
    // RFC 6186 §3.4: a service that is not offered.
    for service in ["_pop3", "_pop3s"] {
        add(format!("{service}._tcp.{domain}"), "SRV", "0 0 0 .".to_owned());
    }
    if !listen.https.is_empty() {
        add(format!("autoconfig.{domain}"), "CNAME", host);
    }
    if let Some(organisation) = organisation {
        // Which key is this domain's: by it others believe the signets of its users.
        let strings = organisation.strings();
        let quoted: Vec<String> = strings.iter().map(|string| format!("\"{string}\"")).collect();
        add(format!("{RECORD_LABEL}.{domain}"), "TXT", quoted.join(" "));
    }
    records
}

impl Record {
    /// As in a zone file.
    #[must_use]
    pub fn line(&self, width: usize) -> String {
        format!("{:width$}  {TTL_SECS}  IN  {:5}  {}", self.name, self.kind, self.data)
    }
}

/// Whether every listener is on loopback, so that nobody else could follow the records.
#[must_use]
pub fn is_only_here(config: &Config) -> bool {
    let listen = &config.listen;
    let all =
        [&listen.imap, &listen.imaps, &listen.smtp, &listen.submission, &listen.submissions, &listen.https];
    all.iter().flat_map(|addresses| addresses.iter()).all(|address| address.ip().is_loopback())
}

fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{raw, resolve};
    use crate::organisation::SystemRandom;

    fn config(listen: &str) -> Config {
        let text = format!(
            "[server]\nhostname='mail.example.org'\ndomains=['example.org']\n[tls]\ncertificate='c'\nkey='k'\n\
             [listen]\n{listen}"
        );
        resolve::resolve(&raw::parse(std::path::Path::new("koi.toml"), &text).unwrap()).unwrap()
    }

    // spec: RFC 6186 §3; RFC 6186 §3.4; RFC 8314 §5.1; RFC 8620 §2.2
    #[test]
    fn what_is_offered_is_announced() {
        let all = config(
            "imap=['[::]:143']\nimaps=['[::]:993']\nsmtp=['[::]:25']\nsubmission=['[::]:587']\n\
             submissions=['[::]:465']\nhttps=['[::]:443']\n",
        );
        let lines: Vec<String> =
            records(&all, "example.org", None).iter().map(|record| record.line(0)).collect();
        for line in [
            "example.org.  3600  IN  MX     10 mail.example.org.",
            "_imaps._tcp.example.org.  3600  IN  SRV    0 1 993 mail.example.org.",
            "_imap._tcp.example.org.  3600  IN  SRV    10 1 143 mail.example.org.",
            "_submissions._tcp.example.org.  3600  IN  SRV    0 1 465 mail.example.org.",
            "_submission._tcp.example.org.  3600  IN  SRV    10 1 587 mail.example.org.",
            "_pop3._tcp.example.org.  3600  IN  SRV    0 0 0 .",
            "_jmap._tcp.example.org.  3600  IN  SRV    0 1 443 mail.example.org.",
            "_autodiscover._tcp.example.org.  3600  IN  SRV    0 1 443 mail.example.org.",
            "autoconfig.example.org.  3600  IN  CNAME  mail.example.org.",
        ] {
            assert!(lines.contains(&line.to_owned()), "{line}: {lines:#?}");
        }
        assert!(!is_only_here(&all));
        let keys =
            koi_dime::PrivateKeys::generate(koi_dime::Holder::Organisation, &mut SystemRandom).unwrap();
        let organisation = koi_dime::Organisation::new("example.org", keys, &[]).unwrap();
        let all = records(&all, "example.org", Some(&organisation.record()));
        let dx = all.iter().find(|record| record.kind == "TXT").unwrap();
        assert_eq!(dx.name, "_dx.example.org.");
        let read = ManagementRecord::parse(dx.data.trim_matches('"')).unwrap();
        assert_eq!(read.primary, [*organisation.signet().primary()]);
        let few = config("imaps=['127.0.0.1:10993']\nsmtp=['127.0.0.1:10025']\n");
        let kinds: Vec<&str> = records(&few, "example.org", None).iter().map(|record| record.kind).collect();
        assert_eq!(kinds, ["SRV", "SRV", "SRV"], "no MX for another port");
        assert!(is_only_here(&few));
    }
}
