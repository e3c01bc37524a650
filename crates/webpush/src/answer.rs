//! What the answer of a push service means (COI-webpush §push-service-response-codes, RFC 8030 §5, RFC 9110
//! §15).

use std::time::Duration;

use koi_types::Timestamp;
use koi_types::limits::{PUSH_RETRY_AFTER_S_DEFAULT, PUSH_RETRY_AFTER_S_MAX};

use crate::http_date::http_date;

/// What happens to a push message, and to its subscription.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The push service has it: done.
    Accepted,
    /// The push resource is gone, and the subscription goes with it.
    DropSubscription,
    /// The same message again would be refused again; a smaller one may be taken.
    TooLarge,
    /// Nothing is sent to this push service before so much time has passed.
    RetryAfter(Duration),
    /// The push service is not well: again later, after a time the sender chooses.
    Retry,
    /// This request will never be accepted. The subscription stays: the fault may be ours.
    Refused,
}

/// Of the final answer's status code and the value of its `Retry-After`, if it has one.
///
/// Redirects are refused: RFC 8030 has no use for them, and following one would let a push service choose
/// whom this server talks to.
#[must_use]
pub fn verdict(status: u16, retry_after: Option<&[u8]>, now: Timestamp) -> Verdict {
    let after = retry_after.and_then(|value| delay(value, now));
    match status {
        200..=299 => Verdict::Accepted,
        404 | 410 => Verdict::DropSubscription,
        413 => Verdict::TooLarge,
        429 => Verdict::RetryAfter(after.unwrap_or(Duration::from_secs(PUSH_RETRY_AFTER_S_DEFAULT))),
        // RFC 9110 §15.5.9: 408 says that we took too long; 425 that TLS was not ready.
        408 | 425 | 500..=599 => after.map_or(Verdict::Retry, Verdict::RetryAfter),
        _ => Verdict::Refused,
    }
}

/// RFC 9110 §10.2.3: seconds, or a date; at least a second, at most [`PUSH_RETRY_AFTER_S_MAX`]. `None` when
/// it is neither.
fn delay(value: &[u8], now: Timestamp) -> Option<Duration> {
    let text = std::str::from_utf8(value).ok()?.trim_matches([' ', '\t']);
    let is_number = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    let seconds = if is_number {
        // A number too large to be read is larger than the limit.
        text.parse().unwrap_or(u64::MAX)
    } else {
        u64::try_from(http_date(text)?.secs().saturating_sub(now.secs())).unwrap_or_default()
    };
    Some(Duration::from_secs(seconds.clamp(1, PUSH_RETRY_AFTER_S_MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(784_111_777);

    fn after(seconds: u64) -> Verdict {
        Verdict::RetryAfter(Duration::from_secs(seconds))
    }

    /// spec: COI-webpush §push-service-response-codes; RFC 8030 §5
    #[test]
    fn each_status_has_a_verdict() {
        for (status, expected) in [
            (200, Verdict::Accepted),
            (201, Verdict::Accepted),
            (202, Verdict::Accepted),
            (204, Verdict::Accepted),
            (301, Verdict::Refused),
            (302, Verdict::Refused),
            (307, Verdict::Refused),
            (308, Verdict::Refused),
            (400, Verdict::Refused),
            (401, Verdict::Refused),
            (403, Verdict::Refused),
            (404, Verdict::DropSubscription),
            (405, Verdict::Refused),
            (408, Verdict::Retry),
            (410, Verdict::DropSubscription),
            (413, Verdict::TooLarge),
            (429, after(PUSH_RETRY_AFTER_S_DEFAULT)),
            (500, Verdict::Retry),
            (502, Verdict::Retry),
            (503, Verdict::Retry),
            (599, Verdict::Retry),
            (0, Verdict::Refused),
            (101, Verdict::Refused),
            (999, Verdict::Refused),
        ] {
            assert_eq!(verdict(status, None, NOW), expected, "{status}");
        }
    }

    /// spec: COI-webpush §push-service-response-codes
    #[test]
    fn retry_after_in_both_forms() {
        for (value, expected) in [
            ("120", after(120)),
            (" 7\t", after(7)),
            ("0", after(1)),
            ("99999999999999999999999999", after(PUSH_RETRY_AFTER_S_MAX)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", after(10)),
            ("Sunday, 06-Nov-94 08:50:37 GMT", after(60)),
            ("Sun Nov  6 08:49:38 1994", after(1)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", after(1)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", after(PUSH_RETRY_AFTER_S_MAX)),
            ("-1", after(PUSH_RETRY_AFTER_S_DEFAULT)),
            ("1.5", after(PUSH_RETRY_AFTER_S_DEFAULT)),
            ("soon", after(PUSH_RETRY_AFTER_S_DEFAULT)),
            ("", after(PUSH_RETRY_AFTER_S_DEFAULT)),
        ] {
            assert_eq!(verdict(429, Some(value.as_bytes()), NOW), expected, "{value}");
        }
        assert_eq!(verdict(503, Some(b"5"), NOW), after(5));
        assert_eq!(verdict(503, Some(b"\xff"), NOW), Verdict::Retry);
        assert_eq!(verdict(201, Some(b"5"), NOW), Verdict::Accepted);
    }
}
