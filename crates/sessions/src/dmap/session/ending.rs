//! How a session ends: by what is said, by the server, or because nothing is said for too long (DMAP-00 §4.4,
//! §6.4, §8.1.5).

use koi_proto::dmap::Code;
use koi_types::Timestamp;

use super::{DmapSession, Doing};
use crate::dmap::reply::bye;
use crate::session::Note;

/// What ends a session from outside.
#[derive(Clone, Copy)]
pub(super) enum Ending {
    Shutdown,
    AccountGone,
}

impl DmapSession {
    pub(super) fn close(&mut self, reason: &'static str) {
        self.doing = Doing::Closed;
        self.core.selected = None;
        self.core.notes.push(Note::Ended { reason });
    }
    /// What ends the session from outside, where no command is being written.
    pub(super) fn ended(&mut self, now: Timestamp, out: &mut Vec<u8>) {
        let late = self.autologout_at().is_some_and(|at| at <= now);
        let (code, text) = match self.ending {
            Some(Ending::Shutdown) => (Some(Code::Unavailable), "server is shutting down"),
            Some(Ending::AccountGone) => {
                (Some(Code::CredentialsChanged), "account was changed, log in again")
            }
            None if late && self.core.login.is_none() => (None, "autologout: no login in time"),
            None if late => (None, "autologout: idle for too long"),
            None => return,
        };
        if matches!(self.doing, Doing::Closed) {
            return;
        }
        bye(code.as_ref(), text, out);
        self.close(text);
    }
    /// When a client that does nothing is not waited for any longer.
    pub(super) fn autologout_at(&self) -> Option<Timestamp> {
        let settings = &self.core.settings;
        let waits = matches!(self.doing, Doing::Greeting | Doing::Ready);
        match self.core.login {
            None => Some(self.core.connected_at.plus_secs(settings.login_timeout_secs)),
            Some(_) if waits || self.core.waiting_for_client => {
                Some(self.core.heard_at.plus_secs(settings.autologout_secs))
            }
            Some(_) => None,
        }
    }
    /// Between two responses, with nothing of the current one half written: BYE may come now.
    pub(super) const fn between_responses(&self) -> bool {
        match &self.doing {
            Doing::Job(..) | Doing::Commit(..) | Doing::Tell(..) => self.core.waiting_for_client,
            _ => true,
        }
    }
}
