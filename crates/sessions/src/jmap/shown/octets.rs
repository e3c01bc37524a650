//! The octets of a message that is shown: in memory, or stored, of which a small one is read at once and a
//! large one piece by piece.

use std::borrow::Cow;

use koi_mailbox::{BodyRef, Snapshot};
use koi_message::Range32;
use koi_types::{ErrorKind, MailError, Result};

use super::Effort;

pub(in crate::jmap) struct Octets<'o> {
    source: Source<'o>,
    /// From the beginning on.
    held: Vec<u8>,
}

enum Source<'o> {
    Memory(&'o [u8]),
    Stored { snapshot: &'o Snapshot<'o>, body: BodyRef },
}

impl<'o> Octets<'o> {
    pub(in crate::jmap) const fn of_memory(octets: &'o [u8]) -> Self {
        Self { source: Source::Memory(octets), held: Vec::new() }
    }
    pub(in crate::jmap) const fn stored(snapshot: &'o Snapshot<'o>, body: BodyRef) -> Self {
        Self { source: Source::Stored { snapshot, body }, held: Vec::new() }
    }
    /// Reads all of it, unless it is longer than this.
    pub(super) fn hold(&mut self, most: u64, effort: &mut Effort) -> Result<()> {
        let Source::Stored { snapshot, body } = &self.source else { return Ok(()) };
        if self.held.is_empty() && body.octets <= most {
            effort.spend(body.octets);
            snapshot.read_body(body, 0..body.octets, &mut self.held)?;
        }
        Ok(())
    }
    /// Octets of the message.
    pub(super) fn of(&self, range: Range32) -> Result<Cow<'_, [u8]>> {
        let (snapshot, body) = match &self.source {
            Source::Memory(octets) => return Ok(Cow::Borrowed(range.of(octets))),
            Source::Stored { snapshot, body } => (snapshot, body),
        };
        if range.end as usize <= self.held.len() {
            return Ok(Cow::Borrowed(range.of(&self.held)));
        }
        let mut read = Vec::new();
        snapshot.read_body(body, u64::from(range.start)..u64::from(range.end), &mut read)?;
        if read.len() != range.len() as usize {
            return Err(MailError::new(ErrorKind::Corrupt, "the octets of a message are missing or damaged"));
        }
        Ok(Cow::Owned(read))
    }
}
