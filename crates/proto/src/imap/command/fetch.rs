//! FETCH (RFC 9051 §6.4.5, RFC 3501 §6.4.5, RFC 7162 §3.1.4 and §3.2.6, RFC 3516 §4.2, RFC 8514 §4.2).

use koi_types::limits;

use super::returns::{PartialRange, partial_range};
use super::{Command, SequenceSet};
use crate::imap::lex::{Cursor, SyntaxError};
use crate::imap::set::sequence_set;

/// FETCH or UID FETCH. Macros are already replaced by what they stand for, and no item comes twice. With
/// CHANGEDSINCE `ModSeq` is among the items (RFC 7162 §3.1.4.1). In the UID form `Uid` is not, unless it was
/// asked for: with UIDONLY it need not be told (RFC 9586 §3.3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetch {
    pub by_uid: bool,
    pub set: SequenceSet,
    /// At least one, in the order sent.
    pub items: Vec<FetchItem>,
    /// `(CHANGEDSINCE n)`, RFC 7162 §3.1.4.1.
    pub changed_since: Option<u64>,
    /// `VANISHED`, RFC 7162 §3.2.6: only in UID FETCH, and only with CHANGEDSINCE.
    pub vanished: bool,
    /// RFC 9394 §3.3: only these of the messages of the set that are there; in UID FETCH only.
    pub partial: Option<PartialRange>,
}

/// One `fetch-att`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FetchItem {
    Uid,
    Flags,
    InternalDate,
    Rfc822Size,
    Envelope,
    /// `BODY` without a section: the structure without extension data.
    Body,
    BodyStructure,
    /// RFC 7162 §3.1.4.2
    ModSeq,
    /// RFC 8474 §5.3
    EmailId,
    /// RFC 8474 §5.3
    ThreadId,
    /// RFC 3501 §6.4.5; like `BODY[]` but answered under its own name.
    Rfc822,
    /// RFC 3501 §6.4.5; like `BODY.PEEK[HEADER]`.
    Rfc822Header,
    /// RFC 3501 §6.4.5; like `BODY[TEXT]`.
    Rfc822Text,
    Section(BodySection),
    /// RFC 3516 §4.2: a part without its Content-Transfer-Encoding.
    Binary(BinarySection),
    /// RFC 3516 §4.2; the part numbers.
    BinarySize(Vec<u32>),
    /// RFC 8514 §4.2
    SaveDate,
    /// RFC 8970 §3.1; LAZY changes nothing, as a preview costs about what an ENVELOPE does.
    Preview,
}

/// `BINARY[part]<partial>` or `BINARY.PEEK[part]<partial>`; the partial counts decoded octets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BinarySection {
    pub peek: bool,
    /// As in [`Section`].
    pub part: Vec<u32>,
    pub partial: Option<Partial>,
}

/// `BODY[section]<partial>` or `BODY.PEEK[section]<partial>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BodySection {
    pub peek: bool,
    pub section: Section,
    pub partial: Option<Partial>,
}

/// What is between the brackets: the part numbers (empty: the message itself) and what of that part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Section {
    /// Each above 0; at most `IMAP_SECTION_DEPTH_MAX` of them.
    pub part: Vec<u32>,
    pub text: SectionText,
}

/// `section-text`
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SectionText {
    /// Nothing: the whole message, or the body of the part.
    Whole,
    Header,
    /// Field names as the client spelled them, which is how they are sent back.
    HeaderFields(Vec<Box<str>>),
    HeaderFieldsNot(Vec<Box<str>>),
    Text,
    /// Only after at least one part number.
    Mime,
}

/// `<first.count>`: at most `count` octets beginning with octet `first`; `count` is above 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Partial {
    pub first: u64,
    pub count: u64,
}

impl FetchItem {
    /// Whether fetching this sets `\Seen` (RFC 9051 §6.4.5, RFC 3501 §6.4.5).
    #[must_use]
    pub fn sets_seen(&self) -> bool {
        match self {
            Self::Section(section) => !section.peek,
            Self::Binary(section) => !section.peek,
            Self::Rfc822 | Self::Rfc822Text => true,
            _ => false,
        }
    }
    /// Where an item stands in the answer: UID first, then what is short, what may hold a literal behind it,
    /// and bodies last. RFC 9051 §7.5.2 leaves the order open; clients that read a line up to the first
    /// literal find there what tells them which message it is.
    #[must_use]
    pub const fn answer_order(&self) -> u8 {
        match self {
            Self::Uid => 0,
            Self::Flags
            | Self::ModSeq
            | Self::InternalDate
            | Self::Rfc822Size
            | Self::EmailId
            | Self::ThreadId
            | Self::SaveDate => 1,
            Self::BinarySize(_) | Self::Envelope | Self::Body | Self::BodyStructure | Self::Preview => 2,
            Self::Rfc822 | Self::Rfc822Header | Self::Rfc822Text | Self::Section(_) | Self::Binary(_) => 3,
        }
    }
}

/// ```abnf
/// fetch          = "FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" /
///                  fetch-att / "(" fetch-att *(SP fetch-att) ")")
///                  [SP fetch-modifiers]   ; RFC 9051 §9, RFC 4466 §2.4
/// fetch-modifier =/ "CHANGEDSINCE" SP mod-sequence-value / "VANISHED"                     ; RFC 7162 §7
/// ```
pub(super) fn fetch(cursor: &mut Cursor<'_>, by_uid: bool) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let set = sequence_set(cursor)?;
    cursor.space()?;
    let mut wanted = items(cursor)?;
    let Modifiers { changed_since, vanished, partial } = modifiers(cursor, by_uid)?;
    wanted.extend(changed_since.is_some().then_some(FetchItem::ModSeq));
    let items = each_once(cursor, wanted)?;
    Ok(Command::Fetch(Fetch { by_uid, set, items, changed_since, vanished, partial }))
}

/// What a client wants to be told of messages to come (RFC 5465 §8).
///
/// ```abnf
/// "(" fetch-att *(SP fetch-att) ")"
/// ```
pub(super) fn item_list(cursor: &mut Cursor<'_>) -> Result<Vec<FetchItem>, SyntaxError> {
    let wanted = cursor.list(item)?;
    each_once(cursor, wanted)
}

fn each_once(cursor: &Cursor<'_>, wanted: Vec<FetchItem>) -> Result<Vec<FetchItem>, SyntaxError> {
    if wanted.len() > limits::IMAP_FETCH_ITEMS_MAX {
        return cursor.fail("too many items");
    }
    let mut items: Vec<FetchItem> = Vec::with_capacity(wanted.len());
    for item in wanted {
        if !items.contains(&item) {
            items.push(item);
        }
    }
    Ok(items)
}

#[derive(Default)]
struct Modifiers {
    changed_since: Option<u64>,
    vanished: bool,
    partial: Option<PartialRange>,
}

/// ```abnf
/// fetch-modifier =/ modifier-partial   ; RFC 9394 §4
/// ```
fn modifiers(cursor: &mut Cursor<'_>, by_uid: bool) -> Result<Modifiers, SyntaxError> {
    let mut modifiers = Modifiers::default();
    if !cursor.rest().starts_with(b" (") {
        return Ok(modifiers);
    }
    cursor.space()?;
    let before = cursor.error("VANISHED needs UID FETCH and CHANGEDSINCE");
    cursor.list(|cursor| {
        if cursor.take_word("VANISHED") {
            modifiers.vanished = true;
            return Ok(());
        }
        if by_uid && modifiers.partial.is_none() && cursor.take_word("PARTIAL ") {
            modifiers.partial = Some(partial_range(cursor)?);
            return Ok(());
        }
        if !cursor.take_word("CHANGEDSINCE ") {
            return cursor.fail("unknown FETCH modifier");
        }
        // QUIRK changed_since_zero
        modifiers.changed_since = Some(cursor.number64()?);
        Ok(())
    })?;
    if modifiers.vanished && !(by_uid && modifiers.changed_since.is_some()) {
        return Err(before);
    }
    Ok(modifiers)
}

fn items(cursor: &mut Cursor<'_>) -> Result<Vec<FetchItem>, SyntaxError> {
    if cursor.peek() == Some(b'(') {
        return cursor.list(item);
    }
    let mut ahead = cursor.clone();
    let name = ahead.word(is_name_char, "expected an item")?;
    if let Some(items) = macro_items(name) {
        *cursor = ahead;
        return Ok(items);
    }
    Ok(vec![item(cursor)?])
}

/// RFC 9051 §6.4.5: macros stand alone, not in a list.
fn macro_items(name: &str) -> Option<Vec<FetchItem>> {
    let fast = [FetchItem::Flags, FetchItem::InternalDate, FetchItem::Rfc822Size];
    let more: &[FetchItem] = match name.to_ascii_uppercase().as_str() {
        "FAST" => &[],
        "ALL" => &[FetchItem::Envelope],
        "FULL" => &[FetchItem::Envelope, FetchItem::Body],
        _ => return None,
    };
    Some([&fast, more].concat())
}

const fn is_name_char(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || octet == b'.'
}

/// ```abnf
/// fetch-att = "ENVELOPE" / "FLAGS" / "INTERNALDATE" / "RFC822.SIZE" / "BODY" ["STRUCTURE"] / "UID" /
///             "BODY" section [partial] / "BODY.PEEK" section [partial]                 ; RFC 9051 §9
/// fetch-att =/ "RFC822" [".HEADER" / ".TEXT"]                                          ; RFC 3501 §9
/// fetch-att =/ "MODSEQ"                                                                ; RFC 7162 §7
/// fetch-att =/ "EMAILID" / "THREADID"                                                  ; RFC 8474 §7
/// fetch-att =/ "BINARY" [".PEEK"] section-binary [partial] / "BINARY.SIZE" section-binary ; RFC 9051 §9
/// fetch-att =/ "SAVEDATE"                                                              ; RFC 8514 §5
/// fetch-att =/ "PREVIEW" [SP "(" preview-mod *(SP preview-mod) ")"]                    ; RFC 8970 §6
/// ```
fn item(cursor: &mut Cursor<'_>) -> Result<FetchItem, SyntaxError> {
    let before = cursor.error("unknown item");
    let name = cursor.word(is_name_char, "expected an item")?.to_ascii_uppercase();
    let sectioned = cursor.peek() == Some(b'[');
    Ok(match name.as_str() {
        "BODY" | "BODY.PEEK" if sectioned => FetchItem::Section(body_section(cursor, name == "BODY.PEEK")?),
        "BINARY" | "BINARY.PEEK" if sectioned => {
            let part = section_binary(cursor)?;
            FetchItem::Binary(BinarySection { peek: name == "BINARY.PEEK", part, partial: partial(cursor)? })
        }
        "BINARY.SIZE" if sectioned => FetchItem::BinarySize(section_binary(cursor)?),
        "BODY" => FetchItem::Body,
        "BODYSTRUCTURE" => FetchItem::BodyStructure,
        "EMAILID" => FetchItem::EmailId,
        "ENVELOPE" => FetchItem::Envelope,
        "FLAGS" => FetchItem::Flags,
        "INTERNALDATE" => FetchItem::InternalDate,
        "MODSEQ" => FetchItem::ModSeq,
        "PREVIEW" => {
            preview_modifiers(cursor)?;
            FetchItem::Preview
        }
        "RFC822" => FetchItem::Rfc822,
        "RFC822.HEADER" => FetchItem::Rfc822Header,
        "RFC822.SIZE" => FetchItem::Rfc822Size,
        "RFC822.TEXT" => FetchItem::Rfc822Text,
        "SAVEDATE" => FetchItem::SaveDate,
        "THREADID" => FetchItem::ThreadId,
        "UID" => FetchItem::Uid,
        _ => return Err(before),
    })
}

/// ```abnf
/// preview-mod = "LAZY"                                                 ; RFC 8970 §6
/// ```
/// A list of something else belongs to FETCH itself: `FETCH 1 PREVIEW (CHANGEDSINCE 5)`.
fn preview_modifiers(cursor: &mut Cursor<'_>) -> Result<(), SyntaxError> {
    let mut ahead = cursor.clone();
    if ahead.take_word(" (LAZY") && matches!(ahead.peek(), Some(b' ' | b')')) {
        cursor.space()?;
        cursor.list(|cursor| {
            let before = cursor.error("unknown PREVIEW modifier");
            if cursor.take_word("LAZY") { Ok(()) } else { Err(before) }
        })?;
    }
    Ok(())
}

/// ```abnf
/// section = "[" [section-spec] "]"                                     ; RFC 9051 §9
/// partial = "<" number64 "." nz-number64 ">"
/// ```
fn body_section(cursor: &mut Cursor<'_>, peek: bool) -> Result<BodySection, SyntaxError> {
    cursor.expect(b'[', "expected [")?;
    let section = section(cursor)?;
    cursor.expect(b']', "expected ]")?;
    Ok(BodySection { peek, section, partial: partial(cursor)? })
}

/// ```abnf
/// section-binary = "[" [section-part] "]"                              ; RFC 9051 §9
/// ```
fn section_binary(cursor: &mut Cursor<'_>) -> Result<Vec<u32>, SyntaxError> {
    cursor.expect(b'[', "expected [")?;
    let mut part = Vec::new();
    while !cursor.take(b']') {
        if !part.is_empty() {
            cursor.expect(b'.', "expected . or ]")?;
        }
        if part.len() == limits::IMAP_SECTION_DEPTH_MAX {
            return cursor.fail("too many part numbers");
        }
        part.push(cursor.nz_number()?);
    }
    Ok(part)
}

fn partial(cursor: &mut Cursor<'_>) -> Result<Option<Partial>, SyntaxError> {
    if !cursor.take(b'<') {
        return Ok(None);
    }
    let first = cursor.number64()?;
    cursor.expect(b'.', "expected .")?;
    let before = cursor.error("count must not be 0");
    let count = cursor.number64()?;
    if count == 0 {
        return Err(before);
    }
    cursor.expect(b'>', "expected >")?;
    Ok(Some(Partial { first, count }))
}

/// ```abnf
/// section-spec    = section-msgtext / (section-part ["." section-text])   ; RFC 9051 §9
/// section-part    = nz-number *("." nz-number)
/// section-text    = section-msgtext / "MIME"
/// section-msgtext = "HEADER" / "HEADER.FIELDS" [".NOT"] SP header-list / "TEXT"
/// ```
pub(in crate::imap) fn section(cursor: &mut Cursor<'_>) -> Result<Section, SyntaxError> {
    let mut part = Vec::new();
    while cursor.peek().is_some_and(|b| b.is_ascii_digit()) {
        if part.len() == limits::IMAP_SECTION_DEPTH_MAX {
            return cursor.fail("too many part numbers");
        }
        part.push(cursor.nz_number()?);
        if !cursor.take(b'.') {
            return Ok(Section { part, text: SectionText::Whole });
        }
    }
    if part.is_empty() && cursor.peek() == Some(b']') {
        return Ok(Section { part, text: SectionText::Whole });
    }
    let text = section_text(cursor, !part.is_empty())?;
    Ok(Section { part, text })
}

fn section_text(cursor: &mut Cursor<'_>, in_part: bool) -> Result<SectionText, SyntaxError> {
    let before = cursor.error("unknown section");
    match cursor.word(is_name_char, "expected a section")?.to_ascii_uppercase().as_str() {
        "HEADER" => Ok(SectionText::Header),
        "HEADER.FIELDS" => header_list(cursor).map(SectionText::HeaderFields),
        "HEADER.FIELDS.NOT" => header_list(cursor).map(SectionText::HeaderFieldsNot),
        "TEXT" => Ok(SectionText::Text),
        "MIME" if in_part => Ok(SectionText::Mime),
        _ => Err(before),
    }
}

/// ```abnf
/// header-list = "(" header-fld-name *(SP header-fld-name) ")"              ; RFC 9051 §9
/// ```
fn header_list(cursor: &mut Cursor<'_>) -> Result<Vec<Box<str>>, SyntaxError> {
    cursor.space()?;
    cursor.list(|cursor| cursor.ascii_astring("expected the name of a header field"))
}
