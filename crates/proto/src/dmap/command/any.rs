//! AUTHENTICATE, ENABLE, and commands nobody has specified (DMAP-00 §7.2.1 and §7.7.1, RFC 5161 §3.1).

use koi_types::Flags;

use super::{Command, Encoded, Secret};
use crate::dmap::flag::{Unknown, flag_list, push_flags};
use crate::dmap::text;
use crate::line::lex::{Cursor, SyntaxError, is_atom_char};
use crate::sasl::{base64_decode, base64_encode};

/// `X…`: what it means is between this client and this server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Experimental {
    /// In upper case, with the `X`.
    pub name: Box<str>,
    pub arguments: Vec<XArgument>,
}

/// One argument of such a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum XArgument {
    /// `astring` or `number`
    Text(Box<str>),
    /// `literal8`
    Octets(Vec<u8>),
    /// `flag-list`
    Flags(Flags),
}

/// ```abnf
/// cmd-nonauth = "AUTHENTICATE" SP auth-type [SP (base64 / "=")] *(CRLF base64)
/// ```
pub(super) fn authenticate(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    let mechanism = text::spaced_word(cursor, "expected a mechanism")?.into();
    let initial_response = text::optional(cursor, |cursor| {
        let before = cursor.clone();
        match cursor.word(is_atom_char, "expected an initial response")? {
            "=" => Ok(Secret(Vec::new())),
            text => base64_decode(text.as_bytes()).map(Secret).or_else(|why| before.fail(why)),
        }
    })?;
    Ok(Command::Authenticate { mechanism, initial_response })
}

pub(super) fn push_authenticate(mechanism: &str, initial: Option<&Secret>, out: &mut Encoded) {
    out.push("AUTHENTICATE ");
    out.push(mechanism);
    match initial {
        Some(Secret(octets)) if octets.is_empty() => out.push(" ="),
        Some(Secret(octets)) => {
            out.push(" ");
            out.push(&base64_encode(octets));
        }
        None => {}
    }
}

/// ```abnf
/// enable = "ENABLE" 1*(SP atom)
/// ```
pub(super) fn enable(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    let mut names = Vec::new();
    while names.is_empty() || cursor.peek().is_some() {
        names.push(text::spaced_word(cursor, "expected a capability")?.into());
    }
    Ok(Command::Enable(names))
}

pub(super) fn push_enable(names: &[Box<str>], out: &mut Encoded) {
    out.push("ENABLE");
    for name in names {
        out.push(" ");
        out.push(name);
    }
}

/// ```abnf
/// x-command = "X" atom *(SP (astring / literal8 / number / flag-list))
/// ```
pub(super) fn experimental(cursor: &mut Cursor<'_>, name: &str) -> Result<Command, SyntaxError> {
    if name.len() < 2 {
        return cursor.fail("expected more of the name of the command");
    }
    let mut arguments = Vec::new();
    while cursor.take(b' ') {
        arguments.push(match cursor.peek() {
            Some(b'(') => XArgument::Flags(flag_list(cursor, Unknown::Refused)?),
            Some(b'~') if cursor.rest().starts_with(b"~{") => XArgument::Octets(cursor.literal8()?.to_vec()),
            _ => XArgument::Text(text::astring(cursor)?),
        });
    }
    Ok(Command::Experimental(Experimental { name: name.into(), arguments }))
}

impl Experimental {
    pub(super) fn push(&self, out: &mut Encoded) {
        out.push(&self.name);
        for argument in &self.arguments {
            out.push(" ");
            match argument {
                XArgument::Text(text) => out.astring(text),
                XArgument::Octets(octets) => out.literal8(octets),
                XArgument::Flags(flags) => out.with(|out| push_flags(flags, out)),
            }
        }
    }
}
