//! The sender of pushes (RFC 8030 §5, RFC 8620 §7.2, COI-webpush §push-notification-payload).
//!
//! What is to be sent lies in the store (`koi_mailbox::push`); a commit with something new wakes the
//! [`dispatch`]er, as does the time at which something is due. For each subscription with something to send
//! it starts a [`courier`], which sends one thing after the other and writes down what came of each before
//! it takes the next. So what a crash loses is at most what is known of one request for each subscription:
//! that one is sent again, under the same Topic. [`following`] knows which accounts subscriptions of JMAP
//! tell of. [`origins`] keeps push services apart, [`connect`] and `guard` see to it that nobody makes the
//! server talk to its own network.
//!
//! Must not: hold a view or a transaction over a request; keep anything of a subscription that has nothing to
//! send; log endpoints, keys or what is said.

mod client;
pub mod connect;
mod courier;
mod dispatch;
mod following;
pub mod guard;
mod origins;
mod primitives;
mod state_change;
mod throttle;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use koi_mailbox::MailboxService;
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore, watch};

use self::client::Client;
use self::connect::{Reach, Resolve};
use self::origins::Origins;
use self::throttle::Throttle;
use crate::metrics::Metrics;
use crate::problem::Problem;

pub use self::connect::SystemResolver;
pub use self::dispatch::Wakes;
pub use self::primitives::{Crypto, VapidKey};

/// What the configuration says of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SendSettings {
    /// How push services reach whoever runs this server (RFC 8292 §2.1).
    pub contact: Box<str>,
    /// Instead of the certificates the system trusts.
    pub ca_file: Option<PathBuf>,
    pub private: bool,
    pub any_port: bool,
    pub proxy: Option<Box<str>>,
    pub connect: Duration,
    pub answer: Duration,
    /// Before the first repetition; doubled with each further one.
    pub backoff: Duration,
    pub requests_max: usize,
    pub requests_per_origin_max: usize,
    pub couriers_per_account_max: usize,
    pub pushes_per_minute_max: u32,
    /// What is older is not sent any more, and push services are told to keep it as long.
    pub ttl_secs: u32,
    /// Between two pushes of states to one user (RFC 8620 §7); what changes meanwhile is told together.
    pub states_pause: Duration,
}

/// What dispatcher and couriers share.
struct Shared {
    mailbox: MailboxService,
    settings: SendSettings,
    key: Arc<VapidKey>,
    client: Client,
    origins: Origins,
    /// Requests of all.
    requests: Semaphore,
    throttle: Throttle,
    metrics: Arc<Metrics>,
    /// Whether the server goes down.
    stopping: watch::Sender<bool>,
}

/// The running sender.
pub struct Sender {
    shared: Arc<Shared>,
    wakes: Arc<Wakes>,
    stop: Arc<Notify>,
    task: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

/// In-flight requests have so long when the server stops.
const LAST_REQUESTS: Duration = Duration::from_secs(3);

impl Sender {
    /// One that does nothing yet.
    pub fn new(
        mailbox: MailboxService,
        settings: SendSettings,
        key: Arc<VapidKey>,
        wakes: Arc<Wakes>,
        metrics: Arc<Metrics>,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, Problem> {
        let reach = Reach {
            private: settings.private,
            any_port: settings.any_port,
            proxy: settings.proxy.clone(),
            connect: settings.connect,
        };
        let client = Client::new(reach, settings.ca_file.as_deref(), settings.answer, resolver)?;
        let shared = Arc::new(Shared {
            mailbox,
            key,
            client,
            origins: Origins::new(settings.requests_per_origin_max),
            requests: Semaphore::new(settings.requests_max),
            throttle: Throttle::new(settings.pushes_per_minute_max),
            settings,
            metrics,
            stopping: watch::Sender::new(false),
        });
        Ok(Self { shared, wakes, stop: Arc::new(Notify::new()), task: Mutex::new(None) })
    }
    /// What it was made with.
    #[must_use]
    pub fn settings(&self) -> &SendSettings {
        &self.shared.settings
    }
    /// Begins, once, inside the runtime. What is to be sent is all in the store: whoever was there before
    /// must have been shut down.
    pub fn begin(&self) {
        let (shared, wakes) = (Arc::clone(&self.shared), Arc::clone(&self.wakes));
        let run = dispatch::run(shared, wakes, Arc::clone(&self.stop));
        self.task.lock().get_or_insert_with(|| tokio::spawn(run));
    }
    /// Begins no new requests, and ends when those under way are done or the time is up. What was not sent
    /// is in the store.
    pub async fn shut_down(&self) {
        self.shared.stopping.send_replace(true);
        self.stop.notify_one();
        let task = self.task.lock().take();
        if let Some(task) = task {
            let abort = task.abort_handle();
            if tokio::time::timeout(LAST_REQUESTS, task).await.is_err() {
                abort.abort();
            }
        }
    }
}

/// Between a duration and half as much again, so that what waits together does not come back together.
fn jitter(wait: Duration) -> Duration {
    let [random] = crate::clock::random::<1>();
    wait + wait.mul_f64(f64::from(random) / 510.0)
}
