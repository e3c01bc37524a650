//! Durable deliveries of 4 KB by LMTP (RFC 2033): 1, 16 and 64 connections, to one account and to 16.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Bench, Group};
use crate::failure::Outcome;
use crate::net::crowd;
use crate::net::deliver::{self, End, Source};
use crate::net::pool::Pool;
use crate::server::process::Spent;
use crate::server::{Server, user};
use crate::sheet::{Mark, Row, Sheet, Unit, figure, quantile};

pub(super) const GROUP: Group = Group {
    name: "lmtp",
    peer: "dovecot",
    rows: &[
        row("lmtp-1", "LMTP delivery of 4 KB, 1 connection, one account", 2.0),
        row("lmtp-16", "LMTP delivery of 4 KB, 16 connections, one account", 10.0),
        row("lmtp-64", "LMTP delivery of 4 KB, 64 connections, one account", 15.0),
        row("lmtp-1-to-16", "LMTP delivery of 4 KB, 1 connection, 16 accounts in turn", 2.0),
        row("lmtp-16-to-16", "LMTP delivery of 4 KB, 16 connections, 16 accounts in turn", 10.0),
        row("lmtp-64-to-16", "LMTP delivery of 4 KB, 64 connections, 16 accounts in turn", 15.0),
    ],
    run,
};

const fn row(name: &'static str, what: &'static str, times: f64) -> Row {
    Row { name, what, unit: Unit::PerSecond, mark: Mark::Ratio(times) }
}

/// Connections and accounts of each row, in the order of the rows.
const SHAPES: [(u64, u32); 6] = [(1, 1), (16, 1), (64, 1), (1, 16), (16, 16), (64, 16)];

fn run(bench: &mut Bench<'_>) -> Outcome<()> {
    bench.start_empty(17)?;
    let pool = Pool::new(4_096, 0x11);
    let source: Source = Arc::new(move |serial, out| pool.write(serial, out));
    let time = bench.plan.rate_time();
    let mut first = 0;
    for (row, (connections, accounts)) in GROUP.rows.iter().zip(SHAPES) {
        if !bench.wants(row.name) {
            continue;
        }
        // Account 0 takes the mail for one; 1 to 16 the mail for sixteen.
        let recipients: Vec<String> = match accounts {
            1 => vec![user(0)],
            many => (1..=many).map(user).collect(),
        };
        bench.alternate(|server, sheet, _| {
            first += 10_000_000;
            let from = Instant::now() + Duration::from_millis(300);
            let end = End::Time { from, until: from + time };
            let spent = Spent::so_far(server.process());
            let talks = deliver::crowd(connections, &source, &recipients, first, end);
            let talks = crowd::run(server.ports().lmtp, talks)?;
            let latencies: Vec<f64> =
                talks.iter().flat_map(|talk| &talk.latencies_us).map(|us| f64::from(*us) / 1_000.0).collect();
            sheet.record(row.name, server.name(), latencies.len() as f64 / time.as_secs_f64());
            remark(sheet, row.name, server, &latencies, &spent);
            Ok(())
        })?;
    }
    Ok(())
}

/// Says where the time of a run went.
fn remark(sheet: &mut Sheet, row: &str, server: &dyn Server, latencies_ms: &[f64], spent: &Spent) {
    let at = |part| figure(quantile(latencies_ms, part).unwrap_or(0.0));
    let text = format!(
        "p50 {} ms, p99 {} ms, max {} ms; {}",
        at(0.5),
        at(0.99),
        at(1.0),
        spent.per_piece(server.process(), latencies_ms.len())
    );
    sheet.note(&format!("{row} {}", server.name()), text);
}
