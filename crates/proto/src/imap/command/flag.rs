//! Flags as arguments of STORE and APPEND (RFC 9051 §2.3.2 and §9 `flag`).

use koi_types::{Flags, Keyword, SystemFlags, limits};

use crate::imap::lex::{Cursor, SyntaxError};

/// ```abnf
/// flag-list = "(" [flag *(SP flag)] ")"   ; RFC 9051 §9
/// ```
pub(super) fn flag_list(cursor: &mut Cursor<'_>) -> Result<Flags, SyntaxError> {
    let mut flags = Flags::default();
    cursor.list_or_empty(|cursor| flag(cursor, &mut flags))?;
    Ok(flags)
}

/// `flag *(SP flag)`, to the end of the command.
pub(super) fn flags_until_end(cursor: &mut Cursor<'_>) -> Result<Flags, SyntaxError> {
    let mut flags = Flags::default();
    flag(cursor, &mut flags)?;
    while cursor.end().is_err() {
        cursor.space()?;
        flag(cursor, &mut flags)?;
    }
    Ok(flags)
}

/// ```abnf
/// flag           = "\Answered" / "\Flagged" / "\Deleted" / "\Seen" / "\Draft" / flag-keyword /
///                  flag-extension
/// flag-keyword   = "$MDNSent" / "$Forwarded" / "$Junk" / "$NotJunk" / "$Phishing" / atom     ; RFC 9051 §9
/// flag-extension = "\" atom
/// ```
/// No flag-extension is known, so that none is accepted. QUIRK recent_ignored
fn flag(cursor: &mut Cursor<'_>, flags: &mut Flags) -> Result<(), SyntaxError> {
    let before = cursor.clone();
    if cursor.take(b'\\') {
        let name = format!("\\{}", cursor.atom("expected the name of a system flag")?);
        return match SystemFlags::parse(&name) {
            Some(flag) => {
                flags.system = flags.system.union(flag);
                Ok(())
            }
            None if name.eq_ignore_ascii_case("\\Recent") => Ok(()),
            None => before.fail("unknown system flag"),
        };
    }
    let Some(keyword) = Keyword::new(cursor.atom("expected a flag")?) else {
        return before.fail("keyword is too long");
    };
    flags.insert(keyword);
    if flags.keywords.len() > limits::KEYWORDS_PER_MESSAGE_MAX {
        return before.fail("too many keywords");
    }
    Ok(())
}
