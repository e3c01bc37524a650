//! Telling a client that its command goes on (RFC 9585 §4), and ending a search that costs more than one may
//! (RFC 9051 §7.1, LIMIT).
//!
//! Every command that gives way to others, or waits for a commit, is told of from time to time by the session
//! itself. SEARCH, SORT and THREAD also say how far they are: between two slices each calls
//! [`Context::slice`], which ends the command when it has cost too much.

use koi_proto::imap::Tag;
use koi_proto::imap::response::{Code, Status, status};
use koi_types::{ErrorKind, MailError, Result, Timestamp};

use super::ImapSettings;
use super::job::Context;

/// One command's time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    began: Timestamp,
    /// When the client last heard of it.
    told: Timestamp,
}

/// How far a command has come.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Work {
    /// Messages that were looked at.
    pub(crate) done: Option<u64>,
    /// Messages to be looked at, those included.
    pub(crate) total: Option<u64>,
    /// Octets of messages that were read.
    pub(crate) octets: u64,
}

impl Progress {
    pub(crate) const fn new(now: Timestamp) -> Self {
        Self { began: now, told: now }
    }
    /// When the client is to hear of it next; never, when the settings say so.
    pub(crate) fn due(&self, settings: &ImapSettings) -> Option<Timestamp> {
        let secs = settings.progress_secs;
        (secs > 0).then(|| self.told.plus_secs(secs))
    }
    /// The client has just heard of the command, or been heard.
    pub(crate) const fn said(&mut self, now: Timestamp) {
        self.told = now;
    }
    /// Nothing of the command is half written: says that it goes on, if it is time to and there is nothing
    /// else for the client to read.
    pub(crate) fn keep_alive(
        &mut self,
        tag: &Tag,
        now: Timestamp,
        settings: &ImapSettings,
        out: &mut Vec<u8>,
    ) {
        match out.is_empty() {
            true => self.tell(tag, now, settings, Work::default(), out),
            false => self.said(now),
        }
    }
    fn tell(&mut self, tag: &Tag, now: Timestamp, settings: &ImapSettings, work: Work, out: &mut Vec<u8>) {
        if self.due(settings).is_none_or(|due| now < due) {
            return;
        }
        self.told = now;
        let number = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let (done, total) = (work.done.map(number), work.total.map(number));
        let code = Code::InProgress { tag, done, total };
        status(None, Status::Ok, Some(&code), "still working", out);
    }
}

impl Context<'_> {
    /// Between two slices of SEARCH, SORT or THREAD, before giving way: tells how far it is, when it is time
    /// to. `LimitReached` when this command has cost what one may cost (`imap.search_secs_max`,
    /// `imap.search_octets_max`), or what it works with takes too much memory.
    pub(crate) fn slice(&mut self, work: Work, memory_octets: usize) -> Result<()> {
        self.require_room(memory_octets)?;
        let (settings, now) = (&self.core.settings, self.core.now);
        let secs = settings.search_secs_max;
        if secs > 0 && now >= self.progress.began.plus_secs(secs) {
            return Err(limit("this search takes too long", &format!("stopped after {secs} s")));
        }
        if settings.search_octets_max.is_some_and(|max| work.octets > max) {
            let text = "this search reads too much";
            return Err(limit(text, &format!("stopped after {} octets", work.octets)));
        }
        self.progress.tell(self.tag, now, settings, work, self.out);
        Ok(())
    }
}

fn limit(text: &'static str, context: &str) -> MailError {
    MailError::new(ErrorKind::LimitReached, text).context(context)
}
