//! RESETKEY, GENURLAUTH and URLFETCH (RFC 4467 §7, RFC 5524 §3): tickets to single messages and parts.
//!
//! A ticket is good as long as the key of its mailbox stays, for whom it names, and while the user who made
//! it may read the message. Whatever is wrong with one is told in the same way and takes the same time.

// DEVIATION RFC 4467 §7: other sessions are not told of a new key, because they would learn nothing: INTERNAL
// is the only mechanism there is.
//
// DEVIATION RFC 4467 §8: URLMECH is not told by SELECT and EXAMINE, because it would always be the same.

mod fetching;

use koi_mailbox::{Account, MailboxOf, UrlKeyRecord};
use koi_proto::imap::command::{ResetKey, UrlRump};
use koi_proto::imap::response::{Code, gen_url_auth};
use koi_proto::imap::url::{MessageUrl, authorised};
use koi_types::Result;

use super::{existing, no_such_mailbox};
use crate::imap::core::Core;
use crate::imap::job::{Job, Submitted, write};
use crate::imap::link;
use crate::imap::reply::Reply;

pub(crate) use fetching::start as fetch;

/// The one mechanism (RFC 4467 §2.4.1).
const INTERNAL: &str = "INTERNAL";

pub(crate) fn reset_key(command: ResetKey) -> Box<dyn Job> {
    let ResetKey { mailbox, mechanisms } = command;
    let one = mailbox.is_some();
    write(
        move |cx| {
            let account = cx.core.account()?;
            let Some(mailbox) = mailbox else { return Ok(Submitted::Pending(account.remove_url_keys())) };
            if !mechanisms.is_empty() && !mechanisms.iter().any(|name| is_internal(name)) {
                return Ok(Submitted::Done(Reply::no("INTERNAL is the only mechanism").code(&Code::Cannot)));
            }
            let name = existing(&mailbox)?;
            let owner = cx.core.account_of(&name)?;
            let row = owner.snapshot()?.mailbox_named(&name)?.ok_or_else(no_such_mailbox)?;
            let of = MailboxOf { owner: owner.id(), mailbox: row.id };
            Ok(Submitted::Pending(account.reset_url_key(of)))
        },
        move |_, ()| {
            Ok(match one {
                true => Reply::ok("RESETKEY completed").code(&Code::UrlMech),
                false => Reply::ok("all keys are removed"),
            })
        },
    )
}

pub(crate) fn generate(rumps: Vec<UrlRump>) -> Box<dyn Job> {
    let urls: Vec<Box<[u8]>> = rumps.iter().map(|rump| rump.url.clone()).collect();
    write(
        move |cx| {
            let mut mailboxes = Vec::with_capacity(rumps.len());
            for rump in &rumps {
                match target(cx.core, rump)? {
                    Ok(of) => mailboxes.push(of),
                    // RFC 4467 §7
                    Err(why) => return Ok(Submitted::Done(Reply::bad(why))),
                }
            }
            Ok(Submitted::Pending(cx.core.account()?.url_keys(mailboxes)))
        },
        move |cx, keys: Vec<UrlKeyRecord>| {
            let authorised =
                urls.iter().zip(&keys).map(|(url, key)| authorised(&key.0, &String::from_utf8_lossy(url)));
            let authorised: Vec<String> = authorised.collect();
            gen_url_auth(authorised.iter().map(String::as_str), cx.out);
            Ok(Reply::ok("GENURLAUTH completed"))
        },
    )
}

/// The mailbox of a URL that can be authorised, or what is wrong with it (RFC 4467 §7).
fn target(core: &Core, rump: &UrlRump) -> Result<std::result::Result<MailboxOf, &'static str>> {
    if !is_internal(&rump.mechanism) {
        return Ok(Err("INTERNAL is the only mechanism"));
    }
    let url = match MessageUrl::parse(&rump.url) {
        Ok(url) => url,
        Err(bad) => return Ok(Err(bad.0)),
    };
    match &url.auth {
        None => return Ok(Err("URL has no access identifier")),
        Some(auth) if auth.verifier.is_some() => return Ok(Err("URL is authorised already")),
        Some(_) => {}
    }
    let Some(user) = url.authority.as_ref().and_then(|authority| authority.user.as_deref()) else {
        return Ok(Err("URL names no user"));
    };
    // RFC 4467 §7: the table of keys is that of the user.
    if link::user(core, user)? != Some(core.account()?.id()) {
        return Ok(Err("URL is about another user"));
    }
    let owner: Account = match link::owner(core.account()?, &url)? {
        Ok(owner) => owner,
        Err(why) => return Ok(Err(why)),
    };
    let row = owner.snapshot()?.mailbox_named(&url.mailbox)?;
    Ok(row.map(|row| MailboxOf { owner: owner.id(), mailbox: row.id }).ok_or("no such mailbox"))
}

fn is_internal(mechanism: &str) -> bool {
    mechanism.eq_ignore_ascii_case(INTERNAL)
}
