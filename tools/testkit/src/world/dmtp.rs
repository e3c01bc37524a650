//! Another organisation than the one of the world, what its server brings, and what somebody brings who says
//! to be that. Everything is the same each time.

use std::sync::Arc;

use koi_dime::message::{AuthorParts, Bounces, DestinationEnvelope, OriginEnvelope, Part, PartKind, Readers};
use koi_dime::signet::Form;
use koi_dime::{Fingerprint, Holder, Magic, OrgSignet, UserSignet};
use koi_mailbox::Organisation;
use koi_sessions::{FoundSignets, SignetLookup};
use koi_types::{Address, Cause, ErrorKind, MailError};

use super::dmap::{Counted, keys_of, seed, user_key};
use super::{DOMAIN, World, address};

/// The other organisation that can be looked up; nobody can be asked about those below `unreachable`, and
/// keys of those below `changed` and `changing` are not believed.
pub const OTHER: &str = "example.net";
/// Who has other keys than the organisation he says to be.
const LIAR: &str = "liar";

/// What a message is like that is brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Brought {
    Good,
    /// With a tracing object of a hop before.
    Traced,
    /// Without the signature of its origin.
    Unsigned,
    /// Signed with other keys than those of the origin it names.
    Forged,
    /// Its envelope names another domain as its origin than the one that has signed it.
    Misnamed,
    /// The same for the signet of its origin.
    OtherSignet,
    /// It names a signet that the recipient does not have.
    Stale,
    /// Its envelope is not encrypted for us.
    Elsewhere,
    /// Its recipient is of a domain that is not ours.
    OtherDomain,
    /// Of the form that a server makes of ordinary mail.
    Naked,
}

impl Brought {
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "good" => Self::Good,
            "traced" => Self::Traced,
            "unsigned" => Self::Unsigned,
            "forged" => Self::Forged,
            "misnamed" => Self::Misnamed,
            "other-signet" => Self::OtherSignet,
            "stale" => Self::Stale,
            "elsewhere" => Self::Elsewhere,
            "other-domain" => Self::OtherDomain,
            "naked" => Self::Naked,
            _ => return None,
        })
    }
}

fn organisation(domain: &str, keys: &str) -> Organisation {
    Organisation::new(domain, keys_of(Holder::Organisation, keys), &[]).unwrap()
}

/// What a lookup of a domain's organisation finds.
pub(super) fn looked_up(domain: &str) -> Result<Arc<OrgSignet>, MailError> {
    match domain {
        OTHER => Ok(Arc::new(organisation(OTHER, OTHER).signet().clone())),
        _ if domain.starts_with("unreachable.") => {
            Err(MailError::new(ErrorKind::Unavailable, "nobody could be asked"))
        }
        _ if domain.starts_with("changed.") => {
            let text = "the key has changed; an administrator must look at it";
            Err(MailError::new(ErrorKind::NoPermission, text).because(Cause::SignetInvalid))
        }
        _ if domain.starts_with("changing.") => {
            let text = "the management record does not name its key";
            Err(MailError::new(ErrorKind::InvalidInput, text).because(Cause::SignetInvalid))
        }
        _ => {
            let text = "this domain has no organisation";
            Err(MailError::new(ErrorKind::NotFound, text).because(Cause::NoSignet))
        }
    }
}

impl World {
    /// A message to a user of ours, as the server of another organisation brings it.
    pub fn brought(&self, how: Brought, to: &str, text: &str) -> Result<Vec<u8>, String> {
        let ours = self.service.organisation(DOMAIN).ok_or("no organisation")?;
        let theirs = organisation(OTHER, OTHER);
        let liar = organisation(OTHER, LIAR);
        let origin = if how == Brought::Forged { &liar } else { &theirs };
        let recipient = signet_of(&ours, &address(to), if how == Brought::Stale { "stale" } else { to });
        let named = match how {
            Brought::OtherDomain => Address::new(to, "example.com").unwrap(),
            _ => address(to),
        };
        let author = Address::new("carol", OTHER).unwrap();
        let author_signet = signet_of(&theirs, &author, "carol");
        let origin_envelope = OriginEnvelope {
            author,
            author_signet: author_signet.core_fingerprint(),
            destination: DOMAIN.into(),
            destination_signet: ours.signet().core_fingerprint(),
        };
        let envelope = DestinationEnvelope {
            recipient: named,
            recipient_signet: recipient.core_fingerprint(),
            origin: if how == Brought::Misnamed { "example.com" } else { OTHER }.into(),
            origin_signet: if how == Brought::OtherSignet { &liar } else { &theirs }
                .signet()
                .core_fingerprint(),
        };
        let destination = if how == Brought::Elsewhere { liar.signet() } else { ours.signet() };
        let readers = Readers {
            author: Some(*author_signet.encryption()),
            origin: Some(*origin.signet().encryption()),
            destination: Some(*destination.encryption()),
            recipient: Some(*recipient.encryption()),
        };
        let text = format!("Content-Type: text/plain\r\n\r\n{text}");
        let parts = AuthorParts {
            common_headers: b"Subject: Secret\r\n",
            other_headers: b"",
            parts: &[Part { kind: PartKind::Display, data: text.as_bytes() }],
        };
        let mut random = Counted(seed(&text));
        if how == Brought::Naked {
            let naked = theirs.wrap(
                b"Subject: hi\r\n\r\n",
                *recipient.encryption(),
                Magic::NakedMessage,
                &mut random,
            );
            return naked.map_err(|error| error.to_string());
        }
        let signing = keys_of(Holder::User, "carol").signing;
        let written = parts.message(&origin_envelope, &envelope, &readers, &signing, &mut random);
        let written = written.map_err(|error| error.to_string())?;
        if how == Brought::Unsigned {
            return Ok(written);
        }
        let signed = origin.sign_submitted(&written, Bounces::default());
        let signed = signed.map_err(|error| error.to_string())?;
        if how != Brought::Traced {
            return Ok(signed);
        }
        let hop = koi_dime::message::Tracing {
            received_from: "gate.example.net",
            received_at: "2026-11-21T11:59:00Z",
            transaction: "1",
        };
        Ok(koi_dime::message::add_tracing(&hop, &signed))
    }
    /// The signet of a domain, or of an address by these keys.
    pub fn signet(&self, of: &str, key: Option<&str>, former: Option<&str>) -> Result<Vec<u8>, String> {
        let domain = of.rsplit_once('@').map_or(of, |(_, domain)| domain);
        let organisation = match domain {
            DOMAIN => self.service.organisation(DOMAIN).ok_or("no organisation")?,
            _ => Arc::new(organisation(OTHER, OTHER)),
        };
        let Some(key) = key else { return Ok(organisation.signet().object()) };
        let address = Address::parse(of).ok_or("not an address")?;
        Ok(signet_after(&organisation, &address, key, former).object())
    }
    /// The core and the full fingerprint of a domain's signet, or of the newest of a user.
    pub fn fingerprints(&self, of: &str) -> Result<[Fingerprint; 2], String> {
        if of == OTHER {
            return both(organisation(OTHER, OTHER).signet());
        }
        if of == DOMAIN {
            return both(self.service.organisation(DOMAIN).ok_or("no organisation")?.signet());
        }
        let signets = self.service.local_signets(&address(of).to_string()).map_err(|e| e.to_string())?;
        let newest = signets.and_then(|signets| signets.users.into_iter().next());
        let newest = newest.ok_or_else(|| format!("{of} has no signet"))?;
        Ok([newest.core_fingerprint(), newest.fingerprint(Form::Full).ok_or("no full signet")?])
    }
}

/// A user of the other organisation, by the key of that name, and the organisation.
pub(super) fn elsewhere(address: &str) -> (UserSignet, OrgSignet) {
    let theirs = organisation(OTHER, OTHER);
    let address = Address::parse(address).unwrap();
    let user = signet_of(&theirs, &address, address.local());
    (user, theirs.signet().clone())
}

fn both(signet: &OrgSignet) -> Result<[Fingerprint; 2], String> {
    Ok([signet.core_fingerprint(), signet.fingerprint(Form::Full).ok_or("no full signet")?])
}

/// Of a user with the key of that name.
fn signet_of(organisation: &Organisation, address: &Address, key: &str) -> UserSignet {
    signet_after(organisation, address, key, None)
}

fn signet_after(
    organisation: &Organisation,
    address: &Address,
    key: &str,
    former: Option<&str>,
) -> UserSignet {
    let request = koi_dime::SigningRequest::parse(&user_key(key, former).request).unwrap();
    organisation.issue(&request, address, None).unwrap()
}

/// What the server of a user elsewhere gives: carol has had two keys, liar's is signed by somebody else.
pub(super) fn signets_found(wanted: &SignetLookup) -> Result<Box<FoundSignets>, MailError> {
    let domain = wanted.address.rsplit_once('@').map_or(&*wanted.address, |(_, domain)| domain);
    looked_up(domain)?;
    let theirs = organisation(OTHER, OTHER);
    let users = match wanted.address.rsplit_once('@') {
        None => Vec::new(),
        Some(("carol", _)) => {
            let carol = Address::new("carol", OTHER).unwrap();
            let mut users = vec![
                signet_after(&theirs, &carol, "carol2", Some("carol")),
                signet_of(&theirs, &carol, "carol"),
            ];
            if let Some(asked) = wanted.fingerprint {
                users.retain(|user| user.core_fingerprint() == asked);
            } else if !wanted.history {
                users.truncate(1);
            }
            users
        }
        Some((LIAR, _)) => {
            let text = "the signet is no good: the organisation did not sign its keys";
            return Err(MailError::new(ErrorKind::InvalidInput, text).because(Cause::SignetInvalid));
        }
        Some(_) => {
            let text = "no signet of this address is known";
            return Err(MailError::new(ErrorKind::NotFound, text).because(Cause::NoSignet));
        }
    };
    let record = theirs.record().text().into();
    Ok(Box::new(FoundSignets { organisation: theirs.signet().clone(), record, is_validated: true, users }))
}
