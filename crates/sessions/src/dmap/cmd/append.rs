//! APPEND (DMAP-00 §7.3.10), with APPENDUID (RFC 4315 §3): of encrypted messages, and of ordinary mail where
//! the account is trustful.
//!
//! A message is refused before it is sent where that can be known; it goes to the store while it arrives, and
//! one whose frame is broken is refused as soon as that is seen.

use std::sync::Arc;

use koi_mailbox::dmap::{NewPrimeMessage, PrimeStage, is_prime};
use koi_mailbox::{Account, Appended, NewMessage, Pending, Stage};
use koi_proto::dmap::command::Append;
use koi_proto::dmap::response::continuation;
use koi_proto::dmap::{Code, Decoded, Phase};
use koi_types::{MailError, MailboxId, Result, UidSet, ZoneOffset};

use crate::dmap::core::Core;
use crate::dmap::job::{Context, Job, Outcome, ran_twice};
use crate::dmap::reply::{Reply, bye};

pub(crate) fn start(append: Append) -> Box<dyn Job> {
    Box::new(Appending { append, phase: AppendPhase::Begin })
}

struct Appending {
    append: Append,
    phase: AppendPhase,
}

enum AppendPhase {
    Begin,
    Receive(MailboxId, Arriving),
    Written(Pending<Appended>),
    Over,
}

/// What is arriving, as soon as that is known.
enum Arriving {
    /// Its first octets; two tell.
    Unknown(Vec<u8>),
    Mail(Stage),
    Prime(Box<PrimeStage>),
}

/// A step that may end the command with a refusal.
type Refusable<T> = std::result::Result<T, Refusal>;

/// Nothing is appended; what still comes of the command is passed over.
enum Refusal {
    Reply(Box<Reply>),
    Failed(MailError),
}

impl Job for Appending {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        match self.step(cx) {
            Ok(outcome) => Ok(outcome),
            Err(refusal) => {
                cx.decoder.refuse_append();
                match refusal {
                    Refusal::Reply(reply) => Ok(Outcome::Done(*reply)),
                    Refusal::Failed(error) => Err(error),
                }
            }
        }
    }
}

impl Appending {
    fn step(&mut self, cx: &mut Context<'_>) -> Refusable<Outcome> {
        loop {
            match std::mem::replace(&mut self.phase, AppendPhase::Over) {
                AppendPhase::Begin => {
                    let mailbox = self.target(cx)?;
                    cx.decoder.accept_append();
                    self.phase = AppendPhase::Receive(mailbox, Arriving::Unknown(Vec::new()));
                }
                AppendPhase::Receive(mailbox, mut arriving) => {
                    if let Some(outcome) = receive(cx, &mut arriving)? {
                        self.phase = AppendPhase::Receive(mailbox, arriving);
                        return Ok(outcome);
                    }
                    return self.submit(cx, mailbox, arriving);
                }
                AppendPhase::Written(pending) => return Ok(Outcome::Done(finished(&pending.take()?))),
                AppendPhase::Over => return Err(ran_twice().into()),
            }
        }
    }
    /// The mailbox, or the NO that spares sending anything.
    fn target(&self, cx: &Context<'_>) -> Refusable<MailboxId> {
        let name = match self.append.mailbox.name() {
            Ok(name) => name,
            // Creating it would not help.
            Err(why) => return refuse(Reply::no(why).code(Code::Cannot)),
        };
        let snapshot = cx.core.snapshot()?;
        let Some(row) = snapshot.mailbox_named(name)? else {
            // DMAP-00 §7.3.10: the client may create it and try again.
            return refuse(Reply::no("no such mailbox").code(Code::TryCreate));
        };
        if self.append.octets == 0 {
            return refuse(Reply::no("message is empty").code(Code::BadMessage));
        }
        if self.append.octets > cx.core.settings.message_octets_max {
            return refuse(Reply::no("message is too large").code(Code::TooBig));
        }
        // The transaction looks again.
        let (usage, quota) = (snapshot.usage(), snapshot.quota());
        let octets = usage.octets.saturating_add(self.append.octets);
        if octets > quota.octets_max || usage.messages >= quota.messages_max {
            return refuse(Reply::no("the account is over its quota").code(Code::OverQuota));
        }
        Ok(row.id)
    }
    fn submit(&mut self, cx: &Context<'_>, mailbox: MailboxId, arrived: Arriving) -> Refusable<Outcome> {
        let account = cx.core.account()?;
        let flags = std::mem::take(&mut self.append.flags);
        let received_at = self.append.internal_date.map_or(cx.core.now, |date| date.at);
        let received_zone = self.append.internal_date.map_or(ZoneOffset(0), |date| date.zone);
        let meta = self.append.meta.take().map(Arc::from);
        let pending = match arrived.decided(cx.core)? {
            Arriving::Prime(stage) => {
                let prime = stage.finish()?;
                let (key, peer) = (None, None);
                let new = NewPrimeMessage { prime, key, peer, flags, received_at, received_zone, meta };
                account.append_prime(mailbox, new)
            }
            Arriving::Mail(stage) => {
                let message = Arc::new(stage.finish()?);
                let new = NewMessage { message, flags, received_at, received_zone };
                account.append_with_meta(mailbox, new, meta)
            }
            Arriving::Unknown(_) => return Err(ran_twice().into()),
        };
        let ticket = pending.ticket();
        self.phase = AppendPhase::Written(pending);
        Ok(Outcome::Await(ticket))
    }
}

impl Arriving {
    fn write(&mut self, core: &Core, octets: &[u8]) -> Refusable<()> {
        match self {
            Self::Mail(stage) => stage.write(octets)?,
            Self::Prime(stage) => stage.write(octets)?,
            Self::Unknown(first) => {
                first.extend_from_slice(octets);
                if first.len() >= 2 {
                    *self = std::mem::replace(self, Self::Unknown(Vec::new())).decided(core)?;
                }
            }
        }
        Ok(())
    }
    /// Ordinary mail is for accounts that are trustful.
    fn decided(self, core: &Core) -> Refusable<Self> {
        let Self::Unknown(first) = self else { return Ok(self) };
        let account: &Account = core.account()?;
        if is_prime(&first) {
            let mut stage = account.stage_prime();
            stage.write(&first)?;
            return Ok(Self::Prime(Box::new(stage)));
        }
        if !core.keeps().keeps_clear_mail() {
            let text = "not an encrypted message, which is all this account takes";
            return refuse(Reply::no(text).code(Code::BadMessage));
        }
        let mut stage = account.stage();
        stage.write(&first)?;
        Ok(Self::Mail(stage))
    }
}

/// Takes in octets; `None` when all of them are there.
fn receive(cx: &mut Context<'_>, arriving: &mut Arriving) -> Refusable<Option<Outcome>> {
    cx.core.waiting_for_client = false;
    loop {
        match cx.decoder.next(Phase::Authenticated) {
            Decoded::Continue => continuation("send the message", cx.out),
            Decoded::AppendData => arriving.write(cx.core, cx.decoder.append_data())?,
            Decoded::AppendEnd => return Ok(None),
            Decoded::AppendAborted { text } => return refuse(Reply::bad(text)),
            Decoded::Fatal { code, text } => {
                bye(code.as_ref(), text, cx.out);
                return Ok(Some(Outcome::Close("protocol error")));
            }
            _ => {
                cx.core.waiting_for_client = true;
                return Ok(Some(Outcome::NeedInput));
            }
        }
    }
}

fn finished(appended: &Appended) -> Reply {
    let uids: UidSet = [appended.uid].into_iter().collect();
    Reply::ok("APPEND completed").code(Code::AppendUid { uid_validity: appended.uidvalidity, uids })
}

fn refuse<T>(reply: Reply) -> Refusable<T> {
    Err(Refusal::Reply(Box::new(reply)))
}

impl From<MailError> for Refusal {
    fn from(error: MailError) -> Self {
        Self::Failed(error)
    }
}
