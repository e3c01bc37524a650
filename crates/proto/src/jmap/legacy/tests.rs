//! Calls of the draft, the calls of the RFC they become, and back.

mod reading;
mod writing;

use super::{Conversation, Dialect, Next, Texts};
use crate::jmap::json::{Bounds, Json, Raw};
use crate::jmap::{Capabilities, CoreLimits, Id, Responses};

fn texts() -> Texts {
    fn header(raw: &str) -> String {
        raw.trim().replace("=?utf-8?q?=C3=A9?=", "é")
    }
    fn of_html(html: &str) -> String {
        html.replace("<p>", "").replace("</p>", "\n")
    }
    Texts { header, of_html }
}

fn json(text: &str) -> Json {
    Json::parse(text.as_bytes(), &Bounds::default()).unwrap_or_else(|_| panic!("{text}"))
}

fn read(using: &str, calls: &str) -> Result<Dialect, crate::jmap::RequestError> {
    let request = format!(r#"{{"using":{using},"methodCalls":{calls}}}"#);
    let primary = Id::parse("a1").unwrap();
    Dialect::read(request.as_bytes(), &CoreLimits::default(), Capabilities::all(), &primary, texts())
}

fn conversation(calls: &str) -> Conversation {
    match read(r#"["ietf:jmap","ietf:jmapmail"]"#, calls).unwrap() {
        Dialect::Draft(conversation) => *conversation,
        Dialect::Rfc(_) => panic!("not of the draft"),
    }
}

/// What the RFC's side is asked, and answers with: `Name {…}` each, several answers in lines.
struct Part {
    asked: &'static str,
    answered: &'static str,
}

const fn part(asked: &'static str, answered: &'static str) -> Part {
    Part { asked, answered }
}

fn split(line: &str) -> (&str, Json) {
    let (name, arguments) = line.trim().split_once(' ').unwrap();
    (name, json(arguments))
}

/// The answers of a request, `id Name {…}` each.
fn drive(calls: &str, parts: &[Part]) -> Vec<String> {
    let mut conversation = conversation(calls);
    let mut parts = parts.iter();
    let response = loop {
        match conversation.advance() {
            Next::Done(octets) => break octets,
            Next::Ask(mut request) => {
                let Part { asked, answered } = parts.next().expect("nothing more is asked");
                let call = &mut request.calls[0];
                let arguments = Responses::new(&crate::jmap::Envelope::Http).arguments(call).unwrap();
                let (name, expected) = split(asked);
                let arguments = Json::Object(arguments.into_members());
                assert_eq!((&*call.name, &arguments), (name, &expected), "{arguments}");
                let mut responses = Responses::new(&crate::jmap::Envelope::Http);
                for (name, said) in answered.lines().map(split) {
                    responses.respond("0", name, &said);
                }
                conversation.answered(&responses.finish(&request.created_ids, "s"));
            }
        }
    };
    assert!(parts.next().is_none(), "it was not asked");
    let Json::Object(mut members) = json(std::str::from_utf8(&response).unwrap()) else { panic!() };
    let Some(Json::Array(all)) = members.take("methodResponses") else { panic!() };
    assert!(members.is_empty(), "the draft has nothing else in it");
    let line = |one: Json| match one {
        Json::Array(parts) => {
            let [name, arguments, id] = <[Json; 3]>::try_from(parts).unwrap();
            format!("{} {} {arguments}", id.as_str().unwrap(), name.as_str().unwrap())
        }
        _ => panic!(),
    };
    all.into_iter().map(line).collect()
}

/// One call; only its answer.
fn one(call: &str, asked: &'static str, answered: &'static str, expected: &str) {
    let calls = format!("[{call}]");
    let said = drive(&calls, &[part(asked, answered)]).remove(0);
    let (_, said) = said.split_once(' ').unwrap();
    let (name, said) = split(said);
    let (expected_name, expected) = split(expected);
    assert_eq!((name, &said), (expected_name, &expected), "{said}");
}

/// spec: JMAP-2018 §mail/addition-to-the-capabilities-object; JMAP-2018 §core/the-request-object
#[test]
fn which_dialect_is_what_a_request_uses() {
    let is_draft = |using| matches!(read(using, "[]"), Ok(Dialect::Draft(_)));
    assert!(is_draft(r#"["ietf:jmapmail"]"#) && is_draft(r#"["ietf:jmap","urn:ietf:params:jmap:quota"]"#));
    assert!(!is_draft(r#"["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail"]"#));
    assert!(read(r#"["ietf:jmapmail","ietf:other"]"#, "[]").is_err());
    assert!(read(r#"["ietf:jmapmail"]"#, "{}").is_err());
}

/// Nobody is pushed to who has not shown that it wants it (RFC 8620 §7.2).
/// spec: JMAP-2018 §core/pushsubscription; JMAP-2018 §core/vendor-specific-extensions
#[test]
fn pushes_are_not_made_and_other_methods_are_as_they_are() {
    let calls = concat!(
        r#"[["PushSubscription/get",{},"0"],["PushSubscription/set",{"pushSubscription":null},"1"],"#,
        r#"["PushSubscription/set",{"pushSubscription":{"url":"https://x/"}},"2"],"#,
        r#"["PushSubscription/set",{"pushSubscription":{"url":"http://x/"}},"3"],"#,
        r#"["Quota/get",{"accountId":"a1","ids":null},"4"]]"#
    );
    let said = drive(calls, &[]);
    let expected = [
        r#"0 PushSubscription/get {"pushSubscription":null}"#,
        "1 PushSubscription/set {}",
        r#"2 error {"type":"forbidden"}"#,
        r#"3 error {"type":"invalidUrl"}"#,
        r#"4 error {"type":"unknownMethod"}"#,
    ];
    assert_eq!(said, expected);
    let using = r#"["ietf:jmapmail","urn:ietf:params:jmap:quota"]"#;
    let Ok(Dialect::Draft(mut conversation)) = read(using, r#"[["Quota/get",{"accountId":"a1"},"4"]]"#)
    else {
        panic!()
    };
    let Next::Ask(request) = conversation.advance() else { panic!("it is known") };
    assert_eq!(&*request.calls[0].name, "Quota/get");
    conversation.answered(br#"{"methodResponses":[["Quota/get",{"list":[],"notFound":[]},"0"]]}"#);
    let Next::Done(octets) = conversation.advance() else { panic!() };
    let expected = r#"{"methodResponses":[["Quota/get",{"list":[],"notFound":[]},"4"]]}"#;
    assert_eq!(std::str::from_utf8(&octets).unwrap(), expected);
}

/// What was created can be named in later calls.
/// spec: JMAP-2018 §core/set
#[test]
fn creation_ids_are_known_to_later_calls() {
    let calls = concat!(
        r#"[["Mailbox/set",{"create":{"k":{"name":"n"}},"onDestroyRemoveMessages":true},"0"],"#,
        r##"["Mailbox/get",{"ids":["#k"],"properties":["id"]},"1"]]"##
    );
    let mut conversation = conversation(calls);
    let Next::Ask(mut request) = conversation.advance() else { panic!() };
    let (name, expected) =
        split(r#"Mailbox/set {"create":{"k":{"name":"n"}},"accountId":"a1","onDestroyRemoveEmails":true}"#);
    let call = &mut request.calls[0];
    let arguments = Responses::new(&crate::jmap::Envelope::Http).arguments(call).unwrap();
    assert_eq!((&*call.name, Json::Object(arguments.into_members())), (name, expected));
    conversation.answered(br#"{"methodResponses":[["Mailbox/set",{},"0"]],"createdIds":{"k":"m7"}}"#);
    let Next::Ask(request) = conversation.advance() else { panic!() };
    assert_eq!(Raw::of(&request.created_ids).as_str(), r#"{"k":"m7"}"#);
}

/// Whatever the other side says, the client gets an answer.
#[test]
fn an_answer_that_is_none() {
    for bad in ["", "[]", "{}", r#"{"methodResponses":[1,["x"],["Email/get",{"list":1},"0"]]}"#] {
        let mut conversation = conversation(r#"[["Email/get",{"ids":[]},"0"],["Nothing",{},"1"]]"#);
        let Next::Ask(_) = conversation.advance() else { panic!() };
        conversation.answered(bad.as_bytes());
        let Next::Done(octets) = conversation.advance() else { panic!("{bad}") };
        assert!(matches!(json(std::str::from_utf8(&octets).unwrap()), Json::Object(_)));
    }
}
