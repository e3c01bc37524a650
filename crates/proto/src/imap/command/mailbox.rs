//! Commands with a mailbox name: SELECT, EXAMINE, CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE
//! (RFC 9051 §6.3.2 to §6.3.8, RFC 7162 §3.1.8 and §3.2.5, RFC 6154 §3).

use koi_types::name::SEPARATOR;
use koi_types::{ModSeq, NumSet, Role, UidValidity};

use super::{Command, MailboxArg, decode_name, mailbox_arg, spaced_mailbox};
use crate::imap::lex::{Cursor, SyntaxError};
use crate::imap::set::known_set;

/// SELECT or EXAMINE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Select {
    pub mailbox: MailboxArg,
    /// EXAMINE.
    pub read_only: bool,
    /// `(CONDSTORE)`, RFC 7162 §3.1.8.
    pub condstore: bool,
    /// `(QRESYNC (…))`, RFC 7162 §3.2.5.
    pub qresync: Option<Box<Qresync>>,
}

/// What a client knows of a mailbox it had open before (RFC 7162 §3.2.5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Qresync {
    pub uid_validity: UidValidity,
    pub mod_seq: ModSeq,
    /// Without it: all UIDs below UIDNEXT.
    pub known_uids: Option<NumSet>,
    pub seq_match: Option<SeqMatch>,
}

/// Some sequence numbers and the UIDs the client knows at them; as many of one as of the other, both
/// ascending, so that the n-th belong together (RFC 7162 §3.2.5.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeqMatch {
    pub seqnums: NumSet,
    pub uids: NumSet,
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
/// select-param  = "CONDSTORE" / "QRESYNC" SP "(" uidvalidity SP mod-sequence-value
///                 [SP known-uids] [SP seq-match-data] ")"              ; RFC 7162 §7
/// ```
pub(super) fn select(cursor: &mut Cursor<'_>, read_only: bool) -> Result<Command, SyntaxError> {
    let mailbox = spaced_mailbox(cursor)?;
    let mut select = Select { mailbox, read_only, condstore: false, qresync: None };
    if cursor.rest().starts_with(b" (") {
        cursor.space()?;
        cursor.list(|cursor| {
            let before = cursor.error("unknown SELECT parameter");
            match cursor.atom("expected a parameter")?.to_ascii_uppercase().as_str() {
                "CONDSTORE" => select.condstore = true,
                "QRESYNC" => select.qresync = Some(Box::new(qresync(cursor)?)),
                _ => return Err(before),
            }
            Ok(())
        })?;
    }
    Ok(Command::Select(select))
}

/// ```abnf
/// uidvalidity    = nz-number                                           ; RFC 7162 §7
/// known-uids     = sequence-set                                        ; without "*"
/// ```
fn qresync(cursor: &mut Cursor<'_>) -> Result<Qresync, SyntaxError> {
    cursor.space()?;
    cursor.expect(b'(', "expected (")?;
    let before = cursor.error("UIDVALIDITY must not be 0");
    let uid_validity = UidValidity::new(cursor.number()?).ok_or(before)?;
    cursor.space()?;
    let before = cursor.error("a mod-sequence is above 0");
    let mod_seq = ModSeq::new(cursor.number64()?).ok_or(before)?;
    let mut known_uids = None;
    if matches!(cursor.rest(), [b' ', next, ..] if *next != b'(') {
        cursor.space()?;
        known_uids = Some(known_set(cursor)?);
    }
    let seq_match = match cursor.peek() {
        Some(b' ') => Some(seq_match(cursor)?),
        _ => None,
    };
    cursor.expect(b')', "expected )")?;
    Ok(Qresync { uid_validity, mod_seq, known_uids, seq_match })
}

/// ```abnf
/// seq-match-data = "(" known-sequence-set SP known-uid-set ")"         ; RFC 7162 §7
/// ```
fn seq_match(cursor: &mut Cursor<'_>) -> Result<SeqMatch, SyntaxError> {
    cursor.space()?;
    cursor.expect(b'(', "expected (")?;
    let before = cursor.error("not as many UIDs as sequence numbers");
    let seqnums = known_set(cursor)?;
    cursor.space()?;
    let uids = known_set(cursor)?;
    cursor.expect(b')', "expected )")?;
    if seqnums.count() != uids.count() {
        return Err(before);
    }
    Ok(SeqMatch { seqnums, uids })
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
