//! The power goes while a whole process is at work, LMDB's own writes included: a child is traced, and
//! disks are made of
//! everything it had flushed and of chance for the rest. Two controls must be found out, or the test is
//! blind.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use koi_store::engine::{CompactorOptions, Embedded, Options};
use koi_store::kv::Kv;
use koi_store::memory::MemoryKv;

use crate::crash_points::fast_folder;
use crate::power::Replay;
use crate::rig::{Dice, heard, rounds, small};
use crate::sim::{Event, write_into};
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
    journal_without_flushes(&trace, &lying(&|path| is_of(path, "seg")), &mut images);
    index_without_flushes(&trace, &mut images);
}

fn is_of(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

fn journal_without_flushes(trace: &Trace, events: &[Event], images: &mut Images<'_>) {
    // Just after what was believed to be durable, and not at the very beginning.
    let believed = trace.events.iter().enumerate().filter_map(|(at, event)| match event {
        Event::Write { file, durable: true, .. } if is_of(&trace.files[*file], "seg") => Some(at + 1),
        _ => None,
    });
    let believed: Vec<usize> = believed.filter(|at| *at > events.len() / 3).collect();
    let (mut count, mut bad) = (0, 0);
    while bad < 3 && count < 100 {
        count += 1;
        let cut = believed[images.dice.below(believed.len() as u64) as usize];
        let folder = images.at(events, cut);
        bad += u64::from(!is_good(&folder, images.known(cut)));
    }
    println!("suite: store power loss, control, the journal's flushes left out: {bad} of {count} bad");
    assert!(bad > 0, "the test is blind: the journal's flushes left out");
}

/// The index says by its root that a transaction is complete, and one page of it has not come: what lay there
/// before is mostly a page of the same kind, so that nobody can see it.
fn index_without_flushes(trace: &Trace, images: &mut Images<'_>) {
    let losses = losses(trace);
    let (mut count, mut bad) = (0, 0);
    while bad < 3 && count < 100 {
        count += 1;
        let Loss { cut, write, page } = losses[images.dice.below(losses.len() as u64) as usize];
        let mut events: Vec<Event> = trace.events[..cut].to_vec();
        let Event::Write { file, offset, octets, .. } = events[write].clone() else { unreachable!() };
        for event in &mut events {
            if let Event::Write { file: of, durable, .. } = event {
                *durable |= *of == file;
            }
        }
        let part = |from: usize, to: usize| Event::Write {
            file,
            offset: offset + from as u64,
            octets: octets[from..to].into(),
            durable: true,
        };
        events.splice(write..=write, [part(0, page), part(page + PAGE, octets.len())]);
        let folder = images.at(&events, events.len());
        bad += usize::from(!is_good(&folder, images.known(cut)));
    }
    println!("suite: store power loss, control, the index's flushes left out: {bad} of {count} bad");
    assert!(bad > 0, "the test is blind: the index's flushes left out");
}

/// Of LMDB.
const PAGE: usize = 4096;

/// A page that a transaction of the index wrote where another page had been.
struct Loss {
    /// Behind the root that says it is there.
    cut: usize,
    write: usize,
    /// Where in the write.
    page: usize,
}

/// All of them in the later part of the run, in their order.
fn losses(trace: &Trace) -> Vec<Loss> {
    let (mut losses, mut since) = (Vec::new(), Vec::new());
    let mut content: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
    for (at, event) in trace.events.iter().enumerate() {
        let Event::Write { file, offset, octets, durable } = event else { continue };
        if !is_of(&trace.files[*file], "mdb") {
            continue;
        }
        let before = content.entry(*file).or_default();
        if *durable {
            let late = since.drain(..).filter(|_| at > trace.events.len() / 3);
            losses.extend(late.map(|(write, page)| Loss { cut: at + 1, write, page }));
        } else {
            for page in (0..octets.len() / PAGE).map(|page| page * PAGE) {
                let from = *offset as usize + page;
                let old = before.get(from..from + PAGE).unwrap_or_default();
                if old.iter().any(|octet| *octet != 0) && old != &octets[page..page + PAGE] {
                    since.push((at, page));
                }
            }
        }
        write_into(before, octets, *offset);
    }
    losses
}
