//! SUBMIT with the real server: two clients that want the same message, and `kill -9` before each write,
//! flush and reply of a submission, whichever thread does it (DMAP-00 §7.6.7). A message is submitted once,
//! or still waits; never lost, never twice.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use koi_dmap_client::{Placed, Wallet};
use koi_types::MailboxName;
use rustix::process::{Pid, Signal, kill_process};

use super::client::Client;
use super::mode;
use crate::rig::{ALICE, BOB, PASSWORD, Server, koi, new_folder, said};

/// What reaches the disk.
const DISK: [&str; 5] = ["pwrite64", "pwritev", "pwritev2", "fdatasync", "fsync"];
/// What reaches a client. Counted apart: the first reply and the second transaction come in either order.
const REPLIES: [&str; 3] = ["sendto", "sendmsg", "writev"];
/// How long each of these is held back before it is done, in microseconds: so long the server can be killed
/// before it.
const HELD_BACK_MICROS: u32 = 400_000;
/// There are two of each.
const STEPS_MAX: usize = 40;

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

/// Holds back each step of the server, of whichever thread, and kills it before the n-th.
struct Killer {
    strace: Child,
    watching: JoinHandle<Vec<String>>,
}

impl Killer {
    fn at(server: &Server, kind: &'static [&'static str], nth: usize) -> Self {
        let (steps, pid) = (kind.join(","), server.child.id());
        let mut strace = Command::new("strace");
        strace.args(["-f", "-e", &format!("trace={steps}"), "-p", &pid.to_string()]);
        strace.args(["-e", &format!("inject={steps}:delay_enter={HELD_BACK_MICROS}")]);
        let mut strace = strace.stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(strace.stderr.take().unwrap());
        let mut line = String::new();
        // "Process 7 attached with 9 threads": each of them is watched by then.
        said.read_line(&mut line).unwrap();
        assert!(line.contains("attached"), "{line}");
        let pid = Pid::from_raw(pid as i32).unwrap();
        Self { strace, watching: std::thread::spawn(move || watch(said, pid, kind, nth)) }
    }
    /// The steps that were begun. Not by SIGTERM: it would wait for threads that were killed with their
    /// process.
    fn leave(mut self) -> Vec<String> {
        self.strace.kill().unwrap();
        self.strace.wait().unwrap();
        self.watching.join().unwrap()
    }
}

/// Reads what is begun as it is begun: there is no line end yet.
fn watch(mut said: impl Read, server: Pid, kind: &[&str], nth: usize) -> Vec<String> {
    let (mut begun, mut word) = (Vec::new(), String::new());
    let mut octet = [0];
    while said.read(&mut octet).is_ok_and(|read| read == 1) {
        match octet[0] {
            b'(' if kind.contains(&word.as_str()) => {
                begun.push(std::mem::take(&mut word));
                if begun.len() == nth {
                    kill_process(server, Signal::KILL).unwrap();
                }
            }
            other if other.is_ascii_alphanumeric() => word.push(char::from(other)),
            _ => word.clear(),
        }
    }
    begun
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
    let disk = killed_at_each(&folder, &DISK, 0);
    let replies = killed_at_each(&folder, &REPLIES, disk.len() + 1);
    println!("killed before what, and what was found: {disk:?} {replies:?}");
    assert_eq!(disk.first().map(|(_, found)| *found), Some(Found::Waiting), "before it is taken");
    // What was taken and not delivered is ended by the next start.
    let submitted = disk.iter().filter(|(_, found)| *found == Found::Submitted);
    assert!(submitted.count() >= 1, "before it is delivered: {disk:?}");
    assert!(
        !replies.is_empty() && replies.iter().all(|(_, found)| *found == Found::Submitted),
        "{replies:?}"
    );
    let server = Server::quickstart(&folder, &[]);
    assert_eq!(inbox(&server, BOB), disk.len() + replies.len() + 2, "each once");
    server.stop();
    said(&koi(&folder, &["check"], ""));
}

/// Submits one message after the other, and kills the server before the first, the second, … step of a kind,
/// until there is none left: before which it was, and what was found. The last message is not counted.
fn killed_at_each(
    folder: &std::path::Path,
    kind: &'static [&'static str],
    delivered: usize,
) -> Vec<(String, Found)> {
    let mut found = Vec::new();
    loop {
        let nth = found.len() + 1;
        let server = Server::quickstart(folder, &[]);
        let mut alice = login(&server, ALICE);
        let placed = alice.places(BOB, "Kill", &format!("before {nth} of {kind:?}"));
        alice.account.select(&placed.mailbox, false).unwrap();
        let killer = Killer::at(&server, kind, nth);
        alice.sends(&format!("kill UID SUBMIT {}\r\n", placed.uid));
        let answer = tagged(&mut alice, "kill");
        let steps = killer.leave();
        server.kill();
        assert!(answer.as_ref().is_none_or(|answer| answer.starts_with("OK [SUBMITTED ")), "{answer:?}");
        let server = Server::quickstart(folder, &[]);
        let mut alice = login(&server, ALICE);
        let state = ended(&server, &mut alice, &placed, delivered + found.len());
        alice.leaves();
        server.stop();
        if answer.is_some() {
            assert_eq!(state, Found::Submitted, "what was acknowledged is submitted");
            return found;
        }
        found.push((steps.get(nth - 1).cloned().unwrap(), state));
        assert!(nth < STEPS_MAX, "{found:?}");
    }
}
