//! COPY and MOVE (DMAP-00 §7.6.6, RFC 9051 §6.4.8), with COPYUID (RFC 4315 §3). All messages or none: both
//! are one transaction.

use koi_mailbox::{Copied, Pending, TransferRun};
use koi_proto::dmap::name::MailboxArg;
use koi_proto::dmap::{Code, SequenceSet};
use koi_types::Result;

use super::expunge::read_only;
use crate::dmap::job::{Context, Job, Outcome};
use crate::dmap::reply::{Reply, tell};
use crate::selected::sequence;

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
                        cx.core.require_room(run.memory_octets())?;
                        self.phase = Phase::Stage(run);
                        return Ok(Outcome::Yield);
                    }
                    let pending = run.submit();
                    let ticket = pending.ticket();
                    self.phase = Phase::Wait(pending);
                    return Ok(Outcome::Await(ticket));
                }
                Phase::Wait(pending) => return Ok(Outcome::Done(finished(cx, self.how, &pending.take()?))),
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
        let account = cx.core.account()?;
        let target = match self.mailbox.name() {
            Ok(name) => account.snapshot()?.mailbox_named(name)?,
            // Creating it would not help.
            Err(why) => return Ok(Err(Reply::no(why).code(Code::Cannot))),
        };
        // DMAP-00 §7.6.6: the client may create it and try again.
        let Some(target) = target else {
            return Ok(Err(Reply::no("no such mailbox").code(Code::TryCreate)));
        };
        if uids.is_empty() {
            return Ok(Err(Reply::ok("nothing to copy")));
        }
        account.transfer_run(view.mailbox, &uids, account, target.id, self.how == How::Move).map(Ok)
    }
}

fn finished(cx: &mut Context<'_>, how: How, copied: &Copied) -> Reply {
    if copied.from.is_empty() {
        return Reply::no("the messages are gone").code(Code::ExpungeIssued);
    }
    let (uid_validity, from, to) = (copied.uidvalidity, copied.from.clone(), copied.to.clone());
    let code = Code::CopyUid { uid_validity, from, to };
    match how {
        How::Copy => Reply::ok("COPY completed").code(code),
        How::Move => {
            // RFC 6851 §4.3: before the EXPUNGE responses, so that the client still knows what it moved.
            tell(code, "moved", cx.out);
            let reply = Reply::ok("MOVE completed");
            match copied.modseq {
                // RFC 6851 §4.4: the modseq at which they left.
                Some(modseq) => reply.code(Code::HighestModSeq(modseq)),
                None => reply,
            }
        }
    }
}
