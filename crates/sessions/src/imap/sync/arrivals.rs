//! New messages, told with the items the client asked for (RFC 5465 §5.2).
//!
//! DEVIATION RFC 5465 §5.2: items that set `\Seen` in FETCH do not set it here, because nobody has asked for
//! this message yet.

use std::ops::ControlFlow;

use koi_proto::imap::command::FetchItem;
use koi_types::{NumSet, Result, SeqNum, limits};

use crate::imap::core::Core;
use crate::imap::fetch::{Progress, Writer, Wrote};

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
    pub(super) fn write(&mut self, core: &Core, out: &mut Vec<u8>) -> Result<bool> {
        let (snapshot, view) = (core.open_snapshot()?, core.view()?);
        let keywords = snapshot.keywords();
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
        let (mut stopped, mut last, mut failed) = (None, 0, None);
        let _ = snapshot.messages(view.mailbox, &self.uids, |row| {
            let uid = row.uid.value();
            let Some(seqnum) = SeqNum::new(seqnums.seqnum(uid)) else { return ControlFlow::Continue(()) };
            let resumed = match progress.take() {
                Some(progress) if progress.uid == uid => Some(progress),
                // Its message went away in the middle.
                Some(progress) => {
                    progress.abandon(out);
                    None
                }
                None => None,
            };
            let (begun, before) = (resumed.is_some(), out.len());
            match writer.message(seqnum, row, resumed, out) {
                // Of one whose encoding is not known only the number is told (RFC 3516 §4.3).
                Ok(Wrote::Whole | Wrote::UnknownEncoding) => last = uid,
                Ok(Wrote::Partly(progress)) => {
                    stopped = Some(progress);
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
            if is_full(out) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if let Some(progress) = progress {
            progress.abandon(out);
        }
        if let Some(error) = failed {
            return Err(error);
        }
        self.uids.remove_range(0..=last);
        if stopped.is_none() && !is_full(out) {
            // What was not visited is gone.
            self.uids = NumSet::new();
        }
        self.progress = stopped;
        Ok(self.uids.is_empty())
    }
}

fn is_full(out: &[u8]) -> bool {
    out.len() >= limits::OUTPUT_OCTETS_HIGH
}
