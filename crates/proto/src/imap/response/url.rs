//! GENURLAUTH and URLFETCH responses (RFC 4467 §8 and §9, RFC 5524 §3.2 and §5).

use super::body::{BodyForm, BodyRef, push_body};
use super::number::push_number;
use super::string::{push_astring, push_string};
use crate::imap::command::UrlItem;

/// ```abnf
/// genurlauth-data = "*" SP "GENURLAUTH" 1*(SP url-full)                      ; RFC 4467 §9
/// ```
pub fn gen_url_auth<'u>(urls: impl IntoIterator<Item = &'u str>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"* GENURLAUTH");
    for url in urls {
        out.push(b' ');
        push_string(url.as_bytes(), out);
    }
    out.extend_from_slice(b"\r\n");
}

/// One `* URLFETCH url …` being written; nothing else may be written before `end`.
///
/// ```abnf
/// urlfetch-data  = "*" SP "URLFETCH" 1*(SP (urldata-simple / urldata-ext / urldata-error))   ; RFC 5524 §5
/// urldata-error  = url-full SP nil
/// urldata-simple = url-full SP nstring
/// urldata-ext    = url-full 1*(SP "(" url-metadata-el ")")
/// ```
#[derive(Debug)]
#[must_use = "a URLFETCH response needs its end"]
pub struct UrlFetchLine {
    /// An item in parentheses is open.
    inside: bool,
}

impl UrlFetchLine {
    pub fn begin(url: &[u8], out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(b"* URLFETCH ");
        push_astring(url, out);
        Self { inside: false }
    }
    /// Nothing at this URL.
    pub fn nil(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b" NIL\r\n");
    }
    /// The next item; with none the data stand for themselves.
    pub fn item(&mut self, item: Option<UrlItem>, out: &mut Vec<u8>) {
        self.close(out);
        let name: &[u8] = match item {
            None => b" ",
            Some(UrlItem::Body) => b" (BODY ",
            Some(UrlItem::Binary) => b" (BINARY ",
            Some(UrlItem::BodyPartStructure) => b" (BODYPARTSTRUCTURE ",
        };
        out.extend_from_slice(name);
        self.inside = item.is_some();
    }
    /// Its octets, which must follow; with `nul` as literal8.
    pub fn literal(&self, octets: u64, nul: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(if nul { b"~{" } else { b"{" });
        push_number(octets, out);
        out.extend_from_slice(b"}\r\n");
    }
    /// RFC 5524 §3.2: it cannot be decoded.
    pub fn no_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"NIL");
    }
    /// `body` of RFC 9051 §9.
    pub fn structure(&self, body: &BodyRef<'_>, out: &mut Vec<u8>) {
        push_body(body, BodyForm::Extended, out);
    }
    pub fn end(mut self, out: &mut Vec<u8>) {
        self.close(out);
        out.extend_from_slice(b"\r\n");
    }
    fn close(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.inside, false) {
            out.push(b')');
        }
    }
}
