//! An I/O error, and a full disk, at every call: nothing acknowledged is lost, nothing refused becomes
//! visible.

use std::io::ErrorKind as IoKind;
use std::path::Path;
use std::sync::Arc;

use koi_store::body::Scope;
use koi_store::engine::{CompactorOptions, Embedded, Health, Options};
use koi_store::kv::{Kv, transact_and_wait};
use koi_store::vfs::Vfs;
use koi_types::{BlobId, ErrorKind};

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

/// A large body arrives and space is given back while calls fail. Answers the number of calls, and whether
/// the body was taken.
fn run_large(fault: Fault, root: &Path) -> (u64, bool) {
    let folder = root.join("large");
    let _ = std::fs::remove_dir_all(&folder);
    let vfs = SimVfs::default();
    let compactor = CompactorOptions {
        dead_octets_min: 1,
        dead_percent: 1,
        octets_per_second: u64::MAX / 2_000_000,
        ..small().compactor
    };
    let kv = Embedded::open(&folder, Options { compactor, ..options(&vfs) }, heard()).unwrap();
    let (mut author, mut model) = (Author::of_noise(1), Model::new());
    for _ in 0..25 {
        let script = author.script();
        assert_eq!(kv.submit_and_wait(script.boxed()).is_ok(), model.run(&script).is_ok());
    }
    let large: Vec<u8> = (0..300_000u32).map(|n| (n * 7 % 251) as u8).collect();
    vfs.fail(Some(fault));
    let taken = kv.stage_body().and_then(|mut stage| {
        large.chunks(10_000).try_for_each(|chunk| stage.write(chunk))?;
        let body = stage.finish()?;
        kv.submit_and_wait(Box::new(move |txn| txn.put_body(Scope(1), &body).map(drop)))
    });
    let compacted = kv.compact_now();
    let calls = vfs.calls();
    vfs.fail(None);
    let mut expected = model.last().clone();
    if taken.is_ok() {
        expected.bodies.insert(BlobId(*blake3::hash(&large).as_bytes()), 1);
    }
    for error in [taken.as_ref().err(), compacted.err().as_ref()].into_iter().flatten() {
        assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    }
    // Every octet of every body is read.
    assert_eq!(Content::of(&kv), expected);
    let read_only = matches!(kv.health(), Health::ReadOnly(_));
    drop(kv);
    let kv = Embedded::open(&folder, options(&vfs), heard()).unwrap();
    let content = Content::of(&kv);
    if content != expected {
        assert!(
            read_only && content.bodies.len() == expected.bodies.len() + 1,
            "only what a flush left open"
        );
    }
    kv.compact_now().unwrap();
    assert_eq!(Content::of(&kv), content);
    let staged = content.bodies.len() - model.last().bodies.len();
    assert_eq!(vfs.list(&folder.join("bodies")).unwrap().len(), staged, "what was refused leaves nothing");
    (calls, taken.is_ok())
}

#[test]
fn a_large_body_and_the_compactor_with_an_error_at_every_call() {
    let root = fast_folder();
    let (mut runs, mut refused) = (0, 0);
    for kind in [IoKind::Other, IoKind::StorageFull] {
        let (all, taken) = run_large(Fault { at: u64::MAX, calls: 0, kind }, root.path());
        assert!(taken);
        for at in 0..all {
            let (_, taken) = run_large(Fault { at, calls: 1, kind }, root.path());
            runs += 1;
            refused += u64::from(!taken);
        }
    }
    println!(
        "suite: store fault at each of {runs} calls of a large body and the compactor, {refused} refused"
    );
    assert!(refused > 0 && refused < runs);
}

/// A live segment that rests is sealed and packed while calls fail. Answers the number of calls.
fn run_resting(fault: Fault, segment_octets: u64, root: &Path) -> u64 {
    let folder = root.join("resting");
    let _ = std::fs::remove_dir_all(&folder);
    let vfs = SimVfs::default();
    let options = |vfs: &SimVfs| Options { segment_octets, ..options(vfs) };
    let kv = Embedded::open(&folder, options(&vfs), heard()).unwrap();
    let (mut author, mut model) = (Author::of_noise(2), Model::new());
    let run = |kv: &Embedded, author: &mut Author, model: &mut Model| {
        let script = author.script();
        assert_eq!(kv.submit_and_wait(script.boxed()).is_ok(), model.run(&script).is_ok());
    };
    (0..25).for_each(|_| run(&kv, &mut author, &mut model));
    // Everything that is sealed is packed then, so that what follows is about the live segment.
    kv.compact_now().unwrap();
    let live = last_pack(&vfs) + 1;
    vfs.fail(Some(fault));
    let rested = kv.rest_now();
    let calls = vfs.calls();
    vfs.fail(None);
    if let Err(error) = rested {
        assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    }
    if fault.at == u64::MAX {
        assert!(last_pack(&vfs) == live, "the live segment was not sealed and packed");
    }
    assert_eq!(&Content::of(&kv), model.last());
    assert!(!matches!(kv.health(), Health::ReadOnly(_)), "nothing that was acknowledged is in question");
    run(&kv, &mut author, &mut model);
    drop(kv);
    let kv = Embedded::open(&folder, options(&vfs), heard()).unwrap();
    assert_eq!(&Content::of(&kv), model.last());
    kv.rest_now().unwrap();
    assert!(last_pack(&vfs) >= live, "it is packed when nothing fails any more");
    assert_eq!(&Content::of(&kv), model.last());
    assert_eq!(kv.check(false, None, &mut |_, _| {}).unwrap().findings, []);
    calls
}

/// The number of the last pack; 0 where there is none.
fn last_pack(vfs: &SimVfs) -> u32 {
    let paths = vfs.paths().into_iter().filter(|path| path.extension().is_some_and(|e| e == "pack"));
    let number = |path: std::path::PathBuf| u32::from_str_radix(path.file_stem()?.to_str()?, 16).ok();
    paths.filter_map(number).max().unwrap_or(0)
}

#[test]
fn sealing_at_rest_with_an_error_at_every_call() {
    let root = fast_folder();
    let mut runs = 0;
    // The next segment is there already, as the live one is half full, or is made when it is sealed.
    for (kind, segment_octets) in [
        (IoKind::Other, 16 * 1024),
        (IoKind::StorageFull, 16 * 1024),
        (IoKind::Other, 32 * 1024),
        (IoKind::StorageFull, 32 * 1024),
    ] {
        let none = Fault { at: u64::MAX, calls: 0, kind };
        for at in 0..run_resting(none, segment_octets, root.path()) {
            for calls in [1, 3] {
                run_resting(Fault { at, calls, kind }, segment_octets, root.path());
                runs += 1;
            }
        }
    }
    println!("suite: store fault at each of {runs} calls of sealing at rest");
    assert!(runs > 20, "{runs}");
}

#[test]
fn who_goes_on_after_an_error_gets_no_body() {
    let root = fast_folder();
    let vfs = SimVfs::default();
    let kv = Embedded::open(&root.path().join("store"), options(&vfs), heard()).unwrap();
    let large: Vec<u8> = (0..300_000u32).map(|n| (n * 7 % 251) as u8).collect();
    let (mut at, mut broken) = (0, 0);
    loop {
        vfs.fail(Some(Fault { at, calls: 1, kind: IoKind::Other }));
        if let Ok(mut stage) = kv.stage_body() {
            let failed = large.chunks(10_000).filter(|chunk| stage.write(chunk).is_err()).count();
            broken += u64::from(failed > 0);
            let finished = stage.finish().is_ok();
            assert!(!(finished && failed > 0), "call {at} failed");
        }
        if vfs.calls() <= at {
            break;
        }
        at += 1;
    }
    assert!(broken > 10, "{broken} of {at}");
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

/// The room that was given up for deleting is not for mail: it would be gone at the next deletion.
#[test]
fn mail_never_takes_the_room_that_is_kept_for_deleting() {
    // With another place in the segment each time: the next one may have to be made with no room left.
    (50..62).for_each(deleting_goes_on_after);
}

fn deleting_goes_on_after(count: u32) {
    let root = fast_folder();
    let vfs = SimVfs::default();
    let folder = root.path().join("store");
    let kv = Embedded::open(&folder, options(&vfs), heard()).unwrap();
    let put = |kv: &Embedded, n: u32| {
        let run = move |txn: &mut dyn koi_store::kv::Txn| txn.put(&key(1, &format!("{n:06}")), &[7; 1500]);
        kv.submit_and_wait(Box::new(run))
    };
    let delete = |kv: &Embedded, n: u32| {
        kv.submit_and_wait(Box::new(move |txn| {
            txn.frees_space();
            txn.delete(&key(1, &format!("{n:06}")))
        }))
    };
    (0..count).for_each(|n| put(&kv, n).unwrap());
    vfs.set_room(Some(vfs.used()));
    let taken = (1000..1100).take_while(|n| put(&kv, *n).is_ok()).count();
    assert!(taken < 100, "the disk is full");
    let asked = vfs.vain_reserves();
    let is_kept = || vfs.paths().iter().any(|path| path.ends_with("reserve"));
    let mut given_up = 0;
    for n in 0..40 {
        delete(&kv, n).unwrap_or_else(|error| panic!("deletion {n}: {error}"));
        for more in 0..5 {
            let was_kept = is_kept();
            let taken = put(&kv, 2000 + n * 5 + more);
            // It may have been taken again before; what is left beside it is for anybody.
            if !was_kept && !is_kept() {
                assert_eq!(taken.unwrap_err().kind, ErrorKind::Unavailable);
                assert_eq!(kv.stage_body().err().map(|error| error.kind), Some(ErrorKind::Unavailable));
                assert!(matches!(kv.health(), Health::Struggling(_)));
                given_up += 1;
            }
        }
    }
    assert!(given_up > 50, "{count}: {given_up}");
    // To ask for more than there is takes all there is for a moment, of which deleting needs some.
    assert_eq!(vfs.vain_reserves(), asked);
    // It is opened again, full as it is.
    let before = Content::of(&kv);
    kv.close().unwrap();
    let kv = Embedded::open(&folder, options(&vfs), heard()).unwrap();
    assert_eq!(Content::of(&kv), before);
    delete(&kv, 45).unwrap();
    vfs.set_room(None);
    put(&kv, 3000).unwrap();
    assert_eq!(kv.health(), Health::Good);
}

/// Rows that the index does not have yet take room there soon: what mail leaves is left beside that.
#[test]
fn room_that_the_index_will_need_is_not_given_to_mail() {
    const MIB: u64 = 1024 * 1024;
    let root = fast_folder();
    let vfs = SimVfs::default();
    vfs.set_room(Some(64 * MIB));
    // Nothing goes to the index by itself.
    let options = Options {
        packing_octets: 64 * MIB,
        apply_rows: usize::MAX,
        apply_millis: 1_000_000_000,
        overlay_rows_max: 1 << 30,
        overlay_octets_max: 1 << 30,
        segment_octets: 4 * MIB,
        ..options(&vfs)
    };
    let kv = Embedded::open(&root.path().join("store"), options, heard()).unwrap();
    let put = |n: u32| {
        let run = move |txn: &mut dyn koi_store::kv::Txn| txn.put(&key(1, &format!("{n:06}")), &[7; 100_000]);
        kv.submit_and_wait(Box::new(run))
    };
    let taken = (0..1000).take_while(|n| put(*n).is_ok()).count() as u64;
    let (written, left) = (taken * 100_000, 64 * MIB / 16);
    assert!((20 * MIB..32 * MIB).contains(&written), "{taken}");
    assert!(vfs.used() + written + left < 66 * MIB, "{} {written}", vfs.used());
    // In the index now, which is not on this disk: there is room again.
    kv.apply_now().unwrap();
    put(2000).unwrap();
}

/// The room that is left is looked at while large messages come in too: they may all have begun before it ran
/// out.
#[test]
fn large_messages_that_begin_together_leave_the_room_for_packing() {
    const MIB: usize = 1024 * 1024;
    let root = fast_folder();
    let vfs = SimVfs::default();
    let options = Options { packing_octets: 64 * MIB as u64, ..options(&vfs) };
    let kv = Embedded::open(&root.path().join("store"), options, heard()).unwrap();
    vfs.set_room(Some(64 * MIB as u64));
    let mut stages: Vec<_> = (0..64).map(|_| Some(kv.stage_body().unwrap())).collect();
    let part = vec![7; MIB / 4];
    let mut refused = 0;
    for _ in 0..8 {
        for slot in &mut stages {
            let Some(stage) = slot else { continue };
            if let Err(error) = stage.write(&part) {
                assert_eq!(error.kind, ErrorKind::Unavailable);
                assert!(error.to_string().contains("full"), "{error}");
                // One that was refused goes on so, whatever room there is by now.
                stage.write(&part).unwrap_err();
                assert!(vfs.used() <= 61 * MIB as u64, "{}", vfs.used());
                *slot = None;
                refused += 1;
            }
        }
    }
    assert!((20..64).contains(&refused), "{refused}");
    let kept: Vec<_> = stages.into_iter().flatten().map(|stage| stage.finish().unwrap()).collect();
    assert_eq!(kept.len(), 64 - refused);
    let files = vfs.paths().into_iter().filter(|path| path.extension().is_some_and(|e| e == "body"));
    assert_eq!(files.count(), kept.len(), "nothing is left of what was refused");
    assert!(vfs.used() <= 61 * MIB as u64);
}

#[test]
fn a_disk_that_keeps_no_room_is_asked_once() {
    let root = fast_folder();
    let vfs = SimVfs::default();
    vfs.forbid_reserve();
    let compactor = CompactorOptions { enabled: true, period_millis: 1, ..small().compactor };
    let options = Options { compactor, ..options(&vfs) };
    let kv = Embedded::open(&root.path().join("store"), options, heard()).unwrap();
    for n in 0..20 {
        transact_and_wait(&kv, move |txn| txn.put(&key(1, &n.to_string()), &[7; 2000])).unwrap();
    }
    // The compactor looks at the segments again and again.
    let lengths = vfs.lengths();
    while vfs.lengths() < lengths + 50 {
        std::thread::yield_now();
    }
    assert_eq!(vfs.vain_reserves(), 1);
    kv.close().unwrap();
}

/// Whoever knows an old password is kept out, however full the disk is; a new account has to wait.
#[test]
fn a_password_is_changed_on_a_full_disk() {
    use koi_store::mail::{directory, dmap::mode};
    use koi_types::{Address, Timestamp};
    let root = fast_folder();
    let vfs = SimVfs::default();
    let options = Options { packing_octets: 64 * 1024, ..options(&vfs) };
    let kv = Embedded::open(&root.path().join("store"), options, heard()).unwrap();
    let now = Timestamp(0);
    let add = |name: &str| {
        let address = Address::new(name, "example.org").unwrap();
        transact_and_wait(&kv, move |txn| directory::create_account(txn, &address, "first", now))
    };
    transact_and_wait(&kv, |txn| directory::create_domain(txn, "example.org").map(drop)).unwrap();
    let alice = add("alice").unwrap();
    vfs.set_room(Some(vfs.used()));
    let refused = (0..1000).find_map(|n| add(&format!("user{n}")).err()).expect("the disk is full");
    assert_eq!(refused.kind, ErrorKind::Unavailable);
    transact_and_wait(&kv, move |txn| mode::set_password(txn, alice, &"second".into(), now)).unwrap();
    let row = directory::directory_record(&*kv.view().unwrap(), alice).unwrap().unwrap();
    assert_eq!(&*row.password.verifier, "second");
    transact_and_wait(&kv, move |txn| directory::remove_account(txn, alice)).unwrap();
}
