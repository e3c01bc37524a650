//! Known answers for FETCH (RFC 9051 §6.4.5, RFC 3501 §6.4.5, RFC 7162 §3.1.4).

use super::super::*;
use super::{read, refused, set};

fn items(line: &str) -> Vec<FetchItem> {
    match read(&format!("a FETCH 1 {line}")) {
        Command::Fetch(fetch) => fetch.items,
        other => panic!("{other:?}"),
    }
}

fn section(peek: bool, part: &[u32], text: SectionText) -> FetchItem {
    FetchItem::Section(BodySection { peek, section: Section { part: part.into(), text }, partial: None })
}

/// RFC 9051 §6.4.5, RFC 3501 §6.4.5
#[test]
fn items_and_macros() {
    use FetchItem::*;
    assert_eq!(items("FAST"), [Flags, InternalDate, Rfc822Size]);
    assert_eq!(items("all"), [Flags, InternalDate, Rfc822Size, Envelope]);
    assert_eq!(items("FULL"), [Flags, InternalDate, Rfc822Size, Envelope, Body]);
    for (word, item) in [
        ("UID", Uid),
        ("FLAGS", Flags),
        ("INTERNALDATE", InternalDate),
        ("RFC822.SIZE", Rfc822Size),
        ("ENVELOPE", Envelope),
        ("BODY", Body),
        ("BODYSTRUCTURE", BodyStructure),
        ("MODSEQ", ModSeq),
        ("RFC822", Rfc822),
        ("RFC822.HEADER", Rfc822Header),
        ("RFC822.TEXT", Rfc822Text),
    ] {
        assert_eq!(items(word), std::slice::from_ref(&item));
        assert_eq!(items(&format!("({} uid)", word.to_lowercase()))[0], item);
    }
    assert_eq!(items("(FLAGS FLAGS UID FLAGS)"), [Flags, Uid]);
    refused(&[
        "a FETCH",
        "a FETCH 1",
        "a FETCH 1 ",
        "a FETCH 1 ()",
        "a FETCH 1 FOO",
        "a FETCH 1 (FAST)",
        "a FETCH 1 (FLAGS",
        "a FETCH 1 (FLAGS  UID)",
        "a FETCH 1 FLAGS UID",
        "a FETCH 0 FLAGS",
        "a FETCH x FLAGS",
        "a FETCH 1 BODYSTRUCTURE[]",
        "a FETCH 1 BODY.PEEK",
        "a FETCH 1 (FLAGS )",
        "a FETCH 1 RFC822.PEEK",
        "a FETCH 1:2:3 FLAGS",
    ]);
}

/// RFC 9051 §6.4.5, `section` and `partial` of RFC 9051 §9
#[test]
fn sections() {
    let whole = || SectionText::Whole;
    assert_eq!(items("BODY[]"), [section(false, &[], whole())]);
    assert_eq!(items("body.peek[]"), [section(true, &[], whole())]);
    assert_eq!(items("BODY[1]"), [section(false, &[1], whole())]);
    assert_eq!(items("BODY[4.2.2.1]"), [section(false, &[4, 2, 2, 1], whole())]);
    assert_eq!(items("BODY[HEADER]"), [section(false, &[], SectionText::Header)]);
    assert_eq!(items("BODY[4.1.MIME]"), [section(false, &[4, 1], SectionText::Mime)]);
    assert_eq!(items("BODY[3.TEXT]"), [section(false, &[3], SectionText::Text)]);
    let names = || vec!["DATE".into(), "From".into()];
    assert_eq!(
        items("(FLAGS BODY[HEADER.FIELDS (DATE From)])")[1],
        section(false, &[], SectionText::HeaderFields(names()))
    );
    assert_eq!(
        items("BODY.PEEK[4.2.header.fields.not (\"DATE\" {4+}\r\nFrom)]"),
        [section(true, &[4, 2], SectionText::HeaderFieldsNot(names()))]
    );
    let FetchItem::Section(partial) = &items("BODY[TEXT]<0.2048>")[0] else { panic!() };
    assert_eq!(partial.partial, Some(Partial { first: 0, count: 2048 }));
    let deep = format!("a FETCH 1 BODY[{}]", ["1"; 65].join("."));
    refused(&[
        "a FETCH 1 BODY[",
        "a FETCH 1 BODY[MIME]",
        "a FETCH 1 BODY[0]",
        "a FETCH 1 BODY[1.]",
        "a FETCH 1 BODY[1..2]",
        "a FETCH 1 BODY[.1]",
        "a FETCH 1 BODY[FOO]",
        "a FETCH 1 BODY[HEADER.FIELDS]",
        "a FETCH 1 BODY[HEADER.FIELDS ()]",
        "a FETCH 1 BODY[1 ]",
        "a FETCH 1 BODY[]<0>",
        "a FETCH 1 BODY[]<0.0>",
        "a FETCH 1 BODY[]<.1>",
        "a FETCH 1 BODY[]<0.1",
        "a FETCH 1 BODY[HEADER.FIELDS (ä)]",
        "a FETCH 1 BODY[1HEADER]",
        &deep,
    ]);
}

/// RFC 9051 §6.4.5, RFC 3501 §6.4.5
#[test]
fn what_sets_seen() {
    for (line, sets) in [
        ("BODY[]", true),
        ("BODY[HEADER]", true),
        ("BODY.PEEK[]", false),
        ("RFC822", true),
        ("RFC822.TEXT", true),
        ("RFC822.HEADER", false),
        ("BODY", false),
        ("ENVELOPE", false),
    ] {
        assert_eq!(items(line)[0].sets_seen(), sets, "{line}");
    }
}

/// RFC 9051 §6.4.9, RFC 7162 §3.1.4.1
#[test]
fn uid_form_and_modifiers() {
    let fetch = |by_uid, numbers, items: &[FetchItem], changed_since| {
        Command::Fetch(Fetch {
            by_uid,
            set: set(numbers),
            items: items.into(),
            changed_since,
            vanished: false,
            partial: None,
        })
    };
    let (flags, uid, mod_seq) = (FetchItem::Flags, FetchItem::Uid, FetchItem::ModSeq);
    assert_eq!(
        read("a UID FETCH 4827313:4828442 FLAGS"),
        fetch(true, "4827313:4828442", std::slice::from_ref(&flags), None)
    );
    assert_eq!(read("a UID FETCH 1 (UID FLAGS)"), fetch(true, "1", &[uid, flags.clone()], None));
    assert_eq!(
        read("a UID FETCH 1:* (FLAGS) (CHANGEDSINCE 12345)"),
        fetch(true, "1:*", &[flags.clone(), mod_seq.clone()], Some(12345))
    );
    let since = |n: u64| fetch(false, "1:3", &[flags.clone(), mod_seq.clone()], Some(n));
    assert_eq!(read("a FETCH 1:3 FLAGS (changedsince 1)"), since(1));
    // QUIRK changed_since_zero
    assert_eq!(read("a FETCH 1:3 FLAGS (CHANGEDSINCE 0)"), since(0));
    refused(&[
        "a FETCH 1 FLAGS (CHANGEDSINCE)",
        "a FETCH 1 FLAGS ()",
        "a FETCH 1 FLAGS (FOO 1)",
        "a UID FETCH 1 FLAGS (VANISHED)",
        "a FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)",
        "a FETCH 1 FLAGS (CHANGEDSINCE -1)",
    ]);
}

/// RFC 7162 §3.2.6, RFC 3516 §4.2, RFC 8514 §4.2
#[test]
fn vanished_and_binary() {
    let Command::Fetch(fetch) = read("a UID FETCH $ (SAVEDATE BINARY.SIZE[1.2]) (CHANGEDSINCE 7 VANISHED)")
    else {
        panic!()
    };
    assert!(fetch.vanished && fetch.set.has_saved() && fetch.changed_since == Some(7));
    assert_eq!(fetch.items[..2], [FetchItem::SaveDate, FetchItem::BinarySize(vec![1, 2])]);
    let partial = Some(Partial { first: 5, count: 9 });
    assert_eq!(
        items("(BINARY.PEEK[2]<5.9> BINARY[])"),
        [
            FetchItem::Binary(BinarySection { peek: true, part: vec![2], partial }),
            FetchItem::Binary(BinarySection { peek: false, part: vec![], partial: None }),
        ]
    );
    assert!(items("BINARY[1]")[0].sets_seen() && !items("BINARY.PEEK[1]")[0].sets_seen());
}

/// `limits::IMAP_FETCH_ITEMS_MAX`
#[test]
fn items_are_bounded() {
    let list = |count: u32| {
        format!("a FETCH 1 ({})", (1..=count).map(|n| format!("BODY[{n}]")).collect::<Vec<_>>().join(" "))
    };
    assert!(matches!(read(&list(256)), Command::Fetch(f) if f.items.len() == 256));
    refused(&[&list(257)]);
}
