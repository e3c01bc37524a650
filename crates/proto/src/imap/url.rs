//! IMAP URLs of a message or a part of one (RFC 5092 §6), relative to the connection they are sent on (RFC
//! 5092 §7.1) or absolute, with what URLAUTH adds (RFC 5092 §6.1).
//!
//! URLs of servers, of mailboxes and of searches are refused: nothing here could follow them. So are
//! relative-path references (RFC 5092 §7.2) and dot-segments, which would have to be resolved first.

use koi_types::{MailboxName, Uid, UidValidity};

use super::command::fetch::section;
use super::command::{Partial, Section, SectionText};
use super::lex::Cursor;

mod authority;
mod urlauth;

pub use authority::Authority;
pub use urlauth::{Access, UrlAuth, Verifier, authorised, token};

/// Octets of a URL: a mailbox name and a section at their longest, every octet of them encoded, fit.
pub const URL_OCTETS_MAX: usize = 8 * 1024;

/// A URL that is none, or not one of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadUrl(pub &'static str);

/// ```abnf
/// imessagepart = imailbox-ref iuid [isection] [ipartial]                     ; RFC 5092 §11
/// icommand     =/ imessagepart [iurlauth]
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessageUrl {
    /// Nothing in a relative URL: then it is about this connection's server and user.
    pub authority: Option<Authority>,
    pub mailbox: MailboxName,
    pub uid_validity: Option<UidValidity>,
    pub uid: Uid,
    /// The whole message if there was none.
    pub section: Section,
    pub partial: Option<UrlPartial>,
    pub auth: Option<UrlAuth>,
}

/// ```abnf
/// partial-range = number ["." nz-number]                                     ; RFC 5092 §11
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UrlPartial {
    pub first: u64,
    /// Up to the end if there is none.
    pub count: Option<u64>,
}

impl UrlPartial {
    /// As FETCH has it.
    #[must_use]
    pub fn partial(self) -> Partial {
        Partial { first: self.first, count: self.count.unwrap_or(u64::MAX) }
    }
}

impl MessageUrl {
    /// Reads a URL as a command carries it.
    pub fn parse(url: &[u8]) -> Result<Self, BadUrl> {
        if url.len() > URL_OCTETS_MAX {
            return Err(BadUrl("URL is too long"));
        }
        let text = std::str::from_utf8(url).ok().filter(|text| text.bytes().all(is_url_char));
        let text = text.ok_or(BadUrl("URL has a character that must be encoded"))?;
        let (authority, path) = authority(text)?;
        let path = path.strip_prefix('/').ok_or(BadUrl("URL names no message"))?;
        let mut params = Params { rest: path };
        let mailbox = params.until_param();
        let (mailbox, uid_validity) = match params.take("UIDVALIDITY")? {
            Some(number) => {
                let number = number.strip_suffix('/').ok_or(BadUrl("URL names no message"))?;
                (
                    mailbox,
                    Some(nz_number(number).and_then(UidValidity::new).ok_or(BadUrl("bad UIDVALIDITY"))?),
                )
            }
            None => (mailbox.strip_suffix('/').ok_or(BadUrl("URL names no message"))?, None),
        };
        let uid = params.take("UID")?.ok_or(BadUrl("URL names no message"))?;
        let mut last = uid;
        let uid = nz_number(without_slash(uid)).and_then(Uid::new).ok_or(BadUrl("bad UID"))?;
        let section = match params.below(last, "SECTION")? {
            Some(section) => {
                last = section;
                section_spec(without_slash(section))?
            }
            None => Section { part: Vec::new(), text: SectionText::Whole },
        };
        let partial = match params.below(last, "PARTIAL")? {
            Some(range) => {
                last = range;
                Some(partial_range(range)?)
            }
            None => None,
        };
        // What ends in a slash announces something more.
        if last.ends_with('/') {
            return Err(BadUrl("URL ends in a slash"));
        }
        let auth = urlauth::read(text, &mut params)?;
        if !params.rest.is_empty() {
            return Err(BadUrl("URL has something behind its end"));
        }
        Ok(Self { authority, mailbox: mailbox_name(mailbox)?, uid_validity, uid, section, partial, auth })
    }
}

/// Splits off what stands before the path.
fn authority(text: &str) -> Result<(Option<Authority>, &str), BadUrl> {
    let scheme = text.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("imap:"));
    let rest = text.get(scheme.map_or(0, str::len)..).unwrap_or_default();
    match rest.strip_prefix("//") {
        Some(rest) => {
            let end = rest.find('/').unwrap_or(rest.len());
            let (authority, path) = rest.split_at(end);
            Ok((Some(Authority::parse(authority)?), path))
        }
        None if scheme.is_some() => Err(BadUrl("URL names no server")),
        None if rest.contains("://") && !rest.starts_with('/') => Err(BadUrl("not an imap URL")),
        // RFC 5092 §7.2
        None if !rest.starts_with('/') => Err(BadUrl("URL is relative to nothing")),
        None => Ok((None, rest)),
    }
}

/// The parameters of a path: `;NAME=value`, in their order.
pub(super) struct Params<'u> {
    rest: &'u str,
}

impl<'u> Params<'u> {
    /// Everything before the next `;`.
    fn until_param(&mut self) -> &'u str {
        let end = self.rest.find(';').unwrap_or(self.rest.len());
        let (before, rest) = self.rest.split_at(end);
        self.rest = rest;
        before
    }
    /// The value of this parameter, if it is next.
    fn take(&mut self, name: &str) -> Result<Option<&'u str>, BadUrl> {
        let Some(after) = self.rest.strip_prefix(';') else { return Ok(None) };
        let named = after.get(..name.len()).is_some_and(|n| n.eq_ignore_ascii_case(name));
        let Some(value) = after.get(name.len()..).and_then(|v| v.strip_prefix('=')).filter(|_| named) else {
            return Ok(None);
        };
        self.rest = value;
        let value = self.until_param();
        if value.is_empty() { Err(BadUrl("URL has an empty parameter")) } else { Ok(Some(value)) }
    }
    /// The same for one that stands behind a slash, which was read as the end of the value before it.
    fn below(&mut self, before: &str, name: &str) -> Result<Option<&'u str>, BadUrl> {
        if before.ends_with('/') { self.take(name) } else { Ok(None) }
    }
}

fn without_slash(value: &str) -> &str {
    value.strip_suffix('/').unwrap_or(value)
}

/// `bchar` and the delimiters of the grammar (RFC 5092 §11).
const fn is_url_char(octet: u8) -> bool {
    octet.is_ascii_alphanumeric()
        || matches!(octet, b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'\'' | b'(' | b')')
        || matches!(octet, b'*' | b'+' | b',' | b'%' | b'&' | b'=' | b':' | b'@' | b'/' | b';' | b'?')
        || matches!(octet, b'[' | b']')
}

fn nz_number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number > 0)
}

fn partial_range(text: &str) -> Result<UrlPartial, BadUrl> {
    let bad = BadUrl("bad PARTIAL");
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u64>().ok().filter(|number| digits && *number <= i64::MAX as u64)
    };
    let (first, count) = match text.split_once('.') {
        Some((first, count)) => (first, Some(number(count).filter(|count| *count > 0).ok_or(bad)?)),
        None => (text, None),
    };
    Ok(UrlPartial { first: number(first).ok_or(bad)?, count })
}

/// RFC 5092 §8: UTF-8, percent-encoded.
fn mailbox_name(encoded: &str) -> Result<MailboxName, BadUrl> {
    // RFC 5092 §7: these would have to be encoded, as they have a meaning of their own.
    if encoded.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(BadUrl("URL has dot-segments"));
    }
    let name =
        String::from_utf8(percent_decoded(encoded)?).map_err(|_| BadUrl("mailbox name is not UTF-8"))?;
    MailboxName::new(&name).map_err(BadUrl)
}

fn section_spec(encoded: &str) -> Result<Section, BadUrl> {
    let bad = BadUrl("bad SECTION");
    let decoded = percent_decoded(encoded)?;
    let mut cursor = Cursor::new(&decoded, false);
    let section = section(&mut cursor).map_err(|_| bad)?;
    if cursor.rest().is_empty() { Ok(section) } else { Err(bad) }
}

/// RFC 3986 §2.1
pub(super) fn percent_decoded(text: &str) -> Result<Vec<u8>, BadUrl> {
    let mut out = Vec::with_capacity(text.len());
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        if octet != b'%' {
            out.push(octet);
            continue;
        }
        let digit = |octet: Option<u8>| octet.and_then(|octet| char::from(octet).to_digit(16));
        let (Some(high), Some(low)) = (digit(octets.next()), digit(octets.next())) else {
            return Err(BadUrl("bad percent-encoding"));
        };
        out.push((high * 16 + low) as u8);
    }
    Ok(out)
}

#[cfg(test)]
mod tests;
