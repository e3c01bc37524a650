//! A whole server in one thread: a mailbox service on an engine, sessions in place of sockets, a clock that
//! moves only when it is told to.

mod accounts;
pub mod altered;
mod connection;
pub mod dmap;
pub mod dmtp;
mod login;
pub mod plenty;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use koi_mailbox::push::PushOptions;
use koi_mailbox::{Env, MailboxService, Options};
use koi_proto::jmap::{Capabilities, CoreLimits};
use koi_sessions::dmap::{DmapSession, DmapSettings};
use koi_sessions::dmtp::{DmtpSession, DmtpSettings};
use koi_sessions::imap::{ImapSession, ImapSettings};
use koi_sessions::jmap::Jmap;
use koi_sessions::smtp::{Role, SmtpSession, SmtpSettings};
use koi_sessions::{Peer, Session, TlsFacts};
use koi_store::kv::{Commits, Kv};
use koi_types::{AccountId, Address, CommitNotice, ErrorKind, PushId, Timestamp};

use crate::fault::{Faults, FaultyKv};
use crate::pushed::Pushed;
use crate::requests::Requests;
pub use connection::{Connection, MemoryPeak};

/// The domain of all accounts.
pub const DOMAIN: &str = "example.org";
/// The password of all accounts.
pub const PASSWORD: &str = "secret";
/// What SCRAM clients have to compute: the least RFC 7677 §4 allows.
pub const SCRAM_ITERATIONS: u32 = 4096;
/// The key pushes are signed with, if anybody sent them: the example of COI-webpush §vapid-key.
const VAPID_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
                         MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgACYHfTQ0biATut1VhK/AW2KmZespz+\n\
                         DEQ1yH3nvbayCuY=\n\
                         -----END PUBLIC KEY-----";
/// The clock stands at Saturday, 21 November 2026, noon UTC, until it is moved.
pub const START: Timestamp = Timestamp::from_secs(1_795_262_400);

/// Makes an engine that tells its commits to a listener.
pub type MakeEngine<'a> = dyn Fn(Arc<dyn Commits>) -> Arc<dyn Kv> + 'a;

/// The server and everybody connected to it.
pub struct World {
    pub service: MailboxService,
    pub faults: Arc<Faults>,
    kv: Arc<FaultyKv>,
    /// How far the clock moves when a session gives way in the middle of a command, in milliseconds.
    pub yield_takes: i64,
    pub imap: ImapSettings,
    pub dmap: DmapSettings,
    pub dmtp: DmtpSettings,
    pub lmtp: SmtpSettings,
    /// Port 25.
    pub smtp: SmtpSettings,
    /// Ports 587 and 465.
    pub submission: SmtpSettings,
    /// What JMAP is held to.
    pub jmap: CoreLimits,
    options: Options,
    clock: Arc<Clock>,
    notices: Arc<Notices>,
    peers: BTreeMap<u32, Connection>,
    /// Rows that cannot be read, as they were.
    damaged: Vec<(Vec<u8>, Vec<u8>)>,
}

struct Clock {
    millis: AtomicI64,
    random: AtomicU64,
}

impl Env for Clock {
    fn now(&self) -> Timestamp {
        Timestamp(self.millis.load(Ordering::Relaxed))
    }
    fn random(&self) -> [u8; 10] {
        let mut octets = [0; 10];
        let n = self.random.fetch_add(1, Ordering::Relaxed);
        octets[..8].copy_from_slice(&n.to_be_bytes());
        octets
    }
}

#[derive(Default)]
struct Notices(Mutex<Vec<CommitNotice>>);

impl Commits for Notices {
    fn committed(&self, notices: &[CommitNotice]) {
        self.0.lock().unwrap().extend_from_slice(notices);
    }
}

impl World {
    /// A server without accounts.
    #[must_use]
    pub fn new(engine: &MakeEngine<'_>) -> Self {
        let clock = Arc::new(Clock { millis: AtomicI64::new(START.0), random: AtomicU64::new(1) });
        let notices = Arc::new(Notices::default());
        let faults = Arc::new(Faults::default());
        let kv = engine(Arc::clone(&notices) as Arc<dyn Commits>);
        let kv = Arc::new(FaultyKv::new(kv, Arc::clone(&faults)));
        let options = Options {
            server_comment: Some("The server of the scripts".into()),
            server_admin: Some("mailto:admin@example.org".into()),
            push: Some(PushOptions::new(VAPID_KEY)),
            dmap: Some(dmap::options()),
            ..Options::default()
        };
        let engine = Arc::clone(&kv) as Arc<dyn Kv>;
        let service = MailboxService::new(engine, options.clone(), Arc::clone(&clock) as Arc<dyn Env>);
        match service.directory().create_domain(DOMAIN) {
            // The engine was another world's before.
            Err(error) if error.kind == ErrorKind::AlreadyExists => {}
            created => {
                created.unwrap();
            }
        }
        let imap = ImapSettings::default();
        let lmtp = SmtpSettings { hostname: format!("mx.{DOMAIN}").into(), ..SmtpSettings::default() };
        let (smtp, submission) = (lmtp.clone(), SmtpSettings { starttls: true, ..lmtp.clone() });
        let (peers, damaged) = (BTreeMap::new(), Vec::new());
        Self {
            service,
            faults,
            kv,
            yield_takes: 0,
            imap,
            dmap: DmapSettings::default(),
            dmtp: DmtpSettings { hostname: format!("mx.{DOMAIN}").into(), ..DmtpSettings::default() },
            lmtp,
            smtp,
            submission,
            jmap: CoreLimits::default(),
            options,
            clock,
            notices,
            peers,
            damaged,
        }
    }
    /// The service as it is with other options, before anybody is connected.
    pub fn set_options(&mut self, change: impl FnOnce(&mut Options)) {
        change(&mut self.options);
        let (engine, env) = (Arc::clone(&self.kv) as Arc<dyn Kv>, Arc::clone(&self.clock) as Arc<dyn Env>);
        self.service = MailboxService::new(engine, self.options.clone(), env);
    }
    /// The disk takes nothing for as long as it is slow, and then everything.
    pub fn set_disk_slow(&mut self, slow: bool) {
        self.faults.disk_slow.store(slow, Ordering::Relaxed);
        if !slow {
            self.kv.release();
        }
        self.settle();
    }
    /// So many of what the slow disk has not taken it takes, and tells nobody. What comes from now on it
    /// takes at once.
    pub fn write_held(&mut self, count: usize) {
        self.faults.disk_slow.store(false, Ordering::Relaxed);
        self.kv.write(count);
        self.settle();
    }
    /// So many of those that were taken hear of it.
    pub fn answer_held(&mut self, count: usize) {
        self.kv.answer(count);
        self.settle();
    }
    /// An account `user@example.org`.
    pub fn add_user(&mut self, user: &str) -> AccountId {
        let address = address(user);
        match self.service.directory().create_domain(address.domain()) {
            Err(error) if error.kind != ErrorKind::AlreadyExists => panic!("{error}"),
            _ => {}
        }
        self.service.directory().create_account(&address, PASSWORD).unwrap()
    }
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn open_imap(&mut self, peer: u32, tls: bool) {
        self.begin_imap(peer, client(tls));
    }
    pub fn open_imap_tls12(&mut self, peer: u32) {
        self.begin_imap(peer, client_with_tls12());
    }
    fn begin_imap(&mut self, peer: u32, client: Peer) {
        let session = ImapSession::new(self.service.clone(), Arc::new(self.imap.clone()), client, self.now());
        self.open(peer, Box::new(session));
    }
    pub fn open_dmap(&mut self, peer: u32) {
        let account_rates = Arc::clone(&self.submission.account_rates);
        let settings = Arc::new(DmapSettings { account_rates, ..self.dmap.clone() });
        let session = DmapSession::new(self.service.clone(), settings, client(true), self.now());
        self.open(peer, Box::new(session));
    }
    pub fn open_dmtp(&mut self, peer: u32) {
        let settings = Arc::new(self.dmtp.clone());
        let session = DmtpSession::new(self.service.clone(), settings, client(true), self.now());
        self.open(peer, Box::new(session));
    }
    pub fn open_lmtp(&mut self, peer: u32) {
        self.open_smtp(peer, Role::Lmtp, false);
    }
    /// Any of the three roles of SMTP.
    pub fn open_smtp(&mut self, peer: u32, role: Role, tls: bool) {
        let settings = match role {
            Role::Lmtp => &self.lmtp,
            Role::Inbound => &self.smtp,
            Role::Submission => &self.submission,
        };
        let settings = Arc::new(settings.clone());
        let session = SmtpSession::new(role, self.service.clone(), settings, client(tls), self.now());
        self.open(peer, Box::new(session));
    }
    /// JMAP by one of the users.
    pub fn open_jmap(&mut self, peer: u32, user: &str) -> Result<(), String> {
        let login = login::login(&self.service, user, None).map_err(|error| error.to_string())?;
        let login = login.ok_or("no such user")?;
        let (service, limits) = (self.service.clone(), self.jmap);
        let account_rates = Arc::clone(&self.submission.account_rates);
        let jmap = Arc::new(Jmap { service, limits, supported: Capabilities::all(), account_rates });
        self.open(peer, Box::new(Requests::new(jmap, login)));
        Ok(())
    }
    /// What is pushed to one subscription of a user, whether it is there already or not.
    pub fn open_push(&mut self, peer: u32, user: &str, subscription: &str) -> Result<(), String> {
        let account = self.service.directory().by_address(&address(user)).unwrap().ok_or("no such user")?;
        let id = PushId::new(subscription).ok_or("not the id of a subscription")?;
        self.open(peer, Box::new(Pushed::new(self.service.clone(), account, id)));
        Ok(())
    }
    fn open(&mut self, peer: u32, session: Box<dyn Session>) {
        self.peers.insert(peer, Connection::new(session));
        self.settle();
    }
    /// The numbers of all connections.
    #[must_use]
    pub fn numbers(&self) -> Vec<u32> {
        self.peers.keys().copied().collect()
    }
    /// What the server does in the background every second or so.
    pub fn housekeep(&self) {
        self.service.housekeep(self.now()).unwrap();
    }
    /// The connection of that number.
    pub fn peer(&mut self, peer: u32) -> Option<&mut Connection> {
        self.peers.get_mut(&peer)
    }
    /// The client sends octets; then everything happens that follows from it.
    pub fn send(&mut self, peer: u32, octets: &[u8]) {
        self.queue(peer, octets);
        self.settle();
    }
    /// The client sends octets, and nothing happens yet: what several clients sent so is then worked on step
    /// by step in turn.
    pub fn queue(&mut self, peer: u32, octets: &[u8]) {
        let Some(connection) = self.peers.get_mut(&peer) else { return };
        match &mut connection.packing {
            Some(packing) => connection.input.extend(packing.client_says(octets)),
            None => connection.input.extend(octets),
        }
    }
    /// The same for octets as they are on the wire, though both sides compress.
    pub fn send_raw(&mut self, peer: u32, octets: &[u8]) {
        if let Some(connection) = self.peers.get_mut(&peer) {
            connection.input.extend(octets);
        }
        self.settle();
    }
    /// The client closes its side.
    pub fn close(&mut self, peer: u32) {
        if let Some(connection) = self.peers.get_mut(&peer) {
            connection.session.input_closed();
        }
        self.settle();
    }
    /// A client that does not read lets its session write until its output is full, and no further.
    pub fn set_reads(&mut self, peer: u32, reads: bool) {
        if let Some(connection) = self.peers.get_mut(&peer) {
            connection.reads = reads;
        }
        self.settle();
    }
    /// The handshake that a session waits for succeeds.
    pub fn start_tls(&mut self, peer: u32) {
        if let Some(connection) = self.peers.get_mut(&peer)
            && std::mem::take(&mut connection.wants_tls)
        {
            // What came in clear text behind STARTTLS never reaches the session.
            connection.input.clear();
            connection.session.tls_ready(&facts());
        }
        self.settle();
    }
    /// Moves the clock, stopping at every deadline on the way.
    pub fn advance(&mut self, millis: i64) {
        let end = self.now().0 + millis;
        loop {
            let deadlines =
                self.peers.values().filter(|c| !c.closed).filter_map(|c| c.session.deadline()).map(|d| d.0);
            let now = self.now().0;
            let next = deadlines.filter(|d| *d > now && *d <= end).min().unwrap_or(end);
            self.clock.millis.store(next, Ordering::Relaxed);
            self.settle();
            if next >= end {
                return;
            }
        }
    }
    pub fn shutdown(&mut self) {
        self.peers.values_mut().for_each(|c| c.session.shutdown());
        self.settle();
    }
    pub fn account_gone(&mut self, user: &str) {
        let id = self.service.directory().by_address(&address(user)).unwrap();
        let of_user = self.peers.values_mut().filter(|c| c.session.account() == id);
        of_user.for_each(|c| c.session.account_gone());
        self.settle();
    }

    /// The account is removed while others are at work; those who are logged in hear of it.
    pub fn remove(&mut self, user: &str) {
        let id = self.service.directory().by_address(&address(user)).unwrap().unwrap();
        self.account_gone(user);
        self.service.directory().remove(id).unwrap();
        self.settle();
    }

    /// Steps every session until nothing happens any more.
    pub fn settle(&mut self) {
        let mut rounds = 0;
        loop {
            let mut any = false;
            let now = self.now();
            for connection in self.peers.values_mut() {
                let yields = connection.yields;
                any |= connection.run(now, &self.service);
                if connection.yields > yields {
                    self.clock.millis.fetch_add(self.yield_takes, Ordering::Relaxed);
                }
            }
            any |= self.tell();
            self.end_others();
            if !any && !self.wait() {
                return;
            }
            rounds += 1;
            assert!(rounds < 100_000, "the sessions never come to rest");
        }
    }
    /// The password of an account was changed by one of its sessions.
    fn end_others(&mut self) {
        let asked =
            |(number, c): (&u32, &mut Connection)| std::mem::take(&mut c.ends_others).then_some(*number);
        let changed: Vec<u32> = self.peers.iter_mut().filter_map(asked).collect();
        for number in changed {
            let account = self.peers.get(&number).and_then(|c| c.session.account());
            let others =
                self.peers.iter_mut().filter(|(n, c)| **n != number && c.session.account() == account);
            others.for_each(|(_, c)| c.session.account_gone());
        }
    }
    /// Everybody waits for the engine: so do we.
    fn wait(&self) -> bool {
        if self.faults.disk_slow.load(Ordering::Relaxed) || self.kv.holds() {
            return false;
        }
        let ticket = self.peers.values().find_map(|c| c.waiting.as_ref().filter(|_| !c.closed));
        ticket.map(|ticket| ticket.wait()).is_some()
    }
    fn tell(&mut self) -> bool {
        let notices = std::mem::take(&mut *self.notices.0.lock().unwrap());
        let mut told = false;
        for notice in notices {
            for connection in self.peers.values_mut() {
                if connection.session.watches().contains(&notice.account) {
                    connection.session.state_advanced(notice.account, notice.modseq);
                    told = true;
                }
            }
        }
        told
    }
}

/// `alice@example.org`
#[must_use]
pub fn address(user: &str) -> Address {
    let (user, domain) = user.split_once('@').unwrap_or((user, DOMAIN));
    Address::new(user, domain).unwrap()
}

/// TLS 1.3; the exporter of every connection is 32 times the octet 7.
fn facts() -> TlsFacts {
    let exporter = Some([7; 32]);
    TlsFacts { version: "TLSv1.3".into(), cipher: "TLS_AES_128_GCM_SHA256".into(), exporter }
}

fn client(tls: bool) -> Peer {
    Peer { address: "127.0.0.1".into(), tls: tls.then(facts) }
}

fn client_with_tls12() -> Peer {
    let tls = TlsFacts { version: "TLSv1.2".into(), exporter: None, ..facts() };
    Peer { tls: Some(tls), ..client(false) }
}
