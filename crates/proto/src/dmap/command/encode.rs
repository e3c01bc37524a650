//! A command as its client sends it: octets, and the places where the server must have asked for more before
//! the next ones are sent (DMAP-00 §5.3, RFC 7888 §5).

use koi_types::limits;

use crate::dmap::text::{is_atom, push_text};
use crate::line::lex::is_list_char;
use crate::line::number::push_number;

/// The octets of a command, cut where a continuation request must be waited for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Encoded {
    octets: Vec<u8>,
    waits: Vec<usize>,
}

impl Encoded {
    /// What may be sent at a time, in order. Between two pieces the client waits for `+`; a tagged answer
    /// instead ends the command, and the rest is not sent.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let ends = self.waits.iter().copied().chain([self.octets.len()]);
        let mut from = 0;
        ends.filter_map(move |end| self.octets.get(std::mem::replace(&mut from, end)..end))
    }
    /// Everything, as the server reads it in the end.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// As it is.
    pub(super) fn push(&mut self, text: &str) {
        self.octets.extend_from_slice(text.as_bytes());
    }
    /// What writes into a buffer and has no literals.
    pub(super) fn with(&mut self, push: impl FnOnce(&mut Vec<u8>)) {
        push(&mut self.octets);
    }
    /// `astring`
    pub(super) fn astring(&mut self, text: &str) {
        let quotable = is_atom(text) || !text.bytes().any(|b| matches!(b, b'\r' | b'\n' | 0));
        if quotable {
            push_text(text, &mut self.octets);
        } else {
            self.announce("{", text.len() as u64);
            // NUL is in no literal, and no server sends it in one.
            self.octets.extend(text.bytes().map(|b| if b == 0 { b'?' } else { b }));
        }
    }
    /// A word and a name or another `astring`.
    pub(super) fn with_name(&mut self, word: &str, name: &str) {
        self.push(word);
        self.astring(name);
    }
    /// `list-mailbox`: a pattern, whose wildcards may stand in it as they are.
    pub(super) fn pattern(&mut self, text: &str) {
        match !text.is_empty() && text.bytes().all(is_list_char) {
            true => self.push(text),
            false => self.astring(text),
        }
    }
    /// `literal8`
    pub(super) fn literal8(&mut self, octets: &[u8]) {
        self.announce("~{", octets.len() as u64);
        self.octets.extend_from_slice(octets);
    }
    /// `nbin`
    pub(super) fn nbin(&mut self, octets: Option<&[u8]>) {
        match octets {
            Some(octets) => self.literal8(octets),
            None => self.push("NIL"),
        }
    }
    /// A literal that follows: at once when it is short, else when the server asks for it.
    pub(super) fn announce(&mut self, open: &str, octets: u64) {
        self.push(open);
        self.with(|out| push_number(octets, out));
        let unasked = octets <= limits::DMAP_UNASKED_OCTETS_MAX as u64;
        self.push(if unasked { "+}\r\n" } else { "}\r\n" });
        if !unasked {
            self.waits.push(self.octets.len());
        }
    }
    /// `(item item)`
    pub(super) fn list<T>(&mut self, items: impl IntoIterator<Item = T>, mut push: impl FnMut(&mut Self, T)) {
        self.push("(");
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                self.push(" ");
            }
            push(self, item);
        }
        self.push(")");
    }
    /// The same for words.
    pub(super) fn words(&mut self, words: impl IntoIterator<Item = &'static str>) {
        self.list(words, Self::push);
    }
}
