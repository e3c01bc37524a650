//! Space comes back, and nothing that lives goes with it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use koi_store::body::{BodyRef, NewBody, Scope};
use koi_store::engine::{CompactorOptions, Embedded, Options};
use koi_store::kv::{Kv, Txn, transact_and_wait};
use koi_types::BlobId;

use crate::crash_points::fast_folder;
use crate::rig::{Dice, heard, key, noise, open, rounds, small};
use crate::workload::{Author, Content, Model};

pub(crate) fn eager() -> Options {
    let compactor = CompactorOptions {
        dead_octets_min: 1,
        dead_percent: 1,
        octets_per_second: u64::MAX / 2_000_000,
        ..small().compactor
    };
    Options { compactor, ..small() }
}

/// What the files of a folder take on the disk.
fn folder_octets(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let mut octets = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        octets += if path.is_dir() { folder_octets(&path) } else { path.metadata().unwrap().blocks() * 512 };
    }
    octets
}

pub(crate) fn body(n: u32, octets: usize) -> NewBody {
    NewBody::inline(noise(n.into(), octets).into())
}

pub(crate) fn deliver_in(txn: &mut dyn Txn, n: u32, body: &NewBody) -> koi_types::Result<BodyRef> {
    let stored = txn.put_body(Scope(1), body)?;
    for row in 0..8 {
        txn.put(&key(1, &format!("{row}{n:08}")), &[row; 60])?;
    }
    txn.put(&key(1, &format!("b{n:08}")), &stored.blob.0)?;
    Ok(stored)
}

pub(crate) fn deliver(kv: &dyn Kv, n: u32, octets: usize) -> BodyRef {
    let body = body(n, octets);
    transact_and_wait(kv, move |txn| deliver_in(txn, n, &body)).unwrap()
}

/// Fifty in a transaction, so that a whole mailbox does not take a flush each.
fn deliver_many(kv: &dyn Kv, count: u32, octets: usize) {
    for first in (0..count).step_by(50) {
        let bodies: Vec<NewBody> = (first..count.min(first + 50)).map(|n| body(n, octets)).collect();
        transact_and_wait(kv, move |txn| {
            (first..).zip(&bodies).try_for_each(|(n, body)| deliver_in(txn, n, body).map(drop))
        })
        .unwrap();
    }
}

pub(crate) fn deliver_some(kv: &dyn Kv, numbers: std::ops::Range<u32>) {
    for n in numbers {
        deliver(kv, n, 3000);
    }
}

fn expunge(kv: &dyn Kv, numbers: Vec<u32>) {
    transact_and_wait(kv, move |txn| {
        for n in &numbers {
            let blob = txn.get(&key(1, &format!("b{n:08}")))?.expect("delivered").into_owned();
            txn.release_body(Scope(1), &BlobId(blob.try_into().unwrap()))?;
            txn.delete(&key(1, &format!("b{n:08}")))?;
            (0..8).try_for_each(|row| txn.delete(&key(1, &format!("{row}{n:08}"))))?;
        }
        Ok(())
    })
    .unwrap();
}

#[test]
fn deleting_nine_tenths_shrinks_the_folder_and_salvage_still_works() {
    let folder = tempfile::tempdir().unwrap();
    // The settings of a server, pacing included; only the moment is the test's.
    let compactor = CompactorOptions { enabled: false, ..CompactorOptions::default() };
    let options = Options { reserve_octets: 0, compactor, ..Options::default() };
    let kv = open(folder.path(), options.clone());
    let count = rounds(50_000, 5_000) as u32;
    deliver_many(&kv, count, 4096);
    let full = folder_octets(folder.path());
    let dead: Vec<u32> = (0..count).filter(|n| n % 10 != 3).collect();
    dead.chunks(500).for_each(|chunk| expunge(&kv, chunk.to_vec()));
    let start = std::time::Instant::now();
    kv.compact_now().unwrap();
    kv.compact_now().unwrap();
    // Before that the compactor waits at most four looks of five seconds each.
    let took = start.elapsed().as_secs();
    assert!(took <= 60 - 4 * 5, "{took} s");
    let live = u64::from(count / 10) * (4096 + 8 * 75);
    let left = folder_octets(folder.path());
    println!(
        "suite: store space: {full} octets, then {left}; {live} live, {:.2}x",
        left as f64 / live as f64
    );
    // The rows are there twice, in the packs and in the index. A small store has files that do not shrink.
    let fixed = if count < 50_000 { 1_000_000.0 } else { 0.0 };
    assert!(left as f64 <= live as f64 * 1.3 + fixed);
    let before = Content::of(&kv);
    assert_eq!(before.bodies.len() as u32, count / 10);
    kv.close().unwrap();
    std::fs::remove_dir_all(folder.path().join("index")).unwrap();
    let kv = open(folder.path(), options);
    assert_eq!(Content::of(&kv), before, "built again from packs and segments");
}

/// Words of a small vocabulary.
fn prose(n: u32, octets: usize) -> Vec<u8> {
    let mut dice = Dice::new(u64::from(n) + 77);
    let mut text = Vec::new();
    while text.len() < octets {
        text.extend_from_slice(format!("word{:x} ", dice.below(50).wrapping_mul(0x9e37_79b9)).as_bytes());
    }
    text.truncate(octets);
    text
}

#[test]
fn sealed_segments_get_smaller_and_read_the_same() {
    let root = fast_folder();
    // Zeros ahead of the live segment would count, as many as there happen to be.
    let options = Options { segment_octets: 256 * 1024, reserve_octets: 0, fill_ahead_octets: 0, ..eager() };
    let kv = open(root.path(), options.clone());
    let bodies: Vec<Vec<u8>> = (0..60).map(|n| prose(n, 1_900 + n as usize * 613)).collect();
    let stored: Vec<BodyRef> = bodies
        .iter()
        .map(|body| {
            let body = NewBody::inline(body.as_slice().into());
            transact_and_wait(&kv, move |txn| txn.put_body(Scope(1), &body)).unwrap()
        })
        .collect();
    let journal = root.path().join("journal");
    let before = folder_octets(&journal);
    kv.compact_now().unwrap();
    let after = folder_octets(&journal);
    assert!(after * 10 < before * 8, "{before} octets, then {after}");
    let check = |kv: &Embedded| {
        let view = kv.view().unwrap();
        for (body, stored) in bodies.iter().zip(&stored) {
            for range in [0..u64::MAX, 0..100, 800..860, 33_000..34_000, stored.octets - 1..stored.octets] {
                let mut octets = Vec::new();
                view.read_body(stored, range.clone(), &mut octets).unwrap();
                let part = range.start.min(stored.octets) as usize..range.end.min(stored.octets) as usize;
                assert_eq!(octets, body[part], "{range:?} of {}", stored.octets);
            }
        }
        assert_eq!(kv.check(false, None, &mut |_, _| {}).unwrap().findings, []);
    };
    check(&kv);
    // Half of them go: the others are moved as they are.
    let dead: Vec<BlobId> = stored.iter().step_by(2).map(|body| body.blob).collect();
    transact_and_wait(&kv, move |txn| {
        dead.iter().try_for_each(|blob| txn.release_body(Scope(1), blob).map(drop))
    })
    .unwrap();
    kv.compact_now().unwrap();
    let left = folder_octets(&journal);
    assert!(left * 10 < after * 9, "{after} octets, then {left}");
    let mut octets = Vec::new();
    kv.view().unwrap().read_body(&stored[31], 0..u64::MAX, &mut octets).unwrap();
    assert_eq!(octets, bodies[31]);
    assert_eq!(kv.check(false, None, &mut |_, _| {}).unwrap().findings, []);
}

/// Else the mail of a small server would never get smaller.
#[test]
fn a_live_segment_that_rests_is_packed_when_it_is_long_enough() {
    let root = fast_folder();
    let options = Options { segment_octets: 256 * 1024, reserve_octets: 0, fill_ahead_octets: 0, ..eager() };
    let kv = open(root.path(), options.clone());
    let put = |n: u32| {
        let body = NewBody::inline(prose(n, 15_000).as_slice().into());
        transact_and_wait(&kv, move |txn| txn.put_body(Scope(1), &body)).unwrap()
    };
    let pack = root.path().join("journal/00000001.pack");
    let first = put(0);
    kv.rest_now().unwrap();
    assert!(!pack.exists(), "15 KB are less than an eighth of a segment");
    let second = put(1);
    let third = put(2);
    kv.rest_now().unwrap();
    assert!(pack.exists());
    let fourth = put(3);
    drop(kv);
    let kv = open(root.path(), options);
    for (n, body) in [first, second, third, fourth].iter().enumerate() {
        let mut octets = Vec::new();
        kv.view().unwrap().read_body(body, 0..u64::MAX, &mut octets).unwrap();
        assert_eq!(octets, prose(n as u32, 15_000));
    }
    assert_eq!(kv.check(false, None, &mut |_, _| {}).unwrap().findings, []);
}

/// A segment that was live when the compactor looked, and is sealed when it packs, holds bodies that it did
/// not see.
#[test]
fn what_is_delivered_while_the_compactor_looks_is_kept() {
    let folder = fast_folder();
    let store: Arc<OnceLock<Weak<Embedded>>> = Arc::default();
    let armed = Arc::new(AtomicBool::new(false));
    let (inside, is_armed) = (Arc::clone(&store), Arc::clone(&armed));
    let before_apply = move || {
        if is_armed.swap(false, Ordering::Relaxed) {
            let kv = inside.get().and_then(Weak::upgrade).unwrap();
            deliver_some(kv.as_ref(), 100..140);
        }
        true
    };
    let options =
        Options { segment_octets: 64 * 1024, before_apply: Some(Arc::new(before_apply)), ..eager() };
    let kv = Arc::new(open(folder.path(), options));
    store.set(Arc::downgrade(&kv)).unwrap();
    deliver_some(kv.as_ref(), 0..12);
    armed.store(true, Ordering::Relaxed);
    kv.compact_now().unwrap();
    assert!(!armed.load(Ordering::Relaxed), "it got as far as packing");
    assert_eq!(Content::of(kv.as_ref()).bodies.len(), 52);
    assert_eq!(kv.check(false, None, &mut |_, _| {}).unwrap().findings, []);
}

#[test]
fn compaction_at_any_moment_changes_nothing() {
    for seed in 1..=rounds(15, 3) {
        println!("seed {seed}");
        let root = fast_folder();
        let options = Options { segment_octets: 24 * 1024, ..eager() };
        let mut kv = Embedded::open(root.path(), options.clone(), heard()).unwrap();
        let (mut author, mut model) = (Author::new(seed + 500), Model::new());
        for _ in 0..300 {
            match author.dice.below(40) {
                0 => kv.compact_now().unwrap(),
                1 => kv.apply_now().unwrap(),
                2 => {
                    kv.close().unwrap();
                    if author.dice.below(2) == 0 {
                        std::fs::remove_dir_all(root.path().join("index")).unwrap();
                    }
                    kv = Embedded::open(root.path(), options.clone(), heard()).unwrap();
                    assert_eq!(&Content::of(&kv), model.last(), "after opening");
                }
                _ => {
                    let script = author.script();
                    assert_eq!(kv.submit_and_wait(script.boxed()).is_ok(), model.run(&script).is_ok());
                }
            }
        }
        kv.compact_now().unwrap();
        assert_eq!(&Content::of(&kv), model.last());
        assert!(kv.counters().compacted_segments > 0);
    }
}

#[test]
fn a_view_reads_what_was_compacted_away_behind_it() {
    let root = fast_folder();
    let kv = open(root.path(), Options { segment_octets: 16 * 1024, ..eager() });
    let body = deliver(&kv, 1, 3000);
    let large = stage(&kv, 400_000);
    let view = kv.view().unwrap();
    expunge(&kv, vec![1]);
    let blob = large.blob;
    transact_and_wait(&kv, move |txn| txn.release_body(Scope(1), &blob)).unwrap();
    for n in 10..30 {
        deliver(&kv, n, 3000);
    }
    kv.compact_now().unwrap();
    for body in [body, large] {
        let mut octets = Vec::new();
        view.read_body(&body, 0..u64::MAX, &mut octets).unwrap();
        assert_eq!(*blake3::hash(&octets).as_bytes(), body.blob.0);
    }
    let files = || std::fs::read_dir(root.path().join("bodies")).unwrap().count();
    assert_eq!(files(), 1);
    drop(view);
    kv.compact_now().unwrap();
    assert_eq!(files(), 0, "with the last view the file goes");
    let gone = kv.view().unwrap().read_body(&body, 0..10, &mut Vec::new());
    assert_eq!(gone.unwrap_err().kind, koi_types::ErrorKind::Corrupt);
}

fn stage(kv: &dyn Kv, octets: usize) -> BodyRef {
    let mut stage = kv.stage_body().unwrap();
    let content: Vec<u8> = (0..octets).map(|n| (n * 7 % 251) as u8).collect();
    stage.write(&content).unwrap();
    let staged = stage.finish().unwrap();
    transact_and_wait(kv, move |txn| txn.put_body(Scope(1), &staged)).unwrap()
}

#[test]
fn a_staged_body_stays_until_it_is_referred_to_or_given_up() {
    let root = fast_folder();
    let kv = open(root.path(), eager());
    let files = || std::fs::read_dir(root.path().join("bodies")).unwrap().count();
    let mut unfinished = kv.stage_body().unwrap();
    unfinished.write(&[1; 300_000]).unwrap();
    let mut second = kv.stage_body().unwrap();
    second.write(&[2; 300_000]).unwrap();
    let staged = second.finish().unwrap();
    kv.compact_now().unwrap();
    assert_eq!(files(), 2);
    drop(unfinished);
    assert_eq!(files(), 1, "an unfinished body goes at once");
    let clone = staged.clone();
    let body = transact_and_wait(&kv, move |txn| txn.put_body(Scope(1), &clone)).unwrap();
    drop(staged);
    kv.compact_now().unwrap();
    let mut octets = Vec::new();
    kv.view().unwrap().read_body(&body, 299_990..u64::MAX, &mut octets).unwrap();
    assert_eq!(octets, [2; 10]);
    let mut third = kv.stage_body().unwrap();
    third.write(&[3; 300_000]).unwrap();
    drop(third.finish().unwrap());
    kv.compact_now().unwrap();
    assert_eq!(files(), 1, "nobody can refer to the third any more");
}

#[test]
fn a_delivery_that_finds_a_body_whose_last_reference_goes_keeps_its_octets() {
    let root = fast_folder();
    let kv = open(root.path(), Options { apply_rows: 1, ..eager() });
    let octets: std::sync::Arc<[u8]> = vec![42; 2000].into();
    let body = NewBody::inline(octets.clone());
    let blob = body.blob();
    let first = body.clone();
    transact_and_wait(&kv, move |txn| txn.put_body(Scope(1), &first)).unwrap();
    for round in 0..rounds(100, 20) {
        // Release and delivery race into the same or neighbouring groups, in either order.
        let release = || kv.submit(Box::new(move |txn| txn.release_body(Scope(1), &blob)));
        let delivery = || {
            let body = body.clone();
            koi_store::kv::transact(&kv, move |txn| txn.put_body(Scope(1), &body))
        };
        let (released, delivered) = match round % 2 {
            0 => {
                let released = release();
                (released, delivery())
            }
            _ => {
                let delivered = delivery();
                (release(), delivered)
            }
        };
        released.wait().unwrap();
        let stored = delivered.wait().unwrap();
        if round % 5 == 0 {
            kv.compact_now().unwrap();
        }
        let mut read = Vec::new();
        kv.view().unwrap().read_body(&stored, 0..u64::MAX, &mut read).unwrap();
        assert_eq!(read, octets.as_ref());
        assert_eq!(Content::of(&kv).bodies[&blob], 1);
    }
}

/// One row of all must not keep the disk from getting room; and what it was about may still be wanted.
#[test]
fn a_damaged_row_of_a_body_does_not_stop_the_compactor() {
    let root = fast_folder();
    let kv = open(root.path(), Options { segment_octets: 64 * 1024, reserve_octets: 0, ..eager() });
    let stored: Vec<BodyRef> = (0..60).map(|n| deliver(&kv, n, 5000)).collect();
    let large = [stage(&kv, 400_000), stage(&kv, 500_000)];
    let rows = [(stored[5], vec![0xff; 3]), (large[0], Vec::new())];
    transact_and_wait(&kv, move |txn| {
        let scope = [0, 0, 0, 0, b'B', 0, 0, 0, 1];
        rows.iter().try_for_each(|(body, row)| txn.put(&[&scope, body.blob.0.as_slice()].concat(), row))
    })
    .unwrap();
    expunge(&kv, (0..60).filter(|n| *n != 5 && n % 10 != 0).collect());
    let blob = large[1].blob;
    transact_and_wait(&kv, move |txn| txn.release_body(Scope(1), &blob)).unwrap();
    let before = folder_octets(&root.path().join("journal"));
    kv.compact_now().unwrap();
    kv.compact_now().unwrap();
    let after = folder_octets(&root.path().join("journal"));
    assert!(after * 2 < before, "{before} octets, then {after}");
    assert_eq!(std::fs::read_dir(root.path().join("bodies")).unwrap().count(), 1);
    for body in [stored[0], stored[5], large[0]] {
        let mut octets = Vec::new();
        kv.view().unwrap().read_body(&body, 0..u64::MAX, &mut octets).unwrap();
        assert_eq!(*blake3::hash(&octets).as_bytes(), body.blob.0);
    }
}
