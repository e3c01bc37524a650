//! COPY and MOVE from the mailbox of one owner into that of another.
//!
//! The rights of whoever does it are looked at in the transaction, in both accounts; a message is in one
//! mailbox or the other at any time. Inside a domain the body is shared; what another domain needs is brought
//! along (`bodies`).

use std::collections::HashMap;
use std::sync::Arc;

use koi_store::body::NewBody;
use koi_store::kv::{self, Txn};
use koi_store::mail::carry::Carried;
use koi_store::mail::{AccountTxn, Copied};
use koi_types::{EmailId, MailboxId, Result, Rights, UidSet};

use crate::access::{Visitor, acting, require};
use crate::account::{Account, CopiedPiece, Failed};
use crate::coi;
use crate::service::Lent;

/// Where messages go.
#[derive(Clone, Copy)]
pub(crate) struct Goal<'a> {
    pub(crate) target: &'a Account,
    pub(crate) to: MailboxId,
    /// Taken out of where they come from.
    pub(crate) removes: bool,
}

/// One transaction.
#[derive(Clone)]
struct Run {
    lent: Lent,
    from: Side,
    to: Side,
    /// Taken out of where they come from.
    removes: bool,
    bodies: Arc<HashMap<EmailId, NewBody>>,
}

#[derive(Clone)]
struct Side {
    account: koi_types::AccountId,
    visitor: Visitor,
    mailbox: MailboxId,
}

impl Side {
    fn open<'t>(&self, txn: &'t mut dyn Txn, lent: &Lent) -> Result<AccountTxn<'t>> {
        AccountTxn::open(txn, self.account, lent.options.quota, lent.env.now())
    }
}

impl Account {
    /// Submits one piece after the other; `failed` says why no further one is carried.
    pub(crate) fn carry(
        &self,
        from: MailboxId,
        pieces: Vec<UidSet>,
        goal: &Goal<'_>,
        bodies: HashMap<EmailId, NewBody>,
        failed: &Failed,
    ) -> Vec<kv::Pending<CopiedPiece>> {
        let (bodies, Goal { target, to, removes }) = (Arc::new(bodies), *goal);
        let side =
            |account: &Self, mailbox| Side { account: account.id, visitor: account.guest.clone(), mailbox };
        let run =
            Run { lent: self.inner.lend(), from: side(self, from), to: side(target, to), removes, bodies };
        let submitted = pieces.into_iter().map(|piece| {
            let (run, failed) = (run.clone(), Arc::clone(failed));
            let ids: Vec<EmailId> = piece.0.iter().map(|_| self.inner.new_email_id()).collect();
            kv::transact(&*self.inner.kv, move |txn: &mut dyn Txn| {
                let mut failed = failed.lock();
                if let Some(error) = &*failed {
                    return Err(error.clone());
                }
                run.piece(txn, &piece, &ids).inspect_err(|error| *failed = Some(error.clone()))
            })
        });
        let submitted = submitted.collect();
        self.inner.changed(self.id);
        self.inner.changed(target.id);
        submitted
    }
}

impl Run {
    fn piece(&self, txn: &mut dyn Txn, uids: &UidSet, ids: &[EmailId]) -> Result<CopiedPiece> {
        let carried = self.carried(txn, uids)?;
        let mut target = self.to.open(txn, &self.lent)?;
        let guest = acting(&self.to.visitor, &target, self.to.mailbox, Rights::INSERT)?;
        let uidvalidity = target.uidvalidity(self.to.mailbox)?;
        let mut copied = Copied { uidvalidity, from: UidSet::new(), to: UidSet::new(), modseq: None };
        for (each, id) in carried.iter().zip(ids) {
            let body = self.bodies.get(&each.email);
            let brought = target.bring(self.to.mailbox, each, *id, body, guest)?;
            copied.from.insert(each.uid);
            copied.to.insert(brought.uid);
        }
        let settled = match guest {
            None => coi::settle(&mut target, &self.lent.options, self.to.mailbox, &copied.to)?,
            Some(_) => None,
        };
        target.finish()?;
        if self.removes && !copied.from.is_empty() {
            let mut source = self.from.open(txn, &self.lent)?;
            copied.modseq = source.remove(self.from.mailbox, &copied.from)?.modseq;
            source.finish()?;
        }
        Ok(CopiedPiece { copied, settled })
    }
    fn carried(&self, txn: &mut dyn Txn, uids: &UidSet) -> Result<Vec<Carried>> {
        let mut source = self.from.open(txn, &self.lent)?;
        let needed = if self.removes { crate::account::MOVE } else { Rights::READ };
        require(&self.from.visitor, &source, self.from.mailbox, needed)?;
        let user = self.from.visitor.as_ref().map(|guest| guest.user.id);
        source.carried(self.from.mailbox, uids, user)
    }
}
