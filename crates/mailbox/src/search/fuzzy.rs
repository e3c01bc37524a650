//! Fuzzy search and how well a message fits (RFC 6203): text compared word by word.
//!
//! A word of the search is met by the same word, by one with the same stem in any of the languages known
//! here (nobody says in which a message is written), or by one that contains it. All words must be met, in
//! any order. Scripts without spaces are compared by pairs of characters.
//!
//! The score grows with how exactly and how often each word is met, more in the header than in the body, and
//! less in a long text than in a short one.

use std::ops::ControlFlow;

use frostem::{Algorithm, Stemmer};
use koi_message::search::{
    Passage, Scratch, TermKind, visit_field, visit_passages, visit_terms, word_of_term,
};
use koi_types::{Result, Uid};
use memchr::memmem;

use super::plan::{Source, Whole, corrupt_structure};

/// The best score (RFC 6203 §4).
pub const RELEVANCY_MAX: u8 = 100;

/// How well a message fits: 1 to 100.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Relevancy(u8);

impl Relevancy {
    /// Of a message that matches by something that is not fuzzy.
    pub(super) const UNKNOWN: Self = Self(1);

    #[must_use]
    pub const fn value(self) -> u8 {
        self.0
    }
    /// From 0, hardly, to 1, as well as can be.
    fn of(share: f32) -> Self {
        let span = f32::from(RELEVANCY_MAX - 1);
        // Within 1 to 100 by the clamp.
        Self(1 + (share.clamp(0.0, 1.0) * span).round() as u8)
    }
    pub(super) fn mean(all: &[Self]) -> Option<Self> {
        let sum: usize = all.iter().map(|each| usize::from(each.0)).sum();
        u8::try_from(sum.checked_div(all.len())?).ok().map(Self)
    }
}

/// A message with its score.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ranked {
    pub uid: Uid,
    pub relevancy: Relevancy,
}

/// Where a text is looked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Scope {
    /// The fields of that name.
    Field(Box<[u8]>),
    Body,
    Text,
}

/// A text and where it is looked for.
pub(super) struct FuzzyText {
    scope: Scope,
    words: Vec<Word>,
}

/// Words of one text; more are not looked at.
const WORDS_MAX: usize = 32;
/// A word that may be met by a part of another has so many octets.
const PART_OCTETS_MIN: usize = 3;
/// A word has so many octets before its stem is asked for.
const STEM_OCTETS_MIN: usize = 3;

/// What meeting a word in each way is worth.
const SAME: f32 = 1.0;
const SAME_STEM: f32 = 0.7;
const PART: f32 = 0.4;
/// How much more it is worth in the header of the message.
const HEADER_TIMES: f32 = 4.0;
/// A text of so many words is neither long nor short.
const USUAL_WORDS: f32 = 400.0;

struct Word {
    octets: Box<[u8]>,
    kind: TermKind,
    stems: Vec<Stem>,
    /// What every word with one of the stems begins with.
    root: Box<[u8]>,
    finder: memmem::Finder<'static>,
}

struct Stem {
    language: Algorithm,
    octets: Box<[u8]>,
}

const LANGUAGES: [Algorithm; 10] = [
    Algorithm::English,
    Algorithm::German,
    Algorithm::French,
    Algorithm::Spanish,
    Algorithm::Italian,
    Algorithm::Portuguese,
    Algorithm::Dutch,
    Algorithm::Swedish,
    Algorithm::Danish,
    Algorithm::Russian,
];

impl FuzzyText {
    pub(super) fn new(scope: Scope, text: &str) -> Self {
        let mut words: Vec<Word> = Vec::new();
        koi_message::search::visit_needle(text, |folded| {
            visit_terms(folded, |term| {
                if words.len() < WORDS_MAX && !words.iter().any(|word| *word.octets == *term.octets) {
                    words.push(Word::new(term.octets, term.kind));
                }
            });
        });
        Self { scope, words }
    }
    /// What some term of every text that matches contains, for each word.
    pub(super) fn pieces(&self) -> Vec<Box<[u8]>> {
        self.words.iter().map(|word| word.root.clone()).collect()
    }
    pub(super) fn needs_body(&self) -> bool {
        !matches!(self.scope, Scope::Field(_))
    }
    /// Nothing when a word is not met. A text without words is met by every message that has the field.
    pub(super) fn relevancy(
        &self,
        message: &mut dyn Source,
        scratch: &mut Scratch,
    ) -> Result<Option<Relevancy>> {
        let mut tally = Tally { met: vec![0.0; self.words.len()], terms: 0.0, any: false };
        match &self.scope {
            Scope::Field(name) => {
                let _ = visit_field(message.header()?, name, scratch, &mut |passage| {
                    tally.add(&self.words, passage, 1.0)
                });
            }
            scope => {
                let Whole { octets, structure } = message.whole()?;
                let text = *scope == Scope::Text;
                let visited = visit_passages(octets, structure, scratch, &mut |passage| {
                    if passage.is_header && !text {
                        return ControlFlow::Continue(());
                    }
                    let times = if passage.is_header && passage.is_root { HEADER_TIMES } else { 1.0 };
                    tally.add(&self.words, passage, times)
                });
                let _ = visited.map_err(|_| corrupt_structure())?;
            }
        }
        Ok(tally.relevancy())
    }
}

/// What was met so far, word by word.
struct Tally {
    met: Vec<f32>,
    terms: f32,
    any: bool,
}

impl Tally {
    fn add(&mut self, words: &[Word], passage: Passage<'_>, times: f32) -> ControlFlow<()> {
        self.any = true;
        visit_terms(passage.text, |term| {
            self.terms += 1.0;
            for (word, met) in words.iter().zip(&mut self.met) {
                *met += times * word.worth(term.octets);
            }
        });
        ControlFlow::Continue(())
    }
    fn relevancy(&self) -> Option<Relevancy> {
        if !self.any || self.met.contains(&0.0) {
            return None;
        }
        if self.met.is_empty() {
            return Some(Relevancy::UNKNOWN);
        }
        // Each further time counts less, and more slowly in a long text.
        let length = 0.5 + 0.5 * (self.terms / USUAL_WORDS).min(8.0);
        let share: f32 = self.met.iter().map(|met| met / (met + length)).sum();
        Some(Relevancy::of(share / self.met.len() as f32))
    }
}

impl Word {
    fn new(octets: &[u8], kind: TermKind) -> Self {
        let stems = if kind == TermKind::Word { stems(octets) } else { Vec::new() };
        // Stems are written as words are, terms decomposed: they begin alike up to the first mark.
        let common = |stem: &Stem| octets.iter().zip(&stem.octets).take_while(|(a, b)| a == b).count();
        // A stem may end in another letter than its words have: happy, happi, happiness.
        let root = stems.iter().map(common).min().map_or(0, |common| common.saturating_sub(1));
        Self {
            octets: octets.into(),
            kind,
            root: if stems.is_empty() { octets.into() } else { beginning(octets, root).into() },
            stems,
            finder: memmem::Finder::new(octets).into_owned(),
        }
    }
    /// What a term is worth for this word; 0 when it does not meet it.
    fn worth(&self, term: &[u8]) -> f32 {
        if *self.octets == *term {
            SAME
        } else if self.kind != TermKind::Word {
            // One character that is looked for alone is met by a pair with it.
            if self.is_one_dense() && self.finder.find(term).is_some() { PART } else { 0.0 }
        } else if term.starts_with(&self.root) && self.has_stem_of(term) {
            SAME_STEM
        } else if self.octets.len() >= PART_OCTETS_MIN && self.finder.find(term).is_some() {
            PART
        } else {
            0.0
        }
    }
    fn is_one_dense(&self) -> bool {
        let mut starts = self.octets.iter().filter(|octet| **octet & 0xc0 != 0x80);
        self.kind == TermKind::Dense && starts.next().is_some() && starts.next().is_none()
    }
    fn has_stem_of(&self, term: &[u8]) -> bool {
        let Some(word) = word_of_term(term) else { return false };
        let same = |stem: &Stem| Stemmer::new(stem.language).stem(&word).as_bytes() == &*stem.octets;
        term.len() >= STEM_OCTETS_MIN && self.stems.iter().any(same)
    }
}

/// The first `octets` octets of a word, or fewer, so that it ends with a character; one character at least.
fn beginning(word: &[u8], octets: usize) -> &[u8] {
    let is_start = |at: &usize| word.get(*at).is_none_or(|octet| octet & 0xc0 != 0x80);
    let end = (1..=octets).rev().find(is_start).or_else(|| (1..=word.len()).find(is_start));
    end.and_then(|end| word.get(..end)).unwrap_or(word)
}

fn stems(word: &[u8]) -> Vec<Stem> {
    let Some(text) = word_of_term(word) else { return Vec::new() };
    if word.len() < STEM_OCTETS_MIN || word.iter().any(u8::is_ascii_digit) {
        return Vec::new();
    }
    let stem = |language| Stem { language, octets: Stemmer::new(language).stem(&text).as_bytes().into() };
    LANGUAGES.into_iter().map(stem).filter(|stem| stem.octets.len() + 1 >= STEM_OCTETS_MIN).collect()
}
