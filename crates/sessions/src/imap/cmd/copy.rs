//! COPY and MOVE (RFC 9051 §6.4.7, RFC 9051 §6.4.8, RFC 6851 §3), with COPYUID (RFC 4315 §3).
//!
//! All messages or none: both are one transaction. What goes to another domain is brought together first, in
//! slices.

use koi_mailbox::{Copied, Pending, TransferRun};
use koi_proto::imap::SequenceSet;
use koi_proto::imap::command::MailboxArg;
use koi_proto::imap::response::{Code, Status, status};
use koi_types::Result;

use super::expunge::read_only;
use super::{PutInto, existing, put_into};
use crate::imap::job::{Context, Job, Outcome};
use crate::imap::reply::Reply;
use crate::selected::sequence;
use crate::selected::telling::Telling;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Copy,
    Move,
}

pub(crate) fn start(how: How, by_uid: bool, set: SequenceSet, mailbox: MailboxArg) -> Box<dyn Job> {
    Box::new(Copying { how, by_uid, set, mailbox, phase: Phase::Begin })
}

struct Copying {
    how: How,
    by_uid: bool,
    set: SequenceSet,
    mailbox: MailboxArg,
    phase: Phase,
}

enum Phase {
    Begin,
    /// What another domain must store again is brought together.
    Stage(Box<TransferRun>),
    Wait(Pending<Copied>),
}

impl Job for Copying {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        loop {
            match std::mem::replace(&mut self.phase, Phase::Begin) {
                Phase::Begin => match self.begin(cx)? {
                    Ok(run) => self.phase = Phase::Stage(Box::new(run)),
                    Err(reply) => return Ok(Outcome::Done(reply)),
                },
                Phase::Stage(mut run) => {
                    if !run.advance()? {
                        cx.require_room(run.memory_octets())?;
                        self.phase = Phase::Stage(run);
                        return Ok(Outcome::Yield);
                    }
                    let pending = run.submit();
                    let ticket = pending.ticket();
                    self.phase = Phase::Wait(pending);
                    return Ok(Outcome::Await(ticket));
                }
                Phase::Wait(pending) => {
                    if pending.ticket().peek().is_none() {
                        let ticket = pending.ticket();
                        self.phase = Phase::Wait(pending);
                        return Ok(Outcome::Await(ticket));
                    }
                    cx.core.committed = pending.commit();
                    let copied = pending.take()?;
                    // It is done, also where the target may not be looked up any more.
                    let target = existing(&self.mailbox).and_then(|name| put_into(cx.core, &name));
                    if let Ok(Some(PutInto { account, row })) = target {
                        cx.core.messages_added(&account, row.id, &copied.to);
                    }
                    return Ok(Outcome::Done(finished(cx, self.how, &copied)));
                }
            }
        }
    }
}

impl Copying {
    fn begin(&self, cx: &Context<'_>) -> Result<std::result::Result<TransferRun, Reply>> {
        let view = cx.core.view()?;
        if self.how == How::Move && view.read_only {
            return Ok(Err(read_only()));
        }
        let uids = match sequence::uids(view, &self.set, self.by_uid) {
            Ok(uids) => uids,
            Err(bad) => return Ok(Err(bad.into())),
        };
        let account = &cx.core.open()?.account;
        let target = match self.mailbox.name() {
            Ok(name) => put_into(cx.core, name)?,
            // Creating it would not help.
            Err(why) => return Ok(Err(Reply::no(why).code(&Code::Cannot))),
        };
        // RFC 9051 §6.4.7: the client may create it and try again.
        let Some(PutInto { account: target, row }) = target else {
            return Ok(Err(Reply::no("no such mailbox").code(&Code::TryCreate)));
        };
        if uids.is_empty() {
            return Ok(Err(Reply::ok("nothing to copy")));
        }
        account.transfer_run(view.mailbox, &uids, &target, row.id, self.how == How::Move).map(Ok)
    }
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
