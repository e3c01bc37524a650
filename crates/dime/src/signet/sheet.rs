//! The fields of one signet with where each begins: in ascending order, nothing twice that may not be, and
//! only what such an object may have.

use super::{Form, SECONDARY_KEYS_MAX, SIGNET_FIELDS_MAX, SIGNET_OCTETS_MAX, SignetError};
use crate::agree::{EncryptionKey, POINT_OCTETS};
use crate::field::{Field, Fields, UNDEFINED};
use crate::fingerprint::Fingerprint;
use crate::object::{Magic, header, payload};
use crate::sign::{SIGNING_KEY_OCTETS, Signature, SigningKey, VerifyingKey};

/// Octets of a permission and a signing key.
pub(super) const SECONDARY_OCTETS: usize = 1 + SIGNING_KEY_OCTETS;
/// An organisation's keys besides the primary one.
const SECONDARY: u8 = 2;
/// The last signature over the holder's keys alone: the organisation's own, the user's own, the
/// organisation's over a user's.
pub(super) const ORG_CORE: u8 = 4;
pub(super) const CUSTODY: u8 = 4;
pub(super) const OWN: u8 = 5;
pub(super) const USER_CORE: u8 = 6;
pub(super) const FULL: u8 = 253;
pub(super) const IDENTIFIER: u8 = 254;
pub(super) const IDENTIFIABLE: u8 = 255;
/// Fields from here to 252 are details.
const DETAILS_FROM: u8 = 16;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Sheet {
    magic: Magic,
    octets: Vec<u8>,
    entries: Vec<Entry>,
}

/// Where a field stands in `Sheet::octets`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Entry {
    id: u8,
    start: usize,
    end: usize,
}

impl Sheet {
    pub(super) fn parse(magic: Magic, object: &[u8]) -> Result<Self, SignetError> {
        if object.len() > SIGNET_OCTETS_MAX {
            return Err(SignetError::TooLarge);
        }
        let octets = payload(magic, object)?;
        let mut sheet = Self { magic, octets: octets.to_vec(), entries: Vec::new() };
        let mut fields = Fields::new(octets);
        let mut start = 0;
        while let Some(field) = fields.next() {
            let field = field?;
            sheet.check(&field)?;
            let end = octets.len() - fields.rest().len();
            sheet.entries.push(Entry { id: field.id, start, end });
            start = end;
        }
        Ok(sheet)
    }

    pub(super) const fn new(magic: Magic) -> Self {
        Self { magic, octets: Vec::new(), entries: Vec::new() }
    }

    /// Adds a field behind the others.
    pub(super) fn push(&mut self, field: &Field<'_>) -> Result<(), SignetError> {
        self.check(field)?;
        let start = self.octets.len();
        field.write(&mut self.octets)?;
        self.entries.push(Entry { id: field.id, start, end: self.octets.len() });
        if self.octets.len() + 5 > SIGNET_OCTETS_MAX { Err(SignetError::TooLarge) } else { Ok(()) }
    }

    /// Adds the signature over all there is.
    pub(super) fn sign(&mut self, id: u8, key: &SigningKey) -> Result<(), SignetError> {
        let signature = key.sign(&self.octets);
        self.push(&Field { id, name: b"", data: &signature.0 })
    }

    /// The same fields as another kind of object: a request becomes a signet.
    pub(super) fn into_kind(mut self, magic: Magic) -> Self {
        self.magic = magic;
        self
    }

    pub(super) fn object(&self) -> Vec<u8> {
        let header = header(self.magic, self.octets.len()).unwrap_or_default();
        [header.as_slice(), &self.octets].concat()
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        Fields::new(&self.octets).filter_map(Result::ok)
    }
    pub(super) fn all(&self, id: u8) -> impl Iterator<Item = &[u8]> {
        self.fields().filter(move |field| field.id == id).map(|field| field.data)
    }
    pub(super) fn data(&self, id: u8) -> Option<&[u8]> {
        self.all(id).next()
    }
    pub(super) fn has(&self, id: u8) -> bool {
        self.entries.iter().any(|entry| entry.id == id)
    }
    pub(super) fn required(&self, id: u8) -> Result<&[u8], SignetError> {
        self.data(id).ok_or(SignetError::Missing(id))
    }
    pub(super) fn has_details(&self) -> bool {
        self.entries.iter().any(|entry| (DETAILS_FROM..FULL).contains(&entry.id))
    }
    pub(super) fn signing_key(&self) -> Result<VerifyingKey, SignetError> {
        VerifyingKey::from_slice(self.required(1)?).ok_or(SignetError::Value(1))
    }
    pub(super) fn encryption_key(&self, id: u8) -> Result<EncryptionKey, SignetError> {
        EncryptionKey::from_slice(self.required(id)?).ok_or(SignetError::Value(id))
    }

    /// Whether the signature in field `id` is `key`'s over all fields before it.
    pub(super) fn is_signed(&self, id: u8, key: &VerifyingKey) -> bool {
        let signature = self.data(id).and_then(Signature::from_slice);
        signature.is_some_and(|signature| key.verifies(self.before(id), &signature))
    }

    /// The serialized fields whose number is below.
    fn before(&self, id: u8) -> &[u8] {
        let start = self.entries.iter().find(|entry| entry.id >= id).map(|entry| entry.start);
        self.octets.get(..start.unwrap_or(self.octets.len())).unwrap_or_default()
    }
    /// The serialized fields up to this one.
    fn through(&self, id: u8) -> &[u8] {
        let end = self.entries.iter().rfind(|entry| entry.id <= id).map_or(0, |entry| entry.end);
        self.octets.get(..end).unwrap_or_default()
    }
    pub(super) fn fingerprint(&self, last: u8) -> Option<Fingerprint> {
        self.has(last).then(|| Fingerprint::of(self.through(last)))
    }
    /// What is left when everything after `last` is cut off.
    pub(super) fn cut(&self, last: u8) -> Option<Self> {
        self.has(last).then(|| {
            let entries = self.entries.iter().copied().filter(|entry| entry.id <= last).collect();
            Self { magic: self.magic, octets: self.through(last).to_vec(), entries }
        })
    }

    /// What the signatures of the organisation that are there make of it; each needs the one before, and
    /// details without a signature are not taken, since anybody could have added them.
    pub(super) fn form(&self, core: u8) -> Result<Form, SignetError> {
        let need = |id| if self.has(id) { Ok(()) } else { Err(SignetError::Missing(id)) };
        need(core)?;
        if self.has(IDENTIFIABLE) || self.has(IDENTIFIER) {
            need(FULL)?;
            need(IDENTIFIER)?;
            need(IDENTIFIABLE)?;
            return Ok(Form::Identifiable);
        }
        if self.has(FULL) {
            return Ok(Form::Full);
        }
        if self.has_details() { Err(SignetError::Missing(FULL)) } else { Ok(Form::Core) }
    }

    /// Whether a field may come next.
    fn check(&self, field: &Field<'_>) -> Result<(), SignetError> {
        let id = field.id;
        if self.entries.len() >= SIGNET_FIELDS_MAX {
            return Err(SignetError::TooLarge);
        }
        let Some(rule) = rule(self.magic, id) else { return Err(SignetError::Unexpected(id)) };
        match self.entries.last() {
            Some(last) if last.id > id => return Err(SignetError::Order(id)),
            Some(last) if last.id == id && !rule.may_repeat => return Err(SignetError::Repeated(id)),
            _ => {}
        }
        let before = || self.entries.iter().filter(|entry| entry.id == id).count();
        if self.magic == Magic::OrgSignet && id == SECONDARY && before() >= SECONDARY_KEYS_MAX {
            return Err(SignetError::TooLarge);
        }
        match rule.octets {
            Some(octets) if octets != field.data.len() => Err(SignetError::Value(id)),
            _ => Ok(()),
        }
    }
}

/// What a field must be.
#[derive(Clone, Copy)]
struct Rule {
    may_repeat: bool,
    octets: Option<usize>,
}

const fn exactly(octets: usize) -> Option<Rule> {
    Some(Rule { may_repeat: false, octets: Some(octets) })
}

/// `None` for fields such an object may not have.
const fn rule(magic: Magic, id: u8) -> Option<Rule> {
    let is_org = matches!(magic, Magic::OrgSignet);
    match id {
        1 => exactly(SIGNING_KEY_OCTETS),
        2 if is_org => Some(Rule { may_repeat: true, octets: Some(SECONDARY_OCTETS) }),
        2 => exactly(POINT_OCTETS),
        3 => Some(Rule { may_repeat: !is_org, octets: Some(POINT_OCTETS) }),
        // That signatures have 64 octets, their encoding says.
        4 => Some(Rule { may_repeat: false, octets: None }),
        5 if !is_org => Some(Rule { may_repeat: false, octets: None }),
        _ if matches!(magic, Magic::SigningRequest) => None,
        6 if !is_org => Some(Rule { may_repeat: false, octets: None }),
        0 | 5..=15 => None,
        // Phone numbers, and endorsements of users.
        21 | UNDEFINED => Some(Rule { may_repeat: true, octets: None }),
        202 => Some(Rule { may_repeat: !is_org, octets: None }),
        _ => Some(Rule { may_repeat: false, octets: None }),
    }
}
