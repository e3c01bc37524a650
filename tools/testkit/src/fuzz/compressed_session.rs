//! A compressed IMAP session (RFC 4978 §3): whatever comes after COMPRESS, the session comes to rest, speaks
//! in whole lines and holds no more than it may, however much is made of a few octets; a second session
//! counts what the mailbox holds.

use std::sync::Arc;

use koi_proto::deflate::Deflater;
use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_types::limits;

use super::Target;
use super::session::{counted, said};
use crate::world::{PASSWORD, World};

const FUZZED: u32 = 1;
const WATCHING: u32 = 2;
/// What a bomb makes.
const BOMB_OCTETS: usize = 256 * 1024;
/// Beside buffers and compression.
const STATE_OCTETS_MAX: usize = 64 * 1024;
/// The window, what was fed at once, and what an inflater needs to work.
const INFLATER_OCTETS_MAX: usize = (32 + 4 + 16) * 1024;

/// Streams that are whole, broken, bombs, and all of it one behind the other; the first octet says which.
#[must_use]
pub fn target() -> Target {
    let seeds: [&[u8]; 14] = [
        b"0a NOOP\r\nb FETCH 1:* (UID)\r\n",
        b"0\x03\x00",
        b"0\x00\x00\x00\xff\xff\x01\x00\x00\xff\xff",
        b"0\x78\x9c\x03\x00",
        b"0\x07\xff\xff",
        b"1a NOOP\r\nb UID FETCH 1:* (FLAGS)\r\nc UNAUTHENTICATE\r\nd NOOP\r\n",
        b"1a APPEND INBOX {12+}\r\nSubject: a\r\n\r\nb SEARCH RETURN (SAVE) ALL\r\nc IDLE\r\nDONE\r\n",
        b"1a COMPRESS DEFLATE\r\nb LOGOUT\r\n",
        b"2x",
        b"2\r\n",
        b"2a NOOP\r\n",
        b"2a APPEND INBOX {200000+}\r\n",
        b"2a SEARCH BODY {200000+}\r\n",
        b"3a NOOP\r\n|\x07\xff\xff",
    ];
    let seeds = seeds.iter().map(|seed| seed.to_vec()).collect();
    Target { name: "compressed_session", body, seeds, words: WORDS }
}

const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"a NOOP\r\n",
    b"a FETCH 1:* (UID BODY[])\r\n",
    b"a APPEND INBOX {3+}\r\nabc\r\n",
    b"a UNAUTHENTICATE\r\n",
    b"a IDLE\r\n",
    b"DONE\r\n",
    b"{5+}\r\n",
    b"\x03\x00",
    b"\x00\x00\x00\xff\xff",
    b"\x01\x00\x00\xff\xff",
    b"\x4a\x4c\x4a",
    b"|",
];

/// # Panics
/// When one of the promises above is broken.
pub fn body(input: &[u8]) {
    let mut world = World::new(&|commits: Arc<dyn Commits>| Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>);
    world.add_user("alice");
    world.fill("alice", "INBOX", &[b"Subject: one\r\n\r\nbody\r\n".to_vec()]);
    world.imap.connection_memory_max =
        limits::IMAP_CONNECTION_BUFFERS_OCTETS + limits::COMPRESSION_OCTETS_MAX + STATE_OCTETS_MAX;
    for peer in [FUZZED, WATCHING] {
        world.open_imap(peer, true);
        world.send(peer, format!("x0 LOGIN alice {PASSWORD}\r\nx1 SELECT INBOX\r\n").as_bytes());
    }
    world.send(FUZZED, b"x2 COMPRESS DEFLATE\r\n");
    assert!(said(&mut world, FUZZED).ends_with(b"DEFLATE active\r\n"), "it is compressed");

    let (first, rest) = input.split_first().unwrap_or((&0, &[]));
    match first % 4 {
        0 => world.send_raw(FUZZED, rest),
        1 => world.send(FUZZED, rest),
        2 => world.send_raw(FUZZED, &bomb(rest)),
        _ => {
            let at = rest.iter().position(|octet| *octet == b'|').unwrap_or(rest.len());
            world.send(FUZZED, &rest[..at]);
            world.send_raw(FUZZED, rest.get(at + 1..).unwrap_or_default());
        }
    }
    world.send(WATCHING, b"w2 NOOP\r\n");

    for peer in [FUZZED, WATCHING] {
        assert!(said(&mut world, peer).ends_with(b"\r\n"), "whole lines only");
    }
    let peak = world.peer(FUZZED).unwrap().memory_peak;
    let session_max = limits::IMAP_CONNECTION_BUFFERS_OCTETS + limits::COMPRESSION_OCTETS_MAX;
    assert!(peak.session <= session_max + STATE_OCTETS_MAX, "{peak:?}");
    assert!(peak.inflater <= INFLATER_OCTETS_MAX, "{peak:?}");
    let watched = said(&mut world, WATCHING);
    world.open_imap(3, true);
    world.send(3, format!("x0 LOGIN alice {PASSWORD}\r\nx1 SELECT INBOX\r\n").as_bytes());
    assert_eq!(counted(&watched), counted(&said(&mut world, 3)), "the second session counts what is there");
}

/// The same octets again and again.
fn bomb(octets: &[u8]) -> Vec<u8> {
    let (mut deflater, mut wire) = (Deflater::default(), Vec::new());
    let clear: Vec<u8> = octets.iter().copied().cycle().take(BOMB_OCTETS).collect();
    deflater.write(&clear, &mut wire);
    deflater.flush(&mut wire);
    wire
}
