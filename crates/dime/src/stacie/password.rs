//! A password as STACIE takes it, and how many rounds it makes (draft-ladar-stacie-03 §4).

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::{ROUNDS_MAX, ROUNDS_MIN};

/// Octets a password may have.
pub const PASSWORD_OCTETS_MAX: usize = 1024;
/// The exponent of the empty password, were it allowed; each character takes one off.
const EXPONENT_MAX: u32 = 24;

/// In the form both sides derive from: RFC 8265 §4.2 (other spaces are spaces, NFC). Zeroed when dropped.
pub struct Password(Zeroizing<String>);

/// Why some octets are no password.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadPassword {
    Empty,
    /// More than [`PASSWORD_OCTETS_MAX`].
    TooLong,
    NotUtf8,
    /// A control character, or U+FEFF, which others do not count.
    Character,
}

impl std::fmt::Display for BadPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("the password is empty"),
            Self::TooLong => write!(f, "the password has more than {PASSWORD_OCTETS_MAX} octets"),
            Self::NotUtf8 => f.write_str("the password is not UTF-8"),
            Self::Character => f.write_str("the password has a control character or a byte order mark"),
        }
    }
}

impl std::error::Error for BadPassword {}

impl Password {
    pub fn new(octets: &[u8]) -> Result<Self, BadPassword> {
        if octets.len() > PASSWORD_OCTETS_MAX {
            return Err(BadPassword::TooLong);
        }
        let text = std::str::from_utf8(octets).map_err(|_| BadPassword::NotUtf8)?;
        if text.chars().any(|c| c.is_control() || c == '\u{feff}') {
            return Err(BadPassword::Character);
        }
        // Thrice the room: composing may lengthen so much (U+1D160), and growing would leave a copy behind.
        let mut own = Zeroizing::new(String::with_capacity(3 * octets.len()));
        own.extend(text.chars().map(|c| if is_space(c) { ' ' } else { c }).nfc());
        if own.is_empty() { Err(BadPassword::Empty) } else { Ok(Self(own)) }
    }
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
    /// What [`Rounds`] counts. Few make a derivation that takes minutes: whoever derives for others refuses
    /// fewer than eight.
    #[must_use]
    pub fn characters(&self) -> u32 {
        u32::try_from(self.0.chars().count()).unwrap_or(u32::MAX)
    }
}

/// General category Zs but U+0020 (RFC 8265 §4.2.2, rule 2).
const fn is_space(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

/// How often the hash is taken: the shorter the password, the more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Rounds(u32);

impl Rounds {
    /// `2^(24 - characters) + bonus`, the exponent at least 1, the whole from [`ROUNDS_MIN`] to
    /// [`ROUNDS_MAX`].
    #[must_use]
    pub fn of(password: &Password, bonus: u32) -> Self {
        let exponent = EXPONENT_MAX - password.characters().clamp(1, EXPONENT_MAX - 1);
        let rounds = (1_u32 << exponent).saturating_add(bonus);
        Self(rounds.clamp(ROUNDS_MIN, ROUNDS_MAX))
    }
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}
