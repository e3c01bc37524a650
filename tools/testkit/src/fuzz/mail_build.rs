//! Messages that are made: whatever text, names and blobs are given, what comes out has the parts that were
//! asked for, and they hold what was given (RFC 8621 §4.6).

use koi_message::body::{BodyPart, BodyValue, body_value};
use koi_message::build::{BuildError, EmailForm, Given, HeaderSetting, PartForm, build};
use koi_message::{DateTime, EmailAddress, HeaderValue, form, parse};
use koi_types::HeaderForm;

use super::{Target, mime};

/// Anything is text, a name or a blob.
#[must_use]
pub fn target() -> Target {
    let mut seeds = mime::target().seeds;
    seeds.push("Gr\u{fc}\u{df}e\n\u{442}\u{435}\u{43a}\u{441}\u{442} \n.\nFrom x\n".as_bytes().to_vec());
    Target { name: "mail_build", body, seeds, words: WORDS }
}

const WORDS: &[&[u8]] = &[
    b"--=_00000000000000000000000000000000_1",
    b"\r\n",
    b"\n",
    b"\r",
    b"=?utf-8?q?a?=",
    b" \t",
    b"\"",
    b"\\",
    b"multipart/mixed; boundary=b",
    b"\xc3\xa4",
    b"\xff",
    b"=",
    b".",
    b"From ",
];

const GIVEN: Given<'_> = Given {
    message_id: "a@b",
    date: DateTime { unix_s: 0, zone_min: 0 },
    random: [0; 16],
    octets_max: 1 << 26,
};

/// # Panics
/// When one of the promises above is broken.
pub fn body(raw: &[u8]) {
    let text = String::from_utf8_lossy(raw);
    let value = text.replace("\r\n", "\n").replace('\r', "");
    // A byte order mark at the beginning of a text is lost.
    let value = value.trim_start_matches('\u{feff}').to_owned();
    let name: String = text.chars().filter(|c| !c.is_control() && *c != '\u{feff}').take(200).collect();
    let mut email = EmailForm { body_structure: Some(structure(&name)), ..EmailForm::default() };
    email.body_values.insert("t".to_owned(), BodyValue { value: value.clone(), ..BodyValue::default() });
    email.headers = headers(&name, &text);
    let built = build(&email, &GIVEN, &mut |_| Some(raw.to_vec()));
    // Values that no field can hold are refused; they are another target's matter.
    let built = match built {
        Err(BuildError::Refused(_)) => {
            email.headers.clear();
            build(&email, &GIVEN, &mut |_| Some(raw.to_vec()))
        }
        built => built,
    };
    let octets = match built {
        Ok(octets) => octets,
        // Only contents that hold all boundaries that are tried.
        Err(BuildError::TooLarge) => {
            return assert!(text.contains("=_0000"), "a small message is not too large");
        }
        Err(error) => panic!("names and texts are never refused: {error:?}"),
    };
    let message = parse(&octets);
    let tree = BodyPart::of(&message.facts.structure);
    let [shown, message_part, data] = tree.sub_parts.as_slice() else { panic!("three parts, not {tree:?}") };
    assert_eq!(body_value(shown.part, &octets, 0).value, value, "the text is the text");
    assert_eq!(message_part.octets(&octets), raw, "a message is a message");
    assert_eq!(data.octets(&octets), raw, "a blob is a blob");
    let expected = (!name.is_empty()).then_some(name);
    assert_eq!(data.part.name(), expected, "a name is a name");
    let header = message.root().header.of(&octets);
    let ids = form::all(header, "Message-ID", HeaderForm::MessageIds);
    assert_eq!(ids.len(), 1, "no field comes from within a value: {}", header.escape_ascii());
}

fn structure(name: &str) -> PartForm {
    let part = |media_type: &str| PartForm { media_type: Some(media_type.to_owned()), ..PartForm::default() };
    let blob = |media_type: &str| PartForm { blob_id: Some("b".to_owned()), ..part(media_type) };
    let named = PartForm {
        name: Some(name.to_owned()),
        disposition: Some("attachment".to_owned()),
        ..blob("text/plain")
    };
    let parts =
        vec![PartForm { part_id: Some("t".to_owned()), ..part("text/plain") }, blob("message/rfc822"), named];
    PartForm { sub_parts: Some(parts), ..part("multipart/mixed") }
}

fn headers(name: &str, text: &str) -> Vec<HeaderSetting> {
    let address = EmailAddress { name: Some(name.to_owned()), email: text.chars().take(100).collect() };
    let values = [
        ("X-Raw", HeaderValue::Raw(text.to_owned())),
        ("Subject", HeaderValue::Text(name.to_owned())),
        ("To", HeaderValue::Addresses(vec![address])),
    ];
    let setting = |(field, value): (&str, HeaderValue)| HeaderSetting {
        property: field.to_owned(),
        field: field.to_owned(),
        form: value.form(),
        values: vec![value],
    };
    values.map(setting).into()
}
