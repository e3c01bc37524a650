//! After random operations through LMTP, submission and IMAP, every chat message that arrived while the
//! filter was `active` is in Chats and nowhere else, and everything else is where it belongs too (COI-server
//! §configure-message-filtering).
//!
//! A model knows where each message must be that no client has touched. What a client copies, moves or
//! deletes itself is its own business from then on. Beside it: flags come before EXPUNGE.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use koi_proto::sasl::base64_encode;
use koi_sessions::smtp::Role;
use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_testkit::world::World;

use crate::harness::Test;
use crate::view::Random;

const OPERATIONS: usize = 150;
const MAILBOXES: [&str; 4] = ["INBOX", "COI/Chats", "Sent", "Archive"];

const IMAP: u32 = 1;
const LMTP: u32 = 2;
const SUBMISSION: u32 = 3;
const BOB: u32 = 4;

pub(crate) fn tests() -> Vec<Test> {
    let first: u64 = std::env::var("KOI_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let seeds = if std::env::var("KOI_QUICK").is_ok() { 10 } else { 60 };
    let random = move || {
        (first..first + seeds).try_for_each(|seed| run(seed).map_err(|e| format!("KOI_SEED={seed}: {e}")))
    };
    vec![
        // spec: COI-server §configure-message-filtering
        Test { name: "coi/random_operations".to_owned(), run: Box::new(random) },
        // spec: COI-server §configure-message-filtering; RFC 9051 §7.5.1
        Test { name: "coi/flags_before_expunge".to_owned(), run: Box::new(flags_before_expunge) },
    ]
}

fn new_world() -> World {
    let mut world = World::new(&|commits: Arc<dyn Commits>| Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>);
    world.add_user("alice");
    world.add_user("bob");
    world
}

/// For the client that sets \Seen and for one that idles, with EXPUNGE and with VANISHED.
fn flags_before_expunge() -> Result<(), String> {
    for qresync in [false, true] {
        let mut world = new_world();
        world.set_coi("alice", Some("seen"))?;
        for peer in [1, 2] {
            world.open_imap(peer, true);
            ask(&mut world, peer, "LOGIN alice secret")?;
            if qresync {
                ask(&mut world, peer, "ENABLE QRESYNC")?;
            }
            ask(&mut world, peer, "SELECT INBOX")?;
        }
        world.fill("alice", "INBOX", &[message("s1", "alice", true)]);
        world.settle();
        ask(&mut world, 1, "NOOP")?;
        ask(&mut world, 2, "NOOP")?;
        world.send(2, b"i IDLE\r\n");
        said(&mut world, 2);
        let own = ask(&mut world, 1, "UID STORE 1 +FLAGS (\\Seen)")?;
        let others = said(&mut world, 2);
        let gone = if qresync { "* VANISHED 1\r\n" } else { "* 1 EXPUNGE\r\n" };
        for told in [own, others] {
            let flags = told.find("FLAGS (\\Seen $Chat").ok_or_else(|| format!("no FLAGS: {told}"))?;
            let gone = told.find(gone).ok_or_else(|| format!("not told to be gone: {told}"))?;
            if flags > gone {
                return Err(format!("it was gone before its FLAGS: {told}"));
            }
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Setting {
    Off,
    None,
    Active,
    Seen,
}

impl Setting {
    const ALL: [Self; 5] = [Self::Off, Self::None, Self::Active, Self::Active, Self::Seen];

    const fn name(self) -> Option<&'static str> {
        match self {
            Self::Off => None,
            Self::None => Some("none"),
            Self::Active => Some("active"),
            Self::Seen => Some("seen"),
        }
    }
}

/// Where messages must be, by subject, each mailbox as often as it is named.
struct Model {
    setting: Setting,
    /// How many messages there were.
    count: usize,
    expected: BTreeMap<String, Vec<&'static str>>,
    /// Chat that came under the filter `seen` and may have been seen under it.
    may_move: BTreeSet<String>,
}

fn run(seed: u64) -> Result<(), String> {
    let mut world = new_world();
    world.set_sent_copy("alice", true);
    world.open_imap(IMAP, true);
    ask(&mut world, IMAP, "LOGIN alice secret")?;
    world.open_lmtp(LMTP);
    smtp(&mut world, LMTP, "LHLO test\r\n")?;
    for (peer, user) in [(SUBMISSION, "alice"), (BOB, "bob")] {
        world.open_smtp(peer, Role::Submission, true);
        smtp(&mut world, peer, "EHLO test\r\n")?;
        let plain = base64_encode(format!("\0{user}\0secret").as_bytes());
        smtp(&mut world, peer, &format!("AUTH PLAIN {plain}\r\n"))?;
    }
    let mut random = Random::new(seed);
    let mut model =
        Model { setting: Setting::Off, count: 0, expected: BTreeMap::new(), may_move: BTreeSet::new() };
    for _ in 0..OPERATIONS {
        let what = step(&mut world, &mut model, &mut random)?;
        model.compare(&mut world).map_err(|e| format!("after {what}: {e}"))?;
    }
    let findings = world.service.check().map_err(|e| e.to_string())?;
    if findings.is_empty() { Ok(()) } else { Err(format!("{findings:?}")) }
}

fn step(world: &mut World, model: &mut Model, random: &mut Random) -> Result<String, String> {
    let chat = random.below(3) > 0;
    match random.below(12) {
        0 => {
            model.setting = Setting::ALL[random.below(Setting::ALL.len())];
            world.set_coi("alice", model.setting.name())?;
            Ok(format!("{:?}", model.setting))
        }
        1..=4 => {
            let subject = model.next(chat);
            let text = message(&subject, "bob", chat);
            match random.below(2) {
                0 => send(world, LMTP, "bob", &["alice"], &text)?,
                _ => send(world, BOB, "bob", &["alice", "bob"], &text)?,
            }
            model.arrives(&subject, chat);
            Ok(format!("{subject} from bob"))
        }
        5 | 6 => {
            let subject = model.next(chat);
            let to: &[&str] = if random.below(2) == 0 { &["bob"] } else { &["alice", "bob"] };
            send(world, SUBMISSION, "alice", to, &message(&subject, "alice", chat))?;
            model.sends(&subject, chat, to.contains(&"alice"));
            Ok(format!("{subject} from alice to {to:?}"))
        }
        7 | 8 => {
            let mailbox = MAILBOXES[random.below(4)];
            if ask(world, IMAP, &format!("SELECT {mailbox}")).is_err() {
                return Ok("a mailbox that is not there".to_owned());
            }
            let flag = ["\\Seen", "\\Seen", "\\Flagged", "\\Deleted"][random.below(4)];
            let sign = ["+", "+", "-"][random.below(3)];
            let uid = 1 + random.below(20);
            ask(world, IMAP, &format!("UID STORE {uid}:{} {sign}FLAGS ({flag})", uid + 3))?;
            Ok(format!("{sign}{flag} of {uid} and more in {mailbox}"))
        }
        9 => {
            ask(world, IMAP, "SELECT INBOX")?;
            let uid = 1 + random.below(20);
            ask(world, IMAP, &format!("UID FETCH {uid}:{} BODY[]", uid + 1))?;
            Ok(format!("INBOX {uid} was read"))
        }
        10 => model.clients_own(world, random),
        _ => model.mailbox_command(world, random),
    }
}

impl Model {
    fn next(&mut self, chat: bool) -> String {
        self.count += 1;
        format!("{}{}", if chat { "chat" } else { "mail" }, self.count)
    }
    fn arrives(&mut self, subject: &str, chat: bool) {
        let place = if chat && self.setting == Setting::Active { "COI/Chats" } else { "INBOX" };
        self.expected.entry(subject.to_owned()).or_default().push(place);
        if chat && place == "INBOX" && self.setting != Setting::Off {
            self.may_move.insert(subject.to_owned());
        }
    }
    fn sends(&mut self, subject: &str, chat: bool, to_self: bool) {
        let filed = chat && self.setting != Setting::Off;
        let copy = if filed { "COI/Chats" } else { "Sent" };
        self.expected.entry(subject.to_owned()).or_default().push(copy);
        let is_there = filed && matches!(self.setting, Setting::Active | Setting::Seen);
        if to_self && !is_there {
            self.arrives(subject, chat);
        }
    }
    /// A client copies or moves messages, or takes them out.
    fn clients_own(&mut self, world: &mut World, random: &mut Random) -> Result<String, String> {
        let (from, to) = (MAILBOXES[random.below(4)], MAILBOXES[random.below(4)]);
        let uid = 1 + random.below(20);
        let command = match random.below(4) {
            0 => format!("UID COPY {uid} {to}"),
            1 | 2 => format!("UID MOVE {uid} {to}"),
            _ => "EXPUNGE".to_owned(),
        };
        if ask(world, IMAP, &format!("SELECT {from}")).is_err() {
            return Ok("a mailbox that is not there".to_owned());
        }
        let gone = ask(world, IMAP, "UID SEARCH DELETED")?;
        let uids = if command == "EXPUNGE" { words_after(&gone, "* SEARCH") } else { vec![uid.to_string()] };
        let subjects = read(world, from)?;
        for (uid, subject) in subjects {
            if uids.contains(&uid) {
                self.expected.remove(&subject);
            }
        }
        ask(world, IMAP, &format!("SELECT {from}"))?;
        // The target may not be there.
        let _ = ask(world, IMAP, &command);
        Ok(format!("{command} in {from}"))
    }
    fn mailbox_command(&mut self, world: &mut World, random: &mut Random) -> Result<String, String> {
        let enabled = self.setting != Setting::Off;
        let there = ask(world, IMAP, "STATUS COI/Chats (MESSAGES)").is_ok();
        let (command, allowed) = match random.below(4) {
            0 => ("CREATE COI/Chats", !there),
            1 => ("DELETE COI/Chats", there),
            2 => ("RENAME COI/Chats COI/Old", there && !enabled),
            _ => ("DELETE COI/Old", false),
        };
        let done = ask(world, IMAP, command).is_ok();
        if done && !allowed && command != "DELETE COI/Old" {
            return Err(format!("{command} was allowed"));
        }
        if done && command.ends_with("Chats") && command.starts_with("CREATE") {
            self.setting = Setting::None;
            world.set_coi("alice", self.setting.name())?;
        } else if done && command != "DELETE COI/Old" {
            self.setting = Setting::Off;
            // Everything that was there is somewhere else, or nowhere.
            self.expected
                .retain(|subject, places| !places.contains(&"COI/Chats") && !self.may_move.contains(subject));
        }
        Ok(command.to_owned())
    }
    /// Where everything is, against where it must be.
    fn compare(&self, world: &mut World) -> Result<(), String> {
        let mut found: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for mailbox in MAILBOXES {
            for (_, subject) in read(world, mailbox)? {
                found.entry(subject).or_default().push(mailbox);
            }
        }
        for (subject, expected) in &self.expected {
            let mut expected = expected.clone();
            let mut there = found.get(subject).cloned().unwrap_or_default();
            if self.may_move.contains(subject) {
                // Seen under the filter `seen` or not: it is in one place.
                let moved = |places: &mut Vec<&str>| {
                    places
                        .iter_mut()
                        .filter(|place| **place == "INBOX")
                        .for_each(|place| *place = "COI/Chats");
                };
                moved(&mut expected);
                moved(&mut there);
            }
            expected.sort_unstable();
            there.sort_unstable();
            if expected != there {
                return Err(format!("{subject} is in {there:?}, not in {expected:?}"));
            }
        }
        self.none_waits(world)
    }
    /// Nothing stays in INBOX that was seen there under the filter: whatever arrived while it held.
    fn none_waits(&self, world: &mut World) -> Result<(), String> {
        if self.setting != Setting::Seen {
            return Ok(());
        }
        ask(world, IMAP, "EXAMINE INBOX")?;
        let waits = ask(world, IMAP, "SEARCH SEEN UNDELETED KEYWORD $Chat")?;
        let left = words_after(&waits, "* SEARCH").len();
        // Chat that was seen before the filter was set stays: there were at most so many.
        if left > self.may_move.len() { Err(format!("{left} seen chats wait in INBOX")) } else { Ok(()) }
    }
}

fn words_after(said: &str, begin: &str) -> Vec<String> {
    let line = said.lines().find_map(|line| line.strip_prefix(begin)).unwrap_or_default();
    line.split_whitespace().map(str::to_owned).collect()
}

/// UID and subject of everything in a mailbox; nothing when it is not there.
fn read(world: &mut World, mailbox: &str) -> Result<Vec<(String, String)>, String> {
    if ask(world, IMAP, &format!("EXAMINE {mailbox}")).is_err() {
        return Ok(Vec::new());
    }
    let said = ask(world, IMAP, "UID FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (Subject)])")?;
    let mut found = Vec::new();
    let mut uid = String::new();
    for line in said.lines() {
        if let Some((_, rest)) = line.split_once(" FETCH (UID ") {
            uid = rest.split(' ').next().unwrap_or_default().to_owned();
        }
        if let Some(subject) = line.strip_prefix("Subject: ") {
            found.push((uid.clone(), subject.to_owned()));
        }
    }
    Ok(found)
}

fn message(subject: &str, from: &str, chat: bool) -> Vec<u8> {
    let id = if chat { format!("chat${subject}") } else { subject.to_owned() };
    format!(
        "From: {from}@example.org\r\nSubject: {subject}\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n\
         Message-ID: <{id}@example.org>\r\n\r\ntext\r\n"
    )
    .into_bytes()
}

fn said(world: &mut World, peer: u32) -> String {
    String::from_utf8_lossy(&std::mem::take(&mut world.peer(peer).unwrap().said)).into_owned()
}

/// What came for a command; an error when it was not OK.
fn ask(world: &mut World, peer: u32, command: &str) -> Result<String, String> {
    world.peer(peer).unwrap().said.clear();
    world.send(peer, format!("t {command}\r\n").as_bytes());
    let said = said(world, peer);
    match said.lines().last() {
        Some(last) if last.starts_with("t OK") => Ok(said),
        _ => Err(format!("{command}: {said}")),
    }
}

fn smtp(world: &mut World, peer: u32, lines: &str) -> Result<(), String> {
    world.peer(peer).unwrap().said.clear();
    world.send(peer, lines.as_bytes());
    let said = said(world, peer);
    let refused = said.lines().find(|line| line.starts_with('4') || line.starts_with('5'));
    refused.map_or(Ok(()), |line| Err(format!("{lines}: {line}")))
}

fn send(world: &mut World, peer: u32, from: &str, to: &[&str], message: &[u8]) -> Result<(), String> {
    smtp(world, peer, &format!("MAIL FROM:<{from}@example.org>\r\n"))?;
    for user in to {
        smtp(world, peer, &format!("RCPT TO:<{user}@example.org>\r\n"))?;
    }
    smtp(world, peer, "DATA\r\n")?;
    smtp(world, peer, &format!("{}.\r\n", String::from_utf8_lossy(message)))
}
