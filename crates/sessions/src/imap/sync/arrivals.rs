//! New messages, told with the items the client asked for (RFC 5465 §5.2 and §7).
//!
//! DEVIATION RFC 5465 §5.2: items that set `\Seen` in FETCH do not set it here, because nobody has asked for
//! this message yet.

use std::ops::ControlFlow;

use koi_mailbox::KeywordTable;
use koi_proto::imap::command::FetchItem;
use koi_types::{NumSet, Result, limits};

use crate::imap::contexts::Arrived;
use crate::imap::core::Core;
use crate::imap::fetch::{Progress, Writer};
use crate::selected::rows::{Begun as _, Lines as _, Wrote};

/// Messages that are still to be told.
#[derive(Debug)]
pub(super) struct Arrivals {
    items: Vec<FetchItem>,
    uids: NumSet,
    /// How far the first of them is written.
    progress: Option<Progress>,
}

impl Arrivals {
    pub(super) const fn new(items: Vec<FetchItem>, uids: NumSet) -> Self {
        Self { items, uids, progress: None }
    }
    pub(super) const fn is_in_a_line(&self) -> bool {
        self.progress.is_some()
    }
    /// Writes until the output is full, in the middle of a message if need be. Answers whether that was all.
    pub(super) fn write(&mut self, core: &mut Core, out: &mut Vec<u8>) -> Result<bool> {
        let account = core.open()?.account.clone();
        let snapshot = account.snapshot()?;
        let keywords = snapshot.keywords();
        let only_rest = !self.tell_keywords(core, &keywords, out);
        let view = core.view()?;
        let writer = Writer {
            items: &self.items,
            snapshot: &snapshot,
            keywords: &keywords,
            recent: view.recent(),
            utf8: core.reads_utf8(),
            uid_only: core.uid_only,
        };
        if let Some(progress) = &mut self.progress
            && !writer.go_on(progress, out)?
        {
            return Ok(false);
        }
        let mut progress = self.progress.take();
        let mut seqnums = view.cursor();
        let (mut stopped, mut last, mut failed, mut more) = (None, 0, None, false);
        let _ = snapshot.messages(view.mailbox, &self.uids, |row| {
            let uid = row.uid.value();
            let seqnum = seqnums.seqnum(uid);
            let (resumed, went_away) = (progress.take_if(|p| p.uid == uid), progress.take());
            if let Some(progress) = went_away {
                progress.abandon(out);
                more = only_rest;
            }
            if more {
                return ControlFlow::Break(());
            }
            let (begun, before) = (resumed.is_some(), out.len());
            match writer.message(seqnum, row, resumed, out) {
                // Of one whose encoding is not known only the number is told (RFC 3516 §4.3).
                Ok(Wrote::Whole | Wrote::Unsuitable) => last = uid,
                Ok(Wrote::Nothing) => return ControlFlow::Continue(()),
                Ok(Wrote::Partly(progress)) => {
                    stopped = Some(*progress);
                    return ControlFlow::Break(());
                }
                // A message that cannot be read must not keep the others back.
                Err(_) if !begun => {
                    out.truncate(before);
                    last = uid;
                }
                Err(error) => {
                    failed = Some(error);
                    return ControlFlow::Break(());
                }
            }
            more = only_rest;
            if is_full(out) || only_rest { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if let Some(progress) = progress {
            progress.abandon(out);
        }
        if let Some(error) = failed {
            return Err(error);
        }
        self.uids.remove_range(0..=last);
        if stopped.is_none() && !is_full(out) && !more {
            // What was not visited is gone.
            self.uids = NumSet::new();
        }
        self.progress = stopped;
        Ok(self.uids.is_empty())
    }
    /// Tells keywords that are new before a message with them is. Answers whether all are told: in the middle
    /// of a line that must wait for its end.
    fn tell_keywords(&self, core: &mut Core, keywords: &KeywordTable, out: &mut Vec<u8>) -> bool {
        if !self.items.contains(&FetchItem::Flags) {
            return true;
        }
        if self.progress.is_some() {
            return !core.has_new_keywords(keywords);
        }
        core.tell_keywords(keywords, out);
        true
    }
}

fn is_full(out: &[u8]) -> bool {
    out.len() >= limits::OUTPUT_OCTETS_HIGH
}

/// Messages of which the same is told.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) items: Vec<FetchItem>,
    pub(super) uids: NumSet,
}

/// Every message in one group, with the items of all that it is in.
pub(super) fn joined(arrived: impl Iterator<Item = Arrived>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for Arrived { items, mut uids } in arrived {
        let mut split = Vec::new();
        for group in &mut groups {
            let both = group.uids.intersect(&uids);
            if both.is_empty() {
                continue;
            }
            let new = items.iter().filter(|item| !group.items.contains(item)).cloned();
            let all = group.items.iter().cloned().chain(new).collect();
            group.uids = group.uids.difference(&both);
            uids = uids.difference(&both);
            split.push(Group { items: all, uids: both });
        }
        groups.extend(split);
        groups.push(Group { items: items.to_vec(), uids });
        groups.retain(|group| !group.uids.is_empty());
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: RFC 5465 §5.2
    #[test]
    fn each_message_is_told_once_with_everything() {
        let arrived = |items: &[FetchItem], uids: &[u32]| Arrived {
            items: items.into(),
            uids: uids.iter().copied().collect(),
        };
        let groups = joined(
            [
                arrived(&[FetchItem::Uid], &[1, 2, 3]),
                arrived(&[FetchItem::Flags], &[2, 4]),
                arrived(&[FetchItem::Uid, FetchItem::Envelope], &[2, 3, 5]),
                arrived(&[FetchItem::Flags], &[]),
            ]
            .into_iter(),
        );
        let mut told: Vec<(Vec<u32>, usize)> =
            groups.iter().map(|group| (group.uids.iter().collect(), group.items.len())).collect();
        told.sort();
        assert_eq!(told, [(vec![1], 1), (vec![2], 3), (vec![3], 2), (vec![4], 1), (vec![5], 2)]);
    }
}
