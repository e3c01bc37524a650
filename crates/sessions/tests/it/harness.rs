//! A test harness for tests that are found when they run: filter, threads, one line per failure.
//!
//! Understands what `cargo test` hands through: name filters, `--exact`, `--list`, `--skip`,
//! `--test-threads`; other flags of libtest are read and have no effect.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One test.
pub(crate) struct Test {
    pub(crate) name: String,
    pub(crate) run: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
}

struct Arguments {
    filters: Vec<String>,
    skip: Vec<String>,
    exact: bool,
    list: bool,
    threads: usize,
}

/// Runs the tests that the arguments ask for.
pub(crate) fn run(tests: Vec<Test>) -> ExitCode {
    let arguments = arguments();
    let wanted = |test: &Test| {
        let hits = |pattern: &String| match arguments.exact {
            true => test.name == *pattern,
            false => test.name.contains(pattern.as_str()),
        };
        (arguments.filters.is_empty() || arguments.filters.iter().any(hits))
            && !arguments.skip.iter().any(hits)
    };
    let total = tests.len();
    let tests: Vec<Test> = tests.into_iter().filter(wanted).collect();
    if arguments.list {
        tests.iter().for_each(|test| println!("{}: test", test.name));
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", tests.len());
    let failed = run_all(&tests, arguments.threads);
    for failure in &failed {
        println!("\n---- {}\n{}", failure.name, failure.error);
    }
    let result = if failed.is_empty() { "ok" } else { "FAILED" };
    let (passed, filtered) = (tests.len() - failed.len(), total - tests.len());
    println!(
        "\ntest result: {result}. {passed} passed; {} failed; 0 ignored; 0 measured; {filtered} filtered out",
        failed.len()
    );
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

struct Failure {
    name: String,
    error: String,
}

fn run_all(tests: &[Test], threads: usize) -> Vec<Failure> {
    let failed = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(test) = tests.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = catch_unwind(AssertUnwindSafe(|| (test.run)()));
                    let error = match result {
                        Ok(Ok(())) => continue,
                        Ok(Err(error)) => error,
                        Err(_) => "panicked, see above".to_owned(),
                    };
                    failed.lock().unwrap().push(Failure { name: test.name.clone(), error });
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort_by(|a, b| a.name.cmp(&b.name));
    failed
}

fn arguments() -> Arguments {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut parsed = Arguments { filters: Vec::new(), skip: Vec::new(), exact: false, list: false, threads };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let (flag, value) = match argument.split_once('=') {
            Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
            None => (argument.clone(), None),
        };
        match flag.as_str() {
            "--exact" => parsed.exact = true,
            "--list" => parsed.list = true,
            "--skip" => parsed.skip.extend(value.or_else(|| arguments.next())),
            "--test-threads" => {
                let number = value.or_else(|| arguments.next()).and_then(|n| n.parse().ok());
                parsed.threads = number.unwrap_or(threads).max(1);
            }
            "--format" | "--color" | "--logfile" | "-Z" => drop(value.or_else(|| arguments.next())),
            _ if flag.starts_with('-') => {}
            _ => parsed.filters.push(argument),
        }
    }
    parsed
}
