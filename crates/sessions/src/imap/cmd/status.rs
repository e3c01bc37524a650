//! STATUS (RFC 9051 §6.3.11, RFC 7162 §3.1.7, RFC 8438 §2, RFC 9208 §4.1.4, RFC 7889 §3.1, RFC 8474 §4.3).
//! Of the selected mailbox it tells what is in the store, not what this client was told.

use koi_mailbox::{Account, MailboxRow, Snapshot};
use koi_proto::imap::command::{MailboxArg, StatusItem};
use koi_proto::imap::response::{NameEncoding, StatusValue, status_data};
use koi_types::{Result, Rights};

use super::{existing, no_such_mailbox};
use crate::imap::core::Core;
use crate::imap::job::{Job, at_once};
use crate::imap::reply::Reply;

pub(crate) fn start(mailbox: MailboxArg, items: Vec<StatusItem>) -> Box<dyn Job> {
    at_once(move |cx| {
        let name = existing(&mailbox)?;
        // RFC 7162 §3.1: asking for HIGHESTMODSEQ shows that the client knows CONDSTORE.
        if items.contains(&StatusItem::HighestModSeq) {
            cx.core.enable_condstore(cx.out);
        }
        let account = cx.core.account_of(&name)?;
        let snapshot = account.snapshot()?;
        let row = snapshot.mailbox_for(&name, Rights::READ)?.ok_or_else(no_such_mailbox)?;
        StatusWriter::new(cx.core, &account, &snapshot, &items).write(&row, cx.out)?;
        Ok(Reply::ok("STATUS completed"))
    })
}

/// Writes STATUS responses of one snapshot.
pub(crate) struct StatusWriter<'a> {
    pub(crate) names: NameEncoding,
    account: &'a Account,
    snapshot: &'a Snapshot<'a>,
    items: &'a [StatusItem],
    append_limit: u64,
}

impl<'a> StatusWriter<'a> {
    pub(crate) fn new(
        core: &Core,
        account: &'a Account,
        snapshot: &'a Snapshot<'a>,
        items: &'a [StatusItem],
    ) -> Self {
        let append_limit = core.settings.message_octets_max;
        Self { names: core.names(), account, snapshot, items, append_limit }
    }
    /// `* STATUS INBOX (MESSAGES 3 UIDNEXT 4)`
    pub(crate) fn write(&self, row: &MailboxRow, out: &mut Vec<u8>) -> Result<()> {
        let values: Vec<StatusValue> =
            self.items.iter().map(|item| self.value(row, *item)).collect::<Result<_>>()?;
        status_data(row.name.as_str(), self.names, &values, out);
        Ok(())
    }
    fn value(&self, row: &MailboxRow, item: StatusItem) -> Result<StatusValue> {
        Ok(match item {
            StatusItem::Messages => StatusValue::Messages(row.messages),
            // RFC 3501 §6.3.10: how many would be `\Recent` in the next session.
            StatusItem::Recent => {
                let from = self.account.recent_from(row.id)?;
                StatusValue::Recent(self.snapshot.count_from(row.id, from)?)
            }
            StatusItem::UidNext => StatusValue::UidNext(row.uidnext),
            StatusItem::UidValidity => StatusValue::UidValidity(row.uidvalidity),
            StatusItem::Unseen => StatusValue::Unseen(row.unseen),
            StatusItem::Deleted => StatusValue::Deleted(row.deleted),
            StatusItem::Size => StatusValue::Size(row.octets),
            StatusItem::HighestModSeq => StatusValue::HighestModSeq(row.highest_modseq),
            StatusItem::DeletedStorage => StatusValue::DeletedStorage(self.snapshot.deleted_octets(row)?),
            // RFC 7889 §3.1: the same for all mailboxes.
            StatusItem::AppendLimit => StatusValue::AppendLimit(self.append_limit),
            StatusItem::MailboxId => StatusValue::MailboxId(row.id),
        })
    }
}
