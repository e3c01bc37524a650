//! `\Recent` is taken once, in memory, and written by housekeeping (RFC 3501 §2.3.2).

use std::sync::Arc;

use koi_mailbox::{INBOX, Options};
use koi_store::memory::MemoryKv;

use crate::rig::{Deaf, Rig, message, name, uid};

// spec: RFC 3501 §2.3.2
#[test]
fn each_message_is_taken_once() {
    let rig = Rig::new();
    let account = rig.account("alice");
    (1..=3).for_each(|n| drop(rig.deliver(&[&account], &message(n))));
    assert_eq!(account.recent_from(INBOX).unwrap(), uid(1));
    assert_eq!(account.claim_recent(INBOX, uid(4)).unwrap(), uid(1));
    assert_eq!(account.claim_recent(INBOX, uid(4)).unwrap(), uid(4));
    // Somebody who knows less takes nothing, and gives nothing back.
    assert_eq!(account.claim_recent(INBOX, uid(2)).unwrap(), uid(4));
    assert_eq!(account.recent_from(INBOX).unwrap(), uid(4));
    drop(rig.deliver(&[&account], &message(4)));
    let snapshot = account.snapshot().unwrap();
    assert_eq!(snapshot.count_from(INBOX, account.recent_from(INBOX).unwrap()).unwrap(), 1);
    assert_eq!(account.claim_recent(INBOX, uid(5)).unwrap(), uid(4));
}

#[test]
fn housekeeping_writes_it_and_nobody_hears_of_it() {
    let kv = Arc::new(MemoryKv::new(Arc::new(Deaf)));
    let rig = Rig::on(kv, Options::default());
    let account = rig.account("alice");
    drop(rig.deliver(&[&account], &message(1)));
    let modseq = account.snapshot().unwrap().modseq();
    assert_eq!(account.claim_recent(INBOX, uid(2)).unwrap(), uid(1));
    // A crash now: it is recent again.
    assert_eq!(rig.again(&account).recent_from(INBOX).unwrap(), uid(1));
    rig.housekeep();
    assert_eq!(rig.again(&account).recent_from(INBOX).unwrap(), uid(2));
    assert_eq!(account.snapshot().unwrap().modseq(), modseq);
}

#[test]
fn a_deleted_mailbox_leaves_nothing() {
    let rig = Rig::new();
    let account = rig.account("alice");
    let lists = account.create(&name("lists"), None).wait().unwrap().mailbox;
    account.claim_recent(lists, uid(9)).unwrap();
    rig.housekeep();
    account.delete(&name("lists")).wait().unwrap();
    account.claim_recent(lists, uid(12)).unwrap();
    // The end of the rig checks every row.
    rig.housekeep();
}
