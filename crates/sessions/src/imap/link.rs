//! Following URLs of messages on this very server (RFC 5092 §6): which octets they stand for.

use koi_mailbox::{Account, BodyRef, Snapshot};
use koi_proto::imap::command::BodySection;
use koi_proto::imap::url::{MessageUrl, UrlPartial};
use koi_types::{AccountId, Address, ErrorKind, Result};

use super::core::Core;
use super::fetch::{Octets, octets_of};

/// What a URL leads to.
pub(crate) struct Linked {
    pub(crate) body: BodyRef,
    pub(crate) octets: Octets,
}

/// Why a URL leads nowhere; in words for people.
pub(crate) type NoLink = &'static str;

/// The user a URL names, if it names one who has an account here: by an address, or without a domain, which
/// is then that of the session's user.
pub(crate) fn user(core: &Core, name: &str) -> Result<Option<AccountId>> {
    let directory = core.service.directory();
    let address = match Address::parse(name) {
        Some(address) => Some(address),
        None => {
            let own = directory.row(core.account()?.id())?;
            own.and_then(|own| Address::new(name, own.address.domain()))
        }
    };
    address.map_or(Ok(None), |address| directory.by_address(&address))
}

/// A URL that this session may follow because of who is logged in (RFC 4469 §3): relative to the connection,
/// or with the user's own name. Its authority says nothing else that could be checked: a server has many
/// names.
pub(crate) fn own(core: &Core, url: &MessageUrl) -> Result<std::result::Result<Account, NoLink>> {
    if url.auth.is_some() {
        return Ok(Err("URL is for others"));
    }
    if let Some(authority) = &url.authority {
        let Some(name) = &authority.user else { return Ok(Err("URL names no user")) };
        if user(core, name)? != Some(core.account()?.id()) {
            return Ok(Err("URL is about another user"));
        }
    }
    match core.account_of(&url.mailbox) {
        Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::NoPermission) => {
            Ok(Err("no such mailbox"))
        }
        account => account.map(Ok),
    }
}

/// The octets a URL stands for in the mailboxes of `account`.
pub(crate) fn follow(
    snapshot: &Snapshot<'_>,
    url: &MessageUrl,
) -> Result<std::result::Result<Linked, NoLink>> {
    let Some(mailbox) = snapshot.mailbox_named(&url.mailbox)? else { return Ok(Err("no such mailbox")) };
    if url.uid_validity.is_some_and(|wanted| wanted != mailbox.uidvalidity) {
        return Ok(Err("UIDVALIDITY is another by now"));
    }
    let Some(email) = snapshot.message(mailbox.id, url.uid, |row| row.email)? else {
        return Ok(Err("no such message"));
    };
    let Some(email) = snapshot.email(email)? else { return Ok(Err("no such message")) };
    let partial = url.partial.map(UrlPartial::partial);
    let section = BodySection { peek: true, section: url.section.clone(), partial };
    Ok(match octets_of(section, &email, snapshot)? {
        Octets::None => Err("no such part"),
        octets => Ok(Linked { body: email.body, octets }),
    })
}
