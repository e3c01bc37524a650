//! Reading big-endian numbers and counted octets from a slice, and writing them. No allocation.

/// What was not yet read of a slice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) const fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }
    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
    /// `None`, and nothing read, when fewer are left.
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }
    pub(crate) fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        self.take(N)?.try_into().ok()
    }
    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|&[octet]| octet)
    }
    pub(crate) fn be16(&mut self) -> Option<u16> {
        self.array().map(|octets| u16::from_be_bytes(*octets))
    }
    pub(crate) fn be24(&mut self) -> Option<u32> {
        self.array().map(|&[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }
    pub(crate) fn be32(&mut self) -> Option<u32> {
        self.array().map(|octets| u32::from_be_bytes(*octets))
    }
}

/// The largest number in three octets.
pub(crate) const BE24_MAX: u32 = 0x00ff_ffff;

/// Three octets; what is above them is cut off: callers have checked it.
pub(crate) const fn be24(number: u32) -> [u8; 3] {
    let [_, a, b, c] = number.to_be_bytes();
    [a, b, c]
}

/// A length as three octets, `None` when it does not fit.
pub(crate) fn length24(length: usize) -> Option<[u8; 3]> {
    u32::try_from(length).ok().filter(|&number| number <= BE24_MAX).map(be24)
}

/// `left` becomes `left XOR right`; what the shorter one lacks stays.
pub(crate) fn xor_into(left: &mut [u8], right: &[u8]) {
    left.iter_mut().zip(right).for_each(|(to, from)| *to ^= from);
}
