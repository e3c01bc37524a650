//! SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS (RFC 4314 §3).

use koi_types::Rights;

use super::{Command, MailboxArg, spaced_mailbox};
use crate::imap::lex::{Cursor, SyntaxError};
use crate::sasl::saslprep;

/// What to do with the rights of an identifier (RFC 4314 §3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ModRights {
    Replace(Rights),
    Add(Rights),
    Remove(Rights),
}

/// ```abnf
/// setacl     = "SETACL" SP mailbox SP identifier SP mod-rights   ; RFC 4314 §7
/// mod-rights = astring
/// ```
pub(super) fn set(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    let (mailbox, identifier) = of_identifier(cursor)?;
    cursor.space()?;
    Ok(Command::SetAcl { mailbox, identifier, change: mod_rights(cursor)? })
}

/// ```abnf
/// deleteacl = "DELETEACL" SP mailbox SP identifier               ; RFC 4314 §7
/// ```
pub(super) fn delete(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    let (mailbox, identifier) = of_identifier(cursor)?;
    Ok(Command::DeleteAcl { mailbox, identifier })
}

/// ```abnf
/// getacl = "GETACL" SP mailbox                                   ; RFC 4314 §7
/// ```
pub(super) fn get(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    Ok(Command::GetAcl { mailbox: spaced_mailbox(cursor)? })
}

/// ```abnf
/// listrights = "LISTRIGHTS" SP mailbox SP identifier             ; RFC 4314 §7
/// ```
pub(super) fn list_rights(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    let (mailbox, identifier) = of_identifier(cursor)?;
    Ok(Command::ListRights { mailbox, identifier })
}

/// ```abnf
/// myrights = "MYRIGHTS" SP mailbox                               ; RFC 4314 §7
/// ```
pub(super) fn my_rights(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    Ok(Command::MyRights { mailbox: spaced_mailbox(cursor)? })
}

/// RFC 4314 §3: an identifier that cannot be prepared, or is nothing then, is BAD.
///
/// ```abnf
/// identifier = astring                                           ; RFC 4314 §7
/// ```
fn of_identifier(cursor: &mut Cursor<'_>) -> Result<(MailboxArg, Box<str>), SyntaxError> {
    let mailbox = spaced_mailbox(cursor)?;
    cursor.space()?;
    let before = cursor.error("not an identifier");
    let octets = cursor.astring()?;
    let text = std::str::from_utf8(&octets).ok().and_then(saslprep).filter(|text| !text.is_empty());
    Ok((mailbox, text.ok_or(before)?.into()))
}

/// RFC 4314 §3.1: a right that is not known is BAD; upper case is none.
fn mod_rights(cursor: &mut Cursor<'_>) -> Result<ModRights, SyntaxError> {
    let before = cursor.error("no such right");
    let octets = cursor.astring()?;
    let (change, letters): (fn(Rights) -> ModRights, &[u8]) = match octets.split_first() {
        Some((b'+', letters)) => (ModRights::Add, letters),
        Some((b'-', letters)) => (ModRights::Remove, letters),
        _ => (ModRights::Replace, &octets),
    };
    let letters = std::str::from_utf8(letters).ok();
    letters.and_then(|letters| Rights::parse(letters).ok()).map(change).ok_or(before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::command::parse;

    fn read(line: &str) -> Option<Command> {
        parse(line.as_bytes(), false).ok().map(|parsed| parsed.command)
    }

    fn rights(letters: &str) -> Rights {
        Rights::parse(letters).unwrap()
    }

    // spec: RFC 4314 §3.1; RFC 4314 §3.2; RFC 4314 §7
    #[test]
    fn changes_of_rights() {
        let change = |line| match read(line) {
            Some(Command::SetAcl { identifier, change, .. }) => Some((identifier.to_string(), change)),
            _ => None,
        };
        let of = |who: &str, change| Some((who.to_owned(), change));
        assert_eq!(change("a SETACL INBOX chris lrswi"), of("chris", ModRights::Replace(rights("lrswi"))));
        assert_eq!(change("a setacl INBOX -chris +cda"), of("-chris", ModRights::Add(rights("kxtea"))));
        assert_eq!(change("a SETACL INBOX \"x y\" -l"), of("x y", ModRights::Remove(rights("l"))));
        assert_eq!(change("a SETACL INBOX x \"\""), of("x", ModRights::Replace(Rights::NONE)));
        for bad in [
            "a SETACL INBOX john lrQswicda",
            "a SETACL INBOX john lrqswicda",
            "a SETACL INBOX john +-l",
            "a SETACL INBOX john",
            "a SETACL INBOX \"\" l",
            "a SETACL INBOX \"\u{ad}\" l",
            "a SETACL INBOX a l r",
            "a DELETEACL INBOX",
            "a LISTRIGHTS INBOX",
            "a GETACL",
            "a MYRIGHTS INBOX x",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert!(matches!(read("a DELETEACL INBOX x"), Some(Command::DeleteAcl { .. })));
    }

    // spec: RFC 4314 §3; RFC 4314 §3.3; RFC 4314 §3.4; RFC 4314 §3.5
    #[test]
    fn questions() {
        assert!(matches!(read("a GETACL INBOX"), Some(Command::GetAcl { .. })));
        assert!(matches!(read("a MYRIGHTS INBOX"), Some(Command::MyRights { .. })));
        match read("a LISTRIGHTS INBOX \"\u{2168}@example.org\"") {
            Some(Command::ListRights { identifier, .. }) => assert_eq!(&*identifier, "IX@example.org"),
            other => panic!("{other:?}"),
        }
    }
}
