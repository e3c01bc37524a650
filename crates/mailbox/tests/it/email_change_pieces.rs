//! Changes of emails that are told in pieces: while others go on, and from one page to the next.

use std::collections::BTreeMap;

use koi_mailbox::emails::{Changed, ChangesRun, DataType, EmailView, State, Told};
use koi_mailbox::{Account, Emails, FlagOp, INBOX, Options};
use koi_types::{EmailId, MailboxId, ThreadId, UidSet};

use crate::email_changes::{Actor, Random, seeds};
use crate::emails::{state, view};
use crate::rig::{Rig, change, mailbox, name, new_message, uids};

/// As a client does it that keeps emails by their ids, while others go on. Answers how many steps there were.
fn follow(
    actor: &mut Actor<'_>,
    random: &mut Random,
    known: &mut BTreeMap<EmailId, EmailView>,
    mut since: State,
    mut steps_left: usize,
) -> usize {
    let account = actor.account.clone();
    let mut steps = 0;
    loop {
        let mut run = ChangesRun::emails(since, random.one(&[3, 200, 10_000]));
        let told = loop {
            if steps_left > 0 && random.below(2) == 0 {
                steps_left -= 1;
                actor.step(random);
            }
            steps += 1;
            let emails = account.emails_now().unwrap();
            let Some(told) = run.advance(&emails).unwrap() else { continue };
            let Told::Changes(told) = told else { panic!("cannot calculate") };
            told.destroyed.iter().for_each(|id| drop(known.remove(id)));
            for id in told.created.iter().chain(&told.updated) {
                known.insert(*id, emails.email(*id).unwrap());
            }
            break told;
        };
        assert!(!told.more || told.new_state != since, "no progress from {since}");
        since = told.new_state;
        if !told.more && steps_left == 0 {
            return steps;
        }
    }
}

// spec: RFC 8620 §5.2
#[test]
fn changes_are_told_in_pieces_while_others_go_on() {
    for seed in 0..seeds(4) {
        let rig = Rig::with(Options { expunge_grace_secs: 5, ..Options::default() });
        let account = rig.account("alice");
        let mut actor = Actor { rig: &rig, account: account.clone(), number: 0 };
        let mut random = Random(seed);
        (0..20).for_each(|_| actor.step(&mut random));
        let all = |emails: &Emails<'_>| -> BTreeMap<EmailId, EmailView> {
            emails.ids().map(|id| (id, emails.email(id).unwrap())).collect()
        };
        let mut known = view(&account, all);
        let since = view(&account, |emails| emails.state(DataType::Email));
        account.append(INBOX, vec![new_message("Subject: x\n\nx\n", &[]); 1000]).wait().unwrap();
        let inbox = account.snapshot().unwrap().uids(INBOX).unwrap();
        for (n, uid) in inbox.iter().chain(inbox.iter()).enumerate() {
            let one = [uid].into_iter().collect();
            let op = if n < 1000 { FlagOp::Add } else { FlagOp::Remove };
            account.set_flags(INBOX, &one, change(op, &["\\Flagged"]), None).wait().unwrap();
        }
        for op in [FlagOp::Add, FlagOp::Remove].repeat(5) {
            account.set_flags(INBOX, &inbox, change(op, &["work"]), None).wait().unwrap();
        }
        let steps = follow(&mut actor, &mut random, &mut known, since, 12);
        assert!(steps > 3, "they are many");
        assert_eq!(known, view(&account, all), "seed {seed}");
    }
}

// spec: RFC 8620 §5.2
#[test]
fn a_further_page_does_not_read_the_log_again() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let since = view(&alice, |emails| emails.state(DataType::Email));
    alice.append(INBOX, vec![new_message("Subject: x\n\nx\n", &[]); 3000]).wait().unwrap();
    let inbox = alice.snapshot().unwrap().uids(INBOX).unwrap();
    for op in [FlagOp::Add, FlagOp::Remove].repeat(4) {
        alice.set_flags(INBOX, &inbox, change(op, &["work"]), None).wait().unwrap();
    }
    let page = |since| {
        let mut run = ChangesRun::emails(since, 5);
        let mut steps = 1;
        loop {
            match view(&alice, |emails| run.advance(emails).unwrap()) {
                None => steps += 1,
                Some(Told::Changes(told)) => return (steps, told),
                Some(Told::CannotCalculate) => panic!("cannot calculate"),
            }
        }
    };
    let (steps, first) = page(since);
    assert!(steps > 1 && first.created.len() == 5, "the log is long");
    let (steps, second) = page(first.new_state);
    assert_eq!((steps, second.created.len()), (1, 5));
    // What happened meanwhile is read, and that alone.
    rig.deliver(&[&alice], &crate::rig::message(1));
    assert_eq!(page(second.new_state).0, 1);
}

/// The thread of a reply in INBOX, of which the first message went already: it is named after that.
fn thread_without_its_root(rig: &Rig, account: &Account) -> ThreadId {
    let first = rig.deliver(&[account], "Subject: a\nMessage-ID: <1@x>\n\nx\n")[0].email;
    let reply = "Subject: Re: a\nMessage-ID: <2@x>\nReferences: <1@x>\n\nx\n";
    let reply = rig.deliver(&[account], reply)[0].email;
    expunge(account, INBOX, &uids(&[1]));
    rig.housekeep();
    let thread = view(account, |emails| emails.email(reply).unwrap().thread);
    assert_eq!(thread, ThreadId(first.0));
    thread
}

fn expunge(account: &Account, mailbox: MailboxId, uids: &UidSet) {
    account.set_flags(mailbox, uids, change(FlagOp::Add, &["\\Deleted"]), None).wait().unwrap();
    account.expunge(mailbox, None).wait().unwrap();
}

/// More in the log than one step reads, about messages in a mailbox of their own.
fn much(account: &Account) -> impl Fn() + '_ {
    let many = account.create(&name("Many"), None).wait().unwrap().mailbox;
    account.append(many, vec![new_message("Subject: x\n\nx\n", &[]); 3000]).wait().unwrap();
    let all = account.snapshot().unwrap().uids(many).unwrap();
    move || {
        for op in [FlagOp::Add, FlagOp::Remove].repeat(3) {
            account.set_flags(many, &all, change(op, &["work"]), None).wait().unwrap();
        }
    }
}

/// What is told after a step of which `meanwhile` is done.
fn thread_changes(account: &Account, since: State, meanwhile: impl FnOnce()) -> Changed<ThreadId> {
    let mut run = ChangesRun::threads(since, 100);
    let mut meanwhile = Some(meanwhile);
    loop {
        match view(account, |emails| run.advance(emails).unwrap()) {
            None => meanwhile.take().into_iter().for_each(|happens| happens()),
            Some(Told::Changes(told)) => {
                assert!(meanwhile.is_none(), "it was told in one step");
                return told;
            }
            Some(Told::CannotCalculate) => panic!("cannot calculate"),
        }
    }
}

// spec: RFC 8621 §3.2
#[test]
fn a_thread_is_destroyed_of_which_the_log_tells_further_on() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let thread = thread_without_its_root(&rig, &alice);
    let much = much(&alice);
    let trash = mailbox(&alice, "Trash").id;
    let since = state(&alice, DataType::Thread);
    alice.move_(INBOX, &uids(&[2]), trash).wait().unwrap();
    much();
    much();
    expunge(&alice, trash, &uids(&[1]));
    assert_eq!(rig.housekeep(), 1);
    let told = thread_changes(&alice, since, || {});
    assert_eq!((told.created, told.updated, told.destroyed), (vec![], vec![], vec![thread]));
}

// spec: RFC 8621 §3.2
#[test]
fn a_thread_is_destroyed_whose_mailbox_is_taken_away_between_two_steps() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let thread = thread_without_its_root(&rig, &alice);
    let much = much(&alice);
    let two = alice.create(&name("Two"), None).wait().unwrap().mailbox;
    alice.move_(INBOX, &uids(&[2]), two).wait().unwrap();
    let since = state(&alice, DataType::Thread);
    alice.delete(&name("Two")).wait().unwrap();
    much();
    much();
    let told = thread_changes(&alice, since, || {
        rig.housekeep();
    });
    assert_eq!((told.created, told.updated, told.destroyed), (vec![], vec![], vec![thread]));
}

// spec: RFC 8621 §3.2; RFC 8620 §5.2
#[test]
fn a_thread_is_destroyed_whose_mailbox_is_taken_away_between_two_pages() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let thread = thread_without_its_root(&rig, &alice);
    let two = alice.create(&name("Two"), None).wait().unwrap().mailbox;
    alice.move_(INBOX, &uids(&[2]), two).wait().unwrap();
    let since = state(&alice, DataType::Thread);
    let new = rig.deliver(&[&alice], &crate::rig::message(1))[0].email;
    alice.delete(&name("Two")).wait().unwrap();
    let page = |since| match view(&alice, |emails| emails.thread_changes(since, 1).unwrap()) {
        Told::Changes(told) => told,
        Told::CannotCalculate => panic!("cannot calculate"),
    };
    let first = page(since);
    assert_eq!((first.more, &first.created, &first.destroyed), (true, &vec![ThreadId(new.0)], &vec![]));
    rig.housekeep();
    let second = page(first.new_state);
    assert_eq!((second.more, second.created, second.destroyed), (false, vec![], vec![thread]));
}
