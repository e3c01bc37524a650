//! Every production of the commands: read, written again, and read to the same; and what is refused.

use super::*;

mod keys;
mod messages;

/// Reads a command, and writes it as `canonical`, which reads the same.
#[track_caller]
pub(super) fn reads_as(sent: &str, canonical: &str) -> Command {
    let parsed = parse(format!("a1 {sent}").as_bytes()).unwrap_or_else(|error| panic!("{sent}: {error}"));
    assert_eq!(parsed.tag.as_str(), "a1");
    let encoded = parsed.command.encode(&parsed.tag);
    assert_eq!(
        encoded.octets().escape_ascii().to_string(),
        format!("a1 {canonical}\r\n").as_bytes().escape_ascii().to_string()
    );
    let again = parse(encoded.octets().strip_suffix(b"\r\n").unwrap()).unwrap();
    assert_eq!(again, parsed, "{canonical}");
    parsed.command
}

/// The same for one that is canonical already.
#[track_caller]
pub(super) fn reads(sent: &str) -> Command {
    reads_as(sent, sent)
}

/// Is refused for this reason.
#[track_caller]
pub(super) fn refuses(sent: &str, why: &str) {
    let error = parse(format!("a {sent}").as_bytes()).map(|parsed| parsed.command);
    assert_eq!(error.map_err(|error| error.what), Err(why), "{sent}");
}

fn name(text: &str) -> MailboxArg {
    MailboxArg::Name(koi_types::MailboxName::new(text).unwrap())
}

/// DMAP-00 §7.1.1, DMAP-00 §7.1.2, DMAP-00 §7.1.3
#[test]
fn in_any_state() {
    assert_eq!(reads("CAPABILITY"), Command::Capability);
    assert_eq!(reads_as("noop", "NOOP"), Command::Noop);
    assert_eq!(reads("LOGOUT"), Command::Logout);
    refuses("NOOP ", "expected the end of the command");
    refuses("NOOP x", "expected the end of the command");
    refuses("LOGIN a b", "unknown command");
    refuses("STARTTLS", "unknown command");
    refuses("", "expected a command");
    refuses(" NOOP", "expected a command");
}

/// DMAP-00 §3.2.1: a tag there must be.
#[test]
fn tags() {
    for bad in ["", " NOOP", "+ NOOP", "a", "(x) NOOP", "a\"b NOOP"] {
        assert!(parse(bad.as_bytes()).is_err(), "{bad}");
    }
    assert!(parse(format!("{} NOOP", "t".repeat(129)).as_bytes()).is_err());
    assert_eq!(parse(b"a]b NOOP").unwrap().tag.as_str(), "a]b");
}

/// DMAP-00 §7.2.1
#[test]
fn authenticate() {
    let initial = |octets: &[u8]| Command::Authenticate {
        mechanism: "STACIE".into(),
        initial_response: Some(Secret(octets.to_vec())),
    };
    assert_eq!(
        reads("AUTHENTICATE STACIE"),
        Command::Authenticate { mechanism: "STACIE".into(), initial_response: None }
    );
    assert_eq!(reads("AUTHENTICATE STACIE ="), initial(b""));
    assert_eq!(reads("AUTHENTICATE STACIE AHVzZXJAZXhhbXBsZS50bGQ="), initial(b"\0user@example.tld"));
    reads_as("authenticate stacie-plus", "AUTHENTICATE STACIE-PLUS");
    refuses("AUTHENTICATE", "expected a space");
    refuses("AUTHENTICATE ", "expected a mechanism");
    refuses("AUTHENTICATE STACIE AHV=", "base64 has bits left over");
    refuses("AUTHENTICATE STACIE A-V_", "not a base64 character");
    refuses("AUTHENTICATE STACIE AHV", "base64 is not a multiple of four characters");
    assert_eq!(encode_sasl(b""), b"\r\n");
    assert_eq!(encode_sasl(b"\0a"), b"AGE=\r\n");
}

/// DMAP-00 §7.3.1, DMAP-00 §7.3.2, RFC 7162 §3.2.5
#[test]
fn select_and_examine() {
    let plain = Select { mailbox: name("INBOX"), read_only: false, qresync: None };
    assert_eq!(reads_as("SELECT inBox", "SELECT INBOX"), Command::Select(plain));
    reads("EXAMINE \"a b/ä\"");
    reads("SELECT =9vK1qZ0hS7mQ2cXyTgBnUA");
    let Command::Select(select) =
        reads_as("select x (qresync (7 90 2:4,1))", "SELECT x (QRESYNC (7 90 1:4))")
    else {
        panic!("no SELECT");
    };
    let qresync = select.qresync.unwrap();
    assert_eq!((qresync.uid_validity.value(), qresync.mod_seq.value()), (7, 90));
    assert_eq!(qresync.known_uids.unwrap().count(), 4);
    reads("EXAMINE x (QRESYNC (7 90))");
    refuses("SELECT", "expected a space");
    refuses("SELECT x (QRESYNC (0 1))", "UIDVALIDITY must not be 0");
    refuses("SELECT x (QRESYNC (1 0))", "a mod-sequence is above 0");
    refuses("SELECT x (QRESYNC (1 2 3:*))", "only numbers may stand in this set");
    refuses("SELECT x (QRESYNC (1 2) QRESYNC (1 2))", "this option came before");
    refuses("SELECT x (CONDSTORE)", "unknown SELECT parameter");
    refuses("SELECT x ()", "expected a parameter");
}

/// DMAP-00 §6.1: names are UTF-8 without control characters; a name no mailbox can have is no BAD.
#[test]
fn names_of_mailboxes() {
    assert_eq!(reads_as("DELETE {5+}\r\nInbox", "DELETE INBOX"), Command::Delete { mailbox: name("INBOX") });
    reads_as("DELETE \"A\u{308}\"", "DELETE \"Ä\"");
    reads_as("DELETE \"NIL\"", "DELETE \"NIL\"");
    for invalid in ["\"\"", "/a", "a//b", "\"a\tb\"", "{3+}\r\na\nb"] {
        let parsed = parse(format!("a DELETE {invalid}").as_bytes()).unwrap();
        assert!(matches!(parsed.command, Command::Delete { mailbox: MailboxArg::Invalid(_) }), "{invalid}");
    }
    assert_eq!(parse(b"a DELETE {1+}\r\n\xff").unwrap_err().what, "string is not UTF-8");
    assert_eq!(parse(b"a DELETE \"\xff\"").unwrap_err().what, "quoted string is not UTF-8");
    refuses("DELETE a%b", "expected the end of the command");
}

/// DMAP-00 §7.3.3, RFC 6154 §3: a separator at the end is dropped.
#[test]
fn create() {
    let Command::Create(create) = reads_as("CREATE foo/bar/", "CREATE foo/bar") else { panic!("no CREATE") };
    assert_eq!(create, Create { mailbox: name("foo/bar"), uses: vec![], meta: None });
    let Command::Create(create) = reads("CREATE x (USE (\\Sent \\Drafts \\Odd) META ~{3+}\r\na\0b)") else {
        panic!("no CREATE");
    };
    assert_eq!(create.uses.len(), 3);
    assert_eq!(create.uses[2], UseAttr::Other("\\Odd".into()));
    assert_eq!(create.meta.as_deref(), Some(b"a\0b".as_slice()));
    reads("CREATE x (META ~{0+}\r\n)");
    reads_as("CREATE x (USE ())", "CREATE x");
    refuses("CREATE x (META {1+}\r\na)", "expected a literal");
    refuses("CREATE x (META NIL)", "expected a literal");
    refuses("CREATE x (USE (\\Sent) USE (\\Sent))", "this option came before");
    refuses("CREATE x (USE (Sent))", "expected an attribute, such as \\Sent");
    refuses("CREATE x (FOO)", "unknown CREATE parameter");
}

/// DMAP-00 §7.3.4, DMAP-00 §7.3.5, DMAP-00 §7.3.6, DMAP-00 §7.3.7
#[test]
fn delete_rename_subscribe() {
    reads("DELETE foo");
    assert_eq!(reads("RENAME foo zap"), Command::Rename { from: name("foo"), to: name("zap") });
    reads_as("RENAME foo/bar/zap baz/rag/zowie/", "RENAME foo/bar/zap baz/rag/zowie");
    reads("SUBSCRIBE x");
    reads("UNSUBSCRIBE x");
    refuses("RENAME foo", "expected a space");
}

/// DMAP-00 §7.3.8, RFC 5258 §3, RFC 5819 §2, RFC 6154 §2
#[test]
fn list() {
    let Command::List(list) =
        reads("LIST (SPECIAL-USE) * RETURN (STATUS (MESSAGES UNSEEN HIGHESTMODSEQ) META)")
    else {
        panic!("no LIST");
    };
    assert_eq!(list.select, [ListSelect::SpecialUse]);
    assert_eq!(list.patterns, ["*".into()]);
    assert_eq!(list.returns.len(), 2);
    reads("LIST *");
    reads("LIST %");
    reads_as("LIST \"a b/%\"", "LIST \"a b/%\"");
    reads("LIST \"\"");
    reads("LIST () (a* \"b c\" %)");
    reads_as("LIST (a b)", "LIST () (a b)");
    reads_as("LIST (a b) RETURN (CHILDREN)", "LIST () (a b) RETURN (CHILDREN)");
    reads_as("LIST (SUBSCRIBED RECURSIVEMATCH) (x)", "LIST (SUBSCRIBED RECURSIVEMATCH) x");
    reads("LIST (SUBSCRIBED) RETURN");
    reads("LIST * RETURN (SUBSCRIBED CHILDREN SPECIAL-USE META STATUS (UIDNEXT))");
    reads_as("LIST * RETURN ()", "LIST *");
    reads_as("LIST {1+}\r\n*", "LIST *");
    refuses("LIST (FOO) *", "unknown selection option");
    refuses("LIST (RECURSIVEMATCH) *", "RECURSIVEMATCH needs another selection option");
    refuses("LIST \"\" *", "expected the end of the command");
    refuses("LIST * RETURN (FOO)", "unknown return option");
    refuses("LIST * RETURN (STATUS ())", "expected a STATUS item");
    refuses("LIST ()", "expected an atom or a string");
}

/// DMAP-00 §7.3.9
#[test]
fn status() {
    let command =
        reads("STATUS blurdybloop (MESSAGES UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE HIGHESTMODSEQ)");
    let Command::Status { items, .. } = command else { panic!("no STATUS") };
    assert_eq!(items, StatusItem::ALL);
    refuses("STATUS x ()", "expected a STATUS item");
    refuses("STATUS x (RECENT)", "unknown STATUS item");
    refuses("STATUS x MESSAGES", "expected (");
}

/// RFC 5161 §3.1, RFC 9051 §6.3.13
#[test]
fn enable_and_idle() {
    assert_eq!(
        reads_as("ENABLE qresync UIDONLY", "ENABLE QRESYNC UIDONLY"),
        Command::Enable(vec!["QRESYNC".into(), "UIDONLY".into()])
    );
    refuses("ENABLE", "expected a space");
    assert_eq!(reads("IDLE"), Command::Idle);
}

/// The META block of a mailbox (DMAP-00 §7.6.4 has that of a message).
#[test]
fn mailbox_meta() {
    assert_eq!(reads("MBOXMETA x"), Command::MailboxMeta { mailbox: name("x"), change: None });
    reads("MBOXMETA x NIL");
    let command = reads("MBOXMETA x ~{4+}\r\n\r\n\0\0");
    let change = Some(MetaChange::Set(b"\r\n\0\0".to_vec()));
    assert_eq!(command, Command::MailboxMeta { mailbox: name("x"), change });
    let error = parse(b"a MBOXMETA x ~{65537}").unwrap_err();
    assert_eq!((error.what, error.fault), ("META block is too large", crate::line::lex::Fault::TooLarge));
}

/// DMAP-00 §7.7.1
#[test]
fn experimental_commands() {
    reads("XPIG-LATIN");
    let command = reads("XFOO a 7 ~{2+}\r\n\0\r (\\Seen $x) \"b c\" {3+}\r\na\nb");
    let Command::Experimental(Experimental { name, arguments }) = command else { panic!("no X") };
    assert_eq!((&*name, arguments.len()), ("XFOO", 6));
    assert_eq!(arguments[2], XArgument::Octets(b"\0\r".to_vec()));
    refuses("X", "expected more of the name of the command");
}

/// RFC 7888 §5: what is longer than 4096 octets waits for the server.
#[test]
fn long_literals_are_asked_for() {
    let pieces = |octets: usize| {
        let change = Some(MetaChange::Set(vec![7; octets]));
        let command = Command::MailboxMeta { mailbox: name("x"), change };
        let encoded = command.encode(&Tag::new("a").unwrap());
        encoded.pieces().map(<[u8]>::len).collect::<Vec<_>>()
    };
    assert_eq!(pieces(4096), ["a MBOXMETA x ~{4096+}\r\n".len() + 4096 + 2]);
    assert_eq!(pieces(4097), ["a MBOXMETA x ~{4097}\r\n".len(), 4097 + 2]);
}
