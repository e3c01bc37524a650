//! SORT and THREAD (RFC 5256 §5, RFC 5957 §5, RFC 6203 §7), with RETURN for SORT (RFC 5267 §5).

use super::returns::returns;
use super::search::{Search, has_seqnums, program};
use super::{Charset, Command, SearchKey};
use crate::imap::lex::{Cursor, SyntaxError};

/// SORT or UID SORT.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sort {
    /// At least one, in order of priority.
    pub criteria: Vec<SortCriterion>,
    /// What is to be sorted. Without RETURN the answer is SORT.
    pub search: Search,
}

/// RFC 5256 §3
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SortCriterion {
    pub key: SortKey,
    pub reverse: bool,
}

/// RFC 5256 §3, RFC 5957 §4, RFC 6203 §6
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SortKey {
    Arrival,
    Cc,
    Date,
    From,
    Size,
    Subject,
    To,
    DisplayFrom,
    DisplayTo,
    Relevancy,
}

/// THREAD or UID THREAD.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Thread {
    pub by_uid: bool,
    pub algorithm: ThreadAlgorithm,
    pub charset: Charset,
    /// At least one; all must match.
    pub keys: Vec<SearchKey>,
}

/// RFC 5256 §3, draft-ietf-morg-inthread
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ThreadAlgorithm {
    OrderedSubject,
    References,
    Refs,
}

impl Thread {
    /// Whether a message sequence number is among the keys, as in [`Search::has_seqnums`].
    #[must_use]
    pub fn has_seqnums(&self) -> bool {
        self.keys.iter().any(has_seqnums)
    }
}

/// ```abnf
/// sort            = ["UID" SP] "SORT" SP sort-criteria SP search-criteria          ; RFC 5256 §5
/// extended-sort   = ["UID" SP] "SORT" search-return-opts SP sort-criteria SP search-criteria  ; RFC 5267 §5
/// sort-criteria   = "(" sort-criterion *(SP sort-criterion) ")"
/// search-criteria = charset 1*(SP search-key)
/// ```
pub(super) fn sort(cursor: &mut Cursor<'_>, by_uid: bool) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let returns = returns(cursor)?;
    let criteria = cursor.list(criterion)?;
    cursor.space()?;
    let search = Search::new(by_uid, returns, program(cursor, true)?);
    Ok(Command::Sort(Sort { criteria, search }))
}

/// ```abnf
/// sort-criterion  = ["REVERSE" SP] sort-key                                        ; RFC 5256 §5
/// sort-key        = "ARRIVAL" / "CC" / "DATE" / "FROM" / "SIZE" / "SUBJECT" / "TO"
/// sort-key        =/ "DISPLAYFROM" / "DISPLAYTO"                                   ; RFC 5957 §5
/// sort-key        =/ "RELEVANCY"                                                   ; RFC 6203 §7
/// ```
fn criterion(cursor: &mut Cursor<'_>) -> Result<SortCriterion, SyntaxError> {
    let reverse = cursor.take_word("REVERSE ");
    let before = cursor.error("unknown sort criterion");
    let key = match cursor.atom("expected a sort criterion")?.to_ascii_uppercase().as_str() {
        "ARRIVAL" => SortKey::Arrival,
        "CC" => SortKey::Cc,
        "DATE" => SortKey::Date,
        "FROM" => SortKey::From,
        "SIZE" => SortKey::Size,
        "SUBJECT" => SortKey::Subject,
        "TO" => SortKey::To,
        "DISPLAYFROM" => SortKey::DisplayFrom,
        "DISPLAYTO" => SortKey::DisplayTo,
        "RELEVANCY" => SortKey::Relevancy,
        _ => return Err(before),
    };
    Ok(SortCriterion { key, reverse })
}

/// ```abnf
/// thread          = ["UID" SP] "THREAD" SP thread-alg SP search-criteria           ; RFC 5256 §5
/// thread-alg      = "ORDEREDSUBJECT" / "REFERENCES" / thread-alg-ext
/// ```
pub(super) fn thread(cursor: &mut Cursor<'_>, by_uid: bool) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let before = cursor.error("unknown threading algorithm");
    let algorithm = match cursor.atom("expected a threading algorithm")?.to_ascii_uppercase().as_str() {
        "ORDEREDSUBJECT" => ThreadAlgorithm::OrderedSubject,
        "REFERENCES" => ThreadAlgorithm::References,
        "REFS" => ThreadAlgorithm::Refs,
        _ => return Err(before),
    };
    cursor.space()?;
    let program = program(cursor, true)?;
    Ok(Command::Thread(Thread { by_uid, algorithm, charset: program.charset, keys: program.keys }))
}
