//! Content-Transfer-Encodings decoded (RFC 2045 §6.7, §6.8; uuencode), and the Q encoding of headers (RFC
//! 2047 §4.2).
//!
//! Lenient: octets that do not belong are skipped (base64) or kept (quoted-printable). All append to `out`,
//! none makes more octets than it was given.

use memchr::memchr;

use crate::transfer_encoding::TransferEncoding;

mod pieces;

pub use pieces::Decoder;

/// Appends the decoded `octets`. Unknown encodings are opaque (RFC 2045 §6.4) and give nothing.
pub fn decode(encoding: TransferEncoding, octets: &[u8], out: &mut Vec<u8>) {
    match encoding {
        TransferEncoding::SevenBit | TransferEncoding::EightBit | TransferEncoding::Binary => {
            out.extend_from_slice(octets);
        }
        TransferEncoding::QuotedPrintable => decode_quoted_printable(octets, out),
        TransferEncoding::Base64 => decode_base64(octets, out),
        TransferEncoding::Uuencode => decode_uuencode(octets, out),
        TransferEncoding::Unknown => {}
    }
}

/// RFC 2045 §6.8: octets outside the alphabet are ignored. Padding ends a group; what follows it begins
/// another, as in bodies that were put together from encoded pieces.
pub fn decode_base64(octets: &[u8], out: &mut Vec<u8>) {
    out.reserve(octets.len() / 4 * 3 + 3);
    let mut group = Group::default();
    group.decode(octets, out);
    finish_group(group.bits, group.sextets, out);
}

/// A group of base64 of which not all octets were seen yet.
#[derive(Clone, Copy, Debug, Default)]
struct Group {
    bits: u32,
    sextets: u32,
}

impl Group {
    /// Takes in a piece of a body.
    fn decode(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        let mut rest = octets;
        loop {
            if self.sextets == 0 {
                rest = whole_groups(rest, out);
            }
            match rest.split_first() {
                None => return,
                Some((b'\r' | b'\n', after)) => rest = after,
                Some((&octet, after)) => {
                    rest = after;
                    sextet(octet, &mut self.bits, &mut self.sextets, out);
                }
            }
        }
    }
}

/// Decodes groups up to the first that is not wholly of the alphabet; returns what is left.
fn whole_groups<'a>(octets: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let mut rest = octets;
    while let Some((block, after)) = rest.split_first_chunk::<BASE64_BLOCK>() {
        let Some(decoded) = whole_block(block) else { break };
        out.extend_from_slice(decoded.get(..BASE64_BLOCK / 4 * 3).unwrap_or_default());
        rest = after;
    }
    while let Some((group, after)) = rest.split_first_chunk::<4>() {
        let Some(bits) = whole_group(*group) else { break };
        let [_, a, b, c] = bits.to_be_bytes();
        out.extend_from_slice(&[a, b, c]);
        rest = after;
    }
    rest
}

/// Octets decoded without looking at each result: most of a line as RFC 2045 §6.8 makes them.
const BASE64_BLOCK: usize = 32;

/// A block of groups and some octets more; None if one of its octets is not of the alphabet. Eight octets
/// become six at a time, written as eight of which the next six overwrite two: whole words are faster than
/// octets.
fn whole_block(block: &[u8; BASE64_BLOCK]) -> Option<[u8; BASE64_BLOCK]> {
    let mut decoded = [0; BASE64_BLOCK];
    let mut all = 0;
    for (at, eight) in block.as_chunks::<8>().0.iter().enumerate() {
        let [a, b, c, d, e, f, g, h] = *eight;
        let (high, low) = (group_bits([a, b, c, d]), group_bits([e, f, g, h]));
        all |= high | low;
        let six = (u64::from(high) << 24 | u64::from(low)) << 16;
        if let Some(target) = decoded.get_mut(at * 6..at * 6 + 8) {
            target.copy_from_slice(&six.to_be_bytes());
        }
    }
    (all < 1 << 24).then_some(decoded)
}

/// Four octets of the alphabet as 24 bits.
fn whole_group(group: [u8; 4]) -> Option<u32> {
    let bits = group_bits(group);
    (bits < 1 << 24).then_some(bits)
}

/// Four octets as 24 bits, and bit 24 if one of them is not of the alphabet. A table for each place holds
/// the value where it belongs.
#[inline]
#[allow(clippy::indexing_slicing)] // tables of 256, indexed by octets
fn group_bits([a, b, c, d]: [u8; 4]) -> u32 {
    let [first, second, third, fourth] = &PLACED;
    first[usize::from(a)] | second[usize::from(b)] | third[usize::from(c)] | fourth[usize::from(d)]
}

/// Tables with the values of octets at each place of a group; octets outside the alphabet have bit 24.
static PLACED: [[u32; 256]; 4] = [placed(18), placed(12), placed(6), placed(0)];

#[allow(clippy::indexing_slicing)] // in a constant, where a wrong index does not compile
const fn placed(shift: u32) -> [u32; 256] {
    let mut table = [1 << 24; 256];
    let mut octet = 0;
    while octet < 256 {
        if SEXTETS[octet] < 64 {
            table[octet] = (SEXTETS[octet] as u32) << shift;
        }
        octet += 1;
    }
    table
}

/// Takes in one octet on the slow path.
fn sextet(octet: u8, bits: &mut u32, sextets: &mut u32, out: &mut Vec<u8>) {
    let value = sextet_of(octet);
    if octet == b'=' {
        finish_group(*bits, *sextets, out);
        (*bits, *sextets) = (0, 0);
    } else if value < 64 {
        *bits = *bits << 6 | u32::from(value);
        *sextets += 1;
        if *sextets == 4 {
            finish_group(*bits, 4, out);
            (*bits, *sextets) = (0, 0);
        }
    }
}

/// The whole octets of an incomplete group.
fn finish_group(bits: u32, sextets: u32, out: &mut Vec<u8>) {
    match sextets {
        2 => out.push((bits >> 4) as u8),
        3 => out.extend_from_slice(&[(bits >> 10) as u8, (bits >> 2) as u8]),
        4 => out.extend_from_slice(&[(bits >> 16) as u8, (bits >> 8) as u8, bits as u8]),
        _ => {}
    }
}

/// The value of an octet of the alphabet (RFC 4648 §4); 255 for others.
fn sextet_of(octet: u8) -> u8 {
    SEXTETS.get(usize::from(octet)).copied().unwrap_or(255)
}

const SEXTETS: [u8; 256] = sextet_table();

#[allow(clippy::indexing_slicing)] // in a constant, where a wrong index does not compile
const fn sextet_table() -> [u8; 256] {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut table = [255; 256];
    let mut value = 0;
    while value < 64 {
        table[alphabet[value] as usize] = value as u8;
        value += 1;
    }
    table
}

/// RFC 2045 §6.7: `=XX`, soft line breaks, and no white space at the ends of lines. A `=` that begins nothing
/// stays.
pub fn decode_quoted_printable(octets: &[u8], out: &mut Vec<u8>) {
    out.reserve(octets.len());
    let mut rest = octets;
    // Octets of the present line that were written as they stood since the last `=`.
    let mut plain = 0;
    loop {
        let text = plain_octets(rest);
        let (written, marked) = rest.split_at_checked(text).unwrap_or((rest, &[]));
        out.extend_from_slice(written);
        plain += text;
        match marked.split_first() {
            None => return,
            Some((b'=', after)) => {
                rest = after.get(escape(after, out)..).unwrap_or_default();
                plain = 0;
            }
            Some((_, after)) => {
                end_line(plain, out);
                rest = after;
                plain = 0;
            }
        }
    }
}

/// Octets before the first `=` or LF. Both come often, so blocks are tested here: a search of its own for
/// each would cost more than it finds.
fn plain_octets(octets: &[u8]) -> usize {
    let marked = |octet: u8| octet == b'=' || octet == b'\n';
    let is_plain = |block: &&[u8; 16]| {
        let mut any = 0_u8;
        for &octet in *block {
            any |= u8::from(marked(octet));
        }
        any == 0
    };
    let blocks = octets.as_chunks::<16>().0.iter().take_while(is_plain).count() * 16;
    let tail = octets.get(blocks..).unwrap_or_default();
    blocks + tail.iter().position(|&octet| marked(octet)).unwrap_or(tail.len())
}

/// Ends a line whose last `octets` were just written as they stood: without white space at its end.
fn end_line(octets: usize, out: &mut Vec<u8>) {
    let start = out.len() - octets.min(out.len());
    let text = out.get(start..).unwrap_or_default();
    let cr = text.ends_with(b"\r");
    let kept = text.trim_ascii_end().len();
    out.truncate(start + kept);
    out.extend_from_slice(if cr { b"\r\n" } else { b"\n" });
}

/// What stands behind a `=`; returns how much of it belongs to it.
fn escape(rest: &[u8], out: &mut Vec<u8>) -> usize {
    if let Some(&[high, low]) = rest.first_chunk::<2>()
        && let Some(octet) = hex_pair(high, low)
    {
        out.push(octet);
        return 2;
    }
    let line_end = rest.iter().position(|b| !matches!(b, b' ' | b'\t' | b'\r')).unwrap_or(rest.len());
    match rest.get(line_end) {
        None => rest.len(),
        Some(b'\n') => line_end + 1,
        Some(_) => {
            out.push(b'=');
            0
        }
    }
}

fn hex_pair(high: u8, low: u8) -> Option<u8> {
    Some(hex_digit(high)? << 4 | hex_digit(low)?)
}

fn hex_digit(octet: u8) -> Option<u8> {
    match octet {
        b'0'..=b'9' => Some(octet - b'0'),
        b'A'..=b'F' => Some(octet - b'A' + 10),
        b'a'..=b'f' => Some(octet - b'a' + 10),
        _ => None,
    }
}

/// RFC 2047 §4.2: `_` is a space.
pub fn decode_q(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some((&octet, after)) = rest.split_first() {
        rest = after;
        match octet {
            b'_' => out.push(b' '),
            b'=' => rest = escape_in_word(after, out, b'='),
            _ => out.push(octet),
        }
    }
}

/// RFC 2231 §4: `%XX`.
pub fn decode_percent(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = memchr(b'%', rest) {
        out.extend_from_slice(rest.get(..at).unwrap_or_default());
        rest = escape_in_word(rest.get(at + 1..).unwrap_or_default(), out, b'%');
    }
    out.extend_from_slice(rest);
}

fn escape_in_word<'a>(rest: &'a [u8], out: &mut Vec<u8>, mark: u8) -> &'a [u8] {
    if let Some((&[high, low], after)) = rest.split_first_chunk::<2>()
        && let Some(octet) = hex_pair(high, low)
    {
        out.push(octet);
        return after;
    }
    out.push(mark);
    rest
}

/// The lines between `begin` and `end`, as the uuencode command of POSIX writes them.
pub fn decode_uuencode(octets: &[u8], out: &mut Vec<u8>) {
    let mut lines =
        octets.split(|&octet| octet == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    if !lines.by_ref().any(|line| line.starts_with(b"begin ")) {
        return;
    }
    for line in lines {
        let Some((&first, groups)) = line.split_first() else { continue };
        let count = usize::from(first.wrapping_sub(b' ') & 63);
        if line == b"end" || count == 0 {
            return;
        }
        let line_start = out.len();
        for group in groups.chunks(4) {
            let sextet = |at: usize| u32::from(group.get(at).unwrap_or(&b' ').wrapping_sub(b' ') & 63);
            let bits = sextet(0) << 18 | sextet(1) << 12 | sextet(2) << 6 | sextet(3);
            finish_group(bits, 4, out);
        }
        out.truncate(line_start + count);
    }
}

#[cfg(test)]
mod tests;
