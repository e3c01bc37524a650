//! CREATE (RFC 9051 §6.3.4), with a special use (RFC 6154 §3) and MAILBOXID (RFC 8474 §4.1).

use koi_mailbox::{Account, Created};
use koi_proto::imap::command::{MailboxArg, SpecialUse};
use koi_proto::imap::response::Code;
use koi_types::{Result, Role};

use super::{list, name, no_right};
use crate::imap::job::{Context, Job, Submitted, write};
use crate::imap::reply::Reply;

pub(crate) fn start(mailbox: MailboxArg, uses: Vec<SpecialUse>) -> Box<dyn Job> {
    let made = mailbox.clone();
    write(
        move |cx| {
            let name = name(&mailbox)?;
            let account = super::account_to_change(cx.core, &name)?;
            // Special uses are the owner's alone, and so is which of them are given.
            if account.is_others() && !uses.is_empty() {
                return Err(no_right());
            }
            match role(&account, &uses)? {
                Ok(role) => Ok(Submitted::Pending(account.create(&name, role))),
                Err(why) => Ok(Submitted::Done(Reply::no(why).code(&Code::UseAttr))),
            }
        },
        move |cx, created| finished(cx, &made, created),
    )
}

fn finished(cx: &mut Context<'_>, mailbox: &MailboxArg, created: Created) -> Result<Reply> {
    cx.core.mailbox_changed(&name(mailbox)?);
    // RFC 9051 §6.3.4: a name that was normalised is told.
    if let Some(sent) = mailbox.denormalized() {
        list::tell(cx.core, &name(mailbox)?, Some(sent), cx.out)?;
    }
    Ok(Reply::ok("CREATE completed").code(&Code::MailboxId(created.mailbox)))
}

/// RFC 6154 §3: a use that cannot be given is NO [USEATTR]. A mailbox here has one use, a use one mailbox.
fn role(account: &Account, uses: &[SpecialUse]) -> Result<std::result::Result<Option<Role>, &'static str>> {
    Ok(match uses {
        [] => Ok(None),
        // RFC 6154 §2: these two are views of other mailboxes, which nobody can make by hand.
        [SpecialUse::Role(Role::All | Role::Flagged)] => Err("this use is not for mailboxes made by CREATE"),
        [SpecialUse::Role(role)] => match account.snapshot()?.with_role(*role).is_some() {
            true => Err("another mailbox has this use"),
            false => Ok(Some(*role)),
        },
        [SpecialUse::Unknown(_)] => Err("this use is not known"),
        _ => Err("a mailbox has one use"),
    })
}
