//! The management record of a domain: a TXT record at `_dx.` that says which organisational key is its own,
//! and where and how it takes mail (docs/DIME.md, management record).
//!
//! Whether the DNS signed it is not in the record: the caller keeps that beside it. Must not: ask the DNS.

use crate::hash::sha512;
use crate::sign::{Signature, VerifyingKey};
use crate::signet::{OrgSignet, Permissions};
use crate::text::{array_from_b64, b64_bare};

/// The label before the domain.
pub const RECORD_LABEL: &str = "_dx";
/// Octets of a record.
pub const RECORD_OCTETS_MAX: usize = 8192;
/// Values of one key that may be repeated.
pub const RECORD_VALUES_MAX: usize = 64;
/// Octets of one string of a TXT record.
const TXT_STRING_OCTETS_MAX: usize = 255;
/// Octets of a host name (RFC 1035 §2.3.4).
const HOST_OCTETS_MAX: usize = 255;

/// A record as published.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ManagementRecord {
    /// Organisational keys; at least one.
    pub primary: Vec<VerifyingKey>,
    /// Signatures of certificates by one of them.
    pub tls: Vec<Signature>,
    pub policy: Policy,
    /// Other places to look up signets.
    pub syndicates: Vec<String>,
    /// Hosts that take mail; none: the domain's MX, then the domain.
    pub deliver: Vec<String>,
    /// Days a copy is good for.
    pub expiry_days: Option<u32>,
    pub subdomain: Subdomain,
}

/// Whether mail goes out and comes in also without D/MIME.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Policy {
    #[default]
    Experimental,
    Mixed,
    /// Only by DMTP.
    Strict,
}

/// What subdomains may say for themselves.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Subdomain {
    #[default]
    Strict,
    Relaxed,
    Explicit,
}

/// What a record says of a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Vouched {
    /// It names none: the certificate must be good by other means.
    Unnamed,
    /// A key of the organisation has signed it.
    Signed,
    /// It names some, but not this one: refuse.
    Other,
}

/// What a key means to whoever knows the key before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyChange {
    /// It is the same.
    None,
    /// Another, and the one before agrees: it is still named beside it, or has let it sign signets.
    Followed,
    /// Another, and nothing says that the one before agrees.
    Replaced,
}

/// Why a text is no management record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecordError {
    TooLarge,
    /// Not `key=value`.
    Pair,
    /// A version other than 1.
    Version,
    /// A known key with a value that it cannot have.
    Value(&'static str),
    /// A key twice that may be there once.
    Repeated(&'static str),
    /// No primary key.
    NoKey,
}

impl std::fmt::Display for RecordError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLarge => write!(f, "a management record has at most {RECORD_OCTETS_MAX} octets"),
            Self::Pair => f.write_str("a management record has pairs key=value"),
            Self::Version => f.write_str("a version of management records other than 1"),
            Self::Value(key) => write!(f, "the value of {key} in the management record is wrong"),
            Self::Repeated(key) => write!(f, "{key} is twice in the management record"),
            Self::NoKey => f.write_str("the management record has no primary key (pok)"),
        }
    }
}

impl std::error::Error for RecordError {}

/// The record while it is read: what may be there once is there or not.
#[derive(Default)]
struct Pairs {
    version: Option<()>,
    primary: Vec<VerifyingKey>,
    tls: Vec<Signature>,
    policy: Option<Policy>,
    syndicates: Vec<String>,
    deliver: Vec<String>,
    expiry_days: Option<u32>,
    subdomain: Option<Subdomain>,
}

impl ManagementRecord {
    /// A record with one key and nothing else.
    #[must_use]
    pub fn new(primary: VerifyingKey) -> Self {
        Self {
            primary: vec![primary],
            tls: Vec::new(),
            policy: Policy::default(),
            syndicates: Vec::new(),
            deliver: Vec::new(),
            expiry_days: None,
            subdomain: Subdomain::default(),
        }
    }

    /// The strings of the TXT record, one after the other.
    pub fn parse(text: &str) -> Result<Self, RecordError> {
        if text.len() > RECORD_OCTETS_MAX {
            return Err(RecordError::TooLarge);
        }
        let mut pairs = Pairs::default();
        for pair in text.split([' ', ';', '\t']).filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').ok_or(RecordError::Pair)?;
            pairs.take(&key.to_ascii_lowercase(), value)?;
        }
        if pairs.primary.is_empty() {
            return Err(RecordError::NoKey);
        }
        Ok(Self {
            primary: pairs.primary,
            tls: pairs.tls,
            policy: pairs.policy.unwrap_or_default(),
            syndicates: pairs.syndicates,
            deliver: pairs.deliver,
            expiry_days: pairs.expiry_days,
            subdomain: pairs.subdomain.unwrap_or_default(),
        })
    }

    /// The text in the strings of a TXT record, each of at most 255 octets (RFC 1035 §3.3.14).
    #[must_use]
    pub fn strings(&self) -> Vec<String> {
        // The text is all ASCII.
        let characters: Vec<char> = self.text().chars().collect();
        characters.chunks(TXT_STRING_OCTETS_MAX).map(|part| part.iter().collect()).collect()
    }

    /// The text to publish.
    #[must_use]
    pub fn text(&self) -> String {
        let mut pairs = vec![String::from("ver=1")];
        pairs.extend(self.primary.iter().map(|key| format!("pok={}", b64_bare(key.octets()))));
        pairs.extend(self.tls.iter().map(|signature| format!("tls={}", b64_bare(&signature.0))));
        match self.policy {
            Policy::Experimental => {}
            Policy::Mixed => pairs.push(String::from("pol=mixed")),
            Policy::Strict => pairs.push(String::from("pol=strict")),
        }
        pairs.extend(self.syndicates.iter().map(|host| format!("syn={host}")));
        pairs.extend(self.deliver.iter().map(|host| format!("dx={host}")));
        pairs.extend(self.expiry_days.map(|days| format!("exp={days}")));
        match self.subdomain {
            Subdomain::Strict => {}
            Subdomain::Relaxed => pairs.push(String::from("sub=relaxed")),
            Subdomain::Explicit => pairs.push(String::from("sub=explicit")),
        }
        pairs.join(" ")
    }

    /// What it means that the organisation with this record, known by one signet, has another. Whether the
    /// record names the new key at all is the caller's to look at.
    #[must_use]
    pub fn key_change(&self, known: &OrgSignet, new: &OrgSignet) -> KeyChange {
        if known.primary() == new.primary() {
            return KeyChange::None;
        }
        let is_named = self.primary.contains(known.primary());
        let is_let = known.keys_for(Permissions::SIGNETS).contains(new.primary());
        if is_named || is_let { KeyChange::Followed } else { KeyChange::Replaced }
    }
    /// What the record says of a certificate in DER.
    #[must_use]
    pub fn vouches_for(&self, certificate: &[u8]) -> Vouched {
        vouched(&self.primary, &self.tls, certificate)
    }
}

/// Whether one of the signatures is one of the keys' over the certificate's hash. Also for field 207 of an
/// organisation's signet.
#[must_use]
pub fn vouched(keys: &[VerifyingKey], signatures: &[Signature], certificate: &[u8]) -> Vouched {
    if signatures.is_empty() {
        return Vouched::Unnamed;
    }
    let hash = sha512(&[certificate]);
    let is_signed = |signature| keys.iter().any(|key| key.verifies(&hash, signature));
    if signatures.iter().any(is_signed) { Vouched::Signed } else { Vouched::Other }
}

/// What a record or a signet says for a certificate.
#[must_use]
pub fn sign_certificate(key: &crate::SigningKey, certificate: &[u8]) -> Signature {
    key.sign(&sha512(&[certificate]))
}

impl Pairs {
    /// Unknown keys are passed over.
    fn take(&mut self, key: &str, value: &str) -> Result<(), RecordError> {
        match key {
            "ver" | "version" => {
                let version = (value == "1").then_some(()).ok_or(RecordError::Version);
                once(&mut self.version, "ver", version?)
            }
            "pok" | "primary" => {
                let key = array_from_b64(value).and_then(|octets| VerifyingKey::new(&octets));
                add(&mut self.primary, "pok", key)
            }
            "tls" => add(&mut self.tls, "tls", array_from_b64(value).map(Signature)),
            "pol" | "policy" => once(&mut self.policy, "pol", policy(value)?),
            "syn" | "syndicates" => add(&mut self.syndicates, "syn", host(value)),
            "dx" | "deliver" => add(&mut self.deliver, "dx", host(value)),
            "exp" | "expiry" => {
                let is_number = value.bytes().all(|octet| octet.is_ascii_digit());
                let days = value.parse().ok().filter(|_| is_number).ok_or(RecordError::Value("exp"));
                once(&mut self.expiry_days, "exp", days?)
            }
            "sub" | "subdomain" => once(&mut self.subdomain, "sub", subdomain(value)?),
            _ => Ok(()),
        }
    }
}

fn once<T>(field: &mut Option<T>, key: &'static str, value: T) -> Result<(), RecordError> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err(RecordError::Repeated(key)),
    }
}

fn add<T>(list: &mut Vec<T>, key: &'static str, value: Option<T>) -> Result<(), RecordError> {
    if list.len() >= RECORD_VALUES_MAX {
        return Err(RecordError::TooLarge);
    }
    list.push(value.ok_or(RecordError::Value(key))?);
    Ok(())
}

fn policy(value: &str) -> Result<Policy, RecordError> {
    match value.to_ascii_lowercase().as_str() {
        "experimental" => Ok(Policy::Experimental),
        "mixed" => Ok(Policy::Mixed),
        "strict" => Ok(Policy::Strict),
        _ => Err(RecordError::Value("pol")),
    }
}

fn subdomain(value: &str) -> Result<Subdomain, RecordError> {
    match value.to_ascii_lowercase().as_str() {
        "strict" => Ok(Subdomain::Strict),
        "relaxed" => Ok(Subdomain::Relaxed),
        "explicit" => Ok(Subdomain::Explicit),
        _ => Err(RecordError::Value("sub")),
    }
}

fn host(value: &str) -> Option<String> {
    let is_host = (1..=HOST_OCTETS_MAX).contains(&value.len())
        && value.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_'));
    is_host.then(|| value.to_ascii_lowercase())
}
