//! How the octets of a connection become commands: lines and the literals announced at their ends, found as
//! they come, and stepped over where they are refused (RFC 9051 §2.2.1, RFC 7888 §4).

use memchr::memchr;

use super::{Input, LiteralMarker, MARKER_OCTETS_MAX, literal_marker, without_line_end};

/// How far the command at the front of the input is known.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Partly {
    /// Where the line being read begins; before it are earlier lines and their literals.
    pub line: usize,
    /// No LF between `line` and here.
    scanned: usize,
    /// Octets of literals so far.
    pub literals: usize,
    /// How many literals.
    pub count: usize,
}

/// What is refused, as it comes: a line goes on to the next LF, and with the literals announced in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Skip {
    Line,
    Literal { left: u64 },
}

/// What `Skip::run` came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Skipped {
    /// Everything that was there.
    NeedMore,
    /// All of it: a command may begin.
    Whole,
    /// A literal is announced that nobody asked for, and that is too large to step over.
    TooLarge,
}

impl Partly {
    /// Nothing is known yet.
    pub const NOTHING: Self = Self { line: 0, scanned: 0, literals: 0, count: 0 };

    /// The end of the line being read, just after its LF. `rest`: the input from the command's beginning.
    pub fn line_end(&mut self, rest: &[u8]) -> Option<usize> {
        let found = rest.get(self.scanned..).and_then(|new| memchr(b'\n', new));
        if found.is_none() {
            self.scanned = rest.len().max(self.scanned);
        }
        found.map(|at| self.scanned + at + 1)
    }
    /// The same when the line that ends at `end` has announced a literal.
    #[must_use]
    pub fn behind(self, end: usize, marker: LiteralMarker) -> Self {
        let octets = usize::try_from(marker.octets).unwrap_or(usize::MAX);
        let line = end.saturating_add(octets);
        let literals = self.literals.saturating_add(octets);
        Self { line, scanned: line, literals, count: self.count + 1 }
    }
}

impl Skip {
    /// Steps over what there is; nothing of it stays but what may yet turn out to announce a literal.
    /// `octets_max`: of a literal that comes unasked.
    pub fn run(&mut self, input: &mut Input, octets_max: u64) -> Skipped {
        loop {
            match *self {
                Self::Line => match skip_line(input) {
                    None => return Skipped::NeedMore,
                    Some(Some(octets)) if octets > octets_max => return Skipped::TooLarge,
                    Some(Some(left)) => *self = Self::Literal { left },
                    Some(None) => return Skipped::Whole,
                },
                Self::Literal { left } => {
                    let count = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    input.skip(count);
                    match left - count as u64 {
                        0 => *self = Self::Line,
                        left => {
                            *self = Self::Literal { left };
                            return Skipped::NeedMore;
                        }
                    }
                }
            }
        }
    }
}

/// Steps over a line, if its end is there; says how many octets come behind it unasked.
fn skip_line(input: &mut Input) -> Option<Option<u64>> {
    let rest = input.rest();
    let Some(at) = memchr(b'\n', rest) else {
        // The marker and CR.
        let stays = MARKER_OCTETS_MAX + 1;
        input.skip(rest.len().saturating_sub(stays));
        return None;
    };
    let marker = literal_marker(without_line_end(rest.get(..=at).unwrap_or_default()));
    input.skip(at + 1);
    Some(marker.filter(|marker| !marker.synchronising).map(|marker| marker.octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7888 §4
    #[test]
    fn refused_commands_are_stepped_over() {
        let run = |octets: &[u8], step: usize| {
            let (mut skip, mut input, mut last) = (Skip::Line, Input::default(), Skipped::NeedMore);
            for piece in octets.chunks(step) {
                input.feed(piece);
                if last == Skipped::NeedMore {
                    last = skip.run(&mut input, 10);
                }
            }
            (last, input.rest().to_vec())
        };
        for step in [1, 2, 100] {
            assert_eq!(run(b"x {3+}\r\n\r\n\n y\r\nb NOOP", step), (Skipped::Whole, b"b NOOP".to_vec()));
            assert_eq!(run(b"x {3}\r\nb NOOP", step), (Skipped::Whole, b"b NOOP".to_vec()));
            assert_eq!(run(b"x {11+}\r\n", step).0, Skipped::TooLarge);
            assert_eq!(run(b"x {5+}\r\nabc", step).0, Skipped::NeedMore);
        }
        assert!(run(&b"x".repeat(1000), 7).1.len() <= MARKER_OCTETS_MAX + 8, "a long line is not held");
    }
}
