//! SELECT and EXAMINE (DMAP-00 §7.3.1 and §7.3.2), with what a client that knows the mailbox from before has
//! missed (RFC 7162 §3.2.5).

use koi_mailbox::{Account, MailboxRow, Snapshot};
use koi_proto::dmap::command::{Qresync, Select};
use koi_proto::dmap::name::MailboxArg;
use koi_proto::dmap::response::ListEntry;
use koi_proto::dmap::{Code, Response};
use koi_types::{Mode, NumSet, Result};

use super::existing;
use crate::dmap::core::no_such_mailbox;
use crate::dmap::job::{Context, Job, Outcome};
use crate::dmap::made::Made;
use crate::dmap::open::{Open, count, flags_line, permanent_flags};
use crate::dmap::reply::{Reply, tell};
use crate::dmap::sync::{Sync, vanished};
use crate::selected::compare::Compare;
use crate::selected::missed::{Missed, missed};
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
            self.resync = Some(self.open(cx)?);
        }
        if let Some(resync) = &mut self.resync
            && let Some(stopped) = resync.step(cx)?
        {
            return Ok(stopped);
        }
        Ok(Outcome::Done(match self.select.read_only {
            true => Reply::ok("EXAMINE completed").code(Code::ReadOnly),
            false => Reply::ok("SELECT completed").code(Code::ReadWrite),
        }))
    }
}

impl Selecting {
    /// Opens the mailbox and describes it. The flags of what the client missed are still to be told.
    fn open(&self, cx: &mut Context<'_>) -> Result<Sync> {
        // DMAP-00 §7.3.1: a failed SELECT leaves nothing selected. RFC 7162 §3.2.11: everything before this
        // line was about the mailbox that is closed now.
        if cx.core.selected.take().is_some() {
            tell(Code::Closed, "the mailbox before is closed", cx.out);
        }
        let name = existing(&self.select.mailbox)?;
        let (open, resync) = {
            let account = cx.core.account()?;
            let snapshot = account.snapshot()?;
            let row = snapshot.mailbox_named(&name)?.ok_or_else(no_such_mailbox)?;
            let open = open(account, &snapshot, &row, self.select.read_only)?;
            cx.core.require_room(open.memory_octets())?;
            describe(&snapshot, &row, &open, cx.core.keeps(), cx.out);
            let missed = match &self.select.qresync {
                Some(qresync) => resync(&snapshot, &row, &open.view, qresync)?,
                None => Missed::default(),
            };
            vanished(true, missed.vanished, cx.out);
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
    let among = qresync.known_uids.as_ref().map_or(&all, |uids| &uids.0);
    missed(snapshot, view, qresync.mod_seq, among, None)
}

fn open(account: &Account, snapshot: &Snapshot<'_>, row: &MailboxRow, read_only: bool) -> Result<Open> {
    let at = View { uids: snapshot.uids(row.id)?, modseq: row.highest_modseq, read_only };
    let watching = account.watching(row.id, row.highest_modseq);
    let view = Selected::new(row.id, row.name.clone(), row.uidvalidity, at);
    Ok(Open { view, keywords_told: count(&snapshot.keywords()), watching, made: Made::default() })
}

/// Always in this order.
fn describe(snapshot: &Snapshot<'_>, row: &MailboxRow, open: &Open, mode: Mode, out: &mut Vec<u8>) {
    let keywords = snapshot.keywords();
    flags_line(&keywords, out);
    Response::Exists(open.view.exists()).push(out);
    permanent_flags(&keywords, (!open.view.read_only).then_some(mode), out);
    tell(Code::UidNext(row.uidnext), "predicted next UID", out);
    tell(Code::UidValidity(row.uidvalidity), "UIDs are valid", out);
    tell(Code::HighestModSeq(row.highest_modseq), "highest modseq", out);
    // The name as it is, whatever form of it was sent.
    let mailbox = MailboxArg::Name(row.name.clone());
    let entry = ListEntry { mailbox, attributes: Vec::new(), extras: Vec::new() };
    Response::List(entry).push(out);
}
