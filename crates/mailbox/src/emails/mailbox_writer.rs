//! How one mailbox is changed inside a transaction (RFC 8621 §2.5). A refusal may come when something was
//! written, which goes with the transaction.

use koi_store::mail::{AccountTxn, Renamed};
use koi_store::record::mailbox::NameRecord;
use koi_types::name::SEPARATOR;
use koi_types::{ErrorKind, MailError, MailboxId, MailboxName, Rights, Role};

use super::mailbox_write::{
    MailboxChange, MailboxChanged, MailboxCreation, MailboxInTurn, MailboxRefused, MailboxUpdate, Refusable,
};
use super::mailboxes::MailboxRole;
use crate::INBOX;
use crate::access::{Visitor, is_of_others};
use crate::coi;
use crate::service::Lent;

/// What a change came to.
pub(super) struct Done {
    pub(super) changed: MailboxChanged,
    /// A guest's subscriptions lie in its own account.
    pub(super) subscribed: Vec<Subscribed>,
}

pub(super) struct Subscribed {
    pub(super) name: MailboxName,
    pub(super) subscribed: bool,
}

/// Changes mailboxes of one account in one transaction.
pub(super) struct Writer<'w, 't> {
    pub(super) account: &'w mut AccountTxn<'t>,
    pub(super) lent: &'w Lent,
    pub(super) visitor: &'w Visitor,
}

impl Writer<'_, '_> {
    pub(super) fn change(&mut self, change: &MailboxChange) -> Refusable<Done> {
        match change {
            MailboxChange::Create(creation) => self.create(creation),
            MailboxChange::Update { mailbox, update } => self.update(*mailbox, update),
            MailboxChange::Destroy { mailbox, remove_emails } => {
                self.destroy(*mailbox, *remove_emails)?;
                Ok(Done { changed: MailboxChanged::Destroyed, subscribed: Vec::new() })
            }
            MailboxChange::Together(turns) => self.together(turns),
        }
    }
    fn rights(&self, mailbox: MailboxId) -> Refusable<Rights> {
        Ok(match self.visitor {
            None => Rights::ALL,
            Some(guest) => self.account.rights_of(mailbox, guest.user)?,
        })
    }
    fn require(&self, mailbox: MailboxId, needed: Rights) -> Refusable<()> {
        if self.rights(mailbox)?.contains(needed) { Ok(()) } else { Err(MailboxRefused::Forbidden) }
    }
    /// A mailbox whoever asks may know of.
    fn known(&self, mailbox: MailboxId) -> Refusable<NameRecord> {
        let record = self.account.named(mailbox)?.ok_or(MailboxRefused::NotFound)?;
        if self.rights(mailbox)?.contains(Rights::LOOKUP) {
            Ok(record)
        } else {
            Err(MailboxRefused::NotFound)
        }
    }
    /// The full name of a mailbox below a parent.
    fn full_name(&self, parent: Option<MailboxId>, name: &str) -> Refusable<MailboxName> {
        let invalid = |text: &str| MailboxRefused::InvalidName(text.into());
        if name.contains(SEPARATOR) {
            return Err(invalid("a mailbox name cannot have a slash in it"));
        }
        let full = match parent {
            None => name.to_owned(),
            Some(parent) => {
                let missing = |refused| match refused {
                    MailboxRefused::NotFound => MailboxRefused::ParentNotFound,
                    other => other,
                };
                let above = self.known(parent).map_err(missing)?;
                self.require(parent, Rights::CREATE)?;
                format!("{}{SEPARATOR}{name}", above.name)
            }
        };
        let full = MailboxName::new(&full).map_err(invalid)?;
        if self.visitor.is_some() && parent.is_none() {
            return Err(MailboxRefused::Forbidden);
        }
        if self.visitor.is_none() && is_of_others(&full) {
            return Err(invalid("names below \"Other Users\" are those of other users"));
        }
        Ok(full)
    }
    fn role(&mut self, mailbox: MailboxId, role: Option<MailboxRole>) -> Refusable<()> {
        let special: Option<Role> = match (mailbox, role) {
            (INBOX, Some(MailboxRole::Inbox)) => return Ok(()),
            (INBOX, _) | (_, Some(MailboxRole::Inbox)) => return Err(MailboxRefused::InvalidRole),
            (_, Some(MailboxRole::Special(role))) => Some(role),
            (_, None) => None,
        };
        if self.visitor.is_some() {
            return Err(MailboxRefused::Forbidden);
        }
        match self.account.set_role(mailbox, special) {
            Err(error) if error.kind == ErrorKind::AlreadyExists => Err(MailboxRefused::RoleTaken),
            other => Ok(other?),
        }
    }
    fn create(&mut self, creation: &MailboxCreation) -> Refusable<Done> {
        let name = self.full_name(creation.parent, &creation.name)?;
        if self.account.mailbox_named(&name)?.is_some() {
            return Err(MailboxRefused::NameTaken);
        }
        if let Some(role) = creation.role {
            self.refuse_role(role)?;
        }
        let created = match self.visitor {
            None => coi::names::create(self.account, &self.lent.options, &name, None)?,
            Some(guest) => {
                guest.may_make(self.account, &self.lent.options, &name)?;
                self.account.create(&name, None)?
            }
        };
        let mailbox = created.mailbox;
        if creation.role.is_some() {
            self.role(mailbox, creation.role)?;
        }
        self.account.set_sort_order(mailbox, creation.sort_order)?;
        let subscribed = self.subscribe(&name, creation.subscribed)?;
        Ok(Done { changed: MailboxChanged::Created(mailbox), subscribed })
    }
    /// Before anything is written.
    fn refuse_role(&self, role: MailboxRole) -> Refusable<()> {
        let MailboxRole::Special(role) = role else { return Err(MailboxRefused::InvalidRole) };
        if self.visitor.is_some() {
            return Err(MailboxRefused::Forbidden);
        }
        if self.account.name_with_role(role)?.is_some() { Err(MailboxRefused::RoleTaken) } else { Ok(()) }
    }
    fn subscribe(&mut self, name: &MailboxName, subscribed: bool) -> Refusable<Vec<Subscribed>> {
        if self.visitor.is_some() {
            return Ok(vec![Subscribed { name: name.clone(), subscribed }]);
        }
        self.account.subscribe(name, subscribed)?;
        Ok(Vec::new())
    }
    /// All step aside first, so that none is in the way of another.
    fn together(&mut self, turns: &[MailboxInTurn]) -> Refusable<Done> {
        let mut updates = Vec::with_capacity(turns.len());
        for turn in turns {
            updates.push(self.step_aside(turn)?);
        }
        let mut all = Done { changed: MailboxChanged::Updated, subscribed: Vec::new() };
        for MailboxInTurn { mailbox, update } in &updates {
            all.subscribed.extend(self.update(*mailbox, update)?.subscribed);
        }
        Ok(all)
    }
    /// Gives up the role and the name that are to change; answers the update from there.
    fn step_aside(&mut self, turn: &MailboxInTurn) -> Refusable<MailboxInTurn> {
        let MailboxInTurn { mailbox, update } = turn;
        let (mailbox, mut update) = (*mailbox, update.clone());
        let record = self.known(mailbox)?;
        if update.role.is_some() {
            self.check_role_of(mailbox)?;
            self.account.set_role(mailbox, None)?;
        }
        if update.name.is_some() || update.parent.is_some() {
            if mailbox == INBOX {
                return Err(MailboxRefused::Forbidden);
            }
            self.require(mailbox, Rights::DELETE)?;
            let leaf = || record.name.as_str().rsplit(SEPARATOR).next().unwrap_or_default().into();
            update.name.get_or_insert_with(leaf);
            if update.parent.is_none() {
                update.parent = Some(self.account.nearest_superior(&record.name)?);
            }
            let aside = MailboxName::new(&format!("~{mailbox}"))
                .map_err(|text| MailError::new(ErrorKind::Internal, text))?;
            if self.account.mailbox_named(&aside)?.is_some() {
                return Err(MailboxRefused::NameTaken);
            }
            self.rename(&record.name, &aside)?;
        }
        Ok(MailboxInTurn { mailbox, update })
    }
    /// Whether the role of a mailbox may change at all.
    fn check_role_of(&self, mailbox: MailboxId) -> Refusable<()> {
        match self.visitor {
            _ if mailbox == INBOX => Err(MailboxRefused::InvalidRole),
            Some(_) => Err(MailboxRefused::Forbidden),
            None => Ok(()),
        }
    }
    /// What may be refused is refused before anything is written.
    fn update(&mut self, mailbox: MailboxId, update: &MailboxUpdate) -> Refusable<Done> {
        let record = self.known(mailbox)?;
        let to = self.name_after(mailbox, &record, update)?;
        if let Some(role) = update.role {
            self.check_role(mailbox, &record, role)?;
        }
        if update.sort_order.is_some() && self.visitor.is_some() {
            return Err(MailboxRefused::Forbidden);
        }
        let mut name = record.name;
        if let Some(to) = to {
            self.rename(&name, &to)?;
            name = to;
        }
        if let Some(role) = update.role {
            self.role(mailbox, role)?;
        }
        if let Some(sort_order) = update.sort_order {
            self.account.set_sort_order(mailbox, sort_order)?;
        }
        let subscribed = match update.subscribed {
            Some(subscribed) => self.subscribe(&name, subscribed)?,
            None => Vec::new(),
        };
        Ok(Done { changed: MailboxChanged::Updated, subscribed })
    }
    fn check_role(
        &self,
        mailbox: MailboxId,
        record: &NameRecord,
        role: Option<MailboxRole>,
    ) -> Refusable<()> {
        match role {
            Some(MailboxRole::Inbox) if mailbox == INBOX => Ok(()),
            _ if mailbox == INBOX => Err(MailboxRefused::InvalidRole),
            Some(MailboxRole::Special(special)) if record.role == Some(special) => Ok(()),
            Some(role) => self.refuse_role(role),
            None if self.visitor.is_some() => Err(MailboxRefused::Forbidden),
            None => Ok(()),
        }
    }
    /// The new full name, if it changes.
    fn name_after(
        &self,
        mailbox: MailboxId,
        record: &NameRecord,
        update: &MailboxUpdate,
    ) -> Refusable<Option<MailboxName>> {
        if update.name.is_none() && update.parent.is_none() {
            return Ok(None);
        }
        let superior = self.account.nearest_superior(&record.name)?;
        let parent = update.parent.unwrap_or(superior);
        let leaf = record.name.as_str().rsplit(SEPARATOR).next().unwrap_or_default();
        let name = update.name.as_deref().unwrap_or(leaf);
        if parent == superior && name == leaf {
            return Ok(None);
        }
        // RFC 8621 §2.5: there is always an INBOX, and it has no superior.
        if mailbox == INBOX {
            return Err(MailboxRefused::Forbidden);
        }
        self.require(mailbox, Rights::DELETE)?;
        let to = self.full_name(parent, name)?;
        if to == record.name {
            return Ok(None);
        }
        if to.is_below(&record.name) || parent == Some(mailbox) {
            return Err(MailboxRefused::Loop);
        }
        match self.account.mailbox_named(&to)? {
            Some(_) => Err(MailboxRefused::NameTaken),
            None => Ok(Some(to)),
        }
    }
    fn rename(&mut self, from: &MailboxName, to: &MailboxName) -> Refusable<()> {
        let renamed = match self.visitor {
            None => coi::names::rename(self.account, &self.lent.options, from, to)?,
            Some(guest) => {
                guest.may_take(self.account, &self.lent.options, from)?;
                guest.may_make(self.account, &self.lent.options, to)?;
                self.account.rename(from, to)?
            }
        };
        match renamed {
            Renamed::Done => Ok(()),
            Renamed::Inbox(_) => Err(MailboxRefused::Forbidden),
        }
    }
    fn destroy(&mut self, mailbox: MailboxId, remove_emails: bool) -> Refusable<()> {
        let record = self.known(mailbox)?;
        if mailbox == INBOX {
            return Err(MailboxRefused::Forbidden);
        }
        self.require(mailbox, Rights::DELETE)?;
        if self.account.has_mailboxes_below(&record.name)? {
            return Err(MailboxRefused::HasChild);
        }
        if !remove_emails && self.account.shown_messages(mailbox)? > 0 {
            return Err(MailboxRefused::HasEmail);
        }
        self.account.frees_space();
        match self.visitor {
            None => coi::names::delete(self.account, &self.lent.options, &record.name)?,
            Some(guest) => {
                guest.may_take(self.account, &self.lent.options, &record.name)?;
                self.account.delete(&record.name)?
            }
        };
        Ok(())
    }
}
