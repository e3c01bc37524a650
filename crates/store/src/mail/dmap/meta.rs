//! m: META blocks of messages and mailboxes: opaque to the server, with the MODSEQ of flags (DMAP-00 §7.6.5).

use koi_types::{AccountId, ErrorKind, MailError, MailboxId, Result, Uid, UidSet, limits};

use crate::key;
use crate::kv::Read;
use crate::mail::{AccountTxn, FlagsSet};
use crate::record::corrupt;
use crate::record::dmap::{decode_meta, encode_meta};
use crate::record::email::Place;
use crate::record::log::Event;
use crate::record::membership::Membership;

/// Octets of a block; an empty one is none. `TooLarge` past `DMAP_META_OCTETS_MAX`.
pub(in crate::mail) fn octets(meta: Option<&[u8]>) -> Result<u32> {
    let octets = meta.map_or(0, <[u8]>::len);
    let text = "a META block has at most 65536 octets";
    let fits = u32::try_from(octets).ok().filter(|_| octets <= limits::DMAP_META_OCTETS_MAX);
    fits.ok_or_else(|| MailError::new(ErrorKind::TooLarge, text))
}

/// The block of a message.
pub fn of_message(
    read: &(impl Read + ?Sized),
    account: AccountId,
    mailbox: MailboxId,
    uid: Uid,
) -> Result<Option<Vec<u8>>> {
    block(read, &key::meta(account, mailbox, uid.value()))
}

/// The block of a mailbox.
pub fn of_mailbox(
    read: &(impl Read + ?Sized),
    account: AccountId,
    mailbox: MailboxId,
) -> Result<Option<Vec<u8>>> {
    block(read, &key::meta(account, mailbox, 0))
}

fn block(read: &(impl Read + ?Sized), key: &[u8]) -> Result<Option<Vec<u8>>> {
    let Some(row) = read.get(key)? else { return Ok(None) };
    decode_meta(&row).map(|meta| Some(meta.to_vec())).ok_or_else(|| corrupt("META", key))
}

impl AccountTxn<'_> {
    /// Sets the block of messages (few enough for one transaction), or takes it away. With `unchanged_since`,
    /// only of those whose MODSEQ is not greater. It is a change of the message as one of flags is.
    pub fn set_meta(
        &mut self,
        mailbox: MailboxId,
        uids: &UidSet,
        meta: Option<&[u8]>,
        unchanged_since: Option<u64>,
    ) -> Result<FlagsSet> {
        let meta_octets = octets(meta)?;
        let at = self.mailbox(mailbox)?;
        let rows = self.collect_rows(mailbox, uids)?;
        let mut set = FlagsSet::default();
        let mut encoded = Vec::new();
        for (uid, row) in rows.iter() {
            // A row that cannot be read is for `check` to report; it must not stop the others.
            let Some(old) = Membership::decode(row) else { continue };
            if unchanged_since.is_some_and(|since| old.modseq.value() > since) {
                set.modified.insert(uid);
                continue;
            }
            if meta_octets == 0 && old.meta_octets == 0 {
                continue;
            }
            self.count_meta(u64::from(old.meta_octets), u64::from(meta_octets))?;
            let open = self.at(at)?;
            let others = open.record.dmap_octets.saturating_sub(u64::from(old.meta_octets));
            open.record.dmap_octets = others.saturating_add(u64::from(meta_octets));
            encoded.clear();
            Membership { modseq: self.modseq, meta_octets, ..old }.encode_same(&mut encoded);
            self.txn.put(&key::membership(self.id, mailbox, uid.value()), &encoded)?;
            let key = key::meta(self.id, mailbox, uid.value());
            match meta.filter(|_| meta_octets > 0) {
                Some(meta) => self.txn.put(&key, &encode_meta(meta))?,
                None => self.txn.delete(&key)?,
            }
            self.count_change(at, uid, &old, old.flags)?;
            set.changed.insert(uid);
        }
        if !set.changed.is_empty() {
            set.commits.push(self.modseq());
        }
        Ok(set)
    }
    /// What counts towards the quota grows only while there is room.
    fn count_meta(&mut self, before: u64, after: u64) -> Result<()> {
        let others = self.record.octets.saturating_sub(before);
        if after > before && others.saturating_add(after) > self.quota.octets_max {
            return Err(MailError::new(ErrorKind::OverQuota, "the account is over its quota"));
        }
        self.record.octets = others.saturating_add(after);
        Ok(())
    }
    /// Sets the block of a mailbox, or takes it away: the mailbox changed, as by a new name.
    pub fn set_mailbox_meta(&mut self, mailbox: MailboxId, meta: Option<&[u8]>) -> Result<()> {
        let meta_octets = octets(meta)?;
        let at = self.mailbox(mailbox)?;
        let key = key::meta(self.id, mailbox, 0);
        let before = block(&*self.txn, &key)?;
        if before.as_deref() == meta.filter(|_| meta_octets > 0) {
            return Ok(());
        }
        match meta.filter(|_| meta_octets > 0) {
            Some(meta) => self.txn.put(&key, &encode_meta(meta))?,
            None => self.txn.delete(&key)?,
        }
        self.at(at)?.touch();
        self.event(Some(mailbox), Event::MailboxRenamed);
        self.names_changed = true;
        Ok(())
    }
    /// The block of a message that was just added.
    pub(in crate::mail) fn put_meta(&mut self, place: Place, meta: &[u8]) -> Result<()> {
        if meta.is_empty() {
            return Ok(());
        }
        self.txn.put(&key::meta(self.id, place.mailbox, place.uid.value()), &encode_meta(meta))
    }
    /// The block goes along with a copy.
    pub(in crate::mail) fn copy_meta(&mut self, from: Place, to: Place, row: &Membership<'_>) -> Result<()> {
        if row.meta_octets == 0 {
            return Ok(());
        }
        let block = of_message(&*self.txn, self.id, from.mailbox, from.uid)?;
        self.put_meta(to, &block.unwrap_or_default())
    }
}
