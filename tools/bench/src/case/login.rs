//! LOGIN and LOGOUT, 16 at a time, clear text and over TLS, the proof of the password cached; and SCRAM.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustls::ClientConfig;

use super::{Bench, Group};
use crate::failure::{Outcome, fail};
use crate::net::crowd;
use crate::net::imap::Imap;
use crate::net::login::LoggingIn;
use crate::net::salted::Salted;
use crate::net::trust;
use crate::server::process::Spent;
use crate::server::{PASSWORD, Server, user};
use crate::sheet::{Mark, Row, Unit};

pub(super) const GROUP: Group = Group {
    name: "login",
    peer: "dovecot",
    rows: &[
        Row {
            name: "login",
            what: "LOGIN + LOGOUT, 16 at a time, clear text, proof cached",
            unit: Unit::PerSecond,
            mark: Mark::Ratio(4.0),
        },
        Row {
            name: "login-tls",
            what: "the same over implicit TLS 1.3, a full handshake each",
            unit: Unit::PerSecond,
            mark: Mark::Recorded,
        },
        Row {
            name: "login-scram",
            what: "SCRAM-SHA-256 + LOGOUT, 16 at a time, clear text, clients keep the salted password",
            unit: Unit::PerSecond,
            mark: Mark::Recorded,
        },
    ],
    run,
};

const AT_A_TIME: u32 = 16;

fn run(bench: &mut Bench<'_>) -> Outcome<()> {
    bench.start_empty(AT_A_TIME)?;
    for server in bench.servers.iter() {
        for number in 0..AT_A_TIME {
            Imap::login(server.ports().imap, &user(number), PASSWORD)?.run("LOGOUT")?;
        }
    }
    let time = bench.plan.rate_time();
    if bench.wants("login") {
        bench.alternate(|server, sheet, _| {
            let spent = Spent::so_far(server.process());
            let (start, done) = clear(server, time)?;
            sheet.record("login", server.name(), done as f64 / start.elapsed().as_secs_f64());
            sheet.note(&format!("login {}", server.name()), spent.per_piece(server.process(), done as usize));
            Ok(())
        })?;
    }
    if bench.wants("login-tls") {
        let tls = trust::any_certificate()?;
        bench.alternate(|server, sheet, _| {
            let spent = Spent::so_far(server.process());
            let start = Instant::now();
            let done = over_tls(server, start + time, &tls)?;
            sheet.record("login-tls", server.name(), done as f64 / start.elapsed().as_secs_f64());
            sheet.note(
                &format!("login-tls {}", server.name()),
                spent.per_piece(server.process(), done as usize),
            );
            Ok(())
        })?;
    }
    if bench.wants("login-scram") {
        bench.alternate(|server, sheet, _| {
            // Each place logs in once before: what a client computes once is not the server's cost.
            let places = (0..AT_A_TIME).map(|place| known(server, place)).collect::<Outcome<Vec<_>>>()?;
            let spent = Spent::so_far(server.process());
            let start = Instant::now();
            let done = by_scram(server, start + time, places)?;
            sheet.record("login-scram", server.name(), done as f64 / start.elapsed().as_secs_f64());
            sheet.note(
                &format!("login-scram {}", server.name()),
                spent.per_piece(server.process(), done as usize),
            );
            Ok(())
        })?;
    }
    Ok(())
}

fn known(server: &dyn Server, place: u32) -> Outcome<Salted> {
    let mut salted = Salted::new(PASSWORD);
    Imap::scram(server.ports().imap, &user(place), &mut salted)?.run("LOGOUT")?;
    Ok(salted)
}

fn by_scram(server: &dyn Server, until: Instant, places: Vec<Salted>) -> Outcome<u64> {
    let done = AtomicU64::new(0);
    let (port, done) = (server.ports().imap, &done);
    let one = |place: u32, mut salted: Salted| -> Outcome<()> {
        while Instant::now() < until {
            Imap::scram(port, &user(place), &mut salted)?.run("LOGOUT")?;
            done.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    };
    let one = &one;
    std::thread::scope(|scope| {
        let places = (0..).zip(places).map(|(place, salted)| scope.spawn(move || one(place, salted)));
        let places: Vec<_> = places.collect();
        places
            .into_iter()
            .try_for_each(|place| place.join().unwrap_or_else(|_| fail("a client thread panicked")))
    })?;
    Ok(done.load(Ordering::Relaxed))
}

fn clear(server: &dyn Server, time: Duration) -> Outcome<(Instant, u64)> {
    let logins = |place: u32| {
        let turn = (0..AT_A_TIME).map(|step| user((place + step) % AT_A_TIME));
        turn.map(|user| format!("LOGIN {user} {PASSWORD}")).collect()
    };
    let start = Instant::now();
    let talks = (0..AT_A_TIME).map(|place| LoggingIn::new(logins(place), start + time)).collect();
    let talks = crowd::run(server.ports().imap, talks)?;
    Ok((start, talks.iter().map(|talk| talk.done).sum()))
}

fn over_tls(server: &dyn Server, until: Instant, tls: &Arc<ClientConfig>) -> Outcome<u64> {
    let done = AtomicU64::new(0);
    let port = server.ports().imaps;
    let one = |place: u32| -> Outcome<()> {
        while Instant::now() < until {
            let mut imap = Imap::connect(port, Some(tls))?;
            imap.run(&format!("LOGIN {} {PASSWORD}", user(place)))?;
            imap.run("LOGOUT")?;
            done.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let places: Vec<_> = (0..AT_A_TIME).map(|place| scope.spawn(move || one(place))).collect();
        places
            .into_iter()
            .try_for_each(|place| place.join().unwrap_or_else(|_| fail("a client thread panicked")))
    })?;
    Ok(done.into_inner())
}
