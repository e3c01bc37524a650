//! Packs and bodies that are damaged: what can be read of them stays, and the rest is named.

use koi_store::body::{BodyRef, NewBody, Scope};
use koi_store::engine::{Embedded, OpenError, Options};
use koi_store::kv::{Kv, transact_and_wait};
use koi_types::ErrorKind;

use crate::crash_points::fast_folder;
use crate::damage::options;
use crate::rig::{heard, noise, open};
use crate::sim::SimVfs;
use crate::workload::Content;

fn put_body(kv: &Embedded, octets: Vec<u8>) -> BodyRef {
    let body = NewBody::inline(octets.into());
    transact_and_wait(kv, move |txn| txn.put_body(Scope(1), &body)).unwrap()
}

/// Packs hold nearly all mail: one octet of one of them must not cost all the others.
#[test]
fn a_damaged_pack_gives_up_its_group_when_the_index_is_lost_too() {
    let root = fast_folder();
    let options = Options { segment_octets: 8 * 1024 * 1024, reserve_octets: 0, ..options() };
    let kv = open(root.path(), options.clone());
    let stored: Vec<_> = (0..24).map(|n| put_body(&kv, noise(n, 200_000))).collect();
    kv.rest_now().unwrap();
    kv.close().unwrap();
    let pack = root.path().join("journal/00000001.pack");
    let mut octets = std::fs::read(&pack).unwrap();
    let middle = octets.len() / 2;
    octets[middle] ^= 1;
    std::fs::write(&pack, octets).unwrap();
    let readable = |kv: &Embedded| {
        let view = kv.view().unwrap();
        let reads = |body: &&BodyRef| view.read_body(body, 0..u64::MAX, &mut Vec::new()).is_ok();
        stored.iter().filter(reads).count()
    };
    std::fs::remove_dir_all(root.path().join("index")).unwrap();
    let Err(OpenError::Damaged { file, .. }) = Embedded::open(root.path(), options.clone(), heard()) else {
        panic!("started")
    };
    assert_eq!(file, pack);
    let kv = Embedded::open_repairing(root.path(), options.clone(), heard()).unwrap();
    assert_eq!(kv.report().given_up.len(), 1, "{:?}", kv.report());
    let findings = kv.check(false, None, &mut |_, _| {}).unwrap().findings;
    assert!(findings.iter().any(|finding| finding.file.as_ref() == Some(&pack)), "{findings:?}");
    // Rows of a group go with it, bodies that nothing is wrong with stay where they are.
    let rows = Content::of(&kv).bodies.len();
    assert!((12..24).contains(&rows), "{rows}");
    assert!(readable(&kv) >= rows);
    kv.close().unwrap();
    let kv = open(root.path(), options);
    assert!(kv.report().given_up.is_empty());
    assert_eq!(Content::of(&kv).bodies.len(), rows);
}

/// What the table says can be found out again.
#[test]
fn a_damaged_table_of_a_pack_is_made_again() {
    for (without_index, at_end) in [(false, 10), (false, 200), (true, 40), (true, 10)] {
        let root = fast_folder();
        let options = Options { segment_octets: 8 * 1024 * 1024, reserve_octets: 0, ..options() };
        let kv = open(root.path(), options.clone());
        let mut stored: Vec<_> = (0..30).map(|n| put_body(&kv, noise(n, 60_000))).collect();
        // The same octets twice, in two scopes.
        let body = NewBody::inline(noise(20, 60_000).into());
        stored.push(transact_and_wait(&kv, move |txn| txn.put_body(Scope(2), &body)).unwrap());
        let dead: Vec<_> = stored.drain(..7).map(|body| body.blob).collect();
        transact_and_wait(&kv, move |txn| {
            dead.iter().try_for_each(|blob| txn.release_body(Scope(1), blob).map(drop))
        })
        .unwrap();
        kv.rest_now().unwrap();
        let before = Content::of(&kv);
        kv.close().unwrap();
        let pack = root.path().join("journal/00000001.pack");
        let mut octets = std::fs::read(&pack).unwrap();
        let at = octets.len() - at_end;
        octets[at] ^= 1;
        std::fs::write(&pack, octets).unwrap();
        if without_index {
            std::fs::remove_dir_all(root.path().join("index")).unwrap();
        }
        let Err(OpenError::Damaged { file, .. }) = Embedded::open(root.path(), options.clone(), heard())
        else {
            panic!("started")
        };
        assert_eq!(file, pack);
        let kv = Embedded::open_repairing(root.path(), options.clone(), heard()).unwrap();
        assert_eq!(kv.report().given_up.len(), 1, "{:?}", kv.report());
        kv.close().unwrap();
        let kv = open(root.path(), options);
        assert_eq!(Content::of(&kv), before);
        assert_eq!(kv.check(false, None, &mut |_, _| {}).unwrap().findings, []);
        for body in &stored {
            let mut octets = Vec::new();
            kv.view().unwrap().read_body(body, 0..u64::MAX, &mut octets).unwrap();
            assert_eq!(*blake3::hash(&octets).as_bytes(), body.blob.0);
        }
    }
}

/// Else an idle server would read all rows of bodies, and the segment, every few seconds.
#[test]
fn a_segment_that_cannot_be_packed_is_not_looked_at_again_and_again() {
    let root = fast_folder();
    let vfs = SimVfs::default();
    let disk: std::sync::Arc<dyn koi_store::vfs::Vfs> = std::sync::Arc::new(vfs.clone());
    let options = Options { vfs: disk, segment_octets: 64 * 1024, reserve_octets: 0, ..options() };
    let folder = root.path().join("store");
    let kv = open(&folder, options.clone());
    (0..10).for_each(|n| _ = put_body(&kv, noise(n, 20_000)));
    kv.apply_now().unwrap();
    let first = folder.join("journal/00000001.seg");
    let mut octets = vfs.content(&first).unwrap();
    octets[30_000] ^= 1;
    vfs.set_content(&first, octets);
    let looks_once = |kv: &Embedded| {
        kv.compact_now().unwrap();
        let reads = vfs.reads();
        kv.compact_now().unwrap();
        assert_eq!(vfs.reads(), reads);
    };
    looks_once(&kv);
    kv.close().unwrap();
    let kv = open(&folder, options);
    looks_once(&kv);
    assert!(vfs.content(&first).is_some());
    assert!(vfs.content(&folder.join("journal/00000002.pack")).is_some());
}

/// What a damaged row says is not believed before room is taken for it.
#[test]
fn a_body_that_is_said_to_be_longer_than_its_file_is_damaged() {
    let root = fast_folder();
    let kv = open(root.path(), options());
    let sound = put_body(&kv, noise(1, 5000));
    let mut stage = kv.stage_body().unwrap();
    stage.write(&noise(2, 300_000)).unwrap();
    let staged = stage.finish().unwrap();
    let large = transact_and_wait(&kv, move |txn| txn.put_body(Scope(1), &staged)).unwrap();
    let view = kv.view().unwrap();
    for body in [sound, large] {
        for octets in [1 << 33, 1 << 60, u64::MAX] {
            for range in [0..u64::MAX, 1..u64::MAX, 5..10_000_000_000] {
                let mut out = b"before".to_vec();
                let error = view.read_body(&BodyRef { octets, ..body }, range, &mut out).unwrap_err();
                assert_eq!(error.kind, ErrorKind::Corrupt, "{octets}");
                assert_eq!(out, b"before");
            }
        }
        let beyond = BodyRef { offset: u64::MAX - 7, ..body };
        view.read_body(&beyond, 0..u64::MAX, &mut Vec::new()).unwrap_err();
    }
}
