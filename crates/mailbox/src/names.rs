//! Names, roles, subscriptions and keywords of an account, kept in memory as long as its row says nothing of
//! them changed. Nobody assumes that this process is the only writer: the row is read by every snapshot.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};

use koi_store::key::{self, table};
use koi_store::kv::Read;
use koi_store::record::mailbox::NameRecord;
use koi_store::record::small::{decode_keyword, decode_mailbox_id};
use koi_types::{AccountId, MailboxId, MailboxName, Result, Role, Timestamp};
use parking_lot::Mutex;

use crate::hierarchy::Hierarchy;
use crate::row::KeywordTable;

/// Accounts whose names are kept; at the bound all are forgotten.
const ACCOUNTS_MAX: usize = 4096;

/// What changes rarely in an account.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// The `names_modseq` of the account's row it was read at.
    modseq: u64,
    /// In the order of the names.
    entries: Vec<NameEntry>,
    by_id: HashMap<MailboxId, usize>,
    pub(crate) subscriptions: BTreeSet<MailboxName>,
    pub(crate) keywords: Arc<KeywordTable>,
    /// Made when it is first asked for.
    hierarchy: OnceLock<Arc<Hierarchy>>,
}

#[derive(Clone, Debug)]
pub(crate) struct NameEntry {
    pub(crate) id: MailboxId,
    pub(crate) name: MailboxName,
    pub(crate) role: Option<Role>,
    pub(crate) created_at: Timestamp,
}

#[derive(Default)]
pub(crate) struct NamesCache(Mutex<HashMap<AccountId, Arc<Names>>>);

impl NamesCache {
    pub(crate) fn read(
        &self,
        read: &(impl Read + ?Sized),
        account: AccountId,
        modseq: u64,
    ) -> Result<Arc<Names>> {
        if let Some(names) = self.0.lock().get(&account).filter(|names| names.modseq == modseq) {
            return Ok(Arc::clone(names));
        }
        let names = Arc::new(Names::read(read, account, modseq)?);
        let mut cache = self.0.lock();
        if cache.len() >= ACCOUNTS_MAX {
            cache.clear();
        }
        if cache.get(&account).is_none_or(|known| known.modseq < modseq) {
            cache.insert(account, Arc::clone(&names));
        }
        Ok(names)
    }
    pub(crate) fn forget(&self, account: AccountId) {
        self.0.lock().remove(&account);
    }
}

impl Names {
    pub(crate) fn entries(&self) -> &[NameEntry] {
        &self.entries
    }
    pub(crate) fn hierarchy(&self) -> Arc<Hierarchy> {
        let make = || Arc::new(Hierarchy::new(&self.entries, &self.subscriptions));
        Arc::clone(self.hierarchy.get_or_init(make))
    }
    pub(crate) fn by_id(&self, id: MailboxId) -> Option<&NameEntry> {
        self.entries.get(*self.by_id.get(&id)?)
    }
    pub(crate) fn by_name(&self, name: &MailboxName) -> Option<&NameEntry> {
        let at = self.entries.binary_search_by(|entry| entry.name.cmp(name)).ok()?;
        self.entries.get(at)
    }
    /// The names come from the rows that lead from name to mailbox, so that a mailbox whose own name row is
    /// corrupt is still there, without its role.
    fn read(read: &(impl Read + ?Sized), account: AccountId, modseq: u64) -> Result<Self> {
        let mut records = BTreeMap::new();
        visit(read, account, table::MAILBOX_NAME, &mut |key, row| {
            if let (Some(id), Some(record)) = (key::mailbox_of(key), NameRecord::decode(row)) {
                records.insert(id, record);
            }
        })?;
        let mut names = Self { modseq, ..Self::default() };
        visit(read, account, table::NAME, &mut |key, row| {
            let (Some(name), Some(id)) = (name_of(key), decode_mailbox_id(row)) else { return };
            let record = records.get(&id);
            let role = record.and_then(|record| record.role);
            let created_at = record.map_or(Timestamp(0), |record| record.created_at);
            names.entries.push(NameEntry { id, name, role, created_at });
        })?;
        names.by_id = names.entries.iter().enumerate().map(|(at, entry)| (entry.id, at)).collect();
        visit(read, account, table::SUBSCRIPTION, &mut |key, _| names.subscriptions.extend(name_of(key)))?;
        let mut keywords = KeywordTable::default();
        visit(read, account, table::KEYWORD, &mut |key, row| {
            let number = key::part(key, 5).map_or(0, |octets| usize::from(u16::from_be_bytes(octets)));
            keywords.by_number.resize(number, None);
            keywords.by_number.push(decode_keyword(row));
        })?;
        names.keywords = Arc::new(keywords);
        Ok(names)
    }
}

fn visit(
    read: &(impl Read + ?Sized),
    account: AccountId,
    table: u8,
    each: &mut dyn FnMut(&[u8], &[u8]),
) -> Result<()> {
    let range = key::all(account, table);
    read.scan(&range.from, &range.end, &mut |key, row| {
        each(key, row);
        ControlFlow::Continue(())
    })
}

fn name_of(key: &[u8]) -> Option<MailboxName> {
    MailboxName::new(std::str::from_utf8(key.get(5..)?).ok()?).ok()
}
