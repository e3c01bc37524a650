//! Anonymous memory per idle connection at 1,000 accounts: each account logged in, INBOX selected,
//! IDLE; over TLS, compressed over TLS, and in clear text.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use super::{Bench, Group};
use crate::failure::Outcome;
use crate::net::imap::Imap;
use crate::net::trust;
use crate::server::{PASSWORD, Server, process, user};
use crate::sheet::{Mark, Row, Unit};

pub(super) const GROUP: Group = Group {
    name: "memory",
    peer: "dovecot",
    rows: &[
        Row {
            name: "memory-tls",
            what: "anonymous memory per idle TLS connection, 1,000 accounts",
            unit: Unit::Kib,
            mark: Mark::AtMost(40.0),
        },
        Row {
            name: "memory-compressed",
            what: "the same over TLS with COMPRESS=DEFLATE",
            unit: Unit::Kib,
            mark: Mark::AtMost(56.0),
        },
        Row {
            name: "memory-clear",
            what: "the same in clear text",
            unit: Unit::Kib,
            mark: Mark::AtMost(16.0),
        },
    ],
    run,
};

fn run(bench: &mut Bench<'_>) -> Outcome<()> {
    let accounts = bench.plan.size(1_000, 50) as u32;
    let tls = trust::any_certificate()?;
    bench.start_empty(accounts)?;
    for server in bench.servers.iter() {
        // Every account once, so that what is kept per account is there before the connections.
        drop(idling(server.as_ref(), accounts, Some(&tls), false)?);
    }
    let rows = [
        ("memory-tls", Some(&tls), false),
        ("memory-compressed", Some(&tls), true),
        ("memory-clear", None, false),
    ];
    for (row, tls, compressed) in rows {
        if !bench.wants(row) {
            continue;
        }
        bench.alternate(|server, sheet, _| {
            // From a fresh process: pages freed by an earlier run would hide the growth.
            server.stop()?;
            server.start()?;
            drop(idling(server, 4, tls, compressed)?);
            process::settle(server.process(), Duration::from_secs(20));
            let before = process::anonymous_octets(server.process())?;
            let sessions = idling(server, accounts, tls, compressed)?;
            process::settle(server.process(), Duration::from_secs(20));
            let after = process::anonymous_octets(server.process())?;
            drop(sessions);
            let each = after.saturating_sub(before) as f64 / f64::from(accounts) / 1_024.0;
            sheet.record(row, server.name(), each);
            Ok(())
        })?;
    }
    Ok(())
}

fn idling(
    server: &dyn Server,
    accounts: u32,
    tls: Option<&Arc<ClientConfig>>,
    compressed: bool,
) -> Outcome<Vec<Imap>> {
    let ports = server.ports();
    let port = if tls.is_some() { ports.imaps } else { ports.imap };
    let one = |number| {
        let mut imap = Imap::connect(port, tls)?;
        imap.run(&format!("LOGIN {} {PASSWORD}", user(number)))?;
        if compressed {
            imap.compress()?;
        }
        imap.select()?;
        imap.idle()?;
        imap.shrink();
        Ok(imap)
    };
    (0..accounts).map(one).collect()
}
