//! After random changes, the result of a search with the updates its client was told applied to it is what
//! a fresh search answers (RFC 5267 §4.3), by UID and by message sequence number, in the order of the mailbox
//! and sorted. Of new messages that match, and of no others, the items asked for are told (RFC 5465 §7).

use std::collections::BTreeSet;
use std::sync::Arc;

use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_testkit::world::World;

use crate::harness::Test;
use crate::qresync::uids;
use crate::view::Random;

const STEPS: usize = 50;
const FLAGS: [&str; 4] = ["\\Seen", "\\Deleted", "\\Flagged", "$Work"];

/// The searches of the client that is told, and how each list is kept.
const SEARCHES: [&str; 8] = [
    "UID SEARCH RETURN (UPDATE ALL) ALL",
    "UID SEARCH RETURN (UPDATE (UID RFC822.SIZE) ALL) UNSEEN SUBJECT a",
    "UID SORT RETURN (UPDATE(INTERNALDATE UID) ALL) (SUBJECT) UTF-8 OR SUBJECT b SUBJECT a",
    "UID SEARCH RETURN (UPDATE ALL) UNSEEN",
    "SEARCH RETURN (UPDATE ALL) OR FLAGGED KEYWORD $Work",
    "UID SORT RETURN (UPDATE ALL) (SUBJECT) UTF-8 UNDELETED",
    "SORT RETURN (UPDATE ALL) (REVERSE SUBJECT ARRIVAL) UTF-8 UNSEEN",
    "SEARCH RETURN (UPDATE ALL) UID 3:* NOT SUBJECT b",
];

/// What some of them want to know of new messages.
const ITEMS: [&str; 2] = ["RFC822.SIZE", "INTERNALDATE"];

pub(crate) fn tests() -> Vec<Test> {
    let first: u64 = std::env::var("KOI_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let count = if std::env::var_os("KOI_QUICK").is_some() { 20 } else { 100 };
    let run = move || {
        (first..first + count).try_for_each(|seed| run(seed).map_err(|e| format!("KOI_SEED={seed}: {e}")))
    };
    vec![Test { name: "contexts/updates_lead_to_what_a_fresh_search_finds".to_owned(), run: Box::new(run) }]
}

struct Following {
    lists: Vec<List>,
    idling: bool,
    serial: u32,
    /// Messages of which an item was told, since what the client knew then.
    told: BTreeSet<Told>,
    known: BTreeSet<u32>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Told {
    item: &'static str,
    uid: u32,
}

/// A result that its client keeps up to date.
pub(crate) struct List {
    tag: String,
    /// Told of new messages.
    item: Option<&'static str>,
    pub(crate) numbers: Vec<u32>,
    by_uid: bool,
    sorted: bool,
}

// spec: RFC 5267 §4.3; RFC 5267 §4.3.2; RFC 5267 §4.3.3; RFC 5267 §4.3.4; RFC 5465 §7
fn run(seed: u64) -> Result<(), String> {
    let mut world = World::new(&|commits: Arc<dyn Commits>| Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>);
    world.add_user("alice");
    let mut random = Random::new(seed);
    world.fill("alice", "INBOX", &(0..5).map(|_| message(&mut random)).collect::<Vec<_>>());
    for peer in [1, 2] {
        world.open_imap(peer, true);
        ask(&mut world, peer, "LOGIN alice secret");
        if peer == 2 || seed.is_multiple_of(3) {
            ask(&mut world, peer, "SELECT INBOX");
        } else {
            ask(&mut world, peer, "ENABLE IMAP4rev2");
            ask(&mut world, peer, "SELECT INBOX");
        }
    }
    let mut following = Following::begin(&mut world)?;
    for _ in 0..STEPS {
        step(&mut following, &mut world, &mut random)?;
    }
    following.compare(&mut world)
}

fn message(random: &mut Random) -> Vec<u8> {
    let subject = ["a", "b", "Re: a", "c", "d"][random.below(5)];
    format!("Subject: {subject}\r\n\r\nx\r\n").into_bytes()
}

fn ask(world: &mut World, peer: u32, command: &str) -> String {
    world.send(peer, format!("x {command}\r\n").as_bytes());
    said(world, peer)
}

fn said(world: &mut World, peer: u32) -> String {
    String::from_utf8_lossy(&std::mem::take(&mut world.peer(peer).unwrap().said)).into_owned()
}

fn step(following: &mut Following, world: &mut World, random: &mut Random) -> Result<(), String> {
    let flag = FLAGS[random.below(FLAGS.len())];
    let sign = ["+", "-", ""][random.below(3)];
    let (from, to) = (1 + random.below(14), 1 + random.below(14));
    match random.below(12) {
        0 | 1 => {
            let new: Vec<Vec<u8>> = (0..=random.below(3)).map(|_| message(random)).collect();
            world.fill("alice", "INBOX", &new);
        }
        2..=4 => drop(ask(world, 2, &format!("UID STORE {from}:{to} {sign}FLAGS.SILENT ({flag})"))),
        5 => drop(ask(world, 2, "EXPUNGE")),
        6 => drop(ask(world, 2, &format!("UID MOVE {from} Archive"))),
        7 => following.command(world, &format!("UID STORE {from}:{to} {sign}FLAGS ({flag})"))?,
        8 => following.command(world, &format!("UID STORE {from}:{to} {sign}FLAGS.SILENT ({flag})"))?,
        9 => following.command(world, ["NOOP", "FETCH 1:* (UID)", "EXPUNGE"][random.below(3)])?,
        10 if !following.idling => {
            world.send(1, b"i IDLE\r\n");
            following.idling = true;
        }
        _ => following.compare(world)?,
    }
    if following.idling {
        let text = said(world, 1);
        following.read(&text)?;
    }
    Ok(())
}

impl Following {
    fn begin(world: &mut World) -> Result<Self, String> {
        let (told, known) = (BTreeSet::new(), BTreeSet::new());
        let mut following = Self { lists: Vec::new(), idling: false, serial: 0, told, known };
        for (at, search) in SEARCHES.iter().enumerate() {
            let tag = format!("u{at}");
            world.send(1, format!("{tag} {search}\r\n").as_bytes());
            let text = said(world, 1);
            let numbers = all(&text).ok_or(text)?;
            let (by_uid, sorted) = (search.starts_with("UID"), search.contains("SORT"));
            let item = ITEMS.into_iter().find(|item| search.contains(item));
            following.lists.push(List { tag, item, numbers, by_uid, sorted });
        }
        Ok(following)
    }
    fn command(&mut self, world: &mut World, command: &str) -> Result<(), String> {
        if self.idling {
            self.idling = false;
            world.send(1, b"DONE\r\n");
            let text = said(world, 1);
            self.read(&text)?;
        }
        let text = ask(world, 1, command);
        self.read(&text)
    }
    /// Everything is told, and then a fresh search is the same.
    fn compare(&mut self, world: &mut World) -> Result<(), String> {
        self.command(world, "NOOP")?;
        for (at, search) in SEARCHES.iter().enumerate() {
            self.serial += 1;
            let (_, rest) = search.split_once(" ALL)").unwrap();
            let (command, _) = search.split_once(" RETURN").unwrap();
            let fresh = format!("{command} RETURN (ALL){rest}");
            world.send(1, format!("f{} {fresh}\r\n", self.serial).as_bytes());
            let text = said(world, 1);
            let expected = all(&text).ok_or(text)?;
            let list = &self.lists[at];
            if list.numbers != expected {
                return Err(format!("{search}: told {:?}, found {expected:?}", list.numbers));
            }
        }
        Ok(())
    }
    fn read(&mut self, text: &str) -> Result<(), String> {
        self.known = self.lists[0].numbers.iter().copied().collect();
        self.told.clear();
        text.lines()
            .try_for_each(|line| self.line(line).map_err(|e| format!("`{line}`: {e}\nin\n{text}")))?;
        match self.told.first() {
            None => Ok(()),
            Some(told) => Err(format!("{told:?} does not match, or was known\nin\n{text}")),
        }
    }
    fn line(&mut self, line: &str) -> Result<(), String> {
        let words: Vec<&str> = line.split(' ').collect();
        if let ["*", number, "EXPUNGE"] = words.as_slice() {
            let gone: u32 = number.parse().map_err(|_| "no number")?;
            for list in self.lists.iter_mut().filter(|list| !list.by_uid) {
                if list.numbers.contains(&gone) {
                    return Err(format!("{gone} was still in {}", list.tag));
                }
                list.numbers.iter_mut().filter(|number| **number > gone).for_each(|number| *number -= 1);
            }
        }
        if words.get(2) == Some(&"FETCH") {
            let uid = line.split_once("UID ").map(|(_, rest)| rest.split([' ', ')']).next().unwrap());
            for item in ITEMS.into_iter().filter(|item| line.contains(item)) {
                let uid = uid.and_then(|uid| uid.parse().ok()).ok_or("no UID")?;
                self.told.insert(Told { item, uid });
            }
        }
        if let Some(rest) = line.strip_prefix("* ESEARCH (TAG \"") {
            let (tag, rest) = rest.split_once("\")").ok_or("no tag")?;
            let list = self.lists.iter_mut().find(|list| list.tag == tag).ok_or("nobody asked")?;
            let before: BTreeSet<u32> = list.numbers.iter().copied().collect();
            list.change(rest)?;
            if let Some(item) = list.item {
                let now: BTreeSet<u32> = list.numbers.iter().copied().collect();
                for uid in now.difference(&before).copied().filter(|uid| !self.known.contains(uid)) {
                    if !self.told.remove(&Told { item, uid }) {
                        return Err(format!("{item} of {uid} was not told before"));
                    }
                }
            }
        }
        Ok(())
    }
}

impl List {
    /// Of UIDs, in the order of the mailbox.
    pub(crate) fn by_uid(tag: &str, numbers: Vec<u32>) -> Self {
        Self { tag: tag.to_owned(), item: None, numbers, by_uid: true, sorted: false }
    }
    /// ` UID REMOVEFROM (0 2,5) ADDTO (0 4:5)`
    pub(crate) fn change(&mut self, rest: &str) -> Result<(), String> {
        let rest = rest.strip_prefix(" UID").inspect(|_| assert!(self.by_uid)).unwrap_or(rest);
        for item in rest.split(')').filter(|item| !item.is_empty()) {
            let (word, pairs) = item.trim_start().split_once(" (").ok_or("no list")?;
            let pairs: Vec<&str> = pairs.split(' ').collect();
            for pair in pairs.chunks(2) {
                let position: usize = pair[0].parse().map_err(|_| "no position")?;
                self.pair(word, position, &uids(pair[1]))?;
            }
        }
        Ok(())
    }
    fn pair(&mut self, word: &str, position: usize, numbers: &[u32]) -> Result<(), String> {
        match (word, position) {
            (_, 0) if self.sorted => return Err("a sorted list has places".to_owned()),
            ("ADDTO", 0) => {
                self.numbers.extend(numbers);
                self.numbers.sort_unstable();
            }
            ("ADDTO", at) if at <= self.numbers.len() + 1 => {
                self.numbers.splice(at - 1..at - 1, numbers.iter().copied());
            }
            ("REMOVEFROM", 0) if numbers.iter().all(|number| self.numbers.contains(number)) => {
                self.numbers.retain(|number| !numbers.contains(number));
            }
            ("REMOVEFROM", at) if self.numbers[at - 1..].starts_with(numbers) => {
                self.numbers.drain(at - 1..at - 1 + numbers.len());
            }
            _ => return Err(format!("{word} {position} {numbers:?} in {:?}", self.numbers)),
        }
        Ok(())
    }
}

/// What ALL says; nothing when it is missing.
pub(crate) fn all(text: &str) -> Option<Vec<u32>> {
    let line = text.lines().find(|line| line.starts_with("* ESEARCH"))?;
    Some(line.split_once(" ALL ").map(|(_, set)| uids(set)).unwrap_or_default())
}
