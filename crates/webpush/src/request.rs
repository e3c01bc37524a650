//! What is asked of a push service (RFC 8030 §5, COI-webpush §push-message-example).

use std::fmt;

use crate::endpoint::Endpoint;
use crate::key::base64url;

/// How much of its battery a message is worth to a device (RFC 8030 §5.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Urgency {
    VeryLow,
    Low,
    #[default]
    Normal,
    High,
}

impl Urgency {
    #[must_use]
    pub const fn value(self) -> &'static str {
        match self {
            Self::VeryLow => "very-low",
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }
}

/// What a newer message replaces an undelivered older one by (RFC 8030 §5.4): 32 characters that say
/// nothing, because the push service reads them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Topic(Box<str>);

impl Topic {
    /// From a digest the push service cannot guess the input of.
    #[must_use]
    pub fn new(digest: &[u8; 24]) -> Self {
        Self(base64url(digest).into())
    }
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the body of a push message is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Form {
    /// What [`crate::encrypt()`] made; of what is inside nothing is said (RFC 8188 §3.1).
    #[default]
    Sealed,
    /// The same, of which all know that JSON is inside (RFC 8620 §7.2).
    SealedJson,
    /// JSON that everybody can read, for a client that gave no keys (RFC 8620 §7.2).
    Json,
}

/// One push message on its way.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    pub endpoint: &'a Endpoint,
    /// How long the push service keeps it for a device that is away (RFC 8030 §5.2).
    pub ttl_s: u32,
    pub urgency: Urgency,
    pub topic: Option<&'a Topic>,
    /// Of [`crate::vapid()`].
    pub authorization: &'a str,
    pub form: Form,
    /// COI-webpush §sending-a-validation-push-message.
    pub validation: bool,
}

/// A header field; the name is in lower case, as HTTP/2 wants it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    pub name: &'static str,
    pub value: String,
}

impl Request<'_> {
    /// All header fields but those that HTTP itself needs: Host and Content-Length.
    #[must_use]
    pub fn headers(&self) -> Vec<Header> {
        let header = |name, value: &str| Header { name, value: value.to_owned() };
        let content_type = match self.form {
            Form::Sealed => "application/octet-stream",
            Form::SealedJson | Form::Json => "application/json",
        };
        let mut headers = vec![
            header("ttl", &self.ttl_s.to_string()),
            header("urgency", self.urgency.value()),
            header("content-type", content_type),
        ];
        if self.form != Form::Json {
            headers.push(header("content-encoding", "aes128gcm"));
        }
        headers.push(header("authorization", self.authorization));
        headers.extend(self.topic.map(|topic| header("topic", topic.as_str())));
        if self.validation {
            headers.push(header("webpush-validation", ""));
        }
        headers
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// spec: RFC 8030 §5.2; RFC 8030 §5.3; RFC 8030 §5.4; RFC 8188 §4.6; RFC 8620 §7.2;
    /// COI-webpush §push-message-example
    #[test]
    fn header_fields() {
        let endpoint =
            Endpoint::parse("https://push.example.net/p/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV").unwrap();
        let topic = Topic::new(&[0xfb; 24]);
        assert_eq!(topic.as_str(), "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7");
        let request = Request {
            endpoint: &endpoint,
            ttl_s: 30,
            urgency: Urgency::High,
            topic: Some(&topic),
            authorization: "vapid t=a, k=b",
            form: Form::Sealed,
            validation: false,
        };
        let lines = |request: &Request<'_>| {
            request.headers().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        let expected = "ttl: 30\nurgency: high\ncontent-type: application/octet-stream\n\
                        content-encoding: aes128gcm\nauthorization: vapid t=a, k=b\n\
                        topic: -_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7";
        assert_eq!(lines(&request), expected);
        let validation =
            Request { validation: true, topic: None, urgency: Urgency::default(), ..request.clone() };
        assert!(lines(&validation).ends_with("vapid t=a, k=b\nwebpush-validation: "));
        assert!(lines(&validation).contains("urgency: normal"));
        let json = Request { form: Form::Json, ..request.clone() };
        let sealed = Request { form: Form::SealedJson, ..request };
        assert!([&json, &sealed].iter().all(|one| lines(one).contains("content-type: application/json")));
        assert!(lines(&sealed).contains("content-encoding: aes128gcm"));
        assert!(!lines(&json).contains("content-encoding"));
    }
}
