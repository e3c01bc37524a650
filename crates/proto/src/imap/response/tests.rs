//! Known answers: what the server sends, most of it from the examples of the standards.

use koi_types::{Keyword, MailboxId, ModSeq, NumSet, Role, SeqNum, SystemFlags, Uid, UidSet, UidValidity};

use super::*;
use crate::imap::capability::{Capabilities, Capability};
use crate::imap::command::{Tag, tag_of};

mod fetch;
mod search;

fn sent(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    let text = String::from_utf8_lossy(&out).into_owned();
    text.strip_suffix("\r\n").unwrap_or(&text).to_owned()
}

fn tag(text: &str) -> Tag {
    tag_of(text.as_bytes()).unwrap()
}

fn uids(numbers: &[u32]) -> UidSet {
    numbers.iter().filter_map(|n| Uid::new(*n)).collect()
}

/// RFC 9051 §7.1
#[test]
fn status_responses() {
    let line = |tag: Option<&Tag>, word, code: Option<Code<'_>>, text| {
        sent(|out| status(tag, word, code.as_ref(), text, out))
    };
    assert_eq!(line(None, Status::Ok, None, "IMAP4rev1 server ready"), "* OK IMAP4rev1 server ready");
    assert_eq!(
        line(Some(&tag("A222")), Status::No, None, "COPY failed: disk is full"),
        "A222 NO COPY failed: disk is full"
    );
    assert_eq!(line(None, Status::Bad, None, "Empty command line"), "* BAD Empty command line");
    assert_eq!(line(None, Status::PreAuth, None, "hello"), "* PREAUTH hello");
    assert_eq!(line(None, Status::Bye, None, "Autologout"), "* BYE Autologout");
    assert_eq!(line(None, Status::Ok, Some(Code::Alert), "a\r\nb \u{e4}"), "* OK [ALERT] a??b ??");
}

/// RFC 9051 §7.1, RFC 3501 §7.1, RFC 4315 §3, RFC 5530 §3, RFC 7162 §3.1.2 and §3.1.3, RFC 6154 §3
#[test]
fn response_codes() {
    let text = |code: Code<'_>| {
        let line = sent(|out| status(None, Status::Ok, Some(&code), "x", out));
        line.strip_prefix("* OK [").unwrap().strip_suffix("] x").unwrap().to_owned()
    };
    let validity = UidValidity::new(38505).unwrap();
    assert_eq!(
        text(Code::AppendUid { uid_validity: validity, uids: &uids(&[3955]) }),
        "APPENDUID 38505 3955"
    );
    let (from, to) = (uids(&[304, 319, 320]), uids(&[3956, 3957, 3958]));
    assert_eq!(
        text(Code::CopyUid { uid_validity: validity, from: &from, to: &to }),
        "COPYUID 38505 304,319:320 3956:3958"
    );
    assert_eq!(text(Code::BadCharset(&["US-ASCII", "UTF-8"])), "BADCHARSET (US-ASCII UTF-8)");
    assert_eq!(text(Code::BadCharset(&[])), "BADCHARSET");
    let names = vec![Capability::Imap4Rev1, Capability::AuthPlain];
    let capabilities = Capabilities { names, append_limit: Some(1) };
    assert_eq!(text(Code::Capability(&capabilities)), "CAPABILITY IMAP4rev1 AUTH=PLAIN");
    assert_eq!(text(Code::MailboxId(MailboxId(1))), format!("MAILBOXID ({})", MailboxId(1)));
    assert_eq!(
        text(Code::HighestModSeq(ModSeq::new(715_194_045_007).unwrap())),
        "HIGHESTMODSEQ 715194045007"
    );
    let modified: NumSet = [7, 9].into_iter().collect();
    assert_eq!(text(Code::Modified(&modified)), "MODIFIED 7,9");
    let keywords = [Keyword::new("$Forwarded").unwrap()];
    let system = SystemFlags::DELETED.union(SystemFlags::SEEN);
    let permanent =
        |system, keywords, new_keywords| text(Code::PermanentFlags { system, keywords, new_keywords });
    assert_eq!(permanent(system, &[], true), "PERMANENTFLAGS (\\Deleted \\Seen \\*)");
    assert_eq!(permanent(system, &keywords, false), "PERMANENTFLAGS (\\Deleted \\Seen $Forwarded)");
    assert_eq!(permanent(SystemFlags::NONE, &[], false), "PERMANENTFLAGS ()");
    assert_eq!(text(Code::UidNext(Uid::new(4392).unwrap())), "UIDNEXT 4392");
    assert_eq!(text(Code::UidValidity(UidValidity::new(3_857_529_045).unwrap())), "UIDVALIDITY 3857529045");
    assert_eq!(text(Code::Unseen(SeqNum::new(12).unwrap())), "UNSEEN 12");
    for (code, name) in [
        (Code::AlreadyExists, "ALREADYEXISTS"),
        (Code::AuthenticationFailed, "AUTHENTICATIONFAILED"),
        (Code::AuthorizationFailed, "AUTHORIZATIONFAILED"),
        (Code::Cannot, "CANNOT"),
        (Code::ClientBug, "CLIENTBUG"),
        (Code::Closed, "CLOSED"),
        (Code::CompressionActive, "COMPRESSIONACTIVE"),
        (Code::ContactAdmin, "CONTACTADMIN"),
        (Code::Corruption, "CORRUPTION"),
        (Code::Expired, "EXPIRED"),
        (Code::ExpungeIssued, "EXPUNGEISSUED"),
        (Code::HasChildren, "HASCHILDREN"),
        (Code::InUse, "INUSE"),
        (Code::Limit, "LIMIT"),
        (Code::NoModSeq, "NOMODSEQ"),
        (Code::NonExistent, "NONEXISTENT"),
        (Code::NoPerm, "NOPERM"),
        (Code::NotSaved, "NOTSAVED"),
        (Code::OverQuota, "OVERQUOTA"),
        (Code::Parse, "PARSE"),
        (Code::PrivacyRequired, "PRIVACYREQUIRED"),
        (Code::ReadOnly, "READ-ONLY"),
        (Code::ReadWrite, "READ-WRITE"),
        (Code::ServerBug, "SERVERBUG"),
        (Code::TooBig, "TOOBIG"),
        (Code::TryCreate, "TRYCREATE"),
        (Code::UidNotSticky, "UIDNOTSTICKY"),
        (Code::Unavailable, "UNAVAILABLE"),
        (Code::UnknownCte, "UNKNOWN-CTE"),
        (Code::UseAttr, "USEATTR"),
    ] {
        assert_eq!(text(code), name);
    }
    // RFC 5464 §4.2.1 and §4.3
    assert_eq!(text(Code::MetadataLongEntries(2199)), "METADATA LONGENTRIES 2199");
    assert_eq!(text(Code::MetadataMaxSize(1024)), "METADATA MAXSIZE 1024");
    assert_eq!(text(Code::MetadataTooMany), "METADATA TOOMANY");
    assert_eq!(text(Code::MetadataNoPrivate), "METADATA NOPRIVATE");
}

// spec: RFC 9585 §5
#[test]
fn progress() {
    let text = |tag_text: &str, done, total| {
        let (tag, mut out) = (tag(tag_text), Vec::new());
        Code::InProgress { tag: &tag, done, total }.push(&mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(text("A001", Some(454), Some(1000)), "INPROGRESS (\"A001\" 454 1000)");
    assert_eq!(text("A001", Some(0), Some(1)), "INPROGRESS (\"A001\" 0 1)");
    assert_eq!(text("A001", Some(454), None), "INPROGRESS (\"A001\" 454 NIL)");
    assert_eq!(text("A001", None, None), "INPROGRESS (\"A001\" NIL NIL)");
    assert_eq!(text("A]1", Some(7), Some(9)), "INPROGRESS (NIL 7 9)");
    // RFC 9585 §4: the goal is more than what is done, and there is none where nobody knows what is done.
    assert_eq!(text("a", Some(9), Some(9)), "INPROGRESS (\"a\" 9 NIL)");
    assert_eq!(text("a", None, Some(9)), "INPROGRESS (\"a\" NIL NIL)");
}

/// RFC 9051 §7.2.1, §7.2.2 and §7.6, RFC 2971 §3.2
#[test]
fn server_responses() {
    assert_eq!(
        sent(|out| continuation("Ready for additional command text", out)),
        "+ Ready for additional command text"
    );
    assert_eq!(sent(|out| challenge(b"", out)), "+ ");
    assert_eq!(sent(|out| challenge(b"foo", out)), "+ Zm9v");
    let names = vec![Capability::Imap4Rev1, Capability::StartTls, Capability::LoginDisabled];
    let mut capabilities = Capabilities { names, append_limit: None };
    assert_eq!(sent(|out| capability(&capabilities, out)), "* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED");
    // RFC 7889 §2
    capabilities.names = vec![Capability::AppendLimit];
    assert_eq!(sent(|out| capability(&capabilities, out)), "* CAPABILITY APPENDLIMIT");
    capabilities.append_limit = Some(257_890);
    assert_eq!(sent(|out| capability(&capabilities, out)), "* CAPABILITY APPENDLIMIT=257890");
    assert_eq!(sent(|out| enabled(&[Capability::CondStore], out)), "* ENABLED CONDSTORE");
    assert_eq!(sent(|out| enabled(&[], out)), "* ENABLED");
    let fields = [IdPair { name: "name", value: Some("Koi") }, IdPair { name: "os", value: None }];
    assert_eq!(sent(|out| id(&fields, out)), "* ID (\"name\" \"Koi\" \"os\" NIL)");
    assert_eq!(sent(|out| id(&[], out)), "* ID NIL");
    for capability in Capability::ALL {
        assert_eq!(Capability::parse(&capability.name().to_lowercase()), Some(*capability));
    }
    assert_eq!(Capability::parse("X-GOOD-IDEA"), None);
}

/// RFC 9051 §7.3.1, RFC 3501 §7.2.3, RFC 5258 §4, RFC 6154 §5
#[test]
fn list_responses() {
    let line = |name, attributes: &[Attribute], encoding| {
        sent(|out| {
            list(&ListEntry { name, attributes, subscribed_below: false, old_name: None }, encoding, out)
        })
    };
    let plain = NameEncoding::ModifiedUtf7;
    assert_eq!(line("~/Mail/foo", &[Attribute::NoSelect], plain), "* LIST (\\Noselect) \"/\" ~/Mail/foo");
    assert_eq!(line("", &[Attribute::NoSelect], plain), "* LIST (\\Noselect) \"/\" \"\"");
    assert_eq!(line("Sent Mail", &[], plain), "* LIST () \"/\" \"Sent Mail\"");
    assert_eq!(line("Entwürfe", &[], plain), "* LIST () \"/\" Entw&APw-rfe");
    assert_eq!(line("Entwürfe", &[], NameEncoding::Utf8), "* LIST () \"/\" \"Entwürfe\"");
    assert_eq!(line("A&B", &[], plain), "* LIST () \"/\" A&-B");
    assert_eq!(line("A&B", &[], NameEncoding::Utf8), "* LIST () \"/\" \"A&B\"");
    assert_eq!(line("a\"b*", &[], plain), "* LIST () \"/\" \"a\\\"b*\"");
    assert_eq!(line("nil", &[], plain), "* LIST () \"/\" \"nil\"");
    let all = [
        Attribute::NonExistent,
        Attribute::NoInferiors,
        Attribute::HasChildren,
        Attribute::HasNoChildren,
        Attribute::Marked,
        Attribute::Unmarked,
        Attribute::Subscribed,
        Attribute::Remote,
        Attribute::Role(Role::Sent),
    ];
    let names = "\\NonExistent \\Noinferiors \\HasChildren \\HasNoChildren \\Marked \
        \\Unmarked \\Subscribed \\Remote \\Sent";
    assert_eq!(line("x", &all, plain), format!("* LIST ({names}) \"/\" x"));
    let foo = ListEntry { name: "foo", attributes: &[], subscribed_below: true, old_name: None };
    let childinfo = "\"CHILDINFO\" (\"SUBSCRIBED\")";
    assert_eq!(sent(|out| list(&foo, plain, out)), format!("* LIST () \"/\" foo ({childinfo})"));
    // RFC 9051 §6.3.9.7
    let oldname = "\"OLDNAME\" (\"o f\")";
    let entry = ListEntry { old_name: Some("o f"), ..foo };
    assert_eq!(sent(|out| list(&entry, plain, out)), format!("* LIST () \"/\" foo ({childinfo} {oldname})"));
    let entry = ListEntry { subscribed_below: false, ..entry };
    assert_eq!(sent(|out| list(&entry, plain, out)), format!("* LIST () \"/\" foo ({oldname})"));
    let attributes = &[Attribute::NoSelect];
    let entry = ListEntry { name: "#news.comp.mail", attributes, subscribed_below: false, old_name: None };
    assert_eq!(sent(|out| lsub(&entry, plain, out)), "* LSUB (\\Noselect) \"/\" #news.comp.mail");
}

/// RFC 9051 §7.3.2 to §7.3.5, §7.4.1 and §7.5.1, RFC 3501 §7.3.2, RFC 7162 §3.1.7
#[test]
fn mailbox_responses() {
    let values = [
        StatusValue::Messages(231),
        StatusValue::UidNext(Uid::new(44292).unwrap()),
        StatusValue::HighestModSeq(ModSeq::new(7_011_231_777).unwrap()),
        StatusValue::Recent(0),
        StatusValue::UidValidity(UidValidity::MIN),
        StatusValue::Unseen(2),
        StatusValue::Deleted(3),
        StatusValue::Size(u64::from(u32::MAX) + 1),
    ];
    let line =
        |values: &[StatusValue]| sent(|out| status_data("blurdybloop", NameEncoding::default(), values, out));
    assert_eq!(
        line(&values),
        "* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292 HIGHESTMODSEQ 7011231777 RECENT 0 UIDVALIDITY 1 \
         UNSEEN 2 \
         DELETED 3 SIZE 4294967296)"
    );
    assert_eq!(line(&[]), "* STATUS blurdybloop ()");
    // RFC 9208 §4.1.4, RFC 7889 §3.1, RFC 8474 §4.3
    let values = [
        StatusValue::DeletedStorage(8),
        StatusValue::AppendLimit(257_890),
        StatusValue::MailboxId(MailboxId(7)),
        StatusValue::Messages(0),
    ];
    let id = MailboxId(7);
    assert_eq!(
        line(&values),
        format!("* STATUS blurdybloop (DELETED-STORAGE 8 APPENDLIMIT 257890 MAILBOXID ({id}) MESSAGES 0)")
    );
    let (own, others) = ([Namespace { prefix: "" }], [Namespace { prefix: "~" }, Namespace { prefix: "&" }]);
    assert_eq!(sent(|out| namespace(&own, &[], &[], out)), "* NAMESPACE ((\"\" \"/\")) NIL NIL");
    assert_eq!(
        sent(|out| namespace(&[], &others, &own, out)),
        "* NAMESPACE NIL ((\"~\" \"/\")(\"&-\" \"/\")) ((\"\" \"/\"))"
    );
    assert_eq!(
        sent(|out| flags(SystemFlags::ALL, ["$Junk"], out)),
        "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Junk)"
    );
    assert_eq!(sent(|out| exists(23, out)), "* 23 EXISTS");
    assert_eq!(sent(|out| recent(0, out)), "* 0 RECENT");
    assert_eq!(sent(|out| expunge(SeqNum::new(44).unwrap(), out)), "* 44 EXPUNGE");
}

/// RFC 5464 §4.4.1 and §4.4.2
#[test]
fn metadata_responses() {
    let plain = NameEncoding::ModifiedUtf7;
    let values = |mailbox, encoding, entries: &[(&str, Option<&[u8]>)]| {
        sent(|out| {
            let mut line = MetadataLine::begin(mailbox, encoding, out);
            entries.iter().for_each(|(name, value)| line.entry(name, *value, out));
            line.end(out);
        })
    };
    assert_eq!(
        values("", plain, &[("/shared/comment", Some(b"Shared comment"))]),
        "* METADATA \"\" (/shared/comment \"Shared comment\")"
    );
    assert_eq!(
        values("INBOX", plain, &[("/private/comment", Some(b"My own")), ("/shared/comment", None)]),
        "* METADATA INBOX (/private/comment \"My own\" /shared/comment NIL)"
    );
    assert_eq!(
        values("ä", plain, &[("/private/a b", Some(b"two\r\nlines")), ("/private/c", Some(b"\0"))]),
        "* METADATA &AOQ- (\"/private/a b\" {10}\r\ntwo\r\nlines /private/c ~{1}\r\n\0)"
    );
    assert_eq!(
        values("ä", NameEncoding::Utf8, &[("/private/c", Some(b""))]),
        "* METADATA \"ä\" (/private/c \"\")"
    );
    let changed = |names: &[&str]| sent(|out| metadata_changed("INBOX", plain, names.iter().copied(), out));
    assert_eq!(
        changed(&["/shared/comment", "/private/comment"]),
        "* METADATA INBOX /shared/comment /private/comment"
    );
    assert_eq!(changed(&[]), "");
}

/// RFC 9208 §4.2.1 and §4.2.2
#[test]
fn quota_responses() {
    let storage = ResourceUse { resource: Resource::Storage, usage: 54, limit: 111 };
    let message = ResourceUse { resource: Resource::Message, usage: 42, limit: 1000 };
    assert_eq!(
        sent(|out| quota("#user/alice", &[storage, message], out)),
        "* QUOTA #user/alice (STORAGE 54 111 MESSAGE 42 1000)"
    );
    assert_eq!(sent(|out| quota("", &[], out)), "* QUOTA \"\" ()");
    let plain = NameEncoding::ModifiedUtf7;
    assert_eq!(sent(|out| quota_root("INBOX", plain, &[""], out)), "* QUOTAROOT INBOX \"\"");
    assert_eq!(sent(|out| quota_root("ä", plain, &[], out)), "* QUOTAROOT &AOQ-");
}
