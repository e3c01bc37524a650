//! The naked form of ordinary mail that a client reads in pieces: made for the first of them, and the same
//! for all that follow, also when the account gets another key meanwhile (DMAP-00 §7.6.4).
//!
//! One at a time, with the mailbox it was read in, and counted in what a connection holds. Must not: outlive
//! a change of keys by the session itself, or lie there while its client idles.

use std::cell::RefCell;
use std::sync::Arc;

use koi_mailbox::dmap::Content;
use koi_types::EmailId;

#[derive(Default)]
pub(crate) struct Made(RefCell<Option<Kept>>);

struct Kept {
    email: EmailId,
    content: Arc<Content>,
}

impl Made {
    /// That of an email, if it is the one that is kept.
    pub(crate) fn of(&self, email: EmailId) -> Option<Arc<Content>> {
        let kept = self.0.borrow();
        kept.as_ref().filter(|kept| kept.email == email).map(|kept| Arc::clone(&kept.content))
    }
    pub(crate) fn has(&self, email: EmailId) -> bool {
        self.0.borrow().as_ref().is_some_and(|kept| kept.email == email)
    }
    pub(crate) fn keep(&self, email: EmailId, content: Arc<Content>) {
        *self.0.borrow_mut() = Some(Kept { email, content });
    }
    pub(crate) fn forget(&self) {
        *self.0.borrow_mut() = None;
    }
    pub(crate) fn memory_octets(&self) -> usize {
        self.0.borrow().as_ref().map_or(0, |kept| kept.content.memory_octets())
    }
}
