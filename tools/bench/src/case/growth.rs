//! Growth: what a delivery, a SELECT and a FETCH of one message cost as an account and the number of
//! accounts grow. Each value is the time at that size divided by the time at the smallest size.

use std::time::Instant;

use super::{Bench, Group, import, millis};
use crate::failure::{Context, Outcome};
use crate::net::imap::Imap;
use crate::net::lmtp::Lmtp;
use crate::net::pool::Pool;
use crate::rng::Rng;
use crate::server::{PASSWORD, Server, user};
use crate::sheet::{Mark, Row, Sheet, Unit, quantile};

pub(super) const GROUP: Group = Group {
    name: "growth",
    rows: &[
        row("growth-delivery-5", "lone delivery at 10^5 messages in the account, against 10^3"),
        row("growth-select-5", "SELECT at 10^5 messages, against 10^3"),
        row("growth-fetch-5", "FETCH of one message at 10^5 messages, against 10^3"),
        row("growth-delivery-6", "lone delivery at 10^6 messages in the account, against 10^3"),
        row("growth-select-6", "SELECT at 10^6 messages, against 10^3"),
        row("growth-fetch-6", "FETCH of one message at 10^6 messages, against 10^3"),
        row("growth-delivery-a", "lone delivery with 10^5 accounts, against 10"),
        row("growth-select-a", "SELECT with 10^5 accounts, against 10"),
        row("growth-fetch-a", "FETCH of one message with 10^5 accounts, against 10"),
    ],
    run,
};

const fn row(name: &'static str, what: &'static str) -> Row {
    Row { name, what, unit: Unit::Times, mark: Mark::AtMost(1.2) }
}

const SEED: u64 = 0x5eed_0008;

/// Medians of one size, in milliseconds.
#[derive(Clone, Copy)]
struct Costs {
    delivery: f64,
    select: f64,
    fetch: f64,
}

fn run(bench: &mut Bench<'_>) -> Outcome<()> {
    let pool = Pool::new(4_096, 0x88);
    let mut serial = 0;
    let Some(at) = bench.servers.iter().position(|server| server.name() == "koi") else { return Ok(()) };
    let path = bench.folder.join("growth.mbox");
    let steps = [(bench.plan.size(1_000, 100), ""), (bench.plan.size(99_000, 900), "-5")];
    let last = (bench.plan.size(900_000, 9_000), "-6");
    let Some(server) = bench.servers.get_mut(at) else { return Ok(()) };
    let wanted = |rows: &[Row]| rows.iter().any(|row| bench.plan.wants(GROUP.name, row.name));
    let (by_messages, by_accounts) = GROUP.rows.split_at(6);
    let (by_messages, by_accounts) = (wanted(by_messages), wanted(by_accounts));
    if by_messages {
        server.start_empty(10)?;
    }
    let mut first = None;
    for (more, suffix) in steps.into_iter().chain([last]).filter(|_| by_messages) {
        grow(server.as_ref(), &path, more)?;
        let costs = costs(server.as_ref(), &pool, &mut serial)?;
        let base = *first.get_or_insert(costs);
        record(bench.sheet, suffix, costs, base);
    }
    let accounts = bench.plan.size(100_000, 100) as u32;
    let mut first = None;
    for (count, suffix) in [(10, ""), (accounts, "-a")].into_iter().filter(|_| by_accounts) {
        server.start_empty(count)?;
        grow(server.as_ref(), &path, bench.plan.size(1_000, 100))?;
        let costs = costs(server.as_ref(), &pool, &mut serial)?;
        let base = *first.get_or_insert(costs);
        record(bench.sheet, suffix, costs, base);
    }
    Ok(())
}

/// Adds messages to account 0, in pieces so that the mbox does not fill the disk.
fn grow(server: &dyn Server, mbox: &std::path::Path, more: u64) -> Outcome<()> {
    let mut left = more;
    while left > 0 {
        let piece = left.min(100_000);
        import::write_mbox(mbox, piece, 1_200, SEED ^ left)?;
        import::import(server.program().context("koi's program")?, server.data(), mbox)?;
        left -= piece;
    }
    std::fs::remove_file(mbox)?;
    Ok(())
}

fn costs(server: &dyn Server, pool: &Pool, serial: &mut u64) -> Outcome<Costs> {
    super::process::settle(server.process(), std::time::Duration::from_secs(30));
    let ports = server.ports();
    let mut lmtp = Lmtp::connect(ports.lmtp)?;
    let mut delivery = Vec::new();
    for _ in 0..300 {
        *serial += 1;
        let mut message = Vec::new();
        pool.write(*serial, &mut message);
        lmtp.open(&user(0))?;
        let start = Instant::now();
        lmtp.submit(&message)?;
        lmtp.accepted()?;
        delivery.push(millis(start.elapsed()));
    }
    let mut select = Vec::new();
    for _ in 0..21 {
        let mut imap = Imap::login(ports.imap, &user(0), PASSWORD)?;
        let start = Instant::now();
        imap.select()?;
        select.push(millis(start.elapsed()));
    }
    let mut imap = Imap::login(ports.imap, &user(0), PASSWORD)?;
    let exists = imap.select()?;
    let mut fetch = Vec::new();
    let mut rng = Rng::new(SEED);
    for _ in 0..300 {
        let number = rng.below(exists) + 1;
        let start = Instant::now();
        imap.run(&format!("FETCH {number} (FLAGS ENVELOPE BODY.PEEK[])"))?;
        fetch.push(millis(start.elapsed()));
    }
    let median = |list: &[f64]| quantile(list, 0.5).unwrap_or(f64::NAN);
    Ok(Costs { delivery: median(&delivery), select: median(&select), fetch: median(&fetch) })
}

fn record(sheet: &mut Sheet, suffix: &str, costs: Costs, base: Costs) {
    let each = [
        ("growth-delivery", costs.delivery, base.delivery),
        ("growth-select", costs.select, base.select),
        ("growth-fetch", costs.fetch, base.fetch),
    ];
    for (name, here, there) in each {
        if !suffix.is_empty() {
            let row = format!("{name}{suffix}");
            sheet.record(&row, "koi", here / there);
            sheet.note(&row, format!("{here:.3} ms, at the smallest size {there:.3} ms"));
        }
    }
}
