//! What a client can ask for: one `Command` with every argument parsed and checked (DMAP-00 §7), and back to
//! octets.
//!
//! One file per family of commands; each has the values and, below them, the reader with its ABNF and the
//! writer. Whether a command is allowed in the current state is not decided here.

mod any;
mod append;
mod encode;
mod fetch;
mod key;
mod list;
mod mailbox;
mod message;
mod realm;
mod search;
mod signet;
mod submit;

pub use any::{Experimental, XArgument};
pub use append::Append;
pub use encode::Encoded;
pub use fetch::{ChangedSince, Fetch, FetchItem, Partial};
pub use key::{AddKey, KeyPart};
pub use list::{List, ListReturn, ListSelect, StatusItem};
pub use mailbox::{Create, MetaChange, Qresync, Select, UseAttr};
pub use message::{FlagAction, Store, StoreValue};
pub use realm::{AddRealm, NewShard, StaciePasswd};
pub use search::{ReturnOption, Search, SearchFlag, SearchKey};
pub use signet::{AddSignet, GetSignet, Lookup, Version};
pub use submit::{Bounce, Hold, SaveTo, Submit};

pub(super) use append::{Opening, opening};
pub(super) use list::{status_item, words};
pub(super) use mailbox::{mod_seq, use_attr};
pub(super) use realm::serial;

use koi_types::UidSet;

use super::id::{Fingerprint, KeyId, Label, SignetAddress};
use super::name::{self, MailboxArg};
use super::text::{end, spaced_word};
use crate::line::lex::{Cursor, SyntaxError};
use crate::line::tag::tag;
use crate::line::{Tag, set};
pub use crate::sasl::Secret;
use crate::sasl::base64_encode;

/// What `parse` found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parsed {
    pub tag: Tag,
    pub command: Command,
}

/// A complete command without its tag. APPEND is not here: its message is streamed, see
/// `decode::Decoded::AppendBegin` and `Append`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// DMAP-00 §7.1.1
    Capability,
    /// DMAP-00 §7.1.2
    Noop,
    /// DMAP-00 §7.1.3
    Logout,
    /// DMAP-00 §7.2.1; the name of the mechanism in upper case. The rest of the exchange comes as
    /// `Decoded::Sasl`.
    Authenticate {
        mechanism: Box<str>,
        initial_response: Option<Secret>,
    },
    /// RFC 9051 §6.3.1; names in upper case, in the order sent.
    Enable(Vec<Box<str>>),
    /// RFC 9051 §6.3.13. Until DONE the session calls `Decoder::next` with `Phase::Idle`.
    Idle,
    /// DMAP-00 §7.3.1 and §7.3.2
    Select(Select),
    /// DMAP-00 §7.3.3
    Create(Create),
    /// DMAP-00 §7.3.4
    Delete {
        mailbox: MailboxArg,
    },
    /// DMAP-00 §7.3.5
    Rename {
        from: MailboxArg,
        to: MailboxArg,
    },
    /// DMAP-00 §7.3.6
    Subscribe {
        mailbox: MailboxArg,
    },
    /// DMAP-00 §7.3.7
    Unsubscribe {
        mailbox: MailboxArg,
    },
    /// DMAP-00 §7.3.8
    List(List),
    /// DMAP-00 §7.3.9; at least one item, in the order sent.
    Status {
        mailbox: MailboxArg,
        items: Vec<StatusItem>,
    },
    /// Reads or, with a change, writes the META block of a mailbox.
    MailboxMeta {
        mailbox: MailboxArg,
        change: Option<MetaChange>,
    },
    /// DMAP-00 §7.4.1
    GetKey {
        key: KeyId,
        part: KeyPart,
    },
    /// DMAP-00 §7.4.2
    AddKey(Box<AddKey>),
    /// DMAP-00 §7.4.3
    DeleteKey {
        key: KeyId,
    },
    /// DMAP-00 §7.4.4
    ListKeys,
    /// DMAP-00 §7.5
    GetSignet(GetSignet),
    /// DMAP-00 §7.5
    AddSignet(AddSignet),
    /// DMAP-00 §7.5; without a fingerprint all of this address.
    DeleteSignet {
        address: SignetAddress,
        fingerprint: Option<Fingerprint>,
    },
    /// DMAP-00 §7.5; `*` is anything, `%` anything but `@`.
    ListSignets {
        pattern: Box<str>,
    },
    GetRealm {
        label: Label,
    },
    AddRealm(Box<AddRealm>),
    StaciePasswd(Box<StaciePasswd>),
    /// DMAP-00 §7.6.1
    Close,
    /// RFC 9051 §6.4.2
    Unselect,
    /// DMAP-00 §7.6.2; with a set it is UID EXPUNGE (RFC 9051 §6.4.9).
    Expunge {
        uids: Option<UidSet>,
    },
    /// DMAP-00 §7.6.3
    Search(Search),
    /// DMAP-00 §7.6.4
    Fetch(Fetch),
    /// DMAP-00 §7.6.5
    Store(Store),
    /// DMAP-00 §7.6.6; `by_uid` for the UID form (DMAP-00 §7.6.8).
    Copy {
        by_uid: bool,
        set: set::SequenceSet,
        mailbox: MailboxArg,
    },
    /// RFC 9051 §6.4.8
    Move {
        by_uid: bool,
        set: set::SequenceSet,
        mailbox: MailboxArg,
    },
    /// DMAP-00 §7.6.7
    Submit(Submit),
    /// DMAP-00 §7.7.1
    Experimental(Experimental),
}

/// Reads a complete command, without its last line end. Where literals are cut off, the error says so; then
/// everything before is well.
///
/// ```abnf
/// command = tag SP (cmd-any / cmd-nonauth / cmd-auth / cmd-select) CRLF
/// ```
pub fn parse(octets: &[u8]) -> Result<Parsed, SyntaxError> {
    let mut cursor = Cursor::new(octets, true);
    let tag = tag(&mut cursor)?;
    cursor.space()?;
    let command = command(&mut cursor)?;
    end(&cursor)?;
    Ok(Parsed { tag, command })
}

fn command(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    let before = cursor.error("unknown command");
    let name = cursor.atom("expected a command")?.to_ascii_uppercase();
    match name.as_str() {
        "CAPABILITY" => Ok(Command::Capability),
        "NOOP" => Ok(Command::Noop),
        "LOGOUT" => Ok(Command::Logout),
        "AUTHENTICATE" => any::authenticate(cursor),
        "ENABLE" => any::enable(cursor),
        "IDLE" => Ok(Command::Idle),
        "CLOSE" => Ok(Command::Close),
        "UNSELECT" => Ok(Command::Unselect),
        "EXPUNGE" => Ok(Command::Expunge { uids: None }),
        "UID" => uid(cursor),
        // With a message it would have been read as one.
        "APPEND" => cursor.fail("APPEND ends with the message as a literal"),
        name if name.starts_with('X') => any::experimental(cursor, name),
        name => {
            if let Some(command) = on_mailboxes(cursor, name)? {
                return Ok(command);
            }
            if let Some(command) = on_keys(cursor, name)? {
                return Ok(command);
            }
            on_messages(cursor, name, false)?.ok_or(before)
        }
    }
}

fn on_mailboxes(cursor: &mut Cursor<'_>, name: &str) -> Result<Option<Command>, SyntaxError> {
    let command = match name {
        "SELECT" => mailbox::select(cursor, false)?,
        "EXAMINE" => mailbox::select(cursor, true)?,
        "CREATE" => mailbox::create(cursor)?,
        "DELETE" => Command::Delete { mailbox: name::spaced(cursor)? },
        "RENAME" => Command::Rename { from: name::spaced(cursor)?, to: name::spaced_new(cursor)? },
        "SUBSCRIBE" => Command::Subscribe { mailbox: name::spaced(cursor)? },
        "UNSUBSCRIBE" => Command::Unsubscribe { mailbox: name::spaced(cursor)? },
        "LIST" => list::list(cursor)?,
        "STATUS" => list::status(cursor)?,
        "MBOXMETA" => mailbox::meta(cursor)?,
        _ => return Ok(None),
    };
    Ok(Some(command))
}

fn on_keys(cursor: &mut Cursor<'_>, name: &str) -> Result<Option<Command>, SyntaxError> {
    let command = match name {
        "GETKEY" => key::get(cursor)?,
        "ADDKEY" => key::add(cursor)?,
        "DELETEKEY" => key::delete(cursor)?,
        "LISTKEYS" => Command::ListKeys,
        "GETSIGNET" => signet::get(cursor)?,
        "ADDSIGNET" => signet::add(cursor)?,
        "DELETESIGNET" => signet::delete(cursor)?,
        "LISTSIGNETS" => signet::list(cursor)?,
        "GETREALM" => realm::get(cursor)?,
        "ADDREALM" => realm::add(cursor)?,
        "STACIE-PASSWD" => realm::passwd(cursor)?,
        _ => return Ok(None),
    };
    Ok(Some(command))
}

/// ```abnf
/// cmd-select =/ "UID" SP "EXPUNGE" SP uid-set
/// cmd-select =/ "UID" SP (search / fetch / store / copy / move / submit)
/// ```
fn uid(cursor: &mut Cursor<'_>) -> Result<Command, SyntaxError> {
    let before = cursor.error("unknown UID command");
    let name = spaced_word(cursor, "expected a command after UID")?;
    match name.as_str() {
        "EXPUNGE" => message::uid_expunge(cursor),
        name => on_messages(cursor, name, true)?.ok_or(before),
    }
}

/// The commands that have a UID form.
fn on_messages(cursor: &mut Cursor<'_>, name: &str, by_uid: bool) -> Result<Option<Command>, SyntaxError> {
    let command = match name {
        "SEARCH" => search::search(cursor, by_uid)?,
        "FETCH" => fetch::fetch(cursor, by_uid)?,
        "STORE" => message::store(cursor, by_uid)?,
        "COPY" => message::copy(cursor, by_uid)?,
        "MOVE" => message::r#move(cursor, by_uid)?,
        "SUBMIT" => submit::submit(cursor, by_uid)?,
        _ => return Ok(None),
    };
    Ok(Some(command))
}

impl Command {
    /// As a client sends it. Further lines of AUTHENTICATE and IDLE are `encode_sasl` and `DONE`.
    #[must_use]
    pub fn encode(&self, tag: &Tag) -> Encoded {
        let mut out = Encoded::default();
        out.push(tag.as_str());
        out.push(" ");
        self.push(&mut out);
        out.push("\r\n");
        out
    }
    fn push(&self, out: &mut Encoded) {
        match self {
            Self::Capability => out.push("CAPABILITY"),
            Self::Noop => out.push("NOOP"),
            Self::Logout => out.push("LOGOUT"),
            Self::Authenticate { mechanism, initial_response } => {
                any::push_authenticate(mechanism, initial_response.as_ref(), out);
            }
            Self::Enable(names) => any::push_enable(names, out),
            Self::Idle => out.push("IDLE"),
            Self::ListKeys => out.push("LISTKEYS"),
            Self::Close => out.push("CLOSE"),
            Self::Unselect => out.push("UNSELECT"),
            Self::Experimental(command) => command.push(out),
            Self::Expunge { uids } => message::push_expunge(uids.as_ref(), out),
            Self::Search(search) => search.push(out),
            Self::Fetch(fetch) => fetch.push(out),
            Self::Store(store) => store.push(out),
            Self::Copy { by_uid, set, mailbox } => message::push_copy("COPY", *by_uid, set, mailbox, out),
            Self::Move { by_uid, set, mailbox } => message::push_copy("MOVE", *by_uid, set, mailbox, out),
            Self::Submit(submit) => submit.push(out),
            _ => {
                self.push_on_mailboxes(out);
                self.push_on_keys(out);
            }
        }
    }
    fn push_on_mailboxes(&self, out: &mut Encoded) {
        match self {
            Self::Select(select) => select.push(out),
            Self::Create(create) => create.push(out),
            Self::Delete { mailbox } => out.with_name("DELETE ", mailbox.as_str()),
            Self::Rename { from, to } => {
                out.with_name("RENAME ", from.as_str());
                out.with_name(" ", to.as_str());
            }
            Self::Subscribe { mailbox } => out.with_name("SUBSCRIBE ", mailbox.as_str()),
            Self::Unsubscribe { mailbox } => out.with_name("UNSUBSCRIBE ", mailbox.as_str()),
            Self::List(list) => list.push(out),
            Self::Status { mailbox, items } => {
                out.with_name("STATUS ", mailbox.as_str());
                out.push(" ");
                out.words(items.iter().map(|item| item.name()));
            }
            Self::MailboxMeta { mailbox, change } => mailbox::push_meta(mailbox, change.as_ref(), out),
            _ => {}
        }
    }
    fn push_on_keys(&self, out: &mut Encoded) {
        match self {
            Self::GetKey { key, part } => out.push(&format!("GETKEY {key} {}", part.name())),
            Self::AddKey(add) => add.push(out),
            Self::DeleteKey { key } => out.push(&format!("DELETEKEY {key}")),
            Self::GetSignet(get) => get.push(out),
            Self::AddSignet(add) => add.push(out),
            Self::DeleteSignet { address, fingerprint } => {
                out.with_name("DELETESIGNET ", &address.written());
                fingerprint.iter().for_each(|fingerprint| out.push(&format!(" {fingerprint}")));
            }
            Self::ListSignets { pattern } => {
                out.push("LISTSIGNETS ");
                out.pattern(pattern);
            }
            Self::GetRealm { label } => out.with_name("GETREALM ", label.as_str()),
            Self::AddRealm(add) => add.push(out),
            Self::StaciePasswd(passwd) => passwd.push(out),
            _ => {}
        }
    }
}

/// A further line of AUTHENTICATE: the response to a challenge (DMAP-00 §7.2.1).
#[must_use]
pub fn encode_sasl(response: &[u8]) -> Vec<u8> {
    [base64_encode(response).as_bytes(), b"\r\n"].concat()
}

/// The line by which a client gives up AUTHENTICATE (DMAP-00 §7.2.1).
pub const SASL_CANCEL: &[u8] = b"*\r\n";
/// The line that ends IDLE (RFC 9051 §6.3.13).
pub const DONE: &[u8] = b"DONE\r\n";

#[cfg(test)]
mod tests;
