//! LOGIN, AUTHENTICATE, ID, COMPRESS: who the client is and how it speaks (RFC 9051 §6.2.2 and §6.2.3, RFC
//! 4959 §3, RFC 2971 §3.1, RFC 4978 §3).

use koi_types::limits;

use super::Command;
use crate::imap::lex::{Cursor, SyntaxError, is_atom_char};
use crate::sasl;
pub use crate::sasl::Secret;

/// One field of ID; the value may be NIL (RFC 2971 §3.3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IdField {
    pub name: Box<str>,
    pub value: Option<Box<str>>,
}

/// ```abnf
/// login    = "LOGIN" SP userid SP password   ; RFC 9051 §9
/// userid   = astring
/// password = astring
/// ```
pub(super) fn login(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let username = cursor.astring()?.into_owned();
    cursor.space()?;
    let password = Secret(cursor.astring()?.into_owned());
    Ok(Command::Login { username, password })
}

/// ```abnf
/// authenticate = "AUTHENTICATE" SP auth-type [SP initial-resp] *(CRLF base64)   ; RFC 9051 §9
/// initial-resp = (base64 / "=")
/// ```
pub(super) fn authenticate(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let mechanism = cursor.atom("expected a mechanism")?.to_ascii_uppercase().into();
    if cursor.end().is_ok() {
        return Ok(Command::Authenticate { mechanism, initial_response: None });
    }
    cursor.space()?;
    let before = cursor.clone();
    let response = match cursor.word(is_atom_char, "expected an initial response")? {
        "=" => Vec::new(),
        text => sasl::base64_decode(text.as_bytes()).or_else(|why| before.fail(why))?,
    };
    Ok(Command::Authenticate { mechanism, initial_response: Some(Secret(response)) })
}

/// ```abnf
/// enable = "ENABLE" 1*(SP capability)   ; RFC 9051 §9
/// ```
pub(super) fn enable(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    let mut names = Vec::new();
    while names.is_empty() || cursor.end().is_err() {
        cursor.space()?;
        names.push(cursor.atom("expected a capability")?.to_ascii_uppercase().into());
    }
    Ok(Command::Enable(names))
}

/// ```abnf
/// compress  = "COMPRESS" SP algorithm   ; RFC 4978 §5
/// algorithm = "DEFLATE"
/// ```
pub(super) fn compress(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let before = cursor.clone();
    match cursor.atom("expected an algorithm")? {
        name if name.eq_ignore_ascii_case("DEFLATE") => Ok(Command::Compress),
        _ => before.fail("this algorithm is not known"),
    }
}

/// ```abnf
/// id            = "ID" SP id-params-list                            ; RFC 2971 §4
/// id-params-list = "(" *(string SP nstring) ")" / nil
/// ```
pub(super) fn id(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    cursor.space()?;
    if cursor.take_word("NIL") {
        return Ok(Command::Id(Vec::new()));
    }
    let fields = cursor.list_or_empty(id_field)?;
    if fields.len() > limits::IMAP_ID_FIELDS_MAX {
        return cursor.fail("too many fields");
    }
    Ok(Command::Id(fields))
}

fn id_field(cursor: &mut Cursor<'_>) -> Result<IdField, SyntaxError> {
    let text = |octets: &[u8]| Box::from(String::from_utf8_lossy(octets));
    let name = text(&cursor.string()?);
    cursor.space()?;
    let value = cursor.nstring()?.map(|value| text(&value));
    Ok(IdField { name, value })
}
