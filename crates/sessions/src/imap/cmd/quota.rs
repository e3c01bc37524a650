//! GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208 §4.1). All mailboxes of an account share one quota root, which
//! its owner knows as `account`, and others as `user/` and its address.
//!
//! RFC 9208 §6: the root of a mailbox of another is named to who may read it. How much there is in all of the
//! owner's mailboxes is told to who may put something into this one, and so has to know whether it fits.
//!
//! Limits are the administrators' to set: an account that could raise its own would have none (RFC 9208 §8).

// DEVIATION RFC 9208 §6: the right `a` is not enough for SETQUOTA, because every user has it for the own
// mailboxes.

use koi_mailbox::{Account, OwnQuota, Snapshot};
use koi_proto::imap::command::{MailboxArg, QuotaLimit};
use koi_proto::imap::response::{Code, Resource, ResourceUse, quota, quota_root};
use koi_types::{Address, ErrorKind, MailboxName, Result, Rights};

use super::name;
use crate::imap::core::Core;
use crate::imap::job::{Job, Submitted, at_once, write};
use crate::imap::reply::Reply;

/// The own quota root (RFC 9208 §3.2).
const ROOT: &str = "account";
/// The beginning of that of another account.
const ROOT_OF_USER: &str = "user/";

pub(crate) fn of_root(root: Box<[u8]>) -> Box<dyn Job> {
    at_once(move |cx| {
        let Some(account) = account(cx.core, &root)? else { return Ok(no_such_root()) };
        quota(&String::from_utf8_lossy(&root), &resources(&account.snapshot()?), cx.out);
        Ok(Reply::ok("GETQUOTA completed"))
    })
}

pub(crate) fn of_mailbox(mailbox: MailboxArg) -> Box<dyn Job> {
    at_once(move |cx| {
        // RFC 9208 §4.1.2: the mailbox need not exist.
        let name = name(&mailbox)?;
        let root = match cx.core.account_of(&name) {
            Ok(account) if account.is_others() => of_other(&account, &name)?,
            Ok(account) => Some(Root { name: ROOT.into(), resources: resources(&account.snapshot()?) }),
            // Whether there is such a user is not told.
            Err(_) => None,
        };
        let names: Vec<&str> = root.iter().map(|root| &*root.name).collect();
        quota_root(name.as_str(), cx.core.names(), &names, cx.out);
        root.iter().for_each(|root| quota(&root.name, &root.resources, cx.out));
        Ok(Reply::ok("GETQUOTAROOT completed"))
    })
}

struct Root {
    name: Box<str>,
    resources: Vec<ResourceUse>,
}

/// Of a mailbox of another; nothing when this user may not read it.
fn of_other(account: &Account, name: &MailboxName) -> Result<Option<Root>> {
    let snapshot = match account.snapshot() {
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
        snapshot => snapshot?,
    };
    let row = snapshot.mailbox_named(name)?.filter(|row| row.rights.contains(Rights::READ));
    let (Some(row), Some(owner)) = (row, account.owner()?) else { return Ok(None) };
    let resources = match row.rights.contains(Rights::INSERT) {
        true => resources(&snapshot),
        false => Vec::new(),
    };
    Ok(Some(Root { name: format!("{ROOT_OF_USER}{owner}").into(), resources }))
}

/// RFC 9208 §4.1.3
pub(crate) fn set(root: Box<[u8]>, limits: Vec<QuotaLimit>) -> Box<dyn Job> {
    let told = root.clone();
    write(
        move |cx| {
            let Some(account) = account(cx.core, &root)? else { return Ok(Submitted::Done(no_such_root())) };
            if !cx.core.is_administrator() {
                let reply = Reply::no("only an administrator may set limits");
                return Ok(Submitted::Done(reply.code(&Code::NoPerm)));
            }
            match own_quota(&limits) {
                Some(own) => Ok(Submitted::Pending(account.set_quota(own))),
                None => {
                    let reply = Reply::no("only STORAGE, MESSAGE and MAILBOX can be limited");
                    Ok(Submitted::Done(reply.code(&Code::Cannot)))
                }
            }
        },
        move |cx, ()| {
            if let Some(account) = account(cx.core, &told)? {
                quota(&String::from_utf8_lossy(&told), &resources(&account.snapshot()?), cx.out);
            }
            Ok(Reply::ok("SETQUOTA completed"))
        },
    )
}

/// Whose quota root it is; nobody is told of those of others but administrators.
fn account(core: &Core, root: &[u8]) -> Result<Option<Account>> {
    let Ok(root) = std::str::from_utf8(root) else { return Ok(None) };
    if root == ROOT {
        return core.account().cloned().map(Some);
    }
    let address = root.strip_prefix(ROOT_OF_USER).filter(|_| core.is_administrator());
    let Some(address) = address.and_then(Address::parse) else { return Ok(None) };
    let account = core.service.directory().by_address(&address)?;
    account.map(|account| core.service.account(account)).transpose()
}

/// What is not named is not limited (RFC 9208 §4.1.3). `None` when a resource is not known.
fn own_quota(limits: &[QuotaLimit]) -> Option<OwnQuota> {
    let mut own =
        OwnQuota { octets_max: Some(u64::MAX), messages_max: Some(u64::MAX), mailboxes_max: Some(u64::MAX) };
    for QuotaLimit { resource, limit } in limits {
        match Resource::parse(resource)? {
            // RFC 9208 §5.1: in units of 1024 octets.
            Resource::Storage => own.octets_max = Some(limit.saturating_mul(1024)),
            Resource::Message => own.messages_max = Some(*limit),
            Resource::Mailbox => own.mailboxes_max = Some(*limit),
        }
    }
    Some(own)
}

fn no_such_root() -> Reply {
    Reply::no("no such quota root").code(&Code::NonExistent)
}

/// RFC 9208 §4.2.1: only what is limited.
fn resources(snapshot: &Snapshot<'_>) -> Vec<ResourceUse> {
    let (usage, limits) = (snapshot.usage(), snapshot.quota());
    let mut resources = Vec::new();
    let mut limited = |resource, usage, limit, unit: u64| {
        if limit < u64::MAX {
            let (usage, limit) = (u64::div_ceil(usage, unit), u64::div_ceil(limit, unit));
            resources.push(ResourceUse { resource, usage, limit });
        }
    };
    // RFC 9208 §5.1: STORAGE counts in units of 1024 octets.
    limited(Resource::Storage, usage.octets, limits.octets_max, 1024);
    limited(Resource::Message, usage.messages, limits.messages_max, 1);
    limited(Resource::Mailbox, snapshot.mailboxes_count(), limits.mailboxes_max, 1);
    resources
}
