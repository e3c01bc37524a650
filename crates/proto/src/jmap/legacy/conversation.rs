//! One request of the draft, as requests of the RFC that are made one after the other.

use std::collections::BTreeMap;

use super::answer::answer;
use super::ask::{Asked, Echo, ask, is_of_draft};
use super::attached::Attached;
use super::whole::{Compare, Compared};
use super::{CORE, MAIL, Member, Members, Texts, error, put};
use crate::jmap::arguments::Arguments;
use crate::jmap::capability::{Capabilities, Capability};
use crate::jmap::error::MethodError;
use crate::jmap::id::{CreatedIds, Id};
use crate::jmap::json::{Bounds, Json};
use crate::jmap::limits::CoreLimits;
use crate::jmap::method::Method;
use crate::jmap::problem::RequestError;
use crate::jmap::request::{Call, Request, created_ids};
use crate::jmap::response::{Envelope, Responses};

/// A request, in the one dialect or the other.
#[derive(Debug)]
pub enum Dialect {
    Rfc(Request),
    Draft(Box<Conversation>),
}

/// A request of the draft.
#[derive(Debug)]
pub struct Conversation {
    request: Request,
    /// What was opted into by the names of the RFC: methods that the draft has not are as the RFC has them.
    using: Capabilities,
    /// The call that is made, or will be next.
    at: usize,
    responses: Responses,
    created: BTreeMap<Id, Id>,
    primary: Id,
    texts: Texts,
    doing: Doing,
}

/// What was asked for, or is to be asked for now.
#[derive(Debug)]
enum Doing {
    Nothing,
    /// The call itself.
    Call(Echo),
    /// A call of the RFC.
    Plain,
    /// What an update says is compared first.
    Compare(Compare),
    /// Then it is made.
    Compared {
        arguments: Members,
        refused: Vec<Member>,
    },
    /// What is attached comes last.
    Attached(Attached),
}

/// One call of the RFC.
struct Question {
    method: Method,
    arguments: Members,
}

/// What is to be done next.
#[derive(Debug)]
pub enum Next {
    /// Make this request and give its whole response to [`Conversation::answered`].
    Ask(Request),
    /// Nothing is left: the rest of the response.
    Done(Vec<u8>),
}

impl Dialect {
    /// Reads the body of a request to the API. It is one of the draft when it uses the draft's names.
    ///
    /// # Errors
    /// As [`Request::parse`].
    pub fn read(
        octets: &[u8],
        limits: &CoreLimits,
        supported: Capabilities,
        primary: &Id,
        texts: Texts,
    ) -> Result<Self, RequestError> {
        let mut members = Request::members(octets, limits)?;
        let is_name = |uri: &Json| matches!(uri.as_str(), Some(CORE | MAIL));
        let is_draft = match members.value("using") {
            Some(Json::Array(uris)) => uris.iter().any(is_name),
            _ => false,
        };
        if !is_draft {
            return Request::from_members(members, limits, supported).map(Self::Rfc);
        }
        if let Some(Json::Array(uris)) = members.take("using") {
            put(&mut members, "using", Json::Array(uris.into_iter().filter(|uri| !is_name(uri)).collect()));
        }
        let mut request = Request::from_members(members, limits, supported)?;
        let using = request.using;
        request.using = Capability::ALL.into_iter().filter(|one| supported.contains(*one)).collect();
        let conversation = Conversation {
            using,
            at: 0,
            responses: Responses::new(&Envelope::Http),
            created: request.created_ids.clone().into_map(),
            request,
            primary: primary.clone(),
            texts,
            doing: Doing::Nothing,
        };
        Ok(Self::Draft(Box::new(conversation)))
    }
}

impl Conversation {
    /// Goes on until something must be asked, or nothing is left.
    pub fn advance(&mut self) -> Next {
        loop {
            let asked = match std::mem::replace(&mut self.doing, Doing::Nothing) {
                Doing::Nothing => {
                    let Some(call) = self.request.calls.get_mut(self.at) else {
                        return Next::Done(self.finish());
                    };
                    let arguments = self.responses.arguments(call).map(Arguments::into_members);
                    let name = call.name.clone();
                    arguments.and_then(|arguments| self.begin(&name, arguments))
                }
                Doing::Compared { arguments, refused } => self.call(Method::EmailSet, arguments, refused),
                Doing::Attached(mut attached) => match attached.ask() {
                    Some(arguments) => {
                        self.doing = Doing::Attached(attached);
                        Ok(Some(Question { method: Method::EmailParse, arguments }))
                    }
                    None => {
                        self.respond("Email/get", attached.finish());
                        self.at += 1;
                        Ok(None)
                    }
                },
                // Nobody answered.
                Doing::Call(_) | Doing::Plain | Doing::Compare(_) => {
                    Err(MethodError::ServerFail { description: "no answer".into() })
                }
            };
            match asked {
                Ok(Some(Question { method, arguments })) => {
                    let created = CreatedIds::given(self.created.clone());
                    return Next::Ask(Request::single(self.request.using, method, arguments, created));
                }
                Ok(None) => {}
                Err(error) => {
                    let name = self.request.calls.get(self.at).map(|call| call.name.clone());
                    let said = error::said(&name.unwrap_or_default(), &error);
                    self.respond("error", said);
                    self.at += 1;
                }
            }
        }
    }

    /// Begins a call: what is to be asked, or nothing when it is answered.
    fn begin(&mut self, name: &str, arguments: Members) -> Result<Option<Question>, MethodError> {
        let method = Method::parse(name, self.request.using).ok_or(MethodError::UnknownMethod)?;
        if !is_of_draft(method) {
            Method::parse(name, self.using).ok_or(MethodError::UnknownMethod)?;
            self.doing = Doing::Plain;
            return Ok(Some(Question { method, arguments }));
        }
        match method {
            Method::PushSubscriptionGet | Method::PushSubscriptionSet => {
                let said = push(method, arguments)?;
                self.respond(name, said);
                self.at += 1;
                Ok(None)
            }
            Method::EmailSet => match Compare::of(arguments) {
                Ok(compare) => {
                    let arguments = compare.ask(&self.primary);
                    self.doing = Doing::Compare(compare);
                    Ok(Some(Question { method: Method::EmailGet, arguments }))
                }
                Err(arguments) => self.call(method, arguments, Vec::new()),
            },
            _ => self.call(method, arguments, Vec::new()),
        }
    }

    fn call(
        &mut self,
        method: Method,
        arguments: Members,
        refused: Vec<Member>,
    ) -> Result<Option<Question>, MethodError> {
        let Asked { arguments, echo } = ask(method, arguments, &self.primary)?;
        self.doing = Doing::Call(Echo { refused, ..echo });
        Ok(Some(Question { method, arguments }))
    }

    /// Takes the response to what was asked.
    pub fn answered(&mut self, response: &[u8]) {
        // It was written here: nothing in it is bounded but by what wrote it.
        let bounds = Bounds { depth_max: usize::MAX, values_max: usize::MAX };
        let mut members = match Json::parse(response, &bounds) {
            Ok(Json::Object(members)) => members,
            _ => Members::default(),
        };
        if let Some(Ok(created)) = members.take("createdIds").map(created_ids) {
            self.created = created;
        }
        let said = match members.take("methodResponses") {
            Some(Json::Array(all)) => all.into_iter().filter_map(Said::read).collect(),
            _ => Vec::new(),
        };
        self.doing = match std::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Call(echo) => self.call_answered(said, &echo),
            Doing::Plain => {
                said.into_iter().for_each(|one| self.respond(&one.name, one.arguments));
                self.at += 1;
                Doing::Nothing
            }
            Doing::Compare(compare) => self.compare(compare, said),
            Doing::Attached(mut attached) => {
                let parsed = said.into_iter().find(|one| one.name == "Email/parse");
                if let Some(parsed) = parsed {
                    attached.answered(parsed.arguments, &self.texts);
                }
                Doing::Attached(attached)
            }
            doing => doing,
        };
    }

    /// An update is asked for only when what it says was compared.
    fn compare(&mut self, compare: Compare, said: Vec<Said>) -> Doing {
        let first = said.into_iter().next();
        let (name, arguments) = first.map(|one| (one.name, one.arguments)).unwrap_or_default();
        if name != "Email/get" {
            let failed = MethodError::ServerFail { description: "no answer".into() };
            let mut error = Some(arguments).filter(|_| name == "error");
            let said = error.take().map_or_else(
                || error::said(Method::EmailSet.name(), &failed),
                |error| answer("error", error, &Echo::of(Method::EmailSet), &self.texts),
            );
            self.respond("error", said);
            self.at += 1;
            return Doing::Nothing;
        }
        let mut email = answer(&name, arguments, &compare.echo(), &self.texts);
        let emails = match email.take("list") {
            Some(Json::Array(emails)) => emails,
            _ => Vec::new(),
        };
        let Compared { arguments, refused } = compare.compared(&emails, &self.created);
        Doing::Compared { arguments, refused }
    }

    fn call_answered(&mut self, said: Vec<Said>, echo: &Echo) -> Doing {
        for Said { name, arguments } in said {
            let arguments = answer(&name, arguments, echo, &self.texts);
            match &echo.wanted {
                Some(wanted) if wanted.has("attachedEmails") && name == "Email/get" => {
                    return Doing::Attached(Attached::new(arguments, wanted.clone()));
                }
                _ => self.respond(&name, arguments),
            }
        }
        self.at += 1;
        Doing::Nothing
    }

    fn respond(&mut self, name: &str, arguments: Members) {
        let id = self.request.calls.get(self.at).map(|call: &Call| call.id.clone()).unwrap_or_default();
        self.responses.respond(&id, name, &Json::Object(arguments));
    }

    /// Octets of the response that can be sent already.
    pub fn take(&mut self) -> Vec<u8> {
        self.responses.take(&self.request, self.at)
    }

    fn finish(&mut self) -> Vec<u8> {
        let responses = std::mem::replace(&mut self.responses, Responses::new(&Envelope::Http));
        responses.finish_bare()
    }
}

/// One response of ours.
struct Said {
    name: String,
    arguments: Members,
}

impl Said {
    fn read(response: Json) -> Option<Self> {
        let Json::Array(parts) = response else { return None };
        match <[Json; 3]>::try_from(parts) {
            Ok([Json::String(name), Json::Object(arguments), _]) => {
                Some(Self { name: name.into(), arguments })
            }
            _ => None,
        }
    }
}

/// The draft's one subscription of a session, which is pushed to without having been verified: this server
/// does not do that to anybody (RFC 8620 §7.2), and says so as the draft wants it said.
fn push(method: Method, mut arguments: Members) -> Result<Members, MethodError> {
    let mut said = Members::default();
    let given = arguments.take("pushSubscription");
    Arguments::new(arguments).finish()?;
    match (method, given) {
        (Method::PushSubscriptionGet, None) => put(&mut said, "pushSubscription", Json::Null),
        (Method::PushSubscriptionSet, None | Some(Json::Null)) => {}
        (Method::PushSubscriptionSet, Some(Json::Object(given))) => {
            let url = given.value("url").and_then(Json::as_str).unwrap_or_default();
            return match url.starts_with("https://") {
                true => Err(MethodError::Forbidden),
                false => Err(MethodError::InvalidUrl),
            };
        }
        _ => return Err(MethodError::invalid("pushSubscription must be an object or null")),
    }
    Ok(said)
}
