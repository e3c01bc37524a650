//! Contacts: the rows of addresses (H 1) against what contact storage messages say (H 0) and where these are
//! (E), so that the index equals one that is built anew.
//!
//! What a message says is read from its header when it comes in, not here: [`contact_row`] compares for
//! whoever can read headers.

use koi_types::{AccountId, Contact, EmailId, Result};

use super::{Check, Finding, Fix, Right};
use crate::key::{self, ContactAddress, table};
use crate::kv::Read;
use crate::mail::places;
use crate::record::VERSION;
use crate::record::contact::{decode_contact, encode_contact};

impl Check<'_> {
    pub(super) fn contacts(&mut self) -> Result<()> {
        self.each(table::CONTACT, |check, key, value| {
            if let Some(address) = ContactAddress::of(key) {
                return check.contact_address(key, value, &address);
            }
            let email = key::part(key, 6).map(EmailId);
            match email.filter(|email| key::contact(check.account, *email) == key) {
                Some(email) => check.contact(key, value, email),
                None => {
                    check.superfluous(key, value, "a row about contacts with a key that nobody makes");
                    Ok(())
                }
            }
        })
    }
    fn contact(&mut self, key: &[u8], value: &[u8], email: EmailId) -> Result<()> {
        if !self.has(&key::email(self.account, email))? {
            self.superfluous(key, value, "a contact of an email that does not exist");
            return Ok(());
        }
        let Some(contact) = decode_contact(value) else {
            self.superfluous(key, value, "a contact cannot be read");
            return Ok(());
        };
        for mailbox in places::mailboxes(self.read, self.account, email)? {
            for hash in &contact.hashes {
                let right = key::contact_address(self.account, hash, mailbox, contact.blocked, email);
                let problem = "an address does not know a contact about it";
                match self.read.get(&right)?.map(std::borrow::Cow::into_owned) {
                    None => self.missing(&right, problem, vec![VERSION]),
                    Some(row) if row != [VERSION] => self.wrong(&right, &row, problem, vec![VERSION]),
                    Some(_) => {}
                }
            }
        }
        Ok(())
    }
    fn contact_address(&mut self, key: &[u8], value: &[u8], address: &ContactAddress) -> Result<()> {
        let contact = self.read.get(&key::contact(self.account, address.email))?;
        let contact = contact.and_then(|row| decode_contact(&row));
        let says_so = contact
            .is_some_and(|says| says.blocked == address.blocked && says.hashes.contains(&address.hash));
        if !says_so || !places::is_in(self.read, self.account, address.email, address.mailbox)? {
            self.superfluous(key, value, "an address knows a contact that is not there");
        }
        Ok(())
    }
}

/// Compares what is stored of an email as a contact storage message with what its header says.
pub fn contact_row(
    read: &(impl Read + ?Sized),
    account: AccountId,
    email: EmailId,
    says: Option<&Contact>,
) -> Result<Option<Finding>> {
    let key = key::contact(account, email);
    let found = read.get(&key)?.map(|row| row.into_owned().into_boxed_slice());
    let right = says.map(encode_contact);
    if found.as_deref() == right.as_deref() {
        return Ok(None);
    }
    let right = right.map_or(Right::NoRow, |row| Right::Row(row.into()));
    let problem = "a contact is not what its message says";
    Ok(Some(Finding { key: key.as_slice().into(), problem, fix: Some(Fix { found, right }) }))
}
