//! Reads mbox files (RFC 4155, and what came before it): `From ` lines between messages, `>From ` quoting
//! taken back, flags from Status, X-Status, X-Keywords and X-Mozilla-Status. Messages are kept with all their
//! fields.

use std::io::BufRead;

use koi_types::{Day, Flags, Keyword, SystemFlags, Timestamp};

use super::Found;
use super::lines::{read_line, to_crlf};

/// Read at a time from longer lines.
const LINE_OCTETS_MAX: usize = 64 * 1024;

/// The messages of one file, in order.
pub(super) struct Mbox<R> {
    input: R,
    /// Larger messages are passed over.
    octets_max: usize,
    /// The `From ` line of the next message.
    from: Option<Vec<u8>>,
    number: u64,
    /// Octets of the file that were read.
    pub read: u64,
}

/// What comes next in the file.
pub(super) enum Next {
    Message(Found),
    TooLarge { place: String },
    End,
}

impl<R: BufRead> Mbox<R> {
    pub(super) fn new(input: R, octets_max: u64) -> Self {
        let octets_max = usize::try_from(octets_max).unwrap_or(usize::MAX);
        Self { input, octets_max, from: None, number: 0, read: 0 }
    }

    /// The next message. An error when the file does not begin like an mbox.
    pub(super) fn next(&mut self) -> std::io::Result<Next> {
        let mut line = Vec::new();
        let from = match self.from.take() {
            Some(from) => from,
            None => {
                self.line(&mut line)?;
                if line.is_empty() {
                    return Ok(Next::End);
                }
                if !line.starts_with(b"From ") {
                    let text = "does not begin with a `From ` line, so it is not an mbox file";
                    return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, text));
                }
                std::mem::take(&mut line)
            }
        };
        self.number += 1;
        let place = format!("message {}", self.number);
        let mut octets = Vec::new();
        let mut too_large = false;
        let (mut at_start, mut after_blank) = (true, false);
        while self.line(&mut line)? > 0 {
            if at_start && after_blank && is_separator(&line) {
                self.from = Some(std::mem::take(&mut line));
                break;
            }
            after_blank = at_start && matches!(line.as_slice(), b"\n" | b"\r\n");
            let text = if at_start { unquoted(&line) } else { &line };
            at_start = line.ends_with(b"\n");
            too_large |= octets.len() + text.len() > self.octets_max;
            if !too_large {
                octets.extend_from_slice(text);
            }
        }
        if too_large {
            return Ok(Next::TooLarge { place });
        }
        cut_blank_line(&mut octets);
        let octets = to_crlf(octets);
        let (flags, received_at) = (flags_of(&octets), date_of(&from));
        Ok(Next::Message(Found { place, octets, flags, received_at, zone_minutes: 0 }))
    }

    fn line(&mut self, line: &mut Vec<u8>) -> std::io::Result<usize> {
        let length = read_line(&mut self.input, LINE_OCTETS_MAX, line)?;
        self.read += length as u64;
        Ok(length)
    }
}

/// A `From ` line has an address and a date with a time; a sentence that begins with "From" has not.
fn is_separator(line: &[u8]) -> bool {
    line.starts_with(b"From ") && date_of(line).is_some()
}

/// mboxrd: one `>` less before any number of them and `From `.
fn unquoted(line: &[u8]) -> &[u8] {
    let marks = line.iter().take_while(|b| **b == b'>').count();
    let quoted = marks > 0 && line.get(marks..).is_some_and(|rest| rest.starts_with(b"From "));
    if quoted { line.get(1..).unwrap_or(line) } else { line }
}

/// The empty line before the next `From ` line belongs to the file, not to the message.
fn cut_blank_line(octets: &mut Vec<u8>) {
    for end in [b"\r\n\r\n".as_slice(), b"\n\n"] {
        if octets.ends_with(end) {
            octets.truncate(octets.len() - end.len() / 2);
            return;
        }
    }
}

/// `From sender Thu Nov 21 21:55:52 2026` with or without a zone before or after the year.
fn date_of(from: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(from).ok()?;
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let at = words.iter().position(|w| clock_of(w).is_some())?;
    let clock = clock_of(words.get(at)?)?;
    let day: u8 = words.get(at.checked_sub(1)?)?.parse().ok()?;
    let month = month_of(words.get(at.checked_sub(2)?)?)?;
    let mut rest = words.get(at + 1..)?.iter();
    let year: u16 = rest.find_map(|w| w.parse().ok().filter(|y| (1970..=9999).contains(y)))?;
    let zone = words.get(at + 1..)?.iter().find_map(|w| zone_of(w)).unwrap_or(0);
    let day = Day::from_date(year, month, day)?;
    Some(Timestamp::from_secs(i64::from(day.0) * 86_400 + clock - zone))
}

fn clock_of(word: &str) -> Option<i64> {
    let mut parts = word.split(':');
    let mut part = |max: i64| parts.next()?.parse::<i64>().ok().filter(|n| (0..=max).contains(n));
    let (hour, minute) = (part(23)?, part(59)?);
    let second = part(60).unwrap_or(0);
    Some(hour * 3600 + minute * 60 + second)
}

fn month_of(word: &str) -> Option<u8> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let at = MONTHS.iter().position(|m| m.eq_ignore_ascii_case(word))?;
    u8::try_from(at + 1).ok()
}

/// `+0100` in seconds.
fn zone_of(word: &str) -> Option<i64> {
    let digits = word.strip_prefix(['+', '-']).filter(|d| d.len() == 4)?;
    let number: i64 = digits.parse().ok()?;
    let secs = (number / 100 * 60 + number % 100) * 60;
    Some(if word.starts_with('-') { -secs } else { secs })
}

fn flags_of(octets: &[u8]) -> Flags {
    let mut flags = Flags::default();
    let header = octets.split(|b| *b == b'\n').take_while(|line| !matches!(line, [] | [b'\r']));
    for line in header {
        let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
        let (name, value) = line.split_at(colon);
        let value = String::from_utf8_lossy(value.get(1..).unwrap_or_default());
        let value = value.trim();
        if name.eq_ignore_ascii_case(b"Status") || name.eq_ignore_ascii_case(b"X-Status") {
            value.chars().filter_map(flag_of_letter).for_each(|f| flags.system = flags.system.union(f));
        } else if name.eq_ignore_ascii_case(b"X-Keywords") {
            value.split_ascii_whitespace().filter_map(Keyword::new).for_each(|k| flags.insert(k));
        } else if name.eq_ignore_ascii_case(b"X-Mozilla-Status") {
            let bits = u16::from_str_radix(value, 16).unwrap_or(0);
            flags.system = flags.system.union(flags_of_mozilla(bits));
        }
    }
    flags
}

fn flag_of_letter(letter: char) -> Option<SystemFlags> {
    match letter {
        'R' => Some(SystemFlags::SEEN),
        'A' => Some(SystemFlags::ANSWERED),
        'F' => Some(SystemFlags::FLAGGED),
        'D' => Some(SystemFlags::DELETED),
        'T' => Some(SystemFlags::DRAFT),
        _ => None,
    }
}

fn flags_of_mozilla(bits: u16) -> SystemFlags {
    let known = [
        (1, SystemFlags::SEEN),
        (2, SystemFlags::ANSWERED),
        (4, SystemFlags::FLAGGED),
        (8, SystemFlags::DELETED),
    ];
    let set = known.iter().filter(|(bit, _)| bits & bit != 0);
    set.fold(SystemFlags::NONE, |all, (_, flag)| all.union(*flag))
}
