//! Known answers for every command of the grammar, and what each refuses.
//! Commands with many arguments have a file of their own beside this one.

use koi_types::{Flags, Keyword, MailboxName, SystemFlags};

use super::*;

mod auth;
mod fetch;
mod mailboxes;
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
