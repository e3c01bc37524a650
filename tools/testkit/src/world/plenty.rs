//! As many of something as an account may have: what limits are for. Made without a client, and at once.

use koi_dime::Secret;
use koi_dime::stacie::{RealmLabel, Shard};
use koi_mailbox::INBOX;
use koi_mailbox::dmap::{NewKey, NewRealm, SubmitOptions};
use koi_store::key;
use koi_store::kv::{Kv, transact_and_wait};
use koi_store::record::dmap::RingRecord;
use koi_types::Uid;

use super::World;
use super::dmap::{UserKey, user_key};

/// What there are many of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Many {
    /// Shards of realms that are called `r1`, `r2`, …
    Realms,
    /// Keys that are called like the user and a number, each after the one before; the first is the user's.
    Keys,
    /// Signets of nobody in particular.
    Signets,
    /// The same, each with a META block that is as large as one may be.
    LargeSignets,
    /// The first messages of INBOX are held for an hour.
    Held,
}

/// Rows of one transaction.
const AT_ONCE: usize = 64;

impl Many {
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "realms" => Self::Realms,
            "keys" => Self::Keys,
            "signets" => Self::Signets,
            "large-signets" => Self::LargeSignets,
            "held" => Self::Held,
            _ => return None,
        })
    }
}

impl World {
    /// Makes so many of them.
    pub fn make_many(&mut self, user: &str, what: Many, count: u32) {
        match what {
            Many::Realms => (1..=count).for_each(|number| self.add_realm(user, number)),
            Many::Keys => (1..=count).for_each(|number| self.add_key(user, number)),
            Many::Signets => self.add_signets(user, count, 0),
            Many::LargeSignets => self.add_signets(user, count, koi_types::limits::DMAP_META_OCTETS_MAX),
            Many::Held => (1..=count).for_each(|uid| self.hold(user, uid)),
        }
        self.settle();
    }
    fn add_realm(&self, user: &str, number: u32) {
        let label = RealmLabel::new(&format!("r{number}")).unwrap();
        let new = NewRealm { label, serial: 0, shard: Shard(Secret::new(&[1; 64])) };
        self.account(user).add_realm(&new).wait().unwrap();
    }
    fn add_key(&self, user: &str, number: u32) {
        let name = |number: u32| if number == 0 { user.to_owned() } else { format!("{user}{number}") };
        let UserKey { id, request, private, .. } = user_key(&name(number), Some(&name(number - 1)));
        let new = NewKey { id, request, private: Some(private), expires_at: None };
        self.account(user).add_key(&new).unwrap().wait().unwrap();
    }
    fn add_signets(&self, user: &str, count: u32, meta_octets: usize) {
        let account = self.account(user).id();
        let numbers: Vec<u32> = (1..=count).collect();
        for some in numbers.chunks(AT_ONCE) {
            let (some, now) = (some.to_vec(), self.now());
            let run = move |txn: &mut dyn koi_store::kv::Txn| {
                let meta = vec![7; meta_octets].into();
                let row = RingRecord { fetched_at: now, object: [7; 8].into(), meta }.encode();
                some.iter().try_for_each(|number| {
                    let address = format!("nobody{number}@example.com");
                    txn.put(&key::dmap_signet(account, &address, &[9; 64]), &row)
                })
            };
            transact_and_wait(&*self.kv as &dyn Kv, run).unwrap();
        }
    }
    fn hold(&self, user: &str, uid: u32) {
        let hold_until = Some(self.now().plus_secs(3600));
        let options = SubmitOptions { hold_until, ..SubmitOptions::default() };
        let claim = self.account(user).claim_submission(INBOX, Uid::new(uid).unwrap(), options);
        let _ = claim.wait().unwrap();
    }
}
