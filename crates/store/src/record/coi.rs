//! J: chat by IMAP (COI) in one account: its settings, and which submitted chat messages are filed where.

use koi_types::Timestamp;

use super::sent::FiledCopy;
use super::{Fields, Record};

/// The settings. An account without the row has the default: COI is not enabled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CoiSettings {
    pub enabled: bool,
    /// Nothing when it was never set, or taken back: then [`MessageFilter::None`] holds.
    pub filter: Option<MessageFilter>,
}

/// What is done with chat messages that arrive (COI-server §configure-message-filtering).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum MessageFilter {
    /// They stay in INBOX.
    None = 1,
    /// They go to the mailbox for chats.
    Active = 2,
    /// They go there when they are marked as seen.
    Seen = 3,
}

impl MessageFilter {
    pub const ALL: [Self; 3] = [Self::None, Self::Active, Self::Seen];

    /// As it is written in the setting.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Active => "active",
            Self::Seen => "seen",
        }
    }
}

impl CoiSettings {
    /// The filter that acts: only while COI is enabled.
    #[must_use]
    pub fn acting(&self) -> MessageFilter {
        self.filter.filter(|_| self.enabled).unwrap_or(MessageFilter::None)
    }
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Record::new(2).u8(u8::from(self.enabled)).u8(self.filter.map_or(0, |filter| filter as u8)).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let enabled = match f.u8()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        let filter = match f.u8()? {
            0 => None,
            number => Some(MessageFilter::ALL.into_iter().find(|filter| *filter as u8 == number)?),
        };
        f.end().map(|()| Self { enabled, filter })
    }
}

/// A submitted chat message, by the hash of its Message-ID.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FiledChatRecord {
    pub at: Timestamp,
    pub copy: FiledCopy,
}

impl FiledChatRecord {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Record::new(16).i64(self.at.0).u32(self.copy.mailbox.0).u32(self.copy.uid.value()).0
    }
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let mut f = Fields::of(record)?;
        let at = Timestamp(f.i64()?);
        let (mailbox, uid) = (koi_types::MailboxId(f.u32()?), koi_types::Uid::new(f.u32()?)?);
        f.end().map(|()| Self { at, copy: FiledCopy { mailbox, uid } })
    }
}

#[cfg(test)]
mod tests {
    use koi_types::{MailboxId, Uid};

    use super::*;

    #[test]
    fn version_1() {
        let settings = |enabled, filter| CoiSettings { enabled, filter };
        for (value, known) in [
            (settings(false, None), [1, 0, 0]),
            (settings(true, None), [1, 1, 0]),
            (settings(true, Some(MessageFilter::None)), [1, 1, 1]),
            (settings(true, Some(MessageFilter::Active)), [1, 1, 2]),
            (settings(false, Some(MessageFilter::Seen)), [1, 0, 3]),
        ] {
            assert_eq!((value.encode(), CoiSettings::decode(&known)), (known.to_vec(), Some(value)));
        }
        for bad in [&[1, 1][..], &[1, 2, 0], &[1, 1, 4], &[2, 1, 1], &[1, 1, 1, 0]] {
            assert_eq!(CoiSettings::decode(bad), None);
        }
        let copy = FiledCopy { mailbox: MailboxId(3), uid: Uid::MIN };
        let filed = FiledChatRecord { at: Timestamp(2), copy };
        let known = [1, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0];
        assert_eq!((filed.encode(), FiledChatRecord::decode(&known)), (known.to_vec(), Some(filed)));
        assert_eq!(FiledChatRecord::decode(&known[..16]), None);
    }

    // spec: COI-server §configure-message-filtering
    #[test]
    fn the_filter_acts_only_while_enabled() {
        let acting = |enabled, filter| CoiSettings { enabled, filter }.acting();
        assert_eq!(acting(true, Some(MessageFilter::Seen)), MessageFilter::Seen);
        assert_eq!(acting(false, Some(MessageFilter::Seen)), MessageFilter::None);
        assert_eq!(acting(true, None), MessageFilter::None);
    }
}
