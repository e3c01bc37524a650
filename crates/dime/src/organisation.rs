//! An organisation with its private keys: what the server of a domain signs and opens for its users
//! (docs/DIME.md, signets, handing over).
//!
//! The signet follows from keys and details alone, since Ed25519 gives the same signature each time (RFC 8032
//! §5.1.6). Must not: know accounts; whether a request is to be granted is the caller's to know.

use koi_types::Address;

use crate::agree::{DecryptionKey, EncryptionKey};
use crate::key::{Holder, PrivateKeys};
use crate::message::{
    Bounces, Delivery, HandoverError, Message, NakedParts, OriginError, Submission, WriteError,
    sign_as_origin, wrap,
};
use crate::object::Magic;
use crate::random::Random;
use crate::record::ManagementRecord;
use crate::secret::Secret;
use crate::sign::{SigningKey, VerifyingKey};
use crate::signet::{Detail, OrgParts, OrgSignet, SignetError, SigningRequest, UserSignet};

/// The server's half of a domain.
#[derive(Debug)]
pub struct Organisation {
    keys: PrivateKeys,
    signet: OrgSignet,
    domain: String,
}

/// Why an organisation does not act.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrganisationError {
    /// The keys are a user's.
    Holder,
    Signet(SignetError),
    /// The address is of another domain.
    Domain,
}

impl std::fmt::Display for OrganisationError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Holder => f.write_str("these are no keys of an organisation"),
            Self::Signet(error) => error.fmt(f),
            Self::Domain => f.write_str("the address is of another domain than the organisation"),
        }
    }
}

impl std::error::Error for OrganisationError {}

impl From<SignetError> for OrganisationError {
    fn from(error: SignetError) -> Self {
        Self::Signet(error)
    }
}

impl Organisation {
    /// With a signet of these keys for this domain, and `details` in it.
    pub fn new(domain: &str, keys: PrivateKeys, details: &[Detail]) -> Result<Self, OrganisationError> {
        if keys.holder != Holder::Organisation {
            return Err(OrganisationError::Holder);
        }
        let domain = domain.to_lowercase();
        let encryption = keys.decryption.public();
        let parts = OrgParts { encryption, secondary: &[], details, identifier: Some(&domain) };
        let signet = OrgSignet::create(&keys.signing, &parts)?;
        Ok(Self { keys, signet, domain })
    }

    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }
    /// What others see of it: identifiable.
    #[must_use]
    pub const fn signet(&self) -> &OrgSignet {
        &self.signet
    }
    #[must_use]
    pub const fn signing(&self) -> &SigningKey {
        &self.keys.signing
    }
    #[must_use]
    pub const fn decryption(&self) -> &DecryptionKey {
        &self.keys.decryption
    }
    /// To be published; hosts and policy are the caller's to add.
    #[must_use]
    pub fn record(&self) -> ManagementRecord {
        ManagementRecord::new(*self.signet.primary())
    }

    /// Makes a user's request the signet of `address`: signs keys (field 6), all before the address (253),
    /// and the address (254, 255). `former` is the signing key of the account's current signet, which must
    /// have signed the request; none for an account's first. Whose account it is the caller has seen to.
    pub fn issue(
        &self,
        request: &SigningRequest,
        address: &Address,
        former: Option<&VerifyingKey>,
    ) -> Result<UserSignet, OrganisationError> {
        if address.domain() != self.domain {
            return Err(OrganisationError::Domain);
        }
        if let Some(former) = former {
            request.follows(former)?;
        }
        Ok(request.issue(self.signing(), &[], Some(&address.account_key().to_string()))?)
    }

    /// Reads the envelope of a message that a user submits (chunk 2).
    pub fn submission<'a, 'm>(&self, message: &'m Message<'a>) -> Result<Submission<'a, 'm>, HandoverError> {
        Submission::open(message, self.decryption())
    }
    /// The submitted message as other organisations take it: with signatures (254, as asked 248 and 249)
    /// where its author left room for them. That it may be sent the caller has seen to.
    pub fn sign_submitted(&self, octets: &[u8], bounces: Bounces) -> Result<Vec<u8>, OriginError> {
        sign_as_origin(octets, self.decryption(), self.signing(), bounces)
    }
    /// Reads the envelope of a message that comes for a user (chunk 3).
    pub fn delivery<'a, 'm>(&self, message: &'m Message<'a>) -> Result<Delivery<'a, 'm>, HandoverError> {
        Delivery::open(message, self.decryption())
    }
    /// A secret for one purpose of its server, which follows from its keys.
    #[must_use]
    pub fn secret_for(&self, purpose: &[u8]) -> Secret<64> {
        self.keys.secret_for(purpose)
    }
    /// Encrypts ordinary mail to a user of this organisation; `magic` is [`Magic::NakedMessage`], or
    /// [`Magic::BounceMessage`] for what the server itself writes.
    pub fn wrap(
        &self,
        mail: &[u8],
        recipient: EncryptionKey,
        magic: Magic,
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, WriteError> {
        let destination = *self.signet.encryption();
        wrap(mail, &NakedParts { recipient, destination, signing: self.signing(), magic }, random)
    }
}
