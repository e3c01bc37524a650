//! MDN/send (RFC 9007 §2.1): notifications made, sent to who asked for them, and noted on the Emails by one
//! Email/set behind the response.

use std::collections::VecDeque;

use koi_mailbox::emails::{EmailView, Emails, IdentityRecord};
use koi_mailbox::{Account, Pending, Whole};
use koi_message::build::{BuildError, Given};
use koi_message::mdn::{MdnLetter, fill_in, notification_to};
use koi_message::{DateTime, EmailAddress, Structure};
use koi_proto::jmap::object::email::update::EmailUpdate;
use koi_proto::jmap::object::mdn::{Mdn, MdnSend, MdnSendResponse};
use koi_proto::jmap::standard::{Create, Table, Update};
use koi_proto::jmap::{
    Arguments, EmailKeyword, Id, IdRef, MethodError, Raw, SetChange, SetError, SetErrorKind,
};
use koi_types::{AccountId, Address, EmailId, ErrorKind, MailError, ObjectId};

use super::super::email_set;
use super::{no_such_account, words};
use crate::account_rates::Counted;
use crate::jmap::call::{Call, Ran, Started};
use crate::jmap::context::Context;

/// Set on an Email about which a notification was sent (RFC 9007 §2.1).
const SENT: &str = "$mdnsent";

pub(in super::super) fn start(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let MdnSend { account_id, identity_id, send, on_success_update_email } =
        MdnSend::read(arguments, &cx.reading())?;
    let account = cx.personal(&account_id).map_err(no_such_account)?;
    let identity = identity(&account, &identity_id, cx)?;
    for Create { creation_id, .. } in &send {
        let is_its = |update: &&Update<EmailUpdate>| update.id == IdRef::Creation(creation_id.clone());
        let update = on_success_update_email.iter().find(is_its);
        if !update.is_some_and(|update| update.change.as_ref().is_ok_and(sets_keyword)) {
            let why = format!("onSuccessUpdateEmail must set keywords/{SENT} for #{creation_id}");
            return Err(MethodError::invalid(why));
        }
    }
    Ok(Box::new(Sending {
        account,
        identity,
        tasks: send.into(),
        under_way: None,
        response: MdnSendResponse { account_id, sent: Table::default(), not_sent: Table::default() },
        succeeded: Vec::new(),
        on_success: on_success_update_email,
        implicit: None,
    }))
}

fn identity(account: &Account, id: &IdRef, cx: &mut Context<'_>) -> Result<IdentityRecord, MethodError> {
    let wanted = cx.created.resolve(id).and_then(|id| ObjectId::parse(id.as_str()));
    let all = account.snapshot().and_then(|snapshot| snapshot.identities());
    let all = all.map_err(|error| cx.failed(&error))?;
    let found = all.into_iter().find(|view| Some(view.id) == wanted).map(|view| view.identity);
    found.ok_or_else(|| MethodError::invalid(format!("identityId: there is no Identity {id}")))
}

fn sets_keyword(update: &EmailUpdate) -> bool {
    let is_it = |keyword: &EmailKeyword| keyword.name() == SENT;
    match &update.keywords {
        SetChange::Keep => false,
        SetChange::Replace(all) => all.iter().any(is_it),
        SetChange::Edit { add, .. } => add.iter().any(is_it),
    }
}

struct Sending {
    account: Account,
    identity: IdentityRecord,
    tasks: VecDeque<Create<Mdn>>,
    under_way: Option<UnderWay>,
    response: MdnSendResponse,
    succeeded: Vec<Succeeded>,
    on_success: Vec<Update<EmailUpdate>>,
    /// The Email/set that follows.
    implicit: Option<Box<dyn Call>>,
}

struct UnderWay {
    creation_id: Id,
    email: EmailId,
    /// What the client is told of it.
    told: Raw,
    counted: Counted,
    pending: Pending<Whole>,
}

/// An MDN that was sent, and the Email it is about.
struct Succeeded {
    creation_id: Id,
    email: EmailId,
}

/// Why an MDN was not sent.
enum Failure {
    Object(SetError),
    Stored(MailError),
}

impl From<SetError> for Failure {
    fn from(error: SetError) -> Self {
        Self::Object(error)
    }
}

impl From<MailError> for Failure {
    fn from(error: MailError) -> Self {
        match error.kind {
            ErrorKind::TooLarge => Self::Object(SetErrorKind::TooLarge { max_size: None }.into()),
            ErrorKind::NoPermission => Self::Object(SetErrorKind::Forbidden.into()),
            _ => Self::Stored(error),
        }
    }
}

impl Call for Sending {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        if let Some(implicit) = &mut self.implicit {
            return implicit.run(cx);
        }
        let ran = self.advance(cx);
        ran.map_err(|error| if self.succeeded.is_empty() { error } else { MethodError::ServerPartialFail })
    }
}

impl Sending {
    fn advance(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        if let Some(under_way) = self.under_way.take() {
            let ticket = under_way.pending.ticket();
            if ticket.peek().is_none() {
                self.under_way = Some(under_way);
                return Ok(Ran::Await(ticket));
            }
            self.finish(under_way, cx)?;
        }
        let Some(Create { creation_id, object }) = self.tasks.pop_front() else {
            cx.respond(&self.response);
            return self.follow(cx);
        };
        match object {
            Ok(mdn) => {
                let account = self.account.clone();
                let Some(emails) = account.emails().map_err(|error| cx.failed(&error))? else {
                    self.tasks.push_front(Create { creation_id, object: Ok(mdn) });
                    return Ok(Ran::Yield);
                };
                match self.send(creation_id.clone(), &mdn, &emails, cx) {
                    Ok(under_way) => self.under_way = Some(under_way),
                    Err(Failure::Object(why)) => self.response.not_sent.put(&creation_id, why),
                    Err(Failure::Stored(error)) => return Err(cx.failed(&error)),
                }
            }
            Err(why) => self.response.not_sent.put(&creation_id, why),
        }
        Ok(Ran::Yield)
    }
    fn send(
        &self,
        creation_id: Id,
        given: &Mdn,
        emails: &Emails<'_>,
        cx: &Context<'_>,
    ) -> Result<UnderWay, Failure> {
        let view = self.email(given, emails, cx)?;
        let header_octets = header_octets(emails, view.id)?;
        let original = octets(emails, view.id, header_octets, given.include_original_message)?;
        let header = original.get(..header_octets).unwrap_or(&original);
        let to = notification_to(header).ok_or_else(|| {
            let why = "nobody has asked for a notification about this Email";
            SetError::described(SetErrorKind::NotFound, why)
        })?;
        let recipient = recipient(&to, cx)?;
        let mut mdn = words::asked(given);
        fill_in(&mut mdn, header);
        mdn.final_recipient = Some(self.final_recipient(given, cx)?);
        let name = Some(self.identity.name.to_string()).filter(|name| !name.is_empty());
        let from = EmailAddress { name, email: self.identity.email.to_string() };
        let (options, unique) = (cx.jmap.service.options(), cx.jmap.service.unique());
        let original = given.include_original_message.then_some(&*original);
        let letter = MdnLetter { mdn: &mdn, from: &from, to: &to, header, original };
        let message = letter.build(&Given {
            message_id: &format!("{unique}@{}", options.hostname),
            date: DateTime { unix_s: cx.now.secs(), zone_min: 0 },
            random: cx.jmap.service.unique().0,
            octets_max: usize::try_from(options.message_octets_max).unwrap_or(usize::MAX),
        });
        let message = message.map_err(|error| not_built(error, options.message_octets_max))?;
        let rates = &cx.jmap.account_rates;
        let counted = rates.take_message(1, self.account.id(), cx.now);
        let counted = counted.ok_or_else(|| SetError::from(SetErrorKind::RateLimit))?;
        let pending = self.account.send_notification(&message, recipient, counted.shares());
        let pending = pending.inspect_err(|_| rates.give_back(&counted, cx.now))?;
        Ok(UnderWay { creation_id, email: view.id, told: words::told(given, &mdn), counted, pending })
    }
    /// The Email it is about.
    fn email(&self, given: &Mdn, emails: &Emails<'_>, cx: &Context<'_>) -> Result<EmailView, SetError> {
        let id = given.for_email_id.as_ref().and_then(|id| cx.created.resolve(id));
        let view = id.and_then(|id| EmailId::parse(id.as_str())).and_then(|id| emails.email(id));
        let missing = || SetError::described(SetErrorKind::NotFound, "there is no such Email");
        let view = view.ok_or_else(missing)?;
        let is_sent = |keyword: &koi_types::Keyword| keyword.as_str().eq_ignore_ascii_case(SENT);
        match view.keywords.iter().any(is_sent) {
            true => Err(SetErrorKind::MdnAlreadySent.into()),
            false => Ok(view),
        }
    }
    /// RFC 9007 §2: of the identity, or one that the client may speak for.
    fn final_recipient(&self, given: &Mdn, cx: &Context<'_>) -> Result<String, Failure> {
        let Some(wanted) = &given.final_recipient else {
            return Ok(format!("rfc822; {}", self.identity.email));
        };
        let (kind, address) = wanted.split_once(';').unwrap_or(("rfc822", wanted));
        let own = match Address::from_path(address.trim()) {
            Some(address) => match cx.jmap.service.resolve_recipient(&address) {
                Ok(account) => account == self.account.id(),
                Err(error) if error.kind == ErrorKind::NotFound => false,
                Err(error) => return Err(error.into()),
            },
            None => false,
        };
        match own {
            true => Ok(format!("{}; {}", kind.trim(), address.trim())),
            false => Err(SetError::from(SetErrorKind::ForbiddenFrom).into()),
        }
    }
    fn finish(&mut self, under_way: UnderWay, cx: &mut Context<'_>) -> Result<(), MethodError> {
        let UnderWay { creation_id, email, told, counted, pending } = under_way;
        let taken = pending.take();
        if !matches!(taken, Ok(Whole::Delivered(_))) {
            cx.jmap.account_rates.give_back(&counted, cx.now);
        }
        match taken.map_err(|error| cx.failed(&error))? {
            Whole::Delivered(_) => {
                self.response.sent.put(&creation_id, told);
                self.succeeded.push(Succeeded { creation_id, email });
            }
            Whole::Refused { error, .. } => {
                let why = SetError::described(SetErrorKind::Forbidden, error.text.clone());
                self.response.not_sent.put(&creation_id, why);
            }
        }
        Ok(())
    }
    /// The implicit Email/set, if there is anything for it to do.
    fn follow(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        let mut update: Vec<Update<EmailUpdate>> = Vec::new();
        for Update { id, change } in std::mem::take(&mut self.on_success) {
            let made = |one: &&Succeeded| matches!(&id, IdRef::Creation(k) if *k == one.creation_id);
            if let Some(one) = self.succeeded.iter().find(made) {
                update.push(Update { id: IdRef::Id(one.email.into()), change });
            }
        }
        if update.is_empty() {
            return Ok(Ran::Done);
        }
        let account_id = self.response.account_id.clone();
        self.implicit = Some(email_set::implicit(account_id, None, update, Vec::new(), cx)?);
        Ok(Ran::Yield)
    }
}

/// Whose account it goes to.
fn recipient(to: &EmailAddress, cx: &Context<'_>) -> Result<AccountId, Failure> {
    let service = &cx.jmap.service;
    let refused = |why: &str| SetError::described(SetErrorKind::Forbidden, format!("{}: {why}", to.email));
    let address = Address::from_path(&to.email).ok_or_else(|| refused("not an address"))?;
    match service.resolve_recipient(&address) {
        Ok(account) => Ok(account),
        Err(error) if error.kind != ErrorKind::NotFound => Err(error.into()),
        Err(_) if service.is_local(address.domain())? => Err(refused("nobody has this address").into()),
        Err(_) => Err(refused("this server does not send to other servers").into()),
    }
}

/// The octets of an email: its header, or all.
fn octets(
    emails: &Emails<'_>,
    id: EmailId,
    header_octets: usize,
    is_whole: bool,
) -> Result<Vec<u8>, MailError> {
    let mut octets = Vec::new();
    if let Some(row) = emails.snapshot().email(id)? {
        let end = if is_whole { row.body.octets } else { header_octets as u64 };
        emails.snapshot().read_body(&row.body, 0..end, &mut octets)?;
    }
    Ok(octets)
}

fn header_octets(emails: &Emails<'_>, id: EmailId) -> Result<usize, MailError> {
    let row = emails.snapshot().email(id)?;
    let structure = row.and_then(|row| Structure::decode(row.structure()).ok());
    Ok(structure.map_or(0, |structure| structure.root.header.end as usize))
}

fn not_built(error: BuildError, octets_max: u64) -> SetError {
    match error {
        BuildError::TooLarge => SetErrorKind::TooLarge { max_size: Some(octets_max) }.into(),
        BuildError::Refused(refusals) => {
            let why = refusals.first().map(|refusal| refusal.rule.to_string()).unwrap_or_default();
            SetError::invalid_property("textBody", why)
        }
        BuildError::BlobsNotFound(_) => SetErrorKind::NotFound.into(),
    }
}
