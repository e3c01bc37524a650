//! Mailboxes of other users that a client watches (RFC 5465 §5.9): what is shared with the user, whose logs
//! are read, and what it means when rights come and go.
//!
//! Accounts are followed as long as they share something that the client asked for. Their logs
//! are read when they are heard of; rights are looked at only when the stamp of what is shared has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use koi_mailbox::{LogRead, SharedName, SharingStamp};
use koi_proto::imap::command::Events;
use koi_types::{AccountId, MailboxName, ModSeq, Result, limits};

use super::gather::{COMMITS_PER_STEP_MAX, Gathered, Look};
use super::interest::{Candidate, Interest};
use super::known::{Known, Place, Shared, may_read};
use super::own::Own;

/// What a client hears of others.
#[derive(Debug, Default)]
pub(super) struct Theirs {
    /// It may be that the client asked for something that others share.
    active: bool,
    stamp: SharingStamp,
    /// The stamp may be another.
    look: bool,
    /// How far the logs of others were read.
    followed: BTreeMap<AccountId, ModSeq>,
    /// Something was committed there.
    heard: BTreeSet<AccountId>,
    /// Those whose logs are read in this round; nothing between two rounds.
    reading: Option<Vec<AccountId>>,
    /// Names that were told with `\NoAccess`.
    no_access: BTreeSet<MailboxName>,
}

/// What must be looked up again.
#[derive(Debug, Default)]
pub(super) struct Reload {
    pub(super) all: bool,
    pub(super) owners: BTreeSet<AccountId>,
}

/// Names that are told because of rights.
#[derive(Debug, Default)]
pub(super) struct Access {
    pub(super) told: BTreeSet<MailboxName>,
    /// Those that are not there any more.
    pub(super) lost: BTreeSet<MailboxName>,
    /// May be read now, and could not be before.
    pub(super) gained: BTreeSet<Place>,
    /// Came, went, or has another name.
    pub(super) moved: BTreeSet<Place>,
}

impl Theirs {
    pub(super) fn new(look: Look<'_>, interest: &Interest) -> Result<Self> {
        let active = interest.may_concern_others();
        let stamp = if active { look.snapshot.sharing_stamp()? } else { SharingStamp::default() };
        Ok(Self { active, stamp, ..Self::default() })
    }
    pub(super) fn heard(&mut self, account: AccountId) {
        match self.followed.contains_key(&account) {
            true => drop(self.heard.insert(account)),
            // The user's own, or that by which whoever is concerned hears of sharing.
            false => self.look |= self.active,
        }
    }
    /// Accounts to be heard of, besides the user's own.
    pub(super) fn watched(&self) -> impl Iterator<Item = AccountId> {
        self.active.then_some(AccountId::GLOBAL).into_iter().chain(self.followed.keys().copied())
    }
    pub(super) fn follows(&self) -> usize {
        self.followed.len()
    }
    /// Octets of memory it takes; names are counted as long as most are.
    pub(super) fn memory_octets(&self) -> usize {
        let reading = self.reading.as_ref().map_or(0, Vec::len);
        let accounts = self.followed.len() + self.heard.len() + reading;
        accounts * 2 * size_of::<(AccountId, ModSeq)>()
            + self.no_access.len() * (2 * size_of::<MailboxName>() + 64)
    }
    pub(super) fn is_behind(&self) -> bool {
        self.look || self.reading.is_some() || !self.heard.is_empty()
    }
    /// Reads one log, or what there is to be read. Answers whether that was all.
    pub(super) fn read_on(&mut self, look: Look<'_>, own: &Own, gathered: &mut Gathered) -> Result<bool> {
        if std::mem::take(&mut self.look) {
            let stamp = look.snapshot.sharing_stamp()?;
            gathered.reload.all |= std::mem::replace(&mut self.stamp, stamp) != stamp;
        }
        // What is heard of from now on is for the next round, so that this one ends.
        let heard = &mut self.heard;
        let reading = self.reading.get_or_insert_with(|| std::mem::take(heard).into_iter().collect());
        if let Some(owner) = reading.last().copied()
            && read_log(&mut self.followed, owner, look, own, gathered)?
        {
            reading.pop();
        }
        let done = reading.is_empty();
        if done {
            self.reading = None;
        }
        Ok(done)
    }
    /// What is shared now, where it must be looked up again.
    pub(super) fn reload(&self, look: Look<'_>, known: &Known, reload: &Reload) -> Result<Arc<Shared>> {
        if !self.active {
            return Ok(Arc::default());
        }
        if reload.all {
            return Ok(Arc::new(placed(look.snapshot.shared()?).collect()));
        }
        let mut shared = Arc::clone(&known.shared);
        for owner in reload.owners.iter().filter(|owner| self.followed.contains_key(owner)) {
            let all = Arc::make_mut(&mut shared);
            all.retain(|place, _| place.owner != *owner);
            all.extend(placed(look.snapshot.shared_by(*owner)?));
        }
        Ok(shared)
    }
    /// Follows those that share something the client wants to hear of, from now on, and no others.
    pub(super) fn follow(&mut self, look: Look<'_>, interest: &Interest, known: &Known) -> Result<()> {
        // RFC 5465 §5.4: names are told of what can be listed, everything else of what can be read.
        let is_wanted = |shared: &&SharedName| {
            let wanted = interest.of(Candidate::new(&shared.name, &known.all, look.service));
            !wanted.is_empty() && (may_read(shared) || wanted.contains(Events::MAILBOX_NAME))
        };
        let wanted: BTreeSet<AccountId> =
            known.shared.values().filter(is_wanted).filter_map(|shared| shared.mailbox.owner).collect();
        self.followed.retain(|owner, _| wanted.contains(owner));
        self.heard.retain(|owner| wanted.contains(owner));
        for owner in wanted {
            if let std::collections::btree_map::Entry::Vacant(new) = self.followed.entry(owner) {
                new.insert(look.snapshot.modseq_of(owner)?.unwrap_or(ModSeq::MIN));
            }
        }
        Ok(())
    }
    /// What has become of names by rights that came and went, as far as the client asked for any event of
    /// them. Of what it has done itself nothing is told.
    pub(super) fn compare(
        &mut self,
        before: &Known,
        now: &Known,
        by_itself: &BTreeSet<Place>,
        is_wanted: &dyn Fn(&MailboxName) -> bool,
    ) -> Access {
        let mut access = Access::default();
        if Arc::ptr_eq(&before.shared, &now.shared) {
            return access;
        }
        let places: BTreeSet<Place> = before.shared.keys().chain(now.shared.keys()).copied().collect();
        for place in places.difference(by_itself) {
            let (then, since) = (before.shared.get(place), now.shared.get(place));
            if then == since {
                continue;
            }
            if then.map(|shared| &shared.name) != since.map(|shared| &shared.name) {
                access.moved.insert(*place);
            }
            if since.is_some_and(may_read) && !then.is_some_and(may_read) {
                access.gained.insert(*place);
            }
            match since {
                None => self.lost(then, &mut access, is_wanted),
                Some(since) => self.changed(then, since, &mut access, is_wanted),
            }
        }
        access
    }
    fn lost(
        &mut self,
        then: Option<&SharedName>,
        access: &mut Access,
        is_wanted: &dyn Fn(&MailboxName) -> bool,
    ) {
        let Some(name) = then.map(|shared| &shared.name) else { return };
        access.lost.insert(name.clone());
        if is_wanted(name) {
            access.told.insert(name.clone());
            self.tell_no_access(name);
        }
    }
    fn changed(
        &mut self,
        then: Option<&SharedName>,
        since: &SharedName,
        access: &mut Access,
        is_wanted: &dyn Fn(&MailboxName) -> bool,
    ) {
        let was_told = then.is_some_and(|then| self.no_access.remove(&then.name));
        let was_told = self.no_access.remove(&since.name) || was_told;
        let tells = match may_read(since) {
            // RFC 5465 §5.9: only where `\NoAccess` was told before.
            true => was_told,
            // RFC 5465 §3.1
            false => (then.is_some_and(may_read) || !was_told) && is_wanted(&since.name),
        };
        if tells {
            access.told.insert(since.name.clone());
        }
        if !may_read(since) && (tells || was_told) {
            self.tell_no_access(&since.name);
        }
    }
    fn tell_no_access(&mut self, name: &MailboxName) {
        if self.no_access.len() < limits::SHARED_WITH_USER_MAX {
            self.no_access.insert(name.clone());
        }
    }
    /// What the client asked for and may look up, but not read (RFC 5465 §3.1).
    pub(super) fn unreadable(
        &mut self,
        known: &Known,
        is_wanted: &dyn Fn(&MailboxName) -> bool,
    ) -> Vec<MailboxName> {
        let names = known.shared.values().filter(|shared| !may_read(shared)).map(|shared| &shared.name);
        let names: Vec<MailboxName> = names.filter(|name| is_wanted(name)).cloned().collect();
        names.iter().for_each(|name| self.tell_no_access(name));
        names
    }
}

fn placed(shared: Vec<SharedName>) -> impl Iterator<Item = (Place, SharedName)> {
    shared.into_iter().filter_map(|shared| {
        let owner = shared.mailbox.owner?;
        Some((Place { owner, mailbox: shared.mailbox.id }, shared))
    })
}

/// Answers whether it was read to its end.
fn read_log(
    followed: &mut BTreeMap<AccountId, ModSeq>,
    owner: AccountId,
    look: Look<'_>,
    own: &Own,
    gathered: &mut Gathered,
) -> Result<bool> {
    let Some(read) = followed.get_mut(&owner) else { return Ok(true) };
    let now = look.snapshot.modseq_of(owner)?;
    let log = look.snapshot.changes_of(owner, *read, COMMITS_PER_STEP_MAX, &mut |change| {
        gathered.add(owner, change, own, look.selected);
    })?;
    let (Some(log), Some(now)) = (log, now) else {
        // The account was removed.
        gathered.reload.owners.insert(owner);
        return Ok(true);
    };
    *read = match log {
        LogRead::Upto(upto) => upto,
        LogRead::TooLongAgo => {
            gathered.reload.owners.insert(owner);
            gathered.unread.insert(owner);
            now
        }
    };
    Ok(*read >= now)
}
