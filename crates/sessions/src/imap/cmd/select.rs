//! SELECT and EXAMINE (RFC 9051 §6.3.2, RFC 9051 §6.3.3, RFC 3501 §6.3.1, RFC 7162 §3.1.8).

use koi_mailbox::{MailboxRow, Snapshot};
use koi_proto::imap::command::Select;
use koi_proto::imap::response::{self, Code, Status};
use koi_types::{Result, SeqNum};

use super::{existing, list, no_such_mailbox};
use crate::imap::core::Open;
use crate::imap::job::{Job, at_once};
use crate::imap::reply::Reply;
use crate::imap::untagged;
use crate::selected::{Selected, View};

pub(crate) fn start(select: Select) -> Box<dyn Job> {
    at_once(move |cx| {
        // RFC 9051 §6.3.2: a failed SELECT leaves nothing selected. RFC 7162 §3.2.11: what is told after this
        // belongs to the new mailbox.
        if cx.core.selected.take().is_some() {
            response::status(None, Status::Ok, Some(&Code::Closed), "previous mailbox closed", cx.out);
        }
        let name = existing(&select.mailbox)?;
        if select.condstore {
            cx.core.condstore = true;
        }
        let open = {
            let account = cx.core.account()?;
            let snapshot = account.snapshot()?;
            let row = snapshot.mailbox_named(&name)?.ok_or_else(no_such_mailbox)?;
            let open = open(account, &snapshot, &row, select.read_only)?;
            describe(&snapshot, &row, &open, cx.core.rev2, cx.out)?;
            // RFC 9051 §6.3.2: the name as it is, and as it was sent if that is another.
            list::tell(cx.core, &row.name, select.mailbox.denormalized(), cx.out)?;
            open
        };
        cx.core.selected = Some(Box::new(open));
        Ok(match select.read_only {
            true => Reply::ok("EXAMINE completed").code(&Code::ReadOnly),
            false => Reply::ok("SELECT completed").code(&Code::ReadWrite),
        })
    })
}

fn open(
    account: &koi_mailbox::Account,
    snapshot: &Snapshot<'_>,
    row: &MailboxRow,
    read_only: bool,
) -> Result<Open> {
    let at = View { uids: snapshot.uids(row.id)?, modseq: row.highest_modseq, read_only };
    let keywords_told = snapshot.keywords().iter().count();
    let watching = account.watching(row.id, row.highest_modseq);
    let view = Selected::new(row.id, row.name.clone(), row.uidvalidity, at);
    Ok(Open { view, keywords_told, watching })
}

fn describe(
    snapshot: &Snapshot<'_>,
    row: &MailboxRow,
    open: &Open,
    rev2: bool,
    out: &mut Vec<u8>,
) -> Result<()> {
    let keywords = snapshot.keywords();
    untagged::flags(&keywords, out);
    untagged::permanent_flags(&keywords, open.view.read_only, out);
    response::exists(open.view.exists(), out);
    let mut unseen = None;
    // RFC 9051 §E: RECENT and UNSEEN are no more in rev2.
    if !rev2 {
        // RFC 3501 §6.3.1 requires RECENT; nothing is ever \Recent here, as RFC 9051 §A has it.
        response::recent(0, out);
        unseen = snapshot.first_unseen(row.id)?.and_then(|uid| open.view.seqnum(uid));
    }
    let mut status = |code: Code<'_>, text| response::status(None, Status::Ok, Some(&code), text, out);
    if let Some(seqnum) = unseen.and_then(SeqNum::new) {
        status(Code::Unseen(seqnum), "first unseen message");
    }
    status(Code::UidValidity(row.uidvalidity), "UIDs are valid");
    status(Code::UidNext(row.uidnext), "predicted next UID");
    status(Code::HighestModSeq(row.highest_modseq), "highest modseq");
    status(Code::MailboxId(row.id), "mailbox id");
    Ok(())
}
