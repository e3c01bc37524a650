//! CREATE (DMAP-00 §7.3.3), with a use (RFC 6154 §3) and a META block.

use std::sync::Arc;

use koi_mailbox::{Account, Created, Pending};
use koi_proto::dmap::Code;
use koi_proto::dmap::command::{Create, UseAttr};
use koi_types::{Result, Role};

use super::name;
use crate::dmap::job::{Context, Job, Outcome, ran_twice};
use crate::dmap::reply::Reply;

pub(crate) fn start(create: Create) -> Box<dyn Job> {
    Box::new(Creating::Begin(create))
}

enum Creating {
    Begin(Create),
    Made(Pending<Created>),
    Over,
}

impl Job for Creating {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        let ticket = match std::mem::replace(self, Self::Over) {
            Self::Begin(create) => {
                let name = name(&create.mailbox)?;
                let account = cx.core.account()?;
                let role = match role(account, &create.uses)? {
                    Ok(role) => role,
                    Err(why) => return Ok(Outcome::Done(Reply::no(why).code(Code::UseAttr))),
                };
                let pending = match create.meta {
                    None => account.create(&name, role),
                    Some(meta) => account.create_with_meta(&name, role, Arc::from(meta)),
                };
                let ticket = pending.ticket();
                *self = Self::Made(pending);
                ticket
            }
            Self::Made(pending) => {
                let _ = pending.take()?;
                return Ok(Outcome::Done(Reply::ok("CREATE completed")));
            }
            Self::Over => return Err(ran_twice()),
        };
        Ok(Outcome::Await(ticket))
    }
}

/// RFC 6154 §3: a use that cannot be given is NO [USEATTR]. A mailbox here has one use, a use one mailbox.
fn role(account: &Account, uses: &[UseAttr]) -> Result<std::result::Result<Option<Role>, &'static str>> {
    Ok(match uses {
        [] => Ok(None),
        // RFC 6154 §2: these two are views of other mailboxes, which nobody can make by hand.
        [UseAttr::Role(Role::All | Role::Flagged)] => Err("this use is not for mailboxes made by CREATE"),
        [UseAttr::Role(role)] => match account.snapshot()?.with_role(*role).is_some() {
            true => Err("another mailbox has this use"),
            false => Ok(Some(*role)),
        },
        [UseAttr::Other(_)] => Err("this use is not known"),
        _ => Err("a mailbox has one use"),
    })
}
