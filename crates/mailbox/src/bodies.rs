//! Bodies on their way from one domain to another, where they are stored again: read and staged a bounded
//! number of octets at a time, before anything is written to an account.
//!
//! Must not: hold more than [`OCTETS_MAX`] in memory.

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;

use koi_store::body::{NewBody, Scope};
use koi_store::kv::StageBody;
use koi_store::mail::rights;
use koi_types::{EmailId, ErrorKind, MailError, MailboxId, NumSet, Result, limits};

use crate::account::Account;

/// Octets that go from one domain to another by one command.
const OCTETS_MAX: u64 = 64 << 20;
/// Octets of one call, and of a body read at a time.
const OCTETS_PER_CALL: u64 = 1 << 20;
/// What reading any body costs at least.
const BODY_OCTETS_MIN: u64 = 16 << 10;

/// Bodies being staged.
pub(crate) struct Staging {
    account: Account,
    emails: VecDeque<EmailId>,
    /// A large one that is half stored.
    large: Option<Large>,
    bodies: HashMap<EmailId, NewBody>,
    /// Octets of those that are held in memory.
    held: usize,
}

struct Large {
    email: EmailId,
    at: u64,
    stage: Box<dyn StageBody>,
}

impl Staging {
    /// Of messages that go to another account; none inside a domain. `LimitReached` when they are too many.
    pub(crate) fn new(account: &Account, from: MailboxId, uids: &NumSet, target: &Account) -> Result<Self> {
        let mut emails = VecDeque::new();
        if !account.shares_bodies_with(target)? {
            let mut octets = 0u64;
            let snapshot = account.snapshot()?;
            let _ = snapshot.messages(from, uids, |row| {
                octets = octets.saturating_add(u64::from(row.octets));
                emails.push_back(row.email);
                ControlFlow::Continue(())
            })?;
            if octets > OCTETS_MAX {
                let text = "these are too many to go to another domain at once";
                return Err(MailError::new(ErrorKind::LimitReached, text));
            }
        }
        Ok(Self { account: account.clone(), emails, large: None, bodies: HashMap::new(), held: 0 })
    }
    /// Does the next piece, a few milliseconds. Answers whether all are staged.
    pub(crate) fn advance(&mut self) -> Result<bool> {
        let mut left = OCTETS_PER_CALL;
        while left > 0 {
            let spent = match self.large.take() {
                Some(large) => self.go_on(large, left)?,
                None => match self.emails.pop_front() {
                    Some(email) => self.begin(email)?,
                    None => return Ok(true),
                },
            };
            left = left.saturating_sub(spent.max(BODY_OCTETS_MIN));
        }
        Ok(self.large.is_none() && self.emails.is_empty())
    }
    /// Octets of memory it takes.
    pub(crate) fn memory_octets(&self) -> usize {
        self.held + self.emails.capacity() * size_of::<EmailId>()
    }
    pub(crate) fn into_bodies(self) -> HashMap<EmailId, NewBody> {
        self.bodies
    }
    /// Answers how many octets were read.
    fn begin(&mut self, email: EmailId) -> Result<u64> {
        if self.bodies.contains_key(&email) {
            return Ok(0);
        }
        let snapshot = self.account.snapshot()?;
        // One that is gone is not carried either.
        let Some(row) = snapshot.email(email)? else { return Ok(0) };
        if row.body.octets > limits::BODY_INLINE_OCTETS_MAX as u64 {
            let stage = self.account.inner.kv.stage_body()?;
            self.large = Some(Large { email, at: 0, stage });
            return Ok(0);
        }
        let mut octets = Vec::new();
        snapshot.read_body(&row.body, 0..row.body.octets, &mut octets)?;
        self.held += octets.len();
        self.bodies.insert(email, NewBody::inline(octets.into()));
        Ok(row.body.octets)
    }
    /// The same, of at most `max` octets.
    fn go_on(&mut self, mut large: Large, max: u64) -> Result<u64> {
        let snapshot = self.account.snapshot()?;
        let Some(row) = snapshot.email(large.email)? else { return Ok(0) };
        let end = row.body.octets.min(large.at.saturating_add(max));
        let mut octets = Vec::new();
        snapshot.read_body(&row.body, large.at..end, &mut octets)?;
        if octets.is_empty() && end > large.at {
            return Err(
                MailError::new(ErrorKind::Corrupt, "a message cannot be read").context("body is short")
            );
        }
        large.stage.write(&octets)?;
        large.at += octets.len() as u64;
        if large.at >= row.body.octets {
            self.bodies.insert(large.email, large.stage.finish()?);
        } else {
            self.large = Some(large);
        }
        Ok(octets.len() as u64)
    }
}

impl Account {
    /// Whether both are of one domain, which stores every body once.
    fn shares_bodies_with(&self, target: &Self) -> Result<bool> {
        if self.id == target.id {
            return Ok(true);
        }
        let snapshot = self.snapshot()?;
        let scope: Option<Scope> = rights::scope_of(&*snapshot.view, target.id)?;
        Ok(scope == Some(snapshot.record.scope))
    }
}
