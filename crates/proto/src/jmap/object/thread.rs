//! Thread (RFC 8621 §3).

use super::print;
use crate::jmap::id::Id;
use crate::jmap::json::Slot;
use crate::jmap::standard::{Object, properties};

/// The data type.
#[derive(Debug)]
pub struct Threads;

properties! {
    /// The properties of a Thread.
    pub ThreadProperty {
        Id "id",
        EmailIds "emailIds",
    }
}

/// A Thread to be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Thread {
    pub id: Id,
    /// Oldest first.
    pub email_ids: Vec<Id>,
}

impl Thread {
    pub fn write(&self, properties: &[ThreadProperty], slot: Slot<'_>) {
        print(&self.id, properties, slot, |property, name, object| match property {
            ThreadProperty::Id => {}
            ThreadProperty::EmailIds => object.put(name, &self.email_ids),
        });
    }
}

impl Object for Threads {
    const TYPE: &'static str = "Thread";
    type Property = ThreadProperty;
    type GetExtra = ();
    fn default_properties() -> Vec<ThreadProperty> {
        ThreadProperty::ALL.to_vec()
    }
}
