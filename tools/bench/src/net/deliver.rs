//! The conversation of one LMTP connection in a crowd (RFC 2033 §4.2, RFC 2920 §3.1). The end of one
//! message and the next MAIL, RCPT and DATA go out in one write, as pipelining allows, so a delivery
//! costs one exchange; the next message is sent only after the 250 of the one before.

use std::sync::Arc;
use std::time::Instant;

use super::crowd::{Next, Talk};
use super::smtp::{SENDER, envelope};
use crate::failure::{Outcome, fail};

/// Writes the message of a serial number.
pub(crate) type Source = Arc<dyn Fn(u64, &mut Vec<u8>)>;

/// When a connection stops.
#[derive(Clone, Copy)]
pub(crate) enum End {
    /// After the first reply at or after this instant; replies before `from` do not count.
    Time { from: Instant, until: Instant },
    /// When its serial number would reach this.
    Serial(u64),
}

/// One connection that delivers the serial numbers `first`, `first + step`, …
pub(crate) struct Delivering {
    source: Source,
    envelopes: Arc<Vec<Vec<u8>>>,
    serial: u64,
    step: u64,
    end: End,
    heard: Vec<u8>,
    state: State,
    sent_at: Instant,
    /// Microseconds from the last octet of each counted message to its 250.
    pub(crate) latencies_us: Vec<u32>,
}

enum State {
    Greeting,
    Hello,
    Envelope,
    Data,
}

/// `connections` conversations that share the serial numbers from `first` on and take the recipients in turn.
pub(crate) fn crowd(
    connections: u64,
    source: &Source,
    recipients: &[String],
    first: u64,
    end: End,
) -> Vec<Delivering> {
    let envelopes: Arc<Vec<Vec<u8>>> = Arc::new(recipients.iter().map(|one| envelope(SENDER, one)).collect());
    let one = |number| Delivering {
        source: source.clone(),
        envelopes: envelopes.clone(),
        serial: first + number,
        step: connections,
        end,
        heard: Vec::new(),
        state: State::Greeting,
        sent_at: Instant::now(),
        latencies_us: Vec::new(),
    };
    (0..connections).map(one).collect()
}

impl Delivering {
    fn envelope(&self, out: &mut Vec<u8>) {
        let turn = (self.serial / self.step + self.serial % self.step) as usize;
        let at = turn.checked_rem(self.envelopes.len()).unwrap_or(0);
        out.extend_from_slice(self.envelopes.get(at).map_or(&[], Vec::as_slice));
    }

    fn body(&mut self, out: &mut Vec<u8>) {
        (self.source)(self.serial, out);
        out.extend_from_slice(b".\r\n");
        self.serial += self.step;
        if !matches!(self.end, End::Serial(last) if self.serial >= last) {
            self.envelope(out);
        }
        self.sent_at = Instant::now();
        self.state = State::Data;
    }

    /// Whether the awaited reply lines are all there and good.
    fn complete(&self) -> Outcome<bool> {
        let lines = match (&self.state, self.end) {
            (State::Greeting, _) => 1,
            (State::Hello, _) => return Ok(is_last_line(&self.heard)),
            (State::Envelope, _) => 3,
            (State::Data, End::Serial(last)) if self.serial >= last => 1,
            (State::Data, _) => 4,
        };
        if self.heard.last() != Some(&b'\n') || memchr::memchr_iter(b'\n', &self.heard).count() < lines {
            return Ok(false);
        }
        let refused = |line: &&[u8]| matches!(line.first(), Some(b'4' | b'5'));
        match self.heard.split(|octet| *octet == b'\n').find(refused) {
            Some(line) => fail(format!("LMTP reply: {}", String::from_utf8_lossy(line).trim_end())),
            None => Ok(true),
        }
    }

    /// Notes a 250; says whether it was the last.
    fn acknowledged(&mut self) -> bool {
        let now = Instant::now();
        let (counts, last) = match self.end {
            End::Time { from, until } => (now >= from && now < until, now >= until),
            End::Serial(last) => (true, self.serial >= last),
        };
        if counts {
            self.latencies_us.push(now.saturating_duration_since(self.sent_at).as_micros() as u32);
        }
        last
    }
}

fn is_last_line(heard: &[u8]) -> bool {
    let Some(body) = heard.strip_suffix(b"\r\n") else { return false };
    let start = memchr::memrchr(b'\n', body).map_or(0, |at| at + 1);
    body.get(start..).is_some_and(|line| line.get(3) == Some(&b' '))
}

impl Talk for Delivering {
    fn heard(&mut self, octets: &[u8], out: &mut Vec<u8>) -> Outcome<Next> {
        self.heard.extend_from_slice(octets);
        if !self.complete()? {
            return Ok(Next::Wait);
        }
        self.heard.clear();
        match self.state {
            State::Greeting => {
                out.extend_from_slice(b"LHLO bench.example\r\n");
                self.state = State::Hello;
            }
            State::Hello if matches!(self.end, End::Serial(last) if self.serial >= last) => {
                return Ok(Next::Finished);
            }
            State::Hello => {
                self.envelope(out);
                self.state = State::Envelope;
            }
            State::Envelope => self.body(out),
            State::Data => match self.acknowledged() {
                true => return Ok(Next::Finished),
                false => self.body(out),
            },
        }
        Ok(Next::Wait)
    }
}
