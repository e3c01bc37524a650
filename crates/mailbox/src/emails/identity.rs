//! Identities (RFC 8621 §6): under which names mail is sent. The account's own address is one from the
//! beginning, and stays.

use std::sync::Arc;

use koi_store::mail::AccountTxn;
use koi_store::mail::directory;
use koi_store::mail::object::{self, ObjectKind};
use koi_types::{AccountId, ErrorKind, MailError, ObjectId, Result, limits};

pub use koi_store::record::identity::{IdentityRecord, NamedAddress};

use super::changes::{Changed, Told};
use super::objects::{SettingRefused, bounded};
use super::state::State;
use super::write::SetOutcome;
use crate::account::Account;
use crate::outcome::Pending;
use crate::snapshot::Snapshot;

/// The identity every account has.
pub const OWN_IDENTITY: ObjectId = ObjectId([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

/// One identity.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IdentityView {
    pub id: ObjectId,
    pub identity: IdentityRecord,
    pub may_delete: bool,
}

/// One change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum IdentityChange {
    Create(IdentityRecord),
    Update { identity: ObjectId, update: IdentityUpdate },
    Destroy(ObjectId),
}

/// What is to be changed; nothing of the rest.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct IdentityUpdate {
    pub name: Option<Box<str>>,
    pub reply_to: Option<Option<Vec<NamedAddress>>>,
    pub bcc: Option<Option<Vec<NamedAddress>>>,
    pub text_signature: Option<Box<str>>,
    pub html_signature: Option<Box<str>>,
}

/// What became of a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IdentityChanged {
    Created(ObjectId),
    Updated,
    Destroyed,
}

/// A change, and the id of what it makes.
struct Numbered {
    id: ObjectId,
    change: IdentityChange,
}

impl Snapshot<'_> {
    /// All identities; none of a guest.
    pub fn identities(&self) -> Result<Vec<IdentityView>> {
        if self.guest.is_some() {
            return Ok(Vec::new());
        }
        let stored = object::objects(&*self.view, self.account, ObjectKind::Identity)?.objects;
        let mut identities = Vec::new();
        for object in stored {
            let identity = object.record.value.as_deref().and_then(IdentityRecord::decode);
            let may_delete = object.id != OWN_IDENTITY;
            identities.extend(identity.map(|identity| IdentityView { id: object.id, identity, may_delete }));
        }
        if identities.iter().all(|view| view.id != OWN_IDENTITY) {
            let identity = own(&*self.view, self.account)?;
            identities.insert(0, IdentityView { id: OWN_IDENTITY, identity, may_delete: false });
        }
        Ok(identities)
    }
    /// Identities that changed after `since`, at most `max`.
    pub fn identity_changes(&self, since: State, max: usize) -> Result<Told<Changed<ObjectId>>> {
        let told = self.object_changes(ObjectKind::Identity, since, max)?;
        Ok(match told {
            // It was there before it was written for the first time.
            Told::Changes(mut changed) => {
                let made = changed.created.iter().position(|id| *id == OWN_IDENTITY);
                if let Some(made) = made {
                    changed.updated.push(changed.created.remove(made));
                }
                Told::Changes(changed)
            }
            Told::CannotCalculate => Told::CannotCalculate,
        })
    }
}

/// What the account's own identity is as long as nobody has changed it.
fn own(read: &(impl koi_store::kv::Read + ?Sized), account: AccountId) -> Result<IdentityRecord> {
    let missing = || MailError::new(ErrorKind::NotFound, "no such account");
    let record = directory::directory_record(read, account)?.ok_or_else(missing)?;
    Ok(IdentityRecord { email: record.address.to_string().into(), ..IdentityRecord::default() })
}

impl Account {
    /// Changes identities, if they are in the state `if_in_state` where it is given.
    pub fn set_identities(
        &self,
        if_in_state: Option<State>,
        changes: Vec<IdentityChange>,
    ) -> Pending<SetOutcome<IdentityChanged, SettingRefused>> {
        let new_id = || ObjectId(self.inner.new_email_id().0);
        let numbered = changes.into_iter().map(|change| Numbered { id: new_id(), change }).collect();
        let own = match self.inner.kv.view().and_then(|view| own(&*view, self.id)) {
            Ok(own) => own,
            Err(error) => return Pending::failed(error),
        };
        self.set_objects(
            |states| states.identity,
            if_in_state,
            numbered,
            Arc::new(move |account, change| run(account, change, &own)),
        )
    }
}

fn run(
    account: &mut AccountTxn<'_>,
    Numbered { id, change }: &Numbered,
    own: &IdentityRecord,
) -> std::result::Result<IdentityChanged, SettingRefused> {
    match change {
        IdentityChange::Create(identity) => {
            if !account.is_own(Some(&identity.email))? {
                return Err(SettingRefused::ForbiddenFrom);
            }
            check(identity)?;
            account.put_object(ObjectKind::Identity, *id, identity.encode().into())?;
            Ok(IdentityChanged::Created(*id))
        }
        IdentityChange::Update { identity, update } => {
            let stored = account.object(ObjectKind::Identity, *identity)?;
            let known = match stored.as_deref().and_then(IdentityRecord::decode) {
                Some(known) => known,
                None if *identity == OWN_IDENTITY => own.clone(),
                None => return Err(SettingRefused::NotFound),
            };
            let updated = update.applied_to(known);
            check(&updated)?;
            account.put_object(ObjectKind::Identity, *identity, updated.encode().into())?;
            Ok(IdentityChanged::Updated)
        }
        IdentityChange::Destroy(identity) if *identity == OWN_IDENTITY => Err(SettingRefused::Forbidden),
        IdentityChange::Destroy(identity) => {
            match account.destroy_object(ObjectKind::Identity, *identity)? {
                true => Ok(IdentityChanged::Destroyed),
                false => Err(SettingRefused::NotFound),
            }
        }
    }
}

fn check(identity: &IdentityRecord) -> std::result::Result<(), SettingRefused> {
    bounded("name", &identity.name)?;
    bounded("textSignature", &identity.text_signature)?;
    bounded("htmlSignature", &identity.html_signature)?;
    for (property, list) in [("replyTo", &identity.reply_to), ("bcc", &identity.bcc)] {
        let name = |address: &NamedAddress| address.name.as_ref().map_or(0, |name| name.len());
        let octets: usize =
            list.iter().flatten().map(|address| address.email.len().saturating_add(name(address))).sum();
        let count = list.as_ref().map_or(0, Vec::len);
        if count > ADDRESSES_MAX || octets > limits::SETTING_TEXT_OCTETS_MAX {
            return Err(SettingRefused::TooLong(property));
        }
    }
    Ok(())
}

/// Addresses in one list.
const ADDRESSES_MAX: usize = 100;

impl IdentityUpdate {
    fn applied_to(&self, old: IdentityRecord) -> IdentityRecord {
        let Self { name, reply_to, bcc, text_signature, html_signature } = self.clone();
        IdentityRecord {
            name: name.unwrap_or(old.name),
            email: old.email,
            reply_to: reply_to.unwrap_or(old.reply_to),
            bcc: bcc.unwrap_or(old.bcc),
            text_signature: text_signature.unwrap_or(old.text_signature),
            html_signature: html_signature.unwrap_or(old.html_signature),
        }
    }
}
