//! `koi organisation`: other organisations, as this server knows them (docs/DMAP.md, other organisations).

use koi_message::DateTime;
use koi_types::Timestamp;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;
use crate::service::Service;

/// One in a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OrganisationLine {
    pub domain: String,
    /// The core fingerprint of its signet.
    pub fingerprint: String,
    /// Dates with time, in UTC.
    pub known_since: String,
    pub learned: String,
    /// The DNS had signed the record that names its key.
    pub validated: bool,
    /// Somebody here has dealt with it.
    pub kept: bool,
}

pub(super) fn list(service: &Service) -> Result<Vec<OrganisationLine>, Problem> {
    let all = service.mailbox.known_organisations()?.into_iter();
    Ok(all
        .map(|one| OrganisationLine {
            domain: one.domain.into(),
            fingerprint: one.known.signet.core_fingerprint().to_string(),
            known_since: date(one.known.known_since),
            learned: date(one.known.learned_at),
            validated: one.known.is_validated,
            kept: one.known.is_kept,
        })
        .collect())
}

pub(super) fn forget(service: &Service, domain: &str) -> Result<(), Problem> {
    match service.mailbox.forget_organisation(domain)? {
        true => Ok(()),
        false => Err(Problem::usage(
            format!("nothing is known of {domain}"),
            "`koi organisation list` shows what is",
        )),
    }
}

fn date(at: Timestamp) -> String {
    DateTime { unix_s: at.secs(), zone_min: 0 }.to_rfc3339().unwrap_or_default()
}
