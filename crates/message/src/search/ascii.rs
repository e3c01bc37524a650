//! Substring search in octets, ASCII case ignored, for an ASCII needle.
//!
//! The vector search of `memchr` looks for the octet of the needle that is rarest in mail, in both cases;
//! each place found is verified. Letters that are not ASCII never match an ASCII letter, here and in
//! `fold`.

use memchr::{memchr_iter, memchr2_iter};

#[derive(Clone, Debug)]
pub(super) struct AsciiFinder {
    lower: Vec<u8>,
    /// Place of the rarest octet in the needle, and of the second rarest, which is looked at first.
    rarest: usize,
    second: usize,
}

impl AsciiFinder {
    /// `needle` is ASCII and not empty.
    pub(super) fn new(needle: &[u8]) -> AsciiFinder {
        let lower = needle.to_ascii_lowercase();
        let mut places: Vec<usize> = (0..lower.len()).collect();
        places.sort_by_key(|&at| lower.get(at).map_or(255, |&octet| commonness(octet)));
        let rarest = places.first().copied().unwrap_or(0);
        let second = places.get(1).copied().unwrap_or(rarest);
        AsciiFinder { lower, rarest, second }
    }

    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        // A place of the rarest octet too near to either end cannot be part of a match.
        let behind = self.lower.len() - self.rarest - 1;
        let Some(last) = text.len().checked_sub(behind) else { return false };
        let Some(window) = text.get(self.rarest..last) else { return false };
        let Some(&octet) = self.lower.get(self.rarest) else { return true };
        if octet.is_ascii_lowercase() {
            memchr2_iter(octet, octet.to_ascii_uppercase(), window).any(|at| self.matches(text, at))
        } else {
            memchr_iter(octet, window).any(|at| self.matches(text, at))
        }
    }

    /// Whether the needle is in `text` at `at`.
    fn matches(&self, text: &[u8], at: usize) -> bool {
        let second = text.get(at + self.second).map(u8::to_ascii_lowercase);
        second.as_ref() == self.lower.get(self.second)
            && text
                .get(at..at + self.lower.len())
                .is_some_and(|place| place.eq_ignore_ascii_case(&self.lower))
    }
}

/// How common a lower-case octet is in mail: English text, HTML and base64 taken together.
fn commonness(octet: u8) -> u8 {
    const BY_COMMONNESS: &[u8] =
        b" etaoinsrlhd\ncumpfgw\rybv.k0,-12=:/x\"3<>4586j79qz@;_&'()%#!?+$*[]{}|~\\^`\t";
    let place = BY_COMMONNESS.iter().position(|&common| common == octet);
    place.map_or(0, |place| u8::try_from(250_usize.saturating_sub(place)).unwrap_or(0))
}
