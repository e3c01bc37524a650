//! `check` finds what is wrong, names it, and repairs what can be repaired.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use koi_store::body::{NewBody, Scope};
use koi_store::engine::{BodyKey, CheckReport, Embedded, References};
use koi_store::kv::{Kv, transact_and_wait};
use koi_types::{BlobId, Result};

use crate::crash_points::fast_folder;
use crate::rig::{BodyRow, key, open, small};

fn check(kv: &Embedded) -> CheckReport {
    kv.check(false, None, &mut |done, total| assert!(done <= total)).unwrap()
}

fn bodies(kv: &dyn Kv, count: u32) -> Vec<BlobId> {
    let store = |n: u32| {
        let body = NewBody::inline(format!("{n} {}", "y".repeat(2100)).into_bytes().into());
        transact_and_wait(kv, move |txn| {
            let body = txn.put_body(Scope(4), &body)?;
            txn.put(&key(1, &format!("{n:05}")), &body.blob.0)?;
            Ok(body.blob)
        })
    };
    (0..count).map(|n| store(n).unwrap()).collect()
}

fn references() -> References {
    Arc::new(|read| -> Result<BTreeMap<BodyKey, u64>> {
        let mut counts = BTreeMap::new();
        for n in 0..1000u32 {
            if let Some(blob) = read.get(&key(1, &format!("{n:05}")))? {
                let blob = BlobId(blob[..].try_into().unwrap());
                *counts.entry(BodyKey { scope: Scope(4), blob }).or_default() += 1;
            }
        }
        Ok(counts)
    })
}

#[test]
fn a_sound_store_has_no_findings_and_damaged_octets_are_named() {
    let root = fast_folder();
    let kv = open(root.path(), small());
    bodies(&kv, 400);
    let report = check(&kv);
    assert_eq!((report.bodies, &report.findings), (400, &vec![]));
    assert!(report.segments >= 2);
    kv.close().unwrap();
    let path: PathBuf = root.path().join("journal/00000001.seg");
    let mut octets = std::fs::read(&path).unwrap();
    let at = octets.windows(4).rposition(|w| w == b"yyyy").unwrap();
    octets[at] = b'z';
    std::fs::write(&path, octets).unwrap();
    let kv = open(root.path(), small());
    let report = check(&kv);
    assert_eq!(report.findings.len(), 2, "the group and the body: {:?}", report.findings);
    assert_eq!(report.findings[0].file, Some(path));
    assert_eq!(report.findings[1].key.as_ref().unwrap()[..9], [0, 0, 0, 0, b'B', 0, 0, 0, 4]);
}

#[test]
fn damage_in_a_pack_is_named_and_never_passed_on() {
    let root = fast_folder();
    let kv = open(root.path(), small());
    bodies(&kv, 400);
    kv.compact_now().unwrap();
    assert_eq!(check(&kv).findings, []);
    kv.close().unwrap();
    let path: PathBuf = root.path().join("journal/00000001.pack");
    let mut octets = std::fs::read(&path).unwrap();
    let frame = octets.windows(4).rposition(|w| w == [0x28, 0xb5, 0x2f, 0xfd]).unwrap();
    // Behind the checksum of the frame there is nothing but padding.
    octets[frame + 9] ^= 0x04;
    std::fs::write(&path, octets).unwrap();
    let kv = open(root.path(), small());
    let findings = check(&kv).findings;
    assert_eq!(findings.len(), 2, "the group and the body: {findings:?}");
    assert_eq!(findings[0].file, Some(path));
    let key = findings[1].key.clone().unwrap();
    let row = kv.view().unwrap().get(&key).unwrap().unwrap().into_owned();
    let body = BodyRow::of(&key, &row).body;
    let mut out = b"before".to_vec();
    let refused = kv.view().unwrap().read_body(&body, 0..u64::MAX, &mut out).unwrap_err();
    assert_eq!((refused.kind, out.as_slice()), (koi_types::ErrorKind::Corrupt, b"before".as_slice()));
}

#[test]
fn reference_counts_are_compared_and_repaired() {
    let root = fast_folder();
    let kv = open(root.path(), small());
    let blobs = bodies(&kv, 10);
    let sound = kv.check(false, Some(references()), &mut |_, _| {}).unwrap();
    assert_eq!(sound.findings, []);
    let (one, two) = (blobs[3], blobs[4]);
    transact_and_wait(&kv, move |txn| txn.share_body(Scope(4), &one)).unwrap();
    transact_and_wait(&kv, |txn| txn.delete(&key(1, "00007"))).unwrap();
    transact_and_wait(&kv, move |txn| txn.release_body(Scope(4), &two)).unwrap();
    let found = kv.check(false, Some(references()), &mut |_, _| {}).unwrap().findings;
    assert_eq!(found.len(), 3, "{found:?}");
    let repaired = kv.check(true, Some(references()), &mut |_, _| {}).unwrap().findings;
    assert_eq!(repaired.iter().filter(|finding| finding.repaired).count(), 2);
    let left = kv.check(false, Some(references()), &mut |_, _| {}).unwrap().findings;
    assert_eq!(left.len(), 1);
    assert!(left[0].what.contains("not there"));
}
