//! An applier that cannot keep up, or fails: memory stays bounded, nothing hangs, readers go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use koi_store::engine::{Embedded, Health, Options};
use koi_store::kv::Kv;
use koi_types::ErrorKind;
use parking_lot::{Condvar, Mutex};

use crate::crash_points::fast_folder;
use crate::rig::{account_rows, heard, key, small};

const ROWS_MAX: usize = 400;

fn put(kv: &Embedded, n: u32) -> koi_types::Result<()> {
    kv.submit_and_wait(Box::new(move |txn| {
        (0..4u8).try_for_each(|row| txn.put(&key(1, &format!("{n:06}{row}")), &[row; 50]))
    }))
}

/// Lets the applier do a round only when a commit is held up by it: an applier slower than any writer.
#[derive(Default)]
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    held: bool,
    /// Nobody writes any more.
    over: bool,
}

impl Gate {
    fn wait(&self) -> bool {
        let mut state = self.state.lock();
        self.changed.wait_while(&mut state, |state| !state.held && !state.over);
        state.held = false;
        true
    }
    fn change(&self, change: impl FnOnce(&mut GateState)) {
        change(&mut self.state.lock());
        self.changed.notify_all();
    }
}

#[test]
fn a_slow_applier_holds_commits_and_bounds_memory() {
    let root = fast_folder();
    let gate = Arc::new(Gate::default());
    let (wait, held) = (Arc::clone(&gate), Arc::clone(&gate));
    let options = Options {
        overlay_rows_max: ROWS_MAX,
        apply_rows: 100,
        before_apply: Some(Arc::new(move || wait.wait())),
        when_held: Some(Arc::new(move || held.change(|state| state.held = true))),
        segment_octets: 4 << 20,
        ..small()
    };
    let kv = Embedded::open(root.path(), options, heard()).unwrap();
    let producers = 8;
    std::thread::scope(|scope| {
        for producer in 0..producers {
            let kv = &kv;
            scope.spawn(move || (0..150).for_each(|n| put(kv, producer * 1000 + n).unwrap()));
        }
        for _ in 0..50 {
            let view = kv.view().unwrap();
            assert_eq!(account_rows(view.as_ref(), 1).len() % 4, 0, "whole transactions");
            // Twice the bound (current and frozen), and one group beyond.
            let rows = kv.counters().overlay_rows as usize;
            assert!(rows <= 2 * ROWS_MAX + 4 * producers as usize, "{rows} rows in memory");
        }
    });
    gate.change(|state| state.over = true);
    let counters = kv.counters();
    assert!(counters.held_commits > 0, "{counters:?}");
    assert_eq!(account_rows(kv.view().unwrap().as_ref(), 1).len(), 8 * 150 * 4);
    kv.close().unwrap();
}

#[test]
fn an_applier_that_fails_refuses_commits_at_the_bound_but_not_deletions_and_recovers() {
    let root = fast_folder();
    let works = Arc::new(AtomicBool::new(false));
    let gate = Arc::clone(&works);
    let options = Options {
        overlay_rows_max: ROWS_MAX,
        apply_rows: 100,
        before_apply: Some(Arc::new(move || gate.load(Ordering::Acquire))),
        ..small()
    };
    let kv = Embedded::open(root.path(), options, heard()).unwrap();
    let refused = (0..2000).find_map(|n| put(&kv, n).err().map(|error| (n, error)));
    let (count, error) = refused.expect("commits are refused at the bound");
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(matches!(kv.health(), Health::Struggling(_)));
    let before = account_rows(kv.view().unwrap().as_ref(), 1).len();
    assert_eq!(before, count as usize * 4, "readers see everything that was acknowledged");
    kv.submit_and_wait(Box::new(|txn| {
        txn.frees_space();
        txn.delete(&key(1, "0000000"))
    }))
    .unwrap();
    assert_eq!(account_rows(kv.view().unwrap().as_ref(), 1).len(), before - 1);
    works.store(true, Ordering::Release);
    kv.apply_now().unwrap();
    put(&kv, 5000).unwrap();
    assert_eq!(kv.health(), Health::Good);
    kv.close().unwrap();
}

#[test]
fn a_transaction_that_panics_harms_nobody_else() {
    let root = fast_folder();
    let kv = Embedded::open(root.path(), small(), heard()).unwrap();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = kv.submit_and_wait(Box::new(|txn| {
        txn.put(&key(1, "never"), b"there")?;
        panic!("as the test wants it")
    }));
    std::panic::set_hook(hook);
    assert_eq!(outcome.unwrap_err().kind, ErrorKind::Internal);
    put(&kv, 1).unwrap();
    assert_eq!(account_rows(kv.view().unwrap().as_ref(), 1).len(), 4);
}

#[test]
fn a_transaction_that_is_too_large_is_refused_as_such() {
    let root = fast_folder();
    let options = Options { transaction_octets_max: 100_000, ..small() };
    let kv = Embedded::open(root.path(), options, heard()).unwrap();
    let outcome = kv.submit_and_wait(Box::new(|txn| {
        (0..2000u32).try_for_each(|n| txn.put(&key(1, &n.to_string()), &[0; 100]))
    }));
    assert_eq!(outcome.unwrap_err().kind, ErrorKind::TooLarge);
    put(&kv, 1).unwrap();
}
