//! GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208 §4.1).

use super::{Command, spaced_mailbox};
use crate::imap::lex::{Cursor, SyntaxError};

/// ```abnf
/// getquota        = "GETQUOTA" SP quota-root-name   ; RFC 9208 §7
/// quota-root-name = astring
/// ```
pub(super) fn of_root(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    Ok(Command::GetQuota { root: root(cursor)? })
}

/// ```abnf
/// getquotaroot = "GETQUOTAROOT" SP mailbox          ; RFC 9208 §7
/// ```
pub(super) fn of_mailbox(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    Ok(Command::GetQuotaRoot { mailbox: spaced_mailbox(cursor)? })
}

/// The limits are read and left: no client may set them here.
///
/// ```abnf
/// setquota      = "SETQUOTA" SP quota-root-name SP setquota-list              ; RFC 9208 §7
/// setquota-list = "(" [setquota-resource *(SP setquota-resource)] ")"
/// setquota-resource = resource-name SP resource-limit
/// ```
pub(super) fn set(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    let root = root(cursor)?;
    cursor.space()?;
    cursor.list_or_empty(|cursor| {
        cursor.atom("expected a resource such as STORAGE")?;
        cursor.space()?;
        cursor.number64()
    })?;
    Ok(Command::SetQuota { root })
}

fn root(cursor: &mut Cursor<'_>) -> Result<Box<[u8]>, SyntaxError> {
    cursor.space()?;
    Ok(cursor.astring()?.into_owned().into())
}
