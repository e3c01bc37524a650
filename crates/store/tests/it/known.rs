//! Transactions are told from memory that a key is new, never one that is there, whenever its row came.

use std::ops::ControlFlow;
use std::sync::Arc;

use koi_store::body::{NewBody, Scope};
use koi_store::engine::Embedded;
use koi_store::kv::{Txn, transact_and_wait};
use koi_types::Result;

use crate::crash_points::fast_folder;
use crate::rig::{key, open, small};

fn row(number: u32) -> Vec<u8> {
    key(1 + (number % 3) as u8, &format!("{number:05}"))
}

fn body(number: u32) -> NewBody {
    NewBody::inline(Arc::from(format!("body {number}").as_bytes()))
}

fn put(kv: &Embedded, number: u32) {
    transact_and_wait(kv, move |txn| {
        txn.put_body(Scope(1), &body(number))?;
        txn.put(&row(number), b"here")
    })
    .unwrap();
}

fn find(txn: &mut dyn Txn, number: u32) -> Result<bool> {
    let key = row(number);
    let found = txn.get(&key)?.is_some();
    let end = [key.as_slice(), &[0]].concat();
    let mut scanned = false;
    txn.scan(&key, &end, &mut |_, _| {
        scanned = true;
        ControlFlow::Continue(())
    })?;
    assert_eq!(scanned, found, "{number}");
    Ok(found)
}

/// Rows `0..there` are found in a transaction, and their bodies stored once; no other.
fn all_are_there(kv: &Embedded, there: u32) {
    transact_and_wait(kv, move |txn| {
        for number in 0..there + 300 {
            assert_eq!(find(txn, number)?, number < there, "{number}");
        }
        for number in 0..there {
            txn.share_body(Scope(1), &body(number).blob())?;
            txn.release_body(Scope(1), &body(number).blob())?;
        }
        Ok(())
    })
    .unwrap();
}

#[test]
fn what_is_there_is_found_whenever_it_came() {
    let root = fast_folder();
    let kv = open(root.path(), small());
    (0..150).for_each(|number| put(&kv, number));
    kv.apply_now().unwrap();
    kv.close().unwrap();
    // Rows in the index, in the overlay, and those that come while the others are gathered.
    let kv = open(root.path(), small());
    let mut there = 150;
    while kv.counters().vain_lookups_spared == 0 {
        put(&kv, there);
        there += 1;
    }
    all_are_there(&kv, there);
    (there..there + 50).for_each(|number| put(&kv, number));
    all_are_there(&kv, there + 50);
    // What did not happen may seem to be there; what happens afterwards is.
    let failed = transact_and_wait(&kv, move |txn| {
        txn.put(&row(there + 50), b"not here")?;
        assert!(find(txn, there + 50)?);
        Err::<(), _>(koi_types::MailError::new(koi_types::ErrorKind::Conflict, "no"))
    });
    assert!(failed.is_err());
    all_are_there(&kv, there + 50);
    transact_and_wait(&kv, move |txn| txn.delete(&row(7))).unwrap();
    transact_and_wait(&kv, move |txn| {
        assert!(!find(txn, 7)?);
        txn.put(&row(7), b"again")
    })
    .unwrap();
    all_are_there(&kv, there + 50);
    kv.close().unwrap();
}
