//! One login, from the password to the wallet that is written at its end.

use std::io::IsTerminal as _;
use std::path::Path;

use koi_dmap_client::{Account, Connection, Credentials, Password};
use koi_server::Problem;
use koi_server::dial::{self, Stream};
use koi_server::organisation::SystemRandom;
use koi_types::Address;

use super::problem;
use super::profile::{Profile, first_line};
use crate::cli::dmap::Who;
use crate::terminal::{known_password, note};

/// The environment's place for a password.
const PASSWORD_VARIABLE: &str = "KOI_DMAP_PASSWORD";

pub(super) struct Session {
    pub(super) account: Account<Stream>,
    pub(super) random: SystemRandom,
    profile: Profile,
}

impl Session {
    /// Connects and logs in. `takes_input`: standard input is not for the password.
    pub(super) fn begin(who: &Who, profile: Profile, takes_input: bool) -> Result<Self, Problem> {
        let wallet = profile.wallet()?;
        let text = known(who.password_file.as_deref(), &profile.address, takes_input)?;
        let password = password(&text)?;
        let server = &profile.server;
        let dialed = dial::dial(&server.host, server.port, server.ca.as_deref())?;
        let connection = Connection::open(dialed.stream).map_err(problem)?;
        if password.characters() < 12 && std::io::stderr().is_terminal() {
            note("deriving keys from the password…");
        }
        let credentials = Credentials {
            address: &profile.address,
            password: &password,
            channel: dialed.exporter,
            accept_new_salt: who.accept_new_salt,
        };
        let account = connection.login(&credentials, wallet).map_err(problem)?;
        let session = Self { account, random: SystemRandom, profile };
        // What was seen of the server is known from now on, whatever goes wrong later.
        session.save()?;
        Ok(session)
    }
    pub(super) fn save(&self) -> Result<(), Problem> {
        self.profile.save(&self.account.wallet)
    }
    pub(super) fn remember(&self, who: &Who) -> Result<(), Problem> {
        if who.server.is_some() || who.ca.is_some() { self.profile.remember() } else { Ok(()) }
    }
    pub(super) fn end(self) -> Result<(), Problem> {
        self.save()?;
        self.account.logout();
        Ok(())
    }
}

/// In the form that is derived from.
pub(super) fn password(text: &str) -> Result<Password, Problem> {
    Password::new(text.as_bytes()).map_err(|error| Problem::usage(error, "give another password"))
}

fn known(file: Option<&Path>, address: &Address, takes_input: bool) -> Result<String, Problem> {
    if let Some(file) = file {
        return first_line(file);
    }
    if let Ok(password) = std::env::var(PASSWORD_VARIABLE) {
        return Ok(password);
    }
    if takes_input && !std::io::stdin().is_terminal() {
        let what = "standard input is the text of the message, so the password cannot be asked for";
        return Err(Problem::usage(what, format!("give --password-file, --text, or {PASSWORD_VARIABLE}")));
    }
    known_password(&address.to_string())
}
