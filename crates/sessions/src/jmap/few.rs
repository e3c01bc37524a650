//! What methods about objects that are few have in common: all are read, and what is wanted of them is picked
//! (RFC 8620 §5.1, §5.2, §5.5 and §5.6).

use std::collections::BTreeSet;

use koi_mailbox::Snapshot;
use koi_mailbox::emails::{CHANGES_MAX, Changed, State, Told};
use koi_proto::jmap::standard::query_changes::Added;
use koi_proto::jmap::standard::{
    ChangesArguments, ChangesResponse, Filter, GetResponse, Object, Operator, QueryChangesResponse,
    QueryResponse, Selection, Window,
};
use koi_proto::jmap::{
    Arguments, Claim, Id, IdRef, Items, Json, Members, MethodError, Raw, SetError, SetErrorKind, Slot,
};
use koi_types::{ObjectId, Result as Outcome};

use super::call::{Started, at_once};
use super::context::Context;

/// One of them.
pub(super) struct One<T> {
    pub(super) id: Id,
    pub(super) object: T,
}

/// Answers a /get of `all` there are.
pub(super) fn get<O: Object, T>(
    cx: &mut Context<'_>,
    account_id: &Id,
    state: &str,
    selection: &Selection<O>,
    all: &[One<T>],
    write: impl Fn(&T, &[O::Property], Slot<'_>),
) -> Result<(), MethodError> {
    let mut list = Items::default();
    let mut not_found = Vec::new();
    let mut print = |one: &One<T>| list.push(|slot| write(&one.object, &selection.properties, slot));
    match &selection.ids {
        None if !cx.limits().may_get(all.len()) => return Err(MethodError::RequestTooLarge),
        None => all.iter().for_each(&mut print),
        Some(ids) => {
            not_found.clone_from(&ids.unresolved);
            for id in &ids.known {
                match all.iter().find(|one| one.id == *id) {
                    Some(one) => print(one),
                    None => not_found.push(IdRef::Id(id.clone())),
                }
            }
        }
    }
    cx.respond(&GetResponse {
        account_id: Some(account_id.clone()),
        state: Some(state.into()),
        list,
        not_found,
    });
    Ok(())
}

/// A /changes of objects that have a modseq each.
pub(super) fn changes(
    arguments: Arguments,
    cx: &mut Context<'_>,
    read: impl Fn(&Snapshot<'_>, State, usize) -> Outcome<Told<Changed<ObjectId>>> + Send + 'static,
) -> Started {
    let given = ChangesArguments::read(arguments)?;
    let account = cx.personal(&given.account_id)?;
    let since = State::parse(&given.since_state).ok_or(MethodError::CannotCalculateChanges)?;
    let max = given.max_changes.and_then(|max| usize::try_from(max.get()).ok());
    let max = max.unwrap_or(CHANGES_MAX).min(CHANGES_MAX);
    at_once(move |cx| {
        let told = account.snapshot().and_then(|snapshot| read(&snapshot, since, max));
        let Told::Changes(changed) = told.map_err(|error| cx.failed(&error))? else {
            return Err(MethodError::CannotCalculateChanges);
        };
        let ids = |ids: Vec<ObjectId>| -> Items { ids.into_iter().map(Id::from).collect() };
        cx.respond(&ChangesResponse {
            account_id: given.account_id,
            old_state: given.since_state,
            new_state: changed.new_state.to_string().into(),
            has_more_changes: changed.more,
            created: ids(changed.created),
            updated: ids(changed.updated),
            destroyed: ids(changed.destroyed),
            updated_properties: None,
        });
        Ok(())
    })
}

/// Whether an object matches.
pub(super) fn matches<C>(filter: Option<&Filter<C>>, matches_condition: &dyn Fn(&C) -> bool) -> bool {
    let nested = |filter: &Filter<C>| matches(Some(filter), matches_condition);
    match filter {
        None => true,
        Some(Filter::Condition(condition)) => matches_condition(condition),
        Some(Filter::Operator { operator, conditions }) => match operator {
            Operator::And => conditions.iter().all(nested),
            Operator::Or => conditions.iter().any(nested),
            Operator::Not => !conditions.iter().any(nested),
        },
    }
}

/// What a query found, in order.
pub(super) struct Found {
    pub(super) account_id: Id,
    pub(super) state: Box<str>,
    pub(super) ids: Vec<Id>,
    pub(super) wants_total: bool,
}

impl Found {
    /// Answers a /query.
    pub(super) fn respond(
        self,
        window: &Window,
        limit: Option<u64>,
        cx: &mut Context<'_>,
    ) -> Result<(), MethodError> {
        let total = self.ids.len() as u64;
        let index_of = |id: &Id| self.ids.iter().position(|found| found == id).map(|at| at as u64);
        let position = window.first(total, index_of)?;
        let usize_of = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let (skipped, taken) = (usize_of(position), limit.map_or(usize::MAX, usize_of));
        cx.respond(&QueryResponse {
            account_id: self.account_id,
            query_state: self.state,
            can_calculate_changes: true,
            position,
            ids: Some(self.ids.iter().skip(skipped).take(taken).collect()),
            total: self.wants_total.then_some(total),
            limit: None,
        });
        Ok(())
    }
    /// Answers a /queryChanges: what has changed since is taken out and put in again where it is now.
    pub(super) fn respond_changes(
        self,
        since: Box<str>,
        changed: Changed<Id>,
        asked: &Asked,
        cx: &mut Context<'_>,
    ) -> Result<(), MethodError> {
        let came: BTreeSet<&Id> = changed.created.iter().chain(&changed.updated).collect();
        let added = (0u64..).zip(&self.ids).filter(|(_, id)| came.contains(id));
        // RFC 8620 §5.6: what lies behind need not be told, if nothing can move across.
        let last = asked.up_to.as_ref().and_then(|id| self.ids.iter().position(|found| found == id));
        let added: Vec<Added> = added
            .filter(|(index, _)| last.is_none_or(|last| *index <= last as u64))
            .map(|(index, id)| Added { id: id.clone(), index })
            .collect();
        let removed: Vec<Id> = changed.updated.into_iter().chain(changed.destroyed).collect();
        if asked.max_changes.is_some_and(|max| (removed.len() + added.len()) as u64 > max) {
            return Err(MethodError::TooManyChanges);
        }
        let total = self.wants_total.then_some(self.ids.len() as u64);
        cx.respond(&QueryChangesResponse {
            account_id: self.account_id,
            old_query_state: since,
            new_query_state: self.state,
            total,
            removed,
            added,
        });
        Ok(())
    }
}

/// How much of the changes is wanted.
pub(super) struct Asked {
    pub(super) max_changes: Option<u64>,
    /// Only where everything that is filtered and sorted by never changes.
    pub(super) up_to: Option<Id>,
}

/// Whether what a client says of an object that it cannot change is so (RFC 8620 §5.3); `printed` is the
/// whole object.
pub(super) fn check_claims(claims: &[Claim], printed: impl FnOnce(Slot<'_>)) -> Result<(), SetError> {
    if claims.is_empty() {
        return Ok(());
    }
    let members = match Raw::build(printed).parse() {
        Ok(Json::Object(members)) => members,
        _ => Members::default(),
    };
    Claim::check(claims, &members)
}

/// The object that an id of an update or a destruction stands for.
pub(super) fn object_id(id: &IdRef, cx: &Context<'_>) -> Result<ObjectId, SetError> {
    let known = cx.created.resolve(id).and_then(|id| ObjectId::parse(id.as_str()));
    known.ok_or_else(|| SetErrorKind::NotFound.into())
}
