//! SORT (SUBJECT) and THREAD REFERENCES (RFC 5256 §3) of a mailbox of 50,000 messages, a list with its
//! conversations: what a client asks for whenever it opens the mailbox, and the same for the first time after
//! a restart.

use std::sync::Arc;
use std::time::Instant;

use super::{Bench, Group, millis};
use crate::corpus;
use crate::failure::{Outcome, fail};
use crate::net::deliver::Source;
use crate::net::imap::Imap;
use crate::server::{PASSWORD, Server, user};
use crate::sheet::{Mark, Row, Sheet, Unit};

pub(super) const GROUP: Group = Group {
    name: "sort",
    peer: "dovecot",
    rows: &[
        row("sort-subject", "SORT (SUBJECT) UTF-8 ALL, 50,000 messages", Mark::Ratio(3.0)),
        row("thread-references", "THREAD REFERENCES UTF-8 ALL, 50,000 messages", Mark::Ratio(3.0)),
        row("sort-first", "SORT (SUBJECT), first after a restart", Mark::Recorded),
        row("thread-first", "THREAD REFERENCES, first after a restart", Mark::Recorded),
    ],
    run,
};

const fn row(name: &'static str, what: &'static str, mark: Mark) -> Row {
    Row { name, what, unit: Unit::Millis, mark }
}

const SEED: u64 = 0x5eed_0017;
/// Times a warm command is run for one sample.
const TIMES: u32 = 5;

/// A command, its row when it was run before, and its row after a restart.
struct Case {
    command: &'static str,
    warm: &'static str,
    first: &'static str,
}

const CASES: [Case; 2] = [
    Case { command: "SORT (SUBJECT) UTF-8 ALL", warm: "sort-subject", first: "sort-first" },
    Case { command: "THREAD REFERENCES UTF-8 ALL", warm: "thread-references", first: "thread-first" },
];

fn run(bench: &mut Bench<'_>) -> Outcome<()> {
    let count = bench.plan.size(50_000, 2_000);
    bench.start_empty(1)?;
    let source: Source = Arc::new(|serial, out| out.extend_from_slice(&corpus::conversation(SEED, serial)));
    bench.fill(count, &source)?;
    for case in &CASES {
        if !bench.wants(case.warm) && !bench.wants(case.first) {
            continue;
        }
        bench.alternate(|server, sheet, _| measure(server, sheet, count, case))?;
    }
    Ok(())
}

fn measure(server: &mut dyn Server, sheet: &mut Sheet, count: u64, case: &Case) -> Outcome<()> {
    server.stop()?;
    server.start()?;
    let mut imap = Imap::login(server.ports().imap, &user(0), PASSWORD)?;
    if imap.select()? != count {
        return fail("messages are missing");
    }
    sheet.record(case.first, server.name(), timed(&mut imap, count, case.command)?);
    // The second time is not measured either: a server may write down then what it keeps.
    timed(&mut imap, count, case.command)?;
    let mut sum = 0.0;
    for _ in 0..TIMES {
        sum += timed(&mut imap, count, case.command)?;
    }
    sheet.record(case.warm, server.name(), sum / f64::from(TIMES));
    Ok(())
}

fn timed(imap: &mut Imap, count: u64, command: &str) -> Outcome<f64> {
    let start = Instant::now();
    let answer = imap.run(command)?;
    let time = millis(start.elapsed());
    // Every message is in the answer, with what separates it from the next.
    if answer.octets < count * 2 {
        return fail(format!("{command}: only {} octets", answer.octets));
    }
    Ok(time)
}
