//! Objects as text: base64 in lines of 64, a checksum, and lines that say what it is (docs/DIME.md, armor).
//!
//! The checksum is OpenPGP's CRC-24 (RFC 4880 §6.1). It finds mistakes, no malice.

use zeroize::Zeroizing;

use crate::object::Magic;
use crate::secret::SecretOctets;
use crate::text::{b64, from_b64_any};

/// Characters of a line.
const LINE_CHARS: usize = 64;
const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
const CRC_INIT: u32 = 0x00b7_04ce;
const CRC_POLYNOMIAL: u32 = 0x0186_4cfb;

/// What an armored object is called.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Label {
    UserKey,
    UserSignet,
    SigningRequest,
    OrgKey,
    OrgSignet,
    EncryptedUserKey,
    EncryptedOrgKey,
    EncryptedMessage,
}

impl Label {
    const ALL: [Self; 8] = [
        Self::UserKey,
        Self::UserSignet,
        Self::SigningRequest,
        Self::OrgKey,
        Self::OrgSignet,
        Self::EncryptedUserKey,
        Self::EncryptedOrgKey,
        Self::EncryptedMessage,
    ];

    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::UserKey => "USER KEY",
            Self::UserSignet => "USER SIGNET",
            Self::SigningRequest => "SIGNET SIGNING REQUEST",
            Self::OrgKey => "ORGANIZATIONAL KEY",
            Self::OrgSignet => "ORGANIZATIONAL SIGNET",
            Self::EncryptedUserKey => "ENCRYPTED USER KEY",
            Self::EncryptedOrgKey => "ENCRYPTED ORGANIZATIONAL KEY",
            Self::EncryptedMessage => "ENCRYPTED MESSAGE",
        }
    }
    /// The label of an object; messages of all kinds have one.
    #[must_use]
    pub const fn of(magic: Magic) -> Option<Self> {
        match magic {
            Magic::UserKey => Some(Self::UserKey),
            Magic::UserSignet => Some(Self::UserSignet),
            Magic::SigningRequest => Some(Self::SigningRequest),
            Magic::OrgKey => Some(Self::OrgKey),
            Magic::OrgSignet => Some(Self::OrgSignet),
            Magic::EncryptedUserKey => Some(Self::EncryptedUserKey),
            Magic::EncryptedOrgKey => Some(Self::EncryptedOrgKey),
            _ if magic.is_message() => Some(Self::EncryptedMessage),
            _ => None,
        }
    }
}

/// What was in the armor.
#[derive(Clone, PartialEq, Eq)]
pub struct Armored {
    pub label: Label,
    /// Zeroed when dropped: it may be a private key.
    pub octets: SecretOctets,
}

impl std::fmt::Debug for Armored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Armored({}, {} octets)", self.label.text(), self.octets.len())
    }
}

/// Why a text is no armored object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArmorError {
    /// More octets than the caller takes.
    TooLarge,
    /// The first line is no BEGIN of something known, or the last no END of the same.
    Frame,
    /// Something between is not base64, or the checksum's line is missing.
    Base64,
    /// It was not copied whole.
    Checksum,
}

impl std::fmt::Display for ArmorError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "the armored object is too large",
            Self::Frame => "there is no BEGIN line of a known object with its END line",
            Self::Base64 => "the lines between BEGIN and END are not base64 with a checksum",
            Self::Checksum => "the checksum is wrong: the text was not copied whole",
        })
    }
}

impl std::error::Error for ArmorError {}

/// The text ends with the END line and LF. Zeroed when dropped: it may be a private key.
#[must_use]
pub fn encode(label: Label, octets: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(b64(octets));
    let name = label.text();
    let mut text = Zeroizing::new(String::with_capacity(body.len() + body.len() / LINE_CHARS + 128));
    for part in [BEGIN, name, DASHES, "\n"] {
        text.push_str(part);
    }
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(LINE_CHARS.min(rest.len()));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    let [_, checksum @ ..] = crc24(octets).to_be_bytes();
    for part in ["=", &b64(&checksum), "\n", END, name, DASHES, "\n"] {
        text.push_str(part);
    }
    text
}

/// Lines may end with CRLF, and there may be white space around; the object has at most `octets_max`.
pub fn decode(text: &str, octets_max: usize) -> Result<Armored, ArmorError> {
    // Base64, its line ends, the frame, and some white space.
    if text.len() > octets_max.saturating_mul(2).saturating_add(512) {
        return Err(ArmorError::TooLarge);
    }
    let mut lines = text.trim().lines().map(str::trim_end);
    let label = lines.next().and_then(|line| label(line, BEGIN)).ok_or(ArmorError::Frame)?;
    let end = lines.next_back().and_then(|line| self::label(line, END));
    if end != Some(label) {
        return Err(ArmorError::Frame);
    }
    let checksum = lines.next_back().and_then(|line| line.strip_prefix('=')).ok_or(ArmorError::Base64)?;
    let mut body = Zeroizing::new(String::with_capacity(text.len()));
    lines.for_each(|line| body.push_str(line));
    let octets = Zeroizing::new(from_b64_any(body.as_bytes()).ok_or(ArmorError::Base64)?);
    let checksum = from_b64_any(checksum.as_bytes()).ok_or(ArmorError::Base64)?;
    let [_, wanted @ ..] = crc24(&octets).to_be_bytes();
    if checksum != wanted {
        return Err(ArmorError::Checksum);
    }
    if octets.len() > octets_max {
        return Err(ArmorError::TooLarge);
    }
    Ok(Armored { label, octets })
}

fn label(line: &str, prefix: &str) -> Option<Label> {
    let name = line.strip_prefix(prefix)?.strip_suffix(DASHES)?;
    Label::ALL.into_iter().find(|label| label.text() == name)
}

/// RFC 4880 §6.1, bit by bit.
fn crc24(octets: &[u8]) -> u32 {
    octets.iter().fold(CRC_INIT, |crc, &octet| {
        (0..8).fold(crc ^ (u32::from(octet) << 16), |crc, _| {
            let shifted = crc << 1;
            if shifted & 0x0100_0000 == 0 { shifted } else { shifted ^ CRC_POLYNOMIAL }
        })
    }) & 0x00ff_ffff
}
