//! After any interleaving of the commands of three sessions, what each client has put together from untagged
//! responses is what a fresh SELECT and FETCH show (RFC 9051 §5.2, RFC 9051 §7.4.1, RFC 9051 §7.5.1, RFC 3501
//! §5.5).
//!
//! Clients differ: some have enabled CONDSTORE, QRESYNC, IMAP4rev2 or UIDONLY. They use saved search results
//! (RFC 5182 §2.1), MOVE, REPLACE, and RENAME of INBOX, which empties it under the others; each follows a
//! search whose changes it is told (RFC 5267 §4.3). Some use NOTIFY: they are told while no command runs, of
//! what they want to hear; what was kept back comes when they want it again. In one story the mailbox is
//! shared: some of them are its owner and some a guest, who copies and moves between his own mailboxes and
//! this one.
//!
//! On the way: a FETCH response never names a message the client does not know, a UID never changes its
//! place, EXPUNGE never comes where it must not, no message is recent for two (RFC 3501 §2.3.2), and none has
//! a keyword that FLAGS has not named (RFC 9051 §7.3.5).

mod client;

use std::collections::BTreeSet;
use std::sync::Arc;

use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_testkit::runner::numbered;
use koi_testkit::world::World;

use crate::harness::Test;
use client::{Client, Expunges, NOTIFY};

const CLIENTS: u32 = 3;
const COMMANDS: usize = 60;
const FLAGS: [&str; 5] = ["\\Seen", "\\Deleted", "\\Flagged", "$Work", "$Later"];
const ENABLES: [&str; 9] = [
    "",
    "",
    "CONDSTORE",
    "QRESYNC",
    "QRESYNC IMAP4rev2",
    "IMAP4rev2",
    "UIDONLY",
    "UIDONLY IMAP4rev2",
    "UIDONLY QRESYNC",
];

/// What happens besides.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Story {
    /// INBOX of one user.
    Plain,
    /// What comes is chat, and moves to another mailbox when it is seen.
    Chat,
    /// A mailbox of alice, which bob has all rights on.
    Shared,
}

/// Each seed is a run of its own.
pub(crate) fn tests() -> Vec<Test> {
    let first: u64 = std::env::var("KOI_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let seeds = move |story| {
        let one = move |seed| run(seed, story).map_err(|e| format!("KOI_SEED={seed}: {e}"));
        move || (first..first + 200).try_for_each(one)
    };
    vec![
        // spec: RFC 5465 §3.1; RFC 5465 §6.1.1; RFC 5465 §6.1.2; RFC 9586 §3.3; RFC 9586 §3.6; RFC 5267 §4.3
        // spec: RFC 8508 §3.4
        Test { name: "view/random_interleavings".to_owned(), run: Box::new(seeds(Story::Plain)) },
        // spec: COI-server §configure-message-filtering
        Test { name: "view/random_interleavings_with_chat".to_owned(), run: Box::new(seeds(Story::Chat)) },
        // spec: RFC 4314 §4
        Test {
            name: "view/random_interleavings_in_a_shared_mailbox".to_owned(),
            run: Box::new(seeds(Story::Shared)),
        },
    ]
}

impl Story {
    /// The mailbox, as its owner calls it.
    fn mailbox(self) -> &'static str {
        match self {
            Self::Plain | Self::Chat => "INBOX",
            Self::Shared => "team",
        }
    }
    fn begin(self, world: &mut World) -> Result<(), String> {
        world.add_user("alice");
        world.fill("alice", self.mailbox(), &(1..=4).map(numbered).collect::<Vec<_>>());
        world.fill("alice", "other", &(1..=3).map(numbered).collect::<Vec<_>>());
        match self {
            Self::Plain => Ok(()),
            Self::Chat => world.set_coi("alice", Some("seen")),
            Self::Shared => {
                world.add_user("bob");
                world.fill("bob", "other", &(1..=3).map(numbered).collect::<Vec<_>>());
                let mut owner = self.client(98, world);
                owner.command(world, "SETACL team bob lrswipkxtea", Expunges::Allowed)
            }
        }
    }
    /// Clients with an odd number are guests, if there are any.
    fn client(self, peer: u32, world: &mut World) -> Client {
        match self {
            Self::Shared if peer % 2 == 1 => {
                Client::new(peer, "bob", "\"Other Users/alice@example.org/team\"", world)
            }
            _ => Client::new(peer, "alice", self.mailbox(), world),
        }
    }
}

fn run(seed: u64, story: Story) -> Result<(), String> {
    let mut world = World::new(&|commits: Arc<dyn Commits>| Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>);
    story.begin(&mut world)?;
    let mut random = Random::new(seed);
    let mut clients: Vec<Client> = (1..=CLIENTS).map(|peer| story.client(peer, &mut world)).collect();
    for client in &mut clients {
        client.enable = ENABLES[random.below(ENABLES.len())];
        client.begin(&mut world)?;
        client.select(&mut world)?;
    }
    for _ in 0..COMMANDS {
        let at = random.below(clients.len());
        step(story, &mut clients[at], &mut world, &mut random)?;
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
        client.compare_search(&mut world)?;
    }
    // A guest sees what is recent like somebody who only reads: it stays so for the owner.
    recent_once(clients.iter().filter(|client| client.user == "alice"))?;
    for client in &clients {
        let mut fresh = story.client(100 + client.peer, &mut world);
        fresh.select(&mut world)?;
        if client.messages != fresh.messages {
            let (peer, enable) = (client.peer, client.enable);
            return Err(format!(
                "client {peer} ({enable}): {:?}\nbut there is {:?}",
                client.messages, fresh.messages
            ));
        }
    }
    Ok(())
}

/// Nothing is recent for two.
fn recent_once<'c>(clients: impl Iterator<Item = &'c Client>) -> Result<(), String> {
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

fn step(story: Story, client: &mut Client, world: &mut World, random: &mut Random) -> Result<(), String> {
    if client.idling {
        return client.stop_idling(world);
    }
    let flag = FLAGS[random.below(FLAGS.len())];
    let sign = ["+", "-", ""][random.below(3)];
    let (count, mailbox) = (client.messages.len(), client.mailbox);
    let some = |random: &mut Random| (1 + random.below(count), 1 + random.below(count));
    let one = |random: &mut Random| {
        let at = 1 + random.below(count);
        (at, at)
    };
    match random.below(27) {
        0 => world.fill("alice", story.mailbox(), &[MESSAGE.into()]),
        1 => client.command(world, "NOOP", Expunges::Allowed)?,
        2 => client.command(world, "EXPUNGE", Expunges::Allowed)?,
        3 => {
            client.send(world, "i IDLE\r\n");
            client.idling = true;
        }
        4 | 5 if count > 0 => client.on(world, "STORE", some(random), &format!("{sign}FLAGS ({flag})"))?,
        6 if count > 0 => client.store_silently(world, some(random), sign, flag)?,
        7 if count > 0 => client.on(world, "FETCH", some(random), "(UID FLAGS)")?,
        8 if count > 0 => client.on(world, "FETCH", one(random), "(UID BODY[HEADER])")?,
        9 if count > 0 => client.on(world, "COPY", some(random), mailbox)?,
        10 if count > 0 => client.on(world, "MOVE", one(random), "other")?,
        11 => client.find(world, "UNSEEN")?,
        12 => client.command(world, &format!("UID STORE 2:9 {sign}FLAGS ({flag})"), Expunges::Allowed)?,
        13 => client.command(world, "UID EXPUNGE 3:12", Expunges::Allowed)?,
        14 => {
            let append = format!("APPEND {mailbox} ({flag}) {{{}+}}\r\n{MESSAGE}", MESSAGE.len());
            client.command(world, &append, Expunges::Allowed)?;
        }
        15 => client.command(world, &format!("UID COPY 1:4 {mailbox}"), Expunges::Allowed)?,
        16 => client.command(world, "UID MOVE 5:7 other", Expunges::Allowed)?,
        17 if count > 0 => client.save(world)?,
        18 => client.on_found(world, &format!("{sign}FLAGS ({flag})"))?,
        19 => client.select(world)?,
        // RFC 9051 §6.3.6: all messages of INBOX move away, and it stays.
        20 if random.below(3) == 0 && mailbox == "INBOX" => {
            let rename = format!("RENAME INBOX old-{}", random.below(1 << 20));
            client.command(world, &rename, Expunges::Allowed)?;
            world.fill("alice", "INBOX", &[numbered(10), numbered(11), numbered(12)]);
        }
        20 => client.command(world, "UID MOVE $ other", Expunges::Allowed)?,
        21 if random.below(2) == 0 => client.notify(world, random.below(NOTIFY.len()))?,
        // A command that comes in slowly: what is told meanwhile is told between commands.
        22 => {
            client.send(world, "t NOOP");
            world.fill("alice", story.mailbox(), &[numbered(7)]);
            world.settle();
            let expunges = client.expunges_between_commands();
            client.read(world, expunges)?;
            client.send(world, "\r\n");
            client.read(world, Expunges::Allowed)?;
        }
        23 | 24 if count > 0 => {
            let rest = format!("{mailbox} ({flag}) {{{}+}}\r\n{MESSAGE}", MESSAGE.len());
            client.on(world, "REPLACE", one(random), &rest)?;
        }
        25 => client.follow(world, ["UNSEEN", "OR FLAGGED KEYWORD $Work"][random.below(2)])?,
        26 => come_back(client, world)?,
        _ => {}
    }
    if client.idling { Ok(()) } else { client.learn(world) }
}

const MESSAGE: &str = "Subject: x\r\nChat-Version: 1.0\r\n\r\n";

/// Another session of the same user moves what it has elsewhere into the mailbox.
fn come_back(client: &Client, world: &mut World) -> Result<(), String> {
    let mut other = Client::new(50, client.user, "other", world);
    other.select(world)?;
    other.command(world, &format!("UID MOVE 1:* {}", client.mailbox), Expunges::Allowed)?;
    world.close(50);
    Ok(())
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
