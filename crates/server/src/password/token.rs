//! Bearer tokens (RFC 6750): made here like app passwords, and stored beside them as hashes. A token names
//! its account, so that it is found without a user name; it is no password, and a password is no token.

use std::net::IpAddr;
use std::time::Instant;

use koi_types::{Access, AccountId, Result};

use super::{Held, Passwords, Proven, app, login, tally, wrong};

/// What tokens begin with, so that one that is lost is recognised.
const PREFIX: &str = "koi_";
/// As long as an app password.
const LETTERS: usize = 25;

/// A new one, and what is stored of it.
pub struct Made {
    pub token: String,
    pub hash: [u8; 32],
}

/// Makes one for an account.
#[must_use]
pub fn generate(account: AccountId) -> Made {
    let letters: String = app::generate().chars().filter(|letter| *letter != '-').collect();
    let hash = hash(account, letters.as_bytes());
    Made { token: format!("{PREFIX}{}_{letters}", account.0), hash }
}

fn hash(account: AccountId, letters: &[u8]) -> [u8; 32] {
    tally::did("token");
    let mut hasher = blake3::Hasher::new_derive_key("koi 2026-11-22 bearer token of an account");
    hasher.update(&account.0.to_be_bytes()).update(letters);
    *hasher.finalize().as_bytes()
}

/// Whose a token says to be, and its hash.
struct Said {
    account: AccountId,
    hash: [u8; 32],
}

fn read(token: &[u8]) -> Option<Said> {
    let text = std::str::from_utf8(token).ok()?;
    let (account, letters) = text.strip_prefix(PREFIX)?.split_once('_')?;
    let usual = account.len() <= 10 && account.bytes().all(|octet| octet.is_ascii_digit());
    let account = AccountId(account.parse().ok().filter(|_| usual)?);
    (letters.len() == LETTERS).then(|| Said { account, hash: hash(account, letters.as_bytes()) })
}

impl Passwords {
    /// The login of a bearer token; `AuthenticationFailed` when there is none such, or it is not for this.
    /// One that is removed is nobody's at once.
    pub async fn check_token(&self, token: &[u8], access: Access, peer: IpAddr) -> Result<Proven> {
        if let Some(proven) = self.proven_by(token, access)? {
            return Ok(proven);
        }
        let config = self.config.read().clone();
        let attempt = self.throttled(&config, "bearer", peer, false).await?;
        self.throttle.failed(&attempt, &config, Instant::now());
        Err(wrong())
    }

    fn proven_by(&self, token: &[u8], access: Access) -> Result<Option<Proven>> {
        let Some(Said { account, hash }) = read(token) else { return Ok(None) };
        let Some(address) = self.directory.address(account)? else { return Ok(None) };
        let entry = self.directory.entry(&address)?.filter(|entry| entry.account == account);
        let Some(entry) = entry else { return Ok(None) };
        let found = app::find(&entry.app_passwords, &hash);
        let Some(found) = found.filter(|found| {
            let allowed = found.record.access;
            allowed.is_of_token() && allowed.allows(access)
        }) else {
            return Ok(None);
        };
        self.uses.add(account, found);
        let (number, access) = (found.number, found.record.access);
        let app_password = Some(found.record.name.clone());
        let login = koi_sessions::Login { access, app_password, ..login(&entry) };
        Ok(Some(Proven { login, held: Held::App { number, hash } }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_account_and_is_read_as_it_was_made() {
        let (one, two) = (AccountId(1), AccountId(4_294_967_295));
        for account in [one, two] {
            let Made { token, hash } = generate(account);
            let said = read(token.as_bytes()).unwrap();
            assert!(said.account == account && said.hash == hash, "{token}");
            assert_ne!(token, generate(account).token);
        }
        let token = generate(one).token;
        let other = token.replace("koi_1_", "koi_2_");
        assert_ne!(read(other.as_bytes()).unwrap().hash, read(token.as_bytes()).unwrap().hash);
        let letters = &token["koi_1_".len()..];
        assert_ne!(
            app::hash(one, letters.as_bytes()),
            Some(read(token.as_bytes()).unwrap().hash),
            "no password"
        );
        for bad in ["", "koi_", "koi_1", "koi_1_", "koi_x_y", "koi_+1_aaaaaaaaaaaaaaaaaaaaaaaaa", letters] {
            assert!(read(bad.as_bytes()).is_none(), "{bad}");
        }
        assert!(read(b"koi_99999999999_aaaaaaaaaaaaaaaaaaaaaaaaa").is_none());
        assert!(read(b"\xff").is_none());
    }
}
