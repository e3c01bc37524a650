//! Telling a client what changed in its selected mailbox: EXPUNGE or VANISHED, EXISTS, FETCH FLAGS (RFC 9051
//! §7, RFC 3501 §5.2, RFC 7162 §3.2.10.2).
//!
//! Everything is computed from the change log against what the client was told before. The order is always
//! EXPUNGE, EXISTS, FLAGS, FETCH, so that every number in a line is right after the lines before it. Only the
//! flags of messages that left when they were seen come before everything else.
//! A long answer is written over several steps; the view is moved on once, at the beginning.

use std::ops::ControlFlow;

use koi_mailbox::{Account, Changes, ExpungedMessage, Snapshot};
use koi_proto::imap::response::{self, Code, Status, status};
use koi_types::{ModSeq, NumSet, Result, SeqNum, Uid, limits};

use super::annotations;
use super::compare::Compare;
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
    /// Which flags are to be told is still to be found out.
    Compare(Compare, News),
    Write(News),
}

/// What is to be told. Sequence numbers are right when the parts are written in this order.
#[derive(Debug, Default)]
struct News {
    /// Messages that left in the commit that changed their flags, in order.
    last_flags: Vec<LastFlags>,
    /// Sequence numbers, told from the highest down.
    expunged: NumSet,
    /// UIDs, told instead of `expunged`.
    vanished: NumSet,
    exists: Option<u32>,
    recent: Option<u32>,
    new_keywords: bool,
    /// UIDs of messages whose flags are told.
    flags: NumSet,
    /// Others whose flags may have changed.
    compare: Option<Compare>,
    /// What a client of QRESYNC may take for synchronised, where the modseqs it sees would say otherwise.
    highest_modseq: Option<ModSeq>,
}

/// Flags that are told of a message whose EXPUNGE is still to come.
#[derive(Debug)]
struct LastFlags {
    seqnum: u32,
    recent: bool,
    message: ExpungedMessage,
}

pub(crate) enum Synced {
    Done,
    OutputFull,
    /// There is more to look at; others first.
    Slice,
    MailboxGone,
}

/// More changes than this are found by comparing everything instead of reading the log.
const CHANGES_MAX: usize = 16 * 1024;

impl Sync {
    pub(crate) const fn new(tells: Tells) -> Self {
        Self { tells, phase: Phase::Compute }
    }
    /// The flags of these messages, and of what changed of others, and nothing else.
    pub(crate) fn flags_of(flags: NumSet, compare: Option<Compare>) -> Self {
        let news = News { flags, compare, ..News::default() };
        Self { tells: Tells::AllByUid, phase: news.phase() }
    }
    /// Goes on until everything is told or the output is full.
    pub(crate) fn run(&mut self, core: &mut Core, telling: &Telling, out: &mut Vec<u8>) -> Result<Synced> {
        match self.of_mailbox(core, telling, out)? {
            Synced::Done => annotations::tell(core, out),
            other => Ok(other),
        }
    }
    fn of_mailbox(&mut self, core: &mut Core, telling: &Telling, out: &mut Vec<u8>) -> Result<Synced> {
        loop {
            match &mut self.phase {
                Phase::Compute => {
                    let offers_chat = core.offers_chat();
                    let Some(open) = core.selected.as_deref_mut() else { return Ok(Synced::Done) };
                    let Some(login) = &core.login else { return Ok(Synced::Done) };
                    let snapshot = login.account.snapshot()?;
                    core.advanced = false;
                    let manner =
                        Manner { qresync: core.qresync, rev2: core.rev2, offers_chat, tells: self.tells };
                    match news(open, &snapshot, &manner, &login.account, telling)? {
                        Some(news) => self.phase = news.phase(),
                        None => return Ok(Synced::MailboxGone),
                    }
                }
                Phase::Compare(compare, news) => {
                    let Some(changed) = compare.step(&core.snapshot()?)? else { return Ok(Synced::Slice) };
                    let mut news = std::mem::take(news);
                    news.flags.extend(&changed);
                    self.phase = Phase::Write(news);
                }
                Phase::Write(news) => {
                    let full = |out: &Vec<u8>| out.len() >= limits::OUTPUT_OCTETS_HIGH;
                    write_last_flags(core, &mut news.last_flags, self.tells.uid(), telling, out)?;
                    if full(out) {
                        return Ok(Synced::OutputFull);
                    }
                    write_expunged(&mut news.expunged, out, full);
                    if full(out) {
                        return Ok(Synced::OutputFull);
                    }
                    response::vanished(false, &std::mem::take(&mut news.vanished), out);
                    if let Some(exists) = news.exists.take() {
                        response::exists(exists, out);
                    }
                    if let Some(recent) = news.recent.take() {
                        response::recent(recent, out);
                    }
                    write_flags(core, news, self.tells.uid(), telling, out)?;
                    if !news.flags.is_empty() {
                        return Ok(Synced::OutputFull);
                    }
                    if let Some(modseq) = news.highest_modseq.take() {
                        let code = Code::HighestModSeq(modseq);
                        status(None, Status::Ok, Some(&code), "synchronised up to here", out);
                    }
                    return Ok(Synced::Done);
                }
            }
        }
    }
}

impl News {
    fn phase(mut self) -> Phase {
        match self.compare.take() {
            Some(compare) => Phase::Compare(compare, self),
            None => Phase::Write(self),
        }
    }
}

/// How this client is told.
struct Manner {
    qresync: bool,
    rev2: bool,
    offers_chat: bool,
    tells: Tells,
}

/// Moves the view on to the snapshot; `None` when the mailbox is gone.
fn news(
    open: &mut Open,
    snapshot: &Snapshot<'_>,
    manner: &Manner,
    account: &Account,
    telling: &Telling,
) -> Result<Option<News>> {
    let owed = open.view.owes_vanished();
    let before = open.view.largest_uid();
    let mut news = changes(open, snapshot, manner, telling)?;
    if let Some(news) = news.as_mut().filter(|_| !manner.rev2) {
        claim(&mut open.view, account, before)?;
        if news.exists.is_some() || !news.expunged.is_empty() || !news.vanished.is_empty() {
            news.recent = open.view.tell_recent();
        }
    }
    if let Some(news) = news.as_mut().filter(|_| manner.qresync) {
        // RFC 7162 §3.2: while VANISHED has to wait, modseqs of other changes must not make the client
        // believe that it knows everything; when it has come, they may.
        let view = &open.view;
        news.highest_modseq = (owed || view.owes_vanished()).then(|| view.told_vanished());
    }
    Ok(news)
}

/// Messages the client has just learnt of are `\Recent` here if no session had them before (RFC 3501 §2.3.2).
/// One that only looks takes them from nobody.
pub(super) fn claim(view: &mut Selected, account: &Account, before: Option<u32>) -> Result<()> {
    let Some(last) = view.largest_uid().filter(|last| Some(*last) != before) else { return Ok(()) };
    let Some(upto) = Uid::new(last).and_then(Uid::next) else { return Ok(()) };
    let from = match view.read_only {
        true => account.recent_from(view.mailbox)?,
        false => account.claim_recent(view.mailbox, upto)?,
    };
    let new = before.map_or(1, |before| before.saturating_add(1));
    view.add_recent(new.max(from.value())..=last);
    Ok(())
}

fn changes(
    open: &mut Open,
    snapshot: &Snapshot<'_>,
    manner: &Manner,
    telling: &Telling,
) -> Result<Option<News>> {
    let expunge = manner.tells.expunge();
    let view = &mut open.view;
    let Some(row) = snapshot.mailbox(view.mailbox)? else { return Ok(None) };
    let mut news = News { flags: telling.flags_of.clone(), ..News::default() };
    news.flags.extend(&telling.silent);
    let behind = row.highest_modseq > view.told();
    let owed = view.owes_vanished();
    let owes_expunge = expunge && owed;
    if !behind && !owes_expunge {
        view.tell(&NumSet::new(), snapshot.modseq());
        if !owed {
            view.none_vanished(snapshot.modseq());
        }
        return Ok(Some(news));
    }
    let before = view.exists();
    let changed = if behind { changed(view, snapshot)? } else { Changed::nothing(view.told()) };
    let Some(mut changed) = changed.into_option() else { return Ok(None) };
    news.last_flags = last_flags(view, snapshot, &changed.flagged_last)?;
    if expunge {
        let vanished = match owes_expunge {
            true => vanished_since_told(view, snapshot)?,
            false => std::mem::take(&mut changed.vanished),
        };
        let known = vanished.intersect(view.known());
        let seqnums = view.tell_vanished(&vanished, changed.upto);
        match manner.qresync {
            true => news.vanished = known,
            false => news.expunged = seqnums,
        }
    } else if !owed && changed.vanished.intersect(view.known()).is_empty() {
        view.none_vanished(changed.upto);
    }
    let left = view.exists();
    view.tell(&changed.added, changed.upto);
    open.watching.seen(view.told_vanished());
    // RFC 9051 §7.4.1: EXISTS tells that the mailbox has grown; that it has shrunk EXPUNGE has told.
    news.exists = (view.exists() > left).then(|| view.exists());
    debug_assert!(before >= left);
    news.flags.extend(&changed.flags.intersect(view.known()));
    news.compare = changed.compare;
    news.flags = news.flags.intersect(view.known());
    let keywords = untagged::told_count(&snapshot.keywords(), manner.offers_chat);
    news.new_keywords = keywords > open.keywords_told;
    open.keywords_told = keywords;
    Ok(Some(news))
}

/// What happened after `told`, all as sets of UIDs.
struct Changed {
    added: NumSet,
    flags: NumSet,
    compare: Option<Compare>,
    vanished: NumSet,
    flagged_last: NumSet,
    upto: ModSeq,
    mailbox_gone: bool,
}

impl Changed {
    fn nothing(upto: ModSeq) -> Self {
        Self {
            added: NumSet::new(),
            flags: NumSet::new(),
            compare: None,
            vanished: NumSet::new(),
            flagged_last: NumSet::new(),
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
            compare: None,
            vanished: listed.vanished.0,
            flagged_last: listed.flagged_last.0,
            upto: listed.upto,
            mailbox_gone: false,
        },
        Changes::MailboxGone => Changed { mailbox_gone: true, ..Changed::nothing(view.told()) },
        Changes::TooMany { upto } => compared(view, snapshot, upto)?,
    })
}

/// Without the log: everything there is against everything that is known. Flags are compared afterwards,
/// step by step.
fn compared(view: &Selected, snapshot: &Snapshot<'_>, upto: ModSeq) -> Result<Changed> {
    let now = snapshot.uids(view.mailbox)?.0;
    let mut changed = Changed::nothing(upto);
    changed.vanished = view.known().difference(&now);
    changed.added = now.difference(view.known());
    let known = now.intersect(view.known());
    changed.compare = Some(Compare::new(view.mailbox, view.told(), known));
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

/// Numbers are those before any EXPUNGE of this round.
fn last_flags(view: &Selected, snapshot: &Snapshot<'_>, uids: &NumSet) -> Result<Vec<LastFlags>> {
    let known = uids.intersect(view.known());
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let mut seqnums = view.cursor();
    let left = snapshot.expunged(view.mailbox, view.told(), &known)?;
    let last = left.into_iter().map(|message| LastFlags {
        seqnum: seqnums.seqnum(message.uid.value()),
        recent: view.recent().contains(message.uid.value()),
        message,
    });
    Ok(last.collect())
}

/// What was written is taken out of `last`. One that has gone on from where it went is left out.
fn write_last_flags(
    core: &Core,
    last: &mut Vec<LastFlags>,
    uid: bool,
    telling: &Telling,
    out: &mut Vec<u8>,
) -> Result<()> {
    if last.is_empty() {
        return Ok(());
    }
    let snapshot = core.snapshot()?;
    let keywords = snapshot.keywords();
    let mut written = 0;
    for LastFlags { seqnum, recent, message } in last.iter() {
        if out.len() >= limits::OUTPUT_OCTETS_HIGH {
            break;
        }
        let number = message.uid.value();
        let ours = telling.silent.contains(number) && telling.silent_commits.contains(&message.modseq);
        let uid = uid || core.tells_uid();
        let line = FlagsLine { seqnum: *seqnum, uid, flags: !ours, modseq: core.condstore, recent: *recent };
        snapshot.moved(message, |row| line.write(row, &keywords, out))?;
        written += 1;
    }
    last.drain(..written);
    Ok(())
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
        untagged::flags(&untagged::told_keywords(&keywords, core.offers_chat()), out);
    }
    let mut seqnums = view.cursor();
    let mut written = None;
    let _ = snapshot.messages(view.mailbox, &news.flags, |row| {
        let ours = telling.silent.contains(row.uid.value()) && telling.silent_commits.contains(&row.modseq);
        let seqnum = seqnums.seqnum(row.uid.value());
        let uid = uid || core.tells_uid();
        let recent = view.recent().contains(row.uid.value());
        let line = FlagsLine { seqnum, uid, flags: !ours, modseq: core.condstore, recent };
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
