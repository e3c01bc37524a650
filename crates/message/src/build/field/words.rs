//! Encoded words (RFC 2047 §2, §4), always in UTF-8: the encoding that is shorter, with only those characters
//! of Q that may stand in every place (RFC 2047 §5 (3)).

use std::fmt::Write;

use super::Piece;
use crate::build::transfer::push_base64;

/// Octets of an encoded word; RFC 2047 §2 allows 75. So many fit on the first line behind most names.
const ENCODED_WORD_OCTETS: usize = 62;
/// Octets of `=?utf-8?Q??=`.
const FRAME_OCTETS: usize = 12;
/// Octets of a plain word that may stand for itself: longer ones have no place to be folded at.
const PLAIN_WORD_OCTETS_MAX: usize = 400;

/// Whether a word cannot stand for itself in text.
pub(super) fn needs_encoding(word: &str) -> bool {
    let plain = |octet: u8| octet.is_ascii_graphic() || octet == b'\t';
    // White space at the ends of a word could be all there is on a line.
    let tab = word.starts_with('\t') || word.ends_with('\t');
    !word.bytes().all(plain) || word.contains("=?") || word.len() > PLAIN_WORD_OCTETS_MAX || tab
}

/// The words for `text`, one blank between them, which belongs to nobody. Tabs become blanks: readers drop
/// controls in words (RFC 8621 §4.1.2.2).
pub(super) fn encoded_words(text: &str) -> Vec<Piece> {
    let text = &*text.replace('\t', " ");
    let quoted: usize = text.bytes().map(q_octets).sum();
    let is_base64 = quoted > text.len().div_ceil(3) * 4;
    let room = ENCODED_WORD_OCTETS - FRAME_OCTETS;
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut octets = 0;
    for (at, c) in text.char_indices() {
        let more =
            if is_base64 { c.len_utf8() } else { c.encode_utf8(&mut [0; 4]).bytes().map(q_octets).sum() };
        let full = if is_base64 { (octets + more).div_ceil(3) * 4 > room } else { octets + more > room };
        if full {
            pieces.push(piece(text.get(start..at).unwrap_or_default(), is_base64));
            (start, octets) = (at, 0);
        }
        octets += more;
    }
    pieces.push(piece(text.get(start..).unwrap_or_default(), is_base64));
    pieces
}

fn piece(chars: &str, is_base64: bool) -> Piece {
    let mut word = String::with_capacity(ENCODED_WORD_OCTETS);
    word.push_str(if is_base64 { "=?utf-8?B?" } else { "=?utf-8?Q?" });
    if is_base64 {
        push_base64(chars.as_bytes(), &mut word);
    } else {
        chars.bytes().for_each(|octet| push_q(octet, &mut word));
    }
    word.push_str("?=");
    Piece { blanks: 1, text: word, is_encoded: true }
}

fn is_q_plain(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'!' | b'*' | b'+' | b'-' | b'/')
}

/// Octets that `octet` takes.
fn q_octets(octet: u8) -> usize {
    if is_q_plain(octet) || octet == b' ' { 1 } else { 3 }
}

fn push_q(octet: u8, word: &mut String) {
    match octet {
        b' ' => word.push('_'),
        _ if is_q_plain(octet) => word.push(char::from(octet)),
        // Writing to a string does not fail.
        _ => {
            let _ = write!(word, "={octet:02X}");
        }
    }
}
