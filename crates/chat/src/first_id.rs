//! The first message-ID in the value of a Message-ID or References field (RFC 5322 §3.6.4 and §4.5.4).
//!
//! Comments, phrases and folding are passed over, so that nothing in a comment is taken for an id. Lenient:
//! what never closes ends with the field, and where no id stands in angle brackets the first word counts. It
//! never goes back, so it is linear.

use crate::limits::ID_OCTETS_MAX;

/// The beginning of the id, at most `ID_OCTETS_MAX` octets, without brackets, white space and quoting; empty
/// when there is none.
pub(crate) fn first_id(value: &[u8]) -> Vec<u8> {
    let mut octets = Octets(value);
    let mut word = Vec::new();
    let mut word_ended = false;
    while let Some(octet) = octets.next() {
        match octet {
            b'<' => {
                let id = octets.id();
                if !id.is_empty() {
                    return id;
                }
            }
            b'(' => octets.skip_comment(),
            b'"' => octets.skip_quoted(),
            _ if octet.is_ascii_whitespace() => {}
            _ => {
                if !word_ended {
                    push(&mut word, octet);
                }
                continue;
            }
        }
        word_ended |= !word.is_empty();
    }
    word
}

fn push(id: &mut Vec<u8>, octet: u8) {
    if id.len() < ID_OCTETS_MAX {
        id.push(octet);
    }
}

/// What is left of a field's value.
struct Octets<'a>(&'a [u8]);

impl Octets<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }
    /// Behind `<`, up to `>`. RFC 5256 §3: `<"a"@b>` and `<a@b>` are the same id.
    fn id(&mut self) -> Vec<u8> {
        let mut id = Vec::new();
        let mut quoted = false;
        while let Some(octet) = self.next() {
            match octet {
                b'>' if !quoted => break,
                b'(' if !quoted => self.skip_comment(),
                b'"' => quoted = !quoted,
                b'\\' => self.next().into_iter().for_each(|octet| push(&mut id, octet)),
                _ if octet.is_ascii_whitespace() => {}
                _ => push(&mut id, octet),
            }
        }
        id
    }
    /// Behind `(`: comments nest (RFC 5322 §3.2.2).
    fn skip_comment(&mut self) {
        let mut depth = 1usize;
        while let Some(octet) = self.next() {
            match octet {
                b'\\' => drop(self.next()),
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return;
            }
        }
    }
    /// Behind `"`.
    fn skip_quoted(&mut self) {
        while let Some(octet) = self.next() {
            match octet {
                b'\\' => drop(self.next()),
                b'"' => return,
                _ => {}
            }
        }
    }
}
