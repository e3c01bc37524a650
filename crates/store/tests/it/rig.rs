//! What the scenarios share: small engines, keys, and reading everything back.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use koi_store::body::BodyRef;
use koi_store::engine::{CompactorOptions, Embedded, Options};
use koi_store::kv::{Commits, Kv, Read, View};
use koi_types::{BlobId, CommitNotice};
use parking_lot::Mutex;

/// Remembers notices.
#[derive(Default)]
pub(crate) struct Heard(pub(crate) Mutex<Vec<CommitNotice>>);

impl Commits for Heard {
    fn committed(&self, notices: &[CommitNotice]) {
        self.0.lock().extend_from_slice(notices);
    }
}

pub(crate) fn heard() -> Arc<Heard> {
    Arc::default()
}

/// Small segments, and nothing moves in the background unless the test asks for it.
pub(crate) fn small() -> Options {
    Options {
        segment_octets: 256 * 1024,
        fill_ahead_octets: 64 * 1024,
        apply_millis: 3_600_000,
        apply_part_rows: 16,
        map_octets: 256 * 1024 * 1024,
        reserve_octets: 64 * 1024,
        packing_octets: 0,
        // The rows of `key`.
        mostly_new: b"T",
        vain_lookups_max: 1,
        compactor: CompactorOptions { enabled: false, ..CompactorOptions::default() },
        ..Options::default()
    }
}

pub(crate) fn open(folder: &Path, options: Options) -> Embedded {
    Embedded::open(folder, options, heard()).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn key(account: u8, rest: &str) -> Vec<u8> {
    [&[0, 0, 0, account, b'T'], rest.as_bytes()].concat()
}

pub(crate) type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// All rows of an account.
pub(crate) fn account_rows(read: &dyn Read, account: u32) -> Rows {
    let mut rows = Rows::new();
    let from = account.to_be_bytes();
    let end = [from.as_slice(), &[0xff; 8]].concat();
    read.scan(&from, &end, &mut |key, value| {
        rows.insert(key.to_vec(), value.to_vec());
        ControlFlow::Continue(())
    })
    .unwrap();
    rows
}

/// Rows of the accounts 0 to 9.
pub(crate) fn all_rows(kv: &dyn Kv) -> Rows {
    rows_in(&*kv.view().unwrap())
}

pub(crate) fn rows_in(view: &dyn View) -> Rows {
    (0..10).flat_map(|account| account_rows(view, account)).collect()
}

/// A small generator of numbers; the same for the same seed everywhere.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}

/// Octets that nothing makes smaller, others for each `n`.
pub(crate) fn noise(n: u64, octets: usize) -> Vec<u8> {
    let mut dice = Dice::new(n + 1);
    std::iter::repeat_with(|| dice.next().to_le_bytes()).flatten().take(octets).collect()
}

/// Fewer rounds when somebody is in a hurry.
pub(crate) fn rounds(full: u64, quick: u64) -> u64 {
    if std::env::var_os("KOI_QUICK").is_some() { quick } else { full }
}

/// A row of the table of bodies, read by its description in docs/STORE.md.
pub(crate) struct BodyRow {
    pub(crate) body: BodyRef,
    pub(crate) references: u64,
}

impl BodyRow {
    pub(crate) fn of(key: &[u8], value: &[u8]) -> Self {
        let small = |at: usize| u32::from_le_bytes(value[at..at + 4].try_into().unwrap());
        let wide = |at: usize| u64::from_le_bytes(value[at..at + 8].try_into().unwrap());
        let blob = BlobId(key[9..].try_into().unwrap());
        let (segment, offset, octets, references) = match (value[0], value.len()) {
            (1, 30) => (small(2), wide(6), wide(14), wide(22)),
            (2, 17) => (small(1), small(5).into(), small(9).into(), small(13).into()),
            other => panic!("{other:?}"),
        };
        Self { body: BodyRef { blob, segment, offset, octets }, references }
    }
}
