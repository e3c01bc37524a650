//! Annotations through the service: who is told what, what is not an annotation of its own, and what they
//! cost those who do not ask for them.

use std::ops::ControlFlow;
use std::sync::Arc;

use koi_mailbox::{Account, AnnotationChange, FlagOp, INBOX, Options};
use koi_store::key::{self, table};
use koi_store::kv::{Kv, Txn};
use koi_store::memory::MemoryKv;
use koi_types::annotation::{Depth, EntryName, Target};
use koi_types::{ErrorKind, ModSeq, Result, Role};

use crate::rig::{Deaf, Rig, change, list, mailbox, message, name, uids};

fn entry(text: &str) -> EntryName {
    EntryName::new(text).unwrap()
}

fn set(account: &Account, target: Target, entries: &[(&str, Option<&str>)]) -> Result<Option<ModSeq>> {
    let changes = entries.iter().map(|(name, value)| AnnotationChange {
        name: entry(name),
        value: value.map(|value| value.as_bytes().into()),
    });
    account.set_annotations(target, changes.collect()).wait()
}

fn all(account: &Account, target: Target) -> Vec<String> {
    let snapshot = account.snapshot().unwrap();
    let mut found = Vec::new();
    for scope in ["/private", "/shared"] {
        for row in snapshot.annotations(target, &entry(scope), Depth::Infinity).unwrap() {
            let value = snapshot.annotation_value(target, &row).unwrap().unwrap();
            assert_eq!(value.len(), row.octets);
            found.push(format!("{}={}", row.name, value.escape_ascii()));
        }
    }
    found
}

/// Names of what changed, and how far that goes.
fn news(account: &Account, since: ModSeq, own: &[ModSeq], max: usize) -> (Vec<String>, ModSeq) {
    let news = account.snapshot().unwrap().annotation_news(since, own, max).unwrap();
    (news.changed.iter().map(|changed| changed.name.to_string()).collect(), news.upto)
}

fn now(account: &Account) -> ModSeq {
    account.snapshot().unwrap().modseq()
}

// spec: RFC 5464 §4.4.2
#[test]
fn what_others_changed_is_told_once_and_in_pieces() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let start = now(&alice);
    let own = set(&alice, Target::Server, &[("/private/own", Some("1"))]).unwrap().unwrap();
    rig.deliver(&[&alice], &message(1));
    for n in 0..5 {
        set(&alice, Target::Mailbox(INBOX), &[(&format!("/private/{n}"), Some("1"))]).unwrap();
    }
    set(&alice, Target::Mailbox(INBOX), &[("/private/0", None)]).unwrap();
    assert_eq!(set(&alice, Target::Mailbox(INBOX), &[("/private/0", None)]).unwrap(), None);
    let (told, upto) = news(&alice, start, &[own], 100);
    assert_eq!(told, ["/private/0", "/private/1", "/private/2", "/private/3", "/private/4"]);
    assert_eq!(upto, now(&alice));
    assert_eq!(news(&alice, upto, &[], 100), (vec![], upto));
    let (first, upto) = news(&alice, start, &[own], 2);
    assert_eq!(first, ["/private/0", "/private/1"]);
    let (second, upto) = news(&alice, upto, &[own], 2);
    assert_eq!(second, ["/private/2", "/private/3"]);
    let (third, upto) = news(&alice, upto, &[own], 3);
    assert_eq!((third, upto), (vec!["/private/0".to_owned(), "/private/4".to_owned()], now(&alice)));
    rig.deliver(&[&alice], &message(2));
    assert_eq!(news(&alice, upto, &[], 1), (vec![], now(&alice)));
}

// spec: RFC 5464 §4.4.2
#[test]
fn without_the_log_what_is_there_is_told() {
    let rig = Rig::with(Options { log_modseqs_max: 3, ..Options::default() });
    let alice = rig.account("alice");
    set(&alice, Target::Server, &[("/private/before", Some("1"))]).unwrap();
    let start = now(&alice);
    set(&alice, Target::Server, &[("/private/a", Some("1")), ("/private/b", Some("1"))]).unwrap();
    set(&alice, Target::Server, &[("/private/b", None)]).unwrap();
    for n in 0..10 {
        rig.deliver(&[&alice], &message(n));
    }
    rig.housekeep();
    assert_eq!(news(&alice, start, &[], 100), (vec!["/private/a".to_owned()], now(&alice)));
}

// spec: RFC 6154 §4
#[test]
fn a_use_is_an_annotation_and_goes_all_the_way() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let other = alice.create(&name("other"), None).wait().unwrap().mailbox;
    let sent = mailbox(&alice, "Sent").id;
    let refused = set(&alice, Target::Mailbox(other), &[("/private/specialuse", Some("\\Sent"))]);
    assert_eq!(refused.unwrap_err().kind, ErrorKind::AlreadyExists);
    set(&alice, Target::Mailbox(sent), &[("/private/specialuse", None)]).unwrap();
    set(&alice, Target::Mailbox(other), &[("/private/SpecialUse", Some("\\sent"))]).unwrap();
    assert_eq!(mailbox(&alice, "other").role, Some(Role::Sent));
    assert_eq!(mailbox(&alice, "Sent").role, None);
    assert_eq!(all(&alice, Target::Mailbox(other)), ["/private/specialuse=\\\\Sent"]);
    assert_eq!(all(&alice, Target::Mailbox(sent)), Vec::<String>::new());
    for bad in ["\\Flagged", "\\Inbox", "Sent", "\\Sent \\Trash"] {
        let refused = set(&alice, Target::Mailbox(sent), &[("/private/specialuse", Some(bad))]);
        assert_eq!(refused.unwrap_err().kind, ErrorKind::Unsupported, "{bad}");
    }
    // An empty list of uses is no use.
    set(&alice, Target::Mailbox(other), &[("/private/specialuse", Some(""))]).unwrap();
    assert_eq!(mailbox(&rig.again(&alice), "other").role, None);
}

#[test]
fn a_mailbox_that_is_gone_takes_none() {
    let rig = Rig::new();
    let alice = rig.account("alice");
    let gone = alice.create(&name("gone"), None).wait().unwrap().mailbox;
    set(&alice, Target::Mailbox(gone), &[("/private/a", Some("1"))]).unwrap();
    alice.delete(&name("gone")).wait().unwrap();
    let refused = set(&alice, Target::Mailbox(gone), &[("/private/a", Some("2"))]);
    assert_eq!(refused.unwrap_err().kind, ErrorKind::NotFound);
    let asked = alice.snapshot().unwrap().annotations(Target::Mailbox(gone), &entry("/private"), Depth::One);
    assert_eq!(asked.unwrap_err().kind, ErrorKind::NotFound);
    rig.housekeep();
}

/// Every row of the table is unreadable, so whoever looked at one would fail: opening an account, its
/// mailboxes and messages, and everything that changes them, do not.
#[test]
fn who_does_not_ask_for_annotations_does_not_read_them() {
    let kv: Arc<dyn Kv> = Arc::new(MemoryKv::new(Arc::new(Deaf)));
    let rig = Rig::on(Arc::clone(&kv), Options::default());
    let alice = rig.account("alice");
    let texts: Vec<String> = (0..1000).map(|n| format!("/private/{n}")).collect();
    for target in [Target::Server, Target::Mailbox(INBOX)] {
        let entries: Vec<(&str, Option<&str>)> =
            texts.iter().map(|text| (text.as_str(), Some("x"))).collect();
        set(&alice, target, &entries).unwrap();
    }
    let rows = rows_of(&*kv, &alice);
    assert_eq!(rows.len(), 2001);
    put_all(&*kv, rows.iter().map(|(key, _)| (key.clone(), vec![99])).collect());
    let alice = rig.again(&alice);
    let snapshot = alice.snapshot().unwrap();
    assert_eq!(snapshot.mailboxes().unwrap().len(), 6);
    drop(snapshot);
    rig.deliver(&[&alice], &message(1));
    alice.set_flags(INBOX, &uids(&[1]), change(FlagOp::Add, &["\\Deleted"]), None).wait().unwrap();
    assert_eq!(list(&alice.snapshot().unwrap(), INBOX), ["1 \\Deleted"]);
    alice.expunge(INBOX, None).wait().unwrap();
    alice.create(&name("a"), None).wait().unwrap();
    alice.rename(&name("a"), &name("b")).wait().unwrap();
    alice.delete(&name("b")).wait().unwrap();
    rig.housekeep();
    let asked = alice.snapshot().unwrap().annotations(Target::Server, &entry("/private"), Depth::One);
    assert_eq!(asked.unwrap_err().kind, ErrorKind::Corrupt);
    put_all(&*kv, rows);
    // And the root of COI, which is no row.
    assert_eq!(all(&alice, Target::Server).len(), 1001);
}

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

fn rows_of(kv: &dyn Kv, account: &Account) -> Rows {
    let mut rows = Rows::new();
    let range = key::all(account.id(), table::ANNOTATION);
    let view = kv.view().unwrap();
    view.scan(&range.from, &range.end, &mut |key, row| {
        rows.push((key.to_vec(), row.to_vec()));
        ControlFlow::Continue(())
    })
    .unwrap();
    rows
}

fn put_all(kv: &dyn Kv, rows: Rows) {
    let run = move |txn: &mut dyn Txn| rows.iter().try_for_each(|(key, row)| txn.put(key, row));
    kv.submit_and_wait(Box::new(run)).unwrap();
}
