//! CREATE (RFC 9051 §6.3.4), with a special use (RFC 6154 §3).

use koi_proto::imap::command::{MailboxArg, SpecialUse};
use koi_proto::imap::response::Code;
use koi_types::Role;

use super::name;
use crate::imap::job::{Job, Submitted, write};
use crate::imap::reply::Reply;

pub(crate) fn start(mailbox: MailboxArg, uses: Vec<SpecialUse>) -> Box<dyn Job> {
    write(
        move |cx| {
            let name = name(&mailbox)?;
            let role = match role(&uses) {
                Ok(role) => role,
                Err(why) => return Ok(Submitted::Done(Reply::no(why).code(&Code::UseAttr))),
            };
            Ok(Submitted::Pending(cx.core.account()?.create(&name, role)))
        },
        |_, _| Ok(Reply::ok("CREATE completed")),
    )
}

/// RFC 6154 §3: a use that cannot be given is NO [USEATTR]. A mailbox here has one use.
fn role(uses: &[SpecialUse]) -> Result<Option<Role>, &'static str> {
    match uses {
        [] => Ok(None),
        // RFC 6154 §2: these two are views of other mailboxes, which nobody can make by hand.
        [SpecialUse::Role(Role::All | Role::Flagged)] => Err("this use is not for mailboxes made by CREATE"),
        [SpecialUse::Role(role)] => Ok(Some(*role)),
        [SpecialUse::Unknown(_)] => Err("this use is not known"),
        _ => Err("a mailbox has one use"),
    }
}
