//! Quota/get, /changes, /query and /queryChanges (RFC 9425 §4).
//!
//! There is one Quota for each resource of the account that has a limit. Its state is what it says, written
//! down: so whatever a client comes from can be compared with now, and nothing has to be kept.

use std::cmp::Ordering;

use koi_mailbox::emails::{Changed, State};
use koi_mailbox::{Account, Snapshot};
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

/// What can be used up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Resource {
    Octets,
    Messages,
    Mailboxes,
}

impl Resource {
    const ALL: [Self; 3] = [Self::Octets, Self::Messages, Self::Mailboxes];

    /// Of the Quota; its name too.
    const fn id(self) -> &'static str {
        match self {
            Self::Octets => "octets",
            Self::Messages => "messages",
            Self::Mailboxes => "mailboxes",
        }
    }
    /// In states.
    const fn letter(self) -> &'static str {
        match self {
            Self::Octets => "o",
            Self::Messages => "m",
            Self::Mailboxes => "b",
        }
    }
}

/// How much of a resource is used, and how much may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Use {
    used: u64,
    limit: u64,
}

/// Of all resources that have a limit; in the order of [`Resource::ALL`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Uses([Option<Use>; 3]);

/// The state of Quotas, for whoever tells of changes; it moves when emails or mailboxes do.
pub(in crate::jmap) fn state(snapshot: &Snapshot<'_>) -> String {
    Uses::of(snapshot).state()
}

fn read(account: &Account, cx: &mut Context<'_>) -> Result<Uses, MethodError> {
    account.snapshot().map(|snapshot| Uses::of(&snapshot)).map_err(|error| cx.failed(&error))
}

impl Uses {
    fn of(snapshot: &Snapshot<'_>) -> Self {
        let (usage, limits) = (snapshot.usage(), snapshot.quota());
        let one = |used: u64, limit: u64| {
            (limit < u64::MAX).then(|| Use { used: used.min(INT_MAX), limit: limit.min(INT_MAX) })
        };
        Self([
            one(usage.octets, limits.octets_max),
            one(usage.messages, limits.messages_max),
            one(snapshot.mailboxes_count(), limits.mailboxes_max),
        ])
    }
    fn each(&self) -> impl Iterator<Item = (Resource, Option<Use>)> {
        Resource::ALL.into_iter().zip(self.0)
    }
    /// `o123.1000-m5.50`; `none` without a limit.
    fn state(&self) -> String {
        let text = |(resource, one): (Resource, Option<Use>)| {
            one.map(|Use { used, limit }| format!("{}{used}.{limit}", resource.letter()))
        };
        let texts: Vec<_> = self.each().filter_map(text).collect();
        if texts.is_empty() { "none".to_owned() } else { texts.join("-") }
    }
    fn parse(state: &str) -> Option<Self> {
        let mut uses = Self::default();
        for text in state.split('-').filter(|_| state != "none") {
            let number = |text: &str| text.parse::<u64>().ok();
            let places = Resource::ALL.into_iter().zip(&mut uses.0);
            for (resource, place) in places {
                if let Some((used, limit)) =
                    text.strip_prefix(resource.letter()).and_then(|numbers| numbers.split_once('.'))
                {
                    *place = Some(Use { used: number(used)?, limit: number(limit)? });
                }
            }
        }
        (uses.state() == state).then_some(uses)
    }
    /// Where a client is that comes from here, and is told of so many changes.
    fn told(&self, now: &Self, max: usize) -> Self {
        let mut told = *self;
        let mut left = max;
        for (place, now) in told.0.iter_mut().zip(now.0) {
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
        for ((resource, now), (_, then)) in self.each().zip(since.each()) {
            let list = match (then, now) {
                _ if types(resource, using).is_empty() => continue,
                (None, Some(_)) => &mut created,
                (Some(_), None) => &mut destroyed,
                (Some(then), Some(now)) if then != now => &mut updated,
                _ => continue,
            };
            list.extend(Id::parse(resource.id()));
        }
        Changed { created, updated, destroyed, new_state: State::default(), more: false }
    }
    /// Whether nothing but uses differs.
    fn has_limits_of(&self, other: &Self) -> bool {
        let limit = |one: Option<Use>| one.map(|one| one.limit);
        self.each().zip(other.each()).all(|((_, a), (_, b))| limit(a) == limit(b))
    }
    fn quotas(&self, using: Capabilities) -> Vec<One<Quota>> {
        let quota = |(resource, one): (Resource, Option<Use>)| {
            let (id, Use { used, limit }) = (Id::parse(resource.id())?, one?);
            let types = types(resource, using);
            // RFC 9425 §4.1.
            let object = (!types.is_empty()).then(|| Quota {
                id: id.clone(),
                resource_type: match resource {
                    Resource::Octets => ResourceType::Octets,
                    Resource::Messages | Resource::Mailboxes => ResourceType::Count,
                },
                used,
                hard_limit: limit,
                scope: Scope::Account,
                name: resource.id().into(),
                types,
                warn_limit: None,
                soft_limit: None,
                description: None,
            })?;
            Some(One { id, object })
        };
        self.each().filter_map(quota).collect()
    }
}

/// Types a Quota is about, among those that the request may use (RFC 9425 §4.1).
fn types(resource: Resource, using: Capabilities) -> Vec<&'static str> {
    let types: &[&'static str] = match resource {
        Resource::Octets | Resource::Messages => &["Email"],
        Resource::Mailboxes => &["Mailbox"],
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

#[cfg(test)]
mod tests {
    use super::*;

    // spec: RFC 8620 §5.1; RFC 9425 §4.3
    #[test]
    fn states_are_what_is_used() {
        let one = |used, limit| Some(Use { used, limit });
        for (uses, text) in [
            (Uses::default(), "none"),
            (Uses([one(1, 2), None, one(3, 4)]), "o1.2-b3.4"),
            (Uses([None, one(0, 0), None]), "m0.0"),
        ] {
            assert_eq!(uses.state(), text);
            assert_eq!(Uses::parse(text), Some(uses));
        }
        for bad in ["", "o1", "o1.2-", "m1.2-o1.2", "o01.2", "x1.2", "o1.2-o1.2", "77"] {
            assert_eq!(Uses::parse(bad), None, "{bad}");
        }
    }
}
