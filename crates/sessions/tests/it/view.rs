//! After any interleaving of three sessions' commands, what each client has put together from untagged
//! responses is what a fresh SELECT and FETCH show (RFC 9051 §5.2, RFC 9051 §7.4.1, RFC 9051 §7.5.1, RFC 3501
//! §5.5).
//!
//! Clients differ: some have enabled CONDSTORE, QRESYNC or IMAP4rev2. They use saved search results
//! (RFC 5182 §2.1), MOVE, and RENAME of INBOX, which empties it under the others. Some use NOTIFY: they are
//! told while no command runs, of what they want to hear; what was kept back comes when they want it again.
//!
//! On the way: a FETCH response never names a message the client does not know, a UID never changes its
//! place, EXPUNGE never comes where it must not, and no message is recent for two (RFC 3501 §2.3.2).

use std::collections::BTreeSet;
use std::sync::Arc;

use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_testkit::runner::numbered;
use koi_testkit::world::World;

use crate::harness::Test;

const CLIENTS: u32 = 3;
const COMMANDS: usize = 60;
const FLAGS: [&str; 4] = ["\\Seen", "\\Deleted", "\\Flagged", "$Work"];

/// Each seed is a run of its own.
pub(crate) fn tests() -> Vec<Test> {
    let first: u64 = std::env::var("KOI_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let seeds = move |coi| {
        let one = move |seed| run(seed, coi).map_err(|e| format!("KOI_SEED={seed}: {e}"));
        move || (first..first + 200).try_for_each(one)
    };
    vec![
        // spec: RFC 5465 §3.1; RFC 5465 §6.1.1; RFC 5465 §6.1.2
        Test { name: "view/random_interleavings".to_owned(), run: Box::new(seeds(false)) },
        // spec: COI-server §configure-message-filtering
        Test { name: "view/random_interleavings_with_chat".to_owned(), run: Box::new(seeds(true)) },
    ]
}

/// With `coi` what comes is chat, and moves to another mailbox when it is seen.
fn run(seed: u64, coi: bool) -> Result<(), String> {
    let mut world = World::new(&|commits: Arc<dyn Commits>| Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>);
    world.add_user("alice");
    if coi {
        world.set_coi("alice", Some("seen"))?;
    }
    world.fill("alice", "INBOX", &(1..=4).map(numbered).collect::<Vec<_>>());
    world.fill("alice", "other", &(1..=3).map(numbered).collect::<Vec<_>>());
    let mut random = Random::new(seed);
    let mut clients: Vec<Client> = (1..=CLIENTS).map(|peer| Client::new(peer, &mut world)).collect();
    for client in &mut clients {
        client.enable = ["", "", "CONDSTORE", "QRESYNC", "QRESYNC IMAP4rev2", "IMAP4rev2"][random.below(6)];
        client.begin(&mut world)?;
        client.select(&mut world)?;
    }
    for _ in 0..COMMANDS {
        let at = random.below(clients.len());
        step(&mut clients[at], &mut world, &mut random)?;
        for client in clients.iter_mut().filter(|client| client.idling || client.notify.is_some()) {
            let expunges = client.expunges_between_commands();
            client.read(&mut world, expunges)?;
        }
    }
    for client in &mut clients {
        client.stop_idling(&mut world)?;
        client.command(&mut world, "NOOP", Expunges::Allowed)?;
        if client.notify.is_some() {
            client.notify(&mut world, 0)?;
        }
        client.learn(&mut world)?;
    }
    let mut fresh = Client::new(99, &mut world);
    fresh.begin(&mut world)?;
    fresh.select(&mut world)?;
    recent_once(&clients)?;
    for client in &clients {
        if client.messages != fresh.messages {
            return Err(format!(
                "client {}: {:?}\nbut there is {:?}",
                client.peer, client.messages, fresh.messages
            ));
        }
    }
    Ok(())
}

/// Nothing is recent for two.
fn recent_once(clients: &[Client]) -> Result<(), String> {
    let mut all = BTreeSet::new();
    for client in clients {
        for uid in &client.recent {
            if !all.insert(*uid) {
                return Err(format!("UID {uid} was recent for two"));
            }
        }
    }
    Ok(())
}

fn step(client: &mut Client, world: &mut World, random: &mut Random) -> Result<(), String> {
    if client.idling {
        return client.stop_idling(world);
    }
    let flag = FLAGS[random.below(FLAGS.len())];
    let sign = ["+", "-", ""][random.below(3)];
    let count = client.messages.len();
    let some = |random: &mut Random| (1 + random.below(count), 1 + random.below(count));
    match random.below(23) {
        0 => world.fill("alice", "INBOX", &[b"Chat-Version: 1.0\r\nSubject: x\r\n\r\n".to_vec()]),
        1 => client.command(world, "NOOP", Expunges::Allowed)?,
        2 => client.command(world, "EXPUNGE", Expunges::Allowed)?,
        3 => {
            client.send(world, "i IDLE\r\n");
            client.idling = true;
        }
        4 | 5 if count > 0 => {
            let (a, b) = some(random);
            client.command(world, &format!("STORE {a}:{b} {sign}FLAGS ({flag})"), Expunges::Forbidden)?;
        }
        6 if count > 0 => {
            let (a, b) = some(random);
            client.store_silently(world, a, b, sign, flag)?;
        }
        7 if count > 0 => {
            let (a, b) = some(random);
            client.command(world, &format!("FETCH {a}:{b} (UID FLAGS)"), Expunges::Forbidden)?;
        }
        8 if count > 0 => {
            let (a, _) = some(random);
            client.command(world, &format!("FETCH {a} (UID BODY[HEADER])"), Expunges::Forbidden)?;
        }
        9 if count > 0 => {
            let (a, b) = some(random);
            client.command(world, &format!("COPY {a}:{b} INBOX"), Expunges::Forbidden)?;
        }
        10 if count > 0 => {
            let (a, _) = some(random);
            client.command(world, &format!("MOVE {a} other"), Expunges::Allowed)?;
        }
        11 => client.command(world, "SEARCH UNSEEN", Expunges::Forbidden)?,
        12 => client.command(world, &format!("UID STORE 2:9 {sign}FLAGS ({flag})"), Expunges::Allowed)?,
        13 => client.command(world, "UID EXPUNGE 3:12", Expunges::Allowed)?,
        14 => {
            let message = "Subject: x\r\nChat-Version: 1.0\r\n\r\n";
            let append = format!("APPEND INBOX ({flag}) {{{}+}}\r\n{message}", message.len());
            client.command(world, &append, Expunges::Allowed)?;
        }
        15 => client.command(world, "UID COPY 1:4 INBOX", Expunges::Allowed)?,
        16 => client.command(world, "UID MOVE 5:7 other", Expunges::Allowed)?,
        17 if count > 0 => {
            client.command(world, "UID SEARCH RETURN (SAVE) 1:* SEEN", Expunges::Forbidden)?;
        }
        18 => client.command(world, &format!("STORE $ {sign}FLAGS ({flag})"), Expunges::Forbidden)?,
        19 => client.select(world)?,
        // RFC 9051 §6.3.6: all messages of INBOX move away, and it stays.
        20 if random.below(3) == 0 => {
            let rename = format!("RENAME INBOX old-{}", random.below(1 << 20));
            client.command(world, &rename, Expunges::Allowed)?;
            world.fill("alice", "INBOX", &[numbered(10), numbered(11), numbered(12)]);
        }
        20 => client.command(world, "UID MOVE $ other", Expunges::Allowed)?,
        21 if random.below(2) == 0 => client.notify(world, random.below(NOTIFY.len()))?,
        // A command that comes in slowly: what is told meanwhile is told between commands.
        22 => {
            client.send(world, "t NOOP");
            world.fill("alice", "INBOX", &[numbered(7)]);
            world.settle();
            let expunges = client.expunges_between_commands();
            client.read(world, expunges)?;
            client.send(world, "\r\n");
            client.read(world, Expunges::Allowed)?;
        }
        _ => {}
    }
    if client.idling { Ok(()) } else { client.learn(world) }
}

/// What a client may ask to hear of its mailbox; the first is everything at once.
const NOTIFY: [&str; 7] = [
    "NOTIFY SET (selected (MessageNew MessageExpunge FlagChange))",
    "NOTIFY SET (selected-delayed (MessageNew (uid flags) MessageExpunge FlagChange))",
    "NOTIFY SET (selected (MessageNew (flags body.peek[]) MessageExpunge)) (personal (MailboxName))",
    "NOTIFY SET STATUS (selected-delayed (MessageNew MessageExpunge)) \
     (mailboxes other (MessageNew MessageExpunge))",
    "NOTIFY SET (selected NONE) (personal (MessageNew MessageExpunge FlagChange))",
    "NOTIFY SET (inboxes (MessageNew MessageExpunge FlagChange SubscriptionChange))",
    "NOTIFY NONE",
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Expunges {
    Allowed,
    Forbidden,
}

/// What a client knows of one message.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Message {
    uid: Option<u32>,
    flags: Option<BTreeSet<String>>,
}

struct Client {
    peer: u32,
    /// Capabilities it enables, if any.
    enable: &'static str,
    messages: Vec<Message>,
    /// UIDs that were recent in its session.
    recent: BTreeSet<u32>,
    idling: bool,
    /// Which NOTIFY it gave.
    notify: Option<usize>,
}

impl Client {
    fn new(peer: u32, world: &mut World) -> Self {
        world.open_imap(peer, true);
        world.send(peer, b"l LOGIN alice secret\r\n");
        world.peer(peer).unwrap().said.clear();
        Self { peer, enable: "", messages: Vec::new(), recent: BTreeSet::new(), idling: false, notify: None }
    }
    fn begin(&mut self, world: &mut World) -> Result<(), String> {
        match self.enable {
            "" => Ok(()),
            names => self.command(world, &format!("ENABLE {names}"), Expunges::Allowed),
        }
    }
    fn select(&mut self, world: &mut World) -> Result<(), String> {
        self.messages.clear();
        self.command(world, "SELECT INBOX", Expunges::Allowed)?;
        self.learn(world)
    }
    fn send(&self, world: &mut World, line: &str) {
        world.send(self.peer, line.as_bytes());
    }
    fn command(&mut self, world: &mut World, command: &str, expunges: Expunges) -> Result<(), String> {
        self.send(world, &format!("t {command}\r\n"));
        let said = self.read(world, expunges).map_err(|e| format!("client {}: {command}: {e}", self.peer))?;
        // With NOTIFY more may come at once.
        match said.lines().find(|line| line.starts_with("t ")) {
            Some(end) if end.starts_with("t OK") || end.starts_with("t NO [EXPUNGEISSUED]") => Ok(()),
            _ => Err(format!("client {}: {command}: {said}", self.peer)),
        }
    }
    fn notify(&mut self, world: &mut World, which: usize) -> Result<(), String> {
        self.notify = Some(which);
        self.command(world, NOTIFY[which], Expunges::Allowed)
    }
    /// RFC 5465 §6.1: between commands it comes only where it was asked for at once.
    fn expunges_between_commands(&self) -> Expunges {
        let at_once = self.notify.is_some_and(|which| NOTIFY[which].contains("(selected (Message"));
        if self.idling || at_once { Expunges::Allowed } else { Expunges::Forbidden }
    }
    fn stop_idling(&mut self, world: &mut World) -> Result<(), String> {
        if self.idling {
            self.read(world, Expunges::Allowed)?;
            self.idling = false;
            self.send(world, "DONE\r\n");
            self.read(world, Expunges::Allowed)?;
            self.learn(world)?;
        }
        Ok(())
    }
    /// Asks for what it does not know of new messages.
    fn learn(&mut self, world: &mut World) -> Result<(), String> {
        while let Some(at) = self.messages.iter().position(|m| m.uid.is_none() || m.flags.is_none()) {
            let number = at + 1;
            self.command(world, &format!("FETCH {number}:* (UID FLAGS)"), Expunges::Forbidden)?;
        }
        Ok(())
    }
    /// A client that is not told knows by itself what it did.
    fn store_silently(
        &mut self,
        world: &mut World,
        a: usize,
        b: usize,
        sign: &str,
        flag: &str,
    ) -> Result<(), String> {
        self.command(world, &format!("STORE {a}:{b} {sign}FLAGS.SILENT ({flag})"), Expunges::Forbidden)?;
        for message in &mut self.messages[a.min(b) - 1..a.max(b)] {
            let flags = message.flags.get_or_insert_default();
            match sign {
                "+" => drop(flags.insert(flag.to_owned())),
                "-" => drop(flags.remove(flag)),
                _ => *flags = BTreeSet::from([flag.to_owned()]),
            }
        }
        Ok(())
    }
    fn read(&mut self, world: &mut World, expunges: Expunges) -> Result<String, String> {
        let said = std::mem::take(&mut world.peer(self.peer).unwrap().said);
        let said = String::from_utf8_lossy(&said).into_owned();
        for line in said.lines() {
            self.line(line, expunges).map_err(|e| format!("`{line}`: {e}\nin\n{said}"))?;
        }
        Ok(said)
    }
    fn line(&mut self, line: &str, expunges: Expunges) -> Result<(), String> {
        let Some(rest) = line.strip_prefix("* ") else { return Ok(()) };
        if let Some(set) = rest.strip_prefix("VANISHED ") {
            return self.vanished(set, expunges);
        }
        let (number, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let Ok(number) = number.parse::<usize>() else { return Ok(()) };
        match rest.split_once(' ').map_or(rest, |(word, _)| word) {
            "EXISTS" if number < self.messages.len() => return Err("EXISTS never shrinks".to_owned()),
            "EXISTS" => self.messages.resize(number, Message::default()),
            "EXPUNGE" if self.enable.contains("QRESYNC") => return Err("EXPUNGE under QRESYNC".to_owned()),
            "RECENT" if self.enable.contains("rev2") => return Err("RECENT under IMAP4rev2".to_owned()),
            "EXPUNGE" if expunges == Expunges::Forbidden => {
                return Err("EXPUNGE must not come here".to_owned());
            }
            "EXPUNGE" if number == 0 || number > self.messages.len() => {
                return Err("no such message".to_owned());
            }
            "EXPUNGE" => drop(self.messages.remove(number - 1)),
            "FETCH" => {
                let message = self.messages.get_mut(number.wrapping_sub(1)).ok_or("no such message")?;
                if fetched(message, rest)? {
                    self.recent.extend(message.uid);
                }
            }
            _ => {}
        }
        Ok(())
    }
    /// RFC 7162 §3.2.10.2: every UID is one message less, also when the client has not asked for its UID yet.
    fn vanished(&mut self, set: &str, expunges: Expunges) -> Result<(), String> {
        if !self.enable.contains("QRESYNC") || expunges == Expunges::Forbidden {
            return Err("VANISHED must not come here".to_owned());
        }
        for uid in crate::qresync::uids(set) {
            let known = self.messages.iter().position(|m| m.uid == Some(uid));
            let after =
                self.messages.iter().rposition(|m| m.uid.is_some_and(|u| u < uid)).map_or(0, |at| at + 1);
            let unknown = self.messages.get(after).filter(|m| m.uid.is_none()).map(|_| after);
            let at = known.or(unknown).ok_or_else(|| format!("no UID {uid} here"))?;
            self.messages.remove(at);
        }
        Ok(())
    }
}

/// Answers whether it is recent.
fn fetched(message: &mut Message, rest: &str) -> Result<bool, String> {
    if let Some((_, after)) = rest.split_once("UID ") {
        let uid = after.split([' ', ')']).next().and_then(|uid| uid.parse().ok());
        if message.uid.is_some() && message.uid != uid {
            return Err(format!("its UID was {:?}", message.uid));
        }
        message.uid = uid;
    }
    if let Some((_, after)) = rest.split_once("FLAGS (") {
        let flags = after.split_once(')').map_or("", |(flags, _)| flags);
        let mut flags: BTreeSet<String> = flags.split_whitespace().map(str::to_owned).collect();
        let recent = flags.remove("\\Recent");
        message.flags = Some(flags);
        return Ok(recent);
    }
    Ok(false)
}

pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % end.max(1)
    }
}
