//! The lines in front of a message that begins here: Return-Path and Received (RFC 5321 §4.4). What comes by
//! SMTP and LMTP has them from there.

use koi_message::DateTime;
use koi_types::{ObjectId, ReversePath, Timestamp};

/// A message that a user or the server itself sends.
pub(crate) struct Trace<'a> {
    pub(crate) from: &'a ReversePath,
    pub(crate) hostname: &'a str,
    /// What it is known by.
    pub(crate) id: ObjectId,
    pub(crate) at: Timestamp,
}

impl Trace<'_> {
    /// Both lines with their CRLF. Recipients are not named, who must not learn of each other; nor is where
    /// the user is.
    pub(crate) fn lines(&self) -> String {
        let from = match self.from {
            ReversePath::Null => String::new(),
            ReversePath::Address(address) => address.as_path(),
        };
        let date = date(self.at).to_rfc5322().unwrap_or_default();
        let Self { hostname, id, .. } = self;
        format!("Return-Path: <{from}>\r\nReceived: by {hostname} with HTTP id {id};\r\n\t{date}\r\n")
    }
}

/// In UTC.
pub(crate) const fn date(at: Timestamp) -> DateTime {
    DateTime { unix_s: at.secs(), zone_min: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: RFC 5321 §4.4
    #[test]
    fn the_lines_of_a_message_that_begins_here() {
        let from = ReversePath::Address(koi_types::Address::new("a b", "x").unwrap());
        let trace = Trace { from: &from, hostname: "mx.x", id: ObjectId([0; 16]), at: Timestamp(0) };
        let lines = trace.lines();
        let id = "o00000000000000000000000000";
        let received =
            format!("Received: by mx.x with HTTP id {id};\r\n\tThu, 1 Jan 1970 00:00:00 +0000\r\n");
        assert_eq!(lines, format!("Return-Path: <\"a b\"@x>\r\n{received}"));
    }
}
