//! Encoded words (RFC 2047, RFC 2231 §5) and extended parameter values (RFC 2231 §4), decoded to UTF-8.
//!
//! Lenient, as all readers of mail are: words may touch other text and may stand in quoted strings, a
//! character may be split over two words. What cannot be decoded stays as it is.

use memchr::{memchr, memmem};

use crate::charset;
use crate::transfer;

/// Octets of an encoded word. RFC 2047 §2 says 75, many senders do not.
const WORD_OCTETS_MAX: usize = 4_096;

/// Octets of the name of a charset with its language.
const CHARSET_OCTETS_MAX: usize = 80;

/// Decodes a field value that is text: unfolded, encoded words decoded, raw octets as UTF-8 or else
/// Windows-1252.
pub fn decode_text(value: &[u8]) -> String {
    let mut out = String::with_capacity(value.len());
    decode_text_into(value, &mut out);
    out
}

/// Like [`decode_text`], appending to `out`.
pub fn decode_text_into(value: &[u8], out: &mut String) {
    let mut rest = value;
    let mut pending = Pending::default();
    while let Some(at) = memmem::find(rest, b"=?") {
        let Some(word) = Word::parse(rest.get(at..).unwrap_or_default()) else {
            let (text, after) = rest.split_at_checked(at + 2).unwrap_or((rest, &[]));
            pending.text(text, out);
            rest = after;
            continue;
        };
        pending.text(rest.get(..at).unwrap_or_default(), out);
        rest = rest.get(at + word.octets..).unwrap_or_default();
        pending.word(&word, out);
    }
    pending.text(rest, out);
    pending.flush(out);
}

/// Appends unfolded text with its encoded words decoded where RFC 2047 §5 lets them stand, and nowhere else
/// (RFC 8621 §4.1.2.2): white space or the end of the text on both sides, a charset that is known. Control
/// characters within words go (RFC 8621 §4.1.2.2), NUL goes everywhere.
pub(crate) fn decode_placed_into(text: &[u8], out: &mut String) {
    let is_blank = |octet: &u8| matches!(octet, b' ' | b'\t');
    let mut rest = text;
    let mut pending = Pending::default();
    // Text since the last encoded word, decoded as a whole: its charset is guessed.
    let mut raw_start = 0;
    while !rest.is_empty() {
        let blanks = rest.iter().take_while(|octet| is_blank(octet)).count();
        let after_blanks = rest.get(blanks..).unwrap_or_default();
        let length = after_blanks.iter().position(is_blank).unwrap_or(after_blanks.len());
        let (token, after) = after_blanks.split_at_checked(length).unwrap_or_default();
        if let Some(word) = Word::placed(token) {
            let end = text.len() - after.len() - token.len();
            pending.placed_text(text.get(raw_start..end).unwrap_or_default(), out);
            pending.word(&word, out);
            raw_start = text.len() - after.len();
        }
        rest = after;
    }
    let last = text.get(raw_start..).unwrap_or_default();
    pending.flush_without_controls(out);
    push_without_nul(last, out);
}

/// Octets of the encoded word that `octets` begin with, if they do: one without white space, whatever
/// follows it.
pub(crate) fn word_octets(octets: &[u8]) -> Option<usize> {
    let word = Word::parse(octets)?;
    let all = octets.get(..word.octets)?;
    (!all.iter().any(u8::is_ascii_whitespace)).then_some(word.octets)
}

fn push_without_nul(text: &[u8], out: &mut String) {
    if text.contains(&0) {
        let kept: Vec<u8> = text.iter().copied().filter(|&octet| octet != 0).collect();
        charset::decode_guessing(&kept, out);
    } else {
        charset::decode_guessing(text, out);
    }
}

/// Decodes the value of an extended parameter, `charset'language'text` (RFC 2231 §4); None if it has not
/// this form.
pub fn decode_extended(value: &[u8]) -> Option<String> {
    let mut pieces = value.splitn(3, |&octet| octet == b'\'');
    let (label, _language, text) = (pieces.next()?, pieces.next()?, pieces.next()?);
    let mut octets = Vec::with_capacity(text.len());
    transfer::decode_percent(text, &mut octets);
    let mut out = String::new();
    charset::decode_or_guess(label, &octets, &mut out);
    Some(out)
}

/// Decoded octets of words that wait for the next word in the same charset.
#[derive(Default)]
struct Pending<'a> {
    label: Option<&'a [u8]>,
    octets: Vec<u8>,
}

impl<'a> Pending<'a> {
    fn word(&mut self, word: &Word<'a>, out: &mut String) {
        if !self.label.is_some_and(|label| label.eq_ignore_ascii_case(word.charset)) {
            self.flush(out);
            self.label = Some(word.charset);
        }
        if word.base64 {
            transfer::decode_base64(word.text, &mut self.octets);
        } else {
            transfer::decode_q(word.text, &mut self.octets);
        }
    }

    /// RFC 2047 §6.2: white space between two encoded words is not shown. Until the next word is seen, it
    /// is dropped only if nothing else follows, which nobody sees.
    fn text(&mut self, text: &[u8], out: &mut String) {
        let between = self.label.is_some() && text.iter().all(u8::is_ascii_whitespace);
        if between {
            return;
        }
        self.flush(out);
        push_raw(text, out);
    }

    /// Like [`Pending::text`], for words of which white space on both sides is known.
    fn placed_text(&mut self, text: &[u8], out: &mut String) {
        if self.label.is_some() && text.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        self.flush_without_controls(out);
        push_without_nul(text, out);
    }

    fn flush_without_controls(&mut self, out: &mut String) {
        let start = out.len();
        self.flush(out);
        if out.get(start..).is_some_and(|decoded| decoded.contains(char::is_control)) {
            let decoded = out.split_off(start);
            out.extend(decoded.chars().filter(|c| !c.is_control()));
        }
    }

    fn flush(&mut self, out: &mut String) {
        if let Some(label) = self.label.take() {
            charset::decode_or_guess(label, &self.octets, out);
            self.octets.clear();
        }
    }
}

/// Raw octets of a header, line ends taken out.
fn push_raw(text: &[u8], out: &mut String) {
    for line in text.split(|&octet| octet == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        charset::decode_guessing(line, out);
    }
}

struct Word<'a> {
    charset: &'a [u8],
    base64: bool,
    text: &'a [u8],
    /// All of it, from `=?` to `?=`.
    octets: usize,
}

impl<'a> Word<'a> {
    /// `"=?" charset ["*" language] "?" encoding "?" encoded-text "?="` at the beginning of `octets`.
    fn parse(octets: &'a [u8]) -> Option<Word<'a>> {
        let after = octets.strip_prefix(b"=?")?;
        let charset_end = memchr(b'?', after.get(..CHARSET_OCTETS_MAX).unwrap_or(after))?;
        let charset = after.get(..charset_end)?;
        let charset = charset.split(|&octet| octet == b'*').next().unwrap_or_default();
        let base64 = match after.get(charset_end + 1..charset_end + 3)? {
            b"b?" | b"B?" => true,
            b"q?" | b"Q?" => false,
            _ => return None,
        };
        let start = charset_end + 3;
        let rest = after.get(start..)?;
        let end = memmem::find(rest.get(..WORD_OCTETS_MAX).unwrap_or(rest), b"?=")?;
        let text = rest.get(..end)?;
        let well_formed = !charset.is_empty() && charset.iter().all(u8::is_ascii_graphic);
        well_formed.then_some(Word { charset, base64, text, octets: 2 + start + end + 2 })
    }

    /// `token`, which holds no white space, as one word in a known charset.
    fn placed(token: &'a [u8]) -> Option<Word<'a>> {
        let word = Word::parse(token)?;
        let whole = word.octets == token.len() && word.text.iter().all(u8::is_ascii_graphic);
        (whole && charset::is_known(word.charset)).then_some(word)
    }
}
