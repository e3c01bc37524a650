//! Refusals as problem details, and those JMAP has names for (RFC 8620 §3.6.1).

use hyper::StatusCode;
use hyper::header::{ALLOW, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use koi_types::{ErrorKind, MailError};
use serde_json::json;

use super::answer::Answer;

/// Why a request is refused as a whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refused {
    /// RFC 8620 §3.6.1: another content type than JSON, or octets that are no I-JSON.
    NotJson(Box<str>),
    /// RFC 8620 §3.6.1: JSON, and no request.
    NotRequest(Box<str>),
    /// RFC 8620 §3.6.1
    UnknownCapability(Box<str>),
    /// RFC 8620 §3.6.1
    Limit(Limit, Box<str>),
    NotFound,
    /// With the methods there are.
    Method(&'static str),
    BadRequest(Box<str>),
    /// Nobody is logged in, or not with this.
    Unauthorized(Box<str>),
    /// The login is good, and not for this.
    Forbidden(Box<str>),
    TooLarge(Box<str>),
    /// The body did not come in time.
    Slow,
    /// For now.
    Busy(Box<str>),
    TooManyFailures(Box<str>),
    /// Something of ours is broken; what, is in the log.
    Internal,
}

/// Limits of the session's core capability (RFC 8620 §2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    MaxSizeUpload,
    MaxConcurrentUpload,
    MaxSizeRequest,
    MaxConcurrentRequests,
    MaxCallsInRequest,
    MaxObjectsInGet,
    MaxObjectsInSet,
}

impl Limit {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaxSizeUpload => "maxSizeUpload",
            Self::MaxConcurrentUpload => "maxConcurrentUpload",
            Self::MaxSizeRequest => "maxSizeRequest",
            Self::MaxConcurrentRequests => "maxConcurrentRequests",
            Self::MaxCallsInRequest => "maxCallsInRequest",
            Self::MaxObjectsInGet => "maxObjectsInGet",
            Self::MaxObjectsInSet => "maxObjectsInSet",
        }
    }
    /// 400 as in RFC 8620 §3.6.1.1; a client that is too quick may come again.
    const fn status(self) -> StatusCode {
        match self {
            Self::MaxSizeUpload => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MaxConcurrentUpload | Self::MaxConcurrentRequests => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::BAD_REQUEST,
        }
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

/// What all kinds have.
struct Shape {
    status: StatusCode,
    kind: &'static str,
    detail: Box<str>,
}

impl Refused {
    /// The response.
    pub(crate) fn answer(self) -> Answer {
        let limit = if let Self::Limit(limit, _) = &self { Some(limit.name()) } else { None };
        let headers = self.headers();
        let Shape { status, kind, detail } = self.shape();
        let title = status.canonical_reason().unwrap_or("Refused");
        let mut problem = json!({ "type": kind, "status": status.as_u16(), "title": title });
        if let Some(members) = problem.as_object_mut() {
            if !detail.is_empty() {
                members.insert("detail".into(), json!(detail));
            }
            if let Some(limit) = limit {
                members.insert("limit".into(), json!(limit));
            }
        }
        let mut answer = Answer::of(status, "application/problem+json", problem.to_string().into_bytes());
        for (name, value) in headers {
            answer.headers.append(name, HeaderValue::from_static(value));
        }
        answer
    }
    fn headers(&self) -> Vec<(HeaderName, &'static str)> {
        match self {
            Self::Unauthorized(_) => CHALLENGES.map(|challenge| (WWW_AUTHENTICATE, challenge)).to_vec(),
            Self::Method(allowed) => vec![(ALLOW, allowed)],
            Self::Busy(_) | Self::TooManyFailures(_) => vec![(RETRY_AFTER, RETRY_SECS)],
            Self::Limit(limit, _) if limit.status() == StatusCode::TOO_MANY_REQUESTS => {
                vec![(RETRY_AFTER, "1")]
            }
            _ => Vec::new(),
        }
    }
    fn shape(self) -> Shape {
        const BLANK: &str = "about:blank";
        let (status, kind, detail) = match self {
            Self::NotJson(why) => (StatusCode::BAD_REQUEST, "urn:ietf:params:jmap:error:notJSON", why),
            Self::NotRequest(why) => (StatusCode::BAD_REQUEST, "urn:ietf:params:jmap:error:notRequest", why),
            Self::UnknownCapability(why) => {
                (StatusCode::BAD_REQUEST, "urn:ietf:params:jmap:error:unknownCapability", why)
            }
            Self::Limit(limit, why) => (limit.status(), "urn:ietf:params:jmap:error:limit", why),
            Self::NotFound => (StatusCode::NOT_FOUND, BLANK, "There is nothing at this address.".into()),
            Self::Method(allowed) => {
                (StatusCode::METHOD_NOT_ALLOWED, BLANK, format!("Use {allowed} here.").into())
            }
            Self::BadRequest(why) => (StatusCode::BAD_REQUEST, BLANK, why),
            Self::Unauthorized(why) => (StatusCode::UNAUTHORIZED, BLANK, why),
            Self::Forbidden(why) => (StatusCode::FORBIDDEN, BLANK, why),
            Self::TooLarge(why) => (StatusCode::PAYLOAD_TOO_LARGE, BLANK, why),
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, BLANK, "The request did not come in time.".into()),
            Self::Busy(why) => (StatusCode::SERVICE_UNAVAILABLE, BLANK, why),
            Self::TooManyFailures(why) => (StatusCode::TOO_MANY_REQUESTS, BLANK, why),
            Self::Internal => {
                (StatusCode::INTERNAL_SERVER_ERROR, BLANK, "Internal error; the log says more.".into())
            }
        };
        Shape { status, kind, detail }
    }
}
