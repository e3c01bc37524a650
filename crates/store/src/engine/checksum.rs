//! CRC32C backwards: which checksum there was before some octets, and which salt leads to a seed. Every octet
//! is a step that can be taken back, so whatever is covered by a file's seed says what the seed is.

use super::segment::StoreId;

/// Castagnoli's polynomial, reflected. Its highest bit is set, by which a step shows what it shifted out.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// The checksum to which these octets were appended: `crc32c_append(rewound(c, octets), octets) == c`.
pub(super) fn rewound(checksum: u32, octets: &[u8]) -> u32 {
    let mut state = !checksum;
    for octet in octets.iter().rev() {
        for _ in 0..8 {
            state = if state >> 31 == 1 { (state ^ POLYNOMIAL) << 1 | 1 } else { state << 1 };
        }
        state ^= u32::from(*octet);
    }
    !state
}

/// A salt with which files of this store have this seed.
pub(super) fn salt_for(store: StoreId, seed: u32) -> [u8; 8] {
    let before = crc32c::crc32c_append(crc32c::crc32c(&store.0), &[0; 4]);
    let last = before ^ rewound(seed, &[0; 4]);
    let mut salt = [0; 8];
    salt.iter_mut().skip(4).zip(last.to_le_bytes()).for_each(|(slot, octet)| *slot = octet);
    salt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_appended_is_taken_back() {
        for (seed, octets) in [(0, &b""[..]), (1, b"a"), (0xdead_beef, b"123456789"), (u32::MAX, &[0xff; 60])]
        {
            assert_eq!(rewound(crc32c::crc32c_append(seed, octets), octets), seed);
        }
        for seed in [0, 7, 0x8000_0000, 0x1234_5678, u32::MAX] {
            let (store, octets) = (StoreId([9; 16]), salt_for(StoreId([9; 16]), seed));
            assert_eq!(crc32c::crc32c_append(crc32c::crc32c(&store.0), &octets), seed);
        }
    }
}
