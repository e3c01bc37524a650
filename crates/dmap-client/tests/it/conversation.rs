//! Accounts of every mode write to each other; nothing the peer has heard or kept opens anything.

use koi_dime::meta::Trust;
use koi_dime::stacie::RealmLabel;
use koi_dmap_client::{
    Account, Attachment, Error, Letter, Mode, Note, OpenedMessage, SendOptions, Sent, Verdict, Wallet,
    encrypt,
};
use koi_proto::dmap::Code;
use koi_types::{MailboxName, Timestamp, Uid};

use crate::peer::Peer;
use crate::world::{Counted, PASSWORD, Shared, address, login, login_as, password, world_with};

pub(crate) const ALICE: &str = "alice@example.tld";
pub(crate) const BOB: &str = "bob@example.tld";
const SECRET: &str = "The treasure lies under the third oak.";

pub(crate) fn now() -> Timestamp {
    Timestamp::from_secs(1_445_248_800)
}

/// Alice is CAUTIOUS, Bob PARANOID; both have keys.
pub(crate) fn two() -> (Shared, Account<Peer>, Account<Peer>) {
    let world = world_with(&[(ALICE, Mode::Cautious), (BOB, Mode::Paranoid)]);
    let (mut alice, mut bob) = (login(&world, ALICE), login(&world, BOB));
    for (account, seed) in [(&mut alice, 1), (&mut bob, 2)] {
        let made = account.make_key(None, &mut Counted(seed)).unwrap();
        account.upload_key(made).unwrap();
    }
    (world, alice, bob)
}

pub(crate) fn send(from: &mut Account<Peer>, to: &str, text: &str, seed: u64) -> Result<(), Error> {
    sent(from, to, text, seed).map(drop)
}

fn sent(from: &mut Account<Peer>, to: &str, text: &str, seed: u64) -> Result<Sent, Error> {
    let mut random = Counted(seed);
    let (me, to) = (from.address().clone(), [address(to)]);
    let contact = from.contact(&to[0], now(), &mut random)?;
    let file =
        [Attachment { name: "map.bin", media_type: "application/octet-stream", content: b"\0\x01map" }];
    let letter = Letter {
        from: &me,
        to: &to,
        subject: "Where it lies",
        text,
        attachments: &file,
        date: now(),
        message_id: "1@example.tld",
        in_reply_to: None,
    };
    let own = from.current_key()?;
    let message = encrypt(&letter, &own, &contact.user, &mut random)?;
    let placed = from.place(&message, now())?;
    from.submit(&placed, SendOptions::default())
}

pub(crate) fn newest(account: &mut Account<Peer>, mailbox: &str) -> koi_dmap_client::Reading {
    let selected = account.select(&MailboxName::new(mailbox).unwrap(), false).unwrap();
    let uid: Uid = account.glimpses(selected, 1).unwrap()[0].uid;
    account.read(uid).unwrap()
}

fn text(message: &OpenedMessage) -> String {
    String::from_utf8(message.parts[0].split().1.to_vec()).unwrap()
}

#[test]
fn cautious_writes_to_paranoid() {
    let (world, mut alice, mut bob) = two();
    send(&mut alice, BOB, SECRET, 10).unwrap();
    let reading = newest(&mut bob, "INBOX");
    let message = reading.outcome.unwrap();
    assert_eq!(message.verdict, Verdict::Signed { author: address(ALICE) });
    assert_eq!(message.notes, []);
    assert_eq!(text(&message), format!("{SECRET}\r\n"));
    assert_eq!(koi_dmap_client::field(&message.headers, "subject").unwrap(), "Where it lies");
    let file = &message.parts[1];
    assert!(!file.is_shown() && file.split().1 == b"\0\x01map");
    assert_eq!(reading.trust, Trust::None, "he has not looked at her key yet");
    // Her copy, and no draft left.
    let own = newest(&mut alice, "Sent").outcome.unwrap();
    assert_eq!((own.verdict.clone(), text(&own)), (Verdict::Own, format!("{SECRET}\r\n")));
    let drafts = alice.select(&MailboxName::new("Drafts").unwrap(), true).unwrap();
    assert_eq!(drafts.exists, 0);
    // And back.
    send(&mut bob, ALICE, "Thanks.", 11).unwrap();
    let reading = newest(&mut alice, "INBOX");
    assert_eq!(reading.outcome.unwrap().verdict, Verdict::Signed { author: address(BOB) });
    assert_eq!(reading.trust, Trust::FirstUse, "she has written to him");
    let keys = [alice.current_key().unwrap(), bob.current_key().unwrap()];
    let world = world.borrow();
    for secret in [SECRET.as_bytes(), b"Where it lies", b"map.bin", PASSWORD.as_bytes()] {
        assert!(!world.knows(secret), "{:?}", String::from_utf8_lossy(secret));
    }
    for key in keys {
        assert!(!world.knows(key.keys.signing.seed().expose()));
        assert!(!world.knows(key.keys.decryption.scalar().expose()));
    }
    let paranoid = &world.holdings[BOB];
    assert!(paranoid.keys[0].private.is_none() && !paranoid.realms.keys().any(|(label, _)| label == "mail"));
}

// spec: DMAP-00 §7.6.7
#[test]
fn the_only_copy_is_not_removed() {
    let (world, mut alice, mut bob) = two();
    world.borrow_mut().is_full = true;
    send(&mut alice, BOB, SECRET, 10).unwrap();
    assert_eq!(text(&newest(&mut bob, "INBOX").outcome.unwrap()), format!("{SECRET}\r\n"));
    let own = newest(&mut alice, "Drafts").outcome.unwrap();
    assert_eq!((own.verdict.clone(), text(&own)), (Verdict::Own, format!("{SECRET}\r\n")));
}

/// What was sent was sent, whatever becomes of the draft.
#[test]
fn a_draft_that_cannot_be_removed_is_told_of() {
    let (world, mut alice, mut bob) = two();
    world.borrow_mut().is_read_only = true;
    let sent = sent(&mut alice, BOB, SECRET, 10).unwrap();
    assert_eq!(sent.saved_to, MailboxName::new("Sent").ok());
    assert_eq!(sent.draft_stays.as_deref(), Some("the server refused STORE: no: UNAVAILABLE"));
    assert_eq!(text(&newest(&mut bob, "INBOX").outcome.unwrap()), format!("{SECRET}\r\n"));
}

#[test]
fn ordinary_mail_says_so() {
    let (world, mut alice, _bob) = two();
    let mail = b"From: somebody@example.org\r\nSubject: Hello\r\n\r\nI am the king of France.\r\n";
    world.borrow_mut().deliver(ALICE, mail);
    let reading = newest(&mut alice, "INBOX");
    let message = reading.outcome.unwrap();
    assert_eq!(message.verdict, Verdict::Ordinary { organisation: "example.tld".into() });
    assert_eq!(message.notes, []);
    assert_eq!(text(&message), "I am the king of France.\r\n");
}

#[test]
fn marks_are_the_owners_alone() {
    let (world, mut alice, _bob) = two();
    world.borrow_mut().deliver(ALICE, b"Subject: Hello\r\n\r\nx\r\n");
    let reading = newest(&mut alice, "INBOX");
    for _ in 0..2 {
        alice.mark_read(&reading.fetched, &mut Counted(5)).unwrap();
    }
    let selected = alice.select(&MailboxName::inbox(), true).unwrap();
    assert_eq!(alice.glimpses(selected, 5).unwrap()[0].flags, ["\\Seen"]);
    let world = world.borrow();
    let stored = &world.holdings[ALICE].mailboxes["INBOX"][0];
    assert!(stored.meta.is_some() && stored.flags == koi_types::Flags::default());
}

#[test]
fn keys_follow_one_another() {
    let (world, mut alice, mut bob) = two();
    send(&mut alice, BOB, "one", 20).unwrap();
    let first = bob.current_key().unwrap().id;
    // Twice, so that the chain has a link between.
    for seed in [30, 31] {
        let made = bob.make_key(None, &mut Counted(seed)).unwrap();
        assert_ne!(bob.upload_key(made).unwrap().id, first);
    }
    let contact = alice.contact(&address(BOB), now(), &mut Counted(32)).unwrap();
    assert!(contact.is_rotated && contact.trust == Trust::FirstUse);
    assert_eq!(contact.user.signet.core_fingerprint(), world.borrow().fingerprint_of(BOB));
    let again = alice.contact(&address(BOB), now(), &mut Counted(33)).unwrap();
    assert!(!again.is_rotated);
    send(&mut alice, BOB, "two", 21).unwrap();
    // The newest key reads the new message, the first one the old.
    assert_eq!(text(&newest(&mut bob, "INBOX").outcome.unwrap()), "two\r\n");
    let old = bob.read(Uid::new(7).unwrap()).unwrap();
    assert_eq!(text(&old.outcome.unwrap()), "one\r\n");
    assert_eq!(bob.keys().unwrap().len(), 3);
    assert_eq!(alice.ring("*").unwrap().len(), 1);
}

#[test]
fn a_new_password_opens_what_the_old_one_did() {
    let (world, mut alice, mut bob) = two();
    send(&mut alice, BOB, "before", 40).unwrap();
    let text_of_new = "another horse, another battery";
    for account in [&mut alice, &mut bob] {
        let new = account.prepare_password(&password(text_of_new), 0, &mut Counted(41)).unwrap();
        account.change_password(new).unwrap();
        assert_eq!(account.wallet.pending, None);
    }
    let wallets = [alice.logout(), bob.logout()];
    let wrong = login_as(&world, ALICE, PASSWORD, Wallet::default()).unwrap_err();
    assert!(matches!(wrong, Error::WrongPassword), "{wrong}");
    let [alice, bob] = wallets;
    assert_eq!(bob.keys.len(), 1);
    let mut bob = login_as(&world, BOB, text_of_new, Wallet::parse(&bob.text()).unwrap()).unwrap();
    assert_eq!(text(&newest(&mut bob, "INBOX").outcome.unwrap()), "before\r\n");
    let mut alice = login_as(&world, ALICE, text_of_new, alice).unwrap();
    assert_eq!(newest(&mut alice, "Sent").outcome.unwrap().verdict, Verdict::Own);
    let short = alice.prepare_password(&password("1234567"), 0, &mut Counted(42)).unwrap_err();
    assert!(matches!(short, Error::Password(_)));
}

/// What was encrypted under an older key of a realm needs it still.
#[test]
fn every_key_of_a_realm_outlives_a_new_password() {
    let (world, alice, _bob) = two();
    let wallet = alice.logout();
    let shards = [(3, [5; 64]), (9, [6; 64])];
    for (serial, shard) in shards {
        let mut world = world.borrow_mut();
        world.holdings.get_mut(ALICE).unwrap().realms.insert(("mail".into(), serial), shard);
    }
    let mut alice = login_as(&world, ALICE, PASSWORD, wallet).unwrap();
    let known = |account: &mut Account<Peer>| {
        let all = account.realms(&RealmLabel::mail()).unwrap().into_iter();
        all.map(|realm| (realm.serial, realm.key)).collect::<Vec<_>>()
    };
    let before = known(&mut alice);
    assert_eq!(before.iter().map(|(serial, _)| *serial).collect::<Vec<_>>(), [0, 3, 9]);
    let text_of_new = "another horse, another battery";
    let new = alice.prepare_password(&password(text_of_new), 0, &mut Counted(43)).unwrap();
    alice.change_password(new).unwrap();
    assert_eq!(known(&mut alice), before);
    let mut alice = login_as(&world, ALICE, text_of_new, alice.logout()).unwrap();
    assert_eq!(known(&mut alice), before);
    let kept = world.borrow().holdings[ALICE].realms.clone();
    assert!(shards.iter().all(|(serial, shard)| kept[&("mail".into(), *serial)] != *shard));
}

/// Whoever stops between, on either side of the change, can go on.
#[test]
fn a_password_change_that_was_cut_off() {
    let (world, mut alice, mut bob) = two();
    send(&mut alice, BOB, "before", 50).unwrap();
    let text_of_new = "another horse, another battery";
    let new = bob.prepare_password(&password(text_of_new), 0, &mut Counted(51)).unwrap();
    let stored = bob.wallet.text();
    // Not sent: the old password still is the password.
    let mut old = login_as(&world, BOB, PASSWORD, Wallet::parse(&stored).unwrap()).unwrap();
    assert_eq!(text(&newest(&mut old, "INBOX").outcome.unwrap()), "before\r\n");
    assert_eq!(old.wallet.pending, None);
    // Sent, and the answer lost.
    bob.change_password(new).unwrap();
    let mut bob = login_as(&world, BOB, text_of_new, Wallet::parse(&stored).unwrap()).unwrap();
    assert_eq!(text(&newest(&mut bob, "INBOX").outcome.unwrap()), "before\r\n");
}

#[test]
fn what_the_person_thinks_of_a_key() {
    let (world, mut alice, mut bob) = two();
    let user = alice.set_trust(&address(BOB), Trust::Verified, now(), &mut Counted(60)).unwrap();
    assert_eq!(alice.trust_in(&user).unwrap(), Trust::Verified);
    send(&mut bob, ALICE, "hello", 61).unwrap();
    assert_eq!(newest(&mut alice, "INBOX").trust, Trust::Verified);
    alice.set_trust(&address(BOB), Trust::Blocked, now(), &mut Counted(62)).unwrap();
    let refused = send(&mut alice, BOB, "x", 63).unwrap_err();
    assert!(refused.to_string().contains("is blocked"), "{refused}");
    alice.forget(&address(BOB)).unwrap();
    send(&mut alice, BOB, "x", 64).unwrap();
    let nobody = send(&mut alice, "nobody@example.tld", "x", 65).unwrap_err();
    assert!(nobody.to_string().contains("no signet of nobody@example.tld"), "{nobody}");
    assert!(!world.borrow().knows(b"hello"));
}

#[test]
fn keys_are_kept_where_the_mode_says() {
    let (_world, mut alice, bob) = two();
    let id = alice.current_key().unwrap().id;
    assert!(alice.wallet.keys.is_empty());
    // Before a change to PARANOID the keys come here.
    alice.keep_key(&id, &mut Counted(70)).unwrap();
    alice.keep_key(&id, &mut Counted(71)).unwrap();
    assert_eq!((alice.wallet.keys.len(), alice.wallet.shards.len()), (1, 1));
    let world_of_paranoid = alice.wallet.clone();
    assert_eq!(Wallet::parse(&world_of_paranoid.text()).unwrap(), world_of_paranoid);
    assert_eq!(bob.wallet.keys.len(), 1);
}

#[test]
fn without_a_key() {
    let world = world_with(&[(ALICE, Mode::Cautious), (BOB, Mode::Cautious)]);
    let mut alice = login(&world, ALICE);
    assert!(matches!(alice.current_key(), Err(Error::NoKey)));
    assert!(alice.current_key().unwrap_err().remedy().contains("koi dmap keys create"));
    let made = alice.make_key(None, &mut Counted(80)).unwrap();
    alice.upload_key(made).unwrap();
    let missing = send(&mut alice, BOB, "x", 81).unwrap_err();
    assert!(missing.to_string().contains("no signet of bob@example.tld"), "{missing}");
    let gone = alice.select(&MailboxName::new("Nowhere").unwrap(), true).unwrap_err();
    assert!(gone.is(&Code::NonExistent));
    alice.select(&MailboxName::inbox(), true).unwrap();
    assert!(matches!(alice.read(Uid::new(1).unwrap()), Err(Error::NoMessage)));
}

#[test]
fn notes_of_doubt() {
    let (_world, mut alice, mut bob) = two();
    let (own, to) = (alice.current_key().unwrap(), [address(BOB)]);
    let contact = alice.contact(&to[0], now(), &mut Counted(90)).unwrap();
    let me = address(ALICE);
    let letter = Letter {
        from: &me,
        to: &to,
        subject: "s",
        text: "t",
        attachments: &[],
        date: now(),
        message_id: "1@x",
        in_reply_to: None,
    };
    let message = encrypt(&letter, &own, &contact.user, &mut Counted(91)).unwrap();
    let placed = alice.place(&message, now()).unwrap();
    alice.select(&placed.mailbox, true).unwrap();
    let reading = alice.read(placed.uid).unwrap();
    let opened = reading.outcome.unwrap();
    assert_eq!((opened.verdict, opened.notes), (Verdict::Own, vec![Note::NotSubmitted]));
    bob.select(&MailboxName::inbox(), true).unwrap();
}
