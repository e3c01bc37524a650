//! The tagged end of a command (DMAP-00 §8.1), and what may be told before it.

use std::borrow::Cow;

use koi_proto::dmap::response::{Condition, status};
use koi_proto::dmap::{Code, Tag};
use koi_types::MailError;

use super::error;
use crate::selected::sequence::BadSet;
use crate::selected::telling::Telling;

/// A tagged status response, still without its tag.
#[derive(Debug)]
pub(crate) struct Reply {
    condition: Condition,
    code: Option<Box<Code>>,
    text: Cow<'static, str>,
    pub(crate) telling: Telling,
}

impl Reply {
    pub(crate) fn new(condition: Condition, text: impl Into<Cow<'static, str>>) -> Self {
        Self { condition, code: None, text: text.into(), telling: Telling::default() }
    }
    pub(crate) fn ok(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Condition::Ok, text)
    }
    pub(crate) fn no(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Condition::No, text)
    }
    pub(crate) fn bad(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Condition::Bad, text)
    }
    pub(crate) fn error(error: &MailError) -> Self {
        Self::no(error.text.to_string()).code(error::code(error))
    }
    pub(crate) fn code(self, code: Code) -> Self {
        Self { code: Some(Box::new(code)), ..self }
    }
    /// Whether the command was understood and failed.
    pub(crate) fn is_no(&self) -> bool {
        self.condition == Condition::No
    }
    pub(crate) fn telling(self, telling: Telling) -> Self {
        Self { telling, ..self }
    }
    pub(crate) fn write(&self, tag: &Tag, out: &mut Vec<u8>) {
        status(Some(tag), self.condition, self.code.as_deref(), &self.text, out);
    }
}

impl From<BadSet> for Reply {
    fn from(bad: BadSet) -> Self {
        Self::bad(bad.0)
    }
}

/// An untagged line that tells something.
pub(crate) fn tell(code: Code, text: &str, out: &mut Vec<u8>) {
    status(None, Condition::Ok, Some(&code), text, out);
}

/// The last line of a connection.
pub(crate) fn bye(code: Option<&Code>, text: &str, out: &mut Vec<u8>) {
    status(None, Condition::Bye, code, text, out);
}
