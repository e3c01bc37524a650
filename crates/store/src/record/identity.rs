//! What an identity says (RFC 8621 §6): the value of an object of table i.

use super::{Fields, Record, put_varint};

/// A name and an address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedAddress {
    pub name: Option<Box<str>>,
    pub email: Box<str>,
}

/// An identity.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct IdentityRecord {
    pub name: Box<str>,
    /// Never changes.
    pub email: Box<str>,
    pub reply_to: Option<Vec<NamedAddress>>,
    pub bcc: Option<Vec<NamedAddress>>,
    pub text_signature: Box<str>,
    pub html_signature: Box<str>,
}

impl IdentityRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let record = Record::new(256).sized(self.name.as_bytes()).sized(self.email.as_bytes());
        let record = put_list(put_list(record, self.reply_to.as_deref()), self.bcc.as_deref());
        record.sized(self.text_signature.as_bytes()).sized(self.html_signature.as_bytes()).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let identity = Self {
            name: f.text()?.into(),
            email: f.text()?.into(),
            reply_to: take_list(&mut f)?,
            bcc: take_list(&mut f)?,
            text_signature: f.text()?.into(),
            html_signature: f.text()?.into(),
        };
        f.end().map(|()| identity)
    }
}

/// 0 for none, then one more than there are.
fn put_list(mut record: Record, list: Option<&[NamedAddress]>) -> Record {
    put_varint(&mut record.0, list.map_or(0, |list| list.len() as u64 + 1));
    for address in list.unwrap_or_default() {
        record = put_text(record, address.name.as_deref()).sized(address.email.as_bytes());
    }
    record
}

fn take_list(f: &mut Fields<'_>) -> Option<Option<Vec<NamedAddress>>> {
    let Some(count) = f.varint()?.checked_sub(1) else { return Some(None) };
    let mut list = Vec::new();
    for _ in 0..count {
        list.push(NamedAddress { name: take_text(f)?, email: f.text()?.into() });
    }
    Some(Some(list))
}

/// A text that may be missing.
pub(super) fn put_text(record: Record, text: Option<&str>) -> Record {
    match text {
        None => record.u8(0),
        Some(text) => record.u8(1).sized(text.as_bytes()),
    }
}

/// Reads one.
pub(super) fn take_text(f: &mut Fields<'_>) -> Option<Option<Box<str>>> {
    match f.u8()? {
        0 => Some(None),
        1 => f.text().map(|text| Some(text.into())),
        _ => None,
    }
}
