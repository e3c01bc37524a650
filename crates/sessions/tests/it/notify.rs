//! What a client has put together from notifications is what a fresh LIST, LSUB and STATUS show, whatever
//! others did, one thing at a time or many at once (RFC 5465 §5). The same of mailboxes that somebody else
//! shares, whose rights come and go (RFC 5465 §5.9).
//!
//! Others create, delete, rename and subscribe names, and put messages into mailboxes, flag, move and expunge
//! them. The watching clients differ: with CONDSTORE, with QRESYNC, in IDLE, with a mailbox selected of whose
//! messages they hear nothing until they leave it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use koi_mailbox::{Account, AclChange, FlagChange, FlagOp, Incoming, NewMessage};
use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_testkit::runner::numbered;
use koi_testkit::world::{World, address};
use koi_types::{Flags, MailboxId, MailboxName, Rights, SystemFlags, UidSet, ZoneOffset};

use crate::harness::Test;
use crate::view::Random;

const ROUNDS: usize = 40;
/// Names that others play with: few, so that they meet, and some below others.
const NAMES: [&str; 12] =
    ["a", "b", "c", "a/a", "a/b", "b/a", "a/a/a", "a/b/c", "b/a/c", "c/c", "c/c/c", "b/c"];
const EVENTS: &str = "(MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange)";

// spec: RFC 5465 §5; RFC 5465 §5.1; RFC 5465 §5.2; RFC 5465 §5.3; RFC 5465 §5.4; RFC 5465 §5.5; RFC 5465 §3.1
// spec: RFC 5465 §5.9
pub(crate) fn tests() -> Vec<Test> {
    let first: u64 = std::env::var("KOI_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let seeds = if std::env::var("KOI_QUICK").is_ok() { 20 } else { 120 };
    let all = |owner: &'static str| {
        let one = move |seed| run(seed, owner).map_err(|e| format!("KOI_SEED={seed}: {e}"));
        move || (first..first + seeds).try_for_each(one)
    };
    vec![
        Test { name: "notify/what_was_notified_is_what_there_is".to_owned(), run: Box::new(all("alice")) },
        Test { name: "notify/what_others_share_is_what_there_is".to_owned(), run: Box::new(all("bob")) },
    ]
}

/// Alice watches what happens in her mailboxes, or in those that Bob shares with her.
fn run(seed: u64, owner: &str) -> Result<(), String> {
    let mut world = World::new(&|commits: Arc<dyn Commits>| Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>);
    world.add_user("alice");
    world.add_user("bob");
    world.fill(owner, "a", &[numbered(1), numbered(2)]);
    world.fill(owner, "b/a", &[numbered(3)]);
    let id = world.service.directory().by_address(&address(owner)).unwrap().unwrap();
    let account = world.service.account(id).unwrap();
    let alice = world.service.directory().by_address(&address("alice")).unwrap().unwrap();
    let guest = world.service.account(alice).unwrap().of(id).unwrap();
    let shared = owner != "alice";
    let mut random = Random::new(seed);
    let mut clients: Vec<Client> = (1..=4).map(|peer| Client::new(peer, shared, &mut world)).collect();
    clients.iter_mut().try_for_each(|client| client.begin(&mut world))?;
    for _ in 0..ROUNDS {
        // All of it is told in one round.
        for _ in 0..=random.below(7) {
            match random.below(5) {
                0 if shared => change_rights(&account, &mut random),
                1 if shared => look(&guest, &mut random),
                _ => change(&account, &mut random),
            }
        }
        world.settle();
        for client in &mut clients {
            client.read(&mut world)?;
            client.may_do_something(&mut world, &mut random)?;
        }
        if random.below(12) == 0 {
            world.advance(91 * 86_400_000);
            clients.iter_mut().for_each(|client| client.begin_again(&mut world));
            clients.iter_mut().try_for_each(|client| client.begin(&mut world))?;
        }
    }
    let there = Known::ask(&mut world, 99, shared)?;
    for client in &mut clients {
        client.leave(&mut world)?;
        client.compare(&there)?;
    }
    Ok(())
}

/// The owner gives and takes rights.
fn change_rights(account: &Account, random: &mut Random) {
    let name = MailboxName::new(NAMES[random.below(NAMES.len())]).unwrap();
    let Some(mailbox) = mailbox(account, &name) else { return };
    let rights = Rights::parse(["lr", "lrs", "l", "r", "", "lrswi"][random.below(6)]).unwrap();
    let identifier = ["alice", "alice", "alice", "anyone", "-alice"][random.below(5)];
    drop(account.set_acl(mailbox, identifier, AclChange::Replace(rights)).wait());
}

/// Alice sees messages, or does not want to have seen them, elsewhere.
fn look(guest: &Account, random: &mut Random) {
    let name = MailboxName::new(&format!("Other Users/bob@example.org/{}", NAMES[random.below(3)])).unwrap();
    let Some(mailbox) = mailbox(guest, &name) else { return };
    let op = [FlagOp::Add, FlagOp::Remove][random.below(2)];
    let seen = FlagChange { op, system: SystemFlags::SEEN, keywords: Vec::new() };
    drop(guest.set_flags(mailbox, &some(random), seen, None).wait());
}

/// Somebody else does something; what cannot be done is not.
fn change(account: &Account, random: &mut Random) {
    let name = |random: &mut Random| MailboxName::new(NAMES[random.below(NAMES.len())]).unwrap();
    let (one, other) = (name(random), name(random));
    let flag = |op, system| FlagChange { op, system, keywords: Vec::new() };
    match random.below(17) {
        0..=2 => drop(account.create(&one, None).wait()),
        3 | 4 => drop(account.delete(&one).wait()),
        5..=9 => drop(account.rename(&one, &other).wait()),
        10 => drop(account.subscribe(&one, random.below(2) == 0).wait()),
        11 | 12 => {
            let Some(mailbox) = mailbox(account, &one) else { return };
            let message = Arc::new(Incoming::of(&numbered(7)).unwrap());
            let (received_at, received_zone) = (koi_testkit::world::START, ZoneOffset(0));
            let new = NewMessage { message, flags: Flags::default(), received_at, received_zone };
            drop(account.append(mailbox, vec![new]).wait());
        }
        13 => {
            let Some(mailbox) = mailbox(account, &one) else { return };
            let op = [FlagOp::Add, FlagOp::Remove][random.below(2)];
            let system = [SystemFlags::SEEN, SystemFlags::FLAGGED][random.below(2)];
            drop(account.set_flags(mailbox, &some(random), flag(op, system), None).wait());
        }
        14 => {
            let Some(mailbox) = mailbox(account, &one) else { return };
            let deleted = flag(FlagOp::Add, SystemFlags::DELETED);
            drop(account.set_flags(mailbox, &some(random), deleted, None).wait());
            drop(account.expunge(mailbox, None).wait());
        }
        _ => {
            let (Some(from), Some(to)) = (mailbox(account, &one), mailbox(account, &other)) else { return };
            drop(account.move_(from, &some(random), to).wait());
        }
    }
}

fn some(random: &mut Random) -> UidSet {
    let mut uids = UidSet::new();
    let first = 1 + random.below(6) as u32;
    uids.0.insert_range(first..=first + random.below(2) as u32);
    uids
}

fn mailbox(account: &Account, name: &MailboxName) -> Option<MailboxId> {
    account.snapshot().unwrap().mailbox_named(name).unwrap().map(|row| row.id)
}

/// Items of STATUS by their names.
type Counters = BTreeMap<String, u64>;

/// What somebody knows of an account.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Known {
    mailboxes: BTreeSet<String>,
    subscribed: BTreeSet<String>,
    counters: BTreeMap<String, Counters>,
}

impl Known {
    /// By somebody who asks for everything, or for everything that others share.
    fn ask(world: &mut World, peer: u32, shared: bool) -> Result<Self, String> {
        world.open_imap(peer, true);
        say(world, peer, "LOGIN alice secret")?;
        let mut known = Self::default();
        let pattern = if shared { "\"Other Users/*\"" } else { "*" };
        if !shared {
            for line in say(world, peer, "LIST (SUBSCRIBED) \"\" *")?.lines() {
                known.list(line);
            }
            known.mailboxes.clear();
        }
        for line in say(world, peer, &format!("LIST \"\" {pattern} RETURN (SUBSCRIBED)"))?.lines() {
            known.list(line);
        }
        for name in known.mailboxes.clone() {
            let items = "MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ";
            // Of what may be listed and not read, nothing is known.
            let said = say(world, peer, &format!("STATUS \"{name}\" ({items})"));
            said.or_else(|why| if shared { Ok(String::new()) } else { Err(why) })?
                .lines()
                .for_each(|line| known.status(line));
        }
        Ok(known)
    }
    /// `* LIST (\HasChildren) "/" b ("OLDNAME" (a))`
    fn list(&mut self, line: &str) {
        let Some((attributes, rest)) = line.strip_prefix("* LIST (").and_then(|l| l.split_once(") \"/\" "))
        else {
            return;
        };
        let (name, rest) = astring(rest);
        if let Some(old_name) = rest.strip_prefix(" (\"OLDNAME\" (") {
            self.rename(astring(old_name).0, name);
        }
        let has = |attribute| attributes.split(' ').any(|a| a == attribute);
        set(&mut self.mailboxes, name, !has("\\NonExistent"));
        set(&mut self.subscribed, name, has("\\Subscribed"));
        if has("\\NonExistent") || has("\\NoAccess") {
            self.counters.remove(name);
        }
    }
    /// Everything below moves along (RFC 5465 §5.4); subscriptions stay.
    fn rename(&mut self, from: &str, to: &str) {
        let moved = |name: &str| {
            let rest = name.strip_prefix(from)?;
            (rest.is_empty() || rest.starts_with('/')).then(|| format!("{to}{rest}"))
        };
        let mailboxes = std::mem::take(&mut self.mailboxes);
        self.mailboxes = mailboxes.into_iter().map(|name| moved(&name).unwrap_or(name)).collect();
        let counters = std::mem::take(&mut self.counters);
        self.counters = counters.into_iter().map(|(name, c)| (moved(&name).unwrap_or(name), c)).collect();
    }
    /// `* STATUS a (MESSAGES 3 UIDNEXT 4)`
    fn status(&mut self, line: &str) {
        let Some((name, items)) = line.strip_prefix("* STATUS ").map(astring) else { return };
        let items = items.trim_start_matches(" (");
        let words: Vec<&str> = items.trim_end_matches(')').split(' ').collect();
        let counters = self.counters.entry(name.to_owned()).or_default();
        for pair in words.chunks(2) {
            counters.insert(pair[0].to_owned(), pair[1].parse().unwrap());
        }
    }
}

/// A name, which may be quoted, and what is behind it.
fn astring(text: &str) -> (&str, &str) {
    match text.strip_prefix('"').and_then(|quoted| quoted.split_once('"')) {
        Some(parts) => parts,
        None => text.split_at(text.find([' ', ')']).unwrap_or(text.len())),
    }
}

fn set(names: &mut BTreeSet<String>, name: &str, there: bool) {
    match there {
        true => drop(names.insert(name.to_owned())),
        false => drop(names.remove(name)),
    }
}

/// One that watches. The first knows no modseqs, the second CONDSTORE, the third QRESYNC; the fourth selects.
struct Client {
    peer: u32,
    known: Known,
    idling: bool,
    selected: Option<String>,
    /// It watches what others share, and nothing else.
    shared: bool,
    /// Everything, for whoever must find out what went wrong.
    heard: String,
}

impl Client {
    fn new(peer: u32, shared: bool, world: &mut World) -> Self {
        world.open_imap(peer, true);
        Self { peer, known: Known::default(), idling: false, selected: None, shared, heard: String::new() }
    }
    fn begin(&mut self, world: &mut World) -> Result<(), String> {
        self.known = Known::ask(world, 90 + self.peer, self.shared)?;
        world.close(90 + self.peer);
        say(world, self.peer, "LOGIN alice secret")?;
        match self.peer {
            2 => drop(say(world, self.peer, "ENABLE CONDSTORE")?),
            3 => drop(say(world, self.peer, "ENABLE QRESYNC")?),
            _ => {}
        }
        let watched = if self.shared { "subtree \"Other Users\"" } else { "personal" };
        let said = say(world, self.peer, &format!("NOTIFY SET STATUS ({watched} {EVENTS})"))?;
        self.hear(&said)
    }
    /// Time went by, and the session with it.
    fn begin_again(&mut self, world: &mut World) {
        world.close(self.peer);
        *self = Self::new(self.peer, self.shared, world);
    }
    fn read(&mut self, world: &mut World) -> Result<(), String> {
        let said = String::from_utf8(std::mem::take(&mut world.peer(self.peer).unwrap().said)).unwrap();
        self.hear(&said)
    }
    fn hear(&mut self, said: &str) -> Result<(), String> {
        self.heard.push_str(said);
        self.heard.push_str("--\n");
        for line in said.lines() {
            if self.selected.as_ref().is_some_and(|name| line.starts_with(&format!("* STATUS {name} ("))) {
                return Err(format!("client {}: of the selected mailbox: {line}", self.peer));
            }
            self.known.list(line);
            self.known.status(line);
            if line.contains("NOTIFICATIONOVERFLOW") || line.contains(" EXPUNGE") || line.contains(" EXISTS")
            {
                return Err(format!("client {}: not asked for: {line}", self.peer));
            }
            if line.starts_with("* BYE") {
                return Err(format!("client {}: {line}", self.peer));
            }
        }
        Ok(())
    }
    fn may_do_something(&mut self, world: &mut World, random: &mut Random) -> Result<(), String> {
        match random.below(8) {
            0 if self.idling => self.leave(world)?,
            0 => {
                world.send(self.peer, b"i IDLE\r\n");
                self.idling = true;
                self.read(world)?;
            }
            1 if !self.idling => {
                let said = say(world, self.peer, "NOOP")?;
                self.hear(&said)?;
            }
            // INBOX: it cannot be deleted under the client.
            2 if !self.idling && self.peer == 4 && self.selected.is_none() => {
                say(world, self.peer, "EXAMINE INBOX")?;
                self.selected = Some("INBOX".to_owned());
            }
            3 if self.selected.is_some() => self.leave(world)?,
            4 if self.peer == 4 => {
                let inbox = if random.below(2) == 0 { vec![numbered(1)] } else { Vec::new() };
                world.fill("alice", "INBOX", &inbox);
                world.settle();
            }
            _ => {}
        }
        Ok(())
    }
    /// Neither in IDLE nor with a mailbox selected.
    fn leave(&mut self, world: &mut World) -> Result<(), String> {
        if std::mem::take(&mut self.idling) {
            world.send(self.peer, b"DONE\r\n");
            self.read(world)?;
        }
        if self.selected.take().is_some() {
            let said = say(world, self.peer, "UNSELECT")?;
            self.hear(&said)?;
        }
        self.read(world)
    }
    fn compare(&self, there: &Known) -> Result<(), String> {
        let mut there = there.clone();
        let keeps_modseqs = matches!(self.peer, 2 | 3);
        let mut known = self.known.clone();
        if !keeps_modseqs {
            for counters in there.counters.values_mut().chain(known.counters.values_mut()) {
                counters.remove("HIGHESTMODSEQ");
            }
        }
        let mut wrong = Vec::new();
        let names = known.mailboxes.symmetric_difference(&there.mailboxes);
        wrong.extend(names.map(|name| format!("mailbox {name}")));
        let names = known.subscribed.symmetric_difference(&there.subscribed);
        wrong.extend(names.map(|name| format!("subscription of {name}")));
        let names: BTreeSet<&String> = known.counters.keys().chain(there.counters.keys()).collect();
        let differ = names.into_iter().filter(|name| known.counters.get(*name) != there.counters.get(*name));
        let both = |name: &String| (known.counters.get(name), there.counters.get(name));
        wrong.extend(differ.map(|name| format!("counters of {name}: {:?}", both(name))));
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(format!("client {}: {}\n{}", self.peer, wrong.join("; "), self.heard)),
        }
    }
}

fn say(world: &mut World, peer: u32, command: &str) -> Result<String, String> {
    world.peer(peer).unwrap().said.clear();
    world.send(peer, format!("t {command}\r\n").as_bytes());
    let said = String::from_utf8(std::mem::take(&mut world.peer(peer).unwrap().said)).unwrap();
    match said.contains("t OK") {
        true => Ok(said),
        false => Err(format!("{command}: {said}")),
    }
}
