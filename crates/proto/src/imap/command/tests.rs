//! Known answers for every command of the grammar, and what each refuses.
//! Commands with many arguments have a file of their own beside this one.

use koi_types::{Flags, Keyword, Role, SystemFlags};

use super::*;

mod fetch;
mod metadata;
mod notify;
mod search;

pub(super) fn read(line: &str) -> Command {
    match parse(line.as_bytes(), false) {
        Ok(parsed) => {
            assert_eq!(parsed.tag.as_str(), "a", "{line}");
            parsed.command
        }
        Err(error) => panic!("{line}: {error}"),
    }
}

pub(super) fn refused(lines: &[&str]) {
    for line in lines {
        assert!(parse(line.as_bytes(), false).is_err(), "{line:?} was read");
    }
}

pub(super) fn set(text: &str) -> SequenceSet {
    crate::imap::set::sequence_set(&mut Cursor::new(text.as_bytes(), false)).unwrap()
}

pub(super) fn name(text: &str) -> MailboxArg {
    MailboxArg::Name(MailboxName::new(text).unwrap())
}

// spec: RFC 4978 §5; RFC 8437 §6
#[test]
fn compress_and_unauthenticate() {
    assert_eq!(read("a COMPRESS DEFLATE"), Command::Compress);
    assert_eq!(read("a compress deflate"), Command::Compress);
    assert_eq!(read("a Unauthenticate"), Command::Unauthenticate);
    refused(&[
        "a COMPRESS",
        "a COMPRESS ",
        "a COMPRESS GZIP",
        "a COMPRESS \"DEFLATE\"",
        "a COMPRESS DEFLATE 9",
    ]);
    refused(&["a UNAUTHENTICATE x"]);
}

fn pattern(text: &str) -> ListPattern {
    ListPattern::Text(text.into())
}

/// RFC 9051 §9 `tag` and `command`
#[test]
fn tags_and_names() {
    let tag = |line: &str| parse(line.as_bytes(), false).map(|parsed| parsed.tag.to_string());
    assert_eq!(tag("A.1]:x NOOP").as_deref(), Ok("A.1]:x"));
    let longest = "t".repeat(128);
    assert_eq!(tag(&format!("{longest} NOOP")), Ok(longest.clone()));
    refused(&[
        &format!("{longest}t NOOP"),
        "",
        "a",
        "a ",
        " NOOP",
        "+ NOOP",
        "a+b NOOP",
        "* NOOP",
        "a(b NOOP",
        "a\\b NOOP",
    ]);
    refused(&[
        "a NOOPS",
        "a  NOOP",
        "a NOOP x",
        "a \"NOOP\"",
        "a A442",
        "a XPIG-LATIN",
        "a DONE",
        "a\tNOOP",
        "a NOOP\r",
        "ä NOOP",
    ]);
    assert_eq!(tag_of(b"a FOO").map(|t| t.to_string()).as_deref(), Some("a"));
    assert_eq!(tag_of(b"a").map(|t| t.to_string()).as_deref(), Some("a"));
    assert_eq!(tag_of(b"a(b FOO"), None);
    assert_eq!(tag_of(b" FOO"), None);
}

/// RFC 9051 §6.1.1, §6.1.2, §6.1.3, §6.2.1, §6.3.10, §6.3.13, §6.4.1, §6.4.2, RFC 3501 §6.4.1
#[test]
fn commands_without_arguments() {
    let all = [
        ("CAPABILITY", Command::Capability),
        ("NOOP", Command::Noop),
        ("LOGOUT", Command::Logout),
        ("STARTTLS", Command::StartTls),
        ("NAMESPACE", Command::Namespace),
        ("IDLE", Command::Idle),
        ("CHECK", Command::Check),
        ("CLOSE", Command::Close),
        ("UNSELECT", Command::Unselect),
        ("EXPUNGE", Command::Expunge { uids: None }),
    ];
    for (word, command) in all {
        assert_eq!(read(&format!("a {word}")), command);
        assert_eq!(read(&format!("a {}", word.to_lowercase())), command);
        assert_eq!(read(&format!("a {word}  ")), command, "QUIRK trailing_space");
        refused(&[&format!("a {word} x"), &format!("a {word}x")]);
    }
}

/// RFC 9051 §6.2.3, RFC 7888 §3
#[test]
fn login() {
    let login = |user: &[u8], password: &[u8]| Command::Login {
        username: user.into(),
        password: Secret(password.into()),
    };
    assert_eq!(read("a LOGIN SMITH SESAME"), login(b"SMITH", b"SESAME"));
    assert_eq!(read("a login \"FRED FOOBAR\" \"fat \\\"man\\\\\""), login(b"FRED FOOBAR", b"fat \"man\\"));
    assert_eq!(read("a LOGIN {11+}\r\nFRED FOOBAR {7}\r\nfat man"), login(b"FRED FOOBAR", b"fat man"));
    assert_eq!(read("a LOGIN a] \"\""), login(b"a]", b""));
    assert_eq!(read("a LOGIN \"jörg\" b"), login("jörg".as_bytes(), b"b"), "QUIRK quoted_8bit");
    let latin = parse(b"a LOGIN {2}\r\n\xe4\xff b", false).unwrap();
    assert_eq!(latin.command, login(b"\xe4\xff", b"b"));
    assert!(parse(b"a LOGIN \"\xe4\" b", false).is_err());
    refused(&[
        "a LOGIN",
        "a LOGIN a",
        "a LOGIN a ",
        "a LOGIN a b c",
        "a LOGIN a  b",
        "a LOGIN \"a b",
        "a LOGIN \"a\\b\" c",
        "a LOGIN {3}\r\nab",
        "a LOGIN {1}\r\nab c",
        "a LOGIN {1}\r\n\0 c",
        "a LOGIN ~{1}\r\nb c",
        "a LOGIN a {x}\r\nb",
        "a LOGIN (a) b",
        "a LOGIN a* b",
        "a LOGIN jörg b",
        "a LOGIN \"a\r\nb\" c",
    ]);
    assert!(!format!("{:?}", read("a LOGIN a sesame")).contains("sesame"), "a password in a log");
}

/// RFC 9051 §6.2.2, RFC 4959 §3
#[test]
fn authenticate() {
    let with = |mechanism: &str, response: Option<&[u8]>| Command::Authenticate {
        mechanism: mechanism.into(),
        initial_response: response.map(|r| Secret(r.into())),
    };
    assert_eq!(read("a AUTHENTICATE plain"), with("PLAIN", None));
    assert_eq!(read("a AUTHENTICATE PLAIN dGVzdAB0ZXN0AHRlc3Q="), with("PLAIN", Some(b"test\0test\0test")));
    assert_eq!(read("a AUTHENTICATE EXTERNAL ="), with("EXTERNAL", Some(b"")));
    refused(&[
        "a AUTHENTICATE",
        "a AUTHENTICATE PLAIN x",
        "a AUTHENTICATE PLAIN = =",
        "a AUTHENTICATE \"PLAIN\"",
    ]);
}

/// RFC 9051 §6.3.1, RFC 2971 §3.1
#[test]
fn enable_and_id() {
    assert_eq!(
        read("a ENABLE CONDSTORE x-good-idea"),
        Command::Enable(vec!["CONDSTORE".into(), "X-GOOD-IDEA".into()])
    );
    refused(&["a ENABLE", "a ENABLE ", "a ENABLE (CONDSTORE)"]);
    assert_eq!(read("a ID NIL"), Command::Id(Vec::new()));
    assert_eq!(read("a ID ()"), Command::Id(Vec::new()));
    let field = |name: &str, value: Option<&str>| IdField { name: name.into(), value: value.map(Box::from) };
    assert_eq!(
        read("a ID (\"name\" \"sodr\" \"version\" {4+}\r\n19.3 \"os\" NIL)"),
        Command::Id(vec![field("name", Some("sodr")), field("version", Some("19.3")), field("os", None)])
    );
    let many = format!("a ID ({})", ["\"x\" NIL"; 31].join(" "));
    refused(&["a ID", "a ID (\"name\")", "a ID (name \"x\")", "a ID (\"a\" \"b\" \"c\")", &many]);
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

/// RFC 9051 §6.4.6, RFC 7162 §3.1.3
#[test]
fn store() {
    let store = |action, silent, unchanged_since, flags| {
        Command::Store(Store { by_uid: false, set: set("2:4"), unchanged_since, action, silent, flags })
    };
    let deleted = || Flags::system(SystemFlags::DELETED);
    assert_eq!(read("a STORE 2:4 +FLAGS (\\Deleted)"), store(StoreAction::Add, false, None, deleted()));
    assert_eq!(
        read("a STORE 2:4 -flags.Silent \\deleted"),
        store(StoreAction::Remove, true, None, deleted())
    );
    assert_eq!(read("a STORE 2:4 FLAGS ()"), store(StoreAction::Replace, false, None, Flags::default()));
    let mut flags = Flags::system(SystemFlags::SEEN.union(SystemFlags::DRAFT));
    flags.insert(Keyword::new("$Forwarded").unwrap());
    flags.insert(Keyword::new("f1").unwrap());
    assert_eq!(
        read("a STORE 2:4 (UNCHANGEDSINCE 0) FLAGS f1 \\Seen \\Draft $Forwarded \\Recent F1"),
        store(StoreAction::Replace, false, Some(0), flags),
        "QUIRK recent_ignored"
    );
    let by_uid = Store {
        by_uid: true,
        set: set("6,4,8"),
        unchanged_since: Some(12_121_230_045),
        action: StoreAction::Add,
        silent: true,
        flags: deleted(),
    };
    assert_eq!(
        read("a UID STORE 6,4,8 (UNCHANGEDSINCE 12121230045) +FLAGS.SILENT (\\Deleted)"),
        Command::Store(by_uid)
    );
    let long = format!("a STORE 1 FLAGS {}", "k".repeat(256));
    let many =
        format!("a STORE 1 FLAGS ({})", (0..129).map(|n| format!("k{n}")).collect::<Vec<_>>().join(" "));
    refused(&[
        "a STORE",
        "a STORE 1",
        "a STORE 1 FLAGS",
        "a STORE 1 FLAGS ",
        "a STORE 1 *FLAGS ()",
        "a STORE 1 FLAGS.LOUD ()",
        "a STORE 1 FLAGS (\\Foo)",
        "a STORE 1 FLAGS (\\*)",
        "a STORE 1 FLAGS (\\)",
        "a STORE 1 FLAGS (a  b)",
        "a STORE 1 (UNCHANGEDSINCE) FLAGS ()",
        "a STORE 1 (FOO 1) FLAGS ()",
        "a STORE 1 (UNCHANGEDSINCE 1 UNCHANGEDSINCE 2) FLAGS ()",
        "a STORE 1 (UNCHANGEDSINCE 9223372036854775808) FLAGS ()",
        "a STORE 1 FLAGS \"x\"",
        "a STORE 0 FLAGS ()",
        "a STORE 1 FLAGS (a) b",
        &long,
        &many,
    ]);
}

/// RFC 9051 §6.4.7 to §6.4.9, RFC 4315 §2.1, RFC 6851 §3
#[test]
fn copy_move_and_uid_expunge() {
    let copy = |by_uid, numbers, to| Command::Copy { by_uid, set: set(numbers), mailbox: name(to) };
    assert_eq!(read("a COPY 2:4 MEETING"), copy(false, "2:4", "MEETING"));
    assert_eq!(read("a UID COPY 305:310 meeting"), copy(true, "305:310", "meeting"));
    assert_eq!(
        read("a UID MOVE 42:69 foo"),
        Command::Move { by_uid: true, set: set("42:69"), mailbox: name("foo") }
    );
    assert_eq!(
        read("a MOVE * \"a b\""),
        Command::Move { by_uid: false, set: set("*"), mailbox: name("a b") }
    );
    assert_eq!(read("a UID EXPUNGE 3000:3002"), Command::Expunge { uids: Some(set("3000:3002")) });
    refused(&[
        "a COPY",
        "a COPY 1",
        "a COPY 1 a b",
        "a COPY a b",
        "a MOVE 1",
        "a UID",
        "a UID ",
        "a UID NOOP",
        "a UID EXPUNGE",
        "a UID EXPUNGE 1 2",
        "a EXPUNGE 1",
        "a UID COPY 1",
        "a UID LOGIN a b",
        "a COPY 1, x",
        "a UID  COPY 1 x",
        "a COPY $$ x",
    ]);
}

/// RFC 9051 §6.3.12: without a literal there is no message. (With one: `decode`.)
#[test]
fn append_without_a_literal() {
    refused(&["a APPEND x", "a APPEND x \"message\"", "a APPEND"]);
}

/// RFC 9208 §4.1.1, §4.1.2 and §4.1.3
#[test]
fn quota() {
    let root = |text: &str| text.as_bytes().into();
    let get = |text| Command::GetQuota { root: root(text) };
    assert_eq!(read("a GETQUOTA \"!partition/sda4\""), get("!partition/sda4"));
    assert_eq!(read("a getquota \"\""), get(""));
    assert_eq!(read("a GETQUOTAROOT INBOX"), Command::GetQuotaRoot { mailbox: name("INBOX") });
    let limit = |resource: &str, limit| QuotaLimit { resource: resource.into(), limit };
    let set = |limits: &[QuotaLimit]| Command::SetQuota { root: root("#user/alice"), limits: limits.into() };
    let limits = [limit("STORAGE", 510), limit("MESSAGE", 0)];
    assert_eq!(read("a SETQUOTA \"#user/alice\" (STORAGE 510 MESSAGE 0)"), set(&limits));
    assert_eq!(read("a SETQUOTA #user/alice ()"), set(&[]));
    refused(&[
        "a GETQUOTA",
        "a GETQUOTA a b",
        "a GETQUOTAROOT",
        "a SETQUOTA a",
        "a SETQUOTA a (STORAGE)",
        "a SETQUOTA a (STORAGE x)",
        "a SETQUOTA a STORAGE 1",
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
