//! The access control list of a mailbox: who has which rights, and changing it (RFC 4314 §3).
//!
//! Identifiers are addresses of users of this server, `anyone` for all users of the owner's domain, and both
//! with `-` in front for rights that are taken away whatever else gives them. The owner has every right
//! always, and no entry. A name without domain is one of the owner's domain. Nobody is anonymous here.

use koi_store::mail::{AccountTxn, directory, rights};
use koi_types::{AccountId, Address, ErrorKind, Identifier, MailError, MailboxId, Result, Rights, Who};

use crate::access::require;
use crate::account::Account;
use crate::outcome::Pending;

/// One entry as it is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AclRow {
    pub identifier: Box<str>,
    pub rights: Rights,
}

/// What to do with the rights of an identifier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AclChange {
    Replace(Rights),
    Add(Rights),
    Remove(Rights),
}

impl AclChange {
    fn of(self, now: Rights) -> Rights {
        match self {
            Self::Replace(rights) => rights,
            Self::Add(rights) => now.union(rights),
            Self::Remove(rights) => now.without(rights),
        }
    }
}

/// The special identifier for everybody (RFC 4314 §2).
const ANYONE: &str = "anyone";
const ANONYMOUS: &str = "anonymous";

impl Account {
    /// The list of a mailbox, its owner first. Needs `a`.
    pub fn acl(&self, mailbox: MailboxId) -> Result<Vec<AclRow>> {
        let snapshot = self.snapshot()?;
        snapshot.require(mailbox, Rights::ADMINISTER)?;
        let mut rows = vec![AclRow {
            identifier: self.address(&*snapshot.view, self.id)?.unwrap_or_default(),
            rights: Rights::ALL,
        }];
        for entry in rights::acl(&*snapshot.view, self.id, mailbox)? {
            let name = match entry.identifier.who {
                Who::Anyone => Some(ANYONE.into()),
                Who::User(user) => self.address(&*snapshot.view, user)?,
            };
            // Of a user that was removed the entry goes by and by.
            let sign = if entry.identifier.negative { "-" } else { "" };
            rows.extend(
                name.map(|name| AclRow { identifier: format!("{sign}{name}").into(), rights: entry.rights }),
            );
        }
        Ok(rows)
    }
    /// Changes the rights of an identifier; with none left its entry goes. Needs `a`.
    pub fn set_acl(&self, mailbox: MailboxId, identifier: &str, change: AclChange) -> Pending<()> {
        let (visitor, owner, text) = (self.guest.clone(), self.id, Box::<str>::from(identifier));
        self.change(move |account| {
            require(&visitor, account, mailbox, Rights::ADMINISTER)?;
            let identifier = identifier_of(account, owner, &text)?;
            if identifier.who == Who::User(owner) {
                return owner_entry(identifier, change);
            }
            account.update_rights(mailbox, identifier, |now| change.of(now))
        })
    }
    /// Rights the identifier always has; it can be given all the others, each by itself. Needs `a`.
    pub fn always_granted(&self, mailbox: MailboxId, identifier: &str) -> Result<Rights> {
        let snapshot = self.snapshot()?;
        snapshot.require(mailbox, Rights::ADMINISTER)?;
        let domain = self.domain(&*snapshot.view)?;
        let owner = match Named::of(identifier)? {
            Named { user: Some(user), negative: false } => {
                let address = address(user, &domain)?;
                directory::account_of(&*snapshot.view, &address)?.ok_or_else(no_such_user)? == self.id
            }
            Named { user: Some(user), .. } => {
                directory::account_of(&*snapshot.view, &address(user, &domain)?)?.ok_or_else(no_such_user)?;
                false
            }
            Named { user: None, .. } => false,
        };
        Ok(if owner { Rights::ALL } else { Rights::NONE })
    }
    fn address(&self, read: &dyn koi_store::kv::View, id: AccountId) -> Result<Option<Box<str>>> {
        let record = directory::directory_record(read, id)?;
        Ok(record.map(|record| record.address.account_key().to_string().into()))
    }
    fn domain(&self, read: &dyn koi_store::kv::View) -> Result<Box<str>> {
        let record = directory::directory_record(read, self.id)?;
        Ok(record.map_or_else(|| "".into(), |record| record.address.domain().into()))
    }
}

/// What an identifier says.
struct Named<'a> {
    /// Nothing for `anyone`.
    user: Option<&'a str>,
    negative: bool,
}

impl<'a> Named<'a> {
    fn of(identifier: &'a str) -> Result<Self> {
        let (name, negative) = match identifier.strip_prefix('-') {
            Some(name) => (name, true),
            None => (identifier, false),
        };
        if name.eq_ignore_ascii_case(ANONYMOUS) {
            return Err(MailError::new(ErrorKind::InvalidInput, "there are no anonymous users here"));
        }
        let user = (!name.eq_ignore_ascii_case(ANYONE)).then_some(name);
        Ok(Self { user, negative })
    }
}

fn identifier_of(account: &AccountTxn<'_>, owner: AccountId, text: &str) -> Result<Identifier> {
    let Named { user, negative } = Named::of(text)?;
    let who = match user {
        None => Who::Anyone,
        Some(user) => {
            let domain = account.domain_of(owner)?.unwrap_or_default();
            Who::User(account.account_of(&address(user, &domain)?)?.ok_or_else(no_such_user)?)
        }
    };
    Ok(Identifier { who, negative })
}

fn address(user: &str, domain: &str) -> Result<Address> {
    let address = if user.contains('@') { Address::parse(user) } else { Address::new(user, domain) };
    address.ok_or_else(no_such_user)
}

/// The owner has no entry: what would leave it as it is is done already.
fn owner_entry(identifier: Identifier, change: AclChange) -> Result<()> {
    match (identifier.negative, change.of(Rights::ALL)) {
        (false, Rights::ALL) => Ok(()),
        (true, _) if change.of(Rights::NONE).is_empty() => Ok(()),
        _ => Err(MailError::new(ErrorKind::NoPermission, "the owner of a mailbox keeps all rights")),
    }
}

fn no_such_user() -> MailError {
    MailError::new(ErrorKind::InvalidInput, "there is no such user here")
}
