//! A filter made ready: needles made once, keywords as numbers, and what a row alone decides.

use koi_message::Collation;
use koi_message::search::{Needle, Scratch, needle_pieces};
use koi_types::{EmailId, NumSet, Result, SystemFlags, ZoneOffset};

use super::fuzzy::{FuzzyText, Relevancy, Scope};
use super::narrow::{Candidates, Indexed};
use crate::filter::{DayRange, Filter, TimeRange};
use crate::row::{KeywordTable, MessageRow};

/// What a row says of a condition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Yes,
    No,
    /// The message must be read.
    Ask,
}

impl Verdict {
    const fn negated(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Ask => Self::Ask,
        }
    }
}

/// A message that can be read, as far as a condition needs it.
pub(super) trait Source {
    /// Octets that hold at least the whole header.
    fn header(&mut self) -> Result<&[u8]>;
    /// All octets.
    fn whole(&mut self) -> Result<Whole<'_>>;
    fn thread(&mut self) -> Result<koi_types::ThreadId>;
}

/// A whole message and the record of its structure.
pub(super) struct Whole<'m> {
    pub(super) octets: &'m [u8],
    pub(super) structure: &'m [u8],
}

pub(super) enum Plan {
    /// Decided by the row.
    Row(RowCondition),
    And(Vec<Plan>),
    Or(Vec<Plan>),
    Not(Box<Plan>),
    Thread(koi_types::ThreadId),
    Header {
        name: Box<[u8]>,
        text: Text,
    },
    Body(Text),
    Text(Text),
    Fuzzy {
        text: FuzzyText,
        indexed: Indexed,
    },
}

/// What is looked for, letter by letter.
pub(super) struct Text {
    needle: Needle,
    indexed: Indexed,
}

impl Text {
    fn new(text: &str, collation: Collation) -> Self {
        // Whatever the collation: characters that are equal by one are by `i;unicode-casemap`.
        Self { needle: Needle::by(text, collation), indexed: Indexed::new(needle_pieces(text)) }
    }
}

pub(super) enum RowCondition {
    Always,
    Uids(NumSet),
    Flags(SystemFlags),
    /// Nothing when no message of the account ever had it.
    Keyword(Option<u16>),
    Received(DayRange),
    Arrived(TimeRange),
    Sent(DayRange),
    Saved(DayRange),
    Larger(u64),
    Smaller(u64),
    ModSeq(koi_types::ModSeq),
    Email(EmailId),
}

/// How texts are compared.
#[derive(Clone, Copy, Default)]
struct Manner {
    collation: Collation,
    fuzzy: bool,
}

impl Plan {
    pub(super) fn new(filter: &Filter, keywords: &KeywordTable) -> Self {
        Self::of(filter, keywords, Manner::default())
    }
    fn of(filter: &Filter, keywords: &KeywordTable, manner: Manner) -> Self {
        let Manner { collation, fuzzy } = manner;
        let plan = |filter: &Filter| Self::of(filter, keywords, manner);
        let all = |filters: &[Filter]| filters.iter().map(plan).collect();
        let alike = |scope, text: &str| {
            let text = FuzzyText::new(scope, text);
            Self::Fuzzy { indexed: Indexed::new(text.pieces()), text }
        };
        let text_of = |text: &str| Text::new(text, collation);
        Self::Row(match filter {
            Filter::And(filters) => return Self::And(all(filters)),
            Filter::Or(filters) => return Self::Or(all(filters)),
            Filter::Not(filter) => return Self::Not(Box::new(plan(filter))),
            Filter::Fuzzy(filter) => return Self::of(filter, keywords, Manner { fuzzy: true, ..manner }),
            Filter::Collated(collation, filter) => {
                return Self::of(filter, keywords, Manner { collation: *collation, ..manner });
            }
            Filter::Thread(thread) => return Self::Thread(*thread),
            Filter::Header { name, text } if fuzzy => {
                return alike(Scope::Field(name.as_bytes().into()), text);
            }
            Filter::Body(text) if fuzzy => return alike(Scope::Body, text),
            Filter::Text(text) if fuzzy => return alike(Scope::Text, text),
            Filter::Header { name, text } => {
                return Self::Header { name: name.as_bytes().into(), text: text_of(text) };
            }
            Filter::Body(text) => return Self::Body(text_of(text)),
            Filter::Text(text) => return Self::Text(text_of(text)),
            Filter::All => RowCondition::Always,
            Filter::Uids(uids) => RowCondition::Uids(uids.clone()),
            Filter::Flags(flags) => RowCondition::Flags(*flags),
            Filter::Keyword(keyword) => RowCondition::Keyword(keywords.number(keyword)),
            Filter::Received(days) => RowCondition::Received(*days),
            Filter::Arrived(times) => RowCondition::Arrived(*times),
            Filter::Sent(days) => RowCondition::Sent(*days),
            Filter::Saved(days) => RowCondition::Saved(*days),
            Filter::Larger(octets) => RowCondition::Larger(*octets),
            Filter::Smaller(octets) => RowCondition::Smaller(*octets),
            Filter::ModSeq(modseq) => RowCondition::ModSeq(*modseq),
            Filter::Email(email) => RowCondition::Email(*email),
        })
    }
    pub(super) fn by_row(&self, row: &MessageRow<'_>) -> Verdict {
        match self {
            Self::Row(condition) if condition.holds(row) => Verdict::Yes,
            Self::Row(_) => Verdict::No,
            Self::And(plans) => combined_by(plans, |plan| plan.by_row(row), Verdict::No, Verdict::Yes),
            Self::Or(plans) => combined_by(plans, |plan| plan.by_row(row), Verdict::Yes, Verdict::No),
            Self::Not(plan) => plan.by_row(row).negated(),
            Self::Thread(_) => Verdict::Ask,
            Self::Header { text: Text { indexed, .. }, .. }
            | Self::Body(Text { indexed, .. })
            | Self::Text(Text { indexed, .. })
            | Self::Fuzzy { indexed, .. } => {
                if indexed.excludes(row) {
                    Verdict::No
                } else {
                    Verdict::Ask
                }
            }
        }
    }
    /// Which of these messages it holds for, where their UIDs alone decide; nothing where more must be known.
    pub(super) fn by_uids(&self, uids: &NumSet) -> Option<NumSet> {
        match self {
            Self::Row(RowCondition::Always) => Some(uids.clone()),
            Self::Row(RowCondition::Uids(wanted)) => Some(uids.intersect(wanted)),
            Self::Not(plan) => Some(uids.difference(&plan.by_uids(uids)?)),
            Self::And(plans) => plans.iter().try_fold(uids.clone(), |left, plan| plan.by_uids(&left)),
            Self::Or(plans) => plans.iter().try_fold(NumSet::new(), |mut found, plan| {
                found.extend(&plan.by_uids(uids)?);
                Some(found)
            }),
            _ => None,
        }
    }
    /// What the index says of an email, whatever its messages are like.
    pub(super) fn by_index(&self, email: EmailId, came_later: bool) -> Verdict {
        match self {
            Self::Row(_) | Self::Thread(_) => Verdict::Ask,
            Self::And(plans) => {
                combined_by(plans, |plan| plan.by_index(email, came_later), Verdict::No, Verdict::Yes)
            }
            Self::Or(plans) => {
                combined_by(plans, |plan| plan.by_index(email, came_later), Verdict::Yes, Verdict::No)
            }
            Self::Not(plan) => plan.by_index(email, came_later).negated(),
            Self::Header { text: Text { indexed, .. }, .. }
            | Self::Body(Text { indexed, .. })
            | Self::Text(Text { indexed, .. })
            | Self::Fuzzy { indexed, .. } => {
                if indexed.excludes_email(email, came_later) {
                    Verdict::No
                } else {
                    Verdict::Ask
                }
            }
        }
    }
    /// Decides by reading, and reads no more than it must: the row first, headers before bodies.
    pub(super) fn by_message(
        &self,
        row: &MessageRow<'_>,
        message: &mut dyn Source,
        scratch: &mut Scratch,
    ) -> Result<bool> {
        match self.by_row(row) {
            Verdict::Yes => return Ok(true),
            Verdict::No => return Ok(false),
            Verdict::Ask => {}
        }
        match self {
            Self::Row(condition) => Ok(condition.holds(row)),
            Self::And(plans) => Ok(!any(plans, row, message, scratch, false)?),
            Self::Or(plans) => any(plans, row, message, scratch, true),
            Self::Not(plan) => Ok(!plan.by_message(row, message, scratch)?),
            Self::Thread(thread) => Ok(message.thread()? == *thread),
            Self::Header { name, text } => Ok(text.needle.in_header(message.header()?, Some(name), scratch)),
            Self::Body(text) => {
                let Whole { octets, structure } = message.whole()?;
                let found = text.needle.in_body_by_record(octets, structure, scratch);
                found.map_err(|_| corrupt_structure())
            }
            Self::Text(text) => {
                let Whole { octets, structure } = message.whole()?;
                let found = text.needle.in_text_by_record(octets, structure, scratch);
                found.map_err(|_| corrupt_structure())
            }
            Self::Fuzzy { text, .. } => Ok(text.relevancy(message, scratch)?.is_some()),
        }
    }
    /// How well the message fits, by the fuzzy conditions that it meets: all that are joined by And, the best
    /// of those joined by Or. Nothing when no such condition says anything.
    pub(super) fn relevancy(
        &self,
        message: &mut dyn Source,
        scratch: &mut Scratch,
    ) -> Result<Option<Relevancy>> {
        let mut joined = Vec::new();
        match self {
            Self::Fuzzy { text, .. } => return text.relevancy(message, scratch),
            Self::And(plans) | Self::Or(plans) => {
                for plan in plans.iter().filter(|plan| plan.is_fuzzy()) {
                    joined.extend(plan.relevancy(message, scratch)?);
                }
            }
            // What must not be there says nothing of what is.
            _ => return Ok(None),
        }
        Ok(if matches!(self, Self::Or(_)) { joined.into_iter().max() } else { Relevancy::mean(&joined) })
    }
    /// Whether it has a condition that makes scores.
    pub(super) fn is_fuzzy(&self) -> bool {
        match self {
            Self::Fuzzy { .. } => true,
            Self::And(plans) | Self::Or(plans) => plans.iter().any(Self::is_fuzzy),
            _ => false,
        }
    }
    /// What the index may be asked of every text that is looked for.
    pub(super) fn each_indexed(&mut self, visit: &mut dyn FnMut(&mut Indexed)) {
        match self {
            Self::Row(_) | Self::Thread(_) => {}
            Self::And(plans) | Self::Or(plans) => plans.iter_mut().for_each(|plan| plan.each_indexed(visit)),
            Self::Not(plan) => plan.each_indexed(visit),
            Self::Header { text: Text { indexed, .. }, .. }
            | Self::Body(Text { indexed, .. })
            | Self::Text(Text { indexed, .. })
            | Self::Fuzzy { indexed, .. } => visit(indexed),
        }
    }
    /// The emails that may match, of those the index knows; nothing when it can be any.
    pub(super) fn candidates(&self) -> Option<Candidates> {
        match self {
            Self::Row(_) | Self::Thread(_) | Self::Not(_) => None,
            Self::And(plans) => {
                plans.iter().filter_map(Self::candidates).min_by_key(|candidates| candidates.emails.len())
            }
            Self::Or(plans) => {
                let mut all = plans.iter().map(Self::candidates);
                let first = all.next()??;
                all.try_fold(first, |all, some| Some(all.joined(some?)))
            }
            Self::Header { text: Text { indexed, .. }, .. }
            | Self::Body(Text { indexed, .. })
            | Self::Text(Text { indexed, .. })
            | Self::Fuzzy { indexed, .. } => indexed.candidates(),
        }
    }
    fn needs_body(&self) -> bool {
        match self {
            Self::Row(_) | Self::Thread(_) | Self::Header { .. } => false,
            Self::Body(_) | Self::Text(_) => true,
            Self::Fuzzy { text, .. } => text.needs_body(),
            Self::And(plans) | Self::Or(plans) => plans.iter().any(Self::needs_body),
            Self::Not(plan) => plan.needs_body(),
        }
    }
}

/// Whether one of `plans` is `wanted`; those that need no body are asked first.
fn any(
    plans: &[Plan],
    row: &MessageRow<'_>,
    message: &mut dyn Source,
    scratch: &mut Scratch,
    wanted: bool,
) -> Result<bool> {
    for body in [false, true] {
        for plan in plans.iter().filter(|plan| plan.needs_body() == body) {
            if plan.by_message(row, message, scratch)? == wanted {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn combined_by(
    plans: &[Plan],
    of: impl Fn(&Plan) -> Verdict,
    deciding: Verdict,
    otherwise: Verdict,
) -> Verdict {
    let mut verdict = otherwise;
    for plan in plans {
        match of(plan) {
            Verdict::Ask => verdict = Verdict::Ask,
            decided if decided == deciding => return deciding,
            _ => {}
        }
    }
    verdict
}

impl RowCondition {
    fn holds(&self, row: &MessageRow<'_>) -> bool {
        match self {
            Self::Always => true,
            Self::Uids(uids) => uids.contains(row.uid.value()),
            Self::Flags(flags) => row.flags.contains(*flags),
            Self::Keyword(number) => number.is_some_and(|number| row.keywords.contains(number)),
            Self::Received(days) => days.contains(row.received_at.day(row.received_zone)),
            Self::Arrived(times) => times.contains(row.received_at),
            Self::Sent(days) => row.sent_day.is_some_and(|day| days.contains(day)),
            Self::Saved(days) => days.contains(row.saved_at.day(ZoneOffset(0))),
            Self::Larger(octets) => u64::from(row.octets) > *octets,
            Self::Smaller(octets) => u64::from(row.octets) < *octets,
            Self::ModSeq(modseq) => row.modseq >= *modseq,
            Self::Email(email) => row.email == *email,
        }
    }
}

pub(super) fn corrupt_structure() -> koi_types::MailError {
    koi_types::MailError::new(
        koi_types::ErrorKind::Corrupt,
        "the stored structure of a message cannot be read",
    )
}
