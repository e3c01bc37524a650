//! What tests of this level share: an engine with accounts, nobody who listens, a push subscription.

use std::sync::Arc;

use koi_types::{AccountId, Address, CommitNotice, Timestamp};

use crate::kv::{Commits, transact_and_wait};
use crate::mail::directory;
use crate::memory::MemoryKv;
use crate::record::push::{Given, PushTypes, Subscription, SubscriptionRecord};

/// The first account.
pub(super) const ALICE: AccountId = AccountId(1);

/// Hears of commits and does nothing.
pub(super) struct Deaf;

impl Commits for Deaf {
    fn committed(&self, _: &[CommitNotice]) {}
}

/// Accounts 1, 2, … of `example.org` with these names.
pub(super) fn engine(names: &'static [&'static str], now: Timestamp) -> MemoryKv {
    let kv = MemoryKv::new(Arc::new(Deaf));
    transact_and_wait(&kv, move |txn| {
        directory::create_domain(txn, "example.org")?;
        for name in names {
            let address = Address::new(name, "example.org").unwrap();
            directory::create_account(txn, &address, "v", now)?;
        }
        Ok(())
    })
    .unwrap();
    kv
}

/// A subscription that was just made.
pub(super) fn subscription(id: &str, now: Timestamp) -> SubscriptionRecord {
    let given = Subscription {
        id: id.into(),
        client: "c".into(),
        device: "d".into(),
        types: PushTypes::All,
        exclude_from: None,
        excluded_from: None,
        endpoint: "https://push.example/1".into(),
        p256dh: "B".into(),
        auth: "t".into(),
    };
    SubscriptionRecord {
        given: Given::Coi(given),
        seal: [9; 20],
        created_at: now,
        validated_at: None,
        expires_at: None,
        held_until: Timestamp(0),
        failures: 0,
        refusals: 0,
    }
}
