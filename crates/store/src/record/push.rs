//! D and R: push subscriptions of an account and what is to be pushed to them; K of account 0: private keys.

use koi_types::{EmailId, MailboxId, Timestamp, Uid, UidValidity};

use super::{Fields, Record};

mod jmap;

pub use jmap::{JmapKeys, JmapSubscription, ToldState, ToldStates};

/// Tells one setting of a subscription's id from every other, and is what its validation has to answer.
pub type Seal = [u8; 20];

/// D without an id: what is known of all subscriptions of an account. Read by every delivery, so small.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PushAccountRecord {
    pub subscriptions: u16,
    /// Those of them that were validated.
    pub validated: u16,
    /// Where the account stands in table P of account 0.
    pub due_at: Option<Timestamp>,
    /// New subscriptions are counted from here.
    pub window_began: Timestamp,
    pub window_count: u16,
    /// Subscriptions in a row that were never validated.
    pub unproven: u16,
    /// When the last of them went.
    pub unproven_at: Timestamp,
}

impl PushAccountRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let record = Record::new(33).u16(self.subscriptions).u16(self.validated);
        let record = optional(record, self.due_at).i64(self.window_began.0).u16(self.window_count);
        record.u16(self.unproven).i64(self.unproven_at.0).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let account = Self {
            subscriptions: f.u16()?,
            validated: f.u16()?,
            due_at: read_optional(&mut f)?,
            window_began: Timestamp(f.i64()?),
            window_count: f.u16()?,
            unproven: f.u16()?,
            unproven_at: Timestamp(f.i64()?),
        };
        f.end().map(|()| account)
    }
}

/// Which messages a subscription wants to hear of (COI-webpush §subscribe, `msgtype`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PushTypes {
    /// Messages with `$Chat`.
    Chat,
    /// All others.
    Mail,
    All,
}

impl PushTypes {
    const ALL: [Self; 3] = [Self::Chat, Self::Mail, Self::All];

    const fn code(self) -> u8 {
        match self {
            Self::Chat => 1,
            Self::Mail => 2,
            Self::All => 3,
        }
    }
    /// Whether a message is announced to it.
    #[must_use]
    pub const fn wants(self, chat: bool) -> bool {
        match self {
            Self::Chat => chat,
            Self::Mail => !chat,
            Self::All => true,
        }
    }
}

/// What a client gave; its form on the wire is none of the store's business.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Given {
    /// By IMAP (COI-webpush §subscribe).
    Coi(Subscription),
    /// RFC 8620 §7.2.
    Jmap(JmapSubscription),
}

impl Given {
    /// The push resource.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        match self {
            Self::Coi(given) => &given.endpoint,
            Self::Jmap(given) => &given.url,
        }
    }
    #[must_use]
    pub const fn jmap(&self) -> Option<&JmapSubscription> {
        match self {
            Self::Coi(_) => None,
            Self::Jmap(given) => Some(given),
        }
    }
    #[must_use]
    pub const fn coi(&self) -> Option<&Subscription> {
        match self {
            Self::Coi(given) => Some(given),
            Self::Jmap(_) => None,
        }
    }
}

/// A subscription to announced messages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subscription {
    /// The id as it was written.
    pub id: Box<str>,
    pub client: Box<str>,
    pub device: Box<str>,
    pub types: PushTypes,
    /// Senders that are not announced, as they were given under either name.
    pub exclude_from: Option<Vec<Box<str>>>,
    pub excluded_from: Option<Vec<Box<str>>>,
    /// The push resource (RFC 8030 §2): who knows it may push to it.
    pub endpoint: Box<str>,
    /// The client's key and secret (RFC 8291 §3.1), as they were written.
    pub p256dh: Box<str>,
    pub auth: Box<str>,
}

/// D: one subscription.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubscriptionRecord {
    pub given: Given,
    pub seal: Seal,
    pub created_at: Timestamp,
    pub validated_at: Option<Timestamp>,
    /// When it goes of itself: not validated by then; one of JMAP in any case.
    pub expires_at: Option<Timestamp>,
    /// Nothing is sent before this.
    pub held_until: Timestamp,
    /// Attempts in a row that failed for reasons that may pass.
    pub failures: u16,
    /// Requests in a row that the push service called wrong.
    pub refusals: u16,
}

/// The first octet behind the version.
const KIND_METADATA: u8 = 1;
const KIND_JMAP: u8 = 2;

impl SubscriptionRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let kind = if self.given.jmap().is_some() { KIND_JMAP } else { KIND_METADATA };
        let record = Record::new(256 + self.given.endpoint().len()).u8(kind).octets(&self.seal);
        let record = optional(record.i64(self.created_at.0), self.validated_at);
        let record = optional(record, self.expires_at).i64(self.held_until.0);
        let record = record.u16(self.failures).u16(self.refusals);
        match &self.given {
            Given::Coi(given) => given.write(record).0,
            Given::Jmap(given) => given.write(record).0,
        }
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let kind = f.u8()?;
        let (seal, created_at) = (f.array()?, Timestamp(f.i64()?));
        let (validated_at, expires_at) = (read_optional(&mut f)?, read_optional(&mut f)?);
        let held_until = Timestamp(f.i64()?);
        let (failures, refusals) = (f.u16()?, f.u16()?);
        let given = match kind {
            KIND_METADATA => Given::Coi(Subscription::read(&mut f)?),
            KIND_JMAP => Given::Jmap(JmapSubscription::read(&mut f)?),
            _ => return None,
        };
        f.end().map(|()| Self {
            given,
            seal,
            created_at,
            validated_at,
            expires_at,
            held_until,
            failures,
            refusals,
        })
    }
}

impl Subscription {
    fn write(&self, record: Record) -> Record {
        let texts = [&self.id, &self.client, &self.device, &self.endpoint, &self.p256dh, &self.auth];
        let record = record.u8(self.types.code());
        let record = texts.iter().fold(record, |record, text| record.sized(text.as_bytes()));
        list(list(record, self.exclude_from.as_deref()), self.excluded_from.as_deref())
    }
    fn read(f: &mut Fields<'_>) -> Option<Self> {
        let types = f.u8()?;
        let types = PushTypes::ALL.into_iter().find(|known| known.code() == types)?;
        Some(Self {
            types,
            id: f.text()?.into(),
            client: f.text()?.into(),
            device: f.text()?.into(),
            endpoint: f.text()?.into(),
            p256dh: f.text()?.into(),
            auth: f.text()?.into(),
            exclude_from: read_list(f)?,
            excluded_from: read_list(f)?,
        })
    }
}

/// R: one thing to be pushed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PushTaskRecord {
    pub made_at: Timestamp,
    /// The push service found it too large: without the message's content.
    pub short: bool,
    pub push: Push,
}

/// What is to be pushed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Push {
    /// Asks the client to prove that it gets pushes.
    Validation,
    /// What the states of data are, as far as they are not what was told last (RFC 8620 §7.1).
    States,
    /// A message that came.
    Message { mailbox: MailboxId, uidvalidity: UidValidity, uid: Uid, email: EmailId },
}

impl PushTaskRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let record = Record::new(38).i64(self.made_at.0).u8(u8::from(self.short));
        match self.push {
            Push::Validation => record.u8(1).0,
            Push::States => record.u8(3).0,
            Push::Message { mailbox, uidvalidity, uid, email } => {
                let record = record.u8(2).u32(mailbox.0).u32(uidvalidity.value()).u32(uid.value());
                record.octets(&email.0).0
            }
        }
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let made_at = Timestamp(f.i64()?);
        let short = match f.u8()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        let push = match f.u8()? {
            1 => Push::Validation,
            2 => Push::Message {
                mailbox: MailboxId(f.u32()?),
                uidvalidity: UidValidity::new(f.u32()?)?,
                uid: Uid::new(f.u32()?)?,
                email: EmailId(f.array()?),
            },
            3 => Push::States,
            _ => return None,
        };
        f.end().map(|()| Self { made_at, short, push })
    }
}

/// K.
#[must_use]
pub fn encode_server_key(key: &[u8]) -> Vec<u8> {
    Record::new(key.len() + 4).sized(key).0
}

/// Reads a K record.
#[must_use]
pub fn decode_server_key(record: &[u8]) -> Option<Box<[u8]>> {
    let mut f = Fields::of(record)?;
    let key = f.sized()?.into();
    f.end().map(|()| key)
}

fn optional(record: Record, time: Option<Timestamp>) -> Record {
    record.u8(u8::from(time.is_some())).i64(time.unwrap_or_default().0)
}

fn read_optional(f: &mut Fields<'_>) -> Option<Option<Timestamp>> {
    let set = f.u8()?;
    let time = Timestamp(f.i64()?);
    match set {
        0 => Some(None),
        1 => Some(Some(time)),
        _ => None,
    }
}

/// Their number, and 0 for no list, one more else.
fn list(record: Record, texts: Option<&[Box<str>]>) -> Record {
    let Some(texts) = texts else { return record.u16(0) };
    let count = u16::try_from(texts.len()).unwrap_or(u16::MAX).min(u16::MAX - 1);
    let record = record.u16(count + 1);
    texts.iter().take(usize::from(count)).fold(record, |record, text| record.sized(text.as_bytes()))
}

/// The outer `None`: not readable.
fn read_list(f: &mut Fields<'_>) -> Option<Option<Vec<Box<str>>>> {
    let Some(count) = f.u16()?.checked_sub(1) else { return Some(None) };
    let mut texts = Vec::new();
    for _ in 0..count {
        texts.push(f.text()?.into());
    }
    Some(Some(texts))
}

#[cfg(test)]
mod tests;
