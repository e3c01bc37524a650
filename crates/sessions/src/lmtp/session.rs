//! The LMTP session (RFC 2033 §4, RFC 5321 §4.1, RFC 3030 §2, RFC 2920 §3.2): reads commands, streams the
//! message to the store while it arrives, answers once per recipient when the delivery is durable.
//!
//! Must not: hold a large message; answer 250 before the commit (I6); leave anything of a message that was
//! cut off.

use std::sync::Arc;

use koi_mailbox::{Delivered, MailboxService, Pending};
use koi_proto::smtp::{Command, Decoded, Decoder, Phase, Protocol, Reply};
use koi_types::{AccountId, ModSeq, Result, Timestamp, limits};

use super::transaction::{Recipient, Transaction};
use super::{LmtpSettings, command, replies};
use crate::session::{EffectResult, Note, Peer, Session, Step, TlsFacts};

/// One LMTP connection.
pub struct LmtpSession {
    pub(super) service: MailboxService,
    pub(super) settings: Arc<LmtpSettings>,
    pub(super) peer: Peer,
    pub(super) decoder: Decoder,
    pub(super) now: Timestamp,
    /// What the peer called itself.
    pub(super) client: Option<Box<str>>,
    pub(super) transaction: Option<Box<Transaction>>,
    pub(super) notes: Vec<Note>,
    pub(super) bad_commands: u32,
    doing: Doing,
    heard_at: Timestamp,
    input_closed: bool,
    shutdown: bool,
}

enum Doing {
    Greeting,
    Ready,
    /// The message is with the store; its recipients wait for their replies.
    Deliver(Box<Delivering>),
    TlsHandshake,
    Closed,
}

pub(super) struct Delivering {
    pub(super) pending: Pending<Vec<Result<Delivered>>>,
    /// The accounts delivered to, each once, in the order of the results.
    pub(super) accounts: Vec<AccountId>,
    pub(super) recipients: Vec<Recipient>,
    pub(super) octets: u64,
}

/// What a command asks of the loop.
pub(super) enum Next {
    Reply(Reply),
    /// One for each recipient.
    Replies(Vec<Reply>),
    Deliver(Box<Delivering>),
    StartTls(Reply),
    Quit(Reply),
    /// The reply comes later.
    Nothing,
}

impl LmtpSession {
    /// A session that begins with its greeting.
    #[must_use]
    pub fn new(service: MailboxService, settings: Arc<LmtpSettings>, peer: Peer, now: Timestamp) -> Self {
        let decoder = Decoder::new(Protocol::Lmtp, settings.message_octets_max);
        Self {
            service,
            settings,
            peer,
            decoder,
            now,
            client: None,
            transaction: None,
            notes: Vec::new(),
            bad_commands: 0,
            doing: Doing::Greeting,
            heard_at: now,
            input_closed: false,
            shutdown: false,
        }
    }

    fn turn(&mut self, out: &mut Vec<u8>) -> Option<Step> {
        match std::mem::replace(&mut self.doing, Doing::Ready) {
            Doing::Greeting => {
                replies::greeting(&self.settings.hostname).push(out);
                None
            }
            Doing::Ready => self.next(out),
            Doing::Deliver(delivering) => self.deliver(delivering, out),
            Doing::TlsHandshake => {
                self.doing = Doing::TlsHandshake;
                Some(Step::NeedInput)
            }
            Doing::Closed => {
                self.doing = Doing::Closed;
                Some(Step::Close)
            }
        }
    }

    fn next(&mut self, out: &mut Vec<u8>) -> Option<Step> {
        let next = match self.decoder.next(Phase::Command) {
            Decoded::NeedMore if self.input_closed => {
                self.close("connection closed");
                return None;
            }
            Decoded::NeedMore => return Some(Step::NeedInput),
            Decoded::Command(command) => self.command(command),
            Decoded::Bad(reply) => {
                self.bad_commands = self.bad_commands.saturating_add(1);
                Next::Reply(reply)
            }
            Decoded::Fatal(reply) => {
                reply.push(out);
                self.close("protocol error");
                return None;
            }
            Decoded::Data => {
                command::data(self);
                Next::Nothing
            }
            Decoded::DataEnd(end) => command::data_end(self, end),
            Decoded::AuthLine(_) => Next::Reply(replies::unrecognized()),
        };
        let step = self.follow(next, out);
        if self.bad_commands >= self.settings.bad_commands_max && !matches!(self.doing, Doing::Closed) {
            replies::too_many_errors().push(out);
            self.close("too many errors");
        }
        step
    }
    fn command(&mut self, command: Command) -> Next {
        self.notes.push(Note::Command { name: command::name(&command) });
        let next = command::run(self, command);
        if let Next::Reply(reply) = &next
            && reply.code >= 500
        {
            self.bad_commands = self.bad_commands.saturating_add(1);
        }
        next
    }
    fn follow(&mut self, next: Next, out: &mut Vec<u8>) -> Option<Step> {
        match next {
            Next::Reply(reply) => reply.push(out),
            Next::Replies(replies) => replies.iter().for_each(|reply| reply.push(out)),
            Next::Deliver(delivering) => {
                let ticket = delivering.pending.ticket();
                self.doing = Doing::Deliver(delivering);
                return Some(Step::Await(ticket));
            }
            Next::StartTls(reply) => {
                reply.push(out);
                // RFC 3207 §4.2: nothing from before the handshake survives it.
                self.decoder.discard_buffered();
                (self.client, self.transaction) = (None, None);
                self.doing = Doing::TlsHandshake;
                return Some(Step::StartTls);
            }
            Next::Quit(reply) => {
                reply.push(out);
                self.close("quit");
            }
            Next::Nothing => {}
        }
        None
    }

    fn deliver(&mut self, delivering: Box<Delivering>, out: &mut Vec<u8>) -> Option<Step> {
        if delivering.pending.ticket().peek().is_none() {
            let ticket = delivering.pending.ticket();
            self.doing = Doing::Deliver(delivering);
            return Some(Step::Await(ticket));
        }
        let Delivering { pending, accounts, recipients, octets } = *delivering;
        let results = pending.take();
        let mut delivered = 0;
        for recipient in &recipients {
            let at = accounts.iter().position(|account| *account == recipient.account);
            let result = match &results {
                Ok(results) => at.and_then(|at| results.get(at)).map(|r| r.as_ref().map(|_| ())),
                Err(error) => Some(Err(error)),
            };
            match result {
                Some(Ok(())) => {
                    delivered += 1;
                    replies::delivered(&recipient.address).push(out);
                }
                Some(Err(error)) => {
                    self.failed(recipient, error.to_string());
                    super::error::reply(error).push(out);
                }
                None => replies::local_error().push(out),
            }
        }
        if delivered > 0 {
            self.notes.push(Note::Delivered { recipients: delivered, octets });
        }
        None
    }
    pub(super) fn failed(&mut self, recipient: &Recipient, error: String) {
        let recipient = recipient.address.to_string().into();
        self.notes.push(Note::DeliveryFailed { recipient, error: error.into() });
    }

    fn close(&mut self, reason: &'static str) {
        self.doing = Doing::Closed;
        self.transaction = None;
        self.notes.push(Note::Ended { reason });
    }
    fn ended(&mut self, now: Timestamp, out: &mut Vec<u8>) {
        let busy = matches!(self.doing, Doing::Deliver(_) | Doing::Closed);
        let late = self.deadline().is_some_and(|deadline| deadline <= now);
        if busy || !(self.shutdown || late) {
            return;
        }
        replies::closing(self.shutdown).push(out);
        self.close(if self.shutdown { "server is shutting down" } else { "idle for too long" });
    }
}

impl Session for LmtpSession {
    fn input(&mut self, octets: &[u8]) {
        if !matches!(self.doing, Doing::TlsHandshake | Doing::Closed) {
            self.decoder.feed(octets);
            self.heard_at = self.now;
        }
    }
    fn wants_input(&self) -> bool {
        match self.doing {
            Doing::Greeting | Doing::Ready => true,
            Doing::Deliver(_) => self.decoder.buffered() < limits::INPUT_OCTETS_MAX,
            Doing::TlsHandshake | Doing::Closed => false,
        }
    }
    fn input_closed(&mut self) {
        self.input_closed = true;
    }
    fn state_advanced(&mut self, _account: AccountId, _upto: ModSeq) {}
    fn watches(&self) -> Option<AccountId> {
        None
    }
    fn tls_ready(&mut self, tls: &TlsFacts) {
        if matches!(self.doing, Doing::TlsHandshake) {
            self.peer.tls = Some(tls.clone());
            self.doing = Doing::Ready;
        }
    }
    fn effect_done(&mut self, _result: EffectResult) {}
    fn step(&mut self, now: Timestamp, out: &mut Vec<u8>) -> Step {
        self.now = self.now.max(now);
        loop {
            self.ended(now, out);
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
            Doing::Deliver(_) | Doing::Closed => None,
            _ => Some(self.heard_at.plus_secs(self.settings.idle_timeout_secs)),
        }
    }
    fn shutdown(&mut self) {
        self.shutdown = true;
    }
    fn account_gone(&mut self) {}
    fn account(&self) -> Option<AccountId> {
        None
    }
    fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }
}
