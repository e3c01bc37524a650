//! Writing what is to be told of the selected mailbox: EXPUNGE or VANISHED, EXISTS, FLAGS, FETCH.
//!
//! The order is always the same, so that every number in a line is right after the lines before it. Only the
//! flags of messages that left when they were seen come before everything else.

use std::ops::ControlFlow;

use koi_proto::imap::response::{self, Code, Status, status};
use koi_types::{NumSet, Result, SeqNum, limits};

use crate::imap::core::Core;
use crate::imap::untagged::FlagsLine;
use crate::selected::news::{LastFlags, News};
use crate::selected::telling::Telling;

impl News {
    /// Writes until the output is full, and takes out what is written. Answers whether that was all. With
    /// `uid` the lines that tell flags name the UID.
    pub(super) fn write(
        &mut self,
        core: &mut Core,
        uid: bool,
        telling: &Telling,
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        self.write_last_flags(core, uid, telling, out)?;
        if is_full(out) {
            return Ok(false);
        }
        write_expunged(&mut self.expunged, out);
        if is_full(out) {
            return Ok(false);
        }
        response::vanished(false, &std::mem::take(&mut self.vanished), out);
        if let Some(exists) = self.exists.take() {
            response::exists(exists, out);
        }
        if let Some(recent) = self.recent.take() {
            response::recent(recent, out);
        }
        self.write_flags(core, uid, telling, out)?;
        if !self.flags.is_empty() {
            return Ok(false);
        }
        if let Some(modseq) = self.highest_modseq.take() {
            let code = Code::HighestModSeq(modseq);
            status(None, Status::Ok, Some(&code), "synchronised up to here", out);
        }
        Ok(true)
    }
    /// One that has gone on from where it went is left out.
    fn write_last_flags(
        &mut self,
        core: &mut Core,
        uid: bool,
        telling: &Telling,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        if self.last_flags.is_empty() {
            return Ok(());
        }
        let account = core.open()?.account.clone();
        let snapshot = account.snapshot()?;
        let keywords = snapshot.keywords();
        core.tell_keywords(&keywords, out);
        let mut written = 0;
        for LastFlags { seqnum, recent, message } in &self.last_flags {
            if is_full(out) {
                break;
            }
            let number = message.uid.value();
            let ours = telling.silent.contains(number) && telling.silent_commits.contains(&message.modseq);
            let (modseq, uid_only) = (core.condstore, core.uid_only);
            let line = FlagsLine { seqnum: *seqnum, uid, flags: !ours, modseq, recent: *recent, uid_only };
            if snapshot.moved(message, |row| line.write(row, &keywords, out))?.is_some() {
                self.last_told.insert(number);
            }
            written += 1;
        }
        self.last_flags.drain(..written);
        Ok(())
    }
    /// One FETCH line per message.
    fn write_flags(
        &mut self,
        core: &mut Core,
        uid: bool,
        telling: &Telling,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let new_keywords = std::mem::take(&mut self.new_keywords);
        if self.flags.is_empty() && !new_keywords && self.permanent.is_none() {
            return Ok(());
        }
        let account = core.open()?.account.clone();
        let snapshot = account.snapshot()?;
        let keywords = snapshot.keywords();
        if let Some(rights) = self.permanent.take() {
            core.tell_permanent(&keywords, rights, out);
        }
        core.tell_keywords(&keywords, out);
        let view = core.view()?;
        let mut seqnums = view.cursor();
        let (mut written, mut visited) = (None, NumSet::new());
        let _ = snapshot.messages(view.mailbox, &self.flags, |row| {
            let number = row.uid.value();
            let ours = telling.silent.contains(number) && telling.silent_commits.contains(&row.modseq);
            let (seqnum, recent) = (seqnums.seqnum(number), view.recent().contains(number));
            let (modseq, uid_only) = (core.condstore, core.uid_only);
            let line = FlagsLine { seqnum, uid, flags: !ours, modseq, recent, uid_only };
            line.write(row, &keywords, out);
            written = Some(number);
            visited.insert(number);
            if is_full(out) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        let mut left = NumSet::new();
        if let Some(last) = written.filter(|_| is_full(out)) {
            left.clone_from(&self.flags);
            left.remove_range(0..=last);
        }
        // Whatever was not visited is gone by now, and told as such when EXPUNGE may be.
        let done = std::mem::replace(&mut self.flags, left);
        let gone = done.difference(&self.flags).difference(&visited).difference(&self.last_told);
        write_gone(core, &gone.intersect(&telling.stored), uid, out)
    }
}

/// RFC 9051 §6.4.6: the result of a STORE is told also of a message that left since: as it was then.
fn write_gone(core: &Core, gone: &NumSet, uid: bool, out: &mut Vec<u8>) -> Result<()> {
    if gone.is_empty() {
        return Ok(());
    }
    let (snapshot, view) = (core.open_snapshot()?, core.view()?);
    let keywords = snapshot.keywords();
    for message in snapshot.expunged(view.mailbox, view.told_vanished(), gone)? {
        let Some(seqnum) = view.seqnum(message.uid) else { continue };
        let recent = view.recent().contains(message.uid.value());
        let (modseq, uid_only) = (core.condstore, core.uid_only);
        let line = FlagsLine { seqnum, uid, flags: true, modseq, recent, uid_only };
        snapshot.left(&message, |row| line.write(row, &keywords, out))?;
    }
    Ok(())
}

const fn is_full(out: &[u8]) -> bool {
    out.len() >= limits::OUTPUT_OCTETS_HIGH
}

/// From the highest down.
fn write_expunged(seqnums: &mut NumSet, out: &mut Vec<u8>) {
    while let Some(run) = highest_run(seqnums) {
        let mut lowest = *run.end() + 1;
        for seqnum in run.clone().rev().filter_map(SeqNum::new) {
            response::expunge(seqnum, out);
            lowest = seqnum.value();
            if is_full(out) {
                break;
            }
        }
        seqnums.remove_range(lowest..=*run.end());
        if is_full(out) {
            return;
        }
    }
}

fn highest_run(set: &NumSet) -> Option<std::ops::RangeInclusive<u32>> {
    set.runs().next_back()
}
