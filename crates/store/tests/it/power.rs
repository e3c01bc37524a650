//! What a disk may hold if the power goes at any moment of a recording of `sim.rs`.
//!
//! The model: names and lengths become durable in the order they were made (as journalling file systems do),
//! at the latest with the next flush of anything; octets become durable with a flush of their file; until
//! then any subset of their pieces may have reached the disk, in any order.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::rig::Dice;
use crate::sim::{Event, FileId, SimVfs, write_into};

/// Octets that were written but not yet flushed.
#[derive(Clone)]
struct Pending {
    /// Number of the event.
    at: usize,
    file: FileId,
    offset: u64,
    octets: Arc<[u8]>,
}

impl Pending {
    fn end(&self) -> u64 {
        self.offset + self.octets.len() as u64
    }
}

/// Follows the events and says what the disk may hold at each of them.
#[derive(Default)]
pub(crate) struct Replay {
    /// What is certainly there.
    names: BTreeMap<PathBuf, FileId>,
    files: BTreeMap<FileId, Vec<u8>>,
    /// Names and lengths that may or may not be there yet, in order.
    pending_names: Vec<Event>,
    /// Octets that may or may not be there yet.
    pending_octets: Vec<Pending>,
    /// Events so far.
    clock: usize,
    index: Option<Arc<[u8]>>,
}

impl Replay {
    pub(crate) fn index(&self) -> Option<&[u8]> {
        self.index.as_deref()
    }
    /// The event has happened completely.
    pub(crate) fn advance(&mut self, event: &Event) {
        match event {
            Event::Write { file, offset, octets, durable } => {
                let written =
                    Pending { at: self.clock, file: *file, offset: *offset, octets: octets.clone() };
                if *durable {
                    self.settle_names();
                    // What was written there before is no longer waiting: this came over it.
                    self.supersede(&written);
                    write_into(self.files.entry(*file).or_default(), octets, *offset);
                } else {
                    self.pending_octets.push(written);
                }
            }
            Event::Flush { file, started } => self.flush(*file, *started),
            Event::SyncDir => self.settle_names(),
            Event::Index { copy } => self.index = copy.clone(),
            Event::SetOctets { file, octets } => {
                self.clip(*file, *octets);
                self.pending_names.push(event.clone());
            }
            other => self.pending_names.push(other.clone()),
        }
        self.clock += 1;
    }
    fn supersede(&mut self, newer: &Pending) {
        let (from, end) = (newer.offset, newer.end());
        let pending = std::mem::take(&mut self.pending_octets);
        for old in pending {
            if old.file != newer.file || old.end() <= from || old.offset >= end {
                self.pending_octets.push(old);
                continue;
            }
            let before = from.saturating_sub(old.offset) as usize;
            let after = end.min(old.end()).saturating_sub(old.offset) as usize;
            let part = |offset: u64, octets: &[u8]| Pending { offset, octets: octets.into(), ..old.clone() };
            self.pending_octets.push(part(old.offset, &old.octets[..before]));
            self.pending_octets.push(part(old.offset + after as u64, &old.octets[after..]));
        }
    }
    /// What was written behind a cut does not come back.
    fn clip(&mut self, file: FileId, end: u64) {
        for pending in self.pending_octets.iter_mut().filter(|pending| pending.file == file) {
            let keep = end.saturating_sub(pending.offset).min(pending.octets.len() as u64) as usize;
            pending.octets = pending.octets[..keep].into();
        }
    }
    fn flush(&mut self, file: FileId, started: usize) {
        self.settle_names();
        let pending = std::mem::take(&mut self.pending_octets);
        for pending in pending {
            if pending.file == file && pending.at < started {
                write_into(self.files.entry(file).or_default(), &pending.octets, pending.offset);
            } else {
                self.pending_octets.push(pending);
            }
        }
    }
    fn settle_names(&mut self) {
        for event in std::mem::take(&mut self.pending_names) {
            apply_name(&mut self.names, &mut self.files, &event);
        }
    }
    /// A disk after the power went while `next` was under way: everything certain, and chance for the rest.
    pub(crate) fn image(&self, next: Option<&Event>, dice: &mut Dice) -> SimVfs {
        let (mut names, mut files) = (self.names.clone(), self.files.clone());
        let kept = dice.below(self.pending_names.len() as u64 + 1) as usize;
        for event in &self.pending_names[..kept] {
            apply_name(&mut names, &mut files, event);
        }
        let piece = if dice.below(2) == 0 { 512 } else { 4096 };
        let under_way = next.and_then(|event| match event {
            Event::Write { file, offset, octets, .. } => {
                Some(Pending { at: self.clock, file: *file, offset: *offset, octets: octets.clone() })
            }
            _ => None,
        });
        for Pending { file, offset, octets, .. } in self.pending_octets.iter().chain(&under_way) {
            // All, none, a half of the pieces, or each by itself.
            let likely = [0, 100, 50, dice.below(101)][dice.below(4) as usize];
            let mut at = 0;
            while at < octets.len() {
                let end = (at + piece - (*offset as usize + at) % piece).min(octets.len());
                if dice.below(100) < likely {
                    write_into(files.entry(*file).or_default(), &octets[at..end], offset + at as u64);
                }
                at = end;
            }
        }
        let vfs = SimVfs::default();
        for (path, file) in names {
            vfs.set_content(&path, files.get(&file).cloned().unwrap_or_default());
        }
        vfs
    }
}

fn apply_name(names: &mut BTreeMap<PathBuf, FileId>, files: &mut BTreeMap<FileId, Vec<u8>>, event: &Event) {
    match event {
        Event::Create { path, file } => {
            names.insert(path.clone(), *file);
        }
        Event::Remove { path } => {
            names.remove(path);
        }
        Event::Rename { from, to } => {
            // A folder takes its content along.
            let moved: Vec<_> = names.keys().filter(|path| path.starts_with(from)).cloned().collect();
            for path in moved {
                let file = names.remove(&path).unwrap();
                let inside = path.strip_prefix(from).unwrap();
                let target = if inside.as_os_str().is_empty() { to.clone() } else { to.join(inside) };
                names.insert(target, file);
            }
        }
        Event::SetOctets { file, octets } => files.entry(*file).or_default().resize(*octets as usize, 0),
        _ => {}
    }
}
