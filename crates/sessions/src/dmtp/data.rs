//! DATA: counted octets, kept while they arrive, checked when all are there (docs/DIME.md, DMTP).
//!
//! Must not: hold a large message; leave anything of one that was cut off or refused.

use koi_dime::Fingerprint;
use koi_mailbox::dmap::Brought;
use koi_mailbox::{Pending, Ticket};
use koi_types::{MailError, ObjectId, Result};

use super::command::{Arriving, Transaction};
use super::session::{DmtpSession, Next};
use super::{error, replies};
use crate::session::Note;

/// A message that is with the store.
pub(super) struct Delivering {
    pending: Pending<ObjectId>,
    octets: u64,
}

impl Delivering {
    pub(super) fn ticket(&self) -> Ticket {
        self.pending.ticket()
    }
}

pub(super) fn begin(session: &mut DmtpSession, hash: Option<Fingerprint>) -> Next {
    let Some(transaction) = &mut session.transaction else {
        return Next::Reply(replies::out_of_order("MAIL first"));
    };
    if transaction.destination.is_none() {
        return Next::Reply(replies::out_of_order("RCPT first"));
    }
    match session.service.stage_brought(&transaction.origin) {
        Ok(stage) => {
            transaction.hash = hash;
            transaction.message = Arriving::Octets(Box::new(stage));
            session.decoder.expect_data(transaction.size);
            Next::Reply(replies::go_on())
        }
        Err(error) => Next::Reply(refused(session, &error)),
    }
}

/// The octets follow whatever we think of them; the reply comes after them.
pub(super) fn octets(session: &mut DmtpSession, octets: &[u8]) {
    let Some(transaction) = &mut session.transaction else { return };
    if let Arriving::Octets(stage) = &mut transaction.message
        && let Err(error) = stage.write(octets)
    {
        transaction.message = Arriving::Dropped(error);
    }
}

pub(super) fn end(session: &mut DmtpSession) -> Next {
    let Some(transaction) = session.transaction.take() else { return Next::Nothing };
    match handed_over(session, *transaction) {
        Ok(delivering) => Next::Deliver(Box::new(delivering)),
        Err(error) => Next::Reply(refused(session, &error)),
    }
}

fn handed_over(session: &DmtpSession, transaction: Transaction) -> Result<Delivering> {
    let Transaction { origin, signet, destination, hash, message, .. } = transaction;
    let message = match message {
        Arriving::Octets(stage) => *stage,
        Arriving::Dropped(error) => return Err(error),
        Arriving::NotYet => return Err(MailError::new(koi_types::ErrorKind::Internal, "internal error")),
    };
    let octets = message.octets();
    let brought = Brought {
        origin: &signet,
        origin_domain: &origin,
        destination: destination.as_deref().unwrap_or_default(),
        hash: hash.as_ref(),
        message,
    };
    Ok(Delivering { pending: session.service.receive(brought)?, octets })
}

fn refused(session: &mut DmtpSession, error: &MailError) -> koi_dime::dmtp::Reply {
    session.failed("DATA", error);
    error::reply(error)
}

/// What the peer is told; call when the ticket has resolved.
pub(super) fn finish(session: &mut DmtpSession, delivering: Delivering) -> Next {
    let Delivering { pending, octets } = delivering;
    Next::Reply(match pending.take() {
        Ok(transaction) => {
            session.notes.push(Note::Delivered { recipients: 1, octets });
            replies::accepted(transaction)
        }
        Err(error) => refused(session, &error),
    })
}
