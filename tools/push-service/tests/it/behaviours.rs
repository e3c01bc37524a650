//! What a resource was told, it does.

use std::time::Duration;

use koi_push_service::{Behaviour, Http, Proxy, PushService};

use crate::curl::{Said, USUAL, post};

const BOTH: [Http; 2] = [Http::One, Http::Two];
const TIME: Duration = Duration::from_secs(20);

fn usual(service: &PushService, resource: &str, http: Http) -> Said {
    post(service, &service.url(resource), http, USUAL, b"\0octets\xff")
}

/// spec: RFC 8030 §5
#[test]
fn requests_are_recorded() {
    let service = PushService::start();
    for http in BOTH {
        let said = usual(&service, "a/b", http);
        assert_eq!((said.code, &*said.status), (0, "201"), "{said:?}");
        assert_eq!(said.version, if http == Http::Two { "2" } else { "1.1" });
        assert!(said.head.contains("location: /message/1"), "{said:?}");
    }
    let requests = service.wait("a/b", 2, TIME);
    assert_eq!(requests.iter().map(|request| request.http).collect::<Vec<_>>(), BOTH);
    for request in &requests {
        assert_eq!(request.body, b"\0octets\xff");
        assert_eq!((request.header("ttl"), request.header("urgency")), (Some("30"), Some("high")));
        assert_eq!(request.authority, format!("localhost:{}", service.address().port()));
        assert_eq!((request.fault, &*request.method), (None, "POST"));
    }
    assert_eq!(service.connections(), 2);
    assert_eq!(service.all_requests().len(), 2);
    assert!(service.requests("other").is_empty());
}

/// spec: COI-webpush §push-service-response-codes
#[test]
fn answers_follow_the_script() {
    let service = PushService::start();
    for http in BOTH {
        service.next("a", &[Behaviour::Status(410), Behaviour::RetryAfter(429, "7".into())]);
        service.next("a", &[Behaviour::Redirect(307, "https://localhost/x".into())]);
        assert_eq!(usual(&service, "a", http).status, "410");
        let throttled = usual(&service, "a", http);
        assert!(throttled.status == "429" && throttled.head.contains("retry-after: 7\r\n"), "{throttled:?}");
        let elsewhere = usual(&service, "a", http);
        assert!(elsewhere.status == "307" && elsewhere.head.contains("location: https://localhost/x\r\n"));
        assert_eq!(usual(&service, "a", http).status, "201", "the script is at its end");
    }
    service.always("a", Behaviour::Status(500));
    assert_eq!(usual(&service, "a", Http::One).status, "500");
    assert_eq!(usual(&service, "a", Http::One).status, "500");
    assert_eq!(usual(&service, "b", Http::One).status, "201");
}

#[test]
fn connections_that_go_wrong() {
    let service = PushService::start();
    for http in BOTH {
        service.next("a", &[Behaviour::Reset, Behaviour::Close]);
        let reset = usual(&service, "a", http);
        assert!(reset.code != 0 && reset.code != 28 && reset.status == "000", "{reset:?}");
        let closed = usual(&service, "a", http);
        assert!(closed.code != 0 && closed.code != 28 && closed.status == "000", "{closed:?}");
        assert_eq!(usual(&service, "a", http).status, "201", "the next connection is a good one");
    }
}

#[test]
fn what_stalls_is_let_go() {
    let service = PushService::start();
    service.always("a", Behaviour::Stall);
    let service = &service;
    std::thread::scope(|scope| {
        let waiting = BOTH.map(|http| scope.spawn(move || usual(service, "a", http)));
        assert_eq!(service.wait("a", 2, TIME).len(), 2);
        service.release();
        for waited in waiting {
            assert_eq!(waited.join().unwrap().status, "201");
        }
    });
}

#[test]
fn slow_and_huge_answers() {
    let service = PushService::start();
    for http in BOTH {
        service.next("a", &[Behaviour::Slow(Duration::from_millis(1)), Behaviour::HugeBody(10_000_000)]);
        assert_eq!(usual(&service, "a", http).status, "201");
        let huge = usual(&service, "a", http);
        assert_eq!((&*huge.status, huge.body_octets), ("201", 10_000_000));
        service.next("a", &[Behaviour::Slow(Duration::from_secs(60))]);
        let never = [USUAL, &["--max-time", "0.2"]].concat();
        let slow = post(&service, &service.url("a"), http, &never, b"x");
        assert_eq!(slow.code, 28, "{slow:?}");
    }
}

/// spec: RFC 9110 §9.3.6
#[test]
fn through_a_proxy() {
    let service = PushService::start();
    let proxy = Proxy::start(service.address(), 200);
    let through = format!("-xhttp://{}", proxy.address());
    let more = [USUAL, &[through.as_str()]].concat();
    for http in BOTH {
        let said = post(&service, "https://push.test/push/a", http, &more, b"x");
        assert_eq!((said.code, &*said.status), (0, "201"), "{said:?}");
    }
    assert_eq!(proxy.asked(), ["CONNECT push.test:443 HTTP/1.1", "CONNECT push.test:443 HTTP/1.1"]);
    let refusing = Proxy::start(service.address(), 403);
    let through = format!("-xhttp://{}", refusing.address());
    let said =
        post(&service, "https://push.test/push/a", Http::One, &[USUAL, &[through.as_str()]].concat(), b"x");
    assert_ne!(said.code, 0);
    assert_eq!(service.requests("a").len(), 2);
}
