//! GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208 §4.1). All mailboxes of an account share one quota root; its
//! limits are the administrator's to set.

use koi_mailbox::Snapshot;
use koi_proto::imap::command::MailboxArg;
use koi_proto::imap::response::{Code, Resource, ResourceUse, quota, quota_root};

use super::name;
use crate::imap::job::{Job, at_once};
use crate::imap::reply::Reply;

/// The one quota root (RFC 9208 §3.2).
const ROOT: &str = "account";

pub(crate) fn of_root(root: Box<[u8]>) -> Box<dyn Job> {
    at_once(move |cx| {
        if *root != *ROOT.as_bytes() {
            return Ok(no_such_root());
        }
        quota(ROOT, &resources(&cx.core.snapshot()?), cx.out);
        Ok(Reply::ok("GETQUOTA completed"))
    })
}

pub(crate) fn of_mailbox(mailbox: MailboxArg) -> Box<dyn Job> {
    at_once(move |cx| {
        // RFC 9208 §4.1.2: the mailbox need not exist.
        let name = name(&mailbox)?;
        quota_root(name.as_str(), cx.core.names(), &[ROOT], cx.out);
        quota(ROOT, &resources(&cx.core.account_of(&name)?.snapshot()?), cx.out);
        Ok(Reply::ok("GETQUOTAROOT completed"))
    })
}

/// RFC 9208 §4.1.3: known, but QUOTASET is not announced and nobody may.
pub(crate) fn set(root: Box<[u8]>) -> Box<dyn Job> {
    at_once(move |_| {
        Ok(match *root == *ROOT.as_bytes() {
            true => Reply::no("only an administrator may set limits").code(&Code::NoPerm),
            false => no_such_root(),
        })
    })
}

fn no_such_root() -> Reply {
    Reply::no("no such quota root").code(&Code::NonExistent)
}

/// RFC 9208 §4.2.1: only what is limited.
fn resources(snapshot: &Snapshot<'_>) -> Vec<ResourceUse> {
    let (usage, limits) = (snapshot.usage(), snapshot.quota());
    // RFC 9208 §5.1: STORAGE counts in units of 1024 octets.
    let storage = ResourceUse {
        resource: Resource::Storage,
        usage: usage.octets.div_ceil(1024),
        limit: limits.octets_max.div_ceil(1024),
    };
    let message =
        ResourceUse { resource: Resource::Message, usage: usage.messages, limit: limits.messages_max };
    let mut resources = Vec::new();
    resources.extend(Some(storage).filter(|_| limits.octets_max < u64::MAX));
    resources.extend(Some(message).filter(|_| limits.messages_max < u64::MAX));
    resources
}
