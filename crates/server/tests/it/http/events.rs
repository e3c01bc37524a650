//! Event sources: what is told, when they end, and what they may cost.

use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::AUTHORIZATION;
use hyper::http::request::Builder;
use hyper::{Method, StatusCode};
use koi_mailbox::{AclChange, INBOX};
use koi_server::password::token::{self, Made};
use koi_types::{Access, AccessSet, AccountId, Rights};
use serde_json::{Value, json};

use super::client::{Client, alice, anybody, empty};
use crate::rig::Rig;

/// More than enough on a slow machine.
const PATIENCE: Duration = Duration::from_secs(30);
const ALL: &str = "types=*&closeafter=no&ping=0";

/// An event as the HTML standard reads it.
#[derive(Debug)]
struct Event {
    name: String,
    data: String,
    id: Option<String>,
}

impl Event {
    /// What it says has changed.
    fn changed(&self) -> Value {
        assert_eq!(self.name, "state");
        let change: Value = serde_json::from_str(&self.data).unwrap();
        assert_eq!(change["@type"], "StateChange");
        change["changed"].clone()
    }
    /// The types of alice's account.
    fn types(&self) -> Vec<String> {
        let changed = self.changed();
        changed[AccountId(1).to_string()].as_object().unwrap().keys().cloned().collect()
    }
}

/// An open event source.
struct Source {
    body: Incoming,
    text: String,
    /// As a browser keeps it.
    last_id: Option<String>,
}

impl Source {
    async fn open(client: &mut Client, query: &str, last_id: Option<&str>) -> Self {
        let mut request = alice(Method::GET, &format!("/jmap/eventsource/?{query}"));
        if let Some(id) = last_id {
            request = request.header("Last-Event-ID", id);
        }
        Self::open_by(client, request).await
    }
    async fn open_by(client: &mut Client, request: Builder) -> Self {
        let answer = client.send(empty(request)).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let mut source = Self { body: answer.into_body(), text: String::new(), last_id: None };
        // It says at once that it is open.
        source.read().await.expect("an open stream");
        source
    }
    /// More text; nothing at the end.
    async fn read(&mut self) -> Option<()> {
        let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await.expect("something is said")?;
        self.text.push_str(std::str::from_utf8(&frame.ok()?.into_data().unwrap()).unwrap());
        Some(())
    }
    /// The next event that has data; nothing at the end.
    async fn event(&mut self) -> Option<Event> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let mut event = Event { name: "message".into(), data: String::new(), id: None };
                for line in block.lines() {
                    match line.split_once(": ") {
                        Some(("event", name)) => event.name = name.into(),
                        Some(("data", data)) => event.data = data.into(),
                        Some(("id", id)) => event.id = Some(id.into()),
                        other => assert!(line.starts_with(':'), "{other:?}"),
                    }
                }
                self.text = rest.to_owned();
                self.last_id = event.id.clone().or(self.last_id.take());
                if !event.data.is_empty() {
                    return Some(event);
                }
            }
            self.read().await?;
        }
    }
    async fn next(&mut self) -> Event {
        self.event().await.expect("an event")
    }
    /// The server ends it.
    async fn ends(&mut self) {
        assert!(self.event().await.is_none(), "it ends");
    }
}

// spec: RFC 8620 §7; RFC 8620 §7.1; RFC 8620 §7.3; RFC 8621 §1.5; RFC 8621 §1.5.1
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_told() {
    let rig = Rig::real("");
    for mut client in [rig.http1().await, rig.http2().await] {
        let mut all = Source::open(&mut client, ALL, None).await;
        let mut other = rig.http2().await;
        let mut some = Source::open(&mut other, "types=EmailDelivery,Todo&closeafter=no&ping=0", None).await;
        rig.deliver("one");
        let event = all.next().await;
        assert_eq!(event.types(), ["Email", "EmailDelivery", "Mailbox", "Thread"]);
        assert!(event.id.is_some());
        assert_eq!(some.next().await.types(), ["EmailDelivery"]);
        rig.deliver("two");
        let (first, second) = (event.changed(), all.next().await.changed());
        assert_ne!(first, second);
    }
}

/// What is used of a limit is told, and a limit that an administrator sets; as the state that /get tells.
// spec: RFC 9425 §6; RFC 9425 §5.2
#[tokio::test(flavor = "multi_thread")]
async fn quotas_are_told() {
    let rig = Rig::real("");
    let mut client = rig.http2().await;
    let mut source = Source::open(&mut client.again(), ALL, None).await;
    let limit = koi_mailbox::OwnQuota { messages_max: Some(3), ..Default::default() };
    rig.mailbox.account(AccountId(1)).unwrap().set_quota(limit).wait().unwrap();
    let event = source.next().await;
    assert_eq!(event.types(), ["Quota"]);
    rig.deliver("one");
    let used = source.next().await;
    assert_eq!(used.types(), ["Email", "EmailDelivery", "Mailbox", "Quota", "Thread"]);
    let own = AccountId(1).to_string();
    let using = json!(["urn:ietf:params:jmap:quota", "urn:ietf:params:jmap:mail"]);
    let call =
        json!(["Quota/changes", {"accountId": own, "sinceState": event.changed()[&own]["Quota"]}, "0"]);
    let request = json!({"using": using, "methodCalls": [call]}).to_string();
    let got = client.ask(super::client::api(request)).await.json();
    let changes = &got["methodResponses"][0][1];
    assert_eq!(changes["updated"], json!(["messages"]), "{got}");
    assert_eq!(changes["newState"], used.changed()[&own]["Quota"], "{got}");
    // Who comes again is told of what changed meanwhile, and of nothing else.
    drop(source);
    let limit = koi_mailbox::OwnQuota { messages_max: Some(4), ..Default::default() };
    rig.mailbox.account(AccountId(1)).unwrap().set_quota(limit).wait().unwrap();
    let mut again = Source::open(&mut client, ALL, used.id.as_deref()).await;
    assert_eq!(again.next().await.types(), ["Quota"]);
}

/// The states are those that /get tells.
// spec: RFC 8620 §7.1
#[tokio::test(flavor = "multi_thread")]
async fn states_are_those_of_the_methods() {
    let rig = Rig::real("");
    let mut client = rig.http2().await;
    let mut source = Source::open(&mut client.again(), ALL, None).await;
    rig.deliver("one");
    let changed = source.next().await.changed();
    let (own, using) = (AccountId(1).to_string(), json!(["urn:ietf:params:jmap:mail"]));
    let call = json!(["Thread/get", {"accountId": own, "ids": []}, "0"]);
    let request = json!({"using": using, "methodCalls": [call]}).to_string();
    let got = client.ask(super::client::api(request)).await.json();
    assert_eq!(got["methodResponses"][0][1]["state"], changed[&own]["Thread"], "{got}");
}

// spec: RFC 8620 §7.3
#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_is_told_at_once() {
    let rig = Rig::real("");
    let mut client = rig.http2().await;
    let mut source = Source::open(&mut client, ALL, None).await;
    rig.deliver("one");
    let seen = source.next().await.id.unwrap();
    drop(source);
    rig.deliver("missed");
    let mut again = Source::open(&mut client, ALL, Some(&seen)).await;
    let event = again.next().await;
    assert_eq!(event.types(), ["Email", "EmailDelivery", "Mailbox", "Thread"]);
    // Nothing was missed: the next that is told is what comes then.
    let mut none = Source::open(&mut client, ALL, event.id.as_deref()).await;
    rig.deliver("three");
    assert_ne!(none.next().await.changed(), event.changed());
    // An id of nobody, or of before a restart from a backup: everything is told.
    for id in ["nonsense", "a1-x", "a99-1"] {
        let mut strange = Source::open(&mut client, ALL, Some(id)).await;
        assert!(strange.next().await.types().contains(&"Email".to_owned()), "{id}");
    }
}

/// Whoever is cut off before the first event still has an id.
// spec: RFC 8620 §7.3
#[tokio::test(flavor = "multi_thread")]
async fn the_first_connection_has_an_id_too() {
    let rig = Rig::real("");
    let mut client = rig.http2().await;
    let first = Source::open(&mut client, ALL, None).await;
    let id = first.text.strip_prefix("id: ").unwrap().trim().to_owned();
    drop(first);
    rig.deliver("missed");
    let mut again = Source::open(&mut client, ALL, Some(&id)).await;
    assert!(again.next().await.types().contains(&"EmailDelivery".to_owned()));
}

// spec: RFC 8620 §7.3
#[tokio::test(flavor = "multi_thread")]
async fn it_ends_after_one_state_when_asked_to() {
    let rig = Rig::real("");
    for mut client in [rig.http1().await, rig.http2().await] {
        let mut source = Source::open(&mut client, "types=*&closeafter=state&ping=300", None).await;
        rig.deliver("one");
        assert_eq!(source.next().await.name, "state");
        source.ends().await;
    }
}

/// No ping has an id, and none comes to those who want none.
// spec: RFC 8620 §7.3
#[tokio::test(flavor = "multi_thread")]
async fn pings_come_when_nothing_else_does() {
    let rig = Rig::real("");
    let mut client = rig.http2().await;
    let mut quiet = Source::open(&mut client, ALL, None).await;
    let mut source = Source::open(&mut client, "types=*&closeafter=no&ping=1", None).await;
    let began = Instant::now();
    let ping = source.next().await;
    assert_eq!((&*ping.name, ping.id), ("ping", None));
    let data: Value = serde_json::from_str(&ping.data).unwrap();
    let interval = data["interval"].as_u64().unwrap();
    assert!((1..=30).contains(&interval), "the least may be 30 at most: {interval}");
    assert!(began.elapsed() >= Duration::from_millis(interval * 1000 - 100));
    rig.deliver("one");
    assert_eq!(quiet.next().await.name, "state", "not a ping");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_wrong_is_refused() {
    let rig = Rig::real("");
    let mut client = rig.http2().await;
    for query in ["", "types=*", "types=&closeafter=no&ping=0", "types=*&closeafter=yes&ping=0"] {
        let request = alice(Method::GET, &format!("/jmap/eventsource/?{query}"));
        client.ask(empty(request)).await.problem(400);
    }
    client.ask(empty(alice(Method::POST, &format!("/jmap/eventsource/?{ALL}")))).await.problem(405);
}

/// An account that is shared tells of itself, from the moment it is shared.
// spec: RFC 8620 §7.1
#[tokio::test(flavor = "multi_thread")]
async fn what_others_share_is_told_too() {
    let rig = Rig::real("");
    let mut client = rig.http2().await;
    let mut source =
        Source::open(&mut client, "types=Email,Mailbox,Identity&closeafter=no&ping=0", None).await;
    let bob = rig.mailbox.account(AccountId(2)).unwrap();
    let rights = Rights::parse("lr").unwrap();
    bob.set_acl(INBOX, "alice@example.org", AclChange::Replace(rights)).wait().unwrap();
    let bobs = AccountId(2).to_string();
    let shared = source.next().await.changed();
    assert!(shared.get(&bobs).is_some(), "{shared}");
    rig.deliver_to(AccountId(2), "x");
    loop {
        let changed = source.next().await.changed();
        let of = changed[&bobs].as_object().unwrap();
        assert!(!of.contains_key("Identity"), "that is bob's alone");
        if of["Email"] != shared[&bobs]["Email"] {
            break;
        }
    }
}

// spec: RFC 8620 §8.2
#[tokio::test(flavor = "multi_thread")]
async fn it_ends_with_the_password() {
    let rig = Rig::real("");
    for mut client in [rig.http1().await, rig.http2().await] {
        let mut source = Source::open(&mut client, ALL, None).await;
        rig.change_password("another");
        source.ends().await;
        rig.change_password("secret");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_with_its_token() {
    let rig = Rig::real("");
    let Made { token, hash } = token::generate(AccountId(1));
    rig.keep(3, AccessSet::NONE.with(Access::Jmap).of_token(), hash);
    let mut client = rig.http2().await;
    let by_token = anybody(Method::GET, &format!("/jmap/eventsource/?{ALL}"))
        .header(AUTHORIZATION, format!("Bearer {token}"));
    let mut source = Source::open_by(&mut client, by_token).await;
    let mut other = Source::open(&mut client, ALL, None).await;
    rig.app_passwords.lock().clear();
    rig.edge.watch.app_password_gone(AccountId(1), 3);
    source.ends().await;
    rig.deliver("the others go on");
    assert_eq!(other.next().await.name, "state");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_with_the_server() {
    let rig = Rig::real("");
    let (mut one, mut two) = (rig.http1().await, rig.http2().await);
    let mut sources = [Source::open(&mut one, ALL, None).await, Source::open(&mut two, ALL, None).await];
    rig.edge.admission.shut_down();
    for source in &mut sources {
        source.ends().await;
    }
    tokio::time::timeout(PATIENCE, rig.edge.admission.drained()).await.expect("connections end");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_so_many_streams() {
    let rig = Rig::real("[http]\nstreams_per_account_max=2\n");
    let mut client = rig.http2().await;
    let first = Source::open(&mut client, ALL, None).await;
    let _second = Source::open(&mut client, ALL, None).await;
    let path = format!("/jmap/eventsource/?{ALL}");
    client.ask(empty(alice(Method::GET, &path))).await.problem(429);
    drop(first);
    // The place is free when the server has seen that the client has gone.
    let began = Instant::now();
    loop {
        let answer = client.send(empty(alice(Method::GET, &path))).await.unwrap();
        if answer.status() == StatusCode::OK {
            break;
        }
        assert!(began.elapsed() < PATIENCE);
        tokio::task::yield_now().await;
    }
}

/// It counts as a connection of the account, beside those of IMAP.
#[tokio::test(flavor = "multi_thread")]
async fn streams_are_connections() {
    let rig = Rig::real("[limits]\nconnections_per_account_max=1\n");
    let mut imap = rig.connect().await;
    assert_eq!(imap.ask("login secret").await, "OK alice@example.org");
    let path = format!("/jmap/eventsource/?{ALL}");
    rig.http2().await.ask(empty(alice(Method::GET, &path))).await.problem(429);
}

/// For a peer that does not read nothing is made that it does not take: when it reads, it hears of the last
/// state, and not of each before it. Others do not wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_hears_less() {
    let rig = Rig::real("");
    let (mut slow, mut quick) = (rig.http2_with_room(1000).await, rig.http2().await);
    let mut lazy = Source::open(&mut slow, ALL, None).await;
    let mut eager = Source::open(&mut quick, ALL, None).await;
    let mut last = Value::Null;
    for n in 0..300 {
        rig.deliver(&n.to_string());
        last = eager.next().await.changed();
    }
    let mut heard = 1;
    while lazy.next().await.changed() != last {
        heard += 1;
    }
    assert!(heard < 100, "{heard} events");
}

/// One that never reads again is dropped, when there is something to be read.
#[tokio::test(flavor = "multi_thread")]
async fn who_never_reads_is_dropped() {
    let rig = Rig::real("[limits]\nwrite_secs=1\n");
    let mut client = rig.http2_with_room(100).await;
    let _lazy = Source::open(&mut client, ALL, None).await;
    let began = Instant::now();
    while rig.edge.admission.count() > 0 {
        assert!(began.elapsed() < PATIENCE, "it is dropped");
        rig.deliver("what it does not take");
        tokio::task::yield_now().await;
    }
}

/// A connection on which nothing but an event source is open is not idle.
#[tokio::test(flavor = "multi_thread")]
async fn it_is_not_idle() {
    let rig = Rig::real("[http]\nidle_secs=1\n[limits]\nwrite_secs=1\n");
    let (mut one, mut two) = (rig.http1().await, rig.http2().await);
    let query = "types=*&closeafter=no&ping=5";
    let mut sources = [Source::open(&mut one, query, None).await, Source::open(&mut two, query, None).await];
    for source in &mut sources {
        // It comes after all that could have ended the connection.
        assert_eq!(source.next().await.name, "ping");
    }
    rig.deliver("still here");
    for source in &mut sources {
        assert_eq!(source.next().await.name, "state");
    }
}
