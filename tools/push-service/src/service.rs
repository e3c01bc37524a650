//! The listener, the scripts of the resources, and what is answered.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{HOST, LOCATION, RETRY_AFTER};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::{Condvar, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::answer::AnswerBody;
use crate::certificate::certify;
use crate::line::{Control, Line};
use crate::recorded::{Field, Http, Recorded};

/// Of a request; more than any push message has.
const BODY_OCTETS_MAX: usize = 64 * 1024;

/// What a resource does with one request.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// 201 with a Location.
    Created,
    Status(u16),
    /// The status with `Retry-After`.
    RetryAfter(u16, String),
    /// The status with `Location`.
    Redirect(u16, String),
    /// No answer, until [`PushService::release`]; 201 then.
    Stall,
    /// The connection is reset (RST), without an answer.
    Reset,
    /// The connection is closed, or its HTTP/2 stream reset, without an answer.
    Close,
    /// 201, one octet at a time, so long after the other.
    Slow(Duration),
    /// 201 with a body of so many octets.
    HugeBody(u64),
}

/// How a push service is reached.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub address: IpAddr,
    /// 0 for any.
    pub port: u16,
    /// The versions offered by ALPN; both unless one is named.
    pub only: Option<Http>,
    /// Whether the certificate is for the names by which the service is reached.
    pub certificate_fits: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { address: Ipv4Addr::LOCALHOST.into(), port: 0, only: None, certificate_fits: true }
    }
}

/// A push service; it ends when it is dropped.
pub struct PushService {
    state: Arc<State>,
    address: SocketAddr,
    ca_pem: String,
    runtime: Option<Runtime>,
}

struct State {
    inner: Mutex<Inner>,
    changed: Condvar,
    /// Requests so far, for those who wait without blocking.
    count: watch::Sender<usize>,
    released: watch::Sender<bool>,
}

#[derive(Default)]
struct Inner {
    next: BTreeMap<String, VecDeque<Behaviour>>,
    always: BTreeMap<String, Behaviour>,
    requests: Vec<Recorded>,
    connections: usize,
}

impl PushService {
    /// On a port of 127.0.0.1 that is free, with both versions of HTTP.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(Options::default())
    }

    /// # Panics
    /// When the port is taken.
    #[must_use]
    pub fn start_with(options: Options) -> Self {
        let alpn: &[&[u8]] = match options.only {
            None => &[b"h2", b"http/1.1"],
            Some(Http::One) => &[b"http/1.1"],
            Some(Http::Two) => &[b"h2"],
        };
        let names: &[&str] = match options.certificate_fits {
            true => &["localhost", "push.test", "127.0.0.1", "127.0.0.2", "::1"],
            false => &["elsewhere.test"],
        };
        let certified = certify(names, alpn);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let state = Arc::new(State {
            inner: Mutex::default(),
            changed: Condvar::new(),
            count: watch::Sender::new(0),
            released: watch::Sender::new(false),
        });
        let listener = std::net::TcpListener::bind((options.address, options.port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(certified.tls);
        runtime.spawn(accept(listener, acceptor, Arc::clone(&state)));
        Self { state, address, ca_pem: certified.ca_pem, runtime: Some(runtime) }
    }

    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate of the authority, which whoever calls must trust.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// `https://localhost:PORT/push/RESOURCE`
    #[must_use]
    pub fn url(&self, resource: &str) -> String {
        self.url_at("localhost", resource)
    }

    /// The same by another name or address.
    #[must_use]
    pub fn url_at(&self, host: &str, resource: &str) -> String {
        format!("https://{host}:{}/push/{resource}", self.address.port())
    }

    /// What the resource does with the next requests, one after the other, behind what it was told before.
    pub fn next(&self, resource: &str, behaviours: &[Behaviour]) {
        let mut inner = self.state.inner.lock();
        inner.next.entry(resource.to_owned()).or_default().extend(behaviours.iter().cloned());
    }

    /// What it does with all others; [`Behaviour::Created`] unless told.
    pub fn always(&self, resource: &str, behaviour: Behaviour) {
        self.state.inner.lock().always.insert(resource.to_owned(), behaviour);
    }

    /// Lets go whatever stalls, now and later.
    pub fn release(&self) {
        self.state.released.send_replace(true);
    }

    /// Connections so far on which TLS was agreed on.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.inner.lock().connections
    }

    /// Requests to a resource so far.
    #[must_use]
    pub fn requests(&self, resource: &str) -> Vec<Recorded> {
        self.state.inner.lock().of(resource)
    }

    /// Requests to all resources so far, in the order in which they were complete.
    #[must_use]
    pub fn all_requests(&self) -> Vec<Recorded> {
        self.state.inner.lock().requests.clone()
    }

    /// Waits until there are at least `count` requests to a resource. Blocks its thread.
    ///
    /// # Panics
    /// When they do not come in time.
    #[must_use]
    pub fn wait(&self, resource: &str, count: usize, time: Duration) -> Vec<Recorded> {
        let until = Instant::now() + time;
        let mut inner = self.state.inner.lock();
        loop {
            let found = inner.of(resource);
            if found.len() >= count {
                return found;
            }
            let late = self.state.changed.wait_until(&mut inner, until).timed_out();
            assert!(!late, "{resource}: {} of {count} requests within {time:?}", found.len());
        }
    }

    /// The same in a task.
    ///
    /// # Panics
    /// When they do not come in time.
    pub async fn wait_async(&self, resource: &str, count: usize, time: Duration) -> Vec<Recorded> {
        let mut changes = self.state.count.subscribe();
        let waited = tokio::time::timeout(time, async {
            while self.requests(resource).len() < count {
                changes.changed().await.unwrap();
            }
        });
        let late = waited.await.is_err();
        let found = self.requests(resource);
        assert!(!late, "{resource}: {} of {count} requests within {time:?}", found.len());
        found
    }
}

impl Drop for PushService {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Inner {
    fn of(&self, resource: &str) -> Vec<Recorded> {
        self.requests.iter().filter(|request| request.resource == resource).cloned().collect()
    }
}

impl State {
    /// Takes a request down, and says what is done with it.
    fn take(&self, mut request: Recorded) -> Behaviour {
        request.fault = request.find_fault();
        let mut inner = self.inner.lock();
        let scripted = match request.fault {
            Some(_) => Some(Behaviour::Status(400)),
            None => inner.next.get_mut(&request.resource).and_then(VecDeque::pop_front),
        };
        let always = inner.always.get(&request.resource);
        let behaviour = scripted.or_else(|| always.cloned()).unwrap_or(Behaviour::Created);
        inner.requests.push(request);
        self.count.send_replace(inner.requests.len());
        self.changed.notify_all();
        behaviour
    }
}

async fn accept(listener: std::net::TcpListener, acceptor: TlsAcceptor, state: Arc<State>) {
    let listener = TcpListener::from_std(listener).unwrap();
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        tokio::spawn(connection(stream, acceptor.clone(), Arc::clone(&state)));
    }
}

/// One connection to its end. What goes wrong on it is the peer's business.
async fn connection(stream: TcpStream, acceptor: TlsAcceptor, state: Arc<State>) {
    let _ = stream.set_nodelay(true);
    let Ok(mut tls) = acceptor.accept(stream).await else { return };
    let connection = {
        let mut inner = state.inner.lock();
        inner.connections += 1;
        inner.connections
    };
    let is_two = tls.get_ref().1.alpn_protocol() == Some(b"h2");
    let control = Arc::new(Control::default());
    let service = {
        let control = Arc::clone(&control);
        service_fn(move |request| answer(request, connection, Arc::clone(&state), Arc::clone(&control)))
    };
    let line = TokioIo::new(Line::new(&mut tls, Arc::clone(&control)));
    let torn = tokio::select! {
        () = control.torn() => true,
        _ = async {
            if is_two {
                http2::Builder::new(TokioExecutor::new()).serve_connection(line, service).await
            } else {
                http1::Builder::new().serve_connection(line, service).await
            }
        } => false,
    };
    if torn {
        let _ = tls.get_ref().0.set_zero_linger();
    }
}

async fn answer(
    request: Request<Incoming>,
    connection: usize,
    state: Arc<State>,
    control: Arc<Control>,
) -> Result<Response<AnswerBody>, Gone> {
    let behaviour = state.take(record(request, connection).await?);
    let created = || Response::builder().status(201).header(LOCATION, "/message/1");
    let response = match behaviour {
        Behaviour::Created => created().body(AnswerBody::text("")),
        Behaviour::Status(status) => Response::builder().status(status).body(AnswerBody::text("as told\n")),
        Behaviour::RetryAfter(status, after) => {
            Response::builder().status(status).header(RETRY_AFTER, after).body(AnswerBody::text(""))
        }
        Behaviour::Redirect(status, to) => {
            Response::builder().status(status).header(LOCATION, to).body(AnswerBody::text(""))
        }
        Behaviour::Stall => {
            let mut released = state.released.subscribe();
            let _ = released.wait_for(|released| *released).await;
            created().body(AnswerBody::text(""))
        }
        Behaviour::Reset => {
            control.tear();
            return std::future::pending().await;
        }
        Behaviour::Close => return Err(Gone),
        Behaviour::Slow(pause) => {
            control.slow_down(pause);
            created().body(AnswerBody::text(""))
        }
        Behaviour::HugeBody(octets) => created().body(AnswerBody::Zeros(octets)),
    };
    Ok(response.unwrap())
}

/// The request was not whole, or is not to be answered.
#[derive(Debug)]
struct Gone;

impl std::fmt::Display for Gone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no answer")
    }
}

impl std::error::Error for Gone {}

impl From<Infallible> for Gone {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

async fn record(request: Request<Incoming>, connection: usize) -> Result<Recorded, Gone> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, BODY_OCTETS_MAX).collect().await.map_err(|_| Gone)?.to_bytes();
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    let host = head.headers.get(HOST).map(|host| text(host.as_bytes()));
    let fields = head.headers.iter();
    let path = head.uri.path();
    Ok(Recorded {
        resource: path.strip_prefix("/push/").unwrap_or(path).to_owned(),
        method: head.method.to_string(),
        authority: host.or_else(|| head.uri.authority().map(ToString::to_string)).unwrap_or_default(),
        http: if head.version == Version::HTTP_2 { Http::Two } else { Http::One },
        headers: fields
            .map(|(name, value)| Field { name: name.to_string(), value: text(value.as_bytes()) })
            .collect(),
        body: body.to_vec(),
        connection,
        at: Instant::now(),
        fault: None,
    })
}
