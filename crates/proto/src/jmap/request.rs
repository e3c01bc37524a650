//! The Request object (RFC 8620 §3.3): from octets to calls, every limit checked before the work it limits.

use std::collections::BTreeMap;

use koi_types::limits;

use super::capability::{Capabilities, Capability};
use super::id::{CreatedIds, Id};
use super::json::{Json, Members};
use super::limits::CoreLimits;
use super::method::Method;
use super::problem::{RequestError, RequestLimit};

/// Calls to be made in order.
#[derive(Clone, PartialEq, Debug)]
pub struct Request {
    pub using: Capabilities,
    pub calls: Vec<Call>,
    pub created_ids: CreatedIds,
}

/// One Invocation (RFC 8620 §3.2) that asks for something.
#[derive(Clone, PartialEq, Debug)]
pub struct Call {
    /// `None`: there is no such method, or not in this request.
    pub method: Option<Method>,
    /// As it was written.
    pub name: Box<str>,
    /// Sent back with every response to it.
    pub id: Box<str>,
    /// As they were written, references unresolved; `Responses::arguments` makes them usable.
    pub(super) arguments: Members,
    /// Ids of the calls it refers to (RFC 8620 §3.7); no more than it may.
    refers_to: Vec<Box<str>>,
}

impl Request {
    /// Reads the body of a request to the API.
    ///
    /// # Errors
    /// See [`RequestError`]; nothing of the request was done then.
    pub fn parse(octets: &[u8], limits: &CoreLimits, supported: Capabilities) -> Result<Self, RequestError> {
        Self::from_members(Self::members(octets, limits)?, limits, supported)
    }

    /// The object in these octets, within the limits; a frame of RFC 8887 begins with this too.
    pub(super) fn members(octets: &[u8], limits: &CoreLimits) -> Result<Members, RequestError> {
        if octets.len() as u64 > limits.request_octets_max {
            let detail = format!("the request has more than {} octets", limits.request_octets_max);
            return Err(RequestError::Limit { limit: RequestLimit::MaxSizeRequest, detail: detail.into() });
        }
        match Json::parse(octets, &limits.bounds)? {
            Json::Object(members) => Ok(members),
            other => Err(RequestError::not_request(format!("a Request is an object, not {}", other.kind()))),
        }
    }

    /// Members that are not understood are ignored (RFC 8620 §3.3).
    pub(super) fn from_members(
        mut members: Members,
        limits: &CoreLimits,
        supported: Capabilities,
    ) -> Result<Self, RequestError> {
        let Some(Json::Array(calls)) = members.take("methodCalls") else {
            return Err(RequestError::not_request("methodCalls must be an array of Invocations"));
        };
        if calls.len() as u64 > limits.calls_max {
            let detail = format!("the request has {} calls of at most {}", calls.len(), limits.calls_max);
            return Err(RequestError::Limit {
                limit: RequestLimit::MaxCallsInRequest,
                detail: detail.into(),
            });
        }
        let using = match members.take("using") {
            Some(Json::Array(uris)) => using(&uris, supported)?,
            _ => return Err(RequestError::not_request("using must be an array of Strings")),
        };
        let created_ids = match members.take("createdIds") {
            None | Some(Json::Null) => CreatedIds::default(),
            Some(value) => CreatedIds::given(created_ids(value)?),
        };
        let call = |(at, value)| Call::read(at, value, using);
        let calls = calls.into_iter().enumerate().map(call).collect::<Result<_, _>>()?;
        Ok(Self { using, calls, created_ids })
    }

    /// One call, without references.
    pub(super) fn single(
        using: Capabilities,
        method: Method,
        arguments: Members,
        created_ids: CreatedIds,
    ) -> Self {
        let (name, id) = (method.name().into(), "0".into());
        let call = Call { method: Some(method), name, id, arguments, refers_to: Vec::new() };
        Self { using, calls: vec![call], created_ids }
    }

    /// Which call is the last to refer to a result of the call with this id: until then it must be kept.
    #[must_use]
    pub fn last_reference_to(&self, id: &str) -> Option<usize> {
        let refers = |call: &Call| call.refers_to.iter().any(|one| **one == *id);
        self.calls.iter().rposition(refers)
    }
}

/// RFC 8620 §3.3: what is not supported refuses the request.
fn using(uris: &[Json], supported: Capabilities) -> Result<Capabilities, RequestError> {
    let mut using = Capabilities::NONE;
    let mut unknown = None;
    for uri in uris {
        let Some(uri) = uri.as_str() else {
            return Err(RequestError::not_request("using must be an array of Strings"));
        };
        match Capability::parse(uri).filter(|capability| supported.contains(*capability)) {
            Some(capability) => using = using.with(capability),
            None => unknown = unknown.or(Some(uri)),
        }
    }
    match unknown {
        Some(uri) => Err(RequestError::UnknownCapability { uri: uri.into() }),
        None => Ok(using),
    }
}

/// The calls that references in these arguments name.
fn referred(arguments: &Members) -> Vec<Box<str>> {
    let references = arguments.iter().filter(|argument| argument.name.starts_with('#'));
    let result_of = |argument: &super::json::Member| match &argument.value {
        Json::Object(members) => members.value("resultOf").and_then(Json::as_str).map(Into::into),
        _ => None,
    };
    references.take(limits::JMAP_REFERENCES_MAX).filter_map(result_of).collect()
}

pub(super) fn created_ids(value: Json) -> Result<BTreeMap<Id, Id>, RequestError> {
    let wrong = || RequestError::not_request("createdIds must be a map of Ids to Ids");
    let Json::Object(members) = value else { return Err(wrong()) };
    let entry = |member: super::json::Member| {
        let creation = Id::parse(&member.name)?;
        Some((creation, Id::parse(member.value.as_str()?)?))
    };
    members.into_iter().map(entry).collect::<Option<_>>().ok_or_else(wrong)
}

impl Call {
    /// RFC 8620 §3.2.
    fn read(at: usize, value: Json, using: Capabilities) -> Result<Self, RequestError> {
        let wrong = |what: &str| RequestError::not_request(format!("methodCalls/{at}: {what}"));
        let Json::Array(parts) = value else { return Err(wrong("an Invocation is an array")) };
        let Ok([name, arguments, id]) = <[Json; 3]>::try_from(parts) else {
            return Err(wrong("an Invocation has three elements"));
        };
        match (name, arguments, id) {
            (Json::String(name), Json::Object(arguments), Json::String(id)) => {
                let refers_to = referred(&arguments);
                Ok(Self { method: Method::parse(&name, using), name, id, arguments, refers_to })
            }
            _ => Err(wrong("an Invocation is a String, an object and a String")),
        }
    }

    /// RFC 8620 §3.7: the arguments whose names begin with an octothorpe, taken out.
    pub(super) fn take_references(&mut self) -> Vec<super::json::Member> {
        self.arguments.take_if(|name| name.starts_with('#'))
    }
}

#[cfg(test)]
mod tests;
