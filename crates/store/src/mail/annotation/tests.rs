//! Annotations against a model: whatever is set, removed, renamed and deleted, what is read is what the model
//! says, the sums are right, and a refusal leaves no trace.

use std::collections::BTreeMap;

use koi_types::{MailboxName, Timestamp};

use super::*;
use crate::kv::{Kv, transact_and_wait};
use crate::mail::check::check;
use crate::mail::fixture::{self, ALICE};
use crate::mail::{INBOX, Quota, reclaim as reclaiming};
use crate::memory::MemoryKv;

const NOW: Timestamp = Timestamp(1_767_225_600_000);

fn engine() -> MemoryKv {
    fixture::engine(&["alice"], NOW)
}

fn change(kv: &MemoryKv, run: impl Fn(&mut AccountTxn<'_>) -> Result<()> + Send + 'static) -> Result<()> {
    transact_and_wait(kv, move |txn| {
        let mut account = AccountTxn::open(txn, ALICE, Quota::UNLIMITED, NOW)?;
        run(&mut account)?;
        account.finish().map(drop)
    })
}

fn entry(name: &str) -> EntryName {
    EntryName::new(name).unwrap()
}

fn mailbox(name: &str) -> MailboxName {
    MailboxName::new(name).unwrap()
}

fn read(kv: &MemoryKv, target: Target, name: &str, depth: Depth) -> Vec<String> {
    let mut found = Vec::new();
    each(&*kv.view().unwrap(), ALICE, target, &entry(name), depth, &mut |name, record| {
        found.push(format!("{name}={}", record.value.escape_ascii()));
        ControlFlow::Continue(())
    })
    .unwrap();
    found
}

fn modseq(kv: &MemoryKv) -> u64 {
    totals(&*kv.view().unwrap(), ALICE).unwrap().modseq
}

// spec: RFC 5464 §3.2; RFC 5464 §4.2.2
#[test]
fn names_are_found_in_any_case_and_to_a_depth() {
    let kv = engine();
    let names = ["/private/a", "/private/A/b", "/private/a/b/c", "/private/a-b", "/private/ab"];
    change(&kv, move |account| {
        names.iter().try_for_each(|name| account.set_annotation(Target::Server, &entry(name), Some(b"1")))
    })
    .unwrap();
    let found = |name, depth| read(&kv, Target::Server, name, depth);
    assert_eq!(found("/Private/A", Depth::Zero), ["/private/a=1"]);
    assert_eq!(found("/private/a", Depth::One), ["/private/a=1", "/private/A/b=1"]);
    assert_eq!(found("/private/a", Depth::Infinity), ["/private/a=1", "/private/A/b=1", "/private/a/b/c=1"]);
    assert_eq!(found("/private", Depth::One).len(), 3);
    assert!(found("/shared", Depth::Infinity).is_empty());
    assert!(read(&kv, Target::Mailbox(INBOX), "/private", Depth::Infinity).is_empty());
    change(&kv, |account| account.set_annotation(Target::Server, &entry("/private/AB"), Some(b"2"))).unwrap();
    assert_eq!(found("/private/ab", Depth::Zero), ["/private/AB=2"]);
    assert_eq!(
        value(&*kv.view().unwrap(), ALICE, Target::Server, &entry("/private/ab")).unwrap().unwrap(),
        b"2"
    );
}

// spec: RFC 5464 §4.3
#[test]
fn a_refusal_leaves_no_trace() {
    let kv = engine();
    let inbox = Target::Mailbox(INBOX);
    let before = modseq(&kv);
    let too_large = change(&kv, move |account| {
        account.set_annotation(inbox, &entry("/private/a"), Some(b"1"))?;
        account.set_annotation(
            inbox,
            &entry("/private/b"),
            Some(&[0; limits::ANNOTATION_VALUE_OCTETS_MAX + 1]),
        )
    });
    assert_eq!(too_large.unwrap_err().kind, ErrorKind::TooLarge);
    assert!(read(&kv, inbox, "/private", Depth::Infinity).is_empty());
    assert_eq!(modseq(&kv), before);
    let missing = change(&kv, |account| {
        account.set_annotation(Target::Mailbox(MailboxId(99)), &entry("/private/a"), Some(b"1"))
    });
    assert_eq!(missing.unwrap_err().kind, ErrorKind::NotFound);
}

// spec: RFC 5464 §4.1
#[test]
fn limits_hold_for_one_mailbox_and_for_all_together() {
    let kv = engine();
    let inbox = Target::Mailbox(INBOX);
    change(&kv, move |account| {
        let numbers = 0..limits::ANNOTATIONS_PER_TARGET_MAX;
        numbers
            .into_iter()
            .try_for_each(|n| account.set_annotation(inbox, &entry(&format!("/private/{n}")), Some(b"")))
    })
    .unwrap();
    let one_more =
        change(&kv, move |account| account.set_annotation(inbox, &entry("/private/x"), Some(b"1")));
    assert_eq!(one_more.unwrap_err().kind, ErrorKind::LimitReached);
    change(&kv, move |account| {
        account.set_annotation(inbox, &entry("/private/0"), None)?;
        account.set_annotation(inbox, &entry("/private/x"), Some(b"1"))?;
        account.set_annotation(Target::Server, &entry("/private/x"), Some(b"1"))
    })
    .unwrap();
    let full = change(&kv, move |account| {
        let value = vec![b'v'; limits::ANNOTATION_VALUE_OCTETS_MAX];
        (0..=limits::ANNOTATIONS_OCTETS_MAX / value.len() as u64).try_for_each(|n| {
            account.set_annotation(Target::Server, &entry(&format!("/private/{n}")), Some(&value))
        })
    });
    assert_eq!(full.unwrap_err().kind, ErrorKind::OverQuota);
    assert_eq!(check(&*kv.view().unwrap()).unwrap(), []);
}

/// Setting what is there already is no change; what changed is told by its modseq.
#[test]
fn only_what_changes_is_a_change() {
    let kv = engine();
    let set = |value: &'static [u8]| {
        change(&kv, move |account| {
            account.set_annotation(Target::Server, &entry("/private/a"), Some(value))?;
            account.set_annotation(Target::Server, &entry("/private/none"), None)
        })
        .unwrap();
        modseq(&kv)
    };
    let first = set(b"1");
    assert_eq!(set(b"1"), first);
    let second = set(b"2");
    assert_eq!(second, first + 1);
    let mut after = Vec::new();
    set_after(&*kv.view().unwrap(), ALICE, first, &mut |target, name| after.push((target, name))).unwrap();
    assert_eq!(after, [(Target::Server, entry("/private/a"))]);
    set_after(&*kv.view().unwrap(), ALICE, second, &mut |_, name| panic!("{name}")).unwrap();
}

/// A small generator, so that a failure is repeated by its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
    fn one_of<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

const MAILBOXES: [&str; 6] = ["INBOX", "a", "a/b", "c", "c/d", "e"];
const NAMES: [&str; 6] =
    ["/private/a", "/PRIVATE/a/b", "/private/a/b/c", "/private/ab", "/shared/a", "/shared/vendor/x/y"];

/// By mailbox name, or nothing for the server; then by the name of the entry in lower case.
type Model = BTreeMap<String, BTreeMap<String, String>>;

// spec: RFC 5464 §4.1
#[test]
fn whatever_happens_the_model_agrees() {
    let seeds = if std::env::var_os("KOI_QUICK").is_some() { 5 } else { 60 };
    for seed in 0..seeds {
        let kv = engine();
        let mut random = Random(seed);
        let mut model = Model::new();
        model.insert(String::new(), BTreeMap::new());
        for name in ["INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive"] {
            model.insert(name.to_owned(), BTreeMap::new());
        }
        for step in 0..60 {
            one_step(&kv, &mut random, &mut model, step);
            agrees(&kv, &model, &format!("seed {seed} step {step}"));
        }
    }
}

fn one_step(kv: &MemoryKv, random: &mut Random, model: &mut Model, step: usize) {
    let (from, to) = (random.one_of(&MAILBOXES), random.one_of(&MAILBOXES));
    match random.below(8) {
        0 => {
            let name = mailbox(from);
            let made = change(kv, move |account| account.create(&name, None).map(drop)).is_ok();
            assert_eq!(made, !model.contains_key(from));
            if made {
                add_with_superiors(model, from);
            }
        }
        1 => {
            let name = mailbox(from);
            let gone = change(kv, move |account| account.delete(&name).map(drop)).is_ok();
            assert_eq!(gone, from != "INBOX" && model.remove(from).is_some());
        }
        2 => rename(kv, model, from, to),
        3 => housekeep(kv, random.below(3) + 1),
        _ => set(kv, random, model, step),
    }
}

fn add_with_superiors(model: &mut Model, name: &str) {
    let mut name = mailbox(name);
    model.entry(name.to_string()).or_default();
    while let Some(parent) = name.parent() {
        model.entry(parent.to_string()).or_default();
        name = parent;
    }
}

fn rename(kv: &MemoryKv, model: &mut Model, from: &str, to: &str) {
    let (old, new) = (mailbox(from), mailbox(to));
    if change(kv, move |account| account.rename(&old, &new).map(drop)).is_err() {
        return;
    }
    if from == "INBOX" {
        let own = model["INBOX"].clone();
        add_with_superiors(model, to);
        model.insert(to.to_owned(), own);
        return;
    }
    let below = format!("{from}/");
    let moved: Vec<String> = model.keys().filter(|n| *n == from || n.starts_with(&below)).cloned().collect();
    let taken: Vec<_> = moved.iter().map(|name| (name.clone(), model.remove(name).unwrap())).collect();
    add_with_superiors(model, to);
    for (name, entries) in taken {
        model.insert(format!("{to}{}", &name[from.len()..]), entries);
    }
}

fn housekeep(kv: &MemoryKv, rows: usize) {
    transact_and_wait(kv, move |txn| {
        for mailbox in reclaiming::deleted_mailboxes(txn, ALICE, 3)? {
            reclaiming::reclaim_mailbox(txn, ALICE, mailbox, rows)?;
        }
        Ok(())
    })
    .unwrap();
}

/// Up to three entries at once, sometimes with one that is refused: then none of them.
fn set(kv: &MemoryKv, random: &mut Random, model: &mut Model, step: usize) {
    let of = if random.below(3) == 0 { "" } else { random.one_of(&MAILBOXES) };
    let count = random.below(3) + 1;
    let entries: Vec<(EntryName, Option<String>)> = (0..count)
        .map(|n| (entry(random.one_of(&NAMES)), (random.below(4) > 0).then(|| format!("{step}.{n}"))))
        .collect();
    let refused = random.below(6) == 0;
    let (sent, of_name) = (entries.clone(), of.to_owned());
    let done = change(kv, move |account| {
        let target = match of_name.as_str() {
            "" => Target::Server,
            name => Target::Mailbox(account.mailbox_named(&mailbox(name))?.unwrap_or(MailboxId(9999))),
        };
        for (name, value) in &sent {
            account.set_annotation(target, name, value.as_deref().map(str::as_bytes))?;
        }
        let large = vec![0; limits::ANNOTATION_VALUE_OCTETS_MAX + usize::from(refused)];
        account.set_annotation(
            target,
            &entry("/private/large"),
            Some(&large).filter(|_| refused).map(|l| &l[..]),
        )
    });
    assert_eq!(done.is_ok(), model.contains_key(of) && !refused);
    let Some(there) = model.get_mut(of).filter(|_| done.is_ok()) else { return };
    for (name, value) in entries {
        match value {
            Some(value) => drop(there.insert(name.key().into_owned(), value)),
            None => drop(there.remove(&*name.key())),
        }
    }
}

fn agrees(kv: &MemoryKv, model: &Model, what: &str) {
    let view = kv.view().unwrap();
    assert_eq!(check(&*view).unwrap(), [], "{what}");
    for (of, entries) in model {
        let target = match of.as_str() {
            "" => Target::Server,
            name => {
                let key = key::name(ALICE, key::table::NAME, &mailbox(name));
                let row = view.get(&key).unwrap().unwrap_or_else(|| panic!("{what}: {name} is missing"));
                Target::Mailbox(crate::record::small::decode_mailbox_id(&row).unwrap())
            }
        };
        let mut found = BTreeMap::new();
        for scope in ["/private", "/shared"] {
            each(&*view, ALICE, target, &entry(scope), Depth::Infinity, &mut |name, record| {
                found.insert(name.key().into_owned(), String::from_utf8(record.value.to_vec()).unwrap());
                ControlFlow::Continue(())
            })
            .unwrap();
        }
        assert_eq!(&found, entries, "{what}: {of:?}");
    }
}
