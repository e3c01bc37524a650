//! FETCH (DMAP-00 §7.6.4, RFC 7162 §3.1.4.1 and §3.2.6).

use koi_types::{ModSeq, limits};

use super::mailbox::mod_seq;
use super::{Command, Encoded};
use crate::dmap::chunk::{Body, BodyForm, bracketed};
use crate::line::lex::{Cursor, SyntaxError};
use crate::line::set::{SequenceSet, sequence_set};

/// FETCH or UID FETCH.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetch {
    pub by_uid: bool,
    pub set: SequenceSet,
    /// At least one, none twice, in the order sent; FAST and FULL are replaced by what they stand for.
    pub items: Vec<FetchItem>,
    pub changed_since: Option<ChangedSince>,
}

/// `(CHANGEDSINCE n VANISHED)`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChangedSince {
    pub mod_seq: ModSeq,
    /// Only in the UID form, and allowed only after ENABLE QRESYNC.
    pub vanished: bool,
}

/// What to say of each message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FetchItem {
    Flags,
    Meta,
    ModSeq,
    InternalDate,
    Size,
    Uid,
    BodyStructure,
    ChunkHash,
    KeyId,
    Body {
        body: Body,
        /// BODY.PEEK; PLAIN sets `\Seen` as BODY does.
        peek: bool,
        partial: Option<Partial>,
    },
}

/// `<first.octets>`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Partial {
    /// Counted from 0.
    pub first: u64,
    /// At most so many, above 0.
    pub octets: u32,
}

const FAST: &[FetchItem] = &[FetchItem::Flags, FetchItem::InternalDate, FetchItem::Size];
const FULL: &[FetchItem] =
    &[FetchItem::Flags, FetchItem::InternalDate, FetchItem::Size, FetchItem::BodyStructure];

/// The items that are only a name.
const NAMED: &[(&str, FetchItem)] = &[
    ("FLAGS", FetchItem::Flags),
    ("META", FetchItem::Meta),
    ("MODSEQ", FetchItem::ModSeq),
    ("INTERNALDATE", FetchItem::InternalDate),
    ("SIZE", FetchItem::Size),
    ("UID", FetchItem::Uid),
    ("BODYSTRUCTURE", FetchItem::BodyStructure),
    ("CHUNKHASH", FetchItem::ChunkHash),
    ("KEYID", FetchItem::KeyId),
];

/// ```abnf
/// fetch = "FETCH" SP sequence-set SP ("FAST" / "FULL" / fetch-att / "(" fetch-att *(SP fetch-att) ")")
///         [SP "(" "CHANGEDSINCE" SP modseq [SP "VANISHED"] ")"]
/// ```
pub(super) fn fetch(cursor: &mut Cursor<'_>, by_uid: bool) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let set = sequence_set(cursor)?;
    cursor.space()?;
    let items = match cursor.peek() {
        Some(b'(') => several(cursor)?,
        _ => match macro_items(name(cursor.clone())) {
            Some(items) => {
                name_of(cursor);
                items.to_vec()
            }
            None => vec![item(cursor)?],
        },
    };
    let changed_since = match cursor.take(b' ') {
        true => Some(changed_since(cursor, by_uid)?),
        false => None,
    };
    Ok(Command::Fetch(Fetch { by_uid, set, items, changed_since }))
}

fn macro_items(name: &str) -> Option<&'static [FetchItem]> {
    match name {
        _ if name.eq_ignore_ascii_case("FAST") => Some(FAST),
        _ if name.eq_ignore_ascii_case("FULL") => Some(FULL),
        _ => None,
    }
}

fn name(mut cursor: Cursor<'_>) -> &str {
    name_of(&mut cursor)
}

fn name_of<'a>(cursor: &mut Cursor<'a>) -> &'a str {
    let run = cursor.run(|b| b.is_ascii_alphanumeric() || b == b'.');
    std::str::from_utf8(run).unwrap_or_default()
}

fn several(cursor: &mut Cursor<'_>) -> Result<Vec<FetchItem>, SyntaxError> {
    let mut items = Vec::new();
    cursor.list(|cursor| {
        if macro_items(name(cursor.clone())).is_some() {
            return cursor.fail("a macro must stand alone");
        }
        let item = item(cursor)?;
        if !items.contains(&item) {
            items.push(item);
        }
        match items.len() > limits::DMAP_FETCH_ITEMS_MAX {
            true => cursor.fail("too many items"),
            false => Ok(()),
        }
    })?;
    Ok(items)
}

/// ```abnf
/// fetch-att = "FLAGS" / "META" / "MODSEQ" / "INTERNALDATE" / "SIZE" / "UID" / "BODYSTRUCTURE" /
///             "CHUNKHASH" / "KEYID" /
///             ("BODY" / "BODY.PEEK" / "PLAIN") "[" [section] "]" ["<" number64 "." nz-number ">"]
/// ```
fn item(cursor: &mut Cursor<'_>) -> Result<FetchItem, SyntaxError> {
    let before = cursor.error("unknown FETCH item");
    let name = name_of(cursor);
    if let Some((_, item)) = NAMED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        return Ok(*item);
    }
    let (form, peek) = match name.to_ascii_uppercase().as_str() {
        "BODY" => (BodyForm::Stored, false),
        "BODY.PEEK" => (BodyForm::Stored, true),
        "PLAIN" => (BodyForm::Plain, false),
        _ => return Err(before),
    };
    let body = Body { form, section: bracketed(cursor)? };
    let partial = match cursor.take(b'<') {
        true => Some(partial(cursor)?),
        false => None,
    };
    Ok(FetchItem::Body { body, peek, partial })
}

fn partial(cursor: &mut Cursor<'_>) -> Result<Partial, SyntaxError> {
    let first = cursor.number64()?;
    cursor.expect(b'.', "expected . and how many octets")?;
    let octets = cursor.nz_number()?;
    cursor.expect(b'>', "expected >")?;
    Ok(Partial { first, octets })
}

fn changed_since(cursor: &mut Cursor<'_>, by_uid: bool) -> Result<ChangedSince, SyntaxError> {
    cursor.expect(b'(', "expected (CHANGEDSINCE")?;
    if !cursor.take_word("CHANGEDSINCE ") {
        return cursor.fail("unknown FETCH modifier");
    }
    let mod_seq = mod_seq(cursor)?;
    let before = cursor.error("VANISHED is for UID FETCH");
    let vanished = cursor.take_word(" VANISHED");
    if vanished && !by_uid {
        return Err(before);
    }
    cursor.expect(b')', "expected )")?;
    Ok(ChangedSince { mod_seq, vanished })
}

impl Fetch {
    pub(super) fn push(&self, out: &mut Encoded) {
        out.push(if self.by_uid { "UID FETCH " } else { "FETCH " });
        out.with(|out| self.set.push(out));
        out.push(" ");
        match self.items.as_slice() {
            [item] => item.push(out),
            items => out.list(items, |out, item| item.push(out)),
        }
        if let Some(ChangedSince { mod_seq, vanished }) = self.changed_since {
            out.push(&format!(" (CHANGEDSINCE {mod_seq}{})", if vanished { " VANISHED" } else { "" }));
        }
    }
}

impl FetchItem {
    fn push(self, out: &mut Encoded) {
        if let Self::Body { body, peek, partial } = self {
            let name = if peek { "BODY.PEEK" } else { body.name() };
            out.with(|out| body.push(name, out));
            if let Some(Partial { first, octets }) = partial {
                out.push(&format!("<{first}.{octets}>"));
            }
            return;
        }
        let named = NAMED.iter().find(|(_, item)| *item == self);
        out.push(named.map_or("", |(name, _)| *name));
    }
}
