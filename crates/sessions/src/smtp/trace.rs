//! The lines put in front of a message at final delivery: Return-Path and Received (RFC 5321 §4.4).
//!
//! They are the same for all recipients, so that one stored body serves all: Received has `for` only when
//! there is one recipient, because it would tell each of them about the others.

use std::fmt::Write;

use koi_proto::smtp::is_client_domain;
use koi_types::{Address, ReversePath, Timestamp};

/// Whom the message came from and how.
pub(super) struct Trace<'a> {
    pub(super) from: &'a ReversePath,
    /// What the peer called itself.
    pub(super) client: &'a str,
    pub(super) address: &'a str,
    pub(super) hostname: &'a str,
    pub(super) with: With,
    /// The only recipient.
    pub(super) recipient: Option<&'a Address>,
    pub(super) at: Timestamp,
}

/// How it came: what makes up the name of the transmission type.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct With {
    pub(super) lmtp: bool,
    /// EHLO, not HELO.
    pub(super) extended: bool,
    pub(super) smtputf8: bool,
    pub(super) tls: bool,
    pub(super) authenticated: bool,
}

impl With {
    /// RFC 3848 §1, RFC 6531 §4.3.
    fn name(self) -> String {
        let base = match self {
            Self { lmtp: true, smtputf8: true, .. } => "UTF8LMTP",
            Self { lmtp: true, .. } => "LMTP",
            Self { smtputf8: true, .. } => "UTF8SMTP",
            Self { extended: false, tls: false, authenticated: false, .. } => "SMTP",
            _ => "ESMTP",
        };
        let tls = if self.tls { "S" } else { "" };
        let authenticated = if self.authenticated { "A" } else { "" };
        format!("{base}{tls}{authenticated}")
    }
}

impl Trace<'_> {
    /// Both lines with their CRLF. A name that is none (QUIRK client_name) is not written: who reads the
    /// field would take its signs for those of the field.
    pub(super) fn lines(&self) -> String {
        let literal = match self.address.contains(':') {
            true => format!("[IPv6:{}]", self.address),
            false => format!("[{}]", self.address),
        };
        let from = match self.from {
            ReversePath::Null => String::new(),
            ReversePath::Address(address) => address.as_path(),
        };
        let recipient = self.recipient.map(|to| format!(" for <{}>", to.as_path())).unwrap_or_default();
        format!(
            "Return-Path: <{from}>\r\nReceived: from {} ({literal})\r\n\tby {} with {}{recipient}; {}\r\n",
            if is_client_domain(self.client) { self.client } else { &literal },
            self.hostname,
            self.with.name(),
            date(self.at)
        )
    }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// `Sat, 21 Nov 2026 21:00:00 +0000` (RFC 5322 §3.3).
pub(super) fn date(at: Timestamp) -> String {
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
        let mut trace = Trace {
            from: &ReversePath::Null,
            client: "mx.example",
            address: "::1",
            hostname: "koi.example",
            with: With { lmtp: true, ..With::default() },
            recipient: None,
            at: Timestamp::from_secs(951_782_400),
        };
        assert_eq!(
            trace.lines(),
            "Return-Path: <>\r\nReceived: from mx.example ([IPv6:::1])\r\n\tby koi.example with LMTP; \
             Tue, 29 Feb 2000 00:00:00 +0000\r\n"
        );
        let (from, to) = (Address::new("a b", "x.example").unwrap(), Address::new("b+c", "y").unwrap());
        let from = ReversePath::Address(from);
        trace = Trace { from: &from, recipient: Some(&to), ..trace };
        assert!(trace.lines().starts_with("Return-Path: <\"a b\"@x.example>\r\n"), "{}", trace.lines());
        assert!(trace.lines().contains("with LMTP for <b+c@y>; "), "{}", trace.lines());
        trace = Trace { client: "x) by y (", ..trace };
        let received = "Received: from [IPv6:::1] ([IPv6:::1])\r\n\tby ";
        assert!(trace.lines().contains(received), "{}", trace.lines());
    }

    // spec: RFC 3848 §1
    // spec: RFC 6531 §4.3
    #[test]
    fn the_name_says_how_it_came() {
        let with = |lmtp, extended, smtputf8, tls, authenticated| {
            With { lmtp, extended, smtputf8, tls, authenticated }.name()
        };
        assert_eq!(with(false, false, false, false, false), "SMTP");
        assert_eq!(with(false, true, false, false, false), "ESMTP");
        assert_eq!(with(false, true, false, true, false), "ESMTPS");
        assert_eq!(with(false, true, false, false, true), "ESMTPA");
        assert_eq!(with(false, true, false, true, true), "ESMTPSA");
        assert_eq!(with(false, true, true, true, true), "UTF8SMTPSA");
        assert_eq!(with(true, true, false, true, false), "LMTPS");
        assert_eq!(with(true, true, true, true, false), "UTF8LMTPS");
    }

    #[test]
    fn dates_are_right_around_the_year() {
        assert_eq!(date(Timestamp(0)), "Thu, 1 Jan 1970 00:00:00 +0000");
        assert_eq!(date(Timestamp::from_secs(-1)), "Wed, 31 Dec 1969 23:59:59 +0000");
        assert_eq!(date(Timestamp::from_secs(1_795_294_799)), "Sat, 21 Nov 2026 20:59:59 +0000");
    }
}
