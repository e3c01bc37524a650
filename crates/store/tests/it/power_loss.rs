//! The power goes while a whole process is at work, LMDB's own writes included: a child is traced, and
//! disks are made of
//! everything it had flushed and of chance for the rest. Two controls must be found out, or the test is
//! blind.

use std::path::{Path, PathBuf};
use std::process::Command;

use koi_store::engine::{CompactorOptions, Embedded, Options};
use koi_store::kv::Kv;
use koi_store::memory::MemoryKv;

use crate::crash_points::fast_folder;
use crate::rig::{Dice, heard, rounds, small};
use crate::sim::{Event, Replay};
use crate::trace::{CALLS, Trace};
use crate::workload::{Author, Content, Model, Script};

const CHILD: &str = "KOI_POWER_LOSS_CHILD";
const JUDGE: &str = "KOI_POWER_LOSS_JUDGE";
const SEED: u64 = 4711;

fn options() -> Options {
    let compactor = CompactorOptions { dead_octets_min: 1, dead_percent: 1, ..small().compactor };
    Options { segment_octets: 64 * 1024, fill_ahead_octets: 32 * 1024, apply_rows: 60, compactor, ..small() }
}

/// The traced process: works, and says after each answer how many transactions it knows to be durable.
#[test]
fn child() {
    let Some(root) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    use std::io::Write;
    let mut said = std::fs::File::create(root.join("said")).unwrap();
    let kv = Embedded::open(&root.join("store"), options(), heard()).unwrap();
    let mut author = Author::new(SEED);
    let mut count = 0u64;
    for round in 0..rounds(120, 40) {
        let crowd = 1 + author.dice.below(4);
        let scripts: Vec<_> = (0..crowd).map(|_| author.script()).collect();
        let tickets: Vec<_> = scripts.iter().map(|script| kv.submit(script.boxed())).collect();
        count += tickets.iter().filter(|ticket| ticket.wait().is_ok()).count() as u64;
        said.write_all(format!("{count}\n").as_bytes()).unwrap();
        if round % 30 == 29 {
            kv.compact_now().unwrap();
        }
    }
    kv.close().unwrap();
}

/// All transactions of the child, in their order.
fn scripts() -> Vec<Script> {
    let mut author = Author::new(SEED);
    let crowds = (0..rounds(120, 40)).flat_map(|_| {
        let crowd = 1 + author.dice.below(4);
        (0..crowd).map(|_| author.script()).collect::<Vec<_>>()
    });
    crowds.collect()
}

/// All states the child went through.
fn states() -> Model {
    let mut model = Model::new();
    scripts().iter().for_each(|script| drop(model.run(script)));
    model
}

/// The state after so many successful transactions.
fn state_after(count: u64) -> Content {
    let memory = MemoryKv::new(heard());
    let mut left = count;
    for script in scripts() {
        if left == 0 {
            break;
        }
        left -= u64::from(memory.submit_and_wait(script.boxed()).is_ok());
    }
    Content::of(&memory)
}

fn traced(root: &Path) -> Trace {
    let log = root.join("trace");
    let status = Command::new("strace")
        .args(["-f", "-xx", "-s", "20000000", "-e", &format!("trace={CALLS}"), "-e", "signal=none", "-o"])
        .arg(&log)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "power_loss::child", "--test-threads=1"])
        .env(CHILD, root)
        .output()
        .expect("strace is installed (tests/packages.txt)");
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stdout));
    let text = std::fs::read_to_string(log).unwrap();
    Trace::read(&text, &root.join("store"), &root.join("said"))
}

/// Writes the disk to a folder of its own; returns it and how many transactions must be there.
struct Images<'a> {
    trace: &'a Trace,
    dice: Dice,
    root: &'a Path,
}

impl Images<'_> {
    fn at(&mut self, events: &[Event], cut: usize) -> PathBuf {
        let mut replay = Replay::default();
        events[..cut].iter().for_each(|event| replay.advance(event));
        let image = replay.image(events.get(cut), &mut self.dice);
        let folder = self.root.join("image");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        for path in image.paths() {
            let inside = folder.join(path.strip_prefix(self.root.join("store")).unwrap());
            std::fs::create_dir_all(inside.parent().unwrap()).unwrap();
            std::fs::write(inside, image.content(&path).unwrap()).unwrap();
        }
        folder
    }
    fn known(&self, cut: usize) -> u64 {
        self.trace.said.iter().rfind(|said| said.events <= cut).map_or(0, |said| said.number)
    }
}

/// Opens an image and compares it with the state it says it is in.
fn judge(folder: &Path, known: u64, expected: impl FnOnce(u64) -> Content) {
    let kv = Embedded::open(folder, options(), heard()).unwrap_or_else(|error| panic!("{error}"));
    let content = Content::of(&kv);
    assert!(content.count() >= known, "{} transactions, {known} were acknowledged", content.count());
    assert_eq!(content, expected(content.count()));
    let report = kv.check(false, None, &mut |_, _| {}).unwrap();
    assert_eq!(report.findings, []);
    let script = Author::new(known + 1).small_script();
    kv.submit_and_wait(script.boxed()).unwrap();
    assert_eq!(Content::of(&kv).count(), content.count() + 1);
}

/// A process of its own, because an index without its flushes can kill whoever opens it.
#[test]
fn judge_alone() {
    let Some(what) = std::env::var_os(JUDGE) else { return };
    let what = what.into_string().unwrap();
    let (known, folder) = what.split_once(' ').unwrap();
    judge(Path::new(folder), known.parse().unwrap(), state_after);
}

fn is_good(folder: &Path, known: u64) -> bool {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "power_loss::judge_alone"])
        .env(JUDGE, format!("{known} {}", folder.display()))
        .output();
    status.unwrap().status.success()
}

#[test]
fn power_may_go_at_any_moment_of_a_whole_process() {
    let root = fast_folder();
    let trace = traced(root.path());
    let model = states();
    assert_eq!(trace.said.last().unwrap().number, model.last().count(), "the child did what we think it did");
    let dice = Dice::new(31);
    let mut images = Images { trace: &trace, dice, root: root.path() };
    let count = rounds(400, 40);
    for _ in 0..count {
        let cut = images.dice.below(trace.events.len() as u64 + 1) as usize;
        let folder = images.at(&trace.events, cut);
        judge(&folder, images.known(cut), |count| model.states[count as usize].clone());
    }
    println!("suite: store power loss: {count} images from {} events, all good", trace.events.len());

    let lying = |is_lie: &dyn Fn(&Path) -> bool| -> Vec<Event> {
        let events = trace.events.iter().cloned().map(|event| match event {
            Event::Write { file, offset, octets, .. } if is_lie(&trace.files[file]) => {
                Event::Write { file, offset, octets, durable: false }
            }
            Event::Flush { file, .. } if is_lie(&trace.files[file]) => Event::Flush { file, started: 0 },
            other => other,
        });
        events.collect()
    };
    for (what, end) in [("the index's flushes left out", "mdb"), ("the journal's flushes left out", "seg")] {
        let is_lie = |path: &Path| path.extension().is_some_and(|extension| extension == end);
        let events = lying(&is_lie);
        // Just after what was believed to be durable, and not at the very beginning.
        let believed = trace.events.iter().enumerate().filter_map(|(at, event)| match event {
            Event::Write { file, durable: true, .. } if is_lie(&trace.files[*file]) => Some(at + 1),
            _ => None,
        });
        let believed: Vec<usize> = believed.filter(|at| *at > events.len() / 3).collect();
        // Most broken indexes are recognised and built again, which is no failure: it takes some tries.
        let (mut count, mut bad) = (0, 0);
        while bad < 3 && count < 100 {
            count += 1;
            let cut = believed[images.dice.below(believed.len() as u64) as usize];
            let folder = images.at(&events, cut);
            bad += u64::from(!is_good(&folder, images.known(cut)));
        }
        println!("suite: store power loss, control, {what}: {bad} of {count} bad");
        assert!(bad > 0, "the test is blind: {what}");
    }
}
