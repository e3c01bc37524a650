//! What the change log says since a state, beside what there is now, made ready to answer two questions:
//! which messages were touched, in order, and whether an email was shown then.
//!
//! The first thing that happened to a message since tells how it was then (`log`). If nothing happened, it is
//! now as it was then.

use koi_types::{EmailId, Result, ThreadId};

use super::Emails;
use super::load::{email_at, thread_of};
use super::log::{Commit, Log, Then};
use super::state::State;
use super::table::{EmailEntry, Member, Place};

/// The log after a state, which must be read as far as `emails` show.
pub(super) struct History<'h, 's> {
    pub(super) emails: &'h Emails<'s>,
    pub(super) log: &'h Log,
    pub(super) since: State,
}

const fn place(member: &Member) -> Place {
    Place { mailbox: member.mailbox, uid: member.uid }
}

impl<'h> History<'h, '_> {
    /// The commits after one.
    pub(super) fn commits_after(&self, modseq: u64) -> &'h [Commit] {
        self.log.commits_after(modseq)
    }
    fn members(&self, email: EmailId) -> &'h [Member] {
        self.emails.table.email(email).map(EmailEntry::members).unwrap_or_default()
    }
    fn then(&self, place: Place) -> Option<Then> {
        self.log.then(place, self.since.modseq)
    }
    /// The email of a message that was touched; nothing when it is not known any more, which the table's
    /// reader need not be told.
    pub(super) fn email_of(&self, place: Place) -> Result<Option<EmailId>> {
        match self.log.gone(place) {
            Some(email) => Ok(Some(email)),
            None => email_at(&self.emails.snapshot, place.mailbox, place.uid),
        }
    }
    /// Whether there was such an email for whoever looks. To who comes from a state in between what came or
    /// went since may have been told as it was at any time since: then it is another than now.
    pub(super) fn was_shown(&self, email: EmailId) -> bool {
        if self.since.is_between() && self.has_moved(email) {
            return !self.is_shown(email);
        }
        let now = self.members(email).iter().any(|member| match self.then(place(member)) {
            Some(then) => then == Then::Shown,
            None => member.is_shown(),
        });
        let mut left = self.log.left_after(email, self.since.modseq);
        now || left.any(|place| self.then(place) == Some(Then::Shown))
    }
    /// Whether any message of it came or went, or into sight or out of it.
    fn has_moved(&self, email: EmailId) -> bool {
        self.log.left_after(email, self.since.modseq).next().is_some()
            || self.members(email).iter().any(|member| self.then(place(member)).is_some())
    }
    /// Whether it was shown from the state on until now.
    pub(super) fn stayed_shown(&self, email: EmailId) -> bool {
        self.is_shown(email) && !self.has_moved(email)
    }
    pub(super) fn is_shown(&self, email: EmailId) -> bool {
        self.emails.table.email(email).is_some_and(EmailEntry::is_shown)
    }
    pub(super) fn thread_of(&self, email: EmailId) -> Result<ThreadId> {
        let known = self.emails.table.email(email).map(|entry| entry.thread);
        match known.or_else(|| self.log.thread_of(email)) {
            Some(thread) => Ok(thread),
            None => thread_of(&self.emails.snapshot, email),
        }
    }
    /// The thread's emails that are or were there.
    pub(super) fn emails_of(&self, thread: ThreadId) -> Vec<EmailId> {
        let table = &self.emails.table;
        let mut emails: Vec<EmailId> = table.thread(thread).map(|entry| entry.id).collect();
        let lost = self.log.lost_of(thread).iter().copied();
        emails.extend(lost.filter(|email| table.email(*email).is_none()));
        emails
    }
}
