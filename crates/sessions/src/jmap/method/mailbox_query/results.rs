//! Which mailboxes a query finds, and in which order (RFC 8621 §2.3).

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use koi_mailbox::emails::{DataType, Emails, MailboxRole, State};
use koi_message::Collation;
use koi_proto::jmap::MethodError;
use koi_proto::jmap::object::mailbox::{MailboxCondition, MailboxQueryExtra, MailboxSortKey};
use koi_proto::jmap::standard::{Comparator, Filter, Operator};
use koi_types::MailboxId;
use memchr::memmem;

use crate::jmap::context::Context;
use crate::jmap::method::mailbox_get::role_named;

/// Conditions looked at in one step.
const CONDITIONS_OF_A_STEP: usize = 20_000;

/// What is asked.
pub(super) struct Query {
    filter: Option<Test>,
    conditions: usize,
    order: Vec<By>,
    extra: MailboxQueryExtra,
}

/// A filter as it is tested.
enum Test {
    Operator {
        operator: Operator,
        tests: Vec<Test>,
    },
    /// All of these.
    Condition(Vec<Is>),
}

enum Is {
    Parent(Option<MailboxId>),
    /// It is called so: an id or role that there cannot be.
    Nothing,
    /// In title case.
    Named(Vec<u8>),
    Role(Option<MailboxRole>),
    AnyRole(bool),
    Subscribed(bool),
}

#[derive(Clone, Copy)]
struct By {
    key: MailboxSortKey,
    collation: Collation,
    is_ascending: bool,
}

/// A query of mailboxes as they were at one moment.
pub(super) struct Running {
    pub(super) state: State,
    pub(super) mailboxes: Vec<Entry>,
    matching: BTreeSet<MailboxId>,
    at: usize,
}

/// What a query looks at.
pub(super) struct Entry {
    pub(super) id: MailboxId,
    pub(super) parent: Option<MailboxId>,
    name: Box<str>,
    /// The name in title case.
    folded: Vec<u8>,
    role: Option<MailboxRole>,
    sort_order: u32,
    is_subscribed: bool,
}

impl Query {
    pub(super) fn of(
        filter: Option<Filter<MailboxCondition>>,
        sort: &[Comparator<MailboxSortKey>],
        extra: MailboxQueryExtra,
    ) -> Result<Self, MethodError> {
        let filter = filter.map(Test::of);
        let mut order = sort.iter().map(By::of).collect::<Result<Vec<_>, _>>()?;
        if order.is_empty() {
            // RFC 8621 §2: the order in which clients show them.
            order.extend([MailboxSortKey::SortOrder, MailboxSortKey::Name].map(By::ascending));
        }
        let conditions = filter.as_ref().map_or(1, Test::conditions);
        Ok(Self { filter, conditions, order, extra })
    }

    /// All mailboxes as they are now.
    pub(super) fn begin(&self, emails: &Emails<'_>, cx: &mut Context<'_>) -> Result<Running, MethodError> {
        let views = emails.mailboxes().map_err(|error| cx.failed(&error))?;
        let entry = |view: koi_mailbox::emails::MailboxView| Entry {
            id: view.id,
            parent: view.parent,
            folded: Collation::UnicodeCasemap.key(&view.name),
            name: view.name,
            role: view.role,
            sort_order: view.sort_order,
            is_subscribed: view.subscribed,
        };
        let mailboxes = views.into_iter().map(entry).collect();
        Ok(Running { state: emails.state(DataType::Mailbox), mailboxes, matching: BTreeSet::new(), at: 0 })
    }

    /// Tests the next ones; answers whether all are tested.
    pub(super) fn advance(&self, running: &mut Running) -> bool {
        let mut left = CONDITIONS_OF_A_STEP;
        while let Some(entry) = running.mailboxes.get(running.at) {
            if left == 0 {
                return false;
            }
            left = left.saturating_sub(self.conditions);
            if self.filter.as_ref().is_none_or(|filter| filter.is_true_of(entry)) {
                running.matching.insert(entry.id);
            }
            running.at += 1;
        }
        true
    }

    /// Those that match, in order.
    pub(super) fn results(&self, running: &Running) -> Vec<MailboxId> {
        let mut entries: Vec<&Entry> = running.mailboxes.iter().collect();
        entries.sort_by(|a, b| self.compare(a, b));
        let ids = match self.extra.sort_as_tree {
            true => as_tree(&entries),
            false => entries.iter().map(|entry| entry.id).collect(),
        };
        let parents: BTreeMap<MailboxId, MailboxId> =
            entries.iter().filter_map(|entry| Some((entry.id, entry.parent?))).collect();
        let is_found = |id: &MailboxId| {
            let mut above = std::iter::successors(Some(*id), |id| parents.get(id).copied());
            match self.extra.filter_as_tree {
                true => above.all(|id| running.matching.contains(&id)),
                false => running.matching.contains(id),
            }
        };
        ids.into_iter().filter(is_found).collect()
    }

    /// What nothing else tells apart, the id does: the order is always the same.
    fn compare(&self, a: &Entry, b: &Entry) -> Ordering {
        let by = |by: &By| {
            let ordering = match (by.key, by.collation) {
                (MailboxSortKey::SortOrder, _) => a.sort_order.cmp(&b.sort_order),
                (MailboxSortKey::Name, Collation::UnicodeCasemap) => a.folded.cmp(&b.folded),
                (MailboxSortKey::Name, collation) => collation.key(&a.name).cmp(&collation.key(&b.name)),
            };
            if by.is_ascending { ordering } else { ordering.reverse() }
        };
        let first = self.order.iter().map(by).find(|ordering| ordering.is_ne());
        first.unwrap_or_else(|| a.id.cmp(&b.id))
    }
}

/// RFC 8621 §2.3 sortAsTree: each behind its parent, siblings in the order they are in.
fn as_tree(entries: &[&Entry]) -> Vec<MailboxId> {
    let mut children: BTreeMap<Option<MailboxId>, Vec<MailboxId>> = BTreeMap::new();
    for entry in entries.iter().rev() {
        children.entry(entry.parent).or_default().push(entry.id);
    }
    // The last is taken first.
    let mut next = children.remove(&None).unwrap_or_default();
    let mut tree = Vec::with_capacity(entries.len());
    while let Some(id) = next.pop() {
        tree.push(id);
        next.extend(children.remove(&Some(id)).into_iter().flatten());
    }
    tree
}

impl By {
    const fn ascending(key: MailboxSortKey) -> Self {
        Self { key, collation: Collation::UnicodeCasemap, is_ascending: true }
    }
    fn of(given: &Comparator<MailboxSortKey>) -> Result<Self, MethodError> {
        let known = |name: &str| Collation::ALL.into_iter().find(|known| known.name() == name);
        let collation = match given.collation.as_deref() {
            None => Collation::default(),
            Some(name) => known(name).ok_or_else(|| MethodError::UnsupportedSort {
                description: format!("there is no collation {name}").into(),
            })?,
        };
        Ok(Self { key: given.key, collation, is_ascending: given.is_ascending })
    }
}

impl Test {
    fn of(filter: Filter<MailboxCondition>) -> Self {
        match filter {
            Filter::Operator { operator, conditions } => {
                Self::Operator { operator, tests: conditions.into_iter().map(Self::of).collect() }
            }
            Filter::Condition(condition) => Self::Condition(Is::all_of(condition)),
        }
    }
    fn conditions(&self) -> usize {
        match self {
            Self::Operator { tests, .. } => 1 + tests.iter().map(Self::conditions).sum::<usize>(),
            Self::Condition(all) => 1 + all.len(),
        }
    }
    fn is_true_of(&self, mailbox: &Entry) -> bool {
        match self {
            Self::Condition(all) => all.iter().all(|is| is.true_of(mailbox)),
            Self::Operator { operator, tests } => {
                let mut tests = tests.iter().map(|test| test.is_true_of(mailbox));
                match operator {
                    Operator::And => tests.all(|is| is),
                    Operator::Or => tests.any(|is| is),
                    Operator::Not => !tests.any(|is| is),
                }
            }
        }
    }
}

impl Is {
    fn all_of(given: MailboxCondition) -> Vec<Self> {
        let parent = given.parent_id.map(|parent| match parent {
            None => Self::Parent(None),
            Some(id) => MailboxId::parse(id.as_str()).map_or(Self::Nothing, |id| Self::Parent(Some(id))),
        });
        let role = given.role.map(|role| match role {
            None => Self::Role(None),
            Some(name) => role_named(&name).map_or(Self::Nothing, |role| Self::Role(Some(role))),
        });
        let name = given.name.map(|name| Self::Named(Collation::UnicodeCasemap.key(&name)));
        let any_role = given.has_any_role.map(Self::AnyRole);
        let subscribed = given.is_subscribed.map(Self::Subscribed);
        [parent, role, name, any_role, subscribed].into_iter().flatten().collect()
    }
    fn true_of(&self, mailbox: &Entry) -> bool {
        match self {
            Self::Parent(parent) => mailbox.parent == *parent,
            Self::Nothing => false,
            Self::Named(part) => memmem::find(&mailbox.folded, part).is_some(),
            Self::Role(role) => mailbox.role == *role,
            Self::AnyRole(any) => mailbox.role.is_some() == *any,
            Self::Subscribed(subscribed) => mailbox.is_subscribed == *subscribed,
        }
    }
}
