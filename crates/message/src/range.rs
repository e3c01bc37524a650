//! Octet ranges within one message. A range never points into anything but the message it was made for.

/// A half-open range of octets, absolute in the message: `start` is the first octet, `end` one past the
/// last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Range32 {
    pub start: u32,
    pub end: u32,
}

impl Range32 {
    /// The range from `start` to `end`; empty at `start` if `end` lies before it.
    pub fn new(start: u32, end: u32) -> Range32 {
        Range32 { start, end: end.max(start) }
    }

    /// Octets in the range.
    pub fn len(self) -> u32 {
        self.end.saturating_sub(self.start)
    }

    pub fn is_empty(self) -> bool {
        self.end <= self.start
    }

    /// The octets of `raw` in this range; a range that reaches beyond `raw` is cut at its end.
    pub fn of(self, raw: &[u8]) -> &[u8] {
        let end = (self.end as usize).min(raw.len());
        let start = (self.start as usize).min(end);
        raw.get(start..end).unwrap_or_default()
    }

    /// Whether `other` lies wholly within this range.
    pub fn contains(self, other: Range32) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}
