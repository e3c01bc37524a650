//! URLFETCH (RFC 4467 §7, RFC 5524 §3.2): one response for each URL, its octets streamed.

use std::collections::VecDeque;

use koi_mailbox::Account;
use koi_proto::imap::command::{UrlItem, UrlWanted};
use koi_proto::imap::response::UrlFetchLine;
use koi_proto::imap::url::MessageUrl;
use koi_types::{ErrorKind, Result, limits};

use crate::imap::fetch::{Decoded, Linked, Sending, Sent};
use crate::imap::job::{Context, Job, Outcome};
use crate::imap::link;
use crate::imap::reply::Reply;
use crate::session::Note;

/// URLs begun in one step: what each names is looked up, and may have to be parsed.
const URLS_PER_STEP: usize = 16;

pub(crate) fn start(urls: Vec<UrlWanted>) -> Box<dyn Job> {
    Box::new(Fetching { urls: urls.into(), writing: None })
}

struct Fetching {
    urls: VecDeque<UrlWanted>,
    writing: Option<Writing>,
}

/// One URL's response.
struct Writing {
    account: Account,
    linked: Linked,
    line: UrlFetchLine,
    /// Those still to come; `None` is the form of RFC 4467.
    items: VecDeque<Option<UrlItem>>,
    /// BINARY is among them, so that the structure is of what is sent (RFC 5524 §3.2).
    decoded: Decoded,
    /// What of the item before is still to come.
    sending: Option<Sending>,
}

impl Job for Fetching {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Outcome> {
        let mut begun = 0;
        loop {
            if cx.out.len() >= limits::OUTPUT_OCTETS_HIGH {
                return Ok(Outcome::OutputFull);
            }
            if let Some(mut writing) = self.writing.take() {
                match writing.step(cx.out) {
                    Ok(Sent::All) => writing.line.end(cx.out),
                    // The line is half written, even if there is nothing more of it for now.
                    Ok(Sent::Partly | Sent::Slice) => {
                        self.writing = Some(writing);
                        return Ok(Outcome::OutputFull);
                    }
                    // In the middle of a line nothing else can be said.
                    Err(error) => {
                        let error = error.to_string().into();
                        cx.core.notes.push(Note::Failed { command: "URLFETCH", error });
                        return Ok(Outcome::Close("a message cannot be read"));
                    }
                }
                continue;
            }
            if begun == URLS_PER_STEP {
                return Ok(Outcome::Yield);
            }
            let Some(wanted) = self.urls.pop_front() else {
                return Ok(Outcome::Done(Reply::ok("URLFETCH completed")));
            };
            self.writing = begin(cx, wanted)?;
            begun += 1;
        }
    }
}

/// Nothing when the URL is good for nothing, which is told at once.
fn begin(cx: &mut Context<'_>, wanted: UrlWanted) -> Result<Option<Writing>> {
    let line = UrlFetchLine::begin(&wanted.url, cx.out);
    let found = match MessageUrl::parse(&wanted.url) {
        Ok(url) => link::authorised(cx.core, &url),
        Err(_) => Ok(None),
    };
    let link::Authorised { account, linked } = match found {
        Ok(Some(authorised)) => authorised,
        // Whatever is wrong, the line is whole.
        nothing => {
            line.nil(cx.out);
            return match nothing {
                Err(error) if error.kind != ErrorKind::NotFound => Err(error),
                _ => Ok(None),
            };
        }
    };
    let decoded = Decoded(wanted.items.contains(&UrlItem::Binary));
    let mut items: VecDeque<_> = wanted.items.into_iter().map(Some).collect();
    // What is to come is known before it comes.
    items.make_contiguous().sort_by_key(|item| *item != Some(UrlItem::BodyPartStructure));
    if items.is_empty() {
        items.push_back(None);
    }
    Ok(Some(Writing { account, linked, line, items, decoded, sending: None }))
}

impl Writing {
    fn step(&mut self, out: &mut Vec<u8>) -> Result<Sent> {
        let snapshot = self.account.snapshot()?;
        loop {
            if let Some(sending) = &mut self.sending {
                match sending.step(&self.linked, &snapshot, &self.line, out)? {
                    Sent::All => self.sending = None,
                    other => return Ok(other),
                }
            }
            let Some(item) = self.items.pop_front() else { return Ok(Sent::All) };
            self.line.item(item, out);
            self.sending = match item {
                None | Some(UrlItem::Body) => self.linked.body(&self.line, out),
                Some(UrlItem::Binary) => self.linked.binary(&snapshot, &self.line, out)?,
                Some(UrlItem::BodyPartStructure) => {
                    self.linked.structure(&snapshot, self.decoded, &self.line, out)?
                }
            };
        }
    }
}
