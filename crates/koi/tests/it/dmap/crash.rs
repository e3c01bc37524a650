//! SUBMIT with the real server: two clients that want the same message, and `kill -9` at each write, flush
//! and reply of a submission (DMAP-00 §7.6.7). A message is submitted once, or still waits; never lost, never
//! twice.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use koi_dmap_client::{Placed, Wallet};
use koi_types::MailboxName;

use super::client::Client;
use super::mode;
use crate::rig::{ALICE, BOB, PASSWORD, Server, koi, new_folder, said};

/// What reaches the disk.
const DISK: &str = "pwrite64,pwritev,pwritev2,fdatasync,fsync";
/// What reaches a client.
const REPLY: &str = "sendto,sendmsg,writev";
/// Which steps the server is killed at, and at the how manieth of a thread: its threads share the work, so
/// that a number alone would not name a step. What is written and what is said is each tried from the first
/// on, until some are not reached any more.
const KILLS: [(&str, u32); 10] = [
    (DISK, 1),
    (DISK, 2),
    (DISK, 3),
    (DISK, 4),
    (DISK, 5),
    (DISK, 6),
    (REPLY, 1),
    (REPLY, 2),
    (REPLY, 3),
    (REPLY, 4),
];

fn folder_of_two() -> (tempfile::TempDir, std::path::PathBuf) {
    let (outer, folder) = new_folder();
    let server = Server::start(&folder);
    for address in [ALICE, BOB] {
        mode(&server, address, "cautious");
        let mut client = login(&server, address);
        client.makes_key();
        client.leaves();
    }
    server.stop();
    (outer, folder)
}

fn login(server: &Server, address: &str) -> Client {
    Client::login(server, address, PASSWORD, Wallet::default())
}

fn inbox(server: &Server, address: &str) -> usize {
    let mut client = login(server, address);
    let count = client.account.select(&MailboxName::inbox(), true).unwrap().exists;
    client.leaves();
    count as usize
}

/// Up to the tagged line; nothing when the server has died.
fn tagged(client: &mut Client, tag: &str) -> Option<String> {
    loop {
        let line = client.heard().ok()?;
        if let Some(rest) = line.strip_prefix(&format!("{tag} ")) {
            return Some(rest.to_owned());
        }
    }
}

// spec: DMAP-00 §7.6.7
#[test]
fn two_clients_race_for_a_submission() {
    const MESSAGES: usize = 8;
    let (_outer, folder) = folder_of_two();
    let server = Server::quickstart(&folder, &[]);
    let (mut one, mut other) = (login(&server, ALICE), login(&server, ALICE));
    for n in 0..MESSAGES {
        let placed = one.places(BOB, "Race", &format!("number {n}"));
        for client in [&mut one, &mut other] {
            client.account.select(&placed.mailbox, false).unwrap();
        }
        let command = format!("race{n} UID SUBMIT {}\r\n", placed.uid);
        one.sends(&command);
        other.sends(&command);
        let answers = [&mut one, &mut other].map(|client| tagged(client, &format!("race{n}")).unwrap());
        let won = answers.iter().filter(|answer| answer.starts_with("OK [SUBMITTED ")).count();
        let lost = answers.iter().filter(|answer| answer.starts_with("NO [SUBMISSIONRACE]")).count();
        assert_eq!((won, lost), (1, 1), "{answers:?}");
    }
    one.leaves();
    other.leaves();
    assert_eq!(inbox(&server, BOB), MESSAGES);
    server.stop();
}

/// Kills the server when one of its threads comes to its n-th step from now on.
struct Killer(Child);

impl Killer {
    fn at(server: &Server, (steps, nth): (&str, u32)) -> Self {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-o", "/dev/null", "-e", &format!("trace={steps}")]);
        strace.args(["-e", &format!("inject={steps}:signal=KILL:when={nth}")]);
        strace.args(["-p", &server.child.id().to_string()]);
        let mut child = strace.stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        // "Process 7 attached with 9 threads": each of them is watched by then.
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("attached"), "{line}");
        Self(child)
    }
    /// Not by SIGTERM: it would wait for threads that were killed with their process.
    fn leave(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// What is found of a message after the server has started again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Found {
    Waiting,
    Submitted,
}

/// Waits until what was taken is ended.
fn settled(client: &mut Client, placed: &Placed) -> Found {
    client.account.select(&placed.mailbox, false).unwrap();
    loop {
        let said = client.line(&format!("UID FETCH {} FLAGS", placed.uid));
        let flags = said.iter().find(|line| line.contains(" FETCH (")).unwrap_or_else(|| panic!("{said:?}"));
        match (flags.contains("\\SubmitPending"), flags.contains("\\Submitted")) {
            (true, false) => return Found::Waiting,
            (false, true) => return Found::Submitted,
            // Housekeeping is about to: it says so in IDLE.
            (true, true) => {
                client.sends("wait IDLE\r\n");
                while !client.hears().starts_with("* ") {}
                client.sends("DONE\r\n");
                tagged(client, "wait").unwrap();
            }
            (false, false) => panic!("lost: {said:?}"),
        }
    }
}

/// What has become of a message, in the end: it is submitted, once, by whoever had to do it.
fn ended(server: &Server, alice: &mut Client, placed: &Placed, delivered_before: usize) -> Found {
    let state = settled(alice, placed);
    let delivered = inbox(server, BOB);
    match state {
        Found::Submitted => assert_eq!(delivered, delivered_before + 1, "submitted and delivered, once"),
        Found::Waiting => {
            assert_eq!(delivered, delivered_before, "what waits is not delivered");
            let again = alice.line(&format!("UID SUBMIT {}", placed.uid));
            assert!(again.last().unwrap().starts_with("OK [SUBMITTED "), "{again:?}");
            assert_eq!(inbox(server, BOB), delivered_before + 1);
        }
    }
    state
}

// spec: DMAP-00 §7.6.7
#[test]
fn a_submission_survives_a_kill_at_each_of_its_steps() {
    let (_outer, folder) = folder_of_two();
    let mut found = Vec::new();
    for (round, kill) in KILLS.into_iter().enumerate() {
        let server = Server::quickstart(&folder, &[]);
        let mut alice = login(&server, ALICE);
        let placed = alice.places(BOB, "Kill", &format!("{kill:?}"));
        alice.account.select(&placed.mailbox, false).unwrap();
        let killer = Killer::at(&server, kill);
        alice.sends(&format!("kill UID SUBMIT {}\r\n", placed.uid));
        let answer = tagged(&mut alice, "kill");
        killer.leave();
        server.kill();
        assert!(answer.as_ref().is_none_or(|answer| answer.starts_with("OK [SUBMITTED ")), "{answer:?}");
        let server = Server::quickstart(&folder, &[]);
        let mut alice = login(&server, ALICE);
        let state = ended(&server, &mut alice, &placed, round);
        assert!(answer.is_none() || state == Found::Submitted, "what was acknowledged is submitted");
        found.push((kill, answer.is_some(), state));
        alice.leaves();
        server.stop();
    }
    println!("kill, whether the client was told before, what was found: {found:#?}");
    let killed = |state| found.iter().any(|(_, told, found)| !told && *found == state);
    assert!(killed(Found::Waiting) && killed(Found::Submitted), "before and after: {found:#?}");
    let server = Server::quickstart(&folder, &[]);
    assert_eq!(inbox(&server, BOB), KILLS.len(), "each once");
    server.stop();
    said(&koi(&folder, &["check"], ""));
}
