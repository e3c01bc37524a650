//! Logins, cached proofs, the throttle: against a table of verifiers.

//! What a cached proof, a throttle and the pool of password threads promise.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use koi_sessions::{Mechanism, Secret};

use super::*;

pub(super) fn config() -> AuthConfig {
    let text = "[server]\nhostname='h'\ndomains=['d']\n[listen]\nlmtp=['[::1]:24']\n[auth]\n\
                argon2_memory_kib=8192\nargon2_passes=1\nfailures_free=3\nfailure_wait_secs_max=0\n";
    let raw = crate::config::raw::parse(std::path::Path::new("koi.toml"), text).unwrap();
    crate::config::resolve::resolve(&raw).unwrap().auth
}

struct Table(Arc<RwLock<HashMap<Address, String>>>);

impl Directory for Table {
    fn verifier(&self, address: &Address) -> Result<Option<Entry>> {
        let table = self.0.read();
        let entry =
            |v: &String| Entry { account: AccountId(7), address: address.clone(), verifier: v.clone() };
        Ok(table.get(address).map(entry))
    }
}

struct Rig {
    passwords: Passwords,
    table: Arc<RwLock<HashMap<Address, String>>>,
    metrics: Arc<Metrics>,
}

impl Rig {
    fn new() -> Self {
        let table: Arc<RwLock<HashMap<Address, String>>> = Arc::default();
        let metrics: Arc<Metrics> = Arc::default();
        let directory = Box::new(Table(Arc::clone(&table)));
        let passwords = Passwords::new(directory, "example.org", &config(), Arc::clone(&metrics)).unwrap();
        let rig = Self { passwords, table, metrics };
        rig.set("right");
        rig
    }
    fn set(&self, password: &str) {
        let cost = Cost { memory_kib: 64, passes: 1 };
        let verifier = verifier::make(cost, password.as_bytes(), &mut Vec::new()).unwrap();
        self.table.write().insert(Address::parse("alice@example.org").unwrap(), verifier);
    }
    async fn login(&self, authcid: &str, authzid: Option<&str>, password: &str, peer: u8) -> Result<Proven> {
        let credentials = Credentials {
            mechanism: Mechanism::Plain,
            authcid: authcid.into(),
            authzid: authzid.map(Into::into),
            password: Secret::new(password.as_bytes().to_vec()),
        };
        self.passwords.check(&credentials, IpAddr::from([10, 0, 0, peer])).await
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
    assert!(rig.passwords.still_holds(&before.login.address, &before.verifier).is_err());
    assert!(rig.login("alice", None, "other", 1).await.is_ok());
}

#[tokio::test]
async fn every_wrong_login_gets_the_same_answer() {
    let rig = Rig::new();
    let wrong = rig.login("alice", None, "wrong", 1).await.unwrap_err();
    let unknown = rig.login("nobody@example.net", None, "right", 2).await.unwrap_err();
    let nonsense = rig.login("\0@", None, "right", 3).await.unwrap_err();
    let as_other = rig.login("alice", Some("bob"), "right", 4).await.unwrap_err();
    for error in [unknown, nonsense, as_other] {
        assert_eq!(error.to_string(), wrong.to_string());
        assert_eq!(error.kind, wrong.kind);
    }
    assert!(rig.login("alice", Some("alice@example.org"), "right", 1).await.is_ok(), "as oneself is allowed");
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
