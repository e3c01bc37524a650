//! A whole server in one thread: a mailbox service on an engine, sessions in place of sockets, a clock that
//! moves only when it is told to.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use koi_mailbox::push::PushOptions;
use koi_mailbox::{
    AnnotationChange, CoiSettings, Env, Incoming, MailboxService, MessageFilter, NewAppPassword, NewMessage,
    Options, OwnQuota, Verifier,
};
use koi_proto::deflate::{Broken, without_end};
use koi_proto::sasl::scram::{Salt, SaltedPassword, ScramKeys, keys};
use koi_sessions::imap::{ImapSession, ImapSettings};
use koi_sessions::smtp::{Role, SmtpSession, SmtpSettings};
use koi_sessions::{
    Credentials, Effect, EffectResult, Login, Note, Peer, ScramName, ScramProved, Session, Step, TlsFacts,
};
use koi_store::key;
use koi_store::kv::{Commits, Kv, transact_and_wait};
use koi_types::annotation::Target;
use koi_types::{
    AccessSet, AccountId, Address, CommitNotice, EntryName, Flags, MailError, MailboxName, PushId, Timestamp,
    Uid, ZoneOffset,
};
use std::sync::Mutex;

use crate::fault::{Faults, FaultyKv};
use crate::packing::Packing;
use crate::pushed::Pushed;

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
    pub lmtp: SmtpSettings,
    /// Port 25.
    pub smtp: SmtpSettings,
    /// Ports 587 and 465.
    pub submission: SmtpSettings,
    clock: Arc<Clock>,
    notices: Arc<Notices>,
    peers: BTreeMap<u32, Connection>,
    /// Rows that cannot be read, as they were.
    damaged: Vec<(Vec<u8>, Vec<u8>)>,
}

/// One connection: a session, what waits for it, and what it said.
pub struct Connection {
    session: Box<dyn Session>,
    /// Octets from the client that the session did not take yet.
    input: VecDeque<u8>,
    /// What the server is about to say.
    output: Vec<u8>,
    /// What the server said and nobody looked at yet.
    pub said: Vec<u8>,
    pub closed: bool,
    /// The session waits for a handshake.
    pub wants_tls: bool,
    /// Both sides compress.
    packing: Option<Packing>,
    /// What ended a compressed stream may still come.
    behind_packing: bool,
    waiting: Option<koi_mailbox::Ticket>,
    scram: Option<Scram>,
    /// SCRAM exchanges so far: the server's nonces are `server1`, `server2`, …
    exchanges: u32,
    /// How often it let others go first.
    pub yields: usize,
    /// The most memory the session counted, and the most of its inflater.
    pub memory_peak: MemoryPeak,
    pub notes: Vec<Note>,
}

/// What was held at once, in octets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MemoryPeak {
    pub session: usize,
    pub inflater: usize,
}

/// A SCRAM exchange between its halves.
struct Scram {
    /// `None`: nobody has this name.
    login: Option<Login>,
    keys: ScramKeys,
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
            ..Options::default()
        };
        let engine = Arc::clone(&kv) as Arc<dyn Kv>;
        let service = MailboxService::new(engine, options, Arc::clone(&clock) as Arc<dyn Env>);
        service.directory().create_domain(DOMAIN).unwrap();
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
            lmtp,
            smtp,
            submission,
            clock,
            notices,
            peers,
            damaged,
        }
    }
    /// The disk takes nothing for as long as it is slow, and then everything.
    pub fn set_disk_slow(&mut self, slow: bool) {
        self.faults.disk_slow.store(slow, Ordering::Relaxed);
        if !slow {
            self.kv.release();
        }
        self.settle();
    }
    /// An account `user@example.org`.
    pub fn add_user(&mut self, user: &str) -> AccountId {
        self.service.directory().create_account(&address(user), PASSWORD).unwrap()
    }
    /// An app password of the user; what is typed is `app-` and its name.
    pub fn add_app_password(&mut self, user: &str, name: &str, access: AccessSet) {
        let id = self.service.directory().by_address(&address(user)).unwrap().unwrap();
        let new = NewAppPassword { name: name.into(), access, hash: app_hash(&format!("app-{name}")) };
        self.service.directory().add_app_password(id, &new).unwrap();
    }
    /// Limits of one account; `None` for no limit.
    pub fn set_quota(&mut self, user: &str, octets_max: Option<u64>, messages_max: Option<u64>) {
        let id = self.service.directory().by_address(&address(user)).unwrap().unwrap();
        let account = self.service.account(id).unwrap();
        account.set_quota(OwnQuota { octets_max, messages_max, ..OwnQuota::default() }).wait().unwrap();
    }
    /// Enables COI with a filter, or disables it, which keeps the filter.
    pub fn set_coi(&mut self, user: &str, filter: Option<&str>) -> Result<(), String> {
        let id = self.service.directory().by_address(&address(user)).unwrap().unwrap();
        let account = self.service.account(id).unwrap();
        let named = |name: &str| MessageFilter::ALL.into_iter().find(|filter| filter.name() == name);
        let found = filter.map(|name| named(name).ok_or_else(|| format!("no such filter: {name}")));
        let settings = match found.transpose()? {
            Some(filter) => CoiSettings { enabled: true, filter: Some(filter) },
            None => CoiSettings { enabled: false, ..account.coi_settings().map_err(|e| e.to_string())? },
        };
        account.set_coi_settings(settings).wait().map_err(|e| e.to_string())?;
        self.settle();
        Ok(())
    }
    /// Puts messages into a mailbox, which is made if it is not there.
    pub fn fill(&mut self, user: &str, mailbox: &str, messages: &[Vec<u8>]) {
        let id = self.service.directory().by_address(&address(user)).unwrap().unwrap();
        let account = self.service.account(id).unwrap();
        let name = MailboxName::new(mailbox).unwrap();
        let row = account.snapshot().unwrap().mailbox_named(&name).unwrap();
        let mailbox = match row {
            Some(row) => row.id,
            None => account.make(&name, None).wait().unwrap().mailbox,
        };
        for octets in messages {
            let message = Arc::new(Incoming::of(octets).unwrap());
            let (flags, received_at) = (Flags::default(), self.now());
            let new = NewMessage { message, flags, received_at, received_zone: ZoneOffset(0) };
            account.append(mailbox, vec![new]).wait().unwrap();
        }
    }
    /// Sets `/private/1` to `/private/COUNT` of a mailbox, or of the server when the name is empty.
    pub fn annotate(&mut self, user: &str, mailbox: &str, count: u32) {
        let id = self.service.directory().by_address(&address(user)).unwrap().unwrap();
        let account = self.service.account(id).unwrap();
        let target = match mailbox {
            "" => Target::Server,
            name => {
                let name = MailboxName::new(name).unwrap();
                Target::Mailbox(account.snapshot().unwrap().mailbox_named(&name).unwrap().unwrap().id)
            }
        };
        let change = |n: u32| AnnotationChange {
            name: EntryName::new(&format!("/private/{n}")).unwrap(),
            value: Some(n.to_string().as_bytes().into()),
        };
        account.set_annotations(target, (1..=count).map(change).collect()).wait().unwrap();
    }
    /// What is stored of a message cannot be read any more.
    pub fn damage(&mut self, user: &str, mailbox: &str, uid: u32) {
        let id = self.service.directory().by_address(&address(user)).unwrap().unwrap();
        let account = self.service.account(id).unwrap();
        let name = MailboxName::new(mailbox).unwrap();
        let snapshot = account.snapshot().unwrap();
        let row = snapshot.mailbox_named(&name).unwrap().unwrap();
        let email = snapshot.message(row.id, Uid::new(uid).unwrap(), |row| row.email).unwrap().unwrap();
        drop(snapshot);
        let row = key::email(id, email).to_vec();
        let whole = self.kv.view().unwrap().get(&row).unwrap().unwrap().to_vec();
        self.damaged.push((row.clone(), whole));
        transact_and_wait(&*self.kv, move |txn| txn.put(&row, b"?")).unwrap();
    }
    /// What was damaged is as it was.
    pub fn mend(&mut self) {
        for (row, whole) in std::mem::take(&mut self.damaged) {
            transact_and_wait(&*self.kv, move |txn| txn.put(&row, &whole)).unwrap();
        }
    }
    /// Makes the messages of a mailbox old: some session had them before.
    pub fn age(&mut self, user: &str, mailbox: &str) {
        let id = self.service.directory().by_address(&address(user)).unwrap().unwrap();
        let account = self.service.account(id).unwrap();
        let name = MailboxName::new(mailbox).unwrap();
        let row = account.snapshot().unwrap().mailbox_named(&name).unwrap().unwrap();
        account.claim_recent(row.id, row.uidnext).unwrap();
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
    /// What is pushed to one subscription of a user, whether it is there already or not.
    pub fn open_push(&mut self, peer: u32, user: &str, subscription: &str) -> Result<(), String> {
        let account = self.service.directory().by_address(&address(user)).unwrap().ok_or("no such user")?;
        let id = PushId::new(subscription).ok_or("not the id of a subscription")?;
        self.open(peer, Box::new(Pushed::new(self.service.clone(), account, id)));
        Ok(())
    }
    /// Whether the server files a copy of what the user submits.
    pub fn set_sent_copy(&mut self, user: &str, on: bool) {
        let id = self.service.directory().by_address(&address(user)).unwrap().unwrap();
        self.service.account(id).unwrap().set_files_sent(on).wait().unwrap();
    }
    fn open(&mut self, peer: u32, session: Box<dyn Session>) {
        let connection = Connection {
            session,
            input: VecDeque::new(),
            output: Vec::new(),
            said: Vec::new(),
            closed: false,
            wants_tls: false,
            packing: None,
            behind_packing: false,
            waiting: None,
            scram: None,
            exchanges: 0,
            yields: 0,
            memory_peak: MemoryPeak::default(),
            notes: Vec::new(),
        };
        self.peers.insert(peer, connection);
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
            if !any && !self.wait() {
                return;
            }
            rounds += 1;
            assert!(rounds < 100_000, "the sessions never come to rest");
        }
    }
    /// Everybody waits for the engine: so do we.
    fn wait(&self) -> bool {
        if self.faults.disk_slow.load(Ordering::Relaxed) {
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

impl Connection {
    /// Whether anything happened.
    fn run(&mut self, now: Timestamp, service: &MailboxService) -> bool {
        if self.closed {
            return false;
        }
        if let Some(ticket) = &self.waiting {
            if ticket.peek().is_none() && self.session.deadline().is_none_or(|deadline| deadline > now) {
                return false;
            }
            self.waiting = None;
        }
        let mut any = false;
        any |= self.session.wants_input() && self.hear();
        let step = self.session.step(now, &mut self.output);
        self.measure();
        self.notes.extend(self.session.take_notes());
        any |= !self.output.is_empty();
        match &mut self.packing {
            Some(packing) => packing.server_says(&std::mem::take(&mut self.output), &mut self.said),
            None => self.said.append(&mut self.output),
        }
        match step {
            Step::NeedInput => {
                any |= self.packing.as_mut().is_some_and(Packing::go_on);
                any |= !self.input.is_empty() && self.session.wants_input();
            }
            Step::OutputFull => any = true,
            Step::Yield => {
                self.yields += 1;
                any = true;
            }
            Step::Await(ticket) => {
                any |= ticket.peek().is_some();
                self.waiting = Some(ticket);
            }
            Step::Effect(effect) => {
                let result = self.effect(effect, service);
                self.session.effect_done(result);
                any = true;
            }
            Step::StartTls => self.wants_tls = true,
            Step::StartCompress => {
                self.packing = Some(Packing::default());
                any = true;
            }
            Step::Unauthenticated => {
                if let Some(packing) = self.packing.take() {
                    let clear = packing.end();
                    self.behind_packing = clear.is_empty();
                    clear.into_iter().rev().for_each(|octet| self.input.push_front(octet));
                }
                any = true;
            }
            Step::Close => {
                self.closed = true;
                any = true;
            }
        }
        any
    }
}

impl Connection {
    /// What the session counts now.
    #[must_use]
    pub fn memory_octets(&self) -> usize {
        self.session.memory_octets()
    }
    fn measure(&mut self) {
        let inflater = self.packing.as_ref().map_or(0, Packing::inflater_octets);
        let MemoryPeak { session, inflater: before } = self.memory_peak;
        let session = session.max(self.session.memory_octets());
        self.memory_peak = MemoryPeak { session, inflater: before.max(inflater) };
    }
    /// Hands the session some of what the client has sent; whether anything came of it.
    fn hear(&mut self) -> bool {
        let Some(packing) = &mut self.packing else {
            let mut some: Vec<u8> = self.input.drain(..self.input.len().min(4096)).collect();
            if self.behind_packing {
                some = without_end(&some).to_vec();
                self.behind_packing = some.is_empty();
            }
            if !some.is_empty() {
                self.session.input(&some);
            }
            return !some.is_empty();
        };
        match packing.server_hears(&mut self.input) {
            Ok(heard) if heard.is_empty() => false,
            Ok(heard) => {
                self.session.input(&heard);
                true
            }
            Err(Broken) => {
                self.session.input_broken();
                true
            }
        }
    }
    fn effect(&mut self, effect: Effect, service: &MailboxService) -> EffectResult {
        match effect {
            Effect::Authenticate(credentials) => {
                EffectResult::Authenticated(authenticate(service, &credentials))
            }
            Effect::ScramBegin(name) => EffectResult::ScramBegun(self.scram_begin(service, &name)),
            Effect::ScramProve(proof) => {
                let scram = self.scram.take().expect("an exchange was begun");
                let signature = scram.keys.verify(&proof.auth_message, &proof.proof);
                let proved = scram.login.zip(signature);
                let proved = proved.map(|(login, signature)| ScramProved { login, signature });
                EffectResult::ScramProved(proved.ok_or_else(wrong))
            }
        }
    }
    /// The same for names nobody has.
    fn scram_begin(&mut self, service: &MailboxService, name: &ScramName) -> Result<Salt, MailError> {
        let login = login(service, &name.authcid, name.authzid.as_deref())?;
        let counted = named(&name.authcid).map_or_else(|| name.authcid.to_string(), |a| a.to_string());
        let salt = keys::salt_of(&[1; 32], &counted);
        let keys = ScramKeys::new(&SaltedPassword::new(PASSWORD.as_bytes(), &salt, SCRAM_ITERATIONS));
        self.scram = Some(Scram { login, keys });
        self.exchanges += 1;
        let nonce = format!("server{}", self.exchanges).into();
        Ok(Salt { salt: salt.into(), iterations: SCRAM_ITERATIONS, nonce })
    }
}

fn wrong() -> MailError {
    koi_sessions::auth::wrong()
}

fn named(name: &str) -> Option<Address> {
    Address::parse(name).or_else(|| Address::new(name, DOMAIN)).map(|a| a.account_key())
}

/// Who it is, if the password is right, and nobody acts as somebody else.
fn authenticate(service: &MailboxService, credentials: &Credentials) -> Result<Login, MailError> {
    let Some(known) = known(service, &credentials.authcid)? else { return Err(wrong()) };
    let typed = credentials.password.expose();
    let hash = app_hash(&String::from_utf8_lossy(typed));
    let mut app_passwords = known.app_passwords.iter().map(|password| &password.record);
    let app = app_passwords.find(|p| p.hash == hash && p.access.allows(credentials.access));
    let access = match app {
        Some(app) => app.access,
        None if typed == PASSWORD.as_bytes() => AccessSet::ALL,
        None => return Err(wrong()),
    };
    if !is_oneself(&known, credentials.authzid.as_deref()) {
        return Err(koi_sessions::auth::not_as_other());
    }
    let app_password = app.map(|app| app.name.clone());
    Ok(Login { account: known.account, address: known.address, access, app_password })
}

fn known(service: &MailboxService, name: &str) -> Result<Option<Verifier>, MailError> {
    named(name).map_or(Ok(None), |address| service.directory().verifier(&address))
}

fn is_oneself(known: &Verifier, authzid: Option<&str>) -> bool {
    authzid.is_none_or(|z| z.is_empty() || named(z).as_ref() == Some(&known.address.account_key()))
}

/// What is stored of an app password here: itself.
fn app_hash(typed: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.iter_mut().zip(typed.bytes()).for_each(|(to, from)| *to = from);
    hash
}

/// Who it is, if there is such an account and nobody acts as somebody else.
fn login(service: &MailboxService, name: &str, authzid: Option<&str>) -> Result<Option<Login>, MailError> {
    let known = known(service, name)?.filter(|known| is_oneself(known, authzid));
    Ok(known.map(|k| Login {
        account: k.account,
        address: k.address,
        access: AccessSet::ALL,
        app_password: None,
    }))
}

/// `alice@example.org`
#[must_use]
pub fn address(user: &str) -> Address {
    Address::new(user, DOMAIN).unwrap()
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
