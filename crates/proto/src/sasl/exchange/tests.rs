//! One exchange of each mechanism, from its beginning to each of its ends.

use super::*;
use crate::sasl::scram::client::Binding;
use crate::sasl::scram::{SaltedPassword, ScramClient, ScramKeys};

const EXPORTER: Exporter = [7; 32];

fn challenge(turn: Turn) -> Vec<u8> {
    match turn {
        Turn::Challenge(text) => text,
        other => panic!("not a challenge: {other:?}"),
    }
}

fn ended(turn: Turn) -> Ended {
    match turn {
        Turn::Ended(ended) => ended,
        other => panic!("not the end: {other:?}"),
    }
}

fn keys() -> ScramKeys {
    ScramKeys::new(&SaltedPassword::new(b"pencil", b"salt", 2))
}

fn salt() -> Answer {
    Answer::Salt(Salt { salt: b"salt"[..].into(), iterations: 2, nonce: "server".into() })
}

/// Up to the proof; what the edge says to it.
fn to_proof(exchange: &mut Exchange, client: &mut ScramClient, password: &str) -> Answer {
    assert_eq!(challenge(exchange.begin(None)), b"");
    let turn = exchange.response(&client.first());
    assert!(matches!(turn, Turn::Ask(Question::Salt { .. })), "{turn:?}");
    let server_first = challenge(exchange.answer(salt()));
    let last = client.proof(&server_first, password).unwrap();
    let Turn::Ask(Question::Proof(proof)) = exchange.response(&last) else { panic!("no proof") };
    keys().verify(&proof.auth_message, &proof.proof).map_or(Answer::Refused, Answer::Signature)
}

/// RFC 7677 §3, RFC 4422 §5: the server's last word is a challenge of its own.
#[test]
fn scram_with_and_without_binding() {
    for (mechanism, binding) in [
        (Mechanism::ScramSha256, Binding::None),
        (Mechanism::ScramSha256Plus, Binding::TlsExporter(&EXPORTER)),
    ] {
        let mut exchange = Exchange::new(mechanism, Some(EXPORTER));
        let mut client = ScramClient::new("user", "abc", binding);
        let answer = to_proof(&mut exchange, &mut client, "pencil");
        let last = challenge(exchange.answer(answer));
        client.check(&last).unwrap();
        assert!(!exchange.has_failed());
        assert_eq!(ended(exchange.response(b"")), Ended::Accepted);
        assert!(matches!(ended(exchange.response(b"")), Ended::Malformed(_)), "it is over");
    }
}

/// RFC 5802 §5.1 (`e`): why, and then the end, whatever the client says to it.
#[test]
fn scram_that_fails() {
    let mut exchange = Exchange::new(Mechanism::ScramSha256, None);
    let mut client = ScramClient::new("user", "abc", Binding::NotOffered);
    let answer = to_proof(&mut exchange, &mut client, "Pencil");
    assert_eq!(answer, Answer::Refused);
    assert_eq!(challenge(exchange.answer(answer)), b"e=invalid-proof");
    assert!(exchange.has_failed());
    assert_eq!(ended(exchange.response(b"")), Ended::Refused);

    let mut exchange = Exchange::new(Mechanism::ScramSha256, Some(EXPORTER));
    let _ = exchange.begin(None);
    let turn = exchange.response(b"y,,n=user,r=abc");
    assert_eq!(challenge(turn), b"e=server-does-support-channel-binding");
    let end = ended(exchange.response(b"whatever"));
    assert_eq!(end, Ended::Malformed("server-does-support-channel-binding"));

    let mut exchange = Exchange::new(Mechanism::ScramSha256, None);
    let _ = exchange.begin(Some(b"n,,n=user,r=abc"));
    assert_eq!(challenge(exchange.answer(Answer::Refused)), b"e=no-resources");
    assert_eq!(ended(exchange.response(b"")), Ended::Refused);
}

/// A connection that is not ours: the exporter differs (RFC 5802 §6).
#[test]
fn somebody_in_the_middle() {
    let mut exchange = Exchange::new(Mechanism::ScramSha256Plus, Some(EXPORTER));
    let mut client = ScramClient::new("user", "abc", Binding::TlsExporter(&[8; 32]));
    let _ = exchange.begin(Some(&client.first()));
    let server_first = challenge(exchange.answer(salt()));
    let last = client.proof(&server_first, "pencil").unwrap();
    assert_eq!(challenge(exchange.response(&last)), b"e=channel-bindings-dont-match");
    assert!(matches!(ended(exchange.response(b"")), Ended::Malformed(_)));
}

/// After the right proof only an empty response is one.
#[test]
fn scram_with_too_much_at_the_end() {
    let mut exchange = Exchange::new(Mechanism::ScramSha256, None);
    let mut client = ScramClient::new("user", "abc", Binding::None);
    let answer = to_proof(&mut exchange, &mut client, "pencil");
    let _ = challenge(exchange.answer(answer));
    assert!(matches!(ended(exchange.response(b"x")), Ended::Malformed(_)));
}

/// RFC 4616 §2
#[test]
fn plain() {
    let mut exchange = Exchange::new(Mechanism::Plain, None);
    let turn = exchange.begin(Some(b"z\0c\0p"));
    let Turn::Ask(Question::Password { authcid, authzid, password }) = turn else { panic!("{turn:?}") };
    assert_eq!((&*authcid, authzid.as_deref(), &*password), ("c", Some("z"), &b"p"[..]));
    assert_eq!(ended(exchange.answer(Answer::Accepted)), Ended::Accepted);
    let mut exchange = Exchange::new(Mechanism::Plain, None);
    assert_eq!(challenge(exchange.begin(None)), b"");
    let _ = exchange.response(b"\0c\0p");
    assert_eq!(ended(exchange.answer(Answer::Refused)), Ended::Refused);
    let mut exchange = Exchange::new(Mechanism::Plain, None);
    assert!(matches!(ended(exchange.begin(Some(b"c"))), Ended::Malformed(_)));
}

/// The two prompts that clients look for.
#[test]
fn login() {
    let mut exchange = Exchange::new(Mechanism::Login, None);
    assert_eq!(challenge(exchange.begin(None)), b"Username:");
    assert_eq!(challenge(exchange.response(b"alice")), b"Password:");
    let turn = exchange.response(b"secret");
    let Turn::Ask(Question::Password { authcid, authzid, password }) = turn else { panic!("{turn:?}") };
    assert_eq!((&*authcid, authzid, &*password), ("alice", None, &b"secret"[..]));
    assert_eq!(ended(exchange.answer(Answer::Accepted)), Ended::Accepted);
    let mut exchange = Exchange::new(Mechanism::Login, None);
    assert_eq!(challenge(exchange.begin(Some(b"alice"))), b"Password:");
    assert!(matches!(exchange.response(b""), Turn::Ask(_)), "an empty password is wrong, not malformed");
    for bad in [&b""[..], b"\xff"] {
        let mut exchange = Exchange::new(Mechanism::Login, None);
        assert!(matches!(ended(exchange.begin(Some(bad))), Ended::Malformed(_)));
    }
}

/// What comes when nothing was asked for ends the exchange.
#[test]
fn out_of_turn() {
    let mut exchange = Exchange::new(Mechanism::Plain, None);
    let _ = exchange.begin(Some(b"\0c\0p"));
    assert!(matches!(ended(exchange.response(b"")), Ended::Malformed(_)));
    assert_eq!(ended(exchange.answer(Answer::Accepted)), Ended::Refused, "too late");
    let mut exchange = Exchange::new(Mechanism::ScramSha256, None);
    let _ = exchange.begin(Some(b"n,,n=user,r=abc"));
    assert_eq!(ended(exchange.answer(Answer::Accepted)), Ended::Refused, "not what was asked");
}
