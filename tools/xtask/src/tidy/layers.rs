//! Who may name what inside a crate: protocol modules no siblings, one adapter per confined library.

use super::allowed::CONFINED;
use super::finding::{Finding, Rule};
use super::source::Source;

const SIBLING: Rule = Rule {
    name: "sibling-import",
    why: "a protocol is understood, tested and thrown away alone (invariant I3)",
    fix: "move what both need to `proto::line`, `proto::sasl` or `sessions::selected`, or copy the few lines",
};

const CONFINED_LIBRARY: Rule = Rule {
    name: "confined-library",
    why: "a library behind one adapter can be replaced, and made to fail in tests (invariant I4)",
    fix: "go through the adapter",
};

const PROTOCOLS: &[&str] = &["dmap", "imap", "jmap", "managesieve", "smtp", "webpush"];

pub(crate) fn check(source: &Source, findings: &mut Vec<Finding>) {
    check_confined(source, findings);
    let Some(own) = own_protocol(source) else { return };
    for (index, token) in source.tokens.iter().enumerate() {
        let from_root = token.text == "crate" || token.text == "koi_proto" || token.text == "koi_sessions";
        if !from_root || !source.tokens_are(index + 1, &[":", ":"]) || source.is_test_at(token.at) {
            continue;
        }
        for name in imported(source, index + 3) {
            if PROTOCOLS.contains(&name) && name != own {
                let what = format!("{own} imports {}::{name}", token.text);
                findings.push(Finding::new(&SIBLING, &source.path, source.line_of(token.at), what));
            }
        }
    }
}

/// The protocol whose module this file belongs to.
fn own_protocol(source: &Source) -> Option<&str> {
    let inside = match source.package.as_str() {
        "crates/proto" => source.path.strip_prefix("crates/proto/src/")?,
        "crates/sessions" => source.path.strip_prefix("crates/sessions/src/")?,
        _ => return None,
    };
    let first = inside.split('/').next()?.trim_end_matches(".rs");
    PROTOCOLS.iter().copied().find(|name| *name == first)
}

/// The first segments after `crate::`: one name, or those of a group `{a::b, c}`.
fn imported(source: &Source, index: usize) -> Vec<&str> {
    if source.token(index) != "{" {
        return vec![source.token(index)];
    }
    let mut names = Vec::new();
    let mut depth = 0usize;
    for at in index..source.tokens.len() {
        match source.token(at) {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if depth == 1 && matches!(source.token(at), "{" | ",") {
            names.push(source.token(at + 1));
        }
    }
    names
}

fn check_confined(source: &Source, findings: &mut Vec<Finding>) {
    for (index, token) in source.tokens.iter().enumerate() {
        let Some(library) = CONFINED.iter().find(|library| library.name == token.text) else { continue };
        let inside = library.folders.iter().any(|folder| source.path.starts_with(folder));
        let is_path = source.tokens_are(index + 1, &[":", ":"]);
        let is_test = source.is_test_at(token.at) && library.name != "heed";
        if is_path && !inside && !is_test {
            let what = format!("names {}: {}", library.name, library.why);
            findings.push(Finding::new(&CONFINED_LIBRARY, &source.path, source.line_of(token.at), what));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, text: &str) -> Vec<&'static str> {
        let package = path.split("/src").next().unwrap();
        let mut findings = Vec::new();
        check(&Source::new(path, package, text.to_owned()), &mut findings);
        findings.iter().map(|finding| finding.rule.name).collect()
    }

    #[test]
    fn siblings_are_found_in_paths_and_groups() {
        assert_eq!(rules("crates/proto/src/imap/lex.rs", "use crate::smtp::X;"), ["sibling-import"]);
        assert_eq!(
            rules("crates/proto/src/imap.rs", "use crate::{line::A, smtp::{B, imap}};"),
            ["sibling-import"]
        );
        assert_eq!(rules("crates/sessions/src/imap/a.rs", "use koi_proto::smtp;"), ["sibling-import"]);
        assert_eq!(rules("crates/proto/src/imap/lex.rs", "use crate::{imap::A, line};"), [""; 0]);
        assert_eq!(rules("crates/proto/src/line.rs", "use crate::smtp::X;"), [""; 0]);
    }

    #[test]
    fn libraries_stay_behind_their_adapter() {
        assert_eq!(rules("crates/store/src/txn.rs", "use heed::Env;"), ["confined-library"]);
        assert_eq!(rules("crates/store/src/engine/lmdb.rs", "use heed::Env;"), [""; 0]);
        assert_eq!(rules("crates/koi/src/main.rs", "#[tokio::main] fn main() {}"), ["confined-library"]);
        assert_eq!(rules("crates/server/src/listen.rs", "use tokio::net;"), [""; 0]);
    }
}
