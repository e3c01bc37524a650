//! A message in which NUL is only in bodies, made one without (RFC 3516 §4.4, RFC 3516 §6): what every client
//! can fetch, and nothing of it lost.

use crate::header::header_fields;
use crate::parse::parse;
use crate::structure::{Part, PartKind};
use crate::transfer_encoding::TransferEncoding;

/// Octets in a line of base64: 76 (RFC 2045 §6.8).
const LINE_OCTETS: usize = 57;

/// The message with every part that has NUL in base64. None if NUL is anywhere else: in a header, between
/// parts, or under another encoding.
#[must_use]
pub fn without_nul(raw: &[u8]) -> Option<Vec<u8>> {
    let structure = parse(raw).facts.structure;
    let mut out = Vec::with_capacity(raw.len() / 3 * 4);
    let mut copied = 0;
    convert(&structure.root, raw, &mut copied, &mut out);
    out.extend_from_slice(raw.get(copied..).unwrap_or_default());
    (!out.contains(&0)).then_some(out)
}

/// Copies up to the end of each part that must be changed, in their order.
fn convert(part: &Part, raw: &[u8], copied: &mut usize, out: &mut Vec<u8>) {
    match &part.kind {
        PartKind::Multipart(parts) => parts.iter().for_each(|part| convert(part, raw, copied, out)),
        PartKind::Message(embedded) => convert(&embedded.part, raw, copied, out),
        PartKind::Leaf => {}
    }
    let body = part.body.of(raw);
    let encoding: TransferEncoding = part.content.transfer_encoding();
    if !matches!(part.kind, PartKind::Leaf) || !encoding.is_identity() || !body.contains(&0) {
        return;
    }
    let start = part.header.start as usize;
    out.extend_from_slice(raw.get(*copied..start).unwrap_or_default());
    push_header(part.header.of(raw), out);
    push_base64(body, out);
    *copied = part.body.end as usize;
    if *copied == raw.len() {
        out.extend_from_slice(b"\r\n");
    }
}

/// The header with another encoding.
fn push_header(header: &[u8], out: &mut Vec<u8>) {
    let others = header_fields(header, &[b"Content-Transfer-Encoding"], true);
    let end = others.strip_suffix(b"\n").unwrap_or(&others);
    let end = end.strip_suffix(b"\r").unwrap_or(end);
    out.extend_from_slice(end);
    out.extend_from_slice(b"Content-Transfer-Encoding: base64\r\n\r\n");
}

fn push_base64(body: &[u8], out: &mut Vec<u8>) {
    for (at, line) in body.chunks(LINE_OCTETS).enumerate() {
        if at > 0 {
            out.extend_from_slice(b"\r\n");
        }
        line.chunks(3).for_each(|group| push_group(group, out));
    }
}

/// RFC 4648 §4, in one line.
pub(crate) fn push_base64_line(octets: &[u8], out: &mut Vec<u8>) {
    octets.chunks(3).for_each(|group| push_group(group, out));
}

fn push_group(group: &[u8], out: &mut Vec<u8>) {
    let octet = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
    let bits = octet(0) << 16 | octet(1) << 8 | octet(2);
    for place in 0..4 {
        let letter = match place <= group.len() {
            true => letter((bits >> (18 - 6 * place)) as u8 & 63),
            false => b'=',
        };
        out.push(letter);
    }
}

const fn letter(value: u8) -> u8 {
    match value {
        0..=25 => b'A' + value,
        26..=51 => b'a' + (value - 26),
        52..=61 => b'0' + (value - 52),
        62 => b'+',
        _ => b'/',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::find_part;
    use crate::transfer::decode_base64;

    /// RFC 3516 §4.4
    #[test]
    fn parts_with_nul_are_encoded_and_nothing_is_lost() {
        let body: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let mut raw =
            b"Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n\
            Content-Transfer-Encoding: BINARY\r\nX-A: b\r\n\r\n"
                .to_vec();
        raw.extend_from_slice(&body);
        raw.extend_from_slice(b"\r\n--b--\r\n");
        let converted = without_nul(&raw).unwrap();
        let structure = parse(&converted).facts.structure;
        let part = find_part(&structure, &[2]).unwrap();
        assert_eq!(part.header.of(&converted), b"X-A: b\r\nContent-Transfer-Encoding: base64\r\n\r\n");
        let mut decoded = Vec::new();
        decode_base64(part.body.of(&converted), &mut decoded);
        assert_eq!(decoded, body);
        assert_eq!(find_part(&structure, &[1]).unwrap().body.of(&converted), b"text");
        assert!(converted.ends_with(b"\r\n--b--\r\n"));
    }

    #[test]
    fn every_length_is_padded_right() {
        for length in 1..9 {
            let body = vec![0; length];
            let mut decoded = Vec::new();
            let converted = without_nul(&[b"A: b\r\n\r\n", body.as_slice()].concat()).unwrap();
            let text = converted.strip_prefix(b"A: b\r\nContent-Transfer-Encoding: base64\r\n\r\n").unwrap();
            decode_base64(text, &mut decoded);
            assert_eq!(decoded, body);
        }
    }

    #[test]
    fn nul_elsewhere_is_refused() {
        assert_eq!(without_nul(b"A: \0\r\n\r\nx"), None);
        assert_eq!(without_nul(b"Content-Transfer-Encoding: base64\r\n\r\n\0"), None);
        assert_eq!(without_nul(b"A: b\r\n\r\nx").unwrap(), b"A: b\r\n\r\nx");
    }
}
