//! A service on the memory engine with a clock and randomness of its own.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use koi_mailbox::{
    Account, Changes, Delivered, Delivery, Env, FlagChange, FlagOp, Incoming, MailboxRow, MailboxService,
    NewMessage, Options, Snapshot,
};
use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_types::{
    AccountId, Address, CommitNotice, Flags, Keyword, MailboxId, MailboxName, ModSeq, SystemFlags, Timestamp,
    Uid, UidSet, ZoneOffset,
};

/// 2026-01-01T00:00:00Z.
pub(crate) const START: Timestamp = Timestamp(1_767_225_600_000);

pub(crate) struct FakeEnv {
    now: AtomicI64,
    random: AtomicU64,
}

impl FakeEnv {
    pub(crate) fn advance_secs(&self, secs: i64) -> Timestamp {
        Timestamp(self.now.fetch_add(secs * 1000, Ordering::Relaxed) + secs * 1000)
    }
}

impl Env for FakeEnv {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::Relaxed))
    }
    fn random(&self) -> [u8; 10] {
        let mut random = [0; 10];
        random[..8].copy_from_slice(&self.random.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        random
    }
}

pub(crate) struct Deaf;

impl Commits for Deaf {
    fn committed(&self, _: &[CommitNotice]) {}
}

pub(crate) struct Rig {
    pub(crate) kv: Arc<dyn Kv>,
    pub(crate) env: Arc<FakeEnv>,
    pub(crate) service: MailboxService,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }
    pub(crate) fn with(options: Options) -> Self {
        Self::on(Arc::new(MemoryKv::new(Arc::new(Deaf))), options)
    }
    pub(crate) fn on(kv: Arc<dyn Kv>, options: Options) -> Self {
        let env = Arc::new(FakeEnv { now: AtomicI64::new(START.0), random: AtomicU64::new(0) });
        let service = MailboxService::new(Arc::clone(&kv), options, Arc::clone(&env) as Arc<dyn Env>);
        service.directory().create_domain("example.org").unwrap();
        Self { kv, env, service }
    }
    pub(crate) fn account(&self, local: &str) -> Account {
        let address = Address::new(local, "example.org").unwrap();
        let id = self.service.directory().create_account(&address, "verifier").unwrap();
        self.service.account(id).unwrap()
    }
    /// The account as a server sees it that was started anew.
    pub(crate) fn again(&self, account: &Account) -> Account {
        let env = Arc::clone(&self.env) as Arc<dyn Env>;
        let service = MailboxService::new(Arc::clone(&self.kv), Options::default(), env);
        service.account(account.id()).unwrap()
    }
    pub(crate) fn deliver(&self, to: &[&Account], message: &str) -> Vec<Delivered> {
        let recipients: Vec<AccountId> = to.iter().map(|account| account.id()).collect();
        let message = incoming(message);
        let delivery = Delivery {
            sender: koi_types::ReversePath::Null,
            recipients,
            message,
            received_at: self.service_now(),
        };
        let results = self.service.deliver(delivery).wait().unwrap();
        results.into_iter().map(Result::unwrap).collect()
    }
    pub(crate) fn check(&self) {
        let findings = self.service.check().unwrap();
        let lines: Vec<String> = findings.iter().map(|f| format!("{} {}", f.key_text(), f.problem)).collect();
        assert!(lines.is_empty(), "{lines:#?}");
    }
    pub(crate) fn service_now(&self) -> Timestamp {
        self.env.now()
    }
    /// Runs everything that is due.
    pub(crate) fn housekeep(&self) -> usize {
        let mut purged = 0;
        for _ in 0..1000 {
            let done = self.service.housekeep(self.service_now()).unwrap();
            purged += done.purged;
            if !done.more {
                return purged;
            }
        }
        panic!("housekeeping does not come to an end");
    }
}

/// Every test ends with a check.
impl Drop for Rig {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.check();
        }
    }
}

pub(crate) fn incoming(message: &str) -> Arc<Incoming> {
    Arc::new(Incoming::of(message.replace('\n', "\r\n").as_bytes()).unwrap())
}

pub(crate) fn message(n: u32) -> String {
    format!("From: a@example.org\nSubject: number {n}\nMessage-ID: <{n}@example.org>\n\nbody {n}\n")
}

pub(crate) fn new_message(text: &str, flags: &[&str]) -> NewMessage {
    NewMessage {
        message: incoming(text),
        flags: self::flags(flags),
        received_at: START,
        received_zone: ZoneOffset(60),
    }
}

pub(crate) fn flags(names: &[&str]) -> Flags {
    let mut flags = Flags::default();
    for name in names {
        match SystemFlags::parse(name) {
            Some(system) => flags.system = flags.system.union(system),
            None => flags.insert(Keyword::new(name).unwrap()),
        }
    }
    flags
}

pub(crate) fn change(op: FlagOp, names: &[&str]) -> FlagChange {
    let Flags { system, keywords } = flags(names);
    FlagChange { op, system, keywords }
}

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

pub(crate) fn name(text: &str) -> MailboxName {
    MailboxName::new(text).unwrap()
}

pub(crate) fn uids(list: &[u32]) -> UidSet {
    UidSet(list.iter().copied().collect())
}

pub(crate) fn uid(n: u32) -> Uid {
    Uid::new(n).unwrap()
}

pub(crate) fn mailbox(account: &Account, text: &str) -> MailboxRow {
    account.snapshot().unwrap().mailbox_named(&name(text)).unwrap().unwrap()
}

pub(crate) fn names(account: &Account) -> Vec<String> {
    let rows = account.snapshot().unwrap().mailboxes().unwrap();
    rows.iter().map(|row| row.name.as_str().to_owned()).collect()
}

/// The messages of a mailbox as `uid flags keywords`.
pub(crate) fn list(snapshot: &Snapshot<'_>, mailbox: MailboxId) -> Vec<String> {
    let keywords = snapshot.keywords();
    let mut rows = Vec::new();
    let all = snapshot.uids(mailbox).unwrap();
    let scanned = snapshot
        .messages(mailbox, &all.0, |row| {
            let mut line = row.uid.to_string();
            for (flag, bit) in SystemFlags::NAMES {
                if row.flags.contains(bit) {
                    line.push_str(&format!(" {flag}"));
                }
            }
            for number in row.keywords.iter() {
                line.push_str(&format!(" {}", keywords.keyword(number).unwrap()));
            }
            rows.push(line);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(scanned.corrupt.is_empty());
    rows
}

pub(crate) fn listed(account: &Account, mailbox: MailboxId) -> Vec<String> {
    list(&account.snapshot().unwrap(), mailbox)
}

/// Added, flags, vanished as sets of UIDs.
pub(crate) fn changes(account: &Account, mailbox: MailboxId, since: ModSeq) -> String {
    match account.snapshot().unwrap().changes(mailbox, since, 1000).unwrap() {
        Changes::Listed(c) => format!("added {} flags {} vanished {}", c.added, c.flags, c.vanished),
        Changes::TooMany { .. } => "too many".to_owned(),
        Changes::MailboxGone => "gone".to_owned(),
    }
}
