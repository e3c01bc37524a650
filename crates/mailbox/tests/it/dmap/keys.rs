//! Key ring, realms, signet ring, STACIE.

use std::sync::Arc;

use koi_dime::key::Holder;
use koi_dime::signet::Form;
use koi_dime::stacie::{Inputs, Nonce, Password, RealmForm, RealmKey, RealmLabel, Salt, Shard, Username};
use koi_dime::{Fingerprint, Secret, UserSignet};
use koi_mailbox::dmap::{KeyStatus, NewKey, NewRealm, NewSignet, RealmShard, StaciePasswd};
use koi_mailbox::{PasswordRecord, StacieRecord};
use koi_store::kv::Kv;
use koi_store::mail::{AccountTxn, Quota};
use koi_store::record::dmap::RingRecord;
use koi_types::{Address, Cause, ErrorKind, KeyId, Mode};

use super::rig::{
    DOMAIN, Meanwhile, address_of, append, authored, cause, dmap_rig, encrypted, now, options, private,
    request, signet, trustful, user,
};
use crate::rig::{Rig, change};

// spec: DMAP-00 §7.4.2; DMAP-00 §7.4.1
#[test]
fn a_key_is_signed_by_the_organisation_and_shown_again() {
    let rig = dmap_rig();
    let account = trustful(&rig, "alice");
    let keys = private(Holder::User, 5);
    let request = request(&keys, None);
    let id = KeyId(request.key_id().0);
    let new = NewKey { id, request: request.object(), private: Some(encrypted(&keys)), expires_at: None };
    account.add_key(&new).unwrap().wait().unwrap();
    let snapshot = account.snapshot().unwrap();
    let row = snapshot.key(&id).unwrap().unwrap();
    assert_eq!(
        (row.status, row.request, row.private),
        (KeyStatus::Current, request.object(), new.private.clone())
    );
    let signet = UserSignet::parse(&row.signet).unwrap();
    assert_eq!(signet.identifier(), Some("alice@example.org"));
    let organisation = rig.service.organisation(DOMAIN).unwrap();
    signet.verify(organisation.signet()).unwrap();
    let local = rig.service.local_signets("ALICE@example.org").unwrap().unwrap();
    assert_eq!(local.users, [signet]);
    assert!(rig.service.local_signets("example.org").unwrap().unwrap().users.is_empty());
    assert_eq!(rig.service.local_signets("bob@elsewhere.example").unwrap(), None);
    let error = account.add_key(&new).err().unwrap();
    assert_eq!(error.kind, ErrorKind::AlreadyExists, "the very same");
    let other = private(Holder::User, 6);
    let stranger = super::rig::request(&other, None);
    let id = KeyId(stranger.key_id().0);
    let unfollowing = NewKey { id, request: stranger.object(), private: None, expires_at: None };
    let error = account.add_key(&unfollowing).err().unwrap();
    assert_eq!(cause(&error), Some(Cause::BadRequest), "it does not follow the current one");
    assert_eq!(snapshot.keys().unwrap().len(), 1);
    assert_eq!(snapshot.keys().unwrap()[0].private, None, "a list has no private halves");
}

// spec: DMAP-00 §7.4.2
#[test]
fn keys_that_are_not_what_they_say_are_refused() {
    let rig = dmap_rig();
    let account = trustful(&rig, "alice");
    let (keys, other) = (private(Holder::User, 5), private(Holder::User, 6));
    let good = request(&keys, None);
    let id = KeyId(good.key_id().0);
    let refused = |request: Vec<u8>, half: Option<Vec<u8>>, id| {
        let new = NewKey { id, request, private: half, expires_at: None };
        cause(&account.add_key(&new).err().unwrap())
    };
    let mut broken = good.object();
    broken[20] ^= 1;
    assert_eq!(refused(broken, None, id), Some(Cause::BadRequest));
    assert_eq!(refused(good.object(), None, KeyId([0; 64])), Some(Cause::KeyMismatch));
    assert_eq!(refused(good.object(), Some(vec![1, 2]), id), Some(Cause::KeyPolicy));
    assert_eq!(refused(good.object(), Some(other.object().to_vec()), id), Some(Cause::KeyMismatch));
}

// spec: DMAP-00 §7.4.3
#[test]
fn a_key_goes_when_it_is_past_its_time_and_nobody_needs_it() {
    let rig = dmap_rig();
    let alice = user(&rig, "alice", Mode::Cautious, 10);
    let account = &alice.account;
    append(account, koi_mailbox::INBOX, &authored(&rig, &alice, account, 1), &[]);
    let delete = |id| account.delete_key(id).wait().map_err(|error| error.kind);
    assert_eq!(delete(alice.key_id), Err(ErrorKind::InUse), "current");
    let next = private(Holder::User, 11);
    let follows = request(&next, Some(&alice.keys.signing));
    let id = KeyId(follows.key_id().0);
    let expires_at = Some(now(&rig).plus_secs(10));
    let new = NewKey { id, request: follows.object(), private: Some(encrypted(&next)), expires_at };
    account.add_key(&new).unwrap().wait().unwrap();
    let snapshot = account.snapshot().unwrap();
    let states: Vec<KeyStatus> = snapshot.keys().unwrap().iter().map(|key| key.status).collect();
    assert_eq!(states, [KeyStatus::Current, KeyStatus::Previous]);
    assert_eq!(snapshot.key_messages(&alice.key_id).unwrap(), 1);
    assert_eq!(delete(alice.key_id), Err(ErrorKind::InUse), "without an end");
    assert_eq!(delete(KeyId([1; 64])), Err(ErrorKind::NotFound));
    rig.env.advance_secs(11);
    assert_eq!(account.snapshot().unwrap().key(&id).unwrap().unwrap().status, KeyStatus::Expired);
    // The third makes the second a previous one, which nothing needs.
    let third = private(Holder::User, 12);
    let follows = request(&third, Some(&next.signing));
    let third_id = KeyId(follows.key_id().0);
    let new = NewKey { id: third_id, request: follows.object(), private: None, expires_at: None };
    account.add_key(&new).unwrap().wait().unwrap();
    assert_eq!(delete(id), Ok(()));
    assert_eq!(account.snapshot().unwrap().key(&id).unwrap(), None);
    let snapshot = account.snapshot().unwrap();
    assert_eq!(snapshot.keys().unwrap().len(), 2);
    // What was public of it stays, for who follows the chain of custody.
    let history = snapshot.key_history().unwrap();
    let deleted: Vec<bool> = history.iter().map(|former| former.is_deleted).collect();
    assert_eq!(deleted, [false, true, false]);
    assert_eq!((history[1].key.id, &history[1].key.private), (id, &None));
    let signets = rig.service.local_signets("alice@example.org").unwrap().unwrap().users;
    assert_eq!(signets.len(), 3);
    assert!(signets.windows(2).all(|two| two[0].follows(two[1].signing()).is_ok()));
    assert_eq!(delete(id), Err(ErrorKind::NotFound), "it is gone");
}

#[test]
fn the_history_keeps_the_newest_of_the_keys_that_were_deleted() {
    let rig = dmap_rig();
    let alice = user(&rig, "alice", Mode::Cautious, 10);
    let (mut before, mut ids) = (alice.keys, vec![alice.key_id]);
    for n in 0..koi_types::limits::DMAP_DELETED_KEYS_MAX as u64 + 2 {
        let next = private(Holder::User, 100 + n);
        let follows = request(&next, Some(&before.signing));
        let id = KeyId(follows.key_id().0);
        let new = NewKey { id, request: follows.object(), private: None, expires_at: None };
        alice.account.add_key(&new).unwrap().wait().unwrap();
        alice.account.forget_key(*ids.last().unwrap()).wait().unwrap();
        (before, _) = (next, ids.push(id));
    }
    let current = ids.pop().unwrap();
    assert_eq!(alice.account.forget_key(current).wait().unwrap_err().kind, ErrorKind::InUse);
    let history = alice.account.snapshot().unwrap().key_history().unwrap();
    let left: Vec<KeyId> = history.iter().skip(1).map(|former| former.key.id).collect();
    ids.reverse();
    assert_eq!(left, ids[..koi_types::limits::DMAP_DELETED_KEYS_MAX]);
}

// spec: DMAP-00 §7.4.1
#[test]
fn the_messages_of_a_key_are_counted_as_they_come_and_go() {
    let rig = dmap_rig();
    let alice = user(&rig, "alice", Mode::Cautious, 10);
    let account = &alice.account;
    let key = koi_store::key::dmap_key_emails(account.id(), &alice.key_id);
    let messages = || account.snapshot().unwrap().key_messages(&alice.key_id).unwrap();
    let put = |value: Option<Vec<u8>>| {
        let change = move |txn: &mut dyn koi_store::kv::Txn| match &value {
            Some(value) => txn.put(&key, value),
            None => txn.delete(&key),
        };
        koi_store::kv::transact_and_wait(&*rig.kv, change).unwrap();
    };
    let first = append(account, koi_mailbox::INBOX, &authored(&rig, &alice, account, 1), &[]);
    append(account, koi_mailbox::INBOX, &authored(&rig, &alice, account, 2), &[]);
    assert_eq!(messages(), 2);
    // One message in two mailboxes is one.
    let archive = account.snapshot().unwrap().with_role(koi_types::Role::Archive).unwrap();
    let uids = [first].into_iter().collect();
    account.copy(koi_mailbox::INBOX, &uids, archive).wait().unwrap();
    let deleted = || change(koi_mailbox::FlagOp::Add, &["\\Deleted"]);
    account.set_flags(koi_mailbox::INBOX, &uids, deleted(), None).wait().unwrap();
    account.expunge(koi_mailbox::INBOX, None).wait().unwrap();
    let gone = || {
        rig.env.advance_secs(100_000);
        rig.housekeep();
        messages()
    };
    assert_eq!(gone(), 2);
    account.set_flags(archive, &uids, deleted(), None).wait().unwrap();
    account.expunge(archive, None).wait().unwrap();
    assert_eq!(gone(), 1);
    // As an older version left it.
    put(None);
    assert_eq!(messages(), 1);
    rig.check();
    put(Some(koi_store::record::dmap::encode_key_emails(7)));
    let findings = rig.service.check().unwrap();
    assert_eq!(findings.len(), 1);
    assert_eq!(rig.service.repair(&findings).unwrap(), 1);
    assert_eq!(messages(), 1);
}

#[test]
fn realms_are_named_once() {
    let rig = dmap_rig();
    let account = trustful(&rig, "alice");
    let shard = |octet: u8| Shard(Secret::new(&[octet; 64]));
    let new = |serial, octet| NewRealm { label: RealmLabel::mail(), serial, shard: shard(octet) };
    account.add_realm(&new(0, 1)).wait().unwrap();
    account.add_realm(&new(1, 2)).wait().unwrap();
    assert_eq!(account.add_realm(&new(0, 3)).wait().unwrap_err().kind, ErrorKind::AlreadyExists);
    let row = realms_of(&account, &RealmLabel::mail()).pop().unwrap();
    assert_eq!((row.serial, row.form, row.shard), (1, RealmForm::Salt, shard(2)));
    assert_eq!(realms_of(&account, &RealmLabel::meta()), []);
}

// spec: DMAP-00 §7.5
#[test]
fn the_ring_keeps_signets_that_follow() {
    let rig = dmap_rig();
    let (account, bob) = (trustful(&rig, "alice"), user(&rig, "bob", Mode::Cautious, 20));
    let first = signet(&bob.account);
    let add = |address: &str, object: Vec<u8>, is_verified| {
        let new = NewSignet { address: address.into(), object, meta: None, is_verified };
        account.add_signet(&new).and_then(|pending| pending.wait())
    };
    add("Bob@Example.org", first.object(), false).unwrap();
    assert_eq!(add("bob@example.org", first.object(), false).unwrap_err().kind, ErrorKind::AlreadyExists);
    let error = add("carol@example.org", first.object(), false).unwrap_err();
    assert_eq!(cause(&error), Some(Cause::SignetInvalid), "of another address");
    let stranger = user(&rig, "bobby", Mode::Cautious, 21);
    let other = signet(&stranger.account).cut(Form::Core).unwrap().object();
    let error = add("bob@example.org", other.clone(), false).unwrap_err();
    assert_eq!(cause(&error), Some(Cause::SignetInvalid), "does not follow");
    rig.env.advance_secs(1);
    add("bob@example.org", other, true).unwrap();
    let organisation = rig.service.organisation(DOMAIN).unwrap();
    add(DOMAIN, organisation.signet().object(), false).unwrap();
    let snapshot = account.snapshot().unwrap();
    let names: Vec<Box<str>> = snapshot.signets().unwrap().into_iter().map(|name| name.address).collect();
    assert_eq!(
        names.iter().map(|name| &**name).collect::<Vec<_>>(),
        ["bob@example.org", "bob@example.org", DOMAIN]
    );
    let newest = snapshot.signet("bob@example.org", None).unwrap().unwrap();
    assert_ne!(newest.fingerprint, first.core_fingerprint());
    let wanted = first.core_fingerprint();
    let found = snapshot.signet("BOB@example.org", Some(&wanted)).unwrap().unwrap();
    assert_eq!(found.object, first.object());
    assert_eq!(account.delete_signet("bob@example.org", Some(Fingerprint([0; 64]))).wait().unwrap(), 0);
    assert_eq!(account.delete_signet("bob@example.org", None).wait().unwrap(), 2);
}

// spec: DMAP-00 §7.5
#[test]
fn of_two_who_bring_a_first_signet_one_is_believed() {
    let kv = Meanwhile::new();
    let rig = Rig::on(Arc::clone(&kv) as Arc<dyn Kv>, options());
    let account = trustful(&rig, "alice");
    let signet_of = |local, seed| signet(&user(&rig, local, Mode::Cautious, seed).account);
    let (bob, other) = (signet_of("bob", 20), signet_of("bobby", 21).cut(Form::Core).unwrap());
    let add = |signet: &UserSignet, is_verified| {
        let address = "bob@example.org".into();
        let new = NewSignet { address, object: signet.object(), meta: None, is_verified };
        account.add_signet(&new).and_then(|pending| pending.wait())
    };
    let (id, at) = (account.id(), now(&rig));
    let meanwhile = |signet: &UserSignet| {
        let (fingerprint, object) = (signet.core_fingerprint().0, signet.object().into());
        let record = RingRecord { fetched_at: at, object, meta: Box::default() };
        kv.meanwhile(move |txn| {
            let mut own = AccountTxn::open(txn, id, Quota::UNLIMITED, at)?;
            own.add_signet("bob@example.org", &fingerprint, &record)?;
            own.finish().map(drop)
        });
    };
    meanwhile(&other);
    assert_eq!(cause(&add(&bob, false).unwrap_err()), Some(Cause::SignetInvalid), "does not follow");
    add(&bob, true).unwrap();
    account.delete_signet("bob@example.org", None).wait().unwrap();
    meanwhile(&bob);
    assert_eq!(add(&bob, false).unwrap_err().kind, ErrorKind::AlreadyExists);
}

fn verifier(
    username: &str,
    password: &str,
    salt: [u8; 128],
    bonus: u32,
) -> (StacieRecord, koi_dime::stacie::Derived) {
    let password = Password::new(password.as_bytes()).unwrap();
    let derived = Inputs { username, password: &password, salt: &Salt(salt), bonus }.derive();
    let token = *derived.verification_token.0.expose();
    (StacieRecord { bonus, salt, token, serial: 1 }, derived)
}

const PASSWORD: &str = "correct horse battery staple";

// spec: DMAP-00 §7.2.1
#[test]
fn who_knows_the_password_logs_in_and_nobody_is_like_others() {
    let rig = dmap_rig();
    let account = rig.account("alice");
    let username = Username::new("alice@example.org").unwrap();
    let (stacie, derived) = verifier(username.as_str(), PASSWORD, [3; 128], 0);
    let password = PasswordRecord { stacie: Some(stacie), ..PasswordRecord::from("v") };
    rig.service.directory().set_password(account.id(), &password).unwrap();
    let login = rig.service.stacie(&Address::parse("Alice+x@Example.ORG").unwrap()).unwrap();
    let nonce = Nonce([7; 128]);
    let challenge = login.challenge(nonce);
    assert_eq!((challenge.salt, challenge.username.as_deref()), (Salt([3; 128]), Some("alice@example.org")));
    let token = derived.verification_token.login_token(username.as_str(), &challenge.salt, &nonce);
    let proven = login.check(&token, &nonce).unwrap();
    assert_eq!((proven.account, proven.mode, proven.serial), (account.id(), Mode::Trustful, 1));
    assert_eq!(login.check(&token, &Nonce([8; 128])), None, "of another nonce");
    let nobody = |name: &str| rig.service.stacie(&address_of(name)).unwrap();
    let asked = nobody("nobody").challenge(nonce);
    assert_eq!(asked, nobody("nobody").challenge(nonce), "the same each time");
    assert_ne!(asked.salt, nobody("somebody").challenge(nonce).salt);
    assert_eq!(nobody("nobody").check(&token, &nonce), None);
    let zeros = koi_dime::stacie::VerificationToken(Secret::new(&[0; 64]));
    let guessed = zeros.login_token("nobody@example.org", &asked.salt, &nonce);
    assert_eq!(nobody("nobody").check(&guessed, &nonce), None, "nobody logs in as nobody");
    rig.service.directory().set_disabled(account.id(), true).unwrap();
    let closed = rig.service.stacie(&address_of("alice")).unwrap();
    assert_eq!(closed.check(&token, &nonce), None);
    assert_ne!(closed.challenge(nonce).salt, Salt([3; 128]));
}

#[test]
fn a_new_password_keeps_the_realm_keys() {
    let rig = dmap_rig();
    let account = rig.account("alice");
    let username = "alice@example.org";
    let (stacie, old) = verifier(username, PASSWORD, [3; 128], 0);
    let password = PasswordRecord { stacie: Some(stacie), ..PasswordRecord::from("v") };
    rig.service.directory().set_password(account.id(), &password).unwrap();
    let label = RealmLabel::mail();
    let shard = Shard(Secret::new(&[4; 64]));
    account.add_realm(&NewRealm { label: label.clone(), serial: 0, shard: shard.clone() }).wait().unwrap();
    let key = RealmKey::derive(&old.master_key, &label, &Salt([3; 128]), &shard, RealmForm::Salt);

    let (next, new) = verifier(username, "an even longer password than before", [5; 128], 0);
    let new_shard = key.shard_for(&new.master_key, &label, &Salt([5; 128]));
    let change = StaciePasswd {
        password_key: old.password_key.clone(),
        bonus: 0,
        salt: Salt(next.salt),
        token: new.verification_token.clone(),
        shards: vec![RealmShard { label: label.clone(), serial: None, shard: new_shard }],
    };
    let without = StaciePasswd { shards: Vec::new(), ..change.clone() };
    assert_eq!(cause(&account.stacie_passwd(&without).wait().unwrap_err()), Some(Cause::KeyPolicy));
    let wrong = StaciePasswd { password_key: new.password_key.clone(), ..change.clone() };
    let error = account.stacie_passwd(&wrong).wait().unwrap_err();
    assert_eq!(error.kind, ErrorKind::AuthenticationFailed);
    account.stacie_passwd(&change).wait().unwrap();
    let error = account.stacie_passwd(&change).wait().unwrap_err();
    assert_eq!(error.kind, ErrorKind::AuthenticationFailed, "the old password is none any more");

    let row = realms_of(&account, &label).pop().unwrap();
    assert_eq!(RealmKey::derive(&new.master_key, &label, &Salt([5; 128]), &row.shard, row.form), key);
    let found = rig.service.directory().verifier(&address_of("alice")).unwrap().unwrap();
    assert_eq!(&*found.password.verifier, "", "what was stored of the old password is gone");
    let login = rig.service.stacie(&address_of("alice")).unwrap();
    let nonce = Nonce([7; 128]);
    let token = new.verification_token.login_token(username, &Salt([5; 128]), &nonce);
    assert_eq!(login.check(&token, &nonce).unwrap().serial, 2);
}

/// The shards of a realm, the newest last.
fn realms_of(account: &koi_mailbox::Account, label: &RealmLabel) -> Vec<koi_mailbox::dmap::RealmRow> {
    let mut all = account.snapshot().unwrap().realms().unwrap();
    all.retain(|realm| realm.label == *label);
    all
}
