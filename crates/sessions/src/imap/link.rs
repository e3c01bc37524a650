//! Following URLs of messages on this very server (RFC 5092 §6): which octets they stand for, and who may
//! read them.

use koi_mailbox::{Account, MailboxOf, Snapshot};
use koi_proto::imap::command::BodySection;
use koi_proto::imap::url::{Access, MessageUrl, UrlPartial};
use koi_types::{AccountId, Address, ErrorKind, Result, Rights};

use super::core::Core;
use super::fetch::Linked;

/// Why a URL leads nowhere; in words for people.
pub(crate) type NoLink = &'static str;

/// The user a URL names, if it names one who has an account here: by an address, or without a domain, which
/// is then that of the session's user.
pub(crate) fn user(core: &Core, name: &str) -> Result<Option<AccountId>> {
    let address = match Address::parse(name) {
        Some(address) => Some(address),
        None => core.login.as_ref().and_then(|login| Address::new(name, login.address.domain())),
    };
    address.map_or(Ok(None), |address| core.service.directory().by_address(&address))
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
    owner(core.account()?, url)
}

/// Whose mailbox it is that a user calls so.
pub(crate) fn owner(user: &Account, url: &MessageUrl) -> Result<std::result::Result<Account, NoLink>> {
    match user.whose(&url.mailbox) {
        Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::NoPermission) => {
            Ok(Err("no such mailbox"))
        }
        account => account.map(Ok),
    }
}

/// What a URL stands for in the mailboxes of an account; there may be no such part. A mailbox that may not be
/// read is as good as none.
pub(crate) fn follow(
    snapshot: &Snapshot<'_>,
    url: &MessageUrl,
) -> Result<std::result::Result<Linked, NoLink>> {
    let mailbox = snapshot.mailbox_named(&url.mailbox)?.filter(|row| row.rights.contains(Rights::READ));
    let Some(mailbox) = mailbox else { return Ok(Err("no such mailbox")) };
    if url.uid_validity.is_some_and(|wanted| wanted != mailbox.uidvalidity) {
        return Ok(Err("UIDVALIDITY is another by now"));
    }
    let Some(email) = snapshot.message(mailbox.id, url.uid, |row| row.email)? else {
        return Ok(Err("no such message"));
    };
    let Some(email) = snapshot.email(email)? else { return Ok(Err("no such message")) };
    let partial = url.partial.map(UrlPartial::partial);
    let section = BodySection { peek: true, section: url.section.clone(), partial };
    Linked::new(section, &email, snapshot).map(Ok)
}

/// What somebody else has made a ticket for.
pub(crate) struct Authorised {
    pub(crate) account: Account,
    pub(crate) linked: Linked,
}

/// Where no key is found a token is computed all the same, so that nobody learns which mailboxes there are
/// (RFC 4467 §6).
const NO_KEY: [u8; 32] = [0; 32];

/// RFC 4467 §6: it was made here, is still good, and for who is logged in. It shows what the user who made it
/// may read now (RFC 4467 §7).
pub(crate) fn authorised(core: &Core, url: &MessageUrl) -> Result<Option<Authorised>> {
    let Some(auth) = &url.auth else { return Ok(None) };
    let name = url.authority.as_ref().and_then(|authority| authority.user.as_deref());
    let maker = match name {
        Some(name) => user(core, name)?,
        None => None,
    };
    let mut key = None;
    let mut account = None;
    if let Some(maker) = maker {
        let maker = core.service.account(maker)?;
        if let Ok(owner) = owner(&maker, url)? {
            let mailbox = owner.snapshot()?.mailbox_named(&url.mailbox)?;
            if let Some(mailbox) = mailbox {
                key = maker.snapshot()?.url_key(MailboxOf { owner: owner.id(), mailbox: mailbox.id })?;
            }
            account = Some(owner);
        }
    }
    let made_here = auth.is_made_with(key.as_ref().map_or(&NO_KEY, |key| &key.0)) && key.is_some();
    let in_time = auth.expire.is_none_or(|expire| core.now <= expire);
    if !made_here || !in_time || !is_for(core, &auth.access)? {
        return Ok(None);
    }
    let Some(account) = account else { return Ok(None) };
    let linked = follow(&account.snapshot()?, url)?;
    Ok(linked.ok().map(|linked| Authorised { account, linked }))
}

/// RFC 4467 §3. Nobody is anonymous here.
fn is_for(core: &Core, access: &Access) -> Result<bool> {
    Ok(match access {
        Access::User(name) => user(core, name)? == Some(core.account()?.id()),
        Access::Submit(_) => core.is_submitter(),
        Access::AuthUser | Access::Anonymous => true,
    })
}
