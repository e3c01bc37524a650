//! Whether the peer of a WebSocket is still there: what was heard of it, and since when it owes an answer
//! to a ping. Must not: look at the clock.

use std::time::Duration;

use tokio::time::Instant;

/// A peer that is gone is noticed so soon.
const PING: Duration = Duration::from_secs(60);

pub(super) struct Alive {
    /// When the peer was last heard.
    heard: Instant,
    /// It was asked whether it is still there, and has not answered.
    asked: Option<Instant>,
}

impl Alive {
    pub(super) const fn new(now: Instant) -> Self {
        Self { heard: now, asked: None }
    }
    /// Octets came, be it of a frame that is not whole yet: in the middle of one nobody can answer
    /// (RFC 6455 §5.4).
    pub(super) fn heard(&mut self, at: Instant) {
        self.heard = self.heard.max(at);
        self.asked = self.asked.filter(|asked| *asked > at);
    }
    /// So long nothing was read.
    pub(super) fn not_listened(&mut self, took: Duration) {
        self.heard += took;
        self.asked = self.asked.map(|asked| asked + took);
    }
    pub(super) const fn asked(&mut self, now: Instant) {
        self.asked = Some(now);
    }
    /// When to ask it, or when its answer must be there.
    pub(super) fn due(&self, answers_in: Duration) -> Instant {
        self.asked.map_or_else(|| self.heard + PING, |asked| asked + answers_in)
    }
    pub(super) fn is_gone(&self, now: Instant, answers_in: Duration) -> bool {
        self.asked.is_some_and(|asked| now >= asked + answers_in)
    }
    pub(super) fn is_to_be_asked(&self, now: Instant) -> bool {
        self.asked.is_none() && now >= self.heard + PING
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWERS_IN: Duration = Duration::from_secs(30);

    // spec: RFC 6455 §5.5.2
    #[test]
    fn who_says_nothing_is_asked_and_then_gone() {
        let began = Instant::now();
        let mut alive = Alive::new(began);
        assert_eq!(alive.due(ANSWERS_IN), began + PING);
        assert!(!alive.is_to_be_asked(began) && alive.is_to_be_asked(began + PING));
        alive.asked(began + PING);
        alive.not_listened(PING);
        let by = began + 2 * PING + ANSWERS_IN;
        assert_eq!(alive.due(ANSWERS_IN), by);
        assert!(!alive.is_gone(by - PING, ANSWERS_IN) && alive.is_gone(by, ANSWERS_IN));
        alive.heard(by);
        assert!(!alive.is_gone(by, ANSWERS_IN));
    }
    // spec: RFC 6455 §5.4
    #[test]
    fn who_is_in_the_middle_of_a_frame_is_there() {
        let began = Instant::now();
        let mut alive = Alive::new(began);
        alive.asked(began + PING);
        // What came before it was asked is no answer.
        alive.heard(began + PING / 2);
        assert!(alive.is_gone(began + 2 * PING, ANSWERS_IN));
        for minutes in 1..10 {
            alive.heard(began + minutes * PING + PING / 2);
            let now = began + (minutes + 1) * PING;
            assert!(!alive.is_gone(now, ANSWERS_IN) && !alive.is_to_be_asked(now), "{minutes}");
        }
    }
}
