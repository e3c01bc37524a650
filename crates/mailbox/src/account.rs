//! One account: snapshots to read it, transactions to change it.
//!
//! A change of many messages is a chain of transactions of at most [`CHUNK`] messages, submitted together and
//! run one after the other; each gets its own MODSEQ. Only COPY must be whole (RFC 9051 §6.4.7): when a piece
//! of it fails, those before it are taken back.

use std::ops::ControlFlow;
use std::sync::Arc;

use koi_store::kv::{self, Txn};
use koi_store::mail::{
    AccountTxn, Copied, Created, Expunged, FlagChange, FlagOp, FlagsSet, INBOX, Renamed, sent,
};
use koi_store::record::account::OwnQuota;
use koi_types::{
    AccountId, ErrorKind, MailError, MailboxId, MailboxName, ModSeq, Result, Role, SystemFlags, UidSet,
};
use parking_lot::Mutex;

use crate::coi::{self, Settled};
use crate::outcome::{CommitCell, Pending};
use crate::service::{Inner, Options};
use crate::snapshot::Snapshot;
use crate::uids::pieces;
use crate::watch::Watching;

/// Messages changed by one transaction: long enough to be fast, short enough that others do not wait for it.
const CHUNK: u32 = 1000;

/// An account. Cheap to clone; holds nothing open.
#[derive(Clone)]
pub struct Account {
    pub(crate) inner: Arc<Inner>,
    pub(crate) id: AccountId,
}

impl Account {
    #[must_use]
    pub const fn id(&self) -> AccountId {
        self.id
    }
    /// Everything that is durable now, for one step.
    pub fn snapshot(&self) -> Result<Snapshot<'_>> {
        Snapshot::open(&self.inner, self.id)
    }
    /// Keeps messages that leave `mailbox` after `seen` readable, until the guard says they were told of.
    #[must_use]
    pub fn watching(&self, mailbox: MailboxId, seen: ModSeq) -> Watching {
        Watching::new(Arc::clone(&self.inner), self.id, mailbox, seen)
    }
    /// Whether the server files a copy of what the account submits.
    pub fn files_sent(&self) -> Result<bool> {
        sent::files_sent(&*self.inner.kv.view()?, self.id)
    }
    /// Changes that; what was learnt of the account's clients is forgotten.
    pub fn set_files_sent(&self, on: bool) -> Pending<()> {
        let id = self.id;
        Pending::of(kv::transact(&*self.inner.kv, move |txn: &mut dyn Txn| sent::set_files_sent(txn, id, on)))
    }
    /// Changes flags; with `unchanged_since`, only of messages with no greater MODSEQ (RFC 7162 §3.1.3).
    pub fn set_flags(
        &self,
        mailbox: MailboxId,
        uids: &UidSet,
        change: FlagChange,
        unchanged_since: Option<u64>,
    ) -> Pending<FlagsSet> {
        let change = Arc::new(change);
        // Without it nobody could free a full disk by EXPUNGE.
        let frees = change.op == FlagOp::Add && change.system.contains(SystemFlags::DELETED);
        let options = Arc::clone(&self.inner.options);
        let run = move |account: &mut AccountTxn<'_>, piece: &UidSet| {
            if frees {
                account.frees_space();
            }
            let set = account.set_flags(mailbox, piece, &change, unchanged_since)?;
            coi::settle(account, &options, mailbox, &set.read)?;
            Ok(set)
        };
        self.in_pieces(mailbox, uids, run, |all: &mut FlagsSet, piece| {
            all.changed.0.extend(&piece.changed.0);
            all.read.0.extend(&piece.read.0);
            all.modified.0.extend(&piece.modified.0);
            all.commits.extend(piece.commits);
        })
    }
    /// Takes out the messages that are `\Deleted`: all of them, or those in `uids`.
    pub fn expunge(&self, mailbox: MailboxId, uids: Option<&UidSet>) -> Pending<Expunged> {
        let deleted = match self.deleted(mailbox, uids) {
            Ok(deleted) => deleted,
            Err(error) => return Pending::failed(error),
        };
        let run = move |account: &mut AccountTxn<'_>, piece: &UidSet| {
            account.frees_space();
            account.expunge(mailbox, piece)
        };
        self.in_pieces(mailbox, &deleted, run, |all: &mut Expunged, piece| {
            all.uids.0.extend(&piece.uids.0);
            all.modseq = all.modseq.max(piece.modseq);
        })
    }
    fn deleted(&self, mailbox: MailboxId, uids: Option<&UidSet>) -> Result<UidSet> {
        let snapshot = self.snapshot()?;
        let row = snapshot.mailbox(mailbox)?.ok_or_else(crate::snapshot::no_such_mailbox)?;
        let mut deleted = UidSet::new();
        if row.deleted == 0 {
            return Ok(deleted);
        }
        let mut all = UidSet::new();
        all.0.insert_range(1..=u32::MAX);
        // Rows that cannot be read stay where they are.
        let _ = snapshot.messages(mailbox, &uids.unwrap_or(&all).0, |message| {
            if message.flags.contains(SystemFlags::DELETED) {
                deleted.insert(message.uid);
            }
            ControlFlow::Continue(())
        })?;
        Ok(deleted)
    }
    /// Copies messages, all or none; those that are gone are left out.
    pub fn copy(&self, from: MailboxId, uids: &UidSet, to: MailboxId) -> Pending<Copied> {
        let pieces = match self.present(from, uids) {
            Ok(uids) => at_least_one(pieces(&uids, CHUNK)),
            Err(error) => return Pending::failed(error),
        };
        // Why no further piece is copied.
        let failed: Arc<Mutex<Option<MailError>>> = Arc::default();
        let parts = pieces.into_iter().map(|piece| {
            let (failed, options) = (Arc::clone(&failed), Arc::clone(&self.inner.options));
            self.submit(move |account| {
                let mut failed = failed.lock();
                if let Some(error) = &*failed {
                    return Err(error.clone());
                }
                let copied = copy_piece(account, &options, from, &piece, to);
                copied.inspect_err(|error| *failed = Some(error.clone()))
            })
        });
        let account = self.clone();
        Pending::joined(parts.collect(), move |parts: Vec<Result<CopiedPiece>>| {
            if parts.iter().any(Result::is_err) {
                // Only of what became durable are the UIDs ours: others may have them by now.
                for piece in parts.iter().flatten() {
                    account.take_back(to, &piece.copied.to);
                    if let Some(settled) = &piece.settled {
                        account.take_back(settled.mailbox, &settled.moved.to);
                    }
                }
            }
            join_copied(parts.into_iter().map(|piece| piece.map(|piece| piece.copied)).collect())
        })
    }
    /// Undoes the pieces of a copy that failed as a whole. Nobody waits for it.
    fn take_back(&self, mailbox: MailboxId, uids: &UidSet) {
        for piece in pieces(uids, CHUNK) {
            drop(self.submit(move |account| account.remove(mailbox, &piece)));
        }
    }
    /// Moves messages; each is in one mailbox or the other at any time (RFC 6851 §3.3).
    pub fn move_(&self, from: MailboxId, uids: &UidSet, to: MailboxId) -> Pending<Copied> {
        let pieces = match self.present(from, uids) {
            Ok(uids) => at_least_one(pieces(&uids, CHUNK)),
            Err(error) => return Pending::failed(error),
        };
        let parts = pieces.into_iter().map(|piece| {
            let options = Arc::clone(&self.inner.options);
            self.submit(move |account| {
                let moved = account.move_(from, &piece, to)?;
                coi::settle(account, &options, to, &moved.to)?;
                Ok(moved)
            })
        });
        Pending::joined(parts.collect(), join_copied)
    }
    /// Makes a mailbox and the superiors it lacks, for a client (RFC 9051 §6.3.4).
    pub fn create(&self, name: &MailboxName, role: Option<Role>) -> Pending<Created> {
        let (name, options) = (name.clone(), Arc::clone(&self.inner.options));
        self.change(move |account| coi::names::create(account, &options, &name, role))
    }
    /// The same of the server's own accord, or for a tool: no request to enable COI.
    pub fn make(&self, name: &MailboxName, role: Option<Role>) -> Pending<Created> {
        let name = name.clone();
        self.change(move |account| account.create(&name, role))
    }
    /// Deletes a mailbox with its messages; `InUse` when only names below it exist (RFC 9051 §6.3.5).
    pub fn delete(&self, name: &MailboxName) -> Pending<MailboxId> {
        let (name, options) = (name.clone(), Arc::clone(&self.inner.options));
        self.change(move |account| {
            account.frees_space();
            coi::names::delete(account, &options, &name)
        })
    }
    /// Renames a mailbox and all below it. INBOX stays, empty, and its messages move (RFC 9051 §6.3.6).
    pub fn rename(&self, from: &MailboxName, to: &MailboxName) -> Pending<()> {
        let (inbox, to) = (from.is_inbox(), to.clone());
        let (from, options) = (from.clone(), Arc::clone(&self.inner.options));
        if !inbox {
            return self.change(move |account| coi::names::rename(account, &options, &from, &to).map(drop));
        }
        let uids = match self.snapshot().and_then(|snapshot| snapshot.uids(INBOX)) {
            Ok(uids) => uids,
            Err(error) => return Pending::failed(error),
        };
        let target: Arc<Mutex<Option<MailboxId>>> = Arc::default();
        let (made, commit) = (Arc::clone(&target), CommitCell::default());
        let mut parts = vec![self.submit_noting(&commit, move |account| {
            if let Renamed::Inbox(created) = coi::names::rename(account, &options, &from, &to)? {
                *made.lock() = Some(created.mailbox);
            }
            Ok(())
        })];
        for piece in pieces(&uids, CHUNK) {
            let target = Arc::clone(&target);
            parts.push(self.submit(move |account| {
                let missing =
                    || MailError::new(ErrorKind::Conflict, "the mailbox to move INBOX to was not made");
                let to = target.lock().ok_or_else(missing)?;
                account.move_(INBOX, &piece, to).map(drop)
            }));
        }
        let all = Pending::joined(parts, |parts: Vec<Result<()>>| parts.into_iter().collect());
        all.committing_at(commit)
    }
    /// Subscribes or unsubscribes a name, whether or not there is such a mailbox (RFC 9051 §6.3.7).
    pub fn subscribe(&self, name: &MailboxName, subscribed: bool) -> Pending<()> {
        let name = name.clone();
        self.change(move |account| account.subscribe(&name, subscribed))
    }
    /// Sets the account's own limits instead of those of all. What is there already stays.
    pub fn set_quota(&self, own: OwnQuota) -> Pending<()> {
        self.change(move |account| account.set_quota(own))
    }
    /// Those of a large set that are there, so that a chain is as long as there is work for; a small set as
    /// it is.
    fn present(&self, mailbox: MailboxId, uids: &UidSet) -> Result<UidSet> {
        if uids.count() <= u64::from(CHUNK) {
            return Ok(uids.clone());
        }
        let there = self.snapshot()?.uids(mailbox)?;
        Ok(UidSet(there.0.intersect(&uids.0)))
    }
    fn in_pieces<P: Default + Send + 'static>(
        &self,
        mailbox: MailboxId,
        uids: &UidSet,
        run: impl Fn(&mut AccountTxn<'_>, &UidSet) -> Result<P> + Clone + Send + 'static,
        join: impl Fn(&mut P, P) + Send + 'static,
    ) -> Pending<P> {
        let pieces = match self.present(mailbox, uids) {
            Ok(uids) => pieces(&uids, CHUNK),
            Err(error) => return Pending::failed(error),
        };
        if pieces.is_empty() {
            return Pending::ready(P::default());
        }
        let parts = pieces.into_iter().map(|piece| {
            let run = run.clone();
            self.submit(move |account| run(account, &piece))
        });
        Pending::joined(parts.collect(), move |parts: Vec<Result<P>>| {
            let mut all = P::default();
            for part in parts {
                join(&mut all, part?);
            }
            Ok(all)
        })
    }
    pub(crate) fn change<T: Send + 'static>(
        &self,
        run: impl FnMut(&mut AccountTxn<'_>) -> Result<T> + Send + 'static,
    ) -> Pending<T> {
        let commit = CommitCell::default();
        Pending::of(self.submit_noting(&commit, run)).committing_at(commit)
    }
    fn submit<T: Send + 'static>(
        &self,
        run: impl FnMut(&mut AccountTxn<'_>) -> Result<T> + Send + 'static,
    ) -> kv::Pending<T> {
        self.submit_noting(&CommitCell::default(), run)
    }
    fn submit_noting<T: Send + 'static>(
        &self,
        commit: &CommitCell,
        mut run: impl FnMut(&mut AccountTxn<'_>) -> Result<T> + Send + 'static,
    ) -> kv::Pending<T> {
        let commit = Arc::clone(commit);
        self.transact(move |mut account| {
            let value = run(&mut account)?;
            *commit.lock() = account.finish()?;
            Ok(value)
        })
    }
    /// A change that answers its modseq, or nothing when it changed nothing.
    pub(crate) fn commit(
        &self,
        mut run: impl FnMut(&mut AccountTxn<'_>) -> Result<()> + Send + 'static,
    ) -> Pending<Option<ModSeq>> {
        Pending::of(self.transact(move |mut account| {
            run(&mut account)?;
            account.finish()
        }))
    }
    fn transact<T: Send + 'static>(
        &self,
        mut run: impl FnMut(AccountTxn<'_>) -> Result<T> + Send + 'static,
    ) -> kv::Pending<T> {
        let (id, quota, now) = (self.id, self.inner.options.quota, self.inner.env.now());
        let pending = kv::transact(&*self.inner.kv, move |txn: &mut dyn Txn| {
            run(AccountTxn::open(txn, id, quota, now)?)
        });
        self.inner.changed(id);
        pending
    }
}

/// One transaction of a COPY.
struct CopiedPiece {
    copied: Copied,
    /// What of it went on at once.
    settled: Option<Settled>,
}

fn copy_piece(
    account: &mut AccountTxn<'_>,
    options: &Options,
    from: MailboxId,
    uids: &UidSet,
    to: MailboxId,
) -> Result<CopiedPiece> {
    let copied = account.copy(from, uids, to)?;
    let settled = coi::settle(account, options, to, &copied.to)?;
    Ok(CopiedPiece { copied, settled })
}

/// An empty copy still answers the target's UIDVALIDITY, and that both mailboxes are there.
fn at_least_one(mut pieces: Vec<UidSet>) -> Vec<UidSet> {
    if pieces.is_empty() {
        pieces.push(UidSet::new());
    }
    pieces
}

fn join_copied(parts: Vec<Result<Copied>>) -> Result<Copied> {
    let mut all: Option<Copied> = None;
    for part in parts {
        let part = part?;
        match &mut all {
            None => all = Some(part),
            Some(all) => {
                all.from.0.extend(&part.from.0);
                all.to.0.extend(&part.to.0);
                all.modseq = all.modseq.max(part.modseq);
            }
        }
    }
    all.ok_or_else(|| MailError::new(ErrorKind::Internal, "nothing was copied"))
}
