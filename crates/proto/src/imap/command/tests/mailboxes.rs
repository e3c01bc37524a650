//! Known answers for commands on whole mailboxes and for the names of mailboxes.

use koi_types::{MailboxName, Role};

use super::super::*;
use super::{name, read, refused};

fn pattern(text: &str) -> ListPattern {
    ListPattern::Text(text.into())
}

/// RFC 9051 §6.3.2, §6.3.3 and §5.1, RFC 7162 §3.1.8
#[test]
fn select_and_examine() {
    let select = |mailbox, read_only, condstore| {
        Command::Select(Select { mailbox, read_only, condstore, qresync: None })
    };
    assert_eq!(read("a SELECT iNbOx"), select(name("INBOX"), false, false));
    assert_eq!(read("a examine \"Sent Mail\""), select(name("Sent Mail"), true, false));
    assert_eq!(read("a SELECT INBOX (condstore)"), select(name("INBOX"), false, true));
    assert_eq!(read("a SELECT Entw&APw-rfe"), select(name("Entwürfe"), false, false));
    assert_eq!(read("a SELECT {5}\r\nINBOX (CONDSTORE)"), select(name("INBOX"), false, true));
    refused(&[
        "a SELECT",
        "a SELECT a b",
        "a SELECT INBOX ()",
        "a SELECT INBOX (FOO)",
        "a SELECT INBOX (CONDSTORE FOO)",
        "a SELECT (a)",
    ]);
}

/// A name that no mailbox can have is no syntax error (RFC 9051 §6.3.2: NO).
#[test]
fn names_that_cannot_be() {
    for bad in ["\"\"", "a//b", "/a", "a&b", "\"&AGE-\"", "{1}\r\n\n", "{2}\r\n\u{e4}"] {
        let Command::Delete { mailbox: MailboxArg::Invalid(why) } = read(&format!("a DELETE {bad}")) else {
            panic!("{bad:?} is a name");
        };
        assert!(why.starts_with("mailbox name"), "{why}");
    }
    let utf8 = parse("a DELETE \"Entwürfe\"".as_bytes(), true).unwrap();
    assert_eq!(utf8.command, Command::Delete { mailbox: name("Entwürfe") });
    let amp = parse(b"a DELETE A&B", true).unwrap();
    assert_eq!(amp.command, Command::Delete { mailbox: name("A&B") });
}

/// RFC 9051 §6.3.4 to §6.3.8, RFC 6154 §3
#[test]
fn commands_on_mailboxes() {
    let create = |mailbox, special_use| Command::Create { mailbox, special_use };
    assert_eq!(read("a CREATE owatagusiam/"), create(name("owatagusiam"), vec![]));
    assert_eq!(read("a CREATE owatagusiam/blurdybloop"), create(name("owatagusiam/blurdybloop"), vec![]));
    assert!(matches!(read("a CREATE \"///////\""), Command::Create { mailbox: MailboxArg::Invalid(_), .. }));
    let (drafts, sent) = (SpecialUse::Role(Role::Drafts), SpecialUse::Role(Role::Sent));
    assert_eq!(
        read("a CREATE MySpecial (USE (\\Drafts \\sent))"),
        create(name("MySpecial"), vec![drafts, sent])
    );
    assert_eq!(
        read("a CREATE x (USE (\\Foo))"),
        create(name("x"), vec![SpecialUse::Unknown("\\Foo".into())])
    );
    assert_eq!(read("a CREATE x (USE ())"), create(name("x"), vec![]));
    refused(&[
        "a CREATE",
        "a CREATE x y",
        "a CREATE x (USE)",
        "a CREATE x (FOO (x))",
        "a CREATE x (USE (Drafts))",
    ]);

    assert_eq!(read("a DELETE blurdybloop"), Command::Delete { mailbox: name("blurdybloop") });
    let rename = Command::Rename { from: name("blurdybloop"), to: name("sarasoop") };
    assert_eq!(read("a RENAME blurdybloop sarasoop"), rename);
    assert_eq!(read("a RENAME {11}\r\nblurdybloop {8+}\r\nsarasoop"), rename);
    assert_eq!(
        read("a SUBSCRIBE #news.comp.mail.mime"),
        Command::Subscribe { mailbox: name("#news.comp.mail.mime") }
    );
    assert_eq!(read("a UNSUBSCRIBE x"), Command::Unsubscribe { mailbox: name("x") });
    refused(&[
        "a DELETE",
        "a DELETE a b",
        "a RENAME a",
        "a RENAME a b c",
        "a SUBSCRIBE",
        "a UNSUBSCRIBE (x)",
        "a DELETE a*",
    ]);
}

/// RFC 9051 §6.3.9, RFC 3501 §6.3.8 and §6.3.9
#[test]
fn list_and_lsub() {
    let plain = |reference, wanted| List {
        select: vec![],
        reference: pattern(reference),
        patterns: vec![pattern(wanted)],
        returns: vec![],
        extended: false,
    };
    assert_eq!(read("a LIST \"\" *"), Command::List(plain("", "*")));
    assert_eq!(read("a LIST \"\" \"\""), Command::List(plain("", "")));
    assert_eq!(read("a LIST ~/Mail/ %"), Command::List(plain("~/Mail/", "%")));
    assert_eq!(read("a LIST /usr/staff/jones \"\""), Command::List(plain("/usr/staff/jones", "")));
    assert_eq!(read("a LIST {0}\r\n {5+}\r\nIN%*]"), Command::List(plain("", "IN%*]")));
    assert_eq!(read("a LIST \"\" Entw&APw-%"), Command::List(plain("", "Entwü%")));
    assert!(matches!(read("a LIST \"\" a&b"), Command::List(List { patterns, .. })
            if matches!(patterns[0], ListPattern::Invalid(_))));
    let lsub = Command::Lsub { reference: pattern("#news."), pattern: pattern("comp.%") };
    assert_eq!(read("a LSUB \"#news.\" \"comp.%\""), lsub);
    refused(&[
        "a LIST",
        "a LIST \"\"",
        "a LIST \"\" ",
        "a LIST \"\" * x",
        "a LSUB \"\"",
        "a LSUB \"\" * *",
        "a LSUB \"\" (*)",
    ]);
}

/// RFC 9051 §6.3.9.1 to §6.3.9.4, RFC 5258 §3, RFC 5819 §2, RFC 6154 §2
#[test]
fn extended_list() {
    let extended = |select, patterns: &[&str], returns| {
        let patterns = patterns.iter().map(|p| pattern(p)).collect();
        Command::List(List { select, reference: pattern(""), patterns, returns, extended: true })
    };
    assert_eq!(
        read("a LIST (SUBSCRIBED) \"\" \"*\""),
        extended(vec![ListSelect::Subscribed], &["*"], vec![])
    );
    assert_eq!(
        read("a LIST () \"\" \"%\" RETURN (CHILDREN)"),
        extended(vec![], &["%"], vec![ListReturn::Children])
    );
    assert_eq!(
        read("a LIST \"\" (\"INBOX\" \"Drafts\" Sent/%)"),
        extended(vec![], &["INBOX", "Drafts", "Sent/%"], vec![])
    );
    assert_eq!(
        read("a LIST (REMOTE SUBSCRIBED) \"\" * RETURN (SUBSCRIBED)"),
        extended(vec![ListSelect::Remote, ListSelect::Subscribed], &["*"], vec![ListReturn::Subscribed])
    );
    assert_eq!(
        read("a LIST (SUBSCRIBED RECURSIVEMATCH) \"\" % RETURN (STATUS (MESSAGES UNSEEN) SPECIAL-USE)"),
        extended(
            vec![ListSelect::Subscribed, ListSelect::RecursiveMatch],
            &["%"],
            vec![ListReturn::Status(vec![StatusItem::Messages, StatusItem::Unseen]), ListReturn::SpecialUse]
        )
    );
    assert_eq!(read("a LIST (SPECIAL-USE) \"\" *"), extended(vec![ListSelect::SpecialUse], &["*"], vec![]));
    assert_eq!(read("a LIST \"\" % RETURN ()"), extended(vec![], &["%"], vec![]));
    refused(&[
        "a LIST (FOO) \"\" *",
        "a LIST (RECURSIVEMATCH) \"\" *",
        "a LIST (REMOTE RECURSIVEMATCH) \"\" *",
        "a LIST (SPECIAL-USE RECURSIVEMATCH) \"\" *",
        "a LIST \"\" ()",
        "a LIST \"\" * RETURN",
        "a LIST \"\" * RETURN (FOO)",
        "a LIST \"\" * RETURN (STATUS)",
        "a LIST \"\" * RETURN (STATUS ())",
        "a LIST (SUBSCRIBED)\"\" *",
    ]);
}

/// RFC 9051 §6.3.11, RFC 3501 §6.3.10, RFC 7162 §3.1.7
#[test]
fn status() {
    use StatusItem::{Deleted, HighestModSeq, Messages, Recent, Size, UidNext, UidValidity, Unseen};
    let status = |items: &[StatusItem]| Command::Status { mailbox: name("blurdybloop"), items: items.into() };
    assert_eq!(read("a STATUS blurdybloop (UIDNEXT MESSAGES)"), status(&[UidNext, Messages]));
    assert_eq!(
        read("a status \"blurdybloop\" (recent uidvalidity unseen deleted size highestmodseq)"),
        status(&[Recent, UidValidity, Unseen, Deleted, Size, HighestModSeq])
    );
    // RFC 9208 §4.1.4, RFC 7889 §3.1, RFC 8474 §4.3
    assert_eq!(
        read("a STATUS blurdybloop (DELETED-STORAGE appendlimit mailboxid)"),
        status(&[StatusItem::DeletedStorage, StatusItem::AppendLimit, StatusItem::MailboxId])
    );
    refused(&[
        "a STATUS x",
        "a STATUS x ()",
        "a STATUS x MESSAGES",
        "a STATUS x (FOO)",
        "a STATUS x (MESSAGES",
        "a STATUS (MESSAGES)",
    ]);
}

/// RFC 9051 §5.1 and §6.3.9.7: a name that is not normalised is read as the one that is, and remembered.
#[test]
fn denormalized_names() {
    let read = |utf8, line: &str| parse(line.as_bytes(), utf8).map(|parsed| parsed.command);
    let Ok(Command::Delete { mailbox }) = read(true, "a DELETE \"A\u{308}\"") else { panic!() };
    assert_eq!(mailbox.name().map(MailboxName::as_str), Ok("\u{c4}"));
    assert_eq!(mailbox.denormalized(), Some("A\u{308}"));
    let Ok(Command::Delete { mailbox }) = read(false, "a DELETE A&Awg-") else { panic!() };
    assert_eq!(mailbox.denormalized(), Some("A\u{308}"));
    let Ok(Command::Delete { mailbox }) = read(true, "a DELETE inbox") else { panic!() };
    assert_eq!((mailbox.name().map(MailboxName::is_inbox), mailbox.denormalized()), (Ok(true), None));
    let Ok(Command::Delete { mailbox }) = read(true, "a DELETE a&b") else { panic!() };
    assert_eq!(mailbox, name("a&b"));
}
