//! Reading ahead within one snapshot: who reads small bodies in the order they came, as FETCH does, gets many
//! with one call of the system.
//!
//! What a snapshot refers to was written before it was opened and never changes, so octets read while it
//! lives are right for all of its bodies. Must not: outlive its snapshot.

use std::io;
use std::ops::Range;

use crate::vfs::File;

/// Read at once.
const WINDOW_OCTETS: usize = 64 * 1024;
/// Longer records are read by themselves.
const RECORD_OCTETS_MAX: usize = WINDOW_OCTETS / 2;
/// Between two bodies lie the operations of a group.
const GAP_OCTETS_MAX: u64 = 16 * 1024;

/// What was read last, and where the record that was asked for last begins and ends (or ends before).
#[derive(Default)]
pub(crate) struct ReadAhead {
    last: Option<(u32, Range<u64>)>,
    segment: u32,
    from: u64,
    octets: Vec<u8>,
}

impl ReadAhead {
    /// The record of so many octets at `offset`, if it is short and follows the one before. Cost: a call of
    /// the system for each [`WINDOW_OCTETS`].
    pub(crate) fn record(
        &mut self,
        segment: u32,
        file: &dyn File,
        offset: u64,
        octets: usize,
    ) -> io::Result<Option<&[u8]>> {
        let end = offset.saturating_add(octets as u64);
        let before = self.last.replace((segment, offset..end));
        let follows = before.is_some_and(|(last, record)| {
            last == segment && offset > record.start && offset <= record.end.saturating_add(GAP_OCTETS_MAX)
        });
        if !follows || octets > RECORD_OCTETS_MAX {
            return Ok(None);
        }
        if !self.holds(segment, offset, end) {
            self.octets.resize(WINDOW_OCTETS, 0);
            let read = file.read_at(&mut self.octets, offset);
            self.octets.truncate(*read.as_ref().unwrap_or(&0));
            read?;
            (self.segment, self.from) = (segment, offset);
        }
        let at = usize::try_from(offset - self.from).unwrap_or(usize::MAX);
        Ok(self.octets.get(at..).and_then(|rest| rest.get(..octets)))
    }
    fn holds(&self, segment: u32, offset: u64, end: u64) -> bool {
        self.segment == segment && offset >= self.from && end <= self.from + self.octets.len() as u64
    }
}
