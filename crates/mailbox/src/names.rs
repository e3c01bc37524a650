//! Names, roles, subscriptions and keywords of an account, kept in memory as long as its row says nothing of
//! them changed. Nobody assumes that this process is the only writer: the row is read by every snapshot.
//!
//! After a change the table is not read anew: the change log tells which names it was, and their rows are
//! read. Only a log that does not reach so far back, or does not tell, makes it be read whole.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use koi_store::key::{self, table};
use koi_store::kv::Read;
use koi_store::record::account::AccountRecord;
use koi_store::record::log::{Event, LogRecord};
use koi_store::record::mailbox::NameRecord;
use koi_store::record::small::{decode_keyword, decode_mailbox_id};
use koi_types::{AccountId, MailboxId, MailboxName, Result, Timestamp};
use parking_lot::Mutex;

use crate::hierarchy::{Hierarchy, NamedMailbox};
use crate::row::KeywordTable;

/// Accounts whose names are kept; at the bound all are forgotten.
const ACCOUNTS_MAX: usize = 4096;
/// Lines of the log that are read before the whole table is read instead.
const LOG_ROWS_MAX: usize = 1000;

/// What changes rarely in an account.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// The `names_modseq` of the account's row it was read at.
    modseq: u64,
    /// Nothing of it had changed when the account had come so far.
    valid_upto: AtomicU64,
    pub(crate) hierarchy: Arc<Hierarchy>,
    pub(crate) keywords: Arc<KeywordTable>,
}

/// The newest table of an account, and the one before it: for views that were opened a moment earlier.
#[derive(Default)]
pub(crate) struct NamesCache(Mutex<HashMap<AccountId, Kept>>);

struct Kept {
    newest: Arc<Names>,
    before: Option<Arc<Names>>,
}

impl NamesCache {
    pub(crate) fn read(
        &self,
        read: &(impl Read + ?Sized),
        account: AccountId,
        record: &AccountRecord,
    ) -> Result<Arc<Names>> {
        let newest = {
            let cache = self.0.lock();
            let kept = cache.get(&account);
            let mut both = kept.into_iter().flat_map(|kept| kept.before.iter().chain([&kept.newest]));
            if let Some(names) = both.find(|names| names.modseq == record.names_modseq) {
                names.valid_upto.fetch_max(record.modseq, Ordering::Relaxed);
                return Ok(Arc::clone(names));
            }
            kept.map(|kept| Arc::clone(&kept.newest))
        };
        let older = newest.filter(|names| names.modseq < record.names_modseq);
        let advanced = older.map(|names| names.advanced(read, account, record)).transpose()?.flatten();
        let names = Arc::new(advanced.map_or_else(|| Names::read(read, account, record), Ok)?);
        self.keep(account, &names);
        Ok(names)
    }
    fn keep(&self, account: AccountId, names: &Arc<Names>) {
        let mut cache = self.0.lock();
        if cache.len() >= ACCOUNTS_MAX {
            cache.clear();
        }
        let before = match cache.get(&account) {
            Some(kept) if kept.newest.modseq >= names.modseq => return,
            Some(kept) => Some(Arc::clone(&kept.newest)),
            None => None,
        };
        cache.insert(account, Kept { newest: Arc::clone(names), before });
    }
    pub(crate) fn forget(&self, account: AccountId) {
        self.0.lock().remove(&account);
    }
    /// Rows were changed without a line in the log.
    pub(crate) fn forget_all(&self) {
        self.0.lock().clear();
    }
}

impl Names {
    /// The names come from the rows that lead from name to mailbox, so that a mailbox whose own name row is
    /// corrupt is still there, without its role; where such a row is corrupt, from the mailbox's own.
    fn read(read: &(impl Read + ?Sized), account: AccountId, record: &AccountRecord) -> Result<Self> {
        let mut records = BTreeMap::new();
        visit(read, &key::all(account, table::MAILBOX_NAME), &mut |key, row| {
            if let (Some(id), Some(record)) = (key::mailbox_of(key), NameRecord::decode(row)) {
                records.insert(id, record);
            }
        })?;
        let (mut hierarchy, mut unread) = (Hierarchy::default(), BTreeSet::new());
        visit(read, &key::all(account, table::NAME), &mut |key, row| {
            let Some(name) = name_of(key) else { return };
            let Some(id) = decode_mailbox_id(row) else {
                unread.insert(name);
                return;
            };
            let lost =
                || NameRecord { name: name.clone(), role: None, created_at: Timestamp(0), sort_order: 0 };
            let record = records.remove(&id).unwrap_or_else(lost);
            hierarchy.set_mailbox(&name, Some(NamedMailbox::own(id, &record)));
        })?;
        for (id, record) in records.iter().filter(|(_, record)| unread.contains(&record.name)) {
            hierarchy.set_mailbox(&record.name, Some(NamedMailbox::own(*id, record)));
        }
        visit(read, &key::all(account, table::SUBSCRIPTION), &mut |key, _| {
            if let Some(name) = name_of(key) {
                hierarchy.set_subscribed(&name, true);
            }
        })?;
        let mut keywords = KeywordTable::default();
        read_keywords(read, account, &mut keywords)?;
        Ok(Self::at(record, Arc::new(hierarchy), Arc::new(keywords)))
    }
    fn at(record: &AccountRecord, hierarchy: Arc<Hierarchy>, keywords: Arc<KeywordTable>) -> Self {
        let valid_upto = AtomicU64::new(record.modseq);
        Self { modseq: record.names_modseq, valid_upto, hierarchy, keywords }
    }
    /// The table of a newer view, from this one and what happened since; nothing when that is not known.
    fn advanced(
        &self,
        read: &(impl Read + ?Sized),
        account: AccountId,
        record: &AccountRecord,
    ) -> Result<Option<Self>> {
        let since = self.valid_upto.load(Ordering::Relaxed);
        let Some(happened) = Happened::since(read, account, since, record)? else { return Ok(None) };
        let mut keywords = Arc::clone(&self.keywords);
        let new_keywords = keywords.by_number.len() < usize::from(record.keywords);
        if new_keywords {
            read_keywords(read, account, Arc::make_mut(&mut keywords))?;
        }
        let mut hierarchy = Arc::clone(&self.hierarchy);
        if !happened.is_nothing() {
            if !happened.apply(read, account, Arc::make_mut(&mut hierarchy))? {
                return Ok(None);
            }
        } else if !new_keywords {
            // Something changed that left no trace in the log.
            return Ok(None);
        }
        Ok(Some(Self::at(record, hierarchy, keywords)))
    }
}

/// Whose rows must be looked at.
#[derive(Default)]
struct Happened {
    mailboxes: BTreeSet<MailboxId>,
    subscriptions: BTreeSet<MailboxName>,
}

impl Happened {
    /// What the log tells, up to the last change of names; nothing when it does not tell all.
    fn since(
        read: &(impl Read + ?Sized),
        account: AccountId,
        since: u64,
        record: &AccountRecord,
    ) -> Result<Option<Self>> {
        if since < record.log_floor {
            return Ok(None);
        }
        let from = key::log(account, since.saturating_add(1));
        let end = key::log(account, record.names_modseq.saturating_add(1));
        let (mut happened, mut complete, mut last) = (Self::default(), true, None);
        let mut rows = 0;
        read.scan(&from, &end, &mut |key, row| {
            last = key::modseq_at_end(key).map(|modseq| modseq.value());
            rows += 1;
            let sections = LogRecord::decode(row).filter(|_| rows <= LOG_ROWS_MAX).map(|log| log.sections);
            let known = sections.map(|s| s.into_iter().all(|s| happened.add(s.mailbox, s.event)));
            complete = known == Some(true);
            if complete { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok((complete && last == Some(record.names_modseq)).then_some(happened))
    }
    /// Answers whether the event tells what it was about.
    fn add(&mut self, mailbox: Option<MailboxId>, event: Event) -> bool {
        match (event, mailbox) {
            (Event::MailboxCreated | Event::MailboxRenamed | Event::MailboxDeleted, Some(mailbox)) => {
                self.mailboxes.insert(mailbox);
            }
            (Event::SubscriptionTo(name), _) => {
                self.subscriptions.insert(name);
            }
            (Event::Added(_) | Event::Flags(_) | Event::Expunged { .. } | Event::Annotations(_), _)
            | (Event::PerUser { .. } | Event::Rights | Event::UidValidity | Event::SubscriptionOf(_), _)
            | (Event::Hidden(_) | Event::Shown(_) | Event::Read(_), _)
            | (Event::LeftShown(_) | Event::Threads(_), _)
            | (Event::LeftAs(_) | Event::LeftSeen { .. }, _) => {}
            _ => return false,
        }
        true
    }
    fn is_nothing(&self) -> bool {
        self.mailboxes.is_empty() && self.subscriptions.is_empty()
    }
    /// Brings the names to what their rows say now; not when a row cannot be read.
    fn apply(
        &self,
        read: &(impl Read + ?Sized),
        account: AccountId,
        hierarchy: &mut Hierarchy,
    ) -> Result<bool> {
        // All old names first: one may be another's new name.
        for id in &self.mailboxes {
            if let Some(name) = hierarchy.mailbox(*id).map(|node| node.name.clone()) {
                hierarchy.set_mailbox(&name, None);
            }
        }
        for id in &self.mailboxes {
            let Some(row) = read.get(&key::mailbox(account, table::MAILBOX_NAME, *id))? else { continue };
            let Some(record) = NameRecord::decode(&row) else {
                return Ok(false);
            };
            let bearer = read.get(&key::name(account, table::NAME, &record.name))?;
            if bearer.and_then(|row| decode_mailbox_id(&row)) != Some(*id) {
                return Ok(false);
            }
            hierarchy.set_mailbox(&record.name, Some(NamedMailbox::own(*id, &record)));
        }
        for name in &self.subscriptions {
            let subscribed = read.get(&key::name(account, table::SUBSCRIPTION, name))?.is_some();
            hierarchy.set_subscribed(name, subscribed);
        }
        Ok(true)
    }
}

/// Those the table does not have yet: a number once given keeps its keyword.
fn read_keywords(read: &(impl Read + ?Sized), account: AccountId, keywords: &mut KeywordTable) -> Result<()> {
    let known = u16::try_from(keywords.by_number.len()).unwrap_or(u16::MAX);
    let mut range = key::all(account, table::KEYWORD);
    range.from = key::keyword(account, known).to_vec();
    visit(read, &range, &mut |key, row| {
        let number = key::part(key, 5).map_or(0, |octets| usize::from(u16::from_be_bytes(octets)));
        keywords.by_number.resize(number, None);
        keywords.by_number.push(decode_keyword(row));
    })
}

fn visit(
    read: &(impl Read + ?Sized),
    range: &key::KeyRange,
    each: &mut dyn FnMut(&[u8], &[u8]),
) -> Result<()> {
    read.scan(&range.from, &range.end, &mut |key, row| {
        each(key, row);
        ControlFlow::Continue(())
    })
}

fn name_of(key: &[u8]) -> Option<MailboxName> {
    MailboxName::new(std::str::from_utf8(key.get(5..)?).ok()?).ok()
}
