//! SASLprep: names and passwords that look the same are the same octets (RFC 4013 §2, RFC 5802 §5.1).
//!
//! SASLprep and not its successor `OpaqueString` (RFC 8265 §4.2), because SCRAM-SHA-256 is defined with it
//! (RFC 7677 §3 refers to RFC 5802 §2.2). For what people type the two agree but for compatibility characters
//! (NFKC here, NFC there), and a client that does neither sends ASCII, which both leave alone.

use std::borrow::Cow;

/// The prepared form of a stored string (RFC 4013 §2); `None` when it holds what is prohibited (control
/// characters, text in two directions mixed up, code points unassigned in Unicode 3.2).
#[must_use]
pub fn saslprep(text: &str) -> Option<Cow<'_, str>> {
    stringprep::saslprep(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4013 §3
    #[test]
    fn the_examples() {
        for (input, output) in [
            ("I\u{ad}X", Some("IX")),
            ("user", Some("user")),
            ("USER", Some("USER")),
            ("\u{aa}", Some("a")),
            ("\u{2168}", Some("IX")),
            ("\u{7}", None),
            ("\u{627}1", None),
        ] {
            assert_eq!(saslprep(input).as_deref(), output, "{input:?}");
        }
    }

    /// RFC 4013 §2.1: other spaces become spaces; RFC 4013 §2.2: composed.
    #[test]
    fn typed_on_another_keyboard() {
        assert_eq!(saslprep("a\u{a0}b").as_deref(), Some("a b"));
        assert_eq!(saslprep("u\u{308}ber").as_deref(), Some("über"));
    }
}
