//! From octets to SMTP commands and message data (RFC 5321 §4.1.1 and §4.5.2, RFC 3030 §2, RFC 2920 §3.2).
//!
//! Whatever the client sends ahead (PIPELINING) waits in the input; the session takes one thing at a time.

use koi_types::limits;
use memchr::memchr;

use super::command::Command;
use super::data::{DataEnd, Dots, Front, Watch};
use super::parse::{begins_http, is_bdat, is_http, no_web_server, parse};
use super::reply::{EnhancedCode, Reply};
use crate::line::Input;

/// So much of a message is handed out at a time: who stores it lets others run in between.
const PIECE_OCTETS: usize = 16 * 1024;

/// Which greeting commands exist.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    Smtp,
    /// LHLO only (RFC 2033 §4.1).
    Lmtp,
}

/// What a line is. The session says it with every call, because only it knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    Command,
    /// A line of an AUTH exchange (RFC 4954 §4).
    Auth,
}

/// What `Decoder::next` found.
#[must_use = "each of these obliges the session to something"]
#[derive(Clone, Debug)]
pub enum Decoded {
    /// Nothing until more octets are fed.
    NeedMore,
    Command(Command),
    /// Malformed, unknown or too long; the line is or will be skipped. Send the reply.
    Bad(Reply),
    /// Nobody knows what the following octets are: send the reply and close. Further input is discarded.
    Fatal(Reply),
    /// The next octets of the message, without the dots of transparency: `Decoder::data`, until `next` is
    /// called again.
    Data,
    /// The message (DATA) or the chunk (BDAT) is complete.
    DataEnd(DataEnd),
    /// In `Phase::Auth` only: the line without its end. `*` cancels.
    AuthLine(Box<str>),
}

/// Finds commands and message data in the octets of one connection.
#[derive(Debug)]
pub struct Decoder {
    input: Input,
    protocol: Protocol,
    message_octets_max: u64,
    state: State,
    watch: Watch,
    /// Octets at the front of `input` that the last `Data` showed.
    shown: usize,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// No LF in so many octets at the front.
    Line {
        scanned: usize,
    },
    SkipLine,
    Data(Dots),
    Chunk {
        left: u64,
        last: bool,
    },
    Dead,
}

impl Decoder {
    /// `message_octets_max`: more of a message (DATA) or chunk (BDAT) is not handed out.
    #[must_use]
    pub fn new(protocol: Protocol, message_octets_max: u64) -> Self {
        let (input, watch) = (Input::default(), Watch::default());
        Self { input, protocol, message_octets_max, state: State::READY, watch, shown: 0 }
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
    /// Forgets everything fed: at STARTTLS nothing sent in clear text may survive (RFC 3207 §4.2).
    pub fn discard_buffered(&mut self) {
        self.shown = 0;
        self.input.clear();
        self.state = State::READY;
    }
    /// After 354: what follows is the message.
    pub fn begin_data(&mut self) {
        self.watch = Watch::default();
        self.state = State::Data(Dots::new());
    }
    /// What the last `Data` stands for; empty after anything else.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        self.input.rest().get(..self.shown).unwrap_or_default()
    }
    /// The next thing in the octets fed so far. Call until `NeedMore`.
    pub fn next(&mut self, phase: Phase) -> Decoded {
        self.forget_shown();
        loop {
            let found = match self.state {
                State::Line { scanned } => Some(self.line(scanned, phase)),
                State::SkipLine => self.skip_line(),
                State::Data(dots) => self.dotted(dots),
                State::Chunk { left, last } => self.chunk(left, last),
                State::Dead => Some(Decoded::NeedMore),
            };
            if let Some(found) = found {
                return found;
            }
        }
    }

    fn forget_shown(&mut self) {
        self.input.skip(std::mem::take(&mut self.shown));
    }

    fn line(&mut self, scanned: usize, phase: Phase) -> Decoded {
        let rest = self.input.rest();
        let end = rest.get(scanned..).and_then(|new| memchr(b'\n', new)).map(|at| scanned + at + 1);
        let max = match phase {
            Phase::Command => limits::SMTP_LINE_OCTETS_MAX,
            Phase::Auth => limits::SASL_LINE_OCTETS_MAX,
        };
        if end.unwrap_or(rest.len()) > max {
            return self.too_long(phase);
        }
        let Some(end) = end else {
            self.state = State::Line { scanned: rest.len() };
            return Decoded::NeedMore;
        };
        let decoded = match rest.get(..end).and_then(|line| line.strip_suffix(b"\r\n")) {
            Some(line) if phase == Phase::Auth => auth_line(line),
            Some(line) => self.command(line),
            // RFC 5321 §2.3.8: nothing but CRLF ends a line.
            None => Decoded::Bad(Reply::new(
                500,
                EnhancedCode::new(5, 5, 2),
                "Lines end in CRLF, not in LF alone",
            )),
        };
        self.input.skip(end);
        self.state = State::READY;
        match &decoded {
            Decoded::Command(Command::Bdat { octets, last }) => {
                self.state = State::Chunk { left: *octets, last: *last }
            }
            Decoded::Command(Command::Mail(_) | Command::Rset) => self.watch = Watch::default(),
            Decoded::Fatal(_) => self.die(),
            _ => {}
        }
        decoded
    }
    fn too_long(&mut self, phase: Phase) -> Decoded {
        if phase == Phase::Command && begins_http(self.input.rest()) {
            self.die();
            return Decoded::Fatal(no_web_server());
        }
        self.state = State::SkipLine;
        Decoded::Bad(Reply::new(500, EnhancedCode::new(5, 5, 2), "Line is too long"))
    }
    /// Nobody knows what the rest is.
    fn die(&mut self) {
        self.input.clear();
        self.state = State::Dead;
    }
    fn command(&self, line: &[u8]) -> Decoded {
        match parse(line, self.protocol) {
            Ok(command) => Decoded::Command(command),
            Err(reply) if is_bdat(line) => Decoded::Fatal(reply),
            Err(_) if is_http(line) => Decoded::Fatal(no_web_server()),
            Err(reply) => Decoded::Bad(reply),
        }
    }
    fn skip_line(&mut self) -> Option<Decoded> {
        let Some(at) = memchr(b'\n', self.input.rest()) else {
            self.input.skip(self.input.len());
            return Some(Decoded::NeedMore);
        };
        self.input.skip(at + 1);
        self.state = State::READY;
        None
    }

    fn dotted(&mut self, mut dots: Dots) -> Option<Decoded> {
        let front = dots.front(piece(self.input.rest()));
        self.state = State::Data(dots);
        match front {
            Front::NeedMore => Some(Decoded::NeedMore),
            Front::Message(octets) => self.show(octets),
            Front::Dot => {
                self.input.skip(1);
                None
            }
            Front::End => {
                self.input.skip(3);
                self.state = State::READY;
                Some(Decoded::DataEnd(self.watch.end(true)))
            }
        }
    }
    fn chunk(&mut self, left: u64, last: bool) -> Option<Decoded> {
        if left == 0 {
            self.state = State::READY;
            return Some(Decoded::DataEnd(self.watch.end(last)));
        }
        let octets = usize::try_from(left).unwrap_or(usize::MAX).min(piece(self.input.rest()).len());
        if octets == 0 {
            return Some(Decoded::NeedMore);
        }
        self.state = State::Chunk { left: left - octets as u64, last };
        self.show(octets)
    }
    /// Hands out the next `octets`; a piece that passes the limit, and all after it, is dropped.
    fn show(&mut self, octets: usize) -> Option<Decoded> {
        self.watch.look(self.input.rest().get(..octets).unwrap_or_default());
        if self.watch.seen.octets <= self.message_octets_max {
            self.shown = octets;
            return Some(Decoded::Data);
        }
        self.watch.seen.too_large = true;
        self.input.skip(octets);
        None
    }
}

impl State {
    const READY: Self = Self::Line { scanned: 0 };
}

fn piece(rest: &[u8]) -> &[u8] {
    rest.get(..PIECE_OCTETS).unwrap_or(rest)
}

/// Base64 is ASCII; what is not is refused here, so that nobody has to look again.
fn auth_line(line: &[u8]) -> Decoded {
    match std::str::from_utf8(line) {
        Ok(text) if text.is_ascii() => Decoded::AuthLine(text.into()),
        _ => Decoded::Bad(Reply::new(501, EnhancedCode::new(5, 5, 2), "Not base64")),
    }
}

#[cfg(test)]
mod tests;
