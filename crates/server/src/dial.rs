//! A client's connection to a DMAP server: TLS 1.3 from the first octet, ALPN `dmap`, for `koi dmap`.
//!
//! Blocks, with a bound on every wait. Must not: know what is said over it.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::problem::Problem;
use crate::tls::trusted;

/// For each address of the name.
const CONNECT: Duration = Duration::from_secs(10);
/// A server that says nothing for so long is gone.
const READ: Duration = Duration::from_secs(120);
const WRITE: Duration = Duration::from_secs(60);
/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;

/// A connection after its handshake.
pub type Stream = StreamOwned<ClientConnection, TcpStream>;

/// What a handshake gave.
#[derive(Debug)]
pub struct Dialed {
    pub stream: Stream,
    /// `tls-exporter` (RFC 9266 §2).
    pub exporter: Option<[u8; 32]>,
    /// The server's own certificate, DER.
    pub certificate: Vec<u8>,
}

/// Connects. `ca_file`: certificates to trust instead of the system's.
pub fn dial(host: &str, port: u16, ca_file: Option<&Path>) -> Result<Dialed, Problem> {
    let mut socket = connected(host, port)?;
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| Problem::usage(format!("`{host}` is not the name of a host"), "write HOST:PORT"))?;
    let config = Arc::new(config(ca_file)?);
    let mut connection = ClientConnection::new(config, name)
        .map_err(|error| Problem::new(format!("cannot set up TLS: {error}"), "report this as a bug"))?;
    let place = format!("{host}:{port}");
    while connection.is_handshaking() {
        connection.complete_io(&mut socket).map_err(|error| handshake(&place, &error))?;
    }
    if connection.alpn_protocol() != Some(b"dmap") {
        let what = format!("{place} does not offer DMAP");
        return Err(Problem::new(
            what,
            "check the port: DMAP is usually on 9933, or the port base plus that",
        ));
    }
    let exporter = connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", None).ok();
    let certificate = connection.peer_certificates().and_then(|chain| chain.first());
    let certificate = certificate.map(|own| own.as_ref().to_vec()).unwrap_or_default();
    Ok(Dialed { stream: StreamOwned::new(connection, socket), exporter, certificate })
}

fn connected(host: &str, port: u16) -> Result<TcpStream, Problem> {
    let place = format!("{host}:{port}");
    let unreachable = |error: std::io::Error| {
        let remedy = "check the name and the port, and that the server runs";
        Problem::new(format!("cannot connect to {place}: {error}"), remedy)
    };
    let found = (host, port).to_socket_addrs().map_err(unreachable)?;
    let mut last = std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address");
    for address in found.take(ADDRESSES_MAX) {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(socket) => {
                let set = socket
                    .set_read_timeout(Some(READ))
                    .and_then(|()| socket.set_write_timeout(Some(WRITE)))
                    .and_then(|()| socket.set_nodelay(true));
                return set.map(|()| socket).map_err(unreachable);
            }
            Err(error) => last = error,
        }
    }
    Err(unreachable(last))
}

fn config(ca_file: Option<&Path>) -> Result<ClientConfig, Problem> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let failed = |e: rustls::Error| Problem::new(format!("cannot set up TLS: {e}"), "report this as a bug");
    let remedy = "install the package ca-certificates, or give the server's own authority with --ca FILE";
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(failed)?
        .with_root_certificates(trusted(ca_file, remedy)?)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"dmap".to_vec()];
    Ok(config)
}

fn handshake(place: &str, error: &std::io::Error) -> Problem {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(why)) => Problem::new(
            format!("the certificate of {place} is not to be trusted: {why}"),
            "if the server has an authority of its own, as after `koi quickstart`, give it with --ca FILE",
        ),
        Some(rustls::Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol)) => Problem::new(
            format!("{place} does not offer DMAP"),
            "check the port: DMAP is usually on 9933, or the port base plus that",
        ),
        _ => Problem::new(
            format!("no TLS connection to {place}: {error}"),
            "check the port: DMAP is usually on 9933, or the port base plus that",
        ),
    }
}
