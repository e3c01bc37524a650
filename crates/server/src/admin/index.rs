//! Search indexes: `koi index` and the part of `koi status` about them.

use std::time::Duration;

use koi_mailbox::index::{IndexRun, IndexStep};
use koi_mailbox::{AccountRow, MailboxService};
use koi_types::ErrorKind;
use serde::{Deserialize, Serialize};

use super::{OnProgress, Progress};
use crate::problem::Problem;
use crate::service::Service;

/// Between two looks whether the server's own thread is done with an account.
const WAIT: Duration = Duration::from_millis(50);

/// What to do with the indexes of one account, or of all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IndexAction {
    Show,
    /// Bring it up to date now; make it where there is none.
    Build,
    /// From the beginning.
    Rebuild,
    Drop,
}

/// The index of an account.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct IndexLine {
    pub address: String,
    /// `None`: it has none.
    pub index: Option<IndexFacts>,
}

/// What an index holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct IndexFacts {
    pub emails: u64,
    pub octets: u64,
    /// What it may grow to.
    pub octets_max: u64,
    pub segments: u64,
    /// Everything that there is is in it.
    pub complete: bool,
}

/// All indexes together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct IndexTotals {
    pub accounts: u64,
    pub emails: u64,
    pub octets: u64,
    pub octets_max: u64,
    /// Accounts whose index lacks something.
    pub behind: u64,
}

pub(super) fn execute(
    service: &Service,
    action: IndexAction,
    address: Option<&str>,
    progress: &mut OnProgress<'_>,
) -> Result<Vec<IndexLine>, Problem> {
    let mut rows = service.mailbox.directory().list()?;
    if let Some(address) = address {
        let account = service.account(&super::execute::parse(address)?)?;
        rows.retain(|row| row.id == account);
    }
    rows.sort_by_key(|row| row.address.to_string());
    let mailbox = &service.mailbox;
    let mut lines = Vec::new();
    for row in &rows {
        if matches!(action, IndexAction::Drop | IndexAction::Rebuild) {
            wait(|| mailbox.drop_index(row.id).map(Some))?;
        }
        if matches!(action, IndexAction::Build | IndexAction::Rebuild) {
            build(mailbox, row, progress)?;
        }
        lines.push(IndexLine { address: row.address.to_string(), index: facts(mailbox, row)? });
    }
    Ok(lines)
}

pub(super) fn totals(mailbox: &MailboxService) -> Result<IndexTotals, Problem> {
    let mut totals = IndexTotals::default();
    for row in mailbox.directory().list()? {
        let Some(facts) = facts(mailbox, &row)? else { continue };
        totals.accounts += 1;
        totals.emails += facts.emails;
        totals.octets += facts.octets;
        totals.octets_max += facts.octets_max;
        totals.behind += u64::from(!facts.complete);
    }
    Ok(totals)
}

fn build(mailbox: &MailboxService, row: &AccountRow, progress: &mut OnProgress<'_>) -> Result<(), Problem> {
    let run = wait(|| mailbox.index_run(row.id, true))?;
    let Some(mut run): Option<IndexRun> = run else { return Ok(()) };
    while let IndexStep::More { done, total } = run.advance()? {
        progress(Progress { done, total, unit: format!("emails of {}", row.address) });
    }
    Ok(())
}

/// Asks again while the server's own thread is at it.
fn wait<T>(mut ask: impl FnMut() -> koi_types::Result<Option<T>>) -> Result<Option<T>, Problem> {
    loop {
        match ask() {
            Err(error) if error.kind == ErrorKind::InUse => std::thread::sleep(WAIT),
            answer => return Ok(answer?),
        }
    }
}

fn facts(mailbox: &MailboxService, row: &AccountRow) -> Result<Option<IndexFacts>, Problem> {
    let status = match mailbox.index_status(row.id) {
        // `koi check` says so, and repairs it.
        Err(error) if error.kind == ErrorKind::Corrupt => return Ok(Some(IndexFacts::default())),
        status => status?,
    };
    Ok(status.map(|status| IndexFacts {
        emails: status.emails,
        octets: status.octets,
        octets_max: status.octets_max,
        segments: status.segments,
        complete: status.complete,
    }))
}
