//! The session as its driver sees it.

use koi_types::{AccountId, ModSeq, Timestamp, limits};

use super::ending::Ending;
use super::{DmapSession, Doing};
use crate::session::{EffectResult, Note, Session, Step, TlsFacts};

impl Session for DmapSession {
    fn input(&mut self, octets: &[u8]) {
        if !matches!(self.doing, Doing::Closed) {
            self.decoder.feed(octets);
            self.core.heard_at = self.core.now;
        }
    }
    fn wants_input(&self) -> bool {
        let room = self.decoder.buffered() < limits::INPUT_OCTETS_MAX;
        match &self.doing {
            Doing::Closed => false,
            Doing::Greeting => true,
            Doing::Ready => self.pace.until().is_none(),
            Doing::Job(..) | Doing::Commit(..) | Doing::Tell(..) => self.core.waiting_for_client || room,
        }
    }
    fn input_closed(&mut self) {
        self.input_closed = true;
    }
    fn rests(&self) -> bool {
        self.core.idling
    }
    fn works_long(&self) -> bool {
        match &self.doing {
            Doing::Job(_, job) | Doing::Commit(_, job, _) => job.works_long(),
            Doing::Greeting | Doing::Ready | Doing::Tell(_) | Doing::Closed => false,
        }
    }
    fn state_advanced(&mut self, _account: AccountId, _upto: ModSeq) {
        self.core.advanced = true;
    }
    fn watches(&self) -> Vec<AccountId> {
        if self.core.idling { self.core.watched() } else { Vec::new() }
    }
    /// TLS is there before the session is.
    fn tls_ready(&mut self, _tls: &TlsFacts) {}
    fn effect_done(&mut self, result: EffectResult) {
        self.core.effect = Some(result);
    }
    fn step(&mut self, now: Timestamp, out: &mut Vec<u8>) -> Step {
        self.core.now = self.core.now.max(now);
        loop {
            if self.between_responses() {
                self.ended(now, out);
            }
            if out.len() >= limits::OUTPUT_OCTETS_HIGH {
                return Step::OutputFull;
            }
            if let Some(step) = self.turn(out) {
                return step;
            }
        }
    }
    fn deadline(&self) -> Option<Timestamp> {
        match &self.doing {
            Doing::Ready => self.pace.until().or_else(|| self.autologout_at()),
            _ => self.autologout_at(),
        }
    }
    fn shutdown(&mut self) {
        self.ending.get_or_insert(Ending::Shutdown);
    }
    fn account_gone(&mut self) {
        self.ending.get_or_insert(Ending::AccountGone);
    }
    fn account(&self) -> Option<AccountId> {
        self.core.login.as_ref().map(|login| login.account.id())
    }
    fn memory_octets(&self) -> usize {
        self.core.kept_octets() + self.decoder.buffered()
    }
    fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.core.notes)
    }
}
