//! From octets to commands: lines, literals, limits, and how to go on after an error
//! (RFC 9051 §2.2.1, §4.3 and §7.1, RFC 7888 §3 to §5).
//!
//! A command with its literals is parsed in place, once, when its last line is there. Only the octets of
//! messages in APPEND and REPLACE are handed out as they come. Nothing above the limits is ever held: what is
//! refused is skipped as it comes.

use koi_types::limits;

use super::command::{self, AppendBegin, AppendLine, Command, Opening, Tag};
use super::lex::SyntaxError;
use super::response::Code;
use crate::line::frame::{Partly, Skip, Skipped};
use crate::line::{Input, LiteralMarker, literal_marker, without_line_end};
use crate::sasl;
pub use crate::sasl::SaslLine;

mod append;

use append::AppendOctets;

/// What the next octets may be. The session says it with every call, because only it knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Commands; literals are held to `IMAP_LITERAL_BEFORE_LOGIN_OCTETS_MAX`.
    NotAuthenticated,
    /// Commands, authenticated or selected.
    Authenticated,
    /// One line of a SASL exchange (RFC 9051 §6.2.2).
    Sasl,
    /// DONE (RFC 9051 §6.3.13).
    Idle,
}

/// What `Decoder::next` found.
#[must_use = "each of these obliges the session to something"]
#[derive(Clone, Debug)]
pub enum Decoded {
    /// Nothing until more octets are fed.
    NeedMore,
    /// Send a continuation request now: the client waits before sending a literal (RFC 9051 §7.6).
    Continue,
    Command {
        tag: Tag,
        command: Command,
    },
    /// Malformed. Answer BAD, tagged if there is a tag. What belonged to the command is or will be skipped.
    Bad {
        tag: Option<Tag>,
        code: Option<Code<'static>>,
        text: Box<str>,
    },
    /// Understood, and more than the server takes: answer NO. What belonged to the command is or will be
    /// skipped.
    Refused {
        tag: Tag,
        code: Code<'static>,
        text: &'static str,
    },
    /// Framing is lost or the client asks for too much: answer `* BYE` and close. Further input is discarded.
    Fatal {
        code: Option<Code<'static>>,
        text: &'static str,
    },
    /// APPEND or REPLACE up to the first octets of a message. Before anything else call `accept_append` or
    /// `refuse_append`. When no octets come, it is the whole command.
    AppendBegin(AppendBegin),
    /// The next octets of the message: `Decoder::append_data`, until `next` is called again.
    AppendData,
    /// The octets that were announced are whole, and this follows them: again octets, to be accepted or
    /// refused, or the end of the command. `nul`: an octet 0 was in them, which came in `literal8`.
    AppendNext {
        nul: bool,
        line: AppendLine,
    },
    /// After octets were accepted the command went wrong: discard everything and answer BAD with its tag.
    /// What still belongs to it is or will be skipped.
    AppendAborted {
        text: Box<str>,
    },
    /// In `Phase::Sasl` only.
    Sasl(SaslLine),
    /// In `Phase::Idle` only: DONE.
    Done,
    /// In `Phase::Idle` only: something else; IDLE ends with a tagged BAD.
    NotDone,
}

/// Finds commands in the octets of one connection. Holds at most one unfinished command and what was fed
/// after it.
#[derive(Debug)]
pub struct Decoder {
    input: Input,
    state: State,
    utf8: bool,
    /// After ENABLE UTF8=ACCEPT.
    utf8_only: bool,
    skip_octets_max: u64,
    /// Octets at the front of `input` that the last `AppendData` showed.
    shown: usize,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Command(Partly),
    /// Announced to the session, which has not decided yet.
    AppendOffered {
        octets: AppendOctets,
        synchronising: bool,
    },
    /// The continuation request is due.
    AppendContinue(AppendOctets),
    AppendOctets(AppendOctets),
    /// What follows octets of a message.
    AppendLine(Partly, AppendOctets),
    Skip(Skip),
    Dead,
}

impl Decoder {
    /// `skip_octets_max`: an unasked-for literal above this, in a command that is refused, ends the
    /// connection instead of being skipped; the largest message is a good value. The size of APPEND is the
    /// session's to judge.
    #[must_use]
    pub fn new(skip_octets_max: u64) -> Self {
        Self {
            input: Input::default(),
            state: State::READY,
            utf8: false,
            utf8_only: false,
            skip_octets_max,
            shown: 0,
        }
    }
    /// After ENABLE of IMAP4rev2 or UTF8=ACCEPT: mailbox names are UTF-8, quoted strings too (RFC 6855 §3).
    pub fn enable_utf8(&mut self) {
        self.utf8 = true;
    }
    /// After ENABLE UTF8=ACCEPT: also, SEARCH must name no charset any more (RFC 6855 §3).
    pub fn enable_utf8_accept(&mut self) {
        self.enable_utf8();
        self.utf8_only = true;
    }
    /// After UNAUTHENTICATE nothing is enabled (RFC 8437 §4.1); what was fed stays.
    pub fn forget_enabled(&mut self) {
        (self.utf8, self.utf8_only) = (false, false);
    }
    pub fn feed(&mut self, octets: &[u8]) {
        self.forget_shown();
        if !matches!(self.state, State::Dead) {
            self.input.feed(octets);
        }
    }
    /// Octets fed and not yet used.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.input.len() - self.shown
    }
    /// Forgets everything fed: at STARTTLS nothing sent in clear text may survive (RFC 9051 §6.2.1).
    pub fn discard_buffered(&mut self) {
        self.shown = 0;
        self.input.clear();
        self.state = State::READY;
    }
    /// What the last `AppendData` stands for; empty after anything else.
    #[must_use]
    pub fn append_data(&self) -> &[u8] {
        self.input.rest().get(..self.shown).unwrap_or_default()
    }
    /// The next thing in the octets fed so far. Call until `NeedMore`.
    pub fn next(&mut self, phase: Phase) -> Decoded {
        self.forget_shown();
        loop {
            let found = match self.state {
                State::Command(partly) => match phase {
                    Phase::NotAuthenticated | Phase::Authenticated => self.command(partly, phase),
                    Phase::Sasl | Phase::Idle => self.bare_line(partly, phase),
                },
                State::AppendOffered { .. } | State::Dead => Some(Decoded::NeedMore),
                State::AppendContinue(octets) => {
                    self.state = State::AppendOctets(octets);
                    Some(Decoded::Continue)
                }
                State::AppendOctets(octets) => self.append_octets(octets),
                State::AppendLine(partly, octets) => self.append_line(partly, octets, phase),
                State::Skip(skip) => self.skip(skip),
            };
            if let Some(found) = found {
                return found;
            }
        }
    }

    fn forget_shown(&mut self) {
        self.input.skip(std::mem::take(&mut self.shown));
    }
    /// The end of the line being read, just after its LF. QUIRK bare_lf
    fn line_end(&self, partly: &mut Partly) -> Option<usize> {
        partly.line_end(self.input.rest())
    }
    fn fatal(&mut self, code: Option<Code<'static>>, text: &'static str) -> Decoded {
        self.input.clear();
        self.state = State::Dead;
        Decoded::Fatal { code, text }
    }

    /// `None`: go round again.
    fn command(&mut self, mut partly: Partly, phase: Phase) -> Option<Decoded> {
        if self.input.len() < partly.line {
            return Some(Decoded::NeedMore);
        }
        let end = self.line_end(&mut partly);
        self.state = State::Command(partly);
        let line_octets = end.unwrap_or(self.input.len()).saturating_sub(partly.literals);
        if line_octets > limits::IMAP_LINE_OCTETS_MAX {
            let bad = self.bad(Some(Code::TooBig), "command line is too long".into());
            self.input.skip(partly.line);
            self.state = State::Skip(Skip::Line);
            return Some(bad);
        }
        let Some(end) = end else {
            return Some(Decoded::NeedMore);
        };
        let line = self.input.rest().get(partly.line..end).map(without_line_end).unwrap_or_default();
        match literal_marker(line) {
            Some(marker) => self.literal(partly, end, marker, phase),
            None => self.whole(end),
        }
    }
    /// The command at the front ends at `end`.
    fn whole(&mut self, end: usize) -> Option<Decoded> {
        let octets = self.input.rest().get(..end).map(without_line_end).unwrap_or_default();
        let decoded = match octets.is_empty() {
            // QUIRK empty_line
            true => None,
            false => Some(self.decoded(octets).unwrap_or_else(|error| Decoded::Bad {
                tag: command::tag_of(octets),
                code: None,
                text: error.to_string().into(),
            })),
        };
        self.input.skip(end);
        self.state = State::READY;
        decoded
    }
    fn decoded(&self, octets: &[u8]) -> Result<Decoded, SyntaxError> {
        if let Some(begin) = command::whole_append(octets, self.utf8) {
            return begin.map(Decoded::AppendBegin);
        }
        if self.utf8_only {
            command::no_charset(octets)?;
        }
        let parsed = command::parse(octets, self.utf8)?;
        Ok(Decoded::Command { tag: parsed.tag, command: parsed.command })
    }
    fn bad(&self, code: Option<Code<'static>>, text: Box<str>) -> Decoded {
        Decoded::Bad { tag: command::tag_of(self.input.rest()), code, text }
    }

    /// The line that ends at `end` announces a literal.
    fn literal(
        &mut self,
        partly: Partly,
        end: usize,
        marker: LiteralMarker,
        phase: Phase,
    ) -> Option<Decoded> {
        let before = self.input.rest().get(..partly.line + marker.at).unwrap_or_default();
        let refused = match command::opening(before, partly.line, self.utf8) {
            // RFC 5464 §4.3: the largest value is told before it is sent.
            Ok(Opening::Annotation(tag)) if is_too_large_a_value(marker) => Decoded::Refused {
                tag,
                code: Code::MetadataMaxSize(limits::ANNOTATION_VALUE_OCTETS_MAX as u64),
                text: "value is too large",
            },
            Ok(Opening::Argument | Opening::Annotation(_)) if self.fits(partly, marker, phase) => {
                return self.wait_for_literal(partly, end, marker);
            }
            Ok(Opening::Message(begin, octets)) if phase == Phase::Authenticated => {
                match octets.literal(marker) {
                    Ok(literal) => {
                        self.input.skip(end);
                        self.offer(literal, begin.line.grammar);
                        return Some(Decoded::AppendBegin(begin.begin(Some(literal))));
                    }
                    Err(why) => self.bad(None, why.into()),
                }
            }
            Ok(Opening::Message(..)) => self.bad(None, "APPEND needs a login first".into()),
            Ok(Opening::Argument | Opening::Annotation(_)) => {
                self.bad(Some(Code::TooBig), "literal is too large".into())
            }
            Err(error) => self.bad(None, error.to_string().into()),
        };
        self.input.skip(end);
        Some(self.refuse(refused, marker, phase))
    }
    fn fits(&self, partly: Partly, marker: LiteralMarker, phase: Phase) -> bool {
        let max = match phase {
            Phase::NotAuthenticated => limits::IMAP_LITERAL_BEFORE_LOGIN_OCTETS_MAX,
            _ => limits::IMAP_COMMAND_LITERALS_OCTETS_MAX,
        };
        marker.octets <= max.saturating_sub(partly.literals) as u64
    }
    fn wait_for_literal(&mut self, partly: Partly, end: usize, marker: LiteralMarker) -> Option<Decoded> {
        self.state = State::Command(partly.behind(end, marker));
        marker.synchronising.then_some(Decoded::Continue)
    }
    /// Answers BAD before the literal comes. One the client already sends is skipped, unless it is so large
    /// that closing is cheaper (RFC 7888 §4).
    fn refuse(&mut self, bad: Decoded, marker: LiteralMarker, phase: Phase) -> Decoded {
        let max = match phase {
            Phase::NotAuthenticated => limits::IMAP_LITERAL_BEFORE_LOGIN_OCTETS_MAX as u64,
            _ => self.skip_octets_max,
        };
        if marker.synchronising {
            self.state = State::READY;
        } else if marker.octets > max {
            return self.fatal(Some(Code::TooBig), "literal is too large");
        } else {
            self.state = State::Skip(Skip::Literal { left: marker.octets });
        }
        bad
    }

    fn skip(&mut self, mut skip: Skip) -> Option<Decoded> {
        let skipped = skip.run(&mut self.input, self.skip_octets_max);
        self.state = if skipped == Skipped::NeedMore { State::Skip(skip) } else { State::READY };
        match skipped {
            Skipped::NeedMore => Some(Decoded::NeedMore),
            Skipped::Whole => None,
            Skipped::TooLarge => Some(self.fatal(Some(Code::TooBig), "literal is too large")),
        }
    }

    /// A line that is not a command: SASL response or DONE.
    fn bare_line(&mut self, mut partly: Partly, phase: Phase) -> Option<Decoded> {
        let end = self.line_end(&mut partly);
        self.state = State::Command(partly);
        if end.unwrap_or(self.input.len()) > limits::SASL_LINE_OCTETS_MAX {
            return Some(self.fatal(None, "line is too long"));
        }
        let Some(end) = end else {
            return Some(Decoded::NeedMore);
        };
        let line = self.input.rest().get(..end).map(without_line_end).unwrap_or_default();
        let decoded = match phase {
            Phase::Sasl => Decoded::Sasl(sasl::sasl_line(line)),
            _ if line.eq_ignore_ascii_case(b"DONE") => Decoded::Done,
            _ => Decoded::NotDone,
        };
        self.input.skip(end);
        self.state = State::READY;
        Some(decoded)
    }
}

impl State {
    const READY: Self = Self::Command(Partly::NOTHING);
}

const fn is_too_large_a_value(marker: LiteralMarker) -> bool {
    marker.octets > limits::ANNOTATION_VALUE_OCTETS_MAX as u64
}

#[cfg(test)]
mod tests;
