//! Push subscriptions by name (COI-webpush §subscribe).

use std::fmt;

use crate::limits;

/// The id a client gave a push subscription: 10 to 36 of `[0-9A-Za-z_-]`. Unique within its account.
///
/// It is part of the name of an annotation, and those compare without regard to case (RFC 5464 §3.2): here it
/// is in lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PushId(Box<str>);

impl PushId {
    /// `None` when the text is too short, too long, or has another character.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let lengths = limits::PUSH_ID_OCTETS_MIN..=limits::PUSH_ID_OCTETS_MAX;
        let valid = lengths.contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        valid.then(|| Self(text.to_ascii_lowercase().into()))
    }
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PushId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: COI-webpush §subscribe; RFC 5464 §3.2
    #[test]
    fn ids_have_ten_to_thirty_six_of_few_characters() {
        for good in ["0123456789", "31754ee7-d3ee-4226-b112-6895ed26fcf8", "ABC_def-10"] {
            assert_eq!(PushId::new(good).unwrap().as_str(), good.to_lowercase());
        }
        let too_long = "x".repeat(37);
        for bad in ["", "012345678", &too_long, "0123456789/", "0123456789.", "012345678ä", "01234 56789"] {
            assert_eq!(PushId::new(bad), None, "{bad}");
        }
    }
}
