//! What line protocols share: an input buffer that forgets what was read, how literals are announced
//! (RFC 9051 §4.3, RFC 7888 §3), and the terminals that the grammars of IMAP and DMAP have in common.

pub mod date;
pub mod frame;
pub mod lex;
pub mod number;
pub(crate) mod search;
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
    /// What is read is overwritten, and leaves no copy.
    secret: bool,
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
    /// One whose octets are overwritten as soon as they are read, wherever they lay: passwords and keys are
    /// among them.
    #[must_use]
    pub const fn secret() -> Self {
        Self { octets: Vec::new(), start: 0, secret: true }
    }
    pub fn feed(&mut self, octets: &[u8]) {
        if self.start > self.octets.len() / 2 {
            self.move_to_front();
        }
        let len = self.octets.len() + octets.len();
        if self.secret && len > self.octets.capacity() {
            // Growing by itself would leave the octets where they were.
            let mut grown = Vec::with_capacity(len.max(2 * self.octets.capacity()));
            grown.extend_from_slice(&self.octets);
            erase(&mut self.octets);
            self.octets = grown;
        }
        self.octets.extend_from_slice(octets);
    }
    fn move_to_front(&mut self) {
        let left = self.octets.len() - self.start;
        self.octets.copy_within(self.start.., 0);
        if self.secret {
            erase(self.octets.get_mut(left..).unwrap_or_default());
        }
        self.octets.truncate(left);
        self.start = 0;
    }
    /// Everything not yet read.
    #[must_use]
    pub fn rest(&self) -> &[u8] {
        self.octets.get(self.start..).unwrap_or_default()
    }
    /// Forgets the first `count` octets of `rest`.
    pub fn skip(&mut self, count: usize) {
        let start = self.octets.len().min(self.start.saturating_add(count));
        if self.secret {
            erase(self.octets.get_mut(self.start..start).unwrap_or_default());
        }
        self.start = start;
        if self.start == self.octets.len() {
            self.start = 0;
            self.octets.clear();
            if self.octets.capacity() > KEEP_OCTETS_MAX {
                self.octets = Vec::new();
            }
        }
    }
    pub fn clear(&mut self) {
        self.skip(self.len());
        self.octets = Vec::new();
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

impl Drop for Input {
    fn drop(&mut self) {
        if self.secret {
            erase(&mut self.octets);
        }
    }
}

/// Overwrites octets that nobody reads again.
pub(crate) fn erase(octets: &mut [u8]) {
    octets.fill(0);
    std::hint::black_box(octets);
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
    fn what_was_read_of_a_secret_is_overwritten() {
        let mut input = Input::secret();
        input.feed(b"password");
        input.skip(4);
        assert_eq!(input.octets, b"\0\0\0\0word");
        input.skip(2);
        input.feed(b"!");
        assert_eq!((input.rest(), input.octets.as_slice()), (b"rd!".as_slice(), b"rd!".as_slice()));
        input.feed(&[7; 5000]);
        assert_eq!(input.len(), 5003);
        input.skip(5003);
        assert!(input.is_empty() && input.octets.capacity() <= KEEP_OCTETS_MAX);
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
