//! The octets of messages in APPEND and REPLACE, as they come, and the lines between them (RFC 9051 §6.3.12,
//! RFC 3502, RFC 4469 §3, RFC 7888 §4).

use koi_types::limits;
use memchr::memchr;

use super::{Decoded, Decoder, Partly, Phase, State};
use crate::imap::command::append::{self, Expected, Grammar, ReadLine};
use crate::imap::command::{AppendLine, AppendLiteral};
use crate::imap::lex::Cursor;
use crate::line::frame::Skip;
use crate::line::{LiteralMarker, literal_marker, without_line_end};

/// Octets of a message while they come.
#[derive(Clone, Copy, Debug)]
pub(super) struct AppendOctets {
    left: u64,
    literal8: bool,
    nul: bool,
    /// What may follow them.
    grammar: Grammar,
}

/// A line behind such octets.
#[derive(Clone, Copy)]
struct Line {
    partly: Partly,
    before: AppendOctets,
    /// Behind its LF.
    end: usize,
}

impl Decoder {
    /// Takes the octets that `AppendBegin` or `AppendNext` announced.
    pub fn accept_append(&mut self) {
        if let State::AppendOffered { octets, synchronising } = self.state {
            self.state = match synchronising {
                true => State::AppendContinue(octets),
                false => State::AppendOctets(octets),
            };
        }
    }
    /// Does not take them, or no more of them, nor anything else of the command. The session answers NO or
    /// BAD; what still comes is skipped.
    pub fn refuse_append(&mut self) {
        self.forget_shown();
        self.state = match self.state {
            State::AppendOffered { synchronising: true, .. } | State::AppendContinue(_) => State::READY,
            State::AppendOffered { octets, .. } | State::AppendOctets(octets) => {
                State::Skip(Skip::Literal { left: octets.left })
            }
            State::AppendLine(partly, _) => State::Skip(Skip::Literal { left: partly.line as u64 }),
            other => other,
        };
    }
    pub(super) fn offer(&mut self, literal: AppendLiteral, grammar: Grammar) {
        let AppendLiteral { octets: left, synchronising, literal8 } = literal;
        let octets = AppendOctets { left, literal8, nul: false, grammar };
        self.state = State::AppendOffered { octets, synchronising };
    }
    pub(super) fn append_octets(&mut self, octets: AppendOctets) -> Option<Decoded> {
        if octets.left == 0 {
            self.state = State::AppendLine(Partly::default(), octets);
            return None;
        }
        let rest = self.input.rest();
        let shown = usize::try_from(octets.left).unwrap_or(usize::MAX).min(rest.len());
        let Some(message) = rest.get(..shown).filter(|m| !m.is_empty()) else {
            return Some(Decoded::NeedMore);
        };
        let nul = octets.nul || memchr(0, message).is_some();
        self.shown = shown;
        self.state = State::AppendOctets(AppendOctets { nul, left: octets.left - shown as u64, ..octets });
        Some(Decoded::AppendData)
    }
    /// The line behind octets of a message; it may have literals of its own, which are URLs. `None`: go round
    /// again.
    pub(super) fn append_line(
        &mut self,
        mut partly: Partly,
        before: AppendOctets,
        phase: Phase,
    ) -> Option<Decoded> {
        if self.input.len() < partly.line {
            return Some(Decoded::NeedMore);
        }
        let end = self.line_end(&mut partly);
        self.state = State::AppendLine(partly, before);
        let line_octets = end.unwrap_or(self.input.len()).saturating_sub(partly.literals);
        if line_octets > limits::IMAP_LINE_OCTETS_MAX {
            self.input.skip(partly.line);
            self.state = State::Skip(Skip::Line);
            return Some(aborted("command line is too long"));
        }
        let Some(end) = end else { return Some(Decoded::NeedMore) };
        let line = Line { partly, before, end };
        let octets = self.input.rest().get(partly.line..end).map(without_line_end).unwrap_or_default();
        match literal_marker(octets) {
            Some(marker) => self.append_line_to(line, marker, phase),
            None => {
                let read = self.read_append(&line, partly.line + octets.len(), false);
                self.input.skip(end);
                self.state = State::READY;
                Some(match read {
                    Ok(ReadLine { pieces, .. }) => next(before.nul, pieces, None),
                    Err(text) => aborted(&text),
                })
            }
        }
    }
    /// The line ends where a literal is announced.
    fn append_line_to(&mut self, line: Line, marker: LiteralMarker, phase: Phase) -> Option<Decoded> {
        let Line { partly, before, end } = line;
        let refused = match self.read_append(&line, partly.line + marker.at, true) {
            Ok(ReadLine { expected: Expected::Octets(octets), pieces, grammar }) => {
                match octets.literal(marker) {
                    Ok(literal) => {
                        self.input.skip(end);
                        self.offer(literal, grammar);
                        return Some(next(before.nul, pieces, Some(literal)));
                    }
                    Err(why) => aborted(why),
                }
            }
            Ok(_) if self.fits(partly, marker, phase) => {
                self.state = State::AppendLine(partly.behind(end, marker), before);
                return marker.synchronising.then_some(Decoded::Continue);
            }
            Ok(_) => aborted("literal is too large"),
            Err(text) => aborted(&text),
        };
        self.input.skip(end);
        Some(self.refuse(refused, marker, phase))
    }
    fn read_append(&self, line: &Line, until: usize, at_literal: bool) -> Result<ReadLine, String> {
        // RFC 9051 §4.3: only literal8 may have it.
        if line.before.nul && !line.before.literal8 {
            return Err("a message has a NUL octet".to_owned());
        }
        let octets = self.input.rest().get(..until).unwrap_or_default();
        let mut cursor = Cursor::new(octets, self.utf8);
        append::line(&mut cursor, line.before.grammar, at_literal).map_err(|error| error.to_string())
    }
}

fn next(
    nul: bool,
    pieces: Vec<crate::imap::command::AppendPiece>,
    literal: Option<AppendLiteral>,
) -> Decoded {
    Decoded::AppendNext { nul, line: AppendLine { pieces, literal } }
}

fn aborted(text: &str) -> Decoded {
    Decoded::AppendAborted { text: text.into() }
}
