//! The clients that are writing when the server dies.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::ledger::{Ledger, MOVED, Message, Op, STATUS, WORK};
use super::{ACCOUNTS, Choices, address};
use crate::imap::{Imap, Lmtp};
use crate::rig::PASSWORD;

/// No round takes so long to its target.
const PATIENCE: Duration = Duration::from_secs(120);

/// One round.
pub(crate) struct Run {
    round: u64,
    target: u64,
    acknowledged: AtomicU64,
    reached: Mutex<bool>,
    wake: Condvar,
    /// Set just before the kill: from then on connections may break.
    pub(crate) killed: AtomicBool,
}

impl Run {
    pub(crate) fn new(round: u64, target: u64) -> Self {
        let (acknowledged, killed) = (AtomicU64::new(0), AtomicBool::new(false));
        Self { round, target, acknowledged, reached: Mutex::new(false), wake: Condvar::new(), killed }
    }
    pub(crate) fn count(&self) -> u64 {
        self.acknowledged.load(Ordering::SeqCst)
    }
    pub(crate) fn wait_for_target(&self) {
        let mut reached = self.reached.lock();
        while !*reached {
            let late = self.wake.wait_for(&mut reached, PATIENCE).timed_out();
            assert!(!late, "only {} of {} acknowledgements came", self.count(), self.target);
        }
    }
    fn acknowledge(&self) {
        if self.acknowledged.fetch_add(1, Ordering::SeqCst) + 1 == self.target {
            *self.reached.lock() = true;
            self.wake.notify_all();
        }
    }
    /// Whether a broken connection is the kill's doing; anything else fails the test.
    fn excuse(&self, what: &str, error: &io::Error) {
        if !self.killed.load(Ordering::SeqCst) {
            // The reader may be faster than the flag: the kill comes right after it.
            *self.reached.lock() = true;
            self.wake.notify_all();
            panic!("{what} failed before the kill: {error}");
        }
    }
}

/// Delivers until the server dies; every fifth message has two recipients.
pub(crate) fn lmtp_writer(run: &Run, ledgers: &[Ledger], port: u16, n: usize) {
    let mut lmtp = match Lmtp::connect(port) {
        Ok(lmtp) => lmtp,
        Err(error) => return run.excuse("LMTP connect", &error),
    };
    for count in 0u64.. {
        let token = format!("r{}-c{n}-m{count}", run.round);
        let mut accounts = vec![n % ACCOUNTS];
        if count % 5 == 4 {
            accounts.push((n + 1) % ACCOUNTS);
        }
        let addresses: Vec<String> = accounts.iter().map(|a| address(*a)).collect();
        let recipients: Vec<&str> = addresses.iter().map(String::as_str).collect();
        let padding = "x".repeat(70);
        let lines = (count as usize * 7 + n) % 80;
        let text = format!("Subject: {token}\r\n\r\n{}", format!("{padding}\r\n").repeat(lines));
        match lmtp.deliver(&recipients, text.as_bytes()) {
            Ok(replies) => {
                for (account, reply) in accounts.iter().zip(replies) {
                    assert!(reply.starts_with("250"), "{reply}");
                    ledgers[*account].facts.lock().delivered.insert(token.clone());
                    run.acknowledge();
                }
            }
            Err(error) => return run.excuse("LMTP delivery", &error),
        }
    }
}

/// Appends, flags, expunges and moves until the server dies.
pub(crate) fn imap_writer(run: &Run, ledger: &Ledger, port: u16, mut choices: Choices) {
    let mut imap = match begin(ledger, port) {
        Ok(imap) => imap,
        Err(error) => return run.excuse("IMAP login", &error),
    };
    for count in 0u64.. {
        match one_change(run, ledger, &mut imap, &mut choices, count) {
            Ok(()) => run.acknowledge(),
            Err(error) => return run.excuse("IMAP command", &error),
        }
    }
}

fn begin(ledger: &Ledger, port: u16) -> io::Result<Imap> {
    let mut imap = Imap::connect(port)?;
    expect(&mut imap, &format!("LOGIN {} \"{PASSWORD}\"", address(ledger.account)))?;
    expect(&mut imap, &format!("SELECT {WORK}"))?;
    Ok(imap)
}

fn expect(imap: &mut Imap, command: &str) -> io::Result<crate::imap::Answer> {
    let answer = imap.command(command.as_bytes())?;
    assert!(answer.tagged.starts_with("OK"), "{command}: {}", answer.tagged);
    Ok(answer)
}

fn one_change(
    run: &Run,
    ledger: &Ledger,
    imap: &mut Imap,
    choices: &mut Choices,
    count: u64,
) -> io::Result<()> {
    if count % 20 == 19 {
        let answer = expect(imap, &format!("STATUS {MOVED} {STATUS}"))?;
        let status = answer.lines().into_iter().find(|l| l.starts_with("* STATUS ")).unwrap();
        ledger.facts.lock().counters(MOVED, &status);
    }
    let uids: Vec<u32> = ledger.facts.lock().work.keys().copied().collect();
    let kind = choices.below(10);
    if uids.len() < 5 || kind < 5 {
        return append(run, ledger, imap, choices, count);
    }
    let uid = uids[choices.below(uids.len() as u64) as usize];
    match kind {
        5 | 6 => flags(ledger, imap, choices, uid),
        7 => expunge(ledger, imap, uid),
        _ => move_away(ledger, imap, uid),
    }
}

fn append(run: &Run, ledger: &Ledger, imap: &mut Imap, choices: &mut Choices, count: u64) -> io::Result<()> {
    let token = format!("r{}-a{count}", run.round);
    let seen = choices.below(2) == 0;
    let flags: BTreeSet<String> = seen.then(|| "\\Seen".to_owned()).into_iter().collect();
    let message = Message { token: token.clone(), flags: flags.clone() };
    ledger.facts.lock().pending = Some(Op::Append { message: message.clone() });
    let list: Vec<&str> = flags.iter().map(String::as_str).collect();
    let text = format!("Subject: {token}\r\n\r\n{}\r\n", "y".repeat(choices.below(3000) as usize));
    let answer = imap.append(WORK, &list.join(" "), text.as_bytes())?;
    assert!(answer.tagged.starts_with("OK [APPENDUID "), "{}", answer.tagged);
    let uid = answer.tagged.split([' ', ']']).nth(3).unwrap().parse().unwrap();
    let mut facts = ledger.facts.lock();
    facts.used(WORK, uid, &token);
    facts.work.insert(uid, message);
    facts.pending = None;
    Ok(())
}

fn flags(ledger: &Ledger, imap: &mut Imap, choices: &mut Choices, uid: u32) -> io::Result<()> {
    let flag = ["\\Flagged", "\\Answered", "$Work", "later"][choices.below(4) as usize];
    let mut wanted = ledger.facts.lock().work[&uid].flags.clone();
    let sign = if wanted.remove(flag) { '-' } else { '+' };
    if sign == '+' {
        wanted.insert(flag.to_owned());
    }
    ledger.facts.lock().pending = Some(Op::Flags { uid, flags: wanted.clone() });
    expect(imap, &format!("UID STORE {uid} {sign}FLAGS.SILENT ({flag})"))?;
    let mut facts = ledger.facts.lock();
    facts.work.get_mut(&uid).unwrap().flags = wanted;
    facts.pending = None;
    Ok(())
}

fn expunge(ledger: &Ledger, imap: &mut Imap, uid: u32) -> io::Result<()> {
    let mut wanted = ledger.facts.lock().work[&uid].flags.clone();
    wanted.insert("\\Deleted".to_owned());
    ledger.facts.lock().pending = Some(Op::Flags { uid, flags: wanted.clone() });
    expect(imap, &format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)"))?;
    {
        let mut facts = ledger.facts.lock();
        facts.work.get_mut(&uid).unwrap().flags = wanted;
        facts.pending = Some(Op::Expunge { uid });
    }
    expect(imap, &format!("UID EXPUNGE {uid}"))?;
    let mut facts = ledger.facts.lock();
    facts.work.remove(&uid);
    facts.pending = None;
    Ok(())
}

fn move_away(ledger: &Ledger, imap: &mut Imap, uid: u32) -> io::Result<()> {
    ledger.facts.lock().pending = Some(Op::Move { uid });
    expect(imap, &format!("UID MOVE {uid} {MOVED}"))?;
    let mut facts = ledger.facts.lock();
    let message = facts.work.remove(&uid).unwrap();
    facts.moved.insert(message.token);
    facts.pending = None;
    Ok(())
}
