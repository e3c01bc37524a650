//! Housekeeping, trimming, and rows that cannot be read.

use std::ops::ControlFlow;
use std::sync::Arc;

use koi_mailbox::{FlagOp, INBOX, Options};
use koi_store::key;
use koi_store::kv::{Kv, Txn};
use koi_store::memory::MemoryKv;
use koi_types::{ErrorKind, ModSeq};

use crate::rig::{Deaf, Rig, change, changes, listed, mailbox, message, new_message, uid, uids};

fn put(kv: &dyn Kv, key: Vec<u8>, value: Vec<u8>) {
    kv.submit_and_wait(Box::new(move |txn: &mut dyn Txn| txn.put(&key, &value))).unwrap();
}

#[test]
fn the_log_is_trimmed_by_count() {
    let rig = Rig::with(Options { log_modseqs_max: 100, ..Options::default() });
    let alice = rig.account("alice");
    let before = alice.snapshot().unwrap().modseq();
    for _ in 0..120 {
        rig.deliver(&[&alice], &message(1));
    }
    alice.set_flags(INBOX, &uids(&[1]), change(FlagOp::Add, &["\\Deleted"]), None).wait().unwrap();
    alice.expunge(INBOX, None).wait().unwrap();
    let middle = ModSeq::new(alice.snapshot().unwrap().modseq().value() - 3).unwrap();
    rig.housekeep();
    assert_eq!(changes(&alice, INBOX, before), "too many");
    assert_eq!(changes(&alice, INBOX, middle), "added 120 flags  vanished 1");
    let at_the_end = alice.snapshot().unwrap().modseq();
    assert_eq!(changes(&alice, INBOX, at_the_end), "added  flags  vanished ");
}

#[test]
fn the_log_is_trimmed_by_age() {
    let rig = Rig::with(Options { log_age_secs: 1000, ..Options::default() });
    let alice = rig.account("alice");
    rig.deliver(&[&alice], &message(1));
    let known = alice.snapshot().unwrap().modseq();
    rig.deliver(&[&alice], &message(2));
    rig.env.advance_secs(999);
    rig.deliver(&[&alice], &message(3));
    rig.housekeep();
    assert_eq!(changes(&alice, INBOX, known), "added 2:3 flags  vanished ");
    rig.env.advance_secs(1);
    rig.deliver(&[&alice], &message(4));
    rig.housekeep();
    assert_eq!(changes(&alice, INBOX, known), "too many");
}

#[test]
fn too_many_changes_are_not_listed() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let known = alice.snapshot().unwrap().modseq();
    alice.append(INBOX, vec![new_message(&message(1), &[]); 2001]).wait().unwrap();
    assert_eq!(changes(&alice, INBOX, known), "added 1:2001 flags  vanished ", "a run is one change");
    let known = alice.snapshot().unwrap().modseq();
    let odd: Vec<u32> = (1..=2001).step_by(2).collect();
    alice.set_flags(INBOX, &uids(&odd), change(FlagOp::Add, &["\\Seen"]), None).wait().unwrap();
    assert_eq!(changes(&alice, INBOX, known), "too many");
}

#[test]
fn changes_elsewhere_cost_nothing() {
    let rig = Rig::with(Options { log_modseqs_max: 4, ..Options::default() });
    let alice = rig.account("alice");
    let known = alice.snapshot().unwrap().modseq();
    for _ in 0..20 {
        rig.deliver(&[&alice], &message(1));
    }
    rig.housekeep();
    let archive = mailbox(&alice, "Archive").id;
    assert_eq!(changes(&alice, archive, known), "added  flags  vanished ", "though the log begins later");
}

#[test]
fn housekeeping_goes_on_where_a_stopped_server_left_off() {
    let kv: Arc<dyn Kv> = Arc::new(MemoryKv::new(Arc::new(Deaf)));
    let rig = Rig::on(Arc::clone(&kv), Options::default());
    let (alice, bob) = (rig.account("alice"), rig.account("bob"));
    alice.append(INBOX, vec![new_message(&message(1), &["\\Deleted"]); 1500]).wait().unwrap();
    alice.expunge(INBOX, None).wait().unwrap();
    rig.service.directory().remove(bob.id()).unwrap();
    let again = Rig::on(kv, Options::default());
    assert_eq!(again.housekeep(), 1500);
    let view = again.kv.view().unwrap();
    let mut left = 0;
    let range = key::below(&bob.id().0.to_be_bytes());
    view.scan(&range.from, &range.end, &mut |_, _| {
        left += 1;
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(left, 0);
}

#[test]
fn a_row_that_cannot_be_read_harms_only_its_message() {
    let kv: Arc<dyn Kv> = Arc::new(MemoryKv::new(Arc::new(Deaf)));
    let rig = Rig::on(Arc::clone(&kv), Options::default());
    let alice = rig.account("alice");
    let appended = alice.append(INBOX, vec![new_message(&message(1), &["\\Deleted"]); 3]).wait().unwrap();
    put(&*kv, key::membership(alice.id(), INBOX, 2).to_vec(), vec![1, 2, 3]);
    put(&*kv, key::email(alice.id(), appended[2].email).to_vec(), vec![7]);
    let snapshot = alice.snapshot().unwrap();
    let mut visited = Vec::new();
    let scanned = snapshot.messages(INBOX, &uids(&[1, 2, 3]).0, |row| {
        visited.push(row.uid);
        ControlFlow::Continue(())
    });
    assert_eq!((visited, scanned.unwrap().corrupt), (vec![uid(1), uid(3)], uids(&[2])));
    let read = snapshot.message(INBOX, uid(2), |_| ()).unwrap_err();
    assert_eq!(read.kind, ErrorKind::Corrupt);
    assert!(read.context.unwrap().contains("00000002"), "the key is in the log");
    assert_eq!(snapshot.email(appended[2].email).unwrap_err().kind, ErrorKind::Corrupt);
    drop(snapshot);
    let set =
        alice.set_flags(INBOX, &uids(&[1, 2, 3]), change(FlagOp::Add, &["\\Seen"]), None).wait().unwrap();
    assert_eq!(set.changed, uids(&[1, 3]));
    let copy = alice.copy(INBOX, &uids(&[1, 2]), mailbox(&alice, "Archive").id).wait().unwrap_err();
    assert_eq!(copy.kind, ErrorKind::Corrupt);
    let found = alice.search(INBOX, uids(&[1, 2, 3]).0, &koi_mailbox::Filter::Text("body".into())).unwrap();
    assert_eq!(found.finish().unwrap(), uids(&[1]));
    let findings = rig.service.check().unwrap();
    assert_eq!(findings.len(), 2, "{findings:?}");
    assert_eq!(rig.service.repair(&findings).unwrap(), 1, "{findings:?}");
    // Without its flags the message counts differently; that shows only now.
    assert_eq!(rig.service.repair(&rig.service.check().unwrap()).unwrap(), 1);
    assert_eq!(listed(&alice, INBOX), ["1 \\Deleted \\Seen", "2", "3 \\Deleted \\Seen"]);
    assert_eq!(alice.expunge(INBOX, None).wait().unwrap().uids, uids(&[1, 3]));
    // The email that cannot be read is still there, for whoever can read it.
    assert_eq!(rig.service.check().unwrap().len(), 1);
    std::mem::forget(rig);
}
