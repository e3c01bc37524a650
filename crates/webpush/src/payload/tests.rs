//! The members of a payload, what is cut and what is left out, and that every payload fits and can be read.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const ELLIPSIS: char = '\u{2026}';

fn notice() -> Notice<'static> {
    Notice {
        mailbox: "COI/Chats",
        uidvalidity: UidValidity::new(123_287).unwrap(),
        uid: Uid::new(2_398_293).unwrap(),
        date: Some(Date { at: Timestamp::from_secs(1_566_042_493), zone: ZoneOffset(0) }),
        from_email: Some("Sender@Domain.COM"),
        from_name: Some("Alice"),
        subject: Some("Chat: Hello"),
        msg_id: Some("<chat$2923892892@domain.com>"),
        group_id: None,
        content: None,
    }
}

fn content<'a>(octets: &'a str, content_type: &'a str, transfer_encoding: &'a str) -> Option<Content<'a>> {
    Some(Content { octets: octets.as_bytes(), content_type, transfer_encoding })
}

fn read(notice: &Notice<'_>) -> Value {
    let payload = notice.payload();
    assert!(payload.len() <= PAYLOAD_OCTETS_MAX, "{}", payload.len());
    serde_json::from_str(&payload).unwrap()
}

/// spec: COI-webpush §payload-data-format
#[test]
fn members_in_their_order() {
    let notice = Notice {
        group_id: Some("4321dcba1234"),
        content: content("{}\r\n", "application/json", "7bit"),
        ..notice()
    };
    let expected = concat!(
        r#"{"folder":"COI/Chats","uidvalidity":123287,"uid":2398293,"date":"2019-08-17T11:48:13+00:00","#,
        r#""from-email":"sender@domain.com","from-name":"Alice","subject":"Chat: Hello","#,
        r#""msg-id":"chat$2923892892@domain.com","group-id":"4321dcba1234","#,
        r#""content-type":"application/json","content-encoding":"7bit","content":"{}\r\n"}"#,
    );
    assert_eq!(notice.payload(), expected);
}

/// spec: COI-webpush §payload-data-format: the example's values.
#[test]
fn the_example() {
    let body = "--------------MIME-BOUNDARY------------\r\n\
                Content-Type: application/octet-stream; name=\"encrypted.asc\"\r\n";
    let content_type = "multipart/encrypted;protocol=\"application/pgp-encrypted\";boundary=\"------------MIME-BOUNDARY------------\"";
    let value = read(&Notice { content: content(body, content_type, "8bit"), ..notice() });
    let expected = json!({
        "from-email": "sender@domain.com",
        "from-name": "Alice",
        "subject": "Chat: Hello",
        "content": body,
        "content-type": content_type,
        "date": "2019-08-17T11:48:13+00:00",
        "msg-id": "chat$2923892892@domain.com",
        "uid": 2_398_293,
        "uidvalidity": 123_287,
        "folder": "COI/Chats",
    });
    assert_eq!(value, expected);
}

/// spec: COI-webpush §payload-data-format
#[test]
fn what_is_absent_is_left_out() {
    let bare = Notice {
        date: None,
        from_email: None,
        from_name: Some(""),
        subject: Some(" \t"),
        msg_id: None,
        group_id: Some(""),
        ..notice()
    };
    assert_eq!(bare.payload(), r#"{"folder":"COI/Chats","uidvalidity":123287,"uid":2398293}"#);
    let far = Notice { date: Some(Date { at: Timestamp(i64::MAX), zone: ZoneOffset(0) }), ..bare };
    assert_eq!(read(&far).get("date"), None, "a date that cannot be written");
}

/// spec: COI-webpush §payload-data-format
#[test]
fn long_texts_are_cut_and_long_names_left_out() {
    let long = "x".repeat(5_000);
    let quotes = "\"".repeat(101);
    let full = Notice {
        mailbox: &long,
        from_email: Some(&long),
        from_name: Some(&quotes),
        subject: Some(&long),
        msg_id: Some(&long),
        group_id: Some(&long),
        content: content("text", &long, &long),
        ..notice()
    };
    let value = read(&full);
    let cut = format!("{}\u{2026}", "x".repeat(100));
    for name in ["from-email", "subject", "msg-id", "content-encoding"] {
        assert_eq!(value[name], cut, "{name}");
    }
    assert_eq!(value["from-name"], format!("{}\u{2026}", "\"".repeat(50)), "as a JSON string");
    assert_eq!(value["content-type"], format!("{}\u{2026}", "x".repeat(200)));
    assert_eq!(value["content"], "text");
    assert_eq!((value.get("folder"), value.get("group-id")), (None, None));
    let (mailbox, id) = ("x".repeat(200), "x".repeat(128));
    let value = read(&Notice { mailbox: &mailbox, group_id: Some(&id), ..full });
    assert_eq!((&value["folder"], &value["group-id"]), (&json!(mailbox), &json!(id)));
}

/// spec: COI-webpush §payload-data-format; RFC 8291 §4
#[test]
fn content_is_whole_or_left_out() {
    let frame = Notice { content: content("", "", ""), ..notice() }.payload().len();
    let fits = "x".repeat(PAYLOAD_OCTETS_MAX - frame);
    let payload = Notice { content: content(&fits, "", ""), ..notice() }.payload();
    assert_eq!(payload.len(), PAYLOAD_OCTETS_MAX);
    for too_long in [format!("{fits}x"), format!("{}\n", fits.get(1..).unwrap()), "x".repeat(100_000)] {
        let value = read(&Notice { content: content(&too_long, "text/html", "base64"), ..notice() });
        for name in ["content", "content-type", "content-encoding"] {
            assert_eq!(value.get(name), None, "{name}");
        }
    }
    let latin1 = Content { octets: b"gr\xfc\xdfe", content_type: "text/plain", transfer_encoding: "8bit" };
    assert_eq!(read(&Notice { content: Some(latin1), ..notice() }).get("content"), None, "not UTF-8");
    assert_eq!(read(&Notice { content: content("", "", ""), ..notice() })["content"], "", "an empty body");
}

/// spec: COI-webpush §payload-data-format
#[test]
fn what_needs_no_saying() {
    for (content_type, transfer_encoding, said_type, said_encoding) in [
        ("", "", false, false),
        ("text/plain", "8bit", false, false),
        ("Text/Plain; charset=\"UTF-8\"", " 8BIT ", false, false),
        ("text/plain; charset=us-ascii;", "7bit", false, true),
        ("text/plain; charset=iso-8859-1", "quoted-printable", true, true),
        ("text/plain; charset=utf-8; format=flowed", "", true, false),
        ("text/html", "", true, false),
        ("; charset=koi8-r", "base64", true, true),
    ] {
        let value = read(&Notice { content: content("x", content_type, transfer_encoding), ..notice() });
        let said = (value.get("content-type").is_some(), value.get("content-encoding").is_some());
        assert_eq!(said, (said_type, said_encoding), "{content_type:?} {transfer_encoding:?}");
    }
}

/// spec: COI-webpush §sending-a-validation-push-message
#[test]
fn a_validation() {
    assert_eq!(validation("abc$123$..."), r#"{"validation":"abc$123$..."}"#);
}

proptest! {
    #[test]
    fn every_payload_fits_and_can_be_read(
        texts in prop::array::uniform7("(\\PC|[\\x00-\\x1f\"\\\\]){0,300}"),
        octets in prop::collection::vec(prop_oneof![3 => 32u8..127, 1 => any::<u8>()], 0..5_000),
        at: i64, zone: i16,
    ) {
        let [mailbox, from_email, from_name, subject, msg_id, group_id, content_type] = &texts;
        let content = Content { octets: &octets, content_type, transfer_encoding: msg_id };
        let notice = Notice {
            mailbox,
            date: Some(Date { at: Timestamp(at), zone: ZoneOffset(zone) }),
            from_email: Some(from_email),
            from_name: Some(from_name),
            subject: Some(subject),
            msg_id: Some(msg_id),
            group_id: Some(group_id),
            content: Some(content),
            ..notice()
        };
        let value = read(&notice);
        for (name, text) in [("from-name", from_name), ("subject", subject)] {
            let text = text.trim();
            match value.get(name).and_then(Value::as_str) {
                None => prop_assert!(text.is_empty()),
                Some(said) => {
                    let begins = |cut: Option<&str>| cut.is_some_and(|cut| text.starts_with(cut));
                    prop_assert!(said == text || begins(said.strip_suffix(ELLIPSIS)));
                }
            }
        }
        if let Some(said) = value.get("content").and_then(Value::as_str) {
            prop_assert_eq!(said.as_bytes(), octets.as_slice());
        }
    }
}
