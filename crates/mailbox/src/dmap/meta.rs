//! META: opaque blocks of clients at messages and mailboxes (DMAP-00 §7.6.5).

use std::sync::Arc;

use koi_store::mail::dmap::meta;
use koi_store::mail::{AccountTxn, Created, FlagsSet};
use koi_types::{MailboxId, MailboxName, ModSeq, Result, Rights, Role, Uid, UidSet};

use crate::account::{Account, CHUNK, CHUNK_BLOCK_OCTETS};
use crate::outcome::Pending;
use crate::snapshot::Snapshot;

impl Account {
    /// Sets the block of messages, or takes it away; with `unchanged_since`, only of messages with no greater
    /// MODSEQ. An empty block is none. Who has the mailbox open sees it as a change of flags. Large
    /// blocks are written to fewer messages at once.
    pub fn set_meta(
        &self,
        mailbox: MailboxId,
        uids: &UidSet,
        meta: Option<Arc<[u8]>>,
        unchanged_since: Option<u64>,
    ) -> Pending<FlagsSet> {
        if let Err(error) = self.owner_only() {
            return Pending::failed(error);
        }
        let octets = meta.as_ref().map_or(0, |meta| meta.len() as u64).max(1);
        let count = u32::try_from(CHUNK_BLOCK_OCTETS / octets).unwrap_or(CHUNK).clamp(1, CHUNK);
        let run = move |account: &mut AccountTxn<'_>, piece: &UidSet| {
            account.set_meta(mailbox, piece, meta.as_deref(), unchanged_since)
        };
        self.in_pieces(mailbox, uids, count, run).joined(FlagsSet::join)
    }
    /// Makes a mailbox with its block, both or neither.
    pub fn create_with_meta(
        &self,
        name: &MailboxName,
        role: Option<Role>,
        meta: Arc<[u8]>,
    ) -> Pending<Created> {
        if let Err(error) = self.owner_only() {
            return Pending::failed(error);
        }
        self.create_and(name, role, move |account, created| {
            account.set_mailbox_meta(created.mailbox, Some(&meta))
        })
    }
    /// Sets the block of a mailbox, or takes it away.
    pub fn set_mailbox_meta(&self, mailbox: MailboxId, meta: Option<Arc<[u8]>>) -> Pending<Option<ModSeq>> {
        match self.owner_only() {
            Ok(()) => self.commit(move |account| account.set_mailbox_meta(mailbox, meta.as_deref())),
            Err(error) => Pending::failed(error),
        }
    }
}

impl Snapshot<'_> {
    /// The block of a message.
    pub fn meta(&self, mailbox: MailboxId, uid: Uid) -> Result<Option<Vec<u8>>> {
        self.require(mailbox, Rights::READ)?;
        meta::of_message(&*self.view, self.account, mailbox, uid)
    }
    /// The block of a mailbox.
    pub fn mailbox_meta(&self, mailbox: MailboxId) -> Result<Option<Vec<u8>>> {
        self.require(mailbox, Rights::READ)?;
        meta::of_mailbox(&*self.view, self.account, mailbox)
    }
}
