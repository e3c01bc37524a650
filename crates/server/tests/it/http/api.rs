//! The API with the real JMAP behind it.

use std::sync::atomic::Ordering;

use hyper::StatusCode;
use serde_json::{Value, json};

use super::client::api;
use crate::rig::Rig;

fn request(calls: &[Value]) -> String {
    json!({"using": ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"], "methodCalls": calls})
        .to_string()
}

fn echo(id: usize, octets: usize) -> Value {
    json!(["Core/echo", {"text": "é".repeat(octets / 2), "n": id}, id.to_string()])
}

// spec: RFC 8620 §3.1; RFC 8620 §3.3; RFC 8620 §3.4; RFC 8620 §4
#[tokio::test(flavor = "multi_thread")]
async fn calls_are_answered_in_their_order() {
    let rig = Rig::real("");
    for mut client in [rig.http1().await, rig.http2().await] {
        let calls = [echo(0, 10), json!(["No/such", {}, "1"]), echo(2, 10)];
        let got = client.ask(api(request(&calls))).await;
        assert_eq!((got.status, got.header("content-type")), (StatusCode::OK, "application/json"));
        assert_eq!(got.header("content-length"), got.body.len().to_string());
        let responses = got.json()["methodResponses"].clone();
        assert_eq!((&responses[0], &responses[2]), (&calls[0], &calls[2]));
        assert_eq!((&responses[1][0], &responses[1][1]["type"]), (&json!("error"), &json!("unknownMethod")));
    }
}

/// What is long goes out while it is made, also compressed; to the client it is one response.
// spec: RFC 8620 §3.4; RFC 9110 §8.4
#[tokio::test(flavor = "multi_thread")]
async fn long_responses_come_in_pieces() {
    let rig = Rig::real("");
    for mut client in [rig.http1().await, rig.http2().await] {
        for sizes in [&[70_000][..], &[30_000, 30_000, 30_000], &[10, 2_000_000, 10], &[65_536; 20]] {
            let calls: Vec<Value> = sizes.iter().enumerate().map(|(n, size)| echo(n, *size)).collect();
            for accept in ["identity", "br"] {
                let mut asked = api(request(&calls));
                asked.headers_mut().insert("accept-encoding", accept.parse().unwrap());
                let got = client.ask(asked).await;
                let coding = if accept == "identity" { "" } else { accept };
                assert_eq!((got.status, got.header("content-encoding")), (StatusCode::OK, coding));
                let mut unpacked = got.body.to_vec();
                if accept == "br" {
                    unpacked.clear();
                    brotli::BrotliDecompress(&mut &*got.body, &mut unpacked).unwrap();
                }
                let response: Value = serde_json::from_slice(&unpacked).unwrap();
                assert_eq!(response["methodResponses"], json!(calls));
                assert!(response["sessionState"].is_string());
            }
        }
    }
}

// spec: RFC 8620 §3.6.1; RFC 8620 §3.6.1.1
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_refused() {
    let rig = Rig::real("");
    let mut client = rig.http1().await;
    for (text, kind) in [
        ("", "notJSON"),
        ("{", "notJSON"),
        (r#"{"a":1,"a":2}"#, "notJSON"),
        ("[]", "notRequest"),
        ("{}", "notRequest"),
        (r#"{"using":["urn:x"],"methodCalls":[]}"#, "unknownCapability"),
    ] {
        let problem = client.ask(api(text)).await.problem(400);
        assert_eq!(problem["type"], format!("urn:ietf:params:jmap:error:{kind}"), "{text}");
    }
    let calls: Vec<Value> = (0..1000).map(|n| echo(n, 2)).collect();
    let problem = client.ask(api(request(&calls))).await.problem(400);
    assert_eq!(problem["limit"], "maxCallsInRequest");
    assert_eq!(rig.edge.metrics.jmap_calls_panicked.load(Ordering::Relaxed), 0);
}
