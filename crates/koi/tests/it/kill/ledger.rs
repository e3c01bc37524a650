//! What one account must hold: everything acknowledged, and at most what was under way when the server died.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use parking_lot::Mutex;

use super::address;
use crate::imap::Imap;
use crate::rig::PASSWORD;

/// Mailboxes only the account's IMAP writer touches.
pub(crate) const WORK: &str = "Work";
pub(crate) const MOVED: &str = "Moved";
/// A mailbox with more messages is emptied after it was compared.
const KEPT_MAX: usize = 1000;
const MAILBOXES: [&str; 3] = ["INBOX", WORK, MOVED];

/// A message by the token in its subject, with its flags.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Message {
    pub(crate) token: String,
    pub(crate) flags: BTreeSet<String>,
}

/// A command that was sent and not answered.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Append { message: Message },
    Flags { uid: u32, flags: BTreeSet<String> },
    Expunge { uid: u32 },
    Move { uid: u32 },
}

/// What is known of one mailbox over all rounds.
#[derive(Default)]
struct Known {
    uidvalidity: Option<u32>,
    uidnext: u32,
    highest_modseq: u64,
    /// Every UID ever seen, and whose it was.
    used: HashMap<u32, String>,
}

#[derive(Default)]
pub(crate) struct Facts {
    /// Tokens whose delivery to INBOX was acknowledged.
    pub(crate) delivered: HashSet<String>,
    /// Work as the writer knows it, by UID.
    pub(crate) work: BTreeMap<u32, Message>,
    /// Tokens that were moved.
    pub(crate) moved: HashSet<String>,
    pub(crate) pending: Option<Op>,
    known: HashMap<&'static str, Known>,
}

pub(crate) struct Ledger {
    pub(crate) account: usize,
    pub(crate) facts: Mutex<Facts>,
}

impl Facts {
    /// A UID that an answer named.
    pub(crate) fn used(&mut self, mailbox: &'static str, uid: u32, token: &str) {
        let known = self.known.entry(mailbox).or_default();
        known.uidnext = known.uidnext.max(uid + 1);
        let before = known.used.insert(uid, token.to_owned());
        assert!(
            before.as_deref().is_none_or(|t| t == token),
            "{mailbox} UID {uid}: was {before:?}, now {token}"
        );
    }
    /// Counters that an answer named.
    pub(crate) fn counters(&mut self, mailbox: &'static str, status: &str) {
        let known = self.known.entry(mailbox).or_default();
        let number = |name: &str| -> u64 {
            let rest =
                status.split(&format!("{name} ")).nth(1).unwrap_or_else(|| panic!("no {name} in {status}"));
            rest.split([' ', ')']).next().unwrap().parse().unwrap()
        };
        let uidvalidity = u32::try_from(number("UIDVALIDITY")).unwrap();
        assert_eq!(
            *known.uidvalidity.get_or_insert(uidvalidity),
            uidvalidity,
            "{mailbox}: UIDVALIDITY changed"
        );
        let uidnext = u32::try_from(number("UIDNEXT")).unwrap();
        assert!(uidnext >= known.uidnext, "{mailbox}: UIDNEXT went back from {} to {uidnext}", known.uidnext);
        known.uidnext = uidnext;
        let modseq = number("HIGHESTMODSEQ");
        let before = known.highest_modseq;
        assert!(modseq >= before, "{mailbox}: HIGHESTMODSEQ went back from {before} to {modseq}");
        known.highest_modseq = modseq;
    }
}

pub(crate) const STATUS: &str = "(UIDVALIDITY UIDNEXT HIGHESTMODSEQ)";

impl Ledger {
    pub(crate) fn new(account: usize) -> Self {
        Self { account, facts: Mutex::default() }
    }

    /// Compares what the server shows with what it acknowledged, and goes on from there.
    pub(crate) fn verify(&self, port: u16) {
        let mut imap = Imap::connect(port).unwrap();
        imap.ok(&format!("LOGIN {} \"{PASSWORD}\"", address(self.account)));
        let mut facts = self.facts.lock();
        for mailbox in MAILBOXES {
            if mailbox != "INBOX" && facts.known.is_empty() {
                imap.ok(&format!("CREATE {mailbox}"));
            }
        }
        let mut shown: HashMap<&str, BTreeMap<u32, Message>> = HashMap::new();
        for mailbox in MAILBOXES {
            let lines = imap.ok(&format!("STATUS {mailbox} {STATUS}")).lines();
            // The first one with a mailbox selected turns CONDSTORE on and says so (RFC 7162 §3.1.2).
            let status = lines.into_iter().find(|line| line.starts_with("* STATUS ")).unwrap();
            facts.counters(mailbox, &status);
            let messages = messages(&mut imap, mailbox);
            let uidnext = facts.known[mailbox].uidnext;
            for (uid, message) in &messages {
                assert!(*uid < uidnext, "{mailbox}: UID {uid} is not below UIDNEXT {uidnext}");
                facts.used(mailbox, *uid, &message.token);
            }
            facts.known.get_mut(mailbox).unwrap().uidnext = uidnext;
            shown.insert(mailbox, messages);
        }
        let who = address(self.account);
        verify_inbox(&who, &facts, &shown["INBOX"]);
        verify_work(&who, &mut facts, &shown[WORK], &shown[MOVED]);
        if shown["INBOX"].len() > KEPT_MAX {
            expunge_all(&mut imap, "INBOX");
            facts.delivered.clear();
        }
        if shown[MOVED].len() > KEPT_MAX {
            expunge_all(&mut imap, MOVED);
            facts.moved.clear();
        }
    }
}

/// So that the rounds of a soak stay equally long.
fn expunge_all(imap: &mut Imap, mailbox: &str) {
    imap.ok(&format!("SELECT {mailbox}"));
    imap.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)");
    imap.ok("CLOSE");
}

fn messages(imap: &mut Imap, mailbox: &str) -> BTreeMap<u32, Message> {
    let exists = imap.ok(&format!("EXAMINE {mailbox}"));
    if exists.lines().iter().any(|l| l == "* 0 EXISTS") {
        return BTreeMap::new();
    }
    let answer = imap.ok("UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])");
    let parse = |line: &Vec<u8>| {
        let text = String::from_utf8_lossy(line).into_owned();
        let uid: u32 = text.split("UID ").nth(1)?.split([' ', ')']).next()?.parse().ok()?;
        let flags = text.split("FLAGS (").nth(1)?.split(')').next()?;
        let flags = flags.split(' ').filter(|f| !["", "\\Recent"].contains(f)).map(str::to_owned).collect();
        let token = text.split("Subject: ").nth(1)?.lines().next()?.to_owned();
        Some((uid, Message { token, flags }))
    };
    answer.untagged.iter().filter_map(parse).collect()
}

fn verify_inbox(who: &str, facts: &Facts, shown: &BTreeMap<u32, Message>) {
    let mut tokens = HashSet::new();
    for message in shown.values() {
        assert!(tokens.insert(message.token.as_str()), "{who}: {} is there twice", message.token);
    }
    let lost: Vec<&String> = facts.delivered.iter().filter(|t| !tokens.contains(t.as_str())).collect();
    assert!(lost.is_empty(), "{who}: {} acknowledged deliveries are lost: {:?}", lost.len(), lost.first());
}

fn verify_work(who: &str, facts: &mut Facts, work: &BTreeMap<u32, Message>, moved: &BTreeMap<u32, Message>) {
    let moved: HashSet<String> = moved.values().map(|m| m.token.clone()).collect();
    let pending = facts.pending.take();
    let (mut after_work, mut after_moved) = (facts.work.clone(), facts.moved.clone());
    match &pending {
        Some(Op::Append { message }) => {
            let new = work.iter().find(|(_, m)| m.token == message.token);
            if let Some((uid, _)) = new {
                after_work.insert(*uid, message.clone());
            }
        }
        Some(Op::Flags { uid, flags }) => after_work.get_mut(uid).unwrap().flags.clone_from(flags),
        Some(Op::Expunge { uid }) => drop(after_work.remove(uid)),
        Some(Op::Move { uid }) => {
            let message = after_work.remove(uid).unwrap();
            after_moved.insert(message.token);
        }
        None => {}
    }
    let before = work == &facts.work && moved == facts.moved;
    let after = work == &after_work && moved == after_moved;
    if !before && !after {
        let differing: Vec<_> =
            facts.work.iter().filter(|(uid, m)| work.get(uid) != Some(m)).take(5).collect();
        let extra: Vec<_> = work.iter().filter(|(uid, m)| facts.work.get(uid) != Some(m)).take(5).collect();
        panic!("{who}: neither before nor after {pending:?}\nacknowledged: {differing:?}\nshown: {extra:?}");
    }
    facts.work.clone_from(work);
    facts.moved = moved;
}
