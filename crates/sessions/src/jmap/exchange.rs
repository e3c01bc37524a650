//! A request, call by call (RFC 8620 §3.3 to §3.6).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use koi_proto::jmap::legacy::{Conversation, Dialect, Next, Texts};
use koi_proto::jmap::standard::QueryTotals;
use koi_proto::jmap::{CreatedIds, Envelope, Id, MethodError, Request, RequestError, Responses};
use koi_types::{Timestamp, limits};

use super::call::{Call, Ran};
use super::context::Context;
use super::{Jmap, method};
use crate::session::{Login, Note, Step};

/// An answer of so many octets takes a millisecond or more to be said again.
const HEAVY_OCTETS: usize = 64 * 1024;

/// One request being answered. Like a session: `step` until it closes; what comes out is the response.
pub struct Exchange {
    jmap: Arc<Jmap>,
    login: Login,
    request: Request,
    /// `None` when the response is whole.
    responses: Option<Responses>,
    /// The call that is made, or will be next.
    at: usize,
    running: Option<Running>,
    session_state: Box<str>,
    notes: Vec<Note>,
    /// The request is one of the draft of 2018, and what is answered here is a part of it.
    draft: Option<Box<Draft>>,
}

struct Draft {
    conversation: Conversation,
    /// The response to the present part so far.
    answer: Vec<u8>,
}

struct Running {
    call: Box<dyn Call>,
    /// It has asked for something to be written.
    has_written: bool,
}

impl Exchange {
    /// Reads the body of a request to the API.
    ///
    /// # Errors
    /// The request as a whole is refused; nothing was done.
    pub fn read(
        octets: &[u8],
        jmap: &Arc<Jmap>,
        login: Login,
        session_state: &str,
    ) -> Result<Self, RequestError> {
        let primary = Id::from(login.account);
        let texts = Texts { header, of_html: koi_message::text_of_html };
        Ok(match Dialect::read(octets, &jmap.limits, jmap.supported, &primary, texts)? {
            Dialect::Rfc(request) => Self::new(request, &Envelope::Http, jmap, login, session_state),
            Dialect::Draft(conversation) => {
                let nothing =
                    Request { using: jmap.supported, calls: Vec::new(), created_ids: CreatedIds::default() };
                let draft = Some(Box::new(Draft { conversation: *conversation, answer: Vec::new() }));
                Self { draft, ..Self::new(nothing, &Envelope::Http, jmap, login, session_state) }
            }
        })
    }

    /// Answers a request that was read already.
    #[must_use]
    pub fn new(
        request: Request,
        envelope: &Envelope,
        jmap: &Arc<Jmap>,
        login: Login,
        session_state: &str,
    ) -> Self {
        Self {
            jmap: Arc::clone(jmap),
            login,
            request,
            responses: Some(Responses::new(envelope)),
            at: 0,
            running: None,
            session_state: session_state.into(),
            notes: Vec::new(),
            draft: None,
        }
    }

    /// Goes on until something must happen outside; [`Step::Close`] when the response is whole. What can be
    /// sent already is added to `out`.
    pub fn step(&mut self, now: Timestamp, out: &mut Vec<u8>) -> Step {
        let Some(mut draft) = self.draft.take() else { return self.answer(now, out) };
        let step = match self.responses {
            None => self.next_part(&mut draft, out),
            Some(_) => match self.answer(now, &mut draft.answer) {
                // The part is told when it is whole, in a step of its own.
                Step::OutputFull | Step::Close => Step::Yield,
                step => step,
            },
        };
        self.draft = Some(draft);
        step
    }

    /// Whether the next step takes long: a large answer is said again in the draft's words.
    #[must_use]
    pub fn is_heavy(&self) -> bool {
        let draft = self.draft.as_ref().filter(|_| self.responses.is_none());
        draft.is_some_and(|draft| draft.answer.len() >= HEAVY_OCTETS)
    }

    fn next_part(&mut self, draft: &mut Draft, out: &mut Vec<u8>) -> Step {
        draft.conversation.answered(&std::mem::take(&mut draft.answer));
        match draft.conversation.advance() {
            Next::Ask(request) => {
                out.append(&mut draft.conversation.take());
                (self.request, self.at) = (request, 0);
                self.responses = Some(Responses::new(&Envelope::Http));
                if out.len() >= limits::OUTPUT_OCTETS_HIGH { Step::OutputFull } else { Step::Yield }
            }
            Next::Done(rest) => {
                out.extend_from_slice(&rest);
                Step::Close
            }
        }
    }

    fn answer(&mut self, now: Timestamp, out: &mut Vec<u8>) -> Step {
        match self.advance(now) {
            Some(Ran::Yield) => {
                self.send_open_list(out);
                if out.len() >= limits::OUTPUT_OCTETS_HIGH { Step::OutputFull } else { Step::Yield }
            }
            Some(Ran::Await(ticket)) => Step::Await(ticket),
            Some(Ran::Done) => {
                self.running = None;
                self.at += 1;
                if let Some(responses) = &mut self.responses {
                    let mut ready = responses.take(&self.request, self.at);
                    if out.is_empty() { *out = ready } else { out.append(&mut ready) }
                }
                if out.len() >= limits::OUTPUT_OCTETS_HIGH { Step::OutputFull } else { Step::Yield }
            }
            None => {
                let responses = self.responses.take();
                let rest = responses.map(|all| all.finish(&self.request.created_ids, &self.session_state));
                out.extend_from_slice(&rest.unwrap_or_default());
                Step::Close
            }
        }
    }

    /// A list that is being told need not be whole to be sent, unless a later call refers to it.
    fn send_open_list(&mut self, out: &mut Vec<u8>) {
        let Some(responses) = self.responses.as_mut().filter(|responses| responses.is_open()) else { return };
        let last = self.request.calls.get(self.at).and_then(|call| self.request.last_reference_to(&call.id));
        if last.is_none_or(|last| last <= self.at) {
            out.append(&mut responses.take(&self.request, self.at + 1));
        }
    }

    /// Goes on with the present call; nothing when all were made.
    fn advance(&mut self, now: Timestamp) -> Option<Ran> {
        let Self { jmap, login, request, responses, at, running, notes, .. } = self;
        let (responses, call) = (responses.as_mut()?, request.calls.get_mut(*at)?);
        let mark = responses.mark();
        let arguments = if running.is_none() { Some(responses.arguments(call)) } else { None };
        let mut cx = Context {
            jmap,
            login,
            now,
            using: request.using,
            created: &mut request.created_ids,
            responses,
            call_id: &call.id,
            name: &call.name,
            notes,
        };
        let has_written = running.as_ref().is_some_and(|running| running.has_written);
        // A fault of ours in one call is an error of that call; the request goes on (RFC 8620 §3.6.2).
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let running = match (running, arguments) {
                (Some(running), _) => running,
                (none, arguments) => {
                    let arguments = arguments.unwrap_or(Err(MethodError::UnknownMethod));
                    let method = call.method.ok_or(MethodError::UnknownMethod)?;
                    none.insert(Running {
                        call: method::start(method, arguments?, &mut cx)?,
                        has_written: false,
                    })
                }
            };
            let ran = running.call.run(&mut cx)?;
            running.has_written |= matches!(ran, Ran::Await(_));
            Ok(ran)
        }));
        let error = match ran {
            Ok(Ok(ran)) => return Some(ran),
            Ok(Err(error)) => error,
            Err(_) => {
                cx.notes.push(Note::Panicked { what: call.name.clone() });
                cx.responses.back_to(mark);
                match has_written {
                    true => MethodError::ServerPartialFail,
                    false => MethodError::ServerFail { description: "internal error".into() },
                }
            }
        };
        cx.responses.close(cx.call_id, cx.name, &QueryTotals { total: None, limit: None });
        cx.responses.error(cx.call_id, &error);
        Some(Ran::Done)
    }

    /// What is worth a line in the log or a counter since the last call.
    pub fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }
}

/// The value of a header field as people read it.
fn header(raw: &str) -> String {
    let mut unfolded = Vec::new();
    koi_message::header::unfold(raw.as_bytes(), &mut unfolded);
    koi_message::encoded_word::decode_text(&unfolded).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use koi_mailbox::{Env, MailboxService, Options};
    use koi_proto::jmap::{Capabilities, CoreLimits, Json};
    use koi_store::kv::Commits;
    use koi_store::memory::MemoryKv;
    use koi_types::{AccessSet, Address, CommitNotice};

    struct Nobody;

    impl Commits for Nobody {
        fn committed(&self, _: &[CommitNotice]) {}
    }

    impl Env for Nobody {
        fn now(&self) -> Timestamp {
            Timestamp(0)
        }
        fn random(&self) -> [u8; 10] {
            [0; 10]
        }
    }

    /// Says something, and then breaks.
    struct Breaks;

    impl Call for Breaks {
        fn run(&mut self, cx: &mut Context<'_>) -> Result<Ran, MethodError> {
            cx.respond(&Json::Bool(true));
            panic!("as it should")
        }
    }

    fn answered(has_written: bool) -> (String, Vec<Note>) {
        let kv = Arc::new(MemoryKv::new(Arc::new(Nobody)));
        let service = MailboxService::new(kv, Options::default(), Arc::new(Nobody));
        service.directory().create_domain("example.org").unwrap();
        let address = Address::new("alice", "example.org").unwrap();
        let account = service.directory().create_account(&address, "x").unwrap();
        let login = Login { account, address, access: AccessSet::ALL, app_password: None };
        let (limits, supported) = (CoreLimits::default(), Capabilities::all());
        let jmap = Arc::new(Jmap { service, limits, supported, account_rates: Arc::default() });
        let request = br#"{"using":["urn:ietf:params:jmap:core"],"methodCalls":[
            ["Core/echo",{"n":1},"a"],["Core/echo",{"n":2},"b"],["Core/echo",{"n":3},"c"]]}"#;
        let mut exchange = Exchange::read(request, &jmap, login, "s").unwrap();
        let mut out = Vec::new();
        loop {
            if exchange.at == 1 && exchange.running.is_none() {
                exchange.running = Some(Running { call: Box::new(Breaks), has_written });
            }
            match exchange.step(Timestamp(0), &mut out) {
                Step::Yield => {}
                Step::Close => break,
                _ => panic!("nothing to wait for"),
            }
        }
        (String::from_utf8(out).unwrap(), exchange.take_notes())
    }

    /// spec: RFC 8620 §3.6.2
    #[test]
    fn a_fault_of_ours_fails_one_call_and_nothing_of_it_is_said() {
        let (answer, notes) = answered(false);
        let expected = concat!(
            r#"{"methodResponses":[["Core/echo",{"n":1},"a"],"#,
            r#"["error",{"type":"serverFail","description":"internal error"},"b"],"#,
            r#"["Core/echo",{"n":3},"c"]],"sessionState":"s"}"#
        );
        assert_eq!(answer, expected);
        assert!(matches!(&*notes, [Note::Panicked { .. }]));
        // What was written before may stand.
        assert!(answered(true).0.contains(r#"{"type":"serverPartialFail"}"#));
    }
}
