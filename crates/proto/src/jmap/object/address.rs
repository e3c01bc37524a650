//! Addresses of header fields (RFC 8621 §4.1.2.3, RFC 8621 §4.1.2.4).

use crate::jmap::json::{Json, Slot, ToJson};
use crate::jmap::value::{FromJson, Reader, Wrong};

/// EmailAddress.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EmailAddress {
    pub name: Option<Box<str>>,
    /// Need not be an address that works: drafts have what was typed so far.
    pub email: Box<str>,
}

/// EmailAddressGroup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EmailAddressGroup {
    /// `None`: addresses outside of groups.
    pub name: Option<Box<str>>,
    pub addresses: Vec<EmailAddress>,
}

impl FromJson for EmailAddress {
    fn from_json(value: Json) -> Result<Self, Wrong> {
        let mut reader = Reader::of(value)?;
        let address = Self { name: reader.optional("name")?, email: reader.required("email")? };
        reader.finish().map(|()| address)
    }
}

impl FromJson for EmailAddressGroup {
    fn from_json(value: Json) -> Result<Self, Wrong> {
        let mut reader = Reader::of(value)?;
        let group = Self { name: reader.optional("name")?, addresses: reader.required("addresses")? };
        reader.finish().map(|()| group)
    }
}

impl ToJson for EmailAddress {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("name", &self.name);
            object.put("email", &self.email);
        });
    }
}

impl ToJson for EmailAddressGroup {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| {
            object.put("name", &self.name);
            object.put("addresses", &self.addresses);
        });
    }
}
