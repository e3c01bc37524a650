//! Subscriptions to push. Those of COI-webpush §subscriptions clients see and change as annotations of the
//! server: `vapid`, `subscriptions/ID` and, write-only, `subscriptions/ID/validate`. Those of JMAP ([`jmap`])
//! are rows beside them, of which IMAP shows nothing.
//!
//! [`announce`] writes what is to be pushed in the transaction that delivers a message; [`outbox`] is what
//! the sender at the edge takes it from. Must not: send anything, or know what a request looks like.

use koi_store::mail::AccountTxn;
use koi_store::mail::push::{self, StoredSubscription};
use koi_store::record::push::{self as stored, Given, PushTypes, Seal, SubscriptionRecord};
use koi_types::{EntryName, ErrorKind, MailError, PushId, Result, Timestamp};
use koi_webpush::{Auth, Endpoint, Keys, MsgType, PublicKey, Subscription};

use crate::annotation::Annotation;
use crate::annotation::special::entry;
use crate::service::{Env, Lent};
use crate::snapshot::Snapshot;

pub(crate) mod announce;
mod content;
mod jmap;
mod outbox;
mod states;

pub use jmap::{
    NewPushSubscription, PushKeys, PushRefused, PushSubscriptionChange, PushSubscriptionChanged,
    PushSubscriptionUpdate, PushSubscriptionView,
};
pub use outbox::{
    Attempt, DueAccount, DueAccounts, HeldPush, NextPush, PushContent, PushMessage, ReadyPush, Settled,
};
pub use states::{AccountStates, DataState};

/// Where all of it is.
const ROOT: &str = "/private/vendor/vendor.dovecot/webpush";
const VAPID: &str = "vapid";
const SUBSCRIPTIONS: &str = "subscriptions";
const VALIDATE: &str = "validate";

/// What an administrator may set, and what the edge knows. Without it there is no push.
#[derive(Clone, Debug)]
pub struct PushOptions {
    /// The key that signs requests (COI-webpush §vapid-key).
    pub public_key_pem: Box<str>,
    /// Of one account.
    pub subscriptions_max: u16,
    /// Messages that wait for one subscription while its push service is slow; the oldest goes for a new one.
    pub waiting_max: usize,
    /// New subscriptions of an account within `new_secs`.
    pub new_max: u16,
    pub new_secs: u32,
    /// Subscriptions that were not validated, one after the other or at once, before the account may make no
    /// new ones for `lock_secs`.
    pub unproven_max: u16,
    pub lock_secs: u32,
    /// From the validation push to the answer (COI-webpush §validating-a-push-subscription: five minutes).
    pub validation_secs: u32,
    /// Requests in a row that a push service calls wrong before the subscription is dropped.
    pub refusals_max: u16,
}

impl PushOptions {
    /// What is usual, with this key.
    #[must_use]
    pub fn new(public_key_pem: &str) -> Self {
        Self {
            public_key_pem: public_key_pem.into(),
            subscriptions_max: 32,
            waiting_max: 32,
            new_max: 60,
            new_secs: 3600,
            unproven_max: 8,
            lock_secs: 3600,
            validation_secs: 300,
            refusals_max: 5,
        }
    }
}

/// All entries there are.
pub(crate) fn list(snapshot: &Snapshot<'_>) -> Result<Vec<Annotation>> {
    let Some(options) = &snapshot.options.push else { return Ok(Vec::new()) };
    let mut entries = Vec::new();
    entries.extend(entry(&format!("{ROOT}/{VAPID}"), options.public_key_pem.as_bytes()));
    let now = snapshot.env.now();
    for StoredSubscription { record, .. } in push::subscriptions(&*snapshot.view, snapshot.account)? {
        let Some(stored) = record.given.coi().filter(|_| !is_over(&record, now)) else { continue };
        let Some(given) = given_form(stored) else { continue };
        let json = given.json(record.created_at, record.validated_at.is_some());
        entries.extend(entry(&format!("{ROOT}/{SUBSCRIPTIONS}/{}", stored.id), json));
    }
    Ok(entries)
}

/// Subscribes, validates or unsubscribes; a refusal says why.
pub(crate) fn set(
    lent: &Lent,
    account: &mut AccountTxn<'_>,
    name: &EntryName,
    value: Option<&[u8]>,
) -> Result<()> {
    let Some(options) = &lent.options.push else { return Err(refused("push is not offered here")) };
    let below = name.below(ROOT).unwrap_or_default();
    if below.eq_ignore_ascii_case(VAPID) {
        return Err(refused("the key is the server's"));
    }
    let inside = below.split_once('/').filter(|(first, _)| first.eq_ignore_ascii_case(SUBSCRIPTIONS));
    let (id, last) = match inside.map(|(_, rest)| rest.split_once('/').unwrap_or((rest, ""))) {
        Some((id, last)) if last.is_empty() || last.eq_ignore_ascii_case(VALIDATE) => (id, last),
        _ => return Err(refused("there is no such entry")),
    };
    let Some(known) = PushId::new(id) else {
        return Err(refused("a subscription id has 10 to 36 letters, digits, - and _"));
    };
    if account.push_subscription(&known).is_ok_and(|there| there.is_some_and(|there| is_of_jmap(&there))) {
        return Err(refused("there is no such entry"));
    }
    match (last, value) {
        ("", None) => account.remove_push(&known).map(drop),
        ("", Some(value)) => {
            let given = Subscription::parse(value);
            let given = given.map_err(|why| MailError::new(ErrorKind::InvalidInput, why.to_string()))?;
            subscribe(account, options, &known, stored_form(id, &given), seal(&*lent.env))
        }
        (_, value) => validate(account, &known, value.unwrap_or_default()),
    }
}

fn subscribe(
    account: &mut AccountTxn<'_>,
    options: &PushOptions,
    id: &PushId,
    given: stored::Subscription,
    seal: Seal,
) -> Result<()> {
    admit(account, options, id)?;
    let now = account.now();
    let record = SubscriptionRecord {
        given: Given::Coi(given),
        seal,
        created_at: now,
        validated_at: None,
        expires_at: Some(now.plus_secs(options.validation_secs)),
        held_until: Timestamp::default(),
        failures: 0,
        refusals: 0,
    };
    account.subscribe_push(id, &record)
}

/// Whether the account may make another subscription now; then it is counted.
fn admit(account: &mut AccountTxn<'_>, options: &PushOptions, id: &PushId) -> Result<()> {
    let (mut state, now) = (account.push_account()?, account.now());
    let there = account.push_subscription(id).is_ok_and(|subscription| subscription.is_some());
    if !there && state.subscriptions >= options.subscriptions_max {
        let text = format!("{} push subscriptions are all there may be: remove one", state.subscriptions);
        return Err(MailError::new(ErrorKind::LimitReached, text));
    }
    let pending = state.subscriptions.saturating_sub(state.validated);
    let locked = state.unproven_at.plus_secs(options.lock_secs) > now;
    let unproven = if locked { state.unproven } else { 0 };
    if unproven.saturating_add(pending) >= options.unproven_max {
        return Err(too_many("too many push subscriptions were never validated: try again later"));
    }
    if state.window_began.plus_secs(options.new_secs) <= now || state.window_began > now {
        (state.window_began, state.window_count) = (now, 0);
    }
    if state.window_count >= options.new_max {
        return Err(too_many("too many new push subscriptions: try again later"));
    }
    state.window_count = state.window_count.saturating_add(1);
    account.put_push_account(&state)
}

/// COI-webpush §validating-a-push-subscription: the right text, for this subscription, in time.
fn validate(account: &mut AccountTxn<'_>, id: &PushId, text: &[u8]) -> Result<()> {
    let now = account.now();
    let found = account.push_subscription(id)?.filter(|record| !is_over(record, now));
    // Compared whatever there is, and to the end.
    let seal = found.as_ref().map_or(Seal::default(), |record| record.seal);
    if !is_same(validation_text(&seal).as_bytes(), text) || found.is_none() {
        return Err(refused("invalid validation"));
    }
    account.validate_push(id)
}

/// What a client has to send back, which tells nothing of where it comes from.
fn validation_text(seal: &Seal) -> String {
    seal.iter().fold(String::with_capacity(2 * seal.len()), |text, octet| format!("{text}{octet:02x}"))
}

/// Takes as long for any text of the same length.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    let different = a.iter().zip(b).fold(0, |different, (a, b)| different | (a ^ b));
    a.len() == b.len() && different == 0
}

fn is_of_jmap(record: &SubscriptionRecord) -> bool {
    record.given.jmap().is_some()
}

fn is_over(record: &SubscriptionRecord, now: Timestamp) -> bool {
    record.expires_at.is_some_and(|at| at <= now)
}

fn seal(env: &dyn Env) -> Seal {
    let mut seal = Seal::default();
    let (first, second) = seal.split_at_mut(10);
    first.copy_from_slice(&env.random());
    second.copy_from_slice(&env.random());
    seal
}

fn stored_form(id: &str, given: &Subscription) -> stored::Subscription {
    stored::Subscription {
        id: id.into(),
        client: given.client.clone(),
        device: given.device.clone(),
        types: match given.msgtype {
            MsgType::Chat => PushTypes::Chat,
            MsgType::Mail => PushTypes::Mail,
            MsgType::All => PushTypes::All,
        },
        exclude_from: given.exclude_from.clone(),
        excluded_from: given.excluded_from.clone(),
        endpoint: given.endpoint.as_str().into(),
        p256dh: given.p256dh.clone(),
        auth: given.auth.clone(),
    }
}

/// What was stored was valid once; nothing when it is not any more.
fn given_form(given: &stored::Subscription) -> Option<Subscription> {
    Some(Subscription {
        client: given.client.clone(),
        device: given.device.clone(),
        msgtype: match given.types {
            PushTypes::Chat => MsgType::Chat,
            PushTypes::Mail => MsgType::Mail,
            PushTypes::All => MsgType::All,
        },
        exclude_from: given.exclude_from.clone(),
        excluded_from: given.excluded_from.clone(),
        endpoint: Endpoint::parse(&given.endpoint).ok()?,
        keys: Keys { p256dh: PublicKey::parse(&given.p256dh)?, auth: Auth::parse(&given.auth)? },
        p256dh: given.p256dh.clone(),
        auth: given.auth.clone(),
    })
}

fn refused(text: &str) -> MailError {
    MailError::new(ErrorKind::InvalidInput, text)
}

fn too_many(text: &str) -> MailError {
    MailError::new(ErrorKind::LimitReached, text)
}
