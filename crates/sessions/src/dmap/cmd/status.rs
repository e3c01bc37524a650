//! STATUS (DMAP-00 §7.3.9). Of the selected mailbox it tells what is in the store, not what this client was
//! told.

use koi_mailbox::MailboxRow;
use koi_proto::dmap::Response;
use koi_proto::dmap::command::StatusItem;
use koi_proto::dmap::name::MailboxArg;
use koi_proto::dmap::response::StatusValue;

use super::existing;
use crate::dmap::job::{Job, at_once};
use crate::dmap::reply::Reply;

pub(crate) fn start(mailbox: MailboxArg, items: Vec<StatusItem>) -> Box<dyn Job> {
    at_once(move |cx| {
        let row = cx.core.mailbox(&existing(&mailbox)?)?;
        let mailbox = MailboxArg::Name(row.name.clone());
        Response::MailboxStatus { mailbox, values: values(&row, &items) }.push(cx.out);
        Ok(Reply::ok("STATUS completed"))
    })
}

pub(super) fn values(row: &MailboxRow, items: &[StatusItem]) -> Vec<StatusValue> {
    items.iter().map(|item| value(row, *item)).collect()
}

fn value(row: &MailboxRow, item: StatusItem) -> StatusValue {
    match item {
        StatusItem::Messages => StatusValue::Messages(row.messages.into()),
        StatusItem::UidNext => StatusValue::UidNext(row.uidnext),
        StatusItem::UidValidity => StatusValue::UidValidity(row.uidvalidity),
        StatusItem::Unseen => StatusValue::Unseen(row.unseen.into()),
        StatusItem::Deleted => StatusValue::Deleted(row.deleted.into()),
        StatusItem::Size => StatusValue::Size(row.octets),
        StatusItem::HighestModSeq => StatusValue::HighestModSeq(row.highest_modseq),
    }
}
