//! LIST of 10,000 mailboxes with STATUS in one command (RFC 5819 §2): what a client asks for when it starts.

use std::time::Instant;

use super::{Bench, Group, millis};
use crate::failure::{Context as _, Outcome, fail};
use crate::net::imap::Imap;
use crate::server::{PASSWORD, Server, user};
use crate::sheet::{Mark, Row, Sheet, Unit};

pub(super) const GROUP: Group = Group {
    name: "list",
    peer: "dovecot",
    rows: &[Row {
        name: "list-status",
        what: "LIST \"\" * RETURN (STATUS (MESSAGES UNSEEN UIDNEXT)), 10,000 mailboxes",
        unit: Unit::Millis,
        mark: Mark::Ratio(2.0),
    }],
    run,
};

/// One measurement is the mean of so many.
const REPEATS: u32 = 5;

fn run(bench: &mut Bench<'_>) -> Outcome<()> {
    let count = bench.plan.size(10_000, 500);
    bench.start_empty(1)?;
    for server in bench.servers.iter_mut() {
        create_mailboxes(server.as_ref(), count).context(server.name())?;
    }
    bench.alternate(|server, sheet, _| list_status(server, sheet, count))
}

/// Mailboxes on two levels; every tenth has a message.
fn create_mailboxes(server: &dyn Server, count: u64) -> Outcome<()> {
    let start = Instant::now();
    let mut imap = Imap::login(server.ports().imap, &user(0), PASSWORD)?;
    imap.append_many(&[b"Subject: one\r\n\r\nText\r\n".to_vec()])?;
    let name = |number: u64| format!("project-{:03}/mailbox-{number:05}", number / 100);
    for number in 0..count {
        imap.run(&format!("CREATE {}", name(number)))?;
    }
    imap.select()?;
    for number in (0..count).step_by(10) {
        imap.run(&format!("COPY 1 {}", name(number)))?;
    }
    eprintln!("  made {count} mailboxes in {} in {:.1} s", server.name(), start.elapsed().as_secs_f64());
    Ok(())
}

fn list_status(server: &mut dyn Server, sheet: &mut Sheet, count: u64) -> Outcome<()> {
    let mut imap = Imap::login(server.ports().imap, &user(0), PASSWORD)?;
    let mut sum = 0.0;
    // The first is not measured: what the server has read of its mailboxes it knows from then on.
    for repeat in 0..=REPEATS {
        let start = Instant::now();
        let command = "LIST \"\" * RETURN (STATUS (MESSAGES UNSEEN UIDNEXT))";
        let answer = imap.run_counting(command, b"* STATUS ")?;
        if answer.found < count {
            return fail(format!("{} mailboxes with STATUS where {count} should be", answer.found));
        }
        if repeat > 0 {
            sum += millis(start.elapsed()) / f64::from(REPEATS);
        }
    }
    sheet.record("list-status", server.name(), sum);
    Ok(())
}
