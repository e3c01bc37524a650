//! Names of mailboxes as arguments (RFC 9051 §5.1, RFC 3501 §5.1.3).

use koi_types::MailboxName;
use koi_types::name::normalized;

use crate::imap::lex::{Cursor, SyntaxError};
use crate::imap::utf7;

/// A mailbox argument: syntactically an astring, but not always a name a mailbox can have.
/// An invalid one is answered with NO, never BAD.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MailboxArg {
    Name(MailboxName),
    /// The name in Normalization Form C, and as it was sent (RFC 9051 §5.1).
    Denormalized {
        name: MailboxName,
        sent: Box<str>,
    },
    /// Why no mailbox can have this name, in words that may be shown to the user.
    Invalid(&'static str),
}

impl MailboxArg {
    /// The name, or the reason for a NO.
    pub fn name(&self) -> Result<&MailboxName, &'static str> {
        match self {
            Self::Name(name) | Self::Denormalized { name, .. } => Ok(name),
            Self::Invalid(why) => Err(why),
        }
    }
    /// What was sent, where it is not the name itself: what OLDNAME tells (RFC 9051 §6.3.9.7).
    #[must_use]
    pub fn denormalized(&self) -> Option<&str> {
        match self {
            Self::Denormalized { sent, .. } => Some(sent),
            _ => None,
        }
    }
}

/// ```abnf
/// mailbox = "INBOX" / astring   ; RFC 9051 §9
/// ```
pub(super) fn mailbox(cursor: &mut Cursor<'_>) -> Result<MailboxArg, SyntaxError> {
    let wire = cursor.astring()?;
    Ok(match decode_name(&wire, cursor.utf8) {
        Ok(name) => mailbox_arg(&name),
        Err(why) => MailboxArg::Invalid(why),
    })
}

pub(super) fn mailbox_arg(text: &str) -> MailboxArg {
    match MailboxName::new(text) {
        Ok(name) if normalized(text) == text => MailboxArg::Name(name),
        Ok(name) => MailboxArg::Denormalized { name, sent: text.into() },
        Err(why) => MailboxArg::Invalid(why),
    }
}

/// Modified UTF-7 (RFC 3501 §5.1.3), or UTF-8 when that is enabled (RFC 9051 §5.1).
pub(super) fn decode_name(wire: &[u8], utf8: bool) -> Result<String, &'static str> {
    if utf8 {
        return String::from_utf8(wire.to_vec()).map_err(|_| "mailbox name is not UTF-8");
    }
    utf7::decode(wire)
}

pub(super) fn spaced_mailbox(cursor: &mut Cursor<'_>) -> Result<MailboxArg, SyntaxError> {
    cursor.space()?;
    mailbox(cursor)
}
