//! d 6: messages that other organisations have brought, so that one that comes again, because its bringer has
//! not heard the answer, is not there twice. The last few of an account, for as long as anybody tries again.

use std::ops::ControlFlow;

use koi_types::{ObjectId, Result, Timestamp, limits};

use crate::key;
use crate::mail::AccountTxn;
use crate::record::dmtp::TakenRecord;

impl AccountTxn<'_> {
    /// What is remembered of a message, by the hash of its octets.
    pub fn taken(&self, hash: &[u8; 64]) -> Result<Option<TakenRecord>> {
        let row = self.txn.get(&key::dmtp_taken(self.id, hash))?;
        Ok(row.and_then(|row| TakenRecord::decode(&row)))
    }
    /// Remembers one; those that are too old, and the oldest of too many, are forgotten.
    pub fn remember_taken(&mut self, hash: &[u8; 64], transaction: ObjectId) -> Result<()> {
        let range = key::below(&key::dmap(self.id, key::DMAP_TAKEN));
        let mut all: Vec<(Timestamp, Vec<u8>)> = Vec::new();
        self.txn.scan(&range.from, &range.end, &mut |key, row| {
            // What cannot be read is as good as very old.
            let at = TakenRecord::decode(row).map_or(Timestamp(0), |row| row.at);
            all.push((at, key.to_vec()));
            ControlFlow::Continue(())
        })?;
        all.sort_unstable();
        let too_many = (all.len() + 1).saturating_sub(limits::DMTP_TAKEN_MAX);
        for (place, (at, key)) in all.iter().enumerate() {
            if place < too_many || at.plus_secs(limits::DMTP_TAKEN_SECS) <= self.now {
                self.txn.delete(key)?;
            }
        }
        let record = TakenRecord { at: self.now, transaction };
        self.txn.put(&key::dmtp_taken(self.id, hash), &record.encode())
    }
}
