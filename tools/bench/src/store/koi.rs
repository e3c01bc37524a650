//! Koi's store as something durable: one transaction per delivery, with the records a real one writes.
//! What a session finds out before the transaction (parsing) is made up here; hashing is done as there.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;

use koi_store::body::NewBody;
use koi_store::engine::{Embedded, Options};
use koi_store::key;
use koi_store::kv::{Commits, Kv as _, Txn, TxnFn, transact_and_wait};
use koi_store::mail::{AccountTxn, EmailFacts, INBOX, NewEmail, Quota, directory};
use koi_store::record::email::EmailRecord;
use koi_store::record::membership::Membership;
use koi_types::{
    AccountId, Address, CommitNotice, EmailId, ErrorKind, MailError, SystemFlags, Timestamp, ZoneOffset,
};

use super::Durable;
use crate::failure::{Context, Outcome, fail};

/// Octets of the envelope and structure records of an ordinary message.
const ENVELOPE_OCTETS: usize = 260;
const STRUCTURE_OCTETS: usize = 60;

/// An open store with accounts 1, 2, ….
pub(crate) struct KoiStore {
    /// The engine itself, for its counters.
    pub(crate) engine: Embedded,
    made: AtomicU64,
    envelope: Arc<[u8]>,
    structure: Arc<[u8]>,
}

/// Passes commits on to whoever listens.
pub(crate) struct Listener(pub(crate) Option<Sender<CommitNotice>>);

impl Commits for Listener {
    fn committed(&self, notices: &[CommitNotice]) {
        for (sender, notice) in self.0.iter().flat_map(|sender| notices.iter().map(move |one| (sender, one)))
        {
            // Nobody listens any more: nothing to tell.
            let _gone = sender.send(*notice);
        }
    }
}

impl KoiStore {
    /// Opens the store in `folder`, or makes one.
    pub(crate) fn open(folder: &Path, listener: Listener) -> Outcome<Self> {
        let engine = Embedded::open(folder, Options::default(), Arc::new(listener));
        let engine = engine.map_err(|error| format!("{error:?}")).or_else(fail)?;
        let (envelope, structure) = (vec![b'e'; ENVELOPE_OCTETS].into(), vec![b's'; STRUCTURE_OCTETS].into());
        Ok(Self { engine, made: AtomicU64::new(u64::from(std::process::id()) << 32), envelope, structure })
    }

    /// Makes accounts 1 to `count`.
    pub(crate) fn create_accounts(&self, count: u32) -> Outcome<()> {
        for number in 0..count {
            transact_and_wait(&self.engine, move |txn| {
                directory::create_domain(txn, "example.org")?;
                let malformed = || MailError::new(ErrorKind::Internal, "not an address");
                let address = Address::new(&format!("u{number}"), "example.org").ok_or_else(malformed)?;
                directory::create_account(txn, &address, "", Timestamp(0))
            })?;
        }
        Ok(())
    }

    /// The transaction of one delivery.
    pub(crate) fn delivery(&self, account: u32, body: &[u8]) -> Box<TxnFn> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let octets = body.len() as u32;
        let body = NewBody::inline(Arc::from(body));
        let mut random = [0; 10];
        for (at, octets) in (0..).zip(random.chunks_mut(8)) {
            let mixed = (number * 2 + at).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9).to_le_bytes();
            octets.iter_mut().zip(mixed).for_each(|(slot, octet)| *slot = octet);
        }
        let email = EmailId::new(1_790_000_000_000 + number / 16, random);
        let facts = EmailFacts {
            envelope: Arc::clone(&self.envelope),
            structure: Arc::clone(&self.structure),
            sent_at: None,
            sent_day: None,
            thread_keys: [number.wrapping_mul(0x9e37_79b9_7f4a_7c15)].into(),
            ancestors: [].into(),
            contact: None,
            subject_hash: number,
        };
        Box::new(move |txn: &mut dyn Txn| {
            let now = Timestamp(1_790_000_000_000);
            let mut account = AccountTxn::open(txn, AccountId(account), Quota::UNLIMITED, now)?;
            let new = NewEmail {
                email,
                body: &body,
                octets,
                facts: &facts,
                flags: SystemFlags::NONE,
                keywords: &[],
                received_at: now,
                received_zone: ZoneOffset(0),
            };
            account.append(INBOX, &new)?;
            account.finish().map(drop)
        })
    }

    /// Reads the newest message of an account, row, record and body; says how long the body is.
    pub(crate) fn read_newest(&self, account: u32) -> Outcome<usize> {
        let account = AccountId(account);
        let view = self.engine.view()?;
        let mut email = None;
        let (from, end) = (key::membership(account, INBOX, 0), key::membership_end(account, INBOX, u32::MAX));
        view.scan_back(&from, &end, &mut |_, row| {
            email = Membership::decode(row).map(|row| row.email);
            std::ops::ControlFlow::Break(())
        })?;
        let row = view.get(&key::email(account, email.context("no message")?))?.context("no record")?;
        let body = EmailRecord::decode(&row).context("an e-mail record")?.body;
        let mut octets = Vec::new();
        view.read_body(&body, 0..body.octets, &mut octets)?;
        Ok(octets.len())
    }
}

impl Durable for KoiStore {
    fn deliver(&self, account: u32, body: &[u8]) -> Outcome<()> {
        Ok(self.engine.submit_and_wait(self.delivery(account, body))?)
    }
}
