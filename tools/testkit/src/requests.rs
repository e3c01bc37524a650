//! A client of JMAP in scripts: a line is a call or a request, and every response is a line
//! (tests/scripts/README.md).
//!
//! The accountId of the user's own account is put in where a call has none, and left out of what is answered.

use std::sync::Arc;

use koi_proto::jmap::json::{Bounds, Raw};
use koi_proto::jmap::{Json, Members, ToJson};
use koi_sessions::jmap::{Exchange, Jmap};
use koi_sessions::{EffectResult, Login, Note, Session, Step, TlsFacts};
use koi_types::{AccountId, ModSeq, Timestamp};

/// Answers request after request.
pub(crate) struct Requests {
    jmap: Arc<Jmap>,
    login: Login,
    /// What came of the next line.
    line: Vec<u8>,
    exchange: Option<Exchange>,
    answer: Vec<u8>,
    notes: Vec<Note>,
}

impl Requests {
    pub(crate) fn new(jmap: Arc<Jmap>, login: Login) -> Self {
        Self { jmap, login, line: Vec::new(), exchange: None, answer: Vec::new(), notes: Vec::new() }
    }
    /// Begins with a line that is whole.
    fn begin(&mut self, line: &[u8], out: &mut Vec<u8>) {
        let octets = self.request(line);
        match Exchange::read(&octets, &self.jmap, self.login.clone(), "session") {
            Ok(exchange) => self.exchange = Some(exchange),
            Err(refused) => say(out, "problem", &refused),
        }
    }
    /// `Email/get {…}`, `[["Email/get",{…},"a"],…]`, or a whole request.
    fn request(&self, line: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(line).into_owned();
        if text.starts_with('{') {
            return line.to_vec();
        }
        let calls = match text.split_once(' ') {
            Some((name, arguments)) if !text.starts_with('[') => format!("[[\"{name}\",{arguments},\"\"]]"),
            _ => text,
        };
        let calls = match parse(calls.as_bytes()) {
            Some(Json::Array(calls)) => {
                Raw::of(&calls.into_iter().map(|call| self.own(call)).collect::<Vec<_>>())
            }
            _ => return calls.into_bytes(),
        };
        let using = Raw::of(&self.jmap.supported.iter().map(|one| one.uri()).collect::<Vec<_>>());
        format!("{{\"using\":{},\"methodCalls\":{}}}", using.as_str(), calls.as_str()).into_bytes()
    }
    fn own(&self, call: Json) -> Json {
        let Json::Array(mut parts) = call else { return call };
        let named = parts.first().and_then(Json::as_str).unwrap_or_default().to_owned();
        let has_account = !named.starts_with("Core/") && !named.starts_with("PushSubscription/");
        if let Some(Json::Object(arguments)) = parts.get_mut(1)
            && has_account
            && arguments.value("accountId").is_none()
        {
            let mut own = Members::default();
            own.put("accountId".into(), Json::String(self.login.account.to_string().into()));
            std::mem::take(arguments).into_iter().for_each(|member| own.put(member.name, member.value));
            *arguments = own;
        }
        Json::Array(parts)
    }
    /// A line for each response.
    fn tell(&mut self, out: &mut Vec<u8>) {
        let octets = std::mem::take(&mut self.answer);
        let Some(Json::Object(mut response)) = parse(&octets) else {
            panic!("not a response: {}", String::from_utf8_lossy(&octets))
        };
        let Some(Json::Array(all)) = response.take("methodResponses") else { panic!("no responses") };
        for one in all {
            let Json::Array(parts) = one else { panic!("not an Invocation") };
            let [Json::String(name), Json::Object(mut arguments), Json::String(id)] =
                <[Json; 3]>::try_from(parts).unwrap()
            else {
                panic!("not an Invocation")
            };
            let own = self.login.account.to_string();
            if arguments.value("accountId").and_then(Json::as_str) == Some(&own) {
                arguments.take("accountId");
            }
            let name = if id.is_empty() { name.to_string() } else { format!("{id} {name}") };
            say(out, &name, &Json::Object(arguments));
        }
        if let Some(created) = response.take("createdIds") {
            say(out, "createdIds", &created);
        }
    }
}

impl Session for Requests {
    fn input(&mut self, octets: &[u8]) {
        self.line.extend_from_slice(octets);
    }
    fn step(&mut self, now: Timestamp, out: &mut Vec<u8>) -> Step {
        let Some(exchange) = &mut self.exchange else {
            let Some(end) = self.line.windows(2).position(|two| two == b"\r\n") else {
                return Step::NeedInput;
            };
            let line: Vec<u8> = self.line.drain(..end + 2).take(end).collect();
            self.begin(&line, out);
            return Step::Yield;
        };
        let step = exchange.step(now, &mut self.answer);
        self.notes.extend(exchange.take_notes());
        match step {
            Step::Close => {
                self.exchange = None;
                self.tell(out);
                Step::Yield
            }
            other => other,
        }
    }
    fn wants_input(&self) -> bool {
        true
    }
    fn account(&self) -> Option<AccountId> {
        Some(self.login.account)
    }
    fn watches(&self) -> Vec<AccountId> {
        Vec::new()
    }
    fn deadline(&self) -> Option<Timestamp> {
        None
    }
    fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }
    fn input_closed(&mut self) {}
    fn state_advanced(&mut self, _account: AccountId, _upto: ModSeq) {}
    fn tls_ready(&mut self, _tls: &TlsFacts) {}
    fn effect_done(&mut self, _result: EffectResult) {}
    fn shutdown(&mut self) {}
    fn account_gone(&mut self) {}
}

fn parse(octets: &[u8]) -> Option<Json> {
    Json::parse(octets, &Bounds { values_max: usize::MAX, ..Bounds::default() }).ok()
}

fn say(out: &mut Vec<u8>, name: &str, value: &impl ToJson) {
    out.extend_from_slice(format!("{name} {}\r\n", Raw::of(value).as_str()).as_bytes());
}
