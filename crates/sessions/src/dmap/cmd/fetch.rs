//! FETCH (DMAP-00 §7.6.4, RFC 7162 §3.1.4 and §3.2.6).
//!
//! Rows are visited in UID order and written straight into the output; at the high-water mark the job stops
//! in the middle of a mailbox, of a message, or of a body, and goes on at the next step. `\Seen` is set for
//! all messages in one transaction at the end, and its FLAGS follow.

use std::ops::ControlFlow;

use koi_mailbox::{ExpungedMessage, FlagChange, FlagOp, FlagsSet, KeywordTable, MessageRow, Pending};
use koi_proto::dmap::Code;
use koi_proto::dmap::chunk::{Body, BodyForm};
use koi_proto::dmap::command::{ChangedSince, Fetch, FetchItem};
use koi_types::{ErrorKind, MailError, NumSet, Result, SystemFlags, UidSet};

use crate::dmap::fetch::{Progress, Writer, Wrote};
use crate::dmap::job::{Context, Job, Outcome};
use crate::dmap::reply::Reply;
use crate::dmap::sync::{is_full, vanished};
use crate::selected::missed::missed;
use crate::selected::sequence;
use crate::selected::telling::Telling;
use crate::session::Note;

pub(crate) fn start(fetch: Fetch) -> Box<dyn Job> {
    Box::new(Fetching {
        fetch,
        left: NumSet::new(),
        progress: None,
        gone: Vec::new(),
        seen: UidSet::new(),
        missing: false,
        corrupt: false,
        broken: false,
        phase: Phase::Begin,
    })
}

struct Fetching {
    fetch: Fetch,
    /// UIDs not yet written.
    left: NumSet,
    /// How far the first of them is written.
    progress: Option<Progress>,
    /// Messages that left after this client was last told: read from their grace, after the others.
    gone: Vec<ExpungedMessage>,
    /// Messages that are to get `\Seen`.
    seen: UidSet,
    /// Some messages are gone for good.
    missing: bool,
    /// Rows of some messages cannot be read; `koi check` names them.
    corrupt: bool,
    /// A line is half written, and the rest of it cannot be.
    broken: bool,
    phase: Phase,
}

enum Phase {
    Begin,
    Messages,
    Gone,
    Seen,
    SeenWritten(Pending<FlagsSet>),
}

/// Rows looked at in one step, when nothing or little is written for each.
const ROWS_PER_STEP: u32 = 10_000;

impl Job for Fetching {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        match self.go_on(cx) {
            // In the middle of a line nothing else can be said.
            Err(error) if self.broken => {
                cx.core.notes.push(Note::Failed { command: "FETCH", error: error.to_string().into() });
                Ok(Outcome::Close("a message cannot be read"))
            }
            outcome => outcome,
        }
    }
}

impl Fetching {
    fn go_on(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        loop {
            match std::mem::replace(&mut self.phase, Phase::Messages) {
                Phase::Begin => {
                    if let Some(reply) = self.begin(cx)? {
                        return Ok(Outcome::Done(reply));
                    }
                }
                Phase::Messages => {
                    if let Some(outcome) = self.messages(cx)? {
                        return Ok(outcome);
                    }
                    self.phase = Phase::Gone;
                }
                Phase::Gone => {
                    if let Some(outcome) = self.expunged(cx)? {
                        self.phase = Phase::Gone;
                        return Ok(outcome);
                    }
                    self.phase = Phase::Seen;
                }
                Phase::Seen => {
                    if self.seen.is_empty() {
                        return Ok(Outcome::Done(self.finished(UidSet::new())));
                    }
                    let change =
                        FlagChange { op: FlagOp::Add, system: SystemFlags::SEEN, keywords: Vec::new() };
                    let mailbox = cx.core.view()?.mailbox;
                    let pending = cx.core.account()?.set_flags(mailbox, &self.seen, change, None);
                    let ticket = pending.ticket();
                    self.phase = Phase::SeenWritten(pending);
                    return Ok(Outcome::Await(ticket));
                }
                Phase::SeenWritten(pending) => {
                    return Ok(Outcome::Done(self.finished(pending.take()?.changed)));
                }
            }
        }
    }
    /// What is wrong with the command, or nothing.
    fn begin(&mut self, cx: &mut Context<'_>) -> Result<Option<Reply>> {
        if self.fetch.items.iter().any(is_plain) {
            return Ok(Some(Reply::bad("PLAIN is for servers that show DECRYPT")));
        }
        let vanished = self.fetch.changed_since.is_some_and(|since| since.vanished);
        // RFC 7162 §3.2.6
        if vanished && !cx.core.qresync {
            return Ok(Some(Reply::bad("ENABLE QRESYNC first")));
        }
        self.imply(cx.core.uid_only);
        match sequence::uids(cx.core.view()?, &self.fetch.set, self.fetch.by_uid) {
            Ok(uids) => self.left = uids.0,
            Err(bad) => return Ok(Some(bad.into())),
        }
        if let Some(since) = self.fetch.changed_since {
            self.only_changed(cx, since)?;
        }
        Ok(None)
    }
    /// What is told whether it was asked for or not: UID and MODSEQ in the UID form (DMAP-00 §7.6.8), MODSEQ
    /// with CHANGEDSINCE (RFC 7162 §3.1.4.1). Then everything in the order it is told in, large things last.
    fn imply(&mut self, uid_only: bool) {
        let by_uid = self.fetch.by_uid;
        let implied = [
            (by_uid && !uid_only, FetchItem::Uid),
            (by_uid || self.fetch.changed_since.is_some(), FetchItem::ModSeq),
        ];
        for (implied, item) in implied {
            if implied && !self.fetch.items.contains(&item) {
                self.fetch.items.push(item);
            }
        }
        // UIDFETCH has it before its items.
        self.fetch.items.retain(|item| !(uid_only && *item == FetchItem::Uid));
        if self.fetch.items.is_empty() {
            self.fetch.items.push(FetchItem::ModSeq);
        }
        self.fetch.items.sort_by_key(answer_order);
    }
    /// What did not change is not even looked at; what is gone is told first.
    fn only_changed(&mut self, cx: &mut Context<'_>, since: ChangedSince) -> Result<()> {
        let missed = {
            let snapshot = cx.core.snapshot()?;
            // Here `*` is the last UID there ever was: messages behind the last that is left may be gone too.
            let among = match since.vanished {
                true => self.fetch.set.resolve(u32::MAX),
                false => self.left.clone(),
            };
            missed(&snapshot, cx.core.view()?, since.mod_seq, &among, None)?
        };
        // What is only to be compared is passed over by its modseq, row by row.
        let mut changed = missed.changed;
        changed.extend(&missed.compare);
        self.left = self.left.intersect(&changed);
        if since.vanished {
            vanished(true, missed.vanished, cx.out);
        }
        Ok(())
    }

    /// Writes messages; `None` when all are written.
    fn messages(&mut self, cx: &mut Context<'_>) -> Result<Option<Outcome>> {
        let account = cx.core.account()?.clone();
        let snapshot = account.snapshot()?;
        let keywords = snapshot.keywords();
        let only_rest = !self.tell_keywords(cx, &keywords);
        let view = cx.core.view()?;
        let writer = Writer {
            items: &self.fetch.items,
            snapshot: &snapshot,
            keywords: &keywords,
            mailbox: view.mailbox,
            uid_only: cx.core.uid_only,
        };
        let mut visit = Visit {
            writer,
            changed_since: self.fetch.changed_since,
            sets_seen: !view.read_only && self.fetch.items.iter().any(sets_seen),
            seen: &mut self.seen,
            corrupt: &mut self.corrupt,
            progress: self.progress.take(),
            visited: NumSet::new(),
            rows: 0,
            only_rest,
            stopped: None,
            out: &mut *cx.out,
        };
        let mut seqnums = view.cursor();
        if visit.body_first() {
            let visiting = |row: &MessageRow<'_>| visit.row(seqnums.seqnum(row.uid.value()), row);
            match snapshot.messages(view.mailbox, &self.left, visiting) {
                Ok(scanned) => *visit.corrupt |= !scanned.corrupt.is_empty(),
                Err(error) => {
                    visit.abandon();
                    return Err(error);
                }
            }
        }
        let Visit { visited, progress, stopped, .. } = visit;
        self.progress = progress;
        match stopped {
            Some(Stopped::Failed(error)) => Err(error),
            Some(Stopped::Broken(error)) => self.breaks(error),
            Some(Stopped::Full { before }) => {
                self.left.remove_range(0..=before);
                Ok(Some(Outcome::OutputFull))
            }
            Some(Stopped::Slice { last }) => {
                self.left.remove_range(0..=last);
                Ok(Some(Outcome::Yield))
            }
            None => {
                if let Some(progress) = self.progress.take() {
                    progress.abandon(cx.out);
                }
                let gone = std::mem::take(&mut self.left).difference(&visited);
                if !gone.is_empty() {
                    self.gone = snapshot.expunged(view.mailbox, view.told_vanished(), &gone)?;
                    self.missing |= gone.count() != self.gone.len() as u64;
                }
                Ok(None)
            }
        }
    }

    /// Writes messages that another session has removed, from what is kept of them for a while.
    fn expunged(&mut self, cx: &mut Context<'_>) -> Result<Option<Outcome>> {
        if self.gone.is_empty() {
            return Ok(None);
        }
        let account = cx.core.account()?.clone();
        let snapshot = account.snapshot()?;
        let keywords = snapshot.keywords();
        let only_rest = !self.tell_keywords(cx, &keywords);
        let view = cx.core.view()?;
        let mut visit = Visit {
            writer: Writer {
                items: &self.fetch.items,
                snapshot: &snapshot,
                keywords: &keywords,
                mailbox: view.mailbox,
                uid_only: cx.core.uid_only,
            },
            changed_since: None,
            sets_seen: false,
            seen: &mut self.seen,
            corrupt: &mut self.corrupt,
            progress: self.progress.take(),
            visited: NumSet::new(),
            rows: 0,
            only_rest,
            stopped: None,
            out: &mut *cx.out,
        };
        if visit.body_first() {
            for message in &self.gone {
                let Some(seqnum) = view.seqnum(message.uid) else {
                    self.missing = true;
                    continue;
                };
                match snapshot.left(message, |row| visit.row(seqnum, row)) {
                    Ok(Some(ControlFlow::Break(()))) => break,
                    Ok(Some(ControlFlow::Continue(()))) => {}
                    Ok(None) => self.missing = true,
                    Err(_) => *visit.corrupt = true,
                }
            }
        }
        let Visit { progress, stopped, .. } = visit;
        self.progress = progress;
        let done = match stopped {
            Some(Stopped::Failed(error)) => return Err(error),
            Some(Stopped::Broken(error)) => return self.breaks(error),
            Some(Stopped::Full { before: done } | Stopped::Slice { last: done }) => done,
            None => {
                self.gone = Vec::new();
                return Ok(None);
            }
        };
        self.gone.retain(|message| message.uid.value() > done);
        Ok(Some(Outcome::OutputFull))
    }

    /// Tells keywords that are new before a message with them is. Answers whether all are told: in the middle
    /// of a line that must wait for its end.
    fn tell_keywords(&self, cx: &mut Context<'_>, keywords: &KeywordTable) -> bool {
        if !self.fetch.items.contains(&FetchItem::Flags) {
            return true;
        }
        if self.progress.is_some() {
            return !cx.core.has_new_keywords(keywords);
        }
        cx.core.tell_keywords(keywords, cx.out);
        true
    }
    fn breaks<T>(&mut self, error: MailError) -> Result<T> {
        self.broken = true;
        Err(error)
    }
    fn finished(&self, changed: UidSet) -> Reply {
        let telling = Telling { flags_of: changed.0, ..Telling::default() };
        // RFC 5530 §3: what is there was sent; the rest another session expunged.
        let reply = match (self.corrupt, self.missing) {
            (true, _) => Reply::no("some of the messages cannot be read").code(Code::ContactAdmin),
            (false, true) => Reply::no("some of the messages no longer exist").code(Code::ExpungeIssued),
            (false, false) => Reply::ok("FETCH completed"),
        };
        reply.telling(telling)
    }
}

const fn is_plain(item: &FetchItem) -> bool {
    matches!(item, FetchItem::Body { body: Body { form: BodyForm::Plain, .. }, .. })
}

/// DMAP-00 §7.6.4
fn sets_seen(item: &FetchItem) -> bool {
    matches!(item, FetchItem::Body { peek: false, .. })
}

fn answer_order(item: &FetchItem) -> u8 {
    match item {
        FetchItem::Uid => 0,
        FetchItem::Flags => 1,
        FetchItem::InternalDate => 2,
        FetchItem::Size => 3,
        FetchItem::BodyStructure => 4,
        FetchItem::ModSeq => 5,
        FetchItem::KeyId => 6,
        FetchItem::ChunkHash => 7,
        FetchItem::Meta => 8,
        FetchItem::Body { .. } => 9,
    }
}

/// One pass over rows.
struct Visit<'a> {
    writer: Writer<'a>,
    changed_since: Option<ChangedSince>,
    sets_seen: bool,
    seen: &'a mut UidSet,
    corrupt: &'a mut bool,
    progress: Option<Progress>,
    visited: NumSet,
    rows: u32,
    /// Only the message that is half written may be: before the next, something else is to be told.
    only_rest: bool,
    stopped: Option<Stopped>,
    out: &'a mut Vec<u8>,
}

enum Stopped {
    /// Everything up to `before` is written; `progress` says what of the next.
    Full {
        before: u32,
    },
    Slice {
        last: u32,
    },
    /// Between two lines.
    Failed(MailError),
    /// A line is half written.
    Broken(MailError),
}

impl Visit<'_> {
    /// The rest of a half-written body, whether its message is still there or not. Answers whether more may
    /// follow.
    fn body_first(&mut self) -> bool {
        let Some(progress) = &mut self.progress else { return true };
        let before = progress.uid.saturating_sub(1);
        self.stopped = match self.writer.go_on(progress, self.out) {
            Ok(true) => None,
            Ok(false) => Some(Stopped::Full { before }),
            Err(error) => Some(Stopped::Broken(error)),
        };
        self.stopped.is_none()
    }
    /// Ends the line of a message of which nothing more can be written.
    fn abandon(&mut self) {
        if let Some(progress) = self.progress.take() {
            progress.abandon(self.out);
        }
    }
    fn row(&mut self, seqnum: u32, row: &MessageRow<'_>) -> ControlFlow<()> {
        let uid = row.uid.value();
        if self.write(seqnum, row).is_break() {
            return ControlFlow::Break(());
        }
        self.visited.insert(uid);
        self.rows += 1;
        if is_full(self.out) {
            return self.stop(Stopped::Full { before: uid });
        }
        if self.rows >= ROWS_PER_STEP || self.only_rest {
            return self.stop(Stopped::Slice { last: uid });
        }
        ControlFlow::Continue(())
    }
    fn write(&mut self, seqnum: u32, row: &MessageRow<'_>) -> ControlFlow<()> {
        let uid = row.uid.value();
        // If its message went away in the middle, its line is ended, and the rest of it is lost.
        if let Some(before) = self.progress.as_ref().map(|progress| progress.uid).filter(|of| *of != uid) {
            self.abandon();
            if self.only_rest {
                return self.stop(Stopped::Slice { last: before.saturating_sub(1) });
            }
        }
        let resumed = self.progress.take();
        if resumed.is_none() && self.changed_since.is_some_and(|since| row.modseq <= since.mod_seq) {
            return ControlFlow::Continue(());
        }
        let (begun, before) = (resumed.is_some(), self.out.len());
        match self.writer.message(seqnum, row, resumed, self.out) {
            Ok(Wrote::Whole) => {
                if self.sets_seen && !row.flags.contains(SystemFlags::SEEN) {
                    self.seen.insert(row.uid);
                }
            }
            Ok(Wrote::Partly(progress)) => {
                self.progress = Some(*progress);
                return self.stop(Stopped::Full { before: uid.saturating_sub(1) });
            }
            Err(error) if begun => return self.stop(Stopped::Broken(error)),
            // A message that cannot be read must not keep the others back.
            Err(error) => {
                self.out.truncate(before);
                match error.kind {
                    ErrorKind::Corrupt => *self.corrupt = true,
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
