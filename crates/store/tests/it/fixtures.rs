//! Stores written by every version of the format so far open and hold what they held. The folders in
//! `fixtures/` are never written again; a new version gets a new one: `KOI_WRITE_FIXTURE=v4 cargo test -p
//! koi-store fixtures`.

use std::path::{Path, PathBuf};
use std::process::Command;

use koi_store::body::NewBody;
use koi_store::engine::{CompactorOptions, Embedded, Options};
use koi_store::kv::{Kv, transact_and_wait};

use crate::crash_points::fast_folder;
use crate::rig::{heard, key, open, small};
use crate::workload::{Author, Content, Model};

fn folder(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(version)
}

fn options() -> Options {
    let compactor = CompactorOptions { dead_octets_min: 1, dead_percent: 1, ..small().compactor };
    Options { segment_octets: 12 * 1024, fill_ahead_octets: 0, reserve_octets: 0, compactor, ..small() }
}

const SEED: u64 = 1;

/// A body that packs make smaller, both ways: by repetitions alone, and with entropy coding.
fn prose() -> Vec<u8> {
    let mut text: Vec<u8> =
        (0..5000u32).flat_map(|n| format!("{:x} ", n.wrapping_mul(0x9e37)).into_bytes()).collect();
    text.truncate(33_000);
    text.resize(45_000, b'-');
    text
}

/// A pack, sealed segments, a live one, a body file; left without closing, so that the journal's tail
/// is not applied.
fn write(version: &str, to: &Path) -> Model {
    let root = fast_folder();
    let kv = Embedded::open(root.path(), options(), heard()).unwrap();
    let mut author = if version == "v1" { Author::of_noise(SEED) } else { Author::new(SEED) };
    let mut model = Model::new();
    let mut run = |kv: &Embedded, count: usize| {
        for _ in 0..count {
            let script = author.script();
            assert_eq!(kv.submit_and_wait(script.boxed()).is_ok(), model.run(&script).is_ok());
        }
    };
    if version != "v1" {
        let body = NewBody::inline(prose().into());
        transact_and_wait(&kv, move |txn| {
            let body = txn.put_body(koi_store::body::Scope(2), &body)?;
            txn.put(&key(7, "prose"), &body.blob.0)
        })
        .unwrap();
    }
    run(&kv, 18);
    kv.compact_now().unwrap();
    run(&kv, 9);
    let mut large = kv.stage_body().unwrap();
    large.write(&[9; 5000]).unwrap();
    let staged = large.finish().unwrap();
    transact_and_wait(&kv, move |txn| {
        let body = txn.put_body(koi_store::body::Scope(2), &staged)?;
        txn.put(&key(7, "large"), &body.blob.0)
    })
    .unwrap();
    kv.apply_now().unwrap();
    run(&kv, 8);
    if !to.exists() {
        std::fs::create_dir_all(to).unwrap();
        for name in ["journal", "bodies"] {
            let copied = Command::new("cp").arg("-r").arg(root.path().join(name)).arg(to).status();
            assert!(copied.unwrap().success());
        }
        let index = root.path().join("index/00000001/data.mdb");
        let newest = crate::sim::index_file(&root.path().join("index")).unwrap_or(index);
        std::fs::create_dir_all(to.join("index/00000001")).unwrap();
        std::fs::copy(newest, to.join("index/00000001/data.mdb")).unwrap();
    }
    model
}

fn opens_and_holds(version: &str) {
    let scratch = fast_folder();
    let at = scratch.path().join("store");
    let copied = Command::new("cp").arg("-r").arg(folder(version)).arg(&at).status();
    assert!(copied.unwrap().success());
    let mut model = write(version, &scratch.path().join("unused"));
    for without_index in [false, true] {
        let store = scratch.path().join(if without_index { "salvaged" } else { "opened" });
        assert!(Command::new("cp").arg("-r").arg(&at).arg(&store).status().unwrap().success());
        if without_index {
            std::fs::remove_dir_all(store.join("index")).unwrap();
        }
        let kv = open(&store, options());
        assert_eq!(kv.report().index_rebuilt.is_some(), without_index, "{:?}", kv.report());
        assert!(kv.report().replayed_groups >= 5, "{:?}", kv.report());
        let mut content = Content::of(&kv);
        assert_eq!(content.rows.remove(&key(7, "large")).unwrap(), blake3::hash(&[9; 5000]).as_bytes());
        let large = koi_types::BlobId(*blake3::hash(&[9; 5000]).as_bytes());
        assert_eq!(content.bodies.remove(&large), Some(1));
        let prose = koi_types::BlobId(*blake3::hash(&prose()).as_bytes());
        let prose = (content.rows.remove(&key(7, "prose")), content.bodies.remove(&prose));
        assert_eq!(prose.0.is_some() && prose.1 == Some(1), version != "v1");
        assert_eq!(&content, model.last());
        assert_eq!(kv.check(false, None, &mut |_, _| {}).unwrap().findings, []);
    }
    let script = Author::new(SEED + 1).small_script();
    model.run(&script).unwrap();
    let kv = open(&at, options());
    kv.submit_and_wait(script.boxed()).unwrap();
    assert_eq!(Content::of(&kv).count(), model.last().count());
}

#[test]
fn version_1() {
    opens_and_holds("v1");
}

/// Packs may hold bodies made smaller.
#[test]
fn version_2() {
    let frame = [0x28, 0xb5, 0x2f, 0xfd];
    let pack = std::fs::read(folder("v2").join("journal/00000001.pack")).unwrap();
    assert_eq!(pack.windows(4).filter(|octets| *octets == frame).count(), 2);
    opens_and_holds("v2");
}

/// Segments may be made ahead of need, and a body has a short row.
#[test]
fn version_3() {
    let files = std::fs::read_dir(folder("v3").join("journal")).unwrap();
    let headers = files.map(|file| std::fs::read(file.unwrap().path()).unwrap());
    // Format version and kind, docs/STORE.md.
    let ahead = headers.filter(|header| header[8..11] == [2, 0, 1]);
    assert!(ahead.count() > 0);
    opens_and_holds("v3");
}

/// Packs may hold bodies in pieces, each in its own way.
#[test]
fn version_4() {
    if let Ok(version) = std::env::var("KOI_WRITE_FIXTURE") {
        write(&version, &folder(&version));
    }
    let pack = std::fs::read(folder("v4").join("journal/00000001.pack")).unwrap();
    // Format version and kind, docs/STORE.md.
    assert_eq!(pack[8..11], [3, 0, 2]);
    let prose = prose();
    // Way, length and checksum: an LZ4 block of the first 32 KiB, a Zstandard frame of what is left.
    for (way, piece) in [1, 2].into_iter().zip(prose.chunks(32 * 1024)) {
        let checksum = crc32c::crc32c(piece).to_le_bytes();
        let at = pack.windows(4).position(|octets| octets == checksum).unwrap();
        assert_eq!(pack[at - 4], way);
    }
    opens_and_holds("v4");
}
