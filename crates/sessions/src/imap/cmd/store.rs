//! STORE (RFC 9051 §6.4.6), conditional with UNCHANGEDSINCE (RFC 7162 §3.1.3).
//!
//! The FETCH responses are those of every command: told from the store when the change is durable. A change
//! of many messages is several transactions, and what is durable is told while the rest is written.
//! `.SILENT` keeps back what only this command changed.

use koi_mailbox::{FlagChange, FlagOp, FlagsSet, Pieces};
use koi_proto::imap::command::{Store, StoreAction};
use koi_proto::imap::response::Code;
use koi_types::{MailError, ModSeq, Result, UidSet};

use super::expunge::read_only;
use crate::imap::job::{Context, Job, Outcome};
use crate::imap::reply::Reply;
use crate::imap::sync::Sync;
use crate::selected::missed::some_gone;
use crate::selected::sequence;
use crate::selected::telling::{Telling, Tells};

pub(crate) fn start(store: Store) -> Box<dyn Job> {
    let first = store.silent.then(|| Box::new(Sync::new(Tells::within(store.by_uid))));
    Box::new(Storing::Submit(store, first))
}

enum Storing {
    /// With `.SILENT` everything that others changed so far is told first.
    Submit(Store, Option<Box<Sync>>),
    Write(Box<Writing>),
}

/// What was submitted.
struct Writing {
    uids: UidSet,
    by_uid: bool,
    silent: bool,
    /// Everything up to here was told before the change.
    told: ModSeq,
    pieces: Pieces<FlagsSet>,
    /// Why a part of it could not be written.
    failed: Option<MailError>,
    /// What of it is durable.
    set: FlagsSet,
    /// What is durable and not yet told.
    telling: Telling,
    /// Tells it before the rest is durable.
    sync: Option<Box<Sync>>,
}

impl Job for Storing {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        match self {
            Self::Submit(store, first) => {
                if let Some(sync) = first {
                    if let Some(stopped) = sync.step(cx)? {
                        return Ok(stopped);
                    }
                    *first = None;
                }
                let mut writing = match submit(cx, store)? {
                    Ok(writing) => Box::new(writing),
                    Err(reply) => return Ok(Outcome::Done(reply)),
                };
                // Others go first, also where it is durable at once.
                let outcome = match writing.pieces.ticket() {
                    Some(ticket) => Outcome::Await(ticket),
                    None => writing.go_on(cx)?,
                };
                *self = Self::Write(writing);
                Ok(outcome)
            }
            Self::Write(writing) => writing.go_on(cx),
        }
    }
}

fn submit(cx: &mut Context<'_>, store: &Store) -> Result<std::result::Result<Writing, Reply>> {
    let view = cx.core.view()?;
    if view.read_only {
        return Ok(Err(read_only()));
    }
    let uids = match sequence::uids(view, &store.set, store.by_uid) {
        Ok(uids) => uids,
        Err(bad) => return Ok(Err(bad.into())),
    };
    let (mailbox, told) = (view.mailbox, view.told());
    // RFC 7162 §3.1: the client has shown that it knows CONDSTORE.
    if store.unchanged_since.is_some() {
        cx.core.enable_condstore(cx.out);
    }
    let account = &cx.core.open()?.account;
    let pieces = account.set_flags_in_pieces(mailbox, &uids, change(store), store.unchanged_since);
    let (by_uid, silent) = (store.by_uid, store.silent);
    let (set, telling) = (FlagsSet::default(), Telling::default());
    Ok(Ok(Writing { uids, by_uid, silent, told, pieces, failed: None, set, telling, sync: None }))
}

impl Writing {
    fn go_on(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        loop {
            if let Some(sync) = &mut self.sync {
                if let Some(stopped) = sync.step_with(cx, &self.telling)? {
                    return Ok(stopped);
                }
                (self.sync, self.telling) = (None, Telling::default());
            }
            self.take_done(cx)?;
            let Some(rest) = self.pieces.ticket() else {
                return match self.failed.take() {
                    Some(error) => Err(error),
                    None => self.finished(cx).map(Outcome::Done),
                };
            };
            if self.telling.flags_of.is_empty() {
                return Ok(Outcome::Await(rest));
            }
            self.sync = Some(Box::new(Sync::new(Tells::within(self.by_uid))));
        }
    }
    /// One that failed is told at the end: those behind it happen nevertheless, and a client that is answered
    /// sends more.
    fn take_done(&mut self, cx: &Context<'_>) -> Result<()> {
        loop {
            match self.pieces.next_done() {
                Ok(Some((uids, set))) => self.add(cx, &uids, set)?,
                Ok(None) => return Ok(()),
                Err(error) => drop(self.failed.get_or_insert(error)),
            }
        }
    }
    /// A part of it is durable.
    fn add(&mut self, cx: &Context<'_>, uids: &UidSet, set: FlagsSet) -> Result<()> {
        if !self.silent {
            let view = cx.core.view()?;
            let mut untold = uids.0.clone();
            // Told with the part before it, as what had changed by then; but of what left since, nothing was.
            if set.commits.last().is_some_and(|commit| *commit <= view.told_flags()) {
                let there = cx.core.open_snapshot()?.uids(view.mailbox)?;
                untold = untold.difference(&set.changed.0.intersect(&there.0));
            }
            self.telling.flags_of.extend(&untold);
            self.telling.stored.extend(&set.changed.0.intersect(&untold));
        }
        self.set.join(set);
        Ok(())
    }
    fn finished(&mut self, cx: &Context<'_>) -> Result<Reply> {
        let (view, set) = (cx.core.view()?, &self.set);
        let mut telling = std::mem::take(&mut self.telling);
        if self.silent && follow(self.told, &set.commits) {
            telling.silent = set.changed.0.clone();
            telling.silent_commits.clone_from(&set.commits);
        } else if self.silent {
            // Somebody else wrote between what was told and our change, and our rows hide what.
            telling.flags_of = set.changed.0.clone();
        }
        // RFC 7162 §3.1.3: the messages that failed the test are told as they are now, so that the client can
        // decide.
        if self.silent {
            telling.flags_of.extend(&set.modified.0);
        }
        // What this very command has moved on, because it is seen now, was there.
        let others = self.uids.0.difference(&set.changed.0);
        let gone = some_gone(&cx.core.open_snapshot()?, view, &others)?;
        let modified = match self.by_uid {
            true => set.modified.0.clone(),
            false => view.seqnums_of(&set.modified.0),
        };
        let reply = match (modified.is_empty(), gone && !self.by_uid) {
            // RFC 7162 §3.1.3, example 11: some failed the test, and others are not there any more.
            (false, true) => {
                Reply::no("Some of the messages no longer exist").code(&Code::Modified(&modified))
            }
            // RFC 7162 §3.1.3: the messages that failed the test are named, the others were changed.
            (false, false) => Reply::ok("STORE completed for the others").code(&Code::Modified(&modified)),
            // RFC 5530 §3: what is left was stored, as was asked.
            (true, true) => Reply::ok("STORE completed for the others").code(&Code::ExpungeIssued),
            (true, false) => Reply::ok("STORE completed"),
        };
        Ok(reply.telling(telling))
    }
}

/// Whether the commits come directly after `told` and one after the other: nobody else's is between them.
fn follow(told: ModSeq, commits: &[ModSeq]) -> bool {
    (1..).zip(commits).all(|(after, commit)| commit.value() == told.value() + after)
}

fn change(store: &Store) -> FlagChange {
    FlagChange {
        op: match store.action {
            StoreAction::Replace => FlagOp::Replace,
            StoreAction::Add => FlagOp::Add,
            StoreAction::Remove => FlagOp::Remove,
        },
        system: store.flags.system,
        keywords: store.flags.keywords.clone(),
    }
}
