//! Limits, slow peers, panics, signals, logins, ports in use.

use std::sync::atomic::Ordering;
use std::time::Duration;

use koi_server::listen;
use koi_store::kv::Commits as _;
use koi_types::{AccountId, CommitNotice, ModSeq};

use crate::rig::{Rig, config};

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_does_not_read_is_dropped_with_bounded_memory() {
    let rig = Rig::new("[limits]\nwrite_secs=1\n");
    let mut client = rig.connect().await;
    assert_eq!(client.ask("a").await, "a");
    // 640 MB are asked for; the echo session asserts that its output stays below 1 MiB.
    client.send("flood\n").await;
    tokio::time::timeout(Duration::from_secs(20), rig.edge.admission.drained()).await.unwrap();
    assert_eq!(rig.edge.metrics.slow_peers_dropped.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_sends_and_never_reads_is_dropped_too() {
    let rig = Rig::new("[limits]\nwrite_secs=1\n");
    let client = rig.connect().await;
    let line = [b'y'; 1023].iter().copied().chain([b'\n']).collect::<Vec<u8>>();
    let mut stream = client.0.into_inner();
    let sending = async { while tokio::io::AsyncWriteExt::write_all(&mut stream, &line).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(30), sending).await.unwrap();
    rig.edge.admission.drained().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_output_arrives_whole_over_tls() {
    let rig = Rig::new("");
    let mut client = rig.connect_tls().await;
    client.send("flood\nquit\n").await;
    assert_eq!(client.rest().await, 10_000 * 64 * 1024);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_closed_peer_gets_every_answer() {
    let rig = Rig::new("");
    let mut client = rig.connect().await;
    client.send("one\ntwo\n").await;
    tokio::io::AsyncWriteExt::shutdown(client.0.get_mut()).await.unwrap();
    assert_eq!([client.line().await, client.line().await, client.line().await], ["one", "two", ""]);
}

// spec: RFC 5321 §4.5.4.2
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_connections_is_refused_with_a_reason() {
    let rig = Rig::new("[limits]\nconnections_per_address_max=3\nconnections_before_login_max=2\n");
    let mut first = rig.connect().await;
    assert_eq!(first.ask("a").await, "a");
    let mut second = rig.connect().await;
    assert_eq!(second.ask("b").await, "b");
    assert!(rig.connect().await.line().await.starts_with("* BYE Too many connections waiting"));
    assert_eq!(first.ask("login secret").await, "OK alice@example.org");
    assert_eq!(second.ask("login secret").await, "OK alice@example.org");
    let mut third = rig.connect().await;
    assert_eq!(third.ask("c").await, "c");
    assert!(rig.connect().await.line().await.starts_with("* BYE Too many connections from your address"));
    drop(third);
    while rig.edge.admission.count() > 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(rig.connect().await.ask("d").await, "d");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_a_limit_of_its_own() {
    let rig = Rig::new("[limits]\nconnections_per_account_max=1\n");
    let mut first = rig.connect().await;
    assert_eq!(first.ask("login secret").await, "OK alice@example.org");
    let mut second = rig.connect().await;
    assert_eq!(second.ask("login secret").await, "NO Too many connections for this account");
    assert_eq!(second.ask("still here").await, "still here");
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_reach_an_idle_session() {
    let rig = Rig::new("");
    let mut client = rig.connect().await;
    assert_eq!(client.ask("login wrong").await, "NO Invalid login or password");
    assert_eq!(client.ask("login secret").await, "OK alice@example.org");
    let notice =
        CommitNotice { account: AccountId(1), modseq: ModSeq::new(42).unwrap(), pushes: false, sends: false };
    rig.edge.watch.committed(&[notice]);
    assert_eq!(client.line().await, "ADVANCED 42");
    rig.edge.watch.account_gone(AccountId(1));
    assert_eq!([client.line().await, client.line().await], ["BYE account", ""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_says_goodbye_and_lets_nobody_in() {
    let rig = Rig::new("");
    let mut client = rig.connect_tls().await;
    assert_eq!(client.ask("a").await, "a");
    rig.edge.admission.shut_down();
    assert_eq!([client.line().await, client.line().await], ["BYE down", ""]);
    rig.edge.admission.drained().await;
    assert_eq!(rig.connect().await.line().await, "* BYE Server is shutting down");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_ends_only_its_session() {
    let rig = Rig::new("");
    let mut other = rig.connect().await;
    let mut client = rig.connect().await;
    assert_eq!(client.ask("panic").await, "");
    assert_eq!(other.ask("a").await, "a");
    assert_eq!(rig.edge.metrics.sessions_panicked.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_reported_with_what_to_do() {
    let rig = Rig::new("");
    let mut wanted = config(rig.folder.path(), "").listen;
    wanted.imap = vec![rig.plain];
    wanted.lmtp = vec![rig.tls];
    let problem = listen::bind_all(&wanted).err().unwrap();
    assert!(
        problem.what.contains(&format!("cannot listen on {} (imap): the port is in use", rig.plain)),
        "{problem}"
    );
    assert!(
        problem.what.contains(&format!("cannot listen on {} (lmtp)", rig.tls)),
        "all are named: {problem}"
    );
    assert_eq!(problem.exit, koi_server::Exit::InUse);
}
