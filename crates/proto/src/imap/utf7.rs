//! Modified UTF-7 of mailbox names, both ways (RFC 3501 §5.1.3).
//!
//! Strict: one name has one spelling, so that no mailbox can be meant in two ways.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/// Why a name is not modified UTF-7.
const INVALID: &str = "mailbox name is not valid modified UTF-7";

/// Reads a name from the wire.
pub fn decode(wire: &[u8]) -> Result<String, &'static str> {
    let mut name = String::with_capacity(wire.len());
    let mut rest = wire;
    let mut after_shift = false;
    while let [octet, tail @ ..] = rest {
        match octet {
            b'&' => {
                let end = tail.iter().position(|b| *b == b'-').ok_or(INVALID)?;
                let (shifted, after) = tail.split_at(end);
                if shifted.is_empty() {
                    name.push('&');
                } else if after_shift {
                    // `&..-&..-` could have been one shift.
                    return Err(INVALID);
                } else {
                    push_shifted(shifted, &mut name)?;
                }
                after_shift = !shifted.is_empty();
                rest = after.get(1..).unwrap_or_default();
                continue;
            }
            0x20..=0x7e => name.push(char::from(*octet)),
            _ => return Err(INVALID),
        }
        after_shift = false;
        rest = tail;
    }
    Ok(name)
}

/// Modified base64 of UTF-16, without what could stand for itself and without bits left over.
fn push_shifted(digits: &[u8], name: &mut String) -> Result<(), &'static str> {
    let mut units = Vec::with_capacity(digits.len() * 3 / 8);
    let (mut held, mut bits) = (0u32, 0u32);
    for digit in digits {
        let value = ALPHABET.iter().position(|a| a == digit).ok_or(INVALID)? as u32;
        held = held << 6 | value;
        bits += 6;
        if bits >= 16 {
            bits -= 16;
            units.push((held >> bits) as u16);
            held &= (1 << bits) - 1;
        }
    }
    if bits >= 6 || held != 0 {
        return Err(INVALID);
    }
    for decoded in char::decode_utf16(units) {
        match decoded {
            Ok(' '..='~') | Err(_) => return Err(INVALID),
            Ok(c) => name.push(c),
        }
    }
    Ok(())
}

/// Appends a name as it goes on the wire.
pub fn encode(name: &str, out: &mut Vec<u8>) {
    let mut rest = name;
    while let Some(c) = rest.chars().next() {
        let plain = matches!(c, ' '..='~');
        let end = rest.find(|c| matches!(c, ' '..='~') != plain).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        if plain {
            for octet in run.bytes() {
                out.push(octet);
                if octet == b'&' {
                    out.push(b'-');
                }
            }
        } else {
            shift(run, out);
        }
        rest = after;
    }
}

fn shift(run: &str, out: &mut Vec<u8>) {
    let digit = |value: u32| ALPHABET.get(value as usize & 63).copied().unwrap_or(b'A');
    out.push(b'&');
    let (mut held, mut bits) = (0u32, 0u32);
    for unit in run.encode_utf16() {
        held = held << 16 | u32::from(unit);
        bits += 16;
        while bits >= 6 {
            bits -= 6;
            out.push(digit(held >> bits));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        out.push(digit(held << (6 - bits)));
    }
    out.push(b'-');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(name: &str) -> String {
        let mut out = Vec::new();
        encode(name, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// RFC 3501 §5.1.3 (the first two are its examples)
    #[test]
    fn known_names_both_ways() {
        let names = [
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("☺!", "&Jjo-!"),
            ("A&B", "A&-B"),
            ("&&", "&-&-"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("ä&ö", "&AOQ-&-&APY-"),
            ("😀", "&2D3eAA-"),
            ("\u{7f}", "&AH8-"),
            ("", ""),
        ];
        for (name, wire) in names {
            assert_eq!(encoded(name), wire);
            assert_eq!(decode(wire.as_bytes()).as_deref(), Ok(name), "{wire}");
        }
    }

    /// RFC 3501 §5.1.3: no superfluous shifts, no plain characters in base64, nothing left over.
    #[test]
    fn other_spellings_are_refused() {
        let bad = [
            "&Jjo!",
            "&U,BTFw-&ZeVnLIqe-",
            "&AGE-",
            "&",
            "a&b",
            "&2D0-",
            "&3gA-",
            "&Jjp-",
            "&Jjoo-",
            "&J-",
            "&JjoA-",
            "&Jj/-",
            "\u{e4}",
            "a\tb",
            "&AAAAAAA-",
            "&=-",
        ];
        for wire in bad {
            assert!(decode(wire.as_bytes()).is_err(), "{wire}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_reads_back(name in "\\PC{0,20}") {
            prop_assert_eq!(decode(encoded(&name).as_bytes()), Ok(name));
        }
        #[test]
        fn what_reads_has_one_spelling(wire in "[ -~]{0,12}|(&[A-Za-z0-9+,]{0,8}-){1,3}") {
            if let Ok(name) = decode(wire.as_bytes()) {
                prop_assert_eq!(encoded(&name), wire);
            }
        }
    }
}
