//! The lines put in front of a message at final delivery: Return-Path and Received (RFC 5321 §4.4).
//!
//! They are the same for all recipients, so that one stored body serves all: Received has no `for`, which
//! would also tell each of them about the others.

use std::fmt::Write;

use koi_types::{ReversePath, Timestamp};

/// Whom the message came from and how.
pub(super) struct Trace<'a> {
    pub(super) from: &'a ReversePath,
    /// What the peer called itself in LHLO.
    pub(super) client: &'a str,
    pub(super) address: &'a str,
    pub(super) hostname: &'a str,
    /// `LMTP`, `LMTPS`: RFC 3848.
    pub(super) protocol: &'a str,
    pub(super) at: Timestamp,
}

impl Trace<'_> {
    /// Both lines with their CRLF.
    pub(super) fn lines(&self) -> String {
        let literal = match self.address.contains(':') {
            true => format!("[IPv6:{}]", self.address),
            false => format!("[{}]", self.address),
        };
        let date = date(self.at);
        format!(
            "Return-Path: <{}>\r\nReceived: from {} ({literal})\r\n\tby {} with {}; {date}\r\n",
            self.from, self.client, self.hostname, self.protocol
        )
    }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// `Sat, 21 Nov 2026 21:00:00 +0000` (RFC 5322 §3.3).
fn date(at: Timestamp) -> String {
    let secs = at.secs();
    let days = secs.div_euclid(86_400);
    let time = secs.rem_euclid(86_400);
    // Days since 0000-03-01, in eras of 400 years: the leap day is the last of its year.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12;
    let year = year_of_era + era * 400 + i64::from(month < 2);
    let pick = |names: &[&'static str], at: i64| {
        usize::try_from(at).ok().and_then(|at| names.get(at).copied()).unwrap_or("Jan")
    };
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "{}, {day} {} {year:04} {:02}:{:02}:{:02} +0000",
        pick(&DAYS, days.rem_euclid(7)),
        pick(&MONTHS, month),
        time / 3600,
        time / 60 % 60,
        time % 60
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: RFC 5321 §4.4
    #[test]
    fn both_lines_name_what_they_must() {
        let trace = Trace {
            from: &ReversePath::Null,
            client: "mx.example",
            address: "::1",
            hostname: "koi.example",
            protocol: "LMTP",
            at: Timestamp::from_secs(951_782_400),
        };
        assert_eq!(
            trace.lines(),
            "Return-Path: <>\r\nReceived: from mx.example ([IPv6:::1])\r\n\tby koi.example with LMTP; \
             Tue, 29 Feb 2000 00:00:00 +0000\r\n"
        );
    }

    #[test]
    fn dates_are_right_around_the_year() {
        assert_eq!(date(Timestamp(0)), "Thu, 1 Jan 1970 00:00:00 +0000");
        assert_eq!(date(Timestamp::from_secs(-1)), "Wed, 31 Dec 1969 23:59:59 +0000");
        assert_eq!(date(Timestamp::from_secs(1_795_294_799)), "Sat, 21 Nov 2026 20:59:59 +0000");
    }
}
