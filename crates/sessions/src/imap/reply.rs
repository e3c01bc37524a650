//! The tagged end of a command (RFC 9051 §7.1), and what may be told before it.

use std::borrow::Cow;

use koi_proto::imap::Tag;
use koi_proto::imap::response::{Code, Status};
use koi_types::MailError;

use super::error;
use crate::selected::sequence::BadSet;
use crate::selected::telling::Telling;

/// A tagged status response, still without its tag.
#[derive(Debug)]
pub(crate) struct Reply {
    status: Status,
    /// As written between the brackets; empty for none.
    code: Vec<u8>,
    text: Cow<'static, str>,
    pub(crate) telling: Telling,
}

impl Reply {
    pub(crate) fn new(status: Status, text: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code: Vec::new(), text: text.into(), telling: Telling::default() }
    }
    pub(crate) fn ok(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Status::Ok, text)
    }
    pub(crate) fn no(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Status::No, text)
    }
    pub(crate) fn bad(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Status::Bad, text)
    }
    pub(crate) fn error(error: &MailError) -> Self {
        Self::no(error.text.to_string()).code(&error::code(error.kind))
    }
    pub(crate) fn code(mut self, code: &Code<'_>) -> Self {
        self.code.clear();
        code.push(&mut self.code);
        self
    }
    /// Whether the command was understood and failed.
    pub(crate) fn is_no(&self) -> bool {
        self.status == Status::No
    }
    pub(crate) fn telling(mut self, telling: Telling) -> Self {
        self.telling = telling;
        self
    }
    pub(crate) fn write(&self, tag: &Tag, out: &mut Vec<u8>) {
        out.extend_from_slice(tag.as_str().as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.status.word().as_bytes());
        if !self.code.is_empty() {
            out.push(b'[');
            out.extend_from_slice(&self.code);
            out.extend_from_slice(b"] ");
        }
        let visible = |b: u8| if matches!(b, 0x20..=0x7e) { b } else { b'?' };
        out.extend(self.text.bytes().map(visible));
        out.extend_from_slice(b"\r\n");
    }
}

impl From<BadSet> for Reply {
    fn from(bad: BadSet) -> Self {
        Self::bad(bad.0)
    }
}
