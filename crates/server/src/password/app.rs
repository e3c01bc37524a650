//! App passwords: one for each client, made here, so that a client that is lost can be locked out alone.
//!
//! Each is 25 random letters of 32, that is 125 bits: whoever steals the hashes cannot try that many, so a
//! fast hash is enough and a login costs nothing. They come through LOGIN and PLAIN. Not through SCRAM: its
//! salt goes out before the server knows which client, and so which of the passwords, it is.

use koi_mailbox::{AppPassword, AppPasswordUse};
use koi_types::AccountId;
use parking_lot::Mutex;
use subtle::ConstantTimeEq as _;

use super::tally;

/// None that is mistaken for another.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const LETTERS: usize = 25;
const GROUP: usize = 5;

/// What was used since it was last written down; bounded by what exists.
#[derive(Default)]
pub(super) struct Uses(Mutex<std::collections::HashMap<[u8; 32], AppPasswordUse>>);

impl Uses {
    pub(super) fn add(&self, account: AccountId, password: &AppPassword) {
        let (number, hash) = (password.number, password.record.hash);
        let used = AppPasswordUse { account, number, hash, at: crate::clock::now() };
        self.0.lock().insert(hash, used);
    }
    pub(super) fn take(&self) -> Vec<AppPasswordUse> {
        std::mem::take(&mut *self.0.lock()).into_values().collect()
    }
}

/// A new one, in groups that a person can type.
#[must_use]
pub fn generate() -> String {
    let octets: [u8; LETTERS] = crate::clock::random();
    let letters = octets.map(|o| char::from(ALPHABET.get(usize::from(o % 32)).copied().unwrap_or(b'a')));
    let groups: Vec<String> = letters.chunks(GROUP).map(String::from_iter).collect();
    groups.join("-")
}

/// What is stored of it; `None` when this cannot be an app password. Case, blanks and `-` do not matter.
#[must_use]
pub fn hash(account: AccountId, password: &[u8]) -> Option<[u8; 32]> {
    tally::did("app password");
    let mut letters = [0; LETTERS];
    let mut count = 0;
    for octet in password.iter().filter(|o| !matches!(o, b'-' | b' ')) {
        let letter = octet.to_ascii_lowercase();
        if !ALPHABET.contains(&letter) {
            return None;
        }
        *letters.get_mut(count)? = letter;
        count += 1;
    }
    (count == LETTERS).then(|| {
        let mut hasher = blake3::Hasher::new_derive_key("koi 2026-11-22 app password of an account");
        hasher.update(&account.0.to_be_bytes()).update(&letters);
        *hasher.finalize().as_bytes()
    })
}

/// Which of an account's this is.
pub(super) fn find<'a>(all: &'a [AppPassword], hash: &[u8; 32]) -> Option<&'a AppPassword> {
    // All are looked at, so that the time does not tell which.
    let mut found = None;
    for one in all {
        if bool::from(one.record.hash.ct_eq(hash)) {
            found = Some(one);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_and_recognised_however_it_is_typed() {
        let made = generate();
        assert_eq!(made.len(), 29);
        assert_ne!(made, generate());
        let account = AccountId(1);
        let wanted = hash(account, made.as_bytes()).unwrap();
        for typed in [made.replace('-', ""), made.replace('-', " "), made.to_uppercase()] {
            assert_eq!(hash(account, typed.as_bytes()), Some(wanted), "{typed}");
        }
        assert_ne!(hash(AccountId(2), made.as_bytes()), Some(wanted), "of one account only");
        for other in [&made[1..], &format!("{made}a"), "", "geheim", &"o".repeat(25), &"\u{e4}".repeat(25)] {
            assert_eq!(hash(account, other.as_bytes()), None, "{other}");
        }
    }
}
