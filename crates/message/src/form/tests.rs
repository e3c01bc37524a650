//! Known answers for the forms.

use koi_types::HeaderForm;

use super::{EmailAddress, EmailAddressGroup, HeaderValue, KeptForm, RawHeader, all, last, raw_headers};
use super::{addresses, grouped_addresses, message_ids, raw, text, urls};

fn address(name: &str, email: &str) -> EmailAddress {
    EmailAddress { name: (!name.is_empty()).then(|| name.to_owned()), email: email.to_owned() }
}

fn group(name: Option<&str>, addresses: &[EmailAddress]) -> EmailAddressGroup {
    EmailAddressGroup { name: name.map(str::to_owned), addresses: addresses.to_vec() }
}

// spec: RFC 8621 §4.1.2.1
#[test]
fn raw_is_what_stands_behind_the_colon() {
    let table: [(&[u8], &str); 6] = [
        (b" plain", " plain"),
        (b" folded\r\n\tonce ", " folded\r\n\tonce "),
        (b" =?utf-8?q?x?=", " =?utf-8?q?x?="),
        (b" gr\xc3\xbc\xc3\x9fe", " gr\u{fc}\u{df}e"),
        (b" gr\xfc\xdfe", " gr\u{fffd}\u{fffd}e"),
        (b" a\0b", " ab"),
    ];
    for (value, expected) in table {
        assert_eq!(raw(value), expected, "{}", value.escape_ascii());
    }
}

// spec: RFC 8621 §4.1.2.2; RFC 2047 §5; RFC 2047 §6.1; RFC 2047 §6.2
#[test]
fn text_is_unfolded_decoded_and_composed() {
    let table: [(&[u8], &str); 31] = [
        (b" plain text", "plain text"),
        (b"   three spaces", "three spaces"),
        (b" kept at the end  ", "kept at the end  "),
        (b" a\r\n  b\r\n\tc", "a  b\tc"),
        (b" bare\n lf", "bare lf"),
        (b" =?utf-8?q?caf=C3=A9?=", "caf\u{e9}"),
        (b" =?UTF-8?B?Y2Fmw6k=?= au lait", "caf\u{e9} au lait"),
        (b" =?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        (b" =?utf-8?q?a?=\r\n  =?iso-8859-1?q?=E9?=", "a\u{e9}"),
        (b" =?utf-8?q?a?=  b", "a  b"),
        (b" a  =?utf-8?q?b_c?=", "a  b c"),
        (b" =?utf-8?q?=C3?= =?utf-8?q?=A9?=", "\u{e9}"),
        (b" =?iso-8859-1*en?q?=E9?=", "\u{e9}"),
        // Placement: RFC 2047 §5 (1).
        (b" x=?utf-8?q?a?=", "x=?utf-8?q?a?="),
        (b" b?utf-8?q?a?=", "b?utf-8?q?a?="),
        (b" =vutf-8?q?a?=", "=vutf-8?q?a?="),
        (b" =?utf-8?q?a?=x", "=?utf-8?q?a?=x"),
        (b" (=?utf-8?q?a?=)", "(=?utf-8?q?a?=)"),
        (b" =?utf-8?q?a?==?utf-8?q?b?=", "=?utf-8?q?a?==?utf-8?q?b?="),
        (b" =?utf-8?q?a b?=", "=?utf-8?q?a b?="),
        (b" \"=?utf-8?q?a?=\"", "\"=?utf-8?q?a?=\""),
        // A charset nobody knows, an encoding nobody knows, no words at all.
        (b" =?x-none?q?a?=", "=?x-none?q?a?="),
        (b" =?utf-8?x?a?=", "=?utf-8?x?a?="),
        (b" =?utf-8?q?a", "=?utf-8?q?a"),
        (b" =?utf-8?q??= x", " x"),
        // Controls within words go, and NUL everywhere.
        (b" =?utf-8?q?a=00=07=0D=0Ab?=", "ab"),
        (b" a\0b", "ab"),
        (b" =?utf-8?q?=FF?=", "\u{fffd}"),
        (b" gr\xc3\xbc\xc3\x9fe", "gr\u{fc}\u{df}e"),
        (b" gr\xfc\xdfe", "gr\u{fc}\u{df}e"),
        // NFC, in words and outside.
        (b" =?utf-8?q?e=CC=81?= e\xcc\x81", "\u{e9} \u{e9}"),
    ];
    for (value, expected) in table {
        assert_eq!(text(value), expected, "{}", value.escape_ascii());
    }
}

/// The example of the standard.
const LIST: &[u8] = b" \"  James Smythe\" <james@example.com>, Friends:\r\n\
      \x20 jane@example.com, =?UTF-8?Q?John_Sm=C3=AEth?=\r\n\
      \x20 <john@example.com>;";

// spec: RFC 8621 §4.1.2.3; RFC 8621 §4.1.2.4
#[test]
fn the_lists_of_the_standard() {
    let james = address("James Smythe", "james@example.com");
    let friends = [address("", "jane@example.com"), address("John Sm\u{ee}th", "john@example.com")];
    let [jane, john] = friends.clone();
    assert_eq!(addresses(LIST), [james.clone(), jane, john]);
    assert_eq!(grouped_addresses(LIST), [group(None, &[james]), group(Some("Friends"), &friends)]);
}

// spec: RFC 8621 §4.1.2.3; RFC 2047 §5; RFC 5322 §4.4
#[test]
fn addresses_are_read_leniently_and_words_where_they_may_stand() {
    let table: [(&str, &[(&str, &str)]); 27] = [
        ("", &[]),
        ("a@b", &[("", "a@b")]),
        ("a@b (Some Body)", &[("Some Body", "a@b")]),
        ("a@b (=?utf-8?q?S=C3=B6me?= Body)", &[("S\u{f6}me Body", "a@b")]),
        ("Some  Body <a@b>", &[("Some Body", "a@b")]),
        ("\"Some  \\\"Body\\\" \" <a@b>", &[("Some  \"Body\"", "a@b")]),
        ("\"\" <a@b>", &[("", "a@b")]),
        ("\"\tSome\tBody\" <a@b>", &[("Some Body", "a@b")]),
        ("=?utf-8?q?a?= =?utf-8?q?b?= <a@b>", &[("ab", "a@b")]),
        ("=?utf-8?q?a?= b <a@b>", &[("a b", "a@b")]),
        ("\"=?utf-8?q?a?=\" <a@b>", &[("=?utf-8?q?a?=", "a@b")]),
        ("\"x =?utf-8?q?a?= y\" <a@b>", &[("x =?utf-8?q?a?= y", "a@b")]),
        ("\"=\"?utf-8?q?a?= <a@b>", &[("=?utf-8?q?a?=", "a@b")]),
        ("=?utf-8?Q?M=C3=BCller,_Hans?= <a@b>", &[("M\u{fc}ller, Hans", "a@b")]),
        ("=?utf-8?Q?a@b.c_(x)?= <a@b>", &[("a@b.c (x)", "a@b")]),
        ("=?utf-8?q?a?=@b", &[("", "=?utf-8?q?a?=@b")]),
        ("e\u{301} <a@b>", &[("\u{e9}", "a@b")]),
        ("\"a b\"@c", &[("", "\"a b\"@c")]),
        ("\"a\\\"b\"@c", &[("", "\"a\\\"b\"@c")]),
        ("\"ab\"@c", &[("", "ab@c")]),
        ("a . b @ c . d", &[("", "a.b@c.d")]),
        ("a..b@c", &[("", "a..b@c")]),
        ("<@x,@y:a@b>", &[("", "a@b")]),
        ("alone", &[("", "alone")]),
        ("two words", &[("two words", "")]),
        ("a@b, , c@d", &[("", "a@b"), ("", "c@d")]),
        ("undisclosed-recipients:;", &[]),
    ];
    for (value, expected) in table {
        let expected: Vec<_> = expected.iter().map(|(name, email)| address(name, email)).collect();
        assert_eq!(addresses(value.as_bytes()), expected, "{value}");
    }
}

// spec: RFC 8621 §4.1.2.4
#[test]
fn neighbours_outside_of_groups_are_together() {
    let [a, b, c, d] = ["a@x", "b@x", "c@x", "d@x"].map(|email| address("", email));
    let value = b"a@x, b@x, =?utf-8?q?G=C3=BC?= \"=?utf-8?q?x?=\": c@x;, d@x, Empty:;, :;";
    let expected = [
        group(None, &[a, b]),
        group(Some("G\u{fc} =?utf-8?q?x?="), &[c]),
        group(None, &[d]),
        group(Some("Empty"), &[]),
        group(Some(""), &[]),
    ];
    assert_eq!(grouped_addresses(value), expected);
}

// spec: RFC 8621 §4.1.2.5; RFC 5322 §4.5.4
#[test]
fn message_ids_stand_in_angle_brackets() {
    let table: [(&str, Option<&[&str]>); 13] = [
        (" <a@b>", Some(&["a@b"])),
        (" <a@b> <c@d>\r\n\t<e@f>", Some(&["a@b", "c@d", "e@f"])),
        ("<a@b><c@d>", Some(&["a@b", "c@d"])),
        ("<a@b>, <c@d>", Some(&["a@b", "c@d"])),
        (" (c <x@y>) < a@b (c) > (d)", Some(&["a@b"])),
        ("<\"a b\"@c>", Some(&["\"a b\"@c"])),
        ("<a(b)@c>", Some(&["a(b)@c"])),
        ("Your message of \"<x@y>\" <a@b>", Some(&["a@b"])),
        ("<no-at>", Some(&["no-at"])),
        ("<a@b> <c@d", Some(&["a@b"])),
        ("a@b", None),
        ("<>", None),
        ("", None),
    ];
    for (value, expected) in table {
        let expected = expected.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>());
        assert_eq!(message_ids(value.as_bytes()), expected, "{value}");
    }
}

// spec: RFC 8621 §4.1.2.7; RFC 2369 §2
#[test]
fn urls_stand_in_angle_brackets_between_commas() {
    let table: [(&str, Option<&[&str]>); 11] = [
        (" <http://a/>", Some(&["http://a/"])),
        (" <http://a/>\r\n <http://b/>", Some(&["http://a/", "http://b/"])),
        (
            " (FTP) <ftp://a/b> (x),\r\n\t<mailto:list@host?subject=help>",
            Some(&["ftp://a/b", "mailto:list@host?subject=help"]),
        ),
        ("<http://a/\r\n b>", Some(&["http://a/b"])),
        ("<http://a/>, NO, <http://b/>", Some(&["http://a/"])),
        ("<http://a/> x, <http://b/>", Some(&["http://a/"])),
        ("<http://a/", None),
        ("NO", None),
        ("NO (closed)", None),
        ("http://a/", None),
        ("", None),
    ];
    for (value, expected) in table {
        let expected = expected.map(|urls| urls.iter().map(|url| (*url).to_owned()).collect::<Vec<_>>());
        assert_eq!(urls(value.as_bytes()), expected, "{value}");
    }
}

const HEADER: &[u8] =
    b"Subject: one\r\nno field\r\nDATE: 21 Nov 1997 09:55:06 -0600\r\nsubject: two\r\nX-Bad: \xff\r\n\
\r\nSubject: in the body\r\n";

// spec: RFC 8621 §4.1.3; RFC 8621 §4.1.2.6
#[test]
fn fields_are_found_by_name_last_or_all() {
    let one = HeaderValue::Text("one".into());
    let two = HeaderValue::Text("two".into());
    assert_eq!(last(HEADER, "SUBJECT", HeaderForm::Text), Some(two.clone()));
    assert_eq!(all(HEADER, "Subject", HeaderForm::Text), [one, two]);
    assert_eq!(last(HEADER, "X-None", HeaderForm::Raw), None);
    assert_eq!(all(HEADER, "X-None", HeaderForm::Raw), []);
    let date = last(HEADER, "date", HeaderForm::Date);
    assert!(matches!(date, Some(HeaderValue::Date(Some(date))) if date.unix_s == 880_127_706));
    assert_eq!(HeaderValue::of(b" soon", HeaderForm::Date), HeaderValue::Date(None));
    let shown: Vec<_> = raw_headers(HEADER).collect();
    let expected = [
        ("Subject", " one"),
        ("DATE", " 21 Nov 1997 09:55:06 -0600"),
        ("subject", " two"),
        ("X-Bad", " \u{fffd}"),
    ];
    let expected = expected.map(|(name, value)| RawHeader { name: name.into(), value: value.into() });
    assert_eq!(shown, expected);
    for form in HeaderForm::ALL {
        assert_eq!(HeaderValue::of(b" x", form).form(), form);
    }
}

// spec: RFC 8621 §4.1.2.2; RFC 8621 §4.1.2.3
#[test]
fn what_an_envelope_tells_of_forms() {
    let kept = |field: &str, name: &str, form| {
        let mut record = Vec::new();
        crate::parse(field.as_bytes()).facts.envelope.encode(&mut record);
        crate::EnvelopeView::of(&record).unwrap().form(name, form)
    };
    let known = |field: &str, name: &str, form| matches!(kept(field, name, form), KeptForm::Value(_));
    let addresses = HeaderForm::Addresses;
    for field in ["To: a@b", "To: A <a@b>, g: c@d;", "TO: \"A, B\" <a@b>", "To: =?utf-8?q?=C3=A9?= <a@b>"] {
        assert!(known(field, "to", addresses), "{field}");
    }
    for field in [
        "To: a@b\r\nTo: c@d",
        "To:",
        "To: \"=?utf-8?q?x?=\" <a@b>",
        "To: =?utf-8?q?a,b?= <a@b>",
        "To: \"=\"?utf-8?q?x?= <a@b>",
    ] {
        assert_eq!(kept(field, "to", addresses), KeptForm::Unknown, "{field}");
    }
    assert_eq!(kept("From: a@b", "Sender", addresses), KeptForm::Absent, "IMAP shows From instead");
    assert!(known("From: a@b\r\nSender: a@b", "Sender", addresses));
    let text = HeaderForm::Text;
    assert_eq!(kept("Subject:   x", "Subject", text), KeptForm::Value(HeaderValue::Text("x".into())));
    assert_eq!(kept("Subject: ", "Subject", text), KeptForm::Value(HeaderValue::Text("".into())));
    assert_eq!(kept("Subject: x ", "Subject", text), KeptForm::Unknown, "a blank at the end is shown");
    assert_eq!(kept("To: a@b", "Subject", text), KeptForm::Absent);
    let long = format!("X: {}\r\nTo: a@b", "x".repeat(300_000));
    assert_eq!(kept(&long, "To", addresses), KeptForm::Unknown, "so far nobody looks");
}
