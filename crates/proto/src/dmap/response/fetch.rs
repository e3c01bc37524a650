//! FETCH responses (DMAP-00 §8.4.1).

use koi_types::{Flags, Keyword, ModSeq, SeqNum, SystemFlags, Uid};

use crate::dmap::chunk::{Body, BodyForm, ChunkType, bracketed, chunk_type};
use crate::dmap::command::mod_seq;
use crate::dmap::flag::{Unknown, flag_list, push_flag_names, push_flags};
use crate::dmap::id::{KeyId, key_id};
use crate::dmap::text::{self, push_list, push_literal8_header, push_nbin};
use crate::line::date::{DateTime, date_time, push_date_time};
use crate::line::lex::{Cursor, SyntaxError};
use crate::line::number::push_number;
use crate::sasl::{base64_decode, base64_encode};

/// What is said of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetched {
    pub of: Of,
    /// At least one.
    pub items: Vec<FetchedItem>,
}

/// Which message: by its sequence number (FETCH), or by its UID (UIDFETCH, after ENABLE UIDONLY).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Of {
    Seq(SeqNum),
    Uid(Uid),
}

/// One item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FetchedItem {
    Flags(Flags),
    ModSeq(ModSeq),
    Uid(Uid),
    Size(u64),
    InternalDate(DateTime),
    /// In the order stored.
    BodyStructure(Vec<ChunkEntry>),
    /// SHA-512 of each chunk before the signatures, in the order stored.
    ChunkHash(Vec<[u8; 64]>),
    /// `None`: to no key this server knows of.
    KeyId(Option<KeyId>),
    /// `None`: there is none.
    Meta(Option<Vec<u8>>),
    Body {
        body: Body,
        /// Where the part asked for begins, if a part was asked for.
        first: Option<u64>,
        /// `None`: there is no such chunk.
        octets: Option<Vec<u8>>,
    },
}

/// A chunk in BODYSTRUCTURE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChunkEntry {
    pub chunk: ChunkType,
    /// Of the whole chunk with its header.
    pub octets: u64,
}

/// ```abnf
/// msg-att = msg-att-static / msg-att-dynamic
/// ```
pub(super) fn items(cursor: &mut Cursor<'_>) -> Result<Vec<FetchedItem>, SyntaxError> {
    cursor.list(item)
}

/// ```abnf
/// msg-att-static  = "UID" SP nz-number / "SIZE" SP number64 / "INTERNALDATE" SP date-time /
///                   "BODYSTRUCTURE" SP bodystruct / "CHUNKHASH" SP "(" [quoted *(SP quoted)] ")" /
///                   ("BODY" / "PLAIN") "[" [section] "]" ["<" number64 ">"] SP nbin
/// msg-att-dynamic = "FLAGS" SP flag-list / "MODSEQ" SP "(" modseq ")" / "META" SP nbin /
///                   "KEYID" SP (key-id / nil)
/// ```
fn item(cursor: &mut Cursor<'_>) -> Result<FetchedItem, SyntaxError> {
    let before = cursor.error("unknown item of a message");
    let name = cursor.word(|b| b.is_ascii_alphanumeric(), before.what)?.to_ascii_uppercase();
    match name.as_str() {
        "BODY" => return body(cursor, BodyForm::Stored),
        "PLAIN" => return body(cursor, BodyForm::Plain),
        _ => cursor.space()?,
    }
    match name.as_str() {
        "FLAGS" => flag_list(cursor, Unknown::Ignored).map(FetchedItem::Flags),
        "MODSEQ" => {
            cursor.expect(b'(', "expected (")?;
            let mod_seq = mod_seq(cursor)?;
            cursor.expect(b')', "expected )")?;
            Ok(FetchedItem::ModSeq(mod_seq))
        }
        "UID" => {
            let before = cursor.error("a UID is above 0");
            Uid::new(cursor.number()?).map(FetchedItem::Uid).ok_or(before)
        }
        "SIZE" => cursor.number64().map(FetchedItem::Size),
        "INTERNALDATE" => date_time(cursor).map(FetchedItem::InternalDate),
        "BODYSTRUCTURE" => cursor.list_or_empty(chunk_entry).map(FetchedItem::BodyStructure),
        "CHUNKHASH" => cursor.list_or_empty(chunk_hash).map(FetchedItem::ChunkHash),
        "META" => text::nbin(cursor, usize::MAX, "").map(FetchedItem::Meta),
        "KEYID" if cursor.rest().starts_with(b"NIL)") || cursor.rest().starts_with(b"NIL ") => {
            cursor.take_word("NIL");
            Ok(FetchedItem::KeyId(None))
        }
        "KEYID" => key_id(cursor).map(|key| FetchedItem::KeyId(Some(key))),
        _ => Err(before),
    }
}

fn body(cursor: &mut Cursor<'_>, form: BodyForm) -> Result<FetchedItem, SyntaxError> {
    let body = Body { form, section: bracketed(cursor)? };
    let mut first = None;
    if cursor.take(b'<') {
        first = Some(cursor.number64()?);
        cursor.expect(b'>', "expected >")?;
    }
    cursor.space()?;
    Ok(FetchedItem::Body { body, first, octets: text::nbin(cursor, usize::MAX, "")? })
}

/// ```abnf
/// bodystruct = "(" [bs-item *(SP bs-item)] ")"
/// bs-item    = "(" chunk-type SP number64 ")"
/// ```
fn chunk_entry(cursor: &mut Cursor<'_>) -> Result<ChunkEntry, SyntaxError> {
    cursor.expect(b'(', "expected (")?;
    let chunk = chunk_type(cursor)?;
    cursor.space()?;
    let octets = cursor.number64()?;
    cursor.expect(b')', "expected )")?;
    Ok(ChunkEntry { chunk, octets })
}

fn chunk_hash(cursor: &mut Cursor<'_>) -> Result<[u8; 64], SyntaxError> {
    let before = cursor.error("expected SHA-512 in base64");
    let text = cursor.string()?;
    base64_decode(&text).ok().and_then(|octets| octets.try_into().ok()).ok_or(before)
}

impl Of {
    pub(super) fn new(number: u32, by_uid: bool) -> Option<Self> {
        match by_uid {
            true => Uid::new(number).map(Self::Uid),
            false => SeqNum::new(number).map(Self::Seq),
        }
    }
}

impl Fetched {
    pub(super) fn push(&self, out: &mut Vec<u8>) {
        let mut line = FetchLine::begin(self.of, out);
        self.items.iter().for_each(|item| line.push(item, out));
        line.end(out);
    }
}

/// One `* n FETCH (…)` being written. It does not hold the output, so that a message may be sent in pieces
/// with other work in between; nothing else may be written before `end`.
#[derive(Debug)]
#[must_use = "a FETCH response needs its end"]
pub struct FetchLine {
    empty: bool,
}

impl FetchLine {
    pub fn begin(of: Of, out: &mut Vec<u8>) -> Self {
        let (number, word) = match of {
            Of::Seq(seq) => (seq.value(), b" FETCH (".as_slice()),
            Of::Uid(uid) => (uid.value(), b" UIDFETCH (".as_slice()),
        };
        out.extend_from_slice(b"* ");
        push_number(u64::from(number), out);
        out.extend_from_slice(word);
        Self { empty: true }
    }
    /// At least one item must have been written.
    pub fn end(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b")\r\n");
    }
    /// A whole item.
    pub fn push(&mut self, item: &FetchedItem, out: &mut Vec<u8>) {
        match item {
            FetchedItem::Flags(flags) => self.flags(flags, out),
            FetchedItem::ModSeq(mod_seq) => {
                self.number(b"MODSEQ (", mod_seq.value(), out);
                out.push(b')');
            }
            FetchedItem::Uid(uid) => self.number(b"UID ", u64::from(uid.value()), out),
            FetchedItem::Size(octets) => self.number(b"SIZE ", *octets, out),
            FetchedItem::InternalDate(date) => {
                self.item(b"INTERNALDATE ", out);
                push_date_time(*date, out);
            }
            FetchedItem::BodyStructure(chunks) => {
                self.item(b"BODYSTRUCTURE ", out);
                push_list(chunks, |entry, out| entry.push(out), out);
            }
            FetchedItem::ChunkHash(hashes) => {
                self.item(b"CHUNKHASH ", out);
                let push = |hash: &[u8; 64], out: &mut Vec<u8>| {
                    out.extend_from_slice(format!("\"{}\"", base64_encode(hash)).as_bytes());
                };
                push_list(hashes, push, out);
            }
            FetchedItem::KeyId(key) => {
                self.item(b"KEYID ", out);
                let key = key.map_or_else(|| "NIL".to_owned(), |key| key.to_string());
                out.extend_from_slice(key.as_bytes());
            }
            FetchedItem::Meta(meta) => self.meta(meta.as_deref(), out),
            FetchedItem::Body { body, first, octets } => {
                self.body_name(*body, *first, out);
                push_nbin(octets.as_deref(), out);
            }
        }
    }
    /// The same as `push`, without the item.
    pub fn flags(&mut self, flags: &Flags, out: &mut Vec<u8>) {
        self.item(b"FLAGS ", out);
        push_flags(flags, out);
    }
    /// The same of flags that are not held together.
    pub fn flag_names<'a>(
        &mut self,
        system: SystemFlags,
        keywords: impl Iterator<Item = &'a Keyword>,
        out: &mut Vec<u8>,
    ) {
        self.item(b"FLAGS ", out);
        push_flag_names(system, keywords, out);
    }
    /// The same as `push`, without the item.
    pub fn meta(&mut self, meta: Option<&[u8]>, out: &mut Vec<u8>) {
        self.item(b"META ", out);
        push_nbin(meta, out);
    }
    /// `BODY[section]<first>` up to the announcement of its literal: exactly `octets` octets must follow, as
    /// they are. `first` is that of the partial asked for.
    pub fn body(&mut self, body: Body, first: Option<u64>, octets: u64, out: &mut Vec<u8>) {
        self.body_name(body, first, out);
        push_literal8_header(octets, out);
    }

    fn body_name(&mut self, body: Body, first: Option<u64>, out: &mut Vec<u8>) {
        self.item(b"", out);
        body.push(body.name(), out);
        if let Some(first) = first {
            out.push(b'<');
            push_number(first, out);
            out.push(b'>');
        }
        out.push(b' ');
    }
    fn number(&mut self, name: &[u8], number: u64, out: &mut Vec<u8>) {
        self.item(name, out);
        push_number(number, out);
    }
    fn item(&mut self, name: &[u8], out: &mut Vec<u8>) {
        if !self.empty {
            out.push(b' ');
        }
        self.empty = false;
        out.extend_from_slice(name);
    }
}

impl ChunkEntry {
    fn push(self, out: &mut Vec<u8>) {
        out.push(b'(');
        push_number(u64::from(self.chunk.0), out);
        out.push(b' ');
        push_number(self.octets, out);
        out.push(b')');
    }
}
