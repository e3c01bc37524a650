//! Dependencies of our packages against the table in `allowed.rs`, and packages nobody may bring in.

use super::allowed::{ALLOWED, ALLOWED_IN_TESTS, BANNED_PACKAGES};
use super::finding::{Finding, Rule};
use super::metadata::{Metadata, Package};
use crate::phase::{cargo, output};
use std::collections::BTreeMap;

const DEPENDENCY: Rule = Rule {
    name: "dependency",
    why: "the borders between crates are the architecture; Cargo keeps them only if nobody adds a line",
    fix: "do without it, or decide it: add it to tools/xtask/src/tidy/allowed.rs and say why in the commit",
};

const BANNED: Rule = Rule {
    name: "banned-package",
    why: "one TLS library with one provider, one runtime: two of them are twice the code to trust",
    fix: "find who brings it in with `cargo tree -i NAME`, and switch off the feature that does",
};

pub(crate) fn check(metadata: &Metadata, findings: &mut Vec<Finding>) {
    for member in metadata.members() {
        check_member(member, findings);
    }
    for package in &metadata.packages {
        if let Some((name, why)) = BANNED_PACKAGES.iter().find(|(name, _)| *name == package.name)
            && is_built(name)
        {
            findings.push(Finding::new(
                &BANNED,
                "Cargo.lock",
                0,
                format!("{name} {}: {why}", package.version),
            ));
        }
    }
}

/// Whether some feature really switches the package on: `cargo metadata` lists optional ones too.
fn is_built(name: &str) -> bool {
    let mut tree = cargo();
    tree.args([
        "tree",
        "--workspace",
        "--locked",
        "--quiet",
        "--edges",
        "normal,build,dev",
        "--invert",
        name,
    ]);
    output(&mut tree).is_ok_and(|answer| !answer.trim().is_empty())
}

fn check_member(member: &Package, findings: &mut Vec<Finding>) {
    let manifest = format!("{}/Cargo.toml", member.folder);
    let Some(allowed) = ALLOWED.iter().find(|allowed| allowed.package == member.name) else {
        let what = format!("package {} is not in the table of allowed dependencies", member.name);
        findings.push(Finding::new(&DEPENDENCY, &manifest, 0, what));
        return;
    };
    for dependency in &member.dependencies {
        let name = dependency.name.as_str();
        let in_table = allowed.workspace.contains(&name) || allowed.outside.contains(&name);
        if in_table || (dependency.is_dev && ALLOWED_IN_TESTS.contains(&name)) {
            continue;
        }
        let kind = if dependency.is_dev { " in tests" } else { "" };
        let what = format!("{} may not depend on {name}{kind}", member.name);
        findings.push(Finding::new(&DEPENDENCY, &manifest, 0, what));
    }
}

/// Packages in several versions: a cost in build time, no fault.
pub(crate) fn warn(metadata: &Metadata) {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in &metadata.packages {
        versions.entry(&package.name).or_default().push(&package.version);
    }
    for (name, versions) in versions.iter().filter(|(_, versions)| versions.len() > 1) {
        println!("warning: {name} is built in {} versions: {}", versions.len(), versions.join(", "));
    }
}
