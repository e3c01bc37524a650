//! From delivery to the notification: a message comes in by LMTP, and a session that watches by NOTIFY
//! (RFC 5465) hears of it while it runs no command; with one such session, and with 1,000 of 1,000 accounts.

use std::time::{Duration, Instant};

use super::{Bench, Group, millis};
use crate::failure::{Context, Outcome};
use crate::net::imap::Imap;
use crate::net::pool::Pool;
use crate::net::smtp::{SENDER, Smtp};
use crate::server::{PASSWORD, Server, process, user};
use crate::sheet::{LIMIT, Mark, Row, Sheet, Unit, quantile};

pub(super) const GROUP: Group = Group {
    name: "notify",
    peer: "dovecot",
    rows: &[
        row("notify-one", "delivery to the STATUS of NOTIFY, one watching session, p50", Mark::Recorded),
        row(
            "notify-thousand",
            "the same with 1,000 watching sessions of 1,000 accounts, p50",
            Mark::Limit("1.2 x one session"),
        ),
        row("notify-one-p99", "the first of these, p99", Mark::Recorded),
        row("notify-thousand-p99", "the second of these, p99", Mark::Recorded),
        Row {
            name: "notify-memory",
            what: "anonymous memory per session that watches all mailboxes of its account, 1,000 of them",
            unit: Unit::Kib,
            mark: Mark::Recorded,
        },
    ],
    run,
};

const fn row(name: &'static str, what: &'static str, mark: Mark) -> Row {
    Row { name, what, unit: Unit::Millis, mark }
}

/// Everything NOTIFY can tell of messages and names.
const WATCH: &str = "NOTIFY SET (personal (MessageNew MessageExpunge FlagChange MailboxName))";

fn run(bench: &mut Bench<'_>) -> Outcome<()> {
    let accounts = bench.plan.size(1_000, 20) as u32;
    let samples = bench.plan.size(400, 20);
    bench.start_empty(accounts)?;
    let pool = Pool::new(4_096, 0x4e);
    let mut serial = 0;
    bench.alternate(|server, sheet, _| {
        if server.name() != "koi" {
            return Ok(());
        }
        // From a fresh process: pages freed by an earlier run would hide the growth.
        server.stop()?;
        server.start()?;
        // What a first login takes once.
        (0..accounts.min(4)).try_for_each(|number| watch(server, number).map(drop))?;
        let mut lmtp = Smtp::lmtp(server.ports().lmtp)?;
        let mut deliver = Deliver { lmtp: &mut lmtp, pool: &pool, serial: &mut serial };
        // What is kept per account is there before, as it is for an account that gets mail.
        (0..accounts).try_for_each(|number| deliver.to(number))?;
        let mut watching = vec![watch(server, 0)?];
        let one = deliver.sample(&mut watching, samples)?;
        process::settle(server.process(), Duration::from_secs(20));
        let before = process::anonymous_octets(server.process())?;
        for number in 1..accounts {
            watching.push(watch(server, number)?);
        }
        process::settle(server.process(), Duration::from_secs(20));
        let after = process::anonymous_octets(server.process())?;
        let each = after.saturating_sub(before) as f64 / f64::from(accounts - 1) / 1_024.0;
        let thousand = deliver.sample(&mut watching, samples)?;
        record(sheet, &one, &thousand);
        sheet.record("notify-memory", "koi", each);
        Ok(())
    })
}

fn record(sheet: &mut Sheet, one: &[f64], thousand: &[f64]) {
    let at = |list: &[f64], part| quantile(list, part).unwrap_or(f64::NAN);
    sheet.record("notify-one", "koi", at(one, 0.5));
    sheet.record("notify-thousand", "koi", at(thousand, 0.5));
    sheet.record("notify-thousand", LIMIT, 1.2 * at(one, 0.5));
    sheet.record("notify-one-p99", "koi", at(one, 0.99));
    sheet.record("notify-thousand-p99", "koi", at(thousand, 0.99));
}

/// A session that hears of everything in its account.
fn watch(server: &dyn Server, number: u32) -> Outcome<Imap> {
    let mut imap = Imap::login(server.ports().imap, &user(number), PASSWORD)?;
    imap.run(WATCH)?;
    imap.shrink();
    Ok(imap)
}

struct Deliver<'a> {
    lmtp: &'a mut Smtp,
    pool: &'a Pool,
    serial: &'a mut u64,
}

impl Deliver<'_> {
    /// Sends the next message to an account; it is accepted.
    fn to(&mut self, number: u32) -> Outcome<()> {
        self.send(number)?;
        self.lmtp.accepted()
    }
    fn send(&mut self, number: u32) -> Outcome<Instant> {
        *self.serial += 1;
        let mut message = Vec::new();
        self.pool.write(*self.serial, &mut message);
        self.lmtp.open(SENDER, &user(number))?;
        let start = Instant::now();
        self.lmtp.submit(&message)?;
        Ok(start)
    }
    /// Milliseconds from the last octet of a message to its notification, each for the next of the sessions.
    fn sample(&mut self, watching: &mut [Imap], samples: u64) -> Outcome<Vec<f64>> {
        let mut times = Vec::new();
        for sample in 0..samples {
            let number = sample.checked_rem(watching.len() as u64).unwrap_or(0);
            let imap = watching.get_mut(number as usize).context("a session")?;
            let start = self.send(number as u32)?;
            imap.wait_line("* STATUS INBOX (")?;
            times.push(millis(start.elapsed()));
            imap.shrink();
            self.lmtp.accepted()?;
            std::thread::sleep(Duration::from_millis(3));
        }
        Ok(times)
    }
}
