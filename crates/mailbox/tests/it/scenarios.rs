//! What one session or two can see of each mutation.

use koi_mailbox::{FlagOp, INBOX, OwnQuota, Quota};
use koi_types::{ErrorKind, ModSeq};

use crate::rig::{
    Rig, address, change, changes, flags, listed, mailbox, message, name, names, new_message, uid, uids,
};

#[test]
fn a_new_account_has_its_mailboxes() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    assert_eq!(names(&alice), ["Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"]);
    let rows = alice.snapshot().unwrap().mailboxes().unwrap();
    assert!(rows.iter().all(|row| row.subscribed && row.messages == 0 && row.uidnext.value() == 1));
    assert_eq!(mailbox(&alice, "INBOX").id, INBOX);
    let again = rig.service.directory().create_account(&address("alice@example.org"), "v");
    assert_eq!(again.unwrap_err().kind, ErrorKind::AlreadyExists);
}

#[test]
fn delivery_is_seen_and_read() {
    let rig = Rig::new();
    let (alice, bob) = (rig.account("alice"), rig.account("bob"));
    let before = alice.snapshot().unwrap().modseq();
    let delivered = rig.deliver(&[&alice, &bob], &message(1));
    assert_eq!(delivered[0].uid, uid(1));
    assert_ne!(delivered[0].email, delivered[1].email);
    assert_eq!(changes(&alice, INBOX, before), "added 1 flags  vanished ");
    let snapshot = alice.snapshot().unwrap();
    let email = snapshot.email(delivered[0].email).unwrap().unwrap();
    let envelope = koi_message::Envelope::decode(email.envelope()).unwrap();
    assert_eq!(envelope.subject.as_deref(), Some(&b"number 1"[..]));
    assert!(koi_message::Structure::decode(email.structure()).is_ok());
    let mut body = Vec::new();
    snapshot.read_body(&email.body, 0..u64::MAX, &mut body).unwrap();
    assert_eq!(body, message(1).replace('\n', "\r\n").as_bytes());
    let row = mailbox(&alice, "INBOX");
    assert_eq!((row.messages, row.unseen, row.octets), (1, 1, body.len() as u64));
    assert_eq!(snapshot.first_unseen(INBOX).unwrap(), Some(uid(1)));
}

#[test]
fn flags_are_set_and_expunge_takes_only_deleted_ones() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    for n in 1..=4 {
        rig.deliver(&[&alice], &message(n));
    }
    let since = alice.snapshot().unwrap().modseq();
    let set = alice.set_flags(INBOX, &uids(&[2, 3, 9]), change(FlagOp::Add, &["\\Deleted", "$Chat"]), None);
    assert_eq!(set.wait().unwrap().changed, uids(&[2, 3]));
    assert_eq!(changes(&alice, INBOX, since), "added  flags 2:3 vanished ");
    assert_eq!(listed(&alice, INBOX), ["1", "2 \\Deleted $Chat", "3 \\Deleted $Chat", "4"]);
    let expunged = alice.expunge(INBOX, Some(&uids(&[1, 2]))).wait().unwrap();
    assert_eq!(expunged.uids, uids(&[2]));
    assert_eq!(alice.expunge(INBOX, None).wait().unwrap().uids, uids(&[3]));
    assert_eq!(changes(&alice, INBOX, since), "added  flags  vanished 2:3");
    let row = mailbox(&alice, "INBOX");
    assert_eq!((row.messages, row.deleted, row.uidnext), (2, 0, uid(5)));
}

// spec: RFC 7162 §3.1.3
#[test]
fn unchanged_since_is_decided_message_by_message() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    rig.deliver(&[&alice], &message(1));
    rig.deliver(&[&alice], &message(2));
    let known = alice.snapshot().unwrap().modseq();
    alice.set_flags(INBOX, &uids(&[1]), change(FlagOp::Add, &["\\Seen"]), None).wait().unwrap();
    let set = change(FlagOp::Add, &["\\Flagged"]);
    let set = alice.set_flags(INBOX, &uids(&[1, 2]), set, Some(known.value())).wait().unwrap();
    assert_eq!((set.changed, set.modified), (uids(&[2]), uids(&[1])));
    let none = alice.set_flags(INBOX, &uids(&[1, 2]), change(FlagOp::Replace, &[]), Some(0)).wait().unwrap();
    assert_eq!(none.modified, uids(&[1, 2]));
    assert_eq!(listed(&alice, INBOX), ["1 \\Seen", "2 \\Flagged"]);
}

#[test]
fn a_change_that_changes_nothing_takes_no_modseq() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    rig.deliver(&[&alice], &message(1));
    let before = alice.snapshot().unwrap().modseq();
    let set = alice.set_flags(INBOX, &uids(&[1]), change(FlagOp::Remove, &["\\Seen", "$None"]), None);
    assert!(set.wait().unwrap().changed.is_empty());
    alice.subscribe(&name("INBOX"), true).wait().unwrap();
    assert_eq!(alice.snapshot().unwrap().modseq(), before);
}

// spec: RFC 9051 §6.4.7, RFC 8474 §5.1
#[test]
fn copies_keep_what_they_were() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let archive = mailbox(&alice, "Archive").id;
    alice.append(INBOX, vec![new_message(&message(1), &["\\Seen", "work"])]).wait().unwrap();
    let copied = alice.copy(INBOX, &uids(&[1, 7]), archive).wait().unwrap();
    assert_eq!((copied.from, copied.to), (uids(&[1]), uids(&[1])));
    let twice = alice.copy(INBOX, &uids(&[1]), INBOX).wait().unwrap();
    assert_eq!(twice.to, uids(&[2]));
    let snapshot = alice.snapshot().unwrap();
    let seen = |mailbox, n| {
        let row = snapshot
            .message(mailbox, uid(n), |row| (row.email, row.received_at, row.received_zone, row.flags));
        row.unwrap().unwrap()
    };
    assert_eq!(seen(INBOX, 1), seen(archive, 1));
    assert_eq!(seen(INBOX, 1), seen(INBOX, 2));
    assert_eq!(listed(&alice, archive), ["1 \\Seen work"]);
}

// spec: RFC 9051 §6.4.8
#[test]
fn a_move_leaves_no_grace_behind() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let archive = mailbox(&alice, "Archive").id;
    rig.deliver(&[&alice], &message(1));
    let since = alice.snapshot().unwrap().modseq();
    let moved = alice.move_(INBOX, &uids(&[1]), archive).wait().unwrap();
    assert_eq!(moved.to, uids(&[1]));
    assert_eq!(changes(&alice, INBOX, since), "added  flags  vanished 1");
    assert_eq!(changes(&alice, archive, since), "added 1 flags  vanished ");
    assert_eq!(rig.housekeep(), 0);
    let back = alice.move_(archive, &uids(&[1]), archive).wait().unwrap();
    assert_eq!(back.to, uids(&[2]), "moved to itself it gets a new UID");
}

#[test]
fn long_chains_are_whole() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let archive = mailbox(&alice, "Archive").id;
    let texts: Vec<_> = (0..2500).map(|_| new_message(&message(1), &[])).collect();
    alice.append(INBOX, texts).wait().unwrap();
    let all = alice.snapshot().unwrap().uids(INBOX).unwrap();
    assert_eq!(all.to_string(), "1:2500");
    let set = alice.set_flags(INBOX, &all, change(FlagOp::Add, &["\\Deleted"]), None).wait().unwrap();
    assert_eq!(set.changed, all);
    assert_eq!(alice.copy(INBOX, &all, archive).wait().unwrap().to, all);
    assert_eq!(alice.expunge(INBOX, None).wait().unwrap().uids, all);
    assert_eq!(mailbox(&alice, "INBOX").messages, 0);
    assert_eq!(mailbox(&alice, "Archive").messages, 2500);
    alice.rename(&name("INBOX"), &name("empty")).wait().unwrap();
    alice.delete(&name("Archive")).wait().unwrap();
    rig.housekeep();
}

// spec: RFC 9051 §6.4.7
#[test]
fn a_copy_that_fails_leaves_nothing() {
    let quota = Quota { messages_max: 4000, ..Quota::UNLIMITED };
    let rig = Rig::with(koi_mailbox::Options { quota, ..Default::default() });
    let alice = rig.account("alice");
    let archive = mailbox(&alice, "Archive").id;
    let texts: Vec<_> = (0..2500).map(|_| new_message(&message(1), &[])).collect();
    alice.append(INBOX, texts).wait().unwrap();
    let all = alice.snapshot().unwrap().uids(INBOX).unwrap();
    let failed = alice.copy(INBOX, &all, archive).wait().unwrap_err();
    assert_eq!(failed.kind, ErrorKind::OverQuota);
    assert_eq!(mailbox(&alice, "Archive").messages, 0);
    assert_eq!(alice.snapshot().unwrap().usage().messages, 2500);
}

#[test]
fn expunged_messages_stay_readable_for_who_was_not_told() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let delivered = rig.deliver(&[&alice], &message(1));
    let known = alice.snapshot().unwrap().modseq();
    let watching = alice.watching(INBOX, known);
    alice.set_flags(INBOX, &uids(&[1]), change(FlagOp::Add, &["\\Deleted"]), None).wait().unwrap();
    alice.expunge(INBOX, None).wait().unwrap();
    assert_eq!(rig.housekeep(), 0);
    assert!(alice.snapshot().unwrap().email(delivered[0].email).unwrap().is_some());
    watching.seen(alice.snapshot().unwrap().modseq());
    assert_eq!(rig.housekeep(), 1);
    assert!(alice.snapshot().unwrap().email(delivered[0].email).unwrap().is_none());
}

#[test]
fn grace_ends_after_its_time() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    rig.deliver(&[&alice], &message(1));
    let _watching = alice.watching(INBOX, ModSeq::MIN);
    alice.set_flags(INBOX, &uids(&[1]), change(FlagOp::Add, &["\\Deleted"]), None).wait().unwrap();
    alice.expunge(INBOX, None).wait().unwrap();
    rig.env.advance_secs(3599);
    assert_eq!(rig.housekeep(), 0);
    rig.env.advance_secs(1);
    assert_eq!(rig.housekeep(), 1);
}

#[test]
fn a_full_account_fails_alone() {
    let quota = Quota { messages_max: 1, ..Quota::UNLIMITED };
    let rig = Rig::with(koi_mailbox::Options { quota, ..Default::default() });
    let (alice, bob) = (rig.account("alice"), rig.account("bob"));
    rig.deliver(&[&alice], &message(1));
    let delivery = koi_mailbox::Delivery {
        sender: koi_types::ReversePath::Null,
        recipients: vec![alice.id(), bob.id(), koi_types::AccountId(99)],
        message: crate::rig::incoming(&message(2)),
        received_at: rig.service_now(),
    };
    let results = rig.service.deliver(delivery).wait().unwrap();
    let kinds: Vec<_> = results.iter().map(|result| result.as_ref().err().map(|error| error.kind)).collect();
    assert_eq!(kinds, [Some(ErrorKind::OverQuota), None, Some(ErrorKind::NotFound)]);
    assert_eq!(mailbox(&bob, "INBOX").messages, 1);
}

// spec: RFC 9208 §3.1.2; RFC 9208 §4.3.1
#[test]
fn an_account_has_limits_of_its_own() {
    let quota = Quota { messages_max: 1, ..Quota::UNLIMITED };
    let rig = Rig::with(koi_mailbox::Options { quota, ..Default::default() });
    let alice = rig.account("alice");
    let archive = mailbox(&alice, "Archive").id;
    let modseq = || alice.snapshot().unwrap().modseq();
    let before = modseq();
    alice.set_quota(OwnQuota { messages_max: Some(2), ..OwnQuota::default() }).wait().unwrap();
    assert_eq!(modseq(), before);
    assert_eq!(alice.snapshot().unwrap().quota(), Quota { messages_max: 2, ..Quota::UNLIMITED });
    rig.deliver(&[&alice], &message(1));
    rig.deliver(&[&alice], &message(2));
    let refused = alice.copy(INBOX, &uids(&[1]), archive).wait().unwrap_err();
    assert_eq!(refused.kind, ErrorKind::OverQuota);
    // What only moves adds nothing, also when the account holds more than it may by now.
    alice
        .set_quota(OwnQuota { octets_max: Some(1), messages_max: Some(1), ..OwnQuota::default() })
        .wait()
        .unwrap();
    assert_eq!(alice.move_(INBOX, &uids(&[1, 2]), archive).wait().unwrap().to.count(), 2);
    let append = || alice.append(archive, vec![new_message(&message(3), &[])]);
    assert_eq!(append().wait().unwrap_err().kind, ErrorKind::OverQuota);
    alice.set_quota(OwnQuota { messages_max: Some(u64::MAX), ..OwnQuota::default() }).wait().unwrap();
    append().wait().unwrap();
    assert_eq!(alice.snapshot().unwrap().quota(), Quota::UNLIMITED);
    rig.check();
}

// spec: RFC 9208 §4.1.4
#[test]
fn what_expunge_would_give_back() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    rig.deliver(&[&alice], &message(1));
    rig.deliver(&[&alice], &message(2));
    let deleted = || {
        let snapshot = alice.snapshot().unwrap();
        snapshot.deleted_octets(&mailbox(&alice, "INBOX")).unwrap()
    };
    assert_eq!(deleted(), 0);
    alice.set_flags(INBOX, &uids(&[2]), change(FlagOp::Add, &["\\Deleted"]), None).wait().unwrap();
    assert_eq!(deleted(), mailbox(&alice, "INBOX").octets / 2);
    alice.expunge(INBOX, None).wait().unwrap();
    assert_eq!(deleted(), 0);
}

#[test]
fn flags_of_rows_read_back() {
    assert_eq!(flags(&["\\Seen", "b", "A"]).keywords.len(), 2);
}
