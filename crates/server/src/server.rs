//! The running server: opens the folder, binds everything, announces itself, serves until a signal, and ends
//! cleanly.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use koi_sessions::account_rates::AccountRates;
use parking_lot::{Mutex, RwLock};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::admin::socket::AdminSocket;
use crate::admin::{QueueAction, Reply, Request, Running, execute};
use crate::admission::Admission;
use crate::config::raw::{self, Raw};
use crate::config::{Config, resolve};
use crate::dmtp::Nobody;
use crate::dmtp::courier::Courier;
use crate::dmtp::registry::Registry;
use crate::edge::Edge;
use crate::http::{MailServices, Site};
use crate::indexer::Indexer;
use crate::jmap::JmapServer;
use crate::listen;
use crate::log::LogLevel;
use crate::metrics::Metrics;
use crate::password::{self, Passwords};
use crate::problem::Problem;
use crate::protocols::{self, RealSessions};
use crate::service::{Service, ServiceDirectory};
use crate::tls::{Certificate, Tls};
use crate::webpush::{SendSettings, Sender, SystemResolver};

/// Between two rounds of housekeeping; a round that left something undone is followed at once.
const HOUSEKEEPING: Duration = Duration::from_secs(1);
/// Between two times that the uses of app passwords are written down.
const NOTING_USES: Duration = Duration::from_secs(60);
/// Threads beyond the processors: a step that waits for a page of the index must not stop all others.
const EXTRA_THREADS: usize = 2;

/// What a server is started with.
pub struct Start {
    pub config: Config,
    /// As written, to see what a reload changes. `None`: SIGHUP reads only the certificates again.
    pub raw: Option<Raw>,
    pub log: Option<LogLevel>,
}

struct State {
    service: Service,
    edge: Arc<Edge>,
    /// What the server was started with. What a reload takes over lies with those who use it.
    config: Config,
    /// What the server was started with: keys that wait for a restart are those that differ from it.
    raw: Mutex<Option<Raw>>,
    log: Option<LogLevel>,
    started: Instant,
    listeners: Vec<String>,
    /// What sends pushes, where push is offered.
    sender: Mutex<Option<Sender>>,
    /// Who others are, where one must know.
    registry: Option<Arc<Registry>>,
    stop: tokio::sync::Notify,
}

/// Serves until SIGINT, SIGTERM or `koi` asks for the end. `prepare` runs on the open folder
/// when everything is bound and nothing accepted yet (so that what it made and shows is not lost to a port in
/// use); then `ready`.
pub fn run(
    start: Start,
    prepare: impl FnOnce(&Service) -> Result<(), Problem>,
    ready: impl FnOnce() -> Result<(), Problem>,
) -> Result<(), Problem> {
    raise_descriptor_limit();
    let service = Service::open(&start.config)?;
    let threads = std::thread::available_parallelism().map_or(2, usize::from) + EXTRA_THREADS;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("koi")
        .enable_all()
        .build()
        .map_err(|e| Problem::new(format!("cannot start threads: {e}"), "raise the limit on processes"))?;
    let ended = runtime.block_on(serve(start, service, prepare, ready));
    // Blocking work (an import, a check) gets a little time; sessions have ended.
    runtime.shutdown_timeout(Duration::from_secs(2));
    ended
}

async fn serve(
    start: Start,
    service: Service,
    prepare: impl FnOnce(&Service) -> Result<(), Problem>,
    ready: impl FnOnce() -> Result<(), Problem>,
) -> Result<(), Problem> {
    let Start { config, raw, log } = start;
    let bound = listen::bind_all(&config.listen)?;
    let listeners = bound.iter().map(|b| format!("{} {}", b.service, b.address)).collect();
    let registry = registry(&config, &service)?;
    let edge = Arc::new(edge(&config, &service, registry.clone())?);
    let admin = AdminSocket::bind(&config.data)?;
    let mut signals = Signals::new()?;
    prepare(&service)?;
    let shutdown = config.limits.shutdown;
    let state = Arc::new(State {
        service,
        edge: Arc::clone(&edge),
        config,
        raw: Mutex::new(raw),
        log,
        started: Instant::now(),
        listeners,
        sender: Mutex::default(),
        registry: registry.clone(),
        stop: tokio::sync::Notify::new(),
    });
    *state.sender.lock() = state.send_pushes()?;
    let indexer = state.keep_indexes()?;
    let logins = Logins::take(&state);
    let mut tasks = tokio::task::JoinSet::new();
    for listener in bound {
        tasks.spawn(listen::accept(listener, Arc::clone(&edge)));
    }
    let answering = Arc::clone(&state);
    tasks.spawn(admin.serve(Arc::new(move |request, progress: &mut crate::admin::OnProgress<'_>| {
        answering.answer(&request, progress)
    })));
    tasks.spawn(housekeep(Arc::clone(&state)));
    state.look_behind_a_crash(&mut tasks);
    if let Some(registry) = registry.clone().filter(|_| state.is_reached_by_dmtp()) {
        tasks.spawn(async move { registry.look_at_dns().await });
    }
    let courier = registry.map(|registry| state.carry(registry));
    if let Err(problem) = ready() {
        tasks.shutdown().await;
        return Err(problem);
    }
    tracing::info!(listeners = state.listeners.join(", "), "ready");
    signals.until_stop(&state).await;
    tracing::info!(connections = edge.admission.count(), "shutting down");
    edge.admission.shut_down();
    if tokio::time::timeout(shutdown, edge.admission.drained()).await.is_err() {
        tracing::warn!(connections = edge.admission.count(), "sessions did not end in time");
    }
    end_background(&state, courier, indexer).await;
    tasks.shutdown().await;
    state.note_uses().await;
    drop(logins);
    tracing::info!("stopped");
    Ok(())
}

/// What works behind the sessions ends what it has under way.
async fn end_background(state: &State, courier: Option<Courier>, indexer: Option<Indexer>) {
    let sender = state.sender.lock().take();
    if let Some(sender) = sender {
        sender.shut_down().await;
    }
    if let Some(courier) = courier {
        courier.shut_down().await;
    }
    if let Some(indexer) = indexer {
        let _ = tokio::task::spawn_blocking(|| drop(indexer)).await;
    }
}

/// Where messages are sent, or come in, one must know who others are.
fn registry(config: &Config, service: &Service) -> Result<Option<Arc<Registry>>, Problem> {
    if !config.courier.sends {
        return Ok(None);
    }
    match Registry::new(config, service.mailbox.clone()) {
        Ok(registry) => Ok(Some(Arc::new(registry))),
        // All else works without it; what is submitted waits.
        Err(problem) if config.dns.servers.is_empty() => {
            tracing::warn!(%problem, "nothing is sent to other organisations until this is right");
            Ok(None)
        }
        Err(problem) => Err(problem),
    }
}

fn edge(config: &Config, service: &Service, registry: Option<Arc<Registry>>) -> Result<Edge, Problem> {
    let metrics: Arc<Metrics> = Arc::default();
    let domain = config.domains.first().map(String::as_str).unwrap_or_default();
    let directory = Box::new(ServiceDirectory(service.mailbox.clone()));
    let passwords = Passwords::new(directory, domain, service.secret, &config.auth, Arc::clone(&metrics))?;
    let account_rates = Arc::new(protocols::account_rates(config, &service.mailbox));
    let site = |rates| Arc::new(site(config, service, rates, &metrics));
    Ok(Edge {
        tls: config.tls.as_ref().map(Tls::load).transpose()?,
        passwords,
        watch: Arc::clone(&service.watch),
        admission: Arc::new(Admission::default()),
        metrics: Arc::clone(&metrics),
        sessions: Box::new(RealSessions::new(config, service, &account_rates)),
        site: (!config.listen.https.is_empty()).then(|| site(account_rates)),
        organisations: match registry {
            Some(registry) => registry,
            None => Arc::new(Nobody),
        },
        limits: RwLock::new(Arc::new(config.limits.clone())),
    })
}

/// What is served by HTTP.
fn site(
    config: &Config,
    service: &Service,
    account_rates: Arc<AccountRates>,
    metrics: &Arc<Metrics>,
) -> Site {
    let port = |addresses: &[std::net::SocketAddr]| addresses.first().map(std::net::SocketAddr::port);
    let listen = &config.listen;
    let starttls = config.tls.is_some();
    let mail = MailServices {
        hostname: config.hostname.as_str().into(),
        domains: config.domains.clone(),
        imaps: port(&listen.imaps),
        imap: port(&listen.imap).filter(|_| starttls),
        submissions: port(&listen.submissions),
        submission: port(&listen.submission).filter(|_| starttls),
    };
    let mailbox = service.mailbox.clone();
    let key = service.vapid.as_ref().map(|key| key.public_base64url().into());
    let jmap = JmapServer::new(mailbox.clone(), &config.http, key, account_rates, Arc::clone(metrics));
    Site::new(config.http.clone(), mail, Some(Box::new(jmap))).with_blobs(mailbox)
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> Result<Self, Problem> {
        let catch = |kind| {
            signal(kind)
                .map_err(|e| Problem::new(format!("cannot catch signals: {e}"), "report this as a bug"))
        };
        Ok(Self {
            interrupt: catch(SignalKind::interrupt())?,
            terminate: catch(SignalKind::terminate())?,
            hangup: catch(SignalKind::hangup())?,
        })
    }

    async fn until_stop(&mut self, state: &Arc<State>) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
                () = state.stop.notified() => return,
                _ = self.hangup.recv() => {
                    let state = Arc::clone(state);
                    let _ = tokio::task::spawn_blocking(move || state.reload()).await;
                }
            }
        }
    }
}

impl State {
    fn answer(
        &self,
        request: &Request,
        progress: &mut crate::admin::OnProgress<'_>,
    ) -> Result<Reply, Problem> {
        match request {
            Request::Shutdown => {
                self.stop.notify_one();
                Ok(Reply::Done)
            }
            Request::Status => {
                let mut status = execute::status(&self.service)?;
                status.data = self.config.data.display().to_string();
                let trouble = self.registry.as_ref().and_then(|registry| registry.trouble());
                status.dns_trouble = trouble.map(str::to_owned);
                status.running = Some(Running {
                    pid: std::process::id(),
                    version: env!("CARGO_PKG_VERSION").into(),
                    up_secs: self.started.elapsed().as_secs(),
                    listeners: self.listeners.clone(),
                    connections: self.edge.admission.count() as u64,
                    counters: self.edge.metrics.counters(),
                    latencies: self.edge.metrics.latencies(),
                });
                Ok(Reply::Status(Box::new(status)))
            }
            // Before: what is due at once must not meet what was remembered.
            Request::Queue { action: QueueAction::Retry, .. } => {
                if let Some(registry) = &self.registry {
                    registry.forget_failures();
                }
                execute::execute(&self.service, request, progress)
            }
            other => execute::execute(&self.service, other, progress),
        }
    }

    /// On loopback nobody comes.
    fn is_reached_by_dmtp(&self) -> bool {
        self.config.listen.dmtp.iter().any(|at| !at.ip().is_loopback())
    }

    /// Starts the courier to other organisations.
    fn carry(&self, registry: Arc<Registry>) -> Courier {
        let (mailbox, wake) = (self.service.mailbox.clone(), Arc::clone(&self.service.watch.sends));
        let metrics = Arc::clone(&self.edge.metrics);
        Courier::start(mailbox, registry, self.config.courier.clone(), wake, metrics)
    }

    /// Starts what keeps search indexes up to date, where there are any.
    fn keep_indexes(&self) -> Result<Option<Indexer>, Problem> {
        let mailbox = &self.service.mailbox;
        mailbox.options().index.enabled.then(|| Indexer::start(mailbox.clone())).transpose()
    }

    /// Starts the sender of pushes, where push is offered.
    fn send_pushes(&self) -> Result<Option<Sender>, Problem> {
        let settings = self.config.webpush.as_ref().map(|config| config.send.clone());
        let sender = settings.map(|settings| self.sender(settings)).transpose()?.flatten();
        sender.iter().for_each(Sender::begin);
        Ok(sender)
    }

    /// One that does nothing yet; none where push is not offered.
    fn sender(&self, settings: SendSettings) -> Result<Option<Sender>, Problem> {
        let Some(key) = &self.service.vapid else { return Ok(None) };
        let wakes = Arc::clone(&self.service.watch.pushes);
        let (mailbox, metrics) = (self.service.mailbox.clone(), Arc::clone(&self.edge.metrics));
        let resolver = Arc::new(SystemResolver);
        Sender::new(mailbox, settings, Arc::clone(key), wakes, metrics, resolver).map(Some)
    }

    /// The sender for other settings of pushes, if they have changed.
    fn other_sender(&self, fresh: &Config) -> Result<Option<Sender>, Problem> {
        let before = self.sender.lock().as_ref().map(|sender| sender.settings().clone());
        match (before, &fresh.webpush) {
            (Some(before), Some(fresh)) if before != fresh.send => self.sender(fresh.send.clone()),
            // Whether there is push at all is told to clients from the start on.
            _ => Ok(None),
        }
    }

    /// What the sender before has under way it ends; all else is in the store. Not on the runtime's threads.
    fn send_pushes_by(&self, sender: Sender) {
        let before = self.sender.lock().take();
        if let Some(before) = before {
            tokio::runtime::Handle::current().block_on(before.shut_down());
        }
        sender.begin();
        *self.sender.lock() = Some(sender);
    }

    /// After an unclean end the index is read through behind the running server.
    fn look_behind_a_crash(&self, tasks: &mut tokio::task::JoinSet<()>) {
        if self.service.was_unclean {
            let folder = crate::folder::store(&self.config.data);
            let store = Arc::clone(&self.service.store);
            tasks.spawn_blocking(move || crate::probe::behind(&folder, &store));
        }
    }

    /// Pages that were logged in are so again; only for [`Logins`].
    fn take_logins(&self) {
        let Some(site) = &self.edge.site else { return };
        if let Err(problem) = site.take_logins(&crate::folder::web_logins(&self.config.data)) {
            tracing::warn!(%problem, "pages that were logged in have to log in again");
        }
    }

    fn write_logins(&self) {
        let Some(site) = &self.edge.site else { return };
        if let Err(problem) = site.write_logins(&crate::folder::web_logins(&self.config.data)) {
            tracing::warn!(%problem, "pages that are logged in will have to log in again");
        }
    }

    /// No login waits for this.
    async fn note_uses(&self) {
        let uses = self.edge.passwords.take_uses();
        if uses.is_empty() {
            return;
        }
        if let Err(error) = self.service.mailbox.directory().app_passwords_used(uses).await {
            tracing::warn!(%error, "when app passwords were last used could not be written");
        }
    }

    /// SIGHUP: what is wrong is logged and changes nothing.
    fn reload(&self) {
        match self.try_reload() {
            Ok(()) => tracing::info!("configuration and certificates read again"),
            Err(problem) => tracing::error!(%problem, "reload failed; the old settings stay"),
        }
    }

    fn try_reload(&self) -> Result<(), Problem> {
        let fresh = self.read_again()?;
        self.take_over(fresh);
        Ok(())
    }

    /// All that may fail.
    fn read_again(&self) -> Result<Fresh, Problem> {
        let raw = raw::read(&self.config.file)?;
        let config = resolve::resolve(&raw)?;
        let sender = self.other_sender(&config)?;
        let certificate = config.tls.as_ref().map(Tls::read).transpose()?;
        let passwords = password::Settings::of(&config.auth)?;
        Ok(Fresh { raw, config, sender, certificate, passwords })
    }

    fn take_over(&self, fresh: Fresh) {
        self.edge.passwords.take(fresh.passwords);
        if let (Some(tls), Some(certificate)) = (&self.edge.tls, fresh.certificate) {
            tls.take(certificate);
        }
        *self.edge.limits.write() = Arc::new(fresh.config.limits);
        if let Some(site) = &self.edge.site {
            site.reload(&fresh.config.http);
        }
        if let Some(sender) = fresh.sender {
            self.send_pushes_by(sender);
        }
        if let Some(log) = &self.log {
            log.set(fresh.config.log.level);
        }
        if let Some(started) = &*self.raw.lock() {
            let waiting = resolve::needs_restart(started, &fresh.raw);
            if !waiting.is_empty() {
                tracing::warn!(keys = waiting.join(", "), "these keys changed and wait for a restart");
            }
        }
    }
}

/// What a reload has read: nothing of it is taken over unless all of it is right.
struct Fresh {
    raw: Raw,
    config: Config,
    sender: Option<Sender>,
    certificate: Option<Certificate>,
    passwords: password::Settings,
}

/// Who is logged in to pages, taken from the folder and written there again, however this ends.
struct Logins<'s>(&'s State);

impl<'s> Logins<'s> {
    fn take(state: &'s State) -> Self {
        state.take_logins();
        Self(state)
    }
}

impl Drop for Logins<'_> {
    fn drop(&mut self) {
        self.0.write_logins();
    }
}

async fn housekeep(state: Arc<State>) {
    let mut noted = Instant::now();
    loop {
        if noted.elapsed() >= NOTING_USES {
            noted = Instant::now();
            state.note_uses().await;
        }
        let round = Arc::clone(&state);
        let kept =
            tokio::task::spawn_blocking(move || round.service.mailbox.housekeep(crate::clock::now())).await;
        match kept {
            Ok(Ok(kept)) if kept.more => continue,
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "housekeeping failed; it is tried again"),
            Err(_) => tracing::error!("housekeeping panicked; this is a bug, please report it"),
        }
        tokio::time::sleep(HOUSEKEEPING).await;
    }
}

fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}

/// Reads the configuration and starts the log.
pub fn start(file: &Path) -> Result<Start, Problem> {
    let raw = raw::read(file)?;
    let config = resolve::resolve(&raw)?;
    let log = crate::log::start(&config.log);
    Ok(Start { config, raw: Some(raw), log })
}

#[cfg(test)]
mod tests;
