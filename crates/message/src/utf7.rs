//! UTF-7 (RFC 2152), which old senders use and no table covers. Decoding only, lenient.

use encoding_rs::UTF_16BE;

use crate::transfer;

/// Appends `octets` decoded. RFC 2152: `+` begins a run of base64 with UTF-16 in it, `-` ends it, `+-` is a
/// plus.
pub(crate) fn decode(octets: &[u8], out: &mut String) {
    let mut rest = octets;
    while let Some(plus) = memchr::memchr(b'+', rest) {
        let (text, shifted) = rest.split_at_checked(plus).unwrap_or((rest, &[]));
        out.push_str(&String::from_utf8_lossy(text));
        let shifted = shifted.get(1..).unwrap_or_default();
        let in_run = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/');
        let end = shifted.iter().position(|octet| !in_run(octet)).unwrap_or(shifted.len());
        let (run, after) = shifted.split_at_checked(end).unwrap_or((shifted, &[]));
        let ended = after.first() == Some(&b'-');
        if run.is_empty() {
            out.push('+');
        } else {
            let mut units = Vec::new();
            transfer::decode_base64(run, &mut units);
            units.truncate(units.len() / 2 * 2);
            out.push_str(&UTF_16BE.decode_without_bom_handling(&units).0);
        }
        rest = if ended { after.get(1..).unwrap_or_default() } else { after };
    }
    out.push_str(&String::from_utf8_lossy(rest));
}

#[cfg(test)]
mod tests {
    // spec: RFC 2152
    #[test]
    fn decodes_the_examples_of_the_standard() {
        let table = [
            ("A+ImIDkQ.", "A\u{2262}\u{391}."),
            ("Hi Mom -+Jjo--!", "Hi Mom -\u{263A}-!"),
            ("+ZeVnLIqe-", "\u{65E5}\u{672C}\u{8A9E}"),
            ("Item 3 is +AKM-1.", "Item 3 is \u{A3}1."),
            ("1 +- 1", "1 + 1"),
        ];
        for (encoded, text) in table {
            let mut out = String::new();
            super::decode(encoded.as_bytes(), &mut out);
            assert_eq!(out, text);
        }
    }
}
