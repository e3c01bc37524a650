//! Messages that other organisations bring: kept as they came behind where they came from, or not at all.

use std::sync::Arc;

use koi_dime::key::Holder;
use koi_dime::message::{AuthorParts, Bounces, DestinationEnvelope, OriginEnvelope, Part, PartKind, Readers};
use koi_dime::{ChunkType, Fingerprint, ManagementRecord, Message, OrgSignet};
use koi_mailbox::dmap::{Brought, FoundOrganisation, NewKey};
use koi_mailbox::{INBOX, Organisation};
use koi_store::kv::{Kv, transact_and_wait};
use koi_store::mail::{AccountTxn, Quota};
use koi_types::{Address, Cause, ErrorKind, KeyId, Mode, ObjectId, Result, Uid, limits};

use super::rig::{
    Counted, DOMAIN, Meanwhile, User, address_of, dmap_rig, encrypted, options, private, request, shown,
    signet, user,
};
use crate::rig::Rig;

const ORIGIN: &str = "example.net";

fn origin() -> Organisation {
    Organisation::new(ORIGIN, private(Holder::Organisation, 71), &[]).unwrap()
}

/// Signed by its origin, with a text of so many octets.
fn brought(rig: &Rig, to: &User, octets: usize) -> Vec<u8> {
    let (origin, ours) = (origin(), rig.service.organisation(DOMAIN).unwrap());
    let recipient = signet(&to.account);
    let keys = private(Holder::User, 72);
    let author = Address::new("carol", ORIGIN).unwrap();
    let author_signet = origin.issue(&request(&keys, None), &author, None).unwrap();
    let from = OriginEnvelope {
        author,
        author_signet: author_signet.core_fingerprint(),
        destination: DOMAIN.into(),
        destination_signet: ours.signet().core_fingerprint(),
    };
    let envelope = DestinationEnvelope {
        recipient: address_of("bob"),
        recipient_signet: recipient.core_fingerprint(),
        origin: ORIGIN.into(),
        origin_signet: origin.signet().core_fingerprint(),
    };
    let readers = Readers {
        author: Some(*author_signet.encryption()),
        origin: Some(*origin.signet().encryption()),
        destination: Some(*ours.signet().encryption()),
        recipient: Some(*recipient.encryption()),
    };
    let text = [b"Content-Type: text/plain\r\n\r\n".to_vec(), vec![b'x'; octets]].concat();
    let parts = AuthorParts {
        common_headers: b"Subject: Secret\r\n",
        other_headers: b"",
        parts: &[Part { kind: PartKind::Display, data: &text }],
    };
    let written = parts.message(&from, &envelope, &readers, &keys.signing, &mut Counted(5)).unwrap();
    origin.sign_submitted(&written, Bounces::default()).unwrap()
}

fn bring(rig: &Rig, origin: &OrgSignet, octets: &[u8], hash: Option<&Fingerprint>) -> Result<ObjectId> {
    let mut message = rig.service.stage_brought(ORIGIN)?;
    octets.chunks(4093).try_for_each(|piece| message.write(piece))?;
    let brought = Brought { origin, origin_domain: ORIGIN, destination: DOMAIN, hash, message };
    rig.service.receive(brought)?.wait()
}

fn messages(rig: &Rig, of: &User) -> u32 {
    assert_eq!(rig.service.check().unwrap(), []);
    of.account.snapshot().unwrap().mailbox(INBOX).unwrap().unwrap().messages
}

// spec: DMAP-00 §7.6.7
#[test]
fn a_message_is_kept_as_it_came_small_or_large() {
    let rig = dmap_rig();
    let bob = user(&rig, "bob", Mode::Cautious, 20);
    for (uid, octets) in [(1, 10), (2, 3_000_000)] {
        let came = brought(&rig, &bob, octets);
        let transaction = bring(&rig, origin().signet(), &came, Some(&Fingerprint::of(&came))).unwrap();
        let kept = shown(&bob.account, INBOX, Uid::new(uid).unwrap());
        let (tracing, rest) = kept.split_at(kept.len() - came.len());
        assert!(rest == came, "nothing of it is altered");
        let tracing = String::from_utf8_lossy(tracing).into_owned();
        assert!(tracing.contains("Received-From: example.net\r\n"), "{tracing}");
        assert!(tracing.contains(&format!("Transaction: {transaction}\r\n")), "{tracing}");
        let message = Message::parse(&kept).unwrap();
        assert_eq!(message.outline().facts()[0].kind, ChunkType::TRACING);
        let snapshot = bob.account.snapshot().unwrap();
        let email = snapshot.message(INBOX, Uid::new(uid).unwrap(), |row| row.email).unwrap().unwrap();
        let facts = snapshot.dmap_facts(email).unwrap().unwrap();
        assert_eq!((facts.key_id, facts.peer.as_deref()), (Some(bob.key_id), Some(ORIGIN)));
    }
    assert_eq!(messages(&rig, &bob), 2);
}

#[test]
fn whom_somebody_has_heard_from_is_kept() {
    let rig = dmap_rig();
    let bob = user(&rig, "bob", Mode::Cautious, 20);
    let found = FoundOrganisation {
        signet: origin().signet().clone(),
        record: ManagementRecord::new(*origin().signet().primary()),
        is_validated: false,
        fresh_until: rig.service_now(),
    };
    rig.service.learn_organisation(ORIGIN, found, false).unwrap();
    let is_kept = || rig.service.known_organisation(ORIGIN).unwrap().unwrap().is_kept;
    let came = brought(&rig, &bob, 10);
    bring(&rig, origin().signet(), &came[1..], None).unwrap_err();
    assert!(!is_kept(), "nothing of it was taken");
    bring(&rig, origin().signet(), &came, None).unwrap();
    assert!(is_kept());
}

// spec: DMAP-00 §7.6.7
#[test]
fn one_octet_changed_anywhere_and_nobody_gets_it() {
    let rig = dmap_rig();
    let bob = user(&rig, "bob", Mode::Cautious, 20);
    let came = brought(&rig, &bob, 10);
    // Every octet costs arithmetic: some of each part.
    for at in (0..came.len()).step_by(61).chain(came.len() - 200..came.len() - 190) {
        let mut other = came.clone();
        other[at] ^= 1;
        // The masked signature of the origin is behind everything; its slots for others are not ours to open.
        let error = bring(&rig, origin().signet(), &other, None);
        if let Err(error) = error {
            assert_eq!(error.kind, ErrorKind::InvalidInput, "octet {at}: {error}");
        } else {
            assert!(at >= came.len() - 193, "octet {at} of {}", came.len());
        }
    }
    let before = messages(&rig, &bob);
    for cut in [0, 1, 6, 7, 80, came.len() - 1] {
        let error = bring(&rig, origin().signet(), &came[..cut], None).unwrap_err();
        assert_eq!(error.cause, Some(Cause::BadMessage), "{cut} octets");
    }
    let longer = [came.clone(), vec![0]].concat();
    assert_eq!(bring(&rig, origin().signet(), &longer, None).unwrap_err().cause, Some(Cause::BadMessage));
    let twice = [came.clone(), came.clone()].concat();
    assert_eq!(bring(&rig, origin().signet(), &twice, None).unwrap_err().cause, Some(Cause::BadMessage));
    assert_eq!(messages(&rig, &bob), before);
}

// spec: DMAP-00 §7.6.7
#[test]
fn whoever_is_not_its_origin_learns_nothing_of_users() {
    let rig = dmap_rig();
    let bob = user(&rig, "bob", Mode::Cautious, 20);
    let came = brought(&rig, &bob, 10);
    let liar = Organisation::new(ORIGIN, private(Holder::Organisation, 73), &[]).unwrap();
    let with_bob = bring(&rig, liar.signet(), &came, None).unwrap_err();
    rig.service.directory().remove(bob.account.id()).unwrap();
    let without = bring(&rig, liar.signet(), &came, None).unwrap_err();
    assert_eq!((with_bob.kind, with_bob.cause), (without.kind, without.cause));
    assert_eq!(with_bob.text, without.text);
    assert_eq!(bring(&rig, origin().signet(), &came, None).unwrap_err().kind, ErrorKind::NotFound);
}

/// Its bringer has not heard the answer.
#[test]
fn what_comes_again_is_there_once() {
    let rig = dmap_rig();
    let bob = user(&rig, "bob", Mode::Cautious, 20);
    let came = brought(&rig, &bob, 10);
    let first = bring(&rig, origin().signet(), &came, None).unwrap();
    assert_eq!(bring(&rig, origin().signet(), &came, None).unwrap(), first, "the same answer");
    assert_eq!(messages(&rig, &bob), 1);
    // Another that says the same is another.
    let other = brought(&rig, &bob, 11);
    assert_ne!(bring(&rig, origin().signet(), &other, None).unwrap(), first);
    assert_eq!(messages(&rig, &bob), 2);
    // Nobody tries for so long.
    rig.env.advance_secs(i64::from(limits::DMTP_TAKEN_SECS) - 1);
    assert_eq!(bring(&rig, origin().signet(), &came, None).unwrap(), first);
    rig.env.advance_secs(1);
    let third = brought(&rig, &bob, 12);
    bring(&rig, origin().signet(), &third, None).unwrap();
    assert_ne!(bring(&rig, origin().signet(), &came, None).unwrap(), first);
    assert_eq!(messages(&rig, &bob), 4);
}

#[test]
fn the_oldest_of_too_many_is_forgotten() {
    let rig = dmap_rig();
    let bob = user(&rig, "bob", Mode::Cautious, 20);
    let came = brought(&rig, &bob, 10);
    let first = bring(&rig, origin().signet(), &came, None).unwrap();
    let fill = |count: usize, from: u8| {
        let account = bob.account.id();
        let now = rig.service_now().plus_secs(1);
        transact_and_wait(&*rig.kv, move |txn| {
            for number in 0..count {
                let mut own = AccountTxn::open(txn, account, Quota::UNLIMITED, now)?;
                let mut hash = [from; 64];
                hash[..8].copy_from_slice(&number.to_be_bytes());
                own.remember_taken(&hash, ObjectId([9; 16]))?;
                own.finish()?;
            }
            Ok(())
        })
        .unwrap();
    };
    fill(limits::DMTP_TAKEN_MAX - 1, 1);
    assert_eq!(bring(&rig, origin().signet(), &came, None).unwrap(), first);
    fill(1, 2);
    assert_ne!(bring(&rig, origin().signet(), &came, None).unwrap(), first);
}

/// Nobody could open it any more.
#[test]
fn nothing_is_taken_for_a_key_that_is_deleted_meanwhile() {
    let kv = Meanwhile::new();
    let rig = Rig::on(Arc::clone(&kv) as Arc<dyn Kv>, options());
    let bob = user(&rig, "bob", Mode::Cautious, 20);
    let (account, now) = (bob.account.id(), rig.service_now().plus_secs(20));
    let mut former = private(Holder::User, 20);
    let mut keys = Vec::new();
    let mut came = Vec::new();
    for (seed, expires_at) in [(21, Some(now)), (22, None)] {
        let next = private(Holder::User, seed);
        let follows = request(&next, Some(&former.signing));
        let id = KeyId(follows.key_id().0);
        let private = Some(encrypted(&next));
        let new = NewKey { id, request: follows.object(), private, expires_at };
        bob.account.add_key(&new).unwrap().wait().unwrap();
        came.push(brought(&rig, &bob, 10));
        keys.push(id);
        former = next;
    }
    let (id, came) = (keys[0], &came[0]);
    kv.meanwhile(move |txn| {
        let mut own = AccountTxn::open(txn, account, Quota::UNLIMITED, now)?;
        own.delete_key(&id)?;
        own.finish().map(drop)
    });
    let error = bring(&rig, origin().signet(), came, None).unwrap_err();
    assert!(error.is_temporary(), "it is looked at again: {error}");
    assert_eq!(messages(&rig, &bob), 0);
    // And then it is known that nobody opens it.
    let error = bring(&rig, origin().signet(), came, None).unwrap_err();
    assert_eq!(error.cause, Some(Cause::NotCurrent));
    assert_eq!(messages(&rig, &bob), 0);
}
