//! Login with STACIE or STACIE-PLUS (DMAP-00 §7.2.1, docs/DIME.md): the password stays here, and the server
//! proves that it knows the account before anything else is said.

use std::io::{Read, Write};

use koi_dime::stacie::exchange::{Challenge, ClientFirst, ServerProof, proof_message};
use koi_dime::stacie::{Inputs, Password, Salt};
use koi_proto::dmap::command::{Command, Secret};
use koi_proto::dmap::response::{Condition, Status};
use koi_proto::dmap::{Capability, Code, Mode};
use koi_types::Address;

use crate::account::{Account, mode_of};
use crate::connection::{Challenged, Connection};
use crate::error::{Error, Result};
use crate::wallet::Wallet;

/// Who logs in.
#[derive(Debug)]
pub struct Credentials<'a> {
    pub address: &'a Address,
    pub password: &'a Password,
    /// `tls-exporter` of the connection (RFC 9266 §2), where TLS is 1.3.
    pub channel: Option<[u8; 32]>,
    /// Take salt, bonus and mode as the server gives them, whatever they were before.
    pub accept_new_salt: bool,
}

/// What the server gave a login to derive from. It stays the same until the password is changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pin {
    /// As the server hashes it.
    pub username: String,
    pub salt: Salt,
    pub bonus: u32,
}

impl<S: Read + Write> Connection<S> {
    /// Logs in. Takes seconds for a short password: all the work is here, none at the server.
    pub fn login(mut self, credentials: &Credentials<'_>, wallet: Wallet) -> Result<Account<S>> {
        let plus = credentials.channel.filter(|_| self.offers("STACIE-PLUS"));
        if plus.is_none() && !self.offers("STACIE") {
            return Err(Error::NoStacie);
        }
        let username = credentials.address.to_string();
        let first = ClientFirst { authzid: "", authcid: &username }.message();
        self.begin(&Command::Authenticate {
            mechanism: if plus.is_some() { "STACIE-PLUS" } else { "STACIE" }.into(),
            initial_response: Some(Secret(first.clone().into_bytes())),
        })?;
        let asked = self.asked()?;
        let challenge = match accepted(&asked, &username, credentials, &wallet) {
            Ok(challenge) => challenge,
            Err(error) => {
                self.cancel();
                return Err(error);
            }
        };
        let pin = Pin {
            username: challenge.username.unwrap_or(username),
            salt: challenge.salt,
            bonus: challenge.bonus,
        };
        let derived = pin.inputs(credentials.password).derive();
        let nonce = plus.map_or(challenge.nonce, |exporter| challenge.nonce.bound_to(&exporter));
        let token = &derived.verification_token;
        let proof = proof_message(&token.login_token(&pin.username, &pin.salt, &nonce));
        self.answer(proof.as_bytes());
        let said = self.asked()?;
        let wanted = ServerProof::new(token, first.as_bytes(), &asked, proof.as_bytes());
        if ServerProof::parse(&said).ok().as_ref() != Some(&wanted) {
            self.cancel();
            return Err(Error::Impostor);
        }
        self.answer(b"");
        self.welcomed()?;
        let mode =
            mode_of(self.capabilities()).ok_or_else(|| Error::Protocol("no DMAP= capability".into()))?;
        let is_laxer = wallet.mode.is_some_and(|before| strictness(mode) < strictness(before));
        if is_laxer && !credentials.accept_new_salt {
            self.logout();
            return Err(Error::ModeChanged);
        }
        let mut wallet = wallet;
        wallet.settle(&pin);
        wallet.mode = Some(mode);
        Ok(Account {
            connection: self,
            address: credentials.address.account_key(),
            mode,
            pin,
            master_key: derived.master_key,
            password_key: derived.password_key,
            wallet,
            realms: Vec::new(),
            own_keys: Vec::new(),
        })
    }

    fn offers(&self, mechanism: &str) -> bool {
        self.can(&Capability::Auth(mechanism.into()))
    }
    fn asked(&mut self) -> Result<Vec<u8>> {
        match self.challenge()? {
            Challenged::Asked(octets) => Ok(octets),
            Challenged::Completed(status) => Err(refused(status)),
        }
    }
    fn welcomed(&mut self) -> Result<()> {
        match self.challenge()? {
            Challenged::Completed(status) if status.condition == Condition::Ok => {
                match &status.code {
                    Some(Code::Capability(_)) => self.learn(status.code.as_ref()),
                    _ => self.ask_capabilities()?,
                }
                Ok(())
            }
            Challenged::Completed(status) => Err(refused(status)),
            Challenged::Asked(_) => Err(Error::Protocol("the server asks after its proof".into())),
        }
    }
}

impl Pin {
    pub(crate) fn inputs<'a>(&'a self, password: &'a Password) -> Inputs<'a> {
        Inputs { username: &self.username, password, salt: &self.salt, bonus: self.bonus }
    }
}

/// The challenge, if it is well-formed and what it was before.
fn accepted(
    asked: &[u8],
    username: &str,
    credentials: &Credentials<'_>,
    wallet: &Wallet,
) -> Result<Challenge> {
    let challenge = Challenge::parse(asked)?;
    let is = |pin: &Pin| {
        let hashed = challenge.username.as_deref().unwrap_or(username);
        pin.salt == challenge.salt && pin.bonus == challenge.bonus && pin.username == hashed
    };
    // A change of the password whose end this client has not seen.
    let is_expected =
        wallet.pin.as_ref().is_none_or(is) || wallet.pending.as_ref().is_some_and(|pending| is(&pending.pin));
    if is_expected || credentials.accept_new_salt { Ok(challenge) } else { Err(Error::PinChanged) }
}

const fn strictness(mode: Mode) -> u8 {
    match mode {
        Mode::Trustful => 0,
        Mode::Cautious => 1,
        Mode::Paranoid => 2,
    }
}

fn refused(status: Status) -> Error {
    match status.code {
        Some(Code::AuthenticationFailed) => Error::WrongPassword,
        code => Error::Refused { command: "the login", code, text: status.text.into() },
    }
}
