//! One connection: hyper speaks HTTP, this says for how long, and how many requests at a time.
//!
//! A connection without a request ends after `http.idle_secs`; a peer that does not take an answer for
//! `limits.write_secs` is dropped, also when only one stream of HTTP/2 stands still. At shutdown no new
//! request is taken and those that are there are answered. Must not: know what is asked for.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use koi_types::Address;
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::server::TlsStream;

use super::answer::{Answer, Sending};
use super::problem::Refused;
use super::{Site, compress, cors, routes};
use crate::admission::Admitted;
use crate::edge::Edge;
use crate::metrics::{add, count};
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
}

struct Activity {
    /// Requests whose answer has not gone out.
    requests: usize,
    /// Of them, those whose answer is on its way.
    sending: usize,
    /// When octets of a body last moved, or a request began or ended.
    moved: Instant,
}

/// A request, until its answer has gone out.
#[derive(Clone)]
pub(crate) struct InFlight(Arc<Flight>);

struct Flight {
    connection: Arc<Connection>,
    sending: std::sync::atomic::AtomicBool,
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
    let config = site.config.clone();
    let activity = Activity { requests: 0, sending: 0, moved: Instant::now() };
    let connection = Arc::new(Connection {
        edge,
        site,
        peer,
        admitted: Mutex::new(admitted),
        activity: Mutex::new(activity),
        places: Arc::new(Semaphore::new(config.requests_per_connection_max)),
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
            .serve_connection(io, service);
        connection.drive(http, &link).await;
    } else {
        let http = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(config.idle)
            .max_headers(HEADERS_MAX)
            .max_buf_size(config.header_octets_max.max(8192))
            .serve_connection(io, service);
        connection.drive(http, &link).await;
    }
}

impl Connection {
    async fn drive<C: GracefulConnection>(&self, http: C, link: &Link)
    where
        C::Error: std::fmt::Display,
    {
        let mut http = pin!(http);
        let mut ending: Option<Instant> = None;
        loop {
            // What is due changes while requests come and go.
            let look = Instant::now() + self.edge.limits().write.min(self.site.config.idle) / 2;
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
                        http.as_mut().graceful_shutdown();
                        ending = Some(Instant::now());
                    }
                }
                () = tokio::time::sleep_until(due) => match ending {
                    _ if self.due(ending) > Instant::now() => {}
                    None if !self.is_sending() => {
                        http.as_mut().graceful_shutdown();
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
    /// When something must be done about a peer that does nothing.
    fn due(&self, ending: Option<Instant>) -> Instant {
        let activity = self.activity.lock();
        let write = self.edge.limits().write;
        match ending {
            _ if activity.sending > 0 => activity.moved + write,
            _ if activity.requests > 0 => Instant::now() + LONG,
            Some(ending) => ending.max(activity.moved) + write,
            None => activity.moved + self.site.config.idle,
        }
    }
    fn is_sending(&self) -> bool {
        self.activity.lock().sending > 0
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
        cors::mark(&self.site.config.origins, &asked, &mut answer.headers);
        let (status, octets) = (answer.status.as_u16(), answer.octets());
        if method == Method::HEAD {
            answer.without_body();
        }
        add(&self.edge.metrics.octets_out, octets);
        self.edge.metrics.http_request.record(began.elapsed());
        // Never the query: there may be secrets in it.
        let shown = path.get(..LOGGED_OCTETS_MAX).unwrap_or(&path).escape_debug();
        let account = account.map(|account| account.to_string()).unwrap_or_default();
        let ms = format!("{:.1}", began.elapsed().as_secs_f64() * 1000.0);
        tracing::info!(peer = %self.peer, account, %method, path = %shown, status, octets, ms, "request");
        answer.response(in_flight)
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

impl InFlight {
    fn begin(connection: &Arc<Connection>) -> Self {
        let mut activity = connection.activity.lock();
        activity.requests += 1;
        activity.moved = Instant::now();
        drop(activity);
        Self(Arc::new(Flight { connection: Arc::clone(connection), sending: false.into() }))
    }
    /// Octets have come or gone.
    pub(super) fn moved(&self) {
        self.0.connection.activity.lock().moved = Instant::now();
    }
    /// From now on the peer must take the answer.
    pub(super) fn sends(&self) {
        if !self.0.sending.swap(true, std::sync::atomic::Ordering::AcqRel) {
            let mut activity = self.0.connection.activity.lock();
            activity.sending += 1;
            activity.moved = Instant::now();
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut activity = self.connection.activity.lock();
        activity.requests -= 1;
        activity.sending -= usize::from(*self.sending.get_mut());
        activity.moved = Instant::now();
    }
}
