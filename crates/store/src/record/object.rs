//! i, s and v: objects that are few: when each was made and changed, and what it says, which is a record of
//! its own. One that was destroyed is remembered for a while, so that it can be told.

use super::{Fields, Record};

/// One row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ObjectRecord {
    /// The modseq at which it was made.
    pub created: u64,
    /// At which it was changed last, or destroyed.
    pub changed: u64,
    /// Nothing when it was destroyed.
    pub value: Option<Box<[u8]>>,
}

impl ObjectRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let value = self.value.as_deref();
        let record = Record::new(24 + value.map_or(0, <[u8]>::len)).u64(self.created).u64(self.changed);
        match value {
            None => record.u8(0).0,
            Some(value) => record.u8(1).sized(value).0,
        }
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let (created, changed) = (f.u64()?, f.u64()?);
        let value = match f.u8()? {
            0 => None,
            1 => Some(f.sized()?.into()),
            _ => return None,
        };
        f.end().map(|()| Self { created, changed, value })
    }
}
