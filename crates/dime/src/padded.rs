//! The plaintext of a realm envelope and of an encrypted key object: three octets of length, one that says
//! how much padding there is, the data, and that many octets of padding, each with the same number.

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::octets::{BE24_MAX, Cursor, length24};
use crate::secret::SecretOctets;

/// Length and padding length.
const PREFIX_OCTETS: usize = 4;
/// The whole is a multiple of this.
const BLOCK_OCTETS: usize = 16;
/// Octets that fit.
pub(crate) const DATA_OCTETS_MAX: usize = BE24_MAX as usize;
/// Octets of the smallest plaintext: one octet of data.
pub(crate) const PADDED_OCTETS_MIN: usize = BLOCK_OCTETS;

/// `None` for no data, or more than three octets can count.
pub(crate) fn pad(data: &[u8]) -> Option<SecretOctets> {
    let length = length24(data.len()).filter(|_| !data.is_empty())?;
    let padding = BLOCK_OCTETS - (data.len() + PREFIX_OCTETS) % BLOCK_OCTETS;
    let octet = u8::try_from(padding).ok()?;
    let mut out = Zeroizing::new(Vec::with_capacity(PREFIX_OCTETS + data.len() + padding));
    out.extend_from_slice(&length);
    out.push(octet);
    out.extend_from_slice(data);
    out.extend(std::iter::repeat_n(octet, padding));
    Some(out)
}

/// The data, `None` when the lengths do not add up or an octet of the padding is wrong. More padding than
/// [`pad`] makes is taken: draft-ladar-stacie-03 §5 allows up to 255.
pub(crate) fn unpad(padded: &[u8]) -> Option<&[u8]> {
    let mut cursor = Cursor::new(padded);
    let length = usize::try_from(cursor.be24()?).ok()?;
    let octet = cursor.u8()?;
    let data = cursor.take(length)?;
    let padding = cursor.rest();
    let adds_up = length > 0 && octet > 0 && padding.len() == usize::from(octet);
    let is_whole = padded.len().is_multiple_of(BLOCK_OCTETS);
    (adds_up && is_whole && are_all(padding, octet)).then_some(data)
}

/// Looks at every octet whatever it finds.
pub(crate) fn are_all(padding: &[u8], octet: u8) -> bool {
    padding.iter().fold(subtle::Choice::from(1), |good, found| good & found.ct_eq(&octet)).into()
}
