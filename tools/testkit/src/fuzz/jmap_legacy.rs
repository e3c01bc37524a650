//! A request in the dialect of 2018, and whatever the other side may answer: every call of the RFC that it
//! becomes is JSON, it comes to an end, and what the client gets is I-JSON with an answer to every call.

use koi_proto::jmap::legacy::{Dialect, Next, Texts};
use koi_proto::jmap::{Capabilities, CoreLimits, Envelope, Id, Json, Raw, Request, Responses};
use serde_json::Value;

use super::Target;

/// Between a request and answers of the other side.
const NEXT: u8 = b'|';
/// More than calls of a request can need: one to compare, one to do, four for what is attached.
const PARTS_PER_CALL_MAX: usize = 6;

const EMAILS: &[u8] = br##"{"using":["ietf:jmap","ietf:jmapmail"],"methodCalls":[["Email/query",
{"filter":{"operator":"AND","conditions":[{"hasKeyword":"$Seen"},{"text":"x"}]},
"sort":[{"property":"hasKeyword:$Flagged"}],"anchor":"e","anchorOffset":-1},"q"],["Email/get",
{"#ids":{"resultOf":"q","name":"Email/query","path":"/ids"},"properties":["body","headers.x",
"attachedEmails","sender","date"]},"g"],["Email/set",{"create":{"k":{"mailboxIds":{"m":true},
"textBody":"t","htmlBody":"<p>","headers":{"x-a":"b"},"attachments":[{"blobId":"b",
"isInline":true}]}},"update":{"e":{"subject":"s","keywords/$Seen":true}}},"s"]]}|
{"methodResponses":[["Email/query",{"accountId":"a1","queryState":"1","ids":["e"],"total":1},"0"]]}|
{"methodResponses":[["Email/get",{"accountId":"a1","list":[{"id":"e","textBody":[{"partId":"1",
"type":"text/html"}],"htmlBody":[{"partId":"1","type":"text/html"}],"attachments":[{"partId":"2",
"blobId":"b2","type":"message/rfc822"}],"bodyValues":{"1":{"value":"<b>x"}},"headers":[{"name":"X",
"value":" 1"},{"name":"x","value":" 2"}],"sender":[{"name":null,"email":"a"}]}],"notFound":[]},
"0"]]}|
{"methodResponses":[["Email/parse",{"parsed":{"b2":{"attachments":[{"blobId":"b2",
"type":"message/rfc822"}]}}},"0"]],"createdIds":{"k":"e2"}}"##;
const OTHERS: &[u8] = br##"{"using":["ietf:jmapmail"],"methodCalls":[["Mailbox/query",
{"sort":[{"property":"parent/name"}],"filter":{"hasRole":true}},"0"],["Mailbox/changes",
{"sinceState":"1"},"1"],["Email/copy",{"create":{"k":{"id":"e","mailboxIds":{}}}},"2"],
["EmailSubmission/set",{"onSuccessUpdateEmail":{"#s":{"keywords/$Draft":null}}},"3"],
["Identity/set",{"create":{"i":{"replyTo":[{"name":"","email":""}]}}},"4"],["PushSubscription/set",
{"pushSubscription":{"url":"https://x"}},"5"],["Email/import",
{"emails":{"k":{"keywords":{"$Junk":true}}}},"6"]]}|
{"methodResponses":[["error",{"type":"serverFail"},"0"]]}|
{"methodResponses":[["Mailbox/changes",{"created":["m"],"updated":null,"destroyed":[],
"updatedProperties":["x"]},"0"]]}|
{"methodResponses":[["Email/copy",{"notCreated":{"k":{"type":"alreadyExists","existingId":"e"}}},
"0"],["Email/set",{"destroyed":["e"]},"0"]]}"##;

/// Conversations, whole and broken.
#[must_use]
pub fn target() -> Target {
    let seeds = [EMAILS, OTHERS].iter().map(|seed| seed.to_vec()).collect();
    Target { name: "jmap_legacy", body, seeds, words: WORDS }
}

const WORDS: &[&[u8]] = &[
    b"\"ietf:jmapmail\"",
    b"\"properties\":null,",
    b"\"attachedEmails\"",
    b"\"headers.subject\"",
    b"\"message/rfc822\"",
    b"\"text/html\"",
    b"Email/get",
    b"Email/set",
    b"\"update\":{\"e\":{\"size\":1}},",
    b"\"notCreated\":{\"k\":{\"type\":\"invalidProperties\",\"properties\":[\"header:x\"]}}",
    b"{\"methodResponses\":[[\"Email/get\",{\"list\":[{}]},\"0\"]]}",
    b"null",
    b"|",
    b"[[[[",
];

/// # Panics
/// When one of the promises above is broken.
pub fn body(input: &[u8]) {
    fn header(raw: &str) -> String {
        raw.trim().to_owned()
    }
    let texts = Texts { header, of_html: header };
    let Some(primary) = Id::parse("a1") else { return };
    let mut parts_said = input.split(|octet| *octet == NEXT);
    let request = parts_said.next().unwrap_or_default();
    let read = Dialect::read(request, &CoreLimits::default(), Capabilities::all(), &primary, texts);
    let Ok(Dialect::Draft(mut conversation)) = read else { return };
    let calls = json(request)["methodCalls"].as_array().map_or(0, Vec::len);
    let mut parts = 0;
    let (mut octets, rest) = loop {
        match conversation.advance() {
            Next::Done(rest) => break (Vec::new(), rest),
            Next::Ask(request) => {
                asked(request);
                conversation.answered(parts_said.next().unwrap_or(b"{}"));
            }
        }
        parts += 1;
        assert!(parts <= calls * PARTS_PER_CALL_MAX, "it does not come to an end");
    };
    octets.extend_from_slice(&rest);
    let response = json(&octets);
    let answers = response["methodResponses"].as_array().expect("an array");
    assert!(answers.iter().all(|answer| answer[0].is_string() && answer[1].is_object()));
}

/// What is asked can be asked of the API.
fn asked(mut request: Request) {
    let call = request.calls.first_mut().expect("one call");
    let mut responses = Responses::new(&Envelope::Http);
    let arguments = responses.arguments(call).expect("no references");
    drop(json(Raw::of(&Json::Object(arguments.into_members())).as_str().as_bytes()));
}

fn json(octets: &[u8]) -> Value {
    serde_json::from_slice(octets).expect("JSON")
}
