//! Emails and threads of each mailbox, counted (RFC 8621 §2, totalEmails to unreadThreads).
//!
//! A thread counts in several mailboxes and its emails on one another, so that counts are kept by thread:
//! before something in a thread changes it is taken out of the counts, and put in again afterwards. A change
//! costs what its thread has emails, and asking for counts nothing.

use std::collections::HashMap;

use koi_types::MailboxId;

use super::table::EmailEntry;

/// What a mailbox has, as far as it is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MailCounts {
    pub total_emails: u32,
    /// Neither seen nor drafts.
    pub unread_emails: u32,
    /// Threads with an email in the mailbox.
    pub total_threads: u32,
    /// Those of them with an unread email, anywhere but in the trash; of the trash: with one in it.
    pub unread_threads: u32,
}

/// The counts of all mailboxes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    trash: Option<MailboxId>,
    mailboxes: HashMap<MailboxId, MailCounts>,
    /// Of the account.
    pub(crate) all: MailCounts,
}

/// What one thread adds.
#[derive(Default)]
struct Share {
    mailboxes: Vec<InMailbox>,
    emails: u32,
    unread: u32,
    unread_in_trash: bool,
    unread_elsewhere: bool,
}

#[derive(Clone, Copy)]
struct InMailbox {
    mailbox: MailboxId,
    emails: u32,
    unread: u32,
}

impl Counts {
    pub(crate) fn new(trash: Option<MailboxId>) -> Self {
        Self { trash, ..Self::default() }
    }
    pub(crate) fn trash(&self) -> Option<MailboxId> {
        self.trash
    }
    pub(crate) fn of(&self, mailbox: MailboxId) -> MailCounts {
        self.mailboxes.get(&mailbox).copied().unwrap_or_default()
    }
    /// Adds a thread.
    pub(crate) fn add<'e>(&mut self, thread: impl Iterator<Item = &'e EmailEntry>) {
        let share = self.share(thread);
        self.apply(&share, u32::saturating_add);
    }
    /// Takes a thread out that was added as it is.
    pub(crate) fn remove<'e>(&mut self, thread: impl Iterator<Item = &'e EmailEntry>) {
        let share = self.share(thread);
        self.apply(&share, u32::saturating_sub);
    }
    fn share<'e>(&self, thread: impl Iterator<Item = &'e EmailEntry>) -> Share {
        let mut share = Share::default();
        for email in thread.filter(|email| email.is_shown()) {
            let unread = u32::from(email.is_unread());
            share.emails += 1;
            share.unread += unread;
            for mailbox in email.mailboxes() {
                if Some(mailbox) == self.trash {
                    share.unread_in_trash |= unread > 0;
                } else {
                    share.unread_elsewhere |= unread > 0;
                }
                match share.mailboxes.iter_mut().find(|known| known.mailbox == mailbox) {
                    Some(known) => {
                        known.emails += 1;
                        known.unread += unread;
                    }
                    None => share.mailboxes.push(InMailbox { mailbox, emails: 1, unread }),
                }
            }
        }
        share
    }
    fn apply(&mut self, share: &Share, by: impl Fn(u32, u32) -> u32) {
        let change = |counts: &mut MailCounts, emails, unread, is_unread| {
            counts.total_emails = by(counts.total_emails, emails);
            counts.unread_emails = by(counts.unread_emails, unread);
            counts.total_threads = by(counts.total_threads, u32::from(emails > 0));
            counts.unread_threads = by(counts.unread_threads, u32::from(is_unread));
        };
        change(&mut self.all, share.emails, share.unread, share.unread > 0);
        for of in &share.mailboxes {
            let is_trash = Some(of.mailbox) == self.trash;
            let is_unread = if is_trash { share.unread_in_trash } else { share.unread_elsewhere };
            change(self.mailboxes.entry(of.mailbox).or_default(), of.emails, of.unread, is_unread);
        }
    }
}
