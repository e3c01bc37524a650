//! THREAD (RFC 5256 §3): a search, then its messages in threads.

use koi_mailbox::{SearchRun, ThreadAlgorithm, ThreadRun, Threads};
use koi_proto::imap::command::{self, Thread};
use koi_proto::imap::response::ThreadLine;
use koi_types::{Result, Uid};

use super::search::{completed, work};
use super::{filters, meaning};
use crate::imap::job::{Context, Job, Outcome};
use crate::imap::memory;
use crate::imap::progress::Work;
use crate::selected::{Numbering, Selected};

pub(crate) fn start(thread: Thread) -> Box<dyn Job> {
    Box::new(Threading { thread, phase: Phase::Begin })
}

struct Threading {
    thread: Thread,
    phase: Phase,
}

enum Phase {
    Begin,
    Search(SearchRun),
    /// With what the search has cost.
    Thread(ThreadRun, Work),
}

impl Job for Threading {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        match &mut self.phase {
            Phase::Begin => {
                if let Some(reply) = filters::expand(cx.core, self.thread.charset, &mut self.thread.keys)? {
                    return Ok(Outcome::Done(reply));
                }
                let filter = match meaning::filter(cx.core, self.thread.charset, &self.thread.keys)? {
                    Ok(filter) => filter,
                    Err(reply) => return Ok(Outcome::Done(reply)),
                };
                let view = cx.core.view()?;
                let run = cx.core.open()?.account.search(view.mailbox, view.known().clone(), &filter)?;
                // RFC 7162 §3.1: the client has shown that it knows CONDSTORE.
                if self.thread.keys.iter().any(meaning::has_modseq) {
                    cx.core.enable_condstore(cx.out);
                }
                self.phase = Phase::Search(run);
                self.run(cx)
            }
            Phase::Search(run) => {
                if !run.advance()? {
                    run.let_go_beyond(cx.core.room_octets());
                    cx.slice(work(run), run.memory_octets())?;
                    return Ok(Outcome::Yield);
                }
                let work = work(run);
                let count = run.found().count();
                cx.require_room(ThreadRun::octets_for(count).saturating_add(run.memory_octets()))?;
                let algorithm = match self.thread.algorithm {
                    command::ThreadAlgorithm::OrderedSubject => ThreadAlgorithm::OrderedSubject,
                    command::ThreadAlgorithm::References => ThreadAlgorithm::References,
                    command::ThreadAlgorithm::Refs => ThreadAlgorithm::Refs,
                };
                let (mailbox, collation) = (cx.core.view()?.mailbox, cx.core.comparator.collation);
                let thread = cx.core.open()?.account.thread(mailbox, run.found(), algorithm, collation);
                self.phase = Phase::Thread(thread, work);
                self.run(cx)
            }
            Phase::Thread(run, work) => {
                if !run.advance()? {
                    cx.slice(*work, run.memory_octets())?;
                    return Ok(Outcome::Yield);
                }
                // A number, and what may stand around it.
                cx.require_room(
                    run.memory_octets().saturating_add(memory::answer_octets(2 * run.messages())),
                )?;
                let names = Names::new(cx.core.view()?, self.thread.by_uid);
                write(run.threads(), &names, cx.out);
                let by_uid = self.thread.by_uid && !self.thread.has_seqnums();
                completed(cx, "THREAD completed", by_uid).map(Outcome::Done)
            }
        }
    }
}

/// What messages are called in the answer.
enum Names {
    Uids,
    SeqNums(Numbering),
}

impl Names {
    fn new(view: &Selected, by_uid: bool) -> Self {
        if by_uid { Self::Uids } else { Self::SeqNums(view.numbering()) }
    }
    fn of(&self, uid: Uid) -> Option<u32> {
        match self {
            Self::Uids => Some(uid.value()),
            Self::SeqNums(numbering) => numbering.seqnum(uid.value()),
        }
    }
}

/// Walks without recursion: a thread may be as deep as its mailbox is large.
fn write(threads: &Threads, names: &Names, out: &mut Vec<u8>) {
    let mut line = ThreadLine::begin(out);
    for root in threads.roots() {
        let mut open: Vec<Todo> = vec![Todo::Open(*root)];
        while let Some(todo) = open.pop() {
            let Todo::Open(first) = todo else {
                line.close(out);
                continue;
            };
            line.open(out);
            open.push(Todo::Close);
            let mut node = first;
            loop {
                if let Some(number) = threads.uid(node).and_then(|uid| names.of(uid)) {
                    line.member(number, out);
                }
                match threads.children(node) {
                    [only] => node = *only,
                    several => {
                        open.extend(several.iter().rev().map(|child| Todo::Open(*child)));
                        break;
                    }
                }
            }
        }
    }
    line.end(out);
}

enum Todo {
    Open(u32),
    Close,
}
