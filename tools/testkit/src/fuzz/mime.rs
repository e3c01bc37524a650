//! The MIME parser: whatever the message, its parts lie inside it and inside each other, and its records
//! read back as they were written (RFC 2046 §5.1, RFC 9051 §6.4.5.1).

use std::path::Path;

use koi_message::{Envelope, EnvelopeView, Needle, Part, Scratch, Section, Structure, locate, parse};

use super::Target;

/// The museum of difficult messages, and words of header fields.
#[must_use]
pub fn target() -> Target {
    let mut seeds = vec![
        b"".to_vec(),
        b"Subject: =?utf-8?q?a=20b?=\r\nContent-Type: text/plain; name*0*=utf-8''a; name*1=b\r\n\r\nbody\r\n"
            .to_vec(),
        b"Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\npre\r\n--b\r\n\r\none\r\n--b\r\n\
          Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ntwo\r\n--b--\r\nepilogue"
            .to_vec(),
    ];
    seeds.extend(museum());
    Target { name: "mime", body, seeds, words: WORDS }
}

const WORDS: &[&[u8]] = &[
    b"Content-Type: multipart/mixed; boundary=b\r\n",
    b"Content-Type: message/rfc822\r\n",
    b"Content-Type: text/plain; charset=\"iso-8859-1\"\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"Content-Disposition: attachment; filename*0*=utf-8'en'%41; filename*1=b\r\n",
    b"From: \"A \\\" B\" <a@example.org>, group: b@example.org, c@example.org;\r\n",
    b"Date: Thu, 29 Feb 2024 23:59:60 +0000 (comment (nested))\r\n",
    b"Message-ID: <a@b>\r\nReferences: <a@b> <c@d>\r\n",
    b"=?utf-8?b?w6Q=?=",
    b"=?iso-2022-jp?q?=1B$B?=",
    b"--b\r\n",
    b"--b--\r\n",
    b"\r\n\r\n",
    b"\r\n ",
];

/// Every message in tests/mail that is not enormous.
fn museum() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/mail");
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "eml"));
    paths.sort();
    let messages = paths.iter().filter_map(|path| std::fs::read(path).ok());
    messages.filter(|message| message.len() <= 16 * 1024).collect()
}

/// # Panics
/// When one of the promises above is broken.
pub fn body(raw: &[u8]) {
    let message = parse(raw);
    assert_eq!(message.root().whole().end as usize, raw.len(), "the message ends where its octets end");
    check_part(message.root(), raw);
    // A message is not a record, but reading it as one may do no harm.
    let _ = (Structure::decode(raw), Envelope::decode(raw), EnvelopeView::of(raw));
    check_records(&message.facts.structure, &message.facts.envelope);
    for path in [&[][..], &[1], &[1, 1], &[2], &[2, 1]] {
        for section in [Section::Full, Section::Header, Section::Text, Section::Mime] {
            if let Some(range) = locate(&message.facts.structure, path, &section) {
                assert_eq!(range.of(raw).len(), range.len() as usize, "a section lies inside the message");
            }
        }
    }
    check_search(raw, &message.facts.structure);
    assert_eq!(parse(raw), message, "the same octets give the same parts");
}

fn check_part(part: &Part, raw: &[u8]) {
    assert_eq!(part.header.end, part.body.start, "the body follows the header");
    assert!(part.body.end as usize <= raw.len(), "a part ends inside the message");
    for child in part.children() {
        assert!(part.body.contains(child.whole()), "a part lies inside its parent");
        check_part(child, raw);
    }
}

fn check_records(structure: &Structure, envelope: &Envelope) {
    let mut record = Vec::new();
    structure.encode(&mut record);
    assert_eq!(Structure::decode(&record).as_ref().ok(), Some(structure), "a structure reads back");
    record.clear();
    envelope.encode(&mut record);
    assert_eq!(Envelope::decode(&record).as_ref().ok(), Some(envelope), "an envelope reads back");
    let view = EnvelopeView::of(&record).ok();
    let recipients = view.map(|view| view.to.count());
    assert_eq!(recipients, Some(envelope.to.len()), "an envelope reads back without being copied");
}

/// Searching decodes everything: it may not panic, and a record says what its structure says.
fn check_search(raw: &[u8], structure: &Structure) {
    let mut record = Vec::new();
    structure.encode(&mut record);
    let mut scratch = Scratch::default();
    for word in ["a b", "\u{e9}"] {
        let needle = Needle::new(word);
        let text = needle.in_text(raw, structure, &mut scratch);
        let by_record = needle.in_text_by_record(raw, &record, &mut scratch);
        assert_eq!(by_record.ok(), Some(text), "TEXT by the record");
        assert!(text || !needle.in_body(raw, structure, &mut scratch), "BODY is part of TEXT");
    }
}
