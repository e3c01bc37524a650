//! Errors of the mailbox service as IMAP says them: NO with a response code (RFC 5530 §3, RFC 9051 §7.1).
//!
//! The one table; a test holds that every kind is in it. AUTHORIZATIONFAILED is said at login alone.

// RFC 5530 §3, codes that are not sent:
// EXPIRED: passwords do not expire here; one that was changed is a wrong one, and says no more.
// CONTACTADMIN: a closed account answers like a name nobody has (docs/LOGIN.md), and whatever else an
// administrator must mend is UNAVAILABLE or CORRUPTION, which say what it is.
// AUTHORIZATIONFAILED after SCRAM: its own last word, `e=`, is the same for all failures (RFC 5802 §7).

use koi_proto::imap::response::Code;
use koi_types::ErrorKind;

/// The response code that goes with `NO` for this kind of error.
#[must_use]
pub(crate) const fn code(kind: ErrorKind) -> Code<'static> {
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
        ErrorKind::Corrupt => Code::Corruption,
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
            code(kind).push(&mut text);
            assert!(!text.is_empty(), "{kind:?}");
        }
        assert!(matches!(code(ErrorKind::Unavailable), Code::Unavailable));
    }
}
