//! From octets to commands: lines, literals, limits, and how to go on after an error (DMAP-00 §3.2.1 and
//! §5.3, RFC 7888 §4 and §5).
//!
//! A command is judged at each announcement of a literal, so that what is refused is refused before it is
//! sent, and is parsed in place, once, when its last line is there. Only the message of APPEND is handed out
//! as it comes. Nothing above the limits is ever held: what is refused is skipped as it comes.

use koi_types::limits;
use memchr::memchr;

use super::command::{self, Append, Command, Opening};
use super::response::Code;
use crate::line::frame::{Partly, Skip, Skipped};
use crate::line::lex::Fault;
use crate::line::tag::tag_of;
use crate::line::{Input, LiteralMarker, Tag, literal_marker, without_line_end};
use crate::sasl::{SaslLine, sasl_line};

/// What the next octets may be. The session says it with every call, because only it knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Commands; literals are held to `DMAP_UNASKED_OCTETS_MAX`, and there is no APPEND.
    NotAuthenticated,
    /// Commands, authenticated or selected.
    Authenticated,
    /// One line of a SASL exchange (DMAP-00 §7.2.1).
    Sasl,
    /// DONE (RFC 9051 §6.3.13).
    Idle,
}

/// What `Decoder::next` found.
#[must_use = "each of these obliges the session to something"]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decoded {
    /// Nothing until more octets are fed.
    NeedMore,
    /// Send a continuation request now: the client waits before sending a literal (DMAP-00 §8.5).
    Continue,
    Command {
        tag: Tag,
        command: Command,
    },
    /// Malformed. Answer BAD, tagged if there is a tag. What belonged to the command is or will be skipped.
    Bad {
        tag: Option<Tag>,
        code: Option<Code>,
        text: Box<str>,
    },
    /// Understood, and more than the server takes: answer NO. What belonged to the command is or will be
    /// skipped.
    Refused {
        tag: Tag,
        code: Code,
        text: &'static str,
    },
    /// Framing is lost or the client asks for too much: answer `* BYE` and close. Further input is discarded.
    Fatal {
        code: Option<Code>,
        text: &'static str,
    },
    /// APPEND up to the first octet of its message. Before anything else call `accept_append` or
    /// `refuse_append`.
    AppendBegin {
        tag: Tag,
        append: Append,
    },
    /// The next octets of the message: `Decoder::append_data`, until `next` is called again.
    AppendData,
    /// The message is whole, and with it the command.
    AppendEnd,
    /// After the message was accepted the command went wrong: discard it and answer BAD with its tag. What
    /// still belongs to it is or will be skipped.
    AppendAborted {
        text: &'static str,
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
    skip_octets_max: u64,
    /// Octets at the front of `input` that the last `AppendData` showed.
    shown: usize,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Command(Partly),
    /// Announced to the session, which has not decided yet.
    AppendOffered {
        message: Message,
        synchronising: bool,
    },
    /// The continuation request is due.
    AppendContinue(Message),
    AppendOctets(Message),
    /// The end of the line behind the message.
    AppendLine(Message),
    Skip(Skip),
    Dead,
}

/// The message of APPEND while it comes.
#[derive(Clone, Copy, Debug)]
struct Message {
    left: u64,
    literal8: bool,
    nul: bool,
}

impl Decoder {
    /// `skip_octets_max`: an unasked-for literal above this, in a command that is refused, ends the
    /// connection instead of being skipped. The size of APPEND is the session's to judge.
    #[must_use]
    pub fn new(skip_octets_max: u64) -> Self {
        Self { input: Input::secret(), state: State::READY, skip_octets_max, shown: 0 }
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
    /// What the last `AppendData` stands for; empty after anything else.
    #[must_use]
    pub fn append_data(&self) -> &[u8] {
        self.input.rest().get(..self.shown).unwrap_or_default()
    }
    /// Takes the message that `AppendBegin` announced.
    pub fn accept_append(&mut self) {
        if let State::AppendOffered { message, synchronising } = self.state {
            self.state = match synchronising {
                true => State::AppendContinue(message),
                false => State::AppendOctets(message),
            };
        }
    }
    /// Does not take it, or no more of it. The session answers NO or BAD; what still comes is skipped.
    pub fn refuse_append(&mut self) {
        self.forget_shown();
        self.state = match self.state {
            State::AppendOffered { synchronising: true, .. } | State::AppendContinue(_) => State::READY,
            State::AppendOffered { message, .. } | State::AppendOctets(message) => {
                State::Skip(Skip::Literal { left: message.left })
            }
            State::AppendLine(_) => State::Skip(Skip::Line),
            other => other,
        };
    }
    /// The next thing in the octets fed so far. Call until `NeedMore`.
    pub fn next(&mut self, phase: Phase) -> Decoded {
        self.forget_shown();
        loop {
            let found = match self.state {
                State::Command(partly) => match phase {
                    Phase::NotAuthenticated | Phase::Authenticated => self.command(partly, phase),
                    Phase::Sasl | Phase::Idle => self.bare_line(phase),
                },
                State::AppendOffered { .. } | State::Dead => Some(Decoded::NeedMore),
                State::AppendContinue(message) => {
                    self.state = State::AppendOctets(message);
                    Some(Decoded::Continue)
                }
                State::AppendOctets(message) => self.append_octets(message),
                State::AppendLine(message) => Some(self.append_line(message)),
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
    fn fatal(&mut self, code: Option<Code>, text: &'static str) -> Decoded {
        self.input.clear();
        self.state = State::Dead;
        Decoded::Fatal { code, text }
    }
    fn bad(&self, code: Option<Code>, text: impl Into<Box<str>>) -> Decoded {
        Decoded::Bad { tag: tag_of(self.input.rest()), code, text: text.into() }
    }

    /// `None`: go round again.
    fn command(&mut self, mut partly: Partly, phase: Phase) -> Option<Decoded> {
        let rest = self.input.rest();
        if rest.len() < partly.line {
            return Some(Decoded::NeedMore);
        }
        let end = partly.line_end(rest);
        let line_octets = end.unwrap_or(rest.len()).saturating_sub(partly.literals);
        if line_octets > limits::DMAP_LINE_OCTETS_MAX {
            let bad = self.bad(Some(Code::TooBig), "command line is too long");
            self.input.skip(partly.line);
            self.state = State::Skip(Skip::Line);
            return Some(bad);
        }
        let Some(end) = end else {
            self.state = State::Command(partly);
            return Some(Decoded::NeedMore);
        };
        let line = rest.get(partly.line..end).unwrap_or_default();
        if !line.ends_with(b"\r\n") {
            let bad = self.bad(None, "a line ends with CRLF");
            // What a literal it may announce would be, nobody knows.
            self.input.skip(partly.line);
            self.state = State::Skip(Skip::Line);
            return Some(bad);
        }
        match literal_marker(without_line_end(line)) {
            Some(marker) => self.literal(partly, end, marker, phase),
            None => Some(self.whole(end)),
        }
    }
    /// The command at the front ends at `end`.
    fn whole(&mut self, end: usize) -> Decoded {
        let octets = self.input.rest().get(..end).map(without_line_end).unwrap_or_default();
        let decoded = match command::parse(octets) {
            Ok(parsed) => Decoded::Command { tag: parsed.tag, command: parsed.command },
            Err(error) => self.bad(None, error.to_string()),
        };
        self.input.skip(end);
        self.state = State::READY;
        decoded
    }
    /// The line that ends at `end` announces a literal.
    fn literal(
        &mut self,
        partly: Partly,
        end: usize,
        marker: LiteralMarker,
        phase: Phase,
    ) -> Option<Decoded> {
        let octets = self.input.rest().get(..end).map(without_line_end).unwrap_or_default();
        let unasked = !marker.synchronising && marker.octets > limits::DMAP_UNASKED_OCTETS_MAX as u64;
        let refused = match command::opening(octets) {
            Err(error) if error.fault == Fault::TooLarge => match tag_of(octets) {
                Some(tag) => Decoded::Refused { tag, code: Code::TooBig, text: error.what },
                None => self.bad(Some(Code::TooBig), error.what),
            },
            Err(error) => self.bad(None, error.to_string()),
            // RFC 7888 §5
            Ok(_) if unasked => self.bad(Some(Code::TooBig), "a literal this large must be asked for"),
            Ok(Opening::Message { .. }) if phase != Phase::Authenticated => {
                self.bad(None, "APPEND needs a login first")
            }
            Ok(Opening::Message { tag, append }) => {
                let message = Message { left: marker.octets, literal8: marker.literal8, nul: false };
                self.input.skip(end);
                self.state = State::AppendOffered { message, synchronising: marker.synchronising };
                return Some(Decoded::AppendBegin { tag, append });
            }
            Ok(Opening::Argument) if !has_room_for(partly, marker, phase) => {
                self.bad(Some(Code::TooBig), "literals are too large, or too many")
            }
            Ok(Opening::Argument) => {
                self.state = State::Command(partly.behind(end, marker));
                return marker.synchronising.then_some(Decoded::Continue);
            }
        };
        self.input.skip(end);
        Some(self.refuse(refused, marker, phase))
    }
    /// Answers before the literal comes. One the client already sends is skipped, unless it is so large that
    /// closing is cheaper (RFC 7888 §4).
    fn refuse(&mut self, answer: Decoded, marker: LiteralMarker, phase: Phase) -> Decoded {
        let max = match phase {
            Phase::NotAuthenticated => limits::DMAP_UNASKED_OCTETS_MAX as u64,
            _ => self.skip_octets_max,
        };
        if marker.synchronising {
            self.state = State::READY;
        } else if marker.octets > max {
            return self.fatal(Some(Code::TooBig), "literal is too large");
        } else {
            self.state = State::Skip(Skip::Literal { left: marker.octets });
        }
        answer
    }

    fn append_octets(&mut self, message: Message) -> Option<Decoded> {
        if message.left == 0 {
            self.state = State::AppendLine(message);
            return None;
        }
        let rest = self.input.rest();
        let shown = usize::try_from(message.left).unwrap_or(usize::MAX).min(rest.len());
        let Some(octets) = rest.get(..shown).filter(|octets| !octets.is_empty()) else {
            return Some(Decoded::NeedMore);
        };
        let nul = message.nul || memchr(0, octets).is_some();
        self.shown = shown;
        self.state = State::AppendOctets(Message { nul, left: message.left - shown as u64, ..message });
        Some(Decoded::AppendData)
    }
    /// Nothing but the end of the line may be behind the message.
    fn append_line(&mut self, message: Message) -> Decoded {
        match self.input.rest() {
            [b'\r', b'\n', ..] => {
                self.input.skip(2);
                self.state = State::READY;
                match message.nul && !message.literal8 {
                    true => Decoded::AppendAborted { text: "NUL in a literal; a literal8 may have it" },
                    false => Decoded::AppendEnd,
                }
            }
            [] | [b'\r'] => Decoded::NeedMore,
            _ => {
                self.state = State::Skip(Skip::Line);
                Decoded::AppendAborted { text: "expected the end of the command after the message" }
            }
        }
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
    fn bare_line(&mut self, phase: Phase) -> Option<Decoded> {
        let rest = self.input.rest();
        let end = memchr(b'\n', rest).map(|at| at + 1);
        if end.unwrap_or(rest.len()) > limits::SASL_LINE_OCTETS_MAX {
            return Some(self.fatal(None, "line is too long"));
        }
        let Some(end) = end else {
            return Some(Decoded::NeedMore);
        };
        let line = rest.get(..end).map(without_line_end).unwrap_or_default();
        let decoded = match phase {
            Phase::Sasl => Decoded::Sasl(sasl_line(line)),
            _ if line.eq_ignore_ascii_case(b"DONE") => Decoded::Done,
            _ => Decoded::NotDone,
        };
        self.input.skip(end);
        self.state = State::READY;
        Some(decoded)
    }
}

/// Whether a command may have this literal too.
fn has_room_for(partly: Partly, marker: LiteralMarker, phase: Phase) -> bool {
    let octets_max = match phase {
        Phase::NotAuthenticated => limits::DMAP_UNASKED_OCTETS_MAX,
        _ => limits::DMAP_COMMAND_LITERALS_OCTETS_MAX,
    };
    partly.count < limits::DMAP_COMMAND_LITERALS_MAX
        && marker.octets <= octets_max.saturating_sub(partly.literals) as u64
}

impl State {
    const READY: Self = Self::Command(Partly::NOTHING);
}

#[cfg(test)]
mod tests;
