//! Thread/get (RFC 8621 §3.1).

use std::collections::BTreeSet;

use koi_mailbox::emails::{DataType, Emails};
use koi_proto::jmap::object::thread::{Thread, Threads};
use koi_proto::jmap::standard::{GetArguments, GetResponse};
use koi_proto::jmap::{Arguments, IdRef, Items, MethodError};
use koi_types::ThreadId;

use crate::jmap::call::{Ran, Started, with_emails};
use crate::jmap::context::{Context, Wanted};

pub(super) fn start(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let GetArguments { account_id, selection } = GetArguments::<Threads>::read(arguments, &cx.reading())?;
    let account = cx.account(&account_id)?;
    let wanted = selection.ids.map(|ids| Wanted::of(ids, ThreadId::parse));
    with_emails(account, move |emails, cx| {
        let mut list = Items::default();
        let Wanted { known, mut not_found } = match &wanted {
            Some(wanted) => wanted.clone(),
            None => Wanted { known: all(emails, cx)?, not_found: Vec::new() },
        };
        for id in known {
            let email_ids: Vec<_> = emails.thread(id).into_iter().map(Into::into).collect();
            match email_ids.is_empty() {
                true => not_found.push(IdRef::Id(id.into())),
                false => {
                    let thread = Thread { id: id.into(), email_ids };
                    list.push(|slot| thread.write(&selection.properties, slot));
                }
            }
        }
        cx.respond(&GetResponse {
            account_id: Some(account_id.clone()),
            state: Some(emails.state(DataType::Thread).to_string().into()),
            list,
            not_found,
        });
        Ok(Ran::Done)
    })
}

/// Every thread, when there are no more than may be told at once.
fn all(emails: &Emails<'_>, cx: &Context<'_>) -> Result<Vec<ThreadId>, MethodError> {
    let mut threads = BTreeSet::new();
    for id in emails.ids() {
        threads.extend(emails.email(id).map(|email| email.thread));
        if !cx.limits().may_get(threads.len()) {
            return Err(MethodError::RequestTooLarge);
        }
    }
    Ok(threads.into_iter().collect())
}
