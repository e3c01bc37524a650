//! What a cached proof, a throttle and the pool of password threads promise.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use koi_sessions::{Credentials, ScramName, Secret};
use koi_types::Access;

use koi_proto::sasl::scram::client::Binding;
use koi_proto::sasl::scram::{ClientFirst, Salt, ScramClient, keys};

use super::*;

const SECRET: [u8; 32] = [5; 32];

pub(super) fn config() -> AuthConfig {
    let text = "[server]\nhostname='h'\ndomains=['d']\n[listen]\nlmtp=['[::1]:24']\n[auth]\n\
                argon2_memory_kib=8192\nargon2_passes=1\nfailures_free=3\nfailure_wait_secs_max=0\n";
    let raw = crate::config::raw::parse(std::path::Path::new("koi.toml"), text).unwrap();
    crate::config::resolve::resolve(&raw).unwrap().auth
}

struct Table(Arc<RwLock<HashMap<Address, Entry>>>);

impl Directory for Table {
    fn entry(&self, address: &Address) -> Result<Option<Entry>> {
        let table = self.0.read();
        Ok(table.get(address).cloned())
    }
    fn address(&self, account: AccountId) -> Result<Option<Address>> {
        let table = self.0.read();
        Ok(table.iter().find(|(_, entry)| entry.account == account).map(|(address, _)| address.clone()))
    }
}

struct Rig {
    passwords: Passwords,
    table: Arc<RwLock<HashMap<Address, Entry>>>,
    metrics: Arc<Metrics>,
}

/// A SCRAM exchange before the proof is checked.
struct Half {
    begun: Begun,
    client: ScramClient,
    proof: koi_proto::sasl::scram::Proof,
}

impl Rig {
    fn new() -> Self {
        let table: Arc<RwLock<HashMap<Address, Entry>>> = Arc::default();
        let metrics: Arc<Metrics> = Arc::default();
        let directory = Box::new(Table(Arc::clone(&table)));
        let passwords =
            Passwords::new(directory, "example.org", SECRET, &config(), Arc::clone(&metrics)).unwrap();
        let rig = Self { passwords, table, metrics };
        rig.set("right");
        rig
    }
    fn set(&self, password: &str) {
        let cost = Cost { memory_kib: 64, passes: 1 };
        let verifier = verifier::make(cost, password.as_bytes(), &mut Vec::new()).unwrap();
        let address = Address::parse("alice@example.org").unwrap();
        let salt = keys::salt_of(&SECRET, "alice@example.org");
        let scram = Some(ScramVerifier::make(password, salt, config().scram_iterations));
        let app_passwords =
            self.table.read().get(&address).map_or_else(Vec::new, |e| e.app_passwords.clone());
        let account = AccountId(7);
        let entry = Entry { account, address: address.clone(), verifier, scram, app_passwords, stacie: None };
        self.table.write().insert(address, entry);
    }
    async fn login(&self, authcid: &str, authzid: Option<&str>, password: &str, peer: u8) -> Result<Proven> {
        let credentials = Credentials {
            access: Access::Imap,
            authcid: authcid.into(),
            authzid: authzid.map(Into::into),
            password: Secret::new(password.as_bytes().to_vec()),
        };
        self.passwords.check(&credentials, IpAddr::from([10, 0, 0, peer])).await
    }
    /// Another account with the same password.
    fn add(&self, name: &str, account: u32) {
        let alice = self.table.read().values().next().cloned().unwrap();
        let address = Address::new(name, "example.org").unwrap();
        let entry = Entry { account: AccountId(account), address: address.clone(), ..alice };
        self.table.write().insert(address, entry);
    }
    /// A whole SCRAM exchange.
    async fn scram(&self, name: &str, authzid: Option<&str>, password: &str, peer: u8) -> Result<Signed> {
        self.prove(self.half(name, authzid, password), peer).await
    }
    /// Up to the proof: the part in which the client computes for long.
    fn half(&self, name: &str, authzid: Option<&str>, password: &str) -> Half {
        let authzid = authzid.map(Into::into);
        let asked = ScramName { access: Access::Imap, authcid: name.into(), authzid };
        let begun = self.passwords.scram_begin(&asked).unwrap();
        let mut client = ScramClient::new(name, "client", Binding::None);
        let first = ClientFirst::parse(&client.first(), false, None).unwrap();
        let challenged = first.challenge(&begun.salt);
        let last = client.proof(challenged.message(), password).unwrap();
        let proof = challenged.proof(&last).unwrap();
        Half { begun, client, proof }
    }
    async fn prove(&self, half: Half, peer: u8) -> Result<Signed> {
        let Half { begun, client, proof } = half;
        let signed = self.passwords.scram_prove(begun, &proof, IpAddr::from([10, 0, 0, peer])).await?;
        let signature = koi_proto::sasl::base64_encode(&signed.signature);
        client.check(format!("v={signature}").as_bytes()).unwrap();
        Ok(signed)
    }
    fn salt(&self, name: &str) -> Salt {
        let asked = ScramName { access: Access::Imap, authcid: name.into(), authzid: None };
        self.passwords.scram_begin(&asked).unwrap().salt
    }
    fn hits(&self) -> u64 {
        self.metrics.login_proofs_hit.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn the_second_login_costs_no_argon2_until_the_password_changes() {
    let rig = Rig::new();
    for (name, hits) in
        [("alice@example.org", 0), ("ALICE@Example.org", 1), ("alice+x@example.org", 2), ("alice", 3)]
    {
        let login = rig.login(name, None, "right", 1).await.unwrap().login;
        assert_eq!(login.address.to_string(), "alice@example.org");
        assert_eq!(rig.hits(), hits, "{name}");
    }
    let before = rig.login("alice", None, "right", 1).await.unwrap();
    rig.set("other");
    assert!(rig.login("alice", None, "right", 1).await.is_err());
    assert!(rig.passwords.still_holds(&before).is_err());
    assert!(rig.login("alice", None, "other", 1).await.is_ok());
}

#[tokio::test]
async fn every_wrong_login_gets_the_same_answer() {
    let rig = Rig::new();
    let wrong = rig.login("alice", None, "wrong", 1).await.unwrap_err();
    let unknown = rig.login("nobody@example.net", None, "right", 2).await.unwrap_err();
    let nonsense = rig.login("\0@", None, "right", 3).await.unwrap_err();
    let as_other = rig.login("alice", Some("bob"), "wrong", 4).await.unwrap_err();
    for error in [unknown, nonsense, as_other] {
        assert_eq!(error.to_string(), wrong.to_string());
        assert_eq!(error.kind, wrong.kind);
    }
    assert!(rig.login("alice", Some("alice@example.org"), "right", 1).await.is_ok(), "as oneself is allowed");
}

/// Who knows the password is told that it is right, and what is wrong then.
// spec: RFC 5530 §3; RFC 4616 §2
#[tokio::test]
async fn acting_as_somebody_else_is_refused_by_its_own_name() {
    let rig = Rig::new();
    for _ in 0..2 {
        let error = rig.login("alice", Some("bob"), "right", 4).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::NoPermission);
        // Nothing of it is remembered as a proof.
        assert_eq!(rig.hits(), 0);
    }
    let known = rig.login("alice", None, "right", 4).await.unwrap();
    assert_eq!(known.login.address.to_string(), "alice@example.org");
    assert_eq!(rig.login("alice", Some("bob"), "right", 4).await.unwrap_err().kind, ErrorKind::NoPermission);
    assert_eq!(rig.hits(), 0);
}

/// Names that somebody has and names nobody has cost the same work, in the same order.
#[tokio::test]
async fn every_name_costs_the_same_work() {
    let app = app::generate();
    let passwords = ["wrong", "r\u{ef}ght", app.as_str(), ""];
    let names =
        ["alice", "alice@example.org", "nobody@example.org", "nobody@example.net", "not an @ address@"];
    for (typed, password) in (0u8..).zip(passwords) {
        // A new one each time: nobody is slowed yet.
        let (rig, mut costs) = (Rig::new(), Vec::new());
        for (from, name) in (0u8..).zip(names) {
            tally::take();
            rig.login(name, None, password, 10 * typed + from).await.unwrap_err();
            costs.push(tally::take());
        }
        assert_eq!(costs[0][..3], ["directory", "app password", "proof"]);
        assert!(costs[0][3..].iter().all(|work| work == "Argon2id") && costs[0].len() >= 4, "{costs:?}");
        assert!(costs.iter().all(|cost| *cost == costs[0]), "{password}: {costs:?}");
    }
    let rig = Rig::new();
    for name in names {
        tally::take();
        rig.salt(name);
        assert_eq!(tally::take(), ["directory"], "{name}");
    }
}

#[tokio::test]
async fn guessing_is_refused_but_a_cached_proof_is_not() {
    let rig = Rig::new();
    rig.login("alice", None, "right", 1).await.unwrap();
    for _ in 0..4 {
        let error = rig.login("alice", None, "guess", 9).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::AuthenticationFailed);
    }
    assert_eq!(rig.login("alice", None, "guess", 9).await.unwrap_err().kind, ErrorKind::LimitReached);
    assert_eq!(rig.login("alice", None, "guess", 8).await.unwrap_err().kind, ErrorKind::LimitReached);
    assert!(rig.login("alice", None, "right", 1).await.is_ok());
}

/// Every guess is slowed, also of what is cached: else the cache would be the place to guess at.
#[tokio::test]
async fn a_stranger_with_the_right_password_waits_like_any_other() {
    let rig = Rig::new();
    rig.login("alice", None, "right", 1).await.unwrap();
    for _ in 0..4 {
        rig.login("alice", None, "guess", 9).await.unwrap_err();
    }
    assert_eq!(rig.login("alice", None, "right", 9).await.unwrap_err().kind, ErrorKind::LimitReached);
    assert!(rig.login("alice", None, "right", 1).await.is_ok());
}

/// RFC 5802 §5, RFC 7677 §3
#[tokio::test]
async fn scram_logs_in_until_the_password_changes() {
    let rig = Rig::new();
    let signed = rig.scram("ALICE", Some("alice@example.org"), "right", 1).await.unwrap();
    assert_eq!(signed.proven.login.address.to_string(), "alice@example.org");
    assert!(rig.passwords.still_holds(&signed.proven).is_ok());
    rig.set("other");
    assert!(rig.passwords.still_holds(&signed.proven).is_err());
    assert!(rig.scram("alice", None, "right", 1).await.is_err());
    assert!(rig.scram("alice", None, "other", 1).await.is_ok());
}

/// RFC 5802 §9: the exchange has the same shape for a name nobody has, and the same end.
#[tokio::test]
async fn scram_does_not_tell_who_has_an_account() {
    let rig = Rig::new();
    let alice = rig.table.read().values().next().cloned().unwrap();
    let address = Address::parse("old@example.org").unwrap();
    let old = Entry { address: address.clone(), scram: None, ..alice };
    rig.table.write().insert(address, old);
    let known = rig.salt("alice");
    for name in ["nobody", "old", "not an address", "\u{1}"] {
        let unknown = rig.salt(name);
        assert_eq!((unknown.salt.len(), unknown.iterations), (known.salt.len(), known.iterations), "{name}");
        assert_eq!(unknown.nonce.len(), known.nonce.len());
        assert_ne!(unknown.nonce, known.nonce);
        assert_ne!(unknown.salt, known.salt);
        assert_eq!(unknown.salt, rig.salt(name).salt, "{name}: it does not change");
    }
    rig.set("other");
    assert_eq!(rig.salt("alice").salt, known.salt, "neither does that of an account");
    assert_eq!(rig.salt("Alice+x@EXAMPLE.org").salt, known.salt);
    let wrong = rig.scram("alice", None, "wrong", 1).await.err().unwrap();
    for (name, authzid) in [("nobody", None), ("old", None), ("alice", Some("bob"))] {
        let error = rig.scram(name, authzid, "other", 2).await.err().unwrap();
        assert_eq!((error.kind, error.to_string()), (wrong.kind, wrong.to_string()), "{name}");
    }
}

#[tokio::test]
async fn guessing_by_scram_is_slowed_and_locks_out_nobody() {
    let rig = Rig::new();
    rig.scram("alice", None, "right", 1).await.unwrap();
    let half = |password: &str| rig.half("alice", None, password);
    let (guesses, late) = ([half("guess"), half("guess"), half("guess"), half("guess")], half("guess"));
    let (others, right, mine) = (half("guess"), half("right"), half("right"));
    for guess in guesses {
        let error = rig.prove(guess, 9).await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::AuthenticationFailed);
    }
    for (peer, half) in [(9, late), (8, others), (8, right)] {
        let error = rig.prove(half, peer).await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::LimitReached, "{peer}");
    }
    assert_eq!(rig.login("alice", None, "right", 8).await.unwrap_err().kind, ErrorKind::LimitReached);
    assert!(rig.prove(mine, 1).await.is_ok());
}

/// RFC 4616 §2: the password is prepared, whatever keyboard it was typed on.
#[tokio::test]
async fn passwords_are_prepared() {
    let rig = Rig::new();
    rig.set(&verifier::prepare("u\u{308}ber\u{a0}x").unwrap());
    for typed in ["über x", "u\u{308}ber\u{a0}x"] {
        assert!(rig.login("alice", None, typed, 1).await.is_ok(), "{typed}");
        assert!(rig.scram("alice", None, typed, 1).await.is_ok(), "{typed}");
    }
    assert!(verifier::prepare("a\u{7}").is_err());
    assert!(verifier::prepare("").is_err());
}

/// One for each client: for its scopes, at once, until it is removed; never by SCRAM.
#[tokio::test]
async fn app_passwords() {
    let rig = Rig::new();
    let (made, other) = (app::generate(), app::generate());
    let give = |number, password: &str, access| {
        let hash = app::hash(AccountId(7), password.as_bytes()).unwrap();
        let (created_at, used_at) = (koi_types::Timestamp(0), None);
        let access = AccessSet::NONE.with(access);
        let record = koi_mailbox::AppPasswordRecord { name: "n".into(), access, hash, created_at, used_at };
        for entry in rig.table.write().values_mut() {
            entry.app_passwords.push(AppPassword { number, record: record.clone() });
        }
    };
    give(1, &made, Access::Imap);
    give(2, &other, Access::Submission);
    let proven = rig.login("alice", None, &made.to_uppercase(), 1).await.unwrap();
    assert_eq!(proven.app_password(), Some(1));
    assert!(proven.login.access.allows(Access::Imap) && !proven.login.access.allows(Access::Submission));
    let wrong = rig.login("alice", None, "wrong", 2).await.unwrap_err();
    let unfit = rig.login("alice", None, &other, 3).await.unwrap_err();
    let as_other = rig.login("alice", Some("bob"), &made, 4).await.unwrap_err();
    let by_scram = rig.scram("alice", None, &made, 5).await.err().unwrap();
    for error in [unfit, as_other, by_scram] {
        assert_eq!((error.kind, error.to_string()), (wrong.kind, wrong.to_string()));
    }
    let uses = rig.passwords.take_uses();
    assert_eq!(uses.iter().map(|u| u.number).collect::<Vec<_>>(), [1]);
    assert!(rig.passwords.take_uses().is_empty());
    // Others guess; this client is not slowed.
    for _ in 0..8 {
        let _ = rig.login("alice", None, "guess", 9).await;
    }
    assert!(rig.login("alice", None, &made, 1).await.is_ok());
    rig.table.write().values_mut().for_each(|e| e.app_passwords.clear());
    assert!(rig.passwords.still_holds(&proven).is_err());
    assert!(rig.login("alice", None, &made, 20).await.is_err(), "no proof of it is cached");
    assert!(rig.login("alice", None, "right", 21).await.is_err(), "the account is slowed");
}

/// Guessing at a cached proof from where it was cached is slowed as well; other accounts there are not.
#[tokio::test]
async fn guesses_from_the_same_address_count() {
    let rig = Rig::new();
    let alice = rig.table.read().values().next().cloned().unwrap();
    let bob = Address::parse("bob@example.org").unwrap();
    rig.table.write().insert(bob.clone(), Entry { account: AccountId(8), address: bob, ..alice });
    rig.login("alice", None, "right", 1).await.unwrap();
    rig.login("bob", None, "right", 1).await.unwrap();
    for _ in 0..4 {
        rig.login("alice", None, "guess", 1).await.unwrap_err();
    }
    assert_eq!(rig.login("alice", None, "right", 1).await.unwrap_err().kind, ErrorKind::LimitReached);
    assert!(rig.login("bob", None, "right", 1).await.is_ok());
}

/// Who has an account and guesses at those of others is slowed, however often the own login is right.
#[tokio::test]
async fn who_has_an_account_cannot_spray_guesses_from_one_address() {
    let rig = Rig::new();
    for n in 0..3 {
        rig.add(&format!("mallory{n}"), 100 + n);
    }
    for n in 0..3 {
        let guess = rig.login(&format!("victim{n}"), None, "guess", 9).await.unwrap_err();
        assert_eq!(guess.kind, ErrorKind::AuthenticationFailed);
        // An own login that is not cached.
        rig.login(&format!("mallory{n}"), None, "right", 9).await.unwrap();
    }
    rig.login("victim3", None, "guess", 9).await.unwrap_err();
    assert_eq!(rig.login("victim4", None, "guess", 9).await.unwrap_err().kind, ErrorKind::LimitReached);
}

/// The webmail on this host is one address for everybody who uses it.
#[tokio::test]
async fn failures_from_this_host_slow_their_account_alone() {
    let rig = Rig::new();
    rig.add("bob", 8);
    let login = async |name: &str, password: &[u8], peer: &str| {
        let password = Secret::new(password.to_vec());
        let credentials = Credentials { access: Access::Imap, authcid: name.into(), authzid: None, password };
        rig.passwords.check(&credentials, peer.parse().unwrap()).await.map_err(|error| error.kind)
    };
    for peer in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
        for n in 0..4 {
            login(&format!("{peer} {n}"), b"guess", peer).await.unwrap_err();
        }
    }
    for _ in 0..4 {
        assert_eq!(login("bob", b"guess", "127.0.0.1").await.err(), Some(ErrorKind::AuthenticationFailed));
    }
    assert_eq!(login("bob", b"right", "127.0.0.1").await.err(), Some(ErrorKind::LimitReached));
    assert_eq!(login("bob", b"right", "10.0.0.1").await.err(), Some(ErrorKind::LimitReached));
    assert!(login("alice", b"right", "127.0.0.1").await.is_ok());
    // Nothing is shared where the setting says so.
    let config = AuthConfig { failures_shared: Vec::new(), ..config() };
    rig.passwords.take(Settings::of(&config).unwrap());
    for n in 0..4 {
        login(&format!("nobody {n}"), b"guess", "127.0.0.1").await.unwrap_err();
    }
    assert_eq!(login("nobody", b"guess", "127.0.0.1").await.err(), Some(ErrorKind::LimitReached));
}
