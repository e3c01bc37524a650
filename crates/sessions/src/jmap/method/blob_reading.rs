//! Octets of a blob on their way into another one (RFC 8620 §6.3, RFC 9404 §4.1), in pieces: however large it
//! is, a step does so much and no more.

use std::ops::Range;

use koi_mailbox::{Account, Blob, Stage};

use super::email_write::weight;

/// Octets read at a time.
const PIECE_OCTETS: u64 = 256 * 1024;

/// A blob that is being read.
pub(super) struct BlobReading {
    /// It is in this account.
    account: Account,
    blob: Blob,
    left: Range<u64>,
}

impl BlobReading {
    /// What of the blob lies in `range`.
    pub(super) const fn new(account: Account, blob: Blob, range: Range<u64>) -> Self {
        Self { account, blob, left: range }
    }
    pub(super) const fn is_done(&self) -> bool {
        self.left.start >= self.left.end
    }
    pub(super) fn media_type(&self) -> Option<&str> {
        self.blob.media_type.as_deref()
    }
    /// How much looking for a piece of a blob is, in looks at an object.
    pub(super) const fn weight_of_piece() -> usize {
        weight(PIECE_OCTETS as usize)
    }
    /// Puts the next piece into a stage; answers how much that was, in looks at an object.
    pub(super) fn go_on(&mut self, stage: &mut Stage) -> koi_types::Result<usize> {
        let end = self.left.end.min(self.left.start.saturating_add(PIECE_OCTETS));
        let mut piece = Vec::new();
        self.account.snapshot()?.read_blob(&self.blob, self.left.start..end, &mut piece)?;
        stage.write(&piece)?;
        self.left.start = end;
        Ok(weight(piece.len()))
    }
}
