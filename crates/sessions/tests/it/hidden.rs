//! Whoever has no right to a mailbox cannot tell it from one that is not there, whatever it asks, and
//! whatever happens there meanwhile (RFC 4314 §6); and who may not read a mailbox is told nothing of what is
//! in it (RFC 4314 §4).

use std::sync::Arc;

use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_testkit::world::World;

use crate::harness::Test;

const ALICE: u32 = 1;
const BOB: u32 = 2;
/// In everything of a message and of a mailbox that only who has `r` may see.
const TOKEN: &str = "XYZZY";
/// In annotations, which need `l` and one of `r s w i p` (RFC 5464 §3.3).
const NOTE: &str = "PLUGH";

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test { name: "hidden/mailboxes_without_rights".to_owned(), run: Box::new(no_rights) },
        Test { name: "hidden/accounts_that_share_nothing".to_owned(), run: Box::new(nothing_shared) },
        Test { name: "hidden/messages_without_r".to_owned(), run: Box::new(not_read) },
    ]
}

/// What may be asked of a mailbox: `@` stands for its name, `%` for its name in a URL, `#` for a token. Alice
/// has a mailbox `mine` of three messages, and may do everything with `open` of bob's, where there are two.
const COMMANDS: &[&str] = &[
    "SELECT @",
    "EXAMINE @",
    "SELECT @ (CONDSTORE)",
    "SELECT @ (QRESYNC (1 1))",
    "STATUS @ (MESSAGES UIDNEXT UIDVALIDITY UNSEEN SIZE DELETED HIGHESTMODSEQ MAILBOXID)",
    "STATUS @ (DELETED-STORAGE)",
    "APPEND @ {10+}\r\nA: b\r\n\r\nc\r\n",
    "APPEND @ (\\Seen) {10+}\r\nA: b\r\n\r\nc\r\n {10+}\r\nA: b\r\n\r\nc\r\n",
    "APPEND @ CATENATE (URL \"/mine/;UID=1\")",
    "APPEND mine CATENATE (URL \"/%/;UID=1\")",
    "APPEND mine CATENATE (URL \"/%;UIDVALIDITY=1/;UID=1/;SECTION=HEADER\")",
    "APPEND mine CATENATE (TEXT {10+}\r\nA: b\r\n\r\nc\r\n URL \"/%/;UID=1/;PARTIAL=0.10\")",
    "REPLACE 1 @ {10+}\r\nA: b\r\n\r\nc\r\n",
    "UID REPLACE 2 @ {10+}\r\nA: b\r\n\r\nc\r\n",
    "COPY 1 @",
    "UID COPY 1:2 @",
    "COPY 1:* @",
    "MOVE 1 @",
    "UID MOVE 1:* @",
    "CREATE @",
    "CREATE @/",
    "CREATE @/below",
    "CREATE @ (USE (\\Archive))",
    "CREATE @ (USE (\\All))",
    "CREATE @ (USE (\\Unknown))",
    "DELETE @",
    "DELETE @/below",
    "RENAME @ other",
    "RENAME @/below other",
    "RENAME @ \"Other Users/bob@example.org/open/there\"",
    "RENAME mine @",
    "RENAME mine @/below",
    "RENAME \"Other Users/bob@example.org/open\" @",
    "RENAME \"Other Users/bob@example.org/open\" @/below",
    "SUBSCRIBE @",
    "UNSUBSCRIBE @",
    "LIST \"\" *",
    "LIST \"\" @",
    "LIST @ *",
    "LIST \"\" \"Other Users/%\"",
    "LIST \"\" (@ @/%) RETURN (CHILDREN SUBSCRIBED SPECIAL-USE MYRIGHTS STATUS (MESSAGES UIDNEXT))",
    "LIST \"\" * RETURN (METADATA (/shared/comment /private/comment))",
    "LIST (RECURSIVEMATCH SUBSCRIBED) \"\" *",
    "LSUB \"\" *",
    "GETQUOTAROOT @",
    "GETACL @",
    "SETACL @ alice lr",
    "SETACL @ bob lr",
    "SETACL @ -bob lr",
    "DELETEACL @ alice",
    "DELETEACL @ bob",
    "LISTRIGHTS @ alice",
    "LISTRIGHTS @ bob",
    "MYRIGHTS @",
    "GETMETADATA @ /shared/comment",
    "GETMETADATA (DEPTH infinity) @ (/shared /private)",
    "SETMETADATA @ (/private/comment x)",
    "SETMETADATA @ (/shared/comment NIL)",
    "NOTIFY SET STATUS (mailboxes @ (MessageNew MessageExpunge FlagChange))",
    "NOTIFY SET STATUS (subtree \"Other Users\" (MessageNew MessageExpunge FlagChange MailboxName))",
    "NOTIFY SET (subtree @ (MailboxName MailboxMetadataChange ServerMetadataChange))",
    "NOTIFY SET (mailboxes @ (MessageNew MessageExpunge AnnotationChange))",
    "ESEARCH IN (mailboxes @) RETURN (ALL COUNT MIN) ALL",
    "ESEARCH IN (subtree @) TEXT XYZZY",
    "ESEARCH IN (subtree-one \"Other Users/bob@example.org\") RETURN (COUNT) ALL",
    "GENURLAUTH \"imap://alice@example.org/%/;UID=1;URLAUTH=user+alice\" INTERNAL",
    "GENURLAUTH \"imap://bob@example.org/%/;UID=1;URLAUTH=anonymous\" INTERNAL",
    "URLFETCH \"imap://alice@example.org/%/;UID=1;URLAUTH=anonymous:internal:#\"",
    "URLFETCH \"imap://bob@example.org/hidden/;UID=1;URLAUTH=anonymous:internal:#\"",
    "LIST \"\" \"Other Users/bob@example.org/*\"",
    "LIST \"\" \"Other Users/carol@example.org/*\"",
    "SELECT @/below",
    "STATUS @/below (MESSAGES)",
    "COPY 1 @/below",
    "CREATE @/below/deeper",
    "RENAME @ @/below",
    "RENAME @/below @",
    "MYRIGHTS @/below",
    "GETQUOTA bob@example.org",
    "GETQUOTA carol@example.org",
    "GETMETADATA (MAXSIZE 1 DEPTH 1) @ /shared",
    "RESETKEY @",
    "RESETKEY @ INTERNAL",
];

/// What else may be asked with the mailbox once something of it is selected.
const SELECTED: &[&str] = &[
    "FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE BODY.PEEK[])",
    "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1)",
    "UID SEARCH RETURN (ALL COUNT) TEXT XYZZY",
    "STORE 1 +FLAGS (\\Seen)",
    "EXPUNGE",
];

struct Place {
    /// As alice calls it.
    name: &'static str,
    in_url: &'static str,
}

const MINE: &str = "mine";
const OPEN: &str = "\"Other Users/bob@example.org/open\"";
const HIDDEN: Place =
    Place { name: "\"Other Users/bob@example.org/hidden\"", in_url: "Other%20Users/bob@example.org/hidden" };

impl Place {
    fn command(&self, template: &str, tag: &str) -> String {
        let unquoted = self.name.trim_matches('"');
        let below = |rest: &str| format!("\"{unquoted}{rest}\"");
        let command = template.replace("@/below", &below("/below")).replace("@/%", &below("/*"));
        let command = command.replace("@/", &below("/")).replace("/%/", &format!("/{}/", self.in_url));
        let command = command.replace("/%;", &format!("/{};", self.in_url));
        let command = command.replace('#', &"01".repeat(16));
        // An address in a URL is none of the places.
        let mut whole = String::new();
        for (at, piece) in command.split('@').enumerate() {
            let is_in_address =
                whole.ends_with("alice") || whole.ends_with("bob") || whole.ends_with("carol");
            if at > 0 {
                whole.push_str(if is_in_address { "@" } else { self.name });
            }
            whole.push_str(piece);
        }
        format!("{tag} {whole}\r\n")
    }
}

fn world(users: &[&str]) -> World {
    let mut world = World::new(&|commits: Arc<dyn Commits>| Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>);
    for user in users {
        world.add_user(user);
    }
    let message = |n: u32| format!("Subject: {n}\r\n\r\nHello\r\n").into_bytes();
    world.fill("alice", "mine", &[message(1), message(2), message(3)]);
    world
}

fn log_in(world: &mut World, peer: u32, user: &str) {
    world.open_imap(peer, true);
    let said = send(world, peer, &format!("a LOGIN {user} secret\r\n"));
    assert!(said.contains("a OK"), "{said}");
}

fn send(world: &mut World, peer: u32, line: &str) -> String {
    world.send(peer, line.as_bytes());
    String::from_utf8_lossy(&std::mem::take(&mut world.peer(peer).unwrap().said)).into_owned()
}

fn ok(world: &mut World, peer: u32, command: &str) {
    let said = send(world, peer, &format!("o {command}\r\n"));
    assert!(said.contains("o OK"), "{command}: {said}");
}

/// What bob does in his mailbox, as far as alice has left it there.
fn live(world: &mut World, mailbox: &str) {
    let mut bob = |command: &str| send(world, BOB, &format!("o {command}\r\n"));
    let message = format!("Subject: {TOKEN}\r\n\r\n{TOKEN} body\r\n");
    bob(&format!("APPEND {mailbox} (k{TOKEN}) {{{}+}}\r\n{message}", message.len()));
    bob(&format!("SETMETADATA {mailbox} (/shared/comment {NOTE})"));
    bob(&format!("CREATE {mailbox}/below"));
    bob(&format!("SELECT {mailbox}"));
    bob("STORE 1 +FLAGS (\\Deleted)");
    bob("UID EXPUNGE 1");
    bob("CLOSE");
    bob(&format!("DELETE {mailbox}/below"));
}

fn prepare(world: &mut World, mailbox: &str, selected: &str) {
    log_in(world, ALICE, "alice");
    log_in(world, BOB, "bob");
    ok(world, BOB, "CREATE open");
    ok(world, BOB, "SETACL open alice lrswipkxtea");
    ok(world, BOB, &format!("CREATE {mailbox}"));
    let message = format!("Subject: {TOKEN} secret\r\nFrom: {TOKEN}@example.org\r\n\r\n{TOKEN} body\r\n");
    for _ in 0..3 {
        ok(world, BOB, &format!("APPEND {mailbox} (k{TOKEN}) {{{}+}}\r\n{message}", message.len()));
    }
    ok(world, BOB, &format!("SETMETADATA {mailbox} (/shared/comment {NOTE} /private/comment {TOKEN})"));
    ok(world, BOB, "APPEND open {10+}\r\nA: b\r\n\r\nc\r\n {10+}\r\nA: b\r\n\r\nc\r\n");
    ok(world, ALICE, &format!("SELECT {selected}"));
    ok(world, ALICE, "ENABLE METADATA CONDSTORE QRESYNC");
}

/// Everything alice hears when she sends a command, and while bob goes on.
fn hears(world: &mut World, place: &Place, template: &str, mailbox: &str) -> String {
    let mut heard = send(world, ALICE, &place.command(template, "a"));
    live(world, mailbox);
    heard.push_str("--\r\n");
    heard.push_str(&send(world, ALICE, "b NOOP\r\n"));
    heard.push_str(&send(world, ALICE, "c IDLE\r\n"));
    live(world, mailbox);
    heard.push_str(&send(world, ALICE, ""));
    heard.push_str(&send(world, ALICE, "DONE\r\n"));
    heard
}

// spec: RFC 4314 §6
fn no_rights() -> Result<(), String> {
    for (before, selected) in [("", MINE), ("", OPEN), ("lrswipkxtea", MINE), ("l", OPEN), ("a", MINE)] {
        for template in COMMANDS {
            let [there, missing] = ["hidden", "elsewhere"].map(|mailbox| {
                let mut world = world(&["alice", "bob"]);
                prepare(&mut world, mailbox, selected);
                if !before.is_empty() {
                    ok(&mut world, BOB, &format!("SETACL {mailbox} alice {before}"));
                    ok(&mut world, BOB, &format!("DELETEACL {mailbox} alice"));
                }
                hears(&mut world, &HIDDEN, template, mailbox)
            });
            if there != missing {
                return Err(format!("{template}, after {before:?}\nthere:\n{there}\nmissing:\n{missing}"));
            }
            if (there.contains(TOKEN) || there.contains(NOTE)) && !template.contains(TOKEN) {
                return Err(format!("{template} tells: {there}"));
            }
        }
    }
    Ok(())
}

// spec: RFC 4314 §6
fn nothing_shared() -> Result<(), String> {
    let place = Place {
        name: "\"Other Users/carol@example.org/hidden\"",
        in_url: "Other%20Users/carol@example.org/hidden",
    };
    for template in COMMANDS {
        let [there, missing] = [&["alice", "bob", "carol"][..], &["alice", "bob"]].map(|users| {
            let mut world = world(users);
            prepare(&mut world, "elsewhere", MINE);
            if users.contains(&"carol") {
                world.fill("carol", "hidden", &[format!("Subject: {TOKEN}\r\n\r\nx").into_bytes()]);
            }
            hears(&mut world, &place, template, "elsewhere")
        });
        if there != missing {
            return Err(format!("{template}\nthere:\n{there}\nmissing:\n{missing}"));
        }
    }
    Ok(())
}

// spec: RFC 4314 §4
fn not_read() -> Result<(), String> {
    for rights in ["l", "lip", "lswtekx", "swtekxi", "i"] {
        for template in COMMANDS {
            let mut world = world(&["alice", "bob"]);
            prepare(&mut world, "hidden", MINE);
            ok(&mut world, BOB, &format!("SETACL hidden alice {rights}"));
            let mut heard = hears(&mut world, &HIDDEN, template, "hidden");
            for more in SELECTED {
                heard.push_str(&send(&mut world, ALICE, &format!("d {more}\r\n")));
            }
            // What she has put there or made of it is nobody's secret.
            let notes = rights.contains('l') && rights.contains(['s', 'w', 'i', 'p']);
            let tells = heard.contains(TOKEN) || heard.contains(NOTE) && !notes;
            if tells && !template.contains(TOKEN) {
                return Err(format!("{template} with {rights} tells: {heard}"));
            }
        }
    }
    Ok(())
}
