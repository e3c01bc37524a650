//! GETMETADATA and SETMETADATA.

use koi_types::annotation::Depth;

use super::*;

fn entry(text: &str) -> EntryArg {
    EntryArg::Name(koi_types::EntryName::new(text).unwrap())
}

/// RFC 5464 §4.2 and §5
#[test]
fn getmetadata() {
    let server = || MetadataTarget::Server;
    let inbox = || MetadataTarget::Mailbox(name("INBOX"));
    let get = |target, max_size, depth, entries: &[&str]| {
        let entries = entries.iter().map(|text| entry(text)).collect();
        Command::GetMetadata(GetMetadata { target, max_size, depth, entries })
    };
    let (comment, both) = (&["/private/comment"][..], &["/shared/comment", "/private/comment"][..]);
    for (line, expected) in [
        ("a GETMETADATA \"\" /private/comment", get(server(), None, Depth::Zero, comment)),
        ("a getmetadata INBOX (/shared/comment /private/comment)", get(inbox(), None, Depth::Zero, both)),
        ("a GETMETADATA INBOX /shared/comment /private/comment", get(inbox(), None, Depth::Zero, both)),
        (
            "a GETMETADATA (MAXSIZE 1024) INBOX (/shared/comment /private/comment)",
            get(inbox(), Some(1024), Depth::Zero, both),
        ),
        (
            "a GETMETADATA \"INBOX\" (MAXSIZE 1024) (/shared/comment /private/comment)",
            get(inbox(), Some(1024), Depth::Zero, both),
        ),
        (
            "a GETMETADATA (depth infinity maxsize 0) {0+}\r\n {8+}\r\n/private",
            get(server(), Some(0), Depth::Infinity, &["/private"]),
        ),
        (
            "a GETMETADATA INBOX (DEPTH 1) \"/private/a b\" ",
            get(inbox(), None, Depth::One, &["/private/a b"]),
        ),
    ] {
        assert_eq!(read(line), expected, "{line}");
    }
    let long = format!("a GETMETADATA INBOX /private/{}", "x".repeat(300));
    let Command::GetMetadata(found) = read(&long) else { panic!() };
    assert_eq!(found.entries, [EntryArg::TooLong]);
    refused(&[
        "a GETMETADATA",
        "a GETMETADATA INBOX",
        "a GETMETADATA INBOX ()",
        "a GETMETADATA INBOX comment",
        "a GETMETADATA INBOX /private/",
        "a GETMETADATA INBOX \"/private/*\"",
        "a GETMETADATA INBOX /other/x",
        "a GETMETADATA INBOX {11+}\r\n/private/\u{e4}",
        "a GETMETADATA () INBOX /private/x",
        "a GETMETADATA (DEPTH 2) INBOX /private/x",
        "a GETMETADATA (DEPTH) INBOX /private/x",
        "a GETMETADATA (DEPTH 1 DEPTH 1) INBOX /private/x",
        "a GETMETADATA (DEPTH 1) INBOX (DEPTH 1) /private/x",
        "a GETMETADATA (MAXSIZE x) INBOX /private/x",
        "a GETMETADATA (MAXSIZE 4294967296) INBOX /private/x",
        "a GETMETADATA (WIDTH 1) INBOX /private/x",
        "a GETMETADATA (DEPTH 1) (DEPTH 1) INBOX /private/x",
    ]);
}

/// As many entries as a mailbox can have, and not one more.
#[test]
fn entries_are_counted() {
    for (one, close) in [("/private/x ", ""), ("/private/x y ", ")")] {
        let begin = if close.is_empty() { "a GETMETADATA INBOX (" } else { "a SETMETADATA INBOX (" };
        let line = |count: usize| format!("{begin}{})", one.repeat(count).trim_end());
        read(&line(koi_types::limits::IMAP_METADATA_ENTRIES_MAX));
        refused(&[&line(koi_types::limits::IMAP_METADATA_ENTRIES_MAX + 1)]);
    }
    let bare = format!("a GETMETADATA INBOX{}", " /private/x".repeat(1002));
    refused(&[&bare]);
}

/// RFC 5464 §4.3 and §5
#[test]
fn setmetadata() {
    let set = |target, values: &[(&str, Option<&[u8]>)]| {
        let value = |(name, value): &(&str, Option<&[u8]>)| EntryValue {
            entry: entry(name),
            value: value.map(Into::into),
        };
        Command::SetMetadata(SetMetadata { target, values: values.iter().map(value).collect() })
    };
    let inbox = || MetadataTarget::Mailbox(name("INBOX"));
    assert_eq!(
        read("a SETMETADATA INBOX (/private/comment {33+}\r\nMy new comment across\r\ntwo lines.)"),
        set(inbox(), &[("/private/comment", Some(b"My new comment across\r\ntwo lines."))])
    );
    assert_eq!(
        read("a SETMETADATA INBOX (/private/comment nil)"),
        set(inbox(), &[("/private/comment", None)])
    );
    assert_eq!(
        read(
            "a SETMETADATA \"\" (/private/a \"My \\\"x\\\"\" \"/shared/b c\" ~{3+}\r\n\0\n( /private/d yes)"
        ),
        set(
            MetadataTarget::Server,
            &[
                ("/private/a", Some(b"My \"x\"")),
                ("/shared/b c", Some(b"\0\n(")),
                ("/private/d", Some(b"yes"))
            ]
        )
    );
    assert_eq!(
        read("a SETMETADATA \"\" (/private/a \"NIL\" /private/b NILs /private/c ~)"),
        set(
            MetadataTarget::Server,
            &[("/private/a", Some(b"NIL")), ("/private/b", Some(b"NILs")), ("/private/c", Some(b"~"))]
        )
    );
    refused(&[
        "a SETMETADATA",
        "a SETMETADATA INBOX",
        "a SETMETADATA INBOX ()",
        "a SETMETADATA INBOX (/private/a)",
        "a SETMETADATA INBOX /private/a x",
        "a SETMETADATA INBOX (/private/a x /private/b)",
        "a SETMETADATA INBOX (/private/a x",
        "a SETMETADATA INBOX (/private x)",
        "a SETMETADATA INBOX (/private/vendor/x y)",
        "a SETMETADATA INBOX (/private//a y)",
        "a SETMETADATA INBOX (/private/a {1+}\r\n\0)",
        "a SETMETADATA INBOX (/private/a (x))",
    ]);
}
