//! Errors of the mailbox service as DMTP says them: 4yz for what may be good later, 5yz for what never will
//! be.

use koi_dime::dmtp::Reply;
use koi_types::{Cause, ErrorKind, MailError};

pub(super) fn reply(error: &MailError) -> Reply {
    Reply::new(code(error), &error.text)
}

const fn code(error: &MailError) -> u16 {
    match (error.kind, error.cause) {
        // Of a domain that is looked up: another try finds another record, perhaps. Its key may be changing,
        // or an administrator looks at it; mail that waits for that is not lost.
        (_, Some(Cause::SignetInvalid))
        | (ErrorKind::Unavailable | ErrorKind::Conflict, _)
        | (ErrorKind::Corrupt | ErrorKind::Internal | ErrorKind::AlreadyExists | ErrorKind::InUse, _) => 451,
        // Whoever is full can make room.
        (ErrorKind::OverQuota | ErrorKind::LimitReached, _) => 452,
        (ErrorKind::TooLarge, _) => 552,
        (_, Some(Cause::NotCurrent)) => 551,
        (_, Some(Cause::BadSignature)) | (ErrorKind::InvalidInput, _) => 554,
        _ => 550,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_for_later_whatever_its_cause() {
        for kind in ErrorKind::ALL {
            for cause in [None, Some(Cause::NotCurrent), Some(Cause::BadSignature), Some(Cause::NoSignet)] {
                let error = MailError { cause, ..MailError::new(kind, "text") };
                let code = reply(&error).code;
                assert!((450..560).contains(&code), "{kind:?} {cause:?}");
                assert!(!error.is_temporary() || code < 500, "{kind:?} {cause:?}");
            }
        }
        let not_current = MailError::new(ErrorKind::NoPermission, "").because(Cause::NotCurrent);
        assert_eq!(reply(&not_current).code, 551);
        assert_eq!(reply(&MailError::new(ErrorKind::NotFound, "")).code, 550);
        assert_eq!(reply(&MailError::new(ErrorKind::OverQuota, "")).code, 452);
    }
}
