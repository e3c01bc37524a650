//! From what is written to what holds: defaults, checks of keys against each other, paths made absolute.

mod dmtp;
mod protocols;
mod webpush;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::keys::{self, Fallback, Reload};
use super::raw::{self, Raw};
use crate::network::Network;
use crate::problem::Problem;

pub use dmtp::{CourierConfig, DnsConfig};
pub use protocols::{DmapConfig, DmtpConfig, HttpConfig, ImapConfig, SmtpConfig};
pub use webpush::WebPushConfig;

/// Everything the server is told. Immutable; a reload makes a new one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// The file it came from.
    pub file: PathBuf,
    pub hostname: String,
    pub domains: Vec<String>,
    pub comment: Option<String>,
    /// A URI.
    pub admin: Option<String>,
    /// The data folder.
    pub data: PathBuf,
    /// Of one file of the journal.
    pub segment_octets: u64,
    pub listen: ListenConfig,
    pub tls: Option<TlsConfig>,
    pub auth: AuthConfig,
    pub limits: LimitsConfig,
    pub imap: ImapConfig,
    pub dmap: DmapConfig,
    pub dmtp: DmtpConfig,
    pub http: HttpConfig,
    /// Section `jmap`.
    pub jmap_search: koi_mailbox::SearchBounds,
    pub smtp: SmtpConfig,
    pub mailbox: MailboxConfig,
    /// Section `coi`: the mailboxes of COI where it is offered.
    pub coi: Option<koi_mailbox::CoiNames>,
    /// Section `search`.
    pub index: koi_mailbox::index::IndexOptions,
    /// Section `webpush`, when it is enabled.
    pub webpush: Option<WebPushConfig>,
    /// `dmap.secret_file`: what the organisations' keys are encrypted with; `None`: a file in the data
    /// folder.
    pub dmap_secret_file: Option<PathBuf>,
    /// Section `dns`.
    pub dns: DnsConfig,
    /// What of section `dmtp` is about other servers.
    pub courier: CourierConfig,
    pub log: LogConfig,
}

/// Section `listen`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListenConfig {
    pub imap: Vec<SocketAddr>,
    pub imaps: Vec<SocketAddr>,
    pub lmtp: Vec<SocketAddr>,
    pub smtp: Vec<SocketAddr>,
    pub submission: Vec<SocketAddr>,
    pub submissions: Vec<SocketAddr>,
    pub https: Vec<SocketAddr>,
    pub dmap: Vec<SocketAddr>,
    pub dmtp: Vec<SocketAddr>,
}

impl ListenConfig {
    fn is_empty(&self) -> bool {
        let clear = [&self.imap, &self.lmtp, &self.smtp, &self.submission];
        clear.iter().all(|addresses| addresses.is_empty()) && !self.needs_tls()
    }
    /// Whether there is a listener with TLS from the first octet.
    fn needs_tls(&self) -> bool {
        [&self.imaps, &self.submissions, &self.https, &self.dmap, &self.dmtp]
            .iter()
            .any(|addresses| !addresses.is_empty())
    }
}

/// Section `tls`, when it is set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsConfig {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Section `auth`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuthConfig {
    pub cleartext_login: bool,
    pub scram: bool,
    pub scram_iterations: u32,
    pub argon2_memory_kib: u32,
    pub argon2_passes: u32,
    pub hashing_threads_max: usize,
    pub hashing_queue_max: usize,
    pub proof_cache_entries_max: usize,
    pub proof_cache: Duration,
    /// Addresses that stand for many people.
    pub failures_shared: Vec<Network>,
    pub failures_free: u32,
    pub failures_forget: Duration,
    pub failure_wait_max: Duration,
}

impl AuthConfig {
    /// Whether failures count for the account alone, and not for the address they come from.
    #[must_use]
    pub fn counts_nothing_for(&self, peer: IpAddr) -> bool {
        self.failures_shared.iter().any(|network| network.contains(peer))
    }
}

/// Section `limits`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LimitsConfig {
    pub connections_max: usize,
    pub connections_per_address_max: usize,
    pub connections_before_login_max: usize,
    pub connections_per_account_max: usize,
    pub handshake: Duration,
    pub write: Duration,
    pub shutdown: Duration,
    pub message_octets_max: u64,
}

/// Section `mailbox`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailboxConfig {
    /// `None`: no bound.
    pub quota_octets_max: Option<u64>,
    /// `None`: no bound.
    pub quota_messages_max: Option<u64>,
    /// Mailboxes of an account.
    pub quota_mailboxes_max: Option<u64>,
}

/// Section `log`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogConfig {
    pub level: tracing::Level,
    pub format: LogFormat,
}

/// How a log line looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    Text,
    Json,
}

/// Reads and checks a file.
pub fn load(file: &Path) -> Result<Config, Problem> {
    resolve(&raw::read(file)?)
}

/// Checks what was written.
pub fn resolve(raw: &Raw) -> Result<Config, Problem> {
    for key in keys::KEYS {
        if key.default == Fallback::Required && raw.value(key.name).is_none() {
            let what = format!("{}: {} is missing: {}", raw.file.display(), key.name, key.doc);
            return Err(Problem::usage(
                what,
                format!("add under [{}]: {} = {}", key.section(), key.short(), key.example),
            ));
        }
    }
    let base = folder_of(&raw.file);
    let listen = ListenConfig {
        imap: raw.addresses("listen.imap"),
        imaps: raw.addresses("listen.imaps"),
        lmtp: raw.addresses("listen.lmtp"),
        smtp: raw.addresses("listen.smtp"),
        submission: raw.addresses("listen.submission"),
        submissions: raw.addresses("listen.submissions"),
        https: raw.addresses("listen.https"),
        dmap: raw.addresses("listen.dmap"),
        dmtp: raw.addresses("listen.dmtp"),
    };
    let config = Config {
        file: raw.file.clone(),
        hostname: raw.text("server.hostname").unwrap_or_default(),
        domains: domains(raw)?,
        comment: raw.text("server.comment"),
        admin: admin(raw)?,
        data: base.join(raw.text("server.data").unwrap_or_default()).components().collect(),
        segment_octets: raw.number("server.segment_octets"),
        tls: tls(raw, &base, &listen)?,
        listen,
        auth: auth(raw)?,
        limits: limits(raw),
        imap: protocols::imap(raw)?,
        dmap: protocols::dmap(raw),
        dmtp: protocols::dmtp(raw),
        http: protocols::http(raw)?,
        jmap_search: koi_mailbox::SearchBounds {
            secs_max: small(raw, "jmap.search_secs_max"),
            octets_max: Some(raw.number("jmap.search_octets_max")).filter(|n| *n > 0),
        },
        smtp: protocols::smtp(raw)?,
        mailbox: MailboxConfig {
            quota_octets_max: Some(raw.number("mailbox.quota_octets_max")).filter(|n| *n > 0),
            quota_messages_max: Some(raw.number("mailbox.quota_messages_max")).filter(|n| *n > 0),
            quota_mailboxes_max: Some(raw.number("mailbox.quota_mailboxes_max")).filter(|n| *n > 0),
        },
        coi: coi(raw)?,
        index: koi_mailbox::index::IndexOptions {
            enabled: raw.switch("search.index"),
            messages_min: raw.number("search.index_messages_min"),
            share_max: raw.number("search.index_share_max"),
        },
        webpush: webpush::webpush(raw, &base)?,
        dmap_secret_file: raw.text("dmap.secret_file").map(|file| base.join(file)),
        dns: dmtp::dns(raw, &base),
        courier: dmtp::courier(raw, &base),
        log: log(raw),
    };
    if config.listen.is_empty() {
        let what = format!("{}: nothing to listen on", raw.file.display());
        return Err(Problem::usage(
            what,
            "set listen.imap, listen.imaps, listen.lmtp or another of [listen]",
        ));
    }
    Ok(config)
}

fn coi(raw: &Raw) -> Result<Option<koi_mailbox::CoiNames>, Problem> {
    let root = raw.text("coi.mailbox_root").unwrap_or_default();
    let names = koi_mailbox::CoiNames::below(&root).map_err(|why| {
        let what = format!("{}: coi.mailbox_root: {why}: `{root}`", raw.file.display());
        Problem::usage(what, "write the name of a mailbox, such as COI")
    })?;
    Ok(raw.switch("coi.enabled").then_some(names))
}

/// Names of keys that differ between two configurations and that only a restart takes over.
#[must_use]
pub fn needs_restart(old: &Raw, new: &Raw) -> Vec<&'static str> {
    let fixed = keys::KEYS.iter().filter(|k| k.reload == Reload::Restart);
    fixed.filter(|k| old.value(k.name) != new.value(k.name)).map(|k| k.name).collect()
}

fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn domains(raw: &Raw) -> Result<Vec<String>, Problem> {
    let domains: Vec<String> = raw.list("server.domains").iter().map(|d| d.to_lowercase()).collect();
    let wrong = |what: String| Problem::usage(what, "write mail domains such as \"example.org\"");
    if domains.is_empty() {
        return Err(wrong(format!("{}: server.domains is empty", raw.place("server.domains"))));
    }
    for domain in &domains {
        if koi_types::Address::new("postmaster", domain).is_none() {
            return Err(wrong(format!("{}: `{domain}` is not a domain", raw.place("server.domains"))));
        }
    }
    Ok(domains)
}

fn tls(raw: &Raw, base: &Path, listen: &ListenConfig) -> Result<Option<TlsConfig>, Problem> {
    match (raw.text("tls.certificate"), raw.text("tls.key")) {
        (Some(certificate), Some(key)) => {
            Ok(Some(TlsConfig { certificate: base.join(certificate), key: base.join(key) }))
        }
        (None, None) if !listen.needs_tls() => Ok(None),
        (certificate, _) => {
            let missing = if certificate.is_none() { "tls.certificate" } else { "tls.key" };
            let what = format!("{}: {missing} is missing", raw.file.display());
            let remedy = "set tls.certificate and tls.key, or remove listen.imaps, listen.submissions, \
                          listen.https, listen.dmap and listen.dmtp";
            Err(Problem::usage(what, remedy))
        }
    }
}

fn auth(raw: &Raw) -> Result<AuthConfig, Problem> {
    const SHARED: &str = "auth.failures_shared_networks";
    let network = |text: &String| {
        Network::parse(text).ok_or_else(|| {
            let what = format!("{}: {SHARED}: `{text}` is not a network", raw.place(SHARED));
            Problem::usage(what, "write an address, or an address/bits with nothing behind the bits")
        })
    };
    Ok(AuthConfig {
        failures_shared: raw.list(SHARED).iter().map(network).collect::<Result<_, _>>()?,
        cleartext_login: raw.switch("auth.cleartext_login"),
        scram: raw.switch("auth.scram"),
        scram_iterations: small(raw, "auth.scram_iterations"),
        argon2_memory_kib: small(raw, "auth.argon2_memory_kib"),
        argon2_passes: small(raw, "auth.argon2_passes"),
        hashing_threads_max: count(raw, "auth.hashing_threads_max"),
        hashing_queue_max: count(raw, "auth.hashing_queue_max"),
        proof_cache_entries_max: count(raw, "auth.proof_cache_entries_max"),
        proof_cache: secs(raw, "auth.proof_cache_secs"),
        failures_free: small(raw, "auth.failures_free"),
        failures_forget: secs(raw, "auth.failures_forget_secs"),
        failure_wait_max: secs(raw, "auth.failure_wait_secs_max"),
    })
}

fn limits(raw: &Raw) -> LimitsConfig {
    LimitsConfig {
        connections_max: count(raw, "limits.connections_max"),
        connections_per_address_max: count(raw, "limits.connections_per_address_max"),
        connections_before_login_max: count(raw, "limits.connections_before_login_max"),
        connections_per_account_max: count(raw, "limits.connections_per_account_max"),
        handshake: secs(raw, "limits.handshake_secs"),
        write: secs(raw, "limits.write_secs"),
        shutdown: secs(raw, "limits.shutdown_secs"),
        message_octets_max: raw.number("limits.message_octets_max"),
    }
}

/// RFC 5464 §3.2.1.1: the value must be a URI.
fn admin(raw: &Raw) -> Result<Option<String>, Problem> {
    let Some(uri) = raw.text("server.admin") else { return Ok(None) };
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    };
    let is_uri = uri.bytes().all(|b| b.is_ascii_graphic())
        && uri.split_once(':').is_some_and(|(scheme, rest)| is_scheme(scheme) && !rest.is_empty());
    if !is_uri {
        let what = format!("{}: server.admin: `{uri}` is not a URI", raw.place("server.admin"));
        return Err(Problem::usage(what, "write mailto:user@domain, or another URI"));
    }
    Ok(Some(uri))
}

fn log(raw: &Raw) -> LogConfig {
    let level = raw.text("log.level").and_then(|l| l.parse().ok()).unwrap_or(tracing::Level::INFO);
    let json = raw.text("log.format").as_deref() == Some("json");
    LogConfig { level, format: if json { LogFormat::Json } else { LogFormat::Text } }
}

fn count(raw: &Raw, name: &str) -> usize {
    usize::try_from(raw.number(name)).unwrap_or(usize::MAX)
}

fn small(raw: &Raw, name: &str) -> u32 {
    u32::try_from(raw.number(name)).unwrap_or(u32::MAX)
}

fn secs(raw: &Raw, name: &str) -> Duration {
    Duration::from_secs(raw.number(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str =
        "[server]\nhostname = \"h\"\ndomains = [\"Example.org\"]\n[listen]\nlmtp = [\"[::1]:24\"]\n";

    fn read(text: &str) -> Result<Config, Problem> {
        resolve(&raw::parse(Path::new("/etc/koi/koi.toml"), text)?)
    }

    #[test]
    fn a_minimal_file_gets_the_defaults() {
        let config = read(MINIMAL).unwrap();
        assert_eq!(config.domains, ["example.org"]);
        assert_eq!(config.data, Path::new("/etc/koi/."));
        assert_eq!(config.limits.message_octets_max, koi_types::limits::MESSAGE_OCTETS_MAX);
        assert_eq!(
            config.mailbox,
            MailboxConfig { quota_octets_max: None, quota_messages_max: None, quota_mailboxes_max: None }
        );
        assert!(!config.auth.cleartext_login);
    }

    #[test]
    fn every_key_of_the_table_has_an_effect() {
        let raw = raw::parse(Path::new("koi.toml"), MINIMAL).unwrap();
        resolve(&raw).unwrap();
        assert_eq!(raw.never_asked(), Vec::<&str>::new());
    }

    #[test]
    fn errors_say_line_and_remedy() {
        for (text, what, remedy) in [
            ("[server]\nhostnam = \"x\"", ":2: unknown key server.hostnam", "did you mean server.hostname?"),
            ("\n[sever]\n", ":2: unknown section [sever]", "did you mean server?"),
            ("[limits]\n\nwrite_secs = 0", ":3: limits.write_secs: 0 is out of bounds", "number from 1"),
            ("[limits]\nwrite_secs = \"a\"", ":2: limits.write_secs: found string", "e.g. write_secs = 60"),
            ("[listen]\nimap = [\"x\"]", ":2: listen.imap: `x` is not an address", "address:port"),
            ("[log]\nlevel = \"loud\"", ":2: log.level: `loud` is not known", "one of error"),
            (
                "[server]\nhostname=\"h\"\ndomains=[\"a\"]\nadmin=\"me@b\"",
                "server.admin: `me@b` is not a URI",
                "mailto:",
            ),
            ("[log\nlevel = 1", ":1: ", "correct the line"),
            ("[server]\nhostname = \"h\"", "server.domains is missing", "add under [server]: domains ="),
            ("[server]\nhostname=\"h\"\ndomains=[\"a\"]", "nothing to listen on", "listen.imap"),
            (
                "[server]\nhostname=\"h\"\ndomains=[\"a\"]\n[listen]\nimaps=[\"[::1]:993\"]",
                "tls.certificate",
                "imaps",
            ),
        ] {
            let problem = read(text).unwrap_err();
            assert!(problem.what.contains(what), "{text:?}: {problem}");
            assert!(problem.remedy.contains(remedy), "{text:?}: {problem}");
        }
    }

    #[test]
    fn a_reload_names_what_needs_a_restart() {
        let old = raw::parse(Path::new("koi.toml"), MINIMAL).unwrap();
        let text = format!("{MINIMAL}imap = [\"[::1]:143\"]\n[log]\nlevel = \"debug\"\n");
        let new = raw::parse(Path::new("koi.toml"), &text).unwrap();
        assert_eq!(needs_restart(&old, &new), ["listen.imap"]);
    }
}
