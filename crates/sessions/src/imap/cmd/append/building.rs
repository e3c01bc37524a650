//! One message of APPEND while it is being sent, and whether there is room for more of it (RFC 9208 §4.3.1,
//! RFC 7889 §2).

use std::sync::Arc;

use koi_mailbox::{Account, NewMessage, Stage};
use koi_proto::imap::date::DateTime;
use koi_proto::imap::response::Code;
use koi_types::{Flags, Result, Timestamp, ZoneOffset};

use super::{Refusable, refuse};
use crate::imap::reply::Reply;

pub(super) struct Building {
    stage: Stage,
    flags: Flags,
    date: Option<DateTime>,
    /// It may be made of no octets here and some there.
    catenated: bool,
    nul: bool,
}

/// What leaves when the messages come, and so need not be found elsewhere.
#[derive(Clone, Copy, Default)]
pub(super) struct Room {
    pub(super) octets: u64,
    pub(super) messages: u64,
}

impl Building {
    /// `held_max`: what of it may stay in memory.
    pub(super) fn new(
        account: &Account,
        flags: Flags,
        date: Option<DateTime>,
        catenated: bool,
        held_max: usize,
    ) -> Self {
        let stage = account.stage().holding(held_max);
        Self { stage, flags, date, catenated, nul: false }
    }
    pub(super) fn write(&mut self, octets: &[u8]) -> Result<()> {
        self.stage.write(octets)
    }
    /// What came in literal8 had an octet 0.
    pub(super) const fn has_nul(&mut self, nul: bool) {
        self.nul |= nul;
    }
    /// All of it is there.
    pub(super) fn finish(self, now: Timestamp) -> Refusable<NewMessage> {
        if self.stage.octets() == 0 {
            return refuse(empty());
        }
        // RFC 3516 §6: BODY must show it in an encoding that every client knows.
        let incoming = if self.nul { self.stage.finish_binary()? } else { self.stage.finish()? };
        Ok(NewMessage {
            message: Arc::new(incoming),
            flags: self.flags,
            received_at: self.date.map_or(now, |date| date.at),
            received_zone: self.date.map_or(ZoneOffset(0), |date| date.zone),
        })
    }
}

impl Room {
    /// Whether so many octets more may come for this message.
    pub(super) fn has(
        self,
        account: &Account,
        before: &[NewMessage],
        building: &Building,
        octets: u64,
        octets_max: u64,
    ) -> Refusable<()> {
        if octets == 0 && !building.catenated {
            return refuse(empty());
        }
        let octets = building.stage.octets().saturating_add(octets);
        if octets > octets_max {
            return refuse(Reply::no("message is too large").code(&Code::TooBig));
        }
        let snapshot = account.snapshot()?;
        let (usage, quota) = (snapshot.usage(), snapshot.quota());
        let already: u64 = before.iter().map(|new| u64::from(new.message.octets())).sum();
        let octets = usage.octets.saturating_sub(self.octets).saturating_add(already).saturating_add(octets);
        let messages = usage.messages.saturating_sub(self.messages).saturating_add(before.len() as u64);
        // RFC 9208 §4.3.1; the transaction looks again.
        if octets > quota.octets_max || messages >= quota.messages_max {
            return refuse(Reply::no("the account is over its quota").code(&Code::OverQuota));
        }
        Ok(())
    }
}

/// RFC 3502: also how a client gives up.
fn empty() -> Reply {
    Reply::no("message is empty").code(&Code::Cannot)
}
