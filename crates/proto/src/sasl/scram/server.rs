//! The server's side of SCRAM: three steps, each a value that the next is made from (RFC 5802 §5, RFC 5802
//! §6).
//!
//! `ClientFirst::parse`, then somebody looks up the salt, `challenge`, then `Challenged::proof`, then
//! somebody checks it. A message that breaks a rule is a [`ServerError`].

use super::message::{Attribute, is_nonce, name_from};
use super::{Exporter, ServerError, TLS_EXPORTER};
use crate::sasl::base64::{base64_decode, base64_encode};

/// What the client must know of the account, and what makes this exchange unlike all others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Salt {
    pub salt: Box<[u8]>,
    pub iterations: u32,
    /// The server's part: printable ASCII without comma, never the same twice.
    pub nonce: Box<str>,
}

/// The client's first message, read and accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientFirst {
    /// Whom to act for; `None`: the user.
    pub authzid: Option<Box<str>>,
    pub username: Box<str>,
    /// What `c=` has to be.
    binding: Vec<u8>,
    nonce: Box<str>,
    bare: Box<str>,
}

/// The server's first message was made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Challenged {
    binding: Vec<u8>,
    nonce: String,
    bare: Box<str>,
    server_first: String,
}

/// The client's proof and what it is of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proof {
    /// `AuthMessage` of RFC 5802 §3.
    pub auth_message: Vec<u8>,
    pub proof: [u8; 32],
}

/// `gs2-cbind-flag` of RFC 5802 §7.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BindingFlag<'a> {
    /// `n`: the client cannot.
    CannotBind,
    /// `y`: the client could, but believes that the server cannot.
    ServerCannotBind,
    /// `p=`: it does, with this type.
    Binds(&'a str),
}

impl ClientFirst {
    /// `plus`: whether the client chose the mechanism with channel binding. `offered`: the data to bind to,
    /// when the server told the client that it can be done on this connection.
    ///
    /// ```abnf
    /// client-first-message = gs2-header client-first-message-bare          ; RFC 5802 §7
    /// gs2-header = gs2-cbind-flag "," [ authzid ] ","
    /// client-first-message-bare = [reserved-mext ","] username "," nonce ["," extensions]
    /// ```
    pub fn parse(message: &[u8], plus: bool, offered: Option<&Exporter>) -> Result<Self, ServerError> {
        let message = std::str::from_utf8(message).map_err(|_| ServerError::InvalidEncoding)?;
        let wrong = ServerError::OtherError;
        let (flag, rest) = message.split_once(',').ok_or(wrong)?;
        let (authzid, bare) = rest.split_once(',').ok_or(wrong)?;
        let flag = BindingFlag::parse(flag).ok_or(wrong)?;
        let authzid = match authzid {
            "" => None,
            text => Some(Attribute::of(b'a', text).and_then(name_from).ok_or(wrong)?),
        };
        let gs2_header = message.get(..message.len() - bare.len()).unwrap_or_default();
        let mut binding = gs2_header.as_bytes().to_vec();
        binding.extend_from_slice(flag.data(plus, offered)?);
        let mut attributes = bare.split(',');
        let first = attributes.next().and_then(Attribute::parse).ok_or(wrong)?;
        let username = match first.letter {
            b'm' => return Err(ServerError::ExtensionsNotSupported),
            b'n' => name_from(first.value).ok_or(ServerError::InvalidUsernameEncoding)?,
            _ => return Err(wrong),
        };
        let nonce = attributes.next().and_then(|a| Attribute::of(b'r', a));
        let nonce = nonce.filter(|n| is_nonce(n)).ok_or(wrong)?.into();
        extensions(attributes)?;
        Ok(Self { authzid, username, binding, nonce, bare: bare.into() })
    }

    /// What to send next.
    ///
    /// ```abnf
    /// server-first-message = [reserved-mext ","] nonce "," salt "," iteration-count ["," extensions]
    /// ```
    #[must_use]
    pub fn challenge(self, salt: &Salt) -> Challenged {
        let nonce = format!("{}{}", self.nonce, salt.nonce);
        let server_first = format!("r={nonce},s={},i={}", base64_encode(&salt.salt), salt.iterations);
        Challenged { binding: self.binding, nonce, bare: self.bare, server_first }
    }
}

impl Challenged {
    /// To be sent.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        self.server_first.as_bytes()
    }

    /// Reads the client's final message.
    ///
    /// ```abnf
    /// client-final-message-without-proof = channel-binding "," nonce ["," extensions]   ; RFC 5802 §7
    /// client-final-message = client-final-message-without-proof "," proof
    /// ```
    pub fn proof(self, message: &[u8]) -> Result<Proof, ServerError> {
        let message = std::str::from_utf8(message).map_err(|_| ServerError::InvalidEncoding)?;
        let wrong = ServerError::OtherError;
        let (without_proof, proof) = message.rsplit_once(',').ok_or(wrong)?;
        let proof = Attribute::of(b'p', proof).ok_or(wrong)?;
        let mut attributes = without_proof.split(',');
        let binding = attributes.next().and_then(|a| Attribute::of(b'c', a)).ok_or(wrong)?;
        let nonce = attributes.next().and_then(|a| Attribute::of(b'r', a)).ok_or(wrong)?;
        extensions(attributes)?;
        let decoded = |text: &str| base64_decode(text.as_bytes()).map_err(|_| ServerError::InvalidEncoding);
        let proof = decoded(proof)?.try_into().map_err(|_| ServerError::InvalidProof)?;
        if nonce != self.nonce {
            return Err(wrong);
        }
        if decoded(binding)? != self.binding {
            return Err(ServerError::ChannelBindingsDontMatch);
        }
        let auth_message = format!("{},{},{without_proof}", self.bare, self.server_first).into_bytes();
        Ok(Proof { auth_message, proof })
    }
}

impl<'a> BindingFlag<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        match text {
            "n" => Some(Self::CannotBind),
            "y" => Some(Self::ServerCannotBind),
            _ => {
                let name = text.strip_prefix("p=")?;
                let valid = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
                (!name.is_empty() && name.bytes().all(valid)).then_some(Self::Binds(name))
            }
        }
    }

    /// RFC 5802 §6: what the flag says must fit what was offered and chosen.
    fn data(self, plus: bool, offered: Option<&Exporter>) -> Result<&[u8], ServerError> {
        match (self, plus, offered) {
            (Self::Binds(TLS_EXPORTER), true, Some(data)) => Ok(data),
            (Self::Binds(_), true, Some(_)) => Err(ServerError::UnsupportedChannelBindingType),
            (Self::Binds(_), _, _) => Err(ServerError::ChannelBindingNotSupported),
            (_, true, _) => Err(ServerError::OtherError),
            (Self::ServerCannotBind, false, Some(_)) => Err(ServerError::ServerDoesSupportChannelBinding),
            (_, false, _) => Ok(&[]),
        }
    }
}

/// RFC 5802 §7: those that are not known are passed over, those that are not attributes are not.
fn extensions<'a>(mut attributes: impl Iterator<Item = &'a str>) -> Result<(), ServerError> {
    match attributes.all(|a| Attribute::parse(a).is_some()) {
        true => Ok(()),
        false => Err(ServerError::OtherError),
    }
}
