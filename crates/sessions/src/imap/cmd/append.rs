//! APPEND (RFC 9051 §6.3.12, RFC 3501 §6.3.11) of one or several messages (RFC 3502), with APPENDUID (RFC
//! 4315 §3), of messages with NUL by literal8 (RFC 3516 §4.4), or put together from others (RFC 4469 §3); and
//! REPLACE (RFC 8508 §3).
//!
//! Messages are refused before they are sent where that can be known; they go to the store while they arrive,
//! and into the mailbox together, when the last one is there.

// DEVIATION RFC 3501 §4.3.1: a header with octets above 127 is taken and sent as it is, though nothing names
// its charset, because other servers do, and refusing it would lose mail that a user moves here.
//
// DEVIATION RFC 6855 §4: the same of a client that has not enabled UTF8=ACCEPT and does not use UTF8 (…),
// because refusing it would lose that mail too.
//
// DEVIATION RFC 6855 §7: there is no surrogate for such a message: BODY sends its header as it is, in a
// literal, because signatures are to hold and nothing is to be lost; ENVELOPE has encoded words.
//
// DEVIATION RFC 9051 §4.3.1: the same of octets that are not UTF-8, because the header is the sender's and
// not ours to mend; SEARCH takes them for the charset they most likely are.

mod building;
mod copying;

use std::collections::VecDeque;

use koi_mailbox::{Account, Appended, NewMessage, Pending, Replaced};
use koi_proto::imap::command::{AppendBegin, AppendLine, AppendLiteral, AppendPiece, MailboxArg, Replaces};
use koi_proto::imap::response::{Code, Status, continuation, status};
use koi_proto::imap::{Decoded, Phase};
use koi_types::{ErrorKind, MailError, MailboxId, Result, Uid, UidSet, limits};

use super::expunge::read_only;
use super::{PutInto, put_into};
use crate::imap::job::{Context, Job, Outcome};
use crate::imap::reply::Reply;
use crate::selected::sequence;
use crate::selected::telling::Telling;
use building::{Building, Room};
use copying::Copying;

pub(crate) fn start(begin: AppendBegin) -> Box<dyn Job> {
    let AppendBegin { mailbox, replaces, line, .. } = begin;
    let line = Line { pieces: line.pieces.into(), literal: line.literal };
    let target = TargetArg { mailbox, replaces };
    Box::new(Append {
        phase: AppendPhase::Begin(target),
        line,
        messages: Vec::new(),
        building: None,
        copying: None,
    })
}

struct Append {
    phase: AppendPhase,
    /// What was read and is not done yet.
    line: Line,
    /// Those that are whole.
    messages: Vec<NewMessage>,
    /// The one that is being sent.
    building: Option<Building>,
    /// What of a URL is still to be put into it.
    copying: Option<Copying>,
}

enum AppendPhase {
    Begin(TargetArg),
    /// What was read is to be done.
    Line(Target),
    /// Octets of a message are to come.
    Receive(Target),
    WaitAppended(Target, Pending<Vec<Appended>>),
    WaitReplaced(Target, Place, Pending<Replaced>),
    Over,
}

struct TargetArg {
    mailbox: MailboxArg,
    replaces: Option<Replaces>,
}

/// Where the messages go, and what leaves for them.
struct Target {
    /// Whose mailbox it is.
    account: Account,
    mailbox: MailboxId,
    replaced: Option<Place>,
    room: Room,
}

struct Place {
    account: Account,
    mailbox: MailboxId,
    uid: Uid,
}

#[derive(Default)]
struct Line {
    pieces: VecDeque<AppendPiece>,
    literal: Option<AppendLiteral>,
}

/// URLs of CATENATE that are begun in one step.
const URLS_PER_STEP: usize = 16;

/// A step that may end the command with a refusal.
type Refusable<T> = std::result::Result<T, Refusal>;

/// Nothing is appended; what still comes of the command is passed over.
pub(super) enum Refusal {
    Reply(Box<Reply>),
    Failed(MailError),
}

impl Job for Append {
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

impl Append {
    fn step(&mut self, cx: &mut Context<'_>) -> Refusable<Outcome> {
        loop {
            match std::mem::replace(&mut self.phase, AppendPhase::Over) {
                AppendPhase::Begin(target) => self.phase = AppendPhase::Line(target.find(cx)?),
                AppendPhase::Line(target) => {
                    if !self.pieces(cx, &target)? {
                        self.phase = AppendPhase::Line(target);
                        return Ok(Outcome::Yield);
                    }
                    if self.line.literal.is_none() {
                        return self.submit(target);
                    }
                    cx.decoder.accept_append();
                    self.phase = AppendPhase::Receive(target);
                }
                AppendPhase::Receive(target) => {
                    let received = self.receive(cx)?;
                    if let Some(outcome) = received {
                        self.phase = AppendPhase::Receive(target);
                        return Ok(outcome);
                    }
                    self.phase = AppendPhase::Line(target);
                }
                AppendPhase::WaitAppended(target, pending) => {
                    let appended = pending.take()?;
                    let uids: UidSet = appended.iter().map(|a| a.uid).collect();
                    cx.core.messages_added(&target.account, target.mailbox, &uids);
                    return Ok(Outcome::Done(finished(&appended, &uids)));
                }
                AppendPhase::WaitReplaced(target, place, pending) => {
                    let done = pending.take()?;
                    let uids: UidSet = [done.appended.uid].into_iter().collect();
                    cx.core.messages_added(&target.account, target.mailbox, &uids);
                    return Ok(Outcome::Done(replaced(cx, place, &done, &uids)));
                }
                AppendPhase::Over => return Err(crate::imap::job::ran_twice().into()),
            }
        }
    }
    /// Does what was read up to the next octets of a message, and says whether those may come. `false` when
    /// there is more to do, after others.
    fn pieces(&mut self, cx: &Context<'_>, target: &Target) -> Refusable<bool> {
        let mut urls = 0;
        while !self.line.pieces.is_empty() || self.copying.is_some() {
            if let Some(copying) = &mut self.copying {
                let building = self.building.as_mut().ok_or_else(no_message)?;
                if !copying.step(building)? {
                    return Ok(false);
                }
                self.copying = None;
                continue;
            }
            // What a URL names is looked up, and may have to be parsed: a few of them are enough for a step.
            if urls == URLS_PER_STEP {
                return Ok(false);
            }
            let Some(piece) = self.line.pieces.pop_front() else { break };
            match piece {
                AppendPiece::Message { flags, date, catenated } => {
                    if self.messages.len() >= limits::IMAP_APPEND_MESSAGES_MAX {
                        return refuse(Reply::no("too many messages in one command").code(&Code::Limit));
                    }
                    let held: usize = self.messages.iter().map(|new| new.message.held_octets()).sum();
                    let room = cx.core.room_octets();
                    if held > room.min(2 * limits::IMAP_APPEND_HELD_OCTETS_MAX) {
                        return refuse(Reply::no("too much in one command").code(&Code::Limit));
                    }
                    let more = room.min(limits::IMAP_APPEND_HELD_OCTETS_MAX).saturating_sub(held);
                    self.building = Some(Building::new(&target.account, flags, date, catenated, more));
                }
                AppendPiece::Url(url) => {
                    let copying = Copying::begin(cx.core, &url)?;
                    self.has_room(cx, target, copying.octets())?;
                    self.copying = Some(copying);
                    urls += 1;
                }
                AppendPiece::End => {
                    let building = self.building.take().ok_or_else(no_message)?;
                    self.messages.push(building.finish(cx.core.now)?);
                }
            }
        }
        if let Some(literal) = self.line.literal {
            self.has_room(cx, target, literal.octets)?;
        }
        Ok(true)
    }
    fn has_room(&self, cx: &Context<'_>, target: &Target, octets: u64) -> Refusable<()> {
        let building = self.building.as_ref().ok_or_else(no_message)?;
        let max = cx.core.settings.message_octets_max;
        target.room.has(&target.account, &self.messages, building, octets, max)
    }
    /// Takes in octets; `None` when a whole line follows them.
    fn receive(&mut self, cx: &mut Context<'_>) -> Refusable<Option<Outcome>> {
        cx.core.waiting_for_client = false;
        let building = self.building.as_mut().ok_or_else(no_message)?;
        loop {
            match cx.decoder.next(Phase::Authenticated) {
                Decoded::Continue => continuation("OK", cx.out),
                Decoded::AppendData => building.write(cx.decoder.append_data())?,
                Decoded::AppendNext { nul, line: AppendLine { pieces, literal } } => {
                    building.has_nul(nul);
                    self.line = Line { pieces: pieces.into(), literal };
                    return Ok(None);
                }
                Decoded::AppendAborted { text } => return refuse(Reply::bad(text.into_string())),
                Decoded::Fatal { code, text } => {
                    status(None, Status::Bye, code.as_ref(), text, cx.out);
                    return Ok(Some(Outcome::Close("protocol error")));
                }
                _ => {
                    cx.core.waiting_for_client = true;
                    return Ok(Some(Outcome::NeedInput));
                }
            }
        }
    }
    fn submit(&mut self, mut target: Target) -> Refusable<Outcome> {
        let mut messages = std::mem::take(&mut self.messages);
        let account = &target.account;
        let (phase, ticket) = match target.replaced.take() {
            None => {
                let pending = account.append(target.mailbox, messages);
                let ticket = pending.ticket();
                (AppendPhase::WaitAppended(target, pending), ticket)
            }
            Some(place) => {
                let message = messages.pop().ok_or_else(no_message)?;
                let source = &place.account;
                let pending = source.replace(place.mailbox, place.uid, account, target.mailbox, message);
                let ticket = pending.ticket();
                (AppendPhase::WaitReplaced(target, place, pending), ticket)
            }
        };
        self.phase = phase;
        Ok(Outcome::Await(ticket))
    }
}

impl TargetArg {
    /// The mailbox, or the NO that spares sending anything.
    fn find(&self, cx: &Context<'_>) -> Refusable<Target> {
        let place = match &self.replaces {
            Some(replaces) => Some(replaced_message(cx, replaces)?),
            None => None,
        };
        let name = match self.mailbox.name() {
            Ok(name) => name,
            // Creating it would not help.
            Err(why) => return refuse(Reply::no(why).code(&Code::Cannot)),
        };
        let Some(PutInto { account, row }) = put_into(cx.core, name)? else {
            // RFC 9051 §6.3.12: the client may create it and try again.
            return refuse(Reply::no("no such mailbox").code(&Code::TryCreate));
        };
        let mut room = Room::default();
        if let Some(Place { account: source, mailbox, uid }) = &place
            && source.id() == account.id()
        {
            // RFC 8508 §3.4: only the difference counts.
            let octets = source.snapshot()?.message(*mailbox, *uid, |row| row.octets)?;
            room = Room { octets: octets.map_or(0, u64::from), messages: u64::from(octets.is_some()) };
        }
        Ok(Target { account, mailbox: row.id, replaced: place, room })
    }
}

fn replaced_message(cx: &Context<'_>, replaces: &Replaces) -> Refusable<Place> {
    let view = cx.core.view()?;
    if view.read_only {
        return refuse(read_only());
    }
    let uids = match sequence::uids(view, &replaces.message, replaces.by_uid) {
        Ok(uids) => uids,
        Err(bad) => return refuse(bad.into()),
    };
    match uids.0.first().and_then(Uid::new) {
        Some(uid) => Ok(Place { account: cx.core.open()?.account.clone(), mailbox: view.mailbox, uid }),
        None => refuse(Reply::no("there is no such message").code(&Code::NonExistent)),
    }
}

fn finished(appended: &[Appended], uids: &UidSet) -> Reply {
    let reply = Reply::ok("APPEND completed");
    let Some(first) = appended.first() else { return reply };
    // RFC 3502: in the order in which they were sent, which is that of their UIDs.
    reply.code(&Code::AppendUid { uid_validity: first.uidvalidity, uids })
}

fn replaced(cx: &mut Context<'_>, place: Place, replaced: &Replaced, uids: &UidSet) -> Reply {
    // RFC 8508 §4.3: before the EXPUNGE response.
    let code = Code::AppendUid { uid_validity: replaced.appended.uidvalidity, uids };
    status(None, Status::Ok, Some(&code), "the replacement is there", cx.out);
    let expunged = [place.uid.value()].into_iter().collect();
    let reply = Reply::ok("REPLACE completed").telling(Telling { expunged, ..Telling::default() });
    match cx.core.condstore && cx.core.is_told_everything() {
        // RFC 7162 §3.2.10, as after EXPUNGE.
        true => reply.code(&Code::HighestModSeq(replaced.modseq)),
        false => reply,
    }
}

pub(super) fn refuse<T>(reply: Reply) -> Refusable<T> {
    Err(Refusal::Reply(Box::new(reply)))
}

fn no_message() -> MailError {
    MailError::new(ErrorKind::Internal, "octets of no message")
}

impl From<MailError> for Refusal {
    fn from(error: MailError) -> Self {
        Self::Failed(error)
    }
}
