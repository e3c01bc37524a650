//! A request to the JMAP API: whatever a client sends, it is refused as a whole or every call is answered,
//! and the answer is I-JSON (RFC 8620 §3, RFC 8620 §5, RFC 7493 §2).

use koi_proto::jmap::arguments::{Arguments, Reading};
use koi_proto::jmap::object::blob::{BlobCopy, BlobLookup, BlobUpload, Blobs};
use koi_proto::jmap::object::email::Emails;
use koi_proto::jmap::object::email::fetch::EmailParse;
use koi_proto::jmap::object::email::import::{EmailImport, copied};
use koi_proto::jmap::object::identity::Identities;
use koi_proto::jmap::object::mailbox::Mailboxes;
use koi_proto::jmap::object::mdn::{MdnParse, MdnSend};
use koi_proto::jmap::object::push_subscription;
use koi_proto::jmap::object::quota::Quotas;
use koi_proto::jmap::object::search_snippet::SearchSnippetGet;
use koi_proto::jmap::object::submission::EmailSubmissions;
use koi_proto::jmap::object::thread::Threads;
use koi_proto::jmap::object::vacation::VacationResponses;
use koi_proto::jmap::standard::{
    ChangesArguments, CopyArguments, GetArguments, QueryArguments, QueryChangesArguments, SetArguments,
};
use koi_proto::jmap::websocket::ClientMessage;
use koi_proto::jmap::{Capabilities, CoreLimits, Envelope, Method, MethodError, Raw, Request, Responses};
use serde_json::Value;

use super::Target;

const EMAILS: &[u8] = br##"{"@type":"Request","id":"R","using":["urn:ietf:params:jmap:core",
"urn:ietf:params:jmap:mail","urn:ietf:params:jmap:submission","urn:ietf:params:jmap:blob"],"methodCalls":[
["Core/echo",{"hello":true,"high":5,"list":[{"id":"a"},{"id":"b"}]},"c0"],
["Email/get",{"accountId":"a","#ids":{"resultOf":"c0","name":"Core/echo","path":"/list/*/id"},
"properties":["header:List-Post:asURLs:all","from"]},"c1"],
["Email/query",{"accountId":"a","filter":{"operator":"AND","conditions":[{"inMailbox":"m",
"hasKeyword":"$seen"},{"header":["x","y"]}]},"sort":[{"property":"receivedAt","isAscending":false}],
"position":-1,"limit":5},"c2"],
["Email/set",{"accountId":"a","create":{"k":{"mailboxIds":{"m":true},"subject":"s","bodyStructure":{
"partId":"1","type":"text/plain"},"bodyValues":{"1":{"value":"x"}}}},"update":{"e":{"keywords/$seen":null,
"id":"e"}},"destroy":["#k"]},"c3"],
["EmailSubmission/set",{"accountId":"a","create":{"s":{"identityId":"i","emailId":"#k","envelope":{
"mailFrom":{"email":"a@b","parameters":{"X":null}},"rcptTo":[]}}},"onSuccessUpdateEmail":{"#s":{
"keywords":{}}}},"c4"],
["Blob/upload",{"accountId":"a","create":{"b":{"data":[{"data:asBase64":"YQ=="},{"blobId":"#x",
"offset":1}]}}},"c5"]],"createdIds":{"x":"y"}}"##;

const OTHERS: &[u8] = br##"{"using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail",
"urn:ietf:params:jmap:mdn","urn:ietf:params:jmap:quota","urn:ietf:params:jmap:vacationresponse"],
"methodCalls":[["Mailbox/set",{"accountId":"a","create":{"k":{"name":"n","parentId":null,"sortOrder":1}},
"update":{"m":{"name":"x","role":null}},"onDestroyRemoveEmails":true},"0"],
["Mailbox/changes",{"accountId":"a","sinceState":"1","maxChanges":5},"1"],
["PushSubscription/set",{"create":{"p":{"deviceClientId":"d","url":"https://x","keys":{"p256dh":"a",
"auth":"b"},"expires":"2018-07-31T00:13:21Z"}}},"2"],
["MDN/send",{"accountId":"a","identityId":"i","send":{"k":{"forEmailId":"e","disposition":{"actionMode":
"manual-action","sendingMode":"mdn-sent-manually","type":"displayed"}}}},"3"],
["Quota/query",{"accountId":"a","filter":{"scope":"account"}},"4"],
["VacationResponse/set",{"accountId":"a","update":{"singleton":{"isEnabled":true,"toDate":null}}},"5"],
["Email/copy",{"fromAccountId":"a","accountId":"b","create":{"k":{"id":"e","mailboxIds":{"m":true}}}},"6"],
["Email/import",{"accountId":"a","emails":{"k":{"blobId":"b","mailboxIds":{"m":true}}}},"7"]]}"##;

/// Requests, whole and broken.
#[must_use]
pub fn target() -> Target {
    let enable: &[u8] = br#"{"@type":"WebSocketPushEnable","dataTypes":["Email"],"pushState":"a"}"#;
    let seeds = [EMAILS, OTHERS, enable, b"{\"using\":[],\"methodCalls\":[]}", b"[[[[[["];
    Target {
        name: "jmap_request",
        body,
        seeds: seeds.iter().map(|seed| seed.to_vec()).collect(),
        words: WORDS,
    }
}

const WORDS: &[&[u8]] = &[
    b"\"accountId\":\"a\",",
    b"\"ids\":null,",
    b"\"#ids\":{\"resultOf\":\"c0\",\"name\":\"Core/echo\",\"path\":\"/\"},",
    b"\"urn:ietf:params:jmap:mail\"",
    b"Core/echo",
    b"Email/queryChanges",
    b"Identity/set",
    b"\\ud83d\\ude00",
    b"\\uffff",
    b"9007199254740993",
    b"-1",
    b"1e999",
    b"null",
    b"[[[[[[[[",
    b"{\"x\":",
    b"#k",
    b"/*",
];

/// # Panics
/// When one of the promises above is broken.
pub fn body(input: &[u8]) {
    let limits = CoreLimits::default();
    match ClientMessage::parse(input, &limits, Capabilities::all()) {
        Ok(ClientMessage::Request { id, request }) => answer(request, Envelope::WebSocket { request_id: id }),
        Ok(_) => {}
        Err(refused) => assert!(json(refused.message().as_str().as_bytes())["type"].is_string()),
    }
    match Request::parse(input, &limits, Capabilities::all()) {
        Ok(request) => answer(request, Envelope::Http),
        Err(error) => assert_eq!(json(Raw::of(&error).as_str().as_bytes())["status"], error.status()),
    }
}

fn json(octets: &[u8]) -> Value {
    serde_json::from_slice(octets).expect("what is sent is JSON")
}

fn answer(mut request: Request, envelope: Envelope) {
    let limits = CoreLimits::default();
    let mut calls = std::mem::take(&mut request.calls);
    let mut responses = Responses::new(&envelope);
    for call in &mut calls {
        let reading = Reading { limits: &limits, created_ids: &request.created_ids, using: request.using };
        match responses.arguments(call).and_then(|arguments| read(call.method, arguments, &reading)) {
            Ok(Some(echo)) => responses.respond(&call.id, &call.name, &echo.into_members()),
            Ok(None) => responses.respond(&call.id, &call.name, &Raw::build(|slot| slot.members(|_| {}))),
            Err(error) => responses.error(&call.id, &error),
        }
    }
    let whole = json(&responses.finish(&request.created_ids, "state"));
    let answers = whole["methodResponses"].as_array().expect("an array");
    assert_eq!(answers.len(), calls.len(), "every call has an answer");
    for (answer, call) in answers.iter().zip(&calls) {
        assert_eq!(answer[2], *call.id);
        assert!(answer[1].is_object());
    }
}

/// Reads the arguments as the method does. What Core/echo answers is given back.
fn read(
    method: Option<Method>,
    given: Arguments,
    reading: &Reading<'_>,
) -> Result<Option<Arguments>, MethodError> {
    match method.ok_or(MethodError::UnknownMethod)? {
        Method::CoreEcho => return Ok(Some(given)),
        Method::BlobCopy => drop(BlobCopy::read(given, reading)?),
        Method::PushSubscriptionGet => drop(push_subscription::read_get(given, reading)?),
        Method::PushSubscriptionSet => drop(push_subscription::read_set(given, reading)?),
        Method::MailboxGet => drop(GetArguments::<Mailboxes>::read(given, reading)?),
        Method::MailboxQuery => drop(QueryArguments::<Mailboxes>::read(given, reading)?),
        Method::MailboxQueryChanges => drop(QueryChangesArguments::<Mailboxes>::read(given, reading)?),
        Method::MailboxSet => drop(SetArguments::<Mailboxes>::read(given, reading)?),
        Method::ThreadGet => drop(GetArguments::<Threads>::read(given, reading)?),
        Method::EmailGet => drop(GetArguments::<Emails>::read(given, reading)?),
        Method::EmailQuery => drop(QueryArguments::<Emails>::read(given, reading)?),
        Method::EmailQueryChanges => drop(QueryChangesArguments::<Emails>::read(given, reading)?),
        Method::EmailSet => drop(SetArguments::<Emails>::read(given, reading)?),
        Method::EmailCopy => drop(CopyArguments::read(given, reading, copied)?),
        Method::EmailImport => drop(EmailImport::read(given, reading)?),
        Method::EmailParse => drop(EmailParse::read(given, reading)?),
        Method::SearchSnippetGet => drop(SearchSnippetGet::read(given, reading)?),
        Method::IdentityGet => drop(GetArguments::<Identities>::read(given, reading)?),
        Method::IdentitySet => drop(SetArguments::<Identities>::read(given, reading)?),
        Method::EmailSubmissionGet => drop(GetArguments::<EmailSubmissions>::read(given, reading)?),
        Method::EmailSubmissionQuery => drop(QueryArguments::<EmailSubmissions>::read(given, reading)?),
        Method::EmailSubmissionQueryChanges => {
            drop(QueryChangesArguments::<EmailSubmissions>::read(given, reading)?);
        }
        Method::EmailSubmissionSet => drop(SetArguments::<EmailSubmissions>::read(given, reading)?),
        Method::VacationResponseGet => drop(GetArguments::<VacationResponses>::read(given, reading)?),
        Method::VacationResponseSet => drop(SetArguments::<VacationResponses>::read(given, reading)?),
        Method::BlobUpload => drop(BlobUpload::read(given, reading)?),
        Method::BlobGet => drop(GetArguments::<Blobs>::read(given, reading)?),
        Method::BlobLookup => drop(BlobLookup::read(given, reading)?),
        Method::QuotaGet => drop(GetArguments::<Quotas>::read(given, reading)?),
        Method::QuotaQuery => drop(QueryArguments::<Quotas>::read(given, reading)?),
        Method::QuotaQueryChanges => drop(QueryChangesArguments::<Quotas>::read(given, reading)?),
        Method::MdnSend => drop(MdnSend::read(given, reading)?),
        Method::MdnParse => drop(MdnParse::read(given, reading)?),
        Method::MailboxChanges
        | Method::ThreadChanges
        | Method::EmailChanges
        | Method::IdentityChanges
        | Method::EmailSubmissionChanges
        | Method::QuotaChanges => drop(ChangesArguments::read(given)?),
    }
    Ok(None)
}
