//! Ids of records and of what a request creates (RFC 8620 §1.2, RFC 8620 §5.3).

use std::collections::BTreeMap;
use std::fmt;

use koi_types::{AccountId, BlobName, EmailId, MailboxId, ObjectId, ThreadId, UploadId};

use super::json::{Slot, ToJson};

/// 1 to 255 octets of `A-Za-z0-9_-` (RFC 8620 §1.2).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Id(Box<str>);

const ID_OCTETS_MAX: usize = 255;

impl Id {
    /// `None` when the text is no Id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_safe = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
        let is_id = (1..=ID_OCTETS_MAX).contains(&text.len()) && text.bytes().all(is_safe);
        is_id.then(|| Self(text.into()))
    }
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ToJson for Id {
    fn write(&self, slot: Slot<'_>) {
        slot.string(&self.0);
    }
}

/// Our own ids print as a letter and base32, which are Ids.
macro_rules! ours {
    ($($name:ident)*) => {$(
        impl From<$name> for Id {
            fn from(id: $name) -> Self {
                Self(id.to_string().into())
            }
        }
    )*};
}
ours!(AccountId BlobName EmailId MailboxId ObjectId ThreadId UploadId);

/// An id, or the creation id of a record that this request makes or made: `#k1` (RFC 8620 §5.3).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum IdRef {
    Id(Id),
    Creation(Id),
}

impl IdRef {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix('#') {
            Some(creation) => Id::parse(creation).map(Self::Creation),
            None => Id::parse(text).map(Self::Id),
        }
    }
}

impl fmt::Display for IdRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::Creation(id) => write!(f, "#{id}"),
        }
    }
}

impl ToJson for IdRef {
    fn write(&self, slot: Slot<'_>) {
        slot.string(&self.to_string());
    }
}

/// The one map from creation ids to ids that all calls of a request share (RFC 8620 §3.3).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CreatedIds {
    ids: BTreeMap<Id, Id>,
    /// The client sent a map, so it is answered with one.
    pub(super) is_given: bool,
}

impl CreatedIds {
    pub(super) fn given(ids: BTreeMap<Id, Id>) -> Self {
        Self { ids, is_given: true }
    }
    pub(super) fn into_map(self) -> BTreeMap<Id, Id> {
        self.ids
    }
    /// RFC 8620 §5.3: a creation id that is used again stands for what was made last.
    pub fn insert(&mut self, creation: Id, id: Id) {
        self.ids.insert(creation, id);
    }
    /// The id that is meant; `None` when nothing was created under that creation id.
    #[must_use]
    pub fn resolve<'a>(&'a self, id: &'a IdRef) -> Option<&'a Id> {
        match id {
            IdRef::Id(id) => Some(id),
            IdRef::Creation(creation) => self.ids.get(creation),
        }
    }
}

impl ToJson for CreatedIds {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| self.ids.iter().for_each(|(creation, id)| object.put(creation.as_str(), id)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jmap::json::Raw;

    /// spec: RFC 8620 §1.2; RFC 8621 §1.6
    #[test]
    fn ids_have_their_alphabet() {
        for good in ["a", "Mf40b5f831efa7233b9eb1c7f", "-_0", &"x".repeat(255)] {
            assert_eq!(Id::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a=", "é", "#k", "a/b", "a.b", &"x".repeat(256)] {
            assert_eq!(Id::parse(bad), None, "{bad}");
        }
        let ours = [
            Id::from(AccountId(7)),
            Id::from(MailboxId(u32::MAX)),
            Id::from(EmailId([255; 16])),
            Id::from(ThreadId([0; 16])),
            Id::from(UploadId([1; 16])),
            Id::from(ObjectId([2; 16])),
            Id::from(BlobName::Part { email: EmailId([3; 16]), path: vec![1, 20] }),
        ];
        for id in ours {
            assert_eq!(Id::parse(id.as_str()), Some(id.clone()));
            assert!(
                id.as_str().starts_with(|c: char| c.is_ascii_lowercase()),
                "not a digit nor a dash: {id}"
            );
        }
    }

    /// spec: RFC 8620 §3.3; RFC 8620 §5.3
    #[test]
    fn creation_ids_stand_for_what_was_made_last() {
        let id = |text: &str| Id::parse(text).unwrap();
        let mut created = CreatedIds::default();
        let reference = IdRef::parse("#k1").unwrap();
        assert_eq!(reference, IdRef::Creation(id("k1")));
        assert_eq!(created.resolve(&reference), None);
        created.insert(id("k1"), id("m1"));
        created.insert(id("k1"), id("m2"));
        assert_eq!(created.resolve(&reference), Some(&id("m2")));
        assert_eq!(created.resolve(&IdRef::Id(id("k1"))), Some(&id("k1")), "no octothorpe, no reference");
        assert_eq!(Raw::of(&created).as_str(), r#"{"k1":"m2"}"#);
        for bad in ["#", "##a", "# a"] {
            assert_eq!(IdRef::parse(bad), None, "{bad}");
        }
    }
}
