//! Commands with a mailbox name: SELECT, EXAMINE, CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE
//! (RFC 9051 §6.3.2 to §6.3.8, RFC 7162 §3.1.8, RFC 6154 §3).

use koi_types::Role;
use koi_types::name::SEPARATOR;

use super::{Command, MailboxArg, decode_name, mailbox_arg, spaced_mailbox};
use crate::imap::lex::{Cursor, SyntaxError};

/// SELECT or EXAMINE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Select {
    pub mailbox: MailboxArg,
    /// EXAMINE.
    pub read_only: bool,
    /// `(CONDSTORE)`, RFC 7162 §3.1.8.
    pub condstore: bool,
}

/// A use asked for in CREATE (RFC 6154 §3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SpecialUse {
    Role(Role),
    /// An attribute this server does not know; answered with `NO [USEATTR]`.
    Unknown(Box<str>),
}

/// ```abnf
/// select        = "SELECT" SP mailbox [select-params]                  ; RFC 9051 §9, RFC 4466 §2.2
/// examine       = "EXAMINE" SP mailbox [select-params]
/// select-params = SP "(" select-param *(SP select-param) ")"
/// select-param  = "CONDSTORE"                                          ; RFC 7162 §7
/// ```
pub(super) fn select(cursor: &mut Cursor<'_>, read_only: bool) -> Result<Command, SyntaxError> {
    let mailbox = spaced_mailbox(cursor)?;
    let mut condstore = false;
    if cursor.rest().starts_with(b" (") {
        cursor.space()?;
        cursor.list(|cursor| {
            let before = cursor.error("unknown SELECT parameter");
            if !cursor.atom("expected a parameter")?.eq_ignore_ascii_case("CONDSTORE") {
                return Err(before);
            }
            condstore = true;
            Ok(())
        })?;
    }
    Ok(Command::Select(Select { mailbox, read_only, condstore }))
}

/// A name that ends in the separator only says that the client means to create names below it (RFC 9051
/// §6.3.4).
///
/// ```abnf
/// create       = "CREATE" SP mailbox [create-params]                   ; RFC 9051 §9, RFC 4466 §2.2
/// create-param = "USE" SP "(" [use-attr *(SP use-attr)] ")"            ; RFC 6154 §6
/// ```
pub(super) fn create(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let wire = cursor.astring()?;
    let mailbox = match decode_name(&wire, cursor.utf8) {
        Ok(name) => mailbox_arg(name.strip_suffix(SEPARATOR).unwrap_or(&name)),
        Err(why) => MailboxArg::Invalid(why),
    };
    let mut special_use = Vec::new();
    if cursor.rest().starts_with(b" (") {
        cursor.space()?;
        cursor.list(|cursor| {
            if !cursor.take_word("USE ") {
                return cursor.fail("unknown CREATE parameter");
            }
            special_use = cursor.list_or_empty(use_attr)?;
            Ok(())
        })?;
    }
    Ok(Command::Create { mailbox, special_use })
}

fn use_attr(cursor: &mut Cursor<'_>) -> Result<SpecialUse, SyntaxError> {
    cursor.expect(b'\\', "expected a special use such as \\Sent")?;
    let name = format!("\\{}", cursor.atom("expected the name of a special use")?);
    Ok(match Role::from_attribute(&name) {
        Some(role) => SpecialUse::Role(role),
        None => SpecialUse::Unknown(name.into()),
    })
}
