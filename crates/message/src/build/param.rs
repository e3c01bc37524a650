//! Parameters of MIME fields (RFC 2045 §5.1), those that are long or not ASCII in the notation of RFC 2231
//! §3, §4.

use super::check::is_token;
use super::field::Piece;
use crate::form::push_quoted;

/// Octets of a value in one quoted string; more are parted.
const QUOTED_OCTETS_MAX: usize = 200;
/// Octets of a piece of a value that is parted.
const SECTION_OCTETS: usize = 56;

/// Appends `; name=value`.
pub(super) fn push_param(name: &str, value: &str, pieces: &mut Vec<Piece>) {
    if let Some(last) = pieces.last_mut() {
        last.text.push(';');
    }
    if is_token(value) && !value.contains("=?") {
        return pieces.push(Piece::word(format!("{name}={value}")));
    }
    let plain = value.bytes().all(|octet| octet.is_ascii_graphic() || octet == b' ');
    if plain && value.len() <= QUOTED_OCTETS_MAX && !value.contains("=?") {
        let mut text = format!("{name}=");
        push_quoted(value, &mut text);
        return pieces.push(Piece::word(text));
    }
    push_extended(name, value, pieces);
}

/// RFC 2231 §4.1: the charset stands in the first section.
fn push_extended(name: &str, value: &str, pieces: &mut Vec<Piece>) {
    let mut sections = vec!["utf-8''".to_owned()];
    for octet in value.bytes() {
        let encoded = attribute_char(octet);
        match sections.last_mut() {
            Some(last) if last.len() + encoded.len() <= SECTION_OCTETS => last.push_str(&encoded),
            _ => sections.push(encoded),
        }
    }
    if let [only] = sections.as_slice() {
        return pieces.push(Piece::word(format!("{name}*={only}")));
    }
    let last = sections.len() - 1;
    for (number, section) in sections.iter().enumerate() {
        let semicolon = if number == last { "" } else { ";" };
        pieces.push(Piece::word(format!("{name}*{number}*={section}{semicolon}")));
    }
}

/// RFC 2231 §7 attribute-char, or its code.
fn attribute_char(octet: u8) -> String {
    let plain =
        octet.is_ascii_graphic() && crate::lexer::is_token(octet) && !matches!(octet, b'*' | b'\'' | b'%');
    if plain { char::from(octet).to_string() } else { format!("%{octet:02X}") }
}
