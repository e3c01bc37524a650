//! Signets as this client believes them: whatever the server says it has verified is verified here again
//! (docs/DIME.md, signets).
//!
//! An organisation is believed by the key pinned in the wallet; the first time there is none, by what the
//! server says, and then it is pinned. The person can pin a key that came another way.

use std::fmt;
use std::io::{Read, Write};

use koi_dime::record::ManagementRecord;
use koi_dime::signet::{Form, SignetError};
use koi_dime::{Fingerprint, OrgSignet, UserSignet};
use koi_proto::dmap::command::{Command, GetSignet, Lookup, Version};
use koi_proto::dmap::id::{Fingerprint as WireFingerprint, SignetAddress};
use koi_proto::dmap::response::{Signet, SignetItem, SignetState, Source};
use koi_proto::dmap::{Code, Response};
use koi_types::Address;

use crate::account::Account;
use crate::error::{Error, Result};
use crate::meta::SealedMeta;
use crate::wallet::Wallet;

/// How far the key of an organisation is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrgTrust {
    /// It is the one seen before, or the person has said so.
    Pinned,
    /// Nobody here has seen it before: the server's word.
    FirstUse,
}

/// An organisation whose signet is good.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifiedOrg {
    pub domain: String,
    pub signet: OrgSignet,
    pub trust: OrgTrust,
}

/// A user whose signet is good, and whose organisation has signed it for this address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifiedUser {
    pub address: Address,
    pub signet: UserSignet,
    pub organisation: VerifiedOrg,
}

/// Why a signet is not believed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SignetProblem {
    /// The server gave no signet of the user, or none of the organisation.
    Missing(String),
    User(SignetError),
    Organisation(SignetError),
    /// The organisation's key is not the one pinned.
    OrganisationChanged(String),
    /// The domain's management record names other keys.
    Record(String),
    /// It is not signed for an address, or for another one.
    Address(String),
    /// It is not the one that was asked for.
    Fingerprint,
    /// The key has changed, and the one before has not signed it.
    Custody(String),
    /// The person does not want to hear of this key.
    Blocked(String),
}

impl SignetProblem {
    pub(crate) const fn remedy(&self) -> &'static str {
        match self {
            Self::OrganisationChanged(_) | Self::Record(_) => {
                "look up the TXT record at _dx. of the domain, and if the key is right, pin it with \
                 `koi dmap signet pin`"
            }
            Self::Custody(_) => {
                "ask the person over another channel for the fingerprint; if it is right, say \
                 `koi dmap signet trust ADDRESS verified`"
            }
            Self::Blocked(_) => "`koi dmap signet trust ADDRESS none` takes the block away",
            Self::Missing(_) => "check the address",
            _ => "do not send to it; tell the recipient",
        }
    }
}

impl fmt::Display for SignetProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(whose) => write!(f, "there is no signet of {whose}"),
            Self::User(error) => write!(f, "the user's signet is not good: {error}"),
            Self::Organisation(error) => write!(f, "the organisation's signet is not good: {error}"),
            Self::OrganisationChanged(domain) => {
                write!(f, "the key of {domain} is not the one seen before")
            }
            Self::Record(domain) => write!(f, "the management record of {domain} names other keys"),
            Self::Address(address) => write!(f, "the signet is not signed for {address}"),
            Self::Fingerprint => f.write_str("the server gave another signet than the one asked for"),
            Self::Custody(address) => {
                write!(f, "the key of {address} has changed, and the one before has not signed the new one")
            }
            Self::Blocked(address) => write!(f, "the key of {address} is blocked"),
        }
    }
}

impl std::error::Error for SignetProblem {}

/// Verifies the signet of a domain. `record` is its management record, when there is one.
pub fn verify_org(
    domain: &str,
    object: &[u8],
    record: Option<&str>,
    wallet: &Wallet,
) -> std::result::Result<VerifiedOrg, SignetProblem> {
    let signet = OrgSignet::parse(object).map_err(SignetProblem::Organisation)?;
    if signet.identifier().is_some_and(|said| !said.eq_ignore_ascii_case(domain)) {
        return Err(SignetProblem::Address(domain.to_owned()));
    }
    if let Some(record) = record {
        let named = ManagementRecord::parse(record).is_ok_and(|it| it.primary.contains(signet.primary()));
        if !named {
            return Err(SignetProblem::Record(domain.to_owned()));
        }
    }
    let trust = match wallet.organisation(domain) {
        Some(pinned) if pinned == signet.primary() => OrgTrust::Pinned,
        Some(_) => return Err(SignetProblem::OrganisationChanged(domain.to_owned())),
        None => OrgTrust::FirstUse,
    };
    Ok(VerifiedOrg { domain: domain.to_lowercase(), signet, trust })
}

/// Verifies the signet of a user under an organisation that is believed.
pub fn verify_user(
    address: &Address,
    object: &[u8],
    organisation: &VerifiedOrg,
) -> std::result::Result<VerifiedUser, SignetProblem> {
    let other = || SignetProblem::Address(address.to_string());
    let signet = UserSignet::parse(object).map_err(SignetProblem::User)?;
    let form = signet.verify(&organisation.signet).map_err(SignetProblem::User)?;
    let said = signet.identifier().filter(|_| form == Form::Identifiable).and_then(Address::parse);
    let is_own = said.is_some_and(|said| said.account_key() == address.account_key());
    if !is_own || !address.domain().eq_ignore_ascii_case(&organisation.domain) {
        return Err(other());
    }
    Ok(VerifiedUser { address: address.account_key(), signet, organisation: organisation.clone() })
}

/// What the server says of one signet.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct SignetSaid {
    pub(crate) data: Option<Vec<u8>>,
    pub(crate) org: Option<Vec<u8>>,
    pub(crate) record: Option<String>,
    pub(crate) meta: Option<SealedMeta>,
    pub(crate) state: Option<SignetState>,
    pub(crate) source: Option<Source>,
    pub(crate) fingerprint: Option<Fingerprint>,
}

impl SignetSaid {
    fn of(signet: Signet) -> Self {
        let mut said = Self { fingerprint: Some(Fingerprint(signet.fingerprint.0)), ..Self::default() };
        for item in signet.items {
            match item {
                SignetItem::Data(data) => said.data = data,
                SignetItem::Org(org) => said.org = org,
                SignetItem::Record(record) => said.record = record.map(String::from),
                SignetItem::Meta(meta) => said.meta = meta.map(SealedMeta),
                SignetItem::Status(state) => said.state = Some(state),
                SignetItem::Source(source) => said.source = Some(source),
                SignetItem::Fetched(_) | SignetItem::Validation(_) => {}
            }
        }
        said
    }
}

/// An address or a domain, as the protocol writes it.
pub(crate) fn wire_address(text: &str) -> Result<SignetAddress> {
    SignetAddress::new(text).ok_or_else(|| SignetProblem::Missing(text.to_owned()).into())
}

impl<S: Read + Write> Account<S> {
    /// The signet of an organisation, verified; the first time its key is pinned.
    pub fn organisation(&mut self, domain: &str) -> Result<VerifiedOrg> {
        let said = self.signets_said(domain, Version::Current, Lookup::Usual)?;
        let missing = || SignetProblem::Missing(domain.to_owned());
        let said = said.into_iter().next().ok_or_else(missing)?;
        let object = said.data.or(said.org).ok_or_else(missing)?;
        self.believe_org(domain, &object, said.record.as_deref())
    }

    /// The signet with this fingerprint, verified: the one a message was signed or encrypted with.
    pub fn signet_with(&mut self, address: &Address, fingerprint: &Fingerprint) -> Result<VerifiedUser> {
        let version = Version::Fingerprint(WireFingerprint(fingerprint.0));
        let said = self.signets_said(&address.account_key().to_string(), version, Lookup::Usual)?;
        let said = said.into_iter().next().ok_or_else(|| SignetProblem::Missing(address.to_string()))?;
        let verified = self.believe_user(address, &said)?;
        match verified.signet.core_fingerprint() == *fingerprint {
            true => Ok(verified),
            false => Err(SignetProblem::Fingerprint.into()),
        }
    }

    /// What the server says, newest first; nothing when it knows of none.
    pub(crate) fn signets_said(
        &mut self,
        address: &str,
        version: Version,
        lookup: Lookup,
    ) -> Result<Vec<SignetSaid>> {
        let command = Command::GetSignet(GetSignet { address: wire_address(address)?, version, lookup });
        let answer = match self.connection.run("GETSIGNET", &command) {
            Err(error) if error.is(&Code::NoSignet) || error.is(&Code::NonExistent) => return Ok(Vec::new()),
            answer => answer?,
        };
        let said = answer.data.into_iter().filter_map(|response| match response {
            Response::Signet(signet) if signet.address.as_str().eq_ignore_ascii_case(address) => {
                Some(SignetSaid::of(signet))
            }
            _ => None,
        });
        Ok(said.collect())
    }

    /// Verifies what the server says of a user, and of the organisation with it.
    pub(crate) fn believe_user(&mut self, address: &Address, said: &SignetSaid) -> Result<VerifiedUser> {
        let missing = || SignetProblem::Missing(address.to_string());
        let data = said.data.as_ref().ok_or_else(missing)?;
        let organisation = match &said.org {
            Some(object) => self.believe_org(address.domain(), object, said.record.as_deref())?,
            None => self.organisation(address.domain())?,
        };
        let verified = verify_user(address, data, &organisation)?;
        match said.fingerprint.is_none_or(|said| said == verified.signet.core_fingerprint()) {
            true => Ok(verified),
            false => Err(SignetProblem::Fingerprint.into()),
        }
    }

    fn believe_org(&mut self, domain: &str, object: &[u8], record: Option<&str>) -> Result<VerifiedOrg> {
        let verified = verify_org(domain, object, record, &self.wallet).map_err(Error::Signet)?;
        if verified.trust == OrgTrust::FirstUse {
            self.wallet.pin_organisation(domain, verified.signet.primary());
        }
        Ok(verified)
    }
}
