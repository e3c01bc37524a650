//! GETMETADATA and SETMETADATA (RFC 5464 §4.2, §4.3 and §5).

use koi_types::annotation::{BadEntryName, Depth, EntryName};
use koi_types::limits;

use super::{Command, MailboxArg, mailbox};
use crate::imap::lex::{Cursor, SyntaxError, is_astring_char};

/// GETMETADATA.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GetMetadata {
    pub target: MetadataTarget,
    /// Octets of the largest value to be sent (RFC 5464 §4.2.1).
    pub max_size: Option<u32>,
    /// RFC 5464 §4.2.2
    pub depth: Depth,
    /// At least one, in the order sent.
    pub entries: Vec<EntryArg>,
}

/// SETMETADATA.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetMetadata {
    pub target: MetadataTarget,
    /// At least one, in the order sent.
    pub values: Vec<EntryValue>,
}

/// What is annotated: the empty name stands for the server (RFC 5464 §4.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MetadataTarget {
    Server,
    Mailbox(MailboxArg),
}

/// The name of an entry in its proper form; a malformed one is BAD (RFC 5464 §3.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EntryArg {
    Name(EntryName),
    /// Longer than any entry here.
    TooLong,
}

/// An entry to be set, or removed with no value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EntryValue {
    pub entry: EntryArg,
    pub value: Option<Box<[u8]>>,
}

/// QUIRK metadata_options: also behind the mailbox, where the examples of RFC 5464 §4.2.1 have them.
///
/// ```abnf
/// getmetadata = "GETMETADATA" [SP getmetadata-options] SP mailbox SP entries    ; RFC 5464 §5
/// ```
pub(super) fn get(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let mut options = Options::default();
    if cursor.peek() == Some(b'(') {
        options.read(cursor)?;
        cursor.space()?;
    }
    let target = target(cursor)?;
    cursor.space()?;
    if matches!(cursor.rest(), [b'(', next, ..] if next.is_ascii_alphabetic()) {
        options.read(cursor)?;
        cursor.space()?;
    }
    let entries = entries(cursor)?;
    let Options { max_size, depth } = options;
    Ok(Command::GetMetadata(GetMetadata { target, max_size, depth: depth.unwrap_or_default(), entries }))
}

#[derive(Default)]
struct Options {
    max_size: Option<u32>,
    depth: Option<Depth>,
}

impl Options {
    /// ```abnf
    /// getmetadata-options = "(" getmetadata-option *(SP getmetadata-option) ")"     ; RFC 5464 §5
    /// maxsize-opt = "MAXSIZE" SP number
    /// scope-opt   = "DEPTH" SP ("0" / "1" / "infinity")
    /// ```
    fn read(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SyntaxError> {
        cursor.list(|cursor| {
            let before = cursor.error("unknown GETMETADATA option");
            let twice = cursor.error("option is given twice");
            let was_there = match cursor.atom("expected an option")?.to_ascii_uppercase().as_str() {
                "MAXSIZE" => {
                    cursor.space()?;
                    self.max_size.replace(cursor.number()?).is_some()
                }
                "DEPTH" => {
                    cursor.space()?;
                    self.depth.replace(depth(cursor)?).is_some()
                }
                _ => return Err(before),
            };
            if was_there { Err(twice) } else { Ok(()) }
        })?;
        Ok(())
    }
}

fn depth(cursor: &mut Cursor<'_>) -> Result<Depth, SyntaxError> {
    let before = cursor.error("DEPTH is 0, 1 or infinity");
    match cursor.atom("expected 0, 1 or infinity")?.to_ascii_lowercase().as_str() {
        "0" => Ok(Depth::Zero),
        "1" => Ok(Depth::One),
        "infinity" => Ok(Depth::Infinity),
        _ => Err(before),
    }
}

/// QUIRK metadata_entries: several without parentheses, as in the examples of RFC 5464 §4.4.1.
///
/// ```abnf
/// entries = entry / "(" entry *(SP entry) ")"                                       ; RFC 5464 §5
/// ```
fn entries(cursor: &mut Cursor<'_>) -> Result<Vec<EntryArg>, SyntaxError> {
    let mut count = Count::default();
    if cursor.peek() == Some(b'(') {
        return cursor.list(|cursor| {
            count.one_more(cursor)?;
            entry(cursor)
        });
    }
    let mut entries = vec![entry(cursor)?];
    while matches!(cursor.rest(), [b' ', next, ..] if *next != b' ') {
        cursor.space()?;
        count.one_more(cursor)?;
        entries.push(entry(cursor)?);
    }
    Ok(entries)
}

/// Those of LIST, which always stand in parentheses (RFC 9590 §5).
pub(super) fn listed(cursor: &mut Cursor<'_>) -> Result<Vec<EntryArg>, SyntaxError> {
    if cursor.peek() != Some(b'(') {
        return cursor.fail("expected (");
    }
    entries(cursor)
}

/// Entries of one command so far.
#[derive(Default)]
struct Count(usize);

impl Count {
    fn one_more(&mut self, cursor: &Cursor<'_>) -> Result<(), SyntaxError> {
        self.0 += 1;
        if self.0 > limits::IMAP_METADATA_ENTRIES_MAX {
            return cursor.fail("too many entries in one command");
        }
        Ok(())
    }
}

/// ```abnf
/// entry = astring     ; slash-separated path; MUST NOT contain "*" or "%"         ; RFC 5464 §5
/// ```
fn entry(cursor: &mut Cursor<'_>) -> Result<EntryArg, SyntaxError> {
    let before = cursor.error("entry name has a character that is not allowed");
    let octets = cursor.astring()?;
    let text = std::str::from_utf8(&octets).map_err(|_| before)?;
    match EntryName::new(text) {
        Ok(name) => Ok(EntryArg::Name(name)),
        Err(BadEntryName::TooLong) => Ok(EntryArg::TooLong),
        Err(BadEntryName::Malformed(what)) => Err(SyntaxError { what, ..before }),
    }
}

fn target(cursor: &mut Cursor<'_>) -> Result<MetadataTarget, SyntaxError> {
    // The one mailbox name that is empty.
    match cursor.clone().astring()?.is_empty() {
        true => cursor.astring().map(|_| MetadataTarget::Server),
        false => mailbox(cursor).map(MetadataTarget::Mailbox),
    }
}

/// ```abnf
/// setmetadata  = "SETMETADATA" SP mailbox SP entry-values                           ; RFC 5464 §5
/// entry-values = "(" entry-value *(SP entry-value) ")"
/// entry-value  = entry SP value
/// ```
pub(super) fn set(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let target = target(cursor)?;
    cursor.space()?;
    let mut count = Count::default();
    let values = cursor.list(|cursor| {
        count.one_more(cursor)?;
        let before = cursor.error("an entry has two components, and four below /vendor");
        let entry = entry(cursor)?;
        if matches!(&entry, EntryArg::Name(name) if !name.can_hold()) {
            return Err(before);
        }
        cursor.space()?;
        Ok(EntryValue { entry, value: value(cursor)? })
    })?;
    Ok(Command::SetMetadata(SetMetadata { target, values }))
}

/// Whether the next thing in an unfinished SETMETADATA is in its list.
pub(super) fn is_at_value(cursor: &mut Cursor<'_>) -> bool {
    let mut before_list = || {
        cursor.space()?;
        target(cursor)?;
        cursor.space()?;
        cursor.expect(b'(', "expected (")
    };
    before_list().is_ok()
}

/// DEVIATION RFC 5464 §5: an atom is taken too, because the examples of the COI server specification set
/// values so.
///
/// ```abnf
/// value = nstring / literal8                                                        ; RFC 5464 §5
/// ```
fn value(cursor: &mut Cursor<'_>) -> Result<Option<Box<[u8]>>, SyntaxError> {
    let octets = match cursor.peek() {
        Some(b'~') if cursor.rest().starts_with(b"~{") => return Ok(Some(cursor.literal8()?.into())),
        Some(b'"' | b'{') => cursor.string()?.into_owned(),
        _ => match cursor.word(is_astring_char, "expected a value or NIL")? {
            word if word.eq_ignore_ascii_case("NIL") => return Ok(None),
            word => word.into(),
        },
    };
    Ok(Some(octets.into()))
}
