//! What a golden holds of the JMAP view of a message (RFC 8621 §4.1.2, §4.1.4), short enough to be judged by
//! eye.

use koi_message::{BodyLists, BodyPart, EmailAddress, HeaderValue, body_value, form, has_attachment, parse};
use koi_types::HeaderForm;
use serde_json::{Map, Value, json};

use crate::show::shown;

/// Octets of a value, as `maxBodyValueBytes`.
const VALUE_OCTETS_MAX: usize = 2_000;

pub(crate) fn message(raw: &[u8]) -> Value {
    let structure = parse(raw).facts.structure;
    let tree = BodyPart::of(&structure);
    let lists = BodyLists::of(&tree);
    let header = structure.root.header.of(raw);
    let mut values = Map::new();
    tree.visit(&mut |part| {
        if let Some(id) = part.part_id().filter(|_| part.part.content.is_type(b"text")) {
            values.insert(id, value(part, raw));
        }
    });
    json!({
        "subject": last(header, "subject", HeaderForm::Text),
        "from": last(header, "from", HeaderForm::Addresses),
        "to": last(header, "to", HeaderForm::GroupedAddresses),
        "references": last(header, "references", HeaderForm::MessageIds),
        "sentAt": last(header, "date", HeaderForm::Date),
        "bodyStructure": structure_line(&tree, raw),
        "textBody": ids(&lists.text),
        "htmlBody": ids(&lists.html),
        "attachments": ids(&lists.attachments),
        "hasAttachment": has_attachment(&structure),
        "bodyValues": values,
    })
}

fn last(header: &[u8], name: &str, form: HeaderForm) -> Value {
    match form::last(header, name, form) {
        Some(HeaderValue::Text(text) | HeaderValue::Raw(text)) => Value::String(text),
        Some(HeaderValue::Addresses(list)) => addresses(&list),
        Some(HeaderValue::GroupedAddresses(groups)) => groups
            .iter()
            .map(|group| json!({ "name": group.name, "addresses": addresses(&group.addresses) }))
            .collect(),
        Some(HeaderValue::MessageIds(Some(list)) | HeaderValue::Urls(Some(list))) => json!(list),
        Some(HeaderValue::Date(Some(date))) => json!(date.to_rfc3339()),
        _ => Value::Null,
    }
}

fn addresses(list: &[EmailAddress]) -> Value {
    let one = |address: &EmailAddress| match &address.name {
        Some(name) => format!("{name} <{}>", address.email),
        None => address.email.clone(),
    };
    list.iter().map(one).collect()
}

fn ids(parts: &[&BodyPart<'_>]) -> String {
    let ids = parts.iter().filter_map(|part| part.part_id());
    ids.collect::<Vec<_>>().join(" ")
}

/// `id type size`, then what else there is, and sub-parts in brackets.
fn structure_line(part: &BodyPart<'_>, raw: &[u8]) -> String {
    let found = part.part;
    let mut words =
        vec![part.part_id().unwrap_or_else(|| "-".into()), found.full_type(), found.size(raw).to_string()];
    let mut say = |what: &str, value: Option<String>| {
        words.extend(value.map(|value| format!("{what}={value:?}")));
    };
    say("charset", found.charset());
    say("disposition", found.disposition());
    say("name", found.name());
    say("cid", found.cid());
    say("language", found.language().map(|tags| tags.join(",")));
    say("location", found.location());
    let line = words.join(" ");
    if !part.is_multipart() {
        return line;
    }
    let below: Vec<_> = part.sub_parts.iter().map(|child| structure_line(child, raw)).collect();
    format!("{line} [{}]", below.join("; "))
}

fn value(part: &BodyPart<'_>, raw: &[u8]) -> Value {
    let found = body_value(part.part, raw, VALUE_OCTETS_MAX);
    let text = if found.value.len() <= 100 { json!(found.value) } else { shown(found.value.as_bytes()) };
    if !found.is_encoding_problem && !found.is_truncated {
        return text;
    }
    json!({ "value": text, "isEncodingProblem": found.is_encoding_problem, "isTruncated": found.is_truncated })
}
