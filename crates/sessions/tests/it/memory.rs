//! One bound on what a connection holds (`imap.connection_memory_max`): whatever a client does, the sum stays
//! below it, what is refused leaves the connection as it was, and everything is given back.

use std::sync::Arc;

use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_testkit::world::World;
use koi_types::limits;

use crate::harness::Test;
use crate::view::Random;

const STEPS: usize = 120;
const MESSAGES: usize = 1200;
/// Beside buffers: for the numbers of one mailbox with holes, and a little more.
const ROOM: usize = 24 * 1024;

pub(crate) fn tests() -> Vec<Test> {
    let first: u64 = std::env::var("KOI_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let count = if std::env::var_os("KOI_QUICK").is_some() { 4 } else { 20 };
    let any = move || {
        (first..first + count).try_for_each(|seed| run(seed).map_err(|e| format!("KOI_SEED={seed}: {e}")))
    };
    let test = |name: &str, run: Box<dyn Fn() -> Result<(), String> + Send + Sync>| Test {
        name: format!("memory/{name}"),
        run,
    };
    vec![
        test("the_sum_stays_below_the_bound_and_comes_back", Box::new(any)),
        test("a_mailbox_that_takes_too_much_is_not_selected", Box::new(too_many_numbers)),
        test("what_grows_by_itself_is_given_up", Box::new(grows)),
    ]
}

fn world(room: usize) -> World {
    let mut world = World::new(&|commits: Arc<dyn Commits>| Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>);
    world.add_user("alice");
    world.imap.connection_memory_max = limits::IMAP_CONNECTION_BUFFERS_OCTETS + room;
    world
}

fn fill(world: &mut World, mailbox: &str, count: usize) {
    let messages: Vec<Vec<u8>> = (0..count).map(|n| format!("Subject: {n}\r\n\r\nx\r\n").into()).collect();
    world.fill("alice", mailbox, &messages);
}

/// Every second message goes: the numbers that are left are as many runs.
fn make_holes(world: &mut World, mailbox: &str, count: usize) {
    world.imap.connection_memory_max = limits::IMAP_CONNECTION_MEMORY_OCTETS_MAX;
    log_in(world, 9);
    ask(world, 9, &format!("SELECT {mailbox}"));
    for first in (1..=count).step_by(2000) {
        let uids: Vec<String> =
            (first..=count.min(first + 1999)).step_by(2).map(|uid| uid.to_string()).collect();
        ask(world, 9, &format!("UID STORE {} +FLAGS.SILENT (\\Deleted)", uids.join(",")));
    }
    ask(world, 9, "CLOSE");
}

fn log_in(world: &mut World, peer: u32) {
    world.open_imap(peer, true);
    ask(world, peer, "LOGIN alice secret");
}

fn ask(world: &mut World, peer: u32, command: &str) -> String {
    world.send(peer, format!("x {command}\r\n").as_bytes());
    String::from_utf8_lossy(&std::mem::take(&mut world.peer(peer).unwrap().said)).into_owned()
}

fn held(world: &mut World) -> usize {
    world.peer(1).unwrap().memory_octets()
}

// spec: RFC 9051 §7.1
fn run(seed: u64) -> Result<(), String> {
    let mut world = world(ROOM);
    fill(&mut world, "holes", MESSAGES);
    fill(&mut world, "whole", MESSAGES);
    make_holes(&mut world, "holes", MESSAGES);
    world.imap.connection_memory_max = limits::IMAP_CONNECTION_BUFFERS_OCTETS + ROOM;
    log_in(&mut world, 1);
    let empty = held(&mut world);
    let mut random = Random::new(seed);
    let (mut refused, mut done) = (0, 0);
    for step in 0..STEPS {
        let command = command(&mut random, step);
        let before = held(&mut world);
        let said = ask(&mut world, 1, &command);
        let after = held(&mut world);
        if after > ROOM || world.peer(1).unwrap().memory_peak.session > ROOM + limits::INPUT_OCTETS_MAX {
            return Err(format!("{after} octets are held after {command}"));
        }
        if world.peer(1).unwrap().closed {
            return Err(format!("{command} closed the connection: {said}"));
        }
        match said.contains("x NO [LIMIT]") {
            // SELECT leaves nothing selected, SEARCH with SAVE nothing saved.
            true if after > before => return Err(format!("{command} was refused and holds more: {said}")),
            true => refused += 1,
            false => done += usize::from(said.contains("x OK")),
        }
    }
    ask(&mut world, 1, "UNSELECT");
    ask(&mut world, 1, "NOTIFY NONE");
    if held(&mut world) != empty {
        return Err(format!("{} octets are held in the end, {empty} in the beginning", held(&mut world)));
    }
    match refused > 0 && done > 0 {
        true => Ok(()),
        false => Err(format!("{refused} refused, {done} done: nothing is shown")),
    }
}

fn command(random: &mut Random, step: usize) -> String {
    let text = "y".repeat(1 + random.below(6000));
    let returns = ["SAVE", "UPDATE COUNT", "COUNT", "SAVE UPDATE"][random.below(4)];
    let to = 1 + random.below(600);
    match random.below(11) {
        0 => "SELECT holes".to_owned(),
        1 => "EXAMINE whole".to_owned(),
        2 | 3 => format!("UID SEARCH RETURN ({returns}) NOT SUBJECT {text}"),
        4 => format!("UID SORT RETURN (UPDATE COUNT) (SUBJECT) UTF-8 1:{to}"),
        5 => format!("UID THREAD REFERENCES UTF-8 1:{to}"),
        6 => format!("CANCELUPDATE \"{}\" \"x\"", random.below(step + 1)),
        7 => format!("NOTIFY SET (mailboxes ({}{}) (MailboxName))", "name ".repeat(random.below(400)), step),
        8 => "NOTIFY NONE".to_owned(),
        9 => "COMPRESS DEFLATE".to_owned(),
        _ => "UNSELECT".to_owned(),
    }
}

// spec: RFC 9051 §6.3.2; RFC 9051 §7.1
fn too_many_numbers() -> Result<(), String> {
    let mut world = world(ROOM);
    fill(&mut world, "holes", 8000);
    make_holes(&mut world, "holes", 8000);
    world.imap.connection_memory_max = limits::IMAP_CONNECTION_BUFFERS_OCTETS + ROOM;
    log_in(&mut world, 1);
    let said = ask(&mut world, 1, "SELECT holes");
    let then = ask(&mut world, 1, "SELECT INBOX");
    match said.contains("x NO [LIMIT]") && then.contains("x OK [READ-WRITE]") {
        true => Ok(()),
        false => Err(format!("{said}{then}")),
    }
}

/// A mailbox gets holes while it is selected: first followed searches go, in the end the connection does.
// spec: RFC 5267 §4.3.1; RFC 9051 §7.1.5
fn grows() -> Result<(), String> {
    let mut world = world(ROOM);
    fill(&mut world, "INBOX", 8000);
    log_in(&mut world, 1);
    ask(&mut world, 1, "SELECT INBOX");
    let said = ask(&mut world, 1, &format!("SEARCH RETURN (UPDATE COUNT) SUBJECT {}", "y".repeat(15_000)));
    if !said.contains("x OK") {
        return Err(said);
    }
    make_holes(&mut world, "INBOX", 3000);
    let said = ask(&mut world, 1, "NOOP");
    if !said.contains("* NO [NOUPDATE \"x\"]") || world.peer(1).unwrap().closed {
        return Err(format!("{} octets: {}", held(&mut world), &said[said.len().saturating_sub(400)..]));
    }
    make_holes(&mut world, "INBOX", 8000);
    let said = ask(&mut world, 1, "NOOP");
    match said.contains("* BYE [LIMIT]") && world.peer(1).unwrap().closed {
        true => Ok(()),
        false => Err(format!("{} octets: {}", held(&mut world), &said[said.len().saturating_sub(400)..])),
    }
}
