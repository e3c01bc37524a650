//! What came of an attempt while the store takes nothing; what a reply means; how long an attempt may take.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use koi_dime::key::Holder;
use koi_dime::{PrivateKeys, SigningRequest};
use koi_mailbox::dmap::NewKey;
use koi_mailbox::{Account, DmapOptions, Options};
use koi_store::kv::{Kv, StageBody, Ticket, TxnFn, View, transact_and_wait};
use koi_store::mail::dmap::queue::NewQueued;
use koi_store::mail::{AccountTxn, Quota};
use koi_store::memory::MemoryKv;
use koi_types::{Address, KeyId, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::*;
use crate::ca::LocalCa;
use crate::config::{raw, resolve};
use crate::dmtp::client::{Patience, WRITE_OCTETS};
use crate::organisation::SystemRandom;
use crate::service::System;
use crate::watch::Watch;

/// A store that can be told to take nothing.
struct Sick(MemoryKv, Arc<AtomicBool>);

impl Sick {
    fn refusal(&self) -> Option<MailError> {
        let is_sick = self.1.load(Ordering::Relaxed);
        is_sick.then(|| MailError::new(ErrorKind::Unavailable, "the store is read-only"))
    }
}

impl Kv for Sick {
    fn view(&self) -> Result<Box<dyn View + '_>> {
        self.0.view()
    }
    fn submit(&self, run: Box<TxnFn>) -> Ticket {
        let Some(error) = self.refusal() else { return self.0.submit(run) };
        let ticket = Ticket::new();
        ticket.resolve(Err(error));
        ticket
    }
    fn submit_and_wait(&self, run: Box<TxnFn>) -> Result<()> {
        self.refusal().map_or_else(|| self.0.submit_and_wait(run), Err)
    }
    fn stage_body(&self) -> Result<Box<dyn StageBody>> {
        self.0.stage_body()
    }
}

/// A courier with one message to somewhere that nobody can be at.
fn dispatcher(folder: &Path, is_sick: &Arc<AtomicBool>) -> Dispatcher {
    let authority = LocalCa::make(folder, "example.org").unwrap().ca_certificate;
    let text = format!(
        "[server]\nhostname='mail.example.org'\ndomains=['example.org']\ndata='{}'\n\
         [listen]\nlmtp=['127.0.0.1:10024']\n[dmtp]\nca_file='{}'\n[dns]\nservers=['127.0.0.1:9']\n",
        folder.display(),
        authority.display()
    );
    let config = resolve::resolve(&raw::parse(Path::new("koi.toml"), &text).unwrap()).unwrap();
    let keys = PrivateKeys::generate(Holder::Organisation, &mut SystemRandom);
    let organisation = koi_dime::Organisation::new("example.org", keys.unwrap(), &[]).unwrap();
    let dmap = DmapOptions { organisations: vec![Arc::new(organisation)], ..DmapOptions::default() };
    let options = Options { dmap: Some(dmap), ..Options::default() };
    let kv: Arc<dyn Kv> = Arc::new(Sick(MemoryKv::new(Arc::new(Watch::default())), Arc::clone(is_sick)));
    let mailbox = MailboxService::new(Arc::clone(&kv), options, Arc::new(System));
    mailbox.directory().create_domain("example.org").unwrap();
    let alice = Address::new("alice", "example.org").unwrap();
    let alice = mailbox.directory().create_account(&alice, "verifier").unwrap();
    give_key(&mailbox.account(alice).unwrap());
    transact_and_wait(&*kv, move |txn| {
        let mut own = AccountTxn::open(txn, alice, Quota::UNLIMITED, clock::now())?;
        let body = koi_store::body::NewBody::inline(b"a message".as_slice().into());
        let new = NewQueued { destination: "no domain".into(), signet: [0; 64], bounces: 0, body };
        own.enqueue(ObjectId([1; 16]), &new)?;
        own.finish().map(drop)
    })
    .unwrap();
    let registry = Arc::new(Registry::new(&config, mailbox.clone()).unwrap());
    let settings = config.courier;
    Dispatcher::new(Arc::new(Shared { mailbox, registry, settings, metrics: Arc::default() }))
}

/// By which its owner is told.
fn give_key(account: &Account) {
    let keys = PrivateKeys::generate(Holder::User, &mut SystemRandom).unwrap();
    let request = SigningRequest::create(&keys.signing, &keys.decryption.public(), &[], None).unwrap();
    let id = KeyId(request.key_id().0);
    let new = NewKey { id, request: request.object(), private: None, expires_at: None };
    account.add_key(&new).unwrap().wait().unwrap();
}

#[tokio::test]
async fn what_came_of_an_attempt_is_written_down_before_another() {
    let (folder, is_sick) = (tempfile::tempdir().unwrap(), Arc::new(AtomicBool::new(false)));
    let mut courier = dispatcher(folder.path(), &is_sick);
    let attempts = |courier: &Dispatcher| courier.shared.metrics.mails_bounced.load(Ordering::Relaxed);
    let all = |_: &DueMail| false;
    for sick in [true, true, false] {
        is_sick.store(sick, Ordering::Relaxed);
        courier.resting.clear();
        courier.look();
        let done = courier.attempts.join_next_with_id().await.unwrap();
        courier.done(done);
        assert_eq!(attempts(&courier), 1, "nothing is sent twice because the store takes nothing");
        assert_eq!((courier.unwritten.len(), courier.resting.len()), (usize::from(sick), usize::from(sick)));
    }
    let due = courier.shared.mailbox.due_mail(clock::now(), 1, &all).unwrap();
    assert!(due.due.is_empty() && due.next_at.is_none(), "it does not wait any more: {due:?}");
}

#[test]
fn only_a_clear_yes_is_one() {
    let of = |code| match judged(Reply::new(code, "text")) {
        Ok(_) => "yes",
        Err(Failure::Never(_)) => "never",
        Err(Failure::NotNow(_)) => "not now",
    };
    let said = [250, 299, 354, 399, 421, 499, 500, 599].map(of);
    let wanted = ["yes", "yes", "not now", "not now", "not now", "not now", "never", "never"];
    assert_eq!(said, wanted);
}

#[test]
fn what_cannot_be_mended_is_not_tried_again() {
    let of = |kind, cause: Option<koi_types::Cause>| {
        let error = MailError::new(kind, "x");
        Failure::from(cause.into_iter().fold(error, MailError::because))
    };
    let never = |failure| matches!(failure, Failure::Never(said) if said == "x");
    assert!(never(of(ErrorKind::InvalidInput, None)), "no domain");
    assert!(
        !never(of(ErrorKind::InvalidInput, Some(koi_types::Cause::SignetInvalid))),
        "a key that is wrong"
    );
    assert!(!never(of(ErrorKind::Unavailable, None)) && !never(of(ErrorKind::NotFound, None)));
}

const REPLY: Duration = Duration::from_secs(60);

/// Says yes to everything, and reads a message a piece at a time, each after a pause.
async fn takes_slowly(mut server: DuplexStream, pause: Duration, octets: usize) {
    server.write_all(b"220 two.test DMTPv1\r\n").await.unwrap();
    let (mut piece, mut read) = (vec![0; WRITE_OCTETS], 0);
    for reply in ["250 two.test\r\n", "250 OK\r\n", "250 OK\r\n", "354 go on\r\n"] {
        assert!(server.read(&mut piece).await.unwrap() > 0);
        server.write_all(reply.as_bytes()).await.unwrap();
    }
    let mut ticks = tokio::time::interval(pause);
    ticks.tick().await;
    while read < octets {
        ticks.tick().await;
        match server.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(more) => read += more,
        }
    }
    server.write_all(b"250 abc\r\n").await.unwrap();
    // It stays, until the other one goes.
    drop(server.read(&mut piece).await);
}

/// What comes of a message of so many octets, and after how long.
async fn carried(mail: &OutgoingMail, pause: Duration) -> (std::result::Result<Reply, Failure>, Duration) {
    let (client, server) = duplex(WRITE_OCTETS);
    let octets = mail.octets.len();
    let server = tokio::spawn(takes_slowly(server, pause, octets));
    let began = tokio::time::Instant::now();
    let sending = async {
        let patience = Patience { connect: REPLY, reply: REPLY };
        talk(Client::greeted(client, "two.test", patience, "one.test").await?, mail).await
    };
    let sent = within(attempt_max(octets), sending).await;
    server.abort();
    (sent, began.elapsed())
}

/// A server that needs nearly all of the patience for each piece has so long for the whole message, and the
/// place is free again; it is tried later.
#[tokio::test(start_paused = true)]
async fn an_attempt_has_its_time_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let courier = dispatcher(folder.path(), &Arc::default());
    let due = courier.shared.mailbox.due_mail(clock::now(), 1, &|_| false).unwrap().due.remove(0);
    let mail = courier.shared.mailbox.outgoing_mail(due.account, due.id).unwrap().unwrap();
    let mail = OutgoingMail { octets: vec![b'x'; 64 * WRITE_OCTETS], ..mail };
    // The line is as slow as it may be, and a little faster.
    let whole = attempt_max(mail.octets.len());
    assert_eq!(whole, Duration::from_secs(30 * 60 + 64 * 16));
    let (sent, took) = carried(&mail, Duration::from_secs(40)).await;
    assert_eq!(sent.ok().map(|reply| reply.code), Some(250));
    assert!(took < whole, "{took:?}");
    let (sent, took) = carried(&mail, Duration::from_secs(59)).await;
    assert_eq!(took, whole);
    let settled = judge(&courier.shared.settings, &mail, &due, sent);
    assert!(
        matches!(&settled, MailSettled::Later { said, .. } if &**said == "it took too long"),
        "{settled:?}"
    );
    // A small message, from a server that does not go on at all: its patience comes first.
    let mail = OutgoingMail { octets: b"a message".to_vec(), ..mail };
    let (sent, took) = carried(&mail, Duration::from_secs(3600)).await;
    assert_eq!((sent.is_err(), took), (true, REPLY));
}
