//! Fuzz bodies, one file each, and the small fuzzer that runs them under the stable toolchain in the suite.
//!
//! A body takes any octets and asserts what must hold for all of them. `fuzz/` runs the same bodies under
//! libFuzzer (nightly). A body must be deterministic, and must not write anywhere.

pub mod compressed_session;
pub mod dime_armor;
pub mod dime_dmtp;
pub mod dime_field;
pub mod dime_message;
pub mod dmap;
pub mod dmap_client;
pub mod dmap_session;
pub mod dmtp_session;
pub mod header_forms;
pub mod imap;
pub mod index_rows;
pub mod jmap_exchange;
pub mod jmap_header;
pub mod jmap_legacy;
pub mod jmap_patch;
pub mod jmap_pointer;
pub mod jmap_request;
pub mod mail_build;
pub mod mime;
pub mod push_payload;
pub mod push_subscription;
pub mod sasl;
pub mod session;
pub mod smtp;
pub mod smtp_session;

mod mutate;

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mutate::{Mutator, Random};

/// Rounds between two looks at the clock.
const ROUNDS_PER_LOOK: u64 = 64;
/// How much of an input that failed is shown.
const SHOWN_OCTETS_MAX: usize = 4_000;

/// A fuzz body with what its inputs are made from.
pub struct Target {
    pub name: &'static str,
    pub body: fn(&[u8]),
    /// Whole inputs to begin with.
    pub seeds: Vec<Vec<u8>>,
    /// Words that inputs of this kind are full of.
    pub words: &'static [&'static [u8]],
}

impl Target {
    /// Runs the body for `KOI_FUZZ_SECS` seconds (1 unless set; 0: each seed and a few hundred mutations).
    ///
    /// # Panics
    /// When the body does; the input and the seed (`KOI_FUZZ_SEED` repeats it) are written to standard error.
    pub fn smoke(&self) {
        let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
        let time = Duration::from_secs(number("KOI_FUZZ_SECS").unwrap_or(1));
        let seed = number("KOI_FUZZ_SEED").unwrap_or_else(now_nanos);
        let began = Instant::now();
        for input in &self.seeds {
            self.run(input, seed);
        }
        let mut mutator = Mutator::new(Random::new(seed), &self.seeds, self.words);
        let mut rounds = 0u64;
        while rounds < 4 * ROUNDS_PER_LOOK
            || !rounds.is_multiple_of(ROUNDS_PER_LOOK)
            || began.elapsed() < time
        {
            self.run(mutator.next_input(), seed);
            rounds += 1;
        }
        let inputs = rounds + self.seeds.len() as u64;
        // Straight to standard error: libtest captures what macros print.
        let line = format!("suite: fuzz {}: {inputs} inputs in {} s\n", self.name, began.elapsed().as_secs());
        let _ = std::io::stderr().write_all(line.as_bytes());
    }

    fn run(&self, input: &[u8], seed: u64) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.body)(input))) {
            let shown = input.get(..SHOWN_OCTETS_MAX).unwrap_or(input).escape_ascii();
            let line =
                format!("fuzz {}: {} octets, KOI_FUZZ_SEED={seed}: b\"{shown}\"\n", self.name, input.len());
            let _ = std::io::stderr().write_all(line.as_bytes());
            resume_unwind(panic);
        }
    }
}

fn now_nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos() & u128::from(u64::MAX)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
