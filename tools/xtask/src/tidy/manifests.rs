//! Our own Cargo.toml files: every package inherits the workspace's lints.
//!
//! `store` is the one exception: it opens LMDB, which is unsafe, so its table says `deny` where the
//! workspace says `forbid`, and must repeat everything else.

use super::finding::{Finding, Rule};
use super::metadata::Metadata;
use crate::failure::Failure;
use crate::repo::Repo;

const LINTS: Rule = Rule {
    name: "workspace-lints",
    why: "a lint that one crate does not have is a lint nobody relies on",
    fix: "write `[lints]` and `workspace = true` (only `store` has its own table: unsafe_code = \"deny\", \
          the rest equal)",
};

const EXEMPT: &str = "crates/store";

pub(crate) fn check(repo: &Repo, metadata: &Metadata, findings: &mut Vec<Finding>) -> Result<(), Failure> {
    let root = repo.read("Cargo.toml")?;
    for member in metadata.members() {
        let path = format!("{}/Cargo.toml", member.folder);
        let manifest = repo.read(&path)?;
        if table(&manifest, "lints").contains(&"workspace = true") {
            continue;
        }
        if member.folder != EXEMPT {
            findings.push(Finding::new(&LINTS, &path, 0, "does not inherit the workspace's lints"));
            continue;
        }
        for kind in ["rust", "clippy"] {
            let own = table(&manifest, &format!("lints.{kind}"));
            let mut wanted = table(&root, &format!("workspace.lints.{kind}"));
            for line in &mut wanted {
                if *line == "unsafe_code = \"forbid\"" {
                    *line = "unsafe_code = \"deny\"";
                }
            }
            for line in wanted.iter().filter(|line| !own.contains(line)) {
                findings.push(Finding::new(&LINTS, &path, 0, format!("[lints.{kind}] lacks `{line}`")));
            }
        }
    }
    Ok(())
}

/// The lines of a TOML table, trimmed, without comments and blanks.
fn table<'a>(manifest: &'a str, name: &str) -> Vec<&'a str> {
    let header = format!("[{name}]");
    let lines = manifest.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let inside = lines.skip_while(|line| *line != header).skip(1);
    inside.take_while(|line| !line.starts_with('[')).filter(|line| !line.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_ends_at_the_next() {
        let manifest = "[a]\nx = 1\n[lints]\nworkspace = true # all\n\n[b]\ny = 2\n";
        assert_eq!(table(manifest, "lints"), ["workspace = true"]);
        assert_eq!(table(manifest, "c"), Vec::<&str>::new());
    }
}
