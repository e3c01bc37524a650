//! The command table: in which state a command is allowed, and when the client may be told that messages are
//! gone.
//!
//! As in IMAP: EXPUNGE must not be sent while FETCH, STORE, SEARCH, COPY, MOVE or SUBMIT by sequence number
//! is in progress (RFC 9051 §7.5.1); the UID forms may send it, but for UID SEARCH with sequence numbers
//! among its keys (RFC 7162 §3.2.10.2).

use koi_proto::dmap::Command;
use koi_proto::dmap::command::SearchKey;

use crate::selected::telling::Tells;

/// One row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) state: Allowed,
    pub(crate) tells: Tells,
}

/// In which states (DMAP-00 §4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Allowed {
    Any,
    NotAuthenticated,
    /// Authenticated or selected.
    Authenticated,
    Selected,
}

pub(crate) const APPEND: Row = row("APPEND", Allowed::Authenticated, Tells::All);

pub(crate) fn of(command: &Command) -> Row {
    use Allowed::{Any, Authenticated, NotAuthenticated, Selected};
    use Tells::{All, Nothing};
    match command {
        Command::Capability => row("CAPABILITY", Any, All),
        Command::Noop => row("NOOP", Any, All),
        Command::Logout => row("LOGOUT", Any, Nothing),
        Command::Experimental(_) => row("X", Any, All),
        Command::Authenticate { .. } => row("AUTHENTICATE", NotAuthenticated, Nothing),
        Command::Enable(_) => row("ENABLE", Authenticated, All),
        Command::Idle => row("IDLE", Authenticated, All),
        Command::Select(select) if select.read_only => row("EXAMINE", Authenticated, Nothing),
        Command::Select(_) => row("SELECT", Authenticated, Nothing),
        Command::Create(_) => row("CREATE", Authenticated, All),
        Command::Delete { .. } => row("DELETE", Authenticated, All),
        Command::Rename { .. } => row("RENAME", Authenticated, All),
        Command::Subscribe { .. } => row("SUBSCRIBE", Authenticated, All),
        Command::Unsubscribe { .. } => row("UNSUBSCRIBE", Authenticated, All),
        Command::List(_) => row("LIST", Authenticated, All),
        Command::Status { .. } => row("STATUS", Authenticated, All),
        Command::MailboxMeta { .. } => row("MBOXMETA", Authenticated, All),
        Command::GetKey { .. } => row("GETKEY", Authenticated, All),
        Command::AddKey(_) => row("ADDKEY", Authenticated, All),
        Command::DeleteKey { .. } => row("DELETEKEY", Authenticated, All),
        Command::ListKeys => row("LISTKEYS", Authenticated, All),
        Command::GetSignet(_) => row("GETSIGNET", Authenticated, All),
        Command::AddSignet(_) => row("ADDSIGNET", Authenticated, All),
        Command::DeleteSignet { .. } => row("DELETESIGNET", Authenticated, All),
        Command::ListSignets { .. } => row("LISTSIGNETS", Authenticated, All),
        Command::GetRealm { .. } => row("GETREALM", Authenticated, All),
        Command::AddRealm(_) => row("ADDREALM", Authenticated, All),
        Command::StaciePasswd(_) => row("STACIE-PASSWD", Authenticated, All),
        Command::Close => row("CLOSE", Selected, Nothing),
        Command::Unselect => row("UNSELECT", Selected, Nothing),
        Command::Expunge { .. } => row("EXPUNGE", Selected, All),
        Command::Search(search) => {
            row("SEARCH", Selected, by(search.by_uid && !search.keys.iter().any(has_seqnums)))
        }
        Command::Fetch(fetch) => row("FETCH", Selected, by(fetch.by_uid)),
        Command::Store(store) => row("STORE", Selected, by(store.by_uid)),
        Command::Copy { by_uid, .. } => row("COPY", Selected, by(*by_uid)),
        Command::Move { by_uid, .. } => row("MOVE", Selected, if *by_uid { Tells::AllByUid } else { All }),
        Command::Submit(submit) => row("SUBMIT", Selected, by(submit.by_uid)),
    }
}

/// Whether the command names messages by their numbers, which UIDONLY forbids (RFC 9586 §3.2).
pub(crate) fn uses_numbers(command: &Command) -> bool {
    match command {
        Command::Search(search) => !search.by_uid || search.keys.iter().any(has_seqnums),
        Command::Fetch(fetch) => !fetch.by_uid,
        Command::Store(store) => !store.by_uid,
        Command::Copy { by_uid, .. } | Command::Move { by_uid, .. } => !by_uid,
        Command::Submit(submit) => !submit.by_uid,
        _ => false,
    }
}

/// `$` is no number.
pub(crate) fn has_seqnums(key: &SearchKey) -> bool {
    match key {
        SearchKey::Sequence(set) => set.has_numbers(),
        key => key.inner().iter().any(has_seqnums),
    }
}

const fn by(uid: bool) -> Tells {
    match uid {
        true => Tells::AllByUid,
        false => Tells::NoExpunge,
    }
}

const fn row(name: &'static str, state: Allowed, tells: Tells) -> Row {
    Row { name, state, tells }
}
