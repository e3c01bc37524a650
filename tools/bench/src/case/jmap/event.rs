//! From delivery to the event that says emails have a new state (RFC 8620 §7.3). Koi alone: Cyrus 3.6 names
//! an address for events and answers it with 204.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;

use super::{ask, connect};
use crate::case::{Bench, millis};
use crate::device::BareFlush;
use crate::failure::Outcome;
use crate::net::pool::Pool;
use crate::net::smtp::{SENDER, Smtp};
use crate::server::user;
use crate::sheet::{LIMIT, quantile};

/// One message after the other, each followed by a bare flush and a short pause.
pub(super) fn measure(bench: &mut Bench<'_>, tls: &Arc<ClientConfig>) -> Outcome<()> {
    let (samples, folder) = (bench.plan.size(400, 40), bench.folder.to_path_buf());
    let pool = Pool::new(4_096, 0x6b);
    let mut serial = 0;
    bench.alternate(|server, sheet, _| {
        if server.name() != "koi" {
            return Ok(());
        }
        let mut jmap = connect(server, tls)?;
        let state = ask::state(&mut jmap)?;
        let mut events = jmap.events(&state)?;
        let mut lmtp = Smtp::lmtp(server.ports().lmtp)?;
        let mut flush = BareFlush::new(&folder)?;
        let (mut event_ms, mut flush_ms) = (Vec::new(), Vec::new());
        for _ in 0..samples {
            serial += 1;
            let mut message = Vec::new();
            pool.write(serial, &mut message);
            lmtp.open(SENDER, &user(0))?;
            let start = Instant::now();
            lmtp.submit(&message)?;
            event_ms.push(millis(events.wait()?.saturating_duration_since(start)));
            lmtp.accepted()?;
            flush_ms.push(millis(flush.once()?));
            std::thread::sleep(Duration::from_millis(3));
        }
        let at = |list: &[f64], part| quantile(list, part).unwrap_or(f64::NAN);
        sheet.record("jmap-event", server.name(), at(&event_ms, 0.5));
        sheet.record("jmap-event", LIMIT, 2.0 * at(&flush_ms, 0.5) + 5.0);
        sheet.record("jmap-event-p99", server.name(), at(&event_ms, 0.99));
        Ok(())
    })
}
