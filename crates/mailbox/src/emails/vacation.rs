//! The answer while an account's owner is away (RFC 8621 §8): what is stored of it. Whom it goes to is
//! decided where mail is delivered.

use std::sync::Arc;

use koi_store::mail::object;
use koi_types::Result;

pub use koi_store::record::vacation::VacationRecord;

use super::objects::{SettingRefused, bounded};
use super::state::State;
use super::write::SetOutcome;
use crate::account::Account;
use crate::outcome::Pending;
use crate::snapshot::Snapshot;

impl Snapshot<'_> {
    /// The answer; of a guest nothing is told.
    pub fn vacation(&self) -> Result<VacationRecord> {
        if self.guest.is_some() {
            return Ok(VacationRecord::default());
        }
        let stored = object::vacation(&*self.view, self.account)?;
        Ok(stored.as_deref().and_then(VacationRecord::decode).unwrap_or_default())
    }
}

impl Account {
    /// Sets the answer, if it is in the state `if_in_state` where that is given.
    pub fn set_vacation(
        &self,
        if_in_state: Option<State>,
        vacation: VacationRecord,
    ) -> Pending<SetOutcome<(), SettingRefused>> {
        self.set_objects(
            |states| states.vacation,
            if_in_state,
            vec![vacation],
            Arc::new(|account, vacation: &VacationRecord| {
                bounded("subject", vacation.subject.as_deref().unwrap_or_default())?;
                bounded("textBody", vacation.text_body.as_deref().unwrap_or_default())?;
                bounded("htmlBody", vacation.html_body.as_deref().unwrap_or_default())?;
                Ok(account.put_vacation(vacation.encode().into())?)
            }),
        )
    }
}
