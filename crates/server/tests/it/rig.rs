//! An edge with an echo session, and clients for it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use koi_mailbox::{AppPassword, Delivery, Env, Incoming, MailboxService, Options};
use koi_server::admission::Admission;
use koi_server::ca::LocalCa;
use koi_server::config::{Config, HttpConfig, TlsConfig, raw, resolve};
use koi_server::dmtp::{Nobody, Organisations};
use koi_server::edge::{Edge, Protocol, Sessions};
use koi_server::http::{Jmap, MailServices, Site};
use koi_server::jmap::JmapServer;
use koi_server::metrics::Metrics;
use koi_server::password::{Directory, Entry, Passwords, verifier};
use koi_server::tls::Tls;
use koi_server::watch::Watch;
use koi_server::{folder, listen};
use koi_sessions::{Credentials, Effect, EffectResult, Note, Peer, Secret, Session, Step, TlsFacts};
use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_types::{AccountId, Address, ModSeq, ReversePath, Timestamp};
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::TcpStream;

pub(crate) struct Rig {
    pub(crate) edge: Arc<Edge>,
    pub(crate) plain: SocketAddr,
    pub(crate) tls: SocketAddr,
    pub(crate) https: SocketAddr,
    /// Of alice's password.
    verifier: Arc<parking_lot::Mutex<String>>,
    /// What alice has beside her password.
    pub(crate) app_passwords: AppPasswords,
    /// Of alice and bob.
    pub(crate) mailbox: MailboxService,
    pub(crate) folder: tempfile::TempDir,
}

type AppPasswords = Arc<parking_lot::Mutex<Vec<AppPassword>>>;

struct Alice {
    verifier: Arc<parking_lot::Mutex<String>>,
    app_passwords: AppPasswords,
}

impl Directory for Alice {
    fn entry(&self, address: &Address) -> koi_types::Result<Option<Entry>> {
        let known = address.to_string() == "alice@example.org";
        let (verifier, scram) = (self.verifier.lock().clone(), None);
        let (account, app_passwords) = (AccountId(1), self.app_passwords.lock().clone());
        let entry = Entry { account, address: address.clone(), verifier, scram, app_passwords, stacie: None };
        Ok(known.then_some(entry))
    }
    fn address(&self, account: AccountId) -> koi_types::Result<Option<Address>> {
        Ok(Address::parse("alice@example.org").filter(|_| account == AccountId(1)))
    }
}

struct System;

impl Env for System {
    fn now(&self) -> Timestamp {
        koi_server::clock::now()
    }
    fn random(&self) -> [u8; 10] {
        koi_server::clock::random()
    }
}

struct Echoes;

impl Sessions for Echoes {
    fn begin(&self, _protocol: Protocol, peer: Peer) -> Box<dyn Session> {
        Box::new(Echo { tls: peer.tls, ..Echo::default() })
    }
}

impl Rig {
    pub(crate) fn new(settings: &str) -> Self {
        Self::with(settings, None)
    }
    /// With JMAP as it is.
    pub(crate) fn real(settings: &str) -> Self {
        Self::build(settings, |mailbox, config, metrics| {
            let (mailbox, metrics) = (mailbox.clone(), Arc::clone(metrics));
            Some(Box::new(JmapServer::new(
                mailbox,
                &config.http,
                Some("BKey".into()),
                Arc::default(),
                metrics,
            )))
        })
    }
    pub(crate) fn with(settings: &str, jmap: Option<Box<dyn Jmap>>) -> Self {
        Self::build(settings, |_, _, _| jmap)
    }
    /// With others to be looked up.
    pub(crate) fn asking(others: Arc<dyn Organisations>) -> Self {
        Self::build_with("", others, |_, _, _| None)
    }
    fn build(
        settings: &str,
        jmap: impl FnOnce(&MailboxService, &Config, &Arc<Metrics>) -> Option<Box<dyn Jmap>>,
    ) -> Self {
        Self::build_with(settings, Arc::new(Nobody), jmap)
    }
    fn build_with(
        settings: &str,
        organisations: Arc<dyn Organisations>,
        jmap: impl FnOnce(&MailboxService, &Config, &Arc<Metrics>) -> Option<Box<dyn Jmap>>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        folder::make_private(folder.path()).unwrap();
        let config = config(folder.path(), settings);
        let files = LocalCa::make(folder.path(), "example.org").unwrap();
        let tls = Tls::load(&TlsConfig { certificate: files.certificate, key: files.key }).unwrap();
        let metrics: Arc<Metrics> = Arc::default();
        let cost = verifier::Cost { memory_kib: 64, passes: 1 };
        let verifier = verifier::make(cost, b"secret", &mut Vec::new()).unwrap();
        let app_passwords = AppPasswords::default();
        let verifier = Arc::new(parking_lot::Mutex::new(verifier));
        let alice =
            Box::new(Alice { verifier: Arc::clone(&verifier), app_passwords: Arc::clone(&app_passwords) });
        let passwords =
            Passwords::new(alice, "example.org", [1; 32], &config.auth, Arc::clone(&metrics)).unwrap();
        let watch = Arc::new(Watch::default());
        let kv: Arc<dyn Kv> = Arc::new(MemoryKv::new(Arc::clone(&watch) as Arc<dyn Commits>));
        let mailbox = MailboxService::new(kv, Options::default(), Arc::new(System));
        mailbox.directory().create_domain("example.org").unwrap();
        for (user, id) in [("alice", 1), ("bob", 2)] {
            let address = Address::new(user, "example.org").unwrap();
            assert_eq!(mailbox.directory().create_account(&address, "v").unwrap(), AccountId(id));
        }
        let jmap = jmap(&mailbox, &config, &metrics);
        let edge = Arc::new(Edge {
            tls: Some(tls),
            passwords,
            watch,
            admission: Arc::new(Admission::default()),
            metrics,
            sessions: Box::new(Echoes),
            site: Some(Arc::new(
                Site::new(config.http.clone(), services(), jmap).with_blobs(mailbox.clone()),
            )),
            organisations,
            limits: parking_lot::RwLock::new(Arc::new(config.limits.clone())),
        });
        let bound = listen::bind_all(&config.listen).unwrap();
        let at = |service: &str| bound.iter().find(|b| b.service == service).unwrap().address;
        let (plain, tls, https) = (at("imap"), at("imaps"), at("https"));
        for listener in bound {
            tokio::spawn(listen::accept(listener, Arc::clone(&edge)));
        }
        Self { edge, plain, tls, https, app_passwords, verifier, mailbox, folder }
    }

    /// What another configuration says of HTTP.
    pub(crate) fn http_config(&self, settings: &str) -> HttpConfig {
        config(self.folder.path(), settings).http
    }

    /// Gives alice another password.
    pub(crate) fn change_password(&self, password: &str) {
        let cost = verifier::Cost { memory_kib: 64, passes: 1 };
        *self.verifier.lock() = verifier::make(cost, password.as_bytes(), &mut Vec::new()).unwrap();
        self.edge.watch.account_gone(AccountId(1));
    }
    /// Delivers a message to alice, and waits until it is there.
    pub(crate) fn deliver(&self, subject: &str) {
        self.deliver_to(AccountId(1), subject);
    }
    pub(crate) fn deliver_to(&self, account: AccountId, subject: &str) {
        let text = format!("From: bob@example.org\r\nSubject: {subject}\r\n\r\nhi\r\n");
        let message = Arc::new(Incoming::of(text.as_bytes()).unwrap());
        let (sender, received_at) = (ReversePath::Null, koi_server::clock::now());
        let delivery = Delivery { sender, recipients: vec![account], message, received_at };
        for result in self.mailbox.deliver(delivery).wait().unwrap() {
            result.unwrap();
        }
    }

    pub(crate) async fn connect(&self) -> Client<TcpStream> {
        Client(BufReader::new(TcpStream::connect(self.plain).await.unwrap()))
    }

    pub(crate) async fn connect_tls(&self) -> Client<tokio_rustls::client::TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.tls).await.unwrap();
        Client(BufReader::new(self.handshake(stream, &[]).await.unwrap()))
    }

    pub(crate) async fn handshake(
        &self,
        stream: TcpStream,
        protocols: &[&[u8]],
    ) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        use rustls::pki_types::pem::PemObject as _;
        let ca = LocalCa::paths(self.folder.path()).ca_certificate;
        let mut roots = rustls::RootCertStore::empty();
        roots.add(rustls::pki_types::CertificateDer::from_pem_file(ca).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        let name = "localhost".try_into().unwrap();
        tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

fn services() -> MailServices {
    MailServices {
        hostname: "mail.example.org".into(),
        domains: vec!["example.org".into()],
        imaps: Some(993),
        submissions: Some(465),
        ..MailServices::default()
    }
}

pub(crate) fn config(folder: &Path, settings: &str) -> Config {
    let text = format!(
        "[server]\nhostname='localhost'\ndomains=['example.org']\n[tls]\n\
         certificate='tls/cert.pem'\nkey='tls/key.pem'\n\
         [listen]\nimap=['127.0.0.1:0']\nimaps=['127.0.0.1:0']\nhttps=['127.0.0.1:0']\n{settings}"
    );
    resolve::resolve(&raw::parse(&folder.join("koi.toml"), &text).unwrap()).unwrap()
}

pub(crate) struct Client<S>(pub(crate) BufReader<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) async fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).await.unwrap();
        self.0.get_mut().flush().await.unwrap();
    }
    /// The next line without its end; empty at the end of the stream.
    pub(crate) async fn line(&mut self) -> String {
        let mut line = String::new();
        let read = tokio::time::timeout(std::time::Duration::from_secs(20), self.0.read_line(&mut line));
        let _ = read.await.expect("the server said nothing");
        line.trim_end().to_owned()
    }
    pub(crate) async fn ask(&mut self, text: &str) -> String {
        self.send(&format!("{text}\n")).await;
        self.line().await
    }
    /// Octets until the end.
    pub(crate) async fn rest(&mut self) -> usize {
        let mut all = Vec::new();
        let _ = self.0.read_to_end(&mut all).await;
        all.len()
    }
}

/// Answers each line with itself; a few lines are commands.
#[derive(Default)]
pub(crate) struct Echo {
    input: Vec<u8>,
    tls: Option<TlsFacts>,
    account: Option<AccountId>,
    closed: bool,
    goodbye: Option<&'static str>,
    advanced: Option<ModSeq>,
    answer: Option<String>,
    flood: usize,
    discard: bool,
}

impl Session for Echo {
    fn input(&mut self, octets: &[u8]) {
        assert!(self.wants_input(), "handed octets nobody wanted");
        self.input.extend_from_slice(octets);
    }
    fn wants_input(&self) -> bool {
        self.input.len() < 4096
    }
    fn input_closed(&mut self) {
        self.closed = true;
    }
    fn state_advanced(&mut self, _account: AccountId, upto: ModSeq) {
        self.advanced = Some(upto);
    }
    fn watches(&self) -> Vec<AccountId> {
        self.account.into_iter().collect()
    }
    fn tls_ready(&mut self, tls: &TlsFacts) {
        assert!(std::mem::take(&mut self.discard));
        self.input = Vec::new();
        self.tls = Some(tls.clone());
    }
    fn effect_done(&mut self, result: EffectResult) {
        let result = match result {
            EffectResult::Authenticated(result) => result,
            EffectResult::Organisation(result) => {
                self.answer = Some(result.map_or_else(|e| format!("NO {}", e.text), |_| "OK".to_owned()));
                return;
            }
            _ => panic!("nobody asked"),
        };
        self.account = result.as_ref().ok().map(|l| l.account);
        self.answer = Some(result.map_or_else(|e| format!("NO {}", e.text), |l| format!("OK {}", l.address)));
    }
    fn step(&mut self, _now: Timestamp, out: &mut Vec<u8>) -> Step {
        if let Some(words) = self.goodbye {
            out.extend_from_slice(words.as_bytes());
            return Step::Close;
        }
        if let Some(modseq) = self.advanced.take() {
            out.extend_from_slice(format!("ADVANCED {modseq}\n").as_bytes());
        }
        if let Some(answer) = self.answer.take() {
            out.extend_from_slice(format!("{answer}\n").as_bytes());
        }
        if self.flood > 0 {
            self.flood -= 1;
            assert!(out.len() < 1 << 20, "output is bounded");
            out.resize(out.len() + 64 * 1024, b'x');
            return Step::OutputFull;
        }
        let Some(end) = self.input.iter().position(|b| *b == b'\n') else {
            self.input.shrink_to_fit();
            return if self.closed { Step::Close } else { Step::NeedInput };
        };
        let line: Vec<u8> = self.input.drain(..=end).collect();
        let line = String::from_utf8_lossy(&line).trim().to_owned();
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("starttls", _) => {
                out.extend_from_slice(b"go ahead\n");
                self.discard = true;
                return Step::StartTls;
            }
            ("login", password) => {
                return Step::Effect(Effect::Authenticate(Credentials {
                    access: koi_types::Access::Imap,
                    authcid: "alice".into(),
                    authzid: None,
                    password: Secret::new(password.as_bytes().to_vec()),
                }));
            }
            ("look", domain) => return Step::Effect(Effect::Organisation(domain.into())),
            ("tls", _) => {
                let facts = self.tls.clone().unwrap_or_default();
                let bound = facts.exporter.is_some();
                out.extend_from_slice(format!("{} {} {bound}\n", facts.version, facts.cipher).as_bytes());
            }
            ("flood", _) => self.flood = 10_000,
            ("panic", _) => panic!("asked to"),
            ("quit", _) => return Step::Close,
            _ => out.extend_from_slice(format!("{line}\n").as_bytes()),
        }
        Step::Yield
    }
    fn deadline(&self) -> Option<Timestamp> {
        None
    }
    fn shutdown(&mut self) {
        self.goodbye = Some("BYE down\n");
    }
    fn account_gone(&mut self) {
        self.goodbye = Some("BYE account\n");
    }
    fn account(&self) -> Option<AccountId> {
        self.account
    }
    fn take_notes(&mut self) -> Vec<Note> {
        Vec::new()
    }
}
