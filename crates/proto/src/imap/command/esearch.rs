//! ESEARCH (RFC 7377 §2): a search in several mailboxes, which need not be selected.

use super::returns::returns;
use super::search::{Search, program};
use super::{Command, MailboxArg, mailbox};
use crate::imap::lex::{Cursor, SyntaxError};

/// Mailboxes named in one ESEARCH.
const NAMES_MAX: usize = 1000;

/// ESEARCH. Its answers always name UIDs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MultiSearch {
    /// At least one; without the option it is the selected mailbox.
    pub sources: Vec<MailboxSource>,
    /// `by_uid` is set.
    pub search: Search,
}

/// RFC 7377 §2.2, RFC 5465 §6
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MailboxSource {
    Selected,
    /// RFC 5465 §6.2
    Inboxes,
    /// RFC 5465 §6.3
    Personal,
    /// RFC 5465 §6.4
    Subscribed,
    /// These and all that is below them (RFC 5465 §6.5).
    Subtree(Vec<MailboxArg>),
    /// These and what is directly below them (RFC 7377 §2.2).
    SubtreeOne(Vec<MailboxArg>),
    /// RFC 5465 §6.6
    Mailboxes(Vec<MailboxArg>),
}

impl MultiSearch {
    /// Whether nothing but the selected mailbox is searched.
    #[must_use]
    pub fn only_selected(&self) -> bool {
        self.sources.iter().all(|source| *source == MailboxSource::Selected)
    }
}

/// ```abnf
/// esearch = "ESEARCH" [SP esearch-source-opts] [SP search-return-opts] SP search-program   ; RFC 7377 §4
/// esearch-source-opts = "IN" SP "(" source-mbox [SP "(" scope-options ")"] ")"
/// source-mbox = filter-mailboxes *(SP filter-mailboxes)
/// ```
/// There are no scope options.
pub(super) fn esearch(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let sources = match cursor.take_word("IN ") {
        true => {
            let mut named = 0;
            let sources = cursor.list(|cursor| source(cursor, &mut named))?;
            cursor.space()?;
            sources
        }
        false => vec![MailboxSource::Selected],
    };
    let returns = returns(cursor)?;
    let search = Search::new(true, returns, program(cursor, false)?);
    Ok(Command::MultiSearch(Box::new(MultiSearch { sources, search })))
}

/// ```abnf
/// filter-mailboxes = filter-mailboxes-selected / filter-mailboxes-other               ; RFC 5465 §8
/// filter-mailboxes-selected = "selected"                                              ; RFC 7377 §4
/// filter-mailboxes-other = "inboxes" / "personal" / "subscribed" /
///                          ("subtree" SP one-or-more-mailbox) / ("mailboxes" SP one-or-more-mailbox)
/// filter-mailboxes-other =/ ("subtree-one" SP one-or-more-mailbox)                    ; RFC 7377 §4
/// ```
fn source(cursor: &mut Cursor<'_>, named: &mut usize) -> Result<MailboxSource, SyntaxError> {
    let before = cursor.error("unknown source of mailboxes");
    Ok(match cursor.atom("expected a source of mailboxes")?.to_ascii_uppercase().as_str() {
        "SELECTED" => MailboxSource::Selected,
        "INBOXES" => MailboxSource::Inboxes,
        "PERSONAL" => MailboxSource::Personal,
        "SUBSCRIBED" => MailboxSource::Subscribed,
        "SUBTREE" => MailboxSource::Subtree(mailboxes(cursor, named)?),
        "SUBTREE-ONE" => MailboxSource::SubtreeOne(mailboxes(cursor, named)?),
        "MAILBOXES" => MailboxSource::Mailboxes(mailboxes(cursor, named)?),
        _ => return Err(before),
    })
}

/// ```abnf
/// one-or-more-mailbox = mailbox / many-mailboxes                                      ; RFC 5465 §8
/// many-mailboxes      = "(" mailbox *(SP mailbox) ")"
/// ```
fn mailboxes(cursor: &mut Cursor<'_>, named: &mut usize) -> Result<Vec<MailboxArg>, SyntaxError> {
    cursor.space()?;
    let before = cursor.error("too many mailboxes");
    let names = match cursor.peek() {
        Some(b'(') => cursor.list(mailbox)?,
        _ => vec![mailbox(cursor)?],
    };
    *named += names.len();
    if *named > NAMES_MAX {
        return Err(before);
    }
    Ok(names)
}
