//! Which mechanisms are offered, and that only those begin.

use super::*;

fn tls(version: &str, exporter: Option<Exporter>) -> TlsFacts {
    TlsFacts { version: version.into(), cipher: "TLS_AES_128_GCM_SHA256".into(), exporter }
}

fn names(offer: Offer) -> Vec<&'static str> {
    offer.mechanisms().map(Mechanism::name).collect()
}

/// RFC 9051 §6.2.2, RFC 7677 §3, RFC 9266 §4.2
#[test]
fn what_is_offered() {
    let (new, old) = (tls("TLSv1.3", Some([1; 32])), tls("TLSv1.2", None));
    let scram = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN"];
    assert_eq!(names(Offer::new(Some(&new), false, true)), scram);
    assert_eq!(names(Offer::new(Some(&old), false, true)), scram[1..]);
    assert_eq!(names(Offer::new(Some(&new), false, false)), ["PLAIN"]);
    assert_eq!(names(Offer::new(None, false, true)), [""; 0]);
    assert_eq!(names(Offer::new(None, true, true)), scram[1..]);
    let submission = Offer { login: true, ..Offer::new(Some(&old), false, false) };
    assert_eq!(names(submission), ["PLAIN", "LOGIN"]);
}

#[test]
fn only_what_is_offered_begins() {
    let new = tls("TLSv1.3", Some([1; 32]));
    let offer = Offer::new(Some(&new), false, true);
    let begin = |name: &str, offer: &Offer| Authentication::new(name, offer, Access::Imap).err();
    for name in ["scram-sha-256-plus", "SCRAM-SHA-256", "Plain"] {
        assert_eq!(begin(name, &offer), None, "{name}");
    }
    for name in ["LOGIN", "SCRAM-SHA-1", "EXTERNAL", ""] {
        assert_eq!(begin(name, &offer), Some(NotOffered::Mechanism), "{name}");
    }
    let clear = Offer::new(None, false, true);
    assert_eq!(begin("PLAIN", &clear), Some(NotOffered::Unprotected));
    assert_eq!(begin("SCRAM-SHA-256", &clear), Some(NotOffered::Unprotected));
    // RFC 9266 §4.1
    let bound = Offer { bound: true, ..offer };
    assert_eq!(begin("SCRAM-SHA-256-PLUS", &bound), Some(NotOffered::BoundAlready));
    assert_eq!(begin("SCRAM-SHA-256", &bound), None);
}

/// What the edge says is what the client gets, and no more than it may know.
#[test]
fn the_edge_decides() {
    let offer = Offer::new(Some(&tls("TLSv1.2", None)), false, true);
    let mut authentication = Authentication::new("PLAIN", &offer, Access::Submission).unwrap();
    let Turn::Effect(Effect::Authenticate(asked)) = authentication.begin(Some(b"\0alice\0secret")) else {
        panic!("asks the edge");
    };
    assert_eq!((&*asked.authcid, asked.access), ("alice", Access::Submission));
    let busy = || MailError::new(ErrorKind::Unavailable, "busy");
    let Turn::Refused(error) = authentication.effect_done(EffectResult::Authenticated(Err(busy()))) else {
        panic!("refused");
    };
    assert_eq!(error.kind, ErrorKind::Unavailable);

    let mut authentication = Authentication::new("SCRAM-SHA-256", &offer, Access::Imap).unwrap();
    let turn = authentication.begin(Some(b"n,a=bob,n=alice,r=x"));
    let Turn::Effect(Effect::ScramBegin(name)) = turn else { panic!("asks the edge") };
    assert_eq!((&*name.authcid, name.authzid.as_deref()), ("alice", Some("bob")));
    let Turn::Challenge(told) = authentication.effect_done(EffectResult::ScramBegun(Err(busy()))) else {
        panic!("tells the client");
    };
    assert_eq!(told, b"e=no-resources");
    assert!(authentication.has_failed());
    let Turn::Refused(error) = authentication.response(b"") else { panic!("refused") };
    assert_eq!(error.kind, ErrorKind::Unavailable);
}
