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

/// After so many steps a submission is over; it has about a dozen.
const STEPS_MAX: u32 = 60;
/// What reaches the disk or a client.
const STEPS: &str = "pwrite64,pwritev,pwritev2,fdatasync,fsync,sendto,sendmsg,writev";

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
    fn at(server: &Server, step: u32) -> Self {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-o", "/dev/null", "-e", &format!("trace={STEPS}")]);
        strace.args(["-e", &format!("inject={STEPS}:signal=KILL:when={step}")]);
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

// spec: DMAP-00 §7.6.7
#[test]
fn a_submission_survives_a_kill_at_each_of_its_steps() {
    let (_outer, folder) = folder_of_two();
    let mut found = Vec::new();
    let mut last: Option<(Placed, bool)> = None;
    for step in 1..=STEPS_MAX {
        let server = Server::quickstart(&folder, &[]);
        let mut alice = login(&server, ALICE);
        if let Some((placed, was_answered)) = last.take() {
            let state = settled(&mut alice, &placed);
            assert!(!was_answered || state == Found::Submitted, "what was acknowledged is submitted");
            let delivered = inbox(&server, BOB);
            let before = found.len();
            match state {
                Found::Submitted => assert_eq!(delivered, before + 1, "after step {step}: {found:?}"),
                Found::Waiting => {
                    assert_eq!(delivered, before, "after step {step}: {found:?}");
                    let again = alice.line(&format!("UID SUBMIT {}", placed.uid));
                    assert!(again.last().unwrap().starts_with("OK [SUBMITTED "), "{again:?}");
                    assert_eq!(inbox(&server, BOB), before + 1);
                }
            }
            found.push(state);
            if was_answered {
                alice.leaves();
                server.stop();
                break;
            }
        }
        let placed = alice.places(BOB, "Kill", &format!("step {step}"));
        alice.account.select(&placed.mailbox, false).unwrap();
        let killer = Killer::at(&server, step);
        alice.sends(&format!("kill UID SUBMIT {}\r\n", placed.uid));
        let answer = tagged(&mut alice, "kill");
        killer.leave();
        server.kill();
        assert!(answer.as_ref().is_none_or(|answer| answer.starts_with("OK [SUBMITTED ")), "{answer:?}");
        last = Some((placed, answer.is_some()));
    }
    assert!(last.is_none(), "after {STEPS_MAX} steps it was not over: {found:?}");
    let waited = found.iter().filter(|state| **state == Found::Waiting).count();
    println!("killed at {} steps: {waited} times nothing had happened yet", found.len() - 1);
    assert!(waited > 0 && waited < found.len() - 1, "killed before and after: {found:?}");
    let server = Server::quickstart(&folder, &[]);
    assert_eq!(inbox(&server, BOB), found.len(), "each once");
    server.stop();
    said(&koi(&folder, &["check"], ""));
}
