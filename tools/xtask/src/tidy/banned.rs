//! Words that must not be in sources: unfinished work, sleeping tests, names that say nothing, stray unsafe.

use super::finding::{Finding, Rule};
use super::source::Source;

const UNFINISHED: Rule = Rule {
    name: "unfinished",
    why: "what is merged is whole; a note to oneself in the code is read by nobody",
    fix: "finish it, or open an issue and say in docs/STATUS.md what is missing",
};

const IGNORED: Rule = Rule {
    name: "ignored-test",
    why: "a test that does not run proves nothing and is believed anyway",
    fix: "make it run, reduce it with KOI_QUICK, or delete it",
};

const SLEEP: Rule = Rule {
    name: "sleep",
    why: "a test that sleeps is slow on a good day and fails on a bad one",
    fix: "use the fake clock, or wait for the event itself with a deadline; where a process offers no \
          event, `// tidy-allow(sleep): why` directly above",
};

const NAMES: Rule = Rule {
    name: "name",
    why: "`get_` says nothing in Rust; Manager, Helper and Util are where things go that have no name yet",
    fix: "name it by what it is, in the words of the standard",
};

const UNSAFE: Rule = Rule {
    name: "unsafe",
    why: "unsafe is needed where LMDB is used and for one system call, with its safety argument beside it",
    fix: "do it without; or, in the store's engine or vfs, with `// SAFETY:` and `#[allow(unsafe_code)]`",
};

const UNSAFE_IN: &[&str] = &["crates/store/src/engine", "crates/store/src/vfs/real.rs"];

pub(crate) fn check(source: &Source, findings: &mut Vec<Finding>) {
    unfinished_notes(source, findings);
    for (index, token) in source.tokens.iter().enumerate() {
        let line = source.line_of(token.at);
        let mut find = |rule, what: String| findings.push(Finding::new(rule, &source.path, line, what));
        let is = |wanted: &[&str]| source.tokens_are(index, wanted);
        let text = token.text.as_str();
        if matches!(text, "todo" | "unimplemented" | "dbg") && is(&[text, "!"]) {
            find(&UNFINISHED, format!("{text}!"));
        }
        if is(&["#", "[", "ignore"]) {
            find(&IGNORED, "#[ignore]".to_owned());
        }
        if text == "sleep" && is_sleep(source, index) && !source.has_reason(line, "tidy-allow(sleep):") {
            find(&SLEEP, "sleeps to wait".to_owned());
        }
        if let Some(what) = bad_name(text, source.token(index + 1)) {
            find(&NAMES, what);
        }
        if text == "unsafe" && !UNSAFE_IN.iter().any(|place| source.path.starts_with(place)) {
            find(&UNSAFE, "unsafe".to_owned());
        }
    }
}

/// `thread::sleep(` or `time::sleep(` (or imported, `sleep(`) in a test, or anywhere in the test kit.
fn is_sleep(source: &Source, index: usize) -> bool {
    let in_test = source.tokens.get(index).is_some_and(|token| source.is_test_at(token.at));
    let called = source.token(index + 1) == "(";
    let declared = index.checked_sub(1).is_some_and(|before| source.token(before) == "fn");
    called && !declared && (in_test || source.path.starts_with("tools/testkit/"))
}

fn bad_name(text: &str, next: &str) -> Option<String> {
    match text {
        "fn" if next.starts_with("get_") => Some(format!("fn {next}")),
        "struct" | "enum" | "trait"
            if ["Manager", "Helper", "Util", "Utils"].iter().any(|end| next.ends_with(end)) =>
        {
            Some(format!("{text} {next}"))
        }
        "mod" if matches!(next, "common" | "helper" | "helpers" | "util" | "utils" | "misc") => {
            Some(format!("mod {next}"))
        }
        _ => None,
    }
}

fn unfinished_notes(source: &Source, findings: &mut Vec<Finding>) {
    for (index, line) in source.comments.lines().enumerate() {
        let words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for word in words.filter(|word| NOTES.contains(word)) {
            findings.push(Finding::new(&UNFINISHED, &source.path, index + 1, word));
        }
    }
}

/// Split so that this file does not find itself.
const NOTES: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME")];

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, text: &str) -> Vec<&'static str> {
        let mut findings = Vec::new();
        check(&Source::new(path, "crates/a", text.to_owned()), &mut findings);
        findings.iter().map(|finding| finding.rule.name).collect()
    }

    #[test]
    fn finds_each_and_only_in_code() {
        assert_eq!(rules("crates/a/src/a.rs", "fn a() { todo!() }"), ["unfinished"]);
        assert_eq!(rules("crates/a/src/a.rs", "// to do: \"todo!()\"\nfn a() { \"todo!()\"; }"), [""; 0]);
        assert_eq!(rules("crates/a/src/a.rs", &format!("// {} later", concat!("FIX", "ME"))), ["unfinished"]);
        assert_eq!(rules("crates/a/src/a.rs", "#[test]\n#[ignore]\nfn a() {}"), ["ignored-test"]);
        assert_eq!(rules("crates/a/src/a.rs", "fn get_x() {}\nstruct XManager;\nmod util {}"), ["name"; 3]);
        assert_eq!(rules("crates/a/src/a.rs", "fn widget() {} fn get() {}"), [""; 0]);
        assert_eq!(rules("crates/a/src/a.rs", "fn a() { unsafe { b() } }"), ["unsafe"]);
        assert_eq!(rules("crates/store/src/engine/lmdb.rs", "fn a() { unsafe { b() } }"), [""; 0]);
        assert_eq!(rules("crates/store/src/vfs/counted.rs", "fn a() { unsafe { b() } }"), ["unsafe"]);
    }

    #[test]
    fn only_tests_must_not_sleep() {
        let test = "#[test]\nfn a() { thread::sleep(x); }";
        assert_eq!(rules("crates/a/src/a.rs", test), ["sleep"]);
        let reason =
            "#[test]\nfn a() {\n// tidy-allow(sleep): the process offers no event\nthread::sleep(x); }";
        assert_eq!(rules("crates/a/src/a.rs", reason), [""; 0]);
        assert_eq!(rules("crates/a/src/a.rs", "fn a() { thread::sleep(x); }"), [""; 0]);
        assert_eq!(rules("tools/testkit/src/a.rs", "fn a() { sleep(x); } fn sleep() {}"), ["sleep"]);
    }
}
