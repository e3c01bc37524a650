//! One file per command: what it does, from its arguments to its tagged end.

pub(crate) mod append;
mod authenticate;
mod capability;
mod close;
mod copy;
mod create;
mod delete;
mod enable;
mod expunge;
mod fetch;
mod idle;
mod keys;
mod list;
mod logout;
mod mailbox_meta;
mod noop;
mod realms;
mod rename;
mod search;
mod select;
mod signets;
mod status;
mod store;
mod submit;
mod subscribe;

use koi_proto::dmap::Command;
use koi_proto::dmap::name::MailboxArg;
use koi_types::{ErrorKind, MailError, MailboxName, Result};

use super::job::Job;

/// The job of a command that is allowed in the current state.
pub(crate) fn start(command: Command) -> Box<dyn Job> {
    match command {
        Command::Capability => capability::start(),
        Command::Noop => noop::start(),
        Command::Logout => logout::start(),
        Command::Authenticate { mechanism, initial_response } => {
            authenticate::start(mechanism, initial_response)
        }
        Command::Enable(names) => enable::start(names),
        Command::Idle => idle::start(),
        Command::Select(select) => select::start(select),
        Command::Create(create) => create::start(create),
        Command::Delete { mailbox } => delete::start(mailbox),
        Command::Rename { from, to } => rename::start(from, to),
        Command::Subscribe { mailbox } => subscribe::start(mailbox, true),
        Command::Unsubscribe { mailbox } => subscribe::start(mailbox, false),
        Command::List(list) => list::start(&list),
        Command::Status { mailbox, items } => status::start(mailbox, items),
        Command::Close => close::start(true),
        Command::Unselect => close::start(false),
        Command::Expunge { uids } => expunge::start(uids),
        Command::Search(search) => search::start(search),
        Command::Fetch(fetch) => fetch::start(fetch),
        Command::Store(store) => store::start(store),
        Command::Copy { by_uid, set, mailbox } => copy::start(copy::How::Copy, by_uid, set, mailbox),
        Command::Move { by_uid, set, mailbox } => copy::start(copy::How::Move, by_uid, set, mailbox),
        Command::MailboxMeta { mailbox, change } => mailbox_meta::start(mailbox, change),
        Command::GetKey { key, part } => keys::show(key, part),
        Command::AddKey(add) => keys::add(*add),
        Command::DeleteKey { key } => keys::delete(key),
        Command::ListKeys => keys::list(),
        Command::GetSignet(get) => signets::show(get),
        Command::AddSignet(add) => signets::add(add),
        Command::DeleteSignet { address, fingerprint } => signets::delete(address, fingerprint),
        Command::ListSignets { pattern } => signets::list(&pattern),
        Command::GetRealm { label } => realms::show(label),
        Command::AddRealm(add) => realms::add(*add),
        Command::StaciePasswd(passwd) => realms::passwd(*passwd),
        Command::Submit(submit) => submit::start(submit),
        // The session answers these itself.
        Command::Experimental(_) => noop::start(),
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
