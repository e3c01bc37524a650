//! Subscriptions of JMAP (RFC 8620 §7.2): the verification and the states, encrypted and in the clear, from
//! push services that work and from some that do not.

use std::sync::atomic::Ordering;

use koi_mailbox::push::{
    NewPushSubscription, PushKeys, PushSubscriptionChange as Change, PushSubscriptionChanged as Changed,
    PushSubscriptionUpdate as Update,
};
use koi_mailbox::{Account, AclChange};
use koi_push_service::{Behaviour, Recorded};
use koi_types::{Address, MailboxName, PushId, Rights};
use serde_json::Value;

use crate::webpush::rig::{PATIENCE, Rig};

const ONE: &str = "resource-0001";
const TWO: &str = "resource-0002";

fn create_at(rig: &Rig, url: &str, keys: bool) -> PushId {
    let keys = keys.then(|| PushKeys { p256dh: rig.device.p256dh().into(), auth: rig.device.auth().into() });
    let new = NewPushSubscription {
        device_client_id: "a889-ffea-910".into(),
        url: url.into(),
        keys,
        expires: None,
        types: None,
    };
    let mut set = rig.account.set_push_subscriptions(None, vec![Change::Create(new)]).wait().unwrap();
    match set.remove(0).unwrap() {
        Changed::Created { id, .. } => id,
        other => panic!("{other:?}"),
    }
}

fn create(rig: &Rig, resource: &str, keys: bool) -> PushId {
    create_at(rig, &rig.service.url(resource), keys)
}

/// What a request says.
fn read(rig: &Rig, request: &Recorded) -> Value {
    assert_eq!((request.header("content-type"), request.fault), (Some("application/json"), None));
    assert!(request.header("webpush-validation").is_none());
    assert!(request.vapid_claims()["aud"].is_string());
    match request.header("content-encoding") {
        Some("aes128gcm") => rig.device.read(request),
        _ => serde_json::from_slice(&request.body).unwrap(),
    }
}

fn answer(rig: &Rig, id: &PushId, request: &Recorded) {
    let said = read(rig, request);
    assert_eq!(
        (&said["@type"], &said["pushSubscriptionId"]),
        (&"PushVerification".into(), &id.as_str().into())
    );
    let code = said["verificationCode"].as_str().unwrap();
    let update = Update { verification_code: Some(Some(code.into())), ..Update::default() };
    let change = Change::Update { id: id.clone(), update };
    let mut set = rig.account.set_push_subscriptions(None, vec![change]).wait().unwrap();
    assert!(matches!(set.remove(0), Ok(Changed::Updated { .. })));
}

fn subscribe(rig: &Rig, resource: &str, keys: bool) -> PushId {
    let id = create(rig, resource, keys);
    answer(rig, &id, &rig.service.wait(resource, 1, PATIENCE)[0]);
    id
}

/// The states of an account in a request.
fn states(rig: &Rig, request: &Recorded, account: &Account) -> Value {
    let said = read(rig, request);
    assert_eq!(said["@type"], "StateChange");
    said["changed"][account.id().to_string()].clone()
}

/// What JMAP would say the state of emails is.
fn email_state(account: &Account) -> String {
    account.snapshot().unwrap().state(koi_mailbox::emails::DataType::Email).to_string()
}

fn subscriptions(rig: &Rig) -> usize {
    rig.account.push_subscriptions(None).unwrap().len()
}

/// spec: RFC 8620 §7.1; RFC 8620 §7.2; RFC 8620 §7.2.2; RFC 8291 §2; RFC 9749 §4
#[test]
fn verified_then_told_of_what_changes_with_keys_and_without() {
    let mut rig = Rig::new();
    for (resource, keys) in [(ONE, true), (TWO, false)] {
        subscribe(&rig, resource, keys);
        let first = &rig.service.requests(resource)[0];
        assert_eq!(first.header("content-encoding"), keys.then_some("aes128gcm"));
        assert!(first.header("topic").is_none() && first.header("ttl").is_some());
    }
    rig.deliver("one");
    for resource in [ONE, TWO] {
        let request = &rig.service.wait(resource, 2, PATIENCE)[1];
        let told = states(&rig, request, &rig.account);
        assert_eq!(told["Email"], email_state(&rig.account).as_str());
        let names: Vec<&str> = told.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["Email", "EmailDelivery", "Mailbox", "Thread"]);
    }
    rig.settled_but_for_ends();
    // Nothing is told twice, and what happens while the server is down is told when it comes up.
    rig.stop();
    rig.deliver("two");
    rig.start();
    let request = &rig.service.wait(ONE, 3, PATIENCE)[2];
    assert_eq!(states(&rig, request, &rig.account)["Email"], email_state(&rig.account).as_str());
    drop(rig.service.wait(TWO, 3, PATIENCE));
    rig.stop();
    rig.start();
    rig.deliver("three");
    drop(rig.service.wait(ONE, 4, PATIENCE));
    drop(rig.service.wait(TWO, 4, PATIENCE));
    assert_eq!((rig.service.requests(ONE).len(), rig.service.requests(TWO).len()), (4, 4));
}

/// spec: RFC 8620 §7.1; RFC 8620 §7.2
#[test]
fn what_changes_at_once_is_one_push_and_the_last_is_told() {
    let rig = Rig::new();
    subscribe(&rig, ONE, true);
    (0..40).for_each(|n| rig.deliver(&n.to_string()));
    let last = email_state(&rig.account);
    rig.until("the last state was not told", || {
        let requests = rig.service.requests(ONE);
        requests.iter().skip(1).any(|request| states(&rig, request, &rig.account)["Email"] == last.as_str())
    });
    assert!(rig.service.requests(ONE).len() < 25, "they were gathered");
}

/// spec: RFC 8620 §7.1
#[test]
fn what_others_share_is_told_too() {
    let mut rig = Rig::new();
    let ben = Address::parse("ben@example.org").unwrap();
    let ben = rig.mailbox.directory().create_account(&ben, "v").unwrap();
    let ben = rig.mailbox.account(ben).unwrap();
    let shared = ben.create(&MailboxName::new("shared").unwrap(), None).wait().unwrap().mailbox;
    let rights = AclChange::Replace(Rights::parse("lr").unwrap());
    ben.set_acl(shared, "alice@example.org", rights).wait().unwrap();
    subscribe(&rig, ONE, true);
    rig.until("the account is not followed", || {
        rig.mailbox.followed(rig.account.id()).unwrap().contains(&ben.id())
    });
    // Whom somebody follows is known after a start at the latest.
    rig.stop();
    rig.start();
    ben.create(&MailboxName::new("another").unwrap(), None).wait().unwrap();
    rig.until("what is shared was not told of", || {
        let requests = rig.service.requests(ONE);
        requests.iter().skip(1).any(|request| states(&rig, request, &ben)["Mailbox"].is_string())
    });
}

/// spec: RFC 8620 §7.2.2
#[test]
fn a_restart_does_not_forget_a_verification() {
    let mut rig = Rig::stopped(koi_push_service::PushService::start());
    let id = create(&rig, ONE, true);
    rig.start();
    let request = rig.service.wait(ONE, 1, PATIENCE).remove(0);
    rig.stop();
    rig.deliver("one");
    rig.start();
    rig.settled_but_for_ends();
    assert_eq!(rig.service.requests(ONE).len(), 1, "nothing more before the answer");
    answer(&rig, &id, &request);
    rig.deliver("two");
    drop(rig.service.wait(ONE, 2, PATIENCE));
}

/// spec: RFC 8620 §7.2
#[test]
fn push_services_that_fail() {
    let rig = Rig::new();
    for status in [404, 410] {
        let resource = format!("resource-{status}");
        rig.service.always(&resource, Behaviour::Status(status));
        create(&rig, &resource, true);
        rig.until("it did not go", || subscriptions(&rig) == 0);
    }
    // Patience that is asked for is had, and then the latest is told.
    subscribe(&rig, ONE, false);
    let busy = Behaviour::RetryAfter(429, "1".into());
    rig.service.next(ONE, &[busy, Behaviour::Status(503), Behaviour::Reset]);
    rig.deliver("one");
    drop(rig.service.wait(ONE, 2, PATIENCE));
    rig.deliver("two");
    let last = email_state(&rig.account);
    rig.until("it was not told", || {
        let requests = rig.service.requests(ONE);
        let said = |request: &Recorded| states(&rig, request, &rig.account)["Email"] == last.as_str();
        requests.len() >= 4 && requests.last().is_some_and(said)
    });
    let requests = rig.service.requests(ONE);
    assert!(requests[2].at - requests[1].at >= std::time::Duration::from_secs(1), "Retry-After");
    // It calls every request wrong.
    rig.service.always(ONE, Behaviour::Status(400));
    rig.until("it did not go", || {
        rig.deliver("again");
        subscriptions(&rig) == 0
    });
}

/// spec: RFC 8620 §7.2; RFC 8620 §8.6
#[test]
fn not_into_the_own_network_and_not_after_the_password_changed() {
    let mut rig = Rig::stopped(koi_push_service::PushService::start());
    rig.settings.private = false;
    rig.start();
    create_at(&rig, &rig.service.url_at("127.0.0.1", TWO), true);
    rig.counted(|m| &m.pushes_refused, 1);
    rig.stop();
    rig.settings.private = true;
    rig.start();
    subscribe(&rig, ONE, true);
    rig.counted(|m| &m.pushes_accepted, 1);
    rig.mailbox.directory().set_password(rig.account.id(), &"another".into()).unwrap();
    assert_eq!(subscriptions(&rig), 0);
    rig.deliver("one");
    rig.settled();
    assert_eq!(rig.service.requests(ONE).len(), 1);
    assert_eq!(rig.metrics.pushes_accepted.load(Ordering::Relaxed), 1);
}
