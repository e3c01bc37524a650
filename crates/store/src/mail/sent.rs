//! The copy of submitted mail in the Sent mailbox: filed by the server when the account asks for it, unless
//! the client is known to append its own, and taken back when it turns out that it does.
//!
//! A client is a number that stands for a way in and a program. It is known to append from the first time an
//! APPEND to the Sent mailbox has the Message-ID of something it submitted, and not any more when it sends
//! again and its last message was not appended for [`APPEND_WAIT_SECS`]. See
//! docs/decisions/0003-sent-copies.md. Must not: merge what a client appends with anything.

use std::ops::ControlFlow;

use koi_types::{
    AccountId, MailboxId, MailboxName, Result, Role, SystemFlags, Timestamp, Uid, UidSet, limits,
};

use super::account::AccountTxn;
use super::append::{Appended, NewEmail};
use crate::key::{self, table};
use crate::kv::{Read, Txn};
use crate::record::email::EmailRecord;
use crate::record::mailbox::NameRecord;
use crate::record::membership::Membership;
use crate::record::sent::{
    FiledCopy, SubmittedRecord, decode_setting, decode_since, encode_setting, encode_since,
};

/// A client that appends what it sends does so within this time.
pub const APPEND_WAIT_SECS: u32 = 600;
/// The newest messages of the Sent mailbox that are looked at for one that was appended before it was sent.
const NEWEST_MAX: usize = 16;

/// A message that is being submitted, as far as its copy is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    pub new: NewEmail<'a>,
    /// Hash of its Message-ID, if it has one that can be read.
    pub message_id: Option<u64>,
    pub client: u64,
    /// The mailbox with the role Sent, as far as the caller knows.
    pub mailbox: Option<MailboxId>,
}

/// Whether the account asks for copies of what it sends. A setting that cannot be read is off.
pub fn files_sent(read: &(impl Read + ?Sized), account: AccountId) -> Result<bool> {
    let row = read.get(&key::sent_setting(account))?;
    Ok(row.and_then(|row| decode_setting(&row)).unwrap_or(false))
}

/// Changes the setting; what was learnt of clients is forgotten.
pub fn set_files_sent(txn: &mut dyn Txn, account: AccountId, on: bool) -> Result<()> {
    let mut keys = Vec::new();
    let range = key::all(account, table::SENT);
    let counts = key::sent_counts(account);
    txn.scan(&range.from, &range.end, &mut |key, _| {
        if key != counts {
            keys.push(key.to_vec());
        }
        ControlFlow::Continue(())
    })?;
    for key in keys {
        txn.delete(&key)?;
    }
    txn.put(&key::sent_setting(account), &encode_setting(on))
}

impl AccountTxn<'_> {
    /// Files the copy, marked as read, unless the client does or has done so. Nothing when the account does
    /// not ask for copies.
    pub fn file_sent(&mut self, sent: &Sent<'_>) -> Result<Option<Appended>> {
        if !files_sent(&*self.txn, self.id)? {
            return Ok(None);
        }
        let mailbox = match sent.mailbox {
            Some(mailbox) if self.has_mailbox(mailbox)? => mailbox,
            _ => self.sent_mailbox()?,
        };
        let Some(message_id) = sent.message_id else {
            return self.append(mailbox, &sent.new).map(Some);
        };
        let earlier = self.submitted(message_id)?;
        if earlier.is_some_and(|earlier| earlier.copy.is_some()) {
            // Sent once more: the copy is there.
            return Ok(None);
        }
        if self.is_among_newest(mailbox, message_id)? {
            self.learn(sent.client)?;
            return Ok(None);
        }
        let filed = match self.expects_append(sent.client)? {
            true => None,
            false => Some(self.append(mailbox, &sent.new)?),
        };
        let copy = filed.map(|filed| FiledCopy { mailbox, uid: filed.uid });
        let record = SubmittedRecord { at: self.now, client: sent.client, copy };
        self.make_room(0, limits::SUBMITTED_REMEMBERED_MAX)?;
        self.txn.put(&key::submitted(self.id, message_id), &record.encode())?;
        Ok(filed)
    }
    /// A client has appended a message with this Message-ID to `mailbox`. If that is the Sent mailbox and it
    /// submitted the message, the server's copy goes, unless somebody has done something with it.
    pub fn client_appended(&mut self, mailbox: MailboxId, message_id: u64) -> Result<()> {
        if !files_sent(&*self.txn, self.id)? || self.role_of(mailbox)? != Some(Role::Sent) {
            return Ok(());
        }
        let Some(submitted) = self.submitted(message_id)? else { return Ok(()) };
        self.learn(submitted.client)?;
        self.txn.delete(&key::submitted(self.id, message_id))?;
        match submitted.copy {
            Some(copy) => self.take_back(copy),
            None => Ok(()),
        }
    }
    fn take_back(&mut self, copy: FiledCopy) -> Result<()> {
        let key = key::membership(self.id, copy.mailbox, copy.uid.value());
        let Some(row) = self.txn.get(&key)? else { return Ok(()) };
        let untouched =
            Membership::decode(&row).is_some_and(|m| m.flags == SystemFlags::SEEN && m.keywords.is_empty());
        drop(row);
        if !untouched {
            return Ok(());
        }
        let uids: UidSet = std::iter::once(copy.uid).collect();
        self.remove(copy.mailbox, &uids).map(drop)
    }
    fn submitted(&self, message_id: u64) -> Result<Option<SubmittedRecord>> {
        let row = self.txn.get(&key::submitted(self.id, message_id))?;
        Ok(row.and_then(|row| SubmittedRecord::decode(&row)))
    }
    fn learn(&mut self, client: u64) -> Result<()> {
        self.make_room(1, limits::APPENDING_CLIENTS_MAX)?;
        self.txn.put(&key::appending_client(self.id, client), &encode_since(self.now))
    }
    /// Whether the client is known to append. One that was, and has not done so for a while, is forgotten.
    fn expects_append(&mut self, client: u64) -> Result<bool> {
        let known = key::appending_client(self.id, client);
        if self.txn.get(&known)?.is_none() {
            return Ok(false);
        }
        let late = self.now.0 - i64::from(APPEND_WAIT_SECS) * 1000;
        let mut forgotten = None;
        self.each_of(0, &mut |key, row| {
            let owed = |r: &SubmittedRecord| r.client == client && r.copy.is_none() && r.at.0 < late;
            if SubmittedRecord::decode(row).as_ref().is_some_and(owed) {
                forgotten = Some(key.to_vec());
            }
        })?;
        let Some(owed) = forgotten else { return Ok(true) };
        self.txn.delete(&owed)?;
        self.txn.delete(&known)?;
        Ok(false)
    }
    /// Rows of a kind are few: when there are `max`, the oldest goes.
    fn make_room(&mut self, kind: u8, max: usize) -> Result<()> {
        let mut oldest: Option<Aged> = None;
        let mut count = 0;
        self.each_of(kind, &mut |key, row| {
            count += 1;
            let at = match kind {
                0 => SubmittedRecord::decode(row).map(|record| record.at),
                _ => decode_since(row),
            };
            let at = at.unwrap_or(Timestamp(i64::MIN));
            if oldest.as_ref().is_none_or(|oldest| at < oldest.at) {
                oldest = Some(Aged { at, key: key.to_vec() });
            }
        })?;
        match oldest {
            Some(oldest) if count >= max => self.txn.delete(&oldest.key),
            _ => Ok(()),
        }
    }
    fn each_of(&self, kind: u8, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<()> {
        let range = key::below(&key::sent(self.id, kind));
        self.txn.scan(&range.from, &range.end, &mut |key, row| {
            visit(key, row);
            ControlFlow::Continue(())
        })
    }
    /// Whether the server files a copy of what the account submits.
    pub fn files_sent(&self) -> Result<bool> {
        files_sent(&*self.txn, self.id)
    }
    pub(super) fn has_mailbox(&self, mailbox: MailboxId) -> Result<bool> {
        Ok(self.txn.get(&key::mailbox(self.id, table::MAILBOX, mailbox))?.is_some())
    }
    fn role_of(&self, mailbox: MailboxId) -> Result<Option<Role>> {
        let row = self.txn.get(&key::mailbox(self.id, table::MAILBOX_NAME, mailbox))?;
        Ok(row.and_then(|row| NameRecord::decode(&row)).and_then(|name| name.role))
    }
    /// The mailbox with the role, else the one of that name, else a new one.
    fn sent_mailbox(&mut self) -> Result<MailboxId> {
        let mut with_role = None;
        let range = key::all(self.id, table::MAILBOX_NAME);
        self.txn.scan(&range.from, &range.end, &mut |key, row| {
            if NameRecord::decode(row).is_some_and(|name| name.role == Some(Role::Sent)) {
                with_role = key::mailbox_of(key);
            }
            if with_role.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if let Some(mailbox) = with_role {
            return Ok(mailbox);
        }
        let name = MailboxName::new("Sent")
            .map_err(|text| koi_types::MailError::new(koi_types::ErrorKind::Internal, text))?;
        match self.mailbox_named(&name)? {
            Some(mailbox) => Ok(mailbox),
            None => self.create(&name, Some(Role::Sent)).map(|created| created.mailbox),
        }
    }
    /// Clients that append first have done so just now.
    fn is_among_newest(&self, mailbox: MailboxId, message_id: u64) -> Result<bool> {
        let from = key::membership(self.id, mailbox, Uid::MIN.value());
        let end = key::membership_end(self.id, mailbox, u32::MAX);
        let mut newest = Vec::with_capacity(NEWEST_MAX);
        self.txn.scan_back(&from, &end, &mut |_, row| {
            newest.extend(Membership::decode(row).map(|row| row.email));
            if newest.len() < NEWEST_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        for email in newest {
            let Some(row) = self.txn.get(&key::email(self.id, email))? else { continue };
            let own = EmailRecord::decode(&row).and_then(|record| record.thread_keys.iter().next());
            if own == Some(message_id) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

struct Aged {
    at: Timestamp,
    key: Vec<u8>,
}
