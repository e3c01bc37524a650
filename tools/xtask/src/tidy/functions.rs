//! The length of functions: from the line of `fn` to its closing brace, production code only.

use super::finding::{Finding, Rule};
use super::source::{Source, item_end};

const LINES_MAX: usize = 70;

const LONG: Rule = Rule {
    name: "function-length",
    why: "the length of functions is the best single predictor of whether code is pleasant to read",
    fix: "keep the branching in the parent and move straight-line work to leaves; one that must be long (a \
          table, a match of many short arms) says `// tidy-long: why` directly above",
};

pub(crate) fn check(source: &Source, findings: &mut Vec<Finding>) {
    for function in functions(source) {
        if function.lines > LINES_MAX && !source.has_reason(function.line, "tidy-long:") {
            let what = format!("fn {} has {} lines (limit {LINES_MAX})", function.name, function.lines);
            findings.push(Finding::new(&LONG, &source.path, function.line, what));
        }
    }
}

struct Function<'a> {
    name: &'a str,
    line: usize,
    lines: usize,
}

fn functions(source: &Source) -> Vec<Function<'_>> {
    let mut found = Vec::new();
    for (index, token) in source.tokens.iter().enumerate() {
        let name = source.token(index + 1);
        let is_named = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
        if token.text != "fn" || !is_named || source.is_test_at(token.at) {
            continue;
        }
        let line = source.line_of(token.at);
        let end = source.line_of(item_end(&source.tokens, index).saturating_sub(1));
        found.push(Function { name, line, lines: end - line + 1 });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(text: &str) -> Vec<(String, usize)> {
        let source = Source::new("a.rs", "crates/a", text.to_owned());
        functions(&source).iter().map(|f| (f.name.to_owned(), f.lines)).collect()
    }

    #[test]
    fn braces_in_strings_types_and_comments_do_not_count() {
        let text = "fn a(x: [u8; { 3 }]) -> u8\nwhere\n    T: Fn(u8),\n{\n    \"}\"; // }\n    '}'\n}\n\
            fn b();\nfn c() { 1 }";
        assert_eq!(lengths(text), [("a".to_owned(), 7), ("b".to_owned(), 1), ("c".to_owned(), 1)]);
    }

    #[test]
    fn pointers_and_tests_are_not_functions() {
        assert!(lengths("type F = fn(u8) -> u8;\n#[cfg(test)]\nmod t {\nfn a() {\n}\n}").is_empty());
    }

    #[test]
    fn a_long_one_is_refused_unless_it_says_why() {
        let body = "    let x = 1;\n".repeat(70);
        for (above, expected) in [("", 1), ("// tidy-long: one table\n", 0), ("// tidy-long:\n", 1)] {
            let source = Source::new("a.rs", "crates/a", format!("{above}fn a() {{\n{body}}}\n"));
            let mut findings = Vec::new();
            check(&source, &mut findings);
            assert_eq!(findings.len(), expected, "{above:?}");
        }
    }
}
