//! A JMAP client for measuring: HTTP/1.1 over TLS on one connection that is kept (RFC 8620 §3, §7.3), Basic
//! credentials (RFC 7617). Requests are made beforehand; answers are read whole and given as octets.

use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::ClientConfig;
use serde_json::Value;

use super::stream::Stream;
use crate::failure::{Context, Outcome, fail};

const WELL_KNOWN: &str = "/.well-known/jmap";
const USING: &str = r#"["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail"]"#;

/// One connection, logged in, with what the session object says.
pub(crate) struct Jmap {
    stream: Stream,
    credentials: String,
    api: String,
    events: String,
    account: String,
}

/// What was said before the body of an answer.
struct Head {
    status: u16,
    location: Option<String>,
    octets: Octets,
}

/// How the end of a body is found (RFC 9112 §6.3).
enum Octets {
    None,
    Counted(usize),
    Chunked,
}

impl Jmap {
    /// Connects with TLS and reads the session object (RFC 8620 §2).
    pub(crate) fn open(port: u16, tls: &Arc<ClientConfig>, user: &str, password: &str) -> Outcome<Self> {
        let mut config = ClientConfig::clone(tls);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let mut stream = Stream::connect(port, Some(&Arc::new(config)))?;
        stream.acknowledge_promptly();
        let credentials = STANDARD.encode(format!("{user}:{password}"));
        let empty = String::new;
        let mut jmap = Self { stream, credentials, api: empty(), events: empty(), account: empty() };
        let session = jmap.session().context("session object")?;
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_string);
        jmap.api = text(session.get("apiUrl")).as_deref().map(path_of).context("apiUrl")?.to_string();
        let events = text(session.get("eventSourceUrl"));
        jmap.events = events.as_deref().map(path_of).unwrap_or_default().to_string();
        jmap.account =
            text(session.pointer("/primaryAccounts/urn:ietf:params:jmap:mail")).context("primaryAccounts")?;
        Ok(jmap)
    }

    fn session(&mut self) -> Outcome<Value> {
        let mut path = WELL_KNOWN.to_string();
        for _ in 0..4 {
            self.stream.send(&self.get(&path, "application/json"))?;
            let (head, mut body) = (self.head()?, Vec::new());
            self.body(&head, &mut body)?;
            match (head.status, head.location) {
                (200, _) => return Ok(serde_json::from_slice(&body)?),
                (300..400, Some(location)) => path = path_of(&location).to_string(),
                (status, _) => return fail(format!("{path}: {status}: {}", shown(&body))),
            }
        }
        fail(format!("{path}: moved too often"))
    }

    /// The id of the account that is asked about.
    pub(crate) fn account(&self) -> &str {
        &self.account
    }

    /// A whole request with these method calls, the inside of `methodCalls`.
    pub(crate) fn request(&self, calls: &str) -> Vec<u8> {
        let body = format!("{{\"using\":{USING},\"methodCalls\":[{calls}]}}");
        format!(
            "POST {} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.api,
            self.credentials,
            body.len(),
        )
        .into_bytes()
    }

    /// Sends a request and puts the body of its answer into `body`.
    pub(crate) fn exchange(&mut self, request: &[u8], body: &mut Vec<u8>) -> Outcome<()> {
        self.stream.send(request)?;
        body.clear();
        let head = self.head()?;
        self.body(&head, body)?;
        let failed = memchr::memmem::find(body, b"[\"error\",").is_some();
        if head.status != 200 || failed {
            return fail(format!("a request was answered {}: {}", head.status, shown(body)));
        }
        Ok(())
    }

    /// The arguments of the answer to the last of these calls, parsed.
    pub(crate) fn ask(&mut self, calls: &str) -> Outcome<Value> {
        let (request, mut body) = (self.request(calls), Vec::new());
        self.exchange(&request, &mut body)?;
        let mut answer: Value = serde_json::from_slice(&body)?;
        let last = answer.pointer_mut("/methodResponses").and_then(Value::as_array_mut).and_then(Vec::pop);
        last.and_then(|mut call| call.get_mut(1).map(Value::take)).context("a method response")
    }

    /// Turns the connection into one that is told of changed emails.
    pub(crate) fn events(mut self, state: &str) -> Outcome<Events> {
        let path =
            self.events.replace("{types}", "Email").replace("{closeafter}", "no").replace("{ping}", "0");
        self.stream.send(&self.get(&path, "text/event-stream"))?;
        let head = self.head()?;
        match head.status {
            200 => Ok(Events { stream: self.stream, state: state.to_string() }),
            status => fail(format!("{path}: {status}")),
        }
    }

    fn get(&self, path: &str, accept: &str) -> Vec<u8> {
        format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {}\r\nAccept: {accept}\r\n\r\n",
            self.credentials
        )
        .into_bytes()
    }

    /// The status line and the fields of the final answer; what is provisional (1xx) is passed over.
    fn head(&mut self) -> Outcome<Head> {
        loop {
            let line = self.stream.line()?;
            let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
            let status: u16 = status.and_then(|digits| digits.parse().ok()).context(&line)?;
            let mut head = Head { status, location: None, octets: Octets::None };
            loop {
                let line = self.stream.line()?;
                let Some((name, value)) = line.split_once(':') else { break };
                let value = value.trim();
                match name.to_ascii_lowercase().as_str() {
                    "content-length" => head.octets = Octets::Counted(value.parse()?),
                    "transfer-encoding" if value == "chunked" => head.octets = Octets::Chunked,
                    "location" => head.location = Some(value.to_string()),
                    _ => {}
                }
            }
            if status >= 200 {
                return Ok(head);
            }
        }
    }

    fn body(&mut self, head: &Head, body: &mut Vec<u8>) -> Outcome<()> {
        match head.octets {
            Octets::None => Ok(()),
            Octets::Counted(count) => self.stream.exactly(count, body),
            Octets::Chunked => loop {
                let line = self.stream.line()?;
                let digits = line.split(';').next().unwrap_or_default().trim();
                match usize::from_str_radix(digits, 16).context("length of a chunk")? {
                    0 => break Ok(()),
                    count => self.stream.exactly(count, body)?,
                }
                self.stream.line()?;
            },
        }?;
        // What follows the last chunk.
        while matches!(head.octets, Octets::Chunked) && !self.stream.line()?.is_empty() {}
        Ok(())
    }
}

/// A connection on which the server tells what changed (RFC 8620 §7.3).
pub(crate) struct Events {
    stream: Stream,
    state: String,
}

impl Events {
    /// Waits until emails have another state than the last that was told, and says when that was.
    pub(crate) fn wait(&mut self) -> Outcome<Instant> {
        loop {
            let line = self.stream.line()?;
            let told = line.strip_prefix("data:").and_then(|data| data.split_once("\"Email\":\""));
            let state = told.and_then(|(_, rest)| rest.split_once('"')).map(|(state, _)| state);
            if let Some(state) = state
                && state != self.state
            {
                self.state = state.to_string();
                return Ok(Instant::now());
            }
        }
    }
}

/// Of a URL that may be whole or a path already.
fn path_of(url: &str) -> &str {
    let Some((_, rest)) = url.split_once("://") else { return url };
    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/")
}

/// The beginning of an answer, for a person.
pub(crate) fn shown(body: &[u8]) -> String {
    String::from_utf8_lossy(body.get(..body.len().min(400)).unwrap_or_default()).to_string()
}

#[cfg(test)]
mod tests {
    use super::path_of;

    #[test]
    fn a_url_is_asked_for_by_its_path() {
        assert_eq!(path_of("https://localhost:443/jmap?x={a}"), "/jmap?x={a}");
        assert_eq!(path_of("/jmap/"), "/jmap/");
        assert_eq!(path_of("https://localhost"), "/");
    }
}
