//! RESETKEY, GENURLAUTH, URLFETCH (RFC 4467 §7 and §9, RFC 5524 §3.1 and §5).

use koi_types::limits;

use super::{Command, MailboxArg, mailbox};
use crate::imap::lex::{Cursor, SyntaxError};

/// A URL to be authorised, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UrlRump {
    pub url: Box<[u8]>,
    pub mechanism: Box<str>,
}

/// A URL to be followed, and what is wanted of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UrlWanted {
    pub url: Box<[u8]>,
    /// In the order sent, each once; nothing in the form of RFC 4467.
    pub items: Vec<UrlItem>,
}

/// `url-fetch-param` of RFC 5524 §5.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UrlItem {
    Body,
    Binary,
    BodyPartStructure,
}

/// RESETKEY; without a mailbox all keys go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResetKey {
    pub mailbox: Option<MailboxArg>,
    pub mechanisms: Vec<Box<str>>,
}

/// ```abnf
/// resetkey  = "RESETKEY" [SP mailbox *(SP mechanism)]                        ; RFC 4467 §9
/// mechanism = "INTERNAL" / 1*(ALPHA / DIGIT / "-" / ".")
/// ```
pub(super) fn reset_key(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    let mut reset = ResetKey { mailbox: None, mechanisms: Vec::new() };
    if cursor.end().is_ok() {
        return Ok(Command::ResetKey(reset));
    }
    cursor.space()?;
    reset.mailbox = Some(mailbox(cursor)?);
    while cursor.end().is_err() {
        cursor.space()?;
        one_more(reset.mechanisms.len(), cursor)?;
        reset.mechanisms.push(mechanism(cursor)?);
    }
    Ok(Command::ResetKey(reset))
}

/// ```abnf
/// genurlauth = "GENURLAUTH" 1*(SP url-rump SP mechanism)                     ; RFC 4467 §9
/// ```
pub(super) fn gen_url_auth(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    let mut rumps = Vec::new();
    while rumps.is_empty() || cursor.end().is_err() {
        one_more(rumps.len(), cursor)?;
        cursor.space()?;
        let url = cursor.astring()?.into_owned().into();
        cursor.space()?;
        rumps.push(UrlRump { url, mechanism: mechanism(cursor)? });
    }
    Ok(Command::GenUrlAuth(rumps))
}

/// ```abnf
/// urlfetch         = "URLFETCH" 1*(SP url-fetch-arg)                         ; RFC 5524 §5
/// url-fetch-arg    = url-fetch-simple / url-fetch-ext
/// url-fetch-simple = url-full
/// url-fetch-ext    = "(" url-full *(SP url-fetch-param) ")"
/// ```
pub(super) fn url_fetch(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    let mut wanted = Vec::new();
    while wanted.is_empty() || cursor.end().is_err() {
        one_more(wanted.len(), cursor)?;
        cursor.space()?;
        let extended = cursor.take(b'(');
        let url = cursor.astring()?.into_owned().into();
        let mut items = Vec::new();
        while extended && !cursor.take(b')') {
            cursor.space()?;
            let item = item(cursor)?;
            if !items.contains(&item) {
                items.push(item);
            }
        }
        wanted.push(UrlWanted { url, items });
    }
    Ok(Command::UrlFetch(wanted))
}

/// ```abnf
/// url-fetch-param = "BODY" / "BINARY" / "BODYPARTSTRUCTURE" / atom           ; RFC 5524 §5
/// ```
fn item(cursor: &mut Cursor<'_>) -> Result<UrlItem, SyntaxError> {
    let before = cursor.error("expected BODY, BINARY or BODYPARTSTRUCTURE");
    match cursor.atom("expected a parameter")?.to_ascii_uppercase().as_str() {
        "BODY" => Ok(UrlItem::Body),
        "BINARY" => Ok(UrlItem::Binary),
        "BODYPARTSTRUCTURE" => Ok(UrlItem::BodyPartStructure),
        _ => Err(before),
    }
}

fn mechanism(cursor: &mut Cursor<'_>) -> Result<Box<str>, SyntaxError> {
    let is_char = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
    cursor.word(is_char, "expected a mechanism such as INTERNAL").map(Into::into)
}

fn one_more(already: usize, cursor: &Cursor<'_>) -> Result<(), SyntaxError> {
    match already < limits::IMAP_URLS_MAX {
        true => Ok(()),
        false => cursor.fail("too many URLs"),
    }
}
