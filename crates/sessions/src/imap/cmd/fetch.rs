//! FETCH (RFC 9051 §6.4.5, RFC 3501 §6.4.5, RFC 7162 §3.1.4 and §3.2.6).
//!
//! Rows are visited in UID order and written straight into the output; at the high-water mark the job stops
//! in the middle of a mailbox, of a message, or of a body, and goes on at the next step. `\Seen` is set for
//! all messages in one transaction at the end, and its FLAGS follow.

use koi_mailbox::{FlagChange, FlagOp, FlagsSet, KeywordTable, Pending};
use koi_proto::imap::command::{Fetch, FetchItem};
use koi_proto::imap::response::{self, Code};
use koi_types::{ErrorKind, MailError, ModSeq, Result, SystemFlags, UidSet};

use crate::imap::fetch::{Progress, Writer};
use crate::imap::job::{Context, Job, Outcome};
use crate::imap::reply::Reply;
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

/// A message whose text is looked into counts as so many.
const ROWS_PER_PREVIEW: u32 = 100;

impl Job for Fetching {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        match self.go_on(cx) {
            Err(error) if self.rows.progress.is_some() => Ok(broken(cx, &error)),
            outcome => outcome,
        }
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
                    self.phase = Phase::Seen;
                }
                Phase::Seen => {
                    if self.rows.seen.is_empty() {
                        return Ok(Outcome::Done(self.finished(UidSet::new())));
                    }
                    let change =
                        FlagChange { op: FlagOp::Add, system: SystemFlags::SEEN, keywords: Vec::new() };
                    let mailbox = cx.core.view()?.mailbox;
                    let pending = cx.core.open()?.account.set_flags(mailbox, &self.rows.seen, change, None);
                    let ticket = pending.ticket();
                    self.phase = Phase::SeenWritten(pending);
                    return Ok(Outcome::Await(ticket));
                }
                Phase::SeenWritten(pending) => {
                    let set = match pending.take() {
                        // RFC 4314 §4, FETCH: who has no `s` has seen nothing; nor has anybody for whom
                        // too many others keep `\Seen` in this mailbox.
                        Err(error)
                            if matches!(error.kind, ErrorKind::NoPermission | ErrorKind::LimitReached) =>
                        {
                            FlagsSet::default()
                        }
                        // On a full disk mail can be read, though not that it was: many clients throw away
                        // what comes before a NO.
                        Err(error) if error.kind == ErrorKind::Unavailable => {
                            cx.core
                                .notes
                                .push(Note::Failed { command: "FETCH", error: error.to_string().into() });
                            FlagsSet::default()
                        }
                        set => set?,
                    };
                    return Ok(Outcome::Done(self.finished(set.changed)));
                }
            }
        }
    }
    /// What is wrong with the command, or nothing.
    fn begin(&mut self, cx: &mut Context<'_>) -> Result<Option<Reply>> {
        let wants_modseq = self.fetch.items.contains(&FetchItem::ModSeq);
        if self.fetch.changed_since.is_some() && !wants_modseq {
            // RFC 7162 §3.1.4.1: CHANGEDSINCE implies MODSEQ.
            self.fetch.items.push(FetchItem::ModSeq);
        }
        if self.fetch.by_uid && !cx.core.uid_only && !self.fetch.items.contains(&FetchItem::Uid) {
            // RFC 9051 §6.4.9: whether it was asked for or not.
            self.fetch.items.push(FetchItem::Uid);
        }
        self.fetch.items.sort_by_key(FetchItem::answer_order);
        // RFC 7162 §3.2.6
        if self.fetch.vanished && !cx.core.qresync {
            return Ok(Some(Reply::bad("ENABLE QRESYNC first")));
        }
        let view = cx.core.view()?;
        match sequence::uids(view, &self.fetch.set, self.fetch.by_uid) {
            // RFC 9394 §3.3: first the range, then what changed of it.
            Ok(uids) => {
                self.rows.left = self.fetch.partial.map_or_else(|| uids.0.clone(), |range| range.of(&uids.0))
            }
            Err(bad) => return Ok(Some(bad.into())),
        }
        // RFC 7162 §3.1: the client has shown that it knows CONDSTORE.
        if self.fetch.changed_since.is_some() || wants_modseq {
            cx.core.enable_condstore(cx.out);
        }
        if let Some(since) = self.fetch.changed_since.and_then(|since| ModSeq::new(since.max(1))) {
            self.only_changed(cx, since)?;
        }
        Ok(None)
    }
    /// What did not change is not even looked at; what is gone is told first.
    fn only_changed(&mut self, cx: &mut Context<'_>, since: ModSeq) -> Result<()> {
        let missed = {
            let snapshot = cx.core.open_snapshot()?;
            // Here `*` is the last UID there ever was: messages behind the last that is left may be gone too.
            let among = match self.fetch.vanished {
                true => self.fetch.set.resolve(u32::MAX),
                false => self.rows.left.clone(),
            };
            missed(&snapshot, cx.core.view()?, since, &among, None)?
        };
        // What is only to be compared is passed over by its modseq, row by row.
        let mut changed = missed.changed;
        changed.extend(&missed.compare);
        self.rows.left = self.rows.left.intersect(&changed);
        if self.fetch.vanished {
            response::vanished(true, &missed.vanished, cx.out);
        }
        Ok(())
    }

    /// Writes messages; `None` when all are written.
    fn messages(&mut self, cx: &mut Context<'_>) -> Result<Option<Outcome>> {
        let account = cx.core.open()?.account.clone();
        let snapshot = account.snapshot()?;
        let keywords = snapshot.keywords();
        let only_rest = !self.tell_keywords(cx, &keywords);
        let view = cx.core.view()?;
        let items = &self.fetch.items;
        let lines = Writer {
            items,
            snapshot: &snapshot,
            keywords: &keywords,
            recent: view.recent(),
            utf8: cx.core.reads_utf8(),
            uid_only: cx.core.uid_only,
        };
        let pass = Pass {
            lines,
            snapshot: &snapshot,
            view,
            changed_since: self.fetch.changed_since.and_then(ModSeq::new),
            sets_seen: !view.read_only && items.iter().any(FetchItem::sets_seen),
            rows_each: rows_each(items),
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
        // RFC 9051 §6.4.5, RFC 5530 §3: what is there was sent; the rest another session expunged.
        let reply = match self.rows.missing {
            // RFC 3516 §4.3
            _ if self.rows.unsuitable => {
                Reply::no("some parts are encoded in a way this server does not know").code(&Code::UnknownCte)
            }
            _ if self.rows.corrupt => {
                Reply::no("some of the messages cannot be read").code(&Code::Corruption)
            }
            false => Reply::ok("FETCH completed"),
            true => Reply::no("some of the messages no longer exist").code(&Code::ExpungeIssued),
        };
        reply.telling(telling)
    }
}

fn rows_each(items: &[FetchItem]) -> u32 {
    if items.contains(&FetchItem::Preview) { ROWS_PER_PREVIEW } else { 1 }
}
