//! What a client can ask for: one `Command` with every argument parsed and checked (RFC 9051 §6, RFC 3501
//! §6).
//!
//! One file per family of commands; each has the values and, below them, the parser with its ABNF.
//! Whether a command is allowed in the current state is not decided here.

pub mod acl;
pub mod append;
pub mod auth;
pub mod charset;
pub mod comparator;
pub mod esearch;
pub mod fetch;
pub mod list;
pub mod mailbox;
pub mod messages;
pub mod metadata;
mod name;
pub mod notify;
mod opening;
mod quota;
pub mod returns;
pub mod search;
pub mod sort;
mod url;

mod flag;

pub use acl::ModRights;
pub use append::{AppendBegin, AppendLine, AppendLiteral, AppendPiece, Replaces};
pub use auth::{IdField, Secret};
pub use charset::{CHARSETS, Charset};
pub use comparator::ComparatorArg;
pub use esearch::{MailboxSource, MultiSearch};
pub use fetch::{BinarySection, BodySection, Fetch, FetchItem, Partial, Section, SectionText};
pub use list::{List, ListPattern, ListReturn, ListSelect, StatusItem};
pub use mailbox::{Qresync, Select, SeqMatch, SpecialUse};
pub use messages::{Store, StoreAction};
pub use metadata::{EntryArg, EntryValue, GetMetadata, MetadataTarget, SetMetadata};
pub use name::MailboxArg;
pub use notify::{Events, Notify, NotifyGroup, NotifyMailboxes, NotifySelected, NotifySet};
pub use quota::QuotaLimit;
pub use returns::{PartialRange, ReturnOption};
pub use search::{Search, SearchKey};
pub use sort::{Sort, SortCriterion, SortKey, Thread, ThreadAlgorithm};
pub use url::{ResetKey, UrlItem, UrlRump, UrlWanted};

use super::SequenceSet;
pub use super::date::Date;
use super::lex::{Cursor, SyntaxError};
pub use crate::line::Tag;
use crate::line::tag::tag;
pub use crate::line::tag::tag_of;
use name::{decode_name, mailbox, mailbox_arg, spaced_mailbox};
pub(super) use opening::{Opening, no_charset, opening, whole_append};

/// What `parse` found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parsed {
    pub tag: Tag,
    pub command: Command,
}

/// A complete command without its tag. APPEND and REPLACE are not here: they are streamed, see
/// `decode::Decoded`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// RFC 9051 §6.1.1
    Capability,
    /// RFC 9051 §6.1.2
    Noop,
    /// RFC 9051 §6.1.3
    Logout,
    /// RFC 2971 §3.1; empty for `ID NIL`.
    Id(Vec<IdField>),
    /// RFC 9051 §6.2.1
    StartTls,
    /// RFC 9051 §6.2.2, RFC 4959 §3. The rest of the exchange comes as `Decoded::SaslResponse`.
    Authenticate { mechanism: Box<str>, initial_response: Option<Secret> },
    /// RFC 9051 §6.2.3. Both are octets as sent; they need not be UTF-8.
    Login { username: Vec<u8>, password: Secret },
    /// RFC 9051 §6.3.1; names in upper case, in the order sent.
    Enable(Vec<Box<str>>),
    /// RFC 4978 §3; DEFLATE is the only algorithm there is.
    Compress,
    /// RFC 8437 §3
    Unauthenticate,
    /// RFC 9698 §4
    GetJmapAccess,
    /// RFC 9051 §6.3.2 and §6.3.3
    Select(Select),
    /// RFC 9051 §6.3.4, RFC 6154 §3
    Create { mailbox: MailboxArg, special_use: Vec<SpecialUse> },
    /// RFC 9051 §6.3.5
    Delete { mailbox: MailboxArg },
    /// RFC 9051 §6.3.6
    Rename { from: MailboxArg, to: MailboxArg },
    /// RFC 9051 §6.3.7
    Subscribe { mailbox: MailboxArg },
    /// RFC 9051 §6.3.8
    Unsubscribe { mailbox: MailboxArg },
    /// RFC 9051 §6.3.9, RFC 3501 §6.3.8, RFC 5258 §3
    List(List),
    /// RFC 3501 §6.3.9
    Lsub { reference: ListPattern, pattern: ListPattern },
    /// RFC 9051 §6.3.10
    Namespace,
    /// RFC 9051 §6.3.11; at least one item, in the order sent.
    Status { mailbox: MailboxArg, items: Vec<StatusItem> },
    /// RFC 9208 §4.1.1
    GetQuota { root: Box<[u8]> },
    /// RFC 9208 §4.1.2
    GetQuotaRoot { mailbox: MailboxArg },
    /// RFC 9208 §4.1.3
    SetQuota { root: Box<[u8]>, limits: Vec<QuotaLimit> },
    /// RFC 4314 §3.1
    SetAcl { mailbox: MailboxArg, identifier: Box<str>, change: ModRights },
    /// RFC 4314 §3.2
    DeleteAcl { mailbox: MailboxArg, identifier: Box<str> },
    /// RFC 4314 §3.3
    GetAcl { mailbox: MailboxArg },
    /// RFC 4314 §3.4
    ListRights { mailbox: MailboxArg, identifier: Box<str> },
    /// RFC 4314 §3.5
    MyRights { mailbox: MailboxArg },
    /// RFC 5464 §4.2
    GetMetadata(GetMetadata),
    /// RFC 5464 §4.3
    SetMetadata(SetMetadata),
    /// RFC 5465 §3.1
    Notify(Notify),
    /// RFC 4467 §7
    ResetKey(ResetKey),
    /// RFC 4467 §7; at least one.
    GenUrlAuth(Vec<UrlRump>),
    /// RFC 4467 §7, RFC 5524 §3; at least one.
    UrlFetch(Vec<UrlWanted>),
    /// RFC 9051 §6.3.13. Until DONE the session calls `Decoder::next` with `Phase::Idle`.
    Idle,
    /// RFC 3501 §6.4.1
    Check,
    /// RFC 9051 §6.4.1
    Close,
    /// RFC 9051 §6.4.2
    Unselect,
    /// RFC 9051 §6.4.3; with a set it is UID EXPUNGE (RFC 9051 §6.4.9, RFC 4315 §2.1).
    Expunge { uids: Option<SequenceSet> },
    /// RFC 9051 §6.4.4
    Search(Search),
    /// RFC 5256 §3
    Sort(Sort),
    /// RFC 5256 §3
    Thread(Thread),
    /// RFC 5255 §4.7; none asks which one is active.
    Comparator(Vec<ComparatorArg>),
    /// RFC 7377 §2
    MultiSearch(Box<MultiSearch>),
    /// RFC 5267 §4.3.5; at least one tag of an earlier search.
    CancelUpdate(Vec<Box<str>>),
    /// RFC 9051 §6.4.5
    Fetch(Fetch),
    /// RFC 9051 §6.4.6
    Store(Store),
    /// RFC 9051 §6.4.7; `by_uid` for the UID form (RFC 9051 §6.4.9).
    Copy { by_uid: bool, set: SequenceSet, mailbox: MailboxArg },
    /// RFC 9051 §6.4.8, RFC 6851 §3
    Move { by_uid: bool, set: SequenceSet, mailbox: MailboxArg },
}

/// Reads a complete command, without its last line end. `utf8`: mailbox names are UTF-8.
///
/// ```abnf
/// command = tag SP (command-any / command-auth / command-nonauth / command-select) CRLF   ; RFC 9051 §9
/// ```
pub fn parse(octets: &[u8], utf8: bool) -> Result<Parsed, SyntaxError> {
    let mut cursor = Cursor::new(octets, utf8);
    let tag = tag(&mut cursor)?;
    cursor.space()?;
    let command = command(&mut cursor)?;
    cursor.end()?;
    Ok(Parsed { tag, command })
}

const COMMANDS: &[&str] = &[
    "CAPABILITY",
    "NOOP",
    "LOGOUT",
    "ID",
    "STARTTLS",
    "AUTHENTICATE",
    "LOGIN",
    "ENABLE",
    "COMPRESS",
    "UNAUTHENTICATE",
    "GETJMAPACCESS",
    "SELECT",
    "EXAMINE",
    "CREATE",
    "DELETE",
    "RENAME",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "LIST",
    "LSUB",
    "NAMESPACE",
    "STATUS",
    "GETQUOTA",
    "GETQUOTAROOT",
    "SETQUOTA",
    "SETACL",
    "DELETEACL",
    "GETACL",
    "LISTRIGHTS",
    "MYRIGHTS",
    "GETMETADATA",
    "SETMETADATA",
    "APPEND",
    "REPLACE",
    "NOTIFY",
    "RESETKEY",
    "GENURLAUTH",
    "URLFETCH",
    "IDLE",
    "CHECK",
    "CLOSE",
    "UNSELECT",
    "EXPUNGE",
    "SEARCH",
    "SORT",
    "THREAD",
    "COMPARATOR",
    "CANCELUPDATE",
    "ESEARCH",
    "FETCH",
    "STORE",
    "COPY",
    "MOVE",
    "UID",
];

fn is_command(name: &str) -> bool {
    COMMANDS.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn command(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    let before = cursor.error("unknown command");
    let name = cursor.atom("expected a command")?.to_ascii_uppercase();
    match name.as_str() {
        "CAPABILITY" => Ok(Command::Capability),
        "NOOP" => Ok(Command::Noop),
        "LOGOUT" => Ok(Command::Logout),
        "ID" => auth::id(cursor),
        "STARTTLS" => Ok(Command::StartTls),
        "AUTHENTICATE" => auth::authenticate(cursor),
        "LOGIN" => auth::login(cursor),
        "ENABLE" => auth::enable(cursor),
        "COMPRESS" => auth::compress(cursor),
        "UNAUTHENTICATE" => Ok(Command::Unauthenticate),
        "GETJMAPACCESS" => Ok(Command::GetJmapAccess),
        "SELECT" => mailbox::select(cursor, false),
        "EXAMINE" => mailbox::select(cursor, true),
        "CREATE" => mailbox::create(cursor),
        "DELETE" => Ok(Command::Delete { mailbox: spaced_mailbox(cursor)? }),
        "RENAME" => Ok(Command::Rename { from: spaced_mailbox(cursor)?, to: spaced_mailbox(cursor)? }),
        "SUBSCRIBE" => Ok(Command::Subscribe { mailbox: spaced_mailbox(cursor)? }),
        "UNSUBSCRIBE" => Ok(Command::Unsubscribe { mailbox: spaced_mailbox(cursor)? }),
        "LIST" => list::list(cursor),
        "LSUB" => list::lsub(cursor),
        "NAMESPACE" => Ok(Command::Namespace),
        "STATUS" => list::status(cursor),
        "GETQUOTA" => quota::of_root(cursor),
        "GETQUOTAROOT" => quota::of_mailbox(cursor),
        "SETQUOTA" => quota::set(cursor),
        "SETACL" => acl::set(cursor),
        "DELETEACL" => acl::delete(cursor),
        "GETACL" => acl::get(cursor),
        "LISTRIGHTS" => acl::list_rights(cursor),
        "MYRIGHTS" => acl::my_rights(cursor),
        "GETMETADATA" => metadata::get(cursor),
        "SETMETADATA" => metadata::set(cursor),
        "NOTIFY" => notify::notify(cursor),
        "RESETKEY" => url::reset_key(cursor),
        "GENURLAUTH" => url::gen_url_auth(cursor),
        "URLFETCH" => url::url_fetch(cursor),
        "IDLE" => Ok(Command::Idle),
        "CHECK" => Ok(Command::Check),
        "CLOSE" => Ok(Command::Close),
        "UNSELECT" => Ok(Command::Unselect),
        "EXPUNGE" => Ok(Command::Expunge { uids: None }),
        "COMPARATOR" => comparator::comparator(cursor),
        "CANCELUPDATE" => cancel_update(cursor),
        "ESEARCH" => esearch::esearch(cursor),
        "UID" => uid(cursor),
        _ => on_messages(cursor, &name, false)?.ok_or(before),
    }
}

/// ```abnf
/// uid = "UID" SP (copy / move / fetch / search / store / uid-expunge)   ; RFC 9051 §9
/// ```
fn uid(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    cursor.space()?;
    let before = cursor.error("unknown UID command");
    let name = cursor.atom("expected a command after UID")?.to_ascii_uppercase();
    match name.as_str() {
        "EXPUNGE" => return messages::uid_expunge(cursor),
        // RFC 7377 §2: not in the syntax, but in an example.
        "ESEARCH" => return esearch::esearch(cursor),
        _ => {}
    }
    on_messages(cursor, &name, true)?.ok_or(before)
}

/// ```abnf
/// command-select =/ "CANCELUPDATE" 1*(SP quoted)   ; RFC 5267 §5
/// ```
fn cancel_update(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    let mut tags = Vec::new();
    while tags.is_empty() || cursor.peek() == Some(b' ') {
        cursor.space()?;
        tags.push(cursor.ascii_astring("expected a tag")?);
    }
    Ok(Command::CancelUpdate(tags))
}

/// The commands that have a UID form.
fn on_messages(cursor: &mut Cursor<'_>, name: &str, by_uid: bool) -> Result<Option<Command>, SyntaxError> {
    let command = match name {
        "SEARCH" => search::search(cursor, by_uid)?,
        "SORT" => sort::sort(cursor, by_uid)?,
        "THREAD" => sort::thread(cursor, by_uid)?,
        "FETCH" => fetch::fetch(cursor, by_uid)?,
        "STORE" => messages::store(cursor, by_uid)?,
        "COPY" => messages::copy(cursor, by_uid)?,
        "MOVE" => messages::r#move(cursor, by_uid)?,
        _ => return Ok(None),
    };
    Ok(Some(command))
}

#[cfg(test)]
mod tests;
