//! GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208 §4.1).

use koi_types::limits;

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

/// One limit of SETQUOTA; which resource it is of may not be known here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuotaLimit {
    pub resource: Box<str>,
    pub limit: u64,
}

/// ```abnf
/// setquota      = "SETQUOTA" SP quota-root-name SP setquota-list              ; RFC 9208 §7
/// setquota-list = "(" [setquota-resource *(SP setquota-resource)] ")"
/// setquota-resource = resource-name SP resource-limit
/// ```
pub(super) fn set(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    let root = root(cursor)?;
    cursor.space()?;
    let limits = cursor.list_or_empty(|cursor| {
        let resource = cursor.atom("expected a resource such as STORAGE")?.into();
        cursor.space()?;
        Ok(QuotaLimit { resource, limit: cursor.number64()? })
    })?;
    if limits.len() > limits::IMAP_QUOTA_RESOURCES_MAX {
        return cursor.fail("too many resources");
    }
    Ok(Command::SetQuota { root, limits })
}

fn root(cursor: &mut Cursor<'_>) -> Result<Box<[u8]>, SyntaxError> {
    cursor.space()?;
    Ok(cursor.astring()?.into_owned().into())
}
