//! JMAP (RFC 8620, RFC 8621) beside Cyrus, over TLS on connections that are kept: what a client asks for when
//! it opens a mailbox of 50,000 messages of a list with conversations, searches it, flags what was chosen,
//! and learns of a new message.
//!
//! Both servers have the same messages with the same internal dates. Before anything is measured, each case
//! is asked once of each server and the answers are compared: the same mailboxes, the same fifty emails, the
//! same hits.

mod ask;
mod changes;
mod event;
mod load;
mod memory;
mod same;

use std::sync::Arc;
use std::time::Instant;

use rustls::ClientConfig;

use super::{Bench, Group};
use crate::corpus;
use crate::failure::{Context, Outcome};
use crate::net::imap::{Dated, Imap};
use crate::net::jmap::Jmap;
use crate::net::trust;
use crate::server::{Index, PASSWORD, Server, user};
use crate::sheet::{Mark, Row, Unit};

pub(super) const GROUP: Group = Group {
    name: "jmap",
    peer: "cyrus",
    rows: &[
        rate("jmap-mailboxes", "Mailbox/get of 50 mailboxes, 4 connections"),
        p95("jmap-mailboxes-p95", "the same, p95 of a request"),
        rate(
            "jmap-newest",
            "Email/query and Email/get of what a list shows of the 50 newest of 50,000, 4 connections",
        ),
        p95("jmap-newest-p95", "the same, p95 of a request"),
        rate(
            "jmap-text",
            "Email/query by text, a word that one or a few of 50,000 messages have, 4 connections",
        ),
        p95("jmap-text-p95", "the same, p95 of a request"),
        rate("jmap-set", "Email/set of a keyword on 100 emails, 4 connections, one account"),
        p95("jmap-set-p95", "the same, p95 of a request"),
        rate("jmap-changes", "Email/changes after one delivery, 1 connection (the delivery is not timed)"),
        p95("jmap-changes-p95", "the same, p95 of a request"),
        Row {
            name: "jmap-event",
            what: "delivery to the event of the new state (EventSource), p50",
            unit: Unit::Millis,
            mark: Mark::Limit("2 bare flushes + 5 ms"),
        },
        Row { name: "jmap-event-p99", what: "the same, p99", unit: Unit::Millis, mark: Mark::Recorded },
        Row {
            name: "jmap-memory",
            what: "largest resident memory while 100,000 ids are queried 10 times, above that before",
            unit: Unit::Kib,
            mark: Mark::AtMost(16.0 * 1_024.0),
        },
    ],
    run,
};

const fn rate(name: &'static str, what: &'static str) -> Row {
    Row { name, what, unit: Unit::PerSecond, mark: Mark::Ratio(3.0) }
}

const fn p95(name: &'static str, what: &'static str) -> Row {
    Row { name, what, unit: Unit::Millis, mark: Mark::Ratio(3.0) }
}

const SEED: u64 = 0x5eed_0006;
/// Mailboxes of the account, INBOX among them.
const MAILBOXES: u64 = 50;
/// Messages of one APPEND while a mailbox is filled.
const APPENDED_AT_ONCE: usize = 200;

fn run(bench: &mut Bench<'_>) -> Outcome<()> {
    let tls = trust::any_certificate()?;
    let wanted = |rows: &[&str]| rows.iter().any(|row| bench.wants(row));
    let loads = load::CASES.iter().filter(|case| wanted(&[case.row, case.p95])).collect::<Vec<_>>();
    let (changes, event, memory) = (
        wanted(&["jmap-changes", "jmap-changes-p95"]),
        wanted(&["jmap-event", "jmap-event-p99"]),
        wanted(&["jmap-memory"]),
    );
    let plan = bench.plan;
    if !loads.is_empty() || changes || event {
        fill(bench, &tls)?;
        for case in loads {
            bench.alternate(|server, sheet, run| {
                load::measure(server, sheet, &tls, case, run, plan.rate_time())
            })?;
        }
        if changes {
            changes::measure(bench, &tls)?;
        }
        if event {
            event::measure(bench, &tls)?;
        }
    }
    if memory { memory::measure(bench, &tls) } else { Ok(()) }
}

/// The same mailboxes and messages for every server, with the answers compared.
fn fill(bench: &mut Bench<'_>, tls: &Arc<ClientConfig>) -> Outcome<()> {
    let count = bench.plan.size(50_000, 2_000);
    let searched = bench.wants("jmap-text") || bench.wants("jmap-text-p95");
    for server in bench.servers.iter_mut() {
        server.index(Index::On);
    }
    bench.start_empty(2)?;
    for server in bench.servers.iter_mut() {
        server.restart_for_filling(true)?;
        let start = Instant::now();
        append(server.as_ref(), count).context(server.name())?;
        let filled = start.elapsed().as_secs_f64();
        // Only for searches: it takes minutes.
        if searched {
            server.build_index()?;
        }
        let indexed = start.elapsed().as_secs_f64() - filled;
        eprintln!(
            "  filled {} with {count} messages in {filled:.1} s, indexed in {indexed:.1} s",
            server.name()
        );
        server.restart_for_filling(false)?;
        create_mailboxes(server.as_ref(), tls).context(server.name())?;
    }
    same::check(bench, tls, count, searched)
}

fn append(server: &dyn Server, count: u64) -> Outcome<()> {
    let mut imap = Imap::login(server.ports().imap, &user(0), PASSWORD)?;
    for first in (0..count).step_by(APPENDED_AT_ONCE) {
        let last = count.min(first + APPENDED_AT_ONCE as u64);
        let one = |number| Dated { date: date(number), message: corpus::conversation(SEED, number) };
        imap.append_dated(&(first..last).map(one).collect::<Vec<_>>())?;
    }
    Ok(())
}

/// A minute after that of the message before.
fn date(number: u64) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (minute, hour, day) = (number % 60, number / 60 % 24, number / 1_440);
    let month = MONTHS.get((day / 28 % 12) as usize).copied().unwrap_or("Jan");
    format!("{:02}-{month}-{} {hour:02}:{minute:02}:00 +0000", day % 28 + 1, 2020 + day / 336)
}

/// As many as make `MAILBOXES` with those the server made itself.
fn create_mailboxes(server: &dyn Server, tls: &Arc<ClientConfig>) -> Outcome<()> {
    let mut jmap = connect(server, tls)?;
    let there = ask::mailbox_list(&mut jmap)?.len() as u64;
    let mut imap = Imap::login(server.ports().imap, &user(0), PASSWORD)?;
    for number in there..MAILBOXES {
        imap.run(&format!("CREATE Project-{number:02}"))?;
        imap.run(&format!("SUBSCRIBE Project-{number:02}"))?;
    }
    Ok(())
}

/// A connection for account 0.
fn connect(server: &dyn Server, tls: &Arc<ClientConfig>) -> Outcome<Jmap> {
    let port = server.ports().https.context("a port for JMAP")?;
    Jmap::open(port, tls, &user(0), PASSWORD)
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn dates_go_on() {
        assert_eq!(date(0), "01-Jan-2020 00:00:00 +0000");
        assert_eq!(date(28 * 1_440 + 61), "01-Feb-2020 01:01:00 +0000");
        assert_eq!(date(336 * 1_440 - 1), "28-Dec-2020 23:59:00 +0000");
    }
}
