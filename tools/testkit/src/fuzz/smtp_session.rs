//! A whole SMTP session in each of its roles: whatever it is sent and however it is cut, it answers the same
//! in whole lines, and what it delivers is from whom it may be (RFC 5321 §4.2, RFC 6409 §6.1 and §6.3).

use std::ops::ControlFlow;
use std::sync::Arc;

use koi_mailbox::INBOX;
use koi_proto::sasl::base64_encode;
use koi_sessions::smtp::Role;
use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_types::NumSet;

use super::Target;
use crate::world::{PASSWORD, World, address};

const PEER: u32 = 1;

/// Transactions in every role; the first octet chooses it.
#[must_use]
pub fn target() -> Target {
    let seeds: [&[u8]; 6] = [
        b"0EHLO a.example\r\nMAIL FROM:<a@b.example> SIZE=10\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n\
          Subject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n",
        b"0HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<Postmaster>\r\nRCPT TO:<x@example.net>\r\n\
          BDAT 4\r\nabcdBDAT 3 LAST\r\nefg",
        b"1MAIL FROM:<alice@example.org>\r\nRCPT TO:<bob+x@example.org>\r\nDATA\r\n\
          From: alice@example.org\r\nBcc: c@d\r\n\r\nx\r\n.\r\n",
        b"1MAIL FROM:<>\r\nRCPT TO:<bob@example.org>\r\nBDAT 23\r\nFrom: bob@example.org\r\n\
          BDAT 4 LAST\r\n\r\nab",
        b"2EHLO a\r\nAUTH PLAIN\r\nAGFsaWNlAHNlY3JldA==\r\nAUTH PLAIN =\r\nVRFY x\r\nEXPN x\r\n\
          HELP\r\nRSET\r\n",
        b"3LHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<bob@example.org>\r\nRCPT TO:<alice@example.org>\r\n\
          DATA\r\nx\n.\n\r\n.\r\n",
    ];
    let seeds = seeds.iter().map(|seed| seed.to_vec()).collect();
    Target { name: "smtp_session", body, seeds, words: WORDS }
}

const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"\r\n.\r\n",
    b"\n.\n",
    b"\r\n\r\n",
    b"EHLO x\r\n",
    b"DATA\r\n",
    b"BDAT 5\r\n",
    b"BDAT 0 LAST\r\n",
    b"RSET\r\n",
    b"MAIL FROM:<alice@example.org>\r\n",
    b"MAIL FROM:<bob@example.org>\r\n",
    b"MAIL FROM:<>\r\n",
    b"RCPT TO:<bob@example.org>\r\n",
    b"RCPT TO:<alice@example.org>\r\n",
    b"RCPT TO:<x@example.net>\r\n",
    b"From: alice@example.org\r\n",
    b"From: bob@example.org\r\n",
    b"Sender: ",
    b", ",
    b"<",
    b">",
    b"\"",
    b"(",
    b"AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n",
    b"STARTTLS\r\n",
    b"SMTPUTF8",
];

/// # Panics
/// When one of the promises above is broken.
pub fn body(input: &[u8]) {
    let whole = run(input, usize::MAX);
    let cut = run(input, 1 + input.len() % 7);
    assert_eq!(whole.escape_ascii().to_string(), cut.escape_ascii().to_string(), "the cuts must not matter");
    for line in String::from_utf8_lossy(&whole).split_inclusive('\n') {
        let code = line.get(..3).and_then(|code| code.parse::<u16>().ok());
        assert!(code.is_some_and(|code| (200..600).contains(&code)), "{line:?}");
        assert!(matches!(line.as_bytes().get(3), Some(b' ' | b'-')) && line.ends_with("\r\n"), "{line:?}");
    }
}

/// What the server said.
fn run(input: &[u8], step: usize) -> Vec<u8> {
    let mut world = World::new(&|commits: Arc<dyn Commits>| Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>);
    world.add_user("alice");
    world.add_user("bob");
    world.set_sent_copy("alice", true);
    world.submission.starttls = false;
    let (first, rest) = input.split_first().unwrap_or((&0, &[]));
    let login = base64_encode(format!("\0alice\0{PASSWORD}").as_bytes());
    match first % 4 {
        0 => world.open_smtp(PEER, Role::Inbound, false),
        1 => {
            world.open_smtp(PEER, Role::Submission, true);
            world.send(PEER, format!("EHLO c.example\r\nAUTH PLAIN {login}\r\n").as_bytes());
        }
        2 => world.open_smtp(PEER, Role::Submission, true),
        _ => world.open_smtp(PEER, Role::Lmtp, false),
    }
    for piece in rest.chunks(step.min(rest.len().max(1))) {
        world.send(PEER, piece);
    }
    world.close(PEER);
    if matches!(first % 4, 1 | 2) {
        submitted(&world);
    }
    assert_eq!(world.service.check().unwrap(), []);
    world.peer(PEER).map(|connection| connection.said.clone()).unwrap_or_default()
}

/// What bob has is alice's, and says so.
fn submitted(world: &World) {
    let bob = world.service.directory().by_address(&address("bob")).unwrap().unwrap();
    let bob = world.service.account(bob).unwrap();
    let snapshot = bob.snapshot().unwrap();
    let mut emails = Vec::new();
    let mut all = NumSet::new();
    all.insert_range(1..=u32::MAX);
    let scanned = snapshot.messages(INBOX, &all, |message| {
        emails.push(message.email);
        ControlFlow::Continue(())
    });
    assert!(scanned.unwrap().corrupt.is_empty());
    for email in emails {
        let email = snapshot.email(email).unwrap().unwrap();
        let mut octets = Vec::new();
        snapshot.read_body(&email.body, 0..u64::from(u32::MAX), &mut octets).unwrap();
        let message = koi_message::parse(&octets);
        let from = &message.facts.envelope.from;
        assert!(!from.is_empty(), "nobody wrote it");
        for author in from.iter().filter(|author| author.host.is_some()) {
            let local = author.mailbox.as_deref().unwrap_or_default().to_ascii_lowercase();
            assert!(local == b"alice" || local.starts_with(b"alice+"), "{author:?}");
        }
        assert!(!koi_message::Fields::new(&octets).any(|field| field.is(b"bcc")), "Bcc is there");
        assert!(octets.starts_with(b"Return-Path: <"), "the trace comes first");
    }
}
