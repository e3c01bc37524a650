//! MAIL and RCPT: who may send to whom (RFC 5321 §3.3, §3.6 and §4.5.1, RFC 6409 §4.3, §6.1 and §6.2).

use koi_proto::smtp::{BodyType, Mail, Path, Rcpt, Reply};
use koi_types::{AccountId, Address, ErrorKind, MailError, Result, ReversePath};

use super::session::SmtpSession;
use super::transaction::{Recipient, Transaction};
use super::{Role, auth, error, replies};
use crate::account_rates::{Counted, Sent};
use crate::rates::Kind;

pub(super) fn mail(session: &mut SmtpSession, mail: &Mail) -> Reply {
    match checked(session, mail) {
        Ok(counted) => {
            session.transaction = Some(Box::new(Transaction::new(mail, counted)));
            replies::sender_ok()
        }
        Err(reply) => reply,
    }
}

fn checked(session: &SmtpSession, mail: &Mail) -> std::result::Result<Option<Counted>, Reply> {
    if session.client.is_none() {
        return Err(replies::out_of_order(session.role.greeting_first()));
    }
    if session.role == Role::Submission {
        may_send(session, &mail.from)?;
    }
    if session.transaction.is_some() {
        return Err(replies::out_of_order("a transaction is under way"));
    }
    if mail.size.is_some_and(|size| size > session.settings.message_octets_max) {
        return Err(replies::too_large());
    }
    // RFC 3030 §3: only where BINARYMIME was offered.
    if mail.body == Some(BodyType::BinaryMime) {
        return Err(replies::no_such_parameter("BODY=BINARYMIME is not offered"));
    }
    // RFC 4954 §5: only where AUTH was offered. What it says is of use to whoever relays, which we do not.
    if mail.auth.is_some() && session.role == Role::Inbound {
        return Err(replies::no_such_parameter("AUTH is not offered"));
    }
    if !session.counts(Kind::Message) {
        return Err(replies::too_many_messages());
    }
    account_rate(session, Sent::Message).map_err(|TooMuch| replies::too_many_messages_of_account())
}

/// The account has sent so much already.
struct TooMuch;

/// Counts what a user sends.
fn account_rate(session: &SmtpSession, sent: Sent) -> std::result::Result<Option<Counted>, TooMuch> {
    let Some(login) = session.login.as_ref().filter(|_| session.role == Role::Submission) else {
        return Ok(None);
    };
    session.settings.account_rates.take(sent, login.account, session.now).map(Some).ok_or(TooMuch)
}

/// The message was refused: nothing was sent with it.
pub(super) fn uncount(session: &SmtpSession, message: Option<Counted>, recipients: &[Recipient]) {
    let each = recipients.iter().filter_map(|recipient| recipient.counted);
    // What was taken last goes back first.
    let all: Vec<Counted> = message.into_iter().chain(each).collect();
    all.iter().rev().for_each(|counted| session.settings.account_rates.give_back(counted, session.now));
}

/// RFC 6409 §4.3 and §6.1. The null reverse-path is everybody's (RFC 6409 §3.2): what the message says of its
/// author is checked when it is there.
fn may_send(session: &SmtpSession, from: &ReversePath) -> std::result::Result<(), Reply> {
    let Some(login) = &session.login else {
        return Err(match auth::offer(session).protected {
            true => replies::log_in_first(),
            false => replies::starttls_first(),
        });
    };
    match from {
        ReversePath::Address(address) if !session.owns(login.account, address) => {
            Err(replies::sender_not_yours(address))
        }
        _ => Ok(()),
    }
}

pub(super) fn rcpt(session: &mut SmtpSession, rcpt: &Rcpt) -> Reply {
    match recipient(session, rcpt) {
        Ok(recipient) => {
            if let Some(transaction) = &mut session.transaction {
                transaction.recipients.push(recipient);
            }
            replies::recipient_ok()
        }
        Err(reply) => reply,
    }
}

fn recipient(session: &SmtpSession, rcpt: &Rcpt) -> std::result::Result<Recipient, Reply> {
    let Some(transaction) = &session.transaction else { return Err(replies::out_of_order("MAIL first")) };
    if transaction.has_begun() {
        return Err(replies::out_of_order("the message has begun"));
    }
    if transaction.recipients.len() >= session.settings.recipients_max {
        return Err(replies::too_many_recipients());
    }
    if !session.counts(Kind::Recipient) {
        return Err(replies::too_many_recipients_a_minute());
    }
    let address = match &rcpt.to {
        Path::Address(address) => address.clone(),
        Path::Postmaster => {
            Address::new("postmaster", &session.settings.hostname).ok_or_else(replies::no_such_user)?
        }
    };
    if !transaction.smtputf8 && !address.to_string().is_ascii() {
        return Err(replies::needs_smtputf8());
    }
    let account = match rcpt.to {
        Path::Postmaster => session.service.postmaster(),
        Path::Address(_) => resolve(session, &address),
    };
    let account = account.map_err(|error| unknown(session, &address, &error))?;
    let octets = transaction.size.max(remembered(session, transaction, account));
    if !session.service.has_room(account, octets).unwrap_or(true) {
        return Err(replies::mailbox_full(session.role, &address));
    }
    let counted = account_rate(session, Sent::Recipient);
    let counted = counted.map_err(|TooMuch| replies::too_many_recipients_of_account())?;
    Ok(Recipient { address, account, counted })
}

/// What this sender had for the account before, and it had no room for.
fn remembered(session: &SmtpSession, transaction: &Transaction, account: AccountId) -> u64 {
    match session.role {
        Role::Inbound => session.settings.full.octets(account, &transaction.from, session.now),
        Role::Lmtp | Role::Submission => 0,
    }
}

/// RFC 5321 §4.5.1: somebody reads what is sent to the postmaster of a domain that is ours.
fn resolve(session: &SmtpSession, address: &Address) -> Result<AccountId> {
    match session.service.resolve_recipient(address) {
        Err(error)
            if error.kind == ErrorKind::NotFound
                && address.account_key().local() == "postmaster"
                && session.service.is_local(address.domain())? =>
        {
            session.service.postmaster()
        }
        resolved => resolved,
    }
}

/// RFC 5321 §3.6.2 and §7.9: no address that is not ours is relayed to, whatever the sender.
fn unknown(session: &SmtpSession, address: &Address, why: &MailError) -> Reply {
    let elsewhere =
        why.kind == ErrorKind::NotFound && !session.service.is_local(address.domain()).unwrap_or(true);
    match session.role {
        Role::Inbound if elsewhere => replies::no_relaying(),
        Role::Submission if elsewhere => replies::nowhere_else(address),
        _ => error::reply(why),
    }
}
