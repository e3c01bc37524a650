//! Delivery: who a recipient is, what arrives and where, large messages, bodies shared and gone again.

use std::sync::Arc;

use koi_mailbox::{Account, Delivery, FlagOp, INBOX, Incoming, Options, Quota, Whole};
use koi_store::engine::Embedded;
use koi_types::{EmailId, ErrorKind};

use crate::rig::{Deaf, Rig, address, change, incoming, mailbox, message, name, new_message, uids};

fn body(account: &Account, email: EmailId) -> Vec<u8> {
    let snapshot = account.snapshot().unwrap();
    let row = snapshot.email(email).unwrap().unwrap();
    let mut octets = Vec::new();
    snapshot.read_body(&row.body, 0..u64::MAX, &mut octets).unwrap();
    octets
}

fn stage(rig: &Rig, octets: &[u8]) -> koi_types::Result<Incoming> {
    let mut stage = rig.service.stage();
    for piece in octets.chunks(60_000) {
        stage.write(piece)?;
    }
    assert_eq!(stage.octets(), octets.len() as u64);
    stage.finish()
}

// spec: RFC 5233 §4
#[test]
fn recipients_are_found_by_address() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let table = [
        ("alice@example.org", Some(alice.id())),
        ("ALICE@Example.Org", Some(alice.id())),
        ("alice+lists@example.org", Some(alice.id())),
        ("alice+@example.org", Some(alice.id())),
        ("+alice@example.org", None),
        ("bob@example.org", None),
        ("alice@example.com", None),
    ];
    for (text, expected) in table {
        let found = rig.service.resolve_recipient(&address(text));
        match expected {
            Some(id) => assert_eq!(found.unwrap(), id, "{text}"),
            None => assert_eq!(found.unwrap_err().kind, ErrorKind::NotFound, "{text}"),
        }
    }
    rig.service.directory().set_disabled(alice.id(), true).unwrap();
    assert!(rig.service.resolve_recipient(&address("alice@example.org")).is_ok(), "mail goes on arriving");
    assert_eq!(rig.service.directory().verifier(&address("alice@example.org")).unwrap(), None);
}

#[test]
fn the_directory_keeps_verifiers() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let directory = rig.service.directory();
    directory.set_password(alice.id(), &"new".into()).unwrap();
    let verifier = directory.verifier(&address("Alice+x@example.org")).unwrap().unwrap();
    assert_eq!((&*verifier.password.verifier, verifier.account), ("new", alice.id()));
    assert_eq!(verifier.address, address("alice@example.org"));
    let far = directory.create_account(&address("a@elsewhere.org"), "v").unwrap_err();
    assert_eq!(far.kind, ErrorKind::NotFound);
    assert_eq!(directory.create_domain("not a domain").unwrap_err().kind, ErrorKind::InvalidInput);
    let listed: Vec<String> = directory.list().unwrap().iter().map(|row| row.address.to_string()).collect();
    assert_eq!(listed, ["alice@example.org"]);
    directory.remove(alice.id()).unwrap();
    assert!(directory.list().unwrap().is_empty());
    assert_eq!(directory.set_password(alice.id(), &"v".into()).unwrap_err().kind, ErrorKind::NotFound);
}

#[test]
fn each_recipient_has_a_result_of_its_own() {
    let quota = Quota { octets_max: 2000, ..Quota::UNLIMITED };
    let rig = Rig::with(Options { quota, ..Options::default() });
    let (alice, bob) = (rig.account("alice"), rig.account("bob"));
    rig.deliver(&[&alice], &"x\n".repeat(600));
    let table = [
        (vec![&bob, &alice], vec![None, Some(ErrorKind::OverQuota)]),
        (vec![&alice, &bob], vec![Some(ErrorKind::OverQuota), Some(ErrorKind::OverQuota)]),
        (vec![], vec![]),
    ];
    let text = incoming(&"y\n".repeat(600));
    for (recipients, expected) in table {
        let recipients = recipients.iter().map(|account| account.id()).collect();
        let delivery = Delivery {
            sender: koi_types::ReversePath::Null,
            recipients,
            message: Arc::clone(&text),
            received_at: rig.service_now(),
        };
        let results = rig.service.deliver(delivery).wait().unwrap();
        let kinds: Vec<_> = results.into_iter().map(|r| r.err().map(|error| error.kind)).collect();
        assert_eq!(kinds, expected);
    }
}

/// Its rows are there until housekeeping has taken them; nothing must be acknowledged that goes with them.
#[test]
fn a_removed_account_takes_nothing_though_its_rows_are_still_there() {
    let rig = Rig::new();
    let (alice, bob) = (rig.account("alice"), rig.account("bob"));
    rig.deliver(&[&alice], &message(1));
    rig.service.directory().remove(alice.id()).unwrap();
    let late = || Delivery {
        sender: koi_types::ReversePath::Null,
        recipients: vec![alice.id(), bob.id()],
        message: incoming(&message(2)),
        received_at: rig.service_now(),
    };
    for housekept in [false, true] {
        let results = rig.service.deliver(late()).wait().unwrap();
        let kinds: Vec<_> = results.into_iter().map(|r| r.err().map(|error| error.kind)).collect();
        assert_eq!(kinds, [Some(ErrorKind::NotFound), None], "{housekept}");
        match rig.service.deliver_whole(late()).wait().unwrap() {
            Whole::Refused { account, error } => {
                assert_eq!((account, error.kind), (alice.id(), ErrorKind::NotFound));
            }
            Whole::Delivered(_) => panic!("delivered to nobody"),
        }
        let gone = |kind: Option<ErrorKind>| assert_eq!(kind, Some(ErrorKind::NotFound), "{housekept}");
        gone(alice.append(INBOX, vec![new_message("Subject: x\n\nx\n", &[])]).wait().err().map(|e| e.kind));
        gone(alice.create(&name("more"), None).wait().err().map(|e| e.kind));
        let flagged = alice.set_flags(INBOX, &uids(&[1]), change(FlagOp::Add, &["\\Seen"]), None);
        gone(flagged.wait().err().map(|e| e.kind));
        rig.housekeep();
    }
    assert_eq!(mailbox(&bob, "INBOX").messages, 2);
}

#[test]
fn the_same_account_twice_gets_it_twice() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let delivered = rig.deliver(&[&alice, &alice], &message(1));
    assert_ne!(delivered[0].email, delivered[1].email);
    assert_eq!(mailbox(&alice, "INBOX").messages, 2);
}

#[test]
fn large_messages_are_staged_and_bounded() {
    let rig = Rig::with(Options { message_octets_max: 1_000_000, ..Options::default() });
    let alice = rig.account("alice");
    let mut text = b"Subject: large\r\n\r\n".to_vec();
    text.resize(700_000, b'x');
    for octets in [200_000, 262_144, 262_145, 700_000] {
        let large = stage(&rig, &text[..octets]).unwrap();
        assert_eq!(large.octets() as usize, octets);
        let recipients = vec![alice.id()];
        let delivery = Delivery {
            sender: koi_types::ReversePath::Null,
            recipients,
            message: Arc::new(large),
            received_at: rig.service_now(),
        };
        let delivered = rig.service.deliver(delivery).wait().unwrap().remove(0).unwrap();
        assert_eq!(body(&alice, delivered.email), text[..octets]);
        let snapshot = alice.snapshot().unwrap();
        let email = snapshot.email(delivered.email).unwrap().unwrap();
        let envelope = koi_message::Envelope::decode(email.envelope()).unwrap();
        assert_eq!(envelope.subject.as_deref(), Some(&b"large"[..]));
    }
    let refused = stage(&rig, &vec![b'x'; 1_000_001]).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::TooLarge);
    drop(stage(&rig, &text).unwrap());
}

/// The last reference to a body goes while the same octets arrive again, in either order.
fn body_goes_and_comes(rig: &Rig) {
    let alice = rig.account("alice");
    for purge_first in [false, true] {
        let first = rig.deliver(&[&alice], &message(1))[0];
        let flags = change(FlagOp::Add, &["\\Deleted"]);
        alice.set_flags(INBOX, &uids(&[first.uid.value()]), flags, None).wait().unwrap();
        alice.expunge(INBOX, None).wait().unwrap();
        if purge_first {
            assert_eq!(rig.housekeep(), 1);
        }
        let second = rig.deliver(&[&alice], &message(1))[0];
        if !purge_first {
            assert_eq!(rig.housekeep(), 1);
        }
        assert_eq!(body(&alice, second.email), message(1).replace('\n', "\r\n").as_bytes());
        assert!(alice.snapshot().unwrap().email(first.email).unwrap().is_none());
        rig.check();
        alice.delete(&crate::rig::name("Archive")).wait().unwrap();
        alice.create(&crate::rig::name("Archive"), None).wait().unwrap();
        let all = alice.snapshot().unwrap().uids(INBOX).unwrap();
        alice.move_(INBOX, &all, mailbox(&alice, "Archive").id).wait().unwrap();
        alice.delete(&crate::rig::name("Archive")).wait().unwrap();
        rig.housekeep();
        alice.create(&crate::rig::name("Archive"), None).wait().unwrap();
        assert_eq!(alice.snapshot().unwrap().usage().octets, 0);
    }
}

#[test]
fn a_body_whose_last_reference_goes_may_come_again() {
    body_goes_and_comes(&Rig::new());
    let folder = tempfile::tempdir().unwrap();
    let options = koi_store::engine::Options::default();
    let engine = Embedded::open(folder.path(), options, Arc::new(Deaf)).unwrap();
    body_goes_and_comes(&Rig::on(Arc::new(engine), Options::default()));
}
