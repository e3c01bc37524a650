//! Telling what has changed, at the end of a command and between commands (RFC 9051 §5.2, RFC 5465 §3.1), and
//! what ends the session with it. Must not: find out what has changed.

use koi_proto::imap::response::{Status, status};
use koi_types::MailError;

use super::{Doing, Ended, ImapSession};
use crate::imap::sync::{Sync, Synced, TELLING, UNTOLD};
use crate::selected::telling::{Telling, Tells};
use crate::session::{Note, Step};

/// RFC 9051 §7.1.5; what Dovecot does too.
pub(crate) const MAILBOX_GONE: &str = "the selected mailbox was deleted";
impl ImapSession {
    pub(super) fn tell(&mut self, mut ended: Box<Ended>, out: &mut Vec<u8>) -> Option<Step> {
        let Ended { running, sync, reply } = &mut *ended;
        let told = match running.row.tells {
            Tells::Nothing => Ok(Synced::Done),
            _ => sync.run(&mut self.core, &reply.telling, out),
        };
        match told {
            Ok(Synced::Done) => {
                reply.write(&running.tag, out);
                None
            }
            Ok(Synced::OutputFull) => {
                self.doing = Doing::Tell(ended);
                Some(Step::OutputFull)
            }
            Ok(Synced::Slice) => {
                running.keep_alive(&self.core, out);
                self.doing = Doing::Tell(ended);
                Some(Step::Yield)
            }
            Ok(Synced::MailboxGone) => {
                // The command itself was carried out, so its end is told before the connection's.
                reply.write(&running.tag, out);
                status(None, Status::Bye, None, MAILBOX_GONE, out);
                self.close("selected mailbox was deleted");
                None
            }
            Err(error) => {
                if !sync.is_in_a_line() {
                    reply.write(&running.tag, out);
                }
                self.untold(sync, &error, out);
                None
            }
        }
    }

    pub(super) fn notify(&mut self, mut sync: Box<Sync>, out: &mut Vec<u8>) -> Option<Step> {
        match sync.run(&mut self.core, &Telling::default(), out) {
            Ok(Synced::Done) => None,
            Ok(Synced::OutputFull) => {
                self.doing = Doing::Notify(sync);
                Some(Step::OutputFull)
            }
            Ok(Synced::Slice) => {
                self.doing = Doing::Notify(sync);
                Some(Step::Yield)
            }
            Ok(Synced::MailboxGone) => {
                status(None, Status::Bye, None, MAILBOX_GONE, out);
                self.close("selected mailbox was deleted");
                None
            }
            Err(error) => {
                self.untold(&sync, &error, out);
                None
            }
        }
    }
    /// Telling failed.
    fn untold(&mut self, sync: &Sync, error: &MailError, out: &mut Vec<u8>) {
        if sync.owes_news() {
            sync.give_up(error, &mut self.core, out);
            self.close(UNTOLD);
        } else {
            let error = error.to_string().into();
            self.core.notes.push(Note::Failed { command: TELLING, error });
        }
    }
}
