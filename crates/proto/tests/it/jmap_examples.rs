//! The first login of RFC 8621 §4.10, call by call, as a server makes it of requests and responses.

use koi_proto::jmap::arguments::Reading;
use koi_proto::jmap::json::Bounds;
use koi_proto::jmap::object::email::header::{FieldValue, HeaderValue};
use koi_proto::jmap::object::email::query::EmailTerm;
use koi_proto::jmap::object::email::{Email, EmailProperty, Emails};
use koi_proto::jmap::object::thread::{Thread, Threads};
use koi_proto::jmap::standard::{Filter, GetArguments, GetResponse, Object, QueryArguments, QueryResponse};
use koi_proto::jmap::{
    Arguments, Capabilities, CoreLimits, EmailKeyword, Envelope, Id, Items, Json, MethodError, Request,
    Responses, UtcDate,
};

const REQUEST: &str = r##"{"using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail"],"methodCalls":[
["Email/query",{"accountId":"ue150411c","filter":{"inMailbox":"fb666a55"},
  "sort":[{"isAscending":false,"property":"receivedAt"}],
  "collapseThreads":true,"position":0,"limit":30,"calculateTotal":true},"0"],
["Email/get",{"accountId":"ue150411c","#ids":{"resultOf":"0","name":"Email/query","path":"/ids"},
  "properties":["threadId"]},"1"],
["Thread/get",{"accountId":"ue150411c","#ids":{"resultOf":"1","name":"Email/get","path":"/list/*/threadId"}},"2"],
["Email/get",{"accountId":"ue150411c","#ids":{"resultOf":"2","name":"Thread/get","path":"/list/*/emailIds"},
  "properties":["threadId","mailboxIds","keywords","hasAttachment","from","subject","receivedAt","size",
  "preview"]},"3"]]}"##;

const RESPONSE: &str = r#"{"methodResponses":[
["Email/query",{"accountId":"ue150411c","queryState":"09aa9a075588-780599:0","canCalculateChanges":true,
  "position":0,"total":115,"ids":["Ma783e5cdf5f2deffbc97930a","M9bd17497e2a99cb345fc1d0a"]},"0"],
["Email/get",{"accountId":"ue150411c","state":"780599","list":[
  {"id":"Ma783e5cdf5f2deffbc97930a","threadId":"T36703c2cfe9bd5ed"},
  {"id":"M9bd17497e2a99cb345fc1d0a","threadId":"T0a22ad76e9c097a1"}],"notFound":[]},"1"],
["Thread/get",{"accountId":"ue150411c","state":"22a8728b","list":[
  {"id":"T36703c2cfe9bd5ed","emailIds":["Ma783e5cdf5f2deffbc97930a"]},
  {"id":"T0a22ad76e9c097a1","emailIds":["M3b568670a63e5d100f518fa5","M9bd17497e2a99cb345fc1d0a"]}],
  "notFound":[]},"2"],
["Email/get",{"accountId":"ue150411c","state":"780599","list":[
  {"id":"Ma783e5cdf5f2deffbc97930a","threadId":"T36703c2cfe9bd5ed","mailboxIds":{"fb666a55":true},
   "keywords":{"$seen":true,"$flagged":true},"hasAttachment":true,
   "from":null,"subject":"The Big Reveal","receivedAt":"2018-06-27T00:20:35Z","size":175047,
   "preview":"As you may be aware"}],
  "notFound":["M3b568670a63e5d100f518fa5","M9bd17497e2a99cb345fc1d0a"]},"3"]],"sessionState":"s1"}"#;

const EMAILS: [&str; 2] = ["Ma783e5cdf5f2deffbc97930a", "M9bd17497e2a99cb345fc1d0a"];
const THREADS: [&str; 2] = ["T36703c2cfe9bd5ed", "T0a22ad76e9c097a1"];

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

fn json(text: &str) -> Json {
    Json::parse(text.as_bytes(), &Bounds::default()).unwrap()
}

/// spec: RFC 8621 §4.10; RFC 8621 §4.2; RFC 8621 §4.4; RFC 8621 §3.1; RFC 8620 §3.7
#[test]
fn a_first_login() {
    let limits = CoreLimits::default();
    let mut request = Request::parse(REQUEST.as_bytes(), &limits, Capabilities::all()).unwrap();
    let mut responses = Responses::new(&Envelope::Http);
    for (at, call) in request.calls.iter_mut().enumerate() {
        let reading = Reading { limits: &limits, created_ids: &request.created_ids, using: request.using };
        let arguments = responses.arguments(call).unwrap();
        match at {
            0 => responses.respond(&call.id, &call.name, &query(arguments, &reading).unwrap()),
            1 => responses.respond(&call.id, &call.name, &thread_ids(arguments, &reading).unwrap()),
            2 => responses.respond(&call.id, &call.name, &threads(arguments, &reading).unwrap()),
            _ => responses.respond(&call.id, &call.name, &listing(arguments, &reading).unwrap()),
        }
    }
    let answer = String::from_utf8(responses.finish(&request.created_ids, "s1")).unwrap();
    assert_eq!(json(&answer), json(RESPONSE), "{answer}");
}

fn query(given: Arguments, reading: &Reading<'_>) -> Result<QueryResponse, MethodError> {
    let given = QueryArguments::<Emails>::read(given, reading)?;
    let Some(Filter::Condition(condition)) = given.filter else { panic!("a filter") };
    assert_eq!(condition.0, [EmailTerm::InMailbox(id("fb666a55"))]);
    assert!(given.extra.0 && given.calculate_total && !given.sort[0].is_ascending);
    assert_eq!((given.limit, given.window.first(115, |_| None)), (Some(30), Ok(0)));
    Ok(QueryResponse {
        account_id: given.account_id,
        query_state: "09aa9a075588-780599:0".into(),
        can_calculate_changes: true,
        position: 0,
        ids: Some(EMAILS.into_iter().collect()),
        total: Some(115),
        limit: None,
    })
}

fn thread_ids(given: Arguments, reading: &Reading<'_>) -> Result<GetResponse, MethodError> {
    let GetArguments { account_id, selection } = GetArguments::<Emails>::read(given, reading)?;
    let ids = selection.ids.expect("ids");
    assert_eq!(ids.known, EMAILS.map(id));
    let mut list = Items::default();
    for (email, thread) in ids.known.into_iter().zip(THREADS) {
        let email = Email { id: Some(email), thread_id: Some(id(thread)), ..Email::default() };
        list.push(|slot| email.write(&selection.properties, &selection.extra.properties, slot));
    }
    Ok(GetResponse {
        account_id: Some(account_id),
        state: Some("780599".into()),
        list,
        not_found: Vec::new(),
    })
}

fn threads(given: Arguments, reading: &Reading<'_>) -> Result<GetResponse, MethodError> {
    let GetArguments { account_id, selection } = GetArguments::<Threads>::read(given, reading)?;
    assert_eq!(selection.ids.expect("ids").known, THREADS.map(id));
    assert_eq!(selection.properties, Threads::default_properties());
    let first = Thread { id: id(THREADS[0]), email_ids: vec![id(EMAILS[0])] };
    let reply = id("M3b568670a63e5d100f518fa5");
    let second = Thread { id: id(THREADS[1]), email_ids: vec![reply, id(EMAILS[1])] };
    let mut list = Items::default();
    for thread in [first, second] {
        list.push(|slot| thread.write(&selection.properties, slot));
    }
    Ok(GetResponse {
        account_id: Some(account_id),
        state: Some("22a8728b".into()),
        list,
        not_found: Vec::new(),
    })
}

fn listing(given: Arguments, reading: &Reading<'_>) -> Result<GetResponse, MethodError> {
    let GetArguments { account_id, selection } = GetArguments::<Emails>::read(given, reading)?;
    let mut ids = selection.ids.expect("ids").known.into_iter();
    let headers: Vec<_> = selection.properties.iter().filter_map(EmailProperty::as_header).collect();
    assert_eq!(headers.iter().map(|header| &*header.field).collect::<Vec<_>>(), ["From", "Subject"]);
    let email = Email {
        id: ids.next(),
        thread_id: Some(id(THREADS[0])),
        mailbox_ids: Some(vec![id("fb666a55")]),
        keywords: Some(vec![EmailKeyword::Seen, EmailKeyword::Flagged]),
        size: 175_047,
        received_at: UtcDate::parse("2018-06-27T00:20:35Z"),
        fields: vec![
            FieldValue::Last(None),
            FieldValue::Last(Some(HeaderValue::Text("The Big Reveal".into()))),
        ],
        has_attachment: true,
        preview: "As you may be aware".into(),
        ..Email::default()
    };
    let mut list = Items::default();
    list.push(|slot| email.write(&selection.properties, &selection.extra.properties, slot));
    let not_found = ids.map(koi_proto::jmap::IdRef::Id).collect();
    Ok(GetResponse { account_id: Some(account_id), state: Some("780599".into()), list, not_found })
}
