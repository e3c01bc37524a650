//! Numbers in decimal, without the formatting machinery: they are most of what a large FETCH writes.

/// Appends a number.
pub fn push_number(number: u64, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut rest = number;
    let mut used = 0;
    for slot in digits.iter_mut().rev() {
        *slot = b'0' + (rest % 10) as u8;
        rest /= 10;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(20 - used..).unwrap_or_default());
}

/// Appends a number with zeros in front, at least `width` digits.
pub fn push_padded(number: u32, width: usize, out: &mut Vec<u8>) {
    let digits = number.checked_ilog10().unwrap_or(0) as usize + 1;
    out.resize(out.len() + width.saturating_sub(digits), b'0');
    push_number(u64::from(number), out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_like_the_library_does() {
        let powers = (0..20).map(|n| 10u64.pow(n));
        for number in powers.flat_map(|p| [p - 1, p, p + 1]).chain([0, u64::from(u32::MAX), u64::MAX]) {
            let mut out = Vec::new();
            push_number(number, &mut out);
            assert_eq!(out, number.to_string().as_bytes());
        }
        let mut out = Vec::new();
        push_padded(7, 2, &mut out);
        push_padded(0, 2, &mut out);
        push_padded(1996, 4, &mut out);
        push_padded(123, 2, &mut out);
        assert_eq!(out, b"07001996123");
    }
}
