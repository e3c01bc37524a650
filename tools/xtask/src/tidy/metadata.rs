//! What `cargo metadata` says: packages, their dependencies, licences and targets, for this platform.
//!
//! Only the fields the rules need; a field that is missing reads as empty, never as an error.

use crate::failure::Failure;
use crate::phase::{cargo, output, program};
use serde_json::Value;
use std::collections::BTreeMap;

/// The dependency graph of the workspace.
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
}

/// A package of the graph.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// SPDX expression; empty when the package states none.
    pub(crate) licence: String,
    pub(crate) is_member: bool,
    /// Folder relative to the root; only for members.
    pub(crate) folder: String,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
}

/// A line of a `[dependencies]` table.
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) is_dev: bool,
}

/// A library, binary, test, bench or example of a member.
pub(crate) struct Target {
    pub(crate) kind: String,
    /// Relative to the root.
    pub(crate) path: String,
}

impl Metadata {
    /// Asks cargo. Packages of other platforms are left out: they are neither built nor shipped.
    pub(crate) fn read() -> Result<Metadata, Failure> {
        let version =
            output(program(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("-vV"))?;
        let host = version
            .lines()
            .find_map(|line| line.strip_prefix("host: "))
            .unwrap_or("x86_64-unknown-linux-gnu");
        let mut command = cargo();
        command.args(["metadata", "--format-version", "1", "--locked", "--filter-platform", host]);
        let text = output(&mut command)?;
        let json: Value = serde_json::from_str(&text)
            .map_err(|error| Failure::new(format!("`cargo metadata` did not answer with JSON: {error}")))?;
        Ok(Metadata::from_json(&json))
    }

    fn from_json(json: &Value) -> Metadata {
        let root = format!("{}/", string(json, "workspace_root"));
        let members: Vec<&str> = array(json, "workspace_members").iter().filter_map(Value::as_str).collect();
        let nodes = json.get("resolve").map(|resolve| array(resolve, "nodes")).unwrap_or_default();
        let used: BTreeMap<&str, ()> =
            nodes.iter().filter_map(|n| Some((n.get("id")?.as_str()?, ()))).collect();
        let packages = array(json, "packages");
        let packages = packages.iter().filter(|package| used.contains_key(string(package, "id")));
        let packages = packages.map(|package| {
            let is_member = members.contains(&string(package, "id"));
            let manifest = string(package, "manifest_path");
            let folder = manifest.trim_start_matches(root.as_str()).trim_end_matches("/Cargo.toml");
            Package {
                name: string(package, "name").to_owned(),
                version: string(package, "version").to_owned(),
                licence: string(package, "license").to_owned(),
                is_member,
                folder: if is_member { folder.to_owned() } else { String::new() },
                dependencies: array(package, "dependencies").iter().map(dependency).collect(),
                targets: array(package, "targets").iter().map(|value| target(value, &root)).collect(),
            }
        });
        Metadata { packages: packages.collect() }
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.is_member)
    }
}

fn dependency(value: &Value) -> Dependency {
    Dependency { name: string(value, "name").to_owned(), is_dev: string(value, "kind") == "dev" }
}

fn target(value: &Value, root: &str) -> Target {
    let kind = array(value, "kind").first().and_then(Value::as_str).unwrap_or_default().to_owned();
    Target { kind, path: string(value, "src_path").trim_start_matches(root).to_owned() }
}

fn string<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn array<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
