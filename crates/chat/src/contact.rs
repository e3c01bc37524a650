//! Contact storage messages, as far as a server reads them: whom they are about and whether that is blocked
//! (COI-client §contact-storage-message-headers, COI-client §blocking-contacts).
//!
//! A message is one by having a COI-From-Hash that can be read: a server makes contacts without a body and
//! without Chat-Content. Must not: look at the body, which may be encrypted.

use koi_message::{Field, Fields, header, transfer};
use koi_types::{AddressHash, Contact, limits};

use crate::limits::HEADER_OCTETS_MAX;

/// Looks at a header: `octets` begin with its first field and may go on beyond it. `None` if the message is
/// no contact storage message.
#[must_use]
pub fn contact(octets: &[u8]) -> Option<Contact> {
    let mut fields = ContactFields::default();
    let header = octets.get(..HEADER_OCTETS_MAX).unwrap_or(octets);
    Fields::new(header).for_each(|field| fields.field(&field));
    fields.contact()
}

/// What a header says so far, for whoever goes over the fields anyway.
#[derive(Clone, Debug, Default)]
pub struct ContactFields {
    hashes: Vec<AddressHash>,
    blocked: bool,
}

impl ContactFields {
    /// Takes in a field, if it is one of ours. Of more hashes than `limits::CONTACT_HASHES_MAX` the first
    /// count.
    pub fn field(&mut self, field: &Field<'_>) {
        match field.name.len() {
            // COI-client §blocking-contacts: what the field says is ignored.
            11 => self.blocked |= field.is(b"coi-blocked"),
            13 if self.hashes.len() < limits::CONTACT_HASHES_MAX && field.is(b"coi-from-hash") => {
                self.hashes.extend(hash(field.value).filter(|hash| !self.hashes.contains(hash)));
            }
            _ => {}
        }
    }
    /// What they say.
    #[must_use]
    pub fn contact(mut self) -> Option<Contact> {
        self.hashes.sort_unstable();
        (!self.hashes.is_empty()).then_some(Contact { hashes: self.hashes, blocked: self.blocked })
    }
}

/// 32 octets in hexadecimal of either case, as in the examples of the specification, or in base64 with or
/// without its padding, as other servers write it.
fn hash(value: &[u8]) -> Option<AddressHash> {
    let mut text = Vec::new();
    header::unfold(value, &mut text);
    match text.len() {
        64 => from_hex(&text),
        43 => from_base64(&text),
        44 => from_base64(text.strip_suffix(b"=")?),
        _ => None,
    }
}

fn from_hex(text: &[u8]) -> Option<AddressHash> {
    let mut hash = [0; 32];
    let (pairs, _) = text.as_chunks::<2>();
    for (octet, [high, low]) in hash.iter_mut().zip(pairs) {
        let digit = |d: &u8| char::from(*d).to_digit(16).and_then(|d| u8::try_from(d).ok());
        *octet = digit(high)? << 4 | digit(low)?;
    }
    Some(AddressHash(hash))
}

fn from_base64(text: &[u8]) -> Option<AddressHash> {
    if !text.iter().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/')) {
        return None;
    }
    let mut octets = Vec::new();
    transfer::decode_base64(text, &mut octets);
    octets.try_into().ok().map(AddressHash)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEX: &str = "74b3c446c189580045a942b90b7461128bc334b3b67e9f63c0c06189248c9bb0";
    const BASE64: &str = "dLPERsGJWABFqUK5C3RhEovDNLO2fp9jwMBhiSSMm7A";

    fn of(header: &str) -> Option<Contact> {
        contact(header.replace('\n', "\r\n").as_bytes())
    }

    fn shown(contact: &Contact) -> Vec<String> {
        contact.hashes.iter().map(|hash| format!("{hash:?}")).collect()
    }

    // spec: COI-client §contact-storage-message-example
    #[test]
    fn the_example_of_the_specification() {
        let second = "834d1654133366cef4d81e81a7099f413b1b85b9fc9dd62140491303dec56532";
        let header = format!(
            "From: Alice <alice@example.com>\nCOI-From-Hash: {second}\nCOI-From-Hash: {HEX}\nSubject: Contact\n\n"
        );
        let found = of(&header).unwrap();
        assert_eq!((shown(&found), found.blocked), (vec![HEX.to_owned(), second.to_owned()], false));
    }

    // spec: COI-client §contact-storage-message-headers
    #[test]
    fn every_form_is_the_same_hash() {
        let upper = HEX.to_uppercase();
        for form in [HEX, &upper, BASE64, &format!("{BASE64}="), &format!("\n {HEX} ")] {
            let found = of(&format!("coi-from-hash:{form}\n\n")).unwrap();
            assert_eq!(shown(&found), [HEX], "{form}");
        }
        let bad = [&HEX[1..], &BASE64[1..], "", "-", &format!("{BASE64}A"), &BASE64.replace('7', "-")];
        for bad in bad.into_iter().chain([&*HEX.replace('7', "g"), &BASE64.replace('7', " ")]) {
            assert_eq!(of(&format!("COI-From-Hash: {bad}\n\n")), None, "{bad}");
        }
        assert_eq!(of(&format!("Subject: x\n\nCOI-From-Hash: {HEX}\n")), None, "in the body");
        let twice = of(&format!("COI-From-Hash: {HEX}\nCOI-From-Hash: {BASE64}\n\n")).unwrap();
        assert_eq!(shown(&twice), [HEX]);
    }

    // spec: COI-client §blocking-contacts
    #[test]
    fn blocked_whatever_the_field_says() {
        for says in ["yes", "no", "", "\n  "] {
            let header = format!("COI-Blocked: {says}\nCOI-From-Hash: {HEX}\n\n");
            assert!(of(&header).unwrap().blocked, "{says:?}");
        }
        assert_eq!(of("COI-Blocked: yes\n\n"), None, "nobody is named");
        assert!(!of(&format!("COI-From-Hash: {HEX}\nX-COI-Blocked: yes\n\n")).unwrap().blocked);
    }

    #[test]
    fn hashes_are_bounded() {
        let header: String = (0..100).map(|n| format!("COI-From-Hash: {n:064x}\n")).collect();
        assert_eq!(
            of(&format!("{header}COI-Blocked:\n\n")).unwrap().hashes.len(),
            limits::CONTACT_HASHES_MAX
        );
    }

    proptest! {
        /// Whatever comes: no panic, and what is found is as a `Contact` says it is.
        #[test]
        fn anything_may_come(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut header = format!("COI-From-Hash: {HEX}\r\nCOI-From-Hash: ").into_bytes();
            header.extend(&octets);
            let found = contact(&header);
            prop_assert!(found.is_some_and(|found| found.hashes.is_sorted_by(|a, b| a < b)));
            let _ = contact(&octets);
        }
    }
}
