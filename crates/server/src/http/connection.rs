//! One connection: hyper speaks HTTP, this says for how long, and how many requests at a time.
//!
//! A connection without a request ends after `http.idle_secs`; a peer that does not take an answer for
//! `limits.write_secs` is dropped, also when only one stream of HTTP/2 stands still. At shutdown no new
//! request is taken and those that are there are answered; what goes on for ever is told to end. A connection
//! that became a WebSocket is one of the server until that ends. Must not: know what is asked for.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use koi_types::Address;
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::server::TlsStream;

use super::answer::{Answer, Sending};
use super::problem::Refused;
use super::{Site, compress, cors, routes};
use crate::admission::Admitted;
use crate::edge::Edge;
use crate::metrics::{Metrics, add, count};
use crate::watch::Link;

/// Header fields of one request.
const HEADERS_MAX: usize = 100;
/// What HTTP/2 keeps of an answer that the peer has not made room for.
const SEND_OCTETS_MAX: usize = 64 * 1024;
/// What a peer may send before it is read, of one stream and of all.
const STREAM_WINDOW_OCTETS: u32 = 256 * 1024;
const CONNECTION_WINDOW_OCTETS: u32 = 1024 * 1024;
/// A peer that is gone is noticed so soon.
const PING: Duration = Duration::from_secs(60);
const PONG: Duration = Duration::from_secs(20);
/// While a request is worked on nothing is due.
const LONG: Duration = Duration::from_secs(3600);
/// How much of a path is logged.
const LOGGED_OCTETS_MAX: usize = 200;

/// What all requests of one connection share.
pub(super) struct Connection {
    pub(super) edge: Arc<Edge>,
    pub(super) site: Arc<Site>,
    pub(super) peer: IpAddr,
    admitted: Mutex<Admitted>,
    activity: Mutex<Activity>,
    /// Places for requests.
    places: Arc<Semaphore>,
    /// Whether the server goes down, for what goes on for ever.
    pub(super) shutdown: watch::Sender<bool>,
    /// WebSockets.
    sockets: Mutex<JoinSet<()>>,
}

struct Activity {
    /// Requests whose answer has not gone out.
    requests: usize,
    /// Of them, those whose answer is on its way: when octets of it last moved.
    sending: BTreeMap<u64, Instant>,
    /// When octets of a body last moved, or a request began or ended.
    moved: Instant,
    /// Of the next request.
    number: u64,
}

/// A request, until its answer has gone out.
#[derive(Clone)]
pub(crate) struct InFlight(Arc<Flight>);

struct Flight {
    connection: Arc<Connection>,
    number: u64,
}

/// What came of a request, for the log.
pub(super) struct Answered {
    pub(super) answer: Answer,
    pub(super) account: Option<Address>,
}

/// Serves one connection to its end.
pub(crate) async fn serve(
    edge: Arc<Edge>,
    site: Arc<Site>,
    stream: TlsStream<TcpStream>,
    peer: IpAddr,
    admitted: Admitted,
) {
    let link = Arc::clone(&admitted.link);
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let config = site.config();
    let activity = Activity { requests: 0, sending: BTreeMap::new(), moved: Instant::now(), number: 0 };
    let connection = Arc::new(Connection {
        edge,
        site,
        peer,
        admitted: Mutex::new(admitted),
        activity: Mutex::new(activity),
        places: Arc::new(Semaphore::new(config.requests_per_connection_max)),
        shutdown: watch::Sender::new(false),
        sockets: Mutex::default(),
    });
    let serving = Arc::clone(&connection);
    let service = service_fn(move |request| {
        let connection = Arc::clone(&serving);
        async move { Ok::<_, Infallible>(connection.respond(request).await) }
    });
    let io = TokioIo::new(stream);
    if is_http2 {
        let streams = u32::try_from(config.requests_per_connection_max).unwrap_or(u32::MAX);
        let headers = u32::try_from(config.header_octets_max).unwrap_or(u32::MAX);
        let http = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(streams)
            .max_header_list_size(headers)
            .max_send_buf_size(SEND_OCTETS_MAX)
            .initial_stream_window_size(STREAM_WINDOW_OCTETS)
            .initial_connection_window_size(CONNECTION_WINDOW_OCTETS)
            .keep_alive_interval(PING)
            .keep_alive_timeout(PONG)
            // RFC 8441 §3: WebSockets over a stream.
            .enable_connect_protocol()
            .serve_connection(io, service);
        connection.drive(http, &link).await;
    } else {
        let http = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(config.idle)
            .max_headers(HEADERS_MAX)
            .max_buf_size(config.header_octets_max.max(8192))
            .serve_connection(io, service)
            .with_upgrades();
        connection.drive(http, &link).await;
    }
    connection.see_out(&link).await;
}

/// A connection that hyper drives.
trait Http: Future<Output = hyper::Result<()>> {
    /// Takes no new request.
    fn finish(self: Pin<&mut Self>);
}

impl<I, S> Http for http1::UpgradeableConnection<I, S>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    S: hyper::service::HttpService<Incoming, ResBody = Sending>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S> Http for http2::Connection<I, S, TokioExecutor>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
    S: hyper::service::HttpService<Incoming, ResBody = Sending>,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl Connection {
    async fn drive(&self, http: impl Http, link: &Link) {
        let mut http = pin!(http);
        let mut ending: Option<Instant> = None;
        loop {
            // What is due changes while requests come and go.
            let look = Instant::now() + self.edge.limits().write.min(self.site.config().idle) / 2;
            let due = tokio::time::Instant::from_std(self.due(ending).min(look));
            tokio::select! {
                ended = http.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(peer = %self.peer, %error, "HTTP connection ended");
                    }
                    return;
                }
                () = link.woken() => {
                    if link.take().shutdown && ending.is_none() {
                        self.shutdown.send_replace(true);
                        http.as_mut().finish();
                        ending = Some(Instant::now());
                    }
                }
                () = tokio::time::sleep_until(due) => match ending {
                    _ if self.due(ending) > Instant::now() => {}
                    None if !self.is_sending() => {
                        http.as_mut().finish();
                        ending = Some(Instant::now());
                    }
                    _ => {
                        count(&self.edge.metrics.slow_peers_dropped);
                        return;
                    }
                }
            }
        }
    }
    /// Until the WebSockets have ended that the connection was given to.
    async fn see_out(&self, link: &Link) {
        let mut sockets = std::mem::take(&mut *self.sockets.lock());
        loop {
            tokio::select! {
                ended = sockets.join_next() => if ended.is_none() { return },
                () = link.woken() => if link.take().shutdown {
                    self.shutdown.send_replace(true);
                },
            }
        }
    }
    /// A WebSocket, which is one of this connection's.
    pub(super) fn keep_socket(&self, socket: impl Future<Output = ()> + Send + 'static) {
        let mut sockets = self.sockets.lock();
        while sockets.try_join_next().is_some() {}
        sockets.spawn(socket);
    }
    /// When something must be done about a peer that does nothing.
    fn due(&self, ending: Option<Instant>) -> Instant {
        let activity = self.activity.lock();
        let write = self.edge.limits().write;
        match ending {
            _ if !activity.sending.is_empty() => {
                // The one that stands still the longest, whatever the others do.
                activity.sending.values().min().map_or_else(Instant::now, |moved| *moved + write)
            }
            _ if activity.requests > 0 => Instant::now() + LONG,
            Some(ending) => ending.max(activity.moved) + write,
            None => activity.moved + self.site.config().idle,
        }
    }
    fn is_sending(&self) -> bool {
        !self.activity.lock().sending.is_empty()
    }
    /// It does not count as waiting for login any more.
    pub(super) fn logged_in(&self) {
        self.admitted.lock().logged_in();
    }

    async fn respond(self: Arc<Self>, request: Request<Incoming>) -> Response<Sending> {
        let (began, in_flight) = (Instant::now(), InFlight::begin(&self));
        count(&self.edge.metrics.http_requests);
        let (method, asked) = (request.method().clone(), request.headers().clone());
        let path = request.uri().path().to_owned();
        let Answered { answer, account } = self.answer(request, &in_flight).await;
        let mut answer = compress::compress(&asked, answer).await;
        cors::mark(&self.site.config().origins, &asked, &mut answer.headers);
        if method == Method::HEAD {
            answer.without_body();
        }
        self.edge.metrics.http_request.record(began.elapsed());
        let (metrics, status) = (Arc::clone(&self.edge.metrics), answer.status.as_u16());
        let line = Line { metrics, peer: self.peer, account, method, path, status, took: began.elapsed() };
        answer.response(line, in_flight)
    }
    /// In a task of its own: what has begun is finished when the peer has gone, and a panic ends it alone.
    async fn answer(self: &Arc<Self>, request: Request<Incoming>, in_flight: &InFlight) -> Answered {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            let why = "Too many requests at a time over this connection.".into();
            return Answered { answer: Refused::Busy(why).answer(), account: None };
        };
        let (connection, flight) = (Arc::clone(self), in_flight.clone());
        let working = tokio::spawn(async move {
            let answered = routes::answer(&connection, request, &flight).await;
            drop(place);
            answered
        });
        working.await.unwrap_or_else(|_| {
            count(&self.edge.metrics.sessions_panicked);
            tracing::error!(peer = %self.peer, "a request panicked; please report this bug");
            Answered { answer: Refused::Internal.answer(), account: None }
        })
    }
}

/// What the log says of a request, when the answer has gone out.
pub(crate) struct Line {
    metrics: Arc<Metrics>,
    peer: IpAddr,
    account: Option<Address>,
    method: Method,
    path: String,
    status: u16,
    /// Until there was an answer.
    took: Duration,
}

impl Line {
    pub(super) fn log(&self, octets: u64) {
        add(&self.metrics.octets_out, octets);
        // Never the query: there may be secrets in it.
        let path = self.path.get(..LOGGED_OCTETS_MAX).unwrap_or(&self.path).escape_debug();
        let account = self.account.as_ref().map(ToString::to_string).unwrap_or_default();
        let ms = format!("{:.1}", self.took.as_secs_f64() * 1000.0);
        let (peer, method, status) = (self.peer, &self.method, self.status);
        tracing::info!(%peer, account, %method, %path, status, octets, ms, "request");
    }
}

impl InFlight {
    fn begin(connection: &Arc<Connection>) -> Self {
        let mut activity = connection.activity.lock();
        activity.requests += 1;
        activity.moved = Instant::now();
        activity.number += 1;
        let number = activity.number;
        drop(activity);
        Self(Arc::new(Flight { connection: Arc::clone(connection), number }))
    }
    /// Octets have come or gone.
    pub(super) fn moved(&self) {
        let mut activity = self.0.connection.activity.lock();
        let now = Instant::now();
        activity.moved = now;
        activity.sending.entry(self.0.number).and_modify(|moved| *moved = now);
    }
    /// From now on the peer must take the answer.
    pub(super) fn sends(&self) {
        let mut activity = self.0.connection.activity.lock();
        let now = Instant::now();
        activity.sending.entry(self.0.number).or_insert(now);
        activity.moved = now;
    }
    /// There is nothing for it to take for now.
    pub(super) fn rests(&self) {
        self.0.connection.activity.lock().sending.remove(&self.0.number);
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut activity = self.connection.activity.lock();
        activity.requests -= 1;
        activity.sending.remove(&self.number);
        activity.moved = Instant::now();
    }
}
