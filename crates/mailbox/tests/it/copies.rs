//! COPY of more messages than one transaction takes, when a piece of it fails (RFC 9051 §6.4.7): nothing of
//! it stays, and nothing of others goes.

use std::sync::Arc;

use koi_mailbox::{Account, INBOX, Options, OwnQuota};
use koi_store::kv::Kv;
use koi_types::{ErrorKind, MailboxId, UidSet};

use crate::meddling::{Meddling, MeddlingKv};
use crate::rig::{Rig, listed, mailbox, message, new_message};

/// Three pieces.
const MESSAGES: u32 = 2500;

struct Scene {
    kv: Arc<MeddlingKv>,
    rig: Rig,
    alice: Account,
    target: MailboxId,
}

impl Scene {
    fn new() -> Self {
        let kv = MeddlingKv::new();
        let rig = Rig::on(Arc::clone(&kv) as Arc<dyn Kv>, Options::default());
        let alice = rig.account("alice");
        for _ in 0..MESSAGES / 500 {
            alice.append(INBOX, vec![new_message(&message(1), &[]); 500]).wait().unwrap();
        }
        let target = mailbox(&alice, "Archive").id;
        Self { kv, rig, alice, target }
    }
    /// Another session appends to the target before the transaction of this number.
    fn append_before(&self, number: usize) {
        let (other, target) = (self.rig.again(&self.alice), self.target);
        let append = move || drop(other.append(target, vec![new_message(&message(7), &["other"])]));
        self.kv.at(number, Meddling::Before(Box::new(append)));
    }
    fn copy(&self) -> koi_types::Result<koi_mailbox::Copied> {
        let mut all = UidSet::new();
        all.0.insert_range(1..=MESSAGES);
        self.alice.copy(INBOX, &all, self.target).wait()
    }
    fn there(&self) -> Vec<String> {
        listed(&self.alice, self.target)
    }
}

// spec: RFC 9051 §6.4.7; RFC 3501 §6.4.7
#[test]
fn a_lost_piece_takes_back_its_own_and_nothing_of_others() {
    let scene = Scene::new();
    // The lost piece had UIDs 1001 to 2000 in mind; the next append gets 1001, or 2001 with a third piece
    // between. Transactions: piece 0, piece 1 (lost), the other's append, piece 2.
    scene.kv.at(1, Meddling::Lost);
    scene.append_before(2);
    assert_eq!(scene.copy().unwrap_err().kind, ErrorKind::Unavailable);
    assert_eq!(scene.there(), ["1001 other"]);
    assert_eq!(mailbox(&scene.alice, "INBOX").messages, MESSAGES);
    scene.rig.check();
}

#[test]
fn a_refused_piece_takes_back_its_own_and_nothing_of_others() {
    let scene = Scene::new();
    let messages_max = Some(u64::from(MESSAGES) + 1500);
    scene.alice.set_quota(OwnQuota { messages_max, ..OwnQuota::default() }).wait().unwrap();
    scene.append_before(1);
    scene.append_before(3);
    assert_eq!(scene.copy().unwrap_err().kind, ErrorKind::OverQuota);
    // The other's second append may come before or after the copies are taken back.
    let there = scene.there();
    assert!(there.iter().all(|row| row.ends_with(" other")), "{there:?}");
    assert_eq!(there.first().map(String::as_str), Some("1001 other"));
    assert_eq!(mailbox(&scene.alice, "INBOX").messages, MESSAGES);
    scene.rig.check();
}

#[test]
fn a_whole_copy_beside_an_append_is_whole() {
    let scene = Scene::new();
    scene.append_before(1);
    let copied = scene.copy().unwrap();
    assert_eq!(copied.to.count(), u64::from(MESSAGES));
    assert!(!copied.to.0.contains(1001));
    assert_eq!(scene.there().len() as u32, MESSAGES + 1);
}
