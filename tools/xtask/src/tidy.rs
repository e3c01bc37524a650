//! `cargo xtask tidy`: the layout as a test. Reads sources and `cargo metadata`; compiles nothing.
//!
//! Each rule is a function from what was read to findings; this file only gathers and prints. A rule that
//! needs a table keeps it in a file of its own (`allowed.rs`, `licences.rs`).

mod allowed;
mod banned;
pub(crate) mod finding;
mod functions;
mod graph;
mod layers;
mod licences;
mod manifests;
mod metadata;
mod modules;
mod outside;
mod purity;
mod shape;
pub(crate) mod source;
pub(crate) mod workspace;

use crate::failure::Failure;
use crate::repo::Repo;
use finding::{Finding, Rule};
use metadata::Metadata;
use workspace::Workspace;

/// Runs every rule; prints findings grouped by rule.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let mut verbose = false;
    for word in arguments {
        match word.as_str() {
            "--verbose" | "-v" => verbose = true,
            other => {
                return Err(Failure::new(format!("does not know `{other}`; see `cargo xtask help tidy`")));
            }
        }
    }
    let repo = Repo::open()?;
    let metadata = Metadata::read()?;
    let workspace = Workspace::read(&repo, &metadata)?;
    let mut findings = Vec::new();
    graph::check(&metadata, &mut findings);
    licences::check(&metadata, &mut findings);
    manifests::check(&repo, &metadata, &mut findings)?;
    for source in &workspace.sources {
        shape::check(source, &mut findings);
        functions::check(source, &mut findings);
        banned::check(source, &mut findings);
        purity::check(source, &mut findings);
        layers::check(source, &mut findings);
    }
    outside::check(&repo, &mut findings)?;
    findings.extend(crate::spec::dangling(&repo, &workspace)?);
    if verbose {
        shape::warn(&workspace.sources);
        graph::warn(&metadata);
    }
    report(&mut findings)?;
    println!("tidy: {} Rust files, nothing to say", workspace.sources.len());
    Ok(())
}

/// Prints findings grouped by rule; fails when there are any.
pub(crate) fn report(findings: &mut [Finding]) -> Result<(), Failure> {
    findings.sort_by(|a, b| (a.rule.name, &a.path, a.line).cmp(&(b.rule.name, &b.path, b.line)));
    let mut last: Option<&Rule> = None;
    for finding in findings.iter() {
        if last.is_none_or(|rule| rule.name != finding.rule.name) {
            println!("\n{}", finding.rule.name);
            println!("  why: {}", finding.rule.why);
            println!("  fix: {}", finding.rule.fix);
            last = Some(finding.rule);
        }
        match finding.line {
            0 => println!("    {}: {}", finding.path, finding.what),
            line => println!("    {}:{line}: {}", finding.path, finding.what),
        }
    }
    match findings.len() {
        0 => Ok(()),
        1 => Err(Failure::new("1 finding, above")),
        many => Err(Failure::new(format!("{many} findings, above"))),
    }
}
