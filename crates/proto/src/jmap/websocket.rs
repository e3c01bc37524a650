//! JMAP over a WebSocket (RFC 8887 §4.3): what a text message from a client is, and what is sent to it
//! besides the Response object, which is `Responses` in its own envelope.

use super::capability::Capabilities;
use super::json::{Json, Members, Raw};
use super::limits::CoreLimits;
use super::problem::RequestError;
use super::push::{PushTypes, StateChange};
use super::request::Request;

/// The subprotocol (RFC 8887 §4.2).
pub const SUBPROTOCOL: &str = "jmap";

/// A message from a client.
#[derive(Clone, PartialEq, Debug)]
pub enum ClientMessage {
    /// RFC 8887 §4.3.2; answer with `Envelope::WebSocket` and this id.
    Request { id: Option<Box<str>>, request: Request },
    /// RFC 8887 §4.3.5.2.
    PushEnable { types: PushTypes, push_state: Option<Box<str>> },
    /// RFC 8887 §4.3.5.3.
    PushDisable,
}

/// A message that is refused as a whole (RFC 8887 §4.3.4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefusedMessage {
    /// Of the request, if one could be read.
    pub request_id: Option<Box<str>>,
    pub error: RequestError,
}

impl ClientMessage {
    /// Reads a whole text message.
    ///
    /// # Errors
    /// Answer it with [`RefusedMessage::message`].
    pub fn parse(
        octets: &[u8],
        limits: &CoreLimits,
        supported: Capabilities,
    ) -> Result<Self, RefusedMessage> {
        let refused = |error| RefusedMessage { request_id: None, error };
        let mut members = Request::members(octets, limits).map_err(refused)?;
        let kind = members.take("@type");
        match kind.as_ref().and_then(Json::as_str) {
            Some("Request") => request(members, limits, supported),
            Some("WebSocketPushEnable") => push_enable(members).map_err(refused),
            Some("WebSocketPushDisable") => Ok(Self::PushDisable),
            _ => Err(refused(RequestError::not_request(
                "@type must be Request, WebSocketPushEnable or WebSocketPushDisable",
            ))),
        }
    }
}

fn request(
    mut members: Members,
    limits: &CoreLimits,
    supported: Capabilities,
) -> Result<ClientMessage, RefusedMessage> {
    let id = match members.take("id") {
        None | Some(Json::Null) => None,
        Some(Json::String(id)) => Some(id),
        Some(_) => {
            let error = RequestError::not_request("id must be a String");
            return Err(RefusedMessage { request_id: None, error });
        }
    };
    match Request::from_members(members, limits, supported) {
        Ok(request) => Ok(ClientMessage::Request { id, request }),
        Err(error) => Err(RefusedMessage { request_id: id, error }),
    }
}

fn push_enable(mut members: Members) -> Result<ClientMessage, RequestError> {
    let types = match members.take("dataTypes") {
        None | Some(Json::Null) => PushTypes::All,
        Some(Json::Array(names)) => {
            let names: Option<Vec<Box<str>>> =
                names.iter().map(|name| name.as_str().map(Into::into)).collect();
            let names =
                names.ok_or_else(|| RequestError::not_request("dataTypes must be Strings or null"))?;
            PushTypes::of_names(Some(&names))
        }
        Some(_) => return Err(RequestError::not_request("dataTypes must be an array or null")),
    };
    let push_state = match members.take("pushState") {
        None | Some(Json::Null) => None,
        Some(Json::String(state)) => Some(state),
        Some(_) => return Err(RequestError::not_request("pushState must be a String")),
    };
    Ok(ClientMessage::PushEnable { types, push_state })
}

impl RefusedMessage {
    /// The Problem Details object that is sent (RFC 8887 §4.3.4).
    #[must_use]
    pub fn message(&self) -> Raw {
        Raw::build(|slot| {
            slot.members(|object| {
                object.put("@type", "RequestError");
                object.put("requestId", &self.request_id);
                self.error.members(object);
            });
        })
    }
}

/// A StateChange with the token that makes up for what is missed (RFC 8887 §4.3.5.1).
#[must_use]
pub fn state_change(change: &StateChange, push_state: Option<&str>) -> Raw {
    Raw::build(|slot| {
        slot.members(|object| {
            change.members(object);
            object.put_some("pushState", push_state);
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jmap::id::Id;
    use crate::jmap::push::{AccountStates, PushType, TypeState};

    fn parse(text: &str) -> Result<ClientMessage, RefusedMessage> {
        ClientMessage::parse(text.as_bytes(), &CoreLimits::default(), Capabilities::all())
    }

    /// spec: RFC 8887 §4.3; RFC 8887 §4.3.2; RFC 8887 §4.3.5.2; RFC 8887 §4.3.5.3; RFC 8887 §4.4
    #[test]
    fn the_messages_of_the_rfc() {
        let enable = r#"{"@type":"WebSocketPushEnable","dataTypes":["Mailbox","Email"],"pushState":"aaa"}"#;
        let Ok(ClientMessage::PushEnable { types, push_state }) = parse(enable) else { panic!() };
        assert!(types.contains(PushType::Email) && !types.contains(PushType::Thread));
        assert_eq!(push_state.as_deref(), Some("aaa"));
        assert_eq!(parse(r#"{"@type":"WebSocketPushDisable"}"#), Ok(ClientMessage::PushDisable));
        let request = r#"{"@type":"Request","id":"R1","using":["urn:ietf:params:jmap:core"],
            "methodCalls":[["Core/echo",{"hello":true,"high":5},"b3ff"]]}"#;
        let Ok(ClientMessage::Request { id, request }) = parse(request) else { panic!() };
        assert_eq!((id.as_deref(), request.calls.len()), (Some("R1"), 1));
        let all = parse(r#"{"@type":"WebSocketPushEnable","dataTypes":null}"#);
        assert_eq!(all, Ok(ClientMessage::PushEnable { types: PushTypes::All, push_state: None }));
    }

    /// spec: RFC 8887 §4.3.1; RFC 8887 §4.3.4; RFC 8887 §4.4
    #[test]
    fn what_is_refused() {
        let refused = parse("The quick brown fox jumps over the lazy dog.").unwrap_err();
        let message = refused.message();
        assert!(
            message.as_str().starts_with(
                r#"{"@type":"RequestError","requestId":null,"type":"urn:ietf:params:jmap:error:notJSON","status":400,"#
            ),
            "{}",
            message.as_str()
        );
        let named = parse(r#"{"@type":"Request","id":"R2","using":["x"],"methodCalls":[]}"#).unwrap_err();
        assert_eq!(named.request_id.as_deref(), Some("R2"));
        assert_eq!(named.error, RequestError::UnknownCapability { uri: "x".into() });
        for text in [
            "[]",
            "{}",
            r#"{"@type":5}"#,
            r#"{"using":[],"methodCalls":[]}"#,
            r#"{"@type":"Request","id":5,"using":[],"methodCalls":[]}"#,
            r#"{"@type":"WebSocketPushEnable","dataTypes":"Email"}"#,
            r#"{"@type":"WebSocketPushEnable","dataTypes":[1]}"#,
            r#"{"@type":"WebSocketPushEnable","pushState":1}"#,
        ] {
            let error = parse(text).unwrap_err().error;
            assert!(matches!(error, RequestError::NotRequest { .. }), "{text}: {error:?}");
        }
    }

    /// spec: RFC 8887 §4.3.5.1; RFC 8887 §4.4
    #[test]
    fn a_state_change_with_its_token() {
        let state = TypeState { push_type: PushType::Mailbox, state: "d35ecb040aab".into() };
        let account = AccountStates { account_id: Id::parse("a456").unwrap(), states: vec![state] };
        let change = StateChange { changed: vec![account] };
        let expected =
            r#"{"@type":"StateChange","changed":{"a456":{"Mailbox":"d35ecb040aab"}},"pushState":"bbb"}"#;
        assert_eq!(state_change(&change, Some("bbb")).as_str(), expected);
    }
}
