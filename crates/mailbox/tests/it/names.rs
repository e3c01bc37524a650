//! CREATE, DELETE, RENAME, SUBSCRIBE and what they do to UIDVALIDITY, ids and messages.

use koi_mailbox::INBOX;
use koi_types::{ErrorKind, Role};

use crate::rig::{Rig, changes, listed, mailbox, message, name, names, new_message, uids};

fn refused<T>(pending: koi_mailbox::Pending<T>) -> ErrorKind
where
    T: Send + std::fmt::Debug + 'static,
{
    pending.wait().unwrap_err().kind
}

// spec: RFC 9051 §6.3.4
#[test]
fn create_makes_the_superiors_too() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    alice.create(&name("a/b/c"), None).wait().unwrap();
    assert_eq!(&names(&alice)[6..], ["a", "a/b", "a/b/c"]);
    assert_eq!(refused(alice.create(&name("a/b"), None)), ErrorKind::AlreadyExists);
    assert_eq!(refused(alice.create(&name("inbox"), None)), ErrorKind::AlreadyExists);
    assert_eq!(refused(alice.create(&name("mine"), Some(Role::Sent))), ErrorKind::AlreadyExists);
    let made = alice.create(&name("all"), Some(Role::All)).wait().unwrap();
    assert_eq!(mailbox(&alice, "all").role, Some(Role::All));
    assert_eq!(mailbox(&alice, "all").uidvalidity, made.uidvalidity);
}

// spec: RFC 9051 §6.3.5
#[test]
fn delete_leaves_what_is_below() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    alice.create(&name("a/b"), None).wait().unwrap();
    alice.delete(&name("a")).wait().unwrap();
    assert_eq!(names(&alice).last().unwrap(), "a/b");
    assert_eq!(refused(alice.delete(&name("a"))), ErrorKind::InUse);
    assert_eq!(refused(alice.delete(&name("none"))), ErrorKind::NotFound);
    assert_eq!(refused(alice.delete(&name("INBOX"))), ErrorKind::NoPermission);
    alice.create(&name("a"), None).wait().unwrap();
    alice.delete(&name("a/b")).wait().unwrap();
    alice.delete(&name("a")).wait().unwrap();
    assert_eq!(names(&alice).len(), 6);
}

#[test]
fn a_deleted_mailbox_gives_everything_back() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let before = alice.snapshot().unwrap().usage().clone();
    let made = alice.create(&name("a"), None).wait().unwrap();
    let appended = alice.append(made.mailbox, vec![new_message(&message(1), &[]); 3]).wait().unwrap();
    alice.copy(made.mailbox, &uids(&[2]), INBOX).wait().unwrap();
    let since = alice.snapshot().unwrap().modseq();
    alice.delete(&name("a")).wait().unwrap();
    assert_eq!(changes(&alice, made.mailbox, since), "gone");
    let usage = alice.snapshot().unwrap().usage().clone();
    assert_eq!((usage.messages, before.messages), (1, 0));
    rig.check();
    rig.housekeep();
    let snapshot = alice.snapshot().unwrap();
    let there: Vec<bool> = appended.iter().map(|a| snapshot.email(a.email).unwrap().is_some()).collect();
    assert_eq!(there, [false, true, false], "the copy keeps its email");
}

// spec: RFC 9051 §2.3.1.1
#[test]
fn a_name_never_has_the_same_uidvalidity_twice_nor_a_smaller_one() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let of = |text| mailbox(&alice, text).uidvalidity;
    let first = alice.create(&name("a"), None).wait().unwrap();
    alice.delete(&name("a")).wait().unwrap();
    let second = alice.create(&name("a"), None).wait().unwrap();
    assert!(second.uidvalidity > first.uidvalidity);
    assert_ne!(second.mailbox, first.mailbox);
    alice.create(&name("b"), None).wait().unwrap();
    let b = of("b");
    alice.rename(&name("a"), &name("c")).wait().unwrap();
    assert_eq!(of("c"), second.uidvalidity, "no bearer of the name had a greater one");
    assert_eq!(mailbox(&alice, "c").id, second.mailbox, "RFC 8474 §4: the id stays");
    alice.delete(&name("b")).wait().unwrap();
    alice.rename(&name("c"), &name("b")).wait().unwrap();
    assert!(of("b") > b);
}

// spec: RFC 9051 §6.3.6; RFC 7162 §3.1.2.1
#[test]
fn rename_takes_along_what_is_below() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    alice.create(&name("a/b/c"), None).wait().unwrap();
    alice.create(&name("ab"), None).wait().unwrap();
    let inner = mailbox(&alice, "a/b/c").id;
    let since = alice.snapshot().unwrap().modseq();
    alice.rename(&name("a"), &name("x/y")).wait().unwrap();
    assert_eq!(&names(&alice)[6..], ["ab", "x", "x/y", "x/y/b", "x/y/b/c"]);
    assert_eq!(mailbox(&alice, "x/y/b/c").id, inner);
    assert!(mailbox(&alice, "x/y/b/c").highest_modseq <= since, "no message has changed");
    assert_eq!(refused(alice.rename(&name("a"), &name("z"))), ErrorKind::NotFound);
    assert_eq!(refused(alice.rename(&name("x"), &name("x/y/z"))), ErrorKind::InvalidInput);
    assert_eq!(refused(alice.rename(&name("x"), &name("ab"))), ErrorKind::AlreadyExists);
    assert_eq!(refused(alice.rename(&name("ab"), &name("inbox"))), ErrorKind::AlreadyExists);
    let long = "n".repeat(395);
    assert_eq!(refused(alice.rename(&name("x"), &name(&long))), ErrorKind::InvalidInput);
    assert_eq!(&names(&alice)[6..], ["ab", "x", "x/y", "x/y/b", "x/y/b/c"]);
    alice.rename(&name("x/y"), &name("x/y2")).wait().unwrap();
    assert_eq!(&names(&alice)[6..], ["ab", "x", "x/y2", "x/y2/b", "x/y2/b/c"]);
}

#[test]
fn rename_onto_a_name_that_only_has_names_below_joins_them() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    for text in ["a/x", "b/x", "b/y"] {
        alice.create(&name(text), None).wait().unwrap();
    }
    alice.delete(&name("a")).wait().unwrap();
    assert_eq!(refused(alice.rename(&name("b"), &name("a"))), ErrorKind::AlreadyExists);
    assert_eq!(&names(&alice)[6..], ["a/x", "b", "b/x", "b/y"], "nothing of it happened");
    alice.delete(&name("a/x")).wait().unwrap();
    alice.rename(&name("b"), &name("a")).wait().unwrap();
    assert_eq!(&names(&alice)[6..], ["a", "a/x", "a/y"]);
}

// spec: RFC 9051 §6.3.6, RFC 3501 §6.3.5
#[test]
fn renaming_inbox_moves_its_messages() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    alice.create(&name("INBOX/below"), None).wait().unwrap();
    alice.append(INBOX, vec![new_message(&message(1), &["\\Seen", "k"]); 2]).wait().unwrap();
    let before = mailbox(&alice, "INBOX");
    alice.rename(&name("inbox"), &name("old/mail")).wait().unwrap();
    let (inbox, moved) = (mailbox(&alice, "INBOX"), mailbox(&alice, "old/mail"));
    assert_eq!((inbox.messages, inbox.uidnext), (0, before.uidnext));
    assert_eq!((inbox.id, inbox.uidvalidity), (before.id, before.uidvalidity));
    assert_eq!(listed(&alice, moved.id), ["1 \\Seen k", "2 \\Seen k"]);
    assert!(names(&alice).contains(&"INBOX/below".to_owned()));
    assert_eq!(refused(alice.rename(&name("inbox"), &name("old"))), ErrorKind::AlreadyExists);
}

// spec: RFC 9051 §6.3.7, RFC 9051 §6.3.6
#[test]
fn subscriptions_are_names_and_outlive_mailboxes() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    alice.create(&name("a"), None).wait().unwrap();
    assert!(!mailbox(&alice, "a").subscribed);
    alice.subscribe(&name("a"), true).wait().unwrap();
    assert!(mailbox(&alice, "a").subscribed);
    alice.rename(&name("a"), &name("b")).wait().unwrap();
    assert!(!mailbox(&alice, "b").subscribed);
    let subscribed = |text: &str| alice.snapshot().unwrap().subscriptions().any(|s| s.as_str() == text);
    assert!(subscribed("a"));
    alice.delete(&name("b")).wait().unwrap();
    alice.create(&name("a"), None).wait().unwrap();
    assert!(mailbox(&alice, "a").subscribed);
    alice.subscribe(&name("a"), false).wait().unwrap();
    assert!(!subscribed("a"));
}

#[test]
fn two_accounts_do_not_see_each_other() {
    let rig = Rig::new();
    let (alice, bob) = (rig.account("alice"), rig.account("bob"));
    alice.create(&name("a"), None).wait().unwrap();
    let delivered = rig.deliver(&[&alice], &message(1));
    assert_eq!(names(&bob).len(), 6);
    assert!(bob.snapshot().unwrap().email(delivered[0].email).unwrap().is_none());
    rig.service.directory().remove(alice.id()).unwrap();
    assert_eq!(rig.service.account(alice.id()).err().unwrap().kind, ErrorKind::NotFound);
    rig.check();
    rig.housekeep();
    assert_eq!(mailbox(&bob, "INBOX").messages, 0);
    let again = rig.account("alice");
    assert_ne!(again.id(), alice.id());
}
