//! The words of the SASL mechanisms STACIE and STACIE-PLUS, before base64 (docs/DIME.md):
//!
//! ```text
//! C1  [authzid] NUL authcid
//! S1  v=1,b=<bonus>,s=<salt>,n=<nonce>[,u=<username as hashed>]
//! C2  t=<login token>
//! S2  p=<server proof>
//! C3  (empty)
//! ```

use std::fmt::Write as _;

use super::{BONUS_MAX, KEY_OCTETS, LoginToken, Nonce, Salt, USERNAME_OCTETS_MAX, VerificationToken};
use crate::hash::hmac;
use crate::secret::Secret;
use crate::text::{array_from_b64, b64u, from_b64u};

/// Octets of one message of the exchange.
pub const MESSAGE_OCTETS_MAX: usize = 2048;

/// A message that does not follow the grammar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadMessage {
    TooLong,
    Syntax,
    /// `v` is not 1.
    Version,
    /// More than [`BONUS_MAX`]: it would keep the client busy.
    Bonus,
}

impl std::fmt::Display for BadMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLong => write!(f, "a STACIE message has at most {MESSAGE_OCTETS_MAX} octets"),
            Self::Syntax => f.write_str("not a STACIE message"),
            Self::Version => f.write_str("a version of STACIE other than 1"),
            Self::Bonus => write!(f, "a bonus of more than {BONUS_MAX} rounds"),
        }
    }
}

impl std::error::Error for BadMessage {}

/// C1: who logs in (`authcid`), and as whom (`authzid`, empty: the same).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClientFirst<'a> {
    pub authzid: &'a str,
    pub authcid: &'a str,
}

impl<'a> ClientFirst<'a> {
    pub fn parse(message: &'a [u8]) -> Result<Self, BadMessage> {
        let text = text(message)?;
        let (authzid, authcid) = text.split_once('\0').ok_or(BadMessage::Syntax)?;
        let fits = authzid.len().max(authcid.len()) <= USERNAME_OCTETS_MAX;
        let is_good = fits && !authcid.is_empty() && !authcid.contains('\0');
        if is_good { Ok(Self { authzid, authcid }) } else { Err(BadMessage::Syntax) }
    }
    #[must_use]
    pub fn message(&self) -> String {
        format!("{}\0{}", self.authzid, self.authcid)
    }
}

/// S1: what the client needs to derive its token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Challenge {
    pub bonus: u32,
    pub salt: Salt,
    pub nonce: Nonce,
    /// The user's name as the server hashes it; `None`: as the client wrote it.
    pub username: Option<String>,
}

impl Challenge {
    pub fn parse(message: &[u8]) -> Result<Self, BadMessage> {
        let mut attributes = text(message)?.split(',').map(|attribute| attribute.split_once('='));
        match attributes.next() {
            Some(Some(("v", "1"))) => {}
            Some(Some(("v", _))) => return Err(BadMessage::Version),
            _ => return Err(BadMessage::Syntax),
        }
        let (mut bonus, mut salt, mut nonce, mut username) = (None, None, None, None);
        for attribute in attributes {
            let (name, value) = attribute.ok_or(BadMessage::Syntax)?;
            let is_new = match name {
                "b" => bonus.replace(number(value)?).is_none(),
                "s" => salt.replace(Salt(octets(value)?)).is_none(),
                "n" => nonce.replace(Nonce(octets(value)?)).is_none(),
                "u" => username.replace(unescaped(value)?).is_none(),
                _ => true,
            };
            if !is_new {
                return Err(BadMessage::Syntax);
            }
        }
        let (Some(bonus), Some(salt), Some(nonce)) = (bonus, salt, nonce) else {
            return Err(BadMessage::Syntax);
        };
        if bonus > BONUS_MAX {
            return Err(BadMessage::Bonus);
        }
        Ok(Self { bonus, salt, nonce, username })
    }
    #[must_use]
    pub fn message(&self) -> String {
        let (salt, nonce) = (b64u(&self.salt.0), b64u(&self.nonce.0));
        let mut text = format!("v=1,b={},s={salt},n={nonce}", self.bonus);
        if let Some(username) = &self.username {
            // As in RFC 5802 §5.1: the two characters that mean something here.
            let _ = write!(text, ",u={}", username.replace('=', "=3D").replace(',', "=2C"));
        }
        text
    }
}

/// C2.
pub fn parse_proof(message: &[u8]) -> Result<LoginToken, BadMessage> {
    Ok(LoginToken(prefixed(message, "t=")?))
}

/// C2.
#[must_use]
pub fn proof_message(token: &LoginToken) -> String {
    format!("t={}", b64u(token.0.expose()))
}

/// What shows the client that the server has its verification token. Compared in constant time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerProof(Secret<KEY_OCTETS>);

impl ServerProof {
    /// Over the three messages before it, as they were sent, before base64.
    #[must_use]
    pub fn new(token: &VerificationToken, first: &[u8], challenge: &[u8], proof: &[u8]) -> Self {
        let parts: [&[u8]; 6] = [b"STACIE server proof\0", first, b",", challenge, b",", proof];
        Self(hmac(token.0.expose(), &parts))
    }
    pub fn parse(message: &[u8]) -> Result<Self, BadMessage> {
        Ok(Self(prefixed(message, "p=")?))
    }
    #[must_use]
    pub fn message(&self) -> String {
        format!("p={}", b64u(self.0.expose()))
    }
}

fn text(message: &[u8]) -> Result<&str, BadMessage> {
    if message.len() > MESSAGE_OCTETS_MAX {
        return Err(BadMessage::TooLong);
    }
    std::str::from_utf8(message).map_err(|_| BadMessage::Syntax)
}

fn prefixed(message: &[u8], prefix: &str) -> Result<Secret<KEY_OCTETS>, BadMessage> {
    let value = text(message)?.strip_prefix(prefix).ok_or(BadMessage::Syntax)?;
    let octets = zeroize::Zeroizing::new(from_b64u(value).ok_or(BadMessage::Syntax)?);
    Secret::from_slice(&octets).ok_or(BadMessage::Syntax)
}

fn octets<const N: usize>(value: &str) -> Result<[u8; N], BadMessage> {
    array_from_b64(value).ok_or(BadMessage::Syntax)
}

fn number(value: &str) -> Result<u32, BadMessage> {
    let is_number = !value.is_empty() && value.bytes().all(|octet| octet.is_ascii_digit());
    is_number.then(|| value.parse().ok()).flatten().ok_or(BadMessage::Syntax)
}

fn unescaped(value: &str) -> Result<String, BadMessage> {
    let mut name = String::with_capacity(value.len());
    let mut pieces = value.split('=');
    name.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (escaped, rest) = piece.split_at_checked(2).ok_or(BadMessage::Syntax)?;
        name.push(match escaped {
            "2C" => ',',
            "3D" => '=',
            _ => return Err(BadMessage::Syntax),
        });
        name.push_str(rest);
    }
    // It goes into the wallet, where a line end would begin another line.
    let fits = (1..=USERNAME_OCTETS_MAX).contains(&name.len()) && !name.contains(char::is_control);
    if fits { Ok(name) } else { Err(BadMessage::Syntax) }
}
