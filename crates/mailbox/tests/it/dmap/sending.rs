//! Messages to other organisations: put on their way by SUBMIT, settled by whoever carries them; and what is
//! known of those organisations.

use koi_dime::chunk::Actor;
use koi_dime::key::Holder;
use koi_dime::message::{AuthorParts, DestinationEnvelope, OriginEnvelope, Part, PartKind, Readers};
use koi_dime::{ChunkType, Magic, ManagementRecord, Message, Organisation, UserSignet};
use koi_mailbox::dmap::{DueMail, FoundOrganisation, MailSettled, SubmitOptions, Submitted};
use koi_mailbox::{Account, DmapOptions, INBOX, MailboxService, Options};
use koi_store::body::NewBody;
use koi_store::key;
use koi_store::kv::transact_and_wait;
use koi_store::mail::dmap::queue::NewQueued;
use koi_store::mail::dmap::{outbox, queue};
use koi_store::mail::{AccountTxn, Quota};
use koi_store::record::dmap::OutboxRecord;
use koi_store::record::dmtp::QueuedRecord;
use koi_types::{Cause, ErrorKind, Mode, ObjectId, Timestamp, Uid, limits};

use super::rig::{
    Counted, DOMAIN, SECRET_TEXT, User, address_of, append, authored, dmap_options, dmap_rig, keywords, now,
    private, request, shown, signet, user,
};
use crate::rig::{Rig, flags};

const ELSEWHERE: &str = "elsewhere.example";

fn sending_rig() -> Rig {
    let dmap = Some(DmapOptions { sends: true, ..dmap_options() });
    Rig::with(Options { dmap, ..Options::default() })
}

fn elsewhere(seed: u64) -> Organisation {
    Organisation::new(ELSEWHERE, private(Holder::Organisation, seed), &[]).unwrap()
}

fn carol(organisation: &Organisation) -> UserSignet {
    let keys = private(Holder::User, 30);
    let address = koi_types::Address::new("carol", ELSEWHERE).unwrap();
    organisation.issue(&request(&keys, None), &address, None).unwrap()
}

/// A message to somebody whose organisation is not here.
fn authored_to(rig: &Rig, from: &User, organisation: &Organisation, seed: u64) -> Vec<u8> {
    let own = rig.service.organisation(DOMAIN).unwrap();
    let (author, recipient) = (signet(&from.account), carol(organisation));
    let origin = OriginEnvelope {
        author: address_of("alice"),
        author_signet: author.core_fingerprint(),
        destination: ELSEWHERE.into(),
        destination_signet: organisation.signet().core_fingerprint(),
    };
    let destination = DestinationEnvelope {
        recipient: koi_types::Address::parse(recipient.identifier().unwrap()).unwrap(),
        recipient_signet: recipient.core_fingerprint(),
        origin: DOMAIN.into(),
        origin_signet: own.signet().core_fingerprint(),
    };
    let readers = Readers {
        author: Some(*author.encryption()),
        origin: Some(*own.signet().encryption()),
        destination: Some(*organisation.signet().encryption()),
        recipient: Some(*recipient.encryption()),
    };
    let text = format!("Content-Type: text/plain\r\n\r\n{SECRET_TEXT}");
    let parts = AuthorParts {
        common_headers: b"Subject: Secret\r\n",
        other_headers: b"",
        parts: &[Part { kind: PartKind::Display, data: text.as_bytes() }],
    };
    parts.message(&origin, &destination, &readers, &from.keys.signing, &mut Counted(seed)).unwrap()
}

fn submit(account: &Account, uid: Uid) -> Submitted {
    let claim = account.claim_submission(INBOX, uid, SubmitOptions::default()).wait().unwrap();
    account.finish_submission(&claim).unwrap().wait().unwrap()
}

/// A message on its way, by alice.
fn queued(rig: &Rig) -> (User, DueMail) {
    let alice = user(rig, "alice", Mode::Cautious, 10);
    let octets = authored_to(rig, &alice, &elsewhere(2), 1);
    let uid = append(&alice.account, INBOX, &octets, &["$SubmitPending"]);
    let Submitted::Done { transaction, .. } = submit(&alice.account, uid) else { panic!("refused") };
    assert_eq!(keywords(&alice.account, INBOX, uid), flags(&["$Submitted"]));
    let found = due(&rig.service, now(rig));
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((one.id, &*one.destination), (transaction, ELSEWHERE));
    (alice, one.clone())
}

fn due(service: &MailboxService, at: Timestamp) -> Vec<DueMail> {
    service.due_mail(at, 10, &|_| false).unwrap().due
}

fn settle(rig: &Rig, mail: &DueMail, settled: MailSettled) -> bool {
    rig.service.settle_mail(mail.account, mail.id, settled).unwrap().wait().unwrap()
}

fn messages(account: &Account) -> u32 {
    account.snapshot().unwrap().mailbox(INBOX).unwrap().unwrap().messages
}

// spec: DMAP-00 §7.6.7
#[test]
fn a_message_to_another_organisation_is_put_on_its_way() {
    let rig = sending_rig();
    let (_, mail) = queued(&rig);
    let sent = rig.service.outgoing_mail(mail.account, mail.id).unwrap().unwrap();
    assert_eq!((&*sent.destination, sent.origin.domain(), sent.attempts), (ELSEWHERE, DOMAIN, 0));
    let organisation = elsewhere(2);
    assert_eq!(sent.signet, organisation.signet().core_fingerprint());
    // As the other organisation takes it.
    let message = Message::parse(&sent.octets).unwrap();
    let delivery = organisation.delivery(&message).unwrap();
    let envelope = delivery.verify(rig.service.organisation(DOMAIN).unwrap().signet()).unwrap();
    assert_eq!(envelope.recipient.to_string(), "carol@elsewhere.example");
    assert!(settle(&rig, &mail, MailSettled::Sent));
    assert!(!settle(&rig, &mail, MailSettled::Sent), "once");
    assert_eq!(due(&rig.service, now(&rig)), []);
    assert!(rig.service.outgoing_mail(mail.account, mail.id).unwrap().is_none());
}

#[test]
fn what_cannot_be_sent_now_waits() {
    let rig = sending_rig();
    let (alice, mail) = queued(&rig);
    let until = now(&rig).plus_secs(60);
    assert!(settle(&rig, &mail, MailSettled::Later { until, said: "421 busy\r\n".into() }));
    let found = rig.service.due_mail(now(&rig), 10, &|_| false).unwrap();
    assert_eq!((found.due, found.next_at), (vec![], Some(until)));
    assert_eq!(due(&rig.service, until), std::slice::from_ref(&mail));
    assert_eq!(rig.service.outgoing_mail(mail.account, mail.id).unwrap().unwrap().attempts, 1);
    assert_eq!(messages(&alice.account), 1, "nobody is told yet");
}

#[test]
fn what_will_never_be_delivered_comes_back() {
    let rig = sending_rig();
    let (alice, mail) = queued(&rig);
    let said = "550 no such user\r\nhere";
    assert!(settle(&rig, &mail, MailSettled::Failed { said: said.into() }));
    assert_eq!(due(&rig.service, Timestamp(i64::MAX)), []);
    let bounce = shown(&alice.account, INBOX, Uid::new(2).unwrap());
    let message = Message::parse(&bounce).unwrap();
    assert_eq!(message.outline().magic(), Magic::BounceMessage);
    let reader = message.reader(Actor::Recipient, &alice.keys.decryption);
    let place = message.places(ChunkType::BODY).next().unwrap();
    let body = reader.open(place).unwrap();
    let text = String::from_utf8_lossy(body.claimed()).into_owned();
    assert!(text.contains("Reason: 550 no such user  here\r\n"), "{text}");
    assert!(text.contains(&mail.id.to_string()) && text.contains(ELSEWHERE), "{text}");
    let transaction = koi_dime::base64url(&mail.id.0);
    assert!(text.contains(&format!("Transaction: {transaction}, ")), "as SUBMIT has answered: {text}");
    assert!(!settle(&rig, &mail, MailSettled::Failed { said: said.into() }), "one bounce");
    assert_eq!(messages(&alice.account), 2);
}

/// Whose author cannot be told is not dropped: it waits, says why, and he is told when he can be.
#[test]
fn what_nobody_can_be_told_of_stays() {
    let rig = sending_rig();
    let (alice, mail) = queued(&rig);
    let at = key::dmap_key(mail.account, &alice.key_id);
    let row = rig.kv.view().unwrap().get(&at).unwrap().unwrap().to_vec();
    transact_and_wait(&*rig.kv, move |txn| txn.delete(&at)).unwrap();
    let failed = || MailSettled::Failed { said: "550 no such user".into() };
    assert!(settle(&rig, &mail, failed()));
    let waiting = rig.service.waiting_mail().unwrap();
    let [one] = waiting.as_slice() else { panic!("{waiting:?}") };
    assert_eq!(&*one.said, "the author has no key to be told by: 550 no such user");
    assert!(one.next_at > now(&rig) && messages(&alice.account) == 1, "{one:?}");
    // An administrator may end it all the same; or the key comes back.
    transact_and_wait(&*rig.kv, move |txn| txn.put(&at, &row)).unwrap();
    let full = koi_mailbox::OwnQuota { octets_max: Some(1), ..koi_mailbox::OwnQuota::default() };
    alice.account.set_quota(full).wait().unwrap();
    assert!(settle(&rig, &mail, failed()));
    let waiting = rig.service.waiting_mail().unwrap();
    assert_eq!(&*waiting[0].said, "there is no room to tell the author: 550 no such user");
    alice.account.set_quota(koi_mailbox::OwnQuota::default()).wait().unwrap();
    assert!(settle(&rig, &mail, failed()));
    assert_eq!((rig.service.waiting_mail().unwrap(), messages(&alice.account)), (vec![], 2));
}

/// The queue is beside the quota: an account has a bounded share of the disk for what nobody takes.
#[test]
fn what_waits_is_bounded_in_octets() {
    let rig = sending_rig();
    let (alice, mail) = queued(&rig);
    let large = |octets: u64| {
        let record = queue::queued(&*rig.kv.view().unwrap(), mail.account, mail.id).unwrap().unwrap();
        let body = koi_store::body::BodyRef { octets, ..record.body };
        let row = QueuedRecord { body, ..record }.encode();
        let at = key::dmtp_queued(mail.account, mail.id);
        transact_and_wait(&*rig.kv, move |txn| txn.put(&at, &row)).unwrap();
    };
    let again = |seed| {
        let octets = authored_to(&rig, &alice, &elsewhere(2), seed);
        submit(&alice.account, append(&alice.account, INBOX, &octets, &["$SubmitPending"]))
    };
    large(limits::DMTP_QUEUE_OCTETS_MAX - 100);
    let Submitted::Refused { error, .. } = again(3) else { panic!("not refused") };
    assert_eq!(error.kind, ErrorKind::LimitReached);
    large(100);
    assert!(matches!(again(4), Submitted::Done { .. }));
}

#[test]
fn so_many_wait_and_no_more() {
    let rig = sending_rig();
    let (alice, mail) = queued(&rig);
    let account = mail.account;
    transact_and_wait(&*rig.kv, move |txn| {
        let mut own = AccountTxn::open(txn, account, Quota::UNLIMITED, Timestamp(1))?;
        for number in 1..limits::DMTP_QUEUE_MAX as u128 {
            let body = NewBody::inline(number.to_be_bytes().as_slice().into());
            let new = NewQueued { destination: "example.net".into(), signet: [0; 64], bounces: 0, body };
            own.enqueue(ObjectId(number.to_be_bytes()), &new)?;
        }
        own.finish().map(drop)
    })
    .unwrap();
    let octets = authored_to(&rig, &alice, &elsewhere(2), 3);
    let uid = append(&alice.account, INBOX, &octets, &["$SubmitPending"]);
    let Submitted::Refused { error, .. } = submit(&alice.account, uid) else { panic!("not refused") };
    assert_eq!(error.kind, ErrorKind::LimitReached);
}

#[test]
fn where_nobody_carries_messages_they_are_refused() {
    let rig = dmap_rig();
    let alice = user(&rig, "alice", Mode::Cautious, 10);
    let octets = authored_to(&rig, &alice, &elsewhere(2), 1);
    let uid = append(&alice.account, INBOX, &octets, &["$SubmitPending"]);
    let Submitted::Refused { error, .. } = submit(&alice.account, uid) else { panic!("not refused") };
    assert_eq!(error.cause, Some(Cause::PolicyDenied));
}

#[test]
fn a_queue_goes_with_its_account() {
    let rig = sending_rig();
    let (alice, mail) = queued(&rig);
    rig.service.directory().remove(alice.account.id()).unwrap();
    rig.housekeep();
    assert_eq!(due(&rig.service, Timestamp(i64::MAX)), []);
    assert!(!settle(&rig, &mail, MailSettled::Sent));
}

/// What the server kept of a submitted message is damaged: it is refused, and nobody waits for it.
#[test]
fn a_submission_that_cannot_be_read_ends() {
    let rig = dmap_rig();
    let (alice, bob) = (user(&rig, "alice", Mode::Cautious, 10), user(&rig, "bob", Mode::Cautious, 20));
    let octets = authored(&rig, &alice, &bob.account, 1);
    let uid = append(&alice.account, INBOX, &octets, &["$SubmitPending"]);
    let claim = alice.account.claim_submission(INBOX, uid, SubmitOptions::default()).wait().unwrap();
    let account = alice.account.id();
    let record = outbox::outgoing(&*rig.kv.view().unwrap(), account, claim.id).unwrap().unwrap();
    let body = koi_store::body::BodyRef { offset: u64::MAX, ..record.body };
    let damaged = OutboxRecord { body, ..record }.encode();
    let at = key::dmap_outbox(account, claim.id);
    transact_and_wait(&*rig.kv, move |txn| txn.put(&at, &damaged)).unwrap();
    rig.env.advance_secs(601);
    rig.housekeep();
    assert_eq!(keywords(&alice.account, INBOX, uid), flags(&[]), "it may be submitted again");
    assert_eq!(messages(&bob.account), 0);
}

fn found(organisation: &Organisation, also: &[&Organisation], is_validated: bool) -> FoundOrganisation {
    let mut record = ManagementRecord::new(*organisation.signet().primary());
    record.primary.extend(also.iter().map(|other| *other.signet().primary()));
    let fresh_until = Timestamp(0);
    FoundOrganisation { signet: organisation.signet().clone(), record, is_validated, fresh_until }
}

#[test]
fn a_key_is_replaced_only_when_the_one_before_agrees() {
    let rig = dmap_rig();
    let service = &rig.service;
    let (old, new) = (elsewhere(2), elsewhere(3));
    let learn = |found| service.learn_organisation("Elsewhere.example", found, true);
    assert_eq!(service.known_organisation(ELSEWHERE).unwrap(), None);
    learn(found(&old, &[], true)).unwrap();
    rig.env.advance_secs(5);
    let again = learn(found(&old, &[], false)).unwrap();
    assert!(again.learned_at > again.known_since && !again.is_validated);
    // Nor in two steps: first the signature goes, then the key.
    assert!(learn(found(&new, &[&old], false)).is_err());
    let error = learn(found(&new, &[], true)).unwrap_err();
    assert_eq!((error.kind, error.cause), (ErrorKind::NoPermission, Some(Cause::SignetInvalid)));
    assert!(error.text.contains("an administrator must look at it"), "{error}");
    assert_eq!(service.known_organisation(ELSEWHERE).unwrap().unwrap().signet, *old.signet());
    learn(found(&old, &[&new], true)).unwrap();
    // The record names both, but the DNS does not sign it any more.
    assert!(learn(found(&new, &[&old], false)).is_err());
    learn(found(&new, &[&old], true)).unwrap();
    assert_eq!(service.known_organisations().unwrap()[0].known.signet, *new.signet());
    assert!(learn(found(&old, &[], true)).is_err(), "nor back");
    assert!(service.forget_organisation(ELSEWHERE).unwrap());
    assert!(!service.forget_organisation(ELSEWHERE).unwrap());
    learn(found(&old, &[], false)).unwrap();
}
