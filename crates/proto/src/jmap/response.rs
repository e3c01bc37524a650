//! The Response object (RFC 8620 §3.4), written as the calls are processed.
//!
//! There is no tree of the response: what a method answers is octets at once. Later calls that refer to it
//! (RFC 8620 §3.7) find what they mean in these octets, and what nobody refers to any more can be sent before
//! the next call is made. So the largest response costs its octets once.

use std::ops::Range;

use koi_types::limits;

use super::arguments::Arguments;
use super::error::MethodError;
use super::id::CreatedIds;
use super::json::{Json, Slot, ToJson};
use super::reference::{ResultReference, Unresolved, follow};
use super::request::{Call, Request};

/// What stands around the responses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Envelope {
    Http,
    /// RFC 8887 §4.3.3: with the id of the request, where it had one.
    WebSocket {
        request_id: Option<Box<str>>,
    },
}

/// The responses so far.
#[derive(Debug)]
pub struct Responses {
    octets: Vec<u8>,
    /// Octets that were taken away from the front.
    taken: usize,
    done: Vec<Done>,
    /// What references were replaced by, so that they cannot multiply each other without end.
    referenced_octets: usize,
    /// What was looked through for references.
    searched_octets: usize,
    /// A list at the end of a response that is written piece by piece.
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    /// Where the arguments begin, counted from the beginning of the whole response.
    from: usize,
    has_items: bool,
}

/// A response that is written.
#[derive(Debug)]
struct Done {
    id: Box<str>,
    name: Box<str>,
    /// Where its arguments stand, counted from the beginning of the whole response.
    arguments: Range<usize>,
}

/// A moment between two responses.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    octets: usize,
    done: usize,
}

impl Responses {
    #[must_use]
    pub fn new(envelope: &Envelope) -> Self {
        let mut octets = Vec::new();
        match envelope {
            Envelope::Http => octets.push(b'{'),
            Envelope::WebSocket { request_id } => {
                octets.extend_from_slice(br#"{"@type":"Response","#);
                if let Some(id) = request_id {
                    octets.extend_from_slice(br#""requestId":"#);
                    Slot::new(&mut octets).string(id);
                    octets.push(b',');
                }
            }
        }
        octets.extend_from_slice(br#""methodResponses":["#);
        Self { octets, taken: 0, done: Vec::new(), referenced_octets: 0, searched_octets: 0, open: None }
    }

    /// Adds a response to a call. `arguments` must write an object. A call may have several (RFC 8620 §3.2).
    pub fn respond(&mut self, call_id: &str, name: &str, arguments: &(impl ToJson + ?Sized)) {
        let from = self.begin(name);
        arguments.write(Slot::new(&mut self.octets));
        self.end(call_id, name, from);
    }

    /// Adds the beginning of a response: `arguments` must write an object with members, and a `list` follows
    /// as its last one, item by item, until [`Responses::close`].
    pub fn open(&mut self, name: &str, arguments: &(impl ToJson + ?Sized), list: &str) {
        let from = self.begin(name);
        arguments.write(Slot::new(&mut self.octets));
        // Its closing brace comes later.
        self.octets.pop();
        self.octets.push(b',');
        Slot::new(&mut self.octets).string(list);
        self.octets.extend_from_slice(b":[");
        self.open = Some(Open { from, has_items: false });
    }

    /// Adds an item to the list that is open.
    pub fn item(&mut self, item: &(impl ToJson + ?Sized)) {
        let Some(open) = &mut self.open else { return };
        if std::mem::replace(&mut open.has_items, true) {
            self.octets.push(b',');
        }
        item.write(Slot::new(&mut self.octets));
    }

    /// Ends the list that is open, and the response with it, after the members of another object.
    pub fn close(&mut self, call_id: &str, name: &str, behind: &(impl ToJson + ?Sized)) {
        let Some(open) = self.open.take() else { return };
        self.octets.push(b']');
        let at = self.octets.len();
        behind.write(Slot::new(&mut self.octets));
        match self.octets.get(at + 1) {
            Some(b'"') => self.octets.get_mut(at).into_iter().for_each(|brace| *brace = b','),
            _ => {
                self.octets.truncate(at);
                self.octets.push(b'}');
            }
        }
        self.end(call_id, name, open.from);
    }

    /// Whether a list is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Answers where its arguments begin.
    fn begin(&mut self, name: &str) -> usize {
        if !self.done.is_empty() {
            self.octets.push(b',');
        }
        self.octets.push(b'[');
        Slot::new(&mut self.octets).string(name);
        self.octets.push(b',');
        self.taken + self.octets.len()
    }

    fn end(&mut self, call_id: &str, name: &str, from: usize) {
        let arguments = from..self.taken + self.octets.len();
        self.octets.push(b',');
        Slot::new(&mut self.octets).string(call_id);
        self.octets.push(b']');
        self.done.push(Done { id: call_id.into(), name: name.into(), arguments });
    }

    /// Adds the response to a call that failed (RFC 8620 §3.6.2).
    pub fn error(&mut self, call_id: &str, error: &MethodError) {
        self.respond(call_id, "error", error);
    }

    /// The arguments of a call, with the results it refers to put in place (RFC 8620 §3.7).
    ///
    /// # Errors
    /// `invalidArguments`, `invalidResultReference`.
    pub fn arguments(&mut self, call: &mut Call) -> Result<Arguments, MethodError> {
        let references = call.take_references();
        let mut members = std::mem::take(&mut call.arguments);
        if references.len() > limits::JMAP_REFERENCES_MAX {
            let most = limits::JMAP_REFERENCES_MAX;
            return Err(MethodError::invalid(format!("more than {most} result references")));
        }
        for reference in references {
            let name = reference.name.strip_prefix('#').unwrap_or_default();
            if members.value(name).is_some() {
                return Err(MethodError::invalid(format!("{name} and #{name} are both given")));
            }
            let value = ResultReference::parse(reference.value).map_err(|_| {
                MethodError::invalid(format!("#{name} must be an object of resultOf, name and path"))
            })?;
            members.put(name.into(), self.resolve(&value)?);
        }
        Ok(Arguments::new(members))
    }

    fn resolve(&mut self, reference: &ResultReference) -> Result<Json, MethodError> {
        let done = self.done.iter().find(|done| done.id == reference.result_of);
        let done = done.ok_or(Unresolved::NoResult)?;
        if done.name != reference.name {
            return Err(Unresolved::OtherName { is: done.name.clone() }.into());
        }
        let range = done.arguments.start.checked_sub(self.taken)..done.arguments.end.checked_sub(self.taken);
        let kept = range.start.zip(range.end).and_then(|(from, to)| self.octets.get(from..to));
        let kept = kept.ok_or(Unresolved::NoResult)?;
        self.searched_octets = self.searched_octets.saturating_add(kept.len());
        if self.searched_octets > limits::JMAP_REFERENCE_SEARCHED_OCTETS_MAX {
            let description = "too much to look through for the references of one request".into();
            return Err(MethodError::InvalidResultReference { description });
        }
        let value = follow(&reference.path, kept)?;
        self.referenced_octets = self.referenced_octets.saturating_add(value.weight());
        if self.referenced_octets > limits::JMAP_REFERENCED_OCTETS_MAX {
            let description = format!("results of more than {} octets", limits::JMAP_REFERENCED_OCTETS_MAX);
            return Err(MethodError::InvalidResultReference { description: description.into() });
        }
        Ok(value)
    }

    /// Where the responses are now.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark { octets: self.taken + self.octets.len(), done: self.done.len() }
    }

    /// Forgets what was written since; of what was taken meanwhile, nothing.
    pub fn back_to(&mut self, mark: Mark) {
        self.octets.truncate(mark.octets.saturating_sub(self.taken));
        self.done.truncate(mark.done);
        // A list that was begun since is not there any more.
        self.open = self.open.filter(|open| open.from <= mark.octets);
    }

    /// Octets held: what a caller bounds by asking before each call.
    #[must_use]
    pub fn octets(&self) -> usize {
        self.octets.len()
    }

    /// Takes the octets that can be sent now: all before the first response that one of the calls from
    /// `next_call` on refers to.
    pub fn take(&mut self, request: &Request, next_call: usize) -> Vec<u8> {
        let is_needed =
            |done: &&Done| request.last_reference_to(&done.id).is_some_and(|last| last >= next_call);
        let needed = self.done.iter().filter(|done| done.arguments.start >= self.taken).find(is_needed);
        let upto = needed.map_or(self.octets.len(), |done| done.arguments.start - self.taken);
        let rest = self.octets.split_off(upto.min(self.octets.len()));
        self.taken += self.octets.len();
        std::mem::replace(&mut self.octets, rest)
    }

    /// The rest of the Response object as the draft of 2018 has it.
    pub(super) fn finish_bare(mut self) -> Vec<u8> {
        self.octets.extend_from_slice(b"]}");
        self.octets
    }

    /// The rest of the Response object.
    #[must_use]
    pub fn finish(mut self, created_ids: &CreatedIds, session_state: &str) -> Vec<u8> {
        self.octets.push(b']');
        if created_ids.is_given {
            self.octets.extend_from_slice(br#","createdIds":"#);
            created_ids.write(Slot::new(&mut self.octets));
        }
        self.octets.extend_from_slice(br#","sessionState":"#);
        Slot::new(&mut self.octets).string(session_state);
        self.octets.push(b'}');
        self.octets
    }
}

#[cfg(test)]
mod tests;
