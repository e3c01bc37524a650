//! What the search index costs a delivery: messages of 4 KB by LMTP into an account whose index is kept up to
//! date meanwhile, and into one of a server that keeps none.
//!
//! The index is written behind delivery, so it takes no delivery's time but the machine's. Both servers are
//! Koi, take turns, and rest before each; a run is long enough that the index is written several times in it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Bench, Group, fill};
use crate::failure::{Context, Outcome};
use crate::net::crowd;
use crate::net::deliver::{self, End, Source};
use crate::net::imap::Imap;
use crate::net::pool::Pool;
use crate::server::koi::Koi;
use crate::server::process::Spent;
use crate::server::{Index, PASSWORD, Server, process, user};
use crate::sheet::{Mark, Row, Sheet, Unit, figure, quantile};

pub(super) const GROUP: Group = Group {
    name: "search-delivery",
    peer: "dovecot",
    rows: &[
        row("search-delivery", "LMTP delivery of 4 KB, 16 connections, one account with a search index"),
        row("search-delivery-off", "the same without an index"),
        row("search-delivery-1", "LMTP delivery of 4 KB, 1 connection, one account with a search index"),
        row("search-delivery-1-off", "the same without an index"),
    ],
    run,
};

const fn row(name: &'static str, what: &'static str) -> Row {
    Row { name, what, unit: Unit::PerSecond, mark: Mark::Recorded }
}

/// Connections, and the row with and without an index.
const SHAPES: [(u64, [&str; 2]); 2] =
    [(16, ["search-delivery", "search-delivery-off"]), (1, ["search-delivery-1", "search-delivery-1-off"])];
/// The index is brought up to date within so many seconds behind a delivery: a run takes several times that.
const RUN: Duration = Duration::from_secs(20);
const RUN_QUICK: Duration = Duration::from_secs(2);

fn run(bench: &mut Bench<'_>) -> Outcome<()> {
    let koi = bench.servers.iter().find(|server| server.name() == "koi");
    let Some(program) = koi.and_then(|server| server.program()).map(Path::to_path_buf) else { return Ok(()) };
    let pool = Pool::new(4_096, 0x5d);
    let source: Source = Arc::new(move |serial, out| pool.write(serial, out));
    let count = bench.plan.size(20_000, 1_200);
    let side = |index, name| side(&program, &bench.folder.join(name), index, count, &source);
    let sides = [side(Index::On, "search-on")?, side(Index::Off, "search-off")?];
    let time = if bench.plan.quick { RUN_QUICK } else { RUN };
    let mut first = 1 << 32;
    for (connections, rows) in SHAPES {
        for _ in 0..bench.plan.runs {
            for (server, row) in sides.iter().zip(rows) {
                if !bench.wants(row) {
                    continue;
                }
                sides.iter().for_each(|side| process::rest(side.process()));
                first += 10_000_000;
                measure(server, bench.sheet, row, &Crowd { connections, source: &source, first, time })?;
            }
        }
    }
    Ok(())
}

/// A server of its own with mail in account 0, and the index of it if it is to keep one.
fn side(program: &Path, home: &Path, index: Index, count: u64, source: &Source) -> Outcome<Koi> {
    let mut server = Koi::new(program, home)?;
    server.index(index);
    server.start_empty(1)?;
    Imap::login(server.ports().imap, &user(0), PASSWORD)?.select()?;
    fill(&server, 0, count, source)?;
    if index == Index::On {
        server.build_index().context("the index")?;
    }
    Ok(server)
}

struct Crowd<'c> {
    connections: u64,
    source: &'c Source,
    /// The number of the first message.
    first: u64,
    time: Duration,
}

fn measure(server: &Koi, sheet: &mut Sheet, row: &str, crowd: &Crowd<'_>) -> Outcome<()> {
    let from = Instant::now() + Duration::from_millis(300);
    let end = End::Time { from, until: from + crowd.time };
    let spent = Spent::so_far(server.process());
    let talks = deliver::crowd(crowd.connections, crowd.source, &[user(0)], crowd.first, end);
    let talks = crowd::run(server.ports().lmtp, talks)?;
    let latencies: Vec<f64> =
        talks.iter().flat_map(|talk| &talk.latencies_us).map(|us| f64::from(*us) / 1_000.0).collect();
    sheet.record(row, "koi", latencies.len() as f64 / crowd.time.as_secs_f64());
    let at = |part| figure(quantile(&latencies, part).unwrap_or(0.0));
    let pieces = spent.per_piece(server.process(), latencies.len());
    let text = format!("p50 {} ms, p99 {} ms, max {} ms; {pieces}", at(0.5), at(0.99), at(1.0));
    sheet.note(row, text);
    Ok(())
}
