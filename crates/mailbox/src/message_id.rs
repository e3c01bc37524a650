//! Which email has a Message-ID.

use std::ops::ControlFlow;

use koi_message::{Envelope, thread};
use koi_store::key;
use koi_store::mail::short_hash;
use koi_types::{EmailId, Result};

use crate::snapshot::Snapshot;

/// Emails that name a Message-ID, in whatever field, and are looked at.
const CANDIDATES_MAX: usize = 64;

impl Snapshot<'_> {
    /// The email with this Message-ID, which is given with its angle brackets. Nothing where there is none,
    /// or more than one (RFC 9007 §2.2), or too many speak of it.
    pub fn email_with_message_id(&self, id: &[u8]) -> Result<Option<EmailId>> {
        let Some(wanted) = thread::message_id(id) else { return Ok(None) };
        let hash = short_hash(&wanted);
        let first = key::thread_key(self.account, hash, EmailId([0; 16]));
        let last = key::thread_key(self.account, hash, EmailId([0xff; 16]));
        let mut candidates = Vec::new();
        self.view.scan(&first, &last, &mut |key, _| {
            candidates.extend(key::part(key, 13).map(EmailId));
            if candidates.len() < CANDIDATES_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        let mut found = None;
        for email in candidates {
            if !self.has_message_id(email, &wanted)? || !self.is_shown(email)? {
                continue;
            }
            if found.replace(email).is_some() {
                return Ok(None);
            }
        }
        Ok(found)
    }
    fn has_message_id(&self, email: EmailId, wanted: &[u8]) -> Result<bool> {
        let Some(row) = self.email(email)? else { return Ok(false) };
        let Ok(envelope) = Envelope::decode(row.envelope()) else { return Ok(false) };
        let id = envelope.message_id.and_then(|id| thread::message_id(&id));
        Ok(id.is_some_and(|id| id == wanted))
    }
}
