//! One file per command: what it does, from its arguments to its tagged end.

mod acl;
pub(crate) mod append;
mod authenticate;
mod capability;
mod close;
mod comparator;
mod compress;
mod copy;
mod create;
mod delete;
mod enable;
mod esearch;
mod expunge;
mod fetch;
mod filters;
mod found;
mod id;
mod idle;
mod jmap_access;
pub(crate) mod list;
mod login;
mod logout;
mod lsub;
pub(crate) mod meaning;
mod metadata;
mod namespace;
mod noop;
mod notify;
mod quota;
mod rename;
mod search;
mod select;
mod starttls;
pub(crate) mod status;
mod store;
mod subscribe;
mod thread;
mod unauthenticate;
mod url;

use koi_mailbox::{Account, MailboxRow};
use koi_proto::imap::Command;
use koi_proto::imap::command::MailboxArg;
use koi_types::{ErrorKind, MailError, MailboxName, Result, Rights};

use super::core::Core;
use super::job::Job;

/// The job of a command that is allowed in the current state.
pub(crate) fn start(command: Command) -> Box<dyn Job> {
    match command {
        Command::Capability => capability::start(),
        Command::Noop => noop::start("NOOP completed"),
        Command::Check => noop::start("CHECK completed"),
        Command::Logout => logout::start(),
        Command::Id(fields) => id::start(&fields),
        Command::StartTls => starttls::start(),
        Command::Authenticate { mechanism, initial_response } => {
            authenticate::start(&mechanism, initial_response)
        }
        Command::Login { username, password } => login::start(username, password),
        Command::Enable(names) => enable::start(names),
        Command::Compress => compress::start(),
        Command::Unauthenticate => unauthenticate::start(),
        Command::GetJmapAccess => jmap_access::start(),
        Command::Select(select) => select::start(select),
        Command::Create { mailbox, special_use } => create::start(mailbox, special_use),
        Command::Delete { mailbox } => delete::start(mailbox),
        Command::Rename { from, to } => rename::start(from, to),
        Command::Subscribe { mailbox } => subscribe::start(mailbox, true),
        Command::Unsubscribe { mailbox } => subscribe::start(mailbox, false),
        Command::List(list) => list::start(list),
        Command::Lsub { reference, pattern } => lsub::start(&reference, &pattern),
        Command::Namespace => namespace::start(),
        Command::Status { mailbox, items } => status::start(mailbox, items),
        Command::GetQuota { root } => quota::of_root(root),
        Command::GetQuotaRoot { mailbox } => quota::of_mailbox(mailbox),
        Command::SetQuota { root, limits } => quota::set(root, limits),
        Command::SetAcl { mailbox, identifier, change } => acl::set(mailbox, identifier, change),
        Command::DeleteAcl { mailbox, identifier } => acl::delete(mailbox, identifier),
        Command::GetAcl { mailbox } => acl::get(mailbox),
        Command::ListRights { mailbox, identifier } => acl::list(mailbox, identifier),
        Command::MyRights { mailbox } => acl::mine(mailbox),
        Command::GetMetadata(get) => metadata::get(get),
        Command::SetMetadata(set) => metadata::set(set),
        Command::Notify(notify) => notify::start(notify),
        Command::ResetKey(reset) => url::reset_key(reset),
        Command::GenUrlAuth(rumps) => url::generate(rumps),
        Command::UrlFetch(urls) => url::fetch(urls),
        Command::Idle => idle::start(),
        Command::Close => close::start(true),
        Command::Unselect => close::start(false),
        Command::Expunge { uids } => expunge::start(uids),
        Command::Search(search) => search::search(search),
        Command::Sort(sort) => search::sort(sort),
        Command::Thread(thread) => thread::start(thread),
        Command::Comparator(orders) => comparator::start(orders),
        Command::MultiSearch(search) => esearch::start(*search),
        Command::CancelUpdate(tags) => search::cancel_update(tags),
        Command::Fetch(fetch) => fetch::start(fetch),
        Command::Store(store) => store::start(store),
        Command::Copy { by_uid, set, mailbox } => copy::start(copy::How::Copy, by_uid, set, mailbox),
        Command::Move { by_uid, set, mailbox } => copy::start(copy::How::Move, by_uid, set, mailbox),
    }
}

/// The name, or the NO that says why there cannot be such a mailbox.
fn name(argument: &MailboxArg) -> Result<MailboxName> {
    argument.name().cloned().map_err(|why| MailError::new(ErrorKind::InvalidInput, why))
}

/// The name of a mailbox that would have to exist; none can when the name is not one.
fn existing(argument: &MailboxArg) -> Result<MailboxName> {
    argument.name().cloned().map_err(|why| MailError::new(ErrorKind::NotFound, why))
}

/// Whose mailbox is to be made. Where nobody can have one, nobody may, in the words for one that may not, so
/// that they do not tell who has an account here.
fn account_to_change(core: &Core, name: &MailboxName) -> Result<Account> {
    core.account_of(name).map_err(|error| match error.kind {
        ErrorKind::NotFound => no_right(),
        _ => error,
    })
}

fn no_right() -> MailError {
    MailError::new(ErrorKind::NoPermission, "you have no right to do this with this mailbox")
}

/// A mailbox that messages are to be put into.
struct PutInto {
    account: Account,
    row: MailboxRow,
}

/// The mailbox of a name, if there is one that the user may know of. RFC 4314 §4: `i` is needed.
fn put_into(core: &Core, name: &MailboxName) -> Result<Option<PutInto>> {
    let account = match core.account_of(name) {
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
        account => account?,
    };
    let row = account.snapshot()?.mailbox_for(name, Rights::INSERT)?;
    Ok(row.map(|row| PutInto { account, row }))
}

fn no_such_mailbox() -> MailError {
    MailError::new(ErrorKind::NotFound, "no such mailbox")
}
