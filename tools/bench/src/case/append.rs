//! APPEND of 4 KB by IMAP (RFC 9051 §6.3.12): 1 and 32 connections to one account.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Bench, Group};
use crate::failure::Outcome;
use crate::net::append::Appending;
use crate::net::crowd;
use crate::net::deliver::Source;
use crate::net::pool::Pool;
use crate::server::process::Spent;
use crate::server::{PASSWORD, user};
use crate::sheet::{Mark, Row, Unit};

pub(super) const GROUP: Group = Group {
    name: "append",
    peer: "dovecot",
    rows: &[
        Row {
            name: "append-1",
            what: "APPEND of 4 KB, 1 connection",
            unit: Unit::PerSecond,
            mark: Mark::Ratio(2.0),
        },
        Row {
            name: "append-32",
            what: "APPEND of 4 KB, 32 connections, one account",
            unit: Unit::PerSecond,
            mark: Mark::Ratio(4.0),
        },
    ],
    run,
};

fn run(bench: &mut Bench<'_>) -> Outcome<()> {
    bench.start_empty(1)?;
    let pool = Pool::new(4_096, 0x22);
    let source: Source = Arc::new(move |serial, out| pool.write(serial, out));
    let time = bench.plan.rate_time();
    let login = format!("LOGIN {} {PASSWORD}", user(0));
    let mut first = 0;
    for (row, connections) in GROUP.rows.iter().zip([1, 32]) {
        if !bench.wants(row.name) {
            continue;
        }
        bench.alternate(|server, sheet, _| {
            first += 10_000_000;
            let from = Instant::now() + Duration::from_millis(500);
            let times = [from, from + time];
            let one =
                |number| Appending::new(source.clone(), login.clone(), first + number, connections, times);
            let spent = Spent::so_far(server.process());
            let talks = crowd::run(server.ports().imap, (0..connections).map(one).collect())?;
            let appended: u64 = talks.iter().map(|talk| talk.appended).sum();
            sheet.record(row.name, server.name(), appended as f64 / time.as_secs_f64());
            let cost = spent.per_piece(server.process(), appended as usize);
            sheet.note(&format!("{} {}", row.name, server.name()), cost);
            Ok(())
        })?;
    }
    Ok(())
}
