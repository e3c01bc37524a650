//! Many accounts at once, for cases that need more of them than a person would make: written into the store
//! of a stopped server, a thousand in a transaction, all with the password of an account that is there.
//! Must not: be used for the time it takes.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use koi_store::engine::{Embedded, Options};
use koi_store::kv::{Commits, Kv as _, transact_and_wait};
use koi_store::mail::directory;
use koi_types::{Address, CommitNotice, Timestamp};

use super::user;
use crate::failure::{Context, Outcome, fail};

const PER_TRANSACTION: usize = 1_000;

/// Nobody is told of anything.
pub(super) struct Nobody;

impl Commits for Nobody {
    fn committed(&self, _: &[CommitNotice]) {}
}

/// Makes `user(n)` for each number, with the password of `like`.
pub(super) fn add(data: &Path, like: u32, numbers: Range<u32>) -> Outcome<()> {
    let opened = Embedded::open(&data.join("store"), Options::default(), Arc::new(Nobody));
    let engine = opened.map_err(|error| error.to_string()).or_else(fail)?;
    let address = |number| Address::parse(&user(number)).context("address");
    let view = engine.view()?;
    let like = directory::account_of(&*view, &address(like)?)?.context("account to copy")?;
    let record = directory::directory_record(&*view, like)?.context("account to copy")?;
    drop(view);
    let addresses = numbers.map(address).collect::<Outcome<Vec<_>>>()?;
    for some in addresses.chunks(PER_TRANSACTION) {
        let (some, password) = (some.to_vec(), record.password.clone());
        transact_and_wait(&engine, move |txn| {
            some.iter().try_for_each(|address| {
                directory::create_account(txn, address, password.clone(), Timestamp(0)).map(drop)
            })
        })?;
    }
    Ok(engine.close()?)
}
