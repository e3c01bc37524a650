//! SEARCH (RFC 9051 §6.4.4, RFC 3501 §6.4.4, RFC 4731 §3, RFC 7162 §3.1.5, RFC 5182 §2.1, RFC 5032 §3,
//! RFC 8514 §4.3, RFC 6203 §3, RFC 5466 §3.1).

use koi_types::{EmailId, Keyword, ThreadId, limits};

use super::charset::{Charset, Strings};
use super::fetch::FetchItem;
use super::returns::{ReturnOption, Returns, returns};
use super::{Command, Date, SequenceSet};
use crate::imap::date::date;
use crate::imap::lex::{Cursor, SyntaxError, is_atom_char};
use crate::imap::set::sequence_set;
use crate::line::search::{self as keys, Key, Keys as _};

/// SEARCH or UID SEARCH.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Search {
    pub by_uid: bool,
    /// `None` without RETURN: answer with SEARCH (rev1). `Some` of an empty list for `RETURN ()`, which means
    /// ALL.
    pub returns: Option<Vec<ReturnOption>>,
    /// Of UPDATE: what is told of new messages that match; no item comes twice (RFC 5465 §7).
    pub update_items: Vec<FetchItem>,
    pub charset: Charset,
    /// At least one; all must match.
    pub keys: Vec<SearchKey>,
}

impl Search {
    pub(super) fn new(by_uid: bool, returns: Returns, program: Program) -> Self {
        let (Returns { options: returns, update_items }, Program { charset, keys }) = (returns, program);
        Self { by_uid, returns, update_items, charset, keys }
    }
}

/// One condition. Strings are matched as substrings without regard to case (RFC 9051 §6.4.4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SearchKey {
    All,
    /// `sequence-set` as a key: message sequence numbers, also in UID SEARCH.
    Sequence(SequenceSet),
    Uid(SequenceSet),
    /// A parenthesised list: all must match.
    And(Vec<SearchKey>),
    /// At least two, one of which must match: `OR a OR b c` is one list, so that long chains do not nest.
    Or(Vec<SearchKey>),
    Not(Box<SearchKey>),
    Answered,
    Deleted,
    Draft,
    Flagged,
    Seen,
    Unanswered,
    Undeleted,
    Undraft,
    Unflagged,
    Unseen,
    Keyword(Keyword),
    Unkeyword(Keyword),
    /// RFC 3501 §6.4.4
    New,
    /// RFC 3501 §6.4.4
    Old,
    /// RFC 3501 §6.4.4
    Recent,
    Bcc(Box<str>),
    Cc(Box<str>),
    From(Box<str>),
    To(Box<str>),
    Subject(Box<str>),
    Body(Box<str>),
    Text(Box<str>),
    /// An empty value asks only whether the field is there.
    Header {
        name: Box<str>,
        value: Box<str>,
    },
    /// Internal date, disregarding time and zone.
    Before(Date),
    On(Date),
    Since(Date),
    /// `Date:` field, disregarding time and zone.
    SentBefore(Date),
    SentOn(Date),
    SentSince(Date),
    /// When it came into this mailbox (RFC 8514 §4.3).
    SavedBefore(Date),
    SavedOn(Date),
    SavedSince(Date),
    SaveDateSupported,
    /// Internal date within so many seconds before now (RFC 5032 §3).
    Younger(u32),
    /// Internal date at least so many seconds before now.
    Older(u32),
    Larger(u64),
    Smaller(u64),
    /// RFC 7162 §3.1.5; entry name and type are read and ignored, as §3.1.5 allows a server that keeps one
    /// per message.
    ModSeq(u64),
    /// RFC 8474 §6; `None` for an id that is none of ours and so matches nothing.
    EmailId(Option<EmailId>),
    /// RFC 8474 §6
    ThreadId(Option<ThreadId>),
    /// Compared less strictly (RFC 6203 §3).
    Fuzzy(Box<SearchKey>),
    /// What a stored filter says (RFC 5466 §3.1).
    Filter(Box<str>),
}

impl SearchKey {
    /// The keys right within this one.
    #[must_use]
    pub fn inner(&self) -> &[Self] {
        match self {
            Self::And(keys) | Self::Or(keys) => keys,
            Self::Not(key) | Self::Fuzzy(key) => std::slice::from_ref(key),
            _ => &[],
        }
    }
    /// Memory it takes, with what is within it.
    #[must_use]
    pub fn memory_octets(&self) -> usize {
        let own = match self {
            Self::Sequence(set) | Self::Uid(set) => set.memory_octets(),
            Self::Bcc(text)
            | Self::Cc(text)
            | Self::From(text)
            | Self::To(text)
            | Self::Subject(text)
            | Self::Body(text)
            | Self::Text(text)
            | Self::Filter(text) => text.len(),
            Self::Header { name, value } => name.len() + value.len(),
            // A keyword is short; everything else has nothing beside itself.
            Self::Keyword(keyword) | Self::Unkeyword(keyword) => keyword.as_str().len(),
            _ => 0,
        };
        size_of::<Self>() + own + self.inner().iter().map(Self::memory_octets).sum::<usize>()
    }
    /// Whether the key, or one within it, is such a one.
    #[must_use]
    pub fn any(&self, is: &dyn Fn(&Self) -> bool) -> bool {
        is(self) || self.inner().iter().any(|key| key.any(is))
    }
    /// Whether a message sequence number is written in the key; what a stored filter says is not known yet.
    #[must_use]
    pub fn has_seqnums(&self) -> bool {
        self.any(&|key| matches!(key, Self::Sequence(set) if set.has_numbers()))
    }
}

impl Search {
    /// Whether a message sequence number is among the keys: then nothing may change numbers before the
    /// answer, not even in UID SEARCH (RFC 7162 §3.2.10.2).
    #[must_use]
    pub fn has_seqnums(&self) -> bool {
        self.keys.iter().any(has_seqnums)
    }
}

pub(super) fn has_seqnums(key: &SearchKey) -> bool {
    // There may be some in a stored filter.
    key.has_seqnums() || key.any(&|key| matches!(key, SearchKey::Filter(_)))
}

/// The keys of a stored filter (RFC 5466 §3.2); they are in UTF-8.
///
/// ```abnf
/// search-criteria = search-key *(SP search-key)                             ; RFC 5466 §4
/// ```
pub fn filter(value: &[u8]) -> Result<Vec<SearchKey>, SyntaxError> {
    let mut cursor = Cursor::new(value, true);
    let keys = Keys { cursor: &mut cursor, strings: Strings::Utf8, depth: 0 }.all()?;
    cursor.end()?;
    Ok(keys)
}

/// Whether a filter can have this name.
///
/// ```abnf
/// filter-name = 1*<any ATOM-CHAR except "/">                                ; RFC 5466 §4
/// ```
#[must_use]
pub fn is_filter_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(is_filter_char)
}

const fn is_filter_char(octet: u8) -> bool {
    is_atom_char(octet) && octet != b'/'
}

/// ```abnf
/// search         = "SEARCH" [search-return-opts] SP search-program      ; RFC 9051 §9
/// ```
pub(super) fn search(cursor: &mut Cursor<'_>, by_uid: bool) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let returns = returns(cursor)?;
    Ok(Command::Search(Search::new(by_uid, returns, program(cursor, false)?)))
}

/// What is searched for.
pub(super) struct Program {
    pub(super) charset: Charset,
    pub(super) keys: Vec<SearchKey>,
}

/// ```abnf
/// search-program  = ["CHARSET" SP charset SP] search-key *(SP search-key)    ; RFC 9051 §9
/// search-criteria = charset 1*(SP search-key)                               ; RFC 5256 §5
/// charset         = atom / quoted
/// ```
/// `bare`: the charset must be there, without the word.
pub(super) fn program(cursor: &mut Cursor<'_>, bare: bool) -> Result<Program, SyntaxError> {
    let strings = match bare || cursor.take_word("CHARSET ") {
        true => {
            let charset = Strings::of(&cursor.ascii_astring("expected a charset")?);
            cursor.space()?;
            charset
        }
        false => Strings::Utf8,
    };
    let keys = Keys { cursor, strings, depth: 0 }.all()?;
    Ok(Program { charset: strings.charset(), keys })
}

/// Reads search keys; knows how deep it is.
struct Keys<'c, 'a> {
    cursor: &'c mut Cursor<'a>,
    strings: Strings,
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
    const DEPTH_MAX: usize = limits::IMAP_SEARCH_DEPTH_MAX;

    fn cursor(&mut self) -> &mut Cursor<'a> {
        self.cursor
    }
    fn depth(&mut self) -> &mut usize {
        &mut self.depth
    }
    fn sequence_set(cursor: &mut Cursor<'a>) -> Result<SequenceSet, SyntaxError> {
        sequence_set(cursor)
    }
    /// Whether a space and something that is not a space follows.
    fn more(&mut self) -> bool {
        matches!(self.cursor.rest(), [b' ', next, ..] if *next != b' ')
    }
    /// ```abnf
    /// search-key =/ "FUZZY" SP search-key                                       ; RFC 6203 §7
    /// search-key =/ "FILTER" SP filter-name                                     ; RFC 5466 §4
    /// search-key =/ "NOT" SP search-key                                         ; RFC 9051 §9
    /// ```
    fn named(&mut self) -> Result<SearchKey, SyntaxError> {
        let before = self.cursor.error("unknown search key");
        let name = self.cursor.atom("expected a search key")?.to_ascii_uppercase();
        match name.as_str() {
            "OR" => self.or(),
            "NOT" => Ok(SearchKey::Not(Box::new(self.next()?))),
            "FUZZY" => Ok(SearchKey::Fuzzy(Box::new(self.next()?))),
            "FILTER" => {
                self.cursor.space()?;
                let name = self.cursor.word(is_filter_char, "expected the name of a filter")?;
                Ok(SearchKey::Filter(name.into()))
            }
            "UID" => self.spaced(sequence_set).map(SearchKey::Uid),
            "KEYWORD" => self.spaced(keyword).map(SearchKey::Keyword),
            "UNKEYWORD" => self.spaced(keyword).map(SearchKey::Unkeyword),
            "LARGER" => self.spaced(|cursor| cursor.number64()).map(SearchKey::Larger),
            "SMALLER" => self.spaced(|cursor| cursor.number64()).map(SearchKey::Smaller),
            "YOUNGER" => self.spaced(|cursor| cursor.nz_number()).map(SearchKey::Younger),
            "OLDER" => self.spaced(|cursor| cursor.nz_number()).map(SearchKey::Older),
            "MODSEQ" => self.spaced(mod_seq).map(SearchKey::ModSeq),
            "EMAILID" => self.spaced(|c| object_id(c, EmailId::parse)).map(SearchKey::EmailId),
            "THREADID" => self.spaced(|c| object_id(c, ThreadId::parse)).map(SearchKey::ThreadId),
            "HEADER" => {
                let name =
                    self.spaced(|cursor| cursor.ascii_astring("expected the name of a header field"))?;
                Ok(SearchKey::Header { name, value: self.string()? })
            }
            name => match (plain_key(name), date_key(name), string_key(name)) {
                (Some(key), ..) => Ok(key),
                (_, Some(key), _) => self.spaced(date).map(key),
                (_, _, Some(key)) => self.string().map(key),
                _ => Err(before),
            },
        }
    }
}

impl Keys<'_, '_> {
    fn string(&mut self) -> Result<Box<str>, SyntaxError> {
        self.cursor.space()?;
        let before = self.cursor.error("search string is not in its charset");
        let octets = self.cursor.astring()?;
        self.strings.decode(&octets).ok_or(before)
    }
}

/// ```abnf
/// search-key = "ALL" / "ANSWERED" / "DELETED" / "FLAGGED" / "SEEN" / "UNANSWERED" /
///              "UNDELETED" / "UNFLAGGED" /
///              "UNSEEN" / "DRAFT" / "UNDRAFT"                                ; RFC 9051 §9
/// search-key =/ "NEW" / "OLD" / "RECENT"                                     ; RFC 3501 §9
/// search-key =/ "SAVEDATESUPPORTED"                                          ; RFC 8514 §5
/// ```
fn plain_key(name: &str) -> Option<SearchKey> {
    Some(match name {
        "ALL" => SearchKey::All,
        "ANSWERED" => SearchKey::Answered,
        "DELETED" => SearchKey::Deleted,
        "DRAFT" => SearchKey::Draft,
        "FLAGGED" => SearchKey::Flagged,
        "SEEN" => SearchKey::Seen,
        "UNANSWERED" => SearchKey::Unanswered,
        "UNDELETED" => SearchKey::Undeleted,
        "UNDRAFT" => SearchKey::Undraft,
        "UNFLAGGED" => SearchKey::Unflagged,
        "UNSEEN" => SearchKey::Unseen,
        "SAVEDATESUPPORTED" => SearchKey::SaveDateSupported,
        "NEW" => SearchKey::New,
        "OLD" => SearchKey::Old,
        "RECENT" => SearchKey::Recent,
        _ => return None,
    })
}

/// ```abnf
/// search-key =/ "BEFORE" SP date / "ON" SP date / "SINCE" SP date /
///               "SENTBEFORE" SP date / "SENTON" SP date / "SENTSINCE" SP date   ; RFC 9051 §9
/// search-key =/ "SAVEDBEFORE" SP date / "SAVEDON" SP date / "SAVEDSINCE" SP date    ; RFC 8514 §5
/// ```
fn date_key(name: &str) -> Option<fn(Date) -> SearchKey> {
    Some(match name {
        "BEFORE" => SearchKey::Before,
        "ON" => SearchKey::On,
        "SINCE" => SearchKey::Since,
        "SENTBEFORE" => SearchKey::SentBefore,
        "SENTON" => SearchKey::SentOn,
        "SENTSINCE" => SearchKey::SentSince,
        "SAVEDBEFORE" => SearchKey::SavedBefore,
        "SAVEDON" => SearchKey::SavedOn,
        "SAVEDSINCE" => SearchKey::SavedSince,
        _ => return None,
    })
}

/// ```abnf
/// search-key =/ "BCC" SP astring / "BODY" SP astring / "CC" SP astring / "FROM" SP astring /
///               "SUBJECT" SP astring / "TEXT" SP astring / "TO" SP astring      ; RFC 9051 §9
/// ```
fn string_key(name: &str) -> Option<fn(Box<str>) -> SearchKey> {
    Some(match name {
        "BCC" => SearchKey::Bcc,
        "BODY" => SearchKey::Body,
        "CC" => SearchKey::Cc,
        "FROM" => SearchKey::From,
        "SUBJECT" => SearchKey::Subject,
        "TEXT" => SearchKey::Text,
        "TO" => SearchKey::To,
        _ => return None,
    })
}

/// ```abnf
/// search-key =/ "KEYWORD" SP flag-keyword / "UNKEYWORD" SP flag-keyword         ; RFC 9051 §9
/// ```
fn keyword(cursor: &mut Cursor<'_>) -> Result<Keyword, SyntaxError> {
    let before = cursor.error("keyword is too long");
    Keyword::new(cursor.atom("expected a keyword")?).ok_or(before)
}

/// ```abnf
/// objectid = 1*255(ALPHA / DIGIT / "_" / "-")                                   ; RFC 8474 §7
/// ```
fn object_id<T>(cursor: &mut Cursor<'_>, parse: fn(&str) -> Option<T>) -> Result<Option<T>, SyntaxError> {
    let before = cursor.error("object id is too long");
    let id = cursor.word(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b), "expected an object id")?;
    if id.len() > 255 { Err(before) } else { Ok(parse(id)) }
}

/// ```abnf
/// search-modsequence = "MODSEQ" [SP entry-name SP entry-type-req] SP mod-sequence-valzer   ; RFC 7162 §7
/// entry-type-req     = "priv" / "shared" / "all"
/// ```
fn mod_seq(cursor: &mut Cursor<'_>) -> Result<u64, SyntaxError> {
    if cursor.peek() == Some(b'"') {
        let before = cursor.error("expected an entry name such as \"/flags/\\\\seen\"");
        if !cursor.string()?.to_ascii_lowercase().starts_with(b"/flags/") {
            return Err(before);
        }
        cursor.space()?;
        if !["priv", "shared", "all"].iter().any(|kind| cursor.take_word(kind)) {
            return cursor.fail("expected priv, shared or all");
        }
        cursor.space()?;
    }
    cursor.number64()
}
