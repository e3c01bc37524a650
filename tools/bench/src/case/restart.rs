//! Start after kill -9 with 1,000,000 messages in the account.

use std::time::Instant;

use super::{Bench, Group, import, millis};
use crate::failure::{Context, Outcome};
use crate::net::imap::Imap;
use crate::net::pool::Pool;
use crate::net::smtp::{SENDER, Smtp};
use crate::server::{PASSWORD, user};
use crate::sheet::{Mark, Row, Unit};

pub(super) const GROUP: Group = Group {
    name: "restart",
    peer: "dovecot",
    rows: &[Row {
        name: "restart",
        what: "start after kill -9 with 1,000,000 messages, to the answer of the first SELECT",
        unit: Unit::Millis,
        mark: Mark::AtMost(1_000.0),
    }],
    run,
};

const SEED: u64 = 0x5eed_0007;

fn run(bench: &mut Bench<'_>) -> Outcome<()> {
    let rounds = bench.plan.size(10, 1);
    let each = bench.plan.size(100_000, 2_000);
    let path = bench.folder.join("restart.mbox");
    let runs = bench.plan.runs;
    for server in bench.servers.iter_mut().filter(|server| server.name() == "koi") {
        server.start_empty(1)?;
        for round in 0..rounds {
            import::write_mbox(&path, each, 1_200, SEED + round)?;
            import::import(server.program().context("koi's program")?, server.data(), &path)?;
        }
        std::fs::remove_file(&path)?;
        let pool = Pool::new(4_096, 0x77);
        let mut expected = rounds * each;
        for run in 0..u64::from(runs) {
            // Some deliveries right before the kill, so that there is a tail to replay.
            let mut lmtp = Smtp::lmtp(server.ports().lmtp)?;
            for number in 0..200 {
                let mut message = Vec::new();
                pool.write(run * 1_000 + number, &mut message);
                lmtp.open(SENDER, &user(0))?;
                lmtp.submit(&message)?;
                lmtp.accepted()?;
            }
            expected += 200;
            server.kill()?;
            let start = Instant::now();
            server.start()?;
            let exists = Imap::login(server.ports().imap, &user(0), PASSWORD)?.select()?;
            bench.sheet.record("restart", "koi", millis(start.elapsed()));
            if exists != expected {
                return crate::failure::fail(format!("{exists} messages after the restart, not {expected}"));
            }
        }
    }
    Ok(())
}
