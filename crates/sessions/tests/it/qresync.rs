//! QRESYNC after ten thousand random changes is a fresh FETCH (RFC 7162 §3.2.5, RFC 7162 §6).
//!
//! A client keeps what it was told under UIDs, and the HIGHESTMODSEQ that RFC 7162 §6 lets it keep. It
//! sometimes looks on while others change the mailbox, sometimes not, and then loses its connection without a
//! word. Others move messages out and in, and rename INBOX, which empties it. When the client comes back,
//! what QRESYNC tells it must make its copy the same as what anybody sees who reads everything. In between
//! the server forgets its log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use koi_mailbox::{Account, FlagChange, FlagOp, Incoming, NewMessage};
use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_testkit::runner::numbered;
use koi_testkit::world::{World, address};
use koi_types::{Flags, Keyword, MailboxId, MailboxName, SystemFlags, UidSet, ZoneOffset};

use crate::harness::Test;
use crate::view::Random;

const CHANGES: usize = 10_000;

pub(crate) fn tests() -> Vec<Test> {
    let first: u64 = std::env::var("KOI_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let quick = std::env::var("KOI_QUICK").is_ok();
    let run = move || {
        let (seeds, changes) = if quick { (1, CHANGES / 5) } else { (2, CHANGES) };
        (first..first + seeds)
            .try_for_each(|seed| run(seed, changes).map_err(|e| format!("KOI_SEED={seed}: {e}")))
    };
    // spec: RFC 7162 §3.2.5; RFC 7162 §6; RFC 7162 §3.2; RFC 9586 §3.7
    vec![
        Test { name: "qresync/random_changes".to_owned(), run: Box::new(run) },
        Test { name: "qresync/past_the_horizon_step_by_step".to_owned(), run: Box::new(past_the_horizon) },
    ]
}

/// Where the log is gone everything is compared, but not in one step: others are served in between.
// spec: RFC 7162 §3.2.5.1; RFC 7162 §3.2.6; RFC 7162 §5.2
fn past_the_horizon() -> Result<(), String> {
    const MESSAGES: usize = 25_000;
    let mut world = World::new(&|commits: Arc<dyn Commits>| Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>);
    world.add_user("alice");
    let id = world.service.directory().by_address(&address("alice")).unwrap().unwrap();
    let account = world.service.account(id).unwrap();
    let inbox = mailbox(&account, "INBOX");
    let message = Arc::new(Incoming::of(&numbered(1)).unwrap());
    let (received_at, received_zone) = (world.now(), ZoneOffset(0));
    let new = NewMessage { message, flags: Flags::default(), received_at, received_zone };
    for _ in 0..MESSAGES / 1000 {
        account.append(inbox, vec![new.clone(); 1000]).wait().unwrap();
    }
    let since = account.snapshot().unwrap().modseq();
    let uids = |list: &[u32]| UidSet(list.iter().copied().collect());
    let set = |system| FlagChange { op: FlagOp::Add, system, keywords: Vec::new() };
    account.set_flags(inbox, &uids(&[7, 12_000, 24_999]), set(SystemFlags::FLAGGED), None).wait().unwrap();
    account.set_flags(inbox, &uids(&[8, 20_000]), set(SystemFlags::DELETED), None).wait().unwrap();
    account.expunge(inbox, None).wait().unwrap();
    world.advance(91 * 86_400_000);
    (0..40).for_each(|_| world.housekeep());

    let mut copy = Copy::default();
    world.open_imap(1, true);
    copy.command(&mut world, 1, "LOGIN alice secret")?;
    copy.command(&mut world, 1, "ENABLE QRESYNC")?;
    let validity = account.snapshot().unwrap().mailbox(inbox).unwrap().unwrap().uidvalidity;
    for command in [
        format!("SELECT INBOX (QRESYNC ({validity} {since} 1:25000))"),
        format!("UID FETCH 1:* (FLAGS) (CHANGEDSINCE {since} VANISHED)"),
    ] {
        let before = world.peer(1).unwrap().yields;
        world.send(1, format!("t {command}\r\n").as_bytes());
        let said = String::from_utf8(std::mem::take(&mut world.peer(1).unwrap().said)).unwrap();
        let fetched: Vec<&str> = said.lines().filter(|line| line.contains(" FETCH (")).collect();
        assert_eq!(fetched.len(), 3, "{fetched:?}");
        assert!(fetched.iter().all(|line| line.contains("\\Flagged")), "{fetched:?}");
        assert!(said.contains("* VANISHED (EARLIER) 8,20000\r\n"), "{command}");
        let yields = world.peer(1).unwrap().yields - before;
        assert!(yields >= 2, "{command} let others go first {yields} times");
    }
    Ok(())
}

fn run(seed: u64, changes: usize) -> Result<(), String> {
    let mut world = World::new(&|commits: Arc<dyn Commits>| Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>);
    world.add_user("alice");
    world.fill("alice", "INBOX", &(1..=200).map(numbered).collect::<Vec<_>>());
    world.fill("alice", "other", &(1..=20).map(numbered).collect::<Vec<_>>());
    let id = world.service.directory().by_address(&address("alice")).unwrap().unwrap();
    let account = world.service.account(id).unwrap();
    let mut random = Random::new(seed);
    let mut copy = Copy::default();
    let (mut left, mut peer) = (changes, 1);
    while left > 0 {
        copy.come_back(&mut world, peer, &mut random)?;
        let fresh = read_everything(&mut world, peer + 1)?;
        if copy.messages != fresh {
            return Err(format!("{left} changes before the end: {}", difference(&copy.messages, &fresh)));
        }
        let round = (1 + random.below(600)).min(left);
        left -= round;
        let watches = random.below(3) > 0;
        for _ in 0..round {
            change(&mut world, &account, &mut random);
            if watches && random.below(8) == 0 {
                copy.look(&mut world, peer, &mut random)?;
            }
        }
        world.close(peer);
        world.close(peer + 1);
        if random.below(8) == 0 {
            world.advance(91 * 86_400_000);
            (0..40).for_each(|_| world.housekeep());
        }
        peer += 2;
    }
    Ok(())
}

fn difference(copy: &BTreeMap<u32, BTreeSet<String>>, fresh: &BTreeMap<u32, BTreeSet<String>>) -> String {
    let uids: BTreeSet<u32> = copy.keys().chain(fresh.keys()).copied().collect();
    let differs = uids.into_iter().filter(|uid| copy.get(uid) != fresh.get(uid));
    differs
        .map(|uid| format!("UID {uid}: {:?}, but there is {:?}; ", copy.get(&uid), fresh.get(&uid)))
        .collect()
}

/// Somebody else does something.
fn change(world: &mut World, account: &Account, random: &mut Random) {
    let inbox = mailbox(account, "INBOX");
    let uids = account.snapshot().unwrap().uids(inbox).unwrap();
    let mut some = UidSet::new();
    let count = 1 + random.below(3);
    for _ in 0..count.min(uids.count() as usize) {
        some.0.insert(uids.0.nth(random.below(uids.count() as usize) as u64).unwrap());
    }
    match random.below(10) {
        0 => world.fill("alice", "INBOX", &[numbered(7)]),
        1 | 2 if uids.count() > 50 => {
            let deleted = FlagChange { op: FlagOp::Add, system: SystemFlags::DELETED, keywords: Vec::new() };
            account.set_flags(inbox, &some, deleted, None).wait().unwrap();
            account.expunge(inbox, Some(&some)).wait().unwrap();
        }
        3 if uids.count() > 50 => {
            drop(account.move_(inbox, &some, mailbox(account, "other")).wait().unwrap())
        }
        4 if uids.count() < 400 => {
            let other = mailbox(account, "other");
            let all = account.snapshot().unwrap().uids(other).unwrap();
            let from = UidSet(all.0.nth(random.below(all.count() as usize) as u64).into_iter().collect());
            account.copy(other, &from, inbox).wait().unwrap();
        }
        // RFC 9051 §6.3.6: everything moves away; some of it comes back as new messages.
        5 if random.below(60) == 0 => {
            let old = MailboxName::new(&format!("old-{}", account.snapshot().unwrap().modseq())).unwrap();
            account.rename(&MailboxName::inbox(), &old).wait().unwrap();
            let old = mailbox(account, old.as_str());
            let mut first = UidSet::new();
            first.0.insert_range(1..=90);
            account.copy(old, &first, inbox).wait().unwrap();
        }
        _ => {
            let op = [FlagOp::Add, FlagOp::Remove, FlagOp::Replace][random.below(3)];
            let system = [SystemFlags::SEEN, SystemFlags::FLAGGED, SystemFlags::NONE][random.below(3)];
            let keywords = Keyword::new(["$Work", "$Junk"][random.below(2)]).into_iter().collect();
            account.set_flags(inbox, &some, FlagChange { op, system, keywords }, None).wait().unwrap();
        }
    }
    world.settle();
}

fn mailbox(account: &Account, name: &str) -> MailboxId {
    account.snapshot().unwrap().mailbox_named(&MailboxName::new(name).unwrap()).unwrap().unwrap().id
}

fn read_everything(world: &mut World, peer: u32) -> Result<BTreeMap<u32, BTreeSet<String>>, String> {
    let mut reader = Copy::default();
    world.open_imap(peer, true);
    reader.command(world, peer, "LOGIN alice secret")?;
    reader.command(world, peer, "EXAMINE INBOX")?;
    reader.command(world, peer, "FETCH 1:* (UID FLAGS)")?;
    Ok(reader.messages)
}

/// What a client keeps of a mailbox.
#[derive(Default)]
struct Copy {
    uid_validity: Option<u32>,
    highest_modseq: u64,
    /// It asked for everything up to this UID.
    uid_next: u32,
    messages: BTreeMap<u32, BTreeSet<String>>,
    /// This session knows no message sequence numbers.
    uid_only: bool,
}

impl Copy {
    fn come_back(&mut self, world: &mut World, peer: u32, random: &mut Random) -> Result<(), String> {
        world.open_imap(peer, true);
        self.command(world, peer, "LOGIN alice secret")?;
        let enable = [
            "ENABLE QRESYNC",
            "ENABLE QRESYNC IMAP4rev2",
            "ENABLE IMAP4rev2 CONDSTORE QRESYNC",
            "ENABLE UIDONLY QRESYNC",
        ][random.below(4)];
        self.command(world, peer, enable)?;
        self.uid_only = enable.contains("UIDONLY");
        let Some(uid_validity) = self.uid_validity else {
            self.command(world, peer, "SELECT INBOX")?;
            let everything = if self.uid_only { "UID FETCH 1:* (FLAGS)" } else { "FETCH 1:* (UID FLAGS)" };
            self.command(world, peer, everything)?;
            self.uid_next = self.messages.keys().next_back().map_or(1, |last| last + 1);
            return Ok(());
        };
        let last = self.messages.keys().next_back().copied().unwrap_or(0);
        let modseq = self.highest_modseq;
        // All the ways to say what is known, which mean the same here; with UIDONLY there are no numbers to
        // compare (RFC 9586 §3.7).
        let known = match random.below(if self.uid_only { 2 } else { 3 }) {
            0 => String::new(),
            1 => format!(" 1:{}", last.max(1)),
            _ => format!(" 1:{} (1 {})", last.max(1), self.messages.keys().next().copied().unwrap_or(1)),
        };
        if random.below(4) == 0 {
            self.command(world, peer, "SELECT INBOX")?;
            let missed = format!("UID FETCH 1:{} (FLAGS) (CHANGEDSINCE {modseq} VANISHED)", last.max(1));
            self.command(world, peer, &missed)?;
        } else {
            self.command(world, peer, &format!("SELECT INBOX (QRESYNC ({uid_validity} {modseq}{known}))"))?;
        }
        // What is above everything it knows is new.
        self.command(world, peer, &format!("UID FETCH {}:* (FLAGS)", self.uid_next))?;
        self.uid_next = self.messages.keys().next_back().map_or(1, |last| last + 1).max(self.uid_next);
        Ok(())
    }
    /// Anything that lets it hear of changes.
    fn look(&mut self, world: &mut World, peer: u32, random: &mut Random) -> Result<(), String> {
        let command = match random.below(10) {
            0 => "NOOP",
            1 => "SEARCH ALL",
            2 => "UID SEARCH UNSEEN",
            3 => "FETCH 1 (UID FLAGS MODSEQ)",
            4 => "STORE 2 +FLAGS (\\Answered)",
            5 => "UID SEARCH RETURN (SAVE) UNSEEN FLAGGED",
            6 => "UID STORE $ +FLAGS (\\Answered)",
            7 => "UID FETCH $ (FLAGS)",
            8 => "UID MOVE $ other",
            _ => "UID FETCH 1:9 (FLAGS)",
        };
        match self.uid_only && !command.starts_with("UID ") && command != "NOOP" {
            true => self.command(world, peer, &format!("UID {command}")),
            false => self.command(world, peer, command),
        }
    }
    fn command(&mut self, world: &mut World, peer: u32, command: &str) -> Result<(), String> {
        world.send(peer, format!("t {command}\r\n").as_bytes());
        let said = std::mem::take(&mut world.peer(peer).unwrap().said);
        let said = String::from_utf8_lossy(&said).into_owned();
        let last = said.lines().last().unwrap_or_default();
        if !last.starts_with("t OK") && !last.starts_with("t NO [EXPUNGEISSUED]") {
            return Err(format!("{command}: {said}"));
        }
        self.hear(&said);
        Ok(())
    }
    /// RFC 7162 §6: the last HIGHESTMODSEQ counts, and only without one the highest MODSEQ.
    fn hear(&mut self, said: &str) {
        let (mut told, mut seen) = (None, self.highest_modseq);
        for line in said.lines() {
            if let Some(modseq) = number_after(line, "[HIGHESTMODSEQ ") {
                told = Some(modseq);
            }
            if let Some(uid_validity) = number_after(line, "[UIDVALIDITY ") {
                self.uid_validity = u32::try_from(uid_validity).ok();
            }
            if let Some(set) = line.strip_prefix("* VANISHED ") {
                for uid in uids(set.trim_start_matches("(EARLIER) ")) {
                    self.messages.remove(&uid);
                }
            }
            if line.contains(if self.uid_only { " UIDFETCH (" } else { " FETCH (" }) {
                seen = seen.max(number_after(line, "MODSEQ (").unwrap_or(0));
                self.fetched(line);
            }
        }
        self.highest_modseq = told.unwrap_or(seen);
    }
    fn fetched(&mut self, line: &str) {
        let word = if self.uid_only { "* " } else { "UID " };
        let Some(uid) = number_after(line, word).and_then(|uid| u32::try_from(uid).ok()) else { return };
        if let Some((_, flags)) = line.split_once("FLAGS (") {
            let flags = flags.split(')').next().unwrap_or_default().split_whitespace();
            let kept = flags.filter(|flag| *flag != "\\Recent").map(str::to_owned).collect();
            self.messages.insert(uid, kept);
        }
    }
}

fn number_after(line: &str, word: &str) -> Option<u64> {
    let (_, rest) = line.split_once(word)?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// The numbers of a sequence set.
pub(crate) fn uids(set: &str) -> Vec<u32> {
    let mut numbers = Vec::new();
    for run in set.trim().split(',') {
        let (first, last) = run.split_once(':').unwrap_or((run, run));
        numbers.extend(first.parse::<u32>().unwrap()..=last.parse::<u32>().unwrap());
    }
    numbers
}
