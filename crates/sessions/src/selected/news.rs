//! What is to be told of the selected mailbox, from the change log (RFC 9051 §7.4.1, RFC 9051 §7.5.1,
//! RFC 3501 §5.2, RFC 7162 §3.2.10.2, DMAP-00 §6.2).
//!
//! New messages, flags and vanished messages each are told up to a modseq of their own: EXPUNGE has to wait
//! where a command forbids it, and what the client does not want to hear now it may want to hear later
//! (RFC 5465 §3.1). Mostly the three are one, and the log is read once. Must not: write the wire.

use koi_mailbox::{Changes, ExpungedMessage, MailboxRow, Snapshot};
use koi_types::{ModSeq, NumSet, Result, Rights};

use super::Selected;
use super::compare::Compare;
use super::telling::{Telling, Tells, Wants};

/// What is to be told. Sequence numbers are right when the parts are written in the order they have here.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Messages that left in the commit that changed their flags, in order.
    pub(crate) last_flags: Vec<LastFlags>,
    /// UIDs of those of them that are written.
    pub(crate) last_told: NumSet,
    /// Sequence numbers, told from the highest down.
    pub(crate) expunged: NumSet,
    /// UIDs, told instead of `expunged`.
    pub(crate) vanished: NumSet,
    pub(crate) exists: Option<u32>,
    pub(crate) recent: Option<u32>,
    /// UIDs of new messages that are told with the items asked for, after everything else.
    pub(crate) arrivals: NumSet,
    pub(crate) new_keywords: bool,
    /// Other flags than before can be changed.
    pub(crate) permanent: Option<Rights>,
    /// UIDs of messages whose flags are told.
    pub(crate) flags: NumSet,
    /// Others whose flags may have changed.
    pub(crate) compare: Option<Compare>,
    /// What a client of QRESYNC may take for synchronised, where the modseqs it sees would say otherwise.
    pub(crate) highest_modseq: Option<ModSeq>,
}

/// Flags that are told of a message whose EXPUNGE is still to come.
#[derive(Debug)]
pub(crate) struct LastFlags {
    pub(crate) seqnum: u32,
    pub(crate) recent: bool,
    pub(crate) message: ExpungedMessage,
}

/// How this client is told, and what of.
pub(crate) struct Manner {
    pub(crate) tells: Tells,
    pub(crate) wants: Wants,
    /// New messages are told with items of theirs.
    pub(crate) arrivals: bool,
    pub(crate) qresync: bool,
    /// RFC 9586 §3.4: VANISHED instead of EXPUNGE.
    pub(crate) uid_only: bool,
}

/// More changes than this are found by comparing everything instead of reading the log.
const CHANGES_MAX: usize = 16 * 1024;

impl News {
    /// The flags of these messages, and of what changed of others.
    pub(crate) fn of_flags(flags: NumSet, compare: Option<Compare>) -> Self {
        Self { flags, compare, ..Self::default() }
    }
    /// Whether the client knows all of it already.
    pub(crate) fn is_nothing(&self) -> bool {
        let numbers = [&self.expunged, &self.vanished, &self.flags, &self.arrivals];
        let other = self.exists.is_some() || self.recent.is_some() || self.new_keywords;
        !other && self.last_flags.is_empty() && self.compare.is_none() && numbers.iter().all(|n| n.is_empty())
    }
}

/// What came of a look at the mailbox.
pub(crate) struct Looked {
    pub(crate) news: News,
    /// The view was moved on.
    pub(crate) moved: bool,
    /// As it is now.
    pub(crate) row: MailboxRow,
}

/// Moves the view on to the snapshot; `None` when the mailbox is gone.
pub(crate) fn look(
    view: &mut Selected,
    snapshot: &Snapshot<'_>,
    manner: &Manner,
    telling: &Telling,
) -> Result<Option<Looked>> {
    let Some(row) = snapshot.mailbox(view.mailbox)? else { return Ok(None) };
    let owed = view.owes_anything();
    let news = News::of_flags(telling.flags_of.clone(), None);
    let mut round = Round { manner, snapshot, row: &row, view: &mut *view, news };
    round.news.flags.extend(&telling.silent);
    let moved = if round.is_behind() { round.tell()? } else { Moved::Nowhere };
    if !manner.wants.messages {
        round.tell_own_expunged(&telling.expunged);
    }
    // What the client does not know, or no more, has no number.
    round.news.flags = round.news.flags.intersect(round.view.known());
    let mut news = round.news;
    match moved {
        Moved::MailboxGone => return Ok(None),
        Moved::Nowhere if view.synchronised() >= row.highest_modseq => view.tell_all(snapshot.modseq()),
        Moved::Nowhere | Moved::On => {}
    }
    // RFC 7162 §3.2: while something has to wait, modseqs of other changes must not make the client believe
    // that it knows everything; when it has come, they may.
    if manner.qresync && (owed || view.synchronised() < row.highest_modseq) {
        news.highest_modseq = Some(view.synchronised());
    }
    Ok(Some(Looked { news, moved: matches!(moved, Moved::On), row }))
}

/// One look at the mailbox.
struct Round<'a> {
    manner: &'a Manner,
    snapshot: &'a Snapshot<'a>,
    row: &'a MailboxRow,
    view: &'a mut Selected,
    news: News,
}

/// What happened after a modseq, all as sets of UIDs.
#[derive(Default)]
struct Changed {
    added: NumSet,
    flags: NumSet,
    compare: Option<Compare>,
    vanished: NumSet,
    flagged_last: NumSet,
}

/// What became of the view.
enum Moved {
    /// There is nothing that may be told.
    Nowhere,
    On,
    MailboxGone,
}

impl Round<'_> {
    /// Whether there is something the client wants to hear, and may be told now.
    fn is_behind(&self) -> bool {
        let (wants, view) = (self.manner.wants, &*self.view);
        let is_behind = |told: ModSeq| self.row.highest_modseq > told;
        wants.messages && is_behind(view.told())
            || self.may_expunge() && is_behind(view.told_vanished())
            || wants.flags && is_behind(view.told_flags())
    }
    const fn may_expunge(&self) -> bool {
        self.manner.wants.messages && self.manner.tells.expunge()
    }
    fn tell(&mut self) -> Result<Moved> {
        let upto = self.snapshot.modseq();
        let (told, told_flags) = (self.view.told(), self.view.told_flags());
        let Some(mut changed) = self.changed(told)? else { return Ok(Moved::MailboxGone) };
        if told_flags != told && self.manner.wants.flags {
            let Some(since) = self.changed(told_flags)? else { return Ok(Moved::MailboxGone) };
            changed.flags = since.flags;
            // What came since then and is known: its flags may have changed after it was told.
            changed.flags.extend(&since.added.intersect(self.view.known()));
            changed.compare = since.compare;
        }
        if self.view.told_vanished() != told {
            let Some(since) = self.changed(self.view.told_vanished())? else { return Ok(Moved::MailboxGone) };
            changed.vanished = since.vanished;
        }
        self.tell_vanished(&changed, upto)?;
        self.tell_added(&changed, upto);
        self.tell_flags(changed, told_flags != told, upto);
        Ok(Moved::On)
    }
    fn tell_vanished(&mut self, changed: &Changed, upto: ModSeq) -> Result<()> {
        let known = changed.vanished.intersect(self.view.known());
        if self.manner.wants.flags {
            self.news.last_flags = self.last_flags(&changed.flagged_last)?;
        }
        if self.may_expunge() {
            let seqnums = self.view.tell_vanished(&known, upto);
            match self.manner.qresync || self.manner.uid_only {
                true => self.news.vanished = known,
                false => self.news.expunged = seqnums,
            }
        } else if known.is_empty() {
            self.view.none_vanished(upto);
        }
        Ok(())
    }
    fn tell_added(&mut self, changed: &Changed, upto: ModSeq) {
        if !self.manner.wants.messages {
            return;
        }
        let before = self.view.exists();
        self.view.tell(&changed.added, upto);
        // RFC 9051 §7.4.1: EXISTS tells that the mailbox has grown; that it has shrunk EXPUNGE has told.
        self.news.exists = (self.view.exists() > before).then(|| self.view.exists());
        if self.manner.arrivals {
            self.news.arrivals = changed.added.clone();
        }
    }
    /// RFC 9051 §6.4.3: the result of its own command is told to a client that wants to hear of nothing else.
    fn tell_own_expunged(&mut self, uids: &NumSet) {
        let known = uids.intersect(self.view.known());
        let seqnums = self.view.forget(&known);
        match self.manner.qresync || self.manner.uid_only {
            true => self.news.vanished = known,
            false => self.news.expunged = seqnums,
        }
    }
    /// `owed`: earlier changes were kept back, because nobody wanted to hear of them.
    fn tell_flags(&mut self, changed: Changed, owed: bool, upto: ModSeq) {
        let flags = changed.flags.intersect(self.view.known());
        if self.manner.wants.flags {
            self.news.flags.extend(&flags);
            self.news.compare = changed.compare;
            self.view.flags_told(upto);
        } else if !owed && flags.is_empty() && changed.compare.is_none() {
            self.view.flags_told(upto);
        }
    }
    /// Nothing when the mailbox is gone.
    fn changed(&self, since: ModSeq) -> Result<Option<Changed>> {
        let (view, snapshot) = (&*self.view, self.snapshot);
        Ok(match snapshot.changes(view.mailbox, since, CHANGES_MAX)? {
            Changes::Listed(listed) => Some(Changed {
                added: listed.added.0,
                flags: listed.flags.0,
                compare: None,
                vanished: listed.vanished.0,
                flagged_last: listed.flagged_last.0,
            }),
            Changes::MailboxGone => None,
            Changes::TooMany { .. } => Some(compared(view, snapshot, since)?),
        })
    }
    /// Numbers are those before any EXPUNGE of this round.
    fn last_flags(&self, uids: &NumSet) -> Result<Vec<LastFlags>> {
        let view = &*self.view;
        let known = uids.intersect(view.known());
        if known.is_empty() {
            return Ok(Vec::new());
        }
        let mut seqnums = view.cursor();
        let left = self.snapshot.expunged(view.mailbox, view.told(), &known)?;
        let last = left.into_iter().map(|message| LastFlags {
            seqnum: seqnums.seqnum(message.uid.value()),
            recent: view.recent().contains(message.uid.value()),
            message,
        });
        Ok(last.collect())
    }
}

/// Without the log: everything there is against everything that is known. Flags are compared afterwards,
/// step by step.
fn compared(view: &Selected, snapshot: &Snapshot<'_>, since: ModSeq) -> Result<Changed> {
    let now = snapshot.uids(view.mailbox)?.0;
    let known = now.intersect(view.known());
    Ok(Changed {
        vanished: view.known().difference(&now),
        added: now.difference(view.known()),
        compare: Some(Compare::new(view.mailbox, since, known)),
        ..Changed::default()
    })
}
