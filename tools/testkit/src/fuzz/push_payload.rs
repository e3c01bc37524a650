//! The payload of a push message: whatever a message says, the payload is JSON, fits into one record and is
//! never cut within a character or an escape (COI-webpush §payload-data-format).

use koi_types::{Timestamp, Uid, UidValidity, ZoneOffset};
use koi_webpush::{Content, Date, Notice, PAYLOAD_OCTETS_MAX};
use serde_json::Value;

use super::Target;

/// The texts of a notice, one a line; what follows the seventh is the content.
#[must_use]
pub fn target() -> Target {
    let long =
        b"COI/Chats\nSender@Domain.com\nAlice\nChat: \"\\\x01\xc3\xa4\xe2\x80\xa6\n\n\ntext/html\n".repeat(9);
    let seeds: [&[u8]; 3] = [
        b"COI/Chats\nSender@Domain.com\nAlice\nChat: Hello\nchat$1@a.example\n4321dcba1234\ntext/plain\nbody",
        b"\n\n\n\n\n\n\n\xff",
        &long,
    ];
    Target {
        name: "push_payload",
        body,
        seeds: seeds.iter().map(|seed| seed.to_vec()).collect(),
        words: WORDS,
    }
}

const WORDS: &[&[u8]] = &[
    b"\n",
    b"\"",
    b"\\",
    b"\0",
    b"\xf0\x9f\x98\x80",
    b"\xe2\x80\xa6",
    b"\xc4\xb0",
    b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
];

/// # Panics
/// When one of the promises above is broken.
pub fn body(input: &[u8]) {
    let mut lines = input.splitn(8, |octet| *octet == b'\n');
    let mut text = || String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let [mailbox, from_email, from_name, subject, msg_id, group_id, content_type] =
        std::array::from_fn(|_| text());
    let octets = lines.next().unwrap_or_default();
    let seconds = input.iter().fold(0i64, |sum, octet| sum.wrapping_mul(257).wrapping_add(i64::from(*octet)));
    let notice = Notice {
        mailbox: &mailbox,
        uidvalidity: UidValidity::MIN,
        uid: Uid::MIN,
        date: Some(Date { at: Timestamp(seconds), zone: ZoneOffset((seconds & 0x3ff) as i16 - 512) }),
        from_email: Some(&from_email),
        from_name: Some(&from_name),
        subject: Some(&subject),
        msg_id: Some(&msg_id),
        group_id: Some(&group_id),
        content: Some(Content { octets, content_type: &content_type, transfer_encoding: &msg_id }),
    };
    let payload = notice.payload();
    assert!(payload.len() <= PAYLOAD_OCTETS_MAX, "it fits into one record");
    let value: Value = serde_json::from_str(&payload).expect("JSON");
    let members = value.as_object().expect("an object");
    assert!(members.len() <= 12);
    for (name, whole) in [("from-name", &from_name), ("subject", &subject)] {
        let Some(said) = members.get(name) else { continue };
        let said = said.as_str().expect("a string");
        let is_cut = said.strip_suffix('\u{2026}').is_some_and(|begun| whole.trim().starts_with(begun));
        assert!(said == whole.trim() || is_cut, "the text, or its beginning");
    }
    if let Some(said) = members.get("content") {
        assert_eq!(said.as_str().map(str::as_bytes), Some(octets), "all of the content, or nothing");
    }
}
