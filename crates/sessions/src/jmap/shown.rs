//! Emails as they are shown (RFC 8621 §4.1, RFC 8621 §4.2), with as little read for them as the properties
//! that were asked for need.
//!
//! The table of emails knows where an email is, its keywords, size and when it was received. What was found
//! out at delivery has its structure, and of most messages the header fields that lists show. The rest
//! stands in its octets: of a small message all of them are read at once, of a large one the pieces that are
//! needed. Must not: know methods; change anything.

mod fields;
mod octets;
mod parts;
mod sizes;

use koi_mailbox::emails::EmailView;
use koi_message::{BodyPart as Part, EnvelopeView, PreviewPart, Structure, has_attachment};
use koi_proto::jmap::object::email::body::{BodyProperty, PartProperty};
use koi_proto::jmap::object::email::fetch::BodyFetch;
use koi_proto::jmap::object::email::header::HeaderProperty;
use koi_proto::jmap::object::email::{Email, EmailProperty};
use koi_proto::jmap::{EmailKeyword, Slot, UtcDate};
use koi_types::{BlobName, ErrorKind, MailError, Result, SystemFlags};

pub(super) use octets::Octets;
pub(super) use sizes::{Effort, Sizes};

use parts::Parts;

/// The properties that were asked for, and what must be known for them.
pub(super) struct Shown {
    properties: Vec<EmailProperty>,
    /// Those that stand for header fields, in order.
    fields: Vec<HeaderProperty>,
    pub(super) body: BodyFetch,
    /// The same of parts.
    part_fields: Vec<HeaderProperty>,
    needs: Needs,
}

/// What must be looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Needs {
    /// All fields of the header.
    headers: bool,
    structure: bool,
    has_attachment: bool,
    preview: bool,
    /// Any list of parts, or the tree.
    parts: bool,
    /// How large parts are, without their transfer encodings.
    sizes: bool,
    /// Fields of parts.
    part_headers: bool,
    values: bool,
}

/// A message of which more is shown than the table knows.
pub(super) struct Message<'m> {
    /// Parts of it are blobs by this name.
    pub(super) blob: &'m BlobName,
    pub(super) facts: Facts<'m>,
    pub(super) octets: Octets<'m>,
}

/// What was found out about a message.
pub(super) enum Facts<'m> {
    /// At delivery: records, read when they are needed.
    Stored { envelope: &'m [u8], structure: &'m [u8] },
    /// Just now.
    Parsed(Box<Structure>),
}

impl Facts<'_> {
    /// Reads the record of the structure.
    fn parse(&mut self) -> Result<()> {
        if let Self::Stored { structure, .. } = self {
            let damaged = |error| {
                MailError::new(ErrorKind::Corrupt, "what is stored of a message is damaged").context(error)
            };
            *self = Self::Parsed(Box::new(Structure::decode(structure).map_err(damaged)?));
        }
        Ok(())
    }
    fn structure(&self) -> Option<&Structure> {
        match self {
            Self::Parsed(structure) => Some(structure),
            Self::Stored { .. } => None,
        }
    }
}

impl Shown {
    pub(super) fn new(properties: Vec<EmailProperty>, body: BodyFetch) -> Self {
        let fields: Vec<_> = properties.iter().filter_map(EmailProperty::as_header).collect();
        let part_field = |property: &BodyProperty| match property {
            BodyProperty::Header(header) => Some(header.clone()),
            BodyProperty::Part(_) => None,
        };
        let part_fields: Vec<_> = body.properties.iter().filter_map(part_field).collect();
        let needs = Needs::of(&properties, &body, !part_fields.is_empty());
        Self { properties, fields, body, part_fields, needs }
    }
    /// Whether more must be known than what the table knows.
    pub(super) fn needs_message(&self) -> bool {
        self.needs != Needs::default() || !self.fields.is_empty()
    }
    /// What the table knows.
    pub(super) fn of_table(&self, view: &EmailView) -> Email {
        let mut email = Email { id: Some(view.id.into()), ..Email::default() };
        for property in &self.properties {
            match property {
                EmailProperty::BlobId => email.blob_id = Some(BlobName::Message(view.id).into()),
                EmailProperty::ThreadId => email.thread_id = Some(view.thread.into()),
                EmailProperty::MailboxIds => {
                    email.mailbox_ids = Some(view.mailboxes.iter().copied().map(Into::into).collect());
                }
                EmailProperty::Keywords => email.keywords = Some(keywords(view)),
                EmailProperty::Size => email.size = u64::from(view.octets),
                EmailProperty::ReceivedAt => email.received_at = Some(UtcDate(view.received_at)),
                _ => {}
            }
        }
        email
    }
    /// Puts in the rest. Answers whether it is all there: when not, the sizes of parts are still being found
    /// out, and the next step goes on with `sizes`.
    pub(super) fn fill(
        &self,
        email: &mut Email,
        message: &mut Message<'_>,
        sizes: &mut Sizes,
        effort: &mut Effort,
    ) -> Result<bool> {
        // Before its structure: from then on the record of the envelope is not asked any more.
        let fields_are_there = self.put_kept_fields(email, &message.facts);
        if self.needs.structure || !fields_are_there {
            message.facts.parse()?;
        }
        if let Some(most) = self.needs.octets_to_hold() {
            message.octets.hold(most, effort)?;
        }
        let Some(structure) = message.facts.structure() else { return Ok(true) };
        if !fields_are_there {
            self.put_fields(email, &message.octets.of(structure.root.header)?);
        }
        email.has_attachment = self.needs.has_attachment && has_attachment(structure);
        if self.needs.preview {
            email.preview = preview(structure, &message.octets)?;
        }
        if !self.needs.parts {
            return Ok(true);
        }
        let tree = Part::of(structure);
        if self.needs.sizes && !sizes.measure(&tree, &message.octets, effort)? {
            return Ok(false);
        }
        let (properties, fields) = (&self.body.properties, &self.part_fields);
        let parts = Parts::new(message.blob, &message.octets, sizes, properties, fields);
        self.put_parts(email, &parts, &tree)?;
        Ok(true)
    }
    pub(super) fn write(&self, email: &Email, slot: Slot<'_>) {
        email.write(&self.properties, &self.body.properties, slot);
    }
    /// Header fields that what was kept at delivery tells of; answers whether these are all.
    fn put_kept_fields(&self, email: &mut Email, facts: &Facts<'_>) -> bool {
        if self.needs.headers {
            return false;
        }
        let Facts::Stored { envelope, .. } = facts else { return self.fields.is_empty() };
        let view = EnvelopeView::of(envelope).ok().filter(|_| !self.fields.is_empty());
        let kept = view.map_or_else(
            || self.fields.is_empty().then(Vec::new),
            |view| fields::of_envelope(&self.fields, &view),
        );
        kept.map(|kept| email.fields = kept).is_some()
    }
    fn put_fields(&self, email: &mut Email, header: &[u8]) {
        email.fields = fields::of_header(&self.fields, header);
        if self.needs.headers {
            email.headers = fields::raw(header);
        }
    }
    fn put_parts(&self, email: &mut Email, parts: &Parts<'_>, tree: &Part<'_>) -> Result<()> {
        let lists = koi_message::BodyLists::of(tree);
        for property in &self.properties {
            match property {
                EmailProperty::BodyStructure => email.body_structure = Some(parts.tree(tree)?),
                EmailProperty::TextBody => email.text_body = parts.list(&lists.text)?,
                EmailProperty::HtmlBody => email.html_body = parts.list(&lists.html)?,
                EmailProperty::Attachments => email.attachments = parts.list(&lists.attachments)?,
                EmailProperty::BodyValues => email.body_values = parts.values(&self.body, tree, &lists)?,
                _ => {}
            }
        }
        Ok(())
    }
}

impl Needs {
    /// Where more of a message is needed than its header: so long a one is read at once.
    const fn octets_to_hold(self) -> Option<u64> {
        if self.sizes || self.part_headers || self.values {
            return Some(256 * 1024);
        }
        // Of the text not much is looked at.
        if self.preview { Some(32 * 1024) } else { None }
    }
    fn of(properties: &[EmailProperty], body: &BodyFetch, part_fields: bool) -> Self {
        let has = |wanted: &[EmailProperty]| properties.iter().any(|property| wanted.contains(property));
        let of_part = |part| body.properties.contains(&BodyProperty::Part(part));
        let lists = has(&[
            EmailProperty::BodyStructure,
            EmailProperty::TextBody,
            EmailProperty::HtmlBody,
            EmailProperty::Attachments,
        ]);
        let fetched = body.text_values || body.html_values || body.all_values;
        let values = fetched && has(&[EmailProperty::BodyValues]);
        let (has_attachment, preview) =
            (has(&[EmailProperty::HasAttachment]), has(&[EmailProperty::Preview]));
        let parts = lists || values;
        Self {
            headers: has(&[EmailProperty::Headers]),
            structure: parts || has_attachment || preview,
            has_attachment,
            preview,
            parts,
            sizes: lists && of_part(PartProperty::Size),
            part_headers: lists && (part_fields || of_part(PartProperty::Headers)),
            values,
        }
    }
}

/// RFC 8621 §4.1.1: the system flags under their names, and keywords; those that have such a name in IMAP
/// are not what it says.
fn keywords(view: &EmailView) -> Vec<EmailKeyword> {
    let flag = |keyword: &EmailKeyword| {
        keyword.system_flag().is_some_and(|flag: SystemFlags| view.flags.contains(flag))
    };
    let flags = EmailKeyword::SYSTEM.into_iter().filter(flag);
    let others = view.keywords.iter().filter_map(|keyword| EmailKeyword::parse(keyword.as_str()));
    flags.chain(others.filter(|keyword| keyword.system_flag().is_none())).collect()
}

/// RFC 8621 §4.1.4: as IMAP's PREVIEW (RFC 8970 §3).
fn preview(structure: &Structure, octets: &Octets<'_>) -> Result<Box<str>> {
    let Some(part) = PreviewPart::of(structure) else { return Ok(Box::default()) };
    let mut text = String::new();
    for range in [part.octets(false), part.octets(true)].into_iter().flatten() {
        text = part.text(&octets.of(range)?);
        if !text.is_empty() {
            break;
        }
    }
    Ok(text.into())
}
