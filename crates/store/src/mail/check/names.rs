//! The account's row, its mailboxes and their names: tables A, C, N, P, W, X, K.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use koi_types::{Keyword, MailboxId, MailboxName, ModSeq, Result, Timestamp, UidValidity};

use super::{Check, TABLES};
use crate::key::{self, table};
use crate::record::account::AccountRecord;
use crate::record::mailbox::{MailboxRecord, NameRecord};
use crate::record::small::{
    ReclaimRecord, decode_keyword, decode_mailbox_id, decode_recent, encode_keyword, encode_mailbox_id,
};

/// What the other checks of an account need.
pub(super) struct State {
    pub(super) account: AccountRecord,
    /// Of readable rows only.
    pub(super) mailboxes: BTreeMap<MailboxId, MailboxRecord>,
    pub(super) deleted: BTreeSet<MailboxId>,
    /// Mailboxes whose row C cannot be read: nothing is said of their messages.
    pub(super) unreadable: BTreeSet<MailboxId>,
}

impl State {
    /// Whether a mailbox id belongs to somebody.
    pub(super) fn knows(&self, mailbox: MailboxId) -> bool {
        self.mailboxes.contains_key(&mailbox)
            || self.deleted.contains(&mailbox)
            || self.unreadable.contains(&mailbox)
    }
}

impl Check<'_> {
    /// Nothing when the account's own row is missing or cannot be read: then no other row can be judged.
    pub(super) fn names_and_counters(&mut self) -> Result<Option<State>> {
        self.unknown_tables()?;
        let key = key::account(self.account);
        let Some(row) = self.read.get(&key)?.map(std::borrow::Cow::into_owned) else {
            self.report(&key, "the account has no row of its own");
            return Ok(None);
        };
        let Some(account) = AccountRecord::decode(&row) else {
            self.report(&key, "the account's row cannot be read");
            return Ok(None);
        };
        let mut state = State {
            account: self.raised_account(account)?,
            mailboxes: BTreeMap::new(),
            deleted: BTreeSet::new(),
            unreadable: BTreeSet::new(),
        };
        self.mailbox_rows(&mut state)?;
        self.reclaim_rows(&mut state)?;
        self.recent_rows(&state)?;
        self.name_rows(&state)?;
        self.keyword_rows(&state)?;
        Ok(Some(state))
    }
    fn unknown_tables(&mut self) -> Result<()> {
        for table in 0..=u8::MAX {
            if TABLES.contains(&table) {
                continue;
            }
            let range = key::all(self.account, table);
            let mut first = None;
            self.read.scan(&range.from, &range.end, &mut |key, _| {
                first = Some(key.to_vec());
                std::ops::ControlFlow::Break(())
            })?;
            if let Some(key) = first {
                self.report(&key, "a row of a table that does not exist");
            }
        }
        Ok(())
    }
    fn mailbox_rows(&mut self, state: &mut State) -> Result<()> {
        let mut bearers: HashMap<UidValidity, MailboxId> = HashMap::new();
        self.each(table::MAILBOX, |check, key, value| {
            let Some(id) = key::mailbox_of(key) else { return Ok(()) };
            let Some(record) = MailboxRecord::decode(value) else {
                state.unreadable.insert(id);
                check.rebuild_mailbox(state, id, Some(value), "a mailbox's row cannot be read");
                return Ok(());
            };
            if bearers.insert(record.uidvalidity, id).is_some() {
                check.report(key, "two mailboxes have the same UIDVALIDITY");
            }
            if record.highest_modseq.value() > state.account.modseq {
                check.report(key, "a mailbox has a MODSEQ above the account's");
            }
            state.mailboxes.insert(id, record);
            Ok(())
        })?;
        Ok(())
    }
    /// A mailbox that lost its row gets one with a new UIDVALIDITY; the next check finds its counters wrong
    /// and sets them. One that lost its name too is put into `lost+found` by the same way.
    pub(super) fn rebuild_mailbox(
        &mut self,
        state: &State,
        id: MailboxId,
        found: Option<&[u8]>,
        problem: &'static str,
    ) {
        let key = key::mailbox(self.account, table::MAILBOX, id);
        if self.findings.iter().any(|finding| *finding.key == key) {
            return;
        }
        let mut account = state.account.clone();
        account.next_mailbox = account.next_mailbox.max(MailboxId(id.0.saturating_add(1)));
        // One is taken per check: what is rebuilt in the same one differs by its id.
        let uidvalidity = account.last_uidvalidity.saturating_add(id.0);
        account.last_uidvalidity = uidvalidity;
        let Some(fresh) = UidValidity::new(uidvalidity) else { return };
        let right = MailboxRecord::new(fresh, account.current()).encode();
        self.wrong(&key::account(self.account), &state.account.encode(), problem, account.encode());
        match found {
            Some(found) => self.wrong(&key, found, problem, right),
            None => self.missing(&key, problem, right),
        }
    }
    fn reclaim_rows(&mut self, state: &mut State) -> Result<()> {
        self.each(table::RECLAIM, |check, key, value| {
            let Some(id) = key::mailbox_of(key) else { return Ok(()) };
            if state.mailboxes.contains_key(&id) {
                check.superfluous(key, value, "a mailbox that exists is marked as deleted");
                return Ok(());
            }
            if ReclaimRecord::decode(value).is_none() {
                let right = ReclaimRecord { deleted_at: Timestamp(0), modseq: ModSeq::MIN };
                check.wrong(key, value, "the mark of a deleted mailbox cannot be read", right.encode());
            }
            state.deleted.insert(id);
            Ok(())
        })?;
        Ok(())
    }
    /// Without a row that can be read, messages are recent once more.
    fn recent_rows(&mut self, state: &State) -> Result<()> {
        self.each(table::RECENT, |check, key, value| {
            let known = key::mailbox_of(key).is_some_and(|id| state.knows(id));
            if !known {
                check.superfluous(key, value, "recent messages of a mailbox that does not exist");
            } else if decode_recent(value).is_none() {
                check.superfluous(key, value, "how far messages were recent cannot be read");
            }
            Ok(())
        })?;
        Ok(())
    }
    /// Each mailbox has a name row (N), and its name leads back to it (P).
    fn name_rows(&mut self, state: &State) -> Result<()> {
        let exists = |id: &MailboxId| state.mailboxes.contains_key(id) || state.unreadable.contains(id);
        let mut by_id: BTreeMap<MailboxId, MailboxName> = BTreeMap::new();
        let mut unreadable: BTreeMap<Box<[u8]>, Box<[u8]>> = BTreeMap::new();
        self.each(table::NAME, |check, key, value| {
            let name = std::str::from_utf8(key.get(5..).unwrap_or_default()).ok();
            let name = name.and_then(|name| MailboxName::new(name).ok());
            match (name, decode_mailbox_id(value)) {
                (Some(name), Some(id)) if exists(&id) => drop(by_id.insert(id, name)),
                (Some(_), Some(id)) if state.deleted.contains(&id) => {
                    check.superfluous(key, value, "a name leads to a mailbox that was deleted");
                }
                (Some(_), Some(id)) => check.rebuild_mailbox(state, id, None, "a named mailbox has no row"),
                _ => drop(unreadable.insert(key.into(), value.into())),
            }
            Ok(())
        })?;
        let mut named = BTreeSet::new();
        self.each(table::MAILBOX_NAME, |check, key, value| {
            let Some(id) = key::mailbox_of(key) else { return Ok(()) };
            if state.deleted.contains(&id) {
                check.superfluous(key, value, "the name row of a mailbox that was deleted");
                return Ok(());
            }
            if !exists(&id) {
                check.rebuild_mailbox(state, id, None, "a named mailbox has no row");
                return Ok(());
            }
            named.insert(id);
            let Some(record) = NameRecord::decode(value) else {
                check.unreadable_name(key, value, by_id.get(&id));
                return Ok(());
            };
            if by_id.get(&id) != Some(&record.name) {
                check.lost_by_name(id, &record.name, &mut unreadable)?;
            }
            Ok(())
        })?;
        for key in unreadable.keys() {
            self.report(key, "a name's row cannot be read");
        }
        for id in state.mailboxes.keys().filter(|id| !named.contains(id)) {
            let key = key::mailbox(self.account, table::MAILBOX_NAME, *id);
            let name = by_id.get(id).cloned().or_else(|| lost_name(*id));
            if let Some(name) = name {
                let right = NameRecord { name, role: None, created_at: Timestamp(0), sort_order: 0 };
                self.missing(&key, "a mailbox has no name row", right.encode());
            }
        }
        Ok(())
    }
    fn lost_by_name(
        &mut self,
        id: MailboxId,
        name: &MailboxName,
        unreadable: &mut BTreeMap<Box<[u8]>, Box<[u8]>>,
    ) -> Result<()> {
        let key = key::name(self.account, table::NAME, name);
        let problem = "a mailbox cannot be found by its name";
        if let Some(value) = unreadable.remove(key.as_slice()) {
            self.wrong(&key, &value, problem, encode_mailbox_id(id));
        } else if self.has(&key)? {
            self.report(&key, "two mailboxes have the same name");
        } else {
            self.missing(&key, problem, encode_mailbox_id(id));
        }
        Ok(())
    }
    fn unreadable_name(&mut self, key: &[u8], value: &[u8], name: Option<&MailboxName>) {
        let problem = "the name row of a mailbox cannot be read";
        let id = key::mailbox_of(key).unwrap_or(MailboxId(0));
        match name.cloned().or_else(|| lost_name(id)) {
            Some(name) => {
                let right = NameRecord { name, role: None, created_at: Timestamp(0), sort_order: 0 };
                self.wrong(key, value, problem, right.encode());
            }
            None => self.report(key, problem),
        }
    }
    fn keyword_rows(&mut self, state: &State) -> Result<()> {
        for number in 0..state.account.keywords {
            let key = key::keyword(self.account, number);
            let row = self.read.get(&key)?.map(std::borrow::Cow::into_owned);
            let Some(substitute) = Keyword::new(&format!("$Lost{number}")) else { continue };
            match row {
                None => self.missing(&key, "a keyword's row is missing", encode_keyword(&substitute)),
                Some(row) if decode_keyword(&row).is_none() => {
                    self.wrong(&key, &row, "a keyword's row cannot be read", encode_keyword(&substitute));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// A name for a mailbox that has lost its own.
fn lost_name(id: MailboxId) -> Option<MailboxName> {
    MailboxName::new(&format!("lost+found/{}", id.0)).ok()
}
