//! Base64 with padding, strictly (RFC 4648 §3.3, §3.5 and §4): no other characters, no bits left over.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What an octet stands for; 255 for none.
const VALUES: [u8; 256] = values();

#[allow(clippy::indexing_slicing, reason = "evaluated at compile time, where a wrong index is an error")]
const fn values() -> [u8; 256] {
    let mut table = [255u8; 256];
    let mut at = 0;
    while at < 64 {
        table[ALPHABET[at] as usize] = at as u8;
        at += 1;
    }
    table
}

/// The octets, or why it is not base64. The result is never longer than the text.
pub fn base64_decode(text: &[u8]) -> Result<Vec<u8>, &'static str> {
    if !text.len().is_multiple_of(4) {
        return Err("base64 is not a multiple of four characters");
    }
    let padding = text.iter().rev().take(2).take_while(|b| **b == b'=').count();
    let digits = text.get(..text.len() - padding).unwrap_or_default();
    let mut octets = Vec::with_capacity(text.len() / 4 * 3);
    for group in digits.chunks(4) {
        let mut held = 0u32;
        for digit in group {
            match VALUES.get(usize::from(*digit)) {
                Some(&value) if value < 64 => held = held << 6 | u32::from(value),
                _ => return Err("not a base64 character"),
            }
        }
        held <<= 6 * (4 - group.len());
        let [_, whole @ ..] = held.to_be_bytes();
        let (kept, rest) = whole.split_at(group.len().saturating_sub(1).min(3));
        if rest.iter().any(|b| *b != 0) {
            return Err("base64 has bits left over");
        }
        octets.extend_from_slice(kept);
    }
    Ok(octets)
}

/// With padding.
#[must_use]
pub fn base64_encode(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len().div_ceil(3) * 4);
    for group in octets.chunks(3) {
        let held = group.iter().fold(0u32, |held, b| held << 8 | u32::from(*b)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let digit = ALPHABET.get((held >> (18 - 6 * place)) as usize & 63).copied().unwrap_or(b'=');
            text.push(char::from(if place <= group.len() { digit } else { b'=' }));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648 §10
    #[test]
    fn the_vectors_both_ways() {
        let vectors = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (octets, text) in vectors {
            assert_eq!(base64_encode(octets.as_bytes()), text);
            assert_eq!(base64_decode(text.as_bytes()), Ok(octets.into()), "{text}");
        }
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(base64_decode(base64_encode(&all).as_bytes()), Ok(all));
    }

    /// RFC 4648 §3.3 and §3.5
    #[test]
    fn anything_else_is_refused() {
        for bad in [
            "Z", "Zg", "Zg=", "Zg= =", "=", "====", "Z===", "Zm9v\r\n", "Zm 9", "Zh==", "Zm9=", "Zg==Zg==",
            "Zm-_",
        ] {
            assert!(base64_decode(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
