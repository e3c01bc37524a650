//! `koi queue`: messages that wait for other servers. So far all of it is encrypted mail of DMTP
//! (docs/DMAP.md, other organisations). Must not: show anything of a message.

use std::collections::HashSet;

use koi_mailbox::dmap::{MailSettled, WaitingMail};
use koi_mailbox::{MailboxService, Pending};
use koi_message::DateTime;
use koi_types::{MailError, ObjectId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::problem::Problem;
use crate::service::Service;

/// Ids in one request, and messages that are changed with the same flushes.
pub const QUEUE_IDS_MAX: usize = 1000;
/// Lines of one answer.
const LINES_MAX: usize = 10_000;
/// Messages that could not be changed and are named in one answer.
const FAILED_NAMED_MAX: usize = 20;
/// What a bounce says.
const ENDED: &str = "an administrator of this server has ended it";

/// What to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QueueAction {
    List,
    /// It is due now.
    Retry,
    /// It is not tried any more, and its sender is told.
    Bounce,
    /// The same, and nobody is told.
    Drop,
}

/// With what.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QueueWhich {
    All,
    /// What goes to this domain.
    To(String),
    /// At most [`QUEUE_IDS_MAX`].
    Ids(Vec<String>),
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Queue {
    pub lines: Vec<QueueLine>,
    /// More that are not in the lines.
    pub left: u64,
}

/// One message for one destination.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct QueueLine {
    pub id: String,
    /// By what it is sent: `dmtp`.
    pub protocol: String,
    pub from: String,
    /// As much as is known of it.
    pub to: String,
    pub octets: u64,
    pub attempts: u32,
    /// Dates with time, in UTC.
    pub queued: String,
    pub next: String,
    /// Why it waits; empty before the first attempt.
    pub said: String,
}

pub(super) fn execute(service: &Service, action: QueueAction, which: &QueueWhich) -> Result<Queue, Problem> {
    let mailbox = &service.mailbox;
    let mut found = mailbox.waiting_mail()?;
    if let QueueWhich::Ids(ids) = which {
        refuse(ids, &found)?;
    }
    let wanted: HashSet<&str> = match which {
        QueueWhich::Ids(ids) => ids.iter().map(String::as_str).collect(),
        QueueWhich::All | QueueWhich::To(_) => HashSet::new(),
    };
    found.retain(|one| match which {
        QueueWhich::All => true,
        QueueWhich::To(domain) => one.destination.eq_ignore_ascii_case(domain),
        QueueWhich::Ids(_) => wanted.contains(one.id.to_string().as_str()),
    });
    let mut failed = Vec::new();
    for some in found.chunks(QUEUE_IDS_MAX) {
        // All of them are under way before one is waited for: they share flushes.
        let begun: Vec<_> = some.iter().map(|one| begin(mailbox, action, one)).collect();
        for (one, begun) in some.iter().zip(begun) {
            let (account, id, to) = (one.account, one.id, &*one.destination);
            match begun.and_then(|pending| pending.map(Pending::wait).transpose()) {
                Ok(None) => {}
                Ok(Some(_)) => {
                    tracing::info!(%account, %id, to, ?action, "an administrator has changed what waits")
                }
                // One account that is damaged keeps nobody else's where it is.
                Err(error) => {
                    tracing::warn!(%account, %id, to, ?action, %error, "what waits could not be changed");
                    failed.push((id, error));
                }
            }
        }
    }
    refuse_failed(failed)?;
    if action == QueueAction::Bounce {
        told(&mailbox.waiting_mail()?, &found)?;
    }
    let left = found.len().saturating_sub(LINES_MAX) as u64;
    Ok(Queue { lines: found.into_iter().take(LINES_MAX).map(line).collect(), left })
}

/// What could not be changed, the first of it by name; what to do is said of the first.
fn refuse_failed(failed: Vec<(ObjectId, MailError)>) -> Result<(), Problem> {
    let more = failed.len().saturating_sub(FAILED_NAMED_MAX);
    let mut failed = failed.into_iter().take(FAILED_NAMED_MAX);
    let Some((id, error)) = failed.next() else { return Ok(()) };
    let Problem { what, remedy, exit } = error.into();
    let mut what = format!("{id}: {what}");
    failed.for_each(|(id, error)| what.push_str(&format!("\n  {id}: {error}")));
    if more > 0 {
        what.push_str(&format!("\n  and {more} more"));
    }
    Err(Problem { what: what.into(), remedy, exit })
}

/// Too many for one request, or one that does not wait: then nothing is done with any of them.
fn refuse(ids: &[String], found: &[WaitingMail]) -> Result<(), Problem> {
    if ids.len() > QUEUE_IDS_MAX {
        let what = format!("{} ids in one request, which has at most {QUEUE_IDS_MAX}", ids.len());
        return Err(Problem::usage(
            what,
            "use the `koi` of the server's version, which sends them in batches",
        ));
    }
    let there: HashSet<String> = found.iter().map(|one| one.id.to_string()).collect();
    match ids.iter().find(|id| !there.contains(*id)) {
        Some(unknown) => {
            let what = format!("nothing with the id {unknown} waits");
            Err(Problem::usage(what, "`koi queue` shows what does"))
        }
        None => Ok(()),
    }
}

/// Nothing when it is only looked at.
fn begin(
    mailbox: &MailboxService,
    action: QueueAction,
    one: &WaitingMail,
) -> Result<Option<Pending<bool>>, MailError> {
    let (account, id) = (one.account, one.id);
    let settled = match action {
        QueueAction::List => return Ok(None),
        QueueAction::Retry => return Ok(Some(mailbox.hurry_mail(account, id))),
        QueueAction::Bounce => MailSettled::Failed { said: ENDED.into() },
        QueueAction::Drop => MailSettled::Dropped,
    };
    mailbox.settle_mail(account, id, settled).map(Some)
}

/// What its sender cannot be told of stays: nothing is lost unseen.
fn told(left: &[WaitingMail], ended: &[WaitingMail]) -> Result<(), Problem> {
    let ended: HashSet<ObjectId> = ended.iter().map(|one| one.id).collect();
    let Some(stays) = left.iter().find(|one| ended.contains(&one.id)) else {
        return Ok(());
    };
    let from = stays.from.as_ref().map(ToString::to_string).unwrap_or_default();
    let what = format!("{} stays, because {from} cannot be told of it: {}", stays.id, stays.said);
    Err(Problem::new(what, "make room there (`koi account quota`), see `koi check`, or `koi queue drop` it"))
}

fn line(one: WaitingMail) -> QueueLine {
    QueueLine {
        id: one.id.to_string(),
        protocol: "dmtp".into(),
        from: one.from.map(|address| address.to_string()).unwrap_or_default(),
        to: one.destination.into(),
        octets: one.octets,
        attempts: one.attempts,
        queued: date(one.queued_at),
        next: date(one.next_at),
        said: one.said.into(),
    }
}

fn date(at: Timestamp) -> String {
    DateTime { unix_s: at.secs(), zone_min: 0 }.to_rfc3339().unwrap_or_default()
}

#[cfg(test)]
mod tests;
