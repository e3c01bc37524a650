//! What is announced to whom, and the bounds on making subscriptions (COI-webpush §subscribe).

use koi_mailbox::push::{DueAccount, NextPush, PushContent, PushOptions, Settled};
use koi_mailbox::{Account, AnnotationChange, Options};
use koi_types::annotation::{Depth, EntryName, Target};
use koi_types::{ErrorKind, MailError, PushId};

use crate::rig::{Rig, message};

const ROOT: &str = "/private/vendor/vendor.dovecot/webpush";

fn rig() -> Rig {
    let push = PushOptions { subscriptions_max: 3, unproven_max: 3, new_max: 6, ..PushOptions::new("PEM") };
    Rig::with(Options { push: Some(push), ..Options::default() })
}

fn id(n: u32) -> String {
    format!("Subscription-{n}")
}

fn subscription(more: &str) -> String {
    let point = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    format!(
        "{{\"client\":\"c\",\"device\":\"d\",{more},\"resource\":{{\"endpoint\":\"https://push.example/1\",\
         \"keys\":{{\"p256dh\":\"{point}\",\"auth\":\"BTBZMqHH6r4Tts7J_aSIgg\"}}}}}}"
    )
}

fn set(account: &Account, entry: &str, value: Option<&str>) -> Result<(), MailError> {
    let name = EntryName::new(&format!("{ROOT}/{entry}")).unwrap();
    let value = value.map(|value| value.as_bytes().into());
    account.set_annotations(Target::Server, vec![AnnotationChange { name, value }]).wait().map(drop)
}

fn subscribe(account: &Account, n: u32, more: &str) -> Result<(), MailError> {
    set(account, &format!("subscriptions/{}", id(n)), Some(&subscription(more)))
}

fn listed(account: &Account) -> Vec<String> {
    let root = EntryName::new(ROOT).unwrap();
    let snapshot = account.snapshot().unwrap();
    let rows = snapshot.annotations(Target::Server, &root, Depth::Infinity).unwrap();
    rows.iter().map(|row| row.name.as_str().strip_prefix(ROOT).unwrap().to_owned()).collect()
}

fn next(rig: &Rig, account: &Account, n: u32) -> Option<NextPush> {
    let id = PushId::new(&id(n)).unwrap();
    rig.service.next_push(account.id(), &id, rig.service_now()).unwrap()
}

/// The validation push goes out, and is answered.
fn validate(rig: &Rig, account: &Account, n: u32) {
    let push = next(rig, account, n).unwrap();
    let PushContent::Validation(text) = push.content else { panic!("not asked for proof") };
    rig.service.settle_push(account.id(), push.attempt, Settled::Taken).wait().unwrap();
    set(account, &format!("subscriptions/{}/validate", id(n)), Some(&text)).unwrap();
}

/// What is pushed to it, and taken.
fn told(rig: &Rig, account: &Account, n: u32) -> Vec<String> {
    let mut told = Vec::new();
    while let Some(push) = next(rig, account, n) {
        if let PushContent::Message(message) = &push.content {
            told.push(message.payload());
        }
        rig.service.settle_push(account.id(), push.attempt, Settled::Taken).wait().unwrap();
    }
    told
}

fn tend(rig: &Rig, account: &Account) -> usize {
    let due = rig.service.due_pushes(rig.service_now(), 10, &|_| false).unwrap().due;
    assert!(due.iter().all(|due: &DueAccount| due.account == account.id()));
    rig.service.tend_pushes(due).wait().unwrap()
}

// spec: COI-webpush §subscribe; COI-webpush §push-notification-payload
#[test]
fn each_subscription_hears_of_what_it_asked_for() {
    let rig = rig();
    let alice = rig.account("alice");
    subscribe(&alice, 1, "\"msgtype\":\"mail\"").unwrap();
    subscribe(&alice, 2, "\"msgtype\":\"chat\"").unwrap();
    subscribe(&alice, 3, "\"msgtype\":\"all\",\"exclude_from\":[\" A@Example.ORG \"]").unwrap();
    (1..=3).for_each(|n| validate(&rig, &alice, n));
    let mdn = "From: c@example.org\nContent-Type: multipart/report; report-type=disposition-notification; \
               boundary=b\n\n--b\n\nseen\n--b--\n";
    rig.deliver(&[&alice], &message(1));
    rig.deliver(&[&alice], "From: b@example.org\nSubject: from b\n\nx\n");
    rig.deliver(&[&alice], mdn);
    let mail = told(&rig, &alice, 1);
    assert_eq!(mail.len(), 2, "{mail:?}");
    assert!(mail[0].contains("\"subject\":\"number 1\"") && mail[0].contains("\"uid\":1"), "{mail:?}");
    assert_eq!(told(&rig, &alice, 2), [""; 0]);
    let all = told(&rig, &alice, 3);
    assert!(all.len() == 1 && all[0].contains("from b"), "{all:?}");
}

// spec: COI-webpush §validating-a-push-subscription
#[test]
fn without_an_answer_in_time_a_subscription_goes() {
    let rig = rig();
    let alice = rig.account("alice");
    subscribe(&alice, 1, "\"msgtype\":\"all\"").unwrap();
    let push = next(&rig, &alice, 1).unwrap();
    let PushContent::Validation(text) = push.content else { panic!("not asked for proof") };
    assert!((16..=1024).contains(&text.len()));
    rig.env.advance_secs(299);
    assert_eq!(tend(&rig, &alice), 0);
    rig.env.advance_secs(1);
    assert_eq!(listed(&alice), ["/vapid"], "also before anybody tidies up");
    let late = set(&alice, &format!("subscriptions/{}/validate", id(1)), Some(&text)).unwrap_err();
    assert_eq!((late.kind, &*late.text), (ErrorKind::InvalidInput, "invalid validation"));
    assert_eq!(tend(&rig, &alice), 1);
    assert_eq!(tend(&rig, &alice), 0);
}

// spec: COI-webpush §security-considerations; COI-webpush §subscribe
#[test]
fn subscriptions_are_bounded_and_those_never_validated_lock_the_account_out() {
    let rig = rig();
    let alice = rig.account("alice");
    let all = "\"msgtype\":\"all\"";
    for n in 1..=3 {
        subscribe(&alice, n, all).unwrap();
        validate(&rig, &alice, n);
    }
    assert_eq!(subscribe(&alice, 4, all).unwrap_err().kind, ErrorKind::LimitReached, "three are all");
    subscribe(&alice, 3, all).unwrap();
    validate(&rig, &alice, 3);
    (1..=3).for_each(|n| set(&alice, &format!("subscriptions/{}", id(n).to_lowercase()), None).unwrap());
    assert_eq!(listed(&alice), ["/vapid"], "an entry has one name in any case");
    for n in 4..=5 {
        subscribe(&alice, n, all).unwrap();
        set(&alice, &format!("subscriptions/{}", id(n)), None).unwrap();
    }
    assert_eq!(subscribe(&alice, 6, all).unwrap_err().kind, ErrorKind::LimitReached, "six an hour");
    rig.env.advance_secs(3600);
    for n in 6..=8 {
        subscribe(&alice, n, all).unwrap();
    }
    set(&alice, &format!("subscriptions/{}", id(8)), None).unwrap();
    assert_eq!(subscribe(&alice, 9, all).unwrap_err().kind, ErrorKind::LimitReached, "none was validated");
    rig.env.advance_secs(3601);
    tend(&rig, &alice);
    assert_eq!(subscribe(&alice, 9, all).unwrap_err().kind, ErrorKind::LimitReached, "they went just now");
    rig.env.advance_secs(3601);
    subscribe(&alice, 9, all).unwrap();
    validate(&rig, &alice, 9);
}

#[test]
fn what_is_no_entry_and_who_may_not_write_is_refused() {
    let rig = rig();
    let alice = rig.account("alice");
    for entry in ["vapid", "subscriptions", "other", "subscriptions/short", "subscriptions/0123456789/x"] {
        assert_eq!(set(&alice, entry, Some("{}")).unwrap_err().kind, ErrorKind::InvalidInput, "{entry}");
    }
    assert_eq!(
        set(&alice, "subscriptions/0123456789", Some("{}")).unwrap_err().kind,
        ErrorKind::InvalidInput
    );
    set(&alice, "subscriptions/0123456789", None).unwrap();
    let without = Rig::new();
    let bob = without.account("bob");
    assert!(subscribe(&bob, 1, "\"msgtype\":\"all\"").is_err());
    assert_eq!(listed(&bob), [""; 0]);
}

#[test]
fn without_subscriptions_a_delivery_writes_nothing_of_push() {
    let rig = rig();
    let alice = rig.account("alice");
    rig.deliver(&[&alice], &message(1));
    let found = rig.service.due_pushes(rig.service_now(), 10, &|_| false).unwrap();
    assert!(found.due.is_empty() && found.next_at.is_none());
}
