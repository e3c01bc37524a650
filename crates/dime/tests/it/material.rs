//! Octets as the vectors write them, and the keys of our own set (docs/DIME.md, vectors).

use koi_dime::{DecryptionKey, Secret, SigningKey};

/// Hexadecimal; white space between does not count.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|octet| !octet.is_ascii_whitespace()).collect();
    let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

pub(crate) fn to_hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Base64url without padding.
pub(crate) fn b64u(text: &str) -> Vec<u8> {
    let mut bits = 0u32;
    let mut held = 0;
    let mut out = Vec::new();
    for octet in text.bytes().filter(|octet| !octet.is_ascii_whitespace()) {
        let value = match octet {
            b'A'..=b'Z' => octet - b'A',
            b'a'..=b'z' => octet - b'a' + 26,
            b'0'..=b'9' => octet - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => panic!("no base64url: {octet}"),
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    out
}

pub(crate) fn secret<const N: usize>(octets: &[u8]) -> Secret<N> {
    Secret::from_slice(octets).unwrap()
}

/// The seeds are the first half of SHA-512 of names; these are the halves.
pub(crate) const ORG_SIGN: &str = "6a18b6309fc80a49c010c259cef68080d2ed8260505ea340e59dd5b284eb58c4";
pub(crate) const ORG_ENC: &str = "1f3f4550fcbadaf18bfa289ebe6e5cfab4ab5bd95795fe5db10b45772fd0acab";
pub(crate) const USER_SIGN: &str = "b90508ff699ad7e99c13eff58da2d36ca538ec50237bda7a5ea98761bc26df95";
pub(crate) const USER_ENC: &str = "a5080c0cc7a6bf550e59fd1f53e18b5beb1dbbc3f4480fe220b9019d8fcc4fcd";

pub(crate) fn signing(hexadecimal: &str) -> SigningKey {
    SigningKey::new(&secret(&hex(hexadecimal)))
}

pub(crate) fn decryption(hexadecimal: &str) -> DecryptionKey {
    DecryptionKey::new(&secret(&hex(hexadecimal))).unwrap()
}
