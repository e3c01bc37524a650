//! Space comes back, and nothing that lives goes with it.

use std::path::Path;

use koi_store::body::{BodyRef, NewBody, Scope};
use koi_store::engine::{CompactorOptions, Embedded, Options};
use koi_store::kv::{Kv, transact_and_wait};
use koi_types::BlobId;

use crate::crash_points::fast_folder;
use crate::rig::{Dice, heard, key, open, rounds, small};
use crate::workload::{Author, Content, Model};

fn eager() -> Options {
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

fn deliver(kv: &dyn Kv, n: u32, octets: usize) -> BodyRef {
    let mut dice = Dice::new(u64::from(n) + 1);
    let body: Vec<u8> = std::iter::repeat_with(|| dice.next() as u8).take(octets).collect();
    let body = NewBody::inline(body.into());
    transact_and_wait(kv, move |txn| {
        let stored = txn.put_body(Scope(1), &body)?;
        for row in 0..8 {
            txn.put(&key(1, &format!("{row}{n:08}")), &[row; 60])?;
        }
        txn.put(&key(1, &format!("b{n:08}")), &stored.blob.0)?;
        Ok(stored)
    })
    .unwrap()
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
    let options = Options { segment_octets: 4 << 20, reserve_octets: 0, ..eager() };
    let kv = open(folder.path(), options.clone());
    let count = rounds(6000, 1500) as u32;
    for n in 0..count {
        deliver(&kv, n, 4096);
    }
    let full = folder_octets(folder.path());
    let dead: Vec<u32> = (0..count).filter(|n| n % 10 != 3).collect();
    dead.chunks(500).for_each(|chunk| expunge(&kv, chunk.to_vec()));
    kv.compact_now().unwrap();
    kv.compact_now().unwrap();
    let live = u64::from(count / 10) * (4096 + 8 * 75);
    let left = folder_octets(folder.path());
    println!(
        "suite: store space: {full} octets, then {left}; {live} live, {:.2}x",
        left as f64 / live as f64
    );
    // The rows are there twice, in the packs and in the index; the lock files and the index's own cost some
    // more.
    assert!(left as f64 <= live as f64 * 1.3 + 1_000_000.0);
    let before = Content::of(&kv);
    assert_eq!(before.bodies.len() as u32, count / 10);
    kv.close().unwrap();
    std::fs::remove_dir_all(folder.path().join("index")).unwrap();
    let kv = open(folder.path(), options);
    assert_eq!(Content::of(&kv), before, "built again from packs and segments");
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
