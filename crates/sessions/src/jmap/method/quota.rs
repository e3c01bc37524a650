//! Quota/get, /changes, /query and /queryChanges (RFC 9425 §4).
//!
//! There is one Quota for each resource of the account that has a limit; the state is [`QuotaState`].

use std::cmp::Ordering;

use koi_mailbox::emails::{Changed, State};
use koi_mailbox::{Account, QuotaResource, QuotaState, QuotaUse};
use koi_proto::jmap::json::INT_MAX;
use koi_proto::jmap::object::quota::{
    Quota, QuotaCondition, QuotaProperty, QuotaSortKey, Quotas, ResourceType, Scope,
};
use koi_proto::jmap::standard::{
    ChangesArguments, ChangesResponse, Comparator, Filter, GetArguments, QueryArguments,
    QueryChangesArguments,
};
use koi_proto::jmap::{Arguments, Capabilities, Capability, Id, Items, MethodError};

use super::submission::refuse_collations;
use crate::jmap::call::{Started, at_once};
use crate::jmap::context::Context;
use crate::jmap::few::{self, Asked, Found, One};

pub(super) fn get(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let GetArguments { account_id, selection } = GetArguments::<Quotas>::read(arguments, &cx.reading())?;
    let account = cx.personal(&account_id)?;
    at_once(move |cx| {
        let now = read(&account, cx)?;
        let all: Vec<_> = now.quotas(cx.using);
        few::get(cx, &account_id, &now.state(), &selection, &all, Quota::write)
    })
}

pub(super) fn changes(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let given = ChangesArguments::read(arguments)?;
    let account = cx.personal(&given.account_id)?;
    let since = Uses::parse(&given.since_state).ok_or(MethodError::CannotCalculateChanges)?;
    at_once(move |cx| {
        let now = read(&account, cx)?;
        let max = given.max_changes.and_then(|max| usize::try_from(max.get()).ok()).unwrap_or(usize::MAX);
        let told = since.told(&now, max);
        let shown = told.changed(&since, cx.using);
        let items = |ids: Vec<Id>| ids.into_iter().collect::<Items>();
        // RFC 9425 §4.3.
        let only_used = !shown.updated.is_empty() && since.has_limits_of(&told);
        cx.respond(&ChangesResponse {
            account_id: given.account_id,
            old_state: given.since_state,
            new_state: told.state().into(),
            has_more_changes: told != now,
            created: items(shown.created),
            updated: items(shown.updated),
            destroyed: items(shown.destroyed),
            updated_properties: Some(only_used.then(|| vec![QuotaProperty::Used.text()])),
        });
        Ok(())
    })
}

pub(super) fn query(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let given = QueryArguments::<Quotas>::read(arguments, &cx.reading())?;
    let account = cx.personal(&given.account_id)?;
    refuse_collations(&given.sort)?;
    at_once(move |cx| {
        let now = read(&account, cx)?;
        let found = Found {
            account_id: given.account_id,
            state: now.state().into(),
            ids: results(now.quotas(cx.using), given.filter.as_ref(), &given.sort),
            wants_total: given.calculate_total,
        };
        found.respond(&given.window, given.limit, cx)
    })
}

pub(super) fn query_changes(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let given = QueryChangesArguments::<Quotas>::read(arguments, &cx.reading())?;
    let account = cx.personal(&given.account_id)?;
    refuse_collations(&given.sort)?;
    let since = Uses::parse(&given.since_query_state).ok_or(MethodError::CannotCalculateChanges)?;
    at_once(move |cx| {
        let now = read(&account, cx)?;
        let found = Found {
            account_id: given.account_id,
            state: now.state().into(),
            ids: results(now.quotas(cx.using), given.filter.as_ref(), &given.sort),
            wants_total: given.calculate_total,
        };
        let changed = now.changed(&since, cx.using);
        // What is used changes, and it can be sorted by.
        let asked = Asked { max_changes: given.max_changes, up_to: None };
        found.respond_changes(given.since_query_state, changed, &asked, cx)
    })
}

/// Of the Quota; its name too.
const fn id_of(resource: QuotaResource) -> &'static str {
    match resource {
        QuotaResource::Octets => "octets",
        QuotaResource::Messages => "messages",
        QuotaResource::Mailboxes => "mailboxes",
    }
}

fn read(account: &Account, cx: &mut Context<'_>) -> Result<Uses, MethodError> {
    account.snapshot().map(|snapshot| Uses(snapshot.quota_state())).map_err(|error| cx.failed(&error))
}

/// The state of Quotas, as this module tells of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Uses(QuotaState);

impl Uses {
    fn parse(state: &str) -> Option<Self> {
        QuotaState::parse(state).map(Self)
    }
    fn state(&self) -> String {
        self.0.text()
    }
    /// Where a client is that comes from here, and is told of so many changes.
    fn told(&self, now: &Self, max: usize) -> Self {
        let mut told = *self;
        let mut left = max;
        for (place, now) in told.0.0.iter_mut().zip(now.0.0) {
            if *place != now && left > 0 {
                *place = now;
                left -= 1;
            }
        }
        told
    }
    /// What has changed since.
    fn changed(&self, since: &Self, using: Capabilities) -> Changed<Id> {
        let (mut created, mut updated, mut destroyed) = (Vec::new(), Vec::new(), Vec::new());
        for ((resource, now), (_, then)) in self.0.each().zip(since.0.each()) {
            let list = match (then, now) {
                _ if types(resource, using).is_empty() => continue,
                (None, Some(_)) => &mut created,
                (Some(_), None) => &mut destroyed,
                (Some(then), Some(now)) if then != now => &mut updated,
                _ => continue,
            };
            list.extend(Id::parse(id_of(resource)));
        }
        Changed { created, updated, destroyed, new_state: State::default(), more: false }
    }
    /// Whether nothing but uses differs.
    fn has_limits_of(&self, other: &Self) -> bool {
        let limit = |one: Option<QuotaUse>| one.map(|one| one.limit);
        self.0.each().zip(other.0.each()).all(|((_, a), (_, b))| limit(a) == limit(b))
    }
    fn quotas(&self, using: Capabilities) -> Vec<One<Quota>> {
        let quota = |(resource, one): (QuotaResource, Option<QuotaUse>)| {
            let (id, QuotaUse { used, limit }) = (Id::parse(id_of(resource))?, one?);
            let types = types(resource, using);
            // RFC 9425 §4.1.
            let object = (!types.is_empty()).then(|| Quota {
                id: id.clone(),
                resource_type: match resource {
                    QuotaResource::Octets => ResourceType::Octets,
                    QuotaResource::Messages | QuotaResource::Mailboxes => ResourceType::Count,
                },
                used: used.min(INT_MAX),
                hard_limit: limit.min(INT_MAX),
                scope: Scope::Account,
                name: id_of(resource).into(),
                types,
                warn_limit: None,
                soft_limit: None,
                description: None,
            })?;
            Some(One { id, object })
        };
        self.0.each().filter_map(quota).collect()
    }
}

/// Types a Quota is about, among those that the request may use (RFC 9425 §4.1).
fn types(resource: QuotaResource, using: Capabilities) -> Vec<&'static str> {
    let types: &[&'static str] = match resource {
        QuotaResource::Octets | QuotaResource::Messages => &["Email"],
        QuotaResource::Mailboxes => &["Mailbox"],
    };
    if using.contains(Capability::Mail) { types.to_vec() } else { Vec::new() }
}

fn results(
    mut quotas: Vec<One<Quota>>,
    filter: Option<&Filter<QuotaCondition>>,
    sort: &[Comparator<QuotaSortKey>],
) -> Vec<Id> {
    quotas.retain(|one| few::matches(filter, &|condition| is_match(&one.object, condition)));
    quotas.sort_by(|a, b| {
        let by_keys = sort.iter().map(|comparator| {
            let order = match comparator.key {
                QuotaSortKey::Name => a.object.name.cmp(&b.object.name),
                QuotaSortKey::Used => a.object.used.cmp(&b.object.used),
            };
            if comparator.is_ascending { order } else { order.reverse() }
        });
        by_keys.fold(Ordering::Equal, Ordering::then)
    });
    quotas.into_iter().map(|one| one.id).collect()
}

/// RFC 9425 §4.4.
fn is_match(quota: &Quota, condition: &QuotaCondition) -> bool {
    condition.name.as_ref().is_none_or(|name| quota.name.contains(&**name))
        && condition.scope.is_none_or(|scope| quota.scope == scope)
        && condition.resource_type.is_none_or(|kind| quota.resource_type == kind)
        && condition.data_type.as_ref().is_none_or(|wanted| quota.types.contains(&&**wanted))
}
