//! Every production of the responses: read, written again, and read to the same.

use koi_types::SystemFlags;

use super::*;
use crate::line::Tag;

const ID: &str = "5uKokneAhqDKfC4vU8ov0hjmGk0ZxcRzbuGySvyDFThMRUThZTRJ-pv6qTJwd27yHK9-wbL3ZA-9RPEzaRDEEQ";

/// Reads a response, and writes it as `canonical`, which reads the same.
#[track_caller]
fn reads_as(sent: &str, canonical: &str) -> Response {
    let response = parse(sent.as_bytes()).unwrap_or_else(|error| panic!("{sent}: {error}"));
    let mut out = Vec::new();
    response.push(&mut out);
    let canonical = format!("{canonical}\r\n");
    assert_eq!(out.escape_ascii().to_string(), canonical.as_bytes().escape_ascii().to_string());
    assert_eq!(parse(out.strip_suffix(b"\r\n").unwrap()).as_ref(), Ok(&response), "{canonical}");
    response
}

#[track_caller]
fn reads(sent: &str) -> Response {
    reads_as(sent, sent)
}

#[track_caller]
fn refuses(sent: &str) {
    assert!(parse(sent.as_bytes()).is_err(), "{sent}");
}

/// DMAP-00 §8.1.1, DMAP-00 §8.1.2, DMAP-00 §8.1.3, DMAP-00 §8.1.4, DMAP-00 §8.1.5
#[test]
fn status_responses() {
    let tag = Tag::new("A001");
    let ok = Status { tag, condition: Condition::Ok, code: None, text: "SELECT Completed".into() };
    assert_eq!(reads("A001 OK SELECT Completed"), Response::Status(ok));
    reads("* OK DMAP server ready");
    reads("* OK [ALERT] System shutdown in 10 minutes");
    reads("* PREAUTH DMAP server logged in as Smith");
    reads("* BYE Autologout; idle for too long");
    reads("a NO [TRYCREATE] kein Postfach »Entwürfe«");
    reads("* BAD text that ends like a literal {5}");
    reads_as("a OK", "a OK ");
    reads_as("a ok [alert]", "a OK [ALERT] ");
    for bad in ["a PREAUTH x", "a BYE x", "a FOO x", "a", "* ", "", "a OK [ALERT x"] {
        refuses(bad);
    }
    let mut out = Vec::new();
    status(None, Condition::No, None, "[x]\r\n", &mut out);
    assert_eq!(out, b"* NO (x]??\r\n");
}

/// DMAP-00 §8.1
#[test]
fn response_codes() {
    for code in [
        "ALERT",
        "READ-ONLY",
        "READ-WRITE",
        "TRYCREATE",
        "UIDNOTSTICKY",
        "NOMODSEQ",
        "CLOSED",
        "SUBMISSIONRACE",
        "POLICYDENIED",
        "AUTHENTICATIONFAILED",
        "AUTHORIZATIONFAILED",
        "EXPIRED",
        "UNAVAILABLE",
        "CONTACTADMIN",
        "NOPERM",
        "INUSE",
        "LIMIT",
        "OVERQUOTA",
        "ALREADYEXISTS",
        "NONEXISTENT",
        "SERVERBUG",
        "CLIENTBUG",
        "CANNOT",
        "TOOBIG",
        "EXPUNGEISSUED",
        "INPROGRESS",
        "BADMESSAGE",
        "BADSIGNATURE",
        "BADSSR",
        "KEYPOLICY",
        "KEYMISMATCH",
        "NOTCURRENT",
        "NOSIGNET",
        "SIGNETINVALID",
        "CREDENTIALSCHANGED",
    ] {
        let Response::Status(status) = reads(&format!("* NO [{code}] x")) else { panic!("no status") };
        assert!(!matches!(status.code, Some(Code::Other { .. }) | None), "{code}");
    }
    for code in [
        "CAPABILITY DMAPv1 DMAP=PARANOID AUTH=STACIE XPIG-LATIN",
        "PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\Forwarded \\SubmitPending \\*)",
        "PERMANENTFLAGS ()",
        "UIDNEXT 8",
        "UIDVALIDITY 1445248800",
        "HIGHESTMODSEQ 90",
        "MODIFIED 7,9:11",
        "APPENDUID 1445248800 8",
        "COPYUID 1445248800 1:2 8:9",
        "SUBMITTED rT0mXbC4QmWl1T2jKc9B1w",
        "HELD \"19-Oct-2015 10:02:00 +0000\"",
    ] {
        let Response::Status(status) = reads(&format!("* OK [{code}] x")) else { panic!("no status") };
        assert!(!matches!(status.code, Some(Code::Other { .. }) | None), "{code}");
    }
    for code in ["XFOO", "XFOO a (b) \"c\"", "UIDNEXT 0", "UIDNEXT", "ALERT x", "HELD soon", "COPYUID 1 2"] {
        let Response::Status(status) = reads(&format!("* OK [{code}] x")) else { panic!("no status") };
        assert!(matches!(status.code, Some(Code::Other { .. })), "{code}");
    }
}

/// DMAP-00 §8.5, DMAP-00 §7.2.1
#[test]
fn continuations() {
    assert_eq!(reads("+ Ready for 3072 octets"), Response::Continue("Ready for 3072 octets".into()));
    assert_eq!(reads_as("+", "+ ").challenge(), Some(vec![]));
    assert_eq!(reads("+ AGE=").challenge(), Some(b"\0a".to_vec()));
    assert_eq!(reads("+ idling").challenge(), None);
    let mut out = Vec::new();
    challenge(b"\0a", &mut out);
    assert_eq!(out, b"+ AGE=\r\n");
}

/// DMAP-00 §8.2.1, DMAP-00 §7.1.1
#[test]
fn capabilities() {
    let Response::Capability(shown) = reads(
        "* CAPABILITY DMAPv1 DMAP=CAUTIOUS SASL-IR LITERAL- AUTH=STACIE IDLE ENABLE UNSELECT MOVE UIDPLUS ESEARCH CONDSTORE QRESYNC SPECIAL-USE LIST-STATUS LIST-META REALM STACIE-PASSWD UIDONLY DECRYPT QUOTA",
    ) else {
        panic!("no CAPABILITY")
    };
    assert!(!shown.iter().any(|capability| matches!(capability, Capability::Other(_))));
    assert!(shown.contains(&Capability::Mode(crate::dmap::Mode::Cautious)));
    reads_as("* capability DMAP auth=gssapi XPIG-LATIN", "* CAPABILITY DMAP AUTH=GSSAPI XPIG-LATIN");
    reads("* CAPABILITY DMAP=OTHER AUTH=");
    reads("* ENABLED QRESYNC");
    reads("* ENABLED");
    refuses("* CAPABILITY");
}

/// DMAP-00 §8.2.2, DMAP-00 §8.2.3, DMAP-00 §7.3.8
#[test]
fn mailboxes() {
    reads("* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)");
    reads("* STATUS \"ä b\" (UIDVALIDITY 1 UNSEEN 0 DELETED 0 SIZE 9223372036854775807 HIGHESTMODSEQ 1)");
    reads("* STATUS x ()");
    refuses("* STATUS x (UIDNEXT 0)");
    refuses("* STATUS x (FOO 1)");
    let Response::Flags(flags) = reads("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)") else {
        panic!("no FLAGS");
    };
    assert_eq!(flags.system, SystemFlags::ALL);
    reads_as("* FLAGS (\\Odd \\Seen)", "* FLAGS (\\Seen)");
    reads("* LIST () \"/\" INBOX");
    reads_as("* LIST (\\noselect) NIL x", "* LIST (\\Noselect) \"/\" x");
    reads(
        "* LIST (\\Noselect \\NonExistent \\Noinferiors \\HasChildren \\HasNoChildren \\Subscribed \\Sent \\Odd) \"/\" x",
    );
    reads(
        "* LIST (\\HasNoChildren \\Drafts) \"/\" =9vK1qZ0hS7mQ2cXyTgBnUA (STATUS (MESSAGES 0 UNSEEN 0 HIGHESTMODSEQ 1) META ~{3}\r\na\0))",
    );
    reads("* LIST () \"/\" x (META NIL CHILDINFO (\"SUBSCRIBED\") FOO \"b c\")");
    reads("* MBOXMETA x ~{2}\r\n\r\n");
    reads("* MBOXMETA x NIL");
    refuses("* LIST () \".\" x");
}

/// DMAP-00 §8.3.1, DMAP-00 §7.6.2, RFC 7162 §3.2.10
#[test]
fn sizes() {
    assert_eq!(reads("* 23 EXISTS"), Response::Exists(23));
    reads("* 0 EXISTS");
    reads("* 4294967295 EXPUNGE");
    reads("* VANISHED 1:3,7");
    reads("* VANISHED (EARLIER) 7");
    refuses("* 0 EXPUNGE");
    refuses("* 4294967296 EXISTS");
    refuses("* VANISHED 1:*");
}

/// DMAP-00 §7.6.3, RFC 9051 §7.3.4
#[test]
fn searches() {
    reads("* SEARCH");
    reads("* SEARCH 9 2 7");
    reads("* SEARCH 9 (MODSEQ 90)");
    reads("* ESEARCH");
    reads("* ESEARCH (TAG \"a1\") UID MIN 1 MAX 9 COUNT 3 ALL 1,7,9 MODSEQ 90");
    refuses("* SEARCH 0");
    refuses("* ESEARCH ALL 1:*");
    refuses("* ESEARCH FOO 1");
}

/// DMAP-00 §8.4.1
#[test]
fn fetches() {
    reads("* 23 FETCH (FLAGS (\\Seen) SIZE 44827)");
    reads("* 23 FETCH (FLAGS (\\Seen) UID 4827313)");
    let Response::Fetch(fetched) = reads(
        "* 1 FETCH (UID 7 FLAGS () INTERNALDATE \"19-Oct-2015 10:00:05 +0000\" SIZE 1598 BODYSTRUCTURE ((1 73) (32 356)) MODSEQ (90))",
    ) else {
        panic!("no FETCH")
    };
    assert_eq!(fetched.items.len(), 6);
    reads(&format!("* 1 FETCH (KEYID {ID} META ~{{1}}\r\n) CHUNKHASH () BODYSTRUCTURE ())"));
    reads("* 1 FETCH (KEYID NIL META NIL)");
    let hash = base64(&[7; 64]);
    reads(&format!("* 1 FETCH (CHUNKHASH (\"{hash}\" \"{hash}\"))"));
    reads("* 1 FETCH (BODY[] ~{3}\r\n)\r\n BODY[1.1]<0> ~{0}\r\n BODY[67.2] NIL PLAIN[67.1]<5> NIL)");
    reads("* 7 UIDFETCH (FLAGS ())");
    for bad in [
        "* 0 FETCH (SIZE 1)",
        "* 1 FETCH ()",
        "* 1 FETCH (FOO 1)",
        "* 1 FETCH (BODY[] {1}\r\na)",
        "* 1 FETCH (UID 0)",
    ] {
        refuses(bad);
    }
}

fn base64(octets: &[u8]) -> String {
    crate::sasl::base64_encode(octets)
}

/// DMAP-00 §8.4.1: a message is written in pieces.
#[test]
fn a_message_in_pieces() {
    use crate::dmap::chunk::{Body, BodyForm};
    let mut out = Vec::new();
    let mut line = FetchLine::begin(Of::new(1, false).unwrap(), &mut out);
    line.push(&FetchedItem::Size(3), &mut out);
    line.body(Body { form: BodyForm::Stored, section: None }, Some(0), 3, &mut out);
    out.extend_from_slice(b"a\0b");
    line.end(&mut out);
    assert_eq!(out, b"* 1 FETCH (SIZE 3 BODY[]<0> ~{3}\r\na\0b)\r\n");
}

/// DMAP-00 §7.4.1, DMAP-00 §7.4.4, DMAP-00 §7.5
#[test]
fn keys_and_signets() {
    reads(&format!("* KEY {ID}"));
    reads(&format!(
        "* KEY {ID} (STATUS CURRENT CREATED \"19-Oct-2015 10:00:01 +0000\" EXPIRES NIL PUBLIC ~{{2}}\r\n\0\r PRIVATE NIL SIGNET ~{{0}}\r\n MESSAGES 3)"
    ));
    reads(&format!("* KEY {ID} (EXPIRES \"19-Oct-2015 10:00:01 +0000\")"));
    for state in ["PENDING", "CURRENT", "PREVIOUS", "EXPIRED"] {
        reads(&format!("* KEY {ID} (STATUS {state})"));
    }
    reads(&format!("* SIGNET bob@example.net {ID}"));
    reads(&format!(
        "* SIGNET bob@example.net {ID} (STATUS CURRENT SOURCE DMTP VALIDATION (SELF ORG COC DNSSEC TLS) RECORD \"ver=1 pok=... pol=strict\" DATA ~{{1}}\r\n) ORG NIL META NIL FETCHED \"19-Oct-2015 10:00:01 +0000\")"
    ));
    reads(&format!("* SIGNET example.net {ID} (RECORD NIL STATUS UPDATE SOURCE LOCAL VALIDATION ())"));
    reads_as(
        &format!("* SIGNET x {ID} (VALIDATION (SELF XFOO))"),
        &format!("* SIGNET x {ID} (VALIDATION (SELF))"),
    );
    reads(&format!("* REALM mail 0 SALT {ID}"));
    reads(&format!("* REALM meta 65535 SHARD {ID}"));
    refuses("* KEY x");
    refuses(&format!("* KEY {ID} (STATUS FOO)"));
    refuses(&format!("* REALM mail 0 FOO {ID}"));
}

/// DMAP-00 §7.7.1, DMAP-00 §8
#[test]
fn responses_that_nobody_knows() {
    reads("* XPIG-LATIN ow-nay eaking-spay ig-pay atin-lay");
    reads("* XFOO");
    assert_eq!(parse(b"* NAMESPACE ((\"\" \"/\")) NIL NIL"), Ok(Response::Unknown("NAMESPACE".into())));
    assert_eq!(parse(b"* 3 RECENT"), Ok(Response::Unknown("RECENT".into())));
}
