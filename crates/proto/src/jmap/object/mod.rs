//! The objects of RFC 8621 and its companions: which properties they have, what a client may say of them, how
//! they are printed. One file per data type; an Email has a folder.

pub mod address;
pub mod blob;
pub mod email;
pub mod identity;
pub mod mailbox;
pub mod mdn;
pub mod push_subscription;
pub mod quota;
pub mod search_snippet;
pub mod submission;
pub mod thread;
pub mod vacation;

use super::id::Id;
use super::json::{ObjectWriter, Slot};
use super::standard::Property;

/// Prints the id, which is always there (RFC 8620 §5.1), and the wanted properties.
fn print<P: Property>(
    id: &Id,
    properties: &[P],
    slot: Slot<'_>,
    write: impl Fn(&P, &str, &mut ObjectWriter<'_>),
) {
    slot.members(|object| {
        object.put("id", id);
        for property in properties {
            let name = property.name();
            if name != "id" {
                write(property, &name, object);
            }
        }
    });
}

#[cfg(test)]
mod tests;
