//! An I/O error, and a full disk, at every call: nothing acknowledged is lost, nothing refused becomes
//! visible.

use std::io::ErrorKind as IoKind;
use std::path::Path;
use std::sync::Arc;

use koi_store::engine::{Embedded, Health, Options};
use koi_store::kv::Kv;
use koi_store::vfs::Vfs;
use koi_types::ErrorKind;

use crate::crash_points::{fast_folder, moved};
use crate::rig::{heard, key, rounds, small};
use crate::sim::{Fault, SimVfs};
use crate::workload::{Author, Content, Model};

fn options(vfs: &SimVfs) -> Options {
    let vfs: Arc<dyn Vfs> = Arc::new(vfs.clone());
    Options { vfs, segment_octets: 16 * 1024, fill_ahead_octets: 8 * 1024, ..small() }
}

/// Runs transactions until the end; what failed must not be in the store, what did not fail must.
fn run_with(fault: Fault, seed: u64, root: &Path) -> u64 {
    let folder = root.join("store");
    let _ = std::fs::remove_dir_all(&folder);
    let vfs = SimVfs::default();
    let kv = Embedded::open(&folder, options(&vfs), heard()).unwrap();
    let (mut author, mut model) = (Author::new(seed), Model::new());
    vfs.fail(Some(fault));
    for n in 0..40 {
        let script = author.script();
        match kv.submit_and_wait(script.boxed()) {
            Ok(()) => model.run(&script).unwrap(),
            Err(error) => {
                assert!(matches!(error.kind, ErrorKind::Unavailable | ErrorKind::OverQuota), "{error}");
            }
        }
        assert_eq!(&Content::of(&kv), model.last(), "what readers see");
        if n == 25 {
            let _ = kv.apply_now();
        }
    }
    let calls = vfs.calls();
    vfs.fail(None);
    let read_only = matches!(kv.health(), Health::ReadOnly(_));
    if fault.kind == IoKind::StorageFull {
        assert!(!read_only, "a full disk passes: {:?}", kv.health());
        let script = author.script();
        assert_eq!(kv.submit_and_wait(script.boxed()).is_ok(), model.run(&script).is_ok(), "room again");
    }
    let before = model.last().clone();
    let left = vfs.fork();
    drop(kv);
    // What is on the disk: exactly that, also without the index.
    for name in ["reopened", "salvaged"] {
        let again = root.join(name);
        let _ = std::fs::remove_dir_all(&again);
        let source = if name == "reopened" { &vfs } else { &left };
        if name == "reopened" {
            std::fs::create_dir_all(&again).unwrap();
            let copied =
                std::process::Command::new("cp").arg("-a").arg(folder.join("index")).arg(&again).status();
            assert!(copied.unwrap().success());
        }
        let kv = Embedded::open(&again, options(&moved(source, &again)), heard())
            .unwrap_or_else(|e| panic!("{e}"));
        let content = Content::of(&kv);
        // A write that failed in its flush may have reached the disk all the same: unacknowledged, but
        // durable.
        if content != before {
            assert!(
                read_only && content.count() == before.count() + 1,
                "only the transaction whose flush failed"
            );
        }
    }
    calls
}

fn everywhere(kind: IoKind) {
    let root = fast_folder();
    let mut runs = 0;
    for seed in 1..=rounds(3, 1) {
        let calls = run_with(Fault { at: u64::MAX, calls: 0, kind }, seed, root.path());
        assert!(calls > 40);
        for at in 0..calls {
            for calls in [1, 3] {
                run_with(Fault { at, calls, kind }, seed, root.path());
                runs += 1;
            }
        }
    }
    println!("suite: store fault {kind:?} at each of {runs} calls");
}

#[test]
fn an_error_at_every_call() {
    everywhere(IoKind::Other);
}

#[test]
fn a_full_disk_at_every_call() {
    everywhere(IoKind::StorageFull);
}

#[test]
fn on_a_full_disk_mail_is_refused_but_deleting_works_and_room_brings_it_back() {
    let root = fast_folder();
    let vfs = SimVfs::default();
    let kv = Embedded::open(&root.path().join("store"), options(&vfs), heard()).unwrap();
    let put = |n: u32| {
        let run = move |txn: &mut dyn koi_store::kv::Txn| txn.put(&key(1, &format!("{n:06}")), &[7; 1500]);
        kv.submit_and_wait(Box::new(run))
    };
    (0..50).for_each(|n| put(n).unwrap());
    vfs.set_room(Some(vfs.used()));
    let refused = (50..100).find_map(|n| put(n).err()).expect("the disk is full");
    assert_eq!(refused.kind, ErrorKind::Unavailable);
    assert!(matches!(kv.health(), Health::Struggling(_)));
    let rows = Content::of(&kv).rows.len();
    for n in 0..20u32 {
        kv.submit_and_wait(Box::new(move |txn| {
            txn.frees_space();
            txn.delete(&key(1, &format!("{n:06}")))
        }))
        .unwrap_or_else(|error| panic!("deletion {n}: {error}"));
    }
    assert_eq!(Content::of(&kv).rows.len(), rows - 20);
    vfs.set_room(None);
    put(100).unwrap();
    assert_eq!(kv.health(), Health::Good);
}
