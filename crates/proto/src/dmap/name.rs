//! Names of mailboxes as arguments: UTF-8, `/` between levels (DMAP-00 §6.1).

use koi_types::MailboxName;

use super::text;
use crate::line::lex::{Cursor, SyntaxError};

/// A mailbox argument: syntactically an astring, but not always a name a mailbox can have.
/// An invalid one is answered with NO, never BAD.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MailboxArg {
    /// In Normalization Form C, also where another form was sent.
    Name(MailboxName),
    /// Why no mailbox can have this name, in words that may be shown to the user.
    Invalid(&'static str),
}

impl MailboxArg {
    /// The name, or the reason for a NO.
    pub fn name(&self) -> Result<&MailboxName, &'static str> {
        match self {
            Self::Name(name) => Ok(name),
            Self::Invalid(why) => Err(why),
        }
    }
    /// As it is written; an invalid one is the empty string, which is invalid too.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.name().map_or("", MailboxName::as_str)
    }
}

impl From<MailboxName> for MailboxArg {
    fn from(name: MailboxName) -> Self {
        Self::Name(name)
    }
}

/// ```abnf
/// mailbox = "INBOX" / astring   ; INBOX case-insensitive; otherwise UTF-8, no CTL, no empty level
/// ```
pub(super) fn mailbox(cursor: &mut Cursor<'_>) -> Result<MailboxArg, SyntaxError> {
    Ok(of(&text::astring(cursor)?))
}

pub(super) fn spaced(cursor: &mut Cursor<'_>) -> Result<MailboxArg, SyntaxError> {
    cursor.space()?;
    mailbox(cursor)
}

/// One that is to be made: the separator behind it only says that more will be below (DMAP-00 §7.3.3).
pub(super) fn spaced_new(cursor: &mut Cursor<'_>) -> Result<MailboxArg, SyntaxError> {
    cursor.space()?;
    let text = text::astring(cursor)?;
    Ok(of(text.strip_suffix('/').unwrap_or(&text)))
}

fn of(text: &str) -> MailboxArg {
    MailboxName::new(text).map_or_else(MailboxArg::Invalid, MailboxArg::Name)
}
