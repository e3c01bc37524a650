//! Every write and every flush of a run as the moment the power goes: torn and reordered writes included.
//! Whatever was acknowledged is there, nothing is there by half, and the store goes on.

use std::path::Path;
use std::sync::Arc;

use koi_store::engine::{CompactorOptions, Durability, Embedded, Options};
use koi_store::kv::Kv;
use koi_store::vfs::Vfs;

use crate::power::Replay;
use crate::rig::{Dice, heard, rounds, small};
use crate::sim::{Event, SimVfs, index_file};
use crate::workload::{Author, Content, Model};

/// A recorded run.
struct Run {
    events: Vec<Event>,
    model: Model,
    /// After so many events, so many transactions were acknowledged.
    acknowledged: Vec<Acknowledged>,
    /// How often the live segment was sealed because nothing came.
    sealed_at_rest: usize,
}

struct Acknowledged {
    events: usize,
    count: u64,
}

fn options(vfs: &SimVfs, durability: Durability) -> Options {
    let vfs: Arc<dyn Vfs> = Arc::new(vfs.clone());
    let compactor = CompactorOptions { dead_octets_min: 1, dead_percent: 1, ..small().compactor };
    Options { vfs, durability, compactor, segment_octets: 48 * 1024, fill_ahead_octets: 16 * 1024, ..small() }
}

/// Folders that cost no disk; the files of the store are in memory anyway, only the index is real.
pub(crate) fn fast_folder() -> tempfile::TempDir {
    match Path::new("/dev/shm").is_dir() {
        true => tempfile::tempdir_in("/dev/shm").unwrap(),
        false => tempfile::tempdir().unwrap(),
    }
}

fn record(seed: u64, transactions: u64, durability: Durability, root: &Path) -> Run {
    let folder = root.join(format!("run-{seed}"));
    let vfs = SimVfs::recording(folder.join("index"));
    let kv = Embedded::open(&folder, options(&vfs, durability), heard()).unwrap();
    let (mut author, mut model) = (Author::new(seed), Model::new());
    let mut acknowledged = vec![Acknowledged { events: vfs.event_count(), count: 0 }];
    let (mut done, mut sealed_at_rest) = (0, 0);
    while done < transactions {
        let crowd = 1 + author.dice.below(4);
        let scripts: Vec<_> = (0..crowd).map(|_| author.script()).collect();
        let tickets: Vec<_> = scripts.iter().map(|script| kv.submit(script.boxed())).collect();
        for (script, ticket) in scripts.iter().zip(&tickets) {
            assert_eq!(ticket.wait().is_ok(), model.run(script).is_ok());
        }
        acknowledged.push(Acknowledged { events: vfs.event_count(), count: model.last().count() });
        if author.dice.below(25) == 0 {
            kv.apply_now().unwrap();
        }
        if author.dice.below(40) == 0 {
            kv.compact_now().unwrap();
        }
        if author.dice.below(20) == 0 {
            // Everything that is sealed is packed then, so that a further pack was the live segment.
            kv.compact_now().unwrap();
            let before = last_pack(&vfs);
            kv.rest_now().unwrap();
            sealed_at_rest += usize::from(last_pack(&vfs) > before);
        }
        done += crowd;
    }
    assert_eq!(&Content::of(&kv), model.last());
    kv.close().unwrap();
    Run { events: vfs.events(), model, acknowledged, sealed_at_rest }
}

fn last_pack(vfs: &SimVfs) -> Option<std::path::PathBuf> {
    vfs.paths().into_iter().filter(|path| path.extension().is_some_and(|e| e == "pack")).max()
}

#[test]
fn power_may_go_at_any_write_and_flush() {
    let root = fast_folder();
    let (mut points, mut sealed_at_rest) = (0, 0);
    let seeds = rounds(5, 1);
    for seed in 1..=seeds {
        let durability = if seed % 2 == 0 { Durability::Append } else { Durability::ZeroFilled };
        let run = record(seed, rounds(320, 80), durability, root.path());
        sealed_at_rest += run.sealed_at_rest;
        let mut dice = Dice::new(seed + 1000);
        let mut replay = Replay::default();
        for at in 0..=run.events.len() {
            let next = run.events.get(at);
            for _ in 0..2 {
                let image = replay.image(next, &mut dice);
                let least =
                    run.acknowledged.iter().rfind(|known| known.events <= at).map_or(0, |known| known.count);
                let most = least_above(&run, at);
                check(&image, &replay, &run.model, least..=most, durability, root.path(), &mut dice);
                points += 1;
            }
            if let Some(event) = next {
                replay.advance(event);
            }
        }
    }
    println!("suite: store crash points: {points}, a live segment sealed at rest {sealed_at_rest} times");
    assert!(points >= rounds(5_000, 200));
    assert!(sealed_at_rest >= rounds(10, 0) as usize, "{sealed_at_rest}");
}

/// The control: were the flushes of groups left out, this very test would notice.
#[test]
fn a_journal_without_flushes_is_found_out() {
    let root = fast_folder();
    let mut run = record(99, 60, Durability::ZeroFilled, root.path());
    for event in &mut run.events {
        if let Event::Write { durable, .. } = event {
            *durable = false;
        }
    }
    let mut dice = Dice::new(5);
    let mut replay = Replay::default();
    let mut found_out = 0;
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    for at in 0..=run.events.len() {
        let next = run.events.get(at);
        let image = replay.image(next, &mut dice);
        let least = run.acknowledged.iter().rfind(|known| known.events <= at).map_or(0, |known| known.count);
        let allowed = least..=least_above(&run, at);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            check(
                &image,
                &replay,
                &run.model,
                allowed,
                Durability::ZeroFilled,
                root.path(),
                &mut Dice::new(1),
            );
        }));
        found_out += usize::from(outcome.is_err());
        if let Some(event) = next {
            replay.advance(event);
        }
    }
    std::panic::set_hook(hook);
    println!("suite: control without flushes: {found_out} of {} images bad", run.events.len() + 1);
    assert!(found_out > run.events.len() / 10, "the test is blind");
}

/// Nothing can be there that was submitted after the crash.
fn least_above(run: &Run, at: usize) -> u64 {
    run.acknowledged
        .iter()
        .find(|known| known.events > at)
        .map_or(run.model.last().count(), |known| known.count)
}

fn check(
    image: &SimVfs,
    replay: &Replay,
    model: &Model,
    allowed: std::ops::RangeInclusive<u64>,
    durability: Durability,
    root: &Path,
    dice: &mut Dice,
) {
    let folder = root.join("image");
    let _ = std::fs::remove_dir_all(&folder);
    if let Some(index) = replay.index() {
        std::fs::create_dir_all(folder.join("index/00000001")).unwrap();
        std::fs::write(folder.join("index/00000001/data.mdb"), index).unwrap();
    }
    // The recorded paths belong to the run's folder.
    let image = moved(image, &folder);
    let kv = Embedded::open(&folder, options(&image, durability), heard())
        .unwrap_or_else(|error| panic!("{error}"));
    let content = Content::of(&kv);
    assert!(allowed.contains(&content.count()), "{} transactions, allowed {allowed:?}", content.count());
    assert_eq!(content, model.states[content.count() as usize], "the state after {}", content.count());
    assert_eq!(kv.check(false, None, &mut |_, _| {}).unwrap().findings, []);
    if dice.below(8) > 0 {
        return;
    }
    // It goes on, and a second crash takes nothing away.
    let script = Author::new(dice.next()).script();
    if kv.submit_and_wait(script.boxed()).is_ok() {
        assert_eq!(Content::of(&kv).count(), content.count() + 1);
    }
    let after = Content::of(&kv);
    let left = image.fork();
    let index = index_file(&folder.join("index")).and_then(|path| std::fs::read(path).ok());
    drop(kv);
    let again = root.join("again");
    let _ = std::fs::remove_dir_all(&again);
    if let Some(index) = index {
        std::fs::create_dir_all(again.join("index/00000001")).unwrap();
        std::fs::write(again.join("index/00000001/data.mdb"), index).unwrap();
    }
    let kv = Embedded::open(&again, options(&moved(&left, &again), durability), heard()).unwrap();
    assert_eq!(Content::of(&kv), after);
}

/// The same files under another folder.
pub(crate) fn moved(vfs: &SimVfs, folder: &Path) -> SimVfs {
    let out = SimVfs::default();
    for path in vfs.paths() {
        let parent = path.parent().unwrap();
        let inside = match parent.file_name().and_then(|name| name.to_str()) {
            Some(name @ ("journal" | "bodies")) => folder.join(name),
            _ => folder.to_owned(),
        };
        out.set_content(&inside.join(path.file_name().unwrap()), vfs.content(&path).unwrap());
    }
    out
}
