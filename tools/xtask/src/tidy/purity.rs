//! No I/O, no clock, no threads, no chance and no `async` in the pure crates.

use super::allowed::PURE;
use super::finding::{Finding, Rule};
use super::source::Source;

const IMPURE: Rule = Rule {
    name: "purity",
    why: "what takes time and bytes as arguments can be replayed and fuzzed in microseconds (invariant I1)",
    fix: "take the time, the random octets or the input as an argument; addresses are in core::net",
};

/// Token sequences, with what they bring in.
const FORBIDDEN: &[(&[&str], &str)] = &[
    (&["std", ":", ":", "fs"], "files"),
    (&["std", ":", ":", "net"], "sockets"),
    (&["std", ":", ":", "os"], "the operating system"),
    (&["std", ":", ":", "thread"], "threads"),
    (&["std", ":", ":", "process"], "processes"),
    (&["std", ":", ":", "env"], "the environment"),
    (&["thread", ":", ":", "spawn"], "threads"),
    (&["Instant", ":", ":", "now"], "the clock"),
    (&["SystemTime"], "the clock"),
    (&["UNIX_EPOCH"], "the clock"),
    (&["async"], "async"),
    (&[".", "await"], "async"),
    (&["tokio"], "the runtime"),
    (&["rustix"], "the operating system"),
    (&["getrandom"], "chance"),
    (&["rand", ":", ":"], "chance"),
    (&["RandomState"], "chance"),
];

pub(crate) fn check(source: &Source, findings: &mut Vec<Finding>) {
    let is_pure = PURE.contains(&source.package.as_str()) && source.path.contains("/src/");
    if !is_pure || source.is_test {
        return;
    }
    for (index, token) in source.tokens.iter().enumerate() {
        let hit = FORBIDDEN.iter().find(|(words, _)| source.tokens_are(index, words));
        if let Some((words, brings)) = hit
            && !source.is_test_at(token.at)
        {
            let what = format!("`{}` brings in {brings}", words.concat());
            findings.push(Finding::new(&IMPURE, &source.path, source.line_of(token.at), what));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(package: &str, text: &str) -> usize {
        let mut findings = Vec::new();
        check(&Source::new(&format!("{package}/src/a.rs"), package, text.to_owned()), &mut findings);
        findings.len()
    }

    #[test]
    fn only_in_code_of_pure_crates() {
        assert_eq!(count("crates/proto", "use std::fs;\nfn a() { Instant::now(); }"), 2);
        assert_eq!(count("crates/proto", "// std::fs\nfn a() { \"std::fs\"; }"), 0);
        assert_eq!(count("crates/proto", "#[cfg(test)]\nmod t { use std::fs; }"), 0);
        assert_eq!(count("crates/proto", "use std::time::Duration; struct Async;"), 0);
        assert_eq!(count("crates/server", "use std::fs;"), 0);
    }
}
