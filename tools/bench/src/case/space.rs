//! Allocated octets per message: 50,000 messages with no two bodies alike, a quarter of them base64.

use std::sync::Arc;

use super::{Bench, Group};
use crate::corpus;
use crate::device;
use crate::failure::Outcome;
use crate::net::deliver::Source;
use crate::server::process;
use crate::sheet::{Mark, Row, Unit};

pub(super) const GROUP: Group = Group {
    name: "space",
    peer: "dovecot",
    rows: &[Row {
        name: "space",
        what: "allocated octets per message, 50,000 messages, no two alike, a quarter base64",
        unit: Unit::Octets,
        mark: Mark::Ratio(1.0),
    }],
    run,
};

const SEED: u64 = 0x5eed_0005;

fn run(bench: &mut Bench<'_>) -> Outcome<()> {
    let count = bench.plan.size(50_000, 2_000);
    bench.start_empty(1)?;
    let source: Source = Arc::new(|serial, out| out.extend_from_slice(&corpus::quarter_base64(SEED, serial)));
    let mut before = Vec::new();
    for server in bench.servers.iter() {
        before.push(device::allocated_octets(server.data())?);
    }
    bench.fill(count, &source)?;
    let plain: usize = (0..1_000).map(|number| corpus::quarter_base64(SEED, number).len()).sum();
    bench.sheet.note("space", format!("a message has {} octets on average", plain / 1_000));
    for (server, before) in bench.servers.iter_mut().zip(before) {
        // What a server does for space when it is idle counts; it is stopped so that nothing is in flight.
        process::rest(server.process());
        server.stop()?;
        rustix::fs::sync();
        let after = device::allocated_octets(server.data())?;
        bench.sheet.record("space", server.name(), after.saturating_sub(before) as f64 / count as f64);
    }
    Ok(())
}
