//! Message data: DATA with its dots (RFC 5321 §4.1.1.4 and §4.5.2) and chunks of BDAT (RFC 3030 §2).
//!
//! The end of DATA is CRLF "." CRLF and nothing else; LF "." LF is data, so that no message can hide another.

use memchr::memchr_iter;

/// What was seen in the message data.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DataEnd {
    /// Octets of the message or chunk, handed out or dropped.
    pub octets: u64,
    /// An LF without CR was in it: RFC 5321 §2.3.8 forbids sending it; whether to refuse is policy.
    pub bare_lf: bool,
    /// A CR without LF was in it.
    pub bare_cr: bool,
    /// An octet 0 was in it.
    pub nul: bool,
    /// More than the limit came: the octets above it were dropped; refuse with 552 5.3.4.
    pub too_large: bool,
}

/// What to do with the front of the input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Front {
    NeedMore,
    /// So many octets are message.
    Message(usize),
    /// A dot of transparency: to be dropped.
    Dot,
    /// CRLF "." CRLF, of which three octets are at the front.
    End,
}

/// Reads DATA. Between calls the octets already taken never end in a CR, unless it is the CR of a CRLF.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dots {
    /// The next octet begins a line.
    line_begins: bool,
}

/// Looks at what goes by.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Watch {
    pub seen: DataEnd,
    /// The last octet was CR.
    cr: bool,
}

impl Dots {
    pub(super) const fn new() -> Self {
        Self { line_begins: true }
    }
    /// Judges the front of `input` as if it were taken.
    pub(super) fn front(&mut self, input: &[u8]) -> Front {
        if self.line_begins {
            match input {
                [b'.', b'\r', b'\n', ..] => return Front::End,
                [] | [b'.'] | [b'.', b'\r'] => return Front::NeedMore,
                [b'.', ..] => {
                    self.line_begins = false;
                    return Front::Dot;
                }
                _ => {}
            }
        }
        // A search for CRLF "." as a whole would pay its preparation for every dot of a message full of dots.
        let dotted = |at: &usize| {
            input.get(at + 1) == Some(&b'.') && at.checked_sub(1).and_then(|cr| input.get(cr)) == Some(&b'\r')
        };
        match memchr_iter(b'\n', input).find(dotted) {
            Some(at) => {
                self.line_begins = true;
                Front::Message(at + 1)
            }
            None => {
                self.line_begins = input.ends_with(b"\r\n");
                match input.strip_suffix(b"\r").unwrap_or(input).len() {
                    0 => Front::NeedMore,
                    octets => Front::Message(octets),
                }
            }
        }
    }
}

impl Watch {
    pub(super) fn look(&mut self, octets: &[u8]) {
        self.seen.octets += octets.len() as u64;
        let Some(first) = octets.first() else {
            return;
        };
        let (mut bare_cr, mut bare_lf) = bare(self.cr, *first);
        let mut nul = *first == 0;
        // Without a branch: the compiler compares many octets at a time, however many lines there are.
        for (before, octet) in octets.iter().zip(octets.iter().skip(1)) {
            let (cr, lf) = bare(*before == b'\r', *octet);
            bare_cr |= cr;
            bare_lf |= lf;
            nul |= *octet == 0;
        }
        self.seen.bare_cr |= bare_cr;
        self.seen.bare_lf |= bare_lf;
        self.seen.nul |= nul;
        self.cr = octets.last() == Some(&b'\r');
    }
    /// What was seen since the last time; a CR at the end of one chunk may belong to an LF in the next.
    pub(super) fn end(&mut self, last: bool) -> DataEnd {
        let mut seen = std::mem::take(&mut self.seen);
        if last {
            seen.bare_cr |= std::mem::take(&mut self.cr);
        }
        seen
    }
}

/// Whether a CR stood alone before this octet, and whether the octet is an LF alone.
const fn bare(after_cr: bool, octet: u8) -> (bool, bool) {
    let lf = octet == b'\n';
    (after_cr & !lf, lf & !after_cr)
}
