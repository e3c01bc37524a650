//! Looking for a blob in pieces: a part of a message that is encoded is decoded a piece at a time (RFC 2045
//! §6), so that nobody waits for a large one. Must not: hold more than the octets of one blob.

use std::ops::Range;

use koi_message::transfer::Decoder;
use koi_types::{BlobName, Result};

use super::{Blob, PIECE_OCTETS};
use crate::BodyRef;
use crate::account::Account;
use crate::snapshot::Snapshot;

/// A blob that is being looked for.
pub struct BlobRun {
    account: Account,
    name: BlobName,
    decoding: Option<Decoding>,
}

/// What the next piece came to.
#[derive(Debug)]
pub enum Sought {
    /// It is there; call again.
    More,
    /// There is no such blob for whoever asks.
    Nothing,
    Found(Blob),
}

/// What a name stands for.
pub(super) enum Known {
    Nothing,
    Blob(Blob),
    Encoded(Decoding),
}

/// A part of which some is decoded.
pub(super) struct Decoding {
    body: BodyRef,
    left: Range<u64>,
    decoder: Decoder,
    decoded: Vec<u8>,
}

impl Account {
    /// Begins to look for what a name stands for.
    #[must_use]
    pub fn find_blob(&self, name: BlobName) -> BlobRun {
        BlobRun { account: self.clone(), name, decoding: None }
    }
}

impl BlobRun {
    #[must_use]
    pub const fn name(&self) -> &BlobName {
        &self.name
    }
    /// Does the next piece: of what is encoded 256 KiB.
    pub fn advance(&mut self) -> Result<Sought> {
        let account = self.account.clone();
        let snapshot = account.snapshot()?;
        let mut decoding = match self.decoding.take() {
            Some(decoding) => decoding,
            None => match snapshot.known_blob(&self.name)? {
                Known::Nothing => return Ok(Sought::Nothing),
                Known::Blob(blob) => return Ok(Sought::Found(blob)),
                Known::Encoded(decoding) => decoding,
            },
        };
        if decoding.go_on(&snapshot)? {
            return Ok(Sought::Found(decoding.finish()));
        }
        self.decoding = Some(decoding);
        Ok(Sought::More)
    }
}

impl Decoding {
    pub(super) const fn new(body: BodyRef, octets: Range<u64>, decoder: Decoder) -> Self {
        Self { body, left: octets, decoder, decoded: Vec::new() }
    }
    /// Decodes the next piece; answers whether it was the last.
    pub(super) fn go_on(&mut self, snapshot: &Snapshot<'_>) -> Result<bool> {
        let upto = self.left.end.min(self.left.start.saturating_add(PIECE_OCTETS));
        let mut piece = Vec::new();
        snapshot.read_body(&self.body, self.left.start..upto, &mut piece)?;
        self.decoder.push(&piece, &mut self.decoded);
        self.left.start = upto;
        Ok(self.left.is_empty())
    }
    pub(super) fn finish(mut self) -> Blob {
        self.decoder.finish(&mut self.decoded);
        Blob::decoded(self.decoded)
    }
}
