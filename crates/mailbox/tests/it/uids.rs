//! What asking for the UIDs of a mailbox costs: counted rows, on an engine that counts them.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use koi_mailbox::{FlagOp, INBOX, Options};
use koi_store::body::BodyRef;
use koi_store::kv::{Kv, Read, StageBody, Ticket, TxnFn, View, Visit};
use koi_store::memory::MemoryKv;
use koi_types::Result;

use crate::rig::{Deaf, Rig, change, new_message, uids};

/// Counts the rows that scans of views visit.
struct Counting {
    memory: MemoryKv,
    rows: AtomicU64,
}

struct CountingView<'a> {
    view: Box<dyn View + 'a>,
    rows: &'a AtomicU64,
}

impl Kv for Counting {
    fn view(&self) -> Result<Box<dyn View + '_>> {
        Ok(Box::new(CountingView { view: self.memory.view()?, rows: &self.rows }))
    }
    fn submit(&self, run: Box<TxnFn>) -> Ticket {
        self.memory.submit(run)
    }
    fn submit_and_wait(&self, run: Box<TxnFn>) -> Result<()> {
        self.memory.submit_and_wait(run)
    }
    fn stage_body(&self) -> Result<Box<dyn StageBody>> {
        self.memory.stage_body()
    }
}

impl Read for CountingView<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Cow<'_, [u8]>>> {
        self.view.get(key)
    }
    fn scan(&self, from: &[u8], end: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.view.scan(from, end, &mut |key, value| {
            self.rows.fetch_add(1, Ordering::Relaxed);
            visit(key, value)
        })
    }
    fn scan_back(&self, from: &[u8], end: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.view.scan_back(from, end, visit)
    }
}

impl View for CountingView<'_> {
    fn read_body(&self, body: &BodyRef, range: Range<u64>, out: &mut Vec<u8>) -> Result<()> {
        self.view.read_body(body, range, out)
    }
}

#[test]
fn a_mailbox_with_holes_is_scanned_once_and_then_follows_the_log() {
    let kv = Arc::new(Counting { memory: MemoryKv::new(Arc::new(Deaf)), rows: AtomicU64::new(0) });
    let rig = Rig::on(Arc::clone(&kv) as Arc<dyn Kv>, Options::default());
    let account = rig.account("alice");
    let append = |count: u32| {
        let messages = (0..count).map(|n| new_message(&crate::rig::message(n), &[])).collect();
        account.append(INBOX, messages).wait().unwrap();
    };
    let expunge = |gone: &[u32]| {
        let gone = uids(gone);
        account.set_flags(INBOX, &gone, change(FlagOp::Add, &["\\Deleted"]), None).wait().unwrap();
        account.expunge(INBOX, Some(&gone)).wait().unwrap();
    };
    // The UIDs, and how many rows it took to know them.
    let ask = || {
        let snapshot = account.snapshot().unwrap();
        let before = kv.rows.load(Ordering::Relaxed);
        let uids = snapshot.uids(INBOX).unwrap().to_string();
        (uids, kv.rows.load(Ordering::Relaxed) - before)
    };
    append(300);
    assert_eq!(ask(), ("1:300".to_owned(), 0));
    expunge(&[7, 200]);
    assert_eq!(ask(), ("1:6,8:199,201:300".to_owned(), 298), "the first time it has holes");
    assert_eq!(ask().1, 0, "nothing has changed");
    expunge(&[8, 9]);
    append(2);
    account.set_flags(INBOX, &uids(&[1, 2, 3]), change(FlagOp::Add, &["\\Seen"]), None).wait().unwrap();
    let old = account.snapshot().unwrap();
    expunge(&[301]);
    let lines = ask();
    assert_eq!(lines.0, "1:6,10:199,201:300,302");
    assert!(lines.1 <= 8, "one row of the log for each commit: {}", lines.1);
    assert_eq!(old.uids(INBOX).unwrap().to_string(), "1:6,10:199,201:302", "an older view sees what it saw");
    assert_eq!(ask(), (lines.0, 0), "and takes nothing back");
}
