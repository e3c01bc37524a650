//! The service against a plain model: random operations by seed on several accounts, compared after each one;
//! and the change log against the states it claims to lead between.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use koi_mailbox::{Account, Changes, Delivery, FlagOp, INBOX, MailboxRow, Options, Pending};
use koi_store::engine::Embedded;
use koi_types::{MailboxId, MailboxName, ModSeq, UidSet};

use crate::rig::{Deaf, Rig, change, incoming, list, message, name, new_message, uid};

/// Flags and keywords of a message, as names.
type Flags = BTreeSet<&'static str>;

#[derive(Clone, Default)]
struct Mailbox {
    id: u32,
    uidvalidity: u32,
    uidnext: u32,
    messages: BTreeMap<u32, Message>,
}

#[derive(Clone, PartialEq, Debug)]
struct Message {
    flags: Flags,
    /// The model's name for its content.
    content: u32,
    modseq: u64,
}

#[derive(Clone, Default)]
struct Model {
    mailboxes: BTreeMap<String, Mailbox>,
    subscriptions: BTreeSet<String>,
}

/// A state that was once true.
struct Past {
    modseq: ModSeq,
    mailboxes: BTreeMap<u32, BTreeMap<u32, Flags>>,
}

struct Actor {
    account: Account,
    model: Model,
    past: Vec<Past>,
    /// UIDVALIDITY and UIDNEXT a name has had: neither may come again.
    names: BTreeMap<String, BTreeMap<u32, u32>>,
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
    fn pick<'t, T: ?Sized>(&mut self, from: &[&'t T]) -> &'t T {
        from[self.below(from.len() as u64) as usize]
    }
    fn flags(&mut self) -> Flags {
        const ALL: [&str; 7] = ["\\Seen", "\\Deleted", "\\Flagged", "\\Draft", "$Chat", "work", "\\Answered"];
        (0..self.below(4)).map(|_| self.pick(&ALL)).collect()
    }
    fn name(&mut self) -> String {
        self.pick(&["INBOX", "a", "a/b", "a/b/c", "b", "b/a", "Sent", "Trash"]).to_owned()
    }
    fn uids(&mut self, mailbox: &Mailbox) -> UidSet {
        let mut uids = UidSet::new();
        for known in 1..mailbox.uidnext + 2 {
            if self.below(3) == 0 {
                uids.insert(uid(known));
            }
        }
        uids
    }
}

fn parents(name: &str) -> Vec<String> {
    name.match_indices('/').map(|(at, _)| name[..at].to_owned()).collect()
}

/// What of the outcome can be told beforehand: whether it succeeds.
fn done<T: Send + 'static>(pending: Pending<T>, expected: bool, what: &str) -> Option<T> {
    match pending.wait() {
        Ok(value) => {
            assert!(expected, "{what} should have been refused");
            Some(value)
        }
        Err(error) => {
            assert!(!expected, "{what}: {error}");
            None
        }
    }
}

impl Actor {
    fn new(account: Account) -> Self {
        let mut actor = Self { account, model: Model::default(), past: Vec::new(), names: BTreeMap::new() };
        for row in actor.account.snapshot().unwrap().mailboxes().unwrap() {
            let made = Mailbox {
                id: row.id.0,
                uidvalidity: row.uidvalidity.value(),
                uidnext: 1,
                messages: BTreeMap::new(),
            };
            actor.model.subscriptions.insert(row.name.as_str().to_owned());
            actor.model.mailboxes.insert(row.name.as_str().to_owned(), made);
        }
        actor
    }
    fn modseq(&self) -> u64 {
        self.account.snapshot().unwrap().modseq().value()
    }
    fn id(&self, name: &str) -> MailboxId {
        MailboxId(self.model.mailboxes.get(name).map_or(999, |mailbox| mailbox.id))
    }
    fn append(&mut self, random: &mut Random, name: &str) {
        let contents: Vec<(u32, Flags)> =
            (0..1 + random.below(3)).map(|_| (random.below(9) as u32, random.flags())).collect();
        let new = contents.iter().map(|(content, flags)| {
            new_message(&message(*content), &flags.iter().copied().collect::<Vec<_>>())
        });
        let id = self.id(name);
        let appended = self.account.append(id, new.collect());
        if done(appended, self.model.mailboxes.contains_key(name), "append").is_some() {
            let modseq = self.modseq();
            let mailbox = self.model.mailboxes.get_mut(name).unwrap();
            contents.into_iter().for_each(|(content, flags)| mailbox.add(Message { flags, content, modseq }));
        }
    }
    fn set_flags(&mut self, random: &mut Random, name: &str) {
        let Some(mailbox) = self.model.mailboxes.get(name).cloned() else { return };
        let (uids, flags) = (random.uids(&mailbox), random.flags());
        let op = *random.pick(&[&FlagOp::Add, &FlagOp::Remove, &FlagOp::Replace]);
        let since = (random.below(3) == 0).then(|| random.below(self.modseq() + 1));
        let listed: Vec<&str> = flags.iter().copied().collect();
        let set = self.account.set_flags(self.id(name), &uids, change(op, &listed), since).wait().unwrap();
        let modseq = self.modseq();
        let (mut changed, mut modified) = (UidSet::new(), UidSet::new());
        let mailbox = self.model.mailboxes.get_mut(name).unwrap();
        for (number, message) in
            mailbox.messages.iter_mut().filter(|(number, _)| uids.contains(uid(**number)))
        {
            if since.is_some_and(|since| message.modseq > since) {
                modified.insert(uid(*number));
                continue;
            }
            let new: Flags = match op {
                FlagOp::Add => message.flags.union(&flags).copied().collect(),
                FlagOp::Remove => message.flags.difference(&flags).copied().collect(),
                FlagOp::Replace => flags.clone(),
            };
            if new != message.flags {
                *message = Message { flags: new, modseq, ..message.clone() };
                changed.insert(uid(*number));
            }
        }
        assert_eq!((set.changed, set.modified), (changed, modified));
    }
    fn transfer(&mut self, random: &mut Random, from: &str, to: &str, remove: bool) {
        let source = self.model.mailboxes.get(from).cloned().unwrap_or_default();
        let uids = random.uids(&source);
        let (from_id, to_id) = (self.id(from), self.id(to));
        let expected = self.model.mailboxes.contains_key(from) && self.model.mailboxes.contains_key(to);
        let pending = match remove {
            true => self.account.move_(from_id, &uids, to_id),
            false => self.account.copy(from_id, &uids, to_id),
        };
        let Some(copied) = done(pending, expected, "copy") else { return };
        let modseq = self.modseq();
        let taken: Vec<u32> = source.messages.keys().copied().filter(|n| uids.contains(uid(*n))).collect();
        assert_eq!(copied.from.iter().map(|u| u.value()).collect::<Vec<_>>(), taken);
        let target = self.model.mailboxes.get_mut(to).unwrap();
        let first = target.uidnext;
        for number in &taken {
            target.add(Message { modseq, ..source.messages[number].clone() });
        }
        assert_eq!(copied.to.0.first().unwrap_or(first), first);
        if remove {
            let source = self.model.mailboxes.get_mut(from).unwrap();
            taken.iter().for_each(|number| drop(source.messages.remove(number)));
        }
    }
    fn expunge(&mut self, random: &mut Random, name: &str) {
        let Some(mailbox) = self.model.mailboxes.get(name).cloned() else { return };
        let uids = (random.below(2) == 0).then(|| random.uids(&mailbox));
        let expunged = self.account.expunge(self.id(name), uids.as_ref()).wait().unwrap();
        let goes = |number: &u32, message: &Message| {
            message.flags.contains("\\Deleted")
                && uids.as_ref().is_none_or(|uids| uids.contains(uid(*number)))
        };
        let mailbox = self.model.mailboxes.get_mut(name).unwrap();
        let gone: Vec<u32> = mailbox.messages.iter().filter(|(n, m)| goes(n, m)).map(|(n, _)| *n).collect();
        mailbox.messages.retain(|number, _| !gone.contains(number));
        assert_eq!(expunged.uids.iter().map(|u| u.value()).collect::<Vec<_>>(), gone);
    }
    fn create(&mut self, text: &str) {
        let expected = !self.model.mailboxes.contains_key(text);
        if done(self.account.create(&name(text), None), expected, "create").is_some() {
            self.adopt(text);
        }
    }
    /// Takes ids and UIDVALIDITY of new mailboxes over from the service: the model only knows they must be
    /// new.
    fn adopt(&mut self, text: &str) {
        let mut all = parents(text);
        all.push(text.to_owned());
        for text in all {
            if !self.model.mailboxes.contains_key(&text) {
                let row = self.row(&text);
                let used = self.model.mailboxes.values().any(|other| other.id == row.id.0);
                assert!(!used, "an id came again");
                let (id, uidvalidity) = (row.id.0, row.uidvalidity.value());
                let made = Mailbox { id, uidvalidity, uidnext: 1, messages: BTreeMap::new() };
                self.model.mailboxes.insert(text, made);
            }
        }
    }
    fn row(&self, text: &str) -> MailboxRow {
        self.account.snapshot().unwrap().mailbox_named(&name(text)).unwrap().unwrap()
    }
    fn delete(&mut self, text: &str) {
        let expected = text != "INBOX" && self.model.mailboxes.contains_key(text);
        if done(self.account.delete(&name(text)), expected, "delete").is_some() {
            self.model.mailboxes.remove(text);
        }
    }
    fn rename(&mut self, from: &str, to: &str) {
        let moved = |other: &str| match other.strip_prefix(from) {
            Some("") => Some(to.to_owned()),
            Some(rest) if rest.starts_with('/') => Some(format!("{to}{rest}")),
            _ => None,
        };
        let known: Vec<String> = self.model.mailboxes.keys().cloned().collect();
        let moves: Vec<(String, String)> =
            known.iter().filter_map(|n| Some((n.clone(), moved(n)?))).collect();
        let free = |n: &String| !known.contains(n) || moves.iter().any(|(old, _)| old == n);
        let inbox = from == "INBOX";
        let plain = known.contains(&from.to_owned()) && !to.starts_with(&format!("{from}/"));
        let expected =
            !known.contains(&to.to_owned()) && (inbox || plain && moves.iter().all(|(_, n)| free(n)));
        if done(self.account.rename(&name(from), &name(to)), expected, "rename").is_none() {
            return;
        }
        if inbox {
            self.adopt(to);
            let modseq = self.modseq();
            let messages = std::mem::take(&mut self.model.mailboxes.get_mut("INBOX").unwrap().messages);
            let target = self.model.mailboxes.get_mut(to).unwrap();
            messages.into_values().for_each(|message| target.add(Message { modseq, ..message }));
            return;
        }
        let taken: Vec<(String, Mailbox)> =
            moves.into_iter().map(|(old, new)| (new, self.model.mailboxes.remove(&old).unwrap())).collect();
        for (new, mut mailbox) in taken {
            mailbox.uidvalidity = self.row(&new).uidvalidity.value();
            self.model.mailboxes.insert(new, mailbox);
        }
        self.adopt(to);
    }
    /// The service shows what the model says, and nothing went backwards.
    fn compare(&mut self) {
        let snapshot = self.account.snapshot().unwrap();
        let rows = snapshot.mailboxes().unwrap();
        let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, self.model.mailboxes.keys().map(String::as_str).collect::<Vec<_>>());
        let subscribed: Vec<&str> = snapshot.subscriptions().map(MailboxName::as_str).collect();
        assert_eq!(subscribed, self.model.subscriptions.iter().map(String::as_str).collect::<Vec<_>>());
        for row in &rows {
            let mailbox = &self.model.mailboxes[row.name.as_str()];
            assert_eq!((row.id.0, row.uidvalidity.value()), (mailbox.id, mailbox.uidvalidity));
            assert_eq!(row.uidnext.value(), mailbox.uidnext, "{}", row.name);
            mailbox.compare(&snapshot, row);
            let uidnext = self.names.entry(row.name.to_string()).or_default();
            let highest = uidnext.keys().next_back().copied().unwrap_or(0);
            assert!(highest <= row.uidvalidity.value(), "UIDVALIDITY of {} went back", row.name);
            let before = uidnext.insert(row.uidvalidity.value(), mailbox.uidnext).unwrap_or(0);
            assert!(before <= mailbox.uidnext);
        }
        let state = |mailbox: &Mailbox| mailbox.messages.iter().map(|(n, m)| (*n, m.flags.clone())).collect();
        let mailboxes = self.model.mailboxes.values().map(|mailbox| (mailbox.id, state(mailbox))).collect();
        let modseq = snapshot.modseq();
        assert!(self.past.last().is_none_or(|past| past.modseq <= modseq));
        self.past.push(Past { modseq, mailboxes });
    }
    /// What changed since any earlier state leads from it to the present one.
    fn replay(&self, random: &mut Random) {
        let past = &self.past[random.below(self.past.len() as u64) as usize];
        let snapshot = self.account.snapshot().unwrap();
        for (id, then) in &past.mailboxes {
            let now = self.model.mailboxes.values().find(|mailbox| mailbox.id == *id);
            let changes = snapshot.changes(MailboxId(*id), past.modseq, 100_000).unwrap();
            let (Some(now), Changes::Listed(changed)) = (now, &changes) else {
                assert!(now.is_none() && matches!(changes, Changes::MailboxGone), "{changes:?}");
                continue;
            };
            let mut uids: BTreeSet<u32> = then.keys().copied().collect();
            changed
                .vanished
                .iter()
                .for_each(|u| assert!(uids.remove(&u.value()) || !then.contains_key(&u.value())));
            assert!(changed.added.iter().all(|u| uids.insert(u.value())));
            assert_eq!(uids, now.messages.keys().copied().collect());
            for (number, message) in &now.messages {
                let told = changed.added.contains(uid(*number)) || changed.flags.contains(uid(*number));
                assert!(told || then[number] == message.flags, "uid {number} changed in silence");
            }
            assert!(changed.flags.iter().all(|u| then.contains_key(&u.value())));
        }
    }
}

impl Mailbox {
    fn add(&mut self, message: Message) {
        self.messages.insert(self.uidnext, message);
        self.uidnext += 1;
    }
    fn compare(&self, snapshot: &koi_mailbox::Snapshot<'_>, row: &MailboxRow) {
        let with = |flag: &str| self.messages.values().filter(|m| m.flags.contains(flag)).count() as u32;
        let total = self.messages.len() as u32;
        assert_eq!(
            (row.messages, row.unseen, row.deleted),
            (total, total - with("\\Seen"), with("\\Deleted"))
        );
        let lines: Vec<BTreeSet<String>> =
            list(snapshot, row.id).iter().map(|line| line.split(' ').map(str::to_owned).collect()).collect();
        let expected: Vec<BTreeSet<String>> = self
            .messages
            .iter()
            .map(|(number, message)| {
                message.flags.iter().map(|f| (*f).to_owned()).chain([number.to_string()]).collect()
            })
            .collect();
        assert_eq!(lines, expected, "{}", row.name);
        let unseen = self.messages.iter().find(|(_, m)| !m.flags.contains("\\Seen")).map(|(n, _)| uid(*n));
        assert_eq!(snapshot.first_unseen(row.id).unwrap(), unseen);
        for (number, message) in &self.messages {
            let read = snapshot.message(row.id, uid(*number), |row| (row.email, row.modseq.value())).unwrap();
            let (email, modseq) = read.unwrap();
            assert_eq!(modseq, message.modseq);
            let email = snapshot.email(email).unwrap().unwrap();
            let mut body = Vec::new();
            snapshot.read_body(&email.body, 0..u64::MAX, &mut body).unwrap();
            assert_eq!(body, crate::rig::message(message.content).replace('\n', "\r\n").as_bytes());
        }
    }
}

fn run(rig: &Rig, seed: u64, operations: usize) {
    let mut random = Random(seed);
    let mut actors: Vec<Actor> = ["alice", "bob", "carol"].map(|local| Actor::new(rig.account(local))).into();
    for operation in 0..operations {
        let which = random.below(3) as usize;
        let (name, other) = (random.name(), random.name());
        let actor = &mut actors[which];
        let watching = (random.below(4) == 0).then(|| actor.account.watching(INBOX, ModSeq::MIN));
        match random.below(20) {
            0..=3 => actor.append(&mut random, &name),
            4 => deliver(rig, &mut actors, &mut random),
            5..=8 => actor.set_flags(&mut random, &name),
            9 | 10 => actor.transfer(&mut random, &name, &other, false),
            11 | 12 => actor.transfer(&mut random, &name, &other, true),
            13 | 14 => actor.expunge(&mut random, &name),
            15 | 16 => actor.create(&name),
            17 => actor.delete(&name),
            18 => actor.rename(&name, &other),
            _ => subscribe(actor, &name, random.below(2) == 0),
        }
        if random.below(8) == 0 {
            rig.housekeep();
        }
        drop(watching);
        rig.env.advance_secs(random.below(3) as i64);
        actors.iter_mut().for_each(Actor::compare);
        actors[which].replay(&mut random);
        if operation % 10 == 0 {
            rig.check();
        }
    }
    rig.housekeep();
}

fn subscribe(actor: &mut Actor, text: &str, subscribed: bool) {
    actor.account.subscribe(&name(text), subscribed).wait().unwrap();
    match subscribed {
        true => drop(actor.model.subscriptions.insert(text.to_owned())),
        false => drop(actor.model.subscriptions.remove(text)),
    }
}

fn deliver(rig: &Rig, actors: &mut [Actor], random: &mut Random) {
    let content = random.below(9) as u32;
    let chosen: Vec<usize> = (0..actors.len()).filter(|_| random.below(2) == 0).collect();
    let recipients = chosen.iter().map(|at| actors[*at].account.id()).collect();
    let delivery = Delivery {
        sender: koi_types::ReversePath::Null,
        recipients,
        message: incoming(&message(content)),
        received_at: rig.service_now(),
    };
    let delivered = rig.service.deliver(delivery).wait().unwrap();
    for (at, delivered) in chosen.into_iter().zip(delivered) {
        let mailbox = actors[at].model.mailboxes.get_mut("INBOX").unwrap();
        let delivered = delivered.unwrap();
        assert_eq!(delivered.uid.value(), mailbox.uidnext);
        mailbox.add(Message { flags: Flags::new(), content, modseq: delivered.modseq.value() });
    }
}

#[test]
fn equals_the_model() {
    for seed in 1..=12 {
        println!("seed {seed}");
        run(&Rig::new(), seed, 250);
    }
}

#[test]
fn equals_the_model_on_the_embedded_engine() {
    for seed in 101..=102 {
        println!("seed {seed}");
        let folder = tempfile::tempdir().unwrap();
        let engine =
            Embedded::open(folder.path(), koi_store::engine::Options::default(), Arc::new(Deaf)).unwrap();
        run(&Rig::on(Arc::new(engine), Options::default()), seed, 200);
    }
}
