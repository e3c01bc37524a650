//! Keys of uploads (RFC 8620 §6.1): table w of an account.
//!
//! Must not: read or write a row.

use koi_types::{AccountId, UploadId};

use super::{joined, part, prefix, table};

/// w: one upload. Ids begin with the time, so that the oldest comes first.
#[must_use]
pub fn upload(account: AccountId, upload: UploadId) -> [u8; 21] {
    joined(&[&prefix(account, table::UPLOAD), &upload.0])
}

/// The upload of a `w` key.
#[must_use]
pub fn upload_of(key: &[u8]) -> Option<UploadId> {
    part(key, 5).map(UploadId)
}
