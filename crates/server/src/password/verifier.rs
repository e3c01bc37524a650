//! Verifiers: Argon2id in the PHC string form (RFC 9106 §3.1), salted with 16 random octets; and the keys of
//! SCRAM (RFC 5802 §3). docs/LOGIN.md says what each costs somebody who has stolen it.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use koi_mailbox::ScramRecord;
use koi_proto::sasl::saslprep;
use koi_proto::sasl::scram::keys::SALT_OCTETS;
use koi_proto::sasl::scram::{SaltedPassword, ScramKeys};
use koi_types::{ErrorKind, MailError, Result};
use subtle::ConstantTimeEq as _;

use crate::config::AuthConfig;

/// Octets of a hash.
const HASH_OCTETS: usize = 32;
/// A stored verifier that asks for more memory than this is refused, not computed.
const MEMORY_KIB_MAX: u32 = 4 * 1024 * 1024;

/// What SCRAM logins of one account are checked with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScramVerifier {
    pub salt: [u8; SALT_OCTETS],
    pub iterations: u32,
    pub keys: ScramKeys,
}

impl From<ScramRecord> for ScramVerifier {
    fn from(stored: ScramRecord) -> Self {
        let ScramRecord { salt, iterations, stored_key, server_key } = stored;
        Self { salt, iterations, keys: ScramKeys { stored_key, server_key } }
    }
}

impl From<ScramVerifier> for ScramRecord {
    fn from(made: ScramVerifier) -> Self {
        let ScramKeys { stored_key, server_key } = made.keys;
        Self { salt: made.salt, iterations: made.iterations, stored_key, server_key }
    }
}

impl ScramVerifier {
    /// Of a password that [`prepare`] was through.
    #[must_use]
    pub fn make(prepared: &str, salt: [u8; SALT_OCTETS], iterations: u32) -> Self {
        let salted = SaltedPassword::new(prepared.as_bytes(), &salt, iterations);
        Self { salt, iterations, keys: ScramKeys::new(&salted) }
    }
}

/// The form a new password is stored in (RFC 4013 §2): the same octets from every keyboard.
pub fn prepare(password: &str) -> Result<String> {
    let refused = |text| MailError::new(ErrorKind::InvalidInput, text);
    let prohibited = "the password holds characters that mail clients cannot be relied on to send alike: \
                      leave out control characters, emoji, and letters of both writing directions in one";
    let prepared = saslprep(password).ok_or_else(|| refused(prohibited))?;
    if prepared.is_empty() {
        return Err(refused("the password is empty"));
    }
    Ok(prepared.into_owned())
}

/// What a hash costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cost {
    pub memory_kib: u32,
    pub passes: u32,
}

impl Cost {
    #[must_use]
    pub fn of(config: &AuthConfig) -> Self {
        Self { memory_kib: config.argon2_memory_kib, passes: config.argon2_passes }
    }
}

/// The verifier of a password. `memory` is scratch that may be kept for the next call.
pub fn make(cost: Cost, password: &[u8], memory: &mut Vec<Block>) -> Result<String> {
    let params = Params::new(cost.memory_kib, cost.passes, 1, Some(HASH_OCTETS)).map_err(failed)?;
    let salt: [u8; 16] = crate::clock::random();
    let hash = compute(&params, password, &salt, memory)?;
    let phc = PasswordHash {
        algorithm: argon2::ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).map_err(failed)?,
        salt: Some(Salt::new(&salt).map_err(failed)?),
        hash: Some(Output::new(&hash).map_err(failed)?),
    };
    Ok(phc.to_string())
}

/// Whether the password is the verifier's. Anything but an Argon2id verifier is `Corrupt`.
pub fn check(verifier: &str, password: &[u8], memory: &mut Vec<Block>) -> Result<bool> {
    let corrupt = || MailError::new(ErrorKind::Corrupt, "The account's password record cannot be read");
    let phc = PasswordHash::new(verifier).map_err(|_| corrupt())?;
    let params = Params::try_from(&phc).map_err(|_| corrupt())?;
    let (Some(salt), Some(expected)) = (phc.salt, phc.hash) else { return Err(corrupt()) };
    if phc.algorithm != argon2::ARGON2ID_IDENT
        || params.m_cost() > MEMORY_KIB_MAX
        || expected.len() != HASH_OCTETS
    {
        return Err(corrupt());
    }
    let hash = compute(&params, password, salt.as_ref(), memory)?;
    Ok(hash.ct_eq(expected.as_bytes()).into())
}

fn compute(
    params: &Params,
    password: &[u8],
    salt: &[u8],
    memory: &mut Vec<Block>,
) -> Result<[u8; HASH_OCTETS]> {
    memory.resize(params.block_count(), Block::new());
    let mut hash = [0u8; HASH_OCTETS];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
        .hash_password_into_with_memory(password, salt, &mut hash, memory)
        .map_err(failed)?;
    Ok(hash)
}

fn failed(error: impl std::fmt::Display) -> MailError {
    MailError::new(ErrorKind::Internal, "Cannot hash the password").context(error)
}

/// A password for a person to type: 20 letters and digits that are not mistaken for one another (99 bits).
#[must_use]
pub fn generate() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let octets: [u8; 20] = crate::clock::random();
    let mut text = String::with_capacity(24);
    for (i, octet) in octets.iter().enumerate() {
        if i > 0 && i % 5 == 0 {
            text.push('-');
        }
        text.push(char::from(LETTERS.get(usize::from(octet % 32)).copied().unwrap_or(b'x')));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1 };

    #[test]
    fn only_the_right_password_fits() {
        let mut memory = Vec::new();
        let verifier = make(CHEAP, b"geheim", &mut memory).unwrap();
        assert!(verifier.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{verifier}");
        assert!(check(&verifier, b"geheim", &mut memory).unwrap());
        assert!(!check(&verifier, b"Geheim", &mut memory).unwrap());
        assert_ne!(verifier, make(CHEAP, b"geheim", &mut memory).unwrap(), "salted");
    }

    #[test]
    fn a_known_verifier_of_another_implementation_fits() {
        // Made with Debian's `argon2`: echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1 -l 32 -e
        let known = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(check(known, b"password", &mut Vec::new()).unwrap());
    }

    #[test]
    fn what_is_no_argon2id_is_corrupt() {
        for bad in
            ["", "x", "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"]
        {
            assert_eq!(check(bad, b"x", &mut Vec::new()).unwrap_err().kind, ErrorKind::Corrupt, "{bad}");
        }
    }

    #[test]
    fn generated_passwords_differ_and_are_typable() {
        let password = generate();
        assert_eq!(password.len(), 23);
        assert_ne!(password, generate());
        assert!(password.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
    }

    /// What one guess costs somebody who has stolen the folder; docs/LOGIN.md has the figures.
    #[test]
    fn what_a_guess_costs() {
        use std::io::Write as _;
        use std::time::{Duration, Instant};
        let cost = Cost { memory_kib: 19_456, passes: 2 };
        let measure = |rounds: u32, guess: &mut dyn FnMut()| {
            let began = Instant::now();
            (0..rounds).for_each(|_| guess());
            began.elapsed() / rounds
        };
        let mut memory = Vec::new();
        let argon2 = measure(3, &mut || drop(make(cost, b"guess", &mut memory)));
        let scram = measure(3, &mut || drop(ScramVerifier::make("guess", [1; SALT_OCTETS], 100_000)));
        let made = crate::password::app::generate();
        let account = koi_types::AccountId(1);
        let app = measure(1000, &mut || {
            std::hint::black_box(crate::password::app::hash(account, made.as_bytes()));
        });
        let line =
            format!("suite: a guess: Argon2id {argon2:?}, SCRAM keys {scram:?}, app password {app:?}\n");
        let _ = std::io::stderr().write_all(line.as_bytes());
        assert!(argon2 > Duration::from_millis(3) && scram > Duration::from_millis(3), "{line}");
        assert!(app < Duration::from_millis(1), "{line}");
    }
}
