//! GETMETADATA and SETMETADATA (RFC 5464 §4.2 and §4.3).
//!
//! DEVIATION RFC 5464 §4.1: a name that is no mailbox (`\Noselect` in LIST) has no annotations, because they
//! belong to the mailbox's number, and only what they are kept for would bring such a name into being.

use std::collections::{BTreeSet, VecDeque};

use koi_mailbox::annotation::value_octets_max;
use koi_mailbox::{Account, AnnotationChange, AnnotationRow, Snapshot};
use koi_proto::imap::command::{EntryArg, EntryValue, GetMetadata, MetadataTarget, SetMetadata};
use koi_proto::imap::response::{Code, MetadataLine};
use koi_types::annotation::{EntryName, Target};
use koi_types::{ErrorKind, MailError, Result, Rights, limits};

use super::{existing, filters, no_such_mailbox};
use crate::imap::core::Core;
use crate::imap::error;
use crate::imap::job::{Context, Job, Outcome, Submitted, write_or};
use crate::imap::reply::Reply;

/// A mailbox or the server, and its name on the wire.
struct Place {
    account: Account,
    target: Target,
    name: Box<str>,
}

fn place(core: &Core, target: &MetadataTarget) -> Result<Place> {
    match target {
        MetadataTarget::Server => {
            Ok(Place { account: core.account()?.clone(), target: Target::Server, name: "".into() })
        }
        MetadataTarget::Mailbox(mailbox) => {
            let name = existing(mailbox)?;
            let account = core.account_of(&name)?;
            // RFC 5464 §3.3; one of the other rights that it names is looked for with the entries.
            let row = account.snapshot()?.mailbox_for(&name, Rights::LOOKUP)?.ok_or_else(no_such_mailbox)?;
            Ok(Place { account, target: Target::Mailbox(row.id), name: row.name.as_str().into() })
        }
    }
}

pub(crate) fn get(command: GetMetadata) -> Box<dyn Job> {
    Box::new(Get { command, searched: 0, found: None })
}

struct Get {
    command: GetMetadata,
    /// Entries of the command that were looked for.
    searched: usize,
    found: Option<Found>,
}

/// Entries looked for in one step: below each there may be as many as a mailbox can have.
const SEARCHED_PER_STEP_MAX: usize = 20;

/// What is to be told: the names first, their values when there is room for them.
struct Found {
    place: Place,
    entries: VecDeque<Entry>,
    /// Every entry that was asked for or found so far: each is looked at and told once.
    asked: BTreeSet<EntryName>,
    told: BTreeSet<EntryName>,
    /// The largest value that was left out.
    longest: Option<usize>,
}

enum Entry {
    There(AnnotationRow),
    /// Asked for, and not there.
    Missing(EntryName),
}

impl Job for Get {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        let found = match &mut self.found {
            Some(found) => found,
            None => self.found.insert(Found::new(place(cx.core, &self.command.target)?)),
        };
        let account = found.place.account.clone();
        let snapshot = account.snapshot()?;
        let left = self.command.entries.iter().skip(self.searched);
        for entry in left.take(SEARCHED_PER_STEP_MAX) {
            self.searched += 1;
            // No entry here has a name that is too long.
            if let EntryArg::Name(name) = entry {
                found.search(&snapshot, name, &self.command)?;
            }
        }
        drop(snapshot);
        if self.searched < self.command.entries.len() {
            return Ok(Outcome::Yield);
        }
        found.write(cx)?;
        if !found.entries.is_empty() {
            return Ok(Outcome::OutputFull);
        }
        let reply = Reply::ok("GETMETADATA completed");
        Ok(Outcome::Done(match found.longest {
            // RFC 5464 §4.2.1
            Some(octets) => reply.code(&Code::MetadataLongEntries(octets as u64)),
            None => reply,
        }))
    }
}

impl Found {
    fn new(place: Place) -> Self {
        let (asked, told) = (BTreeSet::new(), BTreeSet::new());
        Self { place, entries: VecDeque::new(), asked, told, longest: None }
    }
    /// One name of the command, and what is below it in the order of names.
    fn search(&mut self, snapshot: &Snapshot<'_>, name: &EntryName, command: &GetMetadata) -> Result<()> {
        if !self.asked.insert(name.clone()) {
            return Ok(());
        }
        let rows = snapshot.annotations(self.place.target, name, command.depth)?;
        if rows.is_empty() {
            self.entries.push_back(Entry::Missing(name.clone()));
        }
        for row in rows {
            let too_large = command.max_size.filter(|max| row.octets as u64 > u64::from(*max));
            if too_large.is_some() {
                self.longest = self.longest.max(Some(row.octets));
            } else if self.told.insert(row.name.clone()) {
                self.entries.push_back(Entry::There(row));
            }
        }
        Ok(())
    }
    /// One response, with as much as there is room for.
    fn write(&mut self, cx: &mut Context<'_>) -> Result<()> {
        let snapshot = self.place.account.snapshot()?;
        let mut line: Option<MetadataLine> = None;
        while cx.out.len() < limits::OUTPUT_OCTETS_HIGH {
            let Some(entry) = self.entries.pop_front() else { break };
            let begin = |out: &mut Vec<u8>| MetadataLine::begin(&self.place.name, cx.core.names(), out);
            match entry {
                Entry::Missing(name) => {
                    line.get_or_insert_with(|| begin(cx.out)).entry(name.as_str(), None, cx.out);
                }
                Entry::There(row) => {
                    // Gone meanwhile is as good as never there.
                    let value = snapshot.annotation_value(self.place.target, &row)?;
                    let line = line.get_or_insert_with(|| begin(cx.out));
                    line.entry(row.name.as_str(), value.as_deref(), cx.out);
                }
            }
        }
        if let Some(line) = line {
            line.end(cx.out);
        }
        Ok(())
    }
}

pub(crate) fn set(command: SetMetadata) -> Box<dyn Job> {
    let of_mailbox = matches!(command.target, MetadataTarget::Mailbox(_));
    let target = command.target.clone();
    write_or(
        move |cx| {
            let place = place(cx.core, &command.target)?;
            let private =
                |change: &EntryValue| matches!(&change.entry, EntryArg::Name(name) if name.is_private());
            // DEVIATION RFC 5464 §3.3: nobody has private entries on mailboxes of others, because they would
            // be rows that only their owner pays for; RFC 5464 §4.3 has an answer for that.
            if place.account.is_others() && command.values.iter().any(private) {
                let reply = Reply::no("there are no private entries on mailboxes of others");
                return Ok(Submitted::Done(reply.code(&Code::MetadataNoPrivate)));
            }
            match changes(place.target, command) {
                Ok(changes) => Ok(Submitted::Pending(place.account.set_annotations(place.target, changes))),
                Err(reply) => Ok(Submitted::Done(*reply)),
            }
        },
        move |cx, done| match done {
            Ok(modseq) => {
                if let Ok(Place { account, .. }) = place(cx.core, &target) {
                    cx.core.annotations_set(&account, modseq);
                }
                Ok(Reply::ok("SETMETADATA completed"))
            }
            Err(error) => refused(error, of_mailbox),
        },
    )
}

/// Sizes are judged before anything is queued (RFC 5464 §4.3).
fn changes(target: Target, command: SetMetadata) -> std::result::Result<Vec<AnnotationChange>, Box<Reply>> {
    let changes = command.values.into_iter().map(|each| {
        let EntryArg::Name(name) = each.entry else {
            return Err(Box::new(Reply::no("entry name is too long").code(&Code::Limit)));
        };
        // RFC 5466 §3.2
        let refused = filters::refused(&name, each.value.as_deref()).filter(|_| target == Target::Server);
        if let Some(why) = refused {
            return Err(Box::new(Reply::no(why).code(&Code::Cannot)));
        }
        let max = value_octets_max(target, &name);
        if each.value.as_ref().is_some_and(|value| value.len() > max) {
            let reply = Reply::no("value is too large").code(&Code::MetadataMaxSize(max as u64));
            return Err(Box::new(reply));
        }
        Ok(AnnotationChange { name, value: each.value })
    });
    changes.collect()
}

/// RFC 5464 §4.3, RFC 6154 §4. What no code of these fits is told like any other error.
fn refused(error: MailError, of_mailbox: bool) -> Result<Reply> {
    let max = limits::ANNOTATION_VALUE_OCTETS_MAX as u64;
    let code = match error.kind {
        ErrorKind::LimitReached => Code::MetadataTooMany,
        ErrorKind::TooLarge => Code::MetadataMaxSize(max),
        ErrorKind::AlreadyExists | ErrorKind::Unsupported if of_mailbox => Code::UseAttr,
        ErrorKind::InvalidInput | ErrorKind::NoPermission => error::code(error.kind),
        _ => return Err(error),
    };
    Ok(Reply::no(error.text.to_string()).code(&code))
}
