//! Writing the data items of one message (RFC 9051 §7.5.2, RFC 3501 §7.4.2).

mod binary;
mod identity;
mod linked;
mod preview;
mod section;
mod structure;

use koi_mailbox::{BodyRef, EmailRow, KeywordTable, MessageRow, Snapshot};
use koi_message::{Envelope, EnvelopeView, Structure};
use koi_proto::imap::command::FetchItem;
use koi_proto::imap::date::DateTime;
use koi_proto::imap::response::FetchLine;
use koi_types::{ErrorKind, MailError, NumSet, Result, SeqNum, ZoneOffset, limits};

use super::untagged::flags_item;
use crate::selected::rows::{Begun, Lines, Wrote};
use binary::{Decoding, Wanted};
pub(crate) use linked::{Decoded, Linked, Sending, Sent};
pub(crate) use section::Octets;

/// Writes messages of one snapshot.
pub(crate) struct Writer<'a> {
    pub(crate) items: &'a [FetchItem],
    pub(crate) snapshot: &'a Snapshot<'a>,
    pub(crate) keywords: &'a KeywordTable,
    /// UIDs that are `\Recent` in this session.
    pub(crate) recent: &'a NumSet,
    /// The client reads UTF-8 in headers (RFC 6855 §3).
    pub(crate) utf8: bool,
    /// UIDFETCH instead of FETCH (RFC 9586 §3.3).
    pub(crate) uid_only: bool,
}

/// How far a message is written, when the output was full in the middle of it.
#[derive(Debug)]
pub(crate) struct Progress {
    pub(crate) uid: u32,
    line: FetchLine,
    /// Items before this one are written.
    item: usize,
    /// What of the item before `item` is still to be written.
    rest: Option<Rest>,
}

/// What is left of an item.
#[derive(Debug)]
enum Rest {
    /// The rest of a literal.
    Octets(Left),
    /// The item is not announced yet: its size must be found out.
    Measure(Wanted, Decoding),
    Decode(Decoding),
}

/// Octets of a message as it is stored.
#[derive(Debug)]
struct Left {
    body: BodyRef,
    at: u64,
    end: u64,
}

impl Begun for Progress {
    fn uid(&self) -> u32 {
        self.uid
    }
    fn abandon(mut self, out: &mut Vec<u8>) {
        if let Some(Rest::Measure(wanted, _)) = &self.rest {
            wanted.announce_missing(&mut self.line, out);
        }
        self.line.end(out);
    }
}

/// Octets of a body read at a time, even when the output is nearly full.
const CHUNK_OCTETS_MIN: u64 = 32 * 1024;

impl Lines for Writer<'_> {
    type Progress = Progress;
    fn go_on(&self, progress: &mut Progress, out: &mut Vec<u8>) -> Result<bool> {
        while let Some(rest) = progress.rest.take() {
            if out.len() >= limits::OUTPUT_OCTETS_HIGH {
                progress.rest = Some(rest);
                return Ok(false);
            }
            progress.rest = match rest {
                Rest::Octets(mut left) => {
                    self.chunk(&mut left, out)?;
                    (left.at < left.end).then_some(Rest::Octets(left))
                }
                Rest::Measure(wanted, mut decoding) => {
                    if !decoding.measure(self.snapshot)? {
                        progress.rest = Some(Rest::Measure(wanted, decoding));
                        return Ok(false);
                    }
                    wanted.announce(decoding, &mut progress.line, out).map(Rest::Decode)
                }
                Rest::Decode(mut decoding) => {
                    let done = decoding.send(self.snapshot, out)?;
                    (!done).then_some(Rest::Decode(decoding))
                }
            };
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
        let uid = row.uid.value();
        let Some(seqnum) = SeqNum::new(seqnum) else { return Ok(Wrote::Nothing) };
        let mut message = Message { writer: self, row, email: None, structure: None };
        let mut progress = match resumed {
            Some(progress) => progress,
            // RFC 3516 §4.3: an item asks to take off an encoding that is not known.
            None if !message.is_decodable()? => return Ok(Wrote::Unsuitable),
            None if self.uid_only => {
                Progress { uid, line: FetchLine::begin_uid(row.uid, out), item: 0, rest: None }
            }
            None => Progress { uid, line: FetchLine::begin(seqnum, out), item: 0, rest: None },
        };
        while let Some(item) = self.items.get(progress.item) {
            progress.rest = message.item(item, &mut progress.line, out)?;
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
    fn chunk(&self, rest: &mut Left, out: &mut Vec<u8>) -> Result<()> {
        let room = (limits::OUTPUT_OCTETS_HIGH.saturating_sub(out.len()) as u64).max(CHUNK_OCTETS_MIN);
        let to = rest.end.min(rest.at.saturating_add(room));
        let before = out.len();
        self.snapshot.read_body(&rest.body, rest.at..to, out)?;
        if (out.len() - before) as u64 != to - rest.at {
            return Err(short_body());
        }
        rest.at = to;
        Ok(())
    }
}

/// One message and what was read of it so far.
struct Message<'w> {
    writer: &'w Writer<'w>,
    row: &'w MessageRow<'w>,
    email: Option<EmailRow<'w>>,
    structure: Option<Structure>,
}

impl<'w> Message<'w> {
    /// Writes an item; of a literal only its announcement, with the octets still to come.
    fn item(&mut self, item: &FetchItem, line: &mut FetchLine, out: &mut Vec<u8>) -> Result<Option<Rest>> {
        match item {
            FetchItem::Uid => line.uid(self.row.uid, out),
            FetchItem::Flags => {
                let recent = self.writer.recent.contains(self.row.uid.value());
                flags_item(line, self.row, self.writer.keywords, recent, out);
            }
            FetchItem::InternalDate => {
                line.internal_date(DateTime { at: self.row.received_at, zone: self.row.received_zone }, out);
            }
            FetchItem::Rfc822Size => line.rfc822_size(u64::from(self.row.octets), out),
            FetchItem::EmailId => line.email_id(self.row.email, out),
            FetchItem::ThreadId => {
                let thread = self.email()?.thread;
                line.thread_id(thread, out);
            }
            FetchItem::ModSeq => line.mod_seq(self.row.modseq, out),
            // RFC 8514 §4.2; in UTC, as SAVEDON has its days.
            FetchItem::SaveDate => {
                line.save_date(DateTime { at: self.row.saved_at, zone: ZoneOffset(0) }, out);
            }
            FetchItem::Envelope => self.envelope(line, out)?,
            FetchItem::Preview => self.preview(line, out)?,
            FetchItem::Body => line.body(&structure::body(&self.structure()?.root), out),
            FetchItem::BodyStructure => line.body_structure(&structure::body(&self.structure()?.root), out),
            FetchItem::Binary(_) | FetchItem::BinarySize(_) => return self.binary(item, line, out),
            FetchItem::Rfc822 | FetchItem::Rfc822Header | FetchItem::Rfc822Text | FetchItem::Section(_) => {
                return self.section(item, line, out);
            }
        }
        Ok(None)
    }
    /// RFC 6855 §8: who knows nothing of UTF-8 gets encoded words.
    fn envelope(&mut self, line: &mut FetchLine, out: &mut Vec<u8>) -> Result<()> {
        let utf8 = self.writer.utf8;
        let record = self.email()?.envelope();
        if utf8 || record.is_ascii() {
            let envelope = EnvelopeView::of(record).map_err(|e| corrupt(&e))?;
            line.envelope(structure::envelope(envelope), out);
            return Ok(());
        }
        let mut envelope = Envelope::decode(record).map_err(|e| corrupt(&e))?;
        envelope.make_ascii();
        line.envelope(structure::collected(&envelope), out);
        Ok(())
    }
    fn section(&mut self, item: &FetchItem, line: &mut FetchLine, out: &mut Vec<u8>) -> Result<Option<Rest>> {
        let octets = match section::needs_structure(item) {
            false => Octets::Body(0..self.email()?.body.octets),
            true => {
                self.email()?;
                self.structure()?;
                let (Some(email), Some(structure)) = (&self.email, &self.structure) else { return Ok(None) };
                section::octets(item, structure, email, self.writer.snapshot)?
            }
        };
        let octets = section::cut(octets, section::partial(item));
        let body = self.email()?.body;
        match octets {
            Octets::None => section::announce_nil(item, line, out),
            Octets::Made(made) => {
                section::announce(item, made.len() as u64, line, out);
                out.extend_from_slice(&made);
            }
            Octets::Body(range) => {
                section::announce(item, range.end - range.start, line, out);
                return Ok(Some(Rest::Octets(Left { body, at: range.start, end: range.end })));
            }
        }
        Ok(None)
    }
    fn binary(&mut self, item: &FetchItem, line: &mut FetchLine, out: &mut Vec<u8>) -> Result<Option<Rest>> {
        let Some(wanted) = Wanted::of(item) else { return Ok(None) };
        let body = self.email()?.body;
        match wanted.begin(self.structure()?, body) {
            Some(decoding) => Ok(Some(Rest::Measure(wanted, decoding))),
            None => {
                wanted.announce_missing(line, out);
                Ok(None)
            }
        }
    }
    /// Whether no item asks for what cannot be decoded.
    fn is_decodable(&mut self) -> Result<bool> {
        for wanted in self.writer.items.iter().filter_map(Wanted::of) {
            if !wanted.is_decodable(self.structure()?) {
                return Ok(false);
            }
        }
        Ok(true)
    }
    fn email(&mut self) -> Result<&EmailRow<'w>> {
        if self.email.is_none() {
            self.email = self.writer.snapshot.email(self.row.email)?;
        }
        self.email.as_ref().ok_or_else(|| {
            MailError::new(ErrorKind::Corrupt, "a message cannot be read")
                .context(format!("no email row {}", self.row.email))
        })
    }
    fn structure(&mut self) -> Result<&Structure> {
        if self.structure.is_none() {
            let utf8 = self.writer.utf8;
            let record = self.email()?.structure();
            let mut structure = Structure::decode(record).map_err(|e| corrupt(&e))?;
            if !utf8 && !record.is_ascii() {
                structure.make_envelopes_ascii();
            }
            self.structure = Some(structure);
        }
        self.structure.as_ref().ok_or_else(|| MailError::new(ErrorKind::Internal, "internal error"))
    }
}

fn short_body() -> MailError {
    MailError::new(ErrorKind::Corrupt, "a message cannot be read").context("body is short")
}

fn corrupt(error: &koi_message::Corrupt) -> MailError {
    MailError::new(ErrorKind::Corrupt, "a message cannot be read").context(error)
}
