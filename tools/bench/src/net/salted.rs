//! What a mail client keeps of its password for SCRAM: the result of PBKDF2 for a salt and a count (RFC 5802
//! §5.1), so that a login costs it nothing as long as the server's salt stays the same.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use koi_proto::sasl::scram::SaltedPassword;

/// More salts than this are those of a server that makes them up: nothing is kept.
const SALTS_MAX: usize = 1_000;

/// One client with one password.
pub(crate) struct Salted {
    password: &'static str,
    known: HashMap<Vec<u8>, SaltedPassword>,
}

impl Salted {
    /// A client that has not logged in yet.
    pub(crate) fn new(password: &'static str) -> Self {
        Self { password, known: HashMap::new() }
    }
    /// Never the same twice.
    pub(crate) fn nonce(&self) -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }
    /// From memory, or computed.
    pub(crate) fn of(&mut self, salt: &[u8], iterations: u32) -> SaltedPassword {
        if self.known.len() >= SALTS_MAX {
            self.known.clear();
        }
        let mut key = salt.to_vec();
        key.extend_from_slice(&iterations.to_be_bytes());
        let made = || SaltedPassword::new(self.password.as_bytes(), salt, iterations);
        self.known.entry(key).or_insert_with(made).clone()
    }
}
