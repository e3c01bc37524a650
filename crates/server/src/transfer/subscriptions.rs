//! Subscriptions to names that are no mailboxes and have none below, which lie in no folder of the tree: a
//! file of JSON lines, one name each (RFC 9051 §6.3.7).

use std::io::{BufReader, BufWriter};
use std::path::Path;

use koi_mailbox::Account;
use koi_types::MailboxName;

use super::export::create;
use super::lines::read_line;
use super::{Moved, inside, sidecar};
use crate::problem::Problem;

/// The file of the account.
const FILE: &str = "koi-subscriptions.jsonl";
/// More than a name takes with every octet escaped.
const LINE_OCTETS_MAX: usize = 16 * 1024;

/// Writes them, if there are any.
pub(super) fn export(account: &Account, folder: &Path) -> Result<(), Problem> {
    let names = account.snapshot()?.hierarchy();
    let mut only = names.nodes().filter(|node| node.subscribed && !node.is_there()).peekable();
    if only.peek().is_none() {
        return Ok(());
    }
    let path = folder.join(FILE);
    let mut out = BufWriter::new(create(&path)?);
    for node in only {
        sidecar::write(&mut out, &node.name.as_str()).map_err(Problem::file("write", &path))?;
    }
    let file = out.into_inner().map_err(|e| Problem::file("write", &path)(e.into_error()))?;
    file.sync_all().map_err(Problem::file("write", &path))
}

/// Reads the file, if it is there. What is refused is left out and told.
pub(super) fn import(account: &Account, folder: &Path, moved: &mut Moved) -> Result<(), Problem> {
    let path = folder.join(FILE);
    let Some(file) = inside::open_if_there(&path)? else { return Ok(()) };
    let mut input = BufReader::new(file);
    let mut line = Vec::new();
    let mut number = 0u64;
    while read_line(&mut input, LINE_OCTETS_MAX, &mut line).map_err(Problem::file("read", &path))? > 0 {
        number += 1;
        let done = name(&line)
            .and_then(|name| account.subscribe(&name, true).wait().map_err(|error| error.to_string()));
        if let Err(why) = done {
            moved.left_out.add(format_args!("{}:{number}", path.display()), why);
        }
    }
    Ok(())
}

fn name(line: &[u8]) -> Result<MailboxName, String> {
    let name: String = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    MailboxName::new(&name).map_err(|error| format!("`{name}`: {error}"))
}
