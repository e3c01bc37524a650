//! Producers: threads that deliver one message after the other to something durable.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Durable;
use crate::failure::{Outcome, fail};
use crate::net::pool::Pool;
use crate::server::process::own_time;

/// What a load showed.
pub(crate) struct Load {
    /// Deliveries per second.
    pub(crate) per_second: f64,
    /// Milliseconds of each delivery.
    pub(crate) delivery_ms: Vec<f64>,
    /// Processor time of all threads for each delivery, in microseconds.
    pub(crate) processor_us: f64,
}

/// When the producers stop.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    /// After this time.
    Elapsed(Duration),
    /// After so many deliveries of all together.
    Count(u64),
}

/// Lets `producers` threads deliver bodies of `pool`, each to account `producer % accounts` + 1.
pub(crate) fn produce(
    target: &dyn Durable,
    pool: &Pool,
    serials: &AtomicU64,
    producers: u32,
    accounts: u32,
    until: Until,
) -> Outcome<Load> {
    let start = Instant::now();
    let spent = own_time();
    let claimed = AtomicU64::new(0);
    let one = |producer: u32| -> Outcome<Vec<f64>> {
        let mut times = Vec::new();
        let mut body = Vec::new();
        loop {
            let over = match until {
                Until::Elapsed(time) => start.elapsed() >= time,
                Until::Count(count) => claimed.fetch_add(1, Ordering::Relaxed) >= count,
            };
            if over {
                return Ok(times);
            }
            body.clear();
            pool.write(serials.fetch_add(1, Ordering::Relaxed), &mut body);
            let begun = Instant::now();
            target.deliver(producer.checked_rem(accounts).unwrap_or(0) + 1, &body)?;
            times.push(begun.elapsed().as_secs_f64() * 1_000.0);
        }
    };
    let one = &one;
    let delivery_ms = std::thread::scope(|scope| -> Outcome<Vec<f64>> {
        let threads: Vec<_> = (0..producers).map(|producer| scope.spawn(move || one(producer))).collect();
        let mut all = Vec::new();
        for thread in threads {
            all.extend(thread.join().unwrap_or_else(|_| fail("a producer panicked"))?);
        }
        Ok(all)
    })?;
    let count = delivery_ms.len().max(1) as f64;
    let processor_us = own_time().saturating_sub(spent).as_secs_f64() * 1e6 / count;
    Ok(Load { per_second: count / start.elapsed().as_secs_f64(), delivery_ms, processor_us })
}
