//! ENVELOPE, BODY and BODYSTRUCTURE from what was found out at delivery (RFC 9051 §7.5.2).

use koi_message::{
    Address, AddressView, Content, Disposition, Envelope, EnvelopeView, Param, Part, PartKind,
};
use koi_proto::imap::response::{self as wire, AddressRef, BodyFields, BodyKind, BodyRef, EnvelopeRef};

use super::identity::Identity;

/// Borrows what the record of an envelope holds; nothing is copied.
pub(super) fn envelope(envelope: EnvelopeView<'_>) -> EnvelopeRef<'_, impl Iterator<Item = AddressRef<'_>>> {
    EnvelopeRef {
        date: envelope.date,
        subject: envelope.subject,
        from: envelope.from.map(borrowed),
        sender: envelope.sender.map(borrowed),
        reply_to: envelope.reply_to.map(borrowed),
        to: envelope.to.map(borrowed),
        cc: envelope.cc.map(borrowed),
        bcc: envelope.bcc.map(borrowed),
        in_reply_to: envelope.in_reply_to,
        message_id: envelope.message_id,
    }
}

fn borrowed(address: AddressView<'_>) -> AddressRef<'_> {
    let AddressView { name, route, mailbox, host } = address;
    AddressRef { name, route, mailbox, host }
}

fn address(address: &Address) -> AddressRef<'_> {
    AddressRef {
        name: address.name.as_deref(),
        route: address.route.as_deref(),
        mailbox: address.mailbox.as_deref(),
        host: address.host.as_deref(),
    }
}

pub(super) fn collected(envelope: &Envelope) -> EnvelopeRef<'_> {
    EnvelopeRef {
        date: envelope.date.as_deref(),
        subject: envelope.subject.as_deref(),
        from: envelope.from.iter().map(address).collect(),
        sender: envelope.sender.iter().map(address).collect(),
        reply_to: envelope.reply_to.iter().map(address).collect(),
        to: envelope.to.iter().map(address).collect(),
        cc: envelope.cc.iter().map(address).collect(),
        bcc: envelope.bcc.iter().map(address).collect(),
        in_reply_to: envelope.in_reply_to.as_deref(),
        message_id: envelope.message_id.as_deref(),
    }
}

/// The tree below a part; as deep as the parser of messages lets it be.
pub(super) fn body(part: &Part) -> BodyRef<'_> {
    let content = &part.content;
    BodyRef {
        media_type: &content.media_type,
        media_subtype: &content.subtype,
        parameters: parameters(&content.params),
        disposition: content.disposition.as_ref().map(disposition),
        language: content.language.iter().map(Vec::as_slice).collect(),
        location: content.location.as_deref(),
        kind: kind(part),
    }
}

/// The same of a part whose encoding was taken off.
pub(super) fn decoded<'a>(part: &'a Part, identity: &Identity) -> BodyRef<'a> {
    let mut body = body(part);
    match &mut body.kind {
        BodyKind::Multipart(_) => {}
        BodyKind::Basic(fields) => tell(identity, fields),
        BodyKind::Text { fields, lines } | BodyKind::Message { fields, lines, .. } => {
            tell(identity, fields);
            *lines = identity.lines;
        }
    }
    body
}

fn tell(identity: &Identity, fields: &mut BodyFields<'_>) {
    fields.encoding = identity.encoding();
    fields.octets = identity.octets;
}

fn kind(part: &Part) -> BodyKind<'_> {
    let fields = fields(part);
    let lines = u64::from(part.body_lines);
    match &part.kind {
        PartKind::Multipart(parts) => BodyKind::Multipart(parts.iter().map(body).collect()),
        PartKind::Message(embedded) => BodyKind::Message {
            fields,
            envelope: Box::new(collected(&embedded.envelope)),
            body: Box::new(body(&embedded.part)),
            lines,
        },
        PartKind::Leaf if part.content.is_type(b"text") => BodyKind::Text { fields, lines },
        PartKind::Leaf => BodyKind::Basic(fields),
    }
}

fn fields(part: &Part) -> BodyFields<'_> {
    let content: &Content = &part.content;
    BodyFields {
        id: content.id.as_deref(),
        description: content.description.as_deref(),
        encoding: content.encoding_or_default(),
        octets: u64::from(part.body.len()),
        md5: content.md5.as_deref(),
    }
}

fn parameters(params: &[Param]) -> Vec<wire::Parameter<'_>> {
    params.iter().map(|p| wire::Parameter { name: &p.name, value: &p.value }).collect()
}

fn disposition(disposition: &Disposition) -> wire::Disposition<'_> {
    wire::Disposition { kind: &disposition.kind, parameters: parameters(&disposition.params) }
}
