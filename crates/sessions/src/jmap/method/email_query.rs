//! Email/query and Email/queryChanges (RFC 8621 §4.4, RFC 8621 §4.5).

mod words;

use koi_mailbox::emails::{
    EmailQuery, Queried, QueryChanges, QueryChangesRun, QueryOutcome, QueryRun, State, Window, WindowFrom,
};
use koi_proto::jmap::object::email::Emails as Type;
use koi_proto::jmap::standard::{
    Added, QueryArguments, QueryChangesArguments, QueryChangesResponse, QueryResponse, QueryTotals,
    Window as Asked,
};
use koi_proto::jmap::{Arguments, Id, MethodError};
use koi_types::{EmailId, ErrorKind, MailError, limits};

use crate::jmap::call::{Call, Ran, Started};
use crate::jmap::context::Context;

pub(super) fn start(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let given = QueryArguments::<Type>::read(arguments, &cx.reading())?;
    let account = cx.account(&given.account_id)?;
    let query = EmailQuery {
        filter: words::filter(given.filter.as_ref()),
        order: words::order(&given.sort)?,
        collapse_threads: given.extra.0,
    };
    let from = match given.window {
        Asked::Position(position) => WindowFrom::Position(position),
        Asked::Anchor { anchor, offset } => {
            let email = EmailId::parse(anchor.as_str()).ok_or(MethodError::AnchorNotFound)?;
            WindowFrom::Anchor { email, offset }
        }
        Asked::AnchorNotFound => return Err(MethodError::AnchorNotFound),
    };
    let ids_max = given.limit.and_then(|limit| usize::try_from(limit).ok());
    let ids_max = ids_max.filter(|max| *max <= limits::JMAP_QUERY_IDS_MAX);
    Ok(Box::new(Query {
        account_id: given.account_id,
        run: account.query_emails(query).map_err(|error| refused(&error, cx))?,
        window: Window {
            from,
            ids_max: ids_max.unwrap_or(limits::JMAP_QUERY_IDS_MAX),
            total: given.calculate_total,
        },
        limit_is_ours: ids_max.is_none(),
        telling: None,
    }))
}

/// Ids that are told in one step.
const TOLD_AT_ONCE: usize = 1_000;

struct Query {
    account_id: Id,
    run: QueryRun,
    window: Window,
    limit_is_ours: bool,
    /// What was found and is not told yet.
    telling: Option<Telling>,
}

struct Telling {
    ids: std::vec::IntoIter<EmailId>,
    totals: QueryTotals,
}

impl Call for Query {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        if self.telling.is_none() && !self.found(cx)? {
            return Ok(Ran::Yield);
        }
        let Some(Telling { ids, totals }) = &mut self.telling else { return Ok(Ran::Done) };
        ids.by_ref().take(TOLD_AT_ONCE).for_each(|id| cx.responses.item(&Id::from(id)));
        if ids.len() > 0 {
            return Ok(Ran::Yield);
        }
        cx.responses.close(cx.call_id, cx.name, totals);
        Ok(Ran::Done)
    }
}

impl Query {
    /// Goes on until it is known what there is, and begins the response.
    fn found(&mut self, cx: &mut Context<'_>) -> Result<bool, MethodError> {
        let outcome = self.run.advance(&self.window).map_err(|error| cx.failed(&error))?;
        let Queried { state, position, ids, total } = match outcome {
            None => return Ok(false),
            Some(QueryOutcome::NoAnchor) => return Err(MethodError::AnchorNotFound),
            Some(QueryOutcome::Found(found)) => found,
        };
        // RFC 8620 §5.5: told when it may have made a difference.
        let limit = (self.limit_is_ours && ids.len() >= self.window.ids_max).then_some(self.window.ids_max);
        let head = QueryResponse {
            account_id: self.account_id.clone(),
            query_state: state.to_string().into(),
            can_calculate_changes: true,
            position,
            ids: None,
            total: None,
            limit: None,
        };
        cx.responses.open(cx.name, &head, "ids");
        let totals = QueryTotals { total, limit: limit.map(|limit| limit as u64) };
        self.telling = Some(Telling { ids: ids.into_iter(), totals });
        Ok(true)
    }
}

/// Email/queryChanges.
pub(super) fn changes(arguments: Arguments, cx: &mut Context<'_>) -> Started {
    let given = QueryChangesArguments::<Type>::read(arguments, &cx.reading())?;
    let account = cx.account(&given.account_id)?;
    let query = EmailQuery {
        filter: words::filter(given.filter.as_ref()),
        order: words::order(&given.sort)?,
        collapse_threads: given.extra.0,
    };
    let since = State::parse(&given.since_query_state).ok_or(MethodError::CannotCalculateChanges)?;
    let changes_max = given.max_changes.map(|max| usize::try_from(max).unwrap_or(usize::MAX));
    let up_to = given.up_to_id.and_then(|id| EmailId::parse(id.as_str()));
    let run = account.query_email_changes(query, since, changes_max, up_to);
    Ok(Box::new(Changes {
        account_id: given.account_id,
        since: given.since_query_state,
        total: given.calculate_total,
        run: run.map_err(|error| refused(&error, cx))?,
    }))
}

/// RFC 8620 §5.5: a filter that is right, but too much.
fn refused(error: &MailError, cx: &mut Context<'_>) -> MethodError {
    match error.kind {
        ErrorKind::InvalidInput => MethodError::UnsupportedFilter { description: error.text.clone() },
        _ => cx.failed(error),
    }
}

struct Changes {
    account_id: Id,
    since: Box<str>,
    total: bool,
    run: QueryChangesRun,
}

impl Call for Changes {
    fn run(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
        let changed = match self.run.advance().map_err(|error| cx.failed(&error))? {
            None => return Ok(Ran::Yield),
            Some(QueryChanges::TooMany) => return Err(MethodError::TooManyChanges),
            Some(QueryChanges::CannotCalculate) => return Err(MethodError::CannotCalculateChanges),
            Some(QueryChanges::Changes(changed)) => changed,
        };
        let added = changed.added.iter().map(|added| Added { id: added.email.into(), index: added.index });
        cx.respond(&QueryChangesResponse {
            account_id: self.account_id.clone(),
            old_query_state: self.since.clone(),
            new_query_state: changed.new_state.to_string().into(),
            total: self.total.then_some(changed.total),
            removed: changed.removed.iter().copied().map(Into::into).collect(),
            added: added.collect(),
        });
        Ok(Ran::Done)
    }
}
