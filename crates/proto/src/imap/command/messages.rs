//! STORE, COPY, MOVE, EXPUNGE (RFC 9051 §6.4.3 and §6.4.6 to §6.4.9, RFC 7162 §3.1.3, RFC 4315 §2.1).

use koi_types::Flags;

use super::flag::{flag_list, flags_until_end};
use super::{Command, SequenceSet, spaced_mailbox};
use crate::imap::lex::{Cursor, SyntaxError};
use crate::imap::set::sequence_set;

/// STORE or UID STORE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Store {
    pub by_uid: bool,
    pub set: SequenceSet,
    /// `(UNCHANGEDSINCE n)`, RFC 7162 §3.1.3; 0 is allowed and matches no message that exists.
    pub unchanged_since: Option<u64>,
    pub action: StoreAction,
    pub silent: bool,
    pub flags: Flags,
}

/// `FLAGS`, `+FLAGS`, `-FLAGS`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoreAction {
    Replace,
    Add,
    Remove,
}

/// ```abnf
/// store           = "STORE" SP sequence-set [store-modifiers] SP store-att-flags
///                   ; RFC 9051 §9, RFC 4466 §2.5
/// store-modifiers = SP "(" store-modifier *(SP store-modifier) ")"
/// store-modifier  = "UNCHANGEDSINCE" SP mod-sequence-valzer                           ; RFC 7162 §7
/// store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag)))
/// ```
pub(super) fn store(cursor: &mut Cursor<'_>, by_uid: bool) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let set = sequence_set(cursor)?;
    cursor.space()?;
    let unchanged_since = match cursor.peek() {
        Some(b'(') => {
            let modifiers = cursor.list(modifier)?;
            if modifiers.len() > 1 {
                return cursor.fail("only one UNCHANGEDSINCE");
            }
            cursor.space()?;
            modifiers.into_iter().next()
        }
        _ => None,
    };
    let action = match cursor.peek() {
        Some(b'+') => StoreAction::Add,
        Some(b'-') => StoreAction::Remove,
        _ => StoreAction::Replace,
    };
    if action != StoreAction::Replace {
        cursor.take(b'+');
        cursor.take(b'-');
    }
    if !cursor.take_word("FLAGS") {
        return cursor.fail("expected FLAGS, +FLAGS or -FLAGS");
    }
    let silent = cursor.take_word(".SILENT");
    cursor.space()?;
    let flags = if cursor.peek() == Some(b'(') { flag_list(cursor)? } else { flags_until_end(cursor)? };
    Ok(Command::Store(Store { by_uid, set, unchanged_since, action, silent, flags }))
}

fn modifier(cursor: &mut Cursor<'_>) -> Result<u64, SyntaxError> {
    if !cursor.take_word("UNCHANGEDSINCE ") {
        return cursor.fail("unknown STORE modifier");
    }
    cursor.number64()
}

/// ```abnf
/// copy = "COPY" SP sequence-set SP mailbox   ; RFC 9051 §9
/// ```
pub(super) fn copy(cursor: &mut Cursor<'_>, by_uid: bool) -> Result<Command, SyntaxError> {
    cursor.space()?;
    Ok(Command::Copy { by_uid, set: sequence_set(cursor)?, mailbox: spaced_mailbox(cursor)? })
}

/// ```abnf
/// move = "MOVE" SP sequence-set SP mailbox   ; RFC 9051 §9
/// ```
pub(super) fn r#move(cursor: &mut Cursor<'_>, by_uid: bool) -> Result<Command, SyntaxError> {
    cursor.space()?;
    Ok(Command::Move { by_uid, set: sequence_set(cursor)?, mailbox: spaced_mailbox(cursor)? })
}

/// ```abnf
/// uid-expunge = "EXPUNGE" SP sequence-set    ; RFC 9051 §9
/// ```
pub(super) fn uid_expunge(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    cursor.space()?;
    Ok(Command::Expunge { uids: Some(sequence_set(cursor)?) })
}
