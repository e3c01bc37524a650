//! The tables that are kept: one for each account and who looks at it, loaded in pieces and brought up to
//! date from the change log whenever somebody asks, at a cost that grows with what changed.

use std::collections::HashMap;
use std::sync::Arc;

use koi_types::{AccountId, Result};
use parking_lot::Mutex;

use super::Emails;
use super::load::{Followed, Loaded, Loading};
use super::table::Table;
use crate::account::Account;
use crate::snapshot::Snapshot;

/// Memory of all tables together; those that were not asked for the longest go first, but never the last.
const OCTETS_MAX: usize = 256 << 20;

/// Whose emails, and for whom.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Whose {
    account: AccountId,
    /// Nothing for the owner.
    user: Option<AccountId>,
}

impl Whose {
    #[cfg(test)]
    pub(super) const fn of_owner(account: AccountId) -> Self {
        Self { account, user: None }
    }
    pub(super) fn of(snapshot: &Snapshot<'_>) -> Self {
        let user = snapshot.guest.as_ref().map(|guest| guest.user.id);
        Self { account: snapshot.account, user }
    }
}

#[derive(Default)]
pub(crate) struct EmailTables(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    tables: HashMap<Whose, Entry>,
    uses: u64,
    octets: usize,
}

struct Entry {
    state: Arc<Mutex<State>>,
    last: u64,
    octets: usize,
}

/// One table.
#[derive(Default)]
enum State {
    #[default]
    Nothing,
    Loading(Box<Loading>),
    Ready(Arc<Table>),
}

impl EmailTables {
    fn of(&self, whose: Whose) -> Arc<Mutex<State>> {
        let mut kept = self.0.lock();
        kept.uses += 1;
        let last = kept.uses;
        let fresh = || Entry { state: Arc::default(), last, octets: 0 };
        let entry = kept.tables.entry(whose).or_insert_with(fresh);
        entry.last = last;
        Arc::clone(&entry.state)
    }
    /// A table was loaded, or has grown: others may have to go.
    fn weigh(&self, whose: Whose, octets: usize) {
        let mut kept = self.0.lock();
        let Some(entry) = kept.tables.get_mut(&whose) else { return };
        let before = std::mem::replace(&mut entry.octets, octets);
        kept.octets = kept.octets.saturating_sub(before).saturating_add(octets);
        while kept.octets > OCTETS_MAX {
            let others = kept.tables.iter().filter(|(other, _)| **other != whose);
            let oldest = others.min_by_key(|(_, entry)| entry.last).map(|(whose, _)| *whose);
            let Some(gone) = oldest.and_then(|oldest| kept.tables.remove(&oldest)) else { return };
            kept.octets = kept.octets.saturating_sub(gone.octets);
        }
    }
}

impl Account {
    /// The emails of the account as of now, for one step. Nothing while they are read for the first time, or
    /// much has changed: a piece was read, so call again in the next step.
    pub fn emails(&self) -> Result<Option<Emails<'_>>> {
        let whose = Whose { account: self.id, user: self.guest.as_ref().map(|guest| guest.user.id) };
        let state = self.inner.emails.of(whose);
        let mut state = state.lock();
        // Opened under the lock: nobody has brought the table further than this.
        let snapshot = self.snapshot()?;
        if matches!(*state, State::Nothing) {
            *state = State::Loading(Box::new(Loading::begin(&snapshot)?));
        }
        if let State::Loading(loading) = &mut *state {
            *state = match loading.advance(&snapshot)? {
                Loaded::More => return Ok(None),
                Loaded::Lost => State::Nothing,
                Loaded::Table(table) => {
                    self.inner.emails.weigh(whose, table.octets());
                    State::Ready(table)
                }
            };
        }
        let State::Ready(table) = &mut *state else { return Ok(None) };
        if table.modseq != snapshot.record.modseq {
            let followed = super::load::follow(&snapshot, Arc::make_mut(table))?;
            self.inner.emails.weigh(whose, table.octets());
            match followed {
                Followed::ToTheEnd => {}
                Followed::Further => return Ok(None),
                Followed::Lost => {
                    *state = State::Nothing;
                    return Ok(None);
                }
            }
        }
        Ok(Some(Emails { table: Arc::clone(table), snapshot }))
    }
    /// The same, staying until all is read. For tools and tests, never for a session.
    pub fn emails_now(&self) -> Result<Emails<'_>> {
        loop {
            if let Some(emails) = self.emails()? {
                return Ok(emails);
            }
        }
    }
}
