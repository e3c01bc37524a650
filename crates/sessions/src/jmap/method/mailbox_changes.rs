//! Mailbox/changes (RFC 8620 §5.2, RFC 8621 §2.2).

use koi_mailbox::emails::{CHANGES_MAX, Changed, ChangedMailboxes, ChangesRun, State, Told};
use koi_proto::jmap::object::mailbox::MailboxProperty;
use koi_proto::jmap::standard::{ChangesArguments, ChangesResponse};
use koi_proto::jmap::{Arguments, Id, Items, MethodError};
use koi_types::MailboxId;

use crate::jmap::call::{Ran, Started, with_emails};
use crate::jmap::context::Context;

pub(super) fn start(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let ChangesArguments { account_id, since_state, max_changes } = ChangesArguments::read(arguments)?;
    let account = cx.account(&account_id)?;
    let since = State::parse(&since_state).ok_or(MethodError::CannotCalculateChanges)?;
    let max = max_changes.and_then(|max| usize::try_from(max.get()).ok()).unwrap_or(CHANGES_MAX);
    let mut run = ChangesRun::mailboxes(since, max.min(CHANGES_MAX));
    with_emails(account, move |emails, cx| {
        let ChangedMailboxes { changed, counts_only } =
            match run.advance_mailboxes(emails).map_err(|error| cx.failed(&error))? {
                None => return Ok(Ran::Yield),
                Some(Told::Changes(changes)) => changes,
                Some(Told::CannotCalculate) => return Err(MethodError::CannotCalculateChanges),
            };
        let Changed { created, updated, destroyed, new_state, more } = changed;
        // Also what came or went is more than counts.
        let only_counts = counts_only && created.is_empty() && destroyed.is_empty() && !updated.is_empty();
        let counts = only_counts.then(|| MailboxProperty::COUNTS.map(MailboxProperty::text).to_vec());
        cx.respond(&ChangesResponse {
            account_id: account_id.clone(),
            old_state: since_state.clone(),
            new_state: new_state.to_string().into(),
            has_more_changes: more,
            created: ids(created),
            updated: ids(updated),
            destroyed: ids(destroyed),
            updated_properties: Some(counts),
        });
        Ok(Ran::Done)
    })
}

fn ids(mailboxes: Vec<MailboxId>) -> Items {
    mailboxes.into_iter().map(Id::from).collect()
}
