//! URLs of messages: those of the documents, and those that are refused.

use super::*;
use koi_types::Timestamp;
use proptest::prelude::*;

fn read(url: &str) -> MessageUrl {
    MessageUrl::parse(url.as_bytes()).unwrap_or_else(|bad| panic!("{url}: {bad:?}"))
}

#[track_caller]
fn refused(urls: &[&str]) {
    for url in urls {
        assert!(MessageUrl::parse(url.as_bytes()).is_err(), "{url} was read");
    }
}

// spec: RFC 4469 §A; RFC 5092 §6; RFC 5092 §7.1
#[test]
fn absolute_path_references() {
    let url = read("/Drafts;UIDVALIDITY=385759045/;UID=20/;section=1.MIME");
    assert_eq!(url.mailbox.as_str(), "Drafts");
    assert_eq!(url.uid_validity, UidValidity::new(385_759_045));
    assert_eq!(url.uid.value(), 20);
    assert_eq!(url.section, Section { part: vec![1], text: SectionText::Mime });
    assert_eq!((url.authority, url.partial, url.auth), (None, None, None));
    let url = read("/a/b%20c/%E6%97%A5/;uid=7");
    assert_eq!(url.mailbox.as_str(), "a/b c/日");
    assert_eq!(url.section.text, SectionText::Whole);
    let url = read("/INBOX/;UID=1/;SECTION=HEADER.FIELDS%20(To%20%22Cc%22)/;PARTIAL=5");
    assert!(matches!(url.section.text, SectionText::HeaderFields(names) if names.len() == 2));
    assert_eq!(url.partial, Some(UrlPartial { first: 5, count: None }));
    assert_eq!(read("/x/;UID=1/;partial=0.1024").partial, Some(UrlPartial { first: 0, count: Some(1024) }));
}

// spec: RFC 5092 §3; RFC 5092 §3.2; RFC 5092 §4; RFC 5092 §9
#[test]
fn absolute_urls() {
    let url = read("imap://minbari.example.org/gray-council;UIDVALIDITY=385759045/;UID=20/;PARTIAL=0.1024");
    let authority = url.authority.unwrap();
    assert_eq!((authority.user, &*authority.host), (None, "minbari.example.org"));
    let user = |url: &str| read(url).authority.unwrap().user;
    assert_eq!(user("IMAP://joe%40x@example.com:143/INBOX/;uid=20").as_deref(), Some("joe@x"));
    assert_eq!(user("imap://;AUTH=GSSAPI@minbari.example.org/gray-council/;uid=20/;section=1.2"), None);
    assert_eq!(user("imap://john;AUTH=*@minbari.example.org/x/;uid=1").as_deref(), Some("john"));
    assert_eq!(user("//john@host/x/;uid=1").as_deref(), Some("john"));
}

// spec: RFC 4467 §3; RFC 4467 §5; RFC 5092 §6.1.1; RFC 5092 §6.1.2
#[test]
fn urls_with_authorization() {
    let rump = "imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred";
    let auth = read(rump).auth.unwrap();
    assert_eq!((auth.access, auth.verifier, &*auth.rump), (Access::Submit("fred".into()), None, rump));
    let full = format!("{rump}:internal:91354a473744909de610943775f92038");
    let auth = read(&full).auth.unwrap();
    let verifier = auth.verifier.unwrap();
    assert_eq!((&*auth.rump, &*verifier.mechanism, verifier.token.len()), (rump, "internal", 16));
    let expire = |time: &str| {
        let url = format!("imap://joe@x/INBOX/;uid=20;EXPIRE={time};URLAUTH=user+a%40b");
        let auth = read(&url).auth.unwrap();
        assert_eq!(auth.access, Access::User("a@b".into()));
        auth.expire.unwrap()
    };
    assert_eq!(expire("1970-01-01T00:00:10Z"), Timestamp::from_secs(10));
    assert_eq!(expire("1970-01-01t01:00:00.25+01:00"), Timestamp::from_secs(0));
    assert_eq!(expire("1994-11-05T08:15:30-05:00"), expire("1994-11-05T13:15:30Z"));
    assert_eq!(read("/x/;uid=1;urlauth=ANONYMOUS").auth.unwrap().access, Access::Anonymous);
    assert_eq!(read("/x/;uid=1;urlauth=authuser").auth.unwrap().access, Access::AuthUser);
    refused(&[
        "imap://joe@x/INBOX/;uid=20;expire=1970-01-01T00:00:10Z",
        "imap://joe@x/INBOX/;uid=20;expire=1970-02-30T00:00:10Z;urlauth=anonymous",
        "imap://joe@x/INBOX/;uid=20;expire=1970-01-01T00:00:10;urlauth=anonymous",
        "imap://joe@x/INBOX/;uid=20;expire=yesterday;urlauth=anonymous",
        "imap://joe@x/INBOX/;uid=20;urlauth=user+",
        "imap://joe@x/INBOX/;uid=20;urlauth=nobody",
        "imap://joe@x/INBOX/;uid=20;urlauth=anonymous:internal",
        "imap://joe@x/INBOX/;uid=20;urlauth=anonymous:internal:91354a",
        "imap://joe@x/INBOX/;uid=20;urlauth=anonymous:internal:x1354a473744909de610943775f92038",
        "imap://joe@x/INBOX/;uid=20;urlauth=anonymous;expire=1970-01-01T00:00:10Z",
    ]);
}

// spec: RFC 4467 §2.4.1; RFC 4467 §2.5; RFC 4467 §5; RFC 4467 §6
#[test]
fn a_token_is_good_for_its_url_and_key_only() {
    let rump = "imap://joe@example.com/INBOX/;uid=20;urlauth=anonymous";
    let url = authorised(&[1; 32], rump);
    let auth = read(&url).auth.unwrap();
    assert_eq!(auth.verifier.as_ref().unwrap().token.len(), 33);
    assert!(auth.is_made_with(&[1; 32]));
    assert!(!auth.is_made_with(&[2; 32]));
    let other = read(&url.replace("uid=20", "uid=21")).auth.unwrap();
    assert!(!other.is_made_with(&[1; 32]), "another message");
    let other = read(&url.replace("example.com", "EXAMPLE.com")).auth.unwrap();
    assert!(!other.is_made_with(&[1; 32]), "nothing is normalised");
    let other = read(&url.replace(":internal:", ":other:")).auth.unwrap();
    assert!(!other.is_made_with(&[1; 32]), "another mechanism");
    let short = read(url.get(..url.len() - 2).unwrap()).auth.unwrap();
    assert!(!short.is_made_with(&[1; 32]), "a part of the token");
    assert!(read(&url.replace(":internal:", ":INTERNAL:")).auth.unwrap().is_made_with(&[1; 32]));
}

// spec: RFC 5092 §5; RFC 5092 §7; RFC 5092 §7.2; RFC 5092 §9.1; RFC 5092 §11
#[test]
fn what_names_no_message_is_refused() {
    refused(&[
        "",
        "/",
        "/INBOX",
        "/INBOX;UIDVALIDITY=1",
        "/INBOX?SUBJECT%20x",
        "/INBOX;UID=1",
        "/INBOX/;UID=0",
        "/INBOX/;UID=4294967296",
        "/INBOX/;UID=+1",
        "/INBOX/;UID=1/",
        "/INBOX/;UID=1;SECTION=1",
        "/INBOX/;UID=1/;SECTION=",
        "/INBOX/;UID=1/;SECTION=0",
        "/INBOX/;UID=1/;SECTION=FOO",
        "/INBOX/;UID=1/;SECTION=MIME",
        "/INBOX/;UID=1/;PARTIAL=1.0",
        "/INBOX/;UID=1/;PARTIAL=x",
        "/INBOX/;UID=1/;PARTIAL=1/;SECTION=1",
        "/INBOX;UIDVALIDITY=0/;UID=1",
        "/INBOX;UIDVALIDITY=1;UID=1",
        "/;UID=1",
        "/a//b/;UID=1",
        "/a/../b/;UID=1",
        "/./;UID=1",
        "/%zz/;UID=1",
        "/%ff/;UID=1",
        "/a b/;UID=1",
        "/ä/;UID=1",
        ";UID=20",
        "INBOX/;UID=20",
        "..;UIDVALIDITY=385759045/;UID=20",
        "http://example.org/INBOX/;UID=1",
        "imap:/INBOX/;UID=1",
        "imap://",
        "imap:///INBOX/;UID=1",
        "imap://@x/INBOX/;UID=1",
        "imap://a;b@x/INBOX/;UID=1",
    ]);
    let long = format!("/{}/;UID=1", "x".repeat(URL_OCTETS_MAX));
    refused(&[&long]);
}

proptest! {
    #[test]
    fn anything_is_read_or_refused(url in "[/;:a-zA-Z0-9=%.+@?-]{0,60}") {
        let _ = MessageUrl::parse(url.as_bytes());
        let _ = MessageUrl::parse(format!("/x/;UID=1{url}").as_bytes());
        let _ = MessageUrl::parse(format!("/x/;UID=1;URLAUTH={url}").as_bytes());
    }
}
