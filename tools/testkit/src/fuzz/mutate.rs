//! Inputs out of seeds and words: copies with cuts, repeats, flips, splices and inserted words.
//!
//! No coverage guides it: it finds what a wrong length, a lost quote or a repeated boundary breaks, quickly.

/// Inputs stay below this, so that rounds stay fast.
const INPUT_OCTETS_MAX: usize = 16 * 1024;
const CHANGES_MAX: u64 = 8;

/// Octets that mean something in most texts.
const EDGES: &[u8] = b"\0\r\n\t \"\\(){}[]<>@:;,=?*%&+-/.0\x7f\x80\xc3\xff";

/// xorshift64*: repeatable by its seed, good enough to shuffle octets.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        Random(seed | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`; 0 when there is none.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 11).unwrap_or_default().checked_rem(end).unwrap_or_default()
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }
}

/// Makes one input after the other.
pub(super) struct Mutator<'a> {
    random: Random,
    seeds: &'a [Vec<u8>],
    words: &'a [&'a [u8]],
    input: Vec<u8>,
}

impl<'a> Mutator<'a> {
    pub(super) fn new(random: Random, seeds: &'a [Vec<u8>], words: &'a [&'a [u8]]) -> Mutator<'a> {
        Mutator { random, seeds, words, input: Vec::new() }
    }

    pub(super) fn next_input(&mut self) -> &[u8] {
        // Now and then it goes on from the last input: changes pile up.
        if self.random.below(4) != 0 || self.input.is_empty() {
            self.input.clear();
            if let Some(seed) = self.random.pick(self.seeds) {
                self.input.extend_from_slice(seed);
            }
        }
        for _ in 0..=self.random.next() % CHANGES_MAX {
            self.change();
        }
        self.input.truncate(INPUT_OCTETS_MAX);
        &self.input
    }

    fn change(&mut self) {
        let at = self.random.below(self.input.len() + 1);
        match self.random.below(8) {
            0 => self.input.truncate(at),
            1 => self.flip(at),
            2 | 3 => {
                let word = self.random.pick(self.words).copied().unwrap_or_default();
                self.input.splice(at..at, word.iter().copied());
            }
            4 => {
                let edge = self.random.pick(EDGES).copied().unwrap_or_default();
                self.input.splice(at..at, [edge]);
            }
            5 => {
                let end = (at + self.random.below(64)).min(self.input.len());
                self.input.drain(at..end);
            }
            6 => {
                let end = (at + self.random.below(256)).min(self.input.len());
                let piece = self.input.get(at..end).unwrap_or_default().to_vec();
                let times = 1 + self.random.below(8);
                self.input.splice(at..at, piece.repeat(times));
            }
            _ => self.splice_seed(at),
        }
    }

    fn flip(&mut self, at: usize) {
        let octet = (self.random.next() & 0xff) as u8;
        if let Some(place) = self.input.get_mut(at) {
            *place ^= octet;
        }
    }

    /// The end of another seed behind the beginning of this one.
    fn splice_seed(&mut self, at: usize) {
        let Some(other) = self.random.pick(self.seeds) else { return };
        let from = self.random.below(other.len() + 1);
        self.input.truncate(at);
        self.input.extend_from_slice(other.get(from..).unwrap_or_default());
    }
}
