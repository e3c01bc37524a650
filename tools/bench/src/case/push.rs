//! From delivery to the push request: a message comes in by LMTP, and a push service on loopback, over real
//! TLS, has the whole request (RFC 8030 §5); and what 100,000 subscriptions cost the idle server.

use std::fs;
use std::time::{Duration, Instant};

use koi_push_service::{Device, PushService};

use super::{Bench, Group, millis};
use crate::device::BareFlush;
use crate::failure::{Context, Outcome};
use crate::net::imap::Imap;
use crate::net::pool::Pool;
use crate::net::smtp::{SENDER, Smtp};
use crate::server::{PASSWORD, Server, process, subscriptions, user};
use crate::sheet::{LIMIT, Mark, Row, Unit, quantile};

pub(super) const GROUP: Group = Group {
    name: "push",
    peer: "dovecot",
    rows: &[
        Row {
            name: "push-request",
            what: "delivery to the push request at the push service, p50",
            unit: Unit::Millis,
            mark: Mark::Limit("2 bare flushes + 5 ms"),
        },
        Row {
            name: "push-request-p99",
            what: "delivery to the push request at the push service, p99",
            unit: Unit::Millis,
            mark: Mark::Recorded,
        },
        Row {
            name: "push-memory",
            what: "anonymous memory of the idle server for 100,000 push subscriptions of 5,000 accounts",
            unit: Unit::Kib,
            mark: Mark::AtMost(100.0 * 1_024.0),
        },
    ],
    run,
};

/// Accounts with a subscription that get mail in turn, so that none is pushed to too often.
const ACCOUNTS: u32 = 8;
/// Subscriptions of one account in the store that is measured for its memory.
const SUBSCRIPTIONS_EACH: u32 = 20;
/// How long a push may take before it is taken for lost.
const PATIENCE: Duration = Duration::from_secs(20);
const ENTRY: &str = "/private/vendor/vendor.dovecot/webpush/subscriptions/bench-subscription";

fn run(bench: &mut Bench<'_>) -> Outcome<()> {
    if bench.wants("push-request") || bench.wants("push-request-p99") {
        requests(bench)?;
    }
    if bench.wants("push-memory") {
        memory(bench)?;
    }
    Ok(())
}

fn requests(bench: &mut Bench<'_>) -> Outcome<()> {
    let service = PushService::start();
    for server in bench.servers.iter_mut().filter(|server| server.name() == "koi") {
        server.start_empty(ACCOUNTS)?;
        trust(server.as_mut(), &service)?;
        (0..ACCOUNTS).try_for_each(|number| subscribe(server.as_ref(), &service, number))?;
    }
    let (samples, folder) = (bench.plan.size(400, 40), bench.folder.to_path_buf());
    let pool = Pool::new(4_096, 0x9b);
    let (mut serial, mut sent) = (0, vec![1; ACCOUNTS as usize]);
    bench.alternate(|server, sheet, _| {
        if server.name() != "koi" {
            return Ok(());
        }
        let mut flush = BareFlush::new(&folder)?;
        let (mut request_ms, mut flush_ms) = (Vec::new(), Vec::new());
        let mut lmtp = Smtp::lmtp(server.ports().lmtp)?;
        for _ in 0..samples {
            serial += 1;
            let number = (serial % u64::from(ACCOUNTS)) as u32;
            let mut message = Vec::new();
            pool.write(serial, &mut message);
            lmtp.open(SENDER, &user(number))?;
            let start = Instant::now();
            lmtp.submit(&message)?;
            lmtp.accepted()?;
            let count = sent.get_mut(number as usize).context("an account")?;
            *count += 1;
            let came = service.wait(&resource(number), *count, PATIENCE);
            let at = came.last().context("a push")?.at;
            request_ms.push(millis(at.saturating_duration_since(start)));
            flush_ms.push(millis(flush.once()?));
            std::thread::sleep(Duration::from_millis(3));
        }
        let at = |list: &[f64], part| quantile(list, part).unwrap_or(f64::NAN);
        sheet.record("push-request", server.name(), at(&request_ms, 0.5));
        sheet.record("push-request", LIMIT, 2.0 * at(&flush_ms, 0.5) + 5.0);
        sheet.record("push-request-p99", server.name(), at(&request_ms, 0.99));
        Ok(())
    })
}

fn resource(number: u32) -> String {
    format!("u{number}")
}

/// Restarts the server so that it pushes to a push service on loopback, and as often as is asked for.
fn trust(server: &mut dyn Server, service: &PushService) -> Outcome<()> {
    let (data, config) = (server.data().to_path_buf(), server.data().join("koi.toml"));
    server.stop()?;
    fs::write(data.join("push-ca.pem"), service.ca_pem())?;
    let settings = "\n[webpush]\nprivate = true\nany_port = true\nca_file = \"push-ca.pem\"\n\
                    pushes_per_minute_max = 6000\n";
    let text = fs::read_to_string(&config)?;
    fs::write(&config, text + settings)?;
    server.start()
}

/// Makes a subscription and proves it.
fn subscribe(server: &dyn Server, service: &PushService, number: u32) -> Outcome<()> {
    let device = Device::new();
    let text = device.subscription(&service.url(&resource(number)), "all");
    let mut imap = Imap::login(server.ports().imap, &user(number), PASSWORD)?;
    imap.run(&format!("SETMETADATA \"\" ({ENTRY} {{{}+}}\r\n{text})", text.len()))?;
    let asked = service.wait(&resource(number), 1, PATIENCE);
    let payload = device.read(asked.first().context("a validation push")?);
    let proof = payload.get("validation").and_then(|text| text.as_str()).context("a validation")?;
    imap.run(&format!("SETMETADATA \"\" ({ENTRY}/validate {{{}+}}\r\n{proof})", proof.len()))?;
    imap.run("LOGOUT").map(drop)
}

fn memory(bench: &mut Bench<'_>) -> Outcome<()> {
    let accounts = bench.plan.size(5_000, 100) as u32;
    let runs = bench.plan.runs;
    let Some(server) = bench.servers.iter_mut().find(|server| server.name() == "koi") else { return Ok(()) };
    server.stop()?;
    server.start_empty(accounts)?;
    let without = idle_octets(server.as_mut())?;
    server.stop()?;
    subscriptions::add(server.data(), accounts, SUBSCRIPTIONS_EACH)?;
    for _ in 0..runs {
        let with = idle_octets(server.as_mut())?;
        bench.sheet.record("push-memory", "koi", with.saturating_sub(without) as f64 / 1_024.0);
    }
    bench.sheet.note("push-memory", format!("without subscriptions: {} KiB", without / 1_024));
    Ok(())
}

/// Of a server that was started and has nothing to do.
fn idle_octets(server: &mut dyn Server) -> Outcome<u64> {
    server.stop()?;
    server.start()?;
    // What reads each account, as somebody looks into it, is part of it.
    Imap::login(server.ports().imap, &user(0), PASSWORD)?.run("LOGOUT")?;
    process::rest(server.process());
    process::anonymous_octets(server.process())
}
