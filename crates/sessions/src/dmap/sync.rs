//! Telling a client what changed in its selected mailbox: the untagged data before a tagged line, and in IDLE
//! (DMAP-00 §6.2, §8.3, §8.4, RFC 7162 §3.2).
//!
//! Everything is computed from the change log against what the client was told before
//! (`selected::news`). The order is always the same, so that every number in a line is right after the lines
//! before it. A long answer is written over several steps; the view is moved on once, at the beginning.

use std::ops::ControlFlow;

use koi_proto::dmap::Code;
use koi_proto::dmap::Response;
use koi_types::{MailError, NumSet, Result, SeqNum, UidSet, limits};

use super::core::Core;
use super::flags::FlagsLine;
use super::job::{Context, Outcome};
use super::reply::{bye, tell};
use crate::selected::compare::Compare;
use crate::selected::news::{LastFlags, Looked, Manner, News, look};
use crate::selected::telling::{Telling, Tells, Wants};
use crate::session::Note;

/// Why a connection ends whose client was not told what has changed.
pub(crate) const UNTOLD: &str = "what has changed cannot be read";
/// As what it is logged.
pub(crate) const TELLING: &str = "telling what has changed";

/// One round of telling.
#[derive(Debug)]
pub(crate) struct Sync {
    tells: Tells,
    /// No command has shown anything just now: what is not news need not be said.
    between_commands: bool,
    phase: Phase,
    mailbox_gone: bool,
}

#[derive(Debug)]
enum Phase {
    Compute,
    /// Which flags are to be told is still to be found out.
    Compare(Compare, Box<News>),
    Write(Box<News>),
    Done,
}

pub(crate) enum Synced {
    Done,
    OutputFull,
    /// There is more to look at; others first.
    Slice,
    MailboxGone,
}

impl Sync {
    pub(crate) const fn new(tells: Tells) -> Self {
        Self { tells, between_commands: false, phase: Phase::Compute, mailbox_gone: false }
    }
    /// In IDLE.
    pub(crate) const fn between_commands() -> Self {
        let (tells, phase) = (Tells::All, Phase::Compute);
        Self { tells, between_commands: true, phase, mailbox_gone: false }
    }
    /// The flags of these messages, and of what changed of others, and nothing else of the mailbox.
    pub(crate) fn flags_of(flags: NumSet, compare: Option<Compare>) -> Self {
        let phase = Phase::of(News::of_flags(flags, compare));
        Self { phase, ..Self::new(Tells::AllByUid) }
    }
    /// Goes on until everything is told or the output is full.
    pub(crate) fn run(&mut self, core: &mut Core, telling: &Telling, out: &mut Vec<u8>) -> Result<Synced> {
        loop {
            match &mut self.phase {
                Phase::Compute => {
                    core.advanced = false;
                    let news = news(core, self.tells, telling)?;
                    self.mailbox_gone = news.is_none();
                    self.phase = match news {
                        Some(mut news) => {
                            if self.between_commands && news.is_nothing() {
                                news.highest_modseq = None;
                            }
                            Phase::of(news)
                        }
                        None => Phase::Done,
                    };
                }
                Phase::Compare(compare, news) => {
                    let Some(changed) = compare.step(&core.snapshot()?)? else {
                        return Ok(Synced::Slice);
                    };
                    let mut news = std::mem::take(news);
                    news.flags.extend(&changed);
                    self.phase = Phase::Write(news);
                }
                Phase::Write(news) => {
                    if !write(news, core, telling, out)? {
                        return Ok(Synced::OutputFull);
                    }
                    self.phase = Phase::Done;
                }
                Phase::Done if self.mailbox_gone => return Ok(Synced::MailboxGone),
                Phase::Done => return Ok(Synced::Done),
            }
        }
    }
    /// The same in the middle of a command: answers where it stopped, nothing when everything is told. Where
    /// that fails and the client would not know what it has missed, the connection ends.
    pub(crate) fn step(&mut self, cx: &mut Context<'_>) -> Result<Option<Outcome>> {
        match self.run(cx.core, &Telling::default(), cx.out) {
            Ok(Synced::OutputFull) => Ok(Some(Outcome::OutputFull)),
            Ok(Synced::Slice) => Ok(Some(Outcome::Yield)),
            // At the end of the command that is told, where it has one.
            Ok(Synced::Done | Synced::MailboxGone) => Ok(None),
            Err(error) if self.owes_news() => {
                self.give_up(&error, cx.core, cx.out);
                Ok(Some(Outcome::Close(UNTOLD)))
            }
            Err(error) => Err(error),
        }
    }
    /// A client that was not told what has left would delete the wrong messages by number.
    pub(crate) fn give_up(&self, error: &MailError, core: &mut Core, out: &mut Vec<u8>) {
        core.notes.push(Note::Failed { command: TELLING, error: error.to_string().into() });
        bye(None, UNTOLD, out);
    }
    pub(crate) const fn mailbox_is_gone(&self) -> bool {
        self.mailbox_gone
    }
    /// Whether the view has moved on and the client was not told of all of it.
    pub(crate) const fn owes_news(&self) -> bool {
        !matches!(self.phase, Phase::Compute | Phase::Done)
    }
}

impl Phase {
    fn of(mut news: News) -> Self {
        match news.compare.take() {
            Some(compare) => Self::Compare(compare, Box::new(news)),
            None => Self::Write(Box::new(news)),
        }
    }
}

/// Moves the view on; `None` when the mailbox is gone.
fn news(core: &mut Core, tells: Tells, telling: &Telling) -> Result<Option<News>> {
    let (qresync, uid_only) = (core.qresync, core.uid_only);
    let account = core.account()?.clone();
    let Some(open) = core.selected.as_deref_mut() else { return Ok(Some(News::default())) };
    let snapshot = account.snapshot()?;
    let manner = Manner { tells, wants: Wants::ALL, arrivals: false, qresync, uid_only };
    let Some(Looked { mut news, moved, .. }) = look(&mut open.view, &snapshot, &manner, telling)? else {
        return Ok(None);
    };
    if moved {
        open.watching.seen(open.view.told_vanished());
        news.new_keywords = open.has_new_keywords(&snapshot.keywords());
    }
    Ok(Some(news))
}

/// Writes until the output is full, and takes out what is written. Answers whether that was all.
fn write(news: &mut News, core: &mut Core, telling: &Telling, out: &mut Vec<u8>) -> Result<bool> {
    write_last_flags(news, core, telling, out)?;
    if is_full(out) {
        return Ok(false);
    }
    write_expunged(&mut news.expunged, out);
    if is_full(out) {
        return Ok(false);
    }
    vanished(false, std::mem::take(&mut news.vanished), out);
    if let Some(exists) = news.exists.take() {
        Response::Exists(exists).push(out);
    }
    write_flags(news, core, telling, out)?;
    if !news.flags.is_empty() {
        return Ok(false);
    }
    if let Some(modseq) = news.highest_modseq.take() {
        tell(Code::HighestModSeq(modseq), "synchronised up to here", out);
    }
    Ok(true)
}

/// `* VANISHED 3:5`; nothing when nothing has.
pub(crate) fn vanished(earlier: bool, uids: NumSet, out: &mut Vec<u8>) {
    if !uids.is_empty() {
        Response::Vanished { earlier, uids: UidSet(uids) }.push(out);
    }
}

/// Of messages that left when their flags changed; one that has gone on from where it went is left out.
fn write_last_flags(news: &mut News, core: &mut Core, telling: &Telling, out: &mut Vec<u8>) -> Result<()> {
    if news.last_flags.is_empty() {
        return Ok(());
    }
    let account = core.account()?.clone();
    let snapshot = account.snapshot()?;
    let keywords = snapshot.keywords();
    core.tell_keywords(&keywords, out);
    let mut written = 0;
    for LastFlags { seqnum, message, .. } in &news.last_flags {
        if is_full(out) {
            break;
        }
        let number = message.uid.value();
        let ours = telling.silent.contains(number) && telling.silent_commits.contains(&message.modseq);
        let line = FlagsLine { seqnum: *seqnum, flags: !ours, uid_only: core.uid_only };
        if snapshot.moved(message, |row| line.write(row, &keywords, out))?.is_some() {
            news.last_told.insert(number);
        }
        written += 1;
    }
    news.last_flags.drain(..written);
    Ok(())
}

/// One FETCH line per message.
fn write_flags(news: &mut News, core: &mut Core, telling: &Telling, out: &mut Vec<u8>) -> Result<()> {
    let new_keywords = std::mem::take(&mut news.new_keywords);
    if news.flags.is_empty() && !new_keywords {
        return Ok(());
    }
    let account = core.account()?.clone();
    let snapshot = account.snapshot()?;
    let keywords = snapshot.keywords();
    core.tell_keywords(&keywords, out);
    let (view, uid_only) = (core.view()?, core.uid_only);
    let mut seqnums = view.cursor();
    let (mut written, mut visited) = (None, NumSet::new());
    let _ = snapshot.messages(view.mailbox, &news.flags, |row| {
        let number = row.uid.value();
        let ours = telling.silent.contains(number) && telling.silent_commits.contains(&row.modseq);
        let line = FlagsLine { seqnum: seqnums.seqnum(number), flags: !ours, uid_only };
        line.write(row, &keywords, out);
        written = Some(number);
        visited.insert(number);
        if is_full(out) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    let mut left = NumSet::new();
    if let Some(last) = written.filter(|_| is_full(out)) {
        left.clone_from(&news.flags);
        left.remove_range(0..=last);
    }
    // Whatever was not visited is gone by now, and told as such when EXPUNGE may be.
    let done = std::mem::replace(&mut news.flags, left);
    let gone = done.difference(&news.flags).difference(&visited).difference(&news.last_told);
    write_gone(core, &gone.intersect(&telling.stored), out)
}

/// The result of a STORE is told also of a message that left since: as it was then (RFC 9051 §6.4.6).
fn write_gone(core: &Core, gone: &NumSet, out: &mut Vec<u8>) -> Result<()> {
    if gone.is_empty() {
        return Ok(());
    }
    let (snapshot, view) = (core.snapshot()?, core.view()?);
    let keywords = snapshot.keywords();
    for message in snapshot.expunged(view.mailbox, view.told_vanished(), gone)? {
        let Some(seqnum) = view.seqnum(message.uid) else { continue };
        let line = FlagsLine { seqnum, flags: true, uid_only: core.uid_only };
        snapshot.left(&message, |row| line.write(row, &keywords, out))?;
    }
    Ok(())
}

pub(crate) const fn is_full(out: &[u8]) -> bool {
    out.len() >= limits::OUTPUT_OCTETS_HIGH
}

/// From the highest down.
fn write_expunged(seqnums: &mut NumSet, out: &mut Vec<u8>) {
    while let Some(highest) = seqnums.last().filter(|_| !is_full(out)) {
        if let Some(seqnum) = SeqNum::new(highest) {
            Response::Expunge(seqnum).push(out);
        }
        seqnums.remove_range(highest..=highest);
    }
}
