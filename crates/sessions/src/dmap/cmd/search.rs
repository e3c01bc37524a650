//! SEARCH (DMAP-00 §7.6.3), ESEARCH (RFC 4731 §3), MODSEQ (RFC 7162 §3.1.5), saved results (RFC 5182 §2.1).

use koi_mailbox::{DayRange, Filter, SearchRun};
use koi_proto::dmap::command::{ReturnOption, Search, SearchFlag, SearchKey};
use koi_proto::dmap::flag::{FORWARDED, SUBMIT_PENDING, SUBMITTED};
use koi_proto::dmap::response::{Esearch, SearchResult};
use koi_proto::dmap::{Code, Date, Response};
use koi_types::{Day, ErrorKind, Keyword, MailError, ModSeq, NumSet, Result, SystemFlags};

use crate::dmap::facts::Facts;
use crate::dmap::job::{Context, Job, Outcome};
use crate::dmap::reply::Reply;
use crate::dmap::table::has_seqnums;
use crate::selected::Selected;
use crate::selected::missed::some_gone;
use crate::selected::sequence::{self, BadSet};

/// What one number takes in an answer at most, with a blank.
const NUMBER_OCTETS: usize = 11;

pub(crate) fn start(search: Search) -> Box<dyn Job> {
    Box::new(Searching { search, facts: None, run: None })
}

struct Searching {
    search: Search,
    /// What rows do not tell is found out first.
    facts: Option<Facts>,
    run: Option<SearchRun>,
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
        let mut run = match self.run.take() {
            Some(run) => run,
            None => {
                let view = cx.core.view()?;
                let new = || Facts::of(view.mailbox, view.known(), &self.search.keys);
                let mut facts = self.facts.take().unwrap_or_else(new);
                if !facts.advance(&cx.core.snapshot()?)? {
                    let octets = facts.memory_octets();
                    self.facts = Some(facts);
                    return slice(cx, octets);
                }
                match begin(cx, &self.search.keys, &facts)? {
                    Ok(run) => run,
                    Err(reply) => return Ok(Outcome::Done(reply)),
                }
            }
        };
        if !run.advance()? {
            let octets = run.memory_octets();
            self.run = Some(run);
            return slice(cx, octets);
        }
        let found = &run.found().0;
        let numbers = usize::try_from(found.count()).unwrap_or(usize::MAX);
        cx.core.require_room(numbers.saturating_mul(2 * NUMBER_OCTETS))?;
        let modseq = run.modseq().filter(|_| self.search.keys.iter().any(has_modseq));
        self.answer(cx, found, modseq)?;
        self.completed(cx).map(Outcome::Done)
    }
    fn wants(&self, option: ReturnOption) -> bool {
        self.search.returns.as_ref().is_some_and(|returns| returns.contains(&option))
    }
    fn answer(&self, cx: &mut Context<'_>, found: &NumSet, mod_seq: Option<ModSeq>) -> Result<()> {
        let by_uid = self.search.by_uid;
        let view = cx.core.view()?;
        let numbers = if by_uid { found.clone() } else { view.seqnums_of(found) };
        if self.search.returns.is_none() {
            let numbers = numbers.iter().collect();
            Response::Search(SearchResult { numbers, mod_seq }).push(cx.out);
            return Ok(());
        }
        let wants = |option| self.wants(option);
        let (min, max) = (wants(ReturnOption::Min), wants(ReturnOption::Max));
        // RFC 4731 §3.1: RETURN () means ALL.
        let all = wants(ReturnOption::All) || self.search.returns.as_ref().is_some_and(Vec::is_empty);
        let count = wants(ReturnOption::Count);
        // RFC 5182 §2.4: without ALL and COUNT, only what is answered is saved and has its modseq told.
        let picked = ((min || max) && !all && !count).then(|| {
            let first = found.first().filter(|_| min);
            first.into_iter().chain(found.last().filter(|_| max)).collect::<NumSet>()
        });
        let mod_seq = match (&picked, mod_seq) {
            (Some(picked), Some(_)) => highest(cx, picked)?,
            (_, mod_seq) => mod_seq,
        };
        // RFC 5182 §2.1: SAVE alone asks for no answer.
        if self.search.returns.as_deref() != Some(&[ReturnOption::Save]) {
            let answer = Esearch {
                tag: Some(cx.tag.as_str().into()),
                by_uid,
                min: numbers.first().filter(|_| min),
                max: numbers.last().filter(|_| max),
                count: count.then(|| u32::try_from(numbers.count()).unwrap_or(u32::MAX)),
                all: (all && !numbers.is_empty()).then_some(numbers),
                mod_seq,
            };
            Response::Esearch(answer).push(cx.out);
        }
        if wants(ReturnOption::Save) {
            save(cx, picked.unwrap_or_else(|| found.clone()));
        }
        Ok(())
    }
    /// RFC 5530 §3: messages that others have expunged were not found, and the client is told of that where
    /// it may not be told which they are.
    fn completed(&self, cx: &Context<'_>) -> Result<Reply> {
        let (reply, view) = (Reply::ok("SEARCH completed"), cx.core.view()?);
        let hears_of_it = self.search.by_uid && !self.search.keys.iter().any(has_seqnums);
        match !hears_of_it && some_gone(&cx.core.snapshot()?, view, view.known())? {
            true => Ok(reply.code(Code::ExpungeIssued)),
            false => Ok(reply),
        }
    }
}

fn begin(
    cx: &Context<'_>,
    keys: &[SearchKey],
    facts: &Facts,
) -> Result<std::result::Result<SearchRun, Reply>> {
    let view = cx.core.view()?;
    let filter = match (Meaning { view, facts }).all(keys) {
        Ok(filter) if filter.is_bounded() => filter,
        Ok(_) => return Ok(Err(Reply::no("this search has too many keys").code(Code::Limit))),
        Err(reply) => return Ok(Err(*reply)),
    };
    // What this client does not know of yet has no number, and is not looked at.
    cx.core.account()?.search(view.mailbox, view.known().difference(&facts.unreadable), &filter).map(Ok)
}

/// Others first; unless the search has taken too long, or takes too much memory.
fn slice(cx: &Context<'_>, memory_octets: usize) -> Result<Outcome> {
    cx.core.require_room(memory_octets)?;
    let secs = cx.core.settings.search_secs_max;
    if secs > 0 && cx.core.now >= cx.began.plus_secs(secs) {
        return Err(MailError::new(ErrorKind::LimitReached, "this search takes too long"));
    }
    Ok(Outcome::Yield)
}

/// The largest modseq of these messages.
fn highest(cx: &Context<'_>, uids: &NumSet) -> Result<Option<ModSeq>> {
    let mut highest = None;
    let _ = cx.core.snapshot()?.messages(cx.core.view()?.mailbox, uids, |row| {
        highest = highest.max(Some(row.modseq));
        std::ops::ControlFlow::Continue(())
    })?;
    Ok(highest)
}

fn has_modseq(key: &SearchKey) -> bool {
    matches!(key, SearchKey::ModSeq(_)) || key.inner().iter().any(has_modseq)
}

type Meant = std::result::Result<Filter, Box<Reply>>;

/// What the keys mean for this client now: a filter of the mailbox service, in which numbers are UIDs.
struct Meaning<'a> {
    view: &'a Selected,
    facts: &'a Facts,
}

impl Meaning<'_> {
    fn all(&self, keys: &[SearchKey]) -> Meant {
        let mut filters = self.several(keys)?;
        Ok(match filters.len() {
            1 => filters.pop().unwrap_or(Filter::All),
            _ => Filter::And(filters),
        })
    }
    fn several(&self, keys: &[SearchKey]) -> std::result::Result<Vec<Filter>, Box<Reply>> {
        keys.iter().map(|key| self.key(key)).collect()
    }
    fn key(&self, key: &SearchKey) -> Meant {
        let bad = |bad: BadSet| Box::new(Reply::from(bad));
        Ok(match key {
            SearchKey::All => Filter::All,
            SearchKey::Sequence(set) => Filter::Uids(sequence::searched(self.view, set).0),
            SearchKey::Uid(set) => Filter::Uids(sequence::uids(self.view, set, true).map_err(bad)?.0),
            SearchKey::And(keys) => self.all(keys)?,
            SearchKey::Or(keys) => Filter::Or(self.several(keys)?),
            SearchKey::Not(key) => Filter::negated(self.key(key)?),
            SearchKey::Flag { flag, set: true } => flag_filter(*flag),
            SearchKey::Flag { flag, set: false } => Filter::negated(flag_filter(*flag)),
            SearchKey::Keyword(keyword) => Filter::Keyword(keyword.clone()),
            SearchKey::Unkeyword(keyword) => Filter::negated(Filter::Keyword(keyword.clone())),
            SearchKey::Before(date) => Filter::Received(DayRange::before(day(*date))),
            SearchKey::On(date) => Filter::Received(DayRange::on(day(*date))),
            SearchKey::Since(date) => Filter::Received(DayRange::since(day(*date))),
            SearchKey::ModSeq(least) => Filter::ModSeq(*least),
            SearchKey::Larger(_)
            | SearchKey::Smaller(_)
            | SearchKey::Chunk(_)
            | SearchKey::KeyId(_)
            | SearchKey::Peer(_) => Filter::Uids(self.facts.found(key)),
        })
    }
}

fn flag_filter(flag: SearchFlag) -> Filter {
    let keyword = |name| Keyword::new(name).map_or(Filter::All, Filter::Keyword);
    match flag {
        SearchFlag::Answered => Filter::Flags(SystemFlags::ANSWERED),
        SearchFlag::Deleted => Filter::Flags(SystemFlags::DELETED),
        SearchFlag::Draft => Filter::Flags(SystemFlags::DRAFT),
        SearchFlag::Flagged => Filter::Flags(SystemFlags::FLAGGED),
        SearchFlag::Seen => Filter::Flags(SystemFlags::SEEN),
        SearchFlag::Forwarded => keyword(FORWARDED),
        SearchFlag::Submitted => keyword(SUBMITTED),
        SearchFlag::SubmitPending => keyword(SUBMIT_PENDING),
    }
}

fn day(date: Date) -> Day {
    Day(i32::try_from(date.days()).unwrap_or(i32::MAX))
}
