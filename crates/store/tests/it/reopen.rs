//! Closing, dying and opening again.

use koi_store::body::{NewBody, Scope};
use koi_store::engine::{Durability, Embedded, Health, OpenError, Options};
use koi_store::kv::{Kv, transact_and_wait};

use crate::rig::{all_rows, heard, key, open, small};

fn fill(kv: &Embedded, from: u32, to: u32) {
    for n in from..to {
        let body = NewBody::inline(format!("body {n} {}", "x".repeat(3000)).into_bytes().into());
        transact_and_wait(kv, move |txn| {
            let body = txn.put_body(Scope(1), &body)?;
            txn.put(&key(1, &format!("{n:08}")), &body.offset.to_le_bytes())?;
            txn.put(&key(2, "last"), &n.to_le_bytes())
        })
        .unwrap();
    }
}

#[test]
fn what_was_committed_is_there_after_close_and_after_leaving_without() {
    for options in [small(), Options { durability: Durability::Append, ..small() }] {
        let folder = tempfile::tempdir().unwrap();
        let kv = open(folder.path(), options.clone());
        fill(&kv, 0, 300);
        let before = all_rows(&kv);
        assert_eq!(kv.counters().groups, 300);
        assert!(kv.counters().overlay_rows > 0);
        kv.close().unwrap();
        let kv = open(folder.path(), options.clone());
        assert_eq!(kv.report().replayed_groups, 0, "a closed store has nothing to replay");
        assert_eq!(all_rows(&kv), before);
        fill(&kv, 300, 400);
        kv.apply_now().unwrap();
        fill(&kv, 400, 500);
        let before = all_rows(&kv);
        let copy = copy_of(folder.path());
        drop(kv);
        let kv = open(copy.path(), options);
        assert_eq!(kv.report().replayed_groups, 100);
        assert_eq!(all_rows(&kv), before);
        assert_eq!(kv.health(), Health::Good);
        fill(&kv, 500, 510);
    }
}

/// What a process that dies at this moment leaves behind.
fn copy_of(folder: &std::path::Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let status = std::process::Command::new("cp").arg("-a").arg(folder.join(".")).arg(copy.path()).status();
    assert!(status.unwrap().success());
    copy
}

#[test]
fn the_folder_belongs_to_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let kv = open(folder.path(), small());
    let Err(OpenError::Locked { holder, .. }) = Embedded::open(folder.path(), small(), heard()) else {
        panic!("opened twice")
    };
    assert_eq!(holder, Some(std::process::id()));
    kv.close().unwrap();
    open(folder.path(), small()).close().unwrap();
}

#[test]
fn a_lone_commit_costs_one_flush() {
    let folder = tempfile::tempdir().unwrap();
    let kv = open(folder.path(), Options { segment_octets: 1 << 20, ..small() });
    fill(&kv, 0, 1);
    let before = kv.counters();
    let view = kv.view().unwrap();
    fill(&kv, 1, 11);
    let after = kv.counters();
    assert_eq!(after.groups - before.groups, 10);
    assert_eq!(after.flushes - before.flushes, 10, "exactly one flush for each, also while a view is open");
    assert_eq!(all_rows(&kv).len(), 23);
    drop(view);
}
