//! A whole DMAP session beside a second one, in a TRUSTFUL and in a CAUTIOUS account: whatever the first is
//! sent, both come to rest and speak in whole lines, what the second counts is what the mailbox holds, and
//! what is stored is in order (DMAP-00 §4, §8.4, docs/DMAP.md).

use std::sync::Arc;

use koi_proto::sasl::{base64_decode, base64_encode};
use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_types::{MailboxName, Mode};

use super::Target;
use super::session::{counted, said};
use crate::world::dmap::{LONG_PASSWORD, stacie_answer};
use crate::world::{World, address};

const FUZZED: u32 = 1;
const WATCHING: u32 = 2;
const MESSAGES: usize = 3;

/// Commands of every state, in the order of a life. The first octet chooses the account and how far the
/// session is: 0 before login, 1 logged in, 2 with INBOX open; 3 and 4 the same of a CAUTIOUS account.
#[must_use]
pub fn target() -> Target {
    let seeds: [&[u8]; 14] = [
        b"0a CAPABILITY\r\nb AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA==\r\nc NOOP\r\nd LOGOUT\r\n",
        b"0a AUTHENTICATE STACIE\r\nAGFsaWNl\r\ndD1hYmM=\r\nb AUTHENTICATE STACIE-PLUS =\r\n*\r\n",
        b"1a CREATE x/y (USE (\\Junk) META ~{3+}\r\na\0c)\r\nb RENAME x z\r\nc SUBSCRIBE z\r\nd LIST *\r\n",
        b"1a LIST (SPECIAL-USE) * RETURN (META STATUS (MESSAGES SIZE))\r\nb MBOXMETA INBOX NIL\r\n",
        b"1a APPEND INBOX (\\Seen) \"19-Oct-2015 10:02:00 +0000\" META ~{1+}\r\nm ~{3+}\r\nabc\r\nb NOOP\r\n",
        b"1a LISTKEYS\r\nb ADDREALM mail 0 gD65Kdeda1hB2Q6gdZl0fetGg2viLXWG0vmKN4HxE3Jp3Z0Gkt5prqSmcu\
          Y2o8t24iGSCOnFDpP71c3xl9SX9Q\r\nc GETREALM mail\r\nd GETSIGNET bob@example.org (HISTORY)\r\n",
        b"1a ENABLE QRESYNC UIDONLY\r\nb SELECT INBOX (QRESYNC (1 1 1:9))\r\nc UID FETCH 1:* (META)\r\n",
        b"2a STORE 1:* +FLAGS (\\Deleted $x)\r\nb EXPUNGE\r\nc FETCH 1:* FULL\r\nd CLOSE\r\n",
        b"2a UID FETCH 1:* (BODY.PEEK[1.1] BODY[48.1]<0.9> CHUNKHASH KEYID BODYSTRUCTURE SIZE)\r\n",
        b"2a SEARCH RETURN (SAVE ALL COUNT) OR CHUNK 48 NOT SEEN\r\nb COPY $ Archive\r\nc MOVE 1 Trash\r\n",
        b"2a UID STORE 1:2 (UNCHANGEDSINCE 3) META.SILENT ~{2+}\r\nab\r\nb IDLE\r\nDONE\r\nc UNSELECT\r\n",
        b"3a SELECT INBOX\r\nb SUBMIT 1 (HOLDFOR 60)\r\nc STORE 1 -FLAGS (\\SubmitPending)\r\nd SUBMIT 1\r\n",
        b"4a SUBMIT 1 (RETURN HEADER SAVETO Sent SENTFLAGS (\\Seen))\r\nb SUBMIT 1\r\nd EXPUNGE\r\n",
        b"4a FETCH 1 BODY[]\r\nb APPEND INBOX ~{8+}\r\n\x07\x37\0\0\0\x02\x01\0\r\nc SUBMIT 1\r\n",
    ];
    let seeds = seeds.iter().map(|seed| seed.to_vec()).collect();
    Target { name: "dmap_session", body, seeds, words: WORDS }
}

const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"a NOOP\r\n",
    b"a SELECT INBOX\r\n",
    b"a EXAMINE INBOX\r\n",
    b"a DELETE INBOX\r\n",
    b"a RENAME INBOX old\r\n",
    b"a STORE 1:* FLAGS (\\Deleted)\r\n",
    b"a STORE 1 META ~{1+}\r\nx\r\n",
    b"a EXPUNGE\r\n",
    b"a MOVE 1:* Trash\r\n",
    b"a COPY * INBOX\r\n",
    b"a SUBMIT 1\r\n",
    b"a UID SUBMIT 1 (HOLDFOR 60)\r\n",
    b"a STORE 1 +FLAGS (\\SubmitPending)\r\n",
    b"a STORE 1 -FLAGS (\\Submitted)\r\n",
    b"a FETCH 1:* (UID FLAGS META BODY[])\r\n",
    b"a APPEND INBOX ~{3+}\r\nabc\r\n",
    b"a LISTKEYS\r\n",
    b"a LISTSIGNETS *\r\n",
    b"a IDLE\r\n",
    b"DONE\r\n",
    b"a CLOSE\r\n",
    b"a ENABLE UIDONLY QRESYNC\r\n",
    b"4294967295",
    b"~{5+}\r\n",
    b"~{5}\r\n",
    b"NIL",
    b"(",
    b")",
    b"\"",
    b"1:*",
    b"$",
];

/// # Panics
/// When one of the promises above is broken.
pub fn body(input: &[u8]) {
    let mut world = World::new(&|commits: Arc<dyn Commits>| Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>);
    world.add_user("alice");
    world.add_user("bob");
    let (first, rest) = input.split_first().unwrap_or((&0, &[]));
    let state = first % 5;
    let is_cautious = state > 2;
    if is_cautious {
        world.set_mode("alice", Mode::Cautious, true);
        world.set_mode("bob", Mode::Cautious, true);
    } else {
        let messages: Vec<Vec<u8>> =
            (0..MESSAGES).map(|n| format!("Subject: one {n}\r\n\r\nbody {n}\r\n").into_bytes()).collect();
        world.fill("alice", "INBOX", &messages);
    }
    log_in(&mut world, WATCHING, is_cautious);
    world.send(WATCHING, b"w1 SELECT INBOX\r\n");
    if is_cautious {
        let message = world.authored("alice", "bob", "Attack at dawn").unwrap();
        let mut append = format!("w APPEND INBOX (\\SubmitPending) ~{{{}+}}\r\n", message.len()).into_bytes();
        append.extend(message);
        append.extend(b"\r\n");
        world.send(WATCHING, &append);
    }
    match state {
        0 => world.open_dmap(FUZZED),
        _ => log_in(&mut world, FUZZED, is_cautious),
    }
    if matches!(state, 2 | 4) {
        world.send(FUZZED, b"x1 SELECT INBOX\r\n");
    }
    world.send(FUZZED, rest);
    world.send(WATCHING, b"w2 NOOP\r\n");
    for peer in [FUZZED, WATCHING] {
        let said = said(&mut world, peer);
        assert!(said.starts_with(b"* OK "), "a greeting comes first");
        assert!(said.ends_with(b"\r\n"), "whole lines only");
    }
    holds(&mut world, is_cautious);
}

/// What is stored, and what the second session and bob have of it.
fn holds(world: &mut World, is_cautious: bool) {
    let held = |world: &World, user: &str| {
        let id = world.service.directory().by_address(&address(user)).unwrap().unwrap();
        let account = world.service.account(id).unwrap();
        let snapshot = account.snapshot().unwrap();
        let inbox = snapshot.mailbox_named(&MailboxName::inbox()).unwrap().expect("INBOX cannot go away");
        snapshot.uids(inbox.id).unwrap().count()
    };
    let said = said(world, WATCHING);
    let own = held(world, "alice");
    // A password change ends other sessions, which count no more.
    if !String::from_utf8_lossy(&said).contains("* BYE") {
        assert_eq!(counted(&said), own, "the second session counts what the mailbox holds");
    }
    assert!(held(world, "bob") <= u64::from(is_cautious) * 64, "nothing is delivered that nobody submitted");
    assert_eq!(world.service.check().unwrap(), []);
}

/// By PLAIN, or by STACIE.
fn log_in(world: &mut World, peer: u32, by_stacie: bool) {
    world.open_dmap(peer);
    if !by_stacie {
        world.send(peer, b"w0 AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA==\r\n");
        return;
    }
    world.send(peer, b"w0 AUTHENTICATE STACIE AGFsaWNl\r\n");
    let said = String::from_utf8_lossy(&said(world, peer)).into_owned();
    let challenge = said.lines().find_map(|line| line.strip_prefix("+ ")).unwrap_or_default();
    let challenge = base64_decode(challenge.as_bytes()).unwrap();
    let answer = stacie_answer(b"\0alice", &challenge, LONG_PASSWORD, None).unwrap();
    world.send(peer, format!("{}\r\n\r\n", base64_encode(&answer.proof)).as_bytes());
}
