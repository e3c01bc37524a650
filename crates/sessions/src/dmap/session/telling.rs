//! Telling what has changed, at the end of a command (DMAP-00 §6.2), and what ends the session with it. Must
//! not: find out what has changed.

use super::{DmapSession, Doing, Ended};
use crate::dmap::reply::bye;
use crate::dmap::sync::{Synced, TELLING, UNTOLD};
use crate::selected::telling::Tells;
use crate::session::{Note, Step};

pub(crate) const MAILBOX_GONE: &str = "the selected mailbox was deleted";

impl DmapSession {
    pub(super) fn tell(&mut self, mut ended: Box<Ended>, out: &mut Vec<u8>) -> Option<Step> {
        let Ended { running, sync, reply } = &mut *ended;
        let told = match running.row.tells {
            Tells::Nothing => Ok(Synced::Done),
            _ => sync.run(&mut self.core, &reply.telling, out),
        };
        match told {
            Ok(Synced::Done) => reply.write(&running.tag, out),
            Ok(Synced::OutputFull) => {
                self.doing = Doing::Tell(ended);
                return Some(Step::OutputFull);
            }
            Ok(Synced::Slice) => {
                self.doing = Doing::Tell(ended);
                return Some(Step::Yield);
            }
            Ok(Synced::MailboxGone) => {
                // The command itself was carried out, so its end is told before the connection's.
                reply.write(&running.tag, out);
                bye(None, MAILBOX_GONE, out);
                self.close("selected mailbox was deleted");
            }
            Err(error) => {
                reply.write(&running.tag, out);
                if sync.owes_news() {
                    sync.give_up(&error, &mut self.core, out);
                    self.close(UNTOLD);
                } else {
                    let error = error.to_string().into();
                    self.core.notes.push(Note::Failed { command: TELLING, error });
                }
            }
        }
        None
    }
}
