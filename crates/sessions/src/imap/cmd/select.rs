//! SELECT and EXAMINE (RFC 9051 §6.3.2, RFC 9051 §6.3.3, RFC 3501 §6.3.1, RFC 7162 §3.1.8).

use koi_mailbox::{MailboxRow, Snapshot};
use koi_proto::imap::command::Select;
use koi_proto::imap::response::{self, Code, Status};
use koi_types::{Result, SeqNum};

use super::{existing, no_such_mailbox};
use crate::imap::core::Open;
use crate::imap::job::{Job, at_once};
use crate::imap::reply::Reply;
use crate::imap::untagged;
use crate::selected::{Selected, View};

pub(crate) fn start(select: Select) -> Box<dyn Job> {
    at_once(move |cx| {
        // RFC 9051 §6.3.2: a failed SELECT leaves nothing selected.
        cx.core.selected = None;
        let name = existing(&select.mailbox)?;
        if select.condstore {
            cx.core.condstore = true;
        }
        let open = {
            let account = cx.core.account()?;
            let snapshot = account.snapshot()?;
            let row = snapshot.mailbox_named(&name)?.ok_or_else(no_such_mailbox)?;
            let open = open(account, &snapshot, &row, select.read_only)?;
            let out = &mut *cx.out;
            describe(&snapshot, &row, &open, out)?;
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

fn describe(snapshot: &Snapshot<'_>, row: &MailboxRow, open: &Open, out: &mut Vec<u8>) -> Result<()> {
    let keywords = snapshot.keywords();
    untagged::flags(&keywords, out);
    untagged::permanent_flags(&keywords, open.view.read_only, out);
    response::exists(open.view.exists(), out);
    // RFC 3501 §6.3.1 requires RECENT; nothing is ever \Recent here, as RFC 9051 appendix A has it.
    response::recent(0, out);
    let mut status = |code: Code<'_>, text| response::status(None, Status::Ok, Some(&code), text, out);
    let unseen = snapshot.first_unseen(row.id)?.and_then(|uid| open.view.seqnum(uid));
    if let Some(seqnum) = unseen.and_then(SeqNum::new) {
        status(Code::Unseen(seqnum), "first unseen message");
    }
    status(Code::UidValidity(row.uidvalidity), "UIDs are valid");
    status(Code::UidNext(row.uidnext), "predicted next UID");
    status(Code::HighestModSeq(row.highest_modseq), "highest modseq");
    Ok(())
}
