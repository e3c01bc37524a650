//! Chat by IMAP (COI) in one account: its settings, what of its sent chat is filed, and what the rules of
//! `mailbox::coi` ask of rows. The rules themselves are not here.

use std::ops::ControlFlow;

use koi_types::{
    AccountId, Address, EmailId, Keyword, MailboxId, MailboxName, Result, Role, SystemFlags, Timestamp, Uid,
    UidSet, UidValidity, limits,
};

use super::account::AccountTxn;
use crate::key::{self, table};
use crate::kv::Read;
use crate::record::coi::{CoiSettings, FiledChatRecord};
use crate::record::mailbox::NameRecord;
use crate::record::membership::Membership;
use crate::record::sent::FiledCopy;

/// The settings of an account. Settings that cannot be read are those of an account that never enabled COI.
pub fn coi_settings(read: &(impl Read + ?Sized), account: AccountId) -> Result<CoiSettings> {
    let row = read.get(&key::coi_settings(account))?;
    Ok(row.and_then(|row| CoiSettings::decode(&row)).unwrap_or_default())
}

/// Where a message is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Filed {
    pub mailbox: MailboxId,
    pub uid: Uid,
    pub uidvalidity: UidValidity,
    pub email: EmailId,
}

impl AccountTxn<'_> {
    pub fn coi_settings(&self) -> Result<CoiSettings> {
        coi_settings(&*self.txn, self.id)
    }
    /// Changes the settings. No change of mail, so that it has no MODSEQ.
    pub fn set_coi_settings(&mut self, settings: &CoiSettings) -> Result<()> {
        let key = key::coi_settings(self.id);
        match *settings == CoiSettings::default() {
            true => self.txn.delete(&key),
            false => self.txn.put(&key, &settings.encode()),
        }
    }
    /// The copy of a submitted chat message, as long as it is where it was filed.
    pub fn filed_chat(&mut self, message_id: u64) -> Result<Option<Filed>> {
        let row = self.txn.get(&key::filed_chat(self.id, message_id))?;
        let Some(record) = row.and_then(|row| FiledChatRecord::decode(&row)) else { return Ok(None) };
        let FiledCopy { mailbox, uid } = record.copy;
        let row = self.txn.get(&key::membership(self.id, mailbox, uid.value()))?;
        let Some(email) = row.and_then(|row| Membership::decode(&row).map(|row| row.email)) else {
            return Ok(None);
        };
        // Rows of a mailbox that was deleted stay for a while.
        if self.txn.get(&key::mailbox(self.id, table::MAILBOX, mailbox))?.is_none() {
            return Ok(None);
        }
        let at = self.mailbox(mailbox)?;
        Ok(Some(Filed { mailbox, uid, uidvalidity: self.at(at)?.record.uidvalidity, email }))
    }
    /// Remembers where a submitted chat message is filed; the oldest of too many is forgotten.
    pub fn remember_filed_chat(&mut self, message_id: u64, copy: FiledCopy) -> Result<()> {
        let mut oldest: Option<Aged> = None;
        let mut count = 0;
        let range = key::below(&key::coi(self.id, key::COI_FILED));
        self.txn.scan(&range.from, &range.end, &mut |key, row| {
            count += 1;
            let at = FiledChatRecord::decode(row).map_or(Timestamp(i64::MIN), |record| record.at);
            if oldest.as_ref().is_none_or(|oldest| at < oldest.at) {
                oldest = Some(Aged { at, key: key.to_vec() });
            }
            ControlFlow::Continue(())
        })?;
        if let Some(oldest) = oldest.filter(|_| count >= limits::CHATS_REMEMBERED_MAX) {
            self.txn.delete(&oldest.key)?;
        }
        let record = FiledChatRecord { at: self.now, copy };
        self.txn.put(&key::filed_chat(self.id, message_id), &record.encode())
    }
    /// Whether this is the address the account is known by.
    pub fn is_own(&self, address: Option<&str>) -> Result<bool> {
        let Some(address) = address.and_then(Address::parse) else { return Ok(false) };
        Ok(super::directory::account_of(&*self.txn, &address)? == Some(self.id))
    }
    /// The account of an address, if it is there.
    pub fn account_of(&self, address: &Address) -> Result<Option<AccountId>> {
        super::directory::account_of(&*self.txn, address)
    }
    /// The domain of an account.
    pub fn domain_of(&self, account: AccountId) -> Result<Option<Box<str>>> {
        let record = super::directory::directory_record(&*self.txn, account)?;
        Ok(record.map(|record| record.address.domain().into()))
    }
    /// Whether a message may get this keyword: the account has it already, or room for one more.
    pub fn may_use_keyword(&mut self, keyword: &Keyword) -> Result<bool> {
        let room = usize::from(self.record.keywords) < limits::KEYWORDS_PER_ACCOUNT_MAX;
        Ok(room || self.known_keyword(keyword)?.is_some())
    }
    /// Those of `uids` that have all of `with`, none of `without`, and the keyword. A row that cannot be read
    /// is not among them.
    pub fn with_flags(
        &mut self,
        mailbox: MailboxId,
        uids: &UidSet,
        with: SystemFlags,
        without: SystemFlags,
        keyword: &Keyword,
    ) -> Result<UidSet> {
        let mut found = UidSet::new();
        let Some(number) = self.known_keyword(keyword)? else { return Ok(found) };
        for (uid, row) in self.collect_rows(mailbox, uids)?.iter() {
            let fits = |row: Membership<'_>| {
                row.flags.contains(with)
                    && row.flags.without(without) == row.flags
                    && row.keywords.contains(number)
            };
            if Membership::decode(row).is_some_and(fits) {
                found.insert(uid);
            }
        }
        Ok(found)
    }
    /// The name of the mailbox with a role. Looks at all names.
    pub fn name_with_role(&self, role: Role) -> Result<Option<MailboxName>> {
        let mut found = None;
        let range = key::all(self.id, table::MAILBOX_NAME);
        self.txn.scan(&range.from, &range.end, &mut |_, row| {
            found =
                NameRecord::decode(row).filter(|record| record.role == Some(role)).map(|record| record.name);
            if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(found)
    }
    /// `OverQuota` when a message of so many octets does not fit: ask before anything is written for one that
    /// may be refused.
    pub fn has_room(&self, octets: u32) -> Result<()> {
        self.hold_to_quota(u64::from(octets))
    }
}

struct Aged {
    at: Timestamp,
    key: Vec<u8>,
}
