//! What one guess at a stolen password costs on this machine: `cargo xtask guess`. The figures in
//! docs/LOGIN.md are from here.
//!
//! Counted is processor time, not time on the clock, so that other work on the machine matters little; one
//! core at a time. What stands beside a number in docs/LOGIN.md and is not printed here is an estimate.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a tool that speaks to a person at a terminal")]

use std::time::Duration;

use koi_server::password::app;
use koi_server::password::verifier::{Cost, ScramVerifier, check, make};
use koi_types::AccountId;

/// Processor time spent on each line.
const MEASURED: Duration = Duration::from_secs(2);

fn main() {
    println!("one core of: {}", processor());
    for memory_kib in [19_456, 65_536] {
        let cost = Cost { memory_kib, passes: 2 };
        let mut memory = Vec::new();
        let verifier = make(cost, b"a password", &mut memory).unwrap();
        let name = format!("Argon2id, {memory_kib} KiB, 2 passes");
        line(&name, &mut || assert!(!check(&verifier, b"a guess", &mut memory).unwrap()));
    }
    for iterations in [65_536, 100_000] {
        let name = format!("SCRAM keys, PBKDF2-HMAC-SHA-256, {iterations} iterations");
        line(&name, &mut || {
            std::hint::black_box(ScramVerifier::make("a guess", [1; 16], iterations));
        });
    }
    let made = app::generate();
    line("app password, BLAKE3", &mut || {
        std::hint::black_box(app::hash(AccountId(1), made.as_bytes()));
    });
}

fn line(name: &str, guess: &mut dyn FnMut()) {
    let began = processor_time();
    let mut guesses = 0u32;
    while processor_time() - began < MEASURED {
        // Reading the time costs as much as many of the quick ones.
        for _ in 0..if guesses > 1000 { 1000 } else { 1 } {
            guess();
            guesses += 1;
        }
    }
    let secs = (processor_time() - began).as_secs_f64();
    let each = secs / f64::from(guesses);
    println!("{name}: {:.1} guesses a second, {:.3} ms each", 1.0 / each, each * 1000.0);
}

/// Of this thread: the first number of `schedstat` is nanoseconds on a processor.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split_whitespace().next().unwrap().parse().unwrap())
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let named = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    named.map_or("a processor without a name", |(_, name)| name.trim()).to_owned()
}
