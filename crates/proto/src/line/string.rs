//! Strings of the server: quoted when they can be, else a literal (RFC 9051 §4.3 and §9 `nstring`).

use super::lex::is_astring_char;
use super::number::push_number;

/// Longer strings are sent as literals; clients are known to have line buffers.
const QUOTED_OCTETS_MAX: usize = 1000;

/// Appends `quoted` or `literal`. NUL is in neither: it is sent as octet 0x80.
///
/// DEVIATION RFC 9051 §4.3: a header field with NUL is sent changed, as Dovecot does, because the grammar has
/// no way to send it as it is.
pub fn push_string(text: &[u8], out: &mut Vec<u8>) {
    let class = text.iter().fold(PLAIN, |class, octet| class | class_of(*octet));
    if text.len() > QUOTED_OCTETS_MAX || class & LITERAL != 0 {
        push_literal(text, out);
    } else if class & ESCAPED != 0 {
        push_escaped(text, out);
    } else {
        out.reserve(text.len() + 2);
        out.push(b'"');
        out.extend_from_slice(text);
        out.push(b'"');
    }
}

/// `nstring`: NIL for nothing.
pub fn push_nstring(text: Option<&[u8]>, out: &mut Vec<u8>) {
    match text {
        Some(text) => push_string(text, out),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// `astring`: as an atom when it can be. NIL is quoted, so that nobody takes it for nothing.
pub fn push_astring(text: &[u8], out: &mut Vec<u8>) {
    let atom =
        !text.is_empty() && text.iter().all(|b| is_astring_char(*b)) && !text.eq_ignore_ascii_case(b"NIL");
    if atom { out.extend_from_slice(text) } else { push_string(text, out) }
}

/// Quoted UTF-8, for clients that have enabled it; a literal when the text has CR, LF or NUL.
pub fn push_utf8(text: &str, out: &mut Vec<u8>) {
    if text.bytes().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
        push_literal(text.as_bytes(), out);
    } else {
        push_escaped(text.as_bytes(), out);
    }
}

/// What an octet asks of the string it is in; the answers of all octets are joined with `|`.
const PLAIN: u8 = 0;
const ESCAPED: u8 = 1;
const LITERAL: u8 = 2;

/// One load per octet is most of the cost of an ENVELOPE; a chain of comparisons is twice that.
const CLASSES: [u8; 256] = classes();

#[allow(clippy::indexing_slicing, reason = "evaluated at compile time, where a wrong index is an error")]
const fn classes() -> [u8; 256] {
    let mut classes = [PLAIN; 256];
    let mut octet = 0;
    while octet < 256 {
        classes[octet] = match octet as u8 {
            b'"' | b'\\' => ESCAPED,
            0 | b'\r' | b'\n' | 0x80..=0xff => LITERAL,
            _ => PLAIN,
        };
        octet += 1;
    }
    classes
}

fn class_of(octet: u8) -> u8 {
    CLASSES.get(usize::from(octet)).copied().unwrap_or(LITERAL)
}

fn push_escaped(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for octet in text {
        if matches!(octet, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*octet);
    }
    out.push(b'"');
}

fn push_literal(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'{');
    push_number(text.len() as u64, out);
    out.extend_from_slice(b"}\r\n");
    let from = out.len();
    out.extend_from_slice(text);
    if let Some(literal) = out.get_mut(from..) {
        literal.iter_mut().filter(|b| **b == 0).for_each(|b| *b = 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(push: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        push(&mut out);
        out.escape_ascii().to_string()
    }

    /// RFC 9051 §4.3
    #[test]
    fn strings_are_quoted_if_they_can_be() {
        let string = |text: &[u8]| written(|out| push_string(text, out));
        assert_eq!(string(b""), r#"\"\""#);
        assert_eq!(string(b"a b"), r#"\"a b\""#);
        assert_eq!(string(br#"a"\b"#), r#"\"a\\\"\\\\b\""#);
        assert_eq!(string(b"a\r\nb"), r"{4}\r\na\r\nb");
        assert_eq!(string(b"\xe4"), r"{1}\r\n\xe4");
        assert_eq!(string(b"a\0"), r"{2}\r\na\x80");
        assert!(string(&[b'a'; 1001]).starts_with("{1001}"));
        assert_eq!(written(|out| push_nstring(None, out)), "NIL");
    }

    #[test]
    fn atoms_where_they_are_allowed() {
        let astring = |text: &[u8]| written(|out| push_astring(text, out));
        assert_eq!(astring(b"INBOX"), "INBOX");
        assert_eq!(astring(b"a]b"), "a]b");
        assert_eq!(astring(b"nil"), r#"\"nil\""#);
        assert_eq!(astring(b""), r#"\"\""#);
        assert_eq!(astring(b"a*"), r#"\"a*\""#);
        assert_eq!(written(|out| push_utf8("Ä\"", out)), r#"\"\xc3\x84\\\"\""#);
        assert_eq!(written(|out| push_utf8("a\nb", out)), r"{3}\r\na\nb");
    }
}
