//! Deliveries that stand or fall together: a message from another server, which gets one answer for all its
//! recipients, and a submission with the sender's own copy.

use std::sync::Arc;

use koi_store::kv::{Txn, transact};
use koi_store::mail::sent::Sent;
use koi_store::mail::sent_counts::{SentShares, count_sent, sent_counts};
use koi_store::mail::{AccountTxn, NewEmail, short_hash};
use koi_store::record::sent::SentCountsRecord;
use koi_types::{
    AccountId, EmailId, MailboxId, ObjectId, Result, ReversePath, Role, SystemFlags, Timestamp, ZoneOffset,
};
use parking_lot::Mutex;

use crate::account::Account;
use crate::coi;
use crate::deliver::{is_about_one_account, peer};
use crate::incoming::{Incoming, Stage};
use crate::outcome::{Delivered, Delivery, Pending, Submission, Whole};
use crate::placement::{Arriving, take_in};
use crate::service::{Inner, MailboxService, Options};
use crate::trace::Trace;

/// What tells the clients of one account apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientName<'a> {
    /// By the name of the app password it logs in with: there is one for each client.
    AppPassword(&'a str),
    /// By the program that made the message, for those that log in with the account's own password.
    Program(&'a [u8]),
}

/// The number of a client for [`Submission::client`].
#[must_use]
pub fn client_number(name: ClientName<'_>) -> u64 {
    match name {
        ClientName::Program(program) => short_hash(program),
        // No program's name has an octet 0.
        ClientName::AppPassword(name) => short_hash(&[b"\0app password ", name.as_bytes()].concat()),
    }
}

/// What one account gets. The sender may be a recipient too: then both in one change.
#[derive(Clone, Copy, Debug)]
struct Part {
    account: AccountId,
    /// It is a recipient.
    arrives: Option<EmailId>,
    /// It is the sender.
    sent: Option<EmailId>,
}

/// All of it, as the transaction needs it.
struct Plan {
    options: Arc<Options>,
    parts: Vec<Part>,
    reverse_path: ReversePath,
    message: Arc<Incoming>,
    own_form: Arc<Incoming>,
    /// The sender's mailbox with the role Sent.
    sent_mailbox: Option<MailboxId>,
    client: u64,
    /// Who sends it, and what that takes of what the account may send.
    counts: Option<(AccountId, SentShares)>,
    received_at: Timestamp,
    now: Timestamp,
}

impl MailboxService {
    /// Delivers to every recipient or to none.
    pub fn deliver_whole(&self, delivery: Delivery) -> Pending<Whole> {
        self.deliver_counted(delivery, None)
    }
    fn deliver_counted(&self, delivery: Delivery, counts: Option<(AccountId, SentShares)>) -> Pending<Whole> {
        let Delivery { sender, recipients, message, received_at } = delivery;
        let parts = recipients.iter().map(|account| self.recipient(*account)).collect();
        self.run(Plan {
            options: Arc::clone(&self.inner.options),
            parts,
            reverse_path: sender,
            own_form: Arc::clone(&message),
            message,
            sent_mailbox: None,
            client: 0,
            counts,
            received_at,
            now: self.inner.env.now(),
        })
    }
    /// Delivers to every recipient and files the sender's copy, if the account asks for one, or does nothing.
    pub fn submit(&self, submission: Submission) -> Pending<Whole> {
        let Submission { sender, reverse_path, recipients, message, own_form, client, counts, received_at } =
            submission;
        let sent_mailbox = match self.account(sender).and_then(|a| Ok(a.snapshot()?.with_role(Role::Sent))) {
            Ok(mailbox) => mailbox,
            Err(error) => return Pending::failed(error),
        };
        let mut parts: Vec<Part> = recipients.iter().map(|account| self.recipient(*account)).collect();
        let sent = Some(self.inner.new_email_id());
        match parts.iter_mut().find(|part| part.account == sender) {
            Some(part) => part.sent = sent,
            None => parts.push(Part { account: sender, arrives: None, sent }),
        }
        self.run(Plan {
            options: Arc::clone(&self.inner.options),
            parts,
            reverse_path,
            own_form: own_form.unwrap_or_else(|| Arc::clone(&message)),
            message,
            sent_mailbox,
            client,
            counts: Some((sender, counts)),
            received_at,
            now: self.inner.env.now(),
        })
    }
    fn recipient(&self, account: AccountId) -> Part {
        Part { account, arrives: Some(self.inner.new_email_id()), sent: None }
    }
    fn run(&self, plan: Plan) -> Pending<Whole> {
        let accounts: Vec<AccountId> = plan.parts.iter().map(|part| part.account).collect();
        let prepared = self.inner.prepare(&plan.message, &accounts, peer(&plan.reverse_path));
        let prepared = prepared.and_then(|()| match Arc::ptr_eq(&plan.message, &plan.own_form) {
            true => Ok(()),
            false => self.inner.prepare(&plan.own_form, &accounts, peer(&plan.reverse_path)),
        });
        if let Err(error) = prepared {
            return Pending::failed(error);
        }
        let refused: Arc<Mutex<Option<AccountId>>> = Arc::default();
        let culprit = Arc::clone(&refused);
        let pending = transact(&*self.inner.kv, move |txn: &mut dyn Txn| {
            *culprit.lock() = None;
            let mut delivered = Vec::with_capacity(plan.parts.len());
            for part in &plan.parts {
                let one = plan.give(txn, *part);
                if one.as_ref().is_err_and(is_about_one_account) {
                    *culprit.lock() = Some(part.account);
                }
                delivered.extend(one?);
            }
            if let Some((account, shares)) = plan.counts {
                count_sent(txn, account, shares, plan.now)?;
            }
            Ok(delivered)
        });
        accounts.into_iter().for_each(|account| self.inner.changed(account));
        Pending::mapped(pending, move |result| said(result, *refused.lock()))
    }
}

impl Account {
    /// How much was sent of what an hour and a day allow; none of a guest.
    pub fn sent_counts(&self) -> Result<SentCountsRecord> {
        self.owner_only()?;
        sent_counts(&*self.inner.kv.view()?, self.id)
    }
    /// Sends a notification (RFC 8098 §3), which has no reverse-path, to an account.
    pub fn send_notification(
        &self,
        octets: &[u8],
        to: AccountId,
        counts: SentShares,
    ) -> Result<Pending<Whole>> {
        self.owner_only()?;
        let Inner { kv, options, env, .. } = &*self.inner;
        let (from, at) = (&ReversePath::Null, env.now());
        let id = ObjectId(self.inner.new_email_id().0);
        let mut stage = Stage::new(Arc::clone(kv), options.message_octets_max);
        stage.write_own(Trace { from, hostname: &options.hostname, id, at }.lines().as_bytes())?;
        stage.write(octets)?;
        let message = Arc::new(stage.finish()?);
        let delivery = Delivery { sender: ReversePath::Null, recipients: vec![to], message, received_at: at };
        let service = MailboxService { inner: Arc::clone(&self.inner) };
        Ok(service.deliver_counted(delivery, Some((self.id, counts))))
    }
}

/// The transaction has left no trace when it failed.
fn said(result: Result<Vec<Delivered>>, refused: Option<AccountId>) -> Result<Whole> {
    match (result, refused) {
        (Ok(delivered), _) => Ok(Whole::Delivered(delivered)),
        (Err(error), Some(account)) => Ok(Whole::Refused { account, error }),
        (Err(error), None) => Err(error),
    }
}

impl Plan {
    /// What was delivered. The sender's own copy first: a chat message to oneself is there then.
    fn give(&self, txn: &mut dyn Txn, part: Part) -> Result<Option<Delivered>> {
        let mut account = AccountTxn::open(txn, part.account, self.options.quota, self.now)?;
        account.join_threads();
        if let Some(email) = part.sent {
            self.file_copy(&mut account, email)?;
        }
        let arriving =
            Arriving { message: &self.message, sender: &self.reverse_path, received_at: self.received_at };
        let arrives = part.arrives.map(|email| take_in(&mut account, &self.options, email, &arriving));
        let delivered = arrives.transpose()?;
        account.finish()?;
        Ok(delivered)
    }
    /// In the mailbox for chats, or in Sent: never in both.
    fn file_copy(&self, account: &mut AccountTxn<'_>, email: EmailId) -> Result<()> {
        if !account.mode().keeps_clear_mail() {
            return self.file_sealed(account, email);
        }
        let body = self.own_form.plain_body()?;
        let new = NewEmail { body: &body, ..self.email(email, &self.own_form, SystemFlags::SEEN) };
        let message_id = self.message.message_id;
        if self.message.chat.is_some() && coi::file_submitted(account, &self.options, &new, message_id)? {
            return Ok(());
        }
        account.file_sent(&Sent { new, message_id, client: self.client, mailbox: self.sent_mailbox })?;
        Ok(())
    }
    /// The copy of who keeps encrypted messages only. What its clients file themselves is not looked for:
    /// they cannot, in clear.
    fn file_sealed(&self, account: &mut AccountTxn<'_>, email: EmailId) -> Result<()> {
        let Some(mailbox) = self.sent_mailbox.filter(|_| account.files_sent().unwrap_or(false)) else {
            return Ok(());
        };
        let sealed = self.own_form.sealed_for(account.id())?;
        sealed.append(account, mailbox, email, self.received_at, SystemFlags::SEEN).map(drop)
    }
    fn email<'a>(&'a self, email: EmailId, message: &'a Incoming, flags: SystemFlags) -> NewEmail<'a> {
        NewEmail {
            email,
            body: &message.body,
            octets: message.octets,
            facts: &message.facts,
            flags,
            keywords: &[],
            received_at: self.received_at,
            received_zone: ZoneOffset(0),
        }
    }
}
