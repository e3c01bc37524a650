//! Telling a client what changed: the untagged data before a tagged line, in IDLE, and with NOTIFY whenever
//! no command runs (RFC 9051 §7, RFC 3501 §5.2, RFC 5465 §3.1).
//!
//! First the selected mailbox (`news` finds out what, `lines` writes it), then everything else that this
//! client asked for. Everything is computed from the change log against what the client was told before;
//! nothing is kept for a client that is to be told later. A long answer is written over several steps; the
//! view of the selected mailbox is moved on once, at the beginning.

use std::collections::VecDeque;

use koi_proto::imap::command::FetchItem;
use koi_proto::imap::response::{Status, status};
use koi_types::{ErrorKind, MailError, NumSet, Result};

use super::annotations;
use super::contexts::{Arrived, Before, Updating};
use super::core::Core;
use super::job::{Context, Outcome};
use super::notify::{self, OfSelected};
use crate::selected::compare::Compare;
use crate::selected::news::{Manner, News};
use crate::selected::telling::{Telling, Tells};
use crate::session::Note;
use arrivals::Arrivals;
use news::Client;

mod arrivals;
mod lines;
mod news;

pub(crate) use news::claim;

/// Why a connection ends whose client was not told what has changed.
pub(crate) const UNTOLD: &str = "what has changed cannot be read";
/// As what it is logged.
pub(crate) const TELLING: &str = "telling what has changed";

/// One round of telling.
#[derive(Debug)]
pub(crate) struct Sync {
    tells: Tells,
    /// What is told of the selected mailbox, if not what the client wants to hear of it.
    instead: Option<OfSelected>,
    /// No command has shown anything just now: what is not news need not be said.
    between_commands: bool,
    phase: Phase,
    /// The selected mailbox was deleted: that is told last.
    mailbox_gone: bool,
    /// Searches whose changes are told with it.
    updating: Option<Box<Updating>>,
}

#[derive(Debug)]
enum Phase {
    Compute,
    /// Which flags are to be told is still to be found out.
    Compare(Compare, Box<News>),
    /// Which results of searches have changed is still to be found out.
    Update(Box<News>),
    Write(Box<News>),
    Arrivals(VecDeque<Arrivals>),
    /// The selected mailbox is told; what else there is.
    Others,
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
        let (instead, phase) = (None, Phase::Compute);
        Self { tells, instead, between_commands: false, phase, mailbox_gone: false, updating: None }
    }
    /// In IDLE, or while no command runs.
    pub(crate) const fn between_commands(tells: Tells) -> Self {
        let (instead, phase) = (None, Phase::Compute);
        Self { tells, instead, between_commands: true, phase, mailbox_gone: false, updating: None }
    }
    /// The flags of these messages, and of what changed of others, and nothing else of the mailbox.
    pub(crate) fn flags_of(flags: NumSet, compare: Option<Compare>) -> Self {
        let phase = Phase::of(News::of_flags(flags, compare));
        Self { phase, ..Self::new(Tells::AllByUid) }
    }
    /// Everything in this way, whatever the client wanted to hear until now.
    pub(crate) fn instead(of_selected: OfSelected) -> Self {
        Self { instead: Some(of_selected), ..Self::new(Tells::AllByUid) }
    }
    /// Goes on until everything is told or the output is full.
    pub(crate) fn run(&mut self, core: &mut Core, telling: &Telling, out: &mut Vec<u8>) -> Result<Synced> {
        loop {
            match &mut self.phase {
                Phase::Compute => {
                    core.advanced = false;
                    self.phase = match self.news(core, telling)? {
                        Some(mut news) => {
                            if self.between_commands && news.is_nothing() {
                                news.highest_modseq = None;
                            }
                            Phase::of(news)
                        }
                        None => {
                            self.mailbox_gone = true;
                            Phase::Others
                        }
                    };
                }
                Phase::Compare(compare, news) => {
                    let Some(changed) = compare.step(&core.open_snapshot()?)? else {
                        return Ok(Synced::Slice);
                    };
                    let mut news = std::mem::take(news);
                    news.flags.extend(&changed);
                    self.phase = Phase::Update(news);
                }
                Phase::Update(news) => {
                    if let Some(updating) = &mut self.updating {
                        updating.touch(&news.flags);
                        if !updating.advance(core) {
                            return Ok(Synced::Slice);
                        }
                        updating.write_before(out);
                    }
                    self.phase = Phase::Write(std::mem::take(news));
                }
                Phase::Write(news) => {
                    if !news.write(core, self.tells.uid() || core.tells_uid(), telling, out)? {
                        return Ok(Synced::OutputFull);
                    }
                    let uids = std::mem::take(&mut news.arrivals);
                    self.phase = Phase::Arrivals(self.arrivals(core, uids, out));
                }
                Phase::Arrivals(arrivals) => {
                    while let Some(first) = arrivals.front_mut() {
                        if !first.write(core, out)? {
                            return Ok(Synced::OutputFull);
                        }
                        arrivals.pop_front();
                    }
                    self.phase = Phase::Others;
                }
                Phase::Others => {
                    if let Some(mut updating) = self.updating.take() {
                        updating.write_after(out);
                    }
                    let others = match core.notify {
                        Some(_) => notify::tell(core, out)?,
                        None => annotations::tell(core, out)?,
                    };
                    return Ok(match others {
                        Synced::Done if self.mailbox_gone => Synced::MailboxGone,
                        told => told,
                    });
                }
            }
        }
    }
    /// The same in the middle of a command: answers where it stopped, nothing when everything is told. Where
    /// that fails and the client would not know what it has missed, the connection ends.
    pub(crate) fn step(&mut self, cx: &mut Context<'_>) -> Result<Option<Outcome>> {
        self.step_with(cx, &Telling::default())
    }
    /// The same, with what the command adds so far.
    pub(crate) fn step_with(&mut self, cx: &mut Context<'_>, telling: &Telling) -> Result<Option<Outcome>> {
        match self.run(cx.core, telling, cx.out) {
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
    /// A client that was not told what has left would delete the wrong messages by number. In the middle of a
    /// line nothing else can be said.
    pub(crate) fn give_up(&self, error: &MailError, core: &mut Core, out: &mut Vec<u8>) {
        let error = error.to_string().into();
        core.notes.push(Note::Failed { command: TELLING, error });
        if !self.is_in_a_line() {
            status(None, Status::Bye, None, UNTOLD, out);
        }
    }
    pub(crate) const fn mailbox_is_gone(&self) -> bool {
        self.mailbox_gone
    }
    /// Whether a response is half written.
    pub(crate) fn is_in_a_line(&self) -> bool {
        match &self.phase {
            Phase::Arrivals(arrivals) => arrivals.front().is_some_and(Arrivals::is_in_a_line),
            _ => false,
        }
    }
    /// Whether the view has moved on and the client was not told of all of it: what it takes for a number is
    /// another message.
    pub(crate) const fn owes_news(&self) -> bool {
        !matches!(self.phase, Phase::Compute | Phase::Others)
    }
    /// Moves the view on; `None` when the mailbox is gone.
    fn news(&mut self, core: &mut Core, telling: &Telling) -> Result<Option<News>> {
        let OfSelected { wants, items, .. } = self.of_selected(core);
        let (qresync, uid_only) = (core.qresync, core.uid_only);
        let client = Client { rev2: core.rev2, offers_chat: core.offers_chat() };
        let Some(open) = core.selected.as_deref_mut() else { return Ok(Some(News::default())) };
        let account = open.account.clone();
        let snapshot = match account.snapshot() {
            // Its owner was removed.
            Err(error) if error.kind == ErrorKind::NotFound && account.is_others() => return Ok(None),
            snapshot => snapshot?,
        };
        let (tells, arrivals) = (self.tells, items.is_some());
        let manner = Manner { tells, wants, arrivals, qresync, uid_only };
        let before = Before::of(open);
        let news = news::compute(open, &snapshot, &manner, client, telling)?;
        self.updating = before.map(|before| Box::new(Updating::new(before, &open.view)));
        Ok(news)
    }
    fn of_selected(&self, core: &Core) -> OfSelected {
        self.instead.clone().unwrap_or_else(|| core.of_selected())
    }
    /// New messages as they are told: each once, with all that was asked for of it. RFC 5465 §5.2: FETCH
    /// follows ADDTO; RFC 5465 §7: it comes before it, with the items of UPDATE.
    fn arrivals(&mut self, core: &Core, uids: NumSet, out: &mut Vec<u8>) -> VecDeque<Arrivals> {
        let mut matching: Vec<Arrived> = Vec::new();
        if let Some(updating) = &mut self.updating {
            matching = updating.take_arrived();
            if matching.is_empty() {
                updating.write_after(out);
            }
        }
        let asked = self.of_selected(core).items.map(|items| Arrived { items, uids });
        let groups = arrivals::joined(asked.into_iter().chain(matching));
        groups.into_iter().map(|group| Arrivals::new(items(core, group.items), group.uids)).collect()
    }
}

/// RFC 7162 §3.2 and §3.2.4, RFC 9051 §7.5.2: with what every FETCH response has.
fn items(core: &Core, asked: Vec<FetchItem>) -> Vec<FetchItem> {
    let mut items = asked;
    let tells_uid = core.tells_uid() && !core.uid_only;
    let implied = [(tells_uid, FetchItem::Uid), (core.condstore, FetchItem::ModSeq)];
    for (implied, item) in implied {
        if implied && !items.contains(&item) {
            items.push(item);
        }
    }
    items.sort_by_key(FetchItem::answer_order);
    items
}

impl Phase {
    fn of(mut news: News) -> Self {
        match news.compare.take() {
            Some(compare) => Self::Compare(compare, Box::new(news)),
            None => Self::Update(Box::new(news)),
        }
    }
}
