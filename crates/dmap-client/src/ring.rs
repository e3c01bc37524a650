//! Other people's keys (DMAP-00 §7.5): what the server finds is verified, compared with what was seen before,
//! and kept on the server with a note only this person can write.

use std::io::{Read, Write};

use koi_dime::meta::{Meta, MetaType, Trust};
use koi_dime::{Fingerprint, Random, UserSignet};
use koi_proto::dmap::command::{AddSignet, Command, Lookup, MetaChange, Version};
use koi_proto::dmap::{Code, Response};
use koi_types::{Address, Timestamp};

use crate::account::Account;
use crate::error::{Error, Result};
use crate::signet::{SignetProblem, SignetSaid, VerifiedUser, wire_address};

/// Somebody to write to or to read from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contact {
    pub user: VerifiedUser,
    pub trust: Trust,
    /// It is not the key seen before, but that one's owner has signed it.
    pub is_rotated: bool,
}

/// One line of the ring.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RingEntry {
    pub address: String,
    pub fingerprint: Fingerprint,
}

/// What is in the ring for an address.
struct Held {
    user: VerifiedUser,
    note: Option<Meta>,
}

impl Held {
    fn trust(&self) -> Trust {
        self.note.as_ref().and_then(Meta::trust).unwrap_or(Trust::None)
    }
}

impl<S: Read + Write> Account<S> {
    /// All whose keys are kept. `pattern`: `*` for anything, `%` for anything but `@`.
    pub fn ring(&mut self, pattern: &str) -> Result<Vec<RingEntry>> {
        let answer = self.connection.run("LISTSIGNETS", &Command::ListSignets { pattern: pattern.into() })?;
        let entries = answer.data.into_iter().filter_map(|response| match response {
            Response::Signet(signet) => Some(RingEntry {
                address: signet.address.as_str().to_owned(),
                fingerprint: Fingerprint(signet.fingerprint.0),
            }),
            _ => None,
        });
        Ok(entries.collect())
    }

    /// The key to encrypt to somebody: the newest, verified. One that was never seen is kept from now on; one
    /// that follows from the one seen before takes its place; any other is refused.
    pub fn contact(&mut self, address: &Address, now: Timestamp, random: &mut dyn Random) -> Result<Contact> {
        let held = self.held(address)?;
        if held.as_ref().is_some_and(|held| held.trust() == Trust::Blocked) {
            return Err(SignetProblem::Blocked(address.to_string()).into());
        }
        let user = self.found(address)?;
        let Some(held) = held else {
            self.keep(&user, &Meta::default(), Trust::FirstUse, now, random)?;
            return Ok(Contact { user, trust: Trust::FirstUse, is_rotated: false });
        };
        if held.user.signet.core_fingerprint() == user.signet.core_fingerprint() {
            return Ok(Contact { user, trust: held.trust(), is_rotated: false });
        }
        self.check_custody(&held.user.signet, &user)?;
        let trust = held.trust();
        self.keep(&user, &held.note.unwrap_or_default(), trust, now, random)?;
        Ok(Contact { user, trust, is_rotated: true })
    }

    /// What this person thinks of the key of an address, whose signet must be this one; without a note
    /// [`Trust::None`]. Asks nobody but the ring.
    pub fn trust_in(&mut self, user: &VerifiedUser) -> Result<Trust> {
        let held = self.held(&user.address)?;
        let same = held.filter(|held| held.user.signet.core_fingerprint() == user.signet.core_fingerprint());
        Ok(same.map_or(Trust::None, |held| held.trust()))
    }

    /// Notes what the person thinks of the newest key of an address, whichever was seen before.
    pub fn set_trust(
        &mut self,
        address: &Address,
        trust: Trust,
        now: Timestamp,
        random: &mut dyn Random,
    ) -> Result<VerifiedUser> {
        let note = self.held(address)?.and_then(|held| held.note).unwrap_or_default();
        let user = self.found(address)?;
        self.keep(&user, &note, trust, now, random)?;
        Ok(user)
    }

    /// Forgets an address.
    pub fn forget(&mut self, address: &Address) -> Result<()> {
        let address = wire_address(&address.account_key().to_string())?;
        self.connection.run("DELETESIGNET", &Command::DeleteSignet { address, fingerprint: None })?;
        Ok(())
    }

    /// The newest signet the server finds.
    fn found(&mut self, address: &Address) -> Result<VerifiedUser> {
        let said =
            self.signets_said(&address.account_key().to_string(), Version::Current, Lookup::Refresh)?;
        let said = said.into_iter().next().ok_or_else(|| SignetProblem::Missing(address.to_string()))?;
        self.believe_user(address, &said)
    }

    /// What is in the ring; a note that cannot be opened is an error, since somebody may have changed it.
    fn held(&mut self, address: &Address) -> Result<Option<Held>> {
        let name = address.account_key().to_string();
        let said = self.signets_said(&name, Version::Current, Lookup::Ring)?;
        let Some(said) = said.into_iter().next().filter(|said| said.data.is_some()) else { return Ok(None) };
        let note = match &said.meta {
            Some(meta) => Some(self.read_meta(meta, name.as_bytes(), None)?),
            None => None,
        };
        Ok(Some(Held { user: self.believe_user(address, &said)?, note }))
    }

    /// Whether the key seen before has led to this one, by itself or by others between.
    fn check_custody(&mut self, seen: &UserSignet, user: &VerifiedUser) -> Result<()> {
        if user.signet.follows(seen.signing()).is_ok() {
            return Ok(());
        }
        let broken = || Error::from(SignetProblem::Custody(user.address.to_string()));
        let said = self.signets_said(&user.address.to_string(), Version::History, Lookup::Usual)?;
        let parsed = |said: &SignetSaid| UserSignet::parse(said.data.as_deref().unwrap_or_default());
        let history: Vec<UserSignet> =
            said.iter().map(parsed).collect::<std::result::Result<_, _>>().map_err(|_| broken())?;
        let place =
            |of: &UserSignet| history.iter().position(|one| one.core_fingerprint() == of.core_fingerprint());
        let (Some(new), Some(old)) = (place(&user.signet), place(seen)) else { return Err(broken()) };
        let chain = history.get(new..=old).ok_or_else(broken)?;
        UserSignet::verify_custody(chain).map_err(|_| broken())
    }

    fn keep(
        &mut self,
        user: &VerifiedUser,
        note: &Meta,
        trust: Trust,
        now: Timestamp,
        random: &mut dyn Random,
    ) -> Result<()> {
        let name = user.address.to_string();
        let mut note = note.clone();
        let octets = [&[octet(trust)], now.secs().to_be_bytes().as_slice()].concat();
        note.set(MetaType::TRUST, &octets).map_err(|_| Error::Meta("a META block would be too large"))?;
        let sealed = self.write_meta(&note, name.as_bytes(), random)?;
        let address = wire_address(&name)?;
        let add = Command::AddSignet(AddSignet {
            address: address.clone(),
            signet: user.signet.object(),
            meta: Some(MetaChange::Set(sealed.0)),
        });
        match self.connection.run("ADDSIGNET", &add) {
            // A note is not changed in place.
            Err(error) if error.is(&Code::AlreadyExists) || error.is(&Code::SignetInvalid) => {
                let all = Command::DeleteSignet { address, fingerprint: None };
                self.connection.run("DELETESIGNET", &all)?;
                self.connection.run("ADDSIGNET", &add).map(|_| ())
            }
            other => other.map(|_| ()),
        }
    }
}

const fn octet(trust: Trust) -> u8 {
    match trust {
        Trust::None => 0,
        Trust::FirstUse => 1,
        Trust::Verified => 2,
        Trust::Blocked => 3,
    }
}
