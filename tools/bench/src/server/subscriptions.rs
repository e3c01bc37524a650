//! Many push subscriptions at once, validated and with nothing to be pushed: written into the store of a
//! stopped server. Must not: be used for the time it takes.

use std::path::Path;
use std::sync::Arc;

use koi_store::engine::{Embedded, Options};
use koi_store::kv::{Kv as _, transact_and_wait};
use koi_store::mail::{AccountTxn, Quota, directory};
use koi_store::record::push::{Given, PushTypes, Subscription, SubscriptionRecord};
use koi_types::{Address, PushId, Timestamp};

use super::accounts::Nobody;
use super::user;
use crate::failure::{Context, Outcome, fail};

/// Accounts of one transaction.
const PER_TRANSACTION: usize = 100;

/// Makes `each` subscriptions for `user(0)` to `user(accounts - 1)`.
pub(crate) fn add(data: &Path, accounts: u32, each: u32) -> Outcome<()> {
    let opened = Embedded::open(&data.join("store"), Options::default(), Arc::new(Nobody));
    let engine = opened.map_err(|error| error.to_string()).or_else(fail)?;
    let view = engine.view()?;
    let id = |number| {
        let address = Address::parse(&user(number)).context("address")?;
        directory::account_of(&*view, &address)?.context("an account")
    };
    let ids = (0..accounts).map(id).collect::<Outcome<Vec<_>>>()?;
    drop(view);
    for some in ids.chunks(PER_TRANSACTION) {
        let some = some.to_vec();
        transact_and_wait(&engine, move |txn| {
            for account in &some {
                let mut account = AccountTxn::open(txn, *account, Quota::UNLIMITED, Timestamp(0))?;
                for number in 0..each {
                    let record = record(number);
                    let Some(id) = PushId::new(&id_of(number)) else { continue };
                    account.subscribe_push(&id, &record)?;
                    account.validate_push(&id)?;
                }
                account.finish()?;
            }
            Ok(())
        })?;
    }
    Ok(engine.close()?)
}

fn id_of(number: u32) -> String {
    format!("31754ee7-d3ee-4226-b112-6895{number:08x}")
}

/// As long as they are in practice.
fn record(number: u32) -> SubscriptionRecord {
    let given = Subscription {
        id: id_of(number).into(),
        client: "An app for chats".into(),
        device: "a phone of somebody".into(),
        types: PushTypes::All,
        exclude_from: None,
        excluded_from: None,
        endpoint: format!("https://push.example.net/wpush/v2/{}", "gAAAAABn".repeat(24)).into(),
        p256dh: "B".repeat(87).into(),
        auth: "a".repeat(22).into(),
    };
    SubscriptionRecord {
        given: Given::Coi(given),
        seal: [7; 20],
        created_at: Timestamp(0),
        validated_at: None,
        expires_at: None,
        held_until: Timestamp(0),
        failures: 0,
        refusals: 0,
    }
}
