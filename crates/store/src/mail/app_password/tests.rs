//! App passwords are made, found, used and removed; the secret stays what it was.

use koi_types::Access;

use super::*;
use crate::kv::{Kv, transact_and_wait};
use crate::mail::directory;
use crate::mail::fixture::{self, ALICE};
use crate::memory::MemoryKv;

const NOW: Timestamp = Timestamp(1000);

fn engine() -> MemoryKv {
    fixture::engine(&["alice", "bob"], NOW)
}

fn new(name: &str) -> NewAppPassword {
    let access = AccessSet::NONE.with(Access::Imap);
    NewAppPassword { name: name.into(), access, hash: [name.len() as u8; 32] }
}

fn names(kv: &MemoryKv, account: AccountId) -> Vec<String> {
    of(&*kv.view().unwrap(), account).unwrap().iter().map(|p| p.record.name.to_string()).collect()
}

#[test]
fn made_used_and_removed() {
    let kv = engine();
    let add_one =
        |account, name: &'static str| transact_and_wait(&kv, move |txn| add(txn, account, &new(name), NOW));
    add_one(ALICE, " phone ").unwrap();
    add_one(ALICE, "desk").unwrap();
    assert_eq!(names(&kv, ALICE), ["phone", "desk"]);
    assert_eq!(names(&kv, AccountId(2)), [""; 0], "of one account only");
    assert_eq!(add_one(ALICE, "phone").unwrap_err().kind, ErrorKind::AlreadyExists);
    assert_eq!(add_one(AccountId(9), "phone").unwrap_err().kind, ErrorKind::NotFound);
    for bad in ["", "  ", "a\nb"] {
        assert_eq!(add_one(ALICE, bad).unwrap_err().kind, ErrorKind::InvalidInput, "{bad:?}");
    }
    let use_at = |number, hash: [u8; 32], at| {
        transact_and_wait(&kv, move |txn| used(txn, ALICE, number, &hash, Timestamp(at))).unwrap();
    };
    use_at(2, [4; 32], 3000);
    use_at(2, [4; 32], 2000);
    use_at(2, [9; 32], 4000);
    use_at(7, [9; 32], 4000);
    let all = of(&*kv.view().unwrap(), ALICE).unwrap();
    assert_eq!(all.iter().map(|p| p.record.used_at).collect::<Vec<_>>(), [None, Some(Timestamp(3000))]);
    let removed = transact_and_wait(&kv, |txn| remove(txn, ALICE, "phone")).unwrap();
    assert_eq!(removed.number, 1);
    let again = transact_and_wait(&kv, |txn| remove(txn, ALICE, "phone")).unwrap_err();
    assert_eq!(again.kind, ErrorKind::NotFound);
    assert_eq!(names(&kv, ALICE), ["desk"]);
    transact_and_wait(&kv, |txn| directory::remove_account(txn, ALICE)).unwrap();
    assert_eq!(names(&kv, ALICE), [""; 0], "they go with the account");
}

#[test]
fn one_that_cannot_be_read_keeps_no_other_away() {
    let kv = engine();
    for name in ["phone", "desk"] {
        transact_and_wait(&kv, move |txn| add(txn, ALICE, &new(name), NOW)).unwrap();
    }
    transact_and_wait(&kv, |txn| txn.put(&key::app_password(ALICE, 2), b"?")).unwrap();
    assert_eq!(names(&kv, ALICE), ["phone"]);
    // Its number is not given to another.
    transact_and_wait(&kv, |txn| add(txn, ALICE, &new("desk"), NOW)).unwrap();
    let all = of(&*kv.view().unwrap(), ALICE).unwrap();
    assert_eq!(all.iter().map(|p| p.number).collect::<Vec<_>>(), [1, 3]);
    transact_and_wait(&kv, |txn| directory::remove_account(txn, ALICE)).unwrap();
    let left = key::app_password(ALICE, 2);
    assert!(kv.view().unwrap().get(&left).unwrap().is_none(), "it goes with the account");
}

#[test]
fn bounded() {
    let kv = engine();
    let fill = |count: usize| {
        transact_and_wait(&kv, move |txn| {
            (0..count).try_for_each(|n| add(txn, ALICE, &new(&format!("n{n}")), NOW))
        })
    };
    assert_eq!(fill(limits::APP_PASSWORDS_MAX + 1).unwrap_err().kind, ErrorKind::LimitReached);
    assert_eq!(names(&kv, ALICE).len(), 0, "an error leaves no trace");
    fill(limits::APP_PASSWORDS_MAX).unwrap();
    assert_eq!(names(&kv, ALICE).len(), limits::APP_PASSWORDS_MAX);
}

#[test]
fn the_secret_is_made_once() {
    let kv = engine();
    assert_eq!(stored_secret(&*kv.view().unwrap()).unwrap(), None);
    assert_eq!(transact_and_wait(&kv, |txn| secret(txn, &[1; 32])).unwrap(), [1; 32]);
    assert_eq!(transact_and_wait(&kv, |txn| secret(txn, &[2; 32])).unwrap(), [1; 32]);
    assert_eq!(stored_secret(&*kv.view().unwrap()).unwrap(), Some([1; 32]));
}
