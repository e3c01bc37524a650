//! Disposition notifications that come back (RFC 8098): which submission each is about (RFC 8621 §7), noted
//! in the transaction that delivers it.
//!
//! Anybody can write one: it counts where it names the Message-ID of what was sent, and one of those it was
//! sent to. Must not: keep more of them than the limit.

use koi_store::mail::AccountTxn;
use koi_store::mail::object::{Object, ObjectKind};
use koi_store::record::submission::{EnvelopeAddress, NoticeRecord, SubmissionRecord, UndoStatus};
use koi_types::{Address, EmailId, Result, limits};

use crate::incoming::{Disposition, Incoming};

/// Notes a message that was just delivered with the submissions it is about.
pub(crate) fn note(account: &mut AccountTxn<'_>, email: EmailId, message: &Incoming) -> Result<()> {
    let Some(disposition) = &message.disposition else { return Ok(()) };
    // Most accounts never had a submission: that costs nothing.
    if account.states().submission == 0 {
        return Ok(());
    }
    for Object { id, record } in account.objects(ObjectKind::Submission)? {
        let submission = record.value.as_deref().and_then(SubmissionRecord::decode);
        let noted = submission.and_then(|submission| noted(submission, disposition, email));
        if let Some(noted) = noted {
            account.put_object(ObjectKind::Submission, id, noted.encode().into())?;
        }
    }
    Ok(())
}

/// The submission with the notification, if it is about it.
fn noted(mut submission: SubmissionRecord, about: &Disposition, email: EmailId) -> Option<SubmissionRecord> {
    let is_it = submission.message_id == Some(about.original) && submission.status == UndoStatus::Final;
    if !is_it || submission.notices.len() >= limits::SUBMISSION_NOTICES_MAX {
        return None;
    }
    let recipient = recipient(&submission.rcpt_to, &about.recipients)?;
    let notice =
        NoticeRecord { email, recipient: u16::try_from(recipient).ok()?, displayed: about.displayed };
    submission.notices.push(notice);
    Some(submission)
}

/// Which recipient it is, by the place: who is named as the sender wrote it, or else whose mailbox it is.
fn recipient(sent_to: &[EnvelopeAddress], named: &[Address]) -> Option<usize> {
    let sent_to: Vec<Option<Address>> = sent_to.iter().map(|to| Address::from_path(&to.email)).collect();
    let place = |is_it: &dyn Fn(&Address, &Address) -> bool| {
        let one_of = |to: &Address| named.iter().any(|named| is_it(to, named));
        sent_to.iter().position(|to| to.as_ref().is_some_and(one_of))
    };
    place(&|to, named| to == named).or_else(|| place(&|to, named| to.account_key() == named.account_key()))
}
