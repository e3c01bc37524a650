//! New messages of a client: several in one transaction (RFC 9051 §6.3.12, RFC 3502), or one in the place of
//! another (RFC 8508 §3.4).

use std::sync::Arc;

use koi_store::kv::{Txn, transact};
use koi_store::mail::{AccountTxn, Appended, NewEmail};
use koi_types::{EmailId, ErrorKind, Keyword, MailError, MailboxId, ModSeq, Result, Rights, Uid, UidSet};

use crate::access::{Visitor, acting, require};
use crate::account::{Account, MOVE};
use crate::coi;
use crate::outcome::{NewMessage, Pending};
use crate::service::Options;

/// A message that took the place of another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Replaced {
    pub appended: Appended,
    /// Of the transaction in which one came and the other left.
    pub modseq: ModSeq,
}

impl Account {
    /// Appends messages, all or none.
    pub fn append(&self, mailbox: MailboxId, messages: Vec<NewMessage>) -> Pending<Vec<Appended>> {
        let messages = self.numbered(messages);
        let (options, visitor) = (Arc::clone(&self.inner.options), self.guest.clone());
        self.change(move |account| append(account, &options, &visitor, mailbox, &messages))
    }
    /// Appends a message with a META block (DMAP-00 §7.6.5), or neither.
    pub fn append_with_meta(
        &self,
        mailbox: MailboxId,
        message: NewMessage,
        meta: Option<Arc<[u8]>>,
    ) -> Pending<Appended> {
        if let Some(error) = meta.as_ref().and_then(|_| self.owner_only().err()) {
            return Pending::failed(error);
        }
        let messages = self.numbered(vec![message]);
        let (options, visitor) = (Arc::clone(&self.inner.options), self.guest.clone());
        self.change(move |account| {
            let appended = first(append(account, &options, &visitor, mailbox, &messages)?)?;
            if let Some(meta) = &meta {
                account.set_meta(mailbox, &[appended.uid].into_iter().collect(), Some(meta), None)?;
            }
            Ok(appended)
        })
    }
    /// Appends a message to `to` of `target`, which may be another account, and takes the one with this UID
    /// out of `from`, or neither. The quota of an account sees only the difference. `Gone` when there is no
    /// such message.
    pub fn replace(
        &self,
        from: MailboxId,
        uid: Uid,
        target: &Self,
        to: MailboxId,
        message: NewMessage,
    ) -> Pending<Replaced> {
        let messages = self.numbered(vec![message]);
        let (options, visitor) = (Arc::clone(&self.inner.options), self.guest.clone());
        if target.id == self.id {
            return self.change(move |account| {
                take_out(account, &visitor, from, uid)?;
                let appended = first(append(account, &options, &visitor, to, &messages)?)?;
                Ok(Replaced { appended, modseq: account.modseq() })
            });
        }
        let (source, target, now) = (self.id, target.clone(), self.inner.env.now());
        let changed = [source, target.id];
        let run = move |txn: &mut dyn Txn| {
            let mut account = AccountTxn::open(txn, source, options.quota, now)?;
            take_out(&mut account, &visitor, from, uid)?;
            let modseq = account.modseq();
            account.finish()?;
            let mut account = AccountTxn::open(txn, target.id, options.quota, now)?;
            let appended = first(append(&mut account, &options, &target.guest, to, &messages)?)?;
            account.finish()?;
            Ok(Replaced { appended, modseq })
        };
        let pending = transact(&*self.inner.kv, run);
        changed.into_iter().for_each(|account| self.inner.changed(account));
        Pending::of(pending)
    }
    fn numbered(&self, messages: Vec<NewMessage>) -> Vec<Numbered> {
        let numbered = |message| Numbered { email: self.inner.new_email_id(), message };
        messages.into_iter().map(numbered).collect()
    }
}

/// A message and the id it gets.
struct Numbered {
    email: EmailId,
    message: NewMessage,
}

/// Needs what STORE of `\Deleted` and EXPUNGE need (RFC 8508 §4.1).
fn take_out(account: &mut AccountTxn<'_>, visitor: &Visitor, mailbox: MailboxId, uid: Uid) -> Result<()> {
    require(visitor, account, mailbox, MOVE)?;
    let uids: UidSet = [uid].into_iter().collect();
    if account.remove(mailbox, &uids)?.uids.is_empty() {
        return Err(MailError::new(ErrorKind::Gone, "the message to be replaced is gone"));
    }
    Ok(())
}

fn first(appended: Vec<Appended>) -> Result<Appended> {
    let missing = || MailError::new(ErrorKind::Internal, "nothing was appended");
    appended.first().copied().ok_or_else(missing)
}

fn append(
    account: &mut AccountTxn<'_>,
    options: &Options,
    visitor: &Visitor,
    mailbox: MailboxId,
    messages: &[Numbered],
) -> Result<Vec<Appended>> {
    let guest = acting(visitor, account, mailbox, Rights::INSERT)?;
    let any_chat = messages.iter().any(|new| new.message.message.chat.is_some());
    let marks = any_chat && coi::marks(account, options, mailbox)?;
    let chat = if marks { Keyword::new(coi::CHAT) } else { None };
    let mut appended = Vec::with_capacity(messages.len());
    for Numbered { email, message } in messages {
        let extra = chat.iter().filter(|_| message.message.chat.is_some());
        let keywords: Vec<Keyword> = message.flags.keywords.iter().chain(extra).cloned().collect();
        let new = message.as_new(*email, &keywords);
        appended.push(match guest {
            None => account.append(mailbox, &new)?,
            Some(guest) => account.append_as(guest, mailbox, &new)?,
        });
    }
    // What follows from what the owner has seen and sent is the owner's.
    if guest.is_some() {
        return Ok(appended);
    }
    let uids: UidSet = appended.iter().map(|appended| appended.uid).collect();
    coi::settle(account, options, mailbox, &uids)?;
    for message_id in messages.iter().filter_map(|new| new.message.message.message_id) {
        account.client_appended(mailbox, message_id)?;
    }
    Ok(appended)
}

impl NewMessage {
    fn as_new<'a>(&'a self, email: EmailId, keywords: &'a [Keyword]) -> NewEmail<'a> {
        NewEmail {
            email,
            body: &self.message.body,
            octets: self.message.octets,
            facts: &self.message.facts,
            flags: self.flags.system,
            keywords,
            received_at: self.received_at,
            received_zone: self.received_zone,
        }
    }
}
