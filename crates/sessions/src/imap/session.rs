//! The IMAP session: reads commands one after the other, runs each as a job, tells what changed, ends it with
//! its tagged line (RFC 9051 §2.2, RFC 9051 §3, RFC 9051 §5.4, RFC 9051 §5.5). After NOTIFY it tells what
//! changed between commands too.
//!
//! `telling` is what comes before a tagged line and between commands, `ending` how it ends, `driven` how a
//! driver sees it. Must not: know what a command does; keep anything large while it waits for input.

use std::sync::Arc;

use koi_mailbox::{MailboxService, Ticket};
use koi_proto::imap::command::AppendBegin;
use koi_proto::imap::response::{Code, Status, continuation, status};
use koi_proto::imap::{Command, Decoded, Decoder, Phase, Tag};
use koi_types::{MailError, Timestamp};

use super::core::Core;
use super::job::{Context, Job, Outcome};
use super::memory;
use super::progress::Progress;
use super::reply::Reply;
use super::sync::Sync;
use super::table::{self, Allowed, Row};
use super::{ImapSettings, cmd};
use crate::pace::Pace;
use crate::session::{Note, Peer, Step};

mod driven;
mod ending;
mod telling;

use ending::Ending;
pub(crate) use telling::MAILBOX_GONE;

/// One IMAP connection.
pub struct ImapSession {
    core: Core,
    decoder: Decoder,
    doing: Doing,
    input_closed: bool,
    ending: Option<Ending>,
    /// Malformed or misplaced commands since the last good one.
    bad_commands: u32,
    pace: Pace,
}

enum Doing {
    Greeting,
    /// Between commands.
    Ready,
    Job(Running, Box<dyn Job>),
    /// The job goes on when the commit is durable.
    Commit(Running, Box<dyn Job>, Ticket),
    /// Pending changes are told; then the tagged line.
    Tell(Box<Ended>),
    /// Changes are told while no command runs (RFC 5465 §3.1).
    Notify(Box<Sync>),
    TlsHandshake,
    /// How octets are read and written changes behind the last line; until then none are taken.
    Layers,
    Closed,
}

struct Running {
    tag: Tag,
    row: Row,
    progress: Progress,
}

/// A command whose tagged line is still to be written.
struct Ended {
    running: Running,
    sync: Sync,
    reply: Reply,
}

impl ImapSession {
    /// A session that begins with its greeting.
    #[must_use]
    pub fn new(service: MailboxService, settings: Arc<ImapSettings>, peer: Peer, now: Timestamp) -> Self {
        let decoder = Decoder::new(settings.message_octets_max);
        let pace = Pace::new(settings.commands_per_second_max, now);
        Self {
            core: Core::new(service, settings, peer, now),
            decoder,
            doing: Doing::Greeting,
            input_closed: false,
            ending: None,
            bad_commands: 0,
            pace,
        }
    }

    /// One turn; `None` to go on at once.
    fn turn(&mut self, out: &mut Vec<u8>) -> Option<Step> {
        match std::mem::replace(&mut self.doing, Doing::Ready) {
            Doing::Greeting => {
                let capabilities = self.core.capabilities();
                let code = Code::Capability(&capabilities);
                status(None, Status::Ok, Some(&code), &self.core.settings.greeting, out);
                None
            }
            Doing::Ready | Doing::Layers => self.next_command(out),
            Doing::Job(running, job) => self.run(running, job, out),
            Doing::Commit(running, job, ticket) if ticket.peek().is_none() => {
                Some(self.wait(running, job, ticket, out))
            }
            Doing::Commit(running, job, _) => self.run(running, job, out),
            Doing::Tell(ended) => self.tell(ended, out),
            Doing::Notify(sync) => self.notify(sync, out),
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

    fn next_command(&mut self, out: &mut Vec<u8>) -> Option<Step> {
        if !memory::relieve(&mut self.core, out) {
            let text = "the mailbox takes more memory than one connection may have";
            status(None, Status::Bye, Some(&Code::Limit), text, out);
            self.close("too much memory");
            return None;
        }
        let phase = match self.core.login {
            Some(_) => Phase::Authenticated,
            None => Phase::NotAuthenticated,
        };
        // Who has closed its side is answered, and no more comes.
        let paced = self.decoder.buffered() > 0 && !self.input_closed;
        if paced && !self.pace.allows(self.core.now) {
            return Some(Step::NeedInput);
        }
        let decoded = self.decoder.next(phase);
        if !matches!(decoded, Decoded::NeedMore | Decoded::Continue) {
            self.pace.take();
        }
        match decoded {
            Decoded::NeedMore if self.input_closed => {
                self.close("connection closed");
                None
            }
            Decoded::NeedMore => match self.core.tells_between_commands().filter(|_| self.core.advanced) {
                Some(tells) => {
                    self.doing = Doing::Notify(Box::new(Sync::between_commands(tells)));
                    None
                }
                None => Some(Step::NeedInput),
            },
            Decoded::Continue => {
                continuation("OK", out);
                None
            }
            Decoded::Command { tag, command } => {
                self.begin(tag, command, out);
                None
            }
            Decoded::AppendBegin(begin) => {
                self.begin_append(begin, out);
                None
            }
            Decoded::Bad { tag, code, text } => {
                self.bad(tag.as_ref(), code.as_ref(), &text, out);
                None
            }
            Decoded::Refused { tag, code, text } => {
                Reply::no(text).code(&code).write(&tag, out);
                None
            }
            Decoded::Fatal { code, text } => {
                status(None, Status::Bye, code.as_ref(), text, out);
                self.close("protocol error");
                None
            }
            // Leftovers of an APPEND that was refused; there is nobody left to take them.
            _ => None,
        }
    }

    fn begin(&mut self, tag: Tag, command: Command, out: &mut Vec<u8>) {
        let row = table::of(&command);
        if let Some(why) = self.misplaced(row.state) {
            self.bad(Some(&tag), Some(&Code::ClientBug), why, out);
            return;
        }
        if self.core.uid_only && table::uses_numbers(&command) {
            self.bad(Some(&tag), Some(&Code::UidRequired), NUMBERS, out);
            return;
        }
        self.bad_commands = 0;
        self.start(tag, row, cmd::start(command));
    }
    fn begin_append(&mut self, begin: AppendBegin, out: &mut Vec<u8>) {
        let (tag, row) = (begin.tag.clone(), table::of_append(&begin));
        if let Some(why) = self.misplaced(row.state) {
            self.decoder.refuse_append();
            self.bad(Some(&tag), Some(&Code::ClientBug), why, out);
            return;
        }
        if self.core.uid_only && begin.replaces.as_ref().is_some_and(|replaces| !replaces.by_uid) {
            self.decoder.refuse_append();
            self.bad(Some(&tag), Some(&Code::UidRequired), NUMBERS, out);
            return;
        }
        self.bad_commands = 0;
        self.start(tag, row, cmd::append::start(begin));
    }
    fn start(&mut self, tag: Tag, row: Row, job: Box<dyn Job>) {
        self.core.notes.push(Note::Command { name: row.name });
        let progress = Progress::new(self.core.now);
        self.doing = Doing::Job(Running { tag, row, progress }, job);
    }
    fn misplaced(&self, allowed: Allowed) -> Option<&'static str> {
        match allowed {
            Allowed::NotAuthenticated if self.core.login.is_some() => Some("already logged in"),
            Allowed::Authenticated | Allowed::Selected if self.core.login.is_none() => Some("log in first"),
            Allowed::Selected if self.core.selected.is_none() => Some("no mailbox is selected"),
            _ => None,
        }
    }
    /// BAD; too many in a row end the session.
    fn bad(&mut self, tag: Option<&Tag>, code: Option<&Code<'_>>, text: &str, out: &mut Vec<u8>) {
        match tag {
            Some(tag) => {
                let reply = Reply::bad(text.to_owned());
                let reply = code.into_iter().fold(reply, |reply, code| reply.code(code));
                reply.write(tag, out);
            }
            None => status(None, Status::Bad, code, text, out),
        }
        self.bad_commands = self.bad_commands.saturating_add(1);
        if self.bad_commands >= self.core.settings.bad_commands_max {
            status(None, Status::Bye, None, "too many invalid commands", out);
            self.close("too many invalid commands");
        }
    }

    fn run(&mut self, mut running: Running, mut job: Box<dyn Job>, out: &mut Vec<u8>) -> Option<Step> {
        let Running { tag, progress, .. } = &mut running;
        if self.core.waiting_for_client {
            progress.said(self.core.now);
        }
        let (core, decoder) = (&mut self.core, &mut self.decoder);
        let outcome = job.run(&mut Context { core, decoder, tag, progress, out: &mut *out });
        let outcome = outcome.unwrap_or_else(|error| Outcome::Done(self.failed(&error, running.row)));
        match outcome {
            Outcome::Done(reply) => {
                let sync = Sync::new(running.row.tells);
                self.doing = Doing::Tell(Box::new(Ended { running, sync, reply }));
                return None;
            }
            Outcome::StartTls(reply) => {
                reply.write(&running.tag, out);
                self.decoder.discard_buffered();
                self.doing = Doing::TlsHandshake;
                return Some(Step::StartTls);
            }
            Outcome::StartCompress(reply) => {
                reply.write(&running.tag, out);
                self.doing = Doing::Layers;
                return Some(Step::StartCompress);
            }
            Outcome::Unauthenticate(reply) => {
                reply.write(&running.tag, out);
                return Some(self.unauthenticate());
            }
            Outcome::Close(why) => {
                self.close(why);
                return None;
            }
            Outcome::LogOut(reply) => {
                reply.write(&running.tag, out);
                self.close("logged out");
                return None;
            }
            Outcome::NeedInput if self.input_closed => {
                self.close("connection closed");
                return None;
            }
            Outcome::Await(ticket) => return Some(self.wait(running, job, ticket, out)),
            Outcome::Yield => running.keep_alive(&self.core, out),
            Outcome::OutputFull => running.progress.said(self.core.now),
            _ => {}
        }
        self.doing = Doing::Job(running, job);
        match outcome {
            Outcome::OutputFull => Some(Step::OutputFull),
            Outcome::Yield => Some(Step::Yield),
            Outcome::Effect(effect) => Some(Step::Effect(effect)),
            _ => Some(Step::NeedInput),
        }
    }
    /// RFC 8437 §3: what the client sent behind it stays.
    fn unauthenticate(&mut self) -> Step {
        self.core.forget_user();
        self.decoder.forget_enabled();
        self.ending = self.ending.filter(|ending| !matches!(ending, Ending::AccountGone));
        self.doing = Doing::Layers;
        Step::Unauthenticated
    }
    /// Until the commit is durable; at the deadline the client is told that it still is not.
    fn wait(&mut self, mut running: Running, job: Box<dyn Job>, ticket: Ticket, out: &mut Vec<u8>) -> Step {
        running.keep_alive(&self.core, out);
        self.doing = Doing::Commit(running, job, ticket.clone());
        Step::Await(ticket)
    }
    fn failed(&mut self, error: &MailError, row: Row) -> Reply {
        let text = error.to_string().into();
        self.core.notes.push(Note::Failed { command: row.name, error: text });
        Reply::error(error)
    }
}

impl Running {
    /// IDLE is not waited for.
    fn keep_alive(&mut self, core: &Core, out: &mut Vec<u8>) {
        if core.idling {
            return;
        }
        self.progress.keep_alive(&self.tag, core.now, &core.settings, out);
    }
}

const NUMBERS: &str = "message numbers are not allowed once UIDONLY is enabled";
