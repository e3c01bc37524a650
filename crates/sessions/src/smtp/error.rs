//! Errors of the mailbox service as SMTP and LMTP say them: reply code and enhanced code (RFC 5321 §4.2.3,
//! RFC 3463 §3).
//!
//! The one table; a test holds that every kind is in it. Whatever may be our fault or may pass is 4yz: the
//! peer keeps the message and tries again.

use koi_proto::smtp::{EnhancedCode, Reply};
use koi_types::{Cause, ErrorKind, MailError};

struct Row {
    code: u16,
    enhanced: EnhancedCode,
}

/// The reply for one recipient or one command.
pub(super) fn reply(error: &MailError) -> Reply {
    let row = match error.cause {
        // RFC 3463 §3.8: a key is missing without which the message may not be kept.
        Some(Cause::NoSignet) => self::code(451, 7, 5),
        _ => row(error.kind),
    };
    Reply::new(row.code, row.enhanced, error.text.to_string())
}

const fn row(kind: ErrorKind) -> Row {
    match kind {
        ErrorKind::NotFound => self::code(550, 1, 1),
        ErrorKind::AlreadyExists | ErrorKind::Conflict | ErrorKind::InUse => self::code(451, 3, 0),
        ErrorKind::NoPermission => self::code(550, 7, 1),
        ErrorKind::AuthenticationFailed => self::code(535, 7, 8),
        ErrorKind::OverQuota => self::code(552, 2, 2),
        ErrorKind::TooLarge => self::code(552, 3, 4),
        ErrorKind::LimitReached => self::code(452, 5, 3),
        ErrorKind::InvalidInput => self::code(554, 6, 0),
        ErrorKind::Gone => self::code(550, 2, 1),
        ErrorKind::Unsupported => self::code(504, 5, 4),
        ErrorKind::Unavailable => self::code(452, 3, 1),
        ErrorKind::Corrupt | ErrorKind::Internal => self::code(451, 3, 0),
    }
}

/// The class of the enhanced code is the first digit of the reply code (RFC 2034 §4).
const fn code(code: u16, subject: u16, detail: u16) -> Row {
    Row { code, enhanced: EnhancedCode::new((code / 100) as u8, subject, detail) }
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: RFC 2034 §4
    #[test]
    fn every_kind_has_a_code_and_what_may_pass_is_temporary() {
        for kind in ErrorKind::ALL {
            let error = MailError::new(kind, "text");
            let reply = reply(&error);
            assert!((400..600).contains(&reply.code), "{kind:?}");
            assert_eq!(u16::from(reply.enhanced.unwrap().class), reply.code / 100, "{kind:?}");
            assert!(!error.is_temporary() || reply.code < 500, "{kind:?}");
        }
    }

    // spec: RFC 3463 §3.8
    #[test]
    fn an_account_that_mail_cannot_be_encrypted_for_is_no_full_system() {
        let reply = |kind, cause| reply(&MailError::new(kind, "text").because(cause));
        let none = reply(ErrorKind::Unavailable, Cause::NoSignet);
        assert_eq!((none.code, none.enhanced), (451, Some(EnhancedCode::new(4, 7, 5))));
        let denied = reply(ErrorKind::NoPermission, Cause::PolicyDenied);
        assert_eq!((denied.code, denied.enhanced), (550, Some(EnhancedCode::new(5, 7, 1))));
    }
}
