//! Durable deliveries of 4 KB by LMTP to an account with COI, the filter `active` and 10,000 blocked
//! contacts (COI-client §blocking-contacts), beside the same to an account without: what chat by IMAP costs.
//! Dovecot has nothing to compare.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Bench, Group};
use crate::failure::Outcome;
use crate::net::crowd;
use crate::net::deliver::{self, End, Source};
use crate::net::imap::Imap;
use crate::net::pool::Pool;
use crate::server::process::Spent;
use crate::server::{PASSWORD, Server, user};
use crate::sheet::{LIMIT, Mark, Row, Unit};

pub(super) const GROUP: Group = Group {
    name: "coi",
    peer: "dovecot",
    rows: &[
        row("coi-1", "LMTP delivery of a chat message of 4 KB, COI active, 10,000 blocked, 1 connection"),
        row("coi-16", "LMTP delivery of a chat message of 4 KB, COI active, 10,000 blocked, 16 connections"),
    ],
    run,
};

const fn row(name: &'static str, what: &'static str) -> Row {
    Row { name, what, unit: Unit::PerSecond, mark: Mark::Floor("1 / 1.1 of one without COI") }
}

/// Connections of each row, in the order of the rows.
const CONNECTIONS: [u64; 2] = [1, 16];
/// How much longer a delivery may take.
const TIMES_MAX: f64 = 1.1;
const PLAIN: u32 = 0;
const CHATTING: u32 = 1;
/// Contacts appended in one write.
const AT_A_TIME: u64 = 100;

fn run(bench: &mut Bench<'_>) -> Outcome<()> {
    bench.start_empty(2)?;
    let contacts = bench.plan.size(10_000, 500);
    for server in bench.servers.iter().filter(|server| server.name() == "koi") {
        chat(server.as_ref(), contacts)?;
    }
    let pool = Pool::new(4_096, 0xc0);
    let source: Source = Arc::new(move |serial, out: &mut Vec<u8>| {
        out.extend_from_slice(b"Chat-Version: 1.0\r\n");
        pool.write(serial, out);
    });
    let time = bench.plan.rate_time();
    let mut first = 0;
    for (row, connections) in GROUP.rows.iter().zip(CONNECTIONS) {
        if !bench.wants(row.name) {
            continue;
        }
        bench.alternate(|server, sheet, run| {
            if server.name() != "koi" {
                return Ok(());
            }
            // Each in turn is the one that goes first.
            let order = if run % 2 == 0 { [PLAIN, CHATTING] } else { [CHATTING, PLAIN] };
            for account in order {
                first += 10_000_000;
                let from = Instant::now() + Duration::from_millis(300);
                let end = End::Time { from, until: from + time };
                let spent = Spent::so_far(server.process());
                let talks = deliver::crowd(connections, &source, &[user(account)], first, end);
                let talks = crowd::run(server.ports().lmtp, talks)?;
                let count: usize = talks.iter().map(|talk| talk.latencies_us.len()).sum();
                let rate = count as f64 / time.as_secs_f64();
                let key = match account {
                    CHATTING => {
                        sheet.record(row.name, server.name(), rate);
                        format!("{} with", row.name)
                    }
                    _ => {
                        sheet.record(row.name, LIMIT, rate / TIMES_MAX);
                        format!("{} without", row.name)
                    }
                };
                sheet.note(&key, spent.per_piece(server.process(), count));
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Enables COI with the filter `active` and stores contacts that are blocked.
fn chat(server: &dyn Server, contacts: u64) -> Outcome<()> {
    let mut imap = Imap::login(server.ports().imap, &user(CHATTING), PASSWORD)?;
    let config = "/private/vendor/vendor.dovecot/coi/config";
    imap.run(&format!("SETMETADATA \"\" ({config}/enabled yes {config}/message-filter active)"))?;
    let start = Instant::now();
    for first in (0..contacts).step_by(AT_A_TIME as usize) {
        let messages: Vec<Vec<u8>> = (first..contacts.min(first + AT_A_TIME)).map(contact).collect();
        imap.append_each("COI/Contacts", &messages)?;
    }
    eprintln!("  stored {contacts} contacts in {:.1} s", start.elapsed().as_secs_f64());
    imap.run("LOGOUT").map(drop)
}

/// A contact storage message about an address whose hash looks like any other.
fn contact(number: u64) -> Vec<u8> {
    let words: [u64; 4] =
        [1, 3, 5, 7].map(|odd| (number + odd).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(odd as u32));
    let hash: String = words.iter().map(|word| format!("{word:016x}")).collect();
    format!(
        "From: <{}>\r\nCOI-From-Hash: {hash}\r\nCOI-Blocked: yes\r\nSubject: Contact\r\nChat-Version: 1.0\r\n\
         Message-ID: <chat${number}@bench.example>\r\nMIME-Version: 1.0\r\nChat-Content: contact\r\n\r\n\
         <p class=\"h-card\">{number}</p>\r\n",
        user(CHATTING)
    )
    .into_bytes()
}
