//! What push services answer, and what comes of it (COI-webpush §push-service-response-codes).

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use koi_push_service::{Behaviour, Http, Options, PushService};

use crate::webpush::rig::{PATIENCE, Rig};

const ONE: &str = "resource-0001";
const TWO: &str = "resource-0002";

/// spec: COI-webpush §push-notification-payload; RFC 8291 §2; RFC 8292 §2; RFC 8030 §5
#[test]
fn every_message_is_pushed_over_both_versions_of_http() {
    for http in [Http::One, Http::Two] {
        let service = PushService::start_with(Options { only: Some(http), ..Options::default() });
        let mut rig = Rig::stopped(service);
        rig.start();
        rig.subscribe(ONE);
        for subject in ["one", "two"] {
            rig.deliver(subject);
            rig.settled();
        }
        assert_eq!(rig.subjects(ONE, 2), ["one", "two"]);
        let requests = rig.service.requests(ONE);
        let origin = format!("https://localhost:{}", rig.service.address().port());
        for request in &requests {
            assert_eq!((request.http, request.fault), (http, None));
            let claims = request.vapid_claims();
            assert_eq!(claims["aud"], origin.as_str());
            assert_eq!(claims["sub"], "mailto:postmaster@example.org");
        }
        let payload = rig.device.read(&requests[1]);
        assert_eq!(payload["folder"], "INBOX");
        assert_eq!((&payload["uid"], &payload["from-email"]), (&1.into(), &"bob@example.net".into()));
        assert_eq!(payload["content"], "body\r\n");
        assert_ne!(requests[1].header("topic"), requests[2].header("topic"));
        assert!(requests[1].header("webpush-validation").is_none());
        assert_eq!(rig.service.connections(), 1, "connections are kept");
    }
}

/// spec: COI-webpush §push-service-response-codes
#[test]
fn a_subscription_that_is_gone_goes() {
    for status in [404, 410] {
        let rig = Rig::new();
        rig.subscribe(ONE);
        rig.subscribe(TWO);
        rig.service.always(ONE, Behaviour::Status(status));
        rig.deliver("one");
        rig.counted(|m| &m.push_subscriptions_gone, 1);
        rig.settled();
        let left = rig.subscriptions();
        assert!(left.len() == 1 && left[0].starts_with(TWO), "{status}: {left:?}");
        rig.deliver("two");
        assert_eq!(rig.subjects(TWO, 2), ["one", "two"]);
        assert_eq!(rig.service.requests(ONE).len(), 2);
    }
}

/// spec: COI-webpush §push-service-response-codes
#[test]
fn what_is_too_large_goes_without_the_content() {
    let rig = Rig::new();
    rig.subscribe(ONE);
    rig.service.next(ONE, &[Behaviour::Status(413)]);
    rig.deliver("one");
    rig.settled();
    let requests = rig.service.wait(ONE, 3, PATIENCE);
    let [first, second] = [1, 2].map(|n| rig.device.read(&requests[n]));
    assert_eq!((&first["subject"], &first["content"]), (&"one".into(), &"body\r\n".into()));
    assert_eq!((&second["subject"], second.get("content")), (&"one".into(), None));
    // Shorter it cannot be.
    rig.service.next(ONE, &[Behaviour::Status(413), Behaviour::Status(413)]);
    rig.deliver("two");
    rig.deliver("three");
    rig.settled();
    assert_eq!(rig.subjects(ONE, 5), ["one", "one", "two", "two", "three"]);
}

/// spec: COI-webpush §push-service-response-codes; RFC 8030 §8.4
#[test]
fn a_push_service_that_asks_for_patience_gets_it() {
    let rig = Rig::new();
    rig.subscribe(ONE);
    rig.subscribe(TWO);
    rig.service.next(ONE, &[Behaviour::RetryAfter(429, "1".into())]);
    rig.deliver("one");
    rig.deliver("two");
    assert_eq!(rig.subjects(TWO, 2), ["one", "two"], "the other subscription does not wait");
    rig.settled();
    assert_eq!(rig.subjects(ONE, 3), ["one", "one", "two"], "in their order");
    let requests = rig.service.requests(ONE);
    assert!(requests[2].at - requests[1].at >= Duration::from_secs(1));
    rig.service.next(ONE, &[Behaviour::RetryAfter(503, "3600".into())]);
    rig.deliver("three");
    rig.until("it is not held", || {
        rig.next_due().is_some_and(|due| due > koi_server::clock::now().plus_secs(3500))
    });
}

/// spec: COI-webpush §push-service-response-codes
#[test]
fn a_push_service_that_is_not_well_is_tried_again() {
    let rig = Rig::new();
    rig.subscribe(ONE);
    rig.service.next(ONE, &[Behaviour::Status(500), Behaviour::Reset]);
    rig.deliver("one");
    rig.settled();
    assert_eq!(rig.metrics.pushes_failed.load(Ordering::Relaxed), 2);
    let subjects = rig.subjects(ONE, 3);
    assert!(subjects.iter().all(|subject| subject == "one"), "{subjects:?}");
    let topics: Vec<_> =
        rig.service.requests(ONE)[1..].iter().map(|r| r.header("topic").unwrap().to_owned()).collect();
    assert!(topics.iter().all(|topic| *topic == topics[0]), "each replaces the other: {topics:?}");
    assert!(rig.subscriptions()[0].contains("\"validated\":true"));
}

/// spec: COI-webpush §push-service-response-codes
#[test]
fn what_is_refused_is_not_repeated_and_three_in_a_row_end_the_subscription() {
    let rig = Rig::new();
    rig.subscribe(ONE);
    rig.service.next(ONE, &[Behaviour::Status(400), Behaviour::Status(403), Behaviour::Created]);
    for subject in ["one", "two", "three"] {
        rig.deliver(subject);
        rig.settled();
    }
    assert_eq!(rig.subjects(ONE, 3), ["one", "two", "three"]);
    rig.service.always(ONE, Behaviour::Status(400));
    for subject in ["four", "five", "six"] {
        assert_eq!(rig.subscriptions().len(), 1, "{subject}");
        rig.deliver(subject);
        rig.settled();
    }
    assert_eq!(rig.subscriptions(), [""; 0]);
}

/// Nobody else decides whom this server talks to.
/// spec: RFC 8030 §5
#[test]
fn a_redirect_is_not_followed() {
    let rig = Rig::new();
    rig.subscribe(ONE);
    for status in [301, 307, 308] {
        let to = rig.service.url("resource-inside");
        rig.service.next(ONE, &[Behaviour::Redirect(status, to), Behaviour::Created]);
        rig.deliver("one");
        rig.deliver("two");
        rig.settled();
    }
    assert!(rig.service.requests("resource-inside").is_empty());
    assert_eq!(rig.metrics.pushes_refused.load(Ordering::Relaxed), 3);
    assert_eq!(rig.service.requests(ONE).len(), 7);
}

/// spec: COI-webpush §security-considerations
#[test]
fn a_push_service_that_stalls_delays_nobody_else() {
    let other = PushService::start();
    let mut rig = Rig::stopped(PushService::start());
    rig.settings.answer = Duration::from_millis(700);
    // Both are to be trusted.
    let both = format!("{}{}", rig.service.ca_pem(), other.ca_pem());
    std::fs::write(rig.settings.ca_file.as_ref().unwrap(), both).unwrap();
    rig.start();
    rig.subscribe(ONE);
    rig.subscribe_to(TWO, &other.url(TWO));
    rig.validate(TWO, &other.wait(TWO, 1, PATIENCE)[0]);
    rig.service.always(ONE, Behaviour::Stall);
    for n in 0..3 {
        let began = Instant::now();
        rig.deliver(&format!("number {n}"));
        assert!(began.elapsed() < Duration::from_millis(500), "a delivery waited");
        let requests = other.wait(TWO, n + 2, PATIENCE);
        assert!(requests.last().unwrap().at - began < Duration::from_millis(500), "a push waited");
    }
    rig.counted(|m| &m.pushes_failed, 3);
    let left_alone = rig.service.requests(ONE).len();
    rig.until("it is not left alone", || {
        rig.next_due().is_some_and(|due| due > koi_server::clock::now().plus_secs(5))
    });
    rig.deliver("last");
    assert_eq!(other.wait(TWO, 5, PATIENCE).len(), 5);
    assert_eq!(rig.service.requests(ONE).len(), left_alone);
}

#[test]
fn a_body_without_end_is_not_read_to_its_end() {
    let rig = Rig::new();
    rig.subscribe(ONE);
    rig.service.next(ONE, &[Behaviour::HugeBody(1 << 40)]);
    rig.deliver("one");
    rig.deliver("two");
    rig.settled();
    assert_eq!(rig.subjects(ONE, 2), ["one", "two"]);
}
