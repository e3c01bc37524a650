//! The methods, one file for each group; this table says which is which.

mod core_echo;
mod push_subscription;
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
        _ => Err(MethodError::UnknownMethod),
    }
}
