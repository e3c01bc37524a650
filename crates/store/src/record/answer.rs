//! Answers while an account's owner is away (RFC 8621 §8): the values of table a.

use koi_types::Timestamp;

use super::{Fields, Record};

/// a: an email that is to be answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnswerRecord {
    /// When it came.
    pub at: Timestamp,
    /// To whom the answer goes: the reverse path of the email (RFC 3834 §4).
    pub sender: Box<str>,
}

impl AnswerRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Record::new(12 + self.sender.len()).i64(self.at.0).sized(self.sender.as_bytes()).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let answer = Self { at: Timestamp(f.i64()?), sender: f.text()?.into() };
        f.end().map(|()| answer)
    }
}

/// a: somebody who was answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AnsweredRecord {
    pub at: Timestamp,
    /// Stands for what the answer said: another is sent again (RFC 5230 §4.2).
    pub text: u64,
}

impl AnsweredRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Record::new(16).i64(self.at.0).u64(self.text).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let answered = Self { at: Timestamp(f.i64()?), text: f.u64()? };
        f.end().map(|()| answered)
    }
}
