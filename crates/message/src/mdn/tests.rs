//! Notifications of the standard and of others, and there and back.

use super::{
    ActionMode, DispositionType, Mdn, MdnDisposition, MdnLetter, SendingMode, fill_in, notification_to,
    parse_mdn,
};
use crate::body::BodyPart;
use crate::build::Given;
use crate::date::DateTime;
use crate::form::{EmailAddress, RawHeader};
use crate::parse;

/// In the shape of the example in RFC 8098 §9.
const EXAMPLE: &str = "Date: Wed, 20 Sep 1995 00:19:00 (EDT) -0400\r\n\
From: Joe Recipient <Joe_Recipient@example.com>\r\nMessage-Id: <199509200019.12345@example.com>\r\n\
Subject: Re: First draft of report\r\nTo: Jane Sender <Jane_Sender@example.org>\r\nMIME-Version: 1.0\r\n\
Content-Type: multipart/report; report-type=disposition-notification;\r\n boundary=\"RAA14128.773615765/example.com\"\r\n\r\n\
--RAA14128.773615765/example.com\r\nContent-type: text/plain\r\n\r\n\
The message sent on 1995 Sep 19 has been displayed.\r\n\r\n\
--RAA14128.773615765/example.com\r\nContent-type: message/disposition-notification\r\n\r\n\
Reporting-UA: joes-pc.cs.example.com; Foomail 97.1\r\n\
Original-Recipient: rfc822;Joe_Recipient@example.com\r\n\
Final-Recipient: rfc822;Joe_Recipient@example.com\r\n\
Original-Message-ID: <199509192301.23456@example.org>\r\n\
Disposition: manual-action/MDN-sent-manually; displayed\r\n\r\n\
--RAA14128.773615765/example.com\r\nContent-type: message/rfc822\r\n\r\nSubject: original\r\n\r\nx\r\n\
--RAA14128.773615765/example.com--\r\n";

// spec: RFC 9007 §2; RFC 9007 §2.2; RFC 8098 §3.2; RFC 8098 §3.2.6
#[test]
fn the_example_is_read() {
    let expected = Mdn {
        subject: Some("Re: First draft of report".into()),
        text_body: Some("The message sent on 1995 Sep 19 has been displayed.\n".into()),
        reporting_ua: Some("joes-pc.cs.example.com; Foomail 97.1".into()),
        original_recipient: Some("rfc822;Joe_Recipient@example.com".into()),
        final_recipient: Some("rfc822;Joe_Recipient@example.com".into()),
        original_message_id: Some("<199509192301.23456@example.org>".into()),
        ..Mdn::default()
    };
    assert_eq!(parse_mdn(EXAMPLE.as_bytes()), Some(expected));
}

fn bare(fields: &str) -> Option<Mdn> {
    parse_mdn(format!("Content-Type: message/disposition-notification\r\n\r\n{fields}").as_bytes())
}

// spec: RFC 8098 §3.2.6; RFC 8098 §3.2.6.1; RFC 8098 §3.2.6.2; RFC 8098 §3.2.7
// spec: RFC 8098 §3.3; RFC 8098 §3.1.1
#[test]
fn dispositions_are_read_in_any_case_and_others_are_not() {
    let of = |value: &str| {
        bare(&format!("Final-Recipient: rfc822; a@b\r\nDisposition:{value}\r\n")).map(|mdn| mdn.disposition)
    };
    let made = |action_mode, sending_mode, kind| Some(MdnDisposition { action_mode, sending_mode, kind });
    let automatic = made(ActionMode::Automatic, SendingMode::Automatically, DispositionType::Deleted);
    assert_eq!(of(" automatic-action/MDN-sent-automatically; deleted"), automatic);
    assert_eq!(of("AUTOMATIC-ACTION / mdn-Sent-Automatically ;\r\n Deleted / error, x"), automatic);
    let manual = made(ActionMode::Manual, SendingMode::Manually, DispositionType::Processed);
    assert_eq!(of(" manual-action/mdn-sent-manually;processed/warning"), manual);
    for bad in [
        "",
        " displayed",
        " manual-action; displayed",
        " manual-action/x; displayed",
        " manual-action/mdn-sent-manually; x",
    ] {
        assert_eq!(of(bad), None, "{bad}");
    }
    assert_eq!(
        parse_mdn(b"Subject: x\r\n\r\nDisposition: manual-action/mdn-sent-manually; displayed\r\n"),
        None
    );
    let mdn = bare("Disposition: manual-action/mdn-sent-manually; displayed/error\r\nError: one\r\nError: two\r\nX-Ext: a\r\n b\r\n").unwrap();
    assert_eq!(mdn.error, ["one", "two"]);
    assert_eq!(mdn.extension_fields, [RawHeader { name: "X-Ext".into(), value: "a b".into() }]);
}

// spec: RFC 8098 §2.1
#[test]
fn one_address_may_ask() {
    let to =
        |value: &str| notification_to(format!("{value}\r\n\r\n").as_bytes()).map(|address| address.email);
    assert_eq!(to("Disposition-Notification-To: Joe <joe@example.com>").as_deref(), Some("joe@example.com"));
    for bad in [
        "Disposition-Notification-To: a@b, c@d",
        "Disposition-Notification-To: joe",
        "Disposition-Notification-To:",
        "X: y",
    ] {
        assert_eq!(to(bad), None, "{bad}");
    }
}

const GIVEN: Given<'_> = Given {
    message_id: "new@here.example",
    date: DateTime { unix_s: 880_127_706, zone_min: 0 },
    random: [1; 16],
    octets_max: 1 << 20,
};

// spec: RFC 8098 §3; RFC 8098 §3.1; RFC 8098 §3.2.3; RFC 8098 §3.2.5; RFC 9007 §2
// spec: RFC 9007 §2.1; RFC 3834 §5.2
#[test]
fn what_is_made_is_read_again() {
    let original =
        b"Message-ID: <1@x>\r\nOriginal-Recipient: rfc822; list@example.org\r\nSubject: s\r\n\r\nbody\r\n";
    let disposition = MdnDisposition {
        sending_mode: SendingMode::Automatically,
        kind: DispositionType::Dispatched,
        ..MdnDisposition::default()
    };
    let mut mdn = Mdn {
        subject: Some("Read: \u{e4}".into()),
        text_body: Some("gr\u{fc}n\n".into()),
        reporting_ua: Some("x; y\r\nFinal-Recipient: rfc822; evil@x".into()),
        disposition,
        error: vec!["broken".into()],
        extension_fields: vec![
            RawHeader { name: "X-Ext".into(), value: "v".into() },
            RawHeader { name: "a b".into(), value: "v".into() },
        ],
        ..Mdn::default()
    };
    fill_in(&mut mdn, original);
    let from = EmailAddress { name: None, email: "me@here.example".into() };
    let to = EmailAddress { name: Some("You".into()), email: "you@there.example".into() };
    let letter = MdnLetter { mdn: &mdn, from: &from, to: &to, header: original, original: Some(original) };
    let message = letter.build(&GIVEN).unwrap();
    let text = String::from_utf8(message.clone()).unwrap();
    let read = parse_mdn(&message).unwrap();
    let expected = Mdn {
        reporting_ua: Some("x; y Final-Recipient: rfc822; evil@x".into()),
        final_recipient: Some("rfc822; me@here.example".into()),
        original_recipient: Some("rfc822; list@example.org".into()),
        original_message_id: Some("<1@x>".into()),
        extension_fields: vec![RawHeader { name: "X-Ext".into(), value: "v".into() }],
        ..mdn.clone()
    };
    assert_eq!(read, expected, "{text}");
    assert!(text.contains("report-type=disposition-notification"), "{text}");
    assert!(
        text.contains("Auto-Submitted: auto-replied\r\n") && text.contains("In-Reply-To: <1@x>\r\n"),
        "{text}"
    );
    let structure = parse(&message).facts.structure;
    assert!(structure.root.content.is_disposition_notification());
    assert_eq!(BodyPart::of(&structure).sub_parts[2].octets(&message).as_ref(), original);
    let plain = Mdn::default();
    let letter = MdnLetter { mdn: &plain, original: None, ..letter };
    let message = letter.build(&GIVEN).unwrap();
    assert_eq!(BodyPart::of(&parse(&message).facts.structure).sub_parts.len(), 2);
    assert!(!String::from_utf8(message).unwrap().contains("Auto-Submitted"));
}
