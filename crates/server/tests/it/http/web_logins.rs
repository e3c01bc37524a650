//! The login of a page of this server: a cookie that is good for nobody else's pages.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, COOKIE, ORIGIN};
use hyper::{Method, StatusCode};
use serde_json::json;

use super::client::{Client, Got, anybody, empty};
use super::sockets;
use crate::rig::Rig;

const OWN: &str = "https://localhost:8443";

async fn log_in(client: &mut Client, password: &str, origin: &str) -> Got {
    let form = json!({"username": "alice@example.org", "password": password}).to_string();
    let request = anybody(Method::POST, "/auth/session")
        .header(CONTENT_TYPE, "application/json")
        .header(ORIGIN, origin);
    client.ask(request.body(Full::new(Bytes::from(form))).unwrap()).await
}

/// `name=value` of the cookie that was set.
async fn cookie(client: &mut Client) -> String {
    let got = log_in(client, "secret", OWN).await;
    assert_eq!((got.status, &got.json()["username"]), (StatusCode::OK, &json!("alice@example.org")));
    let set = got.header("set-cookie");
    for attribute in ["__Host-sid=", "; Path=/;", "; Secure", "; HttpOnly", "; SameSite=Strict"] {
        assert!(set.contains(attribute), "{set}");
    }
    assert!(!set.contains("Domain"), "{set}");
    set.split(';').next().unwrap().to_owned()
}

fn session(cookie: &str, headers: &[(&'static str, &str)]) -> hyper::Request<Full<Bytes>> {
    let request = anybody(Method::GET, "/.well-known/jmap").header(COOKIE, cookie);
    empty(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)))
}

// spec: RFC 6265 §4.1.2
#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_is_good_for_own_pages_alone() {
    let rig = Rig::real("");
    let mut client = rig.http2().await;
    let cookie = cookie(&mut client).await;
    for own in [&[("sec-fetch-site", "same-origin")][..], &[("origin", OWN)]] {
        assert_eq!(client.ask(session(&cookie, own)).await.status, StatusCode::OK, "{own:?}");
    }
    for other in [
        &[][..],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("sec-fetch-site", "cross-site"), ("origin", OWN)],
        &[("origin", "https://localhost:8444")],
        &[("origin", "null")],
    ] {
        client.ask(session(&cookie, other)).await.problem(403);
    }
    let beside = format!("a=b; {cookie}; c");
    let own = [("sec-fetch-site", "same-origin")];
    assert_eq!(client.ask(session(&beside, &own)).await.status, StatusCode::OK);
    for bad in ["__Host-sid=", "__Host-sid=x", "__Host-sid", "sid=x"] {
        let got = client.ask(session(bad, &own)).await;
        got.problem(401);
        assert_eq!(got.header("www-authenticate"), "", "the browser asks nobody");
    }
}

/// No page logs its visitor in to an account of its own, and a wrong password is one.
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_others_do_not_log_in() {
    let rig = Rig::real("");
    let mut client = rig.http1().await;
    log_in(&mut client, "secret", "https://evil.example").await.problem(403);
    let wrong = log_in(&mut client, "wrong", OWN).await;
    wrong.problem(401);
    assert_eq!(wrong.header("set-cookie"), "");
    let post = || anybody(Method::POST, "/auth/session").header(ORIGIN, OWN);
    client.ask(empty(post())).await.problem(400);
    let json = |text: &'static str| {
        post().header(CONTENT_TYPE, "application/json").body(Full::new(Bytes::from(text))).unwrap()
    };
    for bad in ["", "{}", "[]", r#"{"username":"a\nb","password":"secret"}"#, r#"{"username":1}"#] {
        client.ask(json(bad)).await.problem(400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_ends_it_with_all_that_is_open() {
    let rig = Rig::real("");
    let mut client = rig.http2().await;
    let (first, second) = (cookie(&mut client).await, cookie(&mut client).await);
    let headers = |cookie: &str| format!("Cookie: {cookie}\r\nOrigin: {OWN}\r\n");
    let mut socket = sockets::open_at(&rig, "/jmap/ws/", &headers(&first)).await.unwrap();
    let mut other = sockets::open_at(&rig, "/jmap/ws/", &headers(&second)).await.unwrap();
    let out = anybody(Method::DELETE, "/auth/session").header(COOKIE, &first).header(ORIGIN, OWN);
    let got = client.ask(empty(out)).await;
    assert_eq!(got.status, StatusCode::NO_CONTENT);
    assert!(
        got.header("set-cookie").contains("__Host-sid=; ") && got.header("set-cookie").contains("Max-Age=0")
    );
    socket.closes().await;
    let own = [("sec-fetch-site", "same-origin")];
    client.ask(session(&first, &own)).await.problem(401);
    other.echo("the other page goes on").await;
    // A password that was changed ends them all.
    rig.change_password("another");
    other.closes().await;
    client.ask(session(&second, &own)).await.problem(401);
    rig.change_password("secret");
    client.ask(session(&second, &own)).await.problem(401);
}

/// Over a restart, for which the file stands here: what a login was checked with counts as before it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_when_the_server_ends_is_checked_again_with_each_use() {
    let rig = Rig::real("");
    let site = rig.edge.site.as_ref().unwrap();
    let file = rig.folder.path().join("web-logins");
    let mut client = rig.http2().await;
    let cookie = cookie(&mut client).await;
    let own = [("sec-fetch-site", "same-origin")];
    let again = || {
        site.write_logins(&file).unwrap();
        site.take_logins(&file).unwrap();
    };
    again();
    let got = client.ask(session(&cookie, &own)).await;
    assert_eq!(got.status, StatusCode::OK);
    assert_eq!(got.json()["username"], "alice@example.org");
    again();
    rig.change_password("another");
    client.ask(session(&cookie, &own)).await.problem(401);
    rig.change_password("secret");
    again();
    client.ask(session(&cookie, &own)).await.problem(401);
}
