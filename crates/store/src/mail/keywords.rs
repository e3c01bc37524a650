//! Keywords of an account: each has a number, given when it is first set and never taken back.

use std::ops::ControlFlow;

use koi_types::{ErrorKind, Keyword, MailError, Result, limits};

use super::account::AccountTxn;
use crate::key;
use crate::record::membership::Membership;
use crate::record::small::{decode_keyword, encode_keyword};

impl AccountTxn<'_> {
    /// The number of a keyword, made now if need be.
    pub(super) fn keyword_number(&mut self, keyword: &Keyword) -> Result<u16> {
        if let Some(number) = self.known_keyword(keyword)? {
            return Ok(number);
        }
        let number = self.record.keywords;
        if usize::from(number) >= limits::KEYWORDS_PER_ACCOUNT_MAX {
            return Err(MailError::new(ErrorKind::LimitReached, "the account has too many keywords"));
        }
        self.txn.put(&key::keyword(self.id, number), &encode_keyword(keyword))?;
        self.record.keywords = number + 1;
        self.names_changed = true;
        if let Some(keywords) = &mut self.keywords {
            keywords.push(Some(keyword.clone()));
        }
        Ok(number)
    }
    /// The keywords of a message; a number whose row cannot be read is left out.
    pub(super) fn keywords_of(&mut self, row: &Membership<'_>) -> Result<Vec<Keyword>> {
        if self.keywords.is_none() {
            self.keywords = Some(self.read_keywords()?);
        }
        let known = self.keywords.as_deref().unwrap_or_default();
        let keyword = |number: u16| known.get(usize::from(number)).cloned().flatten();
        Ok(row.keywords.iter().filter_map(keyword).collect())
    }
    /// The number of a keyword that was set before.
    pub(super) fn known_keyword(&mut self, keyword: &Keyword) -> Result<Option<u16>> {
        if self.keywords.is_none() {
            self.keywords = Some(self.read_keywords()?);
        }
        let keywords = self.keywords.as_deref().unwrap_or_default();
        let at = keywords.iter().position(|known| known.as_ref() == Some(keyword));
        Ok(at.and_then(|at| u16::try_from(at).ok()))
    }
    /// By number; a corrupt row leaves its place empty, so that its number is not used again.
    fn read_keywords(&self) -> Result<Vec<Option<Keyword>>> {
        let mut keywords: Vec<Option<Keyword>> = vec![None; usize::from(self.record.keywords)];
        let range = key::all(self.id, key::table::KEYWORD);
        self.txn.scan(&range.from, &range.end, &mut |key, row| {
            let number = key::part(key, 5).map_or(usize::MAX, |n| usize::from(u16::from_be_bytes(n)));
            if let Some(slot) = keywords.get_mut(number) {
                *slot = decode_keyword(row);
            }
            ControlFlow::Continue(())
        })?;
        Ok(keywords)
    }
}
