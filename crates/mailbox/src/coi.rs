//! Chat by IMAP (COI): what the server does with chat messages on behalf of an account that asks for it.
//!
//! The rules are functions on an [`AccountTxn`], used by every door into the account, so that none can be
//! gone round: where chat goes that arrives (`place`), is sent (`file_submitted`), is appended (`mark`) or is
//! seen (`settle`), how the settings change ([`set`]), and how the mailboxes of COI change them too
//! (`names`). See docs/COI.md for what is decided where the specification leaves it open. Must not: know a
//! protocol.

use std::sync::Arc;

use koi_store::mail::coi::{Filed, coi_settings};
use koi_store::mail::{AccountTxn, Copied, INBOX, NewEmail};
use koi_store::record::coi::{CoiSettings, MessageFilter};
use koi_store::record::sent::FiledCopy;
use koi_types::{ErrorKind, Keyword, MailError, MailboxId, MailboxName, Result, SystemFlags, UidSet};

use crate::account::Account;
use crate::outcome::Pending;
use crate::placement::{Arriving, Placement};
use crate::service::Options;

pub(crate) mod names;
mod settings;

pub(crate) use settings::{is_set_by_clients, list, set};

/// The mailboxes of COI, the same for all accounts (COI-server §getting-coi-namespace-configuration).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CoiNames {
    pub(crate) root: MailboxName,
    pub(crate) chats: MailboxName,
    pub(crate) contacts: MailboxName,
}

impl CoiNames {
    /// The mailboxes below `root`. The error says what is wrong with it.
    pub fn below(root: &str) -> std::result::Result<Self, &'static str> {
        let child = |name: &str| MailboxName::new(&format!("{root}/{name}"));
        let root = MailboxName::new(root)?;
        let names = Self { chats: child("Chats")?, contacts: child("Contacts")?, root };
        if names.root.is_inbox() {
            return Err("INBOX itself cannot be the root of the mailboxes for chats");
        }
        Ok(names)
    }
    /// Those of the specification's examples.
    #[must_use]
    pub fn usual() -> Option<Self> {
        Self::below("COI").ok()
    }
    #[must_use]
    pub const fn root(&self) -> &MailboxName {
        &self.root
    }
    /// Where chats are filed.
    #[must_use]
    pub const fn chats(&self) -> &MailboxName {
        &self.chats
    }
    #[must_use]
    pub const fn contacts(&self) -> &MailboxName {
        &self.contacts
    }
}

impl Account {
    /// The settings of COI.
    pub fn coi_settings(&self) -> Result<CoiSettings> {
        self.owner_only()?;
        coi_settings(&*self.inner.kv.view()?, self.id)
    }
    /// Changes them, as a client does by annotations. `Unsupported` where COI is not offered.
    pub fn set_coi_settings(&self, settings: CoiSettings) -> Pending<()> {
        if let Err(error) = self.owner_only() {
            return Pending::failed(error);
        }
        let options = Arc::clone(&self.inner.options);
        self.change(move |account| {
            let Some(names) = &options.coi else {
                return Err(MailError::new(ErrorKind::Unsupported, "COI is not offered here"));
            };
            if settings.enabled {
                enable(account, names)?
            } else {
                disable(account)?
            }
            set_filter(account, names, settings.filter)
        })
    }
}

/// The keyword of chat messages (COI-server §configure-message-filtering).
pub(crate) const CHAT: &str = "$Chat";

/// A chat message arrives. Answers where it is already, if it is the account's own and is filed.
pub(crate) fn place(
    account: &mut AccountTxn<'_>,
    names: &CoiNames,
    arriving: &Arriving<'_>,
    placement: &mut Placement,
) -> Result<Option<Filed>> {
    let settings = account.coi_settings()?;
    if !settings.enabled {
        return Ok(None);
    }
    placement.keywords.extend(chat_keyword(account)?);
    let filter = settings.acting();
    if filter == MessageFilter::None {
        return Ok(None);
    }
    // What the account has sent is seen: under either filter it belongs where it is.
    if let Some(message_id) = arriving.message.message_id
        && let Some(filed) = account.filed_chat(message_id)?
        && account.is_own(arriving.author().as_deref())?
    {
        return Ok(Some(filed));
    }
    if filter == MessageFilter::Active
        && let Some(chats) = chats(account, names)?
    {
        placement.mailbox = chats;
    }
    Ok(None)
}

/// A chat message is submitted: files the sender's copy with the chats, once, whatever the filter. Answers
/// whether that is where it is; otherwise it is mail like any other.
pub(crate) fn file_submitted(
    account: &mut AccountTxn<'_>,
    options: &Options,
    new: &NewEmail<'_>,
    message_id: Option<u64>,
) -> Result<bool> {
    let Some(names) = &options.coi else { return Ok(false) };
    if !account.coi_settings()?.enabled {
        return Ok(false);
    }
    if let Some(message_id) = message_id
        && account.filed_chat(message_id)?.is_some()
    {
        // Submitted once more.
        return Ok(true);
    }
    let Some(chats) = chats(account, names)? else { return Ok(false) };
    let keywords: Vec<Keyword> = chat_keyword(account)?.into_iter().collect();
    let filed = account.append(chats, &NewEmail { keywords: &keywords, ..*new })?;
    if let Some(message_id) = message_id {
        account.remember_filed_chat(message_id, FiledCopy { mailbox: chats, uid: filed.uid })?;
    }
    Ok(true)
}

/// Whether a message that a client appends to `mailbox` gets the keyword of chat: only in INBOX, where it
/// would have it if it had been delivered.
pub(crate) fn marks(account: &mut AccountTxn<'_>, options: &Options, mailbox: MailboxId) -> Result<bool> {
    let applies = options.coi.is_some() && mailbox == INBOX && account.coi_settings()?.enabled;
    Ok(applies && chat_keyword(account)?.is_some())
}

/// Where messages went that were seen in INBOX.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) mailbox: MailboxId,
    pub(crate) moved: Copied,
}

/// Messages of `mailbox` have become seen there, or have come into it: with the filter `seen`, those that are
/// seen chat move from INBOX to the chats. One that is `\Deleted` stays for EXPUNGE.
pub(crate) fn settle(
    account: &mut AccountTxn<'_>,
    options: &Options,
    mailbox: MailboxId,
    uids: &UidSet,
) -> Result<Option<Settled>> {
    let Some(names) = &options.coi else { return Ok(None) };
    if mailbox != INBOX || uids.is_empty() || account.coi_settings()?.acting() != MessageFilter::Seen {
        return Ok(None);
    }
    let Some(keyword) = Keyword::new(CHAT) else { return Ok(None) };
    let seen = account.with_flags(INBOX, uids, SystemFlags::SEEN, SystemFlags::DELETED, &keyword)?;
    if seen.is_empty() {
        return Ok(None);
    }
    let Some(chats) = chats(account, names)? else { return Ok(None) };
    Ok(Some(Settled { mailbox: chats, moved: account.move_(INBOX, &seen, chats)? }))
}

/// The mailbox for chats. It is made when it is missing (the administrator has changed the root); nothing
/// when that cannot be, for no message may be lost over it.
fn chats(account: &mut AccountTxn<'_>, names: &CoiNames) -> Result<Option<MailboxId>> {
    match ensure_chats(account, names) {
        Ok(chats) => Ok(Some(chats)),
        Err(error) if matches!(error.kind, ErrorKind::LimitReached | ErrorKind::OverQuota) => Ok(None),
        Err(error) => Err(error),
    }
}

fn ensure_chats(account: &mut AccountTxn<'_>, names: &CoiNames) -> Result<MailboxId> {
    if let Some(chats) = account.mailbox_named(&names.chats)? {
        return Ok(chats);
    }
    let created = account.create(&names.chats, None)?;
    account.subscribe(&names.chats, true)?;
    Ok(created.mailbox)
}

/// Nothing when the account has used up its keywords.
fn chat_keyword(account: &mut AccountTxn<'_>) -> Result<Option<Keyword>> {
    let Some(keyword) = Keyword::new(CHAT) else { return Ok(None) };
    Ok(account.may_use_keyword(&keyword)?.then_some(keyword))
}

/// Changes the filter. While COI is not enabled it is remembered, and nothing is made.
fn set_filter(account: &mut AccountTxn<'_>, names: &CoiNames, filter: Option<MessageFilter>) -> Result<()> {
    let settings = CoiSettings { filter, ..account.coi_settings()? };
    if settings.acting() != MessageFilter::None {
        ensure_chats(account, names)?;
    }
    account.set_coi_settings(&settings)
}

/// COI begins: its mailboxes are made, and chats are subscribed (COI-server §configure-coi-usage).
fn enable(account: &mut AccountTxn<'_>, names: &CoiNames) -> Result<()> {
    let settings = account.coi_settings()?;
    if account.mailbox_named(&names.contacts)?.is_none() {
        account.create(&names.contacts, None)?;
    }
    ensure_chats(account, names)?;
    account.subscribe(&names.chats, true)?;
    account.set_coi_settings(&CoiSettings { enabled: true, ..settings })
}

/// COI ends: mail stays where it is, and the filter is remembered.
fn disable(account: &mut AccountTxn<'_>) -> Result<()> {
    let settings = account.coi_settings()?;
    account.set_coi_settings(&CoiSettings { enabled: false, ..settings })
}
