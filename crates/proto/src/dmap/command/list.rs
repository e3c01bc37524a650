//! LIST and STATUS (DMAP-00 §7.3.8 and §7.3.9, RFC 5258 §3, RFC 5819 §2, RFC 6154 §2).

use super::{Command, Encoded};
use crate::dmap::name;
use crate::dmap::text;
use crate::line::lex::{Cursor, SyntaxError, is_list_char};

/// LIST: patterns without a reference.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct List {
    /// Selection options in the order sent.
    pub select: Vec<ListSelect>,
    /// At least one; `*` is anything, `%` anything but `/`.
    pub patterns: Vec<Box<str>>,
    /// Return options in the order sent.
    pub returns: Vec<ListReturn>,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum $name { $($(#[$each])* $variant,)* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As it is written.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
            /// What a word stands for.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.name().eq_ignore_ascii_case(word))
            }
        }
    };
}
pub(in crate::dmap) use words;

words! {
    /// Which mailboxes (RFC 5258 §3.1).
    ListSelect {
        Subscribed = "SUBSCRIBED",
        /// RFC 6154 §2
        SpecialUse = "SPECIAL-USE",
        /// Never alone.
        RecursiveMatch = "RECURSIVEMATCH",
    }
}

words! {
    /// What STATUS can tell (DMAP-00 §7.3.9, RFC 9051 §6.3.11, RFC 7162 §3.1.7).
    StatusItem {
        Messages = "MESSAGES",
        UidNext = "UIDNEXT",
        UidValidity = "UIDVALIDITY",
        Unseen = "UNSEEN",
        Deleted = "DELETED",
        Size = "SIZE",
        HighestModSeq = "HIGHESTMODSEQ",
    }
}

/// What to say about them (RFC 5258 §3.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ListReturn {
    Subscribed,
    Children,
    /// RFC 6154 §2
    SpecialUse,
    /// The META block of each mailbox.
    Meta,
    /// RFC 5819 §2; at least one.
    Status(Vec<StatusItem>),
}

/// ```abnf
/// list     = "LIST" [SP "(" [list-sel *(SP list-sel)] ")"] SP list-pat
///            [SP "RETURN" SP "(" [list-ret *(SP list-ret)] ")"]
/// list-pat = list-mailbox / "(" list-mailbox *(SP list-mailbox) ")"
/// ```
/// A parenthesis in front may begin selection options or patterns: it is options if another space follows it
/// that does not begin RETURN.
pub(super) fn list(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let mut select = Vec::new();
    if cursor.peek() == Some(b'(') && has_selection(cursor) {
        select = cursor.list_or_empty(selection)?;
        if select == [ListSelect::RecursiveMatch] {
            return cursor.fail("RECURSIVEMATCH needs another selection option");
        }
        cursor.space()?;
    }
    let patterns = match cursor.peek() {
        Some(b'(') => cursor.list(pattern)?,
        _ => vec![pattern(cursor)?],
    };
    let returns = match cursor.take_word(" RETURN ") {
        true => cursor.list_or_empty(return_option)?,
        false => Vec::new(),
    };
    Ok(Command::List(List { select, patterns, returns }))
}

/// Whether the list that begins here is one of selection options.
fn has_selection(cursor: &Cursor<'_>) -> bool {
    let mut ahead = cursor.clone();
    ahead.list_or_empty(pattern).is_ok() && ahead.take(b' ') && !ahead.take_word("RETURN (")
}

/// ```abnf
/// list-sel = "SUBSCRIBED" / "SPECIAL-USE" / "RECURSIVEMATCH"
/// ```
fn selection(cursor: &mut Cursor<'_>) -> Result<ListSelect, SyntaxError> {
    let before = cursor.error("unknown selection option");
    ListSelect::parse(cursor.atom("expected a selection option")?).ok_or(before)
}

/// ```abnf
/// list-mailbox = 1*list-char / string
/// ```
pub(super) fn pattern(cursor: &mut Cursor<'_>) -> Result<Box<str>, SyntaxError> {
    text::astring_of(cursor, is_list_char)
}

/// ```abnf
/// list-ret = "SUBSCRIBED" / "CHILDREN" / "SPECIAL-USE" / "META" /
///            "STATUS" SP "(" status-att *(SP status-att) ")"
/// ```
fn return_option(cursor: &mut Cursor<'_>) -> Result<ListReturn, SyntaxError> {
    let before = cursor.error("unknown return option");
    match cursor.atom("expected a return option")?.to_ascii_uppercase().as_str() {
        "SUBSCRIBED" => Ok(ListReturn::Subscribed),
        "CHILDREN" => Ok(ListReturn::Children),
        "SPECIAL-USE" => Ok(ListReturn::SpecialUse),
        "META" => Ok(ListReturn::Meta),
        "STATUS" => {
            cursor.space()?;
            cursor.list(status_item).map(ListReturn::Status)
        }
        _ => Err(before),
    }
}

/// ```abnf
/// status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"
/// ```
pub(super) fn status(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    let mailbox = name::spaced(cursor)?;
    cursor.space()?;
    Ok(Command::Status { mailbox, items: cursor.list(status_item)? })
}

/// ```abnf
/// status-att = "MESSAGES" / "UIDNEXT" / "UIDVALIDITY" / "UNSEEN" / "DELETED" / "SIZE" / "HIGHESTMODSEQ"
/// ```
pub(in crate::dmap) fn status_item(cursor: &mut Cursor<'_>) -> Result<StatusItem, SyntaxError> {
    let before = cursor.error("unknown STATUS item");
    StatusItem::parse(cursor.atom("expected a STATUS item")?).ok_or(before)
}

impl List {
    pub(super) fn push(&self, out: &mut Encoded) {
        out.push("LIST ");
        if !self.select.is_empty() {
            out.words(self.select.iter().map(|option| option.name()));
            out.push(" ");
        }
        match self.patterns.as_slice() {
            [pattern] => out.pattern(pattern),
            patterns => {
                // Patterns that read like options are told from them by the options in front.
                out.push(if self.select.is_empty() { "() " } else { "" });
                out.list(patterns, |out, pattern| out.pattern(pattern));
            }
        }
        if !self.returns.is_empty() {
            out.push(" RETURN ");
            out.list(&self.returns, |out, option| option.push(out));
        }
    }
}

impl ListReturn {
    fn push(&self, out: &mut Encoded) {
        match self {
            Self::Subscribed => out.push("SUBSCRIBED"),
            Self::Children => out.push("CHILDREN"),
            Self::SpecialUse => out.push("SPECIAL-USE"),
            Self::Meta => out.push("META"),
            Self::Status(items) => {
                out.push("STATUS ");
                out.words(items.iter().map(|item| item.name()));
            }
        }
    }
}
