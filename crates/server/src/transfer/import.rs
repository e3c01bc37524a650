//! Import: read a batch, parse it on all processors, append it in one transaction, with several transactions
//! on their way to the disk at the same time.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;
use std::sync::Arc;

use koi_mailbox::{Account, AclChange, Appended, NewMessage, Pending};
use koi_types::{
    ErrorKind, Flags, MailError, MailboxId, MailboxName, Rights, Role, Timestamp, ZoneOffset, annotation,
    limits,
};

use super::maildir::{self, Folder, Letters, MessageFile};
use super::mbox::{Mbox, Next};
use super::sidecar::{self, Granted, Line, Sidecar};
use super::{Format, Found, Moved, Target, account, annotations, dmap, inside, lines, subscriptions};
use crate::admin::{OnProgress, Progress};
use crate::problem::Problem;

/// Messages of one transaction.
const BATCH_MESSAGES: usize = 250;
/// Octets of one transaction; the journal group has a bound.
const BATCH_OCTETS: usize = 2 * 1024 * 1024;
/// Transactions on their way.
const IN_FLIGHT: usize = 6;

const TOO_LARGE: &str = "larger than limits.message_octets_max";

/// Imports a file or folder into a mailbox, which is made if it is not there. Without a mailbox: an mbox file
/// goes to INBOX, a Maildir++ tree to the mailboxes it names.
pub fn import(
    target: &Target<'_>,
    format: Format,
    path: &Path,
    mailbox: Option<&str>,
    progress: &mut OnProgress<'_>,
) -> Result<Moved, Problem> {
    let mailbox = mailbox.map(|name| {
        MailboxName::new(name)
            .map_err(|e| Problem::usage(format!("mailbox `{name}`: {e}"), "give another name"))
    });
    let mailbox = mailbox.transpose()?;
    let mut moved = Moved::default();
    let done = match format {
        Format::Mbox => {
            let mailbox = mailbox.unwrap_or_else(MailboxName::inbox);
            mbox(target, path, &mailbox, &mut moved, progress)
        }
        Format::Maildir => maildir(target, path, mailbox, &mut moved, progress),
    };
    match done {
        // What is durable, and what was left out, is said with what ended it.
        Err(problem) if moved.messages > 0 || moved.left_out.count() > 0 => {
            moved.ended = Some(problem.into());
        }
        done => done?,
    }
    Ok(moved)
}

/// One folder, or without a mailbox a whole tree with what lies beside it.
fn maildir(
    target: &Target<'_>,
    path: &Path,
    mailbox: Option<MailboxName>,
    moved: &mut Moved,
    progress: &mut OnProgress<'_>,
) -> Result<(), Problem> {
    if !path.join("cur").is_dir() {
        let what = format!("{} is not a Maildir: it has no folder `cur`", path.display());
        return Err(Problem::usage(what, "give the folder that has `cur` and `new` in it"));
    }
    if let Some(mailbox) = mailbox {
        return maildirs(target, &[Folder { path: path.to_owned(), mailbox }], moved, progress);
    }
    annotations::import(&target.account, annotation::Target::Server, path, moved)?;
    dmap::import_account(&target.account, path, moved)?;
    let folders = maildir::tree(path, &mut moved.left_out)?;
    maildirs(target, &folders, moved, progress)?;
    subscriptions::import(&target.account, path, moved)?;
    // Last: while messages came in they were to stay where they are.
    annotations::import_settings(&target.account, path, moved)?;
    account::import(&target.account, path, moved)
}

fn mbox(
    target: &Target<'_>,
    path: &Path,
    mailbox: &MailboxName,
    moved: &mut Moved,
    progress: &mut OnProgress<'_>,
) -> Result<(), Problem> {
    let file = File::open(path).map_err(Problem::file("read", path))?;
    let total = file.metadata().map_or(0, |m| m.len());
    let reader = Mbox::new(BufReader::with_capacity(256 * 1024, file), octets_max(target));
    let mut shown = |done: u64| progress(Progress { done, total, unit: "octets".into() });
    messages_of(target, reader, path, mailbox, moved, &mut shown)
}

/// The messages of an mbox. Those that were read whole come in, also when the rest cannot be read.
pub(super) fn messages_of<R: BufRead>(
    target: &Target<'_>,
    mut reader: Mbox<R>,
    path: &Path,
    mailbox: &MailboxName,
    moved: &mut Moved,
    progress: &mut dyn FnMut(u64),
) -> Result<(), Problem> {
    let mut batches = Batches::new(target, mailbox, &Sidecar::default())?;
    moved.mailboxes += 1;
    let read = loop {
        match reader.next() {
            Ok(Next::Message(found)) => batches.add(found, moved)?,
            Ok(Next::TooLarge { place }) => moved.left_out.add(place, TOO_LARGE),
            Ok(Next::End) => break Ok(()),
            Err(error) => break Err(Problem::file("read the mbox", path)(error)),
        }
        if batches.just_sent() {
            progress(reader.read);
        }
    };
    // What is on its way is acknowledged and counted whatever became of the file.
    batches.finish(moved).and(read)
}

fn maildirs(
    target: &Target<'_>,
    folders: &[Folder],
    moved: &mut Moved,
    progress: &mut OnProgress<'_>,
) -> Result<(), Problem> {
    let mut listed = Vec::new();
    for folder in folders {
        listed.push(maildir::files(&folder.path, &mut moved.left_out)?);
    }
    let total = listed.iter().map(|files| files.len() as u64).sum();
    let mut done = 0;
    for (folder, files) in folders.iter().zip(&listed) {
        let letters = Letters::read(&folder.path)?;
        let sidecar = Sidecar::read(&folder.path)?;
        let mut batches = Batches::new(target, &folder.mailbox, &sidecar)?;
        moved.mailboxes += 1;
        let mut files: Vec<&MessageFile> = files.iter().collect();
        // The order of UIDs, where it is known.
        files.sort_by_key(|f| sidecar.line(f.unique()).map_or(u32::MAX, |l| l.uid));
        for file in files {
            done += 1;
            if let Some(line) = sidecar.line(file.unique()).filter(|line| line.prime_octets.is_some()) {
                let flags = named_flags(file, &letters, line);
                batches.add_prime(line, flags, &folder.path, moved)?;
                continue;
            }
            match read_file(file, &letters, &sidecar, octets_max(target)) {
                Ok(found) => match sidecar.line(file.unique()).and_then(|line| line.meta.as_deref()) {
                    Some(meta) => batches.add_with_meta(found, meta, moved)?,
                    None => batches.add(found, moved)?,
                },
                Err(why) => moved.left_out.add(file.path.display(), why),
            }
            if batches.just_sent() {
                progress(Progress { done, total, unit: "messages".into() });
            }
        }
        let of_mailbox = annotation::Target::Mailbox(batches.mailbox);
        let opened = Opened { mailbox: batches.mailbox, was_empty: batches.was_empty };
        batches.finish(moved)?;
        restore_rights(target, &opened, folder, &sidecar, moved);
        annotations::import(&target.account, of_mailbox, &folder.path, moved)?;
    }
    progress(Progress { done, total, unit: "messages".into() });
    Ok(())
}

/// What was delivered has lines that a server added, here or elsewhere, and was as large as it may be without
/// them.
fn octets_max(target: &Target<'_>) -> u64 {
    target.service.options().message_octets_max.saturating_add(limits::ADDED_OCTETS_MAX)
}

fn read_file(
    file: &MessageFile,
    letters: &Letters,
    sidecar: &Sidecar,
    octets_max: u64,
) -> Result<Found, String> {
    let opened = inside::open(&file.path).map_err(|e| e.to_string())?;
    let facts = opened.metadata().map_err(|e| e.to_string())?;
    if facts.len() > octets_max {
        return Err(TOO_LARGE.into());
    }
    let mut octets = Vec::new();
    opened.take(octets_max).read_to_end(&mut octets).map_err(|e| e.to_string())?;
    let place = file.path.display().to_string();
    if let Some(line) = sidecar.line(file.unique()).filter(|l| l.octets == octets.len() as u64) {
        let flags = named_flags(file, letters, line);
        let received_at = Some(Timestamp(line.internaldate));
        return Ok(Found { place, octets, flags, received_at, zone_minutes: line.zone_minutes });
    }
    let modified = facts.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
    let received_at = modified.and_then(|d| i64::try_from(d.as_millis()).ok()).map(Timestamp);
    let flags = letters.decode(&file.name);
    Ok(Found { place, octets: lines::to_crlf(octets), flags, received_at, zone_minutes: 0 })
}

/// The file name is newer than the sidecar, should a program have changed flags meanwhile.
fn named_flags(file: &MessageFile, letters: &Letters, line: &Line) -> Flags {
    let mut flags = sidecar::flags(&line.flags);
    let named = letters.decode(&file.name);
    flags.system = named.system;
    named.keywords.into_iter().for_each(|k| flags.insert(k));
    flags
}

/// Messages on their way to one mailbox.
struct Batches<'t> {
    target: &'t Target<'t>,
    mailbox: MailboxId,
    was_empty: bool,
    waiting: Vec<Found>,
    waiting_octets: usize,
    in_flight: VecDeque<InFlight>,
    sent: bool,
}

/// One transaction on its way. It counts when it is there.
struct InFlight {
    pending: Pending<Vec<Appended>>,
    messages: u64,
    octets: u64,
    /// The first of it, for whoever has to go on from there.
    first: String,
}

impl<'t> Batches<'t> {
    fn new(target: &'t Target<'t>, name: &MailboxName, sidecar: &Sidecar) -> Result<Self, Problem> {
        let Opened { mailbox, was_empty } = open_mailbox(target, name, sidecar)?;
        Ok(Self {
            target,
            mailbox,
            was_empty,
            waiting: Vec::new(),
            waiting_octets: 0,
            in_flight: VecDeque::new(),
            sent: false,
        })
    }

    fn add(&mut self, found: Found, moved: &mut Moved) -> Result<(), Problem> {
        self.waiting_octets += found.octets.len();
        self.waiting.push(found);
        if self.waiting.len() >= BATCH_MESSAGES || self.waiting_octets >= BATCH_OCTETS {
            self.send(moved)?;
        }
        Ok(())
    }

    /// A message with a META block, alone, behind all that came before.
    fn add_with_meta(&mut self, found: Found, meta: &str, moved: &mut Moved) -> Result<(), Problem> {
        self.send(moved)?;
        let account = &self.target.account;
        let (place, octets) = (found.place.clone(), found.octets.len() as u64);
        let added = dmap::meta(meta).and_then(|meta| {
            let message = parse_one(account, found).map_err(|error| error.to_string())?;
            let appended = account.append_with_meta(self.mailbox, message, Some(meta)).wait();
            appended.map_err(|error| error.to_string())
        });
        match added {
            Ok(_) => {
                moved.messages += 1;
                moved.octets += octets;
            }
            Err(why) => moved.left_out.add(place, why),
        }
        Ok(())
    }

    /// An encrypted message, alone, behind all that came before.
    fn add_prime(
        &mut self,
        line: &Line,
        flags: Flags,
        folder: &Path,
        moved: &mut Moved,
    ) -> Result<(), Problem> {
        self.send(moved)?;
        let account = &self.target.account;
        let read = dmap::read_message(account, folder, &line.file);
        let added = read.and_then(|prime| {
            let octets = prime.octets();
            let new = dmap::message(line, prime, flags)?;
            let appended = account.append_prime(self.mailbox, new).wait();
            appended.map(|_| octets).map_err(|error| error.to_string())
        });
        match added {
            Ok(octets) => {
                moved.messages += 1;
                moved.octets += octets;
            }
            Err(why) => moved.left_out.add(&line.file, why),
        }
        Ok(())
    }

    fn just_sent(&mut self) -> bool {
        std::mem::take(&mut self.sent)
    }

    fn send(&mut self, moved: &mut Moved) -> Result<(), Problem> {
        let batch = std::mem::take(&mut self.waiting);
        self.waiting_octets = 0;
        let facts: Vec<(String, u64)> =
            batch.iter().map(|found| (found.place.clone(), found.octets.len() as u64)).collect();
        let mut messages = Vec::with_capacity(batch.len());
        let (mut octets, mut first) = (0, None);
        for (parsed, (place, its)) in parse(&self.target.account, batch).into_iter().zip(facts) {
            match parsed {
                Ok(message) => {
                    messages.push(message);
                    octets += its;
                    first.get_or_insert(place);
                }
                Err(error) => moved.left_out.add(place, error),
            }
        }
        if let Some(first) = first {
            let count = messages.len() as u64;
            let pending = self.target.account.append(self.mailbox, messages);
            self.in_flight.push_back(InFlight { pending, messages: count, octets, first });
        }
        while self.in_flight.len() >= IN_FLIGHT {
            self.oldest(moved)?;
        }
        self.sent = true;
        Ok(())
    }

    fn oldest(&mut self, moved: &mut Moved) -> Result<(), Problem> {
        let Some(InFlight { pending, messages, octets, first }) = self.in_flight.pop_front() else {
            return Ok(());
        };
        if let Err(error) = pending.wait() {
            // Those behind it may fit where it did not, and are counted then.
            while !self.in_flight.is_empty() {
                let _ = self.oldest(moved);
            }
            let Problem { what, remedy, exit } = error.into();
            let what = format!("{what}; the first that was not taken: {first}").into();
            return Err(Problem { what, remedy, exit });
        }
        moved.messages += messages;
        moved.octets += octets;
        Ok(())
    }

    fn finish(mut self, moved: &mut Moved) -> Result<(), Problem> {
        self.send(moved)?;
        while !self.in_flight.is_empty() {
            self.oldest(moved)?;
        }
        Ok(())
    }
}

const REPAIR: &str = "remove koi-export.jsonl to import what the Maildir itself says";

/// A mailbox that mail is brought into.
struct Opened {
    mailbox: MailboxId,
    /// Nothing was in it before.
    was_empty: bool,
}

/// Rights go with the mail they were given for: a mailbox that had other mail is opened to nobody.
fn restore_rights(
    target: &Target<'_>,
    opened: &Opened,
    folder: &Folder,
    sidecar: &Sidecar,
    moved: &mut Moved,
) {
    for granted in sidecar.head.iter().flat_map(|head| &head.rights) {
        let done = match Rights::parse(&granted.rights) {
            Ok(_) if !opened.was_empty => Err("there was mail in the mailbox before".to_owned()),
            Ok(rights) => {
                let change = AclChange::Replace(rights);
                let pending = target.account.set_acl(opened.mailbox, &granted.identifier, change);
                pending.wait().map_err(|error| error.to_string())
            }
            Err(letter) => Err(format!("`{letter}` is not a right")),
        };
        if let Err(why) = done {
            let Granted { identifier, rights } = granted;
            let what = format_args!("{}: rights {rights} of {identifier}", folder.mailbox);
            moved.left_out.add(what, why);
        }
    }
}

fn open_mailbox(target: &Target<'_>, name: &MailboxName, sidecar: &Sidecar) -> Result<Opened, Problem> {
    let account = &target.account;
    let known = account.snapshot()?.mailbox_named(name)?;
    let role = sidecar.head.as_ref().and_then(|h| h.role.as_deref()).and_then(Role::from_attribute);
    let was_empty = known.as_ref().is_none_or(|row| row.messages == 0);
    let was_there = known.is_some();
    let mailbox = match known {
        Some(row) => row.id,
        None => {
            make_above(account, name, sidecar)?;
            match account.make_alone(name, role).wait() {
                Ok(created) => created.mailbox,
                // Another mailbox has the role already.
                Err(_) if role.is_some() => account.make_alone(name, None).wait()?.mailbox,
                Err(error) => return Err(error.into()),
            }
        }
    };
    if let Some(head) = &sidecar.head {
        // Not subscribed is what an account may have made of a mailbox that all accounts have. One in which
        // there is mail stays as its owner has it.
        let says_so = was_there && was_empty && head.mailbox == name.as_str();
        if head.subscribed || says_so {
            account.subscribe(name, head.subscribed).wait()?;
        }
    }
    if let Some(meta) = sidecar.head.as_ref().and_then(|h| h.meta.as_deref()).filter(|_| was_empty) {
        let meta = dmap::meta(meta).map_err(|why| Problem::new(format!("{name}: META: {why}"), REPAIR))?;
        account.set_mailbox_meta(mailbox, Some(meta)).wait()?;
    }
    Ok(Opened { mailbox, was_empty })
}

/// Makes what is missing above a mailbox. What was no mailbox when this one was exported stays none, if it
/// comes back under its own name.
fn make_above(account: &Account, name: &MailboxName, sidecar: &Sidecar) -> Result<(), Problem> {
    let head = sidecar.head.as_ref().filter(|head| head.mailbox == name.as_str());
    let levels = head.map_or(&[][..], |head| &head.levels);
    let mut above: Vec<MailboxName> = std::iter::successors(name.parent(), MailboxName::parent).collect();
    above.reverse();
    for name in &above {
        match levels.iter().find(|level| level.name == name.as_str()) {
            Some(level) if level.subscribed => account.subscribe(name, true).wait()?,
            Some(_) => {}
            None if account.snapshot()?.mailbox_named(name)?.is_some() => {}
            None => drop(account.make_alone(name, None).wait()?),
        }
    }
    Ok(())
}

/// Hashes and parses on all processors; the order stays.
fn parse(account: &Account, batch: Vec<Found>) -> Vec<Result<NewMessage, MailError>> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let share = batch.len().div_ceil(processors).max(1);
    let mut batch = batch.into_iter();
    let mut shares: Vec<Vec<Found>> = Vec::new();
    loop {
        let next: Vec<Found> = batch.by_ref().take(share).collect();
        if next.is_empty() {
            break;
        }
        shares.push(next);
    }
    std::thread::scope(|scope| {
        let work = |share: Vec<Found>| share.into_iter().map(|f| parse_one(account, f)).collect::<Vec<_>>();
        let begin = |share: Vec<Found>| (share.len(), scope.spawn(move || work(share)));
        let threads: Vec<_> = shares.into_iter().map(begin).collect();
        let broken = || Err(MailError::new(ErrorKind::Internal, "the import failed at it or one beside it"));
        let parsed = |(count, thread): (usize, std::thread::ScopedJoinHandle<'_, Vec<_>>)| {
            thread.join().unwrap_or_else(|_| std::iter::repeat_with(broken).take(count).collect())
        };
        threads.into_iter().flat_map(parsed).collect()
    })
}

fn parse_one(account: &Account, found: Found) -> Result<NewMessage, MailError> {
    // Nothing of it is written for an account that keeps encrypted messages only.
    let mut stage = account.stage().stored();
    stage.write(&found.octets)?;
    let message = Arc::new(stage.finish()?);
    let received_at = found.received_at.unwrap_or_else(|| date_field(&found.octets));
    let received_zone = ZoneOffset(found.zone_minutes);
    Ok(NewMessage { message, flags: found.flags, received_at, received_zone })
}

/// The Date field, or now.
fn date_field(octets: &[u8]) -> Timestamp {
    let sent = koi_message::parse(octets).facts.sent_at;
    sent.map_or_else(crate::clock::now, |date| Timestamp::from_secs(date.unix_s))
}
