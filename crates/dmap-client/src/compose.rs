//! What a person writes, as the parts of a message before it is encrypted (docs/DIME.md, forms of messages).

use std::fmt::Write as _;

use koi_dime::SecretOctets;
use koi_dime::message::PartKind;
use koi_types::{Address, Timestamp, ZoneOffset};
use zeroize::Zeroizing;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Octets of one header line (RFC 5322 §2.1.1).
const LINE_OCTETS_MAX: usize = 998;

/// A message to be written.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    pub from: &'a Address,
    /// All of them, as each will see; every one gets a message of its own.
    pub to: &'a [Address],
    pub subject: &'a str,
    pub text: &'a str,
    pub attachments: &'a [Attachment<'a>],
    pub date: Timestamp,
    /// Without the brackets.
    pub message_id: &'a str,
    /// The same, of the message this answers.
    pub in_reply_to: Option<&'a str>,
}

/// A file that goes with it.
#[derive(Clone, Copy, Debug)]
pub struct Attachment<'a> {
    pub name: &'a str,
    pub media_type: &'a str,
    pub content: &'a [u8],
}

/// Why a letter cannot be written so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadLetter {
    NoRecipient,
    /// This header field has a control character in it, or is too long.
    Field(&'static str),
    /// A file's type is not `type/subtype`.
    MediaType,
}

impl std::fmt::Display for BadLetter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoRecipient => f.write_str("the message has no recipient"),
            Self::Field(name) => {
                write!(f, "{name} has a control character in it, or is longer than {LINE_OCTETS_MAX} octets")
            }
            Self::MediaType => f.write_str("the type of an attached file is not type/subtype"),
        }
    }
}

impl std::error::Error for BadLetter {}

/// A part with its MIME header.
pub(crate) struct Composed {
    pub(crate) kind: PartKind,
    pub(crate) data: SecretOctets,
}

impl Letter<'_> {
    /// The common headers, in their order.
    pub(crate) fn headers(&self) -> Result<Zeroizing<String>, BadLetter> {
        if self.to.is_empty() {
            return Err(BadLetter::NoRecipient);
        }
        // Folded (RFC 5322 §2.2.3): a line has room for few addresses.
        let to = self.to.iter().map(Address::as_path).collect::<Vec<_>>().join(",\r\n ");
        let mut out = Zeroizing::new(String::with_capacity(4096 + to.len()));
        let mut field = |name: &str, value: &str| {
            for part in [name, ": ", value, "\r\n"] {
                out.push_str(part);
            }
        };
        field("Date", &date(self.date));
        field("Subject", line("Subject", self.subject)?);
        field("From", &self.from.as_path());
        field("To", &to);
        if let Some(answered) = self.in_reply_to {
            field("In-Reply-To", &format!("<{}>", id("In-Reply-To", answered)?));
        }
        field("Message-Id", &format!("<{}>", id("Message-Id", self.message_id)?));
        Ok(out)
    }

    /// The text, then the files.
    pub(crate) fn parts(&self) -> Result<Vec<Composed>, BadLetter> {
        let text = with_crlf(self.text);
        let mut parts =
            vec![part(PartKind::Display, "Content-Type: text/plain; charset=utf-8\r\n", text.as_bytes())];
        for Attachment { name, media_type, content } in self.attachments {
            if !is_media_type(media_type) {
                return Err(BadLetter::MediaType);
            }
            if name.is_empty() || name.len() > 255 || name.chars().any(char::is_control) {
                return Err(BadLetter::Field("a file's name"));
            }
            let name = file_name(name);
            let header = format!("Content-Type: {media_type}\r\nContent-Disposition: attachment; {name}\r\n");
            parts.push(part(PartKind::Attachment, &header, content));
        }
        Ok(parts)
    }
}

/// What may stand in a header line: an address cannot have control characters, all else can.
fn line<'a>(name: &'static str, value: &'a str) -> Result<&'a str, BadLetter> {
    let is_line = !value.chars().any(char::is_control) && name.len() + value.len() + 2 <= LINE_OCTETS_MAX;
    is_line.then_some(value).ok_or(BadLetter::Field(name))
}

fn id<'a>(name: &'static str, value: &'a str) -> Result<&'a str, BadLetter> {
    let is_id = !value.contains(|c: char| c.is_whitespace() || matches!(c, '<' | '>'));
    line(name, value).ok().filter(|_| is_id).ok_or(BadLetter::Field(name))
}

fn part(kind: PartKind, header: &str, content: &[u8]) -> Composed {
    let mut data = Zeroizing::new(Vec::with_capacity(header.len() + 2 + content.len()));
    data.extend_from_slice(header.as_bytes());
    data.extend_from_slice(b"\r\n");
    data.extend_from_slice(content);
    Composed { kind, data }
}

/// RFC 5322 §3.3, in UTC.
fn date(at: Timestamp) -> String {
    let day = at.day(ZoneOffset(0));
    let date = day.date();
    let name =
        |names: &[&'static str], at: i32| usize::try_from(at).ok().and_then(|at| names.get(at)).copied();
    let weekday = name(&DAYS, day.0.rem_euclid(7)).unwrap_or_default();
    let month = name(&MONTHS, i32::from(date.month) - 1).unwrap_or_default();
    let secs = at.secs().rem_euclid(86_400);
    let (hour, minute, second) = (secs / 3600, secs / 60 % 60, secs % 60);
    format!("{weekday}, {} {month} {:04} {hour:02}:{minute:02}:{second:02} +0000", date.day, date.year)
}

/// CRLF at every line's end.
fn with_crlf(text: &str) -> Zeroizing<String> {
    let ends = text.bytes().filter(|octet| *octet == b'\n').count();
    let mut out = Zeroizing::new(String::with_capacity(text.len() + ends + 2));
    for line in text.lines() {
        out.push_str(line);
        out.push_str("\r\n");
    }
    out
}

/// RFC 2045 §5.1: two tokens.
fn is_media_type(text: &str) -> bool {
    let is_token = |token: &str| {
        !token.is_empty() && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    text.split_once('/').is_some_and(|(one, two)| is_token(one) && is_token(two))
}

/// RFC 2183 §2.3; RFC 2231 §4 where it is not plain ASCII.
fn file_name(name: &str) -> String {
    if name.bytes().all(|b| b.is_ascii() && !matches!(b, b'"' | b'\\')) {
        return format!("filename=\"{name}\"");
    }
    let mut encoded = String::from("filename*=UTF-8''");
    for octet in name.bytes() {
        match octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-' | b'_') {
            true => encoded.push(char::from(octet)),
            false => drop(write!(encoded, "%{octet:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter<'a>(to: &'a [Address], from: &'a Address) -> Letter<'a> {
        Letter {
            from,
            to,
            subject: "Grüße",
            text: "one\ntwo\r\nthree",
            attachments: &[],
            date: Timestamp::from_secs(1_445_248_800),
            message_id: "1@example.org",
            in_reply_to: None,
        }
    }

    // spec: RFC 5322 §3.3; RFC 2183 §2.3
    #[test]
    fn headers_and_parts() {
        let from = Address::parse("a@example.org").unwrap();
        let to = [Address::parse("b@example.net").unwrap(), Address::new("c d", "example.net").unwrap()];
        let mut letter = letter(&to, &from);
        assert_eq!(
            *letter.headers().unwrap(),
            "Date: Mon, 19 Oct 2015 10:00:00 +0000\r\nSubject: Grüße\r\nFrom: a@example.org\r\n\
             To: b@example.net,\r\n \"c d\"@example.net\r\nMessage-Id: <1@example.org>\r\n"
        );
        let files = [
            Attachment { name: "a.png", media_type: "image/png", content: b"\0png" },
            Attachment { name: "ü\".txt", media_type: "text/plain", content: b"" },
        ];
        letter.attachments = &files;
        letter.in_reply_to = Some("0@x");
        assert!(letter.headers().unwrap().contains("\r\nIn-Reply-To: <0@x>\r\nMessage-Id"));
        let parts: Vec<String> = letter
            .parts()
            .unwrap()
            .iter()
            .map(|part| String::from_utf8(part.data.to_vec()).unwrap())
            .collect();
        assert_eq!(
            parts,
            [
                "Content-Type: text/plain; charset=utf-8\r\n\r\none\r\ntwo\r\nthree\r\n",
                "Content-Type: image/png\r\nContent-Disposition: attachment; filename=\"a.png\"\r\n\r\n\0png",
                "Content-Type: text/plain\r\nContent-Disposition: attachment; \
                 filename*=UTF-8''%C3%BC%22.txt\r\n\r\n",
            ]
        );
    }

    #[test]
    fn nothing_gets_into_the_headers_that_was_not_asked_for() {
        let from = Address::parse("a@example.org").unwrap();
        let to = [from.clone()];
        let good = letter(&to, &from);
        let bad = |letter: Letter<'_>| letter.headers().err().or_else(|| letter.parts().err());
        assert_eq!(bad(good), None);
        assert_eq!(bad(Letter { to: &[], ..good }), Some(BadLetter::NoRecipient));
        let subject = "a\r\nBcc: c@x";
        assert_eq!(bad(Letter { subject, ..good }), Some(BadLetter::Field("Subject")));
        let long = "x".repeat(1000);
        assert_eq!(bad(Letter { subject: &long, ..good }), Some(BadLetter::Field("Subject")));
        assert_eq!(bad(Letter { message_id: "a>\r\nX: <b", ..good }), Some(BadLetter::Field("Message-Id")));
        let file = [Attachment { name: "a", media_type: "text/plain\r\nX: y", content: b"" }];
        assert_eq!(bad(Letter { attachments: &file, ..good }), Some(BadLetter::MediaType));
        let file = [Attachment { name: "a\r\n", media_type: "text/plain", content: b"" }];
        assert_eq!(bad(Letter { attachments: &file, ..good }), Some(BadLetter::Field("a file's name")));
    }
}
