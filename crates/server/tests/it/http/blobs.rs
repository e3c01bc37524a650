//! Upload and download.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, StatusCode};
use koi_types::{AccountId, Address, BlobName, UploadId};

use super::client::{Client, Got, Mirror, alice, anybody, empty, large};
use crate::rig::Rig;

fn rig() -> Rig {
    Rig::with("", Some(Box::new(Mirror::default())))
}

/// As JMAP names an account.
fn id(number: u32) -> String {
    AccountId(number).to_string()
}

async fn upload(client: &mut Client, account: &str, octets: Vec<u8>) -> Got {
    let request =
        alice(Method::POST, &format!("/jmap/upload/{account}/")).header(CONTENT_TYPE, "text/x-test");
    client.ask(request.body(Full::new(Bytes::from(octets))).unwrap()).await
}

// spec: RFC 8620 §6.1; RFC 8620 §6.2
#[tokio::test(flavor = "multi_thread")]
async fn what_is_uploaded_comes_back() {
    let rig = rig();
    for mut client in [rig.http1().await, rig.http2().await] {
        // In memory, and by the disk.
        for octets in [0, 1, 100_000, 3_000_000] {
            let sent = large(octets);
            let got = upload(&mut client, &id(1), sent.clone()).await;
            assert_eq!(got.status, StatusCode::CREATED, "{got:?}");
            let made = got.json();
            assert_eq!((&made["accountId"], &made["type"]), (&id(1).into(), &"text/x-test".into()));
            assert_eq!(made["size"], octets);
            let blob = made["blobId"].as_str().unwrap();
            let path = format!("/jmap/download/{}/{blob}/a%20%22b%22.txt?accept=text/plain", id(1));
            let got = client.ask(empty(alice(Method::GET, &path))).await;
            assert!(got.status == StatusCode::OK && got.body == sent);
            assert_eq!(got.header("content-type"), "text/plain");
            assert_eq!(got.header("content-disposition"), "attachment; filename*=UTF-8''a%20%22b%22.txt");
            assert!(got.header("cache-control").contains("immutable"));
            let path = format!("/jmap/download/{}/{blob}/x", id(1));
            let got = client.ask(empty(alice(Method::HEAD, &path))).await;
            assert_eq!(got.header("content-length"), octets.to_string());
            assert_eq!(got.header("content-type"), "text/x-test");
        }
    }
}

/// What is not read yet keeps its place; before there is one, nothing is looked for or decoded.
// spec: RFC 8620 §6.2
#[tokio::test(flavor = "multi_thread")]
async fn a_download_has_a_place_before_anything_is_read() {
    let rig = Rig::with("[http]\nrequests_per_account_max=1\n", Some(Box::new(Mirror::default())));
    let mut client = rig.http2_with_room(100_000).await;
    let made = upload(&mut client, &id(1), large(3_000_000)).await.json();
    let path = |blob: &str| format!("/jmap/download/{}/{blob}/x", id(1));
    let held = client.send(empty(alice(Method::GET, &path(made["blobId"].as_str().unwrap())))).await.unwrap();
    assert_eq!(held.status(), StatusCode::OK);
    let mut other = rig.http1().await;
    let missing = path(&BlobName::Upload(UploadId(Default::default())).to_string());
    other.ask(empty(alice(Method::GET, &missing))).await.problem(503);
    drop((held, client));
    let began = std::time::Instant::now();
    while other.ask(empty(alice(Method::GET, &missing))).await.status != StatusCode::NOT_FOUND {
        assert!(began.elapsed() < std::time::Duration::from_secs(30), "there is room again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ones_own_is_not_there() {
    let rig = rig();
    let mut client = rig.http2().await;
    let bob =
        rig.mailbox.directory().by_address(&Address::parse("bob@example.org").unwrap()).unwrap().unwrap();
    let bob = rig.mailbox.account(bob).unwrap();
    let mut stage = bob.stage_upload();
    stage.write(b"secret").unwrap();
    let kept = bob.keep_upload(stage, "text/plain").unwrap().wait().unwrap();
    let blob = BlobName::Upload(kept.id);
    for path in [
        format!("/jmap/download/{}/{blob}/x", id(1)),
        format!("/jmap/download/{}/{blob}/x", id(2)),
        format!("/jmap/download/{}/{blob}/x", id(3)),
        format!("/jmap/download/{}/{blob}", id(1)),
        format!("/jmap/download/{}/nonsense/x", id(1)),
        format!("/jmap/download/{}/u/x", id(1)),
        "/jmap/download/".to_owned(),
    ] {
        client.ask(empty(alice(Method::GET, &path))).await.problem(404);
    }
    for account in [&*id(2), &id(3), "", "x", "a1/a1"] {
        upload(&mut client, account, b"x".to_vec()).await.problem(404);
    }
    client.ask(empty(anybody(Method::GET, &format!("/jmap/download/{}/{blob}/x", id(2))))).await.problem(401);
    client.ask(empty(anybody(Method::POST, &format!("/jmap/upload/{}/", id(1))))).await.problem(401);
    let request = alice(Method::POST, &format!("/jmap/upload/{}/", id(1))).header(CONTENT_TYPE, "nonsense");
    client.ask(request.body(Full::default()).unwrap()).await.problem(400);
}
