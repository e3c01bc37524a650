//! Status responses, continuation requests, and what belongs to no mailbox
//! (RFC 9051 §7.1, §7.2.1, §7.2.2 and §7.6, RFC 2971 §3.2).

use super::code::Code;
use super::string::{push_nstring, push_string};
use crate::imap::capability::{Capabilities, Capability};
use crate::imap::command::Tag;
use crate::sasl;

/// First word of a status response (RFC 9051 §7.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    Ok,
    No,
    Bad,
    PreAuth,
    Bye,
}

/// One field of the server's ID.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IdPair<'a> {
    pub name: &'a str,
    pub value: Option<&'a str>,
}

impl Status {
    /// The word and the blank after it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK ",
            Self::No => "NO ",
            Self::Bad => "BAD ",
            Self::PreAuth => "PREAUTH ",
            Self::Bye => "BYE ",
        }
    }
}

/// Tagged, or untagged without a tag. The text must not be empty; what `TEXT-CHAR` forbids is replaced by
/// `?`.
///
/// ```abnf
/// resp-text = ["[" resp-text-code "]" SP] [text]   ; RFC 9051 §9
/// ```
pub fn status(tag: Option<&Tag>, status: Status, code: Option<&Code<'_>>, text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(tag.map_or("*", Tag::as_str).as_bytes());
    out.push(b' ');
    out.extend_from_slice(status.word().as_bytes());
    if let Some(code) = code {
        out.push(b'[');
        code.push(out);
        out.extend_from_slice(b"] ");
    }
    push_text(text, out);
}

/// `+ text`
pub fn continuation(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"+ ");
    push_text(text, out);
}

/// `+ base64`: a challenge of SASL; empty for "go on".
pub fn challenge(octets: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"+ ");
    out.extend_from_slice(sasl::base64_encode(octets).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// RFC 9051 §7.2.2
pub fn capability(capabilities: &Capabilities, out: &mut Vec<u8>) {
    out.extend_from_slice(b"* CAPABILITY");
    capabilities.push(out);
    out.extend_from_slice(b"\r\n");
}

/// RFC 9051 §7.2.1
pub fn enabled(capabilities: &[Capability], out: &mut Vec<u8>) {
    out.extend_from_slice(b"* ENABLED");
    for capability in capabilities {
        out.push(b' ');
        out.extend_from_slice(capability.name().as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// ```abnf
/// resp-jmapaccess = "JMAPACCESS" SP quoted          ; RFC 9698 §4
/// ```
pub fn jmap_access(session_url: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"* JMAPACCESS ");
    push_string(session_url.as_bytes(), out);
    out.extend_from_slice(b"\r\n");
}

/// RFC 2971 §3.2; NIL without fields.
pub fn id(fields: &[IdPair<'_>], out: &mut Vec<u8>) {
    out.extend_from_slice(b"* ID ");
    for (at, field) in fields.iter().enumerate() {
        out.push(if at == 0 { b'(' } else { b' ' });
        push_string(field.name.as_bytes(), out);
        out.push(b' ');
        push_nstring(field.value.map(str::as_bytes), out);
    }
    out.extend_from_slice(if fields.is_empty() { b"NIL\r\n" } else { b")\r\n" });
}

fn push_text(text: &str, out: &mut Vec<u8>) {
    out.extend(text.bytes().map(|b| if matches!(b, 0x20..=0x7e) { b } else { b'?' }));
    out.extend_from_slice(b"\r\n");
}
