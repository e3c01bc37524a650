//! The module tree: which files a target reaches by `mod`, and which of them only tests compile.
//!
//! Knows `mod x;`, modules inside `mod x { … }`, `#[path = "…"]` and `include!("…")`; no other macro.

use crate::tidy::metadata::Metadata;
use crate::tidy::source::Source;
use std::collections::{BTreeMap, BTreeSet};

/// A file to visit.
struct Visit {
    path: String,
    is_test: bool,
    /// The file's own folder holds its modules (`lib.rs`, `main.rs`, `mod.rs`, any root of a target).
    owns_folder: bool,
}

/// Sets `is_reachable` and `is_test` on every source.
pub(crate) fn mark(sources: &mut [Source], metadata: &Metadata) {
    let index: BTreeMap<String, usize> =
        sources.iter().enumerate().map(|(i, source)| (source.path.clone(), i)).collect();
    let mut as_production = BTreeSet::new();
    let mut as_test = BTreeSet::new();
    let mut open: Vec<Visit> = Vec::new();
    for target in metadata.members().flat_map(|member| &member.targets) {
        let is_test = matches!(target.kind.as_str(), "test" | "bench" | "example");
        open.push(Visit { path: target.path.clone(), is_test, owns_folder: true });
    }
    for source in sources.iter().filter(|source| source.path.starts_with("fuzz/fuzz_targets/")) {
        open.push(Visit { path: source.path.clone(), is_test: true, owns_folder: true });
    }
    while let Some(visit) = open.pop() {
        let seen = if visit.is_test { &mut as_test } else { &mut as_production };
        let Some(source) = index.get(&visit.path).and_then(|&i| sources.get(i)) else { continue };
        if seen.insert(visit.path.clone()) {
            open.extend(children(source, &visit, |path| index.contains_key(path)));
        }
    }
    for source in sources {
        let production = as_production.contains(&source.path);
        source.is_reachable = production || as_test.contains(&source.path);
        source.is_test = !production && (as_test.contains(&source.path) || source.path.contains("/tests/"));
    }
}

fn children(source: &Source, visit: &Visit, exists: impl Fn(&str) -> bool) -> Vec<Visit> {
    let (folder, file) = source.path.rsplit_once('/').unwrap_or(("", &source.path));
    let stem = file.trim_end_matches(".rs");
    let own = if visit.owns_folder || stem == "mod" { folder.to_owned() } else { format!("{folder}/{stem}") };
    let mut inline: Vec<Inline> = Vec::new();
    let mut depth = 0usize;
    let mut found = Vec::new();
    for (at, token) in source.tokens.iter().enumerate() {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                inline.retain(|open| open.depth <= depth);
            }
            "mod" if source.token(at + 2) == "{" => {
                inline.push(Inline { name: source.token(at + 1).to_owned(), depth: depth + 1 });
            }
            "mod" if source.token(at + 2) == ";" => {
                let is_test = visit.is_test || source.is_test_at(token.at);
                let below: Vec<&str> = inline.iter().map(|open| open.name.as_str()).collect();
                let base = [&[own.as_str()], below.as_slice()].concat().join("/");
                let name = source.token(at + 1);
                let paths = match path_attribute(source, token.at) {
                    Some(path) => vec![join(if below.is_empty() { folder } else { &base }, &path)],
                    None => vec![format!("{base}/{name}.rs"), format!("{base}/{name}/mod.rs")],
                };
                found.extend(paths.into_iter().filter(|path| exists(path)).map(|path| Visit {
                    owns_folder: path.ends_with("/mod.rs"),
                    path,
                    is_test,
                }));
            }
            "include" if source.token(at + 1) == "!" => {
                if let Some(path) = quoted(source.text.get(token.at..).unwrap_or_default()) {
                    found.push(Visit {
                        path: join(folder, &path),
                        is_test: visit.is_test,
                        owns_folder: true,
                    });
                }
            }
            _ => {}
        }
    }
    found
}

/// A module written in place, open at this depth of braces.
struct Inline {
    name: String,
    depth: usize,
}

/// The value of a `#[path = "…"]` directly above the `mod` at this offset.
fn path_attribute(source: &Source, at: usize) -> Option<String> {
    let before = source.text.get(..at)?;
    let (_, tail) = before.rsplit_once("#[path")?;
    if tail.contains(';') || tail.contains('}') { None } else { quoted(tail) }
}

fn quoted(text: &str) -> Option<String> {
    let line = text.lines().next()?;
    line.split('"').nth(1).map(str::to_owned)
}

/// `folder/path` with `.` and `..` resolved.
fn join(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visits(path: &str, owns_folder: bool, text: &str) -> Vec<(String, bool)> {
        let source = Source::new(path, "crates/a", text.to_owned());
        let visit = Visit { path: path.to_owned(), is_test: false, owns_folder };
        let found = children(&source, &visit, |path| !path.ends_with("/mod.rs"));
        found.into_iter().map(|visit| (visit.path, visit.is_test)).collect()
    }

    #[test]
    fn finds_files_of_modules() {
        let root =
            visits("crates/a/src/lib.rs", true, "pub mod x;\n#[cfg(test)]\nmod tests;\nmod y { mod z; }");
        let expected = [("src/x.rs", false), ("src/tests.rs", true), ("src/y/z.rs", false)];
        assert_eq!(root, expected.map(|(path, is_test)| (format!("crates/a/{path}"), is_test)));
        let child = visits("crates/a/src/x.rs", false, "mod w; // mod no;\nfn f() { let s = \"mod no;\"; }");
        assert_eq!(child, [("crates/a/src/x/w.rs".to_owned(), false)]);
        let path = visits("crates/a/src/x.rs", false, "#[path = \"../other.rs\"]\nmod w;");
        assert_eq!(path, [("crates/a/other.rs".to_owned(), false)]);
    }
}
