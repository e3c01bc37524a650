//! The conversation of one place in a crowd that logs in and out without pause (RFC 9051 §6.2.3,
//! §6.1.3): connect, greeting, LOGIN, LOGOUT, and again.

use std::time::Instant;

use super::crowd::{Next, Talk};
use crate::failure::{Outcome, fail};

/// One place that logs in and out until a deadline.
pub(crate) struct LoggingIn {
    /// `LOGIN` commands to take in turn.
    pub(crate) logins: Vec<String>,
    /// The place ends after this.
    pub(crate) until: Instant,
    /// Finished logins.
    pub(crate) done: u64,
    state: State,
    heard: Vec<u8>,
}

#[derive(Clone, Copy)]
enum State {
    Greeting,
    Login,
    Logout,
}

impl LoggingIn {
    /// A place that has not begun.
    pub(crate) fn new(logins: Vec<String>, until: Instant) -> Self {
        Self { logins, until, done: 0, state: State::Greeting, heard: Vec::new() }
    }

    fn last_line(&self) -> Option<&[u8]> {
        let body = self.heard.strip_suffix(b"\r\n")?;
        let start = memchr::memrchr(b'\n', body).map_or(0, |at| at + 1);
        body.get(start..)
    }
}

impl Talk for LoggingIn {
    fn heard(&mut self, octets: &[u8], out: &mut Vec<u8>) -> Outcome<Next> {
        self.heard.extend_from_slice(octets);
        let Some(line) = self.last_line() else { return Ok(Next::Wait) };
        let wanted: &[u8] = match self.state {
            State::Greeting => b"* OK",
            State::Login => b"a OK",
            State::Logout => b"b OK",
        };
        if !line.starts_with(wanted) {
            return match line.starts_with(b"* ") && !matches!(self.state, State::Greeting) {
                true => Ok(Next::Wait),
                false => fail(format!("LOGIN or LOGOUT: {}", String::from_utf8_lossy(line))),
            };
        }
        self.heard.clear();
        match self.state {
            State::Greeting => {
                let at = (self.done as usize).checked_rem(self.logins.len()).unwrap_or(0);
                let login = self.logins.get(at).map_or("", String::as_str);
                out.extend_from_slice(format!("a {login}\r\n").as_bytes());
                self.state = State::Login;
            }
            State::Login => {
                out.extend_from_slice(b"b LOGOUT\r\n");
                self.state = State::Logout;
            }
            State::Logout => {
                self.done += 1;
                self.state = State::Greeting;
                return Ok(if Instant::now() >= self.until { Next::Finished } else { Next::Reopen });
            }
        }
        Ok(Next::Wait)
    }
}
