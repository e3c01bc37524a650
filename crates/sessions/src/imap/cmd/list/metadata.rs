//! METADATA responses beside LIST responses (RFC 9590 §3): what GETMETADATA with DEPTH 0 would say.
//!
//! Of one mailbox there may be more than the output has room for: then the rest is owed, and comes before the
//! next name.

use std::cell::RefCell;

use koi_mailbox::{Account, NamedMailbox, Snapshot};
use koi_proto::imap::command::{EntryArg, ListReturn};
use koi_proto::imap::response::MetadataLine;
use koi_types::annotation::{Depth, EntryName, Target};
use koi_types::{ErrorKind, MailError, MailboxId, Result, limits};

use super::Listed;

/// The entries that are asked for of every mailbox, and what is owed of one.
pub(super) struct Metadata {
    /// Each once; none is asked for when this is empty.
    entries: Vec<EntryName>,
    owed: RefCell<Option<Owed>>,
}

struct Owed {
    mailbox: NamedMailbox,
    name: Box<str>,
    /// Entries already told.
    told: usize,
}

impl Metadata {
    pub(super) fn new(returns: &[ListReturn]) -> Self {
        let mut entries: Vec<EntryName> = Vec::new();
        for option in returns {
            let ListReturn::Metadata(wanted) = option else { continue };
            for entry in wanted {
                // No entry here has a name that is too long.
                if let EntryArg::Name(name) = entry
                    && !entries.contains(name)
                {
                    entries.push(name.clone());
                }
            }
        }
        Self { entries, owed: RefCell::new(None) }
    }
    /// Of this mailbox, whose LIST response was just written.
    pub(super) fn begin(
        &self,
        listed: &Listed<'_>,
        name: &str,
        mailbox: NamedMailbox,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        if !self.entries.is_empty() {
            let mut owed = Owed { mailbox, name: name.into(), told: 0 };
            let all = self.write(listed, &mut owed, out)?;
            self.owed.replace(Some(owed).filter(|_| !all));
        }
        Ok(())
    }
    /// What is owed; `false` when the output is full again.
    pub(super) fn go_on(&self, listed: &Listed<'_>, out: &mut Vec<u8>) -> Result<bool> {
        let Some(mut owed) = self.owed.take() else { return Ok(true) };
        let all = self.write(listed, &mut owed, out)?;
        self.owed.replace(Some(owed).filter(|_| !all));
        Ok(all)
    }
    pub(super) fn is_owing(&self) -> bool {
        self.owed.borrow().is_some()
    }
    fn write(&self, listed: &Listed<'_>, owed: &mut Owed, out: &mut Vec<u8>) -> Result<bool> {
        let account = match owed.mailbox.owner.map(|owner| listed.core.account()?.of(owner)).transpose() {
            // The user was removed meanwhile.
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(true),
            account => account?,
        };
        let others = account.as_ref().map(Account::snapshot).transpose()?;
        let snapshot = others.as_ref().unwrap_or(listed.snapshot);
        let mut line: Option<MetadataLine> = None;
        let mut all = true;
        for entry in self.entries.iter().skip(owed.told) {
            // At least one in a step, so that there is an end.
            if out.len() >= limits::OUTPUT_OCTETS_HIGH && owed.told > 0 {
                all = false;
                break;
            }
            owed.told += 1;
            // RFC 9590 §3: what cannot be looked up is left out.
            let Some(value) = value(snapshot, owed.mailbox.id, entry)? else { continue };
            let line = line.get_or_insert_with(|| MetadataLine::begin(&owed.name, listed.status.names, out));
            line.entry(entry.as_str(), value.as_deref(), out);
        }
        if let Some(line) = line {
            line.end(out);
        }
        Ok(all)
    }
}

/// The value of an entry, or that it has none; nothing at all when its mailbox is gone, or it cannot or may
/// not be read.
fn value(snapshot: &Snapshot<'_>, mailbox: MailboxId, entry: &EntryName) -> Result<Option<Option<Vec<u8>>>> {
    let target = Target::Mailbox(mailbox);
    let found = snapshot.annotations(target, entry, Depth::Zero).and_then(|rows| match rows.first() {
        Some(row) => Ok(snapshot.annotation_value(target, row)?.map(std::borrow::Cow::into_owned)),
        None => Ok(None),
    });
    match found {
        Ok(value) => Ok(Some(value)),
        Err(MailError {
            kind: ErrorKind::NotFound | ErrorKind::Corrupt | ErrorKind::NoPermission, ..
        }) => Ok(None),
        Err(error) => Err(error),
    }
}
