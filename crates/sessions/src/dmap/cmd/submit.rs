//! SUBMIT (DMAP-00 §7.6.7, docs/DMAP.md, submission).
//!
//! Two durable steps, both of which are told: the message is taken (`\Submitted` and `\SubmitPending`), then
//! it is delivered or refused. Who comes second is told that there was a race.

use koi_dime::message::Bounces;
use koi_mailbox::Pending;
use koi_mailbox::dmap::{Claim, SubmitOptions, Submitted};
use koi_proto::dmap::command::{Bounce, Hold, Submit};
use koi_proto::dmap::{Code, DateTime};
use koi_types::{MailError, NumSet, Result, Timestamp, Uid, UidSet, ZoneOffset};

use crate::dmap::job::{Context, Job, Outcome, ran_twice};
use crate::dmap::reply::{Reply, tell};
use crate::dmap::sync::Sync;
use crate::selected::sequence;
use crate::selected::telling::Telling;

pub(crate) fn start(submit: Submit) -> Box<dyn Job> {
    Box::new(Submitting::Begin(Box::new(submit)))
}

enum Submitting {
    Begin(Box<Submit>),
    Claim(Uid, Pending<Claim>),
    /// Both flags are told.
    Tell(Uid, Claim, Box<Sync>),
    Finish(Uid, Pending<Submitted>),
    Over,
}

impl Job for Submitting {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        loop {
            match std::mem::replace(self, Self::Over) {
                Self::Begin(submit) => {
                    let (uid, options) = match begin(cx, &submit)? {
                        Ok(begun) => begun,
                        Err(reply) => return Ok(Outcome::Done(*reply)),
                    };
                    let pending = cx.core.account()?.claim_submission(cx.core.view()?.mailbox, uid, options);
                    let ticket = pending.ticket();
                    *self = Self::Claim(uid, pending);
                    return Ok(Outcome::Await(ticket));
                }
                Self::Claim(uid, pending) => {
                    let claim = pending.take()?;
                    if let Some(until) = claim.held_until {
                        let reply = Reply::ok("held until then").code(Code::Held(date(until)));
                        return Ok(Outcome::Done(reply.telling(of(uid))));
                    }
                    *self = Self::Tell(uid, claim, Box::new(Sync::flags_of(one(uid), None)));
                }
                Self::Tell(uid, claim, mut sync) => {
                    if let Some(stopped) = sync.step(cx)? {
                        *self = Self::Tell(uid, claim, sync);
                        return Ok(stopped);
                    }
                    let pending = cx.core.account()?.finish_submission(&claim)?;
                    let ticket = pending.ticket();
                    *self = Self::Finish(uid, pending);
                    return Ok(Outcome::Await(ticket));
                }
                Self::Finish(uid, pending) => return Ok(Outcome::Done(finished(cx, uid, pending.take()?))),
                Self::Over => return Err(ran_twice()),
            }
        }
    }
}

type Begun = std::result::Result<(Uid, SubmitOptions), Box<Reply>>;

/// Which message, and how; or why not.
fn begin(cx: &Context<'_>, submit: &Submit) -> Result<Begun> {
    let no = |reply: Reply| Ok(Err(Box::new(reply)));
    let view = cx.core.view()?;
    if view.read_only {
        return no(Reply::no("the mailbox is open read-only").code(Code::Cannot));
    }
    let uids = match sequence::uids(view, &submit.message, submit.by_uid) {
        Ok(uids) => uids,
        Err(bad) => return no(bad.into()),
    };
    let Some(uid) = uids.0.first().and_then(Uid::new) else {
        return no(Reply::no("there is no such message").code(Code::NonExistent));
    };
    let mut options = SubmitOptions {
        hold_until: submit.hold.map(|hold| match hold {
            Hold::For(secs) => cx.core.now.plus_secs(secs),
            Hold::Until(date) => date.at,
        }),
        bounces: bounces(submit.bounce),
        ..SubmitOptions::default()
    };
    if let Some(save_to) = &submit.save_to {
        let name = match save_to.mailbox.name() {
            Ok(name) => name,
            // Creating it would not help.
            Err(why) => return no(Reply::no(why).code(Code::Cannot)),
        };
        let Some(row) = cx.core.snapshot()?.mailbox_named(name)? else {
            return no(Reply::no("no such mailbox").code(Code::TryCreate));
        };
        options.save_to = Some(row.id);
        options.sent_flags = save_to.flags.clone().unwrap_or_default();
    }
    Ok(Ok((uid, options)))
}

/// What may come back is what the organisation signs for it (docs/DIME.md, signatures).
const fn bounces(asked: Option<Bounce>) -> Bounces {
    match asked {
        None => Bounces { meta: false, display: false },
        Some(Bounce::Header) => Bounces { meta: true, display: false },
        Some(Bounce::Display | Bounce::Full) => Bounces { meta: true, display: true },
    }
}

fn finished(cx: &mut Context<'_>, uid: Uid, submitted: Submitted) -> Reply {
    let reply = match submitted {
        Submitted::Done { transaction, saved, .. } => {
            if let Some(saved) = saved {
                let uids = |uid: Uid| UidSet([uid.value()].into_iter().collect());
                let (uid_validity, from, to) = (saved.uidvalidity, uids(uid), uids(saved.uid));
                tell(Code::CopyUid { uid_validity, from, to }, "filed", cx.out);
            }
            Reply::ok("submitted").code(Code::Submitted(transaction.0.to_vec()))
        }
        Submitted::Refused { error, .. } => refused(cx, &error),
    };
    reply.telling(of(uid))
}

/// It was taken and is not delivered: both flags are gone.
fn refused(cx: &mut Context<'_>, error: &MailError) -> Reply {
    let note = crate::session::Note::Failed { command: "SUBMIT", error: error.to_string().into() };
    cx.core.notes.push(note);
    Reply::error(error)
}

/// The new flags are told, whatever they are.
fn of(uid: Uid) -> Telling {
    Telling { flags_of: one(uid), ..Telling::default() }
}

fn one(uid: Uid) -> NumSet {
    [uid.value()].into_iter().collect()
}

const fn date(at: Timestamp) -> DateTime {
    DateTime { at, zone: ZoneOffset(0) }
}
