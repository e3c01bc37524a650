//! Who has enabled METADATA is told exactly what others changed, at the end of its next command or at once in
//! IDLE, whatever they do to each other's entries (RFC 5464 §4.4.2); and a mailbox with as many annotations
//! as there may be is told in pieces.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_testkit::world::World;
use koi_types::limits;

use crate::harness::Test;

const CLIENTS: usize = 4;
const STEPS: usize = 80;
const PLACES: [&str; 3] = ["\"\"", "INBOX", "Sent"];
const NAMES: [&str; 4] = ["/private/a", "/private/a/b", "/private/vendor/x/y", "/private/c"];

pub(crate) fn tests() -> Vec<Test> {
    let first: u64 = std::env::var("KOI_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let run = move || {
        (first..first + 100).try_for_each(|seed| run(seed).map_err(|e| format!("KOI_SEED={seed}: {e}")))
    };
    vec![
        Test { name: "metadata/everybody_is_told_of_the_others".to_owned(), run: Box::new(run) },
        Test { name: "metadata/as_many_as_there_may_be".to_owned(), run: Box::new(many) },
    ]
}

fn world() -> World {
    let mut world = World::new(&|commits: Arc<dyn Commits>| Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>);
    world.add_user("alice");
    world
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Entry {
    place: &'static str,
    name: &'static str,
}

struct Client {
    peer: u32,
    enabled: bool,
    idling: bool,
    /// What others changed since it was told last.
    owed: BTreeSet<Entry>,
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

// spec: RFC 5464 §4.4.2; RFC 5464 §4.4
fn run(seed: u64) -> Result<(), String> {
    let mut world = world();
    let mut random = Random(seed);
    let mut there: BTreeMap<Entry, String> = BTreeMap::new();
    let mut clients: Vec<Client> = (0..CLIENTS).map(|n| begin(&mut world, n)).collect();
    for step in 0..STEPS {
        let at = random.below(CLIENTS);
        let client = &mut clients[at];
        if client.idling {
            client.idling = false;
            let told = send(&mut world, client.peer, "DONE\r\n");
            compare(client, &told)?;
            continue;
        }
        match random.below(5) {
            0 => {
                let told = send(&mut world, client.peer, "a NOOP\r\n");
                compare(client, &told)?;
            }
            1 => {
                client.idling = true;
                let told = send(&mut world, client.peer, "a IDLE\r\n");
                compare(client, &told)?;
            }
            _ => set(&mut world, &mut random, &mut clients, at, &mut there, step)?,
        }
        for client in clients.iter_mut().filter(|client| client.idling) {
            let told = send(&mut world, client.peer, "");
            compare(client, &told)?;
        }
    }
    for place in PLACES {
        let line = format!("a GETMETADATA (DEPTH infinity) {place} /private\r\n");
        let reader = clients.iter_mut().find(|client| !client.idling);
        let Some(reader) = reader else { return Ok(()) };
        let said = send(&mut world, reader.peer, &line);
        for (entry, value) in there.iter().filter(|(entry, _)| entry.place == place) {
            if !said.contains(&format!("{} \"{value}\"", entry.name)) {
                return Err(format!("{entry:?} is not {value} in {said}"));
            }
        }
        reader.owed.clear();
    }
    Ok(())
}

fn begin(world: &mut World, n: usize) -> Client {
    let peer = n as u32 + 1;
    world.open_imap(peer, true);
    let enabled = n > 0;
    send(world, peer, "a LOGIN alice secret\r\n");
    if enabled {
        send(world, peer, "a ENABLE METADATA\r\n");
    }
    if n.is_multiple_of(2) {
        send(world, peer, "a SELECT INBOX\r\n");
    }
    Client { peer, enabled, idling: false, owed: BTreeSet::new() }
}

/// Up to three entries of one place; a value is never given twice, so that setting is always a change.
fn set(
    world: &mut World,
    random: &mut Random,
    clients: &mut [Client],
    at: usize,
    there: &mut BTreeMap<Entry, String>,
    step: usize,
) -> Result<(), String> {
    let place = PLACES[random.below(PLACES.len())];
    let mut words = Vec::new();
    let mut changed = BTreeSet::new();
    for n in 0..=random.below(3) {
        let entry = Entry { place, name: NAMES[random.below(NAMES.len())] };
        let value = (random.below(3) > 0).then(|| format!("{step}.{n}"));
        words.push(format!("{} {}", entry.name, value.as_deref().unwrap_or("NIL")));
        let different = match value {
            Some(value) => {
                there.insert(entry.clone(), value);
                true
            }
            None => there.remove(&entry).is_some(),
        };
        if different {
            changed.insert(entry);
        }
    }
    let told = send(world, clients[at].peer, &format!("a SETMETADATA {place} ({})\r\n", words.join(" ")));
    if !told.contains("a OK") {
        return Err(told);
    }
    compare(&mut clients[at], &told)?;
    let others = clients.iter_mut().enumerate().filter(|(other, client)| *other != at && client.enabled);
    others.for_each(|(_, client)| client.owed.extend(changed.iter().cloned()));
    Ok(())
}

/// What came must be what was owed.
fn compare(client: &mut Client, said: &str) -> Result<(), String> {
    let mut told = BTreeSet::new();
    for line in said.lines().filter_map(|line| line.strip_prefix("* METADATA ")) {
        let mut words = line.split(' ');
        let place = words.next().unwrap_or_default();
        let place = PLACES.into_iter().find(|known| *known == place).ok_or_else(|| line.to_owned())?;
        for word in words {
            let name = NAMES.into_iter().find(|known| *known == word).ok_or_else(|| line.to_owned())?;
            if !told.insert(Entry { place, name }) {
                return Err(format!("{name} of {place} was told twice"));
            }
        }
    }
    match told == std::mem::take(&mut client.owed) {
        true => Ok(()),
        false => Err(format!("client {} was told {told:?} in {said}", client.peer)),
    }
}

fn send(world: &mut World, peer: u32, line: &str) -> String {
    world.send(peer, line.as_bytes());
    String::from_utf8(std::mem::take(&mut world.peer(peer).unwrap().said)).unwrap()
}

// spec: RFC 5464 §4.2.2; RFC 5464 §4.4
fn many() -> Result<(), String> {
    let mut world = world();
    world.annotate("alice", "Sent", limits::ANNOTATIONS_PER_TARGET_MAX);
    world.annotate("alice", "", limits::ANNOTATIONS_PER_TARGET_MAX);
    world.open_imap(1, true);
    send(&mut world, 1, "a LOGIN alice secret\r\n");
    let value = "v".repeat(1000);
    for first in (1..=limits::ANNOTATIONS_PER_TARGET_MAX).step_by(50) {
        let entries: Vec<String> = (first..first + 50).map(|n| format!("/private/{n} {value}{n}")).collect();
        let said = send(&mut world, 1, &format!("a SETMETADATA Sent ({})\r\n", entries.join(" ")));
        assert!(said.starts_with("a OK"), "{said}");
    }
    let said = send(&mut world, 1, "a GETMETADATA (DEPTH 1) Sent /private\r\n");
    let (mut values, mut responses) = (0, 0);
    for line in said.lines() {
        responses += usize::from(line.starts_with("* METADATA Sent (/private/"));
        values += line.matches(&value).count();
        assert!(line.len() <= limits::OUTPUT_OCTETS_HIGH + 2 * limits::ANNOTATION_VALUE_OCTETS_MAX);
    }
    // A value of this length is a literal: its line is its own.
    assert_eq!(values, limits::ANNOTATIONS_PER_TARGET_MAX as usize);
    assert!(responses >= 4, "a megabyte in pieces of a quarter");
    // Every name by itself: as many as one command may have.
    let names: Vec<String> = (1..=1000).map(|n| format!("/private/{n}")).collect();
    let said = send(&mut world, 1, &format!("b GETMETADATA \"\" ({})\r\n", names.join(" ")));
    assert!(said.starts_with("* METADATA \"\" (/private/1 \"1\" /private/2 \"2\" "), "{said}");
    assert_eq!(said.matches("/private/").count(), 1000);
    assert!(said.ends_with("b OK GETMETADATA completed\r\n"));
    Ok(())
}
