//! What holds for every message: ranges nest, records round-trip, sections are octets of the message.

use koi_message::form::last;
use koi_message::{
    AddressView, Envelope, EnvelopeView, Faithful, KeptForm, Needle, Part, PartKind, Scratch, Structure,
    parse,
};
use koi_types::HeaderForm;
use proptest::prelude::*;

/// Checks one message, whatever it is.
pub(crate) fn check_message(name: &str, raw: &[u8]) {
    let facts = parse(raw).facts;
    let root = &facts.structure.root;
    assert_eq!((root.header.start, root.body.end as usize), (0, raw.len()), "{name}: the root is all of it");
    check_part(name, raw, root);
    let mut record = Vec::new();
    facts.structure.encode(&mut record);
    assert_eq!(Structure::decode(&record).as_ref(), Ok(&facts.structure), "{name}");
    for end in [0, 1, record.len() / 2, record.len() - 1] {
        assert!(Structure::decode(&record[..end]).is_err(), "{name}: cut record at {end}");
    }
    let mut envelope = Vec::new();
    facts.envelope.encode(&mut envelope);
    assert_eq!(Envelope::decode(&envelope).as_ref(), Ok(&facts.envelope), "{name}");
    check_view(name, &envelope, &facts.envelope);
    check_forms(name, root.header_range().of(raw), &envelope);
    check_search(name, raw, &facts.structure, &record);
}

/// What is made of an envelope is what is made of the header.
fn check_forms(name: &str, header: &[u8], record: &[u8]) {
    let view = EnvelopeView::of(record).unwrap();
    let addresses =
        ["From", "to", "CC", "Bcc", "sender", "Reply-To"].map(|name| (name, HeaderForm::Addresses));
    let ids = ["Message-ID", "in-reply-to"].map(|name| (name, HeaderForm::MessageIds));
    let others = [("subject", HeaderForm::Text), ("Date", HeaderForm::Date)];
    for (field, form) in addresses.into_iter().chain(ids).chain(others) {
        match view.form(field, form) {
            KeptForm::Unknown => {}
            KeptForm::Absent => assert_eq!(last(header, field, form), None, "{name}: {field}"),
            KeptForm::Value(value) => assert_eq!(last(header, field, form), Some(value), "{name}: {field}"),
        }
    }
    for (field, form) in [("References", HeaderForm::MessageIds), ("Subject", HeaderForm::Raw)] {
        assert_eq!(view.form(field, form), KeptForm::Unknown);
    }
}

fn check_view(name: &str, record: &[u8], envelope: &Envelope) {
    let view = EnvelopeView::of(record).unwrap();
    assert_eq!((view.date, view.subject), (envelope.date.as_deref(), envelope.subject.as_deref()), "{name}");
    let lists = [
        (view.from, &envelope.from),
        (view.sender, &envelope.sender),
        (view.reply_to, &envelope.reply_to),
        (view.to, &envelope.to),
        (view.cc, &envelope.cc),
        (view.bcc, &envelope.bcc),
    ];
    for (ours, addresses) in lists {
        let expected = addresses.iter().map(|address| AddressView {
            name: address.name.as_deref(),
            route: address.route.as_deref(),
            mailbox: address.mailbox.as_deref(),
            host: address.host.as_deref(),
        });
        assert_eq!(ours.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "{name}");
    }
    assert_eq!(view.in_reply_to, envelope.in_reply_to.as_deref(), "{name}");
    assert_eq!(view.message_id, envelope.message_id.as_deref(), "{name}");
    for end in 0..record.len() {
        assert!(EnvelopeView::of(&record[..end]).is_err(), "{name}: cut envelope at {end}");
    }
}

fn check_part(name: &str, raw: &[u8], part: &Part) {
    assert_eq!(part.header.end, part.body.start, "{name}: the body begins where the header ends");
    assert!(part.header.start <= part.header.end && part.body.start <= part.body.end, "{name}");
    let lines = part.body.of(raw).iter().filter(|&&octet| octet == b'\n').count();
    assert_eq!(part.body_lines as usize, lines, "{name}");
    let mut at = part.body.start;
    for child in part.children() {
        assert!(part.body.contains(child.whole()), "{name}: {:?} in {:?}", child.whole(), part.body);
        assert!(child.header.start >= at, "{name}: parts are in order");
        at = child.body.end;
        check_part(name, raw, child);
    }
    let multipart = matches!(part.kind, PartKind::Multipart(_));
    assert_eq!(multipart, part.content.is_type(b"multipart"), "{name}: kind and type agree");
    assert_eq!(matches!(part.kind, PartKind::Message(_)), part.content.is_message(), "{name}");
    assert!(!multipart || !part.children().is_empty(), "{name}: a multipart has a part");
}

fn check_search(name: &str, raw: &[u8], structure: &Structure, record: &[u8]) {
    let mut scratch = Scratch::default();
    for word in ["a", "from: ", "grüße", "x y"] {
        let needle = Needle::new(word);
        let text = needle.in_text(raw, structure, &mut scratch);
        assert_eq!(needle.in_text_by_record(raw, record, &mut scratch), Ok(text), "{name}: {word}");
        let body = needle.in_body(raw, structure, &mut scratch);
        assert_eq!(needle.in_body_by_record(raw, record, &mut scratch), Ok(body), "{name}: {word}");
        assert!(text || !body, "{name}: what is in the body is in the text: {word}");
    }
}

/// A field of an envelope with all that makes addresses and encoded words hard to read.
fn header_field() -> impl Strategy<Value = String> {
    let names =
        ["Subject", "From", "To", "Cc", "Bcc", "Sender", "Reply-To", "Date", "Message-ID", "In-Reply-To"];
    let piece = prop_oneof![
        "[ab<>@,;:\"() .=?\t]{1,6}",
        prop::sample::select(vec![
            "=?utf-8?q?=C3=A9?=",
            "=?utf-8?q?a,b?=",
            "=?",
            "?=",
            "\"=?utf-8?q?x?=\"",
            "<a@b>",
            "\\",
            "\r\n ",
            "é",
        ])
        .prop_map(str::to_owned),
    ];
    let value = prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat());
    (prop::sample::select(names.to_vec()), value).prop_map(|(name, value)| format!("{name}: {value}\r\n"))
}

/// Pieces of which messages are made, so that random ones have structure.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let fixed: Vec<&[u8]> = vec![
        b"\r\n",
        b"\n",
        b"\r",
        b"\r\n\r\n",
        b"--b",
        b"--bb",
        b"--b--",
        b"--",
        b" ",
        b"\t",
        b":",
        b";",
        b"\"",
        b"(",
        b"From: a <b@c>",
        b"To: g: x@y, z;",
        b"Subject: =?utf-8?q?x=C3?= =?utf-8?b?qQ==?=",
        b"Date: 1 Jan 2024 10:00",
        b"Content-Type: multipart/mixed; boundary=b",
        b"Content-Type: multipart/digest; boundary=\"bb\"",
        b"Content-Type: message/rfc822",
        b"Content-Type: text/plain; charset*0=u; charset*1=tf-8",
        b"Content-Transfer-Encoding: base64",
        b"Content-Transfer-Encoding: quoted-printable",
        b"Content-Disposition: attachment; filename*=utf-8''%e2%82%ac",
        b"References: <a@b> <c@d>",
        b"aGVsbG8=",
        b"=3D=\r\n",
        b"plain text",
    ];
    prop_oneof![
        6 => prop::sample::select(fixed).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..12),
    ]
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(piece(), 0..60).prop_map(|pieces| pieces.concat())
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    // spec: RFC 2046 §5.1.1
    #[test]
    fn any_message_keeps_the_invariants(raw in message()) {
        check_message(&raw.escape_ascii().to_string(), &raw);
    }

    #[test]
    fn any_octets_keep_the_invariants(raw in prop::collection::vec(any::<u8>(), 0..400)) {
        check_message(&raw.escape_ascii().to_string(), &raw);
    }

    /// A part is found the same wherever the message lies in memory and whatever was parsed before it:
    /// wrapping a message in a message part moves its ranges and changes nothing else.
    #[test]
    fn wrapping_moves_ranges_only(raw in message()) {
        let outer = b"Content-Type: message/rfc822\r\n\r\n";
        let wrapped = [outer.as_slice(), &raw].concat();
        let facts = parse(&raw).facts;
        let root = parse(&wrapped).facts.structure.root;
        let PartKind::Message(embedded) = root.kind else { panic!("no message") };
        // Which forms can be made of it is said of the whole message alone.
        let envelope = Envelope { faithful: Faithful::default(), ..facts.envelope };
        prop_assert_eq!(&embedded.envelope, &envelope);
        let shift = outer.len() as u32;
        prop_assert_eq!(shifted(&embedded.part, shift), facts.structure.root);
    }

    /// spec: RFC 8621 §4.1.2.2; RFC 8621 §4.1.2.3
    #[test]
    fn forms_of_an_envelope_are_those_of_the_header(fields in prop::collection::vec(header_field(), 0..6)) {
        let raw = fields.concat();
        let facts = parse(raw.as_bytes()).facts;
        let mut record = Vec::new();
        facts.envelope.encode(&mut record);
        check_forms(&raw, facts.structure.root.header.of(raw.as_bytes()), &record);
    }

    #[test]
    fn decoding_any_record_never_panics(record in prop::collection::vec(any::<u8>(), 0..200)) {
        let structure = Structure::decode(&record);
        let envelope = Envelope::decode(&record);
        prop_assert_eq!(EnvelopeView::of(&record).is_ok(), envelope.is_ok());
        if let Ok(structure) = structure {
            let mut again = Vec::new();
            structure.encode(&mut again);
            prop_assert_eq!(Structure::decode(&again), Ok(structure));
        }
        if let Ok(envelope) = envelope {
            let mut again = Vec::new();
            envelope.encode(&mut again);
            prop_assert_eq!(Envelope::decode(&again), Ok(envelope));
        }
    }
}

fn shifted(part: &Part, by: u32) -> Part {
    let mut part = part.clone();
    part.header = koi_message::Range32::new(part.header.start - by, part.header.end - by);
    part.body = koi_message::Range32::new(part.body.start - by, part.body.end - by);
    part.kind = match part.kind {
        PartKind::Leaf => PartKind::Leaf,
        PartKind::Multipart(parts) => {
            PartKind::Multipart(parts.iter().map(|child| shifted(child, by)).collect())
        }
        PartKind::Message(mut embedded) => {
            embedded.part = shifted(&embedded.part, by);
            PartKind::Message(embedded)
        }
    };
    part
}
