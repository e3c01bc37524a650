//! EmailSubmission/get, /changes, /query and /queryChanges (RFC 8621 §7.1 to §7.4); [`set`] is in a file of
//! its own.

mod hold;
mod set;

use koi_mailbox::emails::{
    Changed, DataType, DeliveredStatus, DeliveryRecord, EnvelopeAddress, State, SubmissionRecord,
    SubmissionView, Told, UndoStatus as Stored,
};
use koi_mailbox::{Account, Snapshot};
use koi_proto::jmap::object::submission::{
    Delivered, DeliveryStatus, EmailSubmission, EmailSubmissions, Envelope, SmtpAddress, SmtpParameter,
    SubmissionCondition, SubmissionSortKey, UndoStatus,
};
use koi_proto::jmap::standard::{Comparator, Filter, GetArguments, QueryArguments, QueryChangesArguments};
use koi_proto::jmap::{Arguments, Id, MethodError, UtcDate};
use koi_types::BlobName;

use crate::jmap::call::{Started, at_once};
use crate::jmap::context::Context;
use crate::jmap::few::{self, Asked, Found, One};

pub(super) use set::start as set;

pub(super) fn get(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let GetArguments { account_id, selection } =
        GetArguments::<EmailSubmissions>::read(arguments, &cx.reading())?;
    let account = cx.personal(&account_id)?;
    at_once(move |cx| {
        let Read { state, views } = read(&account, cx)?;
        let all: Vec<_> =
            views.into_iter().map(|view| One { id: view.id.into(), object: shown(view) }).collect();
        few::get(cx, &account_id, &state.to_string(), &selection, &all, EmailSubmission::write)
    })
}

pub(super) fn changes(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    few::changes(arguments, cx, |snapshot, since, max| snapshot.submission_changes(since, max))
}

pub(super) fn query(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let given = QueryArguments::<EmailSubmissions>::read(arguments, &cx.reading())?;
    let account = cx.personal(&given.account_id)?;
    refuse_collations(&given.sort)?;
    at_once(move |cx| {
        let Read { state, views } = read(&account, cx)?;
        let found = Found {
            account_id: given.account_id,
            state: state.to_string().into(),
            ids: results(views, given.filter.as_ref(), &given.sort),
            wants_total: given.calculate_total,
        };
        found.respond(&given.window, given.limit, cx)
    })
}

pub(super) fn query_changes(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let given = QueryChangesArguments::<EmailSubmissions>::read(arguments, &cx.reading())?;
    let account = cx.personal(&given.account_id)?;
    refuse_collations(&given.sort)?;
    let since = State::parse(&given.since_query_state).ok_or(MethodError::CannotCalculateChanges)?;
    at_once(move |cx| {
        let read = account.snapshot().and_then(|snapshot| {
            let changed = snapshot.submission_changes(since, usize::MAX)?;
            Ok((read_of(&snapshot)?, changed))
        });
        let (Read { state, views }, changed) = read.map_err(|error| cx.failed(&error))?;
        let Told::Changes(changed) = changed else { return Err(MethodError::CannotCalculateChanges) };
        // Everything else that is filtered and sorted by never changes.
        let may_move = given.filter.as_ref().is_some_and(names_status);
        let found = Found {
            account_id: given.account_id,
            state: state.to_string().into(),
            ids: results(views, given.filter.as_ref(), &given.sort),
            wants_total: given.calculate_total,
        };
        let asked = Asked { max_changes: given.max_changes, up_to: given.up_to_id.filter(|_| !may_move) };
        found.respond_changes(given.since_query_state, with_ids(changed), &asked, cx)
    })
}

/// All submissions at one moment.
struct Read {
    state: State,
    views: Vec<SubmissionView>,
}

fn read(account: &Account, cx: &mut Context<'_>) -> Result<Read, MethodError> {
    let read = account.snapshot().and_then(|snapshot| read_of(&snapshot));
    read.map_err(|error| cx.failed(&error))
}

fn read_of(snapshot: &Snapshot<'_>) -> koi_types::Result<Read> {
    Ok(Read { state: snapshot.state(DataType::EmailSubmission), views: snapshot.submissions()? })
}

fn with_ids(changed: Changed<koi_types::ObjectId>) -> Changed<Id> {
    let ids = |ids: Vec<koi_types::ObjectId>| ids.into_iter().map(Id::from).collect();
    Changed {
        created: ids(changed.created),
        updated: ids(changed.updated),
        destroyed: ids(changed.destroyed),
        new_state: changed.new_state,
        more: changed.more,
    }
}

/// Ids and times have one order only (RFC 8620 §5.5).
pub(super) fn refuse_collations<K>(sort: &[Comparator<K>]) -> Result<(), MethodError> {
    match sort.iter().find_map(|comparator| comparator.collation.as_deref()) {
        Some(collation) => Err(MethodError::UnsupportedSort {
            description: format!("nothing here is sorted by the collation {collation}").into(),
        }),
        None => Ok(()),
    }
}

fn names_status(filter: &Filter<SubmissionCondition>) -> bool {
    match filter {
        Filter::Operator { conditions, .. } => conditions.iter().any(names_status),
        Filter::Condition(condition) => condition.undo_status.is_some(),
    }
}

/// In order; those that are equal as they were made.
fn results(
    mut views: Vec<SubmissionView>,
    filter: Option<&Filter<SubmissionCondition>>,
    sort: &[Comparator<SubmissionSortKey>],
) -> Vec<Id> {
    views.retain(|view| few::matches(filter, &|condition| is_match(&view.submission, condition)));
    views.sort_by(|a, b| {
        let by_keys = sort.iter().map(|comparator| {
            let (a, b) = (&a.submission, &b.submission);
            let order = match comparator.key {
                SubmissionSortKey::EmailId => a.email.cmp(&b.email),
                SubmissionSortKey::ThreadId => a.thread.cmp(&b.thread),
                SubmissionSortKey::SendAt => a.send_at.cmp(&b.send_at),
            };
            if comparator.is_ascending { order } else { order.reverse() }
        });
        by_keys.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then).then(a.id.cmp(&b.id))
    });
    views.into_iter().map(|view| view.id.into()).collect()
}

/// RFC 8621 §7.3.
fn is_match(submission: &SubmissionRecord, condition: &SubmissionCondition) -> bool {
    let among = |ids: &Option<Vec<Id>>, id: Id| ids.as_ref().is_none_or(|ids| ids.contains(&id));
    among(&condition.identity_ids, submission.identity.into())
        && among(&condition.email_ids, submission.email.into())
        && among(&condition.thread_ids, submission.thread.into())
        && condition.undo_status.is_none_or(|wanted| wanted == undo_status(submission.status))
        && condition.before.is_none_or(|before| submission.send_at < before.0)
        && condition.after.is_none_or(|after| submission.send_at >= after.0)
}

fn shown(view: SubmissionView) -> EmailSubmission {
    let SubmissionRecord { identity, email, thread, send_at, status, .. } = view.submission;
    let SubmissionRecord { mail_from, rcpt_to, deliveries, notices, .. } = view.submission;
    let mut delivery_status: Vec<DeliveryStatus> = Vec::new();
    for ((at, to), DeliveryRecord { reply, delivered }) in (0u16..).zip(&rcpt_to).zip(deliveries) {
        // It is a map.
        if delivery_status.iter().all(|known| known.recipient != to.email) {
            let recipient = to.email.clone();
            let delivered = outcome(delivered);
            delivery_status.push(DeliveryStatus {
                recipient,
                smtp_reply: reply,
                delivered,
                is_displayed: notices.iter().any(|notice| notice.displayed && notice.recipient == at),
            });
        }
    }
    EmailSubmission {
        id: view.id.into(),
        identity_id: identity.into(),
        email_id: email.into(),
        thread_id: thread.into(),
        envelope: Envelope {
            mail_from: address(mail_from),
            rcpt_to: rcpt_to.into_iter().map(address).collect(),
        },
        send_at: UtcDate(send_at),
        undo_status: undo_status(status),
        delivery_status,
        dsn_blob_ids: Vec::new(),
        mdn_blob_ids: notices.iter().map(|notice| BlobName::Message(notice.email).into()).collect(),
    }
}

fn address(stored: EnvelopeAddress) -> SmtpAddress {
    let parameters: Vec<SmtpParameter> = stored
        .parameters
        .into_iter()
        .map(|parameter| SmtpParameter { name: parameter.name, value: parameter.value })
        .collect();
    SmtpAddress { email: stored.email, parameters: Some(parameters).filter(|list| !list.is_empty()) }
}

const fn undo_status(stored: Stored) -> UndoStatus {
    match stored {
        Stored::Pending => UndoStatus::Pending,
        Stored::Final => UndoStatus::Final,
        Stored::Canceled => UndoStatus::Canceled,
    }
}

const fn outcome(stored: DeliveredStatus) -> Delivered {
    match stored {
        DeliveredStatus::Queued => Delivered::Queued,
        DeliveredStatus::Yes => Delivered::Yes,
        DeliveredStatus::No => Delivered::No,
        DeliveredStatus::Unknown => Delivered::Unknown,
    }
}
