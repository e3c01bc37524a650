//! From submission to EXISTS: one user sends to another, whose client idles; over TLS, with the sender's copy
//! in Sent (RFC 6409, RFC 2177). Dovecot's submission is a proxy to another server and has no row.

use std::process::Command;
use std::time::{Duration, Instant};

use super::{Bench, Group, millis};
use crate::device::BareFlush;
use crate::failure::{Context, Outcome, fail};
use crate::net::imap::Imap;
use crate::net::smtp::Smtp;
use crate::server::{PASSWORD, Server, user};
use crate::sheet::{LIMIT, Mark, Row, Unit, quantile};

pub(super) const GROUP: Group = Group {
    name: "submit",
    peer: "dovecot",
    rows: &[
        Row {
            name: "submit-exists",
            what: "submission to EXISTS at the other user, p50",
            unit: Unit::Millis,
            mark: Mark::Limit("2 bare flushes + 3 ms"),
        },
        Row {
            name: "submit-exists-p99",
            what: "submission to EXISTS at the other user, p99",
            unit: Unit::Millis,
            mark: Mark::Recorded,
        },
    ],
    run,
};

/// Octets of text in each message.
const TEXT_OCTETS: usize = 3_000;

fn run(bench: &mut Bench<'_>) -> Outcome<()> {
    bench.start_empty(2)?;
    let (samples, folder) = (bench.plan.size(400, 60), bench.folder.to_path_buf());
    let mut serial = 0;
    bench.alternate(|server, sheet, run| {
        let Some(port) = server.ports().submissions else { return Ok(()) };
        if run == 0 {
            keep_copies(server)?;
        }
        let mut flush = BareFlush::new(&folder)?;
        let (mut exists_ms, mut flush_ms) = (Vec::new(), Vec::new());
        let mut imap = Imap::login(server.ports().imap, &user(1), PASSWORD)?;
        let mut exists = imap.select()?;
        imap.idle()?;
        let mut submission = Smtp::submission(port, &user(0), PASSWORD)?;
        for _ in 0..samples {
            serial += 1;
            exists += 1;
            let message = message(serial);
            submission.open(&user(0), &user(1))?;
            let start = Instant::now();
            submission.submit(&message)?;
            imap.wait_exists(exists)?;
            exists_ms.push(millis(start.elapsed()));
            submission.accepted()?;
            flush_ms.push(millis(flush.once()?));
            std::thread::sleep(Duration::from_millis(3));
        }
        let at = |list: &[f64], part| quantile(list, part).unwrap_or(f64::NAN);
        sheet.record("submit-exists", server.name(), at(&exists_ms, 0.5));
        sheet.record("submit-exists", LIMIT, 2.0 * at(&flush_ms, 0.5) + 3.0);
        sheet.record("submit-exists-p99", server.name(), at(&exists_ms, 0.99));
        Ok(())
    })
}

/// The sender's account asks for copies: the longer way.
fn keep_copies(server: &dyn Server) -> Outcome<()> {
    let Some(program) = server.program() else { return Ok(()) };
    let config = server.data().join("koi.toml");
    let mut command = Command::new(program);
    command.arg("account").arg("set").arg(user(0)).args(["sent-copy", "on"]).arg("--config").arg(config);
    match command.status().context("koi account set")?.success() {
        true => Ok(()),
        false => fail("koi account set failed"),
    }
}

fn message(serial: u64) -> Vec<u8> {
    let line = "A line of some words, as people write them to each other every day.\r\n";
    let text = line.repeat(TEXT_OCTETS / line.len());
    format!(
        "From: <{}>\r\nTo: <{}>\r\nSubject: message {serial}\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\n\
         Message-ID: <{serial}@bench.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n{text}",
        user(0),
        user(1)
    )
    .into_bytes()
}
