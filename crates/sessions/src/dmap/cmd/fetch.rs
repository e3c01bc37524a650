//! FETCH (DMAP-00 §7.6.4, RFC 7162 §3.1.4 and §3.2.6).
//!
//! Rows are visited in UID order and written straight into the output; at the high-water mark the job stops
//! in the middle of a mailbox, of a message, or of a body, and goes on at the next step. `\Seen` is set for
//! all messages in one transaction at the end, and its FLAGS follow.

use koi_mailbox::{FlagChange, FlagOp, FlagsSet, KeywordTable, Pending};
use koi_proto::dmap::Code;
use koi_proto::dmap::chunk::{Body, BodyForm};
use koi_proto::dmap::command::{ChangedSince, Fetch, FetchItem};
use koi_types::{MailError, Result, SystemFlags, UidSet};

use crate::dmap::fetch::{Progress, Writer};
use crate::dmap::job::{Context, Job, Outcome};
use crate::dmap::reply::Reply;
use crate::dmap::sync::vanished;
use crate::selected::missed::missed;
use crate::selected::rows::{Pass, Passed, Rows};
use crate::selected::sequence;
use crate::selected::telling::Telling;
use crate::session::Note;

pub(crate) fn start(fetch: Fetch) -> Box<dyn Job> {
    Box::new(Fetching { fetch, rows: Rows::new(), phase: Phase::Begin })
}

struct Fetching {
    fetch: Fetch,
    rows: Rows<Progress>,
    phase: Phase,
}

enum Phase {
    Begin,
    Messages,
    Seen,
    SeenWritten(Pending<FlagsSet>),
}

impl Job for Fetching {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        match self.go_on(cx) {
            Err(error) if self.rows.progress.is_some() => Ok(broken(cx, &error)),
            outcome => outcome,
        }
    }
    fn works_long(&self) -> bool {
        self.rows.takes_long()
    }
}

/// In the middle of a line nothing else can be said.
fn broken(cx: &mut Context<'_>, error: &MailError) -> Outcome {
    cx.core.notes.push(Note::Failed { command: "FETCH", error: error.to_string().into() });
    Outcome::Close("a message cannot be read")
}

impl Fetching {
    fn go_on(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        loop {
            match std::mem::replace(&mut self.phase, Phase::Messages) {
                Phase::Begin => {
                    if let Some(reply) = self.begin(cx)? {
                        return Ok(Outcome::Done(reply));
                    }
                }
                Phase::Messages => {
                    if let Some(outcome) = self.messages(cx)? {
                        return Ok(outcome);
                    }
                    // Who was told all of a message reads no more of it.
                    if self.fetch.items.iter().any(is_whole) {
                        cx.core.open()?.made.forget();
                    }
                    self.phase = Phase::Seen;
                }
                Phase::Seen => {
                    if self.rows.seen.is_empty() {
                        return Ok(Outcome::Done(self.finished(UidSet::new())));
                    }
                    let change =
                        FlagChange { op: FlagOp::Add, system: SystemFlags::SEEN, keywords: Vec::new() };
                    let mailbox = cx.core.view()?.mailbox;
                    let pending = cx.core.account()?.set_flags(mailbox, &self.rows.seen, change, None);
                    let ticket = pending.ticket();
                    self.phase = Phase::SeenWritten(pending);
                    return Ok(Outcome::Await(ticket));
                }
                Phase::SeenWritten(pending) => {
                    return Ok(Outcome::Done(self.finished(pending.take()?.changed)));
                }
            }
        }
    }
    /// What is wrong with the command, or nothing.
    fn begin(&mut self, cx: &mut Context<'_>) -> Result<Option<Reply>> {
        if self.fetch.items.iter().any(is_plain) {
            return Ok(Some(Reply::bad("PLAIN is for servers that show DECRYPT")));
        }
        let vanished = self.fetch.changed_since.is_some_and(|since| since.vanished);
        // RFC 7162 §3.2.6
        if vanished && !cx.core.qresync {
            return Ok(Some(Reply::bad("ENABLE QRESYNC first")));
        }
        self.imply(cx.core.uid_only);
        match sequence::uids(cx.core.view()?, &self.fetch.set, self.fetch.by_uid) {
            Ok(uids) => self.rows.left = uids.0,
            Err(bad) => return Ok(Some(bad.into())),
        }
        if let Some(since) = self.fetch.changed_since {
            self.only_changed(cx, since)?;
        }
        Ok(None)
    }
    /// What is told whether it was asked for or not: UID and MODSEQ in the UID form (DMAP-00 §7.6.8), MODSEQ
    /// with CHANGEDSINCE (RFC 7162 §3.1.4.1). Then everything in the order it is told in, large things last.
    fn imply(&mut self, uid_only: bool) {
        let by_uid = self.fetch.by_uid;
        let implied = [
            (by_uid && !uid_only, FetchItem::Uid),
            (by_uid || self.fetch.changed_since.is_some(), FetchItem::ModSeq),
        ];
        for (implied, item) in implied {
            if implied && !self.fetch.items.contains(&item) {
                self.fetch.items.push(item);
            }
        }
        // UIDFETCH has it before its items.
        self.fetch.items.retain(|item| !(uid_only && *item == FetchItem::Uid));
        if self.fetch.items.is_empty() {
            self.fetch.items.push(FetchItem::ModSeq);
        }
        self.fetch.items.sort_by_key(answer_order);
    }
    /// What did not change is not even looked at; what is gone is told first.
    fn only_changed(&mut self, cx: &mut Context<'_>, since: ChangedSince) -> Result<()> {
        let missed = {
            let snapshot = cx.core.snapshot()?;
            // Here `*` is the last UID there ever was: messages behind the last that is left may be gone too.
            let among = match since.vanished {
                true => self.fetch.set.resolve(u32::MAX),
                false => self.rows.left.clone(),
            };
            missed(&snapshot, cx.core.view()?, since.mod_seq, &among, None)?
        };
        // What is only to be compared is passed over by its modseq, row by row.
        let mut changed = missed.changed;
        changed.extend(&missed.compare);
        self.rows.left = self.rows.left.intersect(&changed);
        if since.vanished {
            vanished(true, missed.vanished, cx.out);
        }
        Ok(())
    }

    /// Writes messages; `None` when all are written.
    fn messages(&mut self, cx: &mut Context<'_>) -> Result<Option<Outcome>> {
        let account = cx.core.account()?.clone();
        let snapshot = account.snapshot()?;
        let keywords = snapshot.keywords();
        let only_rest = !self.tell_keywords(cx, &keywords);
        let view = cx.core.view()?;
        let items = &self.fetch.items;
        let lines = Writer {
            items,
            snapshot: &snapshot,
            keywords: &keywords,
            mailbox: view.mailbox,
            uid_only: cx.core.uid_only,
            core: cx.core,
            made: &cx.core.open()?.made,
        };
        let pass = Pass {
            lines,
            snapshot: &snapshot,
            view,
            changed_since: self.fetch.changed_since.map(|since| since.mod_seq),
            sets_seen: !view.read_only && items.iter().any(sets_seen),
            rows_each: 1,
            only_rest,
            out: &mut *cx.out,
        };
        Ok(match self.rows.write(pass)? {
            Passed::All => None,
            Passed::OutputFull => Some(Outcome::OutputFull),
            Passed::Slice => Some(Outcome::Yield),
            Passed::Broken(error) => Some(broken(cx, &error)),
        })
    }

    /// Tells keywords that are new before a message with them is. Answers whether all are told: in the middle
    /// of a line that must wait for its end.
    fn tell_keywords(&self, cx: &mut Context<'_>, keywords: &KeywordTable) -> bool {
        if !self.fetch.items.contains(&FetchItem::Flags) {
            return true;
        }
        if self.rows.progress.is_some() {
            return !cx.core.has_new_keywords(keywords);
        }
        cx.core.tell_keywords(keywords, cx.out);
        true
    }
    fn finished(&self, changed: UidSet) -> Reply {
        let telling = Telling { flags_of: changed.0, ..Telling::default() };
        // RFC 5530 §3: what is there was sent; the rest another session expunged.
        let reply = match (self.rows.corrupt, self.rows.missing) {
            (true, _) => Reply::no("some of the messages cannot be read").code(Code::ContactAdmin),
            (false, _) if self.rows.unsuitable => {
                let text = "some of the messages take more memory to be shown than one connection may have";
                Reply::no(text).code(Code::Limit)
            }
            (false, true) => Reply::no("some of the messages no longer exist").code(Code::ExpungeIssued),
            (false, false) => Reply::ok("FETCH completed"),
        };
        reply.telling(telling)
    }
}

const fn is_plain(item: &FetchItem) -> bool {
    matches!(item, FetchItem::Body { body: Body { form: BodyForm::Plain, .. }, .. })
}

const fn is_whole(item: &FetchItem) -> bool {
    matches!(item, FetchItem::Body { body: Body { section: None, .. }, partial: None, .. })
}

/// DMAP-00 §7.6.4
fn sets_seen(item: &FetchItem) -> bool {
    matches!(item, FetchItem::Body { peek: false, .. })
}

fn answer_order(item: &FetchItem) -> u8 {
    match item {
        FetchItem::Uid => 0,
        FetchItem::Flags => 1,
        FetchItem::InternalDate => 2,
        FetchItem::Size => 3,
        FetchItem::BodyStructure => 4,
        FetchItem::ModSeq => 5,
        FetchItem::KeyId => 6,
        FetchItem::ChunkHash => 7,
        FetchItem::Meta => 8,
        FetchItem::Body { .. } => 9,
    }
}
