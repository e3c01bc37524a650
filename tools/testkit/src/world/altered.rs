//! Encrypted messages that somebody has altered.

use koi_dime::message::retitled;
use koi_dime::{ChunkType, Magic, Outline};

/// What was done to a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Altered {
    /// Its first chunk names no suite, as in suite 1. Nobody has signed it so.
    SuiteOne,
    /// An octet of its author's signature is another.
    Signature,
    /// It says to be the copy of one that was sent.
    Sent,
}

impl Altered {
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "suite-one" => Self::SuiteOne,
            "signature" => Self::Signature,
            "sent" => Self::Sent,
            _ => return None,
        })
    }
    pub fn of(self, message: &[u8]) -> Result<Vec<u8>, String> {
        match self {
            Self::SuiteOne => suite_one(message),
            Self::Signature => {
                let outline = Outline::of(message).map_err(|error| error.to_string())?;
                let signature = outline.chunks().iter().find(|fact| fact.kind == ChunkType::AUTHOR_SIGNATURE);
                let at = signature.map(|fact| fact.start as usize + 1).ok_or("nobody has signed it")?;
                let mut octets = message.to_vec();
                *octets.get_mut(at).ok_or("not a message")? ^= 1;
                Ok(octets)
            }
            Self::Sent => retitled(message, Magic::SentMessage).ok_or_else(|| "not a message".to_owned()),
        }
    }
}

fn suite_one(message: &[u8]) -> Result<Vec<u8>, String> {
    let (head, chunk) = message.split_at_checked(6).ok_or("not a message")?;
    let (kind, rest) = chunk.split_at_checked(4).ok_or("not a message")?;
    let [1, 0, 0, octets] = *kind else { return Err("the first chunk is not of type 1".to_owned()) };
    let (fields, rest) = rest.split_at_checked(usize::from(octets)).ok_or("a chunk is cut off")?;
    let fields = fields.strip_suffix(&[128, 1, 2]).ok_or("not of suite 2")?;
    let (magic, length) = head.split_at(2);
    let length = length.try_into().map_or(0, u32::from_be_bytes) - 3;
    Ok([magic, &length.to_be_bytes(), &[1, 0, 0, octets - 3], fields, rest].concat())
}
