//! A SASL exchange: whatever a client sends, it comes to an end, and nobody is let in without the right proof
//! (RFC 4422 §3, RFC 5802 §5.1, RFC 5802 §6, RFC 4616 §2).

use koi_proto::sasl::scram::client::Binding;
use koi_proto::sasl::scram::{Exporter, Salt, SaltedPassword, ScramClient, ScramKeys};
use koi_proto::sasl::{Answer, Ended, Exchange, Mechanism, Question, Turn};

use super::Target;

const PASSWORD: &[u8] = b"pencil";
const SALT: &[u8] = b"sixteen octets..";
const EXPORTER: Exporter = [7; 32];
/// First message, proof, answer to the server's proof, and one that comes too late.
const RESPONSES_MAX: usize = 4;

/// The input's first octet chooses mechanism and offer, the others are responses, one a line.
#[must_use]
pub fn target() -> Target {
    let seeds: [&[u8]; 8] = [
        b"0n,,n=user,r=abc\nc=biws,r=abcserver,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        b"1p=tls-exporter,,n=user,r=abc\nc=cD10bHMtZXhwb3J0ZXIsLAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=,\
          r=abcserver,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        b"0y,a=other,n=us=2Cer,r=abc,x=y\n\n",
        b"4y,,m=x,n=user,r=abc\n",
        b"2\0user\0pencil\n",
        b"2other\0user\0pencil",
        b"3user\npencil\n",
        b"5p=tls-unique,,n=user,r=abc\n*",
    ];
    Target { name: "sasl", body, seeds: seeds.iter().map(|seed| seed.to_vec()).collect(), words: WORDS }
}

const WORDS: &[&[u8]] = &[
    b"n,,",
    b"y,,",
    b"p=tls-exporter,,",
    b"a=",
    b"n=",
    b"m=",
    b"r=",
    b"c=biws",
    b"p=",
    b",",
    b"=2C",
    b"=3D",
    b"\0",
    b"\n",
    b"abcserver",
    b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
];

/// # Panics
/// When one of the promises above is broken.
pub fn body(input: &[u8]) {
    let (choice, rest) = input.split_first().unwrap_or((&0, &[]));
    let mechanism = Mechanism::ALL[usize::from(choice % 4)];
    let offered = choice & 4 != 0 || mechanism == Mechanism::ScramSha256Plus;
    strangers(mechanism, offered.then_some(EXPORTER), rest);
    honest(*choice, rest);
}

fn keys() -> ScramKeys {
    ScramKeys::new(&SaltedPassword::new(PASSWORD, SALT, 1))
}

fn salt() -> Answer {
    Answer::Salt(Salt { salt: SALT.into(), iterations: 1, nonce: "server".into() })
}

/// Any responses at all.
fn strangers(mechanism: Mechanism, exporter: Option<Exporter>, input: &[u8]) {
    let mut exchange = Exchange::new(mechanism, exporter);
    let mut responses = input.split(|b| *b == b'\n').take(RESPONSES_MAX);
    let mut proved = false;
    let mut turn = exchange.begin(None);
    loop {
        turn = match turn {
            Turn::Challenge(challenge) => {
                assert!(challenge.len() <= 2 * koi_types::limits::SCRAM_NONCE_OCTETS_MAX, "bounded");
                match responses.next() {
                    Some(response) => exchange.response(response),
                    None => return,
                }
            }
            Turn::Ask(Question::Password { password, .. }) => {
                proved = password == PASSWORD;
                exchange.answer(if proved { Answer::Accepted } else { Answer::Refused })
            }
            Turn::Ask(Question::Salt { authcid, .. }) => {
                assert!(!authcid.is_empty());
                exchange.answer(salt())
            }
            Turn::Ask(Question::Proof(proof)) => {
                let signature = keys().verify(&proof.auth_message, &proof.proof);
                proved = signature.is_some();
                exchange.answer(signature.map_or(Answer::Refused, Answer::Signature))
            }
            Turn::Ended(ended) => {
                assert!(proved || ended != Ended::Accepted, "let in without a proof");
                assert!(!matches!(exchange.response(b""), Turn::Challenge(_)), "the end is the end");
                return;
            }
        };
    }
}

/// Somebody who knows the password, with one octet of the last message changed by the input, or none.
fn honest(choice: u8, input: &[u8]) {
    let plus = choice & 1 != 0;
    let mechanism = if plus { Mechanism::ScramSha256Plus } else { Mechanism::ScramSha256 };
    let binding = if plus { Binding::TlsExporter(&EXPORTER) } else { Binding::None };
    let name: String = String::from_utf8_lossy(input).chars().filter(|c| *c != '\0').take(40).collect();
    let name = if name.is_empty() { "user".to_owned() } else { name };
    let mut client = ScramClient::new(&name, "abc", binding);
    let mut exchange = Exchange::new(mechanism, plus.then_some(EXPORTER));
    let Turn::Ask(Question::Salt { authcid, .. }) = exchange.begin(Some(&client.first())) else {
        panic!("an honest first message");
    };
    assert_eq!(*authcid, *name);
    let Turn::Challenge(server_first) = exchange.answer(salt()) else { panic!("the salt") };
    let password = std::str::from_utf8(PASSWORD).unwrap();
    let mut last = client.proof(&server_first, password).unwrap();
    let spoiled = match input {
        [at, bits, ..] if *bits != 0 => {
            let at = usize::from(*at) % last.len();
            last[at] ^= bits;
            true
        }
        _ => false,
    };
    let right = match exchange.response(&last) {
        Turn::Ask(Question::Proof(proof)) => keys().verify(&proof.auth_message, &proof.proof),
        _ => None,
    };
    assert_eq!(right.is_none(), spoiled, "right exactly when nothing was changed");
}
