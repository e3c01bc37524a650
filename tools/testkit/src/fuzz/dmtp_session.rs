//! A whole DMTP session: whatever it is sent and however it is cut, it answers the same in whole lines, and a
//! message that its origin has not signed for a key of ours is nobody's (docs/DIME.md, DMTP).

use std::sync::Arc;

use koi_mailbox::INBOX;
use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;

use super::Target;
use crate::world::dmtp::{Brought, OTHER};
use crate::world::{DOMAIN, World};

const PEER: u32 = 1;

fn world() -> World {
    let mut world = World::new(&|commits: Arc<dyn Commits>| Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>);
    world.add_user("bob");
    world
}

/// Transactions and lookups.
///
/// # Panics
/// When the world has no organisations.
#[must_use]
pub fn target() -> Target {
    let world = world();
    let [theirs, theirs_full] = world.fingerprints(OTHER).unwrap();
    let [ours, ours_full] = world.fingerprints(DOMAIN).unwrap();
    let transaction = |how: Brought| {
        let message = world.brought(how, "bob", "Attack at dawn").unwrap();
        let head = format!(
            "EHLO <a.example>\r\nMAIL FROM: <{OTHER}> [{theirs}] SIZE={} RETURN=FULL DATA=8BIT\r\n\
             RCPT TO: <{DOMAIN}> [{ours}]\r\nDATA\r\n",
            message.len()
        );
        [head.as_bytes(), &message, b"\r\nQUIT\r\n"].concat()
    };
    let lookups = format!(
        "MODE\r\nSGNT <{DOMAIN}> [{ours_full}]\r\nSGNT USER=<bob@{DOMAIN}>\r\nVRFY <{DOMAIN}> [{theirs}]\r\n\
         HIST <bob@{DOMAIN}> START=[{ours}] STOP=[{theirs_full}]\r\nHELP\r\nRSET\r\nNOOP\r\n"
    );
    let sizes = format!(
        "HELO HOST=<a>\r\nMAIL FROM=<{OTHER}> FINGERPRINT=[{theirs_full}] SIZE=4\r\n\
         RCPT TO=<{DOMAIN}> FINGERPRINT=[{ours_full}]\r\nDATA [{ours}]\r\nabcd\r\n\
         MAIL FROM: <x.example> [{ours}] SIZE=0\r\nMAIL FROM: <unreachable.a> [{ours}] SIZE=1\r\n"
    );
    let seeds = vec![
        transaction(Brought::Good),
        transaction(Brought::Traced),
        transaction(Brought::Forged),
        lookups.into_bytes(),
        sizes.into_bytes(),
    ];
    Target { name: "dmtp_session", body, seeds, words: WORDS }
}

const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"EHLO <x>\r\n",
    b"RSET\r\n",
    b"DATA\r\n",
    b"SIZE=0",
    b"SIZE=5",
    b"SIZE=18446744073709551615",
    b"<example.net>",
    b"<example.org>",
    b"<bob@example.org>",
    b"[",
    b"]",
    b"\x07\x37",
    b"\x07\x2d\x00\x01x",
    b"SGNT ",
    b"STARTTLS <a> MODE=DMTPv1\r\n",
];

/// # Panics
/// When one of the promises above is broken.
pub fn body(input: &[u8]) {
    let whole = run(input, usize::MAX);
    let cut = run(input, 1 + input.len() % 97);
    assert_eq!(whole.escape_ascii().to_string(), cut.escape_ascii().to_string(), "the cuts must not matter");
    for line in String::from_utf8_lossy(&whole).split_inclusive('\n') {
        let code = line.get(..3).and_then(|code| code.parse::<u16>().ok());
        assert!(code.is_some_and(|code| (200..600).contains(&code)), "{line:?}");
        assert!(matches!(line.as_bytes().get(3), Some(b' ' | b'-')) && line.ends_with("\r\n"), "{line:?}");
    }
}

/// What the server said.
fn run(input: &[u8], step: usize) -> Vec<u8> {
    let mut world = world();
    world.open_dmtp(PEER);
    for piece in input.chunks(step.min(input.len().max(1))) {
        world.send(PEER, piece);
    }
    world.close(PEER);
    assert_eq!(world.service.check().unwrap(), []);
    let bob = world.account("bob");
    let snapshot = bob.snapshot().unwrap();
    assert_eq!(snapshot.mailbox(INBOX).unwrap().unwrap().messages, 0, "bob has no key");
    world.peer(PEER).map(|connection| connection.said.clone()).unwrap_or_default()
}
