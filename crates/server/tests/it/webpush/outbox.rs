//! What is in the store comes out once, in its order, whatever happens to the sender.

use std::time::Duration;

use koi_push_service::{Behaviour, PushService};
use koi_types::ErrorKind;

use crate::webpush::rig::{PATIENCE, Rig};

const ONE: &str = "resource-0001";

#[test]
fn what_waits_is_sent_when_the_sender_starts() {
    let mut rig = Rig::new();
    rig.subscribe(ONE);
    rig.stop();
    // Three may wait: the oldest go for the newest.
    (1..=5).for_each(|n| rig.deliver(&n.to_string()));
    assert_eq!(rig.service.requests(ONE).len(), 1);
    rig.start();
    assert_eq!(rig.subjects(ONE, 3), ["3", "4", "5"]);
    rig.settled();
    rig.stop();
    rig.start();
    rig.deliver("6");
    assert_eq!(rig.subjects(ONE, 4), ["3", "4", "5", "6"], "none twice");
}

#[test]
fn a_request_under_way_when_the_server_stops_is_sent_again() {
    let mut rig = Rig::new();
    rig.subscribe(ONE);
    rig.service.next(ONE, &[Behaviour::Stall]);
    rig.deliver("one");
    assert_eq!(rig.service.wait(ONE, 2, PATIENCE).len(), 2);
    assert!(rig.stop() < Duration::from_secs(10), "it waited for the push service");
    rig.start();
    assert_eq!(rig.subjects(ONE, 2), ["one", "one"]);
    let requests = rig.service.requests(ONE);
    assert_eq!(requests[1].header("topic"), requests[2].header("topic"));
    rig.settled();
}

/// While one is under way the others wait, and the newest of them go.
#[test]
fn a_burst_delays_nobody_and_the_first_least() {
    let rig = Rig::new();
    rig.subscribe(ONE);
    rig.service.next(ONE, &[Behaviour::Stall]);
    rig.deliver("first");
    assert_eq!(rig.subjects(ONE, 1), ["first"], "at once");
    (0..20).for_each(|n| rig.deliver(&n.to_string()));
    rig.service.release();
    rig.settled();
    let subjects = rig.subjects(ONE, 3);
    assert_eq!((subjects.first().unwrap().as_str(), subjects.last().unwrap().as_str()), ("first", "19"));
    assert!(subjects.len() <= 5, "{subjects:?}");
}

/// spec: COI-webpush §validating-a-push-subscription; COI-webpush §subscribe
#[test]
fn a_subscription_is_told_of_nothing_before_it_is_validated() {
    let rig = Rig::new();
    rig.subscribe_to(ONE, &rig.service.url(ONE));
    let request = rig.service.wait(ONE, 1, PATIENCE).remove(0);
    rig.deliver("too early");
    let wrong = rig.set(&format!("subscriptions/{ONE}/validate"), Some("ZZZ000...")).unwrap_err();
    assert_eq!((wrong.kind, &*wrong.text), (ErrorKind::InvalidInput, "invalid validation"));
    assert!(rig.subscriptions()[0].contains("\"validated\":false"));
    rig.validate(ONE, &request);
    rig.deliver("in time");
    assert_eq!(rig.subjects(ONE, 1), ["in time"]);
    rig.set(&format!("subscriptions/{ONE}"), None).unwrap();
    rig.deliver("too late");
    rig.settled();
    assert_eq!(rig.service.requests(ONE).len(), 2);
}

#[test]
fn a_message_that_was_seen_off_meanwhile_is_not_announced() {
    let mut rig = Rig::new();
    rig.subscribe(ONE);
    rig.stop();
    rig.deliver("one");
    rig.deliver("two");
    let inbox = koi_mailbox::INBOX;
    let uids: koi_types::UidSet = std::iter::once(koi_types::Uid::MIN).collect();
    let trash = rig.account.snapshot().unwrap().with_role(koi_types::Role::Trash).unwrap();
    rig.account.move_(inbox, &uids, trash).wait().unwrap();
    rig.start();
    assert_eq!(rig.subjects(ONE, 1), ["two"]);
    rig.settled();
}

#[test]
fn an_account_that_is_removed_is_not_told_of_anything() {
    let mut rig = Rig::new();
    rig.subscribe(ONE);
    rig.stop();
    rig.deliver("one");
    rig.mailbox.directory().remove(rig.account.id()).unwrap();
    rig.start();
    rig.settled();
    assert_eq!(rig.service.requests(ONE).len(), 1);
}

/// Both versions of the outbox: nothing is held for a push service that does not exist.
#[test]
fn a_push_service_that_is_not_there() {
    let rig = Rig::new();
    let gone = PushService::start();
    let url = gone.url(ONE);
    drop(gone);
    rig.subscribe_to(ONE, &url);
    rig.counted(|m| &m.pushes_failed, 1);
    rig.subscribe("resource-0002");
    rig.deliver("one");
    assert_eq!(rig.subjects("resource-0002", 1), ["one"]);
}
