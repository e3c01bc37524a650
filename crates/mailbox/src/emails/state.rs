//! States of data (RFC 8620 §5.1): the modseq at which data of a type changed last in the account.
//!
//! A client that comes from further back than it wants to be told of at once (RFC 8620 §5.2, maxChanges) gets
//! a state in between: everything up to a modseq, and so many of the changes of the next one, less one. What
//! it was told of, it was told as it was later. So it is with the results of a query that took several steps,
//! while something changed.

use std::fmt;

use koi_store::record::account::TypeStates;

use super::Emails;
use crate::snapshot::Snapshot;

/// Types of data that have a state.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DataType {
    Email,
    Mailbox,
    Thread,
    /// New emails alone (RFC 8621 §1.5).
    EmailDelivery,
    Identity,
    EmailSubmission,
    VacationResponse,
}

impl DataType {
    pub const ALL: [Self; 7] = [
        Self::Email,
        Self::Mailbox,
        Self::Thread,
        Self::EmailDelivery,
        Self::Identity,
        Self::EmailSubmission,
        Self::VacationResponse,
    ];
}

/// How far a client has come with data of a type. Printed as it goes to clients.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct State {
    /// Everything up to here.
    pub modseq: u64,
    /// More than 0 in between: one, and so much of what the next commit changed.
    pub within: u32,
}

impl State {
    /// Everything up to a modseq.
    #[must_use]
    pub const fn at(modseq: u64) -> Self {
        Self { modseq, within: 0 }
    }
    /// In between: everything up to a modseq, and so much of the next.
    pub(crate) const fn between(modseq: u64, done: u32) -> Self {
        Self { modseq, within: done.saturating_add(1) }
    }
    /// What a client knows may be as it was later.
    pub(crate) const fn is_between(self) -> bool {
        self.within > 0
    }
    /// How much was told of the commit behind the modseq.
    pub(crate) const fn done(self) -> u32 {
        self.within.saturating_sub(1)
    }
    /// Reads what was printed; nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (modseq, within) = match text.split_once('.') {
            Some((modseq, within)) => (modseq, number(within).filter(|within| *within > 0)?),
            None => (text, 0),
        };
        Some(Self { modseq: number(modseq)?, within: u32::try_from(within).ok()? })
    }
}

fn number(digits: &str) -> Option<u64> {
    let plain = digits.bytes().all(|d| d.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    digits.parse().ok().filter(|_| plain)
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.within {
            0 => write!(f, "{}", self.modseq),
            within => write!(f, "{}.{within}", self.modseq),
        }
    }
}

impl Snapshot<'_> {
    /// The state of a type of data.
    #[must_use]
    pub const fn state(&self, data: DataType) -> State {
        State::at(modseq(&self.record.states, data, self.guest.is_some()))
    }
}

/// When data of a type changed last. With rights and names, which move that of mailboxes, what a guest is
/// shown comes and goes as a whole: from a state before that nothing could be told.
pub(crate) const fn modseq(states: &TypeStates, data: DataType, is_guest: bool) -> u64 {
    let mailboxes = if is_guest { states.mailbox } else { 0 };
    match data {
        DataType::Email if mailboxes > states.email => mailboxes,
        DataType::Thread if mailboxes > states.thread => mailboxes,
        DataType::Email => states.email,
        DataType::Mailbox => states.mailbox,
        DataType::Thread => states.thread,
        DataType::EmailDelivery => states.delivery,
        DataType::Identity => states.identity,
        DataType::EmailSubmission => states.submission,
        DataType::VacationResponse => states.vacation,
    }
}

impl Emails<'_> {
    /// The state of a type of data.
    #[must_use]
    pub const fn state(&self, data: DataType) -> State {
        self.snapshot.state(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: RFC 8620 §5.1
    #[test]
    fn states_are_read_as_they_are_printed() {
        for state in [State::at(0), State::at(77), State { modseq: 5, within: 3 }, State::at(u64::MAX)] {
            assert_eq!(State::parse(&state.to_string()), Some(state));
        }
        for bad in ["", "x", "1.", ".1", "01", "1.0", "-1", "+1", "1.2.3", "18446744073709551616"] {
            assert_eq!(State::parse(bad), None, "{bad}");
        }
    }
}
