//! Which emails were in an account at a MODSEQ, and so are in an index that has come so far: found out at the
//! cost of what happened since, not of what there is.
//!
//! Who has moved on says so in the log; who was copied is still where it was.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;

use koi_store::key;
use koi_store::kv::View;
use koi_store::mail::index;
use koi_store::record::email::EmailRecord;
use koi_store::record::log::{Event, LogRecord};
use koi_store::record::membership::Membership;
use koi_types::{AccountId, EmailId, MailboxId, ModSeq, NumSet, Result};

/// Emails that are remembered; when more have left, the index itself is looked through.
const LEFT_MAX: usize = 1 << 18;
/// Mailboxes of one email that are looked at.
const PLACES_MAX: usize = 256;

/// Emails that left a mailbox since, and were in it before. Nothing where the log does not tell of all:
/// because it does not reach back so far, a mailbox was deleted whole, or too much has happened.
pub(super) fn left_since(
    view: &dyn View,
    account: AccountId,
    since: ModSeq,
) -> Result<Option<HashSet<EmailId>>> {
    let Some(record) = index::account_record(view, account)? else { return Ok(None) };
    if since.value() < record.log_floor {
        return Ok(None);
    }
    let from = key::log(account, since.value().saturating_add(1));
    let end = key::log(account, u64::MAX);
    let mut left = HashSet::new();
    let mut came: BTreeMap<MailboxId, NumSet> = BTreeMap::new();
    let mut complete = true;
    view.scan(&from, &end, &mut |_, row| {
        let log = LogRecord::decode(row);
        complete &= log.is_some() && left.len() <= LEFT_MAX;
        for section in log.into_iter().flat_map(|log| log.sections) {
            let came = section.mailbox.map(|mailbox| came.entry(mailbox).or_default());
            match (section.event, came) {
                (Event::Added(uids), Some(came)) => came.extend(&uids.0),
                (Event::Expunged { uids, emails }, Some(came)) => {
                    let pairs = uids.iter().zip(emails).filter(|(uid, _)| !came.contains(uid.value()));
                    left.extend(pairs.map(|(_, email)| email));
                }
                (Event::MailboxDeleted, _) => complete = false,
                _ => {}
            }
        }
        if complete { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(complete.then_some(left))
}

/// Whether the email is somewhere where it was at that MODSEQ. One with more places than are looked at may
/// be taken for new, which only costs reading it once more.
pub(super) fn was_there(view: &dyn View, account: AccountId, email: EmailId, at: ModSeq) -> Result<bool> {
    let mut places = Vec::new();
    let record = view.get(&key::email(account, email))?;
    if let Some(first) = record.as_deref().and_then(EmailRecord::first_place) {
        places.push(key::membership(account, first.mailbox, first.uid.value()));
    }
    let range = key::below(&key::email_memberships(account, email));
    view.scan(&range.from, &range.end, &mut |key, _| {
        places.extend(key::membership_of_email(account, key));
        if places.len() < PLACES_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    for place in places {
        let Some(row) = view.get(&place)? else { continue };
        if Membership::decode(&row).is_some_and(|row| row.email == email && row.created_modseq <= at) {
            return Ok(true);
        }
    }
    Ok(false)
}
