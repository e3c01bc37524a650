//! Messages as JMAP shows them: whatever the octets, every form and every value keeps its promises, and what
//! was read can be written and is then read as the same (RFC 8621 §4.1.2, §4.1.4, §4.6, §5).

use koi_message::body::{BodyLists, BodyPart, body_value, has_attachment, part_path};
use koi_message::build::{EmailForm, Given, HeaderSetting, build};
use koi_message::snippet::Terms;
use koi_message::{DateTime, HeaderValue, find_part, form, is_message, mdn, parse};
use koi_types::HeaderForm;

use super::{Target, mime};

/// The messages of the MIME target, and fields in all forms.
#[must_use]
pub fn target() -> Target {
    let mut seeds = mime::target().seeds;
    seeds.push(
        b"To: \"  James Smythe\" <james@example.com>, Friends: jane@example.com,\r\n \
          =?UTF-8?Q?John_Sm=C3=AEth?= \
          <john@example.com>;\r\nList-Post: <mailto:a@b> (x), <http://c/>\r\n\
          References: <a@b> (c) <\"d e\"@f>\r\n\r\n"
            .to_vec(),
    );
    seeds.push(
        b"Content-Type: message/disposition-notification\r\n\r\nFinal-Recipient: rfc822; a@b\r\n\
          Disposition: manual-action/MDN-sent-manually; displayed\r\n"
            .to_vec(),
    );
    Target { name: "header_forms", body, seeds, words: WORDS }
}

const WORDS: &[&[u8]] = &[
    b"To: ",
    b"Subject: ",
    b"Content-Type: text/html; charset=utf-8\r\n",
    b"Content-Type: multipart/alternative; boundary=b\r\n",
    b"Content-Type: multipart/related; boundary=b\r\n",
    b"Content-Disposition: inline\r\n",
    b"Content-ID: <a@b>\r\n",
    b"=?utf-8?q?=C3?=",
    b"=?utf-8?b?w6Q=?=",
    b" =?iso-8859-1*en?Q?=E4?= ",
    b"\"=?utf-8?q?a?=\" <a@b>",
    b"group: a@b;",
    b"<a@[1.2.3.4]>",
    b"\"a b\"@c",
    b"(comment \\) (nested))",
    b"<http://a/>",
    b"<a href=\"x>y\">",
    b"<!-- ",
    b"&amp;",
    b"--b\r\n",
];

/// # Panics
/// When one of the promises above is broken.
pub fn body(raw: &[u8]) {
    let message = parse(raw);
    let structure = &message.facts.structure;
    let header = structure.root.header.of(raw);
    for field in form::raw_headers(header) {
        assert!(!field.name.is_empty() && !field.value.contains('\0'), "a field has a name and no NUL");
        for wanted in HeaderForm::ALL {
            let last = form::last(header, &field.name, wanted);
            assert_eq!(form::all(header, &field.name, wanted).pop(), last, "the last of all is the last");
            if let Some(value) = last {
                check_value(value);
            }
        }
    }
    let tree = BodyPart::of(structure);
    check_lists(&tree);
    tree.visit(&mut |part| check_part(part, raw, structure));
    let _ = (has_attachment(structure), is_message(raw), mdn::parse_mdn(raw), mdn::notification_to(header));
    let preview = Terms::new(["a", "\u{e9}"]).preview(raw, structure);
    assert!(preview.is_none_or(|text| text.len() <= 255 && text.contains("<mark>")), "a preview is short");
}

const GIVEN: Given<'_> = Given {
    message_id: "a@b",
    date: DateTime { unix_s: 0, zone_min: 0 },
    random: [0; 16],
    octets_max: 1 << 26,
};

/// What was read is written, unless it is refused, and read again.
fn check_value(value: HeaderValue) {
    // A byte order mark at the beginning of an encoded word is lost.
    if format!("{value:?}").contains("feff") {
        return;
    }
    let setting = HeaderSetting {
        property: "header:X-Test".to_owned(),
        field: "X-Test".to_owned(),
        form: value.form(),
        values: vec![value],
    };
    let email = EmailForm { headers: vec![setting], ..EmailForm::default() };
    let Ok(octets) = build(&email, &GIVEN, &mut |_| None) else { return };
    let value = &email.headers.first().expect("just put in").values.first().expect("just put in");
    let header = parse(&octets).root().header.of(&octets).to_vec();
    let empty = match value {
        HeaderValue::Addresses(list) => list.is_empty(),
        HeaderValue::GroupedAddresses(list) => list.is_empty(),
        HeaderValue::MessageIds(list) | HeaderValue::Urls(list) => list.is_none(),
        HeaderValue::Date(date) => date.is_none(),
        HeaderValue::Raw(_) | HeaderValue::Text(_) => false,
    };
    let found = form::last(&header, "x-test", value.form()).map(without_tabs);
    let expected = (!empty).then(|| without_tabs((*value).clone()));
    assert_eq!(found, expected, "what was written is read: {}", header.escape_ascii());
}

/// A tab of a text comes back as a blank where the text is encoded.
fn without_tabs(value: HeaderValue) -> HeaderValue {
    match value {
        HeaderValue::Text(text) => HeaderValue::Text(text.replace('\t', " ")),
        value => value,
    }
}

fn check_lists(tree: &BodyPart<'_>) {
    let lists = BodyLists::of(tree);
    tree.visit(&mut |part| {
        let is_in = |list: &[&BodyPart<'_>]| list.iter().any(|other| other.path == part.path);
        let listed = is_in(&lists.text) || is_in(&lists.html) || is_in(&lists.attachments);
        assert_eq!(listed, !part.is_multipart(), "every part but multiparts is in a list");
    });
}

fn check_part(part: &BodyPart<'_>, raw: &[u8], structure: &koi_message::Structure) {
    if let Some(id) = part.part_id() {
        let path = part_path(&id).expect("a part id is one");
        assert_eq!(find_part(structure, &path), Some(part.part), "a part id leads to its part");
    }
    let octets = part.octets(raw).len();
    assert_eq!(part.part.size(raw) as usize, octets, "the size is that of the octets");
    let _ =
        (part.part.charset(), part.part.name(), part.part.cid(), part.part.language(), part.part.location());
    if part.is_multipart() {
        return;
    }
    let whole = body_value(part.part, raw, 0);
    assert!(!whole.is_truncated && !whole.value.contains("\r\n"), "a whole value is whole");
    for octets_max in [1, 7, 100, whole.value.len()] {
        let cut = body_value(part.part, raw, octets_max);
        assert!(octets_max == 0 || cut.value.len() <= octets_max, "a value is cut");
        // A guess at a charset looks at what it is given.
        let same = whole.is_encoding_problem || whole.value.starts_with(&cut.value);
        assert!(same, "what is left is the beginning");
        let longer = octets_max > 0 && whole.value.len() > octets_max;
        assert!(whole.is_encoding_problem || cut.is_truncated == longer, "what is cut is told");
    }
}
