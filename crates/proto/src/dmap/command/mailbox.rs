//! Commands with a mailbox name: SELECT, EXAMINE, CREATE, MBOXMETA (DMAP-00 §7.3.1 to §7.3.3, RFC 7162
//! §3.2.5, RFC 6154 §3).

use koi_types::{ModSeq, Role, UidSet, UidValidity, limits};

use super::{Command, Encoded};
use crate::dmap::name::{self, MailboxArg};
use crate::dmap::text;
use crate::line::lex::{Cursor, SyntaxError};
use crate::line::set::known_set;

/// SELECT or EXAMINE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Select {
    pub mailbox: MailboxArg,
    /// EXAMINE.
    pub read_only: bool,
    /// `(QRESYNC (…))`; allowed only after ENABLE QRESYNC.
    pub qresync: Option<Qresync>,
}

/// What a client knows of a mailbox it had open before (RFC 7162 §3.2.5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Qresync {
    pub uid_validity: UidValidity,
    pub mod_seq: ModSeq,
    /// Without it: all UIDs below UIDNEXT.
    pub known_uids: Option<UidSet>,
}

/// CREATE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Create {
    pub mailbox: MailboxArg,
    /// Empty without USE.
    pub uses: Vec<UseAttr>,
    pub meta: Option<Vec<u8>>,
}

/// A use of a mailbox (RFC 6154 §2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UseAttr {
    Role(Role),
    /// An attribute that is not known here, with its `\`.
    Other(Box<str>),
}

/// What is written to a META block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MetaChange {
    /// At most `DMAP_META_OCTETS_MAX` octets.
    Set(Vec<u8>),
    /// NIL
    Remove,
}

/// ```abnf
/// select    = ("SELECT" / "EXAMINE") SP mailbox [SP "(" sel-param *(SP sel-param) ")"]
/// sel-param = "QRESYNC" SP "(" nz-number SP modseq [SP uid-set] ")"
/// ```
pub(super) fn select(cursor: &mut Cursor<'_>, read_only: bool) -> Result<Command, SyntaxError> {
    let mut select = Select { mailbox: name::spaced(cursor)?, read_only, qresync: None };
    text::options(cursor, false, |cursor| {
        let before = cursor.error("unknown SELECT parameter");
        match cursor.atom("expected a parameter")?.eq_ignore_ascii_case("QRESYNC") {
            true => text::once(&mut select.qresync, qresync(cursor)?, before),
            false => Err(before),
        }
    })?;
    Ok(Command::Select(select))
}

fn qresync(cursor: &mut Cursor<'_>) -> Result<Qresync, SyntaxError> {
    cursor.space()?;
    cursor.expect(b'(', "expected (")?;
    let before = cursor.error("UIDVALIDITY must not be 0");
    let uid_validity = UidValidity::new(cursor.number()?).ok_or(before)?;
    cursor.space()?;
    let mod_seq = mod_seq(cursor)?;
    let known_uids = text::optional(cursor, known_set)?.map(UidSet);
    cursor.expect(b')', "expected )")?;
    Ok(Qresync { uid_validity, mod_seq, known_uids })
}

/// ```abnf
/// modseq = %x31-39 *18DIGIT
/// ```
pub(in crate::dmap) fn mod_seq(cursor: &mut Cursor<'_>) -> Result<ModSeq, SyntaxError> {
    let before = cursor.error("a mod-sequence is above 0");
    ModSeq::new(cursor.mod_seq()?).ok_or(before)
}

impl Select {
    pub(super) fn push(&self, out: &mut Encoded) {
        out.with_name(if self.read_only { "EXAMINE " } else { "SELECT " }, self.mailbox.as_str());
        if let Some(Qresync { uid_validity, mod_seq, known_uids }) = &self.qresync {
            out.push(&format!(" (QRESYNC ({uid_validity} {mod_seq}"));
            known_uids.iter().for_each(|uids| out.push(&format!(" {uids}")));
            out.push("))");
        }
    }
}

/// ```abnf
/// create       = "CREATE" SP mailbox [SP "(" create-param *(SP create-param) ")"]
/// create-param = "USE" SP "(" [use-attr *(SP use-attr)] ")" / "META" SP literal8
/// ```
pub(super) fn create(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    let mailbox = name::spaced_new(cursor)?;
    let (mut uses, mut meta) = (None, None);
    text::options(cursor, false, |cursor| {
        let before = cursor.error("unknown CREATE parameter");
        let name = cursor.atom("expected a parameter")?.to_ascii_uppercase();
        match name.as_str() {
            "USE" => {
                cursor.space()?;
                text::once(&mut uses, cursor.list_or_empty(use_attr)?, before)
            }
            "META" => {
                cursor.space()?;
                let octets = text::literal8(cursor, limits::DMAP_META_OCTETS_MAX, META_TOO_LARGE)?;
                text::once(&mut meta, octets, before)
            }
            _ => Err(before),
        }
    })?;
    Ok(Command::Create(Create { mailbox, uses: uses.unwrap_or_default(), meta }))
}

/// ```abnf
/// use-attr = "\All" / "\Archive" / "\Drafts" / "\Flagged" / "\Junk" / "\Sent" / "\Trash" / "\" atom
/// ```
pub(in crate::dmap) fn use_attr(cursor: &mut Cursor<'_>) -> Result<UseAttr, SyntaxError> {
    cursor.expect(b'\\', "expected an attribute, such as \\Sent")?;
    let name = format!("\\{}", cursor.atom("expected the name of an attribute")?);
    Ok(Role::from_attribute(&name).map_or_else(|| UseAttr::Other(name.into()), UseAttr::Role))
}

impl Create {
    pub(super) fn push(&self, out: &mut Encoded) {
        out.with_name("CREATE ", self.mailbox.as_str());
        if self.uses.is_empty() && self.meta.is_none() {
            return;
        }
        out.push(" (");
        if !self.uses.is_empty() {
            out.push("USE ");
            out.list(&self.uses, |out, attribute| out.push(attribute.name()));
        }
        if let Some(meta) = &self.meta {
            out.push(if self.uses.is_empty() { "META " } else { " META " });
            out.literal8(meta);
        }
        out.push(")");
    }
}

impl UseAttr {
    /// With its `\`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Role(role) => role.attribute(),
            Self::Other(name) => name,
        }
    }
}

/// ```abnf
/// mboxmeta = "MBOXMETA" SP mailbox [SP nbin]   ; without value: read
/// ```
pub(super) fn meta(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    let mailbox = name::spaced(cursor)?;
    Ok(Command::MailboxMeta { mailbox, change: text::optional(cursor, meta_change)? })
}

/// What is said of a META block above `DMAP_META_OCTETS_MAX`.
pub(super) const META_TOO_LARGE: &str = "META block is too large";

/// `nbin`
pub(super) fn meta_change(cursor: &mut Cursor<'_>) -> Result<MetaChange, SyntaxError> {
    let octets = text::nbin(cursor, limits::DMAP_META_OCTETS_MAX, META_TOO_LARGE)?;
    Ok(octets.map_or(MetaChange::Remove, MetaChange::Set))
}

pub(super) fn push_meta(mailbox: &MailboxArg, change: Option<&MetaChange>, out: &mut Encoded) {
    out.with_name("MBOXMETA ", mailbox.as_str());
    if let Some(change) = change {
        out.push(" ");
        out.nbin(change.octets());
    }
}

impl MetaChange {
    /// The block, if one is to be there.
    #[must_use]
    pub fn octets(&self) -> Option<&[u8]> {
        match self {
            Self::Set(octets) => Some(octets),
            Self::Remove => None,
        }
    }
}
