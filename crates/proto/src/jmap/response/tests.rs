//! Responses, and references to them.

use super::*;
use crate::jmap::capability::Capabilities;
use crate::jmap::id::Id;
use crate::jmap::limits::CoreLimits;
use crate::jmap::value::FromJson;

fn request(calls: &str) -> Request {
    let text = format!(r#"{{"using":["urn:ietf:params:jmap:core"],"methodCalls":{calls}}}"#);
    Request::parse(text.as_bytes(), &CoreLimits::default(), Capabilities::all()).unwrap()
}

fn json(text: &str) -> Json {
    Json::parse(text.as_bytes(), &crate::jmap::json::Bounds::default()).unwrap()
}

fn text(octets: Vec<u8>) -> String {
    String::from_utf8(octets).unwrap()
}

/// Answers every call with its own arguments, or its error.
fn echo(request: &mut Request) -> String {
    let mut responses = Responses::new(&Envelope::Http);
    for call in &mut request.calls {
        match responses.arguments(call) {
            Ok(arguments) => responses.respond(&call.id, &call.name, &arguments.into_members()),
            Err(error) => responses.error(&call.id, &error),
        }
    }
    text(responses.finish(&request.created_ids, "75128aab4b1b"))
}

/// spec: RFC 8620 §3.4; RFC 8620 §3.4.1; RFC 8620 §3.6.2
#[test]
fn the_example_of_the_rfc() {
    let mut responses = Responses::new(&Envelope::Http);
    responses.respond("c1", "method1", &json(r#"{"arg1":3,"arg2":"foo"}"#));
    responses.respond("c2", "method2", &json(r#"{"isBlah":true}"#));
    responses.respond("c2", "anotherResponseFromMethod2", &json(r#"{"data":10,"yetmoredata":"Hello"}"#));
    responses.error("c3", &MethodError::UnknownMethod);
    let expected = concat!(
        r#"{"methodResponses":[["method1",{"arg1":3,"arg2":"foo"},"c1"],["method2",{"isBlah":true},"c2"],"#,
        r#"["anotherResponseFromMethod2",{"data":10,"yetmoredata":"Hello"},"c2"],"#,
        r#"["error",{"type":"unknownMethod"},"c3"]],"sessionState":"75128aab4b1b"}"#
    );
    assert_eq!(text(responses.finish(&CreatedIds::default(), "75128aab4b1b")), expected);
}

/// spec: RFC 8620 §4; RFC 8620 §4.1
#[test]
fn an_echo() {
    let answer = echo(&mut request(r#"[["Core/echo",{"hello":true,"high":5},"b3ff"]]"#));
    let expected =
        r#"{"methodResponses":[["Core/echo",{"hello":true,"high":5},"b3ff"]],"sessionState":"75128aab4b1b"}"#;
    assert_eq!(answer, expected);
}

/// spec: RFC 8620 §3.4; RFC 8620 §5.8
#[test]
fn created_ids_are_returned_to_who_sent_some() {
    let responses = Responses::new(&Envelope::Http);
    let mut created = CreatedIds::given(std::collections::BTreeMap::new());
    created.insert(Id::parse("k1").unwrap(), Id::parse("m1").unwrap());
    let expected = r#"{"methodResponses":[],"createdIds":{"k1":"m1"},"sessionState":"s"}"#;
    assert_eq!(text(responses.finish(&created, "s")), expected);
}

/// spec: RFC 8887 §4.3.3
#[test]
fn over_a_websocket() {
    let empty = |request_id: Option<&str>| {
        let envelope = Envelope::WebSocket { request_id: request_id.map(Into::into) };
        text(Responses::new(&envelope).finish(&CreatedIds::default(), "s"))
    };
    assert_eq!(
        empty(Some("R1")),
        r#"{"@type":"Response","requestId":"R1","methodResponses":[],"sessionState":"s"}"#
    );
    assert_eq!(empty(None), r#"{"@type":"Response","methodResponses":[],"sessionState":"s"}"#);
}

/// spec: RFC 8620 §3.7
#[test]
fn the_references_of_the_rfc() {
    let mut request = request(
        r##"[["Foo/changes",{"accountId":"A1","sinceState":"abcdef"},"t0"],
        ["Foo/get",{"accountId":"A1","#ids":{"resultOf":"t0","name":"Foo/changes","path":"/created"}},"t1"],
        ["Foo/get",{"#ids":{"resultOf":"t2","name":"Thread/get","path":"/list/*/emailIds"}},"t3"]]"##,
    );
    let mut responses = Responses::new(&Envelope::Http);
    responses.respond("t0", "Foo/changes", &json(r#"{"accountId":"A1","created":["f1","f4"],"updated":[]}"#));
    let threads = r#"{"list":[{"id":"trd194","emailIds":["msg1020","msg1021"]},{"emailIds":["msg201"]}]}"#;
    responses.respond("t2", "Thread/get", &json(threads));
    let mut ids = |at: usize| {
        let mut arguments = responses.arguments(&mut request.calls[at]).unwrap();
        let ids: Vec<Id> = arguments.required("ids").unwrap();
        ids.iter().map(Id::to_string).collect::<Vec<_>>()
    };
    assert_eq!(ids(1), ["f1", "f4"]);
    assert_eq!(ids(2), ["msg1020", "msg1021", "msg201"]);
}

/// spec: RFC 8620 §3.7
#[test]
fn references_that_lead_nowhere() {
    let failed = |arguments: &str| {
        let mut request = request(&format!(r#"[["Foo/get",{arguments},"t9"]]"#));
        let mut responses = Responses::new(&Envelope::Http);
        responses.respond("t0", "Foo/query", &json(r#"{"ids":["a"]}"#));
        responses.respond("t0", "Foo/get", &json(r#"{"list":[]}"#));
        let error = responses.arguments(&mut request.calls[0]).unwrap_err();
        format!("{}: {}", error.kind(), error.description().unwrap())
    };
    let reference = |of: &str, name: &str, path: &str| {
        failed(&format!(r##"{{"#ids":{{"resultOf":"{of}","name":"{name}","path":"{path}"}}}}"##))
    };
    assert_eq!(reference("t1", "Foo/query", "/ids"), "invalidResultReference: no earlier call has this id");
    assert_eq!(reference("t9", "Foo/get", ""), "invalidResultReference: no earlier call has this id");
    assert_eq!(
        reference("t0", "Foo/get", "/list"),
        "invalidResultReference: the first response to that call is Foo/query"
    );
    let nothing = "invalidResultReference: the path points to nothing in that response";
    for path in ["/list", "/ids/1", "/ids/a", "/ids/0/x", "/*"] {
        assert_eq!(reference("t0", "Foo/query", path), nothing, "{path}");
    }
    assert_eq!(reference("t0", "Foo/query", "ids"), "invalidResultReference: a pointer begins with /");
    let both = r##"{"ids":null,"#ids":{"resultOf":"t0","name":"Foo/query","path":"/ids"}}"##;
    assert_eq!(failed(both), "invalidArguments: ids and #ids are both given");
    for no_reference in
        [r#"1"#, r#"{"resultOf":"t0","name":"Foo/query"}"#, r#"{"resultOf":1,"name":"x","path":""}"#]
    {
        let expected = "invalidArguments: #ids must be an object of resultOf, name and path";
        assert_eq!(failed(&format!(r##"{{"#ids":{no_reference}}}"##)), expected, "{no_reference}");
    }
}

/// spec: RFC 8620 §8.5
#[test]
fn references_cannot_multiply_without_end() {
    let again = |n: usize| {
        let each = |name: char| format!(r##""#{name}":{{"resultOf":"c{n}","name":"Core/echo","path":""}}"##);
        let arguments: Vec<String> = ('a'..='z').map(each).collect();
        format!(r#",["Core/echo",{{{}}},"c{}"]"#, arguments.join(","), n + 1)
    };
    let calls: String = (0..10).map(again).collect();
    let answer = echo(&mut request(&format!(r#"[["Core/echo",{{"x":"0123456789"}},"c0"]{calls}]"#)));
    assert!(answer.contains("invalidResultReference"));
    assert!(answer.len() < 2 * limits::JMAP_REFERENCED_OCTETS_MAX, "{}", answer.len());
}

#[test]
fn what_nobody_refers_to_can_be_sent() {
    let mut request = request(
        r##"[["a",{},"c0"],["b",{},"c1"],["c",{},"c2"],
        ["d",{"#x":{"resultOf":"c1","name":"b","path":"/v"}},"c3"],["e",{},"c4"]]"##,
    );
    let mut responses = Responses::new(&Envelope::Http);
    let mut sent = Vec::new();
    for at in 0..3 {
        let call = request.calls[at].clone();
        responses.respond(&call.id, &call.name, &json(&format!(r#"{{"v":[{at}]}}"#)));
        sent.extend(responses.take(&request, at + 1));
    }
    assert!(text(sent.clone()).ends_with(r#""c0"],["b","#), "{}", text(sent.clone()));
    let mut call = request.calls[3].clone();
    let x: Vec<u64> = responses.arguments(&mut call).unwrap().required("x").unwrap();
    assert_eq!(x, [1]);
    responses.respond(&call.id, &call.name, &json("{}"));
    sent.extend(responses.take(&request, 4));
    assert_eq!(responses.octets(), 0);
    let mut late = request.calls[3].clone();
    assert!(responses.arguments(&mut late).is_err(), "what was sent is gone");
    sent.extend(responses.finish(&CreatedIds::default(), "s"));
    let mut whole = json(&text(sent)).to_string();
    whole.retain(|c| c != ' ');
    let expected = concat!(
        r#"{"methodResponses":[["a",{"v":[0]},"c0"],["b",{"v":[1]},"c1"],["c",{"v":[2]},"c2"],["d",{},"c3"]],"#,
        r#""sessionState":"s"}"#
    );
    assert_eq!(whole, expected);
    assert!(Vec::<u64>::from_json(json("[1]")).is_ok());
    request.calls.clear();
    assert_eq!(request.last_reference_to("c1"), None);
}

/// spec: RFC 8620 §5.5
#[test]
fn a_list_is_told_piece_by_piece() {
    let calls = |reference: &str| {
        request(&format!(r#"[["Email/query",{{}},"0"],["Email/get",{{{reference}}},"1"]]"#))
    };
    let tell = |responses: &mut Responses, items: &[&str]| {
        responses.open("Email/query", &json(r#"{"position":0}"#), "ids");
        items.iter().for_each(|item| responses.item(*item));
    };
    let mut responses = Responses::new(&Envelope::Http);
    let mut first = Vec::new();
    tell(&mut responses, &["a", "b"]);
    assert!(responses.is_open());
    first.append(&mut responses.take(&calls(""), 1));
    responses.item("c");
    responses.close("0", "Email/query", &json(r#"{"total":3}"#));
    assert!(!responses.is_open());
    responses.respond("1", "Email/get", &json("{}"));
    first.append(&mut responses.finish(&CreatedIds::default(), "s"));
    let expected = concat!(
        r#"{"methodResponses":[["Email/query",{"position":0,"ids":["a","b","c"],"total":3},"0"],"#,
        r#"["Email/get",{},"1"]],"sessionState":"s"}"#
    );
    assert_eq!(text(first), expected);
    // Without items, and kept for who refers to it.
    let mut responses = Responses::new(&Envelope::Http);
    tell(&mut responses, &[]);
    responses.close("0", "Email/query", &json("{}"));
    let mut referring = calls(r##""#ids":{"resultOf":"0","name":"Email/query","path":"/ids"}"##);
    assert_eq!(responses.take(&referring, 1).len(), r#"{"methodResponses":[["Email/query","#.len());
    let got = responses.arguments(referring.calls.get_mut(1).unwrap()).unwrap();
    assert_eq!(got.into_members().value("ids"), Some(&json("[]")));
}

#[test]
fn a_list_that_was_begun_and_forgotten_leaves_nothing_behind() {
    let mut responses = Responses::new(&Envelope::Http);
    let mark = responses.mark();
    responses.open("Email/query", &json(r#"{"position":0}"#), "ids");
    responses.item("a");
    responses.back_to(mark);
    assert!(!responses.is_open());
    responses.close("0", "Email/query", &json("{}"));
    responses.error("0", &MethodError::AnchorNotFound);
    let told = text(responses.finish(&CreatedIds::default(), "s"));
    let expected = r#"{"methodResponses":[["error",{"type":"anchorNotFound"},"0"]],"sessionState":"s"}"#;
    assert_eq!(told, expected);
}
