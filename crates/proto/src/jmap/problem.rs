//! Request-level errors as problem details (RFC 8620 §3.6.1, RFC 9457 §3).

use super::json::{NotJson, ObjectWriter, Raw, Slot, ToJson};

/// Content-Type of a problem (RFC 9457 §3).
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

/// Why a whole request was refused, before anything was done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RequestError {
    UnknownCapability {
        uri: Box<str>,
    },
    /// It is not `application/json`, or not I-JSON.
    NotJson {
        detail: Box<str>,
    },
    /// It is JSON, but no Request object.
    NotRequest {
        detail: Box<str>,
    },
    Limit {
        limit: RequestLimit,
        detail: Box<str>,
    },
}

/// The limits of the core capability that refuse a whole request (RFC 8620 §2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequestLimit {
    MaxSizeUpload,
    MaxConcurrentUpload,
    MaxSizeRequest,
    MaxConcurrentRequests,
    MaxCallsInRequest,
}

impl RequestLimit {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaxSizeUpload => "maxSizeUpload",
            Self::MaxConcurrentUpload => "maxConcurrentUpload",
            Self::MaxSizeRequest => "maxSizeRequest",
            Self::MaxConcurrentRequests => "maxConcurrentRequests",
            Self::MaxCallsInRequest => "maxCallsInRequest",
        }
    }
}

impl RequestError {
    pub(super) fn not_request(detail: impl Into<Box<str>>) -> Self {
        Self::NotRequest { detail: detail.into() }
    }

    /// The value of `type`.
    #[must_use]
    pub const fn uri(&self) -> &'static str {
        match self {
            Self::UnknownCapability { .. } => "urn:ietf:params:jmap:error:unknownCapability",
            Self::NotJson { .. } => "urn:ietf:params:jmap:error:notJSON",
            Self::NotRequest { .. } => "urn:ietf:params:jmap:error:notRequest",
            Self::Limit { .. } => "urn:ietf:params:jmap:error:limit",
        }
    }

    /// The HTTP status: 400 as in RFC 8620 §3.6.1.1, 429 where trying again later helps.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Limit { limit: RequestLimit::MaxConcurrentRequests, .. }
            | Self::Limit { limit: RequestLimit::MaxConcurrentUpload, .. } => 429,
            Self::Limit { limit: RequestLimit::MaxSizeUpload, .. } => 413,
            _ => 400,
        }
    }

    pub(super) fn members(&self, object: &mut ObjectWriter<'_>) {
        object.put("type", self.uri());
        match self {
            Self::UnknownCapability { uri } => {
                object.member("status").number(u64::from(self.status()));
                let detail = format!(
                    "The Request object used capability '{uri}', which is not supported by this server."
                );
                object.put("detail", &detail);
            }
            Self::NotJson { detail } | Self::NotRequest { detail } => {
                object.member("status").number(u64::from(self.status()));
                object.put("detail", detail);
            }
            Self::Limit { limit, detail } => {
                object.put("limit", limit.name());
                object.member("status").number(u64::from(self.status()));
                object.put("detail", detail);
            }
        }
    }
}

impl From<NotJson> for RequestError {
    fn from(why: NotJson) -> Self {
        let detail = why.to_string().into();
        match why {
            // The memory a request takes is what maxSizeRequest is about.
            NotJson::TooManyValues { .. } => Self::Limit { limit: RequestLimit::MaxSizeRequest, detail },
            NotJson::TooDeep { .. } | NotJson::Wrong { .. } => Self::NotJson { detail },
        }
    }
}

impl ToJson for RequestError {
    fn write(&self, slot: Slot<'_>) {
        slot.members(|object| self.members(object));
    }
}

/// A problem that is only an HTTP status with a text (RFC 9457 §4.2.1): of upload, download, event source.
#[must_use]
pub fn http_problem(status: u16, title: &str, detail: Option<&str>) -> Raw {
    Raw::build(|slot| {
        slot.members(|object| {
            object.put("type", "about:blank");
            object.put("title", title);
            object.member("status").number(u64::from(status));
            object.put_some("detail", detail);
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// spec: RFC 8620 §3.6.1; RFC 8620 §3.6.1.1
    #[test]
    fn problems_are_those_of_the_rfc() {
        let unknown = RequestError::UnknownCapability { uri: "https://example.com/apis/foobar".into() };
        assert_eq!(
            Raw::of(&unknown).as_str(),
            concat!(
                r#"{"type":"urn:ietf:params:jmap:error:unknownCapability","status":400,"detail":"#,
                r#""The Request object used capability 'https://example.com/apis/foobar', "#,
                r#"which is not supported by this server."}"#
            )
        );
        let limit = RequestError::Limit {
            limit: RequestLimit::MaxSizeRequest,
            detail: "The request is larger than the server is willing to process.".into(),
        };
        assert_eq!(
            Raw::of(&limit).as_str(),
            concat!(
                r#"{"type":"urn:ietf:params:jmap:error:limit","limit":"maxSizeRequest","status":400,"#,
                r#""detail":"The request is larger than the server is willing to process."}"#
            )
        );
        let not_json = RequestError::from(NotJson::Wrong { what: "x".to_owned() });
        assert_eq!(
            Raw::of(&not_json).as_str(),
            r#"{"type":"urn:ietf:params:jmap:error:notJSON","status":400,"detail":"x"}"#
        );
        let not_request = RequestError::not_request("y");
        assert_eq!(
            Raw::of(&not_request).as_str(),
            r#"{"type":"urn:ietf:params:jmap:error:notRequest","status":400,"detail":"y"}"#
        );
    }

    /// spec: RFC 8620 §2; RFC 9457 §3; RFC 9457 §3.1; RFC 9457 §3.1.1; RFC 9457 §3.1.2; RFC 9457 §3.1.3
    /// spec: RFC 9457 §3.1.4; RFC 9457 §3.2; RFC 9457 §4.2.1
    #[test]
    fn limits_have_their_names_and_statuses() {
        let known = [
            (RequestLimit::MaxSizeUpload, "maxSizeUpload", 413),
            (RequestLimit::MaxConcurrentUpload, "maxConcurrentUpload", 429),
            (RequestLimit::MaxSizeRequest, "maxSizeRequest", 400),
            (RequestLimit::MaxConcurrentRequests, "maxConcurrentRequests", 429),
            (RequestLimit::MaxCallsInRequest, "maxCallsInRequest", 400),
        ];
        for (limit, name, status) in known {
            assert_eq!(limit.name(), name);
            assert_eq!(RequestError::Limit { limit, detail: "".into() }.status(), status);
        }
        assert_eq!(
            http_problem(404, "Not Found", None).as_str(),
            r#"{"type":"about:blank","title":"Not Found","status":404}"#
        );
    }
}
