//! Emails: table M against E and G, and threads (I and T) against M; references to bodies are counted here.

use koi_types::{EmailId, ModSeq, Result, ThreadId, Timestamp};

use super::names::State;
use super::{BodyKey, Check, References};
use crate::body::BodyRef;
use crate::key::{self, table};
use crate::mail::places::is_anywhere;
use crate::record::account::AccountRecord;
use crate::record::answer::{AnswerRecord, AnsweredRecord};
use crate::record::email::EmailRecord;
use crate::record::object::ObjectRecord;
use crate::record::small::{GraceRecord, ThreadKeyRecord};
use crate::record::submission::PendingRecord;
use crate::record::upload::UploadRecord;

impl Check<'_> {
    pub(super) fn emails(&mut self, state: &State, references: &mut References) -> Result<()> {
        let in_grace = self.grace_rows()?;
        self.each(table::EMAIL, |check, key, value| {
            let Some(id) = key::email_of(key) else { return Ok(()) };
            let Some(email) = EmailRecord::decode(value) else {
                check.report(key, "an email's row cannot be read");
                references.uncertain();
                return Ok(());
            };
            references.count(state.account.scope, email.body.blob);
            check.body_of(key, state.account.scope, &email)?;
            check.thread_of_email(id, &email)?;
            let is_member = is_anywhere(check.read, check.account, id)?;
            if !is_member && !in_grace.contains(&id) {
                let grace = key::grace(check.account, Timestamp(0), id);
                let right = GraceRecord { mailbox: koi_types::MailboxId(0), modseq: ModSeq::MIN };
                check.missing(&grace, "an email is in no mailbox and not about to go", right.encode());
            }
            Ok(())
        })?;
        self.thread_rows()?;
        self.thread_key_rows()
    }
    /// Rows i, s and v.
    pub(super) fn objects(&mut self) -> Result<()> {
        for table in [table::IDENTITY, table::SUBMISSION, table::VACATION] {
            self.each(table, |check, key, value| {
                if ObjectRecord::decode(value).is_none() {
                    check.superfluous(key, value, "an identity, a submission or an answer cannot be read");
                }
                Ok(())
            })?;
        }
        self.each(table::ANSWER, |check, key, value| {
            let is_known = match key.get(5) {
                Some(&key::ANSWER) => key.len() == 22 && AnswerRecord::decode(value).is_some(),
                Some(&key::ANSWERED) => key.len() == 14 && AnsweredRecord::decode(value).is_some(),
                _ => false,
            };
            if !is_known {
                check.superfluous(key, value, "what is to be answered, or was, cannot be read");
            }
            Ok(())
        })
    }
    /// Rows w and q, which refer to bodies too.
    pub(super) fn uploads(&mut self, state: &State, references: &mut References) -> Result<()> {
        self.each(table::UPLOAD, |check, key, value| {
            if !references.count_of_upload(state.account.scope, value) {
                check.superfluous(key, value, "an upload cannot be read");
            }
            Ok(())
        })?;
        self.each(table::PENDING, |check, key, value| {
            if !references.count_of_pending(state.account.scope, value) {
                check.superfluous(key, value, "a submission that waits cannot be read");
            }
            Ok(())
        })
    }
    /// The references to bodies of an account that is being reclaimed.
    pub(super) fn references_left(&mut self, references: &mut References) -> Result<()> {
        let record = self.read.get(&key::account(self.account))?.and_then(|row| AccountRecord::decode(&row));
        let Some(record) = record else { return Ok(()) };
        self.dmap_references_left(&record, references)?;
        let scope = record.scope;
        self.each(table::UPLOAD, |_, _, value| {
            references.count_of_upload(scope, value);
            Ok(())
        })?;
        self.each(table::PENDING, |_, _, value| {
            references.count_of_pending(scope, value);
            Ok(())
        })?;
        self.each(table::EMAIL, |_, _, value| {
            match EmailRecord::decode(value) {
                Some(email) => references.count(scope, email.body.blob),
                None => references.uncertain(),
            }
            Ok(())
        })
    }
    /// Rows G. Answers their emails.
    fn grace_rows(&mut self) -> Result<std::collections::HashSet<EmailId>> {
        let mut emails = std::collections::HashSet::new();
        self.each(table::GRACE, |check, key, value| {
            let Some(email) = key::part(key, 13).map(EmailId) else { return Ok(()) };
            if GraceRecord::decode(value).is_none() {
                let right = GraceRecord { mailbox: koi_types::MailboxId(0), modseq: ModSeq::MIN };
                check.wrong(key, value, "a row of grace cannot be read", right.encode());
            }
            if !check.has(&key::email(check.account, email))? {
                check.superfluous(key, value, "grace for an email that does not exist");
            } else if is_anywhere(check.read, check.account, email)? {
                check.superfluous(key, value, "grace for an email that is in a mailbox");
            }
            emails.insert(email);
            Ok(())
        })?;
        Ok(emails)
    }
    fn thread_of_email(&mut self, id: EmailId, email: &EmailRecord<'_>) -> Result<()> {
        let thread = key::thread(self.account, email.thread, id);
        if email.has_thread_row(id) && !self.has(&thread)? {
            self.missing(&thread, "a thread does not know one of its emails", Vec::new());
        }
        let right = ThreadKeyRecord { thread: email.thread, subject_hash: email.subject_hash };
        for hash in email.thread_keys.iter() {
            let key = key::thread_key(self.account, hash, id);
            let row = self.read.get(&key)?.map(std::borrow::Cow::into_owned);
            let problem = "an email cannot be found by a Message-ID it names";
            match row {
                None => self.missing(&key, problem, right.encode(id)),
                Some(row) if ThreadKeyRecord::decode(&row, id) != Some(right) => {
                    self.wrong(&key, &row, problem, right.encode(id));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
    fn thread_rows(&mut self) -> Result<()> {
        self.each(table::THREAD, |check, key, value| {
            let (thread, email) = (key::part(key, 5).map(ThreadId), key::part(key, 21).map(EmailId));
            let known = match email {
                Some(email) => check.email_holds(email, |record| {
                    Some(record.thread) == thread && record.has_thread_row(email)
                })?,
                None => false,
            };
            if !known {
                check.superfluous(key, value, "a thread names an email that is not in it");
            }
            Ok(())
        })?;
        Ok(())
    }
    fn thread_key_rows(&mut self) -> Result<()> {
        self.each(table::THREAD_KEY, |check, key, value| {
            let hash = key::part(key, 5).map(u64::from_be_bytes);
            let known = match key::part(key, 13).map(EmailId) {
                Some(email) => check
                    .email_holds(email, |record| record.thread_keys.iter().any(|each| Some(each) == hash))?,
                None => false,
            };
            if !known {
                check.superfluous(key, value, "a Message-ID leads to an email that does not name it");
            }
            Ok(())
        })?;
        Ok(())
    }
    /// An email whose row cannot be read is given the benefit of the doubt.
    fn email_holds(&self, email: EmailId, holds: impl Fn(&EmailRecord<'_>) -> bool) -> Result<bool> {
        let row = self.read.get(&key::email(self.account, email))?;
        Ok(row.is_some_and(|row| EmailRecord::decode(&row).is_none_or(|record| holds(&record))))
    }
}

impl References {
    fn count(&mut self, scope: crate::body::Scope, blob: koi_types::BlobId) {
        *self.counts.entry(BodyKey { scope, blob }).or_default() += 1;
    }
    /// Answers whether the row can be read.
    fn count_of_upload(&mut self, scope: crate::body::Scope, row: &[u8]) -> bool {
        self.count_body(scope, UploadRecord::decode(row).map(|upload| upload.body))
    }
    fn count_of_pending(&mut self, scope: crate::body::Scope, row: &[u8]) -> bool {
        self.count_body(scope, PendingRecord::decode(row).map(|pending| pending.body))
    }
    pub(super) fn count_body(&mut self, scope: crate::body::Scope, body: Option<BodyRef>) -> bool {
        match body {
            Some(body) => self.count(scope, body.blob),
            None => self.uncertain(),
        }
        body.is_some()
    }
    /// Somebody may refer to a body without our knowing.
    pub(super) fn uncertain(&mut self) {
        self.uncertain = true;
    }
}
