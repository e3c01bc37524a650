//! The DMAP session: reads commands one after the other, runs each as a job, tells what changed, ends it with
//! its tagged line (DMAP-00 §3.2, §4, §6).
//!
//! `telling` is what comes before a tagged line, `ending` how it ends, `driven` how a driver sees it. Must
//! not: know what a command does; keep anything large while it waits for input.

use std::sync::Arc;

use koi_mailbox::{MailboxService, Ticket};
use koi_proto::dmap::command::Append;
use koi_proto::dmap::response::{Condition, continuation, status};
use koi_proto::dmap::{Code, Command, Decoded, Decoder, Phase, Tag};
use koi_types::{MailError, Timestamp};

use super::core::Core;
use super::job::{Context, Job, Outcome};
use super::reply::{Reply, bye};
use super::sync::Sync;
use super::table::{self, Allowed, Row};
use super::{DmapSettings, cmd};
use crate::pace::Pace;
use crate::session::{Note, Peer, Step};

mod driven;
mod ending;
mod telling;

use ending::Ending;
pub(crate) use telling::MAILBOX_GONE;

/// One DMAP connection.
pub struct DmapSession {
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
    Closed,
}

struct Running {
    tag: Tag,
    row: Row,
    began: Timestamp,
}

/// A command whose tagged line is still to be written.
struct Ended {
    running: Running,
    sync: Sync,
    reply: Reply,
}

impl DmapSession {
    /// A session that begins with its greeting. The peer has shaken hands for TLS before.
    #[must_use]
    pub fn new(service: MailboxService, settings: Arc<DmapSettings>, peer: Peer, now: Timestamp) -> Self {
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
                let code = Code::Capability(self.core.capabilities());
                status(None, Condition::Ok, Some(&code), &self.core.settings.greeting, out);
                None
            }
            Doing::Ready => self.next_command(out),
            Doing::Job(running, job) => self.run(running, job, out),
            Doing::Commit(running, job, ticket) if ticket.peek().is_none() => {
                Some(self.wait(running, job, ticket))
            }
            Doing::Commit(running, job, _) => self.run(running, job, out),
            Doing::Tell(ended) => self.tell(ended, out),
            Doing::Closed => {
                self.doing = Doing::Closed;
                Some(Step::Close)
            }
        }
    }

    fn next_command(&mut self, out: &mut Vec<u8>) -> Option<Step> {
        if self.core.holds_too_much() {
            bye(Some(&Code::Limit), "the mailbox takes more memory than one connection may have", out);
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
            Decoded::NeedMore if self.input_closed => self.close("connection closed"),
            Decoded::NeedMore => return Some(Step::NeedInput),
            Decoded::Continue => continuation("send on", out),
            Decoded::Command { tag, command } => self.begin(tag, command, out),
            Decoded::AppendBegin { tag, append } => self.begin_append(tag, append, out),
            Decoded::Bad { tag, code, text } => self.bad(tag.as_ref(), code, &text, out),
            Decoded::Refused { tag, code, text } => Reply::no(text).code(code).write(&tag, out),
            Decoded::Fatal { code, text } => {
                bye(code.as_ref(), text, out);
                self.close("protocol error");
            }
            // Leftovers of an APPEND that was refused; there is nobody left to take them.
            _ => {}
        }
        None
    }

    fn begin(&mut self, tag: Tag, command: Command, out: &mut Vec<u8>) {
        let row = table::of(&command);
        if let Some(why) = self.misplaced(row.state) {
            self.bad(Some(&tag), Some(Code::ClientBug), why, out);
            return;
        }
        if self.core.uid_only && table::uses_numbers(&command) {
            self.bad(Some(&tag), Some(Code::UidRequired), NUMBERS, out);
            return;
        }
        // DMAP-00 §7.7.1: there are none here.
        if let Command::Experimental(_) = command {
            self.bad(Some(&tag), None, "unknown command", out);
            return;
        }
        self.bad_commands = 0;
        self.start(tag, row, cmd::start(command));
    }
    fn begin_append(&mut self, tag: Tag, append: Append, out: &mut Vec<u8>) {
        if let Some(why) = self.misplaced(table::APPEND.state) {
            self.decoder.refuse_append();
            self.bad(Some(&tag), Some(Code::ClientBug), why, out);
            return;
        }
        self.bad_commands = 0;
        self.start(tag, table::APPEND, cmd::append::start(append));
    }
    fn start(&mut self, tag: Tag, row: Row, job: Box<dyn Job>) {
        self.core.notes.push(Note::Command { name: row.name });
        self.doing = Doing::Job(Running { tag, row, began: self.core.now }, job);
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
    fn bad(&mut self, tag: Option<&Tag>, code: Option<Code>, text: &str, out: &mut Vec<u8>) {
        status(tag, Condition::Bad, code.as_ref(), text, out);
        self.bad_commands = self.bad_commands.saturating_add(1);
        if self.bad_commands >= self.core.settings.bad_commands_max {
            bye(None, "too many invalid commands", out);
            self.close("too many invalid commands");
        }
    }

    fn run(&mut self, running: Running, mut job: Box<dyn Job>, out: &mut Vec<u8>) -> Option<Step> {
        let (tag, began) = (&running.tag, running.began);
        let (core, decoder) = (&mut self.core, &mut self.decoder);
        let outcome = job.run(&mut Context { core, decoder, tag, began, out: &mut *out });
        let outcome = outcome.unwrap_or_else(|error| Outcome::Done(self.failed(&error, running.row)));
        let step = match outcome {
            Outcome::Done(reply) => {
                let sync = Sync::new(running.row.tells);
                self.doing = Doing::Tell(Box::new(Ended { running, sync, reply }));
                return None;
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
            Outcome::Await(ticket) => return Some(self.wait(running, job, ticket)),
            Outcome::OutputFull => Step::OutputFull,
            Outcome::Yield => Step::Yield,
            Outcome::Effect(effect) => Step::Effect(effect),
            Outcome::NeedInput => Step::NeedInput,
        };
        self.doing = Doing::Job(running, job);
        Some(step)
    }
    fn wait(&mut self, running: Running, job: Box<dyn Job>, ticket: Ticket) -> Step {
        self.doing = Doing::Commit(running, job, ticket.clone());
        Step::Await(ticket)
    }
    fn failed(&mut self, error: &MailError, row: Row) -> Reply {
        let text = error.to_string().into();
        self.core.notes.push(Note::Failed { command: row.name, error: text });
        Reply::error(error)
    }
}

const NUMBERS: &str = "message numbers are not allowed once UIDONLY is enabled";
