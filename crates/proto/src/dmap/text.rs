//! Words that many productions share: the end of a command, UTF-8 strings, and octets or NIL
//! (DMAP-00 §5).

use crate::line::lex::{Cursor, SyntaxError, is_astring_char};
use crate::line::number::push_number;
use crate::line::string::push_utf8;

/// Nothing may follow, no space either (DMAP-00 §3.2.1).
pub(super) fn end(cursor: &Cursor<'_>) -> Result<(), SyntaxError> {
    match cursor.peek() {
        None => Ok(()),
        Some(_) => cursor.fail("expected the end of the command"),
    }
}

/// A word in upper case, behind a space.
pub(super) fn spaced_word(cursor: &mut Cursor<'_>, what: &'static str) -> Result<String, SyntaxError> {
    cursor.space()?;
    Ok(cursor.atom(what)?.to_ascii_uppercase())
}

/// `SP item`, if a space is next.
pub(super) fn optional<'a, T>(
    cursor: &mut Cursor<'a>,
    read: impl FnOnce(&mut Cursor<'a>) -> Result<T, SyntaxError>,
) -> Result<Option<T>, SyntaxError> {
    match cursor.take(b' ') {
        true => read(cursor).map(Some),
        false => Ok(None),
    }
}

/// `SP "(" option *(SP option) ")"`, if it is next; with `empty` the list may have nothing in it.
pub(super) fn options(
    cursor: &mut Cursor<'_>,
    empty: bool,
    read: impl FnMut(&mut Cursor<'_>) -> Result<(), SyntaxError>,
) -> Result<(), SyntaxError> {
    optional(cursor, |cursor| match empty {
        true => cursor.list_or_empty(read),
        false => cursor.list(read),
    })?;
    Ok(())
}

/// Puts an option into its place, which must be free.
pub(super) fn once<T>(place: &mut Option<T>, value: T, before: SyntaxError) -> Result<(), SyntaxError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(SyntaxError { what: "this option came before", ..before }),
    }
}

/// `astring` in UTF-8.
pub(super) fn astring(cursor: &mut Cursor<'_>) -> Result<Box<str>, SyntaxError> {
    astring_of(cursor, is_astring_char)
}

/// The same with other characters where it is no string.
pub(super) fn astring_of(
    cursor: &mut Cursor<'_>,
    wanted: impl Fn(u8) -> bool,
) -> Result<Box<str>, SyntaxError> {
    let before = cursor.error("string is not UTF-8");
    let octets = cursor.string_or(wanted, "expected an atom or a string")?;
    std::str::from_utf8(&octets).map(Box::from).map_err(|_| before)
}

/// `nbin` of at most `octets_max`; `what` says that it is larger.
///
/// ```abnf
/// nbin = literal8 / nil
/// ```
pub(super) fn nbin(
    cursor: &mut Cursor<'_>,
    octets_max: usize,
    what: &'static str,
) -> Result<Option<Vec<u8>>, SyntaxError> {
    match cursor.peek() {
        Some(b'~') => literal8(cursor, octets_max, what).map(Some),
        _ if cursor.take_word("NIL") => Ok(None),
        _ => cursor.fail("expected octets as a literal8, or NIL"),
    }
}

/// `literal8` of at most `octets_max`.
///
/// ```abnf
/// literal8 = "~{" number64 ["+"] "}" CRLF *OCTET     ; "+" client only
/// ```
pub(super) fn literal8(
    cursor: &mut Cursor<'_>,
    octets_max: usize,
    what: &'static str,
) -> Result<Vec<u8>, SyntaxError> {
    cursor.bounded_literal8(octets_max, what).map(<[u8]>::to_vec)
}

/// As atom if it can be, else quoted, else a literal of the server.
pub(super) fn push_text(text: &str, out: &mut Vec<u8>) {
    match is_atom(text) {
        true => out.extend_from_slice(text.as_bytes()),
        false => push_utf8(text, out),
    }
}

/// Whether it is written as it is. NIL is quoted, so that nobody takes it for nothing.
pub(super) fn is_atom(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_astring_char) && !text.eq_ignore_ascii_case("NIL")
}

/// `nbin` of the server.
pub(super) fn push_nbin(octets: Option<&[u8]>, out: &mut Vec<u8>) {
    match octets {
        Some(octets) => {
            push_literal8_header(octets.len() as u64, out);
            out.extend_from_slice(octets);
        }
        None => out.extend_from_slice(b"NIL"),
    }
}

/// `~{n}` of the server: exactly `octets` octets must follow.
pub(super) fn push_literal8_header(octets: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"~{");
    push_number(octets, out);
    out.extend_from_slice(b"}\r\n");
}

/// `(item item)`
pub(super) fn push_list<T>(
    items: impl IntoIterator<Item = T>,
    mut push: impl FnMut(T, &mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    out.push(b'(');
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        push(item, out);
    }
    out.push(b')');
}
