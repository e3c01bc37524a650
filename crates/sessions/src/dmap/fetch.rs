//! Writing the data items of one message (DMAP-00 §7.6.4, §8.4.1).

use std::ops::Range;
use std::sync::Arc;

use koi_mailbox::dmap::{Content, ContentOctets};
use koi_mailbox::{KeywordTable, MessageRow, Snapshot};
use koi_proto::dmap::DateTime;
use koi_proto::dmap::chunk::Body;
use koi_proto::dmap::command::{FetchItem, Partial};
use koi_proto::dmap::id::KeyId;
use koi_proto::dmap::response::{FetchLine, FetchedItem};
use koi_types::{ErrorKind, MailError, Result, limits};

use super::content;
use super::core::Core;
use super::flags::{begin, flags_item};
use super::made::Made;
use crate::selected::rows::{Begun, Lines, Wrote};

/// Writes messages of one snapshot.
pub(crate) struct Writer<'a> {
    pub(crate) items: &'a [FetchItem],
    pub(crate) snapshot: &'a Snapshot<'a>,
    pub(crate) keywords: &'a KeywordTable,
    pub(crate) mailbox: koi_types::MailboxId,
    /// UIDFETCH instead of FETCH (RFC 9586 §3.3).
    pub(crate) uid_only: bool,
    /// What one connection may hold.
    pub(crate) core: &'a Core,
    pub(crate) made: &'a Made,
}

/// How far a message is written, when the output was full in the middle of it.
#[derive(Debug)]
pub(crate) struct Progress {
    pub(crate) uid: u32,
    line: FetchLine,
    /// Items before this one are written.
    item: usize,
    content: Option<Arc<Content>>,
    /// What of the item before `item` is still to be written.
    rest: Option<Left>,
}

/// Octets of the content that were announced and are not written yet.
#[derive(Debug)]
struct Left {
    of: ContentOctets,
    at: u64,
    end: u64,
}

impl Begun for Progress {
    fn uid(&self) -> u32 {
        self.uid
    }
    fn abandon(self, out: &mut Vec<u8>) {
        self.line.end(out);
    }
}

/// Whether the message itself is needed.
pub(crate) const fn looks_inside(item: &FetchItem) -> bool {
    matches!(item, FetchItem::Body { .. } | FetchItem::BodyStructure | FetchItem::ChunkHash)
}

/// Octets that are encrypted in the time in which a row is looked at, and what each message counts beside its
/// own.
const MADE_OCTETS_PER_ROW: u32 = 100;
const MADE_OCTETS_EACH: u32 = 16 * 1024;
/// The same of octets that are read and hashed.
const HASHED_OCTETS_PER_ROW: u32 = 800;

/// Octets read at a time, even when the output is nearly full.
const CHUNK_OCTETS_MIN: u64 = 32 * 1024;

impl Lines for Writer<'_> {
    type Progress = Progress;
    /// Ordinary mail is encrypted to be shown, with keys that are agreed on for every chunk: about a MiB of
    /// it in one step. For CHUNKHASH all of a message is read.
    fn weight(&self, row: &MessageRow<'_>) -> u32 {
        if self.must_be_made(row) {
            return row.octets.saturating_add(MADE_OCTETS_EACH) / MADE_OCTETS_PER_ROW;
        }
        match self.items.contains(&FetchItem::ChunkHash) {
            true => row.prime_octets / HASHED_OCTETS_PER_ROW,
            false => 0,
        }
    }
    fn go_on(&self, progress: &mut Progress, out: &mut Vec<u8>) -> Result<bool> {
        while let Some(mut left) = progress.rest.take() {
            if out.len() >= limits::OUTPUT_OCTETS_HIGH {
                progress.rest = Some(left);
                return Ok(false);
            }
            let room = (limits::OUTPUT_OCTETS_HIGH.saturating_sub(out.len()) as u64).max(CHUNK_OCTETS_MIN);
            let to = left.end.min(left.at.saturating_add(room));
            let before = out.len();
            self.snapshot.read_content(&left.of, left.at..to, out)?;
            if (out.len() - before) as u64 != to - left.at {
                return Err(short());
            }
            left.at = to;
            progress.rest = (left.at < left.end).then_some(left);
        }
        Ok(true)
    }
    fn message(
        &self,
        seqnum: u32,
        row: &MessageRow<'_>,
        resumed: Option<Progress>,
        out: &mut Vec<u8>,
    ) -> Result<Wrote<Progress>> {
        let mut progress = match resumed {
            Some(progress) => progress,
            None => {
                if self.must_be_made(row) && !self.make(row)? {
                    return Ok(Wrote::Unsuitable);
                }
                let Some(line) = begin(seqnum, row.uid, self.uid_only, out) else {
                    return Ok(Wrote::Nothing);
                };
                Progress { uid: row.uid.value(), line, item: 0, content: None, rest: None }
            }
        };
        while let Some(item) = self.items.get(progress.item) {
            self.item(*item, row, &mut progress, out)?;
            progress.item += 1;
            if !self.go_on(&mut progress, out)? {
                return Ok(Wrote::Partly(Box::new(progress)));
            }
        }
        progress.line.end(out);
        Ok(Wrote::Whole)
    }
}

impl Writer<'_> {
    /// Writes an item; of a literal only its announcement, with the octets still to come.
    fn item(
        &self,
        item: FetchItem,
        row: &MessageRow<'_>,
        progress: &mut Progress,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let fetched = match item {
            FetchItem::Uid => FetchedItem::Uid(row.uid),
            FetchItem::Flags => {
                flags_item(&mut progress.line, row, self.keywords, out);
                return Ok(());
            }
            FetchItem::InternalDate => {
                FetchedItem::InternalDate(DateTime { at: row.received_at, zone: row.received_zone })
            }
            FetchItem::ModSeq => FetchedItem::ModSeq(row.modseq),
            FetchItem::Size => FetchedItem::Size(self.snapshot.dmap_octets(row)?),
            FetchItem::Meta => FetchedItem::Meta(self.meta(row)?),
            FetchItem::KeyId => FetchedItem::KeyId(self.key_id(row)?.map(|id| KeyId(id.0))),
            FetchItem::BodyStructure => {
                FetchedItem::BodyStructure(content::chunks(self.content(row, progress)?))
            }
            FetchItem::ChunkHash => {
                FetchedItem::ChunkHash(self.snapshot.chunk_hashes(self.content(row, progress)?)?)
            }
            FetchItem::Body { body, partial, .. } => return self.body(body, partial, row, progress, out),
        };
        progress.line.push(&fetched, out);
        Ok(())
    }
    /// DMAP-00 §7.6.4: a chunk that does not exist is NIL; what begins behind the end is empty.
    fn body(
        &self,
        body: Body,
        partial: Option<Partial>,
        row: &MessageRow<'_>,
        progress: &mut Progress,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let first = partial.map(|partial| partial.first);
        let Some((of, range)) = self.section(body, row, progress)? else {
            progress.line.push(&FetchedItem::Body { body, first, octets: None }, out);
            return Ok(());
        };
        let (mut at, mut end) = (range.start, range.end);
        if let Some(Partial { first, octets }) = partial {
            at = range.end.min(range.start.saturating_add(first));
            end = range.end.min(at.saturating_add(octets.into()));
        }
        progress.line.body(body, first, end - at, out);
        progress.rest = (at < end).then_some(Left { of, at, end });
        Ok(())
    }
    /// The octets and which of them are asked for; nothing where there is no such chunk. Of all of a message
    /// that is stored nothing else need be known.
    fn section(
        &self,
        body: Body,
        row: &MessageRow<'_>,
        progress: &mut Progress,
    ) -> Result<Option<(ContentOctets, Range<u64>)>> {
        if body.section.is_none() && progress.content.is_none() && row.prime_octets > 0 {
            let whole = self.snapshot.dmap_whole(row.email)?.ok_or_else(short)?;
            let range = 0..whole.count();
            return Ok(Some((whole, range)));
        }
        let content = self.content(row, progress)?;
        Ok(content::range(content, body.section).map(|range| (content.whole().clone(), range)))
    }
    /// By which the form opens that is shown.
    fn key_id(&self, row: &MessageRow<'_>) -> Result<Option<koi_types::KeyId>> {
        if let Some(made) = self.made.of(row.email) {
            return Ok(made.key_id());
        }
        Ok(self.snapshot.dmap_facts(row.email)?.and_then(|facts| facts.key_id))
    }
    fn meta(&self, row: &MessageRow<'_>) -> Result<Option<Vec<u8>>> {
        match row.meta_octets {
            0 => Ok(None),
            _ => self.snapshot.meta(self.mailbox, row.uid),
        }
    }
    fn content<'p>(&self, row: &MessageRow<'_>, progress: &'p mut Progress) -> Result<&'p Content> {
        if progress.content.is_none() {
            progress.content = match self.made.of(row.email) {
                Some(made) => Some(made),
                None => self.snapshot.dmap_content(row.email)?.map(Arc::new),
            };
        }
        progress.content.as_deref().ok_or_else(short)
    }
    /// Ordinary mail that is looked into, and of which no form is kept.
    fn must_be_made(&self, row: &MessageRow<'_>) -> bool {
        row.prime_octets == 0 && self.items.iter().any(looks_inside) && !self.made.has(row.email)
    }
    /// Encrypts ordinary mail. `false`: it would be more than one connection may hold.
    fn make(&self, row: &MessageRow<'_>) -> Result<bool> {
        self.made.forget();
        let octets = usize::try_from(self.snapshot.dmap_octets(row)?).unwrap_or(usize::MAX);
        if self.core.require_room(octets).is_err() {
            return Ok(false);
        }
        let content = self.snapshot.dmap_content(row.email)?.ok_or_else(short)?;
        self.made.keep(row.email, Arc::new(content));
        Ok(true)
    }
}

fn short() -> MailError {
    MailError::new(ErrorKind::Corrupt, "a message cannot be read").context("its content is short or gone")
}
