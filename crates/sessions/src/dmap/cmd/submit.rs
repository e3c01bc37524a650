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

use crate::account_rates::Counted;
use crate::dmap::core::Core;
use crate::dmap::job::{Context, Job, Outcome, ran_twice};
use crate::dmap::reply::{Reply, tell};
use crate::dmap::sync::Sync;
use crate::selected::sequence;
use crate::selected::telling::Telling;

pub(crate) fn start(submit: Submit) -> Box<dyn Job> {
    Box::new(Submitting { state: State::Begin(Box::new(submit)), counted: None })
}

struct Submitting {
    state: State,
    /// What the account has sent with it.
    counted: Option<Counted>,
}

enum State {
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
            match std::mem::replace(&mut self.state, State::Over) {
                State::Begin(submit) => {
                    let (uid, mut options) = match begin(cx, &submit)? {
                        Ok(begun) => begun,
                        Err(reply) => return Ok(Outcome::Done(*reply)),
                    };
                    let (account, mailbox) = (cx.core.account()?, cx.core.view()?.mailbox);
                    let counted = cx.core.settings.account_rates.take_message(1, account.id(), cx.core.now);
                    let Some(counted) = counted else { return Ok(Outcome::Done(too_many())) };
                    options.counts = counted.shares();
                    self.counted = Some(counted);
                    let pending = account.claim_submission(mailbox, uid, options);
                    let ticket = pending.ticket();
                    self.state = State::Claim(uid, pending);
                    return Ok(Outcome::Await(ticket));
                }
                State::Claim(uid, pending) => {
                    let claim = pending.take().inspect_err(|_| self.uncount(cx.core))?;
                    if let Some(until) = claim.held_until {
                        let reply = Reply::ok("held until then").code(Code::Held(date(until)));
                        return Ok(Outcome::Done(reply.telling(of(uid))));
                    }
                    self.state = State::Tell(uid, claim, Box::new(Sync::flags_of(one(uid), None)));
                }
                State::Tell(uid, claim, mut sync) => {
                    if let Some(stopped) = sync.step(cx)? {
                        self.state = State::Tell(uid, claim, sync);
                        return Ok(stopped);
                    }
                    let pending = cx.core.account()?.finish_submission(&claim)?;
                    let ticket = pending.ticket();
                    self.state = State::Finish(uid, pending);
                    return Ok(Outcome::Await(ticket));
                }
                State::Finish(uid, pending) => {
                    let submitted = pending.take()?;
                    if let Submitted::Refused { .. } = submitted {
                        self.uncount(cx.core);
                    }
                    return Ok(Outcome::Done(finished(cx, uid, submitted)));
                }
                State::Over => return Err(ran_twice()),
            }
        }
    }
    /// What was taken is opened, checked, signed and sealed at once, however large it is.
    fn works_long(&self) -> bool {
        matches!(self.state, State::Claim(..) | State::Tell(..))
    }
}

impl Submitting {
    /// It was refused: nothing was sent with it.
    fn uncount(&mut self, core: &Core) {
        if let Some(counted) = self.counted.take() {
            core.settings.account_rates.give_back(&counted, core.now);
        }
    }
}

/// RFC 6409 §3.3: it stays as it was, and may be submitted later.
fn too_many() -> Reply {
    Reply::no("your account has sent too many messages, try again later").code(Code::Limit)
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
