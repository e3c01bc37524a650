//! The shape of a file: header, length, width, and whether anything reaches it.

use super::finding::{Finding, Rule};
use super::source::Source;

const LINES_ASK: usize = 500;
const LINES_MAX: usize = 800;
const COLUMNS_MAX: usize = 110;

const HEADER: Rule = Rule {
    name: "file-header",
    why: "a newcomer reads first what a file is, which spec it follows and what it must not do",
    fix: "begin the file with a `//!` line that says so",
};

const LENGTH: Rule = Rule {
    name: "file-length",
    why: "a file is read as a whole; over 800 lines nobody does, and unrelated things gather in it",
    fix: "split it by what changes together (one command, one record, one object per file); a table that is \
          all data says `// tidy-allow(file-length): why` in its first lines",
};

const WIDTH: Rule = Rule {
    name: "line-width",
    why: "two files fit side by side at 110 columns",
    fix: "break the line; rustfmt does not break strings and comments by itself",
};

const DEAD: Rule = Rule {
    name: "dead-file",
    why: "a file that no `mod` reaches is not compiled, so it rots and misleads",
    fix: "declare it with `mod`, or delete it",
};

pub(crate) fn check(source: &Source, findings: &mut Vec<Finding>) {
    let path = &source.path;
    if !source.text.starts_with("//! ") {
        findings.push(Finding::new(&HEADER, path, 1, "does not begin with `//! `"));
    }
    let lines = source.text.lines().count();
    if lines > LINES_MAX && !is_exempt(source) {
        findings.push(Finding::new(&LENGTH, path, 0, format!("{lines} lines (limit {LINES_MAX})")));
    }
    check_width(source, findings);
    if !source.is_reachable && !source.package.is_empty() {
        findings.push(Finding::new(&DEAD, path, 0, "no `mod` reaches this file"));
    }
}

/// Quoted grammar in a fence of a comment, and known answers in the strings of tests, stay as they are.
fn check_width(source: &Source, findings: &mut Vec<Finding>) {
    let mut in_fence = false;
    let mut start = 0;
    for (index, line) in source.text.lines().enumerate() {
        let is_comment = line.trim_start().starts_with("//");
        in_fence = is_comment && in_fence != line.contains("```");
        let columns = line.chars().count();
        let is_answer = line.contains('"') && source.is_test_at(start);
        start += line.len() + 1;
        let is_long = columns > COLUMNS_MAX && !in_fence && !is_answer;
        if is_long && !source.has_reason(index + 1, "tidy-allow(line-width):") {
            let what = format!("{columns} columns (limit {COLUMNS_MAX})");
            findings.push(Finding::new(&WIDTH, &source.path, index + 1, what));
        }
    }
}

fn is_exempt(source: &Source) -> bool {
    (1..=20).any(|line| source.has_reason(line, "tidy-allow(file-length):"))
}

/// Files to look at again: long, but not yet refused.
pub(crate) fn warn(sources: &[Source]) {
    for source in sources {
        let lines = source.text.lines().count();
        if lines > LINES_ASK && lines <= LINES_MAX {
            println!("warning: {} has {lines} lines; look at it again (aim at 300)", source.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(text: &str) -> usize {
        let mut findings = Vec::new();
        check_width(&Source::new("crates/a/src/a.rs", "crates/a", text.to_owned()), &mut findings);
        findings.len()
    }

    #[test]
    fn width_is_checked_but_not_of_quotations() {
        let long = "x".repeat(120);
        assert_eq!(wide(&format!("// {long}\n")), 1);
        assert_eq!(wide(&format!("let a = \"{long}\";\n")), 1);
        assert_eq!(wide(&format!("/// ```text\n/// {long}\n/// ```\n/// {long}\n")), 1);
        assert_eq!(wide(&format!("#[test]\nfn a() {{\n\"{long}\";\n}}\n")), 0);
    }
}
