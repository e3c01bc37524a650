//! From submission to EXISTS: a message is delivered by LMTP while a session idles on the mailbox
//! (RFC 2177); alone, and while another connection delivers 20 MB messages without pause.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{Bench, Group, millis};
use crate::corpus;
use crate::device::BareFlush;
use crate::failure::{Outcome, fail};
use crate::net::imap::Imap;
use crate::net::pool::{Pool, SERIAL};
use crate::net::smtp::{SENDER, Smtp};
use crate::server::{PASSWORD, Server, user};
use crate::sheet::{LIMIT, Mark, Row, Sheet, Unit, quantile};

pub(super) const GROUP: Group = Group {
    name: "idle",
    peer: "dovecot",
    rows: &[
        row("idle-p50", "delivery to EXISTS in an idling session, p50", "2 bare flushes + 2 ms"),
        row("idle-p99", "delivery to EXISTS in an idling session, p99", "3 x bare-flush p99 + 10 ms"),
        Row {
            name: "idle-load-p50",
            what: "delivery to EXISTS beside 20 MB deliveries without pause, p50",
            unit: Unit::Millis,
            mark: Mark::Recorded,
        },
        row("idle-load-p99", "its p99 beside 20 MB deliveries without pause", "2 x its own p99 without"),
        Row { name: "flush-p50", what: "bare flush of 4 KB, p50", unit: Unit::Millis, mark: Mark::Recorded },
        Row { name: "flush-p99", what: "bare flush of 4 KB, p99", unit: Unit::Millis, mark: Mark::Recorded },
    ],
    run,
};

const fn row(name: &'static str, what: &'static str, limit: &'static str) -> Row {
    Row { name, what, unit: Unit::Millis, mark: Mark::Limit(limit) }
}

const LARGE_OCTETS: usize = 20 * 1024 * 1024;
const SEED: u64 = 0x5eed_0004;

struct Sampled {
    exists_ms: Vec<f64>,
    flush_ms: Vec<f64>,
}

fn run(bench: &mut Bench<'_>) -> Outcome<()> {
    bench.start_empty(2)?;
    let pool = Pool::new(4_096, 0x44);
    let large = corpus::with_serial(SEED, 0, LARGE_OCTETS, SERIAL);
    let (full, quick) = (bench.plan.size(1_000, 60), bench.plan.size(30, 4));
    let loaded = bench.wants("idle-load-p99");
    let folder = bench.folder.to_path_buf();
    let mut serial = 0;
    bench.alternate(|server, sheet, _| {
        // Dovecot tells an idling session after half a second: fewer samples of it are enough.
        let samples = if server.name() == "dovecot" { quick } else { full };
        let mut flush = BareFlush::new(&folder)?;
        let alone = sample(server, &pool, &mut serial, samples, &mut flush)?;
        let p99 = record(sheet, server.name(), &alone);
        if loaded {
            let beside =
                beside_large(server, &large, || sample(server, &pool, &mut serial, samples, &mut flush))?;
            for (row, part) in [("idle-load-p50", 0.5), ("idle-load-p99", 0.99)] {
                let value = quantile(&beside.exists_ms, part).unwrap_or(f64::NAN);
                sheet.record(row, server.name(), value);
            }
            if server.name() == "koi" {
                sheet.record("idle-load-p99", LIMIT, 2.0 * p99);
            }
            take_away_large(server)?;
            let bare = quantile(&beside.flush_ms, 0.99).unwrap_or(f64::NAN);
            sheet.note("idle-load-p99 bare", format!("bare-flush p99 under that load: {bare:.2} ms"));
        }
        Ok(())
    })
}

/// Records one run and returns its p99.
fn record(sheet: &mut Sheet, server: &str, sampled: &Sampled) -> f64 {
    let at = |list: &[f64], part| quantile(list, part).unwrap_or(f64::NAN);
    let (p50, p99) = (at(&sampled.exists_ms, 0.5), at(&sampled.exists_ms, 0.99));
    let (bare_p50, bare_p99) = (at(&sampled.flush_ms, 0.5), at(&sampled.flush_ms, 0.99));
    sheet.record("idle-p50", server, p50);
    sheet.record("idle-p99", server, p99);
    if server == "koi" {
        sheet.record("flush-p50", server, bare_p50);
        sheet.record("flush-p99", server, bare_p99);
        sheet.record("idle-p50", LIMIT, 2.0 * bare_p50 + 2.0);
        sheet.record("idle-p99", LIMIT, 3.0 * bare_p99 + 10.0);
    }
    p99
}

/// Delivers `samples` messages one after the other, each followed by a bare flush and a short pause.
fn sample(
    server: &dyn Server,
    pool: &Pool,
    serial: &mut u64,
    samples: u64,
    flush: &mut BareFlush,
) -> Outcome<Sampled> {
    let mut imap = Imap::login(server.ports().imap, &user(0), PASSWORD)?;
    let mut exists = imap.select()?;
    imap.idle()?;
    let mut lmtp = Smtp::lmtp(server.ports().lmtp)?;
    let mut sampled = Sampled { exists_ms: Vec::new(), flush_ms: Vec::new() };
    for _ in 0..samples {
        *serial += 1;
        exists += 1;
        let mut message = Vec::new();
        pool.write(*serial, &mut message);
        lmtp.open(SENDER, &user(0))?;
        let start = Instant::now();
        lmtp.submit(&message)?;
        imap.wait_exists(exists)?;
        sampled.exists_ms.push(millis(start.elapsed()));
        lmtp.accepted()?;
        sampled.flush_ms.push(millis(flush.once()?));
        std::thread::sleep(Duration::from_millis(3));
    }
    Ok(sampled)
}

/// Runs `work` while another connection delivers large messages to the second account.
fn beside_large(
    server: &dyn Server,
    large: &[u8],
    work: impl FnOnce() -> Outcome<Sampled>,
) -> Outcome<Sampled> {
    let stop = Arc::new(AtomicBool::new(false));
    let port = server.ports().lmtp;
    let load = |stop: &AtomicBool| -> Outcome<u64> {
        // Only this thread: a client on a machine of its own would take no processor from those measured.
        rustix::process::nice(19)?;
        let mut lmtp = Smtp::lmtp(port)?;
        let mut delivered = 0;
        let mut message = large.to_vec();
        while !stop.load(Ordering::Relaxed) {
            renumber(&mut message, delivered);
            lmtp.open(SENDER, &user(1))?;
            lmtp.submit(&message)?;
            lmtp.accepted()?;
            delivered += 1;
        }
        Ok(delivered)
    };
    std::thread::scope(|scope| {
        let beside = scope.spawn(|| load(&stop));
        let done = work();
        stop.store(true, Ordering::Relaxed);
        let delivered = beside.join().unwrap_or_else(|_| fail("the loading thread panicked"))?;
        eprintln!("  {delivered} messages of 20 MB beside it");
        done
    })
}

/// Else each round begins with gigabytes more on the disk and in the page cache, most of them of who takes
/// more of these messages in the same time.
fn take_away_large(server: &dyn Server) -> Outcome<()> {
    let mut imap = Imap::login(server.ports().imap, &user(1), PASSWORD)?;
    if imap.select()? > 0 {
        imap.run("STORE 1:* +FLAGS.SILENT (\\Deleted)")?;
        imap.run("EXPUNGE")?;
    }
    Ok(())
}

/// Makes a large message different from the one before.
fn renumber(message: &mut [u8], number: u64) {
    let middle = message.len() / 2;
    let place = memchr::memchr(b' ', message.get(middle..).unwrap_or_default()).unwrap_or(0) + middle;
    let digits = format!(" {:06}", number % 1_000_000);
    if let Some(field) = message.get_mut(place..place + digits.len())
        && !field.contains(&b'\n')
    {
        field.copy_from_slice(digits.as_bytes());
    }
}
