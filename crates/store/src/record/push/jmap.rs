//! What a client of JMAP gave for a subscription (RFC 8620 §7.2), and which states it was told.

use koi_types::AccountId;

use super::super::{Fields, Record, put_varint};
use super::{list, read_list};

/// A subscription to states of data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JmapSubscription {
    /// The app password or token it was made with, by name; nothing for the account's own password.
    pub credential: Option<Box<str>>,
    /// What the client calls itself, on this device.
    pub device: Box<str>,
    pub url: Box<str>,
    /// As they were written; without them nothing is encrypted.
    pub keys: Option<JmapKeys>,
    /// Names of types; nothing for all there are.
    pub types: Option<Vec<Box<str>>>,
    /// What the client knows, by account.
    pub told: Vec<ToldStates>,
}

/// RFC 8291 §3.1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JmapKeys {
    pub p256dh: Box<str>,
    pub auth: Box<str>,
}

/// The states of an account that a client was told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ToldStates {
    pub account: AccountId,
    pub states: Vec<ToldState>,
}

/// One of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ToldState {
    /// Which type of data; those who read the record give the numbers, and never change them.
    pub data: u8,
    pub modseq: u64,
}

impl JmapSubscription {
    pub(super) fn write(&self, record: Record) -> Record {
        let record = optional(record, self.credential.as_deref());
        let record = record.sized(self.device.as_bytes()).sized(self.url.as_bytes());
        let record = optional(record, self.keys.as_ref().map(|keys| &*keys.p256dh));
        let record = match &self.keys {
            Some(keys) => record.sized(keys.auth.as_bytes()),
            None => record,
        };
        let mut record = list(record, self.types.as_deref());
        put_varint(&mut record.0, self.told.len() as u64);
        for told in &self.told {
            record = record.u32(told.account.0);
            put_varint(&mut record.0, told.states.len() as u64);
            for state in &told.states {
                record = record.u8(state.data);
                put_varint(&mut record.0, state.modseq);
            }
        }
        record
    }
    pub(super) fn read(f: &mut Fields<'_>) -> Option<Self> {
        let credential = read_optional(f)?;
        let (device, url) = (f.text()?.into(), f.text()?.into());
        let keys = match read_optional(f)? {
            Some(p256dh) => Some(JmapKeys { p256dh, auth: f.text()?.into() }),
            None => None,
        };
        let types = read_list(f)?;
        let mut told = Vec::new();
        for _ in 0..f.varint()? {
            let account = AccountId(f.u32()?);
            let mut states = Vec::new();
            for _ in 0..f.varint()? {
                states.push(ToldState { data: f.u8()?, modseq: f.varint()? });
            }
            told.push(ToldStates { account, states });
        }
        Some(Self { credential, device, url, keys, types, told })
    }
}

fn optional(record: Record, text: Option<&str>) -> Record {
    match text {
        Some(text) => record.u8(1).sized(text.as_bytes()),
        None => record.u8(0),
    }
}

/// The outer `None`: not readable.
fn read_optional(f: &mut Fields<'_>) -> Option<Option<Box<str>>> {
    match f.u8()? {
        0 => Some(None),
        1 => Some(Some(f.text()?.into())),
        _ => None,
    }
}
