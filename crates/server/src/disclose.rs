//! `koi disclose`: what a stolen data folder tells to who also has the server's own keys (docs/DMAP.md, "a
//! stolen folder"). What opens is written to files, and each message is told, opened or not.
//!
//! Must not: write anything into the data folder.

use std::io::Write as _;
use std::path::Path;

use koi_mailbox::dmap::{Disclosed, DisclosedKey};
use koi_mailbox::{Account, AccountRow, MailboxRow};
use koi_proto::dmap::id::base64url_encode;
use koi_types::Uid;
use serde::{Deserialize, Serialize};

use crate::admin::Reply;
use crate::problem::Problem;
use crate::service::Service;
use crate::transfer::create;

/// What was opened, and what was not.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Disclosure {
    /// For people.
    pub lines: Vec<String>,
    pub messages: u64,
    pub opened: u64,
}

/// Of one account, or of all.
pub fn disclose(service: &Service, path: &Path, only: Option<&str>) -> Result<Reply, Problem> {
    if path.exists() {
        let what = format!("{} is there already", path.display());
        return Err(Problem::usage(what, "give a folder that does not exist yet"));
    }
    let only = only.map(crate::admin::execute::parse).transpose()?;
    let mut told = Disclosure::default();
    let mut accounts = service.mailbox.directory().list()?;
    accounts.retain(|row| only.as_ref().is_none_or(|only| row.address == *only));
    if accounts.is_empty() {
        return Err(Problem::usage("there is no such account", "see `koi account list`"));
    }
    crate::folder::make_private(path)?;
    for row in &accounts {
        let account = service.mailbox.account(row.id)?;
        // A local part may have a slash in it, and lead elsewhere.
        let folder = path.join(row.address.to_string().replace('/', "%2F"));
        crate::folder::make_private(&folder)?;
        of_account(&account, row, &folder, &mut told)?;
    }
    Ok(Reply::Disclosed(told))
}

fn of_account(
    account: &Account,
    row: &AccountRow,
    folder: &Path,
    told: &mut Disclosure,
) -> Result<(), Problem> {
    told.lines.push(format!("{}, {}", row.address, row.mode.word()));
    let keys = account.snapshot()?.disclosed_keys()?;
    for key in &keys {
        let id = base64url_encode(&key.id.0);
        let what = match (&key.private, key.is_stored) {
            (Some(private), _) => {
                write(&folder.join(format!("{id}.key")), &private.object())?;
                "opened"
            }
            (None, true) => "encrypted by its owner, cannot be opened",
            (None, false) => "not stored",
        };
        told.lines.push(format!("  private key {id}: {what}"));
    }
    for mailbox in account.snapshot()?.mailboxes()? {
        of_mailbox(account, &mailbox, &keys, folder, told)?;
    }
    Ok(())
}

fn of_mailbox(
    account: &Account,
    mailbox: &MailboxRow,
    keys: &[DisclosedKey],
    folder: &Path,
    told: &mut Disclosure,
) -> Result<(), Problem> {
    let uids: Vec<Uid> = account.snapshot()?.uids(mailbox.id)?.iter().collect();
    for uid in uids {
        // A snapshot of its own: one must not live long.
        let snapshot = account.snapshot()?;
        let Some(email) = snapshot.message(mailbox.id, uid, |row| row.email)? else { continue };
        let Some(found) = snapshot.disclosed(email, keys)? else { continue };
        told.messages += 1;
        let file = format!("message-{}", told.messages);
        let (octets, what) = match found {
            Disclosed::Clear(octets) => (Some(octets), "in clear".to_owned()),
            Disclosed::Encrypted(of) if of.opened_parts > 0 => {
                let what = format!("encrypted, {} of {} parts opened", of.opened_parts, of.parts);
                (Some(of.opened), what)
            }
            Disclosed::Encrypted(of) if of.envelopes.is_empty() => {
                (None, "encrypted, cannot be opened".to_owned())
            }
            Disclosed::Encrypted(_) => (None, "encrypted, cannot be opened but for its envelope".to_owned()),
        };
        let place = match octets {
            None => String::new(),
            Some(octets) => {
                told.opened += 1;
                write(&folder.join(&file), &octets)?;
                format!(" -> {file}")
            }
        };
        told.lines.push(format!("  {} {uid}: {what}{place}", mailbox.name.as_str()));
    }
    Ok(())
}

fn write(path: &Path, octets: &[u8]) -> Result<(), Problem> {
    create(path)?.write_all(octets).map_err(Problem::file("write", path))
}
