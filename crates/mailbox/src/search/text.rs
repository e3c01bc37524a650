//! Reading the messages of a batch, by all cores: each thread has a view and buffers of its own, and takes
//! the next few messages when it is done with its last, so that together they go through the store in its
//! order.

use std::sync::atomic::{AtomicUsize, Ordering};

use koi_message::search::Scratch;
use koi_store::key;
use koi_store::kv::View;
use koi_store::record::email::EmailRecord;
use koi_store::record::membership::Membership;
use koi_types::{AccountId, ErrorKind, MailError, Result, ThreadId};

use super::fuzzy::Relevancy;
use super::plan::{Plan, Source, Whole};
use super::{Batch, Candidate};
use crate::row::MessageRow;
use crate::service::Inner;
use crate::threads;

/// Messages a thread takes at a time; also the number for which another thread is worth its start.
const TURN: usize = 64;
/// Octets read first when only the header is wanted.
const HEADER_OCTETS_FIRST: u64 = 8192;
/// Octets of a buffer that are kept from one message to the next.
const BUFFER_OCTETS_KEPT: usize = 1 << 20;

/// Positions in the batch.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) matching: Vec<Match>,
    pub(super) corrupt: Vec<usize>,
}

/// A message that matches.
pub(super) struct Match {
    pub(super) at: usize,
    /// When it was asked for, and a condition says so.
    pub(super) relevancy: Option<Relevancy>,
}

pub(super) fn read(inner: &Inner, account: AccountId, plan: &Plan, batch: &Batch) -> Result<Outcome> {
    let threads = threads::worth(batch.candidates.len(), TURN);
    let next = AtomicUsize::new(0);
    let work = || read_turns(inner, account, plan, batch, &next);
    if threads == 1 {
        return work();
    }
    let outcomes: Vec<Result<Outcome>> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mine = work();
        let failed = |_| Err(MailError::new(ErrorKind::Internal, "a thread of the search failed"));
        let joined = others.into_iter().map(|thread| thread.join().unwrap_or_else(failed));
        std::iter::once(mine).chain(joined).collect()
    });
    let mut all = Outcome::default();
    for outcome in outcomes {
        let outcome = outcome?;
        all.matching.extend(outcome.matching);
        all.corrupt.extend(outcome.corrupt);
    }
    all.matching.sort_unstable_by_key(|found| found.at);
    Ok(all)
}

fn read_turns(
    inner: &Inner,
    account: AccountId,
    plan: &Plan,
    batch: &Batch,
    next: &AtomicUsize,
) -> Result<Outcome> {
    let view = inner.kv.view()?;
    let mut reader = Reader { view: &*view, account, octets: Vec::new(), scratch: Scratch::default() };
    let mut outcome = Outcome::default();
    loop {
        let start = next.fetch_add(TURN, Ordering::Relaxed);
        let Some(turn) = batch.candidates.get(start..) else { return Ok(outcome) };
        if turn.is_empty() {
            return Ok(outcome);
        }
        for (at, candidate) in turn.iter().take(TURN).enumerate() {
            match reader.matches(plan, batch, candidate) {
                Ok(Some(relevancy)) => outcome.matching.push(Match { at: start + at, relevancy }),
                Ok(None) => {}
                Err(error) if error.kind == ErrorKind::Corrupt => outcome.corrupt.push(start + at),
                Err(error) => return Err(error),
            }
        }
    }
}

struct Reader<'v> {
    view: &'v dyn View,
    account: AccountId,
    octets: Vec<u8>,
    scratch: Scratch,
}

impl Reader<'_> {
    /// Nothing when it does not match.
    fn matches(
        &mut self,
        plan: &Plan,
        batch: &Batch,
        candidate: &Candidate,
    ) -> Result<Option<Option<Relevancy>>> {
        let row = batch.rows.get(candidate.row.clone()).and_then(Membership::decode);
        let Some(membership) = row else { return Ok(None) };
        let key = key::email(self.account, candidate.email);
        // Expunged and purged since the batch was made: gone, so it does not match.
        let Some(record) = self.view.get(&key)? else { return Ok(None) };
        let email = EmailRecord::decode(&record).ok_or_else(|| koi_store::record::corrupt("email", &key))?;
        self.octets.clear();
        self.octets.shrink_to(BUFFER_OCTETS_KEPT);
        let row = MessageRow { uid: candidate.uid, membership };
        let mut message = Message { view: self.view, email, octets: &mut self.octets };
        if !plan.by_message(&row, &mut message, &mut self.scratch)? {
            return Ok(None);
        }
        let ranked = batch.ranked.then(|| plan.relevancy(&mut message, &mut self.scratch));
        Ok(Some(ranked.transpose()?.flatten()))
    }
}

struct Message<'m> {
    view: &'m dyn View,
    email: EmailRecord<'m>,
    /// The beginning of the message, as far as it was read.
    octets: &'m mut Vec<u8>,
}

impl Message<'_> {
    fn read_to(&mut self, end: u64) -> Result<()> {
        let have = self.octets.len() as u64;
        let end = end.min(self.email.body.octets);
        if end > have {
            self.view.read_body(&self.email.body, have..end, self.octets)?;
        }
        Ok(())
    }
}

impl Source for Message<'_> {
    fn header(&mut self) -> Result<&[u8]> {
        let mut wanted = HEADER_OCTETS_FIRST;
        loop {
            self.read_to(wanted)?;
            if wanted >= self.email.body.octets || has_header_end(self.octets) {
                return Ok(self.octets);
            }
            wanted = wanted.saturating_mul(4);
        }
    }
    fn whole(&mut self) -> Result<Whole<'_>> {
        self.read_to(u64::MAX)?;
        Ok(Whole { octets: self.octets, structure: self.email.structure })
    }
    fn thread(&mut self) -> Result<ThreadId> {
        Ok(self.email.thread)
    }
}

/// A blank line (RFC 5322 §2.1), with whichever line ends.
fn has_header_end(octets: &[u8]) -> bool {
    let lines = memchr::memchr_iter(b'\n', octets);
    octets.starts_with(b"\n")
        || octets.starts_with(b"\r\n")
        || lines.into_iter().any(|at| {
            let rest = octets.get(at + 1..).unwrap_or_default();
            rest.starts_with(b"\n") || rest.starts_with(b"\r\n")
        })
}
