//! The index is copied while commits go on: nothing waits for the copy, and nothing is missing from it.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use koi_store::engine::{Embedded, Options};
use koi_store::kv::Kv as _;
use parking_lot::Mutex;

use crate::crash_points::fast_folder;
use crate::rig::{Dice, all_rows, key, open, small};

/// Rows that make the index some MiB large, of which few stay.
const ROWS: u32 = 30_000;
const ROW_OCTETS: usize = 200;

/// Where the copy stops until the test lets it go on.
struct Stop {
    reached: Receiver<()>,
    go_on: Sender<()>,
}

fn stopping(options: Options) -> (Options, Stop) {
    let (reach, reached) = channel();
    let (go_on, wait) = channel();
    let ends = Mutex::new((reach, wait));
    let hook = move || {
        let ends = ends.lock();
        ends.0.send(()).unwrap();
        ends.1.recv().unwrap();
    };
    (Options { while_copying: Some(Arc::new(hook)), ..options }, Stop { reached, go_on })
}

fn put(kv: &Embedded, from: u32, count: u32) {
    let write = Box::new(move |txn: &mut dyn koi_store::kv::Txn| {
        (from..from + count).try_for_each(|n| txn.put(&key(1, &format!("{n:08}")), &[7; ROW_OCTETS]))
    });
    kv.submit_and_wait(write).unwrap();
}

/// An index most of which is free.
fn bloated(folder: &Path, options: Options) -> Embedded {
    let kv = open(folder, options);
    (0..ROWS).step_by(500).for_each(|from| put(&kv, from, 500));
    kv.apply_now().unwrap();
    for from in (0..ROWS).step_by(500) {
        let delete = Box::new(move |txn: &mut dyn koi_store::kv::Txn| {
            let all = (from..from + 500).filter(|n| n % 50 != 0);
            all.into_iter().try_for_each(|n| txn.delete(&key(1, &format!("{n:08}"))))
        });
        kv.submit_and_wait(delete).unwrap();
    }
    kv.apply_now().unwrap();
    kv
}

#[test]
fn commits_and_rounds_go_on_while_the_index_is_copied() {
    let root = fast_folder();
    // Were the applier held by the copy, the second round of commits would wait for it for ever.
    let bounds = Options { apply_rows: 50, overlay_rows_max: 100, apply_part_rows: 512, ..small() };
    let (options, stop) = stopping(bounds.clone());
    let kv = bloated(root.path(), options);
    let before = kv.index_usage().unwrap().file_octets;
    std::thread::scope(|scope| {
        let copy = scope.spawn(|| kv.compact_now());
        stop.reached.recv().unwrap();
        (0..20).for_each(|n| put(&kv, 1_000_000 + n * 60, 60));
        let delete = Box::new(|txn: &mut dyn koi_store::kv::Txn| txn.delete(&key(1, "00000050")));
        kv.submit_and_wait(delete).unwrap();
        kv.apply_now().unwrap();
        put(&kv, 2_000_000, 1);
        stop.go_on.send(()).unwrap();
        copy.join().unwrap().unwrap();
    });
    assert_eq!(kv.counters().compacted_indexes, 1);
    let after = kv.index_usage().unwrap().file_octets;
    assert!(after * 4 < before, "{before} octets, then {after}");
    let expected = all_rows(&kv);
    assert_eq!(expected.len() as u32, ROWS / 50 + 20 * 60 - 1 + 1);
    kv.apply_now().unwrap();
    assert_eq!(all_rows(&kv), expected);
    kv.close().unwrap();
    assert_eq!(all_rows(&open(root.path(), bounds)), expected);
}

#[test]
fn a_copy_that_cannot_follow_is_given_up_and_made_later() {
    let root = fast_folder();
    let bounds = Options { overlay_octets_max: 256 * 1024, apply_part_rows: 512, ..small() };
    let (options, stop) = stopping(bounds);
    let kv = bloated(root.path(), options);
    std::thread::scope(|scope| {
        let copy = scope.spawn(|| kv.compact_now());
        stop.reached.recv().unwrap();
        (0..10).for_each(|n| put(&kv, 1_000_000 + n * 500, 500));
        kv.apply_now().unwrap();
        stop.go_on.send(()).unwrap();
        assert!(copy.join().unwrap().is_err());
    });
    let expected = all_rows(&kv);
    assert_eq!(expected.len() as u32, ROWS / 50 + 10 * 500);
    assert_eq!(kv.counters().compacted_indexes, 0);
    assert!(!root.path().join("index/copy").exists());
    stop.go_on.send(()).unwrap();
    kv.compact_now().unwrap();
    assert_eq!(kv.counters().compacted_indexes, 1);
    assert_eq!(all_rows(&kv), expected);
}

#[test]
fn an_index_that_fills_its_map_gets_a_larger_one_before_it_is_full() {
    let root = fast_folder();
    let kv = open(root.path(), Options { map_octets: 8 * 1024 * 1024, apply_part_rows: 512, ..small() });
    (0..ROWS).step_by(500).for_each(|from| put(&kv, from, 500));
    kv.apply_now().unwrap();
    kv.compact_now().unwrap();
    assert_eq!(kv.counters().compacted_indexes, 1);
    kv.compact_now().unwrap();
    assert_eq!(kv.counters().compacted_indexes, 1, "one is enough");
    assert_eq!(all_rows(&kv).len() as u32, ROWS);
}

/// Nothing is dead, so that the compactor has no other reason to look.
#[test]
fn an_index_that_grew_by_rows_at_random_places_is_copied() {
    let root = fast_folder();
    let kv = open(root.path(), Options { apply_part_rows: ROWS as usize, ..small() });
    let mut dice = Dice::new(71);
    // One round changes nearly all pages: those before it are free then.
    let mut scatter = |rows: u32| {
        let names: Vec<String> = (0..rows).map(|_| format!("{:08}", dice.below(100_000_000))).collect();
        let write = Box::new(move |txn: &mut dyn koi_store::kv::Txn| {
            names.iter().try_for_each(|name| txn.put(&key(1, name), &[7; ROW_OCTETS]))
        });
        kv.submit_and_wait(write).unwrap();
        kv.apply_now().unwrap();
    };
    (0..10).for_each(|_| scatter(ROWS / 10));
    let grown = kv.index_usage().unwrap().file_octets;
    kv.shrink_index_now().unwrap();
    assert_eq!(kv.counters().compacted_indexes, 1, "{grown}");
    let copied = kv.index_usage().unwrap().file_octets;
    assert!(copied < grown / 10 * 6, "{grown} octets, then {copied}");
    scatter(20);
    kv.shrink_index_now().unwrap();
    assert_eq!(kv.counters().compacted_indexes, 1, "not for some rows");
    let expected = all_rows(&kv);
    (0..10).for_each(|_| scatter(ROWS / 10));
    kv.shrink_index_now().unwrap();
    assert_eq!(kv.counters().compacted_indexes, 2);
    assert!(all_rows(&kv).len() > expected.len());
}

/// A copy that fails for want of room has all there is until then, and deletions beside it none.
#[test]
fn the_index_is_not_copied_where_there_is_no_room_for_it() {
    let root = fast_folder();
    let vfs = crate::sim::SimVfs::default();
    let disk: Arc<dyn koi_store::vfs::Vfs> = Arc::new(vfs.clone());
    let kv = bloated(root.path(), Options { vfs: disk, ..small() });
    let before = kv.index_usage().unwrap().file_octets;
    vfs.set_room(Some(0));
    let _ = kv.compact_now();
    assert_eq!((kv.counters().compacted_indexes, kv.index_usage().unwrap().file_octets), (0, before));
    vfs.set_room(None);
    kv.compact_now().unwrap();
    assert_eq!(kv.counters().compacted_indexes, 1);
    assert!(kv.index_usage().unwrap().file_octets < before / 2);
}
