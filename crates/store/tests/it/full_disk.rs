//! A disk that is full, or nearly: what is deleted makes room again, and nobody is forgotten.

use std::sync::Arc;

use koi_store::body::{BodyRef, NewBody, Scope};
use koi_store::engine::{Embedded, Options};
use koi_store::kv::{Kv, transact_and_wait};
use koi_store::vfs::Vfs;
use koi_types::BlobId;

use crate::crash_points::fast_folder;
use crate::rig::{Dice, key, noise, open, rounds};
use crate::sim::{Fault, SimVfs};
use crate::space::{body, deliver, deliver_in, deliver_some, eager};
use crate::workload::Content;

/// The segment that is looked at first may need more room than there is; others give some back.
#[test]
fn on_a_full_disk_the_segments_that_can_be_packed_make_room_for_the_others() {
    let root = fast_folder();
    let vfs = SimVfs::default();
    let disk: Arc<dyn Vfs> = Arc::new(vfs.clone());
    let reserve_octets = 512 * 1024;
    let kv = open(
        &root.path().join("store"),
        Options { vfs: disk, segment_octets: 1024 * 1024, reserve_octets, fill_ahead_octets: 0, ..eager() },
    );
    // Three segments: of the first a third goes, of the second nearly all, the third is live.
    let stored: Vec<BodyRef> = (0..52).map(|n| deliver(&kv, n, 50_000)).collect();
    let last_of_first = stored.iter().filter(|body| body.segment == 1).count() as u32;
    assert!(last_of_first < 30 && stored[45].segment >= 2, "{stored:?}");
    kv.apply_now().unwrap();
    vfs.set_room(Some(vfs.used() + 4096));
    let goes = |n: &u32| if *n < last_of_first { n.is_multiple_of(3) } else { *n < 45 };
    let dead: Vec<u32> = (0..52).filter(goes).collect();
    for n in &dead {
        let n = *n;
        transact_and_wait(&kv, move |txn| {
            txn.frees_space();
            let blob = txn.get(&key(1, &format!("b{n:08}")))?.expect("delivered").into_owned();
            txn.release_body(Scope(1), &BlobId(blob.try_into().unwrap()))?;
            txn.delete(&key(1, &format!("b{n:08}")))
        })
        .unwrap();
    }
    let kept = || vfs.paths().iter().filter(|path| path.extension().is_some_and(|e| e == "pack")).count();
    // What cannot be packed yet is said, and is no reason to give up the rest.
    let first = kv.compact_now();
    assert!(first.is_err() && kept() == 1, "{first:?} {}", kept());
    kv.compact_now().unwrap();
    assert_eq!(kept(), 2);
    deliver(&kv, 100, 50_000);
    for (n, body) in (0..).zip(&stored).filter(|(n, _)| !goes(n)) {
        let mut octets = Vec::new();
        kv.view().unwrap().read_body(body, 0..u64::MAX, &mut octets).unwrap();
        assert_eq!(*blake3::hash(&octets).as_bytes(), body.blob.0, "{n}");
    }
}

/// A part of what is in every segment is deleted when the disk takes no more: each of them can still be
/// packed, and mail is taken again. Of a small disk less is left, and segments are shorter there.
/// Without such room nothing could be packed, which is tried too.
#[test]
fn what_is_deleted_evenly_on_a_full_disk_comes_back() {
    const MIB: u64 = 1024 * 1024;
    for (packing_octets, segment_octets) in
        [(3 * MIB, 2 * MIB), (176 * MIB, 2 * MIB), (176 * MIB, 128 * MIB), (0, 2 * MIB)]
    {
        let root = fast_folder();
        let vfs = SimVfs::default();
        let disk: Arc<dyn Vfs> = Arc::new(vfs.clone());
        let options = Options { vfs: disk, segment_octets, packing_octets, fill_ahead_octets: 0, ..eager() };
        vfs.set_room(Some(64 * MIB));
        let kv = open(&root.path().join("store"), options);
        let deliver = |n: u32| {
            transact_and_wait(&kv, move |txn| {
                let octets: Arc<[u8]> = noise(n.into(), 48_000).into();
                let body = txn.put_body(Scope(1), &NewBody::inline(octets))?;
                txn.put(&key(1, &format!("b{n:08}")), &body.blob.0)
            })
        };
        let taken = (0..10_000).take_while(|n| deliver(*n).is_ok()).count() as u32;
        assert!((1000..2000).contains(&taken), "{taken}");
        let delete = |n: u32| {
            transact_and_wait(&kv, move |txn| {
                txn.frees_space();
                let blob = txn.get(&key(1, &format!("b{n:08}")))?.expect("delivered").into_owned();
                txn.release_body(Scope(1), &BlobId(blob.try_into().unwrap()))?;
                txn.delete(&key(1, &format!("b{n:08}")))
            })
        };
        (0..taken).filter(|n| n.is_multiple_of(4)).for_each(|n| delete(n).unwrap());
        let compacted = kv.compact_now();
        let again = (10_000..10_050).take_while(|n| deliver(*n).is_ok()).count();
        assert_eq!(
            (compacted.is_ok(), again == 50),
            (packing_octets > 0, packing_octets > 0),
            "{compacted:?}"
        );
    }
}

/// Rows that come at random leave the pages of the index two thirds full. What is dead is not taken for them
/// while mail waits for it.
#[test]
fn an_index_that_is_not_full_hides_nothing_that_is_dead() {
    let root = fast_folder();
    let vfs = SimVfs::default();
    let disk: Arc<dyn Vfs> = Arc::new(vfs.clone());
    let options = Options {
        vfs: disk,
        packing_octets: 1024 * 1024,
        segment_octets: 64 * 1024,
        fill_ahead_octets: 0,
        ..eager()
    };
    let kv = open(&root.path().join("store"), options);
    let mut dice = Dice::new(5);
    for _ in 0..200 {
        let keys: Vec<_> = (0..100).map(|_| key(1, &format!("{:016x}", dice.next()))).collect();
        transact_and_wait(&kv, move |txn| keys.iter().try_for_each(|key| txn.put(key, &[7; 100]))).unwrap();
        kv.apply_now().unwrap();
    }
    deliver_some(&kv, 0..400);
    kv.apply_now().unwrap();
    transact_and_wait(&kv, |txn| {
        (0..400u32).step_by(2).try_for_each(|n| {
            let blob = txn.get(&key(1, &format!("b{n:08}")))?.expect("delivered").into_owned();
            txn.release_body(Scope(1), &BlobId(blob.try_into().unwrap()))
        })
    })
    .unwrap();
    kv.apply_now().unwrap();
    let used = vfs.used();
    assert!(kv.index_usage().unwrap().used_octets > used, "it would seem that nothing is dead");
    vfs.set_room(Some(used + 200 * 1024));
    transact_and_wait(&kv, |txn| txn.put(&key(1, "mail"), &[7; 1000])).unwrap_err();
    // Whoever refused may still look at the segments: then their room comes back a moment later.
    let gave_back = (0..1000).any(|_| {
        std::thread::yield_now();
        kv.compact_now().is_ok()
    });
    assert!(gave_back && kv.counters().compacted_segments > 0);
    assert!(vfs.used() < used);
}

/// Sealing settles what is under way, and puts what waits back into the queue: whoever delivers at that
/// moment is answered, be it that no segment could be made.
#[test]
fn sealing_while_mail_comes_loses_nothing_and_forgets_nobody() {
    for fails in [false, true] {
        let root = fast_folder();
        let vfs = SimVfs::default();
        let disk: Arc<dyn Vfs> = Arc::new(vfs.clone());
        let options = Options { vfs: disk, segment_octets: 32 * 1024, reserve_octets: 0, ..eager() };
        let kv = open(&root.path().join("store"), options);
        let count = rounds(200, 60) as u32;
        let delivered = |first: u32, kv: &Embedded| {
            let one = |n: &u32| {
                let body = body(*n, 3000);
                let n = *n;
                transact_and_wait(kv, move |txn| deliver_in(txn, n, &body)).is_ok()
            };
            (first..first + count).filter(one).count()
        };
        let accepted: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|t| {
                    scope.spawn({
                        let kv = &kv;
                        move || delivered(t * 1000, kv)
                    })
                })
                .collect();
            let mut round = 0;
            while threads.iter().any(|thread| !thread.is_finished()) {
                let full = Fault { at: round % 12, calls: 3, kind: std::io::ErrorKind::StorageFull };
                vfs.fail(Some(full).filter(|_| fails));
                assert!(kv.rest_now().is_ok() || fails);
                round += 1;
            }
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        vfs.fail(None);
        assert!(fails || accepted == 4 * count as usize);
        assert_eq!(Content::of(&kv).bodies.len(), accepted);
        assert_eq!(kv.check(false, None, &mut |_, _| {}).unwrap().findings, []);
        println!("{accepted} of {} accepted", 4 * count);
    }
}
