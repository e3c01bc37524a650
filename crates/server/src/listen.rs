//! Listeners: all bound before the server says it is ready; a port in use is reported as such, all of them at
//! once.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use koi_sessions::Peer;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::admission::{Admitted, Refusal};
use crate::config::ListenConfig;
use crate::driver::{Driver, End};
use crate::edge::{Edge, Protocol, Spoken};
use crate::metrics::count;
use crate::notes::Tally;
use crate::problem::Problem;
use crate::tls::Tls;
use crate::wire::{Stream, Wire};

/// Connections the system keeps until they are accepted.
const BACKLOG: i32 = 1024;
/// Wait after an accept that failed for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// A connection of HTTP that is silent for so long is asked for a sign of life.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// One line in the log so often, while it goes on.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);

/// A listener that is bound.
pub struct Bound {
    pub spoken: Spoken,
    /// TLS before the greeting.
    pub tls: bool,
    /// As the configuration names it.
    pub service: &'static str,
    pub address: SocketAddr,
    listener: std::net::TcpListener,
}

/// Binds everything, or says what cannot be bound.
pub fn bind_all(config: &ListenConfig) -> Result<Vec<Bound>, Problem> {
    let wanted = [
        ("imap", Spoken::Lines(Protocol::Imap), false, &config.imap),
        ("imaps", Spoken::Lines(Protocol::Imap), true, &config.imaps),
        ("lmtp", Spoken::Lines(Protocol::Lmtp), false, &config.lmtp),
        ("smtp", Spoken::Lines(Protocol::Smtp), false, &config.smtp),
        ("submission", Spoken::Lines(Protocol::Submission), false, &config.submission),
        ("submissions", Spoken::Lines(Protocol::Submission), true, &config.submissions),
        ("https", Spoken::Http, true, &config.https),
        ("dmap", Spoken::Lines(Protocol::Dmap), true, &config.dmap),
        ("dmtp", Spoken::Lines(Protocol::Dmtp), true, &config.dmtp),
    ];
    let mut bound = Vec::new();
    let mut failed: Vec<String> = Vec::new();
    let mut in_use = false;
    for (service, spoken, tls, addresses) in wanted {
        for address in addresses {
            match bind(*address) {
                Ok(listener) => {
                    let address = listener.local_addr().unwrap_or(*address);
                    bound.push(Bound { spoken, tls, service, address, listener });
                }
                Err(error) if is_missing_loopback(*address, &error, addresses) => {
                    tracing::info!(service, %address, "not listening: this machine has no IPv6 loopback");
                }
                Err(error) => {
                    in_use |= error.kind() == io::ErrorKind::AddrInUse;
                    failed.push(format!("cannot listen on {address} ({service}): {}", reason(&error)));
                }
            }
        }
    }
    if failed.is_empty() {
        return Ok(bound);
    }
    let what = failed.join("\n");
    if in_use {
        let remedy = "stop the program that has the port (`ss -ltnp` names it), or choose other ports: \
                      `koi quickstart --port-base`, or [listen] in koi.toml";
        return Err(Problem::in_use(what, remedy));
    }
    Err(Problem::new(what, "correct [listen] in koi.toml; ports below 1024 need the right to bind them"))
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the port is in use".into(),
        io::ErrorKind::PermissionDenied => "no permission for this port".into(),
        io::ErrorKind::AddrNotAvailable => "this machine does not have the address".into(),
        _ => error.to_string(),
    }
}

/// `[::1]` beside 127.0.0.1 on a machine without IPv6 is left out.
fn is_missing_loopback(address: SocketAddr, error: &io::Error, all: &[SocketAddr]) -> bool {
    let beside = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port());
    let no_ipv6 = error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error());
    no_ipv6 && address.is_ipv6() && address.ip().is_loopback() && all.contains(&beside)
}

fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    // A restart must not wait for connections in TIME_WAIT; a port somebody listens on stays refused.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(std::net::TcpListener::from(socket))
}

/// Accepts for ever; dropped at shutdown.
pub async fn accept(bound: Bound, edge: Arc<Edge>) {
    let Bound { spoken, tls, service, address, listener } = bound;
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(service, %address, %error, "cannot listen");
            return;
        }
    };
    let mut complained: Option<Instant> = None;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => begin(&edge, spoken, tls, stream, peer.ip()),
            Err(error) => {
                if complained.is_none_or(|at| at.elapsed() >= COMPLAIN_EVERY) {
                    complained = Some(Instant::now());
                    tracing::warn!(service, %address, %error, "cannot accept connections");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn begin(edge: &Arc<Edge>, spoken: Spoken, tls: bool, stream: TcpStream, peer: IpAddr) {
    let _ = stream.set_nodelay(true);
    let peer = peer.to_canonical();
    match edge.admission.admit(peer, spoken.must_log_in(), &edge.limits()) {
        Ok(admitted) => {
            count(&edge.metrics.connections);
            match spoken {
                Spoken::Lines(protocol) => {
                    tokio::spawn(serve(Arc::clone(edge), protocol, tls, stream, peer, admitted));
                }
                Spoken::Http => drop(tokio::spawn(serve_http(Arc::clone(edge), stream, peer, admitted))),
            }
        }
        Err(refusal) => {
            count(&edge.metrics.connections_refused);
            tracing::info!(protocol = spoken.name(), %peer, reason = refusal.text(), "connection refused");
            if let (Spoken::Lines(protocol), false) = (spoken, tls) {
                tokio::spawn(refuse(protocol, stream, refusal));
            }
        }
    }
}

async fn refuse(protocol: Protocol, mut stream: TcpStream, refusal: Refusal) {
    let text = protocol.refusal(refusal.text());
    let farewell = async {
        let _ = stream.write_all(text.as_bytes()).await;
        let _ = stream.shutdown().await;
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), farewell).await;
}

async fn serve(
    edge: Arc<Edge>,
    protocol: Protocol,
    tls: bool,
    stream: TcpStream,
    peer: IpAddr,
    admitted: Admitted,
) {
    let tally = Tally::new(protocol.name(), peer, tls);
    let mut who = Peer { address: peer.to_string().into(), tls: None };
    let stream = if tls {
        let Some(tls) = edge.tls.as_ref().map(|tls| protocol.acceptor(tls)) else { return };
        match Box::pin(handshake(&edge, tls, stream, &admitted)).await {
            Some(stream) => Stream::Tls(Box::new(stream)),
            None => {
                tally.log_end(&End::Handshake);
                return;
            }
        }
    } else {
        Stream::Plain(stream)
    };
    if let Stream::Tls(stream) = &stream {
        who.tls = Some(crate::tls::facts(stream.get_ref().1));
    }
    let session = edge.sessions.begin(protocol, who);
    let mut driver = Ending(Driver::new(edge, Wire::new(stream), session, admitted, peer, tally));
    let end = driver.0.run().await;
    driver.0.tally.log_end(&end);
}

async fn serve_http(edge: Arc<Edge>, stream: TcpStream, peer: IpAddr, admitted: Admitted) {
    let acceptor = edge.tls.as_ref().map(Tls::http_acceptor);
    let (Some(acceptor), Some(site)) = (acceptor, edge.site.clone()) else { return };
    notice_loss(&stream, edge.limits().write);
    match Box::pin(handshake(&edge, acceptor, stream, &admitted)).await {
        Some(stream) => Box::pin(crate::http::serve(edge, site, stream, peer, admitted)).await,
        None => Tally::new(Spoken::Http.name(), peer, true).log_end(&End::Handshake),
    }
}

/// An event source is silent for as long as nothing happens: a peer that vanished is noticed by the system,
/// and so is one that does not take the little it is sent.
fn notice_loss(stream: &TcpStream, write: Duration) {
    // What is seen here ends sooner, and says so.
    let millis = u32::try_from((write * 2 + KEEPALIVE).as_millis()).unwrap_or(u32::MAX);
    let _ = sockopt::set_socket_keepalive(stream, true);
    let _ = sockopt::set_tcp_keepidle(stream, KEEPALIVE);
    let _ = sockopt::set_tcp_keepintvl(stream, KEEPALIVE / 4);
    let _ = sockopt::set_tcp_user_timeout(stream, millis);
}

/// A peer that is still shaking hands when the server goes down has nothing to be told.
async fn handshake(
    edge: &Edge,
    acceptor: TlsAcceptor,
    stream: TcpStream,
    admitted: &Admitted,
) -> Option<TlsStream<TcpStream>> {
    let limit = edge.limits().handshake;
    let accepted = tokio::select! {
        accepted = tokio::time::timeout(limit, acceptor.accept(stream)) => accepted,
        () = admitted.link.woken() => return None,
    };
    match accepted {
        Ok(Ok(stream)) => {
            count(&edge.metrics.tls_handshakes);
            Some(stream)
        }
        _ => {
            count(&edge.metrics.tls_failures);
            None
        }
    }
}

/// A panic in a session ends that session alone, and is counted.
struct Ending(Driver);

impl Drop for Ending {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.panicked();
        }
    }
}
