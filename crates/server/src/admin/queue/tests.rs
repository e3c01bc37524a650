//! Many at once, over the real store.

use std::path::Path;

use koi_store::body::NewBody;
use koi_store::kv::transact_and_wait;
use koi_store::mail::dmap::queue::NewQueued;
use koi_store::mail::{AccountTxn, Quota};
use koi_types::Address;

use super::*;
use crate::clock;
use crate::config::{raw, resolve};
use crate::service::Service;

const EACH: u8 = 200;

const NAMES: [&str; 6] = ["alice", "bob", "carol", "dave", "erin", "frank"];

/// So many accounts with messages to somewhere.
fn service(folder: &Path, accounts: usize) -> Service {
    let text = format!(
        "[server]\nhostname='mail.example.org'\ndomains=['example.org']\ndata='{}'\n\
         [listen]\nlmtp=['127.0.0.1:10024']\n",
        folder.join("data").display(),
    );
    let config = resolve::resolve(&raw::parse(Path::new("koi.toml"), &text).unwrap()).unwrap();
    let service = Service::open(&config).unwrap();
    for (name, letter) in NAMES.into_iter().take(accounts).zip(1..) {
        let address = Address::new(name, "example.org").unwrap();
        let account = service.mailbox.directory().create_account(&address, "verifier").unwrap();
        transact_and_wait(&*service.store, move |txn| {
            let mut own = AccountTxn::open(txn, account, Quota::UNLIMITED, clock::now())?;
            for n in 0..EACH {
                let mut id = [letter; 16];
                id[15] = n;
                let body = NewBody::inline(b"a message".as_slice().into());
                let new = NewQueued { destination: "two.test".into(), signet: [0; 64], bounces: 0, body };
                own.enqueue(ObjectId(id), &new)?;
            }
            own.finish().map(drop)
        })
        .unwrap();
    }
    service
}

#[test]
fn many_share_flushes() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path(), 3);
    let listed = execute(&service, QueueAction::List, &QueueWhich::All).unwrap();
    assert_eq!(listed.lines.len(), 3 * usize::from(EACH));
    let ids: Vec<String> = listed.lines.into_iter().map(|line| line.id).collect();
    for action in [QueueAction::Retry, QueueAction::Drop] {
        let before = service.store.counters().flushes;
        let done = execute(&service, action, &QueueWhich::Ids(ids.clone())).unwrap();
        let flushes = service.store.counters().flushes - before;
        assert_eq!(done.lines.len(), ids.len());
        assert!(flushes <= ids.len() as u64 / 10, "{action:?}: {flushes} flushes");
    }
    let listed = execute(&service, QueueAction::List, &QueueWhich::All).unwrap();
    assert_eq!(listed, Queue::default());
}

#[test]
fn more_than_one_request_holds_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path(), 3);
    let many = vec!["0".repeat(32); QUEUE_IDS_MAX + 1];
    let refused = execute(&service, QueueAction::Drop, &QueueWhich::Ids(many)).unwrap_err();
    assert!(refused.what.contains("1001 ids in one request"), "{refused:?}");
}

#[test]
fn one_damaged_account_keeps_nobody_elses_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path(), 6);
    let first = execute(&service, QueueAction::List, &QueueWhich::All).unwrap().lines.remove(0);
    let account = service.mailbox.waiting_mail().unwrap().remove(0).account;
    // More than one batch, the damaged account's first.
    transact_and_wait(&*service.store, move |txn| txn.put(&koi_store::key::account(account), b"?")).unwrap();
    let refused = execute(&service, QueueAction::Drop, &QueueWhich::All).unwrap_err();
    assert!(refused.what.contains(&first.id), "{refused:?}");
    assert!(refused.what.contains("and 180 more") && refused.what.lines().count() == 21, "{refused:?}");
    let left = service.mailbox.waiting_mail().unwrap();
    assert!(left.iter().all(|one| one.account == account), "{} are left", left.len());
    assert_eq!(left.len(), usize::from(EACH));
}
