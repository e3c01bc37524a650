//! The Session object as clients see it.

use hyper::header::AUTHORIZATION;
use hyper::{Method, StatusCode};
use koi_mailbox::{AclChange, INBOX};
use koi_types::{AccountId, Rights};
use serde_json::{Value, json};

use super::client::{Client, alice, anybody, api, empty};
use super::limits::raw;
use crate::rig::Rig;

const CORE: &str = "urn:ietf:params:jmap:core";
const MAIL: &str = "urn:ietf:params:jmap:mail";
const SUBMISSION: &str = "urn:ietf:params:jmap:submission";
const VACATION: &str = "urn:ietf:params:jmap:vacationresponse";
const WEBSOCKET: &str = "urn:ietf:params:jmap:websocket";
const VAPID: &str = "urn:ietf:params:jmap:webpush-vapid";

async fn session(client: &mut Client) -> Value {
    let got = client.ask(empty(alice(Method::GET, "/.well-known/jmap"))).await;
    assert_eq!(got.status, StatusCode::OK, "{got:?}");
    assert_eq!(got.header("content-type"), "application/json");
    assert_eq!(got.header("cache-control"), "no-cache, no-store, must-revalidate");
    got.json()
}

/// What the `sessionState` of a response is.
async fn state_of_a_response(client: &mut Client) -> Value {
    let echo = json!({"using": [CORE], "methodCalls": [["Core/echo", {"hello": true}, "b3ff"]]});
    let got = client.ask(api(echo.to_string())).await;
    assert_eq!(got.status, StatusCode::OK, "{got:?}");
    let response = got.json();
    assert_eq!(response["methodResponses"], json!([["Core/echo", {"hello": true}, "b3ff"]]));
    response["sessionState"].clone()
}

/// What RFC 8620 §2 wants of each member, by its own words for types.
// spec: RFC 8620 §2; RFC 8620 §1.6.2; RFC 8621 §1.3.1; RFC 8621 §1.3.2; RFC 8621 §1.3.3; RFC 8887 §3;
// RFC 9749 §3
#[tokio::test(flavor = "multi_thread")]
async fn the_session_is_that_of_the_rfc() {
    let rig = Rig::real("[http]\nrequests_per_account_max=6\nrequest_octets_max=10000000\n");
    let mut client = rig.http1().await;
    let session = session(&mut client).await;
    let unsigned = |value: &Value, least: u64| value.as_u64().is_some_and(|n| n >= least && n < 1 << 53);
    let core = &session["capabilities"][CORE];
    // With the least that is suggested.
    for (name, least) in [
        ("maxSizeUpload", 50_000_000),
        ("maxConcurrentUpload", 4),
        ("maxSizeRequest", 10_000_000),
        ("maxConcurrentRequests", 4),
        ("maxCallsInRequest", 16),
        ("maxObjectsInGet", 500),
        ("maxObjectsInSet", 500),
    ] {
        assert!(unsigned(&core[name], least), "{name}: {core}");
    }
    assert_eq!(core["maxConcurrentRequests"], 6, "as it is enforced");
    assert_eq!(core["maxSizeUpload"], rig.mailbox.options().message_octets_max, "as it is enforced");
    let collations = core["collationAlgorithms"].as_array().unwrap();
    assert!(collations.contains(&json!("i;unicode-casemap")) && collations.iter().all(Value::is_string));
    let own = AccountId(1).to_string();
    let account = &session["accounts"][&own];
    assert_eq!(account["name"], "alice@example.org");
    assert_eq!((&account["isPersonal"], &account["isReadOnly"]), (&json!(true), &json!(false)));
    for (uri, _) in account["accountCapabilities"].as_object().unwrap() {
        assert!(session["capabilities"].get(uri).is_some(), "{uri} is announced for the server too");
        assert_eq!(session["primaryAccounts"][uri], own, "{uri}");
    }
    for uri in [MAIL, SUBMISSION, VACATION] {
        assert!(account["accountCapabilities"][uri].is_object(), "{uri}");
        assert_eq!(session["capabilities"][uri], json!({}), "{uri}");
    }
    let mail = &account["accountCapabilities"][MAIL];
    assert!(mail["maxMailboxesPerEmail"].is_null() && unsigned(&mail["maxMailboxDepth"], 1));
    assert!(unsigned(&mail["maxSizeMailboxName"], 100) && unsigned(&mail["maxSizeAttachmentsPerEmail"], 1));
    assert!(mail["emailQuerySortOptions"].as_array().unwrap().contains(&json!("receivedAt")));
    assert_eq!(mail["mayCreateTopLevelMailbox"], true);
    let submission = &account["accountCapabilities"][SUBMISSION];
    assert!(unsigned(&submission["maxDelayedSend"], 1) && submission["submissionExtensions"].is_object());
    assert_eq!(session["username"], "alice@example.org");
    let base = "https://localhost:8443/jmap";
    assert_eq!(session["apiUrl"], format!("{base}/api/"));
    for (url, variables) in [
        ("downloadUrl", &["{accountId}", "{blobId}", "{type}", "{name}"][..]),
        ("uploadUrl", &["{accountId}"]),
        ("eventSourceUrl", &["{types}", "{closeafter}", "{ping}"]),
    ] {
        let template = session[url].as_str().unwrap();
        assert!(template.starts_with(base) && variables.iter().all(|v| template.contains(v)), "{template}");
    }
    assert_eq!(
        session["capabilities"][WEBSOCKET],
        json!({"url": "wss://localhost:8443/jmap/ws/", "supportsPush": true})
    );
    assert_eq!(session["capabilities"][VAPID], json!({"applicationServerKey": "BKey"}));
    assert_eq!(session["state"], state_of_a_response(&mut client).await);
}

/// A client, and the members without which it does not work, as JSON pointers; `*` is any account. From what
/// is public about each: meli's `jmap/session.rs`, aerc's go-jmap, mujmap's `jmap/session.rs`, jmap-jam's
/// types, Twake's `jmap_dart_client`.
const READ_BY: [(&str, &[&str]); 5] = [
    (
        "meli",
        &[
            "/capabilities/urn:ietf:params:jmap:core/maxSizeUpload",
            "/capabilities/urn:ietf:params:jmap:core/maxConcurrentUpload",
            "/capabilities/urn:ietf:params:jmap:core/maxSizeRequest",
            "/capabilities/urn:ietf:params:jmap:core/maxConcurrentRequests",
            "/capabilities/urn:ietf:params:jmap:core/maxCallsInRequest",
            "/capabilities/urn:ietf:params:jmap:core/maxObjectsInGet",
            "/capabilities/urn:ietf:params:jmap:core/maxObjectsInSet",
            "/capabilities/urn:ietf:params:jmap:core/collationAlgorithms",
            "/capabilities/urn:ietf:params:jmap:mail",
            "/capabilities/urn:ietf:params:jmap:submission",
            "/accounts/*/name",
            "/accounts/*/isPersonal",
            "/accounts/*/isReadOnly",
            "/accounts/*/accountCapabilities/urn:ietf:params:jmap:mail",
            "/primaryAccounts/urn:ietf:params:jmap:mail",
            "/username",
            "/apiUrl",
            "/downloadUrl",
            "/uploadUrl",
            "/eventSourceUrl",
            "/state",
        ],
    ),
    (
        "aerc",
        &[
            "/capabilities/urn:ietf:params:jmap:core/maxObjectsInGet",
            "/capabilities/urn:ietf:params:jmap:mail",
            "/capabilities/urn:ietf:params:jmap:submission",
            "/accounts/*/name",
            "/accounts/*/accountCapabilities",
            "/primaryAccounts/urn:ietf:params:jmap:mail",
            "/primaryAccounts/urn:ietf:params:jmap:submission",
            "/username",
            "/apiUrl",
            "/downloadUrl",
            "/uploadUrl",
            "/eventSourceUrl",
            "/state",
        ],
    ),
    (
        "mujmap",
        &[
            "/capabilities/urn:ietf:params:jmap:core/maxSizeUpload",
            "/capabilities/urn:ietf:params:jmap:core/maxConcurrentUpload",
            "/capabilities/urn:ietf:params:jmap:core/maxSizeRequest",
            "/capabilities/urn:ietf:params:jmap:core/maxConcurrentRequests",
            "/capabilities/urn:ietf:params:jmap:core/maxCallsInRequest",
            "/capabilities/urn:ietf:params:jmap:core/maxObjectsInGet",
            "/capabilities/urn:ietf:params:jmap:core/maxObjectsInSet",
            "/capabilities/urn:ietf:params:jmap:core/collationAlgorithms",
            "/accounts/*/name",
            "/accounts/*/isPersonal",
            "/accounts/*/isReadOnly",
            "/capabilities/urn:ietf:params:jmap:mail",
            "/accounts/*/accountCapabilities/urn:ietf:params:jmap:core",
            "/accounts/*/accountCapabilities/urn:ietf:params:jmap:mail/maxSizeMailboxName",
            "/accounts/*/accountCapabilities/urn:ietf:params:jmap:mail/maxSizeAttachmentsPerEmail",
            "/accounts/*/accountCapabilities/urn:ietf:params:jmap:mail/emailQuerySortOptions",
            "/accounts/*/accountCapabilities/urn:ietf:params:jmap:mail/mayCreateTopLevelMailbox",
            "/primaryAccounts/urn:ietf:params:jmap:core",
            "/primaryAccounts/urn:ietf:params:jmap:mail",
            "/username",
            "/apiUrl",
            "/downloadUrl",
            "/uploadUrl",
            "/eventSourceUrl",
            "/state",
        ],
    ),
    (
        "jmap-jam",
        &[
            "/capabilities/urn:ietf:params:jmap:core",
            "/accounts/*/accountCapabilities",
            "/primaryAccounts/urn:ietf:params:jmap:mail",
            "/username",
            "/apiUrl",
            "/downloadUrl",
            "/uploadUrl",
            "/eventSourceUrl",
            "/state",
        ],
    ),
    (
        "Twake",
        &[
            "/capabilities/urn:ietf:params:jmap:core/maxSizeUpload",
            "/capabilities/urn:ietf:params:jmap:core/maxConcurrentUpload",
            "/capabilities/urn:ietf:params:jmap:core/maxSizeRequest",
            "/capabilities/urn:ietf:params:jmap:core/maxConcurrentRequests",
            "/capabilities/urn:ietf:params:jmap:core/maxCallsInRequest",
            "/capabilities/urn:ietf:params:jmap:core/maxObjectsInGet",
            "/capabilities/urn:ietf:params:jmap:core/maxObjectsInSet",
            "/capabilities/urn:ietf:params:jmap:core/collationAlgorithms",
            "/capabilities/urn:ietf:params:jmap:mail",
            "/capabilities/urn:ietf:params:jmap:vacationresponse",
            "/capabilities/urn:ietf:params:jmap:websocket/url",
            "/capabilities/urn:ietf:params:jmap:websocket/supportsPush",
            "/accounts/*/name",
            "/accounts/*/isPersonal",
            "/accounts/*/isReadOnly",
            "/accounts/*/accountCapabilities/urn:ietf:params:jmap:mail/maxMailboxDepth",
            "/accounts/*/accountCapabilities/urn:ietf:params:jmap:mail/maxSizeMailboxName",
            "/accounts/*/accountCapabilities/urn:ietf:params:jmap:mail/maxSizeAttachmentsPerEmail",
            "/accounts/*/accountCapabilities/urn:ietf:params:jmap:mail/emailQuerySortOptions",
            "/accounts/*/accountCapabilities/urn:ietf:params:jmap:mail/mayCreateTopLevelMailbox",
            "/accounts/*/accountCapabilities/urn:ietf:params:jmap:submission/maxDelayedSend",
            "/accounts/*/accountCapabilities/urn:ietf:params:jmap:submission/submissionExtensions",
            "/primaryAccounts/urn:ietf:params:jmap:mail",
            "/username",
            "/apiUrl",
            "/downloadUrl",
            "/uploadUrl",
            "/eventSourceUrl",
            "/state",
        ],
    ),
];

// spec: RFC 8620 §2
#[tokio::test(flavor = "multi_thread")]
async fn clients_find_what_they_read() {
    let rig = Rig::real("");
    let session = session(&mut rig.http2().await).await;
    let account = AccountId(1).to_string();
    for (client, members) in READ_BY {
        for member in members {
            let pointer = member.replace('*', &account);
            assert!(session.pointer(&pointer).is_some_and(|value| !value.is_null()), "{client}: {pointer}");
        }
    }
}

/// RFC 8620 §2: when anything in it changes, so does its state, and every response says so.
// spec: RFC 8620 §2; RFC 8620 §3.4; RFC 8620 §1.6.2
#[tokio::test(flavor = "multi_thread")]
async fn what_is_shared_changes_the_session() {
    let rig = Rig::real("");
    let mut client = rig.http2().await;
    let before = session(&mut client).await;
    assert_eq!(before["state"], session(&mut client).await["state"]);
    let bob = rig.mailbox.account(AccountId(2)).unwrap();
    let give = |rights: &str| {
        let change = AclChange::Replace(Rights::parse(rights).unwrap());
        bob.set_acl(INBOX, "alice@example.org", change).wait().unwrap();
    };
    give("lr");
    let shared = session(&mut client).await;
    let account = &shared["accounts"][AccountId(2).to_string()];
    assert_eq!(account["name"], "bob@example.org");
    assert_eq!((&account["isPersonal"], &account["isReadOnly"]), (&json!(false), &json!(true)));
    let capabilities = &account["accountCapabilities"];
    assert_eq!(capabilities[MAIL]["mayCreateTopLevelMailbox"], false);
    assert!(capabilities.get(SUBMISSION).is_none() && capabilities.get(VACATION).is_none());
    assert_eq!(shared["primaryAccounts"], before["primaryAccounts"]);
    assert_ne!(shared["state"], before["state"]);
    assert_eq!(shared["state"], state_of_a_response(&mut client).await);
    give("lrs");
    let more = session(&mut client).await;
    assert_eq!(more["accounts"][AccountId(2).to_string()]["isReadOnly"], false);
    assert_ne!(more["state"], shared["state"]);
    give("");
    assert_eq!(session(&mut client).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_it_without_a_login() {
    let rig = Rig::real("");
    let mut client = rig.http1().await;
    for path in ["/.well-known/jmap", "/jmap/eventsource/?types=*&closeafter=no&ping=0"] {
        client.ask(empty(anybody(Method::GET, path))).await.problem(401);
        let wrong = anybody(Method::GET, path).header(AUTHORIZATION, "Bearer koi_1_x");
        client.ask(empty(wrong)).await.problem(401);
    }
    client.ask(empty(anybody(Method::POST, "/jmap/ws/ticket"))).await.problem(401);
}

// spec: RFC 8620 §2; RFC 8620 §3.6.1
#[tokio::test(flavor = "multi_thread")]
async fn what_is_set_anew_holds_for_the_next_request_and_clients_are_told() {
    let rig = Rig::real("[http]\nurl='https://mail.example.org'\n");
    let mut client = rig.http1().await;
    let before = session(&mut client).await;
    assert_eq!(state_of_a_response(&mut client).await, before["state"]);
    let fresh = rig.http_config(
        "[http]\nurl='https://other.example.org'\nrequests_per_account_max=6\nrequest_octets_max=70000\n\
         origins=['https://webmail.example.org']\n",
    );
    rig.edge.site.as_ref().unwrap().reload(&fresh);
    let after = session(&mut client).await;
    let core = &after["capabilities"][CORE];
    assert_eq!((&core["maxConcurrentRequests"], &core["maxSizeRequest"]), (&json!(6), &json!(70_000)));
    assert_ne!(after["state"], before["state"]);
    assert_eq!(state_of_a_response(&mut client).await, after["state"], "who asks hears that it has changed");
    assert_eq!(after["apiUrl"], before["apiUrl"], "where the server is others say too");
    // Announced only: a server that refuses it may close before all of it is sent.
    let large = "POST /jmap/api HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                 Authorization: Basic YWxpY2U6c2VjcmV0\r\nContent-Length: 70001\r\nExpect: 100-continue\r\n\r\n";
    let refused = raw(&rig, large).await;
    assert!(refused.starts_with("HTTP/1.1 400 ") && refused.contains("maxSizeRequest"), "{refused}");
    // Over a connection that was open before: the page of an origin that may not ask any more.
    let mut client = rig.http1().await;
    for (origin, is_allowed) in [("https://webmail.example.org", true), ("https://else.example", false)] {
        let mut request = empty(alice(Method::GET, "/.well-known/jmap"));
        request.headers_mut().insert("origin", origin.parse().unwrap());
        let got = client.ask(request).await;
        let allowed = got.headers.get("access-control-allow-origin").is_some();
        assert_eq!(allowed, is_allowed, "{origin}: {got:?}");
    }
}
