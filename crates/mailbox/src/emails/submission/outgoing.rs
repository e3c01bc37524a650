//! The header of an email that is submitted: who sends it to whom (RFC 8621 §7), who may be named in it
//! (RFC 6409 §6.3), what goes out (RFC 8621 §7.5, RFC 6409 §8): the same as what comes by SMTP.
//!
//! Only what must go or is missing is touched; every other octet stays where it is, so that signatures hold.

use std::collections::HashSet;
use std::ops::Range;

use koi_message::thread::message_id;
use koi_message::{Field, Fields, address, author};
use koi_types::{Address, limits};

use super::{Envelope, EnvelopeAddress};

/// What the header says.
#[derive(Default)]
pub(super) struct Outgoing {
    /// Properties of the Email that are not as they must be (RFC 8621 §7.5, invalidEmail).
    pub(super) wrong: Vec<&'static str>,
    from: Vec<Address>,
    sender: Option<Vec<Address>>,
    /// Of To, Cc and Bcc, each once; one more than there may be, at most.
    to: Vec<Box<str>>,
    /// The same without regard to case.
    known: HashSet<String>,
    has_date: bool,
    has_message_id: bool,
    received: usize,
    /// Fields that nobody else is to see.
    dropped: Vec<Range<usize>>,
    /// Where the last field ends.
    end: usize,
}

/// What is put into a message that goes out.
pub(super) struct Added<'a> {
    /// Lines in front of it.
    pub(super) trace: &'a str,
    /// Of a message without one.
    pub(super) date: &'a str,
    /// Of a message without one, without its angle brackets.
    pub(super) message_id: &'a str,
}

impl Outgoing {
    pub(super) fn of(octets: &[u8]) -> Self {
        let mut outgoing = Self::default();
        let mut seen_from = false;
        for field in Fields::new(octets) {
            outgoing.field(&field, &mut seen_from);
        }
        if !seen_from {
            outgoing.complain("from");
        }
        if outgoing.received > limits::SUBMITTED_RECEIVED_LINES_MAX {
            outgoing.complain("header:Received");
        }
        outgoing
    }
    fn field(&mut self, field: &Field<'_>, seen_from: &mut bool) {
        self.end = field.range.end as usize;
        if field.is(b"From") {
            // RFC 5322 §3.6: once, and beyond doubt.
            match author::addresses(field.value).filter(|_| !*seen_from) {
                Some(addresses) => self.from = addresses,
                None => self.complain("from"),
            }
            *seen_from = true;
        } else if field.is(b"Sender") {
            match author::addresses(field.value).filter(|_| self.sender.is_none()) {
                Some(addresses) => self.sender = Some(addresses),
                None => self.complain("sender"),
            }
        } else if field.is(b"Date") {
            if std::mem::replace(&mut self.has_date, true) {
                self.complain("sentAt");
            }
        } else if field.is(b"Message-ID") {
            match message_id(field.value) {
                Some(_) if self.has_message_id => self.complain("messageId"),
                Some(_) => self.has_message_id = true,
                None => self.drop(field),
            }
        } else if field.is(b"Received") {
            self.received += 1;
        } else if field.is(b"Return-Path") || field.is(b"Resent-Bcc") {
            // RFC 5321 §4.4: only the last server writes it; we do.
            self.drop(field);
        }
        if field.is(b"To") || field.is(b"Cc") || field.is(b"Bcc") {
            self.recipients(field.value);
        }
        if field.is(b"Bcc") {
            self.drop(field);
        }
    }
    fn drop(&mut self, field: &Field<'_>) {
        self.dropped.push(field.range.start as usize..field.range.end as usize);
    }
    fn complain(&mut self, property: &'static str) {
        if !self.wrong.contains(&property) {
            self.wrong.push(property);
        }
    }
    fn recipients(&mut self, value: &[u8]) {
        let mut entries = Vec::new();
        address::parse_addresses(value, &mut entries);
        for entry in entries {
            let (Some(local), Some(host)) = (entry.mailbox, entry.host) else { continue };
            let text = |octets: Vec<u8>| String::from_utf8_lossy(&octets).into_owned();
            let (local, host) = (text(local), text(host));
            let whole = Address::new(&local, &host).map(|address| address.as_path());
            let address: Box<str> = whole.unwrap_or_else(|| format!("{local}@{host}")).into();
            let has_room = self.to.len() <= limits::SUBMISSION_RECIPIENTS_MAX;
            if has_room && self.known.insert(address.to_ascii_lowercase()) {
                self.to.push(address);
            }
        }
    }
    /// All who are said to have written it or to send it.
    pub(super) fn authors(&self) -> impl Iterator<Item = &Address> {
        self.from.iter().chain(self.sender.iter().flatten())
    }
    /// RFC 8621 §7, envelope: what there is when none is given. The address of the identity where the sender
    /// is another. The property that is wrong when it is not clear who sends it.
    pub(super) fn envelope(&self, identity: &str) -> Result<Envelope, &'static str> {
        let (property, senders) = match &self.sender {
            Some(sender) => ("sender", sender),
            None => ("from", &self.from),
        };
        let [sender] = senders.as_slice() else { return Err(property) };
        let own = Address::parse(identity);
        let is_identity = own.is_none_or(|own| own.account_key() == sender.account_key());
        let plain = |email: &str| EnvelopeAddress { email: email.into(), parameters: Vec::new() };
        let mail_from = if is_identity { plain(&sender.as_path()) } else { plain(identity) };
        Ok(Envelope { mail_from, rcpt_to: self.to.iter().map(|email| plain(email)).collect() })
    }
    /// What goes out of the message `octets`.
    pub(super) fn octets(&self, octets: &[u8], added: &Added<'_>) -> Vec<u8> {
        let Added { trace, date, message_id } = added;
        let mut out = Vec::with_capacity(octets.len() + trace.len() + 128);
        out.extend_from_slice(trace.as_bytes());
        let mut from = 0;
        for Range { start, end } in &self.dropped {
            out.extend_from_slice(octets.get(from..*start).unwrap_or_default());
            from = *end;
        }
        out.extend_from_slice(octets.get(from..self.end).unwrap_or_default());
        if !out.ends_with(b"\n") {
            out.extend_from_slice(b"\r\n");
        }
        // RFC 6409 §8.2 and §8.3.
        if !self.has_date {
            out.extend_from_slice(format!("Date: {date}\r\n").as_bytes());
        }
        if !self.has_message_id {
            out.extend_from_slice(format!("Message-ID: <{message_id}>\r\n").as_bytes());
        }
        out.extend_from_slice(octets.get(self.end..).unwrap_or_default());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDED: Added<'_> = Added { trace: "Return-Path: <>\r\n", date: "now", message_id: "1@x" };

    fn sent(message: &str) -> String {
        String::from_utf8(Outgoing::of(message.as_bytes()).octets(message.as_bytes(), &ADDED)).unwrap()
    }

    // spec: RFC 8621 §7.5; RFC 5321 §4.4; RFC 6409 §8.2; RFC 6409 §8.3
    #[test]
    fn what_must_go_goes_and_what_is_missing_comes() {
        let whole = "From: a@x\r\nBCC: b@x,\r\n c@x\r\nTo: d@x\r\nBcc: e@x\r\nReturn-Path: <a@x>\r\n\
                     Resent-Bcc: f@x\r\nDate: then\r\nMessage-ID: <2@x>\r\n\r\nBcc: body\r\n";
        let kept = "From: a@x\r\nTo: d@x\r\nDate: then\r\nMessage-ID: <2@x>\r\n\r\nBcc: body\r\n";
        assert_eq!(sent(whole), format!("{}{kept}", ADDED.trace));
        let bare = "From: a@x\r\nMessage-ID: none\r\n\r\nbody";
        let mended = "From: a@x\r\nDate: now\r\nMessage-ID: <1@x>\r\n\r\nbody";
        assert_eq!(sent(bare), format!("{}{mended}", ADDED.trace));
        assert!(sent("From: a@x").ends_with("From: a@x\r\nDate: now\r\nMessage-ID: <1@x>\r\n"));
    }

    fn wrong(header: &str) -> Vec<&'static str> {
        Outgoing::of(header.as_bytes()).wrong
    }

    // spec: RFC 8621 §7.5; RFC 5322 §3.6
    #[test]
    fn everything_wrong_is_named() {
        assert_eq!(wrong("From: a@x\r\nSender: b@x\r\n"), [""; 0]);
        assert_eq!(wrong("Subject: s\r\n"), ["from"]);
        assert_eq!(wrong("From: a@x\r\nFrom: a@x\r\n"), ["from"]);
        assert_eq!(
            wrong("From: a\r\nSender: b\r\nDate: x\r\nDate: y\r\nMessage-ID: <a@b>\r\nMessage-ID: <a@b>\r\n"),
            ["from", "sender", "sentAt", "messageId"]
        );
        assert_eq!(wrong(&("Received: x\r\n".repeat(51) + "From: a@x\r\n")), ["header:Received"]);
    }

    // spec: RFC 8621 §7
    #[test]
    fn without_an_envelope_it_follows_from_the_header() {
        let envelope = |header: &str| {
            let envelope = Outgoing::of(header.as_bytes()).envelope("a@x").map_err(str::to_owned)?;
            let to: Vec<_> = envelope.rcpt_to.iter().map(|to| to.email.to_string()).collect();
            Ok::<_, String>(format!("{} to {}", envelope.mail_from.email, to.join(" ")))
        };
        let header = "From: A+b@x\r\nTo: b@x, G: c@x, B@X;\r\nCc: \"d e\"@x\r\nBcc: f@x\r\n";
        assert_eq!(envelope(header).unwrap(), "A+b@x to b@x c@x \"d e\"@x f@x");
        assert_eq!(envelope("From: b@x, c@x\r\nSender: c@x\r\n").unwrap(), "a@x to ", "of the identity");
        let many: String = (0..200_000).map(|n| format!("To: {n}@x\r\n")).collect();
        let count = Outgoing::of(many.as_bytes()).to.len();
        assert_eq!(count, limits::SUBMISSION_RECIPIENTS_MAX + 1, "who is one too many is seen, in time");
        assert_eq!(envelope("From: a@x, b@x\r\n").unwrap_err(), "from");
        assert_eq!(envelope("From: a@x\r\nSender: a@x, b@x\r\n").unwrap_err(), "sender");
    }
}
