//! Email/get (RFC 8621 §4.2).

use std::collections::VecDeque;

use koi_mailbox::Snapshot;
use koi_mailbox::emails::{DataType, EmailView, Emails, State};
use koi_proto::jmap::object::email::{Email, Emails as Type};
use koi_proto::jmap::standard::{GetArguments, GetResponse};
use koi_proto::jmap::{Arguments, Id, IdRef, Items, MethodError};
use koi_types::{BlobName, EmailId, ErrorKind, MailError, limits};

use crate::jmap::call::{Ran, Started, with_emails};
use crate::jmap::context::{Context, Wanted};
use crate::jmap::shown::{Effort, Facts, Message, Octets, Shown, Sizes};

pub(super) fn start(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let GetArguments { account_id, selection } = GetArguments::<Type>::read(arguments, &cx.reading())?;
    let account = cx.account(&account_id)?;
    let wanted = selection.ids.map(|ids| Wanted::of(ids, EmailId::parse));
    let mut get = Get {
        account_id,
        shown: Shown::new(selection.properties, selection.extra),
        not_found: Vec::new(),
        left: None,
        state: State::default(),
        list: Items::default(),
        sizes: Sizes::default(),
    };
    with_emails(account, move |emails, cx| get.step(wanted.as_ref(), emails, cx))
}

struct Get {
    account_id: Id,
    shown: Shown,
    not_found: Vec<IdRef>,
    /// Nothing before the first step.
    left: Option<VecDeque<EmailId>>,
    /// When it was begun: what changes meanwhile is told by Email/changes.
    state: State,
    list: Items,
    /// Of the first of those that are left.
    sizes: Sizes,
}

impl Get {
    fn step(
        &mut self,
        wanted: Option<&Wanted<EmailId>>,
        emails: &Emails<'_>,
        cx: &mut Context<'_>,
    ) -> Result<Ran, MethodError> {
        let mut left = match self.left.take() {
            Some(left) => left,
            None => self.begin(wanted, emails, cx)?,
        };
        let mut effort = Effort::of_step();
        while let Some(id) = left.front().copied() {
            let is_done = match emails.email(id) {
                Some(view) => self.show(&view, emails, &mut effort, cx)?,
                None => {
                    self.sizes = Sizes::default();
                    self.not_found.push(IdRef::Id(id.into()));
                    true
                }
            };
            if is_done {
                self.is_bounded()?;
                left.pop_front();
            }
            if !left.is_empty() && (!is_done || effort.is_spent()) {
                self.left = Some(left);
                return Ok(Ran::Yield);
            }
        }
        cx.respond(&GetResponse {
            account_id: Some(self.account_id.clone()),
            state: Some(self.state.to_string().into()),
            list: std::mem::take(&mut self.list),
            not_found: std::mem::take(&mut self.not_found),
        });
        Ok(Ran::Done)
    }
    /// Adds an email to the list; answers whether that is done.
    fn show(
        &mut self,
        view: &EmailView,
        emails: &Emails<'_>,
        effort: &mut Effort,
        cx: &mut Context<'_>,
    ) -> Result<bool, MethodError> {
        effort.object();
        let mut email = self.shown.of_table(view);
        if self.shown.needs_message() {
            match self.fill(&mut email, view.id, emails.snapshot(), effort) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                // One that is damaged is still there, and keeps no others from being shown. Of it there is
                // what the table knows.
                Err(error) if error.kind == ErrorKind::Corrupt => {
                    let _ = cx.failed(&error);
                    email = self.shown.of_table(view);
                }
                Err(error) => return Err(cx.failed(&error)),
            }
        }
        self.sizes = Sizes::default();
        self.list.push(|slot| self.shown.write(&email, slot));
        Ok(true)
    }
    fn fill(
        &mut self,
        email: &mut Email,
        id: EmailId,
        snapshot: &Snapshot<'_>,
        effort: &mut Effort,
    ) -> Result<bool, MailError> {
        let missing = || MailError::new(ErrorKind::Corrupt, "what is stored of a message is missing");
        let row = snapshot.email(id)?.ok_or_else(missing)?;
        let blob = BlobName::Message(id);
        let mut message = Message {
            blob: &blob,
            facts: Facts::Stored { envelope: row.envelope(), structure: row.structure() },
            octets: Octets::stored(snapshot, row.body),
        };
        self.shown.fill(email, &mut message, &mut self.sizes, effort)
    }
    fn begin(
        &mut self,
        wanted: Option<&Wanted<EmailId>>,
        emails: &Emails<'_>,
        cx: &Context<'_>,
    ) -> Result<VecDeque<EmailId>, MethodError> {
        self.state = emails.state(DataType::Email);
        let Some(wanted) = wanted else {
            let most = usize::try_from(cx.limits().get_objects_max).unwrap_or(usize::MAX);
            let all: VecDeque<EmailId> = emails.ids().take(most.saturating_add(1)).collect();
            return if all.len() > most { Err(MethodError::RequestTooLarge) } else { Ok(all) };
        };
        self.not_found.clone_from(&wanted.not_found);
        Ok(wanted.known.iter().copied().collect())
    }
    /// Several emails at once may not come to more than so much: fewer can be asked for. One always may.
    fn is_bounded(&self) -> Result<(), MethodError> {
        let too_large = self.list.len() > 1 && self.list.octets() > limits::JMAP_LIST_OCTETS_MAX;
        if too_large { Err(MethodError::RequestTooLarge) } else { Ok(()) }
    }
}
