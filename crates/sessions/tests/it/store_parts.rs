//! A STORE of many messages is several transactions: what is durable is told while the rest is written, each
//! message once, and nothing before it is durable (RFC 9051 §6.4.6).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_testkit::world::World;

use crate::harness::Test;

/// Two transactions of a thousand messages, and one of the rest.
const MESSAGES: u32 = 2500;

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test { name: "store_parts/told_when_durable".to_owned(), run: Box::new(told_when_durable) },
        Test { name: "store_parts/each_message_once".to_owned(), run: Box::new(each_message_once) },
        Test { name: "store_parts/by_uid".to_owned(), run: Box::new(by_uid) },
        Test {
            name: "store_parts/no_answer_before_the_last".to_owned(),
            run: Box::new(no_answer_before_the_last),
        },
        Test { name: "store_parts/silent".to_owned(), run: Box::new(silent) },
    ]
}

fn world() -> World {
    let mut world = World::new(&|commits: Arc<dyn Commits>| Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>);
    world.add_user("alice");
    let message = |number: u32| format!("Subject: {number}\r\n\r\n").into_bytes();
    world.fill("alice", "INBOX", &(1..=MESSAGES).map(message).collect::<Vec<_>>());
    world.age("alice", "INBOX");
    for peer in [1, 2] {
        world.open_imap(peer, true);
        world.send(peer, b"x LOGIN alice secret\r\ny SELECT INBOX\r\n");
        said(&mut world, peer);
    }
    world
}

fn said(world: &mut World, peer: u32) -> String {
    String::from_utf8(std::mem::take(&mut world.peer(peer).unwrap().said)).unwrap()
}

/// How often each number was told with this.
fn told(said: &str, with: &str) -> BTreeMap<u32, u32> {
    let mut told = BTreeMap::new();
    for line in said.lines().filter(|line| line.contains(" FETCH ")) {
        assert!(line.contains(with), "{line}");
        *told.entry(line.split(' ').nth(1).unwrap().parse().unwrap()).or_default() += 1;
    }
    told
}

fn once(numbers: impl Iterator<Item = u32>) -> BTreeMap<u32, u32> {
    numbers.map(|number| (number, 1)).collect()
}

// spec: RFC 9051 §6.4.6; RFC 5530 §3
fn told_when_durable() -> Result<(), String> {
    let mut world = world();
    world.set_disk_slow(true);
    world.send(1, b"a STORE 1:* +FLAGS (\\Flagged)\r\n");
    assert_eq!(said(&mut world, 1), "");
    world.write_held(1);
    assert_eq!(said(&mut world, 1), "", "durable, but nobody has said so");
    world.answer_held(1);
    assert_eq!(told(&said(&mut world, 1), "(\\Flagged)"), once(1..=1000));
    world.write_held(1);
    world.answer_held(1);
    let second = said(&mut world, 1);
    assert_eq!(told(&second, "(\\Flagged)"), once(1001..=2000));
    assert!(!second.contains("a "), "{second}");
    // The third finds the disk full: those before it stay.
    world.faults.disk_full.store(true, Ordering::Relaxed);
    world.write_held(1);
    world.answer_held(1);
    let end = said(&mut world, 1);
    assert!(end.starts_with("a NO [UNAVAILABLE]") && end.lines().count() == 1, "{end}");
    world.faults.disk_full.store(false, Ordering::Relaxed);
    world.send(1, b"b SEARCH RETURN (ALL) FLAGGED\r\n");
    assert!(said(&mut world, 1).contains("ALL 1:2000\r\n"));
    Ok(())
}

/// The second transaction is durable before the first is answered, and meanwhile others change what it
/// changed, and take out some.
// spec: RFC 9051 §6.4.6; RFC 9051 §7.5.1
fn each_message_once() -> Result<(), String> {
    let mut world = world();
    world.set_disk_slow(true);
    world.send(1, b"a STORE 1:* +FLAGS (\\Flagged)\r\n");
    world.write_held(2);
    world.send(2, b"b STORE 7,1501 +FLAGS.SILENT (\\Deleted)\r\nc EXPUNGE\r\n");
    assert!(said(&mut world, 2).contains("c OK"));
    world.answer_held(1);
    let first = said(&mut world, 1);
    assert!(!first.contains("EXPUNGE"), "numbers stay what they were: {first}");
    world.answer_held(1);
    let second = said(&mut world, 1);
    world.set_disk_slow(false);
    let end = said(&mut world, 1);
    assert!(told(&first, "(\\Flagged").len() >= 1000, "{first}");
    assert_eq!(told(&(first + &second + &end), "\\Flagged"), once(1..=MESSAGES));
    let (before, after) = end.split_once("a OK").unwrap();
    assert!(!before.contains("EXPUNGE"), "{before}");
    assert!(!after.contains("FETCH"), "{after}");
    world.send(1, b"d NOOP\r\n");
    let left = said(&mut world, 1);
    assert!(left.starts_with("* 1501 EXPUNGE\r\n* 7 EXPUNGE\r\nd OK"), "{left}");
    Ok(())
}

/// Every part says UIDs, not only the last.
// spec: RFC 9051 §6.4.9
fn by_uid() -> Result<(), String> {
    let mut world = world();
    world.set_disk_slow(true);
    world.send(1, b"a UID STORE 1:* +FLAGS (\\Flagged)\r\n");
    world.write_held(1);
    world.answer_held(1);
    assert_eq!(told(&said(&mut world, 1), "(UID "), once(1..=1000));
    world.set_disk_slow(false);
    assert_eq!(told(&said(&mut world, 1), "(UID "), once(1001..=MESSAGES));
    // What others changed is told before a silent change.
    world.send(2, b"b STORE 3 +FLAGS.SILENT (\\Seen)\r\n");
    said(&mut world, 1);
    world.send(1, b"c UID STORE 4 +FLAGS.SILENT (\\Seen)\r\n");
    assert_eq!(told(&said(&mut world, 1), "(UID 3 "), once(3..=3));
    Ok(())
}

/// The first part finds the disk full: those behind it are written nevertheless, and only then is it said.
fn no_answer_before_the_last() -> Result<(), String> {
    let mut world = world();
    world.set_disk_slow(true);
    world.send(1, b"a STORE 1:* +FLAGS (\\Flagged)\r\n");
    world.faults.disk_full.store(true, Ordering::Relaxed);
    world.write_held(1);
    world.faults.disk_full.store(false, Ordering::Relaxed);
    world.answer_held(1);
    assert_eq!(said(&mut world, 1), "");
    world.write_held(1);
    world.answer_held(1);
    assert_eq!(told(&said(&mut world, 1), "(\\Flagged)"), once(1001..=2000));
    world.set_disk_slow(false);
    let end = said(&mut world, 1);
    assert_eq!(told(&end, "(\\Flagged)"), once(2001..=MESSAGES));
    assert!(end.lines().last().unwrap().starts_with("a NO [UNAVAILABLE]"), "{end}");
    Ok(())
}

/// With `.SILENT` only what others have changed is told, at the end.
// spec: RFC 9051 §6.4.6
fn silent() -> Result<(), String> {
    let mut world = world();
    world.set_disk_slow(true);
    world.send(1, b"a STORE 1:* +FLAGS.SILENT (\\Flagged)\r\n");
    world.write_held(1);
    world.send(2, b"b STORE 3 +FLAGS.SILENT (\\Seen)\r\n");
    world.answer_held(1);
    assert_eq!(said(&mut world, 1), "");
    world.set_disk_slow(false);
    let end = said(&mut world, 1);
    assert!(end.contains("* 3 FETCH (FLAGS (\\Flagged \\Seen") && end.contains("a OK"), "{end}");
    Ok(())
}
