//! Who is answered, and with what.

use koi_types::{Address, HeaderForm, ReversePath, Timestamp};

use super::{Arrived, NoReply, Vacation, reply_to};
use crate::body::{BodyPart, body_value};
use crate::build::Given;
use crate::date::DateTime;
use crate::form::{self, EmailAddress, HeaderValue};
use crate::parse;

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn asked(sender: &str, header: &str) -> Result<String, NoReply> {
    let reverse_path = Address::parse(sender).map_or(ReversePath::Null, ReversePath::Address);
    let own = [address("me@here.example"), address("alias@here.example")];
    let header = format!("{header}\r\n\r\n");
    let is_own = |address: &Address| own.iter().any(|own| own.account_key() == address.account_key());
    reply_to(&Arrived { header: header.as_bytes(), reverse_path: &reverse_path, is_own: &is_own })
        .map(ToString::to_string)
}

// spec: RFC 3834 §2; RFC 3834 §4; RFC 3834 §5.1; RFC 5230 §4.5; RFC 5230 §4.6
#[test]
fn people_are_answered_and_machines_are_not() {
    let to_me = "To: me@here.example";
    let you = "You@there.example";
    let table = [
        (you, "To: me@here.example", None),
        (you, "To: Group: x@y, \"M E\" <ME@Here.example>;", None),
        (you, "Cc: alias+detail@here.example", None),
        (you, "Bcc: me@here.example", None),
        (you, "Resent-To: me@here.example\r\nTo: x@y", None),
        (you, "To: me@here.example\r\nAuto-Submitted: (by hand) No (really)", None),
        (you, "To: me@here.example\r\nPrecedence: first-class", None),
        ("postmaster@there.example", to_me, None),
        ("", to_me, Some(NoReply::NullReversePath)),
        ("MAILER-DAEMON@there.example", to_me, Some(NoReply::SystemAddress)),
        ("owner-list@there.example", to_me, Some(NoReply::SystemAddress)),
        ("list-request@there.example", to_me, Some(NoReply::SystemAddress)),
        ("list-bounces+me=here@there.example", to_me, Some(NoReply::SystemAddress)),
        ("no-reply@there.example", to_me, Some(NoReply::SystemAddress)),
        ("me@here.example", to_me, Some(NoReply::Own)),
        ("Alias+x@HERE.example", to_me, Some(NoReply::Own)),
        (you, "To: me@here.example\r\nAuto-Submitted: auto-replied", Some(NoReply::AutoSubmitted)),
        (you, "To: me@here.example\r\nauto-submitted: auto-generated; x=y", Some(NoReply::AutoSubmitted)),
        (you, "To: me@here.example\r\nAuto-Submitted:", Some(NoReply::AutoSubmitted)),
        (you, "To: me@here.example\r\nX-Auto-Response-Suppress: DR, OOF", Some(NoReply::AutoSubmitted)),
        (you, "To: me@here.example\r\nList-Id: <l.example>", Some(NoReply::List)),
        (you, "List-Unsubscribe: <mailto:x@y>\r\nTo: me@here.example", Some(NoReply::List)),
        (you, "To: me@here.example\r\nPrecedence: Bulk", Some(NoReply::Precedence)),
        (you, "To: x@y\r\nCc: z@y", Some(NoReply::NotToUs)),
        (you, "X-To: me@here.example", Some(NoReply::NotToUs)),
        (you, "", Some(NoReply::NotToUs)),
    ];
    for (sender, header, expected) in table {
        let expected = expected.map_or_else(|| Ok(address(sender).to_string()), Err);
        assert_eq!(asked(sender, header), expected, "{sender} {header}");
    }
}

// spec: RFC 8621 §8
#[test]
fn it_is_active_between_its_dates() {
    let at = |secs: Option<i64>| secs.map(Timestamp::from_secs);
    let table = [
        (true, None, None, true),
        (false, None, None, false),
        (true, Some(100), None, true),
        (true, Some(101), None, false),
        (true, None, Some(101), true),
        (true, None, Some(100), false),
    ];
    for (is_enabled, from, to, expected) in table {
        let vacation = Vacation { is_enabled, from_date: at(from), to_date: at(to), ..Vacation::default() };
        assert_eq!(vacation.is_active(Timestamp::from_secs(100)), expected, "{vacation:?}");
    }
}

const GIVEN: Given<'_> = Given {
    message_id: "new@here.example",
    date: DateTime { unix_s: 880_127_706, zone_min: 0 },
    random: [1; 16],
    octets_max: 1 << 20,
};

fn reply(vacation: &Vacation, header: &str) -> Vec<u8> {
    let from = EmailAddress { name: Some("M\u{e9}".into()), email: "me@here.example".into() };
    let header = format!("{header}\r\n\r\n");
    vacation.reply(header.as_bytes(), &from, &address("you@there.example"), &GIVEN).unwrap()
}

fn subject(message: &[u8]) -> String {
    match form::last(message, "Subject", HeaderForm::Text) {
        Some(HeaderValue::Text(text)) => text,
        other => panic!("{other:?}"),
    }
}

// spec: RFC 3834 §3.1.1; RFC 3834 §3.1.3; RFC 3834 §3.1.6; RFC 3834 §3.1.7; RFC 5230 §5.6; RFC 5230 §5.8
#[test]
fn the_reply_says_what_it_is_and_to_what() {
    let header = "Message-ID: <3@x>\r\nReferences: <1@x> <2@x>\r\nSubject: =?utf-8?q?caf=C3=A9?=";
    let message = reply(&Vacation::default(), header);
    let text = String::from_utf8(message.clone()).unwrap();
    assert!(text.is_ascii() && text.contains("\r\nAuto-Submitted: auto-replied\r\n"), "{text}");
    assert!(
        text.contains("\r\nFrom: =?utf-8?B?TcOp?= <me@here.example>\r\nTo: you@there.example\r\n"),
        "{text}"
    );
    assert!(text.contains("\r\nIn-Reply-To: <3@x>\r\nReferences: <1@x> <2@x> <3@x>\r\n"), "{text}");
    assert!(text.contains("Message-ID: <new@here.example>\r\n"), "{text}");
    assert_eq!(subject(&message), "Auto: caf\u{e9}");
    let own = Address::parse("you@there.example").unwrap();
    let arrived = Arrived {
        header: &message,
        reverse_path: &ReversePath::Address(address("me@here.example")),
        is_own: &|address| *address == own,
    };
    assert_eq!(reply_to(&arrived), Err(NoReply::AutoSubmitted), "replies are not replied to");
}

// spec: RFC 5230 §5.3; RFC 3834 §3.1.5; RFC 5230 §5.8; RFC 5322 §3.6.4
#[test]
fn subjects_and_threads_at_the_edges() {
    let plain = Vacation::default();
    assert_eq!(subject(&reply(&plain, "X: y")), "Automated reply");
    assert_eq!(subject(&reply(&plain, "Subject:   ")), "Automated reply");
    assert_eq!(
        subject(&reply(&plain, &format!("Subject: {}", "\u{fc}".repeat(500)))),
        format!("Auto: {}", "\u{fc}".repeat(200))
    );
    let set = Vacation { subject: Some("Gone\r\nBcc: x@y".into()), ..Vacation::default() };
    assert_eq!(subject(&reply(&set, "Subject: x")), "Gone Bcc: x@y");
    let without = String::from_utf8(reply(&plain, "References: <1@x>")).unwrap();
    assert!(!without.contains("In-Reply-To") && !without.contains("References"), "{without}");
    let by_parent = String::from_utf8(reply(&plain, "Message-ID: <2@x>\r\nIn-Reply-To: <1@x>")).unwrap();
    assert!(by_parent.contains("References: <1@x> <2@x>\r\n"), "{by_parent}");
    let many: String = (0..100).map(|n| format!(" <{n}@x>")).collect();
    let long = reply(&plain, &format!("Message-ID: <m@x>\r\nReferences:{many}"));
    let Some(HeaderValue::MessageIds(Some(ids))) = form::last(&long, "References", HeaderForm::MessageIds)
    else {
        panic!("no ids")
    };
    assert_eq!((ids.len(), ids[0].as_str(), ids[19].as_str()), (20, "0@x", "m@x"));
}

// spec: RFC 8621 §8
#[test]
fn the_text_comes_from_what_there_is() {
    let bodies = |text: Option<&str>, html: Option<&str>| {
        let vacation = Vacation {
            text_body: text.map(str::to_owned),
            html_body: html.map(str::to_owned),
            ..Vacation::default()
        };
        let message = reply(&vacation, "X: y");
        let structure = parse(&message).facts.structure;
        let mut found = Vec::new();
        BodyPart::of(&structure).visit(&mut |part| {
            if !part.is_multipart() {
                found.push(format!("{} {}", part.part.full_type(), body_value(part.part, &message, 0).value));
            }
        });
        found
    };
    assert_eq!(bodies(Some("gone\n"), None), ["text/plain gone\n"]);
    assert_eq!(bodies(Some("gone"), Some("<p>gone</p>")), ["text/plain gone", "text/html <p>gone</p>"]);
    let made = bodies(None, Some("<p>I am <b>away</b>.</p><p>Back &amp; soon</p>"));
    assert_eq!(made[0], "text/plain I am away.\nBack & soon\n");
    assert_eq!(bodies(None, None), [format!("text/plain {}", super::TEXT)]);
}
