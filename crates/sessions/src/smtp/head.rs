//! The header of a message that comes in: counted, and for one of our users' messages checked and put right
//! (RFC 6409 §6.3 and §8, RFC 5321 §6.3 and §6.4).
//!
//! Only what must go or is missing is touched; every other octet stays where it is, so that signatures
//! hold.

use koi_message::author;
use koi_message::header::Fields;
use koi_message::thread::message_id;
use koi_proto::smtp::Reply;
use koi_types::{Address, Timestamp, limits};

use super::{replies, trace};

/// A header as it is delivered.
#[derive(Debug)]
pub(super) struct Submitted {
    pub(super) header: Vec<u8>,
    /// The sender's own form, when it differs: with Bcc.
    pub(super) own_form: Option<Vec<u8>>,
    /// The program that made it, without its version; empty when it does not say.
    pub(super) program: Vec<u8>,
}

/// What is added where it is missing, and who may be named.
pub(super) struct Author<'a> {
    /// Whether mail of this address is the account's own.
    pub(super) owns: &'a dyn Fn(&Address) -> bool,
    pub(super) at: Timestamp,
    /// Without its angle brackets.
    pub(super) message_id: &'a str,
}

/// RFC 5321 §6.3: a message that has come so far is not coming to an end.
pub(super) fn refuse_loop(header: &[u8]) -> Result<(), Reply> {
    let received = Fields::new(header).filter(|field| field.is(b"received")).count();
    if received > limits::RECEIVED_LINES_MAX { Err(replies::looping()) } else { Ok(()) }
}

/// Checks and completes the header of a submission, given without the blank line.
pub(super) fn submitted(header: &[u8], author: &Author<'_>) -> Result<Submitted, Reply> {
    let mut seen = Seen::default();
    let mut own = Vec::with_capacity(header.len() + 128);
    let mut shown = Vec::with_capacity(header.len() + 128);
    for field in Fields::new(header) {
        let what = What::of(field.name);
        seen.take(what, field.value, author)?;
        let lines = field.range.of(header);
        let goes = match what {
            // RFC 5321 §4.4: only the last server writes it; we do.
            What::ReturnPath => true,
            What::MessageId => message_id(field.value).is_none(),
            _ => false,
        };
        if goes {
            continue;
        }
        own.extend_from_slice(lines);
        // RFC 5322 §3.6.3: the recipients must not see it.
        if what != What::Bcc {
            shown.extend_from_slice(lines);
        }
    }
    seen.complete()?;
    let added = seen.missing(author);
    for header in [&mut own, &mut shown] {
        if !header.is_empty() && !header.ends_with(b"\n") {
            header.extend_from_slice(b"\r\n");
        }
        header.extend_from_slice(added.as_bytes());
    }
    Ok(Submitted { header: shown, own_form: seen.bcc.then_some(own), program: seen.program })
}

/// Fields that mean something here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum What {
    From,
    Sender,
    Bcc,
    Date,
    MessageId,
    ReturnPath,
    Received,
    Program,
    Other,
}

impl What {
    fn of(name: &[u8]) -> Self {
        let known: [(&[u8], Self); 10] = [
            (b"from", Self::From),
            (b"sender", Self::Sender),
            (b"bcc", Self::Bcc),
            (b"resent-bcc", Self::Bcc),
            (b"date", Self::Date),
            (b"message-id", Self::MessageId),
            (b"return-path", Self::ReturnPath),
            (b"received", Self::Received),
            (b"user-agent", Self::Program),
            (b"x-mailer", Self::Program),
        ];
        let found = known.iter().find(|(known, _)| name.eq_ignore_ascii_case(known));
        found.map_or(Self::Other, |(_, what)| *what)
    }
}

#[derive(Default)]
struct Seen {
    from: bool,
    sender: bool,
    date: bool,
    message_id: bool,
    bcc: bool,
    received: usize,
    program: Vec<u8>,
}

impl Seen {
    fn take(&mut self, what: What, value: &[u8], author: &Author<'_>) -> Result<(), Reply> {
        match what {
            What::From => self::author(&mut self.from, "From", value, author),
            What::Sender => self::author(&mut self.sender, "Sender", value, author),
            What::Date => once(&mut self.date, "Date"),
            What::MessageId if message_id(value).is_some() => once(&mut self.message_id, "Message-ID"),
            What::Bcc => {
                self.bcc = true;
                Ok(())
            }
            What::Received => {
                self.received += 1;
                Ok(())
            }
            What::Program => {
                if self.program.is_empty() {
                    self.program = program(value);
                }
                Ok(())
            }
            What::MessageId | What::ReturnPath | What::Other => Ok(()),
        }
    }
    fn complete(&self) -> Result<(), Reply> {
        // DEVIATION RFC 5321 §6.3: a user's message is refused with more than 50 Received lines, not 100,
        // because it should be at its first hop.
        if self.received > limits::SUBMITTED_RECEIVED_LINES_MAX {
            return Err(replies::looping());
        }
        if self.from { Ok(()) } else { Err(replies::bad_message("the message has no From field")) }
    }
    /// RFC 6409 §8.2 and §8.3.
    fn missing(&self, author: &Author<'_>) -> String {
        let mut added = String::new();
        if !self.date {
            added.push_str(&format!("Date: {}\r\n", trace::date(author.at)));
        }
        if !self.message_id {
            added.push_str(&format!("Message-ID: <{}>\r\n", author.message_id));
        }
        added
    }
}

/// RFC 5322 §3.6: these fields come once.
fn once(seen: &mut bool, name: &'static str) -> Result<(), Reply> {
    match std::mem::replace(seen, true) {
        false => Ok(()),
        true => Err(replies::bad_message(format!("the message has more than one {name} field"))),
    }
}

fn author(seen: &mut bool, name: &'static str, value: &[u8], author: &Author<'_>) -> Result<(), Reply> {
    once(seen, name)?;
    let unclear = || replies::bad_message(format!("the {name} field is not a list of complete addresses"));
    let addresses = author::addresses(value).ok_or_else(unclear)?;
    match addresses.iter().find(|address| !(author.owns)(address)) {
        None => Ok(()),
        Some(foreign) => Err(replies::not_yours(name, foreign)),
    }
}

/// `Mozilla Thunderbird` of `Mozilla Thunderbird 128.0 (…)`: as long as the program is the same, so is this.
fn program(value: &[u8]) -> Vec<u8> {
    let ends = |octet: &u8| octet.is_ascii_digit() || matches!(octet, b'/' | b'(' | b'\r' | b'\n');
    let value = value.trim_ascii_start();
    let end = value.iter().position(ends).unwrap_or(value.len());
    value.get(..end).unwrap_or_default().trim_ascii().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(header: &str) -> Result<Submitted, String> {
        let author = Author {
            owns: &|address| address.account_key().to_string() == "alice@example.org",
            at: Timestamp(0),
            message_id: "id@mx.example.org",
        };
        submitted(header.as_bytes(), &author).map_err(|reply| format!("{} {}", reply.code, reply.text))
    }
    fn text(octets: &[u8]) -> String {
        String::from_utf8(octets.to_vec()).unwrap()
    }

    const WHOLE: &str = "Received: from a\r\nFrom: Alice <alice+x@example.org>\r\nDate: x\r\n\
                         Message-ID: <a@b>\r\nX-Odd : kept\r\n as it is\r\n";

    // spec: RFC 6409 §8.2
    // spec: RFC 6409 §8.3
    #[test]
    fn what_is_whole_stays_and_what_is_missing_is_added() {
        let whole = run(WHOLE).unwrap();
        assert_eq!((text(&whole.header), whole.own_form), (WHOLE.to_owned(), None));
        let bare = run("From: alice@example.org\r\nMessage-ID: nonsense\r\nReturn-Path: <x@y>").unwrap();
        let expected = "From: alice@example.org\r\nDate: Thu, 1 Jan 1970 00:00:00 +0000\r\n\
                        Message-ID: <id@mx.example.org>\r\n";
        assert_eq!(text(&bare.header), expected);
    }

    // spec: RFC 5322 §3.6.3
    #[test]
    fn bcc_is_the_senders_own() {
        let header = format!("Bcc: bob@example.org,\r\n carol@example.org\r\n{WHOLE}Resent-Bcc: d@e\r\n");
        let read = run(&header).unwrap();
        assert_eq!((text(&read.header), text(&read.own_form.unwrap())), (WHOLE.to_owned(), header));
    }

    // spec: RFC 6409 §6.3
    // spec: RFC 5322 §3.6
    #[test]
    fn nobody_speaks_for_others() {
        for (header, code) in [
            ("From: bob@example.org\r\n", "550"),
            ("From: alice@example.org, bob@example.org\r\n", "550"),
            ("From: alice@example.org\r\nSender: bob@example.org\r\n", "550"),
            ("fRoM : bob@example.org\r\n", "550"),
            ("From: alice@example.org\r\nFrom: bob@example.org\r\n", "554"),
            ("From: alice@example.org\r\nSender: alice@example.org\r\nSender: x@y\r\n", "554"),
            ("From: alice\r\n", "554"),
            ("Subject: none\r\n", "554"),
            ("", "554"),
            ("From: alice@example.org\r\nDate: a\r\nDate: b\r\n", "554"),
        ] {
            let refused = run(header).unwrap_err();
            assert!(refused.starts_with(code), "{header:?}: {refused}");
        }
    }

    // spec: RFC 5321 §6.3
    #[test]
    fn loops_end() {
        let line = "Received: x\r\n";
        let from = "From: alice@example.org\r\n";
        assert!(run(&(line.repeat(50) + from)).is_ok());
        assert!(run(&(line.repeat(51) + from)).unwrap_err().starts_with("554"));
        assert!(refuse_loop(line.repeat(100).as_bytes()).is_ok());
        assert!(refuse_loop(line.repeat(101).as_bytes()).is_err());
    }

    #[test]
    fn a_program_is_known_by_its_name() {
        let program = |value: &str| text(&program(value.as_bytes()));
        assert_eq!(program(" Mozilla Thunderbird"), "mozilla thunderbird");
        assert_eq!(program(" Mozilla/5.0 (X11; Linux)"), "mozilla");
        assert_eq!(program(" K-9 Mail for Android"), "k-");
        assert_eq!(program(" Apple Mail (2.3654.60.0.2.31)"), "apple mail");
    }
}
