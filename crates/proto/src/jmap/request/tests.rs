//! Requests, right and wrong, and the limits they are held to.

use super::*;

const EXAMPLE: &str = r#"{
  "using": [ "urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail" ],
  "methodCalls": [
    [ "method1", { "arg1": "arg1data", "arg2": "arg2data" }, "c1" ],
    [ "method2", { "arg1": "arg1data" }, "c2" ],
    [ "Core/echo", {}, "c3" ]
  ]
}"#;

fn parse(text: &str) -> Result<Request, RequestError> {
    Request::parse(text.as_bytes(), &CoreLimits::default(), Capabilities::all())
}

fn detail(text: &str) -> String {
    match parse(text) {
        Err(RequestError::NotRequest { detail }) => detail.into(),
        other => panic!("{text}: {other:?}"),
    }
}

/// spec: RFC 8620 §3.2; RFC 8620 §3.3; RFC 8620 §3.3.1
#[test]
fn the_example_of_the_rfc() {
    let request = parse(EXAMPLE).unwrap();
    assert_eq!(request.using, [Capability::Core, Capability::Mail].into_iter().collect());
    let calls: Vec<_> = request.calls.iter().map(|call| (&*call.name, &*call.id, call.method)).collect();
    assert_eq!(
        calls,
        [("method1", "c1", None), ("method2", "c2", None), ("Core/echo", "c3", Some(Method::CoreEcho))]
    );
    assert_eq!(request.calls[0].arguments.value("arg2").and_then(Json::as_str), Some("arg2data"));
    assert!(!request.created_ids.is_given);
}

/// spec: RFC 8620 §3.3; RFC 8620 §3.6.1
#[test]
fn what_is_no_request() {
    let using = r#""using":["urn:ietf:params:jmap:core"]"#;
    let known = [
        ("[]".to_owned(), "a Request is an object, not an array"),
        ("{}".to_owned(), "methodCalls must be an array of Invocations"),
        (r#"{"methodCalls":[]}"#.to_owned(), "using must be an array of Strings"),
        (r#"{"using":[1],"methodCalls":[]}"#.to_owned(), "using must be an array of Strings"),
        (format!(r#"{{{using},"methodCalls":"x"}}"#), "methodCalls must be an array of Invocations"),
        (format!(r#"{{{using},"methodCalls":[{{}}]}}"#), "methodCalls/0: an Invocation is an array"),
        (
            format!(r#"{{{using},"methodCalls":[["a",{{}}]]}}"#),
            "methodCalls/0: an Invocation has three elements",
        ),
        (
            format!(r#"{{{using},"methodCalls":[["a",{{}},"c"],["a",[],"c"]]}}"#),
            "methodCalls/1: an Invocation is a String, an object and a String",
        ),
        (
            format!(r#"{{{using},"methodCalls":[],"createdIds":{{"a b":"c"}}}}"#),
            "createdIds must be a map of Ids to Ids",
        ),
        (
            format!(r#"{{{using},"methodCalls":[],"createdIds":{{"a":null}}}}"#),
            "createdIds must be a map of Ids to Ids",
        ),
    ];
    for (text, expected) in known {
        assert_eq!(detail(&text), expected);
    }
    assert!(
        parse(&format!(r#"{{{using},"methodCalls":[],"future":[1]}}"#)).is_ok(),
        "unknown ones are ignored"
    );
    assert!(matches!(parse("this is not json"), Err(RequestError::NotJson { .. })));
    assert!(matches!(parse(r#"{"a":1,"a":2}"#), Err(RequestError::NotJson { .. })));
    assert!(matches!(parse(&"[".repeat(1000)), Err(RequestError::NotJson { .. })));
}

/// spec: RFC 8620 §3.3; RFC 8620 §3.6.1
#[test]
fn a_capability_that_is_not_supported_refuses_the_request() {
    let text = r#"{"using":["urn:ietf:params:jmap:core","https://x.example/","y"],"methodCalls":[]}"#;
    assert_eq!(parse(text), Err(RequestError::UnknownCapability { uri: "https://x.example/".into() }));
    let core = Capabilities::NONE.with(Capability::Core);
    let refused = Request::parse(EXAMPLE.as_bytes(), &CoreLimits::default(), core);
    let uri = "urn:ietf:params:jmap:mail".into();
    assert_eq!(refused, Err(RequestError::UnknownCapability { uri }), "known, but not offered");
}

/// spec: RFC 8620 §2; RFC 8620 §3.6.1; RFC 8620 §8.5
#[test]
fn limits_are_checked_before_work() {
    let limit = |limits: &CoreLimits, text: &str| match Request::parse(
        text.as_bytes(),
        limits,
        Capabilities::all(),
    ) {
        Err(RequestError::Limit { limit, .. }) => limit.name(),
        other => panic!("{text}: {other:?}"),
    };
    let small = CoreLimits { request_octets_max: 10, ..CoreLimits::default() };
    assert_eq!(limit(&small, "not even JSON"), "maxSizeRequest");
    let few = CoreLimits { calls_max: 2, ..CoreLimits::default() };
    assert_eq!(limit(&few, EXAMPLE), "maxCallsInRequest");
    let mut plain = CoreLimits::default();
    plain.bounds.values_max = 10;
    assert_eq!(limit(&plain, EXAMPLE), "maxSizeRequest");
}

/// spec: RFC 8620 §3.3
#[test]
fn created_ids_are_taken_over() {
    let text = r#"{"using":[],"methodCalls":[],"createdIds":{"k1":"m7"}}"#;
    let request = parse(text).unwrap();
    let k1 = super::super::id::IdRef::parse("#k1").unwrap();
    assert_eq!(request.created_ids.resolve(&k1).map(Id::as_str), Some("m7"));
    assert!(request.created_ids.is_given);
    assert!(parse(r#"{"using":[],"methodCalls":[],"createdIds":{}}"#).unwrap().created_ids.is_given);
}
