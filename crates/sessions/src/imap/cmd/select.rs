//! SELECT and EXAMINE (RFC 9051 §6.3.2, RFC 9051 §6.3.3, RFC 3501 §6.3.1, RFC 7162 §3.1.8), with what a
//! client that knows the mailbox from before has missed (RFC 7162 §3.2.5).

use koi_mailbox::{MailboxRow, Snapshot};
use koi_proto::imap::command::{Qresync, Select};
use koi_proto::imap::response::{self, Code, Status};
use koi_types::{NumSet, Result, Rights, SeqNum};

use super::{existing, list, no_such_mailbox};
use crate::imap::core::Core;
use crate::imap::job::{Context, Job, Outcome};
use crate::imap::open::Open;
use crate::imap::reply::Reply;
use crate::imap::sync::{Sync, claim};
use crate::imap::untagged;
use crate::selected::compare::Compare;
use crate::selected::missed::{Missed, Pairs, missed};
use crate::selected::{Selected, View};

pub(crate) fn start(select: Select) -> Box<dyn Job> {
    Box::new(Selecting { select, resync: None })
}

struct Selecting {
    select: Select,
    /// The mailbox is open; what the client missed is being told.
    resync: Option<Sync>,
}

impl Job for Selecting {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        if self.resync.is_none() {
            // RFC 7162 §3.2.5
            if self.select.qresync.is_some() && !cx.core.qresync {
                return Ok(Outcome::Done(Reply::bad("ENABLE QRESYNC first")));
            }
            // RFC 9586 §3.7: pairs of sequence numbers and UIDs.
            let matches = self.select.qresync.as_ref().is_some_and(|qresync| qresync.seq_match.is_some());
            if matches && cx.core.uid_only {
                let reply = Reply::bad("message numbers are not allowed once UIDONLY is enabled");
                return Ok(Outcome::Done(reply.code(&Code::UidRequired)));
            }
            self.resync = Some(self.open(cx)?);
        }
        if let Some(resync) = &mut self.resync
            && let Some(stopped) = resync.step(cx)?
        {
            return Ok(stopped);
        }
        let rights = cx.core.open().map_or(Rights::NONE, |open| open.rights_told);
        Ok(Outcome::Done(match (self.select.read_only, rights.has_any(CHANGES)) {
            (true, _) => Reply::ok("EXAMINE completed").code(&Code::ReadOnly),
            (false, true) => Reply::ok("SELECT completed").code(&Code::ReadWrite),
            (false, false) => Reply::ok("SELECT completed").code(&Code::ReadOnly),
        }))
    }
}

/// RFC 4314 §5.2: with one of these a mailbox is READ-WRITE. `s` is not among them, as `\Seen` is each user's
/// own.
const CHANGES: Rights =
    Rights::INSERT.union(Rights::EXPUNGE).union(Rights::WRITE).union(Rights::DELETE_MESSAGES);

impl Selecting {
    /// Opens the mailbox and describes it. The flags of what the client missed are still to be told.
    fn open(&self, cx: &mut Context<'_>) -> Result<Sync> {
        // RFC 9051 §6.3.2: a failed SELECT leaves nothing selected. RFC 7162 §3.2.11: everything before this
        // line was about the mailbox that is closed now.
        if cx.core.unselect() {
            response::status(None, Status::Ok, Some(&Code::Closed), "the mailbox before is closed", cx.out);
        }
        let name = existing(&self.select.mailbox)?;
        if self.select.condstore || self.select.qresync.is_some() {
            cx.core.enable_condstore(cx.out);
        }
        let (open, resync) = {
            let account = cx.core.account_of(&name)?;
            let snapshot = account.snapshot()?;
            let row = snapshot.mailbox_for(&name, Rights::READ)?.ok_or_else(no_such_mailbox)?;
            let mut open = open(&account, &snapshot, &row, self.select.read_only, cx.core.offers_chat())?;
            cx.core.require_room(open.memory_octets())?;
            if !cx.core.rev2 {
                claim(&mut open.view, &account, None)?;
            }
            let recent = open.view.tell_recent().unwrap_or(0);
            describe(cx.core, &snapshot, &row, &open, recent, cx.out)?;
            // RFC 9051 §6.3.2: the name as it is, and as it was sent if that is another.
            list::tell(cx.core, &row.name, self.select.mailbox.denormalized(), cx.out)?;
            let missed = match &self.select.qresync {
                Some(qresync) => resync(&snapshot, &row, &open.view, qresync)?,
                None => Missed::default(),
            };
            response::vanished(true, &missed.vanished, cx.out);
            let compare = self.select.qresync.as_ref().filter(|_| !missed.compare.is_empty());
            let compare = compare.map(|since| Compare::new(row.id, since.mod_seq, missed.compare));
            (open, Sync::flags_of(missed.changed, compare))
        };
        cx.core.selected = Some(Box::new(open));
        Ok(resync)
    }
}

/// What the client missed. RFC 7162 §3.2.5: nothing at all when it speaks of another UIDVALIDITY.
fn resync(snapshot: &Snapshot<'_>, row: &MailboxRow, view: &Selected, qresync: &Qresync) -> Result<Missed> {
    if qresync.uid_validity != row.uidvalidity {
        return Ok(Missed::default());
    }
    let mut all = NumSet::new();
    all.insert_range(1..=u32::MAX);
    let among = qresync.known_uids.as_ref().unwrap_or(&all);
    let pairs = qresync.seq_match.as_ref().map(|pairs| Pairs { seqnums: &pairs.seqnums, uids: &pairs.uids });
    missed(snapshot, view, qresync.mod_seq, among, pairs)
}

fn open(
    account: &koi_mailbox::Account,
    snapshot: &Snapshot<'_>,
    row: &MailboxRow,
    read_only: bool,
    offers_chat: bool,
) -> Result<Open> {
    let at = View { uids: snapshot.uids(row.id)?, modseq: row.highest_modseq, read_only };
    let watching = account.watching(row.id, row.highest_modseq);
    let view = Selected::new(row.id, row.name.clone(), row.uidvalidity, at);
    let keywords_told = untagged::told_count(&snapshot.keywords(), offers_chat);
    let (rights_told, own_added, contexts) = (row.rights, NumSet::new(), Vec::new());
    Ok(Open { account: account.clone(), view, contexts, keywords_told, rights_told, watching, own_added })
}

fn describe(
    core: &Core,
    snapshot: &Snapshot<'_>,
    row: &MailboxRow,
    open: &Open,
    recent: u32,
    out: &mut Vec<u8>,
) -> Result<()> {
    let keywords = untagged::told_keywords(&snapshot.keywords(), core.offers_chat());
    untagged::flags(&keywords, out);
    let rights = if open.view.read_only { Rights::NONE } else { row.rights };
    untagged::permanent_flags(&keywords, rights, out);
    response::exists(open.view.exists(), out);
    // RFC 9051 §E: RECENT and UNSEEN are no more in rev2.
    if !core.rev2 {
        response::recent(recent, out);
    }
    let mut status = |code: Code<'_>, text| response::status(None, Status::Ok, Some(&code), text, out);
    // RFC 9586 §3: UNSEEN would name a message by its number.
    if !core.rev2 && !core.uid_only {
        let unseen = snapshot.first_unseen(row.id)?.and_then(|uid| open.view.seqnum(uid));
        if let Some(seqnum) = unseen.and_then(SeqNum::new) {
            status(Code::Unseen(seqnum), "first unseen message");
        }
    }
    status(Code::UidValidity(row.uidvalidity), "UIDs are valid");
    status(Code::UidNext(row.uidnext), "predicted next UID");
    status(Code::HighestModSeq(row.highest_modseq), "highest modseq");
    status(Code::MailboxId(row.id), "mailbox id");
    Ok(())
}
