//! What the test programs reported, and the verdict over it.

use crate::failure::Failure;
use std::fs;
use std::path::Path;

/// Sums over test programs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    passed: usize,
    failed: usize,
    ignored: usize,
    /// Lines `suite: …` that tests wrote.
    told: Vec<String>,
    /// What programs with a failure said about it, each under a heading.
    failures: Vec<String>,
    /// The command itself ended badly: a test failed, or something did not compile or crashed.
    ended_badly: bool,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.told.extend(other.told);
        self.failures.extend(other.failures);
        self.ended_badly |= other.ended_badly;
    }

    /// Takes one line of output into account.
    pub(super) fn line(&mut self, line: &str) {
        if let Some((_, text)) = line.split_once("suite: ") {
            self.told.push(text.to_owned());
        }
        if !line.starts_with("test result: ") {
            return;
        }
        for part in line.split([';', '.']) {
            let mut words = part.split_whitespace();
            let count = words.next().and_then(|word| word.parse::<usize>().ok());
            match (count, words.next()) {
                (Some(count), Some("passed")) => self.passed += count,
                (Some(count), Some("failed")) => self.failed += count,
                (Some(count), Some("ignored")) => self.ignored += count,
                _ => {}
            }
        }
    }

    /// A program failed or did not end by itself; `text` is what to read of it.
    pub(super) fn failure(&mut self, text: String) {
        self.failures.push(text);
        self.ended_badly = true;
    }

    pub(super) fn ended_badly(&mut self) {
        self.ended_badly = true;
    }

    pub(super) fn is_bad(&self) -> bool {
        self.failed > 0 || self.ended_badly
    }

    pub(crate) fn print(&self) {
        println!("\n--- what the tests told");
        self.told.iter().for_each(|line| println!("  {line}"));
        println!("  {} tests passed, {} failed, {} ignored", self.passed, self.failed, self.ignored);
        self.failures.iter().for_each(|text| println!("\n{text}"));
    }

    /// Keeps what failing programs said in a file, so that `.ci/run` can show it again as the last thing.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn keep_failures(&self, path: &Path) -> Result<(), Failure> {
        if self.failures.is_empty() {
            return Ok(());
        }
        fs::write(path, self.failures.join("\n\n") + "\n")
            .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))
    }

    pub(crate) fn verdict(&self) -> Result<(), Failure> {
        if self.failed > 0 {
            return Err(Failure::new(format!("{} tests failed, above", self.failed)));
        }
        if self.ended_badly {
            return Err(Failure::new("a test program did not build or did not end by itself, above"));
        }
        if self.ignored > 0 {
            return Err(Failure::new(format!("{} ignored tests; they prove nothing", self.ignored)));
        }
        if self.passed == 0 {
            return Err(Failure::new("not one test ran"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_counted() {
        let text = "running 3 tests\nsuite: 5,321 crash points\n\
                    test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished\n\
                    test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n";
        let mut tally = Tally::default();
        text.lines().for_each(|line| tally.line(line));
        let told = vec!["5,321 crash points".to_owned()];
        assert_eq!(tally, Tally { passed: 4, failed: 2, ignored: 1, told, ..Tally::default() });
    }

    #[test]
    fn a_verdict_needs_tests_and_no_ignored_ones() {
        let good = Tally { passed: 1, ..Tally::default() };
        assert!(good.verdict().is_ok());
        assert!(Tally::default().verdict().is_err());
        assert!(Tally { passed: 1, ignored: 1, ..Tally::default() }.verdict().is_err());
        assert!(Tally { passed: 1, ended_badly: true, ..Tally::default() }.verdict().is_err());
    }
}
