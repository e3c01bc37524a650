//! What errors are called: the draft has some names of its own, and fewer.

use super::{Members, change, put, rename, string};
use crate::jmap::error::MethodError;
use crate::jmap::json::{Json, Raw};

/// The error of a call, which was made under this name.
pub(super) fn of_method(method: &str, error: &mut Members) {
    let kind = error.value("type").and_then(Json::as_str).unwrap_or_default();
    let kind = match kind {
        "serverFail" | "serverPartialFail" | "serverUnavailable" => "serverError",
        "invalidResultReference" => "resultReference",
        "accountNotFound" if names_two_accounts(method) => "toAccountNotFound",
        "accountNotSupportedByMethod" if method == "Email/copy" => "toAccountNotSupportedByMethod",
        _ => return,
    };
    put(error, "type", string(kind));
}

/// An error of ours, as the arguments of a response.
pub(super) fn said(method: &str, error: &MethodError) -> Members {
    match Raw::of(error).parse() {
        Ok(Json::Object(mut members)) => {
            of_method(method, &mut members);
            members
        }
        _ => Members::default(),
    }
}

fn names_two_accounts(method: &str) -> bool {
    matches!(method, "Email/copy" | "Blob/copy")
}

/// A SetError of a call of this name.
pub(super) fn of_object(method: &str, mut error: Members) -> Members {
    let kind = error.value("type").and_then(Json::as_str).unwrap_or_default();
    let names = |error: &Members, wanted: &str| match error.value("properties") {
        Some(Json::Array(names)) => names.iter().any(|name| name.as_str() == Some(wanted)),
        _ => false,
    };
    let other = match (method, kind) {
        ("Email/set", "blobNotFound") => Some("attachmentNotFound"),
        ("Email/import" | "Identity/set", "overQuota") => Some("maxQuotaReached"),
        ("Identity/set", "forbiddenFrom") => Some("emailNotPermitted"),
        ("EmailSubmission/set", "forbiddenMailFrom") => Some("forbiddenFrom"),
        ("EmailSubmission/set", "invalidProperties") if names(&error, "emailId") => Some("emailNotFound"),
        ("Email/import" | "Email/copy", "alreadyExists") => {
            rename(&mut error, "existingId", "emailId");
            None
        }
        _ => None,
    };
    if let Some(other) = other {
        put(&mut error, "type", string(other));
    }
    if method == "Email/set" {
        change(&mut error, "properties", |names| match names {
            Json::Array(names) => Json::Array(names.into_iter().map(draft_property).collect()),
            other => other,
        });
    }
    error
}

/// What a property of the RFC is part of.
fn draft_property(name: Json) -> Json {
    let first = name.as_str().map(|name| name.split(['/', ':']).next().unwrap_or_default());
    match first {
        Some("header") => string("headers"),
        Some("bodyValues" | "bodyStructure") => string("textBody"),
        Some(property @ ("textBody" | "htmlBody" | "attachments")) => string(property),
        _ => name,
    }
}
