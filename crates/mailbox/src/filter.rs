//! What a search looks for, in no protocol's words (RFC 9051 §6.4.4, RFC 8621 §4.4.1).

use koi_message::Collation;
use koi_types::{Day, EmailId, Keyword, ModSeq, NumSet, SystemFlags, ThreadId, Timestamp};

/// A condition on one message. Deep ones are refused: see [`FILTER_DEPTH_MAX`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Filter {
    All,
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    /// The same, with its texts compared by this collation; without it they are by `i;unicode-casemap`.
    Collated(Collation, Box<Filter>),
    /// UID in the set.
    Uids(NumSet),
    /// All of these system flags are set.
    Flags(SystemFlags),
    Keyword(Keyword),
    /// INTERNALDATE by its own calendar day.
    Received(DayRange),
    /// INTERNALDATE as a point in time (RFC 5032 §1).
    Arrived(TimeRange),
    /// The Date field by its own calendar day; messages without a readable one never match.
    Sent(DayRange),
    /// When it came into this mailbox, by the day in UTC (RFC 8514 §4.3).
    Saved(DayRange),
    /// RFC822.SIZE strictly greater.
    Larger(u64),
    /// RFC822.SIZE strictly less.
    Smaller(u64),
    /// Mod-sequence at least this (RFC 7162 §3.1.5).
    ModSeq(ModSeq),
    Email(EmailId),
    Thread(ThreadId),
    /// A header field of that name whose decoded text contains the text; the empty text asks only for the
    /// field.
    Header {
        name: Box<str>,
        text: Box<str>,
    },
    /// Text in the decoded text parts.
    Body(Box<str>),
    /// Text in the header or in the decoded text parts.
    Text(Box<str>),
    /// Texts in it are compared by their words and the stems of these, in any order and anywhere, instead of
    /// letter by letter (RFC 6203 §3); all else is as without. [`Account::search_ranked`](crate::Account)
    /// says how well each message fits.
    Fuzzy(Box<Filter>),
}

/// Days from one to another; a missing end is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DayRange {
    pub first: Option<Day>,
    pub last: Option<Day>,
}

/// From one point in time to another, both of them in it; a missing end is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimeRange {
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
}

impl TimeRange {
    #[must_use]
    pub const fn since(first: Timestamp) -> Self {
        Self { first: Some(first), last: None }
    }
    #[must_use]
    pub const fn until(last: Timestamp) -> Self {
        Self { first: None, last: Some(last) }
    }
    #[must_use]
    pub fn contains(self, at: Timestamp) -> bool {
        self.first.is_none_or(|first| first <= at) && self.last.is_none_or(|last| at <= last)
    }
}

impl DayRange {
    /// SEARCH ON, SENTON.
    #[must_use]
    pub const fn on(day: Day) -> Self {
        Self { first: Some(day), last: Some(day) }
    }
    /// SEARCH SINCE, SENTSINCE: on that day or later.
    #[must_use]
    pub const fn since(day: Day) -> Self {
        Self { first: Some(day), last: None }
    }
    /// SEARCH BEFORE, SENTBEFORE: earlier than that day.
    #[must_use]
    pub const fn before(day: Day) -> Self {
        Self { first: None, last: Some(Day(day.0.saturating_sub(1))) }
    }
    #[must_use]
    pub fn contains(self, day: Day) -> bool {
        self.first.is_none_or(|first| first <= day) && self.last.is_none_or(|last| day <= last)
    }
}

/// Levels of And, Or and Not inside one another.
pub const FILTER_DEPTH_MAX: usize = 64;
/// Conditions in one filter.
pub const FILTER_CONDITIONS_MAX: usize = 1024;

impl Filter {
    /// A field of the header by its usual name.
    #[must_use]
    pub fn header(name: &str, text: &str) -> Self {
        Self::Header { name: name.into(), text: text.into() }
    }
    /// What `negated` does not match. Named so because `Not` is also the operator's trait.
    #[must_use]
    pub fn negated(negated: Self) -> Self {
        Self::Not(Box::new(negated))
    }
    /// See [`Filter::Fuzzy`].
    #[must_use]
    pub fn fuzzy(exact: Self) -> Self {
        Self::Fuzzy(Box::new(exact))
    }
    /// Whether the filter is within the limits.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        let mut left = FILTER_CONDITIONS_MAX;
        self.bounded(FILTER_DEPTH_MAX, &mut left)
    }
    fn bounded(&self, depth: usize, left: &mut usize) -> bool {
        if depth == 0 || *left == 0 {
            return false;
        }
        *left -= 1;
        match self {
            Self::And(all) | Self::Or(all) => all.iter().all(|f| f.bounded(depth - 1, left)),
            Self::Not(inner) | Self::Fuzzy(inner) | Self::Collated(_, inner) => {
                inner.bounded(depth - 1, left)
            }
            _ => true,
        }
    }
}
