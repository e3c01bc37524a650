//! New messages of a client: several in one transaction (RFC 9051 §6.3.12, RFC 3502), or one in the place of
//! another (RFC 8508 §3.4).

use std::sync::Arc;

use koi_store::mail::{AccountTxn, Appended, NewEmail};
use koi_types::{EmailId, ErrorKind, Keyword, MailError, MailboxId, ModSeq, Result, Uid, UidSet};

use crate::account::Account;
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
        let options = Arc::clone(&self.inner.options);
        self.change(move |account| append(account, &options, mailbox, &messages))
    }
    /// Appends a message to `to` and takes the one with this UID out of `from`, or neither. The quota sees
    /// only the difference. `Gone` when there is no such message.
    pub fn replace(
        &self,
        from: MailboxId,
        uid: Uid,
        to: MailboxId,
        message: NewMessage,
    ) -> Pending<Replaced> {
        let messages = self.numbered(vec![message]);
        let options = Arc::clone(&self.inner.options);
        self.change(move |account| {
            let uids: UidSet = [uid].into_iter().collect();
            if account.remove(from, &uids)?.uids.is_empty() {
                return Err(MailError::new(ErrorKind::Gone, "the message to be replaced is gone"));
            }
            let appended = append(account, &options, to, &messages)?;
            let missing = || MailError::new(ErrorKind::Internal, "nothing was appended");
            let appended = appended.first().copied().ok_or_else(missing)?;
            Ok(Replaced { appended, modseq: account.modseq() })
        })
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

fn append(
    account: &mut AccountTxn<'_>,
    options: &Options,
    mailbox: MailboxId,
    messages: &[Numbered],
) -> Result<Vec<Appended>> {
    let any_chat = messages.iter().any(|new| new.message.message.chat.is_some());
    let marks = any_chat && coi::marks(account, options, mailbox)?;
    let chat = if marks { Keyword::new(coi::CHAT) } else { None };
    let mut appended = Vec::with_capacity(messages.len());
    for Numbered { email, message } in messages {
        let extra = chat.iter().filter(|_| message.message.chat.is_some());
        let keywords: Vec<Keyword> = message.flags.keywords.iter().chain(extra).cloned().collect();
        appended.push(account.append(mailbox, &message.as_new(*email, &keywords))?);
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
