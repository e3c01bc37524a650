//! 10,000 idle connections on one machine: each logged in, INBOX selected, in IDLE (RFC 2177), ten to an
//! account. Both sides of every connection are here, so both need so many file descriptors.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit, setrlimit};

use super::{Bench, Group};
use crate::failure::{Outcome, fail};
use crate::net::imap::Imap;
use crate::server::{PASSWORD, Server, process, user};
use crate::sheet::{Mark, Row, Unit};

pub(super) const GROUP: Group = Group {
    name: "connections",
    peer: "dovecot",
    rows: &[
        Row {
            name: "connections",
            what: "anonymous memory per connection with 10,000 idle ones in clear text, 1,000 accounts",
            unit: Unit::Kib,
            mark: Mark::Recorded,
        },
        Row {
            name: "connections-noop",
            what: "NOOP on one of the 10,000, p50",
            unit: Unit::Millis,
            mark: Mark::Recorded,
        },
    ],
    run,
};

/// Beside the connections: files of the store, listeners, pipes.
const OTHER_FILES: u64 = 500;
const NOOPS: usize = 200;

fn run(bench: &mut Bench<'_>) -> Outcome<()> {
    let connections = bench.plan.size(10_000, 100) as u32;
    let accounts = (connections / 10).max(1);
    raise_files(u64::from(connections) + OTHER_FILES)?;
    for server in bench.servers.iter_mut().filter(|server| server.name() == "koi") {
        server.start_empty(accounts)?;
        allow(server.as_mut(), connections)?;
        // Every account once, so that what is kept per account is there before the connections.
        drop(idling(server.as_ref(), accounts, accounts)?);
    }
    bench.alternate(|server, sheet, _| {
        if server.name() != "koi" {
            return Ok(());
        }
        // From a fresh process: pages freed by an earlier run would hide the growth.
        server.stop()?;
        server.start()?;
        drop(idling(server, 4, accounts)?);
        process::settle(server.process(), Duration::from_secs(20));
        let before = process::anonymous_octets(server.process())?;
        let start = Instant::now();
        let sessions = idling(server, connections, accounts)?;
        let seconds = start.elapsed().as_secs_f64();
        process::settle(server.process(), Duration::from_secs(20));
        let after = process::anonymous_octets(server.process())?;
        let each = after.saturating_sub(before) as f64 / f64::from(connections) / 1_024.0;
        sheet.record("connections", server.name(), each);
        let mut imap = Imap::login(server.ports().imap, &user(0), PASSWORD)?;
        let mut noop_ms = Vec::with_capacity(NOOPS);
        for _ in 0..NOOPS {
            let start = Instant::now();
            imap.run("NOOP")?;
            noop_ms.push(super::millis(start.elapsed()));
        }
        drop(sessions);
        let p50 = crate::sheet::quantile(&noop_ms, 0.5).unwrap_or(f64::NAN);
        sheet.record("connections-noop", server.name(), p50);
        let text = format!(
            "{connections} connections opened and idle after {seconds:.1} s; {} KiB in all",
            after / 1_024
        );
        sheet.note("connections koi", text);
        Ok(())
    })
}

/// This process and the servers it starts may have so many files open; says what to do when they may not.
fn raise_files(wanted: u64) -> Outcome<()> {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    if limit.maximum.is_some_and(|maximum| maximum < wanted) {
        let maximum = limit.maximum.unwrap_or(0);
        return fail(format!(
            "a process here may have at most {maximum} files open, and this case needs {wanted}; raise the \
             hard limit (`ulimit -Hn {wanted}` as root, or LimitNOFILE= of the unit) and run it again"
        ));
    }
    limit.current = Some(wanted);
    Ok(setrlimit(Resource::Nofile, limit)?)
}

/// Restarts the server so that it takes so many connections of one address.
fn allow(server: &mut dyn Server, connections: u32) -> Outcome<()> {
    let config = server.data().join("koi.toml");
    server.stop()?;
    let most = connections + 100;
    let settings = format!("\n[limits]\nconnections_max = {most}\nconnections_per_address_max = {most}\n");
    let text = fs::read_to_string(&config)?;
    fs::write(&config, text + &settings)?;
    server.start()
}

fn idling(server: &dyn Server, connections: u32, accounts: u32) -> Outcome<Vec<Imap>> {
    let one = |number: u32| {
        let account = number.checked_rem(accounts).unwrap_or(0);
        let mut imap = Imap::login(server.ports().imap, &user(account), PASSWORD)?;
        imap.select()?;
        imap.idle()?;
        imap.shrink();
        Ok(imap)
    };
    (0..connections).map(one).collect()
}
