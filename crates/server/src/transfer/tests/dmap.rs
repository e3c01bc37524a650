//! What an account has for DMAP goes out and in: which key opens a message, META, where it came from.

use std::sync::Arc;

use koi_dime::key::{Holder, PrivateKeys};
use koi_dime::{Magic, Organisation, SigningRequest, UserSignet};
use koi_mailbox::dmap::{KeyRow, NewKey, NewPrimeMessage};
use koi_mailbox::{Account, DmapOptions, INBOX, MailboxService, Options};
use koi_store::memory::MemoryKv;
use koi_types::{Address, Flags, KeyId, Timestamp, Uid, ZoneOffset};

use super::super::{Format, Target, export, import};
use crate::organisation::SystemRandom;
use crate::service::System;
use crate::watch::Watch;

const DOMAIN: &str = "example.org";

fn organisation() -> Arc<Organisation> {
    let keys = PrivateKeys::generate(Holder::Organisation, &mut SystemRandom).unwrap();
    Arc::new(Organisation::new(DOMAIN, keys, &[]).unwrap())
}

fn alice(organisation: &Arc<Organisation>) -> (MailboxService, Account) {
    let dmap = DmapOptions { organisations: vec![Arc::clone(organisation)], ..DmapOptions::default() };
    let options = Options { dmap: Some(dmap), ..Options::default() };
    let service =
        MailboxService::new(Arc::new(MemoryKv::new(Arc::new(Watch::default()))), options, Arc::new(System));
    service.directory().create_domain(DOMAIN).unwrap();
    let address = Address::new("alice", DOMAIN).unwrap();
    let id = service.directory().create_account(&address, "verifier").unwrap();
    let account = service.account(id).unwrap();
    (service, account)
}

fn current(account: &Account) -> KeyRow {
    let id = account.snapshot().unwrap().current_key().unwrap().unwrap().id;
    account.snapshot().unwrap().key(&id).unwrap().unwrap()
}

/// A key that the one before it has signed.
fn rotate(account: &Account) -> KeyId {
    let former = PrivateKeys::parse(Holder::User, &current(account).private.unwrap()).unwrap();
    let next = PrivateKeys::generate(Holder::User, &mut SystemRandom).unwrap();
    let public = next.decryption.public();
    let request = SigningRequest::create(&next.signing, &public, &[], Some(&former.signing)).unwrap();
    let id = KeyId(request.key_id().0);
    let private = Some(next.object().to_vec());
    let new = NewKey { id, request: request.object(), private, expires_at: None };
    account.add_key(&new).unwrap().wait().unwrap();
    id
}

fn append(organisation: &Organisation, account: &Account, peer: Option<&str>, meta: &[u8]) {
    let signet = UserSignet::parse(&current(account).signet).unwrap();
    let mail = b"Subject: hello\r\n\r\nx\r\n";
    let naked =
        organisation.wrap(mail, *signet.encryption(), Magic::NakedMessage, &mut SystemRandom).unwrap();
    let mut stage = account.stage_prime();
    stage.write(&naked).unwrap();
    let new = NewPrimeMessage {
        prime: stage.finish().unwrap(),
        key: None,
        peer: peer.map(Into::into),
        flags: Flags::default(),
        received_at: Timestamp(1_000),
        received_zone: ZoneOffset(0),
        meta: Some(meta.into()),
    };
    account.append_prime(INBOX, new).wait().unwrap();
}

type Known = (Option<KeyId>, Option<Box<str>>, Option<Vec<u8>>);

fn known(account: &Account) -> Vec<Known> {
    let snapshot = account.snapshot().unwrap();
    let of = |uid: u32| {
        let uid = Uid::new(uid).unwrap();
        let email = snapshot.message(INBOX, uid, |row| row.email).unwrap().unwrap();
        let facts = snapshot.dmap_facts(email).unwrap().unwrap();
        (facts.key_id, facts.peer, snapshot.meta(INBOX, uid).unwrap())
    };
    (1..=3).map(of).collect()
}

// spec: DMAP-00 §7.4; DMAP-00 §7.6.5
#[test]
fn messages_open_by_the_keys_that_they_opened_by() {
    let organisation = organisation();
    let (_, before) = alice(&organisation);
    before.prepare_dmap().unwrap().unwrap().wait().unwrap();
    append(&organisation, &before, Some("example.net"), b"one");
    let second = rotate(&before);
    append(&organisation, &before, None, b"two");
    let mut stage = before.stage();
    stage.write(b"Subject: clear\r\n\r\nx\r\n").unwrap();
    let mail = koi_mailbox::NewMessage {
        message: Arc::new(stage.finish().unwrap()),
        flags: Flags::default(),
        received_at: Timestamp(1_000),
        received_zone: ZoneOffset(0),
    };
    before.append_with_meta(INBOX, mail, Some(b"three".as_slice().into())).wait().unwrap();
    before.set_mailbox_meta(INBOX, Some(b"name".as_slice().into())).wait().unwrap();
    // The third is only in the history in the end.
    let third = rotate(&before);
    let fourth = rotate(&before);
    before.forget_key(third).wait().unwrap();
    let all = known(&before);
    assert_ne!(all[0].0, Some(second));
    assert_eq!(all[1].0, Some(second));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alice");
    export(&before, &path, &mut |_| ()).unwrap();
    let (service, after) = alice(&organisation);
    let target = Target { service: &service, account: after.clone() };
    let moved = import(&target, Format::Maildir, &path, None, &mut |_| ()).unwrap();
    assert_eq!((moved.messages, moved.left_out.lines().as_slice()), (3, [].as_slice()));
    // Ordinary mail is shown by the key that is current.
    assert_eq!(all[2].0, Some(fourth));
    assert_eq!(known(&after), all);
    let history = |account: &Account| {
        let former = account.snapshot().unwrap().key_history().unwrap().into_iter();
        former.map(|former| (former.key.id, former.is_deleted)).collect::<Vec<_>>()
    };
    assert_eq!(history(&after), history(&before));
    assert_eq!(history(&after)[1], (third, true));
    assert_eq!(after.snapshot().unwrap().mailbox_meta(INBOX).unwrap().as_deref(), Some(b"name".as_slice()));
}
