//! SEARCH (DMAP-00 §7.6.3, RFC 4731 §3, RFC 5182 §2, RFC 7162 §3.1.5).

use koi_types::{Keyword, ModSeq, limits};

use super::list::words;
use super::mailbox::mod_seq;
use super::{Command, Encoded};
use crate::dmap::chunk::{ChunkType, chunk_type};
use crate::dmap::flag::keyword;
use crate::dmap::id::{KeyId, key_id};
use crate::dmap::text;
use crate::line::date::{Date, date, push_date};
use crate::line::lex::{Cursor, SyntaxError};
use crate::line::search::{self as keys, Key, Keys as _};
use crate::line::set::{SequenceSet, sequence_set};

/// SEARCH or UID SEARCH.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Search {
    pub by_uid: bool,
    /// `None` without RETURN: answer with SEARCH. `Some` of an empty list for `RETURN ()`, which means ALL.
    pub returns: Option<Vec<ReturnOption>>,
    /// At least one; all must match.
    pub keys: Vec<SearchKey>,
}

words! {
    /// What is answered (RFC 4731 §3.1).
    ReturnOption {
        Min = "MIN",
        Max = "MAX",
        All = "ALL",
        Count = "COUNT",
        /// RFC 5182 §2.1
        Save = "SAVE",
    }
}

/// One condition. What is encrypted is not searched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SearchKey {
    All,
    /// Message sequence numbers, also in UID SEARCH; `$` is what the last `RETURN (SAVE)` found.
    Sequence(SequenceSet),
    Uid(SequenceSet),
    /// A parenthesised list: all must match.
    And(Vec<SearchKey>),
    /// At least two, one of which must match: `OR a OR b c` is one list, so that long chains do not nest.
    Or(Vec<SearchKey>),
    Not(Box<SearchKey>),
    /// A flag that must be there, or with `set: false` must not.
    Flag {
        flag: SearchFlag,
        set: bool,
    },
    Keyword(Keyword),
    Unkeyword(Keyword),
    /// Internal date, disregarding time and zone.
    Before(Date),
    On(Date),
    Since(Date),
    Larger(u64),
    Smaller(u64),
    /// Changed at this mod-sequence or later.
    ModSeq(ModSeq),
    /// Has a chunk of this type.
    Chunk(ChunkType),
    /// Encrypted to this key.
    KeyId(KeyId),
    /// Came from, or went to, this domain.
    Peer(Box<str>),
}

words! {
    /// A flag by its name in SEARCH; with `UN` in front where it must not be set.
    SearchFlag {
        Answered = "ANSWERED",
        Deleted = "DELETED",
        Draft = "DRAFT",
        Flagged = "FLAGGED",
        Forwarded = "FORWARDED",
        Seen = "SEEN",
        Submitted = "SUBMITTED",
        SubmitPending = "SUBMITPENDING",
    }
}

impl SearchKey {
    /// The keys right within this one.
    #[must_use]
    pub fn inner(&self) -> &[Self] {
        match self {
            Self::And(keys) | Self::Or(keys) => keys,
            Self::Not(key) => std::slice::from_ref(key),
            _ => &[],
        }
    }
}

/// ```abnf
/// search  = "SEARCH" [SP "RETURN" SP "(" [ret-opt *(SP ret-opt)] ")"] 1*(SP search-key)
/// ret-opt = "MIN" / "MAX" / "ALL" / "COUNT" / "SAVE"
/// ```
pub(super) fn search(cursor: &mut Cursor<'_>, by_uid: bool) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let mut returns = None;
    if cursor.take_word("RETURN ") {
        returns = Some(cursor.list_or_empty(|cursor| {
            let before = cursor.error("unknown RETURN option");
            ReturnOption::parse(cursor.atom("expected a RETURN option")?).ok_or(before)
        })?);
        cursor.space()?;
    }
    let keys = Keys { cursor, depth: 0 }.all()?;
    Ok(Command::Search(Search { by_uid, returns, keys }))
}

/// Reads search keys; knows how deep it is.
struct Keys<'c, 'a> {
    cursor: &'c mut Cursor<'a>,
    depth: usize,
}

impl Key for SearchKey {
    fn sequence(set: SequenceSet) -> Self {
        Self::Sequence(set)
    }
    fn and(keys: Vec<Self>) -> Self {
        Self::And(keys)
    }
    fn or(keys: Vec<Self>) -> Self {
        Self::Or(keys)
    }
}

impl<'a> keys::Keys<'a> for Keys<'_, 'a> {
    type Key = SearchKey;
    const DEPTH_MAX: usize = limits::DMAP_SEARCH_DEPTH_MAX;

    fn cursor(&mut self) -> &mut Cursor<'a> {
        self.cursor
    }
    fn depth(&mut self) -> &mut usize {
        &mut self.depth
    }
    fn sequence_set(cursor: &mut Cursor<'a>) -> Result<SequenceSet, SyntaxError> {
        sequence_set(cursor)
    }
    /// ```abnf
    /// search-key =/ "ALL" / "KEYWORD" SP keyword / "UNKEYWORD" SP keyword /
    ///               ("BEFORE" / "ON" / "SINCE") SP date / ("LARGER" / "SMALLER") SP number64 /
    ///               "UID" SP sequence-set / "MODSEQ" SP modseq /
    ///               "CHUNK" SP number / "KEYID" SP key-id / "PEER" SP astring /
    ///               "NOT" SP search-key
    /// ```
    fn named(&mut self) -> Result<SearchKey, SyntaxError> {
        let before = self.cursor.error("unknown search key");
        let name = self.cursor.atom("expected a search key")?.to_ascii_uppercase();
        match name.as_str() {
            "ALL" => Ok(SearchKey::All),
            "OR" => self.or(),
            "NOT" => Ok(SearchKey::Not(Box::new(self.next()?))),
            "UID" => self.spaced(sequence_set).map(SearchKey::Uid),
            "KEYWORD" => self.spaced(keyword).map(SearchKey::Keyword),
            "UNKEYWORD" => self.spaced(keyword).map(SearchKey::Unkeyword),
            "BEFORE" => self.spaced(date).map(SearchKey::Before),
            "ON" => self.spaced(date).map(SearchKey::On),
            "SINCE" => self.spaced(date).map(SearchKey::Since),
            "LARGER" => self.spaced(|cursor| cursor.number64()).map(SearchKey::Larger),
            "SMALLER" => self.spaced(|cursor| cursor.number64()).map(SearchKey::Smaller),
            "MODSEQ" => self.spaced(mod_seq).map(SearchKey::ModSeq),
            "CHUNK" => self.spaced(chunk_type).map(SearchKey::Chunk),
            "KEYID" => self.spaced(key_id).map(SearchKey::KeyId),
            "PEER" => self.spaced(text::astring).map(SearchKey::Peer),
            name => flag_key(name).ok_or(before),
        }
    }
}

/// ```abnf
/// search-key =/ "ANSWERED" / "DELETED" / "DRAFT" / "FLAGGED" / "FORWARDED" / "SEEN" / "SUBMITTED" /
///               "SUBMITPENDING" / "UNANSWERED" / "UNDELETED" / "UNDRAFT" / "UNFLAGGED" /
///               "UNFORWARDED" / "UNSEEN" / "UNSUBMITTED" / "UNSUBMITPENDING"
/// ```
fn flag_key(name: &str) -> Option<SearchKey> {
    let (name, set) = name.strip_prefix("UN").map_or((name, true), |flag| (flag, false));
    SearchFlag::parse(name).map(|flag| SearchKey::Flag { flag, set })
}

impl Search {
    pub(super) fn push(&self, out: &mut Encoded) {
        out.push(if self.by_uid { "UID SEARCH " } else { "SEARCH " });
        if let Some(returns) = &self.returns {
            out.push("RETURN ");
            out.words(returns.iter().map(|option| option.name()));
            out.push(" ");
        }
        push_keys(&self.keys, out);
    }
}

fn push_keys(keys: &[SearchKey], out: &mut Encoded) {
    for (at, key) in keys.iter().enumerate() {
        out.push(if at == 0 { "" } else { " " });
        key.push(out);
    }
}

impl SearchKey {
    fn push(&self, out: &mut Encoded) {
        match self {
            Self::All => out.push("ALL"),
            Self::Sequence(set) => out.with(|out| set.push(out)),
            Self::Uid(set) => {
                out.push("UID ");
                out.with(|out| set.push(out));
            }
            Self::And(keys) => {
                out.push("(");
                push_keys(keys, out);
                out.push(")");
            }
            Self::Or(keys) => push_or(keys, out),
            Self::Not(key) => {
                out.push("NOT ");
                key.push(out);
            }
            Self::Flag { flag, set } => {
                out.push(if *set { "" } else { "UN" });
                out.push(flag.name());
            }
            Self::Before(date) => day("BEFORE ", *date, out),
            Self::On(date) => day("ON ", *date, out),
            Self::Since(date) => day("SINCE ", *date, out),
            Self::Peer(domain) => out.with_name("PEER ", domain),
            Self::Keyword(keyword) => out.push(&format!("KEYWORD {keyword}")),
            Self::Unkeyword(keyword) => out.push(&format!("UNKEYWORD {keyword}")),
            Self::Larger(octets) => out.push(&format!("LARGER {octets}")),
            Self::Smaller(octets) => out.push(&format!("SMALLER {octets}")),
            Self::ModSeq(mod_seq) => out.push(&format!("MODSEQ {mod_seq}")),
            Self::Chunk(chunk) => out.push(&format!("CHUNK {}", chunk.0)),
            Self::KeyId(key) => out.push(&format!("KEYID {key}")),
        }
    }
}

/// `OR a OR b c`: one OR less than there are keys.
fn push_or(keys: &[SearchKey], out: &mut Encoded) {
    let last = keys.len().saturating_sub(1);
    for (at, key) in keys.iter().enumerate() {
        out.push(if at == 0 { "" } else { " " });
        out.push(if at < last { "OR " } else { "" });
        key.push(out);
    }
}

fn day(word: &str, date: Date, out: &mut Encoded) {
    out.push(word);
    out.with(|out| push_date(date, out));
}
