//! A whole IMAP session beside a second one: whatever the first is sent, both come to rest, both speak in
//! whole lines, and what the second counts is what the mailbox holds (RFC 9051 §7.4.1 and §7.5.1).

use std::sync::Arc;

use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_types::MailboxName;

use super::Target;
use crate::world::{PASSWORD, World, address};

const FUZZED: u32 = 1;
const WATCHING: u32 = 2;
const MESSAGES: usize = 3;

/// What is sent to the fuzzed session before the input; chosen by the input's first octet.
const BEFORE: [&str; 4] = [
    "",
    "x0 LOGIN alice secret\r\n",
    "x0 LOGIN alice secret\r\nx1 SELECT INBOX\r\n",
    "x0 LOGIN alice secret\r\nx1 ENABLE CONDSTORE\r\nx2 SELECT INBOX\r\n",
];

/// Commands of every state, in the order of a life.
#[must_use]
pub fn target() -> Target {
    let seeds: [&[u8]; 17] = [
        b"2a NOTIFY SET STATUS (selected (MessageNew (uid flags body[]) MessageExpunge FlagChange)) \
          (personal (MailboxName))\r\nb STORE 1:2 FLAGS (\\Deleted)\r\nc EXPUNGE\r\nd NOTIFY NONE\r\n",
        b"0a CAPABILITY\r\nb LOGIN alice {6}\r\nsecret\r\nc NAMESPACE\r\nd ID NIL\r\ne LOGOUT\r\n",
        b"1a CREATE x/y\r\nb RENAME x z\r\nc SUBSCRIBE z\r\nd LIST \"\" *\r\ne DELETE z/y\r\n",
        b"1a APPEND INBOX (\\Seen) {12+}\r\nSubject: a\r\n\r\nb STATUS INBOX (MESSAGES UIDNEXT UNSEEN)\r\n",
        b"2a APPEND INBOX {3+}\r\nabc (\\Seen) ~{3+}\r\na\0c \r\nb REPLACE 2 INBOX {3+}\r\nabc\r\nc NOOP\r\n",
        b"3a UID REPLACE 1 Sent (\\Draft) {3+}\r\nabc\r\nb APPEND INBOX {1+}\r\na {1+}\r\nb x\r\nc NOOP\r\n",
        b"2a APPEND INBOX CATENATE (URL /INBOX/;UID=1 TEXT {1+}\r\na URL /INBOX/;UID=2/;SECTION=1)\r\n",
        b"1a ENABLE UIDONLY UTF8=ACCEPT\r\nb SELECT INBOX\r\nc UID FETCH 1:* (PREVIEW)\r\nd EXPUNGE\r\n",
        b"1a LIST \"\" * RETURN (METADATA (/private/a /shared/comment) STATUS (MESSAGES))\r\nb NOOP\r\n",
        b"2a STORE 1:* +FLAGS (\\Deleted $x)\r\nb EXPUNGE\r\nc FETCH 1:* (FLAGS UID)\r\nd CLOSE\r\n",
        b"2a UID FETCH 1:* (ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (SUBJECT)] BODY[1]<0.3>)\r\n",
        b"2a SEARCH RETURN (ALL COUNT) OR SUBJECT one NOT SEEN\r\nb COPY 1:2 Archive\r\nc MOVE 1 Trash\r\n",
        b"2a SORT RETURN (UPDATE) (SUBJECT) UTF-8 ALL\r\nb STORE 1 +FLAGS (\\Seen)\r\nc THREAD REFS x 1\r\n",
        b"2a COMPARATOR i;octet\r\nb ESEARCH IN (personal) FUZZY TEXT one\r\nc CANCELUPDATE \"a\"\r\n",
        b"3a UID STORE 1:2 (UNCHANGEDSINCE 3) -FLAGS.SILENT (\\Seen)\r\nb IDLE\r\nDONE\r\nc UNSELECT\r\n",
        b"1a ENABLE METADATA\r\nb SETMETADATA INBOX (/private/a {1+}\r\nx)\r\nc NOOP\r\n",
        b"3a FETCH 1:* (MODSEQ) (CHANGEDSINCE 2)\r\nb EXAMINE Sent (CONDSTORE)\r\nc UID EXPUNGE 1:9\r\n",
    ];
    Target { name: "session", body, seeds: seeds.iter().map(|seed| seed.to_vec()).collect(), words: WORDS }
}

const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"a NOOP\r\n",
    b"a NOTIFY SET (selected-delayed (MessageNew (uid) MessageExpunge)) (subtree x NONE)\r\n",
    b"a NOTIFY NONE\r\n",
    b"a SELECT INBOX\r\n",
    b"a EXAMINE INBOX\r\n",
    b"a DELETE INBOX\r\n",
    b"a RENAME INBOX old\r\n",
    b"a STORE 1:* FLAGS (\\Deleted)\r\n",
    b"a EXPUNGE\r\n",
    b"a MOVE 1:* Trash\r\n",
    b"a COPY * INBOX\r\n",
    b"a UID SEARCH ALL\r\n",
    b"a FETCH 1:* (UID FLAGS BODY[])\r\n",
    b"a APPEND INBOX {3+}\r\nabc\r\n",
    b"a APPEND INBOX {3+}\r\nabc {4+}\r\nabcd\r\n",
    b"a REPLACE 1 INBOX {3+}\r\nabc\r\n",
    b"a IDLE\r\n",
    b"DONE\r\n",
    b"a ENABLE METADATA\r\n",
    b"a SETMETADATA INBOX (/private/a x /shared/a NIL)\r\n",
    b"a SETMETADATA Sent (/private/specialuse NIL)\r\n",
    b"a GETMETADATA (DEPTH infinity) INBOX (/private /shared)\r\n",
    b"a CLOSE\r\n",
    b"a LIST (SPECIAL-USE) \"\" *\r\n",
    b"4294967295",
    b"{5}\r\n",
    b"(",
    b")",
    b"\"",
    b"1:*",
];

/// # Panics
/// When one of the promises above is broken.
pub fn body(input: &[u8]) {
    let mut world = World::new(&|commits: Arc<dyn Commits>| Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>);
    let account = world.add_user("alice");
    let messages: Vec<Vec<u8>> =
        (0..MESSAGES).map(|n| format!("Subject: one {n}\r\n\r\nbody {n}\r\n").into_bytes()).collect();
    world.fill("alice", "INBOX", &messages);
    world.open_imap(FUZZED, true);
    world.open_imap(WATCHING, true);
    world.send(WATCHING, format!("w0 LOGIN alice {PASSWORD}\r\nw1 SELECT INBOX\r\n").as_bytes());

    let (first, rest) = input.split_first().unwrap_or((&0, &[]));
    let before = BEFORE.get(usize::from(first % 4)).copied().unwrap_or_default();
    world.send(FUZZED, before.as_bytes());
    world.send(FUZZED, rest);
    world.send(WATCHING, b"w2 NOOP\r\n");

    for peer in [FUZZED, WATCHING] {
        let said = said(&mut world, peer);
        assert!(said.starts_with(b"* OK "), "a greeting comes first");
        assert!(said.ends_with(b"\r\n"), "whole lines only");
    }
    let said = said(&mut world, WATCHING);
    let name = MailboxName::new("INBOX").unwrap();
    let id = world.service.directory().by_address(&address("alice")).unwrap();
    assert_eq!(id, Some(account), "the account is still there");
    let account = world.service.account(account).unwrap();
    let snapshot = account.snapshot().unwrap();
    let inbox = snapshot.mailbox_named(&name).unwrap().expect("INBOX cannot go away");
    let held = snapshot.uids(inbox.id).unwrap().count();
    assert_eq!(counted(&said), held, "the second session counts what the mailbox holds");
}

pub(super) fn said(world: &mut World, peer: u32) -> Vec<u8> {
    world.peer(peer).map(|connection| connection.said.clone()).unwrap_or_default()
}

/// How many messages a client knows of that read these lines.
pub(super) fn counted(said: &[u8]) -> u64 {
    let mut count = 0;
    for line in String::from_utf8_lossy(said).lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["*", number, "EXISTS"] => count = number.parse().expect("a number"),
            ["*", _, "EXPUNGE"] => count -= 1,
            _ => {}
        }
    }
    count
}
