//! H: what a contact storage message says, kept with the email because its header is not read again when it
//! is copied or moved.

use koi_types::{AddressHash, Contact, limits};

use super::{Fields, Record};

const BLOCKED: u8 = 1;

/// The hashes as they come, 32 octets each.
#[must_use]
pub fn encode_contact(contact: &Contact) -> Vec<u8> {
    let record = Record::new(1 + 32 * contact.hashes.len()).u8(u8::from(contact.blocked) * BLOCKED);
    contact.hashes.iter().fold(record, |record, hash| record.octets(&hash.0)).0
}

/// `None` also where the hashes are not as [`Contact`] has them.
#[must_use]
pub fn decode_contact(record: &[u8]) -> Option<Contact> {
    let mut f = Fields::of(record)?;
    let blocked = match f.u8()? {
        0 => false,
        BLOCKED => true,
        _ => return None,
    };
    let (hashes, rest) = f.rest().as_chunks::<32>();
    let ascending = hashes.is_sorted_by(|a, b| a < b);
    if !rest.is_empty() || hashes.is_empty() || hashes.len() > limits::CONTACT_HASHES_MAX || !ascending {
        return None;
    }
    Some(Contact { blocked, hashes: hashes.iter().copied().map(AddressHash).collect() })
}
