//! Submissions that were put off (RFC 8621 §7), to recipients who can take no mail when their time has come.

use koi_dime::key::Holder;
use koi_mailbox::dmap::{ModeChange, NewKey};
use koi_mailbox::emails::{DeliveredStatus, NewSubmission, SubmissionRecord, UndoStatus};
use koi_mailbox::{Account, INBOX};
use koi_types::{KeyId, Mode, ObjectId, Timestamp, limits};

use super::rig::{dmap_rig, encrypted, private, request, trustful};
use crate::email_sending::{draft, new, submit};
use crate::rig::{Rig, listed};

/// Bob keeps encrypted mail only, and has no key to encrypt it for; carol takes everything.
struct World {
    rig: Rig,
    alice: Account,
    bob: Account,
    carol: Account,
    submission: ObjectId,
}

impl World {
    /// Alice's email to both is due in a minute.
    fn new() -> Self {
        let rig = dmap_rig();
        let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| trustful(&rig, name));
        bob.set_mode(&ModeChange::to(Mode::Cautious)).wait().unwrap();
        let email = draft(&alice, "carol@example.org");
        let at = Some(Timestamp(rig.service_now().0 + 60_000));
        let submission = submit(&alice, &NewSubmission { send_at: at, ..new(email) }).unwrap().id;
        Self { rig, alice, bob, carol, submission }
    }
    fn after_secs(&self, secs: i64) -> SubmissionRecord {
        self.rig.env.advance_secs(secs);
        self.rig.housekeep();
        let all = self.alice.snapshot().unwrap().submissions().unwrap();
        all.into_iter().find(|one| one.id == self.submission).unwrap().submission
    }
}

/// The delivery to carol, and to bob.
fn said(record: &SubmissionRecord) -> [(DeliveredStatus, &str); 2] {
    let of = |name: &str| {
        let at = record.rcpt_to.iter().position(|to| to.email.starts_with(name)).unwrap();
        (record.deliveries[at].delivered, &*record.deliveries[at].reply)
    };
    [of("carol"), of("bob")]
}

// spec: RFC 8621 §7; RFC 5321 §4.5.4.1
#[test]
fn who_cannot_take_it_now_is_tried_again() {
    let world = World::new();
    let record = world.after_secs(61);
    let [carol, bob] = said(&record);
    assert_eq!(carol, (DeliveredStatus::Yes, "250 2.1.5 Delivered"));
    assert_eq!(bob, (DeliveredStatus::Queued, "451 4.7.5 Mail cannot be encrypted for this user now"));
    assert_eq!(record.status, UndoStatus::Final, "carol has it: it cannot be taken back");
    assert!(world.alice.cancel_submission(world.submission).wait().unwrap().is_err());
    // Not at once again.
    assert_eq!(said(&world.after_secs(30))[1].0, DeliveredStatus::Queued);
    let keys = private(Holder::User, 20);
    let request = request(&keys, None);
    let id = KeyId(request.key_id().0);
    let key = NewKey { id, request: request.object(), private: Some(encrypted(&keys)), expires_at: None };
    world.bob.add_key(&key).unwrap().wait().unwrap();
    let record = world.after_secs(40);
    assert_eq!(said(&record), [(DeliveredStatus::Yes, "250 2.1.5 Delivered"); 2]);
    world.after_secs(3600);
    assert_eq!((listed(&world.carol, INBOX).len(), listed(&world.bob, INBOX).len()), (1, 1), "each once");
    assert!(world.rig.service.check().unwrap().is_empty());
}

/// RFC 3463 §3.5.
#[test]
fn after_five_days_it_is_given_up() {
    let world = World::new();
    for _ in 0..4 * 24 {
        assert_eq!(said(&world.after_secs(3600))[1].0, DeliveredStatus::Queued);
    }
    let record = world.after_secs(25 * 3600);
    let [carol, bob] = said(&record);
    assert_eq!(carol.0, DeliveredStatus::Yes);
    let why = "554 5.4.7 Given up after five days: Mail cannot be encrypted for this user now";
    assert_eq!(bob, (DeliveredStatus::No, why));
    assert_eq!(listed(&world.carol, INBOX).len(), 1);
    assert!(world.rig.service.check().unwrap().is_empty());
}

/// Its sender would never hear what came of it.
// spec: RFC 8621 §7
#[test]
fn what_is_tried_again_is_not_forgotten_for_others() {
    let world = World::new();
    assert_eq!(said(&world.after_secs(61))[1].0, DeliveredStatus::Queued);
    let email = draft(&world.alice, "carol@example.org");
    (0..limits::SUBMISSIONS_MAX).for_each(|_| drop(submit(&world.alice, &new(email)).unwrap()));
    assert_eq!(said(&world.after_secs(3600))[1].0, DeliveredStatus::Queued);
}
