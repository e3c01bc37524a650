//! Peers of the real server that only send, or never read, on every listener of a line protocol: they end by
//! themselves, the server's memory does not grow with what they do, and nobody else notices.

use std::io::{self, Read as _, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use crate::imap::{Imap, tls};
use crate::rig::{ALICE, PASSWORD, Server, new_folder, said};

/// Port, whether TLS is from the beginning, and a command that is answered.
const LISTENERS: [(u16, bool, &str); 8] = [
    (24, false, "NOOP\r\n"),
    (25, false, "NOOP\r\n"),
    (26, true, "NOOP\r\n"),
    (143, false, "a CAPABILITY\r\n"),
    (465, true, "NOOP\r\n"),
    (587, false, "NOOP\r\n"),
    (993, true, "a CAPABILITY\r\n"),
    (9933, true, "a CAPABILITY\r\n"),
];
const MIB: usize = 1024 * 1024;
/// Sent to each listener without the end of a line.
const LINE_OCTETS: usize = 32 * MIB;
/// All of them together may take so much.
const GROWTH_OCTETS_MAX: usize = 12 * MIB;
/// Nothing waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

fn connect(server: &Server, listener: (u16, bool, &str)) -> Box<dyn Write> {
    let port = server.base + listener.0;
    if listener.1 {
        return Box::new(tls(port, &server.folder));
    }
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    Box::new(stream)
}

/// Memory of the server that is no file.
fn anonymous_octets(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<usize>().unwrap() * 1024
}

/// A server that drops who does not read for a second. It answers as fast as it can: else a system that keeps
/// many MiB for a client that does not read takes minutes to be full.
fn impatient(folder: &Path) -> Server {
    Server::start(folder).stop();
    let file = folder.join("koi.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains("[limits]"), "{text}");
    let fast = "commands_per_second_max = 0";
    let more = format!("[limits]\nwrite_secs = 1\n[imap]\n{fast}\n[dmap]\n{fast}\n");
    std::fs::write(&file, text + &more).unwrap();
    Server::quickstart(folder, &[])
}

fn is_served(server: &Server) {
    let mut imap = server.login(ALICE, PASSWORD);
    imap.ok("SELECT INBOX");
}

#[test]
fn a_line_without_an_end_is_not_kept() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    is_served(&server);
    let before = anonymous_octets(&server);
    let piece = vec![b'x'; 64 * 1024];
    let mut peers = Vec::new();
    for listener in LISTENERS {
        let mut peer = connect(&server, listener);
        // A server that has said enough closes; that is as good.
        let taken = (0..LINE_OCTETS / piece.len()).take_while(|_| peer.write_all(&piece).is_ok()).count();
        println!("port {}: {} KiB taken", listener.0, taken * 64);
        peers.push(peer);
        let grown = anonymous_octets(&server).saturating_sub(before);
        assert!(grown < GROWTH_OCTETS_MAX, "port {}: {grown} octets", listener.0);
    }
    is_served(&server);
    drop(peers);
    server.stop();
}

/// Literals that are larger than what the command may have: before login, after it, and a message that is too
/// large. Their octets go by, or the connection ends.
#[test]
fn a_literal_that_is_too_large_is_not_kept() {
    let (_outer, folder) = new_folder();
    let server = Server::start(&folder);
    is_served(&server);
    let before = anonymous_octets(&server);
    let login = format!("x LOGIN {ALICE} \"{PASSWORD}\"\r\n");
    let announced = 200 * MIB;
    let cases = [
        (143, String::new(), "a LOGIN "),
        (143, String::new(), "a ID (\"name\" "),
        (993, login.clone(), "a CREATE "),
        (993, login.clone(), "a SEARCH TEXT "),
        (993, login, "a APPEND INBOX "),
        (9933, String::new(), "a LOGIN "),
    ];
    let piece = vec![b'x'; 64 * 1024];
    let mut peers = Vec::new();
    for (port, login, command) in &cases {
        let listener = (*port, *port != 143, "");
        let mut peer = connect(&server, listener);
        peer.write_all(format!("{login}{command}{{{announced}+}}\r\n").as_bytes()).unwrap();
        let taken = (0..LINE_OCTETS / piece.len()).take_while(|_| peer.write_all(&piece).is_ok()).count();
        println!("port {port}: {command}: {} KiB taken", taken * 64);
        peers.push(peer);
        let grown = anonymous_octets(&server).saturating_sub(before);
        assert!(grown < GROWTH_OCTETS_MAX, "port {port}: {command}: {grown} octets");
    }
    // Who asks first is told, and is not invited to send it.
    let mut imap = server.login(ALICE, PASSWORD);
    for command in ["CREATE", "SEARCH TEXT", "APPEND INBOX"] {
        let answer = imap.command(format!("{command} {{{announced}}}").as_bytes()).unwrap();
        assert!(["BAD", "NO"].iter().any(|no| answer.tagged.starts_with(no)), "{command}: {}", answer.tagged);
    }
    imap.ok("NOOP");
    is_served(&server);
    drop(peers);
    server.stop();
}

#[test]
fn who_sends_and_never_reads_is_dropped_on_every_listener() {
    let (_outer, folder) = new_folder();
    let server = impatient(&folder);
    is_served(&server);
    let before = anonymous_octets(&server);
    for listener in LISTENERS {
        let mut peer = connect(&server, listener);
        let commands = listener.2.repeat(10_000);
        let (mut rounds, began) = (0, std::time::Instant::now());
        let end = loop {
            match peer.write_all(commands.as_bytes()) {
                Ok(()) => rounds += 1,
                Err(error) => break error,
            }
            assert!(rounds < 100_000, "port {} takes everything", listener.0);
            let grown = anonymous_octets(&server).saturating_sub(before);
            assert!(grown < GROWTH_OCTETS_MAX, "port {}: {grown} octets", listener.0);
        };
        assert!(
            matches!(end.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe),
            "port {}: {end}",
            listener.0
        );
        println!("port {}: dropped after {rounds} rounds in {:?}: {end}", listener.0, began.elapsed());
    }
    is_served(&server);
    server.stop();
}

/// Logged in, and with more asked for than fits anywhere.
#[test]
fn who_asks_for_mail_and_never_reads_it_is_dropped() {
    let (_outer, folder) = new_folder();
    let server = impatient(&folder);
    let message = format!("Subject: large\r\n\r\n{}\r\n", "x".repeat(70).repeat(15_000));
    let mut imap: Imap = server.login(ALICE, PASSWORD);
    imap.append("INBOX", "", message.as_bytes()).unwrap();
    drop(imap);
    let before = anonymous_octets(&server);
    let mut peer = tls(server.imaps_port(), &folder);
    let login = format!("a LOGIN {ALICE} \"{PASSWORD}\"\r\nb SELECT INBOX\r\n");
    peer.write_all(login.as_bytes()).unwrap();
    let mut text = Vec::new();
    while !String::from_utf8_lossy(&text).contains("b OK") {
        let mut some = [0; 4096];
        let octets = peer.read(&mut some).unwrap();
        text.extend_from_slice(&some[..octets]);
    }
    let fetches = "c FETCH 1 BODY.PEEK[]\r\n".repeat(1000);
    let end = loop {
        if let Err(error) = peer.write_all(fetches.as_bytes()) {
            break error;
        }
        let grown = anonymous_octets(&server).saturating_sub(before);
        assert!(grown < GROWTH_OCTETS_MAX, "{grown} octets");
    };
    assert!(matches!(end.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe), "{end}");
    let status = said(&server.koi(&["status"]));
    assert!(status.contains("peers dropped"), "{status}");
    assert!(server.log().contains("peer did not read"), "{}", server.log());
    is_served(&server);
    server.stop();
}
