//! U: one message of a mailbox. The row that FETCH FLAGS, SEARCH and STATUS scan, so it is small and read in
//! place.

use koi_types::{Day, EmailId, ModSeq, SystemFlags, Timestamp, ZoneOffset};

use super::VERSION;

/// Octets before the keyword numbers.
pub const MEMBERSHIP_OCTETS: usize = 60;

const NO_DAY: i32 = i32::MIN;

/// Version 1 had nothing of DMAP: most messages never do, and are written in it.
const VERSION_WITH_DMAP: u8 = 2;

/// One row, borrowed from where it is stored. Fields at fixed places, little-endian:
/// version 1, flags 1, email 16, modseq 8, created modseq 8, octets 4, received at 8, its zone 2, saved at 8,
/// day of the Date field 4; in version 2 octets of PRIME 4, octets of META 4; then two octets per keyword.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Membership<'r> {
    pub flags: SystemFlags,
    pub email: EmailId,
    pub modseq: ModSeq,
    /// When it came into this mailbox.
    pub created_modseq: ModSeq,
    /// RFC822.SIZE.
    pub octets: u32,
    /// INTERNALDATE (RFC 9051 §2.3.3).
    pub received_at: Timestamp,
    /// The zone INTERNALDATE was given in.
    pub received_zone: ZoneOffset,
    /// When it came into this mailbox (RFC 8514 §1).
    pub saved_at: Timestamp,
    /// The day the Date field names, time and zone disregarded (RFC 9051 §6.4.4, SENTON).
    pub sent_day: Option<Day>,
    /// Of the encrypted message that this stands for (DMAP-00 §3.4); 0: it is what it is.
    pub prime_octets: u32,
    /// Of its META block (DMAP-00 §7.6.5); 0: it has none.
    pub meta_octets: u32,
    pub keywords: KeywordNumbers<'r>,
}

/// Keywords of one message as account-wide numbers, ascending; two octets each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KeywordNumbers<'r>(&'r [u8]);

impl<'r> KeywordNumbers<'r> {
    pub fn iter(self) -> impl Iterator<Item = u16> + 'r {
        self.0.as_chunks::<2>().0.iter().map(|octets| u16::from_le_bytes(*octets))
    }
    #[must_use]
    pub const fn count(self) -> usize {
        self.0.len() / 2
    }
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }
    #[must_use]
    pub fn contains(self, number: u16) -> bool {
        self.iter().any(|n| n == number)
    }
}

impl<'r> Membership<'r> {
    /// In a few loads: no allocation, no loop.
    #[must_use]
    #[inline]
    pub fn decode(row: &'r [u8]) -> Option<Self> {
        let (fixed, rest) = row.split_first_chunk::<MEMBERSHIP_OCTETS>()?;
        let fields = fixed_fields(fixed);
        let (prime_octets, meta_octets, keywords) = match fields.version {
            VERSION => (0, 0, rest),
            VERSION_WITH_DMAP => {
                let (prime, rest) = rest.split_first_chunk::<4>()?;
                let (meta, rest) = rest.split_first_chunk::<4>()?;
                (u32::from_le_bytes(*prime), u32::from_le_bytes(*meta), rest)
            }
            _ => return None,
        };
        if !keywords.len().is_multiple_of(2) {
            return None;
        }
        let day = i32::from_le_bytes(fields.sent_day);
        Some(Self {
            flags: SystemFlags(fields.flags),
            email: EmailId(fields.email),
            modseq: ModSeq::new(u64::from_le_bytes(fields.modseq))?,
            created_modseq: ModSeq::new(u64::from_le_bytes(fields.created_modseq))?,
            octets: u32::from_le_bytes(fields.octets),
            received_at: Timestamp(i64::from_le_bytes(fields.received_at)),
            received_zone: ZoneOffset(i16::from_le_bytes(fields.received_zone)),
            saved_at: Timestamp(i64::from_le_bytes(fields.saved_at)),
            sent_day: (day != NO_DAY).then_some(Day(day)),
            prime_octets,
            meta_octets,
            keywords: KeywordNumbers(keywords),
        })
    }
    /// What is kept for DMAP beside the message that other protocols see.
    #[must_use]
    pub const fn dmap_octets(&self) -> u64 {
        self.prime_octets as u64 + self.meta_octets as u64
    }
    /// Appends the row to `out` as it is.
    pub fn encode_same(&self, out: &mut Vec<u8>) {
        self.encode(&[], out);
        out.extend_from_slice(self.keywords.0);
    }
    /// Appends the row to `out`, with other keywords than its own.
    pub fn encode(&self, keywords: &[u16], out: &mut Vec<u8>) {
        out.reserve(MEMBERSHIP_OCTETS + 8 + keywords.len() * 2);
        let version = if self.dmap_octets() == 0 { VERSION } else { VERSION_WITH_DMAP };
        out.extend_from_slice(&[version, self.flags.0]);
        out.extend_from_slice(&self.email.0);
        out.extend_from_slice(&self.modseq.value().to_le_bytes());
        out.extend_from_slice(&self.created_modseq.value().to_le_bytes());
        out.extend_from_slice(&self.octets.to_le_bytes());
        out.extend_from_slice(&self.received_at.0.to_le_bytes());
        out.extend_from_slice(&self.received_zone.0.to_le_bytes());
        out.extend_from_slice(&self.saved_at.0.to_le_bytes());
        out.extend_from_slice(&self.sent_day.map_or(NO_DAY, |day| day.0).to_le_bytes());
        if version == VERSION_WITH_DMAP {
            out.extend_from_slice(&self.prime_octets.to_le_bytes());
            out.extend_from_slice(&self.meta_octets.to_le_bytes());
        }
        for number in keywords {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }
}

struct Fixed {
    version: u8,
    flags: u8,
    email: [u8; 16],
    modseq: [u8; 8],
    created_modseq: [u8; 8],
    octets: [u8; 4],
    received_at: [u8; 8],
    received_zone: [u8; 2],
    saved_at: [u8; 8],
    sent_day: [u8; 4],
}

#[inline]
fn fixed_fields(row: &[u8; MEMBERSHIP_OCTETS]) -> Fixed {
    /// The octets from `AT`: both are constants, so that nothing is checked when it runs.
    #[inline]
    fn at<const AT: usize, const N: usize>(row: &[u8; MEMBERSHIP_OCTETS]) -> [u8; N] {
        const { assert!(AT + N <= MEMBERSHIP_OCTETS) };
        let mut octets = [0; N];
        if let Some(part) = row.get(AT..AT + N) {
            octets.copy_from_slice(part);
        }
        octets
    }
    let [version] = at::<0, 1>(row);
    let [flags] = at::<1, 1>(row);
    Fixed {
        version,
        flags,
        email: at::<2, 16>(row),
        modseq: at::<18, 8>(row),
        created_modseq: at::<26, 8>(row),
        octets: at::<34, 4>(row),
        received_at: at::<38, 8>(row),
        received_zone: at::<46, 2>(row),
        saved_at: at::<48, 8>(row),
        sent_day: at::<56, 4>(row),
    }
}
