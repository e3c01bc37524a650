//! The keys of a subscription as its client sends them (COI-webpush §subscribe, RFC 8291 §3.2).

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, DecodePaddingMode::Indifferent};

/// Octets of a point of P-256 in its uncompressed form (X9.62): 0x04, x, y.
pub const PUBLIC_KEY_OCTETS: usize = 65;
/// Octets of the authentication secret (RFC 8291 §3.2 names the number).
pub const AUTH_OCTETS: usize = 16;

/// A point in uncompressed form. That it lies on the curve is found out when it is used.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PublicKey([u8; PUBLIC_KEY_OCTETS]);

impl PublicKey {
    /// `None` unless it begins with 0x04, as every uncompressed point does.
    #[must_use]
    pub fn new(octets: [u8; PUBLIC_KEY_OCTETS]) -> Option<Self> {
        (octets.first() == Some(&4)).then_some(Self(octets))
    }
    /// In base64 or base64url, with or without padding.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::new(decode(text)?.try_into().ok()?)
    }
    #[must_use]
    pub const fn octets(&self) -> &[u8; PUBLIC_KEY_OCTETS] {
        &self.0
    }
    /// RFC 7515 §2: base64url without padding.
    #[must_use]
    pub fn base64url(&self) -> String {
        base64url(&self.0)
    }
}

/// A secret the client made, which authenticates what is encrypted for it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Auth(pub [u8; AUTH_OCTETS]);

impl Auth {
    /// In base64 or base64url, with or without padding.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        decode(text)?.try_into().ok().map(Self)
    }
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Auth(…)")
    }
}

/// What a message for one subscription is encrypted with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Keys {
    pub p256dh: PublicKey,
    pub auth: Auth,
}

pub(crate) fn base64url(octets: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

const LENIENT: GeneralPurposeConfig = lenient(Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

const fn lenient(padding: DecodePaddingMode) -> GeneralPurposeConfig {
    GeneralPurposeConfig::new().with_decode_padding_mode(padding)
}

/// COI-webpush §subscribe shows base64 with padding, the Push API of browsers gives base64url without.
fn decode(text: &str) -> Option<Vec<u8>> {
    let engine = if text.contains(['-', '_']) { URL_SAFE } else { STANDARD };
    engine.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_with_and_without_padding() {
        let auth = Auth([0xfb; 16]);
        let spellings = ["+/v7+/v7+/v7+/v7+/v7+w==", "+/v7+/v7+/v7+/v7+/v7+w", "-_v7-_v7-_v7-_v7-_v7-w=="];
        for text in spellings {
            assert_eq!(Auth::parse(text), Some(auth), "{text}");
        }
        for text in
            ["", "+/v7", "+_v7+/v7+/v7+/v7+/v7+w==", "+/v7+/v7+/v7+/v7+/v7+x==", "+/v7 +/v7+/v7+/v7+/v7+w"]
        {
            assert_eq!(Auth::parse(text), None, "{text}");
        }
        assert_eq!(format!("{auth:?}"), "Auth(…)");
    }

    #[test]
    fn only_an_uncompressed_point_is_a_key() {
        let mut point = [7; PUBLIC_KEY_OCTETS];
        assert_eq!(PublicKey::new(point), None);
        point[0] = 4;
        let key = PublicKey::new(point).unwrap();
        assert_eq!(PublicKey::parse(&key.base64url()), Some(key));
        assert_eq!(PublicKey::parse(&base64url(&point[..33])), None, "compressed, or cut");
    }
}
