//! The base64 of D/MIME: in the URL's alphabet without padding where we write it; read in either.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode::Indifferent;
use base64::engine::general_purpose::{
    GeneralPurpose, GeneralPurposeConfig, STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD,
};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_padding_mode(Indifferent);
const EITHER_STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const EITHER_URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// RFC 4648 §5 without padding.
#[must_use]
pub fn b64u(octets: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

/// RFC 4648 §4 without padding.
pub(crate) fn b64_bare(octets: &[u8]) -> String {
    STANDARD_NO_PAD.encode(octets)
}

/// RFC 4648 §4 with padding.
pub(crate) fn b64(octets: &[u8]) -> String {
    STANDARD.encode(octets)
}

/// Strictly RFC 4648 §5 without padding.
pub(crate) fn from_b64u(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Either alphabet, with or without padding; the caller has bounded the text.
pub(crate) fn from_b64_any(text: &[u8]) -> Option<Vec<u8>> {
    let is_url = text.iter().any(|octet| matches!(octet, b'-' | b'_'));
    let engine = if is_url { EITHER_URL } else { EITHER_STANDARD };
    engine.decode(text).ok()
}

/// Exactly `N` octets in either alphabet.
pub(crate) fn array_from_b64<const N: usize>(text: &str) -> Option<[u8; N]> {
    // Four characters for three octets, and padding: more is not looked at.
    (text.len() <= N.div_ceil(3) * 4).then(|| from_b64_any(text.as_bytes()))??.try_into().ok()
}
