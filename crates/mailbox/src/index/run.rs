//! One account's index brought up to date, step by step: new emails into segments, segments into larger ones,
//! emails that are gone out of them.
//!
//! A segment's rows are written first, and count when the head names them together with how far the index has
//! come. So whatever ends a run, the next goes on from the head, and what it does not name is taken away.

use std::sync::Arc;

use koi_message::search::{Scratch, term_rules};
use koi_store::key;
use koi_store::kv::{View, transact_and_wait};
use koi_store::mail::index;
use koi_store::record::email::EmailRecord;
use koi_store::record::index::{IndexHead, SegmentRecord};
use koi_types::{AccountId, EmailId, ErrorKind, ModSeq, Result};

use super::batch::Batch;
use super::merge::{self, Merge};
use super::news::{NewEmail, News, Reach};
use super::queue::Busy;
use super::segment::NewSegment;
use super::{REMOVED_ROWS_MAX, in_use};
use crate::service::Inner;

/// Emails read by one step and thread.
const EMAILS_PER_STEP: usize = 256;
/// Octets of a buffer that are kept from one message to the next.
const BUFFER_OCTETS_KEPT: usize = 1 << 20;
/// Fewer new emails than this are one thread's work, and one segment.
const EMAILS_PER_THREAD: usize = 512;
/// A segment is written again when a tenth of all emails was purged.
const PURGED_SHARE: u64 = 10;
/// And so many at least.
const PURGED_MIN: u64 = 16;

/// What a step came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IndexStep {
    /// There is more to do: emails in the index so far, and about how many there will be.
    More {
        done: u64,
        total: u64,
    },
    Done,
}

/// Brings one index up to date.
pub struct IndexRun {
    inner: Arc<Inner>,
    account: AccountId,
    /// Threads to read emails with.
    threads: usize,
    head: IndexHead,
    total: u64,
    added: u64,
    stage: Stage,
    /// The first segments were made in this run: they are made one in the end.
    first: bool,
    key: u64,
    _busy: Busy,
}

enum Stage {
    /// Rows that no head names are taken away.
    Clean,
    Look,
    Collect(Collect),
    Write(Write),
    Merge(Box<Merge>),
    Done,
}

struct Collect {
    news: News,
    batches: Vec<Batch>,
    last: Option<NewEmail>,
}

struct Write {
    segments: Vec<NewSegment>,
    written: Vec<SegmentRecord>,
    /// Segments that are replaced.
    instead: Vec<u32>,
    reach: Reach,
    purged: u64,
}

impl IndexRun {
    pub(super) fn begin(inner: &Arc<Inner>, account: AccountId, wanted: bool) -> Result<Option<Self>> {
        let options = &inner.options.index;
        let view = inner.kv.view()?;
        let Some(record) = index::account_record(&*view, account)? else { return Ok(None) };
        let now = record.current();
        let head = match index::head(&*view, account) {
            // `check` says so, and builds it anew.
            Err(error) if error.kind == ErrorKind::Corrupt && !wanted => return Ok(None),
            head => head?,
        };
        let wants = wanted || options.enabled && (head.is_some() || record.messages >= options.messages_min);
        if !wants {
            return Ok(None);
        }
        let purged = index::purged(&*view, account)?;
        let good = head.as_ref().filter(|head| head.rules == term_rules());
        if let Some(head) = good
            && head.upto.is_none()
            && head.modseq >= now
            && !has_many_purged(head, purged)
        {
            return Ok(None);
        }
        let Some(busy) = inner.index.occupy(account) else { return Err(in_use()) };
        let first = good.is_none_or(|head| head.upto.is_some());
        let head = match good {
            Some(head) => head.clone(),
            None => new_head(inner, account, head, now, purged)?,
        };
        let [a, b, c, d, e, f, g, h, ..] = inner.env.random();
        let threads = if wanted { std::thread::available_parallelism().map_or(1, usize::from) } else { 1 };
        Ok(Some(Self {
            inner: Arc::clone(inner),
            account,
            threads,
            head,
            total: record.messages,
            added: 0,
            stage: Stage::Clean,
            first,
            key: u64::from_le_bytes([a, b, c, d, e, f, g, h]),
            _busy: busy,
        }))
    }
    /// Does the next piece. An error ends the run; what it did stays.
    pub fn advance(&mut self) -> Result<IndexStep> {
        let stage = std::mem::replace(&mut self.stage, Stage::Done);
        self.stage = match stage {
            Stage::Clean => self.clean()?,
            Stage::Look => self.look()?,
            Stage::Collect(collect) => self.collect(collect)?,
            Stage::Write(write) => self.write(write)?,
            Stage::Merge(merge) => self.merge(merge)?,
            Stage::Done => Stage::Done,
        };
        let done = self.head.docs() + self.added;
        Ok(match self.stage {
            Stage::Done => IndexStep::Done,
            _ => IndexStep::More { done: done.min(self.total), total: self.total },
        })
    }
    fn clean(&self) -> Result<Stage> {
        let account = self.account;
        if index::orphans(&*self.inner.kv.view()?, account, 1)?.is_empty() {
            return Ok(Stage::Look);
        }
        transact_and_wait(&*self.inner.kv, move |txn| index::remove_orphans(txn, account, REMOVED_ROWS_MAX))?;
        Ok(Stage::Clean)
    }
    /// What is to be done next.
    fn look(&mut self) -> Result<Stage> {
        let inner = Arc::clone(&self.inner);
        let view = inner.kv.view()?;
        let Some(record) = index::account_record(&*view, self.account)? else { return Ok(Stage::Done) };
        self.total = record.messages;
        if let Some(news) = News::find(&*view, self.account, &self.head, record.current())? {
            let threads = if news.len() < EMAILS_PER_THREAD { 1 } else { self.threads };
            let batches = (0..threads).map(|_| Batch::new(self.key)).collect();
            return Ok(Stage::Collect(Collect { news, batches, last: None }));
        }
        let purged = index::purged(&*view, self.account)?;
        let mut segments = merge::due(&self.head);
        if has_many_purged(&self.head, purged) {
            segments = merge::with_purged(&*view, self.account, &self.head)?;
            if segments.is_empty() {
                // Nothing of it was in the index.
                return self.replace_head(IndexHead { purged, ..self.head.clone() }).map(|()| Stage::Look);
            }
        } else if segments.is_empty() && std::mem::take(&mut self.first) {
            segments = merge::all(&self.head);
        }
        if segments.is_empty() {
            return Ok(Stage::Done);
        }
        let merge = Merge::begin(&*view, self.account, &segments, self.head.next_segment)?;
        Ok(Stage::Merge(Box::new(merge)))
    }
    fn collect(&mut self, mut collect: Collect) -> Result<Stage> {
        let emails = collect.news.take(EMAILS_PER_STEP * collect.batches.len());
        collect.last = emails.last().copied().or(collect.last);
        self.added += emails.len() as u64;
        let room = self.room(collect.batches.len())?;
        let (inner, account) = (&self.inner, self.account);
        let share = emails.len().div_ceil(collect.batches.len().max(1)).max(1);
        let mut parts = emails.chunks(share).zip(&mut collect.batches);
        if emails.len() <= share {
            parts.try_for_each(|(emails, batch)| add(inner, account, emails, batch, room))?;
        } else {
            let results: Vec<Result<()>> = std::thread::scope(|scope| {
                let started: Vec<_> = parts
                    .map(|(emails, batch)| scope.spawn(move || add(inner, account, emails, batch, room)))
                    .collect();
                let failed = |_| Err(merge::unreadable());
                started.into_iter().map(|each| each.join().unwrap_or_else(failed)).collect()
            });
            results.into_iter().collect::<Result<()>>()?;
        }
        if collect.news.len() > 0 && !collect.batches.iter().any(Batch::is_full) {
            return Ok(Stage::Collect(collect));
        }
        let reach = collect.news.reach(collect.last, self.reach());
        let numbers = self.head.next_segment..;
        let batches = collect.batches.into_iter().filter(|batch| batch.docs() > 0);
        let segments =
            segments(batches.zip(numbers).map(|(batch, number)| Numbered { batch, number }).collect())?;
        let write =
            Write { segments, written: Vec::new(), instead: Vec::new(), reach, purged: self.head.purged };
        Ok(Stage::Write(write))
    }
    /// Octets that each of so many batches may still bring.
    fn room(&self, batches: usize) -> Result<usize> {
        let record = index::account_record(&*self.inner.kv.view()?, self.account)?;
        let max = self.inner.options.index.octets_max(record.map_or(0, |record| record.octets));
        let room = usize::try_from(max.saturating_sub(self.head.octets())).unwrap_or(usize::MAX);
        Ok(room / batches.max(1))
    }
    fn reach(&self) -> Reach {
        Reach { modseq: self.head.modseq, upto: self.head.upto }
    }
    fn write(&mut self, mut write: Write) -> Result<Stage> {
        if let Some(mut segment) = write.segments.pop() {
            if segment.write(&*self.inner.kv, self.account)? {
                write.written.push(segment.record());
            } else {
                write.segments.push(segment);
            }
            return Ok(Stage::Write(write));
        }
        let mut head = self.head.clone();
        head.segments.retain(|segment| !write.instead.contains(&segment.number));
        write.written.sort_by_key(|segment| segment.number);
        let next = write.written.last().map_or(head.next_segment, |last| last.number.saturating_add(1));
        head.segments.extend(write.written.into_iter().filter(|segment| segment.docs > 0));
        (head.modseq, head.upto) = (write.reach.modseq, write.reach.upto);
        (head.next_segment, head.purged) = (next, write.purged);
        self.replace_head(head)?;
        self.added = 0;
        Ok(if write.instead.is_empty() { Stage::Look } else { Stage::Clean })
    }
    fn replace_head(&mut self, head: IndexHead) -> Result<()> {
        let (old, new, account) = (self.head.clone(), head.clone(), self.account);
        transact_and_wait(&*self.inner.kv, move |txn| {
            index::replace_head(txn, account, Some(&old), Some(&new))
        })?;
        self.head = head;
        Ok(())
    }
    fn merge(&self, mut merge: Box<Merge>) -> Result<Stage> {
        {
            let view = self.inner.kv.view()?;
            merge.advance(&*view)?;
        }
        let Some(output) = &mut merge.output else { return Ok(Stage::Look) };
        if !merge.ended {
            while output.has_plenty() {
                output.write(&*self.inner.kv, self.account)?;
            }
            return Ok(Stage::Merge(merge));
        }
        let instead = merge.segments().collect();
        let purged = merge.purged;
        let segments = merge.output.take().into_iter().collect();
        let reach = self.reach();
        Ok(Stage::Write(Write { segments, written: Vec::new(), instead, reach, purged }))
    }
}

fn has_many_purged(head: &IndexHead, purged: u64) -> bool {
    purged.saturating_sub(head.purged) >= PURGED_MIN.max(head.docs() / PURGED_SHARE)
}

/// The head of an index with nothing in it, in place of one that is not used any more.
fn new_head(
    inner: &Inner,
    account: AccountId,
    old: Option<IndexHead>,
    now: ModSeq,
    purged: u64,
) -> Result<IndexHead> {
    let (rules, upto) = (term_rules(), Some(EmailId([0; 16])));
    let next_segment = old.as_ref().map_or(0, |old| old.next_segment);
    let head = IndexHead { rules, modseq: now, upto, next_segment, purged, segments: Vec::new() };
    let new = head.clone();
    transact_and_wait(&*inner.kv, move |txn| index::replace_head(txn, account, old.as_ref(), Some(&new)))?;
    Ok(head)
}

struct Numbered {
    batch: Batch,
    number: u32,
}

/// The batches as segments, each by a thread of its own.
fn segments(batches: Vec<Numbered>) -> Result<Vec<NewSegment>> {
    std::thread::scope(|scope| {
        let mut batches = batches.into_iter();
        let first = batches.next();
        let others: Vec<_> =
            batches.map(|each| scope.spawn(move || each.batch.into_segment(each.number))).collect();
        let mine = first.map(|each| Ok(each.batch.into_segment(each.number)));
        let failed = |_| merge::unreadable();
        mine.into_iter().chain(others.into_iter().map(|each| each.join().map_err(failed))).collect()
    })
}

fn add(inner: &Inner, account: AccountId, emails: &[NewEmail], batch: &mut Batch, room: usize) -> Result<()> {
    let view = inner.kv.view()?;
    let (mut octets, mut scratch) = (Vec::new(), Scratch::default());
    for new in emails {
        octets.clear();
        octets.shrink_to(BUFFER_OCTETS_KEPT);
        match read(&*view, account, new.email, &mut octets) {
            Ok(None) => {}
            Ok(Some(structure)) if batch.rows_octets() < room => {
                batch.add(new.email, &octets, &structure, &mut scratch)
            }
            Ok(Some(_)) => batch.add_unread(new.email),
            // A search must say so.
            Err(error) if error.kind == ErrorKind::Corrupt => batch.add_unread(new.email),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The octets of an email, and its structure; nothing when it is gone.
fn read(
    view: &dyn View,
    account: AccountId,
    email: EmailId,
    octets: &mut Vec<u8>,
) -> Result<Option<Vec<u8>>> {
    let key = key::email(account, email);
    let Some(row) = view.get(&key)? else { return Ok(None) };
    let record = EmailRecord::decode(&row).ok_or_else(|| koi_store::record::corrupt("email", &key))?;
    view.read_body(&record.body, 0..record.body.octets, octets)?;
    Ok(Some(record.structure.to_vec()))
}
