//! Every row against every other: what `koi check` reports, and how it is put right.
//!
//! A check reads one view and changes nothing. A finding names the row by its key and, where what is right
//! follows from other rows, holds a fix: the row as it was found and as it should be. [`repair`] applies
//! fixes to rows that are still as they were found, so that it may run beside anything. What cannot be
//! derived is reported and left: nothing readable is ever thrown away.

use std::collections::HashMap;
use std::ops::ControlFlow;

use koi_types::{AccountId, BlobId, Result};

use crate::body::Scope;
use crate::key::{self, table};
use crate::kv::{Read, Txn};

mod annotations;
mod behind;
mod bodies;
mod coi;
mod contacts;
mod counters;
mod directory;
mod dmap;
mod dmtp;
mod emails;
mod index;
mod memberships;
mod names;
mod push;
mod sent;
mod sharing;
#[cfg(test)]
mod tests;
mod url_keys;

pub use contacts::contact_row;
use directory::Accounts;
pub use index::index_to_be_built;
use sharing::Wanted;

/// Something wrong with a row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The row that is wrong or missing.
    pub key: Box<[u8]>,
    pub problem: &'static str,
    /// Nothing when the right value cannot be derived.
    pub fix: Option<Fix>,
}

/// A row as it was found and as it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fix {
    found: Option<Box<[u8]>>,
    right: Right,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Right {
    Row(Box<[u8]>),
    NoRow,
    /// A body nobody refers to: its row goes the way of the last reference.
    NoBody {
        scope: Scope,
        blob: BlobId,
    },
}

impl Finding {
    /// The account whose row it is.
    #[must_use]
    pub fn account(&self) -> AccountId {
        AccountId(key::part(&self.key, 0).map_or(0, u32::from_be_bytes))
    }
    /// The key for people: account, table, rest in hexadecimal.
    #[must_use]
    pub fn key_text(&self) -> String {
        let table = self.key.get(4).copied().map_or('?', char::from);
        let rest: String = self.key.iter().skip(5).map(|octet| format!("{octet:02x}")).collect();
        format!("{}/{table}/{rest}", self.account().0)
    }
}

/// Rows and findings of one check.
pub(crate) struct Check<'r> {
    read: &'r dyn Read,
    account: AccountId,
    findings: Vec<Finding>,
}

/// References to bodies, counted over all accounts.
#[derive(Default)]
pub(crate) struct References {
    counts: HashMap<BodyKey, u64>,
    /// An email could not be read: counts may be too low.
    uncertain: bool,
}

#[derive(PartialEq, Eq, Hash)]
struct BodyKey {
    scope: Scope,
    blob: BlobId,
}

/// Checks everything: the directory, each account, and the references to bodies.
pub fn check(read: &dyn Read) -> Result<Vec<Finding>> {
    let mut global = Check { read, account: AccountId::GLOBAL, findings: Vec::new() };
    let accounts = global.directory()?;
    let mut references = References::default();
    let mut findings = global.findings;
    let mut wanted = Wanted::default();
    for account in accounts.present.iter().copied() {
        let mut check = Check { read, account, findings: Vec::new() };
        check.account_rows(&accounts, &mut references, &mut wanted)?;
        findings.append(&mut check.findings);
    }
    let mut shared = Check { read, account: AccountId::GLOBAL, findings: Vec::new() };
    shared.shared(&accounts, &wanted)?;
    findings.append(&mut shared.findings);
    for account in accounts.removed {
        let mut check = Check { read, account, findings: Vec::new() };
        check.references_left(&mut references)?;
    }
    let mut bodies = Check { read, account: AccountId::GLOBAL, findings: Vec::new() };
    bodies.bodies(references)?;
    findings.append(&mut bodies.findings);
    Ok(findings)
}

/// Puts right what can be. Answers how many rows were changed; check again afterwards, because one fix may
/// show what another row should have been.
pub fn repair(txn: &mut dyn Txn, findings: &[Finding]) -> Result<usize> {
    let mut repaired = 0;
    for finding in findings {
        let Some(fix) = &finding.fix else { continue };
        let now = txn.get(&finding.key)?.map(|row| row.into_owned().into_boxed_slice());
        if now != fix.found {
            continue;
        }
        match &fix.right {
            Right::Row(row) => txn.put(&finding.key, row)?,
            Right::NoRow => txn.delete(&finding.key)?,
            Right::NoBody { scope, blob } => {
                let one = bodies::with_references(blob, fix.found.as_deref().unwrap_or_default(), 1)?;
                txn.put(&finding.key, &one)?;
                txn.release_body(*scope, blob)?;
            }
        }
        repaired += 1;
    }
    Ok(repaired)
}

impl Check<'_> {
    fn account_rows(
        &mut self,
        accounts: &Accounts,
        references: &mut References,
        wanted: &mut Wanted,
    ) -> Result<()> {
        let Some(state) = self.names_and_counters()? else { return Ok(()) };
        self.memberships(&state)?;
        self.emails(&state, references)?;
        self.uploads(&state, references)?;
        self.objects()?;
        self.dmap(&state, references)?;
        self.sent()?;
        self.contacts()?;
        self.pushes()?;
        self.annotations(&state)?;
        self.sharing(&state, accounts, wanted)?;
        self.coi()?;
        self.index()?;
        self.url_keys()?;
        self.logs(&state)
    }
    /// All rows of a table, copied page by page, so that others can be looked up and findings noted
    /// meanwhile.
    fn each(
        &mut self,
        table: u8,
        mut visit: impl FnMut(&mut Self, &[u8], &[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut range = key::all(self.account, table);
        loop {
            let mut page = Vec::with_capacity(PAGE_ROWS);
            self.read.scan(&range.from, &range.end, &mut |key, value| {
                page.push(Row { key: key.into(), value: value.into() });
                if page.len() < PAGE_ROWS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            for row in &page {
                visit(self, &row.key, &row.value)?;
            }
            let Some(last) = page.last().filter(|_| page.len() == PAGE_ROWS) else { return Ok(()) };
            range.from = last.key.to_vec();
            range.from.push(0);
        }
    }
    fn has(&self, key: &[u8]) -> Result<bool> {
        Ok(self.read.get(key)?.is_some())
    }
    /// A row that is there, with nothing to put in its place.
    fn report(&mut self, key: &[u8], problem: &'static str) {
        self.findings.push(Finding { key: key.into(), problem, fix: None });
    }
    fn missing(&mut self, key: &[u8], problem: &'static str, right: Vec<u8>) {
        let fix = Fix { found: None, right: Right::Row(right.into()) };
        self.findings.push(Finding { key: key.into(), problem, fix: Some(fix) });
    }
    /// `found` is the row as it is written today, or as a fix before this one leaves it.
    fn wrong(&mut self, key: &[u8], found: &[u8], problem: &'static str, right: Vec<u8>) {
        let stored = self.read.get(key).ok().flatten().filter(|stored| **stored != *found);
        let is_first = || self.findings.iter().all(|finding| *finding.key != *key || finding.fix.is_none());
        let found = match stored {
            // Written in an older version: the same row in other octets.
            Some(stored) if is_first() => Box::from(&*stored),
            _ => found.into(),
        };
        let fix = Fix { found: Some(found), right: Right::Row(right.into()) };
        self.findings.push(Finding { key: key.into(), problem, fix: Some(fix) });
    }
    fn superfluous(&mut self, key: &[u8], found: &[u8], problem: &'static str) {
        let fix = Fix { found: Some(found.into()), right: Right::NoRow };
        self.findings.push(Finding { key: key.into(), problem, fix: Some(fix) });
    }
}

struct Row {
    key: Box<[u8]>,
    value: Box<[u8]>,
}

/// Rows copied at a time.
const PAGE_ROWS: usize = 4096;

/// Tables an account may have; rows of others are nobody's.
const TABLES: [u8; 36] = [
    table::ACCOUNT,
    table::ANNOTATION,
    table::MAILBOX,
    table::CONTACT,
    table::EMAIL_MEMBERSHIP,
    table::GRACE,
    table::THREAD_KEY,
    table::KEYWORD,
    table::LOG,
    table::EMAIL,
    table::MAILBOX_NAME,
    table::NAME,
    table::PUSH,
    table::PUSH_TASK,
    table::URL_KEY,
    table::SENT,
    table::COI,
    table::SUBSCRIPTION,
    table::THREAD,
    table::MEMBERSHIP,
    table::VANISHED,
    table::RECENT,
    table::RECLAIM,
    table::PER_USER,
    table::RIGHTS,
    table::INDEX,
    table::GONE,
    table::UPLOAD,
    table::IDENTITY,
    table::SUBMISSION,
    table::VACATION,
    table::PENDING,
    table::ANSWER,
    table::DMAP,
    table::META,
    table::PRIME,
];
