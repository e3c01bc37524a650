//! The client's side: from octets to responses, each with its literals (DMAP-00 §3.2.2), and the dialogue
//! they are part of.
//!
//! No more is held than one response of the size the client allows and what was fed after it. A client that
//! wants less memory than a message takes asks for it in parts, `BODY[]<0.65536>`.

mod dialogue;

pub use dialogue::{Busy, Dialogue, Event};

use super::response::{self, Condition, Response};
use crate::line::frame::Partly;
use crate::line::lex::SyntaxError;
use crate::line::tag::tag_of;
use crate::line::{Input, Tag, literal_marker, without_line_end};

/// What `Decoder::receive` found.
#[must_use = "each of these obliges the client to something"]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Received {
    /// Nothing until more octets are fed.
    NeedMore,
    Response(Response),
    /// Not a response of this protocol. The one after it is read.
    Malformed {
        /// Of the command it would have completed.
        tag: Option<Tag>,
        error: SyntaxError,
    },
    /// The server sends a response that is larger than the client allows: close. Further input is discarded.
    TooLarge,
}

/// Finds responses in the octets of one connection.
#[derive(Debug)]
pub struct Decoder {
    input: Input,
    octets_max: usize,
    partly: Partly,
    dead: bool,
}

impl Decoder {
    /// `octets_max`: of one response with its literals; `DMAP_RESPONSE_OCTETS_MAX` is a good value.
    #[must_use]
    pub fn new(octets_max: usize) -> Self {
        Self { input: Input::default(), octets_max, partly: Partly::NOTHING, dead: false }
    }
    pub fn feed(&mut self, octets: &[u8]) {
        if !self.dead {
            self.input.feed(octets);
        }
    }
    /// Octets fed and not yet used.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.input.len()
    }
    /// The next response in the octets fed so far. Call until `NeedMore`.
    pub fn receive(&mut self) -> Received {
        loop {
            let rest = self.input.rest();
            if self.dead || rest.len() < self.partly.line {
                return Received::NeedMore;
            }
            let end = self.partly.line_end(rest);
            if end.unwrap_or(rest.len()) > self.octets_max {
                return self.too_large();
            }
            let Some(end) = end else {
                return Received::NeedMore;
            };
            let octets = rest.get(..end).map(without_line_end).unwrap_or_default();
            let line = octets.get(self.partly.line..).unwrap_or_default();
            let marker = literal_marker(line).filter(|_| has_literals(octets));
            let Some(marker) = marker else {
                let received = match response::parse(octets) {
                    Ok(response) => Received::Response(response),
                    Err(error) => Received::Malformed { tag: tag_of(octets), error },
                };
                self.input.skip(end);
                self.partly = Partly::NOTHING;
                return received;
            };
            let behind = self.partly.behind(end, marker);
            if behind.line > self.octets_max {
                return self.too_large();
            }
            self.partly = behind;
        }
    }

    fn too_large(&mut self) -> Received {
        self.dead = true;
        self.input.clear();
        Received::TooLarge
    }
}

/// Whether a response that begins so may have literals: text for people may end like the announcement of one.
fn has_literals(octets: &[u8]) -> bool {
    let Some(data) = octets.strip_prefix(b"* ") else { return false };
    let word = data.split(|b| *b == b' ').next().and_then(|word| std::str::from_utf8(word).ok());
    let word = word.unwrap_or_default();
    Condition::parse(word).is_none() && !word.starts_with(['X', 'x'])
}

#[cfg(test)]
mod tests;
