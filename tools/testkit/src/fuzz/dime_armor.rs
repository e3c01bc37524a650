//! What of D/MIME is text: armor, management records, envelopes, messages of STACIE. What is accepted is
//! written so that it reads back the same (docs/DIME.md).

use koi_dime::armor::{decode, encode};
use koi_dime::message::{DestinationEnvelope, OriginEnvelope};
use koi_dime::record::{ManagementRecord, RECORD_OCTETS_MAX};
use koi_dime::stacie::exchange::{Challenge, ClientFirst, parse_proof, proof_message};
use koi_dime::stacie::{Password, RealmLabel, Username};
use koi_dime::{Fingerprint, armor};

use super::Target;

/// Octets of an object in armor.
const OCTETS_MAX: usize = 10_000;

/// One of each.
#[must_use]
pub fn target() -> Target {
    let print = Fingerprint([7; 64]);
    let (salt, nonce) = ("A".repeat(171), "A".repeat(171));
    let seeds = [
        encode(armor::Label::UserSignet, &[7; 100]).to_string(),
        String::from("ver=1 pok=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo dx=a.example pol=strict exp=7"),
        format!(
            "Author: <a@b>\r\nAuthor-Signet: [{print}]\r\n\
             Destination: <c>\r\nDestination-Signet: [{print}]\r\n"
        ),
        format!("v=1,b=128,s={salt},n={nonce},u=a=3Db"),
        String::from("\0user@example.tld"),
        format!("t={print}"),
    ];
    let seeds = seeds.into_iter().map(String::into_bytes).collect();
    Target { name: "dime_armor", body, seeds, words: WORDS }
}

const WORDS: &[&[u8]] = &[
    b"-----BEGIN ",
    b"-----END ",
    b"USER KEY-----\n",
    b"\n=",
    b" dx=",
    b";tls=",
    b" sub=relaxed",
    b"Recipient: <",
    b"Origin-Signet: [",
    b",u=",
    b"=2C",
    "\u{feff}".as_bytes(),
];

/// # Panics
/// When one of the promises above is broken.
pub fn body(input: &[u8]) {
    if let Ok(first) = ClientFirst::parse(input) {
        assert_eq!(first.message().as_bytes(), input);
    }
    if let Ok(challenge) = Challenge::parse(input) {
        assert_eq!(Challenge::parse(challenge.message().as_bytes()), Ok(challenge));
    }
    if let Ok(token) = parse_proof(input) {
        assert_eq!(proof_message(&token).as_bytes(), input);
    }
    if let Ok(envelope) = OriginEnvelope::parse(input) {
        assert_eq!(OriginEnvelope::parse(envelope.text().as_bytes()), Ok(envelope));
    }
    if let Ok(envelope) = DestinationEnvelope::parse(input) {
        assert_eq!(DestinationEnvelope::parse(envelope.text().as_bytes()), Ok(envelope));
    }
    let _ = Password::new(input);
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(armored) = decode(text, OCTETS_MAX) {
        assert!(armored.octets.len() <= OCTETS_MAX);
        let again = encode(armored.label, &armored.octets);
        assert_eq!(decode(&again, OCTETS_MAX), Ok(armored));
    }
    if let Ok(record) = ManagementRecord::parse(text) {
        assert!(input.len() <= RECORD_OCTETS_MAX);
        assert_eq!(ManagementRecord::parse(&record.text()), Ok(record));
    }
    if let Ok(name) = Username::new(text) {
        assert_eq!(Username::new(name.as_str()).as_ref(), Ok(&name), "it is its own canonical form");
    }
    let _ = RealmLabel::new(text);
    assert!(
        Fingerprint::parse(text).is_none_or(|print| Fingerprint::parse(&print.to_string()) == Some(print))
    );
}
