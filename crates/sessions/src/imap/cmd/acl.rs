//! SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS (RFC 4314 §3).
//!
//! A mailbox that the user may not look up is answered like one that is not there (RFC 4314 §6). Each command
//! ends before the next begins, so that a change of rights is seen by whatever follows it (RFC 4314 §5.1.1).

use koi_mailbox::{Account, AclChange, MailboxRow};
use koi_proto::imap::command::{MailboxArg, ModRights};
use koi_proto::imap::response::{acl, list_rights, my_rights};
use koi_types::{Result, Rights};

use super::{existing, no_such_mailbox};
use crate::imap::core::Core;
use crate::imap::job::{Job, Submitted, at_once, write};
use crate::imap::reply::Reply;

pub(crate) fn set(mailbox: MailboxArg, identifier: Box<str>, change: ModRights) -> Box<dyn Job> {
    let change = match change {
        ModRights::Replace(rights) => AclChange::Replace(rights),
        ModRights::Add(rights) => AclChange::Add(rights),
        ModRights::Remove(rights) => AclChange::Remove(rights),
    };
    changing(mailbox, identifier, change, "SETACL completed")
}

/// RFC 4314 §3.2: the entry of the identifier goes, which is the same as no rights.
pub(crate) fn delete(mailbox: MailboxArg, identifier: Box<str>) -> Box<dyn Job> {
    changing(mailbox, identifier, AclChange::Remove(Rights::ALL), "DELETEACL completed")
}

fn changing(mailbox: MailboxArg, who: Box<str>, change: AclChange, done: &'static str) -> Box<dyn Job> {
    write(
        move |cx| {
            let Place { account, row } = administered(cx.core, &mailbox)?;
            Ok(Submitted::Pending(account.set_acl(row.id, &who, change)))
        },
        move |_, ()| Ok(Reply::ok(done)),
    )
}

pub(crate) fn get(mailbox: MailboxArg) -> Box<dyn Job> {
    at_once(move |cx| {
        let Place { account, row } = administered(cx.core, &mailbox)?;
        let entries = account.acl(row.id)?;
        let entries = entries.iter().map(|entry| (&*entry.identifier, entry.rights));
        acl(row.name.as_str(), cx.core.names(), entries, cx.out);
        Ok(Reply::ok("GETACL completed"))
    })
}

/// RFC 4314 §3.4: the identifier is told as it was sent.
pub(crate) fn list(mailbox: MailboxArg, identifier: Box<str>) -> Box<dyn Job> {
    at_once(move |cx| {
        let Place { account, row } = administered(cx.core, &mailbox)?;
        let always = account.always_granted(row.id, &identifier)?;
        list_rights(row.name.as_str(), cx.core.names(), &identifier, always, cx.out);
        Ok(Reply::ok("LISTRIGHTS completed"))
    })
}

pub(crate) fn mine(mailbox: MailboxArg) -> Box<dyn Job> {
    at_once(move |cx| {
        let Place { row, .. } = place(cx.core, &mailbox, Rights::NONE)?;
        my_rights(row.name.as_str(), cx.core.names(), row.rights, cx.out);
        Ok(Reply::ok("MYRIGHTS completed"))
    })
}

struct Place {
    account: Account,
    row: MailboxRow,
}

fn administered(core: &Core, mailbox: &MailboxArg) -> Result<Place> {
    place(core, mailbox, Rights::ADMINISTER)
}

fn place(core: &Core, mailbox: &MailboxArg, needed: Rights) -> Result<Place> {
    let name = existing(mailbox)?;
    let account = core.account_of(&name)?;
    let row = account.snapshot()?.mailbox_for(&name, needed)?.ok_or_else(no_such_mailbox)?;
    Ok(Place { account, row })
}
