//! A mailbox of 50,000 messages: SELECT, FETCH, STORE (RFC 9051 §6.3.2, §6.4.5, §6.4.6), SEARCH TEXT
//! (§6.4.4) for an exact substring without an index, and coming back with QRESYNC (RFC 7162 §3.2.5).

use std::sync::Arc;
use std::time::Instant;

use super::{Bench, Group, millis};
use crate::corpus;
use crate::device::{self, Dropped};
use crate::failure::{Context, Outcome, fail};
use crate::net::deliver::Source;
use crate::net::imap::Imap;
use crate::rng::Rng;
use crate::server::{Index, PASSWORD, Server, user};
use crate::sheet::{Mark, Row, Sheet, Unit};

pub(super) const GROUP: Group = Group {
    name: "imap",
    peer: "dovecot",
    rows: &[
        row("select", "SELECT in a fresh session, 50,000 messages", 1.0),
        row("fetch-flags", "FETCH 1:* (FLAGS), 50,000 messages", 2.0),
        row("fetch-envelope", "FETCH 1:* (ENVELOPE), 50,000 messages, warm", 2.0),
        row("envelope-cold", "the same, first after a restart, page cache dropped", 3.0),
        row("fetch-body", "FETCH of 5,000 BODY.PEEK[] in one command", 2.0),
        row("store-flags", "STORE 1:* +FLAGS, 50,000 messages (Koi flushes it)", 1.0),
        row("search-text", "SEARCH TEXT, fresh random needle, 50,000 messages", 10.0),
        row("search-first", "the same, first query after a restart", 10.0),
        Row {
            name: "select-holes",
            what: "SELECT in a fresh session after every tenth message was expunged",
            unit: Unit::Millis,
            mark: Mark::Recorded,
        },
        row("qresync", "SELECT (QRESYNC …) after 1,000 changes in 50,000 messages", 2.0),
    ],
    run,
};

const fn row(name: &'static str, what: &'static str, times: f64) -> Row {
    Row { name, what, unit: Unit::Millis, mark: Mark::Ratio(times) }
}

const SEED: u64 = 0x5eed_0003;

fn fill(bench: &mut Bench<'_>) -> Outcome<u64> {
    let count = bench.plan.size(50_000, 2_000);
    // SEARCH is measured without an index here, with one in the group `search`.
    for server in bench.servers.iter_mut() {
        server.index(Index::Off);
    }
    bench.start_empty(1)?;
    let source: Source = Arc::new(|serial, out| out.extend_from_slice(&corpus::mixed(SEED, serial)));
    bench.fill(count, &source)?;
    Ok(count)
}

fn run(bench: &mut Bench<'_>) -> Outcome<()> {
    let count = fill(bench)?;
    for server in bench.servers.iter_mut() {
        // Dovecot learns here what to keep in its cache file.
        let mut imap = session(server.as_ref(), count)?;
        expect(&imap.run("FETCH 1:* (FLAGS)")?.found, count)?;
        expect(&imap.run("FETCH 1:* (ENVELOPE)")?.found, count)?;
    }
    let wanted = |row: &&Row| bench.plan.wants(GROUP.name, row.name);
    let names: Vec<&str> = GROUP.rows.iter().filter(wanted).map(|row| row.name).collect();
    for name in names.iter().copied() {
        match name {
            "select" => bench.alternate(|server, sheet, _| select(server, sheet, count, name))?,
            "select-holes" => {
                for server in bench.servers.iter_mut() {
                    expunge_every_tenth(server.as_ref(), count)?;
                }
                bench.alternate(|server, sheet, _| select(server, sheet, count - count / 10, name))?;
            }
            "qresync" => qresync(bench, count)?,
            "fetch-body" => bench.alternate(|server, sheet, run| bodies(server, sheet, count, run))?,
            "store-flags" => bench.alternate(|server, sheet, _| store(server, sheet, count))?,
            // One measurement fills both rows.
            "search-first" if names.contains(&"search-text") => {}
            "search-text" | "search-first" => search(bench, count)?,
            "envelope-cold" => bench.alternate(|server, sheet, _| envelope_cold(server, sheet, count))?,
            "fetch-flags" => bench.alternate(|server, sheet, _| warm(server, sheet, count, name, "FLAGS"))?,
            _ => bench.alternate(|server, sheet, _| warm(server, sheet, count, name, "ENVELOPE"))?,
        }
    }
    Ok(())
}

/// A fresh session with INBOX selected.
fn session(server: &dyn Server, count: u64) -> Outcome<Imap> {
    let mut imap = Imap::login(server.ports().imap, &user(0), PASSWORD)?;
    expect(&imap.select()?, count)?;
    Ok(imap)
}

fn expect(seen: &u64, wanted: u64) -> Outcome<()> {
    if *seen == wanted { Ok(()) } else { fail(format!("{seen} messages where {wanted} should be")) }
}

fn timed<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<(T, f64)> {
    let start = Instant::now();
    let result = work()?;
    Ok((result, millis(start.elapsed())))
}

fn select(server: &mut dyn Server, sheet: &mut Sheet, count: u64, row: &str) -> Outcome<()> {
    let mut sum = 0.0;
    for _ in 0..5 {
        let mut imap = Imap::login(server.ports().imap, &user(0), PASSWORD)?;
        let (exists, ms) = timed(|| imap.select())?;
        expect(&exists, count)?;
        imap.run("LOGOUT")?;
        sum += ms / 5.0;
    }
    sheet.record(row, server.name(), sum);
    Ok(())
}

fn expunge_every_tenth(server: &dyn Server, count: u64) -> Outcome<()> {
    let mut imap = session(server, count)?;
    let numbers: Vec<String> = (1..=count / 10).map(|tenth| (tenth * 10).to_string()).collect();
    for some in numbers.chunks(500) {
        imap.run(&format!("STORE {} +FLAGS.SILENT (\\Deleted)", some.join(",")))?;
    }
    imap.run("EXPUNGE").map(drop)
}

/// What a client knew of INBOX before it was changed.
struct Known {
    server: &'static str,
    uid_validity: u64,
    mod_seq: u64,
}

/// Half of the changes are flags, half are messages that go; both are spread over the mailbox.
fn qresync(bench: &mut Bench<'_>, count: u64) -> Outcome<()> {
    let changes = 1_000.min(count / 2);
    let mut known = Vec::new();
    for server in bench.servers.iter_mut() {
        known.push(change(server.as_ref(), changes)?);
    }
    bench.alternate(|server, sheet, _| {
        let name = server.name();
        let Some(known) = known.iter().find(|known| known.server == name) else {
            return fail(format!("{name} was not changed"));
        };
        let command = format!("SELECT INBOX (QRESYNC ({} {}))", known.uid_validity, known.mod_seq);
        let mut sum = 0.0;
        for _ in 0..5 {
            let mut imap = Imap::login(server.ports().imap, &user(0), PASSWORD)?;
            imap.run("ENABLE QRESYNC")?;
            let (answer, ms) = timed(|| imap.run(&command))?;
            expect(&answer.found, changes / 2)?;
            imap.run("LOGOUT")?;
            sum += ms / 5.0;
        }
        sheet.record("qresync", name, sum);
        Ok(())
    })
}

fn change(server: &dyn Server, changes: u64) -> Outcome<Known> {
    let mut imap = Imap::login(server.ports().imap, &user(0), PASSWORD)?;
    imap.run("ENABLE QRESYNC")?;
    let answer = imap.run("SELECT INBOX")?;
    let text = String::from_utf8_lossy(&answer.tail).to_string();
    let number = |word: &str| -> Outcome<u64> {
        let rest = text.split_once(word).and_then(|(_, rest)| rest.split_once(']'));
        Ok(rest.context("SELECT without a response code")?.0.parse()?)
    };
    let (uid_validity, mod_seq) = (number("[UIDVALIDITY ")?, number("[HIGHESTMODSEQ ")?);
    let exists = text.lines().find_map(|line| line.strip_prefix("* ")?.strip_suffix(" EXISTS"));
    let exists: u64 = exists.context("SELECT without EXISTS")?.trim().parse()?;
    let step = (exists / changes).max(1);
    for (offset, flag) in [(1, "\\Answered"), (2, "\\Deleted")] {
        let at = |each: u64| (each * 2 * step + offset).to_string();
        let numbers: Vec<String> = (0..changes / 2).map(at).collect();
        for some in numbers.chunks(250) {
            imap.run(&format!("STORE {} +FLAGS.SILENT ({flag})", some.join(",")))?;
        }
    }
    imap.run("EXPUNGE")?;
    Ok(Known { server: server.name(), uid_validity, mod_seq })
}

fn warm(server: &mut dyn Server, sheet: &mut Sheet, count: u64, row: &str, item: &str) -> Outcome<()> {
    let mut imap = session(server, count)?;
    let (answer, ms) = timed(|| imap.run(&format!("FETCH 1:* ({item})")))?;
    expect(&answer.found, count)?;
    sheet.record(row, server.name(), ms);
    Ok(())
}

fn envelope_cold(server: &mut dyn Server, sheet: &mut Sheet, count: u64) -> Outcome<()> {
    server.stop()?;
    if device::drop_page_cache(server.data())? == Dropped::FilePages {
        let text = "drop_caches was not permitted; only the pages of the server's files were dropped";
        sheet.note("envelope-cold", text.to_string());
    }
    server.start()?;
    warm(server, sheet, count, "envelope-cold", "ENVELOPE")
}

fn bodies(server: &mut dyn Server, sheet: &mut Sheet, count: u64, run: u32) -> Outcome<()> {
    let some = 5_000.min(count);
    let first = Rng::new(SEED + u64::from(run)).below(count - some + 1) + 1;
    let mut imap = session(server, count)?;
    let command = format!("FETCH {first}:{} BODY.PEEK[]", first + some - 1);
    // The page cache is warm for both: the first time is not measured.
    imap.run(&command)?;
    let (answer, ms) = timed(|| imap.run(&command))?;
    if answer.octets < some * 1_500 {
        return fail(format!("only {} octets for {some} bodies", answer.octets));
    }
    sheet.record("fetch-body", server.name(), ms);
    Ok(())
}

fn store(server: &mut dyn Server, sheet: &mut Sheet, count: u64) -> Outcome<()> {
    let mut imap = session(server, count)?;
    let (answer, ms) = timed(|| imap.run("STORE 1:* +FLAGS (\\Flagged)"))?;
    expect(&answer.found, count)?;
    imap.run("STORE 1:* -FLAGS.SILENT (\\Flagged)")?;
    sheet.record("store-flags", server.name(), ms);
    Ok(())
}

/// Both search rows: the first query after a restart, and the next one.
fn search(bench: &mut Bench<'_>, count: u64) -> Outcome<()> {
    for server in bench.servers.iter_mut() {
        // A text that is there must be found before the speed of not finding one counts.
        let known = count - 10;
        let mut imap = session(server.as_ref(), count)?;
        let answer = imap.run(&format!("SEARCH TEXT \"{SEED:x}-{known:x}\""))?;
        let text = String::from_utf8_lossy(&answer.tail);
        let found = text.lines().find_map(|line| line.strip_prefix("* SEARCH "));
        if found.is_none_or(|numbers| numbers.trim().parse::<u64>().is_err()) {
            return fail(format!(
                "{}: SEARCH TEXT does not find the one message with the text",
                server.name()
            ));
        }
    }
    let mut needles = Rng::new(std::process::id().into());
    bench.alternate(|server, sheet, _| {
        server.stop()?;
        server.start()?;
        let mut imap = session(server, count)?;
        for row in ["search-first", "search-text"] {
            let needle: String = (0..9).map(|_| needles.pick(&["qx", "zj", "vw", "kq", "jx"])).collect();
            let (answer, ms) = timed(|| imap.run(&format!("SEARCH TEXT \"{needle}\"")))?;
            if answer.octets > 500 {
                return fail("SEARCH found a needle that is nowhere");
            }
            sheet.record(row, server.name(), ms);
        }
        Ok(())
    })
}
