//! Each row of a store that has something in most tables is damaged in turn, and the server started again:
//! `koi check` names the row by its key, and nothing stops working but what the row itself was about.

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::sync::Arc;

use koi_proto::sasl::base64_encode;
use koi_sessions::smtp::Role;
use koi_store::key::{self, table};
use koi_store::kv::{Commits, Kv, transact_and_wait};
use koi_store::memory::MemoryKv;
use koi_testkit::world::World;
use koi_types::{AccessSet, AccountId, MailboxId};

use crate::harness::Test;

pub(crate) fn tests() -> Vec<Test> {
    let name = "damaged_rows/harm_only_what_they_are_about".to_owned();
    vec![Test { name, run: Box::new(each_row) }]
}

const ALICE: AccountId = AccountId(1);
/// Where what alice shares with bob lies, and where her deleted mail does.
const ARCHIVE: &str = "Archive";
const TRASH: &str = "Trash";

/// What is done, in words for whoever looks for it, and what came of it.
struct Failure {
    what: String,
    answer: String,
}

struct Store {
    world: World,
    kv: Arc<dyn Kv>,
    failures: Vec<Failure>,
}

struct Row {
    key: Vec<u8>,
    value: Vec<u8>,
}

impl Store {
    fn new() -> Self {
        let made = RefCell::new(None);
        let world = World::new(&|commits: Arc<dyn Commits>| {
            let kv = Arc::new(MemoryKv::new(commits)) as Arc<dyn Kv>;
            *made.borrow_mut() = Some(Arc::clone(&kv));
            kv
        });
        let mut store = Self { world, kv: made.into_inner().unwrap(), failures: Vec::new() };
        store.fill();
        store
    }
    fn fill(&mut self) {
        let world = &mut self.world;
        for user in ["alice", "bob"] {
            world.add_user(user);
        }
        let message = |n: u32| {
            let (from, to) = ("From: bob@example.org", "To: alice@example.org");
            let text = "Message-ID: <{n}@x>\r\nReferences: <0@x>\r\nSubject: s{n}\r\n\r\nbody {n}\r\n";
            format!("{from}\r\n{to}\r\n{}", text.replace("{n}", &n.to_string())).into_bytes()
        };
        let mailboxes = [("alice", "INBOX", 1..6), ("alice", ARCHIVE, 11..14), ("bob", "INBOX", 21..23)];
        for (user, mailbox, numbers) in mailboxes {
            world.fill(user, mailbox, &numbers.map(message).collect::<Vec<_>>());
        }
        world.set_coi("alice", Some("active")).unwrap();
        world.annotate("alice", "INBOX", 2);
        world.annotate("alice", "", 2);
        world.add_app_password("alice", "phone", AccessSet::ALL);
        let commands = [
            "LOGIN alice secret",
            "SELECT INBOX",
            "STORE 2 +FLAGS ($One \\Flagged)",
            "COPY 3 Archive",
            "STORE 4 +FLAGS (\\Deleted)",
            "EXPUNGE",
            "CREATE gone",
            "DELETE gone",
            "SETACL Archive bob@example.org lrs",
            "GENURLAUTH imap://alice@x/INBOX/;uid=2;urlauth=anonymous INTERNAL",
        ];
        self.imap(1, "before", &commands);
        assert!(self.failures.is_empty());
    }
    fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        let view = self.kv.view().unwrap();
        for account in [AccountId::GLOBAL, ALICE] {
            let range = key::below(&account.0.to_be_bytes());
            let mut note = |key: &[u8], value: &[u8]| {
                rows.push(Row { key: key.to_vec(), value: value.to_vec() });
                ControlFlow::Continue(())
            };
            view.scan(&range.from, &range.end, &mut note).unwrap();
        }
        rows
    }
    fn say(&mut self, peer: u32, line: &str) -> String {
        self.world.send(peer, format!("{line}\r\n").as_bytes());
        let said = self.world.peer(peer).map(|peer| std::mem::take(&mut peer.said)).unwrap_or_default();
        String::from_utf8_lossy(&said).lines().last().unwrap_or_default().to_owned()
    }
    fn failed(&mut self, what: String, answer: String) {
        self.failures.push(Failure { what, answer });
    }
    /// Commands; `who` and the mailbox that is selected are said of each.
    fn imap(&mut self, peer: u32, who: &str, commands: &[&str]) {
        self.world.open_imap(peer, true);
        let mut place = "";
        for command in commands {
            place = command.strip_prefix("SELECT ").unwrap_or(place);
            let answer = self.say(peer, &format!("a {command}"));
            if !answer.starts_with("a OK") {
                self.failed(format!("{who} in {place}: {command}"), answer);
            }
        }
    }
    fn smtp(&mut self, peer: u32, who: &str, role: Role, lines: &[&str]) {
        self.world.open_smtp(peer, role, role == Role::Submission);
        for line in lines {
            let answer = self.say(peer, line);
            if !answer.starts_with(['2', '3']) {
                return self.failed(format!("{who}: {line}"), answer);
            }
        }
    }
    fn use_it(&mut self) {
        self.imap(2, "alice", &OF_ALICE);
        self.imap(3, "bob", &OF_BOB);
        for (peer, user) in [(4, "alice"), (5, "bob")] {
            let to = format!("RCPT TO:<{user}@example.org>");
            self.smtp(peer, &format!("mail to {user}"), Role::Lmtp, &["LHLO x", FROM, &to, "DATA", MAIL]);
        }
        for (peer, user) in [(6, "alice"), (7, "bob")] {
            let login = base64_encode(format!("\0{user}@example.org\0secret").as_bytes());
            let (login, from) = (format!("AUTH PLAIN {login}"), format!("MAIL FROM:<{user}@example.org>"));
            let mail = format!("From: {user}@example.org\r\n{MAIL}");
            let lines = ["EHLO x", &login, &from, "RCPT TO:<bob@example.org>", "DATA", &mail];
            self.smtp(peer, &format!("submission by {user}"), Role::Submission, &lines);
        }
        if let Err(error) = self.world.service.directory().list() {
            self.failed("list of accounts".to_owned(), error.to_string());
        }
        self.world.advance(3 * 86_400_000);
        if let Err(error) = self.world.service.housekeep(self.world.now()) {
            self.failed("housekeeping".to_owned(), error.to_string());
        }
    }
}

const FROM: &str = "MAIL FROM:<somebody@example.net>";
const MAIL: &str = "Subject: new\r\n\r\nnew\r\n.";

const OF_ALICE: [&str; 25] = [
    "LOGIN alice secret",
    "LIST \"\" * RETURN (STATUS (MESSAGES UNSEEN))",
    "LSUB \"\" *",
    "CREATE new",
    "GETQUOTAROOT INBOX",
    "GETMETADATA \"\" /private/1",
    "GETMETADATA INBOX /private/2",
    "STATUS Archive (MESSAGES UIDNEXT UNSEEN)",
    "SELECT Archive",
    "FETCH 1:* (UID FLAGS)",
    "FETCH 1:* (ENVELOPE BODYSTRUCTURE BODY.PEEK[])",
    "SEARCH TEXT body",
    "SORT (SUBJECT) UTF-8 ALL",
    "THREAD REFERENCES UTF-8 ALL",
    "STORE 2 +FLAGS (\\Seen $Two)",
    "COPY 2 Trash",
    "MOVE 1 Trash",
    "EXPUNGE",
    "SELECT INBOX",
    "FETCH 1:* (UID FLAGS)",
    "SEARCH TEXT body",
    "STORE 2 +FLAGS (\\Seen $Two)",
    "COPY 2 Trash",
    "APPEND INBOX {5+}\r\nA: b\r\n",
    "EXPUNGE",
];
const OF_BOB: [&str; 8] = [
    "LOGIN bob secret",
    "LIST \"\" *",
    "SELECT INBOX",
    "FETCH 1:* (FLAGS ENVELOPE BODY.PEEK[])",
    "STORE 1 +FLAGS (\\Seen)",
    "APPEND INBOX {5+}\r\nA: b\r\n",
    "SELECT \"Other Users/alice@example.org/Archive\"",
    "FETCH 1:* (UID FLAGS)",
];

// spec: RFC 5530 §3
fn each_row() -> Result<(), String> {
    let sound = {
        let mut store = Store::new();
        let rows = store.rows();
        store.use_it();
        let failures: Vec<String> =
            store.failures.iter().map(|f| format!("{} {}", f.what, f.answer)).collect();
        assert_eq!(failures, Vec::<String>::new(), "nothing is damaged yet");
        rows
    };
    let mut bad = Vec::new();
    for (at, row) in sound.iter().enumerate().filter(|(_, row)| !row.value.is_empty()) {
        let future = [&[99], &row.value[1..]].concat();
        let cut = row.value[..row.value.len() - 1].to_vec();
        for damaged in [future, cut] {
            let what = one_row(&damaged, row);
            bad.extend(what.iter().map(|what| format!("row {at} {}: {what}", name(&row.key))));
        }
    }
    println!("suite: one of {} rows damaged, {} of the harm beyond it", sound.len(), bad.len());
    if bad.is_empty() { Ok(()) } else { Err(bad.join("\n")) }
}

/// What is worse than it should be.
fn one_row(damaged: &[u8], row: &Row) -> Vec<String> {
    let mut store = Store::new();
    let (key, value) = (row.key.clone(), damaged.to_vec());
    transact_and_wait(&*store.kv, move |txn| txn.put(&key, &value)).unwrap();
    // As after a restart: nothing is remembered from before.
    store.world.set_options(|_| ());
    let about = About::of(&row.key);
    let mut bad = Vec::new();
    match store.world.service.check() {
        Ok(found) if found.iter().any(|finding| *finding.key == *row.key) => {}
        Ok(found) if !about.is_always_readable => {
            bad.push(format!("the check has other findings: {found:?}"))
        }
        Ok(_) => {}
        Err(error) => bad.push(format!("the check fails: {error}")),
    }
    store.use_it();
    let beyond = store.failures.iter().filter(|failure| !about.explains(failure));
    bad.extend(beyond.map(|failure| format!("{} => {}", failure.what, failure.answer)));
    bad
}

fn name(key: &[u8]) -> String {
    let rest: String = key[5..].iter().map(|octet| format!("{octet:02x}")).collect();
    format!("{}/{}/{rest}", u32::from_be_bytes(key[..4].try_into().unwrap()), char::from(key[4]))
}

/// What a row is about: a failure must have one of these words, and be said to be damage where it is a
/// message's.
struct About {
    words: Vec<String>,
    /// What is in the row has no wrong form, or means nothing.
    is_always_readable: bool,
}

impl About {
    fn of(key: &[u8]) -> Self {
        let number = key.get(5..9).map(|octets| u32::from_be_bytes(octets.try_into().unwrap()));
        let account = key[..4] == ALICE.0.to_be_bytes();
        let words: Vec<String> = match (account, key[4]) {
            // Who somebody is, and the account itself.
            (false, table::global::DIRECTORY) if number == Some(2) => vec!["bob".into()],
            (false, table::global::DIRECTORY) => vec!["alice".into()],
            (false, table::global::ADDRESS) if key[5..].starts_with(b"bob") => vec!["bob".into()],
            (false, table::global::ADDRESS) | (true, table::ACCOUNT) => vec!["alice".into()],
            // A mailbox.
            (true, table::MAILBOX) => Self::mailbox(MailboxId(number.unwrap())),
            (true, table::RIGHTS) => vec!["Other Users".into()],
            // A message is not shown, and others are.
            (true, table::MEMBERSHIP) => vec!["FETCH 1:*".into(), "COPY 2".into(), "MOVE 1".into()],
            (true, table::EMAIL) => vec!["BODY.PEEK[]".into()],
            (true, table::ANNOTATION) => vec!["GETMETADATA".into()],
            _ => Vec::new(),
        };
        let any_form = [table::SUBSCRIPTION, table::KEYWORD, table::ANNOTATION];
        let is_always_readable = any_form.contains(&key[4]);
        Self { words, is_always_readable }
    }
    fn mailbox(id: MailboxId) -> Vec<String> {
        let of_world = |world: &World, name: &str| world.mailbox_id("alice", name).unwrap() == id;
        let store = Store::new();
        let names = ["INBOX", ARCHIVE, TRASH];
        let name = names.into_iter().find(|name| of_world(&store.world, name));
        let mut words: Vec<String> = name.iter().map(|name| (*name).to_owned()).collect();
        if name == Some("INBOX") {
            words.push("mail to alice".into());
        }
        words
    }
    fn explains(&self, failure: &Failure) -> bool {
        self.words.iter().any(|word| failure.what.contains(word.as_str()))
    }
}
