//! Chat by IMAP: settings, mailboxes, and where messages go, as the service sees it.

use std::sync::Arc;

use koi_mailbox::{
    Account, Changes, CoiNames, CoiSettings, Delivery, FlagOp, INBOX, MessageFilter, Options, Quota,
};
use koi_store::memory::MemoryKv;
use koi_types::{ErrorKind, Keyword, ReversePath};

use crate::rig::{Deaf, Rig, change, flags, incoming, list, listed, mailbox, name, names, new_message, uids};

const CHATS: &str = "COI/Chats";

fn chat(n: u32) -> String {
    format!("From: a@example.net\nMessage-ID: <chat${n}@example.net>\n\nbody {n}\n")
}

fn set(account: &Account, enabled: bool, filter: Option<MessageFilter>) {
    account.set_coi_settings(CoiSettings { enabled, filter }).wait().unwrap();
}

fn has(account: &Account, text: &str) -> bool {
    names(account).iter().any(|there| there == text)
}

// spec: COI-server §configure-coi-usage/imap
// spec: COI-server §configure-message-filtering/imap
#[test]
fn enabling_makes_the_mailboxes_and_a_filter_alone_makes_none() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    assert_eq!(alice.coi_settings().unwrap(), CoiSettings::default());
    set(&alice, false, Some(MessageFilter::Active));
    assert!(!has(&alice, CHATS));
    rig.deliver(&[&alice], &chat(1));
    assert_eq!(listed(&alice, INBOX), ["1"]);
    set(&alice, true, Some(MessageFilter::Active));
    assert!(has(&alice, "COI/Contacts") && mailbox(&alice, CHATS).subscribed);
    assert!(!mailbox(&alice, "COI/Contacts").subscribed);
    let delivered = rig.deliver(&[&alice], &chat(2))[0];
    assert_eq!(delivered.mailbox, mailbox(&alice, CHATS).id);
    assert_eq!(listed(&alice, delivered.mailbox), ["1 $Chat"]);
    set(&alice, false, Some(MessageFilter::Active));
    assert!(has(&alice, CHATS), "mail stays where it is");
    rig.deliver(&[&alice], &chat(3));
    assert_eq!(listed(&alice, INBOX), ["1", "2"]);
}

// spec: COI-server §configure-message-filtering/imap
#[test]
fn every_recipient_is_asked() {
    let rig = Rig::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|user| rig.account(user));
    set(&alice, true, Some(MessageFilter::Active));
    set(&bob, true, Some(MessageFilter::Seen));
    rig.deliver(&[&alice, &bob, &carol], &chat(1));
    assert_eq!(listed(&alice, mailbox(&alice, CHATS).id), ["1 $Chat"]);
    assert_eq!(listed(&bob, INBOX), ["1 $Chat"]);
    assert_eq!(listed(&carol, INBOX), ["1"]);
}

#[test]
fn where_it_is_not_offered_there_is_none() {
    let kv = Arc::new(MemoryKv::new(Arc::new(Deaf)));
    let rig = Rig::on(kv, Options { coi: None, ..Options::default() });
    let alice = rig.account("alice");
    let refused = alice.set_coi_settings(CoiSettings { enabled: true, filter: None }).wait().unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unsupported);
    // Enabled while it was offered.
    let before = rig.again(&alice);
    set(&before, true, Some(MessageFilter::Active));
    rig.deliver(&[&alice], &chat(1));
    assert_eq!(listed(&alice, INBOX), ["1"]);
    alice.rename(&name(CHATS), &name("other")).wait().unwrap();
    alice.create(&name(CHATS), None).wait().unwrap();
}

/// The administrator changes the root: chats go to the new place, which is made; and where it cannot be made,
/// to INBOX.
#[test]
fn no_mail_is_lost_over_a_mailbox_that_is_missing() {
    let kv = Arc::new(MemoryKv::new(Arc::new(Deaf)));
    let root = |root: &str| Options { coi: CoiNames::below(root).ok(), ..Options::default() };
    let first = Rig::on(Arc::clone(&kv) as _, Options::default());
    let [alice, bob] = ["alice", "bob"].map(|user| first.account(user));
    for account in [&alice, &bob] {
        set(account, true, Some(MessageFilter::Active));
    }
    let rig =
        Rig::on(kv, Options { quota: Quota { messages_max: 1, ..Quota::UNLIMITED }, ..root("INBOX/Talk") });
    rig.deliver(&[&alice], &chat(1));
    let talk = mailbox(&alice, "INBOX/Talk/Chats");
    assert_eq!((listed(&alice, talk.id), talk.subscribed), (vec!["1 $Chat".to_owned()], true));
    // One has room, the other has not: nothing is left behind of the second.
    let delivery = Delivery {
        sender: ReversePath::Null,
        recipients: vec![alice.id(), bob.id()],
        message: incoming(&chat(2)),
        received_at: rig.service_now(),
    };
    let results = rig.service.deliver(delivery).wait().unwrap();
    assert_eq!(results[0].as_ref().unwrap_err().kind, ErrorKind::OverQuota);
    assert_eq!(results[1].as_ref().unwrap().mailbox, mailbox(&bob, "INBOX/Talk/Chats").id);
}

#[test]
fn roots_are_checked() {
    for bad in ["", "/", "a//b", "INBOX", "inbox", "a\nb", &"x".repeat(398)] {
        assert!(CoiNames::below(bad).is_err(), "{bad:?}");
    }
    let names = CoiNames::below("INBOX/Chat").unwrap();
    assert_eq!(names.chats().as_str(), "INBOX/Chat/Chats");
}

/// What is asked for on delivery is the keyword, but not at the price of the message.
#[test]
fn keywords_that_are_used_up_refuse_no_chat() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    set(&alice, true, Some(MessageFilter::Active));
    let all: Vec<Keyword> = (0..koi_types::limits::KEYWORDS_PER_ACCOUNT_MAX)
        .map(|n| Keyword::new(&format!("k{n}")).unwrap())
        .collect();
    for some in all.chunks(koi_types::limits::KEYWORDS_PER_MESSAGE_MAX) {
        let mut message = new_message("Subject: x\n\n", &[]);
        message.flags.keywords = some.to_vec();
        message.flags.keywords.sort();
        alice.append(INBOX, vec![message]).wait().unwrap();
    }
    rig.deliver(&[&alice], &chat(1));
    assert_eq!(listed(&alice, mailbox(&alice, CHATS).id), ["1"]);
    alice.append(INBOX, vec![new_message(&chat(2), &[])]).wait().unwrap();
}

// spec: COI-server §configure-message-filtering
#[test]
fn seen_and_moved_are_one_change() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    set(&alice, true, Some(MessageFilter::Seen));
    (1..=2).for_each(|n| drop(rig.deliver(&[&alice], &chat(n))));
    let before = mailbox(&alice, "INBOX").highest_modseq;
    let seen =
        alice.set_flags(INBOX, &uids(&[1, 2]), change(FlagOp::Add, &["\\Seen"]), Some(before.value() - 1));
    let seen = seen.wait().unwrap();
    assert_eq!((seen.changed, seen.modified), (uids(&[1]), uids(&[2])));
    let chats = mailbox(&alice, CHATS);
    assert_eq!((chats.highest_modseq, chats.unseen), (mailbox(&alice, "INBOX").highest_modseq, 0));
    assert_eq!(list(&alice.snapshot().unwrap(), chats.id), ["1 \\Seen $Chat"]);
    let snapshot = alice.snapshot().unwrap();
    let Changes::Listed(listed) = snapshot.changes(INBOX, before, 100).unwrap() else { panic!() };
    assert_eq!((listed.vanished, listed.flagged_last, listed.flags), (uids(&[1]), uids(&[1]), uids(&[])));
    let gone = snapshot.expunged(INBOX, before, &uids(&[1]).0).unwrap();
    let flags_now = snapshot.moved(&gone[0], |row| row.flags).unwrap();
    assert_eq!(flags_now, Some(flags(&["\\Seen"]).system));
}

/// More messages than one transaction changes: a COPY that fails leaves nothing, not even where the filter
/// took it on to.
#[test]
fn a_copy_that_fails_is_taken_back_from_where_it_went_on_to() {
    const COUNT: u32 = 1500;
    let quota = Quota { messages_max: u64::from(COUNT) + 1200, ..Quota::UNLIMITED };
    let rig = Rig::with(Options { quota, ..Options::default() });
    let alice = rig.account("alice");
    let archive = mailbox(&alice, "Archive").id;
    let messages = (0..COUNT).map(|n| new_message(&chat(n), &["\\Seen", "$Chat"])).collect();
    alice.append(archive, messages).wait().unwrap();
    set(&alice, true, Some(MessageFilter::Seen));
    let all = alice.snapshot().unwrap().uids(archive).unwrap();
    let failed = alice.copy(archive, &all, INBOX).wait().unwrap_err();
    assert_eq!(failed.kind, ErrorKind::OverQuota);
    rig.housekeep();
    assert_eq!((mailbox(&alice, "INBOX").messages, mailbox(&alice, CHATS).messages), (0, 0));
}
