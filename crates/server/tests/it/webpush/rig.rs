//! A mailbox service in memory, its account alice, a sender, a push service and a device.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use koi_mailbox::annotation::AnnotationChange;
use koi_mailbox::push::PushOptions;
use koi_mailbox::{Account, Delivery, Env, Incoming, MailboxService, Options};
use koi_push_service::{Device, PushService, Recorded};
use koi_server::metrics::Metrics;
use koi_server::watch::Watch;
use koi_server::webpush::connect::{Boxed, Resolve};
use koi_server::webpush::{SendSettings, Sender, SystemResolver, VapidKey};
use koi_store::kv::{Commits, Kv};
use koi_store::memory::MemoryKv;
use koi_types::annotation::{Depth, EntryName, Target};
use koi_types::{Address, MailError, ReversePath, Timestamp};

pub(crate) const ROOT: &str = "/private/vendor/vendor.dovecot/webpush";
/// More than enough on a slow machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

struct System;

impl Env for System {
    fn now(&self) -> Timestamp {
        koi_server::clock::now()
    }
    fn random(&self) -> [u8; 10] {
        koi_server::clock::random()
    }
}

pub(crate) struct Rig {
    pub(crate) mailbox: MailboxService,
    pub(crate) account: Account,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) service: PushService,
    pub(crate) device: Device,
    pub(crate) settings: SendSettings,
    pub(crate) resolver: Arc<dyn Resolve>,
    watch: Arc<Watch>,
    key: Arc<VapidKey>,
    sender: Option<Sender>,
    runtime: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

impl Rig {
    /// With a running sender.
    pub(crate) fn new() -> Self {
        let mut rig = Self::stopped(PushService::start());
        rig.start();
        rig
    }
    /// Without.
    pub(crate) fn stopped(service: PushService) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, service.ca_pem()).unwrap();
        let watch = Arc::new(Watch::default());
        let kv: Arc<dyn Kv> = Arc::new(MemoryKv::new(Arc::clone(&watch) as Arc<dyn Commits>));
        let key = Arc::new(VapidKey::of(&*kv).unwrap());
        assert_eq!(VapidKey::of(&*kv).unwrap().public_pem(), key.public_pem(), "made once");
        let push = PushOptions { waiting_max: 3, refusals_max: 3, ..PushOptions::new(&key.public_pem()) };
        let options = Options { push: Some(push), ..Options::default() };
        let mailbox = MailboxService::new(kv, options, Arc::new(System));
        mailbox.directory().create_domain("example.org").unwrap();
        let alice = Address::parse("alice@example.org").unwrap();
        let account = mailbox.directory().create_account(&alice, "v").unwrap();
        let account = mailbox.account(account).unwrap();
        let settings = SendSettings {
            contact: "mailto:postmaster@example.org".into(),
            ca_file: Some(ca_file),
            private: true,
            any_port: true,
            proxy: None,
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(20),
            backoff: Duration::from_millis(20),
            requests_max: 16,
            requests_per_origin_max: 8,
            couriers_per_account_max: 8,
            pushes_per_minute_max: 6000,
            ttl_secs: 3600,
            states_pause: Duration::from_millis(50),
        };
        Self {
            mailbox,
            account,
            metrics: Arc::default(),
            service,
            device: Device::new(),
            settings,
            resolver: Arc::new(SystemResolver),
            watch,
            key,
            sender: None,
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap(),
            _folder: folder,
        }
    }
    pub(crate) fn start(&mut self) {
        let _inside = self.runtime.enter();
        let (wakes, metrics) = (Arc::clone(&self.watch.pushes), Arc::clone(&self.metrics));
        let (key, resolver) = (Arc::clone(&self.key), Arc::clone(&self.resolver));
        let sender = Sender::new(self.mailbox.clone(), self.settings.clone(), key, wakes, metrics, resolver);
        let sender = sender.unwrap();
        sender.begin();
        self.sender = Some(sender);
    }
    /// Answers how long it took.
    pub(crate) fn stop(&mut self) -> Duration {
        let began = Instant::now();
        if let Some(sender) = self.sender.take() {
            self.runtime.block_on(sender.shut_down());
        }
        began.elapsed()
    }
    pub(crate) fn set(&self, entry: &str, value: Option<&str>) -> Result<(), MailError> {
        let name = EntryName::new(&format!("{ROOT}/{entry}")).unwrap();
        let value = value.map(|value| value.as_bytes().into());
        let changes = vec![AnnotationChange { name, value }];
        self.account.set_annotations(Target::Server, changes).wait().map(drop)
    }
    /// What is listed, as `id json`.
    pub(crate) fn subscriptions(&self) -> Vec<String> {
        let snapshot = self.account.snapshot().unwrap();
        let root = EntryName::new(&format!("{ROOT}/subscriptions")).unwrap();
        let rows = snapshot.annotations(Target::Server, &root, Depth::One).unwrap();
        let shown = rows.iter().map(|row| {
            let value = snapshot.annotation_value(Target::Server, row).unwrap().unwrap();
            let id = row.name.as_str().rsplit('/').next().unwrap();
            format!("{id} {}", String::from_utf8_lossy(&value))
        });
        shown.collect()
    }
    pub(crate) fn subscribe_to(&self, resource: &str, endpoint: &str) {
        let json = self.device.subscription(endpoint, "all");
        self.set(&format!("subscriptions/{resource}"), Some(&json)).unwrap();
    }
    /// Subscribes, and answers the validation push.
    pub(crate) fn subscribe(&self, resource: &str) {
        self.subscribe_to(resource, &self.service.url(resource));
        let request = self.service.wait(resource, 1, PATIENCE).remove(0);
        self.validate(resource, &request);
    }
    pub(crate) fn validate(&self, resource: &str, request: &Recorded) {
        assert_eq!(request.header("webpush-validation"), Some(""));
        let payload = self.device.read(request);
        let text = payload["validation"].as_str().unwrap();
        self.set(&format!("subscriptions/{resource}/validate"), Some(text)).unwrap();
    }
    pub(crate) fn deliver(&self, subject: &str) {
        let text = format!("From: Bob <bob@example.net>\r\nSubject: {subject}\r\n\r\nbody\r\n");
        self.deliver_text(&text);
    }
    pub(crate) fn deliver_text(&self, text: &str) {
        let message = Arc::new(Incoming::of(text.as_bytes()).unwrap());
        let recipients = vec![self.account.id()];
        let received_at = koi_server::clock::now();
        let sender = ReversePath::Null;
        let delivery = Delivery { sender, recipients, message, received_at };
        for result in self.mailbox.deliver(delivery).wait().unwrap() {
            result.unwrap();
        }
    }
    /// The subjects a resource was told of, in their order, the validation left out.
    pub(crate) fn subjects(&self, resource: &str, count: usize) -> Vec<String> {
        let requests = self.service.wait(resource, count + 1, PATIENCE);
        let payloads = requests.iter().skip(1).map(|request| self.device.read(request));
        payloads.map(|payload| payload["subject"].as_str().unwrap().to_owned()).collect()
    }
    /// Waits until a counter has come so far.
    pub(crate) fn counted(&self, counter: impl Fn(&Metrics) -> &AtomicU64, count: u64) {
        self.until("a counter did not come so far", || {
            counter(&self.metrics).load(Ordering::Relaxed) >= count
        });
    }
    /// Waits until nothing is left to be sent.
    pub(crate) fn settled(&self) {
        self.until("something is left to be sent", || self.next_due().is_none());
    }
    /// The same where subscriptions have an end, which is far away.
    pub(crate) fn settled_but_for_ends(&self) {
        let far = Timestamp(koi_server::clock::now().0 + 3_600_000);
        self.until("something is left to be sent", || self.next_due().is_none_or(|at| at > far));
    }
    /// When the next thing is due, be it past or to come.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        let found = self.mailbox.due_pushes(koi_server::clock::now(), 1, &|_| false).unwrap();
        found.due.first().map(|due| due.at).or(found.next_at)
    }
    pub(crate) fn until(&self, what: &str, mut is: impl FnMut() -> bool) {
        let began = Instant::now();
        while !is() {
            assert!(began.elapsed() < PATIENCE, "{what}: {:?}", self.metrics.counters());
            std::thread::yield_now();
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop();
        if !std::thread::panicking() {
            let findings = self.mailbox.check().unwrap();
            assert!(findings.is_empty(), "{findings:?}");
        }
    }
}

/// Names that lead where a test says, and how often they were asked for.
pub(crate) struct Names {
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) asked: AtomicUsize,
}

impl Resolve for Names {
    fn resolve(&self, _host: &str, _port: u16) -> Boxed<io::Result<Vec<SocketAddr>>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let addresses = self.addresses.clone();
        Box::pin(async move { Ok(addresses) })
    }
}
