//! All that a golden holds of a message, as JSON. Octets are shown as the Unicode characters of the same
//! numbers.

use koi_message::{Part, PartKind, Section, Structure, parse, section_octets};
use serde_json::{Map, Value, json};

use crate::{imap, jmap};

/// Octets of a section that a golden shows in full.
const SHOWN_OCTETS_MAX: usize = 100;

pub(crate) fn message(raw: &[u8]) -> Value {
    let facts = parse(raw).facts;
    let mut sections = Map::new();
    let mut put = |name: String, path: &[u32], section: Section<'_>| {
        let octets = section_octets(raw, &facts.structure, path, &section);
        sections.insert(name, octets.map_or(Value::Null, |octets| shown(&octets)));
    };
    put(String::new(), &[], Section::Full);
    put("HEADER".into(), &[], Section::Header);
    put("TEXT".into(), &[], Section::Text);
    let names: [&[u8]; 2] = [b"subject", b"to"];
    put("HEADER.FIELDS (subject to)".into(), &[], Section::HeaderFields(&names));
    put("HEADER.FIELDS.NOT (subject to)".into(), &[], Section::HeaderFieldsNot(&names));
    for path in paths(&facts.structure) {
        let name = path.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
        put(format!("{name}.MIME"), &path, Section::Mime);
        put(format!("{name}.HEADER"), &path, Section::Header);
        put(format!("{name}.TEXT"), &path, Section::Text);
        put(name, &path, Section::Full);
    }
    sections.retain(|_, octets| !octets.is_null());
    json!({
        "envelope": latin1(&imap::envelope(&facts.envelope)),
        "bodystructure": latin1(&imap::bodystructure(&facts.structure.root)),
        "sent": facts.sent_at.map(|date| format!("{} {:+}", date.unix_s, date.zone_min)),
        "base_subject": facts.base_subject.text,
        "is_reply_or_forward": facts.base_subject.is_reply_or_forward,
        "message_id": facts.thread_ids.message_id.as_deref().map(latin1),
        "ancestors": facts.thread_ids.ancestors().iter().map(|id| latin1(id)).collect::<Vec<_>>(),
        "sections": sections,
        "jmap": jmap::message(raw),
    })
}

/// The paths of all parts.
fn paths(structure: &Structure) -> Vec<Vec<u32>> {
    let mut all = Vec::new();
    message_paths(&structure.root, &[], &mut all);
    all
}

/// RFC 9051 §6.4.5.1: the parts of a message, of which there is at least one.
fn message_paths(part: &Part, above: &[u32], all: &mut Vec<Vec<u32>>) {
    if let PartKind::Multipart(parts) = &part.kind {
        for (at, child) in parts.iter().enumerate() {
            part_paths(child, [above, &[at as u32 + 1]].concat(), all);
        }
        return;
    }
    part_paths(part, [above, &[1]].concat(), all);
}

fn part_paths(part: &Part, path: Vec<u32>, all: &mut Vec<Vec<u32>>) {
    all.push(path.clone());
    match &part.kind {
        PartKind::Leaf => {}
        PartKind::Multipart(_) => message_paths(part, &path, all),
        PartKind::Message(embedded) => message_paths(&embedded.part, &path, all),
    }
}

/// The octets themselves, or of many their number and their FNV-1a hash.
pub(crate) fn shown(octets: &[u8]) -> Value {
    if octets.len() <= SHOWN_OCTETS_MAX {
        return Value::String(latin1(octets));
    }
    let hash = octets.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x100_0000_01b3)
    });
    json!({ "octets": octets.len(), "fnv1a": format!("{hash:016x}") })
}

pub(crate) fn latin1(octets: &[u8]) -> String {
    octets.iter().map(|&octet| char::from(octet)).collect()
}
