//! Threads: on random mailboxes the same as a literal transcription of the algorithm makes of them.

use std::collections::HashMap;

use koi_mailbox::{Account, INBOX, NewMessage, ThreadAlgorithm, Threads};
use koi_message::Collation;
use koi_store::key;
use koi_store::kv::{Txn, transact_and_wait};
use koi_store::record::email::EmailRecord;
use koi_types::{Timestamp, ZoneOffset};
use proptest::prelude::*;

use crate::rig::{Rig, START, flags, incoming, new_message, uids};

#[derive(Clone, Debug)]
struct Plain {
    id: Option<u8>,
    references: Vec<u8>,
    /// By In-Reply-To instead of References.
    in_reply_to: bool,
    /// 0 is the empty one.
    subject: u8,
    is_reply: bool,
    sent: u8,
    arrived: u8,
}

fn plain(ids: u8) -> impl Strategy<Value = Plain> {
    let references = prop::collection::vec(0..ids, 0..5);
    (
        prop::option::weighted(0.9, 0..ids),
        references,
        prop::bool::ANY,
        0u8..5,
        prop::bool::ANY,
        0u8..20,
        0u8..4,
    )
        .prop_map(|(id, references, in_reply_to, subject, is_reply, sent, arrived)| Plain {
            id,
            in_reply_to: in_reply_to && references.len() == 1,
            references,
            subject,
            is_reply,
            sent,
            arrived,
        })
}

impl Plain {
    fn message(&self) -> NewMessage {
        let mut text = format!("Date: Thu, 1 Jan 2026 00:00:{:02} +0000\n", self.sent);
        if let Some(id) = self.id {
            text.push_str(&format!("Message-ID: <{id}@x>\n"));
        }
        let ids: Vec<String> = self.references.iter().map(|id| format!("<{id}@x>")).collect();
        let field = if self.in_reply_to { "In-Reply-To" } else { "References" };
        text.push_str(&format!("{field}: {}\n", ids.join("\n ")));
        let subject =
            if self.subject == 0 { "" } else { ["one", "TWO", "three", "Four"][self.subject as usize - 1] };
        text.push_str(&format!("Subject: {}{subject}\n\nx\n", if self.is_reply { "Re: " } else { "" }));
        NewMessage {
            message: incoming(&text),
            flags: flags(&[]),
            received_at: Timestamp(START.0 + i64::from(self.arrived) * 1000),
            received_zone: ZoneOffset(0),
        }
    }
}

/// A tree of the transcription; `message` counts from 0.
#[derive(Clone, Debug, PartialEq)]
struct Node {
    message: Option<usize>,
    parent: Option<usize>,
    children: Vec<usize>,
}

/// RFC 5256 §3, REFERENCES, step by step as it is written.
struct Literal<'a> {
    all: &'a [Plain],
    nodes: Vec<Node>,
    ids: HashMap<u8, usize>,
    root: Vec<usize>,
}

impl<'a> Literal<'a> {
    fn new(all: &'a [Plain]) -> Self {
        let nodes = (0..all.len())
            .map(|message| Node { message: Some(message), parent: None, children: vec![] })
            .collect();
        let mut ids = HashMap::new();
        for (at, plain) in all.iter().enumerate() {
            if let Some(id) = plain.id {
                ids.entry(id).or_insert(at);
            }
        }
        Self { all, nodes, ids, root: vec![] }
    }
    fn is_descendant(&self, node: usize, of: usize) -> bool {
        node == of || self.nodes[node].parent.is_some_and(|parent| self.is_descendant(parent, of))
    }
    fn unlink(&mut self, child: usize) {
        if let Some(parent) = self.nodes[child].parent.take() {
            self.nodes[parent].children.retain(|other| *other != child);
        }
    }
    fn link(&mut self, parent: usize, child: usize) {
        if !self.is_descendant(parent, child) {
            self.nodes[child].parent = Some(parent);
            self.nodes[parent].children.push(child);
        }
    }
    fn adopt(&mut self, parent: usize, child: usize) {
        self.root.retain(|other| *other != child);
        self.unlink(child);
        self.nodes[child].parent = Some(parent);
        self.nodes[parent].children.push(child);
    }
    fn step_1(&mut self) {
        for message in 0..self.all.len() {
            let mut references = Vec::new();
            for id in &self.all[message].references {
                let next = self.nodes.len();
                let node = *self.ids.entry(*id).or_insert(next);
                if node == next {
                    self.nodes.push(Node { message: None, parent: None, children: vec![] });
                }
                references.push(node);
            }
            for pair in references.windows(2) {
                if self.nodes[pair[1]].parent.is_none() {
                    self.link(pair[0], pair[1]);
                }
            }
            self.unlink(message);
            if let Some(last) = references.last() {
                self.link(*last, message);
            }
        }
    }
    fn steps_2_and_3(&mut self) {
        self.root = (0..self.nodes.len()).filter(|node| self.nodes[*node].parent.is_none()).collect();
        let mut at = 0;
        while at < self.root.len() {
            let node = self.root[at];
            self.prune(node);
            if self.nodes[node].message.is_none() && self.nodes[node].children.len() < 2 {
                let children = std::mem::take(&mut self.nodes[node].children);
                children.iter().for_each(|child| self.nodes[*child].parent = None);
                self.root.splice(at..=at, children);
            } else {
                at += 1;
            }
        }
    }
    fn prune(&mut self, node: usize) {
        let mut at = 0;
        while at < self.nodes[node].children.len() {
            let child = self.nodes[node].children[at];
            if self.nodes[child].message.is_some() {
                self.prune(child);
                at += 1;
                continue;
            }
            let promoted = std::mem::take(&mut self.nodes[child].children);
            promoted.iter().for_each(|child| self.nodes[*child].parent = Some(node));
            self.nodes[node].children.splice(at..=at, promoted);
        }
    }
    /// Sent date, then place in the mailbox; of a dummy those of its first child.
    fn when(&self, node: usize) -> (u8, usize) {
        match self.nodes[node].message {
            Some(message) => (self.all[message].sent, message),
            None => self.nodes[node].children.iter().map(|child| self.when(*child)).min().unwrap(),
        }
    }
    fn sort_root(&mut self) {
        let mut root = std::mem::take(&mut self.root);
        root.sort_by_key(|node| self.when(*node));
        self.root = root;
    }
    fn subject(&self, node: usize) -> u8 {
        self.all[self.first(node)].subject
    }
    fn first(&self, node: usize) -> usize {
        self.nodes[node].message.unwrap_or_else(|| self.when(node).1)
    }
    fn is_reply(&self, node: usize) -> bool {
        self.nodes[node].message.is_some_and(|message| self.all[message].is_reply)
    }
    fn is_dummy(&self, node: usize) -> bool {
        self.nodes[node].message.is_none()
    }
    fn step_5(&mut self) {
        let mut table: HashMap<u8, usize> = HashMap::new();
        for node in &self.root {
            let subject = self.subject(*node);
            if subject == 0 {
                continue;
            }
            match table.get(&subject).copied() {
                None => drop(table.insert(subject, *node)),
                Some(other) => {
                    if !self.is_dummy(other)
                        && (self.is_dummy(*node) || (self.is_reply(other) && !self.is_reply(*node)))
                    {
                        table.insert(subject, *node);
                    }
                }
            }
        }
        // Subjects of threads are those of this moment.
        let subjects: HashMap<usize, u8> =
            self.root.iter().map(|node| (*node, self.subject(*node))).collect();
        for node in self.root.clone() {
            let subject = subjects[&node];
            let Some(other) = table.get(&subject).copied().filter(|other| *other != node) else { continue };
            match (self.is_dummy(other), self.is_dummy(node)) {
                (true, true) => {
                    for child in self.nodes[node].children.clone() {
                        self.adopt(other, child);
                    }
                    self.root.retain(|root| *root != node);
                }
                (true, false) => self.adopt(other, node),
                (false, _) if self.is_reply(node) && !self.is_reply(other) => self.adopt(other, node),
                (false, _) => {
                    let dummy = self.nodes.len();
                    self.nodes.push(Node { message: None, parent: None, children: vec![] });
                    self.adopt(dummy, node);
                    self.adopt(dummy, other);
                    self.root.push(dummy);
                    table.insert(subject, dummy);
                }
            }
        }
    }
    fn step_6(&mut self) {
        for node in 0..self.nodes.len() {
            let mut children = std::mem::take(&mut self.nodes[node].children);
            children.sort_by_key(|child| self.when(*child));
            self.nodes[node].children = children;
        }
        self.sort_root();
    }
    fn references(mut self) -> String {
        self.step_1();
        self.steps_2_and_3();
        self.sort_root();
        self.step_5();
        self.step_6();
        self.text()
    }
    fn refs(mut self) -> String {
        self.step_1();
        self.steps_2_and_3();
        self.step_6();
        let mut root = std::mem::take(&mut self.root);
        root.sort_by_key(|node| self.last_arrival(*node));
        self.root = root;
        self.text()
    }
    fn last_arrival(&self, node: usize) -> (u8, usize) {
        let own = self.nodes[node].message.map(|message| (self.all[message].arrived, message));
        self.nodes[node].children.iter().map(|child| self.last_arrival(*child)).chain(own).max().unwrap()
    }
    fn text(&self) -> String {
        self.root.iter().map(|node| self.node_text(*node)).collect()
    }
    fn node_text(&self, node: usize) -> String {
        let own = self.nodes[node].message.map(|message| (message + 1).to_string()).unwrap_or_default();
        let children: String = self.nodes[node].children.iter().map(|child| self.node_text(*child)).collect();
        format!("({own}{children})")
    }
}

/// RFC 5256 §3, ORDEREDSUBJECT.
fn ordered_subject(all: &[Plain]) -> String {
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|at| (all[*at].sent, *at));
    let mut threads: Vec<Vec<usize>> = Vec::new();
    for at in order {
        match threads.iter_mut().find(|thread| all[thread[0]].subject == all[at].subject) {
            Some(thread) => thread.push(at),
            None => threads.push(vec![at]),
        }
    }
    let text = |thread: &Vec<usize>| {
        let children: String = thread[1..].iter().map(|at| format!("({})", at + 1)).collect();
        format!("({}{children})", thread[0] + 1)
    };
    threads.iter().map(text).collect()
}

fn found(account: &Account, count: usize, algorithm: ThreadAlgorithm) -> String {
    let all = uids(&(1..=count as u32).collect::<Vec<_>>());
    let threads = account.thread(INBOX, &all, algorithm, Collation::default()).finish().unwrap();
    threads.roots().iter().map(|root| text(&threads, *root)).collect()
}

fn text(threads: &Threads, node: u32) -> String {
    let own = threads.uid(node).map(|uid| uid.to_string()).unwrap_or_default();
    let children: String = threads.children(node).iter().map(|child| text(threads, *child)).collect();
    format!("({own}{children})")
}

fn cases() -> u32 {
    if std::env::var_os("KOI_QUICK").is_some() { 32 } else { 192 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]
    // spec: RFC 5256 §3
    #[test]
    fn equal_the_algorithm_as_it_is_written(
        all in (2u8..30).prop_flat_map(|ids| prop::collection::vec(plain(ids), 1..30)),
    ) {
        let rig = Rig::new();
        let alice = rig.account("alice");
        alice.append(INBOX, all.iter().map(Plain::message).collect()).wait().unwrap();
        let found = |algorithm| found(&alice, all.len(), algorithm);
        prop_assert_eq!(found(ThreadAlgorithm::References), Literal::new(&all).references());
        prop_assert_eq!(found(ThreadAlgorithm::Refs), Literal::new(&all).refs());
        prop_assert_eq!(found(ThreadAlgorithm::OrderedSubject), ordered_subject(&all));
    }
}

/// Records of before know no ancestors: these are read from the headers.
#[test]
fn messages_that_were_stored_before_their_ancestors_were() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let long = "x".repeat(20_000);
    let texts = [
        "Message-ID: <a@x>\nSubject: a\n\nx\n".to_owned(),
        format!("Message-ID: <c@x>\nX-Long: {long}\nReferences: <a@x> <b@x>\nSubject: c\n\nx\n"),
        "Message-ID: <d@x>\nIn-Reply-To: words <b@x>\nSubject: d\n\nReferences: <a@x>\n".to_owned(),
    ];
    alice.append(INBOX, texts.iter().map(|text| new_message(text, &[])).collect()).wait().unwrap();
    let expected = "(1(2)(3))";
    assert_eq!(found(&alice, 3, ThreadAlgorithm::References), expected);
    let mut emails = Vec::new();
    let _ = alice.snapshot().unwrap().messages(INBOX, &uids(&[1, 2, 3]).0, |row| {
        emails.push(row.email);
        std::ops::ControlFlow::Continue(())
    });
    assert_eq!(emails.len(), 3);
    let account = alice.id();
    let forget = move |txn: &mut dyn Txn| {
        for email in &emails {
            let key = key::email(account, *email);
            let row = txn.get(&key)?.unwrap().to_vec();
            let record = EmailRecord { ancestors: None, ..EmailRecord::decode(&row).unwrap() };
            txn.put(&key, &record.encode())?;
        }
        Ok(())
    };
    transact_and_wait(&*rig.kv, forget).unwrap();
    assert_eq!(found(&rig.again(&alice), 3, ThreadAlgorithm::References), expected);
    assert_eq!(found(&rig.again(&alice), 3, ThreadAlgorithm::Refs), expected);
}

/// Every message answers the one before it, in one order and in the other: neither depth nor the looking for
/// loops may cost more than the mailbox is large.
#[test]
fn a_thread_as_deep_as_the_mailbox() {
    let rig = Rig::new();
    let count = 3000usize;
    for upwards in [true, false] {
        let alice = rig.account(if upwards { "up" } else { "down" });
        let message = |n: usize| {
            let number = if upwards { n } else { count - 1 - n };
            let text = format!(
                "Message-ID: <{number}@x>\nReferences: <{}@x>\nDate: Thu, 1 Jan 2026 00:00:00 +0000\n\nx\n",
                number.wrapping_sub(1)
            );
            NewMessage {
                message: incoming(&text),
                flags: flags(&[]),
                received_at: START,
                received_zone: ZoneOffset(0),
            }
        };
        alice.append(INBOX, (0..count).map(message).collect()).wait().unwrap();
        let all = uids(&(1..=count as u32).collect::<Vec<_>>());
        let run = alice.thread(INBOX, &all, ThreadAlgorithm::References, Collation::default());
        let threads = run.finish().unwrap();
        assert_eq!(threads.roots().len(), 1);
        let (mut node, mut depth) = (threads.roots()[0], 1);
        while let [child] = threads.children(node) {
            (node, depth) = (*child, depth + 1);
        }
        assert_eq!(depth, count);
    }
}
