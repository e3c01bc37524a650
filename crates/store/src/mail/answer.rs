//! Answers while an account's owner is away: which emails are to be answered, written with their delivery so
//! that none is forgotten, and who was answered lately, written with the answer so that none is sent twice.

use std::ops::ControlFlow;

use koi_types::{AccountId, EmailId, Result, Timestamp, limits};

use super::account::AccountTxn;
use crate::key;
use crate::kv::Read;
use crate::record::answer::{AnswerRecord, AnsweredRecord};

/// An email that waits for its answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Waiting {
    pub email: EmailId,
    pub record: AnswerRecord,
}

/// Emails to be answered, at most `max`.
pub fn waiting(read: &(impl Read + ?Sized), account: AccountId, max: usize) -> Result<Vec<Waiting>> {
    let range = key::below(&key::answers(account, key::ANSWER));
    let mut waiting = Vec::new();
    read.scan(&range.from, &range.end, &mut |key, row| {
        // A row that cannot be read is nobody's: `check` says so.
        if let (Some(email), Some(record)) = (key::answer_of(key), AnswerRecord::decode(row)) {
            waiting.push(Waiting { email, record });
        }
        if waiting.len() < max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(waiting)
}

/// When somebody was answered last, and with what.
pub fn answered(
    read: &(impl Read + ?Sized),
    account: AccountId,
    sender: u64,
) -> Result<Option<AnsweredRecord>> {
    let row = read.get(&key::answered(account, sender))?;
    Ok(row.and_then(|row| AnsweredRecord::decode(&row)))
}

impl AccountTxn<'_> {
    /// Keeps in mind that an email is to be answered.
    pub fn put_answer(&mut self, email: EmailId, record: &AnswerRecord) -> Result<()> {
        self.txn.put(&key::answer(self.id, email), &record.encode())
    }
    /// It was answered, or will not be. Answers whether it waited.
    pub fn take_answer(&mut self, email: EmailId) -> Result<bool> {
        let key = key::answer(self.id, email);
        let waits = self.txn.get(&key)?.is_some();
        if waits {
            self.txn.delete(&key)?;
        }
        Ok(waits)
    }
    /// An email has got another id.
    pub(super) fn move_answer(&mut self, from: EmailId, to: EmailId) -> Result<()> {
        if self.record.states.vacation == 0 {
            return Ok(());
        }
        let key = key::answer(self.id, from);
        let Some(row) = self.txn.get(&key)?.map(std::borrow::Cow::into_owned) else { return Ok(()) };
        self.txn.delete(&key)?;
        self.txn.put(&key::answer(self.id, to), &row)
    }
    /// When somebody was answered last, and with what.
    pub fn answered(&self, sender: u64) -> Result<Option<AnsweredRecord>> {
        answered(&*self.txn, self.id, sender)
    }
    /// Somebody is answered. Who was answered before `forget_before` is forgotten, and the oldest of too
    /// many.
    pub fn put_answered(
        &mut self,
        sender: u64,
        record: AnsweredRecord,
        forget_before: Timestamp,
    ) -> Result<()> {
        let range = key::below(&key::answers(self.id, key::ANSWERED));
        let (mut count, mut oldest, mut old) = (0, None::<Old>, Vec::new());
        self.txn.scan(&range.from, &range.end, &mut |key, row| {
            let at = AnsweredRecord::decode(row).map_or(Timestamp(0), |record| record.at);
            count += 1;
            if at < forget_before {
                old.push(key.to_vec());
            } else if oldest.as_ref().is_none_or(|oldest| at < oldest.at) {
                oldest = Some(Old { key: key.to_vec(), at });
            }
            ControlFlow::Continue(())
        })?;
        if count - old.len() >= limits::ANSWERED_MAX {
            old.extend(oldest.map(|oldest| oldest.key));
        }
        old.iter().try_for_each(|key| self.txn.delete(key))?;
        self.txn.put(&key::answered(self.id, sender), &record.encode())
    }
}

/// The one who was answered before all others.
struct Old {
    key: Vec<u8>,
    at: Timestamp,
}
