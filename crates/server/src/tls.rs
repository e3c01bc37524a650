//! TLS: rustls with aws-lc-rs and no second provider (RFC 8314 §3, RFC 9051 §11.1).
//!
//! The certificate is behind a lock, so that SIGHUP changes it for handshakes to come while open sessions
//! keep theirs. Session tickets are stateless: a reconnecting client costs no signature and an idle session
//! no memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use koi_sessions::TlsFacts;
use parking_lot::RwLock;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::config::TlsConfig;
use crate::problem::Problem;

/// Where systems keep the certificates they trust.
const SYSTEM_ROOTS: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
];
/// Certificates in one chain.
const CHAIN_MAX: usize = 16;

/// What is spoken behind a handshake for HTTP, the best first (RFC 7301 §6, RFC 9113 §3.2).
const HTTP_PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];
/// What a client of DMAP asks for; one that asks for others is refused, one that asks for nothing is not.
const DMAP_PROTOCOL: &[u8] = b"dmap";

/// What handshakes are made with. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    config: Arc<rustls::ServerConfig>,
    /// The same for HTTP, which is chosen by ALPN.
    http: Arc<rustls::ServerConfig>,
    /// The same for DMAP: TLS 1.3 alone.
    dmap: Arc<rustls::ServerConfig>,
    current: Arc<Current>,
}

#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read()))
    }
}

/// A certificate with its key.
pub struct Certificate(Arc<CertifiedKey>);

impl Tls {
    /// Reads certificate and key.
    pub fn load(files: &TlsConfig) -> Result<Self, Problem> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let failed =
            |e: rustls::Error| Problem::new(format!("cannot set up TLS: {e}"), "report this as a bug");
        let current = Arc::new(Current(RwLock::new(certified(files)?)));
        let config = |versions: &[&'static rustls::SupportedProtocolVersion]| {
            let mut config = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
                .with_protocol_versions(versions)?
                .with_no_client_auth()
                .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
            config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()?;
            config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
            // One ticket is enough for a client that keeps one connection.
            config.send_tls13_tickets = 1;
            Ok(config)
        };
        let usual = config(rustls::DEFAULT_VERSIONS).map_err(failed)?;
        let mut http = usual.clone();
        http.alpn_protocols = HTTP_PROTOCOLS.iter().map(|name| name.to_vec()).collect();
        let mut dmap = config(&[&rustls::version::TLS13]).map_err(failed)?;
        dmap.alpn_protocols = vec![DMAP_PROTOCOL.to_vec()];
        Ok(Self { config: Arc::new(usual), http: Arc::new(http), dmap: Arc::new(dmap), current })
    }

    /// Reads files that may have changed, and takes nothing over.
    pub fn read(files: &TlsConfig) -> Result<Certificate, Problem> {
        certified(files).map(Certificate)
    }
    /// From now on connections get this.
    pub fn take(&self, Certificate(fresh): Certificate) {
        *self.current.0.write() = fresh;
    }

    /// For the driver.
    #[must_use]
    pub fn acceptor(&self) -> tokio_rustls::TlsAcceptor {
        tokio_rustls::TlsAcceptor::from(Arc::clone(&self.config))
    }

    /// For DMAP.
    #[must_use]
    pub fn dmap_acceptor(&self) -> tokio_rustls::TlsAcceptor {
        tokio_rustls::TlsAcceptor::from(Arc::clone(&self.dmap))
    }

    /// For HTTP.
    #[must_use]
    pub fn http_acceptor(&self) -> tokio_rustls::TlsAcceptor {
        tokio_rustls::TlsAcceptor::from(Arc::clone(&self.http))
    }
}

/// What a finished handshake settled.
#[must_use]
pub fn facts(connection: &rustls::ServerConnection) -> TlsFacts {
    let version =
        connection.protocol_version().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
    let suite = connection.negotiated_cipher_suite();
    let cipher = suite.and_then(|s| s.suite().as_str().map(str::to_owned)).unwrap_or_default();
    // RFC 9266 §2: label, no context, 32 octets; RFC 9266 §4.2: before TLS 1.3 it need not be unique.
    let unique = connection.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3);
    let exported = || connection.export_keying_material([0u8; 32], b"EXPORTER-Channel-Binding", None).ok();
    let exporter = unique.then(exported).flatten();
    TlsFacts {
        version: version.replace('_', ".").into(),
        cipher: cipher.replacen("TLS13_", "TLS_", 1).into(),
        exporter,
    }
}

/// The certificate that others are shown.
pub(crate) struct OwnCertificate {
    pub(crate) der: Vec<u8>,
    intermediates: Vec<CertificateDer<'static>>,
}

/// Reads it.
pub(crate) fn own_certificate(files: &TlsConfig) -> Result<OwnCertificate, Problem> {
    let mut chain = chain(&files.certificate)?.into_iter();
    let der = chain.next().map(|own| own.as_ref().to_vec()).unwrap_or_default();
    Ok(OwnCertificate { der, intermediates: chain.collect() })
}

impl OwnCertificate {
    /// Whether it is good for this name by an authority that systems like this one trust.
    pub(crate) fn is_trusted(&self, hostname: &str) -> bool {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let Ok(roots) = trusted(None, "install the package ca-certificates") else { return false };
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let (Ok(verifier), Ok(name)) = (builder.build(), ServerName::try_from(hostname.to_owned())) else {
            return false;
        };
        let der = CertificateDer::from(self.der.clone());
        verifier.verify_server_cert(&der, &self.intermediates, &name, &[], UnixTime::now()).is_ok()
    }
}

/// Certificates to trust: those of the file, or of the system; `remedy` is what to do when there are none.
pub(crate) fn trusted(ca_file: Option<&Path>, remedy: &str) -> Result<rustls::RootCertStore, Problem> {
    let of_system = || SYSTEM_ROOTS.iter().map(PathBuf::from).find(|file| file.exists());
    let Some(file) = ca_file.map(Path::to_owned).or_else(of_system) else {
        tracing::warn!(remedy, "no certificates to trust were found: no connection will be made");
        return Ok(rustls::RootCertStore::empty());
    };
    let unreadable = |e| Problem::new(format!("{}: cannot read certificates: {e}", file.display()), remedy);
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(&file).map_err(unreadable)? {
        // A system's file may have some that nobody can use.
        let _ = roots.add(certificate.map_err(unreadable)?);
    }
    match roots.is_empty() {
        true => Err(Problem::new(format!("{}: no certificate in it", file.display()), remedy)),
        false => Ok(roots),
    }
}

fn certified(files: &TlsConfig) -> Result<Arc<CertifiedKey>, Problem> {
    let chain = chain(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(pem_problem(&files.key, "private key"))?;
    let signing = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).map_err(|e| {
        Problem::new(format!("{}: {e}", files.key.display()), "use an ECDSA, Ed25519 or RSA key in PEM form")
    })?;
    let certified = CertifiedKey::new(chain, signing);
    certified.keys_match().map_err(|_| {
        let what = format!("{} is not the key of {}", files.key.display(), files.certificate.display());
        Problem::new(what, "give the key and the certificate that belong together")
    })?;
    Ok(Arc::new(certified))
}

fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let certificates = CertificateDer::pem_file_iter(file).map_err(pem_problem(file, "certificate"))?;
    let chain: Vec<_> =
        certificates.take(CHAIN_MAX).collect::<Result<_, _>>().map_err(pem_problem(file, "certificate"))?;
    if chain.is_empty() {
        let what = format!("{}: no certificate in it", file.display());
        return Err(Problem::new(what, "give a PEM file with the server's certificate first"));
    }
    Ok(chain)
}

fn pem_problem(file: &Path, wanted: &str) -> impl Fn(rustls::pki_types::pem::Error) -> Problem {
    let (file, wanted) = (file.display().to_string(), wanted.to_owned());
    move |e| {
        Problem::new(format!("{file}: cannot read a {wanted}: {e}"), "give a PEM file this user may read")
    }
}
