//! Primitives of the record format, writing.

/// LEB128, seven bits an octet, least first.
pub(super) fn put_number(number: u32, out: &mut Vec<u8>) {
    let mut rest = number;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

pub(super) fn put_octets(octets: &[u8], out: &mut Vec<u8>) {
    put_number(octets.len() as u32, out);
    out.extend_from_slice(octets);
}

/// Nothing is 0, a string of n octets is n + 1 before them.
pub(super) fn put_optional(octets: Option<&[u8]>, out: &mut Vec<u8>) {
    match octets {
        None => out.push(0),
        Some(octets) => {
            put_number(octets.len() as u32 + 1, out);
            out.extend_from_slice(octets);
        }
    }
}
