//! SEARCH (RFC 9051 §6.4.4, RFC 3501 §6.4.4), ESEARCH (RFC 4731 §3), MODSEQ (RFC 7162 §3.1.5), saved results
//! (RFC 5182 §2.1).

use koi_mailbox::{DayRange, Examined, Filter, SearchRun, TimeRange};
use koi_proto::imap::command::{CHARSETS, Charset, Date, ReturnOption, Search, SearchKey};
use koi_proto::imap::response::{Code, Esearch, esearch, search};
use koi_types::{Day, ModSeq, NumSet, Result, SystemFlags, Timestamp};

use super::sequence;
use crate::imap::job::{Context, Job, Outcome};
use crate::imap::progress::Work;
use crate::imap::reply::Reply;
use crate::selected::Selected;

pub(crate) fn start(search: Search) -> Box<dyn Job> {
    Box::new(Searching { search, run: None })
}

struct Searching {
    search: Search,
    run: Option<SearchRun>,
}

impl Job for Searching {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        let outcome = self.go_on(cx);
        // RFC 5182 §2.1: a search that should have been saved and ends with NO leaves nothing saved.
        let failed = outcome.as_ref().map_or(true, |o| matches!(o, Outcome::Done(reply) if reply.is_no()));
        if failed && self.saves() {
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
        if self.run.is_none()
            && let Some(reply) = self.begin(cx)?
        {
            return Ok(Outcome::Done(reply));
        }
        let Some(run) = &mut self.run else { return Err(crate::imap::job::ran_twice()) };
        if !run.advance()? {
            let Examined { messages, octets } = run.examined();
            cx.slice(Work { done: Some(messages), total: Some(run.total()), octets })?;
            return Ok(Outcome::Yield);
        }
        self.answer(cx)?;
        Ok(Outcome::Done(Reply::ok("SEARCH completed")))
    }
    /// What is wrong with the command, or nothing; then the search has begun.
    fn begin(&mut self, cx: &mut Context<'_>) -> Result<Option<Reply>> {
        if self.search.charset == Charset::Unknown {
            let reply = Reply::no("this charset is not known");
            return Ok(Some(reply.code(&Code::BadCharset(CHARSETS))));
        }
        let view = cx.core.view()?;
        let meaning = Meaning { view, now: cx.core.now };
        let filter = match meaning.all(&self.search.keys) {
            Ok(filter) => filter,
            Err(bad) => return Ok(Some(bad.into())),
        };
        if !filter.is_bounded() {
            return Ok(Some(Reply::no("this search has too many keys").code(&Code::Limit)));
        }
        // What this client does not know of yet has no number, and is not looked at.
        let run = cx.core.open()?.account.search(view.mailbox, view.known().clone(), &filter)?;
        if self.wants_modseq() {
            cx.core.enable_condstore(cx.out);
        }
        self.run = Some(run);
        Ok(None)
    }
    fn wants_modseq(&self) -> bool {
        self.search.keys.iter().any(has_modseq)
    }
    fn saves(&self) -> bool {
        self.search.returns.as_ref().is_some_and(|returns| returns.contains(&ReturnOption::Save))
    }

    fn answer(&self, cx: &mut Context<'_>) -> Result<()> {
        let Some(run) = &self.run else { return Ok(()) };
        let view = cx.core.view()?;
        let found = &run.found().0;
        let numbers = match self.search.by_uid {
            true => found.clone(),
            false => view.seqnums_of(found),
        };
        let modseq = run.modseq().filter(|_| self.wants_modseq());
        let returns = match &self.search.returns {
            Some(returns) => returns.as_slice(),
            // RFC 9051 §6.4.4: without RETURN the answer is ESEARCH with ALL.
            None if cx.core.rev2 => &[],
            None => {
                search(numbers.iter(), modseq, cx.out);
                return Ok(());
            }
        };
        let wants = |option: ReturnOption| returns.contains(&option);
        // RFC 4731 §3.1: RETURN () means ALL.
        let all = wants(ReturnOption::All) || returns.is_empty();
        let ends_wanted = wants(ReturnOption::Min) || wants(ReturnOption::Max);
        let only_ends = !all && !wants(ReturnOption::Count) && ends_wanted;
        let ends = ends(found, wants(ReturnOption::Min), wants(ReturnOption::Max));
        let modseq = match only_ends {
            true => self.modseq_of(cx, &ends)?,
            false => modseq,
        };
        let answer = Esearch {
            tag: Some(cx.tag),
            by_uid: self.search.by_uid,
            min: numbers.first().filter(|_| wants(ReturnOption::Min)),
            max: numbers.last().filter(|_| wants(ReturnOption::Max)),
            count: wants(ReturnOption::Count).then(|| numbers.count()),
            all: all.then_some(&numbers),
            mod_seq: modseq,
        };
        // RFC 5182 §2.1: SAVE alone asks for no answer.
        if returns != [ReturnOption::Save] {
            esearch(&answer, cx.out);
        }
        if self.saves() {
            // RFC 5182 §2.4: with MIN and MAX alone, only those.
            save(cx, if only_ends { ends } else { found.clone() });
        }
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

fn ends(found: &NumSet, min: bool, max: bool) -> NumSet {
    let min = found.first().filter(|_| min);
    let max = found.last().filter(|_| max);
    min.into_iter().chain(max).collect()
}

fn has_modseq(key: &SearchKey) -> bool {
    match key {
        SearchKey::ModSeq(_) => true,
        SearchKey::And(keys) | SearchKey::Or(keys) => keys.iter().any(has_modseq),
        SearchKey::Not(key) => has_modseq(key),
        _ => false,
    }
}

/// What the keys mean for this client now.
struct Meaning<'a> {
    view: &'a Selected,
    now: Timestamp,
}

type Meant = std::result::Result<Filter, sequence::BadSet>;

impl Meaning<'_> {
    fn all(&self, keys: &[SearchKey]) -> Meant {
        let mut filters = keys.iter().map(|key| self.key(key)).collect::<std::result::Result<Vec<_>, _>>()?;
        Ok(match filters.len() {
            1 => filters.pop().unwrap_or(Filter::All),
            _ => Filter::And(filters),
        })
    }
    fn key(&self, key: &SearchKey) -> Meant {
        Ok(match key {
            SearchKey::Sequence(set) => Filter::Uids(sequence::uids(self.view, set, false)?.0),
            SearchKey::Uid(set) => Filter::Uids(sequence::uids(self.view, set, true)?.0),
            SearchKey::And(keys) => self.all(keys)?,
            SearchKey::Or(keys) => {
                Filter::Or(keys.iter().map(|key| self.key(key)).collect::<std::result::Result<_, _>>()?)
            }
            SearchKey::Not(key) => Filter::negated(self.key(key)?),
            // RFC 5032 §1: counted back from now.
            SearchKey::Younger(secs) => Filter::Arrived(TimeRange::since(self.now.minus_secs(*secs))),
            SearchKey::Older(secs) => Filter::Arrived(TimeRange::until(self.now.minus_secs(*secs))),
            SearchKey::Recent => Filter::Uids(self.view.recent().clone()),
            SearchKey::Old => Filter::negated(Filter::Uids(self.view.recent().clone())),
            SearchKey::New => {
                let seen = Filter::Flags(SystemFlags::SEEN);
                Filter::And(vec![Filter::Uids(self.view.recent().clone()), Filter::negated(seen)])
            }
            key => flags(key).unwrap_or_else(|| of_message(key)),
        })
    }
}

/// Keys about system flags.
fn flags(key: &SearchKey) -> Option<Filter> {
    let flag = |flag| Some(Filter::Flags(flag));
    let not_flag = |flag| Some(Filter::negated(Filter::Flags(flag)));
    match key {
        SearchKey::Answered => flag(SystemFlags::ANSWERED),
        SearchKey::Deleted => flag(SystemFlags::DELETED),
        SearchKey::Draft => flag(SystemFlags::DRAFT),
        SearchKey::Flagged => flag(SystemFlags::FLAGGED),
        SearchKey::Seen => flag(SystemFlags::SEEN),
        SearchKey::Unanswered => not_flag(SystemFlags::ANSWERED),
        SearchKey::Undeleted => not_flag(SystemFlags::DELETED),
        SearchKey::Undraft => not_flag(SystemFlags::DRAFT),
        SearchKey::Unflagged => not_flag(SystemFlags::FLAGGED),
        SearchKey::Unseen => not_flag(SystemFlags::SEEN),
        _ => None,
    }
}

/// Keys about the message itself. Those that are not are answered by [`Meaning::key`] and [`flags`].
fn of_message(key: &SearchKey) -> Filter {
    match key {
        SearchKey::Keyword(keyword) => Filter::Keyword(keyword.clone()),
        SearchKey::Unkeyword(keyword) => Filter::negated(Filter::Keyword(keyword.clone())),
        SearchKey::Bcc(text) => Filter::header("Bcc", text),
        SearchKey::Cc(text) => Filter::header("Cc", text),
        SearchKey::From(text) => Filter::header("From", text),
        SearchKey::To(text) => Filter::header("To", text),
        SearchKey::Subject(text) => Filter::header("Subject", text),
        SearchKey::Header { name, value } => Filter::header(name, value),
        SearchKey::Body(text) => Filter::Body(text.clone()),
        SearchKey::Text(text) => Filter::Text(text.clone()),
        SearchKey::Before(date) => Filter::Received(DayRange::before(day(*date))),
        SearchKey::On(date) => Filter::Received(DayRange::on(day(*date))),
        SearchKey::Since(date) => Filter::Received(DayRange::since(day(*date))),
        SearchKey::SentBefore(date) => Filter::Sent(DayRange::before(day(*date))),
        SearchKey::SentOn(date) => Filter::Sent(DayRange::on(day(*date))),
        SearchKey::SentSince(date) => Filter::Sent(DayRange::since(day(*date))),
        SearchKey::SavedBefore(date) => Filter::Saved(DayRange::before(day(*date))),
        SearchKey::SavedOn(date) => Filter::Saved(DayRange::on(day(*date))),
        SearchKey::SavedSince(date) => Filter::Saved(DayRange::since(day(*date))),
        SearchKey::Larger(octets) => Filter::Larger(*octets),
        SearchKey::Smaller(octets) => Filter::Smaller(*octets),
        SearchKey::EmailId(id) => id.map_or_else(|| Filter::negated(Filter::All), Filter::Email),
        SearchKey::ThreadId(id) => id.map_or_else(|| Filter::negated(Filter::All), Filter::Thread),
        // 0 is less than every modseq there is.
        SearchKey::ModSeq(least) => ModSeq::new(*least).map_or(Filter::All, Filter::ModSeq),
        // ALL; RFC 8514 §4.3: every mailbox has save dates.
        _ => Filter::All,
    }
}

fn day(date: Date) -> Day {
    Day(i32::try_from(date.days()).unwrap_or(i32::MAX))
}
