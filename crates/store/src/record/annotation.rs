//! O: annotations, and what all of an account's add up to (RFC 5464 §3.1).

use koi_types::EntryName;

use super::{Fields, Record};

/// One annotation. Its key has the name in lower case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnnotationRecord<'r> {
    /// When it was set.
    pub modseq: u64,
    /// The name as it was written, where that is not the key's.
    pub name: Option<EntryName>,
    pub value: &'r [u8],
}

impl<'r> AnnotationRecord<'r> {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let name = self.name.as_ref().map_or("", EntryName::as_str);
        let record = Record::new(12 + name.len() + self.value.len());
        record.u64(self.modseq).sized(name.as_bytes()).octets(self.value).0
    }
    #[must_use]
    pub fn decode(record: &'r [u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let modseq = f.u64()?;
        let name = match f.text()? {
            "" => None,
            name => Some(EntryName::new(name).ok()?),
        };
        Some(Self { modseq, name, value: f.rest() })
    }
}

/// The sums over all annotations of an account, so that no limit has to count them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AnnotationTotals {
    pub count: u32,
    /// Octets of names and records.
    pub octets: u64,
    /// When one was set or removed last.
    pub modseq: u64,
}

impl AnnotationTotals {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Record::new(20).u32(self.count).u64(self.octets).u64(self.modseq).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let totals = Self { count: f.u32()?, octets: f.u64()?, modseq: f.u64()? };
        f.end().map(|()| totals)
    }
}
