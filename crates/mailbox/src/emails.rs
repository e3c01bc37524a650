//! Emails, threads and mailboxes as JMAP has them (RFC 8620 §5, RFC 8621), over the same rows that messages
//! of IMAP are: see docs/JMAP-DATA.md.
//!
//! [`Account::emails`](crate::Account::emails) gives an [`Emails`], which lives for one step of a session: a
//! snapshot, and a table in memory of what is shown ([`table`]), kept from one step to the next and brought
//! up to date from the change log. States are modseqs, and changes are read from the change log alone
//! ([`log`], [`history`]). Must not: know JSON, method names or property names.

use std::sync::Arc;

pub use changes::{CHANGES_MAX, Changed, ChangedMailboxes, ChangesRun, Told};
pub use counts::MailCounts;
pub use filter::{EmailCondition, EmailFilter, EmailKeyword};
pub use identity::{
    IdentityChange, IdentityChanged, IdentityRecord, IdentityUpdate, IdentityView, NamedAddress, OWN_IDENTITY,
};
pub use mailbox_write::{
    MailboxChange, MailboxChanged, MailboxCreation, MailboxInTurn, MailboxRefused, MailboxUpdate,
};
pub use mailboxes::{MailboxRole, MailboxView};
pub use objects::SettingRefused;
pub use order::{EmailOrder, OrderBy};
pub use query::{EmailQuery, Queried, QueryOutcome, QueryRun};
pub use query_changes::{AddedEmail, QueryChanged, QueryChanges, QueryChangesRun};
pub use state::{DataType, State};
pub use submission::{
    DeliveredStatus, DeliveryRecord, Envelope, EnvelopeAddress, EnvelopeParameter, NewSubmission,
    SubmissionRecord, SubmissionRefused, SubmissionView, UndoStatus,
};
pub use vacation::VacationRecord;
pub use window::{Window, WindowFrom};
pub use write::{EmailChange, EmailChanged, EmailCreation, EmailRefused, EmailUpdate, SetOutcome, SetUpdate};

use koi_types::{EmailId, Keyword, MailboxId, ModSeq, SystemFlags, ThreadId, Timestamp};

use crate::snapshot::Snapshot;

pub(crate) mod attachments;
pub(crate) mod changes;
pub(crate) mod counts;
mod filter;
mod history;
mod identity;
mod keyword_sets;
mod leaves;
pub(crate) mod load;
pub(crate) mod log;
mod mailbox_write;
mod mailbox_writer;
pub(crate) mod mailboxes;
pub(crate) mod notices;
mod objects;
mod order;
mod query;
mod query_changes;
mod searching;
mod sieve;
pub(crate) mod state;
pub(crate) mod submission;
pub(crate) mod table;
pub(crate) mod tables;
mod texts;
mod vacation;
mod window;
mod write;
mod writer;

use table::{EmailEntry, Table};

/// The emails of an account at one moment, for one step.
pub struct Emails<'a> {
    pub(crate) table: Arc<Table>,
    pub(crate) snapshot: Snapshot<'a>,
}

/// What is known of an email beside its content; that is [`Snapshot::email`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EmailView {
    pub id: EmailId,
    pub thread: ThreadId,
    /// Where it is, each mailbox once.
    pub mailboxes: Vec<MailboxId>,
    /// What any of its messages has; `\Seen` only if all have it; never `\Deleted`.
    pub flags: SystemFlags,
    /// Of all its messages, in order.
    pub keywords: Vec<Keyword>,
    /// RFC822.SIZE.
    pub octets: u32,
    pub received_at: Timestamp,
}

impl<'a> Emails<'a> {
    /// What is stored.
    #[must_use]
    pub const fn snapshot(&self) -> &Snapshot<'a> {
        &self.snapshot
    }
    /// How far the account has come.
    #[must_use]
    pub fn modseq(&self) -> ModSeq {
        self.snapshot.modseq()
    }
    /// An email; nothing when it is not there, or nowhere but `\Deleted`.
    #[must_use]
    pub fn email(&self, id: EmailId) -> Option<EmailView> {
        let entry = self.table.email(id).filter(|entry| entry.is_shown())?;
        Some(self.view_of(entry))
    }
    /// The emails of a thread, by when they were received (RFC 8621 §3); none when there is no such thread.
    #[must_use]
    pub fn thread(&self, id: ThreadId) -> Vec<EmailId> {
        let mut emails: Vec<&EmailEntry> = self.table.thread(id).filter(|entry| entry.is_shown()).collect();
        emails.sort_unstable_by_key(|entry| (entry.received_at, entry.id));
        emails.into_iter().map(|entry| entry.id).collect()
    }
    /// Ids of all emails, the newest last.
    pub fn ids(&self) -> impl Iterator<Item = EmailId> {
        let entries = self.table.by_received().iter().filter_map(|slot| self.table.slot(*slot));
        entries.filter(|entry| entry.is_shown()).map(|entry| entry.id)
    }
    fn view_of(&self, entry: &EmailEntry) -> EmailView {
        let names = self.snapshot.keywords();
        let keyword = |number: u16| names.keyword(number).cloned();
        let mut keywords: Vec<Keyword> =
            self.table.keywords_of(entry).into_iter().filter_map(keyword).collect();
        keywords.sort_unstable();
        EmailView {
            id: entry.id,
            thread: entry.thread,
            mailboxes: entry.mailboxes(),
            flags: entry.flags(),
            keywords,
            octets: entry.octets,
            received_at: entry.received_at,
        }
    }
}
