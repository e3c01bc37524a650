//! Opening messages: the vector of suite 1, and messages that were changed.

use std::sync::Arc;

use koi_dmap_client::{Letter, Mode, Note, OwnKey, Verdict, VerifiedUser, Wallet, Witness, encrypt, open};
use koi_types::Timestamp;
use proptest::prelude::*;

use crate::sample::{user_key_random, vector_world};
use crate::world::{Counted, address, login, login_as};

const USER: &str = "user@example.tld";
const BOB: &str = "bob@example.tld";
const NAKED: &[u8] = include_bytes!("../../../dime/tests/vectors/naked.bin");

struct Two {
    author: Arc<OwnKey>,
    witness: VerifiedUser,
    recipient: Arc<OwnKey>,
    /// As it comes to the recipient.
    message: Vec<u8>,
}

thread_local! {
    static TWO: Two = two();
}

fn two() -> Two {
    let world = vector_world();
    let mut user = login_as(&world, USER, "SiliconSally", Wallet::default()).unwrap();
    let made = user.make_key(None, &mut user_key_random()).unwrap();
    let author = user.upload_key(made).unwrap();
    let mut bob = login(&world, BOB);
    assert_eq!(bob.mode(), Mode::Paranoid);
    let made = bob.make_key(None, &mut Counted(1)).unwrap();
    let recipient = bob.upload_key(made).unwrap();
    let to = user.contact(&address(BOB), Timestamp::from_secs(0), &mut Counted(2)).unwrap().user;
    let witness = bob.signet_with(&address(USER), &author.signet.core_fingerprint()).unwrap();
    let me = address(USER);
    let letter = Letter {
        from: &me,
        to: &[address(BOB)],
        subject: "s",
        text: "Attack at dawn!",
        attachments: &[],
        date: Timestamp::from_secs(0),
        message_id: "1@x",
        in_reply_to: None,
    };
    let authored = encrypt(&letter, &author, &to, &mut Counted(3)).unwrap();
    let bounces = koi_dime::message::Bounces::default();
    let message = world.borrow().organisation.sign_submitted(&authored, bounces).unwrap();
    Two { author, witness, recipient, message }
}

#[test]
fn the_naked_message_of_the_vectors() {
    let own = two().author;
    let opened = open(NAKED, &address(USER), &own, Witness::Own).unwrap();
    assert_eq!(opened.verdict, Verdict::Ordinary { organisation: "example.tld".into() });
    assert_eq!(opened.notes, [Note::SuiteOne]);
    assert!(opened.headers.starts_with(b"Date: Mon, 19 Oct 2015 10:00:00 +0000\r\nFrom: a@example.org"));
    assert_eq!(opened.parts[0].split(), (b"".as_slice(), b"Attack at dawn!\r\n".as_slice()));
}

#[test]
fn who_signed_is_who_is_believed() {
    let Two { author, witness, recipient, message } = two();
    let opened = open(&message, &address(BOB), &recipient, Witness::Author(&witness)).unwrap();
    assert_eq!(opened.verdict, Verdict::Signed { author: address(USER) });
    // As its own it was not signed; to another address it was not written.
    assert!(open(&message, &address(BOB), &recipient, Witness::Own).is_err());
    assert!(open(&message, &address(USER), &recipient, Witness::Author(&witness)).is_err());
    assert!(open(&message, &address(USER), &author, Witness::Own).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is changed or cut: it is not believed. Slots of others in the last chunk nobody signs.
    #[test]
    fn changed_or_cut(at: proptest::sample::Index, bit in 0u32..8) {
        TWO.with(|Two { witness, recipient, message, .. }| {
            let at = at.index(message.len());
            let mut changed = message.clone();
            changed[at] ^= 1 << bit;
            let is_others_slot = (message.len() - 4 * 32..message.len() - 32).contains(&at);
            let witness = Witness::Author(witness);
            prop_assert_eq!(open(&changed, &address(BOB), recipient, witness).is_ok(), is_others_slot);
            prop_assert!(open(&message[..at], &address(BOB), recipient, witness).is_err());
            Ok(())
        })?;
    }

    #[test]
    fn any_octets(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
        TWO.with(|two| {
            prop_assert!(open(&octets, &address(BOB), &two.recipient, Witness::Own).is_err());
            Ok(())
        })?;
    }
}
