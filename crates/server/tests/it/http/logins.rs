//! Who may ask: Basic, app passwords, bearer tokens.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::AUTHORIZATION;
use hyper::{Method, StatusCode};
use koi_mailbox::{AppPassword, AppPasswordRecord};
use koi_server::password::app;
use koi_server::password::token::{self, Made};
use koi_types::{Access, AccessSet, AccountId, Timestamp};

use super::client::{Client, Got, Mirror, anybody, empty};
use crate::rig::Rig;

fn rig() -> Rig {
    Rig::with("", Some(Box::new(Mirror::default())))
}

async fn with(client: &mut Client, authorization: &str) -> Got {
    let request = anybody(Method::GET, "/.well-known/jmap").header(AUTHORIZATION, authorization);
    client.ask(empty(request)).await
}

fn basic(text: &str) -> String {
    format!("Basic {}", STANDARD.encode(text))
}

impl Rig {
    pub(super) fn keep(&self, number: u32, access: AccessSet, hash: [u8; 32]) {
        let (name, created_at) = (format!("{number}").into(), Timestamp(0));
        let record = AppPasswordRecord { name, access, hash, created_at, used_at: None };
        self.app_passwords.lock().push(AppPassword { number, record });
    }
}

// spec: RFC 7617 §2; RFC 9110 §11.6.1; RFC 8620 §8.2
#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_right_or_wrong() {
    let rig = rig();
    let mut client = rig.http2().await;
    let got = client.ask(empty(anybody(Method::GET, "/.well-known/jmap"))).await;
    got.problem(401);
    let challenges: Vec<_> = got.headers.get_all("www-authenticate").iter().collect();
    assert_eq!(challenges, ["Basic realm=\"Koi\", charset=\"UTF-8\"", "Bearer realm=\"Koi\""]);
    for good in ["alice@example.org:secret", "alice:secret"] {
        assert_eq!(with(&mut client, &basic(good)).await.status, StatusCode::OK);
    }
    for wrong in ["alice@example.org:Secret", "bob@example.org:secret", ":", "alice@example.org:"] {
        with(&mut client, &basic(wrong)).await.problem(401);
    }
    for malformed in ["Basic", "Basic !", "x"] {
        with(&mut client, malformed).await.problem(400);
    }
    with(&mut client, "Digest username=alice").await.problem(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_password_is_good_for_its_scopes() {
    let rig = rig();
    let (jmap, imap) = (app::generate(), app::generate());
    let set = |access| [access].into_iter().collect::<AccessSet>();
    rig.keep(1, set(Access::Jmap), app::hash(AccountId(1), jmap.as_bytes()).unwrap());
    rig.keep(2, set(Access::Imap), app::hash(AccountId(1), imap.as_bytes()).unwrap());
    let mut client = rig.http1().await;
    assert_eq!(with(&mut client, &basic(&format!("alice:{jmap}"))).await.status, StatusCode::OK);
    with(&mut client, &basic(&format!("alice:{imap}"))).await.problem(401);
    with(&mut client, &format!("Bearer {jmap}")).await.problem(401);
}

// spec: RFC 6750 §2.1; RFC 6750 §3
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_removed_is_good_for_nothing_at_once() {
    let rig = rig();
    let Made { token, hash } = token::generate(AccountId(1));
    rig.keep(7, [Access::Jmap].into_iter().collect::<AccessSet>().of_token(), hash);
    let mut client = rig.http2().await;
    let bearer = format!("bearer {token}");
    assert_eq!(with(&mut client, &bearer).await.json()["username"], "alice@example.org");
    with(&mut client, &basic(&format!("alice:{token}"))).await.problem(401);
    with(&mut client, &bearer.replace("koi_1_", "koi_2_")).await.problem(401);
    with(&mut client, &format!("Bearer {}", &token[..token.len() - 1])).await.problem(401);
    rig.app_passwords.lock().clear();
    with(&mut client, &bearer).await.problem(401);
}

/// What is guessed at is slowed, and in the end refused with a time to come again.
#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_throttled() {
    let settings = "[auth]\nfailures_free=3\nfailure_wait_secs_max=0\n";
    let rig = Rig::with(settings, Some(Box::new(Mirror::default())));
    let mut client = rig.http2().await;
    let mut last = None;
    for n in 0..12 {
        last = Some(with(&mut client, &basic(&format!("alice:guess {n}"))).await);
    }
    let last = last.unwrap();
    last.problem(429);
    assert_eq!(last.header("retry-after"), "5");
}
