//! DATA and BDAT: the message while it arrives, and what is refused when it has (RFC 5321 §4.1.1.4 and
//! §2.3.8, RFC 3030 §2).
//!
//! The header of a message that is not LMTP's is held until it is complete, then checked; the body goes to
//! the store as it comes. Must not: hold a body; take an LF alone for the end of a line.

use koi_mailbox::{ClientName, client_number};
use koi_proto::smtp::{DataEnd, Reply};
use koi_types::{ErrorKind, MailError, limits};
use memchr::memmem;

use super::deliver;
use super::head::{self, Author};
use super::session::{Next, SmtpSession};
use super::trace::{Trace, With};
use super::transaction::{Arriving, Bodies, Transaction};
use super::{Role, envelope, error, replies};

pub(super) fn begin(session: &mut SmtpSession) -> Next {
    let role = session.role;
    let Some(transaction) = &mut session.transaction else {
        return Next::Reply(replies::out_of_order("MAIL first"));
    };
    if transaction.chunking {
        return Next::Reply(replies::out_of_order("BDAT has begun"));
    }
    if transaction.recipients.is_empty() {
        return Next::Reply(without_recipients(role));
    }
    transaction.last = true;
    start(session);
    session.decoder.begin_data();
    Next::Reply(replies::go_ahead())
}

/// RFC 2033 §4.2 and RFC 5321 §3.3.
fn without_recipients(role: Role) -> Reply {
    if role == Role::Lmtp {
        return replies::out_of_order("no valid recipients");
    }
    replies::no_recipients()
}

/// The octets of a chunk follow whatever we think of it; the reply comes after them.
pub(super) fn begin_chunk(session: &mut SmtpSession, last: bool) {
    let Some(transaction) = &mut session.transaction else { return };
    if transaction.recipients.is_empty() {
        return;
    }
    transaction.last = last;
    transaction.chunking = true;
    if !transaction.has_begun() {
        start(session);
    }
}

fn start(session: &mut SmtpSession) {
    let Some(transaction) = &mut session.transaction else { return };
    transaction.message = Arriving::Head(Vec::new());
    if session.role == Role::Lmtp {
        body_begins(session, 0);
    }
}

/// Some octets of the message.
pub(super) fn octets(session: &mut SmtpSession) {
    let Some(transaction) = &mut session.transaction else { return };
    let octets = session.decoder.data();
    match &mut transaction.message {
        Arriving::Head(head) => {
            let from = head.len().saturating_sub(3);
            head.extend_from_slice(octets);
            let end = header_end(head, from);
            if end.unwrap_or(head.len()) > limits::SMTP_HEADER_OCTETS_MAX {
                transaction.fail(replies::header_too_large());
            } else if let Some(end) = end {
                body_begins(session, end);
            }
        }
        Arriving::Body(bodies) => {
            if let Err(error) = bodies.write(octets) {
                transaction.fail(error::reply(&error));
            }
        }
        Arriving::NotYet | Arriving::Dropped => {}
    }
}

/// Where the blank line begins, looked for from `from` on.
fn header_end(head: &[u8], from: usize) -> Option<usize> {
    if head.starts_with(b"\r\n") {
        return Some(0);
    }
    memmem::find(head.get(from..)?, b"\r\n\r\n").map(|at| from + at + 2)
}

/// What was held goes to the store behind the trace lines; `end` is where the header ends.
fn body_begins(session: &mut SmtpSession, end: usize) {
    let Some(transaction) = &mut session.transaction else { return };
    let Arriving::Head(held) = std::mem::take(&mut transaction.message) else { return };
    let (header, rest) = held.split_at_checked(end).unwrap_or((&held, &[]));
    match opened(session, header, rest) {
        Ok(bodies) => {
            if let Some(transaction) = &mut session.transaction {
                transaction.message = Arriving::Body(Box::new(bodies));
            }
        }
        Err(reply) => {
            if let Some(transaction) = &mut session.transaction {
                transaction.fail(reply);
            }
        }
    }
}

fn opened(session: &SmtpSession, header: &[u8], rest: &[u8]) -> Result<Bodies, Reply> {
    let failed = |error: MailError| error::reply(&error);
    let trace = trace_lines(session);
    // Who sends may get a copy.
    let recipients = session.transaction.iter().flat_map(|transaction| transaction.accounts());
    let accounts: Vec<_> = recipients.chain(session.login.iter().map(|login| login.account)).collect();
    // The limit is for what the client sends, whatever is added to it or taken away.
    let begun = |shown: &[u8]| {
        let mut stage = session.service.stage_for(&accounts);
        let written = stage.write_own(trace.as_bytes()).and_then(|()| stage.write_for(shown, header.len()));
        written.and_then(|()| stage.write(rest)).map(|()| stage)
    };
    if session.role != Role::Submission {
        if session.role == Role::Inbound {
            head::refuse_loop(header)?;
        }
        return Ok(Bodies { stage: begun(header).map_err(failed)?, own_form: None, client: 0 });
    }
    let login = session.login.as_ref().ok_or_else(replies::log_in_first)?;
    let author = Author {
        owns: &|address| session.owns(login.account, address),
        at: session.now,
        message_id: &format!("{}@{}", session.service.unique(), session.settings.hostname),
    };
    let submitted = head::submitted(header, &author)?;
    let own_form = submitted.own_form.as_deref().map(begun).transpose().map_err(failed)?;
    let client = match &login.app_password {
        Some(name) => ClientName::AppPassword(name),
        None => ClientName::Program(&submitted.program),
    };
    let client = client_number(client);
    Ok(Bodies { stage: begun(&submitted.header).map_err(failed)?, own_form, client })
}

fn trace_lines(session: &SmtpSession) -> String {
    let client = session.client.as_ref();
    let with = With {
        lmtp: session.role == Role::Lmtp,
        extended: client.is_some_and(|client| client.extended),
        smtputf8: session.transaction.as_ref().is_some_and(|t| t.smtputf8),
        tls: session.peer.tls.is_some(),
        authenticated: session.login.is_some(),
    };
    let transaction = session.transaction.as_ref();
    let only = transaction.and_then(|t| match t.recipients.as_slice() {
        [recipient] if session.role != Role::Lmtp => Some(&recipient.address),
        _ => None,
    });
    Trace {
        from: transaction.map_or(&koi_types::ReversePath::Null, |t| &t.from),
        client: client.map(|client| &*client.name).unwrap_or_default(),
        address: &session.peer.address,
        hostname: &session.settings.hostname,
        with,
        recipient: only,
        at: session.now,
    }
    .lines()
}

impl Bodies {
    fn write(&mut self, octets: &[u8]) -> Result<(), MailError> {
        self.stage.write(octets)?;
        self.own_form.as_mut().map_or(Ok(()), |own| own.write(octets))
    }
}

/// The message or a chunk of it is complete.
pub(super) fn end(session: &mut SmtpSession, end: DataEnd) -> Next {
    let role = session.role;
    let Some(transaction) = &mut session.transaction else {
        return Next::Reply(replies::out_of_order("MAIL first"));
    };
    if transaction.recipients.is_empty() {
        return Next::Reply(without_recipients(role));
    }
    if let Some(reply) = refused(role, end) {
        // It says more than what may have come of it before.
        transaction.broken = None;
        transaction.fail(reply);
    }
    if !transaction.last {
        return match &transaction.broken {
            // RFC 3030 §2: after a failed chunk the client sends RSET; until then every chunk fails.
            Some(reply) => Next::Reply(reply.clone()),
            None => Next::Reply(replies::chunk_ok(end.octets)),
        };
    }
    if let Arriving::Head(held) = &transaction.message {
        // Without a blank line all of it is header.
        let all = held.len();
        body_begins(session, all);
    }
    let Some(mut transaction) = session.transaction.take() else { return Next::Nothing };
    match (std::mem::take(&mut transaction.message), transaction.broken.take()) {
        (Arriving::Body(bodies), None) => match deliver::submit(session, &transaction, *bodies) {
            Ok(delivering) => Next::Deliver(delivering),
            Err(error) => for_all(session, &transaction, &error::reply(&error), &error),
        },
        (_, broken) => {
            let reply = broken.unwrap_or_else(replies::local_error);
            let error = MailError::new(ErrorKind::Unavailable, reply.text.clone());
            for_all(session, &transaction, &reply, &error)
        }
    }
}

/// RFC 5321 §2.3.8 and §4.1.1.4: a CR or LF alone is no line end, and whoever takes it for one sees another
/// message than we do. LMTP's peer has seen to that.
fn refused(role: Role, end: DataEnd) -> Option<Reply> {
    if end.too_large {
        return Some(replies::too_large());
    }
    if role == Role::Lmtp {
        return None;
    }
    match end {
        DataEnd { bare_lf: true, .. } => Some(replies::bad_message("the message has an LF without CR")),
        DataEnd { bare_cr: true, .. } => Some(replies::bad_message("the message has a CR without LF")),
        DataEnd { nul: true, .. } => Some(replies::bad_message("the message has an octet 0")),
        _ => None,
    }
}

/// RFC 2033 §4.2: one reply per recipient, also when all are the same. RFC 6409 §5.2: each is logged.
fn for_all(session: &mut SmtpSession, transaction: &Transaction, reply: &Reply, error: &MailError) -> Next {
    envelope::uncount(session, transaction.counted, &transaction.recipients);
    for recipient in &transaction.recipients {
        session.failed(recipient, error.to_string());
    }
    match session.role {
        Role::Lmtp => Next::Replies(vec![reply.clone(); transaction.recipients.len()]),
        Role::Inbound | Role::Submission => Next::Reply(reply.clone()),
    }
}
