//! Opaque identifiers, printable as object ids (RFC 8474 §7) and JMAP ids (RFC 8620 §1.2).
//!
//! `EmailId` and `ThreadId` are made by the caller (time-ordered and random), never counted.

use std::fmt;

/// An account inside this server; 0 is reserved for rows that belong to no account.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AccountId(pub u32);

impl AccountId {
    /// Owner of rows that belong to no account (directory, bodies).
    pub const GLOBAL: Self = Self(0);
}

/// A mailbox inside one account; never used again after the mailbox is deleted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MailboxId(pub u32);

/// Immutable content in an account: EMAILID (RFC 8474 §5.1), Email id (RFC 8621 §4.1.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EmailId(pub [u8; 16]);

/// A conversation: THREADID (RFC 8474 §5.2); the id of the email that began it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ThreadId(pub [u8; 16]);

/// BLAKE3 of the octets of a body.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BlobId(pub [u8; 32]);

/// Octets somebody uploaded (RFC 8620 §6.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UploadId(pub [u8; 16]);

/// An object that is no email, thread or mailbox: an identity, a submission (RFC 8621 §6 and §7).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ObjectId(pub [u8; 16]);

/// A key of a user: SHA-512 of what is signed in its signing request (DMAP-00 §7.4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 64]);

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyId(")?;
        self.0.iter().take(8).try_for_each(|octet| write!(f, "{octet:02x}"))?;
        f.write_str("…)")
    }
}

/// What a blob id names (RFC 8620 §6): always looked up inside one account.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum BlobName {
    /// A whole message, by its email.
    Message(EmailId),
    /// A part of it without its transfer encoding, by the numbers that lead to it.
    Part {
        email: EmailId,
        path: Vec<u32>,
    },
    Upload(UploadId),
    /// The same of what was uploaded, taken as a message.
    UploadPart {
        upload: UploadId,
        path: Vec<u32>,
    },
}

/// Numbers in the path to a part.
const PART_DEPTH_MAX: usize = 64;

impl fmt::Display for BlobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(email) => base32('g', &email.0, f),
            Self::Part { email, path } => {
                base32('p', &email.0, f)?;
                path.iter().try_for_each(|number| write!(f, "-{number}"))
            }
            Self::Upload(upload) => upload.fmt(f),
            Self::UploadPart { upload, path } => {
                base32('q', &upload.0, f)?;
                path.iter().try_for_each(|number| write!(f, "-{number}"))
            }
        }
    }
}

impl BlobName {
    /// Reads what `Display` printed; anything else is `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.bytes().next()? {
            b'g' => from_base32('g', text).map(|email| Self::Message(EmailId(email))),
            b'u' => UploadId::parse(text).map(Self::Upload),
            b'q' => {
                let (upload, path) = text.split_once('-')?;
                let upload = UploadId(from_base32('q', upload)?);
                Some(Self::UploadPart { upload, path: part_path(path)? })
            }
            _ => {
                let (email, path) = text.split_once('-')?;
                let email = EmailId(from_base32('p', email)?);
                Some(Self::Part { email, path: part_path(path)? })
            }
        }
    }
    /// A part of what this names, when that is a message: by the numbers that lead to it from there.
    #[must_use]
    pub fn part(&self, path: &[u32]) -> Self {
        match self {
            Self::Message(email) => Self::Part { email: *email, path: path.to_vec() },
            Self::Part { email, path: above } => Self::Part { email: *email, path: [above, path].concat() },
            Self::Upload(upload) => Self::UploadPart { upload: *upload, path: path.to_vec() },
            Self::UploadPart { upload, path: above } => {
                Self::UploadPart { upload: *upload, path: [above, path].concat() }
            }
        }
    }
}

fn part_path(numbers: &str) -> Option<Vec<u32>> {
    let numbers = || numbers.split('-');
    if numbers().count() > PART_DEPTH_MAX {
        return None;
    }
    numbers().map(part_number).collect()
}

fn part_number(digits: &str) -> Option<u32> {
    let plain = !digits.starts_with('0') && digits.bytes().all(|d| d.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

impl EmailId {
    /// Time first, so that ids made later sort later; then 10 random octets from the caller.
    #[must_use]
    pub fn new(unix_millis: u64, random: [u8; 10]) -> Self {
        let mut id = [0u8; 16];
        let (time, rest) = id.split_at_mut(6);
        time.copy_from_slice(&unix_millis.to_be_bytes()[2..]);
        rest.copy_from_slice(&random);
        Self(id)
    }
}

const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

fn base32(prefix: char, octets: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    fmt::Write::write_char(f, prefix)?;
    let mut held = 0u32;
    let mut bits = 0u32;
    for octet in octets {
        held = (held << 8 | u32::from(*octet)) & 0xfff;
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            digit(held >> bits, f)?;
        }
    }
    if bits > 0 {
        digit(held << (5 - bits), f)?;
    }
    Ok(())
}

fn digit(value: u32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let digit = DIGITS.get((value & 31) as usize).copied().unwrap_or(b'0');
    fmt::Write::write_char(f, char::from(digit))
}

fn from_base32<const N: usize>(prefix: char, text: &str) -> Option<[u8; N]> {
    let digits = text.strip_prefix(prefix)?;
    if digits.len() != (N * 8).div_ceil(5) {
        return None;
    }
    let mut out = [0u8; N];
    let mut slots = out.iter_mut();
    let (mut held, mut bits) = (0u32, 0u32);
    for d in digits.bytes() {
        let value = DIGITS.iter().position(|x| *x == d)? as u32;
        held = (held << 5 | value) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            if let Some(slot) = slots.next() {
                *slot = (held >> bits) as u8;
            }
        }
    }
    (held & ((1 << bits) - 1) == 0).then_some(out)
}

macro_rules! printable {
    ($name:ident, $prefix:literal, $len:literal) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                base32($prefix, &self.0, f)
            }
        }
        impl $name {
            /// Reads what `Display` printed; anything else is `None`.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                from_base32::<$len>($prefix, text).map(Self)
            }
        }
    };
}
printable!(EmailId, 'e', 16);
printable!(ThreadId, 't', 16);
printable!(BlobId, 'b', 32);
printable!(UploadId, 'u', 16);
printable!(ObjectId, 'o', 16);

macro_rules! counted {
    ($name:ident, $prefix:literal) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                base32($prefix, &self.0.to_be_bytes(), f)
            }
        }
        impl $name {
            /// Reads what `Display` printed; anything else is `None`.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                from_base32::<4>($prefix, text).map(|octets| Self(u32::from_be_bytes(octets)))
            }
        }
    };
}
counted!(AccountId, 'a');
counted!(MailboxId, 'm');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_print_and_read_back() {
        let email = EmailId::new(1_700_000_000_000, [7; 10]);
        assert_eq!(EmailId::parse(&email.to_string()), Some(email));
        let blob = BlobId([0xa5; 32]);
        assert_eq!(BlobId::parse(&blob.to_string()), Some(blob));
        assert_eq!(MailboxId::parse(&MailboxId(77).to_string()), Some(MailboxId(77)));
        assert_eq!(EmailId::parse("e0"), None);
        assert_eq!(MailboxId::parse(&email.to_string()), None);
    }

    // spec: RFC 8620 §1.2
    #[test]
    fn blobs_print_and_read_back() {
        let email = EmailId::new(7, [9; 10]);
        let names = [
            BlobName::Message(email),
            BlobName::Part { email, path: vec![1, 20, 3] },
            BlobName::Upload(UploadId([5; 16])),
            BlobName::Upload(UploadId([5; 16])).part(&[2]).part(&[1, 7]),
        ];
        assert_eq!(BlobName::Message(email).part(&[1]).part(&[20, 3]), names[1]);
        for name in names {
            let text = name.to_string();
            assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{text}");
            assert_eq!(BlobName::parse(&text), Some(name));
        }
        let part = BlobName::Part { email, path: vec![1] }.to_string();
        for bad in ["", "x", "g", &email.to_string(), &format!("{part}-"), &format!("{part}-0"), "p-1"] {
            assert_eq!(BlobName::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn later_email_ids_sort_later() {
        assert!(EmailId::new(1, [255; 10]) < EmailId::new(2, [0; 10]));
    }
}
