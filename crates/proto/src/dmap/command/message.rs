//! STORE, COPY, MOVE, EXPUNGE (DMAP-00 §7.6.2, §7.6.5, §7.6.6 and §7.6.8, RFC 7162 §3.1.3, RFC 9051 §6.4.8
//! and §6.4.9).

use koi_types::{Flags, UidSet};

use super::mailbox::{MetaChange, meta_change};
use super::{Command, Encoded};
use crate::dmap::flag::{Unknown, flag_list, flags_until_end, push_flags};
use crate::dmap::name::{self, MailboxArg};
use crate::line::lex::{Cursor, SyntaxError};
use crate::line::set::{SequenceSet, known_set, sequence_set};

/// STORE or UID STORE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Store {
    pub by_uid: bool,
    pub set: SequenceSet,
    /// `(UNCHANGEDSINCE n)`, RFC 7162 §3.1.3; 0 is allowed and matches no message that exists.
    pub unchanged_since: Option<u64>,
    pub silent: bool,
    pub value: StoreValue,
}

/// What is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoreValue {
    Flags { action: FlagAction, flags: Flags },
    Meta(MetaChange),
}

/// `FLAGS`, `+FLAGS`, `-FLAGS`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlagAction {
    Replace,
    Add,
    Remove,
}

/// ```abnf
/// store = "STORE" SP sequence-set [SP "(" "UNCHANGEDSINCE" SP number64 ")"] SP store-att
/// ```
pub(super) fn store(cursor: &mut Cursor<'_>, by_uid: bool) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let set = sequence_set(cursor)?;
    cursor.space()?;
    let mut unchanged_since = None;
    if cursor.take(b'(') {
        if !cursor.take_word("UNCHANGEDSINCE ") {
            return cursor.fail("unknown STORE modifier");
        }
        unchanged_since = Some(cursor.number64()?);
        cursor.expect(b')', "expected )")?;
        cursor.space()?;
    }
    let (silent, value) = value(cursor)?;
    Ok(Command::Store(Store { by_uid, set, unchanged_since, silent, value }))
}

/// ```abnf
/// store-att = ["+" / "-"] "FLAGS" [".SILENT"] SP (flag-list / flag *(SP flag)) /
///             "META" [".SILENT"] SP nbin
/// ```
fn value(cursor: &mut Cursor<'_>) -> Result<(bool, StoreValue), SyntaxError> {
    let action = match (cursor.take(b'+'), cursor.take(b'-')) {
        (true, false) => FlagAction::Add,
        (false, true) => FlagAction::Remove,
        (false, false) => FlagAction::Replace,
        (true, true) => return cursor.fail("expected +FLAGS or -FLAGS"),
    };
    let is_meta = action == FlagAction::Replace && cursor.take_word("META");
    if !is_meta && !cursor.take_word("FLAGS") {
        return cursor.fail("expected FLAGS, +FLAGS, -FLAGS or META");
    }
    let silent = cursor.take_word(".SILENT");
    cursor.space()?;
    let value = match (is_meta, cursor.peek()) {
        (true, _) => StoreValue::Meta(meta_change(cursor)?),
        (false, Some(b'(')) => StoreValue::Flags { action, flags: flag_list(cursor, Unknown::Refused)? },
        _ => StoreValue::Flags { action, flags: flags_until_end(cursor)? },
    };
    Ok((silent, value))
}

impl Store {
    pub(super) fn push(&self, out: &mut Encoded) {
        out.push(if self.by_uid { "UID STORE " } else { "STORE " });
        out.with(|out| self.set.push(out));
        if let Some(unchanged_since) = self.unchanged_since {
            out.push(&format!(" (UNCHANGEDSINCE {unchanged_since})"));
        }
        out.push(match &self.value {
            StoreValue::Meta(_) => " META",
            StoreValue::Flags { action: FlagAction::Replace, .. } => " FLAGS",
            StoreValue::Flags { action: FlagAction::Add, .. } => " +FLAGS",
            StoreValue::Flags { action: FlagAction::Remove, .. } => " -FLAGS",
        });
        out.push(if self.silent { ".SILENT " } else { " " });
        match &self.value {
            StoreValue::Meta(change) => out.nbin(change.octets()),
            StoreValue::Flags { flags, .. } => out.with(|out| push_flags(flags, out)),
        }
    }
}

/// ```abnf
/// copy = "COPY" SP sequence-set SP mailbox
/// ```
pub(super) fn copy(cursor: &mut Cursor<'_>, by_uid: bool) -> Result<Command, SyntaxError> {
    cursor.space()?;
    Ok(Command::Copy { by_uid, set: sequence_set(cursor)?, mailbox: name::spaced(cursor)? })
}

/// ```abnf
/// move = "MOVE" SP sequence-set SP mailbox
/// ```
pub(super) fn r#move(cursor: &mut Cursor<'_>, by_uid: bool) -> Result<Command, SyntaxError> {
    cursor.space()?;
    Ok(Command::Move { by_uid, set: sequence_set(cursor)?, mailbox: name::spaced(cursor)? })
}

pub(super) fn push_copy(
    word: &str,
    by_uid: bool,
    set: &SequenceSet,
    mailbox: &MailboxArg,
    out: &mut Encoded,
) {
    out.push(if by_uid { "UID " } else { "" });
    out.push(word);
    out.push(" ");
    out.with(|out| set.push(out));
    out.with_name(" ", mailbox.as_str());
}

/// ```abnf
/// uid-expunge = "UID" SP "EXPUNGE" SP uid-set
/// ```
pub(super) fn uid_expunge(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    cursor.space()?;
    Ok(Command::Expunge { uids: Some(UidSet(known_set(cursor)?)) })
}

pub(super) fn push_expunge(uids: Option<&UidSet>, out: &mut Encoded) {
    match uids {
        Some(uids) => out.push(&format!("UID EXPUNGE {uids}")),
        None => out.push("EXPUNGE"),
    }
}
