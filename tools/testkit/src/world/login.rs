//! Who may log in to the world: passwords are compared as they are typed.

use koi_mailbox::{MailboxService, Verifier};
use koi_sessions::{Credentials, Login};
use koi_types::{AccessSet, Address, ErrorKind, MailError};

use super::DOMAIN;

/// Whoever types this has failed too often.
const TOO_OFTEN: &[u8] = b"too-often";

pub(super) fn wrong() -> MailError {
    koi_sessions::auth::wrong()
}

pub(super) fn named(name: &str) -> Option<Address> {
    Address::parse(name).or_else(|| Address::new(name, DOMAIN)).map(|a| a.account_key())
}

/// Who it is, if the password is right, and nobody acts as somebody else.
pub(super) fn authenticate(service: &MailboxService, credentials: &Credentials) -> Result<Login, MailError> {
    let Some(known) = known(service, &credentials.authcid)? else { return Err(wrong()) };
    let typed = credentials.password.expose();
    if typed == TOO_OFTEN {
        return Err(MailError::new(ErrorKind::LimitReached, "Too many failed logins, try again later"));
    }
    let hash = app_hash(&String::from_utf8_lossy(typed));
    let mut app_passwords = known.app_passwords.iter().map(|password| &password.record);
    let app = app_passwords.find(|p| p.hash == hash && p.access.allows(credentials.access));
    let access = match app {
        Some(app) => app.access,
        None if !typed.is_empty() && typed == known.password.verifier.as_bytes() => AccessSet::ALL,
        None => return Err(wrong()),
    };
    if !is_oneself(&known, credentials.authzid.as_deref()) {
        return Err(koi_sessions::auth::not_as_other());
    }
    let app_password = app.map(|app| app.name.clone());
    Ok(Login { account: known.account, address: known.address, access, app_password })
}

fn known(service: &MailboxService, name: &str) -> Result<Option<Verifier>, MailError> {
    named(name).map_or(Ok(None), |address| service.directory().verifier(&address))
}

fn is_oneself(known: &Verifier, authzid: Option<&str>) -> bool {
    authzid.is_none_or(|z| z.is_empty() || named(z).as_ref() == Some(&known.address.account_key()))
}

/// What is stored of an app password here: itself.
pub(super) fn app_hash(typed: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.iter_mut().zip(typed.bytes()).for_each(|(to, from)| *to = from);
    hash
}

/// Who it is, if there is such an account and nobody acts as somebody else.
pub(super) fn login(
    service: &MailboxService,
    name: &str,
    authzid: Option<&str>,
) -> Result<Option<Login>, MailError> {
    let known = known(service, name)?.filter(|known| is_oneself(known, authzid));
    Ok(known.map(|k| Login {
        account: k.account,
        address: k.address,
        access: AccessSet::ALL,
        app_password: None,
    }))
}
