//! Telling a client what changed in its selected mailbox: EXPUNGE, EXISTS, FETCH FLAGS (RFC 9051 §7, RFC 3501
//! §5.2).
//!
//! Everything is computed from the change log against what the client was told before. The order is always
//! EXPUNGE, EXISTS, FLAGS, FETCH, so that every number in a line is right after the lines before it.
//! A long answer is written over several steps; the view is moved on once, at the beginning.

use std::ops::ControlFlow;

use koi_mailbox::{Changes, Snapshot};
use koi_proto::imap::response;
use koi_types::{ModSeq, NumSet, Result, SeqNum, limits};

use super::core::{Core, Open};
use super::reply::Telling;
use super::table::Tells;
use super::untagged::{self, FlagsLine};
use crate::selected::Selected;

/// The untagged data before one tagged line.
#[derive(Debug)]
pub(crate) struct Sync {
    tells: Tells,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Compute,
    Write(News),
}

/// What is to be told. Sequence numbers are right when the parts are written in this order.
#[derive(Debug, Default)]
struct News {
    /// Sequence numbers, told from the highest down.
    expunged: NumSet,
    exists: Option<u32>,
    new_keywords: bool,
    /// UIDs of messages whose flags are told.
    flags: NumSet,
}

pub(crate) enum Synced {
    Done,
    OutputFull,
    MailboxGone,
}

/// More changes than this are found by comparing everything instead of reading the log.
const CHANGES_MAX: usize = 16 * 1024;

impl Sync {
    pub(crate) const fn new(tells: Tells) -> Self {
        Self { tells, phase: Phase::Compute }
    }
    /// Goes on until everything is told or the output is full.
    pub(crate) fn run(&mut self, core: &mut Core, telling: &Telling, out: &mut Vec<u8>) -> Result<Synced> {
        loop {
            match &mut self.phase {
                Phase::Compute => {
                    let Some(open) = core.selected.as_deref_mut() else { return Ok(Synced::Done) };
                    let Some(login) = &core.login else { return Ok(Synced::Done) };
                    let snapshot = login.account.snapshot()?;
                    core.advanced = false;
                    match news(open, &snapshot, self.tells.expunge(), telling)? {
                        Some(news) => self.phase = Phase::Write(news),
                        None => return Ok(Synced::MailboxGone),
                    }
                }
                Phase::Write(news) => {
                    let full = |out: &Vec<u8>| out.len() >= limits::OUTPUT_OCTETS_HIGH;
                    write_expunged(&mut news.expunged, out, full);
                    if full(out) {
                        return Ok(Synced::OutputFull);
                    }
                    if let Some(exists) = news.exists.take() {
                        response::exists(exists, out);
                    }
                    write_flags(core, news, self.tells.uid(), telling, out)?;
                    return Ok(if news.flags.is_empty() { Synced::Done } else { Synced::OutputFull });
                }
            }
        }
    }
}

/// Moves the view on to the snapshot; `None` when the mailbox is gone.
fn news(open: &mut Open, snapshot: &Snapshot<'_>, expunge: bool, telling: &Telling) -> Result<Option<News>> {
    let view = &mut open.view;
    let Some(row) = snapshot.mailbox(view.mailbox)? else { return Ok(None) };
    let mut news = News { flags: telling.flags_of.clone(), ..News::default() };
    news.flags.extend(&telling.silent);
    let behind = row.highest_modseq > view.told();
    let owes_expunge = expunge && view.told_vanished() < view.told();
    if !behind && !owes_expunge {
        view.tell(&NumSet::new(), snapshot.modseq());
        return Ok(Some(news));
    }
    let before = view.exists();
    let changed = if behind { changed(view, snapshot)? } else { Changed::nothing(view.told()) };
    let Some(mut changed) = changed.into_option() else { return Ok(None) };
    if expunge {
        let vanished = match owes_expunge {
            true => vanished_since_told(view, snapshot)?,
            false => std::mem::take(&mut changed.vanished),
        };
        news.expunged = view.tell_vanished(&vanished, changed.upto);
    }
    let left = view.exists();
    view.tell(&changed.added, changed.upto);
    open.watching.seen(view.told_vanished());
    // RFC 9051 §7.4.1: EXISTS tells that the mailbox has grown; that it has shrunk EXPUNGE has told.
    news.exists = (view.exists() > left).then(|| view.exists());
    debug_assert!(before >= left);
    news.flags.extend(&changed.flags.intersect(view.known()));
    news.flags = news.flags.intersect(view.known());
    let keywords = snapshot.keywords().iter().count();
    news.new_keywords = keywords > open.keywords_told;
    open.keywords_told = keywords;
    Ok(Some(news))
}

/// What happened after `told`, all as sets of UIDs.
struct Changed {
    added: NumSet,
    flags: NumSet,
    vanished: NumSet,
    upto: ModSeq,
    mailbox_gone: bool,
}

impl Changed {
    fn nothing(upto: ModSeq) -> Self {
        Self {
            added: NumSet::new(),
            flags: NumSet::new(),
            vanished: NumSet::new(),
            upto,
            mailbox_gone: false,
        }
    }
    fn into_option(self) -> Option<Self> {
        (!self.mailbox_gone).then_some(self)
    }
}

fn changed(view: &Selected, snapshot: &Snapshot<'_>) -> Result<Changed> {
    Ok(match snapshot.changes(view.mailbox, view.told(), CHANGES_MAX)? {
        Changes::Listed(listed) => Changed {
            added: listed.added.0,
            flags: listed.flags.0,
            vanished: listed.vanished.0,
            upto: listed.upto,
            mailbox_gone: false,
        },
        Changes::MailboxGone => Changed { mailbox_gone: true, ..Changed::nothing(view.told()) },
        Changes::TooMany { upto } => compared(view, snapshot, upto)?,
    })
}

/// Without the log: everything there is against everything that is known.
fn compared(view: &Selected, snapshot: &Snapshot<'_>, upto: ModSeq) -> Result<Changed> {
    let now = snapshot.uids(view.mailbox)?.0;
    let mut changed = Changed::nothing(upto);
    changed.vanished = view.known().difference(&now);
    changed.added = now.difference(view.known());
    let told = view.told();
    let _ = snapshot.messages(view.mailbox, &now, |row| {
        if row.modseq > told {
            changed.flags.insert(row.uid.value());
        }
        ControlFlow::Continue(())
    })?;
    changed.flags = changed.flags.difference(&changed.added);
    Ok(changed)
}

/// EXPUNGE had to wait while new messages and flags were told: what is owed now.
fn vanished_since_told(view: &Selected, snapshot: &Snapshot<'_>) -> Result<NumSet> {
    Ok(match snapshot.changes(view.mailbox, view.told_vanished(), CHANGES_MAX)? {
        Changes::Listed(listed) => listed.vanished.0,
        Changes::MailboxGone => NumSet::new(),
        Changes::TooMany { .. } => view.known().difference(&snapshot.uids(view.mailbox)?.0),
    })
}

fn write_expunged(seqnums: &mut NumSet, out: &mut Vec<u8>, full: impl Fn(&Vec<u8>) -> bool) {
    while let Some(run) = highest_run(seqnums) {
        let mut lowest = *run.end() + 1;
        for seqnum in run.clone().rev().filter_map(SeqNum::new) {
            response::expunge(seqnum, out);
            lowest = seqnum.value();
            if full(out) {
                break;
            }
        }
        seqnums.remove_range(lowest..=*run.end());
        if full(out) {
            return;
        }
    }
}

fn highest_run(set: &NumSet) -> Option<std::ops::RangeInclusive<u32>> {
    set.runs().next_back()
}

/// One FETCH line per message; what was written is taken out of `news.flags`.
fn write_flags(
    core: &mut Core,
    news: &mut News,
    uid: bool,
    telling: &Telling,
    out: &mut Vec<u8>,
) -> Result<()> {
    if news.flags.is_empty() && !news.new_keywords {
        return Ok(());
    }
    let snapshot = core.snapshot()?;
    let keywords = snapshot.keywords();
    let view = core.view()?;
    if std::mem::take(&mut news.new_keywords) {
        untagged::flags(&keywords, out);
    }
    let mut seqnums = view.cursor();
    let mut written = None;
    let _ = snapshot.messages(view.mailbox, &news.flags, |row| {
        let ours = telling.silent.contains(row.uid.value()) && telling.silent_commits.contains(&row.modseq);
        let seqnum = seqnums.seqnum(row.uid.value());
        let line = FlagsLine { seqnum, uid, flags: !ours, modseq: core.condstore };
        line.write(row, &keywords, out);
        written = Some(row.uid.value());
        match out.len() >= limits::OUTPUT_OCTETS_HIGH {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    })?;
    // Whatever was not visited is gone by now, and told as such when EXPUNGE may be.
    let full = out.len() >= limits::OUTPUT_OCTETS_HIGH;
    match written {
        Some(last) if full => news.flags.remove_range(0..=last),
        _ => news.flags = NumSet::new(),
    }
    Ok(())
}
