//! Writing what is to be told of the selected mailbox: EXPUNGE or VANISHED, EXISTS, FLAGS, FETCH.
//!
//! The order is always the same, so that every number in a line is right after the lines before it. Only the
//! flags of messages that left when they were seen come before everything else.

use std::ops::ControlFlow;

use koi_proto::imap::response::{self, Code, Status, status};
use koi_types::{NumSet, Result, SeqNum, limits};

use super::news::{LastFlags, News};
use crate::imap::core::Core;
use crate::imap::reply::Telling;
use crate::imap::untagged::FlagsLine;

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
            snapshot.moved(message, |row| line.write(row, &keywords, out))?;
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
        let mut written = None;
        let _ = snapshot.messages(view.mailbox, &self.flags, |row| {
            let number = row.uid.value();
            let ours = telling.silent.contains(number) && telling.silent_commits.contains(&row.modseq);
            let (seqnum, recent) = (seqnums.seqnum(number), view.recent().contains(number));
            let (modseq, uid_only) = (core.condstore, core.uid_only);
            let line = FlagsLine { seqnum, uid, flags: !ours, modseq, recent, uid_only };
            line.write(row, &keywords, out);
            written = Some(number);
            if is_full(out) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        // Whatever was not visited is gone by now, and told as such when EXPUNGE may be.
        match written {
            Some(last) if is_full(out) => self.flags.remove_range(0..=last),
            _ => self.flags = NumSet::new(),
        }
        Ok(())
    }
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
