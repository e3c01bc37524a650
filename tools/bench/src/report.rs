//! docs/BENCHMARKS.md: one line per case, rewritten for what was measured and kept for what was not,
//! under a first line that holds a digest of everything after it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::case::GROUPS;
use crate::device;
use crate::failure::Outcome;
use crate::plan::Plan;
use crate::sheet::{LIMIT, Mark, Row, Sheet, Unit, figure};

/// Where and under what circumstances the session ran.
pub(crate) struct Session {
    /// The commit, with `+` when files were changed.
    pub(crate) commit: String,
    /// Load of the machine at the start, before anything was started.
    pub(crate) load: String,
    /// Versions of the servers.
    pub(crate) versions: Vec<String>,
}

/// The commit of the repository.
pub(crate) fn commit(repository: &Path) -> Outcome<String> {
    let git = |arguments: &[&str]| -> Outcome<String> {
        let output = Command::new("git").arg("-C").arg(repository).args(arguments).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_string())
    };
    let changed =
        !git(&["status", "--porcelain", "--untracked-files=no", "--", ":(exclude)docs/BENCHMARKS.md"])?
            .is_empty();
    Ok(format!("{}{}", git(&["rev-parse", "--short=9", "HEAD"])?, if changed { "+" } else { "" }))
}

/// Writes the file: new lines for what the sheet holds, old lines for the rest.
pub(crate) fn write(
    path: &Path,
    sheet: &Sheet,
    plan: &Plan,
    session: &Session,
    folder: &Path,
) -> Outcome<()> {
    let old = fs::read_to_string(path).unwrap_or_default();
    let mut lines = kept(&old, "| `");
    let mut notes = kept(&old, "- `");
    for group in GROUPS {
        for row in group.rows {
            if let Some(line) = line(row, sheet, plan, session) {
                // Also what was said when the group failed.
                let is_old =
                    |key: &String| [Some(row.name), Some(group.name)].contains(&key.split(' ').next());
                notes.retain(|key, _| !is_old(key));
                lines.insert(row.name.to_string(), line);
            }
        }
    }
    for (key, text) in sheet.notes() {
        notes.insert(key.clone(), format!("- `{key}`: {text}"));
    }
    let mut body = head(&versions(&old, &session.versions), folder);
    body.push_str(TABLE_HEAD);
    for row in GROUPS.iter().flat_map(|group| group.rows) {
        let missing =
            || format!("| `{}` | {} | not measured | | | {} | | |", row.name, row.what, owed(row, None));
        body.push_str(&lines.get(row.name).cloned().unwrap_or_else(missing));
        body.push('\n');
    }
    body.push_str("\n## Remarks of the last run\n\n");
    for text in notes.values() {
        body.push_str(text);
        body.push('\n');
    }
    fs::write(path, format!("<!-- koi-bench fnv1a64 {:016x} -->\n{body}", digest(&body)))?;
    Ok(())
}

const TABLE_HEAD: &str = "\
| case | what | Koi | peer | ratio | mark | verdict | run |
|---|---|--:|--:|--:|---|---|---|
";

/// How the line of the servers' versions begins.
const SERVERS: &str = "- servers: ";

fn head(versions: &[String], folder: &Path) -> String {
    format!(
        "# Benchmarks\n\n\
         Written by `cargo xtask bench`; do not edit (`cargo xtask bench --check`). Koi and its peer, Cyrus\n\
         for JMAP (`jmap-…`) and Dovecot for all else, run on the same machine and disk under the same\n\
         driver (`tools/bench`), with the same TLS setting and the same durability, in alternating runs; a\n\
         value is the median of the runs, the extremes in brackets. The peers' configurations are in\n\
         `tools/bench/dovecot` and `tools/bench/cyrus`. A ratio above 1 says how many times as good Koi\n\
         is. A limit that was measured too holds for its own run: the median of those shares decides. The\n\
         driver shares the processors with the server; `run` names runs, load of the machine at the start\n\
         (1-minute average; above 0.5 other work ran beside and absolute numbers are low), and commit.\n\n\
         - machine: {}\n{SERVERS}{}\n\n",
        device::machine(folder),
        versions.join("; "),
    )
}

fn line(row: &Row, sheet: &Sheet, plan: &Plan, session: &Session) -> Option<String> {
    let cell = |server| {
        let samples = sheet.samples(row.name, server);
        let (low, high) =
            (samples.iter().copied().fold(f64::MAX, f64::min), samples.iter().copied().fold(0.0, f64::max));
        let median = sheet.median(row.name, server)?;
        let spread =
            if samples.len() > 1 { format!(" ({}–{})", figure(low), figure(high)) } else { String::new() };
        Some(format!("{} {}{spread}", figure(median), unit(row.unit)))
    };
    let (koi, peer) = (cell("koi"), sheet.peer(row).and_then(cell));
    if koi.is_none() && peer.is_none() {
        return None;
    }
    let ratio = sheet.ratio(row).map_or(String::new(), |ratio| format!("{}x", figure(ratio)));
    let verdict = match sheet.passes(row) {
        Some(true) => "pass",
        Some(false) => "**miss**",
        None => "",
    };
    let peer_runs = sheet.peer(row).map_or(0, |peer| sheet.samples(row.name, peer).len());
    let runs = sheet.samples(row.name, "koi").len().max(peer_runs);
    let quick = if plan.quick { ", quick" } else { "" };
    Some(format!(
        "| `{}` | {} | {} | {} | {ratio} | {} | {verdict} | {runs}{quick}, load {}, {} |",
        row.name,
        row.what,
        koi.unwrap_or_default(),
        peer.unwrap_or_default(),
        limited(row, sheet),
        session.load,
        session.commit,
    ))
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::PerSecond => "/s",
        Unit::Millis => "ms",
        Unit::Kib => "KiB",
        Unit::Octets => "octets",
        Unit::Times => "x",
        Unit::Count => "",
    }
}

/// The mark in words, and how much of a measured limit Koi's value is.
fn limited(row: &Row, sheet: &Sheet) -> String {
    let owed = owed(row, sheet.median(row.name, LIMIT));
    match (row.mark, sheet.of_limit(row)) {
        (Mark::Limit(_) | Mark::Floor(_), Some(share)) => {
            format!("{owed}; run by run {}x of it", figure(share))
        }
        _ => owed,
    }
}

/// The mark in words.
pub(crate) fn owed(row: &Row, limit: Option<f64>) -> String {
    let here = limit.map_or(String::new(), |limit| format!(" = {} {}", figure(limit), unit(row.unit)));
    match row.mark {
        Mark::Ratio(times) => format!("≥ {times}x"),
        Mark::AtLeast(least) => format!("≥ {} {}", figure(least), unit(row.unit)),
        Mark::AtMost(most) => format!("≤ {} {}", figure(most), unit(row.unit)),
        Mark::Limit(text) => format!("≤ {text}{here}"),
        Mark::Floor(text) => format!("≥ {text}{here}"),
        Mark::Recorded => "recorded".to_string(),
    }
}

/// The servers of an older file, with those of this session in their places.
fn versions(old: &str, new: &[String]) -> Vec<String> {
    let line = old.lines().find_map(|line| line.strip_prefix(SERVERS)).unwrap_or_default();
    let mut all: Vec<String> = line.split("; ").filter(|one| !one.is_empty()).map(str::to_string).collect();
    let name = |version: &String| version.split(' ').next().map(str::to_string);
    for version in new {
        match all.iter_mut().find(|one| name(one) == name(version)) {
            Some(one) => one.clone_from(version),
            None => all.push(version.clone()),
        }
    }
    all
}

/// The lines of an older file that begin so, by the name between the backquotes.
fn kept(text: &str, start: &str) -> BTreeMap<String, String> {
    let named = |line: &str| {
        let name = line.strip_prefix(start)?.split_once('`')?.0;
        Some((name.to_string(), line.to_string()))
    };
    text.lines().filter_map(named).collect()
}

/// FNV-1a, 64 bits.
fn digest(text: &str) -> u64 {
    let step = |hash: u64, octet: u8| (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::{digest, kept, versions};

    #[test]
    fn the_digest_is_fnv_1a() {
        // Vectors of the algorithm's authors.
        assert_eq!(digest(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(digest("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(digest("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_server_that_is_not_measured_keeps_its_version() {
        let new = ["koi 2".to_string(), "Cyrus 3".to_string()];
        assert_eq!(
            versions("x\n- servers: koi 1; Dovecot 2 (a)\n", &new),
            ["koi 2", "Dovecot 2 (a)", "Cyrus 3"]
        );
        assert_eq!(versions("", &new), new);
    }

    #[test]
    fn lines_are_kept_by_name() {
        let old = kept("x\n| `one` | a |\n- `one koi`: b\n", "| `");
        assert_eq!(old.len(), 1);
        assert_eq!(old.get("one").map(String::as_str), Some("| `one` | a |"));
    }
}
