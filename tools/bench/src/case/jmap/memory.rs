//! Memory while a query names 100,000 ids. Koi alone: the mark is absolute.

use std::sync::Arc;

use rustls::ClientConfig;

use super::{SEED, ask};
use crate::case::{Bench, fill};
use crate::corpus::{self, Kind};
use crate::failure::{Context, Outcome, fail};
use crate::net::deliver::Source;
use crate::net::jmap::Jmap;
use crate::server::{Index, PASSWORD, process, user};

/// Queries of one run.
const QUERIES: u32 = 10;

pub(super) fn measure(bench: &mut Bench<'_>, tls: &Arc<ClientConfig>) -> Outcome<()> {
    let (count, runs) = (bench.plan.size(100_000, 5_000), bench.plan.runs);
    let Some(server) = bench.servers.iter_mut().find(|server| server.name() == "koi") else { return Ok(()) };
    server.stop()?;
    server.index(Index::Off);
    server.start_empty(1)?;
    let source: Source =
        Arc::new(|serial, out| out.extend_from_slice(&corpus::message(SEED, serial, 1_000, Kind::Prose)));
    fill(server.as_ref(), 0, count, &source)?;
    for _ in 0..runs {
        // A fresh process, with what it keeps of the account in memory.
        server.stop()?;
        server.start()?;
        let port = server.ports().https.context("a port for JMAP")?;
        let mut jmap = Jmap::open(port, tls, &user(0), PASSWORD)?;
        let inbox = ask::inbox(&mut jmap)?;
        if ask::total(&mut jmap, &inbox)? != count {
            return fail("messages are missing");
        }
        process::rest(server.process());
        let before = process::resident_octets(server.process())?;
        process::forget_peak(server.process())?;
        let (request, mut body) = (jmap.request(&ask::all(jmap.account(), &inbox)), Vec::new());
        for _ in 0..QUERIES {
            jmap.exchange(&request, &mut body)?;
            let ids = memchr::memchr_iter(b',', &body).count() as u64;
            if ids < count {
                return fail(format!("{ids} ids where {count} should be"));
            }
        }
        let grown = process::resident_peak_octets(server.process())?.saturating_sub(before);
        bench.sheet.record("jmap-memory", "koi", grown as f64 / 1_024.0);
        let note = format!("{} KiB before, an answer has {} KiB", before / 1_024, body.len() / 1_024);
        bench.sheet.note("jmap-memory", note);
    }
    Ok(())
}
