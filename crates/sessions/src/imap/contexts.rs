//! Searches whose changes are told as they happen: UPDATE (RFC 5267 §4.3), with items of new messages that
//! match (RFC 5465 §7).
//!
//! What a context keeps is what its client has been told. When the view of the mailbox moves on, only
//! messages that changed are asked again: what is gone leaves the list before EXPUNGE says so, everything
//! else is told after EXISTS and FETCH, so that every number is right where it stands. Must not: know how a
//! search is read.

use std::sync::Arc;

use koi_mailbox::{SearchRun, SortOrder, SortRun};
use koi_message::Collation;
use koi_proto::imap::Tag;
use koi_proto::imap::command::{FetchItem, SearchKey};
use koi_proto::imap::response::{Code, ListChange, Status, context_changes, status};
use koi_types::{NumSet, Result, Timestamp, UidSet, limits};

use super::cmd::meaning::{self, Meaning};
use super::core::Core;
use super::open::Open;
use crate::selected::{Numbering, Selected};

/// How often a search for what is younger or older than a time is asked again for all messages, in seconds
/// (RFC 5032 §2).
const TIMES_EVERY_S: u32 = 60;

/// One search with UPDATE.
pub(crate) struct UpdateContext {
    pub(crate) tag: Tag,
    pub(crate) by_uid: bool,
    /// Without message sequence numbers: those mean what they meant at the command (RFC 5267 §4.3).
    pub(crate) keys: Vec<SearchKey>,
    /// What they take in memory.
    pub(crate) keys_octets: usize,
    pub(crate) collation: Collation,
    /// For SORT.
    pub(crate) order: Option<SortOrder>,
    /// UIDs the client knows of, in the order of the list.
    pub(crate) results: Results,
    /// When all messages were asked.
    pub(crate) asked_at: Timestamp,
    /// What is told of new messages that come into the result; mostly nothing.
    pub(crate) items: Arc<[FetchItem]>,
}

/// New messages, and what is told of them.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) items: Arc<[FetchItem]>,
    pub(crate) uids: NumSet,
}

impl UpdateContext {
    /// Octets of memory it takes.
    pub(crate) fn memory_octets(&self) -> usize {
        let items = self.items.len() * size_of::<FetchItem>();
        size_of::<Self>() + self.keys_octets + self.results.memory_octets() + items
    }
}

/// What the keys of a search take in memory.
pub(crate) fn keys_octets(keys: &[SearchKey]) -> usize {
    keys.iter().map(SearchKey::memory_octets).sum()
}

pub(crate) enum Results {
    Set(NumSet),
    /// In an order of their own, and the same as a set.
    Ordered {
        list: Vec<u32>,
        set: NumSet,
    },
}

impl Results {
    const fn set(&self) -> &NumSet {
        match self {
            Self::Set(set) | Self::Ordered { set, .. } => set,
        }
    }
    fn memory_octets(&self) -> usize {
        match self {
            Self::Set(set) => set.memory_octets(),
            Self::Ordered { list, set } => list.capacity() * size_of::<u32>() + set.memory_octets(),
        }
    }
    /// Numbers in lists that have an order of their own; a set costs next to nothing.
    pub(crate) fn ordered(&self) -> usize {
        match self {
            Self::Set(_) => 0,
            Self::Ordered { list, .. } => list.len(),
        }
    }
    /// Takes these out. Answers what the client is to be told, by what it calls them.
    fn remove(&mut self, gone: &NumSet, name: &dyn Fn(u32) -> Option<u32>) -> Vec<ListChange> {
        match self {
            Self::Set(set) => {
                let left = set.intersect(gone);
                *set = set.difference(gone);
                in_mailbox_order(&left, name)
            }
            Self::Ordered { set, .. } if set.intersect(gone).is_empty() => Vec::new(),
            Self::Ordered { list, set } => {
                *set = set.difference(gone);
                let mut changes = Changes::default();
                let mut kept = Vec::with_capacity(list.len());
                for uid in std::mem::take(list) {
                    match gone.contains(uid) {
                        // What went before is not there any more, so a run goes from one place.
                        true => changes.at(kept.len(), name(uid), false),
                        false => kept.push(uid),
                    }
                }
                *list = kept;
                changes.list
            }
        }
    }
}

fn in_mailbox_order(uids: &NumSet, name: &dyn Fn(u32) -> Option<u32>) -> Vec<ListChange> {
    let numbers: Vec<u32> = uids.iter().filter_map(name).collect();
    if numbers.is_empty() { Vec::new() } else { vec![ListChange { position: 0, numbers }] }
}

/// Changes of an ordered list, runs of which go together.
#[derive(Default)]
struct Changes {
    list: Vec<ListChange>,
    /// Where the next result would have to be to go with the last.
    next: Option<usize>,
}

impl Changes {
    /// `place` counts from 0; `grows` when every result moves the place of the next.
    fn at(&mut self, place: usize, number: Option<u32>, grows: bool) {
        let Some(number) = number else { return };
        match self.list.last_mut() {
            Some(last) if self.next == Some(place) => last.numbers.push(number),
            _ => {
                let position = u32::try_from(place + 1).unwrap_or(u32::MAX);
                self.list.push(ListChange { position, numbers: vec![number] });
            }
        }
        self.next = Some(place + usize::from(grows));
    }
}

/// The view before it moves on.
pub(crate) struct Before {
    known: NumSet,
    numbering: Numbering,
    /// Messages that are not new to the client, which has put them there.
    own_added: NumSet,
}

impl Before {
    /// Nothing when nobody asked for updates.
    pub(crate) fn of(open: &Open) -> Option<Self> {
        let view = &open.view;
        (!open.contexts.is_empty()).then(|| Self {
            known: view.known().clone(),
            numbering: view.numbering(),
            own_added: open.own_added.clone(),
        })
    }
}

/// One round of updates.
pub(crate) struct Updating {
    numbering: Numbering,
    gone: NumSet,
    /// Messages that may have come into a result, or left it.
    touched: NumSet,
    /// Those that others put there.
    new: NumSet,
    arrived: Vec<Arrived>,
    /// The context that is asked.
    at: usize,
    asking: Asking,
    /// Lines before EXPUNGE, and after everything.
    before: Vec<u8>,
    after: Vec<u8>,
}

impl std::fmt::Debug for Updating {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Updating").field("at", &self.at).finish_non_exhaustive()
    }
}

enum Asking {
    Begin,
    Search(SearchRun, NumSet),
    Sort(SortRun, Vec<ListChange>, NumSet),
}

impl Updating {
    pub(crate) fn new(before: Before, view: &Selected) -> Self {
        let gone = before.known.difference(view.known());
        let mut touched = view.known().difference(&before.known);
        let new = touched.difference(&before.own_added);
        // `*` in a set of UIDs means the last message, whichever that is.
        let (was_last, last) = (before.known.last(), view.known().last());
        if was_last != last {
            was_last.into_iter().chain(last).for_each(|uid| touched.insert(uid));
            touched = touched.intersect(view.known());
        }
        let numbering = before.numbering;
        Self {
            numbering,
            gone,
            touched,
            new,
            arrived: Vec::new(),
            at: 0,
            asking: Asking::Begin,
            before: Vec::new(),
            after: Vec::new(),
        }
    }
    /// New messages that items were asked for of.
    pub(crate) fn take_arrived(&mut self) -> Vec<Arrived> {
        std::mem::take(&mut self.arrived)
    }
    /// The flags of these have changed.
    pub(crate) fn touch(&mut self, uids: &NumSet) {
        self.touched.extend(uids);
    }
    /// Goes on for a bounded time. Answers whether all contexts were asked.
    pub(crate) fn advance(&mut self, core: &mut Core) -> bool {
        while context(core, self.at).is_some() {
            match self.ask(core) {
                Ok(true) => self.at += 1,
                Ok(false) => return false,
                Err(_) => self.give_up(core),
            }
        }
        true
    }
    /// What cannot be followed any more is said, and not followed.
    fn give_up(&mut self, core: &mut Core) {
        self.asking = Asking::Begin;
        let Some(open) = &mut core.selected else { return };
        if self.at < open.contexts.len() {
            let context = open.contexts.remove(self.at);
            let code = Code::NoUpdate(&context.tag);
            status(None, Status::No, Some(&code), "this search cannot be followed", &mut self.after);
        }
    }
    /// Lines that come before EXPUNGE.
    pub(crate) fn write_before(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.before);
    }
    /// Lines that come after all others.
    pub(crate) fn write_after(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.after);
    }
    /// One piece of one context; whether it is done.
    fn ask(&mut self, core: &mut Core) -> Result<bool> {
        match std::mem::replace(&mut self.asking, Asking::Begin) {
            Asking::Begin => self.begin(core),
            Asking::Search(mut run, asked) => {
                if !run.advance()? {
                    self.asking = Asking::Search(run, asked);
                    return Ok(false);
                }
                self.found(core, run.found(), &asked)
            }
            Asking::Sort(mut run, removed, coming) => {
                if !run.advance()? {
                    self.asking = Asking::Sort(run, removed, coming);
                    return Ok(false);
                }
                let Some((view, context)) = context(core, self.at) else { return Ok(true) };
                let name = Name::new(view, context.by_uid);
                let mut changes = Changes::default();
                for place in run.places_of(&coming) {
                    changes.at(place, run.sorted().get(place).and_then(|uid| name.of(*uid)), true);
                }
                let mut set = context.results.set().clone();
                set.extend(&coming);
                context.results = Results::Ordered { list: run.into_sorted(), set };
                context_changes(&context.tag, context.by_uid, &removed, &changes.list, &mut self.after);
                Ok(true)
            }
        }
    }
    /// What is gone leaves; what changed is asked again.
    fn begin(&mut self, core: &mut Core) -> Result<bool> {
        let now = core.now;
        let Some((view, context)) = context(core, self.at) else { return Ok(true) };
        let gone = match context.by_uid {
            true => context.results.remove(&self.gone, &Some),
            false => context.results.remove(&self.gone, &|uid| self.numbering.seqnum(uid)),
        };
        context_changes(&context.tag, context.by_uid, &gone, &[], &mut self.before);
        let due = now >= context.asked_at.plus_secs(TIMES_EVERY_S);
        let all = due && context.keys.iter().any(meaning::depends_on_time);
        let asked = if all { view.known().clone() } else { self.touched.clone() };
        if asked.is_empty() {
            return Ok(true);
        }
        if all {
            context.asked_at = now;
        }
        let Ok(filter) = Meaning { view, now }.by(context.collation, &context.keys) else {
            return Ok(true);
        };
        let mailbox = view.mailbox;
        self.asking = Asking::Search(core.open()?.account.search(mailbox, asked.clone(), &filter)?, asked);
        Ok(false)
    }
    /// Of what was asked, this matches.
    fn found(&mut self, core: &mut Core, found: &UidSet, asked: &NumSet) -> Result<bool> {
        let Some((view, context)) = context(core, self.at) else { return Ok(true) };
        let name = Name::new(view, context.by_uid);
        let coming = found.0.difference(context.results.set());
        // RFC 5465 §7: nothing of messages that match because of their flags.
        let uids = coming.intersect(&self.new);
        if !context.items.is_empty() && !uids.is_empty() {
            self.arrived.push(Arrived { items: Arc::clone(&context.items), uids });
        }
        let removed = context.results.remove(&asked.difference(&found.0), &|uid| name.of(uid));
        let list = match &mut context.results {
            Results::Set(set) => {
                set.extend(&coming);
                let added = in_mailbox_order(&coming, &|uid| name.of(uid));
                context_changes(&context.tag, context.by_uid, &removed, &added, &mut self.after);
                return Ok(true);
            }
            Results::Ordered { .. } if coming.is_empty() => {
                context_changes(&context.tag, context.by_uid, &removed, &[], &mut self.after);
                return Ok(true);
            }
            Results::Ordered { list, .. } => list.clone(),
        };
        let (mailbox, order) = (view.mailbox, context.order.clone().unwrap_or_default());
        let coming = UidSet(coming);
        let sort = core.open()?.account.sort_into(mailbox, list, &coming, order);
        self.asking = Asking::Sort(sort, removed, coming.0);
        Ok(false)
    }
}

/// What the client calls a message now.
enum Name {
    Uid,
    SeqNum(Numbering),
}

impl Name {
    fn new(view: &Selected, by_uid: bool) -> Self {
        if by_uid { Self::Uid } else { Self::SeqNum(view.numbering()) }
    }
    fn of(&self, uid: u32) -> Option<u32> {
        match self {
            Self::Uid => Some(uid),
            Self::SeqNum(numbering) => numbering.seqnum(uid),
        }
    }
}

fn context(core: &mut Core, at: usize) -> Option<(&Selected, &mut UpdateContext)> {
    let open = core.selected.as_deref_mut()?;
    Some((&open.view, open.contexts.get_mut(at)?))
}

/// Why a search gets no updates, if it gets none.
pub(crate) fn refusal(contexts: &[UpdateContext], results: &Results, by_score: bool) -> Option<&'static str> {
    let ordered: usize = contexts.iter().map(|context| context.results.ordered()).sum();
    if contexts.len() >= limits::IMAP_UPDATES_MAX {
        return Some("too many searches with updates");
    }
    if ordered + results.ordered() > limits::IMAP_UPDATES_SORTED_MAX {
        return Some("too many messages in sorted results with updates");
    }
    by_score.then_some("scores change too often")
}
