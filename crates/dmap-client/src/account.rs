//! An account that was logged in to: the connection, and what the password gave.

use std::io::{Read, Write};
use std::sync::Arc;

use koi_dime::stacie::{MasterKey, PasswordKey};
use koi_proto::dmap::{Capability, Mode};
use koi_types::Address;

use crate::connection::Connection;
use crate::key::OwnKey;
use crate::login::Pin;
use crate::realm::Realm;
use crate::wallet::Wallet;

/// The person's side of one session.
#[derive(Debug)]
pub struct Account<S> {
    pub(crate) connection: Connection<S>,
    pub(crate) address: Address,
    pub(crate) mode: Mode,
    pub(crate) pin: Pin,
    pub(crate) master_key: MasterKey,
    pub(crate) password_key: PasswordKey,
    /// What this client keeps on its own side; whoever made the account stores it afterwards.
    pub wallet: Wallet,
    /// Realms that were asked for in this session.
    pub(crate) realms: Vec<Realm>,
    /// Keys that were opened in this session.
    pub(crate) own_keys: Vec<Arc<OwnKey>>,
}

impl<S: Read + Write> Account<S> {
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }
    /// How much the server may know.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }
    #[must_use]
    pub const fn connection(&mut self) -> &mut Connection<S> {
        &mut self.connection
    }
    /// What to pin, to be compared at the next login.
    #[must_use]
    pub const fn pin(&self) -> &Pin {
        &self.pin
    }
    /// Says goodbye.
    pub fn logout(self) -> Wallet {
        self.connection.logout();
        self.wallet
    }
}

/// The mode that capabilities show.
pub(crate) fn mode_of(capabilities: &[Capability]) -> Option<Mode> {
    capabilities.iter().find_map(|capability| match capability {
        Capability::Mode(mode) => Some(*mode),
        _ => None,
    })
}
