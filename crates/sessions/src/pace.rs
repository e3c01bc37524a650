//! How fast commands are taken (`imap.commands_per_second_max`, `dmap.commands_per_second_max`): past the
//! rate the session reads nothing until there is room again, so that who sends too much is slowed and never
//! refused.

use koi_types::Timestamp;

/// So many seconds' worth may come at once.
const BURST_SECS: u64 = 10;
/// Of a command, in which is counted.
const PARTS: u64 = 1000;

/// What one connection may still begin.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Parts in a millisecond: commands in a second. 0: no bound.
    rate: u64,
    /// Parts of commands.
    left: u64,
    at: Timestamp,
    waits: bool,
}

impl Pace {
    /// `commands_per_second_max` 0: no bound.
    pub(crate) fn new(commands_per_second_max: u32, now: Timestamp) -> Self {
        let rate = u64::from(commands_per_second_max);
        Self { rate, left: burst(rate), at: now, waits: false }
    }
    /// Whether a command may begin now; if not, it waits from here on.
    pub(crate) fn allows(&mut self, now: Timestamp) -> bool {
        let passed = u64::try_from(now.0.saturating_sub(self.at.0)).unwrap_or(0);
        let gained = passed.saturating_mul(self.rate);
        self.left = self.left.saturating_add(gained).min(burst(self.rate));
        self.at = now;
        self.waits = self.rate > 0 && self.left < PARTS;
        !self.waits
    }
    /// One has begun.
    pub(crate) const fn take(&mut self) {
        self.left = self.left.saturating_sub(PARTS);
    }
    /// When the next may begin, where it has to wait.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        let missing = PARTS.saturating_sub(self.left).div_ceil(self.rate.max(1));
        let millis = i64::try_from(missing).unwrap_or(i64::MAX);
        self.waits.then(|| Timestamp(self.at.0.saturating_add(millis)))
    }
}

const fn burst(rate: u64) -> u64 {
    rate * BURST_SECS * PARTS
}
