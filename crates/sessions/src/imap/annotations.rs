//! Telling a client which annotations others changed: names without values, for who has enabled METADATA
//! (RFC 5464 §4.4 and §4.4.2). After NOTIFY it is that which says what is told (RFC 5465 §4).

use std::collections::VecDeque;

use koi_mailbox::{ChangedAnnotation, Snapshot};
use koi_proto::imap::response::{NameEncoding, metadata_changed};
use koi_types::annotation::Target;
use koi_types::{ModSeq, Result, limits};

use super::core::Core;
use super::sync::Synced;

/// What this client knows.
#[derive(Debug)]
pub(crate) struct Annotations {
    told: ModSeq,
    /// Its own changes after that, of which it is not told (RFC 5464 §4.3).
    own: Vec<ModSeq>,
    /// Still to be told.
    waiting: VecDeque<ChangedAnnotation>,
}

/// Entries that are looked for at a time.
const CHANGED_MAX: usize = 1000;
/// Entries of one response.
const NAMES_PER_LINE_MAX: usize = 50;

impl Annotations {
    /// Changes after `told` are to be told.
    pub(crate) const fn new(told: ModSeq) -> Self {
        Self { told, own: Vec::new(), waiting: VecDeque::new() }
    }
    pub(crate) fn changed_itself(&mut self, modseq: ModSeq) {
        self.own.push(modseq);
    }
    /// Octets of memory it takes.
    pub(crate) fn memory_octets(&self) -> usize {
        self.own.capacity() * size_of::<ModSeq>() + names_octets(&self.waiting)
    }
    fn look(&mut self, snapshot: &Snapshot<'_>) -> Result<()> {
        let news = snapshot.annotation_news(self.told, &self.own, CHANGED_MAX)?;
        self.told = news.upto;
        self.own.retain(|modseq| *modseq > news.upto);
        self.waiting.extend(news.changed);
        Ok(())
    }
}

/// What names of annotations take in memory, each counted as long as one may be.
pub(crate) fn names_octets(waiting: &VecDeque<ChangedAnnotation>) -> usize {
    waiting.len() * (size_of::<ChangedAnnotation>() + limits::ANNOTATION_NAME_OCTETS_MAX)
}

/// Whole lines until there is nothing left or no room.
pub(crate) fn write(
    waiting: &mut VecDeque<ChangedAnnotation>,
    snapshot: &Snapshot<'_>,
    names: NameEncoding,
    out: &mut Vec<u8>,
) -> Result<()> {
    while let Some(first) = waiting.front().filter(|_| out.len() < limits::OUTPUT_OCTETS_HIGH) {
        let target = first.target;
        let together = waiting.iter().take_while(|changed| changed.target == target);
        let count = together.count().min(NAMES_PER_LINE_MAX);
        let entries: Vec<ChangedAnnotation> = waiting.drain(..count).collect();
        // Those of a mailbox that was deleted are gone with it.
        let mailbox = match target {
            Target::Server => Some(String::new()),
            Target::Mailbox(id) => snapshot.mailbox(id)?.map(|row| row.name.to_string()),
        };
        if let Some(mailbox) = mailbox {
            metadata_changed(&mailbox, names, entries.iter().map(|entry| entry.name.as_str()), out);
        }
    }
    Ok(())
}

/// Tells what is to be told; nothing to a client that did not ask for it.
pub(crate) fn tell(core: &mut Core, out: &mut Vec<u8>) -> Result<Synced> {
    let names = core.names();
    let (Some(annotations), Some(login)) = (&mut core.annotations, &core.login) else {
        return Ok(Synced::Done);
    };
    let snapshot = login.account.snapshot()?;
    loop {
        write(&mut annotations.waiting, &snapshot, names, out)?;
        if !annotations.waiting.is_empty() {
            return Ok(Synced::OutputFull);
        }
        if annotations.told >= snapshot.modseq() {
            return Ok(Synced::Done);
        }
        annotations.look(&snapshot)?;
    }
}
