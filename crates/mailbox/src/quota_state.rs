//! How much of each resource that has a limit is used, and the state it makes for clients (RFC 9425 §4).
//!
//! The state is what there is to say, written down: so whatever a client comes from can be compared with now,
//! and nothing has to be kept. Must not: know how Quotas are told.

use sha3::{Digest as _, Sha3_256};

use crate::snapshot::Snapshot;

/// What can be used up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QuotaResource {
    Octets,
    Messages,
    Mailboxes,
}

impl QuotaResource {
    pub const ALL: [Self; 3] = [Self::Octets, Self::Messages, Self::Mailboxes];

    /// In states.
    const fn letter(self) -> &'static str {
        match self {
            Self::Octets => "o",
            Self::Messages => "m",
            Self::Mailboxes => "b",
        }
    }
}

/// How much of a resource is used, and how much may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuotaUse {
    pub used: u64,
    pub limit: u64,
}

/// Of all resources that have a limit; in the order of [`QuotaResource::ALL`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QuotaState(pub [Option<QuotaUse>; 3]);

impl QuotaState {
    pub fn each(&self) -> impl Iterator<Item = (QuotaResource, Option<QuotaUse>)> {
        QuotaResource::ALL.into_iter().zip(self.0)
    }
    /// `o123.1000-m5.50`; `none` without a limit.
    #[must_use]
    pub fn text(&self) -> String {
        let text = |(resource, one): (QuotaResource, Option<QuotaUse>)| {
            one.map(|QuotaUse { used, limit }| format!("{}{used}.{limit}", resource.letter()))
        };
        let texts: Vec<_> = self.each().filter_map(text).collect();
        if texts.is_empty() { "none".to_owned() } else { texts.join("-") }
    }
    /// Reads what was printed; nothing else.
    #[must_use]
    pub fn parse(state: &str) -> Option<Self> {
        let mut uses = Self::default();
        for text in state.split('-').filter(|_| state != "none") {
            let number = |text: &str| text.parse::<u64>().ok();
            for (resource, place) in QuotaResource::ALL.into_iter().zip(&mut uses.0) {
                let numbers = text.strip_prefix(resource.letter()).and_then(|rest| rest.split_once('.'));
                if let Some((used, limit)) = numbers {
                    *place = Some(QuotaUse { used: number(used)?, limit: number(limit)? });
                }
            }
        }
        (uses.text() == state).then_some(uses)
    }
    /// A number that is another when the state is; so that somebody can be told of it once without it being
    /// kept.
    #[must_use]
    pub fn stamp(&self) -> u64 {
        let digest = Sha3_256::digest(self.text());
        digest.iter().take(8).fold(0, |stamp, octet| stamp << 8 | u64::from(*octet))
    }
}

impl Snapshot<'_> {
    /// How much of what has a limit is used.
    #[must_use]
    pub fn quota_state(&self) -> QuotaState {
        let (usage, limits) = (self.usage(), self.quota());
        let one = |used: u64, limit: u64| (limit < u64::MAX).then_some(QuotaUse { used, limit });
        QuotaState([
            one(usage.octets, limits.octets_max),
            one(usage.messages, limits.messages_max),
            one(self.mailboxes_count(), limits.mailboxes_max),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: RFC 8620 §5.1; RFC 9425 §4.3
    #[test]
    fn states_are_what_is_used() {
        let one = |used, limit| Some(QuotaUse { used, limit });
        for (uses, text) in [
            (QuotaState::default(), "none"),
            (QuotaState([one(1, 2), None, one(3, 4)]), "o1.2-b3.4"),
            (QuotaState([None, one(0, 0), None]), "m0.0"),
        ] {
            assert_eq!(uses.text(), text);
            assert_eq!(QuotaState::parse(text), Some(uses));
        }
        for bad in ["", "o1", "o1.2-", "m1.2-o1.2", "o01.2", "x1.2", "o1.2-o1.2", "77"] {
            assert_eq!(QuotaState::parse(bad), None, "{bad}");
        }
        let stamps = [one(1, 2), one(1, 3), one(2, 2), None].map(|uses| QuotaState([uses; 3]).stamp());
        assert!(stamps.iter().enumerate().all(|(at, stamp)| !stamps[..at].contains(stamp)), "{stamps:?}");
    }
}
