//! The session (RFC 5321 §3 and §4.1, RFC 2033 §4, RFC 6409 §4, RFC 3030 §2, RFC 2920 §3.2): reads commands,
//! streams the message to the store while it arrives, answers when the delivery is durable.
//!
//! Must not: hold a large message; answer 250 before the commit (I6); leave anything of a message that was
//! cut off.

use std::sync::Arc;

use koi_mailbox::MailboxService;
use koi_proto::smtp::{Command, Decoded, Decoder, Phase, Reply};
use koi_types::{AccountId, Address, ModSeq, Timestamp, limits};

use super::deliver::{self, Delivering};
use super::transaction::{Recipient, Transaction};
use super::{Role, SmtpSettings, auth, command, data, replies};
use crate::auth::Authentication;
use crate::rates::Kind;
use crate::session::{Effect, EffectResult, Login, Note, Peer, Session, Step, TlsFacts};

/// One connection.
pub struct SmtpSession {
    pub(super) role: Role,
    pub(super) service: MailboxService,
    pub(super) settings: Arc<SmtpSettings>,
    pub(super) peer: Peer,
    pub(super) decoder: Decoder,
    pub(super) now: Timestamp,
    pub(super) client: Option<Client>,
    pub(super) login: Option<Login>,
    pub(super) transaction: Option<Box<Transaction>>,
    pub(super) notes: Vec<Note>,
    pub(super) failed_logins: u32,
    /// An exchange was bound to this connection (`auth::Offer::bound`).
    pub(super) bound: bool,
    bad_commands: u32,
    doing: Doing,
    greets_at: Timestamp,
    heard_at: Timestamp,
    input_closed: bool,
    ending: Option<Ending>,
}

/// What the peer called itself, which proves nothing.
pub(super) struct Client {
    pub(super) name: Box<str>,
    /// By EHLO or LHLO, not HELO.
    pub(super) extended: bool,
}

enum Doing {
    Greeting,
    Ready,
    /// The message is with the store; its recipients wait for their replies.
    Deliver(Box<Delivering>),
    /// The client answers a challenge.
    Auth(Box<Authentication>),
    /// The edge was asked about a login.
    Asked(Box<Asked>),
    TlsHandshake,
    Closed,
}

struct Asked {
    authentication: Box<Authentication>,
    /// When it is there.
    result: Option<EffectResult>,
}

#[derive(Clone, Copy)]
enum Ending {
    Shutdown,
    AccountGone,
}

/// What a command asks of the loop.
pub(super) enum Next {
    Reply(Reply),
    /// One for each recipient.
    Replies(Vec<Reply>),
    Deliver(Box<Delivering>),
    Challenge(Reply, Box<Authentication>),
    Effect(Effect, Box<Authentication>),
    StartTls(Reply),
    /// With the reason for the log.
    Close(Reply, &'static str),
    /// The reply comes later.
    Nothing,
}

impl SmtpSession {
    /// A session that begins with its greeting.
    #[must_use]
    pub fn new(
        role: Role,
        service: MailboxService,
        settings: Arc<SmtpSettings>,
        peer: Peer,
        now: Timestamp,
    ) -> Self {
        let decoder = Decoder::new(role.protocol(), settings.message_octets_max);
        let delay = if role == Role::Inbound { settings.greeting_delay_ms } else { 0 };
        Self {
            role,
            service,
            settings,
            peer,
            decoder,
            now,
            client: None,
            login: None,
            transaction: None,
            notes: Vec::new(),
            failed_logins: 0,
            bound: false,
            bad_commands: 0,
            doing: Doing::Greeting,
            greets_at: Timestamp(now.0.saturating_add(i64::from(delay))),
            heard_at: now,
            input_closed: false,
            ending: None,
        }
    }

    /// Whether mail of this address is the account's.
    pub(super) fn owns(&self, account: AccountId, address: &Address) -> bool {
        self.service.resolve_recipient(address).is_ok_and(|owner| owner == account)
    }
    /// Counts one of the peer's address. False: one too many.
    pub(super) fn counts(&self, kind: Kind) -> bool {
        self.role != Role::Inbound || self.settings.rates.take(kind, &self.peer.address, self.now)
    }
    pub(super) fn failed(&mut self, recipient: &Recipient, error: String) {
        let recipient = recipient.address.to_string().into();
        self.notes.push(Note::DeliveryFailed { recipient, error: error.into() });
    }

    fn turn(&mut self, out: &mut Vec<u8>) -> Option<Step> {
        match std::mem::replace(&mut self.doing, Doing::Ready) {
            Doing::Greeting => self.greet(out),
            Doing::Ready => self.next(out),
            Doing::Deliver(delivering) => self.deliver(delivering, out),
            Doing::Auth(authentication) => self.auth_line(authentication, out),
            Doing::Asked(asked) => match *asked {
                Asked { authentication, result: Some(result) } => {
                    let next = auth::asked(self, authentication, result);
                    self.follow(next, out)
                }
                waiting => self.wait(Doing::Asked(Box::new(waiting))),
            },
            Doing::TlsHandshake => self.wait(Doing::TlsHandshake),
            Doing::Closed => {
                self.doing = Doing::Closed;
                Some(Step::Close)
            }
        }
    }
    fn wait(&mut self, doing: Doing) -> Option<Step> {
        self.doing = doing;
        Some(Step::NeedInput)
    }

    /// RFC 5321 §3.1: the server speaks first. Who does not wait for it does not wait for replies either.
    fn greet(&mut self, out: &mut Vec<u8>) -> Option<Step> {
        let early = self.greets_at > self.now;
        if early && self.decoder.buffered() > 0 {
            let _ = self.counts(Kind::Error);
            return self.say_last(&replies::spoke_too_early(), "spoke before the greeting", out);
        }
        if early && self.input_closed {
            self.close("connection closed");
            return None;
        }
        if early {
            return self.wait(Doing::Greeting);
        }
        if !self.counts(Kind::Connection) {
            return self.say_last(&replies::too_many_connections(), "too many connections", out);
        }
        self.heard_at = self.now;
        replies::greeting(self.role, &self.settings.hostname).push(out);
        None
    }

    fn next(&mut self, out: &mut Vec<u8>) -> Option<Step> {
        let next = match self.decoder.next(Phase::Command) {
            Decoded::NeedMore if self.input_closed => {
                self.close("connection closed");
                return None;
            }
            Decoded::NeedMore => return Some(Step::NeedInput),
            Decoded::Command(command) => self.command(command),
            Decoded::Bad(reply) => Next::Reply(reply),
            Decoded::Fatal(reply) => Next::Close(reply, "protocol error"),
            Decoded::Data => {
                data::octets(self);
                Next::Nothing
            }
            Decoded::DataEnd(end) => data::end(self, end),
            Decoded::AuthLine(_) => Next::Reply(replies::unrecognized()),
        };
        self.follow(next, out)
    }
    fn command(&mut self, command: Command) -> Next {
        self.notes.push(Note::Command { name: command::name(&command) });
        command::run(self, command)
    }
    fn auth_line(&mut self, authentication: Box<Authentication>, out: &mut Vec<u8>) -> Option<Step> {
        match auth::next_line(self, authentication) {
            Ok(next) => self.follow(next, out),
            Err(_) if self.input_closed => {
                self.close("connection closed");
                None
            }
            Err(authentication) => self.wait(Doing::Auth(authentication)),
        }
    }

    fn follow(&mut self, next: Next, out: &mut Vec<u8>) -> Option<Step> {
        match next {
            Next::Reply(reply) => self.say(&reply, out),
            Next::Replies(replies) => replies.iter().for_each(|reply| reply.push(out)),
            Next::Deliver(delivering) => {
                let ticket = delivering.ticket();
                self.doing = Doing::Deliver(delivering);
                return Some(Step::Await(ticket));
            }
            Next::Challenge(reply, authentication) => {
                reply.push(out);
                self.doing = Doing::Auth(authentication);
            }
            Next::Effect(effect, authentication) => {
                self.doing = Doing::Asked(Box::new(Asked { authentication, result: None }));
                return Some(Step::Effect(effect));
            }
            Next::StartTls(reply) => {
                reply.push(out);
                // RFC 3207 §4.2: nothing from before the handshake survives it.
                self.decoder.discard_buffered();
                (self.client, self.transaction) = (None, None);
                self.doing = Doing::TlsHandshake;
                return Some(Step::StartTls);
            }
            Next::Close(reply, reason) => return self.say_last(&reply, reason, out),
            Next::Nothing => {}
        }
        None
    }
    /// An error counts; who makes too many is not served any longer.
    fn say(&mut self, reply: &Reply, out: &mut Vec<u8>) {
        reply.push(out);
        if reply.code < 500 {
            return;
        }
        self.bad_commands = self.bad_commands.saturating_add(1);
        let too_many = !self.counts(Kind::Error) || self.bad_commands >= self.settings.bad_commands_max;
        if too_many {
            replies::too_many_errors().push(out);
            self.close("too many errors");
        }
    }
    fn say_last(&mut self, reply: &Reply, reason: &'static str, out: &mut Vec<u8>) -> Option<Step> {
        reply.push(out);
        self.close(reason);
        None
    }

    fn deliver(&mut self, delivering: Box<Delivering>, out: &mut Vec<u8>) -> Option<Step> {
        let ticket = delivering.ticket();
        if ticket.peek().is_none() {
            self.doing = Doing::Deliver(delivering);
            return Some(Step::Await(ticket));
        }
        deliver::finish(self, *delivering, out);
        None
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
        let idle_at = self.heard_at.plus_secs(self.settings.idle_timeout_secs);
        let _ = match self.ending {
            Some(Ending::Shutdown) => {
                self.say_last(&replies::shutting_down(), "server is shutting down", out)
            }
            Some(Ending::AccountGone) => self.say_last(&replies::account_changed(), "account changed", out),
            None if idle_at <= self.now => self.say_last(&replies::idle(), "idle for too long", out),
            None => None,
        };
    }
}

impl Session for SmtpSession {
    fn input(&mut self, octets: &[u8]) {
        if !matches!(self.doing, Doing::TlsHandshake | Doing::Closed) {
            self.decoder.feed(octets);
            self.heard_at = self.now;
        }
    }
    fn wants_input(&self) -> bool {
        match self.doing {
            Doing::Greeting | Doing::Ready | Doing::Auth(_) => true,
            Doing::Deliver(_) | Doing::Asked(_) => self.decoder.buffered() < limits::INPUT_OCTETS_MAX,
            Doing::TlsHandshake | Doing::Closed => false,
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
        if matches!(self.doing, Doing::TlsHandshake) {
            self.peer.tls = Some(tls.clone());
            self.doing = Doing::Ready;
        }
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
            Doing::Greeting => Some(self.greets_at),
            _ => Some(self.heard_at.plus_secs(self.settings.idle_timeout_secs)),
        }
    }
    fn shutdown(&mut self) {
        self.ending.get_or_insert(Ending::Shutdown);
    }
    fn account_gone(&mut self) {
        self.ending.get_or_insert(Ending::AccountGone);
    }
    fn account(&self) -> Option<AccountId> {
        self.login.as_ref().map(|login| login.account)
    }
    fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }
}
