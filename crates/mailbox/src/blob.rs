//! Octets by name (RFC 8620 §6): whole messages, parts of them, and what was uploaded. Names are always
//! looked up inside one account, for one who may read it: an upload is its uploader's alone.

mod run;

use std::ops::{ControlFlow, Range};

use koi_message::transfer::{self, Decoder};
use koi_message::{Part, PartKind, Range32, Structure, TransferEncoding, find_part};
use koi_store::key;
use koi_store::kv::transact;
use koi_store::mail::upload::{self, NewUpload};
use koi_store::record::email::EmailRecord;
use koi_store::record::membership::Membership;
use koi_types::{
    BlobName, EmailId, ErrorKind, MailError, Result, Rights, SystemFlags, Timestamp, UploadId, limits,
};

use crate::BodyRef;
use crate::account::Account;
use crate::dmap::seal;
use crate::incoming::{Incoming, Stage};
use crate::outcome::Pending;
use crate::snapshot::Snapshot;
pub use run::{BlobRun, Sought};
use run::{Decoding, Known};

/// Octets that can be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Blob {
    /// How many there are.
    pub octets: u64,
    /// As whoever uploaded it says; of a message it is message/rfc822; of a part nothing.
    pub media_type: Option<Box<str>>,
    source: Source,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Source {
    /// All of a body.
    Body(BodyRef),
    /// Some of it, as it is.
    Range { body: BodyRef, start: u64 },
    /// Decoded, in memory: bounded by what a message may have.
    Decoded(Box<[u8]>),
}

/// What was uploaded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Uploaded {
    pub id: UploadId,
    pub octets: u64,
    pub expires_at: Timestamp,
}

impl Account {
    /// Takes in what somebody uploads.
    #[must_use]
    pub fn stage_upload(&self) -> Stage {
        self.stage()
    }
    /// Takes in what is put into this account in clear. One that keeps encrypted messages only takes nothing.
    #[must_use]
    pub fn stage(&self) -> Stage {
        let stage = Stage::new(std::sync::Arc::clone(&self.inner.kv), self.inner.options.message_octets_max);
        match self.inner.kv.view().and_then(|view| seal::mode_of(&*view, self.id)) {
            Ok(mode) if mode.keeps_clear_mail() => stage,
            Ok(_) => stage.refusing(koi_store::mail::clear_mail()),
            Err(error) => stage.refusing(error),
        }
    }
    /// Keeps it for a while. `NoPermission` for a guest who may put nothing into the account.
    pub fn keep_upload(&self, stage: Stage, media_type: &str) -> Result<Pending<Uploaded>> {
        self.refuse_upload()?;
        if media_type.len() > limits::MEDIA_TYPE_OCTETS_MAX {
            return Err(MailError::new(ErrorKind::InvalidInput, "the media type is too long"));
        }
        let at = self.inner.env.now();
        let body = stage.finish_octets()?;
        let id = UploadId(self.inner.new_email_id().0);
        let by = self.guest.as_ref().map_or(self.id, |guest| guest.user.id);
        let uploaded = Uploaded { id, octets: body.octets(), expires_at: at.plus_secs(limits::UPLOAD_SECS) };
        let new = NewUpload { id, by, at, body, media_type: media_type.into() };
        let account = self.id;
        let pending = transact(&*self.inner.kv, move |txn| {
            upload::keep(txn, account, &new)?;
            Ok(uploaded.clone())
        });
        self.inner.changed(account);
        Ok(Pending::of(pending))
    }
    fn refuse_upload(&self) -> Result<()> {
        if !self.is_others() {
            return Ok(());
        }
        let snapshot = self.snapshot()?;
        for mailbox in snapshot.hierarchy().nodes().filter_map(|node| node.mailbox) {
            if snapshot.rights(mailbox.id)?.contains(Rights::INSERT) {
                return Ok(());
            }
        }
        Err(crate::access::not_allowed())
    }
}

impl Snapshot<'_> {
    /// What a name stands for; nothing when there is no such thing for whoever asks. What is encoded is
    /// decoded at once: [`Account::find_blob`] does so in pieces.
    pub fn blob(&self, name: &BlobName) -> Result<Option<Blob>> {
        match self.known_blob(name)? {
            Known::Nothing => Ok(None),
            Known::Blob(blob) => Ok(Some(blob)),
            Known::Encoded(mut decoding) => {
                while !decoding.go_on(self)? {}
                Ok(Some(decoding.finish()))
            }
        }
    }
    /// Whether a name stands for something, for whoever asks.
    pub fn has_blob(&self, name: &BlobName) -> Result<bool> {
        Ok(!matches!(self.known_blob(name)?, Known::Nothing))
    }
    fn known_blob(&self, name: &BlobName) -> Result<Known> {
        Ok(match name {
            BlobName::Message(email) => match self.body_of(*email)? {
                Some(body) => {
                    let media_type = Some("message/rfc822".into());
                    Known::Blob(Blob { octets: body.octets, media_type, source: Source::Body(body) })
                }
                None => Known::Nothing,
            },
            BlobName::Part { email, path } => self.part(*email, path)?,
            BlobName::Upload(id) => Known::of(self.upload(*id)?),
            BlobName::UploadPart { upload, path } => {
                let Some(upload) = self.upload(*upload)? else { return Ok(Known::Nothing) };
                let mut octets = Vec::new();
                self.read_blob(&upload, 0..upload.octets, &mut octets)?;
                Known::of(part_within(&octets, path, OPAQUE_LEVELS_MAX).map(Blob::decoded))
            }
        })
    }
    fn upload(&self, id: UploadId) -> Result<Option<Blob>> {
        let user = self.guest.as_ref().map_or(self.account, |guest| guest.user.id);
        let upload = upload::upload(&*self.view, self.account, id)?;
        let upload = upload.filter(|upload| upload.by == user);
        Ok(upload.map(|upload| Blob {
            octets: upload.body.octets,
            media_type: Some(upload.media_type),
            source: Source::Body(upload.body),
        }))
    }
    /// Appends octets of a blob; a range past the end is cut.
    pub fn read_blob(&self, blob: &Blob, range: Range<u64>, out: &mut Vec<u8>) -> Result<()> {
        let range = range.start.min(blob.octets)..range.end.min(blob.octets);
        match &blob.source {
            Source::Body(body) => self.read_body(body, range, out),
            Source::Range { body, start } => {
                self.read_body(body, start + range.start..start + range.end, out)
            }
            Source::Decoded(octets) => {
                let at = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
                out.extend_from_slice(octets.get(at(range.start)..at(range.end)).unwrap_or_default());
                Ok(())
            }
        }
    }
    /// The octets of a message, for who may read one of its mailboxes.
    fn body_of(&self, email: EmailId) -> Result<Option<BodyRef>> {
        if !self.may_read_email(email)? {
            return Ok(None);
        }
        Ok(self.email(email)?.map(|email| email.body))
    }
    fn part(&self, email: EmailId, path: &[u32]) -> Result<Known> {
        if !self.may_read_email(email)? {
            return Ok(Known::Nothing);
        }
        let Some(row) = self.email(email)? else { return Ok(Known::Nothing) };
        let Ok(structure) = Structure::decode(row.structure()) else { return Ok(Known::Nothing) };
        let Some(part) = find_part(&structure, path) else {
            return self.part_of_opaque(&row.body, &structure, path).map(Known::of);
        };
        let (start, end) = (u64::from(part.body.start), u64::from(part.body.end));
        let encoding = part.content.transfer_encoding();
        // RFC 2045 §6.4: one that is not known is opaque.
        if encoding.is_identity() || encoding == TransferEncoding::Unknown {
            let source = Source::Range { body: row.body, start };
            return Ok(Known::Blob(Blob { octets: end.saturating_sub(start), media_type: None, source }));
        }
        if let Some(decoder) = Decoder::new(encoding) {
            return Ok(Known::Encoded(Decoding::new(row.body, start..end, decoder)));
        }
        let (mut encoded, mut decoded) = (Vec::new(), Vec::new());
        self.read_body(&row.body, start..end, &mut encoded)?;
        transfer::decode(encoding, &encoded, &mut decoded);
        Ok(Known::Blob(Blob::decoded(decoded)))
    }
    /// A part of a message within a part that was not looked into: it is encoded, or called something else
    /// (RFC 8621 §4.9 parses any blob).
    fn part_of_opaque(&self, body: &BodyRef, structure: &Structure, path: &[u32]) -> Result<Option<Blob>> {
        let Some((part, rest)) = deepest(structure, path) else { return Ok(None) };
        let mut octets = Vec::new();
        self.read_body(body, u64::from(part.body.start)..u64::from(part.body.end), &mut octets)?;
        let alone = Part { body: Range32::new(0, part.body.len()), ..part.clone() };
        Ok(part_within(&alone.octets(&octets), rest, OPAQUE_LEVELS_MAX).map(Blob::decoded))
    }
    /// The owner reads everything, also what is in its grace; a guest what is shown in a mailbox it may read.
    fn may_read_email(&self, email: EmailId) -> Result<bool> {
        if self.guest.is_none() { Ok(true) } else { self.is_shown(email) }
    }
    /// Whether it is in a mailbox that may be read, and not `\\Deleted` there.
    pub(crate) fn is_shown(&self, email: EmailId) -> Result<bool> {
        let first = self.view.get(&key::email(self.account, email))?;
        let first = first.and_then(|row| EmailRecord::first_place(&row));
        let mut places: Vec<[u8; 13]> = Vec::new();
        places.extend(first.map(|first| key::membership(self.account, first.mailbox, first.uid.value())));
        let further = key::below(&key::email_memberships(self.account, email));
        self.view.scan(&further.from, &further.end, &mut |key, _| {
            places.extend(key::membership_of_email(self.account, key));
            ControlFlow::Continue(())
        })?;
        for place in places {
            let Some(row) = self.view.get(&place)? else { continue };
            let row = Membership::decode(&row).filter(|row| row.email == email);
            let shown = row.is_some_and(|row| !row.flags.contains(SystemFlags::DELETED));
            let Some(mailbox) = key::mailbox_of(&place).filter(|_| shown) else { continue };
            let there = self.mailbox_record(mailbox)?.is_some();
            if there && self.rights(mailbox)?.contains(Rights::LOOKUP.union(Rights::READ)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
    /// A blob as a message that can be put into a mailbox (RFC 8621 §4.8), of this account or of another;
    /// nothing when there is no such blob. What has NUL in the body of a part gets it in base64;
    /// `InvalidInput` when NUL is elsewhere.
    pub fn message_of_blob(&self, name: &BlobName, mut stage: Stage) -> Result<Option<Incoming>> {
        let Some(blob) = self.blob(name)? else { return Ok(None) };
        let has_nul = self.fill(&blob, &mut stage)?;
        let message = if has_nul { stage.finish_binary()? } else { stage.finish()? };
        Ok(Some(message))
    }
    /// Answers whether there is NUL in it.
    fn fill(&self, blob: &Blob, stage: &mut Stage) -> Result<bool> {
        let (mut at, mut piece) = (0, Vec::new());
        let mut has_nul = false;
        while at < blob.octets {
            piece.clear();
            let end = blob.octets.min(at.saturating_add(PIECE_OCTETS));
            self.read_blob(blob, at..end, &mut piece)?;
            has_nul |= piece.contains(&0);
            stage.write(&piece)?;
            at = end;
        }
        Ok(has_nul)
    }
}

impl Known {
    fn of(blob: Option<Blob>) -> Self {
        blob.map_or(Self::Nothing, Self::Blob)
    }
}

impl Blob {
    fn decoded(octets: Vec<u8>) -> Self {
        Self { octets: octets.len() as u64, media_type: None, source: Source::Decoded(octets.into()) }
    }
}

/// Parts that are messages within one another which were not looked into when the outermost was parsed: each
/// is parsed as a whole, and every text can be taken for a message again and again.
const OPAQUE_LEVELS_MAX: usize = 5;

/// The part at `path` of the message `raw`, without its transfer encoding.
fn part_within(raw: &[u8], path: &[u32], levels: usize) -> Option<Vec<u8>> {
    let levels_left = levels.checked_sub(1)?;
    let structure = koi_message::parse(raw).facts.structure;
    if let Some(part) = find_part(&structure, path) {
        return Some(part.octets(raw).into_owned());
    }
    let (part, rest) = deepest(&structure, path)?;
    part_within(&part.octets(raw), rest, levels_left)
}

/// The last part that there is on the way to `path`, and the way on from there, which is shorter.
fn deepest<'s, 'p>(structure: &'s Structure, path: &'p [u32]) -> Option<(&'s Part, &'p [u32])> {
    (1..path.len()).rev().find_map(|upto| {
        let (above, rest) = path.split_at_checked(upto)?;
        let part = find_part(structure, above)?;
        (!matches!(part.kind, PartKind::Multipart(_))).then_some((part, rest))
    })
}

/// Octets of a blob that are copied or decoded at a time.
const PIECE_OCTETS: u64 = 256 * 1024;
