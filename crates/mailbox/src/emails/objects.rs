//! What identities, submissions and the answer of an absent owner have in common: they are few, their owner's
//! alone, and change in one transaction for each request (RFC 8620 §5.2 and §5.3).

use std::sync::Arc;

use koi_store::kv::{Txn, transact};
use koi_store::mail::AccountTxn;
use koi_store::mail::object::{self, ObjectKind};
use koi_store::record::account::TypeStates;
use koi_types::{ErrorKind, MailError, ObjectId, Result, limits};

use super::changes::{Changed, Told};
use super::state::{DataType, State};
use super::write::SetOutcome;
use crate::account::Account;
use crate::outcome::Pending;
use crate::snapshot::Snapshot;

/// Why an identity or an answer was not changed.
#[derive(Clone, Debug)]
pub enum SettingRefused {
    /// There is no such object.
    NotFound,
    /// Mail may not be sent under this address.
    ForbiddenFrom,
    /// It cannot be destroyed.
    Forbidden,
    /// This property is too long.
    TooLong(&'static str),
    TooMany,
    Failed(MailError),
}

impl From<MailError> for SettingRefused {
    fn from(error: MailError) -> Self {
        match error.kind {
            ErrorKind::LimitReached => Self::TooMany,
            _ => Self::Failed(error),
        }
    }
}

/// Refuses a text that is too long.
pub(super) fn bounded(property: &'static str, text: &str) -> std::result::Result<(), SettingRefused> {
    match text.len() <= limits::SETTING_TEXT_OCTETS_MAX {
        true => Ok(()),
        false => Err(SettingRefused::TooLong(property)),
    }
}

type Run<C, D> =
    dyn Fn(&mut AccountTxn<'_>, &C) -> std::result::Result<D, SettingRefused> + Send + Sync + 'static;

impl Account {
    /// Changes objects in one transaction. What `run` refuses, it refuses before it writes.
    pub(super) fn set_objects<C: Send + 'static, D: Send + 'static>(
        &self,
        state_of: fn(&TypeStates) -> u64,
        if_in_state: Option<State>,
        changes: Vec<C>,
        run: Arc<Run<C, D>>,
    ) -> Pending<SetOutcome<D, SettingRefused>> {
        if let Err(error) = self.owner_only() {
            return Pending::failed(error);
        }
        let (id, quota, now) = (self.id, self.inner.options.quota, self.inner.env.now());
        let pending = transact(&*self.inner.kv, move |txn: &mut dyn Txn| {
            let mut account = AccountTxn::open(txn, id, quota, now)?;
            let old_state = State::at(state_of(&account.states()));
            if if_in_state.is_some_and(|expected| expected != old_state) {
                return Ok(SetOutcome::StateMismatch);
            }
            let mut results = Vec::with_capacity(changes.len());
            for change in &changes {
                results.push(match run(&mut account, change) {
                    Err(SettingRefused::Failed(error)) => return Err(error),
                    result => result,
                });
            }
            let new_state = State::at(state_of(&account.finish_telling()?.states));
            Ok(SetOutcome::Done { old_state: Some(old_state), new_state, results })
        });
        self.inner.changed(id);
        Pending::of(pending)
    }
}

impl Snapshot<'_> {
    /// Objects of a kind that changed after `since`, at most `max`.
    pub(super) fn object_changes(
        &self,
        kind: ObjectKind,
        since: State,
        max: usize,
    ) -> Result<Told<Changed<ObjectId>>> {
        let now = self.state(match kind {
            ObjectKind::Identity => DataType::Identity,
            ObjectKind::Submission => DataType::EmailSubmission,
        });
        let mut changed = Changed::none(now);
        if since == now {
            return Ok(Told::Changes(changed));
        }
        let mut all = object::objects(&*self.view, self.account, kind)?;
        if since.modseq > now.modseq || since.modseq < all.floor {
            return Ok(Told::CannotCalculate);
        }
        all.objects.retain(|object| object.record.changed > since.modseq);
        all.objects.sort_unstable_by_key(|object| (object.record.changed, object.id));
        if let Some(next) = all.objects.get(max) {
            // Only whole commits are told, so that the state in between is a modseq.
            let next = next.record.changed;
            all.objects.retain(|object| object.record.changed < next);
            let Some(last) = all.objects.last() else { return Ok(Told::CannotCalculate) };
            (changed.new_state, changed.more) = (State::at(last.record.changed), true);
        }
        for object in all.objects {
            let is_new = object.record.created > since.modseq;
            match (object.record.value.is_some(), is_new) {
                (true, true) => changed.created.push(object.id),
                (true, false) => changed.updated.push(object.id),
                (false, false) => changed.destroyed.push(object.id),
                (false, true) => {}
            }
        }
        Ok(Told::Changes(changed))
    }
}
