//! Messages that are made, octet for octet.

mod refused;

use koi_types::HeaderForm;

use super::{BuildError, EmailForm, Given, HeaderSetting, PartForm, Refusal, Rule, build};
use crate::body::{BodyLists, BodyPart, BodyValue, body_value};
use crate::date::DateTime;
use crate::form::{EmailAddress, HeaderValue};
use crate::parse;
use refused::only;

const GIVEN: Given<'_> = Given {
    message_id: "given@example.org",
    date: DateTime { unix_s: 880_127_706, zone_min: -360 },
    random: [0xab; 16],
    octets_max: 1 << 20,
};

fn setting(property: &str, form: HeaderForm, value: HeaderValue) -> HeaderSetting {
    let field = property.split(':').nth(1).unwrap_or(property).to_owned();
    HeaderSetting { property: property.to_owned(), field, form, values: vec![value] }
}

fn subject(text: &str) -> HeaderSetting {
    setting("subject", HeaderForm::Text, HeaderValue::Text(text.to_owned()))
}

fn raw(property: &str, value: &str) -> HeaderSetting {
    setting(property, HeaderForm::Raw, HeaderValue::Raw(value.to_owned()))
}

fn value_part(media_type: &str, id: &str) -> PartForm {
    PartForm { media_type: Some(media_type.into()), part_id: Some(id.into()), ..PartForm::default() }
}

fn blob_part(media_type: &str, id: &str) -> PartForm {
    PartForm { media_type: Some(media_type.into()), blob_id: Some(id.into()), ..PartForm::default() }
}

fn with_values(values: &[(&str, &str)]) -> EmailForm {
    let body_values = values.iter().map(|(id, text)| {
        ((*id).to_owned(), BodyValue { value: (*text).to_owned(), ..BodyValue::default() })
    });
    EmailForm { body_values: body_values.collect(), ..EmailForm::default() }
}

/// Blobs hold their own ids.
fn built(form: &EmailForm) -> String {
    let octets = build(form, &GIVEN, &mut |id| Some(id.as_bytes().to_vec())).unwrap();
    String::from_utf8(octets).unwrap()
}

fn header(headers: Vec<HeaderSetting>) -> String {
    let message = built(&EmailForm { headers, ..EmailForm::default() });
    message.split("\r\n\r\n").next().unwrap().to_owned() + "\r\n"
}

// spec: RFC 8621 §4.6; RFC 5322 §3.6.1; RFC 5322 §3.6.4
#[test]
fn nothing_makes_an_empty_message() {
    let expected = "Date: Fri, 21 Nov 1997 09:55:06 -0600\r\nMessage-ID: <given@example.org>\r\n\
                    MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n";
    assert_eq!(built(&EmailForm::default()), expected);
}

// spec: RFC 8621 §4.6
#[test]
fn a_plain_text() {
    let mut form = EmailForm {
        headers: vec![
            subject("hello"),
            setting(
                "from",
                HeaderForm::Addresses,
                HeaderValue::Addresses(vec![EmailAddress { name: Some("A B".into()), email: "a@b".into() }]),
            ),
            setting("sentAt", HeaderForm::Date, HeaderValue::Date(None)),
        ],
        text_body: Some(vec![value_part("text/plain", "t")]),
        ..with_values(&[("t", "one\ntwo\r\n")])
    };
    form.headers[2].field = "Date".into();
    let expected = "Date: Fri, 21 Nov 1997 09:55:06 -0600\r\nFrom: A B <a@b>\r\nMessage-ID: <given@example.org>\r\n\
                    Subject: hello\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\none\r\ntwo\r\n";
    assert_eq!(built(&form), expected);
}

// spec: RFC 8621 §4.6; RFC 2387 §3.1; RFC 2046 §5.1.1
#[test]
fn lists_become_the_tree_that_shows_them_again() {
    let form = EmailForm {
        text_body: Some(vec![value_part("text/plain", "t")]),
        html_body: Some(vec![value_part("text/html", "h")]),
        attachments: Some(vec![
            PartForm { cid: Some("c@d".into()), ..blob_part("image/png", "picture") },
            PartForm { name: Some("n.pdf".into()), ..blob_part("application/pdf", "paper") },
            blob_part("text/plain", "note"),
            PartForm { disposition: Some("inline".into()), ..blob_part("image/gif", "shown") },
        ]),
        ..with_values(&[("t", "plain"), ("h", "<p>html</p>")])
    };
    let message = built(&form);
    let structure = parse(message.as_bytes()).facts.structure;
    let tree = BodyPart::of(&structure);
    let types = |part: &BodyPart<'_>| {
        let mut all = Vec::new();
        part.visit(&mut |part| all.push(part.part.full_type()));
        all.join(" ")
    };
    let expected = "multipart/mixed multipart/alternative text/plain multipart/related text/html image/png \
                    application/pdf text/plain image/gif";
    assert_eq!(types(&tree), expected);
    let lists = BodyLists::of(&tree);
    let shown = |parts: &[&BodyPart<'_>]| {
        let octets =
            parts.iter().map(|part| String::from_utf8(part.octets(message.as_bytes()).into_owned()).unwrap());
        octets.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(shown(&lists.text), "plain shown");
    assert_eq!(shown(&lists.html), "<p>html</p> shown");
    assert_eq!(shown(&lists.attachments), "picture paper note");
    assert_eq!(lists.attachments[0].part.cid().as_deref(), Some("c@d"));
    assert_eq!(lists.attachments[1].part.name().as_deref(), Some("n.pdf"));
    assert_eq!(form.blob_ids(), ["picture", "paper", "note", "shown"]);
    assert!(
        message.contains("multipart/related;\r\n boundary=\"=_abab")
            && message.contains("type=\"text/html\"")
    );
}

// spec: RFC 8621 §4.6; RFC 2231 §3; RFC 2231 §4
#[test]
fn a_tree_is_written_as_it_is() {
    let leaf = PartForm {
        name: Some("\u{20ac}uro ".repeat(20).trim().to_owned()),
        disposition: Some("attachment".into()),
        charset: Some("iso-8859-1".into()),
        language: Some(vec!["de".into(), "en-GB".into()]),
        location: Some("http://a/b".into()),
        headers: vec![raw("header:X-Part", " x")],
        ..blob_part("text/csv", "1,2")
    };
    let tree = PartForm {
        headers: vec![raw("header:X-Root", " r")],
        media_type: Some("multipart/x-any".into()),
        sub_parts: Some(vec![value_part("text/plain", "t"), leaf.clone()]),
        ..PartForm::default()
    };
    let form = EmailForm { body_structure: Some(tree), ..with_values(&[("t", "gr\u{fc}n")]) };
    let message = built(&form);
    let structure = parse(message.as_bytes()).facts.structure;
    let root = BodyPart::of(&structure);
    assert_eq!((root.part.full_type().as_str(), root.sub_parts.len()), ("multipart/x-any", 2));
    assert_eq!(body_value(root.sub_parts[0].part, message.as_bytes(), 0).value, "gr\u{fc}n");
    let part = root.sub_parts[1].part;
    assert_eq!(part.name(), leaf.name);
    assert_eq!((part.disposition(), part.charset()), (leaf.disposition, leaf.charset));
    assert_eq!((part.language(), part.location()), (leaf.language, leaf.location));
    assert!(message.contains("\r\nX-Part: x\r\n") && message.contains("\r\nX-Root: r\r\n"));
    assert!(message.is_ascii() && message.lines().all(|line| line.len() <= 78), "{message}");
}

// spec: RFC 2047 §2; RFC 2047 §5; RFC 5322 §2.1.1; RFC 5322 §2.2.3
#[test]
fn fields_are_encoded_and_folded() {
    let long = "word ".repeat(40);
    let text = header(vec![subject(&format!("{long}gr\u{fc}n und \u{1f600} {long}end"))]);
    assert!(text.lines().all(|line| line.len() <= 76), "{text}");
    assert!(text.contains("\r\n =?utf-8?B?Z3LDvG4gdW5kIPCfmIA=?= word "), "{text}");
    let cyrillic = header(vec![subject("\u{442}\u{435}\u{43a}\u{441}\u{442}")]);
    assert!(cyrillic.contains("Subject: =?utf-8?B?0YLQtdC60YHRgg==?=\r\n"), "{cyrillic}");
    let list: Vec<EmailAddress> = [
        (Some("Plain Name"), "a@b"),
        (Some("Dr. Quoted \"Q\""), "a@b"),
        (Some("M\u{fc}ller, Hans"), "a@b"),
        (None, "a b@c"),
        (None, "a@b>, <x@y"),
        (None, "\"a@[b<c@[d]\""),
        (Some("No"), "where"),
        (None, ""),
    ]
    .map(|(name, email): (Option<&str>, &str)| EmailAddress {
        name: name.map(str::to_owned),
        email: email.to_owned(),
    })
    .to_vec();
    let text = header(vec![setting("to", HeaderForm::Addresses, HeaderValue::Addresses(list))]);
    let expected = "To: Plain Name <a@b>, \"Dr. Quoted \\\"Q\\\"\" <a@b>,\r\n =?utf-8?Q?M=C3=BCller=2C_Hans?= <a@b>, \
                    \"a b\"@c, \"a@b>, <x\"@y,\r\n <\"a@[b<c@[d]\">, No <where>, <>\r\n";
    assert!(text.contains(expected), "{text}");
}

// spec: RFC 5322 §3.2.2; RFC 8621 §4.1.2.3
#[test]
fn a_tab_in_a_name_is_a_blank_both_ways() {
    for (name, written) in [("a\tb", "a b <x@y>"), ("\t\u{e4}\tb ", "=?utf-8?Q?=C3=A4_b?= <x@y>")] {
        let address = EmailAddress { name: Some(name.to_owned()), email: "x@y".to_owned() };
        let value = HeaderValue::Addresses(vec![address]);
        let text = header(vec![setting("to", HeaderForm::Addresses, value)]);
        assert!(text.contains(&format!("To: {written}\r\n")), "{text}");
    }
}

// spec: RFC 2046 §5.1.1
#[test]
fn the_line_end_before_a_delimiter_is_its_own() {
    let inner = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b";
    for end in ["", "--", "-- ", "--\r\n", "--\r\n\r\n", "\r\n\r\n", "\r\n\r\n--b\r\n--b"] {
        let inner = format!("{inner}{end}");
        let form = EmailForm {
            attachments: Some(vec![blob_part("message/rfc822", &inner)]),
            ..EmailForm::default()
        };
        let message = built(&form);
        let structure = parse(message.as_bytes()).facts.structure;
        let tree = BodyPart::of(&structure);
        let octets = tree.sub_parts[0].octets(message.as_bytes());
        assert_eq!(octets.escape_ascii().to_string(), inner.escape_default().to_string());
    }
}

// spec: RFC 8621 §4.6
#[test]
fn a_body_from_a_blob_has_the_type_of_its_list() {
    let blob = |id: &str| Some(vec![PartForm { blob_id: Some(id.into()), ..PartForm::default() }]);
    let form = EmailForm {
        text_body: blob("one"),
        html_body: blob("two"),
        attachments: blob("three"),
        ..EmailForm::default()
    };
    let message = built(&form);
    let structure = parse(message.as_bytes()).facts.structure;
    let tree = BodyPart::of(&structure);
    let BodyLists { text, html, attachments, .. } = BodyLists::of(&tree);
    let types = |parts: &[&BodyPart<'_>]| parts.iter().map(|part| part.part.full_type()).collect::<Vec<_>>();
    assert_eq!(types(&text), ["text/plain"]);
    assert_eq!(types(&html), ["text/html"]);
    assert_eq!(types(&attachments), ["application/octet-stream"]);
}

// spec: RFC 2046 §5.1.1
#[test]
fn a_boundary_is_in_no_part() {
    let stem = format!("=_{}", "ab".repeat(16));
    let inner = format!("Subject: x\r\n\r\n--{stem}_1\r\n");
    let form =
        EmailForm { attachments: Some(vec![blob_part("message/rfc822", &inner)]), ..EmailForm::default() };
    let message = built(&form);
    let structure = parse(message.as_bytes()).facts.structure;
    let tree = BodyPart::of(&structure);
    assert_eq!(tree.sub_parts.len(), 1);
    assert_eq!(tree.sub_parts[0].octets(message.as_bytes()), inner.as_bytes());
    let every = ["", "x", "xx", "xxx"].map(|tail| format!("{stem}{tail}")).join(" ");
    let form =
        EmailForm { attachments: Some(vec![blob_part("message/rfc822", &every)]), ..EmailForm::default() };
    assert_eq!(build(&form, &GIVEN, &mut |id| Some(id.as_bytes().to_vec())), Err(BuildError::TooLarge));
}

// spec: RFC 2045 §5.1
#[test]
fn the_charset_of_a_value_is_always_said() {
    for (given, expected) in [
        (" text/plain; name=\"charset.txt\"", " text/plain; name=\"charset.txt\";\r\n charset=utf-8\r\n"),
        (" text/plain; charset=\"utf-8\"", " text/plain; charset=\"utf-8\"\r\n"),
        (" text/plain; format=flowed", " text/plain; format=flowed;\r\n charset=utf-8\r\n"),
        (" text/html", " text/html;\r\n charset=utf-8\r\n"),
    ] {
        let headers = vec![raw("header:Content-Type", given)];
        let part = PartForm { part_id: Some("t".into()), headers, ..PartForm::default() };
        let message = built(&EmailForm { body_structure: Some(part), ..with_values(&[("t", "ü")]) });
        assert!(message.contains(&format!("\r\nContent-Type:{expected}")), "{message}");
    }
    // What cannot be said behind it.
    for bad in [" text/plain; name=\"open", " text/plain (open", " text/plain; charset*=x''utf-7"] {
        let headers = vec![raw("header:Content-Type", bad)];
        let part = PartForm { part_id: Some("t".into()), headers, ..PartForm::default() };
        let form = EmailForm { body_structure: Some(part), ..with_values(&[("t", "ü")]) };
        only(&form, "bodyStructure/header:Content-Type", Rule::RawContentType);
    }
}

// spec: RFC 2045 §6.4
#[test]
fn a_multipart_is_not_narrower_than_its_parts() {
    let text = || value_part("text/plain", "t");
    let of = |inner: &str| {
        let form = EmailForm {
            text_body: Some(vec![text()]),
            attachments: Some(vec![PartForm {
                media_type: Some("multipart/digest".into()),
                sub_parts: Some(vec![blob_part("message/rfc822", inner), blob_part("a/b", "\0")]),
                ..PartForm::default()
            }]),
            ..with_values(&[("t", "x")])
        };
        let message = built(&form);
        let structure = parse(message.as_bytes()).facts.structure;
        assert_eq!(
            BodyPart::of(&structure).sub_parts[1].sub_parts[0].octets(message.as_bytes()),
            inner.as_bytes()
        );
        let fields = message.lines().filter_map(|line| line.strip_prefix("Content-Transfer-Encoding: "));
        fields.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(of("Subject: x\r\n"), ["base64"]);
    assert_eq!(of("Subject: ü\r\n"), ["8bit", "8bit", "8bit", "base64"]);
    assert_eq!(of("Subject: ü\n"), ["binary", "binary", "binary", "base64"]);
}
