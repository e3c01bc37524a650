//! Contact storage messages and the addresses they block (COI-client §blocking-contacts), as an index.
//!
//! What a message says as a contact is a row beside the email, for as long as there is the email; an address
//! has a row for each mailbox with such a message, put and taken away by the mutation that gives the mailbox
//! the message or takes it. Which mailbox counts is said by its name when somebody asks: so CREATE, RENAME
//! and DELETE, of that mailbox or of what is above it, have nothing to do here, nor has another name for it.
//!
//! An address is blocked when *any* contact message about it says so, not only the newest. A contact is
//! changed by appending the new message and expunging the old one, and COI-client
//! §merging-contact-storage-messages keeps the header fields of all; a block must not lapse because another
//! client, or the server, writes a message that does not know of it, nor depend on clocks of clients.

use koi_types::{AccountId, AddressHash, Contact, EmailId, MailboxId, MailboxName, Result};

use super::account::AccountTxn;
use super::places;
use super::rows::any_row;
use crate::key;
use crate::kv::{Read, Txn};
use crate::record::VERSION;
use crate::record::contact::{decode_contact, encode_contact};

impl AccountTxn<'_> {
    /// Whether a contact message in the mailbox of that name blocks the address. One lookup, unless some
    /// contact is about it.
    pub fn is_blocked(&self, contacts: &MailboxName, hash: &AddressHash) -> Result<bool> {
        let rows = key::contact_addresses(self.id, hash);
        if !any_row(&*self.txn, &key::below(&rows))? {
            return Ok(false);
        }
        let Some(mailbox) = self.mailbox_named(contacts)? else { return Ok(false) };
        any_row(&*self.txn, &key::below(&key::contact_addresses_in(self.id, hash, mailbox, true)))
    }
    /// A new email says this; it is in `mailbox`.
    pub(super) fn contact_made(
        &mut self,
        email: EmailId,
        contact: &Contact,
        mailbox: MailboxId,
    ) -> Result<()> {
        self.has_contacts = Some(true);
        self.txn.put(&key::contact(self.id, email), &encode_contact(contact))?;
        put_addresses(self.txn, &Place { account: self.id, email, contact, mailbox })
    }
    /// An email has come into `mailbox` from another.
    pub(super) fn contact_came(&mut self, email: EmailId, mailbox: MailboxId) -> Result<()> {
        match self.contact_of(email)? {
            Some(contact) => {
                put_addresses(self.txn, &Place { account: self.id, email, contact: &contact, mailbox })
            }
            None => Ok(()),
        }
    }
    /// An email has left `mailbox`, where it may have another membership.
    pub(super) fn contact_left(&mut self, email: EmailId, mailbox: MailboxId) -> Result<()> {
        match self.contact_of(email)? {
            Some(contact) => {
                delete_addresses(self.txn, &Place { account: self.id, email, contact: &contact, mailbox })
            }
            None => Ok(()),
        }
    }
    /// Most accounts have none, which is found out once in a transaction.
    fn contact_of(&mut self, email: EmailId) -> Result<Option<Contact>> {
        let has_contacts = match self.has_contacts {
            Some(known) => known,
            None => has_contacts(&*self.txn, self.id)?,
        };
        self.has_contacts = Some(has_contacts);
        if has_contacts { contact_of(&*self.txn, self.id, email) } else { Ok(None) }
    }
}

/// Whether any email of the account is a contact storage message.
pub(super) fn has_contacts(read: &(impl Read + ?Sized), account: AccountId) -> Result<bool> {
    any_row(read, &key::below(&key::contacts(account)))
}

/// What an email says. A row that cannot be read says nothing: `check` puts it right.
pub(super) fn contact_of(
    read: &(impl Read + ?Sized),
    account: AccountId,
    email: EmailId,
) -> Result<Option<Contact>> {
    let row = read.get(&key::contact(account, email))?;
    Ok(row.and_then(|row| decode_contact(&row)))
}

/// The email has left a mailbox that is being reclaimed.
pub(super) fn left(txn: &mut dyn Txn, account: AccountId, email: EmailId, mailbox: MailboxId) -> Result<()> {
    match contact_of(txn, account, email)? {
        Some(contact) => delete_addresses(txn, &Place { account, email, contact: &contact, mailbox }),
        None => Ok(()),
    }
}

/// The email is no more; it is in no mailbox.
pub(super) fn forget(txn: &mut dyn Txn, account: AccountId, email: EmailId) -> Result<()> {
    let key = key::contact(account, email);
    if txn.get(&key)?.is_none() {
        return Ok(());
    }
    txn.delete(&key)
}

fn put_addresses(txn: &mut dyn Txn, place: &Place<'_>) -> Result<()> {
    place.keys().try_for_each(|key| txn.put(&key, &[VERSION]))
}

fn delete_addresses(txn: &mut dyn Txn, place: &Place<'_>) -> Result<()> {
    if places::is_in(txn, place.account, place.email, place.mailbox)? {
        return Ok(());
    }
    place.keys().try_for_each(|key| txn.delete(&key))
}

/// A contact storage message in a mailbox.
struct Place<'a> {
    account: AccountId,
    email: EmailId,
    contact: &'a Contact,
    mailbox: MailboxId,
}

impl Place<'_> {
    /// Its rows, one for each address.
    fn keys(&self) -> impl Iterator<Item = [u8; 59]> {
        let key =
            |hash| key::contact_address(self.account, hash, self.mailbox, self.contact.blocked, self.email);
        self.contact.hashes.iter().map(key)
    }
}
