//! What a server keeps beside a message, all of it found in one pass at delivery.

use crate::date::{DateTime, parse_date};
use crate::envelope::Envelope;
use crate::header::Field;
use crate::structure::Structure;
use crate::subject::BaseSubject;
use crate::thread::ThreadIds;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    pub envelope: Envelope,
    pub structure: Structure,
    /// The Date field, if it can be read. RFC 9051 §6.4.4 SENTON and its kin use its own day, zone
    /// disregarded.
    pub sent_at: Option<DateTime>,
    pub thread_ids: ThreadIds,
    pub base_subject: BaseSubject,
}

/// Collects the facts of the outermost header that are not in its envelope.
#[derive(Default)]
pub(crate) struct References {
    pub(crate) ids: ThreadIds,
}

impl References {
    pub(crate) fn field(&mut self, field: &Field<'_>) {
        if field.is(b"references") {
            self.ids.references(field.value);
        }
    }
}

impl Facts {
    pub(crate) fn new(envelope: Envelope, structure: Structure, references: References) -> Facts {
        let mut thread_ids = references.ids;
        thread_ids.message_id(envelope.message_id.as_deref().unwrap_or_default());
        thread_ids.in_reply_to(envelope.in_reply_to.as_deref().unwrap_or_default());
        let sent_at = envelope.date.as_deref().and_then(parse_date);
        let base_subject = BaseSubject::of(envelope.subject.as_deref().unwrap_or_default());
        Facts { envelope, structure, sent_at, thread_ids, base_subject }
    }
}
