//! The answers to SEARCH (DMAP-00 §7.6.3, RFC 9051 §7.3.4, RFC 7162 §3.1.5).

use koi_types::{ModSeq, NumSet};

use crate::dmap::command::mod_seq;
use crate::dmap::text;
use crate::line::lex::{Cursor, SyntaxError};
use crate::line::number::push_number;
use crate::line::set::{known_set, push_set};
use crate::line::string::push_utf8;

/// `* SEARCH`: numbers in the order sent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SearchResult {
    pub numbers: Vec<u32>,
    /// The largest among the messages found, if MODSEQ was searched for.
    pub mod_seq: Option<ModSeq>,
}

/// `* ESEARCH`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Esearch {
    /// Of the SEARCH it answers.
    pub tag: Option<Box<str>>,
    pub by_uid: bool,
    pub min: Option<u32>,
    pub max: Option<u32>,
    pub count: Option<u32>,
    /// Not empty.
    pub all: Option<NumSet>,
    pub mod_seq: Option<ModSeq>,
}

/// ```abnf
/// search-resp = "SEARCH" *(SP nz-number) [SP "(MODSEQ" SP modseq ")"]
/// ```
pub(super) fn search(cursor: &mut Cursor<'_>) -> Result<SearchResult, SyntaxError> {
    let mut result = SearchResult::default();
    while cursor.take(b' ') {
        if cursor.take_word("(MODSEQ ") {
            result.mod_seq = Some(mod_seq(cursor)?);
            cursor.expect(b')', "expected )")?;
            break;
        }
        result.numbers.push(cursor.nz_number()?);
    }
    Ok(result)
}

/// ```abnf
/// esearch = "ESEARCH" [SP "(" "TAG" SP string ")"] [SP "UID"] *(SP (("MIN" / "MAX" / "COUNT") SP number /
///           "ALL" SP sequence-set / "MODSEQ" SP modseq))
/// ```
pub(super) fn esearch(cursor: &mut Cursor<'_>) -> Result<Esearch, SyntaxError> {
    let mut result = Esearch::default();
    if cursor.take_word(" (TAG ") {
        result.tag = Some(text::astring(cursor)?);
        cursor.expect(b')', "expected )")?;
    }
    result.by_uid = cursor.take_word(" UID");
    while cursor.peek().is_some() {
        cursor.space()?;
        let before = cursor.error("unknown search result");
        let name = cursor.atom("expected a search result")?.to_ascii_uppercase();
        cursor.space()?;
        match name.as_str() {
            "MIN" => result.min = Some(cursor.number()?),
            "MAX" => result.max = Some(cursor.number()?),
            "COUNT" => result.count = Some(cursor.number()?),
            "ALL" => result.all = Some(known_set(cursor)?),
            "MODSEQ" => result.mod_seq = Some(mod_seq(cursor)?),
            _ => return Err(before),
        }
    }
    Ok(result)
}

impl SearchResult {
    pub(super) fn push(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"SEARCH");
        for number in &self.numbers {
            out.push(b' ');
            push_number(u64::from(*number), out);
        }
        if let Some(mod_seq) = self.mod_seq {
            out.extend_from_slice(format!(" (MODSEQ {mod_seq})").as_bytes());
        }
    }
}

impl Esearch {
    pub(super) fn push(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"ESEARCH");
        if let Some(tag) = &self.tag {
            out.extend_from_slice(b" (TAG ");
            push_utf8(tag, out);
            out.push(b')');
        }
        out.extend_from_slice(if self.by_uid { b" UID" } else { b"" });
        for (name, number) in [(" MIN ", self.min), (" MAX ", self.max), (" COUNT ", self.count)] {
            if let Some(number) = number {
                out.extend_from_slice(name.as_bytes());
                push_number(u64::from(number), out);
            }
        }
        if let Some(all) = &self.all {
            out.extend_from_slice(b" ALL ");
            push_set(all, out);
        }
        if let Some(mod_seq) = self.mod_seq {
            out.extend_from_slice(format!(" MODSEQ {mod_seq}").as_bytes());
        }
    }
}
