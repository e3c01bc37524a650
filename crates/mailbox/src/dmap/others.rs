//! Other organisations, as they are known: kept so that a key is not replaced by another unnoticed
//! (docs/DMAP.md, other organisations). Must not: ask the DNS.

use std::ops::ControlFlow;

use koi_dime::record::KeyChange;
use koi_dime::{ManagementRecord, OrgSignet};
use koi_store::kv::transact_and_wait;
use koi_store::mail::dmap::organisation::{self, Known};
use koi_store::record::dmtp::OrganisationRecord;
use koi_types::{Cause, ErrorKind, MailError, Result, Timestamp, limits};

use crate::service::MailboxService;

/// What is known of an organisation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownOrganisation {
    pub signet: OrgSignet,
    pub record: ManagementRecord,
    /// The DNS had signed the record.
    pub is_validated: bool,
    /// It had signed one at some time that named this key: nobody else brings another.
    pub was_validated: bool,
    pub known_since: Timestamp,
    pub learned_at: Timestamp,
    /// Until then nobody is asked again.
    pub fresh_until: Timestamp,
}

/// What a look at an organisation found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundOrganisation {
    pub signet: OrgSignet,
    pub record: ManagementRecord,
    pub is_validated: bool,
    pub fresh_until: Timestamp,
}

/// One with its domain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedOrganisation {
    pub domain: Box<str>,
    pub known: KnownOrganisation,
}

impl MailboxService {
    /// What is known of the organisation of a domain.
    pub fn known_organisation(&self, domain: &str) -> Result<Option<KnownOrganisation>> {
        let row = organisation::known(&*self.inner.kv.view()?, &domain.to_ascii_lowercase())?;
        row.map(read).transpose()
    }
    /// All that are known, by domain; those whose rows cannot be read are left out.
    pub fn known_organisations(&self) -> Result<Vec<NamedOrganisation>> {
        let mut all = Vec::new();
        organisation::all(&*self.inner.kv.view()?, &mut |Known { domain, record }| {
            all.extend(read(record).ok().map(|known| NamedOrganisation { domain, known }));
            ControlFlow::Continue(())
        })?;
        Ok(all)
    }
    /// Remembers what was found (while there is room for one more), unless its key may not take the place of
    /// the one that is known: [`Cause::SignetInvalid`]. Stays until it is durable.
    pub fn learn_organisation(&self, domain: &str, found: FoundOrganisation) -> Result<KnownOrganisation> {
        let (domain, now) = (domain.to_ascii_lowercase(), self.inner.env.now());
        transact_and_wait(&*self.inner.kv, move |txn| {
            let known = organisation::known(txn, &domain)?.map(read).transpose()?;
            if let Some(known) = &known {
                follows(&domain, known, &found)?;
            }
            let FoundOrganisation { signet, record, is_validated, fresh_until } = found.clone();
            let known_since = known.as_ref().map_or(now, |known| known.known_since);
            let was_validated = is_validated || known.as_ref().is_some_and(|known| known.was_validated);
            let row = OrganisationRecord {
                known_since,
                learned_at: now,
                fresh_until,
                is_validated,
                was_validated,
                record: record.text().into(),
                signet: signet.object().into(),
            };
            // Strangers have as many domains as they like: those beyond are looked up each time.
            if known.is_some() || organisation::is_room(txn, limits::ORGANISATIONS_MAX)? {
                organisation::learn(txn, &domain, &row)?;
            }
            let learned_at = now;
            Ok(KnownOrganisation {
                signet,
                record,
                is_validated,
                was_validated,
                known_since,
                learned_at,
                fresh_until,
            })
        })
    }
    /// Forgets one, so that whatever key it has next is believed. Answers whether it was known.
    pub fn forget_organisation(&self, domain: &str) -> Result<bool> {
        let domain = domain.to_ascii_lowercase();
        transact_and_wait(&*self.inner.kv, move |txn| organisation::forget(txn, &domain))
    }
}

fn follows(domain: &str, known: &KnownOrganisation, found: &FoundOrganisation) -> Result<()> {
    let refused = |why: &str| {
        let text = format!("the key of {domain} has changed, {why}; an administrator must look at it");
        Err(MailError::new(ErrorKind::NoPermission, text).because(Cause::SignetInvalid))
    };
    match found.record.key_change(&known.signet, &found.signet) {
        KeyChange::None => Ok(()),
        KeyChange::Replaced => refused("and nothing says that the one before agrees"),
        KeyChange::Followed if known.was_validated && !found.is_validated => {
            refused("and the DNS does not sign its record any more")
        }
        KeyChange::Followed => Ok(()),
    }
}

fn read(row: OrganisationRecord) -> Result<KnownOrganisation> {
    let unreadable = |error: &dyn std::fmt::Display| {
        MailError::new(ErrorKind::Corrupt, "a stored record cannot be read")
            .context(format!("organisation: {error}"))
    };
    Ok(KnownOrganisation {
        signet: OrgSignet::parse(&row.signet).map_err(|error| unreadable(&error))?,
        record: ManagementRecord::parse(&row.record).map_err(|error| unreadable(&error))?,
        is_validated: row.is_validated,
        was_validated: row.was_validated,
        known_since: row.known_since,
        learned_at: row.learned_at,
        fresh_until: row.fresh_until,
    })
}
