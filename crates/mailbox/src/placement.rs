//! Where a message that is delivered goes: the one place that says so, for every way in.
//!
//! Runs inside the transaction, before anything of the message is written, so that nobody who looks at INBOX
//! hears of a message that goes elsewhere (COI-server §configure-message-filtering). Everything it decides by
//! is data: the message, the account's settings, the options. Must not: write the message.

use std::borrow::Cow;

use koi_store::mail::coi::Filed;
use koi_store::mail::{AccountTxn, INBOX, NewEmail};
use koi_types::{
    EmailId, Keyword, MailboxId, MailboxName, Result, ReversePath, SystemFlags, Timestamp, ZoneOffset,
};

use crate::answer;
use crate::coi;
use crate::contact;
use crate::emails::notices;
use crate::incoming::Incoming;
use crate::outcome::Delivered;
use crate::push::announce::{Arrived, announce};
use crate::service::Options;

impl Options {
    /// Whether a message that is delivered may go there (RFC 5465 §6.3).
    #[must_use]
    pub fn may_deliver_to(&self, name: &MailboxName) -> bool {
        let chats = self.coi.as_ref().is_some_and(|names| names.chats() == name);
        name.is_inbox() || chats || name.as_str() == contact::BLOCKED
    }
}

/// A message on its way to one account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arriving<'a> {
    pub(crate) message: &'a Incoming,
    /// As the envelope says it.
    pub(crate) sender: &'a ReversePath,
    pub(crate) received_at: Timestamp,
}

impl Arriving<'_> {
    /// Who wrote it: From, or where that cannot be used the sender of the envelope. ASCII letters in lower
    /// case.
    pub(crate) fn author(&self) -> Option<Cow<'_, str>> {
        match (&self.message.from, self.sender) {
            (Some(from), _) => Some(Cow::Borrowed(from)),
            (None, ReversePath::Address(sender)) => Some(sender.to_string().to_ascii_lowercase().into()),
            (None, ReversePath::Null) => None,
        }
    }
}

/// Where it goes and with what.
#[derive(Debug)]
pub(crate) struct Placement {
    pub(crate) mailbox: MailboxId,
    pub(crate) flags: SystemFlags,
    pub(crate) keywords: Vec<Keyword>,
    /// Whether anybody is to be told of it who does not look: push.
    pub(crate) announce: bool,
}

impl Placement {
    /// Where mail goes that nothing is known of.
    const fn inbox() -> Self {
        Self { mailbox: INBOX, flags: SystemFlags::NONE, keywords: Vec::new(), announce: true }
    }
}

/// What is to be done with a message.
pub(crate) enum Place {
    At(Placement),
    /// It is there already: the account's own chat message, filed when it was submitted.
    There(Filed),
}

/// Says where the message goes. May make the mailbox that is missing, but nothing it could regret: the quota
/// was asked before.
pub(crate) fn place(
    account: &mut AccountTxn<'_>,
    options: &Options,
    arriving: &Arriving<'_>,
) -> Result<Place> {
    let mut placement = Placement::inbox();
    if let (Some(names), Some(_)) = (&options.coi, &arriving.message.chat)
        && let Some(filed) = coi::place(account, names, arriving, &mut placement)?
    {
        return Ok(Place::There(filed));
    }
    if let Some(names) = &options.coi
        && contact::is_blocked(account, names.contacts(), arriving)?
    {
        placement.mailbox = contact::blocked_mailbox(account)?;
        placement.announce = false;
    }
    Ok(Place::At(placement))
}

/// Delivers to one account. An error that is about this account alone comes before anything is written.
pub(crate) fn take_in(
    account: &mut AccountTxn<'_>,
    options: &Options,
    email: EmailId,
    arriving: &Arriving<'_>,
) -> Result<Delivered> {
    let message = arriving.message;
    if !account.mode().keeps_clear_mail() {
        return take_in_sealed(account, options, email, arriving);
    }
    let body = message.plain_body()?;
    account.has_room(message.octets)?;
    let modseq = account.modseq();
    let placement = match place(account, options, arriving)? {
        Place::At(placement) => placement,
        Place::There(Filed { mailbox, uid, uidvalidity, email }) => {
            return Ok(Delivered { mailbox, uidvalidity, uid, email, modseq, announce: false });
        }
    };
    let new = NewEmail {
        email,
        body: &body,
        octets: message.octets,
        facts: &message.facts,
        flags: placement.flags,
        keywords: &placement.keywords,
        received_at: arriving.received_at,
        received_zone: ZoneOffset(0),
    };
    account.join_threads();
    let appended = account.append(placement.mailbox, &new)?;
    if let Some(push) = options.push.as_ref().filter(|_| placement.announce) {
        let is_chat = placement.keywords.iter().any(|keyword| keyword.as_str() == coi::CHAT);
        let arrived = Arrived { mailbox: placement.mailbox, appended, is_chat, message };
        announce(account, push, &arrived)?;
    }
    if placement.announce {
        answer::note(account, appended.email, arriving)?;
        notices::note(account, appended.email, message)?;
    }
    Ok(Delivered {
        mailbox: placement.mailbox,
        uidvalidity: appended.uidvalidity,
        uid: appended.uid,
        email: appended.email,
        modseq,
        announce: placement.announce,
    })
}

/// Into an account that keeps encrypted messages only. What of the message would be looked at to say where it
/// goes, or to answer it, is what must not be written: it goes to INBOX, and who is told hears that something
/// came.
fn take_in_sealed(
    account: &mut AccountTxn<'_>,
    options: &Options,
    email: EmailId,
    arriving: &Arriving<'_>,
) -> Result<Delivered> {
    let sealed = arriving.message.sealed_for(account.id())?;
    let shown = crate::dmap::placeholder()?;
    account.has_room_for(1, sealed.octets().saturating_add(u64::from(shown.octets)))?;
    let appended = sealed.append(account, INBOX, email, arriving.received_at, SystemFlags::NONE)?;
    if let Some(push) = &options.push {
        announce(account, push, &Arrived { mailbox: INBOX, appended, is_chat: false, message: shown })?;
    }
    Ok(Delivered {
        mailbox: INBOX,
        uidvalidity: appended.uidvalidity,
        uid: appended.uid,
        email: appended.email,
        modseq: account.modseq(),
        announce: true,
    })
}
