//! The session: reads commands, hands the message on while it arrives, answers when it is durable
//! (docs/DIME.md, DMTP). What the peer is and may do is bounded as in SMTP.
//!
//! Must not: answer 250 before the commit (I6); ask who an organisation is without counting it.

use std::sync::Arc;

use koi_dime::dmtp::{Commands, Decoded, Reply};
use koi_mailbox::MailboxService;
use koi_types::{AccountId, MailError, ModSeq, Timestamp, limits};

use super::command::{self, Introduced, Transaction};
use super::data::{self, Delivering};
use super::{DmtpSettings, replies};
use crate::rates::Kind;
use crate::session::{Effect, EffectResult, Note, Peer, Session, Step, TlsFacts};

/// One connection.
pub struct DmtpSession {
    pub(super) service: MailboxService,
    pub(super) settings: Arc<DmtpSettings>,
    pub(super) decoder: Commands,
    /// EHLO was said. What a peer calls itself proves nothing.
    pub(super) is_greeted: bool,
    pub(super) transaction: Option<Box<Transaction>>,
    pub(super) notes: Vec<Note>,
    peer: Peer,
    bad_commands: u32,
    doing: Doing,
    now: Timestamp,
    heard_at: Timestamp,
    input_closed: bool,
    shuts_down: bool,
}

enum Doing {
    Greeting,
    Ready,
    /// The edge was asked who brings a message.
    Asked(Box<Asked>),
    /// The message is with the store.
    Deliver(Box<Delivering>),
    Closed,
}

struct Asked {
    who: Introduced,
    /// When it is there.
    result: Option<EffectResult>,
}

/// What a command asks of the loop.
pub(super) enum Next {
    Reply(Reply),
    Effect(Effect, Box<Introduced>),
    Deliver(Box<Delivering>),
    /// With the reason for the log.
    Close(Reply, &'static str),
    /// The reply comes later.
    Nothing,
}

impl DmtpSession {
    /// A session that begins with its greeting.
    #[must_use]
    pub fn new(service: MailboxService, settings: Arc<DmtpSettings>, peer: Peer, now: Timestamp) -> Self {
        Self {
            service,
            settings,
            decoder: Commands::new(),
            is_greeted: false,
            transaction: None,
            notes: Vec::new(),
            peer,
            bad_commands: 0,
            doing: Doing::Greeting,
            now,
            heard_at: now,
            input_closed: false,
            shuts_down: false,
        }
    }

    /// Counts one of the peer's address. False: one too many.
    pub(super) fn counts(&self, kind: Kind) -> bool {
        self.settings.rates.take(kind, &self.peer.address, self.now)
    }
    pub(super) fn failed(&mut self, command: &'static str, error: &MailError) {
        self.notes.push(Note::Failed { command, error: error.to_string().into() });
    }

    fn turn(&mut self, out: &mut Vec<u8>) -> Option<Step> {
        match std::mem::replace(&mut self.doing, Doing::Ready) {
            Doing::Greeting => {
                if !self.counts(Kind::Connection) {
                    self.say_last(&replies::too_many_connections(), "too many connections", out);
                    return None;
                }
                say(&replies::greeting(&self.settings.hostname), out);
                None
            }
            Doing::Ready => self.next(out),
            Doing::Asked(asked) => match *asked {
                Asked { who, result: Some(result) } => {
                    let next = command::introduced(self, who, result);
                    self.follow(next, out)
                }
                waiting => {
                    self.doing = Doing::Asked(Box::new(waiting));
                    Some(Step::NeedInput)
                }
            },
            Doing::Deliver(delivering) => {
                let ticket = delivering.ticket();
                if ticket.peek().is_none() {
                    self.doing = Doing::Deliver(delivering);
                    return Some(Step::Await(ticket));
                }
                let next = data::finish(self, *delivering);
                self.follow(next, out)
            }
            Doing::Closed => {
                self.doing = Doing::Closed;
                Some(Step::Close)
            }
        }
    }

    fn next(&mut self, out: &mut Vec<u8>) -> Option<Step> {
        let next = match self.decoder.decode() {
            Ok(Decoded::NeedMore) if self.input_closed => {
                self.close("connection closed");
                return None;
            }
            Ok(Decoded::NeedMore) => return Some(Step::NeedInput),
            Ok(Decoded::Command(command)) => {
                self.notes.push(Note::Command { name: command::name(&command) });
                command::run(self, command)
            }
            Ok(Decoded::Bad(error)) => Next::Reply(replies::bad_command(error)),
            Ok(Decoded::Data(octets)) => {
                data::octets(self, &octets);
                Next::Nothing
            }
            Ok(Decoded::DataEnd) => data::end(self),
            Err(error) => {
                // Who does this once is not to do it as often as it can connect.
                let _ = self.counts(Kind::Error);
                Next::Close(replies::lost(error), "protocol error")
            }
        };
        self.follow(next, out)
    }

    fn follow(&mut self, next: Next, out: &mut Vec<u8>) -> Option<Step> {
        match next {
            Next::Reply(reply) => self.answer(&reply, out),
            Next::Effect(effect, who) => {
                self.doing = Doing::Asked(Box::new(Asked { who: *who, result: None }));
                return Some(Step::Effect(effect));
            }
            Next::Deliver(delivering) => {
                let ticket = delivering.ticket();
                self.doing = Doing::Deliver(delivering);
                return Some(Step::Await(ticket));
            }
            Next::Close(reply, reason) => self.say_last(&reply, reason, out),
            Next::Nothing => {}
        }
        None
    }
    /// An error counts; who makes too many is not served any longer.
    fn answer(&mut self, reply: &Reply, out: &mut Vec<u8>) {
        say(reply, out);
        if reply.code < 500 {
            return;
        }
        self.bad_commands = self.bad_commands.saturating_add(1);
        if !self.counts(Kind::Error) || self.bad_commands >= self.settings.bad_commands_max {
            self.say_last(&replies::too_many_errors(), "too many errors", out);
        }
    }
    fn say_last(&mut self, reply: &Reply, reason: &'static str, out: &mut Vec<u8>) {
        say(reply, out);
        self.close(reason);
    }
    fn close(&mut self, reason: &'static str) {
        self.doing = Doing::Closed;
        self.transaction = None;
        self.notes.push(Note::Ended { reason });
    }
    /// Why it ends now, if it does. A delivery is always answered first.
    fn ended(&mut self, out: &mut Vec<u8>) {
        if matches!(self.doing, Doing::Deliver(_) | Doing::Asked(_) | Doing::Closed) {
            return;
        }
        if self.shuts_down {
            self.say_last(&replies::shutting_down(), "server is shutting down", out);
        } else if self.heard_at.plus_secs(self.settings.idle_timeout_secs) <= self.now {
            self.say_last(&replies::idle(), "idle for too long", out);
        }
    }
}

fn say(reply: &Reply, out: &mut Vec<u8>) {
    out.extend_from_slice(reply.text().as_bytes());
}

impl Session for DmtpSession {
    fn input(&mut self, octets: &[u8]) {
        if !matches!(self.doing, Doing::Closed) {
            self.decoder.feed(octets);
            self.heard_at = self.now;
        }
    }
    fn wants_input(&self) -> bool {
        match self.doing {
            Doing::Greeting | Doing::Ready => true,
            Doing::Deliver(_) | Doing::Asked(_) => self.decoder.held() < limits::INPUT_OCTETS_MAX,
            Doing::Closed => false,
        }
    }
    fn input_closed(&mut self) {
        self.input_closed = true;
    }
    fn state_advanced(&mut self, _account: AccountId, _upto: ModSeq) {}
    fn watches(&self) -> Vec<AccountId> {
        Vec::new()
    }
    fn tls_ready(&mut self, tls: &TlsFacts) {
        self.peer.tls = Some(tls.clone());
    }
    fn effect_done(&mut self, result: EffectResult) {
        if let Doing::Asked(asked) = &mut self.doing {
            asked.result = Some(result);
        }
    }
    fn step(&mut self, now: Timestamp, out: &mut Vec<u8>) -> Step {
        self.now = self.now.max(now);
        loop {
            self.ended(out);
            if out.len() >= limits::OUTPUT_OCTETS_HIGH {
                return Step::OutputFull;
            }
            if let Some(step) = self.turn(out) {
                return step;
            }
        }
    }
    fn deadline(&self) -> Option<Timestamp> {
        match self.doing {
            Doing::Deliver(_) | Doing::Asked(_) | Doing::Closed => None,
            Doing::Greeting | Doing::Ready => Some(self.heard_at.plus_secs(self.settings.idle_timeout_secs)),
        }
    }
    fn shutdown(&mut self) {
        self.shuts_down = true;
    }
    fn account_gone(&mut self) {}
    fn account(&self) -> Option<AccountId> {
        None
    }
    fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }
}
