//! Replies of DMTP: three digits and a text, on one line or several; and what the texts of some say.

use super::{REPLY_LINE_OCTETS_MAX, REPLY_LINES_MAX, REPLY_OCTETS_MAX};
use crate::fingerprint::Fingerprint;
use crate::text::{b64, from_b64_any};

/// A whole reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// 200 to 599.
    pub code: u16,
    /// Without code and line end; at least one.
    pub lines: Vec<String>,
}

/// Why lines are no reply, or a reply not what was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReplyError {
    /// No code, another code than on the line before, no text in UTF-8, or a CR within it.
    Syntax,
    /// Too many lines, or too long ones.
    TooLong,
    /// The code says no.
    Refused(u16),
    /// It does not hold what such a reply holds.
    Content,
}

impl std::fmt::Display for ReplyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Syntax => f.write_str("the server's reply is malformed"),
            Self::TooLong => f.write_str("the server's reply is too long"),
            Self::Refused(code) => write!(f, "the server refuses with code {code}"),
            Self::Content => f.write_str("the server's reply does not hold what was asked for"),
        }
    }
}

impl std::error::Error for ReplyError {}

/// What answers SGNT: an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignetReply(pub Vec<u8>);

/// What answers VRFY.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VerifyReply {
    Current,
    /// There is another: its full fingerprint.
    Update(Fingerprint),
}

impl Reply {
    #[must_use]
    pub fn new(code: u16, text: &str) -> Self {
        Self { code, lines: vec![text.to_owned()] }
    }
    #[must_use]
    pub const fn is_positive(&self) -> bool {
        self.code < 400
    }
    /// With CRLF; line ends within a text become spaces.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        let last = self.lines.len().saturating_sub(1);
        for (at, line) in self.lines.iter().enumerate() {
            let between = if at == last { ' ' } else { '-' };
            let line = line.replace(['\r', '\n'], " ");
            out.push_str(&format!("{}{between}{line}\r\n", self.code));
        }
        out
    }

    fn good(&self) -> Result<&Self, ReplyError> {
        if self.is_positive() { Ok(self) } else { Err(ReplyError::Refused(self.code)) }
    }
    fn first(&self) -> &str {
        self.lines.first().map(String::as_str).unwrap_or_default()
    }
}

impl SignetReply {
    pub fn of(reply: &Reply) -> Result<Self, ReplyError> {
        let text = reply.good()?.first().strip_prefix("OK ").unwrap_or_default();
        bracketed(text).and_then(|text| from_b64_any(text.as_bytes())).map(Self).ok_or(ReplyError::Content)
    }
    /// The signets of a HIST reply: all lines but the last.
    pub fn history(reply: &Reply) -> Result<Vec<Self>, ReplyError> {
        let lines = reply.good()?.lines.iter().rev().skip(1).rev();
        let signet = |line: &String| bracketed(line).and_then(|text| from_b64_any(text.as_bytes())).map(Self);
        lines.map(|line| signet(line).ok_or(ReplyError::Content)).collect()
    }
    #[must_use]
    pub fn reply(&self) -> Reply {
        Reply::new(250, &format!("OK [{}]", b64(&self.0)))
    }
    /// 250, a line for each signet, then `OK`.
    #[must_use]
    pub fn history_reply(signets: &[Self]) -> Reply {
        let lines = signets.iter().map(|signet| format!("[{}]", b64(&signet.0)));
        Reply { code: 250, lines: lines.chain([String::from("OK")]).collect() }
    }
}

impl VerifyReply {
    pub fn of(reply: &Reply) -> Result<Self, ReplyError> {
        let text = reply.good()?.first();
        if text == "CURRENT" {
            return Ok(Self::Current);
        }
        let print = text.strip_prefix("UPDATE ").and_then(bracketed).and_then(Fingerprint::parse);
        print.map(Self::Update).ok_or(ReplyError::Content)
    }
    #[must_use]
    pub fn reply(&self) -> Reply {
        match self {
            Self::Current => Reply::new(250, "CURRENT"),
            Self::Update(fingerprint) => Reply::new(250, &format!("UPDATE [{fingerprint}]")),
        }
    }
}

fn bracketed(text: &str) -> Option<&str> {
    text.strip_prefix('[')?.strip_suffix(']')
}

/// Lines of a reply that is not whole yet.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    code: Option<u16>,
    lines: Vec<String>,
    octets: usize,
}

impl Gathering {
    /// Takes a line without its end; the reply, when it was the last.
    pub(super) fn line(&mut self, line: &[u8]) -> Result<Option<Reply>, ReplyError> {
        self.octets += line.len();
        let is_long = line.len() > REPLY_LINE_OCTETS_MAX || self.octets > REPLY_OCTETS_MAX;
        if is_long || self.lines.len() >= REPLY_LINES_MAX {
            return Err(ReplyError::TooLong);
        }
        let line = std::str::from_utf8(line).map_err(|_| ReplyError::Syntax)?;
        if line.contains('\r') {
            return Err(ReplyError::Syntax);
        }
        let (digits, rest) = line.split_at_checked(3).ok_or(ReplyError::Syntax)?;
        let is_number = digits.bytes().all(|octet| octet.is_ascii_digit());
        let code = digits.parse().ok().filter(|code| is_number && (200..600).contains(code));
        let code: u16 = code.ok_or(ReplyError::Syntax)?;
        if self.code.replace(code).is_some_and(|before| before != code) {
            return Err(ReplyError::Syntax);
        }
        let (is_last, text) = match rest.strip_prefix('-') {
            Some(text) => (false, text),
            None => {
                (true, rest.strip_prefix(' ').or(rest.is_empty().then_some("")).ok_or(ReplyError::Syntax)?)
            }
        };
        self.lines.push(text.to_owned());
        if !is_last {
            return Ok(None);
        }
        let lines = std::mem::take(self).lines;
        Ok(Some(Reply { code, lines }))
    }
}
