//! `koi dmap signet show|list|trust|forget|pin`.

use koi_dime::ManagementRecord;
use koi_dime::meta::Trust;
use koi_dmap_client::{OrgTrust, VerifiedOrg, VerifiedUser};
use koi_server::{Problem, clock};
use koi_types::Address;

use super::problem;
use super::session::Session;
use crate::cli::dmap::{Signet, TrustWord};
use crate::terminal::say;

pub(super) fn run(session: &mut Session, signet: Signet) -> Result<(), Problem> {
    match signet {
        Signet::Show { address } => show(session, address.as_deref()),
        Signet::List => list(session),
        Signet::Trust { address, trust } => {
            let trust = match trust {
                TrustWord::Verified => Trust::Verified,
                TrustWord::Blocked => Trust::Blocked,
                TrustWord::None => Trust::None,
            };
            let user = session.account.set_trust(&address, trust, clock::now(), &mut session.random);
            user_lines(&user.map_err(problem)?, trust);
            Ok(())
        }
        Signet::Forget { address } => {
            session.account.forget(&address).map_err(problem)?;
            say(format_args!("forgot {address}"));
            Ok(())
        }
        Signet::Pin { domain, pok } => {
            let record = ManagementRecord::parse(&format!("pok={pok}"));
            let record = record
                .map_err(|error| Problem::usage(error, "write the pok of the record, 43 characters"))?;
            for key in &record.primary {
                session.account.wallet.pin_organisation(&domain, key);
            }
            say(format_args!("pinned the key of {domain}"));
            Ok(())
        }
    }
}

fn show(session: &mut Session, address: Option<&str>) -> Result<(), Problem> {
    match address {
        None => {
            let own = session.account.current_key().map_err(problem)?;
            say(format_args!("address       {}", session.account.address()));
            say(format_args!("key           {}", own.id));
            say(format_args!("fingerprint   {}", own.signet.core_fingerprint()));
            org_lines(&own.organisation);
        }
        Some(text) if !text.contains('@') => {
            let organisation = session.account.organisation(text).map_err(problem)?;
            org_lines(&organisation);
        }
        Some(text) => {
            let address = Address::from_path(text)
                .ok_or_else(|| Problem::usage(format!("`{text}` is not an address"), "write user@domain"))?;
            let contact =
                session.account.contact(&address, clock::now(), &mut session.random).map_err(problem)?;
            user_lines(&contact.user, contact.trust);
            if contact.is_rotated {
                say("it is a new key, signed by the one that was known");
            }
        }
    }
    Ok(())
}

fn user_lines(user: &VerifiedUser, trust: Trust) {
    say(format_args!("address       {}", user.address));
    say(format_args!("fingerprint   {}", user.signet.core_fingerprint()));
    say(format_args!("trust         {}", word(trust)));
    org_lines(&user.organisation);
}

fn org_lines(organisation: &VerifiedOrg) {
    let trust = match organisation.trust {
        OrgTrust::Pinned => "as seen before",
        OrgTrust::FirstUse => "seen for the first time: compare with the TXT record at _dx",
    };
    say(format_args!("organisation  {} ({trust})", organisation.domain));
    let record = ManagementRecord::new(*organisation.signet.primary()).text();
    let pok = record.split(' ').find(|pair| pair.starts_with("pok=")).unwrap_or_default().to_owned();
    say(format_args!("its key       {pok}"));
}

fn list(session: &mut Session) -> Result<(), Problem> {
    let entries = session.account.ring("*").map_err(problem)?;
    let width = entries.iter().map(|entry| entry.address.chars().count()).max().unwrap_or(0).max(7);
    say(format_args!("{:width$}  fingerprint", "address"));
    for entry in entries {
        say(format_args!("{:width$}  {}", entry.address, entry.fingerprint));
    }
    Ok(())
}

pub(super) const fn word(trust: Trust) -> &'static str {
    match trust {
        Trust::None => "none: you have noted nothing",
        Trust::FirstUse => "first use: as the server gave it",
        Trust::Verified => "verified by you",
        Trust::Blocked => "blocked",
    }
}
