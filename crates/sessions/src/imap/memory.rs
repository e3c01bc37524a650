//! The one bound on what a connection holds in memory (`imap.connection_memory_max`).
//!
//! Counted where state is kept, by lengths that are known: the view of the selected mailbox with `$`,
//! searches that are followed, what NOTIFY and METADATA have to tell, what a command works with, messages of
//! APPEND. Room for input, output and compression is set aside at their largest, so that what a client sends
//! and reads never meets the bound. A command that would pass it ends with `NO [LIMIT]` before it has changed
//! anything (RFC 9051 §7.1); what grows by itself is given up in the order of [`relieve`].

use koi_proto::imap::response::{Code, Status, status};
use koi_types::{ErrorKind, MailError, Result, limits};

use super::core::Core;
use super::job::Context;
use super::notify::Notify;

/// What one number takes in an answer at most, with a blank.
pub(crate) const NUMBER_OCTETS: usize = 11;

impl Core {
    /// What is kept between commands.
    pub(crate) fn kept_octets(&self) -> usize {
        let open = self.selected.as_ref().map_or(0, |open| open.memory_octets());
        let notify = self.notify.as_ref().map_or(0, |notify| notify.memory_octets());
        let annotations = self.annotations.as_ref().map_or(0, super::annotations::Annotations::memory_octets);
        let compression = if self.compressed { limits::COMPRESSION_OCTETS_MAX } else { 0 };
        limits::IMAP_CONNECTION_BUFFERS_OCTETS + compression + open + notify + annotations
    }
    /// What may still be held.
    pub(crate) fn room_octets(&self) -> usize {
        self.settings.connection_memory_max.saturating_sub(self.kept_octets())
    }
    /// `LimitReached` when so many octets more would be too many.
    pub(crate) fn require_room(&self, octets: usize) -> Result<()> {
        let room = self.room_octets();
        if octets <= room {
            return Ok(());
        }
        let text = "this would take more memory than one connection may have";
        let context = format!("{octets} octets wanted, {room} left (imap.connection_memory_max)");
        Err(MailError::new(ErrorKind::LimitReached, text).context(context))
    }
}

impl Context<'_> {
    /// The same, before a command begins what takes so many octets.
    pub(crate) fn require_room(&self, octets: usize) -> Result<()> {
        self.core.require_room(octets)
    }
}

/// What a number of messages takes in an answer, when each is told.
pub(crate) fn answer_octets(messages: u64) -> usize {
    usize::try_from(messages).unwrap_or(usize::MAX).saturating_mul(NUMBER_OCTETS)
}

/// When what is kept has grown past the bound without a command: followed searches go first, the last one
/// first, then NOTIFY. Each time the client is told. `false`: it is still too much.
pub(crate) fn relieve(core: &mut Core, out: &mut Vec<u8>) -> bool {
    let is_too_much = |core: &Core| core.kept_octets() > core.settings.connection_memory_max;
    while is_too_much(core) {
        let contexts = core.selected.as_deref_mut().map(|open| &mut open.contexts);
        if let Some(context) = contexts.and_then(Vec::pop) {
            // RFC 5267 §4.3.1
            let code = Code::NoUpdate(&context.tag);
            status(None, Status::No, Some(&code), "not enough memory to follow this search", out);
        } else if core.notify.as_ref().is_some_and(|notify| notify.others.is_some()) {
            core.notify = Some(Box::new(overflow(out)));
        } else {
            return false;
        }
    }
    true
}

/// RFC 5465 §5.8: as if NOTIFY NONE had just been received.
pub(crate) fn overflow(out: &mut Vec<u8>) -> Notify {
    let text = "too much has changed: nothing is notified any more";
    status(None, Status::Ok, Some(&Code::NotificationOverflow), text, out);
    Notify::default()
}
