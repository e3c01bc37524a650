//! Emails, threads and mailboxes as JMAP has them, over what IMAP and delivery do: scenarios.

use koi_mailbox::emails::{
    DataType, EmailView, MailboxChange, MailboxRole, MailboxUpdate, MailboxView, State, Told,
};
use koi_mailbox::{Account, Emails, FlagOp, INBOX};
use koi_types::{EmailId, MailboxId, Role, SystemFlags};

use crate::rig::{Rig, change, flags, mailbox, message, name, new_message, uids};

pub(crate) fn view<T>(account: &Account, look: impl FnOnce(&Emails<'_>) -> T) -> T {
    look(&account.emails_now().unwrap())
}

pub(crate) fn state(account: &Account, data: DataType) -> State {
    view(account, |emails| emails.state(data))
}

fn mailbox_view(account: &Account, id: MailboxId) -> MailboxView {
    view(account, |emails| emails.mailbox(id).unwrap().unwrap())
}

fn email(account: &Account, id: EmailId) -> Option<EmailView> {
    view(account, |emails| emails.email(id))
}

/// Created, updated and destroyed, as counts.
fn changes(account: &Account, since: State) -> String {
    match view(account, |emails| emails.email_changes(since, 100).unwrap()) {
        Told::Changes(c) => format!("{} {} {}", c.created.len(), c.updated.len(), c.destroyed.len()),
        Told::CannotCalculate => "cannot".to_owned(),
    }
}

fn counts(account: &Account, id: MailboxId) -> [u32; 4] {
    let counts = mailbox_view(account, id).counts;
    [counts.total_emails, counts.unread_emails, counts.total_threads, counts.unread_threads]
}

// spec: RFC 8621 §4.1.1
#[test]
fn keywords_of_copies_are_merged() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let delivered = rig.deliver(&[&alice], &message(1))[0];
    alice.create(&name("Two"), None).wait().unwrap();
    let two = mailbox(&alice, "Two").id;
    alice.copy(INBOX, &uids(&[1]), two).wait().unwrap();
    alice
        .set_flags(INBOX, &uids(&[1]), change(FlagOp::Add, &["\\Seen", "\\Flagged", "work"]), None)
        .wait()
        .unwrap();
    let seen = email(&alice, delivered.email).unwrap();
    assert_eq!(seen.mailboxes, [INBOX, two]);
    assert_eq!(seen.flags, SystemFlags::FLAGGED, "not seen, because the copy is not");
    assert_eq!(seen.keywords, flags(&["work"]).keywords);
    assert_eq!((counts(&alice, INBOX), counts(&alice, two)), ([1, 1, 1, 1], [1, 1, 1, 1]));
    alice.set_flags(two, &uids(&[1]), change(FlagOp::Add, &["\\Seen"]), None).wait().unwrap();
    assert!(email(&alice, delivered.email).unwrap().flags.contains(SystemFlags::SEEN));
    assert_eq!((counts(&alice, INBOX), counts(&alice, two)), ([1, 0, 1, 0], [1, 0, 1, 0]));
}

// spec: RFC 8621 §4.1.1; RFC 8621 §4.3
#[test]
fn deleted_and_not_deleted_any_more_is_destroyed_and_created() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let delivered = rig.deliver(&[&alice], &message(1))[0];
    let first = state(&alice, DataType::Email);
    alice.set_flags(INBOX, &uids(&[1]), change(FlagOp::Add, &["\\Deleted"]), None).wait().unwrap();
    assert_eq!(email(&alice, delivered.email), None);
    assert_eq!(counts(&alice, INBOX), [0, 0, 0, 0]);
    let second = state(&alice, DataType::Email);
    assert_eq!(changes(&alice, first), "0 0 1");
    alice.set_flags(INBOX, &uids(&[1]), change(FlagOp::Remove, &["\\Deleted"]), None).wait().unwrap();
    assert_eq!((changes(&alice, second), changes(&alice, first)), ("1 0 0".into(), "0 1 0".into()));
    assert!(email(&alice, delivered.email).is_some());
    assert_eq!(changes(&alice, state(&alice, DataType::Email)), "0 0 0");
    assert_eq!(changes(&alice, State::at(9999)), "cannot");
}

// spec: RFC 8620 §5.1; RFC 8621 §1.5; RFC 8621 §2.2
#[test]
fn each_type_has_its_own_state() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let all = |account: &Account| DataType::ALL.map(|data| state(account, data));
    let moved = |before: &[State; 7], account: &Account| {
        let now = DataType::ALL.map(|data| state(account, data));
        let moved = DataType::ALL.iter().zip(before.iter().zip(now)).filter(|(_, (a, b))| **a != *b);
        moved.map(|(data, _)| format!("{data:?}")).collect::<Vec<_>>().join(" ")
    };
    let before = all(&alice);
    rig.deliver(&[&alice], &message(1));
    assert_eq!(moved(&before, &alice), "Email Mailbox Thread EmailDelivery");
    let before = all(&alice);
    alice.set_flags(INBOX, &uids(&[1]), change(FlagOp::Add, &["\\Flagged", "x"]), None).wait().unwrap();
    assert_eq!(moved(&before, &alice), "Email");
    let before = all(&alice);
    alice.set_flags(INBOX, &uids(&[1]), change(FlagOp::Add, &["\\Seen"]), None).wait().unwrap();
    assert_eq!(moved(&before, &alice), "Email Mailbox");
    let told = view(&alice, |emails| emails.mailbox_changes(before[1], 10).unwrap());
    let Told::Changes(told) = told else { panic!("{told:?}") };
    assert!(told.counts_only && told.changed.updated == [INBOX]);
    let before = all(&alice);
    alice.create(&name("New"), None).wait().unwrap();
    assert_eq!(moved(&before, &alice), "Mailbox");
    let before = all(&alice);
    alice.move_(INBOX, &uids(&[1]), mailbox(&alice, "New").id).wait().unwrap();
    assert_eq!(moved(&before, &alice), "Email Mailbox Thread");
    let before = all(&alice);
    alice.delete(&name("New")).wait().unwrap();
    assert_eq!(moved(&before, &alice), "Email Mailbox Thread");
    assert_eq!(changes(&alice, before[0]), "0 0 1");
    rig.housekeep();
    assert_eq!(changes(&alice, before[0]), "0 0 1", "also when its rows are gone");
}

// spec: RFC 8621 §2
#[test]
fn names_have_one_level_and_parents() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    for text in ["a/b/c", "d"] {
        alice.create(&name(text), None).wait().unwrap();
    }
    let ids = ["a", "a/b", "a/b/c"].map(|text| mailbox(&alice, text).id);
    let seen = |id| {
        let view = mailbox_view(&alice, id);
        (view.name.to_string(), view.parent)
    };
    assert_eq!(seen(ids[2]), ("c".to_owned(), Some(ids[1])));
    assert_eq!(mailbox_view(&alice, INBOX).role, Some(MailboxRole::Inbox));
    let before = state(&alice, DataType::Mailbox);
    alice.delete(&name("a/b")).wait().unwrap();
    assert_eq!(seen(ids[2]), ("b/c".to_owned(), Some(ids[0])));
    let Told::Changes(told) = view(&alice, |emails| emails.mailbox_changes(before, 10).unwrap()) else {
        panic!("cannot")
    };
    assert_eq!((told.changed.updated, told.changed.destroyed), (vec![ids[2]], vec![ids[1]]));
    assert!(!told.counts_only);
}

// spec: RFC 8621 §2
#[test]
fn the_trash_is_a_thread_of_its_own_for_unread_counts() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let trash = match view(&alice, |emails| emails.snapshot().with_role(koi_types::Role::Trash)) {
        Some(trash) => trash,
        None => alice.create(&name("Bin"), Some(koi_types::Role::Trash)).wait().unwrap().mailbox,
    };
    let reply = "From: a@example.org\nSubject: Re: number 1\nMessage-ID: <r@example.org>\n\
                 In-Reply-To: <1@example.org>\n\nbody\n";
    alice.append(INBOX, vec![new_message(&message(1), &["\\Seen"])]).wait().unwrap();
    alice.append(trash, vec![new_message(reply, &[])]).wait().unwrap();
    assert_eq!((counts(&alice, INBOX), counts(&alice, trash)), ([1, 0, 1, 0], [1, 1, 1, 1]));
    alice.copy(trash, &uids(&[1]), INBOX).wait().unwrap();
    assert_eq!((counts(&alice, INBOX), counts(&alice, trash)), ([2, 1, 1, 1], [1, 1, 1, 1]));
}

// spec: RFC 8621 §3
#[test]
fn a_late_message_joins_two_threads() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let part = |n: u32, references: &str| {
        let refers =
            if references.is_empty() { String::new() } else { format!("References: {references}\n") };
        format!("From: a@example.org\nSubject: Re: s\nMessage-ID: <{n}@x>\n{refers}\nbody {n}\n")
    };
    let first = rig.deliver(&[&alice], &part(1, ""))[0];
    rig.env.advance_secs(1);
    let second = rig.deliver(&[&alice], &part(3, "<2@x>"))[0];
    alice.set_flags(INBOX, &uids(&[2]), change(FlagOp::Add, &["\\Flagged", "k"]), None).wait().unwrap();
    rig.env.advance_secs(1);
    let threads =
        |ids: &[EmailId]| ids.iter().map(|id| email(&alice, *id).map(|view| view.thread)).collect::<Vec<_>>();
    let apart = threads(&[first.email, second.email]);
    assert_ne!(apart[0], apart[1]);
    let before = [DataType::Email, DataType::Thread].map(|data| state(&alice, data));
    let last = rig.deliver(&[&alice], &part(2, "<1@x> <3@x>"))[0];
    assert_eq!(email(&alice, second.email), None, "it is there as another");
    let thread = email(&alice, first.email).unwrap().thread;
    let ids = view(&alice, |emails| emails.thread(thread));
    assert_eq!((ids.len(), ids[0], ids[2]), (3, first.email, last.email));
    let again = email(&alice, ids[1]).unwrap();
    assert_eq!(again.flags, SystemFlags::FLAGGED);
    assert_eq!(again.keywords, flags(&["k"]).keywords);
    assert_eq!(changes(&alice, before[0]), "2 0 1");
    let Told::Changes(told) = view(&alice, |emails| emails.thread_changes(before[1], 10).unwrap()) else {
        panic!("cannot")
    };
    assert_eq!((told.created, told.updated, told.destroyed), (vec![], vec![thread], vec![apart[1].unwrap()]));
    assert_eq!(crate::rig::listed(&alice, INBOX), ["1", "3", "4 \\Flagged k"], "UIDs are never given again");
    let reply = rig.deliver(&[&alice], &part(4, "<3@x>"))[0];
    assert_eq!(email(&alice, reply.email).unwrap().thread, thread, "not the one that is no more");
}

#[test]
fn a_message_that_joins_a_thread_with_a_damaged_email_comes_in_all_the_same() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let part = |n: u32, references: &str| {
        format!(
            "From: a@example.org\nSubject: s\nMessage-ID: <{n}@x>\nReferences: {references}\n\nbody {n}\n"
        )
    };
    rig.deliver(&[&alice], &part(1, "<1@x>"));
    rig.env.advance_secs(1);
    let second = rig.deliver(&[&alice], &part(3, "<3@x>"))[0];
    let key = koi_store::key::email(alice.id(), second.email);
    let row = rig.kv.view().unwrap().get(&key).unwrap().unwrap().into_owned();
    let write = |row: &[u8]| {
        let row = row.to_vec();
        rig.kv.submit_and_wait(Box::new(move |txn| txn.put(&key, &row))).unwrap();
    };
    write(&row[..row.len() - 1]);
    rig.deliver(&[&alice], &part(2, "<1@x> <3@x>"));
    assert_eq!(crate::rig::listed(&alice, INBOX), ["1", "2", "3"]);
    write(&row);
}

// spec: RFC 8620 §5.2
#[test]
fn what_comes_and_goes_between_two_pages_is_told() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let emails = |since, max| match view(&alice, |emails| emails.email_changes(since, max).unwrap()) {
        Told::Changes(changes) => changes,
        Told::CannotCalculate => panic!("cannot"),
    };
    let threads = |since, max| match view(&alice, |emails| emails.thread_changes(since, max).unwrap()) {
        Told::Changes(changes) => changes,
        Told::CannotCalculate => panic!("cannot"),
    };
    let deleted = |op, uid| alice.set_flags(INBOX, &uids(&[uid]), change(op, &["\\Deleted"]), None);
    let before = [DataType::Email, DataType::Thread].map(|data| state(&alice, data));
    alice.append(INBOX, (1..=2).map(|n| new_message(&message(n), &[])).collect()).wait().unwrap();
    let (some, some_threads) = (emails(before[0], 1), threads(before[1], 1));
    assert!(some.more && some.created.len() == 1 && some_threads.created.len() == 1);
    deleted(FlagOp::Add, 1).wait().unwrap();
    alice.expunge(INBOX, None).wait().unwrap();
    let (rest, rest_of_threads) = (emails(some.new_state, 9), threads(some_threads.new_state, 9));
    assert_eq!((rest.created.len(), rest.destroyed), (1, some.created), "gone since it was told");
    assert_eq!((rest_of_threads.created.len(), rest_of_threads.destroyed), (1, some_threads.created));

    // Told as it was later than the state in between says, and then that again.
    let before = state(&alice, DataType::Email);
    deleted(FlagOp::Add, 2).wait().unwrap();
    rig.deliver(&[&alice], &message(3));
    deleted(FlagOp::Remove, 2).wait().unwrap();
    let some = emails(before, 1);
    assert!(some.more && some.updated.len() == 1);
    deleted(FlagOp::Add, 2).wait().unwrap();
    assert_eq!(emails(some.new_state, 9).destroyed, some.updated);
}

#[test]
fn a_table_is_made_anew_when_much_has_changed() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let some = || (0..1500).map(|n| new_message(&message(n), &[])).collect::<Vec<_>>();
    for _ in 0..3 {
        alice.append(INBOX, some()).wait().unwrap();
    }
    assert_eq!(counts(&alice, INBOX), [4500, 4500, 1500, 1500]);
    let mut all = koi_types::UidSet::new();
    all.0.insert_range(1..=4500);
    let before = state(&alice, DataType::Email);
    alice.set_flags(INBOX, &all, change(FlagOp::Add, &["\\Seen"]), None).wait().unwrap();
    assert_eq!(counts(&alice, INBOX), [4500, 0, 1500, 0]);
    assert_eq!(changes(&alice, before), "0 100 0");
    alice.set_flags(INBOX, &all, change(FlagOp::Add, &["\\Deleted"]), None).wait().unwrap();
    alice.expunge(INBOX, None).wait().unwrap();
    assert_eq!(counts(&alice, INBOX), [0, 0, 0, 0]);
}

/// What changes between two steps is put into the table that is there already, as much as it may be.
#[test]
fn a_table_is_made_while_much_changes() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let message = new_message("Subject: one\n\nx\n", &[]);
    alice.append(INBOX, vec![message; 4500]).wait().unwrap();
    let all = alice.snapshot().unwrap().uids(INBOX).unwrap();
    let ops = [FlagOp::Add, FlagOp::Remove];
    let ready = ops.iter().cycle().take(12).position(|op| {
        let is_ready = alice.emails().unwrap().is_some();
        alice.set_flags(INBOX, &all, change(*op, &["\\Flagged"]), None).wait().unwrap();
        is_ready
    });
    assert!(ready.is_some(), "it is never made");
    assert_eq!(view(&alice, |emails| emails.ids().count()), 4500);
    // Also what is gone at once is.
    let start = state(&alice, DataType::Email);
    alice.set_flags(INBOX, &all, change(FlagOp::Add, &["\\Deleted"]), None).wait().unwrap();
    alice.expunge(INBOX, None).wait().unwrap();
    let last = rig.deliver(&[&alice], &self::message(1))[0].email;
    assert_eq!(view(&alice, |emails| emails.ids().collect::<Vec<_>>()), [last]);
    assert_eq!(counts(&alice, INBOX), [1, 1, 1, 1]);
    assert_ne!(state(&alice, DataType::Email), start);
}

// spec: RFC 8621 §2; RFC 8621 §2.2
#[test]
fn unread_threads_of_others_are_told_when_the_trash_moves() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let trash = mailbox(&alice, "Trash").id;
    let [one, other] = ["one", "other"].map(|text| alice.create(&name(text), None).wait().unwrap().mailbox);
    // Two of a thread, of which one is unread and thrown away; and one beside them.
    rig.deliver(&[&alice], "Subject: a\nMessage-ID: <1@x>\n\nx\n");
    rig.deliver(&[&alice], "Subject: Re: a\nMessage-ID: <2@x>\nReferences: <1@x>\n\nx\n");
    alice.set_flags(INBOX, &uids(&[1]), change(FlagOp::Add, &["\\Seen"]), None).wait().unwrap();
    alice.move_(INBOX, &uids(&[2]), trash).wait().unwrap();
    alice.append(one, vec![new_message("Subject: b\n\nx\n", &[])]).wait().unwrap();
    assert_eq!((counts(&alice, INBOX), counts(&alice, trash)), ([1, 0, 1, 0], [1, 1, 1, 1]));
    let role = |mailbox, role: Option<Role>| {
        let update = MailboxUpdate { role: Some(role.map(MailboxRole::Special)), ..MailboxUpdate::default() };
        let changes = vec![MailboxChange::Update { mailbox, update }];
        drop(alice.set_mailboxes(None, changes).wait().unwrap());
    };
    let updated = |since| match view(&alice, |emails| emails.mailbox_changes(since, 10).unwrap()) {
        Told::Changes(told) => told.changed.updated,
        Told::CannotCalculate => panic!("cannot calculate"),
    };
    let before = state(&alice, DataType::Mailbox);
    role(trash, None);
    assert_eq!(counts(&alice, INBOX), [1, 0, 1, 1]);
    assert_eq!(updated(before), [INBOX, trash], "and none that has nothing to do with it");
    let before = state(&alice, DataType::Mailbox);
    role(trash, Some(Role::Trash));
    assert_eq!(counts(&alice, INBOX), [1, 0, 1, 0]);
    assert_eq!(updated(before), [INBOX, trash]);
    let before = state(&alice, DataType::Mailbox);
    alice.rename(&name("other"), &name("another")).wait().unwrap();
    assert_eq!(updated(before), [other]);
}
