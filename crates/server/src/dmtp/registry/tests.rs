//! What is answered without asking anybody.

use std::path::Path;

use koi_dime::key::Holder;
use koi_dime::{Organisation, PrivateKeys};
use koi_mailbox::Options;
use koi_store::memory::MemoryKv;
use koi_types::AccountId;

use super::*;
use crate::ca::LocalCa;
use crate::config::{raw, resolve};
use crate::organisation::SystemRandom;
use crate::service::System;
use crate::watch::Watch;

const DOMAIN: &str = "elsewhere.example";
const ALICE: Asker = Asker::Account(AccountId(1));

/// Where no DNS answers.
fn registry(folder: &Path, retry_secs: u32) -> Registry {
    let authority = LocalCa::make(folder, "example.org").unwrap().ca_certificate;
    let text = format!(
        "[server]\nhostname='mail.example.org'\ndomains=['example.org']\ndata='{}'\n\
         [listen]\nlmtp=['127.0.0.1:10024']\n[dmtp]\nca_file='{}'\nretry_secs={retry_secs}\n\
         [dns]\nservers=['127.0.0.1:9']\n",
        folder.display(),
        authority.display()
    );
    let config = resolve::resolve(&raw::parse(Path::new("koi.toml"), &text).unwrap()).unwrap();
    let kv = Arc::new(MemoryKv::new(Arc::new(Watch::default())));
    Registry::new(&config, MailboxService::new(kv, Options::default(), Arc::new(System))).unwrap()
}

/// One that has to be looked up again.
fn found() -> FoundOrganisation {
    let keys = PrivateKeys::generate(Holder::Organisation, &mut SystemRandom).unwrap();
    let signet = Organisation::new(DOMAIN, keys, &[]).unwrap().signet().clone();
    let record = ManagementRecord::new(*signet.primary());
    FoundOrganisation { signet, record, is_validated: false, fresh_until: clock::now() }
}

#[tokio::test]
async fn who_is_known_is_not_looked_up_for_every_message_while_nobody_answers() {
    let folder = tempfile::tempdir().unwrap();
    let registry = registry(folder.path(), 3600);
    let found = found();
    registry.mailbox.learn_organisation(DOMAIN, found.clone(), false).unwrap();
    let known = || registry.remembered(DOMAIN).unwrap();
    assert!(known().is_none(), "it has to be looked up again");
    let went_on = registry.failed(DOMAIN, trouble(DOMAIN, "no answer")).unwrap();
    assert_eq!(went_on.signet, found.signet);
    // Nobody is asked for the next: there is no DNS that could answer.
    for asker in [ALICE, Asker::Stranger([192, 0, 2, 1].into())] {
        assert_eq!(registry.known("Elsewhere.Example", asker).await.unwrap().signet, found.signet);
    }
    // What cannot go on is refused for a moment, and what an administrator mends at once.
    let gone = MailError::new(ErrorKind::NotFound, "no record").because(Cause::NoSignet);
    assert_eq!(registry.failed(DOMAIN, gone.clone()).unwrap_err().text, gone.text);
    assert_eq!(known().unwrap().unwrap_err().text, gone.text);
    registry.forget_failures();
    assert!(known().is_none());
    assert!(registry.failed(DOMAIN, invalid(DOMAIN, "x")).is_err() && known().is_none());
    // A record that says so does not outlive the moment it was learned at.
    let mut expires = found;
    expires.record.expiry_days = Some(0);
    registry.mailbox.learn_organisation(DOMAIN, expires, false).unwrap();
    assert!(registry.failed(DOMAIN, trouble(DOMAIN, "no answer")).is_err());
    assert!(known().unwrap().is_err());
}

#[tokio::test]
async fn whom_one_of_ours_wants_to_know_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let registry = registry(folder.path(), 60);
    let fresh = FoundOrganisation { fresh_until: clock::now().plus_secs(60), ..found() };
    registry.mailbox.learn_organisation(DOMAIN, fresh, false).unwrap();
    let is_kept = || registry.mailbox.known_organisation(DOMAIN).unwrap().unwrap().is_kept;
    registry.known(DOMAIN, Asker::Stranger([192, 0, 2, 1].into())).await.unwrap();
    assert!(!is_kept(), "whoever says to come from there");
    registry.known(DOMAIN, ALICE).await.unwrap();
    assert!(is_kept());
}

#[tokio::test]
async fn who_has_no_share_left_is_told_so_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut registry = registry(folder.path(), 60);
    registry.turns.wait_no_more();
    let stranger = Asker::Stranger([192, 0, 2, 1].into());
    let mut shares = Vec::new();
    while let Some(share) = registry.turns.share(stranger).await {
        shares.push(share);
    }
    let busy = registry.known(DOMAIN, stranger).await.unwrap_err();
    assert!(busy.is_temporary() && busy.text.contains("too many others are being looked up"), "{busy}");
    assert!(registry.failures.recent(DOMAIN).is_none(), "the domain is not to blame");
    // Who is known goes on, as where nobody answers.
    let found = found();
    registry.mailbox.learn_organisation(DOMAIN, found.clone(), false).unwrap();
    assert_eq!(registry.known(DOMAIN, stranger).await.unwrap().signet, found.signet);
    assert!(registry.turns.share(ALICE).await.is_some());
}

#[tokio::test]
async fn who_is_known_and_does_not_answer_is_left_alone_for_longer() {
    let folder = tempfile::tempdir().unwrap();
    let mut registry = registry(folder.path(), 3600);
    assert!(registry.known_rest > registry.rest);
    registry.rest = Duration::ZERO;
    registry.failed(DOMAIN, trouble(DOMAIN, "no answer")).unwrap_err();
    assert!(registry.remembered(DOMAIN).unwrap().is_none());
    registry.mailbox.learn_organisation(DOMAIN, found(), false).unwrap();
    registry.failed(DOMAIN, trouble(DOMAIN, "no answer")).unwrap();
    assert!(registry.remembered(DOMAIN).unwrap().is_some());
}
