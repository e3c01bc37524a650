//! The search index: built, weighed and asked (RFC 9051 §6.4.4), beside Dovecot with fts_xapian.
//!
//! Mailboxes are filled without an index; then each server builds one. Dovecot's mailbox is a tenth as large:
//! it needs about 140 ms of processor time for a message.

use std::sync::Arc;
use std::time::Instant;

use super::{Bench, Group, millis};
use crate::corpus;
use crate::device;
use crate::failure::{Context, Outcome, fail};
use crate::net::deliver::Source;
use crate::net::imap::Imap;
use crate::rng::Rng;
use crate::server::{Index, PASSWORD, Server, process, user};
use crate::sheet::{Mark, Row, Unit};

pub(super) const GROUP: Group = Group {
    name: "search",
    peer: "dovecot",
    rows: &[
        Row {
            name: "index-build",
            what: "the search index of 50,000 messages built",
            unit: Unit::PerSecond,
            mark: Mark::Ratio(10.0),
        },
        Row {
            name: "index-size",
            what: "allocated octets of that index, for a message",
            unit: Unit::Octets,
            mark: Mark::Ratio(2.0),
        },
        Row {
            name: "search-index",
            what: "SEARCH TEXT with an index, fresh needle that is nowhere, 50,000 messages",
            unit: Unit::Millis,
            mark: Mark::Ratio(1.0),
        },
        Row {
            name: "search-rare",
            what: "SEARCH TEXT with an index, fresh word of a few messages, 50,000 messages",
            unit: Unit::Millis,
            mark: Mark::Ratio(1.0),
        },
    ],
    run,
};

const SEED: u64 = 0x5eed_0009;
/// Searches of one run.
const SEARCHES: u32 = 10;

fn run(bench: &mut Bench<'_>) -> Outcome<()> {
    let count = |server: &dyn Server, plan: &crate::plan::Plan| match server.name() {
        "dovecot" => plan.size(5_000, 200),
        _ => plan.size(50_000, 2_000),
    };
    for server in bench.servers.iter_mut() {
        server.index(Index::Off);
    }
    bench.start_empty(1)?;
    let source: Source = Arc::new(|serial, out| out.extend_from_slice(&corpus::mixed(SEED, serial)));
    for server in bench.servers.iter_mut() {
        let count = count(server.as_ref(), bench.plan);
        server.restart_for_filling(true)?;
        super::fill(server.as_ref(), 0, count, &source).context(server.name())?;
        server.restart_for_filling(false)?;
        build(server.as_mut(), bench.sheet, count).context(server.name())?;
    }
    let note = "Dovecot has a tenth of the messages: its index takes 140 ms of processor time for each";
    bench.sheet.note("search-index dovecot", note.to_string());
    if !bench.wants("search-index") && !bench.wants("search-rare") {
        return Ok(());
    }
    let mut rng = Rng::new(std::process::id().into());
    bench.alternate(|server, sheet, _| {
        let mut imap = Imap::login(server.ports().imap, &user(0), PASSWORD)?;
        imap.select()?;
        // What is loaded once for the first search of a session is not what is measured.
        imap.run("SEARCH TEXT \"warm\"")?;
        for row in ["search-index", "search-rare"] {
            let mut sum = 0.0;
            for _ in 0..SEARCHES {
                let needle = if row == "search-rare" { rare(&mut rng) } else { absent(&mut rng) };
                let start = Instant::now();
                let answer = imap.run(&format!("SEARCH TEXT \"{needle}\""))?;
                sum += millis(start.elapsed());
                if row == "search-index" && answer.octets > 500 {
                    return fail("SEARCH found a needle that is nowhere");
                }
            }
            sheet.record(row, server.name(), sum / f64::from(SEARCHES));
        }
        Ok(())
    })
}

/// Builds the index and weighs what it adds to the server's files.
fn build(server: &mut dyn Server, sheet: &mut crate::sheet::Sheet, count: u64) -> Outcome<()> {
    process::rest(server.process());
    server.stop()?;
    rustix::fs::sync();
    let before = device::allocated_octets(server.data())?;
    server.index(Index::On);
    server.start()?;
    let start = Instant::now();
    server.build_index()?;
    let time = start.elapsed().as_secs_f64();
    sheet.record("index-build", server.name(), count as f64 / time);
    eprintln!("  {} built its index in {time:.1} s", server.name());
    process::rest(server.process());
    server.stop()?;
    rustix::fs::sync();
    let after = device::allocated_octets(server.data())?;
    sheet.record("index-size", server.name(), after.saturating_sub(before) as f64 / count as f64);
    server.start()
}

/// As in the case without an index.
fn absent(rng: &mut Rng) -> String {
    (0..9).map(|_| rng.pick(&["qx", "zj", "vw", "kq", "jx"])).collect()
}

/// A word of four syllables: about one in 800,000 of those in the mail.
fn rare(rng: &mut Rng) -> String {
    (0..4).map(|_| rng.pick(corpus::SYLLABLES)).collect()
}
