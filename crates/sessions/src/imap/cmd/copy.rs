//! COPY and MOVE (RFC 9051 §6.4.7, RFC 9051 §6.4.8, RFC 6851 §3), with COPYUID (RFC 4315 §3).
//!
//! All messages or none: both are one transaction.

use koi_mailbox::Copied;
use koi_proto::imap::SequenceSet;
use koi_proto::imap::command::MailboxArg;
use koi_proto::imap::response::{Code, Status, status};
use koi_types::Result;

use super::expunge::read_only;
use super::{PutInto, existing, put_into, sequence};
use crate::imap::job::{Context, Job, Submitted, write};
use crate::imap::reply::{Reply, Telling};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Copy,
    Move,
}

pub(crate) fn start(how: How, by_uid: bool, set: SequenceSet, mailbox: MailboxArg) -> Box<dyn Job> {
    let target = mailbox.clone();
    write(
        move |cx| submit(cx, how, by_uid, &set, &mailbox),
        move |cx, copied: Copied| {
            // It is done, also where the target may not be looked up any more.
            let target = existing(&target).and_then(|name| put_into(cx.core, &name));
            if let Ok(Some(PutInto { account, row })) = target {
                cx.core.messages_added(&account, row.id, &copied.to);
            }
            Ok(finished(cx, how, &copied))
        },
    )
}

fn submit(
    cx: &mut Context<'_>,
    how: How,
    by_uid: bool,
    set: &SequenceSet,
    mailbox: &MailboxArg,
) -> Result<Submitted<Copied>> {
    let view = cx.core.view()?;
    if how == How::Move && view.read_only {
        return Ok(Submitted::Done(read_only()));
    }
    let uids = match sequence::uids(view, set, by_uid) {
        Ok(uids) => uids,
        Err(bad) => return Ok(Submitted::Done(bad.into())),
    };
    let account = &cx.core.open()?.account;
    let target = match mailbox.name() {
        Ok(name) => put_into(cx.core, name)?,
        // Creating it would not help.
        Err(why) => return Ok(Submitted::Done(Reply::no(why).code(&Code::Cannot))),
    };
    // RFC 9051 §6.4.7: the client may create it and try again.
    let Some(target) = target else {
        return Ok(Submitted::Done(Reply::no("no such mailbox").code(&Code::TryCreate)));
    };
    if uids.is_empty() {
        return Ok(Submitted::Done(Reply::ok("nothing to copy")));
    }
    Ok(Submitted::Pending(match how {
        How::Copy => account.copy_into(view.mailbox, &uids, &target.account, target.row.id),
        How::Move => account.move_into(view.mailbox, &uids, &target.account, target.row.id),
    }))
}

fn finished(cx: &mut Context<'_>, how: How, copied: &Copied) -> Reply {
    let code = Code::CopyUid { uid_validity: copied.uidvalidity, from: &copied.from, to: &copied.to };
    if copied.from.is_empty() {
        return Reply::no("the messages are gone").code(&Code::ExpungeIssued);
    }
    match how {
        How::Copy => Reply::ok("COPY completed").code(&code),
        How::Move => {
            // RFC 6851 §4.3: before the EXPUNGE responses, so that the client still knows what it moved.
            status(None, Status::Ok, Some(&code), "moved", cx.out);
            let telling = Telling { expunged: copied.from.0.clone(), ..Telling::default() };
            let reply = Reply::ok("MOVE completed").telling(telling);
            match copied.modseq.filter(|_| cx.core.condstore && cx.core.is_told_everything()) {
                // RFC 6851 §4.4: the modseq at which they left.
                Some(modseq) => reply.code(&Code::HighestModSeq(modseq)),
                None => reply,
            }
        }
    }
}
