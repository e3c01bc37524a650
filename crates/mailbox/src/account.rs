//! One account: snapshots to read it, transactions to change it.
//!
//! A change of many messages is a chain of transactions of at most [`CHUNK`] messages, submitted together and
//! run one after the other; each gets its own MODSEQ. Only COPY must be whole (RFC 9051 §6.4.7): when a piece
//! of it fails, those before it are taken back.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use koi_store::body::NewBody;
use koi_store::kv::{self, Txn};
use koi_store::mail::{AccountTxn, Copied, Expunged, FlagChange, FlagOp, FlagsSet, sent};
use koi_store::record::account::OwnQuota;
use koi_types::{
    AccountId, EmailId, ErrorKind, MailError, MailboxId, ModSeq, Result, Rights, SystemFlags, UidSet,
};
use parking_lot::Mutex;

use crate::access::{self, Visitor, acting, refuse_flags, require};
use crate::carry::Goal;
use crate::coi::{self, Settled};
use crate::outcome::{CommitCell, Pending};
use crate::pieces::Pieces;
use crate::service::{Inner, Options};
use crate::snapshot::Snapshot;
use crate::transfer::TransferRun;
use crate::uids::pieces;
use crate::watch::Watching;

/// Messages changed by one transaction: long enough to be fast, short enough that others do not wait for it.
pub(crate) const CHUNK: u32 = 1000;
/// Octets of META blocks that one transaction writes, which takes a few times as much at most.
pub(crate) const CHUNK_BLOCK_OCTETS: u64 = 4 * 1024 * 1024;

/// An account. Cheap to clone; holds nothing open.
#[derive(Clone)]
pub struct Account {
    pub(crate) inner: Arc<Inner>,
    pub(crate) id: AccountId,
    /// Who uses it, if it is not the owner.
    pub(crate) guest: Visitor,
}

/// What MOVE needs where messages are taken from: what COPY, STORE of `\\Deleted` and EXPUNGE need (RFC 6851
/// §4.2).
pub(crate) const MOVE: Rights = Rights::READ.union(Rights::DELETE_MESSAGES).union(Rights::EXPUNGE);

/// Why no further piece of a chain is run.
pub(crate) type Failed = Arc<Mutex<Option<MailError>>>;

impl Account {
    #[must_use]
    pub const fn id(&self) -> AccountId {
        self.id
    }
    /// Everything that is durable now, for one step.
    pub fn snapshot(&self) -> Result<Snapshot<'_>> {
        Snapshot::open(&self.inner, self.id, self.guest.clone())
    }
    /// Keeps messages that leave `mailbox` after `seen` readable, until the guard says they were told of.
    #[must_use]
    pub fn watching(&self, mailbox: MailboxId, seen: ModSeq) -> Watching {
        Watching::new(Arc::clone(&self.inner), self.id, mailbox, seen)
    }
    /// Whether the server files a copy of what the account submits.
    pub fn files_sent(&self) -> Result<bool> {
        self.owner_only()?;
        sent::files_sent(&*self.inner.kv.view()?, self.id)
    }
    /// Changes that; what was learnt of the account's clients is forgotten.
    pub fn set_files_sent(&self, on: bool) -> Pending<()> {
        if let Err(error) = self.owner_only() {
            return Pending::failed(error);
        }
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
        self.set_flags_in_pieces(mailbox, uids, change, unchanged_since).joined(FlagsSet::join)
    }
    /// The same, of which each part can be told when it is durable.
    pub fn set_flags_in_pieces(
        &self,
        mailbox: MailboxId,
        uids: &UidSet,
        change: FlagChange,
        unchanged_since: Option<u64>,
    ) -> Pieces<FlagsSet> {
        let change = Arc::new(change);
        // Without it nobody could free a full disk by EXPUNGE.
        let frees = change.op == FlagOp::Add && change.system.contains(SystemFlags::DELETED);
        if let Err(error) = self.refuse_now(mailbox, Rights::READ, |rights| refuse_flags(rights, &change)) {
            return Pieces::failed(error);
        }
        let (options, visitor) = (Arc::clone(&self.inner.options), self.guest.clone());
        let run = move |account: &mut AccountTxn<'_>, piece: &UidSet| {
            if frees {
                account.frees_space();
            }
            if let Some(guest) = acting(&visitor, account, mailbox, Rights::READ)? {
                refuse_flags(guest.rights, &change)?;
                return account.set_flags_as(guest, mailbox, piece, &change, unchanged_since);
            }
            let set = account.set_flags(mailbox, piece, &change, unchanged_since)?;
            coi::settle(account, &options, mailbox, &set.read)?;
            Ok(set)
        };
        self.in_pieces(mailbox, uids, CHUNK, run)
    }
    /// Takes out the messages that are `\Deleted`: all of them, or those in `uids`.
    pub fn expunge(&self, mailbox: MailboxId, uids: Option<&UidSet>) -> Pending<Expunged> {
        let needed = Rights::READ.union(Rights::EXPUNGE);
        let deleted = match self.deleted(mailbox, uids) {
            Ok(deleted) => deleted,
            Err(error) => return Pending::failed(error),
        };
        let visitor = self.guest.clone();
        let run = move |account: &mut AccountTxn<'_>, piece: &UidSet| {
            require(&visitor, account, mailbox, needed)?;
            account.frees_space();
            account.expunge(mailbox, piece)
        };
        self.in_pieces(mailbox, &deleted, CHUNK, run).joined(|all: &mut Expunged, piece| {
            all.uids.0.extend(&piece.uids.0);
            all.modseq = all.modseq.max(piece.modseq);
        })
    }
    fn deleted(&self, mailbox: MailboxId, uids: Option<&UidSet>) -> Result<UidSet> {
        let snapshot = self.snapshot()?;
        snapshot.require(mailbox, Rights::READ.union(Rights::EXPUNGE))?;
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
        self.transfer(from, uids, self, to, false, HashMap::new())
    }
    /// The same into a mailbox of `target`, which may be another account; all that must be stored again is,
    /// before it returns. For tools and tests: a session uses [`Account::transfer_run`].
    pub fn copy_into(&self, from: MailboxId, uids: &UidSet, target: &Self, to: MailboxId) -> Pending<Copied> {
        self.finished(from, uids, target, to, false)
    }
    /// Moves messages; each is in one mailbox or the other at any time (RFC 6851 §3.3).
    pub fn move_(&self, from: MailboxId, uids: &UidSet, to: MailboxId) -> Pending<Copied> {
        self.transfer(from, uids, self, to, true, HashMap::new())
    }
    /// The same into a mailbox of `target`, like [`Account::copy_into`].
    pub fn move_into(&self, from: MailboxId, uids: &UidSet, target: &Self, to: MailboxId) -> Pending<Copied> {
        self.finished(from, uids, target, to, true)
    }
    fn finished(
        &self,
        from: MailboxId,
        uids: &UidSet,
        target: &Self,
        to: MailboxId,
        moves: bool,
    ) -> Pending<Copied> {
        self.transfer_run(from, uids, target, to, moves).map_or_else(Pending::failed, TransferRun::finish)
    }
    /// With the bodies that another domain needs.
    pub(crate) fn transfer(
        &self,
        from: MailboxId,
        uids: &UidSet,
        target: &Self,
        to: MailboxId,
        moves: bool,
        bodies: HashMap<EmailId, NewBody>,
    ) -> Pending<Copied> {
        let failed = Failed::default();
        let pieces = self.copied_at_once(from, uids).map(at_least_one);
        let parts = pieces.map(|pieces| match target.id == self.id {
            true => self.within(from, pieces, to, moves, &failed),
            false => self.carry(from, pieces, &Goal { target, to, removes: moves }, bodies, &failed),
        });
        let parts = match parts {
            Ok(parts) => parts,
            Err(error) => return Pending::failed(error),
        };
        let target = target.clone();
        Pending::joined(parts, move |parts: Vec<Result<CopiedPiece>>| {
            if !moves && parts.iter().any(Result::is_err) {
                // Only of what became durable are the UIDs ours: others may have them by now.
                for piece in parts.iter().flatten() {
                    target.take_back(to, &piece.copied.to);
                    if let Some(settled) = &piece.settled {
                        target.take_back(settled.mailbox, &settled.moved.to);
                    }
                }
            }
            join_copied(parts.into_iter().map(|piece| piece.map(|piece| piece.copied)).collect())
        })
    }
    /// As many messages in one transaction as it takes with the META blocks that go along.
    fn copied_at_once(&self, from: MailboxId, uids: &UidSet) -> Result<Vec<UidSet>> {
        let whole = pieces(&self.present(from, uids)?, CHUNK);
        let snapshot = self.snapshot()?;
        let record = snapshot.mailbox_record(from)?;
        if record.is_none_or(|record| record.dmap_octets <= CHUNK_BLOCK_OCTETS) || self.is_others() {
            return Ok(whole);
        }
        let mut parts = Vec::new();
        for mut piece in whole {
            let (mut octets, mut ends) = (0, Vec::new());
            // What cannot be read goes with what is before it.
            let _ = snapshot.messages(from, &piece.0, |row| {
                octets += u64::from(row.meta_octets);
                if octets > CHUNK_BLOCK_OCTETS {
                    octets = u64::from(row.meta_octets);
                    ends.push(row.uid.value() - 1);
                }
                ControlFlow::Continue(())
            })?;
            for end in ends {
                let mut rest = piece.clone();
                rest.0.remove_range(0..=end);
                parts.push(UidSet(piece.0.difference(&rest.0)));
                piece = rest;
            }
            parts.push(piece);
        }
        Ok(parts)
    }
    /// From one mailbox of the account to another. A COPY stops at the first piece that fails.
    fn within(
        &self,
        from: MailboxId,
        pieces: Vec<UidSet>,
        to: MailboxId,
        moves: bool,
        failed: &Failed,
    ) -> Vec<kv::Pending<CopiedPiece>> {
        let submitted = pieces.into_iter().map(|piece| {
            let (failed, options) = (Arc::clone(failed), Arc::clone(&self.inner.options));
            let visitor = self.guest.clone();
            self.submit(move |account| {
                let mut failed = failed.lock();
                if let Some(error) = failed.as_ref().filter(|_| !moves) {
                    return Err(error.clone());
                }
                let copied = within_piece(account, &options, &visitor, from, &piece, to, moves);
                copied.inspect_err(|error| *failed = Some(error.clone()))
            })
        });
        submitted.collect()
    }
    /// Undoes the pieces of a copy that failed as a whole. Nobody waits for it.
    fn take_back(&self, mailbox: MailboxId, uids: &UidSet) {
        for piece in pieces(uids, CHUNK) {
            drop(self.submit(move |account| account.remove(mailbox, &piece)));
        }
    }
    /// Refuses a guest before anything is queued; the transaction looks again.
    fn refuse_now(
        &self,
        mailbox: MailboxId,
        needed: Rights,
        refuse_more: impl FnOnce(Rights) -> Result<()>,
    ) -> Result<()> {
        if !self.is_others() {
            return Ok(());
        }
        let rights = self.snapshot()?.rights(mailbox)?;
        access::refuse(rights, needed)?;
        refuse_more(rights)
    }
    /// Sets the account's own limits instead of those of all. What is there already stays.
    pub fn set_quota(&self, own: OwnQuota) -> Pending<()> {
        if let Err(error) = self.owner_only() {
            return Pending::failed(error);
        }
        self.change(move |account| account.set_quota(own))
    }
    pub(crate) fn change<T: Send + 'static>(
        &self,
        run: impl FnMut(&mut AccountTxn<'_>) -> Result<T> + Send + 'static,
    ) -> Pending<T> {
        let commit = CommitCell::default();
        Pending::of(self.submit_noting(&commit, run)).committing_at(commit)
    }
    pub(crate) fn submit<T: Send + 'static>(
        &self,
        run: impl FnMut(&mut AccountTxn<'_>) -> Result<T> + Send + 'static,
    ) -> kv::Pending<T> {
        self.submit_noting(&CommitCell::default(), run)
    }
    pub(crate) fn submit_noting<T: Send + 'static>(
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

/// One transaction of a COPY or MOVE.
pub(crate) struct CopiedPiece {
    pub(crate) copied: Copied,
    /// What of it went on at once.
    pub(crate) settled: Option<Settled>,
}

fn within_piece(
    account: &mut AccountTxn<'_>,
    options: &Options,
    visitor: &Visitor,
    from: MailboxId,
    uids: &UidSet,
    to: MailboxId,
    moves: bool,
) -> Result<CopiedPiece> {
    require(visitor, account, from, if moves { MOVE } else { Rights::READ })?;
    let copied = match (acting(visitor, account, to, Rights::INSERT)?, moves) {
        (None, false) => account.copy(from, uids, to)?,
        (None, true) => account.move_(from, uids, to)?,
        (Some(guest), false) => account.copy_as(guest, from, uids, to)?,
        (Some(guest), true) => account.move_as(guest, from, uids, to)?,
    };
    let settled = match visitor {
        None => coi::settle(account, options, to, &copied.to)?,
        Some(_) => None,
    };
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
