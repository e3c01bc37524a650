//! Email/changes and Thread/changes (RFC 8621 §4.3, RFC 8621 §3.2).

use std::hash::Hash;

use koi_mailbox::emails::{CHANGES_MAX, ChangesRun, State, Told};
use koi_proto::jmap::standard::{ChangesArguments, ChangesResponse};
use koi_proto::jmap::{Arguments, Id, Items, MethodError, ToJson};

use crate::jmap::call::{Ran, Started, with_emails};
use crate::jmap::context::Context;

pub(super) fn email(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    start(arguments, cx, ChangesRun::emails)
}

pub(super) fn thread(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    start(arguments, cx, ChangesRun::threads)
}

fn start<T: Copy + Eq + Hash + Into<Id> + Send + 'static>(
    arguments: Arguments,
    cx: &mut Context<'_>,
    begin: fn(State, usize) -> ChangesRun<T>,
) -> Started {
    let given = ChangesArguments::read(arguments)?;
    let account = cx.account(&given.account_id)?;
    // RFC 8620 §5.2: a state that was never given out.
    let since = State::parse(&given.since_state).ok_or(MethodError::CannotCalculateChanges)?;
    let max = given.max_changes.and_then(|max| usize::try_from(max.get()).ok());
    let max = max.unwrap_or(CHANGES_MAX).min(CHANGES_MAX);
    let mut run = begin(since, max);
    with_emails(account, move |emails, cx| {
        let changed = match run.advance(emails).map_err(|error| cx.failed(&error))? {
            None => return Ok(Ran::Yield),
            Some(Told::Changes(changed)) => changed,
            Some(Told::CannotCalculate) => return Err(MethodError::CannotCalculateChanges),
        };
        cx.respond(&ChangesResponse {
            account_id: given.account_id.clone(),
            old_state: given.since_state.clone(),
            new_state: changed.new_state.to_string().into(),
            has_more_changes: changed.more,
            created: ids(&changed.created),
            updated: ids(&changed.updated),
            destroyed: ids(&changed.destroyed),
            updated_properties: None,
        });
        Ok(Ran::Done)
    })
}

fn ids<T: Copy + Into<Id>>(ids: &[T]) -> Items {
    let mut items = Items::default();
    ids.iter().for_each(|id| items.push(|slot| Into::<Id>::into(*id).write(slot)));
    items
}
