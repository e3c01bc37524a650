//! What line protocols share: an input buffer that forgets what was read, how literals are announced
//! (RFC 9051 §4.3, RFC 7888 §3), and the terminals that the grammars of IMAP and DMAP have in common.

pub mod date;
pub mod frame;
pub mod lex;
pub mod number;
pub mod set;
pub mod string;
pub mod tag;

pub use tag::Tag;

/// Octets received and not yet read. Feeding costs, over time, a constant per octet; an empty buffer holds no
/// memory.
#[derive(Debug, Default)]
pub struct Input {
    octets: Vec<u8>,
    start: usize,
}

/// Something accepted although the grammar forbids it. The code that makes the exception says `QUIRK name`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quirk {
    pub name: &'static str,
    pub what: &'static str,
    pub who: &'static str,
}

/// `{n}`, `{n+}`, `~{n}`, `~{n+}` at the end of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LiteralMarker {
    /// Where the marker begins in the line.
    pub at: usize,
    /// Saturated when the number is larger.
    pub octets: u64,
    /// The sender waits for a continuation request.
    pub synchronising: bool,
    pub literal8: bool,
}

/// A marker is looked for in so many octets at the end of a line: `~{` 20 digits `+}`, and some leading
/// zeros.
pub const MARKER_OCTETS_MAX: usize = 32;

/// Above this much memory an empty buffer gives back what it has.
const KEEP_OCTETS_MAX: usize = 1024;

impl Input {
    pub fn feed(&mut self, octets: &[u8]) {
        if self.start > self.octets.len() / 2 {
            self.octets.drain(..self.start);
            self.start = 0;
        }
        self.octets.extend_from_slice(octets);
    }
    /// Everything not yet read.
    #[must_use]
    pub fn rest(&self) -> &[u8] {
        self.octets.get(self.start..).unwrap_or_default()
    }
    /// Forgets the first `count` octets of `rest`.
    pub fn skip(&mut self, count: usize) {
        self.start = self.octets.len().min(self.start.saturating_add(count));
        if self.start == self.octets.len() {
            self.start = 0;
            self.octets.clear();
            if self.octets.capacity() > KEEP_OCTETS_MAX {
                self.octets = Vec::new();
            }
        }
    }
    pub fn clear(&mut self) {
        self.octets = Vec::new();
        self.start = 0;
    }
    #[must_use]
    pub fn len(&self) -> usize {
        self.octets.len() - self.start
    }
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The line without its LF or CRLF.
#[must_use]
pub fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The literal announced at the end of a line (given without its line end), wherever it stands:
/// RFC 7888 §3 wants every line checked. Only the last `MARKER_OCTETS_MAX` octets count.
#[must_use]
pub fn literal_marker(line: &[u8]) -> Option<LiteralMarker> {
    let from = line.len().saturating_sub(MARKER_OCTETS_MAX);
    let tail = line.get(from..)?.strip_suffix(b"}")?;
    let open = tail.iter().rposition(|b| *b == b'{')?;
    let inside = tail.get(open + 1..)?;
    let (digits, synchronising) = match inside.strip_suffix(b"+") {
        Some(digits) => (digits, false),
        None => (inside, true),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let octets = digits.iter().fold(0u64, |n, d| n.saturating_mul(10).saturating_add(u64::from(d - b'0')));
    let literal8 = open.checked_sub(1).and_then(|i| tail.get(i)) == Some(&b'~');
    Some(LiteralMarker { at: from + open - usize::from(literal8), octets, synchronising, literal8 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_found_at_the_end_only() {
        let marker = |line: &str| {
            literal_marker(line.as_bytes()).map(|m| (m.at, m.octets, m.synchronising, m.literal8))
        };
        assert_eq!(marker("A1 LOGIN {5}"), Some((9, 5, true, false)));
        assert_eq!(marker("{0+}"), Some((0, 0, false, false)));
        assert_eq!(marker("x ~{7}"), Some((2, 7, true, true)));
        assert_eq!(marker("x ~{7+}"), Some((2, 7, false, true)));
        assert_eq!(marker("{99999999999999999999999+}"), Some((0, u64::MAX, false, false)));
        for none in ["", "}", "{}", "{+}", "{5", "{5} ", "{ 5}", "{-5}", "{5++}", "{5+"] {
            assert_eq!(marker(none), None, "{none}");
        }
    }

    #[test]
    fn an_empty_buffer_holds_no_memory() {
        let mut input = Input::default();
        input.feed(&[7; 100_000]);
        input.skip(99_999);
        assert_eq!(input.rest(), [7]);
        input.feed(&[8]);
        assert_eq!(input.rest(), [7, 8]);
        assert!(input.octets.len() < 10, "read octets stay");
        input.skip(2);
        assert!(input.is_empty() && input.octets.capacity() <= KEEP_OCTETS_MAX);
    }
}
