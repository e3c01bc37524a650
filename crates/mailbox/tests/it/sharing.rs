//! Two users of one mailbox against a model: nothing succeeds without the right to it, nothing fails with it,
//! and each sees what it has seen itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use koi_mailbox::emails::{EmailChange, EmailKeyword, EmailRefused, EmailUpdate, SetOutcome, SetUpdate};
use koi_mailbox::{Account, AclChange, FlagChange, FlagOp, NewMessage, Pending};
use koi_store::key;
use koi_store::kv::transact_and_wait;
use koi_store::record::sharing::PerUserTotals;
use koi_types::{
    AccountId, ErrorKind, Flags, MailError, MailboxId, NumSet, Rights, SystemFlags, Uid, UidSet, limits,
};

use crate::rig::{Rig, address, name, new_message, uid, uids};

const USERS: [&str; 2] = ["ann", "ben"];

fn random(seed: &mut u64, below: u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) % below
}

/// What a user should see of a mailbox.
#[derive(Clone, Debug, Default, PartialEq)]
struct Message {
    shared: u8,
    seen: BTreeMap<usize, bool>,
}

#[derive(Default)]
struct SharedBox {
    messages: BTreeMap<u32, Message>,
    uidnext: u32,
    rights: [Rights; 2],
}

/// What is refused: without `l` and `r` a mailbox is not there.
fn refused(rights: Rights, needed: Rights) -> Option<ErrorKind> {
    if rights.contains(needed) {
        None
    } else if rights.has_any(Rights::LOOKUP.union(Rights::READ)) {
        Some(ErrorKind::NoPermission)
    } else {
        Some(ErrorKind::NotFound)
    }
}

fn outcome<T: Send + 'static>(pending: Pending<T>) -> Result<T, ErrorKind> {
    pending.wait().map_err(|error: MailError| error.kind)
}

struct Play {
    rig: Rig,
    owner: Account,
    guests: Vec<Account>,
    boxes: [SharedBox; 2],
    ids: [MailboxId; 2],
}

impl Play {
    fn new() -> Self {
        let rig = Rig::new();
        let owner = rig.account("owner");
        let ids = ["a", "b"].map(|n| owner.create(&name(n), None).wait().unwrap().mailbox);
        let guests = USERS.map(|user| {
            let user = rig.account(user);
            user.whose(&name("Other Users/owner@example.org/a")).unwrap()
        });
        let boxes = [
            SharedBox { uidnext: 1, ..SharedBox::default() },
            SharedBox { uidnext: 1, ..SharedBox::default() },
        ];
        Self { rig, owner, guests: guests.into(), boxes, ids }
    }
    fn allowed(rights: Rights) -> u8 {
        let mut flags = 0;
        if rights.contains(Rights::WRITE) {
            flags |= SystemFlags::FLAGGED.0 | SystemFlags::ANSWERED.0;
        }
        if rights.contains(Rights::DELETE_MESSAGES) {
            flags |= SystemFlags::DELETED.0;
        }
        flags
    }
    fn set_rights(&mut self, at: usize, who: usize, bits: u16) {
        let rights = Rights::from_bits(bits);
        let identifier = format!("{}@example.org", USERS[who]);
        self.owner.set_acl(self.ids[at], &identifier, AclChange::Replace(rights)).wait().unwrap();
        self.boxes[at].rights[who] = rights;
    }
    fn append(&mut self, at: usize, who: usize, flags: u8) {
        let rights = self.boxes[at].rights[who];
        let mut new = new_message("Subject: x\r\n\r\nbody", &[]);
        new.flags = Flags { system: SystemFlags(flags), ..Flags::default() };
        let done = outcome(self.guests[who].append(self.ids[at], vec![new]));
        assert_eq!(done.as_ref().err().copied(), refused(rights, Rights::INSERT), "append {rights}");
        if done.is_ok() {
            let target = &mut self.boxes[at];
            let seen = rights.contains(Rights::SEEN) && flags & SystemFlags::SEEN.0 != 0;
            let message =
                Message { shared: flags & Self::allowed(rights), seen: [(who, seen)].into_iter().collect() };
            target.messages.insert(target.uidnext, message);
            target.uidnext += 1;
        }
    }
    fn store(&mut self, at: usize, who: usize, uid: u32, op: FlagOp, flags: u8) {
        let rights = self.boxes[at].rights[who];
        let uids: UidSet = Uid::new(uid).into_iter().collect();
        let change = FlagChange { op, system: SystemFlags(flags), keywords: Vec::new() };
        let done = outcome(self.guests[who].set_flags(self.ids[at], &uids, change, None));
        let seen_named = op == FlagOp::Replace || flags & SystemFlags::SEEN.0 != 0;
        let shared_named = |flag: u8| op == FlagOp::Replace || flags & flag != 0;
        let others = SystemFlags::FLAGGED.0 | SystemFlags::ANSWERED.0;
        let concerned = [
            (Rights::SEEN, seen_named),
            (Rights::DELETE_MESSAGES, shared_named(SystemFlags::DELETED.0)),
            (Rights::WRITE, shared_named(others)),
        ];
        let any = concerned.iter().any(|(right, named)| *named && rights.contains(*right));
        let expected = match refused(rights, Rights::READ) {
            None if !any && concerned.iter().any(|(_, named)| *named) => Some(ErrorKind::NoPermission),
            refused => refused,
        };
        assert_eq!(done.err(), expected, "store {rights} {op:?} {flags}");
        if expected.is_some() {
            return;
        }
        if let Some(message) = self.boxes[at].messages.get_mut(&uid) {
            let may = Self::allowed(rights);
            let was = message.shared;
            let changed = match op {
                FlagOp::Add => was | flags,
                FlagOp::Remove => was & !flags,
                FlagOp::Replace => flags,
            };
            message.shared = (was & !may) | (changed & may);
            if rights.contains(Rights::SEEN) && seen_named {
                let sets = flags & SystemFlags::SEEN.0 != 0;
                let seen = message.seen.entry(who).or_default();
                *seen = match op {
                    FlagOp::Add => *seen || sets,
                    FlagOp::Remove => *seen && !sets,
                    FlagOp::Replace => sets,
                };
            }
        }
    }
    fn expunge(&mut self, at: usize, who: usize) {
        let rights = self.boxes[at].rights[who];
        let done = outcome(self.guests[who].expunge(self.ids[at], None));
        let expected = refused(rights, Rights::READ.union(Rights::EXPUNGE));
        assert_eq!(done.err(), expected, "expunge {rights}");
        if expected.is_none() {
            self.boxes[at].messages.retain(|_, message| message.shared & SystemFlags::DELETED.0 == 0);
        }
    }
    fn transfer(&mut self, who: usize, uid: u32, moves: bool) {
        let (from, to) = (self.boxes[0].rights[who], self.boxes[1].rights[who]);
        let uids: UidSet = Uid::new(uid).into_iter().collect();
        let guest = &self.guests[who];
        let done = outcome(match moves {
            true => guest.move_(self.ids[0], &uids, self.ids[1]),
            false => guest.copy(self.ids[0], &uids, self.ids[1]),
        });
        let mut needed = Rights::READ;
        if moves {
            needed = needed.union(Rights::DELETE_MESSAGES).union(Rights::EXPUNGE);
        }
        let expected = refused(from, needed).or(refused(to, Rights::INSERT));
        assert_eq!(done.err(), expected, "transfer {from} {to} {moves}");
        if expected.is_some() {
            return;
        }
        let Some(message) = self.boxes[0].messages.get(&uid).cloned() else { return };
        let seen = message.seen.get(&who).copied().unwrap_or(false) && to.contains(Rights::SEEN);
        let copy =
            Message { shared: message.shared & Self::allowed(to), seen: [(who, seen)].into_iter().collect() };
        let target = &mut self.boxes[1];
        target.messages.insert(target.uidnext, copy);
        target.uidnext += 1;
        if moves {
            self.boxes[0].messages.remove(&uid);
        }
    }
    /// Each user sees what the model says, and only with the right to look.
    fn compare(&self) {
        for (at, of) in self.boxes.iter().enumerate() {
            for (who, guest) in self.guests.iter().enumerate() {
                let (rights, snapshot) = (of.rights[who], guest.snapshot().unwrap());
                let full = name(&format!("Other Users/owner@example.org/{}", ["a", "b"][at]));
                let row = snapshot.mailbox_named(&full).unwrap();
                let listed = snapshot.all_names().unwrap().node(&full).is_some_and(|n| n.mailbox.is_some());
                assert_eq!(listed, rights.contains(Rights::LOOKUP));
                let shared = snapshot.shared_by(self.owner.id()).unwrap();
                assert_eq!(shared.iter().any(|shared| shared.name == full), listed);
                if !rights.contains(Rights::READ) {
                    assert!(snapshot.uids(self.ids[at]).is_err());
                    assert!(row.is_none_or(|row| row.messages == 0));
                    continue;
                }
                let row = row.unwrap();
                let seen_by = |message: &Message| message.seen.get(&who).copied().unwrap_or(false);
                let unseen = of.messages.values().filter(|message| !seen_by(message)).count();
                assert_eq!((row.messages as usize, row.unseen as usize), (of.messages.len(), unseen));
                let mut flags: Vec<(u32, u8)> = Vec::new();
                let all: NumSet = (1..=of.uidnext).collect();
                let scanned = snapshot.messages(self.ids[at], &all, |row| {
                    flags.push((row.uid.value(), row.flags.0));
                    std::ops::ControlFlow::Continue(())
                });
                assert!(scanned.unwrap().corrupt.is_empty());
                let model = of.messages.iter().map(|(uid, message)| {
                    (*uid, message.shared | if seen_by(message) { SystemFlags::SEEN.0 } else { 0 })
                });
                assert!(model.eq(flags.iter().copied()), "{flags:?}");
                let first = of.messages.iter().find(|(_, message)| !seen_by(message)).map(|(uid, _)| *uid);
                assert_eq!(snapshot.first_unseen(self.ids[at]).unwrap().map(Uid::value), first);
                let all: NumSet = of.messages.keys().copied().collect();
                let seen = koi_mailbox::Filter::Flags(SystemFlags::SEEN);
                let found = guest.search(self.ids[at], all, &seen).unwrap().finish().unwrap();
                assert_eq!(found.count() as usize, of.messages.len() - unseen);
            }
        }
    }
}

// spec: RFC 4314 §4
#[test]
fn nothing_without_the_right_and_everything_with_it() {
    let rounds = if std::env::var_os("KOI_QUICK").is_some() { 8 } else { 40 };
    for round in 0..rounds {
        let mut seed = 17 + round;
        let mut play = Play::new();
        for _ in 0..120 {
            let (who, at) = (random(&mut seed, 2) as usize, random(&mut seed, 2) as usize);
            let uid = random(&mut seed, u64::from(play.boxes[at].uidnext) + 1) as u32;
            let flags = random(&mut seed, 16) as u8;
            match random(&mut seed, 9) {
                0 => play.set_rights(at, who, random(&mut seed, 1 << 11) as u16 | 3),
                1 => play.set_rights(at, who, random(&mut seed, 1 << 11) as u16),
                2 => play.append(at, who, flags),
                3 => play.expunge(at, who),
                4 => play.transfer(who, uid, true),
                5 => play.transfer(who, uid, false),
                6 => play.store(at, who, uid, FlagOp::Replace, flags),
                7 => play.store(at, who, uid, FlagOp::Remove, flags),
                _ => play.store(at, who, uid, FlagOp::Add, flags),
            }
            play.compare();
        }
        play.rig.check();
    }
}

// spec: RFC 4314 §4
#[test]
fn a_removed_account_shares_nothing_and_nothing_is_shared_with_it() {
    let mut play = Play::new();
    play.set_rights(0, 0, Rights::ALL.bits());
    play.set_rights(0, 1, Rights::ALL.bits());
    play.append(0, 0, SystemFlags::SEEN.0);
    play.append(0, 1, SystemFlags::SEEN.0);
    let ann = play.rig.service.directory().by_address(&address("ann@example.org")).unwrap().unwrap();
    play.rig.service.directory().remove(ann).unwrap();
    play.rig.housekeep();
    let acl = play.owner.acl(play.ids[0]).unwrap();
    let names: Vec<&str> = acl.iter().map(|row| &*row.identifier).collect();
    assert_eq!(names, ["owner@example.org", "ben@example.org"]);
    play.rig.check();
    let ben = play.guests[1].clone();
    assert!(ben.snapshot().unwrap().mailbox(play.ids[0]).unwrap().is_some());
    play.rig.service.directory().remove(play.owner.id()).unwrap();
    // At once, though its rows are still there.
    assert_eq!(ben.snapshot().unwrap().mailbox(play.ids[0]).unwrap(), None);
    let new = new_message("Subject: x\r\n\r\nbody", &[]);
    assert_eq!(outcome(ben.append(play.ids[0], vec![new])).err(), Some(ErrorKind::NotFound));
    play.rig.housekeep();
    assert!(ben.snapshot().is_err());
    let left = play.rig.kv.view().unwrap();
    let mut rows = 0;
    let range = koi_store::key::all(koi_types::AccountId::GLOBAL, koi_store::key::table::global::SHARED);
    left.scan(&range.from, &range.end, &mut |_, _| {
        rows += 1;
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(rows, 0);
}

// spec: RFC 4314 §2
#[test]
fn between_domains_messages_are_stored_again_and_anyone_is_not_everybody() {
    let rig = Rig::new();
    rig.service.directory().create_domain("example.com").unwrap();
    let owner = rig.account("owner");
    let far = rig.service.directory().create_account(&address("far@example.com"), "verifier").unwrap();
    let far = rig.service.account(far).unwrap();
    let mailbox = owner.create(&name("a"), None).wait().unwrap().mailbox;
    let large = format!("Subject: large\n\n{}", "text ".repeat(200_000));
    assert!(large.len() > koi_types::limits::BODY_INLINE_OCTETS_MAX);
    let mut staged = rig.service.stage();
    staged.write(large.replace('\n', "\r\n").as_bytes()).unwrap();
    let small = new_message("Subject: x\n\nbody", &[]);
    let large_message = NewMessage { message: Arc::new(staged.finish().unwrap()), ..small.clone() };
    owner.append(mailbox, vec![small, large_message]).wait().unwrap();
    owner.set_acl(mailbox, "anyone", AclChange::Replace(Rights::ALL)).wait().unwrap();
    let full = name("Other Users/owner@example.org/a");
    let guest = far.whose(&full).unwrap();
    assert!(guest.snapshot().unwrap().mailbox_named(&full).unwrap().is_none());
    owner.set_acl(mailbox, "far@example.com", AclChange::Replace(Rights::ALL)).wait().unwrap();
    let uids: UidSet = [1, 2].into_iter().filter_map(Uid::new).collect();
    let inbox = koi_mailbox::INBOX;
    let copied = guest.copy_into(mailbox, &uids, &far, inbox).wait().unwrap();
    assert_eq!((copied.from.count(), copied.to.count()), (2, 2));
    let body_is_whole = |account: &Account, mailbox, uid| {
        let snapshot = account.snapshot().unwrap();
        let email = snapshot.message(mailbox, Uid::new(uid).unwrap(), |row| row.email).unwrap().unwrap();
        let body = snapshot.email(email).unwrap().unwrap().body;
        let mut octets = Vec::new();
        snapshot.read_body(&body, 0..u64::MAX, &mut octets).unwrap();
        octets == large.replace('\n', "\r\n").as_bytes()
    };
    assert!(body_is_whole(&far, inbox, 2));
    let moved = far.move_into(inbox, &copied.to, &guest, mailbox).wait().unwrap();
    assert_eq!(moved.to.count(), 2);
    assert!(body_is_whole(&owner, mailbox, 4));
    assert!(rig.service.check().unwrap().is_empty());
    assert_eq!(far.snapshot().unwrap().uids(inbox).unwrap().count(), 0);
}

#[test]
fn what_is_wrong_is_found_and_mended() {
    use koi_store::key::{self, Reason};
    let mut play = Play::new();
    play.set_rights(0, 0, Rights::ALL.bits());
    play.append(0, 0, SystemFlags::SEEN.0);
    play.append(0, 0, 0);
    let (owner, mailbox, ann) = (play.owner.id(), play.ids[0], AccountId(play.owner.id().0 + 1));
    let identifier = koi_types::Identifier { who: koi_types::Who::User(ann), negative: false };
    let gone = MailboxId(4000);
    koi_store::kv::transact_and_wait(&*play.rig.kv, move |txn| {
        txn.delete(&key::shared(Reason::Named(ann), owner, mailbox))?;
        txn.delete(&key::shared(Reason::OwnFlags(ann), owner, mailbox))?;
        txn.put(&key::shared(Reason::Named(ann), owner, gone), &[1])?;
        txn.put(&key::per_user_totals(owner, mailbox, ann), &[9])?;
        let row = txn.get(&key::per_user(owner, mailbox, ann, 1))?.unwrap().into_owned();
        txn.put(&key::per_user(owner, mailbox, ann, 77), &row)?;
        txn.put(&key::per_user(owner, mailbox, ann, 2), &[9, 9])?;
        let row = txn.get(&key::rights(owner, mailbox, identifier))?.unwrap().into_owned();
        txn.put(&key::rights(owner, gone, identifier), &row)
    })
    .unwrap();
    let findings = play.rig.service.check().unwrap();
    assert!(findings.len() >= 6, "{findings:?}");
    for _ in 0..3 {
        let findings = play.rig.service.check().unwrap();
        play.rig.service.repair(&findings).unwrap();
    }
    play.rig.check();
    play.compare();
}

/// A mailbox of an owner that somebody may do everything with.
struct Pair {
    rig: Rig,
    owner: Account,
    user: Account,
    guest: Account,
    shared: MailboxId,
    mine: MailboxId,
}

impl Pair {
    fn new() -> Self {
        let rig = Rig::new();
        let (owner, user) = (rig.account("owner"), rig.account("ann"));
        let shared = owner.create(&name("a"), None).wait().unwrap().mailbox;
        let mine = user.create(&name("mine"), None).wait().unwrap().mailbox;
        owner.set_acl(shared, "ann", AclChange::Replace(Rights::ALL)).wait().unwrap();
        let guest = user.whose(&name("Other Users/owner@example.org/a")).unwrap();
        let messages = (0..3).map(|_| new_message("Subject: x\r\n\r\nx", &["\\Seen"])).collect();
        user.append(mine, messages).wait().unwrap();
        Self { rig, owner, user, guest, shared, mine }
    }
}

#[test]
fn indexes_hear_of_what_goes_from_owner_to_owner() {
    let Pair { rig, owner, user, guest, shared, mine } = Pair::new();
    let waiting = || {
        let mut waiting = Vec::new();
        while let Some(account) = rig.service.next_to_index().unwrap() {
            waiting.push(account);
        }
        waiting
    };
    waiting();
    user.move_into(mine, &uids(&[1]), &guest, shared).wait().unwrap();
    assert!(waiting().contains(&owner.id()), "MOVE");
    let new = new_message("Subject: y\r\n\r\ny", &[]);
    user.replace(mine, uid(2), &guest, shared, new).wait().unwrap();
    assert!(waiting().contains(&owner.id()), "REPLACE");
    rig.check();
}

// spec: RFC 4314 §4
#[test]
fn where_too_many_keep_flags_of_their_own_messages_come_all_the_same() {
    let Pair { rig, owner, user, guest, shared, mine } = Pair::new();
    let other = owner.create(&name("a/b"), None).wait().unwrap().mailbox;
    guest.append(other, vec![new_message("Subject: x\r\n\r\nx", &["\\Seen"])]).wait().unwrap();
    let totals = move |id| (0..).map(move |n| key::per_user_totals(id, shared, AccountId(1_000_000 + n)));
    let (id, users) = (owner.id(), limits::USERS_PER_MAILBOX_MAX);
    transact_and_wait(&*rig.kv, move |txn| {
        totals(id).take(users).try_for_each(|row| txn.put(&row, &PerUserTotals::default().encode()))
    })
    .unwrap();
    guest.append(shared, vec![new_message("Subject: x\r\n\r\nx", &["\\Seen", "\\Flagged"])]).wait().unwrap();
    user.copy_into(mine, &uids(&[1]), &guest, shared).wait().unwrap();
    guest.move_(other, &uids(&[1]), shared).wait().unwrap();
    let snapshot = guest.snapshot().unwrap();
    let row = snapshot.mailbox(shared).unwrap().unwrap();
    assert_eq!((row.messages, row.unseen), (3, 3));
    let flags = snapshot.message(shared, uid(1), |row| row.flags).unwrap();
    assert_eq!(flags, Some(SystemFlags::FLAGGED));
    let seen = FlagChange { op: FlagOp::Add, system: SystemFlags::SEEN, keywords: Vec::new() };
    let refused = outcome(guest.set_flags(shared, &uids(&[1]), seen, None));
    assert_eq!(refused.err(), Some(ErrorKind::LimitReached));
    drop(snapshot);
    refused_alone(&guest, shared, other);
    transact_and_wait(&*rig.kv, move |txn| totals(id).take(users).try_for_each(|row| txn.delete(&row)))
        .unwrap();
}

/// Of several changes by JMAP only those are refused that cannot be (RFC 8621 §4.6).
fn refused_alone(guest: &Account, shared: MailboxId, other: MailboxId) {
    guest.append(other, vec![new_message("Subject: y\r\n\r\ny", &["\\Seen"])]).wait().unwrap();
    let of = |mailbox| {
        let emails = guest.emails_now().unwrap();
        let found = emails.ids().find(|id| emails.email(*id).unwrap().mailboxes == [mailbox]);
        found.unwrap()
    };
    let patch = |email, name: &str| {
        let add = vec![EmailKeyword::parse(name).unwrap()];
        let keywords = Some(SetUpdate::Patch { add, remove: vec![] });
        EmailChange::Update { email, update: EmailUpdate { keywords, mailboxes: None } }
    };
    let to_shared = EmailChange::Update {
        email: of(other),
        update: EmailUpdate { keywords: None, mailboxes: Some(SetUpdate::Replace(vec![shared])) },
    };
    let changes = vec![patch(of(shared), "$seen"), patch(of(shared), "$flagged"), to_shared];
    let outcome = guest.set_emails(None, changes).wait().unwrap();
    let SetOutcome::Done { results, .. } = outcome else { panic!("no state was asked for") };
    assert!(matches!(&results[..], [Err(EmailRefused::TooManyKeywords), Ok(_), Ok(_)]), "{results:?}");
}
