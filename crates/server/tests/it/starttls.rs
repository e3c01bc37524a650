//! TLS before the greeting and STARTTLS, with nothing surviving the handshake (RFC 9051 §6.2.1).

use koi_server::ca::LocalCa;
use koi_server::config::TlsConfig;
use koi_server::tls::Tls;

use crate::rig::{Client, Rig};
use tokio::io::{AsyncWriteExt as _, BufReader};

#[tokio::test(flavor = "multi_thread")]
async fn implicit_tls_tells_the_session_what_was_settled() {
    let rig = Rig::new("");
    let mut client = rig.connect_tls().await;
    let facts = client.ask("tls").await;
    assert!(facts.starts_with("TLSv1.3 TLS_") && facts.ends_with(" true"), "{facts}");
    assert_eq!(client.ask("hello").await, "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_sent_before_the_handshake_survives_it() {
    let rig = Rig::new("");
    let mut client = rig.connect().await;
    assert_eq!(client.ask("tls").await, "  false");
    // In one packet with STARTTLS, whole and half a line.
    client.send("starttls\ninjected\ninjec").await;
    assert_eq!(client.line().await, "go ahead");
    let stream = rig.handshake(client.0.into_inner(), &[]).await.unwrap();
    let mut client = Client(BufReader::new(stream));
    assert_eq!(client.ask("first").await, "first");
    assert!(client.ask("tls").await.starts_with("TLSv1.3"));
}

#[tokio::test(flavor = "multi_thread")]
async fn clear_text_after_starttls_ends_the_connection() {
    let rig = Rig::new("");
    let mut client = rig.connect().await;
    client.send("starttls\n").await;
    assert_eq!(client.line().await, "go ahead");
    client.0.get_mut().write_all(b"injected\n").await.unwrap();
    client.rest().await;
    rig.edge.admission.drained().await;
    let failures = rig.edge.metrics.tls_failures.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(failures, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_serves_new_handshakes_and_leaves_open_sessions() {
    let rig = Rig::new("");
    let mut before = rig.connect_tls().await;
    assert_eq!(before.ask("a").await, "a");
    let serial = certificate_of(&before);
    let files = LocalCa::paths(rig.folder.path());
    std::fs::remove_file(&files.certificate).unwrap();
    LocalCa::make(rig.folder.path(), "example.org").unwrap();
    let config = TlsConfig { certificate: files.certificate, key: files.key };
    rig.edge.tls.as_ref().unwrap().take(Tls::read(&config).unwrap());
    let after = rig.connect_tls().await;
    assert_ne!(certificate_of(&after), serial);
    assert_eq!(before.ask("b").await, "b");
    std::fs::write(&config.key, "nonsense").unwrap();
    let problem = Tls::read(&config).err().unwrap();
    assert!(problem.what.contains("key.pem"), "{problem}");
    assert_eq!(rig.connect_tls().await.ask("c").await, "c", "the old certificate goes on");
}

fn certificate_of(client: &Client<tokio_rustls::client::TlsStream<tokio::net::TcpStream>>) -> Vec<u8> {
    client.0.get_ref().get_ref().1.peer_certificates().unwrap()[0].to_vec()
}
