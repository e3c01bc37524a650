//! What the sender of pushes takes out, and what it says came of it.
//!
//! The sender looks at an account when a commit says that it has something new, and when table P says that
//! it is due. It takes one task of a subscription at a time ([`MailboxService::next_push`]), and writes down
//! what came of it before it takes the next. Nothing of a subscription is held in memory in between, and no
//! view or transaction over the sending. Must not: send.

use std::ops::{ControlFlow, Range};

use koi_message::Structure;
use koi_store::key::{self, table};
use koi_store::kv::{Read, Txn, transact};
use koi_store::mail::AccountTxn;
use koi_store::mail::push::{self, SettleRules, StoredSubscription, StoredTask};
pub use koi_store::mail::push::{Attempt, DueAccount, Settled};
use koi_store::record::push::{Given, Push, SubscriptionRecord};
use koi_types::{
    AccountId, EmailId, ErrorKind, MailError, MailboxId, MailboxName, PushId, Result, Timestamp, Uid,
    UidValidity,
};
use koi_webpush::{Auth, Endpoint, Keys, PAYLOAD_OCTETS_MAX, PublicKey};

use super::states::{self, AccountStates};
use super::validation_text;
use crate::outcome::Pending;
use crate::row::EmailRow;
use crate::service::MailboxService;
use crate::snapshot::Snapshot;

/// A longer header is not read for a push: what it says is cut to a hundred octets anyway.
const HEADER_OCTETS_MAX: u32 = 64 * 1024;

/// Accounts that have something due, the earliest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DueAccounts {
    pub due: Vec<DueAccount>,
    /// When the next one will be, if it is known.
    pub next_at: Option<Timestamp>,
}

/// A subscription with something to be sent now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadyPush {
    pub id: PushId,
    pub endpoint: Endpoint,
}

/// A subscription that nothing is sent to for a while.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeldPush {
    pub account: AccountId,
    pub id: PushId,
    pub until: Timestamp,
}

/// One thing to be sent.
#[derive(Clone, Debug)]
pub struct NextPush {
    pub account: AccountId,
    pub attempt: Attempt,
    pub endpoint: Endpoint,
    /// What it is encrypted for; nothing when the client gave no keys (RFC 8620 §7.2).
    pub keys: Option<Keys>,
    /// Attempts in a row that failed.
    pub failures: u16,
    pub made_at: Timestamp,
    pub content: PushContent,
}

/// What it says.
#[derive(Clone, Debug)]
pub enum PushContent {
    /// The text the client has to send back.
    Validation(String),
    /// The same, of JMAP (RFC 8620 §7.2.2).
    Verification(String),
    /// States that are not what was told last (RFC 8620 §7.1).
    States(Vec<AccountStates>),
    Message(Box<PushMessage>),
    /// The message is not there any more: somebody has seen it.
    Gone,
}

/// A message as far as a push tells of it.
#[derive(Clone, Debug)]
pub struct PushMessage {
    pub mailbox: MailboxName,
    pub uidvalidity: UidValidity,
    pub uid: Uid,
    pub email: EmailId,
    /// For `koi_message::Envelope::decode`.
    pub envelope: Box<[u8]>,
    pub sent_at: Option<crate::SentAt>,
    /// The header as it came, if it is not very long.
    pub header: Box<[u8]>,
    /// The body as it came, unless it is too long for a push, or the push service said so.
    pub body: Option<Box<[u8]>>,
}

impl MailboxService {
    /// Accounts due at `now` that are not `busy`, at most `max`.
    pub fn due_pushes(
        &self,
        now: Timestamp,
        max: usize,
        busy: &dyn Fn(AccountId) -> bool,
    ) -> Result<DueAccounts> {
        let view = self.inner.kv.view()?;
        let mut found = DueAccounts::default();
        push::due_accounts(&*view, &mut |due| {
            if busy(due.account) {
                return ControlFlow::Continue(());
            }
            if due.at > now {
                found.next_at = Some(due.at);
                return ControlFlow::Break(());
            }
            found.due.push(due);
            if found.due.len() < max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(found)
    }
    /// Subscriptions of an account with something to be sent now.
    pub fn ready_pushes(&self, account: AccountId, now: Timestamp) -> Result<Vec<ReadyPush>> {
        let view = self.inner.kv.view()?;
        let mut ready = Vec::new();
        for StoredSubscription { id, record } in push::subscriptions(&*view, account)? {
            let Some(endpoint) = is_open(&record, now).then(|| Endpoint::parse(record.given.endpoint()))
            else {
                continue;
            };
            if let (Ok(endpoint), Some(_)) = (endpoint, push::next_task(&*view, account, &id)?) {
                ready.push(ReadyPush { id, endpoint });
            }
        }
        Ok(ready)
    }
    /// What is to be sent to a subscription now.
    pub fn next_push(&self, account: AccountId, id: &PushId, now: Timestamp) -> Result<Option<NextPush>> {
        let view = self.inner.kv.view()?;
        let Some(record) = push::subscription(&*view, account, id)?.filter(|record| is_open(record, now))
        else {
            return Ok(None);
        };
        let Some(StoredTask { key, record: task }) = push::next_task(&*view, account, id)? else {
            return Ok(None);
        };
        drop(view);
        let Resource { endpoint, keys } = resource(&record.given)
            .ok_or_else(|| MailError::new(ErrorKind::Corrupt, "a push subscription is not valid any more"))?;
        let mut tells = None;
        let content = match task.push {
            Push::Validation if super::is_of_jmap(&record) => {
                PushContent::Verification(validation_text(&record.seal))
            }
            Push::Validation => PushContent::Validation(validation_text(&record.seal)),
            Push::States => match states::news(&self.inner, account, &record)? {
                Some(news) => {
                    tells = Some(news.tells);
                    PushContent::States(news.changed)
                }
                None => PushContent::Gone,
            },
            Push::Message { mailbox, uidvalidity, uid, email } => {
                let at = Place { mailbox, uidvalidity, uid, email };
                let found = self.message_to_push(account, &at, task.short)?;
                found.map_or(PushContent::Gone, |message| PushContent::Message(Box::new(message)))
            }
        };
        let attempt = Attempt { key, seal: record.seal, tells };
        let (failures, made_at) = (record.failures, task.made_at);
        Ok(Some(NextPush { account, attempt, endpoint, keys, failures, made_at, content }))
    }
    fn message_to_push(&self, account: AccountId, at: &Place, short: bool) -> Result<Option<PushMessage>> {
        let snapshot = Snapshot::open(&self.inner, account, None)?;
        let Some(mailbox) = snapshot.mailbox(at.mailbox)?.filter(|row| row.uidvalidity == at.uidvalidity)
        else {
            return Ok(None);
        };
        let there = snapshot.message(at.mailbox, at.uid, |row| row.email == at.email)?;
        let Some(email) = snapshot.email(at.email)?.filter(|_| there == Some(true)) else { return Ok(None) };
        let structure = Structure::decode(email.structure()).unwrap_or_default();
        let (header, body) = (structure.root.header, structure.root.body);
        let read = |range: Range<u32>, octets_max: u32| -> Result<Option<Box<[u8]>>> {
            if range.end.saturating_sub(range.start) > octets_max {
                return Ok(None);
            }
            let mut octets = Vec::new();
            snapshot.read_body(&email.body, u64::from(range.start)..u64::from(range.end), &mut octets)?;
            Ok(Some(octets.into()))
        };
        let header = read(header.start..header.end, HEADER_OCTETS_MAX)?;
        let body = match short || header.is_none() {
            true => None,
            false => read(body.start..body.end, PAYLOAD_OCTETS_MAX as u32)?,
        };
        Ok(Some(PushMessage {
            mailbox: mailbox.name,
            uidvalidity: at.uidvalidity,
            uid: at.uid,
            email: at.email,
            envelope: EmailRow::envelope(&email).into(),
            sent_at: email.sent_at,
            header: header.unwrap_or_default(),
            body,
        }))
    }
    /// Writes down what came of an attempt.
    pub fn settle_push(&self, account: AccountId, attempt: Attempt, settled: Settled) -> Pending<()> {
        let rules = self.settle_rules();
        // It gives back more than it takes, but for a failure.
        let frees = !matches!(settled, Settled::Later(_) | Settled::TooLarge);
        self.of_account(account, move |account| {
            if frees {
                account.frees_space();
            }
            account.settle_push(&attempt, settled, rules)
        })
    }
    /// Holds subscriptions, without an attempt.
    pub fn hold_pushes(&self, all: Vec<HeldPush>) -> Pending<()> {
        let (quota, now) = (self.inner.options.quota, self.inner.env.now());
        let pending = transact(&*self.inner.kv, move |txn: &mut dyn Txn| {
            for held in &all {
                if exists(txn, held.account)? {
                    let mut account = AccountTxn::open(txn, held.account, quota, now)?;
                    account.hold_push(&held.id, held.until)?;
                    account.finish()?;
                }
            }
            Ok(())
        });
        Pending::of(pending)
    }
    /// For accounts that were due and had nothing to send: what is over goes, and each is due when it should
    /// be. Answers how many subscriptions went.
    pub fn tend_pushes(&self, all: Vec<DueAccount>) -> Pending<usize> {
        let (quota, now) = (self.inner.options.quota, self.inner.env.now());
        let pending = transact(&*self.inner.kv, move |txn: &mut dyn Txn| {
            let mut gone = 0;
            for due in &all {
                if !exists(txn, due.account)? {
                    push::forget_stray(txn, *due)?;
                    continue;
                }
                let mut account = AccountTxn::open(txn, due.account, quota, now)?;
                gone += account.tend_push(due.at)?;
                account.finish()?;
            }
            Ok(gone)
        });
        Pending::of(pending)
    }
    fn settle_rules(&self) -> SettleRules {
        let options = self.inner.options.push.as_ref();
        let validation_secs = options.map_or(0, |options| options.validation_secs);
        SettleRules { validation_secs, refusals_max: options.map_or(1, |options| options.refusals_max) }
    }
    /// Nothing, when the account was removed meanwhile.
    fn of_account(
        &self,
        account: AccountId,
        mut run: impl FnMut(&mut AccountTxn<'_>) -> Result<()> + Send + 'static,
    ) -> Pending<()> {
        let (quota, now) = (self.inner.options.quota, self.inner.env.now());
        let pending = transact(&*self.inner.kv, move |txn: &mut dyn Txn| {
            if !exists(txn, account)? {
                return Ok(());
            }
            let mut account = AccountTxn::open(txn, account, quota, now)?;
            run(&mut account)?;
            account.finish().map(drop)
        });
        Pending::of(pending)
    }
}

/// Where a push goes, and for whom it is encrypted.
struct Resource {
    endpoint: Endpoint,
    keys: Option<Keys>,
}

/// What was stored was valid once; nothing when it is not any more.
fn resource(given: &Given) -> Option<Resource> {
    let texts = match given {
        Given::Coi(given) => Some((&given.p256dh, &given.auth)),
        Given::Jmap(given) => given.keys.as_ref().map(|keys| (&keys.p256dh, &keys.auth)),
    };
    let keys = match texts {
        Some((p256dh, auth)) => Some(Keys { p256dh: PublicKey::parse(p256dh)?, auth: Auth::parse(auth)? }),
        None => None,
    };
    Some(Resource { endpoint: Endpoint::parse(given.endpoint()).ok()?, keys })
}

/// Where a message was put.
struct Place {
    mailbox: MailboxId,
    uidvalidity: UidValidity,
    uid: Uid,
    email: EmailId,
}

pub(super) fn exists(txn: &(impl Read + ?Sized), account: AccountId) -> Result<bool> {
    Ok(txn.get(&key::directory(table::global::DIRECTORY, account))?.is_some())
}

/// Neither held nor over.
fn is_open(record: &SubscriptionRecord, now: Timestamp) -> bool {
    record.held_until <= now && !super::is_over(record, now)
}
