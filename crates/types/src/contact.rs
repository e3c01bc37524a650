//! What a contact storage message says to a server: whom it is about, and whether that is blocked
//! (COI-client §contact-storage-message-headers, COI-client §blocking-contacts).

/// SHA3-256 of a mail address in normal form: what a contact is found by without its address being told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressHash(pub [u8; 32]);

/// One contact. A contact with several addresses has several hashes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contact {
    /// Each once, ascending; at least one, at most `limits::CONTACT_HASHES_MAX`.
    pub hashes: Vec<AddressHash>,
    pub blocked: bool,
}

impl std::fmt::Debug for AddressHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}
