//! Mailbox/get (RFC 8621 §2.1), and how a Mailbox is shown.

use koi_mailbox::INBOX;
use koi_mailbox::emails::{DataType, MailboxRole, MailboxView};
use koi_proto::jmap::object::mailbox::{Mailbox, MailboxRights, Mailboxes};
use koi_proto::jmap::standard::{GetArguments, GetResponse};
use koi_proto::jmap::{Arguments, IdRef, Items};
use koi_types::{MailboxId, Rights, Role};

use crate::jmap::call::{Ran, Started, with_emails};
use crate::jmap::context::{Context, Wanted};

pub(super) fn start(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let GetArguments { account_id, selection } = GetArguments::<Mailboxes>::read(arguments, &cx.reading())?;
    let account = cx.account(&account_id)?;
    let wanted = selection.ids.map(|ids| Wanted::of(ids, MailboxId::parse));
    with_emails(account, move |emails, cx| {
        let mut list = Items::default();
        let mut show = |view| list.push(|slot| shown(view).write(&selection.properties, slot));
        let mut not_found = Vec::new();
        match &wanted {
            // However many there are: clients know no other way to begin with.
            None => emails.mailboxes().map_err(|error| cx.failed(&error))?.into_iter().for_each(show),
            Some(wanted) => {
                not_found.clone_from(&wanted.not_found);
                for id in &wanted.known {
                    match emails.mailbox(*id).map_err(|error| cx.failed(&error))? {
                        Some(view) => show(view),
                        None => not_found.push(IdRef::Id((*id).into())),
                    }
                }
            }
        }
        cx.respond(&GetResponse {
            account_id: Some(account_id.clone()),
            state: Some(emails.state(DataType::Mailbox).to_string().into()),
            list,
            not_found,
        });
        Ok(Ran::Done)
    })
}

/// A mailbox in JMAP's words.
pub(super) fn shown(view: MailboxView) -> Mailbox {
    // RFC 8621 §2.5: INBOX is always there and is always called so, whoever asks.
    let rights = if view.id == INBOX { view.rights.without(Rights::DELETE) } else { view.rights };
    Mailbox {
        id: view.id.into(),
        name: view.name,
        parent_id: view.parent.map(Into::into),
        role: view.role.map(role_name),
        sort_order: view.sort_order,
        total_emails: view.counts.total_emails.into(),
        unread_emails: view.counts.unread_emails.into(),
        total_threads: view.counts.total_threads.into(),
        unread_threads: view.counts.unread_threads.into(),
        my_rights: MailboxRights(rights),
        is_subscribed: view.subscribed,
    }
}

/// RFC 8621 §2: the attribute of IMAP in lower case.
pub(super) fn role_name(role: MailboxRole) -> Box<str> {
    match role {
        MailboxRole::Inbox => "inbox".into(),
        MailboxRole::Special(role) => role.attribute().trim_start_matches('\\').to_ascii_lowercase().into(),
    }
}

/// The role of a name; there is no other way to write it than in lower case.
pub(super) fn role_named(name: &str) -> Option<MailboxRole> {
    let all = Role::ALL.into_iter().map(MailboxRole::Special);
    std::iter::once(MailboxRole::Inbox).chain(all).find(|role| *role_name(*role) == *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// spec: RFC 8621 §2
    #[test]
    fn roles_are_attributes_in_lower_case() {
        for (name, role) in [
            ("inbox", MailboxRole::Inbox),
            ("archive", MailboxRole::Special(Role::Archive)),
            ("all", MailboxRole::Special(Role::All)),
            ("important", MailboxRole::Special(Role::Important)),
        ] {
            assert_eq!(&*role_name(role), name);
            assert_eq!(role_named(name), Some(role));
        }
        for bad in ["", "Inbox", "\\archive", "subscribed"] {
            assert_eq!(role_named(bad), None, "{bad}");
        }
    }
}
