//! The answer while its owner is away (RFC 8621 §8): the value of table v.

use koi_types::Timestamp;

use super::identity::{put_text, take_text};
use super::{Fields, Record};

/// What is answered, and when.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VacationRecord {
    pub enabled: bool,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub subject: Option<Box<str>>,
    pub text_body: Option<Box<str>>,
    pub html_body: Option<Box<str>>,
}

impl VacationRecord {
    /// Whether a message that comes now is answered.
    #[must_use]
    pub fn is_away(&self, now: Timestamp) -> bool {
        let begun = self.from.is_none_or(|from| from <= now);
        self.enabled && begun && self.to.is_none_or(|to| now < to)
    }
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let record = Record::new(256).u8(u8::from(self.enabled));
        let record = put_time(put_time(record, self.from), self.to);
        [&self.subject, &self.text_body, &self.html_body]
            .into_iter()
            .fold(record, |record, text| put_text(record, text.as_deref()))
            .0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let enabled = match f.u8()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        let vacation = Self {
            enabled,
            from: take_time(&mut f)?,
            to: take_time(&mut f)?,
            subject: take_text(&mut f)?,
            text_body: take_text(&mut f)?,
            html_body: take_text(&mut f)?,
        };
        f.end().map(|()| vacation)
    }
}

fn put_time(record: Record, time: Option<Timestamp>) -> Record {
    match time {
        None => record.u8(0),
        Some(time) => record.u8(1).i64(time.0),
    }
}

fn take_time(f: &mut Fields<'_>) -> Option<Option<Timestamp>> {
    match f.u8()? {
        0 => Some(None),
        1 => f.i64().map(|millis| Some(Timestamp(millis))),
        _ => None,
    }
}
