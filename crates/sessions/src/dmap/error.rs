//! Errors of the mailbox service as DMAP says them: NO with a response code (RFC 5530 §3, DMAP-00 §8.1).
//!
//! The one table; a test holds that every kind is in it.

use koi_proto::dmap::Code;
use koi_types::{Cause, ErrorKind, MailError};

/// The response code that goes with `NO` for this error: why exactly, where that is known, else its kind.
#[must_use]
pub(crate) fn code(error: &MailError) -> Code {
    match error.cause {
        Some(Cause::KeyMismatch) => Code::KeyMismatch,
        Some(Cause::BadRequest) => Code::BadSsr,
        Some(Cause::KeyPolicy) => Code::KeyPolicy,
        Some(Cause::BadMessage) => Code::BadMessage,
        Some(Cause::BadSignature) => Code::BadSignature,
        Some(Cause::NotCurrent) => Code::NotCurrent,
        Some(Cause::SignetInvalid) => Code::SignetInvalid,
        Some(Cause::NoSignet) => Code::NoSignet,
        Some(Cause::SubmissionRace) => Code::SubmissionRace,
        Some(Cause::PolicyDenied) => Code::PolicyDenied,
        Some(Cause::Cannot) => Code::Cannot,
        None => of_kind(error.kind),
    }
}

/// The same for a kind.
const fn of_kind(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::NotFound => Code::NonExistent,
        ErrorKind::AlreadyExists => Code::AlreadyExists,
        ErrorKind::NoPermission => Code::NoPerm,
        ErrorKind::AuthenticationFailed => Code::AuthenticationFailed,
        ErrorKind::OverQuota => Code::OverQuota,
        ErrorKind::TooLarge => Code::TooBig,
        ErrorKind::LimitReached => Code::Limit,
        ErrorKind::InvalidInput | ErrorKind::Unsupported => Code::Cannot,
        ErrorKind::Conflict | ErrorKind::InUse => Code::InUse,
        ErrorKind::Gone => Code::ExpungeIssued,
        ErrorKind::Unavailable => Code::Unavailable,
        // Only who runs the server can mend that.
        ErrorKind::Corrupt => Code::ContactAdmin,
        ErrorKind::Internal => Code::ServerBug,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: RFC 5530 §3
    #[test]
    fn every_kind_has_a_code_a_client_can_act_on() {
        for kind in ErrorKind::ALL {
            let mut text = Vec::new();
            of_kind(kind).push(&mut text);
            assert!(!text.is_empty(), "{kind:?}");
        }
        assert_eq!(of_kind(ErrorKind::Gone), Code::ExpungeIssued);
        let error = MailError::new(ErrorKind::Conflict, "").because(Cause::SubmissionRace);
        assert_eq!(code(&error), Code::SubmissionRace);
    }
}
