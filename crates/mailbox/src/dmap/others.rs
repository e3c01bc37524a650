//! Other organisations, as they are known: kept so that a key is not replaced by another unnoticed
//! (docs/DMAP.md, other organisations). Must not: ask the DNS; forget one whom somebody here has dealt with.

use std::ops::ControlFlow;

use koi_dime::record::KeyChange;
use koi_dime::{ManagementRecord, OrgSignet};
use koi_store::kv::transact_and_wait;
use koi_store::mail::dmap::organisation::{self, Known, Room};
use koi_store::record::dmtp::OrganisationRecord;
use koi_types::{Cause, ErrorKind, MailError, Result, Timestamp, limits};

use crate::service::MailboxService;

/// A stranger is known for so long at least: what it is bringing is taken meanwhile, and then it is kept.
const STRANGER_MILLIS_MIN: i64 = 3_600_000;

/// What is known of an organisation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownOrganisation {
    pub signet: OrgSignet,
    pub record: ManagementRecord,
    /// The DNS had signed the record.
    pub is_validated: bool,
    /// It had signed one at some time that named this key: nobody else brings another.
    pub was_validated: bool,
    /// Somebody here has looked it up, written to it or heard from it: it is not forgotten for another.
    pub is_kept: bool,
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
    /// Remembers what was found, unless its key may not take the place of the one that is known:
    /// [`Cause::SignetInvalid`]. It is kept where somebody here wants to know it (`keep`). Where there is no
    /// room for one more, some go whom only strangers have named, and nobody else. Stays until it is durable.
    pub fn learn_organisation(
        &self,
        domain: &str,
        found: FoundOrganisation,
        keep: bool,
    ) -> Result<KnownOrganisation> {
        let (domain, now) = (domain.to_ascii_lowercase(), self.inner.env.now());
        let before = Timestamp(now.0.saturating_sub(STRANGER_MILLIS_MIN));
        // Nobody waits for those who are counted.
        let room = match self.known_organisation(&domain)? {
            Some(_) => Room::There,
            None => organisation::room(&*self.inner.kv.view()?, limits::ORGANISATIONS_MAX, before)?,
        };
        transact_and_wait(&*self.inner.kv, move |txn| {
            let known = organisation::known(txn, &domain)?.map(read).transpose()?;
            if let Some(known) = &known {
                follows(&domain, known, &found)?;
            }
            let learned = learned(&found, known.as_ref(), keep, now);
            // Strangers have as many domains as they like: those beyond are looked up each time.
            if let (None, Room::Without(strangers)) = (&known, &room) {
                strangers.iter().try_for_each(|domain| organisation::forget_stranger(txn, domain, before))?;
            }
            if known.is_some() || room != Room::None {
                organisation::learn(txn, &domain, &row(&learned))?;
            }
            Ok(learned)
        })
    }
    /// Somebody here has to do with one that is known: it is not forgotten for another. Answers whether it is
    /// known still. Stays until it is durable.
    pub fn keep_organisation(&self, domain: &str) -> Result<bool> {
        let domain = domain.to_ascii_lowercase();
        transact_and_wait(&*self.inner.kv, move |txn| organisation::keep(txn, &domain))
    }
    /// Forgets one, so that whatever key it has next is believed. Answers whether it was known.
    pub fn forget_organisation(&self, domain: &str) -> Result<bool> {
        let domain = domain.to_ascii_lowercase();
        transact_and_wait(&*self.inner.kv, move |txn| organisation::forget(txn, &domain))
    }
}

fn learned(
    found: &FoundOrganisation,
    known: Option<&KnownOrganisation>,
    keep: bool,
    now: Timestamp,
) -> KnownOrganisation {
    let FoundOrganisation { signet, record, is_validated, fresh_until } = found.clone();
    KnownOrganisation {
        signet,
        record,
        is_validated,
        was_validated: is_validated || known.is_some_and(|known| known.was_validated),
        is_kept: keep || known.is_some_and(|known| known.is_kept),
        known_since: known.map_or(now, |known| known.known_since),
        learned_at: now,
        fresh_until,
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

fn row(known: &KnownOrganisation) -> OrganisationRecord {
    OrganisationRecord {
        known_since: known.known_since,
        learned_at: known.learned_at,
        fresh_until: known.fresh_until,
        is_validated: known.is_validated,
        was_validated: known.was_validated,
        is_kept: known.is_kept,
        record: known.record.text().into(),
        signet: known.signet.object().into(),
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
        is_kept: row.is_kept,
        known_since: row.known_since,
        learned_at: row.learned_at,
        fresh_until: row.fresh_until,
    })
}
