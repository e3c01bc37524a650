//! VacationResponse/get and VacationResponse/set (RFC 8621 §8). There is exactly one, whose id is
//! `singleton`.

use std::collections::BTreeSet;

use koi_mailbox::emails::{DataType, SetOutcome, SettingRefused, State, VacationRecord};
use koi_mailbox::{Account, Pending};
use koi_proto::jmap::object::vacation::{
    SINGLETON, VacationProperty, VacationResponse, VacationResponses, VacationUpdate, singleton,
};
use koi_proto::jmap::standard::{
    Create, GetArguments, Outcome, SetArguments, SetObjects, SetResponse, Update,
};
use koi_proto::jmap::{Arguments, Change, Id, IdRef, MethodError, SetErrorKind, UtcDate};
use koi_types::Timestamp;

use super::identity::refusal;
use crate::jmap::call::{Call, Ran, Started, at_once};
use crate::jmap::context::Context;
use crate::jmap::few::{self, One};

pub(super) fn get(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let GetArguments { account_id, selection } =
        GetArguments::<VacationResponses>::read(arguments, &cx.reading())?;
    let account = cx.personal(&account_id)?;
    at_once(move |cx| {
        let Present { state, record } = present(&account, cx)?;
        let all: Vec<_> =
            Id::parse(SINGLETON).map(|id| One { id, object: shown(record) }).into_iter().collect();
        few::get(cx, &account_id, &state.to_string(), &selection, &all, VacationResponse::write)
    })
}

pub(super) fn set(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let SetArguments { account_id, if_in_state, objects, extra: () } =
        SetArguments::<VacationResponses>::read(arguments, &cx.reading())?;
    let account = cx.personal(&account_id)?;
    let expected =
        if_in_state.map(|text| State::parse(&text).ok_or(MethodError::StateMismatch)).transpose()?;
    let mut outcome = Outcome::default();
    let update = sort_out(objects, &mut outcome);
    Ok(Box::new(VacationSet { account, account_id, expected, update, pending: None, outcome }))
}

/// What is left to be done; the rest is refused.
fn sort_out(objects: SetObjects<VacationResponses>, outcome: &mut Outcome) -> Option<VacationUpdate> {
    for Create { creation_id, .. } in objects.create {
        outcome.not_created.put(&creation_id, singleton());
    }
    let destroyed: BTreeSet<&IdRef> = objects.destroy.iter().collect();
    destroyed.into_iter().for_each(|id| outcome.not_destroyed.put(id, singleton()));
    let mut wanted = None;
    for Update { id, change } in objects.update {
        match change {
            _ if id.to_string() != SINGLETON => outcome.not_updated.put(&id, SetErrorKind::NotFound.into()),
            Ok(update) => wanted = Some(update),
            Err(why) => outcome.not_updated.put(&id, why),
        }
    }
    wanted
}

/// What there is now.
struct Present {
    state: State,
    record: VacationRecord,
}

fn present(account: &Account, cx: &mut Context<'_>) -> Result<Present, MethodError> {
    let read = account.snapshot().and_then(|snapshot| {
        let record = snapshot.vacation()?;
        Ok(Present { state: snapshot.state(DataType::VacationResponse), record })
    });
    read.map_err(|error| cx.failed(&error))
}

struct VacationSet {
    account: Account,
    account_id: Id,
    expected: Option<State>,
    update: Option<VacationUpdate>,
    pending: Option<Pending<SetOutcome<(), SettingRefused>>>,
    outcome: Outcome,
}

impl Call for VacationSet {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        let Some(pending) = self.pending.take() else { return self.begin(cx) };
        let ticket = pending.ticket();
        if ticket.peek().is_none() {
            self.pending = Some(pending);
            return Ok(Ran::Await(ticket));
        }
        match pending.take().map_err(|error| cx.failed(&error))? {
            SetOutcome::StateMismatch if self.expected.is_some() => Err(MethodError::StateMismatch),
            // Somebody else was faster: once more, with what there is now.
            SetOutcome::StateMismatch => Ok(Ran::Yield),
            SetOutcome::Done { old_state, new_state, results } => {
                for result in results {
                    match result.map_err(refusal) {
                        Ok(()) => self.outcome.updated.put(&SINGLETON, None),
                        Err(Ok(why)) => self.outcome.not_updated.put(&SINGLETON, why),
                        Err(Err(error)) => return Err(cx.failed(&error)),
                    }
                }
                self.respond(old_state, new_state, cx);
                Ok(Ran::Done)
            }
        }
    }
}

impl VacationSet {
    /// What is not named stays as it is now, which the write makes sure of.
    fn begin(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        let Present { state, record } = present(&self.account, cx)?;
        if self.expected.is_some_and(|expected| expected != state) {
            return Err(MethodError::StateMismatch);
        }
        let update = self.update.clone();
        let checked = update.map(|update| {
            few::check_claims(&update.claims, |slot| {
                shown(record.clone()).write(VacationProperty::ALL, slot);
            })
            .map(|()| update)
        });
        match checked {
            Some(Ok(update)) => {
                let pending = self.account.set_vacation(Some(state), applied(record, update));
                let ticket = pending.ticket();
                self.pending = Some(pending);
                return Ok(Ran::Await(ticket));
            }
            Some(Err(why)) => self.outcome.not_updated.put(&SINGLETON, why),
            None => {}
        }
        self.respond(Some(state), state, cx);
        Ok(Ran::Done)
    }
    fn respond(&mut self, old: Option<State>, new: State, cx: &mut Context<'_>) {
        cx.respond(&SetResponse {
            account_id: Some(self.account_id.clone()),
            old_state: old.map(|state| state.to_string().into()),
            new_state: Some(new.to_string().into()),
            outcome: std::mem::take(&mut self.outcome),
        });
    }
}

fn applied(old: VacationRecord, update: VacationUpdate) -> VacationRecord {
    let date = |change: Change<Option<UtcDate>>, old: Option<Timestamp>| match change {
        Change::Keep => old,
        Change::Set(date) => date.map(|date| date.0),
    };
    let text = |change: Change<Option<Box<str>>>, old| change.into_option().unwrap_or(old);
    VacationRecord {
        enabled: update.is_enabled.into_option().unwrap_or(old.enabled),
        from: date(update.from_date, old.from),
        to: date(update.to_date, old.to),
        subject: text(update.subject, old.subject),
        text_body: text(update.text_body, old.text_body),
        html_body: text(update.html_body, old.html_body),
    }
}

fn shown(record: VacationRecord) -> VacationResponse {
    VacationResponse {
        is_enabled: record.enabled,
        from_date: record.from.map(UtcDate),
        to_date: record.to.map(UtcDate),
        subject: record.subject,
        text_body: record.text_body,
        html_body: record.html_body,
    }
}
