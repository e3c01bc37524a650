//! The LMTP commands (RFC 2033 §4.1, RFC 5321 §4.1.1, RFC 3030 §2, RFC 3207 §4).

use std::sync::Arc;

use koi_mailbox::{Delivery, Stage};
use koi_proto::smtp::{BodyType, Command, DataEnd, Mail, Path, Rcpt, Reply};
use koi_types::{Address, MailError, Result};

use super::session::{Delivering, LmtpSession, Next};
use super::trace::Trace;
use super::transaction::{Recipient, Transaction};
use super::{error, replies};

pub(super) const fn name(command: &Command) -> &'static str {
    match command {
        Command::Ehlo(_) => "EHLO",
        Command::Helo(_) => "HELO",
        Command::Lhlo(_) => "LHLO",
        Command::Mail(_) => "MAIL",
        Command::Rcpt(_) => "RCPT",
        Command::Data => "DATA",
        Command::Bdat { .. } => "BDAT",
        Command::Rset => "RSET",
        Command::Noop => "NOOP",
        Command::Quit => "QUIT",
        Command::Vrfy(_) => "VRFY",
        Command::Expn(_) => "EXPN",
        Command::Help => "HELP",
        Command::StartTls => "STARTTLS",
        Command::Auth { .. } => "AUTH",
    }
}

pub(super) fn run(session: &mut LmtpSession, command: Command) -> Next {
    match command {
        Command::Lhlo(client) => lhlo(session, client),
        Command::Mail(mail) => Next::Reply(self::mail(session, &mail)),
        Command::Rcpt(rcpt) => Next::Reply(self::rcpt(session, &rcpt)),
        Command::Data => begin_data(session),
        Command::Bdat { last, .. } => {
            begin_chunk(session, last);
            Next::Nothing
        }
        Command::Rset => {
            session.transaction = None;
            Next::Reply(replies::ok())
        }
        Command::Noop => Next::Reply(replies::ok()),
        Command::Quit => Next::Quit(replies::bye()),
        // RFC 5321 §3.5.3: nobody is told which addresses there are.
        Command::Vrfy(_) => Next::Reply(replies::cannot_verify()),
        Command::Help => Next::Reply(replies::help()),
        Command::StartTls => starttls(session),
        // RFC 2033 §4.1: HELO and EHLO are not for LMTP.
        Command::Ehlo(_) | Command::Helo(_) | Command::Expn(_) | Command::Auth { .. } => {
            Next::Reply(replies::unrecognized())
        }
    }
}

/// RFC 5321 §4.1.4: a greeting also ends the transaction that is under way.
fn lhlo(session: &mut LmtpSession, client: Box<str>) -> Next {
    session.transaction = None;
    session.client = Some(client);
    let offers_tls = session.settings.starttls && session.peer.tls.is_none();
    Next::Reply(replies::capabilities(&session.settings, offers_tls))
}

fn mail(session: &mut LmtpSession, mail: &Mail) -> Reply {
    if session.client.is_none() {
        return replies::out_of_order("LHLO first");
    }
    if session.transaction.is_some() {
        return replies::out_of_order("a transaction is under way");
    }
    if mail.size.is_some_and(|size| size > session.settings.message_octets_max) {
        return replies::too_large();
    }
    // RFC 3030 §3: only where BINARYMIME was offered.
    if mail.body == Some(BodyType::BinaryMime) {
        return replies::no_such_parameter("BODY=BINARYMIME is not offered");
    }
    session.transaction = Some(Box::new(Transaction::new(mail.from.clone())));
    replies::sender_ok()
}

fn rcpt(session: &mut LmtpSession, rcpt: &Rcpt) -> Reply {
    let Some(transaction) = &mut session.transaction else { return replies::out_of_order("MAIL first") };
    if transaction.stage.is_some() {
        return replies::out_of_order("the message has begun");
    }
    if transaction.recipients.len() >= session.settings.recipients_max {
        return replies::too_many_recipients();
    }
    let address = match &rcpt.to {
        Path::Address(address) => Some(address.clone()),
        Path::Postmaster => Address::new("postmaster", &session.settings.hostname),
    };
    let Some(address) = address else { return replies::no_such_user() };
    match session.service.resolve_recipient(&address) {
        Ok(account) => {
            transaction.recipients.push(Recipient { address, account });
            replies::recipient_ok()
        }
        Err(error) => error::reply(&error),
    }
}

fn begin_data(session: &mut LmtpSession) -> Next {
    let stage = session.service.stage();
    let Some(transaction) = &mut session.transaction else {
        return Next::Reply(replies::out_of_order("MAIL first"));
    };
    if transaction.chunking {
        return Next::Reply(replies::out_of_order("BDAT has begun"));
    }
    // RFC 2033 §4.2: without a valid recipient DATA is refused.
    if transaction.recipients.is_empty() {
        return Next::Reply(replies::out_of_order("no valid recipients"));
    }
    transaction.last = true;
    open(session, stage);
    session.decoder.begin_data();
    Next::Reply(replies::go_ahead())
}

/// The octets of a chunk follow whatever we think of it; the reply comes after them.
fn begin_chunk(session: &mut LmtpSession, last: bool) {
    let stage = session.service.stage();
    let Some(transaction) = &mut session.transaction else { return };
    if transaction.recipients.is_empty() {
        return;
    }
    transaction.last = last;
    transaction.chunking = true;
    if transaction.stage.is_none() && transaction.broken.is_none() {
        open(session, stage);
    }
}

/// The trace lines go in front of the message.
fn open(session: &mut LmtpSession, mut stage: Stage) {
    let Some(transaction) = &mut session.transaction else { return };
    let lines = Trace {
        from: &transaction.from,
        client: session.client.as_deref().unwrap_or_default(),
        address: &session.peer.address,
        hostname: &session.settings.hostname,
        protocol: if session.peer.tls.is_some() { "LMTPS" } else { "LMTP" },
        at: session.now,
    }
    .lines();
    match stage.write(lines.as_bytes()) {
        Ok(()) => transaction.stage = Some(stage),
        Err(error) => transaction.broken = Some(error::reply(&error)),
    }
}

/// Some octets of the message.
pub(super) fn data(session: &mut LmtpSession) {
    let Some(transaction) = &mut session.transaction else { return };
    let Some(stage) = &mut transaction.stage else { return };
    if let Err(error) = stage.write(session.decoder.data()) {
        transaction.stage = None;
        transaction.broken = Some(error::reply(&error));
    }
}

/// The message or a chunk of it is complete.
pub(super) fn data_end(session: &mut LmtpSession, end: DataEnd) -> Next {
    let Some(transaction) = &mut session.transaction else {
        return Next::Reply(replies::out_of_order("MAIL first"));
    };
    if transaction.recipients.is_empty() {
        return Next::Reply(replies::out_of_order("no valid recipients"));
    }
    if end.too_large {
        transaction.stage = None;
        transaction.broken = Some(replies::too_large());
    }
    if !transaction.last {
        return match &transaction.broken {
            // RFC 3030 §2: after a failed chunk the client sends RSET; until then every chunk fails.
            Some(reply) => Next::Reply(reply.clone()),
            None => Next::Reply(replies::chunk_ok(end.octets)),
        };
    }
    let Some(mut transaction) = session.transaction.take() else { return Next::Nothing };
    match transaction.stage.take() {
        Some(stage) if transaction.broken.is_none() => match submit(session, &transaction, stage) {
            Ok(delivering) => Next::Deliver(delivering),
            Err(error) => for_all(session, &transaction, &error::reply(&error), &error),
        },
        _ => {
            let reply = transaction.broken.clone().unwrap_or_else(replies::local_error);
            let error = MailError::new(koi_types::ErrorKind::Unavailable, reply.text.clone());
            for_all(session, &transaction, &reply, &error)
        }
    }
}

fn submit(session: &LmtpSession, transaction: &Transaction, stage: Stage) -> Result<Box<Delivering>> {
    let octets = stage.octets();
    let message = Arc::new(stage.finish()?);
    let accounts = transaction.accounts();
    let delivery = Delivery { recipients: accounts.clone(), message, received_at: session.now };
    let pending = session.service.deliver(delivery);
    let recipients = transaction.recipients.clone();
    Ok(Box::new(Delivering { pending, accounts, recipients, octets }))
}

/// RFC 2033 §4.2: one reply per recipient, also when all are the same.
fn for_all(session: &mut LmtpSession, transaction: &Transaction, reply: &Reply, error: &MailError) -> Next {
    for recipient in &transaction.recipients {
        session.failed(recipient, error.to_string());
    }
    Next::Replies(vec![reply.clone(); transaction.recipients.len()])
}

fn starttls(session: &LmtpSession) -> Next {
    match session.settings.starttls && session.peer.tls.is_none() {
        true => Next::StartTls(replies::start_tls()),
        false => Next::Reply(replies::out_of_order("STARTTLS is not available")),
    }
}
