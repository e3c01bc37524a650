//! Licences of every package in the graph: the SPDX expression must be satisfiable with permissive ones.
//!
//! Understands `OR`, `AND`, `WITH`, parentheses and the old `A/B` (SPDX specification 2.3, annex D).

use super::allowed::LICENCES;
use super::finding::{Finding, Rule};
use super::metadata::Metadata;

const LICENCE: Rule = Rule {
    name: "licence",
    why: "Koi is given away as MIT OR Apache-2.0; a dependency must not add conditions to that",
    fix: "use another crate; a permissive licence that is merely unknown goes into xtask/src/tidy/allowed.rs",
};

pub(crate) fn check(metadata: &Metadata, findings: &mut Vec<Finding>) {
    for package in &metadata.packages {
        if !is_allowed(&package.licence) {
            let shown = if package.licence.is_empty() { "no licence" } else { &package.licence };
            let what = format!("{} {}: {shown}", package.name, package.version);
            findings.push(Finding::new(&LICENCE, "Cargo.lock", 0, what));
        }
    }
}

fn is_allowed(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { words, at: 0 };
    parser.either() && parser.at == parser.words.len()
}

/// Recursive descent that evaluates as it reads.
struct Parser<'a> {
    words: Vec<&'a str>,
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> &'a str {
        self.words.get(self.at).copied().unwrap_or("")
    }

    fn take(&mut self, word: &str) -> bool {
        let is_next = self.peek() == word;
        self.at += usize::from(is_next);
        is_next
    }

    /// `both *( "OR" both )`
    fn either(&mut self) -> bool {
        let mut good = self.both();
        while self.take("OR") {
            good |= self.both();
        }
        good
    }

    /// `single *( "AND" single )`
    fn both(&mut self) -> bool {
        let mut good = self.single();
        while self.take("AND") {
            good &= self.single();
        }
        good
    }

    /// `"(" either ")"` or `licence [ "WITH" exception ]`
    fn single(&mut self) -> bool {
        if self.take("(") {
            let good = self.either();
            return self.take(")") && good;
        }
        let mut name = self.peek().to_owned();
        self.at += usize::from(!name.is_empty());
        if self.take("WITH") {
            name = format!("{name} WITH {}", self.peek());
            self.at += 1;
        }
        LICENCES.contains(&name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_evaluated() {
        for good in [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "Apache-2.0 WITH LLVM-exception OR Apache-2.0",
            "ISC AND (Apache-2.0 OR GPL-2.0) AND MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
        ] {
            assert!(is_allowed(good), "{good}");
        }
        for bad in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "MPL-2.0",
            "(MIT",
            "MIT MIT",
            "Apache-2.0 WITH Foo",
            "MIT AND",
            "OR",
        ] {
            assert!(!is_allowed(bad), "{bad}");
        }
    }
}
