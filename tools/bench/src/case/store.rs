//! The store by itself, filled with 150,000 messages, against a bare append + fdatasync log in the same
//! run: one delivery at a time, 64 producers, until a reader sees it, a million, flushes, octets written
//! to the device, and salvage without the index.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use koi_store::engine::LATENCY_STEPS_MICROS;
use koi_store::kv::Kv as _;

use super::{Bench, Group, millis};
use crate::device;
use crate::failure::{Outcome, fail};
use crate::net::pool::Pool;
use crate::plan::Plan;
use crate::sheet::{LIMIT, Mark, Row, Sheet, Unit, figure, quantile};
use crate::store::koi::{KoiStore, Listener};
use crate::store::load::{Load, Until, produce};
use crate::store::log::BareLog;

pub(super) const GROUP: Group = Group {
    name: "store",
    peer: "dovecot",
    rows: &[
        Row {
            name: "store-lone",
            what: "store: lone durable delivery of 4 KB, mean",
            unit: Unit::Millis,
            mark: Mark::Limit("1.2 x the bare log"),
        },
        Row {
            name: "store-64",
            what: "store: durable deliveries of 4 KB, 64 producers",
            unit: Unit::PerSecond,
            mark: Mark::Floor("0.8 x the bare log"),
        },
        Row {
            name: "store-visible",
            what: "store: submission until a reader has the row and the body, mean",
            unit: Unit::Millis,
            mark: Mark::Limit("1.5 x the bare log"),
        },
        Row {
            name: "store-flushes",
            what: "store: flushes per lone delivery while a reader listens",
            unit: Unit::Count,
            mark: Mark::AtMost(1.0),
        },
        Row {
            name: "store-flushes-64",
            what: "store: flushes per delivery, 64 producers to one account",
            unit: Unit::Count,
            mark: Mark::AtMost(0.125),
        },
        Row {
            name: "store-device",
            what: "store: octets written to the device per delivery, 64 producers",
            unit: Unit::Octets,
            mark: Mark::AtMost(16_384.0),
        },
        Row {
            name: "store-million",
            what: "store: a million deliveries sustained, 64 producers",
            unit: Unit::PerSecond,
            mark: Mark::Floor("0.5 x the bare log"),
        },
        Row {
            name: "store-longest",
            what: "store: longest delivery of the million",
            unit: Unit::Millis,
            mark: Mark::AtMost(100.0),
        },
        Row {
            name: "salvage",
            what: "store: messages per second salvaged without the index",
            unit: Unit::PerSecond,
            mark: Mark::AtLeast(20_000.0),
        },
    ],
    run,
};

const ACCOUNTS: u32 = 64;
const PRODUCERS: u32 = 64;

/// What the steps share.
struct Ground<'a> {
    plan: &'a Plan,
    folder: &'a Path,
    pool: Pool,
    serials: AtomicU64,
}

impl Ground<'_> {
    fn bare(&self, producers: u32, until: Until) -> Outcome<Load> {
        produce(&BareLog::new(self.folder)?, &self.pool, &self.serials, producers, ACCOUNTS, until)
    }

    fn koi(&self, store: &KoiStore, producers: u32, accounts: u32, until: Until) -> Outcome<Load> {
        produce(store, &self.pool, &self.serials, producers, accounts, until)
    }
}

fn run(bench: &mut Bench<'_>) -> Outcome<()> {
    if !bench.servers.iter().any(|server| server.name() == "koi") {
        return Ok(());
    }
    let home = bench.folder.join("store");
    if home.exists() {
        std::fs::remove_dir_all(&home)?;
    }
    let plan = bench.plan;
    let pool = Pool::new(4_096, 0x99);
    let ground = Ground { plan, folder: bench.folder, pool, serials: AtomicU64::new(0) };
    let (sender, commits) = mpsc::channel();
    let store = KoiStore::open(&home, Listener(Some(sender)))?;
    store.create_accounts(ACCOUNTS)?;
    ground.koi(&store, PRODUCERS, ACCOUNTS, Until::Count(plan.size(150_000, 5_000)))?;
    let wants = |rows: &[&str]| rows.iter().any(|row| plan.wants(GROUP.name, row));
    for _ in 0..plan.runs {
        if wants(&["store-lone", "store-visible", "store-flushes"]) {
            let bare = lone(&ground, &store, bench.sheet)?;
            while commits.try_recv().is_ok() {}
            visible(&ground, &store, &commits, bare, bench.sheet)?;
        }
        if wants(&["store-64", "store-device", "store-flushes-64"]) {
            many(&ground, &store, bench.sheet)?;
            while commits.try_recv().is_ok() {}
        }
    }
    drop(commits);
    if wants(&["store-million", "store-longest"]) {
        million(&ground, &store, bench.sheet)?;
    }
    let delivered = ground.serials.load(Ordering::Relaxed);
    store.engine.close()?;
    let sheet = &mut *bench.sheet;
    if wants(&["salvage"]) {
        salvage(&home, delivered, sheet)?;
    }
    std::fs::remove_dir_all(&home)?;
    Ok(())
}

/// One delivery at a time; returns the bare log's mean.
fn lone(ground: &Ground<'_>, store: &KoiStore, sheet: &mut Sheet) -> Outcome<f64> {
    let count = Until::Count(ground.plan.size(1_000, 200));
    let bare = ground.bare(1, count)?;
    let before = store.engine.counters().flushes;
    let koi = ground.koi(store, 1, ACCOUNTS, count)?;
    let flushes = store.engine.counters().flushes - before;
    let (bare_mean, koi_mean) = (mean(&bare.delivery_ms), mean(&koi.delivery_ms));
    sheet.record("store-lone", "koi", koi_mean);
    sheet.record("store-lone", LIMIT, 1.2 * bare_mean);
    sheet.record("store-flushes", "koi", flushes as f64 / koi.delivery_ms.len() as f64);
    sheet.note("store-lone", format!("koi {}; bare log {}", spread(&koi), spread(&bare)));
    Ok(bare_mean)
}

/// Submission until a reader that was told has read row, record and body.
fn visible(
    ground: &Ground<'_>,
    store: &KoiStore,
    commits: &mpsc::Receiver<koi_types::CommitNotice>,
    bare: f64,
    sheet: &mut Sheet,
) -> Outcome<()> {
    let count = ground.plan.size(1_000, 100);
    let mut times = Vec::new();
    for _ in 0..count {
        let mut body = Vec::new();
        ground.pool.write(ground.serials.fetch_add(1, Ordering::Relaxed), &mut body);
        let start = Instant::now();
        let ticket = store.engine.submit(store.delivery(1, &body));
        commits.recv_timeout(Duration::from_secs(10))?;
        let octets = store.read_newest(1)?;
        times.push(millis(start.elapsed()));
        ticket.wait()?;
        if octets != body.len() {
            return fail("the reader did not see the newest message");
        }
    }
    sheet.record("store-visible", "koi", mean(&times));
    sheet.record("store-visible", LIMIT, 1.5 * bare);
    Ok(())
}

/// 64 producers to 64 accounts and to one.
fn many(ground: &Ground<'_>, store: &KoiStore, sheet: &mut Sheet) -> Outcome<()> {
    let time = Until::Elapsed(ground.plan.rate_time());
    let bare = ground.bare(PRODUCERS, time)?;
    store.engine.apply_now()?;
    rustix::fs::sync();
    let written = device::device_octets_written(ground.folder)?;
    let koi = ground.koi(store, PRODUCERS, ACCOUNTS, time)?;
    store.engine.apply_now()?;
    rustix::fs::sync();
    let written = device::device_octets_written(ground.folder)? - written;
    sheet.record("store-64", "koi", koi.per_second);
    sheet.record("store-64", LIMIT, 0.8 * bare.per_second);
    sheet.record("store-device", "koi", written as f64 / koi.delivery_ms.len() as f64);
    sheet.note("store-64", format!("koi {}; bare log {}", spread(&koi), spread(&bare)));
    let before = store.engine.counters().flushes;
    let one = ground.koi(store, PRODUCERS, 1, time)?;
    let flushes = store.engine.counters().flushes - before;
    sheet.record("store-flushes-64", "koi", flushes as f64 / one.delivery_ms.len() as f64);
    Ok(())
}

fn million(ground: &Ground<'_>, store: &KoiStore, sheet: &mut Sheet) -> Outcome<()> {
    let bare = ground.bare(PRODUCERS, Until::Count(ground.plan.size(200_000, 5_000)))?;
    let before = store.engine.counters();
    let koi = ground.koi(store, PRODUCERS, ACCOUNTS, Until::Count(ground.plan.size(1_000_000, 20_000)))?;
    let after = store.engine.counters();
    sheet.record("store-million", "koi", koi.per_second);
    sheet.record("store-million", LIMIT, 0.5 * bare.per_second);
    sheet.record("store-longest", "koi", quantile(&koi.delivery_ms, 1.0).unwrap_or(f64::NAN));
    sheet.note("store-million", format!("koi {}; bare log {}", spread(&koi), spread(&bare)));
    let slow = after.commit_flush_micros.iter().zip(before.commit_flush_micros).rposition(|(a, b)| *a > b);
    let bound =
        slow.and_then(|step| LATENCY_STEPS_MICROS.get(step)).map_or(f64::INFINITY, |us| *us as f64 / 1e3);
    let held = after.held_commits - before.held_commits;
    let held_ms = (after.held_micros - before.held_micros) / 1_000;
    let text = format!("no flush above {bound} ms; {held} groups waited for the index, {held_ms} ms in all");
    sheet.note("store-longest", text);
    Ok(())
}

/// Opens the store after its index was removed.
fn salvage(home: &Path, delivered: u64, sheet: &mut Sheet) -> Outcome<()> {
    std::fs::remove_dir_all(home.join("index"))?;
    let start = Instant::now();
    let store = KoiStore::open(home, Listener(None))?;
    let time = start.elapsed();
    if store.read_newest(1)? == 0 {
        return fail("nothing was salvaged");
    }
    sheet.record("salvage", "koi", delivered as f64 / time.as_secs_f64());
    Ok(store.engine.close()?)
}

fn mean(list: &[f64]) -> f64 {
    list.iter().sum::<f64>() / list.len().max(1) as f64
}

fn spread(load: &Load) -> String {
    let at = |part| figure(quantile(&load.delivery_ms, part).unwrap_or(f64::NAN));
    format!(
        "{}/s, p50 {} ms, p99 {} ms, max {} ms, processor time each {:.0} us",
        figure(load.per_second),
        at(0.5),
        at(0.99),
        at(1.0),
        load.processor_us
    )
}
