//! A complete message with the store: how it is delivered, and the replies when that is durable
//! (RFC 5321 §4.2.5, RFC 2033 §4.2).

use std::sync::Arc;

use koi_mailbox::{Delivered, Delivery, Pending, Submission, Ticket, Whole};
use koi_proto::smtp::Reply;
use koi_types::{AccountId, ErrorKind, MailError, Result, ReversePath};

use super::session::SmtpSession;
use super::transaction::{Bodies, Recipient, Transaction};
use super::{Role, envelope, error, replies};
use crate::account_rates::Counted;
use crate::session::Note;

pub(super) struct Delivering {
    pending: Ending,
    /// The accounts delivered to, each once, in the order of the results.
    accounts: Vec<AccountId>,
    recipients: Vec<Recipient>,
    counted: Option<Counted>,
    from: ReversePath,
    octets: u64,
}

enum Ending {
    /// One result for each account.
    Each(Pending<Vec<Result<Delivered>>>),
    Whole(Pending<Whole>),
}

impl Delivering {
    pub(super) fn ticket(&self) -> Ticket {
        match &self.pending {
            Ending::Each(pending) => pending.ticket(),
            Ending::Whole(pending) => pending.ticket(),
        }
    }
}

pub(super) fn submit(
    session: &SmtpSession,
    transaction: &Transaction,
    bodies: Bodies,
) -> Result<Box<Delivering>> {
    let octets = bodies.stage.octets();
    let own_form = bodies.own_form.map(|own| own.finish().map(Arc::new)).transpose()?;
    let message = Arc::new(bodies.stage.finish()?);
    let accounts = transaction.accounts();
    let (recipients, received_at, sender) = (accounts.clone(), session.now, transaction.from.clone());
    let pending = match (session.role, &session.login) {
        (Role::Lmtp, _) => {
            Ending::Each(session.service.deliver(Delivery { sender, recipients, message, received_at }))
        }
        (Role::Submission, Some(login)) => Ending::Whole(session.service.submit(Submission {
            sender: login.account,
            reverse_path: sender,
            recipients,
            message,
            own_form,
            client: bodies.client,
            counts: transaction.counts(),
            received_at,
        })),
        // Without a login there is no transaction in a submission.
        (Role::Inbound | Role::Submission, _) => Ending::Whole(session.service.deliver_whole(Delivery {
            sender,
            recipients,
            message,
            received_at,
        })),
    };
    let Transaction { recipients, counted, from, .. } = transaction;
    let (recipients, counted, from) = (recipients.clone(), *counted, from.clone());
    Ok(Box::new(Delivering { pending, accounts, recipients, counted, from, octets }))
}

/// What the peer is told; call when the ticket has resolved.
pub(super) fn finish(session: &mut SmtpSession, delivering: Delivering, out: &mut Vec<u8>) {
    let Delivering { pending, accounts, recipients, counted, from, octets } = delivering;
    match pending {
        Ending::Each(pending) => each(session, &pending.take(), &accounts, &recipients, octets, out),
        Ending::Whole(pending) => {
            let whole = pending.take();
            remember_full(session, &whole, &accounts, &from, octets);
            let (count, reply) = match whole {
                Ok(Whole::Delivered(_)) => (recipients.len(), replies::accepted()),
                Ok(Whole::Refused { account, error }) => (0, refused(session, account, &error, &recipients)),
                Err(error) => (0, error::reply(&error)),
            };
            if count == 0 {
                envelope::uncount(session, counted, &recipients);
                recipients.iter().for_each(|recipient| session.failed(recipient, reply.text.to_string()));
            } else {
                session.notes.push(Note::Delivered { recipients: count, octets });
            }
            reply.push(out);
        }
    }
}

/// So that the next try of the same sender reaches those that have room.
fn remember_full(
    session: &SmtpSession,
    whole: &Result<Whole>,
    accounts: &[AccountId],
    from: &ReversePath,
    octets: u64,
) {
    let full = &session.settings.full;
    match whole {
        _ if session.role != Role::Inbound => {}
        Ok(Whole::Refused { account, error }) if error.kind == ErrorKind::OverQuota => {
            full.remember(*account, from, octets, session.now);
        }
        Ok(Whole::Delivered(_)) => accounts.iter().for_each(|account| full.forget(*account, from)),
        _ => {}
    }
}

/// All stands or falls together: one account's error is everybody's, and the reply names whose it is.
fn refused(session: &SmtpSession, account: AccountId, error: &MailError, to: &[Recipient]) -> Reply {
    let recipient = to.iter().find(|recipient| recipient.account == account);
    if error.kind == ErrorKind::OverQuota
        && let Some(recipient) = recipient
    {
        return replies::mailbox_full(session.role, &recipient.address);
    }
    let mut reply = match (session.role, error.kind) {
        // Removed since RCPT: the others get it with the next attempt, which leaves this one out.
        (Role::Inbound, ErrorKind::NotFound) => replies::reply(451, 2, 1, error.text.to_string()),
        _ => error::reply(error),
    };
    let whose = match recipient {
        Some(recipient) => format!("<{}>: ", recipient.address.as_path()),
        None => "your own copy: ".to_owned(),
    };
    reply.text = format!("{whose}{}", reply.text).into();
    reply
}

fn each(
    session: &mut SmtpSession,
    results: &Result<Vec<Result<Delivered>>>,
    accounts: &[AccountId],
    recipients: &[Recipient],
    octets: u64,
    out: &mut Vec<u8>,
) {
    let mut delivered = 0;
    for recipient in recipients {
        let at = accounts.iter().position(|account| *account == recipient.account);
        let result = match results {
            Ok(results) => at.and_then(|at| results.get(at)).map(|r| r.as_ref().map(|_| ())),
            Err(error) => Some(Err(error)),
        };
        match result {
            Some(Ok(())) => {
                delivered += 1;
                replies::saved(&recipient.address).push(out);
            }
            Some(Err(error)) => {
                session.failed(recipient, error.to_string());
                match error.kind {
                    ErrorKind::OverQuota => replies::mailbox_full(session.role, &recipient.address),
                    _ => error::reply(error),
                }
                .push(out);
            }
            None => replies::local_error().push(out),
        }
    }
    if delivered > 0 {
        session.notes.push(Note::Delivered { recipients: delivered, octets });
    }
}
