//! The output of `cargo test` as it comes: one line on the screen per test program, all of it in a file, and
//! of a program that fails what it said about its failures.
//!
//! Must not: hide what is outside a test program (the compiler's errors), or keep more than it can show.

use super::Tally;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

/// The most lines kept of one program; what its failures are comes last.
const KEPT: usize = 20_000;
/// The most lines shown of one program that failed.
const SHOWN: usize = 150;

/// A test program that runs.
struct Program {
    name: String,
    lines: Vec<String>,
    began: Instant,
}

/// Reads lines; [`Watch::end`] hands over what they amount to.
pub(super) struct Watch {
    tally: Tally,
    kept: File,
    path: PathBuf,
    program: Option<Program>,
    /// Whether every line is shown as it comes.
    live: bool,
}

impl Watch {
    /// `kept` takes everything; `path` is its name, for the reader.
    pub(super) fn new(kept: File, path: PathBuf, live: bool) -> Watch {
        Watch { tally: Tally::default(), kept, path, program: None, live }
    }

    pub(super) fn line(&mut self, line: &str) {
        // A full disk must not end the tests: the exit code is still wanted.
        let _ = writeln!(self.kept, "{line}");
        self.tally.line(line);
        if let Some(name) = named(line) {
            self.unfinished();
            self.program = Some(Program { name, lines: Vec::new(), began: Instant::now() });
        } else if let Some(result) = line.strip_prefix("test result: ") {
            self.result(result);
        } else if let Some(program) = &mut self.program {
            if self.live || line.contains(" has been running for over ") {
                println!("  {}: {line}", program.name);
            }
            if program.lines.len() == KEPT {
                program.lines.drain(..KEPT / 2);
            }
            program.lines.push(line.to_owned());
        } else if !line.is_empty() {
            println!("{line}");
        }
    }

    /// The command ended.
    pub(super) fn end(mut self, well: bool) -> Tally {
        self.unfinished();
        if !well {
            self.tally.ended_badly();
        }
        self.tally
    }

    fn result(&mut self, result: &str) {
        let Some(program) = self.program.take() else { return };
        let took = program.began.elapsed().as_secs_f64();
        let (verdict, counts) = result.split_once(". ").unwrap_or((result, ""));
        let passed = counts.split(';').next().unwrap_or_default();
        if verdict == "ok" {
            // A program without tests is no news.
            if passed != "0 passed" {
                println!("{took:>7.1} s  {passed:>11}  {}", program.name);
            }
            return;
        }
        println!("{took:>7.1} s       FAILED  {}", program.name);
        // What passing tests printed comes before, under `successes:`.
        let from = program.lines.iter().position(|line| line == "failures:").unwrap_or_default();
        self.failed(&program, from, result);
    }

    /// The program under way, if any, ended without a result: killed, crashed, or by `exit`.
    fn unfinished(&mut self) {
        let Some(program) = self.program.take() else { return };
        println!("  ended without a result: {}", program.name);
        let from = program.lines.len().saturating_sub(SHOWN);
        self.failed(&program, from, "it ended without a result");
    }

    fn failed(&mut self, program: &Program, from: usize, result: &str) {
        let mut text = format!("--- failed: {}", program.name);
        let lines = program.lines.get(from..).unwrap_or_default();
        for line in lines.iter().take(SHOWN) {
            text.push('\n');
            text.push_str(line);
        }
        if lines.len() > SHOWN {
            text.push_str(&format!("\n[{} more lines are in {}]", lines.len() - SHOWN, self.path.display()));
        }
        text.push('\n');
        text.push_str(result);
        self.tally.failure(text);
    }
}

/// The name of the program that a line of cargo announces: `koi-chat src/lib.rs`.
fn named(line: &str) -> Option<String> {
    if let Some(name) = line.strip_prefix("   Doc-tests ") {
        return Some(format!("{name} examples"));
    }
    let rest = line.strip_prefix("     Running ")?;
    let (source, path) = rest.split_once(" (")?;
    let file = path.rsplit('/').next()?.trim_end_matches(')');
    let name = file.rsplit_once('-').map_or(file, |(name, _)| name);
    Some(format!("{name} ({})", source.trim_start_matches("unittests ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A path of this call's own: tests run beside each other.
    fn unused(name: &str) -> PathBuf {
        static CALLS: AtomicU32 = AtomicU32::new(0);
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        std::env::temp_dir().join(format!("{name}-{}-{call}", std::process::id()))
    }

    fn watched(text: &str, well: bool) -> (Tally, String) {
        let path = unused("koi-watch");
        let mut watch = Watch::new(File::create(&path).expect("a temporary file"), path.clone(), false);
        text.lines().for_each(|line| watch.line(line));
        let tally = watch.end(well);
        let kept = fs::read_to_string(&path).expect("the kept output");
        fs::remove_file(&path).expect("its removal");
        (tally, kept)
    }

    fn failures(tally: &Tally) -> String {
        let path = unused("koi-failures");
        tally.keep_failures(&path).expect("a temporary file");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(&path);
        text
    }

    #[test]
    fn of_a_failing_program_only_its_failures_are_shown() {
        let text = "     Running tests/it/main.rs (target/debug/deps/it-ba0ffb16d7313e62)\n\
                    running 2 tests\ntest a ... ok\ntest b ... FAILED\nsuccesses:\n\
                    ---- a stdout ----\nnoise\n\
                    failures:\n---- b stdout ----\nb is wrong\nfailures:\n    b\n\
                    test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n";
        let (tally, kept) = watched(text, false);
        assert!(tally.is_bad());
        let shown = failures(&tally);
        assert!(
            shown.starts_with("--- failed: it (tests/it/main.rs)\nfailures:\n---- b stdout ----\n"),
            "{shown}"
        );
        assert!(!shown.contains("noise"), "{shown}");
        assert!(kept.contains("noise"));
    }

    #[test]
    fn a_program_that_is_killed_is_a_failure() {
        let text = "     Running unittests src/lib.rs (target/debug/deps/koi_chat-ae54c7f2103368ba)\n\
                    running 1 test\n     Running unittests src/lib.rs (target/debug/deps/koi_dav-00)\n\
                    test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";
        let (tally, _) = watched(text, true);
        assert!(tally.is_bad());
        assert!(
            failures(&tally).contains("koi_chat (src/lib.rs)\nrunning 1 test\nit ended without a result")
        );
    }

    #[test]
    fn good_programs_leave_nothing() {
        let text = "   Doc-tests koi_types\nrunning 1 test\n\
                    test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";
        let (tally, _) = watched(text, true);
        assert!(!tally.is_bad());
        assert_eq!(failures(&tally), "");
        assert!(tally.verdict().is_ok());
    }
}
