//! Mailbox/query (RFC 8620 §5.5, RFC 8621 §2.3) and Mailbox/queryChanges (RFC 8620 §5.6, RFC 8621 §2.4).
//!
//! All mailboxes are looked at, in slices; they are few beside the emails in them.

mod results;

use std::collections::{BTreeMap, BTreeSet};

use koi_mailbox::Account;
use koi_mailbox::emails::{ChangedMailboxes, ChangesRun, DataType, Emails, State, Told};
use koi_proto::jmap::object::mailbox::{MailboxCondition, Mailboxes};
use koi_proto::jmap::standard::query_changes::Added;
use koi_proto::jmap::standard::{
    Filter, QueryArguments, QueryChangesArguments, QueryChangesResponse, QueryResponse, Window,
};
use koi_proto::jmap::{Arguments, Id, MethodError};
use koi_types::MailboxId;

use crate::jmap::call::{Call, Ran, Started};
use crate::jmap::context::Context;
use results::{Query, Running};

pub(super) fn start(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let given = QueryArguments::<Mailboxes>::read(arguments, &cx.reading())?;
    let account = cx.account(&given.account_id)?;
    let can_calculate_changes = can_calculate(&account, given.filter.as_ref());
    let query = Query::of(given.filter, &given.sort, given.extra)?;
    Ok(Box::new(MailboxQuery {
        account,
        account_id: given.account_id,
        query,
        window: given.window,
        limit: given.limit,
        wants_total: given.calculate_total,
        can_calculate_changes,
        running: None,
    }))
}

pub(super) fn start_changes(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let given = QueryChangesArguments::<Mailboxes>::read(arguments, &cx.reading())?;
    let account = cx.account(&given.account_id)?;
    let since = State::parse(&given.since_query_state);
    let since = since.filter(|_| can_calculate(&account, given.filter.as_ref()));
    let since = since.ok_or(MethodError::CannotCalculateChanges)?;
    // upToId changes nothing: every property that is filtered or sorted by is mutable (RFC 8620 §5.6).
    Ok(Box::new(MailboxQueryChanges {
        account,
        account_id: given.account_id,
        query: Query::of(given.filter, &given.sort, given.extra)?,
        changes: ChangesRun::mailboxes(since, usize::MAX),
        since_text: given.since_query_state,
        max_changes: given.max_changes,
        wants_total: given.calculate_total,
        running: None,
    }))
}

/// What a guest is subscribed to is the guest's own, and no state of this account.
fn can_calculate(account: &Account, filter: Option<&Filter<MailboxCondition>>) -> bool {
    fn names_subscription(filter: &Filter<MailboxCondition>) -> bool {
        match filter {
            Filter::Operator { conditions, .. } => conditions.iter().any(names_subscription),
            Filter::Condition(condition) => condition.is_subscribed.is_some(),
        }
    }
    !account.is_others() || !filter.is_some_and(names_subscription)
}

struct MailboxQuery {
    account: Account,
    account_id: Id,
    query: Query,
    window: Window,
    limit: Option<u64>,
    wants_total: bool,
    can_calculate_changes: bool,
    running: Option<Box<Running>>,
}

impl Call for MailboxQuery {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        let running = match &mut self.running {
            Some(running) => running,
            none => match emails(&self.account, cx)? {
                Some(emails) => none.insert(Box::new(self.query.begin(&emails, cx)?)),
                None => return Ok(Ran::Yield),
            },
        };
        if !self.query.advance(running) {
            return Ok(Ran::Yield);
        }
        let ids = self.query.results(running);
        let total = ids.len() as u64;
        let index_of = |id: &Id| {
            let wanted = MailboxId::parse(id.as_str())?;
            ids.iter().position(|id| *id == wanted).map(|at| at as u64)
        };
        let position = self.window.first(total, index_of)?;
        let skipped = usize::try_from(position).unwrap_or(usize::MAX);
        let limit = self.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        cx.respond(&QueryResponse {
            account_id: self.account_id.clone(),
            query_state: running.state.to_string().into(),
            can_calculate_changes: self.can_calculate_changes,
            position,
            ids: Some(ids.into_iter().skip(skipped).take(limit).map(Id::from).collect()),
            total: self.wants_total.then_some(total),
            limit: None,
        });
        Ok(Ran::Done)
    }
}

fn emails<'a>(account: &'a Account, cx: &mut Context<'_>) -> Result<Option<Emails<'a>>, MethodError> {
    account.emails().map_err(|error| cx.failed(&error))
}

struct MailboxQueryChanges {
    account: Account,
    account_id: Id,
    query: Query,
    changes: ChangesRun<MailboxId>,
    since_text: Box<str>,
    max_changes: Option<u64>,
    wants_total: bool,
    running: Option<Box<Changing>>,
}

/// The results now, and what may have changed of them.
struct Changing {
    running: Running,
    /// They were there already.
    updated: Vec<MailboxId>,
    destroyed: Vec<MailboxId>,
    created: Vec<MailboxId>,
}

impl Call for MailboxQueryChanges {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        let changing = match &mut self.running {
            Some(changing) => changing,
            none => match emails(&self.account, cx)? {
                Some(emails) => {
                    let told = self.changes.advance_mailboxes(&emails).map_err(|error| cx.failed(&error))?;
                    let Some(told) = told else { return Ok(Ran::Yield) };
                    none.insert(Box::new(begin(&self.query, told, &emails, cx)?))
                }
                None => return Ok(Ran::Yield),
            },
        };
        if !self.query.advance(&mut changing.running) {
            return Ok(Ran::Yield);
        }
        let ids = self.query.results(&changing.running);
        let touched = changing.touched();
        let moved = touched.iter().filter(|id| !changing.created.contains(id));
        let removed: Vec<MailboxId> = changing.destroyed.iter().chain(moved).copied().collect();
        let is_added = |(_, id): &(u64, &MailboxId)| touched.contains(id);
        let added = (0u64..).zip(&ids).filter(is_added);
        let added: Vec<Added> = added.map(|(index, id)| Added { id: (*id).into(), index }).collect();
        if self.max_changes.is_some_and(|max| (removed.len() + added.len()) as u64 > max) {
            return Err(MethodError::TooManyChanges);
        }
        cx.respond(&QueryChangesResponse {
            account_id: self.account_id.clone(),
            old_query_state: self.since_text.clone(),
            new_query_state: changing.running.state.to_string().into(),
            total: self.wants_total.then_some(ids.len() as u64),
            removed: removed.into_iter().map(Id::from).collect(),
            added,
        });
        Ok(Ran::Done)
    }
}

fn begin(
    query: &Query,
    told: Told<ChangedMailboxes>,
    emails: &Emails<'_>,
    cx: &mut Context<'_>,
) -> Result<Changing, MethodError> {
    let Told::Changes(ChangedMailboxes { changed, counts_only }) = told else {
        return Err(MethodError::CannotCalculateChanges);
    };
    let running = query.begin(emails, cx)?;
    debug_assert_eq!(running.state, emails.state(DataType::Mailbox), "of one moment");
    // Nothing is filtered or sorted by counts.
    let updated = if counts_only { Vec::new() } else { changed.updated };
    Ok(Changing { running, updated, destroyed: changed.destroyed, created: changed.created })
}

impl Changing {
    /// What has changed or come, and all that lies below it: in a tree that moves along.
    fn touched(&self) -> BTreeSet<MailboxId> {
        let mut children: BTreeMap<MailboxId, Vec<MailboxId>> = BTreeMap::new();
        for mailbox in &self.running.mailboxes {
            if let Some(parent) = mailbox.parent {
                children.entry(parent).or_default().push(mailbox.id);
            }
        }
        let mut touched = BTreeSet::new();
        let mut next: Vec<MailboxId> = self.updated.iter().chain(&self.created).copied().collect();
        while let Some(id) = next.pop() {
            if touched.insert(id) {
                next.extend(children.get(&id).into_iter().flatten());
            }
        }
        touched
    }
}
