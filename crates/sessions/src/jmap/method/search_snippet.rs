//! SearchSnippet/get (RFC 8621 §5.1).

use std::collections::VecDeque;

use koi_mailbox::Snapshot;
use koi_mailbox::emails::Emails;
use koi_message::form::{KeptForm, last};
use koi_message::snippet::Terms;
use koi_message::{BodyPart, EnvelopeView, HeaderValue, Structure};
use koi_proto::jmap::object::email::query::{EmailCondition, EmailTerm};
use koi_proto::jmap::object::email::search_text::{SearchToken, tokens};
use koi_proto::jmap::object::search_snippet::{SearchSnippet, SearchSnippetGet, SearchSnippetResponse};
use koi_proto::jmap::standard::{Filter, Operator};
use koi_proto::jmap::{Arguments, Id, IdRef, Items, MethodError, ToJson};
use koi_types::{EmailId, ErrorKind, HeaderForm, MailError};

use crate::jmap::call::{Ran, Started, with_emails};
use crate::jmap::context::{Context, Wanted};
use crate::jmap::shown::Effort;

/// Octets of a message that are looked at; what is behind them is not marked.
const LOOK_OCTETS: u64 = 4 << 20;

pub(super) fn start(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let given = SearchSnippetGet::read(arguments, &cx.reading())?;
    let account = cx.account(&given.account_id)?;
    let Wanted { known, not_found } = Wanted::of(given.email_ids, EmailId::parse);
    let mut texts = Texts::default();
    if let Some(filter) = &given.filter {
        texts.add(filter);
    }
    let mut get = Get {
        account_id: given.account_id,
        subject: Terms::new(texts.subject.iter().map(|text| &**text)),
        body: Terms::new(texts.body.iter().map(|text| &**text)),
        left: known.into(),
        list: Items::default(),
        not_found,
    };
    with_emails(account, move |emails, cx| get.step(emails, cx))
}

/// What a filter looks for.
#[derive(Default)]
struct Texts {
    subject: Vec<Box<str>>,
    body: Vec<Box<str>>,
}

impl Texts {
    /// What is not to be there is not marked either.
    fn add(&mut self, filter: &Filter<EmailCondition>) {
        match filter {
            Filter::Operator { operator: Operator::Not, .. } => {}
            Filter::Operator { conditions, .. } => conditions.iter().for_each(|filter| self.add(filter)),
            Filter::Condition(EmailCondition(terms)) => terms.iter().for_each(|term| self.add_term(term)),
        }
    }
    fn add_term(&mut self, term: &EmailTerm) {
        let words = |text: &str| tokens(text).into_iter().map(text_of);
        match term {
            EmailTerm::Text(text) => {
                self.subject.extend(words(text));
                self.body.extend(words(text));
            }
            EmailTerm::Subject(text) => self.subject.extend(words(text)),
            EmailTerm::Header { name, text: Some(text) } if name.eq_ignore_ascii_case("Subject") => {
                self.subject.push(text.clone());
            }
            EmailTerm::Body(text) => self.body.extend(words(text)),
            _ => {}
        }
    }
}

fn text_of(token: SearchToken) -> Box<str> {
    match token {
        SearchToken::Word(text) | SearchToken::Phrase(text) => text,
    }
}

struct Get {
    account_id: Id,
    subject: Terms,
    body: Terms,
    left: VecDeque<EmailId>,
    list: Items,
    not_found: Vec<IdRef>,
}

impl Get {
    fn step(&mut self, emails: &Emails<'_>, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        let mut effort = Effort::of_step();
        while let Some(id) = self.left.front().copied() {
            if effort.is_spent() {
                return Ok(Ran::Yield);
            }
            self.left.pop_front();
            if emails.email(id).is_none() {
                self.not_found.push(IdRef::Id(id.into()));
                continue;
            }
            effort.object();
            let snippet = match self.snippet(id, emails.snapshot(), &mut effort) {
                Ok(snippet) => snippet,
                // RFC 8621 §5: of what cannot be looked at there is none.
                Err(error) if error.kind == ErrorKind::Corrupt => {
                    let _ = cx.failed(&error);
                    SearchSnippet { email_id: id.into(), subject: None, preview: None }
                }
                Err(error) => return Err(cx.failed(&error)),
            };
            self.list.push(|slot| snippet.write(slot));
        }
        cx.respond(&SearchSnippetResponse {
            account_id: self.account_id.clone(),
            list: std::mem::take(&mut self.list),
            not_found: std::mem::take(&mut self.not_found),
        });
        Ok(Ran::Done)
    }
    fn snippet(
        &self,
        id: EmailId,
        snapshot: &Snapshot<'_>,
        effort: &mut Effort,
    ) -> Result<SearchSnippet, MailError> {
        let mut snippet = SearchSnippet { email_id: id.into(), subject: None, preview: None };
        if self.subject.is_empty() && self.body.is_empty() {
            return Ok(snippet);
        }
        let damaged = || MailError::new(ErrorKind::Corrupt, "what is stored of a message is damaged");
        let row = snapshot.email(id)?.ok_or_else(damaged)?;
        let view = EnvelopeView::of(row.envelope()).map_err(|error| damaged().context(error))?;
        let kept =
            if self.subject.is_empty() { KeptForm::Absent } else { view.form("Subject", HeaderForm::Text) };
        let mut octets = Vec::new();
        let mut structure = None;
        if !self.body.is_empty() || kept == KeptForm::Unknown {
            let decoded = Structure::decode(row.structure()).map_err(|error| damaged().context(error))?;
            let end = texts_end(&decoded).min(row.body.octets).min(LOOK_OCTETS);
            effort.spend(end);
            snapshot.read_body(&row.body, 0..end, &mut octets)?;
            structure = Some(decoded);
        }
        let subject = match (kept, &structure) {
            (KeptForm::Value(value), _) => Some(value),
            (KeptForm::Unknown, Some(structure)) => {
                last(structure.root.header_range().of(&octets), "Subject", HeaderForm::Text)
            }
            _ => None,
        };
        if let Some(HeaderValue::Text(subject)) = subject {
            snippet.subject = self.subject.mark_subject(&subject).map(Into::into);
        }
        if let Some(structure) = &structure {
            snippet.preview = self.body.preview(&octets, structure).map(Into::into);
        }
        Ok(snippet)
    }
}

/// Where the last text of a message ends: what is behind it need not be read.
fn texts_end(structure: &Structure) -> u64 {
    let mut end = structure.root.header.end;
    BodyPart::of(structure).visit(&mut |shown| {
        if shown.part.content.is_type(b"text") {
            end = end.max(shown.part.body.end);
        }
    });
    u64::from(end)
}
