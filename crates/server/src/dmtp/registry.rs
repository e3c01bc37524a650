//! Who other organisations are: looked up, verified, remembered (docs/DMAP.md, other organisations).
//!
//! The management record of a domain names its key; the signet that a server of the domain gives must have
//! it. What was found is stored, and a key that is stored is not replaced by another unless the record names
//! both, or the old one has agreed. One lookup for each domain at a time (two, where strangers want to know
//! it too, whom nobody else waits for), and no more for each asker than [`super::turns`] says; what failed is
//! not tried again at once. Must not: answer with a signet that was not verified.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use koi_dime::dmtp::{Command, Name, Reply, SignetReply};
use koi_dime::signet::Form;
use koi_dime::{ManagementRecord, OrgSignet, UserSignet};
use koi_mailbox::MailboxService;
use koi_mailbox::dmap::{FoundOrganisation, KnownOrganisation};
use koi_sessions::{FoundSignets, SignetLookup};
use koi_types::{Address, Cause, ErrorKind, MailError, limits};

use super::certificate::Certificates;
use super::client::{Client, Patience, said, trouble};
use super::failures::Failures;
use super::resolver::Resolver;
use super::turns::{Asker, Held, Turns};
use super::{Later, Organisations};
use crate::clock;
use crate::config::Config;
use crate::problem::Problem;
use crate::tls::trusted;
use crate::webpush::guard::is_public;

/// For one lookup, all its hosts together.
const LOOKUP: Duration = Duration::from_secs(60);
/// Who waits for another's lookup of the same domain, and what came before it, is told to try again then.
const GATE: Duration = Duration::from_secs(120);
/// What failed is not tried again before, unless messages are tried again sooner.
const FAILED: Duration = Duration::from_secs(10);
/// The same where what is known goes on meanwhile.
const FAILED_KNOWN: Duration = Duration::from_secs(300);
/// However long the DNS lets a record be kept.
const FRESH_SECS_MAX: u32 = 24 * 3600;
/// What is known is used so long while nobody can be asked, unless the record says otherwise (`exp`).
const STALE_DAYS: u32 = 7;
const DAY_SECS: u32 = 24 * 3600;

/// Everybody who is known.
pub(crate) struct Registry {
    mailbox: MailboxService,
    resolver: Resolver,
    certificates: Certificates,
    reach: Reach,
    hostname: String,
    /// Domains that are being looked up.
    gates: Held<Wanted, tokio::sync::Mutex<()>>,
    turns: Turns,
    failures: Failures,
    /// What failed is not tried again before.
    rest: Duration,
    /// The same where what is known goes on meanwhile.
    known_rest: Duration,
}

/// A domain that somebody wants to know. Our own users do not wait for the turns of strangers.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Wanted {
    by_ours: bool,
    domain: String,
}

/// Where connections go.
#[derive(Clone, Copy, Debug)]
struct Reach {
    port: u16,
    private: bool,
    patience: Patience,
}

impl Registry {
    /// Inside the runtime.
    pub(crate) fn new(config: &Config, mailbox: MailboxService) -> Result<Self, Problem> {
        let courier = &config.courier;
        let remedy = "install the package ca-certificates, or set dmtp.ca_file to a PEM file";
        let patience = Patience { connect: courier.connect, reply: courier.reply };
        Ok(Self {
            mailbox,
            resolver: Resolver::new(&config.dns)?,
            certificates: Certificates::new(trusted(courier.ca_file.as_deref(), remedy)?),
            reach: Reach { port: courier.port, private: courier.private, patience },
            hostname: config.hostname.clone(),
            gates: Held::default(),
            turns: Turns::new(),
            failures: Failures::default(),
            rest: courier.retry.min(FAILED),
            known_rest: courier.retry.min(FAILED_KNOWN),
        })
    }

    /// Looks at the DNS before somebody needs it.
    pub(crate) async fn look_at_dns(&self) {
        self.resolver.misses_signatures().await;
    }

    /// Whoever could not be looked up is looked up again when he is needed.
    pub(crate) fn forget_failures(&self) {
        self.failures.clear();
    }

    /// What an administrator should know: why nobody can be looked up.
    pub(crate) fn trouble(&self) -> Option<&'static str> {
        self.resolver.trouble()
    }

    /// Another organisation, as it is known now.
    pub(crate) async fn known(&self, domain: &str, asker: Asker) -> Result<KnownOrganisation, MailError> {
        let domain = domain.to_ascii_lowercase();
        if !is_domain(&domain) {
            return Err(MailError::new(ErrorKind::InvalidInput, "not a domain"));
        }
        if let Some(known) = self.kept(&domain, asker).await? {
            return Ok(known);
        }
        // In this order: what others may wait for is not held while there is no share left.
        let Some(_share) = self.turns.share(asker).await else { return self.without_asking(&domain) };
        let wanted = Wanted { by_ours: asker.is_ours(), domain: domain.clone() };
        let gate = self.gates.hold(wanted, Default::default);
        let alone = tokio::time::timeout(GATE, gate.it.lock()).await;
        let Ok(_alone) = alone else { return self.without_asking(&domain) };
        // Somebody else has asked meanwhile.
        if let Some(known) = self.kept(&domain, asker).await? {
            return Ok(known);
        }
        let Some(_turn) = self.turns.turn(asker).await else { return self.without_asking(&domain) };
        let known = self.look(&domain, asker).await?;
        self.keep(&domain, &known, asker).await?;
        Ok(known)
    }

    /// What needs no question, and is kept where one of ours wants to know it; nothing when somebody must be
    /// asked.
    async fn kept(&self, domain: &str, asker: Asker) -> Result<Option<KnownOrganisation>, MailError> {
        let Some(known) = self.remembered(domain)?.transpose()? else { return Ok(None) };
        let is_known = self.keep(domain, &known, asker).await?;
        Ok(is_known.then_some(known))
    }

    /// Whom one of ours has to do with is not forgotten for another. Whether it is known still.
    async fn keep(&self, domain: &str, known: &KnownOrganisation, asker: Asker) -> Result<bool, MailError> {
        if known.is_kept || !asker.is_ours() {
            return Ok(true);
        }
        let (mailbox, domain) = (self.mailbox.clone(), domain.to_owned());
        let kept = tokio::task::spawn_blocking(move || mailbox.keep_organisation(&domain)).await;
        kept.unwrap_or_else(|error| Err(trouble("internal", &error.to_string())))
    }

    /// What needs no question; nothing when somebody must be asked.
    fn remembered(&self, domain: &str) -> Result<Option<Result<KnownOrganisation, MailError>>, MailError> {
        let known = self.mailbox.known_organisation(domain)?;
        if let Some(known) = known.as_ref().filter(|known| known.fresh_until > clock::now()) {
            return Ok(Some(Ok(known.clone())));
        }
        let recent = self.failures.recent(domain);
        Ok(recent.map(|error| known.filter(|known| goes_on(known, &error)).ok_or(error)))
    }

    async fn look(&self, domain: &str, asker: Asker) -> Result<KnownOrganisation, MailError> {
        let found = tokio::time::timeout(LOOKUP, self.found(domain)).await;
        let found = found.unwrap_or_else(|_| Err(trouble(domain, "no answer in time")));
        let learned = match found {
            Ok(found) => {
                let (mailbox, domain) = (self.mailbox.clone(), domain.to_owned());
                let learn = move || mailbox.learn_organisation(&domain, found, asker.is_ours());
                let learned = tokio::task::spawn_blocking(learn).await;
                learned.unwrap_or_else(|error| Err(trouble("internal", &error.to_string())))
            }
            Err(error) => Err(error),
        };
        match learned {
            Ok(known) => {
                tracing::info!(domain, validated = known.is_validated, "an organisation was looked up");
                Ok(known)
            }
            Err(error) => {
                tracing::info!(domain, %error, "an organisation could not be looked up");
                self.failed(domain, error)
            }
        }
    }

    /// While nobody can be asked, what was known before goes on for a while; a key that is refused does not.
    fn failed(&self, domain: &str, error: MailError) -> Result<KnownOrganisation, MailError> {
        // What an administrator can mend works as soon as it is.
        if !matches!(error.kind, ErrorKind::Unavailable | ErrorKind::NotFound) {
            return Err(error);
        }
        let known = self.mailbox.known_organisation(domain)?.filter(|known| goes_on(known, &error));
        let rest = if known.is_some() { self.known_rest } else { self.rest };
        self.failures.remember(domain, error.clone(), rest);
        known.ok_or(error)
    }

    /// Whose turn does not come: strangers who take all of them do not keep out those who are known.
    fn without_asking(&self, domain: &str) -> Result<KnownOrganisation, MailError> {
        let error = busy(domain);
        let known = self.mailbox.known_organisation(domain)?.filter(|known| goes_on(known, &error));
        known.ok_or(error)
    }

    /// From the DNS and a server of the domain.
    async fn found(&self, domain: &str) -> Result<FoundOrganisation, MailError> {
        let found = self.resolver.record(domain).await?.ok_or_else(|| {
            let text = format!("{domain} takes no encrypted mail: the DNS has no record _dx.{domain}");
            MailError::new(ErrorKind::NotFound, text).because(Cause::NoSignet)
        })?;
        let mut client = self.connected(domain, &found.record, found.is_validated).await?;
        let asked = Command::Signet { name: Name::Domain(domain.to_owned()), fingerprint: None };
        let reply = client.ask(&asked).await?;
        client.quit().await;
        let object = SignetReply::of(&reply).map_err(|_| not_given(domain, &reply))?;
        if object.0.len() > limits::ORGANISATION_SIGNET_OCTETS_MAX {
            return Err(invalid(domain, "it is too large"));
        }
        let signet = OrgSignet::parse(&object.0).map_err(|error| invalid(domain, &error.to_string()))?;
        if signet.identifier().is_none_or(|said| !said.eq_ignore_ascii_case(domain)) {
            return Err(invalid(domain, "it is that of another domain"));
        }
        if !found.record.primary.contains(signet.primary()) {
            return Err(invalid(domain, "the management record does not name its key"));
        }
        let fresh_until = clock::now().plus_secs(found.ttl_secs.clamp(1, FRESH_SECS_MAX));
        let (record, is_validated) = (found.record, found.is_validated);
        Ok(FoundOrganisation { signet, record, is_validated, fresh_until })
    }

    /// A connection to the first server of a domain that takes one.
    pub(crate) async fn connected(
        &self,
        domain: &str,
        record: &ManagementRecord,
        is_validated: bool,
    ) -> Result<Client, MailError> {
        let mut last = trouble(domain, "no server of it has an address that is connected to");
        for host in self.resolver.hosts(domain, record).await? {
            let addresses = match self.resolver.addresses(&host).await {
                Ok(addresses) => addresses,
                Err(error) => {
                    last = error;
                    continue;
                }
            };
            let reachable = addresses.into_iter().filter(|ip| self.reach.private || is_public(*ip));
            for ip in reachable {
                let config = self.certificates.config(record, is_validated);
                let config = config.map_err(|error| trouble(&host, &error.to_string()))?;
                let address = SocketAddr::new(ip, self.reach.port);
                let (patience, hostname) = (self.reach.patience, &self.hostname);
                match Client::connect(address, &host, config, patience, hostname).await {
                    Ok(client) => return Ok(client),
                    Err(error) => last = error,
                }
            }
        }
        Err(last)
    }

    async fn users(
        &self,
        wanted: &SignetLookup,
        address: &Address,
        asker: Asker,
    ) -> Result<FoundSignets, MailError> {
        let domain = address.domain();
        let known = self.known(domain, asker).await?;
        let _share = self.turns.share(asker).await.ok_or_else(|| busy(domain))?;
        let _turn = self.turns.turn(asker).await.ok_or_else(|| busy(domain))?;
        let mut client = self.connected(domain, &known.record, known.is_validated).await?;
        let name = Name::User(address.clone());
        let asked = match wanted.history {
            true => Command::History { name, start: None, stop: None },
            false => Command::Signet { name, fingerprint: wanted.fingerprint },
        };
        let reply = client.ask(&asked).await?;
        client.quit().await;
        let objects = match wanted.history {
            true => SignetReply::history(&reply),
            false => SignetReply::of(&reply).map(|one| vec![one]),
        };
        let objects = objects.map_err(|_| not_given(&wanted.address, &reply))?;
        let users = verified(address, &objects, &known.signet)?;
        Ok(found(known, users))
    }
}

fn found(known: KnownOrganisation, users: Vec<UserSignet>) -> FoundSignets {
    FoundSignets {
        organisation: known.signet,
        record: known.record.text().into(),
        is_validated: known.is_validated,
        users,
    }
}

/// The newest must be good; older ones as far as they lead to it.
fn verified(
    address: &Address,
    objects: &[SignetReply],
    organisation: &OrgSignet,
) -> Result<Vec<UserSignet>, MailError> {
    let mut users: Vec<UserSignet> = Vec::new();
    for object in objects {
        let good = good(address, &object.0, organisation).and_then(|signet| {
            let newer = users.last();
            let follows = newer.is_none_or(|newer| newer.follows(signet.signing()).is_ok());
            follows.then_some(signet).ok_or_else(|| "the newer one does not follow it".to_owned())
        });
        match good {
            Ok(signet) => users.push(signet),
            Err(why) if users.is_empty() => return Err(invalid(&address.to_string(), &why)),
            Err(_) => break,
        }
    }
    if users.is_empty() {
        let text = format!("{address} has no signet");
        return Err(MailError::new(ErrorKind::NotFound, text).because(Cause::NoSignet));
    }
    Ok(users)
}

fn good(address: &Address, object: &[u8], organisation: &OrgSignet) -> Result<UserSignet, String> {
    let signet = UserSignet::parse(object).map_err(|error| error.to_string())?;
    let form = signet.verify(organisation).map_err(|error| error.to_string())?;
    let said = signet.identifier().filter(|_| form == Form::Identifiable).and_then(Address::parse);
    let is_its = said.is_some_and(|said| said.account_key() == address.account_key());
    is_its.then_some(signet).ok_or_else(|| "it is that of another address".to_owned())
}

impl Organisations for Registry {
    fn organisation<'a>(&'a self, domain: &'a str, asker: Asker) -> Later<'a, Arc<OrgSignet>> {
        Box::pin(async move {
            if let Some(own) = self.mailbox.organisation(domain) {
                return Ok(Arc::new(own.signet().clone()));
            }
            self.known(domain, asker).await.map(|known| Arc::new(known.signet))
        })
    }
    fn signets<'a>(&'a self, wanted: &'a SignetLookup, asker: Asker) -> Later<'a, FoundSignets> {
        Box::pin(async move {
            if !wanted.address.contains('@') {
                let known = self.known(&wanted.address, asker).await?;
                return Ok(found(known, Vec::new()));
            }
            let address = Address::parse(&wanted.address);
            let no_address = || MailError::new(ErrorKind::InvalidInput, "not an address");
            let address = address.ok_or_else(no_address)?;
            let found = tokio::time::timeout(LOOKUP, self.users(wanted, &address, asker)).await;
            found.unwrap_or_else(|_| Err(trouble(address.domain(), "no answer in time")))
        })
    }
}

/// What was known goes on while nobody can be asked, for the days that its record says.
fn goes_on(known: &KnownOrganisation, error: &MailError) -> bool {
    let days = known.record.expiry_days.unwrap_or(STALE_DAYS);
    error.kind == ErrorKind::Unavailable
        && error.cause.is_none()
        && known.learned_at.plus_secs(days.saturating_mul(DAY_SECS)) > clock::now()
}

fn busy(domain: &str) -> MailError {
    trouble(domain, "too many others are being looked up, try again later")
}

/// As the DNS has them, at most 253 octets (RFC 1035 §2.3.4).
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

/// It has none, or does not say now.
fn not_given(whose: &str, reply: &Reply) -> MailError {
    let text = format!("the server of {whose} gives no signet of it: {}", said(reply));
    if reply.code == 450 || reply.code >= 500 {
        return MailError::new(ErrorKind::NotFound, text).because(Cause::NoSignet);
    }
    MailError::new(ErrorKind::Unavailable, text)
}

fn invalid(whose: &str, why: &str) -> MailError {
    let text = format!("the signet of {whose} is no good: {why}");
    MailError::new(ErrorKind::InvalidInput, text).because(Cause::SignetInvalid)
}

#[cfg(test)]
mod tests;
