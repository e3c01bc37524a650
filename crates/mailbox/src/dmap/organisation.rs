//! What the organisation of a domain does for its accounts (docs/DIME.md, signets), and the signets of both.

use std::sync::Arc;

use koi_dime::stacie::RealmKey;
use koi_dime::{Derived, Magic, OrgSignet, Organisation, Random, UserSignet};
use koi_store::key;
use koi_store::mail::directory;
use koi_store::mail::dmap::keys;
use koi_types::{Address, Cause, EmailId, ErrorKind, KeyId, MailError, Result};

use crate::service::MailboxService;

/// Encrypts ordinary mail for one of its users.
pub(super) fn wrapped(
    organisation: &Organisation,
    mail: &[u8],
    user: &UserSignet,
    random: &mut dyn Random,
) -> Result<Vec<u8>> {
    let naked = organisation.wrap(mail, *user.encryption(), Magic::NakedMessage, random);
    naked.map_err(|error| {
        let text = "the message cannot be encrypted";
        MailError::new(ErrorKind::TooLarge, text).because(Cause::Cannot).context(error)
    })
}

/// What makes the view of an email the same again each time.
pub(super) fn view_random(organisation: &Organisation, email: EmailId, key: &KeyId) -> Derived {
    let secret = organisation.secret_for(b"views of ordinary mail");
    Derived::new(&secret, &[b"email", &email.0, &key.0])
}

/// By which the private half of a user's key is encrypted that came in clear.
pub(super) fn key_at_rest(organisation: &Organisation, key: &KeyId) -> RealmKey {
    let purpose = [b"private half of a user's key".as_slice(), &key.0].concat();
    RealmKey(organisation.secret_for(&purpose))
}

/// Signets of our own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalSignets {
    pub organisation: OrgSignet,
    /// Of the user that was asked for, also by keys that it has deleted: the newest first; none when it has
    /// none, or does not exist.
    pub users: Vec<UserSignet>,
}

impl MailboxService {
    /// Whose keys this server has.
    #[must_use]
    pub fn organisation(&self, domain: &str) -> Option<Arc<Organisation>> {
        self.inner.organisation(domain)
    }
    /// Signets of an address of ours, or of one of our domains; nothing for others.
    pub fn local_signets(&self, address: &str) -> Result<Option<LocalSignets>> {
        let domain = address.rsplit_once('@').map_or(address, |(_, domain)| domain);
        let Some(organisation) = self.organisation(domain) else { return Ok(None) };
        let signet = organisation.signet().clone();
        let mut users = Vec::new();
        if let Some(address) = Address::parse(address) {
            let view = self.inner.kv.view()?;
            if let Some(account) = directory::account_of(&*view, &address)? {
                for key in keys::history(&*view, account)? {
                    if key.record.signet.is_empty() {
                        continue;
                    }
                    let unreadable =
                        |_| koi_store::record::corrupt("signet", &key::dmap_key(account, &key.id));
                    users.push(UserSignet::parse(&key.record.signet).map_err(unreadable)?);
                }
            }
        }
        Ok(Some(LocalSignets { organisation: signet, users }))
    }
}

impl crate::service::Inner {
    pub(crate) fn organisation(&self, domain: &str) -> Option<Arc<Organisation>> {
        let all = &self.options.dmap.as_ref()?.organisations;
        all.iter().find(|one| one.domain().eq_ignore_ascii_case(domain)).cloned()
    }
    /// That of an account; `Unsupported` when there is none.
    pub(crate) fn organisation_of(&self, account: koi_types::AccountId) -> Result<Arc<Organisation>> {
        let view = self.kv.view()?;
        let missing = || MailError::new(ErrorKind::NotFound, "no such account");
        let record = directory::directory_record(&*view, account)?.ok_or_else(missing)?;
        self.organisation(record.address.domain()).ok_or_else(super::not_offered)
    }
}

/// A signet or a request that is not good.
pub(super) fn bad_signet(error: impl std::fmt::Display, cause: Cause) -> MailError {
    MailError::new(ErrorKind::InvalidInput, error.to_string()).because(cause)
}
