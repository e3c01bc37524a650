//! NOTIFY (RFC 5465 §3.1, §6 and §8).

use std::ops::BitOr;

use super::{Command, FetchItem, MailboxArg, fetch, mailbox};
use crate::imap::lex::{Cursor, SyntaxError};

/// NOTIFY.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notify {
    /// Nothing is to be told.
    None,
    Set(Box<NotifySet>),
}

/// What is to be told from now on, instead of what was before.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NotifySet {
    /// The counters of the mailboxes are wanted at once.
    pub status: bool,
    /// Nothing is to be told of the selected mailbox without it.
    pub selected: Option<NotifySelected>,
    pub groups: Vec<NotifyGroup>,
    /// An event was asked for that is not offered: answered with BADEVENT.
    pub unknown_event: bool,
}

/// `(SELECTED …)` or `(SELECTED-DELAYED …)` (RFC 5465 §6.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotifySelected {
    /// EXPUNGE waits for a command that may tell it.
    pub delayed: bool,
    /// None of the mailbox or the server.
    pub events: Events,
    /// What is told of a new message; empty for its number alone. No item comes twice.
    pub items: Vec<FetchItem>,
}

/// Events of some mailboxes; none for `NONE`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotifyGroup {
    pub mailboxes: NotifyMailboxes,
    pub events: Events,
}

/// Which mailboxes (RFC 5465 §6.2 to §6.6).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotifyMailboxes {
    Inboxes,
    Personal,
    Subscribed,
    Subtree(Vec<MailboxArg>),
    Mailboxes(Vec<MailboxArg>),
}

/// A set of events (RFC 5465 §5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Events(u8);

impl Events {
    pub const NONE: Self = Self(0);
    /// MessageNew and MessageExpunge, which cannot be told apart from each other (RFC 5465 §5).
    pub const MESSAGES: Self = Self(1);
    pub const FLAG_CHANGE: Self = Self(2);
    pub const MAILBOX_NAME: Self = Self(4);
    pub const SUBSCRIPTION_CHANGE: Self = Self(8);
    pub const MAILBOX_METADATA_CHANGE: Self = Self(16);
    pub const SERVER_METADATA_CHANGE: Self = Self(32);

    #[must_use]
    pub const fn contains(self, events: Self) -> bool {
        self.0 & events.0 == events.0
    }
    #[must_use]
    pub const fn intersects(self, events: Self) -> bool {
        self.0 & events.0 != 0
    }
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Events {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The names of all events there are here, for BADEVENT. AnnotationChange needs RFC 5257, which is not
/// offered.
pub const EVENTS: &[&str] = &[
    "MessageNew",
    "MessageExpunge",
    "FlagChange",
    "MailboxName",
    "SubscriptionChange",
    "MailboxMetadataChange",
    "ServerMetadataChange",
];

/// ```abnf
/// notify           = "NOTIFY" SP (notify-set / notify-none)              ; RFC 5465 §8
/// notify-set       = "SET" [status-indicator] SP event-groups
/// notify-none      = "NONE"
/// status-indicator = SP "STATUS"
/// event-groups     = event-group *(SP event-group)
/// ```
pub(super) fn notify(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let before = cursor.error("NOTIFY is SET or NONE");
    match cursor.atom("expected SET or NONE")?.to_ascii_uppercase().as_str() {
        "NONE" => return Ok(Command::Notify(Notify::None)),
        "SET" => {}
        _ => return Err(before),
    }
    cursor.space()?;
    let mut set = NotifySet { status: cursor.take_word("STATUS "), ..NotifySet::default() };
    group(cursor, &mut set)?;
    while matches!(cursor.rest(), [b' ', b'(', ..]) {
        cursor.space()?;
        group(cursor, &mut set)?;
    }
    Ok(Command::Notify(Notify::Set(Box::new(set))))
}

/// ```abnf
/// event-group               = "(" filter-mailboxes SP events ")"         ; RFC 5465 §8
/// filter-mailboxes          = filter-mailboxes-selected / filter-mailboxes-other
/// filter-mailboxes-other    = "inboxes" / "personal" / "subscribed" /
///                             ("subtree" SP one-or-more-mailbox) / ("mailboxes" SP one-or-more-mailbox)
/// filter-mailboxes-selected = "selected" / "selected-delayed"
/// ```
fn group(cursor: &mut Cursor<'_>, set: &mut NotifySet) -> Result<(), SyntaxError> {
    cursor.expect(b'(', "expected (")?;
    let before = cursor.error("unknown kind of mailboxes");
    let twice = cursor.error("only one of SELECTED and SELECTED-DELAYED, and once");
    let kind = cursor.atom("expected a kind of mailboxes")?.to_ascii_uppercase();
    let mailboxes = match kind.as_str() {
        "SELECTED" | "SELECTED-DELAYED" => None,
        "INBOXES" => Some(NotifyMailboxes::Inboxes),
        "PERSONAL" => Some(NotifyMailboxes::Personal),
        "SUBSCRIBED" => Some(NotifyMailboxes::Subscribed),
        "SUBTREE" => Some(NotifyMailboxes::Subtree(one_or_more(cursor)?)),
        "MAILBOXES" => Some(NotifyMailboxes::Mailboxes(one_or_more(cursor)?)),
        _ => return Err(before),
    };
    cursor.space()?;
    let before = cursor.clone();
    let Asked { events, items, unknown, .. } = events(cursor)?;
    cursor.expect(b')', "expected )")?;
    set.unknown_event |= unknown;
    match mailboxes {
        Some(_) if items.is_some() => return before.fail("items of new messages only with SELECTED"),
        Some(mailboxes) => set.groups.push(NotifyGroup { mailboxes, events }),
        None if set.selected.is_some() => return Err(twice),
        None if events.intersects(OF_OTHERS) => return before.fail("only message events with SELECTED"),
        None => {
            let (delayed, items) = (kind == "SELECTED-DELAYED", items.unwrap_or_default());
            set.selected = Some(NotifySelected { delayed, events, items });
        }
    }
    Ok(())
}

/// What cannot be asked for of the selected mailbox as such.
const OF_OTHERS: Events = Events(
    Events::MAILBOX_NAME.0
        | Events::SUBSCRIPTION_CHANGE.0
        | Events::MAILBOX_METADATA_CHANGE.0
        | Events::SERVER_METADATA_CHANGE.0,
);

/// ```abnf
/// one-or-more-mailbox = mailbox / many-mailboxes                         ; RFC 5465 §8
/// many-mailboxes      = "(" mailbox *(SP mailbox) ")"
/// ```
fn one_or_more(cursor: &mut Cursor<'_>) -> Result<Vec<MailboxArg>, SyntaxError> {
    cursor.space()?;
    match cursor.peek() {
        Some(b'(') => cursor.list(mailbox),
        _ => Ok(vec![mailbox(cursor)?]),
    }
}

/// The events of one group.
#[derive(Default)]
struct Asked {
    events: Events,
    new: bool,
    expunge: bool,
    annotations: bool,
    items: Option<Vec<FetchItem>>,
    unknown: bool,
}

/// QUIRK notify_events: without parentheses, as in the first example of RFC 5465 §3.1.
///
/// ```abnf
/// events = ("(" event *(SP event) ")") / "NONE"                          ; RFC 5465 §8
/// ```
fn events(cursor: &mut Cursor<'_>) -> Result<Asked, SyntaxError> {
    let mut asked = Asked::default();
    let before = cursor.error("MessageNew and MessageExpunge go together, and FlagChange needs both");
    let mut ahead = cursor.clone();
    if ahead.take_word("NONE") && ahead.peek() == Some(b')') {
        *cursor = ahead;
        return Ok(asked);
    }
    if cursor.peek() == Some(b'(') {
        cursor.list(|cursor| asked.event(cursor))?;
    } else {
        asked.event(cursor)?;
        while cursor.peek() == Some(b' ') {
            cursor.space()?;
            asked.event(cursor)?;
        }
    }
    let flags = asked.events.contains(Events::FLAG_CHANGE) || asked.annotations;
    if asked.new != asked.expunge || flags && !asked.new {
        return Err(before);
    }
    Ok(asked)
}

impl Asked {
    /// ```abnf
    /// event         = message-event / mailbox-event / user-event / event-ext             ; RFC 5465 §8
    /// message-event = ("MessageNew" [SP "(" fetch-att *(SP fetch-att) ")"]) / "MessageExpunge" /
    ///                 "FlagChange" / "AnnotationChange"
    /// mailbox-event = "MailboxName" / "SubscriptionChange" / "MailboxMetadataChange"
    /// user-event    = "ServerMetadataChange"
    /// event-ext     = atom
    /// ```
    fn event(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SyntaxError> {
        let event = match cursor.atom("expected an event")?.to_ascii_uppercase().as_str() {
            "MESSAGENEW" => {
                self.new = true;
                if cursor.rest().starts_with(b" (") {
                    cursor.space()?;
                    self.items = Some(fetch::item_list(cursor)?);
                }
                Events::MESSAGES
            }
            "MESSAGEEXPUNGE" => {
                self.expunge = true;
                Events::MESSAGES
            }
            "FLAGCHANGE" => Events::FLAG_CHANGE,
            "MAILBOXNAME" => Events::MAILBOX_NAME,
            "SUBSCRIPTIONCHANGE" => Events::SUBSCRIPTION_CHANGE,
            "MAILBOXMETADATACHANGE" => Events::MAILBOX_METADATA_CHANGE,
            "SERVERMETADATACHANGE" => Events::SERVER_METADATA_CHANGE,
            event => {
                self.annotations |= event == "ANNOTATIONCHANGE";
                self.unknown = true;
                return Ok(());
            }
        };
        self.events = self.events | event;
        Ok(())
    }
}
