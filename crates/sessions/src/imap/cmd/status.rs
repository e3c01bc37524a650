//! STATUS (RFC 9051 §6.3.11, RFC 7162 §3.1.7, RFC 8438 §2). Of the selected mailbox it tells what is in the
//! store, not what this client was told.

use koi_mailbox::MailboxRow;
use koi_proto::imap::command::{MailboxArg, StatusItem};
use koi_proto::imap::response::{NameEncoding, StatusValue, status_data};

use super::{existing, no_such_mailbox};
use crate::imap::job::{Job, at_once};
use crate::imap::reply::Reply;

pub(crate) fn start(mailbox: MailboxArg, items: Vec<StatusItem>) -> Box<dyn Job> {
    at_once(move |cx| {
        let name = existing(&mailbox)?;
        // RFC 7162 §3.1: asking for HIGHESTMODSEQ shows that the client knows CONDSTORE.
        cx.core.condstore |= items.contains(&StatusItem::HighestModSeq);
        let names = cx.core.names();
        let row = cx.core.snapshot()?.mailbox_named(&name)?.ok_or_else(no_such_mailbox)?;
        write(&row, &items, names, cx.out);
        Ok(Reply::ok("STATUS completed"))
    })
}

/// `* STATUS INBOX (MESSAGES 3 UIDNEXT 4)`
pub(crate) fn write(row: &MailboxRow, items: &[StatusItem], names: NameEncoding, out: &mut Vec<u8>) {
    let value = |item: &StatusItem| match item {
        StatusItem::Messages => StatusValue::Messages(row.messages),
        StatusItem::Recent => StatusValue::Recent(0),
        StatusItem::UidNext => StatusValue::UidNext(row.uidnext),
        StatusItem::UidValidity => StatusValue::UidValidity(row.uidvalidity),
        StatusItem::Unseen => StatusValue::Unseen(row.unseen),
        StatusItem::Deleted => StatusValue::Deleted(row.deleted),
        StatusItem::Size => StatusValue::Size(row.octets),
        StatusItem::HighestModSeq => StatusValue::HighestModSeq(row.highest_modseq),
    };
    let values: Vec<StatusValue> = items.iter().map(value).collect();
    status_data(row.name.as_str(), names, &values, out);
}
