//! Substring search in octets, ASCII case ignored, for an ASCII needle.
//!
//! A block of places is tested at once for the two octets of the needle that are rarest in mail; the loop
//! over a block has no branches, so that the compiler makes vector instructions of it. Only in a block with
//! a candidate are places verified. Letters that are not ASCII are none to it: `finder` looks at those.

/// Places tested at once.
const BLOCK: usize = 64;

#[derive(Clone, Debug)]
pub(super) struct AsciiFinder {
    lower: Vec<u8>,
    rarest: Probe,
    second: Probe,
}

/// One octet of the needle and its place in it.
#[derive(Clone, Copy, Debug)]
struct Probe {
    at: usize,
    lower: u8,
    /// The bit that tells upper from lower case, for letters.
    case_bit: u8,
}

impl Probe {
    fn new(needle: &[u8], at: usize) -> Probe {
        let lower = needle.get(at).copied().unwrap_or_default();
        Probe { at, lower, case_bit: if lower.is_ascii_lowercase() { 0x20 } else { 0 } }
    }

    fn hits(self, octet: u8) -> bool {
        octet | self.case_bit == self.lower
    }

    fn hits_any(self, block: &[u8; BLOCK]) -> bool {
        let mut any = 0_u8;
        for &octet in block {
            any |= u8::from(self.hits(octet));
        }
        any != 0
    }
}

impl AsciiFinder {
    /// `needle` is ASCII and not empty.
    pub(super) fn new(needle: &[u8]) -> AsciiFinder {
        let lower = needle.to_ascii_lowercase();
        let mut places: Vec<usize> = (0..lower.len()).collect();
        places.sort_by_key(|&at| lower.get(at).map_or(255, |&octet| commonness(octet)));
        let rarest = places.first().copied().unwrap_or(0);
        let second = places.get(1).copied().unwrap_or(rarest);
        let (rarest, second) = (Probe::new(&lower, rarest), Probe::new(&lower, second));
        AsciiFinder { lower, rarest, second }
    }

    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        let Some(last) = text.len().checked_sub(self.lower.len()) else { return false };
        let places = last + 1;
        let rarest = text.get(self.rarest.at..self.rarest.at + places).unwrap_or_default();
        let second = text.get(self.second.at..self.second.at + places).unwrap_or_default();
        let (rarest_blocks, rarest_tail) = rarest.as_chunks::<BLOCK>();
        let (second_blocks, second_tail) = second.as_chunks::<BLOCK>();
        for (at, (rarest, second)) in rarest_blocks.iter().zip(second_blocks).enumerate() {
            if self.rarest.hits_any(rarest)
                && self.hit_both(rarest, second)
                && self.verify(text, at * BLOCK, rarest, second)
            {
                return true;
            }
        }
        self.verify(text, rarest_blocks.len() * BLOCK, rarest_tail, second_tail)
    }

    /// Whether both probes hit at one place of the block at least.
    fn hit_both(&self, rarest: &[u8; BLOCK], second: &[u8; BLOCK]) -> bool {
        let mut any = 0_u8;
        for (&a, &b) in rarest.iter().zip(second) {
            any |= u8::from(self.rarest.hits(a)) & u8::from(self.second.hits(b));
        }
        any != 0
    }

    /// Whether the needle is in `text` at one of the places from `first` on that the probes hit.
    fn verify(&self, text: &[u8], first: usize, rarest: &[u8], second: &[u8]) -> bool {
        rarest.iter().zip(second).enumerate().any(|(at, (&a, &b))| {
            self.rarest.hits(a)
                && self.second.hits(b)
                && text.get(first + at..).is_some_and(|rest| {
                    rest.get(..self.lower.len()).is_some_and(|place| place.eq_ignore_ascii_case(&self.lower))
                })
        })
    }
}

/// How common a lower-case octet is in mail: English text, HTML and base64 taken together.
fn commonness(octet: u8) -> u8 {
    const BY_COMMONNESS: &[u8] =
        b" etaoinsrlhd\ncumpfgw\rybv.k0,-12=:/x\"3<>4586j79qz@;_&'()%#!?+$*[]{}|~\\^`\t";
    let place = BY_COMMONNESS.iter().position(|&common| common == octet);
    place.map_or(0, |place| u8::try_from(250_usize.saturating_sub(place)).unwrap_or(0))
}
