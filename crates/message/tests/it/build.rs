//! Whatever form a message is made from, reading it gives the form back (RFC 8621 §4.1.2, §4.6).

use koi_message::body::{BodyPart, BodyValue};
use koi_message::build::{BuildError, EmailForm, Given, HeaderSetting, PartForm, build};
use koi_message::{DateTime, EmailAddress, EmailAddressGroup, HeaderValue, body_value, form, parse};
use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

const GIVEN: Given<'_> = Given {
    message_id: "given@example.org",
    date: DateTime { unix_s: 880_127_706, zone_min: -360 },
    random: [7; 16],
    octets_max: 1 << 24,
};

/// Text of one line, made of what is difficult in headers.
fn line() -> impl Strategy<Value = String> {
    let long = "x".repeat(450);
    let pieces: Vec<String> = [
        "a",
        "word",
        "\u{e9}",
        "e\u{301}",
        "\u{1f600}",
        "\u{442}\u{435}\u{43a}\u{441}\u{442}",
        " ",
        "  ",
        "=?",
        "?=",
        "=?utf-8?q?x?=",
        "(",
        ")",
        "\"",
        "\\",
        ",",
        "<",
        ">",
        "@",
        ":",
        ";",
        ".",
        "=",
        "_",
        "?",
        "[",
        "]",
        "'",
        "*",
        "%",
        "a-rather-long-word-of-its-own",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain([long])
    .collect();
    prop::collection::vec(prop::sample::select(pieces), 0..25).prop_map(|pieces| pieces.concat())
}

fn name() -> impl Strategy<Value = Option<String>> {
    prop::option::of(line()).prop_map(|name| {
        name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty() && name.len() <= 1_000)
    })
}

fn address() -> impl Strategy<Value = EmailAddress> {
    let email = prop_oneof![
        3 => "[a-z0-9.+=?_-]{1,20}@[a-z0-9.-]{1,20}",
        1 => "[a-z]{1,5}@\\[[0-9.:]{1,10}\\]",
        1 => "\u{e9}[a-z]{1,5}@\u{e9}[a-z]{1,5}",
        1 => "\"[a-z @,<>]{0,5} [a-z @,<>]{0,5}\"@[a-z.]{1,10}",
        1 => line().prop_filter("no longer", |line| line.len() <= 900),
    ];
    (name(), email).prop_map(|(name, email)| EmailAddress { name, email })
}

fn groups() -> impl Strategy<Value = Vec<EmailAddressGroup>> {
    let list = || prop::collection::vec(address(), 0..4);
    let group = (prop::option::of(line()), list());
    prop::collection::vec(group, 0..4).prop_map(|groups| {
        let mut canonical: Vec<EmailAddressGroup> = Vec::new();
        for (name, addresses) in groups {
            let name = name.map(|name| name.trim().to_owned());
            let follows_none = canonical.last().is_some_and(|last| last.name.is_none());
            if name.is_some() || !(addresses.is_empty() || follows_none) {
                canonical.push(EmailAddressGroup { name, addresses });
            }
        }
        canonical
    })
}

fn header_value() -> impl Strategy<Value = HeaderValue> {
    let id = "[a-z0-9.][a-z0-9.()]{0,20}@[a-z]{1,20}";
    prop_oneof![
        line().prop_filter("one line", |line| line.len() <= 900).prop_map(HeaderValue::Raw),
        line().prop_map(HeaderValue::Text),
        prop::collection::vec(address(), 1..5).prop_map(HeaderValue::Addresses),
        groups().prop_map(HeaderValue::GroupedAddresses),
        prop::collection::vec(id, 1..12).prop_map(|ids| HeaderValue::MessageIds(Some(ids))),
        (0_i64..253_402_000_000, -840_i16..840)
            .prop_map(|(unix_s, zone_min)| HeaderValue::Date(Some(DateTime { unix_s, zone_min }))),
        prop::collection::vec("[!-;=?-~]{1,80}", 1..5).prop_map(|urls| HeaderValue::Urls(Some(urls))),
    ]
}

/// What comes back: text in NFC, addresses that are none as they are, local parts quoted where they must be.
fn read_again(value: &HeaderValue) -> HeaderValue {
    let nfc = |text: &str| text.nfc().collect::<String>();
    let list = |addresses: &[EmailAddress]| {
        let one = |address: &EmailAddress| EmailAddress {
            name: address.name.as_deref().map(nfc),
            email: email_again(&address.email),
        };
        addresses.iter().map(one).collect::<Vec<_>>()
    };
    match value {
        HeaderValue::Text(text) => HeaderValue::Text(nfc(text)),
        HeaderValue::Addresses(addresses) => HeaderValue::Addresses(list(addresses)),
        HeaderValue::GroupedAddresses(groups) => HeaderValue::GroupedAddresses(
            groups
                .iter()
                .map(|group| EmailAddressGroup {
                    name: group.name.as_deref().map(nfc),
                    addresses: list(&group.addresses),
                })
                .collect(),
        ),
        other => other.clone(),
    }
}

fn email_again(email: &str) -> String {
    let special = |c: char| c.is_ascii_whitespace() || "()<>[]:;@\\,\"".contains(c);
    let dotted = |text: &str| !text.is_empty() && !text.contains(special);
    match email.rsplit_once('@') {
        Some((local, host)) if dotted(host) && !local.is_empty() && !dotted(local) => {
            let whole = local.len() > 1 && local.starts_with('"') && local.ends_with('"');
            let inner = whole.then(|| &local[1..local.len() - 1]);
            let is_quoted = inner
                .is_some_and(|inner| !inner.replace("\\\\", "").replace("\\\"", "").contains(['"', '\\']));
            let content = if is_quoted {
                inner.unwrap_or_default().replace("\\\"", "\"").replace("\\\\", "\\")
            } else {
                local.to_owned()
            };
            if !content.contains(special) {
                return format!("{content}@{host}");
            }
            let escaped = content.replace('\\', "\\\\").replace('"', "\\\"");
            format!("\"{escaped}\"@{host}")
        }
        _ => email.to_owned(),
    }
}

fn setting(value: HeaderValue) -> HeaderSetting {
    let form = value.form();
    HeaderSetting {
        property: format!("header:X-Test:as{}", form.name()),
        field: "X-Test".into(),
        form,
        values: vec![value],
    }
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn built(form: &EmailForm) -> Vec<u8> {
    match build(form, &GIVEN, &mut |_| None) {
        Ok(octets) => octets,
        Err(error) => panic!("{error:?}"),
    }
}

proptest! {
    #![proptest_config(config(1_500))]

    // spec: RFC 8621 §4.6; RFC 8621 §4.1.2.2; RFC 8621 §4.1.2.3; RFC 8621 §4.1.2.4; RFC 2047 §5
    #[test]
    fn fields_come_back(value in header_value()) {
        let octets = built(&EmailForm { headers: vec![setting(value.clone())], ..EmailForm::default() });
        let header = parse(&octets).root().header.of(&octets);
        let found = form::last(header, "x-test", value.form());
        let expected = match read_again(&value) {
            HeaderValue::GroupedAddresses(groups) if groups.is_empty() => None,
            other => Some(other),
        };
        prop_assert_eq!(found, expected, "{}", header.escape_ascii());
        let folded = !matches!(value, HeaderValue::Raw(_));
        for line in header.split(|&octet| octet == b'\n') {
            prop_assert!(line.len() <= 999);
            let encoded = memchr::memmem::find(line, b"=?utf-8?").is_some() && folded;
            prop_assert!(!encoded || line.len() <= 77 || !line.starts_with(b" =?utf-8"));
            prop_assert!(!line.starts_with(b" ") || !line.trim_ascii().is_empty(), "white space alone");
        }
        prop_assert_eq!(header.split(|&octet| octet == b'\n').filter(|line| line.is_empty() || *line == b"\r").count(), 2);
    }
}

/// A part with all its properties; blobs hold what follows their number.
#[derive(Clone, Debug)]
enum Made {
    Value {
        subtype: &'static str,
        text: String,
    },
    Blob {
        media_type: &'static str,
        octets: Vec<u8>,
        name: Option<String>,
        disposition: Option<&'static str>,
        cid: Option<String>,
    },
    Multipart {
        subtype: &'static str,
        parts: Vec<Made>,
    },
}

fn body_text() -> impl Strategy<Value = String> {
    let long = "y".repeat(300);
    let pieces: Vec<String> = [
        "a",
        "word ",
        "\n",
        "\n\n",
        " ",
        "\t",
        "\u{e9}",
        "\u{442}\u{435}",
        ".",
        "From ",
        "=",
        "--",
        "=_07",
        "\u{1f600}",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain([long])
    .collect();
    prop::collection::vec(prop::sample::select(pieces), 0..40).prop_map(|pieces| pieces.concat())
}

fn part() -> impl Strategy<Value = Made> {
    let octets = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        body_text().prop_map(String::into_bytes),
        body_text().prop_map(|text| text.replace('\n', "\r\n").into_bytes()),
        Just(
            b"Subject: inner\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n"
                .to_vec()
        ),
    ];
    let types = vec![
        "text/plain",
        "text/csv",
        "application/octet-stream",
        "image/png",
        "message/rfc822",
        "message/delivery-status",
    ];
    let dispositions = prop::option::of(prop::sample::select(vec!["inline", "attachment"]));
    let leaf = prop_oneof![
        (prop::sample::select(vec!["plain", "html"]), body_text())
            .prop_map(|(subtype, text)| Made::Value { subtype, text }),
        (
            prop::sample::select(types),
            octets,
            name(),
            dispositions,
            prop::option::of("[a-z.]{1,30}@[a-z]{1,30}")
        )
            .prop_map(|(media_type, octets, name, disposition, cid)| Made::Blob {
                media_type,
                octets,
                name,
                disposition,
                cid
            }),
    ];
    leaf.prop_recursive(4, 20, 5, |below| {
        (
            prop::sample::select(vec!["mixed", "alternative", "related", "digest"]),
            prop::collection::vec(below, 1..5),
        )
            .prop_map(|(subtype, parts)| Made::Multipart { subtype, parts })
    })
}

struct Forms {
    values: std::collections::BTreeMap<String, BodyValue>,
    blobs: Vec<Vec<u8>>,
}

impl Forms {
    fn form(&mut self, made: &Made) -> PartForm {
        match made {
            Made::Value { subtype, text } => {
                let id = self.values.len().to_string();
                let value = BodyValue { value: text.clone(), ..BodyValue::default() };
                self.values.insert(id.clone(), value);
                PartForm {
                    part_id: Some(id),
                    media_type: Some(format!("text/{subtype}")),
                    ..PartForm::default()
                }
            }
            Made::Blob { media_type, octets, name, disposition, cid } => {
                self.blobs.push(octets.clone());
                PartForm {
                    blob_id: Some((self.blobs.len() - 1).to_string()),
                    media_type: Some((*media_type).to_owned()),
                    name: name.clone(),
                    disposition: disposition.map(str::to_owned),
                    cid: cid.clone(),
                    ..PartForm::default()
                }
            }
            Made::Multipart { subtype, parts } => PartForm {
                media_type: Some(format!("multipart/{subtype}")),
                sub_parts: Some(parts.iter().map(|part| self.form(part)).collect()),
                ..PartForm::default()
            },
        }
    }
}

fn check(made: &Made, part: &BodyPart<'_>, raw: &[u8]) {
    let shown = raw.escape_ascii();
    match made {
        Made::Value { subtype, text } => {
            assert_eq!(part.part.full_type(), format!("text/{subtype}"));
            let found = body_value(part.part, raw, 0);
            assert_eq!((&found.value, found.is_encoding_problem), (text, false), "{shown}");
        }
        Made::Blob { media_type, octets, name, disposition, cid } => {
            assert_eq!(part.part.full_type(), *media_type);
            assert_eq!(part.octets(raw).as_ref(), octets, "{shown}");
            assert_eq!(part.part.size(raw) as usize, octets.len(), "{shown}");
            assert_eq!(&part.part.name(), name, "{shown}");
            assert_eq!(part.part.disposition().as_deref(), *disposition);
            assert_eq!(&part.part.cid(), cid);
        }
        Made::Multipart { subtype, parts } => {
            assert_eq!(part.part.full_type(), format!("multipart/{subtype}"));
            assert_eq!(part.sub_parts.len(), parts.len(), "{shown}");
            parts.iter().zip(&part.sub_parts).for_each(|(made, part)| check(made, part, raw));
        }
    }
}

proptest! {
    #![proptest_config(config(300))]

    // spec: RFC 8621 §4.6; RFC 8621 §4.1.4; RFC 2045 §6.7; RFC 2045 §6.8; RFC 2046 §5.1.1; RFC 2231 §4
    #[test]
    fn bodies_come_back(made in part()) {
        let mut forms = Forms { values: std::collections::BTreeMap::new(), blobs: Vec::new() };
        let root = forms.form(&made);
        let mut form = EmailForm { body_structure: Some(root), ..EmailForm::default() };
        form.body_values = forms.values;
        let blobs = forms.blobs;
        let raw = build(&form, &GIVEN, &mut |id| blobs.get(id.parse::<usize>().ok()?).cloned());
        let raw = match raw {
            Ok(raw) => raw,
            Err(BuildError::TooLarge) => return Err(TestCaseError::reject("boundary")),
            Err(error) => return Err(TestCaseError::fail(format!("{error:?}"))),
        };
        let structure = parse(&raw).facts.structure;
        check(&made, &BodyPart::of(&structure), &raw);
    }
}
