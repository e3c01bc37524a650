//! Making a table of emails: in pieces, each on a view of its own; what changes meanwhile the change log
//! tells. And bringing one up to date.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use koi_store::key::{self, table};
use koi_store::record::email::EmailRecord;
use koi_store::record::log::{Event, LogRecord};
use koi_types::{EmailId, MailboxId, NumSet, Result, Rights, Role, ThreadId, Uid, UidSet};

use super::table::{Place, Present, Table};
use crate::row::MessageRow;
use crate::snapshot::Snapshot;

/// Rows read by one step.
const ROWS_MAX: usize = 16_384;
/// Lines of the log that are read by one step.
const LINES_MAX: usize = 4096;
/// Messages that are brought up to date by one step, about.
const NEWS_MAX: u64 = 4096;
/// Commits after which a table that is still being made follows them: the log is not kept for ever.
const BEHIND_MAX: u64 = 1024;

/// A table being made.
pub(crate) struct Loading {
    table: Table,
    /// Threads that are not named after the email.
    threads: HashMap<EmailId, ThreadId>,
    /// Where the rows of threads go on; nothing when they are read.
    threads_from: Option<Vec<u8>>,
    mailboxes: Vec<MailboxId>,
    /// Of the last mailbox: the next UID.
    next_uid: u32,
}

/// What a piece came to.
pub(crate) enum Loaded {
    More,
    /// All is read, as of [`Table::modseq`].
    Table(Arc<Table>),
    /// It must be begun again.
    Lost,
}

impl Loading {
    pub(crate) fn begin(snapshot: &Snapshot<'_>) -> Result<Self> {
        let (modseq, names_modseq) = (snapshot.record.modseq, snapshot.record.names_modseq);
        Ok(Self {
            table: Table::new(modseq, names_modseq, snapshot.with_role(Role::Trash)),
            threads: HashMap::new(),
            threads_from: Some(key::prefix(snapshot.account, table::THREAD).to_vec()),
            mailboxes: readable(snapshot)?,
            next_uid: 1,
        })
    }
    /// Reads the next piece. However fast mail comes meanwhile, it comes to an end: what the log says is
    /// put into what is there already.
    pub(crate) fn advance(&mut self, snapshot: &Snapshot<'_>) -> Result<Loaded> {
        if snapshot.record.modseq.saturating_sub(self.table.modseq) > BEHIND_MAX {
            match follow(snapshot, &mut self.table)? {
                Followed::ToTheEnd => {}
                Followed::Further => return Ok(Loaded::More),
                Followed::Lost => return Ok(Loaded::Lost),
            }
        }
        if let Some(from) = self.threads_from.take() {
            self.threads_from = self.read_threads(snapshot, &from)?;
            return Ok(Loaded::More);
        }
        let mut left = ROWS_MAX;
        while let Some(mailbox) = self.mailboxes.last().copied() {
            if self.read_messages(snapshot, mailbox, &mut left)? {
                self.mailboxes.pop();
                self.next_uid = 1;
            }
            if left == 0 {
                return Ok(Loaded::More);
            }
        }
        let mut made = std::mem::replace(&mut self.table, Table::new(0, 0, None));
        made.complete();
        Ok(Loaded::Table(Arc::new(made)))
    }
    fn read_threads(&mut self, snapshot: &Snapshot<'_>, from: &[u8]) -> Result<Option<Vec<u8>>> {
        let end = key::all(snapshot.account, table::THREAD).end;
        let (mut left, mut next) = (ROWS_MAX, None);
        snapshot.view.scan(from, &end, &mut |key, _| {
            if left == 0 {
                next = Some(key.to_vec());
                return ControlFlow::Break(());
            }
            left -= 1;
            if let (Some(thread), Some(email)) = (key::part(key, 5), key::part(key, 21)) {
                self.threads.insert(EmailId(email), ThreadId(thread));
            }
            ControlFlow::Continue(())
        })?;
        Ok(next)
    }
    /// Answers whether the mailbox is done.
    fn read_messages(
        &mut self,
        snapshot: &Snapshot<'_>,
        mailbox: MailboxId,
        left: &mut usize,
    ) -> Result<bool> {
        // Deleted since it was begun; the log says so too.
        if snapshot.mailbox(mailbox)?.is_none() {
            return Ok(true);
        }
        let mut uids = NumSet::new();
        uids.insert_range(self.next_uid..=u32::MAX);
        let (table, threads, next) = (&mut self.table, &self.threads, &mut self.next_uid);
        let mut keywords = Vec::new();
        let mut done = true;
        // Rows that cannot be read are nobody's emails; `koi check` names them.
        let _ = snapshot.messages(mailbox, &uids, |row| {
            if *left == 0 {
                *next = row.uid.value();
                done = false;
                return ControlFlow::Break(());
            }
            *left -= 1;
            // What came since is told by the log, with its thread.
            if row.created_modseq.value() <= table.modseq {
                let present = present(mailbox, row, &mut keywords);
                let thread = threads.get(&row.email).copied().unwrap_or(ThreadId(row.email.0));
                table.set(&present, thread);
            }
            ControlFlow::Continue(())
        })?;
        Ok(done)
    }
}

fn present<'k>(mailbox: MailboxId, row: &MessageRow<'_>, keywords: &'k mut Vec<u16>) -> Present<'k> {
    keywords.clear();
    keywords.extend(row.keywords.iter());
    Present {
        email: row.email,
        place: Place { mailbox, uid: row.uid },
        flags: row.flags,
        keywords,
        received_at: row.received_at,
        octets: row.octets,
    }
}

/// RFC 8621 §2, mayReadItems: `l` and `r`.
fn readable(snapshot: &Snapshot<'_>) -> Result<Vec<MailboxId>> {
    let mut readable = Vec::new();
    for mailbox in snapshot.hierarchy().nodes().filter_map(|node| node.mailbox) {
        if snapshot.rights(mailbox.id)?.contains(Rights::LOOKUP.union(Rights::READ)) {
            readable.push(mailbox.id);
        }
    }
    Ok(readable)
}

/// What the log says happened to messages.
#[derive(Default)]
struct News {
    /// Messages to be looked at.
    touched: BTreeMap<MailboxId, UidSet>,
    gone: Vec<Gone>,
    deleted: BTreeSet<MailboxId>,
    /// Messages in all of that.
    count: u64,
    /// It is what happened up to here; nothing when it is all.
    upto: Option<u64>,
}

struct Gone {
    place: Place,
    email: EmailId,
}

/// What following the log came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Followed {
    /// The table is as the snapshot.
    ToTheEnd,
    /// A piece further, and not at the end yet.
    Further,
    /// The table must be made anew.
    Lost,
}

/// Brings a table further towards the snapshot, by a piece of the log. What is read of a message is already
/// as the snapshot has it; what the rest of the log says of it is put right with that.
pub(crate) fn follow(snapshot: &Snapshot<'_>, table: &mut Table) -> Result<Followed> {
    let record = &snapshot.record;
    if table.modseq == record.modseq {
        return Ok(Followed::ToTheEnd);
    }
    let too_old = table.modseq < record.log_floor || table.modseq > record.modseq;
    if too_old || table.is_complete() && table.is_mostly_holes() {
        return Ok(Followed::Lost);
    }
    let Some(news) = read_news(snapshot, table)? else { return Ok(Followed::Lost) };
    news.apply(snapshot, table)?;
    if let Some(upto) = news.upto.filter(|upto| *upto < record.modseq) {
        table.modseq = upto;
        return Ok(Followed::Further);
    }
    table.modseq = record.modseq;
    if table.names_modseq != record.names_modseq {
        table.names_modseq = record.names_modseq;
        let trash = snapshot.with_role(Role::Trash);
        if trash != table.counts.trash() {
            table.recount(trash);
        }
    }
    Ok(Followed::ToTheEnd)
}

/// A piece of the log behind what the table has; nothing when it does not tell everything.
fn read_news(snapshot: &Snapshot<'_>, table: &Table) -> Result<Option<News>> {
    let user = snapshot.guest.as_ref().map(|guest| guest.user.id);
    let from = key::log(snapshot.account, table.modseq.saturating_add(1));
    let end = key::log(snapshot.account, u64::MAX);
    let (mut news, mut usable, mut lines) = (News::default(), true, 0);
    snapshot.view.scan(&from, &end, &mut |key, row| {
        let (Some(modseq), Some(log)) = (key::modseq_at_end(key), LogRecord::decode(row)) else {
            usable = false;
            return ControlFlow::Break(());
        };
        for section in log.sections {
            let Some(mailbox) = section.mailbox else { continue };
            match section.event {
                Event::Added(uids) | Event::Flags(uids) => news.touch(mailbox, &uids),
                Event::PerUser { user: whose, uids } if Some(whose) == user => news.touch(mailbox, &uids),
                Event::Expunged { uids, emails } => {
                    let gone = |(uid, email)| Gone { place: Place { mailbox, uid }, email };
                    news.count += emails.len() as u64;
                    news.gone.extend(uids.iter().zip(emails).map(gone));
                }
                Event::MailboxDeleted => {
                    news.count += u64::from(table.counts.of(mailbox).total_emails);
                    news.deleted.insert(mailbox);
                }
                // What a guest may read comes and goes as a whole.
                Event::Rights | Event::MailboxCreated | Event::MailboxRenamed if user.is_some() => {
                    usable = false;
                }
                _ => {}
            }
        }
        lines += 1;
        if lines >= LINES_MAX || news.count >= NEWS_MAX {
            news.upto = Some(modseq.value());
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    Ok(usable.then_some(news))
}

/// A message to be put into the table.
struct Came {
    email: EmailId,
    place: Place,
    row: Vec<u8>,
    thread: ThreadId,
}

impl News {
    fn touch(&mut self, mailbox: MailboxId, uids: &UidSet) {
        self.count += uids.count();
        self.touched.entry(mailbox).or_default().0.extend(&uids.0);
    }
    fn apply(&self, snapshot: &Snapshot<'_>, table: &mut Table) -> Result<()> {
        let came = self.came(snapshot, table)?;
        let in_deleted = table.emails_in(&self.deleted);
        let mut threads: BTreeSet<ThreadId> = came.iter().map(|message| message.thread).collect();
        let gone = self.gone.iter().map(|gone| gone.email);
        let gone = gone.chain(in_deleted.iter().copied());
        threads.extend(gone.filter_map(|email| table.email(email)).map(|entry| entry.thread));
        threads.iter().for_each(|thread| table.uncount(*thread));
        for gone in &self.gone {
            table.remove(gone.email, |member| member.is_at(gone.place));
        }
        for email in in_deleted {
            table.remove(email, |member| self.deleted.contains(&member.mailbox));
        }
        let mut keywords = Vec::new();
        for message in &came {
            let Some(membership) = koi_store::record::membership::Membership::decode(&message.row) else {
                continue;
            };
            let row = MessageRow { uid: message.place.uid, membership };
            table.set(&present(message.place.mailbox, &row, &mut keywords), message.thread);
        }
        table.settle();
        threads.iter().for_each(|thread| table.count(*thread));
        Ok(())
    }
    /// The messages that were touched and are there.
    fn came(&self, snapshot: &Snapshot<'_>, table: &Table) -> Result<Vec<Came>> {
        let mut came = Vec::new();
        for (mailbox, uids) in &self.touched {
            let there = snapshot.mailbox_record(*mailbox)?.is_some();
            if !there || !snapshot.rights(*mailbox)?.contains(Rights::LOOKUP.union(Rights::READ)) {
                continue;
            }
            let mailbox = *mailbox;
            let _ = snapshot.messages(mailbox, &uids.0, |row| {
                let (email, place) = (row.email, Place { mailbox, uid: row.uid });
                let mut octets = Vec::new();
                row.membership.encode_same(&mut octets);
                let thread = table.email(email).map_or(ThreadId(email.0), |entry| entry.thread);
                came.push(Came { email, place, row: octets, thread });
                ControlFlow::Continue(())
            })?;
        }
        let unknown = came.iter_mut().filter(|message| table.slot_of(message.email).is_none());
        for message in unknown {
            message.thread = thread_of(snapshot, message.email)?;
        }
        Ok(came)
    }
}

/// The thread of an email, as its row says; without one, that which is named after it.
pub(super) fn thread_of(snapshot: &Snapshot<'_>, email: EmailId) -> Result<ThreadId> {
    Ok(known_thread_of(snapshot, email)?.unwrap_or(ThreadId(email.0)))
}

/// The same; nothing when its row is gone.
pub(super) fn known_thread_of(snapshot: &Snapshot<'_>, email: EmailId) -> Result<Option<ThreadId>> {
    let row = snapshot.view.get(&key::email(snapshot.account, email))?;
    Ok(row.as_deref().and_then(EmailRecord::decode).map(|record| record.thread))
}

/// The email of a message.
pub(super) fn email_at(snapshot: &Snapshot<'_>, mailbox: MailboxId, uid: Uid) -> Result<Option<EmailId>> {
    let row = snapshot.view.get(&key::membership(snapshot.account, mailbox, uid.value()))?;
    let row = row.as_deref().and_then(koi_store::record::membership::Membership::decode);
    Ok(row.map(|row| row.email))
}
