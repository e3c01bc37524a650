//! Which emails there are, as somebody sees them who is not shown what is `\Deleted` (RFC 8621 §4.1.1): one
//! row for each, in memory, with what listing, counting and ordering need.
//!
//! It follows from the rows of messages and can be made anew at any time. A row keeps its slot for as long as
//! the table lives. Must not: read anything itself.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};

use koi_types::{EmailId, MailboxId, SystemFlags, ThreadId, Timestamp, Uid};

use super::counts::Counts;
use super::keyword_sets::{KeywordSet, KeywordSets};

/// One message: an email in a mailbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Member {
    pub(crate) mailbox: MailboxId,
    pub(crate) uid: Uid,
    pub(crate) flags: SystemFlags,
    pub(crate) keywords: KeywordSet,
}

impl Member {
    pub(crate) const fn is_shown(&self) -> bool {
        !self.flags.contains(SystemFlags::DELETED)
    }
    pub(crate) fn is_at(&self, place: Place) -> bool {
        self.mailbox == place.mailbox && self.uid == place.uid
    }
}

/// A message by where it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct Place {
    pub(crate) mailbox: MailboxId,
    pub(crate) uid: Uid,
}

/// The messages of one email; mostly there is one.
#[derive(Clone, Debug)]
enum Members {
    One(Member),
    Many(Vec<Member>),
}

/// One email.
#[derive(Clone, Debug)]
pub(crate) struct EmailEntry {
    pub(crate) id: EmailId,
    pub(crate) thread: ThreadId,
    pub(crate) received_at: Timestamp,
    pub(crate) octets: u32,
    members: Members,
}

impl EmailEntry {
    pub(crate) fn members(&self) -> &[Member] {
        match &self.members {
            Members::One(one) => std::slice::from_ref(one),
            Members::Many(many) => many,
        }
    }
    /// The messages that are not `\Deleted`.
    pub(crate) fn shown(&self) -> impl Iterator<Item = &Member> {
        self.members().iter().filter(|member| member.is_shown())
    }
    pub(crate) fn is_shown(&self) -> bool {
        self.members().iter().any(Member::is_shown)
    }
    pub(crate) fn is_in(&self, mailbox: MailboxId) -> bool {
        self.shown().any(|member| member.mailbox == mailbox)
    }
    /// Its mailboxes, each once.
    pub(crate) fn mailboxes(&self) -> Vec<MailboxId> {
        let mut mailboxes: Vec<MailboxId> = self.shown().map(|member| member.mailbox).collect();
        mailboxes.sort_unstable();
        mailboxes.dedup();
        mailboxes
    }
    /// Flags as one: any message's, but `\Seen` only if all have it.
    pub(crate) fn flags(&self) -> SystemFlags {
        let mut all = SystemFlags::NONE;
        let mut seen = SystemFlags::SEEN;
        for member in self.shown() {
            all = all.union(member.flags);
            seen = SystemFlags(seen.0 & member.flags.0);
        }
        all.without(SystemFlags::SEEN).union(seen)
    }
    /// RFC 8621 §2, unreadEmails: neither seen nor a draft.
    pub(crate) fn is_unread(&self) -> bool {
        let flags = self.flags();
        !flags.contains(SystemFlags::SEEN) && !flags.contains(SystemFlags::DRAFT)
    }
    /// Answers how the message was before, if it was there.
    fn set(&mut self, new: Member) -> Option<Member> {
        let place = Place { mailbox: new.mailbox, uid: new.uid };
        match &mut self.members {
            Members::One(one) if one.is_at(place) => return Some(std::mem::replace(one, new)),
            Members::One(one) => self.members = Members::Many(vec![*one, new]),
            Members::Many(many) => match many.iter_mut().find(|member| member.is_at(place)) {
                Some(member) => return Some(std::mem::replace(member, new)),
                None => many.push(new),
            },
        }
        None
    }
    /// Answers whether any message is left.
    fn retain(&mut self, keep: impl Fn(&Member) -> bool) -> bool {
        match &mut self.members {
            Members::One(one) => keep(one),
            Members::Many(many) => {
                many.retain(keep);
                if let [one] = many.as_slice() {
                    self.members = Members::One(*one);
                    return true;
                }
                !many.is_empty()
            }
        }
    }
}

/// A message that is there, as its row says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Present<'k> {
    pub(crate) email: EmailId,
    pub(crate) place: Place,
    pub(crate) flags: SystemFlags,
    pub(crate) keywords: &'k [u16],
    pub(crate) received_at: Timestamp,
    pub(crate) octets: u32,
}

/// Slots of the emails of a thread.
#[derive(Clone, Debug)]
enum Slots {
    One(u32),
    Many(Vec<u32>),
}

impl Slots {
    fn list(&self) -> &[u32] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
    fn add(&mut self, slot: u32) {
        match self {
            Self::One(one) => *self = Self::Many(vec![*one, slot]),
            Self::Many(many) => many.push(slot),
        }
    }
}

/// So many emails that came or are gone are taken one by one; for more, everything is gone through once.
const FEW_MAX: usize = 8;

/// How many tables were made.
static TABLES: AtomicU64 = AtomicU64::new(0);

/// A table at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct TableVersion {
    /// Slots mean the same in all tables of this number.
    pub(super) number: u64,
    modseq: u64,
}

impl TableVersion {
    /// Of no table.
    pub(super) const NONE: Self = Self { number: u64::MAX, modseq: 0 };
}

/// All emails of an account for one who looks.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// Of this table and its copies: slots mean the same in all of them.
    pub(crate) number: u64,
    /// As of when.
    pub(crate) modseq: u64,
    /// When names and roles changed last that are reckoned with.
    pub(crate) names_modseq: u64,
    slots: Vec<Option<EmailEntry>>,
    by_id: HashMap<EmailId, u32>,
    threads: HashMap<ThreadId, Slots>,
    /// Slots in the order in which emails were received; equal ones by their ids.
    by_received: Vec<u32>,
    keywords: KeywordSets,
    pub(crate) counts: Counts,
    /// Everything is loaded: there are orders and counts.
    complete: bool,
    /// Emails that are gone since [`Table::settle`]; orders and threads still have their slots.
    holes: Vec<Hole>,
    /// So many slots at the end of `by_received` are not in their places yet.
    fresh: usize,
}

/// A slot of which the email is gone.
#[derive(Clone, Debug)]
struct Hole {
    slot: u32,
    order: Received,
    thread: ThreadId,
}

impl Table {
    pub(crate) fn new(modseq: u64, names_modseq: u64, trash: Option<MailboxId>) -> Self {
        Self {
            number: TABLES.fetch_add(1, Ordering::Relaxed),
            modseq,
            names_modseq,
            slots: Vec::new(),
            by_id: HashMap::new(),
            threads: HashMap::new(),
            by_received: Vec::new(),
            keywords: KeywordSets::default(),
            counts: Counts::new(trash),
            complete: false,
            holes: Vec::new(),
            fresh: 0,
        }
    }
    pub(super) const fn version(&self) -> TableVersion {
        TableVersion { number: self.number, modseq: self.modseq }
    }
    pub(crate) fn slot(&self, slot: u32) -> Option<&EmailEntry> {
        self.slots.get(slot as usize)?.as_ref()
    }
    pub(crate) fn slot_of(&self, id: EmailId) -> Option<u32> {
        self.by_id.get(&id).copied()
    }
    pub(crate) fn email(&self, id: EmailId) -> Option<&EmailEntry> {
        self.slot(self.slot_of(id)?)
    }
    /// One past the last slot.
    pub(crate) fn slots_end(&self) -> u32 {
        u32::try_from(self.slots.len()).unwrap_or(u32::MAX)
    }
    /// Slots of all emails, as they were received.
    pub(crate) fn by_received(&self) -> &[u32] {
        &self.by_received
    }
    /// Puts slots in that order.
    pub(crate) fn sort_by_received(&self, slots: &mut [u32]) {
        slots.sort_unstable_by_key(|slot| self.order(*slot));
    }
    /// The emails of a thread, in no order, those that are not shown too.
    pub(crate) fn thread(&self, thread: ThreadId) -> impl Iterator<Item = &EmailEntry> {
        let slots = self.threads.get(&thread).map(Slots::list).unwrap_or_default();
        slots.iter().filter_map(|slot| self.slot(*slot))
    }
    /// Keyword numbers of a set.
    pub(crate) fn numbers(&self, set: KeywordSet) -> &[u16] {
        self.keywords.numbers(set)
    }
    /// Whether any message of the email that is shown has the keyword.
    pub(crate) fn has_keyword(&self, email: &EmailEntry, number: u16) -> bool {
        email.shown().any(|member| self.numbers(member.keywords).contains(&number))
    }
    /// Keyword numbers of all messages of the email that are shown, ascending.
    pub(crate) fn keywords_of(&self, email: &EmailEntry) -> Vec<u16> {
        let mut numbers: Vec<u16> =
            email.shown().flat_map(|member| self.numbers(member.keywords)).copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
    /// Everything was loaded: orders and counts.
    pub(crate) fn complete(&mut self) {
        self.settle();
        let mut slots = std::mem::take(&mut self.by_received);
        slots.retain(|slot| self.slot(*slot).is_some());
        slots.sort_unstable_by_key(|slot| self.order(*slot));
        self.by_received = slots;
        (self.complete, self.fresh) = (true, 0);
        self.count_all();
    }
    /// Whether everything was loaded.
    pub(crate) const fn is_complete(&self) -> bool {
        self.complete
    }
    /// Counts anew, with this mailbox for the trash.
    pub(crate) fn recount(&mut self, trash: Option<MailboxId>) {
        self.counts = Counts::new(trash);
        self.count_all();
    }
    fn count_all(&mut self) {
        if !self.complete {
            return;
        }
        let mut counts = std::mem::take(&mut self.counts);
        for slots in self.threads.values() {
            counts.add(slots.list().iter().filter_map(|slot| self.slot(*slot)));
        }
        self.counts = counts;
    }
    /// Takes a thread out of the counts, before something in it changes.
    pub(crate) fn uncount(&mut self, thread: ThreadId) {
        if !self.complete {
            return;
        }
        let mut counts = std::mem::take(&mut self.counts);
        counts.remove(self.thread(thread));
        self.counts = counts;
    }
    /// Puts it in again.
    pub(crate) fn count(&mut self, thread: ThreadId) {
        if !self.complete {
            return;
        }
        let mut counts = std::mem::take(&mut self.counts);
        counts.add(self.thread(thread));
        self.counts = counts;
    }
    /// A message is there, perhaps changed. Its thread must not be counted meanwhile, and
    /// [`Table::settle`] must follow.
    pub(crate) fn set(&mut self, present: &Present<'_>, thread: ThreadId) {
        let Place { mailbox, uid } = present.place;
        let keywords = self.keywords.take(present.keywords);
        let member = Member { mailbox, uid, flags: present.flags, keywords };
        let known = self.by_id.get(&present.email).copied();
        if let Some(entry) = known.and_then(|slot| self.slots.get_mut(slot as usize)).and_then(Option::as_mut)
        {
            if let Some(before) = entry.set(member) {
                self.keywords.release(before.keywords);
            }
            return;
        }
        let slot = self.slots_end();
        self.slots.push(Some(EmailEntry {
            id: present.email,
            thread,
            received_at: present.received_at,
            octets: present.octets,
            members: Members::One(member),
        }));
        self.by_id.insert(present.email, slot);
        self.threads.entry(thread).and_modify(|slots| slots.add(slot)).or_insert(Slots::One(slot));
        self.by_received.push(slot);
        self.fresh += 1;
    }
    /// Messages of an email are gone. Its thread must not be counted meanwhile, and [`Table::settle`] must
    /// follow.
    pub(crate) fn remove(&mut self, email: EmailId, is_gone: impl Fn(&Member) -> bool) {
        let Some(slot) = self.slot_of(email) else { return };
        let order = self.order(slot);
        let Some(place) = self.slots.get_mut(slot as usize) else { return };
        let Some(entry) = place.as_mut() else { return };
        for member in entry.members().iter().filter(|member| is_gone(member)) {
            self.keywords.release(member.keywords);
        }
        if entry.retain(|member| !is_gone(member)) {
            return;
        }
        let thread = entry.thread;
        *place = None;
        self.by_id.remove(&email);
        self.holes.push(Hole { slot, order, thread });
    }
    /// After messages came or went: puts threads and orders right. A few cost little each; many cost as much
    /// as the table has emails, however many they are.
    pub(crate) fn settle(&mut self) {
        let holes = std::mem::take(&mut self.holes);
        self.settle_threads(&holes);
        if !self.complete {
            return;
        }
        let fresh = self.by_received.len().saturating_sub(std::mem::take(&mut self.fresh));
        let mut fresh = self.by_received.split_off(fresh);
        self.take_out(&holes);
        // Those may be gone again.
        fresh.retain(|slot| self.slot(*slot).is_some());
        self.put_in(fresh);
    }
    fn settle_threads(&mut self, holes: &[Hole]) {
        let mut threads: Vec<ThreadId> = holes.iter().map(|hole| hole.thread).collect();
        threads.sort_unstable();
        threads.dedup();
        for thread in threads {
            let left = match self.threads.get_mut(&thread) {
                Some(Slots::Many(many)) => {
                    many.retain(|slot| self.slots.get(*slot as usize).is_some_and(Option::is_some));
                    !many.is_empty()
                }
                Some(Slots::One(one)) => self.slots.get(*one as usize).is_some_and(Option::is_some),
                None => true,
            };
            if !left {
                self.threads.remove(&thread);
            }
        }
    }
    fn take_out(&mut self, holes: &[Hole]) {
        if holes.len() > FEW_MAX {
            let slots = &self.slots;
            self.by_received.retain(|slot| slots.get(*slot as usize).is_some_and(Option::is_some));
            return;
        }
        for (at, hole) in holes.iter().enumerate() {
            // The later ones are still where they were.
            let left = holes.get(at..).unwrap_or_default();
            let order = |slot: u32| match left.iter().find(|hole| hole.slot == slot) {
                Some(hole) => hole.order,
                None => self.order(slot),
            };
            let at = self.by_received.partition_point(|other| order(*other) < hole.order);
            if self.by_received.get(at) == Some(&hole.slot) {
                self.by_received.remove(at);
            }
        }
    }
    /// What lies before the first of the new ones is not touched: mostly that is all.
    fn put_in(&mut self, mut fresh: Vec<u32>) {
        if fresh.len() <= FEW_MAX {
            for slot in fresh {
                let order = self.order(slot);
                let at = self.by_received.partition_point(|other| self.order(*other) < order);
                self.by_received.insert(at, slot);
            }
            return;
        }
        self.sort_by_received(&mut fresh);
        let Some(first) = fresh.first().map(|slot| self.order(*slot)) else { return };
        let at = self.by_received.partition_point(|other| self.order(*other) < first);
        let behind = self.by_received.split_off(at);
        let mut merged = Vec::with_capacity(behind.len() + fresh.len());
        let mut behind = behind.into_iter().peekable();
        for slot in fresh {
            let order = self.order(slot);
            while let Some(other) = behind.next_if(|other| self.order(*other) < order) {
                merged.push(other);
            }
            merged.push(slot);
        }
        merged.extend(behind);
        self.by_received.append(&mut merged);
    }
    /// Emails with a message in one of some mailboxes.
    pub(crate) fn emails_in(&self, mailboxes: &BTreeSet<MailboxId>) -> Vec<EmailId> {
        if mailboxes.is_empty() {
            return Vec::new();
        }
        let in_them = |member: &Member| mailboxes.contains(&member.mailbox);
        let entries = self.slots.iter().flatten();
        entries.filter(|entry| entry.members().iter().any(in_them)).map(|entry| entry.id).collect()
    }
    /// Mailboxes with emails of the threads that have an unread one in this mailbox, itself among them.
    pub(crate) fn beside_unread(&self, mailbox: MailboxId) -> BTreeSet<MailboxId> {
        let unread = |entry: &&EmailEntry| entry.is_in(mailbox) && entry.is_unread();
        let threads: BTreeSet<ThreadId> =
            self.slots.iter().flatten().filter(unread).map(|entry| entry.thread).collect();
        let beside = threads.into_iter().flat_map(|thread| self.thread(thread));
        beside.flat_map(EmailEntry::mailboxes).collect()
    }
    fn order(&self, slot: u32) -> Received {
        let entry = self.slot(slot);
        Received {
            at: entry.map_or(Timestamp(i64::MIN), |entry| entry.received_at),
            id: entry.map_or(EmailId([0; 16]), |entry| entry.id),
        }
    }
    /// Memory it takes, about.
    pub(crate) fn octets(&self) -> usize {
        let entry = size_of::<Option<EmailEntry>>() + size_of::<u32>();
        let id = size_of::<EmailId>() + size_of::<u32>() + 4;
        let thread = size_of::<ThreadId>() + size_of::<Slots>() + 4;
        let emails = self.slots.capacity() * entry + self.by_id.capacity() * id;
        emails + self.threads.capacity() * thread + self.keywords.octets()
    }
    /// Slots of emails that are gone, which only making the table anew gives back.
    pub(crate) fn is_mostly_holes(&self) -> bool {
        self.slots.len() > 4096 && self.by_id.len() < self.slots.len() / 2
    }
}

/// The order of emails that were received.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Received {
    at: Timestamp,
    id: EmailId,
}

#[cfg(test)]
mod tests;
