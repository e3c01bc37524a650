//! Growth: what a delivery, a SELECT and a FETCH of one message cost as an account and the number of
//! accounts grow. Each value is the time at that size divided by the time at the smallest size.

use std::path::Path;
use std::time::Instant;

use super::{Bench, Group, import, millis};
use crate::failure::{Context, Outcome};
use crate::net::imap::Imap;
use crate::net::pool::Pool;
use crate::net::smtp::{SENDER, Smtp};
use crate::rng::Rng;
use crate::server::koi::Koi;
use crate::server::processors::Apart;
use crate::server::{PASSWORD, Server, process, user};
use crate::sheet::{Mark, Row, Sheet, Unit, quantile};

pub(super) const GROUP: Group = Group {
    name: "growth",
    peer: "dovecot",
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

/// Operations of each kind at each size.
const ROUNDS: usize = 300;
/// Before anything is measured: a page of the index that a process has not looked at yet must be mapped, and
/// with few messages that has happened to all of them after a few fetches, with many to few.
const WARM_UP: &str = "FETCH 1:* (FLAGS ENVELOPE BODY.PEEK[]<0.1>)";
/// Fetches and deliveries before the measured ones.
const WARM: usize = 300;

/// A store of one size with its samples, in milliseconds.
struct Place {
    server: Koi,
    /// Of its rows; empty for the size the others are compared with.
    suffix: &'static str,
    deliveries: Vec<f64>,
    selects: Vec<f64>,
    fetches: Vec<f64>,
}

/// What a store holds.
struct Size {
    suffix: &'static str,
    accounts: u32,
    messages: u64,
}

fn run(bench: &mut Bench<'_>) -> Outcome<()> {
    let koi = bench.servers.iter().find(|server| server.name() == "koi");
    let Some(program) = koi.and_then(|server| server.program()).map(Path::to_path_buf) else { return Ok(()) };
    let few = bench.plan.size(1_000, 100);
    let size = |suffix, accounts, messages| Size { suffix, accounts, messages };
    let by_messages = [
        size("", 10, few),
        size("-5", 10, bench.plan.size(100_000, 1_000)),
        size("-6", 10, bench.plan.size(1_000_000, 10_000)),
    ];
    let by_accounts = [size("", 10, few), size("-a", bench.plan.size(100_000, 100) as u32, few)];
    let wanted = |rows: &[Row]| rows.iter().any(|row| bench.plan.wants(GROUP.name, row.name));
    let (rows_of_messages, rows_of_accounts) = GROUP.rows.split_at(6);
    for (sizes, rows) in [(&by_messages[..], rows_of_messages), (&by_accounts[..], rows_of_accounts)] {
        if wanted(rows) {
            let places = sizes.iter().map(|size| place(&program, bench.folder, size));
            let mut places = places.collect::<Outcome<Vec<_>>>()?;
            measure(&mut places)?;
            record(bench.sheet, &places);
        }
    }
    Ok(())
}

/// A server of its own with account 0 filled. All sizes run at the same time and take turns, so that whatever
/// else the machine does hits all alike, and all on the same processor.
fn place(program: &Path, folder: &Path, size: &Size) -> Outcome<Place> {
    let start = Instant::now();
    let home = folder.join(format!("growth{}", size.suffix));
    let mut server = Koi::new(program, &home)?;
    server.start_empty(size.accounts)?;
    fill(&server, &home.join("growth.mbox"), size.messages)?;
    // A fresh process: what importing left in memory is not what is compared.
    server.stop()?;
    server.start()?;
    eprintln!(
        "  {} accounts, {} messages: ready after {:.0} s",
        size.accounts,
        size.messages,
        start.elapsed().as_secs_f64()
    );
    let (deliveries, selects, fetches) = (Vec::new(), Vec::new(), Vec::new());
    Ok(Place { server, suffix: size.suffix, deliveries, selects, fetches })
}

/// Imports into account 0, in pieces so that the mbox does not fill the disk.
fn fill(server: &Koi, mbox: &Path, messages: u64) -> Outcome<()> {
    let mut left = messages;
    while left > 0 {
        let piece = left.min(100_000);
        import::write_mbox(mbox, piece, 1_200, SEED ^ left)?;
        import::import(server.program().context("koi's program")?, server.data(), mbox)?;
        left -= piece;
    }
    Ok(std::fs::remove_file(mbox)?)
}

fn measure(places: &mut [Place]) -> Outcome<()> {
    for place in places.iter() {
        process::rest(place.server.process());
    }
    let _apart = Apart::new(places.iter().map(|place| place.server.process()))?;
    for place in places.iter() {
        let mut imap = Imap::login(place.server.ports().imap, &user(0), PASSWORD)?;
        imap.select()?;
        imap.run(WARM_UP)?;
    }
    for round in 0..ROUNDS / 3 {
        for place in places.iter_mut() {
            let mut imap = Imap::login(place.server.ports().imap, &user(0), PASSWORD)?;
            let start = Instant::now();
            imap.select()?;
            let took = millis(start.elapsed());
            // The first ones open files and connections.
            if round >= 10 {
                place.selects.push(took);
            }
        }
    }
    fetches(places)?;
    deliveries(places)
}

fn fetches(places: &mut [Place]) -> Outcome<()> {
    let mut rng = Rng::new(SEED);
    let open = |place: &Place| {
        let mut imap = Imap::login(place.server.ports().imap, &user(0), PASSWORD)?;
        let exists = imap.select()?;
        Ok((imap, exists))
    };
    let mut sessions = places.iter().map(open).collect::<Outcome<Vec<_>>>()?;
    for round in 0..WARM + ROUNDS {
        for (place, (imap, exists)) in places.iter_mut().zip(&mut sessions) {
            let number = rng.below(*exists) + 1;
            let start = Instant::now();
            imap.run(&format!("FETCH {number} (FLAGS ENVELOPE BODY.PEEK[])"))?;
            if round >= WARM {
                place.fetches.push(millis(start.elapsed()));
            }
        }
    }
    Ok(())
}

fn deliveries(places: &mut [Place]) -> Outcome<()> {
    let pool = Pool::new(4_096, 0x88);
    let connect = |place: &Place| Smtp::lmtp(place.server.ports().lmtp);
    let mut talks = places.iter().map(connect).collect::<Outcome<Vec<_>>>()?;
    for serial in 0..WARM + ROUNDS {
        let mut message = Vec::new();
        pool.write(serial as u64, &mut message);
        for (place, lmtp) in places.iter_mut().zip(&mut talks) {
            lmtp.open(SENDER, &user(0))?;
            let start = Instant::now();
            lmtp.submit(&message)?;
            lmtp.accepted()?;
            if serial >= WARM {
                place.deliveries.push(millis(start.elapsed()));
            }
        }
    }
    Ok(())
}

fn record(sheet: &mut Sheet, places: &[Place]) {
    let Some((base, grown)) = places.split_first() else { return };
    let median = |list: &[f64]| quantile(list, 0.5).unwrap_or(f64::NAN);
    for place in grown {
        let each = [
            ("growth-delivery", median(&place.deliveries), median(&base.deliveries)),
            ("growth-select", median(&place.selects), median(&base.selects)),
            ("growth-fetch", median(&place.fetches), median(&base.fetches)),
        ];
        for (name, here, there) in each {
            let row = format!("{name}{}", place.suffix);
            sheet.record(&row, "koi", here / there);
            sheet.note(&row, format!("{here:.3} ms, at the smallest size {there:.3} ms"));
        }
    }
}
