//! How a session ends: by what is said, by the server, or because nothing is said for too long (RFC 9051
//! §5.4, RFC 9051 §7.1.5).

use koi_proto::imap::response::{Code, Status, status};
use koi_types::Timestamp;

use super::{Doing, ImapSession};
use crate::session::Note;

/// What ends a session from outside.
#[derive(Clone, Copy)]
pub(super) enum Ending {
    Shutdown,
    AccountGone,
    Broken,
}

impl ImapSession {
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
            Some(Ending::AccountGone) => (None, "account was changed, log in again"),
            Some(Ending::Broken) => (Some(Code::ClientBug), "what was sent cannot be decompressed"),
            None if late && self.core.login.is_none() => (None, "autologout: no login in time"),
            None if late => (None, "autologout: idle for too long"),
            None => return,
        };
        if matches!(self.doing, Doing::Closed) {
            return;
        }
        status(None, Status::Bye, code.as_ref(), text, out);
        self.close(text);
    }
    /// When a client that does nothing is not waited for any longer.
    pub(super) fn autologout_at(&self) -> Option<Timestamp> {
        let settings = &self.core.settings;
        let waits = matches!(self.doing, Doing::Greeting | Doing::Ready | Doing::TlsHandshake);
        match self.core.login {
            None => Some(self.core.connected_at.plus_secs(settings.login_timeout_secs)),
            Some(_) if waits || self.core.waiting_for_client => {
                Some(self.core.heard_at.plus_secs(settings.autologout_secs))
            }
            Some(_) => None,
        }
    }
    /// Between two responses, with nothing of the current one half written: BYE may come now.
    pub(super) fn between_responses(&self) -> bool {
        match &self.doing {
            Doing::Job(..) | Doing::Commit(..) | Doing::Tell(..) | Doing::Notify(..) => {
                self.core.waiting_for_client
            }
            _ => true,
        }
    }
}
