//! Annotations of mailboxes and of the server (RFC 5464 §3): rows by name, and their sums for the limits.
//!
//! They belong to a mailbox's number, not its name, so that they follow a RENAME and cannot come back with a
//! new mailbox of an old name (RFC 5464 §4.1). Those of a deleted mailbox are reclaimed with its messages.
//! They are no change of a mailbox: its HIGHESTMODSEQ stays. Must not: know what a name means.

use std::ops::ControlFlow;

use koi_types::annotation::{Depth, EntryName, Target};
use koi_types::{AccountId, ErrorKind, MailError, MailboxId, Result, limits};

use super::account::AccountTxn;
use crate::key::{self, KeyRange};
use crate::kv::{Read, Txn};
use crate::record::annotation::{AnnotationRecord, AnnotationTotals};
use crate::record::corrupt;

/// The annotations of one target, counted in a transaction.
#[derive(Clone, Copy)]
pub(super) struct CountedAnnotations {
    target: Target,
    count: u32,
}

/// Visits the value of an annotation and when it was set.
pub type VisitAnnotation<'v> = dyn FnMut(EntryName, &AnnotationRecord<'_>) -> ControlFlow<()> + 'v;

/// The value of one annotation.
pub fn value(
    read: &(impl Read + ?Sized),
    account: AccountId,
    target: Target,
    name: &EntryName,
) -> Result<Option<Vec<u8>>> {
    let key = key::annotation(account, target, name);
    let Some(row) = read.get(&key)? else { return Ok(None) };
    let record = AnnotationRecord::decode(&row).ok_or_else(|| corrupt("annotation", &key))?;
    Ok(Some(record.value.to_vec()))
}

/// Visits what `name` and the names below it have, down to `depth`, in the order of the names. Its cost grows
/// with all that is below the name, at most `limits::ANNOTATIONS_PER_TARGET_MAX` rows.
pub fn each(
    read: &(impl Read + ?Sized),
    account: AccountId,
    target: Target,
    name: &EntryName,
    depth: Depth,
    visit: &mut VisitAnnotation<'_>,
) -> Result<()> {
    let own = key::annotation(account, target, name);
    let end = [own.as_slice(), &[0]].concat();
    let flow = scan(read, &KeyRange { from: own.clone(), end }, &mut |key, record| visit(key.name, record))?;
    if depth == Depth::Zero || flow.is_break() {
        return Ok(());
    }
    let below = key::below(&[own.as_slice(), b"/"].concat());
    scan(read, &below, &mut |key, record| match key.name.is_within(name, depth) {
        true => visit(key.name, record),
        false => ControlFlow::Continue(()),
    })
    .map(drop)
}

/// Visits all annotations of an account that were set after a MODSEQ. It looks at every one there is.
pub fn set_after(
    read: &(impl Read + ?Sized),
    account: AccountId,
    modseq: u64,
    visit: &mut dyn FnMut(Target, EntryName),
) -> Result<()> {
    let from = key::annotations(account, Target::Server).to_vec();
    let range = KeyRange { from, end: key::all(account, key::table::ANNOTATION).end };
    scan(read, &range, &mut |key, record| {
        if record.modseq > modseq {
            visit(key.target, key.name);
        }
        ControlFlow::Continue(())
    })
    .map(drop)
}

struct Key {
    target: Target,
    name: EntryName,
}

fn scan(
    read: &(impl Read + ?Sized),
    range: &KeyRange,
    visit: &mut dyn FnMut(Key, &AnnotationRecord<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>> {
    let mut broken = None;
    let mut flow = ControlFlow::Continue(());
    read.scan(&range.from, &range.end, &mut |key, row| {
        let (Some((target, name)), Some(record)) = (key::annotation_of(key), AnnotationRecord::decode(row))
        else {
            broken = Some(corrupt("annotation", key));
            return ControlFlow::Break(());
        };
        let name = record.name.clone().unwrap_or(name);
        flow = visit(Key { target, name }, &record);
        flow
    })?;
    broken.map_or(Ok(flow), Err)
}

/// What an account's annotations add up to.
pub fn totals(read: &(impl Read + ?Sized), account: AccountId) -> Result<AnnotationTotals> {
    let key = key::annotation_totals(account);
    let Some(row) = read.get(&key)? else { return Ok(AnnotationTotals::default()) };
    AnnotationTotals::decode(&row).ok_or_else(|| corrupt("annotation totals", &key))
}

/// What a row counts towards `limits::ANNOTATIONS_OCTETS_MAX`: its name and its record, whether or not that
/// can be read.
pub(super) fn counted_octets(key: &[u8], row: &[u8]) -> u64 {
    (key.len().saturating_sub(key::annotations(AccountId(0), Target::Server).len()) + row.len()) as u64
}

impl AccountTxn<'_> {
    /// Sets an annotation, or removes it. `TooLarge`, `LimitReached` (too many) and `OverQuota` (all of them
    /// together too large) leave the whole transaction without trace.
    pub fn set_annotation(&mut self, target: Target, name: &EntryName, value: Option<&[u8]>) -> Result<()> {
        if let Target::Mailbox(mailbox) = target {
            self.mailbox(mailbox)?;
        }
        let key = key::annotation(self.id, target, name);
        let before = self.txn.get(&key)?.map(std::borrow::Cow::into_owned);
        let changed = match value {
            Some(value) => self.put_annotation(target, name, value, before.as_deref())?,
            None => self.remove_annotation(target, &key, before.as_deref())?,
        };
        if changed {
            self.annotation_changed(target, name)?;
        }
        Ok(())
    }
    /// Answers whether anything is different now.
    fn put_annotation(
        &mut self,
        target: Target,
        name: &EntryName,
        value: &[u8],
        before: Option<&[u8]>,
    ) -> Result<bool> {
        if value.len() > limits::ANNOTATION_VALUE_OCTETS_MAX {
            let text = format!("a value may have {} octets", limits::ANNOTATION_VALUE_OCTETS_MAX);
            return Err(MailError::new(ErrorKind::TooLarge, text));
        }
        let written = Some(name).filter(|name| name.key() != name.as_str());
        let old = before.and_then(AnnotationRecord::decode);
        if old.is_some_and(|old| old.value == value && old.name.as_ref() == written) {
            return Ok(false);
        }
        let key = key::annotation(self.id, target, name);
        let record = AnnotationRecord { modseq: self.modseq.value(), name: written.cloned(), value };
        let row = record.encode();
        let mut totals = totals(&*self.txn, self.id)?;
        match before {
            Some(before) => totals.octets = totals.octets.saturating_sub(counted_octets(&key, before)),
            None => {
                self.refuse_too_many_annotations(target, totals)?;
                totals.count = totals.count.saturating_add(1);
                self.count_annotation(target, 1);
            }
        }
        totals.octets = totals.octets.saturating_add(counted_octets(&key, &row));
        if totals.octets > limits::ANNOTATIONS_OCTETS_MAX {
            let text = format!("all annotations together may have {} octets", limits::ANNOTATIONS_OCTETS_MAX);
            return Err(MailError::new(ErrorKind::OverQuota, text));
        }
        self.txn.put(&key, &row)?;
        self.txn.put(&key::annotation_totals(self.id), &totals.encode())?;
        Ok(true)
    }
    fn remove_annotation(&mut self, target: Target, key: &[u8], before: Option<&[u8]>) -> Result<bool> {
        let Some(before) = before else { return Ok(false) };
        self.txn.delete(key)?;
        self.count_annotation(target, -1);
        let removed = Removed { count: 1, octets: counted_octets(key, before) };
        subtract(self.txn, self.id, removed)?;
        Ok(true)
    }
    fn refuse_too_many_annotations(&mut self, target: Target, totals: AnnotationTotals) -> Result<()> {
        // No target has more than all have together: counting is rarely needed.
        if totals.count < limits::ANNOTATIONS_PER_TARGET_MAX {
            return Ok(());
        }
        let there = self.annotations_of(target)?;
        let all = totals.count >= limits::ANNOTATIONS_PER_ACCOUNT_MAX;
        if all || there >= limits::ANNOTATIONS_PER_TARGET_MAX {
            let max =
                if all { limits::ANNOTATIONS_PER_ACCOUNT_MAX } else { limits::ANNOTATIONS_PER_TARGET_MAX };
            let whose = if all { "the account" } else { "the mailbox or server" };
            let text = format!("{whose} has {max} annotations already");
            return Err(MailError::new(ErrorKind::LimitReached, text));
        }
        Ok(())
    }
    /// Counted at most once in a transaction of one target.
    fn annotations_of(&mut self, target: Target) -> Result<u32> {
        if let Some(counted) = self.annotations.filter(|counted| counted.target == target) {
            return Ok(counted.count);
        }
        let mut count = 0u32;
        let range = key::below(&key::annotations(self.id, target));
        self.txn.scan(&range.from, &range.end, &mut |_, _| {
            count = count.saturating_add(1);
            ControlFlow::Continue(())
        })?;
        self.annotations = Some(CountedAnnotations { target, count });
        Ok(count)
    }
    fn count_annotation(&mut self, target: Target, more: i32) {
        if let Some(counted) = self.annotations.as_mut().filter(|counted| counted.target == target) {
            counted.count = counted.count.saturating_add_signed(more);
        }
    }
    /// Writes down that the value of an entry is another now, also of one that is kept somewhere else, so
    /// that clients can be told (RFC 5464 §4.4.2).
    pub fn annotation_changed(&mut self, target: Target, name: &EntryName) -> Result<()> {
        let mailbox = match target {
            Target::Server => None,
            Target::Mailbox(mailbox) => Some(mailbox),
        };
        self.log_annotation(mailbox, name);
        let mut totals = totals(&*self.txn, self.id)?;
        if totals.modseq != self.modseq.value() {
            totals.modseq = self.modseq.value();
            self.txn.put(&key::annotation_totals(self.id), &totals.encode())?;
        }
        Ok(())
    }
    /// RFC 5464 §4.1: when INBOX is renamed, its annotations stay with it and are copied.
    pub(super) fn copy_annotations(&mut self, from: MailboxId, to: MailboxId) -> Result<()> {
        let mut copied = Vec::new();
        let range = key::below(&key::annotations(self.id, Target::Mailbox(from)));
        let _ = scan(&*self.txn, &range, &mut |key, record| {
            copied.push(Copied { name: key.name, value: record.value.into() });
            ControlFlow::Continue(())
        })?;
        let to = Target::Mailbox(to);
        copied.iter().try_for_each(|each| self.set_annotation(to, &each.name, Some(&each.value)))
    }
}

struct Copied {
    name: EntryName,
    value: Box<[u8]>,
}

/// Rows that are gone.
#[derive(Clone, Copy)]
struct Removed {
    count: u32,
    octets: u64,
}

fn subtract(txn: &mut dyn Txn, account: AccountId, removed: Removed) -> Result<()> {
    let mut totals = totals(txn, account)?;
    totals.count = totals.count.saturating_sub(removed.count);
    totals.octets = totals.octets.saturating_sub(removed.octets);
    txn.put(&key::annotation_totals(account), &totals.encode())
}

/// Takes up to `rows_max` annotations of a deleted mailbox away. Answers whether there may be more.
pub(super) fn reclaim(
    txn: &mut dyn Txn,
    account: AccountId,
    mailbox: MailboxId,
    rows_max: usize,
) -> Result<bool> {
    let range = key::below(&key::annotations(account, Target::Mailbox(mailbox)));
    let mut keys = Vec::new();
    let mut removed = Removed { count: 0, octets: 0 };
    txn.scan(&range.from, &range.end, &mut |key, row| {
        removed.count = removed.count.saturating_add(1);
        removed.octets = removed.octets.saturating_add(counted_octets(key, row));
        keys.push(key.to_vec());
        if keys.len() < rows_max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    if keys.is_empty() {
        return Ok(false);
    }
    keys.iter().try_for_each(|key| txn.delete(key))?;
    subtract(txn, account, removed)?;
    Ok(keys.len() == rows_max)
}

#[cfg(test)]
mod tests;
