//! What RFC 8030 and RFC 8291 do not allow is refused, whatever the script says.

use koi_push_service::{Http, Options, PushService};

use crate::curl::{USUAL, post};

/// spec: RFC 8030 §5.2; RFC 8030 §5.3; RFC 8030 §5.4; RFC 8030 §7.2; RFC 8291 §4
#[test]
fn requests_that_are_refused() {
    let service = PushService::start();
    let url = service.url("a");
    let long = vec![b'x'; 4097];
    let coding = "-HContent-Encoding: aes128gcm";
    let topic = format!("-HTopic: {}", "x".repeat(33));
    let cases: [(&[&str], &[u8], &str); 9] = [
        (&[coding], b"x", "5.2"),
        (&[coding, "-HTTL: 1.5"], b"x", "5.2"),
        (&[coding, "-HTTL: 1", "-HTTL: 2"], b"x", "5.2"),
        (&[coding, "-HTTL: 1", "-HUrgency: urgent"], b"x", "5.3"),
        (&[coding, "-HTTL: 1", &topic], b"x", "5.4"),
        (&[coding, "-HTTL: 1", "-HTopic: a+b"], b"x", "5.4"),
        (&["-HTTL: 1"], b"x", "aes128gcm"),
        (USUAL, &long, "4096"),
        (&[coding, "-HTTL: 1", "-XPUT"], b"x", "POST"),
    ];
    for (count, (more, body, fault)) in cases.into_iter().enumerate() {
        assert_eq!(post(&service, &url, Http::Two, more, body).status, "400", "{more:?}");
        let requests = service.requests("a");
        assert_eq!(requests.len(), count + 1);
        assert!(requests[count].fault.unwrap().contains(fault), "{more:?}: {:?}", requests[count].fault);
    }
}

#[test]
fn a_certificate_for_others() {
    let service = PushService::start_with(Options { certificate_fits: false, ..Options::default() });
    let said = post(&service, &service.url("a"), Http::Two, USUAL, b"x");
    assert_eq!((said.code, &*said.status), (60, "000"), "{said:?}");
    assert!(service.requests("a").is_empty());
}

#[test]
fn one_version_only() {
    for only in [Http::One, Http::Two] {
        let service = PushService::start_with(Options { only: Some(only), ..Options::default() });
        let said = post(&service, &service.url("a"), Http::Two, USUAL, b"x");
        assert_eq!(said.status, "201", "{said:?}");
        assert_eq!(service.requests("a")[0].http, only);
    }
}
