//! SEARCH (RFC 9051 §6.4.4, RFC 3501 §6.4.4), ESEARCH (RFC 4731 §3), MODSEQ (RFC 7162 §3.1.5), saved results
//! (RFC 5182 §2.1), PARTIAL (RFC 9394 §3), UPDATE (RFC 5267 §4.3); SORT (RFC 5256 §3) and its RETURN
//! (RFC 5267 §3), which are a search and then an order.

use koi_mailbox::{Examined, SearchRun, SortCriterion, SortKey, SortOrder, SortRun};
use koi_proto::imap::command::{self, ReturnOption, Search, Sort};
use koi_proto::imap::response::{self, Code, Status};
use koi_types::{ModSeq, NumSet, Result};

use super::found::{self, Correlator, Found, Numbered, Returns};
use super::{filters, meaning};
use crate::imap::contexts::{self, Results, UpdateContext};
use crate::imap::core::Comparator;
use crate::imap::job::{Context, Job, Outcome, at_once};
use crate::imap::memory;
use crate::imap::progress::Work;
use crate::imap::reply::Reply;
use crate::selected::missed::some_gone;

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

pub(super) fn save(cx: &mut Context<'_>, found: NumSet) {
    if let Some(open) = &mut cx.core.selected {
        open.view.saved = found;
    }
}

impl Searching {
    fn go_on(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        match std::mem::replace(&mut self.phase, Phase::Begin) {
            Phase::Begin => {
                if let Some(reply) = filters::expand(cx.core, self.search.charset, &mut self.search.keys)? {
                    return Ok(Outcome::Done(reply));
                }
                let filter = match meaning::filter(cx.core, self.search.charset, &self.search.keys)? {
                    Ok(filter) => filter,
                    Err(reply) => return Ok(Outcome::Done(reply)),
                };
                if let Some(reply) = self.misused(cx) {
                    return Ok(Outcome::Done(reply));
                }
                cx.require_room(contexts::keys_octets(&self.search.keys))?;
                let view = cx.core.view()?;
                // What this client does not know of yet has no number, and is not looked at.
                let (account, known) = (&cx.core.open()?.account, view.known().clone());
                let run = match self.wants_scores() {
                    true => account.search_ranked(view.mailbox, known, &filter)?,
                    false => account.search(view.mailbox, known, &filter)?,
                };
                if self.wants_modseq() {
                    cx.core.enable_condstore(cx.out);
                }
                self.phase = Phase::Search(run);
                self.go_on(cx)
            }
            Phase::Search(mut run) => {
                if !run.advance()? {
                    run.let_go_beyond(cx.core.room_octets());
                    cx.slice(work(&run), run.memory_octets())?;
                    self.phase = Phase::Search(run);
                    return Ok(Outcome::Yield);
                }
                if self.criteria.is_empty() {
                    cx.require_room(run.memory_octets().saturating_add(self.answer_octets(cx, &run)))?;
                    let found = &run.found().0;
                    let scores = found::scores(&run);
                    let found = Found { uids: found, sorted: None, modseq: run.modseq(), scores: &scores };
                    self.answer(cx, &found)?;
                    follow(cx, &self.search, &self.criteria, &found)?;
                    return self.completed(cx, "SEARCH completed");
                }
                let octets = SortRun::octets_for(run.found().count(), self.criteria.len());
                cx.require_room(octets.saturating_add(run.memory_octets()))?;
                let scores = found::scores(&run).into();
                let order = SortOrder { scores, ..order(&self.criteria, cx.core.comparator) };
                let sort = cx.core.open()?.account.sort(cx.core.view()?.mailbox, run.found(), order);
                self.phase = Phase::Sort(run, sort);
                self.go_on(cx)
            }
            Phase::Sort(run, mut sort) => {
                if !sort.advance()? {
                    cx.slice(work(&run), run.memory_octets() + sort.memory_octets())?;
                    self.phase = Phase::Sort(run, sort);
                    return Ok(Outcome::Yield);
                }
                let held = run.memory_octets() + sort.memory_octets();
                cx.require_room(held.saturating_add(self.answer_octets(cx, &run)))?;
                let (uids, sorted) = (&run.found().0, Some(sort.sorted()));
                let scores = found::scores(&run);
                let found = Found { uids, sorted, modseq: run.modseq(), scores: &scores };
                self.answer(cx, &found)?;
                follow(cx, &self.search, &self.criteria, &found)?;
                self.completed(cx, "SORT completed")
            }
        }
    }
    fn completed(&self, cx: &Context<'_>, text: &'static str) -> Result<Outcome> {
        let by_uid = self.search.by_uid && !self.search.has_seqnums();
        completed(cx, text, by_uid).map(Outcome::Done)
    }
    fn wants_modseq(&self) -> bool {
        self.search.keys.iter().any(meaning::has_modseq)
    }
    fn wants(&self, option: ReturnOption) -> bool {
        self.search.returns.as_ref().is_some_and(|returns| returns.contains(&option))
    }

    /// What the answer takes that is told in one line, with what is kept of it.
    fn answer_octets(&self, cx: &Context<'_>, run: &SearchRun) -> usize {
        let found = &run.found().0;
        // A set is told, and kept, by its runs.
        let told = match (&self.search.returns, self.criteria.is_empty()) {
            (None, true) if !cx.core.rev2 => found.count(),
            (Some(returns), _) if returns.as_slice() == [ReturnOption::Save] => 0,
            (_, true) => 2 * found.runs().count() as u64,
            (_, false) => found.count(),
        };
        let kept = if self.wants(ReturnOption::Save) { found.memory_octets() } else { 0 };
        memory::answer_octets(told).saturating_add(kept)
    }
    fn answer(&self, cx: &mut Context<'_>, found: &Found<'_>) -> Result<()> {
        let numbered = found.numbered(cx.core.view()?, self.search.by_uid);
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
        let returns = Returns(returns);
        let picked = returns.picked(found);
        let modseq = match &picked {
            Some(picked) => self.modseq_of(cx, picked)?,
            None => modseq,
        };
        // RFC 5182 §2.1: SAVE alone asks for no answer.
        if returns.0 != [ReturnOption::Save] {
            let correlator = Correlator { tag: cx.tag, mailbox: None, by_uid: self.search.by_uid };
            found::write(&correlator, returns, found, &numbered, modseq, cx.out);
        }
        if returns.wants(ReturnOption::Save) {
            save(cx, picked.unwrap_or_else(|| found.uids.clone()));
        }
        Ok(())
    }
    /// What is asked for that cannot be.
    fn misused(&self, cx: &Context<'_>) -> Option<Reply> {
        let returns = Returns(self.search.returns.as_deref().unwrap_or_default());
        if let Some(why) = reused_tag(cx, returns) {
            return Some(Reply::bad(why));
        }
        // RFC 6203 §4 and §6
        if self.wants_scores() && !self.search.keys.iter().any(meaning::has_fuzzy) {
            return Some(Reply::bad("RELEVANCY needs a FUZZY key"));
        }
        None
    }
    fn wants_scores(&self) -> bool {
        self.wants(ReturnOption::Relevancy) || self.sorts_by_score()
    }
    fn sorts_by_score(&self) -> bool {
        self.criteria.iter().any(is_score)
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

/// RFC 5530 §3: messages that others have expunged were not found, and the client is told of that where it
/// may not be told which they are (RFC 9051 §7.5.1).
pub(super) fn completed(cx: &Context<'_>, text: &'static str, by_uid: bool) -> Result<Reply> {
    let (reply, view) = (Reply::ok(text), cx.core.view()?);
    let hears_of_it = by_uid && cx.core.of_selected().wants.messages;
    match !hears_of_it && some_gone(&cx.core.open_snapshot()?, view, view.known())? {
        true => Ok(reply.code(&Code::ExpungeIssued)),
        false => Ok(reply),
    }
}

/// How far a search has come; what is done with what it finds is not counted.
pub(super) fn work(run: &SearchRun) -> Work {
    let Examined { messages, octets } = run.examined();
    Work { done: Some(messages), total: Some(run.total()), octets }
}

fn is_score(criterion: &command::SortCriterion) -> bool {
    criterion.key == command::SortKey::Relevancy
}

/// RFC 5267 §4.3: why no search with this tag can be followed.
pub(super) fn reused_tag(cx: &Context<'_>, returns: Returns<'_>) -> Option<&'static str> {
    let contexts = cx.core.selected.as_ref().map(|open| open.contexts.as_slice()).unwrap_or_default();
    let reused = contexts.iter().any(|context| context.tag == *cx.tag);
    (reused && returns.wants(ReturnOption::Update)).then_some("a search with this tag is being followed")
}

/// RFC 5267 §4.3: from now on changes of the result are told, if it is asked for. `criteria` is empty for a
/// result in the order of the mailbox.
pub(super) fn follow(
    cx: &mut Context<'_>,
    search: &Search,
    criteria: &[command::SortCriterion],
    found: &Found<'_>,
) -> Result<()> {
    if !Returns(search.returns.as_deref().unwrap_or_default()).wants(ReturnOption::Update) {
        return Ok(());
    }
    let keys = meaning::frozen(&search.keys, cx.core.view()?);
    let order = (!criteria.is_empty()).then(|| order(criteria, cx.core.comparator));
    let results = match found.sorted {
        Some(sorted) => Results::Ordered { list: sorted.to_vec(), set: found.uids.clone() },
        None => Results::Set(found.uids.clone()),
    };
    let (collation, asked_at) = (cx.core.comparator.collation, cx.core.now);
    let (tag, by_uid, items) = (cx.tag.clone(), search.by_uid, search.update_items.as_slice().into());
    let keys_octets = contexts::keys_octets(&keys);
    let context =
        UpdateContext { tag, by_uid, keys, keys_octets, collation, order, results, asked_at, items };
    let room = cx.core.room_octets();
    let Some(open) = cx.core.selected.as_deref_mut() else { return Ok(()) };
    let why = match context.memory_octets() > room {
        true => Some("not enough memory to follow this search"),
        false => contexts::refusal(&open.contexts, &context.results, criteria.iter().any(is_score)),
    };
    match why {
        Some(why) => response::status(None, Status::No, Some(&Code::NoUpdate(&context.tag)), why, cx.out),
        None => open.contexts.push(context),
    }
    Ok(())
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
