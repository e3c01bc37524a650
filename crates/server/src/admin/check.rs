//! `koi check`: every file of the store with every body in it, and every row against every other.

use std::collections::{BTreeMap, BTreeSet};

use koi_mailbox::Holder;
use koi_store::engine;

use super::{Checked, OnProgress, Progress};
use crate::problem::Problem;
use crate::service::Service;

/// Repairing that does not come to an end after so many rounds is given up.
const REPAIR_ROUNDS_MAX: u64 = 8;
/// Rows of one transaction of a repair.
const REPAIR_ROWS_MAX: usize = 5000;
/// Of the messages with a damaged body so many are named.
const HOLDERS_NAMED_MAX: usize = 8;
/// Progress is told of after so many files and bodies.
const TOLD_EVERY: u64 = 512;

pub(super) fn execute(
    service: &Service,
    repair: bool,
    progress: &mut OnProgress<'_>,
) -> Result<Checked, Problem> {
    let mut checked = Checked { findings: of_opening(service), ..Checked::default() };
    files(service, repair, progress, &mut checked)?;
    rows(service, repair, progress, &mut checked)?;
    Ok(checked)
}

/// What opening the store came upon. What it could not put right is found again.
fn of_opening(service: &Service) -> Vec<String> {
    let report = service.store.report();
    let given_up = report.given_up.iter().map(|what| format!("given up: {what}"));
    let mended = report.mended.iter().filter(|_| report.repaired).map(|what| format!("put right: {what}"));
    mended.chain(given_up).collect()
}

fn files(
    service: &Service,
    repair: bool,
    progress: &mut OnProgress<'_>,
    checked: &mut Checked,
) -> Result<(), Problem> {
    let mut tell = |done: u64, total: u64| {
        if done.is_multiple_of(TOLD_EVERY) || done == total {
            progress(Progress { done, total, unit: "files and messages".into() });
        }
    };
    let report = service.store.check(repair, None, &mut tell)?;
    let damaged: BTreeSet<_> = report.findings.iter().filter_map(engine::Finding::body).collect();
    let mut holders = BTreeMap::<_, Vec<_>>::new();
    for holder in service.mailbox.holders(&damaged)? {
        holders.entry(holder.body).or_default().push(holder);
    }
    for finding in &report.findings {
        let file = finding.file.as_ref().map(|file| format!("{}: ", file.display())).unwrap_or_default();
        let of = finding.body().and_then(|body| holders.get(&body));
        checked.findings.push(format!("{file}{}{}", finding.what, named(of.map_or(&[], Vec::as_slice))));
        match finding.repaired {
            true => checked.repaired += 1,
            false => checked.left += 1,
        }
    }
    Ok(())
}

/// Whose mail it is.
fn named(holders: &[Holder]) -> String {
    let names = holders.iter().take(HOLDERS_NAMED_MAX);
    let mut names: Vec<_> =
        names.map(|h| format!("UID {} in {} of {}", h.uid.value(), h.mailbox, h.account)).collect();
    if holders.len() > HOLDERS_NAMED_MAX {
        names.push(format!("{} more", holders.len() - HOLDERS_NAMED_MAX));
    }
    if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) }
}

/// Repairs until nothing that can be repaired is left: one fix may show what another row should have been.
fn rows(
    service: &Service,
    repair: bool,
    progress: &mut OnProgress<'_>,
    checked: &mut Checked,
) -> Result<(), Problem> {
    let mut left = service.mailbox.check()?;
    checked.findings.extend(left.iter().map(|f| format!("{}: {}", f.key_text(), f.problem)));
    for round in 0..REPAIR_ROUNDS_MAX {
        if !repair || left.iter().all(|f| f.fix.is_none()) {
            break;
        }
        for some in left.chunks(REPAIR_ROWS_MAX) {
            checked.repaired += service.mailbox.repair(some)? as u64;
        }
        progress(Progress { done: round + 1, total: 0, unit: "rounds of repair".into() });
        left = service.mailbox.check()?;
    }
    checked.left += left.len() as u64;
    Ok(())
}
