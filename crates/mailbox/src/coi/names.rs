//! Mailboxes of COI that a client makes, deletes or renames: an indirect request to enable or disable COI
//! (COI-server §indirectly-disabling-and-enabling-coi).
//!
//! Only what clients ask for comes through here; mailboxes the server makes itself do not. Whether the
//! mailbox for chats is there before and after says what happened, whichever command it was: a child of it
//! may have been made, or a parent renamed.

use koi_store::mail::{AccountTxn, Created, Renamed};
use koi_types::annotation::Target;
use koi_types::{EntryName, ErrorKind, MailError, MailboxId, MailboxName, Result, Role};

use super::settings::ENABLED;
use super::{CoiNames, disable, enable};
use crate::service::Options;

/// The name that is trash where no mailbox has the special use.
const TRASH: &str = "Trash";

pub(crate) fn create(
    account: &mut AccountTxn<'_>,
    options: &Options,
    name: &MailboxName,
    role: Option<Role>,
) -> Result<Created> {
    watching(account, options, |account| account.create(name, role))
}

pub(crate) fn delete(
    account: &mut AccountTxn<'_>,
    options: &Options,
    name: &MailboxName,
) -> Result<MailboxId> {
    watching(account, options, |account| account.delete(name))
}

/// The mailbox for chats stays where it is while COI is enabled, and so do those above it; but it may be
/// thrown away.
pub(crate) fn rename(
    account: &mut AccountTxn<'_>,
    options: &Options,
    from: &MailboxName,
    to: &MailboxName,
) -> Result<Renamed> {
    if let Some(names) = &options.coi
        && moves_chats(account, names, from)?
        && account.coi_settings()?.enabled
        && !is_thrown_away(account, to)?
    {
        let text = format!("{} cannot be renamed while COI is enabled", names.chats);
        return Err(MailError::new(ErrorKind::Unsupported, text));
    }
    watching(account, options, |account| account.rename(from, to))
}

fn moves_chats(account: &AccountTxn<'_>, names: &CoiNames, from: &MailboxName) -> Result<bool> {
    // RENAME of INBOX moves its messages and leaves what is below it alone.
    let lies_there = !from.is_inbox() && (names.chats == *from || names.chats.is_below(from));
    Ok(lies_there && account.is_named(&names.chats)?)
}

fn is_thrown_away(account: &AccountTxn<'_>, to: &MailboxName) -> Result<bool> {
    let by_use = account.name_with_role(Role::Trash)?;
    let by_name = MailboxName::new(TRASH).ok();
    Ok([by_use, by_name].iter().flatten().any(|trash| to.is_below(trash)))
}

fn watching<'t, T>(
    account: &mut AccountTxn<'t>,
    options: &Options,
    run: impl FnOnce(&mut AccountTxn<'t>) -> Result<T>,
) -> Result<T> {
    let Some(names) = &options.coi else { return run(account) };
    let before = account.is_named(&names.chats)?;
    let value = run(account)?;
    let after = account.is_named(&names.chats)?;
    match (before, after) {
        (false, true) => enable(account, names)?,
        (true, false) => disable(account)?,
        _ => return Ok(value),
    }
    // The setting is an annotation, of which others are told.
    if let Ok(enabled) = EntryName::new(ENABLED) {
        account.annotation_changed(Target::Server, &enabled)?;
    }
    Ok(value)
}
