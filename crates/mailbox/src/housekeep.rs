//! What nobody waits for: emails past their grace, deleted mailboxes, removed accounts, old lines of the log.

use std::ops::ControlFlow;

use koi_store::key::{self, table};
use koi_store::kv::{Read, Txn, transact_and_wait};
use koi_store::mail::reclaim::{self, Grace};
use koi_store::mail::upload::{self, Expiry};
use koi_store::record::account::AccountRecord;
use koi_store::record::log::LogRecord;
use koi_types::{AccountId, ModSeq, Result, Timestamp};

use crate::answer;
use crate::dmap;
use crate::emails::submission;
use crate::service::{Inner, MailboxService};

/// Accounts looked at by one call.
const ACCOUNTS_MAX: usize = 512;
/// Rows taken away by one transaction.
const ROWS_MAX: usize = 1000;
/// Transactions of one call.
const STEPS_MAX: usize = 16;
/// Lines of the log looked at for their age by one call.
const LOG_ROWS_MAX: usize = 256;

/// What a call did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Housekept {
    /// Emails that are gone for good.
    pub purged: usize,
    /// Whether there is more that could be done now: call again soon.
    pub more: bool,
}

impl MailboxService {
    /// Does a bounded piece of what is waiting; to be called every second or so, from a thread that may wait
    /// for the disk. The first calls after a start go through all accounts.
    pub fn housekeep(&self, now: Timestamp) -> Result<Housekept> {
        if self.inner.backlog.begin() {
            self.find_all()?;
        }
        self.inner.recents.write(&self.inner);
        let mut done = Housekept::default();
        let mut steps = STEPS_MAX;
        let turns = self.inner.backlog.count().min(ACCOUNTS_MAX);
        for _ in 0..turns {
            let Some(account) = self.inner.backlog.take() else { break };
            match self.housekeep_account(account, now, &mut steps, &mut done) {
                Ok(true) => self.inner.backlog.add(account),
                Ok(false) => self.inner.backlog.nothing_for(account),
                Err(error) => {
                    self.inner.backlog.add(account);
                    return Err(error);
                }
            }
            if steps == 0 {
                break;
            }
        }
        // Whatever was due may have been only the beginning.
        done.more = steps < STEPS_MAX || self.inner.backlog.count() > turns;
        Ok(done)
    }
    fn find_all(&self) -> Result<()> {
        self.each_of(table::global::REMOVED, &mut |account| self.inner.backlog.add(account))?;
        self.each_account(&mut |account| self.inner.backlog.add(account))
    }
    /// Every account of the directory.
    pub(crate) fn each_account(&self, visit: &mut dyn FnMut(AccountId)) -> Result<()> {
        self.each_of(table::global::DIRECTORY, visit)
    }
    fn each_of(&self, table: u8, visit: &mut dyn FnMut(AccountId)) -> Result<()> {
        let view = self.inner.kv.view()?;
        let range = key::all(AccountId::GLOBAL, table);
        view.scan(&range.from, &range.end, &mut |key, _| {
            if let Some(octets) = key::part(key, 5) {
                visit(AccountId(u32::from_be_bytes(octets)));
            }
            ControlFlow::Continue(())
        })
    }
    /// Answers whether the account has something left that must be looked at again.
    fn housekeep_account(
        &self,
        account: AccountId,
        now: Timestamp,
        steps: &mut usize,
        done: &mut Housekept,
    ) -> Result<bool> {
        let work = Work::find(&self.inner, account, now)?;
        if *steps == 0 {
            return Ok(true);
        }
        let Work { mut waiting, due } = work;
        let Some(due) = due else {
            match submission::send_due(&self.inner, account, now)? {
                submission::Due::Nothing => {}
                submission::Due::Later => waiting = true,
                submission::Due::Sent => {
                    *steps -= 1;
                    waiting = true;
                }
            }
            if *steps > 0 {
                match dmap::submit::finish_due(&self.inner, account, now)? {
                    dmap::submit::Due::Nothing => {}
                    dmap::submit::Due::Later => waiting = true,
                    dmap::submit::Due::Done => {
                        *steps -= 1;
                        waiting = true;
                    }
                }
            }
            if *steps > 0 && answer::answer_due(&self.inner, account, now)? {
                *steps -= 1;
                waiting = true;
            }
            return Ok(waiting);
        };
        *steps -= 1;
        if let Due::Purge(emails) = &due {
            done.purged += emails.len();
        }
        transact_and_wait(&*self.inner.kv, move |txn| due.run(txn, account))?;
        Ok(true)
    }
}

/// What an account has to be done.
struct Work {
    /// Something is not due yet.
    waiting: bool,
    due: Option<Due>,
}

enum Due {
    Purge(Vec<Grace>),
    Mailbox(koi_types::MailboxId),
    Account,
    Trim(ModSeq),
    Uploads(Timestamp),
}

impl Due {
    fn run(&self, txn: &mut dyn Txn, account: AccountId) -> Result<()> {
        match self {
            Self::Purge(emails) => reclaim::purge(txn, account, emails),
            Self::Mailbox(mailbox) => reclaim::reclaim_mailbox(txn, account, *mailbox, ROWS_MAX).map(drop),
            Self::Account => reclaim::reclaim_account(txn, account, ROWS_MAX).map(drop),
            Self::Uploads(now) => upload::expire(txn, account, *now, ROWS_MAX),
            Self::Trim(upto) => reclaim::trim_log(txn, account, *upto, ROWS_MAX).map(drop),
        }
    }
}

impl Work {
    fn find(inner: &Inner, account: AccountId, now: Timestamp) -> Result<Self> {
        let view = inner.kv.view()?;
        let due = |due| Self { waiting: true, due: Some(due) };
        if view.get(&key::directory(table::global::REMOVED, account))?.is_some() {
            return Ok(due(Due::Account));
        }
        let Some(row) = view.get(&key::account(account))? else {
            return Ok(Self { waiting: false, due: None });
        };
        let Some(record) = AccountRecord::decode(&row) else { return Ok(Self { waiting: false, due: None }) };
        let grace = reclaim::in_grace(&*view, account, ROWS_MAX)?;
        let waiting = !grace.is_empty();
        let over: Vec<Grace> = grace.into_iter().filter(|each| is_over(inner, account, each, now)).collect();
        if !over.is_empty() {
            return Ok(due(Due::Purge(over)));
        }
        if let Some(mailbox) = reclaim::deleted_mailboxes(&*view, account, 1)?.first() {
            return Ok(due(Due::Mailbox(*mailbox)));
        }
        let uploads = upload::has_old(&*view, account, now)?;
        if uploads == Expiry::Due {
            return Ok(due(Due::Uploads(now)));
        }
        let trim = old_log(inner, &*view, account, &record, now)?;
        Ok(Self { waiting: waiting || uploads == Expiry::Later, due: trim.map(Due::Trim) })
    }
}

/// Everybody who has the mailbox open has been told, or the time is up.
fn is_over(inner: &Inner, account: AccountId, grace: &Grace, now: Timestamp) -> bool {
    grace.expunged_at.plus_secs(inner.options.expunge_grace_secs) <= now
        || inner.watchers.seen_by_all(account, grace.mailbox).is_none_or(|seen| seen >= grace.modseq)
}

/// Up to where the log may go: too many lines, or lines past their age.
fn old_log(
    inner: &Inner,
    read: &(impl Read + ?Sized),
    account: AccountId,
    record: &AccountRecord,
    now: Timestamp,
) -> Result<Option<ModSeq>> {
    let lines = record.modseq.saturating_sub(record.log_floor);
    if lines > inner.options.log_modseqs_max {
        // A quarter more than needed, so that it is not done again for every line.
        let keep = inner.options.log_modseqs_max - inner.options.log_modseqs_max / 4;
        let upto = record.modseq.saturating_sub(keep).min(record.log_floor + ROWS_MAX as u64);
        return Ok(ModSeq::new(upto));
    }
    let range = key::all(account, table::LOG);
    let (mut upto, mut left) = (None, LOG_ROWS_MAX);
    read.scan(&range.from, &range.end, &mut |key, row| {
        let old = |log: LogRecord| log.committed_at.plus_secs(inner.options.log_age_secs) <= now;
        let is_old = LogRecord::decode(row).is_some_and(old);
        left -= 1;
        if !is_old || left == 0 {
            return ControlFlow::Break(());
        }
        upto = key::modseq_at_end(key);
        ControlFlow::Continue(())
    })?;
    Ok(upto)
}
