//! LIST, LSUB, STATUS (RFC 9051 §6.3.9 and §6.3.11, RFC 3501 §6.3.9, RFC 5258 §3, RFC 5819 §2, RFC 6154 §2).

use super::{Command, EntryArg, decode_name, metadata, spaced_mailbox};
use crate::imap::lex::{Cursor, SyntaxError, is_list_char};

/// LIST in its plain and extended form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct List {
    /// Selection options in the order sent; empty for the plain form and for `()`.
    pub select: Vec<ListSelect>,
    pub reference: ListPattern,
    /// At least one.
    pub patterns: Vec<ListPattern>,
    /// Return options in the order sent.
    pub returns: Vec<ListReturn>,
    /// The command used any syntax of RFC 5258: options, or a parenthesised list of patterns.
    pub extended: bool,
}

/// A reference or pattern in UTF-8; `%` and `*` are wildcards in patterns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ListPattern {
    Text(Box<str>),
    /// Not valid modified UTF-7 (or UTF-8): no mailbox can match.
    Invalid(&'static str),
}

/// Which mailboxes (RFC 9051 §6.3.9.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ListSelect {
    Subscribed,
    Remote,
    RecursiveMatch,
    /// RFC 6154 §2
    SpecialUse,
}

/// What to say about them (RFC 9051 §6.3.9.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ListReturn {
    Subscribed,
    Children,
    /// RFC 6154 §2
    SpecialUse,
    /// RFC 5819 §2
    Status(Vec<StatusItem>),
    /// RFC 9590 §3
    Metadata(Vec<EntryArg>),
    /// RFC 8440 §3
    MyRights,
}

/// What STATUS can tell (RFC 9051 §6.3.11, RFC 7162 §3.1.7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StatusItem {
    Messages,
    /// RFC 3501 §6.3.10 only.
    Recent,
    UidNext,
    UidValidity,
    Unseen,
    Deleted,
    Size,
    HighestModSeq,
    /// RFC 9208 §4.1.4
    DeletedStorage,
    /// RFC 7889 §3.1
    AppendLimit,
    /// RFC 8474 §4.3
    MailboxId,
}

/// ```abnf
/// list         = "LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat
///                [SP list-return-opts]   ; RFC 9051 §9
/// mbox-or-pat  = list-mailbox / patterns
/// patterns     = "(" list-mailbox *(SP list-mailbox) ")"
/// ```
pub(super) fn list(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let mut extended = false;
    let mut select = Vec::new();
    if cursor.peek() == Some(b'(') {
        extended = true;
        select = cursor.list_or_empty(select_option)?;
        check_selection(cursor, &select)?;
        cursor.space()?;
    }
    let reference = pattern(cursor)?;
    cursor.space()?;
    let patterns = match cursor.peek() {
        Some(b'(') => {
            extended = true;
            cursor.list(pattern)?
        }
        _ => vec![pattern(cursor)?],
    };
    let mut returns = Vec::new();
    if cursor.take_word(" RETURN ") {
        extended = true;
        returns = cursor.list_or_empty(return_option)?;
    }
    Ok(Command::List(List { select, reference, patterns, returns, extended }))
}

/// ```abnf
/// lsub = "LSUB" SP mailbox SP list-mailbox   ; RFC 3501 §9
/// ```
pub(super) fn lsub(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let reference = pattern(cursor)?;
    cursor.space()?;
    Ok(Command::Lsub { reference, pattern: pattern(cursor)? })
}

/// ```abnf
/// list-mailbox = 1*list-char / string        ; RFC 9051 §9
/// ```
fn pattern(cursor: &mut Cursor<'_>) -> Result<ListPattern, SyntaxError> {
    let wire = cursor.string_or(is_list_char, "expected a mailbox name or pattern")?;
    Ok(match decode_name(&wire, cursor.utf8) {
        Ok(text) => ListPattern::Text(text.into()),
        Err(why) => ListPattern::Invalid(why),
    })
}

/// ```abnf
/// list-select-opt = "SUBSCRIBED" / "REMOTE" / "RECURSIVEMATCH"   ; RFC 9051 §9
/// list-select-opt =/ "SPECIAL-USE"                               ; RFC 6154 §6
/// ```
fn select_option(cursor: &mut Cursor<'_>) -> Result<ListSelect, SyntaxError> {
    let before = cursor.error("unknown selection option");
    match cursor.atom("expected a selection option")?.to_ascii_uppercase().as_str() {
        "SUBSCRIBED" => Ok(ListSelect::Subscribed),
        "REMOTE" => Ok(ListSelect::Remote),
        "RECURSIVEMATCH" => Ok(ListSelect::RecursiveMatch),
        "SPECIAL-USE" => Ok(ListSelect::SpecialUse),
        _ => Err(before),
    }
}

/// RFC 9051 §6.3.9.1: RECURSIVEMATCH needs an option it can modify; REMOTE and SPECIAL-USE are independent
/// ones (RFC 6154 §6).
///
/// ```abnf
/// list-select-opts = "(" [(*(list-select-opt SP) list-select-base-opt *(SP list-select-opt))
///                    / (list-select-independent-opt *(SP list-select-independent-opt))] ")"   ; RFC 9051 §9
/// ```
fn check_selection(cursor: &Cursor<'_>, select: &[ListSelect]) -> Result<(), SyntaxError> {
    let based = select.contains(&ListSelect::Subscribed);
    match select.contains(&ListSelect::RecursiveMatch) && !based {
        true => cursor.fail("RECURSIVEMATCH needs SUBSCRIBED beside it"),
        false => Ok(()),
    }
}

/// ```abnf
/// return-option = "SUBSCRIBED" / "CHILDREN" / status-option      ; RFC 9051 §9
/// return-option =/ "SPECIAL-USE"                                 ; RFC 6154 §6
/// return-option =/ "MYRIGHTS"                                    ; RFC 8440 §5
/// status-option = "STATUS" SP "(" status-att *(SP status-att) ")"
/// return-option =/ "METADATA" SP "(" entry *(SP entry) ")"       ; RFC 9590 §5
/// ```
fn return_option(cursor: &mut Cursor<'_>) -> Result<ListReturn, SyntaxError> {
    let before = cursor.error("unknown return option");
    match cursor.atom("expected a return option")?.to_ascii_uppercase().as_str() {
        "SUBSCRIBED" => Ok(ListReturn::Subscribed),
        "CHILDREN" => Ok(ListReturn::Children),
        "SPECIAL-USE" => Ok(ListReturn::SpecialUse),
        "MYRIGHTS" => Ok(ListReturn::MyRights),
        "STATUS" => {
            cursor.space()?;
            cursor.list(status_item).map(ListReturn::Status)
        }
        "METADATA" => {
            cursor.space()?;
            metadata::listed(cursor).map(ListReturn::Metadata)
        }
        _ => Err(before),
    }
}

/// ```abnf
/// status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"   ; RFC 9051 §9
/// ```
pub(super) fn status(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    let mailbox = spaced_mailbox(cursor)?;
    cursor.space()?;
    Ok(Command::Status { mailbox, items: cursor.list(status_item)? })
}

/// ```abnf
/// status-att = "MESSAGES" / "UIDNEXT" / "UIDVALIDITY" / "UNSEEN" / "DELETED" / "SIZE"   ; RFC 9051 §9
/// status-att =/ "RECENT"                                                                ; RFC 3501 §9
/// status-att =/ "HIGHESTMODSEQ"                                                         ; RFC 7162 §7
/// status-att =/ "DELETED" / "DELETED-STORAGE"                                           ; RFC 9208 §7
/// status-att =/ "APPENDLIMIT"                                                           ; RFC 7889 §5
/// status-att =/ "MAILBOXID"                                                             ; RFC 8474 §7
/// ```
fn status_item(cursor: &mut Cursor<'_>) -> Result<StatusItem, SyntaxError> {
    let before = cursor.error("unknown STATUS item");
    match cursor.atom("expected a STATUS item")?.to_ascii_uppercase().as_str() {
        "MESSAGES" => Ok(StatusItem::Messages),
        "RECENT" => Ok(StatusItem::Recent),
        "UIDNEXT" => Ok(StatusItem::UidNext),
        "UIDVALIDITY" => Ok(StatusItem::UidValidity),
        "UNSEEN" => Ok(StatusItem::Unseen),
        "DELETED" => Ok(StatusItem::Deleted),
        "SIZE" => Ok(StatusItem::Size),
        "HIGHESTMODSEQ" => Ok(StatusItem::HighestModSeq),
        "DELETED-STORAGE" => Ok(StatusItem::DeletedStorage),
        "APPENDLIMIT" => Ok(StatusItem::AppendLimit),
        "MAILBOXID" => Ok(StatusItem::MailboxId),
        _ => Err(before),
    }
}
