//! The methods, one file for each group; this table says which is which.

mod changes;
mod core_echo;
mod email_get;
mod email_parse;
mod email_query;
mod push_subscription;
mod search_snippet;
mod thread_get;

use koi_proto::jmap::{Arguments, Method, MethodError};

use super::call::Started;
use super::context::Context;

/// Begins a call.
pub(super) fn start(method: Method, arguments: Arguments, cx: &mut Context<'_>) -> Started {
    match method {
        Method::CoreEcho => core_echo::start(arguments),
        Method::PushSubscriptionGet => push_subscription::get(arguments, cx),
        Method::PushSubscriptionSet => push_subscription::set(arguments, cx),
        Method::ThreadGet => thread_get::start(arguments, cx),
        Method::ThreadChanges => changes::thread(arguments, cx),
        Method::EmailGet => email_get::start(arguments, cx),
        Method::EmailChanges => changes::email(arguments, cx),
        Method::EmailQuery => email_query::start(arguments, cx),
        Method::EmailQueryChanges => email_query::changes(arguments, cx),
        Method::EmailParse => email_parse::start(arguments, cx),
        Method::SearchSnippetGet => search_snippet::start(arguments, cx),
        _ => Err(MethodError::UnknownMethod),
    }
}
