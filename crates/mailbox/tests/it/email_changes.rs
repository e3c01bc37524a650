//! After random operations over IMAP, JMAP and LMTP, the changes from any earlier state, applied to what
//! there was then, are what there is now; the same for the results of queries; and the tables in memory are
//! what the rows say.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use koi_mailbox::emails::{
    Changed, DataType, EmailChange, EmailCondition, EmailCreation, EmailFilter, EmailKeyword, EmailOrder,
    EmailQuery, EmailUpdate, EmailView, MailCounts, MailboxChange, MailboxCreation, MailboxRole,
    MailboxUpdate, MailboxView, OrderBy, QueryChanges, QueryOutcome, SetOutcome, SetUpdate, State, Told,
    Window,
};
use koi_mailbox::{Account, Emails, FlagOp, INBOX, Options};
use koi_message::Collation;
use koi_types::{EmailId, MailboxId, Role, SystemFlags, ThreadId, UidSet};

use crate::emails::view;
use crate::rig::{Rig, change, name, new_message};

#[derive(Clone, PartialEq, Debug)]
struct Seen {
    states: [State; 3],
    emails: BTreeMap<EmailId, EmailView>,
    threads: BTreeMap<ThreadId, Vec<EmailId>>,
    mailboxes: BTreeMap<MailboxId, MailboxView>,
    results: Vec<Vec<EmailId>>,
}

pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
    pub(crate) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

fn queries() -> Vec<EmailQuery> {
    let is = EmailFilter::Is;
    let keyword = |name: &str| EmailKeyword::parse(name).unwrap();
    let by = |by, ascending| EmailOrder { by, ascending, collation: Collation::default() };
    let query =
        |filter, order: Vec<EmailOrder>, collapse_threads| EmailQuery { filter, order, collapse_threads };
    let header = EmailCondition::Header { name: "References".into(), text: None };
    vec![
        query(EmailFilter::all(), vec![], false),
        query(is(EmailCondition::InMailbox(INBOX)), vec![], true),
        query(is(EmailCondition::InMailboxOtherThan(vec![INBOX])), vec![by(OrderBy::Size, true)], false),
        query(is(EmailCondition::HasNot(keyword("$seen"))), vec![by(OrderBy::Subject, true)], false),
        query(is(EmailCondition::SomeInThreadHave(keyword("work"))), vec![], false),
        query(is(EmailCondition::AllInThreadHave(keyword("$seen"))), vec![], true),
        query(EmailFilter::Not(vec![is(header)]), vec![by(OrderBy::SentAt, false)], false),
        query(
            EmailFilter::Or(vec![
                is(EmailCondition::MaxSize(150)),
                is(EmailCondition::NoneInThreadHave(keyword("$flagged"))),
            ]),
            vec![by(OrderBy::SomeInThreadHave(keyword("$flagged")), false), by(OrderBy::ReceivedAt, true)],
            true,
        ),
        query(
            is(EmailCondition::Has(keyword("work"))),
            vec![by(OrderBy::HasKeyword(keyword("$seen")), true)],
            false,
        ),
        query(is(EmailCondition::Subject("two".into())), vec![by(OrderBy::From, true)], false),
    ]
}

fn results(account: &Account, query: &EmailQuery) -> Vec<EmailId> {
    match account.query_emails(query.clone()).unwrap().finish(&Window::ALL).unwrap() {
        QueryOutcome::Found(found) => {
            assert_eq!(found.total, Some(found.ids.len() as u64));
            found.ids
        }
        QueryOutcome::NoAnchor => panic!("no anchor was asked for"),
    }
}

fn see(account: &Account) -> Seen {
    let results = queries().iter().map(|query| results(account, query)).collect();
    let seen = view(account, |emails| {
        let all: BTreeMap<_, _> = emails.ids().map(|id| (id, emails.email(id).unwrap())).collect();
        let threads: BTreeSet<ThreadId> = all.values().map(|email| email.thread).collect();
        Seen {
            states: [DataType::Email, DataType::Thread, DataType::Mailbox].map(|data| emails.state(data)),
            threads: threads.into_iter().map(|thread| (thread, emails.thread(thread))).collect(),
            mailboxes: emails.mailboxes().unwrap().into_iter().map(|view| (view.id, view)).collect(),
            emails: all,
            results,
        }
    });
    view(account, |emails| compare_with_rows(emails, &seen));
    seen
}

/// The same from the rows alone, in the plainest way.
fn compare_with_rows(emails: &Emails<'_>, seen: &Seen) {
    #[derive(Default)]
    struct Plain {
        mailboxes: BTreeSet<MailboxId>,
        any: u8,
        all: u8,
        keywords: BTreeSet<u16>,
    }
    let snapshot = emails.snapshot();
    let mut plain: BTreeMap<EmailId, Plain> = BTreeMap::new();
    for row in snapshot.mailboxes().unwrap() {
        let all = snapshot.uids(row.id).unwrap();
        let _ = snapshot
            .messages(row.id, &all.0, |message| {
                if !message.flags.contains(SystemFlags::DELETED) {
                    let email = plain.entry(message.email).or_insert(Plain { all: 255, ..Plain::default() });
                    email.mailboxes.insert(row.id);
                    email.any |= message.flags.0;
                    email.all &= message.flags.0;
                    email.keywords.extend(message.keywords.iter());
                }
                ControlFlow::Continue(())
            })
            .unwrap();
    }
    assert_eq!(plain.keys().collect::<Vec<_>>(), seen.emails.keys().collect::<Vec<_>>());
    let trash = snapshot.with_role(Role::Trash);
    let unread = |plain: &Plain| plain.all & 1 == 0 && plain.any & 16 == 0;
    let mut counts: BTreeMap<MailboxId, MailCounts> = BTreeMap::new();
    for (id, plain) in &plain {
        let view = &seen.emails[id];
        assert_eq!(view.mailboxes, plain.mailboxes.iter().copied().collect::<Vec<_>>());
        assert_eq!(view.flags.0, plain.any & !1 | plain.all & 1, "{id}");
        assert_eq!(view.keywords.len(), plain.keywords.len());
        assert_eq!(view.thread, snapshot.email(*id).unwrap().unwrap().thread);
        for mailbox in &plain.mailboxes {
            let counts = counts.entry(*mailbox).or_default();
            counts.total_emails += 1;
            counts.unread_emails += u32::from(unread(plain));
        }
    }
    for ids in seen.threads.values() {
        let members: Vec<&Plain> = ids.iter().map(|id| &plain[id]).collect();
        let of: BTreeSet<MailboxId> =
            members.iter().flat_map(|plain| plain.mailboxes.iter().copied()).collect();
        for mailbox in of {
            let counts = counts.entry(mailbox).or_default();
            counts.total_threads += 1;
            let counted = |plain: &&&Plain| match Some(mailbox) == trash {
                true => plain.mailboxes.contains(&mailbox),
                false => plain.mailboxes.iter().any(|other| Some(*other) != trash),
            };
            counts.unread_threads += u32::from(members.iter().filter(counted).any(|plain| unread(plain)));
        }
    }
    for (id, view) in &seen.mailboxes {
        assert_eq!(view.counts, counts.get(id).copied().unwrap_or_default(), "{}", view.full_name);
    }
}

/// All pages of changes.
fn pages<Id: Copy + Ord>(
    random: &mut Random,
    mut since: State,
    mut ask: impl FnMut(State, usize) -> Told<Changed<Id>>,
    mut apply: impl FnMut(&Changed<Id>),
) {
    let max = random.one(&[1, 2, 3, 1000]);
    for _ in 0..5000 {
        let Told::Changes(page) = ask(since, max) else { panic!("cannot calculate from {since}") };
        assert!(page.created.len() + page.updated.len() + page.destroyed.len() <= max);
        assert!(!page.more || page.new_state != since, "no progress from {since}");
        apply(&page);
        since = page.new_state;
        if !page.more {
            return;
        }
    }
    panic!("it does not come to an end");
}

fn check_from(account: &Account, random: &mut Random, past: &Seen, now: &Seen) {
    let [email, thread, mailbox] = past.states;
    let mut emails = past.emails.clone();
    pages(
        random,
        email,
        |since, max| view(account, |view| view.email_changes(since, max).unwrap()),
        |page| {
            page.destroyed.iter().for_each(|id| drop(emails.remove(id)));
            for id in page.created.iter().chain(&page.updated) {
                emails.insert(*id, now.emails[id].clone());
            }
        },
    );
    assert_eq!(emails, now.emails);
    let mut threads = past.threads.clone();
    pages(
        random,
        thread,
        |since, max| view(account, |view| view.thread_changes(since, max).unwrap()),
        |page| {
            page.destroyed.iter().for_each(|id| drop(threads.remove(id)));
            for id in page.created.iter().chain(&page.updated) {
                threads.insert(*id, now.threads[id].clone());
            }
        },
    );
    assert_eq!(threads, now.threads);
    let mut mailboxes = past.mailboxes.clone();
    let counts_only = std::cell::Cell::new(false);
    pages(
        random,
        mailbox,
        |since, max| match view(account, |view| view.mailbox_changes(since, max).unwrap()) {
            Told::Changes(told) => {
                counts_only.set(told.counts_only);
                Told::Changes(told.changed)
            }
            Told::CannotCalculate => Told::CannotCalculate,
        },
        |page| {
            page.destroyed.iter().for_each(|id| drop(mailboxes.remove(id)));
            for id in &page.updated {
                match (counts_only.get(), mailboxes.get_mut(id)) {
                    (true, Some(mailbox)) => mailbox.counts = now.mailboxes[id].counts,
                    _ => drop(mailboxes.insert(*id, now.mailboxes[id].clone())),
                }
            }
            for id in &page.created {
                mailboxes.insert(*id, now.mailboxes[id].clone());
            }
        },
    );
    assert_eq!(mailboxes, now.mailboxes);
    exact(account, past, now);
    for (query, (then, now)) in queries().into_iter().zip(past.results.iter().zip(&now.results)) {
        let run = account.query_email_changes(query.clone(), email, None, None).unwrap();
        let QueryChanges::Changes(changes) = run.finish().unwrap() else { panic!("cannot calculate") };
        let mut ids = then.clone();
        ids.retain(|id| !changes.removed.contains(id));
        for added in &changes.added {
            ids.insert(added.index as usize, added.email);
        }
        assert_eq!(&ids, now, "{query:?}");
    }
}

/// In one answer nothing is told that is not so.
fn exact(account: &Account, past: &Seen, now: &Seen) {
    let told = view(account, |view| view.email_changes(past.states[0], 100_000).unwrap());
    let Told::Changes(told) = told else { panic!("cannot calculate") };
    let (then, now) =
        (|id: &EmailId| past.emails.contains_key(id), |id: &EmailId| now.emails.contains_key(id));
    assert!(told.created.iter().all(|id| !then(id) && now(id)));
    assert!(told.updated.iter().all(|id| then(id) && now(id)));
    assert!(told.destroyed.iter().all(|id| then(id) && !now(id)));
}

pub(crate) struct Actor<'r> {
    pub(crate) rig: &'r Rig,
    pub(crate) account: Account,
    pub(crate) number: u64,
}

impl Actor<'_> {
    fn mailboxes(&self) -> Vec<MailboxId> {
        self.account.snapshot().unwrap().mailboxes().unwrap().iter().map(|row| row.id).collect()
    }
    fn text(&mut self, random: &mut Random) -> String {
        self.number += 1;
        let mut references = String::new();
        for _ in 0..random.below(3) {
            references.push_str(&format!(" <{}@x>", random.below(30)));
        }
        let refers = if references.is_empty() { references } else { format!("References:{references}\n") };
        let subject = random.one(&["one", "Re: one", "two"]);
        let id = if random.below(3) == 0 { self.number + 100 } else { random.below(30) };
        let body = "x".repeat(random.below(200) as usize);
        format!("From: a{id}@x\nSubject: {subject}\nMessage-ID: <{id}@x>\n{refers}\n{} {body}\n", self.number)
    }
    fn uids(&self, random: &mut Random, mailbox: MailboxId) -> UidSet {
        let all = self.account.snapshot().unwrap().uids(mailbox).unwrap();
        all.iter().filter(|_| random.below(3) == 0).collect()
    }
    /// As JMAP does it.
    fn set_emails(&mut self, random: &mut Random, one: MailboxId, other: MailboxId) {
        let ids: Vec<EmailId> = view(&self.account, |emails| emails.ids().collect());
        let keyword = |name: &str| EmailKeyword::parse(name).unwrap();
        let keywords = [keyword("$seen"), keyword("$flagged"), keyword("work"), keyword("$draft")];
        let mut changes = Vec::new();
        for _ in 0..1 + random.below(4) {
            let some = vec![keywords[random.below(4) as usize].clone()];
            let rest = vec![keywords[random.below(4) as usize].clone()];
            let create = EmailCreation {
                message: crate::rig::incoming(&self.text(random)),
                mailboxes: [one, other].into_iter().collect(),
                keywords: some.clone(),
                received_at: None,
            };
            if ids.is_empty() || random.below(4) == 0 {
                changes.push(EmailChange::Create(create));
                continue;
            }
            let email = random.one(&ids);
            let keywords = Some(match random.below(2) {
                0 => SetUpdate::Replace(some),
                _ => SetUpdate::Patch { add: some, remove: rest },
            });
            let mailboxes = Some(match random.below(2) {
                0 => SetUpdate::Replace(vec![one]),
                _ => SetUpdate::Patch { add: vec![one], remove: vec![other] },
            });
            changes.push(match random.below(5) {
                0 => EmailChange::Destroy(email),
                1 | 2 => EmailChange::Update { email, update: EmailUpdate { keywords, mailboxes: None } },
                3 => EmailChange::Update { email, update: EmailUpdate { keywords: None, mailboxes } },
                _ => EmailChange::Update { email, update: EmailUpdate { keywords, mailboxes } },
            });
        }
        let before = view(&self.account, |emails| emails.state(DataType::Email));
        let outcome = self.account.set_emails(Some(before), changes).wait().unwrap();
        let SetOutcome::Done { old_state, new_state, .. } = outcome else { panic!("nobody else is here") };
        // Threads that were joined are more than was asked for.
        assert!(old_state.is_none_or(|old| old == before));
        assert_eq!(new_state, view(&self.account, |emails| emails.state(DataType::Email)));
    }
    fn set_mailboxes(&mut self, random: &mut Random, one: MailboxId, other: MailboxId) {
        let update = MailboxUpdate {
            name: Some(random.one(&["a", "b", "c", "d"]).into()),
            parent: random.one(&[None, Some(None), Some(Some(other))]),
            sort_order: random.one(&[None, Some(3)]),
            subscribed: random.one(&[None, Some(true), Some(false)]),
            role: random.one(&[None, Some(None), Some(Some(MailboxRole::Special(Role::Trash)))]),
        };
        let creation = MailboxCreation {
            name: random.one(&["a", "b", "c", "d"]).into(),
            parent: random.one(&[None, Some(other)]),
            role: None,
            sort_order: 1,
            subscribed: true,
        };
        let changes = vec![
            MailboxChange::Create(creation),
            MailboxChange::Update { mailbox: one, update },
            MailboxChange::Destroy { mailbox: other, remove_emails: random.below(2) == 0 },
        ];
        let SetOutcome::Done { new_state, results, .. } =
            self.account.set_mailboxes(None, changes).wait().unwrap()
        else {
            panic!("no state was asked for")
        };
        assert_eq!(results.len(), 3);
        assert_eq!(new_state, view(&self.account, |emails| emails.state(DataType::Mailbox)));
    }
    pub(crate) fn step(&mut self, random: &mut Random) {
        let mailboxes = self.mailboxes();
        let (from, to) = (random.one(&mailboxes), random.one(&mailboxes));
        let names = ["a", "a/b", "a/b/c", "b", "b/c", "Trash"];
        let (one, other) = (name(random.one(&names)), name(random.one(&names)));
        let account = self.account.clone();
        match random.below(19) {
            15 | 16 => self.set_emails(random, from, to),
            17 => self.set_mailboxes(random, from, to),
            0..=2 => {
                let text = self.text(random);
                self.rig.deliver(&[&account], &text);
            }
            3 => {
                let flags = random.one(&[&[][..], &["\\Seen"], &["\\Deleted", "work"], &["\\Draft"]]);
                let texts = [self.text(random), self.text(random)];
                let new = texts.iter().map(|text| new_message(text, flags)).collect();
                account.append(from, new).wait().unwrap();
            }
            4..=7 => {
                let flags: [&[&str]; 6] = [
                    &["\\Seen"],
                    &["\\Deleted"],
                    &["\\Flagged"],
                    &["work"],
                    &["\\Draft", "\\Deleted"],
                    &["a", "work"],
                ];
                let op = random.one(&[FlagOp::Add, FlagOp::Remove, FlagOp::Replace]);
                let uids = self.uids(random, from);
                account.set_flags(from, &uids, change(op, random.one(&flags)), None).wait().unwrap();
            }
            8 => drop(account.expunge(from, None).wait().unwrap()),
            9 => drop(account.copy(from, &self.uids(random, from), to).wait()),
            10 => drop(account.move_(from, &self.uids(random, from), to).wait()),
            11 => drop(account.create(&one, None).wait()),
            12 if random.below(3) == 0 => drop(account.delete(&one).wait()),
            13 => drop(account.rename(&one, &other).wait()),
            12 => account.subscribe(&one, random.below(2) == 0).wait().unwrap(),
            _ => drop(self.rig.housekeep()),
        }
        self.rig.env.advance_secs(random.below(3) as i64);
    }
}

fn run(seed: u64, steps: usize) {
    let rig = Rig::with(Options { expunge_grace_secs: 5, ..Options::default() });
    let account = rig.account("alice");
    let mut actor = Actor { rig: &rig, account, number: 0 };
    let mut random = Random(seed);
    let _held = actor.account.watching(INBOX, actor.account.snapshot().unwrap().modseq());
    let mut past = vec![see(&actor.account)];
    for _ in 0..steps {
        actor.step(&mut random);
        let now = see(&actor.account);
        let from = random.one(&(0..past.len()).collect::<Vec<_>>());
        check_from(&actor.account, &mut random, &past[from], &now);
        // Each state is one data and no other.
        for past in &past {
            assert!(past.states[0] != now.states[0] || past.emails == now.emails);
            assert!(past.states[1] != now.states[1] || past.threads == now.threads);
            assert!(past.states[2] != now.states[2] || past.mailboxes == now.mailboxes);
        }
        past.push(now);
    }
    let now = past.last().unwrap().clone();
    for past in &past {
        check_from(&actor.account, &mut random, past, &now);
    }
    // Made anew, it is the same.
    assert_eq!(see(&rig.again(&actor.account)), now);
}

pub(crate) fn seeds(many: u64) -> u64 {
    if std::env::var_os("KOI_QUICK").is_some() { 2 } else { many }
}

// spec: RFC 8620 §5.2; RFC 8620 §5.6; RFC 8621 §2.2; RFC 8621 §3.2; RFC 8621 §4.3
#[test]
fn changes_lead_from_any_state_to_now() {
    for seed in 0..seeds(6) {
        println!("seed {seed}");
        run(seed, 50);
    }
}
