//! Commands on the messages of the selected mailbox.

use koi_types::{Keyword, SystemFlags};

use super::*;
use crate::dmap::chunk::{Body, BodyForm, ChunkType, Section};

/// DMAP-00 §7.6.1, DMAP-00 §7.6.2, DMAP-00 §7.6.8
#[test]
fn close_and_expunge() {
    assert_eq!(reads("CLOSE"), Command::Close);
    assert_eq!(reads("UNSELECT"), Command::Unselect);
    assert_eq!(reads("EXPUNGE"), Command::Expunge { uids: None });
    let Command::Expunge { uids } = reads_as("uid expunge 7,2:4,3", "UID EXPUNGE 2:4,7") else {
        panic!("no EXPUNGE");
    };
    assert_eq!(uids.unwrap().count(), 4);
    refuses("UID EXPUNGE 1:*", "only numbers may stand in this set");
    refuses("UID EXPUNGE", "expected a space");
    refuses("UID NOOP", "unknown UID command");
    refuses("UID", "expected a space");
}

/// DMAP-00 §7.6.3, RFC 4731 §3.1
#[test]
fn search() {
    reads("SEARCH DELETED SINCE 1-Feb-2015");
    let Command::Search(search) = reads("UID SEARCH 1:100 UID 443:557") else { panic!("no SEARCH") };
    assert!(search.by_uid && search.returns.is_none() && search.keys.len() == 2);
    let Command::Search(search) = reads("SEARCH RETURN (MIN MAX ALL COUNT SAVE) $") else {
        panic!("no SEARCH")
    };
    assert_eq!(search.returns.as_deref(), Some(ReturnOption::ALL));
    reads("SEARCH RETURN () ALL");
    for flag in ["ANSWERED", "DELETED", "DRAFT", "FLAGGED", "FORWARDED", "SEEN", "SUBMITTED", "SUBMITPENDING"]
    {
        reads(&format!("SEARCH {flag} UN{flag} NOT {flag}"));
    }
    reads("SEARCH KEYWORD $x UNKEYWORD y");
    reads_as("SEARCH BEFORE \"01-feb-2015\" ON 1-Mar-2015", "SEARCH BEFORE 1-Feb-2015 ON 1-Mar-2015");
    reads("SEARCH LARGER 9223372036854775807 SMALLER 0 MODSEQ 90 CHUNK 67");
    reads("SEARCH PEER example.net PEER \"b c\" *:4,7 UID *");
    reads(
        "SEARCH KEYID 5uKokneAhqDKfC4vU8ov0hjmGk0ZxcRzbuGySvyDFThMRUThZTRJ-pv6qTJwd27yHK9-wbL3ZA-9RPEzaRDEEQ",
    );
    reads("SEARCH OR SEEN OR DRAFT OR (1 2) OR OR 3 4 DELETED ALL");
    reads("SEARCH OR OR 1 2 SEEN");
    refuses("SEARCH", "expected a space");
    refuses("SEARCH FROM x", "unknown search key");
    refuses("SEARCH CHARSET UTF-8 ALL", "unknown search key");
    refuses("SEARCH MODSEQ 0", "a mod-sequence is above 0");
    refuses("SEARCH CHUNK 256", "a chunk type is at most 255");
    refuses("SEARCH RETURN (FOO) ALL", "unknown RETURN option");
    refuses("SEARCH ON 30-Feb-2015", "expected a date such as 1-Feb-1994");
    refuses("SEARCH OR SEEN", "expected a space");
    refuses("SEARCH ()", "expected a search key");
}

/// DMAP-00 §7.6.3: deep nesting ends in BAD, long chains do not nest.
#[test]
fn search_is_bounded() {
    let nested = |depth: usize| format!("SEARCH {}ALL{}", "(".repeat(depth), ")".repeat(depth));
    reads(&nested(31));
    refuses(&nested(32), "search keys are nested too deeply");
    refuses(&format!("SEARCH {}ALL", "NOT ".repeat(32)), "search keys are nested too deeply");
    reads(&format!("SEARCH {}SEEN", "OR ALL ".repeat(1000)));
}

/// DMAP-00 §7.6.4
#[test]
fn fetch() {
    let Command::Fetch(fetch) = reads_as("FETCH 2:4 FAST", "FETCH 2:4 (FLAGS INTERNALDATE SIZE)") else {
        panic!("no FETCH");
    };
    assert_eq!(fetch.items, [FetchItem::Flags, FetchItem::InternalDate, FetchItem::Size]);
    reads_as("UID FETCH 7 full", "UID FETCH 7 (FLAGS INTERNALDATE SIZE BODYSTRUCTURE)");
    reads("UID FETCH 4827313:4828442 FLAGS");
    reads("FETCH 1:* (META MODSEQ UID CHUNKHASH KEYID)");
    reads_as("FETCH 1 (FLAGS SIZE FLAGS)", "FETCH 1 (FLAGS SIZE)");
    reads_as("FETCH 1 (FLAGS)", "FETCH 1 FLAGS");
    reads("FETCH $ BODY[]");
    reads("UID FETCH 7 (KEYID BODY.PEEK[1.1] BODY.PEEK[32.1] BODY.PEEK[48.1]<0.16> BODY.PEEK[67.2])");
    let Command::Fetch(fetch) = reads("FETCH 1 BODY[67.2]<0.2048>") else { panic!("no FETCH") };
    let body = Body { form: BodyForm::Stored, section: Some(Section { chunk: ChunkType(67), number: 2 }) };
    let partial = Some(Partial { first: 0, octets: 2048 });
    assert_eq!(fetch.items, [FetchItem::Body { body, peek: false, partial }]);
    reads("FETCH 1 (BODY[0.1] PLAIN[67.1] PLAIN[]<1.2>)");
    refuses("FETCH 1 (FULL)", "a macro must stand alone");
    refuses("FETCH 1 (FLAGS FAST)", "a macro must stand alone");
    refuses("FETCH 1 ALL", "unknown FETCH item");
    refuses("FETCH 1 ENVELOPE", "unknown FETCH item");
    refuses("FETCH 1 ()", "unknown FETCH item");
    refuses("FETCH 1 BODY", "expected [");
    refuses("FETCH 1 BODY[1]", "expected . and the number of the chunk");
    refuses("FETCH 1 BODY[1.0]", "number must not be 0");
    refuses("FETCH 1 BODY[256.1]", "a chunk type is at most 255");
    refuses("FETCH 1 BODY[1.2.3]", "expected ]");
    refuses("FETCH 1 BODY[]<0.0>", "number must not be 0");
    refuses("FETCH 1 BODY[]<0>", "expected . and how many octets");
    refuses("FETCH 0 FLAGS", "number must not be 0");
    let many: Vec<String> = (1..=257).map(|n| format!("BODY[1.{n}]")).collect();
    refuses(&format!("FETCH 1 ({})", many.join(" ")), "too many items");
}

/// RFC 7162 §3.1.4.1, RFC 7162 §3.2.6
#[test]
fn fetch_what_changed() {
    let Command::Fetch(fetch) = reads("UID FETCH 1:* FLAGS (CHANGEDSINCE 90 VANISHED)") else {
        panic!("no FETCH")
    };
    assert!(fetch.changed_since.is_some_and(|since| since.vanished && since.mod_seq.value() == 90));
    reads("FETCH 1:* (FLAGS META) (CHANGEDSINCE 90)");
    refuses("FETCH 1:* FLAGS (CHANGEDSINCE 90 VANISHED)", "VANISHED is for UID FETCH");
    refuses("FETCH 1:* FLAGS (CHANGEDSINCE 0)", "a mod-sequence is above 0");
    refuses("FETCH 1:* FLAGS (VANISHED)", "unknown FETCH modifier");
}

/// DMAP-00 §7.6.5, RFC 7162 §3.1.3
#[test]
fn store() {
    let Command::Store(store) = reads("STORE 2:4 +FLAGS (\\Deleted)") else { panic!("no STORE") };
    let StoreValue::Flags { action: FlagAction::Add, flags } = store.value else { panic!("no +FLAGS") };
    assert_eq!(flags.system, SystemFlags::DELETED);
    for item in ["FLAGS", "FLAGS.SILENT", "+FLAGS", "+FLAGS.SILENT", "-FLAGS", "-FLAGS.SILENT"] {
        reads(&format!("UID STORE 7 {item} (\\Seen $x y)"));
        reads(&format!("STORE 1 (UNCHANGEDSINCE 0) {item} ()"));
        reads_as(&format!("STORE * {item} y \\Seen"), &format!("STORE * {item} (\\Seen y)"));
    }
    let Command::Store(store) = reads("UID STORE 7 (UNCHANGEDSINCE 90) META ~{2+}\r\n\0\n") else {
        panic!("no STORE");
    };
    assert_eq!(store.value, StoreValue::Meta(MetaChange::Set(b"\0\n".to_vec())));
    reads("STORE 1 META.SILENT NIL");
    refuses("STORE 1 +META NIL", "expected FLAGS, +FLAGS, -FLAGS or META");
    refuses("STORE 1 META {1+}\r\na", "expected octets as a literal8, or NIL");
    refuses("STORE 1 META ~{65537}", "META block is too large");
    refuses("STORE 1 FLAGS", "expected a space");
    refuses("STORE 1 FLAGS ", "expected a flag");
    refuses("STORE 1 FLAGS (\\Recent)", "unknown system flag");
    refuses("STORE 1 (FOO 1) FLAGS ()", "unknown STORE modifier");
    refuses("STORE 1 +-FLAGS ()", "expected +FLAGS or -FLAGS");
}

/// DMAP-00 §3.3.2: three flags that are keywords elsewhere.
#[test]
fn flags() {
    let Command::Store(store) = reads_as(
        "STORE 1 FLAGS (\\submitpending $Submitted \\FORWARDED \\draft)",
        "STORE 1 FLAGS (\\Draft \\Forwarded \\Submitted \\SubmitPending)",
    ) else {
        panic!("no STORE");
    };
    let StoreValue::Flags { flags, .. } = store.value else { panic!("no FLAGS") };
    assert_eq!(flags.system, SystemFlags::DRAFT);
    for keyword in ["$Forwarded", "$Submitted", "$SubmitPending"] {
        assert!(flags.has(&Keyword::new(keyword).unwrap()), "{keyword}");
    }
    let many: Vec<String> = (0..129).map(|n| format!("k{n}")).collect();
    refuses(&format!("STORE 1 FLAGS ({})", many.join(" ")), "too many keywords");
    refuses(&format!("STORE 1 FLAGS ({})", "k".repeat(256)), "keyword is too long");
}

/// DMAP-00 §7.6.6, RFC 9051 §6.4.8
#[test]
fn copy_and_move() {
    reads("COPY 2:4 MEETING");
    reads("UID COPY 2:4,9 \"a b\"");
    reads("MOVE 1 x");
    reads("UID MOVE * x");
    refuses("COPY 2:4", "expected a space");
}

/// DMAP-00 §7.6.7: unknown options, and options used in an invalid way, are BAD.
#[test]
fn submit() {
    let Command::Submit(submit) = reads_as(
        "UID SUBMIT 8 (RETURN HEADER SAVETO =9vK1qZ0hS7mQ2cXyTgBnUA)",
        "UID SUBMIT 8 (RETURN HEADER SAVETO =9vK1qZ0hS7mQ2cXyTgBnUA)",
    ) else {
        panic!("no SUBMIT");
    };
    assert_eq!((submit.by_uid, submit.bounce), (true, Some(Bounce::Header)));
    reads("SUBMIT 8");
    reads_as("SUBMIT * ()", "SUBMIT *");
    reads("SUBMIT 8 (HOLDFOR 60)");
    reads("SUBMIT 8 (HOLDUNTIL \" 1-Oct-2025 10:00:00 +0200\" RETURN FULL SAVETO Sent SENTFLAGS (\\Seen))");
    reads("SUBMIT 8 (RETURN DISPLAY SAVETO Sent SENTFLAGS ())");
    refuses("SUBMIT 8 (FOO)", "unknown delivery option");
    refuses("SUBMIT 8 (HOLDFOR 0)", "number must not be 0");
    refuses("SUBMIT 8 (HOLDFOR 1 HOLDUNTIL \" 1-Oct-2025 10:00:00 +0200\")", "this option came before");
    refuses("SUBMIT 8 (RETURN ALL)", "expected FULL, DISPLAY or HEADER");
    refuses("SUBMIT 8 (SENTFLAGS (\\Seen))", "SENTFLAGS needs SAVETO");
    refuses("SUBMIT 8 (RETURN FULL RETURN FULL)", "this option came before");
    refuses("SUBMIT 7:8", "expected the end of the command");
    refuses("SUBMIT 7,8", "expected the end of the command");
    refuses("SUBMIT", "expected a space");
}
