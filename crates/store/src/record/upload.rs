//! w: octets that were uploaded and stay for a while, whether or not something is made of them.

use koi_types::{AccountId, BlobId, Timestamp};

use super::{Fields, Record};
use crate::body::BodyRef;

/// One row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UploadRecord {
    /// Who uploaded it: nobody else may read it.
    pub by: AccountId,
    pub at: Timestamp,
    pub body: BodyRef,
    /// As the client says.
    pub media_type: Box<str>,
}

impl UploadRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let body = &self.body;
        let record = Record::new(72 + self.media_type.len()).u32(self.by.0).i64(self.at.0);
        let record = record.octets(&body.blob.0).u32(body.segment).u64(body.offset).u64(body.octets);
        record.sized(self.media_type.as_bytes()).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let (by, at) = (AccountId(f.u32()?), Timestamp(f.i64()?));
        let body =
            BodyRef { blob: BlobId(f.array()?), segment: f.u32()?, offset: f.u64()?, octets: f.u64()? };
        let media_type = f.text()?.into();
        f.end().map(|()| Self { by, at, body, media_type })
    }
}
