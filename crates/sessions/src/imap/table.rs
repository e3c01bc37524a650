//! The command table: in which state a command is allowed, and when the client may be told that messages are
//! gone.
//!
//! EXPUNGE must not be sent while FETCH, STORE or SEARCH by sequence number is in progress (RFC 9051 §7.5.1,
//! RFC 3501 §7.4.1); the UID forms may send it, but for UID SEARCH with sequence numbers among its keys (RFC
//! 7162 §3.2.10.2). COPY and MOVE by number are held to the same, because a
//! client that pipelines them would otherwise lose count (RFC 3501 §5.5).

use koi_proto::imap::Command;
use koi_proto::imap::command::{AppendBegin, MailboxSource, Replaces, SearchKey};

use crate::selected::telling::Tells;

/// One row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) state: Allowed,
    pub(crate) tells: Tells,
}

/// In which states (RFC 9051 §3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Allowed {
    Any,
    NotAuthenticated,
    /// Authenticated or selected.
    Authenticated,
    Selected,
}

/// APPEND, and REPLACE, which is for the selected state alone (RFC 8508 §3.5) and tells that a message is
/// gone.
pub(crate) fn of_append(begin: &AppendBegin) -> Row {
    match &begin.replaces {
        None => row("APPEND", Allowed::Authenticated, Tells::All),
        Some(Replaces { by_uid: false, .. }) => row("REPLACE", Allowed::Selected, Tells::All),
        Some(Replaces { by_uid: true, .. }) => row("REPLACE", Allowed::Selected, Tells::AllByUid),
    }
}

pub(crate) fn of(command: &Command) -> Row {
    use Allowed::{Any, Authenticated, NotAuthenticated, Selected};
    use Tells::{All, Nothing};
    match command {
        Command::Capability => row("CAPABILITY", Any, All),
        Command::Noop => row("NOOP", Any, All),
        Command::Logout => row("LOGOUT", Any, Nothing),
        Command::Id(_) => row("ID", Any, All),
        Command::StartTls => row("STARTTLS", NotAuthenticated, Nothing),
        Command::Authenticate { .. } => row("AUTHENTICATE", NotAuthenticated, Nothing),
        Command::Login { .. } => row("LOGIN", NotAuthenticated, Nothing),
        Command::Compress => row("COMPRESS", Authenticated, Nothing),
        Command::Unauthenticate => row("UNAUTHENTICATE", Authenticated, Nothing),
        Command::GetJmapAccess => row("GETJMAPACCESS", Authenticated, All),
        Command::Enable(_) => row("ENABLE", Authenticated, All),
        Command::Select(select) if select.read_only => row("EXAMINE", Authenticated, Nothing),
        Command::Select(_) => row("SELECT", Authenticated, Nothing),
        Command::Create { .. } => row("CREATE", Authenticated, All),
        Command::Delete { .. } => row("DELETE", Authenticated, All),
        Command::Rename { .. } => row("RENAME", Authenticated, All),
        Command::Subscribe { .. } => row("SUBSCRIBE", Authenticated, All),
        Command::Unsubscribe { .. } => row("UNSUBSCRIBE", Authenticated, All),
        Command::List(_) => row("LIST", Authenticated, All),
        Command::Lsub { .. } => row("LSUB", Authenticated, All),
        Command::Namespace => row("NAMESPACE", Authenticated, All),
        Command::Status { .. } => row("STATUS", Authenticated, All),
        Command::GetQuota { .. } => row("GETQUOTA", Authenticated, All),
        Command::GetQuotaRoot { .. } => row("GETQUOTAROOT", Authenticated, All),
        Command::SetQuota { .. } => row("SETQUOTA", Authenticated, All),
        Command::SetAcl { .. } => row("SETACL", Authenticated, All),
        Command::DeleteAcl { .. } => row("DELETEACL", Authenticated, All),
        Command::GetAcl { .. } => row("GETACL", Authenticated, All),
        Command::ListRights { .. } => row("LISTRIGHTS", Authenticated, All),
        Command::MyRights { .. } => row("MYRIGHTS", Authenticated, All),
        Command::GetMetadata(_) => row("GETMETADATA", Authenticated, All),
        Command::SetMetadata(_) => row("SETMETADATA", Authenticated, All),
        Command::Notify(_) => row("NOTIFY", Authenticated, All),
        Command::ResetKey(_) => row("RESETKEY", Authenticated, All),
        Command::GenUrlAuth(_) => row("GENURLAUTH", Authenticated, All),
        Command::UrlFetch(_) => row("URLFETCH", Authenticated, All),
        Command::Idle => row("IDLE", Authenticated, All),
        Command::Check => row("CHECK", Selected, All),
        Command::Close => row("CLOSE", Selected, Nothing),
        Command::Unselect => row("UNSELECT", Selected, Nothing),
        Command::Expunge { .. } => row("EXPUNGE", Selected, All),
        Command::Search(search) => row("SEARCH", Selected, by(search.by_uid && !search.has_seqnums())),
        // RFC 5256 §3: as for SEARCH.
        Command::Sort(sort) => row("SORT", Selected, by(sort.search.by_uid && !sort.search.has_seqnums())),
        Command::Thread(thread) => row("THREAD", Selected, by(thread.by_uid && !thread.has_seqnums())),
        // RFC 7377 §2.2: without a selected mailbox too, if none of its sources is that one.
        Command::MultiSearch(search) => {
            let state =
                if search.sources.contains(&MailboxSource::Selected) { Selected } else { Authenticated };
            row("ESEARCH", state, by(!search.search.has_seqnums()))
        }
        Command::CancelUpdate(_) => row("CANCELUPDATE", Selected, All),
        Command::Comparator(_) => row("COMPARATOR", Authenticated, All),
        Command::Fetch(fetch) => row("FETCH", Selected, by(fetch.by_uid)),
        Command::Store(store) => row("STORE", Selected, by(store.by_uid)),
        Command::Copy { by_uid, .. } => row("COPY", Selected, by(*by_uid)),
        Command::Move { by_uid, .. } => row("MOVE", Selected, if *by_uid { Tells::AllByUid } else { All }),
    }
}

/// Whether the command names messages by their numbers, which UIDONLY forbids (RFC 9586 §3.2, RFC 9586 §3.5,
/// RFC 9586 §3.8).
pub(crate) fn uses_numbers(command: &Command) -> bool {
    let has_seqnums = |keys: &[SearchKey]| keys.iter().any(SearchKey::has_seqnums);
    match command {
        Command::Search(search) => !search.by_uid || has_seqnums(&search.keys),
        Command::Sort(sort) => !sort.search.by_uid || has_seqnums(&sort.search.keys),
        Command::Thread(thread) => !thread.by_uid || has_seqnums(&thread.keys),
        Command::MultiSearch(search) => has_seqnums(&search.search.keys),
        Command::Fetch(fetch) => !fetch.by_uid,
        Command::Store(store) => !store.by_uid,
        Command::Copy { by_uid, .. } | Command::Move { by_uid, .. } => !by_uid,
        _ => false,
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
