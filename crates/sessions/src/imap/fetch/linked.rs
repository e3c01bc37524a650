//! What a URL leads to, as FETCH would send it (RFC 4467 §7, RFC 4469 §3, RFC 5524 §3.2).

use koi_mailbox::{BodyRef, EmailRow, Snapshot};
use koi_message::{Part, Structure, find_part};
use koi_proto::imap::command::{BodySection, FetchItem, SectionText};
use koi_proto::imap::response::UrlFetchLine;
use koi_types::{EmailId, ErrorKind, MailError, Result, limits};

use super::binary::{Decoding, Wanted};
use super::identity::Identity;
use super::section::{self, Octets};
use super::{CHUNK_OCTETS_MIN, corrupt, short_body, structure};

/// A message or a part of one.
pub(crate) struct Linked {
    pub(crate) body: BodyRef,
    /// As BODY.PEEK has them.
    pub(crate) octets: Octets,
    email: EmailId,
    section: BodySection,
}

/// Octets on their way out, of which the size was told, or is still to be found out.
pub(crate) enum Sending {
    Body {
        body: BodyRef,
        at: u64,
        end: u64,
    },
    Measure(Decoding),
    Decode(Decoding),
    /// Looked at to say what it is.
    Describe(Decoding, Identity),
}

/// Whether a structure is of the part as BINARY sends it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decoded(pub(crate) bool);

/// How far a step came.
pub(crate) enum Sent {
    All,
    /// The output is full.
    Partly,
    /// There is more to look at; others first.
    Slice,
}

impl Linked {
    pub(crate) fn new(section: BodySection, email: &EmailRow<'_>, snapshot: &Snapshot<'_>) -> Result<Self> {
        let structure = Structure::decode(email.structure()).map_err(|e| corrupt(&e))?;
        let partial = section.partial;
        let item = FetchItem::Section(section.clone());
        let octets = section::cut(section::octets(&item, &structure, email, snapshot)?, partial);
        Ok(Self { body: email.body, octets, email: email.id, section })
    }
    /// Announces the octets as they are stored, and says what is still to be sent. What there is not is empty
    /// (RFC 4467 §8).
    pub(crate) fn body(&self, line: &UrlFetchLine, out: &mut Vec<u8>) -> Option<Sending> {
        match &self.octets {
            Octets::None => {
                line.literal(0, false, out);
                None
            }
            Octets::Made(octets) => {
                line.literal(octets.len() as u64, false, out);
                out.extend_from_slice(octets);
                None
            }
            Octets::Body(range) => {
                line.literal(range.end - range.start, false, out);
                Some(Sending::Body { body: self.body, at: range.start, end: range.end })
            }
        }
    }
    /// The same without the Content-Transfer-Encoding; NIL where that cannot be (RFC 5524 §3.2).
    pub(crate) fn binary(
        &self,
        snapshot: &Snapshot<'_>,
        line: &UrlFetchLine,
        out: &mut Vec<u8>,
    ) -> Result<Option<Sending>> {
        let structure = self.structure_of(snapshot)?;
        let wanted = Wanted::octets_of(&self.section);
        let is_part = self.section.section.text == SectionText::Whole;
        let decoding = match is_part && wanted.is_decodable(&structure) {
            true => wanted.begin(&structure, self.body),
            false => None,
        };
        if decoding.is_none() {
            line.no_value(out);
        }
        Ok(decoding.map(Sending::Measure))
    }
    /// What BODYSTRUCTURE says of it; NIL of what is only a part of a part. `decoded`: of what BINARY sends,
    /// in an identity encoding (RFC 5524 §3.2), for which the part must be looked at.
    pub(crate) fn structure(
        &self,
        snapshot: &Snapshot<'_>,
        decoded: Decoded,
        line: &UrlFetchLine,
        out: &mut Vec<u8>,
    ) -> Result<Option<Sending>> {
        let whole = self.ascii_structure_of(snapshot)?;
        let Some(part) = self.part(&whole) else {
            line.no_value(out);
            return Ok(None);
        };
        let wanted = Wanted::part_of(&self.section);
        if decoded.0 && wanted.is_changed_by_decoding(&whole) {
            let decoding = wanted.begin(&whole, self.body);
            return Ok(decoding.map(|decoding| Sending::Describe(decoding, Identity::default())));
        }
        line.structure(&structure::body(part), out);
        Ok(None)
    }
    fn describe(
        &self,
        identity: &Identity,
        snapshot: &Snapshot<'_>,
        line: &UrlFetchLine,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let whole = self.ascii_structure_of(snapshot)?;
        match self.part(&whole) {
            Some(part) => line.structure(&structure::decoded(part, identity), out),
            None => line.no_value(out),
        }
        Ok(())
    }
    fn part<'s>(&self, whole: &'s Structure) -> Option<&'s Part> {
        let is_part = self.section.section.text == SectionText::Whole;
        find_part(whole, &self.section.section.part).filter(|_| is_part)
    }
    fn ascii_structure_of(&self, snapshot: &Snapshot<'_>) -> Result<Structure> {
        let mut whole = self.structure_of(snapshot)?;
        whole.make_envelopes_ascii();
        Ok(whole)
    }
    fn structure_of(&self, snapshot: &Snapshot<'_>) -> Result<Structure> {
        let gone = || MailError::new(ErrorKind::Gone, "the message is gone");
        let email = snapshot.email(self.email)?.ok_or_else(gone)?;
        Structure::decode(email.structure()).map_err(|e| corrupt(&e))
    }
}

impl Sending {
    /// Sends until the output is full.
    pub(crate) fn step(
        &mut self,
        linked: &Linked,
        snapshot: &Snapshot<'_>,
        line: &UrlFetchLine,
        out: &mut Vec<u8>,
    ) -> Result<Sent> {
        loop {
            if out.len() >= limits::OUTPUT_OCTETS_HIGH {
                return Ok(Sent::Partly);
            }
            match self {
                Self::Body { body, at, end } => {
                    let room =
                        (limits::OUTPUT_OCTETS_HIGH.saturating_sub(out.len()) as u64).max(CHUNK_OCTETS_MIN);
                    let to = (*end).min(at.saturating_add(room));
                    let before = out.len();
                    snapshot.read_body(body, *at..to, out)?;
                    if (out.len() - before) as u64 != to - *at {
                        return Err(short_body());
                    }
                    *at = to;
                    if *at >= *end {
                        return Ok(Sent::All);
                    }
                }
                Self::Measure(decoding) => {
                    if !decoding.measure(snapshot)? {
                        return Ok(Sent::Slice);
                    }
                    line.literal(decoding.asked_for(), decoding.has_nul(), out);
                    let empty = decoding.asked_for() == 0;
                    match decoding.again().filter(|_| !empty) {
                        Some(again) => *self = Self::Decode(again),
                        None => return Ok(Sent::All),
                    }
                }
                Self::Decode(decoding) => {
                    if decoding.send(snapshot, out)? {
                        return Ok(Sent::All);
                    }
                }
                Self::Describe(decoding, identity) => {
                    if !decoding.look(snapshot, |octets| identity.push(octets))? {
                        return Ok(Sent::Slice);
                    }
                    linked.describe(identity, snapshot, line, out)?;
                    return Ok(Sent::All);
                }
            }
        }
    }
}
