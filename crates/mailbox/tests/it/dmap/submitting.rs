//! SUBMIT: the race, both transactions, what a crash in between leaves, holding and taking back.

use koi_dime::chunk::Actor;
use koi_dime::{ChunkType, Magic, Message};
use koi_mailbox::dmap::{SubmitOptions, Submitted};
use koi_mailbox::{Account, FlagOp, INBOX, MailboxService};
use koi_store::kv::transact_and_wait;
use koi_store::record::dmap::OutboxRecord;
use koi_types::{Cause, ErrorKind, Flags, Mode, Role, Uid, UidSet};

use super::rig::{
    SECRET_TEXT, User, append, authored, cause, dmap_rig, keywords, now, options, shown, signet, trustful,
    user,
};
use crate::rig::{Rig, change, flags};

fn one(uid: Uid) -> UidSet {
    [uid].into_iter().collect()
}

fn waiting(rig: &Rig, from: &User, to: &Account, seed: u64) -> Uid {
    append(&from.account, INBOX, &authored(rig, from, to, seed), &["$SubmitPending"])
}

fn submit(account: &Account, uid: Uid, options: SubmitOptions) -> koi_types::Result<Submitted> {
    let claim = account.claim_submission(INBOX, uid, options).wait()?;
    account.finish_submission(&claim)?.wait()
}

fn two(rig: &Rig) -> (User, User) {
    (user(rig, "alice", Mode::Cautious, 10), user(rig, "bob", Mode::Cautious, 20))
}

fn messages(account: &Account) -> u32 {
    account.snapshot().unwrap().mailbox(INBOX).unwrap().unwrap().messages
}

// spec: DMAP-00 §7.6.7
#[test]
fn a_message_goes_to_another_user_and_nobody_else_opens_it() {
    let rig = dmap_rig();
    let (alice, bob) = two(&rig);
    let octets = authored(&rig, &alice, &bob.account, 1);
    let uid = append(&alice.account, INBOX, &octets, &["$SubmitPending"]);
    let sent = alice.account.snapshot().unwrap().with_role(Role::Sent).unwrap();
    let sent_flags: Flags = flags(&["\\Seen"]);
    let options = SubmitOptions { save_to: Some(sent), sent_flags, ..SubmitOptions::default() };
    let claim = alice.account.claim_submission(INBOX, uid, options).wait().unwrap();
    let both = flags(&["$SubmitPending", "$Submitted"]);
    assert_eq!(keywords(&alice.account, INBOX, uid), both);
    let done = alice.account.finish_submission(&claim).unwrap().wait().unwrap();
    let Submitted::Done { transaction, modseq, saved } = done else { panic!("{done:?}") };
    assert_eq!(transaction, claim.id);
    assert!(modseq.unwrap() > claim.modseq);
    assert_eq!(keywords(&alice.account, INBOX, uid), flags(&["$Submitted"]));
    assert_eq!(shown(&alice.account, INBOX, uid), octets, "the original is not altered");
    let saved = shown(&alice.account, sent, saved.unwrap().uid);
    assert_eq!(Message::parse(&saved).unwrap().outline().magic(), Magic::SentMessage);

    let arrived = shown(&bob.account, INBOX, Uid::MIN);
    let message = Message::parse(&arrived).unwrap();
    assert_eq!(message.outline().facts()[0].kind, ChunkType::TRACING);
    assert!(message.outline().is_origin_signed());
    let reader = message.reader(Actor::Recipient, &bob.keys.decryption);
    let text = reader.read(ChunkType::DISPLAY, signet(&alice.account).signing()).unwrap();
    assert!(String::from_utf8_lossy(&text[0]).ends_with(SECRET_TEXT));
    let snapshot = bob.account.snapshot().unwrap();
    let email = snapshot.message(INBOX, Uid::MIN, |row| row.email).unwrap().unwrap();
    let facts = snapshot.dmap_facts(email).unwrap().unwrap();
    assert_eq!((facts.key_id, facts.peer.as_deref()), (Some(bob.key_id), Some("example.org")));
    drop(snapshot);
    let again = alice.account.finish_submission(&claim).err().unwrap();
    assert_eq!(cause(&again), Some(Cause::SubmissionRace), "it ends once");
    assert_eq!(messages(&bob.account), 1);
}

// spec: DMAP-00 §7.6.7
#[test]
fn only_one_of_two_submits() {
    let rig = dmap_rig();
    let (alice, bob) = two(&rig);
    let uid = waiting(&rig, &alice, &bob.account, 1);
    let claims: Vec<_> =
        (0..4).map(|_| alice.account.claim_submission(INBOX, uid, SubmitOptions::default())).collect();
    let claims: Vec<_> = claims.into_iter().map(|claim| claim.wait()).collect();
    let won: Vec<_> = claims.iter().flatten().collect();
    assert_eq!(won.len(), 1);
    for error in claims.iter().filter_map(|claim| claim.as_ref().err()) {
        assert_eq!((error.kind, cause(error)), (ErrorKind::Conflict, Some(Cause::SubmissionRace)));
    }
    alice.account.finish_submission(won[0]).unwrap().wait().unwrap();
    let late = submit(&alice.account, uid, SubmitOptions::default()).unwrap_err();
    assert_eq!(cause(&late), Some(Cause::SubmissionRace), "submitted already");
    let unmarked = append(&alice.account, INBOX, &authored(&rig, &alice, &bob.account, 2), &[]);
    let error = submit(&alice.account, unmarked, SubmitOptions::default()).unwrap_err();
    assert_eq!(cause(&error), Some(Cause::SubmissionRace), "it does not wait");
    let error = submit(&alice.account, Uid::new(99).unwrap(), SubmitOptions::default()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Gone);
    assert_eq!(messages(&bob.account), 1);
}

// spec: DMAP-00 §7.6.7
#[test]
fn what_is_refused_is_marked_so() {
    let rig = dmap_rig();
    let (alice, bob) = two(&rig);
    let refused = |octets: &[u8]| {
        let uid = append(&alice.account, INBOX, octets, &["$SubmitPending", "$Work"]);
        let submitted = submit(&alice.account, uid, SubmitOptions::default()).unwrap();
        let Submitted::Refused { error, modseq } = submitted else { panic!("{submitted:?}") };
        assert!(modseq.is_some());
        assert_eq!(keywords(&alice.account, INBOX, uid), flags(&["$Work"]), "both are gone");
        cause(&error)
    };
    // Of another author.
    assert_eq!(refused(&authored(&rig, &bob, &alice.account, 3)), Some(Cause::PolicyDenied));
    let good = authored(&rig, &alice, &bob.account, 4);
    let outline = koi_dime::Outline::of(&good).unwrap();
    let place = |kind| outline.chunks().iter().find(|fact| fact.kind == kind).unwrap().start as usize;
    let changed = |at: usize| {
        let mut octets = good.clone();
        octets[at] ^= 1;
        octets
    };
    assert_eq!(refused(&changed(place(ChunkType::AUTHOR_SIGNATURE) + 5)), Some(Cause::BadSignature));
    assert_eq!(refused(&changed(place(ChunkType::DISPLAY) + 60)), Some(Cause::BadSignature));
    assert_eq!(refused(&changed(place(ChunkType::ORIGIN) + 60)), Some(Cause::BadSignature));
    let sent = koi_dime::message::retitled(&good, Magic::SentMessage).unwrap();
    assert_eq!(refused(&sent), Some(Cause::BadMessage));
    assert_eq!(messages(&bob.account), 0);
}

#[test]
fn a_message_by_a_key_that_is_not_current_any_more() {
    let rig = dmap_rig();
    let (alice, bob) = two(&rig);
    let octets = authored(&rig, &alice, &bob.account, 1);
    let next = super::rig::private(koi_dime::key::Holder::User, 77);
    let follows = super::rig::request(&next, Some(&alice.keys.signing));
    let new = koi_mailbox::dmap::NewKey {
        id: koi_types::KeyId(follows.key_id().0),
        request: follows.object(),
        private: Some(super::rig::encrypted(&next)),
        expires_at: None,
    };
    alice.account.add_key(&new).unwrap().wait().unwrap();
    let uid = append(&alice.account, INBOX, &octets, &["$SubmitPending"]);
    let submitted = submit(&alice.account, uid, SubmitOptions::default()).unwrap();
    let Submitted::Refused { error, .. } = submitted else { panic!("{submitted:?}") };
    assert_eq!(cause(&error), Some(Cause::NotCurrent));
}

#[test]
fn a_recipient_without_room_gets_nothing_and_the_author_is_told() {
    let rig = dmap_rig();
    let (alice, bob) = two(&rig);
    let own = koi_mailbox::OwnQuota { octets_max: Some(100), ..koi_mailbox::OwnQuota::default() };
    bob.account.set_quota(own).wait().unwrap();
    let uid = waiting(&rig, &alice, &bob.account, 1);
    let submitted = submit(&alice.account, uid, SubmitOptions::default()).unwrap();
    let Submitted::Refused { error, .. } = submitted else { panic!("{submitted:?}") };
    assert_eq!(error.kind, ErrorKind::OverQuota);
    assert_eq!(messages(&bob.account), 0);
}

#[test]
fn mail_in_clear_is_not_submitted_so() {
    let rig = dmap_rig();
    let account = trustful(&rig, "alice");
    let message = crate::rig::new_message(&crate::rig::message(1), &["$SubmitPending"]);
    account.append(INBOX, vec![message]).wait().unwrap();
    let error = submit(&account, Uid::MIN, SubmitOptions::default()).unwrap_err();
    assert_eq!(cause(&error), Some(Cause::BadMessage));
    assert_eq!(keywords(&account, INBOX, Uid::MIN), flags(&["$SubmitPending"]), "nothing happened to it");
}

/// A server that was started anew on the same store.
fn restarted(rig: &Rig) -> MailboxService {
    rig.env.advance_secs(1);
    let env = std::sync::Arc::clone(&rig.env) as std::sync::Arc<dyn koi_mailbox::Env>;
    MailboxService::new(std::sync::Arc::clone(&rig.kv), options(), env)
}

fn housekept(service: &MailboxService, rig: &Rig) {
    while service.housekeep(now(rig)).unwrap().more {}
}

#[test]
fn what_a_crash_leaves_is_ended_after_the_next_start() {
    let rig = dmap_rig();
    let (alice, bob) = two(&rig);
    let uid = waiting(&rig, &alice, &bob.account, 1);
    let broken = append(&alice.account, INBOX, &authored(&rig, &bob, &alice.account, 2), &["$SubmitPending"]);
    for uid in [uid, broken] {
        let _ = alice.account.claim_submission(INBOX, uid, SubmitOptions::default()).wait().unwrap();
    }
    rig.housekeep();
    assert_eq!(messages(&bob.account), 0, "somebody is at it");
    // The message is gone from its mailbox, but not from the submission.
    alice.account.set_flags(INBOX, &one(uid), change(FlagOp::Add, &["\\Deleted"]), None).wait().unwrap();
    alice.account.expunge(INBOX, None).wait().unwrap();
    let service = restarted(&rig);
    housekept(&service, &rig);
    assert_eq!(messages(&bob.account), 1);
    assert_eq!(keywords(&alice.account, INBOX, broken), flags(&[]));
    housekept(&restarted(&rig), &rig);
    assert_eq!(messages(&bob.account), 1, "once");
}

#[test]
fn a_message_that_cannot_be_read_any_more_keeps_no_other_back() {
    let rig = dmap_rig();
    let (alice, bob) = two(&rig);
    let uids = [1, 2].map(|seed| waiting(&rig, &alice, &bob.account, seed));
    let claims = uids
        .map(|uid| alice.account.claim_submission(INBOX, uid, SubmitOptions::default()).wait().unwrap().id);
    let lost = claims.iter().min().unwrap();
    let row = koi_store::key::dmap_outbox(alice.account.id(), *lost);
    let record = rig.kv.view().unwrap().get(&row).unwrap().unwrap().to_vec();
    let mut record = OutboxRecord::decode(&record).unwrap();
    record.body.offset = u64::MAX / 2;
    record.body.segment = u32::MAX;
    let damaged = record.encode();
    transact_and_wait(&*rig.kv, move |txn| txn.put(&row, &damaged)).unwrap();
    housekept(&restarted(&rig), &rig);
    assert_eq!(messages(&bob.account), 1);
    let mut left: Vec<Flags> = uids.iter().map(|uid| keywords(&alice.account, INBOX, *uid)).collect();
    left.sort_by_key(|flags| flags.keywords.len());
    assert_eq!(left, [flags(&[]), flags(&["$Submitted"])]);
}

#[test]
fn while_it_is_submitted_its_marks_stay() {
    let rig = dmap_rig();
    let (alice, bob) = two(&rig);
    let uid = waiting(&rig, &alice, &bob.account, 1);
    let claim = alice.account.claim_submission(INBOX, uid, SubmitOptions::default()).wait().unwrap();
    let set = |op, names: &[&str]| alice.account.set_flags(INBOX, &one(uid), change(op, names), None).wait();
    for (op, names) in [
        (FlagOp::Remove, ["$Submitted"].as_slice()),
        (FlagOp::Remove, &["$SubmitPending"]),
        (FlagOp::Replace, &["\\Seen"]),
    ] {
        let error = set(op, names).unwrap_err();
        assert_eq!((error.kind, cause(&error)), (ErrorKind::NoPermission, Some(Cause::Cannot)));
    }
    set(FlagOp::Add, &["\\Seen", "$Submitted"]).unwrap();
    set(FlagOp::Replace, &["\\Seen", "$Submitted", "$SubmitPending"]).unwrap();
    alice.account.finish_submission(&claim).unwrap().wait().unwrap();
    set(FlagOp::Remove, &["$Submitted"]).unwrap();
}

// spec: DMAP-00 §7.6.7
#[test]
fn a_message_is_held_until_its_time_or_taken_back() {
    let rig = dmap_rig();
    let (alice, bob) = two(&rig);
    let (kept, back) = (waiting(&rig, &alice, &bob.account, 1), waiting(&rig, &alice, &bob.account, 2));
    let until = now(&rig).plus_secs(60);
    let options = SubmitOptions { hold_until: Some(until), ..SubmitOptions::default() };
    for uid in [kept, back] {
        let claim = alice.account.claim_submission(INBOX, uid, options.clone()).wait().unwrap();
        assert_eq!(claim.held_until, Some(until));
        assert_eq!(keywords(&alice.account, INBOX, uid), flags(&["$SubmitPending", "$Submitted"]));
    }
    let remove = change(FlagOp::Remove, &["$SubmitPending"]);
    alice.account.set_flags(INBOX, &one(back), remove, None).wait().unwrap();
    assert_eq!(keywords(&alice.account, INBOX, back), flags(&[]), "taken back");
    rig.housekeep();
    assert_eq!(messages(&bob.account), 0);
    rig.env.advance_secs(61);
    rig.housekeep();
    assert_eq!(messages(&bob.account), 1);
    assert_eq!(keywords(&alice.account, INBOX, kept), flags(&["$Submitted"]));
    let past = SubmitOptions { hold_until: Some(until), ..SubmitOptions::default() };
    let third = waiting(&rig, &alice, &bob.account, 3);
    let claim = alice.account.claim_submission(INBOX, third, past).wait().unwrap();
    assert_eq!(claim.held_until, None, "its time has come already");
    alice.account.finish_submission(&claim).unwrap().wait().unwrap();
}

#[test]
fn a_message_to_oneself() {
    let rig = dmap_rig();
    let alice = user(&rig, "alice", Mode::Cautious, 10);
    let uid = waiting(&rig, &alice, &alice.account, 1);
    let save_to = Some(INBOX);
    submit(&alice.account, uid, SubmitOptions { save_to, ..SubmitOptions::default() }).unwrap();
    assert_eq!(messages(&alice.account), 3, "the original, what came, and the copy");
}
