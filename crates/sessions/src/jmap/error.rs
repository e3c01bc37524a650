//! What the neutral errors of the mailbox service are in JMAP's words: the one table (RFC 8620 §3.6.2).

use koi_proto::jmap::MethodError;
use koi_types::{ErrorKind, MailError};

use crate::session::Note;

/// For an error that is not of one object, but of the call.
pub(super) fn method_error(error: &MailError) -> MethodError {
    match error.kind {
        ErrorKind::Unavailable => MethodError::ServerUnavailable,
        ErrorKind::NoPermission => MethodError::Forbidden,
        ErrorKind::InvalidInput => MethodError::invalid(error.text.clone()),
        // The account was removed while the request came.
        ErrorKind::NotFound | ErrorKind::Gone => MethodError::AccountNotFound,
        ErrorKind::Conflict => MethodError::StateMismatch,
        _ => MethodError::ServerFail { description: error.text.clone() },
    }
}

/// For the log: only what is wrong on our side.
pub(super) fn note(error: &MailError) -> Option<Note> {
    let ours = matches!(error.kind, ErrorKind::Corrupt | ErrorKind::Internal | ErrorKind::Unavailable);
    let told = || match &error.context {
        Some(context) => format!("{}: {context}", error.text),
        None => error.text.to_string(),
    };
    ours.then(|| Note::Failed { command: "jmap", error: told().into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// spec: RFC 8620 §3.6.2
    #[test]
    fn every_kind_has_an_error_and_ours_are_noted() {
        for kind in ErrorKind::ALL {
            let error = MailError::new(kind, "text").context("secret of the house");
            let answered = method_error(&error);
            assert!(answered.description().is_none_or(|text| text == "text"), "{kind:?}");
            assert_eq!(
                note(&error).is_some(),
                matches!(answered.kind(), "serverFail" | "serverUnavailable")
                    && matches!(kind, ErrorKind::Corrupt | ErrorKind::Internal | ErrorKind::Unavailable),
                "{kind:?}"
            );
        }
    }
}
