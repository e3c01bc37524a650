//! JMAP, answered: drives exchanges as the driver drives sessions, on the runtime's threads.
//!
//! A step is short; one that was not makes room for others of its thread from the next on. A panic in a call
//! is caught by the exchange: it is counted and complained about here. Must not: log what was asked or
//! answered, know who sends the answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use koi_mailbox::MailboxService;
use koi_proto::jmap::push::PushTypes;
use koi_proto::jmap::websocket::{ClientMessage, RefusedMessage};
use koi_proto::jmap::{Capabilities, Capability, CoreLimits, Envelope};
use koi_sessions::account_rates::AccountRates;
use koi_sessions::jmap::{self, Exchange, News, Place, Told};
use koi_sessions::{Login, Note, Step};
use koi_types::MailError;
use parking_lot::RwLock;

use crate::config::HttpConfig;
use crate::http::{Asked, Boxed, Jmap, Out, PIECE_OCTETS, Refused, Sent};
use crate::metrics::{Metrics, count};

/// A step that took so long is likely followed by others.
const LONG_STEP: Duration = Duration::from_millis(1);
/// A request of so many octets takes a while to be read.
const LARGE_OCTETS: usize = 256 * 1024;
/// Answers JMAP for this server.
pub struct JmapServer {
    jmap: RwLock<Arc<jmap::Jmap>>,
    /// The public key that signs pushes (RFC 9749 §3).
    application_server_key: Option<Box<str>>,
    metrics: Arc<Metrics>,
}

impl JmapServer {
    #[must_use]
    pub fn new(
        service: MailboxService,
        config: &HttpConfig,
        application_server_key: Option<Box<str>>,
        account_rates: Arc<AccountRates>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let limits = limits(&service, config);
        let is_there = |capability: &Capability| {
            *capability != Capability::WebPushVapid || application_server_key.is_some()
        };
        let supported: Capabilities = Capability::ALL.into_iter().filter(is_there).collect();
        let jmap = Arc::new(jmap::Jmap { service, limits, supported, account_rates });
        Self { jmap: RwLock::new(jmap), application_server_key, metrics }
    }
    fn now(&self) -> Arc<jmap::Jmap> {
        Arc::clone(&self.jmap.read())
    }
    /// Where this server is, as one who asks for `base` sees it.
    fn place<'a>(&'a self, base: &'a str) -> Place<'a> {
        let application_server_key = self.application_server_key.as_deref();
        Place { base, application_server_key, digest: &digest }
    }
    fn begin(&self, asked: &Asked, sent: Sent) -> Result<Exchange, Refused> {
        let jmap = self.now();
        let state = jmap::session_state(&jmap, &asked.login, &self.place(&asked.base));
        let state = state.map_err(|error| self.failed(asked, &error))?;
        let login = asked.login.clone();
        match sent {
            Sent::Body(octets) => {
                let read = || Exchange::read(&octets, &jmap, login, &state);
                let exchange = if octets.len() >= LARGE_OCTETS { aside(read) } else { read() };
                Ok(exchange?)
            }
            Sent::Message { id, request } => {
                let envelope = Envelope::WebSocket { request_id: id };
                Ok(Exchange::new(request, &envelope, &jmap, login, &state))
            }
        }
    }
    fn failed(&self, asked: &Asked, error: &MailError) -> Refused {
        tracing::warn!(peer = %asked.peer, account = %asked.login.address, %error, "JMAP request failed");
        Refused::from(error)
    }
}

impl Jmap for JmapServer {
    fn session(&self, login: &Login, base: &str) -> Result<Vec<u8>, MailError> {
        let object = jmap::session_object(&self.now(), login, &self.place(base))?;
        Ok(object.json.as_str().as_bytes().to_vec())
    }
    fn answer(&self, asked: Asked, sent: Sent, out: Out) -> Boxed<Result<(), Refused>> {
        let began = Instant::now();
        let exchange = self.begin(&asked, sent);
        let metrics = Arc::clone(&self.metrics);
        Box::pin(async move {
            let mut driving = Driving { exchange: exchange?, asked, metrics, is_long: false };
            driving.run(&out).await;
            count(&driving.metrics.jmap_requests);
            driving.metrics.jmap_request.record(began.elapsed());
            Ok(())
        })
    }
    fn message(&self, octets: &[u8]) -> Result<ClientMessage, RefusedMessage> {
        let jmap = self.now();
        let parse = || ClientMessage::parse(octets, &jmap.limits, jmap.supported);
        if octets.len() >= LARGE_OCTETS { aside(parse) } else { parse() }
    }
    fn news(&self, login: &Login, types: &PushTypes, since: &Told) -> Result<News, MailError> {
        jmap::news(&self.now().service, login, types, since)
    }
    fn limit(&self, config: &HttpConfig) {
        let before = self.now();
        let jmap::Jmap { service, supported, account_rates, .. } = &*before;
        let (service, account_rates) = (service.clone(), Arc::clone(account_rates));
        let limits = limits(&service, config);
        *self.jmap.write() = Arc::new(jmap::Jmap { service, limits, supported: *supported, account_rates });
    }
}

/// One request at work.
struct Driving {
    exchange: Exchange,
    asked: Asked,
    metrics: Arc<Metrics>,
    /// The last step took long.
    is_long: bool,
}

impl Driving {
    /// To its end, also when the peer has gone: what a client has asked to be changed is changed.
    async fn run(&mut self, out: &Out) {
        let mut piece = Vec::new();
        loop {
            let step = self.step(&mut piece);
            let is_whole = matches!(step, Step::Close);
            if !piece.is_empty() && (is_whole || piece.len() >= PIECE_OCTETS) {
                out.write(std::mem::take(&mut piece)).await;
            }
            match step {
                Step::Yield | Step::OutputFull => tokio::task::yield_now().await,
                Step::Await(ticket) => {
                    let began = Instant::now();
                    let _ = ticket.await;
                    self.metrics.commit.record(began.elapsed());
                }
                // An exchange asks for nothing else.
                _ => return,
            }
        }
    }
    fn step(&mut self, out: &mut Vec<u8>) -> Step {
        let began = Instant::now();
        let is_long = self.is_long || self.exchange.is_heavy();
        let exchange = &mut self.exchange;
        let mut step = || exchange.step(crate::clock::now(), out);
        let step = if is_long { aside(step) } else { step() };
        let took = began.elapsed();
        self.metrics.step.record(took);
        self.is_long = took >= LONG_STEP;
        for note in self.exchange.take_notes() {
            self.told(&note);
        }
        step
    }
    fn told(&self, note: &Note) {
        let (peer, account) = (self.asked.peer, &self.asked.login.address);
        match note {
            Note::Panicked { what } => {
                count(&self.metrics.jmap_calls_panicked);
                tracing::error!(%peer, %account, %what, "a call panicked; please report this bug");
            }
            Note::Failed { command, error } => {
                tracing::warn!(%peer, %account, command, %error, "call failed");
            }
            _ => {}
        }
    }
}

fn limits(service: &MailboxService, config: &HttpConfig) -> CoreLimits {
    let most = config.requests_per_account_max as u64;
    CoreLimits {
        upload_octets_max: service.options().message_octets_max,
        concurrent_uploads_max: most,
        request_octets_max: config.request_octets_max as u64,
        concurrent_requests_max: most,
        ..CoreLimits::default()
    }
}

/// Lets others of this thread go on elsewhere.
fn aside<T>(work: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(work)
}

/// Short, and another for other octets.
fn digest(octets: &[u8]) -> String {
    let hash = blake3::hash(octets);
    hash.to_hex().chars().take(16).collect()
}
