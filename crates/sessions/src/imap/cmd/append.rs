//! APPEND (RFC 9051 §6.3.12, RFC 3501 §6.3.11), with APPENDUID (RFC 4315 §3), of messages with NUL by
//! literal8 (RFC 3516 §4.4).
//!
//! The message is refused before it is sent where that can be known; it goes to the store while it arrives.

// DEVIATION RFC 3501 §4.3.1: a header with octets above 127 is taken and sent as it is, though nothing names
// its charset, because other servers do, and refusing it would lose mail that a user moves here.
// DEVIATION RFC 9051 §4.3.1: the same of octets that are not UTF-8, because the header is the sender's and
// not ours to mend; SEARCH takes them for the charset they most likely are.

use std::sync::Arc;

use koi_mailbox::{Account, Appended, NewMessage, Pending, Stage};
use koi_proto::imap::command::AppendBegin;
use koi_proto::imap::response::{Code, Status, continuation, status};
use koi_proto::imap::{Decoded, Phase};
use koi_types::{MailboxId, Result, UidSet, ZoneOffset};

use crate::imap::job::{Context, Job, Outcome};
use crate::imap::reply::Reply;

pub(crate) fn start(begin: AppendBegin) -> Box<dyn Job> {
    Box::new(Append { begin, phase: AppendPhase::Begin })
}

struct Append {
    begin: AppendBegin,
    phase: AppendPhase,
}

/// Where the message goes.
struct Target {
    account: Account,
    mailbox: MailboxId,
}

enum AppendPhase {
    Begin,
    Receive(Target, Stage),
    Wait(Pending<Vec<Appended>>),
    Over,
}

impl Job for Append {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        match std::mem::replace(&mut self.phase, AppendPhase::Over) {
            AppendPhase::Begin => match self.target(cx) {
                Ok(Ok(target)) => {
                    cx.decoder.accept_append();
                    self.receive(cx, target, cx.core.service.stage())
                }
                Ok(Err(reply)) => {
                    cx.decoder.refuse_append();
                    Ok(Outcome::Done(reply))
                }
                Err(error) => {
                    cx.decoder.refuse_append();
                    Err(error)
                }
            },
            AppendPhase::Receive(target, stage) => self.receive(cx, target, stage),
            AppendPhase::Wait(pending) => {
                let appended = pending.take()?;
                Ok(Outcome::Done(finished(&appended)))
            }
            AppendPhase::Over => Err(crate::imap::job::ran_twice()),
        }
    }
}

impl Append {
    /// Where the message goes, or the NO that spares sending it.
    fn target(&self, cx: &Context<'_>) -> Result<std::result::Result<Target, Reply>> {
        if self.begin.octets > cx.core.settings.message_octets_max {
            return Ok(Err(Reply::no("message is too large").code(&Code::TooBig)));
        }
        if self.begin.octets == 0 {
            return Ok(Err(Reply::no("message is empty").code(&Code::Cannot)));
        }
        let name = match self.begin.mailbox.name() {
            Ok(name) => name,
            // Creating it would not help.
            Err(why) => return Ok(Err(Reply::no(why).code(&Code::Cannot))),
        };
        let account = cx.core.account_of(name)?;
        let snapshot = account.snapshot()?;
        let Some(row) = snapshot.mailbox_named(name)? else {
            // RFC 9051 §6.3.12: the client may create it and try again.
            return Ok(Err(Reply::no("no such mailbox").code(&Code::TryCreate)));
        };
        let (usage, quota) = (snapshot.usage(), snapshot.quota());
        let octets = usage.octets.saturating_add(self.begin.octets);
        // RFC 9208 §4.3.1; the transaction looks again.
        if octets > quota.octets_max || usage.messages >= quota.messages_max {
            return Ok(Err(Reply::no("the account is over its quota").code(&Code::OverQuota)));
        }
        drop(snapshot);
        Ok(Ok(Target { account, mailbox: row.id }))
    }
    fn receive(&mut self, cx: &mut Context<'_>, target: Target, mut stage: Stage) -> Result<Outcome> {
        cx.core.waiting_for_client = false;
        loop {
            match cx.decoder.next(Phase::Authenticated) {
                Decoded::Continue => continuation("OK", cx.out),
                Decoded::AppendData => {
                    if let Err(error) = stage.write(cx.decoder.append_data()) {
                        cx.decoder.refuse_append();
                        return Err(error);
                    }
                }
                Decoded::AppendEnd { nul } if nul && !self.begin.literal8 => {
                    // RFC 9051 §4.3: only literal8 may have it.
                    return Ok(Outcome::Done(Reply::bad("message has a NUL octet")));
                }
                Decoded::AppendEnd { nul } => return self.submit(cx, &target, stage, nul),
                Decoded::AppendAborted { text } => return Ok(Outcome::Done(Reply::bad(text))),
                Decoded::Fatal { code, text } => {
                    status(None, Status::Bye, code.as_ref(), text, cx.out);
                    return Ok(Outcome::Close("protocol error"));
                }
                _ => {
                    cx.core.waiting_for_client = true;
                    self.phase = AppendPhase::Receive(target, stage);
                    return Ok(Outcome::NeedInput);
                }
            }
        }
    }
    fn submit(&mut self, cx: &mut Context<'_>, target: &Target, stage: Stage, nul: bool) -> Result<Outcome> {
        // RFC 3516 §6: BODY must show it in an encoding that every client knows.
        let incoming = if nul { stage.finish_binary()? } else { stage.finish()? };
        let message = NewMessage {
            message: Arc::new(incoming),
            flags: std::mem::take(&mut self.begin.flags),
            received_at: self.begin.date.map_or(cx.core.now, |date| date.at),
            received_zone: self.begin.date.map_or(ZoneOffset(0), |date| date.zone),
        };
        let pending = target.account.append(target.mailbox, vec![message]);
        let ticket = pending.ticket();
        self.phase = AppendPhase::Wait(pending);
        Ok(Outcome::Await(ticket))
    }
}

fn finished(appended: &[Appended]) -> Reply {
    let reply = Reply::ok("APPEND completed");
    let Some(first) = appended.first() else { return reply };
    let uids: UidSet = appended.iter().map(|a| a.uid).collect();
    reply.code(&Code::AppendUid { uid_validity: first.uidvalidity, uids: &uids })
}
