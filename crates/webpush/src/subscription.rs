//! A push subscription as a client writes it and reads it back (COI-webpush §subscribe, COI-webpush
//! §list-existing-subscriptions): JSON in, every constraint checked, JSON out in one form.
//!
//! Unknown members are dropped. A known member that stands twice is refused: whoever checked the first one
//! would mean the other. What may be nested is bounded by the parser (128 levels), what may be long by
//! [`PUSH_SUBSCRIPTION_OCTETS_MAX`] before anything is parsed.

use std::fmt;
use std::marker::PhantomData;

use koi_types::limits::{
    PUSH_EXCLUDED_MAX, PUSH_EXCLUDED_OCTETS_MAX, PUSH_NAME_OCTETS_MAX, PUSH_P256DH_OCTETS_MAX,
    PUSH_SUBSCRIPTION_OCTETS_MAX,
};
use koi_types::{Timestamp, ZoneOffset};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use crate::endpoint::Endpoint;
use crate::json::Object;
use crate::key::{Auth, Keys, PublicKey};
use crate::rfc3339::rfc3339;

/// Of an error of the JSON parser; it goes into a response line.
const ERROR_OCTETS_MAX: usize = 120;

/// Which messages a subscription asks for; the values are case-sensitive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MsgType {
    Chat,
    /// What is not chat.
    Mail,
    All,
}

impl MsgType {
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        [Self::Chat, Self::Mail, Self::All].into_iter().find(|msgtype| msgtype.value() == value)
    }
    #[must_use]
    pub const fn value(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Mail => "mail",
            Self::All => "all",
        }
    }
    /// Whether it asks for a message that is chat (has the keyword `$Chat`) or is not.
    #[must_use]
    pub const fn wants(self, is_chat: bool) -> bool {
        match self {
            Self::Chat => is_chat,
            Self::Mail => !is_chat,
            Self::All => true,
        }
    }
}

/// What a client subscribed to. Every value is within its limits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subscription {
    pub client: Box<str>,
    pub device: Box<str>,
    pub msgtype: MsgType,
    /// Addresses whose messages are not announced, as `exclude_from`.
    pub exclude_from: Option<Vec<Box<str>>>,
    /// The same as `excluded_from`, the name under which a server before us had it. A client that writes
    /// both reads both.
    pub excluded_from: Option<Vec<Box<str>>>,
    pub endpoint: Endpoint,
    /// As the client wrote them, so that it recognises them.
    pub p256dh: Box<str>,
    pub auth: Box<str>,
    pub keys: Keys,
}

/// Why a value is no subscription: one line of ASCII, for whoever wrote the client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invalid(String);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

impl From<&str> for Invalid {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Subscription {
    /// What a client set, or what was stored.
    pub fn parse(json: &[u8]) -> Result<Self, Invalid> {
        if json.len() > PUSH_SUBSCRIPTION_OCTETS_MAX {
            return Err(Invalid(format!(
                "subscription is longer than {PUSH_SUBSCRIPTION_OCTETS_MAX} octets"
            )));
        }
        let given: Members<Given> = serde_json::from_slice(json).map_err(|error| said(&error))?;
        given.0.checked()
    }

    /// The form it is stored and listed in: members in the order of COI-webpush
    /// §list-existing-subscriptions, no white space.
    #[must_use]
    pub fn json(&self, created: Timestamp, validated: bool) -> String {
        let mut object = Object::new();
        object.text("created", &rfc3339(created, ZoneOffset(0)).unwrap_or_default());
        object.boolean("validated", validated);
        object.text("client", &self.client);
        object.text("device", &self.device);
        object.text("msgtype", self.msgtype.value());
        let lists = [("exclude_from", &self.exclude_from), ("excluded_from", &self.excluded_from)];
        for (name, list) in lists {
            if let Some(list) = list {
                object.texts(name, list);
            }
        }
        let mut keys = Object::new();
        keys.text("p256dh", &self.p256dh);
        keys.text("auth", &self.auth);
        let mut resource = Object::new();
        resource.text("endpoint", self.endpoint.as_str());
        resource.object("keys", keys);
        object.object("resource", resource);
        object.finish()
    }

    /// Whether messages from this address are not announced to it. Case is disregarded, as in the
    /// `from-email` of a payload.
    #[must_use]
    pub fn excludes(&self, from_email: &str) -> bool {
        let from_email = from_email.to_lowercase();
        let lists = [&self.exclude_from, &self.excluded_from];
        lists.into_iter().flatten().flatten().any(|address| address.trim().to_lowercase() == from_email)
    }
}

/// The members that are read.
#[derive(serde::Deserialize)]
struct Given {
    client: Box<str>,
    device: Box<str>,
    msgtype: Box<str>,
    exclude_from: Option<Vec<Box<str>>>,
    excluded_from: Option<Vec<Box<str>>>,
    resource: Members<Resource>,
}

#[derive(serde::Deserialize)]
struct Resource {
    endpoint: Box<str>,
    keys: Members<GivenKeys>,
}

#[derive(serde::Deserialize)]
struct GivenKeys {
    p256dh: Box<str>,
    auth: Box<str>,
}

/// A value that is an object: what is derived would also take an array of the members' values.
struct Members<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Members<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersOf(PhantomData)).map(Self)
    }
}

struct MembersOf<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for MembersOf<T> {
    type Value = T;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

impl Given {
    fn checked(self) -> Result<Subscription, Invalid> {
        bounded("client", &self.client)?;
        bounded("device", &self.device)?;
        let Resource { endpoint, keys: Members(GivenKeys { p256dh, auth }) } = self.resource.0;
        if p256dh.len() > PUSH_P256DH_OCTETS_MAX {
            return Err("p256dh is longer than 256 octets".into());
        }
        let keys = Keys {
            p256dh: PublicKey::parse(&p256dh)
                .ok_or("p256dh is not an uncompressed P-256 point of 65 octets in base64")?,
            auth: Auth::parse(&auth).ok_or("auth is not 16 octets in base64")?,
        };
        for list in [&self.exclude_from, &self.excluded_from] {
            check_excluded(list.as_deref().unwrap_or_default())?;
        }
        Ok(Subscription {
            client: self.client,
            device: self.device,
            msgtype: MsgType::parse(&self.msgtype).ok_or("msgtype is not chat, mail or all")?,
            exclude_from: self.exclude_from,
            excluded_from: self.excluded_from,
            endpoint: Endpoint::parse(&endpoint)?,
            p256dh,
            auth,
            keys,
        })
    }
}

fn bounded(name: &str, value: &str) -> Result<(), Invalid> {
    if value.len() > PUSH_NAME_OCTETS_MAX {
        return Err(Invalid(format!("{name} is longer than {PUSH_NAME_OCTETS_MAX} octets")));
    }
    Ok(())
}

fn check_excluded(list: &[Box<str>]) -> Result<(), Invalid> {
    if list.len() > PUSH_EXCLUDED_MAX {
        return Err(Invalid(format!("more than {PUSH_EXCLUDED_MAX} addresses are excluded")));
    }
    if list.iter().any(|address| address.len() > PUSH_EXCLUDED_OCTETS_MAX) {
        return Err(Invalid(format!("an excluded address is longer than {PUSH_EXCLUDED_OCTETS_MAX} octets")));
    }
    Ok(())
}

/// The parser's words may repeat the client's: they are cut, and held to what a response line may have.
fn said(error: &serde_json::Error) -> Invalid {
    let visible = |character: char| if matches!(character, ' '..='~') { character } else { '?' };
    Invalid(error.to_string().chars().map(visible).take(ERROR_OCTETS_MAX).collect())
}

#[cfg(test)]
mod tests;
