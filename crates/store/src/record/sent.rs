//! F: what an account remembers of mail it sent, so that each message is in the Sent mailbox once, and so
//! that nobody sends more than an hour and a day allow.

use koi_types::{MailboxId, Timestamp, Uid};

use super::{Fields, Record};

/// A message that was submitted, by the hash of its Message-ID.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SubmittedRecord {
    pub at: Timestamp,
    /// Which client sent it (see `mail::sent`).
    pub client: u64,
    /// The copy the server filed; nothing when the client was expected to append its own.
    pub copy: Option<FiledCopy>,
}

/// Where the server's copy is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FiledCopy {
    pub mailbox: MailboxId,
    pub uid: Uid,
}

impl SubmittedRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let record = Record::new(24).i64(self.at.0).u64(self.client);
        // UIDs begin with 1.
        let (mailbox, uid) = self.copy.map_or((0, 0), |copy| (copy.mailbox.0, copy.uid.value()));
        record.u32(mailbox).u32(uid).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let (at, client) = (Timestamp(f.i64()?), f.u64()?);
        let (mailbox, uid) = (MailboxId(f.u32()?), f.u32()?);
        let copy = Uid::new(uid).map(|uid| FiledCopy { mailbox, uid });
        f.end().map(|()| Self { at, client, copy })
    }
}

/// How much was sent: when each of four counts will be full again, in microseconds since 1970. What is sent
/// moves that away, and time comes nearer to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SentCountsRecord {
    pub messages_hour: i64,
    pub messages_day: i64,
    pub recipients_hour: i64,
    pub recipients_day: i64,
}

impl SentCountsRecord {
    /// In which the counts of an hour and of a day fill up, in microseconds.
    pub const HOUR: i64 = 3_600_000_000;
    pub const DAY: i64 = 24 * Self::HOUR;

    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let Self { messages_hour, messages_day, recipients_hour, recipients_day } = *self;
        Record::new(32).i64(messages_hour).i64(messages_day).i64(recipients_hour).i64(recipients_day).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let record = Self {
            messages_hour: f.i64()?,
            messages_day: f.i64()?,
            recipients_hour: f.i64()?,
            recipients_day: f.i64()?,
        };
        f.end().map(|()| record)
    }
}

/// A client known to append what it sends: since when.
#[must_use]
pub fn encode_since(at: Timestamp) -> Vec<u8> {
    Record::new(8).i64(at.0).0
}

/// Reads such a record.
#[must_use]
pub fn decode_since(record: &[u8]) -> Option<Timestamp> {
    let mut f = Fields::of(record)?;
    let at = Timestamp(f.i64()?);
    f.end().map(|()| at)
}

/// The setting: a copy of what is sent is filed by the server.
#[must_use]
pub fn encode_setting(on: bool) -> Vec<u8> {
    Record::new(1).u8(u8::from(on)).0
}

/// Reads the setting.
#[must_use]
pub fn decode_setting(record: &[u8]) -> Option<bool> {
    let mut f = Fields::of(record)?;
    let on = match f.u8()? {
        0 => false,
        1 => true,
        _ => return None,
    };
    f.end().map(|()| on)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1() {
        let copy = Some(FiledCopy { mailbox: MailboxId(3), uid: Uid::MIN });
        for copy in [copy, None] {
            let record = SubmittedRecord { at: Timestamp(-5), client: 7, copy };
            assert_eq!(SubmittedRecord::decode(&record.encode()), Some(record));
        }
        let known = [1, 2, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0];
        let record = SubmittedRecord { at: Timestamp(2), client: 7, copy };
        assert_eq!(record.encode(), known);
        assert_eq!(SubmittedRecord::decode(&known[..24]), None);
        let counts = SentCountsRecord {
            messages_hour: 2,
            messages_day: -1,
            recipients_hour: 0x0102,
            recipients_day: i64::MAX,
        };
        let known = [
            [2, 0, 0, 0, 0, 0, 0, 0],
            [255; 8],
            [2, 1, 0, 0, 0, 0, 0, 0],
            [255, 255, 255, 255, 255, 255, 255, 127],
        ];
        let known = [&[1], known.concat().as_slice()].concat();
        assert_eq!((counts.encode(), SentCountsRecord::decode(&known)), (known.clone(), Some(counts)));
        assert!((0..known.len()).all(|cut| SentCountsRecord::decode(&known[..cut]).is_none()));
        assert_eq!(SentCountsRecord::decode(&[known, vec![0]].concat()), None);
        assert_eq!(encode_setting(true), [1, 1]);
        assert_eq!((decode_setting(&[1, 0]), decode_setting(&[1, 2])), (Some(false), None));
        assert_eq!(decode_since(&encode_since(Timestamp(9))), Some(Timestamp(9)));
    }
}
