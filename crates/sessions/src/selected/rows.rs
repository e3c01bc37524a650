//! A pass over the rows of messages that are written one after the other, in any protocol: FETCH (RFC 9051
//! §6.4.5, DMAP-00 §7.6.4).
//!
//! A pass stops where the output is full, in the middle of a mailbox, of a message, or of a body, and the
//! next one goes on there. Messages that another session has removed meanwhile are written from what is kept
//! of them for a while. Must not: know what a line looks like, that is for [`Lines`]; keep a snapshot.

use std::ops::ControlFlow;

use koi_mailbox::{ExpungedMessage, MessageRow, Snapshot};
use koi_types::{ErrorKind, MailError, ModSeq, NumSet, Result, SystemFlags, UidSet, limits};

use super::Selected;

/// Rows looked at in one step, when nothing or little is written for each.
const ROWS_PER_STEP: u32 = 10_000;

/// Writes messages of one snapshot.
pub(crate) trait Lines {
    type Progress: Begun;
    /// What writing this message counts beside a row: more where it is made for it, which takes long.
    fn weight(&self, _: &MessageRow<'_>) -> u32 {
        0
    }
    /// Goes on with a half-written body; `false` when the output is full again.
    fn go_on(&self, progress: &mut Self::Progress, out: &mut Vec<u8>) -> Result<bool>;
    /// One message from its first item, or from where it was left.
    fn message(
        &self,
        seqnum: u32,
        row: &MessageRow<'_>,
        resumed: Option<Self::Progress>,
        out: &mut Vec<u8>,
    ) -> Result<Wrote<Self::Progress>>;
}

/// How far a message is written, when the output was full in the middle of it.
pub(crate) trait Begun {
    fn uid(&self) -> u32;
    /// The message is gone and the rest of its items with it: ends its line.
    fn abandon(self, out: &mut Vec<u8>);
}

/// What became of one message.
pub(crate) enum Wrote<P> {
    Whole,
    Partly(Box<P>),
    /// Nothing: it has no number here.
    Nothing,
    /// Nothing: it cannot be told in the form that was asked for.
    Unsuitable,
}

/// The messages that are to be written, and how far that is.
pub(crate) struct Rows<P> {
    /// UIDs not yet written.
    pub(crate) left: NumSet,
    /// How far the first of them is written.
    pub(crate) progress: Option<P>,
    /// UIDs behind which the passes are and that were not there.
    absent: NumSet,
    /// Messages that left after this client was last told.
    gone: Vec<ExpungedMessage>,
    /// The others are written.
    only_gone: bool,
    /// Messages that are to get `\Seen`.
    pub(crate) seen: UidSet,
    /// Some messages are gone for good.
    pub(crate) missing: bool,
    /// Rows of some messages cannot be read; `koi check` names them.
    pub(crate) corrupt: bool,
    /// Some could not be told in the form that was asked for.
    pub(crate) unsuitable: bool,
    /// Messages were made in the last pass, or are to be in the next.
    makes: bool,
    /// The pass that runs was said to take long.
    may_make: bool,
}

/// How one pass goes.
pub(crate) struct Pass<'a, W> {
    pub(crate) lines: W,
    pub(crate) snapshot: &'a Snapshot<'a>,
    pub(crate) view: &'a Selected,
    /// Others are passed over.
    pub(crate) changed_since: Option<ModSeq>,
    /// What is written is seen.
    pub(crate) sets_seen: bool,
    /// What one message counts.
    pub(crate) rows_each: u32,
    /// Only the message that is half written may be: before the next, something else is to be told.
    pub(crate) only_rest: bool,
    pub(crate) out: &'a mut Vec<u8>,
}

/// Where a pass ended.
pub(crate) enum Passed {
    All,
    OutputFull,
    Slice,
    /// A line is half written, and cannot be ended.
    Broken(MailError),
}

impl<P> Rows<P> {
    pub(crate) const fn new() -> Self {
        Self {
            left: NumSet::new(),
            progress: None,
            absent: NumSet::new(),
            gone: Vec::new(),
            only_gone: false,
            seen: UidSet::new(),
            missing: false,
            corrupt: false,
            unsuitable: false,
            makes: false,
            may_make: false,
        }
    }
    /// Whether the next pass makes messages, for which others are to have their way first.
    pub(crate) const fn takes_long(&self) -> bool {
        self.makes && self.progress.is_none()
    }
}

impl<P: Begun> Rows<P> {
    /// Writes messages that are there, then those that are gone, until the output is full or it has been at
    /// it for long enough.
    pub(crate) fn write<W: Lines<Progress = P>>(&mut self, mut pass: Pass<'_, W>) -> Result<Passed> {
        self.may_make = self.takes_long();
        self.makes = false;
        if !self.only_gone {
            match self.write_there(&mut pass)? {
                Passed::All => self.only_gone = true,
                stopped => return Ok(stopped),
            }
        }
        if self.gone.is_empty() {
            return Ok(Passed::All);
        }
        // They left behind what the client was last told: all of it is news, and nobody has seen them.
        (pass.changed_since, pass.sets_seen) = (None, false);
        self.write_gone(&mut pass)
    }
    fn write_there<W: Lines<Progress = P>>(&mut self, pass: &mut Pass<'_, W>) -> Result<Passed> {
        let (snapshot, view) = (pass.snapshot, pass.view);
        let mut seqnums = view.cursor();
        let left = std::mem::take(&mut self.left);
        let mut visit = Visit { pass, rows: self, visited: NumSet::new(), counted: 0, stopped: None };
        if visit.body_first() {
            let visiting = |row: &MessageRow<'_>| visit.row(seqnums.seqnum(row.uid.value()), row);
            match snapshot.messages(view.mailbox, &left, visiting) {
                Ok(scanned) => visit.rows.corrupt |= !scanned.corrupt.is_empty(),
                Err(error) => {
                    visit.abandon();
                    return Err(error);
                }
            }
        }
        let Visit { visited, stopped, pass, .. } = visit;
        self.left = left;
        let (done, passed) = match stopped {
            Some(Stopped::Failed(error)) => return Err(error),
            Some(Stopped::Broken(error)) => return Ok(Passed::Broken(error)),
            Some(Stopped::Full { done }) => (done, Passed::OutputFull),
            Some(Stopped::Slice { done }) => (done, Passed::Slice),
            None => {
                if let Some(progress) = self.progress.take() {
                    progress.abandon(pass.out);
                }
                let mut gone = std::mem::take(&mut self.left).difference(&visited);
                gone.extend(&std::mem::take(&mut self.absent));
                if !gone.is_empty() {
                    self.gone = snapshot.expunged(view.mailbox, view.told_vanished(), &gone)?;
                    self.missing |= gone.count() != self.gone.len() as u64;
                }
                return Ok(Passed::All);
            }
        };
        // Seldom: the sets are compared only where the numbers differ.
        if self.left.rank(done.saturating_add(1)) != visited.count() {
            let mut behind = self.left.clone();
            behind.remove_range(done.saturating_add(1)..=u32::MAX);
            self.absent.extend(&behind.difference(&visited));
        }
        self.left.remove_range(0..=done);
        Ok(passed)
    }
    /// From what is kept of them for a while.
    fn write_gone<W: Lines<Progress = P>>(&mut self, pass: &mut Pass<'_, W>) -> Result<Passed> {
        let (snapshot, view) = (pass.snapshot, pass.view);
        let mut gone = std::mem::take(&mut self.gone);
        let mut visit = Visit { pass, rows: self, visited: NumSet::new(), counted: 0, stopped: None };
        if visit.body_first() {
            for message in &gone {
                let Some(seqnum) = view.seqnum(message.uid) else {
                    visit.rows.missing = true;
                    continue;
                };
                match snapshot.left(message, |row| visit.row(seqnum, row)) {
                    Ok(Some(ControlFlow::Break(()))) => break,
                    Ok(Some(ControlFlow::Continue(()))) => {}
                    Ok(None) => visit.rows.missing = true,
                    Err(_) => visit.rows.corrupt = true,
                }
            }
        }
        let (done, passed) = match visit.stopped.take() {
            Some(Stopped::Failed(error)) => return Err(error),
            Some(Stopped::Broken(error)) => return Ok(Passed::Broken(error)),
            Some(Stopped::Full { done }) => (done, Passed::OutputFull),
            Some(Stopped::Slice { done }) => (done, Passed::Slice),
            None => {
                // What was kept of the message that is half written is gone by now too.
                visit.abandon();
                return Ok(Passed::All);
            }
        };
        gone.retain(|message| message.uid.value() > done);
        self.gone = gone;
        Ok(passed)
    }
}

struct Visit<'p, 'r, 'a, W: Lines> {
    pass: &'p mut Pass<'a, W>,
    rows: &'r mut Rows<W::Progress>,
    visited: NumSet,
    counted: u32,
    stopped: Option<Stopped>,
}

enum Stopped {
    /// Everything up to `done` is written; `progress` says what of the next.
    Full {
        done: u32,
    },
    Slice {
        done: u32,
    },
    /// Between two lines.
    Failed(MailError),
    /// A line is half written.
    Broken(MailError),
}

impl<W: Lines> Visit<'_, '_, '_, W> {
    /// The rest of a half-written body, whether its message is still there or not. Answers whether more may
    /// follow.
    fn body_first(&mut self) -> bool {
        let Some(progress) = &mut self.rows.progress else { return true };
        let done = progress.uid().saturating_sub(1);
        self.stopped = match self.pass.lines.go_on(progress, self.pass.out) {
            Ok(true) => None,
            Ok(false) => Some(Stopped::Full { done }),
            Err(error) => Some(Stopped::Broken(error)),
        };
        self.stopped.is_none()
    }
    /// Ends the line of a message of which nothing more can be written.
    fn abandon(&mut self) {
        if let Some(progress) = self.rows.progress.take() {
            progress.abandon(self.pass.out);
        }
    }
    fn row(&mut self, seqnum: u32, row: &MessageRow<'_>) -> ControlFlow<()> {
        let done = row.uid.value();
        self.message(seqnum, row)?;
        self.visited.insert(done);
        self.counted = self.counted.saturating_add(self.pass.rows_each);
        if self.pass.out.len() >= limits::OUTPUT_OCTETS_HIGH {
            return self.stop(Stopped::Full { done });
        }
        if self.counted >= ROWS_PER_STEP || self.pass.only_rest {
            return self.stop(Stopped::Slice { done });
        }
        ControlFlow::Continue(())
    }
    fn message(&mut self, seqnum: u32, row: &MessageRow<'_>) -> ControlFlow<()> {
        let uid = row.uid.value();
        // If its message went away in the middle, its line is ended, and the rest of it is lost.
        if let Some(before) = self.rows.progress.as_ref().map(Begun::uid).filter(|of| *of != uid) {
            self.abandon();
            if self.pass.only_rest {
                return self.stop(Stopped::Slice { done: before.saturating_sub(1) });
            }
        }
        let resumed = self.rows.progress.take();
        if resumed.is_none() && self.pass.changed_since.is_some_and(|since| row.modseq <= since) {
            return ControlFlow::Continue(());
        }
        let weight = if resumed.is_none() { self.pass.lines.weight(row) } else { 0 };
        if weight > 0 {
            self.rows.makes = true;
            if !self.rows.may_make {
                return self.stop(Stopped::Slice { done: uid.saturating_sub(1) });
            }
            self.counted = self.counted.saturating_add(weight);
        }
        let (begun, before) = (resumed.is_some(), self.pass.out.len());
        match self.pass.lines.message(seqnum, row, resumed, self.pass.out) {
            Ok(Wrote::Whole) => {
                if self.pass.sets_seen && !row.flags.contains(SystemFlags::SEEN) {
                    self.rows.seen.insert(row.uid);
                }
            }
            Ok(Wrote::Nothing) => {}
            Ok(Wrote::Unsuitable) => self.rows.unsuitable = true,
            Ok(Wrote::Partly(progress)) => {
                self.rows.progress = Some(*progress);
                return self.stop(Stopped::Full { done: uid.saturating_sub(1) });
            }
            Err(error) if begun => return self.stop(Stopped::Broken(error)),
            // A message that cannot be read must not keep the others back.
            Err(error) => {
                self.pass.out.truncate(before);
                match error.kind {
                    ErrorKind::Corrupt => self.rows.corrupt = true,
                    _ => return self.stop(Stopped::Failed(error)),
                }
            }
        }
        ControlFlow::Continue(())
    }
    fn stop(&mut self, stopped: Stopped) -> ControlFlow<()> {
        self.stopped = Some(stopped);
        ControlFlow::Break(())
    }
}
