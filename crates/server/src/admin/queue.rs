//! `koi queue`: messages that wait for other servers. So far all of it is encrypted mail of DMTP
//! (docs/DMAP.md, other organisations). Must not: show anything of a message.

use koi_mailbox::dmap::{MailSettled, WaitingMail};
use koi_message::DateTime;
use koi_types::Timestamp;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;
use crate::service::Service;

/// Lines of one answer.
const LINES_MAX: usize = 10_000;
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
    Ids(Vec<String>),
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
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
    if let QueueWhich::Ids(ids) = which
        && let Some(unknown) = ids.iter().find(|id| !found.iter().any(|one| one.id.to_string() == **id))
    {
        let what = format!("nothing with the id {unknown} waits");
        return Err(Problem::usage(what, "`koi queue` shows what does"));
    }
    found.retain(|one| match which {
        QueueWhich::All => true,
        QueueWhich::To(domain) => one.destination.eq_ignore_ascii_case(domain),
        QueueWhich::Ids(ids) => ids.contains(&one.id.to_string()),
    });
    for one in &found {
        let (account, id) = (one.account, one.id);
        let settled = match action {
            QueueAction::List => continue,
            QueueAction::Retry => {
                mailbox.hurry_mail(account, id).wait()?;
                continue;
            }
            QueueAction::Bounce => MailSettled::Failed { said: ENDED.into() },
            QueueAction::Drop => MailSettled::Dropped,
        };
        mailbox.settle_mail(account, id, settled)?.wait()?;
        let to = &*one.destination;
        tracing::info!(%account, %id, to, ?action, "an administrator has ended a message");
    }
    if action == QueueAction::Bounce {
        told(&mailbox.waiting_mail()?, &found)?;
    }
    let left = found.len().saturating_sub(LINES_MAX) as u64;
    Ok(Queue { lines: found.into_iter().take(LINES_MAX).map(line).collect(), left })
}

/// What its sender has no room to be told of stays: nothing is lost unseen.
fn told(left: &[WaitingMail], ended: &[WaitingMail]) -> Result<(), Problem> {
    let Some(stays) = left.iter().find(|one| ended.iter().any(|ended| ended.id == one.id)) else {
        return Ok(());
    };
    let from = stays.from.as_ref().map(ToString::to_string).unwrap_or_default();
    let what = format!("{} stays: in the account {from} is no room to be told of it", stays.id);
    Err(Problem::new(what, "make room there (`koi account quota`), or `koi queue drop` it"))
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
