//! What the keys of a search mean for one client now (RFC 9051 §6.4.4, RFC 3501 §6.4.4, RFC 5032 §1): a
//! filter of the mailbox service, in which numbers are UIDs.

use koi_mailbox::{DayRange, Filter, TimeRange};
use koi_message::Collation;
use koi_proto::imap::SequenceSet;
use koi_proto::imap::command::{CHARSETS, Charset, Date, SearchKey};
use koi_proto::imap::response::Code;
use koi_types::{Day, ModSeq, Result, SystemFlags, Timestamp, UidSet};

use crate::imap::core::Core;
use crate::imap::reply::Reply;
use crate::selected::{Selected, sequence};

/// The filter, or what is wrong with the search.
pub(super) fn filter(
    core: &Core,
    charset: Charset,
    keys: &[SearchKey],
) -> Result<std::result::Result<Filter, Reply>> {
    if charset == Charset::Unknown {
        return Ok(Err(unknown_charset()));
    }
    let meaning = Meaning { view: core.view()?, now: core.now };
    Ok(meaning.by(core.comparator.collation, keys).map_err(|reply| *reply))
}

pub(super) fn unknown_charset() -> Reply {
    Reply::no("this charset is not known").code(&Code::BadCharset(CHARSETS))
}

/// The same keys without message sequence numbers and `$`, for whoever asks again when these mean something
/// else (RFC 5267 §4.3).
pub(super) fn frozen(keys: &[SearchKey], view: &Selected) -> Vec<SearchKey> {
    let uids = |uids: UidSet| SearchKey::Uid(SequenceSet::of(&uids.0));
    let only = |mut keys: Vec<SearchKey>| Box::new(keys.pop().unwrap_or(SearchKey::All));
    let freeze = |key: &SearchKey| match key {
        SearchKey::Sequence(set) => uids(sequence::searched(view, set)),
        SearchKey::Uid(set) if set.has_saved() => match sequence::uids(view, set, true) {
            Ok(there) => uids(there),
            Err(_) => key.clone(),
        },
        SearchKey::And(keys) => SearchKey::And(frozen(keys, view)),
        SearchKey::Or(keys) => SearchKey::Or(frozen(keys, view)),
        SearchKey::Not(_) => SearchKey::Not(only(frozen(key.inner(), view))),
        SearchKey::Fuzzy(_) => SearchKey::Fuzzy(only(frozen(key.inner(), view))),
        key => key.clone(),
    };
    keys.iter().map(freeze).collect()
}

/// Whether what matches changes with time alone.
pub(crate) fn depends_on_time(key: &SearchKey) -> bool {
    key.any(&|key| matches!(key, SearchKey::Younger(_) | SearchKey::Older(_)))
}

/// RFC 7162 §3.1.5: whether mod-sequences are asked for.
pub(super) fn has_modseq(key: &SearchKey) -> bool {
    key.any(&|key| matches!(key, SearchKey::ModSeq(_)))
}

/// RFC 6203 §3
pub(super) fn has_fuzzy(key: &SearchKey) -> bool {
    key.any(&|key| matches!(key, SearchKey::Fuzzy(_)))
}

/// What the keys mean for this client now.
pub(crate) struct Meaning<'a> {
    pub(crate) view: &'a Selected,
    pub(crate) now: Timestamp,
}

type Meant = std::result::Result<Filter, sequence::BadSet>;

impl Meaning<'_> {
    /// The filter in which texts are compared by `collation` (RFC 5255 §4.2), or what is wrong with the
    /// search.
    pub(crate) fn by(
        &self,
        collation: Collation,
        keys: &[SearchKey],
    ) -> std::result::Result<Filter, Box<Reply>> {
        let all = self.all(keys).map_err(|bad| Box::new(Reply::from(bad)))?;
        let filter = match (all, collation) {
            (filter, Collation::UnicodeCasemap) => filter,
            (filter, collation) => Filter::Collated(collation, Box::new(filter)),
        };
        match filter.is_bounded() {
            true => Ok(filter),
            false => Err(Box::new(Reply::no("this search has too many keys").code(&Code::Limit))),
        }
    }
    fn all(&self, keys: &[SearchKey]) -> Meant {
        let mut filters = keys.iter().map(|key| self.key(key)).collect::<std::result::Result<Vec<_>, _>>()?;
        Ok(match filters.len() {
            1 => filters.pop().unwrap_or(Filter::All),
            _ => Filter::And(filters),
        })
    }
    fn key(&self, key: &SearchKey) -> Meant {
        Ok(match key {
            SearchKey::Sequence(set) => Filter::Uids(sequence::searched(self.view, set).0),
            SearchKey::Uid(set) => Filter::Uids(sequence::uids(self.view, set, true)?.0),
            SearchKey::And(keys) => self.all(keys)?,
            SearchKey::Or(keys) => {
                Filter::Or(keys.iter().map(|key| self.key(key)).collect::<std::result::Result<_, _>>()?)
            }
            SearchKey::Not(key) => Filter::negated(self.key(key)?),
            SearchKey::Fuzzy(key) => Filter::fuzzy(self.key(key)?),
            // All have been replaced before.
            SearchKey::Filter(_) => Filter::negated(Filter::All),
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
        // RFC 7162 §3.1.5: 0 is below every one, but tells that the highest is wanted.
        SearchKey::ModSeq(least) => ModSeq::new((*least).max(1)).map_or(Filter::All, Filter::ModSeq),
        // ALL; RFC 8514 §4.3: every mailbox has save dates.
        _ => Filter::All,
    }
}

fn day(date: Date) -> Day {
    Day(i32::try_from(date.days()).unwrap_or(i32::MAX))
}
