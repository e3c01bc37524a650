//! Export: every mailbox of an account as a Maildir++ folder with its sidecar.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use koi_mailbox::dmap::Content;
use koi_mailbox::{Account, BodyRef, MailboxRow};
use koi_proto::sasl::base64_encode;
use koi_types::annotation::Target;
use koi_types::{Flags, MailError, MailboxName, NumSet, Uid};

use super::maildir::{self, Letters};
use super::sidecar::{self, Granted, Head, Level, Line};
use super::{Moved, account, annotations, dmap, sidecar::FILE, subscriptions};
use crate::admin::{OnProgress, Progress};
use crate::problem::Problem;

/// Messages of one snapshot: a snapshot pins pages of the index and must not live long.
const BATCH_MESSAGES: usize = 200;

/// One reason, whatever is wrong with each: they are counted by it.
const UNREADABLE: &str = "what is stored of it cannot be read, `koi check` says why";

/// Why a message was not written.
pub(super) enum Failed {
    /// It cannot be read; others can.
    Unreadable(MailError),
    Unwritten(Problem),
}

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Self {
        Self::Unwritten(problem)
    }
}

/// Writes an account to a folder that does not exist yet or is empty.
pub fn export(account: &Account, path: &Path, progress: &mut OnProgress<'_>) -> Result<Moved, Problem> {
    let empty = std::fs::read_dir(path).map_or(true, |mut entries| entries.next().is_none());
    if !empty {
        let what = format!("{} is not empty", path.display());
        return Err(Problem::usage(what, "give a folder that does not exist yet"));
    }
    let mailboxes = account.snapshot()?.mailboxes()?;
    let total = mailboxes.iter().map(|m| u64::from(m.messages)).sum();
    let mut moved = Moved::default();
    for row in &mailboxes {
        let folder = match maildir::folder_of(&row.name) {
            Some(name) => path.join(format!(".{name}")),
            None => path.to_owned(),
        };
        mailbox(account, row, &folder, &mut moved, &mut |done| {
            progress(Progress { done, total, unit: "messages".into() });
        })?;
        moved.mailboxes += 1;
    }
    annotations::export(account, Target::Server, path)?;
    annotations::export_settings(account, path)?;
    account::export(account, path)?;
    dmap::export_account(account, path)?;
    subscriptions::export(account, path)?;
    Ok(moved)
}

fn mailbox(
    account: &Account,
    row: &MailboxRow,
    folder: &Path,
    moved: &mut Moved,
    progress: &mut dyn FnMut(u64),
) -> Result<(), Problem> {
    for part in ["cur", "new", "tmp"] {
        crate::folder::make_private(&folder.join(part))?;
    }
    if !row.name.is_inbox() {
        // Maildir++: an empty file that says this is a folder of the one above.
        create(&folder.join("maildirfolder"))?;
    }
    let letters = Letters::of(account.snapshot()?.keywords().iter().cloned());
    let keywords = folder.join(maildir::KEYWORDS_FILE);
    create(&keywords)?.write_all(letters.list().as_bytes()).map_err(Problem::file("write", &keywords))?;
    let sidecar_file = folder.join(FILE);
    let mut sidecar = BufWriter::new(create(&sidecar_file)?);
    sidecar::write(&mut sidecar, &head(account, row)?).map_err(Problem::file("write", &sidecar_file))?;
    let mut next = Some(Uid::MIN);
    while let Some(from) = next {
        let batch = batch(account, row, from, moved)?;
        next = batch.last().and_then(|m| m.uid.next());
        for message in batch {
            match write_message(account, folder, &letters, &message, &mut sidecar) {
                Ok(()) => {
                    moved.messages += 1;
                    moved.octets += message.line.octets;
                }
                Err(Failed::Unreadable(error)) => {
                    tracing::debug!(uid = message.uid.value(), %error, "a message was not exported");
                    moved.left_out.add(format_args!("{} UID {}", row.name, message.uid), UNREADABLE);
                }
                Err(Failed::Unwritten(problem)) => return Err(problem),
            }
        }
        progress(moved.messages);
    }
    let file = sidecar.into_inner().map_err(|e| Problem::file("write", &sidecar_file)(e.into_error()))?;
    file.sync_all().map_err(Problem::file("write", &sidecar_file))?;
    annotations::export(account, Target::Mailbox(row.id), folder)
}

fn head(account: &Account, row: &MailboxRow) -> Result<Head, Problem> {
    // The owner comes first, and is whoever imports it.
    let granted = account.acl(row.id)?.into_iter().skip(1);
    Ok(Head {
        version: Head::version(),
        mailbox: row.name.as_str().to_owned(),
        uidvalidity: row.uidvalidity.value(),
        uidnext: row.uidnext.value(),
        highest_modseq: row.highest_modseq.value(),
        role: row.role.map(|r| r.attribute().to_owned()),
        subscribed: row.subscribed,
        rights: granted
            .map(|entry| Granted { identifier: entry.identifier.into(), rights: entry.rights.to_string() })
            .collect(),
        meta: account.snapshot()?.mailbox_meta(row.id)?.map(|meta| base64_encode(&meta)),
        levels: levels(account, &row.name)?,
    })
}

/// What is above a mailbox and is none, which no folder tells apart from a mailbox that was not exported.
fn levels(account: &Account, name: &MailboxName) -> Result<Vec<Level>, Problem> {
    let names = account.snapshot()?.hierarchy();
    let above = std::iter::successors(name.parent(), MailboxName::parent);
    let none = above.filter_map(|name| names.node(&name).filter(|node| node.mailbox.is_none()));
    Ok(none.map(|node| Level { name: node.name.to_string(), subscribed: node.subscribed }).collect())
}

struct Outgoing {
    uid: Uid,
    flags: Flags,
    body: BodyRef,
    /// What the body stands for.
    prime: Option<Content>,
    line: Line,
}

/// The next messages from a UID on.
fn batch(
    account: &Account,
    row: &MailboxRow,
    from: Uid,
    moved: &mut Moved,
) -> Result<Vec<Outgoing>, Problem> {
    let snapshot = account.snapshot()?;
    let keywords = snapshot.keywords();
    let mut uids = NumSet::new();
    uids.insert_range(from.value()..=u32::MAX);
    let place = |uid: Uid| format!("{} UID {uid}", row.name);
    let mut batch = Vec::new();
    let scanned = snapshot.messages(row.id, &uids, |message| {
        let mut flags = Flags::system(message.flags);
        message.keywords.iter().filter_map(|n| keywords.keyword(n)).for_each(|k| flags.insert(k.clone()));
        let found = snapshot.email(message.email).and_then(|email| {
            let is_prime = message.prime_octets > 0;
            let prime = if is_prime { snapshot.dmap_content(message.email)? } else { None };
            let has_meta = message.meta_octets > 0;
            let meta = if has_meta { snapshot.meta(row.id, message.uid)? } else { None };
            Ok(email.map(|email| (email, prime, meta)))
        });
        match found {
            Ok(Some((email, prime, meta))) => {
                let secs = message.received_at.secs().max(0);
                let uid = message.uid.value();
                let line = Line {
                    file: format!("{secs}.M{uid:010}P1.koi,S={}", email.body.octets),
                    uid,
                    modseq: message.modseq.value(),
                    octets: email.body.octets,
                    internaldate: message.received_at.0,
                    zone_minutes: message.received_zone.0,
                    savedate: message.saved_at.0,
                    flags: sidecar::words(&flags),
                    emailid: message.email.to_string(),
                    prime_octets: prime.as_ref().map(Content::octets),
                    prime_key: prime.as_ref().and_then(Content::key_id).map(|id| base64_encode(&id.0)),
                    prime_peer: prime.as_ref().and_then(Content::peer).map(str::to_owned),
                    meta: meta.map(|meta| base64_encode(&meta)),
                };
                batch.push(Outgoing { uid: message.uid, flags, body: email.body, prime, line });
            }
            Ok(None) => moved.left_out.add(place(message.uid), "its email record is missing"),
            Err(error) => moved.left_out.add(place(message.uid), error),
        }
        if batch.len() >= BATCH_MESSAGES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    for uid in scanned.corrupt.iter() {
        moved.left_out.add(format_args!("{} UID {uid}", row.name), "its record cannot be read");
    }
    Ok(batch)
}

fn write_message(
    account: &Account,
    folder: &Path,
    letters: &Letters,
    message: &Outgoing,
    sidecar: &mut BufWriter<File>,
) -> Result<(), Failed> {
    let mut octets = Vec::new();
    let read = |octets| account.snapshot()?.read_body(&message.body, 0..message.body.octets, octets);
    read(&mut octets).map_err(Failed::Unreadable)?;
    if let Some(content) = &message.prime {
        dmap::export_message(account, folder, &message.line.file, content)?;
    }
    let tmp: PathBuf = folder.join("tmp").join(&message.line.file);
    let mut file = create(&tmp)?;
    file.write_all(&octets).map_err(Problem::file("write", &tmp))?;
    let received = Duration::from_millis(u64::try_from(message.line.internaldate).unwrap_or(0));
    file.set_modified(UNIX_EPOCH + received).map_err(Problem::file("set the time of", &tmp))?;
    let name = format!("{}:2,{}", message.line.file, letters.encode(&message.flags));
    let cur = folder.join("cur").join(name);
    std::fs::rename(&tmp, &cur).map_err(Problem::file("rename to", &cur))?;
    let written = sidecar::write(sidecar, &message.line);
    Ok(written.map_err(Problem::file("write", &folder.join(FILE)))?)
}

pub(crate) fn create(path: &Path) -> Result<File, Problem> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    opened.map_err(Problem::file("create", path))
}
