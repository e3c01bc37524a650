//! From octets, in any pieces, to commands, data and replies.

use super::command::{Command, CommandError};
use super::reply::{Gathering, Reply, ReplyError};
use super::{COMMAND_LINE_OCTETS_MAX, REPLY_LINE_OCTETS_MAX};

/// What a server finds in what it was sent.
#[must_use = "each of these obliges the session to something"]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decoded {
    /// Nothing until more octets are fed.
    NeedMore,
    Command(Command),
    /// A line that is no command: reply, and go on.
    Bad(CommandError),
    /// The next octets of the message: see [`Commands::expect_data`].
    Data(Vec<u8>),
    /// All of the message was there, with the CRLF behind it.
    DataEnd,
}

/// Nobody knows what the following octets are: close.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DecodeError {
    /// A line longer than [`COMMAND_LINE_OCTETS_MAX`].
    LineTooLong,
    /// Something else than CRLF behind the counted octets.
    NoLineEnd,
}

impl std::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::LineTooLong => write!(f, "a line has at most {COMMAND_LINE_OCTETS_MAX} octets"),
            Self::NoLineEnd => f.write_str("the message is longer than its SIZE"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// What a server reads. It holds at most what it was fed and not asked for.
#[derive(Debug, Default)]
pub struct Commands {
    input: Vec<u8>,
    /// How much of the line at the front is known to have no LF.
    scanned: usize,
    /// Octets of the message that are still to come, when one is expected.
    data: Option<u64>,
}

impl Commands {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
    pub fn feed(&mut self, octets: &[u8]) {
        self.input.extend_from_slice(octets);
    }
    /// The next `octets` are a message (SIZE of MAIL), and CRLF behind it. To be called when DATA was
    /// accepted.
    pub fn expect_data(&mut self, octets: u64) {
        self.data = Some(octets);
    }
    /// Octets fed and not handed out.
    #[must_use]
    pub fn held(&self) -> usize {
        self.input.len()
    }

    pub fn decode(&mut self) -> Result<Decoded, DecodeError> {
        match self.data {
            Some(left) => self.data(left),
            None => self.command(),
        }
    }

    fn command(&mut self) -> Result<Decoded, DecodeError> {
        let found = line_end(&self.input, &mut self.scanned, COMMAND_LINE_OCTETS_MAX);
        let Some(end) = found.map_err(|TooLong| DecodeError::LineTooLong)? else {
            return Ok(Decoded::NeedMore);
        };
        let line: Vec<u8> = self.input.drain(..end).collect();
        let Ok(text) = std::str::from_utf8(without_end(&line)) else {
            return Ok(Decoded::Bad(CommandError::Syntax));
        };
        if text.contains(char::is_control) {
            return Ok(Decoded::Bad(CommandError::Syntax));
        }
        Ok(Command::parse(text).map_or_else(Decoded::Bad, Decoded::Command))
    }

    fn data(&mut self, left: u64) -> Result<Decoded, DecodeError> {
        if left > 0 {
            if self.input.is_empty() {
                return Ok(Decoded::NeedMore);
            }
            let count = self.input.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            self.data = Some(left - count as u64);
            return Ok(Decoded::Data(self.input.drain(..count).collect()));
        }
        match self.input.get(..2) {
            None if self.input.first().is_none_or(|&octet| octet == b'\r') => Ok(Decoded::NeedMore),
            Some(b"\r\n") => {
                self.input.drain(..2);
                self.data = None;
                Ok(Decoded::DataEnd)
            }
            _ => Err(DecodeError::NoLineEnd),
        }
    }
}

/// What a client reads.
#[derive(Debug, Default)]
pub struct Replies {
    input: Vec<u8>,
    scanned: usize,
    gathering: Gathering,
}

impl Replies {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
    pub fn feed(&mut self, octets: &[u8]) {
        self.input.extend_from_slice(octets);
    }
    /// `None` until a reply is whole. After an error nothing that follows is to be trusted: close.
    pub fn decode(&mut self) -> Result<Option<Reply>, ReplyError> {
        loop {
            let found = line_end(&self.input, &mut self.scanned, REPLY_LINE_OCTETS_MAX);
            let Some(end) = found.map_err(|TooLong| ReplyError::TooLong)? else { return Ok(None) };
            let line: Vec<u8> = self.input.drain(..end).collect();
            if let Some(reply) = self.gathering.line(without_end(&line))? {
                return Ok(Some(reply));
            }
        }
    }
}

struct TooLong;

/// Where the first line ends, after its LF.
fn line_end(input: &[u8], scanned: &mut usize, octets_max: usize) -> Result<Option<usize>, TooLong> {
    let new = input.get(*scanned..).unwrap_or_default();
    let end = new.iter().position(|&octet| octet == b'\n').map(|at| *scanned + at + 1);
    if end.unwrap_or(input.len()) > octets_max {
        return Err(TooLong);
    }
    *scanned = if end.is_some() { 0 } else { input.len() };
    Ok(end)
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
