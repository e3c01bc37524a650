//! Threads of made-up conversations are those that Dovecot makes of them (tests/threads/record.py wrote both
//! down).
//!
//! One thing is different: which thread comes first in REFS. Here the one that has not grown for the longest
//! time is first, as draft-ietf-morg-inthread §4 has it; Dovecot goes by when messages were sent, not by when
//! they came.

use std::sync::Arc;

use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_testkit::world::World;

use crate::harness::Test;

const RECORDED: &str = include_str!("../../../../tests/threads/dovecot.txt");

pub(crate) fn tests() -> Vec<Test> {
    // spec: RFC 5256 §3
    vec![Test { name: "threads/as_another_server_makes_them".to_owned(), run: Box::new(run) }]
}

fn run() -> Result<(), String> {
    let mut world = World::new(&|commits: Arc<dyn Commits>| Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>);
    world.add_user("alice");
    world.open_imap(1, true);
    ask(&mut world, "LOGIN alice secret")?;
    let (mut mailbox, mut compared, mut wrong) = ("", 0, Vec::new());
    let mut arrivals = Vec::new();
    for line in RECORDED.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(number) = line.strip_prefix("mailbox ") {
            mailbox = number;
            arrivals.clear();
            ask(&mut world, &format!("CREATE {mailbox}"))?;
            ask(&mut world, &format!("SELECT {mailbox}"))?;
        } else if let Some(answer) = line.strip_prefix("= ") {
            let (algorithm, expected) = answer.split_once(' ').unwrap_or((answer, ""));
            let said = ask(&mut world, &format!("THREAD {algorithm} UTF-8 ALL"))?;
            let told = said.lines().find_map(|line| line.strip_prefix("* THREAD")).unwrap_or_default();
            let expected = match algorithm {
                "REFS" => by_arrival(expected, &arrivals),
                _ => expected.to_owned(),
            };
            compared += 1;
            if told.trim() != expected {
                wrong.push(format!("mailbox {mailbox}, {algorithm}: {told}, there {expected}"));
            }
        } else {
            append(&mut world, mailbox, line)?;
            // In the order of time: day, hour and minute of one month.
            arrivals.push(line.get(..17).unwrap_or_default());
        }
    }
    match wrong.is_empty() {
        true if compared > 500 => Ok(()),
        _ => Err(format!("{} of {compared}:\n{}", wrong.len(), wrong.join("\n"))),
    }
}

/// Threads in the order of their last arrivals.
fn by_arrival(threads: &str, arrivals: &[&str]) -> String {
    let mut threads = split(threads);
    threads.sort_by_key(|thread| {
        let numbers = thread.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse::<usize>().ok());
        numbers.map(|number| (arrivals[number - 1], number)).max()
    });
    threads.concat()
}

/// `(1 2)((3)(4))` is two.
fn split(threads: &str) -> Vec<&str> {
    let (mut found, mut depth, mut begin) = (Vec::new(), 0, 0);
    for (at, octet) in threads.bytes().enumerate() {
        depth += i32::from(octet == b'(') - i32::from(octet == b')');
        if depth == 0 {
            found.push(&threads[begin..=at]);
            begin = at + 1;
        }
    }
    found
}

/// `02-Mar-2024 00:11:00 +0000 | Subject: carp | Message-ID: <1@b1>`
fn append(world: &mut World, mailbox: &str, line: &str) -> Result<(), String> {
    let (arrival, fields) = line.split_once(" | ").unwrap_or((line, ""));
    let message = format!("{}\r\n\r\nx\r\n", fields.replace(" | ", "\r\n"));
    let length = message.len();
    ask(world, &format!("APPEND {mailbox} \"{arrival}\" {{{length}+}}\r\n{message}")).map(|_| ())
}

fn ask(world: &mut World, command: &str) -> Result<String, String> {
    world.send(1, format!("t {command}\r\n").as_bytes());
    let said = String::from_utf8(std::mem::take(&mut world.peer(1).unwrap().said)).unwrap();
    match said.lines().any(|line| line.starts_with("t OK")) {
        true => Ok(said),
        false => Err(format!("{command}: {said}")),
    }
}
