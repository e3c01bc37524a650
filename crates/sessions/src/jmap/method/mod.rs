//! The methods, one file for each group; this table says which is which.

mod blob_copy;
mod blob_get;
mod blob_reading;
mod blob_upload;
mod changes;
mod core_echo;
mod email_copy;
mod email_get;
mod email_import;
mod email_making;
mod email_parse;
mod email_query;
mod email_set;
mod email_write;
mod identity;
mod mailbox_changes;
mod mailbox_get;
mod mailbox_query;
mod mailbox_set;
mod mdn;
mod push_subscription;
pub(super) mod quota;
mod search_snippet;
mod submission;
mod thread_get;
mod vacation;
mod writing;

use koi_proto::jmap::{Arguments, Method};

use super::call::Started;
use super::context::Context;

/// Begins a call.
pub(super) fn start(method: Method, arguments: Arguments, cx: &mut Context<'_>) -> Started {
    match method {
        Method::CoreEcho => core_echo::start(arguments),
        Method::BlobCopy => blob_copy::start(arguments, cx),
        Method::BlobUpload => blob_upload::start(arguments, cx),
        Method::BlobGet => blob_get::start(arguments, cx),
        Method::BlobLookup => blob_get::start_lookup(arguments, cx),
        Method::EmailCopy => email_copy::start(arguments, cx),
        Method::EmailImport => email_import::start(arguments, cx),
        Method::EmailSet => email_set::start(arguments, cx),
        Method::MailboxGet => mailbox_get::start(arguments, cx),
        Method::MailboxChanges => mailbox_changes::start(arguments, cx),
        Method::MailboxQuery => mailbox_query::start(arguments, cx),
        Method::MailboxQueryChanges => mailbox_query::start_changes(arguments, cx),
        Method::MailboxSet => mailbox_set::start(arguments, cx),
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
        Method::IdentityGet => identity::get(arguments, cx),
        Method::IdentityChanges => identity::changes(arguments, cx),
        Method::IdentitySet => identity::set(arguments, cx),
        Method::EmailSubmissionGet => submission::get(arguments, cx),
        Method::EmailSubmissionChanges => submission::changes(arguments, cx),
        Method::EmailSubmissionQuery => submission::query(arguments, cx),
        Method::EmailSubmissionQueryChanges => submission::query_changes(arguments, cx),
        Method::EmailSubmissionSet => submission::set(arguments, cx),
        Method::VacationResponseGet => vacation::get(arguments, cx),
        Method::VacationResponseSet => vacation::set(arguments, cx),
        Method::QuotaGet => quota::get(arguments, cx),
        Method::QuotaChanges => quota::changes(arguments, cx),
        Method::QuotaQuery => quota::query(arguments, cx),
        Method::QuotaQueryChanges => quota::query_changes(arguments, cx),
        Method::MdnSend => mdn::send(arguments, cx),
        Method::MdnParse => mdn::parse(arguments, cx),
    }
}
