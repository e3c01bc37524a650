//! Carries messages to other organisations: what is due lies in the store, and stays there until its
//! destination has said that it has it, or never will (docs/DMAP.md, other organisations).
//!
//! A commit with a new message wakes it, as does the time at which one is due, and the start of the server.
//! What came of an attempt is written down before anything else of that message is done: a crash in between
//! sends it again at most once, and while the store takes nothing it is not sent again. Must not: hold a
//! view or a transaction while it waits for a server; log what a message says.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use koi_dime::Fingerprint;
use koi_dime::dmtp::{Command, MailParameters, Reply};
use koi_mailbox::MailboxService;
use koi_mailbox::dmap::{DueMail, MailSettled, OutgoingMail};
use koi_types::{AccountId, ErrorKind, MailError, ObjectId, Timestamp};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::task::{self, JoinSet};

use super::Asker;
use super::client::{Client, said};
use super::registry::Registry;
use crate::clock;
use crate::config::CourierConfig;
use crate::metrics::{Metrics, count};

/// The longest wait before a repetition.
const RETRY_MAX: Duration = Duration::from_secs(2 * 3600);
/// The longest wait without asking the store who is due.
const LOOK: Duration = Duration::from_secs(30);
/// The shortest, so that a message in trouble does not keep us busy.
const LOOK_MIN: Duration = Duration::from_millis(100);
/// A message whose row could not be read or written is left alone for so long.
const TROUBLED: Duration = Duration::from_secs(30);
/// One attempt with all its waits, and more for a large message: nobody holds a place for ever.
const ATTEMPT: Duration = Duration::from_secs(30 * 60);
/// Octets of a message in a second, over the slowest line.
const OCTETS_PER_SECOND_MIN: u64 = 4096;
/// Attempts under way have so long when the server stops; what is not done is in the store.
const LAST: Duration = Duration::from_secs(3);

/// What attempts share.
struct Shared {
    mailbox: MailboxService,
    registry: Arc<Registry>,
    settings: CourierConfig,
    metrics: Arc<Metrics>,
}

/// The running courier.
pub(crate) struct Courier {
    stop: Arc<Notify>,
    task: Mutex<Option<task::JoinHandle<()>>>,
}

impl Courier {
    /// Starts it; inside the runtime. `wake` is told of commits with something new.
    pub(crate) fn start(
        mailbox: MailboxService,
        registry: Arc<Registry>,
        settings: CourierConfig,
        wake: Arc<Notify>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let stop = Arc::new(Notify::new());
        let shared = Arc::new(Shared { mailbox, registry, settings, metrics });
        let run = Dispatcher::new(shared).run(wake, Arc::clone(&stop));
        Self { stop, task: Mutex::new(Some(tokio::spawn(run))) }
    }
    /// Begins nothing new, and ends when what is under way is done or the time is up.
    pub(crate) async fn shut_down(&self) {
        self.stop.notify_one();
        let task = self.task.lock().take();
        if let Some(task) = task {
            let abort = task.abort_handle();
            if tokio::time::timeout(LAST, task).await.is_err() {
                abort.abort();
            }
        }
    }
}

struct Dispatcher {
    shared: Arc<Shared>,
    attempts: JoinSet<Attempted>,
    errands: HashMap<task::Id, DueMail>,
    busy: HashSet<(AccountId, ObjectId)>,
    domains: HashMap<Box<str>, usize>,
    /// In trouble here, not there.
    resting: HashMap<(AccountId, ObjectId), Instant>,
    /// What came of messages where that could not be written down: it is, before anything is sent again.
    unwritten: HashMap<(AccountId, ObjectId), MailSettled>,
}

/// What came of an attempt.
enum Attempted {
    /// It is written down.
    Written,
    /// Nothing was tried: the message could not be read.
    Unread,
    /// It is not written down.
    Unwritten(MailSettled),
}

impl Dispatcher {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            attempts: JoinSet::new(),
            errands: HashMap::new(),
            busy: HashSet::new(),
            domains: HashMap::new(),
            resting: HashMap::new(),
            unwritten: HashMap::new(),
        }
    }

    async fn run(mut self, wake: Arc<Notify>, stop: Arc<Notify>) {
        loop {
            let until = Instant::now() + self.look();
            tokio::select! {
                () = stop.notified() => break,
                () = wake.notified() => {}
                Some(done) = self.attempts.join_next_with_id() => self.done(done),
                () = tokio::time::sleep_until(until.into()) => {}
            }
        }
        while self.attempts.join_next().await.is_some() {}
    }

    /// Starts what is due. Answers how long there is nothing more to do.
    fn look(&mut self) -> Duration {
        let (now, at) = (Instant::now(), clock::now());
        self.resting.retain(|_, until| *until > now);
        let settings = &self.shared.settings;
        let room = settings.connections_max.saturating_sub(self.attempts.len());
        if room == 0 {
            return LOOK;
        }
        let (busy, resting, domains) = (&self.busy, &self.resting, &self.domains);
        let skip = |mail: &DueMail| {
            let key = (mail.account, mail.id);
            let of_domain = domains.get(&mail.destination).copied().unwrap_or(0);
            busy.contains(&key)
                || resting.contains_key(&key)
                || of_domain >= settings.connections_per_domain_max
        };
        let found = match self.shared.mailbox.due_mail(at, room, &skip) {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "what is to be sent could not be read");
                return LOOK;
            }
        };
        let next = found.next_at.map_or(LOOK, |next| until(at, next));
        let mut left = false;
        for mail in found.due {
            let of_domain = self.domains.entry(mail.destination.clone()).or_default();
            if *of_domain >= self.shared.settings.connections_per_domain_max {
                left = true;
                continue;
            }
            *of_domain += 1;
            self.busy.insert((mail.account, mail.id));
            let known = self.unwritten.remove(&(mail.account, mail.id));
            let attempt = attempt(Arc::clone(&self.shared), mail.clone(), known);
            let handle = self.attempts.spawn(attempt);
            self.errands.insert(handle.id(), mail);
        }
        // What had to be left is looked at when one of its domain is done; behind it others may be due.
        if left { LOOK_MIN } else { next.clamp(LOOK_MIN, LOOK) }
    }

    fn done(&mut self, done: Result<(task::Id, Attempted), task::JoinError>) {
        let id = done.as_ref().map_or_else(task::JoinError::id, |(id, _)| *id);
        let Some(mail) = self.errands.remove(&id) else { return };
        let key = (mail.account, mail.id);
        self.busy.remove(&key);
        if let Some(count) = self.domains.get_mut(&mail.destination) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.domains.remove(&mail.destination);
            }
        }
        match done {
            Ok((_, Attempted::Written)) => return,
            Ok((_, Attempted::Unread)) => {}
            Ok((_, Attempted::Unwritten(settled))) => drop(self.unwritten.insert(key, settled)),
            Err(_) => tracing::error!("a courier panicked; this is a bug, please report it"),
        }
        self.resting.insert(key, Instant::now() + TROUBLED);
    }
}

/// One message, once; `known` is what came of it, where that is still to be written down.
async fn attempt(shared: Arc<Shared>, due: DueMail, known: Option<MailSettled>) -> Attempted {
    let (account, id) = (due.account, due.id);
    let settled = match known {
        Some(settled) => settled,
        None => match tried(&shared, &due).await {
            Ok(Some(settled)) => settled,
            Ok(None) => return Attempted::Written,
            Err(Unreadable) => return Attempted::Unread,
        },
    };
    let (mailbox, to_write) = (shared.mailbox.clone(), settled.clone());
    let written = task::spawn_blocking(move || mailbox.settle_mail(account, id, to_write)?.wait()).await;
    match written {
        Ok(Ok(true)) => Attempted::Written,
        // Its account is being removed: there is no hurry.
        Ok(Ok(false)) => Attempted::Unread,
        Ok(Err(error)) => {
            tracing::warn!(%account, %id, %error, "what came of a message could not be written");
            Attempted::Unwritten(settled)
        }
        Err(_) => Attempted::Unwritten(settled),
    }
}

/// A message could not be read just now.
struct Unreadable;

/// What came of it; nothing when it is not on its way any more.
async fn tried(shared: &Arc<Shared>, due: &DueMail) -> Result<Option<MailSettled>, Unreadable> {
    let (account, id) = (due.account, due.id);
    let mailbox = shared.mailbox.clone();
    let read = task::spawn_blocking(move || mailbox.outgoing_mail(account, id)).await;
    let settled = match read.map_err(|_| Unreadable)? {
        Ok(Some(mail)) => carry(shared, &mail, due).await,
        Ok(None) => return Ok(None),
        Err(error) if matches!(error.kind, ErrorKind::Corrupt | ErrorKind::NotFound) => {
            tracing::error!(%account, %id, %error, "a message to be sent cannot be read any more");
            MailSettled::Failed { said: "what the server kept of the message is damaged".into() }
        }
        Err(error) => {
            tracing::warn!(%account, %id, %error, "a message to be sent could not be read");
            return Err(Unreadable);
        }
    };
    count(match &settled {
        MailSettled::Sent => &shared.metrics.mails_sent,
        MailSettled::Later { .. } => &shared.metrics.mails_waiting,
        MailSettled::Failed { .. } | MailSettled::Dropped => &shared.metrics.mails_bounced,
    });
    Ok(Some(settled))
}

/// Sends it, in the time there is for it.
async fn carry(shared: &Shared, mail: &OutgoingMail, due: &DueMail) -> MailSettled {
    let sent = within(attempt_max(mail.octets.len()), send(shared, mail, due.account)).await;
    judge(&shared.settings, mail, due, sent)
}

/// What is to be done now.
fn judge(
    settings: &CourierConfig,
    mail: &OutgoingMail,
    due: &DueMail,
    sent: Result<Reply, Failure>,
) -> MailSettled {
    let (account, id, to) = (due.account, due.id, &*due.destination);
    let said = match sent {
        Ok(reply) => {
            let said = said(&reply);
            tracing::info!(%account, %id, to, said, octets = mail.octets.len(), "a message was sent");
            return MailSettled::Sent;
        }
        Err(Failure::Never(said)) => {
            tracing::info!(%account, %id, to, said, "a message was refused");
            return MailSettled::Failed { said: said.into() };
        }
        Err(Failure::NotNow(said)) => said,
    };
    let now = clock::now();
    let age_millis = u64::try_from(now.0.saturating_sub(mail.queued_at.0)).unwrap_or(0);
    if Duration::from_millis(age_millis) >= settings.give_up {
        tracing::info!(%account, %id, to, said, "a message is given up");
        return MailSettled::Failed { said: said.into() };
    }
    let wait = settings.retry.saturating_mul(1 << mail.attempts.min(16)).min(RETRY_MAX);
    tracing::info!(%account, %id, to, said, wait_secs = wait.as_secs(), "a message waits");
    MailSettled::Later { until: after(now, wait), said: said.into() }
}

/// How long one attempt may take. Each wait in it has a bound, but there is one for each piece of a message,
/// and a server may use all of them up.
const fn attempt_max(octets: usize) -> Duration {
    ATTEMPT.saturating_add(Duration::from_secs(octets as u64 / OCTETS_PER_SECOND_MIN))
}

async fn within(
    time: Duration,
    sending: impl Future<Output = Result<Reply, Failure>>,
) -> Result<Reply, Failure> {
    let sent = tokio::time::timeout(time, sending).await;
    sent.unwrap_or_else(|_| Err(Failure::NotNow("it took too long".to_owned())))
}

/// Why it is not there.
enum Failure {
    Never(String),
    NotNow(String),
}

impl From<MailError> for Failure {
    fn from(error: MailError) -> Self {
        match (error.kind, error.cause) {
            // No domain, or one that says it takes no mail; what is wrong with a key may be mended.
            (ErrorKind::InvalidInput, None) => Self::Never(error.text.into()),
            _ => Self::NotNow(error.text.into()),
        }
    }
}

async fn send(shared: &Shared, mail: &OutgoingMail, author: AccountId) -> Result<Reply, Failure> {
    let known = shared.registry.known(&mail.destination, Asker::Account(author)).await?;
    let client = shared.registry.connected(&mail.destination, &known.record, known.is_validated).await?;
    talk(client, mail).await
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    mut client: Client<S>,
    mail: &OutgoingMail,
) -> Result<Reply, Failure> {
    let from = Command::Mail {
        origin: mail.origin.domain().to_owned(),
        signet: mail.origin.signet().core_fingerprint(),
        parameters: MailParameters { size: mail.octets.len() as u64, return_: None },
    };
    let to = Command::Rcpt { destination: mail.destination.to_string(), signet: mail.signet };
    for command in [from, to] {
        judged(client.ask(&command).await?)?;
    }
    let data = Command::Data { hash: Some(hash(&mail.octets)) };
    let begun = client.ask(&data).await?;
    if begun.code != 354 {
        return Err(Failure::NotNow(said(&judged(begun)?)));
    }
    let reply = judged(client.message(&mail.octets).await?)?;
    client.quit().await;
    Ok(reply)
}

/// 2xx is yes, 5xx for ever; what asks for more (3xx) where nothing more comes is neither.
fn judged(reply: Reply) -> Result<Reply, Failure> {
    match reply.code {
        200..300 => Ok(reply),
        500.. => Err(Failure::Never(said(&reply))),
        _ => Err(Failure::NotNow(said(&reply))),
    }
}

/// SHA-512, as DATA names it.
fn hash(octets: &[u8]) -> Fingerprint {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, octets);
    Fingerprint(digest.as_ref().try_into().unwrap_or([0; 64]))
}

fn until(now: Timestamp, at: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(at.0.saturating_sub(now.0)).unwrap_or(0))
}

fn after(now: Timestamp, wait: Duration) -> Timestamp {
    Timestamp(now.0.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests;
