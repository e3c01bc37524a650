//! A server of another organisation that does as it is told: it gives signets out, takes messages and keeps
//! them. Nothing of it is shared with what it tests but the words of DMTP and the objects.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

use koi_dime::dmtp::{Command, Commands, Decoded, Name, Reply, SignetReply};
use koi_dime::key::Holder;
use koi_dime::record::sign_certificate;
use koi_dime::{ManagementRecord, Organisation, PrivateKeys, SigningRequest, UserSignet};
use koi_server::ca::LocalCa;
use koi_server::organisation::SystemRandom;
use koi_types::Address;
use parking_lot::{Condvar, Mutex, MutexGuard};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Who the peer is, and what it has been told.
pub(crate) struct State {
    pub(crate) organisation: Organisation,
    /// The user's, the newest first.
    pub(crate) signets: Vec<UserSignet>,
    /// Answers to messages, before all others are taken; `None`: hang up.
    pub(crate) answers: VecDeque<Option<Reply>>,
    /// What it has taken.
    pub(crate) messages: Vec<Vec<u8>>,
    /// Messages that came, taken or not.
    pub(crate) came: usize,
    /// Lines that came.
    pub(crate) lines: Vec<String>,
}

/// The state, and who waits for a message to come.
#[derive(Clone)]
pub(crate) struct Shared(Arc<(Mutex<State>, Condvar)>);

pub(crate) struct Peer {
    pub(crate) domain: &'static str,
    pub(crate) user: PrivateKeys,
    shared: Shared,
    certificate: CertificateDer<'static>,
}

pub(crate) fn organisation(domain: &str) -> Organisation {
    let keys = PrivateKeys::generate(Holder::Organisation, &mut SystemRandom).unwrap();
    Organisation::new(domain, keys, &[]).unwrap()
}

/// A signet that the organisation has signed for an address.
pub(crate) fn issued(organisation: &Organisation, user: &PrivateKeys, address: &str) -> UserSignet {
    let request = SigningRequest::create(&user.signing, &user.decryption.public(), &[], None).unwrap();
    organisation.issue(&request, &Address::parse(address).unwrap(), None).unwrap()
}

impl Peer {
    /// With a certificate authority in the folder, and one user.
    pub(crate) fn start(folder: &Path, domain: &'static str, user: &str, address: (Ipv4Addr, u16)) -> Self {
        let files = LocalCa::make(folder, domain).unwrap();
        let certificate = CertificateDer::from_pem_file(&files.certificate).unwrap();
        let key = PrivateKeyDer::from_pem_file(&files.key).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        let organisation = organisation(domain);
        let keys = PrivateKeys::generate(Holder::User, &mut SystemRandom).unwrap();
        let signets = vec![issued(&organisation, &keys, user)];
        let (answers, messages, lines) = (VecDeque::new(), Vec::new(), Vec::new());
        let state = State { organisation, signets, answers, messages, came: 0, lines };
        let shared = Shared(Arc::new((Mutex::new(state), Condvar::new())));
        let (listener, config) = (TcpListener::bind(address).unwrap(), Arc::new(config));
        let served = shared.clone();
        std::thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let (shared, config) = (served.clone(), Arc::clone(&config));
                std::thread::spawn(move || Talk::new(socket, config, shared).run());
            }
        });
        Self { domain, user: keys, shared, certificate }
    }
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.0.lock()
    }
    /// Until so many messages have come.
    pub(crate) fn waits_for(&self, count: usize) -> MutexGuard<'_, State> {
        let mut state = self.state();
        while state.came < count {
            let late = self.shared.0.1.wait_for(&mut state, super::PATIENCE).timed_out();
            assert!(!late, "only {} of {count} messages came", state.came);
        }
        state
    }
    /// What the DNS is to say of it.
    pub(crate) fn record(&self) -> ManagementRecord {
        let state = self.state();
        let mut record = state.organisation.record();
        record.deliver.push(self.domain.to_owned());
        record.tls.push(sign_certificate(state.organisation.signing(), &self.certificate));
        record
    }
    pub(crate) fn will_answer(&self, code: u16, text: &str) {
        self.state().answers.push_back(Some(Reply::new(code, text)));
    }
}

/// One connection.
struct Talk {
    stream: StreamOwned<ServerConnection, TcpStream>,
    shared: Shared,
    message: Vec<u8>,
}

impl Talk {
    fn new(socket: TcpStream, config: Arc<ServerConfig>, shared: Shared) -> Self {
        let connection = ServerConnection::new(config).unwrap();
        Self { stream: StreamOwned::new(connection, socket), shared, message: Vec::new() }
    }
    fn run(mut self) {
        let mut commands = Commands::new();
        let mut buffer = [0; 4096];
        let mut size = 0;
        if self.say(&Reply::new(220, "two DMTPv1")).is_none() {
            return;
        }
        loop {
            let reply = match commands.decode() {
                Ok(Decoded::NeedMore) => {
                    match self.stream.read(&mut buffer) {
                        Ok(octets) if octets > 0 => commands.feed(&buffer[..octets]),
                        _ => return,
                    }
                    continue;
                }
                Ok(Decoded::Command(Command::Quit)) | Err(_) => return,
                Ok(Decoded::Command(command)) => {
                    self.shared.0.0.lock().lines.push(command.line());
                    match command {
                        Command::Mail { parameters, .. } => size = parameters.size,
                        Command::Data { .. } => commands.expect_data(size),
                        _ => {}
                    }
                    self.answer(&command)
                }
                Ok(Decoded::Bad(_)) => Reply::new(500, "what?"),
                Ok(Decoded::Data(octets)) => {
                    self.message.extend_from_slice(&octets);
                    continue;
                }
                Ok(Decoded::DataEnd) => match self.ended() {
                    Some(reply) => reply,
                    None => return,
                },
            };
            if self.say(&reply).is_none() {
                return;
            }
        }
    }
    fn say(&mut self, reply: &Reply) -> Option<()> {
        self.stream.write_all(reply.text().as_bytes()).ok()?;
        self.stream.flush().ok()
    }
    fn answer(&self, command: &Command) -> Reply {
        let state = self.shared.0.0.lock();
        match command {
            Command::Signet { name: Name::Domain(_), .. } => {
                SignetReply(state.organisation.signet().object()).reply()
            }
            Command::Signet { name: Name::User(wanted), .. } => {
                let is_wanted = |it: &&UserSignet| it.identifier() == Some(&wanted.to_string());
                match state.signets.first().filter(is_wanted) {
                    Some(signet) => SignetReply(signet.object()).reply(),
                    None => Reply::new(450, "there is none"),
                }
            }
            Command::History { .. } => {
                let all: Vec<_> = state.signets.iter().map(|it| SignetReply(it.object())).collect();
                SignetReply::history_reply(&all)
            }
            Command::Data { .. } => Reply::new(354, "CONTINUE"),
            _ => Reply::new(250, "OK"),
        }
    }
    fn ended(&mut self) -> Option<Reply> {
        let message = std::mem::take(&mut self.message);
        let mut state = self.shared.0.0.lock();
        state.came += 1;
        self.shared.0.1.notify_all();
        match state.answers.pop_front() {
            Some(answer) => answer,
            None => {
                state.messages.push(message);
                Some(Reply::new(250, "OK [transaction]"))
            }
        }
    }
}
