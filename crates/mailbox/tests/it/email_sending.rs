//! Identities, submissions of emails and the answer of an absent owner.

use koi_mailbox::emails::{
    DataType, DeliveredStatus, EmailChange, EmailCreation, Envelope, EnvelopeAddress, EnvelopeParameter,
    IdentityChange, IdentityChanged, IdentityRecord, IdentityUpdate, NamedAddress, NewSubmission,
    OWN_IDENTITY, SetOutcome, SettingRefused, State, SubmissionRefused, SubmissionView, Told, UndoStatus,
    VacationRecord,
};
use koi_mailbox::{Account, INBOX, Options, SentShares};
use koi_types::{BlobName, EmailId, ErrorKind, ObjectId, Timestamp, limits};

use crate::emails::state;
use crate::rig::{Rig, incoming, listed};

pub(crate) fn draft(account: &Account, to: &str) -> EmailId {
    let text = format!("From: alice@example.org\nTo: {to}\nBcc: bob@example.org\nSubject: s\n\nbody\n");
    let change = EmailChange::Create(EmailCreation {
        message: incoming(&text),
        mailboxes: [INBOX].into_iter().collect(),
        keywords: vec![],
        received_at: None,
    });
    match account.set_emails(None, vec![change]).wait().unwrap() {
        SetOutcome::Done { results, .. } => match results[0].as_ref().unwrap() {
            koi_mailbox::emails::EmailChanged::Created { email, .. } => *email,
            other => panic!("{other:?}"),
        },
        SetOutcome::StateMismatch => panic!("no state was asked for"),
    }
}

pub(crate) fn new(email: EmailId) -> NewSubmission {
    NewSubmission { identity: OWN_IDENTITY, email, envelope: None, send_at: None }
}

pub(crate) fn submit(account: &Account, new: &NewSubmission) -> Result<SubmissionView, String> {
    match account.submit_email(new, |_| Some(SentShares::default())) {
        Ok(pending) => Ok(pending.wait().unwrap()),
        Err(refused) => Err(format!("{refused:?}")),
    }
}

fn text(account: &Account) -> String {
    let snapshot = account.snapshot().unwrap();
    let email = snapshot.message(INBOX, crate::rig::uid(1), |row| row.email).unwrap().unwrap();
    let body = snapshot.email(email).unwrap().unwrap().body;
    let mut octets = Vec::new();
    snapshot.read_body(&body, 0..body.octets, &mut octets).unwrap();
    String::from_utf8(octets).unwrap()
}

// spec: RFC 8621 §7; RFC 8621 §7.5
#[test]
fn an_email_is_delivered_without_bcc() {
    let rig = Rig::new();
    let (alice, bob, carol) = (rig.account("alice"), rig.account("bob"), rig.account("carol"));
    let email = draft(&alice, "carol@example.org, carol@example.org");
    let before = state(&alice, DataType::EmailSubmission);
    let sent = submit(&alice, &new(email)).unwrap();
    assert_eq!(sent.submission.status, UndoStatus::Final);
    assert_eq!(sent.submission.deliveries.len(), 2);
    assert!(sent.submission.deliveries.iter().all(|d| d.delivered == DeliveredStatus::Yes));
    assert_eq!((listed(&bob, INBOX).len(), listed(&carol, INBOX).len()), (1, 1));
    let sent_text = text(&bob);
    let added = "\r\nSubject: s\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\nMessage-ID: <";
    let received =
        format!("Return-Path: <alice@example.org>\r\nReceived: by localhost with HTTP id {};", sent.id);
    assert!(!sent_text.contains("Bcc") && sent_text.contains(added), "{sent_text}");
    assert!(sent_text.starts_with(&received) && sent_text.ends_with(">\r\n\r\nbody\r\n"), "{sent_text}");
    let changes = |since| match alice.snapshot().unwrap().submission_changes(since, 10).unwrap() {
        Told::Changes(c) => (c.created, c.destroyed),
        Told::CannotCalculate => panic!("cannot calculate"),
    };
    assert_eq!(changes(before), (vec![sent.id], vec![]));
    let then = state(&alice, DataType::EmailSubmission);
    alice.destroy_submission(sent.id).wait().unwrap().unwrap();
    assert_eq!((changes(before), changes(then)), ((vec![], vec![]), (vec![], vec![sent.id])));
    assert!(alice.destroy_submission(sent.id).wait().unwrap().is_err());
    assert!(matches!(alice.cancel_submission(sent.id).wait().unwrap(), Err(SubmissionRefused::NotFound)));
}

// spec: RFC 8621 §7.5
#[test]
fn what_is_refused_says_why() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    rig.account("bob");
    let email = draft(&alice, "bob@example.org");
    let to = |email: &str| EnvelopeAddress { email: email.into(), parameters: vec![] };
    let with = |from: &str, rcpt: &[&str]| NewSubmission {
        envelope: Some(Envelope { mail_from: to(from), rcpt_to: rcpt.iter().map(|r| to(r)).collect() }),
        ..new(email)
    };
    let own = "alice@example.org";
    let later = Timestamp(i64::MAX / 2);
    for (new, why) in [
        (NewSubmission { identity: ObjectId([9; 16]), ..new(email) }, "IdentityNotFound"),
        (new(EmailId([9; 16])), "EmailNotFound"),
        (with("bob@example.org", &[own]), "ForbiddenMailFrom"),
        (with(own, &[]), "NoRecipients"),
        (
            with(own, &["nobody@example.org", "x", own, "x@elsewhere.example"]),
            "InvalidRecipients { unknown: [\"nobody@example.org\", \"x\"], remote: [\"x@elsewhere.example\"] }",
        ),
        (NewSubmission { send_at: Some(later), ..new(email) }, "TooLate"),
    ] {
        assert_eq!(submit(&alice, &new).unwrap_err(), why);
    }
    let bob = rig.account("carol");
    let foreign = draft(&bob, "bob@example.org");
    assert_eq!(submit(&bob, &new(foreign)).unwrap_err(), "ForbiddenFrom");
    assert!(alice.snapshot().unwrap().submissions().unwrap().is_empty());
}

// spec: RFC 8621 §7
#[test]
fn what_waits_is_sent_at_its_time_or_taken_back() {
    let rig = Rig::new();
    let (alice, bob) = (rig.account("alice"), rig.account("bob"));
    let email = draft(&alice, "alice@example.org");
    let at = |secs: i64| Some(Timestamp(rig.service_now().0 + secs * 1000));
    let first = submit(&alice, &NewSubmission { send_at: at(60), ..new(email) }).unwrap();
    let second = submit(&alice, &NewSubmission { send_at: at(90), ..new(email) }).unwrap();
    let third = submit(&alice, &NewSubmission { send_at: at(120), ..new(email) }).unwrap();
    assert_eq!(first.submission.status, UndoStatus::Pending);
    alice.set_emails(None, vec![EmailChange::Destroy(email)]).wait().unwrap();
    rig.housekeep();
    assert!(listed(&bob, INBOX).is_empty());
    alice.cancel_submission(second.id).wait().unwrap().unwrap();
    assert!(matches!(
        alice.cancel_submission(second.id).wait().unwrap(),
        Err(SubmissionRefused::CannotUnsend)
    ));
    alice.destroy_submission(third.id).wait().unwrap().unwrap();
    rig.env.advance_secs(61);
    rig.housekeep();
    assert_eq!(listed(&bob, INBOX).len(), 1);
    let status = |id| {
        let all = alice.snapshot().unwrap().submissions().unwrap();
        all.into_iter().find(|view| view.id == id).map(|view| view.submission.status)
    };
    assert_eq!((status(first.id), status(second.id)), (Some(UndoStatus::Final), Some(UndoStatus::Canceled)));
    rig.env.advance_secs(3600);
    rig.housekeep();
    assert_eq!(listed(&bob, INBOX).len(), 2, "one was taken back, one forgotten and sent");
}

/// What is added to an email does not count: one as large as may be is sent, at once and later, and what came
/// of it can be copied.
// spec: RFC 1870 §4
#[test]
fn an_email_as_large_as_may_be_is_sent() {
    let octets = "From: alice@example.org\nTo: bob@example.org\nBcc: bob@example.org\nSubject: s\n\nbody\n";
    let message_octets_max = (octets.len() + octets.lines().count()) as u64;
    let rig = Rig::with(Options { message_octets_max, ..Options::default() });
    let (alice, bob) = (rig.account("alice"), rig.account("bob"));
    let email = draft(&alice, "bob@example.org");
    submit(&alice, &new(email)).unwrap();
    submit(&alice, &NewSubmission { send_at: Some(rig.service_now().plus_secs(60)), ..new(email) }).unwrap();
    rig.env.advance_secs(61);
    rig.housekeep();
    assert_eq!(listed(&bob, INBOX).len(), 2);
    assert!(text(&bob).len() as u64 > message_octets_max);
    let snapshot = bob.snapshot().unwrap();
    let arrived = snapshot.message(INBOX, crate::rig::uid(1), |row| row.email).unwrap().unwrap();
    let copy =
        |stage| snapshot.message_of_blob(&BlobName::Message(arrived), stage).map(|message| message.is_some());
    assert!(copy(alice.stage().stored()).unwrap());
    assert_eq!(copy(alice.stage()).unwrap_err().kind, ErrorKind::TooLarge);
}

// spec: RFC 8621 §7
#[test]
fn of_too_many_the_oldest_that_is_sent_is_forgotten() {
    let rig = Rig::new();
    let (alice, _bob) = (rig.account("alice"), rig.account("bob"));
    let email = draft(&alice, "bob@example.org");
    let later = Some(Timestamp(rig.service_now().0 + 60_000));
    let waits = submit(&alice, &NewSubmission { send_at: later, ..new(email) }).unwrap();
    let sent: Vec<ObjectId> =
        (0..limits::SUBMISSIONS_MAX).map(|_| submit(&alice, &new(email)).unwrap().id).collect();
    let left: Vec<ObjectId> = alice.snapshot().unwrap().submissions().unwrap().iter().map(|s| s.id).collect();
    assert_eq!(left.len(), limits::SUBMISSIONS_MAX);
    assert!(left.contains(&waits.id) && !left.contains(&sent[0]) && left.contains(&sent[1]));
}

// spec: RFC 8621 §7; RFC 5321 §4.4
#[test]
fn who_has_several_of_the_addresses_gets_it_once() {
    let rig = Rig::new();
    let (alice, bob) = (rig.account("alice"), rig.account("bob"));
    let email = draft(&alice, "bob+a@example.org, BOB@example.org");
    let sent = submit(&alice, &new(email)).unwrap();
    assert_eq!((sent.submission.deliveries.len(), listed(&bob, INBOX).len()), (2, 1));
    let at = Some(Timestamp(rig.service_now().0 + 1000));
    submit(&alice, &NewSubmission { send_at: at, ..new(email) }).unwrap();
    rig.env.advance_secs(2);
    rig.housekeep();
    assert_eq!(listed(&bob, INBOX).len(), 2);
}

// spec: RFC 8621 §6; RFC 8621 §6.3
#[test]
fn identities_are_made_and_changed() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let all = || alice.snapshot().unwrap().identities().unwrap();
    assert_eq!(
        (all().len(), &*all()[0].identity.email, all()[0].may_delete),
        (1, "alice@example.org", false)
    );
    let set = |changes| match alice.set_identities(None, changes).wait().unwrap() {
        SetOutcome::Done { results, .. } => results,
        SetOutcome::StateMismatch => panic!("no state was asked for"),
    };
    let email = |email: &str| IdentityRecord { email: email.into(), ..IdentityRecord::default() };
    let before = state(&alice, DataType::Identity);
    let named = IdentityUpdate { name: Some("Alice".into()), ..IdentityUpdate::default() };
    let results = set(vec![
        IdentityChange::Create(email("alice+work@example.org")),
        IdentityChange::Create(email("bob@example.org")),
        IdentityChange::Update { identity: OWN_IDENTITY, update: named.clone() },
        IdentityChange::Update { identity: ObjectId([9; 16]), update: named },
        IdentityChange::Destroy(OWN_IDENTITY),
        IdentityChange::Create(IdentityRecord {
            name: "x".repeat(99_999).into(),
            ..email("alice@example.org")
        }),
    ]);
    let [
        Ok(IdentityChanged::Created(made)),
        Err(SettingRefused::ForbiddenFrom),
        Ok(IdentityChanged::Updated),
        Err(SettingRefused::NotFound),
        Err(SettingRefused::Forbidden),
        Err(SettingRefused::TooLong("name")),
    ] = &results[..]
    else {
        panic!("{results:?}")
    };
    let names: Vec<String> = all().iter().map(|view| view.identity.name.to_string()).collect();
    assert_eq!(names, ["Alice", ""]);
    let Told::Changes(changes) = alice.snapshot().unwrap().identity_changes(before, 10).unwrap() else {
        panic!("cannot calculate")
    };
    assert_eq!((changes.created, changes.updated), (vec![*made], vec![OWN_IDENTITY]));
    assert!(matches!(set(vec![IdentityChange::Destroy(*made)])[0], Ok(IdentityChanged::Destroyed)));
    assert_eq!(all().len(), 1);
    let outcome = alice.set_identities(Some(State::at(0)), vec![]).wait().unwrap();
    assert!(matches!(outcome, SetOutcome::StateMismatch));
}

// spec: RFC 8621 §8
#[test]
fn the_answer_is_kept() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let answer = VacationRecord { enabled: true, subject: Some("away".into()), ..VacationRecord::default() };
    let before = state(&alice, DataType::VacationResponse);
    assert_eq!(alice.snapshot().unwrap().vacation().unwrap(), VacationRecord::default());
    let SetOutcome::Done { new_state, .. } = alice.set_vacation(Some(before), answer.clone()).wait().unwrap()
    else {
        panic!("the state was the one asked for")
    };
    assert_eq!(new_state, state(&alice, DataType::VacationResponse));
    assert_eq!(alice.snapshot().unwrap().vacation().unwrap(), answer);
    let again = alice.set_vacation(Some(before), answer).wait().unwrap();
    assert!(matches!(again, SetOutcome::StateMismatch));
}

// spec: RFC 8621 §7
#[test]
fn few_submissions_wait_also_when_their_objects_are_gone() {
    let rig = Rig::new();
    let (alice, _bob) = (rig.account("alice"), rig.account("bob"));
    let email = draft(&alice, "alice@example.org");
    let later = Some(Timestamp(rig.service_now().0 + 60_000));
    let waiting = NewSubmission { send_at: later, ..new(email) };
    for _ in 0..limits::SUBMISSIONS_MAX {
        let id = submit(&alice, &waiting).unwrap().id;
        alice.destroy_submission(id).wait().unwrap().unwrap();
    }
    let refused = alice.submit_email(&waiting, |_| Some(SentShares::default())).unwrap().wait().unwrap_err();
    assert_eq!(refused.kind, ErrorKind::LimitReached, "they would be sent all at once");
    submit(&alice, &new(email)).unwrap();
}

// spec: RFC 8621 §7
#[test]
fn a_recipient_counts_once_and_what_is_remembered_is_bounded() {
    let rig = Rig::new();
    let (alice, bob) = (rig.account("alice"), rig.account("bob"));
    let email = draft(&alice, "alice@example.org");
    let to = |email: &str, octets: usize| EnvelopeAddress {
        email: email.into(),
        parameters: vec![EnvelopeParameter { name: "X".into(), value: Some("y".repeat(octets).into()) }],
    };
    let with =
        |mail_from, rcpt_to| NewSubmission { envelope: Some(Envelope { mail_from, rcpt_to }), ..new(email) };
    let (own, other) = ("alice@example.org", "bob@example.org");
    let sent = submit(&alice, &with(to(own, 9), vec![to(other, 9), to(other, 0)])).unwrap();
    assert_eq!((sent.submission.deliveries.len(), listed(&bob, INBOX).len()), (1, 1));
    let long = 100_000;
    assert_eq!(submit(&alice, &with(to(own, long), vec![to(other, 0)])).unwrap_err(), "ForbiddenMailFrom");
    let refused = submit(&alice, &with(to(own, 0), vec![to(other, long)])).unwrap_err();
    assert_eq!(refused, "InvalidRecipients { unknown: [\"bob@example.org\"], remote: [] }");

    let name: Box<str> = "x".repeat(60_000).into();
    let address = || NamedAddress { name: Some(name.clone()), email: own.into() };
    let identity =
        IdentityRecord { email: own.into(), bcc: Some(vec![address(), address()]), ..Default::default() };
    let SetOutcome::Done { results, .. } =
        alice.set_identities(None, vec![IdentityChange::Create(identity)]).wait().unwrap()
    else {
        panic!("no state was asked for")
    };
    assert!(matches!(results[0], Err(SettingRefused::TooLong("bcc"))), "{results:?}");
}
