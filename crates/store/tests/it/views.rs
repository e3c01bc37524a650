//! What readers see while others write, apply and compact. A scheduler with a seed decides at every call of
//! the file system what somebody else does before that call goes on: look, write, or apply. All of it is done
//! by the one thread of the test, so that a seed is always the same run.
//!
//! A view is one state of the oracle, not older than what was acknowledged before it was opened and not newer
//! than what was submitted, and stays that state (docs/STORE.md).

use std::cell::{Cell, RefCell};
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use koi_store::engine::{Durability, Embedded, Options};
use koi_store::kv::{Kv, View};
use koi_store::vfs::{File, Vfs};

use crate::crash_points::fast_folder;
use crate::rig::{Dice, heard, rounds, small};
use crate::sim::SimVfs;
use crate::workload::{Author, Content, Model, count_in};

/// What is under way while the file system is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Doing {
    Writing,
    Applying,
    /// And sealing the live segment, maybe.
    Compacting,
}

/// Which call it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    /// A part of the index is committed.
    Index,
    /// Of a pack that is being made.
    Pack,
    Other,
}

/// What the reader is asked to do. It does one thing at a time, and the scheduler waits for it.
enum Ask {
    /// To open a view, and to keep it in the place of the one with this number if there are many.
    Look(usize),
    /// To look again into one that it keeps.
    LookAgain(usize),
}

/// What it saw there: all of it, and the state that the view was when it was opened.
type Looked = Option<(usize, Content)>;

/// Views that are kept at most.
const KEPT_MAX: usize = 4;

fn read(kv: &Embedded, asks: &Receiver<Ask>, looked: &Sender<Looked>) {
    let mut kept: Vec<(usize, Box<dyn View + '_>)> = Vec::new();
    for ask in asks {
        let answer = match ask {
            Ask::Look(place) => {
                let view = kv.view().unwrap();
                let (state, content) = (count_in(&*view) as usize, Content::in_view(&*view));
                if kept.len() >= KEPT_MAX {
                    kept.swap_remove(place % KEPT_MAX);
                }
                kept.push((state, view));
                Some((state, content))
            }
            Ask::LookAgain(place) => kept.get(place).map(|(state, view)| (*state, Content::in_view(&**view))),
        };
        looked.send(answer).unwrap();
    }
}

struct Scheduler {
    kv: Arc<Embedded>,
    dice: RefCell<Dice>,
    author: RefCell<Author>,
    model: RefCell<Model>,
    /// The last state that was acknowledged; those after it may be there already.
    acknowledged: Cell<usize>,
    doing: RefCell<Vec<Doing>>,
    /// Calls that write a group, while they last.
    group_writes: Cell<i32>,
    asks: Sender<Ask>,
    looked: Receiver<Looked>,
    seen: Cell<Seen>,
    /// The first thing that was wrong. Nothing is done after it: a panic in a call would leave the engine
    /// waiting for that call.
    wrong: RefCell<Option<String>>,
}

/// What a run has come through.
#[derive(Clone, Copy, Default, Debug)]
struct Seen {
    /// Views opened in the middle of something, and of these in the middle of a round of the applier.
    views: u64,
    views_while_applied: u64,
    /// Views that were older than the last state when they were looked at again.
    old_views: u64,
    /// Transactions in the middle of a round of the applier or of packing, and rounds in that of a write.
    writes_within: u64,
    applied_within: u64,
}

thread_local! {
    /// Of this thread; the engine's own threads have none.
    static SCHEDULER: RefCell<Option<Rc<Scheduler>>> = const { RefCell::new(None) };
}

/// A call of the file system is about to happen.
fn moment(call: Call) {
    let scheduler = SCHEDULER.with_borrow(Option::clone);
    if let Some(scheduler) = scheduler.filter(|scheduler| scheduler.wrong.borrow().is_none()) {
        scheduler.moment(call);
    }
}

/// A group is about to be written, or was.
fn group_writes(more: i32) {
    if let Some(scheduler) = SCHEDULER.with_borrow(Option::clone) {
        scheduler.group_writes.set(scheduler.group_writes.get() + more);
    }
}

impl Scheduler {
    fn below(&self, bound: u64) -> u64 {
        self.dice.borrow_mut().below(bound)
    }
    fn note(&self, note: impl FnOnce(&mut Seen)) {
        let mut seen = self.seen.get();
        note(&mut seen);
        self.seen.set(seen);
    }
    fn does(&self, doing: Doing) -> bool {
        self.doing.borrow().contains(&doing)
    }
    fn moment(&self, call: Call) {
        match self.below(8) {
            0..3 => {
                self.note(|seen| seen.views += 1);
                self.note(|seen| seen.views_while_applied += u64::from(call == Call::Index));
                self.look();
            }
            3 => self.look_again(),
            // Whoever writes has the turn until its group is durable: nobody else writes in between.
            4 if call != Call::Other && !self.does(Doing::Writing) => {
                self.note(|seen| seen.writes_within += 1);
                self.write();
            }
            5 if self.doing.borrow().as_slice() == [Doing::Writing] => {
                self.note(|seen| seen.applied_within += 1);
                self.apply();
            }
            _ => {}
        }
    }
    fn write(&self) {
        let script = self.author.borrow_mut().script();
        let expected = self.model.borrow_mut().run(&script);
        let state = self.model.borrow().states.len() - 1;
        self.doing.borrow_mut().push(Doing::Writing);
        let outcome = self.kv.submit_and_wait(script.boxed());
        self.doing.borrow_mut().pop();
        self.require(outcome.is_ok() == expected.is_ok(), || format!("{outcome:?}, expected {expected:?}"));
        self.acknowledged.set(state);
    }
    fn apply(&self) {
        self.doing.borrow_mut().push(Doing::Applying);
        self.kv.apply_now().unwrap();
        self.doing.borrow_mut().pop();
    }
    fn compact(&self, rest: bool) {
        self.doing.borrow_mut().push(Doing::Compacting);
        if rest { self.kv.rest_now() } else { self.kv.compact_now() }.unwrap();
        self.doing.borrow_mut().pop();
    }
    fn require(&self, right: bool, what: impl FnOnce() -> String) {
        if !right {
            self.wrong
                .borrow_mut()
                .get_or_insert_with(|| format!("{} while {:?}", what(), self.doing.borrow()));
        }
    }
    fn ask(&self, ask: Ask) -> Looked {
        let looked = self.asks.send(ask).ok().and_then(|()| self.looked.recv().ok());
        self.require(looked.is_some(), || "the reader could not read".to_owned());
        looked.flatten()
    }
    fn look(&self) {
        let place = self.below(KEPT_MAX as u64) as usize;
        let Some((state, content)) = self.ask(Ask::Look(place)) else { return };
        let model = self.model.borrow();
        // While a group is being written nobody sees anything of it.
        let end = if self.group_writes.get() > 0 { self.acknowledged.get() + 1 } else { model.states.len() };
        let allowed = self.acknowledged.get()..end;
        self.require(allowed.contains(&state), || format!("a view is state {state} of {allowed:?}"));
        self.require(model.states.get(state) == Some(&content), || format!("a view is not state {state}"));
    }
    fn look_again(&self) {
        let place = self.below(KEPT_MAX as u64) as usize;
        let Some((state, content)) = self.ask(Ask::LookAgain(place)) else { return };
        self.note(|seen| seen.old_views += u64::from(state < self.acknowledged.get()));
        let same = self.model.borrow().states[state] == content;
        self.require(same, || format!("a view that was opened before is not state {state} any more"));
    }
    fn step(&self) {
        match self.below(16) {
            0..9 => self.write(),
            9..11 => self.apply(),
            11 => self.compact(self.below(2) == 0),
            12..14 => self.look(),
            _ => self.look_again(),
        }
    }
}

/// Calls `moment` before every call that changes something.
struct ScheduledVfs(SimVfs);

struct ScheduledFile {
    file: Arc<dyn File>,
    call: Call,
}

fn scheduled(path: &Path, file: Arc<dyn File>) -> Arc<dyn File> {
    Arc::new(ScheduledFile { file, call: call_for(path) })
}

fn call_for(path: &Path) -> Call {
    if path.extension().is_some_and(|e| e == "new") { Call::Pack } else { Call::Other }
}

impl Vfs for ScheduledVfs {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        moment(call_for(path));
        Ok(scheduled(path, self.0.create(path)?))
    }
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(scheduled(path, self.0.open(path)?))
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        moment(call_for(path));
        self.0.remove(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        moment(call_for(from));
        self.0.rename(from, to)
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.0.create_dir(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.0.list(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        moment(Call::Other);
        self.0.sync_dir(path)
    }
    fn index_committed(&self) {
        moment(Call::Index);
    }
}

impl File for ScheduledFile {
    fn write_at(&self, octets: &[u8], offset: u64) -> io::Result<()> {
        moment(self.call);
        self.file.write_at(octets, offset)
    }
    fn write_durable(&self, octets: &[u8], offset: u64) -> io::Result<()> {
        group_writes(1);
        moment(self.call);
        let written = self.file.write_durable(octets, offset);
        // Durable, and not answered: whoever saw it now would be told of what the engine may yet call failed.
        moment(self.call);
        group_writes(-1);
        written
    }
    fn flush(&self) -> io::Result<()> {
        moment(self.call);
        self.file.flush()?;
        moment(self.call);
        Ok(())
    }
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
    fn octets(&self) -> io::Result<u64> {
        self.file.octets()
    }
    fn set_octets(&self, octets: u64) -> io::Result<()> {
        moment(self.call);
        self.file.set_octets(octets)
    }
    fn write_back(&self, offset: u64, octets: u64) -> io::Result<()> {
        self.file.write_back(offset, octets)
    }
    fn reserve(&self, octets: u64) -> io::Result<()> {
        self.file.reserve(octets)
    }
}

fn run(seed: u64, root: &Path) -> Seen {
    let mut dice = Dice::new(seed + 31);
    let durability = if dice.below(2) == 0 { Durability::Append } else { Durability::ZeroFilled };
    let options = Options {
        vfs: Arc::new(ScheduledVfs(SimVfs::default())),
        durability,
        segment_octets: 24 * 1024,
        fill_ahead_octets: 8 * 1024,
        ..small()
    };
    let kv = Arc::new(Embedded::open(&root.join(format!("{seed}")), options, heard()).unwrap());
    let ((asks, asked), (looking, looked)) = (channel(), channel());
    std::thread::scope(|scope| {
        let reading = &*kv;
        scope.spawn(move || read(reading, &asked, &looking));
        let scheduler = Rc::new(Scheduler {
            kv: Arc::clone(&kv),
            dice: RefCell::new(dice),
            author: RefCell::new(Author::new(seed)),
            model: RefCell::new(Model::new()),
            acknowledged: Cell::new(0),
            doing: RefCell::default(),
            group_writes: Cell::default(),
            asks,
            looked,
            seen: Cell::default(),
            wrong: RefCell::default(),
        });
        SCHEDULER.set(Some(Rc::clone(&scheduler)));
        (0..60).take_while(|_| scheduler.wrong.borrow().is_none()).for_each(|_| scheduler.step());
        SCHEDULER.set(None);
        assert_eq!(*scheduler.wrong.borrow(), None);
        assert_eq!(&Content::of(&*kv), scheduler.model.borrow().last());
        assert_eq!(kv.check(false, None, &mut |_, _| {}).unwrap().findings, []);
        scheduler.seen.get()
    })
}

#[test]
fn a_view_is_one_state_whatever_happens_when() {
    let root = fast_folder();
    let seeds = rounds(200, 25);
    let mut all = Seen::default();
    for seed in 1..=seeds {
        println!("seed {seed}");
        let seen = run(seed, root.path());
        all.views += seen.views;
        all.views_while_applied += seen.views_while_applied;
        all.old_views += seen.old_views;
        all.writes_within += seen.writes_within;
        all.applied_within += seen.applied_within;
        std::fs::remove_dir_all(root.path().join(format!("{seed}"))).unwrap();
    }
    println!("suite: store views by a scheduler, {seeds} seeds: {all:?}");
    let least =
        [all.views / 10, all.views_while_applied, all.old_views, all.writes_within, all.applied_within];
    assert!(least.iter().all(|count| *count >= seeds / 2), "{all:?}");
}
