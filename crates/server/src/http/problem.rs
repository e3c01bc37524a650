//! Refusals as problem details, and those JMAP has names for (RFC 8620 §3.6.1).

use std::borrow::Cow;

use hyper::StatusCode;
use hyper::header::{
    ALLOW, CONNECTION, HeaderName, HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_VERSION, UPGRADE, WWW_AUTHENTICATE,
};
use koi_proto::jmap::problem::{PROBLEM_MEDIA_TYPE, http_problem};
use koi_proto::jmap::{Raw, RequestError, RequestLimit};
use koi_types::{ErrorKind, MailError};

use super::answer::Answer;

/// Why a request is refused as a whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refused {
    /// RFC 8620 §3.6.1
    Jmap(RequestError),
    NotFound,
    /// With the methods there are.
    Method(&'static str),
    BadRequest(Box<str>),
    /// Nobody is logged in, or not with this.
    Unauthorized(Box<str>),
    /// The login is good, and not for this.
    Forbidden(Box<str>),
    TooLarge(Box<str>),
    /// Only WebSockets are here (RFC 6455 §4.2.2, RFC 9110 §15.5.22).
    UpgradeRequired,
    /// The body did not come in time.
    Slow,
    /// For now.
    Busy(Box<str>),
    TooManyFailures(Box<str>),
    /// Something of ours is broken; what, is in the log.
    Internal,
}

impl From<RequestError> for Refused {
    fn from(error: RequestError) -> Self {
        Self::Jmap(error)
    }
}

impl From<&MailError> for Refused {
    fn from(error: &MailError) -> Self {
        let text = error.text.to_string().into();
        match error.kind {
            ErrorKind::AuthenticationFailed => Self::Unauthorized(text),
            ErrorKind::NoPermission => Self::Forbidden(text),
            ErrorKind::LimitReached => Self::TooManyFailures(text),
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::TooLarge => Self::TooLarge(text),
            ErrorKind::InvalidInput => Self::BadRequest(text),
            ErrorKind::Unavailable => Self::Busy(text),
            _ => Self::Internal,
        }
    }
}

/// Seconds after which it may be worth trying again.
const RETRY_SECS: &str = "5";
/// RFC 7617 §2.1, RFC 6750 §3.
const CHALLENGES: [&str; 2] = [r#"Basic realm="Koi", charset="UTF-8""#, r#"Bearer realm="Koi""#];

impl Refused {
    /// One of the limits that the session's core capability tells (RFC 8620 §2).
    pub(super) fn limit(limit: RequestLimit, detail: impl Into<Box<str>>) -> Self {
        Self::Jmap(RequestError::Limit { limit, detail: detail.into() })
    }
    /// The response.
    pub(crate) fn answer(self) -> Answer {
        let (headers, status) = (self.headers(), self.status());
        let problem = match &self {
            Self::Jmap(error) => Raw::of(error),
            other => {
                let title = status.canonical_reason().unwrap_or("Refused");
                http_problem(status.as_u16(), title, Some(&*other.detail()))
            }
        };
        let mut answer = Answer::of(status, PROBLEM_MEDIA_TYPE, problem.as_str().as_bytes().to_vec());
        for (name, value) in headers {
            answer.headers.append(name, HeaderValue::from_static(value));
        }
        answer
    }
    fn headers(&self) -> Vec<(HeaderName, &'static str)> {
        match self {
            Self::Unauthorized(_) => CHALLENGES.map(|challenge| (WWW_AUTHENTICATE, challenge)).to_vec(),
            Self::Method(allowed) => vec![(ALLOW, allowed)],
            Self::UpgradeRequired => {
                vec![(UPGRADE, "websocket"), (CONNECTION, "Upgrade"), (SEC_WEBSOCKET_VERSION, "13")]
            }
            Self::Busy(_) | Self::TooManyFailures(_) => vec![(RETRY_AFTER, RETRY_SECS)],
            Self::Jmap(_) if self.status() == StatusCode::TOO_MANY_REQUESTS => vec![(RETRY_AFTER, "1")],
            _ => Vec::new(),
        }
    }
    fn status(&self) -> StatusCode {
        match self {
            Self::Jmap(error) => StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST),
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UpgradeRequired => StatusCode::UPGRADE_REQUIRED,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooManyFailures(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
    /// For whoever wrote the client.
    pub(super) fn detail(&self) -> Cow<'_, str> {
        match self {
            // It says so itself.
            Self::Jmap(_) => "".into(),
            Self::NotFound => "There is nothing at this address.".into(),
            Self::Method(allowed) => format!("Use {allowed} here.").into(),
            Self::BadRequest(why)
            | Self::Unauthorized(why)
            | Self::Forbidden(why)
            | Self::TooLarge(why)
            | Self::Busy(why)
            | Self::TooManyFailures(why) => Cow::Borrowed(why),
            Self::UpgradeRequired => "Open a WebSocket of version 13 here.".into(),
            Self::Slow => "The request did not come in time.".into(),
            Self::Internal => "Internal error; the log says more.".into(),
        }
    }
}
