//! What a search has found, and how RETURN wants it told (RFC 4731 §3, RFC 5182 §2.4, RFC 9394 §3.2, RFC 6203
//! §4).

use std::ops::Range;

use koi_mailbox::SearchRun;
use koi_proto::imap::Tag;
use koi_proto::imap::command::{PartialRange, ReturnOption};
use koi_proto::imap::response::{Esearch, MailboxCorrelator, Numbers, Partial, esearch};
use koi_types::{ModSeq, NumSet};

use crate::selected::Selected;

/// What RETURN asks for.
#[derive(Clone, Copy)]
pub(super) struct Returns<'a>(pub(super) &'a [ReturnOption]);

impl Returns<'_> {
    pub(super) fn wants(self, option: ReturnOption) -> bool {
        self.0.contains(&option)
    }
    /// RFC 4731 §3.1: RETURN () means ALL.
    fn all(self) -> bool {
        self.wants(ReturnOption::All) || self.0.is_empty()
    }
    pub(super) fn partial(self) -> Option<PartialRange> {
        self.0.iter().find_map(|option| match option {
            ReturnOption::Partial(range) => Some(*range),
            _ => None,
        })
    }
    /// RFC 5182 §2.4, RFC 9394 §3.2: without ALL and COUNT, only what is answered is saved and has its modseq
    /// told: these.
    pub(super) fn picked(self, found: &Found<'_>) -> Option<NumSet> {
        let (min, max) = (self.wants(ReturnOption::Min), self.wants(ReturnOption::Max));
        let picks = min || max || self.partial().is_some();
        (picks && !self.all() && !self.wants(ReturnOption::Count)).then(|| {
            let mut picked = found.ends(min, max);
            self.partial().iter().for_each(|range| picked.extend(&found.part(*range)));
            picked
        })
    }
}

/// What was found, by UID.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) uids: &'a NumSet,
    /// The same in the order asked for.
    pub(super) sorted: Option<&'a [u32]>,
    pub(super) modseq: Option<ModSeq>,
    /// Scores in the order of UIDs, if they are wanted.
    pub(super) scores: &'a [u8],
}

/// Scores in the order of UIDs.
pub(super) fn scores(run: &SearchRun) -> Vec<u8> {
    run.ranked().iter().map(|ranked| ranked.relevancy.value()).collect()
}

impl Found<'_> {
    pub(super) fn numbered(&self, view: &Selected, by_uid: bool) -> Numbered {
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
        match self.sorted {
            Some(sorted) => slice(sorted, &range.places(sorted.len() as u64)).iter().copied().collect(),
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
    /// Scores in the order of the answer.
    fn ordered_scores(&self) -> Vec<u8> {
        let Some(sorted) = self.sorted else { return self.scores.to_vec() };
        let uids: Vec<u32> = self.uids.iter().collect();
        let score = |uid: &u32| uids.binary_search(uid).ok().and_then(|at| self.scores.get(at)).copied();
        sorted.iter().map(|uid| score(uid).unwrap_or(1)).collect()
    }
}

/// What was found, by the numbers that are answered.
pub(super) enum Numbered {
    Set(NumSet),
    Ordered(Vec<u32>),
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

/// The items at these places.
fn slice<'a, T>(list: &'a [T], places: &Range<u64>) -> &'a [T] {
    let place = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
    list.get(place(places.start)..place(places.end)).unwrap_or_default()
}

/// Which search an ESEARCH response answers.
pub(super) struct Correlator<'a> {
    pub(super) tag: &'a Tag,
    pub(super) mailbox: Option<MailboxCorrelator<'a>>,
    pub(super) by_uid: bool,
}

/// The ESEARCH response.
pub(super) fn write(
    correlator: &Correlator<'_>,
    returns: Returns<'_>,
    found: &Found<'_>,
    numbered: &Numbered,
    mod_seq: Option<ModSeq>,
    out: &mut Vec<u8>,
) {
    let wants = |option: ReturnOption| returns.wants(option);
    let range = returns.partial();
    let part = range.map(|range| numbered.part(range));
    let scores = wants(ReturnOption::Relevancy).then(|| found.ordered_scores());
    let places = |count: u64| range.map_or(0..count, |range| range.places(count));
    let answer = Esearch {
        tag: Some(correlator.tag),
        mailbox: correlator.mailbox,
        by_uid: correlator.by_uid,
        min: numbered.first().filter(|_| wants(ReturnOption::Min)),
        max: numbered.last().filter(|_| wants(ReturnOption::Max)),
        count: wants(ReturnOption::Count).then(|| found.uids.count()),
        all: returns.all().then(|| numbered.numbers()),
        partial: range.zip(part.as_ref()).map(|(range, part)| Partial { range, numbers: part.numbers() }),
        // RFC 6203 §4: of the numbers that are told.
        relevancy: scores.as_ref().map(|scores| slice(scores, &places(scores.len() as u64))),
        mod_seq,
    };
    esearch(&answer, out);
}
