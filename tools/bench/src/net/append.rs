//! The conversation of one IMAP connection in a crowd that APPENDs (RFC 9051 §6.3.12, LITERAL+ of
//! RFC 7888): the whole command in one write, the next after the tagged OK.

use std::time::Instant;

use super::crowd::{Next, Talk};
use super::deliver::Source;
use crate::failure::{Outcome, fail};

/// One connection that appends the serial numbers `serial`, `serial + step`, … until a deadline.
pub(crate) struct Appending {
    /// Writes the message of a serial number.
    pub(crate) source: Source,
    /// `LOGIN` with its arguments.
    pub(crate) login: String,
    /// The next message.
    pub(crate) serial: u64,
    /// How far apart this connection's serial numbers are.
    pub(crate) step: u64,
    /// Acknowledgements before this do not count.
    pub(crate) from: Instant,
    /// The connection ends after this.
    pub(crate) until: Instant,
    /// Messages acknowledged in the counted time.
    pub(crate) appended: u64,
    tag: u64,
    heard: Vec<u8>,
    message: Vec<u8>,
}

impl Appending {
    /// A connection that has not begun.
    pub(crate) fn new(source: Source, login: String, serial: u64, step: u64, time: [Instant; 2]) -> Self {
        let [from, until] = time;
        let (heard, message) = (Vec::new(), Vec::new());
        Self { source, login, serial, step, from, until, appended: 0, tag: 0, heard, message }
    }

    fn next_append(&mut self, out: &mut Vec<u8>) {
        self.message.clear();
        (self.source)(self.serial, &mut self.message);
        self.serial += self.step;
        self.tag += 1;
        out.extend_from_slice(
            format!("a{} APPEND INBOX {{{}+}}\r\n", self.tag, self.message.len()).as_bytes(),
        );
        out.extend_from_slice(&self.message);
        out.extend_from_slice(b"\r\n");
    }
}

impl Talk for Appending {
    fn heard(&mut self, octets: &[u8], out: &mut Vec<u8>) -> Outcome<Next> {
        self.heard.extend_from_slice(octets);
        let Some(body) = self.heard.strip_suffix(b"\r\n") else { return Ok(Next::Wait) };
        let start = memchr::memrchr(b'\n', body).map_or(0, |at| at + 1);
        let line = String::from_utf8_lossy(body.get(start..).unwrap_or_default()).to_string();
        if self.tag == 0 {
            self.tag = 1;
            self.heard.clear();
            out.extend_from_slice(format!("a1 {}\r\n", self.login).as_bytes());
            return Ok(Next::Wait);
        }
        let Some(rest) = line.strip_prefix(&format!("a{} ", self.tag)) else { return Ok(Next::Wait) };
        if !rest.starts_with("OK") {
            return fail(format!("APPEND or LOGIN: {line}"));
        }
        self.heard.clear();
        let now = Instant::now();
        if now >= self.until {
            return Ok(Next::Finished);
        }
        if self.tag > 1 && now >= self.from {
            self.appended += 1;
        }
        self.next_append(out);
        Ok(Next::Wait)
    }
}
