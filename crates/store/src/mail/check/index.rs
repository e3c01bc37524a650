//! The search index: its head against its rows. What the rows say of texts is for whoever can read mail:
//! [`index_to_be_built`] is what to do about it. An index that is wrong is taken away and built anew.

use koi_types::{AccountId, ErrorKind, Result};

use super::{Check, Finding, Fix, Right};
use crate::key::{self, index, table};
use crate::kv::Read;
use crate::mail;
use crate::record::index::{IndexHead, TermRow, decode_docs, decode_purged};

impl Check<'_> {
    pub(super) fn index(&mut self) -> Result<()> {
        let key = index::head(self.account);
        let found = self.read.get(&key)?.map(std::borrow::Cow::into_owned);
        let head = found.as_deref().map(IndexHead::decode);
        if let (Some(found), Some(None)) = (&found, &head) {
            self.superfluous(&key, found, "the head of the search index cannot be read");
        }
        if let (Some(found), Some(Some(head))) = (&found, &head)
            && let Some(problem) = self.index_problem(head)?
        {
            self.superfluous(&key, found, problem);
        }
        // Rows that no head names are being written, or wait to be taken away.
        self.each(table::INDEX, |check, key, value| {
            let known = index::is_known(key);
            if !known {
                check.superfluous(key, value, "a row of the search index that nobody makes");
            } else if key == index::purged(check.account) && decode_purged(value).is_none() {
                check.superfluous(key, value, "the count of purged emails cannot be read");
            }
            Ok(())
        })
    }
    fn index_problem(&self, head: &IndexHead) -> Result<Option<&'static str>> {
        let account = mail::index::account_record(self.read, self.account);
        let current = match account {
            Err(error) if error.kind == ErrorKind::Corrupt => return Ok(None),
            account => account?.map_or(0, |record| record.modseq),
        };
        if head.modseq.value() > current.max(1) {
            return Ok(Some("the search index is ahead of its account"));
        }
        for segment in &head.segments {
            let mut docs = 0;
            for number in 0..segment.doc_rows() {
                let row = self.read.get(&index::docs(self.account, segment.number, number))?;
                docs += row.and_then(|row| decode_docs(&row).map(<[_]>::len)).unwrap_or(0);
            }
            let mut terms = 0;
            for number in 0..segment.rows {
                let row = self.read.get(&index::terms(self.account, segment.number, number))?;
                terms += row.and_then(|row| TermRow::decode(&row).map(|row| row.terms())).unwrap_or(0);
            }
            if docs != segment.docs as usize || terms != segment.terms {
                return Ok(Some("the search index has other rows than its head says"));
            }
        }
        Ok(None)
    }
}

/// The finding that an account's index is not what its mail says, and must be built anew.
pub fn index_to_be_built(
    read: &(impl Read + ?Sized),
    account: AccountId,
    problem: &'static str,
) -> Result<Option<Finding>> {
    let key = index::head(account);
    debug_assert!(key.starts_with(&key::prefix(account, table::INDEX)));
    let Some(found) = read.get(&key)? else { return Ok(None) };
    let fix = Fix { found: Some(found.as_ref().into()), right: Right::NoRow };
    Ok(Some(Finding { key: key.as_slice().into(), problem, fix: Some(fix) }))
}
