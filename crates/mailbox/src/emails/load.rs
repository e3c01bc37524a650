//! Making a table of emails: in pieces, each on a view of its own; what changes meanwhile the change log
//! tells. And bringing one up to date.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;

use koi_store::key::{self, table};
use koi_store::record::email::EmailRecord;
use koi_store::record::log::{Event, LogRecord};
use koi_types::{EmailId, MailboxId, NumSet, Result, Rights, Role, ThreadId, Uid, UidSet};

use super::table::{Place, Present, Table};
use crate::row::MessageRow;
use crate::snapshot::Snapshot;

/// Rows read by one step.
const ROWS_MAX: usize = 16_384;
/// Lines of the log that are read rather than making the table anew.
const LINES_MAX: usize = 50_000;

/// Messages that are brought up to date in one step; for more the table is made anew, in pieces.
const NEWS_MAX: u64 = 4096;

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
    /// Reads the next piece; the table, as of when it was begun, when all is read.
    pub(crate) fn advance(&mut self, snapshot: &Snapshot<'_>) -> Result<Option<Table>> {
        if let Some(from) = self.threads_from.take() {
            self.threads_from = self.read_threads(snapshot, &from)?;
            return Ok(None);
        }
        let mut left = ROWS_MAX;
        while let Some(mailbox) = self.mailboxes.last().copied() {
            if self.read_messages(snapshot, mailbox, &mut left)? {
                self.mailboxes.pop();
                self.next_uid = 1;
            }
            if left == 0 {
                return Ok(None);
            }
        }
        let mut made = std::mem::replace(&mut self.table, Table::new(0, 0, None));
        made.complete();
        Ok(Some(made))
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
            // What came since the beginning is told by the log, with its thread.
            if row.created_modseq.value() <= table.modseq {
                let present = present(mailbox, row, &mut keywords);
                let thread = threads.get(&row.email).copied().unwrap_or(ThreadId(row.email.0));
                table.load(&present, thread);
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
}

struct Gone {
    place: Place,
    email: EmailId,
}

/// Brings a table up to the snapshot. Answers whether that is done; otherwise it must be made anew.
pub(crate) fn follow(snapshot: &Snapshot<'_>, table: &mut Table) -> Result<bool> {
    let record = &snapshot.record;
    if table.modseq == record.modseq {
        return Ok(true);
    }
    let names_changed = table.names_modseq != record.names_modseq;
    let too_old = table.modseq < record.log_floor || table.modseq > record.modseq;
    if too_old || table.is_mostly_holes() {
        return Ok(false);
    }
    let Some(news) = read_news(snapshot, table.modseq)? else { return Ok(false) };
    if news.count(table) > NEWS_MAX {
        return Ok(false);
    }
    news.apply(snapshot, table)?;
    table.modseq = record.modseq;
    if names_changed {
        table.names_modseq = record.names_modseq;
        let trash = snapshot.with_role(Role::Trash);
        if trash != table.counts.trash() {
            table.recount(trash);
        }
    }
    Ok(true)
}

fn read_news(snapshot: &Snapshot<'_>, since: u64) -> Result<Option<News>> {
    let user = snapshot.guest.as_ref().map(|guest| guest.user.id);
    let from = key::log(snapshot.account, since.saturating_add(1));
    let end = key::log(snapshot.account, u64::MAX);
    let (mut news, mut usable, mut lines) = (News::default(), true, 0);
    snapshot.view.scan(&from, &end, &mut |_, row| {
        lines += 1;
        let Some(log) = LogRecord::decode(row).filter(|_| lines <= LINES_MAX) else {
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
                    news.gone.extend(uids.iter().zip(emails).map(gone));
                }
                Event::MailboxDeleted => {
                    news.deleted.insert(mailbox);
                }
                // What a guest may read comes and goes as a whole.
                Event::Rights | Event::MailboxCreated | Event::MailboxRenamed if user.is_some() => {
                    usable = false;
                }
                _ => {}
            }
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
    fn count(&self, table: &Table) -> u64 {
        let touched: u64 = self.touched.values().map(UidSet::count).sum();
        let deleted = self.deleted.iter().map(|mailbox| u64::from(table.counts.of(*mailbox).total_emails));
        touched + self.gone.len() as u64 + deleted.sum::<u64>()
    }
    fn touch(&mut self, mailbox: MailboxId, uids: &UidSet) {
        self.touched.entry(mailbox).or_default().0.extend(&uids.0);
    }
    fn apply(&self, snapshot: &Snapshot<'_>, table: &mut Table) -> Result<()> {
        let came = self.came(snapshot, table)?;
        let in_deleted: Vec<(MailboxId, Vec<EmailId>)> =
            self.deleted.iter().map(|mailbox| (*mailbox, table.emails_in(*mailbox))).collect();
        let mut threads: BTreeSet<ThreadId> = came.iter().map(|message| message.thread).collect();
        let gone = self.gone.iter().map(|gone| gone.email);
        let gone = gone.chain(in_deleted.iter().flat_map(|(_, emails)| emails.iter().copied()));
        threads.extend(gone.filter_map(|email| table.email(email)).map(|entry| entry.thread));
        threads.iter().for_each(|thread| table.uncount(*thread));
        for gone in &self.gone {
            table.remove(gone.email, |member| member.is_at(gone.place));
        }
        for (mailbox, emails) in &in_deleted {
            emails.iter().for_each(|email| table.remove(*email, |member| member.mailbox == *mailbox));
        }
        let mut keywords = Vec::new();
        for message in &came {
            let Some(membership) = koi_store::record::membership::Membership::decode(&message.row) else {
                continue;
            };
            let row = MessageRow { uid: message.place.uid, membership };
            table.set(&present(message.place.mailbox, &row, &mut keywords), message.thread);
        }
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

/// The thread of an email, as its row says.
pub(super) fn thread_of(snapshot: &Snapshot<'_>, email: EmailId) -> Result<ThreadId> {
    let row = snapshot.view.get(&key::email(snapshot.account, email))?;
    let record = row.as_deref().and_then(EmailRecord::decode);
    Ok(record.map_or(ThreadId(email.0), |record| record.thread))
}

/// The email of a message.
pub(super) fn email_at(snapshot: &Snapshot<'_>, mailbox: MailboxId, uid: Uid) -> Result<Option<EmailId>> {
    let row = snapshot.view.get(&key::membership(snapshot.account, mailbox, uid.value()))?;
    let row = row.as_deref().and_then(koi_store::record::membership::Membership::decode);
    Ok(row.map(|row| row.email))
}
