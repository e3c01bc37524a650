//! At delivery: a task for every subscription that wants to hear of the message, in the same transaction
//! (COI-webpush §push-notification-payload).
//!
//! Every message has a task of its own, and with it a push of its own, the first at once. While the push
//! service is slow or asks for patience, at most `waiting_max` messages wait for one subscription: then the
//! oldest of them goes for the newest, whose push will make the client look, and see both. An account
//! without subscriptions costs one lookup. Must not: fail a delivery because of what is stored about push.

use koi_store::mail::{AccountTxn, Appended};
use koi_store::record::push::{Push, PushTaskRecord, Subscription};
use koi_types::{MailboxId, Result};

use super::PushOptions;
use crate::incoming::Incoming;

/// A message that was just appended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrived<'a> {
    pub(crate) mailbox: MailboxId,
    pub(crate) appended: Appended,
    /// It has the keyword `$Chat`.
    pub(crate) is_chat: bool,
    pub(crate) message: &'a Incoming,
}

/// Writes the tasks for a message that was just appended.
pub(crate) fn announce(
    account: &mut AccountTxn<'_>,
    options: &PushOptions,
    arrived: &Arrived<'_>,
) -> Result<()> {
    if arrived.message.is_disposition_notification || account.push_account()?.validated == 0 {
        return Ok(());
    }
    let Appended { uidvalidity, uid, email, .. } = arrived.appended;
    let push = Push::Message { mailbox: arrived.mailbox, uidvalidity, uid, email };
    let task = PushTaskRecord { made_at: account.now(), short: false, push };
    for subscription in account.push_subscriptions()? {
        let Some(given) = subscription.record.given.coi() else { continue };
        let wanted = subscription.record.validated_at.is_some()
            && given.types.wants(arrived.is_chat)
            && !excludes(given, arrived.message.from.as_deref());
        if wanted {
            account.add_push(&subscription.id, &task, options.waiting_max)?;
        }
    }
    Ok(())
}

/// The list of the proposal to COI-webpush §subscribe, under both its names.
fn excludes(given: &Subscription, from: Option<&str>) -> bool {
    let Some(from) = from.map(str::to_lowercase) else { return false };
    let lists = [&given.exclude_from, &given.excluded_from];
    lists.into_iter().flatten().flatten().any(|address| address.trim().to_lowercase() == from)
}
