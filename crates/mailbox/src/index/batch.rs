//! The terms of some emails in memory, on their way to become a segment.

use koi_message::search::{Scratch, visit_passages, visit_terms};
use koi_store::record::index::{TermRowBuilder, encode_postings};
use koi_types::EmailId;

use super::segment::NewSegment;

/// Emails of one batch.
const DOCS_MAX: usize = 8192;
/// Octets of memory after which a batch takes no more emails.
const OCTETS_MAX: usize = 32 << 20;
/// Different terms of one email; one with more is read by every search.
const DOC_TERMS_MAX: usize = 32_768;
/// Terms of a long message after which others may run: nobody waits for an index, but whoever is woken beside
/// a thread that goes on and on waits for the next tick of the clock.
const TERMS_PER_TURN: u32 = 2048;
/// Places in the table of terms at first; a power of two.
const TABLE_MIN: usize = 1 << 10;
/// The term that only emails have which every search must read.
pub(super) const ALWAYS: &[u8] = b"";

pub(super) struct Batch {
    /// Known to nobody outside, so that nobody can send words that all collide.
    key: u64,
    docs: Vec<EmailId>,
    /// All terms, one behind the other.
    arena: Vec<u8>,
    terms: Vec<Entry>,
    /// Open addressing: half of a hash, and the number of the term plus one.
    table: Vec<Place>,
    /// In the order of the emails.
    postings: Vec<Posting>,
}

#[derive(Clone, Copy)]
struct Entry {
    start: u32,
    octets: u32,
    /// The email it was last seen in, plus one.
    last: u32,
}

#[derive(Clone, Copy, Default)]
struct Place {
    tag: u32,
    term: u32,
}

#[derive(Clone, Copy)]
struct Posting {
    term: u32,
    doc: u32,
}

impl Batch {
    pub(super) fn new(key: u64) -> Self {
        let table = vec![Place::default(); TABLE_MIN];
        Self { key, docs: Vec::new(), arena: Vec::new(), terms: Vec::new(), table, postings: Vec::new() }
    }
    pub(super) fn docs(&self) -> usize {
        self.docs.len()
    }
    pub(super) fn octets(&self) -> usize {
        self.arena.len()
            + self.terms.len() * size_of::<Entry>()
            + self.table.len() * size_of::<Place>()
            + self.postings.len() * size_of::<Posting>()
    }
    /// About how many octets its rows will have.
    pub(super) fn rows_octets(&self) -> usize {
        self.arena.len()
            + self.terms.len() * 2
            + self.postings.len() * 2
            + self.docs.len() * size_of::<EmailId>()
    }
    pub(super) fn is_full(&self) -> bool {
        self.docs.len() >= DOCS_MAX || self.octets() >= OCTETS_MAX
    }
    /// Adds an email with all terms of its text.
    pub(super) fn add(&mut self, email: EmailId, octets: &[u8], structure: &[u8], scratch: &mut Scratch) {
        let before = self.postings.len();
        let doc = self.begin(email);
        let mut seen = 0_u32;
        let visited = visit_passages(octets, structure, scratch, &mut |passage| {
            visit_terms(passage.text, |term| {
                seen = seen.wrapping_add(1);
                if seen.is_multiple_of(TERMS_PER_TURN) {
                    std::thread::yield_now();
                }
                // One more than may be says that it has too many; a passage may have millions.
                if self.postings.len() - before <= DOC_TERMS_MAX {
                    self.insert(term.octets, doc);
                }
            });
            match self.postings.len() - before > DOC_TERMS_MAX {
                true => std::ops::ControlFlow::Break(()),
                false => std::ops::ControlFlow::Continue(()),
            }
        });
        if visited.is_err() || self.postings.len() - before > DOC_TERMS_MAX {
            self.postings.truncate(before);
            self.insert(ALWAYS, doc);
        }
    }
    /// Adds an email without looking at it.
    pub(super) fn add_without_terms(&mut self, email: EmailId) {
        self.begin(email);
    }
    /// Adds an email that every search must read.
    pub(super) fn add_unread(&mut self, email: EmailId) {
        let doc = self.begin(email);
        self.insert(ALWAYS, doc);
    }
    fn begin(&mut self, email: EmailId) -> u32 {
        self.docs.push(email);
        // At most `DOCS_MAX` and what one step adds.
        self.docs.len() as u32 - 1
    }
    fn insert(&mut self, term: &[u8], doc: u32) {
        let hash = hash(self.key, term);
        let tag = (hash >> 32) as u32;
        let mask = self.table.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let Some(place) = self.table.get_mut(at) else { return };
            if place.term == 0 {
                *place = Place { tag, term: self.terms.len() as u32 + 1 };
                let start = self.arena.len() as u32;
                self.arena.extend_from_slice(term);
                self.terms.push(Entry { start, octets: term.len() as u32, last: doc + 1 });
                self.postings.push(Posting { term: self.terms.len() as u32 - 1, doc });
                if self.terms.len() * 2 > self.table.len() {
                    self.grow();
                }
                return;
            }
            if place.tag == tag
                && let Some(entry) = self.terms.get_mut(place.term as usize - 1)
                && self.arena.get(entry.range()) == Some(term)
            {
                if entry.last != doc + 1 {
                    entry.last = doc + 1;
                    self.postings.push(Posting { term: place.term - 1, doc });
                }
                return;
            }
            at = (at + 1) & mask;
        }
    }
    fn grow(&mut self) {
        let mut table = vec![Place::default(); self.table.len() * 2];
        let mask = table.len() - 1;
        for (number, entry) in (1u32..).zip(&self.terms) {
            let hash = hash(self.key, self.arena.get(entry.range()).unwrap_or_default());
            let mut at = hash as usize & mask;
            while table.get(at).is_some_and(|place| place.term != 0) {
                at = (at + 1) & mask;
            }
            if let Some(place) = table.get_mut(at) {
                *place = Place { tag: (hash >> 32) as u32, term: number };
            }
        }
        self.table = table;
    }
    /// The rows of a segment of this number.
    pub(super) fn into_segment(mut self, number: u32) -> NewSegment {
        self.table = Vec::new();
        let lists = Lists::new(self.terms.len(), &self.postings);
        self.postings = Vec::new();
        let mut segment = NewSegment::new(number, self.docs);
        let mut row = TermRowBuilder::default();
        let mut encoded = Vec::new();
        for at in sorted(&self.terms, &self.arena) {
            let docs = lists.of(at);
            let Some(entry) = self.terms.get(at).filter(|_| !docs.is_empty()) else { continue };
            encoded.clear();
            encode_postings(docs, &mut encoded);
            segment.push(&mut row, self.arena.get(entry.range()).unwrap_or_default(), &encoded);
        }
        segment.finish(row)
    }
}

impl Entry {
    const fn range(&self) -> std::ops::Range<usize> {
        self.start as usize..(self.start + self.octets) as usize
    }
}

/// The postings of every term, together.
struct Lists {
    /// Where the list of each term ends.
    ends: Vec<u32>,
    docs: Vec<u32>,
}

impl Lists {
    fn new(terms: usize, postings: &[Posting]) -> Self {
        let mut ends = vec![0u32; terms];
        for posting in postings {
            if let Some(count) = ends.get_mut(posting.term as usize) {
                *count += 1;
            }
        }
        // Where each begins; filling moves it to where it ends.
        let mut sum = 0;
        for end in &mut ends {
            sum += std::mem::replace(end, sum);
        }
        let mut docs = vec![0; postings.len()];
        for posting in postings {
            if let Some(end) = ends.get_mut(posting.term as usize)
                && let Some(doc) = docs.get_mut(*end as usize)
            {
                *doc = posting.doc;
                *end += 1;
            }
        }
        Self { ends, docs }
    }
    fn of(&self, term: usize) -> &[u32] {
        let start = term.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let end = self.ends.get(term).copied().unwrap_or(start);
        self.docs.get(start as usize..end as usize).unwrap_or_default()
    }
}

/// The numbers of the terms in the order of their octets.
fn sorted(terms: &[Entry], arena: &[u8]) -> impl Iterator<Item = usize> {
    struct Key {
        front: u64,
        term: u32,
    }
    let octets =
        |term: u32| terms.get(term as usize).and_then(|entry| arena.get(entry.range())).unwrap_or_default();
    let mut keys: Vec<Key> =
        (0..terms.len() as u32).map(|term| Key { front: front(octets(term)), term }).collect();
    keys.sort_unstable_by(|a, b| a.front.cmp(&b.front).then_with(|| octets(a.term).cmp(octets(b.term))));
    keys.into_iter().map(|key| key.term as usize)
}

/// The first eight octets as a number of the same order.
fn front(octets: &[u8]) -> u64 {
    let mut front = [0; 8];
    for (to, from) in front.iter_mut().zip(octets) {
        *to = *from;
    }
    u64::from_be_bytes(front)
}

/// Of a few octets, quickly.
fn hash(key: u64, octets: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| {
        let product = u128::from(hash ^ word) * u128::from(ODD ^ key.rotate_left(23) | 1);
        (product >> 64) as u64 ^ product as u64
    };
    let (words, rest) = octets.as_chunks::<8>();
    let mut hash = key ^ octets.len() as u64;
    for word in words {
        hash = mix(hash, u64::from_le_bytes(*word));
    }
    let mut last = 0u64;
    for octet in rest {
        last = last << 8 | u64::from(*octet);
    }
    mix(mix(hash, last), key)
}

#[cfg(test)]
mod tests {
    use koi_store::record::index::TermRow;

    use super::*;

    fn read(segment: &NewSegment) -> Vec<String> {
        let mut lines = Vec::new();
        for row in segment.term_rows() {
            let mut walk = TermRow::decode(row).unwrap().walk();
            while let Some(term) = walk.next_term().unwrap() {
                let mut line = String::from_utf8(term.to_vec()).unwrap();
                walk.postings(|doc| line.push_str(&format!(" {doc}"))).unwrap();
                lines.push(line);
            }
        }
        lines
    }

    fn add(batch: &mut Batch, number: u8, text: &str) {
        let octets = format!("S: {text}\n\n{text}");
        let mut structure = Vec::new();
        koi_message::parse(octets.as_bytes()).facts.structure.encode(&mut structure);
        batch.add(EmailId([number; 16]), octets.as_bytes(), &structure, &mut Scratch::default());
    }

    #[test]
    fn terms_in_order_with_the_emails_that_have_them() {
        let mut batch = Batch::new(7);
        add(&mut batch, 1, "b A b abcdefghi");
        batch.add_unread(EmailId([2; 16]));
        add(&mut batch, 3, "a abcdefgh");
        batch.add(EmailId([4; 16]), b"x", b"no structure", &mut Scratch::default());
        assert_eq!(batch.docs(), 4);
        let lines = read(&batch.into_segment(5));
        assert_eq!(lines, [" 1 3", "a 0 2", "abcdefgh 2", "abcdefghi 0", "b 0", "s 0 2"]);
    }

    #[test]
    fn many_terms_and_an_email_with_too_many() {
        let mut batch = Batch::new(1);
        let words = |count: u32| (0..count).map(|n| format!("w{n} ")).collect::<String>();
        add(&mut batch, 1, &words(5000));
        add(&mut batch, 2, &words(40_000));
        let octets = batch.octets();
        add(&mut batch, 4, &words(100_000));
        assert_eq!(batch.octets() - octets, size_of::<Posting>(), "what is too much takes no memory");
        add(&mut batch, 3, "w1");
        let lines = read(&batch.into_segment(0));
        assert_eq!(lines.len(), 5002);
        assert_eq!((lines[0].as_str(), lines[2].as_str()), (" 1 2", "w0 0"));
        assert!(lines.contains(&"w1 0 3".to_owned()));
    }
}
