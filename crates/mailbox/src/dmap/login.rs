//! STACIE: what a claimant is asked, and whether the answer is right (DMAP-00 §7.2.1, docs/DIME.md).
//!
//! The work is the client's; the server's is a few hashes, the same for names nobody has.

use koi_dime::Secret;
use koi_dime::stacie::exchange::Challenge;
use koi_dime::stacie::{BONUS_DEFAULT, LoginToken, Nonce, Salt, Username, VerificationToken};
use koi_store::mail::dmap::mode;
use koi_store::mail::{app_password, directory};
use koi_types::{AccountId, Address, Mode, Result};

use crate::service::MailboxService;

/// One attempt to log in.
#[derive(Debug)]
pub struct StacieLogin {
    username: String,
    bonus: u32,
    salt: Salt,
    token: VerificationToken,
    proven: Option<StacieProven>,
}

/// Who it was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StacieProven {
    pub account: AccountId,
    /// The account's own address, whatever form the login name had.
    pub address: Address,
    pub mode: Mode,
    /// Of the verifier: another when the password was changed.
    pub serial: u32,
}

impl StacieLogin {
    /// What the claimant needs to derive its token. The nonce is fresh and random, and used once.
    #[must_use]
    pub fn challenge(&self, nonce: Nonce) -> Challenge {
        Challenge { bonus: self.bonus, salt: self.salt, nonce, username: Some(self.username.clone()) }
    }
    /// Who it is, if it has shown the token for this nonce; that of STACIE-PLUS is bound to the channel.
    #[must_use]
    pub fn check(&self, shown: &LoginToken, nonce: &Nonce) -> Option<StacieProven> {
        let right = self.token.login_token(&self.username, &self.salt, nonce) == *shown;
        self.proven.clone().filter(|_| right)
    }
    /// What the proof of the server is made with, once `check` has said who it is.
    #[must_use]
    pub const fn token(&self) -> &VerificationToken {
        &self.token
    }
}

impl MailboxService {
    /// What is known of a login name. Nobody's, a disabled one and one without a verifier are asked the same
    /// as others, and no answer is right.
    pub fn stacie(&self, name: &Address) -> Result<StacieLogin> {
        let view = self.inner.kv.view()?;
        let key = name.account_key();
        let found = directory::account_of(&*view, &key)?;
        // Nobody's account: it has no rows.
        let account = found.unwrap_or(AccountId::GLOBAL);
        let record = directory::directory_record(&*view, account)?;
        let secret = app_password::stored_secret(&*view)?.unwrap_or_default();
        let secret = Secret::filled(|octets| octets.iter_mut().zip(secret).for_each(|(to, from)| *to = from));
        let username = match Username::new(&key.to_string()) {
            Ok(username) => username.as_str().to_owned(),
            // It cannot be hashed as STACIE wants it: nobody logs in by it.
            Err(_) => key.to_string(),
        };
        let nobodys = Salt::of_nobody(&secret, &username);
        let options = self.inner.options.dmap.as_ref();
        let bonus = options.map_or(BONUS_DEFAULT, |options| options.stacie_bonus);
        let no_token = VerificationToken(Secret::new(&[0; 64]));
        let none =
            StacieLogin { username: username.clone(), bonus, salt: nobodys, token: no_token, proven: None };
        let Some(record) = record.filter(|record| found.is_some() && !record.disabled) else {
            return Ok(none);
        };
        let Some(stacie) = record.password.stacie else { return Ok(none) };
        let mode = mode::mode_of(&*view, account)?;
        let proven = StacieProven { account, address: record.address, mode, serial: stacie.serial };
        Ok(StacieLogin {
            username,
            bonus: stacie.bonus,
            salt: Salt(stacie.salt),
            token: VerificationToken(Secret::new(&stacie.token)),
            proven: Some(proven),
        })
    }
}
