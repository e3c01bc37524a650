//! What the command line asked for, and the machine it runs on.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::failure::{Context, Outcome, fail};

/// How to use it, printed for `--help` and on a mistake.
pub(crate) const USAGE: &str = "\
cargo xtask bench [CASE…] [--runs N] [--quick] [--only koi|dovecot|cyrus] [--koi PATH] [--no-write]
cargo xtask bench --list      the cases and their marks
cargo xtask bench --growth    the growth cases
cargo xtask bench --check     whether docs/BENCHMARKS.md was written by this tool
A CASE is a name of --list, a group (lmtp, append, login, imap, sort, list, search, search-delivery, jmap,
idle, submit, coi, push, notify, memory, connections, space, import, restart, store, growth) or `all` (every
group but growth).";

/// The session's settings.
pub(crate) struct Plan {
    /// Names of cases or groups, or `all`.
    pub(crate) cases: Vec<String>,
    /// Alternating runs per row.
    pub(crate) runs: u32,
    /// Small numbers, to see that everything works.
    pub(crate) quick: bool,
    /// Only this server.
    pub(crate) only: Option<String>,
    /// Koi's binary; otherwise the one `KOI_BIN` names, or one that is built.
    pub(crate) koi: Option<PathBuf>,
    /// Whether docs/BENCHMARKS.md is left alone.
    pub(crate) no_write: bool,
    /// What to do instead of measuring.
    pub(crate) instead: Option<Instead>,
}

/// What to do instead of measuring.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Instead {
    /// Print the cases.
    List,
    /// Print the usage.
    Help,
}

impl Plan {
    /// Reads the arguments after the program's name.
    pub(crate) fn from_arguments(arguments: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut plan = Self {
            cases: Vec::new(),
            runs: 5,
            quick: false,
            only: None,
            koi: None,
            no_write: false,
            instead: None,
        };
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--runs" => plan.runs = arguments.next().context("--runs")?.parse().context("--runs")?,
                "--only" => plan.only = Some(arguments.next().context("--only")?),
                "--koi" => plan.koi = Some(arguments.next().context("--koi")?.into()),
                "--quick" => plan.quick = true,
                "--no-write" => plan.no_write = true,
                "--growth" => plan.cases.push("growth".to_string()),
                "--list" => plan.instead = Some(Instead::List),
                "--help" | "-h" => plan.instead = Some(Instead::Help),
                option if option.starts_with('-') => {
                    return fail(format!("unknown option {option}\n{USAGE}"));
                }
                case => plan.cases.push(case.to_string()),
            }
        }
        if plan.cases.is_empty() && plan.instead.is_none() {
            plan.instead = Some(Instead::Help);
        }
        if plan.runs == 0 {
            return fail("--runs must be at least 1");
        }
        Ok(plan)
    }

    /// Whether a row of a group was asked for.
    pub(crate) fn wants(&self, group: &str, row: &str) -> bool {
        let all = |case: &String| case == "all" && group != "growth";
        self.cases.iter().any(|case| all(case) || case == group || case == row)
    }

    /// One of two numbers: the full or the quick one.
    pub(crate) fn size(&self, full: u64, quick: u64) -> u64 {
        if self.quick { quick } else { full }
    }

    /// How long a rate is measured.
    pub(crate) fn rate_time(&self) -> Duration {
        Duration::from_millis(self.size(3_000, 800))
    }
}

/// The root of the repository.
pub(crate) fn repository() -> Outcome<PathBuf> {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or(env!("CARGO_MANIFEST_DIR").into());
    let manifest = Path::new(&manifest);
    Ok(manifest.parent().and_then(Path::parent).context("the repository's root")?.to_path_buf())
}

/// The folder the servers live in: under the build's target folder, hence on its disk.
pub(crate) fn work_folder() -> Outcome<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.parent().and_then(Path::parent).context("the target folder")?;
    let folder = target.join("bench");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::Plan;

    fn plan(line: &str) -> Plan {
        Plan::from_arguments(line.split_whitespace().map(str::to_string)).unwrap()
    }

    #[test]
    fn groups_rows_and_all_are_understood() {
        let one = plan("lmtp-1 append --runs 3");
        assert_eq!(one.runs, 3);
        assert!(
            one.wants("lmtp", "lmtp-1") && !one.wants("lmtp", "lmtp-16") && one.wants("append", "append-32")
        );
        let all = plan("all --quick");
        assert!(all.quick && all.wants("imap", "select") && !all.wants("growth", "growth-select"));
        assert!(Plan::from_arguments(["--frob".to_string()].into_iter()).is_err());
    }
}
