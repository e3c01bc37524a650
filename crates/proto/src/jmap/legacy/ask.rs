//! What a call of the draft asks, in the words of the RFC.

use super::email::{self, Wanted};
use super::{Member, Members, change, each, keyword_asked, put, query, rename, renamed};
use crate::jmap::error::MethodError;
use crate::jmap::id::Id;
use crate::jmap::json::{Json, Number};
use crate::jmap::method::Method;

/// Properties of a Mailbox in the draft.
const MAILBOX: [&str; 10] = [
    "id",
    "name",
    "parentId",
    "role",
    "sortOrder",
    "totalEmails",
    "unreadEmails",
    "totalThreads",
    "unreadThreads",
    "myRights",
];

/// Whether the draft has this method.
pub(super) const fn is_of_draft(method: Method) -> bool {
    use Method as M;
    matches!(
        method,
        M::MailboxGet
            | M::MailboxChanges
            | M::MailboxQuery
            | M::MailboxQueryChanges
            | M::MailboxSet
            | M::ThreadGet
            | M::ThreadChanges
            | M::EmailGet
            | M::EmailChanges
            | M::EmailQuery
            | M::EmailQueryChanges
            | M::EmailSet
            | M::EmailImport
            | M::EmailCopy
            | M::EmailSubmissionGet
            | M::EmailSubmissionChanges
            | M::EmailSubmissionQuery
            | M::EmailSubmissionQueryChanges
            | M::EmailSubmissionSet
            | M::IdentityGet
            | M::IdentityChanges
            | M::IdentitySet
            | M::SearchSnippetGet
            | M::VacationResponseGet
            | M::VacationResponseSet
            | M::BlobCopy
            | M::PushSubscriptionGet
            | M::PushSubscriptionSet
    )
}

/// What the answer needs of the call.
#[derive(Clone, Debug)]
pub(super) struct Echo {
    pub(super) method: Method,
    /// Arguments that are said again.
    pub(super) said: Members,
    /// Of Email/get.
    pub(super) wanted: Option<Wanted>,
    /// Updates that were refused before they were asked for.
    pub(super) refused: Vec<Member>,
}

impl Echo {
    pub(super) fn of(method: Method) -> Self {
        Self { method, said: Members::default(), wanted: None, refused: Vec::new() }
    }
    /// Keeps what an argument was, or its default.
    fn say(&mut self, arguments: &Members, name: &str, default: Json) {
        put(&mut self.said, name, arguments.value(name).cloned().unwrap_or(default));
    }
}

/// Arguments of the RFC, and what of the draft's the answer needs.
pub(super) struct Asked {
    pub(super) arguments: Members,
    pub(super) echo: Echo,
}

/// The account of a call that names none is the primary one.
pub(super) fn default_account(arguments: &mut Members, name: &str, primary: &Id) {
    if arguments.value(name).is_none_or(Json::is_null) {
        put(arguments, name, Json::String(primary.as_str().into()));
    }
}

/// # Errors
/// The draft has something here that the RFC has not.
pub(super) fn ask(method: Method, mut arguments: Members, primary: &Id) -> Result<Asked, MethodError> {
    let mut echo = Echo::of(method);
    let (object_type, verb) = method.name().split_once('/').unwrap_or_default();
    if verb == "copy" {
        default_account(&mut arguments, "fromAccountId", primary);
        default_account(&mut arguments, "toAccountId", primary);
        rename(&mut arguments, "toAccountId", "accountId");
    } else {
        default_account(&mut arguments, "accountId", primary);
    }
    match (object_type, verb) {
        ("Email", "get") => {
            let wanted = Wanted::read(arguments.take("properties"))?;
            wanted.with_attachments().ask(&mut arguments);
            echo.wanted = Some(wanted);
        }
        ("Mailbox", "get") if arguments.value("properties").is_none_or(Json::is_null) => {
            put(&mut arguments, "properties", super::strings(MAILBOX));
        }
        ("SearchSnippet", _) => {
            echo.say(&arguments, "filter", Json::Null);
            filtered("Email", &mut arguments)?;
        }
        (_, "query" | "queryChanges") => queried(object_type, verb, &mut arguments, &mut echo)?,
        ("Email", "import") => {
            let emails = each(arguments.take("emails"), with_keywords);
            arguments_put(&mut arguments, "emails", emails);
        }
        ("Email", "copy") => {
            let create = each(arguments.take("create"), |mut email| {
                if email.value("keywords").is_none() {
                    put(&mut email, "keywords", Json::Object(Members::default()));
                }
                with_keywords(email)
            });
            arguments_put(&mut arguments, "create", create);
        }
        (_, "set") => set(object_type, &mut arguments),
        _ => {}
    }
    Ok(Asked { arguments, echo })
}

fn arguments_put(arguments: &mut Members, name: &str, value: Option<Json>) {
    if let Some(value) = value {
        put(arguments, name, value);
    }
}

fn with_keywords(mut email: Members) -> Members {
    change(&mut email, "keywords", |all| renamed(all, keyword_asked));
    email
}

fn filtered(object_type: &str, arguments: &mut Members) -> Result<(), MethodError> {
    if let Some(filter) = arguments.take("filter") {
        put(arguments, "filter", query::filter(object_type, filter)?);
    }
    Ok(())
}

fn queried(
    object_type: &str,
    verb: &str,
    arguments: &mut Members,
    echo: &mut Echo,
) -> Result<(), MethodError> {
    echo.say(arguments, "filter", Json::Null);
    echo.say(arguments, "sort", Json::Null);
    if object_type == "Email" {
        echo.say(arguments, "collapseThreads", Json::Bool(false));
    }
    filtered(object_type, arguments)?;
    if let Some(sort) = arguments.take("sort") {
        let sort = query::sort(object_type, sort, arguments)?;
        put(arguments, "sort", sort);
    }
    if verb == "queryChanges" {
        echo.say(arguments, "uptoId", Json::Null);
        rename(arguments, "sinceState", "sinceQueryState");
        rename(arguments, "uptoId", "upToId");
    } else {
        // The draft subtracts it, the RFC adds it.
        match arguments.take("anchorOffset") {
            None | Some(Json::Null) => {}
            Some(offset) => put(arguments, "anchorOffset", negated(offset)),
        }
    }
    put(arguments, "calculateTotal", Json::Bool(true));
    Ok(())
}

fn negated(offset: Json) -> Json {
    let Json::Number(number) = offset else { return offset };
    match number.int() {
        Some(0) => Json::Number(Number::Unsigned(0)),
        Some(int) if int < 0 => Json::Number(Number::Unsigned(int.unsigned_abs())),
        Some(int) => Json::Number(Number::Negative(-int)),
        None => Json::Number(number),
    }
}

fn set(object_type: &str, arguments: &mut Members) {
    match object_type {
        "Email" => {
            let create = each(arguments.take("create"), email::create);
            arguments_put(arguments, "create", create);
            let update = each(arguments.take("update"), email::patch);
            arguments_put(arguments, "update", update);
        }
        "Mailbox" => rename(arguments, "onDestroyRemoveMessages", "onDestroyRemoveEmails"),
        "Identity" => {
            for name in ["create", "update"] {
                let all = each(arguments.take(name), |mut identity| {
                    ["replyTo", "bcc"]
                        .into_iter()
                        .for_each(|name| change(&mut identity, name, email::addresses));
                    identity
                });
                arguments_put(arguments, name, all);
            }
        }
        "EmailSubmission" => {
            let update = each(arguments.take("onSuccessUpdateEmail"), email::patch);
            arguments_put(arguments, "onSuccessUpdateEmail", update);
        }
        _ => {}
    }
}
