//! A rule, and a place that breaks it.

/// A rule of the layout: its name, why we have it, how to satisfy it.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    pub(crate) why: &'static str,
    pub(crate) fix: &'static str,
}

/// One place that breaks a rule.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) rule: &'static Rule,
    /// Relative to the root of the checkout.
    pub(crate) path: String,
    /// Counted from 1; 0 when the whole file or package is meant.
    pub(crate) line: usize,
    pub(crate) what: String,
}

impl Finding {
    pub(crate) fn new(rule: &'static Rule, path: &str, line: usize, what: impl Into<String>) -> Finding {
        Finding { rule, path: path.to_owned(), line, what: what.into() }
    }
}
