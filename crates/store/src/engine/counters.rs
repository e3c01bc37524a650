//! What the engine counts for `koi status` and the benchmark.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Upper bounds of the histogram's steps, in microseconds; the last step has none.
pub const LATENCY_STEPS_MICROS: [u64; 15] =
    [50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200, 102_400, 204_800, 409_600, 819_200];

/// How often a duration fell into each step.
#[derive(Default, Debug)]
pub(crate) struct Latency([AtomicU64; LATENCY_STEPS_MICROS.len() + 1]);

impl Latency {
    pub(crate) fn record(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let step = LATENCY_STEPS_MICROS.partition_point(|bound| *bound < micros);
        if let Some(count) = self.0.get(step) {
            count.fetch_add(1, Relaxed);
        }
    }
    fn read(&self) -> [u64; LATENCY_STEPS_MICROS.len() + 1] {
        std::array::from_fn(|step| self.0.get(step).map_or(0, |count| count.load(Relaxed)))
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Live counts.
        #[derive(Default, Debug)]
        pub(crate) struct Live {
            $(pub(crate) $name: AtomicU64,)*
            pub(crate) commit_flush: Latency,
        }
        /// Totals since the store was opened, and a few states.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
            /// Time of the flush of a group; steps as in `LATENCY_STEPS_MICROS`.
            pub commit_flush_micros: [u64; LATENCY_STEPS_MICROS.len() + 1],
            /// Flushes through the file layer by threads somebody waits for: groups, segments, large bodies.
            pub flushes: u64,
            /// Those of the engine's own threads: zeros and segments ahead of need, packs. (The index
            /// library's flushes, two for each round, are in neither.)
            pub background_flushes: u64,
            /// All octets written through the file layer (the index library's own writes are not in it).
            pub octets_written: u64,
            /// Rows not yet in the index.
            pub overlay_rows: u64,
            pub overlay_octets: u64,
            /// Of the last durable group.
            pub sequence: u64,
        }
        impl Live {
            pub(crate) fn read(&self) -> Counters {
                Counters {
                    $($name: self.$name.load(Relaxed),)*
                    commit_flush_micros: self.commit_flush.read(),
                    ..Counters::default()
                }
            }
        }
    };
}

counters! {
    /// Groups written, each with exactly one flush.
    groups,
    /// Transactions that were acknowledged with a group.
    transactions,
    /// Transactions that returned an error.
    transactions_refused,
    /// Octets of groups.
    group_octets,
    /// Groups that failed because the disk was full or broken.
    group_failures,
    /// Octets of bodies too large for a group.
    staged_octets,
    /// Times the index was written.
    applier_rounds,
    /// Rows it wrote.
    applier_rows,
    applier_failures,
    /// Times commits had to wait for the index.
    held_commits,
    /// Microseconds they waited.
    held_micros,
    /// Segments rewritten or removed.
    compacted_segments,
    /// Octets given back.
    compacted_octets,
    /// Times the index was copied without its free pages.
    compacted_indexes,
    /// Keys that transactions looked for in vain, and were told so from memory.
    vain_lookups_spared,
}

pub(crate) fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Relaxed);
}
