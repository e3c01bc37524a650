//! Subscriptions of JMAP (RFC 8620 §7.2): made, verified, prolonged and ended, each by the credential it was
//! made with alone.
//!
//! They are rows beside those of COI-webpush, so that the same couriers send to both. Must not: know JSON.

use koi_store::mail::AccountTxn;
use koi_store::mail::push::{self, StoredSubscription};
use koi_store::record::push::{Given, JmapKeys, JmapSubscription, Seal, SubscriptionRecord, ToldStates};
use koi_types::{ErrorKind, MailError, PushId, Result, Timestamp, limits};
use koi_webpush::{Auth, Endpoint, PublicKey};

use super::{PushOptions, admit, is_over, is_same, seal, states, validation_text};
use crate::account::Account;
use crate::outcome::Pending;

pub use koi_store::record::push::JmapKeys as PushKeys;

/// A subscription as its client may see it, and what its claims are compared with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PushSubscriptionView {
    pub id: PushId,
    pub device_client_id: Box<str>,
    /// Never shown (RFC 8620 §7.2.1).
    pub url: Box<str>,
    /// Never shown either.
    pub keys: Option<PushKeys>,
    /// Once it was verified.
    pub verification_code: Option<Box<str>>,
    /// Whole seconds.
    pub expires: Timestamp,
    pub types: Option<Vec<Box<str>>>,
}

/// One to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewPushSubscription {
    pub device_client_id: Box<str>,
    pub url: Box<str>,
    pub keys: Option<PushKeys>,
    pub expires: Option<Timestamp>,
    pub types: Option<Vec<Box<str>>>,
}

/// What is to be changed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PushSubscriptionUpdate {
    pub verification_code: Option<Option<Box<str>>>,
    pub expires: Option<Option<Timestamp>>,
    pub types: Option<Option<Vec<Box<str>>>>,
}

/// One change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PushSubscriptionChange {
    Create(NewPushSubscription),
    Update { id: PushId, update: PushSubscriptionUpdate },
    Destroy(PushId),
}

/// What became of a change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PushSubscriptionChanged {
    Created {
        id: PushId,
        expires: Timestamp,
    },
    Updated {
        /// If it is not what was asked for.
        expires: Option<Timestamp>,
    },
    Destroyed,
}

/// Why nothing became of it.
#[derive(Clone, Debug)]
pub enum PushRefused {
    NotFound,
    /// This property is wrong, for this reason.
    Invalid {
        property: &'static str,
        why: &'static str,
    },
    /// There are as many as there may be.
    Full(Box<str>),
    /// So many were made lately.
    TooMany(Box<str>),
    /// This server does not push.
    NotOffered,
    Failed(MailError),
}

impl From<MailError> for PushRefused {
    fn from(error: MailError) -> Self {
        match error.kind {
            ErrorKind::LimitReached => Self::TooMany(error.text),
            _ => Self::Failed(error),
        }
    }
}

/// A change, and what chance gave for what it makes.
struct Prepared {
    change: PushSubscriptionChange,
    id: Option<PushId>,
    seal: Seal,
}

type Outcome<T> = std::result::Result<T, PushRefused>;

impl Account {
    /// Those made with a credential: an app password or token of this name, or the account's own password.
    pub fn push_subscriptions(&self, credential: Option<&str>) -> Result<Vec<PushSubscriptionView>> {
        self.owner_only()?;
        let (view, now) = (self.inner.kv.view()?, self.inner.env.now());
        let all = push::subscriptions(&*view, self.id)?.into_iter();
        Ok(all.filter_map(|stored| view_of(stored, credential, now)).collect())
    }
    /// Changes them in one transaction; what is refused of it is refused alone.
    pub fn set_push_subscriptions(
        &self,
        credential: Option<&str>,
        changes: Vec<PushSubscriptionChange>,
    ) -> Pending<Vec<Outcome<PushSubscriptionChanged>>> {
        // What is so now is not told after the verification.
        let known = self.owner_only().and_then(|()| states::told_now(&self.inner, self.id));
        let known = match known {
            Ok(known) => known,
            Err(error) => return Pending::failed(error),
        };
        let env = &*self.inner.env;
        let prepared = changes.into_iter().map(|change| Prepared {
            change,
            id: PushId::new(&format!("p{}", hex(&env.random()))),
            seal: seal(env),
        });
        let prepared: Vec<Prepared> = prepared.collect();
        let credential: Option<Box<str>> = credential.map(Into::into);
        let options = self.inner.lend().options;
        self.change(move |account| {
            let mut results = Vec::with_capacity(prepared.len());
            for one in &prepared {
                let set = Setting { options: options.push.as_ref(), credential: credential.as_deref() };
                results.push(match set.run(account, one, &known) {
                    Err(PushRefused::Failed(error)) => return Err(error),
                    result => result,
                });
            }
            Ok(results)
        })
    }
}

/// Who sets, and within which bounds.
struct Setting<'a> {
    options: Option<&'a PushOptions>,
    credential: Option<&'a str>,
}

impl Setting<'_> {
    fn run(
        &self,
        account: &mut AccountTxn<'_>,
        prepared: &Prepared,
        known: &[ToldStates],
    ) -> Outcome<PushSubscriptionChanged> {
        match &prepared.change {
            PushSubscriptionChange::Create(new) => {
                let id = prepared.id.as_ref().ok_or(PushRefused::NotFound)?;
                self.create(account, id, new, prepared.seal)
            }
            PushSubscriptionChange::Update { id, update } => self.update(account, id, update, known),
            PushSubscriptionChange::Destroy(id) => {
                self.own(account, id)?;
                account.frees_space();
                account.remove_push(id)?;
                Ok(PushSubscriptionChanged::Destroyed)
            }
        }
    }
    fn create(
        &self,
        account: &mut AccountTxn<'_>,
        id: &PushId,
        new: &NewPushSubscription,
        seal: Seal,
    ) -> Outcome<PushSubscriptionChanged> {
        let options = self.options.ok_or(PushRefused::NotOffered)?;
        refuse_wrong(new)?;
        let now = account.now();
        let expires = bounded(new.expires, now)?;
        let count = account.push_account()?.subscriptions;
        if count >= options.subscriptions_max {
            return Err(PushRefused::Full(format!("{count} push subscriptions are all there may be").into()));
        }
        admit(account, options, id)?;
        let given = JmapSubscription {
            credential: self.credential.map(Into::into),
            device: new.device_client_id.clone(),
            url: new.url.clone(),
            keys: new.keys.clone(),
            types: new.types.clone(),
            told: Vec::new(),
        };
        let record = SubscriptionRecord {
            given: Given::Jmap(given),
            seal,
            created_at: now,
            validated_at: None,
            expires_at: Some(expires),
            held_until: Timestamp::default(),
            failures: 0,
            refusals: 0,
        };
        account.subscribe_push(id, &record)?;
        Ok(PushSubscriptionChanged::Created { id: id.clone(), expires })
    }
    fn update(
        &self,
        account: &mut AccountTxn<'_>,
        id: &PushId,
        update: &PushSubscriptionUpdate,
        known: &[ToldStates],
    ) -> Outcome<PushSubscriptionChanged> {
        let record = self.own(account, id)?;
        let verifies = verifies(&record, update)?;
        if let Some(types) = &update.types {
            refuse_types(types.as_deref())?;
        }
        let asked = update.expires;
        let expires = asked.map(|asked| bounded(asked, account.now())).transpose()?;
        account.change_push(id, |record| {
            if let (Given::Jmap(given), Some(types)) = (&mut record.given, &update.types) {
                given.types.clone_from(types);
            }
            if let (Given::Jmap(given), true) = (&mut record.given, verifies) {
                given.told = known.to_vec();
            }
            record.expires_at = expires.or(record.expires_at);
        })?;
        if verifies {
            account.validate_push(id)?;
        }
        let expires = expires.filter(|expires| asked.flatten().is_none_or(|asked| asked != *expires));
        Ok(PushSubscriptionChanged::Updated { expires })
    }
    /// One that is there, and was made with this credential.
    fn own(&self, account: &AccountTxn<'_>, id: &PushId) -> Outcome<SubscriptionRecord> {
        let now = account.now();
        let found = account.push_subscription(id)?.filter(|record| !is_over(record, now));
        let is_own = |record: &SubscriptionRecord| {
            record.given.jmap().is_some_and(|given| given.credential.as_deref() == self.credential)
        };
        found.filter(is_own).ok_or(PushRefused::NotFound)
    }
}

/// Whether the update brings the code that was pushed; a wrong one is refused (RFC 8620 §7.2.2).
fn verifies(record: &SubscriptionRecord, update: &PushSubscriptionUpdate) -> Outcome<bool> {
    let wrong = Err(invalid("verificationCode", "this is not the code that was pushed to the url"));
    let is_verified = record.validated_at.is_some();
    match &update.verification_code {
        None => Ok(false),
        // As it is.
        Some(None) if !is_verified => Ok(false),
        Some(None) => wrong,
        Some(Some(code)) if is_same(validation_text(&record.seal).as_bytes(), code.as_bytes()) => {
            Ok(!is_verified)
        }
        Some(Some(_)) => wrong,
    }
}

fn refuse_wrong(new: &NewPushSubscription) -> Outcome<()> {
    if new.device_client_id.is_empty() || new.device_client_id.len() > limits::PUSH_DEVICE_OCTETS_MAX {
        return Err(invalid("deviceClientId", "deviceClientId must have 1 to 255 octets"));
    }
    Endpoint::parse(&new.url)
        .map_err(|_| invalid("url", "url must be a valid https URL of moderate length"))?;
    if let Some(JmapKeys { p256dh, auth }) = &new.keys {
        if p256dh.len() > limits::PUSH_P256DH_OCTETS_MAX || PublicKey::parse(p256dh).is_none() {
            return Err(invalid("keys", "keys/p256dh must be an uncompressed point of P-256 in base64url"));
        }
        if Auth::parse(auth).is_none() {
            return Err(invalid("keys", "keys/auth must be 16 octets in base64url"));
        }
    }
    refuse_types(new.types.as_deref())
}

fn refuse_types(types: Option<&[Box<str>]>) -> Outcome<()> {
    let types = types.unwrap_or_default();
    let fit = types.len() <= limits::PUSH_TYPES_MAX
        && types.iter().all(|name| name.len() <= limits::PUSH_TYPE_OCTETS_MAX);
    if fit { Ok(()) } else { Err(invalid("types", "types has too many names, or too long ones")) }
}

/// RFC 8620 §7.2: no later than a week from now, in whole seconds.
fn bounded(asked: Option<Timestamp>, now: Timestamp) -> Outcome<Timestamp> {
    let latest = Timestamp::from_secs(now.plus_secs(limits::PUSH_EXPIRES_S_MAX).secs());
    match asked {
        Some(asked) if asked <= now => Err(invalid("expires", "expires must be in the future")),
        Some(asked) => Ok(asked.min(latest)),
        None => Ok(latest),
    }
}

fn view_of(
    stored: StoredSubscription,
    credential: Option<&str>,
    now: Timestamp,
) -> Option<PushSubscriptionView> {
    let StoredSubscription { id, record } = stored;
    let is_over = is_over(&record, now);
    let Given::Jmap(given) = record.given else { return None };
    if is_over || given.credential.as_deref() != credential {
        return None;
    }
    Some(PushSubscriptionView {
        id,
        device_client_id: given.device,
        url: given.url,
        keys: given.keys,
        verification_code: record.validated_at.map(|_| validation_text(&record.seal).into()),
        expires: record.expires_at?,
        types: given.types,
    })
}

fn invalid(property: &'static str, why: &'static str) -> PushRefused {
    PushRefused::Invalid { property, why }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
