//! What can be said of a command before all of it is there: whether its literal is welcome, and whose it is
//! (RFC 9051 §2.2.1, RFC 9051 §4.3). The decoder asks.

use super::{AppendBegin, Tag, append, is_command, metadata};
use crate::imap::lex::{Cursor, SyntaxError};
use crate::line::tag::tag;

/// What a literal at the end of an unfinished command is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::imap) enum Opening {
    /// An argument like any other.
    Argument,
    /// The value of an annotation: too large a one has an answer of its own (RFC 5464 §4.3).
    Annotation(Tag),
    /// Octets of a message in APPEND or REPLACE.
    Message(append::ReadBegin, append::Octets),
}

/// Judges an unfinished command at the announcement of a literal: `octets` end where the announcement begins,
/// and the line with it begins at `line`. An error here saves the client from sending the literal (RFC 9051
/// §2.2.1).
pub(in crate::imap) fn opening(octets: &[u8], line: usize, utf8: bool) -> Result<Opening, SyntaxError> {
    let mut cursor = Cursor::new(octets, utf8);
    let tag = tag(&mut cursor)?;
    cursor.space()?;
    let before = cursor.clone();
    let name = cursor.atom("expected a command")?;
    if !is_command(name) {
        return before.fail("unknown command");
    }
    if let Some(replace) = streamed(&mut cursor, name) {
        let begin = append::begin(&mut cursor, tag, replace, true)?;
        return Ok(begin.map_or(Opening::Argument, |begin| match begin.line.expected {
            append::Expected::Octets(octets) => Opening::Message(begin, octets),
            _ => Opening::Argument,
        }));
    }
    if ends_in_quotes(octets.get(line..).unwrap_or_default()) {
        return cursor.fail("quoted string has no end");
    }
    if name.eq_ignore_ascii_case("SETMETADATA") && metadata::is_at_value(&mut cursor) {
        return Ok(Opening::Annotation(tag));
    }
    Ok(Opening::Argument)
}

/// The same for APPEND and REPLACE that are complete, with no octets of a message in them; nothing when it is
/// another command.
pub(in crate::imap) fn whole_append(octets: &[u8], utf8: bool) -> Option<Result<AppendBegin, SyntaxError>> {
    // Nearly always it is another command, and no tag need be made.
    let word = octets.iter().position(|b| *b == b' ').and_then(|at| octets.get(at + 1))?;
    if !matches!(word.to_ascii_uppercase(), b'A' | b'R' | b'U') {
        return None;
    }
    let mut cursor = Cursor::new(octets, utf8);
    let tag = tag(&mut cursor).ok()?;
    cursor.space().ok()?;
    let name = cursor.atom("expected a command").ok()?;
    let replace = streamed(&mut cursor, name)?;
    let begin = append::begin(&mut cursor, tag, replace, false);
    let missing = cursor.error("expected a mailbox name");
    Some(begin.and_then(|begin| begin.map(|begin| begin.begin(None)).ok_or(missing)))
}

/// RFC 6855 §3: after ENABLE UTF8=ACCEPT a SEARCH that names a charset is BAD, whichever it names.
pub(in crate::imap) fn no_charset(octets: &[u8]) -> Result<(), SyntaxError> {
    let mut cursor = Cursor::new(octets, true);
    cursor.run(|octet| octet != b' ');
    cursor.take_word(" UID");
    if !cursor.take_word(" SEARCH ") {
        return Ok(());
    }
    if cursor.take_word("RETURN ") {
        cursor.run(|octet| octet != b')');
        cursor.take_word(") ");
    }
    let before = cursor.error("everything is UTF-8 here: SEARCH must not name a charset");
    if cursor.take_word("CHARSET ") { Err(before) } else { Ok(()) }
}

/// Whether it is APPEND, or which form of REPLACE; the cursor stands behind its name.
fn streamed(cursor: &mut Cursor<'_>, name: &str) -> Option<Option<append::ByUid>> {
    if name.eq_ignore_ascii_case("APPEND") {
        return Some(None);
    }
    let by_uid = name.eq_ignore_ascii_case("UID") && is_next(cursor, " REPLACE");
    if by_uid {
        cursor.take_word(" REPLACE");
    }
    (by_uid || name.eq_ignore_ascii_case("REPLACE")).then_some(Some(append::ByUid(by_uid)))
}

/// Whether this word is next, and not only the beginning of a longer one.
fn is_next(cursor: &Cursor<'_>, word: &str) -> bool {
    let mut ahead = cursor.clone();
    ahead.take_word(word) && matches!(ahead.peek(), None | Some(b' '))
}

fn ends_in_quotes(line: &[u8]) -> bool {
    let mut inside = false;
    let mut octets = line.iter();
    while let Some(octet) = octets.next() {
        match octet {
            b'"' => inside = !inside,
            b'\\' if inside => drop(octets.next()),
            _ => {}
        }
    }
    inside
}
