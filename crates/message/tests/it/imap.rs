//! A tiny renderer of ENVELOPE and BODYSTRUCTURE (RFC 9051 §9), so that goldens are in the words of IMAP.
//! The server has its own encoder; this one only has to be right.

use koi_message::{Address, Content, Disposition, Envelope, Param, Part, PartKind};

pub(crate) fn envelope(envelope: &Envelope) -> Vec<u8> {
    let mut out = b"(".to_vec();
    nstring(envelope.date.as_deref(), &mut out);
    out.push(b' ');
    nstring(envelope.subject.as_deref(), &mut out);
    let lists =
        [&envelope.from, &envelope.sender, &envelope.reply_to, &envelope.to, &envelope.cc, &envelope.bcc];
    for list in lists {
        out.push(b' ');
        addresses(list, &mut out);
    }
    out.push(b' ');
    nstring(envelope.in_reply_to.as_deref(), &mut out);
    out.push(b' ');
    nstring(envelope.message_id.as_deref(), &mut out);
    out.push(b')');
    out
}

fn addresses(list: &[Address], out: &mut Vec<u8>) {
    if list.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    out.push(b'(');
    for address in list {
        out.push(b'(');
        let strings = [&address.name, &address.route, &address.mailbox, &address.host];
        for (at, string) in strings.into_iter().enumerate() {
            if at > 0 {
                out.push(b' ');
            }
            nstring(string.as_deref(), out);
        }
        out.push(b')');
    }
    out.push(b')');
}

pub(crate) fn bodystructure(part: &Part) -> Vec<u8> {
    let mut out = Vec::new();
    body(part, &mut out);
    out
}

fn body(part: &Part, out: &mut Vec<u8>) {
    let content = &part.content;
    out.push(b'(');
    if let PartKind::Multipart(parts) = &part.kind {
        for child in parts {
            body(child, out);
        }
        out.push(b' ');
        string(&content.subtype, out);
        out.push(b' ');
        params(&content.params, out);
    } else {
        leaf_fields(part, out);
        out.push(b' ');
        nstring(content.md5.as_deref(), out);
    }
    out.push(b' ');
    extension(content, out);
    out.push(b')');
}

fn leaf_fields(part: &Part, out: &mut Vec<u8>) {
    let content = &part.content;
    string(&content.media_type, out);
    out.push(b' ');
    string(&content.subtype, out);
    out.push(b' ');
    params(&content.params, out);
    out.push(b' ');
    nstring(content.id.as_deref(), out);
    out.push(b' ');
    nstring(content.description.as_deref(), out);
    out.push(b' ');
    string(content.encoding_or_default(), out);
    out.extend_from_slice(format!(" {}", part.body.len()).as_bytes());
    if let PartKind::Message(embedded) = &part.kind {
        out.push(b' ');
        out.extend_from_slice(&envelope(&embedded.envelope));
        out.push(b' ');
        body(&embedded.part, out);
    }
    if content.is_type(b"text") || matches!(part.kind, PartKind::Message(_)) {
        out.extend_from_slice(format!(" {}", part.body_lines).as_bytes());
    }
}

fn extension(content: &Content, out: &mut Vec<u8>) {
    match &content.disposition {
        None => out.extend_from_slice(b"NIL"),
        Some(Disposition { kind, params: list }) => {
            out.push(b'(');
            string(kind, out);
            out.push(b' ');
            params(list, out);
            out.push(b')');
        }
    }
    out.push(b' ');
    match content.language.as_slice() {
        [] => out.extend_from_slice(b"NIL"),
        tags => {
            out.push(b'(');
            for (at, tag) in tags.iter().enumerate() {
                if at > 0 {
                    out.push(b' ');
                }
                string(tag, out);
            }
            out.push(b')');
        }
    }
    out.push(b' ');
    nstring(content.location.as_deref(), out);
}

fn params(list: &[Param], out: &mut Vec<u8>) {
    if list.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    out.push(b'(');
    for (at, param) in list.iter().enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        string(&param.name, out);
        out.push(b' ');
        string(&param.value, out);
    }
    out.push(b')');
}

fn nstring(octets: Option<&[u8]>, out: &mut Vec<u8>) {
    match octets {
        None => out.extend_from_slice(b"NIL"),
        Some(octets) => string(octets, out),
    }
}

fn string(octets: &[u8], out: &mut Vec<u8>) {
    if octets.iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0 | 0x80..)) {
        out.extend_from_slice(format!("{{{}}}\r\n", octets.len()).as_bytes());
        out.extend_from_slice(octets);
        return;
    }
    out.push(b'"');
    for &octet in octets {
        if matches!(octet, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(octet);
    }
    out.push(b'"');
}
