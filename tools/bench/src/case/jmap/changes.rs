//! Email/changes (RFC 8620 §5.2) after one delivery: what a client asks for when it was told that something
//! came.

use std::sync::Arc;
use std::time::Instant;

use rustls::ClientConfig;
use serde_json::Value;

use super::{ask, connect};
use crate::case::{Bench, millis};
use crate::failure::{Context, Outcome, fail};
use crate::net::pool::Pool;
use crate::net::smtp::{SENDER, Smtp};
use crate::server::user;
use crate::sheet::quantile;

/// As many deliveries for each server, so that their mailboxes stay alike.
pub(super) fn measure(bench: &mut Bench<'_>, tls: &Arc<ClientConfig>) -> Outcome<()> {
    let samples = bench.plan.size(300, 30);
    let pool = Pool::new(4_096, 0x6a);
    let mut serial = 0;
    bench.alternate(|server, sheet, _| {
        let mut jmap = connect(server, tls)?;
        let mut lmtp = Smtp::lmtp(server.ports().lmtp)?;
        let mut state = ask::state(&mut jmap)?;
        let (mut times_ms, mut body) = (Vec::new(), Vec::new());
        for _ in 0..samples {
            serial += 1;
            let mut message = Vec::new();
            pool.write(serial, &mut message);
            lmtp.open(SENDER, &user(0))?;
            lmtp.submit(&message)?;
            lmtp.accepted()?;
            let account = jmap.account();
            let request = jmap.request(&format!(
                r#"["Email/changes",{{"accountId":"{account}","sinceState":"{state}"}},"0"]"#
            ));
            let start = Instant::now();
            jmap.exchange(&request, &mut body)?;
            times_ms.push(millis(start.elapsed()));
            state = state_after_one(&body)?;
        }
        let mean_ms = times_ms.iter().sum::<f64>() / times_ms.len() as f64;
        sheet.record("jmap-changes", server.name(), 1_000.0 / mean_ms);
        let p95 = quantile(&times_ms, 0.95).unwrap_or(f64::NAN);
        sheet.record("jmap-changes-p95", server.name(), p95);
        Ok(())
    })
}

fn state_after_one(body: &[u8]) -> Outcome<String> {
    let answer: Value = serde_json::from_slice(body)?;
    let changes = answer.pointer("/methodResponses/0/1").context("a method response")?;
    let created = changes.get("created").and_then(Value::as_array).map_or(0, Vec::len);
    if created != 1 {
        return fail(format!("{created} emails created where one was delivered"));
    }
    Ok(changes.get("newState").and_then(Value::as_str).context("newState")?.to_string())
}
