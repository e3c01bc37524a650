//! Bringing columns up to what is to be sorted: the messages that are missing in them are read in the order
//! of their UIDs, a bounded number at a time, by all cores.
//!
//! All of it stands in the rows of the store; only of a message that was stored before its ancestors were is
//! the header read.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use koi_message::{AddressView, BaseSubject, EnvelopeView, encoded_word, thread};
use koi_store::body::BodyRef;
use koi_store::key;
use koi_store::kv::View;
use koi_store::mail;
use koi_store::record::email::EmailRecord;
use koi_types::{AccountId, EmailId, ErrorKind, MailError, MailboxId, NumSet, Result, Timestamp, UidSet};

use super::column::{Column, Kind, Ranking, Rows, TEXT_OCTETS_MAX, TextKind, Values};
use super::columns::{ColumnOf, Place};
use crate::service::Inner;
use crate::snapshot::Snapshot;
use crate::threads;

/// Messages one call reads.
const MESSAGES_MAX: usize = 4096;
/// Messages a thread takes at a time.
const TURN: usize = 256;
/// Octets of a message read first for its header, and in the end.
const HEADER_OCTETS_FIRST: u64 = 8192;
const HEADER_OCTETS_MAX: u64 = 256 * 1024;

/// Columns on their way.
pub(crate) struct Filling {
    inner: Arc<Inner>,
    account: AccountId,
    of: ColumnOf,
    /// Of a table of emails, those that are wanted, in order.
    emails: Vec<Seen>,
    wanted: Vec<Wanted>,
    /// Messages that are still to be read for one column at least.
    left: NumSet,
}

struct Wanted {
    kind: Kind,
    old: Option<Arc<Column>>,
    /// What the old one does not have.
    missing: NumSet,
    new: Rows,
    ranking: Option<Ranking>,
    ready: Option<Arc<Column>>,
}

/// What the row of a message says.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    /// Or the slot of an email.
    pub(crate) uid: u32,
    pub(crate) email: EmailId,
    pub(crate) received_at: Timestamp,
    pub(crate) octets: u32,
}

impl Filling {
    /// Of columns with these kinds, rows for these messages.
    pub(crate) fn new(
        inner: &Arc<Inner>,
        account: AccountId,
        mailbox: MailboxId,
        uids: &UidSet,
        kinds: Vec<Kind>,
    ) -> Self {
        Self::of(inner, account, ColumnOf::Mailbox(mailbox), &uids.0, Vec::new(), kinds)
    }
    /// The same for emails of a table, in the order of their slots.
    pub(crate) fn of_emails(
        inner: &Arc<Inner>,
        account: AccountId,
        table: u64,
        emails: Vec<Seen>,
        kinds: Vec<Kind>,
    ) -> Self {
        let slots = emails.iter().map(|email| email.uid).collect();
        Self::of(inner, account, ColumnOf::Table(table), &slots, emails, kinds)
    }
    fn of(
        inner: &Arc<Inner>,
        account: AccountId,
        of: ColumnOf,
        numbers: &NumSet,
        emails: Vec<Seen>,
        kinds: Vec<Kind>,
    ) -> Self {
        let wanted = |kind| {
            let old = inner.columns.of(Place { account, of, kind });
            let missing = match &old {
                Some(column) => numbers.difference(column.uids()),
                None => numbers.clone(),
            };
            let ready = old.clone().filter(|_| missing.is_empty());
            Wanted { kind, old, missing, new: Rows::new(kind), ranking: None, ready }
        };
        let wanted: Vec<Wanted> = kinds.into_iter().map(wanted).collect();
        let mut left = NumSet::new();
        wanted.iter().for_each(|column| left.extend(&column.missing));
        Self { inner: Arc::clone(inner), account, of, emails, wanted, left }
    }
    /// Goes on for a bounded time; the columns in the order asked for when all are ready.
    pub(crate) fn advance(&mut self) -> Result<Option<Vec<Arc<Column>>>> {
        if !self.left.is_empty() {
            self.read()?;
            return Ok(None);
        }
        for wanted in &mut self.wanted {
            if wanted.ready.is_some() {
                continue;
            }
            let (kind, old, new) = (wanted.kind, &wanted.old, &mut wanted.new);
            let ranking =
                wanted.ranking.get_or_insert_with(|| Ranking::new(kind, old.as_deref(), std::mem::take(new)));
            if let Some(column) = ranking.advance() {
                let place = Place { account: self.account, of: self.of, kind };
                self.inner.columns.keep(place, &column);
                wanted.ready = Some(column);
            }
            return Ok(None);
        }
        Ok(Some(self.wanted.iter().filter_map(|wanted| wanted.ready.clone()).collect()))
    }
    /// Memory it takes; columns that are there belong to all.
    pub(crate) fn octets(&self) -> usize {
        let of = |wanted: &Wanted| {
            let ranking = wanted.ranking.as_ref().map_or(0, Ranking::octets);
            wanted.missing.memory_octets() + wanted.new.octets() + ranking
        };
        self.left.memory_octets() + self.wanted.iter().map(of).sum::<usize>()
    }
    /// Reads the next messages into all columns.
    fn read(&mut self) -> Result<()> {
        let seen = self.scan()?;
        let kinds: Vec<Kind> = self.wanted.iter().map(|wanted| wanted.kind).collect();
        let work = Work { inner: &self.inner, account: self.account, kinds: &kinds, seen: &seen };
        for pieces in work.run()? {
            for (wanted, piece) in self.wanted.iter_mut().zip(pieces.rows) {
                wanted.take(&piece);
            }
        }
        Ok(())
    }
    fn scan(&mut self) -> Result<Vec<Seen>> {
        let seen = match self.of {
            ColumnOf::Mailbox(mailbox) => self.scan_mailbox(mailbox)?,
            ColumnOf::Table(_) => {
                let left = self.emails.iter().filter(|email| self.left.contains(email.uid));
                left.take(MESSAGES_MAX).copied().collect()
            }
        };
        match seen.last().filter(|_| seen.len() >= MESSAGES_MAX) {
            Some(last) => self.left.remove_range(0..=last.uid),
            None => self.left = NumSet::new(),
        }
        Ok(seen)
    }
}

impl Filling {
    fn scan_mailbox(&self, mailbox: MailboxId) -> Result<Vec<Seen>> {
        // Whoever sorts has found these messages before, and learns only their order.
        let snapshot = Snapshot::open(&self.inner, self.account, None)?;
        let mut seen = Vec::new();
        // Rows that cannot be read are sorted as if they were empty; `koi check` names them.
        let _ = snapshot.messages(mailbox, &self.left, |row| {
            let (uid, received_at, octets) = (row.uid.value(), row.received_at, row.octets);
            seen.push(Seen { uid, email: row.email, received_at, octets });
            if seen.len() >= MESSAGES_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(seen)
    }
}

impl Wanted {
    /// Takes those rows that are missing; others another column has asked for.
    fn take(&mut self, piece: &Rows) {
        match self.old {
            None => self.new.append(piece),
            Some(_) => self.new.append_among(piece, &self.missing),
        }
    }
}

/// The reading of one call.
struct Work<'w> {
    inner: &'w Inner,
    account: AccountId,
    kinds: &'w [Kind],
    seen: &'w [Seen],
}

/// Rows of one turn, a list for each column.
struct Pieces {
    start: usize,
    rows: Vec<Rows>,
}

impl Work<'_> {
    /// All rows, in order.
    fn run(&self) -> Result<Vec<Pieces>> {
        let threads = threads::worth(self.seen.len(), TURN);
        let next = AtomicUsize::new(0);
        let work = || self.turns(&next);
        let mut outcomes: Vec<Result<Vec<Pieces>>> = Vec::new();
        if threads == 1 {
            outcomes.push(work());
        } else {
            std::thread::scope(|scope| {
                let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
                outcomes.push(work());
                let failed = |_| Err(MailError::new(ErrorKind::Internal, "a thread of the sort failed"));
                outcomes.extend(others.into_iter().map(|thread| thread.join().unwrap_or_else(failed)));
            });
        }
        let mut all = Vec::new();
        for outcome in outcomes {
            all.extend(outcome?);
        }
        all.sort_unstable_by_key(|pieces| pieces.start);
        Ok(all)
    }
    fn turns(&self, next: &AtomicUsize) -> Result<Vec<Pieces>> {
        let view = self.inner.kv.view()?;
        let mut reader = Reader::new(&*view, self.account);
        let mut done = Vec::new();
        loop {
            let start = next.fetch_add(TURN, Ordering::Relaxed);
            let Some(turn) = self.seen.get(start..).filter(|turn| !turn.is_empty()) else { return Ok(done) };
            let mut rows: Vec<Rows> = self.kinds.iter().map(|kind| Rows::new(*kind)).collect();
            for seen in turn.iter().take(TURN) {
                reader.message(seen, self.kinds, &mut rows)?;
            }
            done.push(Pieces { start, rows });
        }
    }
}

/// Reads what messages are compared by.
pub(super) struct Reader<'v> {
    view: &'v dyn View,
    account: AccountId,
    text: String,
}

impl<'v> Reader<'v> {
    pub(super) const fn new(view: &'v dyn View, account: AccountId) -> Self {
        Self { view, account, text: String::new() }
    }
    /// Appends a row of each kind.
    pub(super) fn message(&mut self, seen: &Seen, kinds: &[Kind], rows: &mut [Rows]) -> Result<()> {
        let by_row = |kind: &Kind| matches!(kind, Kind::Arrival | Kind::Size);
        let record = match kinds.iter().all(by_row) {
            true => None,
            false => self.view.get(&key::email(self.account, seen.email))?,
        };
        // What cannot be read, or is gone by now, is sorted as if it were empty.
        let email = record.as_deref().and_then(EmailRecord::decode);
        let envelope = email.as_ref().and_then(|email| EnvelopeView::of(email.envelope).ok());
        let message = Message { seen, email: email.as_ref(), envelope: envelope.as_ref() };
        for (kind, rows) in kinds.iter().zip(rows) {
            self.value(*kind, &message, rows)?;
            rows.uids.push(seen.uid);
        }
        Ok(())
    }
    fn value(&mut self, kind: Kind, message: &Message<'_>, rows: &mut Rows) -> Result<()> {
        match (&mut rows.values, kind) {
            (Values::Numbers(numbers), Kind::Size) => numbers.push(u64::from(message.seen.octets)),
            (Values::Numbers(numbers), Kind::Arrival) => numbers.push(ascending(message.seen.received_at)),
            (Values::Numbers(numbers), _) => numbers.push(ascending(message.sent_at())),
            (Values::Texts(texts), Kind::Text(kind, collation)) => {
                self.text.clear();
                message.push_text(kind, &mut self.text);
                collation.push_key(&self.text, texts.open());
                texts.end(TEXT_OCTETS_MAX);
            }
            (Values::Links(links), _) => {
                let ids = self.ids(message)?;
                links.ids.push(ids.own);
                links.replies.push(message.is_reply());
                links.ancestors.open().extend(ids.ancestors);
                links.ancestors.end(usize::MAX);
            }
            (Values::Texts(texts), _) => texts.end(0),
        }
        Ok(())
    }
    fn ids(&self, message: &Message<'_>) -> Result<Ids> {
        let Some(email) = message.email else { return Ok(Ids::default()) };
        let id = message.envelope.and_then(|envelope| envelope.message_id).and_then(thread::message_id);
        let own = id.map_or(0, |id| mail::short_hash(&id).max(1));
        let ancestors = match email.ancestors {
            Some(ancestors) => ancestors.iter().map(|id| id.max(1)).collect(),
            None => self.ancestors_in_header(&email.body)?,
        };
        Ok(Ids { own, ancestors })
    }
    /// Of a message that was stored when they were not.
    fn ancestors_in_header(&self, body: &BodyRef) -> Result<Vec<u64>> {
        let mut octets = Vec::new();
        let mut wanted = HEADER_OCTETS_FIRST;
        loop {
            let (have, end) = (octets.len() as u64, wanted.min(body.octets));
            match self.view.read_body(body, have..end, &mut octets) {
                Ok(()) => {}
                Err(error) if error.kind == ErrorKind::Corrupt => return Ok(Vec::new()),
                Err(error) => return Err(error),
            }
            let whole = memchr::memmem::find(&octets, b"\r\n\r\n").is_some();
            if whole || end >= body.octets || wanted >= HEADER_OCTETS_MAX {
                break;
            }
            wanted = wanted.saturating_mul(4);
        }
        let ids = koi_message::parse(&octets).facts.thread_ids;
        Ok(ids.ancestors().iter().map(|id| mail::short_hash(id).max(1)).collect())
    }
}

/// Hashes of Message-IDs; 0 is none.
#[derive(Default)]
struct Ids {
    own: u64,
    ancestors: Vec<u64>,
}

struct Message<'m> {
    seen: &'m Seen,
    email: Option<&'m EmailRecord<'m>>,
    envelope: Option<&'m EnvelopeView<'m>>,
}

impl Message<'_> {
    /// RFC 5256 §2.2: without a date that can be read it is the internal date.
    fn sent_at(&self) -> Timestamp {
        self.email.and_then(|email| email.sent_at).map_or(self.seen.received_at, |sent| sent.at)
    }
    /// RFC 5256 §3: whether taking the base subject out of the subject took something off that says so.
    fn is_reply(&self) -> bool {
        self.subject().is_reply_or_forward
    }
    fn subject(&self) -> BaseSubject {
        BaseSubject::of(self.envelope.and_then(|envelope| envelope.subject).unwrap_or_default())
    }
    fn push_text(&self, kind: TextKind, text: &mut String) {
        let Some(envelope) = self.envelope else { return };
        let mut from = envelope.from.clone();
        let (mut to, mut cc) = (envelope.to.clone(), envelope.cc.clone());
        let (first, display) = match kind {
            TextKind::Subject => return text.push_str(&self.subject().text),
            TextKind::From => (from.next(), false),
            TextKind::To => (to.next(), false),
            TextKind::Cc => (cc.next(), false),
            TextKind::DisplayFrom => (from.next(), true),
            TextKind::DisplayTo => (to.next(), true),
        };
        match first {
            Some(address) if display => push_display(&address, text),
            // RFC 5256 §3: addr-mailbox of the first address.
            Some(address) => encoded_word::decode_text_into(address.mailbox.unwrap_or_default(), text),
            None => {}
        }
    }
}

/// RFC 5957 §3
fn push_display(address: &AddressView<'_>, text: &mut String) {
    encoded_word::decode_text_into(address.name.unwrap_or_default(), text);
    if !text.is_empty() {
        return;
    }
    encoded_word::decode_text_into(address.mailbox.unwrap_or_default(), text);
    if let (Some(_), Some(host)) = (address.mailbox, address.host) {
        text.push('@');
        encoded_word::decode_text_into(host, text);
    }
}

/// Seconds as a number that grows with them: dates of IMAP have no fractions.
fn ascending(at: Timestamp) -> u64 {
    u64::try_from(i128::from(at.secs()) - i128::from(i64::MIN)).unwrap_or(0)
}
