//! SEARCH (RFC 9051 §6.4.4, RFC 3501 §6.4.4), ESEARCH (RFC 4731 §3), MODSEQ (RFC 7162 §3.1.5), saved results
//! (RFC 5182 §2.1), PARTIAL (RFC 9394 §3), UPDATE (RFC 5267 §4.3); SORT (RFC 5256 §3) and its RETURN (RFC 5267
//! §3), which are a search and then an order.

use std::ops::Range;

use koi_mailbox::{Examined, SearchRun, SortCriterion, SortKey, SortOrder, SortRun};
use koi_proto::imap::command::{self, PartialRange, ReturnOption, Search, Sort};
use koi_proto::imap::response::{self, Code, Esearch, Numbers, Partial, Status, esearch};
use koi_types::{ModSeq, NumSet, Result};

use super::meaning;
use crate::imap::contexts::{self, Results, UpdateContext};
use crate::imap::core::Comparator;
use crate::imap::job::{Context, Job, Outcome, at_once};
use crate::imap::progress::Work;
use crate::imap::reply::Reply;

pub(crate) fn search(search: Search) -> Box<dyn Job> {
    Box::new(Searching { search, criteria: Vec::new(), phase: Phase::Begin })
}

pub(crate) fn sort(sort: Sort) -> Box<dyn Job> {
    Box::new(Searching { search: sort.search, criteria: sort.criteria, phase: Phase::Begin })
}

/// RFC 5267 §4.3.5: what was never followed, or is not any more, needs no cancelling.
pub(crate) fn cancel_update(tags: Vec<Box<str>>) -> Box<dyn Job> {
    at_once(move |cx| {
        if let Some(open) = &mut cx.core.selected {
            open.contexts.retain(|context| !tags.iter().any(|tag| **tag == *context.tag.as_str()));
        }
        Ok(Reply::ok("no further updates"))
    })
}

struct Searching {
    search: Search,
    /// For SORT: by what.
    criteria: Vec<command::SortCriterion>,
    phase: Phase,
}

enum Phase {
    Begin,
    Search(SearchRun),
    Sort(SearchRun, SortRun),
}

impl Job for Searching {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        let outcome = self.go_on(cx);
        // RFC 5182 §2.1: a search that should have been saved and ends with NO leaves nothing saved.
        let failed = outcome.as_ref().map_or(true, |o| matches!(o, Outcome::Done(reply) if reply.is_no()));
        if failed && self.wants(ReturnOption::Save) {
            save(cx, NumSet::new());
        }
        outcome
    }
}

fn save(cx: &mut Context<'_>, found: NumSet) {
    if let Some(open) = &mut cx.core.selected {
        open.view.saved = found;
    }
}

impl Searching {
    fn go_on(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        match std::mem::replace(&mut self.phase, Phase::Begin) {
            Phase::Begin => {
                let filter = match meaning::filter(cx.core, self.search.charset, &self.search.keys)? {
                    Ok(filter) => filter,
                    Err(reply) => return Ok(Outcome::Done(reply)),
                };
                if let Some(reply) = self.misused(cx) {
                    return Ok(Outcome::Done(reply));
                }
                let view = cx.core.view()?;
                // What this client does not know of yet has no number, and is not looked at.
                let run = cx.core.open()?.account.search(view.mailbox, view.known().clone(), &filter)?;
                if self.wants_modseq() {
                    cx.core.enable_condstore(cx.out);
                }
                self.phase = Phase::Search(run);
                self.go_on(cx)
            }
            Phase::Search(mut run) => {
                if !run.advance()? {
                    cx.slice(work(&run))?;
                    self.phase = Phase::Search(run);
                    return Ok(Outcome::Yield);
                }
                if self.criteria.is_empty() {
                    let found = &run.found().0;
                    let found = Found { uids: found, sorted: None, modseq: run.modseq() };
                    self.answer(cx, &found)?;
                    self.follow(cx, &found)?;
                    return Ok(Outcome::Done(Reply::ok("SEARCH completed")));
                }
                let order = order(&self.criteria, cx.core.comparator);
                let sort = cx.core.open()?.account.sort(cx.core.view()?.mailbox, run.found(), order);
                self.phase = Phase::Sort(run, sort);
                self.go_on(cx)
            }
            Phase::Sort(run, mut sort) => {
                if !sort.advance()? {
                    cx.slice(work(&run))?;
                    self.phase = Phase::Sort(run, sort);
                    return Ok(Outcome::Yield);
                }
                let (uids, sorted) = (&run.found().0, Some(sort.sorted()));
                let found = Found { uids, sorted, modseq: run.modseq() };
                self.answer(cx, &found)?;
                self.follow(cx, &found)?;
                Ok(Outcome::Done(Reply::ok("SORT completed")))
            }
        }
    }
    fn wants_modseq(&self) -> bool {
        self.search.keys.iter().any(meaning::has_modseq)
    }
    fn wants(&self, option: ReturnOption) -> bool {
        self.search.returns.as_ref().is_some_and(|returns| returns.contains(&option))
    }

    fn answer(&self, cx: &mut Context<'_>, found: &Found<'_>) -> Result<()> {
        let view = cx.core.view()?;
        let numbered = found.numbered(view, self.search.by_uid);
        let modseq = found.modseq.filter(|_| self.wants_modseq());
        let returns = match (&self.search.returns, &numbered) {
            (Some(returns), _) => returns.as_slice(),
            (None, Numbered::Ordered(numbers)) => {
                response::sort(numbers, modseq, cx.out);
                return Ok(());
            }
            // RFC 9051 §6.4.4: without RETURN the answer is ESEARCH with ALL.
            (None, Numbered::Set(_)) if cx.core.rev2 => &[],
            (None, Numbered::Set(numbers)) => {
                response::search(numbers.iter(), modseq, cx.out);
                return Ok(());
            }
        };
        let wants = |option: ReturnOption| returns.contains(&option);
        // RFC 4731 §3.1: RETURN () means ALL.
        let all = wants(ReturnOption::All) || returns.is_empty();
        let range = self.partial();
        let part = range.map(|range| numbered.part(range));
        // RFC 5182 §2.4, RFC 9394 §3.2: without ALL and COUNT only what is answered counts.
        let picks = wants(ReturnOption::Min) || wants(ReturnOption::Max) || range.is_some();
        let picked = (!all && !wants(ReturnOption::Count) && picks).then(|| {
            let mut picked = found.ends(wants(ReturnOption::Min), wants(ReturnOption::Max));
            range.iter().for_each(|range| picked.extend(&found.part(*range)));
            picked
        });
        let modseq = match &picked {
            Some(picked) => self.modseq_of(cx, picked)?,
            None => modseq,
        };
        let answer = Esearch {
            tag: Some(cx.tag),
            by_uid: self.search.by_uid,
            min: numbered.first().filter(|_| wants(ReturnOption::Min)),
            max: numbered.last().filter(|_| wants(ReturnOption::Max)),
            count: wants(ReturnOption::Count).then(|| found.uids.count()),
            all: all.then(|| numbered.numbers()),
            partial: range.zip(part.as_ref()).map(|(range, part)| Partial { range, numbers: part.numbers() }),
            relevancy: None,
            mod_seq: modseq,
        };
        // RFC 5182 §2.1: SAVE alone asks for no answer.
        if returns != [ReturnOption::Save] {
            esearch(&answer, cx.out);
        }
        if wants(ReturnOption::Save) {
            save(cx, picked.unwrap_or_else(|| found.uids.clone()));
        }
        Ok(())
    }
    /// What RETURN asks for that cannot be.
    fn misused(&self, cx: &Context<'_>) -> Option<Reply> {
        let contexts = cx.core.selected.as_ref().map(|open| open.contexts.as_slice()).unwrap_or_default();
        // RFC 5267 §4.3
        let reused = contexts.iter().any(|context| context.tag == *cx.tag);
        (reused && self.wants(ReturnOption::Update)).then(|| Reply::bad("a search with this tag is being followed"))
    }
    fn partial(&self) -> Option<PartialRange> {
        self.search.returns.iter().flatten().find_map(|option| match option {
            ReturnOption::Partial(range) => Some(*range),
            _ => None,
        })
    }
    /// RFC 5267 §4.3: from now on changes of the result are told, if it is asked for.
    fn follow(&self, cx: &mut Context<'_>, found: &Found<'_>) -> Result<()> {
        if !self.wants(ReturnOption::Update) {
            return Ok(());
        }
        let Ok(keys) = meaning::frozen(&self.search.keys, cx.core.view()?) else { return Ok(()) };
        let order = (!self.criteria.is_empty()).then(|| order(&self.criteria, cx.core.comparator));
        let results = match found.sorted {
            Some(sorted) => Results::Ordered(sorted.to_vec()),
            None => Results::Set(found.uids.clone()),
        };
        let (collation, asked_at) = (cx.core.comparator.collation, cx.core.now);
        let (tag, by_uid) = (cx.tag.clone(), self.search.by_uid);
        let Some(open) = cx.core.selected.as_deref_mut() else { return Ok(()) };
        let by_score = self.criteria.iter().any(|criterion| criterion.key == command::SortKey::Relevancy);
        if let Some(why) = contexts::refusal(&open.contexts, &results, by_score) {
            response::status(None, Status::No, Some(&Code::NoUpdate(&tag)), why, cx.out);
            return Ok(());
        }
        open.contexts.push(UpdateContext { tag, by_uid, keys, collation, order, results, asked_at });
        Ok(())
    }
    /// RFC 7162 §3.1.10: with MIN and MAX alone, the modseq of only those messages.
    fn modseq_of(&self, cx: &Context<'_>, uids: &NumSet) -> Result<Option<ModSeq>> {
        if !self.wants_modseq() || uids.is_empty() {
            return Ok(None);
        }
        let mut highest = None;
        let _ = cx.core.open_snapshot()?.messages(cx.core.view()?.mailbox, uids, |row| {
            highest = highest.max(Some(row.modseq));
            std::ops::ControlFlow::Continue(())
        })?;
        Ok(highest)
    }
}

/// How far a search has come; what is done with what it finds is not counted.
pub(super) fn work(run: &SearchRun) -> Work {
    let Examined { messages, octets } = run.examined();
    Work { done: Some(messages), total: Some(run.total()), octets }
}

/// What was found, by UID.
struct Found<'a> {
    uids: &'a NumSet,
    /// The same in the order asked for.
    sorted: Option<&'a [u32]>,
    modseq: Option<ModSeq>,
}

impl Found<'_> {
    fn numbered(&self, view: &crate::selected::Selected, by_uid: bool) -> Numbered {
        match (self.sorted, by_uid) {
            (Some(sorted), true) => Numbered::Ordered(sorted.to_vec()),
            (Some(sorted), false) => {
                let numbering = view.numbering();
                Numbered::Ordered(sorted.iter().filter_map(|uid| numbering.seqnum(*uid)).collect())
            }
            (None, true) => Numbered::Set(self.uids.clone()),
            (None, false) => Numbered::Set(view.seqnums_of(self.uids)),
        }
    }
    /// The UIDs of a part of the order.
    fn part(&self, range: PartialRange) -> NumSet {
        let places = range.places(self.uids.count());
        match self.sorted {
            Some(sorted) => slice(sorted, &places).iter().copied().collect(),
            None => range.of(self.uids),
        }
    }
    /// The UIDs of the first and of the last of the order.
    fn ends(&self, min: bool, max: bool) -> NumSet {
        let (first, last) = match self.sorted {
            Some(sorted) => (sorted.first().copied(), sorted.last().copied()),
            None => (self.uids.first(), self.uids.last()),
        };
        first.filter(|_| min).into_iter().chain(last.filter(|_| max)).collect()
    }
}

/// What was found, by the numbers that are answered.
enum Numbered {
    Set(NumSet),
    Ordered(Vec<u32>),
}

/// The numbers at these places.
fn slice<'a>(list: &'a [u32], places: &Range<u64>) -> &'a [u32] {
    let place = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
    list.get(place(places.start)..place(places.end)).unwrap_or_default()
}

impl Numbered {
    fn part(&self, range: PartialRange) -> Self {
        match self {
            Self::Set(set) => Self::Set(range.of(set)),
            Self::Ordered(list) => Self::Ordered(slice(list, &range.places(list.len() as u64)).to_vec()),
        }
    }
    fn numbers(&self) -> Numbers<'_> {
        match self {
            Self::Set(set) => Numbers::Set(set),
            Self::Ordered(list) => Numbers::Ordered(list),
        }
    }
    fn first(&self) -> Option<u32> {
        match self {
            Self::Set(set) => set.first(),
            Self::Ordered(list) => list.first().copied(),
        }
    }
    fn last(&self) -> Option<u32> {
        match self {
            Self::Set(set) => set.last(),
            Self::Ordered(list) => list.last().copied(),
        }
    }
}

/// By what the mailbox service is to sort.
fn order(criteria: &[command::SortCriterion], comparator: Comparator) -> SortOrder {
    let criterion = |criterion: &command::SortCriterion| {
        let (key, is_text) = key(criterion.key);
        // RFC 4790 §3.3: a collation with `-` orders texts backwards.
        SortCriterion { key, reverse: criterion.reverse != (is_text && comparator.inverted) }
    };
    SortOrder {
        criteria: criteria.iter().map(criterion).collect(),
        collation: comparator.collation,
        ..SortOrder::default()
    }
}

/// The key, and whether it is a text.
const fn key(key: command::SortKey) -> (SortKey, bool) {
    match key {
        command::SortKey::Arrival => (SortKey::Arrival, false),
        command::SortKey::Cc => (SortKey::Cc, true),
        command::SortKey::Date => (SortKey::Date, false),
        command::SortKey::From => (SortKey::From, true),
        command::SortKey::Size => (SortKey::Size, false),
        command::SortKey::Subject => (SortKey::Subject, true),
        command::SortKey::To => (SortKey::To, true),
        command::SortKey::DisplayFrom => (SortKey::DisplayFrom, true),
        command::SortKey::DisplayTo => (SortKey::DisplayTo, true),
        command::SortKey::Relevancy => (SortKey::Relevancy, false),
    }
}
