//! The search index: the same answers with it and without it, at any moment.

use std::ops::ControlFlow;
use std::sync::Arc;

use koi_mailbox::index::{IndexOptions, IndexStep};
use koi_mailbox::{Account, Filter, FlagOp, INBOX, Incoming, MailboxService, NewMessage, Options};
use koi_message::Collation;
use koi_store::kv::{Kv, transact_and_wait};
use koi_store::memory::MemoryKv;
use koi_types::{ErrorKind, Flags, NumSet, UidSet, ZoneOffset};

use crate::rig::{Deaf, Rig, START, change, mailbox, name, new_message, uids};

mod stories;

fn all() -> NumSet {
    let mut all = NumSet::new();
    all.insert_range(1..=u32::MAX);
    all
}

fn options(index: IndexOptions) -> Options {
    Options { index, ..Options::default() }
}

fn on() -> IndexOptions {
    IndexOptions { messages_min: 0, ..IndexOptions::default() }
}

/// A rig whose server makes indexes of any account.
pub(crate) fn rig() -> Rig {
    Rig::with(options(on()))
}

/// The account as a server sees it that has no indexes.
pub(crate) fn without(rig: &Rig, account: &Account) -> Account {
    let env = Arc::clone(&rig.env) as Arc<dyn koi_mailbox::Env>;
    let off = options(IndexOptions { enabled: false, ..on() });
    MailboxService::new(Arc::clone(&rig.kv), off, env).account(account.id()).unwrap()
}

/// Runs to the end; answers how many steps it took.
pub(crate) fn build(service: &MailboxService, account: &Account) -> usize {
    let Some(mut run) = service.index_run(account.id(), false).unwrap() else { return 0 };
    let mut steps = 1;
    while run.advance().unwrap() != IndexStep::Done {
        steps += 1;
    }
    steps
}

fn found(account: &Account, filter: &Filter) -> UidSet {
    account.search(INBOX, all(), filter).unwrap().finish().unwrap()
}

/// How many messages a search read.
fn read(account: &Account, filter: &Filter) -> u64 {
    let mut run = account.search(INBOX, all(), filter).unwrap();
    while !run.advance().unwrap() {}
    run.examined().octets
}

fn text(text: &str) -> Filter {
    Filter::Text(text.into())
}

fn number(n: u32) -> NewMessage {
    new_message(&format!("Subject: number{n}\n\nwords of message w{n}x and more\n"), &[])
}

#[test]
fn messages_without_the_text_are_not_read() {
    let rig = rig();
    let alice = rig.account("alice");
    alice.append(INBOX, (1..=3000).map(number).collect()).wait().unwrap();
    let all_octets = read(&alice, &text("w77x"));
    assert!(build(&rig.service, &alice) > 3);
    assert_eq!(build(&rig.service, &alice), 0, "nothing is left to do");
    let status = rig.service.index_status(alice.id()).unwrap().unwrap();
    assert_eq!((status.emails, status.complete), (3000, true));
    assert!(status.octets > 3000 * 16 && status.octets < status.octets_max, "{status:?}");
    assert_eq!(found(&alice, &text("w77X")), uids(&[77]));
    assert!(read(&alice, &text("w77x")) * 1000 < all_octets);
    assert_eq!(read(&alice, &text("nowhere")), 0);
    assert_eq!(read(&alice, &Filter::negated(text("nowhere"))), 0);
    assert_eq!(found(&alice, &Filter::negated(text("nowhere"))).count(), 3000);
    assert_eq!(found(&alice, &Filter::header("subject", "ber300")), uids(&[300, 3000]));
    assert_eq!(found(&alice, &text("words of message")).count(), 3000);
    // What came after is read; then it is known too.
    alice.append(INBOX, vec![number(77), number(4000)]).wait().unwrap();
    assert_eq!(found(&alice, &text("w77x")), uids(&[77, 3001]));
    assert!(read(&alice, &text("nowhere")) > 0);
    build(&rig.service, &alice);
    assert_eq!(found(&alice, &text("w77x")), uids(&[77, 3001]));
    assert_eq!(read(&alice, &text("nowhere")), 0);
}

/// What the index has found is memory of whoever searches, who can do without it.
#[test]
fn what_the_index_says_is_counted_and_can_be_let_go_of() {
    let rig = rig();
    let alice = rig.account("alice");
    alice.append(INBOX, (1..=3000).map(number).collect()).wait().unwrap();
    build(&rig.service, &alice);
    let begin = || alice.search(INBOX, all(), &text("w1")).unwrap();
    let mut with = begin();
    let before = with.memory_octets();
    assert!(!with.advance().unwrap());
    assert!(with.memory_octets() > before + 1000 * 16, "{} {before}", with.memory_octets());
    let mut without = begin();
    assert!(!without.advance().unwrap());
    without.let_go_beyond(usize::MAX);
    assert_eq!(without.memory_octets(), with.memory_octets());
    without.let_go_beyond(1000);
    assert!(without.memory_octets() < before + 16 * 1024, "{}", without.memory_octets());
    let expected = with.finish().unwrap();
    assert_eq!(expected.count(), 1111);
    assert_eq!(without.finish().unwrap(), expected);
}

#[test]
fn a_run_that_ends_early_is_gone_on_with() {
    let rig = rig();
    let alice = rig.account("alice");
    for thousand in 0..12 {
        alice.append(INBOX, (1..=1000).map(|n| number(thousand * 1000 + n)).collect()).wait().unwrap();
    }
    let expected = uids(&[777, 7770, 7771, 7772, 7773, 7774, 7775, 7776, 7777, 7778, 7779]);
    let mut rounds = 0;
    let mut steps_max = 1;
    loop {
        // A new service each time, as after a crash.
        let env = Arc::clone(&rig.env) as Arc<dyn koi_mailbox::Env>;
        let service = MailboxService::new(Arc::clone(&rig.kv), options(on()), env);
        let account = service.account(alice.id()).unwrap();
        let Some(mut run) = service.index_run(alice.id(), false).unwrap() else { break };
        let ended = (0..steps_max).any(|_| run.advance().unwrap() == IndexStep::Done);
        let second = service.index_run(alice.id(), false).err().map(|error| error.kind);
        assert_eq!(second, (!ended).then_some(ErrorKind::InUse));
        assert_eq!(found(&account, &text("number777")), expected, "round {rounds}");
        rounds += 1;
        steps_max += 5;
    }
    assert!(rounds > 4, "{rounds}");
    let status = rig.service.index_status(alice.id()).unwrap().unwrap();
    assert_eq!((status.emails, status.complete), (12_000, true));
    assert_eq!(found(&alice, &text("number777")), expected);
}

#[test]
fn what_is_moved_is_not_indexed_twice_and_what_is_expunged_leaves() {
    let rig = rig();
    let alice = rig.account("alice");
    alice.append(INBOX, (1..=200).map(number).collect()).wait().unwrap();
    build(&rig.service, &alice);
    alice.create(&name("Shelf"), None).wait().unwrap();
    let shelf = mailbox(&alice, "Shelf").id;
    alice.move_(INBOX, &uids(&[5, 6, 7]), shelf).wait().unwrap();
    alice.copy(INBOX, &uids(&[8]), shelf).wait().unwrap();
    let on_shelf = |what: &str| alice.search(shelf, all(), &text(what)).unwrap().finish().unwrap().count();
    assert_eq!((on_shelf("w6x"), on_shelf("w8x"), on_shelf("w9x")), (1, 1, 0));
    build(&rig.service, &alice);
    let emails = || rig.service.index_status(alice.id()).unwrap().map(|status| status.emails);
    assert_eq!(emails(), Some(200));
    assert_eq!((on_shelf("w6x"), on_shelf("w8x"), on_shelf("w9x")), (1, 1, 0));
    let most: UidSet = uids(&(20..=200).collect::<Vec<_>>());
    alice.set_flags(INBOX, &most, change(FlagOp::Add, &["\\Deleted"]), None).wait().unwrap();
    alice.expunge(INBOX, None).wait().unwrap();
    assert_eq!(found(&alice, &text("w30x")), UidSet::new());
    rig.env.advance_secs(4000);
    assert_eq!(rig.housekeep(), 181);
    build(&rig.service, &alice);
    assert_eq!(emails(), Some(19));
    assert_eq!(found(&alice, &text("w12x")), uids(&[12]));
    // The mailbox goes with the rest.
    alice.delete(&name("Shelf")).wait().unwrap();
    rig.housekeep();
}

/// Which emails are new is found out from what has happened since: without the numbers of those in the index,
/// which are taken away here, it goes on all the same.
#[test]
fn after_a_move_the_index_is_not_looked_through() {
    let rig = rig();
    let alice = rig.account("alice");
    alice.append(INBOX, (1..=200).map(number).collect()).wait().unwrap();
    build(&rig.service, &alice);
    let account = alice.id();
    let numbers = koi_store::key::index::segments(account, koi_store::key::index::DOCS, 0, u32::MAX);
    let mut rows = Vec::new();
    let view = rig.kv.view().unwrap();
    view.scan(&numbers.from, &numbers.end, &mut |key, row| {
        rows.push((key.to_vec(), row.to_vec()));
        ControlFlow::Continue(())
    })
    .unwrap();
    drop(view);
    assert!(!rows.is_empty());
    let gone = rows.clone();
    transact_and_wait(&*rig.kv, move |txn| gone.iter().try_for_each(|(key, _)| txn.delete(key))).unwrap();
    alice.create(&name("Shelf"), None).wait().unwrap();
    let shelf = mailbox(&alice, "Shelf").id;
    alice.append(INBOX, vec![number(201), number(202)]).wait().unwrap();
    // One that was there, one that came since and goes on twice, one that is copied and leaves.
    alice.move_(INBOX, &uids(&[5, 201]), shelf).wait().unwrap();
    alice.move_(shelf, &uids(&[2]), INBOX).wait().unwrap();
    alice.copy(INBOX, &uids(&[8]), shelf).wait().unwrap();
    let last = uids(&[8]);
    alice.set_flags(INBOX, &last, change(FlagOp::Add, &["\\Deleted"]), None).wait().unwrap();
    alice.expunge(INBOX, None).wait().unwrap();
    build(&rig.service, &alice);
    let emails = || rig.service.index_status(account).unwrap().map(|status| status.emails);
    assert_eq!(emails(), Some(202));
    // Nor when the log tells nothing, of a mailbox that was deleted: then the numbers are needed.
    transact_and_wait(&*rig.kv, move |txn| rows.iter().try_for_each(|(key, row)| txn.put(key, row))).unwrap();
    alice.create(&name("Other"), None).wait().unwrap();
    let other = mailbox(&alice, "Other").id;
    alice.copy(shelf, &uids(&[1]), other).wait().unwrap();
    alice.delete(&name("Shelf")).wait().unwrap();
    build(&rig.service, &alice);
    assert_eq!(emails(), Some(202));
    alice.delete(&name("Other")).wait().unwrap();
    rig.housekeep();
}

#[test]
fn many_small_runs_leave_few_segments() {
    let rig = rig();
    let alice = rig.account("alice");
    for n in 1..=150 {
        alice.append(INBOX, vec![number(n)]).wait().unwrap();
        build(&rig.service, &alice);
    }
    let status = rig.service.index_status(alice.id()).unwrap().unwrap();
    assert_eq!((status.emails, status.complete), (150, true));
    assert!(status.segments < 24, "{status:?}");
    for n in [1, 8, 9, 77, 150] {
        assert_eq!(found(&alice, &text(&format!("w{n}x"))), uids(&[n]));
    }
}

#[test]
fn an_index_is_bounded_and_an_account_must_be_large_enough() {
    let tight = IndexOptions { share_max: 0, ..on() };
    let rig = Rig::with(options(IndexOptions { messages_min: 50, ..tight }));
    let alice = rig.account("alice");
    let mail = |n: u32| {
        let words: String = (0..2500).map(|word| format!("{}x{n}y ", word * 7919)).collect();
        new_message(&format!("Subject: {n}\n\n{words}\n"), &[])
    };
    alice.append(INBOX, (1..=49).map(mail).collect()).wait().unwrap();
    assert_eq!(build(&rig.service, &alice), 0);
    for some in 0..4 {
        alice.append(INBOX, (50 + some * 100..150 + some * 100).map(mail).collect()).wait().unwrap();
        build(&rig.service, &alice);
    }
    let status = rig.service.index_status(alice.id()).unwrap().unwrap();
    assert_eq!((status.octets_max, status.complete), (1 << 20, true));
    assert!(status.octets < 2 << 20, "{status:?}");
    for n in [1, 60, 170, 280, 400] {
        assert_eq!(found(&alice, &text(&format!("7919x{n}Y"))), uids(&[n]));
    }
    assert!(rig.service.drop_index(alice.id()).unwrap());
    assert!(!rig.service.drop_index(alice.id()).unwrap());
    assert_eq!(rig.service.index_status(alice.id()).unwrap(), None);
    let range = koi_store::key::all(alice.id(), koi_store::key::table::INDEX);
    let mut rows = 0;
    let view = rig.kv.view().unwrap();
    let count = &mut |_: &[u8], _: &[u8]| {
        rows += 1;
        ControlFlow::Continue(())
    };
    view.scan(&range.from, &range.end, count).unwrap();
    assert_eq!(rows, 0);
}

#[test]
fn an_index_that_is_wrong_is_found_and_built_again() {
    use koi_store::key::index as keys;
    type Harm = fn(&mut dyn koi_store::kv::Txn, koi_types::AccountId);
    let harms: [(&str, Harm); 5] = [
        ("garbage for a head", |txn, account| txn.put(&keys::head(account), b"\x01x").unwrap()),
        ("a row of terms is missing", |txn, account| txn.delete(&keys::terms(account, 0, 0)).unwrap()),
        ("emails that cannot be read", |txn, account| txn.put(&keys::docs(account, 0, 0), b"\x01x").unwrap()),
        ("a row that cannot be read", |txn, account| {
            let row = txn.get(&keys::terms(account, 0, 0)).unwrap().unwrap().into_owned();
            txn.put(&keys::terms(account, 0, 0), &row[..row.len() - 1]).unwrap();
        }),
        ("other words", |txn, account| {
            let row = txn.get(&keys::terms(account, 0, 0)).unwrap().unwrap().into_owned();
            let row: Vec<u8> =
                row.into_iter().map(|octet| if octet == b'w' { b'v' } else { octet }).collect();
            txn.put(&keys::terms(account, 0, 0), &row).unwrap();
        }),
    ];
    for (what, harm) in harms {
        let rig = rig();
        let alice = rig.account("alice");
        alice.append(INBOX, (1..=20).map(number).collect()).wait().unwrap();
        build(&rig.service, &alice);
        let account = alice.id();
        transact_and_wait(&*rig.kv, move |txn| {
            harm(txn, account);
            Ok(())
        })
        .unwrap();
        if what != "other words" {
            assert_eq!(found(&alice, &text("w7x")), uids(&[7]), "{what}: the text decides");
        }
        let findings = rig.service.check().unwrap();
        assert!(findings.iter().any(|finding| finding.fix.is_some()), "{what}");
        rig.service.repair(&findings).unwrap();
        rig.check();
        assert!(build(&rig.service, &alice) > 0, "{what}");
        assert_eq!(found(&alice, &text("w7x")), uids(&[7]), "{what}");
    }
}

#[test]
fn an_index_made_by_other_rules_is_made_anew() {
    let rig = rig();
    let alice = rig.account("alice");
    alice.append(INBOX, (1..=20).map(number).collect()).wait().unwrap();
    build(&rig.service, &alice);
    let account = alice.id();
    transact_and_wait(&*rig.kv, move |txn| {
        let old = koi_store::mail::index::head(txn, account)?.unwrap();
        let mut new = old.clone();
        new.rules += 1;
        koi_store::mail::index::replace_head(txn, account, Some(&old), Some(&new))
    })
    .unwrap();
    assert!(read(&alice, &text("nowhere")) > 0, "it is not used");
    assert!(!rig.service.index_status(account).unwrap().unwrap().complete);
    build(&rig.service, &alice);
    assert_eq!(read(&alice, &text("nowhere")), 0);
    let status = rig.service.index_status(account).unwrap().unwrap();
    assert_eq!((status.emails, status.complete), (20, true));
}
