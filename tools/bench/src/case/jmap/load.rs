//! Requests in a closed loop, one at a time on each of four connections: each is whole before the measured
//! time begins or is made while no clock runs; the answer is read whole and its parts are counted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;

use super::ask::{self, NEWEST, mailboxes, newest, text, words};
use super::{MAILBOXES, connect};
use crate::case::millis;
use crate::failure::{Context, Outcome, fail};
use crate::net::jmap::{Jmap, shown};
use crate::server::{Server, process};
use crate::sheet::{Sheet, quantile};

/// Connections at a time.
const CONNECTIONS: u64 = 4;
/// Emails of one Email/set.
const SET_EMAILS: u64 = 100;
/// Lots of emails a connection flags in turn.
const LOTS: u64 = 4;
/// Words of one connection, which begins anew when it has searched for all.
const WORDS: usize = 4_000;
/// Before the measured time.
const WARM: Duration = Duration::from_millis(300);
/// One kind of request and its rows.
pub(super) struct Case {
    pub(super) row: &'static str,
    pub(super) p95: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Mailboxes,
    Newest,
    Text,
    Set,
}

pub(super) const CASES: &[Case] = &[
    Case { row: "jmap-mailboxes", p95: "jmap-mailboxes-p95", kind: Kind::Mailboxes },
    Case { row: "jmap-newest", p95: "jmap-newest-p95", kind: Kind::Newest },
    Case { row: "jmap-text", p95: "jmap-text-p95", kind: Kind::Text },
    Case { row: "jmap-set", p95: "jmap-set-p95", kind: Kind::Set },
];

fn set(account: &str, ids: &[String], flagged: bool) -> String {
    let value = if flagged { "true" } else { "null" };
    let patches: Vec<String> =
        ids.iter().map(|id| format!(r#""{id}":{{"keywords/$flagged":{value}}}"#)).collect();
    format!(r#"["Email/set",{{"accountId":"{account}","update":{{{}}}}},"0"]"#, patches.join(","))
}

/// One run of one server: requests in a second, their p95, and what they cost.
pub(super) fn measure(
    server: &mut dyn Server,
    sheet: &mut Sheet,
    tls: &Arc<ClientConfig>,
    case: &Case,
    run: u32,
    time: Duration,
) -> Outcome<()> {
    let open = |number| {
        let mut jmap = connect(server, tls)?;
        let maker = Maker::new(&mut jmap, case.kind, number, run)?;
        Ok(Loop { jmap, maker })
    };
    let loops = (0..CONNECTIONS).map(open).collect::<Outcome<Vec<_>>>()?;
    let spent = process::Spent::so_far(server.process());
    let from = Instant::now() + WARM;
    let until = from + time;
    let done = std::thread::scope(|scope| {
        let running: Vec<_> =
            loops.into_iter().map(|each| scope.spawn(move || each.run(from, until))).collect();
        let join = |each: std::thread::ScopedJoinHandle<'_, Outcome<Times>>| {
            each.join().unwrap_or_else(|_| fail("a connection's thread panicked"))
        };
        running.into_iter().map(join).collect::<Outcome<Vec<_>>>()
    })?;
    let all: usize = done.iter().map(|times| times.requests).sum();
    let times_ms: Vec<f64> = done.into_iter().flat_map(|times| times.counted_ms).collect();
    sheet.note(&format!("{} {}", case.row, server.name()), spent.per_piece(server.process(), all));
    sheet.record(case.row, server.name(), times_ms.len() as f64 / time.as_secs_f64());
    sheet.record(case.p95, server.name(), quantile(&times_ms, 0.95).context("a request in that time")?);
    Ok(())
}

/// One connection that asks and asks.
struct Loop {
    jmap: Jmap,
    maker: Maker,
}

struct Times {
    /// Of requests answered in the measured time.
    counted_ms: Vec<f64>,
    requests: usize,
}

impl Loop {
    fn run(mut self, from: Instant, until: Instant) -> Outcome<Times> {
        let mut times = Times { counted_ms: Vec::new(), requests: 0 };
        let mut body = Vec::new();
        loop {
            let request = self.maker.next(&self.jmap);
            let start = Instant::now();
            self.jmap.exchange(&request, &mut body)?;
            let end = Instant::now();
            self.maker.check(&body)?;
            times.requests += 1;
            if end >= until {
                return Ok(times);
            }
            if end >= from {
                times.counted_ms.push(millis(end.duration_since(start)));
            }
        }
    }
}

/// Makes the requests of one connection.
struct Maker {
    kind: Kind,
    account: String,
    /// The one request, where it is always the same.
    fixed: Vec<u8>,
    /// What is searched for.
    words: Vec<String>,
    /// Ids that are flagged, and unflagged, in turn.
    lots: Vec<Vec<String>>,
    turn: u64,
}

impl Maker {
    fn new(jmap: &mut Jmap, kind: Kind, number: u64, run: u32) -> Outcome<Self> {
        let account = jmap.account().to_string();
        let mut maker =
            Self { kind, account, fixed: Vec::new(), words: Vec::new(), lots: Vec::new(), turn: 0 };
        match kind {
            Kind::Mailboxes => maker.fixed = jmap.request(&mailboxes(&maker.account)),
            Kind::Newest => {
                let inbox = ask::inbox(jmap)?;
                maker.fixed = jmap.request(&newest(&maker.account, &inbox));
            }
            Kind::Text => {
                let inbox = ask::inbox(jmap)?;
                let total = ask::total(jmap, &inbox)?;
                let seed = u64::from(std::process::id() + run) * CONNECTIONS + number;
                maker.words = words(seed, WORDS, total);
            }
            Kind::Set => maker.choose_lots(jmap, number)?,
        }
        Ok(maker)
    }

    /// A hundred that stand together in the list, none of them another connection's.
    fn choose_lots(&mut self, jmap: &mut Jmap, number: u64) -> Outcome<()> {
        let inbox = ask::inbox(jmap)?;
        let total = ask::total(jmap, &inbox)?;
        for lot in 0..LOTS {
            let place = (number * LOTS + lot) * (total / (CONNECTIONS * LOTS));
            let ids = ask::ids(jmap, &inbox, place, SET_EMAILS)?;
            if ids.len() as u64 != SET_EMAILS {
                return fail(format!("{} ids where {SET_EMAILS} should be", ids.len()));
            }
            jmap.ask(&set(&self.account, &ids, false))?;
            self.lots.push(ids);
        }
        Ok(())
    }

    fn next(&mut self, jmap: &Jmap) -> Vec<u8> {
        let turn = self.turn;
        self.turn += 1;
        match self.kind {
            Kind::Mailboxes | Kind::Newest => self.fixed.clone(),
            Kind::Text => {
                let word = self.words.get(turn as usize % WORDS).map_or("", String::as_str);
                jmap.request(&text(&self.account, word))
            }
            Kind::Set => {
                let ids = self.lots.get((turn % LOTS) as usize).map_or(&[][..], Vec::as_slice);
                jmap.request(&set(&self.account, ids, (turn / LOTS).is_multiple_of(2)))
            }
        }
    }

    /// Whether everything that was asked for is in the answer.
    fn check(&self, body: &[u8]) -> Outcome<()> {
        let (word, wanted) = match self.kind {
            Kind::Mailboxes => ("\"totalThreads\"", MAILBOXES),
            Kind::Newest => ("\"receivedAt\"", NEWEST),
            Kind::Text => ("\"ids\":[", 1),
            // RFC 8620 §5.3: nothing to tell of an email that was changed as asked.
            Kind::Set => ("\":null", SET_EMAILS),
        };
        let found = memchr::memmem::find_iter(body, word).count() as u64;
        match found >= wanted {
            true => Ok(()),
            false => fail(format!("{word} {found} times where {wanted} should be: {}", shown(body))),
        }
    }
}
